//! A phone as people use it registers with its password and calls the bot.

use std::time::{Duration, Instant};

use crate::baresip::Baresip;
use crate::demo::{Demo, eventually};
use crate::journal;
use crate::line::BEEP_HERTZ;

const SAID: f64 = 440.0;

#[test]
fn a_soft_phone_registers_calls_and_hears_itself() {
    let demo = Demo::start();
    let mut phone = Baresip::start(&demo, 0, SAID);
    phone.wait_for("REGISTER_OK", Duration::from_secs(20));

    phone.command("dial", &demo.text("/bots/0/dial"));
    phone.wait_for("CALL_ESTABLISHED", Duration::from_secs(20));
    // This phone cannot say when it hears the beep, so it presses its key until that ends a
    // recording. It speaks all the while.
    let mut pressed = Instant::now();
    eventually("a key ends the recording", Duration::from_secs(40), || {
        if pressed.elapsed() > Duration::from_secs(4) {
            pressed = Instant::now();
            phone.command("sndcode", "#");
        }
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
