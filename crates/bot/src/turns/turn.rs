//! One activity, and the way to answer it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use offhook_terms::Private;
use offhook_wire::activity::{Activity, ResourceResponse, event, kind};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connector::Reference;
use super::state::{Document, States};
use super::{BotFault, ConnectorFault, Say, StateFault};
use crate::limits::REMINDER_AFTER_MAX;

/// Where what a bot says goes.
///
/// ```
/// use async_trait::async_trait;
/// use offhook_bot::turns::{ConnectorFault, Outbox};
/// use offhook_bot::wire::activity::{Activity, ResourceResponse};
///
/// /// Where a channel that is asleep keeps what is said to it.
/// #[derive(Default)]
/// struct Drawer(std::sync::Mutex<Vec<Activity>>);
///
/// #[async_trait]
/// impl Outbox for Drawer {
///     async fn deliver(&self, activity: Activity) -> Result<ResourceResponse, ConnectorFault> {
///         self.0.lock().expect("nobody failed in it").push(activity);
///         Ok(ResourceResponse::default())
///     }
/// }
/// ```
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Takes an activity that is addressed already.
    async fn deliver(&self, activity: Activity) -> Result<ResourceResponse, ConnectorFault>;

    /// Whether it still takes activities when the turn is over.
    fn outlives_the_turn(&self) -> bool {
        true
    }
}

/// What an invoke is answered with.
///
/// ```
/// use offhook_bot::turns::InvokeResponse;
/// use serde_json::json;
///
/// let shown = InvokeResponse::ok(json!({"task": {"type": "message", "value": "Thank you."}}));
/// assert_eq!(shown.status, 200);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct InvokeResponse {
    /// The HTTP status.
    pub status: u16,
    /// The body, unless it is null.
    pub body: Value,
}

impl InvokeResponse {
    /// 200 with a body.
    pub fn ok(body: impl Into<Value>) -> Self {
        Self {
            status: 200,
            body: body.into(),
        }
    }
}

/// One activity, the way to answer it, and what is remembered from turn to turn.
///
/// ```
/// use offhook_bot::turns::{BotFault, Turn};
///
/// async fn answer(turn: &mut Turn) -> Result<(), BotFault> {
///     turn.typing().await?;
///     let heard = turn.text().to_owned();
///     turn.say(match turn.is_key() {
///         true => format!("You pressed {heard}."),
///         false => format!("You said {heard}."),
///     })
///     .await?;
///     Ok(())
/// }
/// ```
pub struct Turn {
    activity: Box<Activity>,
    /// Of the activity, for whoever asks: most turns only answer.
    reference: OnceLock<Reference>,
    outbox: Arc<dyn Outbox>,
    states: States,
    answer: Option<InvokeResponse>,
    sent: usize,
    room_for_reminders: Arc<Semaphore>,
    reminders: Vec<Reminder>,
}

/// Addresses an activity of the bot's as an answer to one it was told, as the published SDKs do.
fn answering(told: &Activity, mut activity: Activity) -> Activity {
    activity.channel_id.clone_from(&told.channel_id);
    activity.service_url.clone_from(&told.service_url);
    activity.conversation.clone_from(&told.conversation);
    activity.from.clone_from(&told.recipient);
    activity.recipient.clone_from(&told.from);
    if activity.locale.is_none() {
        activity.locale.clone_from(&told.locale);
    }
    if told.id.is_some() {
        activity.reply_to_id.clone_from(&told.id);
    }
    activity
}

/// Something the bot is to be told later.
pub(crate) struct Reminder {
    pub(crate) of: Reference,
    pub(crate) after: Duration,
    pub(crate) value: Value,
    pub(crate) room: OwnedSemaphorePermit,
}

impl std::fmt::Debug for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turn")
            .field("activity", &self.activity)
            .field("sent", &self.sent)
            .finish_non_exhaustive()
    }
}

impl Turn {
    pub(crate) fn new(
        activity: Box<Activity>,
        outbox: Arc<dyn Outbox>,
        states: States,
        room_for_reminders: Arc<Semaphore>,
    ) -> Self {
        Self {
            room_for_reminders,
            reminders: Vec::new(),
            reference: OnceLock::new(),
            activity,
            outbox,
            states,
            answer: None,
            sent: 0,
        }
    }

    /// What the bot is told.
    pub fn activity(&self) -> &Activity {
        &self.activity
    }

    /// What was said or pressed, without blanks around it; nothing if nothing was.
    pub fn text(&self) -> &str {
        let text = self.activity.text.as_ref();
        text.map_or("", |text| text.reveal().trim())
    }

    /// What belongs to an event or a command, as far as it can be read.
    pub(crate) fn value<T: DeserializeOwned + Default>(&self) -> T {
        let value = self.activity.value.as_ref();
        let read = value.and_then(|value| T::deserialize(value.reveal()).ok());
        read.unwrap_or_default()
    }

    /// Whether it is a key that was pressed.
    pub fn is_key(&self) -> bool {
        let entities = self.activity.entities.iter().flatten();
        let mut kinds = entities.filter_map(|entity| entity.kind.as_deref());
        kinds.any(|kind| kind.eq_ignore_ascii_case("DTMF"))
    }

    /// Whether it comes over the Telephony channel.
    pub fn is_telephony(&self) -> bool {
        self.activity.channel_id.as_deref() == Some(offhook_wire::activity::CHANNEL)
    }

    /// Where the conversation is, to say something in it later.
    pub fn reference(&self) -> &Reference {
        self.reference.get_or_init(|| Reference::of(&self.activity))
    }

    /// How many activities were sent in this turn.
    pub fn sent(&self) -> usize {
        self.sent
    }

    /// Says something.
    pub async fn say(&mut self, what: impl Into<Say>) -> Result<ResourceResponse, ConnectorFault> {
        self.send(what.into().activity()).await
    }

    /// Sends an activity. It is addressed to whoever sent the one of this turn, as an answer to it.
    pub async fn send(&mut self, activity: Activity) -> Result<ResourceResponse, ConnectorFault> {
        let activity = answering(&self.activity, activity);
        let taken = self.outbox.deliver(activity).await?;
        self.sent += 1;
        Ok(taken)
    }

    /// Shows that the bot is at work. Nothing is heard of it on a phone.
    pub async fn typing(&mut self) -> Result<(), ConnectorFault> {
        self.send(Activity::new(kind::TYPING)).await.map(drop)
    }

    /// Ends the conversation; of a call: hangs up, when all that was said before has been heard.
    pub async fn end(&mut self) -> Result<(), ConnectorFault> {
        self.send(Activity::new(kind::END_OF_CONVERSATION))
            .await
            .map(drop)
    }

    /// Has the conversation handed off to a person (`handoff.initiate`): where to is in `context`, as the channel wants
    /// it, and what was said so far goes along, for whoever takes over to read. How it went comes as an event of the
    /// name `handoff.status`; [`CallTransfer`](crate::telephony::CallTransfer) waits for that.
    ///
    /// ```
    /// # use offhook_bot::turns::{BotFault, Turn};
    /// # use offhook_bot::wire::activity::Activity;
    /// # use serde_json::json;
    /// # async fn give_up(turn: &mut Turn, said: Vec<Activity>) -> Result<(), BotFault> {
    /// turn.say("One moment, please.").await?;
    /// turn.hand_off(json!({"TargetPhoneNumber": "+14255550123"}), said).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn hand_off(
        &mut self,
        context: impl Into<Value>,
        said_so_far: Vec<Activity>,
    ) -> Result<ResourceResponse, ConnectorFault> {
        let mut handoff = Activity::new(kind::EVENT);
        handoff.name = Some(event::HANDOFF_INITIATE.to_owned());
        handoff.value = Some(Private::new(context.into()));
        handoff.extra.insert("relatesTo", json!(self.reference()));
        if !said_so_far.is_empty() {
            let transcript = json!({
                "content": { "activities": said_so_far },
                "contentType": "application/json",
                "name": "Transcript",
            });
            handoff.attachments = Some(Private::new(vec![transcript]));
        }
        self.send(handoff).await
    }

    /// Notes something for whoever debugs the bot. Only the Emulator shows it; elsewhere nothing is sent.
    pub async fn trace(&mut self, name: &str, value: Value) -> Result<(), ConnectorFault> {
        if self.activity.channel_id.as_deref() != Some("emulator") {
            return Ok(());
        }
        let mut trace = Activity::new(kind::TRACE);
        trace.name = Some(name.to_owned());
        trace.value = Some(Private::new(json!(value)));
        self.send(trace).await.map(drop)
    }

    /// Has the bot told of this conversation again after a while, by an event of the name `ContinueConversation` with
    /// this value. It is kept in memory: a process that ends takes it along.
    ///
    /// # Errors
    /// There are [too many](crate::limits::REMINDERS_MAX), or it is [too far](crate::limits::REMINDER_AFTER_MAX).
    pub fn remind(&mut self, after: Duration, value: impl Into<Value>) -> Result<(), BotFault> {
        self.tell_later(self.reference().clone(), after, value.into())
    }

    /// Has the bot told of another conversation, when this turn is over, by the same event: to go on there with what was
    /// begun here. Only the bot's own channels can be gone on with, those it has a login for.
    ///
    /// # Errors
    /// There are [too many](crate::limits::REMINDERS_MAX) such tellings and reminders.
    pub fn go_on_in(
        &mut self,
        elsewhere: Reference,
        value: impl Into<Value>,
    ) -> Result<(), BotFault> {
        self.tell_later(elsewhere, Duration::ZERO, value.into())
    }

    fn tell_later(&mut self, of: Reference, after: Duration, value: Value) -> Result<(), BotFault> {
        if after > REMINDER_AFTER_MAX {
            return Err(BotFault::new("a reminder is at most a day away"));
        }
        let room = Arc::clone(&self.room_for_reminders).try_acquire_owned();
        let room = room.map_err(|_| BotFault::new("there are too many reminders already"))?;
        self.reminders.push(Reminder {
            of,
            after,
            value,
            room,
        });
        Ok(())
    }

    pub(crate) fn take_reminders(&mut self) -> Vec<Reminder> {
        std::mem::take(&mut self.reminders)
    }

    /// What is remembered of the conversation.
    pub async fn conversation(&mut self) -> Result<&mut Document, StateFault> {
        self.states.conversation(&self.activity).await
    }

    /// What is remembered of who sent the activity, in whatever conversation.
    pub async fn user(&mut self) -> Result<&mut Document, StateFault> {
        self.states.user(&self.activity).await
    }

    pub(crate) fn answers(&mut self, answer: Option<InvokeResponse>) {
        self.answer = answer;
    }

    pub(crate) fn take_answer(&mut self) -> Option<InvokeResponse> {
        self.answer.take()
    }

    pub(crate) async fn save(&mut self) -> Result<(), BotFault> {
        Ok(self.states.save().await?)
    }
}
