//! Number pooling: a bot that hands its caller to a phone number hands what it knows to whoever answers there.
//!
//! Telephone networks carry no context. So the bot asks for a number of a pool, leaves what belongs to the
//! call under it, and transfers its caller there; whoever is called on that number asks what belongs to it.
//!
//! ```text
//!   POST   /broker            a JSON object  ──▶ a number, as plain digits; waits while none is free
//!   GET    /broker/{number}                  ──▶ the object, once; the number is free again
//!   DELETE /broker/{number}                  ──▶ the number is free again
//! ```
//!
//! Let in is whoever shows the access token of a bot of ours, or knows the key, which stands in the path
//! (`/broker/s/{key}`) for clients that can be told an address and nothing else.

mod pool;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use offhook_terms::Private;
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

use crate::config;
use crate::login::{Login, is_same};
use crate::store::{Store, StoreError};
use crate::{clock, limits};

use pool::{Held, Pool, Requested, Ticket, key};

/// The broker.
pub(crate) struct Broker {
    pool: Mutex<Waiting>,
    key: Option<Private<String>>,
    wait_for: Duration,
    store: Store,
    login: Arc<Login>,
}

/// The pool, and where those who wait hear of their numbers.
struct Waiting {
    pool: Pool,
    doors: HashMap<Ticket, oneshot::Sender<String>>,
}

impl Broker {
    /// What was held when the last process ended is held still.
    pub(crate) async fn open(
        settings: &config::Broker,
        store: Store,
        login: Arc<Login>,
    ) -> Result<Arc<Self>, StoreError> {
        let mut pool = Pool::new(
            settings.numbers.iter().cloned(),
            settings.held_for,
            limits::BROKER_WAITING_MAX,
        );
        for (number, context, until) in store.pooled_numbers().await? {
            if !pool.restore(&number, Held { context, until }) {
                store.number_freed(number);
            }
        }
        Ok(Arc::new(Self {
            pool: Mutex::new(Waiting {
                pool,
                doors: HashMap::new(),
            }),
            key: settings.key.clone(),
            wait_for: settings.wait,
            store,
            login,
        }))
    }

    /// Lets go of what nobody came for. Called about once a second.
    pub(crate) fn sweep(&self) {
        let over = self.waiting().pool.expire(clock::wall());
        for number in over {
            self.store.number_freed(number);
        }
        self.serve();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Nothing that can panic happens under this lock; a poisoned one is still whole.
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells those who wait of the numbers they have. Whoever went away meanwhile leaves theirs.
    fn serve(&self) {
        let now = clock::wall();
        let mut waiting = self.waiting();
        while let Some((ticket, number)) = waiting.pool.next_served(now) {
            let door = waiting.doors.remove(&ticket);
            let is_taken = door.is_some_and(|door| door.send(number.clone()).is_ok());
            if !is_taken {
                waiting.pool.take(&number, now);
            }
        }
    }

    fn let_in(&self, shown: Option<&str>, headers: &HeaderMap) -> Result<(), Fault> {
        let is_known = match (shown, &self.key) {
            (Some(shown), key) => key.as_ref().is_some_and(|key| is_same(key.reveal(), shown)),
            (None, _) => self.login.bot(headers, clock::wall()).is_ok(),
        };
        is_known.then_some(()).ok_or(NOT_LET_IN)
    }

    /// A number for this, when one is free.
    async fn request(&self, context: String) -> Result<String, Fault> {
        let asked = {
            let mut waiting = self.waiting();
            let asked = waiting.pool.request(context, clock::wall());
            if let Requested::Waits(ticket) = asked {
                let (door, number) = oneshot::channel();
                waiting.doors.insert(ticket, door);
                let broker = self;
                Err((Waits { broker, ticket }, number))
            } else {
                Ok(asked)
            }
        };
        let (_waits, number) = match asked {
            Ok(Requested::Number(number)) => return self.kept(number).await,
            Ok(_) => return Err(TOO_MANY),
            Err(waits) => waits,
        };
        match tokio::time::timeout(self.wait_for, number).await {
            Ok(Ok(number)) => self.kept(number).await,
            _ => Err(NONE_FREE),
        }
    }

    /// Writes down that a number is held, before anybody hears of it.
    async fn kept(&self, number: String) -> Result<String, Fault> {
        let unheard = Unheard {
            broker: self,
            number: Some(number),
        };
        let number = unheard.number.clone().unwrap_or_default();
        let held = self.waiting().pool.held(&number).cloned();
        let Some(Held { context, until }) = held else {
            return Err(NONE_FREE);
        };
        self.store.number_held(number, context, until);
        self.store.flush().await;
        match self.store.trouble() {
            None => Ok(unheard.heard()),
            Some(_) => Err(UNAVAILABLE),
        }
    }

    fn free(&self, number: &str) -> Option<Held> {
        let held = self.waiting().pool.take(number, clock::wall());
        self.store.number_freed(key(number));
        self.serve();
        held
    }
}

/// Somebody stands in the queue, until they are dropped.
struct Waits<'a> {
    broker: &'a Broker,
    ticket: Ticket,
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        let mut waiting = self.broker.waiting();
        waiting.pool.give_up(self.ticket);
        waiting.doors.remove(&self.ticket);
    }
}

/// A number that nobody has heard of yet. Dropped, it is free again.
struct Unheard<'a> {
    broker: &'a Broker,
    number: Option<String>,
}

impl Unheard<'_> {
    fn heard(mut self) -> String {
        self.number.take().unwrap_or_default()
    }
}

impl Drop for Unheard<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number.take() {
            self.broker.free(&number);
        }
    }
}

/// Why a request is refused.
struct Fault(StatusCode, &'static str, &'static str);

const NOT_LET_IN: Fault = Fault(
    StatusCode::UNAUTHORIZED,
    "Unauthorized",
    "Show the access token of a bot, or ask at /broker/s/KEY with the key in `broker.key`.",
);
const NOT_AN_OBJECT: Fault = Fault(
    StatusCode::BAD_REQUEST,
    "BadRequest",
    "The body is no JSON object.",
);
const TOO_LONG: Fault = Fault(
    StatusCode::PAYLOAD_TOO_LARGE,
    "TooLarge",
    "The object is longer than 16 KiB.",
);
const NONE_FREE: Fault = Fault(
    StatusCode::SERVICE_UNAVAILABLE,
    "NoNumberFree",
    "No number of the pool was free in time; try again, or put more into `broker.numbers`.",
);
const TOO_MANY: Fault = Fault(
    StatusCode::TOO_MANY_REQUESTS,
    "TooManyRequests",
    "More wait for a number than can be served.",
);
const UNAVAILABLE: Fault = Fault(
    StatusCode::SERVICE_UNAVAILABLE,
    "StorageUnavailable",
    "The object cannot be kept at the moment; try again later.",
);

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let Self(status, code, message) = self;
        let body = json!({ "error": { "code": code, "message": message } });
        let mut response = (status, axum::Json(body)).into_response();
        if matches!(status.as_u16(), 429 | 503) {
            let soon = HeaderValue::from_static("1");
            response.headers_mut().insert(header::RETRY_AFTER, soon);
        }
        response
    }
}

/// The routes of the broker.
pub(crate) fn routes(broker: Arc<Broker>) -> Router {
    let one = || get(read).delete(release);
    Router::new()
        .route("/broker", post(hold))
        .route("/broker/{number}", one())
        .route("/broker/s/{key}", post(hold))
        .route("/broker/s/{key}/{number}", one())
        .with_state(broker)
}

type Named = Path<HashMap<String, String>>;

async fn hold(
    State(broker): State<Arc<Broker>>,
    Path(path): Named,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    broker.let_in(path.get("key").map(String::as_str), &headers)?;
    let reading = axum::body::to_bytes(body, limits::BROKER_CONTEXT_BYTES_MAX);
    let read = tokio::time::timeout(limits::REQUEST_BODY_WITHIN, reading).await;
    let bytes = read.map_err(|_| NOT_AN_OBJECT)?.map_err(|_| TOO_LONG)?;
    // Its content type is not looked at: known clients call it text.
    let context: Map<String, Value> = serde_json::from_slice(&bytes).map_err(|_| NOT_AN_OBJECT)?;
    let number = broker.request(Value::Object(context).to_string()).await?;
    let text = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((text, number).into_response())
}

async fn read(
    State(broker): State<Arc<Broker>>,
    Path(path): Named,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    broker.let_in(path.get("key").map(String::as_str), &headers)?;
    let number = path.get("number").map_or("", String::as_str);
    // An object in any case: known clients read nothing else.
    let context = broker.free(number).map(|held| held.context);
    let json = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    Ok((json, context.unwrap_or_else(|| "{}".to_owned())).into_response())
}

async fn release(
    State(broker): State<Arc<Broker>>,
    Path(path): Named,
    headers: HeaderMap,
) -> Result<StatusCode, Fault> {
    broker.let_in(path.get("key").map(String::as_str), &headers)?;
    broker.free(path.get("number").map_or("", String::as_str));
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests;
