//! One socket for all calls, and many packets with one system call: the physical limit.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};

use crate::mmsg::Batch;
use crate::{Failure, Moved, SLOTS, Way, write_packet};

/// Packets moved with one system call. Beyond this the call itself no longer counts.
const BATCH: usize = 64;

pub(crate) struct Batched {
    socket: UdpSocket,
    peers: Vec<SocketAddrV4>,
    sequences: Vec<u16>,
    calls: usize,
    out: Batch,
    heard: Batch,
}

impl Batched {
    pub(crate) fn new(calls: usize) -> Result<Self, Failure> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        // What comes within 20 ms waits in one queue here, which the usual size does not hold.
        crate::mmsg::enlarge_receive_queue(&socket, 8 << 20)?;
        Ok(Self {
            socket,
            peers: Vec::new(),
            sequences: vec![0; calls],
            calls,
            out: Batch::new(BATCH),
            heard: Batch::new(BATCH),
        })
    }
}

impl Way for Batched {
    fn ports(&self) -> Vec<u16> {
        let port = self.socket.local_addr().map_or(0, |at| at.port());
        vec![port; self.calls]
    }

    fn connect(&mut self, peers: &[u16]) -> Result<(), Failure> {
        let address = |port: &u16| SocketAddrV4::new(Ipv4Addr::LOCALHOST, *port);
        self.peers = peers.iter().map(address).collect();
        Ok(())
    }

    fn slot(&mut self, slot: usize, moved: &mut Moved) {
        let mut calls = (slot..self.calls.min(self.peers.len())).step_by(SLOTS);
        let mut left = calls.len();
        while left > 0 {
            let count = left.min(BATCH);
            for (at, call) in calls.by_ref().take(count).enumerate() {
                write_packet(self.out.packet(at), call, self.sequences[call]);
                self.sequences[call] = self.sequences[call].wrapping_add(1);
                self.out.address(at, self.peers[call]);
            }
            let sent = self.out.send(&self.socket, count);
            moved.sent += sent as u64;
            moved.unsent += (count - sent) as u64;
            left -= count;
        }
        // As many as may have come in this slot, and half as many again to catch up.
        let mut reads = self.calls / SLOTS * 3 / 2 + BATCH;
        while reads > 0 {
            let wanted = reads.min(BATCH);
            let got = self.heard.receive(&self.socket, wanted);
            moved.received += got as u64;
            reads -= got;
            if got < wanted {
                break;
            }
        }
    }
}
