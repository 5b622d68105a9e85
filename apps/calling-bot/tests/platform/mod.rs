//! A scripted platform: it answers as the reference says, writes down what it was asked, and tells
//! the bot what a test wants it told.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use offhook_bot::identity::{NotificationGrant, SigningKey, SigningKeys};
use offhook_calling_bot::{Config, Running, start};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

pub(crate) const APP: &str = "5f1c9b1e-0c7e-4d8a-9a51-0d9e8f7a6b5c";
pub(crate) const TENANT: &str = "7a1f5b3e-2f5e-4c43-8a2e-51d5f3f0c9aa";
pub(crate) const CALL: &str = "3f2c1b00-8f1a-4a77-9f0e-2b6f3c1d4e55";

/// Long enough for any machine; reached only when a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// One request of the bot.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    /// The method and the last part of the path, such as `POST answer` or `DELETE call`.
    pub(crate) what: String,
    pub(crate) body: Value,
}

/// How the platform behaves where a test wants it otherwise.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) recordings_are_gone: bool,
    pub(crate) recordings_are_no_wav: bool,
    pub(crate) prompts_are_refused: bool,
}

struct World {
    script: Script,
    keys: SigningKeys,
    asked: watch::Sender<Vec<Asked>>,
    address: Mutex<String>,
}

pub(crate) struct Platform {
    world: Arc<World>,
    http: reqwest::Client,
    pub(crate) bot: Running,
    pub(crate) data: tempfile::TempDir,
}

/// A second of silence, as a recording looks.
pub(crate) fn recording() -> Vec<u8> {
    let data = 32_000u32;
    let mut wav = Vec::new();
    wav.extend(b"RIFF");
    wav.extend((36 + data).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16u32.to_le_bytes());
    wav.extend([1, 0, 1, 0]);
    wav.extend(16_000u32.to_le_bytes());
    wav.extend(32_000u32.to_le_bytes());
    wav.extend([2, 0, 16, 0]);
    wav.extend(b"data");
    wav.extend(data.to_le_bytes());
    wav.resize(44 + data as usize, 0);
    wav
}

impl Platform {
    pub(crate) async fn start(script: Script) -> Self {
        let world = Arc::new(World {
            script,
            keys: SigningKeys::new(SigningKey::generate().expect("this machine makes keys")),
            asked: watch::Sender::new(Vec::new()),
            address: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let address = format!("http://{}", listener.local_addr().expect("it listens"));
        world.address.lock().expect("no panic").clone_from(&address);
        let routes = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&world));
        tokio::spawn(async move { axum::serve(listener, routes).await });

        let data = tempfile::tempdir().expect("a folder");
        let mut config = Config::new(APP, "secret", TENANT, data.path()).on(&address);
        config.listen = "127.0.0.1:0".parse().expect("an address");
        config.download_again_after = Duration::ZERO;
        config.rounds = 2;
        let bot = start(config).await.expect("the bot starts");
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        Self {
            world,
            http,
            bot,
            data,
        }
    }

    /// Delivers one notification, which must be taken.
    pub(crate) async fn tell(&self, change: &str, path: &str, data: Value) {
        let body = json!({"value": [{"changeType": change,
            "resourceUrl": format!("/communications/calls/{CALL}{path}"), "resourceData": data}]});
        let token = NotificationGrant::new(APP, TENANT)
            .issue(&self.world.keys, SystemTime::now())
            .expect("our key signs");
        let response = self
            .http
            .post(self.bot.callback_url())
            .bearer_auth(token.token.reveal())
            .json(&body)
            .send()
            .await
            .expect("the bot listens");
        assert_eq!(response.status(), 202);
    }

    pub(crate) async fn call_is(&self, etag: u32, state: &str, audio: Option<&str>) {
        let change = match state {
            "incoming" => "created",
            "terminated" => "deleted",
            _ => "updated",
        };
        let mut data = json!({"@odata.type": "#microsoft.graph.call", "id": CALL, "state": state,
            "@odata.etag": format!("W/\"{etag}\"")});
        if let Some(audio) = audio {
            data["mediaState"] = json!({"audio": audio});
        }
        self.tell(change, "", data).await;
    }

    pub(crate) async fn operation_ended(&self, number: usize, kind: &str, result: Value) {
        let id = operation_id(number);
        let mut data =
            json!({"@odata.type": format!("#microsoft.graph.{kind}Operation"), "id": id});
        for (name, value) in result.as_object().expect("an object") {
            data[name] = value.clone();
        }
        self.tell("deleted", &format!("/operations/{id}"), data)
            .await;
    }

    /// The recording with this number ended because of a stop tone.
    pub(crate) async fn recorded(&self, number: usize) {
        let address = self.world.address.lock().expect("no panic").clone();
        let result = json!({"status": "completed", "completionReason": "stopToneDetected",
            "resultInfo": {"code": 200, "subcode": 8514, "message": "Action completed, stop tone detected."},
            "recordingLocation": format!("{address}/recordings/{number}"),
            "recordingAccessToken": "recording-token"});
        self.operation_ended(number, "record", result).await;
    }

    pub(crate) async fn played(&self, number: usize) {
        let result = json!({"status": "completed", "resultInfo": {"code": 200, "subcode": 0}});
        self.operation_ended(number, "playPrompt", result).await;
    }

    /// Waits until the bot has asked for exactly these, leaving out what it fetches.
    pub(crate) async fn asked(&self, expected: &[&str]) -> Vec<Asked> {
        let mut seen = self.world.asked.subscribe();
        let wanted = |all: &Vec<Asked>| commands(all).len() >= expected.len();
        let waited = tokio::time::timeout(PATIENCE, seen.wait_for(wanted)).await;
        let asked = commands(&self.world.asked.borrow());
        let names: Vec<&str> = asked.iter().map(|one| one.what.as_str()).collect();
        assert!(waited.is_ok(), "only asked for {names:?}");
        assert_eq!(names, expected);
        asked
    }

    /// How often the bot fetched recordings.
    pub(crate) fn downloads(&self) -> usize {
        let asked = self.world.asked.borrow();
        asked
            .iter()
            .filter(|one| one.what == "GET recording")
            .count()
    }

    /// Fetches what the bot serves.
    pub(crate) async fn fetch(&self, uri: &str) -> (StatusCode, Vec<u8>) {
        let response = self.http.get(uri).send().await.expect("the bot listens");
        let status = response.status();
        if uri.contains("/media/") && status == 200 {
            assert_eq!(response.headers()["cache-control"], "no-store");
        }
        let body = response.bytes().await.expect("a body");
        (status, body.to_vec())
    }

    /// Waits until no message is on disk.
    pub(crate) async fn no_file_is_left(&self) {
        let looked = tokio::time::timeout(PATIENCE, async {
            while !files(self.data.path()).is_empty() {
                tokio::task::yield_now().await;
            }
        });
        looked.await.expect("a file is left");
    }

    /// Calls the bot and waits until it records.
    pub(crate) async fn until_it_records(&self) {
        self.call_is(1, "incoming", None).await;
        self.asked(&["POST answer"]).await;
        self.call_is(2, "establishing", None).await;
        self.call_is(3, "established", None).await;
        self.call_is(4, "established", Some("active")).await;
        self.asked(&["POST answer", "POST recordResponse"]).await;
    }
}

/// The operation of the n-th media command, from 0.
fn operation_id(number: usize) -> String {
    format!("9d40c1d2-0000-4000-8000-{number:012}")
}

pub(crate) fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let read = std::fs::read_dir(folder.join("messages"));
    read.map_or_else(
        |_| Vec::new(),
        |all| all.filter_map(|entry| Some(entry.ok()?.path())).collect(),
    )
}

fn commands(asked: &[Asked]) -> Vec<Asked> {
    let fetched = |one: &&Asked| one.what != "GET recording";
    asked.iter().filter(fetched).cloned().collect()
}

async fn answer(State(world): State<Arc<World>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    let path = parts.uri.path().to_owned();
    let address = world.address.lock().expect("no panic").clone();
    let bearer = parts
        .headers
        .get("authorization")
        .and_then(|v| v.to_str().ok());

    if path == format!("/{TENANT}/oauth2/v2.0/token") {
        return axum::Json(json!({"token_type": "Bearer", "expires_in": 3599,
            "ext_expires_in": 3599, "access_token": "access-token"}))
        .into_response();
    }
    if path.ends_with("/OpenIdConfiguration") {
        let metadata = json!({"issuer": "https://api.botframework.com", "jwks_uri": format!("{address}/keys")});
        return axum::Json(metadata).into_response();
    }
    if path == "/keys" {
        let keys: Vec<Value> = world
            .keys
            .public_keys()
            .into_iter()
            .map(|key| json!({"kty": "RSA", "use": "sig", "kid": key.kid, "n": key.n, "e": key.e}))
            .collect();
        return axum::Json(json!({"keys": keys})).into_response();
    }
    let action = match path.strip_prefix(&format!("/v1.0/communications/calls/{CALL}")) {
        Some("") => "call",
        Some(action) => action.trim_start_matches('/'),
        None if path.starts_with("/recordings/") => "recording",
        None => return StatusCode::NOT_FOUND.into_response(),
    };
    let what = format!("{} {action}", parts.method);
    let expected = match action {
        "recording" => "Bearer recording-token",
        _ => "Bearer access-token",
    };
    if bearer != Some(expected) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let mut number = 0;
    world.asked.send_modify(|asked| {
        let media =
            |one: &&Asked| matches!(one.what.as_str(), "POST recordResponse" | "POST playPrompt");
        number = asked.iter().filter(media).count();
        asked.push(Asked {
            what: what.clone(),
            body: body.clone(),
        });
    });
    let operation = |kind: &str| {
        let operation = json!({"@odata.type": format!("#microsoft.graph.{kind}Operation"),
            "id": operation_id(number), "status": "running", "clientContext": body["clientContext"]});
        axum::Json(operation).into_response()
    };
    match what.as_str() {
        "POST answer" | "POST reject" => StatusCode::ACCEPTED.into_response(),
        "POST recordResponse" => operation("record"),
        "POST playPrompt" if world.script.prompts_are_refused => {
            let error = json!({"error": {"code": "8523", "message": "prompts: not today."}});
            (StatusCode::BAD_REQUEST, axum::Json(error)).into_response()
        }
        "POST playPrompt" => operation("playPrompt"),
        "DELETE call" => StatusCode::NO_CONTENT.into_response(),
        "GET recording" if world.script.recordings_are_gone => {
            StatusCode::NOT_FOUND.into_response()
        }
        "GET recording" if world.script.recordings_are_no_wav => "<html>".into_response(),
        "GET recording" => Body::from(recording()).into_response(),
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}
