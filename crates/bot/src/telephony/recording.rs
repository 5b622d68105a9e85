//! Recording the call.

use async_trait::async_trait;
use offhook_terms::Private;
use offhook_wire::activity::{Activity, kind};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::CommandValue;
use crate::dialogs::{Context, Dialog, Next};
use crate::turns::BotFault;

/// Starts, pauses, resumes or stops the recording of the call.
///
/// By default ([`allow_interruptions`](Self::allow_interruptions)) the bot dialog that begins it goes on at once; when
/// the command fails later, that bot dialog hears of it in
/// [`command_failed`](crate::dialogs::Dialog::command_failed) as long as it is there, and then the bot's error hook.
/// Otherwise it is over when the result has come, and a failure is told in the same way in that turn.
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
/// use offhook_bot::telephony::Recording;
///
/// Conversation::with(Desk(Dialogs::new().with("it", Recording::start())))
///     .hears("you may record me")
///     .commands("start")
///     .command_succeeds("start")
///     .run()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Recording {
    name: &'static str,
    allows_interruptions: bool,
    metadata: Option<Private<Map<String, Value>>>,
}

impl Recording {
    /// Starts a recording.
    pub fn start() -> Self {
        Self::of("channel/vnd.microsoft.telephony.recording.start")
    }

    /// Pauses it.
    pub fn pause() -> Self {
        Self::of("channel/vnd.microsoft.telephony.recording.pause")
    }

    /// Goes on after a pause.
    pub fn resume() -> Self {
        Self::of("channel/vnd.microsoft.telephony.recording.resume")
    }

    /// Ends it.
    pub fn stop() -> Self {
        Self::of("channel/vnd.microsoft.telephony.recording.stop")
    }

    fn of(name: &'static str) -> Self {
        Self {
            name,
            allows_interruptions: true,
            metadata: None,
        }
    }

    /// Whether the bot dialog goes on while the command is carried out.
    #[must_use]
    pub fn allow_interruptions(mut self, allows: bool) -> Self {
        self.allows_interruptions = allows;
        self
    }

    /// What is kept with the recording, at its start. The options it is begun with do the same, and go first.
    #[must_use]
    pub fn metadata(mut self, metadata: Map<String, Value>) -> Self {
        self.metadata = Some(Private::new(metadata));
        self
    }
}

#[async_trait]
impl Dialog for Recording {
    async fn begin(&self, cx: &mut Context<'_>, options: Value) -> Result<Next, BotFault> {
        if !cx.turn().is_telephony() {
            return Ok(Next::end());
        }
        let metadata = match options {
            Value::Object(options) => Some(options),
            _ => self.metadata.as_ref().map(|m| m.reveal().clone()),
        };
        let id = Uuid::new_v4().to_string();
        let value = CommandValue {
            command_id: Some(id.clone()),
            data: metadata.map(|metadata| json!({ "metadata": metadata })),
            error: None,
        };
        let command = Activity {
            name: Some(self.name.to_owned()),
            value: Some(Private::new(serde_json::to_value(value)?)),
            ..Activity::new(kind::COMMAND)
        };
        // Before it is sent: its result may be quicker than the answer.
        cx.gave_command(&id, self.name, !self.allows_interruptions);
        cx.send(command).await?;
        match self.allows_interruptions {
            true => Ok(Next::end()),
            false => Ok(Next::Wait),
        }
    }

    async fn activity(&self, cx: &mut Context<'_>) -> Result<Next, BotFault> {
        let activity = cx.turn().activity();
        if !activity.is(kind::COMMAND_RESULT) || activity.name.as_deref() != Some(self.name) {
            return Ok(Next::Wait);
        }
        match cx.turn().value::<CommandValue>().error {
            Some(error) => Err(BotFault::new(error)),
            None => Ok(Next::end()),
        }
    }

    /// Its result may have come meanwhile.
    async fn resumed(&self, cx: &mut Context<'_>) -> Result<Next, BotFault> {
        match cx.get::<Option<super::ErrorResponse>>("result")? {
            None => Ok(Next::Wait),
            Some(None) => Ok(Next::end()),
            Some(Some(error)) => Err(BotFault::new(error)),
        }
    }

    fn may_be_interrupted(&self, _cx: &Context<'_>) -> bool {
        false
    }
}
