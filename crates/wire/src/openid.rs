//! OpenID metadata and key sets (RFC 7517).

use serde::{Deserialize, Serialize};

use crate::Extra;

/// Where an issuer's endpoints and keys are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OpenIdMetadata {
    /// Who signs.
    pub issuer: String,
    /// Where people sign in; required by clients that never go there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_endpoint: Option<String>,
    /// Where tokens are granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint: Option<String>,
    /// Where the keys are.
    pub jwks_uri: String,
    /// How tokens are signed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub id_token_signing_alg_values_supported: Vec<String>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The keys of an issuer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct JsonWebKeySet {
    /// The keys, newest first in what we send.
    pub keys: Vec<JsonWebKey>,
}

/// One public key. Only RSA keys are used; others are kept and ignored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct JsonWebKey {
    /// `RSA`
    pub kty: String,
    /// `sig`
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub usage: Option<String>,
    /// `RS256`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// A certificate's thumbprint; many issuers repeat the name here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x5t: Option<String>,
    /// The modulus, base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    /// The exponent, base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}
