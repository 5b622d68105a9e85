//! What a conversation tells its bot, in activities.

use std::time::SystemTime;

use offhook_engine::{
    EndCode, Ending, HandoffState, Heard, NotReached, Party, TapeCommand, TapeRefusal, Told,
};
use offhook_terms::{CallId, LegId, Private};
use offhook_wire::Extra;
use offhook_wire::activity::{
    Activity, ChannelAccount, ConversationAccount, Entity, MessageReaction, event, kind,
};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::registry::Bot;

/// The activity that tells it; who and where is for the line to add.
pub(super) fn activity(
    told: Told,
    call: &CallId,
    headers: &[(String, Private<String>)],
) -> Activity {
    match told {
        Told::Started => Activity {
            // Filled in with the caller when the activity is addressed.
            members_added: Some(Vec::new()),
            channel_data: Some(Private::new(started(call, headers))),
            ..Activity::new(kind::CONVERSATION_UPDATE)
        },
        Told::Words(heard) => words(heard),
        Told::Keys(keys) => Activity {
            text: Some(keys),
            entities: Some(vec![Entity {
                kind: Some("DTMF".to_owned()),
                ..Entity::default()
            }]),
            ..Activity::new(kind::MESSAGE)
        },
        Told::NoInput { message, waited } => Activity {
            name: Some("telephony.noInput".to_owned()),
            value: Some(Private::new(json!({
                "timeoutMs": waited.as_millis() as u64,
                "replyToId": message,
            }))),
            reply_to_id: Some(message),
            ..Activity::new(kind::EVENT)
        },
        Told::Played { message } => receipt(message, "messageRead"),
        Told::Interrupted { message } => receipt(message, "messageInterrupted"),
        Told::Commanded { command, refusal } => commanded(command, refusal),
        Told::Handoff { activity, state } => match state {
            HandoffState::Accepted => handoff_status(&activity, "accepted", None),
            HandoffState::Failed(why) => {
                handoff_status(&activity, "failed", Some(not_handed_off(why)))
            }
        },
        Told::Ended { code, why } => Activity {
            code: Some(end_code(code).to_owned()),
            channel_data: reason(why).map(|words| Private::new(json!({ "reason": words }))),
            ..Activity::new(kind::END_OF_CONVERSATION)
        },
    }
}

/// What only this channel knows of a new conversation.
fn started(call: &CallId, headers: &[(String, Private<String>)]) -> Value {
    let mut data = json!({ "callId": call.to_string() });
    if !headers.is_empty() {
        let all = headers.iter();
        let all: Map<String, Value> = all
            .map(|(name, value)| (name.clone(), json!(value.reveal())))
            .collect();
        data["sip"] = json!({ "headers": all });
    }
    data
}

fn words(heard: Heard) -> Activity {
    let mut speech = json!({ "durationMs": heard.duration.as_millis() as u64 });
    if let Some(confidence) = heard.confidence {
        // As a decimal fraction: two digits are all it is worth.
        speech["confidence"] = json!((f64::from(confidence) * 100.0).round() / 100.0);
    }
    Activity {
        text: Some(heard.text),
        locale: Some(heard.locale),
        channel_data: Some(Private::new(json!({ "speech": speech }))),
        ..Activity::new(kind::MESSAGE)
    }
}

fn receipt(message: String, what: &str) -> Activity {
    Activity {
        reply_to_id: Some(message),
        reactions_added: Some(vec![MessageReaction {
            kind: Some(what.to_owned()),
        }]),
        ..Activity::new(kind::MESSAGE_REACTION)
    }
}

fn end_code(code: EndCode) -> &'static str {
    match code {
        EndCode::CompletedSuccessfully => "completedSuccessfully",
        EndCode::UserCancelled => "userCancelled",
        EndCode::BotTimedOut => "botTimedOut",
        EndCode::ChannelFailed => "channelFailed",
    }
}

/// Why somebody who was called did not come; other endings say enough by their code.
fn reason(why: Ending) -> Option<&'static str> {
    let Ending::NotReached(why) = why else {
        return None;
    };
    Some(match why {
        NotReached::Declined => "declined",
        NotReached::Busy => "busy",
        NotReached::NoAnswer => "noAnswer",
        NotReached::Nobody => "notFound",
        NotReached::Unreachable => "unreachable",
        NotReached::NotRouted => "notAllowed",
        NotReached::NoCommonMedia => "noCommonMedia",
        NotReached::Refused => "refused",
        NotReached::Cancelled => "cancelled",
    })
}

/// What came of a command that is not served.
pub(super) fn not_supported(name: &str, command: Option<&str>, activity: &str) -> Activity {
    let mut value = json!({
        "error": { "code": "NotSupported", "message": format!("Command {name} is not supported") }
    });
    if let Some(id) = command {
        value["commandId"] = json!(id);
    }
    Activity {
        name: Some(name.to_owned()),
        value: Some(Private::new(value)),
        reply_to_id: Some(activity.to_owned()),
        ..Activity::new(kind::COMMAND_RESULT)
    }
}

/// What came of a command about the recording of the call.
fn commanded(command: TapeCommand, refusal: Option<TapeRefusal>) -> Activity {
    let mut value = json!({});
    if let Some(id) = command.command {
        value["commandId"] = json!(id);
    }
    if let Some(why) = refusal {
        let (code, message) = match why {
            TapeRefusal::AlreadyInProgress => (
                "RecordingAlreadyInProgress",
                "Recording is already in progress",
            ),
            TapeRefusal::NotStarted => ("RecordingNotStarted", "Recording has not started"),
            TapeRefusal::AlreadyPaused => ("RecordingAlreadyPaused", "Recording is already paused"),
            TapeRefusal::NotWritten => ("RecordingFailed", "The recording cannot be written"),
            TapeRefusal::CallEnded => ("CallEnded", "The call has ended"),
            TapeRefusal::TooMany => (
                "TooManyCommands",
                "Wait for the results of earlier commands",
            ),
        };
        value["error"] = json!({ "code": code, "message": message });
    }
    Activity {
        name: Some(command.name),
        value: Some(Private::new(value)),
        reply_to_id: Some(command.activity),
        ..Activity::new(kind::COMMAND_RESULT)
    }
}

/// How a hand-off goes.
pub(super) fn handoff_status(activity: &str, state: &str, message: Option<&str>) -> Activity {
    let mut value = json!({ "state": state });
    if let Some(message) = message {
        value["message"] = json!(message);
    }
    Activity {
        name: Some(event::HANDOFF_STATUS.to_owned()),
        value: Some(Private::new(value)),
        reply_to_id: Some(activity.to_owned()),
        ..Activity::new(kind::EVENT)
    }
}

/// Why nobody has the caller now, for a person to read.
fn not_handed_off(why: NotReached) -> &'static str {
    match why {
        NotReached::Declined => "The call was declined",
        NotReached::Busy => "The number is busy",
        NotReached::NoAnswer => "No answer",
        NotReached::Nobody => "There is nobody at this number",
        NotReached::Unreachable => "The target is unreachable",
        NotReached::NotRouted => "This number cannot be called from here",
        NotReached::NoCommonMedia => "The target has no audio in common with the caller",
        NotReached::Refused => "The call was refused",
        NotReached::Cancelled => "The transfer was given up",
    }
}

/// Somebody on the phone: by their number where they have one.
pub(crate) fn account(leg: LegId, party: &Party) -> ChannelAccount {
    let (id, name) = match party {
        Party::Phone { number } => (number.clone(), number.clone()),
        Party::Person { id, name } => (Private::new(id.to_string()), name.clone()),
        Party::Bot { app } => (Private::new(app.to_string()), Private::new(app.to_string())),
        Party::Guest { name } => {
            let name = match name.reveal().trim() {
                "" => Private::new("anonymous".to_owned()),
                _ => name.clone(),
            };
            (Private::new(leg.to_string()), name)
        }
    };
    ChannelAccount {
        id: Some(id),
        name: Some(name),
        role: Some("user".to_owned()),
        extra: Extra::default(),
    }
}

/// The bot, by its first number until it is known which was called.
pub(super) fn bot(bot: &Bot) -> ChannelAccount {
    let name = bot.numbers.first().unwrap_or(&bot.sip_user);
    ChannelAccount {
        id: Some(Private::new(bot.app.to_string())),
        name: Some(Private::new(name.clone())),
        role: Some("bot".to_owned()),
        extra: Extra::default(),
    }
}

pub(super) fn conversation(leg: LegId) -> ConversationAccount {
    ConversationAccount {
        id: Some(leg.to_string()),
        extra: Extra::default(),
    }
}

pub(crate) fn timestamp(now: SystemTime) -> String {
    let now = OffsetDateTime::from(now);
    now.format(&Rfc3339).unwrap_or_default()
}
