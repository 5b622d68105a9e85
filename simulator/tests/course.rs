//! What becomes of a call that stands.

use expect_test::expect;
use offhook_simulator::{World, ms, secs};

/// A call that stands. How it came about is drawn elsewhere.
fn a_call() -> World {
    let mut world = World::new();
    world.prompt("hello.wav", secs(10));
    world.phone_talks_to_bot();
    world.forget_ladder();
    world
}

#[test]
fn a_bot_without_keep_alive_is_gone_after_45_minutes() {
    let mut world = a_call();
    world.wait(secs(30 * 60));
    world.bot().keeps_alive();
    world.wait(secs(60 * 60));
    world.check_ladder(expect![[r#"
                    ⋮
        1800.200  bot    → server  keep alive
                    ⋮
        4500.200  server → phone   BYE (KeepAliveMissed)
        4500.200  server → media   close phone
        4500.200  server → media   close bot
        4500.200  server → bot     5 terminated (KeepAliveMissed)
        4500.200  server           call over
    "#]]);
}

/// A bot whose web server fails in the middle of a call delays only itself.
#[test]
fn a_bot_that_stops_listening_keeps_its_call() {
    let mut world = a_call();
    world.bot().is_down();
    world.bot().plays(&["hello.wav"]);
    world.wait(secs(20));
    world.phone().hangs_up();
    world.check_ladder(expect![[r#"
         0.200  bot    → server  play #1: hello.wav
         0.230  server → media   play #1
        10.230  server → bot     5 play #1 ended: Played, not delivered
        14.230  server           gives up telling the bot
        20.200  phone  → server  BYE
        20.200  server → media   close phone
        20.200  server → media   close bot
        20.200  server → bot     6 terminated (CallerHungUp), not delivered
        20.200  server           call over
    "#]]);
}

#[test]
fn a_phone_puts_the_call_on_hold_and_comes_back() {
    let mut world = a_call();
    world.phone().holds();
    world.wait(secs(2));
    world.phone().holds();
    world.wait(secs(2));
    world.phone().proposes_nonsense();
    world.wait(secs(2));
    world.phone().resumes();
    world.wait(secs(2));
    world.check_ladder(expect![[r#"
        0.200  phone  → server  re-INVITE (hold)
        0.202  server → phone   200 OK
        0.202  server → bot     5 established, audio inactive
        2.200  phone  → server  re-INVITE (hold)
        2.202  server → phone   200 OK
        4.200  phone  → server  re-INVITE (unknown codec)
        4.202  server → phone   488 Not Acceptable Here
        6.200  phone  → server  re-INVITE (resume)
        6.202  server → phone   200 OK
        6.202  server → bot     6 established, audio active
    "#]]);
}

#[test]
fn a_second_proposal_must_wait_for_the_first() {
    let mut world = a_call();
    world.phone().holds();
    world.phone().resumes();
    world.wait(secs(1));
    world.check_ladder(expect![[r#"
        0.200  phone  → server  re-INVITE (hold)
        0.200  phone  → server  re-INVITE (resume)
        0.200  server → phone   491 Request Pending
        0.202  server → phone   200 OK
        0.202  server → bot     5 established, audio inactive
    "#]]);
}

#[test]
fn a_phone_that_loses_its_network_is_given_up() {
    let mut world = a_call();
    world.phone().vanishes();
    world.wait(secs(25));
    world.bot().plays(&["hello.wav"]);
    world.wait(secs(20));
    world.check_ladder(expect![[r#"
         0.200  phone            loses its network
        25.200  bot    → server  play #1: hello.wav
        25.230  server → media   play #1
        30.200  server → phone   BYE (AudioLost)
        30.200  server → media   stop #1
        30.200  server → bot     5 play #1 ended: Cancelled
        30.200  server → media   close phone
        30.200  server → media   close bot
        30.200  server → bot     6 terminated (AudioLost)
        30.200  server           call over
    "#]]);
}

#[test]
fn a_bot_hangs_up_while_it_plays() {
    let mut world = a_call();
    world.bot().plays(&["hello.wav"]);
    world.wait(secs(1));
    world.bot().hangs_up();
    world.wait(secs(20));
    world.bot().hangs_up();
    world.check_ladder(expect![[r#"
         0.200  bot    → server  play #1: hello.wav
         0.230  server → media   play #1
         1.200  bot    → server  hang up
         1.200  server → bot     5 terminating
         1.200  server → phone   BYE (BotHungUp)
         1.200  server → media   stop #1
         1.200  server → bot     6 play #1 ended: Cancelled
         1.200  server → media   close phone
         1.200  server → media   close bot
         1.200  server → bot     7 terminated (BotHungUp)
         1.200  server           call over
        21.200  bot    → server  hang up
        21.200  server → bot     refused: Terminated
    "#]]);
}

#[test]
fn the_platform_stops() {
    let mut world = a_call();
    world.phone2().calls();
    world.bot().plays(&["hello.wav"]);
    world.wait(secs(1));
    world.stops();
    world.wait(ms(10));
    world.check_ladder(expect![[r#"
        0.200  phone2 → server  INVITE
        0.200  server → media   open phone2
        0.200  bot    → server  play #1: hello.wav
        0.202  server → phone2  180 Ringing
        0.202  server → bot2    1 incoming
        0.230  server → media   play #1
        1.200  server           is told to stop
        1.200  server → phone   BYE (PlatformStopping)
        1.200  server → media   stop #1
        1.200  server → bot     5 play #1 ended: Cancelled
        1.200  server → media   close phone
        1.200  server → media   close bot
        1.200  server → bot     6 terminated (PlatformStopping)
        1.200  server           call over
        1.200  server → phone2  503 Service Unavailable
        1.200  server → media   close phone2
        1.200  server → bot2    2 terminated (PlatformStopping)
        1.200  server           call over
    "#]]);
}
