//! New offers on a running call, and when audio flows.
//!
//! A phone that puts the call on hold, or moves to another address, proposes a new description.
//! Media reads it and says what it means; the call answers the phone and tells the bot when audio
//! stops or flows again.

use offhook_terms::LegId;

use super::Call;
use crate::phone::Stage;
use crate::{Description, Fact, LegState, MediaRequest, Misfit, SignalRequest};

impl Call {
    pub(super) fn on_reoffered(&mut self, leg: LegId, offer: Option<Description>) {
        let Some(phone) = self.phone(leg) else { return };
        // One exchange at a time (RFC 3264 §4): while the first answer is not acknowledged or
        // another proposal is being looked at, the phone must ask again later (RFC 3261 §14.2).
        if phone.stage != Stage::Talking || phone.reoffered || phone.owes_answer {
            return self.signal(SignalRequest::RefuseOffer { leg, why: None });
        }
        phone.reoffered = true;
        phone.owes_answer = offer.is_none();
        self.media(MediaRequest::Reopen { leg, offer });
    }

    pub(super) fn on_reopened(&mut self, leg: LegId, description: Description, held: bool) {
        let Some(phone) = self.phone(leg) else { return };
        phone.held = held;
        // Without a proposal of the phone's on the table, its ACK answered one of ours: media says
        // where that leaves us, and nobody waits for a description.
        if std::mem::take(&mut phone.reoffered) {
            self.signal(SignalRequest::AcceptOffer { leg, description });
        }
    }

    pub(super) fn on_reopen_refused(&mut self, leg: LegId, why: Misfit) {
        let Some(phone) = self.phone(leg) else { return };
        phone.owes_answer = false;
        if std::mem::take(&mut phone.reoffered) {
            let why = Some(why);
            self.signal(SignalRequest::RefuseOffer { leg, why });
        }
    }

    /// Tells bots when audio began to flow or stopped. In a call of two it flows to and from the
    /// other party; in a call of many there is always a room to hear and be heard in.
    pub(super) fn settle_audio(&mut self) {
        let changed: Vec<(LegId, bool)> = self
            .bots
            .iter()
            .filter(|bot| bot.state == Some(LegState::Established))
            // Nobody knows how it ends while the party is on its way to another call.
            .filter(|bot| self.away.iter().all(|away| away.side != bot.voice.side))
            .map(|bot| (bot.leg, bot.audio_flows, self.audio_flows(bot.leg)))
            .filter(|(_, flowed, flows)| flowed != flows)
            .map(|(leg, _, flows)| (leg, flows))
            .collect();
        for (leg, flows) in changed {
            self.tell(
                leg,
                match flows {
                    true => Fact::AudioFlows,
                    false => Fact::AudioStopped,
                },
            );
        }
    }

    fn audio_flows(&self, leg: LegId) -> bool {
        let side = self.side_of(leg).unwrap_or(0);
        let mut phones = self.phones.iter();
        let mut bots = self.bots.iter();
        self.is_group(side)
            || phones.any(|phone| phone.voice.side == side && phone.is_heard())
            || bots.any(|bot| bot.leg != leg && bot.voice.side == side && bot.is_talking())
    }
}
