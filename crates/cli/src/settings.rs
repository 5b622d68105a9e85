//! The settings that can be given on the command line, for `demo` and `serve` alike.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use offhook_server::config::Config;

/// Settings of the command line. They win over the environment and the configuration file.
#[derive(Args)]
pub(crate) struct Settings {
    /// Where to serve HTTP; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    http: Option<SocketAddr>,
    /// Where to serve HTTPS; port 0 takes a free one [default: 127.0.0.1:8443]
    #[arg(long, value_name = "ADDR:PORT")]
    https: Option<SocketAddr>,
    /// Where to serve SIP, UDP and TCP; port 0 takes a free one [default: 127.0.0.1:5060]
    #[arg(long, value_name = "ADDR:PORT")]
    sip: Option<SocketAddr>,
    /// UDP ports for audio, two a call [default: 20000-29999]
    #[arg(long, value_name = "FROM-TO")]
    rtp_ports: Option<String>,
    /// The folder for everything that is kept [default: offhook-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Threads that move audio [default: half of the cores, at least one]
    #[arg(long, value_name = "N")]
    media_threads: Option<usize>,
    /// Once everything listens, write what listens where to this file, as JSON with the secrets
    #[arg(long, value_name = "PATH")]
    pub(crate) ready_file: Option<PathBuf>,
}

impl Settings {
    /// The whole configuration: command line, environment, file, defaults, in that order.
    pub(crate) fn load(&self, file: Option<&Path>) -> anyhow::Result<Config> {
        let text = |value: &dyn ToString| value.to_string();
        let overrides = [
            ("http.listen", self.http.as_ref().map(|at| text(at))),
            ("https.listen", self.https.as_ref().map(|at| text(at))),
            ("sip.listen", self.sip.as_ref().map(|at| text(at))),
            ("media.rtp_ports", self.rtp_ports.clone()),
            (
                "data.dir",
                self.data.as_ref().map(|dir| dir.display().to_string()),
            ),
            (
                "media.threads",
                self.media_threads.as_ref().map(|n| text(n)),
            ),
        ];
        let given = overrides
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)));
        Ok(Config::load(file, given)?)
    }
}
