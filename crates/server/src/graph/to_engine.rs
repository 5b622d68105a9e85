//! Request bodies, read and bounded, as commands.
//!
//! | file | what it reads |
//! |---|---|
//! | here | answer, reject, prompts and recordings |
//! | `create.rs` | a call to be made |
//! | `elsewhere.rs` | redirect and transfer |
//! | `many.rs` | what is asked of participants, and keys to be pressed |
//! | `party.rs` | identities |
//! | `names.rs` | property names in any case |

mod create;
mod elsewhere;
mod many;
mod names;
mod party;

use std::time::Duration;

use offhook_engine::limits::PROMPTS_MAX;
use offhook_engine::{Command, Hosting, Prompt, RecordRules, RejectReason};
use offhook_terms::{OperationId, Tone};
use offhook_wire::graph as wire;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::Refused;
use crate::limits;
use crate::outgoing::Guard;

pub(super) use create::{Wanted, WhichMeeting, create};
pub(super) use elsewhere::{Target, redirect, transfer};
pub(super) use many::{
    add_large_gallery_view, at_once, changed_group, invite, mute_all, new_group, participant,
    screen_sharing, send_tones, start_hold_music, stop_hold_music, update_recording_status,
};
pub(super) use party::{Asker, Phones};

/// The three times of `recordResponse` when they are not given, in seconds.
const RECORD_SECONDS_DEFAULT: i64 = 5;

/// Reads a body. What is no JSON object is one mistake, a property of the wrong type another.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    let Ok(mut value @ Value::Object(_)) = serde_json::from_slice(body) else {
        return Err(Refused::unreadable());
    };
    names::as_documented(&mut value);
    T::deserialize(&value).map_err(|_| culprit::<T>(value))
}

/// Which property is of the wrong type: found by reading each alone.
fn culprit<T: DeserializeOwned>(body: Value) -> Refused {
    let Value::Object(properties) = body else {
        return Refused::unreadable();
    };
    for (name, value) in properties {
        let alone = Value::Object([(name.clone(), value)].into_iter().collect());
        if serde_json::from_value::<T>(alone).is_err() {
            return Refused::parameter(&name, "has the wrong type");
        }
    }
    Refused::unreadable()
}

/// What a bot says when it takes a call.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) hosting: Hosting,
    /// Where the call's notifications go from now on, if not to the webhook.
    pub(super) callback: Option<Url>,
    /// What to fetch before it is asked for.
    pub(super) prefetch: Vec<Prompt>,
}

pub(super) fn answer(request: &wire::AnswerRequest, guard: &Guard) -> Result<Answer, Refused> {
    let callback = callback(request.callback_uri.as_deref(), guard)?;
    modalities("acceptedModalities", request.accepted_modalities.as_deref())?;
    let Media { hosting, prefetch } = media(request.media_config.as_ref(), guard)?;
    Ok(Answer {
        hosting,
        callback,
        prefetch,
    })
}

/// Who handles a call's audio, and what to fetch before it is asked for.
struct Media {
    hosting: Hosting,
    prefetch: Vec<Prompt>,
}

fn media(given: Option<&wire::MediaConfig>, guard: &Guard) -> Result<Media, Refused> {
    let prefetch = match given {
        None => return Err(Refused::parameter("mediaConfig", "is required")),
        Some(wire::MediaConfig::AppHosted { .. }) => {
            return Ok(Media {
                hosting: Hosting::App,
                prefetch: Vec::new(),
            });
        }
        Some(wire::MediaConfig::Other(_)) => {
            let wanted = "must be a '#microsoft.graph.serviceHostedMediaConfig' or a \
                          '#microsoft.graph.appHostedMediaConfig'";
            return Err(Refused::parameter("mediaConfig", wanted));
        }
        Some(wire::MediaConfig::ServiceHosted {
            pre_fetch_media, ..
        }) => pre_fetch_media,
    };
    if prefetch.len() > limits::PROMPTS_CACHED_PER_LEG_MAX {
        let wanted = format!(
            "has more than {} entries",
            limits::PROMPTS_CACHED_PER_LEG_MAX
        );
        return Err(Refused::parameter("preFetchMedia", wanted));
    }
    Ok(Media {
        hosting: Hosting::Service,
        prefetch: prefetch
            .iter()
            .map(|media| prompt_of(media.clone(), "preFetchMedia", guard))
            .collect::<Result<_, _>>()?,
    })
}

/// Audio must be among the kinds of media, and nothing we do not know.
fn modalities(name: &str, given: Option<&[wire::Modality]>) -> Result<(), Refused> {
    let given = given.ok_or_else(|| Refused::parameter(name, "is required"))?;
    let known = |modality: &wire::Modality| {
        matches!(
            modality,
            wire::Modality::Audio
                | wire::Modality::Video
                | wire::Modality::VideoBasedScreenSharing
                | wire::Modality::Data
        )
    };
    if !given.iter().all(known)
        || !given.contains(&wire::Modality::Audio)
        || given.len() > limits::MODALITIES_MAX
    {
        let wanted = "must contain 'audio' and nothing but 'audio', 'video', \
                      'videoBasedScreenSharing' and 'data'";
        return Err(Refused::parameter(name, wanted));
    }
    Ok(())
}

/// What a bot says when it turns a call down.
#[derive(Debug)]
pub(super) struct Reject {
    pub(super) reason: RejectReason,
    /// Where the last notification goes, if not to the webhook.
    pub(super) callback: Option<Url>,
}

pub(super) fn reject(request: wire::RejectRequest, guard: &Guard) -> Result<Reject, Refused> {
    let reason = match request.reason {
        None | Some(wire::RejectReason::None) => RejectReason::None,
        Some(wire::RejectReason::Busy) => RejectReason::Busy,
        Some(wire::RejectReason::Forbidden) => RejectReason::Forbidden,
        Some(wire::RejectReason::Other(_)) => {
            let wanted = "must be 'none', 'busy' or 'forbidden'";
            return Err(Refused::parameter("reason", wanted));
        }
    };
    Ok(Reject {
        reason,
        callback: callback(request.callback_uri.as_deref(), guard)?,
    })
}

pub(super) fn play(
    operation: OperationId,
    request: wire::PlayPromptRequest,
    guard: &Guard,
) -> Result<Command, Refused> {
    let prompts = request.prompts.unwrap_or_default();
    if prompts.is_empty() || prompts.len() > PROMPTS_MAX {
        let wanted = format!("must have 1 to {PROMPTS_MAX} entries");
        return Err(Refused::parameter("prompts", wanted));
    }
    Ok(Command::Play {
        operation,
        prompts: prompts
            .into_iter()
            .map(|given| prompt(given, "prompts", guard))
            .collect::<Result<_, _>>()?,
        for_ever: request.looping.unwrap_or(false),
        context: context(request.client_context)?,
    })
}

pub(super) fn record(
    operation: OperationId,
    request: wire::RecordResponseRequest,
    guard: &Guard,
) -> Result<Command, Refused> {
    let mut prompts = request.prompts.unwrap_or_default();
    if prompts.len() > 1 {
        return Err(Refused::parameter("prompts", "must have at most 1 entry"));
    }
    let rules = RecordRules {
        initial_silence: seconds(
            "initialSilenceTimeoutInSeconds",
            request.initial_silence_timeout_in_seconds,
        )?,
        max_silence: seconds(
            "maxSilenceTimeoutInSeconds",
            request.max_silence_timeout_in_seconds,
        )?,
        max_duration: seconds(
            "maxRecordDurationInSeconds",
            request.max_record_duration_in_seconds,
        )?,
        stop_tones: stop_tones(request.stop_tones.unwrap_or_default())?,
    };
    Ok(Command::Record {
        operation,
        prompt: prompts
            .pop()
            .map(|given| prompt(given, "prompts", guard))
            .transpose()?,
        barge_in: request.barge_in_allowed.unwrap_or(false),
        beep: request.play_beep.unwrap_or(true),
        rules,
        context: context(request.client_context)?,
    })
}

fn callback(uri: Option<&str>, guard: &Guard) -> Result<Option<Url>, Refused> {
    // Some clients send what they do not set as empty text.
    let Some(uri) = uri.filter(|uri| !uri.is_empty()) else {
        return Ok(None);
    };
    if uri.len() > limits::URL_BYTES_MAX {
        return Err(Refused::parameter("callbackUri", "is too long"));
    }
    match guard.callback(uri) {
        Ok(url) => Ok(Some(url)),
        Err(refused) => Err(Refused::parameter("callbackUri", refused)),
    }
}

fn seconds(name: &str, given: Option<i64>) -> Result<Duration, Refused> {
    let given = given.unwrap_or(RECORD_SECONDS_DEFAULT);
    if !limits::RECORD_SECONDS.contains(&given) {
        let (min, max) = (limits::RECORD_SECONDS.start(), limits::RECORD_SECONDS.end());
        return Err(Refused::parameter(
            name,
            format!("must be between {min} and {max}"),
        ));
    }
    Ok(Duration::from_secs(given.unsigned_abs()))
}

/// Symbols as documented (`#`), or the names of tones (`pound`), which generated clients have.
fn stop_tones(given: Vec<String>) -> Result<Vec<Tone>, Refused> {
    const WANTED: &str = "must have the keys 0-9, *, # and A-D";
    let mut tones = Vec::new();
    for text in given {
        let mut symbols = text.chars();
        let tone = match (symbols.next(), symbols.next()) {
            (Some(symbol), None) => Tone::from_symbol(symbol),
            _ => wire::ToneName::from(text.as_str()).tone(),
        };
        let tone = tone.ok_or_else(|| Refused::parameter("stopTones", WANTED))?;
        if !tones.contains(&tone) {
            tones.push(tone);
        }
    }
    debug_assert!(
        tones.len() <= limits::STOP_TONES_MAX,
        "there are sixteen keys"
    );
    Ok(tones)
}

fn context(given: Option<String>) -> Result<Option<String>, Refused> {
    if given
        .as_deref()
        .is_some_and(|text| text.chars().count() > limits::CLIENT_CONTEXT_CHARS_MAX)
    {
        let wanted = format!(
            "is longer than {} characters",
            limits::CLIENT_CONTEXT_CHARS_MAX
        );
        return Err(Refused::parameter("clientContext", wanted));
    }
    Ok(given)
}

fn prompt(given: wire::MediaPrompt, name: &str, guard: &Guard) -> Result<Prompt, Refused> {
    let wanted = "has an entry without 'mediaInfo'";
    let media = given
        .media_info
        .ok_or_else(|| Refused::parameter(name, wanted))?;
    prompt_of(media, name, guard)
}

fn prompt_of(media: wire::MediaInfo, name: &str, guard: &Guard) -> Result<Prompt, Refused> {
    let uri = media.uri.map(offhook_terms::Private::into_inner);
    let uri = uri
        .filter(|uri| !uri.is_empty())
        .ok_or_else(|| Refused::parameter(name, "has an entry without 'uri'"))?;
    if uri.len() > limits::URL_BYTES_MAX {
        return Err(Refused::parameter(name, "has a 'uri' that is too long"));
    }
    if let Err(refused) = guard.fetchable(&uri) {
        return Err(Refused::parameter(
            name,
            format!("has a 'uri' that {refused}"),
        ));
    }
    let resource_id = media.resource_id.filter(|id| !id.is_empty());
    if resource_id
        .as_deref()
        .is_some_and(|id| id.chars().count() > limits::RESOURCE_ID_CHARS_MAX)
    {
        return Err(Refused::parameter(
            name,
            "has a 'resourceId' that is too long",
        ));
    }
    Ok(Prompt::File { uri, resource_id })
}
