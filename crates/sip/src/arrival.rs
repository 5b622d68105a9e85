//! What arrives from the network, for the platform to decide on.

use std::net::SocketAddr;
use std::sync::Arc;

use offhook_terms::Private;

use crate::{Party, Session};

/// How signalling travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Transport {
    /// Datagrams, repeated until answered.
    #[default]
    Udp,
    /// A connection.
    Tcp,
    /// An encrypted connection.
    Tls,
}

impl Transport {
    pub(crate) fn kind(self) -> sipx_transport::TransportKind {
        match self {
            Self::Udp => sipx_transport::TransportKind::Udp,
            Self::Tcp => sipx_transport::TransportKind::Tcp,
            Self::Tls => sipx_transport::TransportKind::Tls,
        }
    }

    pub(crate) fn of(kind: sipx_transport::TransportKind) -> Self {
        match kind {
            sipx_transport::TransportKind::Udp => Self::Udp,
            sipx_transport::TransportKind::Tls => Self::Tls,
            _ => Self::Tcp,
        }
    }
}

impl std::fmt::Display for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        })
    }
}

impl std::str::FromStr for Transport {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "udp" => Ok(Self::Udp),
            "tcp" => Ok(Self::Tcp),
            "tls" => Ok(Self::Tls),
            other => Err(format!(
                "the transport is `udp`, `tcp` or `tls`, not `{other}`"
            )),
        }
    }
}

/// Something the platform must decide on, or may want to know. Everything else (OPTIONS,
/// REGISTER, retransmissions, what is malformed or not allowed) has been answered already.
#[derive(Debug)]
#[non_exhaustive]
pub enum Arrival {
    /// A call. 100 Trying has been sent.
    Invite(Box<Incoming>),
    /// One of our people registered a phone, or renewed it.
    Registered {
        /// The user part of their address.
        user: Private<String>,
    },
    /// The last phone of one of our people is gone.
    Unregistered {
        /// The user part of their address.
        user: Private<String>,
    },
}

/// A call that wants to be answered.
#[derive(Debug)]
pub struct Incoming {
    /// Who says to be calling.
    pub from: Party,
    /// Whom they meant to call: the `To` header.
    pub to: Party,
    /// Whom the network asks us to reach: the request's target. Route by this one.
    pub target: Party,
    /// The caller's account when they proved to be one of our people.
    pub caller: Option<Private<String>>,
    /// The trunk it came from, by its address ([`Endpoint::trust`](crate::Endpoint::trust)). Such a
    /// call needs no password; a caller who claims the address of one of our people still does.
    pub trunk: Option<Arc<str>>,
    /// The caller as the trunk asserts it (`P-Asserted-Identity`): the number to show or to bill
    /// where it differs from [`Self::from`]. From others it would mean nothing, and is not read.
    pub asserted: Option<Party>,
    /// The session whose place this call wants to take (RFC 3891), by its
    /// [id](crate::Session::id): answer this one, then end that one. Only with
    /// [`Config::transfers`](crate::Config::transfers).
    pub replaces: Option<u64>,
    /// Where the INVITE came from.
    pub source: SocketAddr,
    /// How it came.
    pub transport: Transport,
    /// Their offer, unopened. `None` asks us to make the offer in our answer.
    pub offer: Option<Vec<u8>>,
    /// `User-to-User` and `X-` headers, by name as sent; bounded.
    pub headers: Vec<(String, Private<String>)>,
    /// The SIP `Call-ID`, for finding the call in a trace.
    pub call_id: Private<String>,
    /// The session to answer, refuse or hand on.
    pub session: Session,
}
