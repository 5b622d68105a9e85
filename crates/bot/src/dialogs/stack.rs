//! The stack of one conversation, and what moves it.

use std::collections::HashMap;

use futures::future::BoxFuture;
use offhook_wire::activity::kind;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::timeout::Timeout;
use super::{Context, Dialog, Next};
use crate::limits::{COMMANDS_PENDING_MAX, DIALOG_DEPTH_MAX, DIALOG_MOVES_MAX};
use crate::telephony::{CommandValue, ErrorResponse};
use crate::turns::{BotFault, Turn};

/// Where in a conversation's document the stack is.
const NAME: &str = "offhook.dialogs";

/// How a conversation stands after a turn.
///
/// ```
/// # use offhook_bot::turns::{Bot, BotFault, Turn};
/// # struct Desk(Dialogs);
/// # #[async_trait::async_trait]
/// # impl Bot for Desk {
/// #     async fn on_message(&self, turn: &mut Turn) -> Result<(), BotFault> {
/// #         self.0.go_on(turn).await.map(drop)
/// #     }
/// # }
/// use offhook_bot::dialogs::{Dialogs, Status};
///
/// async fn is_asking(dialogs: &Dialogs, turn: &mut Turn) -> Result<bool, BotFault> {
///     Ok(dialogs.go_on(turn).await? == Status::Waiting)
/// }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Status {
    /// A bot dialog waits for the next activity.
    Waiting,
    /// The last one is over, with this.
    Ended(Value),
    /// All of them were given up.
    Cancelled,
}

type Interrupter = Box<
    dyn for<'a> Fn(&'a mut Turn) -> BoxFuture<'a, Result<Option<Next>, BotFault>> + Send + Sync,
>;

/// The bot dialogs of a bot, by their names. A name is kept with each conversation, so it should mean the same
/// after the bot was changed.
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
/// use offhook_bot::dialogs::{Next, Prompt};
///
/// let dialogs = Dialogs::new()
///     .with("it", Prompt::text("Which room?"))
///     .interruptions(|turn| {
///         async move {
///             Ok(match turn.text() {
///                 "never mind" => Some(Next::CancelAll),
///                 _ => None,
///             })
///         }
///         .boxed()
///     });
/// Conversation::with(Desk(dialogs))
///     .hears("hello")
///     .says("Which room?")
///     .hears("never mind")
///     .hears("hello again")
///     .says("Which room?")
///     .run()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
pub struct Dialogs {
    dialogs: HashMap<String, Box<dyn Dialog>>,
    interrupter: Option<Interrupter>,
}

impl std::fmt::Debug for Dialogs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.dialogs.keys()).finish()
    }
}

impl Dialogs {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more, under its name.
    #[must_use]
    pub fn with(mut self, name: &str, dialog: impl Dialog) -> Self {
        self.dialogs.insert(name.to_owned(), Box::new(dialog));
        self
    }

    /// What may be said at any time. It is asked before the bot dialog on top, where that allows it: `None` leaves
    /// the message to that, [`Next::Wait`] means it was answered, [`Next::Begin`] puts another on top, and when
    /// that is over the one below goes on.
    #[must_use]
    pub fn interruptions<F>(mut self, takes: F) -> Self
    where
        F: for<'a> Fn(&'a mut Turn) -> BoxFuture<'a, Result<Option<Next>, BotFault>>
            + Send
            + Sync
            + 'static,
    {
        self.interrupter = Some(Box::new(takes));
        self
    }

    /// Goes on with the conversation's bot dialogs, or begins this one if there are none.
    ///
    /// # Errors
    /// What one of them failed with.
    pub async fn run(&self, turn: &mut Turn, root: &str) -> Result<Status, BotFault> {
        self.turn(turn, Some(root)).await
    }

    /// Goes on with the conversation's bot dialogs, if there are any.
    ///
    /// # Errors
    /// What one of them failed with.
    pub async fn go_on(&self, turn: &mut Turn) -> Result<Status, BotFault> {
        self.turn(turn, None).await
    }

    async fn turn(&self, turn: &mut Turn, root: Option<&str>) -> Result<Status, BotFault> {
        let mut stack: Stack = turn.conversation().await?.get(NAME)?.unwrap_or_default();
        let status = self.moves(turn, &mut stack, root).await?;
        turn.conversation().await?.set(NAME, stack)?;
        Ok(status)
    }

    async fn moves(
        &self,
        turn: &mut Turn,
        stack: &mut Stack,
        root: Option<&str>,
    ) -> Result<Status, BotFault> {
        if turn.activity().is(kind::END_OF_CONVERSATION) {
            stack.frames.clear();
            stack.pending.clear();
            return Ok(Status::Cancelled);
        }
        let mut next = if let Some(result) = CommandResult::of(turn)
            && let Some(pending) = stack.take_pending(&result)
        {
            match self.command_ended(turn, stack, &pending, result).await? {
                Some(next) => next,
                None => return Ok(stack.status()),
            }
        } else if stack.frames.is_empty() {
            let activity = turn.activity();
            let value = activity.value.as_ref();
            let is_timeout = value.is_some_and(|value| Timeout::read(value.reveal()).is_some());
            let is_late = is_timeout || activity.is(kind::COMMAND_RESULT);
            match root {
                // What nobody waits for any more begins nothing.
                Some(root) if !is_late => Next::begin(root),
                _ => return Ok(Status::Cancelled),
            }
        } else {
            self.activity(turn, stack).await?
        };
        for _ in 0..DIALOG_MOVES_MAX {
            next = match next {
                Next::Wait => return Ok(Status::Waiting),
                Next::CancelAll => {
                    // What becomes of the commands that were given is still worth knowing.
                    stack.frames.clear();
                    return Ok(Status::Cancelled);
                }
                Next::Begin(name, options) => self.begin(turn, stack, name, options, false).await?,
                Next::Replace(name, options) => {
                    let top = stack.frames.pop();
                    let interrupts = top.is_some_and(|top| top.interrupts);
                    self.begin(turn, stack, name, options, interrupts).await?
                }
                Next::End(result) | Next::Go(result) => {
                    let ended = stack.frames.pop();
                    if stack.frames.is_empty() {
                        return Ok(Status::Ended(result));
                    }
                    let (dialog, mut cx) = self.top(turn, stack)?;
                    if !ended.is_some_and(|ended| ended.interrupts) {
                        dialog.child_ended(&mut cx, result).await?
                    } else {
                        let resumed = dialog.resumed(&mut cx).await;
                        match resumed {
                            Ok(next) => next,
                            Err(fault) => match fault.downcast_ref::<ErrorResponse>().cloned() {
                                Some(error) => self.waited_for_failed(turn, stack, error).await?,
                                None => return Err(fault),
                            },
                        }
                    }
                }
            };
        }
        Err(BotFault::new(format!(
            "the bot dialogs moved {DIALOG_MOVES_MAX} times in one turn; they begin each other for ever"
        )))
    }

    async fn begin(
        &self,
        turn: &mut Turn,
        stack: &mut Stack,
        name: String,
        options: Value,
        interrupts: bool,
    ) -> Result<Next, BotFault> {
        if stack.frames.len() >= DIALOG_DEPTH_MAX {
            return Err(BotFault::new(format!(
                "more than {DIALOG_DEPTH_MAX} bot dialogs on top of each other"
            )));
        }
        stack.push(name, interrupts);
        let (dialog, mut cx) = self.top(turn, stack)?;
        dialog.begin(&mut cx, options).await
    }

    async fn activity(&self, turn: &mut Turn, stack: &mut Stack) -> Result<Next, BotFault> {
        let (dialog, cx) = self.top(turn, stack)?;
        if let Some(interrupter) = &self.interrupter
            && dialog.may_be_interrupted(&cx)
            && let Some(next) = interrupter(turn).await?
        {
            return match next {
                Next::Wait => {
                    let (dialog, mut cx) = self.top(turn, stack)?;
                    dialog.resumed(&mut cx).await
                }
                Next::Begin(name, options) => self.begin(turn, stack, name, options, true).await,
                next => Ok(next),
            };
        }
        let (dialog, mut cx) = self.top(turn, stack)?;
        dialog.activity(&mut cx).await
    }

    /// A command has ended that a bot dialog gave. `None` when there is nothing more to do about it.
    async fn command_ended(
        &self,
        turn: &mut Turn,
        stack: &mut Stack,
        pending: &Pending,
        result: CommandResult,
    ) -> Result<Option<Next>, BotFault> {
        let at = stack.frames.iter().position(|f| f.number == pending.frame);
        let fault = |error: &Option<ErrorResponse>| error.clone().map(BotFault::new);
        let Some(at) = at else {
            return fault(&result.error).map_or(Ok(None), Err);
        };
        let is_on_top = at + 1 == stack.frames.len();
        let (dialog, mut cx) = self.at(turn, stack, at)?;
        if pending.waits {
            if !is_on_top {
                // It was interrupted, and hears of it when it goes on.
                cx.set("result", &result.error)?;
                return Ok(None);
            }
            return match result.error {
                Some(error) => self.waited_for_failed(turn, stack, error).await.map(Some),
                None => dialog.activity(&mut cx).await.map(Some),
            };
        }
        let Some(error) = result.error else {
            return Ok(None);
        };
        let next = dialog.command_failed(&mut cx, error).await?;
        if next == Next::Wait {
            return Ok(None);
        }
        stack.frames.truncate(at + 1);
        Ok(Some(next))
    }

    /// The command on top of the stack, which was waited for, has failed: whoever began it hears so, and if that
    /// makes up for it, goes on.
    async fn waited_for_failed(
        &self,
        turn: &mut Turn,
        stack: &mut Stack,
        error: ErrorResponse,
    ) -> Result<Next, BotFault> {
        stack.frames.pop();
        if stack.frames.is_empty() {
            return Err(BotFault::new(error));
        }
        let (dialog, mut cx) = self.top(turn, stack)?;
        match dialog.command_failed(&mut cx, error).await? {
            Next::Wait => dialog.child_ended(&mut cx, Value::Null).await,
            next => Ok(next),
        }
    }

    fn top<'a>(
        &'a self,
        turn: &'a mut Turn,
        stack: &'a mut Stack,
    ) -> Result<(&'a dyn Dialog, Context<'a>), BotFault> {
        let at = stack.frames.len().saturating_sub(1);
        self.at(turn, stack, at)
    }

    fn at<'a>(
        &'a self,
        turn: &'a mut Turn,
        stack: &'a mut Stack,
        at: usize,
    ) -> Result<(&'a dyn Dialog, Context<'a>), BotFault> {
        let name = stack.frames.get(at).map_or("", |frame| &frame.name);
        let dialog = self.dialogs.get(name);
        let unknown = || BotFault::new(format!("there is no bot dialog `{name}`"));
        let dialog = dialog.map(Box::as_ref).ok_or_else(unknown)?;
        let cx = Context {
            turn,
            stack,
            at,
            result: Value::Null,
        };
        Ok((dialog, cx))
    }
}

/// What is kept with a conversation.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Stack {
    frames: Vec<Frame>,
    /// Numbers given out so far. None is given twice: what is told late is not taken for another's.
    numbered: u64,
    pending: Vec<Pending>,
}

#[derive(Serialize, Deserialize)]
struct Frame {
    name: String,
    number: u64,
    #[serde(default)]
    interrupts: bool,
    #[serde(default)]
    state: Map<String, Value>,
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Frame").field(&self.name).finish()
    }
}

/// A command of which the result has not come.
#[derive(Debug, Serialize, Deserialize)]
struct Pending {
    id: String,
    name: String,
    /// Who is told.
    frame: u64,
    waits: bool,
}

impl Stack {
    fn push(&mut self, name: String, interrupts: bool) {
        self.numbered += 1;
        self.frames.push(Frame {
            name,
            number: self.numbered,
            interrupts,
            state: Map::new(),
        });
    }

    pub(super) fn number(&self, at: usize) -> u64 {
        self.frames[at].number
    }

    pub(super) fn state_at(&self, at: usize) -> &Map<String, Value> {
        &self.frames[at].state
    }

    pub(super) fn state(&mut self, at: usize) -> &mut Map<String, Value> {
        &mut self.frames[at].state
    }

    fn status(&self) -> Status {
        match self.frames.is_empty() {
            true => Status::Ended(Value::Null),
            false => Status::Waiting,
        }
    }

    pub(super) fn gave_command(&mut self, at: usize, id: &str, name: &str, waits: bool) {
        if self.pending.len() >= COMMANDS_PENDING_MAX {
            self.pending.remove(0);
        }
        let told = match waits {
            true => self.frames.get(at),
            false => at.checked_sub(1).and_then(|below| self.frames.get(below)),
        };
        self.pending.push(Pending {
            id: id.to_owned(),
            name: name.to_owned(),
            // Numbers begin at 1: nobody is there to be told.
            frame: told.map_or(0, |frame| frame.number),
            waits,
        });
    }

    /// The command this is the result of: by its id, or else the oldest of its name. A result that names another
    /// command than any of ours is nobody's.
    fn take_pending(&mut self, result: &CommandResult) -> Option<Pending> {
        let by_id = |id: &String| self.pending.iter().position(|p| p.id == *id);
        let at = match &result.id {
            Some(id) => by_id(id).or_else(|| self.by_name(&result.name)),
            None => self.by_name(&result.name),
        }?;
        (self.pending[at].name == result.name).then(|| self.pending.remove(at))
    }

    fn by_name(&self, name: &str) -> Option<usize> {
        self.pending.iter().position(|p| p.name == name)
    }
}

/// A `commandResult`.
struct CommandResult {
    name: String,
    id: Option<String>,
    error: Option<ErrorResponse>,
}

impl CommandResult {
    fn of(turn: &Turn) -> Option<Self> {
        let activity = turn.activity();
        if !activity.is(kind::COMMAND_RESULT) {
            return None;
        }
        // A value that is missing or cannot be read tells of no error.
        let value: CommandValue = turn.value();
        Some(Self {
            name: activity.name.clone()?,
            id: value.command_id,
            error: value.error,
        })
    }
}
