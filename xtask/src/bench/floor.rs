//! The floor: two programs that do nothing but move the packets.

use std::time::Duration;

use super::process::{LOAD, MEASURED, Process};
use super::{Plan, Programs};

/// How its packets are moved.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Floor {
    /// One connected socket a call: the floor the targets mean.
    Connected,
    /// One socket for all and batched system calls: the physical limit.
    Batched,
}

/// Processor time a second, in seconds, with so many calls.
pub(crate) fn measure(
    programs: &Programs,
    plan: &Plan,
    calls: usize,
    way: Floor,
) -> Result<f64, String> {
    let longest = plan.window + Duration::from_secs(10);
    let start = |core, is_batched: bool| {
        let mut args = vec![
            "--calls".to_owned(),
            calls.to_string(),
            "--seconds".to_owned(),
        ];
        args.push(longest.as_secs().to_string());
        args.extend(is_batched.then(|| "--batched".to_owned()));
        Process::start(core, &programs.floor, &args, &[])
    };
    let mut measured = start(MEASURED, way == Floor::Batched)?;
    let mut peer = start(LOAD, false)?;
    let (its, peers) = (measured.line()?, peer.line()?);
    peer.tell(&its)?;
    measured.tell(&peers)?;
    std::thread::sleep(Duration::from_secs(1));
    let before = measured.cpu();
    std::thread::sleep(plan.window);
    let used = measured.cpu() - before;
    for (process, name) in [(measured, "the floor"), (peer, "its peer")] {
        let moved = process.finish(Duration::from_secs(5))?;
        let moved: serde_json::Value =
            serde_json::from_str(&moved).map_err(|error| format!("{name}: {error}"))?;
        let (sent, received) = (moved["sent"].as_f64(), moved["received"].as_f64());
        // One that moved less did less work, and would be no floor.
        if received.unwrap_or(0.0) < sent.unwrap_or(1.0) * 0.95 || moved["unsent"] != 0 {
            return Err(format!("{name} did not keep up: {moved}."));
        }
    }
    Ok(used / plan.window.as_secs_f64())
}
