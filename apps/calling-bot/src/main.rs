//! `offhook-calling-bot`: the calling bot as a program of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use offhook_bot::Private;
use offhook_calling_bot::{Config, limits, start};

/// A bot that answers calls, records a message and plays it back.
///
/// Against a platform of your own say `--platform`; against Microsoft's cloud leave it out.
#[derive(Parser)]
#[command(name = "offhook-calling-bot", version)]
struct Arguments {
    /// Where to listen; port 0 picks a free one
    #[arg(long, env = "CALLING_BOT_LISTEN", default_value = "127.0.0.1:3978")]
    listen: SocketAddr,
    /// Where the platform reaches the bot [default: http:// and the address it listens at]
    #[arg(long, env = "CALLING_BOT_BASE_URL", value_name = "URL")]
    base_url: Option<String>,
    /// The bot's app id
    #[arg(long, env = "CALLING_BOT_APP_ID", value_name = "GUID")]
    app_id: String,
    /// The bot's secret; better in the environment, where other users of the machine cannot see it
    #[arg(long, env = "CALLING_BOT_SECRET", hide_env_values = true)]
    secret: String,
    /// The bot's tenant
    #[arg(long, env = "CALLING_BOT_TENANT", value_name = "GUID")]
    tenant: String,
    /// The address of a platform of your own, such as https://127.0.0.1:8443
    #[arg(long, env = "CALLING_BOT_PLATFORM", value_name = "URL")]
    platform: Option<String>,
    /// The calls API with its version, if it is not at the platform's address
    #[arg(long, env = "CALLING_BOT_GRAPH", value_name = "URL")]
    graph: Option<String>,
    /// Where tokens are granted, if not at the platform's address
    #[arg(long, env = "CALLING_BOT_LOGIN", value_name = "URL")]
    login: Option<String>,
    /// The metadata of who signs notifications, if not at the platform's address
    #[arg(long, env = "CALLING_BOT_METADATA", value_name = "URL")]
    metadata: Option<String>,
    /// Who may sign notifications; can be repeated [default: the two of Microsoft's cloud]
    #[arg(
        long = "issuer",
        env = "CALLING_BOT_ISSUERS",
        value_delimiter = ',',
        value_name = "URL"
    )]
    issuers: Vec<String>,
    /// The platform's certificate authority, PEM; when given, no other is believed
    #[arg(long, env = "CALLING_BOT_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Where messages lie while they are played back
    #[arg(
        long,
        env = "CALLING_BOT_DATA",
        value_name = "DIR",
        default_value = "calling-bot-data"
    )]
    data: PathBuf,
    /// How long a message may be, in seconds
    #[arg(long, env = "CALLING_BOT_SECONDS", value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(1..=120),
          default_value_t = limits::MESSAGE_LASTS.as_secs())]
    seconds: u64,
    /// How many messages a caller may leave in one call
    #[arg(long, env = "CALLING_BOT_ROUNDS", value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..),
          default_value_t = limits::ROUNDS)]
    rounds: u32,
}

impl Arguments {
    fn config(self) -> Config {
        let mut config = Config::new(self.app_id, "", self.tenant, self.data);
        config.secret = Private::new(self.secret);
        if let Some(platform) = &self.platform {
            config = config.on(platform);
        }
        config.graph_base = self.graph.unwrap_or(config.graph_base);
        config.login_base = self.login.unwrap_or(config.login_base);
        config.metadata_url = self.metadata.unwrap_or(config.metadata_url);
        config.listen = self.listen;
        config.base_url = self.base_url;
        config.issuers = (!self.issuers.is_empty()).then_some(self.issuers);
        config.ca_file = self.ca_file;
        config.message_lasts = Duration::from_secs(self.seconds);
        config.rounds = self.rounds;
        config
    }
}

#[tokio::main]
#[allow(
    clippy::print_stderr,
    reason = "the one sentence of a program that cannot start"
)]
async fn main() -> ExitCode {
    let config = Arguments::parse().config();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let bot = match start(config).await {
        Ok(bot) => bot,
        Err(fault) => {
            eprintln!("offhook-calling-bot: {fault}");
            return ExitCode::from(2);
        }
    };
    asked_to_stop().await;
    tracing::info!("leaving");
    bot.stop().await;
    ExitCode::SUCCESS
}

/// Until Ctrl-C, or what a service manager sends.
async fn asked_to_stop() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    let _ = interrupted.await;
}
