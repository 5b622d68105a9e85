//! Access tokens: what a bot shows with every command.

use std::time::{Duration, SystemTime};

use offhook_terms::Private;
use serde::{Deserialize, Serialize};

use crate::jwt::{Common, Minted, seconds, signed};
use crate::limits::ACCESS_TOKEN_LIFETIME;
use crate::{KeyFault, KeySet, SigningKeys, TokenFault};

/// The audiences that mean the Graph: with and without a slash, and by its application id.
pub const GRAPH_AUDIENCES: [&str; 3] = [
    "https://graph.microsoft.com",
    "https://graph.microsoft.com/",
    "00000003-0000-0000-c000-000000000000",
];

/// What an access token will say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessGrant {
    /// The bot.
    pub app_id: String,
    /// Its tenant.
    pub tenant: String,
    /// What it may do, such as `Calls.AccessMedia.All`.
    pub roles: Vec<String>,
    /// What somebody lets it do on their behalf, such as `User.Read`; nothing for a bot by itself.
    pub scopes: Vec<String>,
    /// Whom the token is for.
    pub audience: String,
    /// Who issues it.
    pub issuer: String,
    /// How long it is good for.
    pub lifetime: Duration,
}

impl AccessGrant {
    /// A token for the Graph, of the usual lifetime.
    pub fn new(
        issuer: impl Into<String>,
        app_id: impl Into<String>,
        tenant: impl Into<String>,
        roles: Vec<String>,
    ) -> Self {
        Self {
            app_id: app_id.into(),
            tenant: tenant.into(),
            roles,
            scopes: Vec::new(),
            audience: GRAPH_AUDIENCES[0].into(),
            issuer: issuer.into(),
            lifetime: ACCESS_TOKEN_LIFETIME,
        }
    }

    /// Signs it, good from `now`.
    pub fn issue(&self, keys: &SigningKeys, now: SystemTime) -> Result<Minted, KeyFault> {
        let from = seconds(now);
        let claims = Written {
            aud: &self.audience,
            iss: &self.issuer,
            iat: from,
            nbf: from,
            exp: from.saturating_add(self.lifetime.as_secs()),
            appid: &self.app_id,
            azp: &self.app_id,
            tid: &self.tenant,
            oid: &self.app_id,
            sub: &self.app_id,
            idtyp: if self.scopes.is_empty() {
                "app"
            } else {
                "user"
            },
            roles: &self.roles,
            scp: (!self.scopes.is_empty()).then(|| self.scopes.join(" ")),
            ver: "1.0",
        };
        Ok(Minted {
            token: Private::new(keys.sign(&claims)?),
            expires_at: now + self.lifetime,
        })
    }
}

#[derive(Serialize)]
struct Written<'a> {
    aud: &'a str,
    iss: &'a str,
    iat: u64,
    nbf: u64,
    exp: u64,
    appid: &'a str,
    azp: &'a str,
    tid: &'a str,
    oid: &'a str,
    sub: &'a str,
    idtyp: &'a str,
    roles: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    scp: Option<String>,
    ver: &'a str,
}

/// What an access token must satisfy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRules {
    /// Who may issue it.
    pub issuers: Vec<String>,
    /// Whom it may be for.
    pub audiences: Vec<String>,
}

impl AccessRules {
    /// Tokens for the Graph from these issuers.
    pub fn graph(issuers: impl IntoIterator<Item = String>) -> Self {
        Self {
            issuers: issuers.into_iter().collect(),
            audiences: GRAPH_AUDIENCES.map(str::to_owned).to_vec(),
        }
    }

    /// Tokens for the connector of the Bot Framework from these issuers.
    pub fn connector(issuers: impl IntoIterator<Item = String>) -> Self {
        Self {
            issuers: issuers.into_iter().collect(),
            audiences: vec![crate::NOTIFICATION_ISSUER.to_owned()],
        }
    }

    /// What the token says, if it is good at `now`.
    pub fn check(
        &self,
        token: &str,
        keys: &KeySet,
        now: SystemTime,
    ) -> Result<AccessClaims, TokenFault> {
        let read: Read = signed(token, keys)?;
        let expires_at = read.common.check(&self.issuers, &self.audiences, now)?;
        let tenant = read.tid.filter(|tenant| !tenant.is_empty());
        let app_id = read.appid.or(read.azp).filter(|app| !app.is_empty());
        Ok(AccessClaims {
            app_id: app_id.ok_or(TokenFault::MissingApp)?,
            tenant: tenant.ok_or(TokenFault::MissingTenant)?,
            roles: read.roles,
            is_delegated: read.scp.is_some_and(|scopes| !scopes.is_empty()),
            expires_at,
        })
    }
}

#[derive(Deserialize)]
struct Read {
    #[serde(flatten)]
    common: Common,
    appid: Option<String>,
    azp: Option<String>,
    tid: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
    scp: Option<String>,
}

/// What an access token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessClaims {
    /// The bot, from `appid` or `azp`.
    pub app_id: String,
    /// Its tenant.
    pub tenant: String,
    /// What it may do by itself.
    pub roles: Vec<String>,
    /// Whether it acts on somebody's behalf: the token has scopes.
    pub is_delegated: bool,
    /// When the token stops being good, before any allowance for clocks.
    pub expires_at: SystemTime,
}

impl AccessClaims {
    /// Whether the bot has a role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|has| has == role)
    }
}
