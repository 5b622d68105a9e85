//! The other party is connected with somebody else, and the bot is out of it.
//!
//! ```text
//!   bot            call                          transferee            target
//!    │─ Transfer ──▶│── Refer ─────────────────────▶│                     │
//!    │◀ Transferring│◀──────────────── ReferRefused │  (or ReferDone: it calls by itself and leaves)
//!    │              │── Ringback ──────────────────▶│                     │
//!    │              │── Call ────────────────────────────────────────────▶│
//!    │              │◀─────────────────────────────────────────  Answered │
//!    │◀ TransferAccepted, Terminated                │◀═══════ audio ═════▶│
//! ```
//!
//! What a bot plays, records and presses is cancelled when its transfer is accepted: the party it is
//! meant for is on its way out. When the transfer fails the party is back, and the bot may ask again.
//!
//! In a call of many only the transferee moves: it talks aside with whoever was called, in the same
//! call (what belongs together keeps its id) and out of everybody's hearing. The bot stays where it
//! is: the roster tells it of success, and a failure is told as in a call of two.
//!
//! In a consultative transfer the transferee's leg is handed over to the bot's other call, where it
//! takes the place of the bot. See `handover.rs`.

use std::time::Duration;

use offhook_terms::LegId;

use super::Call;
use crate::phone::Stage;
use crate::ring::{RingId, Wants};
use crate::{
    Accepted, CameBy, Ending, Fact, Invitee, LegState, NotReached, Party, Purpose, Refusal,
    SignalRequest,
};

impl Call {
    pub(super) fn transfer(
        &mut self,
        leg: LegId,
        transferee: Option<LegId>,
        target: Invitee,
        ring_for: Duration,
    ) -> Result<Accepted, Refusal> {
        let transferee = self.transferee(leg, transferee)?;
        self.room_for(1)?;
        self.begin_transfer(leg);
        let wants = Wants::Transfer {
            bot: leg,
            transferee,
        };
        let id = self.new_ring(wants, ring_for);
        let is_bot = matches!(target.party, Party::Bot { .. });
        let (party, context) = (target.party.clone(), target.context.clone());
        if let Some(ring) = self.rings.iter_mut().find(|ring| ring.id == id) {
            ring.unrung = Some(target);
        }
        // A bot has no address that a phone could call.
        match is_bot {
            true => self.bridge(id),
            false => self.signal(SignalRequest::Refer {
                leg: transferee,
                target: party,
                context,
            }),
        }
        Ok(Accepted)
    }

    pub(super) fn transfer_to(
        &mut self,
        leg: LegId,
        transferee: Option<LegId>,
        replaces: LegId,
    ) -> Result<Accepted, Refusal> {
        let transferee = self.transferee(leg, transferee)?;
        if self.bot(replaces).is_some() {
            return Err(Refusal::NoSuchReplacedCall);
        }
        self.begin_transfer(leg);
        self.hand_over(transferee, leg, replaces, Purpose::Transfer);
        Ok(Accepted)
    }

    /// The phone a bot may transfer.
    fn transferee(&self, leg: LegId, named: Option<LegId>) -> Result<LegId, Refusal> {
        if self.told_bot(leg).and_then(|bot| bot.state) == Some(LegState::Transferring) {
            return Err(Refusal::TransferConflict);
        }
        self.established(leg)?;
        let side = self.side_of(leg).unwrap_or(0);
        let is_it = |phone: &&crate::phone::Phone| {
            phone.stage == Stage::Talking
                && phone.voice.side == side
                && named.is_none_or(|named| named == phone.leg)
        };
        if self.is_group(side) && named.is_none() {
            return Err(Refusal::NoSuchParticipant);
        }
        let transferee = self.phones.iter().find(is_it).map(|phone| phone.leg);
        let transferee = transferee.ok_or(Refusal::NoSuchParticipant)?;
        let is_transferred = |wants: Wants| matches!(wants, Wants::Transfer { transferee: one, .. } if one == transferee);
        let is_on_its_way = self.away.iter().any(|away| away.leg == transferee);
        if is_on_its_way || self.rings.iter().any(|ring| is_transferred(ring.wants)) {
            return Err(Refusal::TransferConflict);
        }
        Ok(transferee)
    }

    fn begin_transfer(&mut self, leg: LegId) {
        if !self.is_group(self.side_of(leg).unwrap_or(0)) {
            self.cancel_operations(leg, |_| true);
            self.tell(leg, Fact::Transferring);
        }
    }

    pub(super) fn on_refer_refused(&mut self, leg: LegId) {
        if let Some(id) = self.referring(leg) {
            self.bridge(id);
        }
    }

    /// The phone reached the target by itself, and needs us no more.
    pub(super) fn on_refer_done(&mut self, leg: LegId) {
        let Some(ring) = self.referring(leg).and_then(|id| self.take_ring(id)) else {
            return;
        };
        let Wants::Transfer { bot, .. } = ring.wants else {
            return;
        };
        let side = self.side_of(bot).unwrap_or(0);
        if self.is_group(side) {
            return self.leaves(leg, Ending::Transferred);
        }
        self.tell(bot, Fact::TransferAccepted);
        self.end_side(side, Ending::Transferred, None);
    }

    pub(super) fn on_refer_failed(&mut self, leg: LegId, why: NotReached) {
        let ring = self.referring(leg).and_then(|id| self.take_ring(id));
        if let Some(Wants::Transfer { bot, .. }) = ring.map(|ring| ring.wants) {
            self.transfer_failed(bot, why);
        }
    }

    /// The transfer that is in the hands of this phone.
    fn referring(&self, leg: LegId) -> Option<RingId> {
        let is_it =
            |wants: Wants| matches!(wants, Wants::Transfer { transferee, .. } if transferee == leg);
        let mut rings = self.rings.iter();
        rings
            .find(|ring| ring.unrung.is_some() && is_it(ring.wants))
            .map(|ring| ring.id)
    }

    /// Calls the target on behalf of the transferee.
    fn bridge(&mut self, id: RingId) {
        let Some(ring) = self.rings.iter_mut().find(|ring| ring.id == id) else {
            return;
        };
        let (wants, target) = (ring.wants, ring.unrung.take());
        let (Wants::Transfer { bot, .. }, Some(target)) = (wants, target) else {
            return;
        };
        let transferor = self.party_of(bot).expect("its bot is in the call");
        self.ring(id, target, CameBy::Transferred { transferor }, None);
    }

    /// The target came.
    pub(super) fn transferred(&mut self, bot: LegId, transferee: LegId, target: LegId) {
        let side = self.side_of(bot).unwrap_or(0);
        if !self.is_group(side) {
            self.tell(bot, Fact::TransferAccepted);
            return self.bot_ends(bot, Ending::Transferred);
        }
        self.sides += 1;
        let aside = self.sides;
        self.put_aside(transferee, aside);
        self.put_aside(target, aside);
        self.end_if_alone(Ending::OthersLeft);
    }

    fn put_aside(&mut self, leg: LegId, aside: u32) {
        self.let_go(leg);
        let phone = self.phone(leg).map(|phone| &mut phone.voice);
        if let Some(voice) = phone {
            voice.side = aside;
            voice.is_muted = false;
        }
        if let Some(bot) = self.bot(leg) {
            bot.voice.side = aside;
        }
    }

    pub(super) fn transfer_failed(&mut self, bot: LegId, why: NotReached) {
        let consultative = false;
        self.tell(bot, Fact::TransferFailed { consultative, why });
    }
}
