//! Others are let in.
//!
//! Each invitee rings by itself; the operation ends once, with the last of them: done when all came,
//! failed with the reason of the first who did not otherwise. Whoever came stays either way.
//!
//! An invitation in a call of two makes it a call of many from then on (whether a bot may ask for
//! that is the edge's to decide). The party of another call of the bot is fetched instead of rung:
//! that call is asked for it, and hands its leg over.

use std::time::{Duration, Instant};

use offhook_terms::{LegId, OperationId};

use super::{Call, Output, Shape};
use crate::operation::{Operation, Work};
use crate::ring::Wants;
use crate::{Accepted, CameBy, Invitee, NotReached, Party, Purpose, Refusal, limits};

impl Call {
    pub(super) fn invite(
        &mut self,
        leg: LegId,
        operation: OperationId,
        invitees: Vec<Invitee>,
        replaces: Option<LegId>,
        ring_for: Duration,
        context: Option<String>,
    ) -> Result<Accepted, Refusal> {
        self.established(leg)?;
        if invitees.is_empty() || invitees.len() > limits::INVITEES_MAX {
            return Err(Refusal::OutOfBounds);
        }
        if let Some(replaces) = replaces {
            if invitees.len() > 1 {
                return Err(Refusal::OutOfBounds);
            }
            if self.bot(replaces).is_some() {
                return Err(Refusal::NoSuchReplacedCall);
            }
        }
        for (at, invitee) in invitees.iter().enumerate() {
            let twice = invitees[..at].iter().any(|one| is_same(one, invitee));
            if twice || self.is_here(&invitee.party) {
                return Err(Refusal::AlreadyInvited);
            }
        }
        self.room_for(invitees.len())?;
        let Some(bot) = self.bot(leg).filter(|bot| !bot.operations.is_full()) else {
            return Err(Refusal::TooManyOperations);
        };
        let work = Work::Invite {
            invitees: invitees.clone(),
            failed: None,
        };
        bot.operations
            .push(Operation::new(operation, leg, work, context));
        let side = bot.voice.side;
        if self.shape == Shape::Two && side == 0 {
            self.shape = Shape::Many;
        }
        let wants = Wants::Invitation {
            bot: leg,
            operation,
        };
        for invitee in invitees {
            let ring = self.new_ring(wants, ring_for);
            match replaces {
                None => self.ring(ring, invitee, CameBy::Invited, None),
                Some(from) => {
                    if let Some(ring) = self.rings.iter_mut().find(|one| one.id == ring) {
                        ring.fetched = Some(invitee.party);
                    }
                    self.outputs.push_back(Output::Fetch {
                        from,
                        to: leg,
                        purpose: Purpose::Invitation(operation),
                    });
                }
            }
        }
        Ok(Accepted)
    }

    /// What this call asked for with [`Output::Fetch`] is not given: the other call refused, is none,
    /// or lost its party meanwhile. `to` and `purpose` are those of the output.
    pub fn handle_not_given(
        &mut self,
        to: LegId,
        purpose: Purpose,
        refusal: Refusal,
        now: Instant,
    ) {
        self.now = now;
        let why = match refusal {
            Refusal::NoSuchReplacedCall | Refusal::NoSuchLeg | Refusal::Terminated => {
                NotReached::Nobody
            }
            _ => NotReached::Refused,
        };
        if let Purpose::Invitation(operation) = purpose {
            let wants = Wants::Invitation { bot: to, operation };
            let mut rings = self.rings.iter();
            let fetching = rings.find(|ring| ring.wants == wants && ring.fetched.is_some());
            if let Some(id) = fetching.map(|ring| ring.id) {
                self.nobody_comes(id, why);
            }
        }
        self.settle();
    }

    pub(super) fn invitee_failed(&mut self, bot: LegId, operation: OperationId, why: NotReached) {
        let bot = self.bot(bot);
        if let Some(operation) = bot.and_then(|bot| bot.operations.find(operation)) {
            operation.invitee_failed(why);
        }
    }

    /// The operation ends with the last of its rings.
    pub(super) fn invitation_may_be_done(&mut self, bot: LegId, operation: OperationId) {
        let wants = Wants::Invitation { bot, operation };
        if self.rings.iter().any(|ring| ring.wants == wants) {
            return;
        }
        let bot_ref = self.bot(bot);
        let invitation = bot_ref.and_then(|bot| bot.operations.find(operation));
        if let Some(outcome) = invitation.map(|invitation| invitation.invited()) {
            self.end_operation(bot, operation, outcome);
        }
    }

    /// Somebody is in this call, or on the way into it.
    fn is_here(&self, party: &Party) -> bool {
        let phones = self.phones.iter().map(|phone| &phone.party);
        let fetched = self.rings.iter().filter_map(|ring| ring.fetched.as_ref());
        let unrung = self.rings.iter().filter_map(|ring| ring.unrung.as_ref());
        let unrung = unrung.map(|invitee| &invitee.party);
        let bots = self.bots.iter().filter(|bot| bot.is_live());
        phones
            .chain(fetched)
            .chain(unrung)
            .any(|one| is_same_party(one, party))
            || bots
                .map(|bot| bot.app)
                .any(|app| *party == Party::Bot { app })
    }
}

fn is_same(one: &Invitee, other: &Invitee) -> bool {
    is_same_party(&one.party, &other.party)
}

/// What somebody calls itself proves nothing: two guests may have one name.
fn is_same_party(one: &Party, other: &Party) -> bool {
    match (one, other) {
        (Party::Person { id: one, .. }, Party::Person { id: other, .. }) => one == other,
        (Party::Phone { number: one }, Party::Phone { number: other }) => one == other,
        (Party::Bot { app: one }, Party::Bot { app: other }) => one == other,
        _ => false,
    }
}
