//! OpenID metadata and key sets, at the addresses that existing clients look for them.

use std::sync::{Arc, PoisonError};

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, Uri, header};
use offhook_identity::NOTIFICATION_ISSUER;
use offhook_wire::activity::CHANNEL;
use offhook_wire::openid::{JsonWebKey, JsonWebKeySet, OpenIdMetadata};

use super::{Login, issuer};
use crate::http::Via;

/// `GET /{tenant}/v2.0/.well-known/openid-configuration`
pub(super) async fn of_tenant(
    State(login): State<Arc<Login>>,
    Extension(via): Extension<Via>,
    Path(tenant): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let base = login.base.of_request(&headers, &uri, via);
    // Whatever was asked for, what comes back is safe inside a URL.
    let tenant: String = tenant
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'))
        .take(128)
        .collect();
    let mut metadata = OpenIdMetadata {
        // Where the request came to, because clients believe only an issuer at their authority's
        // own origin. Tokens name the platform's one, as Microsoft's of the first version do.
        issuer: issuer(&base, &tenant),
        authorization_endpoint: Some(format!("{base}/{tenant}/oauth2/v2.0/authorize")),
        token_endpoint: Some(format!("{base}/{tenant}/oauth2/v2.0/token")),
        jwks_uri: format!("{base}/{tenant}/discovery/v2.0/keys"),
        id_token_signing_alg_values_supported: vec!["RS256".to_owned()],
        ..OpenIdMetadata::default()
    };
    let methods = ["client_secret_post", "client_secret_basic"];
    metadata
        .extra
        .insert("token_endpoint_auth_methods_supported", methods.to_vec());
    metadata
        .extra
        .insert("response_types_supported", vec!["token"]);
    metadata
        .extra
        .insert("subject_types_supported", vec!["pairwise"]);
    json(&metadata)
}

/// `GET /v1/.well-known/OpenIdConfiguration`: who signs notifications.
pub(super) async fn of_notifications(
    State(login): State<Arc<Login>>,
    Extension(via): Extension<Via>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let base = login.base.of_request(&headers, &uri, via);
    json(&OpenIdMetadata {
        issuer: NOTIFICATION_ISSUER.to_owned(),
        jwks_uri: format!("{base}/v1/.well-known/keys"),
        id_token_signing_alg_values_supported: vec!["RS256".to_owned()],
        ..OpenIdMetadata::default()
    })
}

/// The published halves of our keys.
pub(super) async fn keys(State(login): State<Arc<Login>>) -> Response {
    let published = login
        .keys
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .published
        .clone();
    let endorsed = |mut key: JsonWebKey| {
        // Bots of the Bot Framework believe a key only for the channels it names.
        key.extra.insert("endorsements", vec![CHANNEL]);
        key
    };
    let keys = published.into_iter().map(|key| JsonWebKey {
        kty: "RSA".to_owned(),
        usage: Some("sig".to_owned()),
        alg: Some("RS256".to_owned()),
        x5t: Some(key.kid.clone()),
        kid: Some(key.kid),
        n: Some(key.n),
        e: Some(key.e),
        ..JsonWebKey::default()
    });
    json(&JsonWebKeySet {
        keys: keys.map(endorsed).collect(),
    })
}

fn json(body: &impl serde::Serialize) -> Response {
    let body = serde_json::to_string(body).expect("metadata is plain data, which always prints");
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}
