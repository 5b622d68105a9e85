//! Sound or silence: energy over a floor that adapts to the room, never to a tone.
//!
//! Speech pauses, background does not; so the quietest moments tell the background. A steady tone
//! or music has no pauses either, and must not become the floor: what repeats itself (a high
//! correlation with its own past) is no background. And background was there from the beginning:
//! a level that was never heard in the opening half second is not taken for it later.
//!
//! No line is altogether silent: a frame of nothing is a packet that did not come, a phone that
//! suppresses its silence or one that is muted. It is silence, but tells nothing of the background,
//! so the opening begins with the first frame that is something.
//!
//! The opening is judged at its end, so that a noisy line is not mistaken for someone speaking.

use crate::TICK_SAMPLES;
use crate::frame::Frame;

/// A level in decibels below full scale, as a positive number of decibels above −100.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Loudness(f32);

impl Loudness {
    /// The root mean square of a frame.
    pub fn of(samples: &[i16]) -> Self {
        // Eight sums side by side become vectors; one sum would wait for itself.
        let mut sums = [0.0_f32; 8];
        let (eights, rest) = samples.as_chunks::<8>();
        for eight in eights {
            for (sum, sample) in sums.iter_mut().zip(eight) {
                *sum += f32::from(*sample) * f32::from(*sample);
            }
        }
        let rest: f32 = rest.iter().map(|s| f32::from(*s) * f32::from(*s)).sum();
        let energy = sums.iter().sum::<f32>() + rest;
        let mean = energy / samples.len().max(1) as f32;
        Self((10.0 * (mean / (32_768.0 * 32_768.0) + 1e-10).log10()).max(-100.0))
    }

    /// Decibels relative to full scale: 0 is a square wave at the limit.
    pub const fn dbfs(self) -> f32 {
        self.0
    }
}

/// The quietest the floor is taken to be: what G.711 itself and a good line leave.
const FLOOR_DBFS_MIN: f32 = -59.0;

/// Below this there is nothing: the idle pattern of A-law, alternating by its smallest step, is at
/// −72, and noise that reaches an encoder at all leaves more.
const NOTHING_DBFS: f32 = -70.0;

/// The loudest background. A fan is below it, conversation above.
const FLOOR_DBFS_MAX: f32 = -35.0;

/// How far above the floor sound begins; the levels of steady noise stay well within.
const MARGIN_DB: f32 = 9.0;

/// Frames of the opening (half a second): shorter than the shortest silence that can be asked for.
const OPENING: usize = 25;

/// Of the last five frames, how many must be loud: a click is not a word.
const LOUD_OF_FIVE: u32 = 3;

/// Correlation with the past from which a frame counts as repeating itself. White noise reaches
/// 0.35 by chance over the lags tried, tones and chords 0.95.
const TONAL: f32 = 0.72;

/// How fast the floor follows a background that grows, a frame: 1 dB a second.
const RISE_DB: f32 = 0.02;

/// How fast it follows a background that shrinks: faster, but not so fast that the fading frames in
/// place of lost ones pull it below a noise that has not changed.
const FALL_DB: f32 = 0.2;

/// How much of a growing background is followed: more is another sound.
const RISE_DB_MAX: f32 = 6.0;

/// What is known after a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The opening is not over.
    Undecided,
    /// Nobody speaks; the last sound, if any, was so many frames ago.
    Silence {
        /// Frames since the last sound; `None` when there never was one.
        frames_since_sound: Option<u32>,
    },
    /// There is sound.
    Sound,
}

/// Tells sound from silence, frame by frame.
#[derive(Debug, Clone)]
pub struct SoundDetector {
    floor: f32,
    /// What the floor was when the opening ended, from which it may rise only so far.
    opened_at: f32,
    opening: [(f32, bool); OPENING],
    frames: usize,
    /// Frames of nothing before the opening.
    waited: usize,
    /// The last five frames, loud or not.
    loud: u8,
    since_sound: Option<u32>,
    /// The last 320 samples, to see whether the opening repeats itself.
    past: [i16; 2 * TICK_SAMPLES],
}

impl Default for SoundDetector {
    fn default() -> Self {
        Self {
            floor: FLOOR_DBFS_MIN,
            opened_at: FLOOR_DBFS_MIN,
            opening: [(0.0, false); OPENING],
            frames: 0,
            waited: 0,
            loud: 0,
            since_sound: None,
            past: [0; 2 * TICK_SAMPLES],
        }
    }
}

impl SoundDetector {
    /// Takes a frame; `true` once there is sound, or there was in the last frames.
    pub fn hears(&mut self, frame: &Frame) -> bool {
        self.frame(frame) == Verdict::Sound
    }

    pub(crate) fn frame(&mut self, frame: &Frame) -> Verdict {
        let frame = &frame.glance();
        let level = Loudness::of(frame).dbfs();
        if self.frames == 0 && level < NOTHING_DBFS {
            self.waited += 1;
            self.take(level);
            return if self.waited < OPENING {
                Verdict::Undecided
            } else {
                self.verdict()
            };
        }
        if self.frames < OPENING {
            let tonal = level > FLOOR_DBFS_MIN && self.repeats_itself(frame);
            self.past.copy_within(TICK_SAMPLES.., 0);
            self.past[TICK_SAMPLES..].copy_from_slice(frame);
            self.opening[self.frames] = (level, tonal);
            self.frames += 1;
            if self.frames < OPENING {
                return Verdict::Undecided;
            }
            self.open();
            return self.verdict();
        }
        self.take(level);
        self.verdict()
    }

    /// Something other than audio counted as sound: a key pressed.
    pub(crate) fn sound(&mut self) {
        self.since_sound = Some(0);
    }

    fn verdict(&self) -> Verdict {
        match self.since_sound {
            Some(0) => Verdict::Sound,
            frames_since_sound => Verdict::Silence { frames_since_sound },
        }
    }

    /// Judges the opening: its quietest part is the background unless it repeats itself.
    fn open(&mut self) {
        let mut levels = self.opening.map(|(level, _)| level);
        levels.sort_unstable_by(f32::total_cmp);
        // Not the very quietest: what fades in place of a lost packet is quieter than any background.
        let heard = &levels[levels.partition_point(|level| *level < NOTHING_DBFS)..];
        let quiet = heard
            .get(heard.len() / 5)
            .copied()
            .unwrap_or(FLOOR_DBFS_MIN);
        let near = self
            .opening
            .iter()
            .filter(|(level, _)| (level - quiet).abs() < 4.0);
        let (tonal, all) = near.fold((0, 0), |(t, n), (_, tonal)| {
            (t + usize::from(*tonal), n + 1)
        });
        let is_background = quiet <= FLOOR_DBFS_MAX && tonal * 4 <= all;
        if is_background {
            self.floor = quiet.max(FLOOR_DBFS_MIN);
        }
        self.opened_at = self.floor;
        for (level, _) in self.opening {
            self.take(level);
        }
    }

    fn take(&mut self, level: f32) {
        let loud = level > self.floor + MARGIN_DB;
        self.loud = (self.loud << 1 | u8::from(loud)) & 0x1f;
        if self.loud.count_ones() >= LOUD_OF_FIVE {
            self.since_sound = Some(0);
        } else if let Some(frames) = &mut self.since_sound {
            *frames = frames.saturating_add(1);
        }
        if level < NOTHING_DBFS {
            return;
        }
        if level < self.floor {
            self.floor = (self.floor - FALL_DB).max(level).max(FLOOR_DBFS_MIN);
        } else if !loud {
            let most = (self.opened_at + RISE_DB_MAX).min(FLOOR_DBFS_MAX);
            self.floor = (self.floor + RISE_DB).min(level).min(most).max(self.floor);
        }
    }

    /// The best correlation of a frame with what came 10 to 40 ms before it.
    fn repeats_itself(&self, frame: &[i16; TICK_SAMPLES]) -> bool {
        let mut all = [0.0_f32; 3 * TICK_SAMPLES];
        for (to, from) in all.iter_mut().zip(self.past.iter().chain(frame)) {
            *to = f32::from(*from);
        }
        let now = &all[2 * TICK_SAMPLES..];
        let energy: f32 = now.iter().map(|s| s * s).sum();
        (TICK_SAMPLES / 2..=2 * TICK_SAMPLES).any(|lag| {
            let then = &all[2 * TICK_SAMPLES - lag..][..TICK_SAMPLES];
            let (mut product, mut then_energy) = (0.0_f32, 0.0_f32);
            for (a, b) in now.iter().zip(then) {
                product += a * b;
                then_energy += b * b;
            }
            product > TONAL * (energy * then_energy).sqrt().max(1.0)
        })
    }
}

#[cfg(test)]
#[path = "sound_tests.rs"]
mod tests;
