//! Conversations in simulated time.

use proptest::prelude::*;

use super::*;
use crate::{CameBy, Party};
use offhook_terms::Tone;

const LEG: LegId = LegId::from_bits(1000);

#[allow(clippy::disallowed_methods)]
fn zero() -> Instant {
    Instant::now()
}

fn speech(words: &str) -> Speech {
    Speech {
        words: Private::new(words.to_owned()),
        form: crate::SpeechForm::Plain,
        locale: "en-US".to_owned(),
        voice: None,
    }
}

fn rules() -> TalkRules {
    TalkRules {
        apology: speech("sorry"),
        locale: "en-US".to_owned(),
        receipts: false,
        no_input: None,
        hears_speech: false,
        handoff: HandoffRules {
            ring_for: limits::RINGS_FOR,
            redials: false,
            tells_success: true,
        },
    }
}

fn message(id: &str) -> Said {
    Said {
        id: id.to_owned(),
        speech: Some(speech(id)),
        hint: Hint::Accepting,
        no_input: None,
        pattern: None,
        phrases: Vec::new(),
        locale: None,
    }
}

/// A conversation with what it wanted so far, a few words each.
struct World {
    talk: Conversation,
    now: Instant,
    playing: Option<OperationId>,
    seen: Vec<String>,
}

impl World {
    fn new(rules: TalkRules) -> Self {
        Self {
            talk: Conversation::new(LEG, rules),
            now: zero(),
            playing: None,
            seen: Vec::new(),
        }
    }

    /// The caller is there and the bot may speak.
    fn talking(rules: TalkRules) -> Self {
        let mut world = Self::new(rules);
        world.rings();
        world.done();
        world.answered();
        world.after(limits::GREETING_AFTER);
        world.seen.clear();
        world
    }

    fn fact(&mut self, fact: &Fact) {
        self.talk.handle_fact(fact, self.now);
        self.look();
    }

    fn rings(&mut self) {
        self.fact(&Fact::Incoming {
            caller: Party::Guest {
                name: Private::new("Ada".to_owned()),
            },
            caller_leg: LegId::from_bits(1),
            came_by: CameBy::Called,
            is_group: false,
        });
    }

    fn answered(&mut self) {
        for fact in [Fact::Establishing, Fact::Established, Fact::AudioFlows] {
            self.fact(&fact);
        }
    }

    fn done(&mut self) {
        self.talk.handle_turn_done();
        self.look();
    }

    fn says(&mut self, said: Said) {
        let now = self.now;
        self.talk.handle_said(said, now).expect("room");
        self.look();
    }

    fn ends(&mut self) {
        self.talk.handle_end(false, self.now);
        self.look();
    }

    fn key(&mut self, symbol: char) {
        let tone = Tone::from_symbol(symbol).expect("a key");
        self.fact(&Fact::ToneHeard { sequence: 1, tone });
    }

    fn speaks(&mut self, utterance: u64) {
        self.talk.handle_speech_began(utterance, self.now);
        self.look();
    }

    fn words(&mut self, utterance: u64, text: &str) {
        let heard = Heard {
            utterance,
            text: Private::new(text.to_owned()),
            locale: "en-US".to_owned(),
            confidence: Some(0.9),
            duration: Duration::from_secs(1),
        };
        self.talk.handle_heard(heard, self.now);
        self.look();
    }

    /// What is being spoken comes to its end.
    fn spoken(&mut self) {
        let operation = self.playing.take().expect("something is spoken");
        self.operation_ended(operation, Outcome::Played);
    }

    fn operation_ended(&mut self, operation: OperationId, outcome: Outcome) {
        self.fact(&Fact::OperationEnded {
            operation,
            kind: crate::OperationKind::Record,
            context: None,
            outcome,
        });
    }

    fn over(&mut self, why: Ending) {
        self.fact(&Fact::Terminated(why));
    }

    fn after(&mut self, wait: Duration) {
        let until = self.now + wait;
        while let Some(at) = self.talk.next_deadline().filter(|at| *at <= until) {
            self.now = at;
            self.talk.handle_time(at);
            self.look();
        }
        self.now = until;
    }

    fn look(&mut self) {
        while let Some(wish) = self.talk.poll() {
            self.seen.push(match wish {
                Wish::Command(Command::Play {
                    operation, prompts, ..
                }) => {
                    assert!(self.playing.is_none(), "one message at a time");
                    self.playing = Some(operation);
                    let [Prompt::Speech(speech)] = &prompts[..] else {
                        panic!("speech")
                    };
                    format!("speak {}", speech.words.reveal())
                }
                Wish::Command(Command::AtOnce { what, .. }) => {
                    if what == AtOnce::CancelMedia {
                        self.playing = None;
                    }
                    format!("{what:?}")
                }
                Wish::Command(Command::Answer { .. }) => "answer".to_owned(),
                Wish::Command(Command::Transfer { .. }) => "transfer".to_owned(),
                Wish::Command(command) => format!("{command:?}"),
                Wish::Tell(Told::Keys(keys)) => format!("told keys {}", keys.reveal()),
                Wish::Tell(Told::Words(heard)) => format!("told {}", heard.text.reveal()),
                Wish::Tell(Told::Ended { code, .. }) => format!("told {code:?}"),
                Wish::Tell(Told::Commanded { command, refusal }) => {
                    format!("result {} {refusal:?}", command.activity)
                }
                Wish::Tell(Told::Handoff { activity, state }) => {
                    format!("hand-off {activity} {state:?}")
                }
                Wish::Tell(told) => format!("told {told:?}"),
                Wish::Listen { locale, phrases } => {
                    format!("listen {locale} {}", phrases.join(" "))
                }
                Wish::Deafen => "deafen".to_owned(),
                Wish::Tape(order) => format!("{:?} {}", order.verb, order.ticket),
            });
        }
    }

    #[track_caller]
    fn saw(&mut self, wanted: &[&str]) {
        assert_eq!(std::mem::take(&mut self.seen), wanted);
    }
}

#[test]
fn a_caller_is_told_answered_and_greeted_when_the_phone_listens() {
    let mut world = World::new(rules());
    world.rings();
    world.saw(&["told Started"]);
    world.says(message("welcome"));
    world.saw(&["answer"]);
    world.answered();
    world.saw(&["SubscribeToTones"]);
    world.after(limits::GREETING_AFTER - Duration::from_millis(1));
    world.saw(&[]);
    world.after(Duration::from_millis(1));
    world.saw(&["speak welcome"]);
}

#[test]
fn a_bot_that_greets_nobody_does_not_keep_the_caller_ringing() {
    let mut world = World::new(rules());
    world.rings();
    world.after(limits::BOT_GREETS_WITHIN - Duration::from_millis(1));
    world.saw(&["told Started"]);
    world.after(Duration::from_millis(1));
    world.saw(&["answer"]);
    // A turn that ends says the same.
    let mut world = World::new(rules());
    world.rings();
    world.done();
    world.saw(&["told Started", "answer"]);
}

#[test]
fn messages_are_spoken_one_after_the_other() {
    let mut world = World::talking(rules());
    world.says(message("one"));
    world.says(message("two"));
    world.saw(&["speak one"]);
    world.spoken();
    world.saw(&["speak two"]);
    world.spoken();
    world.saw(&[]);
}

#[test]
fn a_hint_says_what_interrupts_the_one_message_that_carries_it() {
    for (hint, by_key, by_speech) in [
        (Hint::Accepting, true, true),
        (Hint::Ignoring, false, false),
        (Hint::IgnoringKeys, false, true),
        (Hint::IgnoringSpeech, true, false),
    ] {
        let speaking = || {
            let mut world = World::talking(rules());
            world.says(Said {
                hint,
                ..message("one")
            });
            world.says(message("two"));
            world.seen.clear();
            world
        };
        let mut world = speaking();
        world.key('5');
        match by_key {
            // The key that interrupts is told, and what waited is dropped.
            true => world.saw(&["CancelMedia", "told keys 5"]),
            false => world.saw(&[]),
        }
        let mut world = speaking();
        world.speaks(1);
        world.words(1, "yes");
        match by_speech {
            true => world.saw(&["CancelMedia", "told yes"]),
            false => world.saw(&[]),
        }
        // After the message everything is heard again.
        let mut world = speaking();
        world.spoken();
        world.spoken();
        world.seen.clear();
        world.key('6');
        world.speaks(2);
        world.words(2, "no");
        world.saw(&["told keys 6", "told no"]);
    }
}

#[test]
fn what_is_said_after_an_interruption_is_spoken() {
    let mut world = World::talking(rules());
    world.says(message("one"));
    let interrupted = world.playing.expect("spoken");
    world.key('1');
    world.says(message("reply"));
    world.saw(&["speak one", "CancelMedia", "told keys 1", "speak reply"]);
    // The end of what was interrupted comes late and means nothing.
    world.operation_ended(interrupted, Outcome::Cancelled);
    world.says(message("next"));
    world.saw(&[]);
    world.spoken();
    world.saw(&["speak next"]);
}

#[test]
fn a_key_before_the_greeting_is_told_and_the_greeting_is_spoken() {
    let mut world = World::new(rules());
    world.rings();
    world.says(message("welcome"));
    world.answered();
    world.seen.clear();
    world.key('3');
    world.after(limits::GREETING_AFTER);
    world.saw(&["told keys 3", "speak welcome"]);
}

#[test]
fn a_hang_up_waits_for_what_was_said_before_it() {
    let mut world = World::talking(rules());
    world.says(message("bye"));
    world.ends();
    world.says(message("too late"));
    world.saw(&["speak bye"]);
    world.spoken();
    world.saw(&["HangUp"]);
    world.over(Ending::BotHungUp);
    world.saw(&[]);
}

#[test]
fn a_hang_up_waits_no_longer_than_a_minute_or_an_interruption() {
    let mut world = World::talking(rules());
    world.says(message("a long story"));
    world.ends();
    world.after(limits::DRAIN_WITHIN - Duration::from_millis(1));
    world.saw(&["speak a long story"]);
    world.after(Duration::from_millis(1));
    world.saw(&["CancelMedia", "HangUp"]);
    let mut world = World::talking(rules());
    world.says(message("bye"));
    world.ends();
    world.key('#');
    world.saw(&["speak bye", "CancelMedia", "HangUp"]);
    let mut world = World::talking(rules());
    world.says(message("bye"));
    world.talk.handle_end(true, world.now);
    world.look();
    world.saw(&["speak bye", "HangUp"]);
}

#[test]
fn a_bot_may_turn_a_caller_down() {
    let mut world = World::new(rules());
    world.rings();
    world.ends();
    world.over(Ending::BotRejected(RejectReason::None));
    world.saw(&["told Started", "Reject(None)"]);
}

#[test]
fn a_bot_is_told_how_the_conversation_ended() {
    for (why, code) in [
        (Ending::CallerHungUp, "told UserCancelled"),
        (Ending::Transferred, "told CompletedSuccessfully"),
        (Ending::AudioLost, "told ChannelFailed"),
        (Ending::Fault, "told ChannelFailed"),
        (Ending::PlatformStopping, "told ChannelFailed"),
    ] {
        let mut world = World::talking(rules());
        world.over(why);
        world.saw(&[code]);
    }
    let mut world = World::new(rules());
    world.rings();
    world.over(Ending::CallerGaveUp);
    world.saw(&["told Started", "told UserCancelled"]);
}

#[test]
fn a_bot_that_calls_is_told_when_somebody_answers() {
    let mut world = World::new(rules());
    world.fact(&Fact::Establishing);
    world.says(message("hello"));
    world.saw(&[]);
    world.fact(&Fact::Established);
    world.fact(&Fact::AudioFlows);
    world.after(limits::GREETING_AFTER);
    world.saw(&["told Started", "SubscribeToTones", "speak hello"]);
    let mut world = World::new(rules());
    world.fact(&Fact::Establishing);
    world.over(Ending::NotReached(crate::NotReached::Busy));
    world.saw(&["told UserCancelled"]);
}

#[test]
fn a_dead_bot_is_an_apology_and_not_silence() {
    let mut world = World::new(rules());
    world.rings();
    world.talk.handle_unreachable(world.now);
    world.look();
    world.answered();
    world.after(limits::GREETING_AFTER);
    world.spoken();
    world.over(Ending::BotHungUp);
    world.saw(&[
        "told Started",
        "answer",
        "SubscribeToTones",
        "speak sorry",
        "HangUp",
        "told BotTimedOut",
    ]);
}

#[test]
fn a_turn_that_fails_is_an_apology_and_three_are_the_end() {
    let mut world = World::talking(rules());
    let fails = |world: &mut World| {
        world.talk.handle_turn_failed(world.now);
        world.look();
    };
    fails(&mut world);
    world.saw(&["speak sorry"]);
    world.spoken();
    // A turn that goes well makes up for those that did not.
    world.done();
    fails(&mut world);
    world.spoken();
    fails(&mut world);
    world.spoken();
    world.saw(&["speak sorry", "speak sorry"]);
    fails(&mut world);
    world.spoken();
    world.saw(&["speak sorry", "HangUp"]);
}

#[test]
fn a_caller_who_says_nothing_is_told_of() {
    let wait = Duration::from_secs(5);
    let mut world = World::talking(TalkRules {
        no_input: Some(wait),
        ..rules()
    });
    let told = |message: &str, waited: u64| {
        let waited = Duration::from_secs(waited);
        let message = message.to_owned();
        format!("told {:?}", Told::NoInput { message, waited })
    };
    world.says(message("question"));
    world.after(wait);
    world.spoken();
    world.after(wait - Duration::from_millis(1));
    world.saw(&["speak question"]);
    world.after(Duration::from_millis(1));
    world.saw(&[&told("question", 5)]);
    // Once, and not for a caller who does something.
    world.after(wait);
    world.says(Said {
        no_input: Some(Duration::from_secs(2)),
        ..message("again")
    });
    world.spoken();
    world.after(Duration::from_secs(1));
    world.key('1');
    world.after(wait);
    world.saw(&["speak again", "told keys 1"]);
    // Nor for one who speaks, unless no words come of it.
    world.says(message("well"));
    world.spoken();
    world.speaks(1);
    world.after(wait);
    world.saw(&["speak well"]);
    world.talk.handle_not_understood(1, world.now);
    world.after(wait);
    world.saw(&[&told("well", 5)]);
}

#[test]
fn receipts_say_what_was_heard_and_what_was_not() {
    let mut world = World::talking(TalkRules {
        receipts: true,
        ..rules()
    });
    world.says(message("one"));
    world.says(message("two"));
    world.spoken();
    world.key('1');
    let played = format!(
        "told {:?}",
        Told::Played {
            message: "one".to_owned()
        }
    );
    let broken = format!(
        "told {:?}",
        Told::Interrupted {
            message: "two".to_owned()
        }
    );
    world.saw(&[
        "speak one",
        &played,
        "speak two",
        "CancelMedia",
        &broken,
        "told keys 1",
    ]);
}

#[test]
fn keys_are_gathered_until_they_are_what_is_waited_for() {
    let mut world = World::talking(rules());
    let number = KeyPattern::new(|keys| keys.len() == 4);
    let asks = Said {
        pattern: Some(number),
        ..message("your PIN")
    };
    world.says(asks.clone());
    for key in "1234".chars() {
        world.after(limits::NEXT_KEY_WITHIN - Duration::from_millis(1));
        world.key(key);
    }
    world.saw(&["speak your PIN", "CancelMedia", "told keys 1234"]);
    // Whoever stops in the middle is told of too.
    world.says(asks);
    world.key('9');
    world.key('8');
    world.after(limits::NEXT_KEY_WITHIN);
    world.saw(&["speak your PIN", "CancelMedia", "told keys 98"]);
    // The next message asks for something else.
    world.says(message("menu"));
    world.key('1');
    world.saw(&["speak menu", "CancelMedia", "told keys 1"]);
}

#[test]
fn a_pattern_that_is_never_matched_is_told_at_its_longest() {
    let mut world = World::talking(rules());
    world.says(Said {
        speech: None,
        pattern: Some(KeyPattern::new(|_| false)),
        ..message("never")
    });
    for _ in 0..limits::KEYS_GATHERED_MAX {
        world.saw(&[]);
        world.key('7');
    }
    let all = format!("told keys {}", "7".repeat(limits::KEYS_GATHERED_MAX));
    world.saw(&[&all]);
}

#[test]
fn speech_is_listened_for_in_the_language_the_bot_speaks() {
    let mut world = World::new(TalkRules {
        hears_speech: true,
        ..rules()
    });
    world.rings();
    world.done();
    world.answered();
    world.seen.clear();
    world.after(limits::GREETING_AFTER);
    world.says(Said {
        locale: Some("de-DE".to_owned()),
        phrases: vec!["ja".to_owned(), "nein".to_owned()],
        ..message("frage")
    });
    world.spoken();
    world.says(message("weiter"));
    world.over(Ending::CallerHungUp);
    world.saw(&[
        "listen en-US ",
        "listen de-DE ja nein",
        "speak frage",
        "listen de-DE ",
        "speak weiter",
        "deafen",
        "told UserCancelled",
    ]);
}

#[test]
fn a_noise_that_no_words_come_of_is_not_told() {
    let mut world = World::talking(rules());
    world.speaks(1);
    world.words(1, "  ");
    world.speaks(2);
    world.words(7, "nobody began this");
    world.words(2, "yes");
    world.saw(&["told yes"]);
}

#[test]
fn a_message_is_taken_back_or_changed_only_while_it_waits() {
    let mut world = World::talking(rules());
    for id in ["one", "two", "three"] {
        world.says(message(id));
    }
    assert_eq!(world.talk.handle_taken_back("one"), Err(NotQueued));
    assert_eq!(world.talk.handle_taken_back("two"), Ok(()));
    let mut other = message("three");
    other.speech = Some(speech("four"));
    assert_eq!(world.talk.handle_changed(other), Ok(()));
    world.spoken();
    assert_eq!(world.talk.handle_changed(message("three")), Err(NotQueued));
    world.saw(&["speak one", "speak four"]);
}

#[test]
fn a_bot_can_say_so_much_ahead() {
    let mut world = World::talking(rules());
    for n in 0..=limits::MESSAGES_MAX {
        world.says(message(&n.to_string()));
    }
    let refused = world.talk.handle_said(message("more"), world.now);
    assert_eq!(refused, Err(NotQueued));
}

#[test]
fn a_silent_bot_keeps_its_call() {
    let mut world = World::talking(rules());
    world.after(2 * limits::TALK_KEEPS_ALIVE_EVERY);
    world.saw(&["KeepAlive", "KeepAlive"]);
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Says(u8),
    Ends(bool),
    TurnDone,
    TurnFailed,
    Unreachable,
    Key(u8),
    Speaks,
    Words,
    Spoken,
    HungUp,
    Wait(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => any::<u8>().prop_map(Step::Says),
        1 => any::<bool>().prop_map(Step::Ends),
        2 => Just(Step::TurnDone),
        1 => Just(Step::TurnFailed),
        1 => Just(Step::Unreachable),
        4 => any::<u8>().prop_map(Step::Key),
        3 => Just(Step::Speaks),
        3 => Just(Step::Words),
        6 => Just(Step::Spoken),
        1 => Just(Step::HungUp),
        4 => any::<u16>().prop_map(Step::Wait),
    ]
}

proptest! {
    /// Whatever comes in whatever order: one message is spoken at a time, the end is told once and
    /// last, nothing is asked of a call that is over, and nothing is told that the message being
    /// spoken forbids.
    #[test]
    fn any_order_keeps_the_promises(steps in prop::collection::vec(step(), 0..60)) {
        let mut world = World::new(TalkRules {
            receipts: true,
            no_input: Some(Duration::from_secs(4)),
            hears_speech: true,
            ..rules()
        });
        let hints = [Hint::Accepting, Hint::Ignoring, Hint::IgnoringKeys, Hint::IgnoringSpeech];
        world.rings();
        world.done();
        world.answered();
        let (mut utterance, mut is_over) = (0, false);
        for step in steps {
            let from = world.seen.len();
            let speaks = world.talk.speaking.as_ref().map(|speaking| speaking.said.hint);
            match step {
                Step::Says(n) => {
                    let said = Said {
                        hint: hints[usize::from(n) % 4],
                        speech: (n % 8 != 0).then(|| speech("words")),
                        ..message(&n.to_string())
                    };
                    let _ = world.talk.handle_said(said, world.now);
                    world.look();
                }
                Step::Ends(at_once) => {
                    world.talk.handle_end(at_once, world.now);
                    world.look();
                }
                Step::TurnDone => world.done(),
                Step::TurnFailed => {
                    world.talk.handle_turn_failed(world.now);
                    world.look();
                }
                Step::Unreachable => {
                    world.talk.handle_unreachable(world.now);
                    world.look();
                }
                Step::Key(n) => {
                    world.key(char::from(b'0' + n % 10));
                    let is_told = world.seen[from..].iter().any(|seen| seen.starts_with("told keys"));
                    prop_assert!(!is_told || speaks.is_none_or(|hint| hint.admits(Input::Key)));
                }
                Step::Speaks => {
                    utterance += 1;
                    world.speaks(utterance);
                    let stops = world.seen[from..].iter().any(|seen| seen == "CancelMedia");
                    prop_assert!(!stops || speaks.is_some_and(|hint| hint.admits(Input::Speech)));
                }
                Step::Words => world.words(utterance, "words"),
                Step::Spoken if world.playing.is_some() => world.spoken(),
                Step::Spoken => {}
                Step::HungUp => {
                    world.over(Ending::CallerHungUp);
                    world.playing = None;
                }
                Step::Wait(ms) => world.after(Duration::from_millis(u64::from(ms))),
            }
            prop_assert!(!is_over || world.seen.len() == from, "{:?}", &world.seen[from..]);
            is_over |= world.talk.stage == Stage::Over;
            prop_assert_eq!(
                world.playing, world.talk.speaking.as_ref().map(|speaking| speaking.operation)
            );
        }
        world.over(Ending::CallerHungUp);
        let ends = world.seen.iter().filter(|seen| seen.starts_with("told") && (
            seen.ends_with("Cancelled") || seen.ends_with("TimedOut")
        )).count();
        prop_assert_eq!(ends, 1);
        prop_assert!(world.talk.next_deadline().is_none());
    }
}

fn tape(verb: TapeVerb, activity: &str) -> TapeCommand {
    TapeCommand {
        verb,
        name: String::new(),
        command: None,
        activity: activity.to_owned(),
        channels: None,
        metadata: None,
    }
}

fn handoff(activity: &str) -> Handoff {
    Handoff {
        activity: activity.to_owned(),
        target: Party::Phone {
            number: Private::new("+14255550177".to_owned()),
        },
        context: SipContext::default(),
    }
}

impl World {
    fn hands_off(&mut self, activity: &str) {
        let now = self.now;
        self.talk
            .handle_handoff(handoff(activity), now)
            .expect("room");
        self.look();
    }

    fn fails(&mut self, why: NotReached) {
        let consultative = false;
        self.fact(&Fact::TransferFailed { consultative, why });
    }
}

#[test]
fn a_recording_is_started_when_there_is_something_to_record_and_whatever_is_being_said() {
    let mut world = World::new(rules());
    world.rings();
    world.talk.handle_tape_command(tape(TapeVerb::Start, "1"));
    world.says(message("welcome"));
    world.saw(&["told Started", "answer"]);
    world.answered();
    world.saw(&["SubscribeToTones", "Start 1"]);
    world.after(limits::GREETING_AFTER);
    world.saw(&["speak welcome"]);
    world.talk.handle_taped(1, true);
    world.talk.handle_tape_command(tape(TapeVerb::Start, "2"));
    world.talk.handle_tape_command(tape(TapeVerb::Pause, "3"));
    world.look();
    world.saw(&[
        "result 1 None",
        "result 2 Some(AlreadyInProgress)",
        "Pause 2",
    ]);
}

#[test]
fn a_command_whose_call_ends_first_has_its_result_before_the_end() {
    let mut world = World::talking(rules());
    world.talk.handle_tape_command(tape(TapeVerb::Start, "1"));
    world.fact(&Fact::Terminated(Ending::CallerHungUp));
    world.saw(&["Start 1", "result 1 Some(CallEnded)", "told UserCancelled"]);
    world.talk.handle_taped(1, true);
    world.talk.handle_tape_command(tape(TapeVerb::Stop, "2"));
    world.look();
    world.saw(&["result 2 Some(CallEnded)"]);
}

#[test]
fn a_hand_off_waits_for_what_was_said_before_it_and_ends_the_conversation() {
    let mut world = World::talking(rules());
    world.says(message("goodbye"));
    world.hands_off("h");
    world.says(message("is anybody there"));
    world.saw(&["speak goodbye"]);
    world.spoken();
    world.saw(&["transfer"]);
    world.fact(&Fact::Transferring);
    world.key('1');
    world.speaks(1);
    world.saw(&[]);
    world.fact(&Fact::TransferAccepted);
    world.fact(&Fact::Terminated(Ending::Transferred));
    world.saw(&["hand-off h Accepted", "told CompletedSuccessfully"]);
}

#[test]
fn a_caller_who_cannot_be_handed_off_is_back_with_what_waits_to_be_said() {
    let mut world = World::talking(rules());
    world.hands_off("h");
    world.says(message("nobody is there"));
    world.saw(&["transfer"]);
    world.fails(NotReached::Busy);
    world.saw(&["hand-off h Failed(Busy)", "speak nobody is there"]);
    world.spoken();
    world.key('1');
    world.saw(&["told keys 1"]);
    world.hands_off("i");
    world.talk.handle_not_handed_off(world.now);
    world.look();
    world.saw(&["transfer", "hand-off i Failed(Refused)"]);
}

#[test]
fn a_caller_who_interrupts_is_handed_off_at_once() {
    let mut world = World::talking(rules());
    world.says(message("goodbye"));
    world.hands_off("h");
    world.key('1');
    world.saw(&["speak goodbye", "CancelMedia", "transfer", "told keys 1"]);
}

#[test]
fn a_target_that_does_not_answer_is_rung_again_where_that_is_wanted() {
    let mut rules = rules();
    rules.handoff.redials = true;
    rules.handoff.tells_success = false;
    let mut world = World::talking(rules);
    world.hands_off("h");
    world.fails(NotReached::NoAnswer);
    world.fails(NotReached::NoAnswer);
    world.saw(&["transfer", "transfer", "transfer"]);
    world.fact(&Fact::TransferAccepted);
    world.fact(&Fact::Terminated(Ending::Transferred));
    world.saw(&["told CompletedSuccessfully"]);
    let mut world = World::talking(TalkRules {
        handoff: HandoffRules {
            redials: true,
            ..self::rules().handoff
        },
        ..self::rules()
    });
    world.hands_off("h");
    world.fails(NotReached::Declined);
    world.saw(&["transfer", "hand-off h Failed(Declined)"]);
}
