//! The public API of the bot SDK, as it was last looked at: `crates/bot/api.txt`. Its diff is the review of a change.
//!
//! rustdoc writes what is public as JSON, in a form that is not stable yet and that the crate `public-api` reads. A
//! compiler that writes another form than that cannot be asked; then it is said, and nothing is compared.
//!
//! In the same form it is seen whether each public type, trait and function has an example; whether that compiles is
//! for the documentation's tests.

use std::fs;
use std::path::PathBuf;

use public_api::{Builder, Error};
use serde_json::Value;

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
        return has_examples();
    }
    Err(format!(
        "The public API of {CRATE} is another one than crates/bot/api.txt says:\n\n{}{}\n\
         If that is meant, `cargo xtask api` writes it down.",
        lines(&then, &now, '-'),
        lines(&now, &then, '+'),
    ))
}

fn has_examples() -> Result<(), String> {
    let json = fs::read_to_string(description()).map_err(|why| why.to_string())?;
    let json = serde_json::from_str(&json).map_err(|why| why.to_string())?;
    let without = without_example(&json);
    match without.as_slice() {
        [] => Ok(()),
        _ => Err(format!(
            "These public items of {CRATE} have no example in their documentation:\n\n{}",
            without.join("\n")
        )),
    }
}

/// The public types, traits and functions of a description that have none, with their kinds.
fn without_example(description: &Value) -> Vec<String> {
    let items = description["index"].as_object();
    let items: Vec<&Value> = items.into_iter().flat_map(|index| index.values()).collect();
    // Functions of their own, and not of a type or trait, are members of modules.
    let of_modules: Vec<&Value> = items
        .iter()
        .filter_map(|item| item["inner"]["module"]["items"].as_array())
        .flatten()
        .collect();
    let mut without: Vec<String> = items
        .into_iter()
        .filter(|item| item["crate_id"] == 0 && item["visibility"] == "public")
        .filter(|item| {
            !item["docs"]
                .as_str()
                .is_some_and(|docs| docs.contains("```"))
        })
        .filter_map(|item| {
            let (kind, _) = item["inner"].as_object()?.iter().next()?;
            let has_to = match kind.as_str() {
                "struct" | "enum" | "trait" | "union" | "macro" => true,
                "function" => of_modules.contains(&&item["id"]),
                _ => false,
            };
            has_to.then(|| format!("{kind} {}", item["name"].as_str().unwrap_or_default()))
        })
        .collect();
    without.sort();
    without
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
    let json = description();
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

/// Where rustdoc writes what is public.
fn description() -> PathBuf {
    tools::target().join("doc/offhook_bot.json")
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn types_and_free_functions_without_an_example_are_found() {
        let item = |id: u32, name: &str, docs: &str, inner: Value| json!({"id": id, "name": name, "docs": docs, "crate_id": 0, "visibility": "public", "inner": inner});
        let function = json!({"function": {}});
        let description = json!({"index": {
            "0": item(0, "bot", "Bots.", json!({"module": {"items": [1, 2, 3]}})),
            "1": item(1, "Turn", "One.\n\n```\nuse it;\n```", json!({"struct": {}})),
            "2": item(2, "Say", "Says.", json!({"struct": {}})),
            "3": item(3, "escape", "Escapes.", function.clone()),
            "4": item(4, "a_method", "Of a type.", function),
        }});
        assert_eq!(
            without_example(&description),
            ["function escape", "struct Say"]
        );
    }
}
