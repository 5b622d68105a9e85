//! The way of recorded audio off the tick: a ring, allocated before it is attached.
//!
//! ```text
//!   recorder on the tick ── RecordingFeed ══ ring of frames ══ RecordingTap ── writes the file
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crossbeam_queue::ArrayQueue;

use crate::frame::Frame;
use crate::jitter::JitterBuffer;
use crate::limits;
use crate::rates::Rate;
use crate::resample::Resampler;

#[derive(Debug)]
struct Ring {
    frames: ArrayQueue<Frame>,
    dropped: AtomicU64,
    ended: AtomicBool,
}

/// The tick's end of a recording. It brings a jitter buffer to lend to a port that has none: only
/// while somebody listens does a port need one, and it is made and freed where that may be done.
#[derive(Debug)]
pub struct RecordingFeed {
    ring: Arc<Ring>,
    pub(crate) jitter: Option<Box<JitterBuffer>>,
}

/// The writer's end of a recording. All of its frames have the rate of the first, whatever the phone
/// changes to meanwhile.
#[derive(Debug)]
pub struct RecordingTap {
    ring: Arc<Ring>,
    rate: Option<Rate>,
    /// From another rate, and what it has made of it so far.
    resampler: Option<(Rate, Resampler)>,
    resampled: Vec<i16>,
}

/// Both ends of a new recording. Allocates; called by the control side.
pub fn recording() -> (RecordingFeed, RecordingTap) {
    let ring = Arc::new(Ring {
        frames: ArrayQueue::new(limits::RECORDING_FRAMES),
        dropped: AtomicU64::new(0),
        ended: AtomicBool::new(false),
    });
    let feed = RecordingFeed {
        ring: ring.clone(),
        jitter: Some(Box::default()),
    };
    let tap = RecordingTap {
        ring,
        rate: None,
        resampler: None,
        resampled: Vec::new(),
    };
    (feed, tap)
}

impl RecordingFeed {
    pub(crate) fn push(&self, frame: &Frame) {
        if self.ring.frames.push(*frame).is_err() {
            self.ring.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn end(&self) {
        self.ring.ended.store(true, Ordering::Release);
    }
}

/// The tick's end of the recording of a call: what a seat hears and what it says, added up or side by
/// side.
#[derive(Debug)]
pub struct TapeFeed {
    pub(crate) heard: RecordingFeed,
    /// A ring of its own, unless they are added up.
    said: Option<RecordingFeed>,
}

/// The writer's end of the recording of a call.
#[derive(Debug)]
pub struct TapeTap {
    heard: RecordingTap,
    said: Option<RecordingTap>,
}

/// Both ends of a new recording of a call, or of a part of one. All of its frames have this rate, or
/// that of the first. The two directions are kept apart, or added up: then half of the memory is
/// touched. Allocates; called by the control side.
pub fn tape(rate: Option<Rate>, is_apart: bool) -> (TapeFeed, TapeTap) {
    let of_rate = |jitter: bool| {
        let (mut feed, mut tap) = recording();
        tap.rate = rate;
        if !jitter {
            feed.jitter = None;
        }
        (feed, tap)
    };
    let (heard, heard_tap) = of_rate(true);
    // It says, and hears nothing.
    let (said, said_tap) = is_apart.then(|| of_rate(false)).unzip();
    let tap = TapeTap {
        heard: heard_tap,
        said: said_tap,
    };
    (TapeFeed { heard, said }, tap)
}

impl TapeFeed {
    /// Both are in the rings or neither is: the directions stay side by side.
    pub(crate) fn push(&self, heard: &Frame, said: &Frame) {
        let Some(said_feed) = &self.said else {
            let mut sum = *heard;
            for (sum, said) in sum.iter_mut().zip(said.iter()) {
                *sum = sum.saturating_add(*said);
            }
            return self.heard.push(&sum);
        };
        if self.heard.ring.frames.is_full() || said_feed.ring.frames.is_full() {
            self.heard.ring.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.heard.push(heard);
        said_feed.push(said);
    }

    pub(crate) fn end(&self) {
        if let Some(said) = &self.said {
            said.end();
        }
        self.heard.end();
    }
}

impl TapeTap {
    /// The next frame, if it is there: of both, or of what was heard and of what was said meanwhile.
    pub fn read(&mut self) -> Option<(Frame, Option<Frame>)> {
        let Some(said) = &mut self.said else {
            return Some((self.heard.read()?, None));
        };
        // Pushed last: when it is there, so is the other.
        let said = said.read()?;
        Some((self.heard.read()?, Some(said)))
    }

    /// The rate of all frames; `None` before the first was read.
    pub fn rate(&self) -> Option<Rate> {
        self.heard.rate()
    }

    /// Nothing more will come: the recording ended and every frame of it has been read.
    pub fn is_complete(&self) -> bool {
        self.heard.is_complete() && self.said.as_ref().is_none_or(RecordingTap::is_complete)
    }

    /// Frames lost because nobody read in time.
    pub fn frames_dropped(&self) -> u64 {
        self.heard.frames_dropped()
    }
}

/// A feed that is dropped has ended: a call that fails leaves no writer waiting.
impl Drop for RecordingFeed {
    fn drop(&mut self) {
        self.end();
    }
}

impl RecordingTap {
    /// The next frame, if one is there.
    pub fn read(&mut self) -> Option<Frame> {
        let frame = self.ring.frames.pop()?;
        let rate = *self.rate.get_or_insert(frame.rate());
        if frame.rate() == rate {
            return Some(frame);
        }
        Some(self.resample(&frame, rate))
    }

    /// A frame at the recording's own rate. The resampler is behind by half its filter, so the first
    /// frame it makes begins with what it lacks.
    fn resample(&mut self, frame: &Frame, rate: Rate) -> Frame {
        let from = frame.rate();
        if self.resampler.as_ref().is_none_or(|(of, _)| *of != from) {
            self.resampler = Some((from, Resampler::new(from.hertz(), rate.hertz())));
            self.resampled.clear();
        }
        if let Some((_, resampler)) = &mut self.resampler {
            resampler.process(frame, &mut self.resampled);
        }
        let mut out = Frame::silence(rate);
        let count = self.resampled.len().min(out.len());
        let from = out.len() - count;
        out[from..].copy_from_slice(&self.resampled[..count]);
        self.resampled.drain(..count);
        out
    }

    /// The rate of all frames; `None` before the first was read.
    pub fn rate(&self) -> Option<Rate> {
        self.rate
    }

    /// No more frames are pushed; some may still have to be read.
    pub fn has_ended(&self) -> bool {
        self.ring.ended.load(Ordering::Acquire)
    }

    /// Nothing more will come: the recording ended and every frame of it has been read.
    pub fn is_complete(&self) -> bool {
        // In this order: a frame pushed before the end is seen after it.
        self.ring.ended.load(Ordering::Acquire) && self.ring.frames.is_empty()
    }

    /// Frames lost because nobody read in time.
    pub fn frames_dropped(&self) -> u64 {
        self.ring.dropped.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TICK_SAMPLES;

    #[test]
    fn frames_come_out_in_order_and_the_end_after_them() {
        let (feed, mut tap) = recording();
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
    fn the_two_directions_stay_side_by_side_when_frames_are_lost() {
        let (feed, mut tap) = tape(None, true);
        let frame = |value: usize| {
            let mut frame = Frame::silence(Rate::Wide);
            frame.fill(value as i16);
            frame
        };
        for n in 0..limits::RECORDING_FRAMES + 3 {
            feed.push(&frame(n), &frame(1_000 + n));
        }
        assert_eq!(tap.frames_dropped(), 3);
        for n in 0..limits::RECORDING_FRAMES {
            let (heard, said) = tap.read().expect("a pair");
            let said = said.expect("apart");
            assert_eq!((heard[0], said[0]), (n as i16, 1_000 + n as i16));
        }
        assert!(tap.read().is_none() && !tap.is_complete());
        drop(feed);
        assert!(tap.is_complete());
        assert_eq!(tap.rate(), Some(Rate::Wide));
    }

    #[test]
    fn the_two_directions_are_added_up_where_one_channel_is_wanted() {
        let (feed, mut tap) = tape(None, false);
        let frame = |value: i16| Frame::narrow(&[value; TICK_SAMPLES]);
        feed.push(&frame(1_000), &frame(-300));
        feed.push(&frame(30_000), &frame(30_000));
        let mut next = || tap.read().map(|(sum, said)| (sum[0], said.is_some()));
        assert_eq!(next(), Some((700, false)));
        assert_eq!(next(), Some((i16::MAX, false)));
        assert_eq!(next(), None);
        drop(feed);
        assert!(tap.is_complete());
    }

    #[test]
    fn a_later_part_has_the_rate_it_was_given() {
        let (feed, mut tap) = tape(Some(Rate::Wide), true);
        feed.push(&Frame::silence(Rate::Narrow), &Frame::silence(Rate::Narrow));
        let (heard, said) = tap.read().expect("a pair");
        let said = said.expect("apart");
        assert_eq!((heard.rate(), said.rate()), (Rate::Wide, Rate::Wide));
    }

    #[test]
    fn a_full_ring_drops_and_counts() {
        let (feed, tap) = recording();
        for _ in 0..limits::RECORDING_FRAMES + 5 {
            feed.push(&Frame::default());
        }
        assert_eq!(tap.frames_dropped(), 5);
    }

    #[test]
    fn a_phone_that_changes_its_rate_does_not_change_the_recordings() {
        for (first, second) in [(Rate::Narrow, Rate::Wide), (Rate::Wide, Rate::Narrow)] {
            let (feed, mut tap) = recording();
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
