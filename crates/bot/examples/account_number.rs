//! An account number by keypad: as many digits as it has, and `#`. What is said between is no key, and "help" is
//! answered without losing the question.
//!
//! ```text
//! cargo run -p offhook-bot --example account_number
//! cargo run --release -- demo --bot http://127.0.0.1:3978/api/messages --protocol telephony
//! ```

use futures::FutureExt;
use offhook_bot::dialogs::{Dialogs, Next, Waterfall};
use offhook_bot::telephony::Batch;
use offhook_bot::turns::{Adapter, Bot, BotFault, Say, Turn};

struct Account(Dialogs);

#[async_trait::async_trait]
impl Bot for Account {
    async fn on_turn(&self, turn: &mut Turn) -> Result<(), BotFault> {
        self.0.run(turn, "call").await.map(drop)
    }
}

fn bot() -> Account {
    let call = Waterfall::new()
        .step(|_| async { Ok(Next::begin("number")) }.boxed())
        .step(|cx| {
            async move {
                let number: String = cx.result()?;
                let read_back = Say::ssml("en-US").text("Your account is ").spelt(&number);
                cx.say(read_back.build()).await?;
                cx.turn_mut().end().await?;
                Ok(Next::end())
            }
            .boxed()
        });
    let number = Batch::until('#', "Your account number, and then the hash key.")
        .trimmed()
        .always_prompt(true)
        .allow_interruptions(true);
    let dialogs = Dialogs::new().with("call", call).with("number", number);
    Account(dialogs.interruptions(|turn| {
        async move {
            if !turn.text().eq_ignore_ascii_case("help") {
                return Ok(None);
            }
            turn.say("It is on every bill, above your name.").await?;
            Ok(Some(Next::Wait))
        }
        .boxed()
    }))
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
    async fn keys_are_collected_and_help_is_given() {
        let asks = "Your account number, and then the hash key.";
        let call = Conversation::with(bot())
            .is_called()
            .says(asks)
            .presses("40")
            .hears("help")
            .says("It is on every bill, above your name.")
            .says(asks)
            .hears("it is, er")
            .presses("4711#")
            .says("Your account is 4711")
            .hangs_up();
        call.run().await.expect("collected");
    }
}
