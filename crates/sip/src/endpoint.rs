//! The endpoint: the port we listen on, and what the platform may ask of it.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use sipx_sip::TransactionKey;
use sipx_transport::Handle;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::call::{CallError, OutgoingCall, Start};
use crate::counters::{Counters, Tally, count};
use crate::digest::Digest;
use crate::facts::Facts;
use crate::registrar::{Contact, Registrar};
use crate::reply::Reply;
use crate::session::{Inward, Opening, Outgoing, Session, SessionTask};
use crate::table::Table;
use crate::trunks::Trunks;
use crate::{Arrival, Config, Transport, desk, limits, receive_queue, tls};

/// What everybody behind one port shares.
pub(crate) struct Office {
    pub(crate) wire: Handle,
    pub(crate) config: Config,
    pub(crate) table: Table,
    pub(crate) tally: Tally,
    pub(crate) digest: Digest,
    pub(crate) registrar: Registrar,
    pub(crate) trunks: Trunks,
    /// The host we advertise, without brackets.
    pub(crate) host: String,
    /// What IPv4 peers are told instead, where we listen on all addresses of both families.
    ipv4: Option<String>,
    /// Host and port of UDP and TCP as they are handed out.
    sent_by: String,
    pub(crate) user_agent: Bytes,
    pub(crate) timers: sipx_sip::Timers,
    pub(crate) draining: AtomicBool,
    /// Registrations of ours that somebody keeps.
    pub(crate) registrations: AtomicU64,
    /// Says that it is time to take them back.
    pub(crate) closing: watch::Sender<bool>,
}

impl Office {
    /// Whether a host in an address means us.
    pub(crate) fn is_ours(&self, host: &str) -> bool {
        let bound = self.wire.local_addr().ip();
        host.eq_ignore_ascii_case(&self.host)
            || self.ipv4.as_deref() == Some(host)
            || self
                .config
                .domains
                .iter()
                .any(|domain| domain.eq_ignore_ascii_case(host))
            || host.parse::<IpAddr>().is_ok_and(|ip| ip == bound)
    }

    /// The methods we take (RFC 3261 §20.5).
    pub(crate) fn allow(&self) -> &'static str {
        match self.config.transfers {
            true => {
                "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, NOTIFY, REGISTER, REFER"
            }
            false => "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, NOTIFY, REGISTER",
        }
    }

    /// The extensions we speak; in a request, whether `certain` responses are among them.
    pub(crate) fn supported(&self, certain: bool) -> &'static str {
        match (certain && self.config.reliable, self.config.transfers) {
            (false, false) => "timer",
            (false, true) => "timer, replaces",
            (true, false) => "timer, 100rel",
            (true, true) => "timer, 100rel, replaces",
        }
    }

    /// Host and port as they stand in `Via` and `Contact` of what goes to that address.
    pub(crate) fn sent_by(&self, transport: Transport, toward: IpAddr) -> String {
        let host = match &self.ipv4 {
            Some(ipv4) if toward.to_canonical().is_ipv4() => ipv4,
            _ => &self.host,
        };
        let port = match (transport, self.wire.tls_addr()) {
            (Transport::Tls, Some(addr)) => addr.port(),
            _ => self.wire.local_addr().port(),
        };
        format!("{}:{port}", bracketed(host))
    }

    /// Our `Contact`, reachable the way the peer reaches us; `secure` when the peer insists on TLS
    /// all the way (RFC 3261 §12.1.1).
    pub(crate) fn contact(
        &self,
        user: Option<&[u8]>,
        transport: Transport,
        toward: IpAddr,
        secure: bool,
    ) -> String {
        let user = user
            .map(String::from_utf8_lossy)
            .map(|user| format!("{user}@"));
        let suffix = match transport {
            Transport::Udp => "",
            Transport::Tcp => ";transport=tcp",
            Transport::Tls if secure => "",
            Transport::Tls => ";transport=tls",
        };
        let scheme = if secure { "sips" } else { "sip" };
        let (user, place) = (user.unwrap_or_default(), self.sent_by(transport, toward));
        format!("<{scheme}:{user}{place}{suffix}>")
    }

    /// Sends a response; false when nothing could be built or the request is long gone.
    pub(crate) async fn respond(&self, key: &TransactionKey, reply: Option<Reply>) -> bool {
        let Some(reply) = reply else {
            count(&self.tally.unanswerable);
            return false;
        };
        let response = reply
            .with(sipx_sip::HeaderName::Server, self.user_agent.clone())
            .done();
        match self.wire.respond(key, response).await {
            Ok(()) => true,
            Err(error) => {
                tracing::debug!(%error, "a response could not be sent");
                false
            }
        }
    }
}

/// Why listening did not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// Somebody else listens there.
    #[error("{0} is already in use for SIP (UDP and TCP); choose another address or port 0")]
    Taken(SocketAddr),
    /// The address is not this machine's, or the port needs a privilege.
    #[error("cannot listen for SIP on {addr}: {source}")]
    Refused {
        /// Where listening was tried.
        addr: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A certificate, a key or an authority for TLS.
    #[error("SIP over TLS: {0}")]
    Certificate(String),
    /// Another failure, worded by the stack.
    #[error("cannot listen for SIP on {addr}: {reason}")]
    Other {
        /// Where listening was tried.
        addr: SocketAddr,
        /// What it said.
        reason: String,
    },
}

/// Opens UDP and TCP on one port, and TLS where it is configured, and starts answering.
///
/// Must be called inside a tokio runtime; everything runs there until [`Endpoint::shutdown`].
///
/// # Errors
/// A sentence for the person who chose the address: the port is taken, the address is not ours.
pub async fn listen(config: Config) -> Result<(Endpoint, mpsc::Receiver<Arrival>), ListenError> {
    let host = config
        .advertised
        .clone()
        .unwrap_or_else(|| own_address(config.bind).to_string());
    let host = host.trim_matches(['[', ']']).to_owned();
    let mut wire = sipx_transport::Config::new(config.bind);
    wire.sent_by = bracketed(&host);
    wire.capacity = limits::STACK_QUEUE;
    wire.unanswered_limit = limits::UNANSWERED;
    wire.pool.max_connections = limits::CONNECTIONS;
    // A registered phone behind a NAT can only be called over the connection it opened; we send
    // there only what is meant for exactly that address.
    wire.pool.reuse_inbound_for_outbound = true;
    wire.pool.idle_timeout = limits::CONNECTION_IDLE;
    tls::configure(&mut wire, config.tls.as_ref(), &config.trust)
        .map_err(|error| ListenError::Certificate(error.to_string()))?;
    let timers = wire.timers;
    let (wire, requests) = sipx_transport::bind(wire)
        .await
        .map_err(|error| match error {
            sipx_transport::Error::Io(e) if e.kind() == std::io::ErrorKind::AddrInUse => {
                ListenError::Taken(config.bind)
            }
            sipx_transport::Error::Io(source) => ListenError::Refused {
                addr: config.bind,
                source,
            },
            other => ListenError::Other {
                addr: config.bind,
                reason: other.to_string(),
            },
        })?;
    receive_queue::widen(wire.local_addr());
    Ok(open(wire, requests, timers, host, config))
}

/// Starts answering on a port that is open.
pub(crate) fn open(
    wire: Handle,
    requests: mpsc::Receiver<sipx_transport::Incoming>,
    timers: sipx_sip::Timers,
    host: String,
    config: Config,
) -> (Endpoint, mpsc::Receiver<Arrival>) {
    let realm = config
        .domains
        .first()
        .cloned()
        .unwrap_or_else(|| host.clone());
    let hears_both = config.bind.is_ipv6() && config.bind.ip().is_unspecified();
    let ipv4 = (hears_both && config.advertised.is_none()).then(|| {
        let any = SocketAddr::new(std::net::Ipv4Addr::UNSPECIFIED.into(), 0);
        own_address(any).to_string()
    });
    let sent_by = format!("{}:{}", bracketed(&host), wire.local_addr().port());
    let office = Arc::new(Office {
        wire,
        table: Table::default(),
        tally: Tally::default(),
        digest: Digest::new(realm, config.failures_per_minute),
        registrar: Registrar::default(),
        trunks: Trunks::default(),
        host,
        ipv4,
        sent_by,
        user_agent: Bytes::from(config.user_agent.clone()),
        timers,
        draining: AtomicBool::new(false),
        registrations: AtomicU64::new(0),
        closing: watch::Sender::new(false),
        config,
    });
    let (arrivals, receiver) = mpsc::channel(limits::ARRIVALS);
    tokio::spawn(desk::run(Arc::clone(&office), requests, arrivals));
    (Endpoint { office }, receiver)
}

/// A SIP port that is open. Cloning gives another handle to the same port.
#[derive(Clone)]
pub struct Endpoint {
    pub(crate) office: Arc<Office>,
}

impl Endpoint {
    /// Where we listen.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.office.wire.local_addr()
    }

    /// Where we listen for TLS, if we do.
    #[must_use]
    pub fn tls_addr(&self) -> Option<SocketAddr> {
        self.office.wire.tls_addr()
    }

    /// Host and port as peers are told them, for addresses we hand out.
    #[must_use]
    pub fn advertised(&self) -> &str {
        &self.office.sent_by
    }

    /// Places a call. Its session reports Ringing, Answered and the end; dropping the session
    /// cancels it. Nothing is waited for: a host that must be looked up is looked up by the session.
    /// Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When the call cannot even be tried; whatever the network says comes as an event.
    pub fn call(&self, call: OutgoingCall) -> Result<Session, CallError> {
        let office = &self.office;
        if office.draining.load(Ordering::Relaxed) || office.table.len() >= office.config.calls_max
        {
            return Err(CallError::Full);
        }
        let tag = rand::random();
        let Start { dialog, look_up } = call.start(office, tag)?;
        let (inbox, receiver) = mpsc::channel(limits::INBOX);
        let facts = Arc::new(Facts::default());
        let session = Session::new(inbox.clone(), Arc::clone(&facts), tag);
        office
            .table
            .enter_outgoing(tag, inbox.clone(), Arc::clone(&facts));
        count(&office.tally.calls_out);
        let opening = Opening::Outgoing(Box::new(Outgoing::new(call, look_up)));
        let task = SessionTask::new(Arc::clone(office), dialog, facts, inbox, receiver);
        tokio::spawn(task.run(opening));
        Ok(session)
    }

    /// Where one of our people's phones are, the longest registered first.
    #[must_use]
    pub fn contacts(&self, user: &str) -> Vec<Contact> {
        self.office.registrar.contacts(user, Instant::now())
    }

    /// Says from which addresses a trunk calls us, whatever was said of it before. Its calls are let
    /// in without a password, as [`Incoming::trunk`](crate::Incoming::trunk), and what it asserts
    /// about its callers is handed on. Whoever can send from such an address is believed, so name
    /// no more than the trunk's own. Addresses beyond a bound, or another trunk's, are left out; the
    /// result says how many are known.
    pub fn trust(&self, trunk: &str, addresses: &[IpAddr]) -> usize {
        self.office.trunks.set(trunk, addresses)
    }

    /// What has been counted so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let wire = self.office.wire.counters();
        let resent = wire.retransmissions_sent;
        self.office.tally.read(unparsable(&wire), resent)
    }

    /// Accepts no further call, in or out; calls that are up go on.
    pub fn drain(&self) {
        self.office.draining.store(true, Ordering::Relaxed);
    }

    /// Says goodbye to everybody, takes our registrations back and closes the port. Waits two
    /// seconds at most for the goodbyes to leave.
    pub async fn shutdown(&self) {
        self.drain();
        self.office.closing.send_replace(true);
        for inbox in self.office.table.everyone() {
            let _ = inbox.try_send(Inward::Shutdown);
        }
        let until = Instant::now() + limits::SHUTDOWN;
        let busy =
            || self.office.table.len() > 0 || self.office.registrations.load(Ordering::Relaxed) > 0;
        while busy() && Instant::now() < until {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        self.office.wire.shutdown().await;
    }
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint")
            .field("local_addr", &self.local_addr())
            .finish_non_exhaustive()
    }
}

fn unparsable(counters: &sipx_transport::Counters) -> u64 {
    use sipx_transport::TransportKind::{Tcp, Tls, Udp};
    [Udp, Tcp, Tls]
        .map(|kind| counters.transport(kind).parse_failures)
        .into_iter()
        .sum()
}

fn bracketed(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

/// The address peers can reach: the bound one, or the one this machine would send from.
fn own_address(bind: SocketAddr) -> IpAddr {
    if !bind.ip().is_unspecified() {
        return bind.ip();
    }
    // Connecting a datagram socket sends nothing; it only asks the routing table.
    let routed = |any: &str, probe: &str| -> std::io::Result<IpAddr> {
        let socket = UdpSocket::bind(any)?;
        socket.connect(probe)?;
        Ok(socket.local_addr()?.ip())
    };
    let six = || routed("[::]:0", "[2001:db8::1]:9");
    let four = || routed("0.0.0.0:0", "192.0.2.1:9");
    match bind.is_ipv6() {
        // Bound to all IPv6 addresses we hear IPv4 as well, and may have no other.
        true => six().or_else(|_| four()),
        false => four(),
    }
    .unwrap_or(match bind.is_ipv6() {
        true => std::net::Ipv6Addr::LOCALHOST.into(),
        false => std::net::Ipv4Addr::LOCALHOST.into(),
    })
}
