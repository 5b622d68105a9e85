//! The body of a refusal.

use serde::{Deserialize, Serialize};

/// `{"error": {…}}`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorEnvelope {
    /// What was wrong.
    pub error: ErrorBody,
}

/// What was wrong. The code is always text, even where it is a number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ErrorBody {
    /// Such as `8522` or `InvalidAuthenticationToken`.
    pub code: String,
    /// A sentence.
    pub message: String,
    /// When, and which request it was.
    #[serde(alias = "innererror", skip_serializing_if = "Option::is_none")]
    pub inner_error: Option<InnerError>,
}

/// When, and which request it was.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InnerError {
    /// `2026-01-31T12:00:00`: UTC, though it does not say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// The platform's name for the request.
    #[serde(rename = "request-id", skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The client's name for the request.
    #[serde(rename = "client-request-id", skip_serializing_if = "Option::is_none")]
    pub client_request_id: Option<String>,
}

impl ErrorEnvelope {
    /// A refusal with its code and sentence.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        let error = ErrorBody {
            code: code.into(),
            message: message.into(),
            inner_error: None,
        };
        Self { error }
    }
}
