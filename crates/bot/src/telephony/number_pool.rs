//! Numbers that carry context from one bot to another.

use http::StatusCode;
use http::header::CONTENT_TYPE;
use offhook_terms::Private;
use serde_json::{Map, Value};
use url::Url;

use crate::graph::{GraphFault, SetupFault, small_body};
use crate::http_client;
use crate::limits::NUMBER_WAITED_FOR;

/// A client of a broker of pooled numbers: a phone network carries no context, so the bot that hands a caller off leaves it
/// under a number nobody else has, and whoever is called on that number asks what belongs to it.
///
/// ```
/// use offhook_bot::telephony::NumberPool;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = NumberPool::new("https://phone.example/broker")?;
/// let mut context = serde_json::Map::new();
/// context.insert("name".to_owned(), "Ada".into());
/// // Whoever is called at this number takes what was left there.
/// let number = pool.leave(&context).await?;
/// assert_eq!(pool.take(number.reveal()).await?, context);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct NumberPool {
    http: reqwest::Client,
    broker: Url,
}

/// Why there is no number, or no context.
///
/// ```
/// use offhook_bot::telephony::{NumberPool, NumberPoolFault};
///
/// # async fn example(pool: NumberPool) -> Result<(), NumberPoolFault> {
/// match pool.leave(&serde_json::Map::new()).await {
///     Err(NumberPoolFault::NoneFree) => println!("All numbers are taken. Try again in a minute."),
///     left => drop(left?),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NumberPoolFault {
    /// All numbers are held, and none became free in time.
    #[error("no number became free in time")]
    NoneFree,
    /// The broker refused.
    #[error("the broker refused with {0}")]
    Refused(StatusCode),
    /// What it answered is no number or no object.
    #[error("the broker's answer cannot be read")]
    Unreadable,
    /// It was not reached.
    #[error(transparent)]
    Transport(GraphFault),
}

impl NumberPool {
    /// Of this broker (`BrokerEndpoint`), such as `http://127.0.0.1:8080/broker/s/KEY`.
    ///
    /// # Errors
    /// It is no URL.
    pub fn new(broker: &str) -> Result<Self, SetupFault> {
        let address = || SetupFault::Address(broker.to_owned());
        let url = Url::parse(broker).map_err(|_| address())?;
        if url.cannot_be_a_base() {
            return Err(address());
        }
        Ok(Self {
            http: http_client::for_address(broker, None)?,
            broker: url,
        })
    }

    /// Leaves this under a number that nobody else has, and gives the number with its `+`. Waits while all are held.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn leave(
        &self,
        context: &Map<String, Value>,
    ) -> Result<Private<String>, NumberPoolFault> {
        let body = Value::Object(context.clone()).to_string();
        let request = self
            .http
            .post(self.broker.clone())
            .timeout(NUMBER_WAITED_FOR)
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        let number = answer(request).await?;
        let number = std::str::from_utf8(&number).map_err(|_| NumberPoolFault::Unreadable)?;
        let number = number.trim().trim_matches('"').trim_start_matches('+');
        let is_number = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
        match is_number {
            true => Ok(Private::new(format!("+{number}"))),
            false => Err(NumberPoolFault::Unreadable),
        }
    }

    /// What belongs to a number, once; then the number is free again. Empty when nothing does.
    ///
    /// # Errors
    /// The broker was not reached or refused.
    pub async fn take(&self, number: &str) -> Result<Map<String, Value>, NumberPoolFault> {
        let request = self.http.get(self.of(number)).timeout(NUMBER_WAITED_FOR);
        let context = answer(request).await?;
        if context.is_empty() {
            return Ok(Map::new());
        }
        match serde_json::from_slice(&context) {
            Ok(Value::Object(context)) => Ok(context),
            Ok(Value::Null) => Ok(Map::new()),
            _ => Err(NumberPoolFault::Unreadable),
        }
    }

    /// Gives a number back that is not needed after all.
    ///
    /// # Errors
    /// The broker was not reached or refused.
    pub async fn release(&self, number: &str) -> Result<(), NumberPoolFault> {
        let request = self.http.delete(self.of(number)).timeout(NUMBER_WAITED_FOR);
        answer(request).await.map(drop)
    }

    /// Without its `+`, which means a blank in some addresses.
    fn of(&self, number: &str) -> Url {
        let mut url = self.broker.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            let number = number.trim().trim_start_matches('+');
            segments.pop_if_empty().push(number);
        }
        url
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Result<bytes::Bytes, NumberPoolFault> {
    let response = request.send().await;
    let response =
        response.map_err(|why| NumberPoolFault::Transport(GraphFault::transport(why)))?;
    match response.status() {
        status if status.is_success() => small_body(response)
            .await
            .map_err(NumberPoolFault::Transport),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
            Err(NumberPoolFault::NoneFree)
        }
        status => Err(NumberPoolFault::Refused(status)),
    }
}
