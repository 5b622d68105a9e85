//! What a SIP endpoint is told when it starts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use offhook_terms::Private;

use crate::{Tls, Trust};

/// Finds the password of one of our people by the user part of their address; `None` when there
/// is no such person. Called for every authenticated request, so it must answer at once.
pub type Accounts = Arc<dyn Fn(&str) -> Option<Private<String>> + Send + Sync>;

/// Who may call without being one of our people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Callers {
    /// Only people with an account; others get 403.
    #[default]
    Known,
    /// Anyone. A caller who claims one of our addresses must still prove it.
    Anyone,
}

/// What a SIP endpoint is told when it starts. See [`Config::new`] for the defaults.
#[derive(Clone)]
pub struct Config {
    /// Where to listen, UDP and TCP on the same port; port 0 picks one that is free for both.
    pub bind: SocketAddr,
    /// How to be reached by TLS; not at all by default.
    pub tls: Option<Tls>,
    /// Whom to believe when we connect by TLS ourselves.
    pub trust: Trust,
    /// The host name or address peers are told to reach us at. By default the bound address, or
    /// this machine's own address when bound to all of them.
    pub advertised: Option<String>,
    /// The domains whose addresses are ours: `sip:user@domain` is one of our people when the
    /// account exists. The advertised and bound addresses always count.
    pub domains: Vec<String>,
    /// What we call ourselves in `User-Agent` and `Server`.
    pub user_agent: String,
    /// The session timer we ask for (RFC 4028); zero asks for none. At least 90 seconds.
    pub session_expires: Duration,
    /// The shortest session timer a peer may ask for; at least 90 seconds.
    pub session_expires_min: Duration,
    /// Our people.
    pub accounts: Accounts,
    /// Who else may call.
    pub callers: Callers,
    /// Wrong passwords one address may send for one account in a minute; ten times as many for all
    /// accounts together. More are answered 403 unread, right or wrong.
    pub failures_per_minute: u32,
    /// Whether the owner of the calls takes part in transfers: hears of phones that want to be
    /// connected elsewhere ([`SessionEvent::ReferRequested`](crate::SessionEvent::ReferRequested)),
    /// and of calls that want to take the place of another
    /// ([`Incoming::replaces`](crate::Incoming::replaces)). Off by default, and then peers are told
    /// so. Asking others ([`Session::refer`](crate::Session::refer)) needs no permission.
    pub transfers: bool,
    /// Whether ringing is made sure to arrive where both ends can (RFC 3262). It costs two messages
    /// a call. On by default.
    pub reliable: bool,
    /// Calls at once, either way; a further INVITE is answered 503 with `Retry-After`.
    pub calls_max: usize,
}

impl Config {
    /// Listens there, knows nobody, lets anyone in who claims none of our addresses.
    #[must_use]
    pub fn new(bind: SocketAddr) -> Self {
        Self {
            bind,
            tls: None,
            trust: Trust::default(),
            advertised: None,
            domains: Vec::new(),
            user_agent: concat!("Offhook/", env!("CARGO_PKG_VERSION")).to_owned(),
            session_expires: Duration::from_secs(1_800),
            session_expires_min: Duration::from_secs(90),
            accounts: Arc::new(|_| None),
            callers: Callers::Anyone,
            failures_per_minute: 10,
            transfers: false,
            reliable: true,
            calls_max: 5_000,
        }
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("bind", &self.bind)
            .field("advertised", &self.advertised)
            .field("domains", &self.domains)
            .field("callers", &self.callers)
            .field("calls_max", &self.calls_max)
            .finish_non_exhaustive()
    }
}
