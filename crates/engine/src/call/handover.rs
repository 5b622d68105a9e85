//! A phone's leg goes to another call, or comes from one.
//!
//! ```text
//!   first call ── HandOver ─▶ edge ── release ──▶ ReleasedLeg ── adopt ──▶ second call
//!       ▲                                             │                        │
//!       │        the switchboard moves the signalling handle and the media port with it
//!       └── taken, or take back ◀───────────────────────────────────────────── ┘
//! ```
//!
//! In a consultative transfer the first call wants to give: its bot and the bot of the second call
//! leave, and the two phones are bridged in the second. In an invitation that replaces a call the
//! second wants to have, and asks with `Fetch`; the first answers with `HandOver` and ends when its
//! only phone has been taken.
//!
//! Until it is known how it went, the first call waits, even if everybody in it leaves meanwhile: a
//! phone must not get lost between two calls, and what comes out of a call ends with
//! [`Output::Over`].

use std::time::Instant;

use offhook_terms::LegId;

use super::{Call, Output};
use crate::phone::Stage;
use crate::ring::Wants;
use crate::voice::{Ear, Voice};
use crate::{
    Accepted, Ending, Fact, LegState, NotReached, Participant, Purpose, Refusal, ReleasedLeg,
};

/// A phone that is to go to another call, or is on its way there.
#[derive(Debug)]
pub(super) struct Away {
    pub(super) leg: LegId,
    pub(super) bot: LegId,
    pub(super) purpose: Purpose,
    pub(super) side: u32,
    /// It is not in this call any more.
    pub(super) is_released: bool,
    /// What is shown of it meanwhile.
    pub(super) shown: Option<Participant>,
}

impl Call {
    pub(super) fn give_to(
        &mut self,
        leg: LegId,
        to: LegId,
        purpose: Purpose,
    ) -> Result<Accepted, Refusal> {
        self.established(leg)?;
        let side = self.side_of(leg).unwrap_or(0);
        if self.is_group(side) || self.bot(to).is_some() {
            return Err(Refusal::NoSuchReplacedCall);
        }
        let talks = |phone: &&crate::phone::Phone| {
            phone.stage == Stage::Talking && phone.voice.side == side
        };
        let phone = self.phones.iter().find(talks).map(|phone| phone.leg);
        let phone = phone.filter(|phone| self.away.iter().all(|away| away.leg != *phone));
        let phone = phone.ok_or(Refusal::NoSuchReplacedCall)?;
        self.hand_over(phone, leg, to, purpose);
        Ok(Accepted)
    }

    pub(super) fn hand_over(&mut self, leg: LegId, bot: LegId, to: LegId, purpose: Purpose) {
        self.away.push(Away {
            leg,
            bot,
            purpose,
            side: self.side_of(leg).unwrap_or(0),
            is_released: false,
            shown: None,
        });
        self.outputs
            .push_back(Output::HandOver { leg, to, purpose });
    }

    /// Lets a phone's leg go to another call, as asked with [`Output::HandOver`]: its port and its
    /// signalling stay open, and from now on they are the adopter's.
    ///
    /// A phone that has left meanwhile cannot go, and this gives `None`.
    pub fn release(&mut self, leg: LegId, now: Instant) -> Option<ReleasedLeg> {
        self.now = now;
        let is_it = |away: &Away| away.leg == leg && !away.is_released;
        let at = self.away.iter().position(is_it)?;
        let talks = |phone: &crate::phone::Phone| phone.leg == leg && phone.stage == Stage::Talking;
        let phone = self.phones.iter().position(talks)?;
        let (bot, side) = (self.away[at].bot, self.away[at].side);
        if !self.is_group(side) {
            // What is played or recorded is meant for the party that leaves.
            self.cancel_operations(bot, |_| true);
        }
        self.let_go(leg);
        let phone = Box::new(self.phones.remove(phone));
        let shown = self.roster.of(leg);
        let away = &mut self.away[at];
        away.is_released = true;
        away.shown = shown;
        self.settle();
        Some(ReleasedLeg { phone })
    }

    /// Takes a leg that another call released. `to` and `purpose` are those of the
    /// [`Output::HandOver`].
    ///
    /// A call that has no use for it, or not any more, gives it back.
    pub fn adopt(
        &mut self,
        leg: ReleasedLeg,
        to: LegId,
        purpose: Purpose,
        now: Instant,
    ) -> Result<(), ReleasedLeg> {
        self.now = now;
        let ring = match purpose {
            Purpose::Transfer => None,
            Purpose::Invitation(operation) => {
                let wants = Wants::Invitation { bot: to, operation };
                let mut rings = self.rings.iter();
                let fetching = rings.find(|ring| ring.wants == wants && ring.fetched.is_some());
                let Some(id) = fetching.map(|ring| ring.id) else {
                    return Err(leg);
                };
                Some((id, operation))
            }
        };
        let side = self.side_of(to).unwrap_or(0);
        let is_free = self.bot(to).and_then(|bot| bot.state) == Some(LegState::Established);
        let is_busy = self.away.iter().any(|away| away.bot == to);
        let has_somebody = self.has_others(to);
        if !is_free || ring.is_none() && (is_busy || !has_somebody) {
            return Err(leg);
        }
        let mut phone = *leg.phone;
        let leg = phone.leg;
        phone.voice = Voice::new(side);
        phone.is_listened_to = false;
        self.phones.push(phone);
        self.listen_to(leg);
        match ring {
            None => self.bot_ends(to, Ending::Transferred),
            Some((id, operation)) => {
                self.take_ring(id);
                self.invitation_may_be_done(to, operation);
            }
        }
        self.settle();
        Ok(())
    }

    /// The other call has the leg that this one released.
    pub fn handle_taken(&mut self, leg: LegId, now: Instant) {
        self.now = now;
        let Some(away) = self.came_back(leg) else {
            return;
        };
        if self.is_left_by_all() {
            return self.finish(Ending::Transferred);
        }
        if !self.is_group(away.side) && self.told_bot(away.bot).is_some() {
            if away.purpose == Purpose::Transfer {
                self.tell(away.bot, Fact::TransferAccepted);
            }
            self.end_side(away.side, Ending::Transferred, Some(away.bot));
        } else {
            self.end_if_alone(Ending::OthersLeft);
        }
        self.settle();
    }

    /// The other call did not take the leg: it is back.
    pub fn take_back(&mut self, leg: ReleasedLeg, now: Instant) {
        self.now = now;
        let mut phone = *leg.phone;
        // Whether its port was in another room or not: it is told anew whom it hears.
        phone.voice.ear = Ear::Ringback;
        phone.is_listened_to = false;
        let Some(away) = self.came_back(phone.leg) else {
            return;
        };
        let leg = phone.leg;
        self.phones.push(phone);
        self.listen_to(leg);
        let is_alone = self.ending.is_some() || !self.stands(away.side, None);
        if away.purpose == Purpose::Transfer {
            self.tell(
                away.bot,
                Fact::TransferFailed {
                    consultative: true,
                    why: NotReached::Refused,
                },
            );
        }
        if is_alone {
            // Everybody else has left meanwhile.
            self.phone_ends(leg, Ending::CallerHungUp);
            self.finish(Ending::Transferred);
        }
        self.settle();
    }

    /// A leg that was released is not on its way any more.
    fn came_back(&mut self, leg: LegId) -> Option<Away> {
        let is_it = |away: &Away| away.leg == leg && away.is_released;
        let at = self.away.iter().position(is_it)?;
        Some(self.away.remove(at))
    }

    /// Somebody else is in the conversation of this bot.
    pub(super) fn has_others(&self, leg: LegId) -> bool {
        let side = self.side_of(leg).unwrap_or(0);
        let talks = |phone: &crate::phone::Phone| phone.stage == Stage::Talking;
        let mut phones = self.phones.iter();
        let mut bots = self.bots.iter();
        phones.any(|phone| talks(phone) && phone.voice.side == side)
            || bots.any(|bot| bot.leg != leg && bot.is_talking() && bot.voice.side == side)
    }
}
