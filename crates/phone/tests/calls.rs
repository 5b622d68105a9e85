//! Two phones on loopback call each other. Audio takes its own time, so these are short.

use std::sync::Arc;
use std::time::Duration;

use offhook_media::Clip;
use offhook_phone::load::{self, Plan};
use offhook_phone::{Config, Dial, DialError, EndedBy, Outcome, Phone, Step};
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
