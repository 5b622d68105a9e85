//! Microsoft's own clients, as anybody gets them, against the platform for real use.
//!
//! ```text
//!   baresip ── SIP ──▶ offhook serve ── HTTPS ──▶ a bot of interop/graph, on Microsoft's client
//!      ▲                                               │
//!      └────────────── this test ◀──── "dial", "wait" ─┘
//! ```
//!
//! A bot of `interop/graph` plays its scenarios one after the other and asks this test for phones
//! ([`stage`]). What it was told of each call is compared with what is written down for that
//! scenario ([`golden`]), whichever client it was. `cargo xtask test --only interop` installs the
//! clients and runs these tests; `OFFHOOK_INTEROP=SCENARIO` plays one scenario alone.

mod channel;
mod golden;
mod speech;
mod stage;
mod stores;
mod wire;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::demo::{Demo, wait};
use crate::log_privacy::tells_nothing;
use stage::{Stage, Trunks};

/// All scenarios of one client; a minute would do, on a machine that does nothing else.
const DONE_WITHIN: Duration = Duration::from_secs(210);

#[test]
#[ignore = "needs Microsoft's client: cargo xtask test --only interop"]
fn the_python_client_runs_calls() {
    let packages = target().join("interop/python");
    plays(
        Command::new("python3")
            .arg(scripts().join("python/scenarios.py"))
            .env("PYTHONPATH", packages),
    );
}

#[test]
#[ignore = "needs Microsoft's client: cargo xtask test --only interop"]
fn the_javascript_client_runs_calls() {
    plays(Command::new("node").arg(scripts().join("node/scenarios.mjs")));
}

/// Starts a platform and this bot, and gives the bot what it asks for until it has played all.
#[track_caller]
fn plays(bot: &mut Command) {
    let webhook = format!("http://127.0.0.1:{}", free_port());
    let trunks = Trunks {
        carrier: (Ipv4Addr::LOCALHOST, free_port()).into(),
        elsewhere: (Ipv4Addr::LOCALHOST, free_port()).into(),
    };
    let wordy = [("OFFHOOK_LOG__FILTER", "trace"), ("NO_COLOR", "1")];
    let platform = Demo::serve(&configuration(&webhook, &trunks), &wordy);
    let mut bot = Bot::start(bot, &platform, &webhook);
    let mut stage = Stage::on(&platform, &webhook, &trunks);
    let deadline = Instant::now() + DONE_WITHIN;
    let mut failures = Vec::new();
    let mut played = 0;
    loop {
        let Some(ask) = bot.next_ask(deadline) else {
            panic!("the bot did not come to its end: {failures:#?}");
        };
        match ask["do"].as_str() {
            Some("end") => break,
            Some("played") => {
                played += 1;
                if let Some(why) = ask["failed"].as_str() {
                    failures.push(format!("{}: {why}", ask["scenario"]));
                    stage.clear();
                }
                bot.answer(&json!({}));
            }
            _ => {
                let answer = stage
                    .give(&ask)
                    .unwrap_or_else(|why| json!({"failed": why}));
                bot.answer(&answer);
            }
        }
    }
    assert!(played > 0, "nothing was played");
    assert!(
        failures.is_empty(),
        "{} of {played} scenarios failed:\n{}",
        failures.len(),
        failures.join("\n\n")
    );
    // All that was said of those calls is nobody's business, however closely the platform was watched.
    let secrets = [
        "/bots/0/secret",
        "/people/0/sip_password",
        "/people/1/sip_password",
    ];
    let secrets = secrets.map(|at| ("a secret", platform.text(at)));
    let words = PEOPLE.map(|name| ("a name", name.to_owned()));
    drop((bot, stage));
    let (_, log) = platform.stop();
    tells_nothing(&log, &secrets, &words);
}

/// Who is configured.
const PEOPLE: [&str; 4] = ["ada", "grace", "edsger", "barbara"];

fn configuration(webhook: &str, trunks: &Trunks) -> String {
    let Trunks { carrier, elsewhere } = trunks;
    format!(
        r#"
        [[people]]
        name = "Ada"
        sip_user = "ada"

        [[people]]
        name = "Grace"
        sip_user = "grace"

        [[people]]
        name = "Edsger"
        sip_user = "edsger"

        [[people]]
        name = "Barbara"
        sip_user = "barbara"

        [[bots]]
        name = "Bot"
        sip_user = "bot"
        webhook = "{webhook}/calls"
        roles = [
            "Calls.AccessMedia.All",
            "Calls.Initiate.All",
            "Calls.InitiateGroupCall.All",
            "Calls.JoinGroupCall.All",
            "CallRecords.Read.All",
            "OnlineMeetings.ReadWrite.All",
            "User.Read.All",
        ]
        acts_for = ["*"]

        [[bots]]
        name = "Other"
        sip_user = "other"
        webhook = "{webhook}/other"
        roles = []

        [[trunks]]
        name = "carrier"
        address = "{carrier}"
        caller_id = "+4930111"
        allow = ["+4930"]

        [[trunks]]
        name = "elsewhere"
        address = "{elsewhere}"
        caller_id = "+4930111"
        allow = ["+4960"]
        "#
    )
}

/// The script of a bot, and what it asks: a line of JSON for each thing it wants done, and a line
/// of JSON for each that was.
struct Bot {
    process: Child,
    asks: mpsc::Receiver<Value>,
}

impl Bot {
    fn start(command: &mut Command, platform: &Demo, webhook: &str) -> Self {
        let ready = platform.ready();
        let ca = platform.text("/ca_file");
        let mut process = command
            .env("OFFHOOK_PLATFORM", ready.to_string())
            .env("OFFHOOK_WEBHOOK", webhook)
            // Where each client's libraries look for more authorities to trust.
            .env("REQUESTS_CA_BUNDLE", &ca)
            .env("SSL_CERT_FILE", &ca)
            .env("NODE_EXTRA_CA_CERTS", &ca)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the bot can be started: cargo xtask test --only interop");
        let stdout = process.stdout.take().expect("its output is ours");
        let (tell, asks) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let ask = serde_json::from_str(&line).unwrap_or_else(|_| {
                    eprintln!("{line}");
                    Value::Null
                });
                if !ask.is_null() && tell.send(ask).is_err() {
                    return;
                }
            }
        });
        Self { process, asks }
    }

    fn next_ask(&self, deadline: Instant) -> Option<Value> {
        let left = deadline.saturating_duration_since(Instant::now());
        self.asks.recv_timeout(left).ok()
    }

    fn answer(&mut self, answer: &Value) {
        let stdin = self.process.stdin.as_mut().expect("its input is ours");
        writeln!(stdin, "{answer}").expect("the bot reads what it asked for");
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        if wait(&mut self.process, Duration::from_secs(2)).is_none() {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../interop/graph")
}

/// The target folder: the program under test is in it.
fn target() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_offhook"));
    let target = program.ancestors().nth(2);
    target.expect("target/PROFILE/offhook").to_owned()
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
    let address = listener.local_addr().expect("a bound socket");
    address.port()
}
