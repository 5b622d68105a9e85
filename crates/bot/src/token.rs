//! The bot's own access token: fetched once for all who wait, kept until shortly before it ends.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use http::StatusCode;
use http::header::CONTENT_TYPE;
use offhook_terms::Private;
use offhook_wire::oauth::{OAuthError, TokenResponse};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::form_urlencoded;

use crate::graph::{GraphConfig, GraphFault};
use crate::limits::{ANSWER_WITHIN, TOKEN_RENEWED_BEFORE};
use crate::sending::{self, Answer, Unanswered};

pub(crate) struct AccessToken {
    endpoint: String,
    form: Private<String>,
    kept: RwLock<Option<Kept>>,
    fetching: Mutex<()>,
}

#[derive(Clone)]
struct Kept {
    token: Private<String>,
    renew_at: Instant,
}

impl AccessToken {
    pub(crate) fn new(config: &GraphConfig) -> Self {
        let login = config.login.trim_end_matches('/');
        let login = format!("{login}/{}", config.tenant);
        Self::of(&login, &config.app_id, &config.secret, &config.scope)
    }

    /// Of the issuer whose token endpoint is below this address.
    pub(crate) fn of(login: &str, app_id: &str, secret: &Private<String>, scope: &str) -> Self {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", app_id)
            .append_pair("client_secret", secret.reveal())
            .append_pair("scope", scope)
            .finish();
        Self {
            endpoint: format!("{}/oauth2/v2.0/token", login.trim_end_matches('/')),
            form: Private::new(form),
            kept: RwLock::default(),
            fetching: Mutex::default(),
        }
    }

    /// A token that is good for a while.
    pub(crate) async fn get(&self, http: &reqwest::Client) -> Result<Private<String>, GraphFault> {
        if let Some(token) = self.fresh() {
            return Ok(token);
        }
        let _one_fetches = self.fetching.lock().await;
        // Another may have fetched it while we waited.
        if let Some(token) = self.fresh() {
            return Ok(token);
        }
        let granted = self.fetch(http).await?;
        let good_for = Duration::from_secs(granted.expires_in.min(24 * 60 * 60));
        let kept = Kept {
            token: granted.access_token,
            // A token that lives shorter than our margin is used for half its life.
            renew_at: Instant::now()
                + good_for
                    .saturating_sub(TOKEN_RENEWED_BEFORE)
                    .max(good_for / 2),
        };
        let token = kept.token.clone();
        *self.kept.write().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        Ok(token)
    }

    /// Forgets a token the platform did not believe, unless it was replaced meanwhile.
    pub(crate) fn refused(&self, token: &Private<String>) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.as_ref().is_some_and(|kept| kept.token == *token) {
            *kept = None;
        }
    }

    fn fresh(&self) -> Option<Private<String>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.as_ref()?;
        (Instant::now() < kept.renew_at).then(|| kept.token.clone())
    }

    async fn fetch(&self, http: &reqwest::Client) -> Result<TokenResponse, GraphFault> {
        let request = || {
            http.post(&self.endpoint)
                .timeout(ANSWER_WITHIN)
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(self.form.reveal().clone())
        };
        let Answer {
            status,
            retry_after,
            body,
        } = sending::send(request, Unanswered::Fails).await?;
        if status == StatusCode::OK {
            return serde_json::from_slice(&body)
                .map_err(|error| GraphFault::Unreadable(error.to_string()));
        }
        let refusal: OAuthError = serde_json::from_slice(&body).unwrap_or_default();
        Err(match status {
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED => GraphFault::Unauthorized {
                code: refusal.error,
                message: refusal.error_description.unwrap_or_default(),
            },
            _ => GraphFault::of(status, retry_after, &body),
        })
    }
}
