//! What devices tell of how well they heard (Graph call: logTeleconferenceDeviceQuality).
//!
//! A report is checked as the published service checks it, counted, and dropped: nobody here reads
//! it.

use http::{HeaderMap, header};
use offhook_terms::CallId;
use serde_json::{Map, Value};

use crate::graph::Refused;

/// The ids that are required.
const IDS: [&str; 3] = ["callChainId", "participantId", "mediaLegId"];

/// The texts that are.
const TEXTS: [&str; 2] = ["deviceName", "deviceDescription"];

/// What the qualities of media can be of.
const MEDIA: [&str; 3] = [
    "teleconferenceDeviceAudioQuality",
    "teleconferenceDeviceVideoQuality",
    "teleconferenceDeviceScreenSharingQuality",
];

/// Takes a report.
pub(super) fn take(headers: &HeaderMap, report: &Map<String, Value>) -> Result<(), Refused> {
    let agent = headers.get(header::USER_AGENT);
    if agent.is_none_or(|agent| agent.is_empty()) {
        return Err(Refused::parameter("User-Agent", "is a required header"));
    }
    let Some(quality) = report.get("quality").filter(|quality| !quality.is_null()) else {
        return Err(Refused::parameter("quality", "is required"));
    };
    let Some(quality) = quality.as_object() else {
        return Err(Refused::parameter("quality", "has the wrong type"));
    };
    for name in IDS {
        let id = text(quality, name)?;
        if id.parse::<CallId>().is_err() {
            return Err(Refused::parameter(name, "must be a GUID"));
        }
    }
    for name in TEXTS {
        text(quality, name)?;
    }
    let name = "mediaQualityList";
    let media = match quality.get(name) {
        None | Some(Value::Null) => return Err(Refused::parameter(name, "is required")),
        Some(Value::Array(media)) => media,
        Some(_) => return Err(Refused::parameter(name, "has the wrong type")),
    };
    if !media.iter().all(is_known) {
        let wanted = "must have objects, of the three kinds of teleconferenceDeviceMediaQuality";
        return Err(Refused::parameter(name, wanted));
    }
    metrics::counter!("offhook_device_quality_reports_total").increment(1);
    Ok(())
}

fn text<'a>(quality: &'a Map<String, Value>, name: &str) -> Result<&'a str, Refused> {
    match quality.get(name) {
        None | Some(Value::Null) => Err(Refused::parameter(name, "is required")),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(Refused::parameter(name, "has the wrong type")),
    }
}

/// Without a tag it may be any of them.
fn is_known(media: &Value) -> bool {
    let Some(media) = media.as_object() else {
        return false;
    };
    match media.get("@odata.type") {
        None => true,
        Some(tag) => tag.as_str().is_some_and(|tag| {
            let tag = tag.trim_start_matches('#');
            let bare = tag.rsplit('.').next().unwrap_or(tag);
            MEDIA.iter().any(|known| known.eq_ignore_ascii_case(bare))
        }),
    }
}
