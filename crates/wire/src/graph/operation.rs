//! Operations: something asked for that ends later, and exactly once.

use offhook_terms::Private;
use serde::{Deserialize, Serialize, Serializer};

use super::call::with_nulls;
use super::{
    CompletionReason, InvitationParticipantInfo, MediaPrompt, OperationStatus, ResultInfo, tag,
};
use crate::{Extra, private};

/// An operation of any kind; the tag says which, and the kind says which fields are used.
///
/// Serialised as it is, what is `None` is left out, as in notifications. [`FullOperation`] writes
/// the body of a response.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Operation {
    /// Where the schema of this body is; in responses only.
    #[serde(rename = "@odata.context", skip_serializing_if = "Option::is_none")]
    pub odata_context: Option<String>,
    /// The tag, see [`OperationKind`].
    #[serde(rename = "@odata.type", skip_serializing_if = "Option::is_none")]
    pub odata_type: Option<String>,
    /// The path of the operation; in notifications only.
    #[serde(rename = "@odata.id", skip_serializing_if = "Option::is_none")]
    pub odata_id: Option<String>,
    /// Grows with every change of the call; in notifications only.
    #[serde(rename = "@odata.etag", skip_serializing_if = "Option::is_none")]
    pub odata_etag: Option<String>,
    /// A GUID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What the bot called it, up to 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_context: Option<String>,
    /// How far it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<OperationStatus>,
    /// Why it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_reason: Option<CompletionReason>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result_info: Option<ResultInfo>,
    /// Where a recorded answer is; empty when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording_location: Option<String>,
    /// The bearer token that fetches it; empty when there is none.
    #[serde(with = "private::option", skip_serializing_if = "Option::is_none")]
    pub recording_access_token: Option<Private<String>>,
    /// What was played: undocumented in `playPrompt` endings, and depended upon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompts: Option<Vec<MediaPrompt>>,
    /// Who was invited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub participants: Option<Vec<InvitationParticipantInfo>>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The kinds of operation we tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OperationKind {
    /// A played prompt.
    PlayPrompt,
    /// A recorded answer.
    Record,
    /// The ending of all queued media operations.
    CancelMediaProcessing,
    /// A subscription to key presses.
    SubscribeToTone,
    /// Pressed keys.
    SendDtmfTones,
    /// Others let in.
    InviteParticipants,
    /// The bot or a participant muted.
    MuteParticipant,
    /// The bot unmuted.
    UnmuteParticipant,
    /// Everybody muted (beta).
    MuteParticipants,
    /// What the bot says of recording.
    UpdateRecordingStatus,
    /// Many shown at once.
    AddLargeGalleryView,
    /// Somebody put on hold with music.
    StartHoldMusic,
    /// Somebody taken off hold.
    StopHoldMusic,
    /// Any other.
    Other,
}

impl OperationKind {
    /// The tag we send for it.
    pub fn tag(self) -> &'static str {
        match self {
            Self::PlayPrompt => tag::PLAY_PROMPT_OPERATION,
            Self::Record => tag::RECORD_OPERATION,
            Self::CancelMediaProcessing => tag::CANCEL_MEDIA_PROCESSING_OPERATION,
            Self::SubscribeToTone => tag::SUBSCRIBE_TO_TONE_OPERATION,
            Self::SendDtmfTones => tag::SEND_DTMF_TONES_OPERATION,
            Self::InviteParticipants => tag::INVITE_PARTICIPANTS_OPERATION,
            Self::MuteParticipant => tag::MUTE_PARTICIPANT_OPERATION,
            Self::UnmuteParticipant => tag::UNMUTE_PARTICIPANT_OPERATION,
            Self::MuteParticipants => tag::MUTE_PARTICIPANTS_OPERATION,
            Self::UpdateRecordingStatus => tag::UPDATE_RECORDING_STATUS_OPERATION,
            Self::AddLargeGalleryView => tag::ADD_LARGE_GALLERY_VIEW_OPERATION,
            Self::StartHoldMusic => tag::START_HOLD_MUSIC_OPERATION,
            Self::StopHoldMusic => tag::STOP_HOLD_MUSIC_OPERATION,
            Self::Other => tag::COMMS_OPERATION,
        }
    }

    /// The kind a tag from outside means.
    pub fn of_tag(text: &str) -> Self {
        [
            Self::PlayPrompt,
            Self::Record,
            Self::CancelMediaProcessing,
            Self::SubscribeToTone,
            Self::SendDtmfTones,
            Self::InviteParticipants,
            Self::MuteParticipant,
            Self::UnmuteParticipant,
            Self::MuteParticipants,
            Self::UpdateRecordingStatus,
            Self::AddLargeGalleryView,
            Self::StartHoldMusic,
            Self::StopHoldMusic,
        ]
        .into_iter()
        .find(|kind| tag::same(text, kind.tag()))
        .unwrap_or(Self::Other)
    }
}

impl Operation {
    /// An operation of one kind with its id and status, tagged as we send it.
    pub fn new(kind: OperationKind, id: impl Into<String>, status: OperationStatus) -> Self {
        Self {
            odata_type: Some(kind.tag().into()),
            id: Some(id.into()),
            status: Some(status),
            ..Self::default()
        }
    }

    /// Which kind it is.
    pub fn kind(&self) -> OperationKind {
        self.odata_type
            .as_deref()
            .map_or(OperationKind::Other, OperationKind::of_tag)
    }
}

/// An operation as the body of a response: what is absent is an explicit `null`.
#[derive(Debug)]
pub struct FullOperation<'a>(pub &'a Operation);

impl Serialize for FullOperation<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let always: &[&str] = match self.0.kind() {
            OperationKind::Record => &[
                "clientContext",
                "completionReason",
                "resultInfo",
                "recordingLocation",
                "recordingAccessToken",
            ],
            OperationKind::PlayPrompt => &["clientContext"],
            OperationKind::SendDtmfTones => &["clientContext", "completionReason", "resultInfo"],
            _ => &["clientContext", "resultInfo"],
        };
        with_nulls(self.0, always).serialize(to)
    }
}
