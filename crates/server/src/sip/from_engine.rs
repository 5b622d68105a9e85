//! What the engine asks of a phone's signalling, in SIP's words.

use offhook_engine::{Ending, Misfit, NotReached, TurnDown};
use offhook_sip::Refusal;

/// The status a caller is turned down with (RFC 3261 §21), and the words for whoever reads a trace.
pub(super) fn refusal(why: TurnDown) -> Refusal {
    match why {
        TurnDown::Busy => Refusal::new(486).because("The bot is busy"),
        TurnDown::Forbidden => Refusal::new(403).because("The bot does not take this caller"),
        TurnDown::Declined => Refusal::new(603).because("The bot declined the call"),
        TurnDown::NoDecision => {
            Refusal::new(480).because("The bot did not answer the call in time")
        }
        TurnDown::NotReached(why) => not_reached(why),
        TurnDown::NotAcceptable(misfit) => not_acceptable(misfit),
        TurnDown::Unavailable => Refusal::new(503)
            .because("The platform is going down")
            .retry_after(10),
    }
}

/// What is wrong with an offer (RFC 3261 §20.43, §21.4.26).
pub(super) fn not_acceptable(misfit: Misfit) -> Refusal {
    let (code, words) = match misfit {
        Misfit::NoAudio => (304, "The offer has no audio over RTP"),
        Misfit::NoCommonCodec => (305, "Opus, G722, PCMU and PCMA are spoken here"),
        Misfit::Address => (301, "The address of the audio cannot be used from here"),
        Misfit::Encryption => (302, "The encryption offered is not what is spoken here"),
        Misfit::Unreadable => (399, "The offer cannot be understood"),
        Misfit::NoRoom => (399, "There is no room for this at the moment"),
    };
    Refusal::new(488).because(words).warning(code, words)
}

/// What a caller hears of somebody else who was called for it (RFC 3261 §21).
fn not_reached(why: NotReached) -> Refusal {
    let (status, words) = match why {
        NotReached::Declined => (603, "The called party declined"),
        NotReached::Busy => (486, "The called party is busy"),
        NotReached::NoAnswer => (480, "The called party did not answer"),
        NotReached::Nobody => (480, "The called party has no device"),
        NotReached::Unreachable => (480, "The called party could not be reached"),
        NotReached::NotRouted => (403, "The called number may not be dialled from here"),
        NotReached::NoCommonMedia => (488, "There are no common media"),
        NotReached::Refused | NotReached::Cancelled => (480, "The call could not be completed"),
    };
    Refusal::new(status).because(words)
}

/// Why we hang up, for whoever reads a trace; an ordinary ending needs no reason.
pub(super) fn reason(why: Ending) -> Option<&'static str> {
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
