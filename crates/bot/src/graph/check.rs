//! The API's limits, checked before anything is sent: a mistake is found where it was made.

use offhook_terms::Tone;
use offhook_wire::graph::{
    AnswerRequest, Call, MediaConfig, MediaInfo, MediaPrompt, Modality, OnlineMeeting,
    PlayPromptRequest, RecordResponseRequest, RedirectRequest, TransferRequest,
};
use serde_json::Value;
use url::Url;

use crate::limits::{
    CLIENT_CONTEXT_CHARS_MAX, PLAY_PROMPTS_MAX, RECORD_PROMPTS_MAX, RECORD_SECONDS,
    REDIRECT_SECONDS, REDIRECT_TARGETS_MAX,
};

/// A parameter is beyond what the API allows.
///
/// ```
/// use offhook_bot::{CallId, GraphClient, GraphFault};
///
/// # async fn example(client: GraphClient, call: CallId) {
/// // Seen before anything is sent.
/// if let Err(GraphFault::Parameter(wrong)) = client.send_tones(&call, "", None).await {
///     println!("{}: {}", wrong.parameter, wrong.rule);
/// }
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{parameter}: {rule}")]
pub struct ParameterFault {
    /// The parameter, as the API names it.
    pub parameter: &'static str,
    /// What is allowed.
    pub rule: &'static str,
}

/// A prompt at an address. With a `resource_id` the platform fetches it once per call.
///
/// ```
/// use offhook_bot::prompt;
///
/// let welcome = prompt("https://bot.example/welcome.wav", None);
/// ```
pub fn prompt(uri: &str, resource_id: Option<&str>) -> MediaPrompt {
    MediaPrompt::new(MediaInfo::new(uri, resource_id.map(str::to_owned)))
}

fn fault(parameter: &'static str, rule: &'static str) -> Result<(), ParameterFault> {
    Err(ParameterFault { parameter, rule })
}

pub(super) fn create(call: &Call) -> Result<(), ParameterFault> {
    if call.callback_uri.is_none() {
        return fault("callbackUri", "it is required");
    }
    wants_media(
        "requestedModalities",
        call.requested_modalities.as_deref(),
        call.media_config.as_ref(),
    )?;
    let has_targets = call.targets.as_ref().is_some_and(|who| !who.is_empty());
    match has_targets || call.meeting_info.is_some() {
        true => Ok(()),
        false => fault("targets", "somebody to call, or meetingInfo, is required"),
    }
}

pub(super) fn answer(request: &AnswerRequest) -> Result<(), ParameterFault> {
    wants_media(
        "acceptedModalities",
        request.accepted_modalities.as_deref(),
        request.media_config.as_ref(),
    )
}

/// What every call needs that is made or taken: a kind of media, and who handles it.
fn wants_media(
    parameter: &'static str,
    modalities: Option<&[Modality]>,
    config: Option<&MediaConfig>,
) -> Result<(), ParameterFault> {
    if modalities.unwrap_or_default().is_empty() {
        return fault(parameter, "at least one is required");
    }
    match config {
        Some(_) => Ok(()),
        None => fault("mediaConfig", "it is required"),
    }
}

pub(super) fn play(request: &PlayPromptRequest) -> Result<(), ParameterFault> {
    let prompts = request.prompts.as_deref().unwrap_or_default();
    if prompts.is_empty() || prompts.len() > PLAY_PROMPTS_MAX {
        return fault("prompts", "1 to 20 are allowed");
    }
    all_have_addresses(prompts)?;
    context(request.client_context.as_deref())
}

pub(super) fn record(request: &RecordResponseRequest) -> Result<(), ParameterFault> {
    let prompts = request.prompts.as_deref().unwrap_or_default();
    if prompts.len() > RECORD_PROMPTS_MAX {
        return fault("prompts", "at most 1 is allowed");
    }
    all_have_addresses(prompts)?;
    for (parameter, seconds) in [
        (
            "initialSilenceTimeoutInSeconds",
            request.initial_silence_timeout_in_seconds,
        ),
        (
            "maxSilenceTimeoutInSeconds",
            request.max_silence_timeout_in_seconds,
        ),
        (
            "maxRecordDurationInSeconds",
            request.max_record_duration_in_seconds,
        ),
    ] {
        if seconds.is_some_and(|seconds| !RECORD_SECONDS.contains(&seconds)) {
            return fault(parameter, "1 to 120 seconds are allowed");
        }
    }
    for tone in request.stop_tones.as_deref().unwrap_or_default() {
        let mut symbols = tone.chars();
        let one = (symbols.next(), symbols.next());
        if !matches!(one, (Some(symbol), None) if Tone::from_symbol(symbol).is_some()) {
            return fault("stopTones", "each is one of 0-9, *, # and A-D");
        }
    }
    context(request.client_context.as_deref())
}

pub(super) fn redirect(request: &RedirectRequest) -> Result<(), ParameterFault> {
    let targets = request.targets.as_deref().unwrap_or_default();
    if targets.is_empty() || targets.len() > REDIRECT_TARGETS_MAX {
        return fault("targets", "1 to 25 are allowed");
    }
    match request.timeout {
        Some(seconds) if !REDIRECT_SECONDS.contains(&seconds) => {
            fault("timeout", "15 to 90 seconds are allowed")
        }
        _ => Ok(()),
    }
}

pub(super) fn transfer(request: &TransferRequest) -> Result<(), ParameterFault> {
    match request.transfer_target {
        Some(_) => Ok(()),
        None => fault("transferTarget", "it is required"),
    }
}

/// `tones` is `None` when one of them is no key.
pub(super) fn tones(tones: Option<&[Value]>, delay_ms: Option<i64>) -> Result<(), ParameterFault> {
    match tones {
        None => fault("tones", "each is one of 0-9, *, # and A-D"),
        Some([]) => fault("tones", "at least one is required"),
        Some(_) if delay_ms.is_some_and(|delay| delay < 0) => {
            fault("delayBetweenTonesMs", "it cannot be negative")
        }
        Some(_) => Ok(()),
    }
}

pub(super) fn external_id(meeting: &OnlineMeeting) -> Result<(), ParameterFault> {
    match &meeting.external_id {
        Some(_) => Ok(()),
        None => fault("externalId", "it is required"),
    }
}

/// Of a next page that is somewhere else.
pub(super) fn next_link() -> ParameterFault {
    ParameterFault {
        parameter: "@odata.nextLink",
        rule: "only an address of the same server is followed",
    }
}

fn all_have_addresses(prompts: &[MediaPrompt]) -> Result<(), ParameterFault> {
    for prompt in prompts {
        let media = prompt.media_info.as_ref();
        let uri = media.and_then(|media| media.uri.as_ref());
        let uri = uri.and_then(|uri| Url::parse(uri.reveal()).ok());
        if !uri.is_some_and(|uri| matches!(uri.scheme(), "http" | "https")) {
            return fault("prompts", "each needs an http or https address");
        }
    }
    Ok(())
}

fn context(context: Option<&str>) -> Result<(), ParameterFault> {
    if context.is_some_and(|context| context.chars().count() > CLIENT_CONTEXT_CHARS_MAX) {
        return fault("clientContext", "256 characters are allowed");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording() -> RecordResponseRequest {
        RecordResponseRequest {
            prompts: Some(vec![prompt("https://bot.example.org/a.wav", None)]),
            stop_tones: Some(vec!["#".into(), "1".into(), "*".into()]),
            max_record_duration_in_seconds: Some(120),
            ..RecordResponseRequest::default()
        }
    }

    #[test]
    fn what_the_api_allows_is_sent() {
        assert_eq!(record(&recording()), Ok(()));
        assert_eq!(record(&RecordResponseRequest::default()), Ok(()));
    }

    #[test]
    fn each_parameter_of_a_recording_is_checked() {
        type Change = fn(&mut RecordResponseRequest);
        let cases: [(&str, Change); 6] = [
            ("prompts", |r| {
                r.prompts = Some(vec![prompt("https://a.example", None); 2]);
            }),
            ("prompts", |r| {
                r.prompts = Some(vec![prompt("file:///etc/passwd", None)]);
            }),
            ("initialSilenceTimeoutInSeconds", |r| {
                r.initial_silence_timeout_in_seconds = Some(0);
            }),
            ("maxRecordDurationInSeconds", |r| {
                r.max_record_duration_in_seconds = Some(121);
            }),
            ("stopTones", |r| r.stop_tones = Some(vec!["##".into()])),
            ("clientContext", |r| {
                r.client_context = Some("é".repeat(257))
            }),
        ];
        for (parameter, change) in cases {
            let mut request = recording();
            change(&mut request);
            let fault = record(&request).expect_err("it is beyond the limit");
            assert_eq!(fault.parameter, parameter);
        }
    }

    #[test]
    fn a_prompt_list_has_one_to_twenty() {
        let of = |count| PlayPromptRequest {
            prompts: Some(vec![prompt("https://a.example", None); count]),
            ..PlayPromptRequest::default()
        };
        assert!(play(&of(0)).is_err());
        assert!(play(&of(1)).is_ok());
        assert!(play(&of(20)).is_ok());
        assert!(play(&of(21)).is_err());
    }
}
