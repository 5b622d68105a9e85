//! `offhook check`: is a configuration good?

use std::path::PathBuf;

use clap::Args;
use offhook_server::config::Config;

/// Say whether a configuration is good, without starting anything.
#[derive(Args)]
pub(crate) struct Check {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

impl Check {
    #[allow(clippy::print_stdout, reason = "the answer to what was asked")]
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let config = Config::load(Some(&self.config), [])?;
        println!(
            "{} is good: {} bot(s), {} person(s), {} trunk(s), http {}, https {}, sip {}",
            self.config.display(),
            config.bots.len(),
            config.people.len(),
            config.trunks.len(),
            config.http.listen,
            if config.https.enabled {
                config.https.listen.to_string()
            } else {
                "off".to_owned()
            },
            config.sip.listen,
        );
        Ok(())
    }
}
