//! Audio both ways on many calls at once: processor time, memory, regularity and lost packets.
//!
//! The floor is measured before and after the platform, and the mean of both is compared with.

use std::time::Duration;

use super::floor::{self, Floor};
use super::ledger::Ledger;
use super::metrics::DEVIATION;
use super::platform::Platform;
use super::process::{LOAD, Process};
use super::{Plan, Programs};

/// Calls begun each second until all are up.
const PACE: usize = 100;

/// From the last answer to a steady state: prompts are fetched, recordings run.
const SETTLING: Duration = Duration::from_secs(4);

struct Measured {
    name: &'static str,
    cpu: f64,
    threads: Vec<(String, f64)>,
    memory: f64,
    sent: [f64; 2],
    received: [f64; 2],
    lost: f64,
    unsent: f64,
    late_ticks: f64,
    deviation_ms: [f64; 3],
    failed: f64,
    faults: f64,
}

pub(crate) fn measure(plan: &Plan, programs: &Programs) -> Result<(), String> {
    for &calls in &plan.calls {
        let first = [
            floor::measure(programs, plan, calls, Floor::Connected)?,
            floor::measure(programs, plan, calls, Floor::Batched)?,
        ];
        let playing = platform(plan, programs, calls, "playing", "play")?;
        let recording = platform(plan, programs, calls, "recording", "record")?;
        let last = [
            floor::measure(programs, plan, calls, Floor::Connected)?,
            floor::measure(programs, plan, calls, Floor::Batched)?,
        ];
        let floors = [(first[0] + last[0]) / 2.0, (first[1] + last[1]) / 2.0];
        tell(calls, floors, [first, last], &[playing, recording]);
    }
    Ok(())
}

fn platform(
    plan: &Plan,
    programs: &Programs,
    calls: usize,
    name: &'static str,
    then: &str,
) -> Result<Measured, String> {
    let platform = Platform::start(programs, &["--then", then])?;
    let idle = platform.process.memory();
    let ramp = Duration::from_secs_f64(calls as f64 / PACE as f64);
    let lasts = ramp + SETTLING + plan.window + Duration::from_secs(3);
    let mut args = vec![platform.dial()];
    for (option, value) in [
        ("--calls", calls.to_string()),
        ("--per-second", PACE.to_string()),
        ("--lasts", lasts.as_secs_f64().to_string()),
        ("--play", "tone:440:2s".to_owned()),
    ] {
        args.extend([option.to_owned(), value]);
    }
    let before = platform.metrics()?;
    let load = Process::start(LOAD, &programs.load, &args, &[])?;
    platform.until_calls(calls, ramp + Duration::from_secs(10))?;
    std::thread::sleep(SETTLING);

    let (from, cpu, threads) = (
        platform.metrics()?,
        platform.process.cpu(),
        platform.process.cpu_by_thread(),
    );
    std::thread::sleep(plan.window);
    let seconds = plan.window.as_secs_f64();
    let cpu = (platform.process.cpu() - cpu) / seconds;
    let mut threads: Vec<(String, f64)> = platform
        .process
        .cpu_by_thread()
        .into_iter()
        .map(|(name, after)| {
            let used = after - threads.get(&name).copied().unwrap_or_default();
            (name, used / seconds)
        })
        .collect();
    threads.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let to = platform.metrics()?;
    let memory = (platform.process.memory() - idle) / calls as f64;
    platform.until_calls(calls, Duration::ZERO)?;

    let ledger = Ledger::read(&load.finish(lasts + Duration::from_secs(30))?)?;
    // What a call lost is counted when its room has closed.
    std::thread::sleep(Duration::from_millis(500));
    let after = platform.metrics()?;
    let grown = |name: &str| after.value(name) - before.value(name);
    Ok(Measured {
        name,
        cpu,
        threads,
        memory,
        sent: [grown("rtp_packets_sent_total"), ledger.number("wire/sent")],
        received: [
            grown("rtp_packets_received_total"),
            ledger.number("wire/received"),
        ],
        lost: grown("rtp_packets_lost_total") + ledger.number("packets/lost"),
        unsent: grown("rtp_packets_unsent_total") + ledger.number("wire/unsent"),
        late_ticks: to.value("media_ticks_late_total") - from.value("media_ticks_late_total"),
        deviation_ms: [0.5, 0.99, 1.0].map(|share| to.share_ms(DEVIATION, &from, share)),
        failed: ledger.number("failed"),
        faults: platform.bot_counts()?["faults"]
            .as_f64()
            .unwrap_or_default(),
    })
}

/// The platform counts deviations in buckets, and the last has no bound.
fn bound(ms: f64) -> String {
    if ms.is_finite() {
        format!("≤ {ms} ms")
    } else {
        "> 20 ms".to_owned()
    }
}

fn tell(calls: usize, floors: [f64; 2], runs: [[f64; 2]; 2], rows: &[Measured]) {
    let per_thousand = |cpu: f64| cpu * 100.0 * 1_000.0 / calls as f64;
    println!("\n## {calls} calls\n");
    println!("| | CPU of a core per 1,000 calls | to the floor | to batched | memory a call |");
    println!("|---|---|---|---|---|");
    for (at, name) in [
        "floor: a connected socket each",
        "floor: one socket, batched",
    ]
    .into_iter()
    .enumerate()
    {
        println!(
            "| {name} | {:.1} % ({:.1} before, {:.1} after) | {:.2} | {:.2} | |",
            per_thousand(floors[at]),
            per_thousand(runs[0][at]),
            per_thousand(runs[1][at]),
            floors[at] / floors[0],
            floors[at] / floors[1],
        );
    }
    for row in rows {
        println!(
            "| {} | {:.1} % | {:.2} | {:.2} | {:.3} MB |",
            row.name,
            per_thousand(row.cpu),
            row.cpu / floors[0],
            row.cpu / floors[1],
            row.memory / 1e6,
        );
    }
    println!(
        "\n| | generator → platform: sent, received | platform → generator: sent, received | \
         lost | not taken | late ticks | deviation from 20 ms: p50, p99, max | failed calls |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for row in rows {
        let [p50, p99, max] = row.deviation_ms.map(bound);
        println!(
            "| {} | {}, {} | {}, {} | {} | {} | {} | {p50}, {p99}, {max} | {} |",
            row.name,
            row.sent[1],
            row.received[0],
            row.sent[0],
            row.received[1],
            row.lost,
            row.unsent,
            row.late_ticks,
            row.failed,
        );
    }
    println!();
    for row in rows {
        let threads: Vec<String> = row
            .threads
            .iter()
            .filter(|(_, cpu)| *cpu >= 0.0005)
            .map(|(name, cpu)| format!("{name} {:.1} %", cpu * 100.0))
            .collect();
        println!("{}, by thread: {}", row.name, threads.join(", "));
        if row.faults > 0.0 {
            println!(
                "{}: {} requests of the bot were refused",
                row.name, row.faults
            );
        }
    }
}
