//! Starting, and not starting: one clear sentence, exit code 2, nothing half-started.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::process::{Command, Stdio};

use crate::demo::Demo;
use crate::web;

/// Runs the demo with options it must refuse, and gives what it says.
#[track_caller]
fn refused(options: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data").to_string_lossy().into_owned();
    let usual = [
        ("--http", "127.0.0.1:0"),
        ("--https", "127.0.0.1:0"),
        ("--sip", "127.0.0.1:0"),
        ("--data", &data),
    ];
    let left = usual
        .iter()
        .filter(|(name, _)| options.iter().all(|(other, _)| other != name));
    // Should it start after all, it is ended: what it then says is not a refusal.
    let output = Command::new("timeout")
        .args(["30", env!("CARGO_BIN_EXE_offhook"), "demo"])
        .args(left.chain(options).flat_map(|(name, value)| [name, value]))
        .stdin(Stdio::null())
        .output()
        .expect("the demo can be started");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{options:?}: {said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

#[test]
fn a_taken_port_is_one_sentence() {
    for option in ["--http", "--https", "--sip"] {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
        let at = taken.local_addr().expect("a bound socket").to_string();
        let said = refused(&[(option, &at)]);
        assert!(said.contains(&at), "{option} {at}: {said}");
    }
    let taken = UdpSocket::bind("127.0.0.1:0").expect("a free port on loopback");
    let at = taken.local_addr().expect("a bound socket").to_string();
    let said = refused(&[("--sip", &at)]);
    assert!(said.contains(&at), "--sip {at}: {said}");
}

#[test]
fn a_bad_option_is_refused() {
    assert!(refused(&[("--rtp-ports", "many")]).contains("many"));
    assert!(refused(&[("--media-threads", "0")]).contains("threads"));
    refused(&[("--bot", "not a url")]);
    refused(&[("--no-such-option", "x")]);
}

#[test]
fn an_unusable_folder_is_refused() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let inside = file.path().join("data").to_string_lossy().into_owned();
    let said = refused(&[("--data", &inside)]);
    assert!(said.contains(&inside), "{said}");
}

#[test]
fn a_started_demo_is_healthy_counts_and_stops_when_asked() {
    let demo = Demo::start();
    for path in ["/healthz", "/readyz"] {
        assert_eq!(web::get(demo.http(), path).status, 200, "{path}");
    }
    let metrics = web::get(demo.http(), "/metrics");
    assert_eq!(metrics.status, 200);
    assert!(metrics.body.contains("offhook_"), "{}", metrics.body);
    assert_eq!(demo.text("/bots/0/protocol"), "graph");
    for secret in [
        "/bots/0/secret",
        "/people/0/sip_password",
        "/people/1/sip_password",
    ] {
        assert!(
            demo.text(secret).len() >= 12,
            "{secret} is too short to be one"
        );
    }
    assert!(fs::metadata(demo.text("/ca_file")).is_ok_and(|file| file.is_file()));
    let (status, log) = demo.stop();
    assert!(status.success(), "{status}: {log}");
    assert!(!log.contains("panicked"), "{log}");
}
