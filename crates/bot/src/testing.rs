//! A bot tried without a network: what it is told, and what it must say to that.
//!
//! ```
//! use offhook_bot::testing::Conversation;
//! use offhook_bot::turns::{Bot, BotFault, Turn};
//!
//! struct Parrot;
//!
//! #[async_trait::async_trait]
//! impl Bot for Parrot {
//!     async fn on_message(&self, turn: &mut Turn) -> Result<(), BotFault> {
//!         let heard = turn.text().to_owned();
//!         Ok(turn.say(heard).await.map(drop)?)
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let tried = Conversation::with(Parrot).hears("hello").says("hello");
//! tried.run().await.unwrap();
//!
//! let tried = Conversation::with(Parrot).hears("hello").says("good bye");
//! let fault = tried.run().await.unwrap_err();
//! assert_eq!(fault.to_string(), "step 2: it should say \"good bye\", and it said \"hello\"");
//! # }
//! ```

mod live;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use offhook_terms::Private;
use offhook_wire::activity::{
    Activity, CHANNEL, ChannelAccount, ConversationAccount, Entity, ResourceResponse, event, kind,
};
use serde_json::{Value, json};

use crate::telephony::{CommandValue, ErrorResponse};
use crate::turns::{Adapter, Bot, ConnectorFault, Outbox, Storage};

pub use live::Live;

/// A conversation with a bot: steps, and then [`run`](Self::run). Over the Telephony channel unless it is said
/// otherwise.
///
/// ```
/// # use offhook_bot::turns::{Bot, BotFault, Turn};
/// # struct Echo;
/// # #[async_trait::async_trait]
/// # impl Bot for Echo {
/// #     async fn on_message(&self, turn: &mut Turn) -> Result<(), BotFault> {
/// #         let heard = turn.text().to_owned();
/// #         turn.say(heard).await.map(drop).map_err(BotFault::from)
/// #     }
/// # }
/// use offhook_bot::testing::Conversation;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// Conversation::with(Echo)
///     .hears("hello")
///     .says("hello")
///     .presses("1")
///     .says("1")
///     .run()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing happens until it is run"]
pub struct Conversation<B> {
    adapter: Adapter<B>,
    channel: String,
    id: String,
    steps: Vec<Step>,
}

impl<B> std::fmt::Debug for Conversation<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conversation")
            .field("id", &self.id)
            .field("steps", &self.steps.len())
            .finish_non_exhaustive()
    }
}

enum Step {
    Tell(Box<Activity>),
    Says(String),
    Sends(String),
    Commands(String),
    CommandEnds(String, Option<ErrorResponse>),
    TransfersTo(String),
    HangsUp,
    Fails,
    Passes(Duration),
}

/// A bot that did something else than it should.
///
/// ```
/// # use offhook_bot::turns::{Bot, BotFault, Turn};
/// # struct Echo;
/// # #[async_trait::async_trait]
/// # impl Bot for Echo {
/// #     async fn on_message(&self, turn: &mut Turn) -> Result<(), BotFault> {
/// #         let heard = turn.text().to_owned();
/// #         turn.say(heard).await.map(drop).map_err(BotFault::from)
/// #     }
/// # }
/// use offhook_bot::testing::Conversation;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let wrong = Conversation::with(Echo).hears("hello").says("good bye").run().await.unwrap_err();
/// println!("step {}: {}", wrong.step, wrong.what);
/// # }
/// ```
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("step {step}: {what}")]
pub struct Mismatch {
    /// Of which step, from 1.
    pub step: usize,
    /// What was wanted and what came.
    pub what: String,
}

impl<B: Bot> Conversation<B> {
    /// With this bot, which remembers nothing from before.
    pub fn with(bot: B) -> Self {
        Self {
            adapter: Adapter::new(bot),
            channel: CHANNEL.to_owned(),
            id: "conversation-1".to_owned(),
            steps: Vec::new(),
        }
    }

    /// The bot remembers there what it remembers.
    pub fn remembers_in(mut self, storage: impl Storage) -> Self {
        self.adapter = self.adapter.remembers_in(storage);
        self
    }

    /// Over another channel.
    pub fn over(mut self, channel: &str) -> Self {
        channel.clone_into(&mut self.channel);
        self
    }

    /// Another conversation than others with the same memory.
    pub fn id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.id);
        self
    }

    /// A call is answered.
    pub fn is_called(self) -> Self {
        let caller = ChannelAccount {
            id: Some(Private::new("+14255550100".to_owned())),
            ..ChannelAccount::default()
        };
        self.is_told(Activity {
            members_added: Some(vec![caller]),
            ..Activity::new(kind::CONVERSATION_UPDATE)
        })
    }

    /// The caller says something.
    pub fn hears(self, words: &str) -> Self {
        self.is_told(Activity {
            text: Some(Private::new(words.to_owned())),
            ..Activity::new(kind::MESSAGE)
        })
    }

    /// The caller presses keys, one by one.
    pub fn presses(mut self, keys: &str) -> Self {
        for key in keys.chars() {
            self = self.is_told(Activity {
                text: Some(Private::new(key.to_string())),
                entities: Some(vec![Entity {
                    kind: Some("DTMF".to_owned()),
                    ..Entity::default()
                }]),
                ..Activity::new(kind::MESSAGE)
            });
        }
        self
    }

    /// Something happens.
    pub fn event(self, name: &str, value: Value) -> Self {
        self.is_told(Activity {
            name: Some(name.to_owned()),
            value: Some(Private::new(value)),
            ..Activity::new(kind::EVENT)
        })
    }

    /// A transfer fails.
    pub fn transfer_fails(self, why: &str) -> Self {
        self.event(
            event::HANDOFF_STATUS,
            json!({ "state": "failed", "message": why }),
        )
    }

    /// The caller hangs up, or a transfer succeeded.
    pub fn ends(self) -> Self {
        self.is_told(Activity::new(kind::END_OF_CONVERSATION))
    }

    /// Any activity; who sends it, in which conversation, is added.
    pub fn is_told(self, activity: Activity) -> Self {
        self.step(Step::Tell(Box::new(activity)))
    }

    /// The bot gave this command, the last part of its name being enough, and it was carried out.
    pub fn command_succeeds(self, name: &str) -> Self {
        self.step(Step::CommandEnds(name.to_owned(), None))
    }

    /// The bot gave this command, the last part of its name being enough, and it failed.
    pub fn command_fails(self, name: &str, code: &str, message: &str) -> Self {
        let error = ErrorResponse {
            code: code.to_owned(),
            message: message.to_owned(),
        };
        self.step(Step::CommandEnds(name.to_owned(), Some(error)))
    }

    /// Time passes, on the clock of the test: with `#[tokio::test(start_paused = true)]` nobody has to wait for it.
    pub fn passes(self, how_long: Duration) -> Self {
        self.step(Step::Passes(how_long))
    }

    /// The bot says this, in text or in speech.
    pub fn says(self, words: &str) -> Self {
        self.step(Step::Says(words.to_owned()))
    }

    /// The bot sends an activity of this kind.
    pub fn sends(self, kind: &str) -> Self {
        self.step(Step::Sends(kind.to_owned()))
    }

    /// The bot gives this command; the last part of its name is enough.
    pub fn commands(self, name: &str) -> Self {
        self.step(Step::Commands(name.to_owned()))
    }

    /// The bot transfers the call to this number.
    pub fn transfers_to(self, number: &str) -> Self {
        self.step(Step::TransfersTo(number.to_owned()))
    }

    /// The bot hangs up.
    pub fn hangs_up(self) -> Self {
        self.step(Step::HangsUp)
    }

    /// The turn before failed.
    pub fn fails(self) -> Self {
        self.step(Step::Fails)
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Runs the steps.
    ///
    /// # Errors
    /// The first thing that was not as it should be; saying more than was asked for is one.
    pub async fn run(self) -> Result<(), Mismatch> {
        let mut running = Running {
            heard: Arc::default(),
            commands: Vec::new(),
            failure: None,
            told: 0,
        };
        let count = self.steps.len();
        for (at, step) in self.steps.into_iter().enumerate() {
            let done = running.step(&self.adapter, &self.channel, &self.id, step);
            let done = done.await;
            done.map_err(|what| Mismatch { step: at + 1, what })?;
        }
        running
            .is_quiet()
            .map_err(|what| Mismatch { step: count, what })
    }
}

struct Running {
    heard: Arc<Heard>,
    /// Commands whose results have not been told, by name.
    commands: Vec<(String, Value)>,
    failure: Option<String>,
    told: u64,
}

/// What the bot sent and nobody has looked at.
#[derive(Default)]
struct Heard(Mutex<VecDeque<Activity>>);

impl Heard {
    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Activity>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Outbox for Heard {
    async fn deliver(&self, activity: Activity) -> Result<ResourceResponse, ConnectorFault> {
        self.lock().push_back(activity);
        Ok(ResourceResponse {
            id: "sent".to_owned(),
        })
    }
}

impl Running {
    async fn step<B: Bot>(
        &mut self,
        adapter: &Adapter<B>,
        channel: &str,
        id: &str,
        step: Step,
    ) -> Result<(), String> {
        match step {
            Step::Tell(activity) => self.tell(adapter, channel, id, *activity).await,
            Step::Passes(how_long) => {
                self.is_quiet()?;
                // What is due at that very moment has been done when a little more has passed.
                tokio::time::sleep(how_long + Duration::from_millis(1)).await;
                Ok(())
            }
            Step::CommandEnds(name, error) => {
                let given = self.commands.iter().position(|(n, _)| is_named(n, &name));
                if given.is_none() {
                    self.command(&name)?;
                }
                let given = given.unwrap_or(self.commands.len() - 1);
                let (name, value) = self.commands.remove(given);
                let result = CommandValue {
                    command_id: value["commandId"].as_str().map(str::to_owned),
                    data: None,
                    error,
                };
                let value = serde_json::to_value(result).map_err(|why| why.to_string())?;
                let result = Activity {
                    name: Some(name),
                    value: Some(Private::new(value)),
                    ..Activity::new(kind::COMMAND_RESULT)
                };
                self.tell(adapter, channel, id, result).await
            }
            Step::Commands(name) => self.command(&name),
            Step::Fails => match self.failure.take() {
                Some(_) => Ok(()),
                None => Err(DID_NOT_FAIL.to_owned()),
            },
            said => {
                let (wanted, is) = said.wanted();
                self.wants(&wanted, is).map(drop)
            }
        }
    }

    async fn tell<B: Bot>(
        &mut self,
        adapter: &Adapter<B>,
        channel: &str,
        id: &str,
        activity: Activity,
    ) -> Result<(), String> {
        self.is_quiet()?;
        self.told += 1;
        let account = |id: &str| {
            Some(ChannelAccount {
                id: Some(Private::new(id.to_owned())),
                ..ChannelAccount::default()
            })
        };
        let activity = Activity {
            id: Some(format!("activity-{}", self.told)),
            channel_id: Some(channel.to_owned()),
            service_url: Some(Private::new("http://nowhere.invalid".to_owned())),
            conversation: Some(ConversationAccount {
                id: Some(id.to_owned()),
                ..ConversationAccount::default()
            }),
            from: account("+14255550100"),
            recipient: account("bot"),
            ..activity
        };
        let outbox = Arc::clone(&self.heard) as Arc<dyn Outbox>;
        if let Err(why) = adapter.tell(Box::new(activity), outbox).await {
            self.failure = Some(why.to_string());
        }
        Ok(())
    }

    fn command(&mut self, name: &str) -> Result<(), String> {
        let step = Step::Commands(name.to_owned());
        let (wanted, is) = step.wanted();
        let sent = self.wants(&wanted, is)?;
        let sent_name = sent.name.unwrap_or_default();
        let value = sent.value.map(Private::into_inner).unwrap_or_default();
        self.commands.push((sent_name, value));
        Ok(())
    }

    /// The next activity, if it is what is wanted.
    fn wants(
        &mut self,
        wanted: &str,
        is: impl FnOnce(&Activity) -> bool,
    ) -> Result<Activity, String> {
        let next = self.heard.lock().pop_front();
        let sent = next.ok_or_else(|| nothing_came(wanted, self.failure.as_deref()))?;
        is_as(wanted, sent, is)
    }

    /// Nothing came that nobody looked at.
    fn is_quiet(&self) -> Result<(), String> {
        if let Some(more) = self.heard.lock().front() {
            return Err(format!("nothing more should come, and {}", shown(more)));
        }
        match &self.failure {
            Some(why) => Err(format!("the turn failed: {why}")),
            None => Ok(()),
        }
    }
}

const DID_NOT_FAIL: &str = "the turn should fail, and did not";

type Is<'a> = Box<dyn Fn(&Activity) -> bool + Send + 'a>;

impl Step {
    /// What the bot must send now, in words and as a question; of the steps that are about what it sends.
    fn wanted(&self) -> (String, Is<'_>) {
        match self {
            Self::Says(words) => {
                let is_said = move |sent: &Activity| {
                    let mut said = [&sent.text, &sent.speak].into_iter().flatten();
                    said.any(|said| said.reveal() == words)
                };
                (format!("it should say {words:?}"), Box::new(is_said))
            }
            Self::Sends(kind) => {
                let is_of_kind = move |sent: &Activity| sent.is(kind);
                (format!("it should send `{kind}`"), Box::new(is_of_kind))
            }
            Self::Commands(name) | Self::CommandEnds(name, _) => {
                let is_command = move |sent: &Activity| {
                    let is_of_name = |sent: &String| is_named(sent, name);
                    sent.is(kind::COMMAND) && sent.name.as_ref().is_some_and(is_of_name)
                };
                let wanted = format!("it should give the command `{name}`");
                (wanted, Box::new(is_command))
            }
            Self::TransfersTo(number) => {
                let is_handoff = move |sent: &Activity| {
                    let value = sent.value.as_ref();
                    let target = value.map(|value| &value.reveal()["TargetPhoneNumber"]);
                    sent.name.as_deref() == Some(event::HANDOFF_INITIATE)
                        && target.and_then(Value::as_str) == Some(number)
                };
                let wanted = format!("it should transfer the call to {number:?}");
                (wanted, Box::new(is_handoff))
            }
            Self::HangsUp | Self::Tell(_) | Self::Fails | Self::Passes(_) => {
                let is_end = |sent: &Activity| sent.is(kind::END_OF_CONVERSATION);
                ("it should hang up".to_owned(), Box::new(is_end))
            }
        }
    }
}

fn is_as(
    wanted: &str,
    sent: Activity,
    is: impl FnOnce(&Activity) -> bool,
) -> Result<Activity, String> {
    match is(&sent) {
        true => Ok(sent),
        false => Err(format!("{wanted}, and {}", shown(&sent))),
    }
}

fn nothing_came(wanted: &str, failure: Option<&str>) -> String {
    match failure {
        Some(why) => format!("{wanted}, and the turn failed: {why}"),
        None => format!("{wanted}, and nothing came"),
    }
}

/// The whole name, or the last part of it.
fn is_named(name: &str, wanted: &str) -> bool {
    name == wanted || name.rsplit('.').next() == Some(wanted)
}

fn shown(sent: &Activity) -> String {
    let said = sent.text.as_ref().or(sent.speak.as_ref());
    if let Some(said) = said.filter(|_| sent.is(kind::MESSAGE)) {
        return format!("it said {:?}", said.reveal());
    }
    let kind = sent.kind.as_deref().unwrap_or("nothing");
    match &sent.name {
        Some(name) => format!("it sent `{kind}` `{name}`"),
        None => format!("it sent `{kind}`"),
    }
}
