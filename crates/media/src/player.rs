//! Playing clips: a copy a tick.

use std::num::NonZeroU32;

use offhook_terms::OperationId;

use crate::clip::Clip;
use crate::codec::Codec;

/// How often the clips are played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// So many times in all.
    Times(NonZeroU32),
    /// Until stopped.
    UntilStopped,
}

impl Repeat {
    /// One time.
    pub const ONCE: Self = Self::Times(NonZeroU32::MIN);
}

/// Why playing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlayEnded {
    /// All of it was sent.
    Finished,
    /// Stopped, or replaced by another.
    Stopped,
}

#[derive(Debug)]
pub(crate) struct Player {
    pub(crate) operation: OperationId,
    pub(crate) clips: Vec<Clip>,
    place: Place,
}

/// How far the clips are played.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// Rounds left after this one; `None` without end.
    rounds_left: Option<u32>,
    clip: usize,
    at: usize,
}

impl Player {
    pub(crate) fn new(operation: OperationId, clips: Vec<Clip>, repeat: Repeat) -> Self {
        let rounds_left = match repeat {
            Repeat::Times(times) => Some(times.get() - 1),
            Repeat::UntilStopped => None,
        };
        Self {
            operation,
            clips,
            place: Place {
                rounds_left,
                clip: 0,
                at: 0,
            },
        }
    }

    /// Fills a packet with what comes next and silence after it. True when nothing is left.
    pub(crate) fn fill(&mut self, codec: Codec, out: &mut [u8]) -> bool {
        self.place.fill(&self.clips, codec, out)
    }

    /// What comes next, and it stays next: others may ask for it in another codec.
    pub(crate) fn peek(&self, codec: Codec, out: &mut [u8]) {
        let mut place = self.place;
        place.fill(&self.clips, codec, out);
    }

    /// A late tick's audio is dropped, not sent later: the prompt keeps its time.
    pub(crate) fn skip(&mut self, codec: Codec, samples: usize) -> bool {
        let mut dropped = [0; crate::TICK_SAMPLES];
        let mut left = samples;
        while left > 0 {
            let piece = left.min(dropped.len());
            if self.fill(codec, &mut dropped[..piece]) {
                return true;
            }
            left -= piece;
        }
        false
    }
}

impl Place {
    fn fill(&mut self, clips: &[Clip], codec: Codec, out: &mut [u8]) -> bool {
        let mut filled = 0;
        // A round without a sample would turn for ever.
        let mut empty_clips = 0;
        while filled < out.len() {
            let Some(clip) = clips.get(self.clip) else {
                match self.rounds_left.as_mut() {
                    Some(0) => break,
                    Some(rounds) => *rounds -= 1,
                    None => {}
                }
                if empty_clips >= clips.len() {
                    break;
                }
                self.clip = 0;
                self.at = 0;
                continue;
            };
            let bytes = clip.bytes(codec);
            let rest = &bytes[self.at.min(bytes.len())..];
            let copied = rest.len().min(out.len() - filled);
            out[filled..filled + copied].copy_from_slice(&rest[..copied]);
            filled += copied;
            self.at += copied;
            if copied == rest.len() {
                empty_clips = if bytes.is_empty() { empty_clips + 1 } else { 0 };
                self.clip += 1;
                self.at = 0;
            }
        }
        out[filled..].fill(codec.silence());
        filled < out.len() || self.nothing_left(clips)
    }

    fn nothing_left(&self, clips: &[Clip]) -> bool {
        self.rounds_left == Some(0) && self.clip >= clips.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wav::Samples;

    fn clip(samples: &[i16]) -> Clip {
        Clip::from_samples(&Samples {
            rate: 8_000,
            samples: samples.to_vec(),
        })
    }

    fn play(clips: Vec<Clip>, repeat: Repeat, packets: usize) -> (Vec<i16>, usize) {
        let mut player = Player::new(OperationId::from_bits(1), clips, repeat);
        let mut all = Vec::new();
        for n in 0..packets {
            let mut packet = [0; 4];
            let ended = player.fill(Codec::Pcma, &mut packet);
            let mut samples = [0; 4];
            Codec::Pcma.decode(&packet, &mut samples);
            all.extend(samples);
            if ended {
                return (all, n + 1);
            }
        }
        (all, packets + 1)
    }

    #[test]
    fn clips_follow_each_other_without_a_seam() {
        let (heard, packets) = play(vec![clip(&[1000; 3]), clip(&[2000; 4])], Repeat::ONCE, 10);
        assert_eq!(packets, 2);
        let loud: Vec<bool> = heard.iter().map(|s| *s > 500).collect();
        assert_eq!(loud, [true, true, true, true, true, true, true, false]);
        assert!(heard[2] < 1100 && heard[3] > 1900);
    }

    #[test]
    fn rounds_are_counted_and_exact() {
        let twice = Repeat::Times(NonZeroU32::new(2).unwrap());
        assert_eq!(play(vec![clip(&[1000; 6])], twice, 10).1, 3);
        assert_eq!(play(vec![clip(&[1000; 8])], Repeat::ONCE, 10).1, 2);
        assert_eq!(
            play(vec![clip(&[1000; 8])], Repeat::UntilStopped, 1000).1,
            1001
        );
    }

    #[test]
    fn nothing_to_play_ends_at_once() {
        assert_eq!(play(vec![], Repeat::UntilStopped, 3).1, 1);
        assert_eq!(play(vec![clip(&[])], Repeat::UntilStopped, 3).1, 1);
        assert_eq!(
            play(
                vec![clip(&[]), clip(&[])],
                Repeat::Times(NonZeroU32::MAX),
                3
            )
            .1,
            1
        );
    }

    #[test]
    fn a_late_tick_is_skipped() {
        let mut player = Player::new(
            OperationId::from_bits(1),
            vec![clip(&[1000; 500])],
            Repeat::ONCE,
        );
        assert!(!player.skip(Codec::Pcmu, 320));
        assert!(player.skip(Codec::Pcmu, 320));
    }
}
