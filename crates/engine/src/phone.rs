//! A phone's leg, as its call sees it.

use offhook_terms::LegId;

use crate::voice::Voice;
use crate::{
    Description, Ending, Invitee, Misfit, NotReached, Participant, Party, RecordingStatus,
    RejectReason, SignalRequest, SipContext, TurnDown,
};

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
    /// Media was asked to listen for its key presses.
    pub(crate) is_listened_to: bool,
    /// Media has a port for it, or is making one.
    pub(crate) has_port: bool,
    /// Why its offer could not be served, if it could not.
    pub(crate) misfit: Option<Misfit>,
    /// It was told that whom it calls is alerted.
    pub(crate) was_rung: bool,
    pub(crate) voice: Voice,
}

/// How far a phone has come. The first three are of phones that call, the two before `Gone` of phones
/// that are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Media is looking at its offer.
    Opening(Then),
    /// It hears ringing; its port is ready and this is our side of it.
    Ringing { ours: Description },
    /// We answered, and it has not said that it knows.
    Answering,
    /// Both sides know.
    Talking,
    /// Media is making our offer for it.
    Offering {
        /// Who calls, as it is to see it.
        caller: Party,
        /// What it is told of the call.
        context: SipContext,
    },
    /// It is being called.
    Called,
    /// It left by itself.
    Gone,
}

/// What follows once a caller's offer is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Then {
    /// The bot of this leg is told.
    Tell(LegId),
    /// Somebody is called.
    Call(Invitee),
    /// It is answered, because it dialled into a meeting.
    Join,
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
    pub(crate) fn arriving(leg: LegId, party: Party, with_offer: bool, then: Then) -> Self {
        Self {
            leg,
            party,
            stage: Stage::Opening(then),
            held: false,
            reoffered: false,
            owes_answer: !with_offer,
            tones_from: None,
            is_listened_to: false,
            has_port: true,
            misfit: None,
            was_rung: false,
            voice: Voice::new(0),
        }
    }

    /// A phone that we call.
    pub(crate) fn called(leg: LegId, party: Party, caller: Party, context: SipContext) -> Self {
        Self {
            stage: Stage::Offering { caller, context },
            owes_answer: false,
            ..Self::arriving(leg, party, true, Then::Join)
        }
    }

    /// Audio flows between it and the room.
    pub(crate) fn is_heard(&self) -> bool {
        self.stage == Stage::Talking && !self.held
    }

    /// Its port runs in the room.
    pub(crate) fn is_in_room(&self) -> bool {
        matches!(self.stage, Stage::Answering | Stage::Talking)
    }

    /// It is called by us and has not come yet.
    pub(crate) fn is_called(&self) -> bool {
        matches!(self.stage, Stage::Offering { .. } | Stage::Called)
    }

    /// The last thing to ask of its signalling. Nothing if it left by itself, or was never reached.
    pub(crate) fn farewell(&self, ending: Ending) -> Option<SignalRequest> {
        let leg = self.leg;
        match self.stage {
            Stage::Opening(_) | Stage::Ringing { .. } => Some(SignalRequest::TurnDown {
                leg,
                why: match self.misfit {
                    Some(Misfit::NoRoom) => TurnDown::Unavailable,
                    Some(misfit) => TurnDown::NotAcceptable(misfit),
                    None => turn_down(ending),
                },
            }),
            Stage::Called | Stage::Answering | Stage::Talking => {
                Some(SignalRequest::HangUp { leg, why: ending })
            }
            Stage::Offering { .. } | Stage::Gone => None,
        }
    }

    /// What bots are shown of it.
    pub(crate) fn participant(&self, is_held: bool) -> Participant {
        Participant {
            shares_screen: false,
            leg: self.leg,
            party: self.party.clone(),
            is_muted: self.voice.is_muted,
            is_held,
            recording: RecordingStatus::default(),
            changed: 0,
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
        Ending::NotReached(why) => TurnDown::NotReached(why),
        // Whoever took the redirected call was gone before the caller could be answered.
        Ending::CallerHungUp | Ending::BotHungUp => TurnDown::NotReached(NotReached::Refused),
        Ending::CallerGaveUp
        | Ending::Transferred
        | Ending::Redirected
        | Ending::Removed
        | Ending::OthersLeft
        | Ending::OfferRefused
        | Ending::KeepAliveMissed
        | Ending::NotAcknowledged
        | Ending::SignallingLost
        | Ending::AudioLost
        | Ending::PlatformStopping
        | Ending::Fault => TurnDown::Unavailable,
    }
}
