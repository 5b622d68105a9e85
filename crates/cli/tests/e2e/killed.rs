//! The platform is killed while it records, again and again, and each time the next one finds what there was.
//!
//! Fifty times here, half of them sealed; `cargo xtask kills` does it a thousand times. When is decided by a
//! seed, which a failure names.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::demo::{Demo, eventually};
use crate::recording::{self, channels, command, demo, signed, tone};
use crate::telephony::{Bot, starts};

const CALLERS: usize = 3;

/// What may be missing: the last second, and what is looked for in windows.
const LOST_AT_MOST: Duration = Duration::from_millis(1_050);

/// A small generator with a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

fn setting(name: &str, usual: u64) -> u64 {
    let set = std::env::var(name).ok();
    set.map_or(usual, |text| text.parse().expect("a number"))
}

/// Records whoever calls.
fn recorder() -> Bot {
    Bot::new(|told| match starts(told) {
        true => (vec![command("start")], 200),
        false => (vec![], 200),
    })
}

fn caller(to: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_offhook"))
        .args(["dial", to, "--codec", "pcmu", "--play", "tone:440:60s"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("offhook dial can be started")
}

fn results(bot: &Bot) -> usize {
    let told = bot.told();
    let results = told.iter().filter(|told| told["type"] == "commandResult");
    results.count()
}

#[test]
fn whenever_the_process_is_killed_no_second_is_lost_and_every_end_is_delivered() {
    kill_again_and_again(&[]);
}

#[test]
fn nor_is_one_of_what_is_sealed() {
    let key = STANDARD.encode([7; 32]);
    kill_again_and_again(&[("OFFHOOK_RECORDINGS__KEY", &key)]);
}

fn kill_again_and_again(sealed: &[(&str, &str)]) {
    let count = setting("OFFHOOK_KILLS", 50) / 2;
    let seed = setting("OFFHOOK_KILLS_SEED", 7);
    let mut random = Random(seed);
    let (bot, webhook) = (recorder(), Bot::new(|_| (vec![], 200)));
    let told = ("OFFHOOK_RECORDINGS__WEBHOOK", webhook.endpoint.as_str());
    let mut platform = demo(&bot, &[&[told], sealed].concat());
    for kill in 0..count {
        let before = results(&bot);
        let dial = platform.text("/bots/1/dial");
        let mut callers: Vec<Child> = (0..CALLERS).map(|_| caller(&dial)).collect();
        let wait = Duration::from_millis(random.next() % 1_500);
        // Sometimes before anything is written, mostly in the middle.
        let wanted = before + if kill % 5 == 0 { 0 } else { CALLERS };
        eventually("results", recording::WITHIN, || results(&bot) >= wanted);
        let acknowledged = Instant::now();
        std::thread::sleep(wait);
        let had = acknowledged.elapsed();
        platform = platform.killed_and_started();
        for caller in &mut callers {
            let _ = caller.kill();
            caller.wait().expect("it was ours");
        }
        let all = recording::listed(&platform);
        let name = format!("kill {kill} of seed {seed}");
        assert!(all.len() >= wanted - before, "{name}: {all:?}");
        for one in &all {
            assert_eq!(one["endReason"], "Interrupted", "{name}");
            let file = fetched(&platform, one);
            let milliseconds = one["chunkDuration"].as_u64().expect("a number");
            let lasts = Duration::from_millis(milliseconds);
            if wanted > before {
                assert!(lasts + LOST_AT_MOST >= had, "{name}: {lasts:?} of {had:?}");
            }
            if let Some(one) = channels(&file).first() {
                let off = one.lasts().abs_diff(lasts);
                assert!(
                    off <= Duration::from_millis(1),
                    "{name}: what there is plays"
                );
                // The caller begins with a little silence while the call is set up.
                let heard = tone(one, 440.0);
                assert!(
                    heard + Duration::from_millis(500) >= lasts,
                    "{name}: {heard:?}"
                );
            }
        }
        let told_of = |one: &Value| {
            let document = one["chunkDocumentId"].as_str().expect("an id");
            webhook
                .told()
                .iter()
                .any(|event| event[0]["id"] == document)
        };
        let is_told = || all.iter().all(told_of);
        eventually("the webhook is told", recording::WITHIN, is_told);
        let of = |kind: &str| {
            let told = bot.told();
            let ids = told.iter().filter(|told| told["type"] == kind);
            let ids = ids.filter_map(|told| Some(told["conversation"]["id"].as_str()?.to_owned()));
            ids.collect::<std::collections::BTreeSet<String>>()
        };
        eventually("the bot is told of every end", recording::WITHIN, || {
            // And perhaps of one that it was about to be told of.
            of("conversationUpdate").is_subset(&of("endOfConversation"))
        });
        for one in &all {
            let document = one["chunkDocumentId"].as_str().expect("an id");
            let deleted = signed(&platform, "DELETE", &format!("/recording/{document}"));
            assert_eq!(deleted.status, 204, "{name}");
        }
    }
}

fn fetched(platform: &Demo, one: &Value) -> Vec<u8> {
    let document = one["chunkDocumentId"].as_str().expect("an id");
    let answer = signed(platform, "GET", &format!("/recording/download/{document}"));
    assert_eq!(answer.status, 200);
    answer.bytes
}
