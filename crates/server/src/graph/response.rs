//! Responses: their headers, and the body of a refusal.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use offhook_terms::CallId;
use offhook_wire::graph::{ErrorEnvelope, InnerError};

use super::Refused;
use crate::clock;
use crate::http::{Door, Via};

const JSON: HeaderValue = HeaderValue::from_static(
    "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8",
);
const TEXT: HeaderValue = HeaderValue::from_static("text/plain;charset=utf-8");

/// Which machine answered: of no use to anybody, and there in every answer of the published service.
const DIAGNOSTIC: HeaderValue = HeaderValue::from_static(
    r#"{"ServerInfo":{"DataCenter":"Offhook","Slice":"E","Ring":"1","ScaleUnit":"000","RoleInstance":"offhook"}}"#,
);
const AGS_DIAGNOSTIC: HeaderName = HeaderName::from_static("x-ms-ags-diagnostic");
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");
const SCENARIO_ID: HeaderName = HeaderName::from_static("scenario-id");
const ODATA_VERSION: HeaderName = HeaderName::from_static("odata-version");
const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");

/// The names of a request: ours, the client's, and the scenario it belongs to.
pub(super) struct Ids {
    request: HeaderValue,
    client: Option<HeaderValue>,
    scenario: Option<HeaderValue>,
}

impl Ids {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        Self {
            client: echoed(headers, &CLIENT_REQUEST_ID),
            scenario: echoed(headers, &SCENARIO_ID),
            ..Self::fresh()
        }
    }

    pub(super) fn fresh() -> Self {
        let id = CallId::from_random(rand::random()).to_string();
        Self {
            request: HeaderValue::try_from(id).expect("a GUID is a header value"),
            client: None,
            scenario: None,
        }
    }

    fn client(&self) -> &HeaderValue {
        self.client.as_ref().unwrap_or(&self.request)
    }
}

/// What a client calls its request, if it can be repeated without harm.
fn echoed(headers: &HeaderMap, name: &HeaderName) -> Option<HeaderValue> {
    let value = headers.get(name)?;
    let text = value.to_str().ok()?;
    (!text.is_empty() && text.len() <= 128).then(|| value.clone())
}

/// What is answered to a request that was done.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(super) body: Option<String>,
    /// The body is text, not JSON.
    pub(super) is_text: bool,
    pub(crate) location: Option<String>,
    pub(super) deprecated: bool,
    /// The conversation it was about.
    pub(super) chain: Option<CallId>,
}

impl Answer {
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            body: None,
            is_text: false,
            location: None,
            deprecated: false,
            chain: None,
        }
    }

    pub(crate) fn body(body: String) -> Self {
        Self {
            body: Some(body),
            ..Self::empty(StatusCode::OK)
        }
    }

    pub(crate) fn text(text: String) -> Self {
        Self {
            is_text: true,
            ..Self::body(text)
        }
    }
}

/// A response. An empty body carries no content type: one widespread client would try to parse it.
pub(super) fn done(answer: Answer, ids: &Ids) -> Response {
    let has_body = answer.body.is_some();
    let kind = if answer.is_text { TEXT } else { JSON };
    let mut response = Response::new(answer.body.map_or_else(Body::empty, Body::from));
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    common(headers, ids, answer.chain);
    if has_body {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    if let Some(location) = answer
        .location
        .and_then(|at| HeaderValue::try_from(at).ok())
    {
        headers.insert(header::LOCATION, location);
    }
    if answer.deprecated {
        // RFC 9745 §2.1: since when, 2021-01-01, the year the successor was published.
        headers.insert(DEPRECATION, HeaderValue::from_static("@1609459200"));
    }
    response
}

/// Over TLS, says that there is no other way.
pub(super) fn secure(headers: &mut HeaderMap, via: Via) {
    if via.door == Door::Https {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
}

fn common(headers: &mut HeaderMap, ids: &Ids, chain: Option<CallId>) {
    headers.insert(REQUEST_ID, ids.request.clone());
    headers.insert(CLIENT_REQUEST_ID, ids.client().clone());
    headers.insert(AGS_DIAGNOSTIC, DIAGNOSTIC);
    headers.insert(ODATA_VERSION, HeaderValue::from_static("4.0"));
    let scenario = ids.scenario.clone().or_else(|| {
        let chain = chain?.to_string();
        HeaderValue::try_from(chain).ok()
    });
    if let Some(scenario) = scenario {
        headers.insert(SCENARIO_ID, scenario);
    }
}

/// The response to a request that was not done.
pub(super) fn refusal(refused: &Refused, ids: &Ids) -> Response {
    let now = time::OffsetDateTime::from(clock::wall());
    let mut envelope = ErrorEnvelope::new(refused.code, refused.message.as_str());
    envelope.error.inner_error = Some(InnerError {
        // UTC, though the published service does not say so either.
        date: Some(format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            now.year(),
            u8::from(now.month()),
            now.day(),
            now.hour(),
            now.minute(),
            now.second()
        )),
        request_id: text(&ids.request),
        client_request_id: text(ids.client()),
    });
    let body = serde_json::to_string(&envelope).expect("an error is text, which always prints");
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = refused.status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    common(headers, ids, None);
    if refused.status == StatusCode::UNAUTHORIZED {
        // No `claims` in it: one client would try again at once.
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(wait) = refused.retry_after {
        // Whole seconds: some clients cannot read anything else.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    if let Some(allow) = refused
        .allow
        .as_deref()
        .and_then(|allow| allow.try_into().ok())
    {
        headers.insert(header::ALLOW, allow);
    }
    response
}

fn text(value: &HeaderValue) -> Option<String> {
    value.to_str().ok().map(str::to_owned)
}

/// The response to a request that a fault of ours spoiled.
pub(crate) fn fault() -> Response {
    refusal(&Refused::fault(), &Ids::fresh())
}
