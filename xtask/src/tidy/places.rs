//! Things that are good in one place and wrong in every other.

use super::Project;
use crate::rust_text::{code, without_tests};

/// The vocabulary stays small enough to be read whole.
const TERMS_LINES_BELOW: usize = 200;

pub(super) fn terms_grown(project: &Project) -> Vec<String> {
    let mut broken = Vec::new();
    let lines: usize = project
        .rust()
        .filter(|(path, _)| path.starts_with("crates/terms/src/"))
        .map(|(_, text)| text.lines().count())
        .sum();
    if lines >= TERMS_LINES_BELOW {
        broken.push(format!("crates/terms/src has {lines} lines"));
    }
    for member in project
        .members
        .iter()
        .filter(|member| member.name == "offhook-terms")
    {
        for on in member.dependencies.iter().filter(|on| !on.for_tests_only) {
            broken.push(format!("terms depends on {}", on.name));
        }
    }
    broken
}

/// Who may name a crate of the SIP stack, so that swapping the stack stays a contained change.
const STACK: &[(&str, &[&str])] = &[
    ("sipx_sdp", &["crates/media/"]),
    ("sipx_", &["crates/media/", "crates/sip/"]),
];

pub(super) fn stack_outside(project: &Project) -> Vec<String> {
    let mut broken = Vec::new();
    for (path, text) in project.rust() {
        for (number, line) in numbered(&code(text)) {
            for (name, places) in STACK {
                if names(line, name) && !places.iter().any(|place| path.starts_with(place)) {
                    broken.push(format!("{path}:{number}: names {name}"));
                    break;
                }
            }
        }
    }
    broken
}

/// Whether a line has a word that starts like this; `offhook_sipx_x` would be another word.
fn names(line: &str, start: &str) -> bool {
    line.match_indices(start).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|before| before.is_alphanumeric() || before == '_')
    })
}

/// Asking what time it is, in the spellings of the crates we use. `Instant::elapsed` is left to
/// clippy (`clippy.toml` of each deciding crate), which knows a type from a field of that name.
const CLOCKS: &[&str] = &[
    "Instant::now",
    "SystemTime::now",
    "UNIX_EPOCH.elapsed",
    "OffsetDateTime::now_utc",
    "OffsetDateTime::now_local",
    "UtcDateTime::now",
    "Utc::now",
    "Local::now",
    "clock_gettime",
];

/// Who may ask. In sip it is tokio's time, which a test can pause; phone, bot and apps are not the
/// platform but those who call it.
const CLOCK_READERS: &[&str] = &[
    "crates/sip/",
    "crates/server/src/clock.rs",
    "crates/phone/",
    "crates/bot/",
    "crates/speech/",
    "crates/cli/",
    "apps/",
    "simulator/",
    "xtask/",
    "fuzz/",
];

pub(super) fn clock_read(project: &Project) -> Vec<String> {
    let mut broken = Vec::new();
    for (path, text) in project.rust() {
        let beside_the_code = ["/tests/", "/benches/", "/examples/", "build.rs", "tests.rs"];
        if CLOCK_READERS.iter().any(|reader| path.starts_with(reader))
            || beside_the_code.iter().any(|place| path.contains(place))
        {
            continue;
        }
        for (number, line) in numbered(&without_tests(&code(text))) {
            if let Some(clock) = CLOCKS.iter().find(|clock| line.contains(*clock)) {
                broken.push(format!(
                    "{path}:{number}: {clock}; take the time as an argument"
                ));
            }
        }
    }
    broken
}

pub(super) fn bound_without_reason(project: &Project) -> Vec<String> {
    let mut broken = Vec::new();
    for (path, text) in project
        .rust()
        .filter(|(path, _)| path.ends_with("/limits.rs"))
    {
        let mut reason = false;
        for (number, line) in numbered(text) {
            let line = line.trim_start();
            // An assertion between bounds is `const _`, and is its own reason.
            let is_bound = [
                "const ",
                "pub const ",
                "pub(crate) const ",
                "pub(super) const ",
            ]
            .iter()
            .any(|start| line.starts_with(start) && !line.starts_with("const _"));
            if is_bound && !reason && !line.starts_with("pub const fn") {
                broken.push(format!(
                    "{path}:{number}: no reason stands above this bound"
                ));
            }
            reason = line.starts_with("///") || (reason && line.starts_with("#["));
        }
    }
    broken
}

const NAMES_OF_NOTHING: &[&str] = &[
    "common", "util", "utils", "helper", "helpers", "misc", "shared",
];

pub(super) fn named_for_nothing(project: &Project) -> Vec<String> {
    let names_nothing = |path: &str| {
        let mut parts = path.trim_end_matches(".rs").split('/');
        parts.any(|part| NAMES_OF_NOTHING.contains(&part))
    };
    project
        .rust()
        .filter(|(path, _)| names_nothing(path))
        .map(|(path, _)| path.to_owned())
        .collect()
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(at, line)| (at + 1, line))
}

#[cfg(test)]
mod tests {
    use super::super::tests::project;
    use super::*;

    #[test]
    fn a_vocabulary_that_grew_is_found() {
        let long = "//\n".repeat(200);
        let bad = project(
            &[("crates/terms/src/lib.rs", &long)],
            &[("offhook-terms", &["serde", "dev:insta"])],
        );
        assert_eq!(
            terms_grown(&bad),
            ["crates/terms/src has 200 lines", "terms depends on serde"],
        );
    }

    #[test]
    fn the_stack_outside_its_crates_is_found() {
        let bad = project(
            &[
                (
                    "crates/server/src/sip.rs",
                    "use sipx_sip::Request;\nmod offhook_sipx_x;",
                ),
                (
                    "crates/sip/src/offer.rs",
                    "\nuse sipx_sdp::Session; // and sipx_sip",
                ),
                ("crates/media/src/sdp.rs", "use sipx_sdp::Session;"),
            ],
            &[],
        );
        assert_eq!(
            stack_outside(&bad),
            [
                "crates/server/src/sip.rs:1: names sipx_",
                "crates/sip/src/offer.rs:2: names sipx_sdp",
            ],
        );
    }

    #[test]
    fn a_clock_in_deciding_code_is_found_and_in_its_tests_is_not() {
        let source =
            "fn f() { Instant::now(); }\n#[cfg(test)]\nmod tests { fn t() { Instant::now(); } }";
        let bad = project(
            &[
                ("crates/engine/src/call.rs", source),
                ("crates/server/src/clock.rs", source),
                ("crates/engine/tests/calls.rs", source),
            ],
            &[],
        );
        assert_eq!(
            clock_read(&bad),
            ["crates/engine/src/call.rs:1: Instant::now; take the time as an argument"],
        );
    }

    #[test]
    fn a_bound_without_its_reason_is_found() {
        let source = "/// Long enough.\n#[doc(hidden)]\npub const A: u8 = 1;\n\nconst B: u8 = 2;\nconst _: () = assert!(A < B);\n";
        let bad = project(&[("crates/engine/src/limits.rs", source)], &[]);
        assert_eq!(
            bound_without_reason(&bad),
            ["crates/engine/src/limits.rs:5: no reason stands above this bound"],
        );
    }

    #[test]
    fn a_file_named_for_nothing_is_found() {
        let bad = project(
            &[
                ("crates/sip/src/utils.rs", ""),
                ("crates/sip/src/utility.rs", ""),
            ],
            &[],
        );
        assert_eq!(named_for_nothing(&bad), ["crates/sip/src/utils.rs"]);
    }
}
