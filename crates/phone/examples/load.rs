//! The load generator as a program: many calls to one address, and the ledger of them as JSON.
//!
//! ```text
//! cargo run --release -p offhook-phone --example load -- sip:bot@127.0.0.1:5060 \
//!     --calls 1000 --per-second 200 --lasts 10s --play tone:440:1s
//! ```
//!
//! With `--answer ADDR:PORT` it is the other side instead: it says when it listens, and answers every
//! call at once without audio, which measures the signalling alone.

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use offhook_phone::load::{self, Ledger, Plan};
use offhook_phone::{Config, Phone, Sound};
use offhook_sip::{Arrival, SessionEvent};
use offhook_terms::Tone;

/// Makes many calls at once and prints how they went.
#[derive(Debug, Parser)]
struct Load {
    /// Whom to call
    #[arg(required_unless_present = "answer", default_value = "")]
    uri: String,
    /// How many calls in all
    #[arg(long, default_value_t = 100)]
    calls: usize,
    /// How many begin each second
    #[arg(long, default_value_t = 10.0)]
    per_second: f64,
    /// How long each stays up, in seconds
    #[arg(long, default_value_t = 10.0)]
    lasts: f64,
    /// What each plays, over and over: FILE or tone:HZ:DURATION
    #[arg(long)]
    play: Option<Sound>,
    /// Keys each presses once, in its middle
    #[arg(long, default_value = "")]
    keys: String,
    /// Signalling only, without audio
    #[arg(long)]
    no_media: bool,
    /// The local address
    #[arg(long, default_value = "127.0.0.1:0")]
    local: SocketAddr,
    /// Threads that send and hear audio
    #[arg(long, default_value_t = 1)]
    media_threads: usize,
    /// Print every call, not only the sums
    #[arg(long)]
    every_call: bool,
    /// Be the other side: answer every call there
    #[arg(long, value_name = "ADDR:PORT")]
    answer: Option<SocketAddr>,
}

fn main() -> ExitCode {
    let load = Load::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("the system gives a runtime");
    let outcome = runtime.block_on(async {
        match load.answer {
            Some(at) => answer(at).await,
            None => load.call().await,
        }
    });
    match outcome {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::from(2)
        }
    }
}

type Outcome = Result<ExitCode, Box<dyn std::error::Error>>;

impl Load {
    async fn call(self) -> Outcome {
        let mut config = Config::new(self.local);
        config.media_threads = self.media_threads;
        config.calls_max = usize::MAX;
        config.sure_of_ringing = false;
        let phone = Arc::new(Phone::start(config).await?);
        let mut plan = Plan::new(self.uri, self.calls);
        plan.per_second = self.per_second;
        plan.lasts = Duration::from_secs_f64(self.lasts);
        plan.plays = self.play.map(|sound| sound.load()).transpose()?;
        plan.presses = self.keys.chars().filter_map(Tone::from_symbol).collect();
        plan.media = !self.no_media;
        let ledger = load::run(phone, plan).await;
        let failed = ledger.failed();
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", told(&ledger, self.every_call))?;
        Ok(if failed == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

fn told(ledger: &Ledger, every_call: bool) -> String {
    if every_call {
        return serde_json::to_string(ledger).expect("a ledger is plain data");
    }
    let sums = serde_json::json!({
        "calls": ledger.calls.len(),
        "failed": ledger.failed(),
        "first_failure": ledger.calls.iter().find_map(|call| call.failed.as_deref()),
        "took_ms": ledger.took_ms,
        "per_second": ledger.per_second,
        "retransmissions": ledger.retransmissions,
        "answered_us": {
            "p50": ledger.answered_us(0.50),
            "p99": ledger.answered_us(0.99),
            "max": ledger.answered_us(1.0),
        },
        "packets": ledger.packets(),
        "wire": ledger.wire,
        "deviation_us": ledger.deviation,
    });
    serde_json::to_string_pretty(&sums).expect("sums are plain data")
}

/// Answers every call at once and says what was counted when it is interrupted.
async fn answer(at: SocketAddr) -> Outcome {
    let (endpoint, mut arrivals) = offhook_sip::listen(offhook_sip::Config::new(at)).await?;
    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n",
        at.ip()
    );
    writeln!(std::io::stdout(), "listening on {}", endpoint.local_addr())?;
    let answering = async {
        while let Some(arrival) = arrivals.recv().await {
            let Arrival::Invite(call) = arrival else {
                continue;
            };
            call.session.answer(sdp.clone().into_bytes());
            let session = call.session;
            let mut events = session.events();
            tokio::spawn(async move {
                while !matches!(events.recv().await, Some(SessionEvent::Ended(_)) | None) {}
                drop(session);
            });
        }
    };
    tokio::select! {
        () = answering => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    writeln!(std::io::stdout(), "{:?}", endpoint.counters())?;
    Ok(ExitCode::SUCCESS)
}
