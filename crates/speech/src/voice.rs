//! When somebody speaks: where utterances begin and end in a stream of sound.
//!
//! Three judges, the cheap ones first: louder than what is always there, no tone, and a voice by its
//! spectrum. Sound is taken in windows of 16 ms.
//!
//! ```text
//!   ──────╮ ╭──╮ ╭────╮ ╭──────╮        ╭────
//!         ╰─╯  ╰─╯    ╰─╯      ╰────────╯
//!   quiet │ began │   speaking   │ ended when it was quiet long enough
//! ```

use std::collections::VecDeque;

use earshot::Detector;

use crate::limits;
use crate::utterance::PIECE;

pub(crate) const RATE: u32 = 16_000;
const WINDOW: usize = 256;

/// How likely a voice must be.
const VOICE: f32 = 0.5;

/// Of the latest windows so many must be speech for an utterance to begin: 5 of 8 (80 of 128 ms).
const BEGINS: (u32, u32) = (5, 8);

/// Sound kept from before the beginning, so that the first consonant is not lost: 320 ms.
const KEPT_BEFORE: usize = 20 * WINDOW;

/// Quiet for so many windows ends an utterance: 640 ms.
const ENDS: u32 = 40;

const PIECE_SAMPLES: usize = RATE as usize * PIECE.as_millis() as usize / 1_000;

/// As loud as this much over the floor (12 dB) is more than what is always there.
const OVER_FLOOR: f32 = 4.0;

/// The floor is never below this (of 32,767): a codec's own noise.
const FLOOR_MIN: f32 = 20.0;

/// What an ear notices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sound {
    /// Somebody begins to speak.
    Began,
    /// What they say, from a little before they began; in pieces of a tenth of a second and more.
    Said(Vec<i16>),
    /// They have ended.
    Ended,
}

/// Listens for utterances.
pub struct Ear {
    detector: Detector,
    /// Samples of a window that is not full yet.
    window: Vec<i16>,
    floor: f32,
    /// One bit for each of the latest windows that were speech.
    recent: u32,
    quiet: u32,
    before: VecDeque<i16>,
    /// What is being said.
    utterance: Option<Saying>,
}

#[derive(Default)]
struct Saying {
    /// Samples so far.
    length: usize,
    /// What was not told yet.
    piece: Vec<i16>,
}

impl std::fmt::Debug for Ear {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ear")
    }
}

impl Default for Ear {
    fn default() -> Self {
        Self {
            detector: Detector::default(),
            window: Vec::with_capacity(WINDOW),
            floor: 200.0,
            recent: 0,
            quiet: 0,
            before: VecDeque::with_capacity(KEPT_BEFORE),
            utterance: None,
        }
    }
}

impl Ear {
    /// Takes more sound, 16,000 samples a second; says what is noticed in it.
    pub fn hear(&mut self, samples: &[i16], mut notice: impl FnMut(Sound)) {
        for sample in samples {
            self.window.push(*sample);
            if self.window.len() == WINDOW {
                let window = std::mem::take(&mut self.window);
                self.judge(&window, &mut notice);
                self.window = window;
                self.window.clear();
            }
        }
    }

    fn judge(&mut self, window: &[i16], notice: &mut impl FnMut(Sound)) {
        let is_speech = self.is_speech(window);
        self.recent = self.recent << 1 | u32::from(is_speech);
        let Some(saying) = &mut self.utterance else {
            let (wanted, of) = BEGINS;
            self.before.extend(window);
            let surplus = self.before.len().saturating_sub(KEPT_BEFORE);
            self.before.drain(..surplus);
            let latest = self.recent & ((1 << of) - 1);
            if latest.count_ones() >= wanted {
                self.quiet = 0;
                let length = self.before.len();
                let piece = Vec::new();
                self.utterance = Some(Saying { length, piece });
                notice(Sound::Began);
                notice(Sound::Said(self.before.drain(..).collect()));
            }
            return;
        };
        saying.piece.extend_from_slice(window);
        saying.length += window.len();
        self.quiet = if is_speech { 0 } else { self.quiet + 1 };
        let longest = (limits::UTTERANCE_MAX.as_secs() as usize) * RATE as usize;
        let is_over = self.quiet >= ENDS || saying.length >= longest;
        if is_over || saying.piece.len() >= PIECE_SAMPLES {
            notice(Sound::Said(std::mem::take(&mut saying.piece)));
        }
        if is_over {
            self.recent = 0;
            self.utterance = None;
            notice(Sound::Ended);
        }
    }

    fn is_speech(&mut self, window: &[i16]) -> bool {
        let mean = window.iter().map(|s| f32::from(*s)).sum::<f32>() / WINDOW as f32;
        let square = |s: &i16| (f32::from(*s) - mean).powi(2);
        let level = (window.iter().map(square).sum::<f32>() / WINDOW as f32).sqrt();
        // Down at once, up slowly: a floor is what is heard when nobody speaks.
        let floor = self.floor;
        self.floor = match level < floor {
            true => level,
            false => floor * 1.005,
        }
        .max(FLOOR_MIN);
        // Asked of every window, because the detector remembers.
        let voice = self.detector.predict_i16(window);
        level > floor.max(FLOOR_MIN) * OVER_FLOOR && voice > VOICE && !is_tone(window)
    }
}

/// Lines of the spectrum of a window: one for every 62.5 Hz.
const LINES: usize = WINDOW / 2;

/// A tone with its neighbours: a Hann window spreads it over so many lines to each side.
const SPREAD: usize = 2;

/// More of the whole power than this in two tones is more than a voice has in two of its harmonics.
const TONAL: f32 = 0.985;

/// Whether nearly all of a window is one or two steady tones: a telephone's own sounds.
fn is_tone(window: &[i16]) -> bool {
    let mut power = spectrum(window);
    let all: f32 = power.iter().sum();
    let mut tones = 0.0;
    for _ in 0..2 {
        let loudest = power.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        let at = loudest.map_or(0, |(at, _)| at);
        let around = at.saturating_sub(SPREAD)..(at + SPREAD + 1).min(LINES);
        for line in &mut power[around] {
            tones += std::mem::take(line);
        }
    }
    tones > all * TONAL
}

/// The power of each line, by Goertzel's recursion: asked only of what may be a voice.
fn spectrum(window: &[i16]) -> [f32; LINES] {
    let faded: Vec<f32> = window
        .iter()
        .enumerate()
        .map(|(n, sample)| {
            let turn = std::f32::consts::TAU * n as f32 / WINDOW as f32;
            f32::from(*sample) / 32_768.0 * (0.5 - 0.5 * turn.cos())
        })
        .collect();
    std::array::from_fn(|line| {
        let turn = std::f32::consts::TAU * line as f32 / WINDOW as f32;
        let factor = 2.0 * turn.cos();
        let (mut last, mut before) = (0.0_f32, 0.0_f32);
        for sample in &faded {
            (last, before) = (sample + factor * last - before, last);
        }
        (last * last + before * before - factor * last * before).max(0.0)
    })
}

#[cfg(test)]
#[path = "voice_tests.rs"]
mod tests;
