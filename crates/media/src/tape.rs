//! The way of a call's recording off the tick: a ring of bytes, as the file has them.
//!
//! ```text
//!   seat on the tick ── TapeFeed ══ ring of bytes ══ TapeTap ── appended to the file as they lie there
//!                           └────── ring of rates ──────┘
//! ```
//!
//! Nothing is copied between the ring and the disk. Where a phone changes its rate in the middle, the tick says from
//! which byte on, and what follows is given the rate of the file when it is taken.

use std::sync::Arc;

use rtrb::{Consumer, Producer, RingBuffer};

use crate::frame::{FRAME_SAMPLES_MAX, Frame};
use crate::jitter::JitterBuffer;
use crate::limits;
use crate::rates::Rate;
use crate::recording::{Restorer, State, touched};

/// 16 bits.
const SAMPLE: usize = 2;

/// A frame of both directions.
const FRAME_BYTES_MAX: usize = 2 * SAMPLE * FRAME_SAMPLES_MAX;

/// From this byte on, what comes has another rate.
#[derive(Debug, Clone, Copy)]
struct Change {
    at: u64,
    rate: Rate,
}

/// The tick's end of the recording of a call: what a seat hears and what it says, added up or side by
/// side.
#[derive(Debug)]
pub struct TapeFeed {
    bytes: Producer<u8>,
    pushed: u64,
    /// What was pushed last has this rate.
    rate: Option<Rate>,
    is_apart: bool,
    state: Arc<State>,
    changes: Producer<Change>,
    pub(crate) jitter: Option<Box<JitterBuffer>>,
}

/// The writer's end of the recording of a call.
#[derive(Debug)]
pub struct TapeTap {
    bytes: Consumer<u8>,
    taken: u64,
    changes: Consumer<Change>,
    /// What is taken next has this rate.
    comes: Rate,
    state: Arc<State>,
    channels: usize,
    /// Of the recording: the first frame's, unless it was given.
    rate: Option<Rate>,
    /// One for each channel, and what they have made.
    restorers: [Restorer; 2],
    restored: Vec<u8>,
}

/// Both ends of a new recording of a call, or of a part of one. All of it has this rate, or that of the
/// first frame. The two directions are kept apart, or added up: then half of the memory is touched.
/// Allocates; called by the control side.
pub fn tape(rate: Option<Rate>, is_apart: bool) -> (TapeFeed, TapeTap) {
    let channels = if is_apart { 2 } else { 1 };
    let length = limits::RECORDING_FRAMES * channels * SAMPLE * FRAME_SAMPLES_MAX;
    let (bytes, taken_bytes) = touched(length);
    let (changes, taken_changes) = RingBuffer::new(limits::RATE_CHANGES_WAITING);
    let state = Arc::<State>::default();
    let feed = TapeFeed {
        bytes,
        pushed: 0,
        rate: None,
        is_apart,
        state: Arc::clone(&state),
        changes,
        jitter: Some(Box::default()),
    };
    let tap = TapeTap {
        bytes: taken_bytes,
        taken: 0,
        changes: taken_changes,
        comes: Rate::Narrow,
        state,
        channels,
        rate,
        restorers: Default::default(),
        restored: Vec::new(),
    };
    (feed, tap)
}

impl TapeFeed {
    /// A frame of what is heard and, unless that is nothing, of what is said meanwhile.
    pub(crate) fn push(&mut self, heard: &Frame, said: Option<&Frame>) {
        let mut record = [0; FRAME_BYTES_MAX];
        let length = match (self.is_apart, said) {
            (true, said) => beside(heard, said, &mut record),
            (false, Some(said)) => added(heard, said, &mut record),
            (false, None) => alone(heard, &mut record),
        };
        // All of it is in the ring or nothing is.
        let has_rate = self.rate == Some(heard.rate()) || self.change(heard.rate());
        if has_rate && self.bytes.push_entire_slice(&record[..length]).is_ok() {
            self.pushed += length as u64;
        } else {
            self.state.drop_frame();
        }
    }

    /// Has the processor fetch what the next frame needs of it.
    pub(crate) fn fetch(&self) {
        std::hint::black_box(self.bytes.buffer().capacity());
    }

    /// Tells of another rate. False when so many changes wait that nobody can be looking.
    fn change(&mut self, rate: Rate) -> bool {
        let at = self.pushed;
        let is_told = self.changes.push(Change { at, rate }).is_ok();
        if is_told {
            self.rate = Some(rate);
        }
        is_told
    }

    pub(crate) fn end(&self) {
        self.state.end();
    }
}

/// A feed that is dropped has ended: a call that fails leaves no writer waiting.
impl Drop for TapeFeed {
    fn drop(&mut self) {
        self.end();
    }
}

type Record = [u8; FRAME_BYTES_MAX];

fn alone(heard: &Frame, record: &mut Record) -> usize {
    let (bytes, _) = record.as_chunks_mut::<SAMPLE>();
    for (bytes, heard) in bytes.iter_mut().zip(heard.iter()) {
        *bytes = heard.to_le_bytes();
    }
    SAMPLE * heard.len()
}

fn added(heard: &Frame, said: &Frame, record: &mut Record) -> usize {
    let (bytes, _) = record.as_chunks_mut::<SAMPLE>();
    for ((bytes, heard), said) in bytes.iter_mut().zip(heard.iter()).zip(said.iter()) {
        *bytes = heard.saturating_add(*said).to_le_bytes();
    }
    SAMPLE * heard.len()
}

fn beside(heard: &Frame, said: Option<&Frame>, record: &mut Record) -> usize {
    let (pairs, _) = record.as_chunks_mut::<{ 2 * SAMPLE }>();
    for (pair, heard) in pairs.iter_mut().zip(heard.iter()) {
        pair[..SAMPLE].copy_from_slice(&heard.to_le_bytes());
    }
    let said = said.into_iter().flat_map(|said| said.iter());
    for (pair, said) in pairs.iter_mut().zip(said) {
        pair[SAMPLE..].copy_from_slice(&said.to_le_bytes());
    }
    2 * SAMPLE * heard.len()
}

impl TapeTap {
    /// How many bytes can be taken now: 16-bit little-endian samples, of both directions added up, or of
    /// what was heard and what was said meanwhile in turn.
    pub fn ready(&mut self) -> usize {
        loop {
            if !self.restored.is_empty() {
                return self.restored.len();
            }
            // Asked first: the rate of a byte is told before the byte.
            let there = self.bytes.slots();
            let mut run = there;
            while let Ok(change) = self.changes.peek() {
                if change.at > self.taken {
                    run = there.min((change.at - self.taken) as usize);
                    break;
                }
                self.comes = change.rate;
                let _ = self.changes.pop();
            }
            if run == 0 {
                return 0;
            }
            if *self.rate.get_or_insert(self.comes) == self.comes {
                return run;
            }
            self.restore(run);
        }
    }

    /// Takes so many bytes of those that are ready, in up to two pieces, as they lie in the ring.
    ///
    /// # Errors
    /// What `write` fails with. What it was given is gone then as well.
    pub fn take<E>(
        &mut self,
        count: usize,
        mut write: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.restored.is_empty() {
            let count = count.min(self.restored.len());
            let written = write(&self.restored[..count]);
            self.restored.drain(..count);
            return written;
        }
        let Ok(chunk) = self.bytes.read_chunk(count) else {
            return Ok(());
        };
        let (first, second) = chunk.as_slices();
        let mut written = write(first);
        if written.is_ok() && !second.is_empty() {
            written = write(second);
        }
        chunk.commit_all();
        self.taken += count as u64;
        written
    }

    /// Gives what lies in the ring the rate of the recording.
    fn restore(&mut self, run: usize) {
        let Ok(chunk) = self.bytes.read_chunk(run) else {
            return;
        };
        let (first, second) = chunk.as_slices();
        let wanted = self.rate.unwrap_or_default();
        let channels = self.channels;
        let mut bytes = first.iter().chain(second).copied();
        let mut samples = std::iter::from_fn(|| Some([bytes.next()?, bytes.next()?]));
        // Frames were pushed whole.
        for _ in 0..run / (SAMPLE * channels * self.comes.tick_samples()) {
            let mut frames = [Frame::silence(self.comes); 2];
            for at in 0..self.comes.tick_samples() {
                for (frame, sample) in frames[..channels].iter_mut().zip(samples.by_ref()) {
                    frame[at] = i16::from_le_bytes(sample);
                }
            }
            for (frame, restorer) in frames.iter_mut().zip(&mut self.restorers) {
                *frame = restorer.restore(*frame, wanted);
            }
            for at in 0..wanted.tick_samples() {
                for frame in &frames[..channels] {
                    self.restored.extend(frame[at].to_le_bytes());
                }
            }
        }
        chunk.commit_all();
        self.taken += run as u64;
    }

    /// The rate of all of it; `None` before the first was ready.
    pub fn rate(&self) -> Option<Rate> {
        self.rate
    }

    /// No more is pushed; some may still have to be taken.
    pub fn has_ended(&self) -> bool {
        self.state.has_ended()
    }

    /// Nothing more will come: the recording ended and all of it has been taken.
    pub fn is_complete(&self) -> bool {
        // In this order: what was pushed before the end is seen after it.
        self.has_ended() && self.bytes.is_empty() && self.restored.is_empty()
    }

    /// Frames lost because nobody took in time.
    pub fn frames_dropped(&self) -> u64 {
        self.state.frames_dropped()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TICK_SAMPLES;

    /// The samples that are ready, of this many frames of the recording's rate at the most.
    fn read(tap: &mut TapeTap, frames: usize) -> Option<Vec<i16>> {
        let mut taken = Vec::new();
        loop {
            let ready = tap.ready();
            let frame = SAMPLE * tap.channels * tap.rate()?.tick_samples();
            let count = ready.min(frames * frame - taken.len());
            if count == 0 {
                break;
            }
            tap.take(count, |bytes| {
                taken.extend_from_slice(bytes);
                Ok::<_, ()>(())
            })
            .expect("taken");
        }
        let (pairs, rest) = taken.as_chunks::<2>();
        assert!(rest.is_empty());
        let samples: Vec<i16> = pairs.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
        (!samples.is_empty()).then_some(samples)
    }

    #[test]
    fn the_two_directions_stay_side_by_side_when_frames_are_lost() {
        let (mut feed, mut tap) = tape(None, true);
        let frame = |value: usize| {
            let mut frame = Frame::silence(Rate::Wide);
            frame.fill(value as i16);
            frame
        };
        for n in 0..limits::RECORDING_FRAMES + 3 {
            feed.push(&frame(n), Some(&frame(1_000 + n)));
        }
        assert_eq!(tap.frames_dropped(), 3);
        for n in 0..limits::RECORDING_FRAMES {
            let samples = read(&mut tap, 1).expect("a pair");
            assert_eq!(
                samples,
                [n as i16, 1_000 + n as i16].repeat(FRAME_SAMPLES_MAX)
            );
        }
        assert!(read(&mut tap, 1).is_none() && !tap.is_complete());
        drop(feed);
        assert!(tap.is_complete());
        assert_eq!(tap.rate(), Some(Rate::Wide));
    }

    #[test]
    fn the_two_directions_are_added_up_where_one_channel_is_wanted() {
        let (mut feed, mut tap) = tape(None, false);
        let frame = |value: i16| Frame::narrow(&[value; TICK_SAMPLES]);
        feed.push(&frame(1_000), Some(&frame(-300)));
        feed.push(&frame(30_000), Some(&frame(30_000)));
        feed.push(&frame(5), None);
        for sum in [700, i16::MAX, 5] {
            assert_eq!(read(&mut tap, 1), Some(vec![sum; TICK_SAMPLES]));
        }
        assert_eq!(read(&mut tap, 1), None);
        drop(feed);
        assert!(tap.is_complete());
    }

    #[test]
    fn a_later_part_has_the_rate_it_was_given() {
        let (mut feed, mut tap) = tape(Some(Rate::Wide), true);
        for _ in 0..20 {
            let heard = Frame::narrow(&[1_000; TICK_SAMPLES]);
            let said = Frame::narrow(&[-4_000; TICK_SAMPLES]);
            feed.push(&heard, Some(&said));
        }
        let frames: Vec<_> = std::iter::from_fn(|| read(&mut tap, 1)).collect();
        assert_eq!((frames.len(), tap.rate()), (20, Some(Rate::Wide)));
        assert!(frames.iter().all(|f| f.len() == 2 * FRAME_SAMPLES_MAX));
        // The filter has settled after a frame of the other rate.
        for pair in frames[2..].iter().flat_map(|f| f.as_chunks::<2>().0) {
            assert!((990..1_010).contains(&pair[0]) && (-4_040..-3_960).contains(&pair[1]));
        }
    }

    #[test]
    fn a_rate_that_changes_in_the_middle_changes_nothing_in_the_file() {
        let (mut feed, mut tap) = tape(None, false);
        let narrow = Frame::narrow(&[1_000; TICK_SAMPLES]);
        let mut wide = Frame::silence(Rate::Wide);
        wide.fill(1_000);
        for _ in 0..5 {
            for frame in [narrow, wide, wide] {
                feed.push(&frame, None);
            }
        }
        let samples = read(&mut tap, 100).expect("all of it");
        assert_eq!(
            (samples.len(), tap.rate()),
            (15 * TICK_SAMPLES, Some(Rate::Narrow))
        );
        let off = samples
            .iter()
            .filter(|sample| !(990..1_010).contains(*sample));
        // A filter begins with silence each time.
        assert!(off.count() < 5 * TICK_SAMPLES);
    }

    #[test]
    fn changes_of_the_rate_that_nobody_looks_at_lose_frames_and_nothing_else() {
        let (mut feed, mut tap) = tape(None, false);
        let narrow = Frame::narrow(&[7; TICK_SAMPLES]);
        let wide = Frame::silence(Rate::Wide);
        for _ in 0..limits::RATE_CHANGES_WAITING {
            feed.push(&narrow, None);
            feed.push(&wide, None);
        }
        let lost = tap.frames_dropped() as usize;
        assert_eq!(lost, limits::RATE_CHANGES_WAITING / 2);
        let samples = read(&mut tap, 1_000).expect("the rest");
        let frames = 2 * limits::RATE_CHANGES_WAITING - lost;
        assert_eq!(samples.len(), frames * TICK_SAMPLES);
        assert!(samples[..TICK_SAMPLES].iter().all(|sample| *sample == 7));
    }

    #[test]
    fn a_ring_of_narrow_frames_goes_round_and_round_in_pieces_of_any_length() {
        let (mut feed, mut tap) = tape(None, true);
        let mut out = Vec::new();
        for n in 0..1_000_i16 {
            let frame = Frame::narrow(&[n; TICK_SAMPLES]);
            feed.push(&frame, Some(&frame));
            if n % 20 == 19 {
                let ready = tap.ready();
                let count = if n == 999 { ready } else { ready - 100 };
                tap.take(count, |bytes| {
                    out.extend_from_slice(bytes);
                    Ok::<_, ()>(())
                })
                .expect("taken");
            }
        }
        let (frames, rest) = out.as_chunks::<{ 4 * TICK_SAMPLES }>();
        assert_eq!(
            (frames.len(), rest.len(), tap.frames_dropped()),
            (1_000, 0, 0)
        );
        for (n, samples) in frames.iter().enumerate() {
            let (samples, _) = samples.as_chunks::<2>();
            assert!(samples.iter().all(|s| i16::from_le_bytes(*s) == n as i16));
        }
    }
}
