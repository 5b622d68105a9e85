//! Who may tell the bot activities, and who the bot is to its channel.

use std::path::PathBuf;

use offhook_identity::{ActivityRules, NOTIFICATION_ISSUER};
use offhook_terms::Private;

use super::BotFault;
use crate::graph::SetupFault;
use crate::keys::{KeyCache, Keys, NotBelieved};
use crate::token::AccessToken;

/// A bot's secret.
///
/// ```
/// use offhook_bot::turns::Secret;
///
/// let secret = Secret::new("not to be logged".to_owned());
/// assert!(!format!("{secret:?}").contains("logged"));
/// ```
pub type Secret = Private<String>;

/// Who the bot is, who may tell it activities, and where its own tokens come from. Every address can be
/// changed, so that it fits any issuer.
///
/// ```
/// use offhook_bot::turns::Login;
///
/// let login = Login {
///     // A gateway in front of the Bot Framework has a certificate of its own.
///     ca_file: Some("gateway.pem".into()),
///     ..Login::public("00000000-0000-0000-0000-000000000000", "a secret")
/// };
/// ```
#[derive(Debug, Clone)]
pub struct Login {
    /// The bot's app id.
    pub app_id: String,
    /// Its secret.
    pub secret: Secret,
    /// Below which its tokens are granted (`ToChannelFromBotLoginUrl`).
    pub login: String,
    /// What its tokens are for (`ToChannelFromBotOAuthScope`).
    pub scope: String,
    /// Who issues a channel's tokens (`ToBotFromChannelTokenIssuer`).
    pub issuers: Vec<String>,
    /// Where the channel's keys are (`ToBotFromChannelOpenIdMetadataUrl`).
    pub metadata_url: String,
    /// Who may also tell it activities: whoever has the bot's own secret, as the Emulator does.
    pub emulator: Option<EmulatorLogin>,
    /// Keys that are not fetched.
    pub keys: Keys,
    /// The certificate authority of the issuer, PEM. When given, no other is believed.
    pub ca_file: Option<PathBuf>,
}

/// Tokens that are granted for the bot's own secret.
///
/// ```
/// use offhook_bot::turns::Login;
///
/// // Whoever has the bot's own secret may tell it activities; not so in production.
/// let mut login = Login::public("00000000-0000-0000-0000-000000000000", "a secret");
/// assert!(login.emulator.take().is_some());
/// ```
#[derive(Debug, Clone)]
pub struct EmulatorLogin {
    /// Who issues them.
    pub issuers: Vec<String>,
    /// Where the keys are (`ToBotFromEmulatorOpenIdMetadataUrl`).
    pub metadata_url: String,
}

/// The tenants whose issuers the published SDKs believe: of the Bot Framework, of Microsoft, and of the
/// government's cloud.
const TENANTS: [&str; 2] = [
    "d6d49420-f39b-4df7-a1dc-d59a935871db",
    "f8cdef31-a31e-4b4a-93e4-5f571e91255a",
];
const GOVERNMENT_TENANT: &str = "cab8a31a-1906-4287-a0d8-4eef66b95f6e";

fn issuers_of(login: &str, tenants: &[&str]) -> Vec<String> {
    let of = |tenant: &&str| {
        [
            format!("https://sts.windows.net/{tenant}/"),
            format!("{login}/{tenant}/v2.0"),
        ]
    };
    tenants.iter().flat_map(of).collect()
}

impl Login {
    /// Microsoft's public cloud.
    ///
    /// ```
    /// let login = offhook_bot::turns::Login::public("the-app-id", "the-secret");
    /// assert_eq!(login.scope, "https://api.botframework.com/.default");
    /// ```
    pub fn public(app_id: impl Into<String>, secret: impl Into<String>) -> Self {
        let login = "https://login.microsoftonline.com";
        Self {
            app_id: app_id.into(),
            secret: Private::new(secret.into()),
            login: format!("{login}/botframework.com"),
            scope: "https://api.botframework.com/.default".into(),
            issuers: vec![NOTIFICATION_ISSUER.to_owned()],
            metadata_url: "https://login.botframework.com/v1/.well-known/openidconfiguration"
                .into(),
            emulator: Some(EmulatorLogin {
                issuers: issuers_of(login, &TENANTS),
                metadata_url: format!("{login}/common/v2.0/.well-known/openid-configuration"),
            }),
            keys: Keys::Published,
            ca_file: None,
        }
    }

    /// Microsoft's cloud for the government of the United States.
    pub fn government(app_id: impl Into<String>, secret: impl Into<String>) -> Self {
        let login = "https://login.microsoftonline.us";
        Self {
            login: format!("{login}/MicrosoftServices.onmicrosoft.us"),
            scope: "https://api.botframework.us/.default".into(),
            issuers: vec!["https://api.botframework.us".to_owned()],
            metadata_url: "https://login.botframework.azure.us/v1/.well-known/openidconfiguration"
                .into(),
            emulator: Some(EmulatorLogin {
                issuers: issuers_of(login, &[GOVERNMENT_TENANT]),
                metadata_url: format!(
                    "{login}/{GOVERNMENT_TENANT}/v2.0/.well-known/openid-configuration"
                ),
            }),
            ..Self::public(app_id, secret)
        }
    }

    /// A platform of your own, by its public address (`http.public_url`, or else where it serves HTTP) and a tenant it
    /// knows.
    ///
    /// ```
    /// use offhook_bot::turns::Login;
    /// let login = Login::private("http://127.0.0.1:8080", "the-tenant", "the-app-id", "the-secret");
    /// assert_eq!(login.login, "http://127.0.0.1:8080/the-tenant");
    /// ```
    pub fn private(
        address: &str,
        tenant: &str,
        app_id: impl Into<String>,
        secret: impl Into<String>,
    ) -> Self {
        let address = address.trim_end_matches('/');
        Self {
            login: format!("{address}/{tenant}"),
            // As this platform calls itself, and as others do that speak for the Bot Framework. Both are signed with
            // the keys published there.
            issuers: vec![
                format!("{address}/{tenant}/v2.0"),
                NOTIFICATION_ISSUER.to_owned(),
            ],
            metadata_url: format!("{address}/v1/.well-known/openidconfiguration"),
            emulator: None,
            ..Self::public(app_id, secret)
        }
    }

    pub(crate) fn token(&self) -> AccessToken {
        AccessToken::of(&self.login, &self.app_id, &self.secret, &self.scope)
    }
}

/// Believes or does not.
pub(crate) struct Door {
    channel: KeyCache<ActivityRules>,
    emulator: Option<KeyCache<ActivityRules>>,
}

impl Door {
    pub(crate) fn new(login: &Login) -> Result<Self, SetupFault> {
        let rules = |issuers: &[String], is_own| ActivityRules {
            issuers: issuers.to_vec(),
            app_id: login.app_id.clone(),
            is_own,
        };
        let ca_file = login.ca_file.as_deref();
        let cache = |rules, url: &str| KeyCache::new(rules, &login.keys, url, ca_file);
        let emulator = login.emulator.as_ref();
        let emulator = emulator.map(|own| cache(rules(&own.issuers, true), &own.metadata_url));
        Ok(Self {
            channel: cache(rules(&login.issuers, false), &login.metadata_url)?,
            emulator: emulator.transpose()?,
        })
    }

    /// Whether whoever has this token may tell the bot an activity from there.
    pub(crate) async fn admits(
        &self,
        token: &str,
        service_url: &str,
        channel: &str,
    ) -> Result<(), NotAdmitted> {
        let refused = match self.channel.check(token).await {
            Ok(claims) => {
                if !claims.may_speak_for(channel) {
                    return Err(NotAdmitted::Unendorsed);
                }
                // A channel that could say it is elsewhere could have the bot's tokens sent there.
                let claimed = claims.service_url.unwrap_or_default();
                return match claimed.eq_ignore_ascii_case(service_url) {
                    true => Ok(()),
                    false => Err(NotAdmitted::Elsewhere),
                };
            }
            Err(why) => why,
        };
        let Some(emulator) = &self.emulator else {
            return Err(refused.into());
        };
        match emulator.check(token).await {
            Ok(_) => Ok(()),
            Err(_) => Err(refused.into()),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum NotAdmitted {
    #[error("{0}")]
    NotBelieved(#[from] NotBelieved),
    #[error("the token is for another service URL than the activity's")]
    Elsewhere,
    #[error("the token's key may not speak for the activity's channel")]
    Unendorsed,
}

impl From<SetupFault> for BotFault {
    fn from(fault: SetupFault) -> Self {
        Self::new(fault)
    }
}
