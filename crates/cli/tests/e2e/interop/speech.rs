//! The services that speak and understand, stood in for by a script that Microsoft's own SDK has spoken
//! to first: what the platform sends must be of the same shape.

use std::process::Command;

use serde_json::Value;

use super::channel::{Script, scripts};
use crate::demo::Demo;
use crate::telephony::{Bot, dial_to, message, spoken, starts};

#[test]
#[ignore = "needs Microsoft's SDK: cargo xtask test --only interop"]
fn azure_speaks_and_understands() {
    let (said, told) = converses("azure", 660);
    assert_eq!(said["text"], "Yes please.");
    assert_eq!(said["channelData"]["speech"]["confidence"], 0.93);
    let of = |kind: &str| {
        told.iter()
            .filter(|line| line["type"] == kind)
            .collect::<Vec<_>>()
    };
    let spoken = of("azure speech");
    // A voice it does not have, then the usual one.
    assert!(
        spoken.len() >= 2 && spoken.iter().all(|line| line["isGood"] == true),
        "{told:#?}"
    );
    let ssml = |at: usize| spoken[at]["ssml"].as_str().expect("SSML");
    assert!(ssml(0).contains("Nobody"), "{}", ssml(0));
    assert!(
        ssml(1).contains("en-US-AvaMultilingualNeural"),
        "{}",
        ssml(1)
    );
    assert!(
        ssml(1).contains("<prosody rate=\"slow\">Welcome &amp; hello</prosody>"),
        "{}",
        ssml(1)
    );
    let [words] = of("azure words")[..] else {
        panic!("{told:#?}")
    };
    assert_eq!(words["differs"], serde_json::json!([]), "{words:#}");
    assert!(
        words["bytes"].as_u64().is_some_and(|bytes| bytes > 20_000),
        "{words}"
    );
}

#[test]
#[ignore = "needs Microsoft's SDK: cargo xtask test --only interop"]
fn a_service_like_openais_speaks_and_understands() {
    let (said, told) = converses("openai", 880);
    assert_eq!(said["text"], "Yes please.");
    let of = |kind: &str| {
        told.iter()
            .filter(|line| line["type"] == kind)
            .collect::<Vec<_>>()
    };
    let spoken = of("openai speech");
    assert!(
        !spoken.is_empty() && spoken[0]["isGood"] == true,
        "{told:#?}"
    );
    assert_eq!(spoken[0]["body"]["input"], "Welcome & hello");
    assert_eq!(spoken[0]["body"]["model"], "tts-1");
    let [words] = of("openai words")[..] else {
        panic!("{told:#?}")
    };
    assert_eq!(
        (&words["isGood"], &words["model"], &words["language"]),
        (&Value::Bool(true), &"whisper-1".into(), &"en".into())
    );
}

/// A call in which the caller hears the service's tone and says something; gives what the bot was told
/// of that, and what the service was asked.
#[track_caller]
fn converses(provider: &str, hertz: u32) -> (Value, Vec<Value>) {
    let mut stand_in = Command::new("node");
    stand_in.arg(scripts().join("node/speech.mjs"));
    let service = Script::start(&mut stand_in);
    let ready = service.until("ready");
    assert_eq!(ready["sdkUnderstood"], "Yes please.");
    let port = &ready["port"];
    let bot = Bot::new(|told| match starts(told) {
        true => {
            let mut welcome = message(
                "<speak><voice name='Nobody'><prosody rate='slow'>Welcome & hello</prosody></voice></speak>",
            );
            welcome["listenFor"] = serde_json::json!(["yes please", "no thank you"]);
            (vec![welcome], 200)
        }
        false if told["type"] == "message" => {
            (vec![serde_json::json!({"type": "endOfConversation"})], 200)
        }
        false => (vec![], 200),
    });
    let endpoint = &bot.endpoint;
    let configuration = format!(
        r#"
        [[bots]]
        name = "Hotel"
        protocol = "telephony"
        sip_user = "hotel"
        endpoint = "{endpoint}"

        [sip]
        callers = "anyone"

        [speech]
        synthesiser = "{provider}"
        recogniser = "{provider}"
        azure_key = "a key"
        azure_synthesis_url = "http://127.0.0.1:{port}/cognitiveservices/v1"
        azure_recognition_url = "ws://127.0.0.1:{port}/speech/recognition/interactive/cognitiveservices/v1"
        openai_url = "http://127.0.0.1:{port}/v1"
        openai_key = "a key"
        "#
    );
    let platform = Demo::serve(&configuration, &[]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let words = spoken("yes please, I would like that", folder.path());
    let tone = hertz.to_string();
    let steps = [
        "--expect-tone",
        &tone,
        "--for",
        "500ms",
        "--expect-silence",
        "500ms",
        "--play",
        &words,
        "--expect-hang-up",
    ];
    dial_to(&platform, &platform.text("/bots/0/dial"), &steps);
    let is_words = |told: &Value| told["type"] == "message";
    let said = bot.told().into_iter().find(is_words).expect("words");
    (said, service.told())
}
