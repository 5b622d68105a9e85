//! What a bot on the SDK for Rust sends over the wire, beside what the same bot on npm `botbuilder` sends.
//!
//! ```text
//!   this test ── activities ──▶ the hotel of interop/channel, on either SDK
//!       │                              │
//!       └── compares ◀── a channel that notes every request
//! ```
//!
//! Compared are the method, the path, the headers that say what is sent, and the body, field by field.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::channel::{Script, node, rust};
use super::free_port;
use crate::demo::eventually;
use crate::web::{self, Request};

const WITHIN: Duration = Duration::from_secs(30);

/// What the bot is told, and how many requests it makes of that.
fn story() -> Vec<(Value, usize)> {
    let key = |key: &str, requests| {
        let entities = json!([{"type": "DTMF", "digits": key}]);
        (
            json!({"type": "message", "text": key, "entities": entities}),
            requests,
        )
    };
    let result = |error: Value| {
        let value = json!({"commandId": "start", "error": error});
        let name = "channel/vnd.microsoft.telephony.recording.start";
        (
            json!({"type": "commandResult", "name": name, "value": value}),
            1,
        )
    };
    vec![
        (
            json!({"type": "conversationUpdate", "membersAdded": [{"id": "caller", "name": "+14255550123"}]}),
            1,
        ),
        (json!({"type": "message", "text": "yes pl\u{e9}ase"}), 1),
        key("1", 2),
        key("2", 1),
        key("3", 1),
        key("*", 1),
        result(Value::Null),
        result(json!({"code": "BadRequest", "message": "Recording is already in progress"})),
        key("4", 2),
        key("#", 2),
    ]
}

/// What is not the same, by request: when a bot goes on by itself, botbuilder answers an activity of its own making,
/// which no channel has seen, and not the one that was told; and it gives a hand-off empty lists, its time zone and a
/// time, but its reference no language.
const DIFFERENT: [&str; 6] = [
    "request 4.body.replyToId",
    "request 4.path",
    "request 10.body.entities",
    "request 10.body.localTimezone",
    "request 10.body.relatesTo.locale",
    "request 10.body.timestamp",
];

#[test]
#[ignore = "needs Microsoft's SDK: cargo xtask test --only interop"]
fn what_the_sdk_for_rust_sends_is_what_botbuilder_sends() {
    let [theirs, ours] = [node("botbuilder.mjs"), rust()].map(|mut bot| sent_by(&mut bot));
    let requests: usize = story().iter().map(|(_, requests)| requests).sum();
    assert_eq!((theirs.len(), ours.len()), (requests, requests));
    let mut differences = Vec::new();
    for (n, (theirs, ours)) in theirs.iter().zip(&ours).enumerate() {
        let at = format!("request {n}");
        differ(&at, &compared(theirs), &compared(ours), &mut differences);
    }
    let fields: Vec<&str> = differences.iter().map(|(at, _)| at.as_str()).collect();
    assert_eq!(fields, DIFFERENT, "{differences:#?}");
}

/// The fields in which they differ, theirs first.
fn differ(at: &str, theirs: &Value, ours: &Value, differences: &mut Vec<(String, String)>) {
    if let (Value::Object(these), Value::Object(those)) = (theirs, ours) {
        let names: BTreeSet<&String> = these.keys().chain(those.keys()).collect();
        for name in names {
            let at = format!("{at}.{name}");
            differ(&at, &theirs[name], &ours[name], differences);
        }
    } else if theirs != ours {
        differences.push((at.to_owned(), format!("{theirs} {ours}")));
    }
}

/// Tells a bot the story and gives the requests it makes.
#[track_caller]
fn sent_by(bot: &mut std::process::Command) -> Vec<Request> {
    let port = free_port();
    let bot = Script::start(bot.env("BOT_PORT", port.to_string()));
    bot.until("ready");
    let noted = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&noted);
    let channel = web::serve(move |request| {
        let mut notes = notes.lock().ok()?;
        notes.push(request);
        let answer = json!({"id": format!("taken-{}", notes.len())});
        Some((200, answer.to_string()))
    });
    let sent = || noted.lock().expect("no reader has failed").clone();
    let mut wanted = 0;
    for (n, (told, requests)) in story().into_iter().enumerate() {
        let told = addressed(told, n, channel);
        let answer = web::request(
            (std::net::Ipv4Addr::LOCALHOST, port).into(),
            "POST",
            "/api/messages",
            "Content-Type: application/json\r\n",
            told.to_string().as_bytes(),
        );
        assert_eq!(answer.status, 200, "{told}: {}", answer.body);
        wanted += requests;
        eventually("the bot answers", WITHIN, || sent().len() >= wanted);
    }
    let told = bot.told();
    assert!(told.iter().all(|line| line["type"] != "error"), "{told:#?}");
    sent()
}

/// An activity as the Telephony channel sends it.
fn addressed(told: Value, n: usize, channel: SocketAddr) -> Value {
    let mut activity = json!({
        "id": format!("activity-{n}"),
        "timestamp": "2026-11-30T12:00:00.000Z",
        "channelId": "telephony",
        "serviceUrl": format!("http://{channel}/amer/"),
        "from": {"id": "caller", "name": "+14255550123", "role": "user"},
        "recipient": {"id": "hotel", "name": "+14255550199", "role": "bot"},
        "conversation": {"id": "a-call/of:today", "isGroup": false},
        "locale": "en-US",
        "channelData": {"from": "the channel"},
    });
    let activity_fields = activity.as_object_mut().expect("an object");
    activity_fields.extend(told.as_object().expect("an object").clone());
    activity
}

/// What is compared of a request. The channels' addresses differ.
fn compared(request: &Request) -> Value {
    let mut body: Value = serde_json::from_slice(&request.body).expect("JSON");
    plain(&mut body);
    json!({
        "method": request.method,
        "path": request.path,
        "type": request.header("content-type"),
        "token": request.header("authorization").is_some(),
        "body": body,
    })
}

fn plain(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(url) = fields.get_mut("serviceUrl") {
                *url = json!("the channel");
            }
            fields.values_mut().for_each(plain);
        }
        Value::Array(all) => all.iter_mut().for_each(plain),
        _ => {}
    }
}
