//! A bot of the Telephony channel on the phone: the demo with a bot of the test, called by `offhook dial`.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::demo::{Demo, eventually};
use crate::log_privacy::tells_nothing;
use crate::stub_bot::webhook_of_a_bot_that_is_down;
use crate::web;

/// Longer than the steps of any call here.
const WITHIN: Duration = Duration::from_secs(20);

/// A bot of one thread a connection, which answers a turn when all it has to say was taken.
pub(crate) struct Bot {
    pub(crate) endpoint: String,
    told: Arc<Mutex<Vec<Value>>>,
    /// What its requests were answered with.
    answers: Arc<Mutex<Vec<(u16, String)>>>,
    /// The `Authorization` headers it was shown.
    shown: Arc<Mutex<Vec<String>>>,
}

impl Bot {
    pub(crate) fn new(turn: impl Fn(&Value) -> (Vec<Value>, u16) + Send + Sync + 'static) -> Self {
        let told = Arc::new(Mutex::new(Vec::new()));
        let answers = Arc::new(Mutex::new(Vec::new()));
        let shown = Arc::new(Mutex::new(Vec::new()));
        let at = web::serve({
            let (told, answers) = (Arc::clone(&told), Arc::clone(&answers));
            let shown = Arc::clone(&shown);
            move |request| {
                if let Some(token) = request.header("authorization") {
                    shown.lock().ok()?.push(token.to_owned());
                }
                let activity: Value = serde_json::from_slice(&request.body).ok()?;
                told.lock().ok()?.push(activity.clone());
                let (said, status) = turn(&activity);
                for one in said {
                    let answer = say(&activity, &one);
                    answers.lock().ok()?.push(answer);
                }
                Some((status, String::new()))
            }
        });
        Self {
            endpoint: format!("http://{at}/api/messages"),
            told,
            answers,
            shown,
        }
    }

    /// What it was told, oldest first.
    pub(crate) fn told(&self) -> Vec<Value> {
        self.told.lock().expect("no reader has failed").clone()
    }

    fn shown(&self) -> Vec<String> {
        self.shown.lock().expect("no reader has failed").clone()
    }

    fn answers(&self) -> Vec<(u16, String)> {
        self.answers.lock().expect("no reader has failed").clone()
    }

    #[track_caller]
    fn until_told(&self, kind: &str) -> Value {
        let is_it = |told: &Value| told["type"] == kind;
        eventually(kind, WITHIN, || self.told().iter().any(is_it));
        self.told().into_iter().find(is_it).expect("just seen")
    }
}

/// Says something in the conversation of an activity, as SDKs do: below its `serviceUrl`.
fn say(to: &Value, activity: &Value) -> (u16, String) {
    let (at, path) = service(to);
    let conversation = to["conversation"]["id"].as_str().expect("an id");
    let replied = to["id"].as_str().expect("an id");
    let path = format!("{path}v3/conversations/{conversation}/activities/{replied}");
    post(at, &path, activity)
}

fn service(to: &Value) -> (SocketAddr, String) {
    let url = to["serviceUrl"].as_str().expect("a URL");
    let rest = url.strip_prefix("http://").expect("plain HTTP");
    let (host, path) = rest.split_once('/').expect("a path");
    (host.parse().expect("an address"), format!("/{path}"))
}

fn post(at: SocketAddr, path: &str, body: &Value) -> (u16, String) {
    let answer = web::request(
        at,
        "POST",
        path,
        "Content-Type: application/json\r\n",
        body.to_string().as_bytes(),
    );
    (answer.status, answer.body)
}

pub(crate) fn message(speak: &str) -> Value {
    json!({"type": "message", "text": speak, "speak": speak})
}

pub(crate) fn starts(activity: &Value) -> bool {
    activity["type"] == "conversationUpdate"
}

fn demo(endpoint: &str) -> Demo {
    Demo::start_with(&["--bot", endpoint, "--protocol", "telephony"], &[])
}

/// `offhook dial`, with these steps; gives what it printed.
#[track_caller]
fn dial(demo: &Demo, steps: &[&str]) -> String {
    dial_to(demo, &demo.text("/bots/1/dial"), steps)
}

/// The same, of any address.
#[track_caller]
pub(crate) fn dial_to(demo: &Demo, to: &str, steps: &[&str]) -> String {
    let said = Command::new(env!("CARGO_BIN_EXE_offhook"))
        .args(["dial", to])
        .args(["--from", "sip:+14255550123@elsewhere.example"])
        .args(steps)
        .output()
        .expect("offhook dial can be started");
    let printed = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(
        said.status.success(),
        "{printed}\n{}\n{}",
        String::from_utf8_lossy(&said.stderr),
        demo.logs()
    );
    printed
}

#[test]
fn a_caller_is_greeted_presses_keys_and_is_said_goodbye_to() {
    let bot = Bot::new(|told| match told["text"].as_str() {
        _ if starts(told) => (
            vec![message(
                "Welcome to the hotel. Press one or two, whenever you like, for what you want",
            )],
            200,
        ),
        Some("1") => (
            vec![message(
                "<speak>One.<break time='200ms'/>Press hash</speak>",
            )],
            200,
        ),
        Some("#") => (
            vec![message("Good bye"), json!({"type": "endOfConversation"})],
            200,
        ),
        _ => (vec![], 200),
    });
    let demo = demo(&bot.endpoint);
    // The key interrupts the greeting; the second one does not interrupt what is over.
    let heard = "--expect-sound";
    dial(
        &demo,
        &[
            heard,
            "500ms",
            "--keys",
            "1",
            heard,
            "400ms",
            "--expect-silence",
            "500ms",
            "--keys",
            "#",
            heard,
            "300ms",
            "--expect-hang-up",
        ],
    );
    let told = bot.told();
    let start = &told[0];
    assert_eq!(start["type"], "conversationUpdate");
    assert_eq!(start["channelId"], "telephony");
    assert_eq!(start["from"]["id"], "+14255550123");
    assert_eq!(start["from"]["name"], "+14255550123");
    assert_eq!(start["membersAdded"][0]["id"], "+14255550123");
    assert_eq!(start["recipient"]["name"], "your-bot");
    assert_ne!(start["recipient"]["id"], start["from"]["id"]);
    assert_eq!(start["locale"], "en-US");
    assert!(start["channelData"]["callId"].is_string());
    let keys: Vec<&Value> = told
        .iter()
        .filter(|told| told["type"] == "message")
        .collect();
    assert_eq!(keys.len(), 2, "{told:#?}");
    for (key, text) in keys.iter().zip(["1", "#"]) {
        assert_eq!(key["text"], text);
        assert_eq!(key["entities"], json!([{"type": "DTMF"}]));
        assert_eq!(key["conversation"]["id"], start["conversation"]["id"]);
    }
    // Who ends a conversation is not told that it ended.
    assert_eq!(told.len(), 3, "{told:#?}");
    for (status, body) in bot.answers() {
        let id = serde_json::from_str::<Value>(&body).expect("JSON");
        assert!(
            status == 200 && id["id"].as_str().is_some_and(|id| id.contains('-')),
            "{body}"
        );
    }
    // Nobody is there any more.
    let (status, body) = say(start, &message("anybody there?"));
    assert_eq!(
        (status, body.contains("ConversationNotFound")),
        (404, true),
        "{body}"
    );
}

#[test]
fn a_bot_is_told_that_the_caller_hung_up_and_the_log_says_nothing_of_it() {
    let bot = Bot::new(|told| match starts(told) {
        true => (vec![message("Xanthippe wishes you a good day")], 200),
        false => (vec![message("too late")], 200),
    });
    let demo = Demo::start_with(
        &["--bot", &bot.endpoint, "--protocol", "telephony"],
        &[("OFFHOOK_LOG__FILTER", "trace"), ("NO_COLOR", "1")],
    );
    dial(&demo, &["--expect-sound", "300ms", "--keys", "7"]);
    let end = bot.until_told("endOfConversation");
    assert_eq!(end["code"], "userCancelled");
    eventually("replies to the end", WITHIN, || bot.answers().len() == 3);
    assert!(
        bot.answers().iter().all(|(status, _)| *status == 200),
        "{:?}",
        bot.answers()
    );
    let key = service(&end).1;
    let (_, log) = demo.stop();
    let secrets = [("the bot's address", key.trim_matches('/').to_owned())];
    tells_nothing(&log, &secrets, &[("what was said", "wishes".to_owned())]);
}

#[test]
fn a_bot_that_is_down_is_an_apology_and_not_silence() {
    let demo = demo(&webhook_of_a_bot_that_is_down());
    dial(&demo, &["--expect-sound", "2s", "--expect-hang-up"]);
}

#[test]
fn a_bot_that_fails_is_an_apology() {
    let bot = Bot::new(|told| (vec![], if starts(told) { 200 } else { 500 }));
    let demo = demo(&bot.endpoint);
    dial(&demo, &["--keys", "1", "--expect-sound", "2s"]);
    bot.until_told("endOfConversation");
}

#[test]
fn what_is_wrong_with_an_activity_is_said_and_the_call_goes_on() {
    let bot = Bot::new(|told| match told["text"].as_str() {
        Some("1") => (
            vec![
                json!([]),
                json!({"text": "no type"}),
                json!({"type": "message", "speak": 7}),
                json!({"type": "message", "speak": "x".repeat(200_000)}),
                json!({"type": "message", "text": "x".repeat(5_000_000)}),
                json!({"type": "message", "listenFor": ["{pattern:(}"]}),
                json!({"type": "typing"}),
                json!({"type": "command", "name": "channel/whatever"}),
                message("<speak>&bomb; <not <closed"),
            ],
            200,
        ),
        _ => (vec![], 200),
    });
    let demo = demo(&bot.endpoint);
    dial(&demo, &["--keys", "1", "--expect-sound", "300ms"]);
    let answers = bot.answers();
    let statuses: Vec<u16> = answers.iter().map(|(status, _)| *status).collect();
    assert_eq!(
        statuses,
        [400, 400, 400, 413, 413, 400, 200, 200, 200],
        "{answers:?}"
    );
    assert!(answers[1].1.contains("'type'"), "{answers:?}");
    assert!(answers[2].1.contains("'speak'"), "{answers:?}");
    let result = bot.until_told("commandResult");
    assert_eq!(result["value"]["error"]["code"], "NotSupported");
    // Another address, another key, another conversation.
    let start = bot.until_told("conversationUpdate");
    let (at, _) = service(&start);
    let conversation = start["conversation"]["id"].as_str().expect("an id");
    for (path, status) in [
        (format!("/v3/conversations/{conversation}/activities"), 401),
        (
            format!("/s/wrong/v3/conversations/{conversation}/activities"),
            401,
        ),
        (
            format!("{}v3/conversations/nonsense/activities", service(&start).1),
            404,
        ),
        (format!("{}v3/whatever", service(&start).1), 404),
    ] {
        assert_eq!(post(at, &path, &message("hello")).0, status, "{path}");
    }
}

/// Words as eSpeak NG says them, in a file that the phone can play: 16 kHz.
pub(crate) fn spoken(words: &str, folder: &std::path::Path) -> String {
    let spoken = Command::new("espeak-ng")
        .args(["-v", "en-us", "-s", "140", "--stdout", words])
        .output()
        .expect("espeak-ng is installed");
    let number = |at: usize| {
        let octets = spoken.stdout[at..at + 4].try_into().expect("four");
        u32::from_le_bytes(octets)
    };
    let samples: Vec<i16> = spoken.stdout[44..]
        .chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    // Its rate is not one a phone plays; between two samples is a straight line.
    let step = f64::from(number(24)) / 16_000.0;
    let length = (samples.len() as f64 / step) as usize - 1;
    let at = |n: usize| {
        let (whole, part) = ((n as f64 * step) as usize, (n as f64 * step).fract());
        let (one, next) = (f64::from(samples[whole]), f64::from(samples[whole + 1]));
        (one + (next - one) * part) as i16
    };
    let mut file = b"RIFF\0\0\0\0WAVEfmt ".to_vec();
    for part in [16, 1 | 1 << 16, 16_000, 32_000, 2 | 16 << 16] {
        file.extend_from_slice(&u32::to_le_bytes(part));
    }
    file.extend_from_slice(b"data");
    file.extend_from_slice(&(2 * length as u32).to_le_bytes());
    file.extend((0..length).flat_map(|n| at(n).to_le_bytes()));
    let size = (file.len() as u32 - 8).to_le_bytes();
    file[4..8].copy_from_slice(&size);
    let path = folder.join("words.wav");
    std::fs::write(&path, file).expect("written");
    path.to_string_lossy().into_owned()
}

/// Asks a long question, and says good bye to whatever is said.
fn asks() -> Bot {
    Bot::new(|told| match told["text"].as_str() {
        _ if starts(told) => {
            let mut question = message(
                "Would you like to hear the whole of our very long list of rooms, which goes on and \
                 on and on, as it has always done, for as long as anybody can remember?",
            );
            question["listenFor"] = json!(["yes please", "no thank you", "operator"]);
            (vec![question], 200)
        }
        Some(_) => (
            vec![message("Good bye"), json!({"type": "endOfConversation"})],
            200,
        ),
        None => (vec![], 200),
    })
}

#[test]
fn a_caller_interrupts_by_speaking_and_is_understood() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let words = spoken("yes please, that is what I want", folder.path());
    let bot = asks();
    let demo = Demo::start_with(
        &["--bot", &bot.endpoint, "--protocol", "telephony"],
        &[
            ("OFFHOOK_SPEECH__RECOGNISER", "scripted"),
            ("OFFHOOK_SPEECH__SCRIPT", r#"["I do"]"#),
        ],
    );
    dial(
        &demo,
        &[
            "--codec",
            "PCMU",
            "--expect-sound",
            "1s",
            "--play",
            &words,
            "--expect-sound",
            "300ms",
            "--expect-hang-up",
            "--within",
            "8s",
        ],
    );
    let said = bot.until_told("message");
    assert_eq!(said["text"], "I do");
    assert_eq!(said["locale"], "en-US");
    assert_eq!(said["channelData"]["speech"]["confidence"], 1.0);
    let length = said["channelData"]["speech"]["durationMs"].as_u64();
    assert!(
        length.is_some_and(|ms| (1_000..6_000).contains(&ms)),
        "{said}"
    );
    assert!(said.get("entities").is_none(), "{said}");
}

#[test]
fn what_is_said_on_a_wideband_call_is_really_understood() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let words = spoken("no, thank you", folder.path());
    let bot = asks();
    let demo = Demo::start_with(
        &["--bot", &bot.endpoint, "--protocol", "telephony"],
        &[("OFFHOOK_SPEECH__RECOGNISER", "pocketsphinx")],
    );
    dial(
        &demo,
        &[
            "--codec",
            "G722",
            "--expect-sound",
            "1s",
            "--play",
            &words,
            "--expect-hang-up",
            "--within",
            "10s",
        ],
    );
    let said = bot.until_told("message");
    assert_eq!(said["text"], "no thank you");
}

/// What the connector answers to a request of the bot of an activity.
fn ask(to: &Value, method: &str, below: &str, body: &Value) -> (u16, Value) {
    let (at, path) = service(to);
    let headers = "Content-Type: application/json\r\n";
    let body = body.to_string();
    let answer = web::request(
        at,
        method,
        &format!("{path}v3/{below}"),
        headers,
        body.as_bytes(),
    );
    let body = serde_json::from_str(&answer.body).unwrap_or(Value::String(answer.body));
    (answer.status, body)
}

#[test]
fn the_connector_answers_all_it_is_asked_of_a_conversation() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let saw = Arc::clone(&seen);
    let bot = Bot::new(move |told| {
        if !starts(told) {
            return (vec![], 200);
        }
        let conversation = told["conversation"]["id"].as_str().expect("an id");
        let below = |rest: &str| format!("conversations/{conversation}/{rest}");
        let long = message(
            "This is a long story, and while it is told there is time for a lot of questions",
        );
        let (_, first) = ask(told, "POST", &below("activities"), &long);
        let (_, second) = ask(told, "POST", &below("activities"), &message("never said"));
        let (_, third) = ask(
            told,
            "POST",
            &below("activities"),
            &message("never said either"),
        );
        let id = |of: &Value| of["id"].as_str().expect("an id").to_owned();
        let of = |answer: &Value| below(&format!("activities/{}", id(answer)));
        let caller = told["from"]["id"]
            .as_str()
            .expect("an id")
            .replace('+', "%2B");
        let file = json!({"name": "a.txt", "type": "text/plain", "originalBase64": "aGVsbG8="});
        let (uploaded, kept) = ask(told, "POST", &below("attachments"), &file);
        let kept = format!("attachments/{}", id(&kept));
        let nothing = Value::Null;
        let answers = [
            ask(told, "PUT", &of(&second), &message("something else")).0,
            ask(
                told,
                "PUT",
                &of(&second),
                &json!({"type": "message", "id": "another"}),
            )
            .0,
            ask(told, "PUT", &of(&second), &json!({"type": "typing"})).0,
            ask(told, "DELETE", &of(&third), &nothing).0,
            ask(told, "DELETE", &of(&third), &nothing).0,
            ask(told, "GET", "conversations", &nothing).1["conversations"]
                .as_array()
                .map_or(0, Vec::len) as u16,
            ask(told, "GET", &below("members"), &nothing)
                .1
                .as_array()
                .map_or(0, Vec::len) as u16,
            ask(
                told,
                "GET",
                &of(&first).replace(&id(&first), &format!("{}/members", id(&first))),
                &nothing,
            )
            .0,
            ask(told, "GET", &below("pagedmembers?pageSize=1"), &nothing).0,
            ask(told, "GET", &below(&format!("members/{caller}")), &nothing).0,
            ask(told, "GET", &below("members/nobody"), &nothing).0,
            ask(
                told,
                "POST",
                &below("activities/history"),
                &json!({"activities": [message("a"), 7]}),
            )
            .0,
            ask(told, "POST", &below("activities/history"), &json!({})).0,
            ask(told, "GET", &below("whatever"), &nothing).0,
            ask(told, "PATCH", &below("members"), &nothing).0,
            uploaded,
            ask(told, "GET", &kept, &nothing).1["views"][0]["size"]
                .as_u64()
                .unwrap_or_default() as u16,
            ask(told, "GET", &format!("{kept}/views/original"), &nothing).0,
            ask(told, "GET", &format!("{kept}/views/thumbnail"), &nothing).0,
            ask(told, "GET", "attachments/nothing", &nothing).0,
        ];
        *saw.lock().expect("no reader has failed") = answers.to_vec();
        (vec![], 200)
    });
    let demo = demo(&bot.endpoint);
    dial(&demo, &["--expect-sound", "1s"]);
    let wanted = [
        200, 400, 405, 200, 405, 1, 2, 200, 200, 200, 404, 200, 400, 404, 405, 200, 5, 200, 404,
        404,
    ];
    assert_eq!(*seen.lock().expect("no reader has failed"), wanted);
}

#[test]
fn a_bot_calls_somebody_who_answers_and_somebody_who_has_no_phone() {
    let bot = Bot::new(|_| (vec![], 200));
    let demo = demo(&bot.endpoint);
    dial(&demo, &["--keys", "1"]);
    let start = bot.until_told("endOfConversation");
    let ada = demo.text("/people/0/sip_user");
    let phone = |options: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_offhook"))
            .args([
                "dial",
                &format!("sip:{}", demo.sip()),
                "--user",
                &ada,
                "--register",
            ])
            .args([
                "--domain",
                &demo.text("/people/0/sip_domain"),
                "--wait-for-call",
            ])
            .env("OFFHOOK_DIAL_PASSWORD", demo.text("/people/0/sip_password"))
            .args(options)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("offhook dial can be started")
    };
    let call = || {
        let body = json!({"members": [{"id": ada}], "activity": message("Your table is ready")});
        ask(&start, "POST", "conversations", &body)
    };
    let ended = |id: &str| {
        let is_end =
            |told: &Value| told["type"] == "endOfConversation" && told["conversation"]["id"] == *id;
        eventually("the call ends", WITHIN, || bot.told().iter().any(is_end));
        bot.told().into_iter().find(is_end).expect("just seen")
    };
    // Nobody is there to be called.
    let (status, made) = call();
    assert_eq!(status, 201, "{made}");
    assert!(made["activityId"].is_string() && made["serviceUrl"] == start["serviceUrl"]);
    let end = ended(made["id"].as_str().expect("an id"));
    assert_eq!(
        (&end["code"], &end["channelData"]["reason"]),
        (&json!("userCancelled"), &json!("notFound"))
    );
    // Somebody answers, hears what was to be said, and presses a key.
    let phone_of_ada = phone(&["--expect-sound", "500ms", "--keys", "5"]);
    let registered = || web::metric(demo.http(), "offhook_sip_registrations_total") >= 1.0;
    eventually("the phone is registered", WITHIN, registered);
    let (_, made) = call();
    let id = made["id"].as_str().expect("an id").to_owned();
    let end = ended(&id);
    assert_eq!(end["code"], "userCancelled");
    let heard = phone_of_ada.wait_with_output().expect("it ends");
    assert!(
        heard.status.success(),
        "{}",
        String::from_utf8_lossy(&heard.stdout)
    );
    let of_call: Vec<Value> = bot
        .told()
        .into_iter()
        .filter(|told| told["conversation"]["id"] == *id)
        .collect();
    let kinds: Vec<&str> = of_call
        .iter()
        .filter_map(|told| told["type"].as_str())
        .collect();
    assert_eq!(
        kinds,
        ["conversationUpdate", "message", "endOfConversation"]
    );
    assert_eq!(of_call[0]["from"]["name"], demo.text("/people/0/name"));
    for (body, status) in [
        (json!({}), 400),
        (json!({"members": [{"id": "nobody at all"}]}), 400),
        (json!({"members": [{"id": "a"}, {"id": "b"}]}), 400),
        (json!({"members": [{"id": ada}], "isGroup": true}), 400),
        (
            json!({"members": [{"id": ada}], "activity": {"text": "no type"}}),
            400,
        ),
    ] {
        assert_eq!(
            ask(&start, "POST", "conversations", &body).0,
            status,
            "{body}"
        );
    }
}

fn served(bot: &Bot, more: &str) -> Demo {
    let endpoint = &bot.endpoint;
    let configuration = format!(
        r#"
        [[bots]]
        name = "Hotel"
        protocol = "telephony"
        sip_user = "hotel"
        endpoint = "{endpoint}"
        {more}

        [[bots]]
        name = "Other"
        protocol = "telephony"
        sip_user = "other"
        endpoint = "http://127.0.0.1:9/"
        authentication = "own"

        [sip]
        callers = "anyone"
        "#
    );
    Demo::serve(&configuration, &[])
}

#[test]
fn a_bot_that_cannot_reach_the_platform_replies_in_its_answers() {
    let at = web::serve(|request| {
        let told: Value = serde_json::from_slice(&request.body).ok()?;
        assert_eq!(told["deliveryMode"], "expectReplies");
        let said = match told["text"].as_str() {
            _ if starts(&told) => {
                json!({"activities": [message("Welcome"), 7, {"type": "typing"}]})
            }
            Some(_) => json!({"activities": [message("Bye"), {"type": "endOfConversation"}]}),
            // Garbage says nothing.
            None => json!(["garbage"]),
        };
        Some((200, said.to_string()))
    });
    let bot = Bot {
        endpoint: format!("http://{at}/api/messages"),
        told: Arc::default(),
        answers: Arc::default(),
        shown: Arc::default(),
    };
    let demo = served(&bot, "expect_replies = true");
    let steps = [
        "--expect-sound",
        "200ms",
        "--keys",
        "1",
        "--expect-sound",
        "100ms",
        "--expect-hang-up",
    ];
    dial_to(&demo, &demo.text("/bots/0/dial"), &steps);
}

#[test]
fn only_the_bots_own_token_opens_its_conversation() {
    let bot = Bot::new(|_| (vec![], 200));
    let demo = served(&bot, r#"authentication = "own""#);
    let seen = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        let call = scope.spawn(|| {
            dial_to(&demo, &demo.text("/bots/0/dial"), &["--pause", "3s"]);
        });
        let start = bot.until_told("conversationUpdate");
        let conversation = start["conversation"]["id"]
            .as_str()
            .expect("an id")
            .to_owned();
        let own = token(&demo, 0, "https://api.botframework.com");
        let mut forged = own.clone();
        let last = forged.pop();
        forged.push(if last == Some('A') { 'B' } else { 'A' });
        for (token, below) in [
            (own.clone(), "activities"),
            (String::new(), "activities"),
            ("nonsense".to_owned(), "activities"),
            (forged, "activities"),
            // For the Graph.
            (token(&demo, 0, "https://graph.microsoft.com"), "activities"),
            // Of another bot.
            (
                token(&demo, 1, "https://api.botframework.com"),
                "activities",
            ),
        ] {
            let header = match token.is_empty() {
                true => String::new(),
                false => format!("Authorization: Bearer {token}\r\n"),
            };
            let headers = format!("Content-Type: application/json\r\n{header}");
            let path = format!("/v3/conversations/{conversation}/{below}");
            let body = json!({"type": "typing"}).to_string();
            let answer = web::request(demo.http(), "POST", &path, &headers, body.as_bytes());
            seen.lock()
                .expect("no reader has failed")
                .push(answer.status);
        }
        call.join().expect("the call ends well");
    });
    assert_eq!(
        *seen.lock().expect("no reader has failed"),
        [200, 401, 401, 401, 401, 403]
    );
}

/// A token of a bot, for an audience.
fn token(demo: &Demo, at: usize, audience: &str) -> String {
    let of = |field: &str| demo.text(&format!("/bots/{at}/{field}"));
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&scope={audience}/.default",
        of("app_id"),
        of("secret")
    );
    let path = format!("/{}/oauth2/v2.0/token", of("tenant"));
    let headers = "Content-Type: application/x-www-form-urlencoded\r\n";
    let answer = web::request(demo.http(), "POST", &path, headers, form.as_bytes());
    let answer: Value = serde_json::from_str(&answer.body).expect("JSON");
    answer["access_token"].as_str().expect("a token").to_owned()
}

#[test]
fn the_demos_echo_bot_says_every_key_again() {
    let demo = Demo::start();
    let echo = demo.text("/bots/1/dial");
    let steps = [
        "--expect-sound",
        "500ms",
        "--keys",
        "5",
        "--expect-sound",
        "300ms",
        "--expect-silence",
        "600ms",
        "--keys",
        "#",
        "--expect-sound",
        "100ms",
        "--expect-hang-up",
    ];
    dial_to(&demo, &echo, &steps);
}

/// One platform stands in for Microsoft: it grants tokens and names its keys.
#[test]
fn a_bot_that_microsoft_knows_is_spoken_to_with_its_own_credentials() {
    let nobody = Bot::new(|_| (vec![], 200));
    let microsoft = served(&nobody, "");
    let (app, secret) = (
        microsoft.text("/bots/0/app_id"),
        microsoft.text("/bots/0/secret"),
    );
    let tenant = microsoft.text("/bots/0/tenant");
    let home = microsoft.http();
    let bot = Bot::new(|_| (vec![], 200));
    let endpoint = &bot.endpoint;
    let configuration = format!(
        r#"
        [[bots]]
        name = "Hotel"
        protocol = "telephony"
        sip_user = "hotel"
        endpoint = "{endpoint}"
        authentication = "microsoft"
        app_id = "{app}"
        secret = "{secret}"
        login_url = "http://{home}/{tenant}"
        issuers = ["http://{home}/{tenant}/v2.0"]

        [sip]
        callers = "anyone"
        "#
    );
    let demo = Demo::serve(&configuration, &[]);
    let seen = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        let call = scope.spawn(|| {
            dial_to(&demo, &demo.text("/bots/0/dial"), &["--pause", "3s"]);
        });
        let start = bot.until_told("conversationUpdate");
        let conversation = start["conversation"]["id"]
            .as_str()
            .expect("an id")
            .to_owned();
        for token in [
            token(&microsoft, 0, "https://api.botframework.com"),
            token(&microsoft, 0, "https://graph.microsoft.com"),
            // Of another bot that Microsoft knows.
            token(&microsoft, 1, "https://api.botframework.com"),
            // Of this platform's, which this bot has nothing to do with.
            token(&demo, 0, "https://api.botframework.com"),
        ] {
            let headers =
                format!("Content-Type: application/json\r\nAuthorization: Bearer {token}\r\n");
            let path = format!("/v3/conversations/{conversation}/activities");
            let body = json!({"type": "typing"}).to_string();
            let answer = web::request(demo.http(), "POST", &path, &headers, body.as_bytes());
            seen.lock()
                .expect("no reader has failed")
                .push(answer.status);
        }
        call.join().expect("the call ends well");
    });
    assert_eq!(
        *seen.lock().expect("no reader has failed"),
        [200, 401, 401, 401]
    );
    // What the bot was shown is a token of its own, by the same login.
    let shown = bot.shown();
    assert!(!shown.is_empty());
    assert!(
        shown
            .iter()
            .all(|header| header.to_lowercase().starts_with("bearer ey")),
        "{}",
        shown.len()
    );
}

#[test]
fn a_turn_of_half_a_minute_stops_nothing() {
    let bot = Bot::new(|told| match told["text"].as_str() {
        _ if starts(told) => (vec![message("Welcome")], 200),
        Some("1") => {
            std::thread::sleep(Duration::from_secs(31));
            (
                vec![
                    message("There you are"),
                    json!({"type": "endOfConversation"}),
                ],
                200,
            )
        }
        _ => (vec![], 200),
    });
    let demo = demo(&bot.endpoint);
    // What is pressed meanwhile is told afterwards, and the call goes on.
    dial(
        &demo,
        &[
            "--expect-sound",
            "300ms",
            "--keys",
            "1",
            "--pause",
            "1s",
            "--keys",
            "2",
            "--expect-sound",
            "300ms",
            "--within",
            "40s",
            "--expect-hang-up",
        ],
    );
    let keys: Vec<Value> = bot
        .told()
        .into_iter()
        .filter(|told| told["type"] == "message")
        .collect();
    assert_eq!(keys[0]["text"], "1");
}

#[test]
fn a_sound_that_cannot_be_had_is_its_words() {
    let bot = Bot::new(|told| match starts(told) {
        true => {
            let speak = "<speak><audio src='http://127.0.0.1:9/bell.wav'>a bell rings three times</audio></speak>";
            (vec![message(speak)], 200)
        }
        false => (vec![], 200),
    });
    let demo = demo(&bot.endpoint);
    dial(&demo, &["--expect-sound", "500ms"]);
}

/// A service that begins to speak, a tone, and does not come to its end.
fn half_a_service() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
    let at = listener.local_addr().expect("a bound socket");
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let samples = (0..24_000).map(|n| {
                let angle = std::f64::consts::TAU * 440.0 * f64::from(n) / 24_000.0;
                (8_000.0 * angle.sin()) as i16
            });
            let mut file = b"RIFF\xff\xff\xff\xffWAVEfmt ".to_vec();
            for part in [16, 1 | 1 << 16, 24_000, 48_000, 2 | 16 << 16] {
                file.extend_from_slice(&u32::to_le_bytes(part));
            }
            file.extend_from_slice(b"data\xff\xff\xff\xff");
            file.extend(samples.flat_map(i16::to_le_bytes));
            let head =
                "HTTP/1.1 200 OK\r\nContent-Type: audio/wav\r\nTransfer-Encoding: chunked\r\n\r\n";
            let head = format!("{head}{:x}\r\n", file.len());
            let _ = stream.write_all(&[head.as_bytes(), &file, b"\r\n"].concat());
            // Never closed, never ended.
            open.push(stream);
        }
    });
    format!("http://{at}/v1/")
}

#[test]
fn a_caller_hears_the_beginning_while_the_rest_is_still_made() {
    let bot = Bot::new(|told| match starts(told) {
        true => (vec![message("a long story")], 200),
        false => (vec![], 200),
    });
    let service = half_a_service();
    let demo = Demo::start_with(
        &["--bot", &bot.endpoint, "--protocol", "telephony"],
        &[
            ("OFFHOOK_SPEECH__SYNTHESISER", "openai"),
            ("OFFHOOK_SPEECH__OPENAI_URL", &service),
        ],
    );
    dial(
        &demo,
        &["--expect-tone", "440", "--for", "500ms", "--within", "5s"],
    );
}
