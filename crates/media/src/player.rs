//! Playing clips: a copy a tick.

use std::num::NonZeroU32;

use offhook_terms::OperationId;

use crate::clip::{Clip, Encoded, Piece};
use crate::g711::Law;
use crate::rates::Rate;

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
    /// Which piece of it.
    piece: usize,
    at: usize,
    /// The next piece is still being made: there is silence until it is.
    waits: bool,
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
                piece: 0,
                at: 0,
                waits: false,
            },
        }
    }

    /// Fills a packet with what comes next and silence after it. True when nothing is left.
    pub(crate) fn fill(&mut self, law: Law, out: &mut [u8]) -> bool {
        self.place.fill(&self.clips, law, out)
    }

    /// Fills samples of a rate with what comes next and silence after it. True when nothing is left.
    pub(crate) fn fill_samples(&mut self, rate: Rate, out: &mut [i16]) -> bool {
        self.place.fill_samples(&self.clips, rate, out)
    }

    /// What comes next, and it stays next: others may ask for it in another codec.
    pub(crate) fn peek(&self, law: Law, out: &mut [u8]) {
        let mut place = self.place;
        place.fill(&self.clips, law, out);
    }

    /// What comes next as samples, and it stays next.
    pub(crate) fn peek_samples(&self, rate: Rate, out: &mut [i16]) {
        let mut place = self.place;
        place.fill_samples(&self.clips, rate, out);
    }

    /// A late tick's audio is dropped, not sent later: the prompt keeps its time. True when nothing is
    /// left.
    pub(crate) fn skip(&mut self, units: usize) -> bool {
        let passed = self.place.pass(&self.clips, units, |_, _, _, _| ());
        self.place.is_over(&self.clips, passed < units)
    }
}

impl Place {
    fn fill(&mut self, clips: &[Clip], law: Law, out: &mut [u8]) -> bool {
        let filled = self.pass(clips, out.len(), |clip, from, to, count| {
            out[to..to + count].copy_from_slice(&clip.bytes(law)[from..from + count]);
        });
        out[filled..].fill(law.silence());
        self.is_over(clips, filled < out.len())
    }

    fn fill_samples(&mut self, clips: &[Clip], rate: Rate, out: &mut [i16]) -> bool {
        let per = rate.per_unit();
        let units = out.len() / per;
        let filled = self.pass(clips, units, |clip, from, to, count| {
            let out = &mut out[to * per..(to + count) * per];
            match rate {
                Rate::Narrow => Law::Mu.decode(&clip.bytes(Law::Mu)[from..from + count], out),
                Rate::Wide => out.copy_from_slice(&clip.wide()[2 * from..2 * (from + count)]),
            }
        });
        out[filled * per..].fill(0);
        self.is_over(clips, filled < units)
    }

    /// Goes on by so many units, handing each piece to `copy`: its clip, where in the clip and where in
    /// the output it begins, and how long it is. Gives how many there were.
    fn pass(
        &mut self,
        clips: &[Clip],
        units: usize,
        mut copy: impl FnMut(&Encoded, usize, usize, usize),
    ) -> usize {
        let mut filled = 0;
        // A round without a sample would turn for ever.
        let mut empty_clips = 0;
        self.waits = false;
        while filled < units {
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
                continue;
            };
            let Piece::Made(piece) = clip.piece(self.piece) else {
                self.waits = true;
                break;
            };
            let rest = piece.units().saturating_sub(self.at);
            let count = rest.min(units - filled);
            copy(piece, self.at, filled, count);
            filled += count;
            self.at += count;
            if count == rest {
                empty_clips = if piece.units() == 0 {
                    empty_clips + 1
                } else {
                    0
                };
                self.at = 0;
                self.piece += 1;
                self.go_on(clips);
            }
        }
        self.go_on(clips);
        filled
    }

    /// To the next clip, where this one has no more pieces.
    fn go_on(&mut self, clips: &[Clip]) {
        let piece = clips.get(self.clip).map(|clip| clip.piece(self.piece));
        if matches!(piece, Some(Piece::None)) {
            self.clip += 1;
            self.piece = 0;
            self.waits = false;
        }
    }

    /// Whether nothing is left; `is_short` when less was there than was wanted.
    fn is_over(&self, clips: &[Clip], is_short: bool) -> bool {
        let nothing_left = self.rounds_left == Some(0) && self.clip >= clips.len();
        nothing_left || (is_short && !self.waits)
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
            let ended = player.fill(Law::A, &mut packet);
            let mut samples = [0; 4];
            Law::A.decode(&packet, &mut samples);
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
    fn samples_of_both_rates_are_the_same_audio() {
        let clips = vec![clip(&[1000; 5]), clip(&[2000; 6])];
        for rate in [Rate::Narrow, Rate::Wide] {
            let per = rate.per_unit();
            let mut player = Player::new(OperationId::from_bits(1), clips.clone(), Repeat::ONCE);
            let mut out = vec![-1; 8 * per];
            assert!(!player.fill_samples(rate, &mut out));
            assert!(
                out[..3 * per].iter().all(|s| (800..1_300).contains(s)),
                "{out:?}"
            );
            assert!(out[7 * per..].iter().all(|s| *s > 1_500));
            assert!(player.fill_samples(rate, &mut out));
            assert!(out[3 * per..].iter().all(|s| *s == 0));
        }
    }

    #[test]
    fn a_clip_that_is_being_made_is_played_as_far_as_it_is() {
        let samples = |value: i16| Samples {
            rate: 8_000,
            samples: vec![value; 6],
        };
        let (clip, mut feed) = Clip::growing(&samples(1_000));
        let mut player = Player::new(OperationId::from_bits(1), vec![clip.clone()], Repeat::ONCE);
        let mut next = || {
            let mut packet = [0; 4];
            let is_over = player.fill(Law::A, &mut packet);
            let mut samples = [0; 4];
            Law::A.decode(&packet, &mut samples);
            (samples.map(|sample| sample > 500), is_over)
        };
        assert_eq!(next(), ([true; 4], false));
        // Two samples are there, and then none for a while.
        assert_eq!(next(), ([true, true, false, false], false));
        assert_eq!(next(), ([false; 4], false));
        assert!(feed.give(&samples(2_000)));
        assert_eq!(next(), ([true; 4], false));
        assert_eq!(next(), ([true, true, false, false], false));
        drop(feed);
        assert_eq!(next(), ([false; 4], true));
        // Somebody who plays it later hears it whole, and its end at once.
        assert_eq!(play(vec![clip], Repeat::ONCE, 10).1, 3);
    }

    #[test]
    fn a_late_tick_is_skipped() {
        let mut player = Player::new(
            OperationId::from_bits(1),
            vec![clip(&[1000; 500])],
            Repeat::ONCE,
        );
        assert!(!player.skip(320));
        assert!(player.skip(320));
    }
}
