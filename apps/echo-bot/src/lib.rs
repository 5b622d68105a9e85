//! The echo bot: the smallest bot of the Telephony channel that is of any use.
//!
//! It is told what a caller does, and says it again. It has no identity and no settings; the platform asks for
//! what it has to say with each request (`deliveryMode`: `expectReplies`).

use async_trait::async_trait;
use offhook_bot::turns::{Adapter, Bot, BotFault, Turn};
use offhook_bot::wire::activity::ChannelAccount;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Where the bot is told of calls.
pub const PATH: &str = offhook_bot::turns::PATH;

/// A running bot. It stops when it is dropped.
#[derive(Debug)]
pub struct Running(JoinHandle<()>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Starts the bot at this door.
pub fn start_on(listener: TcpListener) -> Running {
    let routes = Adapter::new(EchoBot).routes();
    Running(tokio::spawn(async move {
        // Serving ends with the process, or when the bot is stopped.
        let _ = axum::serve(listener, routes).await;
    }))
}

/// What the bot does.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use offhook_bot::testing::Conversation;
///
/// let tried = Conversation::with(offhook_echo_bot::EchoBot)
///     .presses("5")
///     .says("You pressed 5.")
///     .hears("hello")
///     .says("You said: hello.");
/// tried.run().await.unwrap();
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct EchoBot;

#[async_trait]
impl Bot for EchoBot {
    async fn on_members_added(
        &self,
        turn: &mut Turn,
        _members: &[ChannelAccount],
    ) -> Result<(), BotFault> {
        let welcome =
            "Hello. Press a key, or say something, and I say it again. Press hash to end.";
        turn.say(welcome).await?;
        Ok(())
    }

    async fn on_message(&self, turn: &mut Turn) -> Result<(), BotFault> {
        let answer = match (turn.is_key(), turn.text()) {
            (_, "") => return Ok(()),
            (true, "#") => {
                turn.say("Good bye.").await?;
                return Ok(turn.end().await?);
            }
            (true, "*") => "You pressed star.".to_owned(),
            (true, key) => format!("You pressed {key}."),
            (false, words) => format!("You said: {words}."),
        };
        turn.say(answer).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use offhook_bot::testing::Conversation;

    use super::*;

    #[tokio::test]
    async fn it_says_again_what_it_is_told() {
        let tried = Conversation::with(EchoBot)
            .is_called()
            .says("Hello. Press a key, or say something, and I say it again. Press hash to end.")
            .presses("5")
            .says("You pressed 5.")
            .presses("*")
            .says("You pressed star.")
            .hears("good morning")
            .says("You said: good morning.")
            .event("something", serde_json::Value::Null)
            .presses("#")
            .says("Good bye.")
            .hangs_up()
            .ends();
        tried.run().await.expect("as it should be");
    }
}
