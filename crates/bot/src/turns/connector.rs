//! The way back to the channel: the connector (Bot Connector REST API, version 3).

use std::sync::Arc;

use async_trait::async_trait;
use http::header::CONTENT_TYPE;
use offhook_terms::Private;
use offhook_wire::Extra;
use offhook_wire::activity::{
    Activity, ChannelAccount, ConversationAccount, ConversationParameters, ResourceResponse, event,
    kind,
};
use offhook_wire::graph::ErrorEnvelope;
use serde::{Deserialize, Serialize};
use url::Url;
use url::form_urlencoded::byte_serialize;

use super::turn::Outbox;
use super::{ConnectorFault, Login};
use crate::graph::{GraphFault, SetupFault};
use crate::http_client;
use crate::limits::ANSWER_WITHIN;
use crate::sending::{self, Answer, NotAnswered, Unanswered};
use crate::token::AccessToken;

/// Where a conversation is and who is in it: enough to say something in it later. It can be kept as JSON.
///
/// ```
/// use offhook_bot::turns::Reference;
/// use offhook_bot::wire::activity::Activity;
///
/// let told: Activity = serde_json::from_str(r#"{"type": "message", "id": "1", "channelId": "telephony"}"#)?;
/// let reference = Reference::of(&told);
/// assert_eq!(reference.channel_id.as_deref(), Some("telephony"));
/// // It can be kept, and said something to later: `Adapter::continue_conversation`.
/// let kept = serde_json::to_string(&reference)?;
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Reference {
    /// The activity that is answered, if one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activity_id: Option<String>,
    /// The person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<ChannelAccount>,
    /// The bot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot: Option<ChannelAccount>,
    /// The conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationAccount>,
    /// The channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_id: Option<String>,
    /// The language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// Where the channel is.
    #[serde(
        skip_serializing_if = "Option::is_none",
        with = "offhook_wire::private::option"
    )]
    pub service_url: Option<Private<String>>,
}

impl Reference {
    /// Of an activity the bot was told.
    pub fn of(activity: &Activity) -> Self {
        Self {
            activity_id: activity.id.clone(),
            user: activity.from.clone(),
            bot: activity.recipient.clone(),
            conversation: activity.conversation.clone(),
            channel_id: activity.channel_id.clone(),
            locale: activity.locale.clone(),
            service_url: activity.service_url.clone(),
        }
    }

    /// What a bot tells itself to go on with a conversation.
    pub(crate) fn continuation(&self) -> Activity {
        let mut extra = Extra::default();
        if let Ok(relates_to) = serde_json::to_value(self) {
            extra.insert("relatesTo", relates_to);
        }
        Activity {
            extra,
            id: self.activity_id.clone(),
            channel_id: self.channel_id.clone(),
            service_url: self.service_url.clone(),
            conversation: self.conversation.clone(),
            recipient: self.bot.clone(),
            from: self.user.clone(),
            locale: self.locale.clone(),
            name: Some(event::CONTINUE_CONVERSATION.to_owned()),
            ..Activity::new(kind::EVENT)
        }
    }
}

/// Sends activities to channels, with the bot's own token if it has an identity.
///
/// ```
/// use offhook_bot::turns::Connector;
/// use offhook_bot::wire::activity::{ChannelAccount, ConversationParameters};
/// use offhook_bot::Private;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let connector = Connector::new(None)?;
/// let grace = ChannelAccount {
///     id: Some(Private::new("grace".to_owned())),
///     ..ChannelAccount::default()
/// };
/// let call = ConversationParameters {
///     members: Some(vec![grace]),
///     ..ConversationParameters::default()
/// };
/// // The bot calls somebody.
/// connector.create_conversation("http://127.0.0.1:8080/", &call).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Connector(Arc<Shared>);

struct Shared {
    /// For channels on this machine, and for all others.
    here: reqwest::Client,
    elsewhere: reqwest::Client,
    login: Option<(AccessToken, reqwest::Client)>,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let signs = self.0.login.is_some();
        f.debug_struct("Connector").field("signs", &signs).finish()
    }
}

impl Connector {
    /// One that signs what it sends, or does not.
    ///
    /// # Errors
    /// An address of the login is no URL, or its CA file cannot be used.
    pub fn new(login: Option<&Login>) -> Result<Self, SetupFault> {
        let with_tokens = |login: &Login| {
            let http = http_client::for_address(&login.login, login.ca_file.as_deref())?;
            Ok((login.token(), http))
        };
        let ca_file = login.and_then(|login| login.ca_file.as_deref());
        Ok(Self(Arc::new(Shared {
            here: http_client::build(true, ca_file)?,
            elsewhere: http_client::build(false, ca_file)?,
            login: login.map(with_tokens).transpose()?,
        })))
    }

    /// Sends an activity that is addressed.
    ///
    /// # Errors
    /// Why it was not taken.
    pub async fn send(&self, activity: &Activity) -> Result<ResourceResponse, ConnectorFault> {
        let service = activity.service_url.as_ref();
        let service = service.ok_or(ConnectorFault::Nowhere("service URL"))?;
        let conversation = activity.conversation.as_ref().and_then(|c| c.id.as_deref());
        let conversation = conversation.ok_or(ConnectorFault::Nowhere("id"))?;
        let path = ["v3", "conversations", conversation, "activities"];
        let path = path.into_iter().chain(activity.reply_to_id.as_deref());
        let url = address(service.reveal(), path)?;
        self.post(url, activity).await
    }

    /// Begins a conversation; over the Telephony channel it calls somebody. Gives the conversation's id
    /// and the first activity's.
    ///
    /// # Errors
    /// Why it was refused.
    pub async fn create_conversation(
        &self,
        service_url: &str,
        parameters: &ConversationParameters,
    ) -> Result<ResourceResponse, ConnectorFault> {
        let url = address(service_url, ["v3", "conversations"].into_iter())?;
        self.post(url, parameters).await
    }

    async fn post(
        &self,
        url: Url,
        body: &impl Serialize,
    ) -> Result<ResourceResponse, ConnectorFault> {
        let body = serde_json::to_vec(body)
            .map_err(|why| ConnectorFault::Transport(GraphFault::Unreadable(why.to_string())))?;
        let body = bytes::Bytes::from(body);
        let http = match http_client::is_loopback(&url) {
            true => &self.0.here,
            false => &self.0.elsewhere,
        };
        let request = || {
            http.post(url.clone())
                .timeout(ANSWER_WITHIN)
                .header(CONTENT_TYPE, "application/json; charset=utf-8")
                .body(body.clone())
        };
        // Not again if it may have arrived: an activity twice is heard twice.
        let unanswered = Unanswered::AgainIfUnconnected;
        let answer = match &self.0.login {
            Some((token, login)) => sending::send_with(token, login, request, unanswered).await,
            None => {
                let answer = sending::send(request, unanswered).await;
                answer.map_err(NotAnswered::Transport)
            }
        };
        let Answer { status, body, .. } = answer.map_err(|why| match why {
            NotAnswered::Token(fault) => ConnectorFault::Token(fault),
            NotAnswered::Transport(fault) => ConnectorFault::Transport(fault),
        })?;
        if status.is_success() {
            // Some channels answer with nothing.
            return Ok(serde_json::from_slice(&body).unwrap_or_default());
        }
        let refusal: ErrorEnvelope = serde_json::from_slice(&body).unwrap_or_default();
        Err(ConnectorFault::Refused {
            status,
            code: refusal.error.code,
            message: refusal.error.message,
        })
    }
}

/// Below a service URL, with or without a slash at its end. Each segment is escaped as the SDKs for other languages
/// do, the `:` and `@` of Teams' ids included: an id cannot lead anywhere else.
fn address<'a>(
    service_url: &str,
    path: impl Iterator<Item = &'a str>,
) -> Result<Url, ConnectorFault> {
    let mut url = Url::parse(service_url).map_err(|_| ConnectorFault::Nowhere("service URL"))?;
    let mut whole = url.path().trim_end_matches('/').to_owned();
    for segment in path.filter(|segment| !matches!(*segment, "." | "..")) {
        whole.push('/');
        // A form has another sign for a space, and that is all.
        whole.extend(byte_serialize(segment.as_bytes()).map(|piece| piece.replace('+', "%20")));
    }
    url.set_path(&whole);
    Ok(url)
}

#[async_trait]
impl Outbox for Connector {
    async fn deliver(&self, activity: Activity) -> Result<ResourceResponse, ConnectorFault> {
        self.send(&activity).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_cannot_lead_anywhere_else() {
        for (service, id, is) in [
            ("http://h/s/x", "a/../b", "http://h/s/x/v3/a%2F..%2Fb"),
            ("http://h/", "é?#", "http://h/v3/%C3%A9%3F%23"),
            ("http://h/s", "..", "http://h/s/v3"),
            ("http://h/s", "%2e%2E", "http://h/s/v3/%252e%252E"),
            ("http://h", "19:a+b c@d", "http://h/v3/19%3Aa%2Bb%20c%40d"),
        ] {
            let url = address(service, ["v3", id].into_iter()).expect("a URL");
            assert_eq!(url.as_str(), is);
        }
    }

    #[test]
    fn a_reference_is_kept_as_json() {
        let activity = r#"{"type":"message","id":"1","serviceUrl":"http://h","channelId":"telephony",
            "from":{"id":"u"},"recipient":{"id":"b"},"conversation":{"id":"c"}}"#;
        let activity: Activity = serde_json::from_str(activity).expect("an activity");
        let reference = Reference::of(&activity);
        let kept = serde_json::to_string(&reference).expect("JSON");
        assert_eq!(
            serde_json::from_str::<Reference>(&kept).expect("JSON"),
            reference
        );
    }
}
