//! Calls that are answered at once and soon hung up: how long an answer takes, and how many a
//! second one core holds with all notifications and the bot's answer.

use std::time::Duration;

use super::ledger::Ledger;
use super::platform::Platform;
use super::process::{LOAD, Process};
use super::{Plan, Programs};

/// Calls a second: the pace the answer time is asked at, the pace that must be held, and one more
/// to see what is left.
const PACES: [usize; 3] = [200, 1_000, 1_250];

/// How long each call stays up.
const LASTS: &str = "0.2";

pub(crate) fn measure(plan: &Plan, programs: &Programs) -> Result<(), String> {
    println!("\n## Signalling on one core\n");
    println!(
        "| calls a second asked, held | calls | failed | sent again (caller, platform) | \
         INVITE to 200: p50, p99, max | notifications a call | CPU of the core | CPU a call |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for pace in PACES {
        one(plan, programs, pace)?;
    }
    Ok(())
}

fn one(plan: &Plan, programs: &Programs, pace: usize) -> Result<(), String> {
    let platform = Platform::start(programs, &["--then", "nothing"])?;
    let run = |calls: usize| -> Result<Ledger, String> {
        let mut args = vec![platform.dial(), "--no-media".to_owned()];
        for (option, value) in [
            ("--calls", calls.to_string()),
            ("--per-second", pace.to_string()),
            ("--lasts", LASTS.to_owned()),
        ] {
            args.extend([option.to_owned(), value]);
        }
        let load = Process::start(LOAD, &programs.load, &args, &[])?;
        let longest = Duration::from_secs((calls / pace) as u64 + 60);
        Ledger::read(&load.finish(longest)?)
    };
    // The first calls open the connections and fetch the bot's token; they are not counted.
    run(pace / 2)?;
    let (before, cpu) = (platform.metrics()?, platform.process.cpu());
    let told = |platform: &Platform| -> Result<f64, String> {
        let counts = platform.bot_counts()?;
        Ok(counts["notifications"].as_f64().unwrap_or_default())
    };
    let notified = told(&platform)?;
    let calls = pace * plan.paced.as_secs() as usize;
    let ledger = run(calls)?;
    let cpu = platform.process.cpu() - cpu;
    platform.until_calls(0, Duration::from_secs(5))?;
    std::thread::sleep(Duration::from_secs(1));
    let after = platform.metrics()?;
    let grown = |name: &str| after.value(name) - before.value(name);
    let again = grown("sip_retransmissions_total") + grown("sip_answers_repeated_total");
    let ms = |share: &str| ledger.number(&format!("answered_us/{share}")) / 1_000.0;
    println!(
        "| {pace}, {:.0} | {calls} | {} | {}, {again} | {:.1} ms, {:.1} ms, {:.1} ms | {:.2} | \
         {:.0} % | {:.2} ms |",
        ledger.number("per_second"),
        ledger.number("failed"),
        ledger.number("retransmissions"),
        ms("p50"),
        ms("p99"),
        ms("max"),
        (told(&platform)? - notified) / calls as f64,
        cpu * 100.0 / (ledger.number("took_ms") / 1_000.0),
        cpu * 1_000.0 / calls as f64,
    );
    if ledger.number("failed") > 0.0 {
        println!("\nThe first that failed: {}\n", ledger.first_failure());
    }
    Ok(())
}
