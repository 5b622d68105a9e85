//! Conversations with a bot of the Telephony channel, timed: how soon it is told of a key, how soon it is
//! heard, how soon it is silent when it is interrupted, how many activities it can send, and what it costs
//! the platform to listen, to speak and to record. Caller and bot are one program, so that there is one clock.
//!
//! ```text
//! cargo run --release -p offhook-phone --example conversing -- sip:bot@127.0.0.1:5060 \
//!     --bot 127.0.0.1:3978 --words words.wav --platform-pid 4711
//! ```
//!
//! Prints an object in JSON, times in milliseconds.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clap::Parser;
use offhook_media::{Clip, Codec};
use offhook_phone::{Call, Config, Dial, Phone};
use offhook_sip::Endpoint;
use serde_json::{Value, json};

use crate::line::Line;

mod line;

/// Longer than anybody listens before they interrupt.
const STORY: &str = "Once upon a time there was a telephone that rang and rang, all day and all night, until \
    somebody came and took the call, and told it a story of a telephone that rang and rang, all day and \
    all night, until somebody came and took that call too, and this is the story that was told.";

/// `/proc` counts processor time in hundredths of a second (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// Has conversations and prints how they went.
#[derive(Debug, Clone, Parser)]
struct Conversing {
    /// Whom to call
    uri: String,
    /// Where the bot listens
    #[arg(long)]
    bot: SocketAddr,
    /// How many conversations are timed, one after the other
    #[arg(long, default_value_t = 20)]
    calls: usize,
    /// A WAV file of somebody speaking, to interrupt with
    #[arg(long)]
    words: PathBuf,
    /// How many calls are listened to at once
    #[arg(long, default_value_t = 200)]
    listening: usize,
    /// How long the steady states are measured, in seconds
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How often playing and recording are measured, of a platform with two threads for media
    #[arg(long, default_value_t = 8)]
    rounds: u32,
    /// The platform's process, whose CPU time is read
    #[arg(long)]
    platform_pid: u32,
}

/// What the bot has seen.
#[derive(Debug, Default)]
struct Seen {
    /// When it was last told of a key.
    key: Option<Instant>,
    /// Where it answers, and the conversation it was told of last.
    conversation: Option<(SocketAddr, String)>,
    /// It speaks when somebody calls.
    speaks: bool,
    /// And records the calls of these numbers: even or odd ones.
    records: Option<usize>,
}

type Shared = Arc<Mutex<Seen>>;

fn main() -> ExitCode {
    let wanted = Conversing::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let measured = match runtime {
        Ok(runtime) => runtime.block_on(measure(&wanted)),
        Err(why) => Err(why.to_string()),
    };
    let (text, code) = match measured {
        Ok(found) => (found.to_string(), ExitCode::SUCCESS),
        Err(why) => (json!({ "error": why }).to_string(), ExitCode::FAILURE),
    };
    let _ = writeln!(std::io::stdout(), "{text}");
    code
}

async fn measure(wanted: &Conversing) -> Result<Value, String> {
    let seen = Shared::default();
    lock(&seen).speaks = true;
    let listener = TcpListener::bind(wanted.bot).map_err(|why| why.to_string())?;
    let by = Arc::clone(&seen);
    std::thread::spawn(move || serve(&listener, &by));
    let mut config = Config::new((Ipv4Addr::LOCALHOST, 0).into());
    config.codecs = vec![Codec::Pcmu];
    config.calls_max = wanted.listening + 1;
    let phone = Phone::start(config).await.map_err(|why| why.to_string())?;
    let words = std::fs::read(&wanted.words).map_err(|why| why.to_string())?;
    let words = Clip::from_wav(&words).map_err(|why| why.to_string())?;

    let at = (Ipv4Addr::LOCALHOST, 0).into();
    let (endpoint, _arrivals) = offhook_sip::listen(offhook_sip::Config::new(at))
        .await
        .map_err(|why| why.to_string())?;
    let mut times: [Vec<f64>; 4] = Default::default();
    for _ in 0..wanted.calls {
        let one = converse(&endpoint, &wanted.uri, &words, &seen).await?;
        for (all, one) in times.iter_mut().zip(one) {
            all.push(one);
        }
    }
    endpoint.shutdown().await;
    let [told, greeted, by_key, by_words] = times;
    let sent = activities(&phone, wanted, &seen).await?;
    lock(&seen).speaks = false;
    let calls = dial_all(&phone, wanted).await?;
    let before = cpu(wanted.platform_pid)?;
    tokio::time::sleep(Duration::from_secs(wanted.seconds)).await;
    let cpu = (cpu(wanted.platform_pid)? - before) / wanted.seconds as f64;
    hang_up(calls).await;
    let pairs = pairs(&phone, wanted, &seen).await?;
    phone.stop().await;
    Ok(json!({
        "conversations": wanted.calls,
        "key_to_bot_ms": shares(told),
        "answer_to_audio_ms": shares(greeted),
        "key_to_silence_ms": shares(by_key),
        "speech_to_silence_ms": shares(by_words),
        "activities_per_second": sent,
        "listening": wanted.listening,
        "listening_cpu": cpu,
        "playing_cpu": shares(pairs.iter().map(|pair| pair[0]).collect())["p50"],
        "recording_cpu": shares(pairs.iter().map(|pair| pair[1]).collect())["p50"],
        "recording_more": shares(pairs.iter().map(|pair| pair[1] / pair[0] - 1.0).collect())["p50"],
    }))
}

/// One conversation: when the bot was told of a key, when it first spoke, and how long it spoke on after a
/// key and after words began.
async fn converse(
    endpoint: &Endpoint,
    uri: &str,
    words: &Clip,
    seen: &Shared,
) -> Result<[f64; 4], String> {
    let mut line = Line::dial(endpoint, uri).await?;
    line.wait(Duration::from_millis(2_000)).await?;
    let greeted = line.greeted()?;

    let pressed = Instant::now();
    line.press('5');
    line.wait(Duration::from_millis(900)).await?;
    let key = lock(seen)
        .key
        .take()
        .ok_or("the bot was not told of the key")?;
    let told = key.duration_since(pressed).as_secs_f64() * 1_000.0;
    let by_key = line.sounded_since(pressed)?;

    // The bot tells its story again.
    line.press('1');
    line.wait(Duration::from_millis(1_700)).await?;
    let spoken = Instant::now();
    line.play(words);
    line.wait(words.duration()).await?;
    let by_words = line.sounded_since(spoken)?;
    line.finish().await;
    Ok([told, greeted, by_key, by_words])
}

/// How many activities a second the connector takes, four at a time.
async fn activities(phone: &Phone, wanted: &Conversing, seen: &Shared) -> Result<f64, String> {
    let dial = Dial::new(&wanted.uri);
    let mut call = phone.dial(dial).await.map_err(|why| why.to_string())?;
    let pause = call.pause(Duration::from_secs(1)).await;
    pause.map_err(|why| why.to_string())?;
    let (at, path) = lock(seen)
        .conversation
        .clone()
        .ok_or("the bot knows of no call")?;
    let until = Instant::now() + Duration::from_secs(wanted.seconds);
    let senders: Vec<_> = (0..4)
        .map(|_| {
            let path = path.clone();
            std::thread::spawn(move || send_until(at, &path, until))
        })
        .collect();
    let waiting = call.pause(Duration::from_secs(wanted.seconds)).await;
    waiting.map_err(|why| why.to_string())?;
    let mut sent = 0;
    for sender in senders {
        sent += sender.join().map_err(|_| "a sender failed")??;
    }
    call.finish().await;
    Ok(f64::from(sent) / wanted.seconds as f64)
}

fn send_until(at: SocketAddr, path: &str, until: Instant) -> Result<u32, String> {
    let mut connection = Connection::to(at)?;
    let mut sent = 0;
    while Instant::now() < until {
        let status = connection.post(path, r#"{"type":"typing"}"#)?;
        if status != 200 {
            return Err(format!("an activity was answered {status}"));
        }
        sent += 1;
    }
    Ok(sent)
}

/// What playing and recording cost, as shares of a core. The platform gives calls to its two threads in turn, and those
/// of one are recorded: both are measured in the same seconds, because a machine gets slower and faster by itself. Then
/// the other way round, because one thread may be dearer than the other.
async fn pairs(phone: &Phone, wanted: &Conversing, seen: &Shared) -> Result<Vec<[f64; 2]>, String> {
    lock(seen).speaks = true;
    let mut rounds = Vec::new();
    for recorded in (0..2).cycle().take(2 * wanted.rounds as usize) {
        lock(seen).records = Some(recorded);
        let calls = dial_all(phone, wanted).await?;
        let before = threads(wanted.platform_pid)?;
        tokio::time::sleep(Duration::from_secs(wanted.seconds)).await;
        let after = threads(wanted.platform_pid)?;
        hang_up(calls).await;
        let used = |name: &str| {
            let of = |at: &BTreeMap<String, f64>| at.get(name).copied().unwrap_or_default();
            (of(&after) - of(&before)) / wanted.seconds as f64
        };
        let media = [used("media-0"), used("media-1")];
        let writing = used("tapes") + used("tapes-sync");
        rounds.push([media[1 - recorded], media[recorded] + writing]);
    }
    // Both ways round are one pair.
    let (ways, _) = rounds.as_chunks::<2>();
    let mean = |a: [f64; 2], b: [f64; 2]| [(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0];
    Ok(ways.iter().map(|[a, b]| mean(*a, *b)).collect())
}

/// As many calls as are wanted, with callers who say nothing, up for two seconds.
async fn dial_all(phone: &Phone, wanted: &Conversing) -> Result<Vec<Call>, String> {
    let mut calls = Vec::new();
    for n in 0..wanted.listening {
        let dial = Dial {
            from: Some(format!("sip:+1425555{n:04}@callers.example")),
            ..Dial::new(&wanted.uri)
        };
        let call = phone.dial(dial).await;
        calls.push(call.map_err(|why| why.to_string())?);
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    Ok(calls)
}

async fn hang_up(calls: Vec<Call>) {
    for mut call in calls {
        call.hang_up().await;
    }
}

/// Seconds of CPU time of each thread of a process, by its name.
fn threads(pid: u32) -> Result<BTreeMap<String, f64>, String> {
    let mut threads = BTreeMap::new();
    let all = std::fs::read_dir(format!("/proc/{pid}/task")).map_err(|why| why.to_string())?;
    for thread in all.flatten() {
        let read = |file: &str| std::fs::read_to_string(thread.path().join(file));
        // It may have ended meanwhile.
        let (Ok(name), Ok(times)) = (read("comm"), read("schedstat")) else {
            continue;
        };
        let nanos = times.split_whitespace().next();
        let nanos: f64 = nanos
            .and_then(|nanos| nanos.parse().ok())
            .unwrap_or_default();
        *threads.entry(name.trim().to_owned()).or_default() += nanos / 1e9;
    }
    Ok(threads)
}

/// Seconds of CPU time of a process.
fn cpu(pid: u32) -> Result<f64, String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    let stat = stat.map_err(|why| why.to_string())?;
    // Behind the name, which may have spaces in it: the 12th and 13th field.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let times = fields.split_whitespace().skip(11).take(2);
    let ticks: f64 = times.filter_map(|time| time.parse::<f64>().ok()).sum();
    Ok(ticks / TICKS_PER_SECOND)
}

/// The median and the 95th of a hundred.
fn shares(mut times: Vec<f64>) -> Value {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (times.len() as f64 * share).ceil() as usize;
        times
            .get(place.saturating_sub(1))
            .copied()
            .unwrap_or(f64::NAN)
    };
    json!({ "p50": at(0.5), "p95": at(0.95) })
}

fn lock(seen: &Shared) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The bot: a thread a connection.
fn serve(listener: &TcpListener, seen: &Shared) {
    for stream in listener.incoming().flatten() {
        let seen = Arc::clone(seen);
        std::thread::spawn(move || {
            let mut connection = Connection::of(stream)?;
            loop {
                let (_, body) = connection.read()?;
                let arrived = Instant::now();
                let told: Value = serde_json::from_slice(&body).ok()?;
                answer(&told, arrived, &seen);
                let done = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
                connection.writer.write_all(done).ok()?;
            }
            #[allow(unreachable_code, reason = "says what the question marks give")]
            Some(())
        });
    }
}

fn answer(told: &Value, arrived: Instant, seen: &Shared) -> Option<()> {
    let is_key = told["entities"][0]["type"] == "DTMF";
    if is_key && told["text"] == "5" {
        lock(seen).key = Some(arrived);
    }
    let starts = told["type"] == "conversationUpdate";
    let speaks = (starts && lock(seen).speaks) || (is_key && told["text"] == "1");
    let url = told["serviceUrl"].as_str()?.strip_prefix("http://")?;
    let (at, path) = url.split_once('/')?;
    let conversation = told["conversation"]["id"].as_str()?;
    let path = format!("/{path}v3/conversations/{conversation}/activities");
    let at: SocketAddr = at.parse().ok()?;
    lock(seen).conversation = Some((at, path.clone()));
    let caller = told["from"]["name"]
        .as_str()
        .and_then(|name| name.parse().ok());
    let is_recorded = |caller: usize| lock(seen).records == Some(caller % 2);
    if starts && caller.is_some_and(is_recorded) {
        let name = "channel/vnd.microsoft.telephony.recording.start";
        let start = json!({"type": "command", "name": name}).to_string();
        Connection::to(at).ok()?.post(&path, &start).ok()?;
    }
    if speaks {
        let story = json!({"type": "message", "text": STORY}).to_string();
        Connection::to(at).ok()?.post(&path, &story).ok()?;
    }
    Some(())
}

/// As much of HTTP as two programs of ours need.
struct Connection {
    reader: BufReader<TcpStream>,
    writer: TcpStream,
}

impl Connection {
    fn to(at: SocketAddr) -> Result<Self, String> {
        let stream = TcpStream::connect(at).map_err(|why| why.to_string())?;
        Self::of(stream).ok_or_else(|| "a connection broke".to_owned())
    }

    fn of(stream: TcpStream) -> Option<Self> {
        stream.set_nodelay(true).ok()?;
        let writer = stream.try_clone().ok()?;
        let reader = BufReader::new(stream);
        Some(Self { reader, writer })
    }

    /// Posts, and gives the status of the answer.
    fn post(&mut self, path: &str, body: &str) -> Result<u16, String> {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: platform\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let sent = self.writer.write_all(head.as_bytes());
        sent.map_err(|why| why.to_string())?;
        let (first, _) = self.read().ok_or("no answer")?;
        let status = first
            .split_whitespace()
            .nth(1)
            .and_then(|status| status.parse().ok());
        status.ok_or_else(|| "no status".to_owned())
    }

    /// The first line and the body of a message.
    fn read(&mut self) -> Option<(String, Vec<u8>)> {
        let (mut first, mut length) = (String::new(), 0);
        self.reader.read_line(&mut first).ok()?;
        loop {
            let mut line = String::new();
            if self.reader.read_line(&mut line).ok()? <= 2 {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        self.reader.read_exact(&mut body).ok()?;
        Some((first, body))
    }
}
