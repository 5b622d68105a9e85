//! The token endpoint's bodies (RFC 6749 §4.4, §5), as the Microsoft identity platform words them.

use offhook_terms::Private;
use serde::{Deserialize, Serialize};

use crate::private;

/// The form a client posts. Everything is an `Option`: the endpoint names what is missing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenRequest {
    /// `client_credentials`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_type: Option<String>,
    /// The app id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Its secret.
    #[serde(with = "private::option", skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<Private<String>>,
    /// `https://graph.microsoft.com/.default` and its variants (v2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// `https://graph.microsoft.com` (v1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
}

/// A granted token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenResponse {
    /// `Bearer`
    pub token_type: String,
    /// Seconds it is good for.
    pub expires_in: u64,
    /// Seconds it may be used for while the issuer is down.
    #[serde(default)]
    pub ext_expires_in: u64,
    /// The token.
    #[serde(with = "private::plain")]
    pub access_token: Private<String>,
}

/// A refused token.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OAuthError {
    /// Such as `invalid_client`.
    pub error: String,
    /// `AADSTS7000215: …`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_description: Option<String>,
    /// `[7000215]`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub error_codes: Vec<i64>,
    /// `2026-01-31 12:00:00Z`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// The endpoint's name for the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// The client's name for the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
}
