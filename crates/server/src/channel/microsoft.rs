//! Bots with an identity of Microsoft's: they are spoken to with their own credentials, as the Bot
//! Framework Emulator does, and what they show is checked with Microsoft's keys. A bot that runs in
//! production works like this unchanged.
//!
//! ```text
//!   platform ── the bot's id and secret ──▶ login ──▶ a token for the bot ──▶ bot
//!   bot ── a token for the connector ──▶ platform ── its keys ──▶ OpenID metadata, kept for a day
//! ```

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use http::HeaderValue;
use offhook_identity::{AccessRules, KeySet, PublicKey, TokenFault};
use offhook_terms::AppId;
use offhook_wire::openid::{JsonWebKeySet, OpenIdMetadata};
use reqwest::Client;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::clock;
use crate::login::NotLetIn;
use crate::registry::Bot;

/// How long one request to Microsoft may take.
const WITHIN: Duration = Duration::from_secs(10);

/// Tokens are replaced so long before they end.
const RENEWED_BEFORE: Duration = Duration::from_secs(5 * 60);

/// Keys are fetched again after a day, as bots do it.
const KEYS_KEPT: Duration = Duration::from_secs(24 * 3600);

/// A key nobody knows has them fetched again, but not more often than this.
const KEYS_FETCHED_EVERY: Duration = Duration::from_secs(60);

/// The longest answer read: key sets are 10 kB.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// Where such a bot is known.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    /// Where tokens are granted, with the tenant.
    pub(crate) login: String,
    /// Where the keys of the tokens are named.
    pub(crate) metadata: String,
    /// Who may issue what the bot shows.
    pub(crate) issuers: Vec<String>,
}

/// What is kept of Microsoft's.
#[derive(Default)]
pub(super) struct Microsoft {
    client: Client,
    tokens: Mutex<HashMap<AppId, (HeaderValue, SystemTime)>>,
    /// By the address of their metadata.
    keys: tokio::sync::Mutex<HashMap<String, (Arc<KeySet>, Instant)>>,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: u64,
}

impl Microsoft {
    /// The `Authorization` header for this bot, by its own credentials.
    pub(super) async fn authorization(&self, bot: &Bot) -> Result<HeaderValue, String> {
        let now = clock::wall();
        {
            let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((header, _)) = tokens.get(&bot.app).filter(|(_, until)| *until > now) {
                return Ok(header.clone());
            }
        }
        let app = bot.app.to_string();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &app),
            ("client_secret", bot.secret.reveal()),
            ("scope", &format!("{app}/.default")),
        ];
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let login = format!("{}/oauth2/v2.0/token", bot.talk.home.login);
        let request = self
            .client
            .post(login)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(body);
        let granted: Granted = self.ask(request).await?;
        let mut header = HeaderValue::try_from(format!("Bearer {}", granted.access_token))
            .map_err(|_| "the login granted no token".to_owned())?;
        header.set_sensitive(true);
        let lifetime = Duration::from_secs(granted.expires_in).saturating_sub(RENEWED_BEFORE);
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.insert(bot.app, (header.clone(), now + lifetime));
        Ok(header)
    }

    /// Which of these bots shows this token.
    pub(super) async fn answering(
        &self,
        token: &str,
        bots: Vec<Arc<Bot>>,
    ) -> Result<Arc<Bot>, NotLetIn> {
        let mut why = NotLetIn::NotRegistered;
        for bot in bots {
            let home = &bot.talk.home;
            let rules = AccessRules::connector(home.issuers.clone());
            let mut checked = self.check(&rules, token, home, KEYS_KEPT).await;
            if matches!(checked, Err(NotLetIn::Token(TokenFault::UnknownKey))) {
                checked = self.check(&rules, token, home, KEYS_FETCHED_EVERY).await;
            }
            match checked {
                Ok(app) if app == bot.app.to_string() => return Ok(bot),
                Ok(_) => {}
                Err(fault) => why = fault,
            }
        }
        Err(why)
    }

    /// The application that shows a token, by keys that are not older than this.
    async fn check(
        &self,
        rules: &AccessRules,
        token: &str,
        home: &Home,
        keys_kept: Duration,
    ) -> Result<String, NotLetIn> {
        let keys = self.keys(&home.metadata, keys_kept).await;
        let claims = rules.check(token, &keys, clock::wall());
        claims
            .map(|claims| claims.app_id.to_ascii_lowercase())
            .map_err(NotLetIn::Token)
    }

    async fn keys(&self, metadata: &str, kept: Duration) -> Arc<KeySet> {
        // Whoever else wants them waits, rather than fetch them too.
        let mut all = self.keys.lock().await;
        let now = clock::now();
        let known = all.get(metadata);
        if let Some((keys, _)) = known.filter(|(_, at)| now.duration_since(*at) < kept) {
            return Arc::clone(keys);
        }
        let fetched = self.fetch(metadata).await;
        match fetched {
            Ok(keys) => {
                let keys = Arc::new(keys);
                all.insert(metadata.to_owned(), (Arc::clone(&keys), now));
                keys
            }
            Err(why) => {
                tracing::warn!(%why, "the keys of a bot's tokens cannot be had");
                known.map(|(keys, _)| Arc::clone(keys)).unwrap_or_default()
            }
        }
    }

    async fn fetch(&self, metadata: &str) -> Result<KeySet, String> {
        let metadata: OpenIdMetadata = self.ask(self.client.get(metadata)).await?;
        let set: JsonWebKeySet = self.ask(self.client.get(&metadata.jwks_uri)).await?;
        let named = set.keys.into_iter().filter_map(|key| {
            Some(PublicKey {
                kid: key.kid?,
                n: key.n?,
                e: key.e?,
                // A bot speaks for itself, and for no channel.
                endorsements: Vec::new(),
            })
        });
        Ok(KeySet::new(named))
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<T, String> {
        let worded = |why: reqwest::Error| why.without_url().to_string();
        let mut response = request.timeout(WITHIN).send().await.map_err(worded)?;
        let status = response.status();
        if !status.is_success() {
            return Err(format!("it answered {status}"));
        }
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(worded)? {
            body.extend_from_slice(&piece);
            if body.len() > ANSWER_BYTES_MAX {
                return Err("its answer is too long".to_owned());
            }
        }
        serde_json::from_slice(&body).map_err(|_| "its answer is not what it should be".to_owned())
    }
}
