//! From the phone's offer to a conversation, or to a refusal.
//!
//! ```text
//!   phone                    call                    media              bot
//!     │ (arrived)             │── Open ───────────────▶│                 │
//!     │                       │◀────────────── Opened ─│                 │
//!     │◀──────────────── Ring │── Incoming ─────────────────────────────▶│
//!     │                       │◀───────────────────────────────── Answer │
//!     │                       │── Establishing ─────────────────────────▶│
//!     │◀────────────── Answer │── Start ──────────────▶│                 │
//!     │ Confirmed ───────────▶│── Established, AudioFlows ──────────────▶│
//! ```

use offhook_terms::LegId;

use super::Call;
use crate::phone::Stage;
use crate::{
    Accepted, Description, Ending, Fact, LegState, MediaRequest, Refusal, RejectReason,
    SignalRequest, Timer, limits,
};

impl Call {
    pub(super) fn on_opened(&mut self, leg: LegId, description: Description) {
        let Some(phone) = self.phone(leg) else { return };
        if phone.stage != Stage::Opening {
            return;
        }
        phone.stage = Stage::Ringing { ours: description };
        self.signal(SignalRequest::Ring { leg });
        self.tell(Fact::Incoming {
            caller: self.bot.caller.clone(),
            caller_leg: leg,
        });
        let (decide, alive) = (limits::BOT_DECIDES_WITHIN, limits::KEEP_ALIVE_WITHIN);
        self.timers.start(Timer::BotMustDecide, self.now, decide);
        self.timers.start(Timer::BotMustKeepAlive, self.now, alive);
    }

    /// What the phone described cannot be served: its offer, or its answer to an offer of ours.
    pub(super) fn on_refused(&mut self, leg: LegId) {
        let Some(phone) = self.phone(leg) else { return };
        match phone.stage {
            Stage::Opening => {
                // There is no port to close.
                let farewell = phone.farewell(Ending::OfferRefused);
                self.phones.clear();
                farewell
                    .into_iter()
                    .for_each(|request| self.signal(request));
                self.end(Ending::OfferRefused);
            }
            Stage::Ringing { .. } | Stage::Gone => {}
            Stage::Answering | Stage::Talking => self.drop_phone(leg, Ending::AudioLost),
        }
    }

    pub(super) fn answer(&mut self) -> Result<Accepted, Refusal> {
        let phone = self.phones.iter_mut().find_map(|phone| match &phone.stage {
            Stage::Ringing { ours } => Some((phone.leg, ours.clone())),
            _ => None,
        });
        let (leg, description) = phone.ok_or(Refusal::AlreadyDecided)?;
        self.timers.stop(Timer::BotMustDecide);
        self.phone(leg).expect("it was found a moment ago").stage = Stage::Answering;
        self.tell(Fact::Establishing);
        self.signal(SignalRequest::Answer { leg, description });
        self.media(MediaRequest::Start { leg });
        Ok(Accepted)
    }

    pub(super) fn reject(&mut self, reason: RejectReason) -> Result<Accepted, Refusal> {
        if self.bot.state != Some(LegState::Incoming) {
            return Err(Refusal::WrongState);
        }
        self.end(Ending::BotRejected(reason));
        Ok(Accepted)
    }

    /// An ACK: of our answer, or of our side of a new offer (see `hold.rs`).
    pub(super) fn on_confirmed(&mut self, leg: LegId, answer: Option<Description>) {
        let Some(phone) = self.phone(leg) else { return };
        let is_first = match phone.stage {
            Stage::Answering => true,
            Stage::Talking => false,
            Stage::Opening | Stage::Ringing { .. } | Stage::Gone => return,
        };
        phone.stage = Stage::Talking;
        if std::mem::take(&mut phone.owes_answer) {
            match answer {
                Some(answer) => self.media(MediaRequest::Complete { leg, answer }),
                // Our offer was never answered, so nobody knows where to send audio.
                None => return self.drop_phone(leg, Ending::AudioLost),
            }
        }
        if is_first {
            self.tell(Fact::Established);
            self.audio_may_have_changed();
        }
    }
}
