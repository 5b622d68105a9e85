//! Activities and the bodies of the connector that carries them (Bot Framework Activity protocol and
//! Connector REST API, version 3).
//!
//! An activity is an open type: what we have no field for is kept and written back. Fields that only
//! pass through are not named here.

use std::fmt;

use offhook_terms::Private;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Extra, private};

/// The channel's name, compared exactly by bots.
pub const CHANNEL: &str = "telephony";

/// Types of activities, as they are written. Read them by [`Activity::is`].
pub mod kind {
    /// Something said.
    pub const MESSAGE: &str = "message";
    /// Who is there has changed.
    pub const CONVERSATION_UPDATE: &str = "conversationUpdate";
    /// The end.
    pub const END_OF_CONVERSATION: &str = "endOfConversation";
    /// Something that happened, by its name.
    pub const EVENT: &str = "event";
    /// Something to be done, by its name.
    pub const COMMAND: &str = "command";
    /// What came of a command.
    pub const COMMAND_RESULT: &str = "commandResult";
    /// Something to be done and answered at once, by its name.
    pub const INVOKE: &str = "invoke";
    /// Somebody is at work.
    pub const TYPING: &str = "typing";
    /// A note for whoever debugs a bot.
    pub const TRACE: &str = "trace";
    /// What somebody thinks of a message; here, whether it was heard.
    pub const MESSAGE_REACTION: &str = "messageReaction";
}

/// Names of events. They are compared exactly.
pub mod event {
    /// A bot wants the caller to be handed off.
    pub const HANDOFF_INITIATE: &str = "handoff.initiate";
    /// What became of that.
    pub const HANDOFF_STATUS: &str = "handoff.status";
    /// What a bot tells itself to go on with a conversation.
    pub const CONTINUE_CONVERSATION: &str = "ContinueConversation";
}

/// One activity. `Debug` shows no words, numbers or names.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Activity {
    /// What kind; see [`kind`].
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Given by the channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// When it was sent, RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// Where the bot answers.
    #[serde(
        rename = "serviceUrl",
        with = "private::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub service_url: Option<Private<String>>,
    /// See [`CHANNEL`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_id: Option<String>,
    /// Who sends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<ChannelAccount>,
    /// Who is to have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient: Option<ChannelAccount>,
    /// Which conversation it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationAccount>,
    /// The activity it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to_id: Option<String>,
    /// The language, a BCP 47 tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// What is said, in letters.
    #[serde(with = "private::option", skip_serializing_if = "Option::is_none")]
    pub text: Option<Private<String>>,
    /// What is to be spoken: text or a document in SSML.
    #[serde(with = "private::option", skip_serializing_if = "Option::is_none")]
    pub speak: Option<Private<String>>,
    /// What may interrupt it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_hint: Option<String>,
    /// Things about it, the mark of a key press among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entities: Option<Vec<Entity>>,
    /// Files and cards that belong to it, unread.
    #[serde(with = "private::option", skip_serializing_if = "Option::is_none")]
    pub attachments: Option<Private<Vec<Value>>>,
    /// Who came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members_added: Option<Vec<ChannelAccount>>,
    /// What somebody thinks of the message it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reactions_added: Option<Vec<MessageReaction>>,
    /// The name of an event or a command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What belongs to an event or a command.
    #[serde(with = "private::option", skip_serializing_if = "Option::is_none")]
    pub value: Option<Private<Value>>,
    /// How a conversation ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What will probably be said, and what keys are waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen_for: Option<Vec<String>>,
    /// Whether replies are expected in the answer to the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_mode: Option<String>,
    /// What only this channel knows of.
    #[serde(with = "private::option", skip_serializing_if = "Option::is_none")]
    pub channel_data: Option<Private<Value>>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Somebody in a conversation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ChannelAccount {
    /// The same for as long as the conversation lasts. A caller's is their number.
    #[serde(with = "private::option", skip_serializing_if = "Option::is_none")]
    pub id: Option<Private<String>>,
    /// A number, or a name.
    #[serde(with = "private::option", skip_serializing_if = "Option::is_none")]
    pub name: Option<Private<String>>,
    /// `user`, `bot` or `skill`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A conversation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConversationAccount {
    /// Its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A thing about an activity.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Entity {
    /// What kind of thing.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What somebody thinks of a message.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MessageReaction {
    /// `messageRead`, `messageInterrupted`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// Part of an activity that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadField {
    /// Which field; nothing when the whole is no object.
    pub field: String,
    /// What is wrong with it, without its value.
    pub what: String,
}

impl fmt::Display for BadField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field.is_empty() {
            true => f.write_str(&self.what),
            false => write!(f, "'{}' {}", self.field, self.what),
        }
    }
}

impl Activity {
    /// An activity of this kind, and no more.
    pub fn new(kind: &str) -> Self {
        Self {
            kind: Some(kind.to_owned()),
            ..Self::default()
        }
    }

    /// Whether it is of this kind, whatever the case, also when a suffix says more
    /// (`message/something`).
    pub fn is(&self, kind: &str) -> bool {
        let Some(own) = &self.kind else { return false };
        let head = own.split_once('/').map_or(own.as_str(), |(head, _)| head);
        head.eq_ignore_ascii_case(kind)
    }

    /// Reads an activity.
    ///
    /// # Errors
    /// The first field that is not what it should be.
    pub fn read(value: Value) -> Result<Self, BadField> {
        let bad = |field: &str, what: &str| BadField {
            field: field.to_owned(),
            what: what.to_owned(),
        };
        let Value::Object(fields) = value else {
            return Err(bad("", "an activity is a JSON object"));
        };
        // What is wrong is looked for only when something is.
        let whole = serde_json::from_value::<Self>(Value::Object(fields.clone()));
        whole.map_err(|_| {
            let one = |(name, value)| Map::from_iter([(name, value)]);
            let is_bad = |field: &Map<String, Value>| {
                serde_json::from_value::<Self>(Value::Object(field.clone())).is_err()
            };
            let broken = fields.into_iter().map(one).find(is_bad);
            let name = broken.and_then(|field| field.keys().next().cloned());
            bad(
                &name.unwrap_or_default(),
                "is not of the type that the Activity protocol gives it",
            )
        })
    }
}

/// `POST /v3/conversations`: somebody is to be called.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConversationParameters {
    /// It is for many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_group: Option<bool>,
    /// The bot, by the number it calls from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot: Option<ChannelAccount>,
    /// Who is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<ChannelAccount>>,
    /// The first thing said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activity: Option<Value>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What an accepted activity is answered with.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResourceResponse {
    /// The activity's id.
    pub id: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_has_no_field_is_kept() {
        let sent = json!({"type": "message", "text": "hi", "importance": "high",
            "from": {"id": "bot", "aadObjectId": "x"}, "entities": [{"type": "DTMF", "a": 1}]});
        let read = Activity::read(sent.clone()).expect("an activity");
        assert!(read.is("Message") && !read.is("event"));
        assert_eq!(serde_json::to_value(&read).expect("plain data"), sent);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (sent, field) in [
            (json!([]), ""),
            (json!({"type": "message", "speak": 7}), "speak"),
            (json!({"type": "message", "from": "me"}), "from"),
            (
                json!({"type": "message", "listenFor": {"a": 1}}),
                "listenFor",
            ),
            (json!({"entities": [1]}), "entities"),
        ] {
            assert_eq!(Activity::read(sent).expect_err("bad").field, field);
        }
    }

    #[test]
    fn nothing_said_is_shown() {
        let sent = json!({"type": "message", "text": "secret", "value": {"pin": "secret"},
            "from": {"id": "secret", "name": "secret"}, "summary": "secret",
            "channelData": "secret", "serviceUrl": "secret"});
        let shown = format!("{:?}", Activity::read(sent).expect("an activity"));
        assert!(!shown.contains("secret"), "{shown}");
    }

    #[test]
    fn a_suffix_says_more_of_the_same_kind() {
        assert!(Activity::new("message/voice").is("message"));
        assert!(!Activity::new("messages").is("message"));
    }
}
