//! A phone reaches a bot, leaves a message, hears it back.

use expect_test::expect;
use offhook_simulator::{World, ms, secs};

#[test]
fn a_message_is_left_and_played_back() {
    let mut world = World::new();
    world.prompt("leave-a-message.wav", ms(2_500));
    world.prompt("recording.wav", ms(3_000));
    world.phone().calls();
    world.wait(ms(40));
    world.bot().answers();
    world.wait(ms(40));
    world.bot().records(Some("leave-a-message.wav"));
    world.wait(ms(3_500));
    world.phone().speaks(secs(3));
    world.wait(ms(3_200));
    world.phone().presses('#');
    world.wait(ms(100));
    world.bot().plays(&["recording.wav"]);
    world.until_an_operation_ends();
    world.wait(ms(10));
    world.bot().hangs_up();
    world.check_ladder(expect![[r#"
        0.000  phone  → server  INVITE
        0.000  server → media   open phone
        0.002  server → phone   180 Ringing
        0.002  server → bot     1 incoming
        0.040  bot    → server  answer
        0.040  server → bot     2 establishing
        0.040  server → media   seat bot
        0.040  server → phone   200 OK
        0.040  server → media   start phone
        0.060  phone  → server  ACK
        0.060  server → bot     3 established
        0.060  server → bot     4 established, audio active
        0.080  bot    → server  record #1: leave-a-message.wav, beep
        0.110  server → media   play #1
        2.610  server → media   beep for #1
        2.810  server → media   record #1
        3.580  phone  → media   speech begins
        6.580  phone  → media   speech ends
        6.780  phone  → media   presses #
        6.780  server → bot     5 record #1 ended: StopTone after 3.96 s
        6.880  bot    → server  play #2: recording.wav
        6.910  server → media   play #2
        9.910  server → bot     6 play #2 ended: Played
        9.920  bot    → server  hang up
        9.920  server → bot     7 terminating
        9.920  server → phone   BYE (BotHungUp)
        9.920  server → media   close phone
        9.920  server → media   close bot
        9.920  server → bot     8 terminated (BotHungUp)
        9.920  server           call over
    "#]]);
}
