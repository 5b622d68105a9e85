//! Key presses on a bad line: 30 % of the tone packets never leave the phone.
//!
//! Every call records with all keys as stop tones, and the bot records again each time one ends. So
//! each press that was heard has ended one recording with `stopToneDetected`, and a press heard
//! twice would have ended two.

use std::time::Duration;

use super::ledger::Ledger;
use super::platform::Platform;
use super::process::{LOAD, Process};
use super::{Plan, Programs};

const CALLS: usize = 100;
const LOSS: f64 = 0.3;

pub(crate) fn measure(plan: &Plan, programs: &Programs) -> Result<(), String> {
    let keys = "0123456789*#";
    let platform = Platform::start(programs, &["--then", "record", "--stop-tones", keys])?;
    let mut args = vec![platform.dial()];
    for (option, value) in [
        ("--calls", CALLS.to_string()),
        ("--presses", plan.presses.div_ceil(CALLS).to_string()),
        ("--loss", LOSS.to_string()),
    ] {
        args.extend([option.to_owned(), value]);
    }
    let pressing = Process::start(LOAD, &programs.keys, &args, &[])?;
    let longest = Duration::from_secs(plan.presses as u64 / CALLS as u64 + 60);
    let ledger = Ledger::read(&pressing.finish(longest)?)?;
    let heard = platform.bot_counts()?["stopped_by_tone"]
        .as_f64()
        .unwrap_or_default();
    let pressed = ledger.number("pressed");
    println!(
        "\n## Key presses with {:.0} % of their packets lost\n",
        LOSS * 100.0
    );
    println!("| pressed | tone packets dropped | heard by the platform | share | failed calls |");
    println!("|---|---|---|---|---|");
    println!(
        "| {pressed} | {} of {} | {heard} | {:.3} % | {} |",
        ledger.number("dropped"),
        ledger.number("tone_packets"),
        heard * 100.0 / pressed.max(1.0),
        ledger.number("failed"),
    );
    Ok(())
}
