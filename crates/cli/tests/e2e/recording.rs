//! A bot of the Telephony channel records its call: started, paused, resumed and stopped by the bot, fetched
//! by whoever may.

use std::path::PathBuf;
use std::time::Duration;

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::demo::{Demo, eventually};
use crate::hearing::Hearing;
use crate::telephony::{Bot, dial_to, message, starts};
use crate::web::{self, Answer};

pub(crate) const WITHIN: Duration = Duration::from_secs(20);

/// The key that requests are signed with.
const KEY: &[u8] = b"only for tests, and nobody else's";

pub(crate) fn command(verb: &str) -> Value {
    json!({
        "type": "command",
        "name": format!("channel/vnd.microsoft.telephony.recording.{verb}"),
        "value": { "commandId": verb },
    })
}

pub(crate) fn demo(bot: &Bot, settings: &[(&str, &str)]) -> Demo {
    let key = STANDARD.encode(KEY);
    let mut all = vec![("OFFHOOK_RECORDINGS__ACCESS_KEY", key.as_str())];
    all.extend(settings);
    let options = ["--bot", &bot.endpoint, "--protocol", "telephony"];
    Demo::start_with(&options, &all)
}

/// Records, and obeys keys; what was done it says.
fn recorder() -> Bot {
    Bot::new(|told| {
        let done = [message("yes")].to_vec();
        match told["text"].as_str() {
            _ if starts(told) => {
                let mut start = command("start");
                start["value"]["data"] = json!({"metadata": {"ticket": "T-7"}});
                (vec![start], 200)
            }
            _ if told["type"] == "commandResult" => (done, 200),
            Some("1") => (vec![command("pause")], 200),
            Some("2") => (vec![command("resume")], 200),
            Some("3") => (vec![command("stop")], 200),
            Some("4") => (
                vec![json!({"type": "command", "name": "recording_start_command"})],
                200,
            ),
            _ => (vec![], 200),
        }
    })
}

/// Asks as whoever has the key.
pub(crate) fn signed(demo: &Demo, method: &str, path: &str) -> Answer {
    let at = demo.http();
    let date = httpdate::fmt_http_date(std::time::SystemTime::now());
    let hash = STANDARD.encode(digest::digest(&digest::SHA256, b""));
    let what = format!("{method}\n{path}\n{date};{at};{hash}");
    let key = hmac::Key::new(hmac::HMAC_SHA256, KEY);
    let signature = STANDARD.encode(hmac::sign(&key, what.as_bytes()));
    let headers = format!(
        "Date: {date}\r\nx-ms-content-sha256: {hash}\r\nAuthorization: HMAC-SHA256 \
         SignedHeaders=date;host;x-ms-content-sha256&Signature={signature}\r\n"
    );
    web::request(at, method, path, &headers, b"")
}

/// The recordings there are, oldest first, that have ended.
pub(crate) fn listed(demo: &Demo) -> Vec<Value> {
    let answer = signed(demo, "GET", "/recording");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let mut all: Value = serde_json::from_str(&answer.body).expect("JSON");
    let mut all: Vec<Value> = all["value"]
        .as_array_mut()
        .expect("a list")
        .drain(..)
        .collect();
    all.retain(|one| one["endReason"].is_string());
    all.reverse();
    all
}

pub(crate) fn until_ended(demo: &Demo, count: usize) -> Vec<Value> {
    eventually("recordings end", WITHIN, || listed(demo).len() == count);
    listed(demo)
}

/// The channels of a file of 8 kHz.
pub(crate) fn channels(file: &[u8]) -> Vec<Hearing> {
    assert_eq!(&file[..4], b"RIFF");
    let count = usize::from(file[22]);
    let hertz = u32::from_le_bytes(file[24..28].try_into().expect("four"));
    assert_eq!(hertz, 8_000);
    let length = u32::from_le_bytes(file[40..44].try_into().expect("four"));
    assert_eq!(
        length as usize,
        file.len() - 44,
        "the header says how much there is"
    );
    let samples: Vec<i16> = file[44..]
        .chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    let one = |channel: usize| {
        let samples = samples.iter().skip(channel).step_by(count).copied();
        Hearing::of_samples(samples.collect())
    };
    (0..count).map(one).collect()
}

fn files(demo: &Demo, end: &str) -> Vec<PathBuf> {
    let folder = demo.data().join("calls");
    let files = std::fs::read_dir(folder).expect("a folder").flatten();
    let files = files.map(|file| file.path());
    files
        .filter(|file| file.extension().is_some_and(|own| own == end))
        .collect()
}

pub(crate) fn tone(hearing: &Hearing, hertz: f64) -> Duration {
    hearing.tones(hertz).iter().map(|heard| heard.lasts).sum()
}

#[track_caller]
fn assert_about(lasts: Duration, wanted: Duration) {
    let off = lasts.abs_diff(wanted);
    assert!(
        off <= Duration::from_millis(120),
        "{lasts:?} for {wanted:?}"
    );
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn what_a_bot_records_is_what_was_heard_and_said_while_it_did() {
    let bot = recorder();
    let demo = demo(&bot, &[("OFFHOOK_RECORDINGS__CHANNELS", "separate")]);
    let heard = ["--expect-sound", "100ms"];
    let mut steps = vec!["--codec", "pcmu"];
    for (tone, key) in [
        ("tone:440:1s", "1"),
        ("tone:620:1s", "2"),
        ("tone:800:1s", "3"),
        ("tone:620:1s", "4"),
    ] {
        steps.extend(heard);
        steps.extend(["--pause", "300ms", "--play", tone, "--keys", key]);
    }
    steps.extend(heard);
    steps.extend(["--pause", "300ms", "--play", "tone:1000:1s", "--hang-up"]);
    dial_to(&demo, &demo.text("/bots/1/dial"), &steps);

    let results: Vec<Value> = bot
        .told()
        .into_iter()
        .filter(|told| told["type"] == "commandResult")
        .collect();
    let ids: Vec<&str> = results
        .iter()
        .filter_map(|one| one["value"]["commandId"].as_str())
        .collect();
    assert_eq!(ids, ["start", "pause", "resume", "stop"]);
    assert_eq!(results.len(), 5);
    assert_eq!(results[4]["name"], "recording_start_command");
    assert_eq!(results[4]["value"], json!({}));
    assert!(
        results
            .iter()
            .all(|one| one["replyToId"].is_string() && one["value"]["error"].is_null())
    );

    let all = until_ended(&demo, 2);
    let (first, second) = (&all[0], &all[1]);
    assert_eq!(first["endReason"], "SessionEnded");
    assert_eq!(second["endReason"], "CallEnded");
    assert_eq!(first["metadata"]["ticket"], "T-7");
    assert_eq!(first["participants"][0]["participantId"], "4:+14255550123");
    assert_eq!(
        first["pauseResumeIntervals"].as_array().map(Vec::len),
        Some(1)
    );
    assert_eq!(first["sessions"].as_array().map(Vec::len), Some(2));
    assert_eq!(first["recordingInfo"]["audioConfiguration"]["channels"], 2);

    let folder = demo.data().join("calls");
    let file = |one: &Value| {
        let document = one["chunkDocumentId"].as_str().expect("an id");
        std::fs::read(folder.join(format!("{document}.wav"))).expect("a file")
    };
    let [caller, said] = &channels(&file(first))[..] else {
        panic!("two channels")
    };
    assert_about(tone(caller, 440.0), SECOND);
    assert_about(tone(caller, 800.0), SECOND);
    assert_eq!(tone(caller, 620.0), Duration::ZERO, "it was paused");
    assert!(
        said.is_loud_for(Duration::from_millis(100)),
        "the bot's own words"
    );
    assert_eq!(caller.lasts(), said.lasts());
    let milliseconds = first["chunkDuration"].as_u64().expect("a number");
    assert_about(caller.lasts(), Duration::from_millis(milliseconds));
    let [caller, _] = &channels(&file(second))[..] else {
        panic!("two channels")
    };
    assert_about(tone(caller, 1000.0), SECOND);
    assert_eq!(tone(caller, 620.0), Duration::ZERO, "it had not begun");

    may_be_fetched_by_some(&demo, first);
}

fn may_be_fetched_by_some(demo: &Demo, one: &Value) {
    let document = one["chunkDocumentId"].as_str().expect("an id");
    let path = format!("/recording/download/{document}");
    let versioned = format!("{path}?api-version=2021-04-15-preview1");
    assert_eq!(signed(demo, "GET", &versioned).status, 200);
    let described = signed(demo, "GET", &format!("{path}/metadata"));
    let described: Value = serde_json::from_str(&described.body).expect("JSON");
    assert_eq!(described["resourceId"], document);
    let link = one["contentLocation"].as_str().expect("a link");
    let (_, link) = link.split_once("/recording/").expect("ours");
    let link = format!("/recording/{link}");
    assert_eq!(web::get(demo.http(), &link).status, 200);
    for bad in [
        path.clone(),
        format!("{link}x"),
        link.replace("expires=", "expires=9"),
    ] {
        assert_eq!(web::get(demo.http(), &bad).status, 401, "{bad}");
    }
    let nobody = "/recording/download/00000000-0000-4000-8000-000000000000";
    assert_eq!(web::get(demo.http(), nobody).status, 401);
    assert_eq!(signed(demo, "GET", nobody).status, 404);
    let erased = signed(demo, "DELETE", "/recording?caller=%2B14255550123");
    assert_eq!(erased.body, r#"{"deleted":2}"#);
    assert_eq!(signed(demo, "GET", &path).status, 404);
    assert!(files(demo, "wav").is_empty() && files(demo, "log").is_empty());
}

#[test]
fn what_the_state_forbids_has_a_result_that_says_so() {
    let bot = Bot::new(|told| {
        let all = [
            "pause", "stop", "start", "start", "pause", "pause", "resume", "resume", "stop",
        ];
        match starts(told) {
            true => (all.map(command).to_vec(), 200),
            false => (vec![], 200),
        }
    });
    let demo = demo(&bot, &[]);
    dial_to(&demo, &demo.text("/bots/1/dial"), &["--pause", "2s"]);
    bot_was_told_an_end(&bot);
    let told = bot.told();
    let results = told.iter().filter(|told| told["type"] == "commandResult");
    let mut results: Vec<String> = results
        .map(|one| {
            let error = one["value"]["error"]["message"].as_str().unwrap_or("done");
            format!(
                "{}: {error}",
                one["value"]["commandId"].as_str().expect("its id")
            )
        })
        .collect();
    results.sort();
    assert_eq!(
        results,
        [
            "pause: Recording has not started",
            "pause: Recording is already paused",
            "pause: done",
            "resume: Recording is already in progress",
            "resume: done",
            "start: Recording is already in progress",
            "start: done",
            "stop: Recording has not started",
            "stop: done",
        ]
    );
}

fn bot_was_told_an_end(bot: &Bot) {
    let ended = |told: &Value| told["type"] == "endOfConversation";
    eventually("an end", WITHIN, || bot.told().iter().any(ended));
}

#[test]
fn a_store_that_is_not_there_harms_no_call() {
    let bot = Bot::new(|told| match told["text"].as_str() {
        _ if starts(told) => (vec![command("start")], 200),
        _ if told["type"] == "commandResult" => (vec![message("I cannot record this call")], 200),
        Some("1") => (vec![message("One"), command("pause")], 200),
        _ => (vec![], 200),
    });
    let demo = demo(&bot, &[]);
    // Where recordings go is no folder any more.
    let folder = demo.data().join("calls");
    std::fs::remove_dir_all(&folder).expect("it was ours");
    std::fs::write(&folder, b"in the way").expect("written");
    let steps = [
        "--expect-sound",
        "300ms",
        "--keys",
        "1",
        "--expect-sound",
        "300ms",
    ];
    dial_to(&demo, &demo.text("/bots/1/dial"), &steps);
    bot_was_told_an_end(&bot);
    let told = bot.told();
    let errors = told.iter().filter(|told| told["type"] == "commandResult");
    let errors: Vec<&str> = errors
        .filter_map(|one| one["value"]["error"]["code"].as_str())
        .collect();
    assert_eq!(errors, ["RecordingFailed", "RecordingNotStarted"]);
}

#[test]
fn a_wideband_call_is_recorded_wide() {
    let bot = recorder();
    let demo = demo(&bot, &[]);
    let steps = [
        "--codec",
        "g722",
        "--expect-sound",
        "100ms",
        "--play",
        "tone:440:500ms",
    ];
    dial_to(&demo, &demo.text("/bots/1/dial"), &steps);
    let all = until_ended(&demo, 1);
    let document = all[0]["chunkDocumentId"].as_str().expect("an id");
    let file = signed(&demo, "GET", &format!("/recording/download/{document}")).bytes;
    assert_eq!(file[24..28], 16_000_u32.to_le_bytes());
    let rate = &all[0]["recordingInfo"]["audioConfiguration"]["sampleRate"];
    assert_eq!(rate, "16000");
}
