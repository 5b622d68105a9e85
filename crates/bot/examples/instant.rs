//! A bot that answers at once and then does as it was told: the bot of the benchmark.
//!
//! ```text
//! APP_ID=… SECRET=… TENANT=… cargo run --release -p offhook-bot --example instant -- \
//!     http://127.0.0.1:8080 --listen 127.0.0.1:3979 --then play
//! ```
//!
//! Once a call is up it plays a prompt for ever (`--then play`), the same and asks for the keys
//! (`--then keys`), records answer after answer (`--then record`), does nothing (`--then nothing`) or
//! leaves (`--then leave`). What it did is told at `GET /counts`.
//!
//! `GET /place/NUMBER/CALLS/PACE` makes it call a phone number so many times, so many a second.
//!
//! It believes whoever posts to it: validating each notification's token is the work of a real
//! bot and of its machine, and here it would be measured as the platform's. A real bot uses
//! `NotificationRouter`.

use std::collections::HashMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::routing::{get, post};
use bytes::Bytes;
use http::StatusCode;
use offhook_bot::wire::graph::{
    AnswerRequest, Call, Identity, IdentitySet, InvitationParticipantInfo, MediaConfig, MediaInfo,
    MediaPrompt, Modality, ParticipantInfo, PlayPromptRequest, RecordResponseRequest,
};
use offhook_bot::{CallId, GraphClient, GraphConfig, GraphFault};
use serde::Deserialize;

/// What it does with a call that is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Nothing,
    Leave,
    Play,
    Keys,
    Record,
}

#[derive(Debug)]
struct Bot {
    graph: GraphClient,
    then: Then,
    app_id: String,
    tenant: String,
    callback: String,
    /// The calls that this bot asked for and that are not up yet.
    begun: Mutex<HashMap<CallId, Instant>>,
    prompt: String,
    stop_tones: Option<Vec<String>>,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    notifications: AtomicU64,
    answered: AtomicU64,
    operations: AtomicU64,
    recorded: AtomicU64,
    stopped_by_tone: AtomicU64,
    faults: AtomicU64,
    /// Calls that were asked for and are accepted.
    placed: AtomicU64,
    keys: AtomicU64,
    ended: AtomicU64,
    /// How long each was until it was accepted, in microseconds.
    accepted_us: Mutex<Vec<u64>>,
    /// And until it was established.
    established_us: Mutex<Vec<u64>>,
}

impl Counts {
    fn text(&self) -> String {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        serde_json::json!({
            "notifications": of(&self.notifications),
            "answered": of(&self.answered),
            "operations": of(&self.operations),
            "recorded": of(&self.recorded),
            "stopped_by_tone": of(&self.stopped_by_tone),
            "faults": of(&self.faults),
            "placed": of(&self.placed),
            "keys": of(&self.keys),
            "ended": of(&self.ended),
            "accepted_us": quantiles(&self.accepted_us),
            "established_us": quantiles(&self.established_us),
        })
        .to_string()
    }
}

fn quantiles(times: &Mutex<Vec<u64>>) -> serde_json::Value {
    let mut times = times.lock().unwrap_or_else(PoisonError::into_inner).clone();
    times.sort_unstable();
    let at = |share: f64| {
        let last = times.len().saturating_sub(1);
        times.get((last as f64 * share).round() as usize)
    };
    serde_json::json!({"p50": at(0.5), "p99": at(0.99), "max": at(1.0)})
}

fn keep(times: &Mutex<Vec<u64>>, since: Instant) {
    let took = since.elapsed().as_micros() as u64;
    let mut times = times.lock().unwrap_or_else(PoisonError::into_inner);
    times.push(took);
}

/// The little of a delivery that this bot needs.
#[derive(Deserialize)]
struct Delivery<'a> {
    #[serde(borrow)]
    value: Vec<Notification<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notification<'a> {
    resource_url: &'a str,
    #[serde(borrow)]
    resource_data: Resource<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource<'a> {
    #[serde(rename = "@odata.type")]
    kind: &'a str,
    state: Option<&'a str>,
    status: Option<&'a str>,
    media_state: Option<MediaState<'a>>,
    completion_reason: Option<&'a str>,
    tone_info: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct MediaState<'a> {
    audio: Option<&'a str>,
}

/// What a notification means here.
enum Wish {
    Answer,
    Start,
    RecordAgain,
}

impl Bot {
    fn wish(&self, notification: &Notification<'_>) -> Option<Wish> {
        let Resource {
            kind,
            state,
            status,
            media_state,
            completion_reason,
            tone_info,
        } = &notification.resource_data;
        if kind.ends_with("recordOperation") {
            if !matches!(*status, Some("completed" | "Completed")) {
                return None;
            }
            self.counts.recorded.fetch_add(1, Ordering::Relaxed);
            if *completion_reason == Some("stopToneDetected") {
                self.counts.stopped_by_tone.fetch_add(1, Ordering::Relaxed);
            }
            return Some(Wish::RecordAgain);
        }
        if tone_info.is_some() {
            self.counts.keys.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let active = media_state
            .as_ref()
            .is_some_and(|state| state.audio == Some("active"));
        match state {
            Some("incoming") => Some(Wish::Answer),
            Some("established") if active => Some(Wish::Start),
            Some("terminated") => {
                self.counts.ended.fetch_add(1, Ordering::Relaxed);
                None
            }
            _ => None,
        }
    }

    async fn fulfil(&self, call: &CallId, wish: Wish) {
        let done = match wish {
            Wish::Answer => self.answer(call).await,
            Wish::Start if self.then == Then::Play => self.play(call).await,
            Wish::Start if self.then == Then::Nothing => return,
            Wish::Start if self.then == Then::Leave => {
                self.knows_established(call);
                self.graph.hang_up(call).await
            }
            Wish::Start if self.then == Then::Keys => self.play_and_hear_keys(call).await,
            Wish::Start | Wish::RecordAgain => self.record(call).await,
        };
        // Callers who hang up first end what would have been recorded next: not a fault.
        let gone = matches!(
            done,
            Err(GraphFault::NotFound { .. } | GraphFault::InvalidState { .. })
        );
        if done.is_err() && !gone {
            self.counts.faults.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn answer(&self, call: &CallId) -> Result<(), GraphFault> {
        let answer = AnswerRequest {
            accepted_modalities: Some(vec![Modality::Audio]),
            media_config: Some(MediaConfig::service()),
            ..AnswerRequest::default()
        };
        self.graph.answer(call, &answer).await?;
        self.counts.answered.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// A call that this bot asked for is up.
    fn knows_established(&self, call: &CallId) {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(since) = begun.remove(call) {
            drop(begun);
            keep(&self.counts.established_us, since);
        }
    }

    /// Calls this number, and takes note of how long that took.
    async fn place(&self, number: &str) {
        let since = Instant::now();
        match self.graph.create_call(&self.wanted(number)).await {
            Ok(Call { id: Some(id), .. }) => {
                keep(&self.counts.accepted_us, since);
                self.counts.placed.fetch_add(1, Ordering::Relaxed);
                let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
                begun.insert(CallId::new(&id), since);
            }
            refused => {
                if self.counts.faults.fetch_add(1, Ordering::Relaxed) == 0 {
                    let _ = writeln!(std::io::stderr(), "the first fault: {refused:?}");
                }
            }
        }
    }

    fn wanted(&self, number: &str) -> Call {
        let party = |kind: &str, id: &str| IdentitySet::one(kind, Identity::new(id));
        let called = party("phone", number);
        let calling = party("applicationInstance", &self.app_id);
        Call {
            callback_uri: Some(self.callback.clone()),
            requested_modalities: Some(vec![Modality::Audio]),
            media_config: Some(MediaConfig::service()),
            targets: Some(vec![InvitationParticipantInfo::new(called)]),
            source: Some(ParticipantInfo::new(calling)),
            tenant_id: Some(self.tenant.clone()),
            ..Call::default()
        }
    }

    async fn play_and_hear_keys(&self, call: &CallId) -> Result<(), GraphFault> {
        self.graph.subscribe_to_tone(call).await?;
        self.play(call).await
    }

    async fn play(&self, call: &CallId) -> Result<(), GraphFault> {
        let media = MediaInfo::new(&self.prompt, None);
        let play = PlayPromptRequest {
            prompts: Some(vec![MediaPrompt::new(media)]),
            looping: Some(true),
            ..PlayPromptRequest::default()
        };
        self.graph.play_prompt(call, play).await?;
        self.counts.operations.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn record(&self, call: &CallId) -> Result<(), GraphFault> {
        let record = RecordResponseRequest {
            initial_silence_timeout_in_seconds: Some(120),
            max_silence_timeout_in_seconds: Some(120),
            max_record_duration_in_seconds: Some(120),
            play_beep: Some(false),
            stop_tones: self.stop_tones.clone(),
            ..RecordResponseRequest::default()
        };
        self.graph.record_response(call, record).await?;
        self.counts.operations.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// 202 first, then the work, as the platform wants it.
async fn callback(State(bot): State<Arc<Bot>>, body: Bytes) -> StatusCode {
    let Ok(delivery) = serde_json::from_slice::<Delivery<'_>>(&body) else {
        bot.counts.faults.fetch_add(1, Ordering::Relaxed);
        return StatusCode::ACCEPTED;
    };
    for notification in &delivery.value {
        bot.counts.notifications.fetch_add(1, Ordering::Relaxed);
        let mut path = notification.resource_url.split('/');
        let call = path.find(|part| *part == "calls").and(path.next());
        let (Some(call), Some(wish)) = (call, bot.wish(notification)) else {
            continue;
        };
        let (bot, call) = (Arc::clone(&bot), CallId::new(call));
        tokio::spawn(async move { bot.fulfil(&call, wish).await });
    }
    StatusCode::ACCEPTED
}

/// Begins calls at an even pace, in the background.
async fn place(
    State(bot): State<Arc<Bot>>,
    Path((number, calls, pace)): Path<(String, usize, f64)>,
) -> StatusCode {
    if !(pace > 0.0 && pace <= 10_000.0) {
        return StatusCode::BAD_REQUEST;
    }
    tokio::spawn(async move {
        let mut next = tokio::time::interval(Duration::from_secs_f64(1.0 / pace));
        next.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
        for _ in 0..calls {
            next.tick().await;
            let (bot, number) = (Arc::clone(&bot), number.clone());
            tokio::spawn(async move { bot.place(&number).await });
        }
    });
    StatusCode::ACCEPTED
}

/// Two seconds of a quiet 440 Hz, as WAV with 16,000 samples a second.
fn prompt() -> Bytes {
    let samples = 32_000_u32;
    let mut wav = Vec::with_capacity(44 + samples as usize * 2);
    wav.extend_from_slice(b"RIFF");
    wav.extend_from_slice(&(36 + samples * 2).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend_from_slice(&16_000_u32.to_le_bytes());
    wav.extend_from_slice(&32_000_u32.to_le_bytes());
    wav.extend_from_slice(b"\x02\0\x10\0data");
    wav.extend_from_slice(&(samples * 2).to_le_bytes());
    for sample in 0..samples {
        let angle = f64::from(sample) * 440.0 * std::f64::consts::TAU / 16_000.0;
        wav.extend_from_slice(&((angle.sin() * 8_000.0) as i16).to_le_bytes());
    }
    wav.into()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let usage = "usage: instant PLATFORM-URL --listen ADDR:PORT --then nothing|leave|play|keys|record \
                 [--stop-tones KEYS]";
    let mut args = std::env::args().skip(1);
    let platform = args.next().ok_or(usage)?;
    let mut listen: SocketAddr = "127.0.0.1:3979".parse()?;
    let (mut then, mut stop_tones) = (Then::Nothing, None);
    while let Some(arg) = args.next() {
        let value = args.next().ok_or(usage)?;
        match (arg.as_str(), value.as_str()) {
            ("--listen", at) => listen = at.parse()?,
            ("--then", "nothing") => then = Then::Nothing,
            ("--then", "leave") => then = Then::Leave,
            ("--then", "keys") => then = Then::Keys,
            ("--then", "play") => then = Then::Play,
            ("--then", "record") => then = Then::Record,
            ("--stop-tones", keys) => {
                stop_tones = Some(keys.chars().map(String::from).collect());
            }
            _ => return Err(usage.into()),
        }
    }
    let app_id = std::env::var("APP_ID")?;
    let tenant = std::env::var("TENANT")?;
    let graph = GraphClient::new(GraphConfig {
        base: format!("{platform}/beta"),
        login: platform.clone(),
        ..GraphConfig::new(&app_id, std::env::var("SECRET")?, &tenant)
    })?;
    let bot = Arc::new(Bot {
        graph,
        then,
        app_id,
        tenant,
        callback: format!("http://{listen}/callback"),
        begun: Mutex::default(),
        prompt: format!("http://{listen}/prompt.wav"),
        stop_tones,
        counts: Counts::default(),
    });
    let wav = prompt();
    let routes = axum::Router::new()
        .route("/callback", post(callback))
        .route("/place/{number}/{calls}/{pace}", get(place))
        .route("/prompt.wav", get(move || async move { wav }))
        .route(
            "/counts",
            get(|State(bot): State<Arc<Bot>>| async move { bot.counts.text() }),
        )
        .with_state(bot);
    let listener = tokio::net::TcpListener::bind(listen).await?;
    axum::serve(listener, routes).await?;
    Ok(())
}
