//! What the bot needs to know.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use offhook_bot::{GraphConfig, Private};

use crate::limits::{DOWNLOAD_AGAIN_AFTER, MESSAGE_LASTS, ROUNDS};

/// What the bot needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Where the platform reaches the bot; `http://` and the address it listens at if not said.
    pub base_url: Option<String>,
    /// The bot's app id.
    pub app_id: String,
    /// Its secret.
    pub secret: Private<String>,
    /// Its tenant.
    pub tenant: String,
    /// The calls API with its version, such as `https://graph.microsoft.com/v1.0`.
    pub graph_base: String,
    /// Where tokens are granted, such as `https://login.microsoftonline.com`.
    pub login_base: String,
    /// Where the metadata of who signs notifications is.
    pub metadata_url: String,
    /// Who may sign notifications, if not the usual two.
    pub issuers: Option<Vec<String>>,
    /// The certificate authority of the platform, PEM. When given, no other is believed.
    pub ca_file: Option<PathBuf>,
    /// Where messages lie while they are played back. A folder of the bot's own.
    pub data_dir: PathBuf,
    /// How long a message may be: 1 to 120 seconds.
    pub message_lasts: Duration,
    /// How many messages a caller may leave in one call.
    pub rounds: u32,
    /// The wait between two tries of a download.
    pub download_again_after: Duration,
}

impl Config {
    /// A bot of Microsoft's cloud, listening on loopback.
    pub fn new(
        app_id: impl Into<String>,
        secret: impl Into<String>,
        tenant: impl Into<String>,
        data_dir: impl Into<PathBuf>,
    ) -> Self {
        let cloud = GraphConfig::new(app_id, secret, tenant);
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 3978)),
            base_url: None,
            app_id: cloud.app_id,
            secret: cloud.secret,
            tenant: cloud.tenant,
            graph_base: cloud.base,
            login_base: cloud.login,
            metadata_url: "https://api.aps.skype.com/v1/.well-known/OpenIdConfiguration".into(),
            issuers: None,
            ca_file: None,
            data_dir: data_dir.into(),
            message_lasts: MESSAGE_LASTS,
            rounds: ROUNDS,
            download_again_after: DOWNLOAD_AGAIN_AFTER,
        }
    }

    /// The same bot on a platform of one's own, at its one address.
    #[must_use]
    pub fn on(mut self, platform: &str) -> Self {
        let platform = platform.trim_end_matches('/');
        self.graph_base = format!("{platform}/v1.0");
        self.login_base = platform.to_owned();
        self.metadata_url = format!("{platform}/v1/.well-known/OpenIdConfiguration");
        self
    }
}
