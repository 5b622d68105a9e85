//! A prompt ready to be played: resampled once, encoded once.

use std::f64::consts::PI;
use std::sync::Arc;
use std::time::Duration;

use crate::g711::Law;
use crate::rates::Rate;
use crate::resample::resample;
use crate::wav::{self, Samples, WavRefusal};

/// Audio in the forms it leaves in: as both laws of G.711, so that playing it is a copy, and as the
/// samples that wideband codecs take. Cheap to clone.
#[derive(Clone)]
pub struct Clip(Arc<Encoded>);

struct Encoded {
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

    /// How long it plays.
    pub fn duration(&self) -> Duration {
        Duration::from_micros(self.0.pcmu.len() as u64 * 125)
    }

    /// Its length in 1/8000 s.
    pub(crate) fn units(&self) -> usize {
        self.0.pcmu.len()
    }

    /// One byte for every 1/8000 s.
    pub(crate) fn bytes(&self, law: Law) -> &[u8] {
        match law {
            Law::Mu => &self.0.pcmu,
            Law::A => &self.0.pcma,
        }
    }

    /// Two samples for every 1/8000 s.
    pub(crate) fn wide(&self) -> &[i16] {
        &self.0.wide
    }

    fn encode(narrow: &[i16], mut wide: Vec<i16>) -> Self {
        let encode = |law: Law| {
            let mut bytes = vec![0; narrow.len()];
            law.encode(narrow, &mut bytes);
            bytes.into_boxed_slice()
        };
        // Half a sample is rounded up on both sides, or there is one less on one.
        wide.resize(2 * narrow.len(), 0);
        Self(Arc::new(Encoded {
            pcmu: encode(Law::Mu),
            pcma: encode(Law::A),
            wide: wide.into_boxed_slice(),
        }))
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
        Law::A.decode(clip.bytes(Law::A), &mut samples);
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
                assert_eq!(clip.wide().len(), 2 * clip.units(), "{rate} {length}");
            }
        }
    }

    #[test]
    fn what_a_telephone_cannot_carry_is_silence_to_it() {
        let clip = Clip::tone(5_500.0, Duration::from_millis(100), 0.5);
        assert!(clip.bytes(Law::Mu).iter().all(|byte| *byte == 0xff));
        assert!(clip.wide().iter().any(|sample| sample.abs() > 15_000));
    }
}
