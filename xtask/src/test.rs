//! The one test command: every check there is, in order, stopping at the first that fails.
//!
//! What is quick to fail comes first. The tests come last, because their closing line is the one
//! to look for at the end of a log.

pub(crate) mod api;
mod fuzz;
pub(crate) mod interop;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::repository;
use crate::tidy;
use crate::tools::{self, Tool};

struct Step {
    name: &'static str,
    about: &'static str,
    needs: &'static [&'static Tool],
    run: fn() -> Result<(), String>,
}

const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        about: "the code is formatted",
        needs: &[&tools::RUSTFMT],
        run: || cargo(&["fmt", "--all", "--check"]),
    },
    Step {
        name: "tidy",
        about: "the walls of the house stand",
        needs: &[&tools::GIT],
        run: || tidy::run(&[]),
    },
    Step {
        name: "deny",
        about: "bans, licences and sources of what is linked",
        needs: &[&tools::DENY],
        run: || cargo(&["deny", "check", "bans", "licenses", "sources"]),
    },
    Step {
        name: "clippy",
        about: "no warning of the compiler or of clippy",
        needs: &[&tools::CLIPPY],
        run: clippy,
    },
    Step {
        name: "doc",
        about: "the documentation builds without a warning",
        needs: &[],
        run: || {
            let mut doc = quietly_in(
                "cargo",
                &[
                    "doc",
                    "--workspace",
                    "--no-deps",
                    "--all-features",
                    "--locked",
                ],
            );
            doc.env("RUSTDOCFLAGS", "-D warnings");
            finish(doc)
        },
    },
    Step {
        name: "api",
        about: "the public API of the bot SDK is the one that was looked at",
        needs: &[],
        run: api::compare,
    },
    Step {
        name: "doctest",
        about: "the examples in the documentation run",
        needs: &[],
        run: || cargo(&["test", "--workspace", "--doc", "--locked"]),
    },
    Step {
        name: "fuzz",
        about: "the fuzz targets build, and each survives a short run",
        needs: &[&tools::CXX],
        run: fuzz::run,
    },
    Step {
        name: "interop",
        about: "Microsoft's own clients run calls with real phones",
        needs: &[
            &tools::NEXTEST,
            &tools::GIT,
            &tools::BARESIP,
            &tools::ESPEAK,
            &tools::PIP,
            &tools::NPM,
        ],
        run: interop::run,
    },
    Step {
        name: "nextest",
        about: "all tests, from one function to whole calls by real phones",
        needs: &[
            &tools::NEXTEST,
            &tools::GIT,
            &tools::SIPP,
            &tools::BARESIP,
            &tools::ESPEAK,
            &tools::POCKETSPHINX,
        ],
        run: || {
            cargo(&[
                "nextest",
                "run",
                "--workspace",
                "--locked",
                "--profile",
                "ci",
            ])
        },
    },
];

/// Clippy twice, because it cannot tell a test from what ships: the `clippy.toml` of a deciding
/// crate forbids clocks and locks, and its tests may use both.
fn clippy() -> Result<(), String> {
    let everything = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-Dwarnings",
    ];
    let but_for_tests = ["-Aclippy::disallowed_methods", "-Aclippy::disallowed_types"];
    cargo(&[&everything[..], &but_for_tests].concat())?;
    cargo(&[
        "clippy",
        "--workspace",
        "--lib",
        "--bins",
        "--locked",
        "--",
        "-Dwarnings",
    ])
}

/// Runs the steps that were asked for.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let steps = match chosen(args)? {
        Chosen::Help => {
            print!("{}", help());
            return Ok(());
        }
        Chosen::Steps(steps) => steps,
    };
    let needs: Vec<&Tool> = steps.iter().flat_map(|step| step.needs).copied().collect();
    tools::ensure(&needs)?;

    let start = Instant::now();
    let mut took = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let (number, of) = (at + 1, steps.len());
        println!("\n=== {number}/{of} {}: {}", step.name, step.about);
        let step_start = Instant::now();
        (step.run)().map_err(|reason| {
            let again = format!("cargo xtask test --only {}", step.name);
            let after = spelled(step_start.elapsed());
            format!(
                "{reason}\n\nFAILED at `{}` after {after}. To repeat it: {again}",
                step.name
            )
        })?;
        took.push((step.name, step_start.elapsed()));
    }
    println!();
    for (name, elapsed) in &took {
        println!("  {name:<8} {:>12}", spelled(*elapsed));
    }
    println!("All checks passed in {}.", spelled(start.elapsed()));
    Ok(())
}

#[derive(Debug)]
enum Chosen {
    Help,
    Steps(Vec<&'static Step>),
}

impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

fn chosen(args: &[String]) -> Result<Chosen, String> {
    let mut only = Vec::new();
    let mut skip = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let list = match arg.as_str() {
            "--help" | "-h" => return Ok(Chosen::Help),
            "--only" => &mut only,
            "--skip" => &mut skip,
            other => return Err(format!("`{other}` is not an option.\n\n{}", help())),
        };
        let name = args
            .next()
            .ok_or_else(|| format!("`{arg}` wants a step.\n\n{}", help()))?;
        if !STEPS.iter().any(|step| step.name == name) {
            return Err(format!("There is no step `{name}`.\n\n{}", help()));
        }
        list.push(name.as_str());
    }
    let wanted =
        |step: &&Step| (only.is_empty() || only.contains(&step.name)) && !skip.contains(&step.name);
    Ok(Chosen::Steps(STEPS.iter().filter(wanted).collect()))
}

fn help() -> String {
    let mut text = String::from(
        "cargo xtask test [--only STEP]… [--skip STEP]…\n\n\
         Installs what is missing and runs every check, stopping at the first that fails.\n\n",
    );
    for step in STEPS {
        text.push_str(&format!("  {:<9}{}\n", step.name, step.about));
    }
    text
}

fn cargo(arguments: &[&str]) -> Result<(), String> {
    finish(quietly_in("cargo", arguments))
}

/// A command in the project's folder, that sees our tools and cannot wait for a person.
fn quietly_in(program: &str, arguments: &[&str]) -> Command {
    let mut command = match program {
        "cargo" => Command::new(repository::cargo()),
        other => Command::new(other),
    };
    command
        .args(arguments)
        .current_dir(repository::root())
        .env("PATH", tools::path())
        .stdin(Stdio::null());
    command
}

fn finish(mut command: Command) -> Result<(), String> {
    let shown = command
        .get_args()
        .map(|argument| argument.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ");
    let program = command.get_program().to_string_lossy().into_owned();
    let name = program.rsplit('/').next().unwrap_or(&program).to_owned();
    let status = command
        .status()
        .map_err(|error| format!("`{name}` could not be started: {error}."))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("`{name} {shown}` failed ({status})."))
}

fn spelled(elapsed: Duration) -> String {
    match elapsed.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(args: &[&str]) -> Result<Vec<&'static str>, String> {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        match chosen(&args)? {
            Chosen::Help => Ok(vec!["help"]),
            Chosen::Steps(steps) => Ok(steps.iter().map(|step| step.name).collect()),
        }
    }

    #[test]
    fn everything_runs_when_nothing_is_chosen() {
        assert_eq!(names(&[]).map(|steps| steps.len()), Ok(STEPS.len()));
    }

    #[test]
    fn only_and_skip_choose_among_the_steps() {
        assert_eq!(
            names(&["--only", "tidy", "--only", "fmt"]),
            Ok(vec!["fmt", "tidy"])
        );
        let without = names(&["--skip", "fuzz"]).expect("a known step");
        assert!(
            !without.contains(&"fuzz") && without.contains(&"nextest"),
            "{without:?}"
        );
    }

    #[test]
    fn a_step_that_does_not_exist_is_refused_by_name() {
        let refusal = names(&["--only", "lint"]).expect_err("no such step");
        assert!(refusal.starts_with("There is no step `lint`."), "{refusal}");
    }

    #[test]
    fn times_are_spelled_for_people() {
        assert_eq!(spelled(Duration::from_secs(7)), "7 s");
        assert_eq!(spelled(Duration::from_secs(125)), "2 min 05 s");
    }
}
