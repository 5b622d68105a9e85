//! Bots that call, and calls that are sent on.

use expect_test::expect;
use offhook_engine::NotReached;
use offhook_simulator::{World, ms, secs};

#[test]
fn a_bot_calls_somebody_who_answers() {
    let mut world = World::new();
    world.prompt("hello.wav", secs(1));
    world.bot().calls("ada");
    world.wait(secs(2));
    world.phone_named("ada").picks_up();
    world.wait(ms(100));
    world.bot().plays(&["hello.wav"]);
    world.until_an_operation_ends();
    world.phone_named("ada").hangs_up();
    world.check_ladder(expect![[r#"
        0.000  bot    → server  call ada
        0.000  server → bot     1 establishing
        0.000  server → media   open ada
        0.002  server → ada     INVITE from bot
        0.022  ada    → server  180 Ringing
        0.022  server → bot     2 ringing
        2.000  ada    → server  200 OK
        2.000  server → media   complete ada
        2.000  server → media   start ada
        2.000  server → media   seat bot
        2.000  server → bot     3 established
        2.000  server → bot     4 established, audio active
        2.100  bot    → server  play #1: hello.wav
        2.130  server → media   play #1
        3.130  server → bot     5 play #1 ended: Played
        3.130  ada    → server  BYE
        3.130  server → media   close ada
        3.130  server → media   close bot
        3.130  server → bot     6 terminated (CallerHungUp)
        3.130  server           call over
    "#]]);
}

#[test]
fn a_bot_calls_somebody_who_is_busy() {
    let mut world = World::new();
    world.bot().calls("ada");
    world.wait(secs(1));
    world.phone_named("ada").is_busy();
    world.check_ladder(expect![[r#"
        0.000  bot    → server  call ada
        0.000  server → bot     1 establishing
        0.000  server → media   open ada
        0.002  server → ada     INVITE from bot
        0.022  ada    → server  180 Ringing
        0.022  server → bot     2 ringing
        1.000  ada    → server  486 Busy Here
        1.000  server → media   close ada
        1.000  server → bot     3 terminated (NotReached(Busy))
        1.000  server           call over
    "#]]);
}

#[test]
fn a_bot_calls_somebody_who_declines() {
    let mut world = World::new();
    world.bot().calls("+14255550100");
    world.wait(secs(1));
    world.phone_named("+14255550100").declines();
    world.check_ladder(expect![[r#"
        0.000  bot    → server  call +14255550100
        0.000  server → bot     1 establishing
        0.000  server → media   open +14255550100
        0.002  server → +14255550100  INVITE from bot
        0.022  +14255550100 → server  180 Ringing
        0.022  server → bot     2 ringing
        1.000  +14255550100 → server  603 Decline
        1.000  server → media   close +14255550100
        1.000  server → bot     3 terminated (NotReached(Declined))
        1.000  server           call over
    "#]]);
}

#[test]
fn a_bot_calls_somebody_without_a_device() {
    let mut world = World::new();
    world.nobody_reaches("ada", NotReached::Nobody);
    world.bot().calls("ada");
    world.wait(secs(1));
    world.check_ladder(expect![[r#"
        0.000  bot    → server  call ada
        0.000  server → bot     1 establishing
        0.000  server → media   open ada
        0.002  server → ada     INVITE from bot
        0.022  server           cannot reach ada: Nobody
        0.022  server → media   close ada
        0.022  server → bot     2 terminated (NotReached(Nobody))
        0.022  server           call over
    "#]]);
}

#[test]
fn a_bot_calls_somebody_who_lets_it_ring() {
    let mut world = World::new();
    world.bot().calls("ada");
    world.wait(secs(61));
    world.check_ladder(expect![[r#"
         0.000  bot    → server  call ada
         0.000  server → bot     1 establishing
         0.000  server → media   open ada
         0.002  server → ada     INVITE from bot
         0.022  ada    → server  180 Ringing
         0.022  server → bot     2 ringing
        60.000  server → ada     CANCEL
        60.000  server → media   close ada
        60.000  server → bot     3 terminated (NotReached(NoAnswer))
        60.000  server           call over
    "#]]);
}

#[test]
fn a_bot_gives_up_while_it_rings() {
    let mut world = World::new();
    world.bot().calls("ada");
    world.wait(secs(1));
    world.bot().hangs_up();
    world.check_ladder(expect![[r#"
        0.000  bot    → server  call ada
        0.000  server → bot     1 establishing
        0.000  server → media   open ada
        0.002  server → ada     INVITE from bot
        0.022  ada    → server  180 Ringing
        0.022  server → bot     2 ringing
        1.000  bot    → server  hang up
        1.000  server → bot     3 terminating
        1.000  server → ada     CANCEL
        1.000  server → media   close ada
        1.000  server → bot     4 terminated (BotHungUp)
        1.000  server           call over
    "#]]);
}

#[test]
fn a_bot_that_called_must_say_that_it_is_alive() {
    let mut world = World::new();
    world.bot().calls("ada");
    world.wait(secs(1));
    world.phone_named("ada").picks_up();
    world.forget_ladder();
    world.wait(secs(44 * 60));
    world.bot().keeps_alive();
    world.wait(secs(46 * 60));
    world.check_ladder(expect![[r#"
                    ⋮
        2641.000  bot    → server  keep alive
                    ⋮
        5341.000  server → ada     BYE (KeepAliveMissed)
        5341.000  server → media   close ada
        5341.000  server → media   close bot
        5341.000  server → bot     5 terminated (KeepAliveMissed)
        5341.000  server           call over
    "#]]);
}

#[test]
fn a_bot_calls_a_bot() {
    let mut world = World::new();
    world.prompt("hello.wav", secs(1));
    world.bot().calls("bot2");
    world.wait(secs(1));
    world.bot2().answers();
    world.bot().plays(&["hello.wav"]);
    world.wait(secs(2));
    world.bot().hangs_up();
    world.check_ladder(expect![[r#"
        0.000  bot    → server  call bot2
        0.000  server → bot     1 establishing
        0.000  server           bot2 is called
        0.000  server → bot2    1 incoming
        0.000  server → bot     2 ringing
        1.000  bot2   → server  answer
        1.000  server → bot2    2 establishing
        1.000  server → media   seat bot2
        1.000  server → media   seat bot
        1.000  server → bot     3 established
        1.000  server → bot2    3 established
        1.000  server → bot     4 established, audio active
        1.000  server → bot2    4 established, audio active
        1.000  bot    → server  play #1: hello.wav
        1.030  server → media   play #1
        2.030  server → bot     5 play #1 ended: Played
        3.000  bot    → server  hang up
        3.000  server → bot     6 terminating
        3.000  server → media   close bot
        3.000  server → bot     7 terminated (BotHungUp)
        3.000  server → media   close bot2
        3.000  server → bot2    5 terminated (CallerHungUp)
        3.000  server           call over
    "#]]);
}

#[test]
fn a_bot_calls_a_bot_that_does_not_take_it() {
    let mut world = World::new();
    world.bot().calls("bot2");
    world.wait(secs(1));
    world.bot2().rejects_busy();
    world.bot().calls("bot2");
    world.wait(secs(16));
    world.bot2().is_down();
    world.bot().calls("bot2");
    world.wait(secs(5));
    world.check_ladder(expect![[r#"
         0.000  bot    → server  call bot2
         0.000  server → bot     1 establishing
         0.000  server           bot2 is called
         0.000  server → bot2    1 incoming
         0.000  server → bot     2 ringing
         1.000  bot2   → server  reject (Busy)
         1.000  server → bot2    2 terminated (BotRejected(Busy))
         1.000  server → bot     3 terminated (NotReached(Busy))
         1.000  server           call over
         1.000  bot    → server  call bot2
         1.000  server → bot     1 establishing
         1.000  server           bot2 is called
         1.000  server → bot2    1 incoming
         1.000  server → bot     2 ringing
        16.000  server → bot2    2 terminated (BotDidNotDecide)
        16.000  server → bot     3 terminated (NotReached(NoAnswer))
        16.000  server           call over
        17.000  bot    → server  call bot2
        17.000  server → bot     1 establishing
        17.000  server           bot2 is called
        17.000  server → bot2    1 incoming, not delivered
        17.000  server → bot     2 ringing
        21.000  server           gives up telling the bot
        21.000  server → bot2    2 terminated (BotUnreachable), not delivered
        21.000  server → bot     3 terminated (NotReached(Unreachable))
        21.000  server           call over
    "#]]);
}

#[test]
fn a_bot_that_handles_its_audio_itself_controls_the_call_and_nothing_else() {
    let mut world = World::new();
    world.bot().is_app_hosted();
    world.bot().calls("ada");
    world.wait(secs(1));
    world.phone_named("ada").picks_up();
    world.forget_ladder();
    world.bot().plays(&["hello.wav"]);
    world.bot().records(None);
    world.bot().presses("1");
    world.bot().subscribes_to_tones();
    world.bot().cancels_media();
    world.bot().keeps_alive();
    world.bot().hangs_up();
    world.check_ladder(expect![[r#"
        1.000  bot    → server  play #1: hello.wav
        1.000  server → bot     refused: AppHosted
        1.000  bot    → server  record #2: beep
        1.000  server → bot     refused: AppHosted
        1.000  bot    → server  press 1 #3
        1.000  server → bot     refused: AppHosted
        1.000  bot    → server  subscribe to tones #4
        1.000  server → bot     refused: AppHosted
        1.000  bot    → server  cancel media #5
        1.000  server → bot     refused: AppHosted
        1.000  bot    → server  keep alive
        1.000  bot    → server  hang up
        1.000  server → bot     5 terminating
        1.000  server → ada     BYE (BotHungUp)
        1.000  server → media   close ada
        1.000  server → bot     6 terminated (BotHungUp)
        1.000  server           call over
    "#]]);
}

#[test]
fn a_call_to_many_stands_with_the_first_and_ends_with_the_last() {
    let mut world = World::new();
    world.bot().calls_many(&["ada", "bob", "cleo"]);
    world.wait(secs(1));
    world.phone_named("bob").picks_up();
    world.wait(secs(1));
    world.phone_named("cleo").declines();
    world.wait(secs(1));
    world.phone_named("ada").picks_up();
    world.wait(secs(1));
    world.phone_named("bob").hangs_up();
    world.wait(secs(1));
    world.phone_named("ada").hangs_up();
    world.check_ladder(expect![[r#"
        0.000  bot    → server  call ada, bob, cleo together
        0.000  server → bot     1 establishing
        0.000  server → media   open ada
        0.000  server → media   open bob
        0.000  server → media   open cleo
        0.002  server → ada     INVITE from bot
        0.002  server → bob     INVITE from bot
        0.002  server → cleo    INVITE from bot
        0.022  ada    → server  180 Ringing
        0.022  server → bot     2 ringing
        0.022  bob    → server  180 Ringing
        0.022  cleo   → server  180 Ringing
        1.000  bob    → server  200 OK
        1.000  server → media   complete bob
        1.000  server → media   start bob
        1.000  server → media   seat bot
        1.000  server → bot     3 established
        1.000  server → bot     4 established, audio active
        1.000  server → bot     5 roster 1: bot*, bob*
        2.000  cleo   → server  603 Decline
        2.000  server → media   close cleo
        3.000  ada    → server  200 OK
        3.000  server → media   complete ada
        3.000  server → media   start ada
        3.000  server → bot     6 roster 2: bot, bob, ada*
        4.000  bob    → server  BYE
        4.000  server → media   close bob
        4.000  server → bot     7 roster 3: bot, ada; left: bob
        5.000  ada    → server  BYE
        5.000  server → media   close ada
        5.000  server → media   close bot
        5.000  server → bot     8 terminated (OthersLeft)
        5.000  server           call over
    "#]]);
}

#[test]
fn a_call_to_many_to_which_nobody_comes() {
    let mut world = World::new();
    world.bot().calls_many(&["ada", "bob"]);
    world.wait(secs(1));
    world.phone_named("bob").is_busy();
    world.wait(secs(60));
    world.check_ladder(expect![[r#"
         0.000  bot    → server  call ada, bob together
         0.000  server → bot     1 establishing
         0.000  server → media   open ada
         0.000  server → media   open bob
         0.002  server → ada     INVITE from bot
         0.002  server → bob     INVITE from bot
         0.022  ada    → server  180 Ringing
         0.022  server → bot     2 ringing
         0.022  bob    → server  180 Ringing
         1.000  bob    → server  486 Busy Here
         1.000  server → media   close bob
        60.000  server → ada     CANCEL
        60.000  server → media   close ada
        60.000  server → bot     3 terminated (NotReached(NoAnswer))
        60.000  server           call over
    "#]]);
}

#[test]
fn a_phone_calls_a_phone() {
    let mut world = World::new();
    world.phone().calls_phone("ada");
    world.wait(secs(1));
    world.phone_named("ada").picks_up();
    world.wait(secs(1));
    world.phone_named("ada").hangs_up();
    world.check_ladder(expect![[r#"
        0.000  phone  → server  INVITE to ada
        0.000  server → media   open phone
        0.002  server → media   open ada
        0.004  server → ada     INVITE from phone
        0.024  ada    → server  180 Ringing
        0.024  server → phone   180 Ringing
        1.000  ada    → server  200 OK
        1.000  server → media   complete ada
        1.000  server → media   start ada
        1.000  server → phone   200 OK
        1.000  server → media   start phone
        1.020  phone  → server  ACK
        2.000  ada    → server  BYE
        2.000  server → phone   BYE (CallerHungUp)
        2.000  server → media   close phone
        2.000  server → media   close ada
        2.000  server           call over
    "#]]);
}

#[test]
fn a_phone_calls_a_phone_that_is_busy() {
    let mut world = World::new();
    world.phone().calls_phone("ada");
    world.wait(secs(1));
    world.phone_named("ada").is_busy();
    world.check_ladder(expect![[r#"
        0.000  phone  → server  INVITE to ada
        0.000  server → media   open phone
        0.002  server → media   open ada
        0.004  server → ada     INVITE from phone
        0.024  ada    → server  180 Ringing
        0.024  server → phone   180 Ringing
        1.000  ada    → server  486 Busy Here
        1.000  server → media   close ada
        1.000  server → phone   486 Busy Here
        1.000  server → media   close phone
        1.000  server           call over
    "#]]);
}

#[test]
fn a_call_is_redirected_and_the_first_to_come_has_it() {
    let mut world = World::new();
    world.phone().calls();
    world.wait(secs(1));
    world.bot().redirects(&["ada", "bob"], secs(30));
    world.wait(secs(1));
    world.phone_named("bob").picks_up();
    world.wait(secs(1));
    world.phone().hangs_up();
    world.check_ladder(expect![[r#"
        0.000  phone  → server  INVITE
        0.000  server → media   open phone
        0.002  server → phone   180 Ringing
        0.002  server → bot     1 incoming
        1.000  bot    → server  redirect to ada, bob
        1.000  server → bot     2 terminated (Redirected)
        1.000  server → media   open ada
        1.000  server → media   open bob
        1.000  server           bot is out of the call
        1.002  server → ada     INVITE from phone
        1.002  server → bob     INVITE from phone
        1.022  ada    → server  180 Ringing
        1.022  bob    → server  180 Ringing
        2.000  bob    → server  200 OK
        2.000  server → media   complete bob
        2.000  server → media   start bob
        2.000  server → ada     CANCEL
        2.000  server → media   close ada
        2.000  server → phone   200 OK
        2.000  server → media   start phone
        2.020  phone  → server  ACK
        3.000  phone  → server  BYE
        3.000  server → bob     BYE (CallerHungUp)
        3.000  server → media   close phone
        3.000  server → media   close bob
        3.000  server           call over
    "#]]);
}

#[test]
fn a_redirected_caller_is_turned_down_when_nobody_comes() {
    let mut world = World::new();
    world.phone().calls();
    world.wait(secs(1));
    world.bot().redirects_masked(&["ada", "bob"], secs(15));
    world.wait(secs(1));
    world.phone_named("ada").declines();
    world.wait(secs(15));
    world.check_ladder(expect![[r#"
         0.000  phone  → server  INVITE
         0.000  server → media   open phone
         0.002  server → phone   180 Ringing
         0.002  server → bot     1 incoming
         1.000  bot    → server  redirect to ada, bob, caller masked
         1.000  server → bot     2 terminated (Redirected)
         1.000  server → media   open ada
         1.000  server → media   open bob
         1.000  server           bot is out of the call
         1.002  server → ada     INVITE from Anonymous
         1.002  server → bob     INVITE from Anonymous
         1.022  ada    → server  180 Ringing
         1.022  bob    → server  180 Ringing
         2.000  ada    → server  603 Decline
         2.000  server → media   close ada
        16.000  server → bob     CANCEL
        16.000  server → media   close bob
        16.000  server → phone   480 Temporarily Unavailable
        16.000  server → media   close phone
        16.000  server           call over
    "#]]);
}

#[test]
fn a_redirected_caller_gives_up() {
    let mut world = World::new();
    world.phone().calls();
    world.wait(secs(1));
    world.bot().redirects(&["ada", "bot2"], secs(15));
    world.wait(secs(1));
    world.phone().cancels();
    world.check_ladder(expect![[r#"
        0.000  phone  → server  INVITE
        0.000  server → media   open phone
        0.002  server → phone   180 Ringing
        0.002  server → bot     1 incoming
        1.000  bot    → server  redirect to ada, bot2
        1.000  server → bot     2 terminated (Redirected)
        1.000  server → media   open ada
        1.000  server           bot2 is called
        1.000  server → bot2    1 incoming from phone, forwarded by bot
        1.000  server           bot is out of the call
        1.002  server → ada     INVITE from phone
        1.022  ada    → server  180 Ringing
        2.000  phone  → server  CANCEL
        2.000  server → phone   487 Request Terminated
        2.000  server → ada     CANCEL
        2.000  server → media   close phone
        2.000  server → media   close ada
        2.000  server → bot2    2 terminated (CallerGaveUp)
        2.000  server           call over
    "#]]);
}

#[test]
fn a_call_is_redirected_to_a_bot_which_sends_it_on() {
    let mut world = World::new();
    world.phone().calls();
    world.wait(secs(1));
    world.bot().redirects(&["bot2"], secs(30));
    world.wait(secs(1));
    world.bot2().redirects(&["bot3"], secs(30));
    world.wait(secs(1));
    world.bot_named("bot3").answers();
    world.wait(secs(1));
    world.bot_named("bot3").redirects(&["ada"], secs(30));
    world.bot_named("bot3").hangs_up();
    world.check_ladder(expect![[r#"
        0.000  phone  → server  INVITE
        0.000  server → media   open phone
        0.002  server → phone   180 Ringing
        0.002  server → bot     1 incoming
        1.000  bot    → server  redirect to bot2
        1.000  server → bot     2 terminated (Redirected)
        1.000  server           bot2 is called
        1.000  server → bot2    1 incoming from phone, forwarded by bot
        1.000  server           bot is out of the call
        2.000  bot2   → server  redirect to bot3
        2.000  server → bot2    2 terminated (Redirected)
        2.000  server           bot3 is called
        2.000  server → bot3    1 incoming from phone, forwarded by bot2
        2.000  server           bot2 is out of the call
        3.000  bot3   → server  answer
        3.000  server → bot3    2 establishing
        3.000  server → media   seat bot3
        3.000  server → phone   200 OK
        3.000  server → media   start phone
        3.020  phone  → server  ACK
        3.020  server → bot3    3 established
        3.020  server → bot3    4 established, audio active
        4.000  bot3   → server  redirect to ada
        4.000  server → bot3    refused: WrongState
        4.000  bot3   → server  hang up
        4.000  server → bot3    5 terminating
        4.000  server → phone   BYE (BotHungUp)
        4.000  server → media   close phone
        4.000  server → media   close bot3
        4.000  server → bot3    6 terminated (BotHungUp)
        4.000  server           call over
    "#]]);
}

/// Both are there at the same moment: the second was first.
#[test]
fn a_caller_whose_call_was_taken_acknowledges_too_late() {
    let mut world = World::new();
    world.phone().calls();
    world.wait(secs(1));
    world.bot().redirects(&["ada"], secs(30));
    world.wait(secs(1));
    world.phone_named("ada").picks_up();
    world.phone_named("ada").hangs_up();
    world.wait(secs(1));
    world.check_ladder(expect![[r#"
        0.000  phone  → server  INVITE
        0.000  server → media   open phone
        0.002  server → phone   180 Ringing
        0.002  server → bot     1 incoming
        1.000  bot    → server  redirect to ada
        1.000  server → bot     2 terminated (Redirected)
        1.000  server → media   open ada
        1.000  server           bot is out of the call
        1.002  server → ada     INVITE from phone
        1.022  ada    → server  180 Ringing
        2.000  ada    → server  200 OK
        2.000  server → media   complete ada
        2.000  server → media   start ada
        2.000  server → phone   200 OK
        2.000  server → media   start phone
        2.000  ada    → server  BYE
        2.000  server → phone   BYE (CallerHungUp)
        2.000  server → media   close phone
        2.000  server → media   close ada
        2.000  server           call over
    "#]]);
}
