//! Where the project is, and which files are the project's.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The folder of the workspace's `Cargo.toml`.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask is a folder of the workspace")
}

/// A file of the project, by its path from the root, with `/` between folders.
pub(crate) struct SourceFile {
    pub(crate) path: String,
    /// `None` for a file that is not UTF-8: a sound, a picture, a hostile packet.
    pub(crate) text: Option<String>,
}

/// Every file that is in the project or about to be: tracked, or new and not ignored.
pub(crate) fn files() -> Result<Vec<SourceFile>, String> {
    let listed = output(
        Command::new("git")
            .args([
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
            ])
            .current_dir(root()),
    )?;
    let mut paths: Vec<&str> = listed.split('\0').filter(|path| !path.is_empty()).collect();
    paths.sort_unstable();
    paths.dedup();
    Ok(paths
        .into_iter()
        .filter_map(|path| {
            // A file may be listed and already deleted; that is no fault of what is left.
            let bytes = std::fs::read(root().join(path)).ok()?;
            Some(SourceFile {
                path: path.to_owned(),
                text: String::from_utf8(bytes).ok(),
            })
        })
        .collect())
}

/// A member of the workspace and what its `Cargo.toml` asks for.
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) dependencies: Vec<Dependency>,
}

pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) for_tests_only: bool,
}

/// The workspace as cargo reads it.
pub(crate) fn members() -> Result<Vec<Member>, String> {
    let metadata = output(
        Command::new(cargo())
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .current_dir(root()),
    )?;
    let metadata: Value = serde_json::from_str(&metadata)
        .map_err(|error| format!("`cargo metadata` did not print JSON: {error}"))?;
    Ok(members_of(&metadata))
}

fn members_of(metadata: &Value) -> Vec<Member> {
    let entries = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    entries(&metadata["packages"])
        .iter()
        .map(|package| Member {
            name: name(package),
            dependencies: entries(&package["dependencies"])
                .iter()
                .map(|dependency| Dependency {
                    name: name(dependency),
                    for_tests_only: dependency["kind"] == "dev",
                })
                .collect(),
        })
        .collect()
}

/// The cargo that runs us, so that a chosen toolchain stays chosen.
pub(crate) fn cargo() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}

fn output(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(|error| format!("`{program}` could not be started: {error}"))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`{program}` failed: {}", complaint.trim()));
    }
    String::from_utf8(output.stdout)
        .map_err(|_| format!("`{program}` printed something unreadable"))
}
