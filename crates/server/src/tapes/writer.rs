//! Writes recordings of calls, off the tick: one thread that a disk may keep waiting, and another that
//! forces to the disk what it wrote.
//!
//! ```text
//!   tick ── ring of bytes ─┐
//!   call ── orders ────────┴▶ writer ──▶ files ◀── syncing, twice a second
//!   call ◀── order done ─────── writer
//! ```
//!
//! An order is answered when what it is about is written: a start with the first audio, a pause or a stop
//! when all that was said before it is in the file.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{
    Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError, channel, sync_channel,
};
use std::sync::{Arc, Weak};
use std::time::Duration;

use offhook_engine::TapeChannels;
use offhook_media::{Rate, TapeFeed, TapeTap};
use offhook_terms::LegId;
use tokio::sync::mpsc;

use super::log::{About, EndReason, Ended, Kind, Log, Moment, Story};
use super::{Tapes, wav};
use crate::calls::{Message, post};
use crate::channel::TalkNews;
use crate::store::ms;
use crate::{clock, limits, seal};

/// Between two rounds of work; each recording is looked at in every so many of them (400 ms), well below the time its
/// ring holds. Writing to one file right after the other costs half of what it costs now and then.
const PACE: Duration = Duration::from_millis(100);
const ROUNDS: usize = 4;

/// Whoever waits for an answer is looked at more often.
const AWAITED_PACE: Duration = Duration::from_millis(20);

/// After so many in a row there is a pause (some 400 µs of work): the tick threads may be on the same core.
const IN_A_ROW: usize = 32;
const PAUSE: Duration = Duration::from_millis(1);

/// How often the disk is made to have what was written: half of the second that may be lost.
const SYNC_EVERY: Duration = Duration::from_millis(500);

const _: () = {
    let looks = PACE.as_millis() * ROUNDS as u128;
    assert!(looks + SYNC_EVERY.as_millis() < 1_000);
};

/// A call's side of its recording. Dropped, the recording ends with the call.
pub(crate) struct Taping {
    orders: Sender<Order>,
    /// In hertz, once the first audio is there.
    rate: Arc<AtomicU32>,
    kind: Kind,
}

enum Order {
    Pause(u64),
    Resume(u64, Box<TapeTap>),
    Stop(u64),
    End(EndReason),
}

impl Taping {
    /// What was said before goes into the file, and then nothing until it goes on. Whoever feeds it must
    /// be stopped.
    pub(crate) fn pause(&self, ticket: u64) {
        self.send(Order::Pause(ticket));
    }

    /// It goes on, with what comes from here.
    pub(crate) fn resume(&self, ticket: u64) -> TapeFeed {
        let rate = match self.rate.load(Ordering::Relaxed) {
            0 => None,
            hertz if hertz == Rate::Wide.hertz() => Some(Rate::Wide),
            _ => Some(Rate::Narrow),
        };
        let (feed, tap) = offhook_media::tape(rate, self.kind == Kind::Separate);
        self.send(Order::Resume(ticket, Box::new(tap)));
        feed
    }

    /// It ends because the bot wants it.
    pub(crate) fn stop(self, ticket: u64) {
        self.send(Order::Stop(ticket));
    }

    /// It ends with or without the bot.
    pub(crate) fn end(self, reason: EndReason) {
        self.send(Order::End(reason));
    }

    fn send(&self, order: Order) {
        // A recording that broke is gone, and its call hears so.
        let _ = self.orders.send(order);
    }
}

/// The way to the thread that writes.
pub(super) struct Writer {
    jobs: SyncSender<Box<Job>>,
}

impl Writer {
    /// Starts the threads. They end when the last handle is gone and every recording has ended.
    pub(super) fn start(folder: &Path) -> io::Result<Self> {
        let (jobs, inbox) = sync_channel(limits::TAPES_STARTING_MAX);
        let written = Arc::new(AtomicU64::new(0));
        let syncs = Syncing {
            folder: File::open(folder)?,
            written: Arc::downgrade(&written),
        };
        std::thread::Builder::new()
            .name("tapes-sync".to_owned())
            .spawn(move || syncs.run())?;
        std::thread::Builder::new()
            .name("tapes".to_owned())
            .spawn(move || work(&inbox, &written))?;
        Ok(Self { jobs })
    }
}

impl Tapes {
    /// Begins a recording. What is to be recorded goes where this says; the order is answered in the
    /// call's mailbox. `None` when more begin than can be served.
    pub(crate) fn begin(
        self: &Arc<Self>,
        mut about: About,
        channels: Option<TapeChannels>,
        ticket: u64,
        mailbox: mpsc::Sender<Message>,
    ) -> Option<(Taping, TapeFeed)> {
        about.kind = Kind::from(channels.unwrap_or(self.channels));
        let (feed, tap) = offhook_media::tape(None, about.kind == Kind::Separate);
        let (orders, inbox) = channel();
        let rate = Arc::<AtomicU32>::default();
        let job = Job {
            tapes: Arc::clone(self),
            story: Story::new(about.clone()),
            files: None,
            tap: Some(tap),
            lost: 0,
            bytes: 0,
            rate: Arc::clone(&rate),
            orders: inbox,
            order: None,
            begins: Some(ticket),
            mailbox,
        };
        self.index()
            .insert(about.document, Story::new(about.clone()));
        if self.writer.jobs.try_send(Box::new(job)).is_err() {
            self.index().remove(&about.document);
            tracing::error!("more recordings begin at once than can be written");
            return None;
        }
        let kind = about.kind;
        Some((Taping { orders, rate, kind }, feed))
    }
}

/// Makes the disk have what was written, for all recordings at once.
struct Syncing {
    folder: File,
    /// Bytes so far; gone with the writer.
    written: Weak<AtomicU64>,
}

impl Syncing {
    fn run(self) {
        let mut synced = 0;
        while let Some(written) = self.written.upgrade() {
            let now = written.load(Ordering::Relaxed);
            drop(written);
            if now != synced {
                if let Err(why) = self.sync() {
                    tracing::error!(%why, "recordings cannot be forced to the disk");
                }
                synced = now;
            }
            std::thread::sleep(SYNC_EVERY);
        }
    }

    #[cfg(target_os = "linux")]
    fn sync(&self) -> io::Result<()> {
        // One call for hundreds of files; a call each would keep the disk from doing anything else.
        Ok(rustix::fs::syncfs(&self.folder)?)
    }

    #[cfg(not(target_os = "linux"))]
    fn sync(&self) -> io::Result<()> {
        self.folder.sync_all()
    }
}

fn work(inbox: &Receiver<Box<Job>>, written: &AtomicU64) {
    // Those of each round; of all others nothing is fetched.
    let mut rounds: [Vec<Box<Job>>; ROUNDS] = Default::default();
    // Whoever waits for an answer is looked at each time; those whose round it is join them for it.
    let mut awaited: Vec<Box<Job>> = Vec::new();
    let (mut round, mut due) = (0, clock::now());
    loop {
        if awaited.is_empty() && rounds.iter().all(Vec::is_empty) {
            let Ok(job) = inbox.recv() else { return };
            awaited.push(job);
        }
        if clock::now() >= due {
            round = (round + 1) % ROUNDS;
            awaited.append(&mut rounds[round]);
            due = clock::now() + PACE;
        }
        let (mut at, mut looked_at) = (0, 0);
        while let Some(job) = awaited.get_mut(at) {
            if job.advance(written) {
                awaited.swap_remove(at);
            } else if job.is_awaited() {
                at += 1;
            } else {
                let job = awaited.swap_remove(at);
                let round = (0..ROUNDS).min_by_key(|round| rounds[*round].len());
                rounds[round.unwrap_or_default()].push(job);
            }
            looked_at += 1;
            if looked_at % IN_A_ROW == 0 {
                std::thread::sleep(PAUSE);
            }
        }
        let now = clock::now();
        let next = match awaited.is_empty() {
            true => due,
            false => due.min(now + AWAITED_PACE),
        };
        let wait = next.saturating_duration_since(now);
        match inbox.recv_timeout(wait) {
            Ok(job) => {
                awaited.push(job);
                awaited.extend(inbox.try_iter());
            }
            Err(RecvTimeoutError::Timeout) => {}
            // Nothing new will begin; what is there goes on to its end.
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(wait),
        }
    }
}

struct Job {
    tapes: Arc<Tapes>,
    story: Story,
    /// Made where a disk may be waited for.
    files: Option<Files>,
    /// What is being recorded; nothing while it is paused.
    tap: Option<TapeTap>,
    /// Frames lost in parts that are over.
    lost: u64,
    /// Of audio, in the file.
    bytes: u64,
    rate: Arc<AtomicU32>,
    orders: Receiver<Order>,
    /// What is being carried out.
    order: Option<Order>,
    /// A start or a going on that waits for its first audio.
    begins: Option<u64>,
    mailbox: mpsc::Sender<Message>,
}

struct Files {
    audio: seal::Writer,
    log: Log,
}

impl Job {
    fn leg(&self) -> LegId {
        self.story.about.leg
    }

    fn is_awaited(&self) -> bool {
        self.begins.is_some() || self.order.is_some()
    }

    /// Does what there is to do. True when the recording has ended.
    fn advance(&mut self, written: &AtomicU64) -> bool {
        match self.progress(written) {
            Ok(is_over) => is_over,
            Err(why) => {
                let document = self.story.about.document;
                tracing::error!(%document, %why, "a recording cannot be written any further");
                metrics::counter!("offhook_recordings_broken_total").increment(1);
                self.breaks(EndReason::WriteFailed);
                true
            }
        }
    }

    fn progress(&mut self, written: &AtomicU64) -> io::Result<bool> {
        if self.files.is_none() {
            self.files = Some(self.create()?);
        }
        loop {
            // Asked first: a frame pushed before the end is then among those read.
            let is_complete = self.tap.as_ref().is_none_or(TapeTap::is_complete);
            self.take_audio(written)?;
            if self.bytes >= wav::BYTES_MAX {
                self.breaks(EndReason::TooLong);
                return Ok(true);
            }
            if self.order.is_none() {
                self.order = match self.orders.try_recv() {
                    Ok(order) => Some(order),
                    Err(TryRecvError::Empty) => return Ok(false),
                    Err(TryRecvError::Disconnected) => Some(Order::End(EndReason::CallEnded)),
                };
            }
            if !is_complete && !matches!(self.order, Some(Order::Resume(..))) {
                // The tick has not stopped yet.
                return Ok(false);
            }
            match self.order.take() {
                Some(Order::Resume(ticket, tap)) => {
                    self.tap = Some(*tap);
                    self.begins = Some(ticket);
                }
                Some(Order::Pause(ticket)) => {
                    self.part_ends();
                    let moment = self.moment();
                    self.story.pauses.push(moment);
                    self.files()?.log.paused(moment)?;
                    self.done(ticket, true);
                }
                Some(Order::Stop(ticket)) => {
                    self.part_ends();
                    self.finish(EndReason::SessionEnded)?;
                    self.done(ticket, true);
                    return Ok(true);
                }
                Some(Order::End(reason)) => {
                    self.part_ends();
                    self.finish(reason)?;
                    return Ok(true);
                }
                None => return Ok(false),
            }
        }
    }

    fn create(&self) -> io::Result<Files> {
        let about = &self.story.about;
        let (tapes, document) = (&self.tapes, about.document);
        let mut log = Log::create(&tapes.log_file(document), tapes.seal.as_ref(), document)?;
        log.began(about)?;
        let audio =
            seal::Writer::create(&tapes.audio_file(document), tapes.seal.as_ref(), document)?;
        Ok(Files { audio, log })
    }

    fn files(&mut self) -> io::Result<&mut Files> {
        let gone = || io::Error::other("its files are gone");
        self.files.as_mut().ok_or_else(gone)
    }

    /// Writes what has come.
    fn take_audio(&mut self, written: &AtomicU64) -> io::Result<()> {
        let Some(mut tap) = self.tap.take() else {
            return Ok(());
        };
        let taken = self.take_from(&mut tap, written);
        self.tap = Some(tap);
        taken
    }

    fn take_from(&mut self, tap: &mut TapeTap, written: &AtomicU64) -> io::Result<()> {
        loop {
            let ready = tap.ready();
            if ready == 0 {
                return Ok(());
            }
            if self.begins.is_some() {
                self.part_begins(tap.rate().unwrap_or_default())?;
            }
            let files = self.files()?;
            tap.take(ready, |bytes| files.audio.append(bytes))?;
            self.bytes += ready as u64;
            written.fetch_add(ready as u64, Ordering::Relaxed);
            if let Some(ticket) = self.begins.take() {
                self.done(ticket, true);
            }
        }
    }

    fn part_begins(&mut self, rate: Rate) -> io::Result<()> {
        let (moment, channels) = (self.moment(), self.story.about.channels());
        let is_first = self.story.hertz.is_none();
        let files = self.files()?;
        if is_first {
            files.log.rate(rate)?;
            if files.audio.is_plain() {
                let header = wav::header(rate, channels, wav::UNTIL_THE_END);
                files.audio.append(&header)?;
            }
        }
        files.log.part(moment)?;
        self.story.hertz = Some(rate.hertz());
        self.rate.store(rate.hertz(), Ordering::Relaxed);
        self.story.parts.push(moment);
        Ok(())
    }

    fn part_ends(&mut self) {
        if let Some(tap) = self.tap.take() {
            self.lost += tap.frames_dropped();
        }
        // It began and ended between two looks, and there was nothing to write.
        if let Some(ticket) = self.begins.take() {
            self.done(ticket, true);
        }
    }

    fn moment(&self) -> Moment {
        Moment {
            at_ms: ms(clock::wall()),
            frame: self.frames(),
        }
    }

    /// Of 20 ms each.
    fn frames(&self) -> u64 {
        let samples = self.story.rate().tick_samples() as u64;
        self.bytes / (2 * samples * u64::from(self.story.about.channels()))
    }

    /// How it ends, now.
    fn ended(&self, reason: EndReason) -> Ended {
        Ended {
            at_ms: ms(clock::wall()),
            reason,
            frames: self.frames(),
            bytes: self.bytes,
            lost: self.lost,
        }
    }

    fn finish(&mut self, reason: EndReason) -> io::Result<()> {
        if self.lost > 0 {
            metrics::counter!("offhook_recording_frames_dropped_total").increment(self.lost);
        }
        let ended = self.ended(reason);
        let (rate, channels) = (self.story.rate(), self.story.about.channels());
        let length = u32::try_from(self.bytes).unwrap_or(wav::UNTIL_THE_END);
        let has_audio = self.story.hertz.is_some();
        let files = self.files()?;
        let header = wav::header(rate, channels, length);
        match has_audio {
            true => files.audio.correct(&header)?,
            false if files.audio.is_plain() => files.audio.append(&header)?,
            false => {}
        }
        files.audio.sync()?;
        self.story.ended = Some(files.log.ended(ended)?);
        metrics::counter!("offhook_recordings_total", "end" => reason.name()).increment(1);
        self.tapes
            .finished(self.story.about.document, self.story.clone());
        Ok(())
    }

    /// It ends here, whatever its call wants. What is in the file stays.
    fn breaks(&mut self, reason: EndReason) {
        // Whoever feeds it is of no use any more.
        self.tap = None;
        if self.finish(reason).is_err() {
            // A disk that is full takes no line either; the next start of the platform ends it.
            let document = self.story.about.document;
            let mut story = self.story.clone();
            story.ended = Some(self.ended(reason));
            self.tapes.finished(document, story);
        }
        if let Some(ticket) = self.begins.take() {
            self.done(ticket, false);
        }
        self.tell(TalkNews::TapeBroken);
        let waiting = self.order.take().into_iter().chain(self.orders.try_iter());
        let waiting: Vec<Order> = waiting.collect();
        for order in waiting {
            match order {
                Order::Pause(ticket) | Order::Resume(ticket, _) | Order::Stop(ticket) => {
                    self.done(ticket, false);
                }
                Order::End(_) => {}
            }
        }
    }

    fn done(&self, ticket: u64, is_done: bool) {
        self.tell(TalkNews::Taped { ticket, is_done });
    }

    fn tell(&self, news: TalkNews) {
        let leg = self.leg();
        post(&self.mailbox, Message::Talk { leg, news });
    }
}
