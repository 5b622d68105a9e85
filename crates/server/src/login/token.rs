//! The token endpoint (RFC 6749 §4.4), with the words of the Microsoft identity platform.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use offhook_identity::{AccessGrant, GRAPH_AUDIENCES};
use offhook_terms::{CallId, Private};
use offhook_wire::oauth::{OAuthError, TokenRequest, TokenResponse};

use super::{Login, issuer};
use crate::http::Via;
use crate::registry::Bot;
use crate::{clock, limits};

/// The audience of tokens for the Bot Framework connector.
const CONNECTOR_AUDIENCE: &str = "https://api.botframework.com";

/// `POST /{tenant}/oauth2/v2.0/token`
pub(super) async fn v2(
    State(login): State<Arc<Login>>,
    Extension(via): Extension<Via>,
    Path(tenant): Path<String>,
    request: Request,
) -> Response {
    grant(&login, via, &tenant, request, Version::V2).await
}

/// `POST /{tenant}/oauth2/token`, of older libraries
pub(super) async fn v1(
    State(login): State<Arc<Login>>,
    Extension(via): Extension<Via>,
    Path(tenant): Path<String>,
    request: Request,
) -> Response {
    grant(&login, via, &tenant, request, Version::V1).await
}

#[derive(Clone, Copy)]
enum Version {
    /// With a `resource`.
    V1,
    /// With a `scope`.
    V2,
}

async fn grant(
    login: &Login,
    via: Via,
    tenant: &str,
    request: Request,
    version: Version,
) -> Response {
    let (parts, body) = request.into_parts();
    let correlation = parts
        .headers
        .get("client-request-id")
        .and_then(|id| id.to_str().ok())
        .and_then(|id| id.parse::<CallId>().ok());
    let host = parts
        .uri
        .authority()
        .map(|authority| authority.host().to_owned());
    let host = host.or_else(|| {
        let host = parts.headers.get(header::HOST)?.to_str().ok()?;
        Some(host.to_owned())
    });
    let asked = match read(&parts.headers, body).await {
        Ok(form) => asked(login, form, tenant, version, host.as_deref()),
        Err(refused) => Err(refused),
    };
    let answer = match asked {
        Ok(asked) => prove(login, via, asked),
        Err(refused) => Err(refused),
    };
    match answer {
        Ok(granted) => success(&granted),
        Err(refused) => refused.into_response(correlation),
    }
}

/// Why no token is granted.
struct Refused {
    status: StatusCode,
    error: &'static str,
    code: i64,
    what: String,
    retry_after: Option<Duration>,
}

impl Refused {
    fn new(status: StatusCode, error: &'static str, code: i64, what: impl Into<String>) -> Self {
        Self {
            status,
            error,
            code,
            what: what.into(),
            retry_after: None,
        }
    }

    fn missing(name: &str) -> Self {
        let what = format!("The request body must contain the following parameter: '{name}'.");
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", 900_144, what)
    }

    fn into_response(self, correlation: Option<CallId>) -> Response {
        let trace = CallId::from_random(rand::random()).to_string();
        let correlation = correlation.map_or_else(|| trace.clone(), |id| id.to_string());
        let timestamp = timestamp();
        let body = OAuthError {
            error: self.error.to_owned(),
            error_description: Some(format!(
                "AADSTS{}: {} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {timestamp}",
                self.code, self.what
            )),
            error_codes: vec![self.code],
            timestamp: Some(timestamp),
            trace_id: Some(trace),
            correlation_id: Some(correlation),
        };
        let mut response = json(self.status, &body);
        if let Some(wait) = self.retry_after {
            let seconds = HeaderValue::from(wait.as_secs() + 1);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 6749 §5.2 wants the scheme named.
            let basic = HeaderValue::from_static("Basic realm=\"offhook\"");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, basic);
        }
        response
    }
}

async fn read(headers: &HeaderMap, body: Body) -> Result<TokenRequest, Refused> {
    let unreadable = || {
        let what = "The request body must be a form (application/x-www-form-urlencoded).";
        Refused::new(StatusCode::BAD_REQUEST, "invalid_request", 900_144, what)
    };
    let reading = axum::body::to_bytes(body, limits::REQUEST_BODY_BYTES_MAX);
    let body = tokio::time::timeout(limits::REQUEST_BODY_WITHIN, reading)
        .await
        .map_err(|_| unreadable())?
        .map_err(|_| unreadable())?;
    let mut form = TokenRequest::default();
    for (name, value) in url::form_urlencoded::parse(&body) {
        let field = match &*name {
            "grant_type" => &mut form.grant_type,
            "client_id" => &mut form.client_id,
            "scope" => &mut form.scope,
            "resource" => &mut form.resource,
            "client_secret" => {
                form.client_secret = Some(Private::new(value.into_owned()));
                continue;
            }
            // Libraries add their own: `client_info`, `claims`, telemetry.
            _ => continue,
        };
        *field = Some(value.into_owned());
    }
    if let Some((id, secret)) = basic(headers) {
        form.client_id.get_or_insert(id);
        form.client_secret.get_or_insert(secret);
    }
    Ok(form)
}

/// RFC 6749 §2.3.1: a client may name itself in a header instead.
fn basic(headers: &HeaderMap) -> Option<(String, Private<String>)> {
    let header = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let plain = |text: &str| {
        let form = format!("v={text}");
        let mut pairs = url::form_urlencoded::parse(form.as_bytes());
        pairs.next().map(|(_, value)| value.into_owned())
    };
    Some((plain(id)?, Private::new(plain(secret)?)))
}

struct Asked {
    secret: Private<String>,
    bot: Arc<Bot>,
    audience: &'static str,
}

/// What is asked for, if it can be had at all.
fn asked(
    login: &Login,
    form: TokenRequest,
    tenant: &str,
    version: Version,
    host: Option<&str>,
) -> Result<Asked, Refused> {
    let bad = StatusCode::BAD_REQUEST;
    let given = |value: Option<String>| value.filter(|value| !value.is_empty());
    let grant_type = given(form.grant_type).ok_or_else(|| Refused::missing("grant_type"))?;
    if grant_type != "client_credentials" {
        let what = "The app requested an unsupported grant type: only 'client_credentials' is \
                    granted here.";
        return Err(Refused::new(bad, "unsupported_grant_type", 70_003, what));
    }
    let client_id = given(form.client_id).ok_or_else(|| Refused::missing("client_id"))?;
    let secret = form
        .client_secret
        .filter(|secret| !secret.reveal().is_empty())
        .ok_or_else(|| Refused::missing("client_secret"))?;
    let unknown_app = || {
        let what = "The application that this client_id names was not found in the directory.";
        Refused::new(bad, "unauthorized_client", 700_016, what)
    };
    let bot = client_id
        .parse()
        .ok()
        .and_then(|app| login.registry.bot(app))
        .filter(|bot| is_tenant_of(tenant, bot))
        .cloned()
        .ok_or_else(unknown_app)?;
    let (wanted, name) = match version {
        Version::V1 => (given(form.resource), "resource"),
        Version::V2 => (given(form.scope), "scope"),
    };
    let wanted = wanted.ok_or_else(|| Refused::missing(name))?;
    let audience = match version {
        Version::V1 => audience(&wanted, &bot, host),
        Version::V2 => wanted
            .split_whitespace()
            .find_map(|scope| scope.strip_suffix("/.default"))
            .and_then(|resource| audience(resource, &bot, host)),
    };
    let audience = audience.ok_or_else(|| {
        let what = format!(
            "The provided value for the input parameter '{name}' is not valid: wanted is \
             'https://graph.microsoft.com/.default' or 'https://api.botframework.com/.default'."
        );
        Refused::new(bad, "invalid_scope", 70_011, what)
    })?;
    Ok(Asked {
        secret,
        bot,
        audience,
    })
}

/// A tenant's id must be the bot's; domains and the common names lead to whatever it is.
fn is_tenant_of(tenant: &str, bot: &Bot) -> bool {
    match tenant.parse::<CallId>() {
        Ok(id) => id.to_string() == bot.tenant,
        Err(_) => true,
    }
}

/// Whom a token for `resource` is for. Some clients derive the resource from the host they talk
/// to, and one sample builds a doubled slash.
fn audience(resource: &str, bot: &Bot, host: Option<&str>) -> Option<&'static str> {
    let resource = resource.trim_end_matches('/');
    if resource.eq_ignore_ascii_case(CONNECTOR_AUDIENCE) {
        return Some(CONNECTOR_AUDIENCE);
    }
    let graph = GRAPH_AUDIENCES
        .iter()
        .any(|known| resource.eq_ignore_ascii_case(known));
    let itself = resource
        .trim_start_matches("api://")
        .parse()
        .is_ok_and(|app: offhook_terms::AppId| app == bot.app);
    let bare = |text: &str| {
        let text = text.rsplit_once(':').map_or(text, |(host, port)| {
            if port.bytes().all(|b| b.is_ascii_digit()) {
                host
            } else {
                text
            }
        });
        text.to_ascii_lowercase()
    };
    let this_host = resource.split_once("://").is_some_and(|(_, authority)| {
        let authority = bare(authority);
        let local = ["localhost", "127.0.0.1", "[::1]"].contains(&authority.as_str());
        local || host.is_some_and(|host| bare(host) == authority)
    });
    (graph || itself || this_host).then_some(GRAPH_AUDIENCES[0])
}

/// The secret last: everything else can be corrected without guessing.
fn prove(login: &Login, via: Via, asked: Asked) -> Result<TokenResponse, Refused> {
    let from = via.peer.ip();
    let mut throttle = login
        .throttle
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if let Some(wait) = throttle.must_wait(from, asked.bot.app, clock::now()) {
        let what = "Too many failed attempts for this application from this address.";
        let status = StatusCode::TOO_MANY_REQUESTS;
        let refused = Refused::new(status, "temporarily_unavailable", 50_196, what);
        return Err(Refused {
            retry_after: Some(wait),
            ..refused
        });
    }
    if !asked.bot.secret_hash.matches(asked.secret.reveal()) {
        throttle.failed(from, asked.bot.app, clock::now());
        metrics::counter!("offhook_login_failures_total").increment(1);
        tracing::info!(bot = %asked.bot.app, "a token was refused: wrong client secret");
        let what = format!(
            "Invalid client secret provided for app '{}'. Ensure the secret being sent in the \
             request is the client secret value, not the client secret ID.",
            asked.bot.app
        );
        let status = StatusCode::UNAUTHORIZED;
        return Err(Refused::new(status, "invalid_client", 7_000_215, what));
    }
    drop(throttle);
    let grant = AccessGrant {
        audience: asked.audience.to_owned(),
        lifetime: login.lifetime(),
        ..AccessGrant::new(
            issuer(login.base.own(), &asked.bot.tenant),
            asked.bot.app.to_string(),
            asked.bot.tenant.as_str(),
            asked.bot.roles.names(),
        )
    };
    let keys = login.keys.read().unwrap_or_else(PoisonError::into_inner);
    let minted = grant.issue(&keys.signing, clock::wall()).map_err(|why| {
        tracing::error!(%why, "a token could not be signed");
        let what = "The token could not be signed.";
        Refused::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "server_error",
            90_033,
            what,
        )
    })?;
    Ok(TokenResponse {
        token_type: "Bearer".to_owned(),
        expires_in: login.lifetime().as_secs(),
        ext_expires_in: login.lifetime().as_secs(),
        access_token: minted.token,
    })
}

fn success(granted: &TokenResponse) -> Response {
    let mut response = json(StatusCode::OK, granted);
    // RFC 6749 §5.1: nobody may keep it.
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
        .headers_mut()
        .insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

fn json(status: StatusCode, body: &impl serde::Serialize) -> Response {
    let body =
        serde_json::to_string(body).expect("a token body is plain data, which always prints");
    let json = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    (status, json, body).into_response()
}

/// `2026-01-31 12:00:00Z`
fn timestamp() -> String {
    let now = time::OffsetDateTime::from(clock::wall());
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}Z",
        now.year(),
        u8::from(now.month()),
        now.day(),
        now.hour(),
        now.minute(),
        now.second()
    )
}
