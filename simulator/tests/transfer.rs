//! The other party is connected with somebody else.

use expect_test::expect;
use offhook_simulator::{World, ms, secs};

fn a_call() -> World {
    let mut world = World::new();
    world.prompt("hello.wav", secs(10));
    world.phone_talks_to_bot();
    world.forget_ladder();
    world
}

#[test]
fn a_phone_that_knows_how_is_sent_to_somebody_else() {
    let mut world = a_call();
    world.phone().follows_transfers();
    world.bot().plays(&["hello.wav"]);
    world.wait(secs(1));
    world.bot().transfers_to("ada");
    world.wait(secs(1));
    world.check_ladder(expect![[r#"
        0.200  bot    → server  play #1: hello.wav
        0.230  server → media   play #1
        1.200  bot    → server  transfer to ada
        1.200  server → media   stop #1
        1.200  server → bot     5 play #1 ended: Cancelled
        1.200  server → bot     6 transferring
        1.200  server → phone   REFER to ada
        1.220  phone  → server  NOTIFY (200 OK)
        1.220  server → bot     7 transfer accepted
        1.220  server → phone   BYE (Transferred)
        1.220  server → media   close phone
        1.220  server → media   close bot
        1.220  server → bot     8 terminated (Transferred)
        1.220  server           call over
    "#]]);
}

#[test]
fn a_phone_that_reaches_nobody_comes_back() {
    let mut world = a_call();
    world.phone().fails_transfers();
    world.bot().transfers_to("ada");
    world.wait(secs(1));
    world.bot().plays(&["hello.wav"]);
    world.wait(secs(1));
    world.check_ladder(expect![[r#"
        0.200  bot    → server  transfer to ada
        0.200  server → bot     5 transferring
        0.200  server → phone   REFER to ada
        0.220  phone  → server  NOTIFY (603 Decline)
        0.220  server → bot     6 established, transfer failed
        1.200  bot    → server  play #1: hello.wav
        1.230  server → media   play #1
    "#]]);
}

#[test]
fn a_phone_that_never_says_what_came_of_it_comes_back() {
    let mut world = a_call();
    world.phone().forgets_transfers();
    world.bot().transfers_to("ada");
    world.wait(secs(61));
    world.check_ladder(expect![[r#"
         0.200  bot    → server  transfer to ada
         0.200  server → bot     5 transferring
         0.200  server → phone   REFER to ada
         0.220  phone  → server  202 Accepted
        60.200  server → bot     6 established, transfer failed
    "#]]);
}

#[test]
fn a_phone_that_knows_no_transfer_is_bridged() {
    let mut world = a_call();
    world.bot().transfers_to("+14255550100");
    world.wait(secs(1));
    world.phone_named("+14255550100").picks_up();
    world.wait(secs(1));
    world.phone_named("+14255550100").hangs_up();
    world.check_ladder(expect![[r#"
        0.200  bot    → server  transfer to +14255550100
        0.200  server → bot     5 transferring
        0.200  server → phone   REFER to +14255550100
        0.220  phone  → server  501 Not Implemented
        0.220  server → media   open +14255550100
        0.220  server → media   phone hears nobody
        0.220  server → media   ringing for phone
        0.220  server → media   bot hears nobody
        0.222  server → +14255550100  INVITE from phone
        0.242  +14255550100 → server  180 Ringing
        1.200  +14255550100 → server  200 OK
        1.200  server → media   complete +14255550100
        1.200  server → media   start +14255550100
        1.200  server → bot     6 transfer accepted
        1.200  server → media   close bot
        1.200  server → bot     7 terminated (Transferred)
        1.200  server → media   phone hears everybody
        1.200  server           bot is out of the call
        2.200  +14255550100 → server  BYE
        2.200  server → phone   BYE (CallerHungUp)
        2.200  server → media   close phone
        2.200  server → media   close +14255550100
        2.200  server           call over
    "#]]);
}

#[test]
fn the_caller_is_back_when_the_target_declines() {
    let mut world = a_call();
    world.bot().transfers_to("ada");
    world.wait(secs(1));
    world.bot().plays(&["hello.wav"]);
    world.bot().transfers_to("bob");
    world.phone_named("ada").declines();
    world.bot().plays(&["hello.wav"]);
    world.wait(secs(1));
    world.check_ladder(expect![[r#"
        0.200  bot    → server  transfer to ada
        0.200  server → bot     5 transferring
        0.200  server → phone   REFER to ada
        0.220  phone  → server  501 Not Implemented
        0.220  server → media   open ada
        0.220  server → media   phone hears nobody
        0.220  server → media   ringing for phone
        0.220  server → media   bot hears nobody
        0.222  server → ada     INVITE from phone
        0.242  ada    → server  180 Ringing
        1.200  bot    → server  play #1: hello.wav
        1.200  server → bot     refused: WrongState
        1.200  bot    → server  transfer to bob
        1.200  server → bot     refused: TransferConflict
        1.200  ada    → server  603 Decline
        1.200  server → media   close ada
        1.200  server → bot     6 established, transfer failed
        1.200  server → media   phone hears everybody
        1.200  server → media   bot hears everybody
        1.200  bot    → server  play #2: hello.wav
        1.230  server → media   play #2
    "#]]);
}

#[test]
fn the_caller_is_back_when_the_target_lets_it_ring() {
    let mut world = a_call();
    world.bot().transfers_to("ada");
    world.wait(secs(30));
    world.phone().holds();
    world.wait(secs(31));
    world.check_ladder(expect![[r#"
         0.200  bot    → server  transfer to ada
         0.200  server → bot     5 transferring
         0.200  server → phone   REFER to ada
         0.220  phone  → server  501 Not Implemented
         0.220  server → media   open ada
         0.220  server → media   phone hears nobody
         0.220  server → media   ringing for phone
         0.220  server → media   bot hears nobody
         0.222  server → ada     INVITE from phone
         0.242  ada    → server  180 Ringing
        30.200  phone  → server  re-INVITE (hold)
        30.202  server → phone   200 OK
        60.200  server → ada     CANCEL
        60.200  server → media   close ada
        60.200  server → bot     6 established, transfer failed
        60.200  server → media   phone hears everybody
        60.200  server → media   bot hears everybody
        60.200  server → bot     7 established, audio inactive
    "#]]);
}

#[test]
fn a_caller_hangs_up_while_it_is_transferred() {
    let mut world = a_call();
    world.bot().transfers_to("ada");
    world.wait(secs(1));
    world.phone().hangs_up();
    world.check_ladder(expect![[r#"
        0.200  bot    → server  transfer to ada
        0.200  server → bot     5 transferring
        0.200  server → phone   REFER to ada
        0.220  phone  → server  501 Not Implemented
        0.220  server → media   open ada
        0.220  server → media   phone hears nobody
        0.220  server → media   ringing for phone
        0.220  server → media   bot hears nobody
        0.222  server → ada     INVITE from phone
        0.242  ada    → server  180 Ringing
        1.200  phone  → server  BYE
        1.200  server → ada     CANCEL
        1.200  server → media   close phone
        1.200  server → media   close ada
        1.200  server → media   close bot
        1.200  server → bot     6 terminated (CallerHungUp)
        1.200  server           call over
    "#]]);
}

#[test]
fn a_bot_hangs_up_while_it_transfers() {
    let mut world = a_call();
    world.bot().transfers_to("ada");
    world.wait(secs(1));
    world.bot().hangs_up();
    world.check_ladder(expect![[r#"
        0.200  bot    → server  transfer to ada
        0.200  server → bot     5 transferring
        0.200  server → phone   REFER to ada
        0.220  phone  → server  501 Not Implemented
        0.220  server → media   open ada
        0.220  server → media   phone hears nobody
        0.220  server → media   ringing for phone
        0.220  server → media   bot hears nobody
        0.222  server → ada     INVITE from phone
        0.242  ada    → server  180 Ringing
        1.200  bot    → server  hang up
        1.200  server → bot     6 terminating
        1.200  server → phone   BYE (BotHungUp)
        1.200  server → ada     CANCEL
        1.200  server → media   close phone
        1.200  server → media   close ada
        1.200  server → media   close bot
        1.200  server → bot     7 terminated (BotHungUp)
        1.200  server           call over
    "#]]);
}

#[test]
fn a_caller_is_transferred_to_a_bot() {
    let mut world = a_call();
    world.bot().transfers_to("bot2");
    world.wait(secs(1));
    world.bot2().answers();
    world.bot2().plays(&["hello.wav"]);
    world.wait(secs(1));
    world.phone().hangs_up();
    world.check_ladder(expect![[r#"
        0.200  bot    → server  transfer to bot2
        0.200  server → bot     5 transferring
        0.200  server           bot2 is called
        0.200  server → bot2    1 incoming from phone, transferred by bot
        0.200  server → media   phone hears nobody
        0.200  server → media   ringing for phone
        0.200  server → media   bot hears nobody
        1.200  bot2   → server  answer
        1.200  server → bot2    2 establishing
        1.200  server → media   seat bot2
        1.200  server → bot2    3 established
        1.200  server → bot     6 transfer accepted
        1.200  server → media   close bot
        1.200  server → bot     7 terminated (Transferred)
        1.200  server → media   phone hears everybody
        1.200  server → bot2    4 established, audio active
        1.200  server           bot is out of the call
        1.200  bot2   → server  play #1: hello.wav
        1.230  server → media   play #1
        2.200  phone  → server  BYE
        2.200  server → media   stop #1
        2.200  server → bot2    5 play #1 ended: Cancelled
        2.200  server → media   close phone
        2.200  server → media   close bot2
        2.200  server → bot2    6 terminated (CallerHungUp)
        2.200  server           call over
    "#]]);
}

#[test]
fn a_transfer_to_a_bot_that_decides_too_late_fails() {
    let mut world = a_call();
    world.bot().transfers_to("bot2");
    world.wait(secs(16));
    world.check_ladder(expect![[r#"
         0.200  bot    → server  transfer to bot2
         0.200  server → bot     5 transferring
         0.200  server           bot2 is called
         0.200  server → bot2    1 incoming from phone, transferred by bot
         0.200  server → media   phone hears nobody
         0.200  server → media   ringing for phone
         0.200  server → media   bot hears nobody
        15.200  server → bot2    2 terminated (BotDidNotDecide)
        15.200  server → bot     6 established, transfer failed
        15.200  server → media   phone hears everybody
        15.200  server → media   bot hears everybody
        15.200  server           bot2 is out of the call
    "#]]);
}

/// The bot talks with a phone, asks somebody else, and connects the two.
fn two_calls() -> World {
    let mut world = a_call();
    world.bot_named("bot'").calls("ada");
    world.wait(ms(100));
    world.phone_named("ada").picks_up();
    world.wait(ms(100));
    world.forget_ladder();
    world
}

#[test]
fn two_parties_of_a_bot_are_connected() {
    let mut world = two_calls();
    world.bot().transfers_to_party_of("bot'");
    world.wait(secs(1));
    world.phone().hangs_up();
    world.check_ladder(expect![[r#"
        0.400  bot    → server  transfer to the party of bot'
        0.400  server → bot     5 transferring
        0.401  server           moves phone to bot'
        0.401  server → media   close bot'
        0.401  server → bot'    5 terminated (Transferred)
        0.401  server           bot' is out of the call
        0.401  server → bot     6 transfer accepted
        0.401  server → media   close bot
        0.401  server → bot     7 terminated (Transferred)
        0.401  server           call over
        1.400  phone  → server  BYE
        1.400  server → ada     BYE (CallerHungUp)
        1.400  server → media   close ada
        1.400  server → media   close phone
        1.400  server           call over
    "#]]);
}

#[test]
fn the_party_is_back_when_the_other_call_has_nobody() {
    let mut world = two_calls();
    world.bot().transfers_to_party_of_nobody();
    world.wait(secs(1));
    world.bot().transfers_to_party_of("bot'");
    world.phone_named("ada").hangs_up();
    world.wait(secs(1));
    world.check_ladder(expect![[r#"
        0.400  bot    → server  transfer to the party of nobody
        0.400  server → bot     5 transferring
        0.401  server           gives phone back
        0.401  server → bot     6 established, transfer failed
        0.401  server → media   phone hears everybody
        1.400  bot    → server  transfer to the party of bot'
        1.400  server → bot     7 transferring
        1.400  ada    → server  BYE
        1.400  server → media   close ada
        1.400  server → media   close bot'
        1.400  server → bot'    5 terminated (CallerHungUp)
        1.400  server           call over
        1.401  server           moves phone to bot'
        1.401  server           gives phone back
        1.401  server → bot     8 established, transfer failed
        1.401  server → media   phone hears everybody
    "#]]);
}

#[test]
fn a_call_cannot_replace_itself() {
    let mut world = two_calls();
    world.bot().transfers_to_party_of("bot");
    world.check_ladder(expect![[r#"
        0.400  bot    → server  transfer to the party of bot
        0.400  server → bot     refused: NoSuchReplacedCall
    "#]]);
}

#[test]
fn of_two_calls_that_want_to_go_to_each_other_one_goes() {
    let mut world = two_calls();
    world.bot().transfers_to_party_of("bot'");
    world.bot_named("bot'").transfers_to_party_of("bot");
    world.wait(secs(1));
    world.check_ladder(expect![[r#"
        0.400  bot    → server  transfer to the party of bot'
        0.400  server → bot     5 transferring
        0.400  bot'   → server  transfer to the party of bot
        0.400  server → bot'    5 transferring
        0.401  server           moves phone to bot'
        0.401  server           gives phone back
        0.401  server → bot     6 established, transfer failed
        0.401  server → media   phone hears everybody
        0.401  server           moves ada to bot
        0.401  server → media   close bot
        0.401  server → bot     7 terminated (Transferred)
        0.401  server           bot is out of the call
        0.401  server → bot'    6 transfer accepted
        0.401  server → media   close bot'
        0.401  server → bot'    7 terminated (Transferred)
        0.401  server           call over
    "#]]);
}

#[test]
fn a_participant_moves_out_of_a_call_of_many() {
    let mut world = World::new();
    world.bot().calls_many(&["ada", "bob"]);
    world.wait(ms(100));
    world.phone_named("ada").picks_up();
    world.phone_named("bob").picks_up();
    world.wait(ms(100));
    world.forget_ladder();
    world.bot().transfers_to("cleo");
    world.bot().transfers("ada", "cleo");
    world.bot().transfers("ada", "dora");
    world.wait(secs(1));
    world.phone_named("cleo").picks_up();
    world.wait(secs(1));
    world.bot().hangs_up();
    world.wait(secs(1));
    world.phone_named("ada").hangs_up();
    world.check_ladder(expect![[r#"
        0.200  bot    → server  transfer to cleo
        0.200  server → bot     refused: NoSuchParticipant
        0.200  bot    → server  transfer ada to cleo
        0.200  server → ada     REFER to cleo
        0.200  bot    → server  transfer ada to dora
        0.200  server → bot     refused: TransferConflict
        0.220  ada    → server  501 Not Implemented
        0.220  server → media   open cleo
        0.220  server → media   ada hears nobody
        0.220  server → media   ringing for ada
        0.220  server → media   bob hears bot
        0.220  server → media   bot hears bob
        0.222  server → cleo    INVITE from ada
        0.242  cleo   → server  180 Ringing
        1.200  cleo   → server  200 OK
        1.200  server → media   complete cleo
        1.200  server → media   start cleo
        1.200  server → media   ada hears cleo
        1.200  server → media   cleo hears ada
        1.200  server → bot     7 roster 3: bot, bob; left: ada
        2.200  bot    → server  hang up
        2.200  server → bot     8 terminating
        2.200  server → bob     BYE (OthersLeft)
        2.200  server → media   close bob
        2.200  server → media   close bot
        2.200  server → bot     9 terminated (BotHungUp)
        2.200  server → media   ada hears everybody
        2.200  server → media   cleo hears everybody
        2.200  server           bot is out of the call
        3.200  ada    → server  BYE
        3.200  server → cleo    BYE (CallerHungUp)
        3.200  server → media   close ada
        3.200  server → media   close cleo
        3.200  server           call over
    "#]]);
}

#[test]
fn a_participant_that_cannot_be_transferred_stays_in_the_call_of_many() {
    let mut world = World::new();
    world.bot().calls_many(&["ada", "bob"]);
    world.wait(ms(100));
    world.phone_named("ada").picks_up();
    world.phone_named("bob").picks_up();
    world.wait(ms(100));
    world.forget_ladder();
    world.bot().transfers("ada", "cleo");
    world.wait(secs(1));
    world.phone_named("cleo").is_busy();
    world.wait(secs(1));
    world.bot().transfers("ada", "cleo");
    world.wait(secs(1));
    world.phone_named("ada").hangs_up();
    world.check_ladder(expect![[r#"
        0.200  bot    → server  transfer ada to cleo
        0.200  server → ada     REFER to cleo
        0.220  ada    → server  501 Not Implemented
        0.220  server → media   open cleo
        0.220  server → media   ada hears nobody
        0.220  server → media   ringing for ada
        0.220  server → media   bob hears bot
        0.220  server → media   bot hears bob
        0.222  server → cleo    INVITE from ada
        0.242  cleo   → server  180 Ringing
        1.200  cleo   → server  486 Busy Here
        1.200  server → media   close cleo
        1.200  server → bot     7 established, transfer failed
        1.200  server → media   ada hears everybody
        1.200  server → media   bob hears everybody
        1.200  server → media   bot hears everybody
        2.200  bot    → server  transfer ada to cleo
        2.200  server → ada     REFER to cleo
        2.220  ada    → server  501 Not Implemented
        2.220  server → media   open cleo
        2.220  server → media   ada hears nobody
        2.220  server → media   ringing for ada
        2.220  server → media   bob hears bot
        2.220  server → media   bot hears bob
        2.222  server → cleo    INVITE from ada
        2.242  cleo   → server  180 Ringing
        3.200  ada    → server  BYE
        3.200  server → cleo    CANCEL
        3.200  server → media   close cleo
        3.200  server → bot     8 established, transfer failed
        3.200  server → media   close ada
        3.200  server → media   bob hears everybody
        3.200  server → media   bot hears everybody
        3.200  server → bot     9 roster 3: bot, bob; left: ada
    "#]]);
}

#[test]
fn a_participant_goes_to_the_other_call_of_its_bot() {
    let mut world = World::new();
    world.bot().calls_many(&["bob", "cleo"]);
    world.wait(ms(100));
    world.phone_named("bob").picks_up();
    world.phone_named("cleo").picks_up();
    world.bot_named("bot'").calls("ada");
    world.wait(ms(100));
    world.phone_named("ada").picks_up();
    world.wait(ms(100));
    world.forget_ladder();
    world.bot().transfers_participant_to_party_of("bob", "bot'");
    world.wait(secs(1));
    world.phone_named("cleo").hangs_up();
    world.phone_named("bob").hangs_up();
    world.check_ladder(expect![[r#"
        0.300  bot    → server  transfer to the party of bot'
        0.301  server           moves bob to bot'
        0.301  server → media   close bot'
        0.301  server → bot'    5 terminated (Transferred)
        0.301  server           bot' is out of the call
        0.301  server → bot     7 roster 3: bot, cleo; left: bob
        1.300  cleo   → server  BYE
        1.300  server → media   close cleo
        1.300  server → media   close bot
        1.300  server → bot     8 terminated (OthersLeft)
        1.300  server           call over
        1.300  bob    → server  BYE
        1.300  server → ada     BYE (CallerHungUp)
        1.300  server → media   close ada
        1.300  server → media   close bob
        1.300  server           call over
    "#]]);
}
