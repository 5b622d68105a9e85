//! Many calls at once, each with a bot that plays a prompt and is told of every key: how long it
//! takes from deciding what a bot is told to sending it.

use std::time::Duration;

use super::ledger::Ledger;
use super::metrics::NOTIFICATION_DELAY;
use super::platform::Platform;
use super::process::{LOAD, Process};
use super::{Plan, Programs};

/// Calls at once, and how many begin each second until all are up.
const CALLS: usize = 500;
const PACE: usize = 100;

/// What each caller presses, in the middle of its call.
const KEYS: &str = "0123456789*#";

pub(crate) fn measure(plan: &Plan, programs: &Programs) -> Result<(), String> {
    let platform = Platform::start(programs, &["--then", "keys"])?;
    let before = platform.metrics()?;
    let cpu = platform.process.cpu();
    // All are up for as long as a steady state is measured.
    let lasts = CALLS as f64 / PACE as f64 + plan.window.as_secs_f64();
    let mut args = vec![platform.dial()];
    for (option, value) in [
        ("--calls", CALLS.to_string()),
        ("--per-second", PACE.to_string()),
        ("--lasts", lasts.to_string()),
        ("--keys", KEYS.to_owned()),
        ("--play", "tone:440:1s".to_owned()),
    ] {
        args.extend([option.to_owned(), value]);
    }
    let load = Process::start(LOAD, &programs.load, &args, &[])?;
    let ledger = Ledger::read(&load.finish(Duration::from_secs(lasts as u64 + 90))?)?;
    platform.until_calls(0, Duration::from_secs(5))?;
    std::thread::sleep(Duration::from_secs(1));
    let cpu = platform.process.cpu() - cpu;
    let after = platform.metrics()?;
    let bot = platform.bot_counts()?;
    let count = |name: &str| bot[name].as_f64().unwrap_or_default();
    let delay = |share: f64| match after.share_ms(NOTIFICATION_DELAY, &before, share) {
        ms if ms.is_finite() => format!("≤ {ms} ms"),
        _ => "beyond the last bound".to_owned(),
    };
    let took = ledger.number("took_ms") / 1_000.0;
    println!("\n## Bots told of {CALLS} calls at once\n");
    println!(
        "| calls | failed | notifications, a second | keys told of | decided to sent: p50, p99, max | \
         given up | late ticks | CPU of the core |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    println!(
        "| {CALLS} | {} | {:.0}, {:.0} | {:.0} of {} | {}, {}, {} | {:.0} | {:.0} | {:.0} % |",
        ledger.number("failed"),
        count("notifications"),
        count("notifications") / took,
        count("keys"),
        CALLS * KEYS.len(),
        delay(0.5),
        delay(0.99),
        delay(1.0),
        after.value("notifications_given_up_total") - before.value("notifications_given_up_total"),
        after.value("media_ticks_late_total") - before.value("media_ticks_late_total"),
        cpu * 100.0 / took,
    );
    if ledger.number("failed") > 0.0 {
        println!("\nThe first that failed: {}\n", ledger.first_failure());
    }
    Ok(())
}
