use super::*;
use crate::frame::FRAME_SAMPLES_MAX;
use crate::rates::Rate;
use crate::recording::recording;

const LOUD: Frame = {
    // A square wave of 500 Hz.
    let mut frame = [8_000; FRAME_SAMPLES_MAX];
    let mut n = 0;
    while n < FRAME_SAMPLES_MAX {
        if (n / 16) % 2 == 0 {
            frame[n] = -8_000;
        }
        n += 1;
    }
    Frame::wide(frame)
};
const QUIET: Frame = Frame::silence(Rate::Wide);

fn seconds(n: u64) -> Option<Duration> {
    Some(Duration::from_secs(n))
}

fn graph_defaults() -> RecordPlan {
    RecordPlan {
        initial_silence: seconds(5),
        max_silence: seconds(5),
        max_duration: seconds(120),
        stop_tones: Tone::from_symbol('#').into_iter().collect(),
    }
}

/// Feeds loud or quiet seconds; gives the ending and the frame it came at.
fn run(plan: RecordPlan, parts: &[(f64, &Frame)], packets: bool) -> Option<(RecordEnded, u32)> {
    let (feed, mut tap) = recording();
    let mut recorder = Recorder::new(OperationId::from_bits(1), plan, feed);
    for (length, frame) in parts {
        for _ in 0..(length * 50.0) as u32 {
            if let Some(ended) = recorder.frame(frame, packets) {
                return Some((ended, recorder.frames));
            }
            while tap.read().is_some() {}
        }
    }
    None
}

#[test]
fn nobody_speaks() {
    assert_eq!(
        run(graph_defaults(), &[(10.0, &QUIET)], true),
        Some((RecordEnded::InitialSilence, 250))
    );
}

#[test]
fn a_pause_after_speech_ends_it() {
    let parts = [
        (1.0, &QUIET),
        (2.0, &LOUD),
        (4.9, &QUIET),
        (1.0, &LOUD),
        (10.0, &QUIET),
    ];
    let (ended, frame) = run(graph_defaults(), &parts, true).unwrap();
    assert_eq!(ended, RecordEnded::MaxSilence);
    // 8.9 s of story, five of silence, and two frames in which three of five are still loud.
    assert_eq!(frame, 445 + 250 + 2);
}

#[test]
fn the_longest_duration_ends_it_whatever_is_heard() {
    let plan = RecordPlan {
        max_duration: seconds(10),
        ..graph_defaults()
    };
    assert_eq!(
        run(plan, &[(20.0, &LOUD)], true),
        Some((RecordEnded::MaxDuration, 500))
    );
}

#[test]
fn one_second_is_enough_for_each_bound() {
    let plan = RecordPlan {
        initial_silence: seconds(1),
        max_silence: seconds(1),
        ..graph_defaults()
    };
    assert_eq!(
        run(plan, &[(5.0, &QUIET)], true),
        Some((RecordEnded::InitialSilence, 50))
    );
    assert_eq!(
        run(plan, &[(1.0, &LOUD), (5.0, &QUIET)], true),
        Some((RecordEnded::MaxSilence, 102))
    );
}

#[test]
fn a_phone_that_sends_nothing_is_silent_first_and_dead_later() {
    assert_eq!(
        run(graph_defaults(), &[(30.0, &QUIET)], false),
        Some((RecordEnded::InitialSilence, 250))
    );
    let patient = RecordPlan {
        initial_silence: seconds(60),
        ..graph_defaults()
    };
    assert_eq!(
        run(patient, &[(70.0, &QUIET)], false),
        Some((RecordEnded::NoMedia, 1_000))
    );
}

#[test]
fn without_a_plan_it_goes_on() {
    assert_eq!(run(RecordPlan::default(), &[(300.0, &QUIET)], false), None);
}

#[test]
fn a_stop_tone_takes_its_own_beginning_out_of_the_file() {
    let (feed, mut tap) = recording();
    let mut recorder = Recorder::new(OperationId::from_bits(1), graph_defaults(), feed);
    for _ in 0..10 {
        recorder.frame(&LOUD, true);
    }
    assert_eq!(recorder.tone(Tone::from_symbol('5').unwrap()), None);
    assert_eq!(
        recorder.tone(Tone::from_symbol('#').unwrap()),
        Some(RecordEnded::StopTone)
    );
    let kept = 10 - TONE_LEAK_FRAMES as u32;
    assert_eq!(recorder.finish(), TICK * kept);
    let mut frames = 0;
    while tap.read().is_some() {
        frames += 1;
    }
    assert_eq!(frames, kept);
    assert!(tap.is_complete());
}

#[test]
fn any_other_end_keeps_every_frame() {
    let (feed, mut tap) = recording();
    let mut recorder = Recorder::new(OperationId::from_bits(1), graph_defaults(), feed);
    for _ in 0..10 {
        recorder.frame(&LOUD, true);
    }
    assert_eq!(recorder.finish(), TICK * 10);
    assert_eq!(std::iter::from_fn(|| tap.read()).count(), 10);
}

#[test]
fn a_key_that_is_no_stop_tone_is_a_sound() {
    let (feed, _tap) = recording();
    let mut recorder = Recorder::new(OperationId::from_bits(1), graph_defaults(), feed);
    for n in 0..400 {
        if n == 200 {
            recorder.tone(Tone::from_symbol('5').unwrap());
        }
        assert_eq!(recorder.frame(&QUIET, true), None);
    }
}
