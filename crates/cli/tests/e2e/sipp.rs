//! SIPp, from Debian's package `sip-tester`: a phone whose every message is written down.
//!
//! It is told to hang up by an INFO in the call, which only it hears: SIPp has no other way to wait
//! for what its test has heard.

use std::fmt::Write as _;
use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::demo::wait;
use crate::line::Line;

pub(crate) struct Sipp {
    process: Child,
    folder: TempDir,
    port: u16,
    calls: usize,
}

/// What SIPp does.
pub(crate) struct Calls<'a> {
    /// A file of `scenarios/`.
    pub(crate) scenario: &'a str,
    /// Whom to call.
    pub(crate) user: &'a str,
    pub(crate) sip: SocketAddr,
    /// One call for each, where its audio goes.
    pub(crate) lines: &'a [Line],
    pub(crate) transport: Transport,
}

#[derive(Clone, Copy)]
pub(crate) enum Transport {
    Udp,
    Tcp,
}

impl Sipp {
    pub(crate) fn start(calls: &Calls<'_>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/scenarios");
        let mut ports = String::from("SEQUENTIAL\n");
        for line in calls.lines {
            writeln!(ports, "{};", line.port()).expect("a string takes all");
        }
        fs::write(folder.path().join("ports.csv"), ports).expect("the ports can be written");
        let port = free_port();
        let count = calls.lines.len().to_string();
        let process = Command::new("sipp")
            .arg(calls.sip.to_string())
            .args(["-sf", &scenarios.join(calls.scenario).to_string_lossy()])
            .args(["-inf", "ports.csv", "-s", calls.user, "-i", "127.0.0.1"])
            .args(["-p", &port.to_string(), "-cid_str", "talk-%u"])
            .args(["-m", &count, "-l", &count, "-r", &count, "-nostdin"])
            .args([
                "-t",
                match calls.transport {
                    Transport::Udp => "u1",
                    Transport::Tcp => "t1",
                },
            ])
            .args(["-trace_err", "-error_file", "errors.log"])
            .args(["-trace_msg", "-message_file", "messages.log"])
            .args(["-timeout", "150s", "-timeout_error"])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sipp (Debian: sip-tester) can be started");
        Self {
            process,
            folder,
            port,
            calls: calls.lines.len(),
        }
    }

    /// Lets every call be hung up by SIPp.
    pub(crate) fn hang_up(&self) {
        (0..self.calls).for_each(|call| self.hang_up_one(call));
    }

    pub(crate) fn hang_up_one(&self, call: usize) {
        let us = UdpSocket::bind("127.0.0.1:0").expect("a free port on loopback");
        let from = us.local_addr().expect("a bound socket");
        // SIPp counts its calls from 1.
        let call = call + 1;
        let info = format!(
            "INFO sip:tester@127.0.0.1:{to} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {from};branch=z9hG4bK-hang-up-{call}\r\n\
             From: <sip:test@{from}>;tag=t\r\n\
             To: <sip:tester@127.0.0.1:{to}>\r\n\
             Call-ID: talk-{call}\r\n\
             CSeq: 9 INFO\r\n\
             Content-Length: 0\r\n\r\n",
            to = self.port,
        );
        us.send_to(info.as_bytes(), ("127.0.0.1", self.port))
            .expect("loopback takes a packet");
    }

    /// Waits until all calls went as their scenario says.
    #[track_caller]
    pub(crate) fn finish(mut self, within: Duration) {
        let status = wait(&mut self.process, within);
        assert!(
            status.is_some_and(|status| status.success()),
            "SIPp is not content ({status:?}):\n{}",
            self.protocol()
        );
    }

    /// What was said on the wire, and what SIPp thinks of it.
    pub(crate) fn protocol(&self) -> String {
        let read = |name| fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        let messages = read("messages.log");
        // The first call says it all, should there be fifty.
        let end = messages
            .char_indices()
            .nth(12_000)
            .map_or(messages.len(), |(at, _)| at);
        format!("{}\n{}", read("errors.log"), &messages[..end])
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("--- SIPp\n{}", self.protocol());
        }
    }
}

/// A port nobody has just now; SIPp wants to be told one.
fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port on loopback");
    socket.local_addr().expect("a bound socket").port()
}
