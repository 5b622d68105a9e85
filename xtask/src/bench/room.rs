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
        let told = one(plan, programs, talkers, codec, false)?;
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

/// How many talk in the rooms that codecs are compared in: enough that their work is most of a tick.
const COMPARED: u32 = 20;

/// What a codec and encryption cost beside G.711 in the clear.
pub(crate) fn compare_codecs(plan: &Plan, programs: &Programs) -> Result<(), String> {
    println!("\n## Codecs and encryption, {COMPARED} talkers in a room\n");
    println!("| codec | a tick, in the clear | with SRTP | to G.711 in the clear | with SRTP |");
    println!("|---|---|---|---|---|");
    let mut first = None;
    for codec in ["PCMU", "G722", "opus"] {
        let mut ticks = [0.0; 2];
        for (tick, srtp) in ticks.iter_mut().zip([false, true]) {
            let told = one(plan, programs, COMPARED, codec, srtp)?;
            *tick = told["tick_us"].as_f64().unwrap_or(f64::NAN);
        }
        let [clear, encrypted] = ticks;
        let plain = *first.get_or_insert(clear);
        println!(
            "| {codec} | {clear:.0} µs | {encrypted:.0} µs | {:.2} | {:.2} |",
            clear / plain,
            encrypted / plain
        );
    }
    Ok(())
}

fn one(
    plan: &Plan,
    programs: &Programs,
    talkers: u32,
    codec: &str,
    srtp: bool,
) -> Result<serde_json::Value, String> {
    let (ports, seconds) = (talkers.to_string(), plan.window.as_secs().to_string());
    let mut args = vec!["--ports", &ports, "--seconds", &seconds, "--codec", codec];
    args.extend(srtp.then_some("--srtp"));
    let args: Vec<String> = args.into_iter().map(str::to_owned).collect();
    let mut room = Process::start(MEASURED, &programs.room, &args, &[])?;
    let line = room.line()?;
    room.finish(Duration::from_secs(5))?;
    serde_json::from_str(&line).map_err(|error| format!("the room: {error}"))
}
