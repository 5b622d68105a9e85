//! The API against scripted calls: every row of the published error table, and the bodies.

use std::time::Duration;

use axum::body::Body;
use axum::{Extension, Router};
use expect_test::{Expect, expect};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use offhook_engine::{
    Accepted, AtOnce, CallDirection, CameBy, Command, Ending, Event, Fact, Hosting, Invitee,
    LegState, LegView, NotReached, OperationKind, OperationView, Outcome, Participant, Party,
    PlayFault, Prompt, RecordEnding, RecordingStatus, Refusal, RejectReason, Roster, RouteChange,
    RoutingGroup, RoutingMode,
};
use offhook_identity::{AccessGrant, SigningKey, SigningKeys};
use offhook_terms::{CallId, LegId, OperationId, PersonId, Private, Tone};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;
use tower::ServiceExt as _;

mod create;
mod elsewhere;
mod many;
mod told;

use super::path::Version;
use super::*;
use crate::calls::{Message, Question};
use crate::channel::Channel;
use crate::http::{Door, PublicBase, Via};
use crate::login::Login;
use crate::observe::Observe;
use crate::outbox::Outboxes;
use crate::prompts::Prompts;
use crate::registry::{Bot, Registry, Roles};
use crate::store::{Recordings, Store, open_folder};
use crate::switchboard::Switchboard;
use crate::tapes::Tapes;
use crate::workplace::{Meetings, Workplace};
use crate::{clock, config, outgoing};

const LEG: LegId = LegId::from_bits(0x1111_1111_1111_4111_8111_1111_1111_1111);
const CALL: CallId = CallId::from_bits(0x2222_2222_2222_4222_8222_2222_2222_2222);
const PHONE: LegId = LegId::from_bits(0x3333_3333_3333_4333_8333_3333_3333_3333);
const OPERATION: OperationId = OperationId::from_bits(0x4444_4444_4444_4444_8444_4444_4444_4444);

/// A call that takes or refuses every command, and remembers what it was asked.
struct Script {
    asked: Mutex<Vec<Command>>,
    refusal: Mutex<Option<Refusal>>,
    view: Mutex<LegView>,
    roster: Mutex<Vec<Participant>>,
    groups: Mutex<Vec<RoutingGroup>>,
}

impl Script {
    fn new(bot: offhook_terms::AppId) -> Self {
        Self {
            asked: Mutex::default(),
            refusal: Mutex::default(),
            view: Mutex::new(LegView {
                bot,
                call: CALL,
                state: LegState::Established,
                caller: ada(),
                caller_leg: PHONE,
                audio_flows: true,
                number: 4,
                direction: CallDirection::Incoming,
                targets: Vec::new(),
                is_group: false,
                hosting: Hosting::Service,
            }),
            roster: Mutex::default(),
            groups: Mutex::default(),
        }
    }
}

struct World {
    _data: tempfile::TempDir,
    router: Router,
    script: Arc<Script>,
    switchboard: Switchboard,
    login: Arc<Login>,
    outboxes: Outboxes,
    bot: Arc<Bot>,
    token: String,
}

impl World {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Bot)) -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        open_folder(data.path()).expect("made");
        let store = Store::open(data.path()).await.expect("opens");
        let mut bot = Bot::for_tests("http://127.0.0.1:9/callback");
        change(&mut bot);
        let registry = Arc::new(Registry::of_bot(bot));
        let bot = Arc::clone(registry.bot_by_sip_user("bot").expect("one"));
        let base = PublicBase::for_tests();
        let settings = config::Login::default();
        let login = Login::open(
            settings,
            base.clone(),
            Arc::clone(&registry),
            store.clone(),
            clock::wall(),
        )
        .await
        .expect("opens");
        let own = "http://127.0.0.1:8080".to_owned();
        let recordings = Recordings::open(store.clone(), data.path(), Duration::ZERO, own, None)
            .await
            .expect("opens");
        let wording = Wording {
            status: config::StatusSpelling::Camel,
            recordings: Arc::clone(&recordings),
            registry: Arc::clone(&registry),
            disorder: None,
        };
        let clients = outgoing::clients(&registry, &outgoing::trust_nobody());
        let switchboard = Switchboard::default();
        let (mailbox, messages) = mpsc::channel(64);
        switchboard
            .connect(CALL, LEG, bot.app, 9, mailbox)
            .expect("room");
        let script = Arc::new(Script::new(bot.app));
        tokio::spawn(call(messages, Arc::clone(&script)));
        let outboxes = Outboxes::new(
            &registry,
            &clients,
            Arc::clone(&login),
            store.clone(),
            switchboard.clone(),
            wording.clone(),
        );
        outboxes.open(CALL, LEG, bot.app, None);
        let prompts = Arc::new(Prompts::for_tests(Arc::clone(&clients)));
        let channel = Channel::new(
            &registry,
            &clients,
            Arc::clone(&login),
            switchboard.clone(),
            Arc::clone(&prompts),
            (
                Tapes::for_tests(
                    data.path(),
                    &store,
                    Arc::clone(&login),
                    Arc::clone(&recordings),
                )
                .await,
                store.clone(),
            ),
            &base,
        );
        let workplace = Workplace::new(
            Arc::clone(&registry),
            Meetings::new(store.clone(), config::Workplace::default()),
            store,
            config::Workplace::default(),
            "example.org".to_owned(),
        );
        let graph = Graph::new(
            Arc::clone(&login),
            switchboard.clone(),
            outboxes.clone(),
            prompts,
            base,
            wording,
            workplace,
        );
        let via = Via {
            peer: ([127, 0, 0, 1], 9).into(),
            door: Door::Http,
        };
        let observe = Arc::new(Observe::new(vec![], vec![]));
        let router = crate::http::router(&login, Arc::new(graph), channel, recordings, observe)
            .layer(Extension(via));
        let token = login.access_token_for_tests(&bot, bot.roles.names(), clock::wall());
        Self {
            _data: data,
            router,
            script,
            switchboard,
            login,
            outboxes,
            bot,
            token,
        }
    }

    async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router
            .clone()
            .oneshot(request)
            .await
            .expect("infallible")
    }

    fn request(&self, method: &str, path: &str, body: Option<&str>) -> Request<Body> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "graph.example")
            .header("authorization", format!("Bearer {}", self.token));
        if body.is_some() {
            request = request.header("content-type", "application/json; charset=utf-8");
        }
        let body = body.map(str::to_owned).map_or_else(Body::empty, Body::from);
        request.body(body).expect("a request")
    }

    /// A request about the call, below its path.
    async fn ask(&self, method: &str, below: &str, body: Option<Value>) -> Response<Body> {
        let path = format!("/v1.0/communications/calls/{LEG}{below}");
        let body = body.map(|body| body.to_string());
        self.send(self.request(method, &path, body.as_deref()))
            .await
    }

    async fn check_refusal(&self, request: Request<Body>, wanted: &str) {
        let response = self.send(request).await;
        assert_eq!(refusal(response).await, wanted);
    }

    fn change_view(&self, change: impl FnOnce(&mut LegView)) {
        change(&mut self.script.view.lock().expect("whole"));
    }

    /// One more leg of the bot, in a call that is scripted alike.
    fn seat(&self, leg: LegId) {
        let (mailbox, messages) = mpsc::channel(64);
        let call_of_it = CallId::from_random(rand::random());
        self.switchboard
            .connect(call_of_it, leg, self.bot.app, 9, mailbox)
            .expect("room");
        tokio::spawn(call(messages, Arc::clone(&self.script)));
    }

    /// From now on calls can be made, and nothing comes of them; where they are to be told of is
    /// remembered.
    fn start_nothing(&self) -> Arc<Mutex<Vec<Option<String>>>> {
        let started = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&started);
        self.switchboard.start_with(move |_, callback| {
            let callback = callback.map(ToString::to_string);
            seen.lock().expect("whole").push(callback);
        });
        started
    }

    fn asked(&self) -> Vec<Command> {
        std::mem::take(&mut self.script.asked.lock().expect("whole"))
    }
}

async fn call(mut messages: mpsc::Receiver<Message>, script: Arc<Script>) {
    while let Some(message) = messages.recv().await {
        match message {
            Message::Command { command, reply, .. } => {
                let refusal = *script.refusal.lock().expect("whole");
                script.asked.lock().expect("whole").push(command);
                let _ = reply.send(refusal.map_or(Ok(Accepted), Err));
            }
            Message::Question(Question::Leg { reply, .. }) => {
                let _ = reply.send(Some(script.view.lock().expect("whole").clone()));
            }
            Message::Question(Question::Participants { reply, .. }) => {
                let _ = reply.send(Some(script.roster.lock().expect("whole").clone()));
            }
            Message::Question(Question::RoutingGroups { reply, .. }) => {
                let _ = reply.send(Some(script.groups.lock().expect("whole").clone()));
            }
            Message::Question(Question::Operation {
                operation, reply, ..
            }) => {
                let _ = reply.send((operation == OPERATION).then(played));
            }
            Message::Question(Question::Operations { reply, .. }) => {
                let _ = reply.send(vec![played()]);
            }
            _ => {}
        }
    }
}

fn ada() -> Party {
    Party::Person {
        id: PersonId::from_bits(0x5555_5555_5555_4555_8555_5555_5555_5555),
        name: Private::new("Ada".to_owned()),
    }
}

fn played() -> OperationView {
    OperationView {
        operation: OPERATION,
        kind: OperationKind::Play { prompts: vec![] },
        context: Some("greeting".to_owned()),
        outcome: Some(Outcome::Played),
    }
}

async fn body(response: Response<Body>) -> Value {
    let body = response
        .into_body()
        .collect()
        .await
        .expect("read")
        .to_bytes();
    serde_json::from_slice(&body).expect("JSON")
}

/// `status code message`, after checking that everything else about it is right.
async fn refusal(response: Response<Body>) -> String {
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    assert_eq!(headers["content-type"], "application/json");
    let body = body(response).await;
    let error = &body["error"];
    let inner = &error["innerError"];
    assert_eq!(
        inner["request-id"],
        headers["request-id"].to_str().expect("text")
    );
    assert_eq!(
        inner["client-request-id"],
        headers["client-request-id"].to_str().expect("text")
    );
    assert_eq!(
        inner["date"].as_str().expect("text").len(),
        "2026-01-31T12:00:00".len()
    );
    let text = |name: &str| error[name].as_str().expect("text").to_owned();
    format!("{status} {} {}", text("code"), text("message"))
}

fn prompt() -> Value {
    json!({"@odata.type": "#microsoft.graph.mediaPrompt",
        "mediaInfo": {"uri": "https://bot.example/hello.wav", "resourceId": "r1"}})
}

fn answer() -> Value {
    json!({"callbackUri": "https://bot.example/calls", "acceptedModalities": ["audio"],
        "mediaConfig": {"@odata.type": "#microsoft.graph.serviceHostedMediaConfig"}})
}

#[tokio::test]
async fn commands_reach_the_call_and_are_answered_as_published() {
    let world = World::new().await;
    let cases = [
        ("POST", "/answer", Some(answer()), 202),
        ("POST", "/microsoft.graph.keepAlive", None, 200),
        ("POST", "/reject", Some(json!({"reason": "Busy"})), 202),
        ("POST", "/reject", None, 202),
        ("DELETE", "", None, 204),
    ];
    for (method, below, body, status) in cases {
        let response = world.ask(method, below, body).await;
        assert_eq!(response.status().as_u16(), status, "{below}");
        // One client parses whatever says it is JSON, even nothing.
        assert!(!response.headers().contains_key("content-type"), "{below}");
        assert_eq!(response.headers()["scenario-id"], CALL.to_string());
        let body = response
            .into_body()
            .collect()
            .await
            .expect("read")
            .to_bytes();
        assert!(body.is_empty(), "{below}");
    }
    assert_eq!(
        world.asked(),
        [
            Command::Answer {
                hosting: offhook_engine::Hosting::Service
            },
            Command::KeepAlive,
            Command::Reject(RejectReason::Busy),
            Command::Reject(RejectReason::None),
            Command::HangUp,
        ]
    );
}

#[tokio::test]
async fn an_empty_body_may_have_a_type() {
    let world = World::new().await;
    let path = format!("/v1.0/communications/calls/{LEG}/keepAlive");
    let response = world.send(world.request("POST", &path, Some(""))).await;
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn play_prompt_is_an_operation() {
    let world = World::new().await;
    let asked = json!({"prompts": [prompt(), prompt()], "clientContext": "c1", "loop": true});
    let response = world.ask("POST", "/playPrompt", Some(asked)).await;
    assert_eq!(response.status(), StatusCode::OK);
    let location = response.headers()["location"]
        .to_str()
        .expect("text")
        .to_owned();
    let body = body(response).await;
    let id = body["id"].as_str().expect("an id");
    let wanted = format!("http://graph.example/v1.0/communications/calls/{LEG}/operations/{id}");
    assert_eq!(location, wanted);
    assert_eq!(
        body,
        json!({"@odata.type": "#microsoft.graph.playPromptOperation", "id": id,
            "status": "running", "clientContext": "c1"})
    );
    let prompt = Prompt::File {
        uri: "https://bot.example/hello.wav".to_owned(),
        resource_id: Some("r1".to_owned()),
    };
    assert_eq!(
        world.asked(),
        [Command::Play {
            operation: id.parse().expect("a GUID"),
            prompts: vec![prompt.clone(), prompt],
            for_ever: true,
            context: Some("c1".to_owned()),
        }]
    );
}

#[tokio::test]
async fn record_response_has_its_defaults() {
    let world = World::new().await;
    let response = world.ask("POST", "/recordResponse", Some(json!({}))).await;
    assert_eq!(response.status(), StatusCode::OK);
    let body = body(response).await;
    assert_eq!(
        body,
        json!({"@odata.type": "#microsoft.graph.recordOperation", "id": body["id"],
            "status": "running", "clientContext": null, "completionReason": null,
            "resultInfo": null, "recordingLocation": null, "recordingAccessToken": null})
    );
    let asked = world.asked();
    let [
        Command::Record {
            prompt,
            barge_in,
            beep,
            rules,
            context,
            ..
        },
    ] = &asked[..]
    else {
        panic!("one recording")
    };
    assert_eq!(
        (prompt, *barge_in, *beep, context),
        (&None, false, true, &None)
    );
    let five = Duration::from_secs(5);
    assert_eq!(
        (rules.initial_silence, rules.max_silence, rules.max_duration),
        (five, five, five)
    );
    assert!(rules.stop_tones.is_empty());
}

#[tokio::test]
async fn record_response_takes_every_parameter() {
    let world = World::new().await;
    let asked = json!({"prompts": [prompt()], "bargeInAllowed": true, "playBeep": false,
        "initialSilenceTimeoutInSeconds": 1, "maxSilenceTimeoutInSeconds": 2,
        "maxRecordDurationInSeconds": 120, "stopTones": ["#", "1", "*", "tone1", "d"],
        "clientContext": "ü".repeat(256), "streamWhileRecording": true});
    let response = world.ask("POST", "/record", Some(asked)).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.headers().contains_key("deprecation"));
    let asked = world.asked();
    let [
        Command::Record {
            prompt,
            barge_in,
            beep,
            rules,
            ..
        },
    ] = &asked[..]
    else {
        panic!("one recording")
    };
    assert!(prompt.is_some() && *barge_in && !beep);
    assert_eq!(rules.initial_silence, Duration::from_secs(1));
    assert_eq!(rules.max_silence, Duration::from_secs(2));
    assert_eq!(rules.max_duration, Duration::from_secs(120));
    let symbols: String = rules.stop_tones.iter().map(|tone| tone.symbol()).collect();
    assert_eq!(symbols, "#1*D");
}

#[tokio::test]
async fn parameters_out_of_range_are_named_and_nothing_is_asked() {
    let world = World::new().await;
    let media = json!({"@odata.type": "#microsoft.graph.serviceHostedMediaConfig"});
    let with = |name: &str, value: Value| {
        let mut asked = answer();
        asked[name] = value;
        asked
    };
    let bad = [
        ("playPrompt", json!({}), "prompts"),
        ("playPrompt", json!({"prompts": []}), "prompts"),
        (
            "playPrompt",
            json!({"prompts": vec![prompt(); 21]}),
            "prompts",
        ),
        ("playPrompt", json!({"prompts": [{}]}), "prompts"),
        (
            "playPrompt",
            json!({"prompts": [{"mediaInfo": {"uri": ""}}]}),
            "prompts",
        ),
        (
            "playPrompt",
            json!({"prompts": [{"mediaInfo": {"uri": "file:///x"}}]}),
            "prompts",
        ),
        (
            "playPrompt",
            json!({"prompts": [{"mediaInfo": {"uri": "http://10.0.0.1/x"}}]}),
            "prompts",
        ),
        ("playPrompt", json!({"prompts": "x"}), "prompts"),
        (
            "playPrompt",
            json!({"prompts": [prompt()], "clientContext": "x".repeat(257)}),
            "clientContext",
        ),
        (
            "recordResponse",
            json!({"prompts": [prompt(), prompt()]}),
            "prompts",
        ),
        (
            "recordResponse",
            json!({"initialSilenceTimeoutInSeconds": 0}),
            "initialSilenceTimeoutInSeconds",
        ),
        (
            "recordResponse",
            json!({"maxSilenceTimeoutInSeconds": 121}),
            "maxSilenceTimeoutInSeconds",
        ),
        (
            "recordResponse",
            json!({"maxRecordDurationInSeconds": -1}),
            "maxRecordDurationInSeconds",
        ),
        (
            "recordResponse",
            json!({"maxRecordDurationInSeconds": 1.5}),
            "maxRecordDurationInSeconds",
        ),
        (
            "recordResponse",
            json!({"maxRecordDurationInSeconds": "5"}),
            "maxRecordDurationInSeconds",
        ),
        ("recordResponse", json!({"playBeep": "yes"}), "playBeep"),
        ("recordResponse", json!({"stopTones": ["##"]}), "stopTones"),
        (
            "recordResponse",
            json!({"stopTones": ["flash"]}),
            "stopTones",
        ),
        (
            "recordResponse",
            json!({"clientContext": "ü".repeat(257)}),
            "clientContext",
        ),
        ("reject", json!({"reason": "bored"}), "reason"),
        (
            "reject",
            json!({"callbackUri": "http://bot.example/"}),
            "callbackUri",
        ),
        (
            "answer",
            json!({"mediaConfig": media}),
            "acceptedModalities",
        ),
        (
            "answer",
            json!({"acceptedModalities": ["audio"]}),
            "mediaConfig",
        ),
        (
            "answer",
            with("acceptedModalities", json!([])),
            "acceptedModalities",
        ),
        (
            "answer",
            with("acceptedModalities", json!(["smell"])),
            "acceptedModalities",
        ),
        (
            "answer",
            with("callbackUri", json!("http://bot.example/")),
            "callbackUri",
        ),
        (
            "answer",
            with("callbackUri", json!("https://169.254.169.254/")),
            "callbackUri",
        ),
        (
            "answer",
            with("callbackUri", json!("http://127.0.0.1:10/")),
            "callbackUri",
        ),
        ("answer", with("callbackUri", json!(7)), "callbackUri"),
    ];
    for (action, asked, name) in bad {
        let response = world
            .ask("POST", &format!("/{action}"), Some(asked.clone()))
            .await;
        let refused = refusal(response).await;
        let wanted = format!("400 8523 The parameter '{name}' ");
        assert!(refused.starts_with(&wanted), "{action} {asked}: {refused}");
    }
    let other = with(
        "mediaConfig",
        json!({"@odata.type": "#microsoft.graph.mediaConfig"}),
    );
    let response = world.ask("POST", "/answer", Some(other)).await;
    let refused = refusal(response).await;
    let wanted = "400 8523 The parameter 'mediaConfig' must be a ";
    assert!(refused.starts_with(wanted), "{refused}");
    assert_eq!(world.asked(), []);
}

#[tokio::test]
async fn refusals_of_the_call_are_worded_as_published() {
    let world = World::new().await;
    for (refused, wanted) in [
        (Refusal::NoSuchLeg, "404 8522 Call not found."),
        (Refusal::Terminated, "404 8522 Call not found."),
        (
            Refusal::NotEstablished,
            "400 8501 Action not supported, call is not established.",
        ),
        (
            Refusal::AlreadyDecided,
            "409 8519 The call was answered or rejected already.",
        ),
        (
            Refusal::WrongState,
            "400 8585 Action not valid in current call state.",
        ),
        (
            Refusal::TooManyOperations,
            "429 TooManyRequests Please retry again later: 50 operations of this call are outstanding.",
        ),
    ] {
        *world.script.refusal.lock().expect("whole") = Some(refused);
        let asked = json!({"prompts": [prompt()]});
        let response = world.ask("POST", "/playPrompt", Some(asked)).await;
        assert_eq!(
            response.headers().contains_key("retry-after"),
            refused == Refusal::TooManyOperations
        );
        assert_eq!(refusal(response).await, wanted);
    }
}

#[tokio::test]
async fn paths_methods_and_bodies_are_refused_as_published() {
    let world = World::new().await;
    let calls = "/v1.0/communications/calls";
    let leg = format!("{calls}/{LEG}");
    let request = |method, path: &str, body| world.request(method, path, body);
    world
        .check_refusal(
            request("GET", "/v1.0/communications/xyz", None),
            "400 BadRequest Resource not found for the segment 'xyz'.",
        )
        .await;
    let method =
        "405 Request_BadRequest Specified HTTP method is not allowed for the request target.";
    world
        .check_refusal(request("PATCH", &leg, None), method)
        .await;
    world
        .check_refusal(request("GET", &format!("{leg}/answer"), None), method)
        .await;
    for (wrong, path) in [
        ("PATCH", calls.to_owned()),
        ("DELETE", calls.to_owned()),
        ("POST", format!("{calls}/$count")),
        ("PUT", leg.clone()),
        ("POST", leg.clone()),
        ("POST", format!("{leg}/participants")),
        ("PATCH", format!("{leg}/participants/{PHONE}")),
        ("POST", format!("{leg}/operations")),
        ("DELETE", format!("{leg}/operations/{OPERATION}")),
        ("PUT", format!("{leg}/audioRoutingGroups/1")),
        ("POST", format!("{leg}/contentSharingSessions")),
    ] {
        world
            .check_refusal(request(wrong, &path, None), method)
            .await;
    }
    for action in [
        "startRecording",
        "stopRecording",
        "startTranscription",
        "stopTranscription",
        "participants/configureMixer",
        "participants/admitAllFromLobby",
        "participants/x/admitFromLobby",
        "participants/x/removeFromLobby",
    ] {
        let path = format!("{leg}/{action}");
        let refused = refusal(world.send(request("POST", &path, Some("{}"))).await).await;
        assert!(refused.starts_with("501 8520 "), "{refused}");
        assert!(refused.ends_with('.'), "{refused}");
    }
    let unreadable = "400 BadRequest Unable to read JSON request payload. Please ensure \
                      Content-Type header is set and payload is of valid JSON format.";
    let play = format!("{leg}/playPrompt");
    for body in ["{", "[]", "7", "", "nonsense", "{\"prompts\":[}"] {
        world
            .check_refusal(request("POST", &play, Some(body)), unreadable)
            .await;
    }
    let mut untyped = request("POST", &play, Some("{}"));
    untyped.headers_mut().remove("content-type");
    world.check_refusal(untyped, unreadable).await;
    let mut typed = request("POST", &play, Some("{}"));
    typed
        .headers_mut()
        .insert("content-type", "text/plain".parse().expect("a value"));
    let media = "415 BadRequest The request body must have the media type application/json.";
    world.check_refusal(typed, media).await;
    let large = format!("{{\"clientContext\":\"{}\"}}", "x".repeat(300 * 1024));
    let too_large = "413 BadRequest The request body is larger than 256 KiB.";
    world
        .check_refusal(request("POST", &play, Some(&large)), too_large)
        .await;
    let option = "400 BadRequest The query option '$fly' is not known.";
    world
        .check_refusal(request("GET", &format!("{leg}?$fly=1"), None), option)
        .await;
}

#[tokio::test]
async fn what_is_not_there_is_404_before_it_is_anything_else() {
    let world = World::new().await;
    let other = "/v1.0/communications/calls/99999999-9999-4999-8999-999999999999";
    let no_call = "404 8522 Call not found.";
    for (method, below, body) in [
        ("GET", "", None),
        ("DELETE", "", None),
        ("POST", "/keepAlive", None),
        ("POST", "/playPrompt", Some("{}")),
        ("POST", "/answer", Some("{}")),
        ("GET", "/operations", None),
        ("GET", "/participants", None),
    ] {
        let request = world.request(method, &format!("{other}{below}"), body);
        world.check_refusal(request, no_call).await;
    }
    let nonsense = world.request("GET", "/v1.0/communications/calls/nonsense", None);
    world.check_refusal(nonsense, no_call).await;
    let leg = format!("/v1.0/communications/calls/{LEG}");
    let operation = world.request("GET", &format!("{leg}/operations/{LEG}"), None);
    world
        .check_refusal(operation, "404 8522 Operation not found.")
        .await;
    let participant = world.request("GET", &format!("{leg}/participants/{LEG}"), None);
    world
        .check_refusal(participant, "404 8522 Participant not found.")
        .await;
}

#[tokio::test]
async fn recording_needs_its_permission_and_playing_does_not() {
    let world = World::with(|bot| bot.roles = Default::default()).await;
    let response = world.ask("POST", "/recordResponse", Some(json!({}))).await;
    assert_eq!(
        refusal(response).await,
        "403 7504 Insufficient enterprise tenant permissions, cannot access this API."
    );
    // A call that is not there says so first.
    let other = "/v1.0/communications/calls/99999999-9999-4999-8999-999999999999/recordResponse";
    let request = world.request("POST", other, Some("{}"));
    world
        .check_refusal(request, "404 8522 Call not found.")
        .await;
    let response = world
        .ask("POST", "/playPrompt", Some(json!({"prompts": [prompt()]})))
        .await;
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn tokens_are_refused_as_published() {
    let world = World::new().await;
    let path = format!("/v1.0/communications/calls/{LEG}");
    let with = |value: &str| {
        let mut request = world.request("GET", &path, None);
        let value = value.parse().expect("a value");
        request.headers_mut().insert("authorization", value);
        request
    };
    let mut without = world.request("GET", &path, None);
    without.headers_mut().remove("authorization");
    let response = world.send(without).await;
    assert_eq!(response.headers()["www-authenticate"], "Bearer");
    assert_eq!(
        refusal(response).await,
        "401 InvalidAuthenticationToken Access token is empty."
    );
    for value in ["Bearer", "Basic eA==", "Bearer x", "Bearer a.b.c", "x"] {
        let refused = refusal(world.send(with(value)).await).await;
        assert!(
            refused.starts_with("401 InvalidAuthenticationToken "),
            "{value}: {refused}"
        );
    }
    let expired = world.login.access_token_for_tests(
        &world.bot,
        vec![],
        clock::wall() - Duration::from_secs(24 * 3600),
    );
    let wanted = "401 InvalidAuthenticationToken Lifetime validation failed, the token is expired.";
    world
        .check_refusal(with(&format!("Bearer {expired}")), wanted)
        .await;
    let strange = SigningKeys::new(SigningKey::generate().expect("this machine makes keys"));
    let forged = AccessGrant::new("x", world.bot.app.to_string(), "t", vec![])
        .issue(&strange, clock::wall())
        .expect("signed");
    let wanted =
        "401 InvalidAuthenticationToken Access token validation failure. Invalid signature.";
    world
        .check_refusal(with(&format!("Bearer {}", forged.token.reveal())), wanted)
        .await;
    // Notification tokens are ours, but they open nothing.
    let ours = world
        .login
        .notification_token(&world.bot, clock::wall())
        .expect("signed");
    let refused = refusal(
        world
            .send(with(&format!("Bearer {}", ours.token.reveal())))
            .await,
    )
    .await;
    assert!(refused.starts_with("401 "), "{refused}");
}

#[tokio::test]
async fn an_application_that_is_not_registered_is_refused() {
    let world = World::new().await;
    let mut stranger = Bot::for_tests("http://127.0.0.1:9/");
    stranger.app = offhook_terms::AppId::from_bits(1);
    let token = world
        .login
        .access_token_for_tests(&stranger, vec![], clock::wall());
    let mut request = world.request("GET", &format!("/v1.0/communications/calls/{LEG}"), None);
    let value = format!("Bearer {token}").parse().expect("a value");
    request.headers_mut().insert("authorization", value);
    let wanted = "403 7503 Application is not registered in our store.";
    world.check_refusal(request, wanted).await;
}

#[tokio::test]
async fn a_bot_that_asks_too_often_is_told_to_wait() {
    let world = World::with(|bot| bot.limits.requests_per_second = 1).await;
    assert_eq!(world.ask("GET", "", None).await.status(), StatusCode::OK);
    let response = world.ask("GET", "", None).await;
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(
        refusal(response).await,
        "429 TooManyRequests Please retry again later."
    );
}

#[tokio::test]
async fn the_clients_own_names_come_back() {
    let world = World::new().await;
    let mut request = world.request("GET", &format!("/beta/app/calls/{LEG}?$select=id"), None);
    request
        .headers_mut()
        .insert("client-request-id", "mine".parse().expect("a value"));
    request
        .headers_mut()
        .insert("scenario-id", "ours".parse().expect("a value"));
    let response = world.send(request).await;
    assert_eq!(response.headers()["client-request-id"], "mine");
    assert_eq!(response.headers()["scenario-id"], "ours");
    assert_eq!(
        body(response).await,
        json!({"@odata.context": "http://graph.example/beta/$metadata#communications/calls(id)/$entity",
            "@odata.type": "#microsoft.graph.call", "id": LEG.to_string()})
    );
}

#[tokio::test]
async fn a_call_can_be_read() {
    let world = World::new().await;
    let response = world.ask("GET", "?$expand=operations", None).await;
    let body = body(response).await;
    check_json(
        &body,
        expect![[r##"
            {
              "@odata.context": "http://graph.example/v1.0/$metadata#communications/calls/$entity",
              "@odata.type": "#microsoft.graph.call",
              "callChainId": "22222222-2222-4222-8222-222222222222",
              "callRoutes": [],
              "callbackUri": "http://127.0.0.1:9/callback",
              "chatInfo": null,
              "direction": "incoming",
              "id": "11111111-1111-4111-8111-111111111111",
              "incomingContext": {
                "@odata.type": "#microsoft.graph.incomingContext",
                "observedParticipantId": "33333333-3333-4333-8333-333333333333",
                "sourceParticipantId": "33333333-3333-4333-8333-333333333333"
              },
              "mediaConfig": {
                "@odata.type": "#microsoft.graph.serviceHostedMediaConfig"
              },
              "mediaState": {
                "@odata.type": "#microsoft.graph.callMediaState",
                "audio": "active"
              },
              "meetingInfo": null,
              "myParticipantId": "11111111-1111-4111-8111-111111111111",
              "operations": [
                {
                  "@odata.type": "#microsoft.graph.playPromptOperation",
                  "clientContext": "greeting",
                  "completionReason": "completedSuccessfully",
                  "id": "44444444-4444-4444-8444-444444444444",
                  "resultInfo": {
                    "@odata.type": "#microsoft.graph.resultInfo",
                    "code": 200,
                    "message": "Action completed successfully.",
                    "subcode": 0
                  },
                  "status": "completed"
                }
              ],
              "requestedModalities": [
                "audio"
              ],
              "resultInfo": null,
              "source": {
                "@odata.type": "#microsoft.graph.participantInfo",
                "countryCode": null,
                "endpointType": "default",
                "id": "33333333-3333-4333-8333-333333333333",
                "identity": {
                  "@odata.type": "#microsoft.graph.identitySet",
                  "user": {
                    "@odata.type": "#microsoft.graph.identity",
                    "displayName": "Ada",
                    "id": "55555555-5555-4555-8555-555555555555",
                    "identityProvider": "AAD",
                    "tenantId": "7a1f5b3e-2f5e-4c43-8a2e-51d5f3f0c9aa"
                  }
                },
                "languageId": null,
                "participantId": "33333333-3333-4333-8333-333333333333",
                "region": null
              },
              "state": "established",
              "subject": null,
              "targets": [
                {
                  "@odata.type": "#microsoft.graph.invitationParticipantInfo",
                  "endpointType": "default",
                  "identity": {
                    "@odata.type": "#microsoft.graph.identitySet",
                    "application": {
                      "@odata.type": "#microsoft.graph.identity",
                      "displayName": "Bot",
                      "id": "00000000-0000-0000-0000-000000000b07"
                    }
                  },
                  "replacesCallId": null
                }
              ],
              "tenantId": "7a1f5b3e-2f5e-4c43-8a2e-51d5f3f0c9aa",
              "toneInfo": null,
              "transcription": null
            }"##]],
    );
}

#[tokio::test]
async fn operations_can_be_read() {
    let world = World::new().await;
    let all = body(world.ask("GET", "/operations", None).await).await;
    assert_eq!(all["value"][0]["id"], OPERATION.to_string());
    let one = body(
        world
            .ask("GET", &format!("/operations/{OPERATION}"), None)
            .await,
    )
    .await;
    assert_eq!(one["status"], "completed");
    assert_eq!(one["resultInfo"]["code"], 200);
    let roster = body(world.ask("GET", "/participants", None).await).await;
    assert_eq!(roster["value"], json!([]));
}

#[tokio::test]
async fn a_refused_answer_moves_nothing() {
    let world = World::new().await;
    let webhook = world.outboxes.callback(LEG).expect("known");
    *world.script.refusal.lock().expect("whole") = Some(Refusal::AlreadyDecided);
    world.ask("POST", "/answer", Some(answer())).await;
    world.outboxes.push(Event {
        leg: LEG,
        number: 1,
        fact: Fact::Establishing,
    });
    assert_eq!(world.outboxes.callback(LEG), Some(webhook));
}

fn check_json(value: &Value, wanted: impl Wanted) {
    wanted.check(&serde_json::to_string_pretty(value).expect("JSON prints"));
}

/// An expected picture: in the test, or in a file.
trait Wanted {
    fn check(self, found: &str);
}

impl Wanted for Expect {
    fn check(self, found: &str) {
        self.assert_eq(found);
    }
}

impl Wanted for expect_test::ExpectFile {
    fn check(self, found: &str) {
        self.assert_eq(&format!("{found}\n"));
    }
}

fn told(world: &World, fact: Fact) -> Value {
    told_with(world, fact, &ada(), false, &Paper::default()).expect("a word for it")
}

fn told_with(
    world: &World,
    fact: Fact,
    caller: &Party,
    is_group: bool,
    paper: &Paper,
) -> Option<Value> {
    let caller = Caller {
        party: caller.clone(),
        leg: PHONE,
        came_by: CameBy::Called,
    };
    told_from(world, fact, &caller, is_group, paper)
}

fn told_from(
    world: &World,
    fact: Fact,
    caller: &Caller,
    is_group: bool,
    paper: &Paper,
) -> Option<Value> {
    let wording = world.outboxes.wording_for_tests();
    let known = Known {
        leg: LEG,
        call: CALL,
        bot: &world.bot,
        callback: "https://bot.example/calls",
        caller: Some(caller),
        is_group,
        knows_roster: true,
        paper,
    };
    let event = Event {
        leg: LEG,
        number: 7,
        fact,
    };
    let told = notification(&event, known, &wording)?;
    Some(serde_json::to_value(told).expect("JSON prints"))
}

#[tokio::test]
async fn an_incoming_call_is_told_as_published() {
    let world = World::new().await;
    let incoming = |caller| Fact::Incoming {
        caller,
        caller_leg: PHONE,
        came_by: offhook_engine::CameBy::Called,
        is_group: false,
    };
    check_json(
        &told(&world, incoming(ada())),
        expect![[r##"
        {
          "@odata.type": "#microsoft.graph.commsNotification",
          "callbackUri": "https://bot.example/calls",
          "changeType": "created",
          "resource": "/app/calls/11111111-1111-4111-8111-111111111111",
          "resourceData": {
            "@odata.etag": "W/\"7\"",
            "@odata.id": "/communications/calls/11111111-1111-4111-8111-111111111111",
            "@odata.type": "#microsoft.graph.call",
            "callChainId": "22222222-2222-4222-8222-222222222222",
            "callRoutes": [],
            "callbackUri": "https://bot.example/calls",
            "direction": "incoming",
            "id": "11111111-1111-4111-8111-111111111111",
            "incomingContext": {
              "@odata.type": "#microsoft.graph.incomingContext",
              "observedParticipantId": "33333333-3333-4333-8333-333333333333",
              "sourceParticipantId": "33333333-3333-4333-8333-333333333333"
            },
            "myParticipantId": "11111111-1111-4111-8111-111111111111",
            "requestedModalities": [
              "audio"
            ],
            "source": {
              "@odata.type": "#microsoft.graph.participantInfo",
              "endpointType": "default",
              "id": "33333333-3333-4333-8333-333333333333",
              "identity": {
                "@odata.type": "#microsoft.graph.identitySet",
                "user": {
                  "@odata.type": "#microsoft.graph.identity",
                  "displayName": "Ada",
                  "id": "55555555-5555-4555-8555-555555555555",
                  "identityProvider": "AAD",
                  "tenantId": "7a1f5b3e-2f5e-4c43-8a2e-51d5f3f0c9aa"
                }
              },
              "participantId": "33333333-3333-4333-8333-333333333333"
            },
            "state": "incoming",
            "targets": [
              {
                "@odata.type": "#microsoft.graph.invitationParticipantInfo",
                "endpointType": "default",
                "identity": {
                  "@odata.type": "#microsoft.graph.identitySet",
                  "application": {
                    "@odata.type": "#microsoft.graph.identity",
                    "displayName": "Bot",
                    "id": "00000000-0000-0000-0000-000000000b07"
                  }
                }
              }
            ],
            "tenantId": "7a1f5b3e-2f5e-4c43-8a2e-51d5f3f0c9aa"
          },
          "resourceUrl": "/communications/calls/11111111-1111-4111-8111-111111111111"
        }"##]],
    );
    let number = Private::new("+14255550100".to_owned());
    let caller = Party::Phone { number };
    let fact = incoming(caller.clone());
    let phone = told_with(&world, fact, &caller, false, &Paper::default());
    let data = &phone.expect("a word for it")["resourceData"];
    assert_eq!(data["source"]["identity"]["phone"]["id"], "+14255550100");
    assert!(data["targets"][0]["identity"]["applicationInstance"].is_object());
}

#[tokio::test]
async fn changes_of_a_call_are_told_as_published() {
    let world = World::new().await;
    let tone = Tone::from_symbol('5').expect("a key");
    let all = [
        Fact::Establishing,
        Fact::AudioFlows,
        Fact::ToneHeard { sequence: 1, tone },
        Fact::Terminated(Ending::CallerHungUp),
    ];
    let all: Vec<_> = all.into_iter().map(|fact| told(&world, fact)).collect();
    check_json(
        &Value::Array(all),
        expect![[r##"
        [
          {
            "@odata.type": "#microsoft.graph.commsNotification",
            "callbackUri": "https://bot.example/calls",
            "changeType": "updated",
            "resource": "/app/calls/11111111-1111-4111-8111-111111111111",
            "resourceData": {
              "@odata.etag": "W/\"7\"",
              "@odata.id": "/communications/calls/11111111-1111-4111-8111-111111111111",
              "@odata.type": "#microsoft.graph.call",
              "id": "11111111-1111-4111-8111-111111111111",
              "state": "establishing"
            },
            "resourceUrl": "/communications/calls/11111111-1111-4111-8111-111111111111"
          },
          {
            "@odata.type": "#microsoft.graph.commsNotification",
            "callbackUri": "https://bot.example/calls",
            "changeType": "updated",
            "resource": "/app/calls/11111111-1111-4111-8111-111111111111",
            "resourceData": {
              "@odata.etag": "W/\"7\"",
              "@odata.id": "/communications/calls/11111111-1111-4111-8111-111111111111",
              "@odata.type": "#microsoft.graph.call",
              "id": "11111111-1111-4111-8111-111111111111",
              "mediaState": {
                "@odata.type": "#microsoft.graph.callMediaState",
                "audio": "active"
              },
              "state": "established"
            },
            "resourceUrl": "/communications/calls/11111111-1111-4111-8111-111111111111"
          },
          {
            "@odata.type": "#microsoft.graph.commsNotification",
            "callbackUri": "https://bot.example/calls",
            "changeType": "updated",
            "resource": "/app/calls/11111111-1111-4111-8111-111111111111",
            "resourceData": {
              "@odata.etag": "W/\"7\"",
              "@odata.id": "/communications/calls/11111111-1111-4111-8111-111111111111",
              "@odata.type": "#microsoft.graph.call",
              "id": "11111111-1111-4111-8111-111111111111",
              "state": "established",
              "toneInfo": {
                "@odata.type": "#microsoft.graph.toneInfo",
                "sequenceId": 1,
                "tone": "tone5"
              }
            },
            "resourceUrl": "/communications/calls/11111111-1111-4111-8111-111111111111"
          },
          {
            "@odata.type": "#microsoft.graph.commsNotification",
            "callbackUri": "https://bot.example/calls",
            "changeType": "deleted",
            "resource": "/app/calls/11111111-1111-4111-8111-111111111111",
            "resourceData": {
              "@odata.etag": "W/\"7\"",
              "@odata.id": "/communications/calls/11111111-1111-4111-8111-111111111111",
              "@odata.type": "#microsoft.graph.call",
              "id": "11111111-1111-4111-8111-111111111111",
              "resultInfo": {
                "@odata.type": "#microsoft.graph.resultInfo",
                "code": 200,
                "message": "The call was ended by the other participant.",
                "subcode": 4521
              },
              "state": "terminated"
            },
            "resourceUrl": "/communications/calls/11111111-1111-4111-8111-111111111111"
          }
        ]"##]],
    );
}

#[tokio::test]
async fn operations_end_as_published() {
    let world = World::new().await;
    let prompts = vec![Prompt::File {
        uri: "https://bot.example/x.wav".to_owned(),
        resource_id: None,
    }];
    let play = OperationKind::Play { prompts };
    let ended = |kind: &OperationKind, outcome| Fact::OperationEnded {
        operation: OPERATION,
        kind: kind.clone(),
        context: Some("c1".to_owned()),
        outcome,
    };
    check_json(
        &told(&world, ended(&play, Outcome::Played)),
        expect![[r##"
        {
          "@odata.type": "#microsoft.graph.commsNotification",
          "callbackUri": "https://bot.example/calls",
          "changeType": "deleted",
          "resource": "/app/calls/11111111-1111-4111-8111-111111111111/operations/44444444-4444-4444-8444-444444444444",
          "resourceData": {
            "@odata.etag": "W/\"7\"",
            "@odata.id": "/communications/calls/11111111-1111-4111-8111-111111111111/operations/44444444-4444-4444-8444-444444444444",
            "@odata.type": "#microsoft.graph.playPromptOperation",
            "clientContext": "c1",
            "completionReason": "completedSuccessfully",
            "id": "44444444-4444-4444-8444-444444444444",
            "prompts": [
              {
                "@odata.type": "#microsoft.graph.mediaPrompt",
                "mediaInfo": {
                  "@odata.type": "#microsoft.graph.mediaInfo",
                  "uri": "https://bot.example/x.wav"
                }
              }
            ],
            "resultInfo": {
              "@odata.type": "#microsoft.graph.resultInfo",
              "code": 200,
              "message": "Action completed successfully.",
              "subcode": 0
            },
            "status": "completed"
          },
          "resourceUrl": "/communications/calls/11111111-1111-4111-8111-111111111111/operations/44444444-4444-4444-8444-444444444444"
        }"##]],
    );
    let recorded = |ending| Outcome::Recorded {
        ending,
        duration: Duration::from_secs(2),
    };
    let record = OperationKind::Record;
    let mut kept = told(&world, ended(&record, recorded(RecordEnding::StopTone)));
    let token = kept["resourceData"]["recordingAccessToken"].take();
    assert_eq!(token.as_str().map(str::len), Some(43));
    check_json(
        &kept,
        expect![[r##"
        {
          "@odata.type": "#microsoft.graph.commsNotification",
          "callbackUri": "https://bot.example/calls",
          "changeType": "deleted",
          "resource": "/app/calls/11111111-1111-4111-8111-111111111111/operations/44444444-4444-4444-8444-444444444444",
          "resourceData": {
            "@odata.etag": "W/\"7\"",
            "@odata.id": "/communications/calls/11111111-1111-4111-8111-111111111111/operations/44444444-4444-4444-8444-444444444444",
            "@odata.type": "#microsoft.graph.recordOperation",
            "clientContext": "c1",
            "completionReason": "stopToneDetected",
            "id": "44444444-4444-4444-8444-444444444444",
            "recordingAccessToken": null,
            "recordingLocation": "http://127.0.0.1:8080/recordings/44444444-4444-4444-8444-444444444444",
            "resultInfo": {
              "@odata.type": "#microsoft.graph.resultInfo",
              "code": 200,
              "message": "Action completed, stop tone detected.",
              "subcode": 8514
            },
            "status": "completed"
          },
          "resourceUrl": "/communications/calls/11111111-1111-4111-8111-111111111111/operations/44444444-4444-4444-8444-444444444444"
        }"##]],
    );

    let table: String = [
        (&play, Outcome::Cancelled),
        (&play, Outcome::PromptFailed(PlayFault::Download)),
        (&play, Outcome::PromptFailed(PlayFault::Format)),
        (&play, Outcome::PromptFailed(PlayFault::Playing)),
        (&record, recorded(RecordEnding::MaxDuration)),
        (&record, recorded(RecordEnding::MaxSilence)),
        (&record, recorded(RecordEnding::InitialSilence)),
        (&record, recorded(RecordEnding::NoMedia)),
        (&record, recorded(RecordEnding::NotSaved)),
        (&record, Outcome::Cancelled),
        (&record, Outcome::PromptFailed(PlayFault::Download)),
        (&record, Outcome::BeepFailed),
    ]
    .into_iter()
    .map(|(kind, outcome)| {
        let told = told(&world, ended(kind, outcome));
        let data = &told["resourceData"];
        let info = &data["resultInfo"];
        let fetched = data["recordingLocation"]
            .as_str()
            .is_some_and(|at| !at.is_empty());
        format!(
            "{:<9} {:<24} {}/{} {}{}\n",
            data["status"].as_str().expect("text"),
            data["completionReason"].as_str().expect("text"),
            info["code"],
            info["subcode"],
            info["message"].as_str().expect("text"),
            if fetched { " (kept)" } else { "" },
        )
    })
    .collect();
    expect![[r#"
        failed    mediaOperationCanceled   400/8508 Action failed, the operation was cancelled.
        failed    unknown                  400/8536 Action failed, file could not be downloaded.
        failed    unknown                  400/8535 Action failed, invalid file format.
        failed    unknown                  500/8511 Action failed, encountered failure while trying to play the prompt.
        completed maxRecordDurationReached 200/8515 Action completed, max record duration reached. (kept)
        completed maxSilenceTimeout        200/8509 Action completed, max silence timeout reached. (kept)
        failed    initialSilenceTimeout    400/8510 Action failed, initial silence timeout reached.
        failed    mediaReceiveTimeout      500/8513 Action failed, no audio was received.
        failed    unspecifiedError         500/9999 Action failed, the recording could not be saved.
        failed    operationCanceled        400/8508 Action failed, the operation was cancelled.
        failed    playPromptFailed         500/8511 Action failed, encountered failure while trying to play the prompt.
        failed    playBeepFailed           500/8512 Action failed, encountered failure while trying to play the beep.
    "#]].assert_eq(&table);
}

#[tokio::test]
async fn calls_end_as_published() {
    let world = World::new().await;
    let table: String = [
        Ending::BotHungUp,
        Ending::CallerHungUp,
        Ending::CallerGaveUp,
        Ending::BotRejected(RejectReason::None),
        Ending::BotRejected(RejectReason::Busy),
        Ending::BotRejected(RejectReason::Forbidden),
        Ending::BotDidNotDecide,
        Ending::BotUnreachable,
        Ending::KeepAliveMissed,
        Ending::NotAcknowledged,
        Ending::SignallingLost,
        Ending::AudioLost,
        Ending::OfferRefused,
        Ending::PlatformStopping,
        Ending::Fault,
    ]
    .into_iter()
    .map(|ending| {
        let told = told(&world, Fact::Terminated(ending));
        let info = &told["resourceData"]["resultInfo"];
        let message = info["message"].as_str().expect("text");
        format!(
            "{ending:?}: {}/{} {message}\n",
            info["code"], info["subcode"]
        )
    })
    .collect();
    expect![[r#"
        BotHungUp: 200/7000 The conversation has ended by bot.
        CallerHungUp: 200/4521 The call was ended by the other participant.
        CallerGaveUp: 487/8542 The caller hung up before the call was answered.
        BotRejected(None): 603/8538 The call was declined.
        BotRejected(Busy): 486/8539 The call was declined as busy.
        BotRejected(Forbidden): 403/8538 The call was declined as forbidden.
        BotDidNotDecide: 408/8587 The incoming call was not answered in time.
        BotUnreachable: 408/8586 The incoming call was not acknowledged by the bot.
        KeepAliveMissed: 408/8537 Keep Alive timeout, cleaned up inactive call.
        NotAcknowledged: 408/1106 The call acceptance was not acknowledged in time.
        SignallingLost: 408/10057 The signalling with the endpoint was lost.
        AudioLost: 410/301005 Media connectivity failure.
        OfferRefused: 480/10134 The call cannot be routed: no common media.
        PlatformStopping: 500/7106 The platform is going down.
        Fault: 500/7106 Server internal error.
    "#]]
    .assert_eq(&table);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(prompt()),
    ];
    let names = prop_oneof![
        Just("prompts".to_owned()),
        Just("callbackUri".to_owned()),
        Just("mediaConfig".to_owned()),
        Just("mediaInfo".to_owned()),
        Just("uri".to_owned()),
        Just("acceptedModalities".to_owned()),
        Just("stopTones".to_owned()),
        Just("clientContext".to_owned()),
        Just("loop".to_owned()),
        Just("reason".to_owned()),
        Just("targets".to_owned()),
        Just("requestedModalities".to_owned()),
        Just("meetingInfo".to_owned()),
        Just("source".to_owned()),
        Just("participants".to_owned()),
        Just("transferTarget".to_owned()),
        Just("identity".to_owned()),
        Just("user".to_owned()),
        Just("id".to_owned()),
        Just("Phone".to_owned()),
        Just("tones".to_owned()),
        Just("callOptions".to_owned()),
        Just("timeout".to_owned()),
        Just("sources".to_owned()),
        Just("@odata.type".to_owned()),
        Just("maxRecordDurationInSeconds".to_owned()),
        "\\PC{0,6}",
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((names.clone(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

#[test]
fn no_json_is_a_fault_of_ours() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let world = runtime.block_on(World::with(|bot| {
        bot.limits.requests_per_second = 1_000_000
    }));
    let actions = [
        "answer",
        "reject",
        "keepAlive",
        "playPrompt",
        "recordResponse",
        "record",
        "redirect",
        "transfer",
        "cancelMediaProcessing",
        "subscribeToTone",
        "sendDtmfTones",
        "mute",
        "changeScreenSharingRole",
        "updateRecordingStatus",
        "addLargeGalleryView",
        "audioRoutingGroups",
        "participants/invite",
        "",
        "participants/muteAll",
        "participants/33333333-3333-4333-8333-333333333333/mute",
        "participants/33333333-3333-4333-8333-333333333333/startHoldMusic",
    ];
    proptest!(ProptestConfig::with_cases(300), |(body in any_json(), at in 0..actions.len(), cut in 0..200_usize)| {
        let path = match actions[at] {
            "" => "/v1.0/communications/calls".to_owned(),
            action => format!("/v1.0/communications/calls/{LEG}/{action}"),
        };
        let whole = body.to_string();
        let cut: String = whole.chars().take(cut).collect();
        for text in [whole.as_str(), cut.as_str()] {
            let request = world.request("POST", &path, Some(text));
            let status = runtime.block_on(world.send(request)).status();
            prop_assert!(status.as_u16() < 500 || status == 501, "{status}");
        }
    });
}

/// A path somebody may try: one of ours, bent, or anything.
fn any_path(tenant: String) -> impl Strategy<Value = String> {
    let leg = LEG.to_string();
    let operation = OPERATION.to_string();
    let known = prop::sample::select(vec![
        "/healthz".to_owned(),
        "/readyz".to_owned(),
        "/metrics".to_owned(),
        format!("/recordings/{operation}"),
        "/recordings/..%2f..%2foffhook.db".to_owned(),
        format!("/{tenant}/oauth2/v2.0/token"),
        format!("/{tenant}/oauth2/token"),
        format!("/{tenant}/v2.0/.well-known/openid-configuration"),
        "/%ff%00/.well-known/openid-configuration".to_owned(),
        "/common/discovery/v2.0/keys".to_owned(),
        "/v1/.well-known/OpenIdConfiguration".to_owned(),
        "/v1.0/communications/calls".to_owned(),
        format!("/v1.0/communications/calls/{leg}"),
        format!("/v1.0/communications/calls('{leg}')"),
        format!("/beta/app/calls/{leg}/operations/{operation}"),
        format!("/v1.0/communications/calls/{leg}/operations"),
        format!("/v1.0/communications/calls/{leg}/participants"),
        format!("/v1.0/communications/calls/{leg}/participants/{leg}/mute"),
        format!("/v1.0/communications/calls/{leg}/microsoft.graph.answer"),
        format!("/v1.0/communications/calls/{leg}/record"),
        "/v1.0/communications/callRecords/x".to_owned(),
        "/v1.0/users/x/onlineMeetings".to_owned(),
    ]);
    let tail = prop_oneof![
        3 => Just(String::new()),
        1 => "[/?&=$%a-zA-Z0-9.()']{0,30}",
        1 => "\\?\\$(select|expand|filter|fly)=[a-z,%0-9(]{0,20}",
    ];
    prop_oneof![
        4 => (known, tail).prop_map(|(path, tail)| path + &tail),
        1 => "/[!-~]{0,60}",
    ]
}

fn any_body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any_json().prop_map(|json| json.to_string().into_bytes()),
        "((grant_type|client_id|client_secret|scope|resource)=[a-z_%:/.0-9]{0,40}&){0,5}"
            .prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..200),
    ]
}

#[test]
fn no_request_to_any_route_is_a_fault_of_ours() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let world = runtime.block_on(World::with(|bot| {
        bot.limits.requests_per_second = 1_000_000
    }));
    let methods = prop::sample::select(vec![
        "GET", "POST", "DELETE", "PATCH", "PUT", "HEAD", "OPTIONS", "FLY",
    ]);
    let types = prop::sample::select(vec![
        "application/json",
        "application/json; charset=Windows-1252",
        "application/x-www-form-urlencoded",
        "text/plain",
        "",
    ]);
    let tokens = prop_oneof![
        Just(format!("Bearer {}", world.token)),
        "[ -~]{0,40}",
        "(Bearer|Basic|bearer) [A-Za-z0-9+/=._-]{0,60}",
    ];
    let hosts = "[a-z0-9.:\\[\\]@/ -]{0,30}";
    let request = (
        methods,
        any_path(world.bot.tenant.clone()),
        types,
        tokens,
        hosts,
        any_body(),
    );
    proptest!(ProptestConfig::with_cases(2_000), |((method, path, kind, token, host, body) in request)| {
        let request = Request::builder()
            .method(method)
            .uri(&path)
            .header("content-type", kind)
            .header("authorization", token)
            .header("host", host)
            .header("client-request-id", "\u{e9}")
            .body(Body::from(body));
        // What is no request never comes this far.
        prop_assume!(request.is_ok());
        let response = runtime.block_on(world.send(request.expect("looked at")));
        let status = response.status().as_u16();
        prop_assert!(status < 500 || status == 501, "{method} {path}: {status}");
        let read = runtime.block_on(response.into_body().collect());
        prop_assert!(read.is_ok());
    });
}
