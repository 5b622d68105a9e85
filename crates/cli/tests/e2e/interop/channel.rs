//! Bots on Microsoft's SDKs for bots, as anybody gets them, on the Telephony channel.
//!
//! ```text
//!   offhook dial, baresip ── SIP ──▶ offhook serve ── activities ──▶ the hotel of interop/channel
//! ```
//!
//! The same calls for each SDK, open and with tokens of the platform: greeted, keys one by one, words,
//! something the bot says of its own accord, a hang-up by either side.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use super::{free_port, target};
use crate::baresip::Baresip;
use crate::demo::{Demo, eventually};
use crate::recording::{channels, signed, tone, until_ended};
use crate::telephony::{dial_to, spoken};

const WITHIN: Duration = Duration::from_secs(30);

#[test]
#[ignore = "needs Microsoft's SDK: cargo xtask test --only interop"]
fn a_bot_on_botbuilder_for_javascript_is_called() {
    converses(|| node("botbuilder.mjs"), Mode::Open, true);
}

#[test]
#[ignore = "needs Microsoft's SDK: cargo xtask test --only interop"]
fn a_bot_on_botbuilder_for_javascript_is_called_and_tokens_are_checked() {
    converses(|| node("botbuilder.mjs"), Mode::Own("js"), true);
}

#[test]
#[ignore = "needs Microsoft's SDK: cargo xtask test --only interop"]
fn a_bot_on_botbuilder_for_python_is_called() {
    converses(python, Mode::Open, true);
}

#[test]
#[ignore = "needs Microsoft's SDK: cargo xtask test --only interop"]
fn a_bot_on_botbuilder_for_python_is_called_and_tokens_are_checked() {
    converses(python, Mode::Own("python"), true);
}

#[test]
#[ignore = "needs Microsoft's SDK: cargo xtask test --only interop"]
fn a_bot_on_the_agents_sdk_is_called() {
    // Without an app id this SDK calls nobody.
    converses(|| node("agents.mjs"), Mode::Open, false);
}

#[test]
#[ignore = "needs Microsoft's SDK: cargo xtask test --only interop"]
fn a_bot_on_the_agents_sdk_is_called_and_tokens_are_checked() {
    converses(|| node("agents.mjs"), Mode::Own("agents"), true);
}

#[test]
#[ignore = "needs the packaged SDK: cargo xtask test --only interop"]
fn a_bot_on_the_sdk_for_rust_is_called() {
    converses(rust, Mode::Open, true);
}

#[test]
#[ignore = "needs the packaged SDK: cargo xtask test --only interop"]
fn a_bot_on_the_sdk_for_rust_is_called_and_tokens_are_checked() {
    converses(rust, Mode::Own("js"), true);
}

/// How the bot and the platform know each other.
#[derive(Clone, Copy)]
enum Mode {
    Open,
    /// By the platform's tokens, with the settings printed for this SDK.
    Own(&'static str),
}

pub(super) fn node(script: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(scripts().join("node").join(script));
    command
}

/// Built in a folder of its own, from what `cargo package` makes.
pub(super) fn rust() -> Command {
    Command::new(target().join("interop/rust/target/debug/hotel"))
}

fn python() -> Command {
    let mut command = Command::new("python3");
    command
        .arg(scripts().join("python/hotel.py"))
        .env("PYTHONPATH", target().join("interop/channel-python"));
    command
}

pub(super) fn scripts() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../interop/channel")
}

#[track_caller]
fn converses(bot: impl Fn() -> Command, mode: Mode, calls_out: bool) {
    let port = free_port();
    let authentication = match mode {
        Mode::Open => "open",
        Mode::Own(_) => "own",
    };
    let configuration = format!(
        r#"
        [[people]]
        name = "Ada"
        sip_user = "ada"

        [[people]]
        name = "Grace"
        sip_user = "grace"

        [[bots]]
        name = "Hotel"
        protocol = "telephony"
        sip_user = "hotel"
        numbers = ["+14255550199"]
        endpoint = "http://127.0.0.1:{port}/api/messages"
        authentication = "{authentication}"

        [sip]
        callers = "anyone"

        [speech]
        recogniser = "scripted"
        script = ["yes please"]

        [recordings]
        channels = "separate"
        access_key = "b25seSBmb3IgdGVzdHMsIGFuZCBub2JvZHkgZWxzZSdz"
        "#
    );
    let platform = Demo::serve(&configuration, &[]);
    let bot = start(&mut bot(), &platform, port, mode);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let words = spoken("yes please, I would like that", folder.path());

    // The bot ends this call.
    let hears = ["--expect-sound", "300ms"];
    let is_quiet = ["--expect-silence", "600ms"];
    let steps = [
        &hears[..],
        &["--keys", "1"],
        &hears,
        &is_quiet,
        &["--keys", "2"],
        &hears,
        &is_quiet,
        &["--play", &words],
        &hears,
        &is_quiet,
        &["--keys", "#"],
        &hears,
        &["--expect-hang-up"],
    ];
    let to = format!("sip:+14255550199@{}", platform.sip());
    dial_to(&platform, &to, &steps.concat());
    let told = bot.told();
    let of =
        |kind: &str| -> Vec<&Value> { told.iter().filter(|line| line["type"] == kind).collect() };
    assert!(of("error").is_empty(), "{told:#?}");
    let [start] = of("conversationUpdate")[..] else {
        panic!("{told:#?}")
    };
    assert_eq!(start["from"], "+14255550123");
    assert_eq!(start["to"], "+14255550199");
    let said: Vec<(&str, bool)> = of("message")
        .iter()
        .filter_map(|line| Some((line["text"].as_str()?, line["isKey"].as_bool()?)))
        .collect();
    let wanted = [("1", true), ("2", true), ("yes please", false), ("#", true)];
    assert_eq!(said, wanted, "{told:#?}");
    assert_eq!(of("answered")[0]["hasId"], true, "{told:#?}");

    // A phone that is not ours, which ends its call itself.
    let mut phone = Baresip::start(&platform, 0, 0.0);
    phone.wait_for("REGISTER_OK", WITHIN);
    phone.command("dial", &platform.text("/bots/0/dial"));
    phone.wait_for("CALL_ESTABLISHED", WITHIN);
    bot.holds(|told| {
        told.iter()
            .filter(|line| line["type"] == "conversationUpdate")
            .count()
            == 2
    });
    // What this phone hears lies in a file that is whole when the call is over, so it listens a while.
    std::thread::sleep(Duration::from_secs(2));
    phone.command("sndcode", "1");
    bot.holds(|told| told.iter().filter(|line| line["text"] == "1").count() == 2);
    phone.command("hangup", "");
    phone.wait_for("CALL_CLOSED", WITHIN);
    bot.holds(|told| {
        told.iter()
            .any(|line| line["type"] == "endOfConversation" && line["code"] == "userCancelled")
    });
    hears_words(phone);
    records_and_hands_off(&bot, &platform, &to);
    if calls_out {
        is_called_by(&bot, &platform, &to);
    }
}

/// The phone has heard somebody speak.
#[track_caller]
fn hears_words(phone: Baresip) {
    let heard = phone.quit();
    let lasted = heard.lasts();
    assert!(
        heard.is_loud_for(Duration::from_secs(1)),
        "{lasted:?} were heard"
    );
}

/// The bot records what the caller says, but not all, and hands the caller off to a phone that is not ours.
#[track_caller]
fn records_and_hands_off(bot: &Script, platform: &Demo, hotel: &str) {
    let mut ada = Baresip::start(platform, 0, 880.0);
    ada.wait_for("REGISTER_OK", WITHIN);
    let steps = {
        let obeyed = ["--expect-sound", "100ms", "--pause", "200ms"];
        let mut steps = vec!["--codec", "pcmu", "--expect-sound", "100ms", "--keys", "*"];
        for (tone, key) in [
            ("tone:440:1s", "7"),
            ("tone:620:1s", "8"),
            ("tone:800:1s", "9"),
        ] {
            steps.extend(obeyed);
            steps.extend(["--play", tone, "--keys", key]);
        }
        steps.extend(["--expect-sound", "100ms", "--keys", "*"]);
        steps.extend(obeyed);
        steps.extend(["--keys", "4", "--expect-tone", "880", "--for", "1s"]);
        steps
    };
    let caller = Command::new(env!("CARGO_BIN_EXE_offhook"))
        .args([
            "dial",
            hotel,
            "--from",
            "sip:+14255550123@elsewhere.example",
        ])
        .args(steps)
        .stdout(Stdio::piped())
        .spawn()
        .expect("offhook dial can be started");
    ada.wait_for("CALL_INCOMING", WITHIN);
    ada.command("accept", "");
    let heard = caller.wait_with_output().expect("it ends");
    let printed = String::from_utf8_lossy(&heard.stdout);
    assert!(heard.status.success(), "{printed}");
    ada.wait_for("CALL_CLOSED", WITHIN);
    ada.leave();
    bot.holds(|told| {
        let accepted = |line: &Value| line["value"]["state"] == "accepted";
        let at = told.iter().position(accepted);
        at.is_some_and(|at| {
            told[at..]
                .iter()
                .any(|line| line["code"] == "completedSuccessfully")
        })
    });
    let told = bot.told();
    let results = told.iter().filter(|line| line["type"] == "commandResult");
    let results: Vec<(&str, bool)> = results
        .filter_map(|line| {
            let value = &line["value"];
            Some((value["commandId"].as_str()?, value["error"].is_null()))
        })
        .collect();
    let wanted = ["start", "pause", "resume", "stop", "start"].map(|verb| (verb, true));
    assert_eq!(results, wanted, "{told:#?}");
    let all = until_ended(platform, 2);
    assert_eq!(all[0]["endReason"], "SessionEnded");
    assert_eq!(all[1]["endReason"], "CallTransferred");
    let document = all[0]["chunkDocumentId"].as_str().expect("an id");
    let file = signed(platform, "GET", &format!("/recording/download/{document}"));
    let caller = &channels(&file.bytes)[0];
    for (hertz, wanted) in [(440.0, 1_000), (620.0, 0), (800.0, 1_000)] {
        let off = tone(caller, hertz).abs_diff(Duration::from_millis(wanted));
        assert!(off <= Duration::from_millis(120), "{hertz} Hz: {off:?} off");
    }
}

/// The bot is asked to call somebody who has a phone that is not ours.
#[track_caller]
fn is_called_by(bot: &Script, platform: &Demo, hotel: &str) {
    let mut grace = Baresip::start(platform, 1, 0.0);
    grace.wait_for("REGISTER_OK", WITHIN);
    let steps = ["--expect-sound", "300ms", "--keys", "3", "--pause", "500ms"];
    dial_to(platform, hotel, &steps);
    grace.wait_for("CALL_INCOMING", WITHIN);
    grace.command("accept", "");
    grace.wait_for("CALL_ESTABLISHED", WITHIN);
    bot.holds(|told| {
        told.iter()
            .any(|line| line["type"] == "conversationUpdate" && line["from"] == "Grace")
    });
    std::thread::sleep(Duration::from_secs(3));
    grace.command("hangup", "");
    grace.wait_for("CALL_CLOSED", WITHIN);
    hears_words(grace);
    let told = bot.told();
    assert!(told.iter().all(|line| line["type"] != "error"), "{told:#?}");
}

/// A script of ours, which tells lines of JSON.
pub(super) struct Script {
    process: Child,
    told: Arc<Mutex<Vec<Value>>>,
}

impl Script {
    pub(super) fn start(command: &mut Command) -> Self {
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the script can be started: cargo xtask test --only interop");
        let stdout = process.stdout.take().expect("its output is ours");
        let told = Arc::new(Mutex::new(Vec::new()));
        let listens = Arc::clone(&told);
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                match serde_json::from_str(&line) {
                    Ok(line) => listens.lock().expect("no reader has failed").push(line),
                    Err(_) => eprintln!("{line}"),
                }
            }
        });
        Self { process, told }
    }

    pub(super) fn told(&self) -> Vec<Value> {
        self.told.lock().expect("no reader has failed").clone()
    }

    #[track_caller]
    fn holds(&self, holds: impl Fn(&[Value]) -> bool) {
        eventually("the script tells it", WITHIN, || holds(&self.told()));
    }

    /// The first line of this type.
    #[track_caller]
    pub(super) fn until(&self, kind: &str) -> Value {
        let is_it = |line: &Value| line["type"] == kind;
        self.holds(|told| told.iter().any(is_it));
        self.told().into_iter().find(is_it).expect("just seen")
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("--- the script\n{:#?}", self.told());
        }
    }
}

fn start(command: &mut Command, platform: &Demo, port: u16, mode: Mode) -> Script {
    let ca = platform.text("/ca_file");
    let bot = Script::start(
        command
            .env("BOT_PORT", port.to_string())
            .envs(settings(platform, mode))
            // Where each SDK's libraries look for more authorities to trust.
            .env("REQUESTS_CA_BUNDLE", &ca)
            .env("SSL_CERT_FILE", &ca)
            .env("NODE_EXTRA_CA_CERTS", &ca),
    );
    bot.until("ready");
    bot
}

/// What `offhook bots show` prints for this SDK.
fn settings(platform: &Demo, mode: Mode) -> BTreeMap<String, String> {
    let Mode::Own(sdk) = mode else {
        return BTreeMap::new();
    };
    let address = |at: &str| {
        let url = platform.text(at);
        url.split_once("//")
            .expect("a URL")
            .1
            .trim_end_matches('/')
            .to_owned()
    };
    let shown = Command::new(env!("CARGO_BIN_EXE_offhook"))
        .args(["bots", "show", "Hotel", "--sdk", sdk])
        .args(["--config", &platform.configuration().to_string_lossy()])
        .args(["--data", &platform.data().to_string_lossy()])
        .args(["--http", &address("/http"), "--https", &address("/https")])
        .output()
        .expect("offhook bots can be started");
    let printed = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(
        shown.status.success(),
        "{}",
        String::from_utf8_lossy(&shown.stderr)
    );
    let settings: BTreeMap<String, String> = printed
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    assert!(settings.len() > 4, "{printed}");
    settings
}
