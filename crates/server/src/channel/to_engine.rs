//! What a bot's activities mean for its conversation.

use std::time::Duration;

use offhook_engine::{Hint, KeyPattern, Said, Speech, SpeechForm};
use offhook_speech::limits::{PHRASE_CHARS_MAX, PHRASES_MAX, SPEECH_BYTES_MAX};
use offhook_terms::Private;
use offhook_wire::activity::{Activity, kind};
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
    /// The caller is to be connected with somebody else.
    Transfer,
    /// Nothing.
    Nothing,
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
    if activity.is(kind::EVENT) && name == "handoff.initiate" {
        return Ok(Asked::Transfer);
    }
    if activity.is(kind::COMMAND) && is_for_channels(name) {
        let value = activity.value.as_ref().map(Private::reveal);
        let command = value.and_then(|value| value.get("commandId")?.as_str());
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
            "channel/vnd.microsoft.telephony.recording.start",
            "recording_start_command",
        ] {
            let command = json!({"type": "command", "name": name, "value": {"commandId": "c"}});
            assert!(of(command).contains("Some(\"c\")"));
        }
        assert_eq!(read(json!({})).expect_err("no type").status, 400);
    }
}
