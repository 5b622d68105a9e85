//! Chores a developer types: `cargo xtask CHORE`.
//!
//! A chore is a module with a `run(args)` that either finishes or says in one sentence what is
//! wrong; it is listed once, in [`CHORES`].

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a chore talks to the person who typed it"
)]

mod bench;
mod kills;
mod repository;
mod rust_text;
mod test;
mod tidy;
mod tools;

use std::process::ExitCode;

struct Chore {
    name: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Result<(), String>,
}

const CHORES: &[Chore] = &[
    Chore {
        name: "test",
        about: "install what is missing, then run every check there is",
        run: test::run,
    },
    Chore {
        name: "tidy",
        about: "only the walls: who may lean on whom, who may read a clock",
        run: tidy::run,
    },
    Chore {
        name: "api",
        about: "write down the public API of the bot SDK",
        run: test::api::run,
    },
    Chore {
        name: "bench",
        about: "the platform under load, beside the least that moving its packets costs",
        run: bench::run,
    },
    Chore {
        name: "kills",
        about: "kill the platform while it records, a thousand times",
        run: kills::run,
    },
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, rest)) = args.split_first() else {
        eprint!("{}", help());
        return ExitCode::from(2);
    };
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        print!("{}", help());
        return ExitCode::SUCCESS;
    }
    let Some(chore) = CHORES.iter().find(|chore| chore.name == name) else {
        eprintln!("There is no chore `{name}`.\n");
        eprint!("{}", help());
        return ExitCode::from(2);
    };
    match (chore.run)(rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("\n{sentence}");
            ExitCode::FAILURE
        }
    }
}

fn help() -> String {
    let mut text = String::from("cargo xtask CHORE [--help]\n\n");
    for chore in CHORES {
        text.push_str(&format!("  {:<8}{}\n", chore.name, chore.about));
    }
    text
}
