//! What a SIP session reports, as the engine's signals.

use offhook_engine::{Description, Loss, NotReached, Signal};
use offhook_sip::{Ending, Loss as SipLoss, SessionEvent};

use super::fork::Failure;

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

/// Why a device that was called does not answer (RFC 3261 §21).
pub(super) fn failure(ending: &Ending) -> Failure {
    let status = match ending {
        Ending::Refused { status, .. } => *status,
        Ending::Lost(_) => 503,
        // We gave it up, or it never was.
        Ending::Cancelled | Ending::HungUp { .. } | Ending::Closed => 487,
        _ => 500,
    };
    Failure {
        why: why(status),
        everywhere: (600..700).contains(&status),
    }
}

/// Why somebody does not come who answers with this.
fn why(status: u16) -> NotReached {
    match status {
        486 | 600 => NotReached::Busy,
        603 | 607 | 608 => NotReached::Declined,
        408 | 480 => NotReached::NoAnswer,
        404 | 410 | 484 | 604 => NotReached::Nobody,
        415 | 488 | 606 => NotReached::NoCommonMedia,
        487 => NotReached::Cancelled,
        502..=504 => NotReached::Unreachable,
        _ => NotReached::Refused,
    }
}

/// What became of a phone's call to somebody else. One that never began to call has refused.
pub(super) fn referred(is_accepted: bool, status: u16) -> Signal {
    match (status, is_accepted) {
        (200..=299, _) => Signal::ReferDone,
        (_, true) => Signal::ReferFailed(why(status)),
        (_, false) => Signal::ReferRefused,
    }
}

/// A device answered without saying how it wants to be spoken to.
pub(super) fn no_description() -> Failure {
    Failure {
        why: NotReached::NoCommonMedia,
        everywhere: false,
    }
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
    fn a_refusal_says_why_nobody_came_and_for_whom_it_speaks() {
        let refused = |status| {
            let reason = String::new();
            let failure = failure(&Ending::Refused { status, reason });
            (failure.why, failure.everywhere)
        };
        for (status, why, everywhere) in [
            (302, NotReached::Refused, false),
            (403, NotReached::Refused, false),
            (404, NotReached::Nobody, false),
            (408, NotReached::NoAnswer, false),
            (410, NotReached::Nobody, false),
            (480, NotReached::NoAnswer, false),
            (484, NotReached::Nobody, false),
            (486, NotReached::Busy, false),
            (488, NotReached::NoCommonMedia, false),
            (500, NotReached::Refused, false),
            (503, NotReached::Unreachable, false),
            (600, NotReached::Busy, true),
            (603, NotReached::Declined, true),
            (604, NotReached::Nobody, true),
            (606, NotReached::NoCommonMedia, true),
        ] {
            assert_eq!(refused(status), (why, everywhere), "{status}");
        }
        for loss in [SipLoss::Timeout, SipLoss::Transport, SipLoss::NoSuchHost] {
            let lost = failure(&Ending::Lost(loss));
            assert_eq!(lost.why, NotReached::Unreachable, "{loss:?}");
        }
    }

    #[test]
    fn a_phone_that_never_called_has_refused_and_one_that_reached_nobody_has_failed() {
        assert_eq!(referred(true, 200), Signal::ReferDone);
        assert_eq!(referred(true, 202), Signal::ReferDone);
        assert_eq!(referred(true, 486), Signal::ReferFailed(NotReached::Busy));
        assert_eq!(referred(false, 403), Signal::ReferRefused);
        assert_eq!(referred(false, 408), Signal::ReferRefused);
    }

    #[test]
    fn a_description_that_is_not_text_is_still_carried() {
        assert_eq!(description(vec![b'v', 0xff]).as_str(), "v\u{fffd}");
    }
}
