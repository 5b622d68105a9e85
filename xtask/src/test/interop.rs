//! Microsoft's own clients run calls on the platform, and stores of others take its recordings: installs
//! them as anybody would, then runs the tests that drive them (`crates/cli/tests/e2e/interop.rs` and below).
//!
//! Python's packages go under the target folder, JavaScript's beside their lock file, where that
//! language looks for them. Both are of exactly the versions and contents that the lock files name.

use std::fs;
use std::path::{Path, PathBuf};

use super::{cargo, finish, quietly_in};
use crate::{repository, tools};

pub(super) fn run() -> Result<(), String> {
    for clients in ["graph", "channel", "stores"] {
        let scripts = repository::root().join("interop").join(clients);
        let wanted = scripts.join("python/requirements.txt");
        bring_python(&wanted, &kept()?, &prefix(clients))?;
        bring_node(clients)?;
    }
    build_from_packages()?;

    cargo(&[
        "nextest",
        "run",
        "--workspace",
        "--locked",
        "--profile",
        "ci",
        "--run-ignored",
        "only",
        "-E",
        "package(=offhook) and test(/^interop::/)",
    ])
}

/// Where it is noted what was brought.
fn kept() -> Result<PathBuf, String> {
    let kept = tools::target().join("interop");
    fs::create_dir_all(&kept).map_err(|error| format!("{}: {error}.", kept.display()))?;
    Ok(kept)
}

fn prefix(clients: &str) -> String {
    match clients {
        "graph" => String::new(),
        others => format!("{others}-"),
    }
}

fn bring_python(wanted: &Path, kept: &Path, prefix: &str) -> Result<(), String> {
    let python = kept.join(format!("{prefix}python"));
    bring_once(
        wanted,
        &kept.join(format!("{prefix}python.lock")),
        &python,
        || {
            println!("Packages for Python are missing; pip installs them under the target folder.");
            // Added to what is there, old versions would stay beside the new.
            let _ = fs::remove_dir_all(&python);
            let mut pip = quietly_in("python3", &["-m", "pip", "install", "--quiet"]);
            pip.args(["--root-user-action=ignore", "--no-compile"])
                .args(["--require-hashes", "--requirement"])
                .arg(wanted)
                .arg("--target")
                .arg(&python);
            finish(pip)
        },
    )
}

/// Sees that the JavaScript packages of these clients are there, and says in which folder.
pub(crate) fn bring_node(clients: &str) -> Result<PathBuf, String> {
    let node = repository::root()
        .join("interop")
        .join(clients)
        .join("node");
    let wanted = node.join("package-lock.json");
    let modules = node.join("node_modules");
    bring_once(
        &wanted,
        &kept()?.join(format!("{}node.lock", prefix(clients))),
        &modules,
        || {
            println!(
                "Packages for JavaScript are missing; npm installs them beside their lock file."
            );
            let mut npm = quietly_in(
                "npm",
                &["ci", "--no-audit", "--no-fund", "--loglevel=error"],
            );
            npm.current_dir(&node);
            finish(npm)
        },
    )?;
    Ok(node)
}

/// The crates of the bot SDK, as they would be published.
const PUBLISHED: [&str; 4] = [
    "offhook-terms",
    "offhook-wire",
    "offhook-identity",
    "offhook-bot",
];

/// Builds the hotel in Rust as anybody would who has the crates and not this repository: in a folder of its own, from what
/// `cargo package` makes.
fn build_from_packages() -> Result<(), String> {
    let mut package = quietly_in(
        "cargo",
        &["package", "--no-verify", "--allow-dirty", "--quiet"],
    );
    package.args(PUBLISHED.iter().flat_map(|name| ["-p", name]));
    finish(package)?;
    let own = kept()?.join("rust");
    let fault = |why: std::io::Error| format!("{}: {why}.", own.display());
    let _ = fs::remove_dir_all(own.join("src"));
    fs::create_dir_all(own.join("src")).map_err(fault)?;
    let scripts = repository::root().join("interop/channel/rust");
    for file in ["Cargo.toml", "src/main.rs"] {
        fs::copy(scripts.join(file), own.join(file)).map_err(fault)?;
    }
    // Versions that were tested together; what it does not need goes away.
    fs::copy(
        repository::root().join("Cargo.lock"),
        own.join("Cargo.lock"),
    )
    .map_err(fault)?;
    let mut build = quietly_in("cargo", &["build", "--quiet"]);
    build
        .current_dir(&own)
        .env("CARGO_TARGET_DIR", own.join("target"));
    for name in PUBLISHED {
        let packed = format!("{name}-0.1.0");
        let archive = tools::target()
            .join("package")
            .join(format!("{packed}.crate"));
        // As of now: what is packed has the same time in every archive, and cargo would build nothing again.
        let mut unpack = quietly_in("tar", &["-xzmf"]);
        unpack.arg(archive).arg("-C").arg(&own);
        finish(unpack)?;
        let path = own.join(packed);
        build.arg("--config");
        build.arg(format!("patch.crates-io.{name}.path={path:?}"));
    }
    finish(build)
}

/// Brings something, unless it is there already and was brought by the same lock file.
fn bring_once(
    wanted: &Path,
    brought: &Path,
    there: &Path,
    bring: impl FnOnce() -> Result<(), String>,
) -> Result<(), String> {
    let lock = fs::read(wanted).map_err(|error| format!("{}: {error}.", wanted.display()))?;
    if there.is_dir() && fs::read(brought).is_ok_and(|before| before == lock) {
        return Ok(());
    }
    bring()?;
    fs::write(brought, lock).map_err(|error| format!("{}: {error}.", brought.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_lock_file_brought_is_brought_again() {
        let folder = std::env::temp_dir().join(format!("offhook-bring-{}", std::process::id()));
        let there = folder.join("there");
        fs::create_dir_all(&there).expect("a folder");
        let (wanted, brought) = (folder.join("wanted"), folder.join("brought"));
        let mut times = 0;
        for (lock, expected) in [("a", 1), ("a", 1), ("b", 2)] {
            fs::write(&wanted, lock).expect("written");
            bring_once(&wanted, &brought, &there, || {
                times += 1;
                Ok(())
            })
            .expect("brought");
            assert_eq!(times, expected);
        }
        fs::remove_dir(&there).expect("removed");
        let failed = bring_once(&wanted, &brought, &there, || Err("no".to_owned()));
        assert_eq!(failed, Err("no".to_owned()));
        fs::remove_dir_all(&folder).expect("removed");
    }
}
