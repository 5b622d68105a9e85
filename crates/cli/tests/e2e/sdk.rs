//! A bot on the Rust SDK, with real calls: the same steps as in its tests without a network, and tokens on.

use std::net::{Ipv4Addr, SocketAddr};

use async_trait::async_trait;
use futures::FutureExt as _;
use offhook_bot::dialogs::{Dialogs, Next, Prompt, Waterfall};
use offhook_bot::telephony::{CallTransfer, EndCall, HandoffFailed, Recording};
use offhook_bot::testing::{Conversation, Live};
use offhook_bot::turns::{Bot, BotFault, Login, Turn};

use crate::demo::Demo;
use crate::interop::free_port;

/// Asks for a choice, records, and transfers to somebody who is not there.
struct Reception(Dialogs);

#[async_trait]
impl Bot for Reception {
    async fn on_turn(&self, turn: &mut Turn) -> Result<(), BotFault> {
        self.0.run(turn, "call").await.map(drop)
    }
}

const GREETING: &str = "Welcome. Press one to be recorded, or two to speak to somebody.";

fn reception() -> Reception {
    let call = Waterfall::new()
        .step(|_| async { Ok(Next::begin("choice")) }.boxed())
        .step(|cx| {
            async move {
                let pressed: String = cx.result()?;
                Ok(Next::begin(if pressed == "1" {
                    "record"
                } else {
                    "transfer"
                }))
            }
            .boxed()
        })
        .step(|cx| {
            async move {
                let failed: Option<HandoffFailed> = cx.result()?;
                cx.say(match failed {
                    Some(_) => "Nobody is there, I am sorry to say.",
                    None => "This call is being recorded from now on.",
                })
                .await?;
                Ok(Next::begin("end"))
            }
            .boxed()
        });
    Reception(
        Dialogs::new()
            .with("call", call)
            .with("choice", Prompt::text(GREETING))
            .with("record", Recording::start().allow_interruptions(false))
            .with("transfer", CallTransfer::to("sip:nobody@hotel"))
            .with("end", EndCall::saying("Thank you for calling. Good bye.")),
    )
}

fn recorded(bot: Conversation<Reception>) -> Conversation<Reception> {
    bot.is_called()
        .says(GREETING)
        .presses("1")
        .commands("start")
        .command_succeeds("start")
        .says("This call is being recorded from now on.")
        .says("Thank you for calling. Good bye.")
        .hangs_up()
}

fn transferred(bot: Conversation<Reception>) -> Conversation<Reception> {
    bot.is_called()
        .says(GREETING)
        .presses("2")
        .transfers_to("sip:nobody@hotel")
        .transfer_fails("There is nobody of that name.")
        .says("Nobody is there, I am sorry to say.")
        .says("Thank you for calling. Good bye.")
        .hangs_up()
}

#[test]
fn a_bot_in_rust_does_on_a_call_what_its_tests_say_it_does() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for steps in [recorded, transferred] {
        let tried = steps(Conversation::with(reception())).run();
        runtime.block_on(tried).expect("without a network");
    }
    let port = free_port();
    let platform = Demo::serve(
        &format!(
            r#"
            [[bots]]
            name = "Hotel"
            protocol = "telephony"
            sip_user = "hotel"
            endpoint = "http://127.0.0.1:{port}/api/messages"
            authentication = "own"

            [sip]
            callers = "anyone"
            "#
        ),
        &[],
    );
    let of_the_bot = |name: &str| platform.text(&format!("/bots/0/{name}"));
    let (tenant, app) = (of_the_bot("tenant"), of_the_bot("app_id"));
    let own = format!("http://{}", platform.http());
    let live = Live::new(of_the_bot("dial"))
        .phone(env!("CARGO_BIN_EXE_offhook"))
        .listen(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .login(Login::private(&own, &tenant, &app, of_the_bot("secret")));
    for steps in [recorded, transferred] {
        let called = steps(Conversation::with(reception())).call(&live);
        if let Err(why) = runtime.block_on(called) {
            panic!("{why}\n{}", platform.logs());
        }
    }

    // Another secret, and what the bot says is refused.
    let wrong = live.login(Login::private(&own, &tenant, &app, "another"));
    let called = Conversation::with(reception()).is_called().says(GREETING);
    let refused = runtime.block_on(called.call(&wrong));
    let refused = refused.expect_err("nothing is said");
    assert_eq!(refused.step, 2);
    assert!(refused.what.contains("token"), "{refused}");
}
