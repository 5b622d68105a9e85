//! The call resource: one leg of one application.

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::{
    CallDirection, CallMediaState, CallRoute, CallState, CallTranscriptionState, ChatInfo,
    IdentitySet, InvitationParticipantInfo, MediaConfig, MeetingInfo, Modality, ParticipantInfo,
    ToneInfo, number, tag,
};
use crate::Extra;

/// A call, whole or in part: in notifications everything may be missing, even the state.
///
/// Serialised as it is, what is `None` is left out, as notifications and requests want it.
/// [`FullCall`] writes the body of a response, where what is absent is an explicit `null`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Call {
    /// Where the schema of this body is; in responses only.
    #[serde(rename = "@odata.context", skip_serializing_if = "Option::is_none")]
    pub odata_context: Option<String>,
    /// The tag.
    #[serde(rename = "@odata.type", skip_serializing_if = "Option::is_none")]
    pub odata_type: Option<String>,
    /// The path of the call; in notifications only.
    #[serde(rename = "@odata.id", skip_serializing_if = "Option::is_none")]
    pub odata_id: Option<String>,
    /// Grows with every change, `W/"17"`; in notifications only.
    #[serde(rename = "@odata.etag", skip_serializing_if = "Option::is_none")]
    pub odata_etag: Option<String>,
    /// A GUID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Where it is in its life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<CallState>,
    /// Who called whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<CallDirection>,
    /// Where its notifications go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_uri: Option<String>,
    /// One per conversation; survives redirect and transfer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_chain_id: Option<String>,
    /// How it was retargeted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_routes: Option<Vec<CallRoute>>,
    /// What the bot wants to be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_options: Option<CallOptions>,
    /// Its chat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat_info: Option<ChatInfo>,
    /// Where it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incoming_context: Option<IncomingContext>,
    /// Who handles its media.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_config: Option<MediaConfig>,
    /// Whether its audio flows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_state: Option<CallMediaState>,
    /// Its meeting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meeting_info: Option<MeetingInfo>,
    /// The bot's own id among the parties.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub my_participant_id: Option<String>,
    /// The kinds of media asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_modalities: Option<Vec<Modality>>,
    /// Why it ended, or why a transfer failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result_info: Option<ResultInfo>,
    /// Who called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<ParticipantInfo>,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Who was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<InvitationParticipantInfo>>,
    /// Whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// A key press; in tone notifications only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tone_info: Option<ToneInfo>,
    /// Whether it is transcribed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transcription: Option<CallTranscriptionInfo>,
    /// Who took a redirected call (beta only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<ParticipantInfo>,
    /// How a transferred call ended (beta only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub termination_reason: Option<String>,
    /// How long the called party rings, in seconds (beta only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ringing_timeout_in_seconds: Option<i64>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Call {
    /// An empty call with its tag.
    pub fn tagged() -> Self {
        Self {
            odata_type: Some(tag::CALL.into()),
            ..Self::default()
        }
    }

    /// The number in the etag, if there is one that can be read: `W/"17"` is 17.
    pub fn etag_number(&self) -> Option<u64> {
        let etag = self.odata_etag.as_deref()?;
        let etag = etag.trim().trim_start_matches("W/").trim_matches('"');
        etag.parse().ok()
    }
}

/// A call as the body of a response: what is absent is an explicit `null`.
#[derive(Debug)]
pub struct FullCall<'a>(pub &'a Call);

impl FullCall<'_> {
    /// The properties a response always has.
    const ALWAYS: [&'static str; 20] = [
        "id",
        "state",
        "direction",
        "callbackUri",
        "callChainId",
        "callRoutes",
        "chatInfo",
        "incomingContext",
        "mediaConfig",
        "mediaState",
        "meetingInfo",
        "myParticipantId",
        "requestedModalities",
        "resultInfo",
        "source",
        "subject",
        "targets",
        "tenantId",
        "toneInfo",
        "transcription",
    ];
}

impl Serialize for FullCall<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut body = with_nulls(self.0, &Self::ALWAYS);
        if let Some(source) = body.get_mut("source") {
            fill(
                source,
                &["countryCode", "endpointType", "languageId", "region"],
            );
        }
        let targets = body.get_mut("targets").and_then(Value::as_array_mut);
        for target in targets.into_iter().flatten() {
            fill(target, &["endpointType", "replacesCallId"]);
        }
        body.serialize(to)
    }
}

/// The object `body` prints as, with `null` for each of `names` that it left out.
pub(super) fn with_nulls(body: &impl Serialize, names: &[&str]) -> Value {
    // Our own plain data prints; the only failure serde_json knows here is a map with odd keys.
    let mut value = serde_json::to_value(body).unwrap_or_default();
    fill(&mut value, names);
    value
}

/// Puts `null` for each of `names` that an object leaves out.
fn fill(value: &mut Value, names: &[&str]) {
    if let Value::Object(fields) = value {
        for name in names {
            fields.entry(*name).or_insert(Value::Null);
        }
    }
}

/// Why something ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResultInfo {
    /// The tag.
    #[serde(
        rename = "@odata.type",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub odata_type: Option<String>,
    /// 2xx success, 4xx the client's fault, 5xx the platform's, 6xx declined everywhere.
    #[serde(default, deserialize_with = "number::lenient")]
    pub code: i32,
    /// The exact case.
    #[serde(default, alias = "subCode", deserialize_with = "number::lenient")]
    pub subcode: i32,
    /// A sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl ResultInfo {
    /// A result, tagged as we send it.
    pub fn new(code: i32, subcode: i32, message: impl Into<String>) -> Self {
        Self {
            odata_type: Some(tag::RESULT_INFO.into()),
            code,
            subcode,
            message: Some(message.into()),
        }
    }
}

/// What a bot wants to be told of its call.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CallOptions {
    /// The tag.
    #[serde(rename = "@odata.type", skip_serializing_if = "Option::is_none")]
    pub odata_type: Option<String>,
    /// Whether the bot is hidden once a call of two becomes one of many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hide_bot_after_escalation: Option<bool>,
    /// Whether it is told of shared screens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_content_sharing_notification_enabled: Option<bool>,
    /// Whether rosters have only what changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_delta_roster_enabled: Option<bool>,
    /// Whether rosters have who is active.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_interactive_roster_enabled: Option<bool>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Where an incoming call came from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IncomingContext {
    /// The tag.
    #[serde(rename = "@odata.type", skip_serializing_if = "Option::is_none")]
    pub odata_type: Option<String>,
    /// The caller's id among the parties.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_participant_id: Option<String>,
    /// The observed party's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_participant_id: Option<String>,
    /// Who transfers the call here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transferor: Option<IdentitySet>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Whether a call is transcribed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CallTranscriptionInfo {
    /// The tag.
    #[serde(rename = "@odata.type", skip_serializing_if = "Option::is_none")]
    pub odata_type: Option<String>,
    /// Whether.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<CallTranscriptionState>,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_modified_date_time: Option<String>,
}
