//! Writes recordings, off the tick: one thread that a disk may keep waiting.
//!
//! ```text
//!   tick ── ring of frames ──▶ scribe ──▶ file
//!   call ── verdict: keep, discard ──▶ │ once the ring is complete
//!                                      └──▶ mailbox of the call: written
//! ```
//!
//! A file holds what was heard, as it was heard: 16-bit samples at 8 or 16 kHz. The 16 kHz WAV that a
//! bot is promised is made when it is fetched, because widening costs more than all other writing.

use std::io::{self, BufWriter, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use offhook_media::{FRAME_SAMPLES_MAX, Frame, RecordingTap};
use offhook_terms::OperationId;
use tokio::sync::mpsc;

use crate::calls::Message;
use crate::store::RecordingSpool;
use crate::{clock, limits, seal};

/// Between two rounds of work. Short, so that a thousand recordings are many small pieces of work
/// and the tick threads, which may share a core with this one, wait for none of them.
const PACE: Duration = Duration::from_millis(10);

/// A recording is looked at in every so many rounds (200 ms): well below the time its ring holds.
const ROUNDS: usize = 20;

/// Bytes gathered before a write: half a second of one recording.
const GATHERED_BYTES: usize = 8 * 1024;

/// A recording that was to be kept is complete, or could not be written.
#[derive(Debug)]
pub(crate) struct Written {
    /// Which.
    pub(crate) operation: OperationId,
    /// Whether all of it is in the file.
    pub(crate) is_saved: bool,
}

/// Whether a recording is to be kept; who has it decides. Dropped undecided, it is discarded.
#[derive(Debug)]
pub(super) struct Verdict(Arc<AtomicU8>);

const UNDECIDED: u8 = 0;
const KEEP: u8 = 1;
const DISCARD: u8 = 2;

impl Verdict {
    /// It is to be kept; the scribe will say when it is complete.
    pub(super) fn keep(&self) {
        self.0.store(KEEP, Ordering::Release);
    }
}

impl Drop for Verdict {
    fn drop(&mut self) {
        let _ = self
            .0
            .compare_exchange(UNDECIDED, DISCARD, Ordering::AcqRel, Ordering::Relaxed);
    }
}

/// The way to the thread that writes recordings.
pub(crate) struct Scribe {
    orders: SyncSender<Order>,
}

enum Order {
    Write(Box<Job>),
    /// A recording has ended: look at once.
    Look,
}

/// The scribe has as much to write as it can hold.
#[derive(Debug)]
pub(super) struct ScribeFull;

impl Scribe {
    /// Starts the thread. It ends when the last handle is gone and every recording is settled.
    pub(crate) fn start() -> io::Result<Self> {
        let (orders, inbox) = sync_channel(limits::SCRIBE_ORDERS_MAX);
        std::thread::Builder::new()
            .name("scribe".to_owned())
            .spawn(move || work(&inbox))?;
        Ok(Self { orders })
    }

    /// Writes what comes out of `tap` until it is complete and its verdict is known.
    pub(super) fn write(
        &self,
        operation: OperationId,
        tap: RecordingTap,
        spool: RecordingSpool,
        done: mpsc::Sender<Message>,
    ) -> Result<Verdict, ScribeFull> {
        let verdict = Arc::new(AtomicU8::new(UNDECIDED));
        let job = Job {
            operation,
            tap,
            page: Page::Blank,
            spool: Some(spool),
            verdict: Arc::clone(&verdict),
            done,
            word: None,
            turn: 0,
        };
        match self.orders.try_send(Order::Write(Box::new(job))) {
            Ok(()) => Ok(Verdict(verdict)),
            Err(_) => Err(ScribeFull),
        }
    }

    /// A recording has ended; its bot should not wait for the scribe's next round.
    pub(super) fn look(&self) {
        // When there is no room the scribe is at work and looks soon anyway.
        let _ = self.orders.try_send(Order::Look);
    }
}

fn work(inbox: &Receiver<Order>) {
    let mut desk = Desk::default();
    // When the next round is due. Orders may come more often than rounds, and must not delay them.
    let mut due = clock::now();
    let mut open = true;
    while open || !desk.jobs.is_empty() {
        let order = if desk.jobs.is_empty() {
            let order = inbox.recv().map_err(|_| RecvTimeoutError::Disconnected);
            due = clock::now() + PACE;
            order
        } else {
            inbox.recv_timeout(due.saturating_duration_since(clock::now()))
        };
        match order {
            Ok(order) => desk.take(std::iter::once(order).chain(inbox.try_iter())),
            Err(RecvTimeoutError::Timeout) => {}
            // Nobody gives orders any more; ticks may still fill what is open.
            Err(RecvTimeoutError::Disconnected) => {
                open = false;
                std::thread::sleep(due.saturating_duration_since(clock::now()));
            }
        }
        let now = clock::now();
        if now >= due {
            let missed = now.duration_since(due).as_millis() / PACE.as_millis();
            // Whatever was missed, each recording is looked at once and not more.
            for _ in 0..=missed.min(ROUNDS as u128 - 1) {
                desk.round();
            }
            due = now + PACE;
        }
    }
}

/// The recordings being written, each with its turn among the rounds.
#[derive(Default)]
struct Desk {
    jobs: Vec<Job>,
    round: usize,
    next_turn: usize,
}

impl Desk {
    fn take(&mut self, orders: impl Iterator<Item = Order>) {
        let mut look = false;
        for order in orders {
            match order {
                Order::Write(mut job) => {
                    self.next_turn = (self.next_turn + 1) % ROUNDS;
                    job.turn = self.next_turn;
                    self.jobs.push(*job);
                }
                Order::Look => look = true,
            }
        }
        if look {
            self.jobs
                .retain_mut(|job| !(job.tap.has_ended() && job.advance()));
        }
    }

    /// Looks at those whose turn it is.
    fn round(&mut self) {
        self.round = (self.round + 1) % ROUNDS;
        let round = self.round;
        self.jobs
            .retain_mut(|job| !(job.turn == round && job.advance()));
    }
}

struct Job {
    operation: OperationId,
    tap: RecordingTap,
    page: Page,
    /// Until the verdict is carried out.
    spool: Option<RecordingSpool>,
    verdict: Arc<AtomicU8>,
    done: mpsc::Sender<Message>,
    /// What the call is to be told, when its mailbox was full.
    word: Option<Written>,
    /// In which round it is looked at.
    turn: usize,
}

/// What has become of the file, and how many frames it has.
enum Page {
    /// Not made yet: it is made where a disk may be waited for.
    Blank,
    Open(BufWriter<seal::Writer>, u32),
    Complete(u32),
    /// A file with a hole is worth nothing: after the first error the rest is only drained.
    Spoiled,
}

impl Job {
    /// Does what there is to do. True when all is done and the call knows.
    fn advance(&mut self) -> bool {
        if let Some(word) = self.word.take() {
            return self.tell(word);
        }
        // Asked first: a frame pushed before the end is then among those read.
        let is_complete = self.tap.is_complete();
        self.take_frames();
        if !is_complete && !self.tap.is_complete() {
            return false;
        }
        self.complete();
        match self.verdict.load(Ordering::Acquire) {
            UNDECIDED => false,
            KEEP => {
                let is_saved = self.save();
                self.tell(Written {
                    operation: self.operation,
                    is_saved,
                })
            }
            _ => {
                self.page = Page::Spoiled;
                if let Some(spool) = self.spool.take() {
                    spool.discard();
                }
                true
            }
        }
    }

    fn take_frames(&mut self) {
        if matches!(self.page, Page::Blank) {
            self.page = match self.create() {
                Ok(file) => Page::Open(BufWriter::with_capacity(GATHERED_BYTES, file), 0),
                Err(why) => self.spoiled(&why),
            };
        }
        while let Some(frame) = self.tap.read() {
            if let Page::Open(file, frames) = &mut self.page {
                *frames += 1;
                if let Err(why) = file.write_all(&bytes(&frame)[..2 * frame.len()]) {
                    self.page = self.spoiled(&why);
                }
            }
        }
    }

    fn create(&self) -> io::Result<seal::Writer> {
        let spool = self
            .spool
            .as_ref()
            .expect("the verdict is carried out after the last frame");
        spool.create()
    }

    /// Every frame has been read.
    fn complete(&mut self) {
        let dropped = self.tap.frames_dropped();
        self.page = match std::mem::replace(&mut self.page, Page::Spoiled) {
            Page::Open(..) if dropped > 0 => {
                metrics::counter!("offhook_recording_frames_dropped_total").increment(dropped);
                self.spoiled(&io::Error::other("the disk was slower than the call"))
            }
            Page::Open(mut file, frames) => match file.flush() {
                Ok(()) => Page::Complete(frames),
                Err(why) => self.spoiled(&why),
            },
            page => page,
        };
    }

    fn save(&mut self) -> bool {
        let (Page::Complete(frames), Some(spool)) = (&self.page, self.spool.take()) else {
            return false;
        };
        let rate = self.tap.rate().unwrap_or_default();
        match spool.finish(offhook_media::TICK * *frames, rate) {
            Ok(()) => true,
            Err(why) => {
                self.spoiled(&why);
                false
            }
        }
    }

    fn spoiled(&self, why: &io::Error) -> Page {
        tracing::error!(operation = %self.operation, %why, "a recording could not be written");
        Page::Spoiled
    }

    /// The call may be over, and then nobody waits. A full mailbox is tried again.
    fn tell(&mut self, word: Written) -> bool {
        match self.done.try_send(Message::Written(word)) {
            Err(mpsc::error::TrySendError::Full(Message::Written(word))) => {
                self.word = Some(word);
                false
            }
            _ => true,
        }
    }
}

fn bytes(frame: &Frame) -> [u8; 2 * FRAME_SAMPLES_MAX] {
    let mut bytes = [0; 2 * FRAME_SAMPLES_MAX];
    for (pair, sample) in bytes.chunks_exact_mut(2).zip(frame.iter()) {
        pair.copy_from_slice(&sample.to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recording_has_its_turn_however_many_come_and_go() {
        let mut desk = Desk::default();
        let (mailbox, _messages) = mpsc::channel(1);
        let mut feeds = Vec::new();
        for n in 0..3 * ROUNDS {
            let (feed, tap) = offhook_media::recording();
            let job = Job {
                operation: OperationId::from_bits(n as u128),
                tap,
                page: Page::Spoiled,
                spool: None,
                // Discarded as soon as it is looked at after its end.
                verdict: Arc::new(AtomicU8::new(DISCARD)),
                done: mailbox.clone(),
                word: None,
                turn: 0,
            };
            desk.take(std::iter::once(Order::Write(Box::new(job))));
            feeds.push(feed);
        }
        // Every second one ends; those that stay keep their turns.
        let mut n = 0;
        feeds.retain(|_| {
            n += 1;
            n % 2 == 0
        });
        for _ in 0..ROUNDS {
            desk.round();
        }
        assert_eq!(desk.jobs.len(), feeds.len());
        drop(feeds);
        for _ in 0..ROUNDS {
            desk.round();
        }
        assert!(desk.jobs.is_empty());
    }
}
