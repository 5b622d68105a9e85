//! What a conversation tells its bot, in activities.

use std::time::SystemTime;

use offhook_engine::{EndCode, Ending, Heard, NotReached, Party, Told};
use offhook_terms::{CallId, LegId, Private};
use offhook_wire::Extra;
use offhook_wire::activity::{
    Activity, ChannelAccount, ConversationAccount, Entity, MessageReaction, kind,
};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::registry::Bot;

/// The activity that tells it; who and where is for the line to add.
pub(super) fn activity(told: Told, call: &CallId) -> Activity {
    match told {
        Told::Started => Activity {
            // Filled in with the caller when the activity is addressed.
            members_added: Some(Vec::new()),
            channel_data: Some(Private::new(json!({ "callId": call.to_string() }))),
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
        Told::Ended { code, why } => Activity {
            code: Some(end_code(code).to_owned()),
            channel_data: reason(why).map(|words| Private::new(json!({ "reason": words }))),
            ..Activity::new(kind::END_OF_CONVERSATION)
        },
    }
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

/// A transfer that is not done.
pub(super) fn not_transferred(activity: &str) -> Activity {
    let value =
        json!({ "state": "failed", "message": "Calls are not transferred by this channel" });
    Activity {
        name: Some("handoff.status".to_owned()),
        value: Some(Private::new(value)),
        reply_to_id: Some(activity.to_owned()),
        ..Activity::new(kind::EVENT)
    }
}

/// Somebody on the phone: by their number where they have one.
pub(super) fn account(leg: LegId, party: &Party) -> ChannelAccount {
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
