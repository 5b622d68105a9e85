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

mod moving;

use std::collections::VecDeque;
use std::collections::btree_map::{BTreeMap, Entry};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures::FutureExt as _;
use offhook_engine::{
    Accepted, BotJoin, Call, CallDirection, Command, Conversation, EndCode, Ending, Event, Fact,
    LegView, Loss, MediaEvent, MediaRequest, NotReached, OperationKind, OperationView, Outcome,
    Output, Participant, PhoneJoin, Purpose, Refusal, RoutingGroup, Signal, SignalRequest,
    TapeOrder, TapeVerb, Told, TurnDown, Wish,
};
use offhook_terms::{AppId, LegId, OperationId, Private};
use tokio::sync::{mpsc, oneshot};
use url::Url;

use moving::{Moving, Parts, Wanted};

use crate::channel::TalkNews;
use crate::config::Protocol;
use crate::media::{CallAudio, PhoneAudio, PortCame, Prepared, RecordingEnded, Written};
use crate::sip::{Dialled, News, NoWay, PhoneLeg};
use crate::tapes::{self, About, DocumentId, EndReason};
use crate::{Platform, clock, limits, store};

/// Something for one call.
pub(crate) enum Message {
    /// Something happened on a phone's signalling.
    Phone(News),
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
    /// A bot joins a call of many.
    Join {
        /// Who, and by which leg; it has a seat already.
        join: BotJoin,
        /// Where it wants to hear of the call.
        callback: Url,
        /// Where the answer goes.
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    /// A phone joins a call of many.
    JoinPhone(Box<(PhoneJoin, PhoneLeg)>),
    /// A phone comes from another call.
    Adopt(Box<Moving>),
    /// A phone that went to another call is there.
    Taken {
        /// Which.
        leg: LegId,
    },
    /// A phone that went to another call is not wanted there.
    TakeBack(Box<Moving>),
    /// Another call wants the party of this one.
    Give(Wanted),
    /// This call does not get the party of another one that it wanted.
    NotGiven {
        /// The leg of the bot that wanted it.
        to: LegId,
        /// What for.
        purpose: Purpose,
        /// Why not.
        refusal: Refusal,
    },
    /// Something about a bot's conversation.
    Talk {
        /// Its leg.
        leg: LegId,
        /// What.
        news: TalkNews,
    },
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
        match self {
            Self::Media(MediaEvent::ToneHeard { .. }) => true,
            Self::Phone(news) => news.is_tone(),
            _ => false,
        }
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
    /// The call, as the engine made it.
    pub(crate) call: Call,
    /// The phones whose signalling is there already.
    pub(crate) phones: Vec<PhoneLeg>,
    /// The bot that is in it from the start, and its leg; it is owed an ending.
    pub(crate) bot: Option<(LegId, AppId)>,
    /// The mailbox, whose other end the phones and the switchboard have.
    pub(crate) mailbox: mpsc::Sender<Message>,
    /// The mailbox.
    pub(crate) messages: mpsc::Receiver<Message>,
}

/// Runs a call to its end. A panic in it ends this call alone.
pub(crate) async fn run(platform: Arc<Platform>, new: NewCall) {
    let call = new.call.id();
    let owed = Arc::new(Owed::default());
    let task = CallTask::new(Arc::clone(&platform), new, Arc::clone(&owed));
    let is_broken = AssertUnwindSafe(task.run()).catch_unwind().await.is_err();
    if is_broken {
        // Its sessions and ports went with it; its bots are still owed their last event.
        tracing::error!(%call, "a fault of ours ended this call; please report it");
        metrics::counter!("offhook_call_faults_total").increment(1);
    }
    platform.switchboard.disconnect(call);
    for (leg, owing) in owed.settle() {
        if is_broken && owing.told > 0 {
            let event = Event {
                leg,
                number: owing.told + 1,
                fact: Fact::Terminated(Ending::Fault),
            };
            platform.tell(call, owing.bot, event, &[]);
            let (code, why) = (EndCode::ChannelFailed, Ending::Fault);
            platform.channel.tell(leg, Told::Ended { code, why }, None);
        }
        platform.leg_ended(leg);
    }
}

/// The bots of a call and how far each has been told; outside of its task, so that they get their
/// ending however the task ends.
#[derive(Default)]
struct Owed(Mutex<BTreeMap<LegId, Owing>>);

#[derive(Clone, Copy)]
struct Owing {
    bot: AppId,
    /// The number of the last event it was told.
    told: u64,
}

impl Owed {
    /// False when it is known already.
    fn begin(&self, leg: LegId, bot: AppId) -> bool {
        match self.legs().entry(leg) {
            Entry::Vacant(place) => {
                place.insert(Owing { bot, told: 0 });
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    /// The bot whose leg this is, which is told the event of this number.
    fn tell(&self, leg: LegId, number: u64) -> Option<AppId> {
        let mut legs = self.legs();
        let owing = legs.get_mut(&leg)?;
        owing.told = number;
        Some(owing.bot)
    }

    fn bot(&self, leg: LegId) -> Option<AppId> {
        self.legs().get(&leg).map(|owing| owing.bot)
    }

    fn all(&self) -> Vec<LegId> {
        self.legs().keys().copied().collect()
    }

    fn has_bot(&self, bot: AppId) -> bool {
        self.legs().values().any(|owing| owing.bot == bot)
    }

    fn end(&self, leg: LegId) -> bool {
        self.legs().remove(&leg).is_some()
    }

    fn settle(&self) -> BTreeMap<LegId, Owing> {
        std::mem::take(&mut *self.legs())
    }

    fn legs(&self) -> MutexGuard<'_, BTreeMap<LegId, Owing>> {
        // Nothing that can panic happens under this lock; a poisoned one is still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct CallTask {
    platform: Arc<Platform>,
    call: Call,
    /// The bots that converse, by their legs.
    talks: BTreeMap<LegId, Conversation>,
    phones: Vec<PhoneLeg>,
    audio: CallAudio,
    mailbox: mpsc::Sender<Message>,
    messages: mpsc::Receiver<Message>,
    owed: Arc<Owed>,
    /// The bot that was in it first, for the record of a call that comes to nothing.
    first_bot: Option<(LegId, AppId)>,
    /// Phones that went to other calls, and where: what is heard of them here is for there.
    gone: VecDeque<(LegId, mpsc::Sender<Message>)>,
    /// There is a record of somebody who did not come.
    is_noted: bool,
    over: bool,
}

impl CallTask {
    fn new(platform: Arc<Platform>, new: NewCall, owed: Arc<Owed>) -> Self {
        let NewCall {
            call,
            phones,
            bot,
            mailbox,
            messages,
        } = new;
        let mut audio = CallAudio::new(&platform, call.id(), mailbox.clone());
        if let Some((leg, bot)) = bot {
            owed.begin(leg, bot);
            audio.bot_begins(leg, bot);
        }
        let mut task = Self {
            call,
            talks: BTreeMap::new(),
            phones,
            audio,
            mailbox,
            messages,
            owed,
            first_bot: bot,
            gone: VecDeque::new(),
            is_noted: false,
            over: false,
            platform,
        };
        if let Some((leg, bot)) = bot {
            task.converse(leg, bot);
        }
        task
    }

    async fn run(mut self) {
        self.carry_out();
        while !self.over {
            let talks = self.talks.values().filter_map(Conversation::next_deadline);
            let deadline = talks.chain(self.call.next_deadline()).min();
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
                    None => unreachable!("the call holds a sender of its own mailbox"),
                },
                () = timer => self.handle_time(),
            }
            self.carry_out();
        }
    }

    fn handle_time(&mut self) {
        let now = clock::now();
        self.call.handle_time(now);
        for talk in self.talks.values_mut() {
            talk.handle_time(now);
        }
    }

    fn handle(&mut self, message: Message) {
        let now = clock::now();
        match message {
            Message::Phone(news) => {
                let leg = news.leg();
                if let Some((_, there)) = self.gone.iter().find(|(gone, _)| *gone == leg) {
                    return post(there, Message::Phone(news));
                }
                let signal = self.phone(leg).and_then(|phone| phone.hear(news));
                if let Some(signal) = signal {
                    if let Signal::NotReached(why) = &signal {
                        self.note_not_reached(*why, None);
                    }
                    self.phones.retain(|phone| !phone.is_over());
                    self.call.handle_signal(leg, signal, now);
                }
            }
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
            Message::Join {
                join,
                callback,
                reply,
            } => {
                let joined = self.join(join, &callback, now);
                let _ = reply.send(joined);
            }
            Message::JoinPhone(joining) => {
                let (join, mut phone) = *joining;
                let leg = join.leg;
                match self.call.join_phone(join, now) {
                    Ok(()) => self.phones.push(phone),
                    Err(_) => phone.perform(SignalRequest::TurnDown {
                        leg,
                        why: TurnDown::NotReached(NotReached::Refused),
                    }),
                }
            }
            Message::Adopt(moving) => self.adopt(*moving, now),
            Message::Taken { leg } => self.call.handle_taken(leg, now),
            Message::TakeBack(moving) => self.take_back(*moving, now),
            Message::Give(wanted) => {
                let command = Command::GiveTo {
                    to: wanted.to,
                    purpose: wanted.purpose,
                };
                match self.call.handle_command(wanted.from, command, now) {
                    Ok(_) => wanted.given(),
                    Err(refusal) => wanted.refused(refusal),
                }
            }
            Message::NotGiven {
                to,
                purpose,
                refusal,
            } => self.call.handle_not_given(to, purpose, refusal, now),
            Message::Talk { leg, news } => self.talk(leg, news, now),
            Message::Undeliverable { leg } => self.call.handle_undeliverable(leg, now),
            Message::Stop => self.call.handle_stop(now),
        }
    }

    fn join(&mut self, join: BotJoin, callback: &Url, now: Instant) -> Result<(), Refusal> {
        let (leg, bot) = (join.leg, join.bot);
        self.begin(leg, bot, Some(callback));
        let joined = self.call.join_bot(join, now);
        if joined.is_err() {
            self.end(leg);
        }
        joined
    }

    /// A bot has this leg and is owed an ending.
    fn begin(&mut self, leg: LegId, bot: AppId, callback: Option<&Url>) {
        if self.owed.begin(leg, bot) {
            self.audio.bot_begins(leg, bot);
            self.converse(leg, bot);
            self.platform.leg_begins(self.call.id(), leg, bot, callback);
        }
    }

    /// A bot that is let into a meeting is told which, as those are who joined it by themselves.
    fn share_meeting(&self, leg: LegId) {
        let papers = self.platform.outboxes.papers();
        let mut others = self.owed.all().into_iter().map(|other| papers.of(other));
        if let Some(known) = others.find(|paper| paper.meeting.is_some()) {
            papers.change(leg, |paper| {
                paper.chat.clone_from(&known.chat);
                paper.meeting.clone_from(&known.meeting);
                paper.organizer = known.organizer;
            });
        }
    }

    /// A bot that converses has somebody between it and its leg.
    fn converse(&mut self, leg: LegId, bot: AppId) {
        if let Some(bot) = self.platform.registry.speaks(bot, Protocol::Telephony) {
            let rules = self.platform.talk_rules(bot);
            self.talks.insert(leg, Conversation::new(leg, rules));
        }
    }

    /// Something about a conversation.
    fn talk(&mut self, leg: LegId, news: TalkNews, now: Instant) {
        let Some(talk) = self.talks.get_mut(&leg) else {
            // It ended meanwhile; whoever waits for an answer hears so.
            return;
        };
        match news {
            TalkNews::Said(said, reply) => {
                // The asker may have gone away; what was said stands.
                let _ = reply.send(talk.handle_said(*said, now));
            }
            TalkNews::Changed(said, reply) => {
                let _ = reply.send(talk.handle_changed(*said));
            }
            TalkNews::TakenBack(message, reply) => {
                let _ = reply.send(talk.handle_taken_back(&message));
            }
            TalkNews::Ends { at_once } => talk.handle_end(at_once, now),
            TalkNews::Alive => talk.handle_sign_of_life(),
            TalkNews::TurnDone => talk.handle_turn_done(),
            TalkNews::TurnFailed => talk.handle_turn_failed(now),
            TalkNews::Unreachable => talk.handle_unreachable(now),
            TalkNews::SpeechBegan(utterance) => talk.handle_speech_began(utterance, now),
            TalkNews::Heard(heard) => talk.handle_heard(heard, now),
            TalkNews::NotUnderstood(utterance) => talk.handle_not_understood(utterance, now),
            TalkNews::Tape(command) => talk.handle_tape_command(*command),
            TalkNews::Taped { ticket, is_done } => talk.handle_taped(ticket, is_done),
            TalkNews::TapeBroken => {
                talk.handle_tape_broken();
                self.audio.tape_broke(leg);
            }
            TalkNews::Handoff(handoff, reply) => {
                // The asker may have gone away; the hand-off stands.
                let _ = reply.send(talk.handle_handoff(*handoff, now));
            }
        }
    }

    /// Does what the conversations want. True when one wanted something.
    fn grant(&mut self, now: Instant) -> bool {
        let mut granted = false;
        let legs: Vec<LegId> = self.talks.keys().copied().collect();
        for leg in legs {
            while let Some(wish) = self.talks.get_mut(&leg).and_then(Conversation::poll) {
                granted = true;
                match wish {
                    Wish::Command(command) => self.ask(leg, command, now),
                    Wish::Tell(told) => {
                        let view = self.call.leg(leg);
                        let other = view.map(|view| match view.direction {
                            CallDirection::Incoming => Some(view.caller),
                            CallDirection::Outgoing => None,
                        });
                        let other = other.flatten();
                        self.platform.channel.tell(leg, told, other.as_ref());
                    }
                    Wish::Listen { locale, phrases } => self.audio.listen(leg, locale, phrases),
                    Wish::Deafen => self.audio.deafen(leg),
                    Wish::Tape(order) => self.tape(leg, order),
                }
            }
        }
        granted
    }

    /// Something is to be done with the recording of a bot's call.
    fn tape(&mut self, leg: LegId, order: TapeOrder) {
        let ticket = order.ticket;
        let is_under_way = match (order.verb, self.owed.bot(leg)) {
            (TapeVerb::Start, Some(bot)) => {
                let metadata = order.metadata.map(Private::into_inner);
                let about = About {
                    document: DocumentId::from_random(rand::random()),
                    call: self.call.id(),
                    leg,
                    bot,
                    caller: Private::new(self.other_party(leg)),
                    began_ms: store::ms(clock::wall()),
                    kind: tapes::Kind::Mixed,
                    metadata: metadata.and_then(|text| serde_json::from_str(&text).ok()),
                };
                let tapes = &self.platform.tapes;
                self.audio.tape(tapes, about, order.channels, ticket)
            }
            (TapeVerb::Start, None) => false,
            (TapeVerb::Pause, _) => self.audio.pause_tape(leg, ticket),
            (TapeVerb::Resume, _) => self.audio.resume_tape(leg, ticket),
            (TapeVerb::Stop, _) => self.audio.stop_tape(leg, ticket),
        };
        if !is_under_way && let Some(talk) = self.talks.get_mut(&leg) {
            talk.handle_taped(ticket, false);
        }
    }

    /// Who is at the other end of a bot's call: by number, by id, or by name.
    fn other_party(&self, leg: LegId) -> String {
        let Some(view) = self.call.leg(leg) else {
            return String::new();
        };
        let party = match view.direction {
            CallDirection::Incoming => Some(view.caller),
            CallDirection::Outgoing => view.targets.into_iter().next().map(|one| one.party),
        };
        let id = party.map(|party| crate::channel::account(leg, &party).id);
        id.flatten().map(Private::into_inner).unwrap_or_default()
    }

    /// A conversation asks something of its leg. What is refused has ended with nothing done: a
    /// message that cannot be spoken any more.
    fn ask(&mut self, leg: LegId, command: Command, now: Instant) {
        let operation = match &command {
            Command::Play { operation, .. } => Some(*operation),
            _ => None,
        };
        let is_transfer = matches!(command, Command::Transfer { .. });
        let refused = self.call.handle_command(leg, command, now).err();
        let Some(refusal) = refused else { return };
        tracing::debug!(%leg, ?refusal, "a conversation asked for what cannot be");
        if is_transfer && let Some(talk) = self.talks.get_mut(&leg) {
            return talk.handle_not_handed_off(now);
        }
        if let (Some(operation), Some(talk)) = (operation, self.talks.get_mut(&leg)) {
            let ended = Fact::OperationEnded {
                operation,
                kind: OperationKind::Play {
                    prompts: Vec::new(),
                },
                context: None,
                outcome: Outcome::Cancelled,
            };
            talk.handle_fact(&ended, now);
        }
    }

    /// A bot's leg has ended and its last event has been told.
    fn end(&mut self, leg: LegId) {
        if self.owed.end(leg) {
            // What it has to say of the end is said before it goes.
            self.grant(clock::now());
            self.talks.remove(&leg);
            self.audio.bot_ended(leg);
            self.platform.switchboard.unseat(leg);
            self.platform.leg_ended(leg);
        }
    }

    /// A phone's leg is to go to another call of one of our bots.
    fn hand_over(&mut self, leg: LegId, to: LegId, purpose: Purpose, now: Instant) {
        // Between the commands for both calls one may have ended, or been somebody else's all along.
        let other = self.platform.switchboard.owner(to);
        let other = other.filter(|(bot, _)| self.owed.has_bot(*bot));
        let Some(released) = self.call.release(leg, now) else {
            // The phone has left; whoever wanted it must hear so.
            if let Some((_, mailbox)) = other {
                let refusal = Refusal::NoSuchReplacedCall;
                let message = Message::NotGiven {
                    to,
                    purpose,
                    refusal,
                };
                post(&mailbox, message);
            }
            return;
        };
        let at = self.phones.iter().position(|phone| phone.leg() == leg);
        let phone = at.map(|at| self.phones.swap_remove(at));
        let (Some(phone), Some(audio)) = (phone, self.audio.release(leg)) else {
            // Its signalling or its port broke off, and the call was about to hear of it.
            self.call.take_back(released, now);
            let lost = Signal::Lost(Loss::Unreachable);
            return self.call.handle_signal(leg, lost, now);
        };
        phone.keep_events();
        let moving = Moving::new(Parts {
            leg: released,
            phone,
            audio,
            to,
            purpose,
            home: self.mailbox.clone(),
            returns: other.is_none(),
        });
        match other {
            Some((_, mailbox)) => {
                self.went(leg, mailbox.clone());
                post(&mailbox, Message::Adopt(Box::new(moving)));
            }
            None => self.take_back(moving, now),
        }
    }

    /// A phone comes from another call.
    fn adopt(&mut self, moving: Moving, now: Instant) {
        let Some((parts, taken)) = moving.take() else {
            return;
        };
        let leg = parts.phone.leg();
        match self.call.adopt(parts.leg, parts.to, parts.purpose, now) {
            Ok(()) => self.came(parts.phone, parts.audio),
            Err(released) => {
                taken.not();
                let home = parts.home.clone();
                self.went(leg, home.clone());
                let back = Moving::new(Parts {
                    leg: released,
                    returns: true,
                    ..parts
                });
                post(&home, Message::TakeBack(Box::new(back)));
            }
        }
    }

    /// A phone that went to another call is not wanted there.
    fn take_back(&mut self, moving: Moving, now: Instant) {
        let Some((parts, taken)) = moving.take() else {
            return;
        };
        taken.not();
        self.came(parts.phone, parts.audio);
        self.call.take_back(parts.leg, now);
    }

    /// A phone is here, with all that happens on it.
    fn came(&mut self, phone: PhoneLeg, audio: PhoneAudio) {
        self.gone.retain(|(gone, _)| *gone != phone.leg());
        phone.deliver_to(&self.mailbox);
        self.phones.push(phone);
        self.audio.adopt(audio);
    }

    /// A phone is there from now on. What it said to us last is for them.
    fn went(&mut self, leg: LegId, there: mpsc::Sender<Message>) {
        self.gone.retain(|(gone, _)| *gone != leg);
        if self.gone.len() >= limits::GONE_LEGS_REMEMBERED {
            self.gone.pop_front();
        }
        self.gone.push_back((leg, there));
    }

    /// The party of another call of this bot is to come here.
    fn fetch(&mut self, from: LegId, to: LegId, purpose: Purpose, now: Instant) {
        let owner = self.platform.switchboard.owner(from);
        match owner.filter(|(bot, _)| self.owed.bot(to) == Some(*bot)) {
            Some((_, mailbox)) => {
                let wanted = Wanted::new(from, to, purpose, self.mailbox.clone());
                post(&mailbox, Message::Give(wanted));
            }
            None => {
                let refusal = Refusal::NoSuchReplacedCall;
                self.call.handle_not_given(to, purpose, refusal, now);
            }
        }
    }

    /// Somebody who was called did not come: one record says why and what to change.
    fn note_not_reached(&mut self, why: NotReached, words: Option<(String, &'static str)>) {
        let call = self.call.id();
        self.platform
            .note_not_reached(call, self.first_bot, why, words);
        self.is_noted = true;
    }

    fn phone(&mut self, leg: LegId) -> Option<&mut PhoneLeg> {
        self.phones.iter_mut().find(|phone| phone.leg() == leg)
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
    /// Some of what is asked is answered at once; those answers are handed in when the call has
    /// nothing more to ask, as if they had come by the mailbox.
    fn carry_out(&mut self) {
        let mut answers = VecDeque::new();
        loop {
            while let Some(output) = self.call.poll() {
                self.perform(output, &mut answers);
            }
            let now = clock::now();
            match answers.pop_front() {
                Some(Answer::Media(event)) => self.call.handle_media(event, now),
                Some(Answer::Signal(leg, signal)) => self.call.handle_signal(leg, signal, now),
                Some(Answer::HandOver(leg, to, purpose)) => self.hand_over(leg, to, purpose, now),
                Some(Answer::Fetch(from, to, purpose)) => self.fetch(from, to, purpose, now),
                Some(Answer::Undeliverable(leg)) => self.call.handle_undeliverable(leg, now),
                // What conversations want may give the call more to do.
                None if self.grant(now) => {}
                None => return,
            }
        }
    }

    fn perform(&mut self, output: Output, answers: &mut VecDeque<Answer>) {
        match output {
            Output::Signal(SignalRequest::Call {
                leg,
                callee,
                caller,
                context,
                offer,
            }) => {
                let dialled = Dialled {
                    leg,
                    callee,
                    caller,
                    context,
                    offer,
                };
                match self.platform.dialler.call(&dialled) {
                    Ok(phone) => {
                        phone.deliver_to(&self.mailbox);
                        self.phones.push(phone);
                    }
                    Err(NoWay { reason, words }) => {
                        self.note_not_reached(reason, words);
                        answers.push_back(Answer::Signal(leg, Signal::NotReached(reason)));
                    }
                }
            }
            Output::Signal(SignalRequest::Refer {
                leg,
                target,
                context,
            }) => {
                let platform = Arc::clone(&self.platform);
                let phone = self.phone(leg);
                if !phone.is_some_and(|phone| platform.dialler.refer(phone, &target, &context)) {
                    answers.push_back(Answer::Signal(leg, Signal::ReferRefused));
                }
            }
            Output::Signal(request) => {
                if let Some(phone) = self.phone(request.leg()) {
                    phone.perform(request);
                    self.phones.retain(|phone| !phone.is_over());
                }
            }
            Output::Media(request) => {
                if let MediaRequest::Record { leg, .. } = &request {
                    let caller = self.other_party(*leg);
                    self.audio.answers(*leg, caller);
                }
                answers.extend(self.audio.perform(request).map(Answer::Media));
            }
            Output::Event(event) => {
                if event.fact == Fact::TransferAccepted {
                    self.audio.end_tape(event.leg, EndReason::CallTransferred);
                }
                if let Some(talk) = self.talks.get_mut(&event.leg) {
                    talk.handle_fact(&event.fact, clock::now());
                }
                if let Some(bot) = self.owed.tell(event.leg, event.number) {
                    let view = match event.fact {
                        Fact::Establishing => self.call.leg(event.leg),
                        _ => None,
                    };
                    let called = view.map(|view| view.targets).unwrap_or_default();
                    self.platform.tell(self.call.id(), bot, event, &called);
                }
            }
            Output::HandOver { leg, to, purpose } => {
                answers.push_back(Answer::HandOver(leg, to, purpose));
            }
            Output::Fetch { from, to, purpose } => {
                answers.push_back(Answer::Fetch(from, to, purpose));
            }
            Output::LegBegins { leg, bot, context } => {
                let calls_max = self.platform.registry.calls_max(bot);
                let call = self.call.id();
                match self.platform.switchboard.seat(call, leg, bot, calls_max) {
                    Ok(()) => {
                        self.share_meeting(leg);
                        self.begin(leg, bot, None);
                        self.platform.channel.told(leg, context.headers);
                    }
                    Err(_) => answers.push_back(Answer::Undeliverable(leg)),
                }
            }
            Output::LegEnded { leg } => self.end(leg),
            Output::Over {
                ending,
                was_established,
            } => {
                self.over = true;
                // Whoever comes from now on finds no call rather than a mailbox nobody reads.
                self.platform.switchboard.disconnect(self.call.id());
                let is_noted = self.is_noted && matches!(ending, Ending::NotReached(_));
                if let Some((leg, bot)) = self.first_bot.filter(|_| !was_established && !is_noted) {
                    self.platform.note_refusal(self.call.id(), bot, leg, ending);
                }
                metrics::counter!("offhook_calls_ended_total", "ending" => ending_label(ending))
                    .increment(1);
            }
        }
    }
}

/// What came of something the call asked, known at once, or what is to be asked of it in turn when it
/// has nothing more to say.
enum Answer {
    Media(MediaEvent),
    Signal(LegId, Signal),
    HandOver(LegId, LegId, Purpose),
    Fetch(LegId, LegId, Purpose),
    /// There is no room for this bot's leg, so it cannot be told of the call.
    Undeliverable(LegId),
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
