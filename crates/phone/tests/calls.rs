//! Two phones on loopback call each other. Audio takes its own time, so these are short.

use std::sync::Arc;
use std::time::Duration;

use offhook_media::sdp::Encryption;
use offhook_media::{Clip, Codec};
use offhook_phone::load::{self, Plan};
use offhook_phone::{Config, Dial, DialError, EndedBy, Interrupted, Outcome, Phone, Report, Step};
use offhook_sip::Transport;
use offhook_terms::Tone;

async fn phone() -> Phone {
    Phone::start(Config::new("127.0.0.1:0".parse().expect("an address")))
        .await
        .expect("it starts")
}

fn steps(script: &str) -> Vec<Step> {
    Step::parse_all(script).expect("they are steps")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_plays_and_presses_and_the_other_hears() {
    let (caller, called) = (phone().await, phone().await);
    let to = format!("sip:bob@{}", called.local_addr());
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("heard.wav");
    let hearing = tokio::spawn({
        let file = file.clone();
        async move {
            let ringing = called
                .wait_for_call(Duration::from_secs(10))
                .await
                .expect("it rings");
            let mut call = ringing.answer().await.expect("it is answered");
            call.record_to(&file).expect("a file");
            let script = "expect-beep 1000; expect-tone 440 1s; expect-key #; expect-hang-up";
            call.run(&steps(script)).await
        }
    });
    let call = caller.dial(Dial::new(to)).await.expect("it is answered");
    let script = "pause 100ms; play tone:1000:200ms; pause 200ms; play tone:440:1s; press #";
    let report = call.run(&steps(script)).await;
    assert_eq!(report.outcome, Outcome::Held, "{report}");
    assert_eq!(report.ended_by, Some(EndedBy::Us));
    assert!(
        report.packets.sent > 60 && report.packets.lost == 0,
        "{report}"
    );
    let heard = hearing.await.expect("it runs");
    assert!(heard.held(), "{heard}");
    assert_eq!(heard.keys_heard, "#");
    assert_eq!(heard.ended_by, Some(EndedBy::Them));
    let beep = heard
        .heard
        .iter()
        .find(|run| run.is_tone(1_000.0))
        .expect("a beep");
    assert!((180..=240).contains(&beep.for_ms), "{beep:?}");
    let bytes = std::fs::read(&file).expect("it was recorded");
    let clip = Clip::from_wav(&bytes).expect("a WAV file");
    assert!(clip.duration() > Duration::from_millis(1_500));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_over_tcp_is_held_and_resumed() {
    let mut config = Config::new("127.0.0.1:0".parse().expect("an address"));
    config.transport = Transport::Tcp;
    let caller = Phone::start(config).await.expect("it starts");
    let called = phone().await;
    let to = format!("sip:bob@{};transport=tcp", called.local_addr());
    let other = tokio::spawn(async move {
        let ringing = called
            .wait_for_call(Duration::from_secs(10))
            .await
            .expect("it rings");
        let call = ringing.answer().await.expect("it is answered");
        call.run(&steps("expect-tone 600 300ms; expect-hang-up"))
            .await
    });
    let call = caller.dial(Dial::new(to)).await.expect("it is answered");
    let report = call
        .run(&steps("hold; pause 100ms; resume; play tone:600:400ms"))
        .await;
    assert!(report.held(), "{report}");
    let other = other.await.expect("it runs");
    assert!(other.held(), "{other}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expectation_that_does_not_hold_says_what_was_heard() {
    let (caller, called) = (phone().await, phone().await);
    let to = format!("sip:bob@{}", called.local_addr());
    let other = tokio::spawn(async move {
        let ringing = called
            .wait_for_call(Duration::from_secs(10))
            .await
            .expect("it rings");
        let mut call = ringing.answer().await.expect("it is answered");
        let forever = Clip::tone(800.0, Duration::from_secs(1), 0.3);
        call.play_on(forever).expect("it plays");
        call.run(&steps("expect-hang-up")).await
    });
    let call = caller.dial(Dial::new(to)).await.expect("it is answered");
    let report = call
        .run(&steps("expect-tone 440 200ms within 600ms; pause 1m"))
        .await;
    assert_eq!((report.outcome, report.exit_code()), (Outcome::Failed, 1));
    let failed = report.assertions.last().expect("it failed");
    assert!(!failed.held && failed.detail.contains("80"), "{failed:?}");
    other.await.expect("it runs");
}

#[tokio::test]
async fn a_refusal_and_silence_are_no_call() {
    let (caller, called) = (phone().await, phone().await);
    let to = format!("sip:bob@{}", called.local_addr());
    let refusing = tokio::spawn(async move {
        called
            .wait_for_call(Duration::from_secs(10))
            .await
            .expect("it rings")
            .refuse(486);
        called
    });
    let error = caller
        .dial(Dial::new(to.clone()))
        .await
        .expect_err("refused");
    assert_eq!(error.status(), Some(486));
    let called = refusing.await.expect("it runs");
    let mut impatient = Dial::new(to);
    impatient.patience = Duration::from_millis(50);
    let error = caller.dial(impatient).await.expect_err("nobody answers");
    assert!(matches!(error, DialError::Unanswered), "{error}");
    drop(called);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_at_once_keep_a_ledger() {
    let (caller, called) = (Arc::new(phone().await), phone().await);
    let mut plan = Plan::new(format!("sip:bob@{}", called.local_addr()), 20);
    plan.per_second = 200.0;
    plan.lasts = Duration::from_millis(600);
    plan.plays = Some(Clip::tone(440.0, Duration::from_secs(1), 0.3));
    plan.presses = Tone::from_symbol('5').into_iter().collect();
    let answering = tokio::spawn(async move {
        let mut calls = Vec::new();
        for _ in 0..20 {
            let ringing = called
                .wait_for_call(Duration::from_secs(10))
                .await
                .expect("it rings");
            let call = ringing.answer().await.expect("it is answered");
            calls.push(tokio::spawn(async move {
                call.run(&steps("expect-hang-up")).await
            }));
        }
        let mut keys = String::new();
        for call in calls {
            keys += &call.await.expect("it runs").keys_heard;
        }
        keys
    });
    let ledger = load::run(caller, plan).await;
    assert_eq!(ledger.failed(), 0, "{:?}", ledger.calls);
    assert_eq!(ledger.calls.len(), 20);
    let packets = ledger.packets();
    assert!(packets.sent > 20 * 20 && packets.received > 20 * 20 && packets.lost == 0);
    assert!(ledger.answered_us(0.99).is_some());
    assert_eq!(answering.await.expect("it runs"), "5".repeat(20));
}

/// Answers the next call, plays a tone for as long as it lasts, and does the steps.
async fn far_end(phone: Phone, hertz: f64, script: &'static str) -> Report {
    let ringing = phone.wait_for_call(Duration::from_secs(20)).await;
    let mut call = ringing
        .expect("it rings")
        .answer()
        .await
        .expect("it is answered");
    let forever = Clip::tone(hertz, Duration::from_secs(1), 0.3);
    call.play_on(forever).expect("it plays");
    call.run(&steps(script)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_is_sent_to_somebody_else_and_hears_them() {
    let (caller, middle, other) = (phone().await, phone().await, phone().await);
    let to = format!("sip:bob@{}", middle.local_addr());
    let onward = format!("sip:carol@{}", other.local_addr());
    let third = tokio::spawn(far_end(
        other,
        700.0,
        "expect-tone 500 300ms; expect-hang-up",
    ));
    let second = tokio::spawn(async move {
        let ringing = middle.wait_for_call(Duration::from_secs(10)).await;
        let mut call = ringing
            .expect("it rings")
            .answer()
            .await
            .expect("it is answered");
        let status = call.transfer(&onward).await;
        assert_eq!(status, Ok(200));
        call.finish().await
    });
    let mut call = caller.dial(Dial::new(to)).await.expect("it is answered");
    let moved = call.expect_moved(Duration::from_secs(10)).await;
    assert!(moved.is_ok(), "{moved:?}");
    let report = call
        .run(&steps("expect-tone 700 300ms; play tone:500:600ms"))
        .await;
    assert!(report.held(), "{report}");
    let third = third.await.expect("it runs");
    assert!(third.held(), "{third}");
    let second = second.await.expect("it runs");
    assert!(second.held(), "{second}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_that_fails_is_told_and_the_call_goes_on() {
    let (caller, middle, other) = (phone().await, phone().await, phone().await);
    let to = format!("sip:bob@{}", middle.local_addr());
    let onward = format!("sip:carol@{}", other.local_addr());
    let third = tokio::spawn(async move {
        let ringing = other.wait_for_call(Duration::from_secs(10)).await;
        ringing.expect("it rings").refuse(486);
        other
    });
    let second = tokio::spawn(async move {
        let ringing = middle.wait_for_call(Duration::from_secs(10)).await;
        let mut call = ringing
            .expect("it rings")
            .answer()
            .await
            .expect("it is answered");
        let failed = call.transfer(&onward).await;
        assert_eq!(
            failed,
            Err(Interrupted::Impossible("the transfer failed: 486".into()))
        );
        call.run(&steps("play tone:500:600ms")).await
    });
    let call = caller.dial(Dial::new(to)).await.expect("it is answered");
    let report = call
        .run(&steps("expect-tone 500 300ms; expect-hang-up"))
        .await;
    assert!(report.held(), "{report}");
    assert!(second.await.expect("it runs").held());
    third.await.expect("it runs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_calls_are_connected_by_the_one_between_them() {
    let (caller, middle, other) = (phone().await, phone().await, phone().await);
    let onward = format!("sip:carol@{}", other.local_addr());
    let to = format!("sip:bob@{}", middle.local_addr());
    let script = "expect-moved; expect-tone 500 300ms; expect-hang-up";
    let third = tokio::spawn(far_end(other, 700.0, script));
    let second = tokio::spawn(async move {
        let ringing = middle.wait_for_call(Duration::from_secs(10)).await;
        let mut first = ringing
            .expect("it rings")
            .answer()
            .await
            .expect("it is answered");
        let consulted = middle.dial(Dial::new(onward)).await;
        let mut consulted = consulted.expect("it is answered");
        let heard = consulted.step(&steps("expect-tone 700 300ms")[0]).await;
        assert!(heard.is_ok(), "{heard:?}");
        let connected = first.connect_with(&consulted).await;
        assert_eq!(connected, Ok(200));
        let over = consulted.expect_hang_up(Duration::from_secs(10)).await;
        assert!(over.is_ok(), "the call between was given up: {over:?}");
        first.finish().await
    });
    let call = caller.dial(Dial::new(to)).await.expect("it is answered");
    let report = call
        .run(&steps(
            "expect-moved; expect-tone 700 300ms; play tone:500:600ms",
        ))
        .await;
    assert!(report.held(), "{report}");
    let third = third.await.expect("it runs");
    assert!(third.held(), "{third}");
    second.await.expect("it runs");
}

#[tokio::test]
async fn a_phone_rings_until_the_caller_gives_up() {
    let (caller, called) = (phone().await, phone().await);
    let mut dial = Dial::new(format!("sip:bob@{}", called.local_addr()));
    dial.patience = Duration::from_millis(500);
    let waiting = tokio::spawn(async move {
        let ringing = called.wait_for_call(Duration::from_secs(10)).await;
        let mut ringing = ringing.expect("it rings");
        assert_eq!(ringing.incoming().target.user.reveal(), "bob");
        ringing.ring_for(Duration::from_secs(10)).await
    });
    let unanswered = caller.dial(dial).await;
    assert!(matches!(unanswered, Err(DialError::Unanswered)));
    let given_up = waiting.await.expect("it runs");
    assert!(matches!(given_up, Err(DialError::Cancelled)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn phones_talk_over_ipv6() {
    let start = || Phone::start(Config::new("[::1]:0".parse().expect("an address")));
    let (caller, called) = (
        start().await.expect("it starts"),
        start().await.expect("it starts"),
    );
    let to = format!("sip:bob@{}", called.local_addr());
    let other = tokio::spawn(far_end(called, 700.0, "expect-hang-up"));
    let call = caller.dial(Dial::new(to)).await.expect("it is answered");
    let report = call.run(&steps("expect-tone 700 300ms")).await;
    assert!(report.held(), "{report}");
    assert!(other.await.expect("it runs").held());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_codec_is_the_best_that_both_speak() {
    let speaks = |codecs: &[Codec]| {
        let mut config = Config::new("127.0.0.1:0".parse().expect("an address"));
        config.codecs = codecs.to_vec();
        Phone::start(config)
    };
    let caller = speaks(&[Codec::G722, Codec::Pcma])
        .await
        .expect("it starts");
    let called = speaks(&[Codec::Pcmu, Codec::Pcma])
        .await
        .expect("it starts");
    let to = format!("sip:bob@{}", called.local_addr());
    let other = tokio::spawn(far_end(called, 700.0, "expect-hang-up"));
    let call = caller.dial(Dial::new(to)).await.expect("it is answered");
    assert_eq!(call.codec(), Codec::Pcma);
    let report = call.run(&steps("expect-tone 700 300ms")).await;
    assert!(report.held(), "{report}");
    assert!(other.await.expect("it runs").held());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn audio_is_encrypted_where_both_can_and_refused_where_one_must() {
    let start = |encryption: Encryption| {
        let mut config = Config::new("127.0.0.1:0".parse().expect("an address"));
        config.encryption = encryption;
        Phone::start(config)
    };
    let caller = start(Encryption::Offer).await.expect("it starts");
    let called = start(Encryption::Require).await.expect("it starts");
    let to = format!("sip:bob@{}", called.local_addr());
    let other = tokio::spawn(far_end(
        called,
        700.0,
        "expect-tone 500 300ms; expect-hang-up",
    ));
    let call = caller.dial(Dial::new(to)).await.expect("it is answered");
    let report = call
        .run(&steps("expect-tone 700 300ms; play tone:500:600ms"))
        .await;
    assert!(report.held(), "{report}");
    let other = other.await.expect("it runs");
    assert!(other.held(), "{other}");

    let plain = start(Encryption::Off).await.expect("it starts");
    let strict = start(Encryption::Require).await.expect("it starts");
    let to = format!("sip:bob@{}", strict.local_addr());
    let refusing = tokio::spawn(async move {
        let ringing = strict.wait_for_call(Duration::from_secs(10)).await;
        ringing.expect("it rings").answer().await.map(|_| ())
    });
    let refused = plain.dial(Dial::new(to)).await;
    assert!(matches!(
        refused,
        Err(DialError::Refused { status: 488, .. })
    ));
    let refusing = refusing.await.expect("it runs");
    assert!(matches!(refusing, Err(DialError::Description(_))));
}
