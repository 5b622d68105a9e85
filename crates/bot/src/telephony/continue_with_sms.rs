//! Going on in text messages with what was begun on the phone.

use async_trait::async_trait;
use offhook_terms::Private;
use offhook_wire::activity::{ChannelAccount, ConversationAccount};
use serde_json::Value;

use crate::dialogs::{Context, Dialog, Next};
use crate::turns::{BotFault, Reference};

/// The channel of text messages, as the Telephony package names it.
///
/// ```
/// use offhook_bot::telephony::SMS_CHANNEL;
/// use offhook_bot::turns::Turn;
///
/// fn is_texting(turn: &Turn) -> bool {
///     turn.activity().channel_id.as_deref() == Some(SMS_CHANNEL)
/// }
/// ```
pub const SMS_CHANNEL: &str = "ACS_SMS";

/// Goes on with the caller by text message: when the turn is over the bot is told, in the conversation of that number on
/// the channel [`SMS_CHANNEL`], of an event `ContinueConversation` with the data as its value, and says there what it
/// likes. Is over at once; the call goes on.
///
/// Options that are a text are the number.
///
/// ```
/// use offhook_bot::telephony::ContinueWithSms;
///
/// let sms = ContinueWithSms::from("+12065550100", "https://sms.example.org/")
///     .to("+14255550100")
///     .data(serde_json::json!({"order": 4711}));
/// ```
#[derive(Debug, Clone)]
pub struct ContinueWithSms {
    from: Private<String>,
    service_url: Private<String>,
    sms_number: Private<String>,
    data: Private<Value>,
}

impl ContinueWithSms {
    /// From the bot's number, over a channel that takes activities at this address.
    pub fn from(bots_number: impl Into<String>, service_url: impl Into<String>) -> Self {
        Self {
            from: Private::new(bots_number.into()),
            service_url: Private::new(service_url.into()),
            sms_number: Private::default(),
            data: Private::default(),
        }
    }

    /// To this number: `smsNumber` of the Telephony package.
    #[must_use]
    pub fn to(mut self, sms_number: impl Into<String>) -> Self {
        self.sms_number = Private::new(sms_number.into());
        self
    }

    /// With this for the bot to know there: `messageData` of the Telephony package.
    #[must_use]
    pub fn data(mut self, message_data: impl Into<Value>) -> Self {
        self.data = Private::new(message_data.into());
        self
    }
}

#[async_trait]
impl Dialog for ContinueWithSms {
    async fn begin(&self, cx: &mut Context<'_>, options: Value) -> Result<Next, BotFault> {
        let number = match options {
            Value::String(number) => Private::new(number),
            _ => self.sms_number.clone(),
        };
        if number.reveal().is_empty() {
            return Err(BotFault::new(
                "there is no number to send a text message to",
            ));
        }
        let conversation = ConversationAccount {
            id: Some(number.reveal().clone()),
            ..ConversationAccount::default()
        };
        let bot = ChannelAccount {
            id: Some(self.from.clone()),
            name: Some(Private::new("bot".to_owned())),
            ..ChannelAccount::default()
        };
        let elsewhere = Reference {
            user: Some(ChannelAccount {
                id: Some(number),
                ..ChannelAccount::default()
            }),
            bot: Some(bot),
            conversation: Some(conversation),
            channel_id: Some(SMS_CHANNEL.to_owned()),
            service_url: Some(self.service_url.clone()),
            ..Reference::default()
        };
        cx.turn_mut()
            .go_on_in(elsewhere, self.data.reveal().clone())?;
        Ok(Next::end())
    }
}
