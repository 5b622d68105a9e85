//! The phone: its SIP port, its tick threads, and how calls begin.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use offhook_media::sdp::{self, Encryption, SdpRefusal};
use offhook_media::threads::{self, NoPort, NotTaken, Notice, RoomKey, Threads};
use offhook_media::{Agreed, Codec, MediaCommand, MediaEvent, PortId};
use offhook_sip::{
    Arrival, CallError, Credentials, Ending, Endpoint, Incoming, ListenError, Loss, OutgoingCall,
    Refusal, Register, RegisterError, Registration, SessionEvent, Transport, Trust,
};
use offhook_terms::Private;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::call::{Beginning, Call};
use crate::limits;

/// What a phone is told when it starts.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens for SIP, and on which address it sends audio; port 0 picks a free one.
    pub local: SocketAddr,
    /// The ports of its audio; the system's choice by default.
    pub rtp_ports: Option<RangeInclusive<u16>>,
    /// Threads that send and hear. One is enough for a thousand calls.
    pub media_threads: usize,
    /// How it calls and registers.
    pub transport: Transport,
    /// Whose certificates it believes, by TLS; nobody's by default.
    pub trust: Trust,
    /// Who it is; without one it calls as `sip:phone@` its own address.
    pub account: Option<Account>,
    /// The codecs it speaks, best first; all by default.
    pub codecs: Vec<Codec>,
    /// Whether its audio is encrypted (SRTP); it is not by default. Keys travel in the signalling, so
    /// this keeps a secret only together with TLS.
    pub encryption: Encryption,
    /// Calls at once.
    pub calls_max: usize,
    /// Whether it makes sure of ringing, as a good phone does (RFC 3262): two messages more a call.
    pub sure_of_ringing: bool,
}

/// Somebody's account.
#[derive(Debug, Clone)]
pub struct Account {
    /// The user part of the address.
    pub user: String,
    /// The password; empty when none is needed.
    pub password: Private<String>,
    /// The domain of the address.
    pub domain: String,
}

impl Config {
    /// A phone without an account at that address.
    #[must_use]
    pub fn new(local: SocketAddr) -> Self {
        Self {
            local,
            rtp_ports: None,
            media_threads: 1,
            transport: Transport::Udp,
            trust: Trust::default(),
            account: None,
            codecs: Vec::new(),
            encryption: Encryption::Off,
            calls_max: 10_000,
            sure_of_ringing: true,
        }
    }

    /// With an account.
    #[must_use]
    pub fn with_account(
        mut self,
        user: impl Into<String>,
        password: impl Into<String>,
        domain: impl Into<String>,
    ) -> Self {
        let password = Private::new(password.into());
        self.account = Some(Account {
            user: user.into(),
            password,
            domain: domain.into(),
        });
        self
    }
}

/// Why a phone could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The SIP port.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The tick threads.
    #[error("no thread could be started: {0}")]
    Threads(std::io::Error),
}

/// A call to make.
#[derive(Debug, Clone)]
pub struct Dial {
    /// Whom to call: a `sip:` address.
    pub to: String,
    /// Who calls, when not the phone's account.
    pub from: Option<String>,
    /// The name shown beside it.
    pub display: Option<String>,
    /// How long it may take until somebody answers.
    pub patience: Duration,
    /// Further headers.
    pub headers: Vec<(String, String)>,
}

impl Dial {
    /// Calls that address and waits a minute for an answer.
    pub fn new(to: impl Into<String>) -> Self {
        Self {
            to: to.into(),
            from: None,
            display: None,
            patience: Duration::from_secs(60),
            headers: Vec::new(),
        }
    }
}

/// Why there is no call.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// It was refused.
    #[error("refused: {status} {reason}")]
    Refused {
        /// The SIP status.
        status: u16,
        /// In words.
        reason: String,
    },
    /// Nothing was heard, or the way broke off.
    #[error("{0}")]
    Lost(Loss),
    /// The caller gave up first.
    #[error("the caller gave up")]
    Cancelled,
    /// Nobody answered in time.
    #[error("nobody answered in time")]
    Unanswered,
    /// The address cannot be called.
    #[error(transparent)]
    Call(#[from] CallError),
    /// No port for the audio.
    #[error(transparent)]
    Port(#[from] NoPort),
    /// The tick threads are full.
    #[error(transparent)]
    Media(#[from] NotTaken),
    /// The other side's description of the audio.
    #[error("the other side's description of the audio: {0}")]
    Description(#[from] SdpRefusal),
    /// The phone has stopped.
    #[error("the phone has stopped")]
    Stopped,
}

impl DialError {
    /// The SIP status, if there was one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    pub(crate) fn ended(ending: Ending) -> Self {
        match ending {
            Ending::Refused { status, reason } => Self::Refused { status, reason },
            Ending::Lost(loss) => Self::Lost(loss),
            Ending::Cancelled | Ending::HungUp { .. } => Self::Cancelled,
            _ => Self::Stopped,
        }
    }
}

/// A phone without a face. Dropping it ends its calls.
pub struct Phone {
    config: Config,
    endpoint: Endpoint,
    ringing: tokio::sync::Mutex<mpsc::Receiver<Box<Incoming>>>,
    pub(crate) media: Arc<Media>,
    lines: Lines,
    tasks: [JoinHandle<()>; 2],
}

impl std::fmt::Debug for Phone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Phone")
            .field("sip", &self.endpoint.local_addr())
            .finish_non_exhaustive()
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Phone {
    /// Opens its SIP port and starts its tick threads. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// A sentence: the port is taken, the address is not this machine's.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let mut sip = offhook_sip::Config::new(config.local);
        sip.user_agent = concat!("Offhook phone/", env!("CARGO_PKG_VERSION")).to_owned();
        sip.calls_max = config.calls_max;
        sip.trust = config.trust.clone();
        sip.transfers = true;
        sip.reliable = config.sure_of_ringing;
        let (endpoint, arrivals) = offhook_sip::listen(sip).await?;
        let bind = config.local.ip();
        let advertised = if bind.is_unspecified() {
            own_address(bind)
        } else {
            bind
        };
        let news = Arc::new(Notify::new());
        let wake = Arc::clone(&news);
        let (threads, events) = Threads::start(threads::Config {
            threads: config.media_threads,
            bind,
            advertised,
            ports: config.rtp_ports.clone(),
            clock: std::time::Instant::now,
            wake: Arc::new(move || wake.notify_one()),
        })
        .map_err(StartError::Threads)?;
        let media = Arc::new(Media {
            threads,
            calls: Mutex::default(),
        });
        let lines = Lines::default();
        let (waiting, ringing) = mpsc::channel(limits::RINGING);
        let tasks = [
            tokio::spawn(route(Arc::clone(&media), events, news)),
            tokio::spawn(receive(arrivals, lines.clone(), waiting)),
        ];
        Ok(Self {
            config,
            endpoint,
            ringing: tokio::sync::Mutex::new(ringing),
            media,
            lines,
            tasks,
        })
    }

    /// Where it listens for SIP.
    pub fn local_addr(&self) -> SocketAddr {
        self.endpoint.local_addr()
    }

    /// What the signalling has counted.
    pub fn sip_counters(&self) -> offhook_sip::Counters {
        self.endpoint.counters()
    }

    /// What the tick threads have counted, with the regularity of what was sent.
    pub fn media_counters(&self) -> threads::Counters {
        self.media.threads.counters()
    }

    /// Registers its account with the registrar there, until the result is dropped.
    ///
    /// # Errors
    /// What the registrar said, or that there is no account.
    pub async fn register(&self, registrar: SocketAddr) -> Result<Registration, RegisterError> {
        let account = self
            .config
            .account
            .as_ref()
            .ok_or(RegisterError::NotAnAddress)?;
        self.endpoint
            .register(Register {
                address: format!("sip:{}@{}", account.user, account.domain),
                credentials: Credentials::new(&account.user, account.password.reveal()),
                transport: self.config.transport,
                route: Some(registrar),
                expires: Duration::from_secs(3_600),
                trunk: None,
            })
            .await
    }

    /// Who it calls as.
    fn address(&self) -> String {
        match &self.config.account {
            Some(account) => format!("sip:{}@{}", account.user, account.domain),
            None => format!("sip:phone@{}", self.endpoint.advertised()),
        }
    }

    /// The SIP half of a call, with its offer.
    pub(crate) fn outgoing(&self, dial: &Dial, offer: String) -> OutgoingCall {
        let from = dial.from.clone().unwrap_or_else(|| self.address());
        let mut call = OutgoingCall::new(&dial.to, from, offer.into_bytes());
        call.transport = self.config.transport;
        call.display = dial.display.clone().map(Private::new);
        call.headers = dial
            .headers
            .iter()
            .map(|(n, v)| (n.clone(), Private::new(v.clone())))
            .collect();
        call.credentials = self
            .config
            .account
            .as_ref()
            .map(|account| Credentials::new(&account.user, account.password.reveal()));
        call
    }

    /// What a call needs of its phone to go on with somebody else.
    fn line(&self) -> Line {
        let account = self.config.account.as_ref();
        Line {
            endpoint: self.endpoint.clone(),
            media: Arc::clone(&self.media),
            lines: self.lines.clone(),
            address: self.address(),
            transport: self.config.transport,
            codecs: self.config.codecs.clone(),
            encryption: self.config.encryption,
            credentials: account
                .map(|account| Credentials::new(&account.user, account.password.reveal())),
        }
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Calls, and waits until somebody answers.
    ///
    /// # Errors
    /// Why there is no call.
    pub async fn dial(&self, dial: Dial) -> Result<Call, DialError> {
        let began = Instant::now();
        let port = self.media.threads.prepare_port()?;
        let mut describe = self.line().describe(&port);
        let call = self.outgoing(&dial, describe.offer());
        let session = self.endpoint.call(call)?;
        let mut events = session.events();
        let mut rang = None;
        let sdp = loop {
            let event = timeout_at(began + dial.patience, events.recv()).await;
            match event
                .map_err(|_| DialError::Unanswered)?
                .ok_or(DialError::Stopped)?
            {
                SessionEvent::Ringing { .. } => {
                    rang.get_or_insert_with(Instant::now);
                }
                SessionEvent::Answered { sdp } => break sdp,
                SessionEvent::Ended(ending) => return Err(DialError::ended(ending)),
                _ => {}
            }
        };
        let agreed = describe.accept(&String::from_utf8_lossy(&sdp))?;
        let seat = self.media.open(port, agreed)?;
        Call::begin(Beginning {
            codec: agreed.codec,
            line: self.line(),
            seat,
            session,
            events,
            describe,
            began,
            rang,
        })
    }

    /// Waits for a call to this phone.
    ///
    /// # Errors
    /// [`DialError::Unanswered`] when none comes in time.
    pub async fn wait_for_call(&self, patience: Duration) -> Result<Ringing, DialError> {
        let mut ringing = self.ringing.lock().await;
        let incoming = timeout_at(Instant::now() + patience, ringing.recv()).await;
        let incoming = incoming
            .map_err(|_| DialError::Unanswered)?
            .ok_or(DialError::Stopped)?;
        incoming.session.ring();
        Ok(Ringing {
            events: incoming.session.events(),
            incoming,
            line: self.line(),
            began: Instant::now(),
        })
    }

    /// Says goodbye to everybody and closes the SIP port.
    pub async fn stop(self) {
        self.endpoint.shutdown().await;
    }
}

/// What a call needs of its phone to go on with somebody else.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) endpoint: Endpoint,
    pub(crate) media: Arc<Media>,
    pub(crate) lines: Lines,
    pub(crate) address: String,
    pub(crate) transport: Transport,
    codecs: Vec<Codec>,
    encryption: Encryption,
    pub(crate) credentials: Option<Credentials>,
}

impl Line {
    /// What a port of this phone says of itself.
    pub(crate) fn describe(&self, port: &threads::PreparedPort) -> sdp::Session {
        port.describe()
            .with_codecs(&self.codecs)
            .with_encryption(self.encryption)
    }
}

/// The calls that are up, for those that want to take their place.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<HashMap<u64, mpsc::Sender<Box<Incoming>>>>>);

impl Lines {
    fn calls(&self) -> MutexGuard<'_, HashMap<u64, mpsc::Sender<Box<Incoming>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn enter(&self, session: u64, takeovers: mpsc::Sender<Box<Incoming>>) {
        self.calls().insert(session, takeovers);
    }

    pub(crate) fn leave(&self, session: u64) {
        self.calls().remove(&session);
    }
}

/// Hands each call to the one whose place it wants, or to whoever waits for calls.
async fn receive(
    mut arrivals: mpsc::Receiver<Arrival>,
    lines: Lines,
    waiting: mpsc::Sender<Box<Incoming>>,
) {
    while let Some(arrival) = arrivals.recv().await {
        let Arrival::Invite(incoming) = arrival else {
            continue;
        };
        let replaced = incoming.replaces;
        let to = match replaced {
            Some(session) => lines.calls().get(&session).cloned(),
            None => Some(waiting.clone()),
        };
        let refused = match to {
            Some(to) => to.try_send(incoming).map_err(|error| match error {
                mpsc::error::TrySendError::Full(incoming)
                | mpsc::error::TrySendError::Closed(incoming) => (incoming, 486),
            }),
            None => Err((incoming, 481)),
        };
        if let Err((mut incoming, status)) = refused {
            incoming.session.refuse(Refusal::new(status));
        }
    }
}

/// A call that rings here. Dropping it refuses it.
#[derive(Debug)]
pub struct Ringing {
    incoming: Box<Incoming>,
    events: mpsc::Receiver<SessionEvent>,
    line: Line,
    began: Instant,
}

impl Ringing {
    /// The caller's address.
    pub fn from(&self) -> &Private<String> {
        &self.incoming.from.uri
    }

    /// The call as it came: the name shown, the number called, private headers.
    pub fn incoming(&self) -> &Incoming {
        &self.incoming
    }

    /// Lets it ring for so long.
    ///
    /// # Errors
    /// [`DialError::Cancelled`] when the caller gives up meanwhile.
    pub async fn ring_for(&mut self, duration: Duration) -> Result<(), DialError> {
        let until = Instant::now() + duration;
        loop {
            match timeout_at(until, self.events.recv()).await {
                Err(_) => return Ok(()),
                Ok(Some(SessionEvent::Ended(ending))) => return Err(DialError::ended(ending)),
                Ok(Some(_)) => {}
                Ok(None) => return Err(DialError::Stopped),
            }
        }
    }

    /// Answers it.
    ///
    /// # Errors
    /// Why there is no call.
    pub async fn answer(self) -> Result<Call, DialError> {
        let Self {
            incoming,
            mut events,
            line,
            began,
        } = self;
        let Incoming {
            offer, mut session, ..
        } = *incoming;
        let media = &line.media;
        let port = media.threads.prepare_port()?;
        let mut describe = line.describe(&port);
        let rang = Some(began);
        let theirs = match &offer {
            Some(offer) => match describe.answer(&String::from_utf8_lossy(offer)) {
                Ok((answer, agreed)) => {
                    session.answer(answer.into_bytes());
                    Some(agreed)
                }
                Err(refusal) => {
                    session.refuse(Refusal::new(488).because(refusal.to_string()));
                    return Err(refusal.into());
                }
            },
            None => {
                session.answer(describe.offer().into_bytes());
                None
            }
        };
        let agreed = loop {
            match events.recv().await.ok_or(DialError::Stopped)? {
                SessionEvent::Confirmed { sdp } => match (theirs, sdp) {
                    (Some(agreed), _) => break agreed,
                    (None, sdp) => {
                        let sdp = sdp.unwrap_or_default();
                        break describe.accept(&String::from_utf8_lossy(&sdp))?;
                    }
                },
                SessionEvent::Ended(ending) => return Err(DialError::ended(ending)),
                _ => {}
            }
        };
        let seat = media.open(port, agreed)?;
        Call::begin(Beginning {
            codec: agreed.codec,
            line,
            seat,
            session,
            events,
            describe,
            began,
            rang,
        })
    }

    /// Refuses it.
    pub fn refuse(mut self, status: u16) {
        self.incoming.session.refuse(Refusal::new(status));
    }
}

/// The tick threads, and who hears of which room.
#[derive(Debug)]
pub(crate) struct Media {
    pub(crate) threads: Threads,
    calls: Mutex<HashMap<RoomKey, mpsc::Sender<MediaEvent>>>,
}

impl Media {
    fn calls(&self) -> MutexGuard<'_, HashMap<RoomKey, mpsc::Sender<MediaEvent>>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a room of its own for one call.
    pub(crate) fn open(
        self: &Arc<Self>,
        port: threads::PreparedPort,
        agreed: Agreed,
    ) -> Result<Seat, NotTaken> {
        let key = RoomKey(rand::random());
        let (sender, events) = mpsc::channel(limits::MEDIA_EVENTS);
        self.calls().insert(key, sender);
        let seat = Seat {
            media: Arc::clone(self),
            key,
            events,
            closed: false,
        };
        seat.media.threads.open_room(key, port, agreed)?;
        Ok(seat)
    }
}

/// A call's place on the tick threads. Dropping it closes the room.
#[derive(Debug)]
pub(crate) struct Seat {
    media: Arc<Media>,
    key: RoomKey,
    pub(crate) events: mpsc::Receiver<MediaEvent>,
    closed: bool,
}

impl Seat {
    pub(crate) fn send(&self, command: MediaCommand) -> Result<(), NotTaken> {
        self.media.threads.send(self.key, PortId::FIRST, command)
    }

    /// Asks for the end; the last event brings the statistics.
    pub(crate) fn close(&mut self) {
        if !self.closed {
            self.closed = self.media.threads.close(self.key).is_ok();
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.close();
        self.media.calls().remove(&self.key);
    }
}

/// Hands each notice of the tick threads to its call.
async fn route(media: Arc<Media>, events: threads::Events, news: Arc<Notify>) {
    loop {
        while let Some(notice) = events.try_recv() {
            let Notice::Event { room, event, .. } = notice else {
                continue;
            };
            let call = media.calls().get(&room).cloned();
            if let Some(call) = call {
                // A call that does not read its events has stopped caring.
                let _ = call.try_send(event);
            }
        }
        news.notified().await;
    }
}

/// The address of that family this machine would send from.
fn own_address(bind: IpAddr) -> IpAddr {
    let (somewhere, home) = match bind {
        IpAddr::V4(_) => ("192.0.2.1:9", IpAddr::from([127, 0, 0, 1])),
        IpAddr::V6(_) => ("[2001:db8::1]:9", std::net::Ipv6Addr::LOCALHOST.into()),
    };
    let somewhere = somewhere.parse().ok();
    somewhere.and_then(routed_toward).unwrap_or(home)
}

/// The local address that reaches another one.
pub(crate) fn local_address_toward(peer: SocketAddr) -> IpAddr {
    routed_toward(peer).unwrap_or_else(|| own_address(peer.ip()))
}

fn routed_toward(peer: SocketAddr) -> Option<IpAddr> {
    let any = if peer.is_ipv6() {
        "[::]:0"
    } else {
        "0.0.0.0:0"
    };
    let socket = UdpSocket::bind(any).ok()?;
    // Connecting a datagram socket sends nothing; it only asks the routing table.
    socket.connect(peer).ok()?;
    Some(socket.local_addr().ok()?.ip())
}
