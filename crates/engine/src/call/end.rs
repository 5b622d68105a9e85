//! The one way a party leaves and a call ends.
//!
//! Whatever the reason, the order is the same: phones that are still there are told, operations
//! end, ports close, bots are told last, and then the call is over. Nothing follows.
//!
//! When somebody leaves, the conversation goes on if enough of it is left: two, or one who waits for
//! somebody else; in a meeting anybody. Otherwise it ends for everybody. Where some talk aside there
//! are several conversations in one call, and it is over with the last of them.

use offhook_terms::LegId;

use super::{Call, Output, Shape};
use crate::phone::Stage;
use crate::ring::RingId;
use crate::timer::Timer;
use crate::{
    Accepted, Ending, Fact, LegState, Loss, MediaRequest, NotReached, Purpose, Refusal,
    RejectReason,
};

impl Call {
    pub(super) fn hang_up(&mut self, leg: LegId) -> Result<Accepted, Refusal> {
        if self.bot(leg).and_then(|bot| bot.state) == Some(LegState::Incoming) {
            return self.reject(leg, RejectReason::None);
        }
        self.tell(leg, Fact::Terminating);
        self.leaves(leg, Ending::BotHungUp);
        Ok(Accepted)
    }

    /// The caller gave up. When we had answered at that very moment, it depends on the wire which
    /// of the two was first: a BYE ends the call where the answer was, and where the CANCEL was
    /// there is nothing left to end. So the signalling is asked to hang up in this one case.
    pub(super) fn on_cancelled(&mut self, leg: LegId) {
        let Some(phone) = self.phone(leg) else { return };
        match phone.stage {
            Stage::Opening(_) | Stage::Ringing { .. } => {
                phone.stage = Stage::Gone;
                self.leaves(leg, Ending::CallerGaveUp);
            }
            Stage::Answering => self.leaves(leg, Ending::CallerGaveUp),
            // CANCEL has no effect on a request that was answered (RFC 3261 §9.2), and a phone that
            // we call has nothing to cancel.
            Stage::Talking | Stage::Offering { .. } | Stage::Called | Stage::Gone => {}
        }
    }

    pub(super) fn on_hung_up(&mut self, leg: LegId) {
        let Some(phone) = self.phone(leg) else { return };
        let ending = match phone.stage {
            // A caller may say BYE instead of CANCEL while it hears ringing (RFC 3261 §15).
            Stage::Opening(_) | Stage::Ringing { .. } => Ending::CallerGaveUp,
            Stage::Answering | Stage::Talking | Stage::Gone => Ending::CallerHungUp,
            Stage::Offering { .. } | Stage::Called => {
                return self.on_not_reached(leg, NotReached::Refused);
            }
        };
        phone.stage = Stage::Gone;
        self.leaves(leg, ending);
    }

    pub(super) fn on_signalling_lost(&mut self, leg: LegId, loss: Loss) {
        if self.phone(leg).is_some_and(|phone| phone.is_called()) {
            return self.on_not_reached(leg, NotReached::Unreachable);
        }
        let ending = match loss {
            Loss::Unacknowledged => Ending::NotAcknowledged,
            Loss::SessionExpired | Loss::Unreachable => Ending::SignallingLost,
        };
        self.leaves(leg, ending);
    }

    pub(super) fn on_audio_lost(&mut self, leg: LegId) {
        let Some(phone) = self.phone(leg) else { return };
        if matches!(phone.stage, Stage::Answering | Stage::Talking) {
            self.leaves(leg, Ending::AudioLost);
        }
    }

    /// A party leaves, or must. A phone that did not leave by itself is told.
    pub(super) fn leaves(&mut self, leg: LegId, ending: Ending) {
        let Some(side) = self.side_of(leg) else {
            return;
        };
        if !self.stands(side, Some(leg)) {
            return self.end_side(side, ending, Some(leg));
        }
        self.bot_ends(leg, ending);
        self.drop_transfers_of(leg);
        for id in self.rings_of(leg) {
            self.call_off(id);
        }
        self.let_go(leg);
        self.phone_ends(leg, ending);
    }

    /// The bot that wanted to transfer somebody who leaves keeps what it has.
    fn drop_transfers_of(&mut self, leg: LegId) {
        for id in self.rings_of(leg) {
            let ring = self.rings.iter().find(|ring| ring.id == id);
            let wants = ring.map(|ring| ring.wants);
            if let Some(crate::ring::Wants::Transfer { bot, transferee }) = wants
                && transferee == leg
            {
                self.call_off(id);
                self.transfer_failed(bot, NotReached::Cancelled);
            }
        }
        let is_it = |away: &super::Away| away.leg == leg && !away.is_released;
        if let Some(at) = self.away.iter().position(is_it) {
            let away = self.away.remove(at);
            if away.purpose == Purpose::Transfer {
                self.tell(
                    away.bot,
                    Fact::TransferFailed {
                        consultative: true,
                        why: NotReached::Cancelled,
                    },
                );
            }
        }
    }

    /// Rings that make no sense without this party.
    fn rings_of(&self, leg: LegId) -> Vec<RingId> {
        let rings = self.rings.iter();
        rings
            .filter(|ring| ring.wants.depends_on(leg))
            .map(|ring| ring.id)
            .collect()
    }

    /// Enough is left of a conversation, once somebody has left.
    pub(super) fn stands(&self, side: u32, without: Option<LegId>) -> bool {
        let phones = self.phones.iter();
        let phones = phones
            .filter(|phone| phone.voice.side == side && !phone.is_called())
            .filter(|phone| Some(phone.leg) != without);
        let bots = self.bots.iter();
        let bots = bots
            .filter(|bot| bot.voice.side == side && bot.is_live())
            .filter(|bot| Some(bot.leg) != without && self.ring_of(bot.leg).is_none());
        let there = phones.count() + bots.count();
        let away = self.away.iter();
        let is_awaited = away
            .filter(|away| away.side == side && away.is_released)
            .count()
            > 0;
        if side == 0 && self.shape == Shape::Meeting {
            return there > 0 || is_awaited;
        }
        let is_rung = self.rings.iter().any(|ring| {
            let depends = without.is_some_and(|leg| ring.wants.depends_on(leg));
            !depends && self.side_of(ring.wants.owner()) == Some(side)
        });
        there > 1 || there == 1 && (is_awaited || is_rung)
    }

    /// A conversation that nobody is left for, or one alone, ends.
    pub(super) fn end_if_alone(&mut self, ending: Ending) {
        if !self.stands(0, None) {
            self.end_side(0, ending, None);
        }
    }

    /// Everything ends.
    pub(super) fn end(&mut self, ending: Ending) {
        let mut sides: Vec<u32> = self.bots.iter().map(|bot| bot.voice.side).collect();
        sides.extend(self.phones.iter().map(|phone| phone.voice.side));
        sides.push(0);
        sides.sort_unstable();
        sides.dedup();
        for side in sides {
            self.end_side(side, ending, None);
        }
    }

    /// A conversation ends for everybody in it.
    pub(super) fn end_side(&mut self, side: u32, ending: Ending, leaver: Option<LegId>) {
        tracing::debug!(call = %self.id, ?ending, "the call ends");
        let endings: Vec<(LegId, Ending)> = self
            .bots
            .iter()
            .filter(|bot| bot.voice.side == side && bot.is_live())
            .map(|bot| (bot.leg, self.ending_of(bot.leg, ending, leaver)))
            .collect();
        let rings: Vec<RingId> = self
            .rings
            .iter()
            .filter(|ring| self.side_of(ring.wants.owner()) == Some(side))
            .map(|ring| ring.id)
            .collect();
        for id in rings {
            self.take_ring(id);
        }
        self.away
            .retain(|away| away.is_released || away.side != side);
        let (phones, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.phones)
            .into_iter()
            .partition(|phone| phone.voice.side == side);
        self.phones = others;
        for phone in &phones {
            let why = match phone.is_called() {
                true if !is_ours(ending) => Ending::NotReached(NotReached::Cancelled),
                _ if leaver == Some(phone.leg) || !self.is_group(side) || is_ours(ending) => ending,
                _ => Ending::OthersLeft,
            };
            if let Some(farewell) = phone.farewell(why) {
                self.signal(farewell);
            }
        }
        for (leg, _) in &endings {
            self.quiet(*leg);
        }
        for phone in &phones {
            self.let_go(phone.leg);
            if phone.has_port {
                let leg = phone.leg;
                self.media(MediaRequest::Close { leg });
            }
        }
        for (leg, ending) in endings {
            self.say_goodbye(leg, ending);
        }
        self.finish(ending);
    }

    /// How a conversation that ended so ended for one of its bots.
    fn ending_of(&self, leg: LegId, ending: Ending, leaver: Option<LegId>) -> Ending {
        let Some(bot) = self.bots.iter().find(|bot| bot.leg == leg) else {
            return ending;
        };
        if is_ours(ending) || leaver == Some(leg) {
            return ending;
        }
        if self.ring_of(leg).is_some() {
            return Ending::CallerGaveUp;
        }
        if self.is_group(bot.voice.side) && bot.was_established {
            return Ending::OthersLeft;
        }
        let other_bot = leaver.filter(|leaver| self.bots.iter().any(|bot| bot.leg == *leaver));
        match (other_bot, bot.was_established) {
            (Some(_), true) => Ending::CallerHungUp,
            (Some(_), false) => Ending::CallerGaveUp,
            (None, _) => ending,
        }
    }

    /// A bot's leg ends; the others go on.
    pub(super) fn bot_ends(&mut self, leg: LegId, ending: Ending) {
        if self.bot(leg).is_some_and(|bot| bot.is_live()) {
            self.quiet(leg);
            self.say_goodbye(leg, ending);
        }
    }

    /// Everything a bot waits for ends.
    fn quiet(&mut self, leg: LegId) {
        self.timers.stop(Timer::BotMustDecide(leg));
        self.timers.stop(Timer::BotMustKeepAlive(leg));
        self.cancel_operations(leg, |_| true);
        for id in self.rings_of(leg) {
            self.call_off(id);
        }
        self.let_go(leg);
        self.away.retain(|away| away.is_released || away.bot != leg);
    }

    fn say_goodbye(&mut self, leg: LegId, ending: Ending) {
        let Some(bot) = self.bot(leg) else { return };
        if std::mem::take(&mut bot.has_seat) {
            self.media(MediaRequest::Close { leg });
        }
        match self.told_bot(leg) {
            Some(_) => self.tell(leg, Fact::Terminated(ending)),
            // It never knew of the call.
            None => self.bots.retain(|bot| bot.leg != leg),
        }
    }

    /// A phone's leg ends; the others go on.
    pub(super) fn phone_ends(&mut self, leg: LegId, ending: Ending) {
        let Some(at) = self.phones.iter().position(|phone| phone.leg == leg) else {
            return;
        };
        let phone = self.phones.remove(at);
        if let Some(farewell) = phone.farewell(ending) {
            self.signal(farewell);
        }
        if phone.has_port {
            self.media(MediaRequest::Close { leg });
        }
    }

    /// Nobody is in the call any more.
    pub(super) fn is_left_by_all(&self) -> bool {
        self.phones.is_empty() && !self.bots.iter().any(|bot| bot.is_live())
    }

    /// The call is over if everybody has left, and nobody is on the way to another call.
    pub(super) fn finish(&mut self, ending: Ending) {
        if self.is_over || !self.is_left_by_all() {
            return;
        }
        let ending = *self.ending.get_or_insert(ending);
        if self.away.is_empty() {
            self.is_over = true;
            self.outputs.push_back(Output::Over {
                ending,
                was_established: self.was_established,
            });
        }
    }

    /// Tells of legs that have ended in a call that goes on, and forgets them.
    pub(super) fn announce_ended_legs(&mut self) {
        if self.ending.is_some() {
            return;
        }
        let ended: Vec<LegId> = self
            .bots
            .iter()
            .filter(|bot| !bot.is_live())
            .map(|bot| bot.leg)
            .collect();
        self.bots.retain(|bot| bot.is_live());
        for leg in ended {
            self.outputs.push_back(Output::LegEnded { leg });
        }
    }
}

/// It has nothing to do with who is in the call.
fn is_ours(ending: Ending) -> bool {
    matches!(ending, Ending::PlatformStopping | Ending::Fault)
}
