//! Bodies of requests. Every parameter is an `Option`: who receives them checks and refuses.

use serde::{Deserialize, Serialize};

use super::{MediaConfig, MediaPrompt, Modality, RejectReason};
use crate::Extra;

/// `POST …/calls/{id}/answer`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AnswerRequest {
    /// Where the call's notifications go; else to the bot's registered webhook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_uri: Option<String>,
    /// The kinds of media the bot takes; required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted_modalities: Option<Vec<Modality>>,
    /// Who handles them; required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_config: Option<MediaConfig>,
    /// For policy-based recording only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub participant_capacity: Option<i64>,
    /// What the bot wants to be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_options: Option<Extra>,
}

/// `POST …/calls/{id}/reject`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RejectRequest {
    /// Why; `none` when it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<RejectReason>,
    /// Where the last notification goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_uri: Option<String>,
}

/// `POST …/calls/{id}/playPrompt`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PlayPromptRequest {
    /// What to play, 1 to 20; required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompts: Option<Vec<MediaPrompt>>,
    /// What the bot calls the operation, up to 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_context: Option<String>,
    /// For ever, and then without an ending notification (beta only).
    #[serde(rename = "loop", skip_serializing_if = "Option::is_none")]
    pub looping: Option<bool>,
}

/// `POST …/calls/{id}/recordResponse`
///
/// An explicit `false` is never the same as nothing: one generated client sends
/// `"bargeInAllowed": false, "playBeep": false` when its user said neither.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RecordResponseRequest {
    /// What to play first, at most one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompts: Option<Vec<MediaPrompt>>,
    /// Whether other media operations are cancelled for it; no when not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub barge_in_allowed: Option<bool>,
    /// How long the caller may say nothing at first: 1 to 120, 5 when not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial_silence_timeout_in_seconds: Option<i64>,
    /// How long the caller may pause: 1 to 120, 5 when not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_silence_timeout_in_seconds: Option<i64>,
    /// How long the recording may be: 1 to 120, 5 when not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_record_duration_in_seconds: Option<i64>,
    /// Whether a beep tells the caller to speak; yes when not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub play_beep: Option<bool>,
    /// The keys that end it, as symbols.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_tones: Option<Vec<String>>,
    /// What the bot calls the operation, up to 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_context: Option<String>,
    /// Beta only, and ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_while_recording: Option<bool>,
}

/// `POST …/calls/{id}/cancelMediaProcessing` and `…/subscribeToTone`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContextRequest {
    /// What the bot calls the operation, up to 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_context: Option<String>,
}
