//! The way of recorded audio off the tick: a ring, allocated before it is attached.
//!
//! ```text
//!   recorder on the tick ── RecordingFeed ══ ring of frames ══ RecordingTap ── writes the file
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crossbeam_queue::ArrayQueue;

use crate::TICK_SAMPLES;
use crate::jitter::JitterBuffer;
use crate::limits;

/// Twenty milliseconds of what was heard, 16-bit mono at 8 kHz.
pub type Frame = [i16; TICK_SAMPLES];

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

/// The writer's end of a recording.
#[derive(Debug)]
pub struct RecordingTap(Arc<Ring>);

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
    (feed, RecordingTap(ring))
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

/// A feed that is dropped has ended: a call that fails leaves no writer waiting.
impl Drop for RecordingFeed {
    fn drop(&mut self) {
        self.end();
    }
}

impl RecordingTap {
    /// The next frame, if one is there.
    pub fn read(&mut self) -> Option<Frame> {
        self.0.frames.pop()
    }

    /// No more frames are pushed; some may still have to be read.
    pub fn has_ended(&self) -> bool {
        self.0.ended.load(Ordering::Acquire)
    }

    /// Nothing more will come: the recording ended and every frame of it has been read.
    pub fn is_complete(&self) -> bool {
        // In this order: a frame pushed before the end is seen after it.
        self.0.ended.load(Ordering::Acquire) && self.0.frames.is_empty()
    }

    /// Frames lost because nobody read in time.
    pub fn frames_dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_in_order_and_the_end_after_them() {
        let (feed, mut tap) = recording();
        feed.push(&[1; TICK_SAMPLES]);
        feed.push(&[2; TICK_SAMPLES]);
        assert!(!tap.is_complete());
        drop(feed);
        assert!(!tap.is_complete());
        assert_eq!(tap.read().unwrap()[0], 1);
        assert_eq!(tap.read().unwrap()[0], 2);
        assert!(tap.read().is_none() && tap.is_complete());
    }

    #[test]
    fn a_full_ring_drops_and_counts() {
        let (feed, tap) = recording();
        for _ in 0..limits::RECORDING_FRAMES + 5 {
            feed.push(&[0; TICK_SAMPLES]);
        }
        assert_eq!(tap.frames_dropped(), 5);
    }
}
