//! The demo over what not everybody has: IPv6, TLS with encrypted audio. The phone is the one of
//! `offhook dial`, as a reader of the manual types it.

use std::net::TcpListener;
use std::process::Command;

use crate::demo::Demo;

/// Leaves a message, ends it with `#`, hears it back and hangs up.
#[track_caller]
pub(crate) fn hears_itself(demo: &Demo, to: &str, options: &[&str], password: Option<&str>) {
    let said = Command::new(env!("CARGO_BIN_EXE_offhook"))
        .args(["dial", to])
        .args(options)
        .envs(password.map(|password| ("OFFHOOK_DIAL_PASSWORD", password)))
        .args(["--expect-beep", "1000", "--play", "tone:440:2s"])
        .args(["--keys", "#", "--expect-tone", "440", "--for", "1s"])
        .output()
        .expect("offhook dial can be started");
    assert!(
        said.status.success(),
        "{}\n{}\n{}",
        String::from_utf8_lossy(&said.stdout),
        String::from_utf8_lossy(&said.stderr),
        demo.logs()
    );
}

#[test]
fn a_message_is_left_over_ipv6() {
    let demo = Demo::start_with(&["--sip", "[::1]:0"], &[]);
    assert!(demo.sip().is_ipv6());
    hears_itself(&demo, &demo.text("/bots/0/dial"), &[], None);
}

#[test]
fn a_message_is_left_by_tls_with_encrypted_audio() {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let port = free.expect("a free port").port().to_string();
    let demo = Demo::start_with(&[], &[("OFFHOOK_SIP__TLS_PORT", &port)]);
    let authority = demo.text("/ca_file");
    let to = format!("sip:{}@127.0.0.1:{port}", demo.bot_user(0));
    let options = [
        "--transport",
        "tls",
        "--tls-ca",
        &authority,
        "--srtp",
        "require",
    ];
    hears_itself(&demo, &to, &options, None);
}
