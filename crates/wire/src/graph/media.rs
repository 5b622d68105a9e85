//! Who handles a call's media, what prompts are made of, and key presses.

use std::fmt;

use offhook_terms::{Private, Tone};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::{MediaState, ToneName, tag};
use crate::{Extra, private};

/// Who handles a call's media.
#[derive(Clone, PartialEq)]
pub enum MediaConfig {
    /// The platform does: prompts and recordings are its work.
    ServiceHosted {
        /// Prompts to fetch before they are asked for.
        pre_fetch_media: Vec<MediaInfo>,
        /// Everything else.
        extra: Extra,
    },
    /// The application does.
    AppHosted {
        /// The application's media session, opaque.
        blob: Option<String>,
        /// Everything else.
        extra: Extra,
    },
    /// Some other tag, with its properties.
    Other(Extra),
}

impl MediaConfig {
    /// Media handled by the platform, nothing fetched ahead.
    pub fn service() -> Self {
        Self::ServiceHosted {
            pre_fetch_media: Vec::new(),
            extra: Extra::default(),
        }
    }

    /// Whether prompts and recordings work on a call with this.
    pub fn is_service_hosted(&self) -> bool {
        matches!(self, Self::ServiceHosted { .. })
    }
}

impl fmt::Debug for MediaConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServiceHosted {
                pre_fetch_media, ..
            } => f
                .debug_struct("ServiceHosted")
                .field("pre_fetch_media", &pre_fetch_media.len())
                .finish_non_exhaustive(),
            Self::AppHosted { .. } => f.debug_struct("AppHosted").finish_non_exhaustive(),
            Self::Other(extra) => f.debug_tuple("Other").field(extra).finish(),
        }
    }
}

impl Serialize for MediaConfig {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = to.serialize_map(None)?;
        let extra = match self {
            Self::ServiceHosted {
                pre_fetch_media,
                extra,
            } => {
                map.serialize_entry("@odata.type", tag::SERVICE_HOSTED_MEDIA_CONFIG)?;
                if !pre_fetch_media.is_empty() {
                    map.serialize_entry("preFetchMedia", pre_fetch_media)?;
                }
                extra
            }
            Self::AppHosted { blob, extra } => {
                map.serialize_entry("@odata.type", tag::APP_HOSTED_MEDIA_CONFIG)?;
                if let Some(blob) = blob {
                    map.serialize_entry("blob", blob)?;
                }
                extra
            }
            Self::Other(extra) => extra,
        };
        for (name, value) in &extra.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for MediaConfig {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut fields = Map::deserialize(from)?;
        // Without a tag the content decides; the real gateway would refuse, clients get it wrong.
        let tagged = fields.get("@odata.type").and_then(Value::as_str);
        let app = match tagged {
            Some(tag) if tag::same(tag, tag::SERVICE_HOSTED_MEDIA_CONFIG) => false,
            Some(tag) if tag::same(tag, tag::APP_HOSTED_MEDIA_CONFIG) => true,
            Some(_) => return Ok(Self::Other(Extra(fields))),
            None => fields.contains_key("blob"),
        };
        fields.remove("@odata.type");
        if app {
            let blob = match fields.remove("blob") {
                Some(Value::String(blob)) => Some(blob),
                None | Some(Value::Null) => None,
                Some(_) => return Err(serde::de::Error::custom("blob: expected a string")),
            };
            let extra = Extra(fields);
            return Ok(Self::AppHosted { blob, extra });
        }
        let pre_fetch_media = match fields.remove("preFetchMedia") {
            None | Some(Value::Null) => Vec::new(),
            Some(list) => serde_json::from_value(list)
                .map_err(|error| serde::de::Error::custom(format!("preFetchMedia: {error}")))?,
        };
        Ok(Self::ServiceHosted {
            pre_fetch_media,
            extra: Extra(fields),
        })
    }
}

/// Where a prompt's audio is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MediaInfo {
    /// The tag.
    #[serde(rename = "@odata.type", skip_serializing_if = "Option::is_none")]
    pub odata_type: Option<String>,
    /// The address. Private, because bots put capabilities into it.
    #[serde(with = "private::option", skip_serializing_if = "Option::is_none")]
    pub uri: Option<Private<String>>,
    /// Under which the platform keeps what it fetched: the first fetch wins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
}

impl MediaInfo {
    /// Audio at an address, tagged as we send it.
    pub fn new(uri: impl Into<String>, resource_id: Option<String>) -> Self {
        Self {
            odata_type: Some(tag::MEDIA_INFO.into()),
            uri: Some(Private::new(uri.into())),
            resource_id,
        }
    }
}

/// One prompt. There is only one kind, so the tag decides nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MediaPrompt {
    /// The tag.
    #[serde(rename = "@odata.type", skip_serializing_if = "Option::is_none")]
    pub odata_type: Option<String>,
    /// The audio; required, and checked by who receives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_info: Option<MediaInfo>,
    /// How often (beta only).
    #[serde(rename = "loop", skip_serializing_if = "Option::is_none")]
    pub times: Option<i64>,
}

impl MediaPrompt {
    /// A prompt at an address, tagged as we send it.
    pub fn new(media: MediaInfo) -> Self {
        Self {
            odata_type: Some(tag::MEDIA_PROMPT.into()),
            media_info: Some(media),
            times: None,
        }
    }
}

/// Whether a call's audio flows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CallMediaState {
    /// The tag.
    #[serde(rename = "@odata.type", skip_serializing_if = "Option::is_none")]
    pub odata_type: Option<String>,
    /// Of audio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio: Option<MediaState>,
}

impl CallMediaState {
    /// Audio that flows, or does not.
    pub fn audio(state: MediaState) -> Self {
        Self {
            odata_type: Some(tag::CALL_MEDIA_STATE.into()),
            audio: Some(state),
        }
    }
}

/// One key press.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToneInfo {
    /// The tag.
    #[serde(
        rename = "@odata.type",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub odata_type: Option<String>,
    /// From 1, by one per key, over the life of the call.
    #[serde(default)]
    pub sequence_id: i64,
    /// Which key.
    #[serde(with = "private::plain")]
    pub tone: Private<ToneName>,
}

impl ToneInfo {
    /// The key press with this number in the call.
    pub fn new(sequence_id: i64, tone: Tone) -> Self {
        Self {
            odata_type: Some(tag::TONE_INFO.into()),
            sequence_id,
            tone: Private::new(tone.into()),
        }
    }
}
