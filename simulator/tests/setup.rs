//! How a call comes about, or does not.

use expect_test::expect;
use offhook_simulator::{World, ms, secs};

#[test]
fn a_bot_that_is_down_turns_the_caller_away() {
    let mut world = World::new();
    world.bot().is_down();
    world.phone().calls();
    world.wait(secs(20));
    world.check_ladder(expect![[r#"
        0.000  phone  → server  INVITE
        0.000  server → media   open phone
        0.002  server → phone   180 Ringing
        0.002  server → bot     1 incoming, not delivered
        4.002  server           gives up telling the bot
        4.002  server → phone   480 Temporarily Unavailable
        4.002  server → media   close phone
        4.002  server → bot     2 terminated (BotUnreachable), not delivered
        4.002  server           call over
    "#]]);
}

#[test]
fn a_bot_that_says_nothing_for_15_seconds_turns_the_caller_away() {
    let mut world = World::new();
    world.phone().calls();
    world.wait(secs(16));
    world.bot().answers();
    world.check_ladder(expect![[r#"
         0.000  phone  → server  INVITE
         0.000  server → media   open phone
         0.002  server → phone   180 Ringing
         0.002  server → bot     1 incoming
        15.002  server → phone   480 Temporarily Unavailable
        15.002  server → media   close phone
        15.002  server → bot     2 terminated (BotDidNotDecide)
        15.002  server           call over
        16.000  bot    → server  answer
        16.000  server → bot     refused: Terminated
    "#]]);
}

#[test]
fn a_bot_that_hangs_up_instead_of_rejecting_rejects() {
    let mut world = World::new();
    world.phone().calls();
    world.wait(ms(50));
    world.bot().hangs_up();
    world.check_ladder(expect![[r#"
        0.000  phone  → server  INVITE
        0.000  server → media   open phone
        0.002  server → phone   180 Ringing
        0.002  server → bot     1 incoming
        0.050  bot    → server  hang up
        0.050  server → phone   603 Decline
        0.050  server → media   close phone
        0.050  server → bot     2 terminated (BotRejected(None))
        0.050  server           call over
    "#]]);
}

#[test]
fn the_first_decision_stands() {
    let mut world = World::new();
    world.phone().calls();
    world.wait(ms(50));
    world.bot().answers();
    world.bot().answers();
    world.bot().rejects();
    world.wait(ms(50));
    world.bot().answers();
    world.bot().rejects();
    world.check_ladder(expect![[r#"
        0.000  phone  → server  INVITE
        0.000  server → media   open phone
        0.002  server → phone   180 Ringing
        0.002  server → bot     1 incoming
        0.050  bot    → server  answer
        0.050  server → bot     2 establishing
        0.050  server → media   seat bot
        0.050  server → phone   200 OK
        0.050  server → media   start phone
        0.050  bot    → server  answer
        0.050  server → bot     refused: AlreadyDecided
        0.050  bot    → server  reject (None)
        0.050  server → bot     refused: WrongState
        0.070  phone  → server  ACK
        0.070  server → bot     3 established
        0.070  server → bot     4 established, audio active
        0.100  bot    → server  answer
        0.100  server → bot     refused: AlreadyDecided
        0.100  bot    → server  reject (None)
        0.100  server → bot     refused: WrongState
    "#]]);
}

#[test]
fn a_call_is_not_played_to_before_it_stands() {
    let mut world = World::new();
    world.prompt("hello.wav", secs(1));
    world.phone().calls();
    world.wait(ms(50));
    world.bot().plays(&["hello.wav"]);
    world.bot().answers();
    world.bot().plays(&["hello.wav"]);
    world.check_ladder(expect![[r#"
        0.000  phone  → server  INVITE
        0.000  server → media   open phone
        0.002  server → phone   180 Ringing
        0.002  server → bot     1 incoming
        0.050  bot    → server  play #1: hello.wav
        0.050  server → bot     refused: NotEstablished
        0.050  bot    → server  answer
        0.050  server → bot     2 establishing
        0.050  server → media   seat bot
        0.050  server → phone   200 OK
        0.050  server → media   start phone
        0.050  bot    → server  play #2: hello.wav
        0.050  server → bot     refused: NotEstablished
    "#]]);
}

#[test]
fn a_caller_gives_up_while_it_rings() {
    let mut world = World::new();
    world.phone().calls();
    world.wait(secs(3));
    world.phone().cancels();
    world.wait(ms(50));
    world.bot().answers();
    world.check_ladder(expect![[r#"
        0.000  phone  → server  INVITE
        0.000  server → media   open phone
        0.002  server → phone   180 Ringing
        0.002  server → bot     1 incoming
        3.000  phone  → server  CANCEL
        3.000  server → phone   487 Request Terminated
        3.000  server → media   close phone
        3.000  server → bot     2 terminated (CallerGaveUp)
        3.000  server           call over
        3.050  bot    → server  answer
        3.050  server → bot     refused: Terminated
    "#]]);
}

/// The bot is not told of a call that ended before its offer was opened.
#[test]
fn a_caller_gives_up_at_once() {
    let mut world = World::new();
    world.phone().calls();
    world.phone().cancels();
    world.wait(secs(1));
    world.check_ladder(expect![[r#"
        0.000  phone  → server  INVITE
        0.000  server → media   open phone
        0.000  phone  → server  CANCEL
        0.000  server → phone   487 Request Terminated
        0.000  server → media   close phone
        0.000  server           call over
    "#]]);
}

/// The call decided to answer, and the CANCEL was on the wire before the 200.
#[test]
fn a_cancel_overtakes_the_answer() {
    let mut world = World::new();
    world.signalling_takes(ms(5));
    world.phone().calls();
    world.wait(secs(1));
    world.bot().answers();
    world.wait(ms(3));
    world.phone().cancels();
    world.wait(secs(1));
    world.check_ladder(expect![[r#"
        0.000  phone  → server  INVITE
        0.000  server → media   open phone
        0.002  server → bot     1 incoming
        0.007  server → phone   180 Ringing
        1.000  bot    → server  answer
        1.000  server → bot     2 establishing
        1.000  server → media   seat bot
        1.000  server → media   start phone
        1.003  phone  → server  CANCEL
        1.003  server → phone   487 Request Terminated
        1.003  server → media   close phone
        1.003  server → media   close bot
        1.003  server → bot     3 terminated (CallerGaveUp)
        1.003  server           call over
    "#]]);
}

/// The 200 was on the wire before the CANCEL, so the phone is in the call and hangs up.
#[test]
fn an_answer_overtakes_the_cancel() {
    let mut world = World::new();
    world.phone().calls();
    world.wait(secs(1));
    world.bot().answers();
    world.wait(ms(5));
    world.phone().cancels();
    world.wait(secs(1));
    world.check_ladder(expect![[r#"
        0.000  phone  → server  INVITE
        0.000  server → media   open phone
        0.002  server → phone   180 Ringing
        0.002  server → bot     1 incoming
        1.000  bot    → server  answer
        1.000  server → bot     2 establishing
        1.000  server → media   seat bot
        1.000  server → phone   200 OK
        1.000  server → media   start phone
        1.005  phone  → server  CANCEL, too late
        1.020  phone  → server  ACK
        1.020  server → bot     3 established
        1.020  server → bot     4 established, audio active
        1.025  phone  → server  BYE
        1.025  server → media   close phone
        1.025  server → media   close bot
        1.025  server → bot     5 terminated (CallerHungUp)
        1.025  server           call over
    "#]]);
}

#[test]
fn a_phone_hangs_up_without_having_acknowledged() {
    let mut world = World::new();
    world.phone().calls();
    world.wait(ms(50));
    world.bot().answers();
    world.wait(ms(10));
    world.phone().hangs_up();
    world.wait(secs(1));
    world.check_ladder(expect![[r#"
        0.000  phone  → server  INVITE
        0.000  server → media   open phone
        0.002  server → phone   180 Ringing
        0.002  server → bot     1 incoming
        0.050  bot    → server  answer
        0.050  server → bot     2 establishing
        0.050  server → media   seat bot
        0.050  server → phone   200 OK
        0.050  server → media   start phone
        0.060  phone  → server  BYE
        0.060  server → media   close phone
        0.060  server → media   close bot
        0.060  server → bot     3 terminated (CallerHungUp)
        0.060  server           call over
    "#]]);
}

#[test]
fn an_answer_that_is_never_acknowledged_ends() {
    let mut world = World::new();
    world.phone().calls();
    world.phone().never_acknowledges();
    world.wait(ms(50));
    world.bot().answers();
    world.wait(secs(60));
    world.check_ladder(expect![[r#"
         0.000  phone  → server  INVITE
         0.000  server → media   open phone
         0.002  server → phone   180 Ringing
         0.002  server → bot     1 incoming
         0.050  bot    → server  answer
         0.050  server → bot     2 establishing
         0.050  server → media   seat bot
         0.050  server → phone   200 OK
         0.050  server → media   start phone
        32.050  server           gives up waiting for an ACK
        32.050  server → phone   BYE (NotAcknowledged)
        32.050  server → media   close phone
        32.050  server → media   close bot
        32.050  server → bot     3 terminated (NotAcknowledged)
        32.050  server           call over
    "#]]);
}

#[test]
fn an_offer_may_be_ours() {
    let mut world = World::new();
    world.phone().calls_without_an_offer();
    world.wait(ms(50));
    world.bot().answers();
    world.wait(ms(50));
    world.phone().hangs_up();
    world.check_ladder(expect![[r#"
        0.000  phone  → server  INVITE without an offer
        0.000  server → media   open phone
        0.002  server → phone   180 Ringing
        0.002  server → bot     1 incoming
        0.050  bot    → server  answer
        0.050  server → bot     2 establishing
        0.050  server → media   seat bot
        0.050  server → phone   200 OK
        0.050  server → media   start phone
        0.070  phone  → server  ACK
        0.070  server → media   complete phone
        0.070  server → bot     3 established
        0.070  server → bot     4 established, audio active
        0.100  phone  → server  BYE
        0.100  server → media   close phone
        0.100  server → media   close bot
        0.100  server → bot     5 terminated (CallerHungUp)
        0.100  server           call over
    "#]]);
}

/// The bot is not told of a call that could not have been answered.
#[test]
fn an_offer_that_cannot_be_served_is_turned_down() {
    let mut world = World::new();
    world.phone().calls_with_nonsense();
    world.wait(secs(1));
    world.check_ladder(expect![[r#"
        0.000  phone  → server  INVITE
        0.000  server → media   open phone
        0.002  server → phone   488 Not Acceptable Here
        0.002  server           call over
    "#]]);
}
