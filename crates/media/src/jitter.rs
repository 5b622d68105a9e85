//! The jitter buffer: packets in as the network brings them, a frame out every tick.
//!
//! ```text
//!   timestamps ──▶        play                    newest
//!        … played │ 160 │ 160 │  ?  │ 160 │ 160 │
//!                 └──────── delay ──────────────┘
//! ```
//!
//! All times are in 1/8000 s, whatever the clock and the rate of the codec. Play time moves 160 a
//! tick. What is missing when its time comes is concealed by fading the last sound. A packet that came
//! too late moves play time back once (more delay); a delay that was not needed for a while is given
//! up again; so is what a fast clock piles up, and a slow one's shortage is the late packet again.

use crate::TICK_SAMPLES;
use crate::codec::Codec;
use crate::coders::{Decoder, SAMPLES_MAX};
use crate::frame::Frame;
use crate::g711::Law;
use crate::limits;
use crate::rates::Rate;

const SLOTS: usize = limits::JITTER_PACKETS;

#[derive(Debug, Clone, Copy)]
struct Slot {
    sequence: u16,
    timestamp: u32,
    units: u16,
    length: u16,
    codec: Codec,
    used: bool,
    /// Where its payload is.
    shelf: u8,
}

const EMPTY: Slot = Slot {
    sequence: 0,
    timestamp: 0,
    units: 0,
    length: 0,
    codec: Codec::Pcmu,
    used: false,
    shelf: 0,
};

/// Where payloads lie until they are played. What was left last is taken first: of all the room there
/// is, only as much is touched as the delay is long, and that of hundreds of calls stays near.
#[derive(Debug)]
#[repr(C)]
struct Shelves {
    free_count: usize,
    /// The last of these is taken next.
    free: [u8; SHELVES],
    payloads: [[u8; limits::PAYLOAD_BYTES_MAX]; SHELVES],
}

/// One for each slot, and one for what was played last.
const SHELVES: usize = SLOTS + 1;

const _: () = assert!(SHELVES <= u8::MAX as usize);

impl Shelves {
    fn new() -> Self {
        Self {
            payloads: [[0; limits::PAYLOAD_BYTES_MAX]; SHELVES],
            free: std::array::from_fn(|shelf| shelf as u8),
            free_count: SHELVES,
        }
    }

    fn clear(&mut self) {
        self.free = std::array::from_fn(|shelf| shelf as u8);
        self.free_count = SHELVES;
    }

    /// There is one for every slot, and a slot gives back its own first.
    fn take(&mut self) -> u8 {
        self.free_count -= 1;
        self.free[self.free_count]
    }

    fn give_back(&mut self, shelf: u8) {
        self.free[self.free_count] = shelf;
        self.free_count += 1;
    }
}

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    Yes,
    /// Its time has passed, or it is here already.
    Late,
    /// It is no audio of its codec, or more than is taken.
    Unfit,
}

/// What is looked at in every tick stands together at the beginning: of hundreds of calls each line of memory that
/// is touched has to be fetched.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct JitterBuffer {
    /// The timestamp of the next frame to play, once a first packet has come.
    play: Option<u32>,
    held: usize,
    /// Of what is decoded and not yet played.
    decoded_from: usize,
    decoded_to: usize,
    decoded_timestamp: u32,
    /// The end of the newest packet.
    newest: u32,
    delay: i32,
    concealed: u32,
    /// The least time a packet was early by in this window, and the ticks of the window.
    least_early: i32,
    window: u32,
    /// The next sequence number to decode.
    next: u16,
    /// The rate of what is held.
    rate: Rate,
    /// Something was decoded since the last reset.
    has_decoded: bool,
    /// Where the payload of the last packet still is, of which there is no frame yet: most are never asked for.
    kept: Option<(Law, u8)>,
    shelves: Shelves,
    slots: [Slot; SLOTS],
    decoded: [i16; SAMPLES_MAX],
    last: Frame,
}

/// How long a spare delay must last before it is given up (four seconds): shorter and the buffer
/// would breathe with every burst.
const WINDOW_TICKS: u32 = 200;

/// A frame with no sample above this is a pause (−36 dBFS).
const QUIET_PEAK: u16 = 512;

/// A timestamp this far from play time is another beginning (one second).
const JUMP_SAMPLES: i32 = 8_000;

impl Default for JitterBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl JitterBuffer {
    pub(crate) fn new() -> Self {
        Self {
            play: None,
            held: 0,
            decoded_from: 0,
            decoded_to: 0,
            decoded_timestamp: 0,
            newest: 0,
            delay: limits::JITTER_DELAY_UNITS_START,
            concealed: limits::CONCEALED_FRAMES_MAX,
            least_early: i32::MAX,
            window: 0,
            next: 0,
            rate: Rate::Narrow,
            has_decoded: false,
            kept: None,
            shelves: Shelves::new(),
            slots: [EMPTY; SLOTS],
            decoded: [0; SAMPLES_MAX],
            last: Frame::silence(Rate::Narrow),
        }
    }

    /// Has the processor fetch what the next tick needs of it.
    pub(crate) fn fetch(&self) {
        let slot = &self.slots[usize::from(self.next) % SLOTS];
        let payload = &self.shelves.payloads[usize::from(slot.shelf)];
        std::hint::black_box((slot.used, payload[0], payload[64], payload[128]));
    }

    /// The delay that was learned.
    pub(crate) fn delay(&self) -> i32 {
        self.delay
    }

    /// Begins with the delay another buffer of this port has learned, at the rate that is agreed.
    pub(crate) fn begin_with(&mut self, delay: i32, rate: Rate) {
        self.delay = delay;
        self.rate = rate;
    }

    /// Forgets the audio and the time base, keeps what was learned about the delay.
    pub(crate) fn reset(&mut self) {
        self.reset_slots();
        self.play = None;
        self.has_decoded = false;
        self.decoded_from = 0;
        self.decoded_to = 0;
        self.concealed = limits::CONCEALED_FRAMES_MAX;
        self.begin_window();
    }

    pub(crate) fn push(
        &mut self,
        sequence: u16,
        timestamp: u32,
        codec: Codec,
        payload: &[u8],
    ) -> Kept {
        let Some(units) = codec.payload_units(payload) else {
            return Kept::Unfit;
        };
        let end = timestamp.wrapping_add(u32::from(units));
        if self.rate != codec.rate() {
            self.reset();
            self.rate = codec.rate();
        }
        if let Some(play) = self.play {
            let ahead = timestamp.wrapping_sub(play) as i32;
            if !(-JUMP_SAMPLES..=JUMP_SAMPLES).contains(&ahead) {
                self.reset();
            }
        }
        let Some(play) = self.play else {
            self.play = Some(timestamp.wrapping_sub(self.delay as u32));
            self.next = sequence;
            self.newest = end;
            return self.store(sequence, timestamp, units, codec, payload);
        };
        if (sequence.wrapping_sub(self.next) as i16) < 0 {
            // Before the first packet was played, an earlier one may still take the lead.
            if !self.has_decoded && (timestamp.wrapping_sub(play) as i32) >= 0 {
                self.next = sequence;
            } else {
                self.wait_longer(end);
                return Kept::Late;
            }
        }
        if (end.wrapping_sub(play) as i32) <= 0 {
            self.wait_longer(end);
            return Kept::Late;
        }
        self.least_early = self.least_early.min(timestamp.wrapping_sub(play) as i32);
        if (end.wrapping_sub(self.newest) as i32) > 0 {
            self.newest = end;
        }
        self.store(sequence, timestamp, units, codec, payload)
    }

    fn store(
        &mut self,
        sequence: u16,
        timestamp: u32,
        units: u16,
        codec: Codec,
        payload: &[u8],
    ) -> Kept {
        let slot = &mut self.slots[usize::from(sequence) % SLOTS];
        if slot.used {
            if slot.sequence == sequence {
                return Kept::Late;
            }
            // Further ahead than the buffer is long: the older one gives way.
            self.held -= 1;
            self.shelves.give_back(slot.shelf);
        }
        slot.used = true;
        slot.sequence = sequence;
        slot.timestamp = timestamp;
        slot.units = units;
        slot.codec = codec;
        slot.length = payload.len() as u16;
        slot.shelf = self.shelves.take();
        self.shelves.payloads[usize::from(slot.shelf)][..payload.len()].copy_from_slice(payload);
        self.held += 1;
        Kept::Yes
    }

    /// A packet came after its time: play later from now on, as far as is allowed.
    fn wait_longer(&mut self, end: u32) {
        let Some(play) = self.play else { return };
        let late_by = (play.wrapping_sub(end) as i32).max(0);
        let step = (late_by / TICK_SAMPLES as i32 + 1) * TICK_SAMPLES as i32;
        let ahead = (self.newest.wrapping_sub(play) as i32).max(0) + step;
        if ahead <= limits::JITTER_DELAY_UNITS_MAX {
            self.delay = ahead.max(limits::JITTER_DELAY_UNITS_MIN);
            self.play = Some(play.wrapping_sub(step as u32));
            self.begin_window();
        }
    }

    fn begin_window(&mut self) {
        self.least_early = i32::MAX;
        self.window = 0;
    }

    /// Whether audio came at all since the last reset.
    #[cfg(test)]
    pub(crate) fn has_begun(&self) -> bool {
        self.play.is_some()
    }

    /// The timestamp of the next frame.
    pub(crate) fn play_time(&self) -> Option<u32> {
        self.play
    }

    /// The next twenty milliseconds. False when nothing in them was heard.
    pub(crate) fn pop(&mut self, decoder: &mut Decoder, out: &mut Frame) -> bool {
        let Some(mut play) = self.play else {
            *out = Frame::silence(self.rate);
            return false;
        };
        play = self.give_up_spare_delay(play);
        if self.decode_whole(decoder, play, out) {
            self.concealed = 0;
            self.play = Some(play.wrapping_add(TICK_SAMPLES as u32));
            return true;
        }
        self.recall();
        *out = Frame::silence(self.rate);
        let per = self.rate.per_unit();
        let length = out.len();
        let mut filled = 0;
        let mut heard = false;
        while filled < length {
            let now = play.wrapping_add((filled / per) as u32);
            if self.decoded_from == self.decoded_to && !self.decode_next(decoder, now) {
                self.conceal(&mut out[filled..], filled);
                break;
            }
            let ahead = self.decoded_timestamp.wrapping_sub(now) as i32;
            let held = self.decoded_to - self.decoded_from;
            if ahead > 0 {
                let gap = (ahead as usize * per).min(length - filled);
                self.conceal(&mut out[filled..filled + gap], filled);
                filled += gap;
            } else if ahead < 0 {
                let passed = (ahead.unsigned_abs() as usize * per).min(held);
                self.decoded_from += passed;
                self.decoded_timestamp = self.decoded_timestamp.wrapping_add((passed / per) as u32);
            } else {
                let copied = held.min(length - filled);
                out[filled..filled + copied]
                    .copy_from_slice(&self.decoded[self.decoded_from..self.decoded_from + copied]);
                self.decoded_from += copied;
                self.decoded_timestamp = self.decoded_timestamp.wrapping_add((copied / per) as u32);
                filled += copied;
                heard = true;
            }
        }
        if heard {
            self.concealed = 0;
            self.last.assign(out);
        } else {
            self.concealed = self.concealed.saturating_add(1);
        }
        self.play = Some(play.wrapping_add(TICK_SAMPLES as u32));
        heard
    }

    /// Most of the time the packet that is due is one tick of sound: that goes where it is wanted and nowhere else.
    fn decode_whole(&mut self, decoder: &mut Decoder, now: u32, out: &mut Frame) -> bool {
        if self.held == 0 || self.decoded_from < self.decoded_to {
            return false;
        }
        let slot = &self.slots[usize::from(self.next) % SLOTS];
        let is_due = slot.used && slot.sequence == self.next && slot.timestamp == now;
        if !is_due || usize::from(slot.units) != TICK_SAMPLES {
            return false;
        }
        let Slot {
            codec,
            shelf,
            length,
            ..
        } = *slot;
        let payload = &self.shelves.payloads[usize::from(shelf)][..usize::from(length)];
        out.begin(self.rate);
        decoder.decode(codec, payload, out);
        if let Some((_, before)) = self.kept.take() {
            self.shelves.give_back(before);
        }
        self.let_go(self.next);
        match codec.law() {
            Some(law) => self.kept = Some((law, self.shelves.take())),
            None => self.last.assign(out),
        }
        true
    }

    /// Makes the last frame of the last packet.
    fn recall(&mut self) {
        if let Some((law, shelf)) = self.kept.take() {
            self.last.begin(Rate::Narrow);
            law.decode(&self.shelves.payloads[usize::from(shelf)], &mut self.last);
            self.shelves.give_back(shelf);
        }
    }

    /// A packet has been decoded.
    fn let_go(&mut self, sequence: u16) {
        let slot = &mut self.slots[usize::from(sequence) % SLOTS];
        slot.used = false;
        self.held -= 1;
        self.shelves.give_back(slot.shelf);
        self.next = sequence.wrapping_add(1);
        self.has_decoded = true;
    }

    /// Decodes the packet that is due, passing over lost ones. False when none is due or later here.
    fn decode_next(&mut self, decoder: &mut Decoder, now: u32) -> bool {
        if self.held == 0 {
            return false;
        }
        let slot = &self.slots[usize::from(self.next) % SLOTS];
        let at = if slot.used && slot.sequence == self.next {
            self.next
        } else {
            // The next one is missing: is a later one due already?
            let later = (1..SLOTS as u16)
                .map(|n| self.next.wrapping_add(n))
                .find(|sequence| {
                    let slot = &self.slots[usize::from(*sequence) % SLOTS];
                    slot.used && slot.sequence == *sequence
                });
            let Some(later) = later else {
                // What is held is from before a jump of the sequence; begin anew with what comes.
                self.reset_slots();
                return false;
            };
            let timestamp = self.slots[usize::from(later) % SLOTS].timestamp;
            if (timestamp.wrapping_sub(now) as i32) >= TICK_SAMPLES as i32 {
                return false;
            }
            later
        };
        let slot = &self.slots[usize::from(at) % SLOTS];
        let payload = &self.shelves.payloads[usize::from(slot.shelf)][..usize::from(slot.length)];
        let samples = usize::from(slot.units) * self.rate.per_unit();
        decoder.decode(slot.codec, payload, &mut self.decoded[..samples]);
        self.decoded_from = 0;
        self.decoded_to = samples;
        self.decoded_timestamp = slot.timestamp;
        self.let_go(at);
        true
    }

    fn reset_slots(&mut self) {
        self.recall();
        for slot in self.slots.iter_mut() {
            slot.used = false;
        }
        self.shelves.clear();
        self.held = 0;
    }

    /// Fills a gap: the last frame again, quieter each time, then silence.
    fn conceal(&self, out: &mut [i16], from: usize) {
        if self.concealed >= limits::CONCEALED_FRAMES_MAX {
            out.fill(0);
            return;
        }
        if self.last.rate() != self.rate {
            out.fill(0);
            return;
        }
        for (sample, last) in out.iter_mut().zip(&self.last[from..]) {
            *sample = last >> (self.concealed + 1);
        }
    }

    fn give_up_spare_delay(&mut self, play: u32) -> u32 {
        self.window += 1;
        if self.window < WINDOW_TICKS {
            return play;
        }
        self.recall();
        // A jump is not heard in a pause; for a while it may wait for one.
        let quiet = self
            .last
            .iter()
            .all(|sample| sample.unsigned_abs() < QUIET_PEAK);
        if !quiet && self.window < 2 * WINDOW_TICKS {
            return play;
        }
        let frame = TICK_SAMPLES as i32;
        let spare = self
            .least_early
            .saturating_sub(limits::JITTER_DELAY_UNITS_MIN);
        let arrived = self.least_early != i32::MAX;
        self.begin_window();
        if !arrived || spare < frame {
            return play;
        }
        // Half of it at once, so that a fast clock is caught up with.
        let step = (spare / (2 * frame)).max(1) * frame;
        self.delay = (self.delay - step).max(limits::JITTER_DELAY_UNITS_MIN);
        play.wrapping_add(step as u32)
    }
}

#[cfg(test)]
#[path = "jitter_tests.rs"]
mod tests;
