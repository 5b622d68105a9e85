//! Whether the token that comes with a delivery is believed.
//!
//! The issuer's keys are fetched once for all deliveries and kept for two hours. A token with an
//! unknown key may mean that the issuer has a new one, so they are fetched again, but at most once
//! a minute: anybody can send such a token. One token comes with every delivery for an hour; its
//! signature is checked once.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwapOption;
use offhook_identity::{
    ActivityClaims, ActivityRules, KeySet, NotificationClaims, NotificationRules, PublicKey,
    Remembered, TokenFault,
};
use offhook_wire::openid::{JsonWebKey, JsonWebKeySet, OpenIdMetadata};
use serde::Deserialize as _;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::graph::SetupFault;
use crate::http_client;
use crate::limits::{
    ANSWER_WITHIN, KEY_DOCUMENT_BYTES_MAX, KEYS_KEPT, KEYS_REFETCHED_AT_MOST_EVERY,
};

/// Where the keys come from that deliveries are checked with.
///
/// ```
/// use offhook_bot::{Keys, RouterConfig};
///
/// // Fetched when the first delivery comes, and again when they change.
/// assert!(matches!(RouterConfig::new("an app id").keys, Keys::Published));
/// ```
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
pub(crate) enum NotBelieved {
    #[error("{0}")]
    Token(TokenFault),
    #[error("the issuer's keys could not be fetched")]
    NoKeys,
}

/// What tokens must satisfy.
pub(crate) trait Rules {
    /// What a good one says.
    type Claims: Clone;

    fn check(
        &self,
        token: &str,
        keys: &KeySet,
        now: SystemTime,
    ) -> Result<Self::Claims, TokenFault>;

    fn expires_at(claims: &Self::Claims) -> SystemTime;
}

impl Rules for NotificationRules {
    type Claims = NotificationClaims;

    fn check(
        &self,
        token: &str,
        keys: &KeySet,
        now: SystemTime,
    ) -> Result<NotificationClaims, TokenFault> {
        Self::check(self, token, keys, now)
    }

    fn expires_at(claims: &NotificationClaims) -> SystemTime {
        claims.expires_at
    }
}

impl Rules for ActivityRules {
    type Claims = ActivityClaims;

    fn check(
        &self,
        token: &str,
        keys: &KeySet,
        now: SystemTime,
    ) -> Result<ActivityClaims, TokenFault> {
        Self::check(self, token, keys, now)
    }

    fn expires_at(claims: &ActivityClaims) -> SystemTime {
        claims.expires_at
    }
}

pub(crate) struct KeyCache<R: Rules> {
    rules: R,
    source: Option<Source>,
    kept: ArcSwapOption<Kept>,
    /// When keys were last asked for; holding it is the right to ask.
    asked: tokio::sync::Mutex<Option<Instant>>,
    remembered: Mutex<Remembered<R::Claims>>,
}

struct Source {
    http: reqwest::Client,
    metadata_url: String,
}

struct Kept {
    keys: KeySet,
    until: Option<Instant>,
}

impl<R: Rules> KeyCache<R> {
    /// With these keys, or those the metadata leads to. With a CA file only that authority is believed.
    pub(crate) fn new(
        rules: R,
        keys: &Keys,
        metadata_url: &str,
        ca_file: Option<&Path>,
    ) -> Result<Self, SetupFault> {
        let (source, kept) = match keys {
            Keys::Fixed(keys) => {
                let keys = keys.clone();
                (None, Some(Arc::new(Kept { keys, until: None })))
            }
            Keys::Published => {
                let http = http_client::for_address(metadata_url, ca_file)?;
                let metadata_url = metadata_url.to_owned();
                (Some(Source { http, metadata_url }), None)
            }
        };
        Ok(Self {
            rules,
            source,
            kept: ArcSwapOption::new(kept),
            asked: tokio::sync::Mutex::default(),
            remembered: Mutex::default(),
        })
    }

    pub(crate) async fn check(&self, token: &str) -> Result<R::Claims, NotBelieved> {
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
            .keep(token, claims.clone(), R::expires_at(&claims));
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

    fn remembered(&self) -> std::sync::MutexGuard<'_, Remembered<R::Claims>> {
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
    let endorsements = key.extra.get("endorsements");
    let endorsements: Vec<String> = endorsements
        .and_then(|channels| Vec::deserialize(channels).ok())
        .unwrap_or_default();
    both.into_iter()
        .flatten()
        .map(|kid| PublicKey {
            kid,
            n: n.clone(),
            e: e.clone(),
            endorsements: endorsements.clone(),
        })
        .collect()
}
