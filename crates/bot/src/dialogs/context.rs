//! What a bot dialog has at hand.

use offhook_wire::activity::{Activity, ResourceResponse};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::stack::Stack;
use crate::turns::{BotFault, ConnectorFault, Document, Say, StateFault, Turn};

/// What a bot dialog has at hand: the turn, what it remembers itself, and what the conversation does.
///
/// ```
/// use futures::FutureExt;
/// use offhook_bot::dialogs::{Next, Waterfall};
///
/// // What a step keeps is there in the next one, whichever process has it.
/// let counts = Waterfall::new()
///     .step(|cx| async { cx.set("asked", 1)?; Ok(Next::begin("how many")) }.boxed())
///     .step(|cx| {
///         async move {
///             let people: i64 = cx.result()?;
///             let asked: Option<u32> = cx.get("asked")?;
///             cx.say(format!("{people}, after {} question.", asked.unwrap_or_default())).await?;
///             Ok(Next::end())
///         }
///         .boxed()
///     });
/// ```
#[derive(Debug)]
pub struct Context<'a> {
    pub(super) turn: &'a mut Turn,
    pub(super) stack: &'a mut Stack,
    /// Where on the stack it is.
    pub(super) at: usize,
    /// What the one it began, or the person, gave.
    pub(super) result: Value,
}

impl Context<'_> {
    /// The turn.
    pub fn turn(&self) -> &Turn {
        self.turn
    }

    /// The turn, to be answered.
    pub fn turn_mut(&mut self) -> &mut Turn {
        self.turn
    }

    /// What the person said or pressed.
    pub fn text(&self) -> &str {
        self.turn.text()
    }

    /// Says something.
    pub async fn say(&mut self, what: impl Into<Say>) -> Result<ResourceResponse, ConnectorFault> {
        self.turn.say(what).await
    }

    /// Sends an activity.
    pub async fn send(&mut self, activity: Activity) -> Result<ResourceResponse, ConnectorFault> {
        self.turn.send(activity).await
    }

    /// What is remembered of the conversation.
    pub async fn conversation(&mut self) -> Result<&mut Document, StateFault> {
        self.turn.conversation().await
    }

    /// What this bot dialog remembers while it is on the stack.
    pub fn state(&mut self) -> &mut Map<String, Value> {
        self.stack.state(self.at)
    }

    /// What the step before, the bot dialog it began, or the person gave.
    ///
    /// # Errors
    /// It is of another type.
    pub fn result<T: DeserializeOwned>(&self) -> Result<T, BotFault> {
        Ok(T::deserialize(&self.result)?)
    }

    /// What this bot dialog remembers under a name.
    ///
    /// # Errors
    /// It is of another type.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, BotFault> {
        let value = self.stack.state_at(self.at).get(name);
        Ok(value.map(T::deserialize).transpose()?)
    }

    /// Remembers something under a name while it is on the stack.
    ///
    /// # Errors
    /// JSON cannot hold it.
    pub fn set<T: Serialize>(&mut self, name: &str, value: T) -> Result<(), BotFault> {
        let value = serde_json::to_value(value)?;
        self.state().insert(name.to_owned(), value);
        Ok(())
    }

    /// What tells it from all others that ever were on this conversation's stack.
    pub(super) fn number(&self) -> u64 {
        self.stack.number(self.at)
    }

    /// A command was given of which the result comes later. Whoever waits for it is told as of an activity;
    /// otherwise whoever began this one hears when it failed.
    pub(crate) fn gave_command(&mut self, id: &str, name: &str, waits: bool) {
        self.stack.gave_command(self.at, id, name, waits);
    }
}
