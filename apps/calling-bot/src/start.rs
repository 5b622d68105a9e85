//! Starting and stopping.

use std::future::IntoFuture;
use std::net::SocketAddr;

use offhook_bot::{GraphClient, GraphConfig, NotificationRouter, RouterConfig, SetupFault};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::bot::CallingBot;
use crate::limits::{STOP_WITHIN, SWEEP_EVERY};
use crate::messages::Messages;
use crate::{CALLBACK_PATH, Config, prompts};

/// Why the bot cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartFault {
    /// The address is taken or not ours.
    #[error("cannot listen at {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// The folder for messages cannot be used.
    #[error("cannot use the data folder {0}: {1}")]
    Data(String, std::io::Error),
    /// A message would be shorter or longer than the API records.
    #[error("a message lasts 1 to 120 seconds, not {0}")]
    MessageLength(u64),
    /// An address or the certificate authority is wrong.
    #[error(transparent)]
    Setup(#[from] SetupFault),
}

/// A running bot. Stop it to leave its calls politely; dropping it stops it at once.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub addr: SocketAddr,
    /// Where the platform reaches it; the webhook to register is this and [`CALLBACK_PATH`].
    pub base_url: String,
    stopping: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Running {
    /// The webhook to register.
    pub fn callback_url(&self) -> String {
        format!("{}{CALLBACK_PATH}", self.base_url)
    }

    /// Takes no more calls, leaves those there are, and deletes what is left of them.
    pub async fn stop(mut self) {
        self.stopping.cancel();
        for task in self.tasks.drain(..) {
            let abort = task.abort_handle();
            if tokio::time::timeout(STOP_WITHIN, task).await.is_err() {
                abort.abort();
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Starts the bot where its configuration says.
pub async fn start(config: Config) -> Result<Running, StartFault> {
    let listener = TcpListener::bind(config.listen).await;
    let listener = listener.map_err(|error| StartFault::Listen(config.listen, error))?;
    start_on(listener, config).await
}

/// Starts the bot on a listener that is there already, for those who must know the address first.
pub async fn start_on(listener: TcpListener, config: Config) -> Result<Running, StartFault> {
    if !(1..=120).contains(&config.message_lasts.as_secs()) {
        return Err(StartFault::MessageLength(config.message_lasts.as_secs()));
    }
    let listens_at = listener.local_addr();
    let addr = listens_at.map_err(|error| StartFault::Listen(config.listen, error))?;
    let base_url = match &config.base_url {
        Some(base) => base.trim_end_matches('/').to_owned(),
        None => format!("http://{addr}"),
    };
    url::Url::parse(&base_url).map_err(|_| SetupFault::Address(base_url.clone()))?;

    let graph = GraphClient::new(GraphConfig {
        base: config.graph_base.clone(),
        login: config.login_base.clone(),
        ca_file: config.ca_file.clone(),
        ..GraphConfig::new(&config.app_id, config.secret.reveal(), &config.tenant)
    })?;
    let mut router = RouterConfig {
        path: CALLBACK_PATH.into(),
        metadata_url: config.metadata_url.clone(),
        ca_file: config.ca_file.clone(),
        ..RouterConfig::new(&config.app_id)
    };
    if let Some(issuers) = &config.issuers {
        router.rules.issuers.clone_from(issuers);
    }
    let messages = Messages::open(&config.data_dir)
        .map_err(|error| StartFault::Data(config.data_dir.display().to_string(), error))?;

    let contexts = graph.contexts();
    let bot = CallingBot::new(&config, graph, messages.clone(), base_url.clone());
    let router = NotificationRouter::new(router, contexts, bot.clone())?;

    let routes = router
        .routes()
        .merge(prompts::routes())
        .merge(messages.routes());
    let stopping = CancellationToken::new();
    let tasks = vec![
        tokio::spawn(serve(
            listener,
            routes,
            bot.clone(),
            router,
            stopping.clone(),
        )),
        tokio::spawn(sweep(bot, stopping.clone())),
    ];
    tracing::info!(%addr, base_url, "the calling bot listens");
    Ok(Running {
        addr,
        base_url,
        stopping,
        tasks,
    })
}

/// Serves until asked to stop, then leaves the calls while it still serves: their ends are told
/// to the address that is about to close.
async fn serve(
    listener: TcpListener,
    routes: axum::Router,
    bot: CallingBot,
    router: NotificationRouter<CallingBot>,
    stopping: CancellationToken,
) {
    let left = CancellationToken::new();
    let server = axum::serve(listener, routes)
        .with_graceful_shutdown(left.clone().cancelled_owned())
        .into_future();
    let leave = async {
        stopping.cancelled().await;
        bot.close().await;
        router.drain().await;
        left.cancel();
    };
    let (served, ()) = tokio::join!(server, leave);
    if let Err(error) = served {
        tracing::error!(%error, "the calling bot stopped serving");
    }
}

async fn sweep(bot: CallingBot, stopping: CancellationToken) {
    let mut due = interval(SWEEP_EVERY);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stopping.run_until_cancelled(due.tick()).await.is_some() {
        bot.sweep().await;
    }
}
