//! Notification tokens: what the platform shows with every delivery.

use std::time::{Duration, SystemTime};

use offhook_terms::Private;
use serde::{Deserialize, Serialize};

use crate::jwt::{Common, Minted, seconds, signed};
use crate::limits::{NOTIFICATION_TOKEN_LIFETIME, NOTIFICATION_TOKEN_RENEWED_BEFORE};
use crate::{KeyFault, KeySet, SigningKeys, TokenFault};

/// The issuer of notification tokens.
pub const NOTIFICATION_ISSUER: &str = "https://api.botframework.com";

/// The issuers a bot believes unless it is told otherwise.
pub const NOTIFICATION_ISSUERS: [&str; 2] = [NOTIFICATION_ISSUER, "https://graph.microsoft.com"];

/// What a notification token will say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationGrant {
    /// The bot it is for.
    pub app_id: String,
    /// The tenant of the call.
    pub tenant: String,
    /// Who issues it.
    pub issuer: String,
    /// How long it is good for.
    pub lifetime: Duration,
    /// Where the bot answers, which bots of the Bot Framework compare with what they are sent.
    pub service_url: Option<String>,
}

impl NotificationGrant {
    /// A token of the usual issuer and lifetime.
    pub fn new(app_id: impl Into<String>, tenant: impl Into<String>) -> Self {
        Self {
            app_id: app_id.into(),
            tenant: tenant.into(),
            issuer: NOTIFICATION_ISSUER.into(),
            lifetime: NOTIFICATION_TOKEN_LIFETIME,
            service_url: None,
        }
    }

    /// A token that also names where the bot answers.
    #[must_use]
    pub fn for_service(mut self, url: impl Into<String>) -> Self {
        self.service_url = Some(url.into());
        self
    }

    /// Signs it, good from `now`.
    pub fn issue(&self, keys: &SigningKeys, now: SystemTime) -> Result<Minted, KeyFault> {
        let from = seconds(now);
        let claims = Written {
            aud: &self.app_id,
            iss: &self.issuer,
            tid: &self.tenant,
            iat: from,
            nbf: from,
            exp: from.saturating_add(self.lifetime.as_secs()),
            serviceurl: self.service_url.as_deref(),
        };
        Ok(Minted {
            token: Private::new(keys.sign(&claims)?),
            expires_at: now + self.lifetime,
        })
    }
}

impl Minted {
    /// Whether a kept notification token should be replaced before it is used again.
    pub fn is_due(&self, now: SystemTime) -> bool {
        now + NOTIFICATION_TOKEN_RENEWED_BEFORE >= self.expires_at
    }
}

#[derive(Serialize)]
struct Written<'a> {
    aud: &'a str,
    iss: &'a str,
    tid: &'a str,
    iat: u64,
    nbf: u64,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    serviceurl: Option<&'a str>,
}

/// What a notification token must satisfy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationRules {
    /// Who may issue it.
    pub issuers: Vec<String>,
    /// Whom it may be for: the bot's app id.
    pub audiences: Vec<String>,
}

impl NotificationRules {
    /// Tokens for one bot, from the usual issuers.
    pub fn new(app_id: impl Into<String>) -> Self {
        Self {
            issuers: NOTIFICATION_ISSUERS.map(str::to_owned).to_vec(),
            audiences: vec![app_id.into()],
        }
    }

    /// What the token says, if it is good at `now`.
    pub fn check(
        &self,
        token: &str,
        keys: &KeySet,
        now: SystemTime,
    ) -> Result<NotificationClaims, TokenFault> {
        let read: Read = signed(token, keys)?;
        let expires_at = read.common.check(&self.issuers, &self.audiences, now)?;
        let tenant = read.tid.filter(|tenant| !tenant.is_empty());
        Ok(NotificationClaims {
            tenant: tenant.ok_or(TokenFault::MissingTenant)?,
            expires_at,
        })
    }
}

#[derive(Deserialize)]
struct Read {
    #[serde(flatten)]
    common: Common,
    tid: Option<String>,
}

/// What a notification token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationClaims {
    /// The tenant of the call.
    pub tenant: String,
    /// When the token stops being good, before any allowance for clocks.
    pub expires_at: SystemTime,
}
