//! Between the two rates of a room, twenty milliseconds at a time and in no memory but its own.
//!
//! One to two and two to one, the filter of the general [`Resampler`](crate::Resampler) has a zero at
//! every second tap: half of the work is a copy and the other half a sum of mirrored pairs.
//!
//! ```text
//!   wide      a   b   c   d   e   f   g        even places: a c e g    odd places: b d f
//!   narrow    a'      c'      e'      g'       e' = half of e, and pairs (d f) (b h) …
//! ```

use crate::TICK_SAMPLES;
use crate::resample::filter;

/// How many samples make a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Rate {
    /// 8,000.
    #[default]
    Narrow,
    /// 16,000.
    Wide,
}

impl Rate {
    /// Samples a second.
    pub const fn hertz(self) -> u32 {
        8_000 * self.per_unit() as u32
    }

    /// Samples of a tick.
    pub const fn tick_samples(self) -> usize {
        TICK_SAMPLES * self.per_unit()
    }

    /// Samples in 1/8000 s, in which all media time is counted.
    pub(crate) const fn per_unit(self) -> usize {
        match self {
            Self::Narrow => 1,
            Self::Wide => 2,
        }
    }
}

/// Samples of a tick at 16 kHz.
pub(crate) const WIDE_SAMPLES: usize = Rate::Wide.tick_samples();

/// Pairs a made sample is the sum of: a transition of 900 Hz around 4 kHz, 70 dB below it.
const PAIRS: usize = 16;

/// Samples of the past a filter reads, at the lower rate.
const REACH: usize = 2 * PAIRS - 1;

/// What was heard last of one source, for the filter to go on from.
#[derive(Debug, Clone)]
pub(crate) struct Past {
    even: [f32; REACH],
    odd: [f32; REACH],
}

impl Default for Past {
    fn default() -> Self {
        Self {
            even: [0.0; REACH],
            odd: [0.0; REACH],
        }
    }
}

/// The filters, made once for all sources of a thread.
#[derive(Debug)]
pub(crate) struct Filters {
    /// For the samples made between two.
    up: [f32; PAIRS],
    down: [f32; PAIRS],
    /// What a sample itself counts when going down.
    middle: f32,
}

impl Filters {
    pub(crate) fn new() -> Self {
        let up = &filter(2, 1, 2 * PAIRS)[1];
        let down = &filter(1, 2, 4 * PAIRS)[0];
        let centre = 2 * PAIRS - 1;
        Self {
            up: std::array::from_fn(|pair| up[PAIRS + pair]),
            down: std::array::from_fn(|pair| down[centre + 2 * pair + 1]),
            middle: down[centre],
        }
    }

    /// From 8 to 16 kHz, two milliseconds behind.
    pub(crate) fn widen(
        &self,
        past: &mut Past,
        narrow: &[i16; TICK_SAMPLES],
        wide: &mut [i16; WIDE_SAMPLES],
    ) {
        let line = line(&past.even, narrow.iter().copied());
        let made = pairs(&self.up, &line);
        let passed = &line[PAIRS - 1..];
        for ((to, passed), made) in wide.chunks_exact_mut(2).zip(passed).zip(made) {
            to[0] = nearest(*passed);
            to[1] = nearest(made);
        }
        past.even.copy_from_slice(&line[TICK_SAMPLES..]);
    }

    /// From 16 to 8 kHz, two milliseconds behind.
    pub(crate) fn narrow(
        &self,
        past: &mut Past,
        wide: &[i16; WIDE_SAMPLES],
        narrow: &mut [i16; TICK_SAMPLES],
    ) {
        let even = line(&past.even, wide.iter().step_by(2).copied());
        let odd = line(&past.odd, wide.iter().skip(1).step_by(2).copied());
        let made = pairs(&self.down, &odd);
        // An odd sample comes after its even one: the one between a pair is the later of the two.
        let between = &even[PAIRS..];
        for ((to, middle), made) in narrow.iter_mut().zip(between).zip(made) {
            *to = nearest(self.middle * middle + made);
        }
        past.even.copy_from_slice(&even[TICK_SAMPLES..]);
        past.odd.copy_from_slice(&odd[TICK_SAMPLES..]);
    }
}

type Line = [f32; REACH + TICK_SAMPLES];

fn line(past: &[f32; REACH], samples: impl Iterator<Item = i16>) -> Line {
    let mut line = [0.0; REACH + TICK_SAMPLES];
    line[..REACH].copy_from_slice(past);
    for (to, sample) in line[REACH..].iter_mut().zip(samples) {
        *to = f32::from(sample);
    }
    line
}

/// Tap by tap over the whole line, not sample by sample: such loops become vectors.
fn pairs(taps: &[f32; PAIRS], line: &Line) -> [f32; TICK_SAMPLES] {
    let mut made = [0.0_f32; TICK_SAMPLES];
    for (pair, tap) in taps.iter().enumerate() {
        let left = &line[PAIRS - 1 - pair..][..TICK_SAMPLES];
        let right = &line[PAIRS + pair..][..TICK_SAMPLES];
        for ((sum, left), right) in made.iter_mut().zip(left).zip(right) {
            *sum += tap * (left + right);
        }
    }
    made
}

/// The nearest sample; a filter overshoots at full scale. Adding half to what is not negative and
/// cutting off is no call, which `round` is.
fn nearest(value: f32) -> i16 {
    let upwards = value.clamp(-32_768.0, 32_767.0) + 32_768.5;
    (upwards as i32 - 32_768) as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::resample;
    use proptest::prelude::*;

    /// The output is two milliseconds late.
    const LATE: usize = PAIRS;

    proptest! {
        #[test]
        fn ticks_come_out_as_the_general_filter_makes_them(
            samples in proptest::collection::vec(any::<i16>(), 4 * WIDE_SAMPLES),
        ) {
            let filters = Filters::new();
            let (mut past, mut wide) = (Past::default(), Vec::new());
            for tick in samples.chunks_exact(TICK_SAMPLES) {
                let mut out = [0; WIDE_SAMPLES];
                filters.widen(&mut past, tick.try_into().unwrap(), &mut out);
                wide.extend(out);
            }
            let general = resample(&samples, 8_000, 16_000);
            for (a, b) in wide[2 * LATE..].iter().zip(&general) {
                prop_assert!(a.abs_diff(*b) <= 1, "up: {} {}", a, b);
            }

            let (mut past, mut narrow) = (Past::default(), Vec::new());
            for tick in samples.chunks_exact(WIDE_SAMPLES) {
                let mut out = [0; TICK_SAMPLES];
                filters.narrow(&mut past, tick.try_into().unwrap(), &mut out);
                narrow.extend(out);
            }
            let general = resample(&samples, 16_000, 8_000);
            let late = LATE - 1;
            for (a, b) in narrow[late..].iter().zip(&general) {
                prop_assert!(a.abs_diff(*b) <= 1, "down: {} {}", a, b);
            }
        }
    }
}
