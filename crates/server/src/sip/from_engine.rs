//! What the engine asks of a phone's signalling, in SIP's words.

use offhook_engine::{Ending, SignalRequest, TurnDown};
use offhook_sip::{Refusal, Session};
use offhook_terms::LegId;

/// A phone's leg: which it is, and the session behind it. A value that can move to another call.
pub(crate) struct PhoneLeg {
    leg: LegId,
    session: Session,
}

impl PhoneLeg {
    pub(super) fn new(leg: LegId, session: Session) -> Self {
        Self { leg, session }
    }

    /// Which leg.
    pub(crate) fn leg(&self) -> LegId {
        self.leg
    }

    /// Does what the call asks. Never waits; what comes of it arrives as a signal.
    pub(crate) fn perform(&mut self, request: SignalRequest) {
        match request {
            SignalRequest::Ring { .. } => self.session.ring(),
            SignalRequest::Answer { description, .. } => {
                self.session
                    .answer(description.as_str().as_bytes().to_vec());
            }
            SignalRequest::TurnDown { why, .. } => self.session.refuse(refusal(why)),
            SignalRequest::HangUp { why, .. } => self.session.hang_up(reason(why)),
            SignalRequest::AcceptOffer { description, .. } => {
                self.session
                    .accept_offer(description.as_str().as_bytes().to_vec());
            }
            SignalRequest::RefuseOffer { .. } => self.session.refuse_offer(488),
        }
    }
}

/// The status a caller is turned down with (RFC 3261 §21), and the words for whoever reads a trace.
fn refusal(why: TurnDown) -> Refusal {
    match why {
        TurnDown::Busy => Refusal::new(486).because("The bot is busy"),
        TurnDown::Forbidden => Refusal::new(403).because("The bot does not take this caller"),
        TurnDown::Declined => Refusal::new(603).because("The bot declined the call"),
        TurnDown::NoDecision => {
            Refusal::new(480).because("The bot did not answer the call in time")
        }
        TurnDown::NotAcceptable => Refusal::new(488)
            .because("The offer has no audio this platform speaks: G.711 over RTP/AVP"),
        TurnDown::Unavailable => Refusal::new(503)
            .because("The platform is going down")
            .retry_after(10),
    }
}

/// Why we hang up, for whoever reads a trace; an ordinary ending needs no reason.
fn reason(why: Ending) -> Option<&'static str> {
    match why {
        Ending::KeepAliveMissed => Some("The bot was not heard of for too long"),
        Ending::NotAcknowledged => Some("The answer was never acknowledged"),
        Ending::AudioLost => Some("No audio was received for too long"),
        Ending::SignallingLost => Some("The session was lost"),
        Ending::PlatformStopping => Some("The platform is going down"),
        Ending::Fault => Some("The platform had a fault"),
        _ => None,
    }
}
