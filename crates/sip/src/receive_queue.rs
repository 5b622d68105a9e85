//! Room for datagrams that arrive while we are busy.
//!
//! The system gives a socket room for some two hundred datagrams, which is forty milliseconds at a
//! thousand calls a second; what finds no room is sent again half a second later. The stack opens
//! its socket itself and has no setting for this, so the socket is found among our own open files by
//! its address, and its room is made larger through a second handle to it. Where that cannot be done
//! nothing is lost but the room.

use std::net::SocketAddr;

/// Bytes of room: a second of a thousand calls a second. The system gives less where it is told to
/// (`net.core.rmem_max`).
const BYTES: usize = 4 * 1024 * 1024;

/// Makes the receive queue of our UDP socket at this address larger.
pub(crate) fn widen(address: SocketAddr) {
    if let Err(why) = system::widen(address) {
        tracing::debug!(%why, "the receive queue of SIP over UDP keeps its usual size");
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs;
    use std::io;
    use std::net::SocketAddr;
    use std::os::fd::OwnedFd;

    use rustix::net::{SocketType, getsockname, sockopt};
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

    pub(super) fn widen(address: SocketAddr) -> io::Result<()> {
        let own_process = pidfd_open(getpid(), PidfdFlags::empty())?;
        for file in fs::read_dir("/proc/self/fd")? {
            let name = file?.file_name();
            let Some(number) = name.to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            // One that was closed meanwhile is not ours.
            let Ok(file) = pidfd_getfd(&own_process, number, PidfdGetfdFlags::empty()) else {
                continue;
            };
            if is_udp_at(&file, address) {
                sockopt::set_socket_recv_buffer_size(&file, super::BYTES)?;
                return Ok(());
            }
        }
        Err(io::ErrorKind::NotFound.into())
    }

    fn is_udp_at(file: &OwnedFd, address: SocketAddr) -> bool {
        sockopt::socket_type(file) == Ok(SocketType::DGRAM)
            && getsockname(file).is_ok_and(|name| SocketAddr::try_from(name) == Ok(address))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_queue_of_our_socket_grows_and_no_other() {
            let ours = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
            let other = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
            let size = |socket| sockopt::socket_recv_buffer_size(socket).expect("a size");
            let before = size(&other);
            widen(ours.local_addr().expect("bound")).expect("found");
            assert!(size(&ours) > before);
            assert_eq!(size(&other), before);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn widen(_: std::net::SocketAddr) -> std::io::Result<()> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
}
