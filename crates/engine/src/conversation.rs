//! A bot that converses: what it says is spoken in order, what the caller says is told to it.
//!
//! Such a bot knows nothing of playing, recording or operations. It sends messages and is sent
//! messages; this is what stands between the two and a [`Call`](crate::Call). It is handed what the
//! bot's leg was told and what the bot said, and hands back commands for the leg and words for the bot.
//!
//! ```text
//!   Fact ───────▶ ┌──────────────┐ ──▶ Wish::Command ──▶ Call
//!   Heard ──────▶ │ Conversation │
//!   Said ───────▶ └──────────────┘ ──▶ Wish::Tell ─────▶ bot
//!                    one queue of what is to be said
//! ```
//!
//! The message that is being spoken decides what may interrupt it; between messages everything is
//! heard. An interruption stops what is spoken and drops what waits behind it. A hang-up and a hand-off
//! wait for what was said before them; while a hand-off is under way nothing is spoken or heard. What a
//! bot commands of the recording of its call waits for nothing that is said (`tape.rs`).

mod tape;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use offhook_terms::{LegId, OperationId, Private};

use crate::limits;
use crate::{
    AtOnce, Command, Ending, Fact, Hosting, Invitee, NotReached, Outcome, Party, Prompt,
    RejectReason, SipContext, Speech,
};

pub use tape::{TapeChannels, TapeCommand, TapeOrder, TapeRefusal, TapeVerb};

use tape::{Judged, Tape};

/// What does not change while a conversation lasts.
#[derive(Debug, Clone)]
pub struct TalkRules {
    /// What the caller hears when the bot fails.
    pub apology: Speech,
    /// The language the caller is expected to speak, a BCP 47 tag.
    pub locale: String,
    /// Tell the bot when a message was heard or interrupted.
    pub receipts: bool,
    /// Tell the bot when nothing was said for so long after a message, unless the message says otherwise.
    pub no_input: Option<Duration>,
    /// Somebody can make words of what the caller says.
    pub hears_speech: bool,
    /// How a caller is handed off.
    pub handoff: HandoffRules,
}

/// How a caller is handed off to somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandoffRules {
    /// How long the target rings.
    pub ring_for: Duration,
    /// Ring again, and again, when nobody answers.
    pub redials: bool,
    /// Tell the bot of success before the end of the conversation.
    pub tells_success: bool,
}

/// The bot wants its caller to go on with somebody else.
#[derive(Debug, Clone)]
pub struct Handoff {
    /// The id of its activity, for the status.
    pub activity: String,
    /// Who is to have the caller.
    pub target: Party,
    /// What they are told of the call.
    pub context: SipContext,
}

/// How a hand-off went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HandoffState {
    /// The target has the caller.
    Accepted,
    /// The caller is back with the bot.
    Failed(NotReached),
}

/// What may interrupt a message while it is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Hint {
    /// Speech and keys.
    #[default]
    Accepting,
    /// Nothing: what the caller says or presses meanwhile is lost.
    Ignoring,
    /// Speech; keys are lost.
    IgnoringKeys,
    /// Keys; speech is lost.
    IgnoringSpeech,
}

/// What the caller does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    Speech,
    Key,
}

impl Hint {
    fn admits(self, input: Input) -> bool {
        match self {
            Self::Accepting => true,
            Self::Ignoring => false,
            Self::IgnoringKeys => input == Input::Speech,
            Self::IgnoringSpeech => input == Input::Key,
        }
    }
}

/// Whether the keys pressed so far are what a bot waits for.
#[derive(Clone)]
pub struct KeyPattern(Arc<dyn Fn(&str) -> bool + Send + Sync>);

impl KeyPattern {
    /// A pattern that is matched by what `matches` says.
    pub fn new(matches: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(matches))
    }

    fn matches(&self, keys: &str) -> bool {
        (self.0)(keys)
    }
}

impl fmt::Debug for KeyPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyPattern")
    }
}

/// A message of the bot.
#[derive(Debug, Clone)]
pub struct Said {
    /// Its id, made by the edge.
    pub id: String,
    /// What is to be spoken, if anything is.
    pub speech: Option<Speech>,
    /// What may interrupt it.
    pub hint: Hint,
    /// Tell the bot when nothing was said for so long after it; the rule of the conversation without.
    pub no_input: Option<Duration>,
    /// Gather keys until they are this.
    pub pattern: Option<KeyPattern>,
    /// What the caller will probably say.
    pub phrases: Vec<String>,
    /// The language the caller is expected to answer in, if it changes.
    pub locale: Option<String>,
}

/// Why a message that was to be changed or taken back was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotQueued;

/// Words that were made of what the caller said.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// Which beginning of speech they belong to.
    pub utterance: u64,
    /// The words.
    pub text: Private<String>,
    /// The language.
    pub locale: String,
    /// How sure the recogniser is, from 0 to 1, if it says so.
    pub confidence: Option<f32>,
    /// How long the caller spoke.
    pub duration: Duration,
}

/// How a conversation ended, in the words of the Activity protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndCode {
    /// As the bot wished, or the caller was transferred.
    CompletedSuccessfully,
    /// The caller hung up, or would not come.
    UserCancelled,
    /// The bot was not there.
    BotTimedOut,
    /// Signalling or audio failed.
    ChannelFailed,
}

/// What the bot is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// There is a caller.
    Started,
    /// The caller said something.
    Words(Heard),
    /// The caller pressed a key, or the keys the bot waited for.
    Keys(Private<String>),
    /// The caller did nothing for so long after a message.
    NoInput {
        /// Which message.
        message: String,
        /// How long.
        waited: Duration,
    },
    /// A message was heard to its end.
    Played {
        /// Which.
        message: String,
    },
    /// A message was interrupted.
    Interrupted {
        /// Which.
        message: String,
    },
    /// What came of a command about the recording of the call.
    Commanded {
        /// The command.
        command: TapeCommand,
        /// Why it was not carried out.
        refusal: Option<TapeRefusal>,
    },
    /// How a hand-off went.
    Handoff {
        /// The id of the activity that asked for it.
        activity: String,
        /// How.
        state: HandoffState,
    },
    /// The conversation is over. The last thing the bot is told.
    Ended {
        /// How.
        code: EndCode,
        /// Why the call ended.
        why: Ending,
    },
}

/// What a conversation wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Wish {
    /// Ask this of the bot's leg.
    Command(Command),
    /// Tell the bot.
    Tell(Told),
    /// Listen to the caller from now on, or otherwise than until now.
    Listen {
        /// In this language.
        locale: String,
        /// What will probably be said.
        phrases: Vec<String>,
    },
    /// Listen no more.
    Deafen,
    /// Do something with the recording of the call, and answer the order.
    Tape(TapeOrder),
}

/// One bot's conversation with one caller.
#[derive(Debug)]
pub struct Conversation {
    leg: LegId,
    rules: TalkRules,
    stage: Stage,
    /// What is to be said, in order, and perhaps a hang-up behind it.
    lines: VecDeque<Line>,
    speaking: Option<Speaking>,
    /// What was said last, for whoever waits for an answer to it.
    last: Option<Asked>,
    pattern: Option<KeyPattern>,
    keys: String,
    tape: Tape,
    /// The hand-off that is under way.
    leaving: Option<Handoff>,
    /// Beginnings of speech that may be told, if words come of them.
    utterances: VecDeque<u64>,
    listens: Option<(String, Vec<String>)>,
    /// Operations are numbered from here; nobody but this leg's call sees the ids.
    operations: u128,
    failed_turns: usize,
    /// The bot knows that there is a caller.
    knows: bool,
    /// The end is the bot's own wish, and it need not be told of it.
    is_wish: bool,
    /// The bot does not answer any more.
    is_lost: bool,
    timers: Timers,
    wishes: VecDeque<Wish>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing was told yet.
    New,
    /// The caller rings.
    Ringing,
    /// The call is being set up.
    Connecting,
    /// The caller is there; nothing is spoken before the phone listens.
    Opening,
    Talking,
    /// The hang-up is under way.
    Leaving,
    Over,
}

#[derive(Debug)]
enum Line {
    Say(Said),
    HandOff(Handoff),
    HangUp,
}

#[derive(Debug)]
struct Speaking {
    operation: OperationId,
    said: Said,
}

#[derive(Debug)]
struct Asked {
    message: String,
    no_input: Option<Duration>,
}

#[derive(Debug, Default)]
struct Timers {
    answer: Option<Instant>,
    greet: Option<Instant>,
    drain: Option<Instant>,
    no_input: Option<Instant>,
    next_key: Option<Instant>,
    keep_alive: Option<Instant>,
}

impl Timers {
    fn all(&mut self) -> [&mut Option<Instant>; 6] {
        [
            &mut self.answer,
            &mut self.greet,
            &mut self.drain,
            &mut self.no_input,
            &mut self.next_key,
            &mut self.keep_alive,
        ]
    }
}

impl Conversation {
    /// The conversation of a bot's leg, before the leg was told anything.
    pub fn new(leg: LegId, rules: TalkRules) -> Self {
        Self {
            leg,
            rules,
            stage: Stage::New,
            lines: VecDeque::new(),
            speaking: None,
            last: None,
            pattern: None,
            keys: String::new(),
            tape: Tape::default(),
            leaving: None,
            utterances: VecDeque::new(),
            listens: None,
            operations: 0,
            failed_turns: 0,
            knows: false,
            is_wish: false,
            is_lost: false,
            timers: Timers::default(),
            wishes: VecDeque::new(),
        }
    }

    /// What is to be done next.
    pub fn poll(&mut self) -> Option<Wish> {
        self.wishes.pop_front()
    }

    /// When [`handle_time`](Self::handle_time) is wanted.
    pub fn next_deadline(&self) -> Option<Instant> {
        let timers = &self.timers;
        let all = [
            timers.answer,
            timers.greet,
            timers.drain,
            timers.no_input,
            timers.next_key,
            timers.keep_alive,
        ];
        all.into_iter().flatten().min()
    }

    /// The leg was told something.
    pub fn handle_fact(&mut self, fact: &Fact, now: Instant) {
        match fact {
            Fact::Incoming { .. } => {
                self.stage = Stage::Ringing;
                self.timers.answer = Some(now + limits::BOT_GREETS_WITHIN);
                self.start();
            }
            Fact::Establishing => self.connecting(),
            Fact::Established if self.stage == Stage::Connecting => {
                self.stage = Stage::Opening;
                // Whoever was called is there from now on.
                self.start();
                let operation = self.operation();
                self.at_once(operation, AtOnce::SubscribeToTones);
                self.timers.keep_alive = Some(now + limits::TALK_KEEPS_ALIVE_EVERY);
                while let Some(judged) = self.tape.next_early() {
                    self.judged(judged);
                }
            }
            Fact::TransferAccepted => self.on_handed_off(),
            Fact::TransferFailed { why, .. } => self.on_hand_off_failed(*why, now),
            Fact::AudioFlows if self.stage == Stage::Opening && self.timers.greet.is_none() => {
                self.timers.greet = Some(now + limits::GREETING_AFTER);
            }
            Fact::ToneHeard { tone, .. } => self.on_key(tone.symbol(), now),
            Fact::OperationEnded {
                operation, outcome, ..
            } => self.on_operation_ended(*operation, outcome, now),
            Fact::Terminated(ending) => self.on_terminated(*ending),
            _ => {}
        }
    }

    /// The bot says something. Refused when more waits than is held.
    ///
    /// # Errors
    /// When there is no room.
    pub fn handle_said(&mut self, said: Said, now: Instant) -> Result<(), NotQueued> {
        if self.lines.len() >= limits::MESSAGES_MAX {
            return Err(NotQueued);
        }
        self.bot_acts();
        if !self.is_closing() {
            self.lines.push_back(Line::Say(said));
            self.go_on(now);
        }
        Ok(())
    }

    /// The bot wants its caller to go on with somebody else, after what was said before. Refused when
    /// more waits than is held.
    ///
    /// # Errors
    /// When there is no room.
    pub fn handle_handoff(&mut self, handoff: Handoff, now: Instant) -> Result<(), NotQueued> {
        if self.lines.len() >= limits::MESSAGES_MAX {
            return Err(NotQueued);
        }
        self.bot_acts();
        if !self.is_closing() {
            self.lines.push_back(Line::HandOff(handoff));
            self.go_on(now);
        }
        Ok(())
    }

    /// The call refused to hand the caller off.
    pub fn handle_not_handed_off(&mut self, now: Instant) {
        self.on_hand_off_failed(NotReached::Refused, now);
    }

    /// The bot commands something of the recording of its call.
    pub fn handle_tape_command(&mut self, command: TapeCommand) {
        self.bot_acts();
        if matches!(self.stage, Stage::Leaving | Stage::Over) {
            let refusal = Some(TapeRefusal::CallEnded);
            return self.tell(Told::Commanded { command, refusal });
        }
        let is_open = matches!(self.stage, Stage::Opening | Stage::Talking);
        let judged = self.tape.command(command, is_open);
        self.judged(judged);
    }

    /// An order about the recording was carried out, or could not be.
    pub fn handle_taped(&mut self, ticket: u64, is_done: bool) {
        if let Some((command, refusal)) = self.tape.answered(ticket, is_done) {
            self.tell(Told::Commanded { command, refusal });
        }
    }

    /// The recording cannot be written any more, and has ended.
    pub fn handle_tape_broken(&mut self) {
        self.tape.broken();
    }

    fn judged(&mut self, judged: Judged) {
        match judged {
            Judged::Do(order) => self.wishes.push_back(Wish::Tape(order)),
            Judged::Refused(command, why) => {
                let refusal = Some(why);
                self.tell(Told::Commanded { command, refusal });
            }
            Judged::Waits => {}
        }
    }

    /// The bot wants the call to end: after what was said before, or at once.
    pub fn handle_end(&mut self, at_once: bool, now: Instant) {
        if self.is_closing() {
            return;
        }
        self.is_wish = true;
        match self.stage {
            Stage::New | Stage::Ringing if self.lines.is_empty() => {
                self.stage = Stage::Leaving;
                self.timers.answer = None;
                self.command(Command::Reject(RejectReason::None));
            }
            _ if at_once => self.hang_up(),
            _ => {
                self.bot_acts();
                self.lines.push_back(Line::HangUp);
                self.timers.drain = Some(now + limits::DRAIN_WITHIN);
                self.go_on(now);
            }
        }
    }

    /// The bot takes back a message that is not being spoken yet.
    ///
    /// # Errors
    /// When it is being spoken, was spoken or never was.
    pub fn handle_taken_back(&mut self, message: &str) -> Result<(), NotQueued> {
        let at = self.queued(message).ok_or(NotQueued)?;
        self.lines.remove(at);
        Ok(())
    }

    /// The bot says something else than it wanted to say.
    ///
    /// # Errors
    /// When that is being spoken, was spoken or never was.
    pub fn handle_changed(&mut self, said: Said) -> Result<(), NotQueued> {
        let at = self.queued(&said.id).ok_or(NotQueued)?;
        self.lines[at] = Line::Say(said);
        Ok(())
    }

    /// The bot did something that says nothing and ends nothing.
    pub fn handle_sign_of_life(&mut self) {
        self.bot_acts();
    }

    /// The bot has done with what it was told.
    pub fn handle_turn_done(&mut self) {
        self.failed_turns = 0;
        self.bot_acts();
    }

    /// The bot failed at what it was told.
    pub fn handle_turn_failed(&mut self, now: Instant) {
        self.failed_turns += 1;
        if self.failed_turns >= limits::FAILED_TURNS_MAX {
            return self.handle_unreachable(now);
        }
        if !self.is_closing() {
            self.bot_acts();
            self.lines.push_back(self.apology());
            self.go_on(now);
        }
    }

    /// The bot cannot be told any more: the caller hears an apology, and that is the end.
    pub fn handle_unreachable(&mut self, now: Instant) {
        if self.is_lost || matches!(self.stage, Stage::Leaving | Stage::Over) {
            return;
        }
        self.is_lost = true;
        self.stop_speaking();
        self.lines.clear();
        self.lines.push_back(self.apology());
        self.lines.push_back(Line::HangUp);
        self.timers.drain = Some(now + limits::DRAIN_WITHIN);
        self.bot_acts();
        self.go_on(now);
    }

    /// The caller begins to speak; beginnings are numbered by whoever listens.
    pub fn handle_speech_began(&mut self, utterance: u64, now: Instant) {
        if !self.takes(Input::Speech, now) {
            return;
        }
        if self.utterances.len() >= limits::UTTERANCES_OPEN_MAX {
            self.utterances.pop_front();
        }
        self.utterances.push_back(utterance);
    }

    /// Words were made of what the caller said. What was said when it was not wanted is not told, nor
    /// is a noise that no words came of.
    pub fn handle_heard(&mut self, heard: Heard, now: Instant) {
        let at = self.utterances.iter().position(|of| *of == heard.utterance);
        let Some(at) = at else { return };
        // Of those before it nothing came.
        self.utterances.drain(..=at);
        if heard.text.reveal().trim().is_empty() {
            return self.wait_for_input(now);
        }
        if !self.is_closing() {
            self.tell(Told::Words(heard));
        }
    }

    /// No words came of what the caller said.
    pub fn handle_not_understood(&mut self, utterance: u64, now: Instant) {
        let at = self.utterances.iter().position(|of| *of == utterance);
        if let Some(at) = at {
            self.utterances.drain(..=at);
            self.wait_for_input(now);
        }
    }

    /// The time has come that [`next_deadline`](Self::next_deadline) named, or more.
    pub fn handle_time(&mut self, now: Instant) {
        let is_due = |timer: &mut Option<Instant>| timer.take_if(|at| *at <= now).is_some();
        if is_due(&mut self.timers.answer) {
            self.answer();
        }
        if is_due(&mut self.timers.greet) {
            self.stage = Stage::Talking;
            self.listen();
            self.go_on(now);
        }
        if is_due(&mut self.timers.next_key) {
            self.tell_keys();
        }
        if is_due(&mut self.timers.no_input) {
            self.on_no_input();
        }
        if is_due(&mut self.timers.drain) {
            self.stop_speaking();
            self.hang_up();
        }
        if is_due(&mut self.timers.keep_alive) {
            self.timers.keep_alive = Some(now + limits::TALK_KEEPS_ALIVE_EVERY);
            self.command(Command::KeepAlive);
        }
    }

    fn start(&mut self) {
        if !std::mem::replace(&mut self.knows, true) {
            self.tell(Told::Started);
        }
    }

    /// Whatever the bot does shows that it has heard of the caller, who need not ring any longer.
    fn bot_acts(&mut self) {
        if self.timers.answer.take().is_some() {
            self.answer();
        }
    }

    fn answer(&mut self) {
        if self.stage == Stage::Ringing {
            self.connecting();
            let hosting = Hosting::Service;
            self.command(Command::Answer { hosting });
        }
    }

    fn connecting(&mut self) {
        if matches!(self.stage, Stage::New | Stage::Ringing) {
            self.stage = Stage::Connecting;
        }
    }

    fn on_key(&mut self, key: char, now: Instant) {
        if !self.takes(Input::Key, now) {
            return;
        }
        self.keys.push(key);
        let waits = match &self.pattern {
            Some(pattern) => !pattern.matches(&self.keys),
            None => false,
        };
        if waits && self.keys.chars().count() < limits::KEYS_GATHERED_MAX {
            self.timers.next_key = Some(now + limits::NEXT_KEY_WITHIN);
        } else {
            self.tell_keys();
        }
    }

    fn tell_keys(&mut self) {
        self.timers.next_key = None;
        if !self.keys.is_empty() {
            let keys = Private::new(std::mem::take(&mut self.keys));
            self.tell(Told::Keys(keys));
        }
    }

    fn on_no_input(&mut self) {
        if let Some(Asked {
            message,
            no_input: Some(waited),
        }) = self.last.take()
        {
            self.tell(Told::NoInput { message, waited });
        }
    }

    /// The caller does something: whether it is for the bot. It interrupts what is spoken, as far as
    /// that may be interrupted; a hang-up that waited for it comes at once.
    fn takes(&mut self, input: Input, now: Instant) -> bool {
        let is_over = self.is_lost || matches!(self.stage, Stage::Leaving | Stage::Over);
        if is_over || self.leaving.is_some() || !self.admits(input) {
            return false;
        }
        self.interrupt();
        if self.is_closing() {
            self.go_on(now);
            return false;
        }
        self.timers.no_input = None;
        // A hand-off that waited comes at once.
        self.go_on(now);
        true
    }

    /// The caller interrupts: what is spoken stops, and what waits behind it is not spoken. What was
    /// never begun is not interrupted: the greeting is still spoken to a caller who presses keys first.
    fn interrupt(&mut self) {
        if self.speaking.is_none() {
            return;
        }
        self.stop_speaking();
        self.lines.retain(|line| !matches!(line, Line::Say(_)));
    }

    fn stop_speaking(&mut self) {
        let Some(Speaking { said, .. }) = self.speaking.take() else {
            return;
        };
        let operation = self.operation();
        self.at_once(operation, AtOnce::CancelMedia);
        if self.rules.receipts {
            self.tell(Told::Interrupted { message: said.id });
        }
    }

    fn on_operation_ended(&mut self, operation: OperationId, outcome: &Outcome, now: Instant) {
        let Some(speaking) = self.speaking.take_if(|of| of.operation == operation) else {
            return;
        };
        let message = speaking.said.id;
        let told = match outcome {
            Outcome::Played => Told::Played {
                message: message.clone(),
            },
            _ => Told::Interrupted {
                message: message.clone(),
            },
        };
        if self.rules.receipts {
            self.tell(told);
        }
        self.last = Some(Asked {
            message,
            no_input: speaking.said.no_input.or(self.rules.no_input),
        });
        self.go_on(now);
        self.wait_for_input(now);
    }

    /// It is the caller's turn, if nothing more is to be said.
    fn wait_for_input(&mut self, now: Instant) {
        let is_quiet = self.speaking.is_none() && self.lines.is_empty();
        if is_quiet && let Some(wait) = self.last.as_ref().and_then(|last| last.no_input) {
            self.timers.no_input = Some(now + wait);
        }
    }

    /// Does what comes next, if nothing is under way.
    fn go_on(&mut self, now: Instant) {
        while self.stage == Stage::Talking && self.speaking.is_none() && self.leaving.is_none() {
            match self.lines.pop_front() {
                None => return,
                Some(Line::HandOff(handoff)) => self.hand_off(handoff),
                Some(Line::HangUp) => return self.hang_up(),
                Some(Line::Say(said)) => self.say(said, now),
            }
        }
    }

    fn say(&mut self, said: Said, now: Instant) {
        // What the caller is to answer from now on is this.
        self.timers.no_input = None;
        self.tell_keys();
        self.pattern.clone_from(&said.pattern);
        self.last = None;
        if let Some(locale) = &said.locale {
            self.rules.locale.clone_from(locale);
        }
        self.listen_for(said.phrases.clone());
        let Some(speech) = said.speech.clone() else {
            self.last = Some(Asked {
                message: said.id,
                no_input: said.no_input.or(self.rules.no_input),
            });
            return self.wait_for_input(now);
        };
        let operation = self.operation();
        self.command(Command::Play {
            operation,
            prompts: vec![Prompt::Speech(speech)],
            for_ever: false,
            context: None,
        });
        self.speaking = Some(Speaking { operation, said });
    }

    fn hand_off(&mut self, handoff: Handoff) {
        self.timers.no_input = None;
        self.tell_keys();
        self.last = None;
        self.redial(handoff);
    }

    fn redial(&mut self, handoff: Handoff) {
        self.operations += 1;
        let leg = LegId::from_bits(self.leg.bits().wrapping_add(self.operations));
        self.command(Command::Transfer {
            transferee: None,
            target: Invitee {
                context: handoff.context.clone(),
                ..Invitee::new(leg, handoff.target.clone())
            },
            ring_for: self.rules.handoff.ring_for,
        });
        self.leaving = Some(handoff);
    }

    fn on_handed_off(&mut self) {
        let Some(handoff) = self.leaving.take() else {
            return;
        };
        // What waits to be said is for nobody.
        self.lines.clear();
        if self.rules.handoff.tells_success {
            self.tell(Told::Handoff {
                activity: handoff.activity,
                state: HandoffState::Accepted,
            });
        }
    }

    fn on_hand_off_failed(&mut self, why: NotReached, now: Instant) {
        let Some(handoff) = self.leaving.take() else {
            return;
        };
        if why == NotReached::NoAnswer && self.rules.handoff.redials && !self.is_closing() {
            return self.redial(handoff);
        }
        self.tell(Told::Handoff {
            activity: handoff.activity,
            state: HandoffState::Failed(why),
        });
        self.go_on(now);
    }

    fn listen(&mut self) {
        self.listen_for(Vec::new());
    }

    fn listen_for(&mut self, phrases: Vec<String>) {
        if !self.rules.hears_speech || self.is_lost {
            return;
        }
        let wanted = (self.rules.locale.clone(), phrases);
        if self.listens.as_ref() != Some(&wanted) {
            self.listens = Some(wanted.clone());
            let (locale, phrases) = wanted;
            self.wishes.push_back(Wish::Listen { locale, phrases });
        }
    }

    fn hang_up(&mut self) {
        self.stage = Stage::Leaving;
        self.timers = Timers::default();
        self.lines.clear();
        self.command(Command::HangUp);
    }

    fn on_terminated(&mut self, why: Ending) {
        if self.stage == Stage::Over {
            return;
        }
        self.stage = Stage::Over;
        self.speaking = None;
        self.lines.clear();
        for timer in self.timers.all() {
            *timer = None;
        }
        if self.listens.take().is_some() {
            self.wishes.push_back(Wish::Deafen);
        }
        self.tell_keys();
        let unanswered: Vec<TapeCommand> = self.tape.over().collect();
        for command in unanswered {
            let refusal = Some(TapeRefusal::CallEnded);
            self.tell(Told::Commanded { command, refusal });
        }
        let code = match why {
            _ if self.is_lost => EndCode::BotTimedOut,
            Ending::CallerHungUp | Ending::CallerGaveUp | Ending::NotReached(_) => {
                EndCode::UserCancelled
            }
            Ending::BotHungUp | Ending::BotRejected(_) if self.is_wish => return,
            Ending::BotHungUp
            | Ending::BotRejected(_)
            | Ending::Transferred
            | Ending::Redirected
            | Ending::Removed
            | Ending::OthersLeft => EndCode::CompletedSuccessfully,
            Ending::BotDidNotDecide | Ending::BotUnreachable | Ending::KeepAliveMissed => {
                EndCode::BotTimedOut
            }
            Ending::NotAcknowledged
            | Ending::SignallingLost
            | Ending::AudioLost
            | Ending::OfferRefused
            | Ending::PlatformStopping
            | Ending::Fault => EndCode::ChannelFailed,
        };
        self.tell(Told::Ended { code, why });
    }

    fn apology(&self) -> Line {
        Line::Say(Said {
            id: String::new(),
            speech: Some(self.rules.apology.clone()),
            hint: Hint::Ignoring,
            no_input: None,
            pattern: None,
            phrases: Vec::new(),
            locale: None,
        })
    }

    /// Nothing the caller does now is for the bot any more.
    fn is_closing(&self) -> bool {
        let hangs_up = matches!(self.lines.back(), Some(Line::HangUp));
        hangs_up || self.is_lost || matches!(self.stage, Stage::Leaving | Stage::Over)
    }

    fn admits(&self, input: Input) -> bool {
        let speaking = self.speaking.as_ref();
        speaking.is_none_or(|speaking| speaking.said.hint.admits(input))
    }

    fn queued(&self, message: &str) -> Option<usize> {
        let mut lines = self.lines.iter();
        lines.position(|line| matches!(line, Line::Say(said) if said.id == message))
    }

    fn operation(&mut self) -> OperationId {
        self.operations += 1;
        OperationId::from_bits(self.leg.bits().wrapping_add(self.operations))
    }

    fn at_once(&mut self, operation: OperationId, what: AtOnce) {
        self.command(Command::AtOnce {
            operation,
            what,
            context: None,
        });
    }

    fn command(&mut self, command: Command) {
        self.wishes.push_back(Wish::Command(command));
    }

    fn tell(&mut self, told: Told) {
        self.wishes.push_back(Wish::Tell(told));
    }
}

#[cfg(test)]
mod tests;
