//! A phone as people use it registers with its password and calls the bot, whatever its audio is like
//! on the wire.

use std::fs;
use std::time::Duration;

use crate::baresip::{Baresip, PLAIN, Speaks};
use crate::demo::{Demo, eventually};
use crate::journal;
use crate::line::BEEP_HERTZ;

const SAID: f64 = 440.0;

#[test]
fn a_soft_phone_registers_calls_and_hears_itself() {
    hears_itself(PLAIN);
}

#[test]
fn a_phone_that_speaks_g722_alone_hears_itself() {
    hears_itself(Speaks {
        codec: "G722/16000/1",
        ..PLAIN
    });
}

#[test]
fn a_phone_that_speaks_opus_alone_hears_itself() {
    hears_itself(Speaks {
        codec: "opus/48000/2",
        ..PLAIN
    });
}

#[test]
fn a_phone_that_speaks_encrypted_or_not_at_all_hears_itself() {
    hears_itself(Speaks {
        encryption: Some("srtp-mand"),
        ..PLAIN
    });
}

/// The phone registers, calls the bot, leaves a message and has it read back.
#[track_caller]
fn hears_itself(speaks: Speaks) {
    let demo = Demo::start();
    let mut phone = Baresip::start_speaking(&demo, 0, SAID, speaks);
    phone.wait_for("REGISTER_OK", Duration::from_secs(20));

    phone.command("dial", &demo.text("/bots/0/dial"));
    phone.wait_for("CALL_ESTABLISHED", Duration::from_secs(20));
    // This phone cannot say when it hears the beep, but what is recorded of it lies in a file.
    eventually("a second is recorded", Duration::from_secs(40), || {
        let parts = demo.recordings_left().into_iter();
        let lengths = parts.filter_map(|part| fs::metadata(part).ok());
        lengths.map(|file| file.len()).any(|bytes| bytes > 32_000)
    });
    phone.command("sndcode", "#");
    eventually("a key ends the recording", Duration::from_secs(10), || {
        !journal::recorded(&demo).is_empty()
    });
    assert_eq!(journal::recorded(&demo)[0], "stopTone");
    let entries = journal::entries(&demo);
    let recorded = entries
        .iter()
        .find_map(|entry| entry["durationMs"].as_u64());
    let recorded = Duration::from_millis(recorded.expect("a recording has a length"));
    assert!(
        recorded > Duration::from_millis(500),
        "only {recorded:?} were recorded"
    );
    // Who calls is known: a registered person, not a stranger.
    assert_eq!(entries[0]["caller"]["party"], "person", "{}", entries[0]);

    eventually(
        "what was said is played back",
        Duration::from_secs(30),
        || {
            let entries = journal::entries(&demo);
            entries
                .iter()
                .any(|entry| entry["operationKind"] == "play" && entry["outcome"] == "played")
        },
    );
    phone.command("hangup", "");
    phone.wait_for("CALL_CLOSED", Duration::from_secs(10));
    journal::wait_for_endings(&demo, 1);
    let hearing = phone.quit();
    let beep = hearing
        .tones(BEEP_HERTZ)
        .into_iter()
        .next()
        .expect("a beep is heard");
    let echo = hearing.tones_since(SAID, beep.until());
    let longest = echo
        .iter()
        .map(|heard| heard.lasts)
        .max()
        .expect("what was said is heard");
    assert!(
        longest.abs_diff(recorded) <= Duration::from_millis(300),
        "recorded {recorded:?}, heard {echo:?}"
    );
}
