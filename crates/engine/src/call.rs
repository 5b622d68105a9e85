//! One call: its legs and the operations a bot has asked for.
//!
//! ```text
//!                     offer refused · caller gave up
//!   arrived ─▶ (opening) ──────────────────────────────────────────────┐
//!                  │ opened                                            │
//!                  ▼          rejected · undecided · gave up           ▼
//!              incoming ─────────────────────────────────────────▶ terminated ─▶ over
//!                  │ answered                                          ▲
//!                  ▼                                                   │
//!            establishing ── gave up · unacknowledged ─────────────────┤
//!                  │ confirmed                                         │
//!                  ▼          phone hung up · lost · keepAlive missed  │
//!             established ─────────────────────────────────────────────┤
//!                  │ bot hangs up                                      │
//!                  └───────────▶ terminating ──────────────────────────┘
//! ```
//!
//! The words along the bottom are what the bot is told. While the phone's offer is being opened
//! the bot knows nothing, and a call that ends then is none of its business.
//!
//! | file | what it decides |
//! |---|---|
//! | `answer.rs` | from the phone's offer to a conversation, or to a refusal |
//! | `operations.rs` | what is played and recorded, in which order |
//! | `hold.rs` | new offers on a running call; when audio flows |
//! | `tones.rs` | which key presses the bot is told of |
//! | `handover.rs` | a phone's leg goes to another call, or comes from one |
//! | `end.rs` | the one way a call ends |

mod answer;
mod end;
mod handover;
mod hold;
mod operations;
#[cfg(test)]
mod tests;
mod tones;

use std::collections::VecDeque;
use std::time::Instant;

use offhook_terms::{AppId, CallId, LegId, OperationId};

use crate::bot::Bot;
use crate::phone::Phone;
use crate::queue::Queue;
use crate::timer::Timers;
use crate::{
    Accepted, Arrival, CallDirection, Command, Ending, Event, Fact, Hosting, LegState, LegView,
    MediaEvent, MediaRequest, OperationView, Purpose, Refusal, Signal, SignalRequest, Timer,
    limits,
};

/// One thing to do, in the order it must be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Ask a phone's signalling.
    Signal(SignalRequest),
    /// Ask the call's audio.
    Media(MediaRequest),
    /// Tell a bot, and write it down.
    Event(Event),
    /// A phone's leg is to go to another call: [`Call::release`] it, move its signalling and its port,
    /// and let the other [`Call::adopt`] it, or hand it back with [`Call::take_back`].
    HandOver {
        /// Which phone.
        leg: LegId,
        /// A bot's leg in the other call.
        to: LegId,
        /// Why.
        purpose: Purpose,
    },
    /// The party of another call of this bot is to come here: ask that call with
    /// [`Command::GiveTo`]; what it refuses, tell with [`Call::handle_not_given`].
    Fetch {
        /// The bot's leg in the other call.
        from: LegId,
        /// The bot's leg in this call.
        to: LegId,
        /// Why.
        purpose: Purpose,
    },
    /// A bot is called into this call: from now on it has this leg, and it is owed an ending. Before
    /// its first event.
    LegBegins {
        /// The bot's leg.
        leg: LegId,
        /// Which bot.
        bot: AppId,
    },
    /// A bot's leg has ended and its last event has been told; the call goes on.
    LegEnded {
        /// The bot's leg.
        leg: LegId,
    },
    /// Nobody is left and nothing more will come. Always the last output of a call.
    Over {
        /// Why it ended.
        ending: Ending,
        /// It was answered and the phone knew; otherwise it came to nothing and leaves a refusal
        /// record.
        was_established: bool,
    },
}

/// One call.
///
/// Methods come in three kinds. `handle_*` take something that happened and the time it happened.
/// [`Call::poll`] gives the next thing to do, or `None`. The rest are getters. After each
/// `handle_*`, drain `poll` before handing in anything else.
///
/// What arrives late is not an error: edges run beside the call, so a prompt may end while it is
/// being cancelled and a phone may hang up on a call that is over. Such news changes nothing.
pub struct Call {
    id: CallId,
    bot: Bot,
    /// One when the call arrives; none between a release and an adoption; more after an adoption.
    phones: Vec<Phone>,
    operations: Queue,
    timers: Timers,
    outputs: VecDeque<Output>,
    is_over: bool,
    /// The latest time we were told.
    now: Instant,
}

impl Call {
    /// A phone calls a bot. The first output asks media to open the phone's offer; the bot is told
    /// once that has worked.
    pub fn arrived(arrival: Arrival, now: Instant) -> Self {
        let Arrival {
            call,
            caller_leg,
            caller,
            offer,
            bot_leg,
            bot,
        } = arrival;
        let phone = Phone::arriving(caller_leg, caller.clone(), offer.is_some());
        let open = MediaRequest::Open {
            leg: caller_leg,
            offer,
        };
        Self {
            id: call,
            bot: Bot::new(bot_leg, bot, caller, caller_leg),
            phones: vec![phone],
            operations: Queue::default(),
            timers: Timers::default(),
            outputs: VecDeque::from([Output::Media(open)]),
            is_over: false,
            now,
        }
    }

    /// Something happened on a phone's signalling.
    pub fn handle_signal(&mut self, leg: LegId, signal: Signal, now: Instant) {
        self.now = now;
        if self.phone(leg).is_none() {
            return;
        }
        match signal {
            Signal::Confirmed { answer } => self.on_confirmed(leg, answer),
            Signal::Cancelled => self.on_cancelled(leg),
            // Nobody is called yet.
            Signal::Ringing
            | Signal::Answered { .. }
            | Signal::NotReached(_)
            | Signal::ReferRefused
            | Signal::ReferDone
            | Signal::ReferFailed => {}
            Signal::HungUp => self.on_hung_up(leg),
            Signal::Reoffered { offer } => self.on_reoffered(leg, offer),
            Signal::Lost(loss) => self.on_signalling_lost(leg, loss),
            Signal::ToneHeard(tone) => self.on_tone_signalled(leg, tone),
        }
    }

    /// Something happened in the audio.
    pub fn handle_media(&mut self, event: MediaEvent, now: Instant) {
        self.now = now;
        match event {
            MediaEvent::Opened { leg, description } => self.on_opened(leg, description),
            MediaEvent::Refused { leg } => self.on_refused(leg),
            MediaEvent::Reopened {
                leg,
                description,
                held,
            } => self.on_reopened(leg, description, held),
            MediaEvent::ReopenRefused { leg } => self.on_reopen_refused(leg),
            MediaEvent::PeerLost { leg } => self.on_audio_lost(leg),
            MediaEvent::ToneHeard { leg, tone } => self.on_tone_in_audio(leg, tone),
            MediaEvent::Prepared { operation, index } => self.on_prepared(operation, index),
            MediaEvent::PrepareFailed { operation, why, .. } => {
                self.on_prepare_failed(operation, why);
            }
            MediaEvent::Played { operation } => self.on_played(operation),
            MediaEvent::PlayFailed { operation } => self.on_play_failed(operation),
            // Nobody presses keys yet.
            MediaEvent::TonesSent { .. } | MediaEvent::TonesFailed { .. } => {}
            MediaEvent::Recorded {
                operation,
                ending,
                duration,
            } => self.on_recorded(operation, ending, duration),
        }
    }

    /// A bot asks for something.
    ///
    /// | command | incoming | establishing | established | terminated |
    /// |---|---|---|---|---|
    /// | answer | yes | `AlreadyDecided` | `AlreadyDecided` | `Terminated` |
    /// | reject | yes | `WrongState` | `WrongState` | `Terminated` |
    /// | hang up | as reject | yes | yes | `Terminated` |
    /// | keep alive | yes | yes | yes | `Terminated` |
    /// | play, record | `NotEstablished` | `NotEstablished` | yes, while a phone is there | `Terminated` |
    ///
    /// A bot that was not told of the call yet has no leg: `NoSuchLeg`.
    pub fn handle_command(
        &mut self,
        leg: LegId,
        command: Command,
        now: Instant,
    ) -> Result<Accepted, Refusal> {
        self.now = now;
        let state = self.bot.state.filter(|_| leg == self.bot.leg);
        match state.ok_or(Refusal::NoSuchLeg)? {
            LegState::Terminated | LegState::Terminating => return Err(Refusal::Terminated),
            LegState::Incoming
            | LegState::Establishing
            | LegState::Established
            | LegState::Transferring
            | LegState::TransferAccepted => {}
        }
        match command {
            Command::Answer { .. } => self.answer(),
            Command::Reject(reason) => self.reject(reason),
            Command::HangUp => self.hang_up(),
            Command::KeepAlive => self.keep_alive(),
            Command::Play { .. } | Command::Record { .. } => self.operate(command),
            _ => Err(Refusal::WrongState),
        }
    }

    /// The bot could not be told of something and will not be: it refused, or retries ran out.
    ///
    /// A bot that cannot be told that somebody calls will not answer, so the caller need not wait.
    /// Later on the bot may well be alive and only its web server ill: it keeps its call for as
    /// long as it sends keepAlive.
    pub fn handle_undeliverable(&mut self, leg: LegId, now: Instant) {
        self.now = now;
        if leg == self.bot.leg && self.bot.state == Some(LegState::Incoming) {
            self.end(Ending::BotUnreachable);
        }
    }

    /// Time has passed; timers that are due fire.
    pub fn handle_time(&mut self, now: Instant) {
        self.now = now;
        while let Some(timer) = self.timers.next_due(now) {
            match timer {
                Timer::BotMustDecide => self.end(Ending::BotDidNotDecide),
                Timer::BotMustKeepAlive => self.end(Ending::KeepAliveMissed),
            }
        }
    }

    /// The platform goes down: end the call.
    pub fn handle_stop(&mut self, now: Instant) {
        self.now = now;
        self.end(Ending::PlatformStopping);
    }

    /// Something of ours broke and the call cannot go on: end it, and say that it was our fault.
    pub fn handle_fault(&mut self, now: Instant) {
        self.now = now;
        self.end(Ending::Fault);
    }

    /// When [`Call::handle_time`] must be called at the latest.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.timers.next_deadline()
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// What a bot may see of its leg. Nothing before it was told of it.
    pub fn leg(&self, leg: LegId) -> Option<LegView> {
        let state = self.bot.state.filter(|_| leg == self.bot.leg)?;
        Some(LegView {
            bot: self.bot.app,
            call: self.id,
            state,
            caller: self.bot.caller.clone(),
            caller_leg: self.bot.caller_leg,
            audio_flows: self.bot.audio_flows,
            number: self.bot.number,
            direction: CallDirection::Incoming,
            targets: Vec::new(),
            is_group: false,
            hosting: Hosting::Service,
        })
    }

    /// What a bot may see of an operation of its leg.
    pub fn operation(&self, leg: LegId, operation: OperationId) -> Option<OperationView> {
        self.leg(leg)?;
        self.operations.view(operation)
    }

    /// The operations of a bot's leg, oldest first: the outstanding and the last that ended.
    pub fn operations(&self, leg: LegId) -> Vec<OperationView> {
        match self.leg(leg) {
            Some(_) => self.operations.views(),
            None => Vec::new(),
        }
    }

    /// This call.
    pub fn id(&self) -> CallId {
        self.id
    }

    /// Nobody is left.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    fn keep_alive(&mut self) -> Result<Accepted, Refusal> {
        let wait = limits::KEEP_ALIVE_WITHIN;
        self.timers.start(Timer::BotMustKeepAlive, self.now, wait);
        Ok(Accepted)
    }

    fn phone(&mut self, leg: LegId) -> Option<&mut Phone> {
        self.phones.iter_mut().find(|phone| phone.leg == leg)
    }

    fn tell(&mut self, fact: Fact) {
        let event = self.bot.next_event(fact);
        self.outputs.push_back(Output::Event(event));
    }

    fn signal(&mut self, request: SignalRequest) {
        self.outputs.push_back(Output::Signal(request));
    }

    fn media(&mut self, request: MediaRequest) {
        self.outputs.push_back(Output::Media(request));
    }
}
