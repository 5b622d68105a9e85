//! From 8 to 16 kHz, for the files of recordings: every second sample passes, the others are made.
//!
//! ```text
//!   in        a       b       c       d
//!   out       a   ?   b   ?   c   ?   d        ? = a short symmetric filter around its place
//! ```
//!
//! At twice the rate the filter of the general [`Resampler`](crate::Resampler) has a zero at every
//! second tap, so half of its work is a copy and the other half is a sum of mirrored pairs. Every
//! recorded call pays this for every frame, hence the code of its own.

use crate::TICK_SAMPLES;
use crate::resample::filter;

/// Pairs of samples a made one is the sum of: as sharp as the general filter (a transition of
/// 900 Hz around 4 kHz, 70 dB below it).
const PAIRS: usize = 16;

/// What the filter reads of the past beside the sample that is new.
const REACH: usize = 2 * PAIRS - 1;

/// Widens a stream piece by piece. What the filter's second half needs is still to come when a piece
/// ends, so the output runs behind by [`PAIRS`] samples of the input until [`finish`](Self::finish).
#[derive(Debug, Clone)]
pub(crate) struct Widener {
    taps: [f32; PAIRS],
    /// The last samples of the pieces before, then this one.
    line: [f32; REACH + TICK_SAMPLES],
    /// Places before the first sample, which are not part of the output.
    early: usize,
}

impl Widener {
    pub(crate) fn new() -> Self {
        Self {
            taps: taps(),
            line: [0.0; REACH + TICK_SAMPLES],
            early: PAIRS,
        }
    }

    /// Takes samples in and appends what they complete.
    pub(crate) fn process(&mut self, samples: &[i16], out: &mut Vec<i16>) {
        for piece in samples.chunks(TICK_SAMPLES) {
            let wide = self.piece(piece);
            let early = self.early.min(piece.len());
            self.early -= early;
            out.extend_from_slice(&wide[2 * early..2 * piece.len()]);
        }
    }

    /// Appends the last samples, so that twice as many have come out as went in. Nothing may follow.
    pub(crate) fn finish(&mut self, out: &mut Vec<i16>) {
        self.process(&[0; PAIRS], out);
    }

    fn piece(&mut self, piece: &[i16]) -> [i16; 2 * TICK_SAMPLES] {
        let length = piece.len();
        for (to, from) in self.line[REACH..].iter_mut().zip(piece) {
            *to = f32::from(*from);
        }
        // Tap by tap over the whole piece, not sample by sample: such loops become vectors.
        let mut made = [0.0_f32; TICK_SAMPLES];
        for (pair, tap) in self.taps.iter().enumerate() {
            let left = &self.line[PAIRS - 1 - pair..][..length];
            let right = &self.line[PAIRS + pair..][..length];
            for ((sum, left), right) in made.iter_mut().zip(left).zip(right) {
                *sum += tap * (left + right);
            }
        }
        let mut wide = [0; 2 * TICK_SAMPLES];
        let passed = &self.line[PAIRS - 1..][..length];
        for ((to, passed), made) in wide.chunks_exact_mut(2).zip(passed).zip(made) {
            to[0] = *passed as i16;
            to[1] = nearest(made);
        }
        self.line.copy_within(length..length + REACH, 0);
        wide
    }
}

/// The nearest sample; a filter overshoots at full scale. Adding half to what is not negative and
/// cutting off is no call, which `round` is.
fn nearest(value: f32) -> i16 {
    let upwards = value.clamp(-32_768.0, 32_767.0) + 32_768.5;
    (upwards as i32 - 32_768) as i16
}

/// Half of the general filter's odd phase: the other half mirrors it.
fn taps() -> [f32; PAIRS] {
    let odd = &filter(2, 1, 2 * PAIRS)[1];
    std::array::from_fn(|pair| odd[PAIRS + pair])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::resample;
    use proptest::prelude::*;

    fn widen(pieces: &[&[i16]]) -> Vec<i16> {
        let mut widener = Widener::new();
        let mut out = Vec::new();
        for piece in pieces {
            widener.process(piece, &mut out);
        }
        widener.finish(&mut out);
        out
    }

    proptest! {
        #[test]
        fn any_audio_in_any_pieces_is_what_the_general_filter_makes_of_it(
            samples in proptest::collection::vec(any::<i16>(), 0..1_000),
            length in 1_usize..400,
        ) {
            let pieces: Vec<&[i16]> = samples.chunks(length).collect();
            let wide = widen(&pieces);
            let general = resample(&samples, 8_000, 16_000);
            prop_assert_eq!(wide.len(), general.len());
            for (a, b) in wide.iter().zip(&general) {
                // Sums in another order differ in their last bit.
                prop_assert!(a.abs_diff(*b) <= 1, "{} {}", a, b);
            }
            for (passed, sample) in wide.iter().step_by(2).zip(&samples) {
                prop_assert_eq!(passed, sample);
            }
        }
    }
}
