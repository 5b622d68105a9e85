//! From a phone's offer to a conversation, or to a refusal.
//!
//! ```text
//!   phone                    call                    media              bot
//!     │ (arrived)             │── Open ───────────────▶│                 │
//!     │                       │◀────────────── Opened ─│                 │
//!     │◀──────────────── Ring │── Incoming ─────────────────────────────▶│
//!     │                       │◀───────────────────────────────── Answer │
//!     │                       │── Establishing ─────────────────────────▶│
//!     │                       │── Seat ───────────────▶│                 │
//!     │◀────────────── Answer │── Start ──────────────▶│                 │
//!     │ Confirmed ───────────▶│── Established, AudioFlows ──────────────▶│
//! ```

use offhook_terms::LegId;

use super::Call;
use crate::phone::{Stage, Then};
use crate::timer::Timer;
use crate::{
    Accepted, CameBy, Description, Ending, Fact, Hosting, LegState, MediaRequest, Misfit,
    NotReached, Refusal, RejectReason, SignalRequest, limits,
};

impl Call {
    pub(super) fn on_opened(&mut self, leg: LegId, description: Description) {
        let Some(phone) = self.phone(leg) else { return };
        match phone.stage.clone() {
            Stage::Opening(then) => {
                phone.stage = Stage::Ringing { ours: description };
                match then {
                    Then::Tell(bot) => {
                        phone.was_rung = true;
                        self.signal(SignalRequest::Ring { leg });
                        self.tell_incoming(bot, CameBy::Called);
                    }
                    Then::Call(callee) => self.call_on_behalf_of(leg, callee),
                    Then::Join => self.answer_phone(leg),
                }
            }
            Stage::Offering { caller, context } => {
                phone.stage = Stage::Called;
                let callee = phone.party.clone();
                self.signal(SignalRequest::Call {
                    leg,
                    callee,
                    caller,
                    context,
                    offer: description,
                });
            }
            Stage::Ringing { .. }
            | Stage::Called
            | Stage::Answering
            | Stage::Talking
            | Stage::Gone => {}
        }
    }

    /// What the phone described cannot be served: its offer, or its answer to an offer of ours.
    pub(super) fn on_refused(&mut self, leg: LegId, why: Misfit) {
        let Some(phone) = self.phone(leg) else { return };
        match phone.stage {
            Stage::Opening(_) => {
                // There is no port to close.
                phone.has_port = false;
                phone.misfit = Some(why);
                self.leaves(leg, Ending::OfferRefused);
            }
            Stage::Offering { .. } => {
                phone.has_port = false;
                self.does_not_come(leg, NotReached::NoCommonMedia);
            }
            Stage::Ringing { .. } | Stage::Called | Stage::Gone => {}
            Stage::Answering | Stage::Talking => self.leaves(leg, Ending::AudioLost),
        }
    }

    /// Tells a bot that somebody calls, and begins to wait for it.
    pub(super) fn tell_incoming(&mut self, leg: LegId, came_by: CameBy) {
        let Some(bot) = self.bot(leg) else { return };
        let (caller, caller_leg, side) = (bot.caller.clone(), bot.caller_leg, bot.voice.side);
        let is_group = self.is_group(side);
        let incoming = Fact::Incoming {
            caller,
            caller_leg,
            came_by,
            is_group,
        };
        self.tell(leg, incoming);
        self.begin_waiting_for(leg);
        let decide = limits::BOT_DECIDES_WITHIN;
        self.timers
            .start(Timer::BotMustDecide(leg), self.now, decide);
    }

    /// From its first event on, a bot must say that it is alive.
    pub(super) fn begin_waiting_for(&mut self, leg: LegId) {
        let alive = limits::KEEP_ALIVE_WITHIN;
        self.timers
            .start(Timer::BotMustKeepAlive(leg), self.now, alive);
    }

    pub(super) fn answer(&mut self, leg: LegId, hosting: Hosting) -> Result<Accepted, Refusal> {
        let Some(bot) = self.bot(leg) else {
            return Err(Refusal::NoSuchLeg);
        };
        if bot.state != Some(LegState::Incoming) {
            return Err(Refusal::AlreadyDecided);
        }
        bot.hosting = hosting;
        let caller = bot.caller_leg;
        self.timers.stop(Timer::BotMustDecide(leg));
        self.tell(leg, Fact::Establishing);
        self.seat(leg);
        match self.ring_of(leg) {
            Some(_) => self.comes(leg),
            None => self.answer_phone(caller),
        }
        Ok(Accepted)
    }

    /// Gives a bot whose audio is handled here its place in the room.
    pub(super) fn seat(&mut self, leg: LegId) {
        let Some(bot) = self.bot(leg) else { return };
        if bot.hosting == Hosting::Service && !bot.has_seat {
            bot.has_seat = true;
            self.media(MediaRequest::Seat { leg });
        }
    }

    /// Answers a caller who hears ringing.
    pub(super) fn answer_phone(&mut self, leg: LegId) {
        let Some(phone) = self.phone(leg) else { return };
        let Stage::Ringing { ours } = &phone.stage else {
            return;
        };
        let description = ours.clone();
        phone.stage = Stage::Answering;
        self.signal(SignalRequest::Answer { leg, description });
        self.media(MediaRequest::Start { leg });
    }

    pub(super) fn reject(&mut self, leg: LegId, reason: RejectReason) -> Result<Accepted, Refusal> {
        if self.bot(leg).and_then(|bot| bot.state) != Some(LegState::Incoming) {
            return Err(Refusal::WrongState);
        }
        self.does_not_take_it(leg, Ending::BotRejected(reason));
        Ok(Accepted)
    }

    /// A bot that was told of a call does not take it.
    pub(super) fn does_not_take_it(&mut self, leg: LegId, ending: Ending) {
        let why = match ending {
            Ending::BotRejected(RejectReason::Busy) => NotReached::Busy,
            Ending::BotRejected(RejectReason::None | RejectReason::Forbidden) => {
                NotReached::Declined
            }
            Ending::BotDidNotDecide => NotReached::NoAnswer,
            _ => NotReached::Unreachable,
        };
        match self.ring_of(leg) {
            Some(_) => {
                self.bot_ends(leg, ending);
                self.does_not_come(leg, why);
            }
            None => self.leaves(leg, ending),
        }
    }

    /// An ACK: of our answer, or of our side of a new offer (see `hold.rs`).
    pub(super) fn on_confirmed(&mut self, leg: LegId, answer: Option<Description>) {
        let Some(phone) = self.phone(leg) else { return };
        let is_first = match phone.stage {
            Stage::Answering => true,
            Stage::Talking => false,
            Stage::Opening(_)
            | Stage::Ringing { .. }
            | Stage::Offering { .. }
            | Stage::Called
            | Stage::Gone => return,
        };
        phone.stage = Stage::Talking;
        let side = phone.voice.side;
        if std::mem::take(&mut phone.owes_answer) {
            match answer {
                Some(answer) => self.media(MediaRequest::Complete { leg, answer }),
                // Our offer was never answered, so nobody knows where to send audio.
                None => return self.leaves(leg, Ending::AudioLost),
            }
        }
        if is_first {
            self.was_established = true;
            self.listen_to(leg);
            let waits = |bot: &&crate::bot::Bot| {
                bot.caller_leg == leg
                    && bot.voice.side == side
                    && bot.state == Some(LegState::Establishing)
            };
            if let Some(bot) = self.bots.iter().find(waits).map(|bot| bot.leg) {
                self.tell(bot, Fact::Established);
            }
        }
    }
}
