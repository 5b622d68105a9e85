//! Records the call, but only of a caller who agrees: the answer is asked for first, and the recording is paused while
//! the caller says what nobody else should hear.
//!
//! ```text
//! cargo run -p offhook-bot --example recording_consent
//! cargo run --release -- demo --bot http://127.0.0.1:3978/api/messages --protocol telephony
//! ```

use futures::FutureExt;
use offhook_bot::dialogs::{Dialogs, Next, Prompt, Waterfall};
use offhook_bot::telephony::{Batch, Recording};
use offhook_bot::turns::{Adapter, Bot, BotFault, Turn};

struct Recorded(Dialogs);

#[async_trait::async_trait]
impl Bot for Recorded {
    async fn on_turn(&self, turn: &mut Turn) -> Result<(), BotFault> {
        self.0.run(turn, "call").await.map(drop)
    }
}

fn bot() -> Recorded {
    let call = Waterfall::new()
        .step(|_| async { Ok(Next::begin("consent")) }.boxed())
        .step(|cx| {
            async move {
                let agrees: Option<bool> = cx.result()?;
                match agrees {
                    Some(true) => Ok(Next::begin("record")),
                    _ => Ok(Next::go()),
                }
            }
            .boxed()
        })
        // Waits until it is paused: not one key may be in the file.
        .step(|_| async { Ok(Next::begin("pause")) }.boxed())
        .step(|_| async { Ok(Next::begin("card")) }.boxed())
        .step(|_| async { Ok(Next::begin("resume")) }.boxed())
        .step(|cx| {
            async move {
                cx.say("Thank you. Good bye.").await?;
                cx.turn_mut().end().await?;
                Ok(Next::end())
            }
            .boxed()
        })
        .on_command_failed(|cx, error| {
            async move {
                // Somebody else records already, or nobody does: the caller need not know.
                cx.turn_mut()
                    .trace(&error.code, error.message.into())
                    .await?;
                Ok(Next::Wait)
            }
            .boxed()
        });
    let consent = Prompt::confirm("May this call be recorded?").times(2);
    Recorded(
        Dialogs::new()
            .with("call", call)
            .with("consent", consent)
            .with("record", Recording::start())
            .with("pause", Recording::pause().allow_interruptions(false))
            .with(
                "card",
                Batch::length(4, "The last four digits of your card?"),
            )
            .with("resume", Recording::resume()),
    )
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3978").await?;
    axum::serve(listener, Adapter::new(bot()).routes()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use offhook_bot::testing::Conversation;

    use super::*;

    #[tokio::test]
    async fn with_consent_it_is_recorded_but_for_the_digits() {
        let call = Conversation::with(bot())
            .is_called()
            .says("May this call be recorded?")
            .hears("yes")
            .commands("start")
            .commands("pause")
            .command_succeeds("start")
            .command_succeeds("pause")
            .says("The last four digits of your card?")
            .presses("1234")
            .commands("resume")
            .says("Thank you. Good bye.")
            .hangs_up();
        call.run().await.expect("recorded");
    }

    #[tokio::test]
    async fn without_consent_or_with_a_failure_the_call_goes_on() {
        let call = Conversation::with(bot())
            .is_called()
            .says("May this call be recorded?")
            .hears("no")
            .commands("pause")
            .command_fails("pause", "RecordingNotStarted", "Recording has not started")
            .says("The last four digits of your card?")
            .presses("1234")
            .commands("resume")
            .says("Thank you. Good bye.")
            .hangs_up();
        call.run().await.expect("not recorded");
    }
}
