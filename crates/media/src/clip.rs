//! A prompt ready to be played: resampled once, encoded once.

use std::f64::consts::PI;
use std::sync::Arc;
use std::time::Duration;

use crate::codec::Codec;
use crate::resample::resample;
use crate::wav::{self, Samples, WavRefusal};

/// Audio in the form it leaves in, so that playing it is a copy. Cheap to clone.
#[derive(Clone)]
pub struct Clip(Arc<Encoded>);

struct Encoded {
    pcmu: Box<[u8]>,
    pcma: Box<[u8]>,
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
        if samples.rate == 8_000 {
            return Self::encode(&samples.samples);
        }
        Self::encode(&resample(&samples.samples, samples.rate, 8_000))
    }

    /// A sine of so many hertz, with `level` its peak from 0 to 1. Its first and last 5 ms are
    /// faded, because a tone that starts at once clicks.
    pub fn tone(hertz: f64, duration: Duration, level: f64) -> Self {
        let length = (duration.as_secs_f64() * 8_000.0).round() as usize;
        let peak = 32_767.0 * level.clamp(0.0, 1.0);
        let samples: Vec<i16> = (0..length)
            .map(|n| {
                let fade = (n.min(length - 1 - n) as f64 / 40.0).min(1.0);
                (peak * fade * (2.0 * PI * hertz * n as f64 / 8_000.0).sin()) as i16
            })
            .collect();
        Self::encode(&samples)
    }

    /// The beep before a recording: 1,000 Hz, 200 ms, well below full scale.
    pub fn beep() -> Self {
        Self::tone(1_000.0, Duration::from_millis(200), 0.25)
    }

    /// How long it plays.
    pub fn duration(&self) -> Duration {
        Duration::from_micros(self.0.pcmu.len() as u64 * 125)
    }

    pub(crate) fn bytes(&self, codec: Codec) -> &[u8] {
        match codec {
            Codec::Pcmu => &self.0.pcmu,
            Codec::Pcma => &self.0.pcma,
        }
    }

    fn encode(samples: &[i16]) -> Self {
        let encode = |codec: Codec| {
            let mut bytes = vec![0; samples.len()];
            codec.encode(samples, &mut bytes);
            bytes.into_boxed_slice()
        };
        Self(Arc::new(Encoded {
            pcmu: encode(Codec::Pcmu),
            pcma: encode(Codec::Pcma),
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
        Codec::Pcma.decode(clip.bytes(Codec::Pcma), &mut samples);
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
}
