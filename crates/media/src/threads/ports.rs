//! Sockets of a port: RTP on an even port, RTCP on the odd one after it (RFC 3550 §11).

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::limits;
use crate::port::{Port, StreamStart};
use crate::sdp;
use crate::threads::NoPort;

/// A bound pair of sockets that belongs to no room yet.
#[derive(Debug)]
pub struct PreparedPort {
    sockets: Sockets,
    start: StreamStart,
    advertised: IpAddr,
    rtp_port: u16,
    rtcp_port: u16,
}

/// A port between two rooms, with its sockets and all that runs on it.
#[derive(Debug)]
pub struct ReleasedPort {
    pub(super) port: Port,
    pub(super) sockets: Sockets,
}

impl ReleasedPort {
    /// The port itself.
    pub fn port(&self) -> &Port {
        &self.port
    }
}

#[derive(Debug)]
pub(super) struct Sockets {
    pub(super) rtp: UdpSocket,
    pub(super) rtcp: UdpSocket,
    /// The RTP socket hears one address only.
    pub(super) connected: bool,
}

impl PreparedPort {
    /// Our side of the descriptions for this port.
    pub fn describe(&self) -> sdp::Session {
        sdp::Session::new(
            self.advertised,
            self.rtp_port,
            self.rtcp_port,
            rand::random(),
        )
    }

    /// The port RTP is received on.
    pub fn rtp_port(&self) -> u16 {
        self.rtp_port
    }

    /// The port RTCP is received on.
    pub fn rtcp_port(&self) -> u16 {
        self.rtcp_port
    }

    pub(super) fn advertised(&self) -> IpAddr {
        self.advertised
    }

    pub(super) fn into_parts(self) -> (Sockets, StreamStart) {
        (self.sockets, self.start)
    }
}

pub(super) fn prepare(
    bind: IpAddr,
    advertised: IpAddr,
    range: Option<&RangeInclusive<u16>>,
    next: &AtomicU16,
) -> Result<PreparedPort, NoPort> {
    let (sockets, rtp_port, rtcp_port) = match range {
        Some(range) => pair_in(bind, range, next)?,
        None => any_pair(bind)?,
    };
    let start = StreamStart {
        ssrc: rand::random(),
        // Half the space, so that the first wrap is not in the first second, where a receiver that
        // starts late could take it for a restart.
        sequence: rand::random::<u16>() >> 1,
        timestamp: rand::random(),
    };
    Ok(PreparedPort {
        sockets,
        start,
        advertised,
        rtp_port,
        rtcp_port,
    })
}

fn pair_in(
    bind: IpAddr,
    range: &RangeInclusive<u16>,
    next: &AtomicU16,
) -> Result<(Sockets, u16, u16), NoPort> {
    let first = u32::from(*range.start()).next_multiple_of(2);
    let last = u32::from(*range.end());
    let pairs = (last + 1).saturating_sub(first) / 2;
    // One after the other, so that a port just freed rests: late packets of its old call must not
    // be heard in the next.
    for _ in 0..pairs.min(limits::PORT_TRIES as u32) {
        let at = u32::from(next.fetch_add(1, Ordering::Relaxed)) % pairs;
        let port = (first + 2 * at) as u16;
        match pair(bind, port) {
            Ok(sockets) => return Ok((sockets, port, port + 1)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(NoPort::RangeIsFull {
        first: *range.start(),
        last: *range.end(),
    })
}

fn any_pair(bind: IpAddr) -> Result<(Sockets, u16, u16), NoPort> {
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..limits::PORT_TRIES {
        let rtp = open(SocketAddr::new(bind, 0))?;
        let port = rtp.local_addr()?.port();
        if port % 2 == 1 {
            continue;
        }
        match open(SocketAddr::new(bind, port + 1)) {
            Ok(rtcp) => {
                return Ok((
                    Sockets {
                        rtp,
                        rtcp,
                        connected: false,
                    },
                    port,
                    port + 1,
                ));
            }
            Err(error) => last = error,
        }
    }
    Err(last.into())
}

fn pair(bind: IpAddr, port: u16) -> io::Result<Sockets> {
    let rtp = open(SocketAddr::new(bind, port))?;
    let rtcp = open(SocketAddr::new(bind, port + 1))?;
    Ok(Sockets {
        rtp,
        rtcp,
        connected: false,
    })
}

fn open(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    // Expedited forwarding, as RFC 4594 §4.1 has it for voice. A host that does not allow it sends
    // all the same.
    if address.is_ipv4() {
        let _ = rustix::net::sockopt::set_ip_tos(&socket, 46 << 2);
    }
    Ok(socket)
}
