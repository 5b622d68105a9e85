//! Steps in a row.

use async_trait::async_trait;
use futures::future::BoxFuture;
use offhook_wire::activity::kind;
use serde_json::Value;

use super::{Context, Dialog, Next};
use crate::telephony::ErrorResponse;
use crate::turns::BotFault;

type Step =
    Box<dyn for<'a> Fn(&'a mut Context<'_>) -> BoxFuture<'a, Result<Next, BotFault>> + Send + Sync>;

type OnError = Box<
    dyn for<'a> Fn(&'a mut Context<'_>, ErrorResponse) -> BoxFuture<'a, Result<Next, BotFault>>
        + Send
        + Sync,
>;

/// Steps in a row. Each says what is next; when what it began is over, or the person has answered, the step
/// after it has the [`result`](Context::result). After the last one it is over.
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
/// use futures::FutureExt;
/// use offhook_bot::dialogs::{Next, Prompt, Waterfall};
///
/// let room = Waterfall::new()
///     .step(|_| async { Ok(Next::begin("which")) }.boxed())
///     .step(|cx| {
///         async move {
///             let room: String = cx.result()?;
///             cx.say(format!("Room {room} it is.")).await?;
///             Ok(Next::end())
///         }
///         .boxed()
///     });
/// let dialogs = Dialogs::new().with("it", room).with("which", Prompt::text("Which room?"));
/// Conversation::with(Desk(dialogs))
///     .hears("hello")
///     .says("Which room?")
///     .hears("101")
///     .says("Room 101 it is.")
///     .run()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
pub struct Waterfall {
    steps: Vec<Step>,
    on_error: Option<OnError>,
}

impl std::fmt::Debug for Waterfall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waterfall")
            .field("steps", &self.steps.len())
            .finish()
    }
}

/// Where in its state the number of the running step is.
const STEP: &str = "step";

impl Waterfall {
    /// No steps yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more step.
    #[must_use]
    pub fn step<F>(mut self, step: F) -> Self
    where
        F: for<'a> Fn(&'a mut Context<'_>) -> BoxFuture<'a, Result<Next, BotFault>>
            + Send
            + Sync
            + 'static,
    {
        self.steps.push(Box::new(step));
        self
    }

    /// What is done when a command it gave has failed. [`Next::Wait`] goes on as if it had succeeded.
    #[must_use]
    pub fn on_command_failed<F>(mut self, takes: F) -> Self
    where
        F: for<'a> Fn(&'a mut Context<'_>, ErrorResponse) -> BoxFuture<'a, Result<Next, BotFault>>
            + Send
            + Sync
            + 'static,
    {
        self.on_error = Some(Box::new(takes));
        self
    }

    async fn run(&self, cx: &mut Context<'_>, from: usize, given: Value) -> Result<Next, BotFault> {
        cx.result = given;
        for (number, step) in self.steps.iter().enumerate().skip(from) {
            cx.set(STEP, number)?;
            match step(cx).await? {
                Next::Go(given) => cx.result = given,
                next => return Ok(next),
            }
        }
        Ok(Next::End(std::mem::take(&mut cx.result)))
    }

    async fn on(&self, cx: &mut Context<'_>, given: Value) -> Result<Next, BotFault> {
        let step: usize = cx.get(STEP)?.unwrap_or_default();
        self.run(cx, step + 1, given).await
    }
}

#[async_trait]
impl Dialog for Waterfall {
    async fn begin(&self, cx: &mut Context<'_>, options: Value) -> Result<Next, BotFault> {
        self.run(cx, 0, options).await
    }

    async fn activity(&self, cx: &mut Context<'_>) -> Result<Next, BotFault> {
        if !cx.turn().activity().is(kind::MESSAGE) {
            return Ok(Next::Wait);
        }
        let said = Value::from(cx.text());
        self.on(cx, said).await
    }

    async fn child_ended(&self, cx: &mut Context<'_>, result: Value) -> Result<Next, BotFault> {
        self.on(cx, result).await
    }

    async fn command_failed(
        &self,
        cx: &mut Context<'_>,
        error: ErrorResponse,
    ) -> Result<Next, BotFault> {
        match &self.on_error {
            Some(takes) => takes(cx, error).await,
            None => Err(BotFault::new(error)),
        }
    }
}
