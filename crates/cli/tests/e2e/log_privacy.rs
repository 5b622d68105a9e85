//! The log of a whole call, read for what must not be in it.
//!
//! The demo writes all that it and its libraries would ever say (`log.filter = trace`). Ada, with
//! her password, calls the calling bot, speaks, presses `#` and hears herself. Whoever reads the
//! log then learns that there was a call, and not whose. The log of calls that bots make, transfer
//! and invite to is read in the same way by the tests with Microsoft's clients, which make them.

use std::collections::HashSet;

use crate::demo::Demo;
use crate::reach::hears_itself;

#[test]
fn the_log_of_a_whole_call_says_nothing_about_anybody() {
    let demo = Demo::start_with(
        &[],
        &[
            ("OFFHOOK_LOG__FILTER", "trace"),
            // Colours would stand between a name and its value.
            ("NO_COLOR", "1"),
            // A display name and a number of a stranger, beside the sample people's.
            ("OFFHOOK_SIP__CALLERS", "anyone"),
        ],
    );
    let called = demo.text("/bots/0/dial");
    let somebody = demo.text("/people/0/sip_user");
    hears_itself(
        &demo,
        &called,
        &[
            "--user",
            &somebody,
            "--domain",
            &demo.text("/people/0/sip_domain"),
            "--display",
            "Xanthippe Quux",
            "--register",
        ],
        Some(&demo.text("/people/0/sip_password")),
    );
    let stranger = ["--from", "sip:+14255550123@elsewhere.example"];
    hears_itself(&demo, &called, &stranger, None);

    let secrets: Vec<(&str, String)> = [
        ("a password", "/people/0/sip_password"),
        ("another password", "/people/1/sip_password"),
        ("a bot's secret", "/bots/0/secret"),
    ]
    .map(|(what, at)| (what, demo.text(at)))
    .into();
    let words: Vec<(&str, String)> = [
        ("a name", "/people/0/name"),
        ("a SIP user", "/people/0/sip_user"),
    ]
    .map(|(what, at)| (what, demo.text(at)))
    .into();
    let (_, log) = demo.stop();
    let ended = log.lines().filter(|line| line.contains("the call ends"));
    assert_eq!(ended.count(), 2, "both calls are in the log");
    tells_nothing(&log, &secrets, &words);
}

/// Nothing private is in this log: none of these secrets anywhere, none of these words as a word, and
/// none of what is in [`NEVER`].
#[track_caller]
pub(crate) fn tells_nothing(log: &str, secrets: &[(&str, String)], words: &[(&str, String)]) {
    // What was printed for the reader of the demo is in the ready file as well; the log is the rest.
    let log: Vec<&str> = log.lines().filter(|line| is_logged(line)).collect();
    assert!(log.len() > 10, "so are the libraries: {} lines", log.len());
    let mut found = Vec::new();
    for line in &log {
        let mut says = |what: &str| found.push(format!("{what}: {line}"));
        for (what, secret) in secrets {
            if line.contains(secret.as_str()) {
                says(what);
            }
        }
        let on_line: HashSet<String> = line
            .split(|c: char| !c.is_alphanumeric())
            .map(str::to_lowercase)
            .collect();
        for (what, word) in words {
            if on_line.contains(&word.to_lowercase()) {
                says(what);
            }
        }
        for (what, text) in NEVER {
            if line.to_lowercase().contains(text) {
                says(what);
            }
        }
    }
    assert!(
        found.is_empty(),
        "{} lines tell too much, such as:\n{}",
        found.len(),
        found[..found.len().min(20)].join("\n")
    );
}

/// Traces of what no line may hold, in lower case.
const NEVER: [(&str, &str); 14] = [
    ("a display name", "xanthippe"),
    ("a number", "14255550123"),
    ("a number", "4930222"),
    ("a number", "4930111"),
    ("a bearer token", "bearer "),
    ("a signed token", "eyj"),
    ("a digest proof", "digest username"),
    ("a digest nonce", "nonce="),
    ("a pressed key", "tone=tone"),
    ("a pressed key", "\"pound\""),
    ("a pressed key", "tone('"),
    ("a session description", "m=audio"),
    ("a session description", "a=rtpmap"),
    ("a SIP message", "sip/2.0/"),
];

/// Log lines have a level; what the demo prints for its reader does not.
fn is_logged(line: &str) -> bool {
    let levels = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"];
    levels
        .iter()
        .any(|level| line.contains(&format!(" {level} ")))
}
