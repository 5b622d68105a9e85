//! Online meetings, and what is asked for of one.

use offhook_terms::Private;
use serde::{Deserialize, Serialize, Serializer};

use super::call::with_nulls;
use super::{ChatInfo, IdentitySet};
use crate::open_enum::open_enum;
use crate::{Extra, private};

/// An online meeting. In a request everything is optional; [`FullMeeting`] writes the body of a
/// response, where what is absent is an explicit `null`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OnlineMeeting {
    /// Where the schema of this body is; in responses only.
    #[serde(rename = "@odata.context", skip_serializing_if = "Option::is_none")]
    pub odata_context: Option<String>,
    /// The tag.
    #[serde(rename = "@odata.type", skip_serializing_if = "Option::is_none")]
    pub odata_type: Option<String>,
    /// Opaque; read-only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// When it was made; read-only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_date_time: Option<String>,
    /// When it starts, ISO 8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_date_time: Option<String>,
    /// When it ends, ISO 8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_date_time: Option<String>,
    /// What it is about.
    #[serde(with = "private::option", skip_serializing_if = "Option::is_none")]
    pub subject: Option<Private<String>>,
    /// Opens the meeting in a browser; read-only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join_web_url: Option<String>,
    /// Its chat; read-only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat_info: Option<ChatInfo>,
    /// Who holds it, and who is invited by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub participants: Option<MeetingParticipants>,
    /// How to join by number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join_meeting_id_settings: Option<JoinMeetingIdSettings>,
    /// Who waits in the lobby.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lobby_bypass_settings: Option<LobbyBypassSettings>,
    /// How to join by telephone; read-only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_conferencing: Option<AudioConferencing>,
    /// The invitation as text; read-only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join_information: Option<ItemBody>,
    /// What conference rooms dial; read-only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_teleconference_id: Option<String>,
    /// What the asker calls it; of `createOrGet`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Who presents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_presenters: Option<MeetingPresenters>,
    /// Whether there is a chat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_meeting_chat: Option<MeetingChatMode>,
    /// Whether attendees may show themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_attendee_to_enable_camera: Option<bool>,
    /// Whether attendees may speak.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_attendee_to_enable_mic: Option<bool>,
    /// Whether there are reactions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_teamwork_reactions: Option<bool>,
    /// Whether it is recorded from the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record_automatically: Option<bool>,
    /// Whether those who come and go are announced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_entry_exit_announced: Option<bool>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Who holds a meeting, and who is invited by name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MeetingParticipants {
    /// Who holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organizer: Option<MeetingParticipant>,
    /// Who is invited by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attendees: Option<Vec<MeetingParticipant>>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Somebody of a meeting.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MeetingParticipant {
    /// Who.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<IdentitySet>,
    /// Their address.
    #[serde(with = "private::option", skip_serializing_if = "Option::is_none")]
    pub upn: Option<Private<String>>,
    /// As what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<MeetingRole>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// How to join by number.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct JoinMeetingIdSettings {
    /// Whether a passcode is typed with the number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_passcode_required: Option<bool>,
    /// The number; read-only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join_meeting_id: Option<String>,
    /// The passcode; read-only. `null` when there is none.
    #[serde(with = "private::option")]
    pub passcode: Option<Private<String>>,
}

/// Who waits in the lobby.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LobbyBypassSettings {
    /// Who does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<LobbyBypassScope>,
    /// Whether those who dial in do not either.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_dial_in_bypass_enabled: Option<bool>,
}

/// How to join by telephone.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AudioConferencing {
    /// The number typed after dialling; the same as the one to join by.
    pub conference_id: Option<String>,
    /// A number to dial.
    pub toll_number: Option<String>,
    /// A number to dial for nothing.
    pub toll_free_number: Option<String>,
    /// Where all numbers are listed.
    pub dialin_url: Option<String>,
    /// A SIP address that leads straight into the meeting. Not of the published API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sip_uri: Option<String>,
}

/// A text, and what it is written in.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ItemBody {
    /// The text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// `html` or `text`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
}

open_enum! {
    /// As what somebody is invited.
    MeetingRole {
        /// They listen and speak.
        Attendee = "attendee",
        /// They present.
        Presenter = "presenter",
        /// They produce a broadcast.
        Producer = "producer",
        /// They hold it together with its organizer.
        Coorganizer = "coorganizer",
    }
}

open_enum! {
    /// Who does not wait in the lobby.
    LobbyBypassScope {
        /// The organizer.
        Organizer = "organizer",
        /// Everybody of the organization.
        Organization = "organization",
        /// The same, and organizations it trusts.
        OrganizationAndFederated = "organizationAndFederated",
        /// The same without guests.
        OrganizationExcludingGuests = "organizationExcludingGuests",
        /// Who was invited by name.
        Invited = "invited",
        /// Everybody.
        Everyone = "everyone",
    }
}

open_enum! {
    /// Who presents.
    MeetingPresenters {
        /// Everybody.
        Everyone = "everyone",
        /// Everybody of the organization.
        Organization = "organization",
        /// Who was invited as a presenter.
        RoleIsPresenter = "roleIsPresenter",
        /// The organizer.
        Organizer = "organizer",
    }
}

open_enum! {
    /// Whether there is a chat.
    MeetingChatMode {
        /// Always.
        Enabled = "enabled",
        /// Never.
        Disabled = "disabled",
        /// While the meeting lasts.
        Limited = "limited",
    }
}

/// The body of a response: what is absent is there as `null`.
#[derive(Debug)]
pub struct FullMeeting<'a>(pub &'a OnlineMeeting);

impl FullMeeting<'_> {
    /// The properties a response always has.
    const ALWAYS: [&'static str; 20] = [
        "id",
        "creationDateTime",
        "startDateTime",
        "endDateTime",
        "subject",
        "joinWebUrl",
        "chatInfo",
        "participants",
        "joinMeetingIdSettings",
        "lobbyBypassSettings",
        "audioConferencing",
        "joinInformation",
        "videoTeleconferenceId",
        "externalId",
        "allowedPresenters",
        "allowMeetingChat",
        "watermarkProtection",
        "chatRestrictions",
        "meetingTemplateId",
        "broadcastSettings",
    ];
}

impl Serialize for FullMeeting<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        with_nulls(self.0, &Self::ALWAYS).serialize(to)
    }
}
