//! Calls that do not come about, and calls that only listen.

use std::time::{Duration, Instant};

use crate::demo::{Demo, eventually};
use crate::journal;
use crate::line::{Line, Step, converse};
use crate::sipp::{Calls, Sipp, Transport};
use crate::stub_bot::{StubBot, webhook_of_a_bot_that_is_down};

/// A bot has so long to decide.
const BOT_DECIDES_WITHIN: Duration = Duration::from_secs(15);

/// Calls the attached bot, and lets SIPp say whether the scenario held.
fn call_your_bot(demo: &Demo, scenario: &str) -> Duration {
    let began = Instant::now();
    let sipp = Sipp::start(&Calls {
        scenario,
        user: &demo.bot_user(1),
        sip: demo.sip(),
        lines: &[Line::new(&[])],
        transport: Transport::Udp,
    });
    sipp.finish(Duration::from_secs(40));
    began.elapsed()
}

#[test]
fn a_bot_that_is_down_costs_its_caller_a_480_with_a_reason() {
    let demo = Demo::start_with_bot(&webhook_of_a_bot_that_is_down());
    let took = call_your_bot(&demo, "refused.xml");
    assert!(
        took < BOT_DECIDES_WITHIN + Duration::from_secs(5),
        "refused after {took:?}"
    );
    eventually("the refusal is recorded", Duration::from_secs(10), || {
        !journal::refusals(&demo).is_empty()
    });
    let refusals = journal::refusals(&demo);
    assert_eq!(
        refusals.len(),
        1,
        "one record for one refused call: {refusals:?}"
    );
    assert!(
        refusals[0].iter().all(|said| !said.is_empty()),
        "{refusals:?}"
    );
}

#[test]
fn a_bot_that_never_decides_costs_its_caller_a_480_after_fifteen_seconds() {
    let bot = StubBot::that_never_decides();
    let demo = Demo::start_with_bot(bot.webhook());
    let took = call_your_bot(&demo, "refused.xml");
    assert!(
        took >= BOT_DECIDES_WITHIN,
        "refused after {took:?}, before the bot's time was up"
    );
    assert!(
        took < BOT_DECIDES_WITHIN + Duration::from_secs(5),
        "refused after {took:?}"
    );
    assert_eq!(journal::wait_for_endings(&demo, 1), ["botDidNotDecide"]);
}

#[test]
fn a_caller_who_gives_up_is_let_go_and_the_bot_is_told() {
    let bot = StubBot::that_never_decides();
    let demo = Demo::start_with_bot(bot.webhook());
    call_your_bot(&demo, "gives_up.xml");
    assert_eq!(journal::wait_for_endings(&demo, 1), ["callerGaveUp"]);
    eventually(
        "the bot hears that the call is over",
        Duration::from_secs(10),
        || {
            let last = bot.notifications().pop();
            last.is_some_and(|last| {
                last["changeType"] == "deleted" && last["resourceData"]["state"] == "terminated"
            })
        },
    );
    let told = bot.notifications();
    assert_eq!(told[0]["resourceData"]["state"], "incoming", "{told:?}");
    assert_eq!(told.len(), 2, "it is told of each once: {told:?}");
}

#[test]
fn a_caller_over_tcp_holds_and_resumes() {
    let demo = Demo::start();
    let mut lines = [Line::new(&[Step::Listen(Duration::from_secs(5))])];
    let sipp = Sipp::start(&Calls {
        scenario: "listen.xml",
        user: &demo.bot_user(0),
        sip: demo.sip(),
        lines: &lines,
        transport: Transport::Tcp,
    });
    converse(&mut lines, Duration::from_secs(20));
    sipp.finish(Duration::from_secs(20));
    assert_eq!(journal::wait_for_endings(&demo, 1), ["callerHungUp"]);
    let hearing = &lines[0].hearing;
    let heard = hearing.sound_between(Duration::ZERO, hearing.lasts());
    assert!(
        heard > Duration::from_millis(500),
        "only {heard:?} of a prompt was heard"
    );
}
