//! Takes a serial number of two letters and four digits, spelt in any way, asks where it cannot tell an 8 from an A, and
//! reads back what it understood.
//!
//! ```text
//! cargo run -p offhook-bot --example serial_number
//! cargo run --release -- demo --bot http://127.0.0.1:3978/api/messages --protocol telephony
//! ```

use futures::FutureExt;
use offhook_bot::dialogs::{Dialogs, Next, Waterfall};
use offhook_bot::telephony::{EndCall, SerialNumber};
use offhook_bot::turns::{Adapter, Bot, BotFault, Say, Turn};

struct Repairs(Dialogs);

#[async_trait::async_trait]
impl Bot for Repairs {
    async fn on_turn(&self, turn: &mut Turn) -> Result<(), BotFault> {
        self.0.run(turn, "call").await.map(drop)
    }
}

fn bot() -> Repairs {
    let call = Waterfall::new()
        .step(|_| async { Ok(Next::begin("number")) }.boxed())
        .step(|cx| {
            async move {
                let number: String = cx.result()?;
                let read_back = Say::ssml("en-US").text("I have ").spelt(&number);
                cx.say(read_back.build()).await?;
                Ok(Next::begin("end"))
            }
            .boxed()
        });
    let number = SerialNumber::new(6, "What is the serial number? Spell it as you like.")
        .confirmation("If it is {0}, press 1; if it is {1}, press 2.")
        .go_on("And the rest?");
    Repairs(
        Dialogs::new()
            .with("call", call)
            .with("number", number)
            .with("end", EndCall::saying("Somebody will call you.")),
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
    async fn it_is_spelt_in_pieces() {
        let call = Conversation::with(bot())
            .is_called()
            .says("What is the serial number? Spell it as you like.")
            .hears("B as in Bravo, 8")
            .says("If it is BA, press 1; if it is B8, press 2.")
            .presses("1")
            .says("And the rest?")
            .hears("1 2 3 4")
            .says("I have BA1234")
            .says("Somebody will call you.")
            .hangs_up();
        call.run().await.expect("spelt");
    }
}
