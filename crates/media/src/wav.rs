//! WAV files: prompts in, recordings out.

use std::io::{self, Seek, Write};

use crate::TICK_SAMPLES;
use crate::rates::Rate;
use crate::widen::Widener;

/// Why a file is not a prompt, worded for the bot developer who sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WavRefusal {
    /// No readable WAV container.
    #[error("the file is not a readable WAV file: {0}")]
    NotWav(String),
    /// A WAV file of another format than the one asked for.
    #[error("a prompt is PCM, 1 channel, 16 bit, 16000 Hz; this file is {found}")]
    Format {
        /// What the file says it is.
        found: FoundFormat,
    },
    /// A rate or shape that even the tolerant loader does not take.
    #[error("a file is PCM, 16 bit, 8000, 16000 or 48000 Hz; this file is {found}")]
    Unplayable {
        /// What the file says it is.
        found: FoundFormat,
    },
    /// Longer than [`CLIP_SECONDS_MAX`](crate::limits::CLIP_SECONDS_MAX).
    #[error("a file may last {max_seconds} seconds; this one lasts {seconds}")]
    TooLong {
        /// How long it lasts.
        seconds: u32,
        /// How long it may last.
        max_seconds: u32,
    },
    /// The header promises more than the file holds.
    #[error("the file ends in the middle of its audio")]
    Truncated,
}

/// The format a WAV header declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundFormat {
    /// Floating point instead of integers.
    pub float: bool,
    /// Channels.
    pub channels: u16,
    /// Bits a sample.
    pub bits: u16,
    /// Samples a second.
    pub rate: u32,
}

impl std::fmt::Display for FoundFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            float,
            channels,
            bits,
            rate,
        } = *self;
        let kind = if float { "float" } else { "PCM" };
        let plural = if channels == 1 { "" } else { "s" };
        write!(
            f,
            "{kind}, {channels} channel{plural}, {bits} bit, {rate} Hz"
        )
    }
}

/// Mono 16-bit samples of a file and their rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Samples {
    /// Samples a second.
    pub rate: u32,
    /// The samples.
    pub samples: Vec<i16>,
}

/// Reads a prompt: PCM, one channel, 16 bit, 16 kHz, and nothing else.
///
/// # Errors
/// What was found instead.
pub fn read_prompt(bytes: &[u8]) -> Result<Samples, WavRefusal> {
    read(bytes, |f| {
        let fits = !f.float && f.channels == 1 && f.bits == 16 && f.rate == 16_000;
        if fits {
            Ok(())
        } else {
            Err(WavRefusal::Format { found: f })
        }
    })
}

/// Reads what a person may have at hand: 16-bit PCM at 8, 16 or 48 kHz, one channel or two (the
/// first is taken).
///
/// # Errors
/// What was found instead.
pub fn read_any(bytes: &[u8]) -> Result<Samples, WavRefusal> {
    read(bytes, |f| {
        let fits = !f.float
            && (1..=2).contains(&f.channels)
            && f.bits == 16
            && matches!(f.rate, 8_000 | 16_000 | 48_000);
        if fits {
            Ok(())
        } else {
            Err(WavRefusal::Unplayable { found: f })
        }
    })
}

fn read(
    bytes: &[u8],
    check: impl Fn(FoundFormat) -> Result<(), WavRefusal>,
) -> Result<Samples, WavRefusal> {
    let mut reader =
        hound::WavReader::new(bytes).map_err(|error| WavRefusal::NotWav(error.to_string()))?;
    let spec = reader.spec();
    check(FoundFormat {
        float: spec.sample_format == hound::SampleFormat::Float,
        channels: spec.channels,
        bits: spec.bits_per_sample,
        rate: spec.sample_rate,
    })?;
    // The header's length is a promise of a stranger: it bounds nothing until checked.
    let seconds = reader.duration() / spec.sample_rate;
    let max_seconds = crate::limits::CLIP_SECONDS_MAX;
    if seconds > max_seconds {
        return Err(WavRefusal::TooLong {
            seconds,
            max_seconds,
        });
    }
    if reader.len() as usize > bytes.len() / 2 {
        return Err(WavRefusal::Truncated);
    }
    let mut samples = Vec::with_capacity(reader.duration() as usize);
    for sample in reader.samples::<i16>().step_by(usize::from(spec.channels)) {
        samples.push(sample.map_err(|_| WavRefusal::Truncated)?);
    }
    Ok(Samples {
        rate: spec.sample_rate,
        samples,
    })
}

/// Writes a recording as 16 kHz mono 16-bit WAV, from samples of either rate. Runs where a disk may
/// be waited for, never on a tick.
pub struct Writer<W: Write + Seek> {
    inner: hound::WavWriter<W>,
    widener: Widener,
    is_widened: bool,
    wide: Vec<i16>,
    samples: u64,
}

impl<W: Write + Seek> std::fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer")
            .field("samples", &self.samples)
            .finish_non_exhaustive()
    }
}

impl<W: Write + Seek> Writer<W> {
    /// Writes the header; the length in it is right after [`finish`](Self::finish).
    ///
    /// # Errors
    /// Those of the file.
    pub fn new(file: W) -> io::Result<Self> {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 16_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let inner = hound::WavWriter::new(file, spec).map_err(io_error)?;
        let wide = Vec::with_capacity(4 * TICK_SAMPLES);
        Ok(Self {
            inner,
            widener: Widener::new(),
            is_widened: false,
            wide,
            samples: 0,
        })
    }

    /// Appends samples. All of a recording have one rate.
    ///
    /// # Errors
    /// Those of the file.
    pub fn write(&mut self, rate: Rate, samples: &[i16]) -> io::Result<()> {
        self.wide.clear();
        match rate {
            Rate::Narrow => {
                self.is_widened = true;
                self.widener.process(samples, &mut self.wide);
            }
            Rate::Wide => self.wide.extend_from_slice(samples),
        }
        self.put()
    }

    /// Completes the file and gives the length of its audio.
    ///
    /// # Errors
    /// Those of the file.
    pub fn finish(mut self) -> io::Result<std::time::Duration> {
        self.wide.clear();
        if self.is_widened {
            self.widener.finish(&mut self.wide);
        }
        self.put()?;
        self.inner.finalize().map_err(io_error)?;
        Ok(std::time::Duration::from_micros(
            self.samples * 1_000_000 / 16_000,
        ))
    }

    fn put(&mut self) -> io::Result<()> {
        // All at once: the file is asked once a frame, not once a sample.
        let mut writer = self.inner.get_i16_writer(self.wide.len() as u32);
        for sample in &self.wide {
            writer.write_sample(*sample);
        }
        writer.flush().map_err(io_error)?;
        self.samples += self.wide.len() as u64;
        Ok(())
    }
}

fn io_error(error: hound::Error) -> io::Error {
    match error {
        hound::Error::IoError(error) => error,
        other => io::Error::other(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn wav(channels: u16, rate: u32, bits: u16, samples: &[i16]) -> Vec<u8> {
        let spec = hound::WavSpec {
            channels,
            sample_rate: rate,
            bits_per_sample: bits,
            sample_format: hound::SampleFormat::Int,
        };
        let mut bytes = Cursor::new(Vec::new());
        let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
        for sample in samples {
            writer.write_sample(*sample).unwrap();
        }
        writer.finalize().unwrap();
        bytes.into_inner()
    }

    #[test]
    fn a_prompt_of_the_right_format_is_read() {
        let read = read_prompt(&wav(1, 16_000, 16, &[1, -2, 3])).unwrap();
        assert_eq!(
            read,
            Samples {
                rate: 16_000,
                samples: vec![1, -2, 3]
            }
        );
    }

    #[test]
    fn another_format_is_refused_by_its_name() {
        let refusal = read_prompt(&wav(2, 44_100, 16, &[0; 4])).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "a prompt is PCM, 1 channel, 16 bit, 16000 Hz; this file is PCM, 2 channels, 16 bit, 44100 Hz"
        );
        assert!(matches!(
            read_prompt(b"RIFFxxxxWAVE"),
            Err(WavRefusal::NotWav(_))
        ));
        assert!(matches!(read_prompt(b""), Err(WavRefusal::NotWav(_))));
    }

    #[test]
    fn a_phone_takes_more() {
        let read = read_any(&wav(2, 48_000, 16, &[1, 100, 2, 100])).unwrap();
        assert_eq!(
            read,
            Samples {
                rate: 48_000,
                samples: vec![1, 2]
            }
        );
        assert!(matches!(
            read_any(&wav(1, 11_025, 16, &[0])),
            Err(WavRefusal::Unplayable { .. })
        ));
    }

    #[test]
    fn a_lying_length_is_found_out() {
        let mut bytes = wav(1, 16_000, 16, &[7; 1000]);
        bytes.truncate(600);
        assert!(read_prompt(&bytes).is_err());
    }

    #[test]
    fn a_recording_reads_back_with_its_length() {
        let mut file = Cursor::new(Vec::new());
        let mut writer = Writer::new(&mut file).unwrap();
        for _ in 0..50 {
            writer.write(Rate::Narrow, &[1000; TICK_SAMPLES]).unwrap();
        }
        assert_eq!(writer.finish().unwrap(), std::time::Duration::from_secs(1));
        let read = read_prompt(file.get_ref()).unwrap();
        assert_eq!(read.samples.len(), 16_000);
        assert!(
            read.samples[100..15_900]
                .iter()
                .all(|s| (*s - 1000).abs() < 3)
        );
    }

    proptest::proptest! {
        #[test]
        fn no_file_panics_or_is_believed_longer_than_it_is(
            mut bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
            at in 0_usize..60, byte in proptest::prelude::any::<u8>(), cut in 0_usize..400,
        ) {
            let _ = read_any(&bytes);
            let mut good = wav(1, 16_000, 16, &[1; 150]);
            if let Some(place) = good.get_mut(at) {
                *place = byte;
            }
            good.truncate(cut);
            bytes.splice(..0, good);
            for read in [read_any(&bytes), read_prompt(&bytes)].into_iter().flatten() {
                proptest::prop_assert!(read.samples.len() * 2 <= bytes.len());
            }
        }
    }
}
