//! The least that moving the audio of many calls costs: the floor of the benchmark.
//!
//! Each call sends one packet of 172 bytes (RTP with 20 ms of G.711) and reads one, every 20 ms,
//! spread over a wheel of four slots, and nothing else happens to them. In the usual way each call
//! has a connected socket of its own; with `--batched` all share one socket and many packets go
//! with one system call.
//!
//! ```text
//!   stdout ─▶ [40001,40003,…]      where this program hears, one port a call
//!   stdin  ◀─ [50001,50002,…]      where its peers hear
//!             … packets, until stdin is closed or the time is over …
//!   stdout ─▶ {"sent":…,"received":…,"unsent":…,"late":…}
//! ```
//!
//! Two of these, started with each other's ports, talk to each other.

mod batched;
mod connected;
mod mmsg;

use std::io::{BufRead, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A header of twelve bytes and 160 samples.
const PACKET_BYTES: usize = 172;

/// Slots of 20 ms, as on the platform.
const SLOTS: usize = 4;
const SLOT: Duration = Duration::from_millis(5);

/// More would need more ports than there are.
const CALLS_MAX: usize = 20_000;

type Failure = Box<dyn std::error::Error>;

/// What was moved.
#[derive(Debug, Default)]
struct Moved {
    sent: u64,
    received: u64,
    unsent: u64,
}

/// A way to move packets: of the calls in one slot, out and in.
trait Way {
    fn ports(&self) -> Vec<u16>;
    fn connect(&mut self, peers: &[u16]) -> Result<(), Failure>;
    fn slot(&mut self, slot: usize, moved: &mut Moved);
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), Failure> {
    let (mut calls, mut seconds, mut is_batched) = (1_000, 60, false);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut number = || -> Result<usize, Failure> {
            let text = args.next().ok_or(format!("{arg} needs a number"))?;
            Ok(text.parse()?)
        };
        match arg.as_str() {
            "--calls" => calls = number()?.min(CALLS_MAX),
            "--seconds" => seconds = number()?,
            "--batched" => is_batched = true,
            _ => return Err("usage: floor [--calls N] [--seconds S] [--batched]".into()),
        }
    }
    if is_batched {
        talk(batched::Batched::new(calls)?, seconds)
    } else {
        talk(connected::Connected::new(calls)?, seconds)
    }
}

fn talk(mut way: impl Way, seconds: usize) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    writeln!(out, "{:?}", way.ports())?;
    out.flush()?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let peers: Vec<u16> = line
        .trim()
        .trim_matches(['[', ']'])
        .split(',')
        .map(|port| port.trim().parse())
        .collect::<Result<_, _>>()?;
    way.connect(&peers)?;

    let stopping = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&stopping);
    std::thread::spawn(move || {
        let _ = std::io::stdin().lock().read_line(&mut String::new());
        stop.store(true, Ordering::Relaxed);
    });
    let (moved, late) = turn(&mut way, seconds, &stopping);
    writeln!(
        out,
        "{{\"sent\":{},\"received\":{},\"unsent\":{},\"late\":{late}}}",
        moved.sent, moved.received, moved.unsent
    )?;
    Ok(())
}

#[allow(
    clippy::disallowed_methods,
    reason = "a program of its own keeps its own time"
)]
fn turn(way: &mut impl Way, seconds: usize, stopping: &AtomicBool) -> (Moved, u64) {
    let mut moved = Moved::default();
    let mut late = 0;
    let start = Instant::now();
    let turns = seconds as u32 * 200;
    for turn in 0..turns {
        if stopping.load(Ordering::Relaxed) {
            break;
        }
        let due = start + SLOT * turn;
        match due.checked_duration_since(Instant::now()) {
            Some(early) => std::thread::sleep(early),
            None => late += 1,
        }
        way.slot(turn as usize % SLOTS, &mut moved);
    }
    (moved, late)
}

/// The packet a call sends: a sequence number and a timestamp that go on, and silence.
fn write_packet(packet: &mut [u8; PACKET_BYTES], call: usize, sequence: u16) {
    packet[0] = 0x80;
    packet[2..4].copy_from_slice(&sequence.to_be_bytes());
    packet[4..8].copy_from_slice(&(u32::from(sequence) * 160).to_be_bytes());
    packet[8..12].copy_from_slice(&(call as u32).to_be_bytes());
}
