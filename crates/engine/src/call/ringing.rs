//! Who is rung, who comes, who does not.
//!
//! Every [`Ring`] ends once: somebody comes and the others it rang are told off, or the last who could
//! have come does not, or nobody has in time. What follows depends on who wanted it.

use std::time::Duration;

use offhook_terms::LegId;

use super::{Call, Output};
use crate::bot::Bot;
use crate::phone::{Phone, Stage};
use crate::ring::{Ring, RingId, Wants};
use crate::timer::Timer;
use crate::{
    CameBy, Description, Ending, Fact, Invitee, LegState, MediaRequest, NotReached, Party,
    SignalRequest,
};

impl Call {
    pub(super) fn new_ring(&mut self, wants: Wants, ring_for: Duration) -> RingId {
        self.rung += 1;
        let id = RingId(self.rung);
        self.rings.push(Ring {
            id,
            wants,
            legs: Vec::new(),
            why: None,
            unrung: None,
            fetched: None,
        });
        self.timers
            .start(Timer::SomebodyMustCome(id), self.now, ring_for);
        id
    }

    /// Rings somebody. `shown` is who calls, when that is not to be seen.
    pub(super) fn ring(
        &mut self,
        id: RingId,
        invitee: Invitee,
        came_by: CameBy,
        shown: Option<Party>,
    ) {
        let Some(ring) = self.rings.iter_mut().find(|ring| ring.id == id) else {
            return;
        };
        let leg = invitee.leg;
        ring.legs.push(leg);
        let wants = ring.wants;
        let caller_leg = match wants {
            Wants::Placed { bot } | Wants::Invitation { bot, .. } => bot,
            Wants::Caller { caller } => caller,
            Wants::Transfer { transferee, .. } => transferee,
        };
        let side = self.side_of(caller_leg).unwrap_or(0);
        let caller = shown.or_else(|| self.party_of(caller_leg));
        let caller = caller.expect("whoever wants it to ring is in the call");
        match invitee.party {
            Party::Bot { app } => {
                let mut bot = Bot::called(leg, app, caller, caller_leg);
                bot.voice.side = side;
                bot.voice.is_routed_only = invitee.is_routed_only;
                self.bots.push(bot);
                self.outputs.push_back(Output::LegBegins {
                    leg,
                    bot: app,
                    context: invitee.context,
                });
                self.tell_incoming(leg, came_by);
                self.somebody_is_alerted(wants);
            }
            party => {
                let mut phone = Phone::called(leg, party, caller, invitee.context);
                phone.voice.side = side;
                phone.voice.is_routed_only = invitee.is_routed_only;
                self.phones.push(phone);
                self.media(MediaRequest::Open { leg, offer: None });
            }
        }
    }

    /// The ring in which this leg rings.
    pub(super) fn ring_of(&self, leg: LegId) -> Option<RingId> {
        let mut rings = self.rings.iter();
        rings
            .find(|ring| ring.legs.contains(&leg))
            .map(|ring| ring.id)
    }

    pub(super) fn on_ringing(&mut self, leg: LegId) {
        let ring = self.rings.iter().find(|ring| ring.legs.contains(&leg));
        if let Some(wants) = ring.map(|ring| ring.wants) {
            self.somebody_is_alerted(wants);
        }
    }

    fn somebody_is_alerted(&mut self, wants: Wants) {
        match wants {
            Wants::Placed { bot: leg } => {
                let Some(bot) = self.bot(leg) else { return };
                let is_waiting = bot.state == Some(LegState::Establishing);
                if is_waiting && !std::mem::replace(&mut bot.knows_of_ringing, true) {
                    self.tell(leg, Fact::Ringing);
                }
            }
            Wants::Caller { caller: leg } => {
                let Some(phone) = self.phone(leg) else { return };
                if !std::mem::replace(&mut phone.was_rung, true) {
                    self.signal(SignalRequest::Ring { leg });
                }
            }
            Wants::Invitation { .. } | Wants::Transfer { .. } => {}
        }
    }

    pub(super) fn on_answered(&mut self, leg: LegId, answer: Description) {
        let Some(phone) = self.phone(leg) else { return };
        if phone.stage == Stage::Called {
            phone.stage = Stage::Talking;
            self.media(MediaRequest::Complete { leg, answer });
            self.media(MediaRequest::Start { leg });
            self.listen_to(leg);
            self.comes(leg);
        }
    }

    pub(super) fn on_not_reached(&mut self, leg: LegId, why: NotReached) {
        let Some(phone) = self.phone(leg) else { return };
        if phone.is_called() {
            phone.stage = Stage::Gone;
            self.does_not_come(leg, why);
        }
    }

    /// Somebody who was rung comes.
    pub(super) fn comes(&mut self, leg: LegId) {
        let Some(id) = self.ring_of(leg) else { return };
        let Some(ring) = self.take_ring(id) else {
            return;
        };
        for other in ring.legs.into_iter().filter(|other| *other != leg) {
            self.tell_off(other, NotReached::Cancelled);
        }
        match ring.wants {
            Wants::Placed { bot } => {
                if self.bot(bot).is_some_and(|bot| !bot.was_established) {
                    self.seat(bot);
                    self.tell(bot, Fact::Established);
                }
                self.establish_rung(leg);
            }
            // A bot that comes learns of its call once the caller knows that it is answered.
            Wants::Caller { caller } => self.answer_phone(caller),
            Wants::Invitation { bot, operation } => {
                self.establish_rung(leg);
                self.invitation_may_be_done(bot, operation);
            }
            Wants::Transfer { bot, transferee } => {
                self.establish_rung(leg);
                self.transferred(bot, transferee, leg);
            }
        }
    }

    /// A bot that came is in the conversation at once.
    fn establish_rung(&mut self, leg: LegId) {
        self.tell(leg, Fact::Established);
    }

    /// Somebody who was rung does not come, and is in the call no more.
    pub(super) fn does_not_come(&mut self, leg: LegId, why: NotReached) {
        let Some(id) = self.ring_of(leg) else { return };
        self.tell_off(leg, why);
        let Some(ring) = self.rings.iter_mut().find(|ring| ring.id == id) else {
            return;
        };
        ring.legs.retain(|one| *one != leg);
        ring.why = Some(why);
        if ring.legs.is_empty() {
            self.nobody_comes(id, why);
        }
    }

    pub(super) fn on_nobody_came_in_time(&mut self, id: RingId) {
        let Some(ring) = self.rings.iter_mut().find(|ring| ring.id == id) else {
            return;
        };
        for leg in std::mem::take(&mut ring.legs) {
            self.tell_off(leg, NotReached::NoAnswer);
        }
        self.nobody_comes(id, NotReached::NoAnswer);
    }

    /// The last who could have come does not.
    pub(super) fn nobody_comes(&mut self, id: RingId, why: NotReached) {
        let Some(ring) = self.take_ring(id) else {
            return;
        };
        match ring.wants {
            Wants::Placed { .. } => {}
            Wants::Caller { caller } => return self.leaves(caller, Ending::NotReached(why)),
            Wants::Invitation { bot, operation } => {
                self.invitee_failed(bot, operation, why);
                self.invitation_may_be_done(bot, operation);
            }
            Wants::Transfer { bot, .. } => self.transfer_failed(bot, why),
        }
        self.end_if_alone(Ending::NotReached(why));
    }

    /// A ring ends without its end being of interest any more.
    pub(super) fn call_off(&mut self, id: RingId) {
        let Some(ring) = self.take_ring(id) else {
            return;
        };
        for leg in ring.legs {
            self.tell_off(leg, NotReached::Cancelled);
        }
    }

    pub(super) fn take_ring(&mut self, id: RingId) -> Option<Ring> {
        let at = self.rings.iter().position(|ring| ring.id == id)?;
        self.timers.stop(Timer::SomebodyMustCome(id));
        Some(self.rings.remove(at))
    }

    /// Takes somebody who rings out of the call.
    fn tell_off(&mut self, leg: LegId, why: NotReached) {
        self.bot_ends(leg, Ending::CallerGaveUp);
        self.phone_ends(leg, Ending::NotReached(why));
    }
}
