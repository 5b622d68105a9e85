//! Listening to callers, off the tick: where utterances begin and end, and what was said.
//!
//! ```text
//!   tick ── ring of frames ──▶ ears: voice detection ──▶ mailbox: somebody speaks
//!                                     └─ what they say ──▶ recogniser (a task) ──▶ mailbox: words
//! ```
//!
//! Only calls whose bot wants to hear words are here. One thread looks at all of them, fifty times a
//! second: voice detection costs a few microseconds a window.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use offhook_engine::Heard;
use offhook_media::{Rate, RecordingTap, Resampler};
use offhook_speech::{Ear, Recogniser, Request, Sound, Utterance, UtteranceFeed, utterance};
use offhook_terms::LegId;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::calls::{Message, post};
use crate::channel::TalkNews;
use crate::{clock, limits};

/// Between two looks: a tick. What is heard waits for half of it on average.
const PACE: Duration = Duration::from_millis(20);

/// What is listened for, which may change while somebody listens.
#[derive(Debug, Clone, Default)]
struct Subject {
    locale: String,
    phrases: Vec<String>,
}

/// One bot's ear. Dropped, it listens no more.
pub(super) struct Listening(Arc<Mutex<Subject>>);

impl Listening {
    /// From now on something else is expected.
    pub(super) fn expect(&self, locale: String, phrases: Vec<String>) {
        let mut subject = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *subject = Subject { locale, phrases };
    }
}

/// The thread that listens.
pub(super) struct Ears {
    orders: SyncSender<Box<Job>>,
}

struct Job {
    leg: LegId,
    tap: RecordingTap,
    ear: Ear,
    /// From 8 kHz, where the call has no more.
    widen: Option<Resampler>,
    wide: Vec<i16>,
    subject: Arc<Mutex<Subject>>,
    mailbox: mpsc::Sender<Message>,
    /// Beginnings of speech so far.
    utterances: u64,
    /// Where what is being said goes. Dropped with the rest when nobody listens any more.
    saying: Option<UtteranceFeed>,
}

impl Ears {
    /// Starts the thread. It ends when the last handle is gone.
    pub(super) fn start(recogniser: Recogniser) -> io::Result<Self> {
        let (orders, inbox) = sync_channel(limits::EARS_ORDERS_MAX);
        let recogniser = Arc::new(recogniser);
        let runtime = Handle::current();
        std::thread::Builder::new()
            .name("ears".to_owned())
            .spawn(move || work(&inbox, &recogniser, &runtime))?;
        Ok(Self { orders })
    }

    /// Listens to what comes out of `tap` until it is complete. `None` when there are more listeners
    /// than can be served.
    pub(super) fn listen(
        &self,
        leg: LegId,
        tap: RecordingTap,
        mailbox: mpsc::Sender<Message>,
    ) -> Option<Listening> {
        let subject = Arc::<Mutex<Subject>>::default();
        let job = Job {
            leg,
            tap,
            ear: Ear::default(),
            widen: None,
            wide: Vec::new(),
            subject: Arc::clone(&subject),
            mailbox,
            utterances: 0,
            saying: None,
        };
        let taken = self.orders.try_send(Box::new(job));
        taken.is_ok().then_some(Listening(subject))
    }
}

fn work(inbox: &Receiver<Box<Job>>, recogniser: &Arc<Recogniser>, runtime: &Handle) {
    // A full mailbox is waited for by a task.
    let _entered = runtime.enter();
    let mut jobs: Vec<Box<Job>> = Vec::new();
    let mut due = clock::now();
    loop {
        let order = if jobs.is_empty() {
            let order = inbox.recv().map_err(|_| RecvTimeoutError::Disconnected);
            due = clock::now();
            order
        } else {
            inbox.recv_timeout(due.saturating_duration_since(clock::now()))
        };
        match order {
            Ok(job) => jobs.push(job),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if clock::now() >= due {
            jobs.retain_mut(|job| job.look(recogniser, runtime));
            due = clock::now() + PACE;
        }
    }
}

impl Job {
    /// Hears what there is. False when nothing more will come.
    fn look(&mut self, recogniser: &Arc<Recogniser>, runtime: &Handle) -> bool {
        // Asked first: a frame pushed before the end is then among those read.
        let is_complete = self.tap.is_complete();
        while let Some(frame) = self.tap.read() {
            self.wide.clear();
            if frame.rate() == Rate::Wide {
                self.wide.extend_from_slice(&frame);
            } else {
                let (narrow, wide) = (Rate::Narrow.hertz(), Rate::Wide.hertz());
                let widen = self
                    .widen
                    .get_or_insert_with(|| Resampler::new(narrow, wide));
                widen.process(&frame, &mut self.wide);
            }
            let mut noticed = Vec::new();
            self.ear.hear(&self.wide, |sound| noticed.push(sound));
            for sound in noticed {
                self.notice(sound, recogniser, runtime);
            }
        }
        !is_complete
    }

    fn notice(&mut self, sound: Sound, recogniser: &Arc<Recogniser>, runtime: &Handle) {
        match sound {
            Sound::Began => {
                self.utterances += 1;
                self.tell(TalkNews::SpeechBegan(self.utterances));
                self.saying = Some(self.understand(recogniser, runtime));
            }
            Sound::Said(samples) => {
                if let Some(saying) = &self.saying {
                    saying.say(samples);
                }
            }
            Sound::Ended => {
                if let Some(saying) = self.saying.take() {
                    saying.end();
                }
            }
        }
    }

    /// Has what is said from now on understood.
    fn understand(&self, recogniser: &Arc<Recogniser>, runtime: &Handle) -> UtteranceFeed {
        let subject = self.subject.lock().unwrap_or_else(PoisonError::into_inner);
        let Subject { locale, phrases } = subject.clone();
        drop(subject);
        let (feed, utterance) = utterance();
        let (recogniser, mailbox) = (Arc::clone(recogniser), self.mailbox.clone());
        let (leg, number) = (self.leg, self.utterances);
        let request = Request {
            locale,
            phrases,
            timestamp: crate::channel::timestamp(clock::wall()),
        };
        runtime.spawn(async move {
            if let Some(news) = understood(&recogniser, number, request, utterance).await {
                post(&mailbox, Message::Talk { leg, news });
            }
        });
        feed
    }

    fn tell(&self, news: TalkNews) {
        let leg = self.leg;
        post(&self.mailbox, Message::Talk { leg, news });
    }
}

/// What was said; nothing when nobody wants to know any more.
async fn understood(
    recogniser: &Recogniser,
    number: u64,
    request: Request,
    mut utterance: Utterance,
) -> Option<TalkNews> {
    let words = recogniser.understand(request, &mut utterance).await;
    if utterance.is_abandoned() {
        return None;
    }
    Some(match words {
        Ok(Some(words)) => TalkNews::Heard(Heard {
            utterance: number,
            text: words.text,
            locale: words.locale,
            confidence: words.confidence,
            duration: utterance.duration(),
        }),
        Ok(None) => TalkNews::NotUnderstood(number),
        Err(why) => {
            metrics::counter!("offhook_recognition_failed_total").increment(1);
            tracing::error!(%why, "what a caller said could not be understood");
            TalkNews::NotUnderstood(number)
        }
    })
}
