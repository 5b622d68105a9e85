//! Tokens that come with activities: from a channel, or from whoever knows the bot's own secret.

use std::sync::Arc;
use std::time::SystemTime;

use serde::Deserialize;

use crate::fault::TokenFault;
use crate::jwt::{Common, signed_with};
use crate::keys::KeySet;

/// What a token that comes with an activity must satisfy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityRules {
    /// Who may issue it.
    pub issuers: Vec<String>,
    /// Whom it is for: the bot's app id.
    pub app_id: String,
    /// It was issued to the bot itself, as a client that has the bot's secret does. Otherwise a channel
    /// speaks, and it says where from.
    pub is_own: bool,
}

impl ActivityRules {
    /// What the token says, if it is good at `now`.
    ///
    /// # Errors
    /// What is wrong with the token.
    pub fn check(
        &self,
        token: &str,
        keys: &KeySet,
        now: SystemTime,
    ) -> Result<ActivityClaims, TokenFault> {
        let (read, kid): (Read, _) = signed_with(token, keys)?;
        let audience = std::slice::from_ref(&self.app_id);
        let expires_at = read.common.check(&self.issuers, audience, now)?;
        if self.is_own {
            let app_id = read.appid.or(read.azp).unwrap_or_default();
            if app_id != self.app_id {
                return Err(TokenFault::MissingApp);
            }
        }
        Ok(ActivityClaims {
            service_url: read.serviceurl.filter(|_| !self.is_own),
            expires_at,
            endorsements: keys.endorsements(&kid),
        })
    }
}

#[derive(Deserialize)]
struct Read {
    #[serde(flatten)]
    common: Common,
    serviceurl: Option<String>,
    appid: Option<String>,
    azp: Option<String>,
}

/// What a token that comes with an activity says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityClaims {
    /// Where a channel's activities must come from; a bot's own token does not say.
    pub service_url: Option<String>,
    /// When the token stops being good, before any allowance for clocks.
    pub expires_at: SystemTime,
    /// The channels that the key may speak for; any when there are none.
    pub endorsements: Arc<[String]>,
}

impl ActivityClaims {
    /// Whether whoever signed may speak for this channel, as the published SDKs for JavaScript and Python see it: a key that
    /// names no channel may speak for any.
    pub fn may_speak_for(&self, channel: &str) -> bool {
        self.endorsements.is_empty() || self.endorsements.iter().any(|known| known == channel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AccessGrant, NotificationGrant, SigningKey, SigningKeys};

    #[test]
    fn a_channel_says_where_it_is_and_a_bots_own_token_who_it_is() {
        let keys = SigningKeys::new(SigningKey::generate().expect("a key"));
        let set = KeySet::new(keys.public_keys());
        let now = SystemTime::now();
        let channel = NotificationGrant::new("bot", "tenant").for_service("http://here");
        let channel = channel.issue(&keys, now).expect("a token");
        let mut rules = ActivityRules {
            issuers: vec![crate::NOTIFICATION_ISSUER.to_owned()],
            app_id: "bot".to_owned(),
            is_own: false,
        };
        let claims = rules.check(channel.token.reveal(), &set, now);
        let url = claims.expect("it is good").service_url;
        assert_eq!(url.as_deref(), Some("http://here"));
        rules.app_id = "another".to_owned();
        assert!(rules.check(channel.token.reveal(), &set, now).is_err());

        for (holder, is_good) in [("bot", true), ("another", false)] {
            let mut own = AccessGrant::new("http://issuer", holder, "tenant", Vec::new());
            own.audience = "bot".to_owned();
            let own = own.issue(&keys, now).expect("a token");
            let rules = ActivityRules {
                issuers: vec!["http://issuer".to_owned()],
                app_id: "bot".to_owned(),
                is_own: true,
            };
            assert_eq!(rules.check(own.token.reveal(), &set, now).is_ok(), is_good);
        }
    }
}
