//! What a bot is told.
//!
//! ```text
//!   POST ─▶ token ─▶ seen before? ─▶ parse ─▶ which call ─▶ its mailbox ─▶ 202
//!            401        202           400                     full: 503
//!                                                 │
//!                                                 └─▶ handler, one event at a time per call
//! ```

mod body;
mod event;
mod mailbox;
mod recent;
mod story;

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use offhook_identity::{NotificationRules, bearer};
use offhook_wire::graph::{Notification, ResourceData};

use crate::call_id::segment_after;
use crate::graph::SetupFault;
use crate::keys::{KeyCache, Keys, NotBelieved};
use crate::limits::{DELIVERY_BYTES_MAX, MESSAGE_IDS_MAX};
use crate::{CallContexts, CallId};

pub use event::{EndedOperation, Event};
use mailbox::Mailboxes;
use recent::Recent;

const MESSAGE_ID: HeaderName = HeaderName::from_static("x-microsoft-skype-message-id");
const SCENARIO_ID: HeaderName = HeaderName::from_static("scenario-id");
const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");

/// Reacts to the events of calls.
///
/// Events of one call come one at a time and in order, those of different calls at the same time.
/// The platform has already been answered, so a handler may take its time; what follows in the
/// same call waits. Any `Fn(CallId, Event) -> impl Future<Output = ()>` is a handler too.
///
/// ```
/// use offhook_bot::{CallId, Event, Handler};
///
/// struct Log;
///
/// impl Handler for Log {
///     async fn handle(&self, call: CallId, event: Event) {
///         if let Event::Terminated { .. } = event {
///             println!("{call} is over");
///         }
///     }
/// }
/// ```
pub trait Handler: Send + Sync + 'static {
    /// Something happened in a call.
    fn handle(&self, call: CallId, event: Event) -> impl Future<Output = ()> + Send;
}

impl<F, Fut> Handler for F
where
    F: Fn(CallId, Event) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send,
{
    fn handle(&self, call: CallId, event: Event) -> impl Future<Output = ()> + Send {
        self(call, event)
    }
}

/// Who may deliver, and where.
///
/// ```
/// use offhook_bot::RouterConfig;
///
/// let config = RouterConfig {
///     path: "/calls".to_owned(),
///     ..RouterConfig::new("an app id")
/// };
/// ```
#[derive(Debug, Clone)]
pub struct RouterConfig {
    /// The path deliveries come to.
    pub path: String,
    /// Where the issuer's metadata is.
    pub metadata_url: String,
    /// The certificate authority of the platform, PEM. When given, no other is believed.
    pub ca_file: Option<std::path::PathBuf>,
    /// What a delivery's token must satisfy.
    pub rules: NotificationRules,
    /// Where the keys come from, if not from the metadata.
    pub keys: Keys,
}

impl RouterConfig {
    /// Deliveries of Microsoft's cloud to `/callback`.
    pub fn new(app_id: impl Into<String>) -> Self {
        Self {
            path: "/callback".into(),
            metadata_url: "https://api.aps.skype.com/v1/.well-known/OpenIdConfiguration".into(),
            ca_file: None,
            rules: NotificationRules::new(app_id),
            keys: Keys::Published,
        }
    }
}

/// Receives notifications and hands them to a [`Handler`], call by call.
///
/// ```
/// use offhook_bot::{CallContexts, CallId, Event, NotificationRouter, RouterConfig};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let told = |call: CallId, event: Event| async move { println!("{call}: {event:?}") };
/// let router = NotificationRouter::new(RouterConfig::new("an app id"), CallContexts::default(), told)?;
/// let app: axum::Router = router.routes();
/// # Ok(())
/// # }
/// ```
pub struct NotificationRouter<H>(Arc<Shared<H>>);

impl<H> Clone for NotificationRouter<H> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<H> std::fmt::Debug for NotificationRouter<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("NotificationRouter")
            .field(&self.0.path)
            .finish()
    }
}

struct Shared<H> {
    path: String,
    keys: KeyCache<NotificationRules>,
    contexts: CallContexts,
    seen: Mutex<Recent<String>>,
    mailboxes: Mailboxes<H>,
}

impl<H: Handler> NotificationRouter<H> {
    /// A router. `contexts` are those of the client whose operations it will hear of; a bot that
    /// has no client hands in an empty table.
    pub fn new(
        config: RouterConfig,
        contexts: CallContexts,
        handler: H,
    ) -> Result<Self, SetupFault> {
        let RouterConfig {
            path,
            metadata_url,
            ca_file,
            rules,
            keys,
        } = config;
        let keys = KeyCache::new(rules, &keys, &metadata_url, ca_file.as_deref())?;
        Ok(Self(Arc::new(Shared {
            path,
            keys,
            contexts,
            seen: Mutex::new(Recent::new(MESSAGE_IDS_MAX)),
            mailboxes: Mailboxes::new(handler),
        })))
    }

    /// The route to serve, alone or merged with others.
    pub fn routes(&self) -> Router {
        Router::new()
            .route(&self.0.path, post(receive::<H>))
            .with_state(Arc::clone(&self.0))
    }

    /// Takes no more deliveries (they are refused with 503 and come again elsewhere or later) and
    /// waits until every event that was accepted has been handled.
    pub async fn drain(&self) {
        self.0.mailboxes.drain().await;
    }
}

async fn receive<H: Handler>(State(shared): State<Arc<Shared<H>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    match accept(&shared, &parts.headers, body).await {
        Ok(()) => acknowledged(&parts.headers),
        Err(refusal) => refusal.into_response(),
    }
}

/// 202, with the names of the delivery, as the published SDK answers.
fn acknowledged(asked: &HeaderMap) -> Response {
    let mut response = StatusCode::ACCEPTED.into_response();
    let names = [(MESSAGE_ID, CLIENT_REQUEST_ID), (SCENARIO_ID, SCENARIO_ID)];
    for (theirs, ours) in names {
        if let Some(id) = asked.get(&theirs) {
            response.headers_mut().insert(ours, id.clone());
        }
    }
    response
}

/// Why a delivery is refused. The sender is told no more than it needs.
enum Refusal {
    NotBelieved,
    Unreadable,
    TooLarge,
    Later,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::NotBelieved => {
                let challenge = [(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))];
                (StatusCode::UNAUTHORIZED, challenge).into_response()
            }
            Self::Unreadable => StatusCode::BAD_REQUEST.into_response(),
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
            Self::Later => {
                let later = [(RETRY_AFTER, HeaderValue::from_static("1"))];
                (StatusCode::SERVICE_UNAVAILABLE, later).into_response()
            }
        }
    }
}

async fn accept<H: Handler>(
    shared: &Arc<Shared<H>>,
    headers: &HeaderMap,
    body: Body,
) -> Result<(), Refusal> {
    let line = headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok());
    let believed = match bearer(line) {
        Ok(token) => shared.keys.check(token).await,
        Err(fault) => Err(NotBelieved::Token(fault)),
    };
    believed.map_err(|why| {
        tracing::warn!(%why, "a delivery was not believed");
        match why {
            NotBelieved::Token(_) => Refusal::NotBelieved,
            NotBelieved::NoKeys => Refusal::Later,
        }
    })?;

    let body = axum::body::to_bytes(body, DELIVERY_BYTES_MAX)
        .await
        .map_err(|_| Refusal::TooLarge)?;

    let message = headers.get(MESSAGE_ID).and_then(|v| v.to_str().ok());
    if let Some(message) = message
        && !shared.seen().insert(message.to_owned())
    {
        tracing::debug!(message, "a repeated delivery");
        return Ok(());
    }
    let handed_in = hand_in(shared, headers, &body);
    if let (Err(_), Some(message)) = (&handed_in, message) {
        // It was not taken, so it must be taken when it comes again.
        shared.seen().remove(message);
    }
    handed_in
}

fn hand_in<H: Handler>(
    shared: &Arc<Shared<H>>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(), Refusal> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let batch = body::notifications(body, content_type).ok_or(Refusal::Unreadable)?;
    let addressed = batch
        .into_iter()
        .filter_map(|notification| match shared.call_of(&notification) {
            Some(call) => Some((call, notification)),
            None => {
                tracing::warn!("a notification names no call");
                None
            }
        })
        .collect();
    shared.mailboxes.put(addressed).map_err(|full| {
        tracing::warn!(%full, "a delivery has to come again");
        Refusal::Later
    })
}

impl<H> Shared<H> {
    fn seen(&self) -> std::sync::MutexGuard<'_, Recent<String>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// First the context, if this bot issued it; then the path; then what the resource says itself.
    fn call_of(&self, notification: &Notification) -> Option<CallId> {
        if let ResourceData::Operation(operation) = &notification.resource_data
            && let Some(context) = &operation.client_context
            && let Some(call) = self.contexts.call(context)
        {
            if operation.status.as_ref().is_some_and(|s| s.is_terminal()) {
                self.contexts.forget(context);
            }
            return Some(call);
        }
        let in_path = |path: &Option<String>| {
            let segment = segment_after(path.as_deref()?, "calls")?;
            Some(CallId::new(segment))
        };
        in_path(&notification.resource_url)
            .or_else(|| in_path(&notification.resource))
            .or_else(|| match &notification.resource_data {
                ResourceData::Call(call) => {
                    let own = call.id.as_deref().map(CallId::new);
                    own.or_else(|| in_path(&call.odata_id))
                }
                ResourceData::Operation(operation) => in_path(&operation.odata_id),
                _ => None,
            })
    }
}
