//! Keys in the sound of a call (ITU-T Q.23, Q.24), for a peer that has not agreed to tell of them.
//!
//! ```text
//!   10 ms of samples ─▶ blocks of 20 ms, half over each other ─▶ eight levels, and two of overtones
//!   two blocks of one key in a row: pressed       three without it: up, and the next may come
//! ```
//!
//! What speech does now and then, a key does not: it has one frequency of each row and column and
//! little else, both are about as loud, neither has an overtone, and it stays.

use std::f32::consts::TAU;

use offhook_terms::Tone;

use crate::TICK_SAMPLES;
use crate::dual_tone::{HIGH_HERTZ, LOW_HERTZ, tone_at};

/// One for each row and each column.
const FILTERS: usize = LOW_HERTZ.len() + HIGH_HERTZ.len();

/// Samples between two blocks: a press of 40 ms then holds two whole blocks wherever it begins.
const STEP: usize = TICK_SAMPLES / 2;

/// The quietest a key may be: the mean square of −33 dBFS, each of its two frequencies at −36.
const LEAST_POWER: f32 = 500_000.0;

/// The share of all energy that the two frequencies must have: 15 dB of noise leave 0.97, and a telephone
/// that is half a per cent off 0.93. What is further off is not heard: a lower share lets speech through.
const LEAST_SHARE: f32 = 0.80;

/// The most a lower frequency may be louder than the higher (8 dB), and the other way (6 dB): lines
/// weaken the higher one.
const LOW_LOUDER_MAX: f32 = 6.5;
const HIGH_LOUDER_MAX: f32 = 4.2;

/// How far the best of a row or a column stands above the next.
const ABOVE_NEXT: f32 = 5.0;

/// The most an overtone may have of its frequency: a voice has one, a key does not.
const OVERTONE_MAX: f32 = 0.12;

/// Hears keys. All state is inline; a frame that is loud enough costs sixteen filters, which run side
/// by side: each step of a filter waits for the one before, so one alone would leave a processor idle.
#[derive(Debug, Clone)]
pub(crate) struct KeyDetector {
    /// The filters' factors, of the rows and then of the columns.
    factors: [f32; FILTERS],
    /// The last 10 ms, for the block that begins with them; nothing is kept of a pause.
    before: [i16; STEP],
    was_pause: bool,
    /// What the last block was, and how many were the same.
    last: Option<Tone>,
    same: u32,
    /// The key that is down, and the blocks since it was last heard.
    down: Option<Tone>,
    away: u32,
}

impl Default for KeyDetector {
    fn default() -> Self {
        let mut factors = [0.0; FILTERS];
        let hertz = LOW_HERTZ.into_iter().chain(HIGH_HERTZ);
        for (factor, hertz) in factors.iter_mut().zip(hertz) {
            *factor = factor_of(hertz);
        }
        Self {
            factors,
            before: [0; STEP],
            was_pause: true,
            last: None,
            same: 0,
            down: None,
            away: 0,
        }
    }
}

/// Blocks of one key in a row that are a press: 40 ms at the least hold two, 20 ms never more than one.
const PRESSED: u32 = 2;

/// Blocks without the key after which it is up: a dropout of 10 ms does not make two presses of one.
const UP: u32 = 3;

impl KeyDetector {
    /// Hears 20 ms at 8 kHz, and gives the key whose press was recognised in them.
    pub(crate) fn frame(&mut self, frame: &[i16; TICK_SAMPLES]) -> Option<Tone> {
        let peak = f32::from(peak(frame));
        let is_pause = peak * peak < LEAST_POWER;
        if is_pause && self.was_pause {
            // Most of what is heard of a caller is this: no filter has to look at it, and nothing has to be kept.
            let pressed = self.block(None);
            return pressed.or(self.block(None));
        }
        if self.was_pause {
            self.before.fill(0);
        }
        self.was_pause = is_pause;
        let mut samples = [0.0; STEP + TICK_SAMPLES];
        for (to, from) in samples.iter_mut().zip(self.before.iter().chain(frame)) {
            *to = f32::from(*from);
        }
        self.keep(frame);
        let [first, second] = blocks(&samples);
        let energies = [first, second].map(energy);
        if energies.iter().all(|energy| is_quiet(*energy)) {
            let pressed = self.block(None);
            return pressed.or(self.block(None));
        }
        let powers = powers(first, second, &self.factors);
        let mut pressed = None;
        for ((block, energy), powers) in [first, second].into_iter().zip(energies).zip(powers) {
            let key = key_of(block, energy, powers);
            pressed = pressed.or(self.block(key));
        }
        pressed
    }

    /// Its end belongs to the next block as well.
    fn keep(&mut self, frame: &[i16; TICK_SAMPLES]) {
        self.before.copy_from_slice(&frame[TICK_SAMPLES - STEP..]);
    }

    fn block(&mut self, key: Option<Tone>) -> Option<Tone> {
        self.same = if key.is_some() && key == self.last {
            self.same + 1
        } else {
            u32::from(key.is_some())
        };
        self.last = key;
        if self.down.is_some() && key == self.down {
            self.away = 0;
            return None;
        }
        self.away += 1;
        if self.away >= UP {
            self.down = None;
        }
        if self.same < PRESSED {
            return None;
        }
        self.down = key;
        self.away = 0;
        key
    }
}

fn peak(samples: &[i16]) -> u16 {
    samples
        .iter()
        .fold(0, |peak, sample| peak.max(sample.unsigned_abs()))
}

/// 20 ms of samples.
type Block = [f32; 2 * STEP];

/// The two blocks that end in this tick.
fn blocks(samples: &[f32; STEP + TICK_SAMPLES]) -> [&Block; 2] {
    let at = |from: usize| {
        samples[from..]
            .first_chunk()
            .expect("a block fits behind it")
    };
    [at(0), at(STEP)]
}

fn energy(block: &Block) -> f32 {
    block.iter().map(|s| s * s).sum()
}

fn is_quiet(energy: f32) -> bool {
    energy < LEAST_POWER * (2 * STEP) as f32
}

/// The key a block is, if it is one.
fn key_of(block: &Block, energy: f32, powers: [f32; FILTERS]) -> Option<Tone> {
    if is_quiet(energy) {
        return None;
    }
    let count = block.len() as f32;
    let [a, b, c, d, e, f, g, h] = powers;
    let (row, low) = best([a, b, c, d])?;
    let (column, high) = best([e, f, g, h])?;
    if low > high * LOW_LOUDER_MAX || high > low * HIGH_LOUDER_MAX {
        return None;
    }
    // A sine of this energy has this much power in its bin: half of it, times the samples.
    if low + high < LEAST_SHARE * energy * count / 2.0 {
        return None;
    }
    let power = |hertz: f32| goertzel(block, hertz);
    let has_overtone = power(2.0 * LOW_HERTZ[row]) > OVERTONE_MAX * low
        || power(2.0 * HIGH_HERTZ[column]) > OVERTONE_MAX * high;
    if has_overtone {
        return None;
    }
    tone_at(row, column)
}

/// The strongest, when it stands well above the next.
fn best(powers: [f32; 4]) -> Option<(usize, f32)> {
    let (at, most) = powers
        .iter()
        .copied()
        .enumerate()
        .max_by(|a, b| a.1.total_cmp(&b.1))?;
    let others = powers.iter().enumerate().filter(|(n, _)| *n != at);
    others
        .map(|(_, power)| *power)
        .all(|power| power * ABOVE_NEXT < most)
        .then_some((at, most))
}

/// The power of every filter in two blocks.
fn powers(first: &Block, second: &Block, factors: &[f32; FILTERS]) -> [[f32; FILTERS]; 2] {
    let mut one = [[0.0; FILTERS]; 2];
    let mut two = [[0.0; FILTERS]; 2];
    for (a, b) in first.iter().zip(second) {
        for (n, factor) in factors.iter().enumerate() {
            let next = [
                a - two[0][n] + factor * one[0][n],
                b - two[1][n] + factor * one[1][n],
            ];
            for of in 0..2 {
                two[of][n] = one[of][n];
                one[of][n] = next[of];
            }
        }
    }
    let mut powers = [[0.0; FILTERS]; 2];
    for of in 0..2 {
        for (n, factor) in factors.iter().enumerate() {
            let (one, two) = (one[of][n], two[of][n]);
            powers[of][n] = one * one + two * two - factor * one * two;
        }
    }
    powers
}

/// What a filter for one frequency multiplies with.
fn factor_of(hertz: f32) -> f32 {
    2.0 * (TAU * hertz / 8_000.0).cos()
}

/// The power of one frequency in a block.
fn goertzel(block: &Block, hertz: f32) -> f32 {
    let factor = factor_of(hertz);
    let (mut one, mut two) = (0.0, 0.0);
    for sample in block {
        let next = sample + factor * one - two;
        two = one;
        one = next;
    }
    one * one + two * two - factor * one * two
}

#[cfg(test)]
#[path = "inband_tests.rs"]
mod tests;
