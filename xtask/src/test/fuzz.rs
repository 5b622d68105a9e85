//! Builds the fuzz targets and runs each for a moment.
//!
//! `cargo fuzz` is for hunting; here we only want to know that every target builds and that a fresh
//! mutation of its seeds does no harm. So we compile with coverage by ourselves: the flags below
//! are what libFuzzer feeds on, and they work on the stable compiler. There is no address
//! sanitizer, because our code has no `unsafe` to find fault with; panics, overflows, hangs and
//! hoarding are what we look for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{finish, quietly_in};
use crate::{repository, tools};

/// Enough mutations to reach past the first bytes of every format, few enough to end in seconds.
const MUTATIONS: &str = "-runs=20000";

/// A slow parser must not make the whole check slow; hunting goes on elsewhere.
const SECONDS_AT_MOST: &str = "-max_total_time=10";

const COVERAGE: &[&str] = &[
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    // Optimised enough to run far, checked enough to notice.
    "-Cdebug-assertions=on",
    "-Coverflow-checks=on",
    // One codegen unit each would be faster to run and slower to build; we run only for a moment.
    "-Ccodegen-units=16",
];

pub(super) fn run() -> Result<(), String> {
    let manifest = repository::root().join("fuzz/Cargo.toml");
    let manifest = manifest.to_string_lossy();
    let host = host()?;
    let out = tools::target().join("fuzz");
    let folder = out.to_string_lossy();
    // With `--target`, the flags reach what is fuzzed and not the build scripts.
    let build = [
        "build",
        "--release",
        "--manifest-path",
        &manifest,
        "--target",
        &host,
        "--target-dir",
        &folder,
    ];
    let mut build = quietly_in("cargo", &build);
    build.env("RUSTFLAGS", COVERAGE.join(" "));
    finish(build)?;
    for target in targets(&manifest)? {
        fuzz(&target, &out, &host)?;
    }
    Ok(())
}

fn fuzz(target: &str, out: &Path, host: &str) -> Result<(), String> {
    let fail = |error: std::io::Error| format!("The fuzz folder could not be prepared: {error}.");
    // New inputs go to the first folder, so that the seeds stay as they were written.
    let found = out.join("found").join(target);
    fs::create_dir_all(&found).map_err(fail)?;
    let crashes = format!(
        "-artifact_prefix={}/{target}-",
        out.join("found").to_string_lossy()
    );
    let program = out.join(host).join("release").join(target);
    let mut command = quietly_in(
        &program.to_string_lossy(),
        &[
            MUTATIONS,
            SECONDS_AT_MOST,
            "-seed=1",
            "-timeout=5",
            "-rss_limit_mb=1024",
            "-max_len=65536",
            "-verbosity=0",
            &crashes,
        ],
    );
    command.arg(&found).args(seeds(target));
    // A fuzzer talks much and says little until it finds something.
    let output = command
        .output()
        .map_err(|error| format!("`{target}` could not be started: {error}."))?;
    if output.status.success() {
        println!("  {target} survived");
        return Ok(());
    }
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    Err(format!(
        "The fuzz target `{target}` found something; fuzz/README.md says how to repeat it."
    ))
}

/// The folders a target starts from: its own, and fixtures that are there for other reasons too.
fn seeds(target: &str) -> Vec<PathBuf> {
    let root = repository::root();
    let mut folders = vec![root.join("fuzz/corpus").join(target)];
    if target.starts_with("sdp") {
        folders.push(root.join("fixtures/sdp-hostile"));
    }
    folders.retain(|folder| folder.is_dir());
    folders
}

/// The programs of the fuzz workspace.
fn targets(manifest: &str) -> Result<Vec<String>, String> {
    let output = Command::new(repository::cargo())
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--manifest-path",
            manifest,
        ])
        .output()
        .map_err(|error| format!("`cargo metadata` could not be started: {error}."))?;
    let metadata: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("`cargo metadata` did not print JSON: {error}."))?;
    let entries = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut names: Vec<String> = entries(&metadata["packages"])
        .iter()
        .flat_map(|package| entries(&package["targets"]))
        .filter(|target| target["kind"][0] == "bin")
        .filter_map(|target| Some(target["name"].as_str()?.to_owned()))
        .collect();
    names.sort_unstable();
    if names.is_empty() {
        return Err("fuzz/ has no targets.".to_owned());
    }
    Ok(names)
}

/// The triple this compiler builds for when it is not told otherwise.
fn host() -> Result<String, String> {
    let output = Command::new("rustc")
        .arg("-vV")
        .output()
        .map_err(|error| format!("`rustc` could not be started: {error}."))?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .ok_or_else(|| "`rustc -vV` names no host.".to_owned())
}
