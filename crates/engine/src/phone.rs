//! A phone's leg, as its call sees it.

use offhook_terms::LegId;

use crate::{Description, Ending, Party, RejectReason, SignalRequest, TurnDown};

/// A phone in a call. It is the value that moves when a leg is handed over, so everything the call
/// knows of the phone is in here.
#[derive(Debug)]
pub(crate) struct Phone {
    pub(crate) leg: LegId,
    pub(crate) party: Party,
    pub(crate) stage: Stage,
    pub(crate) held: bool,
    /// It proposed a new description, and media is looking at it.
    pub(crate) reoffered: bool,
    /// The offer on the table is ours, so its answer comes with the ACK (RFC 3264 §4).
    pub(crate) owes_answer: bool,
    /// Where its key presses are taken from; see `call/tones.rs`.
    pub(crate) tones_from: Option<ToneSource>,
}

/// How far a phone has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Media is looking at its offer.
    Opening,
    /// It hears ringing; its port is ready and this is our side of it.
    Ringing { ours: Description },
    /// We answered, and it has not said that it knows.
    Answering,
    /// Both sides know.
    Talking,
    /// It left by itself.
    Gone,
}

/// How a phone sends its key presses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ToneSource {
    /// In the audio stream (RFC 4733).
    Audio,
    /// Beside it (SIP INFO).
    Signalling,
}

impl Phone {
    pub(crate) fn arriving(leg: LegId, party: Party, with_offer: bool) -> Self {
        Self {
            leg,
            party,
            stage: Stage::Opening,
            held: false,
            reoffered: false,
            owes_answer: !with_offer,
            tones_from: None,
        }
    }

    /// Audio flows between it and the room.
    pub(crate) fn is_heard(&self) -> bool {
        self.stage == Stage::Talking && !self.held
    }

    /// The last thing to ask of its signalling. Nothing if it left by itself.
    pub(crate) fn farewell(&self, ending: Ending) -> Option<SignalRequest> {
        let leg = self.leg;
        match self.stage {
            Stage::Opening | Stage::Ringing { .. } => Some(SignalRequest::TurnDown {
                leg,
                why: turn_down(ending),
            }),
            Stage::Answering | Stage::Talking => Some(SignalRequest::HangUp { leg, why: ending }),
            Stage::Gone => None,
        }
    }
}

/// What a caller is turned down with when its call ends before an answer.
fn turn_down(ending: Ending) -> TurnDown {
    match ending {
        Ending::BotRejected(RejectReason::None) => TurnDown::Declined,
        Ending::BotRejected(RejectReason::Busy) => TurnDown::Busy,
        Ending::BotRejected(RejectReason::Forbidden) => TurnDown::Forbidden,
        Ending::BotDidNotDecide | Ending::BotUnreachable => TurnDown::NoDecision,
        Ending::OfferRefused => TurnDown::NotAcceptable,
        Ending::BotHungUp
        | Ending::CallerHungUp
        | Ending::CallerGaveUp
        | Ending::NotReached(_)
        | Ending::Transferred
        | Ending::Redirected
        | Ending::Removed
        | Ending::OthersLeft
        | Ending::KeepAliveMissed
        | Ending::NotAcknowledged
        | Ending::SignallingLost
        | Ending::AudioLost
        | Ending::PlatformStopping
        | Ending::Fault => TurnDown::Unavailable,
    }
}
