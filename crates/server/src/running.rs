//! Starting the platform, and stopping it.
//!
//! Every door is opened before anything is served, so that a taken port is one sentence and nothing
//! is half-started.

use std::fs::{File, TryLockError};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use offhook_workplace::Month;
use tokio::task::JoinSet;

use crate::broker::{self, Broker};
use crate::channel::Channel;
use crate::config::Config;
use crate::graph::{Graph, Wording};
use crate::http::{Doors, Serving, Tls};
use crate::login::Login;
use crate::monthly::Monthly;
use crate::observe::{Check, MoreMetrics, Observe, Pulse};
use crate::outbox::Outboxes;
use crate::platform::Platform;
use crate::prompts::{Prompts, Speaker};
use crate::registry::Registry;
use crate::sip::{Dialler, Trunks};
use crate::store::{Recordings, Refusal, Store};
use crate::switchboard::Switchboard;
use crate::tapes::{Tapes, TapesError};
use crate::workplace::{Meetings, Workplace};
use crate::{clock, counters, http, login, media, outgoing, sip, store, tapes};

/// How often what is due is looked for: old recordings, keys and certificates.
const HOUSEKEEPING_EVERY: Duration = Duration::from_secs(1);

/// How often the drain looks whether the last call is over.
const DRAIN_LOOK: Duration = Duration::from_millis(20);

/// Why the platform did not start, in one sentence that says what to change.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct StartError(#[from] Trouble);

#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Folder(#[from] store::FolderError),
    #[error(transparent)]
    Store(#[from] store::StoreError),
    #[error(transparent)]
    Tapes(#[from] TapesError),
    #[error(transparent)]
    Registry(#[from] crate::registry::RegistryError),
    #[error(transparent)]
    Tls(#[from] http::TlsError),
    #[error(transparent)]
    Trust(#[from] outgoing::TrustError),
    #[error(transparent)]
    Door(#[from] http::DoorError),
    #[error("SIP: {0} (--sip ADDR:PORT or sip.listen)")]
    Sip(String),
    #[error(
        "{0}: another platform is running in this data folder; stop it, or choose another with --data DIR or data.dir"
    )]
    DataInUse(PathBuf),
    #[error("{0}: the data folder cannot be locked ({1})")]
    NotLocked(PathBuf, std::io::Error),
    #[error(transparent)]
    Login(#[from] login::LoginError),
    #[error("the threads that move audio cannot be started ({0}): fewer media.threads may help")]
    Media(std::io::Error),
}

/// A running platform. Dropping it stops it at once; [`Running::stop`] lets calls end first.
pub struct Running {
    platform: Arc<Platform>,
    observe: Arc<Observe>,
    sip: offhook_sip::Endpoint,
    serving: Serving,
    tasks: JoinSet<()>,
    http: SocketAddr,
    https: Option<SocketAddr>,
    ca_file: PathBuf,
    data: PathBuf,
    /// Held for as long as we run: two platforms in one folder would delete each other's files.
    _lock: File,
    public_url: String,
    sip_domain: String,
}

/// Starts the platform.
///
/// # Errors
/// When a door cannot be opened or the data folder cannot be used; nothing runs then.
pub async fn start(config: Config) -> Result<Running, StartError> {
    Ok(open(config).await?)
}

async fn open(config: Config) -> Result<Running, Trouble> {
    // Whoever is told where something lies may be in another folder.
    let data = std::path::absolute(&config.data.dir).unwrap_or_else(|_| config.data.dir.clone());
    let now = clock::wall();
    store::open_folder(&data)?;
    let lock = lock_folder(&data)?;
    let registry = Arc::new(Registry::open(&config, &data)?);
    let tls = Arc::new(Tls::open(&config, &data, now)?);
    let doors = Doors::open(&config, &tls).await?;
    let (endpoint, arrivals) = offhook_sip::listen(
        sip::endpoint_config(&config, &registry, tls.authority()).map_err(Trouble::Sip)?,
    )
    .await
    .map_err(|why| Trouble::Sip(why.to_string()))?;
    let sip_host = host_of(endpoint.advertised()).to_owned();
    let bind = endpoint.local_addr().ip();
    let advertised = audio_address(bind, &sip_host);
    let (media, notices) = media::Host::start(&config, bind, advertised).map_err(Trouble::Media)?;

    let store = Store::open(&data).await?;
    let base = doors.base(&config);
    let login = Login::open(
        config.login.clone(),
        base.clone(),
        Arc::clone(&registry),
        store.clone(),
        now,
    )
    .await?;
    let retention = config.graph.recording_retention;
    let seal = tapes::seal_of(&config.recordings)?;
    let recordings = Recordings::open(
        store.clone(),
        &data,
        retention,
        base.own().to_owned(),
        seal.clone(),
    )
    .await?;
    let wording = Wording {
        status: config.graph.status_spelling,
        recordings: Arc::clone(&recordings),
        registry: Arc::clone(&registry),
        disorder: match config.graph.notifications {
            crate::config::Notifications::Ordered => None,
            crate::config::Notifications::AsObserved => Some(config.graph.notifications_seed),
        },
    };
    let trust = outgoing::trust(tls.authority().certificate(), &config.graph.trust)?;
    let clients = outgoing::clients(&registry, &trust);
    let means = tapes::Means {
        base: base.own().to_owned(),
        seal,
        login: Arc::clone(&login),
        answers: Arc::clone(&recordings),
        trust: Arc::clone(&trust),
    };
    let tapes = Tapes::open(&config.recordings, &data, &store, means).await?;
    let prompts = Arc::new(Prompts::new(
        config.prompts.clone(),
        Arc::clone(&clients),
        Speaker::new(&config.speech),
    ));
    let switchboard = Switchboard::default();
    for bot in registry.bots() {
        if let Some(at_most) = bot.limits.calls_per_month {
            let now = clock::wall();
            let made = store.calls_made(bot.app, Month::of(now)).await?;
            switchboard.allow_monthly(bot.app, Monthly::new(at_most, made, now));
        }
    }
    let outboxes = Outboxes::new(
        &registry,
        &clients,
        Arc::clone(&login),
        store.clone(),
        switchboard.clone(),
        wording.clone(),
    );
    let broker = Broker::open(&config.broker, store.clone(), Arc::clone(&login)).await?;
    let domain = config.sip.domain.clone().unwrap_or(sip_host);
    let meetings = Meetings::new(store.clone(), config.workplace.clone());
    let graph = Arc::new(Graph::new(
        Arc::clone(&login),
        switchboard.clone(),
        outboxes.clone(),
        Arc::clone(&prompts),
        base.clone(),
        wording,
        Workplace::new(
            Arc::clone(&registry),
            meetings.clone(),
            store.clone(),
            config.workplace.clone(),
            domain.clone(),
        ),
    ));
    let trunks = Arc::new(Trunks::open(&config.trunks, &endpoint));
    let dialler = Dialler::new(
        endpoint.clone(),
        Arc::clone(&registry),
        Arc::clone(&trunks),
        &config.sip,
    );
    let channel = Channel::new(
        &registry,
        &clients,
        Arc::clone(&login),
        switchboard.clone(),
        Arc::clone(&prompts),
        (Arc::clone(&tapes), store.clone()),
        &base,
    );
    let counted = counted_elsewhere(
        &media,
        &endpoint,
        &switchboard,
        &outboxes,
        &channel,
        &trunks,
        &tapes,
    );
    let written = store.clone();
    let (signalling, audio) = (Pulse::default(), Pulse::default());
    let checks: Vec<(_, Check)> = vec![
        ("store", Box::new(move || written.trouble())),
        (
            "sip",
            signalling.check("calls from phones are no longer taken"),
        ),
        (
            "media",
            audio.check("what happens in the audio is no longer heard"),
        ),
    ];
    let observe = Observe::new(vec![counted], checks);
    let observe = Arc::new(observe.with_impaired(Box::new(move || trunks.impaired())));
    let platform = Arc::new(Platform {
        registry,
        switchboard: switchboard.clone(),
        media: Arc::clone(&media),
        prompts,
        recordings: Arc::clone(&recordings),
        tapes: Arc::clone(&tapes),
        outboxes,
        channel: channel.clone(),
        store,
        meetings,
        dialler,
        beep: offhook_media::Clip::beep(),
    });

    // Weak, because the platform holds the switchboard.
    let starting = Arc::downgrade(&platform);
    switchboard.start_with(move |new, callback| {
        if let Some(platform) = starting.upgrade() {
            platform.begin(new, callback);
        }
    });
    let router = http::router(
        &login,
        graph,
        channel,
        Arc::clone(&recordings),
        Arc::clone(&observe),
    )
    .merge(tapes::routes(Arc::clone(&tapes)))
    .merge(broker::routes(Arc::clone(&broker)));
    let (http, https) = (doors.http(), doors.https());
    let serving = doors.serve(router);
    let mut tasks = JoinSet::new();
    tasks.spawn(audio.of(notices.pump(media, switchboard)));
    tasks.spawn(signalling.of(sip::serve(Arc::clone(&platform), arrivals)));
    let history = platform
        .store
        .clone()
        .keep_history(config.data.history, clock::wall);
    tasks.spawn(history);
    let kept = config.workplace.meetings_kept;
    let meetings_kept = platform.store.clone().keep_meetings(kept, clock::wall);
    tasks.spawn(meetings_kept);
    tasks.spawn(Arc::clone(&tapes).run_errands());
    tasks.spawn(keep_house(
        recordings,
        tapes,
        broker,
        login,
        Arc::clone(&tls),
    ));
    let lost = platform.store.lost_legs().await?;
    platform.outboxes.revive(platform.channel.revive(lost));
    Ok(Running {
        sip_domain: domain,
        ca_file: tls.authority().file().to_owned(),
        public_url: base.own().to_owned(),
        platform,
        observe,
        sip: endpoint,
        serving,
        tasks,
        http,
        https,
        data,
        _lock: lock,
    })
}

/// Keeps a second platform out of the data folder. The system lets go of the lock when the process
/// ends, however it ends.
fn lock_folder(data: &Path) -> Result<File, Trouble> {
    let refused = |why| Trouble::NotLocked(data.to_owned(), why);
    let lock = File::create(data.join("lock")).map_err(refused)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(Trouble::DataInUse(data.to_owned())),
        Err(TryLockError::Error(why)) => Err(refused(why)),
    }
}

/// Looks after what gets old.
async fn keep_house(
    recordings: Arc<Recordings>,
    tapes: Arc<Tapes>,
    broker: Arc<Broker>,
    login: Arc<Login>,
    tls: Arc<Tls>,
) {
    let mut every = tokio::time::interval(HOUSEKEEPING_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let now = clock::wall();
        // Deleting many files takes a while, and others want this thread.
        let (answers, tapes) = (Arc::clone(&recordings), Arc::clone(&tapes));
        let sweep = move || {
            answers.sweep(now);
            tapes.sweep(now);
        };
        if tokio::task::spawn_blocking(sweep).await.is_err() {
            tracing::error!("a fault of ours kept old recordings from being deleted");
        }
        broker.sweep();
        tls.renew_if_due(now);
        if let Err(why) = login.rotate_if_due(now).await {
            tracing::error!(%why, "the signing key could not be replaced; the old one goes on");
        }
    }
}

/// What phones are told to send audio to: where signalling is. Behind an address that means *all
/// of this machine's* it is the one phones are told for signalling.
fn audio_address(sip: IpAddr, advertised: &str) -> IpAddr {
    if !sip.is_unspecified() {
        return sip;
    }
    advertised
        .trim_matches(['[', ']'])
        .parse()
        .unwrap_or_else(|_| match sip {
            IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        })
}

/// A host and port without the port.
fn host_of(advertised: &str) -> &str {
    match advertised.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => advertised,
    }
}

/// The counters that are kept where nothing may be registered or locked.
fn counted_elsewhere(
    media: &Arc<media::Host>,
    endpoint: &offhook_sip::Endpoint,
    switchboard: &Switchboard,
    outboxes: &Outboxes,
    channel: &Channel,
    trunks: &Arc<Trunks>,
    tapes: &Arc<Tapes>,
) -> MoreMetrics {
    let media = Arc::clone(media);
    let endpoint = endpoint.clone();
    let switchboard = switchboard.clone();
    let outboxes = outboxes.clone();
    let channel = channel.clone();
    let trunks = Arc::clone(trunks);
    let tapes = Arc::clone(tapes);
    Box::new(move |text| {
        counters::media(text, &media.counters());
        counters::sip(text, &endpoint.counters());
        counters::trunks(text, &trunks.states());
        let live = switchboard.live_calls() as u64;
        counters::gauge(text, "offhook_calls_live", "Calls that are live.", live);
        let waiting = outboxes.waiting() as u64;
        let help = "Notifications that wait for a bot.";
        counters::gauge(text, "offhook_notifications_waiting", help, waiting);
        let waiting = channel.waiting() as u64;
        let help = "Activities that wait for a bot.";
        counters::gauge(text, "offhook_activities_waiting", help, waiting);
        let running = tapes.running() as u64;
        let help = "Recordings of calls that run.";
        counters::gauge(text, "offhook_recordings_running", help, running);
        let waiting = tapes.undelivered() as u64;
        let help = "Recordings that wait for their destination or the webhook.";
        counters::gauge(text, "offhook_recordings_waiting", help, waiting);
    })
}

impl Running {
    /// Where HTTP is served.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// Where HTTPS is served, if it is.
    pub fn https(&self) -> Option<SocketAddr> {
        self.https
    }

    /// Where SIP is served, UDP and TCP.
    pub fn sip(&self) -> SocketAddr {
        self.sip.local_addr()
    }

    /// The domain phones register at.
    pub fn sip_domain(&self) -> &str {
        &self.sip_domain
    }

    /// How others reach the HTTP side.
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// The certificate clients on this machine should trust.
    pub fn ca_file(&self) -> &Path {
        &self.ca_file
    }

    /// The folder of everything that is kept.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Who is on the platform.
    pub fn registry(&self) -> &Registry {
        &self.platform.registry
    }

    /// How a phone dials this user, as a SIP URI; with the port unless it is the usual one.
    pub fn dial(&self, sip_user: &str) -> String {
        let port = self.sip().port();
        match port {
            5060 => format!("sip:{sip_user}@{}", self.sip_domain),
            port => format!("sip:{sip_user}@{}:{port}", self.sip_domain),
        }
    }

    /// Why callers were turned away lately, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn refusals(&self, at_most: u32) -> Result<Vec<Refusal>, StartError> {
        Ok(self
            .platform
            .store
            .refusals(at_most)
            .await
            .map_err(Trouble::from)?)
    }

    /// Calls that are live now.
    pub fn live_calls(&self) -> usize {
        self.platform.switchboard.live_calls()
    }

    /// Takes no more calls, ends those that are live, delivers what bots are still owed, and stops;
    /// all within `within`.
    pub async fn stop(mut self, within: Duration) {
        let drained = async {
            self.observe.drain();
            self.sip.drain();
            self.platform.switchboard.close();
            while self.live_calls() > 0 {
                tokio::time::sleep(DRAIN_LOOK).await;
            }
            self.platform.tapes.drain().await;
            self.platform.outboxes.drain().await;
            self.platform.channel.drain().await;
        };
        if tokio::time::timeout(within, drained).await.is_err() {
            tracing::warn!("not everything was ended and delivered in time");
        }
        self.sip.shutdown().await;
        self.serving.drain(within).await;
        self.tasks.shutdown().await;
        self.platform.store.close().await;
    }
}

#[cfg(test)]
mod tests;
