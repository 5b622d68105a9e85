//! What is played and recorded, in which order, and how it ends.

use expect_test::expect;
use offhook_simulator::{World, ms, secs};

/// A call that stands. How it came about is drawn elsewhere.
fn a_call() -> World {
    let mut world = World::new();
    world.prompt("hello.wav", secs(1));
    world.prompt("news.wav", secs(2));
    world.prompt("question.wav", secs(1));
    world.phone_talks_to_bot();
    world.forget_ladder();
    world
}

#[test]
fn a_silent_caller_ends_a_recording() {
    let mut world = a_call();
    world.bot().records(Some("question.wav"));
    world.until_an_operation_ends();
    world.check_ladder(expect![[r#"
        0.200  bot    → server  record #1: question.wav, beep
        0.230  server → media   play #1
        1.230  server → media   beep for #1
        1.430  server → media   record #1
        6.430  server → bot     5 record #1 ended: InitialSilence after 5.00 s
    "#]]);
}

#[test]
fn a_pause_after_speech_ends_a_recording() {
    let mut world = a_call();
    world.bot().records(None);
    world.wait(secs(1));
    world.phone().speaks(secs(2));
    world.until_an_operation_ends();
    world.check_ladder(expect![[r#"
        0.200  bot    → server  record #1: beep
        0.200  server → media   beep for #1
        0.400  server → media   record #1
        1.200  phone  → media   speech begins
        3.200  phone  → media   speech ends
        8.200  server → bot     5 record #1 ended: MaxSilence after 7.80 s
    "#]]);
}

#[test]
fn a_long_speech_is_cut() {
    let mut world = a_call();
    world.bot().records(None);
    world.phone().speaks(secs(60));
    world.until_an_operation_ends();
    world.check_ladder(expect![[r#"
         0.200  bot    → server  record #1: beep
         0.200  server → media   beep for #1
         0.200  phone  → media   speech begins
         0.400  server → media   record #1
        30.400  server → bot     5 record #1 ended: MaxDuration after 30.00 s
    "#]]);
}

/// As long as an answer may be (Graph call: recordResponse), of speech and of silence.
#[test]
fn an_answer_may_take_two_minutes() {
    let mut world = a_call();
    world.bot().records_up_to(secs(120), secs(120));
    world.phone().speaks(secs(300));
    world.until_an_operation_ends();
    world.phone().hangs_up();
    world.check_ladder(expect![[r#"
          0.200  bot    → server  record #1
          0.200  server → media   record #1
          0.200  phone  → media   speech begins
                   ⋮
        120.200  server → bot     5 record #1 ended: MaxDuration after 120.00 s
        120.200  phone  → server  BYE
        120.200  server → media   close phone
        120.200  server → media   close bot
        120.200  server → bot     6 terminated (CallerHungUp)
        120.200  server           call over
    "#]]);

    let mut world = a_call();
    world.bot().records_up_to(secs(120), secs(119));
    world.until_an_operation_ends();
    world.check_ladder(expect![[r#"
          0.200  bot    → server  record #1
          0.200  server → media   record #1
                   ⋮
        119.200  server → bot     5 record #1 ended: InitialSilence after 119.00 s
    "#]]);
}

#[test]
fn a_caller_hangs_up_in_the_middle_of_a_recording() {
    let mut world = a_call();
    world.bot().records(None);
    world.wait(secs(1));
    world.phone().speaks(secs(2));
    world.wait(secs(1));
    world.phone().hangs_up();
    world.wait(secs(60));
    world.check_ladder(expect![[r#"
        0.200  bot    → server  record #1: beep
        0.200  server → media   beep for #1
        0.400  server → media   record #1
        1.200  phone  → media   speech begins
        2.200  phone  → server  BYE
        2.200  server → media   stop #1
        2.200  server → bot     5 record #1 ended: Cancelled
        2.200  server → media   close phone
        2.200  server → media   close bot
        2.200  server → bot     6 terminated (CallerHungUp)
        2.200  server           call over
        3.200  phone  → media   speech ends
    "#]]);
}

#[test]
fn operations_stand_in_one_line() {
    let mut world = a_call();
    world.slow_prompt("slow.wav", secs(1), ms(500));
    world.bot().plays(&["slow.wav"]);
    world.bot().plays(&["hello.wav", "news.wav"]);
    world.until_an_operation_ends();
    world.until_an_operation_ends();
    world.check_ladder(expect![[r#"
        0.200  bot    → server  play #1: slow.wav
        0.200  bot    → server  play #2: hello.wav, news.wav
        0.700  server → media   play #1
        1.700  server → bot     5 play #1 ended: Played
        1.700  server → media   play #2
        4.700  server → bot     6 play #2 ended: Played
    "#]]);
}

#[test]
fn barging_in_cancels_everything_before() {
    let mut world = a_call();
    world.bot().plays(&["news.wav"]);
    world.bot().plays(&["hello.wav"]);
    world.wait(secs(1));
    world.bot().barges_in_and_records(Some("question.wav"));
    world.until_an_operation_ends();
    world.check_ladder(expect![[r#"
        0.200  bot    → server  play #1: news.wav
        0.200  bot    → server  play #2: hello.wav
        0.230  server → media   play #1
        1.200  bot    → server  record #3: question.wav, beep, barging in
        1.200  server → media   stop #1
        1.200  server → bot     5 play #1 ended: Cancelled
        1.200  server → media   stop #2
        1.200  server → bot     6 play #2 ended: Cancelled
        1.230  server → media   play #3
        2.230  server → media   beep for #3
        2.430  server → media   record #3
        7.430  server → bot     7 record #3 ended: InitialSilence after 5.00 s
    "#]]);
}

#[test]
fn a_prompt_for_ever_ends_only_when_cancelled() {
    let mut world = a_call();
    world.bot().plays_for_ever(&["hello.wav"]);
    world.wait(secs(50));
    world.bot().barges_in_and_records(None);
    world.wait(ms(500));
    world.check_ladder(expect![[r#"
         0.200  bot    → server  play #1: hello.wav for ever
         0.230  server → media   play #1
        50.200  bot    → server  record #2: beep, barging in
        50.200  server → media   stop #1
        50.200  server → bot     5 play #1 ended: Cancelled
        50.200  server → media   beep for #2
        50.400  server → media   record #2
    "#]]);
}

/// Failures wait for their turn: operations end in the order they were asked for.
#[test]
fn prompts_that_cannot_be_had_fail_in_their_turn() {
    let mut world = a_call();
    world.not_a_prompt("cat.jpg");
    world.bot().plays(&["hello.wav"]);
    world.bot().plays(&["nowhere.wav"]);
    world.bot().records(Some("cat.jpg"));
    world.bot().plays(&["news.wav"]);
    world.wait(secs(5));
    world.check_ladder(expect![[r#"
        0.200  bot    → server  play #1: hello.wav
        0.200  bot    → server  play #2: nowhere.wav
        0.200  bot    → server  record #3: cat.jpg, beep
        0.200  bot    → server  play #4: news.wav
        0.230  server → media   play #1
        1.230  server → bot     5 play #1 ended: Played
        1.230  server → bot     6 play #2 ended: PromptFailed(Download)
        1.230  server → bot     7 record #3 ended: PromptFailed(Format)
        1.230  server → media   play #4
        3.230  server → bot     8 play #4 ended: Played
    "#]]);
}

#[test]
fn one_operation_too_many_is_refused() {
    let mut world = a_call();
    for _ in 0..offhook_engine::limits::OPERATIONS_MAX {
        world.bot().plays(&["news.wav"]);
    }
    world.forget_ladder();
    world.bot().plays(&["hello.wav"]);
    world.check_ladder(expect![[r#"
        0.200  bot    → server  play #51: hello.wav
        0.200  server → bot     refused: TooManyOperations
    "#]]);
}
