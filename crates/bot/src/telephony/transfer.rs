//! Handing the call off.

use async_trait::async_trait;
use offhook_terms::Private;
use offhook_wire::activity::{Activity, event, kind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::dialogs::{Context, Dialog, Next};
use crate::turns::BotFault;

/// Transfers the call to a number. When it succeeds, the call is over for the bot and nothing after it runs; when it
/// fails, it is over with [`HandoffFailed`].
///
/// The number is sent whatever it looks like: the channel says what is wrong with it. Options that are a text are the
/// number, so that one of these serves for all.
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
/// use offhook_bot::telephony::CallTransfer;
///
/// let agent = CallTransfer::to("+14255550123");
/// Conversation::with(Desk(Dialogs::new().with("it", agent)))
///     .hears("a person, please")
///     .transfers_to("+14255550123")
///     .transfer_fails("Busy")
///     .run()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct CallTransfer {
    /// Whom to transfer to, in full with `+`.
    pub phone_number: Private<String>,
}

/// Why a transfer failed: the bot still has the caller.
///
/// ```
/// use offhook_bot::telephony::HandoffFailed;
///
/// // What the step after a transfer reads with `cx.result()`.
/// let why: HandoffFailed = serde_json::from_str(r#"{"message": "Busy"}"#)?;
/// assert_eq!(why.to_string(), "the transfer failed: Busy");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(default)]
#[error("the transfer failed: {message}")]
pub struct HandoffFailed {
    /// What the channel says.
    pub message: String,
}

impl CallTransfer {
    /// To this number.
    pub fn to(phone_number: impl Into<String>) -> Self {
        Self {
            phone_number: Private::new(phone_number.into()),
        }
    }
}

#[async_trait]
impl Dialog for CallTransfer {
    async fn begin(&self, cx: &mut Context<'_>, options: Value) -> Result<Next, BotFault> {
        if !cx.turn().is_telephony() {
            return Ok(Next::end());
        }
        let number = match options {
            Value::String(number) => number,
            _ => self.phone_number.reveal().clone(),
        };
        let handoff = Activity {
            name: Some(event::HANDOFF_INITIATE.to_owned()),
            value: Some(Private::new(json!({ "TargetPhoneNumber": number }))),
            ..Activity::new(kind::EVENT)
        };
        cx.send(handoff).await?;
        Ok(Next::Wait)
    }

    async fn activity(&self, cx: &mut Context<'_>) -> Result<Next, BotFault> {
        let activity = cx.turn().activity();
        if !activity.is(kind::EVENT) || activity.name.as_deref() != Some(event::HANDOFF_STATUS) {
            return Ok(Next::Wait);
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct HandoffStatus {
            state: String,
            message: Option<String>,
        }
        let status: HandoffStatus = cx.turn().value();
        if !status.state.eq_ignore_ascii_case("failed") {
            return Ok(Next::Wait);
        }
        let message = status.message.unwrap_or_default();
        Ok(Next::End(serde_json::to_value(HandoffFailed { message })?))
    }

    /// What is said while it rings is nobody's to take.
    fn may_be_interrupted(&self, _cx: &Context<'_>) -> bool {
        false
    }
}
