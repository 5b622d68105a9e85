//! A prompt ready to be played: resampled once, encoded once.

use std::f64::consts::PI;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::g711::Law;
use crate::rates::Rate;
use crate::resample::resample;
use crate::wav::{self, Samples, WavRefusal};

/// Audio in the forms it leaves in: as both laws of G.711, so that playing it is a copy, and as the
/// samples that wideband codecs take. Cheap to clone.
#[derive(Clone)]
pub struct Clip {
    own: Arc<Encoded>,
    /// What follows, where it is still being made.
    rest: Option<Arc<Rest>>,
}

/// The pieces that follow a first one. Read on the tick: a look at an atomic each.
struct Rest {
    pieces: [OnceLock<Arc<Encoded>>; PIECES_MAX],
    is_whole: AtomicBool,
}

/// Pieces that may follow a first one. Whoever makes them makes each longer than the one before, so that
/// these are more than anybody needs.
const PIECES_MAX: usize = 32;

/// The other end of a clip that is played while it is being made. Dropped, the clip is whole.
#[derive(Debug)]
pub struct ClipFeed {
    rest: Arc<Rest>,
    given: usize,
}

impl std::fmt::Debug for Rest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rest").finish_non_exhaustive()
    }
}

impl ClipFeed {
    /// The next piece. False when there have been as many as fit; it is lost then.
    pub fn give(&mut self, samples: &Samples) -> bool {
        let piece = Clip::from_samples(samples).own;
        let Some(place) = self.rest.pieces.get(self.given) else {
            return false;
        };
        self.given += 1;
        place.set(piece).is_ok()
    }
}

impl Drop for ClipFeed {
    fn drop(&mut self) {
        self.rest.is_whole.store(true, Ordering::Release);
    }
}

/// What is in a place of a clip.
pub(crate) enum Piece<'a> {
    Made(&'a Encoded),
    /// It will be made.
    NotYet,
    /// There is no such place.
    None,
}

pub(crate) struct Encoded {
    pcmu: Box<[u8]>,
    pcma: Box<[u8]>,
    /// Twice as many as the others have bytes.
    wide: Box<[i16]>,
}

impl std::fmt::Debug for Clip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Clip").field(&self.duration()).finish()
    }
}

impl Clip {
    /// A prompt as bots send it: WAV, PCM, one channel, 16 bit, 16 kHz.
    ///
    /// # Errors
    /// What the file is instead.
    pub fn from_prompt(wav: &[u8]) -> Result<Self, WavRefusal> {
        wav::read_prompt(wav).map(|samples| Self::from_samples(&samples))
    }

    /// Any 16-bit WAV of 8, 16 or 48 kHz, for phones.
    ///
    /// # Errors
    /// What the file is instead.
    pub fn from_wav(wav: &[u8]) -> Result<Self, WavRefusal> {
        wav::read_any(wav).map(|samples| Self::from_samples(&samples))
    }

    /// From samples already decoded.
    pub fn from_samples(samples: &Samples) -> Self {
        let Samples { rate, samples } = samples;
        let at = |wanted: Rate| -> Vec<i16> {
            if *rate == wanted.hertz() {
                samples.clone()
            } else {
                resample(samples, *rate, wanted.hertz())
            }
        };
        Self::encode(&at(Rate::Narrow), at(Rate::Wide))
    }

    /// A sine of so many hertz, with `level` its peak from 0 to 1. Its first and last 5 ms are
    /// faded, because a tone that starts at once clicks.
    pub fn tone(hertz: f64, duration: Duration, level: f64) -> Self {
        let peak = 32_767.0 * level.clamp(0.0, 1.0);
        let at = |rate: Rate| -> Vec<i16> {
            let rate = f64::from(rate.hertz());
            let length = (duration.as_secs_f64() * rate).round() as usize;
            (0..length)
                .map(|n| {
                    let fade = (n.min(length - 1 - n) as f64 / (rate * 0.005)).min(1.0);
                    (peak * fade * (2.0 * PI * hertz * n as f64 / rate).sin()) as i16
                })
                .collect()
        };
        if hertz < 4_000.0 {
            Self::encode(&at(Rate::Narrow), at(Rate::Wide))
        } else {
            // Heard by those who can; to the others it must not become another tone.
            let wide = at(Rate::Wide);
            Self::encode(&vec![0; wide.len() / 2], wide)
        }
    }

    /// The beep before a recording: 1,000 Hz, 200 ms, well below full scale.
    pub fn beep() -> Self {
        Self::tone(1_000.0, Duration::from_millis(200), 0.25)
    }

    /// A clip whose first piece is made, to be played while the rest is.
    pub fn growing(first: &Samples) -> (Self, ClipFeed) {
        let rest = Arc::new(Rest {
            pieces: [const { OnceLock::new() }; PIECES_MAX],
            is_whole: AtomicBool::new(false),
        });
        let clip = Self {
            rest: Some(Arc::clone(&rest)),
            ..Self::from_samples(first)
        };
        (clip, ClipFeed { rest, given: 0 })
    }

    /// How long it plays, as far as it is made.
    pub fn duration(&self) -> Duration {
        let pieces = (0..).map_while(|at| match self.piece(at) {
            Piece::Made(piece) => Some(piece.units()),
            Piece::NotYet | Piece::None => None,
        });
        Duration::from_micros(pieces.sum::<usize>() as u64 * 125)
    }

    /// What a test looks at: the bytes of a clip that has one piece.
    #[cfg(test)]
    pub(crate) fn bytes(&self, law: Law) -> &[u8] {
        self.own.bytes(law)
    }

    /// The piece of this number; the first is always made.
    pub(crate) fn piece(&self, at: usize) -> Piece<'_> {
        let Some(at) = at.checked_sub(1) else {
            return Piece::Made(&self.own);
        };
        let Some(rest) = &self.rest else {
            return Piece::None;
        };
        // In this order: a piece that was made before the last is seen after it.
        let is_whole = rest.is_whole.load(Ordering::Acquire);
        match rest.pieces.get(at).and_then(OnceLock::get) {
            Some(piece) => Piece::Made(piece),
            None if is_whole || at >= PIECES_MAX => Piece::None,
            None => Piece::NotYet,
        }
    }

    fn encode(narrow: &[i16], mut wide: Vec<i16>) -> Self {
        let encode = |law: Law| {
            let mut bytes = vec![0; narrow.len()];
            law.encode(narrow, &mut bytes);
            bytes.into_boxed_slice()
        };
        // Half a sample is rounded up on both sides, or there is one less on one.
        wide.resize(2 * narrow.len(), 0);
        Self {
            own: Arc::new(Encoded {
                pcmu: encode(Law::Mu),
                pcma: encode(Law::A),
                wide: wide.into_boxed_slice(),
            }),
            rest: None,
        }
    }
}

impl Encoded {
    /// Its length in 1/8000 s.
    pub(crate) fn units(&self) -> usize {
        self.pcmu.len()
    }

    /// One byte for every 1/8000 s.
    pub(crate) fn bytes(&self, law: Law) -> &[u8] {
        match law {
            Law::Mu => &self.pcmu,
            Law::A => &self.pcma,
        }
    }

    /// Two samples for every 1/8000 s.
    pub(crate) fn wide(&self) -> &[i16] {
        &self.wide
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_has_its_length_level_and_quiet_ends() {
        let clip = Clip::tone(440.0, Duration::from_millis(500), 0.5);
        assert_eq!(clip.duration(), Duration::from_millis(500));
        let mut samples = vec![0; 4_000];
        Law::A.decode(clip.own.bytes(Law::A), &mut samples);
        let peak = samples.iter().map(|s| s.abs()).max().unwrap();
        assert!((15_500..=17_000).contains(&peak), "{peak}");
        assert!(samples[0].abs() < 100 && samples[3_999].abs() < 100);
    }

    #[test]
    fn an_empty_tone_is_empty() {
        assert_eq!(
            Clip::tone(440.0, Duration::ZERO, 1.0).duration(),
            Duration::ZERO
        );
    }

    #[test]
    fn a_clip_of_any_rate_plays_as_long_as_it_was() {
        for rate in [8_000, 16_000, 48_000] {
            let samples = vec![0; rate as usize];
            let clip = Clip::from_samples(&Samples { rate, samples });
            assert_eq!(clip.duration(), Duration::from_secs(1));
        }
    }

    #[test]
    fn a_clip_has_two_wide_samples_for_each_narrow_one() {
        for rate in [8_000, 16_000, 48_000] {
            for length in [0_usize, 1, 2, 5, 7, 1_001] {
                let samples = vec![0; length];
                let clip = Clip::from_samples(&Samples { rate, samples });
                assert_eq!(
                    clip.own.wide().len(),
                    2 * clip.own.units(),
                    "{rate} {length}"
                );
            }
        }
    }

    #[test]
    fn what_a_telephone_cannot_carry_is_silence_to_it() {
        let clip = Clip::tone(5_500.0, Duration::from_millis(100), 0.5);
        assert!(clip.own.bytes(Law::Mu).iter().all(|byte| *byte == 0xff));
        assert!(clip.own.wide().iter().any(|sample| sample.abs() > 15_000));
    }
}
