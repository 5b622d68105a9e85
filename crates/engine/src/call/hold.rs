//! New offers on a running call, and when audio flows.
//!
//! A phone that puts the call on hold, or moves to another address, proposes a new description.
//! Media reads it and says what it means; the call answers the phone and tells the bot when audio
//! stops or flows again.

use offhook_terms::LegId;

use super::Call;
use crate::phone::Stage;
use crate::{Description, Fact, LegState, MediaRequest, SignalRequest};

impl Call {
    pub(super) fn on_reoffered(&mut self, leg: LegId, offer: Option<Description>) {
        let Some(phone) = self.phone(leg) else { return };
        // One exchange at a time (RFC 3264 §4): while the first answer is not acknowledged or
        // another proposal is being looked at, the phone must ask again later (RFC 3261 §14.2).
        if phone.stage != Stage::Talking || phone.reoffered || phone.owes_answer {
            return self.signal(SignalRequest::RefuseOffer { leg });
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
        self.audio_may_have_changed();
    }

    pub(super) fn on_reopen_refused(&mut self, leg: LegId) {
        let Some(phone) = self.phone(leg) else { return };
        phone.owes_answer = false;
        if std::mem::take(&mut phone.reoffered) {
            self.signal(SignalRequest::RefuseOffer { leg });
        }
    }

    /// Tells the bot when audio began to flow or stopped.
    pub(super) fn audio_may_have_changed(&mut self) {
        let flows = self.phones.iter().any(|phone| phone.is_heard());
        if self.bot.state == Some(LegState::Established) && flows != self.bot.audio_flows {
            self.tell(match flows {
                true => Fact::AudioFlows,
                false => Fact::AudioStopped,
            });
        }
    }
}
