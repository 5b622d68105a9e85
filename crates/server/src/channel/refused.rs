//! Why a request of a bot is refused, in the connector's words.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use crate::login::NotLetIn;

/// A refusal (Connector REST API: error response).
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    code: &'static str,
    message: String,
}

impl Refused {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    pub(super) fn no_conversation() -> Self {
        let message = "There is no such conversation, or no more.";
        Self::new(StatusCode::NOT_FOUND, "ConversationNotFound", message)
    }

    pub(super) fn no_member() -> Self {
        let message = "There is no such member in the conversation.";
        Self::new(StatusCode::NOT_FOUND, "MemberNotFound", message)
    }

    pub(super) fn no_attachment() -> Self {
        let message = "There is no such attachment, or no more.";
        Self::new(StatusCode::NOT_FOUND, "AttachmentNotFound", message)
    }

    pub(super) fn no_route() -> Self {
        let message = "The connector has no such address; see docs/telephony-channel.md.";
        Self::new(StatusCode::NOT_FOUND, "NotFound", message)
    }

    pub(super) fn method() -> Self {
        let message = "The connector does not take this method here.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
    }

    pub(super) fn not_supported(what: &str) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "NotSupported", what)
    }

    /// The bot is somebody, and the conversation is somebody else's.
    pub(super) fn not_yours() -> Self {
        let message = "The conversation is another bot's.";
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message)
    }

    pub(super) fn not_let_in(why: NotLetIn) -> Self {
        let message = match why {
            NotLetIn::Token(fault) => format!("The token is not accepted: {fault}."),
            NotLetIn::NotRegistered => "The application is not registered here.".to_owned(),
            NotLetIn::Delegated => "The token is on somebody's behalf.".to_owned(),
        };
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", message)
    }

    /// The address has no key that opens anything.
    pub(super) fn wrong_key() -> Self {
        let message = "Answer at the 'serviceUrl' of the activity, path included.";
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", message)
    }

    pub(super) fn syntax(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadSyntax", message)
    }

    pub(super) fn argument(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadArgument", message)
    }

    pub(super) fn missing(field: &str) -> Self {
        let message = format!("The property '{field}' is missing.");
        Self::new(StatusCode::BAD_REQUEST, "MissingProperty", message)
    }

    pub(super) fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "MessageSizeTooBig", message)
    }

    /// More is waiting to be spoken than is held.
    pub(super) fn too_much() -> Self {
        let message = "The caller has not heard what was said before; wait for some of it.";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "TooManyMessages", message)
    }

    pub(super) fn too_many_calls() -> Self {
        let message = "The bot has as many calls as it may.";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "TooManyCalls", message)
    }

    pub(super) fn unavailable() -> Self {
        let message = "The platform is going down.";
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "ServiceUnavailable",
            message,
        )
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = json!({ "error": { "code": self.code, "message": self.message } });
        let json = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
        let mut response = (self.status, json, body.to_string()).into_response();
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            let soon = HeaderValue::from_static("1");
            response.headers_mut().insert(header::RETRY_AFTER, soon);
        }
        response
    }
}
