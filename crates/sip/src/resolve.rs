//! From an address to a place on the network.
//!
//! Inside a dialog only literal addresses are believed, so that no peer can make us ask a name
//! server; a call we place may name a host.

use std::net::SocketAddr;

use sipx_sip::{Host, Uri};
use sipx_transport::{Target, TransportKind};

use crate::Transport;

/// The transport an address asks for, if it says.
pub(crate) fn transport_of(uri: &Uri) -> Option<Transport> {
    uri.transport().map(|name| {
        if name.eq_ignore_ascii_case(b"tcp") {
            Transport::Tcp
        } else {
            Transport::Udp
        }
    })
}

/// The place a literal address names.
pub(crate) fn literal(uri: &Uri) -> Option<SocketAddr> {
    match uri.host()? {
        Host::Ip(ip) => Some(SocketAddr::new(*ip, uri.port().unwrap_or(5060))),
        Host::Name(_) => None,
    }
}

/// Where to send a call we place: the address's own host, by name if need be.
pub(crate) async fn resolve(uri: &Uri, transport: Transport) -> Option<Target> {
    let kind: TransportKind = transport_of(uri).unwrap_or(transport).kind();
    if let Some(addr) = literal(uri) {
        return Some(Target::new(addr, kind));
    }
    let host = String::from_utf8(uri.host()?.to_bytes().to_vec()).ok()?;
    let port = uri.port().unwrap_or(5060);
    let addr = tokio::net::lookup_host((host.as_str(), port))
        .await
        .ok()?
        .next()?;
    Some(Target::new(addr, kind))
}
