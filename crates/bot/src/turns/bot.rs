//! What a bot does about each kind of activity.

use async_trait::async_trait;
use offhook_wire::activity::{ChannelAccount, kind};
use serde_json::Value;

use super::{BotFault, InvokeResponse, Turn};

/// A bot: what it does about each kind of activity. What it has no method for, it lets pass.
///
/// Turns of one conversation come one at a time and in the order in which they were delivered, those
/// of different conversations at the same time.
///
/// ```
/// use async_trait::async_trait;
/// use offhook_bot::turns::{Bot, BotFault, Turn};
/// use offhook_bot::wire::activity::ChannelAccount;
///
/// struct Hotel;
///
/// #[async_trait]
/// impl Bot for Hotel {
///     async fn on_members_added(&self, turn: &mut Turn, _: &[ChannelAccount]) -> Result<(), BotFault> {
///         turn.say("Welcome to the hotel.").await?;
///         Ok(())
///     }
///
///     async fn on_message(&self, turn: &mut Turn) -> Result<(), BotFault> {
///         if turn.is_key() && turn.text() == "#" {
///             turn.end().await?;
///         }
///         Ok(())
///     }
/// }
/// # use offhook_bot::testing::Conversation;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), offhook_bot::testing::Mismatch> {
/// # Conversation::with(Hotel).is_called().says("Welcome to the hotel.").presses("#").hangs_up().run().await
/// # }
/// ```
#[async_trait]
pub trait Bot: Send + Sync + 'static {
    /// Any activity. Replace it to see everything first, and what was answered last: then hand it on to
    /// [`dispatch`](Self::dispatch), or to bot dialogs.
    async fn on_turn(&self, turn: &mut Turn) -> Result<(), BotFault> {
        self.dispatch(turn).await
    }

    /// Somebody said something or pressed a key.
    async fn on_message(&self, _turn: &mut Turn) -> Result<(), BotFault> {
        Ok(())
    }

    /// People came, the bot itself not among them. Of a call: it was answered.
    async fn on_members_added(
        &self,
        _turn: &mut Turn,
        _members: &[ChannelAccount],
    ) -> Result<(), BotFault> {
        Ok(())
    }

    /// Something happened that has this name.
    async fn on_event(&self, _turn: &mut Turn, _name: &str) -> Result<(), BotFault> {
        Ok(())
    }

    /// This is what came of a command of this name.
    async fn on_command_result(&self, _turn: &mut Turn, _name: &str) -> Result<(), BotFault> {
        Ok(())
    }

    /// The conversation is over.
    async fn on_end(&self, _turn: &mut Turn) -> Result<(), BotFault> {
        Ok(())
    }

    /// Something is to be done and answered at once, such as a task module that is opened. `None` is
    /// answered with 501.
    async fn on_invoke(
        &self,
        _turn: &mut Turn,
        _name: &str,
        _value: Value,
    ) -> Result<Option<InvokeResponse>, BotFault> {
        Ok(None)
    }

    /// An activity of any other kind.
    async fn on_other(&self, _turn: &mut Turn) -> Result<(), BotFault> {
        Ok(())
    }

    /// A turn failed. The channel is answered with 500 unless this makes up for it.
    async fn on_error(&self, _turn: &mut Turn, fault: BotFault) -> Result<(), BotFault> {
        Err(fault)
    }

    /// Hands an activity to the method for its kind. There is no reason to replace it.
    async fn dispatch(&self, turn: &mut Turn) -> Result<(), BotFault> {
        let activity = turn.activity();
        if activity.is(kind::MESSAGE) {
            return self.on_message(turn).await;
        }
        if activity.is(kind::CONVERSATION_UPDATE) {
            let bot = activity.recipient.as_ref().and_then(|bot| bot.id.as_ref());
            let added = activity.members_added.iter().flatten();
            let added: Vec<_> = added
                .filter(|member| bot.is_none() || member.id.as_ref() != bot)
                .cloned()
                .collect();
            return match added.is_empty() {
                true => self.on_other(turn).await,
                false => self.on_members_added(turn, &added).await,
            };
        }
        let name = activity.name.clone().unwrap_or_default();
        if activity.is(kind::EVENT) {
            self.on_event(turn, &name).await
        } else if activity.is(kind::COMMAND_RESULT) {
            self.on_command_result(turn, &name).await
        } else if activity.is(kind::END_OF_CONVERSATION) {
            self.on_end(turn).await
        } else if activity.is(kind::INVOKE) {
            let value = activity.value.as_ref().map(|value| value.reveal().clone());
            let value = value.unwrap_or_default();
            let answer = self.on_invoke(turn, &name, value).await?;
            turn.answers(answer);
            Ok(())
        } else {
            self.on_other(turn).await
        }
    }
}
