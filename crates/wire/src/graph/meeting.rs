//! Chats and meetings a call may belong to, as data.

use offhook_terms::Private;
use serde::{Deserialize, Serialize};

use super::IdentitySet;
use crate::{Extra, private};

/// The chat of a call. A thread id is there for meetings and `null` for two-party calls.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ChatInfo {
    /// The tag.
    #[serde(rename = "@odata.type", skip_serializing_if = "Option::is_none")]
    pub odata_type: Option<String>,
    /// Such as `19:meeting_…@thread.v2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<String>,
    /// Should be `"0"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// The message that a chain of replies hangs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_chain_message_id: Option<String>,
}

/// Which meeting, told in one of three ways; the tag says which, and the fields do if it is missing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MeetingInfo {
    /// The tag.
    #[serde(rename = "@odata.type", skip_serializing_if = "Option::is_none")]
    pub odata_type: Option<String>,
    /// By who organised it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organizer: Option<IdentitySet>,
    /// By a token.
    #[serde(with = "private::option", skip_serializing_if = "Option::is_none")]
    pub token: Option<Private<String>>,
    /// By the number one types to join.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join_meeting_id: Option<String>,
    /// The word one types with it.
    #[serde(with = "private::option", skip_serializing_if = "Option::is_none")]
    pub passcode: Option<Private<String>>,
    /// Whether others may talk before the organiser comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_conversation_without_host: Option<bool>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}
