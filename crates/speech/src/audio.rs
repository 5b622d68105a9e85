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
                b"data" => {
                    let sound = &body[..length.min(body.len())];
                    let pairs = sound.chunks_exact(2);
                    return Some(Self {
                        rate: rate?,
                        samples: pairs
                            .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
                            .collect(),
                    });
                }
                _ => {}
            }
            rest = body.get(length.checked_add(length % 2)?..)?;
        }
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
        fn any_bytes_are_a_sound_or_none(bytes: Vec<u8>) {
            let mut file = b"RIFF\0\0\0\0WAVE".to_vec();
            file.extend(bytes);
            let _ = Audio::from_wav(&file);
        }
    }
}
