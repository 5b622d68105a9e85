//! Proving who we are to others: answers to their digest challenges.

use offhook_terms::Private;
use sipx_sip::auth::{self, Challenge};
use sipx_sip::{HeaderName, Response};

/// What we prove ourselves with.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The account's name.
    pub user: Private<String>,
    /// Its password.
    pub password: Private<String>,
}

impl Credentials {
    /// A name and a password.
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            user: Private::new(user.into()),
            password: Private::new(password.into()),
        }
    }

    /// The header that answers a 401 or 407, if it can be answered.
    pub(crate) fn answer(
        &self,
        refusal: &Response,
        method: &str,
        uri: &str,
    ) -> Option<(HeaderName, String)> {
        let (asked_in, by_proxy) = match refusal.status.code() {
            401 => (HeaderName::WwwAuthenticate, false),
            407 => (HeaderName::ProxyAuthenticate, true),
            _ => return None,
        };
        let challenges = refusal
            .headers
            .get_all(&asked_in)
            .filter_map(|header| Challenge::parse(&header.value(), by_proxy))
            .collect();
        let challenge = auth::strongest(challenges)?;
        let own = auth::Credentials::new(self.user.reveal(), self.password.reveal());
        let cnonce = format!("{:016x}", rand::random::<u64>());
        let value = auth::respond(&challenge, &own, method, uri, 1, &cnonce);
        Some((challenge.response_header(), value))
    }
}
