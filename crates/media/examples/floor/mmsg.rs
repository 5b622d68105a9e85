//! `sendmmsg` and `recvmmsg`, which the standard library does not have.
//!
//! The only place of this program where the compiler cannot check memory. What makes it sound:
//! every pointer the kernel is given leads into a `Vec` of the same [`Batch`], none of which is
//! ever resized, and no system call is given more headers than there are.

#![allow(
    unsafe_code,
    reason = "the batched system calls exist only in C, and the physical limit is measured with them"
)]

use std::net::{SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;

use crate::PACKET_BYTES;

/// Packets with their addresses, laid out as the kernel wants them.
pub(crate) struct Batch {
    packets: Vec<[u8; PACKET_BYTES]>,
    addresses: Vec<libc::sockaddr_in>,
    /// Pointed to by `headers` for as long as this lives.
    _vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
}

impl Batch {
    pub(crate) fn new(size: usize) -> Self {
        let mut packets = vec![[0xff; PACKET_BYTES]; size];
        let nowhere = libc::sockaddr_in {
            sin_family: libc::AF_INET as libc::sa_family_t,
            sin_port: 0,
            sin_addr: libc::in_addr { s_addr: 0 },
            sin_zero: [0; 8],
        };
        let mut addresses = vec![nowhere; size];
        let mut vectors: Vec<libc::iovec> = packets
            .iter_mut()
            .map(|packet| libc::iovec {
                iov_base: packet.as_mut_ptr().cast(),
                iov_len: PACKET_BYTES,
            })
            .collect();
        let headers = vectors
            .iter_mut()
            .zip(&mut addresses)
            .map(|(vector, address)| {
                // SAFETY: a header of zeros is a valid one: no name, no data, no control.
                let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
                header.msg_hdr.msg_name = std::ptr::from_mut(address).cast();
                header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
                header.msg_hdr.msg_iov = vector;
                header.msg_hdr.msg_iovlen = 1;
                header
            })
            .collect();
        Self {
            packets,
            addresses,
            _vectors: vectors,
            headers,
        }
    }

    pub(crate) fn packet(&mut self, at: usize) -> &mut [u8; PACKET_BYTES] {
        &mut self.packets[at]
    }

    pub(crate) fn address(&mut self, at: usize, to: SocketAddrV4) {
        self.addresses[at].sin_port = to.port().to_be();
        self.addresses[at].sin_addr.s_addr = u32::from(*to.ip()).to_be();
    }

    /// Sends the first `count` packets and gives how many went.
    pub(crate) fn send(&mut self, socket: &UdpSocket, count: usize) -> usize {
        let count = count.min(self.headers.len());
        // SAFETY: `count` headers exist, and what they point to belongs to `self`.
        let sent = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                count as libc::c_uint,
                libc::MSG_DONTWAIT,
            )
        };
        usize::try_from(sent).unwrap_or(0)
    }

    /// Reads up to `count` packets and gives how many came.
    pub(crate) fn receive(&mut self, socket: &UdpSocket, count: usize) -> usize {
        let count = count.min(self.headers.len());
        // SAFETY: `count` headers exist, what they point to belongs to `self`, and the kernel
        // writes no more than the lengths they state. Without a timeout none is read.
        let got = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                count as libc::c_uint,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        usize::try_from(got).unwrap_or(0)
    }
}

/// Asks for a receive queue of so many bytes, beyond the usual bound where that is allowed.
pub(crate) fn enlarge_receive_queue(socket: &UdpSocket, bytes: libc::c_int) -> std::io::Result<()> {
    let set = |option| {
        // SAFETY: the value is an int that lives through the call, and its size is given.
        unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                option,
                std::ptr::from_ref(&bytes).cast(),
                size_of::<libc::c_int>() as libc::socklen_t,
            )
        }
    };
    if set(libc::SO_RCVBUFFORCE) == 0 || set(libc::SO_RCVBUF) == 0 {
        return Ok(());
    }
    Err(std::io::Error::last_os_error())
}
