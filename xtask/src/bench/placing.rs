//! Calls that a bot places through a trunk, answered at once, and left by the bot when they are up:
//! how long placing takes, and how many a second one core holds with all notifications.

use std::time::{Duration, Instant};

use super::platform::Platform;
use super::process::{LOAD, Process};
use super::{Plan, Programs};

/// Calls a second: a pace that is no trouble, and two towards the most.
const PACES: [usize; 3] = [100, 300, 500];

pub(crate) fn measure(plan: &Plan, programs: &Programs) -> Result<(), String> {
    println!("\n## Calls out on one core\n");
    println!(
        "| calls a second asked, held | calls | faults | asked to accepted: p50, p99, max | asked to \
         established: p50, p99, max | sent again | notifications a call | CPU of the core | CPU a call |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for pace in PACES {
        one(plan, programs, pace)?;
    }
    Ok(())
}

fn one(plan: &Plan, programs: &Programs, pace: usize) -> Result<(), String> {
    let platform = Platform::start(programs, &["--then", "leave"])?;
    let args = ["--answer".to_owned(), platform.carrier_at.clone()];
    let mut carrier = Process::start(LOAD, &programs.load, &args, &[])?;
    carrier.line()?;
    let count = |name: &str| -> Result<f64, String> {
        let counts = platform.bot_counts()?;
        Ok(counts[name].as_f64().unwrap_or_default())
    };
    // Waits until all of them have come to an end, one way or the other.
    let until_over = |calls: f64| -> Result<f64, String> {
        let since = Instant::now();
        while count("ended")? + count("faults")? < calls {
            if since.elapsed() > plan.paced + Duration::from_secs(60) {
                let (ended, faults) = (count("ended")?, count("faults")?);
                return Err(format!(
                    "{ended} of {calls} calls ended, with {faults} faults."
                ));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(since.elapsed().as_secs_f64())
    };
    // The first calls open the connections and fetch the bot's token.
    let first = pace / 2;
    platform.place(first, pace)?;
    until_over(first as f64)?;
    let (before, cpu) = (platform.metrics()?, platform.process.cpu());
    let (notified, faults) = (count("notifications")?, count("faults")?);
    let calls = pace * plan.paced.as_secs() as usize;
    platform.place(calls, pace)?;
    let took = until_over((first + calls) as f64)?;
    let cpu = platform.process.cpu() - cpu;
    let after = platform.metrics()?;
    let bot = platform.bot_counts()?;
    let ms = |name: &str| {
        let of = |share: &str| bot[name][share].as_f64().unwrap_or_default() / 1_000.0;
        format!("{:.1}, {:.1}, {:.1} ms", of("p50"), of("p99"), of("max"))
    };
    println!(
        "| {pace}, {:.0} | {calls} | {:.0} | {} | {} | {:.0} | {:.2} | {:.0} % | {:.2} ms |",
        calls as f64 / took,
        count("faults")? - faults,
        ms("accepted_us"),
        ms("established_us"),
        after.value("sip_retransmissions_total") - before.value("sip_retransmissions_total"),
        (count("notifications")? - notified) / calls as f64,
        cpu * 100.0 / took,
        cpu * 1_000.0 / calls as f64,
    );
    Ok(())
}
