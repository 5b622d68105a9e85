//! The end of the call.

use async_trait::async_trait;
use offhook_terms::Private;
use serde_json::Value;

use crate::dialogs::{Context, Dialog, Next};
use crate::turns::{BotFault, Say};

/// Says its last words and ends the call, on whatever channel. No bot dialog goes on after it. Options that are a text
/// are the words.
///
/// ```
/// # use offhook_bot::dialogs::Dialogs;
/// # use offhook_bot::testing::Conversation;
/// # use offhook_bot::turns::{Bot, BotFault, Turn};
/// # struct Desk(Dialogs);
/// # #[async_trait::async_trait]
/// # impl Bot for Desk {
/// #     async fn on_turn(&self, turn: &mut Turn) -> Result<(), BotFault> {
/// #         self.0.run(turn, "it").await.map(drop)
/// #     }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use offhook_bot::telephony::EndCall;
///
/// Conversation::with(Desk(Dialogs::new().with("it", EndCall::saying("Good bye."))))
///     .hears("that is all")
///     .says("Good bye.")
///     .hangs_up()
///     .run()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct EndCall {
    words: Option<Private<String>>,
}

impl EndCall {
    /// Without a word.
    pub fn new() -> Self {
        Self::default()
    }

    /// With these.
    pub fn saying(words: impl Into<String>) -> Self {
        Self {
            words: Some(Private::new(words.into())),
        }
    }
}

#[async_trait]
impl Dialog for EndCall {
    async fn begin(&self, cx: &mut Context<'_>, options: Value) -> Result<Next, BotFault> {
        let words = match options {
            Value::String(words) => Some(words),
            _ => self.words.as_ref().map(|words| words.reveal().clone()),
        };
        if let Some(words) = words {
            cx.say(Say::text(words)).await?;
        }
        cx.turn_mut().end().await?;
        Ok(Next::CancelAll)
    }
}
