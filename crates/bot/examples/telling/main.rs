//! How fast a bot is told: `cargo xtask bench --only activities` runs this beside bots on other SDKs.
//!
//! ```text
//! telling bot [ISSUER]   an echo on this SDK; with an issuer it believes that one alone
//! telling bare           the least a program can do: the same JSON, read and written
//! telling load           the issuer, and the channel: reads what to measure, a line each, and prints what it saw
//! ```
//!
//! Bots print their port. The load prints its issuer's address, then reads `PORT PID SECONDS TOKEN`, where the token is
//! `none`, `channel` (as a Bot Framework channel has it) or `tenant` (as the Agents SDK wants it of a private issuer), and
//! prints an object in JSON, times in microseconds. Every activity asks for its answer in that of the request
//! (`expectReplies`), so that nothing is measured but the bot.

use std::collections::HashMap;
use std::error::Error;
use std::io::Write as _;
use std::time::{Duration, Instant, SystemTime};

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::{any, post};
use offhook_bot::Private;
use offhook_bot::identity::{AccessGrant, NotificationGrant, SigningKey, SigningKeys};
use offhook_bot::turns::{Adapter, Bot, BotFault, Login, Turn};
use offhook_bot::wire::activity::Activity;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

const APP: &str = "00000000-0000-4000-8000-0000000000b0";
const TENANT: &str = "00000000-0000-4000-8000-0000000000a0";
const SERVICE: &str = "http://127.0.0.1:9/";

/// Activities that wait for their answers at once: enough to keep a core busy.
const AT_ONCE: usize = 32;

/// Before it is measured, so that code is compiled and keys are fetched.
const WARMS_UP: Duration = Duration::from_secs(2);

struct Echo;

#[async_trait::async_trait]
impl Bot for Echo {
    async fn on_message(&self, turn: &mut Turn) -> Result<(), BotFault> {
        let answer = format!("You said: {}.", turn.text());
        turn.say(answer).await?;
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["bot"] => serve(Adapter::new(Echo).routes()).await,
        ["bot", issuer] => {
            let login = Login::private(issuer, TENANT, APP, "a secret nobody asks for");
            serve(Adapter::with_login(Echo, &login)?.routes()).await
        }
        ["bare"] => serve(Router::new().route("/api/messages", post(bare))).await,
        ["load"] => load().await,
        _ => Err("say `bot`, `bare` or `load`".into()),
    }
}

async fn serve(routes: Router) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    say(&listener.local_addr()?.port())?;
    Ok(axum::serve(listener, routes).await?)
}

/// The same answer, by hand.
async fn bare(body: Bytes) -> Result<Vec<u8>, StatusCode> {
    let told: Activity = serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
    let said = told.text.as_ref().map_or("", |text| text.reveal());
    let answer = Activity {
        channel_id: told.channel_id,
        service_url: told.service_url,
        conversation: told.conversation,
        from: told.recipient,
        recipient: told.from,
        reply_to_id: told.id,
        text: Some(Private::new(format!("You said: {said}."))),
        ..Activity::new("message")
    };
    let answers = HashMap::from([("activities", [answer])]);
    serde_json::to_vec(&answers).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

async fn load() -> Result<(), Box<dyn Error>> {
    let keys = SigningKeys::new(SigningKey::generate()?);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let issuer = format!("http://{}", listener.local_addr()?);
    tokio::spawn(axum::serve(listener, published(&issuer, &keys)).into_future());
    say(&issuer)?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let parts: Vec<&str> = line.split_whitespace().collect();
        let [port, pid, seconds, token] = parts[..] else {
            return Err("a line is `PORT PID SECONDS TOKEN`".into());
        };
        let request = request(&token_of(token, &issuer, &keys)?);
        let seconds = Duration::from_secs(seconds.parse()?);
        say(&measure(port.parse()?, pid.parse()?, seconds, request).await?)?;
    }
    Ok(())
}

/// Keys, wherever an SDK looks for them.
fn published(issuer: &str, keys: &SigningKeys) -> Router {
    let metadata = json!({
        "issuer": "https://api.botframework.com",
        "authorization_endpoint": "https://invalid.example/",
        "jwks_uri": format!("{issuer}/keys"),
        "id_token_signing_alg_values_supported": ["RS256"],
    });
    let named = |key: offhook_bot::identity::PublicKey| {
        json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": key.kid, "x5t": key.kid, "n": key.n,
            "e": key.e, "endorsements": ["telephony"]})
    };
    let keys: Vec<Value> = keys.public_keys().into_iter().map(named).collect();
    let keys = json!({ "keys": keys });
    Router::new().fallback(any(move |at: axum::http::Uri| async move {
        axum::Json(if at.path().contains("keys") {
            keys
        } else {
            metadata
        })
    }))
}

fn token_of(
    kind: &str,
    issuer: &str,
    keys: &SigningKeys,
) -> Result<Option<String>, Box<dyn Error>> {
    let now = SystemTime::now();
    let minted = match kind {
        "none" => return Ok(None),
        "channel" => {
            let grant = NotificationGrant::new(APP, TENANT).for_service(SERVICE);
            grant.issue(keys, now)?
        }
        "tenant" => {
            let issuer = format!("{issuer}/{TENANT}/v2.0");
            let mut grant = AccessGrant::new(issuer, APP, TENANT, Vec::new());
            APP.clone_into(&mut grant.audience);
            grant.issue(keys, now)?
        }
        _ => return Err("a token is `none`, `channel` or `tenant`".into()),
    };
    Ok(Some(minted.token.reveal().clone()))
}

fn request(token: &Option<String>) -> Bytes {
    let body = json!({
        "type": "message", "id": "0b6e7a3e-6f64-4b5c-9d6b-5a7f6c1d2e3f", "timestamp": "2026-01-31T12:00:00.000Z",
        "channelId": "telephony", "serviceUrl": SERVICE, "deliveryMode": "expectReplies",
        "from": {"id": "+14255550100", "name": "+14255550100"}, "recipient": {"id": "bot", "name": "Bot"},
        "conversation": {"id": "b2f0c3d4-1111-4222-8333-444455556666"}, "locale": "en-US",
        "text": "I would like a table for two, please", "inputHint": "acceptingInput",
    })
    .to_string();
    let login = token
        .as_ref()
        .map(|token| format!("Authorization: Bearer {token}\r\n"));
    let head = format!(
        "POST /api/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{}\
         Content-Length: {}\r\n\r\n",
        login.unwrap_or_default(),
        body.len()
    );
    Bytes::from(head + &body)
}

async fn measure(
    port: u16,
    pid: u32,
    lasts: Duration,
    request: Bytes,
) -> Result<Value, Box<dyn Error>> {
    let begins = Instant::now() + WARMS_UP;
    let ends = begins + lasts;
    let mut channels = Vec::new();
    for _ in 0..AT_ONCE {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        channels.push(tokio::spawn(tell(stream, request.clone(), begins, ends)));
    }
    tokio::time::sleep_until(begins.into()).await;
    let before = cpu(pid)?;
    tokio::time::sleep_until(ends.into()).await;
    let cpu = cpu(pid)? - before;
    let mut took = Vec::new();
    for channel in channels {
        took.extend(channel.await??);
    }
    took.sort_unstable();
    let at = |share: f64| took.get((took.len() as f64 * share) as usize).copied();
    Ok(json!({
        "told": took.len(),
        "per_second": took.len() as f64 / lasts.as_secs_f64(),
        "per_core_second": took.len() as f64 / cpu,
        "p50_us": at(0.5),
        "p99_us": at(0.99),
    }))
}

/// One connection, one activity after the other; how long each took that was told in time.
async fn tell(
    mut stream: TcpStream,
    request: Bytes,
    begins: Instant,
    ends: Instant,
) -> Result<Vec<u32>, String> {
    let mut took = Vec::with_capacity(1 << 20);
    let mut answer = Vec::with_capacity(4_096);
    loop {
        let sent = Instant::now();
        if sent >= ends {
            return Ok(took);
        }
        let wrote = stream.write_all(&request).await;
        wrote.map_err(|why| why.to_string())?;
        answer.clear();
        while !is_whole(&answer)? {
            match stream.read_buf(&mut answer).await {
                Ok(0) => return Err("the bot closed the connection".into()),
                Ok(_) => {}
                Err(why) => return Err(why.to_string()),
            }
        }
        if sent >= begins {
            took.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
        }
    }
}

/// Whether all of an answer is there. It has to be a good one.
fn is_whole(answer: &[u8]) -> Result<bool, String> {
    let Some(head) = answer.windows(4).position(|part| part == b"\r\n\r\n") else {
        return Ok(false);
    };
    let text = String::from_utf8_lossy(&answer[..head]);
    if !text.starts_with("HTTP/1.1 200") {
        return Err(format!("an activity was answered {text}"));
    }
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().ok())?
    });
    let length = length.ok_or("an answer without a length")?;
    let body = &answer[head + 4..];
    if body.len() < length {
        return Ok(false);
    }
    let said = b"You said: I would like a table for two, please.";
    match body.windows(said.len()).any(|part| part == said) {
        true => Ok(true),
        false => Err("the answer is no echo".into()),
    }
}

/// Seconds of CPU time of a process: `/proc` counts in hundredths (`USER_HZ`).
fn cpu(pid: u32) -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let times = fields.split_whitespace().skip(11).take(2);
    let ticks: f64 = times.filter_map(|time| time.parse::<f64>().ok()).sum();
    Ok(ticks / 100.0)
}

fn say(line: &impl std::fmt::Display) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "{line}")?;
    out.flush()
}
