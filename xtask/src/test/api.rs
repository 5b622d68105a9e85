//! The public API of the bot SDK, as it was last looked at: `crates/bot/api.txt`. Its diff is the review of a change.
//!
//! rustdoc writes what is public as JSON, in a form that is not stable yet and that the crate `public-api` reads. A
//! compiler that writes another form than that cannot be asked; then it is said, and nothing is compared.

use std::fs;
use std::path::PathBuf;

use public_api::{Builder, Error};

use super::{finish, quietly_in};
use crate::{repository, tools};

const CRATE: &str = "offhook-bot";

const HELP: &str = "\
cargo xtask api

Writes the public API of the bot SDK to crates/bot/api.txt. `cargo xtask test` says when the two differ; look at the
difference, and commit it with the change that made it.
";

/// The chore: writes it.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    if !args.is_empty() {
        print!("{HELP}");
        return Ok(());
    }
    match public()? {
        Some(text) => fs::write(snapshot(), text).map_err(|why| why.to_string()),
        None => Err("This compiler's documentation in JSON cannot be read.".to_owned()),
    }
}

/// The check: compares it.
pub(super) fn compare() -> Result<(), String> {
    let Some(now) = public()? else {
        println!(
            "This compiler describes APIs in another form than `public-api` reads: nothing is compared."
        );
        return Ok(());
    };
    let then = fs::read_to_string(snapshot()).map_err(|why| why.to_string())?;
    let lines = |text: &str, other: &str, sign: char| {
        let missing = |line: &&str| !other.lines().any(|known| known == *line);
        let some = text.lines().filter(missing).take(40);
        some.map(|line| format!("{sign} {line}\n"))
            .collect::<String>()
    };
    if now == then {
        return Ok(());
    }
    Err(format!(
        "The public API of {CRATE} is another one than crates/bot/api.txt says:\n\n{}{}\n\
         If that is meant, `cargo xtask api` writes it down.",
        lines(&then, &now, '-'),
        lines(&now, &then, '+'),
    ))
}

fn snapshot() -> PathBuf {
    repository::root().join("crates/bot/api.txt")
}

/// A line for each item; `None` when this compiler's JSON is of another form.
fn public() -> Result<Option<String>, String> {
    let mut rustdoc = quietly_in(
        "cargo",
        &["rustdoc", "-p", CRATE, "--lib", "--all-features"],
    );
    rustdoc
        .args([
            "--locked",
            "--",
            "-Zunstable-options",
            "--output-format=json",
        ])
        .env("RUSTDOC", with_what_is_unstable()?);
    finish(rustdoc)?;
    let json = tools::target().join("doc/offhook_bot.json");
    let built = Builder::from_rustdoc_json(&json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build();
    match built {
        Ok(api) => Ok(Some(api.to_string())),
        Err(Error::SerdeJsonError(_)) => Ok(None),
        Err(why) => Err(format!("{}: {why}.", json.display())),
    }
}

/// A rustdoc that may do what is not stable yet. Said to rustdoc alone: said to everybody, it would have all
/// dependencies built again.
fn with_what_is_unstable() -> Result<PathBuf, String> {
    let script = tools::target().join("rustdoc-json.sh");
    let text = "#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec rustdoc \"$@\"\n";
    let written = fs::write(&script, text).and_then(|()| {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755))
    });
    written.map_err(|why| format!("{}: {why}.", script.display()))?;
    Ok(script)
}
