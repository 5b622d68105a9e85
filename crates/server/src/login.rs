//! The platform is its own issuer: it grants access tokens, publishes its keys, and guards every
//! route with them.
//!
//! ```text
//!   bot ── client id + secret ──▶ token endpoint (token.rs) ──▶ access token, RS256
//!   bot ── access token ────────▶ guard (here) ──▶ who calls, and what it may do
//!   bot ◀── notification token ── outbox, signed with the same keys (metadata.rs publishes them)
//! ```

mod metadata;
mod throttle;
mod token;

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::routing::{get, post};
use http::{HeaderMap, header};
use offhook_identity::{
    AccessRules, KeyFault, KeySet, NotificationGrant, Remembered, SigningKey, SigningKeys,
    TokenFault,
};
use offhook_identity::{Minted, PublicKey};

use crate::config;
use crate::http::PublicBase;
use crate::registry::{Bot, Registry, Roles};
use crate::store::{Store, StoreError};

use throttle::Throttle;

/// Tokens cannot be granted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoginError {
    /// The keys cannot be read or kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No key could be made.
    #[error("tokens cannot be signed: {0}")]
    Key(#[from] KeyFault),
}

/// Who calls the API.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) bot: Arc<Bot>,
    /// What the token allows it.
    pub(crate) roles: Roles,
}

/// Why a request is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotLetIn {
    /// The token, or its absence.
    Token(TokenFault),
    /// The token is good, but its application is not (or no longer) registered.
    NotRegistered,
    /// The bot acts on somebody's behalf, which allows nothing here.
    Delegated,
}

/// The issuer.
pub(crate) struct Login {
    registry: Arc<Registry>,
    store: Store,
    settings: config::Login,
    /// How others reach this platform; also the first half of the issuer's name.
    base: PublicBase,
    rules: AccessRules,
    connector_rules: AccessRules,
    keys: RwLock<Keys>,
    let_in: Mutex<Remembered<Caller>>,
    throttle: Mutex<Throttle>,
}

struct Keys {
    signing: SigningKeys,
    published: Vec<PublicKey>,
    set: KeySet,
    made_at: SystemTime,
}

impl Keys {
    fn new(signing: SigningKeys, made_at: SystemTime) -> Self {
        let published = signing.public_keys();
        Self {
            set: KeySet::new(published.clone()),
            published,
            signing,
            made_at,
        }
    }
}

impl Login {
    /// Reads the signing keys, making the first or a new one when it is time.
    pub(crate) async fn open(
        settings: config::Login,
        base: PublicBase,
        registry: Arc<Registry>,
        store: Store,
        now: SystemTime,
    ) -> Result<Arc<Self>, LoginError> {
        let mut kept = store.signing_keys().await?.into_iter();
        let keys = match kept.next() {
            Some((current, made_at)) => {
                let signing = SigningKeys::new(current);
                let signing = match kept.next() {
                    Some((previous, _)) => signing.with_previous(previous),
                    None => signing,
                };
                Keys::new(signing, made_at)
            }
            None => {
                let first = new_key(&store, now).await?;
                Keys::new(SigningKeys::new(first), now)
            }
        };
        let issuers = registry.bots().map(|bot| issuer(base.own(), &bot.tenant));
        let mut rules = AccessRules::graph(issuers);
        rules.issuers.sort();
        rules.issuers.dedup();
        let login = Arc::new(Self {
            throttle: Mutex::new(Throttle::new(settings.failures_per_minute)),
            settings,
            connector_rules: AccessRules::connector(rules.issuers.clone()),
            rules,
            base,
            registry,
            store,
            keys: RwLock::new(keys),
            let_in: Mutex::default(),
        });
        login.rotate_if_due(now).await?;
        Ok(login)
    }

    /// Signs with a new key when the current one is old enough. Called now and then.
    pub(crate) async fn rotate_if_due(&self, now: SystemTime) -> Result<(), LoginError> {
        let made_at = self
            .keys
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .made_at;
        // Only one earlier key stays published, so a token must not outlive two rotations.
        let every = self
            .settings
            .key_rotation
            .max(self.settings.token_lifetime)
            .max(offhook_identity::limits::NOTIFICATION_TOKEN_LIFETIME);
        if now.duration_since(made_at).unwrap_or_default() < every {
            return Ok(());
        }
        let next = new_key(&self.store, now).await?;
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        keys.signing.rotate(next);
        keys.published = keys.signing.public_keys();
        keys.set = KeySet::new(keys.published.clone());
        keys.made_at = now;
        tracing::info!(
            kid = keys.signing.current().kid(),
            "tokens are signed with a new key"
        );
        Ok(())
    }

    /// Who is calling: the guard every route shares.
    pub(crate) fn caller(&self, headers: &HeaderMap, now: SystemTime) -> Result<Caller, NotLetIn> {
        let token = shown(headers)?;
        let known = self
            .let_in
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(token, now);
        if let Some(caller) = known {
            return Ok(caller);
        }
        let claims = {
            let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
            self.rules
                .check(token, &keys.set, now)
                .map_err(NotLetIn::Token)?
        };
        let bot = claims
            .app_id
            .parse()
            .ok()
            .and_then(|app| self.registry.bot(app))
            .ok_or(NotLetIn::NotRegistered)?;
        if claims.is_delegated && claims.roles.is_empty() {
            return Err(NotLetIn::Delegated);
        }
        let caller = Caller {
            bot: Arc::clone(bot),
            roles: claims
                .roles
                .iter()
                .filter_map(|role| Roles::parse(role))
                .collect(),
        };
        self.let_in
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .keep(token, caller.clone(), claims.expires_at);
        Ok(caller)
    }

    /// Which bot answers an activity: the guard of the connector.
    pub(crate) fn answering(
        &self,
        headers: &HeaderMap,
        now: SystemTime,
    ) -> Result<Arc<Bot>, NotLetIn> {
        let token = shown(headers)?;
        let claims = {
            let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
            let checked = self.connector_rules.check(token, &keys.set, now);
            checked.map_err(NotLetIn::Token)?
        };
        let app = claims.app_id.parse().ok();
        let bot = app.and_then(|app| self.registry.bot(app));
        bot.cloned().ok_or(NotLetIn::NotRegistered)
    }

    /// Which bot asks, by whichever token of ours it has.
    pub(crate) fn bot(&self, headers: &HeaderMap, now: SystemTime) -> Result<Arc<Bot>, NotLetIn> {
        let by_graph = self.caller(headers, now).map(|caller| caller.bot);
        by_graph.or_else(|_| self.answering(headers, now))
    }

    /// A token that tells a bot who sends it activities, and where it answers them.
    pub(crate) fn activity_token(
        &self,
        bot: &Bot,
        service_url: &str,
        now: SystemTime,
    ) -> Result<Minted, KeyFault> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let mut grant = NotificationGrant::new(bot.app.to_string(), bot.tenant.as_str())
            .for_service(service_url);
        // Not Microsoft's name: some SDKs look for the keys of that one at Microsoft, whatever they are
        // told.
        grant.issuer = issuer(self.base.own(), &bot.tenant);
        grant.issue(&keys.signing, now)
    }

    /// A token that tells a bot who delivers its notifications.
    pub(crate) fn notification_token(
        &self,
        bot: &Bot,
        now: SystemTime,
    ) -> Result<Minted, KeyFault> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        NotificationGrant::new(bot.app.to_string(), bot.tenant.as_str()).issue(&keys.signing, now)
    }

    #[cfg(test)]
    pub(crate) fn access_token_for_tests(
        &self,
        bot: &Bot,
        roles: Vec<String>,
        now: SystemTime,
    ) -> String {
        self.granted_for_tests(&self.grant_for_tests(bot, roles), now)
    }

    #[cfg(test)]
    pub(crate) fn grant_for_tests(
        &self,
        bot: &Bot,
        roles: Vec<String>,
    ) -> offhook_identity::AccessGrant {
        let issuer = issuer(self.base.own(), &bot.tenant);
        let (app, tenant) = (bot.app.to_string(), bot.tenant.as_str());
        offhook_identity::AccessGrant::new(issuer, app, tenant, roles)
    }

    #[cfg(test)]
    pub(crate) fn granted_for_tests(
        &self,
        grant: &offhook_identity::AccessGrant,
        now: SystemTime,
    ) -> String {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let minted = grant.issue(&keys.signing, now).expect("signed");
        minted.token.into_inner()
    }

    fn lifetime(&self) -> Duration {
        self.settings.token_lifetime
    }
}

/// Compared in the same time wherever they differ.
pub(crate) fn is_same(wanted: &str, shown: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(wanted.as_bytes(), shown.as_bytes()).is_ok()
}

/// The token a request shows.
pub(crate) fn shown(headers: &HeaderMap) -> Result<&str, NotLetIn> {
    let malformed = |_| NotLetIn::Token(TokenFault::Malformed);
    let header = headers.get(header::AUTHORIZATION);
    let text = header
        .map(|value| value.to_str().map_err(malformed))
        .transpose()?;
    offhook_identity::bearer(text).map_err(NotLetIn::Token)
}

pub(crate) fn issuer(base: &str, tenant: &str) -> String {
    format!("{base}/{tenant}/v2.0")
}

/// Makes a key and keeps it. It takes up to a second, so not on a thread others wait for.
async fn new_key(store: &Store, now: SystemTime) -> Result<SigningKey, LoginError> {
    let key = tokio::task::spawn_blocking(SigningKey::generate)
        .await
        .unwrap_or(Err(KeyFault::Generation))?;
    store.keep_signing_key(&key, now).await?;
    Ok(key)
}

/// The paths of the issuer.
pub(crate) fn routes(login: Arc<Login>) -> Router {
    Router::new()
        .route("/{tenant}/oauth2/v2.0/token", post(token::v2))
        .route("/{tenant}/oauth2/token", post(token::v1))
        .route(
            "/{tenant}/v2.0/.well-known/openid-configuration",
            get(metadata::of_tenant),
        )
        .route(
            "/{tenant}/.well-known/openid-configuration",
            get(metadata::of_tenant),
        )
        .route("/{tenant}/discovery/v2.0/keys", get(metadata::keys))
        .route("/{tenant}/discovery/keys", get(metadata::keys))
        .route(
            "/v1/.well-known/OpenIdConfiguration",
            get(metadata::of_notifications),
        )
        // As bots of the Bot Framework are told of it.
        .route(
            "/v1/.well-known/openidconfiguration",
            get(metadata::of_notifications),
        )
        .route("/v1/.well-known/keys", get(metadata::keys))
        .with_state(login)
}

#[cfg(test)]
mod tests;
