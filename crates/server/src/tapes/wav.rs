//! The WAV file of a recording: its header, and mending one that was cut off.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use offhook_media::Rate;

use super::DocumentId;
use super::log::Story;
use crate::seal::{Reader, Seal};

/// RIFF, the format and the beginning of the samples.
pub(super) const HEADER_BYTES: usize = 44;

/// The most samples a file takes, in bytes: its lengths are 32 bits, and some readers take them for
/// signed. At 16 kHz in two channels that is nine hours.
pub(super) const BYTES_MAX: u64 = (1 << 31) - 4096;

/// "Until the end of the file", for a file that is being written.
pub(super) const UNTIL_THE_END: u32 = u32::MAX;

/// The header of `bytes` of 16-bit samples.
pub(super) fn header(rate: Rate, channels: u16, bytes: u32) -> [u8; HEADER_BYTES] {
    let hertz = rate.hertz();
    let mut out = [0; HEADER_BYTES];
    let mut at = 0;
    let mut put = |bytes: &[u8]| {
        out[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    };
    put(b"RIFF");
    put(&bytes.saturating_add(HEADER_BYTES as u32 - 8).to_le_bytes());
    put(b"WAVEfmt ");
    put(&16_u32.to_le_bytes());
    put(&1_u16.to_le_bytes());
    put(&channels.to_le_bytes());
    put(&hertz.to_le_bytes());
    put(&(hertz * u32::from(channels) * 2).to_le_bytes());
    put(&(channels * 2).to_le_bytes());
    put(&16_u16.to_le_bytes());
    put(b"data");
    put(&bytes.to_le_bytes());
    out
}

/// Makes a file whole that was cut off; how many bytes of samples it has.
pub(super) fn mend(
    audio: &Path,
    seal: Option<&Seal>,
    document: DocumentId,
    story: &Story,
) -> io::Result<u64> {
    let channels = story.about.channels();
    let whole = 2 * u64::from(channels);
    if seal.is_some() {
        let mut reader = Reader::open(File::open(audio)?, seal, document, 0)?;
        let mut bytes = 0;
        loop {
            let part = reader.next()?.len() as u64;
            if part == 0 {
                return Ok(bytes - bytes % whole);
            }
            bytes += part;
        }
    }
    let mut file = File::options().read(true).write(true).open(audio)?;
    let there = file.metadata()?.len();
    let Some(bytes) = there.checked_sub(HEADER_BYTES as u64) else {
        // Not even its header was written.
        return Ok(0);
    };
    let bytes = bytes - bytes % whole;
    file.set_len(HEADER_BYTES as u64 + bytes)?;
    file.seek(SeekFrom::Start(0))?;
    let length = u32::try_from(bytes).unwrap_or(UNTIL_THE_END);
    file.write_all(&header(story.rate(), channels, length))?;
    file.sync_all()?;
    Ok(bytes)
}
