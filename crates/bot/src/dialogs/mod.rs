//! Bot dialogs: conversations that take several turns.
//!
//! ```text
//!   activity ─▶ result of a command? ─▶ interruption? ─▶ the bot dialog on top of the stack
//!                                            │                     │
//!                                            └─▶ another on top    └─▶ Next: wait, end, begin, replace …
//! ```
//!
//! A [`Dialog`] says what to do [`Next`], and never calls another: [`Dialogs`] does that, on a stack that is kept
//! with the conversation, so that a process may end in the middle and another goes on. [`Waterfall`] is steps in
//! a row, [`Prompt`] a question. What the caller of a phone bot can do beside that is in
//! [`telephony`](crate::telephony).
//!
//! ```
//! use futures::FutureExt;
//! use offhook_bot::dialogs::{Dialogs, Next, Prompt, Waterfall};
//! use offhook_bot::testing::Conversation;
//! use offhook_bot::turns::{Bot, BotFault, Turn};
//!
//! struct Table(Dialogs);
//!
//! #[async_trait::async_trait]
//! impl Bot for Table {
//!     async fn on_turn(&self, turn: &mut Turn) -> Result<(), BotFault> {
//!         self.0.run(turn, "book").await.map(drop)
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let book = Waterfall::new()
//!     .step(|_| async { Ok(Next::begin("how many")) }.boxed())
//!     .step(|cx| {
//!         async move {
//!             let people: i64 = cx.result()?;
//!             cx.say(format!("A table for {people}.")).await?;
//!             Ok(Next::end())
//!         }
//!         .boxed()
//!     });
//! let bot = Table(
//!     Dialogs::new()
//!         .with("book", book)
//!         .with("how many", Prompt::number("For how many?").retry("A number, please.")),
//! );
//! Conversation::with(bot)
//!     .hears("hello")
//!     .says("For how many?")
//!     .hears("a few")
//!     .says("A number, please.")
//!     .presses("4")
//!     .says("A table for 4.")
//!     .run()
//!     .await
//!     .unwrap();
//! # }
//! ```

mod context;
mod prompt;
mod stack;
mod timeout;
mod waterfall;

use async_trait::async_trait;
use offhook_wire::activity::kind;
use serde_json::Value;

pub use context::Context;
pub use prompt::{Choice, Prompt};
pub use stack::{Dialogs, Status};
pub use waterfall::Waterfall;

use crate::telephony::ErrorResponse;
use crate::turns::BotFault;

/// What a bot dialog wants to happen.
///
/// ```
/// use offhook_bot::dialogs::Next;
/// use serde_json::json;
///
/// let over = Next::End(json!({"people": 4}));
/// assert_eq!(Next::begin("how many"), Next::begin_with("how many", serde_json::Value::Null));
/// assert_ne!(over, Next::Wait);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// It waits for the next activity.
    Wait,
    /// It is over, and whoever began it gets this.
    End(Value),
    /// Of a [`Waterfall`]: the next step at once, with this. Of anything else it is the end.
    Go(Value),
    /// Another one begins, and it goes on when that is over.
    Begin(String, Value),
    /// Another one begins in its place.
    Replace(String, Value),
    /// All of them are over.
    CancelAll,
}

impl Next {
    /// It is over, with nothing to hand back.
    pub fn end() -> Self {
        Self::End(Value::Null)
    }

    /// The next step at once.
    pub fn go() -> Self {
        Self::Go(Value::Null)
    }

    /// Another one begins, as it was made.
    pub fn begin(dialog: &str) -> Self {
        Self::Begin(dialog.to_owned(), Value::Null)
    }

    /// Another one begins, with options.
    pub fn begin_with(dialog: &str, options: impl Into<Value>) -> Self {
        Self::Begin(dialog.to_owned(), options.into())
    }

    /// Another one begins in its place.
    pub fn replace(dialog: &str) -> Self {
        Self::Replace(dialog.to_owned(), Value::Null)
    }
}

/// Part of a conversation that can take several turns. It keeps nothing itself: many conversations use it at
/// once, and what it remembers is in [`Context::state`].
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
/// use async_trait::async_trait;
/// use offhook_bot::dialogs::{Context, Dialog, Next};
/// use serde_json::Value;
///
/// /// Says everything it hears until it hears enough.
/// struct Parrot;
///
/// #[async_trait]
/// impl Dialog for Parrot {
///     async fn begin(&self, cx: &mut Context<'_>, _: Value) -> Result<Next, BotFault> {
///         cx.say("What now?").await?;
///         Ok(Next::Wait)
///     }
///
///     async fn activity(&self, cx: &mut Context<'_>) -> Result<Next, BotFault> {
///         let heard = cx.text().to_owned();
///         if heard == "enough" {
///             return Ok(Next::end());
///         }
///         cx.say(heard).await?;
///         Ok(Next::Wait)
///     }
/// }
///
/// Conversation::with(Desk(Dialogs::new().with("it", Parrot)))
///     .hears("hello")
///     .says("What now?")
///     .hears("pieces of eight")
///     .says("pieces of eight")
///     .hears("enough")
///     .run()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait Dialog: Send + Sync + 'static {
    /// It begins.
    async fn begin(&self, cx: &mut Context<'_>, options: Value) -> Result<Next, BotFault>;

    /// An activity came while it is on top.
    async fn activity(&self, _cx: &mut Context<'_>) -> Result<Next, BotFault> {
        Ok(Next::Wait)
    }

    /// The one it began is over.
    async fn child_ended(&self, _cx: &mut Context<'_>, result: Value) -> Result<Next, BotFault> {
        Ok(Next::End(result))
    }

    /// It goes on after an interruption.
    async fn resumed(&self, _cx: &mut Context<'_>) -> Result<Next, BotFault> {
        Ok(Next::Wait)
    }

    /// A command it gave has failed. Unless it makes up for that, the turn fails, and the bot's error hook is told.
    /// [`Next::Wait`] means that it did: it goes on where it is, or, if it waited for the command, as if that had
    /// succeeded.
    async fn command_failed(
        &self,
        _cx: &mut Context<'_>,
        error: ErrorResponse,
    ) -> Result<Next, BotFault> {
        Err(BotFault::new(error))
    }

    /// Whether the activity may be taken by an interruption. Only messages can be.
    fn may_be_interrupted(&self, cx: &Context<'_>) -> bool {
        cx.turn().activity().is(kind::MESSAGE)
    }
}
