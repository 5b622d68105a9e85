//! The way of recorded audio off the tick: a ring, allocated before it is attached.
//!
//! ```text
//!   recorder on the tick ── RecordingFeed ══ ring of samples ══ RecordingTap ── writes the file
//! ```
//!
//! In the ring a frame is its rate and then its samples, of both directions in turn where they are kept
//! apart: a frame takes no more room than it has samples, and what a writer reads is what it writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rtrb::{Consumer, Producer, RingBuffer};

use crate::frame::{FRAME_SAMPLES_MAX, Frame};
use crate::jitter::JitterBuffer;
use crate::limits;
use crate::rates::Rate;
use crate::resample::Resampler;

/// A frame of both directions and its rate.
const RECORD_SAMPLES_MAX: usize = 1 + 2 * FRAME_SAMPLES_MAX;

/// How the recording stands, beside its audio.
#[derive(Debug, Default)]
struct State {
    dropped: AtomicU64,
    ended: AtomicBool,
}

/// The tick's end of a recording. It brings a jitter buffer to lend to a port that has none: only
/// while somebody listens does a port need one, and it is made and freed where that may be done.
#[derive(Debug)]
pub struct RecordingFeed {
    samples: Producer<i16>,
    state: Arc<State>,
    pub(crate) jitter: Option<Box<JitterBuffer>>,
}

/// The writer's end of a recording. All of its frames have the rate of the first, whatever the phone
/// changes to meanwhile.
#[derive(Debug)]
pub struct RecordingTap {
    reader: Reader,
    restorer: Restorer,
}

/// Both ends of a new recording. Allocates; called by the control side.
pub fn recording() -> (RecordingFeed, RecordingTap) {
    let (feed, reader) = ring(1, None);
    let restorer = Restorer::default();
    (feed, RecordingTap { reader, restorer })
}

fn ring(channels: usize, rate: Option<Rate>) -> (RecordingFeed, Reader) {
    let length = limits::RECORDING_FRAMES * (1 + channels * FRAME_SAMPLES_MAX);
    let (mut producer, mut consumer) = RingBuffer::new(length);
    // Its pages are fetched here and not on the tick.
    if let Ok(all) = producer.write_chunk(length) {
        all.commit_all();
    }
    if let Ok(all) = consumer.read_chunk(length) {
        all.commit_all();
    }
    let state = Arc::<State>::default();
    let feed = RecordingFeed {
        samples: producer,
        state: Arc::clone(&state),
        jitter: Some(Box::default()),
    };
    let reader = Reader {
        samples: consumer,
        state,
        channels,
        rate,
    };
    (feed, reader)
}

impl RecordingFeed {
    pub(crate) fn push(&mut self, frame: &Frame) {
        let mut record = [0; 1 + FRAME_SAMPLES_MAX];
        let end = 1 + frame.len();
        record[0] = frame.rate() as i16;
        record[1..end].copy_from_slice(frame);
        self.push_record(&record[..end]);
    }

    /// All of it is in the ring or nothing is.
    fn push_record(&mut self, record: &[i16]) {
        if self.samples.push_entire_slice(record).is_err() {
            self.state.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn end(&self) {
        self.state.ended.store(true, Ordering::Release);
    }
}

/// A feed that is dropped has ended: a call that fails leaves no writer waiting.
impl Drop for RecordingFeed {
    fn drop(&mut self) {
        self.end();
    }
}

/// What comes out of a ring, frame by frame.
#[derive(Debug)]
struct Reader {
    samples: Consumer<i16>,
    state: Arc<State>,
    channels: usize,
    /// Of the recording: the first frame's, unless it was given.
    rate: Option<Rate>,
}

impl Reader {
    /// Hands over the next frame in two pieces, as it lies in the ring, and its rate.
    fn next<T>(&mut self, take: impl FnOnce(Rate, &[i16], &[i16]) -> T) -> Option<T> {
        let rate = match *self.samples.peek().ok()? {
            tag if tag == Rate::Wide as i16 => Rate::Wide,
            _ => Rate::Narrow,
        };
        self.rate.get_or_insert(rate);
        let length = 1 + self.channels * rate.tick_samples();
        let record = self.samples.read_chunk(length).ok()?;
        let (first, second) = record.as_slices();
        let taken = take(rate, &first[1..], second);
        record.commit_all();
        Some(taken)
    }

    fn is_complete(&self) -> bool {
        // In this order: a frame pushed before the end is seen after it.
        self.has_ended() && self.samples.is_empty()
    }

    fn has_ended(&self) -> bool {
        self.state.ended.load(Ordering::Acquire)
    }

    fn frames_dropped(&self) -> u64 {
        self.state.dropped.load(Ordering::Relaxed)
    }
}

/// Gives frames the recording's own rate.
#[derive(Debug, Default)]
struct Restorer {
    /// From another rate, and what it has made of it so far.
    resampler: Option<(Rate, Resampler)>,
    resampled: Vec<i16>,
}

impl Restorer {
    /// A frame at the rate. The resampler is behind by half its filter, so the first frame it makes
    /// begins with what it lacks.
    fn restore(&mut self, frame: Frame, rate: Rate) -> Frame {
        let from = frame.rate();
        if from == rate {
            return frame;
        }
        if self.resampler.as_ref().is_none_or(|(of, _)| *of != from) {
            self.resampler = Some((from, Resampler::new(from.hertz(), rate.hertz())));
            self.resampled.clear();
        }
        if let Some((_, resampler)) = &mut self.resampler {
            resampler.process(&frame, &mut self.resampled);
        }
        let mut out = Frame::silence(rate);
        let count = self.resampled.len().min(out.len());
        let from = out.len() - count;
        out[from..].copy_from_slice(&self.resampled[..count]);
        self.resampled.drain(..count);
        out
    }
}

impl RecordingTap {
    /// The next frame, if one is there.
    pub fn read(&mut self) -> Option<Frame> {
        let frame = self.reader.next(|rate, first, second| {
            let mut frame = Frame::silence(rate);
            frame[..first.len()].copy_from_slice(first);
            frame[first.len()..].copy_from_slice(second);
            frame
        })?;
        let rate = self.reader.rate.unwrap_or_default();
        Some(self.restorer.restore(frame, rate))
    }

    /// The rate of all frames; `None` before the first was read.
    pub fn rate(&self) -> Option<Rate> {
        self.reader.rate
    }

    /// No more frames are pushed; some may still have to be read.
    pub fn has_ended(&self) -> bool {
        self.reader.has_ended()
    }

    /// Nothing more will come: the recording ended and every frame of it has been read.
    pub fn is_complete(&self) -> bool {
        self.reader.is_complete()
    }

    /// Frames lost because nobody read in time.
    pub fn frames_dropped(&self) -> u64 {
        self.reader.frames_dropped()
    }
}

/// The tick's end of the recording of a call: what a seat hears and what it says, added up or side by
/// side.
#[derive(Debug)]
pub struct TapeFeed {
    pub(crate) feed: RecordingFeed,
    is_apart: bool,
}

/// The writer's end of the recording of a call.
#[derive(Debug)]
pub struct TapeTap {
    reader: Reader,
    /// One for each channel.
    restorers: [Restorer; 2],
}

/// Both ends of a new recording of a call, or of a part of one. All of its frames have this rate, or
/// that of the first. The two directions are kept apart, or added up: then half of the memory is
/// touched. Allocates; called by the control side.
pub fn tape(rate: Option<Rate>, is_apart: bool) -> (TapeFeed, TapeTap) {
    let (feed, reader) = ring(if is_apart { 2 } else { 1 }, rate);
    let restorers = Default::default();
    let tap = TapeTap { reader, restorers };
    (TapeFeed { feed, is_apart }, tap)
}

impl TapeFeed {
    /// A frame of what is heard and, unless that is nothing, of what is said meanwhile.
    pub(crate) fn push(&mut self, heard: &Frame, said: Option<&Frame>) {
        if self.is_apart {
            return self.push_apart(heard, said);
        }
        let Some(said) = said else {
            return self.feed.push(heard);
        };
        let mut sum = [0; 1 + FRAME_SAMPLES_MAX];
        let end = 1 + heard.len();
        sum[0] = heard.rate() as i16;
        for ((sum, heard), said) in sum[1..end].iter_mut().zip(heard.iter()).zip(said.iter()) {
            *sum = heard.saturating_add(*said);
        }
        self.feed.push_record(&sum[..end]);
    }

    fn push_apart(&mut self, heard: &Frame, said: Option<&Frame>) {
        let mut record = [0; RECORD_SAMPLES_MAX];
        let end = 1 + 2 * heard.len();
        record[0] = heard.rate() as i16;
        let (pairs, _) = record[1..end].as_chunks_mut::<2>();
        for (pair, heard) in pairs.iter_mut().zip(heard.iter()) {
            pair[0] = *heard;
        }
        let said = said.into_iter().flat_map(|said| said.iter());
        for (pair, said) in pairs.iter_mut().zip(said) {
            pair[1] = *said;
        }
        self.feed.push_record(&record[..end]);
    }

    pub(crate) fn end(&self) {
        self.feed.end();
    }
}

impl TapeTap {
    /// Appends the next frame, if it is there, as 16-bit little-endian samples: of both directions added
    /// up, or of what was heard and what was said meanwhile in turn.
    pub fn read(&mut self, out: &mut Vec<u8>) -> Option<()> {
        let (channels, wanted) = (self.reader.channels, self.reader.rate);
        let restorers = &mut self.restorers;
        self.reader.next(|rate, first, second| {
            let wanted = wanted.unwrap_or(rate);
            if rate == wanted {
                append(first, out);
                append(second, out);
                return;
            }
            let frames: [Frame; 2] = std::array::from_fn(|channel| {
                let mut frame = Frame::silence(rate);
                let samples = first.iter().chain(second).skip(channel).step_by(channels);
                for (sample, of) in frame.iter_mut().zip(samples) {
                    *sample = *of;
                }
                restorers[channel].restore(frame, wanted)
            });
            for at in 0..wanted.tick_samples() {
                for frame in &frames[..channels] {
                    out.extend(frame[at].to_le_bytes());
                }
            }
        })
    }

    /// The rate of all frames; `None` before the first was read.
    pub fn rate(&self) -> Option<Rate> {
        self.reader.rate
    }

    /// Nothing more will come: the recording ended and every frame of it has been read.
    pub fn is_complete(&self) -> bool {
        self.reader.is_complete()
    }

    /// Frames lost because nobody read in time.
    pub fn frames_dropped(&self) -> u64 {
        self.reader.frames_dropped()
    }
}

fn append(samples: &[i16], out: &mut Vec<u8>) {
    let from = out.len();
    // Room for all of it first: this is most of what recording costs off the tick.
    out.resize(from + 2 * samples.len(), 0);
    let (bytes, _) = out[from..].as_chunks_mut::<2>();
    for (bytes, sample) in bytes.iter_mut().zip(samples) {
        *bytes = sample.to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TICK_SAMPLES;

    #[test]
    fn frames_come_out_in_order_and_the_end_after_them() {
        let (mut feed, mut tap) = recording();
        feed.push(&Frame::narrow(&[1; TICK_SAMPLES]));
        feed.push(&Frame::narrow(&[2; TICK_SAMPLES]));
        assert!(!tap.is_complete());
        drop(feed);
        assert!(!tap.is_complete());
        assert_eq!(tap.read().unwrap()[0], 1);
        assert_eq!(tap.read().unwrap()[0], 2);
        assert!(tap.read().is_none() && tap.is_complete());
    }

    /// The next frame of a tape, in samples.
    fn read(tap: &mut TapeTap) -> Option<Vec<i16>> {
        let mut bytes = Vec::new();
        tap.read(&mut bytes)?;
        let (pairs, rest) = bytes.as_chunks::<2>();
        assert!(rest.is_empty());
        Some(pairs.iter().map(|pair| i16::from_le_bytes(*pair)).collect())
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
            let samples = read(&mut tap).expect("a pair");
            assert_eq!(
                samples,
                [n as i16, 1_000 + n as i16].repeat(FRAME_SAMPLES_MAX)
            );
        }
        assert!(read(&mut tap).is_none() && !tap.is_complete());
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
            assert_eq!(read(&mut tap), Some(vec![sum; TICK_SAMPLES]));
        }
        assert_eq!(read(&mut tap), None);
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
        let frames: Vec<_> = std::iter::from_fn(|| read(&mut tap)).collect();
        assert_eq!((frames.len(), tap.rate()), (20, Some(Rate::Wide)));
        assert!(frames.iter().all(|f| f.len() == 2 * FRAME_SAMPLES_MAX));
        // The filter has settled after a frame of the other rate.
        for pair in frames[2..].iter().flat_map(|f| f.as_chunks::<2>().0) {
            assert!((990..1_010).contains(&pair[0]) && (-4_040..-3_960).contains(&pair[1]));
        }
    }

    #[test]
    fn a_ring_of_narrow_frames_goes_round_and_round() {
        let (mut feed, mut tap) = tape(None, true);
        let mut out = Vec::new();
        for n in 0..1_000_i16 {
            let frame = Frame::narrow(&[n; TICK_SAMPLES]);
            feed.push(&frame, Some(&frame));
            if n % 20 == 19 {
                while tap.read(&mut out).is_some() {}
            }
        }
        let (samples, _) = out.as_chunks::<{ 4 * TICK_SAMPLES }>();
        assert_eq!((samples.len(), tap.frames_dropped()), (1_000, 0));
        for (n, samples) in samples.iter().enumerate() {
            let (samples, _) = samples.as_chunks::<2>();
            assert!(samples.iter().all(|s| i16::from_le_bytes(*s) == n as i16));
        }
    }

    #[test]
    fn a_full_ring_drops_and_counts() {
        let (mut feed, tap) = recording();
        for _ in 0..limits::RECORDING_FRAMES + 5 {
            feed.push(&Frame::silence(Rate::Wide));
        }
        assert_eq!(tap.frames_dropped(), 5);
    }

    #[test]
    fn a_phone_that_changes_its_rate_does_not_change_the_recordings() {
        for (first, second) in [(Rate::Narrow, Rate::Wide), (Rate::Wide, Rate::Narrow)] {
            let (mut feed, mut tap) = recording();
            for rate in [first, second, first] {
                for _ in 0..5 {
                    let mut frame = Frame::silence(rate);
                    frame.fill(1_000);
                    feed.push(&frame);
                }
            }
            let frames: Vec<Frame> = std::iter::from_fn(|| tap.read()).collect();
            assert_eq!(frames.len(), 15);
            assert_eq!(tap.rate(), Some(first));
            assert!(frames.iter().all(|frame| frame.rate() == first));
            // The filter has settled after a frame of the other rate.
            assert!(
                frames[6..]
                    .iter()
                    .all(|f| f.iter().all(|s| (990..1_010).contains(s)))
            );
        }
    }
}
