//! One connected socket a call: two system calls a packet pair.

use std::net::{Ipv4Addr, UdpSocket};

use crate::{Failure, Moved, PACKET_BYTES, SLOTS, Way, write_packet};

pub(crate) struct Connected {
    sockets: Vec<UdpSocket>,
    sequences: Vec<u16>,
    packet: [u8; PACKET_BYTES],
    heard: [u8; 1500],
}

impl Connected {
    pub(crate) fn new(calls: usize) -> Result<Self, Failure> {
        let socket = |_| {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        };
        Ok(Self {
            sockets: (0..calls).map(socket).collect::<std::io::Result<_>>()?,
            sequences: vec![0; calls],
            packet: [0xff; PACKET_BYTES],
            heard: [0; 1500],
        })
    }
}

impl Way for Connected {
    fn ports(&self) -> Vec<u16> {
        let port = |socket: &UdpSocket| socket.local_addr().map_or(0, |at| at.port());
        self.sockets.iter().map(port).collect()
    }

    fn connect(&mut self, peers: &[u16]) -> Result<(), Failure> {
        for (socket, peer) in self.sockets.iter().zip(peers) {
            socket.connect((Ipv4Addr::LOCALHOST, *peer))?;
        }
        Ok(())
    }

    fn slot(&mut self, slot: usize, moved: &mut Moved) {
        for call in (slot..self.sockets.len()).step_by(SLOTS) {
            let socket = &self.sockets[call];
            write_packet(&mut self.packet, call, self.sequences[call]);
            self.sequences[call] = self.sequences[call].wrapping_add(1);
            match socket.send(&self.packet) {
                Ok(_) => moved.sent += 1,
                Err(_) => moved.unsent += 1,
            }
            if socket.recv(&mut self.heard).is_ok() {
                moved.received += 1;
            }
        }
    }
}
