//! One call: its parties, and the operations its bots have asked for.
//!
//! A call is a conversation of bots and phones. What it looks like to one of its bots:
//!
//! ```text
//!                     offer refused · caller gave up
//!   arrived ─▶ (opening) ──────────────────────────────────────────────┐
//!                  │ opened                                            │
//!                  ▼          rejected · undecided · gave up           ▼
//!   rung ─────▶ incoming ────────── redirected ───────────────────▶ terminated ─▶ over, or the
//!                  │ answered                                          ▲          others go on
//!                  ▼                                                   │
//!   placed ─▶ establishing ── gave up · unacknowledged · nobody came ──┤
//!   joined ─▶      │ confirmed · somebody came                         │
//!                  ▼          phone hung up · lost · keepAlive missed  │
//!             established ─────────── others left · removed ───────────┤
//!              │   ▲  │ bot hangs up                                   │
//!              │   │  └────────▶ terminating ──────────────────────────┤
//!     transfers│   │failed                                             │
//!              ▼   │                                                   │
//!           transferring ────────▶ transferAccepted ───────────────────┘
//! ```
//!
//! The words are what the bot is told. While a caller's offer is being opened its bot knows nothing,
//! and a call that ends then is none of its business.
//!
//! A call of two has no roster and ends with either of them. A call of many has one, and ends for
//! whoever is left alone in it; a meeting goes on as long as anybody is there. Two phones whose bot
//! has redirected or transferred them go on without one.
//!
//! | file | what it decides |
//! |---|---|
//! | `answer.rs` | from a phone's offer to a conversation, or to a refusal |
//! | `place.rs` | a bot or a phone calls somebody |
//! | `ringing.rs` | who is rung, who comes, who does not |
//! | `redirect.rs` | an incoming call goes to somebody else |
//! | `invite.rs` | others are let in |
//! | `transfer.rs` | the other party is connected with somebody else |
//! | `handover.rs` | a phone's leg goes to another call, or comes from one |
//! | `meeting.rs` | phones and bots come by themselves |
//! | `roster.rs` | who is shown to be in a call of many |
//! | `hearing.rs` | who hears whom |
//! | `mute.rs`, `route.rs`, `music.rs` | what bots may change of that |
//! | `remove.rs` | a participant is dropped |
//! | `operations.rs` | what is played, recorded and pressed, in which order |
//! | `hold.rs` | new offers on a running call; when audio flows |
//! | `tones.rs` | which key presses bots are told of |
//! | `end.rs` | the one way a party leaves and a call ends |

mod answer;
mod end;
mod handover;
mod hearing;
mod hold;
mod invite;
mod meeting;
mod music;
mod mute;
mod operations;
mod place;
mod redirect;
mod remove;
mod ringing;
mod roster;
mod route;
#[cfg(test)]
mod tests;
mod tones;
mod transfer;

use std::collections::VecDeque;
use std::time::Instant;

use offhook_terms::{AppId, CallId, LegId, OperationId};

use self::handover::Away;
use self::music::Music;
use self::roster::Shown;
use crate::bot::Bot;
use crate::phone::{Phone, Then};
use crate::ring::Ring;
use crate::timer::{Timer, Timers};
use crate::{
    Accepted, Arrival, AtOnce, Command, Ending, Event, Fact, Hosting, LegState, LegView,
    MediaEvent, MediaRequest, OperationView, Party, Purpose, Refusal, Signal, SignalRequest,
    SipContext, limits,
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
    /// and let the other [`Call::adopt`] it. Then say so with [`Call::handle_taken`], or give the leg
    /// back with [`Call::take_back`]: one of the two follows every release, and until then this call
    /// is not over. When nothing is released the phone has left meanwhile, and whoever asked for it
    /// with [`Output::Fetch`] is told with [`Call::handle_not_given`].
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
    /// its first event. Not for a leg that the edge put in itself, with [`Call::arrived`],
    /// [`Call::placed`] or [`Call::join_bot`]. A bot that cannot be had is told of with
    /// [`Call::handle_undeliverable`].
    LegBegins {
        /// The bot's leg.
        leg: LegId,
        /// Which bot.
        bot: AppId,
        /// What it is told of the call, beside who calls.
        context: SipContext,
    },
    /// A bot's leg has ended and its last event has been told; the call goes on and knows the leg no
    /// more. Legs that end with the call are not told of: they end with [`Output::Over`].
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
/// Methods come in three kinds. `handle_*`, and those that put somebody in or out, take something that
/// happened and the time it happened. [`Call::poll`] gives the next thing to do, or `None`. The rest
/// are getters. After each of the first kind, drain `poll` before handing in anything else.
///
/// What arrives late is not an error: edges run beside the call, so a prompt may end while it is
/// being cancelled and a phone may hang up on a call that is over. Such news changes nothing.
pub struct Call {
    id: CallId,
    shape: Shape,
    bots: Vec<Bot>,
    phones: Vec<Phone>,
    rings: Vec<Ring>,
    /// How many rings there have been.
    rung: u64,
    /// How many pairs talk aside or have; see [`crate::voice::Voice::side`].
    sides: u32,
    /// Phones on their way to another call.
    away: Vec<Away>,
    music: Option<Music>,
    roster: Shown,
    timers: Timers,
    outputs: VecDeque<Output>,
    /// Somebody was answered and knew.
    was_established: bool,
    /// Nobody is left, and the last who left did so like this.
    ending: Option<Ending>,
    is_over: bool,
    /// The latest time we were told.
    now: Instant,
}

/// How many a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Two; it ends with either of them.
    Two,
    /// Many; it has a roster, and ends for whoever is left alone.
    Many,
    /// Many, who come by themselves; it ends with the last of them.
    Meeting,
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
        let mut this = Self::new(call, Shape::Two, now);
        let then = Then::Tell(bot_leg);
        this.bots
            .push(Bot::called(bot_leg, bot, caller.clone(), caller_leg));
        this.phones
            .push(Phone::arriving(caller_leg, caller, offer.is_some(), then));
        let leg = caller_leg;
        this.media(MediaRequest::Open { leg, offer });
        this
    }

    fn new(id: CallId, shape: Shape, now: Instant) -> Self {
        Self {
            id,
            shape,
            bots: Vec::new(),
            phones: Vec::new(),
            rings: Vec::new(),
            rung: 0,
            sides: 0,
            away: Vec::new(),
            music: None,
            roster: Shown::default(),
            timers: Timers::default(),
            outputs: VecDeque::new(),
            was_established: false,
            ending: None,
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
            Signal::Ringing => self.on_ringing(leg),
            Signal::Answered { answer } => self.on_answered(leg, answer),
            Signal::NotReached(why) => self.on_not_reached(leg, why),
            Signal::ReferRefused => self.on_refer_refused(leg),
            Signal::ReferDone => self.on_refer_done(leg),
            Signal::ReferFailed(why) => self.on_refer_failed(leg, why),
            Signal::HungUp => self.on_hung_up(leg),
            Signal::Reoffered { offer } => self.on_reoffered(leg, offer),
            Signal::Lost(loss) => self.on_signalling_lost(leg, loss),
            Signal::ToneHeard(tone) => self.on_tone_signalled(leg, tone),
        }
        self.settle();
    }

    /// Something happened in the audio.
    pub fn handle_media(&mut self, event: MediaEvent, now: Instant) {
        self.now = now;
        match event {
            MediaEvent::Opened { leg, description } => self.on_opened(leg, description),
            MediaEvent::Refused { leg, why } => self.on_refused(leg, why),
            MediaEvent::Reopened {
                leg,
                description,
                held,
            } => self.on_reopened(leg, description, held),
            MediaEvent::ReopenRefused { leg, why } => self.on_reopen_refused(leg, why),
            MediaEvent::PeerLost { leg } => self.on_audio_lost(leg),
            MediaEvent::ToneHeard { leg, tone } => self.on_tone_in_audio(leg, tone),
            MediaEvent::Prepared { operation, index } => self.on_prepared(operation, index),
            MediaEvent::PrepareFailed { operation, why, .. } => {
                self.on_prepare_failed(operation, why);
            }
            MediaEvent::Played { operation } => self.on_played(operation),
            MediaEvent::PlayFailed { operation } => self.on_play_failed(operation),
            MediaEvent::TonesSent { operation } => self.on_tones_sent(operation),
            MediaEvent::TonesFailed { operation } => self.on_tones_failed(operation),
            MediaEvent::Recorded {
                operation,
                ending,
                duration,
            } => self.on_recorded(operation, ending, duration),
        }
        self.settle();
    }

    /// A bot asks for something.
    ///
    /// | command | incoming | establishing | established | transferring |
    /// |---|---|---|---|---|
    /// | answer | yes | `AlreadyDecided` | `AlreadyDecided` | `AlreadyDecided` |
    /// | reject, redirect | yes | `WrongState` | `WrongState` | `WrongState` |
    /// | hang up | as reject | yes | yes | yes |
    /// | keep alive | yes | yes | yes | yes |
    /// | transfer | `NotEstablished` | `NotEstablished` | yes | `TransferConflict` |
    /// | anything else | `NotEstablished` | `NotEstablished` | yes | `WrongState` |
    ///
    /// A leg that has ended is `Terminated`. A bot that was not told of the call yet has no leg:
    /// `NoSuchLeg`. A bot that handles its audio itself plays, records, presses and hears nothing
    /// here: `AppHosted`. What concerns participants is for calls of many: `NotAGroup`.
    pub fn handle_command(
        &mut self,
        leg: LegId,
        command: Command,
        now: Instant,
    ) -> Result<Accepted, Refusal> {
        self.now = now;
        let state = self.bot(leg).and_then(|bot| bot.state);
        match state.ok_or(Refusal::NoSuchLeg)? {
            LegState::Terminated | LegState::Terminating => return Err(Refusal::Terminated),
            LegState::Incoming
            | LegState::Establishing
            | LegState::Established
            | LegState::Transferring
            | LegState::TransferAccepted => {}
        }
        let done = match command {
            Command::Answer { hosting } => self.answer(leg, hosting),
            Command::Reject(reason) => self.reject(leg, reason),
            Command::HangUp => self.hang_up(leg),
            Command::KeepAlive => self.keep_alive(leg),
            Command::Redirect {
                targets,
                ring_for,
                mask_caller,
                // Nobody is told who answers: a caller sees a connection and no name.
                mask_callee: _,
            } => self.redirect(leg, targets, ring_for, mask_caller),
            Command::Transfer {
                transferee,
                target,
                ring_for,
            } => self.transfer(leg, transferee, target, ring_for),
            Command::TransferTo {
                transferee,
                replaces,
            } => self.transfer_to(leg, transferee, replaces),
            Command::GiveTo { to, purpose } => self.give_to(leg, to, purpose),
            Command::Invite {
                operation,
                invitees,
                replaces,
                ring_for,
                context,
            } => self.invite(leg, operation, invitees, replaces, ring_for, context),
            Command::AtOnce {
                operation,
                what,
                context,
            } => self.do_at_once(leg, operation, what, context),
            Command::StartHoldMusic {
                operation,
                participant,
                prompt,
                context,
            } => self.start_hold_music(leg, operation, participant, prompt, context),
            Command::StopHoldMusic {
                operation,
                participant,
                context,
            } => self.stop_hold_music(leg, operation, participant, context),
            Command::AddLargeGalleryView { operation, context } => {
                self.add_large_gallery_view(leg, operation, context)
            }
            Command::Remove { participant } => self.remove(leg, participant),
            Command::Route(change) => self.route(leg, change),
            Command::ShareScreen { shares } => self.share_screen(leg, shares),
            Command::Play { .. } | Command::Record { .. } | Command::SendTones { .. } => {
                self.operate(leg, command)
            }
        };
        self.settle();
        done
    }

    /// A bot could not be told of something and will not be: it refused, or retries ran out.
    ///
    /// A bot that cannot be told that somebody calls will not answer, so the caller need not wait.
    /// Later on the bot may well be alive and only its web server ill: it keeps its call for as
    /// long as it sends keepAlive.
    pub fn handle_undeliverable(&mut self, leg: LegId, now: Instant) {
        self.now = now;
        if self.bot(leg).and_then(|bot| bot.state) == Some(LegState::Incoming) {
            self.does_not_take_it(leg, Ending::BotUnreachable);
        }
        self.settle();
    }

    /// Time has passed; timers that are due fire.
    pub fn handle_time(&mut self, now: Instant) {
        self.now = now;
        while let Some(timer) = self.timers.next_due(now) {
            match timer {
                Timer::BotMustDecide(leg) => self.does_not_take_it(leg, Ending::BotDidNotDecide),
                Timer::BotMustKeepAlive(leg) => self.leaves(leg, Ending::KeepAliveMissed),
                Timer::SomebodyMustCome(ring) => self.on_nobody_came_in_time(ring),
            }
        }
        self.settle();
    }

    /// The platform goes down: end the call.
    pub fn handle_stop(&mut self, now: Instant) {
        self.now = now;
        self.end(Ending::PlatformStopping);
        self.settle();
    }

    /// Something of ours broke and the call cannot go on: end it, and say that it was our fault.
    pub fn handle_fault(&mut self, now: Instant) {
        self.now = now;
        self.end(Ending::Fault);
        self.settle();
    }

    /// When [`Call::handle_time`] must be called at the latest.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.timers.next_deadline()
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// What a bot may see of its leg. Nothing before it was told of it, and nothing once its leg has
    /// ended and the call goes on.
    pub fn leg(&self, leg: LegId) -> Option<LegView> {
        let bot = self.bots.iter().find(|bot| bot.leg == leg)?;
        Some(LegView {
            bot: bot.app,
            call: self.id,
            state: bot.state?,
            caller: bot.caller.clone(),
            caller_leg: bot.caller_leg,
            audio_flows: bot.audio_flows,
            number: bot.number,
            direction: bot.direction,
            targets: bot.targets.clone(),
            is_group: self.is_group(bot.voice.side),
            hosting: bot.hosting,
        })
    }

    /// What a bot may see of an operation of its leg.
    pub fn operation(&self, leg: LegId, operation: OperationId) -> Option<OperationView> {
        self.told_bot(leg)?.operations.view(operation)
    }

    /// The operations of a bot's leg, oldest first: the outstanding and the last that ended.
    pub fn operations(&self, leg: LegId) -> Vec<OperationView> {
        match self.told_bot(leg) {
            Some(bot) => bot.operations.views(),
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

    fn keep_alive(&mut self, leg: LegId) -> Result<Accepted, Refusal> {
        let wait = limits::KEEP_ALIVE_WITHIN;
        self.timers
            .start(Timer::BotMustKeepAlive(leg), self.now, wait);
        Ok(Accepted)
    }

    fn do_at_once(
        &mut self,
        leg: LegId,
        operation: OperationId,
        what: AtOnce,
        context: Option<String>,
    ) -> Result<Accepted, Refusal> {
        self.established(leg)?;
        let kind = match what {
            AtOnce::Mute { participant } => self.mute(leg, participant)?,
            AtOnce::Unmute => self.unmute(leg)?,
            AtOnce::MuteAll { participants } => self.mute_all(leg, &participants)?,
            AtOnce::UpdateRecordingStatus { status } => self.update_recording(leg, status)?,
            AtOnce::CancelMedia => self.cancel_media(leg)?,
            AtOnce::SubscribeToTones => self.subscribe_to_tones(leg)?,
        };
        if let Some(bot) = self.bot(leg) {
            bot.operations.remember(OperationView {
                operation,
                kind,
                context,
                outcome: Some(crate::Outcome::Done),
            });
        }
        Ok(Accepted)
    }

    /// What follows from whatever has just happened, once for all of it.
    fn settle(&mut self) {
        self.settle_hearing();
        self.settle_audio();
        self.settle_roster();
        self.announce_ended_legs();
    }

    /// The bot may ask for what only a conversation has.
    fn established(&self, leg: LegId) -> Result<(), Refusal> {
        match self.told_bot(leg).and_then(|bot| bot.state) {
            None => Err(Refusal::NoSuchLeg),
            Some(LegState::Established) => Ok(()),
            Some(LegState::Incoming | LegState::Establishing) => Err(Refusal::NotEstablished),
            Some(LegState::Transferring | LegState::TransferAccepted) => Err(Refusal::WrongState),
            Some(LegState::Terminating | LegState::Terminated) => Err(Refusal::Terminated),
        }
    }

    /// The bot may ask for what only a call of many has.
    fn in_a_group(&self, leg: LegId) -> Result<(), Refusal> {
        self.established(leg)?;
        let side = self.told_bot(leg).map_or(0, |bot| bot.voice.side);
        match self.is_group(side) {
            true => Ok(()),
            false => Err(Refusal::NotAGroup),
        }
    }

    /// The bot may ask for what only those have whose audio is handled here.
    fn served(&self, leg: LegId) -> Result<(), Refusal> {
        self.established(leg)?;
        match self.told_bot(leg).map(|bot| bot.hosting) {
            Some(Hosting::App) => Err(Refusal::AppHosted),
            Some(Hosting::Service) | None => Ok(()),
        }
    }

    /// Conversations of this side have a roster.
    fn is_group(&self, side: u32) -> bool {
        side == 0 && self.shape != Shape::Two
    }

    /// Whether so many more fit.
    fn room_for(&self, more: usize) -> Result<(), Refusal> {
        let bots = self.bots.iter().filter(|bot| bot.is_live()).count();
        let fetched = self.rings.iter().filter(|ring| ring.fetched.is_some());
        let waiting = self.rings.iter().filter(|ring| ring.unrung.is_some());
        let away = self.away.iter().filter(|away| away.is_released);
        let coming = fetched.count() + waiting.count() + away.count();
        let there = self.phones.len() + bots + coming;
        match there + more <= limits::PARTIES_MAX {
            true => Ok(()),
            false => Err(Refusal::TooManyParties),
        }
    }

    fn phone(&mut self, leg: LegId) -> Option<&mut Phone> {
        self.phones.iter_mut().find(|phone| phone.leg == leg)
    }

    fn bot(&mut self, leg: LegId) -> Option<&mut Bot> {
        self.bots.iter_mut().find(|bot| bot.leg == leg)
    }

    /// A bot that knows of this call.
    fn told_bot(&self, leg: LegId) -> Option<&Bot> {
        let mut told = self.bots.iter().filter(|bot| bot.state.is_some());
        told.find(|bot| bot.leg == leg)
    }

    fn side_of(&self, leg: LegId) -> Option<u32> {
        let mut phones = self.phones.iter();
        let mut bots = self.bots.iter();
        let phone = phones
            .find(|phone| phone.leg == leg)
            .map(|phone| phone.voice.side);
        phone.or_else(|| bots.find(|bot| bot.leg == leg).map(|bot| bot.voice.side))
    }

    fn party_of(&self, leg: LegId) -> Option<Party> {
        let phone = self.phones.iter().find(|phone| phone.leg == leg);
        let bot = || self.bots.iter().find(|bot| bot.leg == leg);
        phone
            .map(|phone| phone.party.clone())
            .or_else(|| bot().map(Bot::party))
    }

    /// Tells a bot. One that has ended is told nothing more.
    fn tell(&mut self, leg: LegId, fact: Fact) {
        let is_established = matches!(fact, Fact::Established);
        let Some(bot) = self.bot(leg).filter(|bot| bot.is_live()) else {
            return;
        };
        let event = bot.next_event(fact);
        self.outputs.push_back(Output::Event(event));
        self.was_established |= is_established;
    }

    fn signal(&mut self, request: SignalRequest) {
        self.outputs.push_back(Output::Signal(request));
    }

    fn media(&mut self, request: MediaRequest) {
        self.outputs.push_back(Output::Media(request));
    }
}
