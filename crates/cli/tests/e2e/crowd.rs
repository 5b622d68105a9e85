//! Fifty callers at once: everybody hears their own message, and nobody else's.

use std::time::Duration;

use crate::demo::{Demo, eventually};
use crate::echo::assert_message_was_echoed;
use crate::journal;
use crate::line::{Line, Step, converse};
use crate::sipp::{Calls, Sipp, Transport};

const CALLERS: usize = 50;
const SAID_FOR: Duration = Duration::from_secs(2);

/// Neighbours never say the same, and nobody says anything like the beep.
fn said_by(caller: usize) -> f64 {
    400.0 + 100.0 * (caller % 5) as f64
}

#[test]
fn fifty_callers_at_once_each_hear_their_own_message() {
    let demo = Demo::start();
    let mut lines: Vec<Line> = (0..CALLERS)
        .map(|caller| {
            let said = said_by(caller);
            Line::new(&[
                Step::WaitForBeep,
                Step::Say(said, SAID_FOR),
                Step::Press('#'),
                Step::WaitForTone(said),
            ])
        })
        .collect();
    let sipp = Sipp::start(&Calls {
        scenario: "talk.xml",
        user: &demo.bot_user(0),
        sip: demo.sip(),
        lines: &lines,
        transport: Transport::Udp,
    });
    converse(&mut lines, Duration::from_secs(90));
    sipp.hang_up();
    sipp.finish(Duration::from_secs(30));
    for (caller, line) in lines.iter().enumerate() {
        assert_message_was_echoed(&line.hearing, said_by(caller), SAID_FOR);
    }
    let endings = journal::wait_for_endings(&demo, CALLERS);
    assert!(
        endings.iter().all(|ending| ending == "callerHungUp"),
        "{endings:?}"
    );
    let stopped = journal::recorded(&demo)
        .iter()
        .filter(|outcome| *outcome == "stopTone")
        .count();
    assert_eq!(stopped, CALLERS, "each pressed # once");
    eventually("no recording is left", Duration::from_secs(10), || {
        demo.recordings_left().is_empty()
    });
}
