//! The one way a call ends.
//!
//! Whatever the reason, the order is the same: phones that are still there are told, operations
//! end, ports close, the bot is told last, and then the call is over. Nothing follows.

use offhook_terms::LegId;

use super::{Call, Output};
use crate::phone::Stage;
use crate::{Accepted, Ending, Fact, LegState, Loss, MediaRequest, Refusal, RejectReason};

impl Call {
    pub(super) fn hang_up(&mut self) -> Result<Accepted, Refusal> {
        if self.bot.state == Some(LegState::Incoming) {
            return self.reject(RejectReason::None);
        }
        self.tell(Fact::Terminating);
        self.end(Ending::BotHungUp);
        Ok(Accepted)
    }

    /// The caller gave up. When we had answered at that very moment, it depends on the wire which
    /// of the two was first: a BYE ends the call where the answer was, and where the CANCEL was
    /// there is nothing left to end. So the signalling is asked to hang up in this one case.
    pub(super) fn on_cancelled(&mut self, leg: LegId) {
        let Some(phone) = self.phone(leg) else { return };
        match phone.stage {
            Stage::Opening | Stage::Ringing { .. } => self.phone_left(leg, Ending::CallerGaveUp),
            Stage::Answering => self.drop_phone(leg, Ending::CallerGaveUp),
            // CANCEL has no effect on a request that was answered (RFC 3261 §9.2).
            Stage::Talking | Stage::Gone => {}
        }
    }

    pub(super) fn on_hung_up(&mut self, leg: LegId) {
        let Some(phone) = self.phone(leg) else { return };
        let ending = match phone.stage {
            // A caller may say BYE instead of CANCEL while it hears ringing (RFC 3261 §15).
            Stage::Opening | Stage::Ringing { .. } => Ending::CallerGaveUp,
            Stage::Answering | Stage::Talking | Stage::Gone => Ending::CallerHungUp,
        };
        self.phone_left(leg, ending);
    }

    pub(super) fn on_signalling_lost(&mut self, leg: LegId, loss: Loss) {
        let ending = match loss {
            Loss::Unacknowledged => Ending::NotAcknowledged,
            Loss::SessionExpired | Loss::Unreachable => Ending::SignallingLost,
        };
        self.drop_phone(leg, ending);
    }

    pub(super) fn on_audio_lost(&mut self, leg: LegId) {
        let Some(phone) = self.phone(leg) else { return };
        if matches!(phone.stage, Stage::Answering | Stage::Talking) {
            self.drop_phone(leg, Ending::AudioLost);
        }
    }

    /// A phone must go: it is told, and the call goes on only if others are left.
    pub(super) fn drop_phone(&mut self, leg: LegId, ending: Ending) {
        let Some(phone) = self.phone(leg) else { return };
        let farewell = phone.farewell(ending);
        farewell
            .into_iter()
            .for_each(|request| self.signal(request));
        self.phone_left(leg, ending);
    }

    /// A phone is gone: the call goes on only if others are left.
    pub(super) fn phone_left(&mut self, leg: LegId, ending: Ending) {
        let Some(phone) = self.phone(leg) else { return };
        phone.stage = Stage::Gone;
        if self.phones.len() == 1 {
            return self.end(ending);
        }
        self.phones.retain(|phone| phone.leg != leg);
        self.media(MediaRequest::Close { leg });
        self.audio_may_have_changed();
    }

    pub(super) fn end(&mut self, ending: Ending) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        tracing::debug!(call = %self.id, ?ending, "the call ends");
        self.timers.stop_all();
        let phones = std::mem::take(&mut self.phones);
        for farewell in phones.iter().filter_map(|phone| phone.farewell(ending)) {
            self.signal(farewell);
        }
        self.cancel_operations();
        for phone in &phones {
            self.media(MediaRequest::Close { leg: phone.leg });
        }
        if self.bot.state.is_some() {
            self.tell(Fact::Terminated(ending));
        }
        self.outputs.push_back(Output::Over {
            ending,
            was_established: self.bot.was_established,
        });
    }
}
