//! The call this project is about: a message is left and heard back.

use std::time::Duration;

use crate::demo::{Demo, eventually};
use crate::hearing::Hearing;
use crate::journal;
use crate::line::{BEEP_HERTZ, Line, Step, converse, converse_until};
use crate::sipp::{Calls, Sipp, Transport};

/// What the caller says, as a tone.
const SAID: f64 = 440.0;
const SAID_FOR: Duration = Duration::from_secs(2);

const LEAVE_A_MESSAGE: [Step; 4] = [
    Step::WaitForBeep,
    Step::Say(SAID, SAID_FOR),
    Step::Press('#'),
    Step::WaitForTone(SAID),
];

#[test]
fn a_message_is_left_and_heard_back_and_nothing_of_it_stays() {
    let demo = Demo::start();
    let mut lines = [Line::new(&LEAVE_A_MESSAGE)];
    let sipp = Sipp::start(&Calls {
        scenario: "talk.xml",
        user: &demo.bot_user(0),
        sip: demo.sip(),
        lines: &lines,
        transport: Transport::Udp,
    });
    converse(&mut lines, Duration::from_secs(60));
    assert_message_was_echoed(&lines[0].hearing, SAID, SAID_FOR);

    sipp.hang_up();
    sipp.finish(Duration::from_secs(20));
    assert_eq!(journal::wait_for_endings(&demo, 1), ["callerHungUp"]);
    assert_eq!(
        journal::recorded(&demo).first().map(String::as_str),
        Some("stopTone")
    );
    eventually("no recording is left", Duration::from_secs(10), || {
        demo.recordings_left().is_empty()
    });

    let (status, log) = demo.stop();
    assert!(
        status.success(),
        "the demo ends well when it is asked to: {status}"
    );
    assert!(
        !log.contains("tester"),
        "who called is nobody's business:\n{log}"
    );
}

#[test]
fn nobody_speaks_and_the_recording_ends_for_silence() {
    let demo = Demo::start();
    let mut lines = [Line::new(&[Step::WaitForBeep])];
    let sipp = Sipp::start(&Calls {
        scenario: "talk.xml",
        user: &demo.bot_user(0),
        sip: demo.sip(),
        lines: &lines,
        transport: Transport::Udp,
    });
    let deadline = std::time::Instant::now() + Duration::from_secs(90);
    let mut ticks = 0;
    converse_until(&mut lines, |_| {
        ticks += 1;
        assert!(
            std::time::Instant::now() < deadline,
            "the recording never ended"
        );
        ticks % 25 == 0 && !journal::recorded(&demo).is_empty()
    });
    assert_eq!(journal::recorded(&demo)[0], "initialSilence");
    sipp.hang_up();
    sipp.finish(Duration::from_secs(20));
    journal::wait_for_endings(&demo, 1);
    eventually("no recording is left", Duration::from_secs(10), || {
        demo.recordings_left().is_empty()
    });
}

#[test]
fn a_caller_hangs_up_in_the_middle_of_the_recording() {
    let demo = Demo::start();
    let mut lines = [Line::new(&[
        Step::WaitForBeep,
        Step::Say(SAID, Duration::from_secs(1)),
    ])];
    let sipp = Sipp::start(&Calls {
        scenario: "talk.xml",
        user: &demo.bot_user(0),
        sip: demo.sip(),
        lines: &lines,
        transport: Transport::Udp,
    });
    converse(&mut lines, Duration::from_secs(60));
    sipp.hang_up();
    sipp.finish(Duration::from_secs(20));
    assert_eq!(journal::wait_for_endings(&demo, 1), ["callerHungUp"]);
    // The operation ended first, and once; the leg's end is the last thing told of it.
    assert_eq!(journal::recorded(&demo), ["cancelled"]);
    let entries = journal::entries(&demo);
    assert_eq!(
        entries.last().map(|entry| &entry["kind"]),
        Some(&"terminated".into())
    );
    let numbers: Vec<u64> = entries
        .iter()
        .filter_map(|entry| entry["seq"].as_u64())
        .collect();
    assert!(
        numbers.iter().copied().eq(1..=numbers.len() as u64),
        "a gap in {numbers:?}"
    );
    eventually("no recording is left", Duration::from_secs(10), || {
        demo.recordings_left().is_empty()
    });
}

/// Prompt, beep, and what was said come back, in this order and whole.
#[track_caller]
pub(crate) fn assert_message_was_echoed(hearing: &Hearing, said: f64, said_for: Duration) {
    let beep = hearing
        .tones(BEEP_HERTZ)
        .into_iter()
        .next()
        .expect("a beep is heard");
    let prompt = hearing.sound_between(Duration::ZERO, beep.from);
    assert!(
        prompt >= Duration::from_millis(500),
        "only {prompt:?} of a prompt before the beep"
    );
    let about = |wanted: Duration, found: Duration, give: u64| {
        found.abs_diff(wanted) <= Duration::from_millis(give)
    };
    assert!(
        about(Duration::from_millis(200), beep.lasts, 60),
        "a beep of {:?}",
        beep.lasts
    );
    let echo = hearing.tones(said);
    let longest = echo
        .iter()
        .max_by_key(|heard| heard.lasts)
        .expect("what was said is heard");
    assert!(
        longest.from > beep.until(),
        "heard before it was said: {echo:?}"
    );
    assert!(
        about(said_for, longest.lasts, 200),
        "said for {said_for:?}, heard {echo:?}"
    );
    assert_eq!(hearing.other_streams, 0, "audio of more than one stream");
    assert_eq!(hearing.gaps, 0, "packets were lost on loopback");
}
