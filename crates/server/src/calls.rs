//! The task that owns one call.
//!
//! ```text
//!   mailbox ──▶ engine::Call ──▶ outputs: phone's signalling, audio, bot's outbox and journal
//!      ▲              │
//!      └── timer ◀────┘ next deadline
//! ```
//!
//! A call is changed by its own task and by nobody else, so there is no lock around it. Whoever has
//! something to say drops a [`Message`] in the mailbox.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use futures::FutureExt as _;
use offhook_engine::{
    Accepted, Arrival, Call, Command, Ending, Event, Fact, LegView, MediaEvent, OperationView,
    Output, Participant, Refusal, RoutingGroup, Signal,
};
use offhook_terms::{AppId, LegId, OperationId};
use tokio::sync::{mpsc, oneshot};

use crate::media::{CallAudio, PortCame, Prepared, RecordingEnded, Written};
use crate::sip::PhoneLeg;
use crate::{Platform, clock};

/// Something for one call.
pub(crate) enum Message {
    /// Something happened on a phone's signalling.
    Signal {
        /// Whose phone.
        leg: LegId,
        /// What.
        signal: Signal,
    },
    /// Something happened in the audio.
    Media(MediaEvent),
    /// A prompt was fetched, or could not be.
    Prepared(Prepared),
    /// A recording ended on the tick; its file is not complete yet.
    RecordingEnded(RecordingEnded),
    /// A recording's file is complete, or could not be written.
    Written(Written),
    /// A phone's port has come from another call.
    PortCame(PortCame),
    /// Our own fault in a part that serves this call.
    Fault,
    /// A bot asks for something.
    Command {
        /// Its leg.
        leg: LegId,
        /// What it asks.
        command: Command,
        /// Where the answer goes.
        reply: oneshot::Sender<Result<Accepted, Refusal>>,
    },
    /// Somebody wants to see something.
    Question(Question),
    /// The bot could not be told of something.
    Undeliverable {
        /// Its leg.
        leg: LegId,
    },
    /// The platform goes down.
    Stop,
}

impl Message {
    /// A tone is no ending: it is dropped when a call has more to do than fits its mailbox.
    fn may_be_lost(&self) -> bool {
        matches!(
            self,
            Self::Media(MediaEvent::ToneHeard { .. })
                | Self::Signal {
                    signal: Signal::ToneHeard(_),
                    ..
                }
        )
    }
}

/// Puts a message in a call's mailbox without waiting. What may not be lost finds its way into a
/// full one by a task of its own.
pub(crate) fn post(mailbox: &mpsc::Sender<Message>, message: Message) {
    if let Err(mpsc::error::TrySendError::Full(message)) = mailbox.try_send(message)
        && !message.may_be_lost()
    {
        let mailbox = mailbox.clone();
        tokio::spawn(async move { mailbox.send(message).await });
    }
}

/// Something to be shown.
pub(crate) enum Question {
    /// A bot's leg.
    Leg {
        /// Which.
        leg: LegId,
        /// Where the answer goes.
        reply: oneshot::Sender<Option<LegView>>,
    },
    /// One operation of a bot's leg.
    Operation {
        /// Whose.
        leg: LegId,
        /// Which.
        operation: OperationId,
        /// Where the answer goes.
        reply: oneshot::Sender<Option<OperationView>>,
    },
    /// All operations of a bot's leg.
    Operations {
        /// Whose.
        leg: LegId,
        /// Where the answer goes.
        reply: oneshot::Sender<Vec<OperationView>>,
    },
    /// Who is in a bot's call, if it is one of many.
    Participants {
        /// The bot's leg.
        leg: LegId,
        /// Where the answer goes.
        reply: oneshot::Sender<Option<Vec<Participant>>>,
    },
    /// Who hears whom in a bot's call beside what everybody hears.
    RoutingGroups {
        /// The bot's leg.
        leg: LegId,
        /// Where the answer goes.
        reply: oneshot::Sender<Option<Vec<RoutingGroup>>>,
    },
}

/// Everything one call is made of at its start.
pub(crate) struct NewCall {
    /// What the engine is told.
    pub(crate) arrival: Arrival,
    /// The caller's signalling.
    pub(crate) phone: PhoneLeg,
    /// The mailbox, whose other end the phone and the switchboard have.
    pub(crate) mailbox: mpsc::Sender<Message>,
    /// The mailbox.
    pub(crate) messages: mpsc::Receiver<Message>,
}

/// Runs a call to its end. A panic in it ends this call alone.
pub(crate) async fn run(platform: Arc<Platform>, new: NewCall) {
    let call = new.arrival.call;
    let bot_leg = new.arrival.bot_leg;
    let bot = new.arrival.bot;
    let told = Arc::new(AtomicU64::new(0));
    let task = CallTask::new(Arc::clone(&platform), new, Arc::clone(&told));
    if AssertUnwindSafe(task.run()).catch_unwind().await.is_err() {
        // Its sessions and ports went with it; the bot is still owed its last event.
        tracing::error!(%call, "a fault of ours ended this call; please report it");
        metrics::counter!("offhook_call_faults_total").increment(1);
        let number = told.load(Ordering::Relaxed) + 1;
        if number > 1 {
            let event = Event {
                leg: bot_leg,
                number,
                fact: Fact::Terminated(Ending::Fault),
            };
            platform.tell(call, bot, event);
        }
    }
    platform.switchboard.disconnect(call, bot_leg);
    platform.leg_ended(bot_leg);
}

struct CallTask {
    platform: Arc<Platform>,
    call: Call,
    bot: AppId,
    bot_leg: LegId,
    phones: Vec<PhoneLeg>,
    audio: CallAudio,
    messages: mpsc::Receiver<Message>,
    told: Arc<AtomicU64>,
    over: bool,
}

impl CallTask {
    fn new(platform: Arc<Platform>, new: NewCall, told: Arc<AtomicU64>) -> Self {
        let NewCall {
            arrival,
            phone,
            mailbox,
            messages,
        } = new;
        let mut audio = CallAudio::new(&platform, arrival.call, mailbox);
        audio.bot_begins(arrival.bot_leg, arrival.bot);
        Self {
            bot: arrival.bot,
            bot_leg: arrival.bot_leg,
            phones: vec![phone],
            audio,
            messages,
            told,
            over: false,
            call: Call::arrived(arrival, clock::now()),
            platform,
        }
    }

    async fn run(mut self) {
        self.carry_out();
        while !self.over {
            let deadline = self.call.next_deadline();
            let timer = async {
                match deadline {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                message = self.messages.recv() => match message {
                    Some(message) => self.handle(message),
                    None => unreachable!("the call's own audio holds a sender of its mailbox"),
                },
                () = timer => self.call.handle_time(clock::now()),
            }
            self.carry_out();
        }
    }

    fn handle(&mut self, message: Message) {
        let now = clock::now();
        match message {
            Message::Signal { leg, signal } => self.call.handle_signal(leg, signal, now),
            Message::Media(event) => self.call.handle_media(event, now),
            Message::Prepared(prepared) => {
                let event = self.audio.prepared(prepared);
                self.hear(event, now);
            }
            Message::RecordingEnded(ended) => {
                let event = self.audio.recording_ended(ended);
                self.hear(event, now);
            }
            Message::Written(written) => {
                let event = self.audio.written(&written);
                self.hear(event, now);
            }
            Message::PortCame(came) => {
                let event = self.audio.port_came(came);
                self.hear(event, now);
            }
            Message::Fault => self.call.handle_fault(now),
            Message::Command {
                leg,
                command,
                reply,
            } => {
                // The asker may have gone away; the command stands.
                let _ = reply.send(self.call.handle_command(leg, command, now));
            }
            Message::Question(question) => self.answer(question),
            Message::Undeliverable { leg } => self.call.handle_undeliverable(leg, now),
            Message::Stop => self.call.handle_stop(now),
        }
    }

    fn hear(&mut self, event: Option<MediaEvent>, now: Instant) {
        if let Some(event) = event {
            self.call.handle_media(event, now);
        }
    }

    fn answer(&self, question: Question) {
        // The asker may have gone away.
        match question {
            Question::Leg { leg, reply } => drop(reply.send(self.call.leg(leg))),
            Question::Operation {
                leg,
                operation,
                reply,
            } => {
                drop(reply.send(self.call.operation(leg, operation)));
            }
            Question::Operations { leg, reply } => drop(reply.send(self.call.operations(leg))),
            Question::Participants { leg, reply } => {
                let all = self.call.leg(leg).map(|_| self.call.participants(leg));
                drop(reply.send(all));
            }
            Question::RoutingGroups { leg, reply } => {
                let all = self.call.leg(leg).map(|_| self.call.routing_groups(leg));
                drop(reply.send(all));
            }
        }
    }

    /// Does what the call wants done, in order, until it wants nothing more.
    ///
    /// Some of what is asked of the audio is answered at once; those answers are handed in when
    /// the call has nothing more to ask, as if they had come by the mailbox.
    fn carry_out(&mut self) {
        let mut answers = VecDeque::new();
        loop {
            while let Some(output) = self.call.poll() {
                self.perform(output, &mut answers);
            }
            match answers.pop_front() {
                Some(event) => self.call.handle_media(event, clock::now()),
                None => return,
            }
        }
    }

    fn perform(&mut self, output: Output, answers: &mut VecDeque<MediaEvent>) {
        match output {
            Output::Signal(request) => {
                let leg = request.leg();
                if let Some(phone) = self.phones.iter_mut().find(|phone| phone.leg() == leg) {
                    phone.perform(request);
                }
            }
            Output::Media(request) => answers.extend(self.audio.perform(request)),
            Output::Event(event) => {
                self.told.store(event.number, Ordering::Relaxed);
                self.platform.tell(self.call.id(), self.bot, event);
            }
            // No call asks for these before calls have more than two parties.
            Output::HandOver { .. }
            | Output::Fetch { .. }
            | Output::LegBegins { .. }
            | Output::LegEnded { .. } => {}
            Output::Over {
                ending,
                was_established,
            } => {
                self.over = true;
                if !was_established {
                    self.platform
                        .note_refusal(self.call.id(), self.bot, self.bot_leg, ending);
                }
                metrics::counter!("offhook_calls_ended_total", "ending" => ending_label(ending))
                    .increment(1);
            }
        }
    }
}

/// The ending as a metric's label.
fn ending_label(ending: Ending) -> &'static str {
    match ending {
        Ending::BotHungUp => "bot_hung_up",
        Ending::CallerHungUp => "caller_hung_up",
        Ending::CallerGaveUp => "caller_gave_up",
        Ending::BotRejected(_) => "bot_rejected",
        Ending::BotDidNotDecide => "bot_did_not_decide",
        Ending::BotUnreachable => "bot_unreachable",
        Ending::KeepAliveMissed => "keep_alive_missed",
        Ending::NotAcknowledged => "not_acknowledged",
        Ending::SignallingLost => "signalling_lost",
        Ending::AudioLost => "audio_lost",
        Ending::OfferRefused => "offer_refused",
        Ending::NotReached(_) => "not_reached",
        Ending::Transferred => "transferred",
        Ending::Redirected => "redirected",
        Ending::Removed => "removed",
        Ending::OthersLeft => "others_left",
        Ending::PlatformStopping => "platform_stopping",
        Ending::Fault => "fault",
    }
}
