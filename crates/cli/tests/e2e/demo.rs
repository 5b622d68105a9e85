//! The demo as a process, on free ports and in a folder of its own.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// A first start makes keys and certificates, on a machine that is busy building.
const READY_WITHIN: Duration = Duration::from_secs(60);

pub(crate) struct Demo {
    process: Child,
    folder: Option<TempDir>,
    ready: Value,
    options: Vec<String>,
    settings: Vec<(String, String)>,
}

impl Demo {
    /// The demo with its own bot, deleting recordings when a call is hung up.
    pub(crate) fn start() -> Self {
        Self::start_with(&[], &[])
    }

    /// The demo with a bot of the test attached as `your-bot`.
    pub(crate) fn start_with_bot(webhook: &str) -> Self {
        Self::start_with(&["--bot", webhook], &[])
    }

    pub(crate) fn start_with(options: &[&str], settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self::start_in(folder, &[&["demo"], options].concat(), settings)
    }

    /// No demo, but the platform for real use, with this configuration.
    pub(crate) fn serve(configuration: &str, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("offhook.toml");
        fs::write(&file, configuration).expect("written");
        let options = ["serve", "--config", &file.to_string_lossy()];
        Self::start_in(folder, &options, settings)
    }

    fn start_in(folder: TempDir, options: &[&str], settings: &[(&str, &str)]) -> Self {
        let scratch = folder.path().join("scratch");
        fs::create_dir_all(&scratch).expect("a folder in it");
        let log = |name: &str| fs::File::create(folder.path().join(name)).expect("a log file");
        let ready_file = folder.path().join("ready.json");
        let sip: &[&str] = if options.contains(&"--sip") {
            &[]
        } else {
            &["--sip", "127.0.0.1:0"]
        };
        let mut process = Command::new(env!("CARGO_BIN_EXE_offhook"))
            .args(options)
            .args(["--http", "127.0.0.1:0", "--https", "127.0.0.1:0"])
            .args(sip)
            .args(["--data", &folder.path().join("data").to_string_lossy()])
            .args(["--ready-file", &ready_file.to_string_lossy()])
            .stdin(Stdio::null())
            .env("OFFHOOK_GRAPH__RECORDING_RETENTION", "0s")
            // Whatever the bot keeps of a call is below our folder too.
            .env("TMPDIR", &scratch)
            .envs(settings.iter().copied())
            .stdout(log("out.log"))
            .stderr(log("err.log"))
            .spawn()
            .expect("the demo can be started");
        let deadline = Instant::now() + READY_WITHIN;
        let ready = loop {
            if let Ok(text) = fs::read_to_string(&ready_file) {
                break serde_json::from_str(&text).expect("the ready file is whole and JSON");
            }
            let ended = process.try_wait().expect("a child can be asked");
            if ended.is_some() || Instant::now() > deadline {
                let _ = process.kill();
                panic!(
                    "the demo did not get ready ({ended:?}):\n{}",
                    logs(folder.path())
                );
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let owned = |text: &&str| (*text).to_owned();
        Self {
            process,
            folder: Some(folder),
            ready,
            options: options.iter().map(owned).collect(),
            settings: settings
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        }
    }

    /// Ends the process as a power cut would, and starts another in its folder.
    pub(crate) fn killed_and_started(mut self) -> Self {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it was ours");
        let folder = self.folder.take().expect("only a killed one has none");
        fs::remove_file(folder.path().join("ready.json")).expect("it was ready");
        let options: Vec<&str> = self.options.iter().map(String::as_str).collect();
        let settings = self.settings.iter();
        let settings: Vec<(&str, &str)> = settings
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        Self::start_in(folder, &options, &settings)
    }

    fn folder(&self) -> &std::path::Path {
        let folder = self.folder.as_ref();
        folder.expect("only a killed one has none").path()
    }

    pub(crate) fn sip(&self) -> SocketAddr {
        self.text("/sip").parse().expect("an address")
    }

    pub(crate) fn http(&self) -> SocketAddr {
        let url = self.text("/http");
        url.trim_start_matches("http://")
            .trim_end_matches('/')
            .parse()
            .expect("an address")
    }

    /// The user part of a bot's address: the first is the calling bot.
    pub(crate) fn bot_user(&self, at: usize) -> String {
        let dial = self.text(&format!("/bots/{at}/dial"));
        let user = dial
            .strip_prefix("sip:")
            .and_then(|rest| rest.split_once('@'));
        user.expect("a SIP URI with a user").0.to_owned()
    }

    /// A value of the ready file, which must be text.
    pub(crate) fn text(&self, pointer: &str) -> String {
        let value = self.ready.pointer(pointer).and_then(Value::as_str);
        value
            .unwrap_or_else(|| panic!("no {pointer} in {}", self.ready))
            .to_owned()
    }

    /// All of the ready file.
    pub(crate) fn ready(&self) -> &Value {
        &self.ready
    }

    /// The configuration of a platform that was [served](Self::serve).
    pub(crate) fn configuration(&self) -> PathBuf {
        self.folder().join("offhook.toml")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder().join("data")
    }

    /// All sounds that lie around below the demo's folders.
    pub(crate) fn recordings_left(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        sounds_below(&self.folder().join("data/recordings"), true, &mut found);
        sounds_below(self.folder(), false, &mut found);
        found.sort();
        found.dedup();
        found
    }

    /// What the demo wrote, for a failure's message and for looking for secrets.
    pub(crate) fn logs(&self) -> String {
        logs(self.folder())
    }

    /// Asks the demo to stop, and waits until it has.
    pub(crate) fn stop(mut self) -> (ExitStatus, String) {
        let asked = Command::new("kill")
            .arg(self.process.id().to_string())
            .status();
        assert!(
            asked.is_ok_and(|status| status.success()),
            "the demo can be asked to stop"
        );
        let status = wait(&mut self.process, Duration::from_secs(30));
        (
            status.expect("the demo stops when it is asked to"),
            self.logs(),
        )
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("--- the demo\n{}", self.logs());
        }
    }
}

/// Waits for a process, for so long.
pub(crate) fn wait(process: &mut Child, within: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + within;
    loop {
        match process.try_wait().expect("a child can be asked") {
            Some(status) => return Some(status),
            None if Instant::now() > deadline => return None,
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Waits for something to become true, for so long.
#[track_caller]
pub(crate) fn eventually(what: &str, within: Duration, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + within;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {within:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn logs(folder: &Path) -> String {
    let read = |name| fs::read_to_string(folder.join(name)).unwrap_or_default();
    format!("{}\n{}", read("out.log"), read("err.log"))
}

fn sounds_below(folder: &Path, any_file: bool, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sounds_below(&path, any_file, found);
        } else if any_file || is_sound(&path) {
            found.push(path);
        }
    }
}

/// Audio as bots get it, as the platform keeps it, or still being written.
fn is_sound(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        ["wav", "pcm", "part"]
            .iter()
            .any(|sound| extension == *sound)
    })
}
