//! Transfers callers to an agent, and stays with those whose agent cannot be reached. The agent's number is the first
//! argument.
//!
//! ```text
//! cargo run -p offhook-bot --example transfer -- +14255550177
//! cargo run --release -- demo --bot http://127.0.0.1:3978/api/messages --protocol telephony
//! ```

use futures::FutureExt;
use offhook_bot::dialogs::{Dialogs, Next, Prompt, Waterfall};
use offhook_bot::telephony::{CallTransfer, HandoffFailed};
use offhook_bot::turns::{Adapter, Bot, BotFault, Turn};

struct Reception(Dialogs);

#[async_trait::async_trait]
impl Bot for Reception {
    async fn on_turn(&self, turn: &mut Turn) -> Result<(), BotFault> {
        self.0.run(turn, "call").await.map(drop)
    }
}

fn bot(agent: &str) -> Reception {
    let call = Waterfall::new()
        .step(|cx| {
            async move {
                cx.say("One moment, I am connecting you.").await?;
                Ok(Next::begin("transfer"))
            }
            .boxed()
        })
        // Runs only when the transfer failed: otherwise the call is the agent's.
        .step(|cx| {
            async move {
                let failed: Option<HandoffFailed> = cx.result()?;
                let why = failed.map_or_else(String::new, |failed| failed.message);
                cx.turn_mut().trace("transfer", why.into()).await?;
                Ok(Next::begin("message"))
            }
            .boxed()
        })
        .step(|cx| {
            async move {
                cx.say("Thank you. Somebody will call you back.").await?;
                cx.turn_mut().end().await?;
                Ok(Next::end())
            }
            .boxed()
        });
    let message = Prompt::text("Nobody is free. What is it about?");
    Reception(
        Dialogs::new()
            .with("call", call)
            .with("transfer", CallTransfer::to(agent))
            .with("message", message),
    )
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let agent = std::env::args()
        .nth(1)
        .ok_or("the agent's number is the first argument")?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3978").await?;
    axum::serve(listener, Adapter::new(bot(&agent)).routes()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use offhook_bot::testing::Conversation;

    use super::*;

    fn called() -> Conversation<Reception> {
        Conversation::with(bot("+14255550177"))
            .is_called()
            .says("One moment, I am connecting you.")
            .transfers_to("+14255550177")
    }

    #[tokio::test]
    async fn the_agent_answers() {
        called().ends().run().await.expect("nothing more is said");
    }

    #[tokio::test]
    async fn the_agent_cannot_be_reached() {
        let call = called()
            .transfer_fails("No answer")
            .says("Nobody is free. What is it about?")
            .hears("My order")
            .says("Thank you. Somebody will call you back.")
            .hangs_up();
        call.run().await.expect("a message is taken");
    }
}
