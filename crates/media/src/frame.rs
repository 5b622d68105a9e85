//! Twenty milliseconds of sound, at the rate it is heard at.
//!
//! Inside there are two rates: 8 kHz, what telephones have always had, and 16 kHz, which is what G.722
//! carries, what prompts are and recordings become, and all of Opus that a voice needs. Audio stays at
//! the rate it came in until two rates meet.

use std::ops::{Deref, DerefMut};

use crate::TICK_SAMPLES;
use crate::rates::Rate;

/// The most samples a tick has.
pub const FRAME_SAMPLES_MAX: usize = Rate::Wide.tick_samples();

/// Twenty milliseconds of 16-bit mono sound. Reads as a slice of its samples.
#[derive(Clone, Copy)]
pub struct Frame {
    rate: Rate,
    samples: [i16; FRAME_SAMPLES_MAX],
}

impl Frame {
    /// Nothing, for twenty milliseconds.
    pub const fn silence(rate: Rate) -> Self {
        Self {
            rate,
            samples: [0; FRAME_SAMPLES_MAX],
        }
    }

    /// At 8 kHz.
    pub fn narrow(samples: &[i16; TICK_SAMPLES]) -> Self {
        let mut frame = Self::silence(Rate::Narrow);
        frame.copy_from_slice(samples);
        frame
    }

    /// At 16 kHz.
    pub const fn wide(samples: [i16; FRAME_SAMPLES_MAX]) -> Self {
        Self {
            rate: Rate::Wide,
            samples,
        }
    }

    /// Becomes the same as another, at the price of what is in that: half as much for a narrow one.
    pub(crate) fn assign(&mut self, other: &Self) {
        self.rate = other.rate;
        self.copy_from_slice(other);
    }

    /// Becomes a frame of this rate, whose samples are to be written: they are what they were.
    pub(crate) fn begin(&mut self, rate: Rate) {
        self.rate = rate;
    }

    /// Its rate.
    pub const fn rate(&self) -> Rate {
        self.rate
    }

    /// At 8 kHz, for judging and not for hearing: what is above 4 kHz is weakened and folded down
    /// rather than taken out.
    pub(crate) fn glance(&self) -> [i16; TICK_SAMPLES] {
        let mut narrow = [0; TICK_SAMPLES];
        match self.rate {
            Rate::Narrow => narrow.copy_from_slice(self),
            Rate::Wide => {
                for (to, pair) in narrow.iter_mut().zip(self.samples.as_chunks::<2>().0) {
                    *to = ((i32::from(pair[0]) + i32::from(pair[1])) / 2) as i16;
                }
            }
        }
        narrow
    }
}

impl Default for Frame {
    fn default() -> Self {
        Self::silence(Rate::Narrow)
    }
}

impl Deref for Frame {
    type Target = [i16];

    fn deref(&self) -> &[i16] {
        &self.samples[..self.rate.tick_samples()]
    }
}

impl DerefMut for Frame {
    fn deref_mut(&mut self) -> &mut [i16] {
        &mut self.samples[..self.rate.tick_samples()]
    }
}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        self.rate == other.rate && **self == **other
    }
}

impl Eq for Frame {}

/// What was said is nobody's to log.
impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Frame").field(&self.rate).finish()
    }
}
