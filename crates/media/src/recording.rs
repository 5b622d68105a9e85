//! The way of recorded audio off the tick: a ring, allocated before it is attached.
//!
//! ```text
//!   recorder on the tick ── RecordingFeed ══ ring of samples ══ RecordingTap ── writes the file
//! ```
//!
//! In the ring a frame is its rate and then its samples: it takes no more room than it has samples.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rtrb::{Consumer, Producer, RingBuffer};

use crate::frame::{FRAME_SAMPLES_MAX, Frame};
use crate::jitter::JitterBuffer;
use crate::limits;
use crate::rates::Rate;
use crate::resample::Resampler;

/// How a recording stands, beside its audio.
#[derive(Debug, Default)]
pub(crate) struct State {
    dropped: AtomicU64,
    ended: AtomicBool,
}

impl State {
    pub(crate) fn drop_frame(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn frames_dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }
}

/// A ring whose pages were fetched here and not on the tick.
pub(crate) fn touched<T: Copy + Default>(length: usize) -> (Producer<T>, Consumer<T>) {
    let (mut producer, mut consumer) = RingBuffer::new(length);
    if let Ok(all) = producer.write_chunk(length) {
        all.commit_all();
    }
    if let Ok(all) = consumer.read_chunk(length) {
        all.commit_all();
    }
    (producer, consumer)
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
    samples: Consumer<i16>,
    state: Arc<State>,
    /// Of the recording: the first frame's.
    rate: Option<Rate>,
    restorer: Restorer,
}

/// Both ends of a new recording. Allocates; called by the control side.
pub fn recording() -> (RecordingFeed, RecordingTap) {
    let (producer, consumer) = touched(limits::RECORDING_FRAMES * (1 + FRAME_SAMPLES_MAX));
    let state = Arc::<State>::default();
    let feed = RecordingFeed {
        samples: producer,
        state: Arc::clone(&state),
        jitter: Some(Box::default()),
    };
    let tap = RecordingTap {
        samples: consumer,
        state,
        rate: None,
        restorer: Restorer::default(),
    };
    (feed, tap)
}

impl RecordingFeed {
    pub(crate) fn push(&mut self, frame: &Frame) {
        let mut record = [0; 1 + FRAME_SAMPLES_MAX];
        let end = 1 + frame.len();
        record[0] = frame.rate() as i16;
        record[1..end].copy_from_slice(frame);
        // All of it is in the ring or nothing is.
        if self.samples.push_entire_slice(&record[..end]).is_err() {
            self.state.drop_frame();
        }
    }

    pub(crate) fn end(&self) {
        self.state.end();
    }
}

/// A feed that is dropped has ended: a call that fails leaves no writer waiting.
impl Drop for RecordingFeed {
    fn drop(&mut self) {
        self.end();
    }
}

/// Gives frames the recording's own rate.
#[derive(Debug, Default)]
pub(crate) struct Restorer {
    /// From another rate, and what it has made of it so far.
    resampler: Option<(Rate, Resampler)>,
    resampled: Vec<i16>,
}

impl Restorer {
    /// A frame at the rate. The resampler is behind by half its filter, so the first frame it makes
    /// begins with what it lacks.
    pub(crate) fn restore(&mut self, frame: Frame, rate: Rate) -> Frame {
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
        let rate = match *self.samples.peek().ok()? {
            tag if tag == Rate::Wide as i16 => Rate::Wide,
            _ => Rate::Narrow,
        };
        let record = self.samples.read_chunk(1 + rate.tick_samples()).ok()?;
        let (first, second) = record.as_slices();
        let mut frame = Frame::silence(rate);
        let samples = first.iter().chain(second).skip(1);
        for (to, sample) in frame.iter_mut().zip(samples) {
            *to = *sample;
        }
        record.commit_all();
        let rate = *self.rate.get_or_insert(rate);
        Some(self.restorer.restore(frame, rate))
    }

    /// The rate of all frames; `None` before the first was read.
    pub fn rate(&self) -> Option<Rate> {
        self.rate
    }

    /// No more frames are pushed; some may still have to be read.
    pub fn has_ended(&self) -> bool {
        self.state.has_ended()
    }

    /// Nothing more will come: the recording ended and every frame of it has been read.
    pub fn is_complete(&self) -> bool {
        // In this order: a frame pushed before the end is seen after it.
        self.has_ended() && self.samples.is_empty()
    }

    /// Frames lost because nobody read in time.
    pub fn frames_dropped(&self) -> u64 {
        self.state.frames_dropped()
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
