//! Says what it hears, and hangs up when it hears "good bye".
//!
//! ```text
//! cargo run -p offhook-bot --example echo
//! cargo run --release -- demo --bot http://127.0.0.1:3978/api/messages --protocol telephony
//! ```

use offhook_bot::turns::{Adapter, Bot, BotFault, Turn};
use offhook_bot::wire::activity::ChannelAccount;

struct Echo;

#[async_trait::async_trait]
impl Bot for Echo {
    async fn on_members_added(
        &self,
        turn: &mut Turn,
        _: &[ChannelAccount],
    ) -> Result<(), BotFault> {
        turn.say("Say something, and I will say it too.").await?;
        Ok(())
    }

    async fn on_message(&self, turn: &mut Turn) -> Result<(), BotFault> {
        let heard = turn.text().to_owned();
        if heard.eq_ignore_ascii_case("good bye") {
            turn.say("Good bye.").await?;
            return Ok(turn.end().await?);
        }
        let what = if turn.is_key() { "pressed" } else { "said" };
        turn.say(format!("You {what} {heard}.")).await?;
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3978").await?;
    axum::serve(listener, Adapter::new(Echo).routes()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use offhook_bot::testing::Conversation;

    use super::*;

    #[tokio::test]
    async fn it_says_what_it_hears() {
        let call = Conversation::with(Echo)
            .is_called()
            .says("Say something, and I will say it too.")
            .hears("hello")
            .says("You said hello.")
            .presses("5")
            .says("You pressed 5.")
            .hears("Good bye")
            .says("Good bye.")
            .hangs_up();
        call.run().await.expect("an echo");
    }
}
