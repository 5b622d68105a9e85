//! Calls of many: who is let in, who is shown, who hears whom.

use expect_test::expect;
use offhook_engine::{RecordingStatus, limits};
use offhook_simulator::{World, ms, secs};

/// The bot, ada and bob.
fn a_group() -> World {
    let mut world = World::new();
    world.prompt("hello.wav", secs(10));
    world.slow_prompt("music.wav", secs(10), secs(1));
    world.bot().calls_many(&["ada", "bob"]);
    world.wait(ms(100));
    world.phone_named("ada").picks_up();
    world.phone_named("bob").picks_up();
    world.wait(ms(100));
    world.forget_ladder();
    world
}

fn a_call() -> World {
    let mut world = World::new();
    world.phone_talks_to_bot();
    world.forget_ladder();
    world
}

#[test]
fn an_invitation_makes_a_call_of_two_one_of_many() {
    let mut world = a_call();
    world.bot().invites(&["ada"]);
    world.wait(secs(1));
    world.phone_named("ada").picks_up();
    world.wait(secs(1));
    world.phone().hangs_up();
    world.wait(secs(1));
    world.bot().hangs_up();
    world.check_ladder(expect![[r#"
        0.200  bot    → server  invite #1: ada
        0.200  server → media   open ada
        0.200  server → bot     5 roster 1: bot*, phone*
        0.202  server → ada     INVITE from bot
        0.222  ada    → server  180 Ringing
        1.200  ada    → server  200 OK
        1.200  server → media   complete ada
        1.200  server → media   start ada
        1.200  server → bot     6 invite #1 ended: Done
        1.200  server → bot     7 roster 2: bot, phone, ada*
        2.200  phone  → server  BYE
        2.200  server → media   close phone
        2.200  server → bot     8 roster 3: bot, ada; left: phone
        3.200  bot    → server  hang up
        3.200  server → bot     9 terminating
        3.200  server → ada     BYE (OthersLeft)
        3.200  server → media   close ada
        3.200  server → media   close bot
        3.200  server → bot     10 terminated (BotHungUp)
        3.200  server           call over
    "#]]);
}

#[test]
fn an_invitation_fails_when_one_does_not_come_and_the_others_stay() {
    let mut world = a_group();
    world.bot().invites(&["cleo", "dora", "bot2"]);
    world.wait(secs(1));
    world.phone_named("cleo").is_busy();
    world.wait(secs(1));
    world.phone_named("dora").picks_up();
    world.wait(secs(1));
    world.bot2().answers();
    world.check_ladder(expect![[r#"
        0.200  bot    → server  invite #1: cleo, dora, bot2
        0.200  server → media   open cleo
        0.200  server → media   open dora
        0.200  server           bot2 is called
        0.200  server → bot2    1 incoming, invited by bot
        0.202  server → cleo    INVITE from bot
        0.202  server → dora    INVITE from bot
        0.222  cleo   → server  180 Ringing
        0.222  dora   → server  180 Ringing
        1.200  cleo   → server  486 Busy Here
        1.200  server → media   close cleo
        2.200  dora   → server  200 OK
        2.200  server → media   complete dora
        2.200  server → media   start dora
        2.200  server → bot     7 roster 3: bot, ada, bob, dora*
        3.200  bot2   → server  answer
        3.200  server → bot2    2 establishing
        3.200  server → media   seat bot2
        3.200  server → bot2    3 established
        3.200  server → bot     8 invite #1 ended: NotReached(Busy)
        3.200  server → bot2    4 established, audio active
        3.200  server → bot     9 roster 4: bot, ada, bob, dora, bot2*
        3.200  server → bot2    5 roster 4: bot, ada, bob, dora, bot2*
    "#]]);
}

#[test]
fn nobody_is_invited_twice() {
    let mut world = a_group();
    world.bot().invites(&["ada"]);
    world.bot().invites(&["cleo"]);
    world.bot().invites(&["cleo"]);
    world.bot().invites(&["dora", "dora"]);
    world.bot().invites(&["bot"]);
    world.bot().invites(&["a", "b", "c", "d", "e", "f"]);
    world.bot().invites(&[]);
    world.check_ladder(expect![[r#"
        0.200  bot    → server  invite #1: ada
        0.200  server → bot     refused: AlreadyInvited
        0.200  bot    → server  invite #2: cleo
        0.200  server → media   open cleo
        0.200  bot    → server  invite #3: cleo
        0.200  server → bot     refused: AlreadyInvited
        0.200  bot    → server  invite #4: dora, dora
        0.200  server → bot     refused: AlreadyInvited
        0.200  bot    → server  invite #5: bot
        0.200  server → bot     refused: AlreadyInvited
        0.200  bot    → server  invite #6: a, b, c, d, e, f
        0.200  server → bot     refused: OutOfBounds
        0.200  bot    → server  invite #7: 
        0.200  server → bot     refused: OutOfBounds
    "#]]);
}

#[test]
fn an_invitation_that_rings_in_vain_ends() {
    let mut world = a_group();
    world.bot().invites(&["cleo"]);
    world.wait(secs(30));
    world.phone_named("ada").hangs_up();
    world.phone_named("bob").hangs_up();
    world.wait(secs(31));
    world.check_ladder(expect![[r#"
         0.200  bot    → server  invite #1: cleo
         0.200  server → media   open cleo
         0.202  server → cleo    INVITE from bot
         0.222  cleo   → server  180 Ringing
        30.200  ada    → server  BYE
        30.200  server → media   close ada
        30.200  server → bot     7 roster 3: bot, bob; left: ada
        30.200  bob    → server  BYE
        30.200  server → media   close bob
        30.200  server → bot     8 roster 4: bot; left: bob
        60.200  server → cleo    CANCEL
        60.200  server → media   close cleo
        60.200  server → bot     9 invite #1 ended: NotReached(NoAnswer)
        60.200  server → media   close bot
        60.200  server → bot     10 terminated (OthersLeft)
        60.200  server           call over
    "#]]);
}

#[test]
fn a_bot_leaves_while_it_invites() {
    let mut world = a_group();
    world.bot().invites(&["cleo"]);
    world.wait(secs(1));
    world.bot().hangs_up();
    world.wait(secs(1));
    world.phone_named("bob").hangs_up();
    world.check_ladder(expect![[r#"
        0.200  bot    → server  invite #1: cleo
        0.200  server → media   open cleo
        0.202  server → cleo    INVITE from bot
        0.222  cleo   → server  180 Ringing
        1.200  bot    → server  hang up
        1.200  server → bot     7 terminating
        1.200  server → cleo    CANCEL
        1.200  server → media   close cleo
        1.200  server → bot     8 invite #1 ended: Cancelled
        1.200  server → media   close bot
        1.200  server → bot     9 terminated (BotHungUp)
        1.200  server           bot is out of the call
        2.200  bob    → server  BYE
        2.200  server → ada     BYE (OthersLeft)
        2.200  server → media   close ada
        2.200  server → media   close bob
        2.200  server           call over
    "#]]);
}

#[test]
fn the_party_of_another_call_is_fetched() {
    let mut world = a_group();
    world.bot_named("bot'").calls("cleo");
    world.wait(ms(100));
    world.phone_named("cleo").picks_up();
    world.wait(ms(100));
    world.forget_ladder();
    world.bot().invites_party_of("bot'", "cleo");
    world.wait(secs(1));
    world.check_ladder(expect![[r#"
        0.400  bot    → server  invite #1: the party of bot'
        0.402  server           moves cleo to bot
        0.402  server → bot     7 invite #1 ended: Done
        0.402  server → bot     8 roster 3: bot, ada, bob, cleo*
        0.402  server → media   close bot'
        0.402  server → bot'    5 terminated (Transferred)
        0.402  server           call over
    "#]]);
}

#[test]
fn a_party_that_hangs_up_is_not_fetched() {
    let mut world = a_group();
    world.bot_named("bot'").calls("cleo");
    world.wait(ms(100));
    world.phone_named("cleo").picks_up();
    world.wait(ms(100));
    world.forget_ladder();
    world.bot().invites_party_of("bot'", "cleo");
    world.phone_named("cleo").hangs_up();
    world.wait(secs(1));
    world.bot().invites_party_of("bot", "dora");
    world.check_ladder(expect![[r#"
        0.400  bot    → server  invite #1: the party of bot'
        0.400  cleo   → server  BYE
        0.400  server → media   close cleo
        0.400  server → media   close bot'
        0.400  server → bot'    5 terminated (CallerHungUp)
        0.400  server           call over
        0.401  server → bot     7 invite #1 ended: NotReached(Nobody)
        1.400  bot    → server  invite #2: the party of bot
        1.400  server → bot     refused: NoSuchReplacedCall
    "#]]);
}

#[test]
fn who_is_muted_is_not_heard() {
    let mut world = a_group();
    world.bot().mutes("ada");
    world.bot().mutes("ada");
    world.bot().mutes_itself();
    world.bot().unmutes_itself();
    world.bot().invites(&["cleo"]);
    world.wait(secs(1));
    world.phone_named("cleo").picks_up();
    world.bot().mutes_all();
    world.phone_named("ada").hangs_up();
    world.check_ladder(expect![[r#"
        0.200  bot    → server  mute ada #1
        0.200  server → media   bob hears bot
        0.200  server → media   bot hears bob
        0.200  server → bot     7 roster 3: bot, ada* muted, bob
        0.200  bot    → server  mute ada #2
        0.200  bot    → server  mute itself #3
        0.200  server → media   ada hears bob
        0.200  server → media   bob hears nobody
        0.200  server → bot     8 roster 4: bot* muted, ada muted, bob
        0.200  bot    → server  unmute itself #4
        0.200  server → media   ada hears everybody
        0.200  server → media   bob hears bot
        0.200  server → bot     9 roster 5: bot*, ada muted, bob
        0.200  bot    → server  invite #5: cleo
        0.200  server → media   open cleo
        0.202  server → cleo    INVITE from bot
        0.222  cleo   → server  180 Ringing
        1.200  cleo   → server  200 OK
        1.200  server → media   complete cleo
        1.200  server → media   start cleo
        1.200  server → bot     10 invite #5 ended: Done
        1.200  server → media   bob hears cleo, bot
        1.200  server → media   cleo hears bob, bot
        1.200  server → media   bot hears bob, cleo
        1.200  server → bot     11 roster 6: bot, ada muted, bob, cleo*
        1.200  bot    → server  mute all #6
        1.200  server → media   ada hears bot
        1.200  server → media   bob hears bot
        1.200  server → media   cleo hears bot
        1.200  server → media   bot hears nobody
        1.200  server → bot     12 roster 7: bot, ada muted, bob* muted, cleo* muted
        1.200  ada    → server  BYE
        1.200  server → media   close ada
        1.200  server → bot     13 roster 8: bot, bob muted, cleo muted; left: ada
    "#]]);
}

#[test]
fn a_call_of_two_knows_nothing_of_participants() {
    let mut world = a_call();
    world.bot().mutes("phone");
    world.bot().mutes_itself();
    world.bot().unmutes_itself();
    world.bot().mutes_all();
    world.bot().holds("phone", None);
    world.bot().resumes("phone");
    world.bot().removes("phone");
    world.bot().shows_a_gallery();
    world.bot().routes("whisper", &["bot"], &["phone"]);
    world.bot().says(RecordingStatus::Recording);
    world.check_ladder(expect![[r#"
        0.200  bot    → server  mute phone #1
        0.200  server → bot     refused: NotAGroup
        0.200  bot    → server  mute itself #2
        0.200  server → bot     refused: NotAGroup
        0.200  bot    → server  unmute itself #3
        0.200  server → bot     refused: NotAGroup
        0.200  bot    → server  mute all #4
        0.200  server → bot     refused: NotAGroup
        0.200  bot    → server  hold phone #5
        0.200  server → bot     refused: NotAGroup
        0.200  bot    → server  resume phone #6
        0.200  server → bot     refused: NotAGroup
        0.200  bot    → server  remove phone
        0.200  server → bot     refused: NotAGroup
        0.200  bot    → server  show a gallery #7
        0.200  server → bot     refused: NotAGroup
        0.200  bot    → server  route whisper: bot to phone
        0.200  server → bot     refused: NotAGroup
        0.200  bot    → server  say Recording #8
    "#]]);
}

#[test]
fn others_see_what_a_bot_says_of_recording() {
    let mut world = a_group();
    world.bot().says(RecordingStatus::Recording);
    world.bot().says(RecordingStatus::NotRecording);
    world.bot().shows_a_gallery();
    world.check_ladder(expect![[r#"
        0.200  bot    → server  say Recording #1
        0.200  server → bot     7 roster 3: bot* recording, ada, bob
        0.200  bot    → server  say NotRecording #2
        0.200  server → bot     8 roster 4: bot* not recording, ada, bob
        0.200  bot    → server  show a gallery #3
        0.200  server → bot     9 add large gallery view #3 ended: Done
    "#]]);
}

#[test]
fn others_see_that_a_bot_shows_its_screen() {
    let mut world = a_group();
    world.bot().shares_its_screen(true);
    world.bot().shares_its_screen(true);
    world.bot().shares_its_screen(false);
    world.check_ladder(expect![[r#"
        0.200  bot    → server  ShareScreen { shares: true }
        0.200  server → bot     7 roster 3: bot* with its screen, ada, bob
        0.200  bot    → server  ShareScreen { shares: true }
        0.200  bot    → server  ShareScreen { shares: false }
        0.200  server → bot     8 roster 4: bot*, ada, bob
    "#]]);
}

#[test]
fn somebody_on_hold_hears_music_and_nobody_else() {
    let mut world = a_group();
    world.bot().holds("ada", Some("music.wav"));
    world.wait(secs(2));
    world.bot().holds("bob", None);
    world.bot().resumes("bob");
    world.bot().resumes("ada");
    world.bot().holds("bob", None);
    world.wait(secs(1));
    world.phone_named("bob").hangs_up();
    world.bot().holds("ada", Some("nowhere.wav"));
    world.wait(secs(1));
    world.bot().holds("ada", Some("music.wav"));
    world.bot().resumes("ada");
    world.bot().holds("bot", None);
    world.check_ladder(expect![[r#"
        0.200  bot    → server  hold ada #1
        1.200  server → bot     7 start hold music #1 ended: Done
        1.200  server → media   ada hears nobody
        1.200  server → media   music #1 for ada
        1.200  server → media   bob hears bot
        1.200  server → media   bot hears bob
        1.200  server → bot     8 roster 3: bot, ada* held, bob
        2.200  bot    → server  hold bob #2
        2.200  server → bot     refused: HoldConflict
        2.200  bot    → server  resume bob #3
        2.200  server → bot     refused: HoldConflict
        2.200  bot    → server  resume ada #4
        2.200  server → media   stop #1
        2.200  server → bot     9 stop hold music #4 ended: Done
        2.200  server → media   ada hears everybody
        2.200  server → media   bob hears everybody
        2.200  server → media   bot hears everybody
        2.200  server → bot     10 roster 4: bot, ada*, bob
        2.200  bot    → server  hold bob #5
        2.200  server → bot     11 start hold music #5 ended: Done
        2.200  server → media   ada hears bot
        2.200  server → media   bob hears nobody
        2.200  server → media   music #5 for bob
        2.200  server → media   bot hears ada
        2.200  server → bot     12 roster 5: bot, ada, bob* held
        3.200  bob    → server  BYE
        3.200  server → media   stop #5
        3.200  server → media   close bob
        3.200  server → media   ada hears everybody
        3.200  server → media   bot hears everybody
        3.200  server → bot     13 roster 6: bot, ada; left: bob
        3.200  bot    → server  hold ada #6
        3.230  server → bot     14 start hold music #6 ended: PromptFailed(Download)
        4.200  bot    → server  hold ada #7
        4.200  bot    → server  resume ada #8
        4.200  server → media   stop #7
        4.200  server → bot     15 start hold music #7 ended: Cancelled
        4.200  server → bot     16 stop hold music #8 ended: Done
        4.200  bot    → server  hold bot #9
        4.200  server → bot     refused: NoSuchParticipant
    "#]]);
}

#[test]
fn a_bot_drops_a_participant() {
    let mut world = a_group();
    world.bot().invites(&["bot2"]);
    world.wait(ms(100));
    world.bot2().answers();
    world.wait(ms(100));
    world.forget_ladder();
    world.bot().removes("bot");
    world.bot().removes("ada");
    world.bot().removes("ada");
    world.bot().plays(&["hello.wav"]);
    world.wait(secs(1));
    world.bot2().removes("bot");
    world.wait(secs(1));
    world.bot2().removes("bob");
    world.check_ladder(expect![[r#"
        0.400  bot    → server  remove bot
        0.400  server → bot     refused: WrongState
        0.400  bot    → server  remove ada
        0.400  server → ada     BYE (Removed)
        0.400  server → media   close ada
        0.400  server → bot     9 roster 4: bot, bob, bot2; left: ada
        0.400  server → bot2    6 roster 4: bot, bob, bot2; left: ada
        0.400  bot    → server  remove ada
        0.400  server → bot     refused: NoSuchParticipant
        0.400  bot    → server  play #2: hello.wav
        0.430  server → media   play #2
        1.400  bot2   → server  remove bot
        1.400  server → media   stop #2
        1.400  server → bot     10 play #2 ended: Cancelled
        1.400  server → media   close bot
        1.400  server → bot     11 terminated (Removed)
        1.400  server → bot2    7 roster 5: bob, bot2; left: bot
        1.400  server           bot is out of the call
        2.400  bot2   → server  remove bob
        2.400  server → bob     BYE (Removed)
        2.400  server → media   close bob
        2.400  server → media   close bot2
        2.400  server → bot2    8 terminated (OthersLeft)
        2.400  server           call over
    "#]]);
}

#[test]
fn a_bot_whispers_to_somebody_who_is_routed_only() {
    let mut world = a_group();
    world.bot().invites_apart("cleo");
    world.wait(secs(1));
    world.phone_named("cleo").picks_up();
    world.bot().routes("whisper", &["bot"], &["cleo"]);
    world.bot().routes("Whisper", &["bot"], &["cleo"]);
    world
        .bot()
        .routes_anew("whisper", &["bot", "bob"], &["cleo"]);
    world.bot().routes_anew("other", &["bot"], &["cleo"]);
    world.bot().routes("none", &[], &["cleo"]);
    world.phone_named("bob").hangs_up();
    world.bot().routes_no_more("whisper");
    world.bot().routes_no_more("whisper");
    world.check_ladder(expect![[r#"
        0.200  bot    → server  invite #1: cleo
        0.200  server → media   open cleo
        0.202  server → cleo    INVITE from bot
        0.222  cleo   → server  180 Ringing
        1.200  cleo   → server  200 OK
        1.200  server → media   complete cleo
        1.200  server → media   start cleo
        1.200  server → bot     7 invite #1 ended: Done
        1.200  server → media   ada hears bob, bot
        1.200  server → media   bob hears ada, bot
        1.200  server → media   cleo hears nobody
        1.200  server → media   bot hears ada, bob
        1.200  server → bot     8 roster 3: bot, ada, bob, cleo*
        1.200  bot    → server  route whisper: bot to cleo
        1.200  server → media   cleo hears bot
        1.200  bot    → server  route Whisper: bot to cleo
        1.200  server → bot     refused: RoutingGroupExists
        1.200  bot    → server  route anew whisper: bot, bob to cleo
        1.200  server → media   cleo hears bob, bot
        1.200  bot    → server  route anew other: bot to cleo
        1.200  server → bot     refused: NoSuchRoutingGroup
        1.200  bot    → server  route none:  to cleo
        1.200  server → bot     refused: OutOfBounds
        1.200  bob    → server  BYE
        1.200  server → media   close bob
        1.200  server → media   ada hears bot
        1.200  server → media   cleo hears bot
        1.200  server → media   bot hears ada
        1.200  server → bot     9 roster 4: bot, ada, cleo; left: bob
        1.200  bot    → server  route no more whisper
        1.200  server → media   cleo hears nobody
        1.200  bot    → server  route no more whisper
        1.200  server → bot     refused: NoSuchRoutingGroup
    "#]]);
}

#[test]
fn key_presses_of_anybody_are_told_in_order() {
    let mut world = a_group();
    world.phone_named("ada").presses('1');
    world.bot().subscribes_to_tones();
    world.bot().subscribes_to_tones();
    world.phone_named("ada").presses('2');
    world.phone_named("bob").presses('3');
    world.bot().invites(&["cleo"]);
    world.wait(secs(1));
    world.phone_named("cleo").picks_up();
    world.phone_named("cleo").presses('#');
    world.check_ladder(expect![[r#"
        0.200  ada    → media   presses 1
        0.200  bot    → server  subscribe to tones #1
        0.200  server → media   listen for tones of ada
        0.200  server → media   listen for tones of bob
        0.200  bot    → server  subscribe to tones #2
        0.200  ada    → media   presses 2
        0.200  server → bot     7 tone 1: 2
        0.200  bob    → media   presses 3
        0.200  server → bot     8 tone 2: 3
        0.200  bot    → server  invite #3: cleo
        0.200  server → media   open cleo
        0.202  server → cleo    INVITE from bot
        0.222  cleo   → server  180 Ringing
        1.200  cleo   → server  200 OK
        1.200  server → media   complete cleo
        1.200  server → media   start cleo
        1.200  server → media   listen for tones of cleo
        1.200  server → bot     9 invite #3 ended: Done
        1.200  server → bot     10 roster 3: bot, ada, bob, cleo*
        1.200  cleo   → media   presses #
        1.200  server → bot     11 tone 3: #
    "#]]);
}

#[test]
fn keys_are_pressed_one_operation_after_the_other_and_beside_what_is_played() {
    let mut world = a_group();
    world.bot().plays(&["hello.wav"]);
    world.bot().presses("12");
    world.bot().presses("3");
    world.wait(secs(1));
    world.bot().presses("456");
    world.bot().cancels_media();
    world.bot().presses("7");
    world.wait(ms(100));
    world.bot().hangs_up();
    world.check_ladder(expect![[r#"
        0.200  bot    → server  play #1: hello.wav
        0.200  bot    → server  press 12 #2
        0.200  server → media   press #2
        0.200  bot    → server  press 3 #3
        0.230  server → media   play #1
        0.400  server → bot     7 send tones #2 ended: Done
        0.400  server → media   press #3
        0.500  server → bot     8 send tones #3 ended: Done
        1.200  bot    → server  press 456 #4
        1.200  server → media   press #4
        1.200  bot    → server  cancel media #5
        1.200  server → media   stop #1
        1.200  server → bot     9 play #1 ended: Cancelled
        1.200  bot    → server  press 7 #6
        1.300  bot    → server  hang up
        1.300  server → bot     10 terminating
        1.300  server → media   stop #4
        1.300  server → bot     11 send tones #4 ended: Cancelled
        1.300  server → bot     12 send tones #6 ended: Cancelled
        1.300  server → media   close bot
        1.300  server → bot     13 terminated (BotHungUp)
        1.300  server           bot is out of the call
    "#]]);
}

#[test]
fn a_bot_that_is_not_heard_of_leaves_a_call_of_many() {
    let mut world = a_group();
    world.wait(secs(46 * 60));
    world.phone_named("ada").hangs_up();
    world.check_ladder(expect![[r#"
                    ⋮
        2700.000  server → media   close bot
        2700.000  server → bot     7 terminated (KeepAliveMissed)
        2700.000  server           bot is out of the call
                    ⋮
        2760.200  ada    → server  BYE
        2760.200  server → bob     BYE (OthersLeft)
        2760.200  server → media   close ada
        2760.200  server → media   close bob
        2760.200  server           call over
    "#]]);
}

#[test]
fn people_come_and_go_in_a_meeting() {
    let mut world = World::new();
    world.prompt("hello.wav", secs(1));
    world.bot().joins();
    world.bot().plays(&["hello.wav"]);
    world.wait(secs(2));
    world.phone().joins();
    world.wait(secs(1));
    world.bot2().joins();
    world.phone_named("ada").joins();
    world.wait(secs(1));
    world.bot().hangs_up();
    world.phone().hangs_up();
    world.bot2().hangs_up();
    world.wait(secs(1));
    world.bot().joins();
    world.phone_named("ada").hangs_up();
    world.wait(secs(1));
    world.bot().hangs_up();
    world.check_ladder(expect![[r#"
        0.000  bot    → server  join the meeting
        0.000  server → bot     1 establishing
        0.000  server → media   seat bot
        0.000  server → bot     2 established
        0.000  server → bot     3 established, audio active
        0.000  server → bot     4 roster 1: bot*
        0.000  bot    → server  play #1: hello.wav
        0.030  server → media   play #1
        1.030  server → bot     5 play #1 ended: Played
        2.000  phone  → server  INVITE to the meeting
        2.000  server → media   open phone
        2.002  server → phone   200 OK
        2.002  server → media   start phone
        2.022  phone  → server  ACK
        2.022  server → bot     6 roster 2: bot, phone*
        3.000  bot2   → server  join the meeting
        3.000  server → bot2    1 establishing
        3.000  server → media   seat bot2
        3.000  server → bot2    2 established
        3.000  server → bot2    3 established, audio active
        3.000  server → bot     7 roster 3: bot, phone, bot2*
        3.000  server → bot2    4 roster 3: bot, phone, bot2*
        3.000  ada    → server  INVITE to the meeting
        3.000  server → media   open ada
        3.002  server → ada     200 OK
        3.002  server → media   start ada
        3.022  ada    → server  ACK
        3.022  server → bot     8 roster 4: bot, phone, bot2, ada*
        3.022  server → bot2    5 roster 4: bot, phone, bot2, ada*
        4.000  bot    → server  hang up
        4.000  server → bot     9 terminating
        4.000  server → media   close bot
        4.000  server → bot     10 terminated (BotHungUp)
        4.000  server → bot2    6 roster 5: phone, bot2, ada; left: bot
        4.000  server           bot is out of the call
        4.000  phone  → server  BYE
        4.000  server → media   close phone
        4.000  server → bot2    7 roster 6: bot2, ada; left: phone
        4.000  bot2   → server  hang up
        4.000  server → bot2    8 terminating
        4.000  server → media   close bot2
        4.000  server → bot2    9 terminated (BotHungUp)
        4.000  server           bot2 is out of the call
        5.000  bot    → server  join the meeting
        5.000  server → bot     1 establishing
        5.000  server → media   seat bot
        5.000  server → bot     2 established
        5.000  server → bot     3 established, audio active
        5.000  server → bot     4 roster 8: ada, bot*
        5.000  ada    → server  BYE
        5.000  server → media   close ada
        5.000  server → bot     5 roster 9: bot; left: ada
        6.000  bot    → server  hang up
        6.000  server → bot     6 terminating
        6.000  server → media   close bot
        6.000  server → bot     7 terminated (BotHungUp)
        6.000  server           call over
    "#]]);
}

/// Phones, one after the other, until no more fit.
#[test]
fn a_meeting_has_room_for_so_many() {
    let mut world = World::new();
    let names: Vec<&'static str> = (0..limits::PARTIES_MAX)
        .map(|number| &*format!("phone{number}").leak())
        .collect();
    for name in &names {
        world.phone_named(name).joins();
    }
    world.wait(secs(1));
    world.forget_ladder();
    world.phone().joins();
    world.bot().joins();
    world.check_ladder(expect![[r#"
        1.000  phone  → server  INVITE to the meeting
        1.000  server → phone   480 (TooManyParties)
        1.000  bot    → server  join the meeting
        1.000  server → bot     refused: TooManyParties
    "#]]);
    world.phone_named(names[0]).hangs_up();
    world.bot().joins();
    world.forget_ladder();
    world.bot().invites(&["ada"]);
    world.check_ladder(expect![[r#"
        1.000  bot    → server  invite #1: ada
        1.000  server → bot     refused: TooManyParties
    "#]]);
    world.phone_named(names[1]).hangs_up();
    world.forget_ladder();
    world.bot().invites(&["ada"]);
    world.check_ladder(expect![[r#"
        1.000  bot    → server  invite #2: ada
        1.000  server → media   open ada
    "#]]);
}
