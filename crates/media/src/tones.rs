//! Key presses as packets (RFC 4733).
//!
//! ```text
//!   marker                       end end end
//!     ▼                           ▼   ▼   ▼
//!   [5 ·160][5 ·320][5 ·480] … [5 ·800]×3        one press: one timestamp, growing durations
//! ```
//!
//! The timestamp is the press: whatever packet of it comes first announces it, and no other packet
//! with that timestamp does. So a press is heard exactly once if any packet of it arrives, with
//! marker, end or middle lost, in any order.

use offhook_terms::{OperationId, Tone};

use crate::TICK_SAMPLES;

/// Why sending tones ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TonesEnded {
    /// Every tone was sent.
    Finished,
    /// Stopped before.
    Stopped,
    /// The peer did not agree to tones as packets.
    NotAgreed,
}

/// Presses remembered to recognise their late packets. At the fastest dialling (50 ms on, 50 off)
/// this is nearly a second.
const REMEMBERED: usize = 8;

/// Older than the newest press by more than this, a timestamp never heard before is not a late
/// packet but a new time base (two seconds).
const LATE_SAMPLES_MAX: u32 = 16_000;

/// Hears presses.
#[derive(Debug, Clone, Default)]
pub(crate) struct ToneReceiver {
    heard: [Option<HeardPress>; REMEMBERED],
    next: usize,
}

#[derive(Debug, Clone, Copy)]
struct HeardPress {
    event: u8,
    start: u32,
    duration: u16,
    ended: bool,
}

impl ToneReceiver {
    /// A new stream: old timestamps mean nothing any more.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Takes the payload of a tone packet, at its place in media time; its durations are by a clock of so
    /// many ticks in 1/8000 s. Gives the tone when it is a press not heard before.
    pub(crate) fn packet(&mut self, timestamp: u32, clock: u32, payload: &[u8]) -> Option<Tone> {
        let &[event, flags, high, low, ..] = payload else {
            return None;
        };
        let tone = Tone::from_event(event)?;
        let ended = flags & 0x80 != 0;
        let duration = (u32::from(u16::from_be_bytes([high, low])) / clock.max(1)) as u16;

        for press in self.heard.iter_mut().flatten() {
            if press.event != event {
                continue;
            }
            let after = timestamp.wrapping_sub(press.start);
            if after == 0 {
                press.duration = press.duration.max(duration);
                press.ended |= ended;
                return None;
            }
            // A press longer than eight seconds goes on under a new timestamp, right where the
            // last one was full (§2.5.1.3). Some gateways move the timestamp with every packet.
            // A new press cannot begin before the last one ended.
            if !press.ended && after <= u32::from(press.duration) {
                press.start = timestamp;
                press.duration = duration;
                press.ended = ended;
                return None;
            }
        }
        let newest = self.heard[(self.next + REMEMBERED - 1) % REMEMBERED];
        if let Some(newest) = newest {
            let before = newest.start.wrapping_sub(timestamp);
            if before < 1 << 31 && before > LATE_SAMPLES_MAX {
                self.reset();
            }
        }
        self.heard[self.next] = Some(HeardPress {
            event,
            start: timestamp,
            duration,
            ended,
        });
        self.next = (self.next + 1) % REMEMBERED;
        Some(tone)
    }
}

/// The keys of one operation, beat by beat.
#[derive(Debug)]
pub(crate) struct ToneSender {
    pub(crate) operation: OperationId,
    pub(crate) tones: Vec<Tone>,
    at: usize,
    press_ticks: u32,
    gap_ticks: u32,
    tick: u32,
}

/// What a tick of sending is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beat {
    /// Part of a press.
    Press(Press),
    /// The pause between two, which is audio.
    Gap,
    /// All sent.
    Done,
}

/// Twenty milliseconds of a press, whoever is told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Press {
    pub(crate) tone: Tone,
    /// Ticks of it before this one.
    pub(crate) tick: u32,
    /// Ticks the key is down in all. What comes after them says that it no longer is.
    pub(crate) ticks: u32,
}

/// One packet of a press.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TonePacket {
    pub(crate) marker: bool,
    pub(crate) timestamp: u32,
    pub(crate) payload: [u8; 4],
}

/// Ticks in 1/8000 s of the clock that stamps the stream and of the one that measures presses. They
/// should be the same (§2.1), and are not with phones that know tones at 8 kHz only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clocks {
    pub(crate) stream: u32,
    pub(crate) event: u32,
}

/// When the present press began, by the clock of one stream.
#[derive(Debug, Default)]
pub(crate) struct PressClock {
    start: u32,
    /// The tick that comes next, as long as it is the same press.
    next: u32,
}

/// The end of a press is said three times (§2.5.1.4), in consecutive packets.
const ENDS: u32 = 3;

/// −10 dBm0, what telephones are set to.
const VOLUME: u8 = 10;

impl ToneSender {
    pub(crate) fn new(
        operation: OperationId,
        tones: Vec<Tone>,
        press_ticks: u32,
        gap_ticks: u32,
    ) -> Self {
        // A timestamp of its own per press needs at least one tick after the ends.
        Self {
            operation,
            tones,
            at: 0,
            press_ticks: press_ticks.clamp(2, 400),
            gap_ticks: gap_ticks.clamp(ENDS, 500),
            tick: 0,
        }
    }

    /// The next twenty milliseconds.
    pub(crate) fn beat(&mut self) -> Beat {
        let Some(tone) = self.tones.get(self.at).copied() else {
            return Beat::Done;
        };
        let tick = self.tick;
        self.tick += 1;
        if tick >= self.press_ticks + ENDS - 1 {
            if self.tick >= self.press_ticks + self.gap_ticks {
                self.at += 1;
                self.tick = 0;
            }
            return Beat::Gap;
        }
        Beat::Press(Press {
            tone,
            tick,
            ticks: self.press_ticks,
        })
    }
}

impl Press {
    /// Whether the key is still down.
    pub(crate) fn is_down(self) -> bool {
        self.tick < self.ticks
    }
}

impl PressClock {
    /// This tick of a press as a packet, at the timestamp audio would have. Who missed its beginning
    /// hears a press that begins now.
    pub(crate) fn packet(&mut self, press: Press, timestamp: u32, clocks: Clocks) -> TonePacket {
        let begins = press.tick == 0 || press.tick != self.next;
        if begins {
            self.start = timestamp;
        }
        self.next = press.tick + 1;
        let ended = press.tick + 1 >= press.ticks;
        let lasts = (press.tick + 1).min(press.ticks);
        // What sixteen bits do not hold goes on under a new timestamp (§2.5.1.3).
        let most = u32::from(u16::MAX) / (TICK_SAMPLES as u32 * clocks.event);
        let passed = lasts.saturating_sub(1) / most * most;
        let start = passed * TICK_SAMPLES as u32 * clocks.stream;
        let duration = ((lasts - passed) * TICK_SAMPLES as u32 * clocks.event) as u16;
        let [high, low] = duration.to_be_bytes();
        TonePacket {
            marker: begins,
            timestamp: self.start.wrapping_add(start),
            payload: [
                press.tone.event(),
                (u8::from(ended) << 7) | VOLUME,
                high,
                low,
            ],
        }
    }
}

#[cfg(test)]
#[path = "tones_tests.rs"]
mod tests;
