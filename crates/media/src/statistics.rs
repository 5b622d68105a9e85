//! What a stream has been like: counted as it comes in (RFC 3550 appendix A.3 and A.8).

use crate::rtcp::Block;

/// How one leg's audio went, both ways; told when its room closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// RTP packets sent.
    pub packets_sent: u64,
    /// RTP packets received and accepted.
    pub packets_received: u64,
    /// Packets that were expected and never came.
    pub packets_lost: u64,
    /// Packets that came twice.
    pub packets_duplicated: u64,
    /// Packets that came after their turn while somebody listened.
    pub packets_late: u64,
    /// Packets that were not RTP, not agreed or not from the peer.
    pub packets_refused: u64,
    /// Packets the network would not take from us.
    pub packets_unsent: u64,
    /// Interarrival jitter at the end, in timestamp units of 1/8000 s.
    pub jitter: u32,
    /// What the peer's last report said it lost of ours, in 1/256.
    pub peer_fraction_lost: u8,
    /// Whether the peer ever reported.
    pub peer_reported: bool,
    /// The round trip its last report gives, in milliseconds.
    pub round_trip_ms: Option<u32>,
}

/// Sequence numbers further apart than this are another beginning, not loss (RFC 3550 A.1).
const DROPOUT_MAX: u16 = 3000;
/// Older than this is not reordering but a restart.
const MISORDER_MAX: u16 = 100;

/// The receiver of one SSRC.
#[derive(Debug, Clone, Default)]
pub(crate) struct Received {
    begun: bool,
    base: u32,
    highest: u32,
    count: u64,
    /// The last sixty-four sequence numbers, to know a duplicate from a late packet.
    seen: u64,
    duplicates: u64,
    transit: i32,
    jitter_16: u32,
    expected_before: u64,
    count_before: u64,
    /// Of earlier streams on this port.
    lost_before: u64,
    received_before: u64,
}

/// How a sequence number relates to those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The next or a later one, or one that was missing.
    New,
    /// Seen already.
    Duplicate,
}

impl Received {
    /// A new stream begins on the same port; the totals stay.
    pub(crate) fn begin_stream(&mut self) {
        *self = Self {
            lost_before: self.lost(),
            received_before: self.received_before + self.count,
            duplicates: self.duplicates,
            ..Self::default()
        };
    }

    /// Takes note of a packet; `arrival` is in the units of its timestamps. Tones do not move the
    /// jitter: their timestamps stand still.
    pub(crate) fn packet(&mut self, sequence: u16, timestamp: Option<u32>, arrival: u32) -> Place {
        if !self.begun {
            self.begun = true;
            self.base = u32::from(sequence);
            self.highest = self.base;
            self.seen = 1;
        } else {
            let ahead = sequence.wrapping_sub(self.highest as u16);
            if ahead == 0 {
                self.duplicates += 1;
                return Place::Duplicate;
            } else if ahead < DROPOUT_MAX {
                self.highest = self.highest.wrapping_add(u32::from(ahead));
                self.seen = if ahead < 64 {
                    (self.seen << ahead) | 1
                } else {
                    1
                };
            } else if ahead.wrapping_neg() <= MISORDER_MAX {
                let bit = 1_u64
                    .checked_shl(u32::from(ahead.wrapping_neg()))
                    .unwrap_or(0);
                if self.seen & bit != 0 {
                    self.duplicates += 1;
                    return Place::Duplicate;
                }
                self.seen |= bit;
            } else {
                self.begin_stream();
                return self.packet(sequence, timestamp, arrival);
            }
        }
        self.count += 1;
        if let Some(timestamp) = timestamp {
            let transit = arrival.wrapping_sub(timestamp) as i32;
            if self.count > 1 {
                let change = transit.wrapping_sub(self.transit).unsigned_abs();
                // A jump of a second is the sender's clock, not the network.
                if change < 8_000 {
                    self.jitter_16 = self.jitter_16 + change - ((self.jitter_16 + 8) >> 4);
                }
            }
            self.transit = transit;
        }
        Place::New
    }

    fn expected(&self) -> u64 {
        if self.begun {
            u64::from(self.highest.wrapping_sub(self.base)) + 1
        } else {
            0
        }
    }

    pub(crate) fn received(&self) -> u64 {
        self.received_before + self.count
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lost_before + self.expected().saturating_sub(self.count)
    }

    pub(crate) fn duplicates(&self) -> u64 {
        self.duplicates
    }

    pub(crate) fn jitter(&self) -> u32 {
        self.jitter_16 >> 4
    }

    /// The block of our next report, which closes the interval it covers.
    pub(crate) fn block(&mut self, ssrc: u32) -> Block {
        let expected = self.expected() - self.expected_before;
        let received = self.count - self.count_before;
        self.expected_before = self.expected();
        self.count_before = self.count;
        let lost = expected.saturating_sub(received);
        Block {
            ssrc,
            fraction_lost: (lost * 256).checked_div(expected).unwrap_or(0).min(255) as u8,
            lost: (self.expected() as i64 - self.count as i64).clamp(-0x80_0000, 0x7f_ffff) as i32,
            highest_sequence: self.highest,
            jitter: self.jitter(),
            last_report: 0,
            since_last_report: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn loss_wrap_and_duplicates_are_told_apart() {
        let mut received = Received::default();
        let mut arrival = 0;
        for n in 0..1_000_u32 {
            arrival += 160;
            if n % 10 == 3 {
                continue;
            }
            let sequence = 65_000_u16.wrapping_add(n as u16);
            assert_eq!(
                received.packet(sequence, Some(n * 160), arrival),
                Place::New
            );
            if n % 100 == 4 {
                assert_eq!(
                    received.packet(sequence, Some(n * 160), arrival),
                    Place::Duplicate
                );
            }
        }
        assert_eq!(
            (received.received(), received.lost(), received.duplicates()),
            (900, 100, 10)
        );
        assert_eq!(received.jitter(), 0);
        let block = received.block(1);
        assert_eq!((block.lost, block.fraction_lost), (100, 25));
        assert_eq!(block.highest_sequence, 65_000 + 999);
        assert_eq!(received.block(1).fraction_lost, 0);
    }

    #[test]
    fn a_late_packet_heals_the_loss() {
        let mut received = Received::default();
        for sequence in [1, 2, 4, 5, 3] {
            received.packet(sequence, None, 0);
        }
        assert_eq!(received.lost(), 0);
        assert_eq!(received.packet(3, None, 0), Place::Duplicate);
    }

    #[test]
    fn a_restart_keeps_the_totals() {
        let mut received = Received::default();
        for sequence in [1, 3] {
            received.packet(sequence, None, 0);
        }
        received.packet(30_000, None, 0);
        assert_eq!((received.received(), received.lost()), (3, 1));
    }

    proptest! {
        #[test]
        fn any_sequence_is_counted_without_panic(sequences in proptest::collection::vec(any::<u16>(), 0..300), arrival in any::<u32>()) {
            let mut received = Received::default();
            for sequence in &sequences {
                received.packet(*sequence, Some(u32::from(*sequence)), arrival);
                received.block(1);
            }
            prop_assert_eq!(received.received() + received.duplicates(), sequences.len() as u64);
        }
    }
}
