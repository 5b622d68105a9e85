//! The benchmark: the platform under load, beside programs that only move the same packets.
//!
//! ```text
//!   core 0                          core 1
//!   floor (connected, batched)  ◀─▶ floor as its peer         the same packets, nothing else
//!   offhook serve               ◀─▶ load generator, stub bot  the platform
//! ```
//!
//! One after the other on the same core, in the same run, so that the ratio between them means
//! something on a machine whose speed does not. Everything is started here, listens on loopback on
//! free ports, keeps its data in a temporary folder, and is ended by its own handle.

mod activities;
mod audio;
mod bots;
mod floor;
mod keys;
mod ledger;
mod metrics;
mod placing;
mod platform;
mod process;
mod room;
mod signalling;
mod talk;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::repository;

const HELP: &str = "\
cargo xtask bench [--calls N,N] [--only PART,PART] [--quick] [--no-build]

Measures the platform on one core beside the floor, and prints a table. About fifteen minutes.

  --calls N,N    how many calls at once for the audio [default: 500,1000]
  --only PARTS   some of audio, rooms, codecs, bots, signalling, placing, keys, talk,
                 activities
                 [default: all]
  --quick        shorter windows, one size and fewer presses: to see that it works
  --no-build     measure what was built last
";

const PARTS: [&str; 9] = [
    "audio",
    "rooms",
    "codecs",
    "bots",
    "signalling",
    "placing",
    "keys",
    "talk",
    "activities",
];

/// More calls than this need more ports than one address has.
const CALLS_MAX: usize = 4_000;

/// What was asked for.
pub(crate) struct Plan {
    calls: Vec<usize>,
    parts: Vec<String>,
    build: bool,
    /// How long a steady state is measured.
    window: Duration,
    /// How long calls are made for the signalling, each pace.
    paced: Duration,
    /// Key presses on a bad line.
    presses: usize,
    /// Conversations that are timed.
    conversations: usize,
}

impl Plan {
    fn read(args: &[String]) -> Result<Option<Self>, String> {
        let mut plan = Self {
            calls: vec![500, 1_000],
            parts: PARTS.map(String::from).to_vec(),
            build: true,
            window: Duration::from_secs(10),
            paced: Duration::from_secs(15),
            presses: 10_000,
            conversations: 20,
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut list = || -> Result<Vec<String>, String> {
                let text = args.next().ok_or(format!("`{arg}` needs a value."))?;
                Ok(text.split(',').map(|part| part.trim().to_owned()).collect())
            };
            match arg.as_str() {
                "--help" | "-h" => return Ok(None),
                "--calls" => {
                    let number = |text: String| match text.parse() {
                        Ok(calls) if (1..=CALLS_MAX).contains(&calls) => Ok(calls),
                        _ => Err(format!("`{text}` is not a number from 1 to {CALLS_MAX}.")),
                    };
                    plan.calls = list()?.into_iter().map(number).collect::<Result<_, _>>()?;
                }
                "--only" => {
                    plan.parts = list()?;
                    let unknown = plan
                        .parts
                        .iter()
                        .find(|part| !PARTS.contains(&part.as_str()));
                    if let Some(part) = unknown {
                        return Err(format!("`{part}` is no part of it.\n\n{HELP}"));
                    }
                }
                "--no-build" => plan.build = false,
                "--quick" => {
                    plan.calls = vec![200];
                    plan.window = Duration::from_secs(3);
                    plan.paced = Duration::from_secs(3);
                    plan.presses = 500;
                    plan.conversations = 5;
                }
                _ => return Err(format!("`{arg}` is not known.\n\n{HELP}")),
            }
        }
        Ok(Some(plan))
    }

    fn has(&self, part: &str) -> bool {
        self.parts.iter().any(|one| one == part)
    }
}

/// The programs that are measured and those that measure.
pub(crate) struct Programs {
    platform: PathBuf,
    floor: PathBuf,
    room: PathBuf,
    load: PathBuf,
    keys: PathBuf,
    conversing: PathBuf,
    bot: PathBuf,
    telling: PathBuf,
}

impl Programs {
    fn in_folder(target: &Path) -> Self {
        let example = |name: &str| target.join("release/examples").join(name);
        Self {
            platform: target.join("release/offhook"),
            floor: example("floor"),
            room: example("room"),
            load: example("load"),
            keys: example("lossy_keys"),
            conversing: example("conversing"),
            bot: example("instant"),
            telling: example("telling"),
        }
    }

    /// Optimised, each with its own features only: one build of all would unite them.
    fn build() -> Result<(), String> {
        for what in [
            &["-p", "offhook"][..],
            &[
                "-p",
                "offhook-media",
                "--example",
                "floor",
                "--example",
                "room",
            ],
            &[
                "-p",
                "offhook-phone",
                "--example",
                "load",
                "--example",
                "lossy_keys",
                "--example",
                "conversing",
            ],
            &[
                "-p",
                "offhook-bot",
                "--example",
                "instant",
                "--example",
                "telling",
            ],
        ] {
            let mut cargo = Command::new("cargo");
            cargo
                .args(["build", "--release", "--locked"])
                .args(what)
                .current_dir(repository::root());
            let status = cargo.status().map_err(|error| error.to_string())?;
            if !status.success() {
                return Err(format!(
                    "`cargo build --release {}` failed.",
                    what.join(" ")
                ));
            }
        }
        Ok(())
    }
}

/// Measures everything and prints the tables.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let Some(plan) = Plan::read(args)? else {
        print!("{HELP}");
        return Ok(());
    };
    for tool in ["taskset", "sh"] {
        let found = Command::new(tool)
            .arg("-c")
            .args(if tool == "sh" {
                [":"].as_slice()
            } else {
                &["0", "true"]
            })
            .stderr(Stdio::null())
            .status();
        if !found.is_ok_and(|status| status.success()) {
            return Err(format!("`{tool}` is needed to pin a program to a core."));
        }
    }
    if plan.build {
        Programs::build()?;
    }
    let programs = Programs::in_folder(&target_folder()?);
    if !process::has_core(1) {
        println!("This machine has one core: the load shares it with what is measured.\n");
    }
    process::say_how_busy();
    if plan.has("audio") {
        audio::measure(&plan, &programs)?;
    }
    if plan.has("rooms") {
        room::measure(&plan, &programs)?;
    }
    if plan.has("codecs") {
        room::compare_codecs(&plan, &programs)?;
    }
    if plan.has("bots") {
        bots::measure(&plan, &programs)?;
    }
    if plan.has("signalling") {
        signalling::measure(&plan, &programs)?;
    }
    if plan.has("placing") {
        placing::measure(&plan, &programs)?;
    }
    if plan.has("keys") {
        keys::measure(&plan, &programs)?;
    }
    if plan.has("talk") {
        talk::measure(&plan, &programs)?;
    }
    if plan.has("activities") {
        activities::measure(&plan, &programs)?;
    }
    println!(
        "\nAllocations on the tick are counted by a test, not here: \
         `cargo nextest run -p offhook-media --test no_alloc`."
    );
    process::say_how_busy();
    Ok(())
}

fn target_folder() -> Result<PathBuf, String> {
    let metadata = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(repository::root())
        .output()
        .map_err(|error| error.to_string())?;
    let read: serde_json::Value =
        serde_json::from_slice(&metadata.stdout).map_err(|error| error.to_string())?;
    let folder = read["target_directory"].as_str();
    Ok(folder.ok_or("cargo does not say where it builds.")?.into())
}
