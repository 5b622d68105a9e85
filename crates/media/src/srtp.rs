//! SRTP with AES-128 in counter mode and HMAC-SHA1 (RFC 3711), keyed by descriptions (RFC 4568).
//!
//! ```text
//!   RTP   [ header │ payload        ]            RTCP  [ header, SSRC │ reports │ E·index ]
//!                    └ encrypted ┘ tag                   └ encrypted ┘           tag
//!         tag over the packet and its rollover counter   tag over all before it
//! ```
//!
//! Everything a key needs is derived from it once, where memory may be allocated; a packet is
//! encrypted where it lies.

use aes::cipher::{BlockEncrypt as _, KeyInit as _};
use aes::{Aes128, Block};
use hmac::{Hmac, Mac as _};
use offhook_terms::Private;
use sha1::Sha1;

/// What both sides do to packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suite {
    /// Tags of 80 bits.
    AesCm128HmacSha1_80,
    /// Tags of 32 bits on audio, of 80 on reports.
    AesCm128HmacSha1_32,
}

impl Suite {
    /// In the order we offer them.
    pub const ALL: [Self; 2] = [Self::AesCm128HmacSha1_80, Self::AesCm128HmacSha1_32];

    /// Its name in `a=crypto`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
        }
    }

    const fn tag_bytes(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_80 => 10,
            Self::AesCm128HmacSha1_32 => 4,
        }
    }
}

/// The most that protecting a packet of audio adds.
pub(crate) const TAG_BYTES_MAX: usize = 10;

/// What protecting reports adds: their index, and a tag of 80 bits in both suites (RFC 4568 §6.2).
pub(crate) const REPORT_BYTES_ADDED: usize = 4 + REPORT_TAG_BYTES;

const REPORT_TAG_BYTES: usize = 10;

/// Bytes of a master key and its salt.
pub(crate) const KEY_BYTES: usize = 16 + 14;

/// A master key and its salt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key(Private<[u8; KEY_BYTES]>);

impl Key {
    /// A key nobody has had before.
    pub fn fresh() -> Self {
        Self::from_bytes(rand::random())
    }

    /// A key and the salt after it.
    pub const fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(Private::new(bytes))
    }

    pub(crate) const fn bytes(&self) -> &[u8; KEY_BYTES] {
        self.0.reveal()
    }
}

/// How packets of a leg are protected: each side chose the key of what it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protection {
    /// What is done.
    pub suite: Suite,
    /// The key of what we send.
    pub ours: Key,
    /// The key of what the peer sends.
    pub theirs: Key,
}

/// The states of both directions.
#[derive(Debug)]
pub(crate) struct Srtp {
    pub(crate) protection: Protection,
    out: Sender,
    heard: Receiver,
}

impl Srtp {
    pub(crate) fn new(protection: Protection) -> Self {
        let Protection { ours, theirs, .. } = protection;
        Self {
            protection,
            out: Sender {
                keys: Keys::derive(&ours),
                rollover: 0,
                last: None,
                reports: 0,
            },
            heard: Receiver {
                keys: Keys::derive(&theirs),
                streams: [None; STREAMS],
                reports: Window::default(),
            },
        }
    }

    /// A direction whose key has not changed goes on where it was: its numbers must not come again.
    pub(crate) fn go_on(&mut self, before: &mut Self) {
        if self.protection.suite != before.protection.suite {
            return;
        }
        if self.protection.ours == before.protection.ours {
            std::mem::swap(&mut self.out, &mut before.out);
        }
        if self.protection.theirs == before.protection.theirs {
            std::mem::swap(&mut self.heard, &mut before.heard);
        }
    }

    /// Protects the RTP packet that is the first `length` bytes, and gives its length then. There must
    /// be room for the tag.
    pub(crate) fn protect(&mut self, packet: &mut [u8], length: usize, header: usize) -> usize {
        let sequence = u16::from_be_bytes([packet[2], packet[3]]);
        let out = &mut self.out;
        // We send in order, so that a smaller number is a new round.
        if out.last.is_some_and(|last| sequence < last) {
            out.rollover = out.rollover.wrapping_add(1);
        }
        out.last = Some(sequence);
        let index = u64::from(out.rollover) << 16 | u64::from(sequence);
        let ssrc = [packet[8], packet[9], packet[10], packet[11]];
        out.keys
            .audio
            .crypt(ssrc, index, &mut packet[header..length]);
        let tag = out
            .keys
            .audio
            .tag(&[&packet[..length], &out.rollover.to_be_bytes()]);
        let bytes = self.protection.suite.tag_bytes();
        packet[length..length + bytes].copy_from_slice(&tag[..bytes]);
        length + bytes
    }

    /// Opens an RTP packet whose header is so long, where it lies, and gives its length then. `None`
    /// when it is not the peer's, was altered, or was heard before.
    pub(crate) fn open(&mut self, packet: &mut [u8], header: usize) -> Option<usize> {
        let length = packet
            .len()
            .checked_sub(self.protection.suite.tag_bytes())?;
        if length < header || header < 12 {
            return None;
        }
        let sequence = u16::from_be_bytes([packet[2], packet[3]]);
        let ssrc = [packet[8], packet[9], packet[10], packet[11]];
        let heard = &mut self.heard;
        let (place, mut stream) = heard.stream(ssrc);
        let index = stream.window.index_of(sequence)?;
        if !stream.window.is_new(index) {
            return None;
        }
        let (body, tag) = packet.split_at_mut(length);
        let rollover = ((index >> 16) as u32).to_be_bytes();
        if !heard.keys.audio.fits(&[body, &rollover], tag) {
            return None;
        }
        stream.window.take(index);
        heard.streams[place] = Some(stream);
        heard.keys.audio.crypt(ssrc, index, &mut body[header..]);
        Some(length)
    }

    /// Protects the reports that are the first `length` bytes, and gives their length then. There must
    /// be room for [`REPORT_BYTES_ADDED`].
    pub(crate) fn protect_reports(&mut self, packet: &mut [u8], length: usize) -> usize {
        let out = &mut self.out;
        let index = out.reports & 0x7fff_ffff;
        out.reports = out.reports.wrapping_add(1);
        let ssrc = [packet[4], packet[5], packet[6], packet[7]];
        out.keys
            .reports
            .crypt(ssrc, u64::from(index), &mut packet[8..length]);
        let indexed = length + 4;
        packet[length..indexed].copy_from_slice(&(index | 1 << 31).to_be_bytes());
        let tag = out.keys.reports.tag(&[&packet[..indexed]]);
        let end = indexed + REPORT_TAG_BYTES;
        packet[indexed..end].copy_from_slice(&tag[..REPORT_TAG_BYTES]);
        end
    }

    /// Opens reports where they lie, and gives their length then.
    pub(crate) fn open_reports(&mut self, packet: &mut [u8]) -> Option<usize> {
        let indexed = packet.len().checked_sub(REPORT_TAG_BYTES)?;
        let length = indexed.checked_sub(4).filter(|length| *length >= 8)?;
        let (body, tag) = packet.split_at_mut(indexed);
        let heard = &mut self.heard;
        if !heard.keys.reports.fits(&[body], tag) {
            return None;
        }
        let word: [u8; 4] = body[length..].try_into().ok()?;
        let word = u32::from_be_bytes(word);
        let index = u64::from(word & 0x7fff_ffff);
        if !heard.reports.is_new(index) {
            return None;
        }
        heard.reports.take(index);
        if word >> 31 == 1 {
            let ssrc = [body[4], body[5], body[6], body[7]];
            let body = &mut body[8..length];
            heard.keys.reports.crypt(ssrc, index, body);
        }
        Some(length)
    }
}

#[derive(Debug)]
struct Sender {
    keys: Keys,
    rollover: u32,
    last: Option<u16>,
    reports: u32,
}

/// Streams of one peer that are remembered: a phone that changes its stream number does so once in a
/// while, and what is older than these cannot be told from new.
const STREAMS: usize = 4;

#[derive(Debug)]
struct Receiver {
    keys: Keys,
    streams: [Option<Stream>; STREAMS],
    reports: Window,
}

#[derive(Debug, Clone, Copy)]
struct Stream {
    ssrc: [u8; 4],
    window: Window,
}

impl Receiver {
    /// Where a stream is kept, or will be once a packet of it proved true.
    fn stream(&self, ssrc: [u8; 4]) -> (usize, Stream) {
        let known = |stream: &Option<Stream>| stream.is_some_and(|stream| stream.ssrc == ssrc);
        if let Some(at) = self.streams.iter().position(known)
            && let Some(stream) = self.streams[at]
        {
            return (at, stream);
        }
        let at = self.streams.iter().position(Option::is_none);
        let window = Window::default();
        // All taken: the newest of them makes room, so that the true one at the front stays.
        (at.unwrap_or(STREAMS - 1), Stream { ssrc, window })
    }
}

/// Which of the last sixty-four were heard (RFC 3711 §3.3.2).
#[derive(Debug, Clone, Copy, Default)]
struct Window {
    highest: Option<u64>,
    heard: u64,
}

impl Window {
    /// The whole index of a sequence number: the nearest to the highest heard (appendix A).
    fn index_of(&self, sequence: u16) -> Option<u64> {
        let Some(highest) = self.highest else {
            return Some(u64::from(sequence));
        };
        let ahead = sequence.wrapping_sub(highest as u16) as i16;
        let index = highest.checked_add_signed(i64::from(ahead))?;
        (index < 1 << 48).then_some(index)
    }

    fn is_new(&self, index: u64) -> bool {
        match self.highest {
            Some(highest) if index <= highest => {
                let back = highest - index;
                back < 64 && self.heard & (1 << back) == 0
            }
            _ => true,
        }
    }

    fn take(&mut self, index: u64) {
        match self.highest {
            Some(highest) if index <= highest => self.heard |= 1 << (highest - index),
            Some(highest) => {
                let by = index - highest;
                self.heard = if by < 64 { self.heard << by | 1 } else { 1 };
                self.highest = Some(index);
            }
            None => (self.highest, self.heard) = (Some(index), 1),
        }
    }
}

/// The session keys of one direction.
struct Keys {
    audio: KeySet,
    reports: KeySet,
}

struct KeySet {
    cipher: Aes128,
    salt: [u8; 14],
    mac: Hmac<Sha1>,
}

impl Keys {
    /// One suite's derivation is the other's.
    fn derive(key: &Key) -> Self {
        Self {
            audio: KeySet::derive(key, 0),
            reports: KeySet::derive(key, 3),
        }
    }
}

impl KeySet {
    /// From the labels that begin with `first`: encryption, authentication, salt (§4.3).
    fn derive(key: &Key, first: u8) -> Self {
        let (master, salt) = key
            .bytes()
            .split_first_chunk::<16>()
            .expect("a key is longer");
        let master = Aes128::new(&(*master).into());
        let stream = |label: u8, out: &mut [u8]| {
            let mut counter = [0; 16];
            counter[..14].copy_from_slice(salt);
            counter[7] ^= label;
            key_stream(&master, counter, out);
        };
        let (mut cipher, mut mac, mut session_salt) = ([0; 16], [0; 20], [0; 14]);
        stream(first, &mut cipher);
        stream(first + 1, &mut mac);
        stream(first + 2, &mut session_salt);
        Self {
            cipher: Aes128::new(&cipher.into()),
            salt: session_salt,
            mac: <Hmac<Sha1> as hmac::Mac>::new_from_slice(&mac)
                .expect("HMAC takes keys of any length"),
        }
    }

    /// Encrypts, or decrypts: it is the same (§4.1.1).
    fn crypt(&self, ssrc: [u8; 4], index: u64, bytes: &mut [u8]) {
        let mut counter = [0; 16];
        counter[..14].copy_from_slice(&self.salt);
        for (to, from) in counter[4..8].iter_mut().zip(ssrc) {
            *to ^= from;
        }
        for (to, from) in counter[8..14].iter_mut().zip(&index.to_be_bytes()[2..]) {
            *to ^= from;
        }
        key_stream(&self.cipher, counter, bytes);
    }

    fn tag(&self, parts: &[&[u8]]) -> [u8; 20] {
        self.sum(parts).finalize().into_bytes().into()
    }

    /// Whether a tag is the beginning of the right one, in the same time for every wrong one.
    fn fits(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        self.sum(parts).verify_truncated_left(tag).is_ok()
    }

    fn sum(&self, parts: &[&[u8]]) -> Hmac<Sha1> {
        let mut mac = self.mac.clone();
        for part in parts {
            mac.update(part);
        }
        mac
    }
}

/// Adds the key stream that begins at a counter to bytes, eight blocks at a time: they are encrypted
/// side by side.
fn key_stream(cipher: &Aes128, counter: [u8; 16], bytes: &mut [u8]) {
    const SIDE_BY_SIDE: usize = 8;
    let mut block: u16 = 0;
    for chunk in bytes.chunks_mut(16 * SIDE_BY_SIDE) {
        let mut blocks = [Block::from([0; 16]); SIDE_BY_SIDE];
        let count = chunk.len().div_ceil(16);
        for stream in &mut blocks[..count] {
            stream.copy_from_slice(&counter);
            stream[14..].copy_from_slice(&block.to_be_bytes());
            block = block.wrapping_add(1);
        }
        cipher.encrypt_blocks(&mut blocks[..count]);
        for (bytes, stream) in chunk.chunks_mut(16).zip(&blocks) {
            for (byte, stream) in bytes.iter_mut().zip(stream) {
                *byte ^= stream;
            }
        }
    }
}

/// Keys are not for logs.
impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

#[cfg(test)]
#[path = "srtp_tests.rs"]
mod tests;
