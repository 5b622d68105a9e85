//! The HTTP service between a channel and a bot.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use offhook_identity::bearer;
use offhook_terms::Private;
use offhook_wire::activity::{Activity, ResourceResponse, kind};
use serde::Serialize;
use serde_json::json;
use tokio::sync::Semaphore;

use super::connector::{Connector, Reference};
use super::login::{Door, Login, NotAdmitted};
use super::state::{Memory, States, Storage};
use super::turn::{InvokeResponse, Outbox, Reminder, Turn};
use super::{Bot, BotFault, ConnectorFault};
use crate::graph::SetupFault;
use crate::keys::NotBelieved;
use crate::limits::{ACTIVITY_BYTES_MAX, REMINDERS_MAX, REPLIES_MAX};

/// Where bots are told of activities, by convention.
///
/// ```
/// use offhook_bot::turns::PATH;
///
/// let endpoint = format!("https://bot.example{PATH}");
/// assert_eq!(endpoint, "https://bot.example/api/messages");
/// ```
pub const PATH: &str = "/api/messages";

/// Hands activities that come over HTTP to a [`Bot`], one turn at a time per conversation.
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
/// use offhook_bot::turns::{Adapter, Login, Memory};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Believes everybody, as a bot without an app id does.
/// let open = Adapter::new(Echo);
/// // Believes the Bot Framework alone, and remembers.
/// let login = Login::public("00000000-0000-0000-0000-000000000000", "a secret");
/// let adapter = Adapter::with_login(Echo, &login)?.remembers_in(Memory::default());
/// let app: axum::Router = adapter.routes();
/// # Ok(())
/// # }
/// ```
pub struct Adapter<B>(Arc<Shared<B>>);

impl<B> Clone for Adapter<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<B> std::fmt::Debug for Adapter<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Adapter").finish_non_exhaustive()
    }
}

struct Shared<B> {
    bot: B,
    /// To wherever an activity came from.
    connector: Arc<dyn Outbox>,
    door: Option<Door>,
    storage: Arc<dyn Storage>,
    busy: Busy,
    room_for_reminders: Arc<Semaphore>,
}

impl<B: Bot> Adapter<B> {
    /// A bot without an identity: it believes everybody who reaches it and signs nothing. It forgets
    /// everything when it ends.
    pub fn new(bot: B) -> Self {
        let connector: Arc<dyn Outbox> = match Connector::new(None) {
            Ok(connector) => Arc::new(connector),
            Err(_) => Arc::new(Nowhere),
        };
        Self::of(bot, connector, None)
    }

    fn of(bot: B, connector: Arc<dyn Outbox>, door: Option<Door>) -> Self {
        Self::with_all(bot, connector, door, Arc::new(Memory::default()))
    }

    fn with_all(
        bot: B,
        connector: Arc<dyn Outbox>,
        door: Option<Door>,
        storage: Arc<dyn Storage>,
    ) -> Self {
        Self(Arc::new(Shared {
            bot,
            connector,
            door,
            storage,
            busy: Busy::default(),
            room_for_reminders: Arc::new(Semaphore::new(REMINDERS_MAX)),
        }))
    }

    /// A bot that believes its channel alone and signs what it sends.
    ///
    /// # Errors
    /// An address of the login is no URL, or its CA file cannot be used.
    pub fn with_login(bot: B, login: &Login) -> Result<Self, SetupFault> {
        let connector = Connector::new(Some(login))?;
        let door = Door::new(login)?;
        Ok(Self::of(bot, Arc::new(connector), Some(door)))
    }

    /// Remembers there what it remembers. Called before it is served or cloned; afterwards it does
    /// nothing.
    #[must_use]
    pub fn remembers_in(mut self, storage: impl Storage) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.0) {
            shared.storage = Arc::new(storage);
        }
        self
    }

    /// The same memory, with a bot around this one and something around its connector. `None` when it is in use.
    pub(crate) fn rewired<W: Bot>(
        self,
        login: Option<&Login>,
        bot: impl FnOnce(B) -> W,
        connector: impl FnOnce(Connector) -> Arc<dyn Outbox>,
    ) -> Result<Option<Adapter<W>>, SetupFault> {
        let Some(shared) = Arc::into_inner(self.0) else {
            return Ok(None);
        };
        let outbox = connector(Connector::new(login)?);
        let door = login.map(Door::new).transpose()?;
        let bot = bot(shared.bot);
        Ok(Some(Adapter::with_all(bot, outbox, door, shared.storage)))
    }

    /// The bot.
    pub fn bot(&self) -> &B {
        &self.0.bot
    }

    /// The service, at [`PATH`]; alone or merged with others.
    pub fn routes(&self) -> Router {
        self.routes_at(PATH)
    }

    /// The service at a path of your own.
    pub fn routes_at(&self, path: &str) -> Router {
        Router::new()
            .route(path, post(receive::<B>))
            .with_state(self.clone())
    }

    /// Goes on with a conversation of which nothing was told just now: a reminder, something that took
    /// long. The bot has a turn with an event of the name `ContinueConversation`.
    ///
    /// # Errors
    /// What the bot's error hook leaves.
    pub async fn continue_conversation(&self, reference: &Reference) -> Result<(), BotFault> {
        let turn = self.tell(Box::new(reference.continuation()), self.outbox());
        turn.await.map(drop)
    }

    /// Hands an activity to the bot, with somewhere for it to say something.
    pub(crate) async fn tell(
        &self,
        activity: Box<Activity>,
        outbox: Arc<dyn Outbox>,
    ) -> Result<Option<InvokeResponse>, BotFault> {
        let shared = &*self.0;
        let conversation = activity.conversation.as_ref().and_then(|c| c.id.clone());
        let _one_at_a_time = match conversation {
            Some(id) => Some(shared.busy.wait_for(id).await),
            None => None,
        };
        let states = States::new(Arc::clone(&shared.storage));
        let room = Arc::clone(&shared.room_for_reminders);
        let mut turn = Turn::new(activity, Arc::clone(&outbox), states, room);
        let done = match shared.bot.on_turn(&mut turn).await {
            Ok(()) => turn.save().await,
            Err(fault) => Err(fault),
        };
        if let Err(fault) = done {
            shared.bot.on_error(&mut turn, fault).await?;
            // What it made up for is worth remembering, unless that was what failed.
            turn.save().await?;
        }
        for reminder in turn.take_reminders() {
            self.remind_later(reminder, &outbox);
        }
        Ok(turn.take_answer())
    }

    fn remind_later(&self, reminder: Reminder, outbox: &Arc<dyn Outbox>) {
        let Reminder {
            of,
            after,
            value,
            room,
        } = reminder;
        let mut told = Box::new(of.continuation());
        told.value = Some(Private::new(value));
        // Nobody waits for the answer to a request any more.
        let outbox = match outbox.outlives_the_turn() {
            true => Arc::clone(outbox),
            false => self.outbox(),
        };
        let adapter = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            if let Err(why) = adapter.told_later(told, outbox).await {
                tracing::error!(%why, "a turn that a reminder began failed");
            }
            drop(room);
        });
    }

    /// A future that spawns itself is of no finite size.
    fn told_later(
        &self,
        told: Box<Activity>,
        outbox: Arc<dyn Outbox>,
    ) -> BoxFuture<'_, Result<Option<InvokeResponse>, BotFault>> {
        Box::pin(self.tell(told, outbox))
    }

    fn outbox(&self) -> Arc<dyn Outbox> {
        Arc::clone(&self.0.connector)
    }
}

/// No HTTP client could be made.
struct Nowhere;

#[async_trait]
impl Outbox for Nowhere {
    async fn deliver(&self, _: Activity) -> Result<ResourceResponse, ConnectorFault> {
        Err(ConnectorFault::Nowhere("way to its channel"))
    }
}

/// Replies that go into the answer of the request (`expectReplies`).
#[derive(Default)]
struct Replies(Mutex<Vec<Activity>>);

impl Replies {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Activity>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Outbox for Replies {
    async fn deliver(&self, activity: Activity) -> Result<ResourceResponse, ConnectorFault> {
        let mut replies = self.lock();
        if replies.len() >= REPLIES_MAX {
            return Err(ConnectorFault::TooMany(REPLIES_MAX));
        }
        replies.push(activity);
        Ok(ResourceResponse::default())
    }

    fn outlives_the_turn(&self) -> bool {
        false
    }
}

async fn receive<B: Bot>(State(adapter): State<Adapter<B>>, request: Request) -> Response {
    let turn = async move {
        let turn = AssertUnwindSafe(adapter.answer(request)).catch_unwind();
        turn.await.unwrap_or_else(|_| {
            tracing::error!("the bot panicked");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        })
    };
    ToItsEnd(Some(Box::pin(turn))).await
}

/// A turn that is finished even when whoever told of it goes away in the middle. It is a task of its own only then: making
/// one for every turn costs as much as reading its activity.
struct ToItsEnd(Option<BoxFuture<'static, Response>>);

impl Future for ToItsEnd {
    type Output = Response;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Response> {
        let Some(turn) = &mut self.0 else {
            return Poll::Pending;
        };
        let done = ready!(turn.as_mut().poll(cx));
        self.0 = None;
        Poll::Ready(done)
    }
}

impl Drop for ToItsEnd {
    fn drop(&mut self) {
        if let Some(rest) = self.0.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(rest);
        }
    }
}

impl<B: Bot> Adapter<B> {
    async fn answer(&self, request: Request) -> Response {
        match self.accept(request).await {
            Ok(response) => response,
            Err(refusal) => refusal.into_response(),
        }
    }

    async fn accept(&self, request: Request) -> Result<Response, Refusal> {
        let (parts, body) = request.into_parts();
        let token = match &self.0.door {
            Some(door) => {
                let line = parts.headers.get(AUTHORIZATION);
                let token = bearer(line.and_then(|line| line.to_str().ok()));
                let token =
                    token.map_err(|why| Refusal::NotAdmitted(NotBelieved::Token(why).into()))?;
                Some((door, token))
            }
            None => None,
        };
        let activity = read(body).await?;
        if let Some((door, token)) = token {
            let service_url = activity.service_url.as_ref();
            let service_url = service_url.map_or("", |url| url.reveal().as_str());
            let channel = activity.channel_id.as_deref().unwrap_or_default();
            door.admits(token, service_url, channel).await?;
        }
        if activity.kind.is_none() {
            return Err(Refusal::Unreadable("an activity has a 'type'".to_owned()));
        }
        let is_invoke = activity.is(kind::INVOKE);
        let expects_replies = activity.delivery_mode.as_deref() == Some("expectReplies");
        let replies = Arc::<Replies>::default();
        let outbox: Arc<dyn Outbox> = match expects_replies {
            true => Arc::clone(&replies) as Arc<dyn Outbox>,
            false => self.outbox(),
        };
        let answer = self.tell(activity, outbox).await.map_err(Refusal::Failed)?;
        if expects_replies {
            let replies = std::mem::take(&mut *replies.lock());
            let body = ExpectedReplies {
                activities: replies,
            };
            return Ok(json_response(StatusCode::OK, &body));
        }
        if !is_invoke {
            return Ok(StatusCode::OK.into_response());
        }
        Ok(match answer {
            Some(InvokeResponse { status, body }) => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
                match body.is_null() {
                    true => status.into_response(),
                    false => json_response(status, &body),
                }
            }
            None => StatusCode::NOT_IMPLEMENTED.into_response(),
        })
    }
}

/// The answer to a request that expects its replies in there.
#[derive(Serialize)]
struct ExpectedReplies {
    activities: Vec<Activity>,
}

fn json_response(status: StatusCode, body: &impl Serialize) -> Response {
    let kind = [(CONTENT_TYPE, "application/json; charset=utf-8")];
    match serde_json::to_vec(body) {
        Ok(body) => (status, kind, body).into_response(),
        Err(why) => {
            tracing::error!(%why, "an answer cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn read(body: Body) -> Result<Box<Activity>, Refusal> {
    let body = axum::body::to_bytes(body, ACTIVITY_BYTES_MAX).await;
    let body = body.map_err(|_| Refusal::TooLarge)?;
    // What is wrong is looked for only when something is.
    let read = serde_json::from_slice(&body).or_else(|_| {
        let value = serde_json::from_slice(&body)
            .map_err(|why| Refusal::Unreadable(format!("the body is no JSON: {why}")))?;
        Activity::read(value).map_err(|why| Refusal::Unreadable(why.to_string()))
    });
    read.map(Box::new)
}

/// Why a delivery is refused.
enum Refusal {
    NotAdmitted(NotAdmitted),
    Unreadable(String),
    TooLarge,
    Failed(BotFault),
}

impl From<NotAdmitted> for Refusal {
    fn from(why: NotAdmitted) -> Self {
        Self::NotAdmitted(why)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::NotAdmitted(NotAdmitted::NotBelieved(NotBelieved::NoKeys)) => {
                tracing::warn!("the issuer's keys could not be fetched");
                let later = [(RETRY_AFTER, HeaderValue::from_static("1"))];
                (StatusCode::SERVICE_UNAVAILABLE, later).into_response()
            }
            Self::NotAdmitted(why) => {
                tracing::warn!(%why, "an activity was not believed");
                let challenge = [(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))];
                (StatusCode::UNAUTHORIZED, challenge).into_response()
            }
            Self::Unreadable(why) => {
                let body = json!({ "error": { "code": "BadSyntax", "message": why } });
                json_response(StatusCode::BAD_REQUEST, &body)
            }
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
            Self::Failed(why) => {
                tracing::error!(%why, "a turn failed");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

/// The conversations that have a turn. Whoever comes next waits, in order.
#[derive(Default)]
struct Busy(Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>);

/// The right to a turn.
struct Held<'a> {
    busy: &'a Busy,
    id: String,
    turn: Option<tokio::sync::OwnedMutexGuard<()>>,
}

impl Busy {
    async fn wait_for(&self, id: String) -> Held<'_> {
        let turn = Arc::clone(self.lock().entry(id.clone()).or_default());
        // Made before it is waited for: whoever is cancelled while waiting is tidied up after too.
        let mut held = Held {
            busy: self,
            id,
            turn: None,
        };
        held.turn = Some(turn.lock_owned().await);
        held
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<tokio::sync::Mutex<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.turn = None;
        let mut busy = self.busy.lock();
        // Handles are given out under the same lock, so nobody comes while this is looked at.
        if busy
            .get(&self.id)
            .is_some_and(|turn| Arc::strong_count(turn) == 1)
        {
            busy.remove(&self.id);
        }
    }
}
