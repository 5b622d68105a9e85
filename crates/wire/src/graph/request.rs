//! Bodies of requests. Every parameter is an `Option`: who receives them checks and refuses.

use offhook_terms::Private;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    CallDisposition, CallOptions, InvitationParticipantInfo, MediaConfig, MediaPrompt, Modality,
    ParticipantInfo, RecordingStatus, RejectReason, ScreenSharingRole,
};
use crate::private;

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
    pub call_options: Option<CallOptions>,
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

/// `POST …/calls/{id}/redirect`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RedirectRequest {
    /// Who is called instead, 1 to 25; required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<InvitationParticipantInfo>>,
    /// How they ring (beta only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_disposition: Option<CallDisposition>,
    /// How long they ring: 15 to 90 seconds; 55 for one and 60 for several when not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<i64>,
    /// Whether the caller is not told who answered (beta only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask_callee: Option<bool>,
    /// Whether the targets are not told who calls (beta only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask_caller: Option<bool>,
    /// Where the last notification goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_uri: Option<String>,
}

/// `POST …/calls/{id}/transfer`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TransferRequest {
    /// Who gets the call; required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transfer_target: Option<InvitationParticipantInfo>,
    /// Who is given away; required in group calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transferee: Option<ParticipantInfo>,
    /// Sent by examples, and ignored: a transfer is no operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_context: Option<String>,
}

/// `POST …/calls/{id}/participants/invite`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InviteRequest {
    /// Who, 1 to 5; required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub participants: Option<Vec<InvitationParticipantInfo>>,
    /// What the bot calls the operation, up to 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_context: Option<String>,
}

/// `POST …/calls/{id}/participants/muteAll` (beta)
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MuteAllRequest {
    /// Who, by participant id; everybody but the bot when not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub participants: Option<Vec<String>>,
    /// What the bot calls the operation, up to 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_context: Option<String>,
}

/// `POST …/calls/{id}/participants/{id}/startHoldMusic`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StartHoldMusicRequest {
    /// What is heard; the platform's own music when not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_prompt: Option<MediaPrompt>,
    /// What the bot calls the operation, up to 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_context: Option<String>,
}

/// `POST …/calls/{id}/sendDtmfTones`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SendDtmfTonesRequest {
    /// The keys by their names; required. Also read as objects with a `tone`, as the documentation
    /// labels them.
    #[serde(with = "private::option", skip_serializing_if = "Option::is_none")]
    pub tones: Option<Private<Vec<Value>>>,
    /// The pause after each, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_between_tones_ms: Option<i64>,
    /// What the bot calls the operation, up to 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_context: Option<String>,
}

/// `POST …/calls/{id}/changeScreenSharingRole`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ChangeScreenSharingRoleRequest {
    /// Which; required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<ScreenSharingRole>,
}

/// `POST …/calls/{id}/updateRecordingStatus`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateRecordingStatusRequest {
    /// Which; required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<RecordingStatus>,
    /// What the bot calls the operation, up to 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_context: Option<String>,
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

/// `POST …/calls/{id}/cancelMediaProcessing`, `…/subscribeToTone`, `…/mute`, `…/unmute`,
/// `…/addLargeGalleryView`, and of a participant `…/mute` and `…/stopHoldMusic`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContextRequest {
    /// What the bot calls the operation, up to 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_context: Option<String>,
}
