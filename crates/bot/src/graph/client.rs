//! The calls API, typed.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::Method;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use offhook_terms::Private;
use offhook_wire::graph::{
    AnswerRequest, Call, ContextRequest, Operation, PlayPromptRequest, RecordResponseRequest,
    RejectReason, RejectRequest,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::{GraphFault, Recording, SetupFault, check, recording};
use crate::limits::{ANSWER_BYTES_MAX, ANSWER_WITHIN};
use crate::sending::{self, NotAnswered, Unanswered};
use crate::token::AccessToken;
use crate::{CallContexts, CallId, OperationId, http_client};

/// Where the platform is, and who the bot is.
///
/// ```
/// use offhook_bot::GraphConfig;
///
/// // Microsoft's cloud; of a platform of one's own the addresses differ and nothing else.
/// let cloud = GraphConfig::new("a tenant", "an app id", "a secret");
/// let own = GraphConfig {
///     base: "https://phone.example/v1.0".to_owned(),
///     login: "https://phone.example".to_owned(),
///     ..cloud.clone()
/// };
/// ```
#[derive(Debug, Clone)]
pub struct GraphConfig {
    /// The API with its version, such as `https://graph.microsoft.com/v1.0`.
    pub base: String,
    /// Where tokens are granted, such as `https://login.microsoftonline.com`.
    pub login: String,
    /// The tenant, a GUID or a domain.
    pub tenant: String,
    /// The bot's app id.
    pub app_id: String,
    /// Its secret.
    pub secret: Private<String>,
    /// What the token is for.
    pub scope: String,
    /// The certificate authority of the platform, PEM. When given, no other is believed.
    pub ca_file: Option<PathBuf>,
}

impl GraphConfig {
    /// A bot on Microsoft's cloud.
    pub fn new(
        app_id: impl Into<String>,
        secret: impl Into<String>,
        tenant: impl Into<String>,
    ) -> Self {
        Self {
            base: "https://graph.microsoft.com/v1.0".into(),
            login: "https://login.microsoftonline.com".into(),
            tenant: tenant.into(),
            app_id: app_id.into(),
            secret: Private::new(secret.into()),
            scope: "https://graph.microsoft.com/.default".into(),
            ca_file: None,
        }
    }
}

/// The calls API. Cheap to clone; clones share connections and the access token.
///
/// 429, 503 and 504 are waited for, as long as the platform asks and within
/// [`limits`](crate::limits). A command without a client context gets a fresh one, which the
/// router finds in [`GraphClient::contexts`].
///
/// ```
/// use offhook_bot::{CallId, GraphClient, GraphConfig, prompt};
/// use offhook_bot::wire::graph::PlayPromptRequest;
///
/// # async fn example(call: CallId) -> Result<(), Box<dyn std::error::Error>> {
/// let client = GraphClient::new(GraphConfig::new("a tenant", "an app id", "a secret"))?;
/// let welcome = PlayPromptRequest {
///     prompts: Some(vec![prompt("https://bot.example/welcome.wav", None)]),
///     ..PlayPromptRequest::default()
/// };
/// client.play_prompt(&call, welcome).await?;
/// client.hang_up(&call).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct GraphClient(Arc<Shared>);

struct Shared {
    http: reqwest::Client,
    /// The API with its version.
    base: Url,
    token: AccessToken,
    contexts: CallContexts,
}

impl std::fmt::Debug for GraphClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("GraphClient")
            .field(&self.0.base.as_str())
            .finish()
    }
}

impl GraphClient {
    /// A client. Nothing is sent before the first command.
    pub fn new(config: GraphConfig) -> Result<Self, SetupFault> {
        let base = config.base.trim_end_matches('/');
        let base = Url::parse(base).map_err(|_| SetupFault::Address(config.base.clone()))?;
        if base.cannot_be_a_base() {
            return Err(SetupFault::Address(config.base.clone()));
        }
        Url::parse(&config.login).map_err(|_| SetupFault::Address(config.login.clone()))?;
        Ok(Self(Arc::new(Shared {
            http: http_client::for_address(&config.base, config.ca_file.as_deref())?,
            base,
            token: AccessToken::new(&config),
            contexts: CallContexts::default(),
        })))
    }

    /// The contexts this client issued, for the router.
    pub fn contexts(&self) -> CallContexts {
        self.0.contexts.clone()
    }

    /// Calls somebody, or joins a meeting. What comes back is being set up; what becomes of it arrives
    /// at its callback.
    pub async fn create_call(&self, call: &Call) -> Result<Call, GraphFault> {
        check::create(call)?;
        self.write(Method::POST, self.at(&CALLS), call).await
    }

    /// Takes an incoming call.
    pub async fn answer(&self, call: &CallId, request: &AnswerRequest) -> Result<(), GraphFault> {
        check::answer(request)?;
        self.post(call, &["answer"], Some(request)).await.map(drop)
    }

    /// Does not take an incoming call.
    pub async fn reject(&self, call: &CallId, reason: RejectReason) -> Result<(), GraphFault> {
        let request = RejectRequest {
            reason: Some(reason),
            callback_uri: None,
        };
        self.post(call, &["reject"], Some(&request)).await.map(drop)
    }

    /// The call as it is.
    pub async fn call(&self, call: &CallId) -> Result<Call, GraphFault> {
        self.get(self.url(call, &[])).await
    }

    /// Leaves the call.
    pub async fn hang_up(&self, call: &CallId) -> Result<(), GraphFault> {
        self.delete(self.url(call, &[])).await
    }

    /// Says that the bot still wants the call; see [`KeepAlive`](crate::KeepAlive).
    pub async fn keep_alive(&self, call: &CallId) -> Result<(), GraphFault> {
        self.post(call, &["keepAlive"], None::<&()>).await.map(drop)
    }

    /// Plays prompts. The operation is over when its notification comes.
    pub async fn play_prompt(
        &self,
        call: &CallId,
        mut request: PlayPromptRequest,
    ) -> Result<Operation, GraphFault> {
        check::play(&request)?;
        let context = self.own_context(call, &mut request.client_context);
        self.operation_asked_for(call, &["playPrompt"], &request, &context)
            .await
    }

    /// Asks to be told of every key press from now on.
    pub async fn subscribe_to_tone(&self, call: &CallId) -> Result<Operation, GraphFault> {
        self.asked_for(call, &["subscribeToTone"]).await
    }

    /// Records an answer. The operation is over when its notification comes.
    pub async fn record_response(
        &self,
        call: &CallId,
        mut request: RecordResponseRequest,
    ) -> Result<Operation, GraphFault> {
        check::record(&request)?;
        let context = self.own_context(call, &mut request.client_context);
        self.operation_asked_for(call, &["recordResponse"], &request, &context)
            .await
    }

    /// An operation as it is.
    pub async fn operation(
        &self,
        call: &CallId,
        operation: &OperationId,
    ) -> Result<Operation, GraphFault> {
        self.get(self.url(call, &["operations", operation.as_str()]))
            .await
    }

    /// Starts to download a recorded answer, with the location and the token its notification
    /// gave. What is larger than `limit` bytes fails. It is not retried: the caller knows how
    /// pressed for time it is.
    pub async fn recording(
        &self,
        location: &str,
        token: &Private<String>,
        limit: u64,
    ) -> Result<Recording, GraphFault> {
        recording::start(&self.0.http, location, token, limit).await
    }

    /// A context that leads back to the call: the bot's own, or a fresh one.
    pub(super) fn own_context(&self, call: &CallId, context: &mut Option<String>) -> String {
        if let Some(context) = context {
            self.0.contexts.keep(context, call);
            return context.clone();
        }
        let fresh = self.0.contexts.issue(call);
        *context = Some(fresh.clone());
        fresh
    }

    pub(super) async fn operation_asked_for(
        &self,
        call: &CallId,
        action: &[&str],
        request: &impl Serialize,
        context: &str,
    ) -> Result<Operation, GraphFault> {
        let asked = self.post(call, action, Some(request)).await;
        let operation = asked.and_then(|body| read::<Operation>(&body));
        let over = match &operation {
            Ok(operation) => operation.status.as_ref().is_some_and(|s| s.is_terminal()),
            Err(_) => true,
        };
        if over {
            // No notification will come for it.
            self.0.contexts.forget(context);
        }
        operation
    }

    /// Asks for what needs nothing but a context.
    pub(super) async fn asked_for(
        &self,
        call: &CallId,
        action: &[&str],
    ) -> Result<Operation, GraphFault> {
        let mut request = ContextRequest::default();
        let context = self.own_context(call, &mut request.client_context);
        self.operation_asked_for(call, action, &request, &context)
            .await
    }

    pub(super) async fn post(
        &self,
        call: &CallId,
        action: &[&str],
        body: Option<&impl Serialize>,
    ) -> Result<Bytes, GraphFault> {
        let body = body.map(written).transpose()?;
        self.send(Method::POST, self.url(call, action), body).await
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, url: Url) -> Result<T, GraphFault> {
        read(&self.send(Method::GET, url, None).await?)
    }

    pub(super) async fn write<T: DeserializeOwned>(
        &self,
        method: Method,
        url: Url,
        body: &impl Serialize,
    ) -> Result<T, GraphFault> {
        read(&self.send(method, url, Some(written(body)?)).await?)
    }

    pub(super) async fn delete(&self, url: Url) -> Result<(), GraphFault> {
        self.send(Method::DELETE, url, None).await.map(drop)
    }

    /// Something of a call.
    pub(super) fn url(&self, call: &CallId, rest: &[&str]) -> Url {
        let mut url = self.at(&CALLS);
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.push(call.as_str()).extend(rest);
        }
        url
    }

    /// Something of the API.
    pub(super) fn at(&self, path: &[&str]) -> Url {
        let mut url = self.0.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            // Each is escaped: an id from a notification cannot lead anywhere else.
            segments.pop_if_empty().extend(path);
        }
        url
    }

    pub(super) async fn send(
        &self,
        method: Method,
        url: Url,
        body: Option<Bytes>,
    ) -> Result<Bytes, GraphFault> {
        let shared = &*self.0;
        let request = || {
            let mut request = shared
                .http
                .request(method.clone(), url.clone())
                .timeout(ANSWER_WITHIN);
            if url.query().is_some() {
                // Asked for by `$search` and `$count`, and no harm to anything else.
                request = request.header("ConsistencyLevel", "eventual");
            }
            match &body {
                Some(body) => request
                    .header(CONTENT_TYPE, "application/json")
                    .body(body.clone()),
                // Said in so many words: some servers answer 411 otherwise.
                None if method == Method::POST => request.header(CONTENT_LENGTH, 0),
                None => request,
            }
        };
        let unanswered = match method {
            Method::GET => Unanswered::Again,
            _ => Unanswered::AgainIfUnconnected,
        };
        let answer = sending::send_with(&shared.token, &shared.http, request, unanswered).await;
        let answer = answer.map_err(NotAnswered::into_inner)?;
        match answer.status.is_success() {
            true => Ok(answer.body),
            false => Err(GraphFault::of(
                answer.status,
                answer.retry_after,
                &answer.body,
            )),
        }
    }
}

/// Where calls are, below the version.
const CALLS: [&str; 2] = ["communications", "calls"];

pub(super) fn written(body: &impl Serialize) -> Result<Bytes, GraphFault> {
    let body = serde_json::to_vec(body);
    let body = body.map_err(|error| GraphFault::Unreadable(error.to_string()))?;
    Ok(body.into())
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, GraphFault> {
    serde_json::from_slice(body).map_err(|error| GraphFault::Unreadable(error.to_string()))
}

/// The body of an answer that is known to be small.
pub(crate) async fn small_body(mut response: reqwest::Response) -> Result<Bytes, GraphFault> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(GraphFault::transport)? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(GraphFault::TooLarge {
                limit: ANSWER_BYTES_MAX as u64,
            });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
