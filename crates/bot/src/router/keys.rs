//! Whether a delivery's token is believed.
//!
//! The issuer's keys are fetched once for all deliveries and kept for two hours. A token with an
//! unknown key may mean that the issuer has a new one, so they are fetched again, but at most once
//! a minute: anybody can send such a token. One token comes with every delivery for an hour; its
//! signature is checked once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwapOption;
use offhook_identity::{
    KeySet, NotificationClaims, NotificationRules, PublicKey, Remembered, TokenFault,
};
use offhook_wire::openid::{JsonWebKey, JsonWebKeySet, OpenIdMetadata};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::RouterConfig;
use crate::graph::SetupFault;
use crate::http_client;
use crate::limits::{
    ANSWER_WITHIN, KEY_DOCUMENT_BYTES_MAX, KEYS_KEPT, KEYS_REFETCHED_AT_MOST_EVERY,
};

/// Where the keys come from that deliveries are checked with.
#[derive(Debug, Clone, Default)]
pub enum Keys {
    /// From where the issuer's metadata says, fetched and kept.
    #[default]
    Published,
    /// These, for ever: for tests and for issuers without metadata.
    Fixed(KeySet),
}

/// Why a delivery is not believed.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotBelieved {
    #[error("{0}")]
    Token(TokenFault),
    #[error("the issuer's keys could not be fetched")]
    NoKeys,
}

pub(super) struct KeyCache {
    rules: NotificationRules,
    source: Option<Source>,
    kept: ArcSwapOption<Kept>,
    /// When keys were last asked for; holding it is the right to ask.
    asked: tokio::sync::Mutex<Option<Instant>>,
    remembered: Mutex<Remembered<NotificationClaims>>,
}

struct Source {
    http: reqwest::Client,
    metadata_url: String,
}

struct Kept {
    keys: KeySet,
    until: Option<Instant>,
}

impl KeyCache {
    pub(super) fn new(config: &RouterConfig) -> Result<Self, SetupFault> {
        let (source, kept) = match &config.keys {
            Keys::Fixed(keys) => {
                let keys = keys.clone();
                (None, Some(Arc::new(Kept { keys, until: None })))
            }
            Keys::Published => {
                let url = &config.metadata_url;
                let http = http_client::for_address(url, config.ca_file.as_deref())?;
                let metadata_url = url.clone();
                (Some(Source { http, metadata_url }), None)
            }
        };
        Ok(Self {
            rules: config.rules.clone(),
            source,
            kept: ArcSwapOption::new(kept),
            asked: tokio::sync::Mutex::default(),
            remembered: Mutex::default(),
        })
    }

    pub(super) async fn check(&self, token: &str) -> Result<NotificationClaims, NotBelieved> {
        let now = SystemTime::now();
        if let Some(claims) = self.remembered().get(token, now) {
            return Ok(claims);
        }
        let kept = self.keys().await?;
        let checked = match self.rules.check(token, &kept.keys, now) {
            Err(TokenFault::UnknownKey) => match self.newer_than(&kept).await {
                Some(newer) => self.rules.check(token, &newer.keys, now),
                None => Err(TokenFault::UnknownKey),
            },
            checked => checked,
        };
        let claims = checked.map_err(NotBelieved::Token)?;
        self.remembered()
            .keep(token, claims.clone(), claims.expires_at);
        Ok(claims)
    }

    /// The keys, fetched if there are none or they are old. Old ones are better than none.
    async fn keys(&self) -> Result<Arc<Kept>, NotBelieved> {
        let kept = self.kept.load_full();
        match kept {
            Some(kept) if kept.until.is_none_or(|until| Instant::now() < until) => Ok(kept),
            Some(old) => Ok(self.newer_than(&old).await.unwrap_or(old)),
            None => self.first().await.ok_or(NotBelieved::NoKeys),
        }
    }

    async fn first(&self) -> Option<Arc<Kept>> {
        let mut asked = self.asked.lock().await;
        // Another may have fetched them while we waited.
        if let Some(kept) = self.kept.load_full() {
            return Some(kept);
        }
        // Without any keys nothing works, so there is no minute to wait.
        *asked = Some(Instant::now());
        self.fetch().await
    }

    async fn newer_than(&self, old: &Arc<Kept>) -> Option<Arc<Kept>> {
        self.source.as_ref()?;
        let mut asked = self.asked.lock().await;
        let kept = self.kept.load_full()?;
        if !Arc::ptr_eq(&kept, old) {
            return Some(kept);
        }
        let just_asked = |at: Instant| at.elapsed() < KEYS_REFETCHED_AT_MOST_EVERY;
        if asked.is_some_and(just_asked) {
            return None;
        }
        *asked = Some(Instant::now());
        self.fetch().await
    }

    async fn fetch(&self) -> Option<Arc<Kept>> {
        let source = self.source.as_ref()?;
        match source.published().await {
            Ok(keys) => {
                let until = Some(Instant::now() + KEYS_KEPT);
                let kept = Arc::new(Kept { keys, until });
                self.kept.store(Some(Arc::clone(&kept)));
                // What a withdrawn key signed is not believed any more.
                self.remembered().clear();
                Some(kept)
            }
            Err(why) => {
                tracing::warn!(%why, "the issuer's keys could not be fetched");
                None
            }
        }
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, Remembered<NotificationClaims>> {
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source {
    async fn published(&self) -> Result<KeySet, String> {
        let metadata: OpenIdMetadata = self.document(&self.metadata_url).await?;
        let set: JsonWebKeySet = self.document(&metadata.jwks_uri).await?;
        let keys = KeySet::new(set.keys.into_iter().flat_map(named));
        if keys.is_empty() {
            return Err("the key set has no usable key".into());
        }
        Ok(keys)
    }

    async fn document<T: DeserializeOwned>(&self, url: &str) -> Result<T, String> {
        let request = self.http.get(url).timeout(ANSWER_WITHIN).send();
        let mut response = request
            .await
            .and_then(reqwest::Response::error_for_status)
            .map_err(|error| error.to_string())?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| error.to_string())? {
            if body.len() + chunk.len() > KEY_DOCUMENT_BYTES_MAX {
                return Err(format!("{url} is too long"));
            }
            body.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&body).map_err(|error| format!("{url}: {error}"))
    }
}

/// The key under each name tokens may call it by.
fn named(key: JsonWebKey) -> Vec<PublicKey> {
    let (Some(n), Some(e), "RSA") = (key.n, key.e, key.kty.as_str()) else {
        return Vec::new();
    };
    let both = [
        key.kid.clone(),
        key.x5t.filter(|x5t| key.kid.as_ref() != Some(x5t)),
    ];
    both.into_iter()
        .flatten()
        .map(|kid| PublicKey {
            kid,
            n: n.clone(),
            e: e.clone(),
        })
        .collect()
}
