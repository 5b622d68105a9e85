//! Calls' events as the journal writes them, and reading them back.

use std::time::SystemTime;

use offhook_engine::{self as engine, Event, Party, PlayFault, RecordEnding, RejectReason};
use offhook_terms::{AppId, CallId};
use offhook_wire::journal::{Caller, Ending, Entry, Fact, OperationKind, Outcome, VERSION};
#[cfg(test)]
use sqlx::{Row as _, sqlite::SqlitePool};

/// An event as it is written down: nothing private is.
pub(crate) fn entry(call: CallId, bot: AppId, event: &Event, at: SystemTime) -> Entry {
    Entry {
        version: VERSION,
        call: call.to_string(),
        leg: event.leg.to_string(),
        seq: event.number,
        at_ms: super::ms(at),
        fact: fact(bot, &event.fact),
    }
}

fn fact(bot: AppId, fact: &engine::Fact) -> Fact {
    match fact {
        engine::Fact::Incoming { caller, caller_leg } => Fact::Incoming {
            caller: match caller {
                Party::Person { id, .. } => Caller::Person { id: id.to_string() },
                Party::Phone { .. } => Caller::Phone,
                Party::Guest { .. } => Caller::Guest,
            },
            caller_leg: caller_leg.to_string(),
            bot: bot.to_string(),
        },
        engine::Fact::Establishing => Fact::Establishing,
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
                engine::OperationKind::Record => None,
            },
        },
        engine::Fact::Terminating => Fact::Terminating,
        engine::Fact::Terminated(why) => Fact::Terminated {
            ending: ending(*why),
        },
    }
}

fn outcome(outcome: &engine::Outcome) -> Outcome {
    match outcome {
        engine::Outcome::Played => Outcome::Played,
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
        engine::Ending::PlatformStopping => Ending::PlatformStopping,
        engine::Ending::Fault => Ending::Fault,
    }
}

/// How a leg ended, if this entry says so.
pub(super) fn ending_of(fact: &Fact) -> Option<engine::Ending> {
    let Fact::Terminated { ending } = fact else {
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
        Ending::PlatformStopping => engine::Ending::PlatformStopping,
        // A word of a newer version is no worse than a fault.
        Ending::Fault | Ending::Other(_) => engine::Ending::Fault,
    })
}

#[cfg(test)]
pub(super) async fn of_call(pool: &SqlitePool, call: CallId) -> sqlx::Result<Vec<Entry>> {
    let rows = sqlx::query("SELECT entry FROM journal WHERE call = ? ORDER BY id")
        .bind(call.to_string())
        .fetch_all(pool)
        .await?;
    rows.iter()
        .map(|row| {
            let text: &str = row.try_get(0)?;
            serde_json::from_str(text).map_err(|why| sqlx::Error::Decode(why.into()))
        })
        .collect()
}
