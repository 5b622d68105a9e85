//! What a SIP session reports, as the engine's signals.

use offhook_engine::{Description, Loss, Signal};
use offhook_sip::{Ending, Loss as SipLoss, SessionEvent};

/// The engine's word for a session's event; `None` for what a called phone never reports.
pub(super) fn signal(event: SessionEvent) -> Option<Signal> {
    Some(match event {
        SessionEvent::Confirmed { sdp } => Signal::Confirmed {
            answer: sdp.map(description),
        },
        SessionEvent::Reoffered { sdp } => Signal::Reoffered {
            offer: sdp.map(description),
        },
        SessionEvent::Tone(tone) => Signal::ToneHeard(tone),
        SessionEvent::Ended(Ending::Cancelled) => Signal::Cancelled,
        SessionEvent::Ended(Ending::HungUp { .. }) => Signal::HungUp,
        SessionEvent::Ended(Ending::Lost(loss)) => Signal::Lost(lost(loss)),
        // We ended it ourselves and know why, or it is an event of calls we place.
        _ => return None,
    })
}

/// A description is text (RFC 8866 §5); what is not UTF-8 is refused by whoever reads it.
pub(super) fn description(bytes: Vec<u8>) -> Description {
    Description::new(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

fn lost(loss: SipLoss) -> Loss {
    match loss {
        SipLoss::Unacknowledged => Loss::Unacknowledged,
        SipLoss::SessionExpired => Loss::SessionExpired,
        _ => Loss::Unreachable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_become_signals_and_our_own_goodbye_does_not() {
        let hung_up = SessionEvent::Ended(Ending::HungUp { reason: None });
        assert_eq!(signal(hung_up), Some(Signal::HungUp));
        assert_eq!(
            signal(SessionEvent::Ended(Ending::Cancelled)),
            Some(Signal::Cancelled)
        );
        assert_eq!(
            signal(SessionEvent::Ended(Ending::Lost(SipLoss::Timeout))),
            Some(Signal::Lost(Loss::Unreachable))
        );
        assert_eq!(signal(SessionEvent::Ended(Ending::Closed)), None);
    }

    #[test]
    fn a_description_that_is_not_text_is_still_carried() {
        assert_eq!(description(vec![b'v', 0xff]).as_str(), "v\u{fffd}");
    }
}
