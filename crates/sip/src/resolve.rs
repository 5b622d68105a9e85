//! From an address to a place on the network.
//!
//! Inside a dialog only literal addresses are believed, so that no peer can make us ask a name
//! server; a call we place may name a host.

use std::net::{IpAddr, SocketAddr};

use sipx_sip::{Host, Uri};
use sipx_transport::Target;

use crate::Transport;
use crate::party::host_of;

/// The transport an address asks for, if it says. A `sips:` address always asks for TLS
/// (RFC 3261 §19.1).
pub(crate) fn transport_of(uri: &Uri) -> Option<Transport> {
    if uri.scheme().is_secure() {
        return Some(Transport::Tls);
    }
    uri.transport().map(|name| {
        if name.eq_ignore_ascii_case(b"tls") {
            Transport::Tls
        } else if name.eq_ignore_ascii_case(b"tcp") {
            Transport::Tcp
        } else {
            Transport::Udp
        }
    })
}

/// The place a literal address names.
pub(crate) fn literal(uri: &Uri, transport: Transport) -> Option<SocketAddr> {
    match uri.host()? {
        Host::Ip(ip) => Some(SocketAddr::new(*ip, port(uri, transport))),
        Host::Name(_) => None,
    }
}

fn port(uri: &Uri, transport: Transport) -> u16 {
    uri.port().unwrap_or(transport.kind().default_port())
}

/// A place to send to. By TLS the certificate there has to be for the host we meant, whatever a
/// name server says (RFC 5922 §4).
pub(crate) fn target(uri: &Uri, addr: SocketAddr, transport: Transport) -> Target {
    let target = Target::new(addr, transport.kind());
    match transport {
        Transport::Tls => target.verifying(host_of(uri)),
        Transport::Udp | Transport::Tcp => target,
    }
}

/// Where to send a call we place: the address's own host, by name if need be. Of several addresses
/// the first that a socket bound to `from` can reach, where we know it.
pub(crate) async fn resolve(
    uri: &Uri,
    transport: Transport,
    from: Option<SocketAddr>,
) -> Option<Target> {
    let transport = transport_of(uri).unwrap_or(transport);
    if let Some(addr) = literal(uri, transport) {
        return Some(target(uri, addr, transport));
    }
    let host = String::from_utf8(uri.host()?.to_bytes().to_vec()).ok()?;
    let mut found = tokio::net::lookup_host((host.as_str(), port(uri, transport)))
        .await
        .ok()?;
    let addr = found.find(|addr| from.is_none_or(|from| reaches(from, *addr)))?;
    Some(target(uri, addr, transport))
}

/// Whether a socket bound there reaches an address: its own family, or either where it is bound to
/// all addresses of IPv6.
fn reaches(from: SocketAddr, to: SocketAddr) -> bool {
    from.is_ipv6() == to.is_ipv6() || (from.is_ipv6() && from.ip().is_unspecified())
}

/// An address as a socket bound to `bound` sends to it: an IPv6 socket that listens to everybody
/// knows IPv4 addresses by another name (RFC 4291 §2.5.5.2).
pub(crate) fn reach(addr: SocketAddr, bound: SocketAddr) -> SocketAddr {
    match addr.ip() {
        IpAddr::V4(four) if bound.is_ipv6() => {
            SocketAddr::new(four.to_ipv6_mapped().into(), addr.port())
        }
        _ => addr,
    }
}

/// An address as people write it.
pub(crate) fn plain(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::sip_uri;

    #[test]
    fn an_address_says_how_and_where_it_is_reached() {
        for (text, transport, place) in [
            ("sip:a@192.0.2.1", None, "192.0.2.1:5060"),
            ("sips:a@192.0.2.1", Some(Transport::Tls), "192.0.2.1:5061"),
            (
                "sip:a@[2001:db8::1];transport=TLS",
                Some(Transport::Tls),
                "[2001:db8::1]:5061",
            ),
            (
                "sip:a@[2001:db8::1]:5080;transport=tcp",
                Some(Transport::Tcp),
                "[2001:db8::1]:5080",
            ),
        ] {
            let uri = sip_uri(text).expect(text);
            assert_eq!(transport_of(&uri), transport, "{text}");
            let place: SocketAddr = place.parse().expect("a place");
            assert_eq!(literal(&uri, transport.unwrap_or_default()), Some(place));
        }
    }

    #[test]
    fn an_ipv4_address_is_reached_from_an_ipv6_socket_and_read_again() {
        let four: SocketAddr = "192.0.2.1:5060".parse().expect("an address");
        let any: SocketAddr = "[::]:5060".parse().expect("an address");
        let mapped = reach(four, any);
        assert!(mapped.is_ipv6());
        assert_eq!(plain(mapped), four);
        assert_eq!(reach(four, four), four);
        let six: SocketAddr = "[2001:db8::1]:5060".parse().expect("an address");
        assert!(reaches(any, four) && reaches(any, six) && reaches(six, six));
        assert!(!reaches(four, six) && !reaches(six, four));
    }
}
