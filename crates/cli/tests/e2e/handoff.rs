//! A bot of the Telephony channel hands its caller to somebody else: to a person on a phone, to another bot,
//! and to nobody.

use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::demo::{Demo, eventually};
use crate::recording::{WITHIN, command, listed};
use crate::telephony::{Bot, dial_to, message, starts};
use crate::web;

/// Whom a key stands for.
const TARGETS: [(&str, &str); 6] = [
    ("1", ""),
    ("2", "bogus"),
    ("3", "tel:+1-425-555-0199"),
    ("4", "sip:ada@anywhere"),
    ("5", "sip:other@anywhere"),
    ("6", "sip:nobody@anywhere"),
];

fn handoff(target: &str) -> Value {
    json!({
        "type": "event",
        "name": "handoff.initiate",
        "value": {
            "TargetPhoneNumber": target,
            "Context": { "ticket": 7 },
            "SipHeaders": { "X-Case": "T-7" },
        },
        "attachments": [{
            "contentType": "application/json",
            "name": "Transcript",
            "content": { "activities": [{ "type": "message", "text": "hello" }] },
        }],
    })
}

/// Hands over to whom a key stands for, after a few words. When that fails it says so.
fn hotel() -> Bot {
    Bot::new(|told| {
        let key = told["text"].as_str().unwrap_or_default();
        let target = TARGETS.iter().find(|(own, _)| *own == key);
        match target {
            _ if starts(told) => (vec![message("Whom do you want?")], 200),
            Some((_, target)) => (vec![message("One moment"), handoff(target)], 200),
            None if told["name"] == "handoff.status" && told["value"]["state"] == "failed" => {
                let said = std::iter::once(message("I am sorry")).chain(ends(told));
                (said.collect(), 200)
            }
            None if key == "9" => (vec![command("start")], 200),
            None => (vec![], 200),
        }
    })
}

/// A bot that could not reach a phone gives up.
fn ends(told: &Value) -> Option<Value> {
    let why = told["value"]["message"].as_str()?;
    let of_a_phone = ["The number is busy", "The call was declined", "No answer"];
    of_a_phone
        .contains(&why)
        .then(|| json!({ "type": "endOfConversation" }))
}

fn platform(hotel: &Bot, other: &Bot, more: &str, settings: &[(&str, &str)]) -> Demo {
    let (hotel, other) = (&hotel.endpoint, &other.endpoint);
    let configuration = format!(
        r#"
        [[bots]]
        name = "Hotel"
        protocol = "telephony"
        sip_user = "hotel"
        endpoint = "{hotel}"
        handoff_rings_for = "1s"
        {more}

        [[bots]]
        name = "Other"
        protocol = "telephony"
        sip_user = "other"
        endpoint = "{other}"

        [[people]]
        name = "Ada"
        sip_user = "ada"

        [sip]
        callers = "anyone"

        [recordings]
        access_key = "b25seSBmb3IgdGVzdHMsIGFuZCBub2JvZHkgZWxzZSdz"
        "#
    );
    Demo::serve(&configuration, settings)
}

/// Ada's phone, which waits for a call.
fn ada(demo: &Demo, options: &[&str]) -> Child {
    let before = web::metric(demo.http(), "offhook_sip_registrations_total");
    let phone = Command::new(env!("CARGO_BIN_EXE_offhook"))
        .args(["dial", &format!("sip:{}", demo.sip()), "--user", "ada"])
        .args(["--domain", &demo.text("/people/0/sip_domain")])
        .args(["--register", "--wait-for-call"])
        .args(options)
        .env("OFFHOOK_DIAL_PASSWORD", demo.text("/people/0/sip_password"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("offhook dial can be started");
    let is_there = || web::metric(demo.http(), "offhook_sip_registrations_total") > before;
    eventually("the phone is registered", WITHIN, is_there);
    phone
}

#[track_caller]
fn printed(phone: Child) -> String {
    let ended = phone.wait_with_output().expect("it ends");
    let printed = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(ended.status.success(), "{printed}");
    printed
}

fn statuses(bot: &Bot) -> Vec<Value> {
    let told = bot.told().into_iter();
    let statuses = told.filter(|told| told["name"] == "handoff.status");
    statuses.map(|mut told| told["value"].take()).collect()
}

fn failed(why: &str) -> Value {
    json!({ "state": "failed", "message": why })
}

const HEARD: [&str; 2] = ["--expect-sound", "150ms"];

#[test]
fn whoever_cannot_be_had_is_told_of_and_the_caller_is_still_with_the_bot() {
    let (hotel, other) = (hotel(), Bot::new(|_| (vec![], 200)));
    let bridge = [("OFFHOOK_SIP__TRANSFER", "bridge")];
    let demo = platform(&hotel, &other, "", &bridge);
    let dial = demo.text("/bots/0/dial");
    // Twice: what is said before a hand-off, and what is said when it failed.
    let mut steps: Vec<&str> = HEARD.to_vec();
    for key in ["1", "2", "3", "4", "6"] {
        steps.extend(["--keys", key, "--expect-sound", "900ms"]);
    }
    dial_to(&demo, &dial, &steps);
    assert_eq!(
        statuses(&hotel),
        [
            failed("No phone number was given"),
            failed("The phone number is not valid"),
            failed("This number cannot be called from here"),
            failed("There is nobody at this number"),
            failed("There is nobody at this address"),
        ]
    );
    for (options, why) in [
        (&["--reject", "486"][..], "The number is busy"),
        (&["--reject", "603"], "The call was declined"),
        (&["--never-answer"], "No answer"),
    ] {
        let before = statuses(&hotel).len();
        let phone = ada(&demo, options);
        let steps = [&HEARD[..], &["--keys", "4", "--expect-hang-up"]].concat();
        dial_to(&demo, &dial, &steps);
        assert_eq!(statuses(&hotel)[before..], [failed(why)]);
        printed(phone);
    }
}

#[test]
fn whoever_answers_has_the_caller_and_knows_of_the_call_and_the_recording_ends() {
    for (transfer, is_bridged) in [("bridge", true), ("auto", false)] {
        let (hotel, other) = (hotel(), Bot::new(|_| (vec![], 200)));
        let settings = [("OFFHOOK_SIP__TRANSFER", transfer)];
        let demo = platform(&hotel, &other, "", &settings);
        let phone = ada(
            &demo,
            &[
                "--expect-tone",
                "440",
                "--for",
                "1s",
                "--play",
                "tone:620:3s",
            ],
        );
        let steps = [
            &HEARD[..],
            &[
                "--keys",
                "9",
                "--pause",
                "700ms",
                "--keys",
                "4",
                "--play",
                "tone:440:3s",
            ],
            &["--expect-tone", "620", "--for", "1s"],
        ];
        dial_to(&demo, &demo.text("/bots/0/dial"), &steps.concat());
        // The caller hangs up in the middle of what she plays.
        let seen = phone.wait_with_output().expect("it ends").stdout;
        let seen = String::from_utf8_lossy(&seen);
        assert!(seen.contains("tone 440 Hz"), "{seen}");
        if is_bridged {
            assert!(seen.contains("X-Case: T-7"), "{seen}");
            // {"ticket":7}
            assert!(
                seen.contains("User-to-User: 7b227469636b6574223a377d;encoding=hex"),
                "{seen}"
            );
        }
        let ended = || {
            hotel
                .told()
                .iter()
                .any(|told| told["type"] == "endOfConversation")
        };
        eventually("the conversation ends", WITHIN, ended);
        let told = hotel.told();
        let order: Vec<&str> = told
            .iter()
            .filter_map(|told| match told["type"].as_str() {
                Some("endOfConversation") => told["code"].as_str(),
                _ => told["value"]["state"].as_str(),
            })
            .collect();
        assert_eq!(order, ["accepted", "completedSuccessfully"]);
        let recordings = listed(&demo);
        assert_eq!(recordings.len(), 1, "{recordings:?}");
        assert_eq!(recordings[0]["endReason"], "CallTransferred");
        let kept = crate::recording::signed(&demo, "GET", "/recording");
        let kept: Value = serde_json::from_str(&kept.body).expect("JSON");
        let all = kept["value"].as_array().expect("a list");
        let transcript = all
            .iter()
            .find(|one| one["recordingInfo"]["contentType"] == "transcript");
        let document = &transcript.expect("it was handed over")["chunkDocumentId"];
        let path = format!("/recording/download/{}", document.as_str().expect("an id"));
        let text = crate::recording::signed(&demo, "GET", &path).body;
        assert_eq!(
            text,
            r#"{"activities":[{"text":"hello","type":"message"}]}"#
        );
    }
}

#[test]
fn another_bot_is_told_what_the_first_one_handed_over_and_a_quiet_one_only_of_the_end() {
    let (hotel, other) = (
        hotel(),
        Bot::new(|told| match starts(told) {
            true => (vec![message("This is the other one")], 200),
            false => (vec![], 200),
        }),
    );
    let demo = platform(&hotel, &other, r#"handoff_status = "quiet""#, &[]);
    let steps = [&HEARD[..], &["--keys", "5", "--expect-sound", "1500ms"]].concat();
    let came_with = ["--header", "X-Came-With: this"];
    dial_to(
        &demo,
        &demo.text("/bots/0/dial"),
        &[&came_with[..], &steps].concat(),
    );
    assert_eq!(statuses(&hotel), Vec::<Value>::new());
    let start = |bot: &Bot| bot.told().into_iter().find(starts).expect("a conversation");
    assert_eq!(
        start(&hotel)["channelData"]["sip"]["headers"],
        json!({ "X-Came-With": "this" })
    );
    let told = &start(&other)["channelData"]["sip"]["headers"];
    assert_eq!(told["X-Case"], "T-7");
    assert_eq!(
        told["User-to-User"],
        "7b227469636b6574223a377d;encoding=hex"
    );
    let ended = |bot: &Bot| {
        bot.told()
            .into_iter()
            .find(|told| told["type"] == "endOfConversation")
    };
    eventually("both are told of an end", WITHIN, || {
        ended(&hotel).is_some() && ended(&other).is_some()
    });
    assert_eq!(
        ended(&hotel).expect("seen")["code"],
        "completedSuccessfully"
    );
    assert_eq!(ended(&other).expect("seen")["code"], "userCancelled");
}
