//! Sound, as providers make and take it.

use std::time::Duration;

/// Mono samples of 16 bits.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Audio {
    /// Samples a second.
    pub rate: u32,
    /// The samples.
    pub samples: Vec<i16>,
}

impl std::fmt::Debug for Audio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Audio").field(&self.duration()).finish()
    }
}

impl Audio {
    /// How long it is.
    pub fn duration(&self) -> Duration {
        match self.rate {
            0 => Duration::ZERO,
            rate => Duration::from_secs_f64(self.samples.len() as f64 / f64::from(rate)),
        }
    }

    /// Silence.
    pub(crate) fn silence(rate: u32, duration: Duration) -> Self {
        let length = (duration.as_secs_f64() * f64::from(rate)) as usize;
        Self {
            rate,
            samples: vec![0; length],
        }
    }

    /// The sound in a WAV file, mono and of 16 bits, as programs write it into a pipe: the lengths in
    /// its headers mean nothing.
    pub(crate) fn from_wav(file: &[u8]) -> Option<Self> {
        let (rate, start, length) = sound_in(file)?;
        let sound = &file[start..];
        let pairs = sound[..length.min(sound.len())].chunks_exact(2);
        let samples = pairs.map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
        Some(Self {
            rate,
            samples: samples.collect(),
        })
    }

    /// A WAV file of it.
    pub(crate) fn to_wav(&self) -> Vec<u8> {
        let bytes = 2 * self.samples.len() as u32;
        let mut file = Vec::with_capacity(44 + bytes as usize);
        file.extend_from_slice(b"RIFF");
        file.extend_from_slice(&(36 + bytes).to_le_bytes());
        file.extend_from_slice(b"WAVEfmt ");
        for part in [16, 1 | 1 << 16, self.rate, 2 * self.rate, 2 | 16 << 16] {
            file.extend_from_slice(&part.to_le_bytes());
        }
        file.extend_from_slice(b"data");
        file.extend_from_slice(&bytes.to_le_bytes());
        file.extend(self.samples.iter().flat_map(|sample| sample.to_le_bytes()));
        file
    }
}

/// The rate of the sound in a WAV file, where it begins, and how many bytes its header says it has. Nothing
/// where that is not known yet, or it is no such file.
fn sound_in(file: &[u8]) -> Option<(u32, usize, usize)> {
    let chunks = file
        .strip_prefix(b"RIFF")?
        .get(4..)?
        .strip_prefix(b"WAVE")?;
    let mut rate = None;
    let mut rest = chunks;
    loop {
        let (head, body) = rest.split_at_checked(8)?;
        let length = u32::from_le_bytes(head[4..].try_into().ok()?) as usize;
        match &head[..4] {
            b"fmt " => {
                let format = body.get(..16)?;
                let number = |at: usize| u16::from_le_bytes([format[at], format[at + 1]]);
                // PCM, one channel, 16 bits.
                if (number(0), number(2), number(14)) != (1, 1, 16) {
                    return None;
                }
                rate = Some(u32::from_le_bytes(format[4..8].try_into().ok()?));
            }
            b"data" => return Some((rate?, file.len() - body.len(), length)),
            _ => {}
        }
        rest = body.get(length.checked_add(length % 2)?..)?;
    }
}

/// A header is never longer.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// A WAV file that comes in parts.
#[derive(Debug, Default)]
pub(crate) struct WavParts {
    /// What has come before the sound begins, and half a sample afterwards.
    kept: Vec<u8>,
    rate: Option<u32>,
    /// Bytes of sound that are still to come, as the header has it.
    left: usize,
}

/// What came is no sound.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoSound;

impl WavParts {
    /// The sound in the next part, if there is some.
    pub(crate) fn take(&mut self, part: &[u8]) -> Result<Option<Audio>, NoSound> {
        self.kept.extend_from_slice(part);
        let rate = match self.rate {
            Some(rate) => rate,
            None => {
                let Some((rate, start, length)) = sound_in(&self.kept) else {
                    let is_hopeless = self.kept.len() > HEAD_BYTES_MAX;
                    return if is_hopeless { Err(NoSound) } else { Ok(None) };
                };
                self.kept.drain(..start);
                (self.rate, self.left) = (Some(rate), length);
                rate
            }
        };
        self.kept.truncate(self.left);
        let whole = self.kept.len() - self.kept.len() % 2;
        self.left -= whole;
        let sound = self.kept.drain(..whole).collect::<Vec<u8>>();
        let samples = sound.chunks_exact(2);
        let samples: Vec<i16> = samples
            .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
            .collect();
        Ok((!samples.is_empty()).then_some(Audio { rate, samples }))
    }

    /// Nothing more comes.
    pub(crate) fn end(&self) -> Result<(), NoSound> {
        self.rate.map(drop).ok_or(NoSound)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let audio = Audio {
            rate: 16_000,
            samples: vec![1, -2, 3],
        };
        assert_eq!(Audio::from_wav(&audio.to_wav()), Some(audio));
    }

    #[test]
    fn a_pipe_has_no_length() {
        let audio = Audio {
            rate: 22_050,
            samples: vec![5; 10],
        };
        let mut file = audio.to_wav();
        file[40..44].copy_from_slice(&0x7fff_f000_u32.to_le_bytes());
        assert_eq!(Audio::from_wav(&file), Some(audio));
    }

    proptest! {
        #[test]
        fn in_whatever_parts_it_comes_it_is_the_same_sound(
            samples in prop::collection::vec(any::<i16>(), 0..200),
            size in 1..80_usize,
        ) {
            let audio = Audio { rate: 24_000, samples };
            let mut file = audio.to_wav();
            file.extend_from_slice(b"LIST\x04\0\0\0more");
            let (mut parts, mut heard) = (WavParts::default(), Vec::new());
            for part in file.chunks(size) {
                if let Some(part) = parts.take(part).expect("a sound") {
                    prop_assert_eq!(part.rate, 24_000);
                    heard.extend(part.samples);
                }
            }
            prop_assert_eq!(parts.end(), Ok(()));
            prop_assert_eq!(heard, audio.samples);
        }

        #[test]
        fn any_bytes_are_a_sound_or_none(bytes: Vec<u8>) {
            let mut file = b"RIFF\0\0\0\0WAVE".to_vec();
            file.extend(bytes);
            let _ = Audio::from_wav(&file);
            let mut parts = WavParts::default();
            for part in file.chunks(7) {
                let _ = parts.take(part);
            }
        }
    }
}
