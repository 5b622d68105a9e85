//! What happens in a room, as the engine's media events.

use std::time::Duration;

use offhook_engine::{MediaEvent, RecordEnding};
use offhook_media::{MediaEvent as RoomEvent, PlayEnded, RecordEnded, TonesEnded};
use offhook_terms::{LegId, OperationId};

/// A recording ended on the tick; its file is not complete yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordingEnded {
    /// Which.
    pub(crate) operation: OperationId,
    /// Which rule ended it.
    pub(crate) ending: RecordEnding,
    /// How much was recorded.
    pub(crate) duration: Duration,
}

/// What a room's event is to its call.
#[derive(Debug)]
pub(super) enum Heard {
    /// For the engine.
    Event(MediaEvent),
    /// For the engine once the file is complete.
    RecordingEnded(RecordingEnded),
    /// Audio goes one way only: to be counted and logged.
    OneWay,
    /// Nothing anybody waits for.
    Nothing,
}

/// What a room's event is to its call. `leg` is whose port or seat it happened at.
pub(super) fn heard(leg: LegId, event: RoomEvent) -> Heard {
    match event {
        RoomEvent::PeerGone => Heard::Event(MediaEvent::PeerLost { leg }),
        RoomEvent::ToneHeard(tone) => Heard::Event(MediaEvent::ToneHeard {
            leg,
            tone: tone.into_inner(),
        }),
        RoomEvent::Played {
            operation,
            ended: PlayEnded::Finished,
        } => Heard::Event(MediaEvent::Played { operation }),
        RoomEvent::TonesSent { operation, ended } => match ended {
            TonesEnded::Finished => Heard::Event(MediaEvent::TonesSent { operation }),
            TonesEnded::NotAgreed => Heard::Event(MediaEvent::TonesFailed { operation }),
            TonesEnded::Stopped => Heard::Nothing,
        },
        RoomEvent::Recorded {
            operation,
            ended,
            duration,
        } => match recording_ending(ended) {
            Some(ending) => Heard::RecordingEnded(RecordingEnded {
                operation,
                ending,
                duration,
            }),
            None => Heard::Nothing,
        },
        RoomEvent::NothingHeard => Heard::OneWay,
        _ => Heard::Nothing,
    }
}

/// The rule that ended a recording; `None` when we stopped it and nobody waits for it.
fn recording_ending(ended: RecordEnded) -> Option<RecordEnding> {
    Some(match ended {
        RecordEnded::StopTone => RecordEnding::StopTone,
        RecordEnded::MaxDuration => RecordEnding::MaxDuration,
        RecordEnded::MaxSilence => RecordEnding::MaxSilence,
        RecordEnded::InitialSilence => RecordEnding::InitialSilence,
        RecordEnded::NoMedia => RecordEnding::NoMedia,
        RecordEnded::Stopped => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEG: LegId = LegId::from_bits(1);
    const OPERATION: OperationId = OperationId::from_bits(2);

    #[test]
    fn what_we_stopped_ourselves_is_no_news() {
        let played = RoomEvent::Played {
            operation: OPERATION,
            ended: PlayEnded::Stopped,
        };
        assert!(matches!(heard(LEG, played), Heard::Nothing));
        let sent = RoomEvent::TonesSent {
            operation: OPERATION,
            ended: TonesEnded::Stopped,
        };
        assert!(matches!(heard(LEG, sent), Heard::Nothing));
        let recorded = RoomEvent::Recorded {
            operation: OPERATION,
            ended: RecordEnded::Stopped,
            duration: Duration::ZERO,
        };
        assert!(matches!(heard(LEG, recorded), Heard::Nothing));
    }

    #[test]
    fn a_recording_waits_for_its_file() {
        let recorded = RoomEvent::Recorded {
            operation: OPERATION,
            ended: RecordEnded::StopTone,
            duration: Duration::from_secs(2),
        };
        assert!(matches!(
            heard(LEG, recorded),
            Heard::RecordingEnded(RecordingEnded {
                ending: RecordEnding::StopTone,
                ..
            })
        ));
    }
}
