//! Calls' events as the journal writes them, and reading them back.

use std::time::SystemTime;

use offhook_engine::{
    self as engine, Event, Invitee, NotReached, Party, PlayFault, RecordEnding, RejectReason,
};
use offhook_terms::{AppId, CallId};
use offhook_wire::journal::{Caller, Ending, Entry, Fact, Member, OperationKind, Outcome, VERSION};
use sqlx::{Row as _, sqlite::SqlitePool};

use crate::limits;

/// An event as it is written down: nothing private is.
///
/// `called` is whom the bot called, when that is what the event is about.
pub(crate) fn entry(
    call: CallId,
    bot: AppId,
    event: &Event,
    called: &[Invitee],
    at: SystemTime,
) -> Entry {
    Entry {
        version: VERSION,
        call: call.to_string(),
        leg: event.leg.to_string(),
        seq: event.number,
        at_ms: super::ms(at),
        fact: fact(bot, &event.fact, called),
    }
}

fn fact(bot: AppId, fact: &engine::Fact, called: &[Invitee]) -> Fact {
    match fact {
        engine::Fact::Incoming {
            caller, caller_leg, ..
        } => Fact::Incoming {
            caller: party(caller),
            caller_leg: caller_leg.to_string(),
            bot: bot.to_string(),
        },
        engine::Fact::Establishing => Fact::Establishing {
            targets: called.iter().map(|one| party(&one.party)).collect(),
        },
        engine::Fact::Ringing => Fact::Ringing,
        engine::Fact::RosterChanged(roster) => Fact::RosterChanged {
            participants: roster
                .participants
                .iter()
                .map(|participant| Member {
                    leg: participant.leg.to_string(),
                    party: party(&participant.party),
                })
                .collect(),
        },
        engine::Fact::Transferring => Fact::Transferring,
        engine::Fact::TransferAccepted => Fact::TransferAccepted,
        engine::Fact::TransferFailed { .. } => Fact::TransferFailed,
        engine::Fact::Established => Fact::Established,
        engine::Fact::AudioFlows => Fact::AudioFlows,
        engine::Fact::AudioStopped => Fact::AudioStopped,
        engine::Fact::ToneHeard { sequence, .. } => Fact::ToneHeard {
            sequence: *sequence,
        },
        engine::Fact::OperationEnded {
            operation,
            kind,
            outcome: how,
            ..
        } => Fact::OperationEnded {
            operation: operation.to_string(),
            operation_kind: match kind {
                engine::OperationKind::Play { .. } => OperationKind::Play,
                engine::OperationKind::Record => OperationKind::Record,
                engine::OperationKind::SendTones => OperationKind::SendTones,
                engine::OperationKind::Invite { .. } => OperationKind::Invite,
                engine::OperationKind::StartHoldMusic => OperationKind::StartHoldMusic,
                engine::OperationKind::StopHoldMusic => OperationKind::StopHoldMusic,
                engine::OperationKind::AddLargeGalleryView => OperationKind::AddLargeGalleryView,
                // These are done at once, and no event tells of their end.
                engine::OperationKind::Mute => OperationKind::Other("mute".into()),
                engine::OperationKind::Unmute => OperationKind::Other("unmute".into()),
                engine::OperationKind::MuteAll => OperationKind::Other("muteAll".into()),
                engine::OperationKind::CancelMedia => OperationKind::Other("cancelMedia".into()),
                engine::OperationKind::SubscribeToTones => {
                    OperationKind::Other("subscribeToTones".into())
                }
                engine::OperationKind::UpdateRecordingStatus => {
                    OperationKind::Other("updateRecordingStatus".into())
                }
            },
            outcome: outcome(how),
            duration_ms: match how {
                engine::Outcome::Recorded { duration, .. } => {
                    u64::try_from(duration.as_millis()).ok()
                }
                _ => None,
            },
            prompts: match kind {
                engine::OperationKind::Play { prompts } => u32::try_from(prompts.len()).ok(),
                _ => None,
            },
        },
        engine::Fact::Terminating => Fact::Terminating,
        engine::Fact::Terminated(why) => Fact::Terminated {
            ending: ending(*why),
            bot: Some(bot.to_string()),
        },
    }
}

fn party(party: &Party) -> Caller {
    match party {
        Party::Person { id, .. } => Caller::Person { id: id.to_string() },
        Party::Phone { .. } => Caller::Phone,
        Party::Guest { .. } => Caller::Guest,
        Party::Bot { app } => Caller::Bot {
            id: app.to_string(),
        },
    }
}

fn outcome(outcome: &engine::Outcome) -> Outcome {
    match outcome {
        engine::Outcome::Played => Outcome::Played,
        engine::Outcome::Done => Outcome::Done,
        engine::Outcome::NotReached(_) => Outcome::NotReached,
        engine::Outcome::TonesFailed => Outcome::TonesFailed,
        engine::Outcome::Recorded { ending, .. } => match ending {
            RecordEnding::StopTone => Outcome::StopTone,
            RecordEnding::MaxDuration => Outcome::MaxDuration,
            RecordEnding::MaxSilence => Outcome::MaxSilence,
            RecordEnding::InitialSilence => Outcome::InitialSilence,
            RecordEnding::NoMedia => Outcome::NoMedia,
            RecordEnding::NotSaved => Outcome::NotSaved,
        },
        engine::Outcome::PromptFailed(fault) => match fault {
            PlayFault::Download => Outcome::PromptNotFetched,
            PlayFault::Format => Outcome::PromptFormat,
            PlayFault::Playing => Outcome::PromptNotPlayed,
        },
        engine::Outcome::BeepFailed => Outcome::BeepFailed,
        engine::Outcome::Cancelled => Outcome::Cancelled,
    }
}

fn ending(ending: engine::Ending) -> Ending {
    match ending {
        engine::Ending::BotHungUp => Ending::BotHungUp,
        engine::Ending::CallerHungUp => Ending::CallerHungUp,
        engine::Ending::CallerGaveUp => Ending::CallerGaveUp,
        engine::Ending::BotRejected(RejectReason::None) => Ending::BotRejected,
        engine::Ending::BotRejected(RejectReason::Busy) => Ending::BotBusy,
        engine::Ending::BotRejected(RejectReason::Forbidden) => Ending::BotForbade,
        engine::Ending::BotDidNotDecide => Ending::BotDidNotDecide,
        engine::Ending::BotUnreachable => Ending::BotUnreachable,
        engine::Ending::KeepAliveMissed => Ending::KeepAliveMissed,
        engine::Ending::NotAcknowledged => Ending::NotAcknowledged,
        engine::Ending::SignallingLost => Ending::SignallingLost,
        engine::Ending::AudioLost => Ending::AudioLost,
        engine::Ending::OfferRefused => Ending::OfferRefused,
        engine::Ending::NotReached(why) => match why {
            NotReached::Declined => Ending::CalleeDeclined,
            NotReached::Busy => Ending::CalleeBusy,
            NotReached::NoAnswer => Ending::CalleeNoAnswer,
            NotReached::Nobody => Ending::CalleeNobody,
            NotReached::Unreachable => Ending::CalleeUnreachable,
            NotReached::NotRouted => Ending::CalleeNotRouted,
            NotReached::NoCommonMedia => Ending::CalleeNoCommonMedia,
            NotReached::Refused => Ending::CalleeRefused,
            NotReached::Cancelled => Ending::CalleeCancelled,
        },
        engine::Ending::Transferred => Ending::Transferred,
        engine::Ending::Redirected => Ending::Redirected,
        engine::Ending::Removed => Ending::Removed,
        engine::Ending::OthersLeft => Ending::OthersLeft,
        engine::Ending::PlatformStopping => Ending::PlatformStopping,
        engine::Ending::Fault => Ending::Fault,
    }
}

/// How a leg ended, if this entry says so.
pub(super) fn ending_of(fact: &Fact) -> Option<engine::Ending> {
    let Fact::Terminated { ending, .. } = fact else {
        return None;
    };
    Some(match ending {
        Ending::BotHungUp => engine::Ending::BotHungUp,
        Ending::CallerHungUp => engine::Ending::CallerHungUp,
        Ending::CallerGaveUp => engine::Ending::CallerGaveUp,
        Ending::BotRejected => engine::Ending::BotRejected(RejectReason::None),
        Ending::BotBusy => engine::Ending::BotRejected(RejectReason::Busy),
        Ending::BotForbade => engine::Ending::BotRejected(RejectReason::Forbidden),
        Ending::BotDidNotDecide => engine::Ending::BotDidNotDecide,
        Ending::BotUnreachable => engine::Ending::BotUnreachable,
        Ending::KeepAliveMissed => engine::Ending::KeepAliveMissed,
        Ending::NotAcknowledged => engine::Ending::NotAcknowledged,
        Ending::SignallingLost => engine::Ending::SignallingLost,
        Ending::AudioLost => engine::Ending::AudioLost,
        Ending::OfferRefused => engine::Ending::OfferRefused,
        Ending::CalleeDeclined => engine::Ending::NotReached(NotReached::Declined),
        Ending::CalleeBusy => engine::Ending::NotReached(NotReached::Busy),
        Ending::CalleeNoAnswer => engine::Ending::NotReached(NotReached::NoAnswer),
        Ending::CalleeNobody => engine::Ending::NotReached(NotReached::Nobody),
        Ending::CalleeUnreachable => engine::Ending::NotReached(NotReached::Unreachable),
        Ending::CalleeNotRouted => engine::Ending::NotReached(NotReached::NotRouted),
        Ending::CalleeNoCommonMedia => engine::Ending::NotReached(NotReached::NoCommonMedia),
        Ending::CalleeRefused => engine::Ending::NotReached(NotReached::Refused),
        Ending::CalleeCancelled => engine::Ending::NotReached(NotReached::Cancelled),
        Ending::Transferred => engine::Ending::Transferred,
        Ending::Redirected => engine::Ending::Redirected,
        Ending::Removed => engine::Ending::Removed,
        Ending::OthersLeft => engine::Ending::OthersLeft,
        Ending::PlatformStopping => engine::Ending::PlatformStopping,
        // A word of a newer version is no worse than a fault.
        Ending::Fault | Ending::Other(_) => engine::Ending::Fault,
    })
}

/// What of a call's events a record of it is made of, in order.
pub(super) async fn course(pool: &SqlitePool, call: CallId) -> sqlx::Result<Vec<Entry>> {
    let rows = sqlx::query(
        "SELECT entry FROM journal WHERE call = ? AND entry ->> 'kind' IN \
         ('incoming', 'establishing', 'established', 'rosterChanged', 'terminated') \
         ORDER BY id LIMIT ?",
    )
    .bind(call.to_string())
    .bind(limits::RECORD_ENTRIES_MAX)
    .fetch_all(pool)
    .await?;
    rows.iter().map(read).collect()
}

fn read(row: &sqlx::sqlite::SqliteRow) -> sqlx::Result<Entry> {
    let text: &str = row.try_get(0)?;
    serde_json::from_str(text).map_err(|why| sqlx::Error::Decode(why.into()))
}

#[cfg(test)]
pub(super) async fn of_call(pool: &SqlitePool, call: CallId) -> sqlx::Result<Vec<Entry>> {
    let rows = sqlx::query("SELECT entry FROM journal WHERE call = ? ORDER BY id")
        .bind(call.to_string())
        .fetch_all(pool)
        .await?;
    rows.iter().map(read).collect()
}
