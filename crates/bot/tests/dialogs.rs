//! Bot dialogs and the telephony actions, tried without a network.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use offhook_bot::dialogs::{Dialogs, Next, Prompt, Waterfall};
use offhook_bot::telephony::{
    Batch, CallTransfer, ContinueWithSms, EndCall, ErrorResponse, HandoffFailed, Recording,
    SMS_CHANNEL, SerialNumber,
};
use offhook_bot::testing::Conversation;
use offhook_bot::turns::{Bot, BotFault, Memory, Turn};
use serde_json::json;

/// Runs one bot dialog, and says what it ended with and what it failed with.
struct Runs {
    dialogs: Dialogs,
    failures: AtomicUsize,
}

#[async_trait]
impl Bot for Runs {
    async fn on_turn(&self, turn: &mut Turn) -> Result<(), BotFault> {
        self.dialogs.run(turn, "root").await.map(drop)
    }

    async fn on_error(&self, turn: &mut Turn, fault: BotFault) -> Result<(), BotFault> {
        self.failures.fetch_add(1, Ordering::Relaxed);
        match fault.downcast_ref::<ErrorResponse>() {
            Some(error) => Ok(turn.say(format!("hook: {error}")).await.map(drop)?),
            None => Err(fault),
        }
    }
}

fn runs(dialogs: Dialogs) -> Runs {
    Runs {
        dialogs,
        failures: AtomicUsize::new(0),
    }
}

/// Begins `child`, and says what it ended with.
fn tells(child: &'static str) -> Waterfall {
    Waterfall::new()
        .step(move |_| async move { Ok(Next::begin(child)) }.boxed())
        .step(|cx| {
            async move {
                let result: serde_json::Value = cx.result()?;
                cx.say(format!("got {result}")).await?;
                Ok(Next::end())
            }
            .boxed()
        })
}

/// `help` is answered; `menu` is a bot dialog.
fn with_interruptions(dialogs: Dialogs) -> Dialogs {
    let menu = Waterfall::new()
        .step(|cx| {
            async move {
                cx.say("the menu").await?;
                Ok(Next::Wait)
            }
            .boxed()
        })
        .step(|_| async { Ok(Next::end()) }.boxed());
    dialogs.with("menu", menu).interruptions(|turn| {
        async move {
            match turn.text() {
                "help" | "*" => {
                    turn.say("some help").await?;
                    Ok(Some(Next::Wait))
                }
                "menu" => Ok(Some(Next::begin("menu"))),
                "stop" => Ok(Some(Next::CancelAll)),
                _ => Ok(None),
            }
        }
        .boxed()
    })
}

#[tokio::test]
async fn a_transfer_that_succeeds_is_the_end_of_the_bot() {
    let dialogs = Dialogs::new()
        .with("root", tells("transfer"))
        .with("transfer", CallTransfer::to("+14255550177"));
    let tried = Conversation::with(runs(dialogs))
        .is_called()
        .transfers_to("+14255550177")
        .event("handoff.status", json!({"state": "accepted"}))
        .hears("anybody there?")
        .ends();
    tried.run().await.expect("nothing after it");
}

#[tokio::test]
async fn a_transfer_that_fails_goes_on_with_the_reason() {
    for number in ["+14255550177", "", "no number"] {
        let dialogs = Dialogs::new()
            .with("root", tells("transfer"))
            .with("transfer", CallTransfer::to(number));
        let failed = HandoffFailed {
            message: "No answer".to_owned(),
        };
        let said = format!("got {}", serde_json::to_value(failed).expect("JSON"));
        let tried = Conversation::with(runs(dialogs))
            .is_called()
            .transfers_to(number)
            .event("handoff.status", json!({"state": "accepted"}))
            .transfer_fails("No answer")
            .says(&said);
        tried.run().await.expect("it goes on");
    }
}

#[tokio::test]
async fn actions_of_a_phone_are_nothing_elsewhere() {
    let dialogs = |child: &str| {
        let dialogs = Dialogs::new().with("root", tells("child"));
        match child {
            "transfer" => dialogs.with("child", CallTransfer::to("+14255550177")),
            "start" => dialogs.with("child", Recording::start()),
            _ => dialogs.with("child", Recording::stop().allow_interruptions(false)),
        }
    };
    for child in ["transfer", "start", "stop"] {
        let tried = Conversation::with(runs(dialogs(child)))
            .over("directline")
            .hears("hello")
            .says("got null");
        tried.run().await.expect("over at once");
    }
}

#[tokio::test]
async fn a_command_goes_on_at_once_by_default() {
    let dialogs = Dialogs::new()
        .with("root", tells("start"))
        .with("start", Recording::start());
    let tried = Conversation::with(runs(dialogs))
        .is_called()
        .commands("start")
        .says("got null");
    tried.run().await.expect("it goes on");
}

#[tokio::test]
async fn a_command_that_blocks_waits_for_its_result() {
    let dialogs = || {
        Dialogs::new()
            .with("root", tells("stop"))
            .with("stop", Recording::stop().allow_interruptions(false))
    };
    let tried = Conversation::with(runs(dialogs()))
        .is_called()
        .commands("stop")
        .hears("hello?")
        .event("something", json!(null))
        .command_succeeds("stop")
        .says("got null");
    tried.run().await.expect("it waits");

    let tried = Conversation::with(runs(dialogs()))
        .is_called()
        .command_fails("stop", "RecordingNotStarted", "Recording has not started")
        .says("hook: RecordingNotStarted: Recording has not started");
    tried.run().await.expect("its failure is told");
}

#[tokio::test]
async fn results_without_a_value_and_of_other_names() {
    let named = |name: &str| offhook_bot::wire::activity::Activity {
        name: Some(name.to_owned()),
        ..offhook_bot::wire::activity::Activity::new("commandResult")
    };
    let prefix = "channel/vnd.microsoft.telephony.recording";
    let dialogs = Dialogs::new()
        .with("root", tells("stop"))
        .with("stop", Recording::stop().allow_interruptions(false));
    let tried = Conversation::with(runs(dialogs))
        .is_called()
        .commands("stop")
        .is_told(named(&format!("{prefix}.start")))
        .is_told(named("stop"))
        .is_told(named(&format!("{prefix}.stop")))
        .says("got null");
    tried.run().await.expect("by its name");
}

/// Records, then asks; what went wrong is told by whoever asked for it.
fn records_and_asks() -> Waterfall {
    Waterfall::new()
        .step(|_| async { Ok(Next::begin("start")) }.boxed())
        .step(|_| async { Ok(Next::begin("ask")) }.boxed())
        .step(|cx| {
            async move {
                let name: String = cx.result()?;
                cx.say(format!("Hello {name}")).await?;
                Ok(Next::end())
            }
            .boxed()
        })
}

#[tokio::test]
async fn whoever_asked_hears_of_a_failure_first_and_then_the_hook() {
    let prompt = || Prompt::text("Who are you?");
    let handles = records_and_asks().on_command_failed(|cx, error| {
        async move {
            cx.say(format!("not recorded: {}", error.code)).await?;
            Ok(Next::Wait)
        }
        .boxed()
    });
    for (root, said) in [
        (handles, "not recorded: RecordingAlreadyInProgress"),
        (
            records_and_asks(),
            "hook: RecordingAlreadyInProgress: Recording is already in progress",
        ),
    ] {
        let dialogs = Dialogs::new()
            .with("root", root)
            .with("start", Recording::start())
            .with("ask", prompt());
        let tried = Conversation::with(runs(dialogs))
            .is_called()
            .commands("start")
            .says("Who are you?")
            .command_fails(
                "start",
                "RecordingAlreadyInProgress",
                "Recording is already in progress",
            )
            .says(said)
            .hears("Ada")
            .says("Hello Ada");
        tried.run().await.expect("and it goes on");
    }
}

#[tokio::test]
async fn a_failure_that_was_waited_for_is_made_up_for_by_whoever_asked() {
    let root = tells("stop").on_command_failed(|cx, error| {
        async move {
            cx.say(format!("failed: {}", error.code)).await?;
            Ok(Next::Wait)
        }
        .boxed()
    });
    let dialogs = Dialogs::new()
        .with("root", root)
        .with("stop", Recording::stop().allow_interruptions(false));
    let tried = Conversation::with(runs(dialogs))
        .is_called()
        .command_fails("stop", "RecordingNotStarted", "Recording has not started")
        .says("failed: RecordingNotStarted")
        .says("got null");
    tried.run().await.expect("it goes on");
}

#[tokio::test]
async fn a_failure_nobody_is_left_to_hear_of_goes_to_the_hook() {
    let dialogs = Dialogs::new()
        .with("root", tells("start"))
        .with("start", Recording::start());
    let tried = Conversation::with(runs(dialogs))
        .is_called()
        .commands("start")
        .says("got null")
        .command_fails("start", "Code", "words")
        .says("hook: Code: words");
    tried.run().await.expect("told to the hook");
}

#[tokio::test]
async fn two_commands_of_one_name_are_told_apart_by_their_ids() {
    let root = Waterfall::new()
        .step(|_| async { Ok(Next::begin("start")) }.boxed())
        .step(|_| async { Ok(Next::begin("start")) }.boxed())
        .step(|_| async { Ok(Next::Wait) }.boxed());
    let dialogs = Dialogs::new()
        .with("root", root)
        .with("start", Recording::start());
    let tried = Conversation::with(runs(dialogs))
        .is_called()
        .commands("start")
        .commands("start")
        .command_succeeds("start")
        .command_fails("start", "RecordingAlreadyInProgress", "twice")
        .says("hook: RecordingAlreadyInProgress: twice");
    tried.run().await.expect("each has its own");
}

#[tokio::test]
async fn batches_are_complete_by_length_by_a_key_or_by_a_pattern() {
    let ask = "Your number?";
    let pattern = Batch::matching("[0-9]{3}$", ask).expect("a pattern");
    for (batch, said, result) in [
        (Batch::length(3, ask), vec!["1", "2", "3"], "123"),
        (Batch::length(3, ask), vec!["12", "34"], "1234"),
        (Batch::length(3, ask).trimmed(), vec!["12", "34"], "123"),
        (Batch::until('#', ask), vec!["4", "2", "#"], "42#"),
        (Batch::until('#', ask).trimmed(), vec!["4", "#"], "4"),
        (Batch::until('*', ask), vec!["4", "*"], "4*"),
        (Batch::until('#', ask), vec!["five", "", "5", "#"], "5#"),
        (Batch::until('#', ask), vec!["１", "٢", "＃"], "12#"),
        (pattern, vec!["a", "1", "23"], "a123"),
    ] {
        let dialogs = Dialogs::new()
            .with("root", tells("batch"))
            .with("batch", batch);
        let mut tried = Conversation::with(runs(dialogs)).is_called().says(ask);
        for said in said {
            tried = tried.hears(said);
        }
        let tried = tried.says(&format!("got \"{result}\""));
        tried.run().await.expect(result);
    }
}

#[tokio::test]
async fn what_else_happens_does_not_disturb_a_batch() {
    let dialogs = Dialogs::new()
        .with("root", tells("batch"))
        .with("batch", Batch::length(2, "Keys?"));
    let tried = Conversation::with(runs(dialogs))
        .is_called()
        .says("Keys?")
        .presses("1")
        .event("anything", json!({"a": 1}))
        .presses("2")
        .says("got \"12\"");
    tried.run().await.expect("it goes on silently");
}

#[tokio::test]
async fn interruptions_of_a_batch() {
    let world = |batch: Batch| {
        let dialogs = Dialogs::new()
            .with("root", tells("batch"))
            .with("batch", batch);
        Conversation::with(runs(with_interruptions(dialogs)))
            .is_called()
            .says("Keys?")
    };
    let batch = || Batch::length(2, "Keys?");

    // Off by default: what is said is no key.
    let tried = world(batch())
        .hears("help")
        .presses("12")
        .says("got \"12\"");
    tried.run().await.expect("no interruption");

    // Nothing collected: the question again.
    let allowed = || batch().allow_interruptions(true);
    let tried = world(allowed())
        .hears("help")
        .says("some help")
        .says("Keys?")
        .presses("12")
        .says("got \"12\"");
    tried.run().await.expect("asked again");

    // Something collected: over with nothing, or from the beginning.
    let tried = world(allowed())
        .presses("1")
        .hears("help")
        .says("some help")
        .says("got null");
    tried.run().await.expect("given up");
    let tried = world(allowed().always_prompt(true))
        .presses("1")
        .hears("help")
        .says("some help")
        .says("Keys?")
        .presses("12")
        .says("got \"12\"");
    tried.run().await.expect("begun anew");

    // Digits are masked; star is not, unless the mask says so.
    let tried = world(allowed())
        .presses("*")
        .says("some help")
        .says("Keys?");
    tried.run().await.expect("star interrupts");
    let masked = allowed().interruption_mask("^[0-9*]+$").expect("a mask");
    let tried = world(masked).presses("*1").says("got \"*1\"");
    tried.run().await.expect("star is masked");

    // By another bot dialog, which takes its turns first.
    let tried = world(allowed())
        .hears("menu")
        .says("the menu")
        .hears("7")
        .says("Keys?")
        .presses("12")
        .says("got \"12\"");
    tried.run().await.expect("on top of it");

    let tried = world(allowed()).hears("stop").hears("again").says("Keys?");
    tried.run().await.expect("cancelled, and begun again");
}

#[tokio::test]
async fn a_prompt_gives_up_after_so_many_tries() {
    let dialogs = Dialogs::new().with("root", tells("ask")).with(
        "ask",
        Prompt::number("How many?").retry("A number!").times(2),
    );
    let tried = Conversation::with(runs(dialogs))
        .is_called()
        .says("How many?")
        .hears("a few")
        .says("A number!")
        .hears("several")
        .says("got null");
    tried.run().await.expect("twice and no more");
}

#[tokio::test]
async fn a_conversation_goes_on_with_another_process_and_beside_others() {
    let memory = Arc::new(Memory::default());
    let world = |id: &str| {
        let dialogs = Dialogs::new()
            .with("root", tells("batch"))
            .with("batch", Batch::length(3, "Keys?"));
        Conversation::with(runs(dialogs))
            .remembers_in(Arc::clone(&memory))
            .id(id)
    };
    let first = world("a").is_called().says("Keys?").presses("1");
    let other = world("b").is_called().says("Keys?").presses("99");
    first.run().await.expect("begun");
    other.run().await.expect("begun");
    let first = world("a").presses("23").says("got \"123\"");
    let other = world("b").presses("9").says("got \"999\"");
    other.run().await.expect("goes on");
    first.run().await.expect("goes on");
}

#[tokio::test]
async fn bot_dialogs_that_begin_each_other_for_ever_are_found_out() {
    let root = Waterfall::new().step(|_| async { Ok(Next::replace("root")) }.boxed());
    let deep = Waterfall::new().step(|_| async { Ok(Next::begin("root")) }.boxed());
    for root in [root, deep] {
        let tried = Conversation::with(runs(Dialogs::new().with("root", root)));
        tried.is_called().fails().run().await.expect("it fails");
    }
    let unknown = Dialogs::new().with("root", tells("nobody"));
    let tried = Conversation::with(runs(unknown)).is_called().fails();
    tried.run().await.expect("it fails");
}

#[tokio::test]
async fn serial_numbers_in_pieces_with_an_eight_that_may_be_an_a() {
    let serial = || SerialNumber::new(5, "Serial number?").go_on("And the rest?");
    let world = |serial: SerialNumber| {
        let dialogs = Dialogs::new()
            .with("root", tells("serial"))
            .with("serial", serial);
        Conversation::with(runs(with_interruptions(dialogs)))
            .is_called()
            .says("Serial number?")
    };
    let asks = |a: &str, b: &str| {
        format!("Did you mean {a} or {b}? Press 1 for the first, 2 for the second.")
    };
    let tried = world(serial())
        .hears("bravo")
        .hears("one")
        .hears("C as in Chicago, D")
        .presses("2")
        .says("got \"B1CD2\"");
    tried.run().await.expect("in pieces");

    // Asked once, and not again about what was answered.
    let tried = world(serial())
        .hears("B8")
        .says(&asks("BA", "B8"))
        .hears("what?")
        .says(&asks("BA", "B8"))
        .presses("2")
        .says("And the rest?")
        .hears("123")
        .says("got \"B8123\"");
    tried.run().await.expect("confirmed");

    // Too much, or nothing to understand: counted, and then an interruption is let in.
    let tried = world(serial())
        .hears("#")
        .hears("ABCDEFGH")
        .hears("*")
        .says("some help")
        .says("Serial number?")
        .hears("AB123")
        .says("got \"AB123\"");
    tried.run().await.expect("let in");
}

#[tokio::test]
async fn the_end_of_the_call_is_the_end_of_all_bot_dialogs() {
    let dialogs = Dialogs::new()
        .with("root", tells("end"))
        .with("end", EndCall::saying("Good bye."));
    let tried = Conversation::with(runs(dialogs))
        .is_called()
        .says("Good bye.")
        .hangs_up()
        .ends();
    tried.run().await.expect("nothing after it");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_takes_too_long() {
    let after = Duration::from_secs(5);
    let prompt = || {
        Prompt::choice("Tea or coffee?", ["tea", "coffee"])
            .retry("Tea, or coffee?")
            .timeout(after)
    };
    let world = |prompt: Prompt| {
        let dialogs = Dialogs::new()
            .with("root", tells("ask"))
            .with("ask", prompt);
        Conversation::with(runs(dialogs))
            .is_called()
            .says("Tea or coffee?")
    };
    // Asked again and again, and the clock begins anew each time.
    let tried = world(prompt())
        .passes(after)
        .says("Tea, or coffee?")
        .passes(after / 2)
        .hears("water")
        .says("Tea, or coffee?")
        .passes(after / 2)
        .passes(after)
        .says("Tea, or coffee?")
        .hears("tea")
        .says("got {\"index\":0,\"value\":\"tea\"}")
        .passes(10 * after);
    tried.run().await.expect("asked again");

    let limited = prompt().times(3).or_else("tea", Some("Tea it is."));
    let tried = world(limited.clone())
        .passes(after)
        .says("Tea it is.")
        .says("got \"tea\"");
    tried.run().await.expect("given up");

    // Without a word about which, it is the one that waits.
    let tried = world(limited)
        .event("ContinueConversation", json!(null))
        .says("Tea it is.")
        .says("got \"tea\"");
    tried.run().await.expect("given up");

    // Whoever hung up is not asked again, and no bot dialog begins because of it.
    let tried = world(prompt()).ends().passes(10 * after);
    tried.run().await.expect("over");
}

#[tokio::test]
async fn what_nobody_waits_for_begins_nothing() {
    let root = Waterfall::new()
        .step(|_| async { Ok(Next::begin("start")) }.boxed())
        .step(|_| async { Ok(Next::begin("end")) }.boxed());
    let dialogs = Dialogs::new()
        .with("root", root)
        .with("start", Recording::start())
        .with("end", EndCall::new());
    let late = offhook_bot::wire::activity::Activity {
        name: Some("channel/vnd.microsoft.telephony.recording.pause".to_owned()),
        ..offhook_bot::wire::activity::Activity::new("commandResult")
    };
    let tried = Conversation::with(runs(dialogs))
        .is_called()
        .commands("start")
        .hangs_up()
        .command_fails("start", "Code", "words")
        .says("hook: Code: words")
        .is_told(late);
    tried.run().await.expect("nothing more");
}

/// On the phone it runs a bot dialog; by text message it sends what it was given for that.
struct Texts(Dialogs);

#[async_trait]
impl Bot for Texts {
    async fn on_turn(&self, turn: &mut Turn) -> Result<(), BotFault> {
        let activity = turn.activity().clone();
        if activity.channel_id.as_deref() != Some(SMS_CHANNEL) {
            return self.0.run(turn, "root").await.map(drop);
        }
        assert_eq!(activity.name.as_deref(), Some("ContinueConversation"));
        let to = activity
            .conversation
            .and_then(|conversation| conversation.id);
        let from = activity.recipient.and_then(|bot| bot.id);
        let from = from.as_ref().map(|id| id.reveal().as_str());
        let address = activity
            .service_url
            .as_ref()
            .map(|url| url.reveal().as_str());
        let words = activity.value.map(|value| value.into_inner());
        turn.say(format!("{to:?} {from:?} {address:?} {words:?}"))
            .await?;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_is_gone_on_with_in_text_messages() {
    let sms = ContinueWithSms::from("+12065550100", "https://sms.example.org/")
        .to("+14255550100")
        .data("Your order is 4711.");
    let dialogs = Dialogs::new().with("root", tells("sms")).with("sms", sms);
    let tried = Conversation::with(Texts(dialogs))
        .is_called()
        // The call goes on, whatever becomes of the message.
        .says("got null")
        .passes(Duration::from_millis(1))
        .says(
            r#"Some("+14255550100") Some("+12065550100") Some("https://sms.example.org/") Some(String("Your order is 4711."))"#,
        );
    tried.run().await.expect("gone on with");
}
