//! What the platform posts to a bot's webhook.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{Call, ChangeType, Operation, Participant, tag};
use crate::Extra;

/// One delivery: notifications of one call, in order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Notifications {
    /// The tag.
    #[serde(rename = "@odata.type", skip_serializing_if = "Option::is_none")]
    pub odata_type: Option<String>,
    /// The notifications.
    pub value: Vec<Notification>,
}

impl Notifications {
    /// A delivery, tagged as we send it.
    pub fn new(value: Vec<Notification>) -> Self {
        Self {
            odata_type: Some(tag::COMMS_NOTIFICATIONS.into()),
            value,
        }
    }
}

/// One notification.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Notification {
    /// The tag.
    #[serde(rename = "@odata.type", skip_serializing_if = "Option::is_none")]
    pub odata_type: Option<String>,
    /// What happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change_type: Option<ChangeType>,
    /// The path in its older form, `/app/calls/…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The path, `/communications/calls/…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_url: Option<String>,
    /// Where this delivery went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_uri: Option<String>,
    /// The resource, or what changed of it.
    pub resource_data: ResourceData,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Notification {
    /// A notification about the resource at `path` (below `/communications`, such as
    /// `/calls/{id}`), with both forms of the path, tagged as we send it.
    pub fn new(change: ChangeType, path: &str, data: impl Into<ResourceData>) -> Self {
        Self {
            odata_type: Some(tag::COMMS_NOTIFICATION.into()),
            change_type: Some(change),
            resource: Some(format!("/app{path}")),
            resource_url: Some(format!("/communications{path}")),
            callback_uri: None,
            resource_data: data.into(),
            extra: Extra::default(),
        }
    }
}

/// What a notification is about, recognised by its tag and its shape.
///
/// What cannot be read as the type it claims to be is [`ResourceData::Other`]: one odd
/// notification must not take the delivery it came in with it.
#[derive(Clone, PartialEq)]
pub enum ResourceData {
    /// A call, usually in part.
    Call(Box<Call>),
    /// An operation.
    Operation(Box<Operation>),
    /// The roster, or what changed of it.
    Participants(Vec<Participant>),
    /// Anything else, as it came.
    Other(Value),
}

impl Default for ResourceData {
    fn default() -> Self {
        Self::Other(Value::Null)
    }
}

impl From<Call> for ResourceData {
    fn from(call: Call) -> Self {
        Self::Call(Box::new(call))
    }
}

impl From<Operation> for ResourceData {
    fn from(operation: Operation) -> Self {
        Self::Operation(Box::new(operation))
    }
}

impl From<Vec<Participant>> for ResourceData {
    fn from(roster: Vec<Participant>) -> Self {
        Self::Participants(roster)
    }
}

impl fmt::Debug for ResourceData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(call) => call.fmt(f),
            Self::Operation(operation) => operation.fmt(f),
            Self::Participants(roster) => roster.fmt(f),
            // Unknown content may hold anything, private things too.
            Self::Other(_) => f.write_str("Other(<not shown>)"),
        }
    }
}

impl Serialize for ResourceData {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Call(call) => call.serialize(to),
            Self::Operation(operation) => operation.serialize(to),
            Self::Participants(roster) => roster.serialize(to),
            Self::Other(value) => value.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for ResourceData {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(from)?;
        Ok(recognised(&value).unwrap_or(Self::Other(value)))
    }
}

fn recognised(value: &Value) -> Option<ResourceData> {
    match value {
        Value::Object(fields) => match fields.get("@odata.type").and_then(Value::as_str) {
            Some(text) if tag::same(text, tag::CALL) => read::<Call>(value),
            Some(text) if ends_with(text, "operation") => read::<Operation>(value),
            Some(_) => None,
            None if fields.contains_key("status") => read::<Operation>(value),
            None if fields.contains_key("state") => read::<Call>(value),
            None => None,
        },
        Value::Array(items) => {
            let roster = items.iter().all(|item| {
                let text = item.get("@odata.type").and_then(Value::as_str);
                text.map_or(item.get("info").is_some(), |text| {
                    tag::same(text, tag::PARTICIPANT)
                })
            });
            if roster {
                read::<Vec<Participant>>(value)
            } else {
                None
            }
        }
        _ => None,
    }
}

fn ends_with(text: &str, ending: &str) -> bool {
    text.to_ascii_lowercase().ends_with(ending)
}

fn read<'a, T: Deserialize<'a> + Into<ResourceData>>(value: &'a Value) -> Option<ResourceData> {
    T::deserialize(value).ok().map(Into::into)
}
