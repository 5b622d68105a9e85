//! Parties of a call, as data: who takes part, who is asked to, and the roster.

use serde::{Deserialize, Serialize, Serializer};

use super::call::with_nulls;
use super::{
    EndpointType, IdentitySet, MediaDirection, RecordingStatus, RoutingMode, RoutingType, tag,
};
use crate::Extra;

/// Who takes part, and from where.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ParticipantInfo {
    /// The tag.
    #[serde(rename = "@odata.type", skip_serializing_if = "Option::is_none")]
    pub odata_type: Option<String>,
    /// Who.
    pub identity: IdentitySet,
    /// ISO 3166-1, two letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country_code: Option<String>,
    /// The kind of client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint_type: Option<EndpointType>,
    /// Such as `en-US`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language_id: Option<String>,
    /// The party's id in the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub participant_id: Option<String>,
    /// Such as `emea`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

impl ParticipantInfo {
    /// A party with an identity, tagged as we send it.
    pub fn new(identity: IdentitySet) -> Self {
        Self {
            odata_type: Some(tag::PARTICIPANT_INFO.into()),
            identity,
            ..Self::default()
        }
    }
}

/// Who is asked to take part.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InvitationParticipantInfo {
    /// The tag.
    #[serde(rename = "@odata.type", skip_serializing_if = "Option::is_none")]
    pub odata_type: Option<String>,
    /// Who.
    pub identity: IdentitySet,
    /// Another call of the same application that this one takes the place of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaces_call_id: Option<String>,
    /// Whether others see the party.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<bool>,
    /// The party's id in the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub participant_id: Option<String>,
    /// The kind of client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint_type: Option<EndpointType>,
    /// Whether the party starts outside the default mix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remove_from_default_audio_routing_group: Option<bool>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

impl InvitationParticipantInfo {
    /// An invitation for an identity, tagged as we send it.
    pub fn new(identity: IdentitySet) -> Self {
        Self {
            odata_type: Some(tag::INVITATION_PARTICIPANT_INFO.into()),
            identity,
            ..Self::default()
        }
    }
}

/// One party of a roster.
///
/// Serialised as it is, what is `None` is left out. [`FullParticipant`] writes the body of a response.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Participant {
    /// The tag.
    #[serde(rename = "@odata.type", skip_serializing_if = "Option::is_none")]
    pub odata_type: Option<String>,
    /// The party's id in the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Who.
    pub info: ParticipantInfo,
    /// Whether the party still waits to be let in.
    pub is_in_lobby: bool,
    /// Whether the party is muted, by itself or by the platform.
    pub is_muted: bool,
    /// What the party sends and receives.
    pub media_streams: Vec<MediaStream>,
    /// What the party's own client says of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
    /// What the party said of recording.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording_info: Option<RecordingInfo>,
    /// Why the party is no longer there; in delta rosters only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed_state: Option<RemovedState>,
    /// Where the roster stood when the party last changed; in delta rosters only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roster_sequence_number: Option<i64>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A participant as the body of a response: what is absent is an explicit `null`.
#[derive(Debug)]
pub struct FullParticipant<'a>(pub &'a Participant);

impl Serialize for FullParticipant<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        with_nulls(self.0, &["metadata", "recordingInfo"]).serialize(to)
    }
}

/// What a party said of recording.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RecordingInfo {
    /// The tag.
    #[serde(rename = "@odata.type", skip_serializing_if = "Option::is_none")]
    pub odata_type: Option<String>,
    /// Who records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initiator: Option<IdentitySet>,
    /// Whether it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording_status: Option<RecordingStatus>,
}

/// Why a party is no longer there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RemovedState {
    /// The tag.
    #[serde(rename = "@odata.type", skip_serializing_if = "Option::is_none")]
    pub odata_type: Option<String>,
    /// Such as `Removed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One stream of one party.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MediaStream {
    /// The tag.
    #[serde(rename = "@odata.type", skip_serializing_if = "Option::is_none")]
    pub odata_type: Option<String>,
    /// The kind of media.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<super::Modality>,
    /// An integer, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
    /// Which way it flows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<MediaDirection>,
    /// Whether the platform muted it.
    pub server_muted: bool,
    /// Such as `main-audio`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// Who hears whom, beside what everybody hears.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AudioRoutingGroup {
    /// Where the schema of this body is; in responses only.
    #[serde(rename = "@odata.context", skip_serializing_if = "Option::is_none")]
    pub odata_context: Option<String>,
    /// The tag.
    #[serde(rename = "@odata.type", skip_serializing_if = "Option::is_none")]
    pub odata_type: Option<String>,
    /// The group's id in the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// How many may be on each side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routing_mode: Option<RoutingMode>,
    /// Who is heard, by participant id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sources: Option<Vec<String>>,
    /// Who hears, by participant id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receivers: Option<Vec<String>>,
}

/// How a call was retargeted, one step.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CallRoute {
    /// The tag.
    #[serde(rename = "@odata.type", skip_serializing_if = "Option::is_none")]
    pub odata_type: Option<String>,
    /// Whom it was for.
    pub original: IdentitySet,
    /// Where it went.
    #[serde(rename = "final")]
    pub last: IdentitySet,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routing_type: Option<RoutingType>,
}
