//! Recording an answer: when it ends, and what of it is kept.

use std::time::Duration;

use offhook_terms::{OperationId, Tone};

use crate::TICK;
use crate::frame::Frame;
use crate::limits::{NO_MEDIA_AFTER, TONE_LEAK_FRAMES};
use crate::recording::RecordingFeed;
use crate::sound::{SoundDetector, Verdict};

/// The tones that end a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StopTones(u16);

impl StopTones {
    /// No tone ends it.
    pub const NONE: Self = Self(0);

    /// Whether this tone ends it.
    pub const fn contains(self, tone: Tone) -> bool {
        self.0 & (1 << tone.event()) != 0
    }
}

impl FromIterator<Tone> for StopTones {
    fn from_iter<I: IntoIterator<Item = Tone>>(tones: I) -> Self {
        Self(
            tones
                .into_iter()
                .fold(0, |set, tone| set | (1 << tone.event())),
        )
    }
}

/// When a recording ends by itself; `None` never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecordPlan {
    /// Nobody has made a sound since it began for this long.
    pub initial_silence: Option<Duration>,
    /// Somebody has, and has been silent for this long since.
    pub max_silence: Option<Duration>,
    /// It has lasted this long.
    pub max_duration: Option<Duration>,
    /// One of these was pressed.
    pub stop_tones: StopTones,
}

/// Why a recording ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordEnded {
    /// A stop tone was pressed; it is not in the file.
    StopTone,
    /// It reached its longest duration.
    MaxDuration,
    /// A pause after sound was too long.
    MaxSilence,
    /// There never was a sound.
    InitialSilence,
    /// Not one packet came for [`NO_MEDIA_AFTER`].
    NoMedia,
    /// Stopped by command, by another recording or by the end of the room.
    Stopped,
}

#[derive(Debug)]
pub(crate) struct Recorder {
    pub(crate) operation: OperationId,
    pub(crate) feed: RecordingFeed,
    plan: Plan,
    detector: SoundDetector,
    /// The newest frames, kept back: a stop tone begins in the audio before its packets come. A ring:
    /// the oldest is at `oldest`.
    held: [Frame; TONE_LEAK_FRAMES],
    oldest: usize,
    holding: usize,
    frames: u32,
    written: u32,
    without_packets: u32,
}

/// The plan in frames.
#[derive(Debug)]
struct Plan {
    initial_silence: u32,
    max_silence: u32,
    max_duration: u32,
    stop_tones: StopTones,
    needs_detector: bool,
}

const NEVER: u32 = u32::MAX;

fn frames(duration: Option<Duration>) -> u32 {
    duration.map_or(NEVER, |d| {
        u32::try_from(d.as_millis() / TICK.as_millis()).unwrap_or(NEVER)
    })
}

impl Recorder {
    pub(crate) fn new(operation: OperationId, plan: RecordPlan, feed: RecordingFeed) -> Self {
        Self {
            operation,
            feed,
            plan: Plan {
                initial_silence: frames(plan.initial_silence),
                max_silence: frames(plan.max_silence),
                max_duration: frames(plan.max_duration),
                stop_tones: plan.stop_tones,
                needs_detector: plan.initial_silence.is_some() || plan.max_silence.is_some(),
            },
            detector: SoundDetector::default(),
            held: [Frame::default(); TONE_LEAK_FRAMES],
            oldest: 0,
            holding: 0,
            frames: 0,
            written: 0,
            without_packets: 0,
        }
    }

    /// A frame of the call, and whether any packet came since the last.
    pub(crate) fn frame(&mut self, frame: &Frame, packet_came: bool) -> Option<RecordEnded> {
        self.keep(frame);
        self.frames += 1;
        self.without_packets = if packet_came {
            0
        } else {
            self.without_packets + 1
        };
        if self.plan.needs_detector {
            let ended = match self.detector.frame(frame) {
                Verdict::Silence {
                    frames_since_sound: None,
                } if self.frames >= self.plan.initial_silence => Some(RecordEnded::InitialSilence),
                Verdict::Silence {
                    frames_since_sound: Some(silent),
                } if silent >= self.plan.max_silence => Some(RecordEnded::MaxSilence),
                _ => None,
            };
            if ended.is_some() {
                return ended;
            }
        }
        if self.frames >= self.plan.max_duration {
            return Some(RecordEnded::MaxDuration);
        }
        let without = TICK * self.without_packets;
        (without >= NO_MEDIA_AFTER && self.plan.max_duration != NEVER)
            .then_some(RecordEnded::NoMedia)
    }

    /// A key was pressed. If it ends the recording, what is held back is the tone's own beginning.
    pub(crate) fn tone(&mut self, tone: Tone) -> Option<RecordEnded> {
        if !self.plan.stop_tones.contains(tone) {
            self.detector.sound();
            return None;
        }
        self.holding = 0;
        Some(RecordEnded::StopTone)
    }

    /// Whether this tone would end it.
    pub(crate) fn stops_at(&self, tone: Tone) -> bool {
        self.plan.stop_tones.contains(tone)
    }

    /// A frame kept for the file and judged no more.
    pub(crate) fn keep(&mut self, frame: &Frame) {
        if self.holding == TONE_LEAK_FRAMES {
            self.feed.push(&self.held[self.oldest]);
            self.written += 1;
            self.oldest = (self.oldest + 1) % TONE_LEAK_FRAMES;
            self.holding -= 1;
        }
        let free = (self.oldest + self.holding) % TONE_LEAK_FRAMES;
        self.held[free].assign(frame);
        self.holding += 1;
    }

    /// Writes what is held back, ends the file and gives its length.
    pub(crate) fn finish(&mut self) -> Duration {
        for n in 0..self.holding {
            self.feed
                .push(&self.held[(self.oldest + n) % TONE_LEAK_FRAMES]);
        }
        self.written += self.holding as u32;
        self.holding = 0;
        self.feed.end();
        TICK * self.written
    }
}

#[cfg(test)]
#[path = "recorder_tests.rs"]
mod tests;
