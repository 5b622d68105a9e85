//! Rooms of many talkers: what one tick costs, and whether it keeps its time.

use std::time::Duration;

use super::process::{MEASURED, Process};
use super::{Plan, Programs};

/// How many talk in one room, and in which codec: two, a meeting, and a large one, which is also
/// measured with codecs that have to be computed.
const ROOMS: [(u32, &str); 5] = [
    (2, "PCMU"),
    (10, "PCMU"),
    (50, "PCMU"),
    (50, "G722"),
    (50, "opus"),
];

pub(crate) fn measure(plan: &Plan, programs: &Programs) -> Result<(), String> {
    println!("\n## Rooms\n");
    println!(
        "Everybody talks all the time and hears everybody else. CPU is that of the tick thread \
         alone; the phones share its core.\n"
    );
    println!("| talkers | CPU of a core | a tick | per talker | late ticks | deviation p99 |");
    println!("|---|---|---|---|---|---|");
    for (talkers, codec) in ROOMS {
        let (ports, seconds) = (talkers.to_string(), plan.window.as_secs().to_string());
        let args = ["--ports", &ports, "--seconds", &seconds, "--codec", codec];
        let args = args.map(str::to_owned);
        let mut room = Process::start(MEASURED, &programs.room, &args, &[])?;
        let line = room.line()?;
        room.finish(Duration::from_secs(5))?;
        let told: serde_json::Value =
            serde_json::from_str(&line).map_err(|error| format!("the room: {error}"))?;
        let number = |name: &str| told[name].as_f64().unwrap_or(f64::NAN);
        println!(
            "| {talkers}, {codec} | {:.1} % | {:.0} µs | {:.1} µs | {} | ≤ {} ms |",
            number("cpu") * 100.0,
            number("tick_us"),
            number("tick_us") / f64::from(talkers),
            number("late_ticks"),
            number("p99_us") / 1_000.0,
        );
    }
    Ok(())
}
