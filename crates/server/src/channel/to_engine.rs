//! What a bot's activities mean for its conversation.

use std::time::Duration;

use offhook_engine::{
    Hint, KeyPattern, Said, SipContext, Speech, SpeechForm, TapeChannels, TapeCommand, TapeVerb,
};
use offhook_speech::limits::{PHRASE_CHARS_MAX, PHRASES_MAX, SPEECH_BYTES_MAX};
use offhook_terms::Private;
use offhook_wire::activity::{Activity, event, kind};
use regex::RegexBuilder;
use serde_json::Value;

use super::refused::Refused;
use crate::config::is_locale;
use crate::limits;

/// What an activity asks for.
#[derive(Debug)]
pub(super) enum Asked {
    /// Something is to be spoken.
    Say(Box<Said>),
    /// The call is to end.
    End {
        /// Now, whatever waits.
        at_once: bool,
    },
    /// Something that nobody does here; its bot is told so.
    NotSupported {
        name: String,
        command: Option<String>,
    },
    /// The recording of the call.
    Tape(Box<TapeCommand>),
    /// The caller is to go on with somebody else.
    Handoff(Box<Asks>),
    /// Nothing.
    Nothing,
}

/// A hand-off as a bot asks for it.
#[derive(Debug)]
pub(super) struct Asks {
    /// To whom: a phone number in full or the user part of an address here; or why it cannot be.
    pub(super) target: Result<Target, &'static str>,
    pub(super) context: SipContext,
    /// The conversation so far, as the bot hands it over.
    pub(super) transcript: Option<Value>,
}

/// Who is to have the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Number(Private<String>),
    User(String),
}

/// The language and the voice of what does not say.
pub(super) struct Usual<'a> {
    pub(super) locale: &'a str,
    pub(super) voice: Option<&'a str>,
}

/// Reads an activity that was given this id.
pub(super) fn asked(activity: &Activity, id: &str, usual: &Usual<'_>) -> Result<Asked, Refused> {
    if activity.kind.as_deref().unwrap_or_default().is_empty() {
        return Err(Refused::missing("type"));
    }
    if activity.is(kind::MESSAGE) {
        return Ok(Asked::Say(Box::new(said(activity, id, usual)?)));
    }
    if activity.is(kind::END_OF_CONVERSATION) {
        let at_once = data(activity, "immediate") == Some(&Value::Bool(true));
        return Ok(Asked::End { at_once });
    }
    let name = activity.name.as_deref().unwrap_or_default();
    if activity.is(kind::EVENT) && name == event::HANDOFF_INITIATE {
        return Ok(Asked::Handoff(Box::new(handoff(activity)?)));
    }
    if activity.is(kind::COMMAND) && is_for_channels(name) {
        let value = activity.value.as_ref().map(Private::reveal);
        let command = value.and_then(|value| value.get("commandId")?.as_str());
        if let Some(verb) = tape_verb(name) {
            let data = value.and_then(|value| value.get("data"));
            return Ok(Asked::Tape(Box::new(TapeCommand {
                verb,
                name: name.to_owned(),
                command: command.map(str::to_owned),
                activity: id.to_owned(),
                channels: data.and_then(channels),
                metadata: metadata(data)?,
            })));
        }
        return Ok(Asked::NotSupported {
            name: name.to_owned(),
            command: command.map(str::to_owned),
        });
    }
    // Typing, traces, what an application tells itself: heard, and without effect on a telephone.
    Ok(Asked::Nothing)
}

/// A command for the channel, by its present or its former name.
fn is_for_channels(name: &str) -> bool {
    name.starts_with("channel/") || (name.starts_with("recording_") && name.ends_with("_command"))
}

/// What a command of the recording wants, by its present or its former name.
fn tape_verb(name: &str) -> Option<TapeVerb> {
    let now = name.strip_prefix("channel/vnd.microsoft.telephony.recording.");
    let former = || name.strip_prefix("recording_")?.strip_suffix("_command");
    Some(match now.or_else(former)? {
        "start" => TapeVerb::Start,
        "pause" => TapeVerb::Pause,
        "resume" => TapeVerb::Resume,
        "stop" => TapeVerb::Stop,
        _ => return None,
    })
}

fn channels(data: &Value) -> Option<TapeChannels> {
    match data.get("RecordingChannelType")?.as_u64()? {
        0 => Some(TapeChannels::Mixed),
        1 => Some(TapeChannels::Separate),
        _ => None,
    }
}

/// What a bot wants kept with a recording.
fn metadata(data: Option<&Value>) -> Result<Option<Private<String>>, Refused> {
    let metadata = data.and_then(|data| data.get("metadata"));
    let Some(metadata) = metadata.filter(|metadata| metadata.is_object()) else {
        return Ok(None);
    };
    let text = metadata.to_string();
    let most = limits::RECORDING_METADATA_BYTES_MAX;
    if text.len() > most {
        let what = format!("'value.data.metadata' is longer than {most} bytes.");
        return Err(Refused::too_large(what));
    }
    Ok(Some(Private::new(text)))
}

fn handoff(activity: &Activity) -> Result<Asks, Refused> {
    let value = activity.value.as_ref().map(Private::reveal);
    let member = |name: &str| {
        let members = value?.as_object()?;
        let mut found = members.iter();
        let found = found.find(|(own, _)| own.eq_ignore_ascii_case(name));
        found
            .map(|(_, value)| value)
            .filter(|value| !value.is_null())
    };
    let target = match member("TargetPhoneNumber") {
        Some(Value::String(text)) => target(text.trim()),
        Some(_) => Err("The phone number is not valid"),
        None => Err("No phone number was given"),
    };
    let mut context = SipContext::default();
    if let Some(data) = member("Context") {
        context.headers.push(user_to_user(data)?);
    }
    if let Some(headers) = member("SipHeaders") {
        let bad = || Refused::argument("'value.SipHeaders' is no object of texts.");
        for (name, value) in headers.as_object().ok_or_else(bad)? {
            let value = value.as_str().ok_or_else(bad)?;
            context.headers.push(sip_header(name, value)?);
        }
    }
    if context.headers.len() > limits::SIP_HEADERS_MAX {
        let most = limits::SIP_HEADERS_MAX;
        let what = format!("'value.SipHeaders' has more than {most} headers.");
        return Err(Refused::argument(what));
    }
    let attachments = activity.attachments.as_ref().map(Private::reveal);
    let transcript = attachments.into_iter().flatten().find_map(|one| {
        let is_it = one.get("contentType")?.as_str()? == "application/json"
            && one.get("name")?.as_str()? == "Transcript";
        is_it.then(|| one.get("content").cloned()).flatten()
    });
    Ok(Asks {
        target,
        context,
        transcript,
    })
}

/// A phone number in full, a `tel:` URI (RFC 3966) or a `sip:` URI of ours.
fn target(text: &str) -> Result<Target, &'static str> {
    const BAD: &str = "The phone number is not valid";
    if text.is_empty() {
        return Err("No phone number was given");
    }
    let lower = text.to_ascii_lowercase();
    let (is_address, rest) = match () {
        () if lower.starts_with("tel:") => (false, &text[4..]),
        () if lower.starts_with("sip:") || lower.starts_with("sips:") => {
            let rest = text.split_once(':').map_or(text, |(_, rest)| rest);
            (true, rest)
        }
        () => (false, text),
    };
    // Parameters say how to get there, which is for us to know.
    let rest = rest.split([';', '?']).next().unwrap_or_default();
    let user = match rest.split_once('@') {
        Some((user, _)) if is_address => user,
        _ => rest,
    };
    let digits: String = user
        .chars()
        .filter(|c| !matches!(c, '-' | '.' | '(' | ')' | ' '))
        .collect();
    let digits = match digits.bytes().all(|b| b.is_ascii_digit()) && digits.len() >= 8 {
        true => format!("+{digits}"),
        false => digits,
    };
    if crate::sip::is_e164(&digits) {
        return Ok(Target::Number(Private::new(digits)));
    }
    let is_user = is_address && !user.is_empty() && user.len() <= limits::SIP_HEADER_BYTES_MAX;
    is_user.then(|| Target::User(user.to_owned())).ok_or(BAD)
}

/// What the far side is told, as user-to-user information (RFC 7433): text, in hexadecimal.
fn user_to_user(data: &Value) -> Result<(String, Private<String>), Refused> {
    let text = match data {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.len() > limits::USER_TO_USER_BYTES_MAX {
        let most = limits::USER_TO_USER_BYTES_MAX;
        let what = format!("'value.Context' is longer than {most} bytes.");
        return Err(Refused::too_large(what));
    }
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    Ok((
        "User-to-User".to_owned(),
        Private::new(format!("{hex};encoding=hex")),
    ))
}

/// A header of a bot's own: `X-…`, or user-to-user information as it is.
fn sip_header(name: &str, value: &str) -> Result<(String, Private<String>), Refused> {
    let is_token = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let lower = name.to_ascii_lowercase();
    let is_ours = is_token && (lower.starts_with("x-") || lower == "user-to-user");
    if !is_ours || name.len() > limits::SIP_HEADER_NAME_MAX {
        return Err(Refused::argument(
            "'value.SipHeaders' may have headers whose names begin with \"X-\", and \"User-to-User\".",
        ));
    }
    let is_text = value.chars().all(|c| !c.is_control());
    if !is_text || value.len() > limits::SIP_HEADER_BYTES_MAX {
        let most = limits::SIP_HEADER_BYTES_MAX;
        let what =
            format!("'value.SipHeaders' has a value that is not one line of at most {most} bytes.");
        return Err(Refused::argument(what));
    }
    Ok((name.to_owned(), Private::new(value.to_owned())))
}

fn said(activity: &Activity, id: &str, usual: &Usual<'_>) -> Result<Said, Refused> {
    let locale = activity.locale.as_deref().filter(|tag| is_locale(tag));
    let words = match (&activity.speak, &activity.text) {
        (Some(speak), _) => Some(("speak", speak)),
        (None, text) => text.as_ref().map(|text| ("text", text)),
    };
    let words = words.filter(|(_, words)| !words.reveal().trim().is_empty());
    if let Some((field, words)) = words
        && words.reveal().len() > SPEECH_BYTES_MAX
    {
        let what = format!("'{field}' is longer than {SPEECH_BYTES_MAX} bytes.");
        return Err(Refused::too_large(what));
    }
    let speech = words.map(|(field, words)| Speech {
        words: words.clone(),
        form: match field == "speak" && is_document(words.reveal()) {
            true => SpeechForm::Ssml,
            false => SpeechForm::Plain,
        },
        locale: locale.unwrap_or(usual.locale).to_owned(),
        voice: usual.voice.map(str::to_owned),
    });
    let (pattern, phrases) = listen_for(activity.listen_for.as_deref().unwrap_or_default())?;
    Ok(Said {
        id: id.to_owned(),
        speech,
        hint: hint(activity),
        no_input: no_input(activity)?,
        pattern,
        phrases,
        locale: locale.map(str::to_owned),
    })
}

fn is_document(speak: &str) -> bool {
    let start = speak.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    start.starts_with("<speak") || start.starts_with("<?xml")
}

/// What may interrupt a message: its hint, or an entity of the first preview.
fn hint(activity: &Activity) -> Hint {
    if let Some(hint) = &activity.input_hint {
        return match hint.to_ascii_lowercase().as_str() {
            "ignoringinput" | "ignoring" => Hint::Ignoring,
            "ignoringnonspeechinput" => Hint::IgnoringKeys,
            "ignoringspeechinput" => Hint::IgnoringSpeech,
            _ => Hint::Accepting,
        };
    }
    let entities = activity.entities.as_deref().unwrap_or_default();
    let input = entities
        .iter()
        .find(|entity| entity.kind.as_deref() == Some("Input"));
    let mode = input.and_then(|entity| entity.extra.get("BargeInMode")?.as_str());
    match mode {
        Some("None") => Hint::Ignoring,
        Some("Speech") => Hint::IgnoringKeys,
        Some("DTMF") => Hint::IgnoringSpeech,
        _ => Hint::Accepting,
    }
}

fn data<'a>(activity: &'a Activity, name: &str) -> Option<&'a Value> {
    activity.channel_data.as_ref()?.reveal().get(name)
}

fn no_input(activity: &Activity) -> Result<Option<Duration>, Refused> {
    let Some(asked) = data(activity, "noInputTimeoutMs").filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let most = limits::NO_INPUT_MAX.as_millis() as u64;
    let wait = asked.as_u64().filter(|ms| (1..=most).contains(ms));
    wait.map(|ms| Some(Duration::from_millis(ms)))
        .ok_or_else(|| {
            let what =
                format!("'channelData.noInputTimeoutMs' is no whole number from 1 to {most}.");
            Refused::argument(what)
        })
}

/// What a message says of the input that follows: keys to be gathered, and phrases to be expected.
fn listen_for(all: &[String]) -> Result<(Option<KeyPattern>, Vec<String>), Refused> {
    let mut pattern = None;
    let mut phrases: Vec<String> = Vec::new();
    for one in all {
        if let Some(rest) = one.trim().strip_prefix("{pattern:") {
            let wanted = rest.rsplit_once('}').map_or(rest, |(wanted, _)| wanted);
            pattern = Some(key_pattern(wanted)?);
        } else if one.trim().eq_ignore_ascii_case("{inputtype:digit}") {
            let digits = "zero one two three four five six seven eight nine";
            phrases.extend(digits.split(' ').map(str::to_owned));
        } else if !one.trim_start().starts_with('{') && one.chars().count() <= PHRASE_CHARS_MAX {
            phrases.push(one.clone());
        }
    }
    phrases.truncate(PHRASES_MAX);
    Ok((pattern, phrases))
}

fn key_pattern(wanted: &str) -> Result<KeyPattern, Refused> {
    let compiled = RegexBuilder::new(wanted)
        .size_limit(limits::KEY_PATTERN_BYTES_MAX)
        .build();
    let compiled = compiled.map_err(|_| {
        Refused::argument("'listenFor' has a pattern that is no regular expression, or too large.")
    })?;
    Ok(KeyPattern::new(move |keys| compiled.is_match(keys)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const USUAL: Usual<'_> = Usual {
        locale: "en-US",
        voice: Some("en-GB"),
    };

    fn read(value: Value) -> Result<Asked, Refused> {
        asked(&Activity::read(value).expect("an activity"), "id", &USUAL)
    }

    fn say(value: Value) -> Said {
        match read(value).expect("a message") {
            Asked::Say(said) => *said,
            other => panic!("{other:?}"),
        }
    }

    fn words(said: &Said) -> Option<(&str, SpeechForm, &str)> {
        let speech = said.speech.as_ref()?;
        Some((speech.words.reveal(), speech.form, &speech.locale))
    }

    #[test]
    fn speak_goes_before_text_and_an_empty_one_is_silence() {
        for (message, spoken) in [
            (
                json!({"text": "t"}),
                Some(("t", SpeechForm::Plain, "en-US")),
            ),
            (
                json!({"text": "t", "speak": "s"}),
                Some(("s", SpeechForm::Plain, "en-US")),
            ),
            (json!({"text": "t", "speak": ""}), None),
            (json!({"text": "  "}), None),
            (json!({}), None),
            (
                json!({"speak": "\u{feff} <speak>s</speak>", "locale": "de-DE"}),
                Some(("\u{feff} <speak>s</speak>", SpeechForm::Ssml, "de-DE")),
            ),
            (
                json!({"text": "<speak>t</speak>", "locale": "no locale"}),
                Some(("<speak>t</speak>", SpeechForm::Plain, "en-US")),
            ),
        ] {
            let mut message = message;
            message["type"] = json!("message");
            assert_eq!(words(&say(message.clone())), spoken, "{message}");
        }
    }

    #[test]
    fn hints_are_read_in_every_spelling() {
        for (message, hint) in [
            (json!({}), Hint::Accepting),
            (json!({"inputHint": "expectingInput"}), Hint::Accepting),
            (json!({"inputHint": "IGNORINGINPUT"}), Hint::Ignoring),
            (json!({"inputHint": "ignoring"}), Hint::Ignoring),
            (
                json!({"inputHint": "ignoringNonSpeechInput"}),
                Hint::IgnoringKeys,
            ),
            (
                json!({"inputHint": "ignoringSpeechInput"}),
                Hint::IgnoringSpeech,
            ),
            (json!({"inputHint": "whatever"}), Hint::Accepting),
            (
                json!({"entities": [{"type": "Input", "BargeInMode": "None"}]}),
                Hint::Ignoring,
            ),
            (
                json!({"entities": [{"type": "Input", "BargeInMode": "Speech"}]}),
                Hint::IgnoringKeys,
            ),
            (
                json!({"entities": [{"type": "Input", "BargeInMode": "DTMF"}]}),
                Hint::IgnoringSpeech,
            ),
            (
                json!({"inputHint": "acceptingInput", "entities": [{"type": "Input", "BargeInMode": "None"}]}),
                Hint::Accepting,
            ),
        ] {
            let mut message = message;
            message["type"] = json!("message");
            assert_eq!(say(message.clone()).hint, hint, "{message}");
        }
    }

    #[test]
    fn what_is_listened_for_is_keys_and_phrases() {
        let listen_for = json!([
            "yes please",
            "{pattern:^[0-9]{4}$}",
            "{luis:x}",
            "{inputtype:digit}"
        ]);
        let said = say(json!({"type": "message", "listenFor": listen_for}));
        assert!(said.pattern.is_some());
        assert_eq!(said.phrases.len(), 11);
        let bad = read(json!({"type": "message", "listenFor": ["{pattern:(}"]})).expect_err("bad");
        assert_eq!(bad.status, 400);
        let bomb = json!(["{pattern:((a{1000}){1000}){1000}}"]);
        assert!(read(json!({"type": "message", "listenFor": bomb})).is_err());
    }

    #[test]
    fn a_pattern_ends_at_the_last_brace() {
        let keys = key_pattern("^[0-9]{2}$").expect("a pattern");
        let (pattern, _) = listen_for(&["{pattern:^[0-9]{2}$}".to_owned()]).expect("good");
        for keys in [keys, pattern.expect("one")] {
            // Only what a conversation does with it can be seen; that it compiles is enough here.
            assert_eq!(format!("{keys:?}"), "KeyPattern");
        }
    }

    #[test]
    fn how_long_nothing_may_be_said_is_bounded() {
        let with = |ms: Value| json!({"type": "message", "channelData": {"noInputTimeoutMs": ms}});
        assert_eq!(
            say(with(json!(5000))).no_input,
            Some(Duration::from_secs(5))
        );
        assert_eq!(say(with(Value::Null)).no_input, None);
        for bad in [json!(0), json!(-1), json!("5"), json!(600_001)] {
            assert!(read(with(bad)).is_err());
        }
        assert_eq!(
            say(with(json!(600_000))).no_input,
            Some(limits::NO_INPUT_MAX)
        );
    }

    #[test]
    fn what_is_too_long_to_be_spoken_is_refused() {
        let with = |length: usize| json!({"type": "message", "speak": "a".repeat(length)});
        assert!(read(with(SPEECH_BYTES_MAX)).is_ok());
        assert_eq!(
            read(with(SPEECH_BYTES_MAX + 1)).expect_err("long").status,
            413
        );
    }

    #[test]
    fn everything_else_is_done_refused_or_nothing() {
        let of = |value: Value| format!("{:?}", read(value));
        assert!(of(json!({"type": "endOfConversation"})).contains("at_once: false"));
        let now = json!({"type": "EndOfConversation", "channelData": {"immediate": true}});
        assert!(of(now).contains("at_once: true"));
        for nothing in [
            "typing",
            "trace",
            "invoke",
            "messageReaction",
            "whatever",
            "event",
        ] {
            assert_eq!(of(json!({ "type": nothing })), "Ok(Nothing)");
        }
        assert_eq!(
            of(json!({"type": "command", "name": "application/x"})),
            "Ok(Nothing)"
        );
        for name in [
            "channel/vnd.microsoft.telephony.zoom",
            "recording_zoom_command",
        ] {
            let command = json!({"type": "command", "name": name, "value": {"commandId": "c"}});
            assert!(of(command).contains("Some(\"c\")"));
        }
        assert_eq!(read(json!({})).expect_err("no type").status, 400);
    }
}
