//! Where the peer really is: symmetric RTP (RFC 4961), with a guard against being led astray.
//!
//! ```text
//!            signalled address, one packet  ─┐
//!   Open ────────────────────────────────────┼──▶ Latched ── silent for RELATCH_AFTER ──▶ Open
//!            another address, three in order ┘       └── only the latched address is heard
//! ```
//!
//! An address that was described in signalling is believed at once; so is the one latched before.
//! Any other must send a few packets in sequence, and after a first latch with the stream number
//! (SSRC) the peer had: a rebinding translator keeps it, a stranger does not know it. While latched the socket is connected and the
//! kernel drops strangers before they cost anything, so nobody can take over a call whose peer
//! is speaking.

use std::net::SocketAddr;

use crate::limits::LATCH_PROBATION_PACKETS;

/// Where RTP of one port comes from and goes to.
#[derive(Debug, Clone)]
pub struct Latch {
    signalled: SocketAddr,
    latched: Option<SocketAddr>,
    open: bool,
    candidate: Option<Candidate>,
    /// The stream last heard from the latched address.
    ssrc: Option<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Candidate {
    from: SocketAddr,
    ssrc: u32,
    next: u16,
    heard: u8,
}

/// What to do with a packet from an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is the peer's.
    Hear,
    /// It is the peer's, and from now on only this address is.
    Latch(SocketAddr),
    /// It is not, or not yet.
    Ignore,
}

impl Latch {
    /// Open, with the address signalling described.
    pub fn new(signalled: SocketAddr) -> Self {
        Self {
            signalled,
            latched: None,
            open: true,
            candidate: None,
            ssrc: None,
        }
    }

    /// Where to send: the latched address, else the described one.
    pub fn destination(&self) -> SocketAddr {
        self.latched.unwrap_or(self.signalled)
    }

    /// Packets of anybody are looked at.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// A re-offer described an address. A new one opens the latch and forgets the old.
    pub(crate) fn signalled(&mut self, address: SocketAddr) {
        if address != self.signalled {
            *self = Self::new(address);
        }
    }

    /// The latched address has been silent too long: listen to others again.
    pub(crate) fn reopen(&mut self) {
        self.open = true;
        self.candidate = None;
    }

    /// A valid packet came.
    pub(crate) fn packet(&mut self, from: SocketAddr, ssrc: u32, sequence: u16) -> Verdict {
        if !self.open {
            if self.latched != Some(from) {
                return Verdict::Ignore;
            }
            self.ssrc = Some(ssrc);
            return Verdict::Hear;
        }
        if from == self.signalled || self.latched == Some(from) {
            return self.take(from, ssrc);
        }
        if self.ssrc.is_some_and(|known| known != ssrc) {
            return Verdict::Ignore;
        }
        let heard = match self.candidate {
            Some(c) if c.from == from && c.ssrc == ssrc && c.next == sequence => c.heard + 1,
            // Strangers may take turns to keep the true one from being recognised; the peer's
            // described address still wins at once, and so does any run of packets.
            _ => 1,
        };
        if heard >= LATCH_PROBATION_PACKETS {
            return self.take(from, ssrc);
        }
        self.candidate = Some(Candidate {
            from,
            ssrc,
            next: sequence.wrapping_add(1),
            heard,
        });
        Verdict::Ignore
    }

    fn take(&mut self, from: SocketAddr, ssrc: u32) -> Verdict {
        self.latched = Some(from);
        self.ssrc = Some(ssrc);
        self.open = false;
        self.candidate = None;
        Verdict::Latch(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    #[test]
    fn the_described_address_is_believed_at_once() {
        let mut latch = Latch::new(at(1));
        assert_eq!(latch.packet(at(1), 9, 100), Verdict::Latch(at(1)));
        assert_eq!(latch.packet(at(1), 9, 101), Verdict::Hear);
        assert_eq!(latch.packet(at(2), 9, 102), Verdict::Ignore);
    }

    #[test]
    fn a_phone_behind_a_translator_is_believed_after_three_packets() {
        let mut latch = Latch::new(at(1));
        assert_eq!(latch.packet(at(2), 9, 65_534), Verdict::Ignore);
        assert_eq!(latch.destination(), at(1));
        assert_eq!(latch.packet(at(2), 9, 65_535), Verdict::Ignore);
        assert_eq!(latch.packet(at(2), 9, 0), Verdict::Latch(at(2)));
        assert_eq!(latch.destination(), at(2));
    }

    #[test]
    fn a_hijacker_is_not_heard_while_the_peer_speaks() {
        let mut latch = Latch::new(at(1));
        latch.packet(at(1), 9, 0);
        for sequence in 0..100 {
            assert_eq!(latch.packet(at(66), 9, sequence), Verdict::Ignore);
        }
        assert_eq!(latch.destination(), at(1));
    }

    #[test]
    fn guesses_out_of_order_are_never_believed() {
        let mut latch = Latch::new(at(1));
        for n in 0..1_000_u16 {
            assert_eq!(
                latch.packet(at(66), 9, n.wrapping_mul(7919)),
                Verdict::Ignore
            );
        }
        assert_eq!(latch.packet(at(1), 9, 5), Verdict::Latch(at(1)));
    }

    #[test]
    fn a_rebound_peer_is_found_again() {
        let mut latch = Latch::new(at(1));
        latch.packet(at(1), 9, 0);
        latch.reopen();
        assert_eq!(latch.destination(), at(1));
        for sequence in 0..100 {
            assert_eq!(latch.packet(at(66), 10, sequence), Verdict::Ignore);
        }
        latch.packet(at(3), 9, 60);
        latch.packet(at(3), 9, 61);
        assert_eq!(latch.packet(at(3), 9, 62), Verdict::Latch(at(3)));
    }

    #[test]
    fn a_new_description_moves_the_stream_and_the_same_one_does_not() {
        let mut latch = Latch::new(at(1));
        latch.packet(at(1), 9, 0);
        latch.signalled(at(1));
        assert!(!latch.is_open());
        latch.signalled(at(5));
        assert!(latch.is_open());
        assert_eq!(latch.destination(), at(5));
    }
}
