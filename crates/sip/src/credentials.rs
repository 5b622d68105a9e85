//! Proving who we are to others: answers to their digest challenges.

use offhook_terms::Private;
use sipx_sip::auth::{self, Challenge};
use sipx_sip::{HeaderName, Response};

use crate::limits;

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
}

/// The challenges one dialogue has been asked, and how often each was answered.
///
/// A registrar and each proxy on the way may ask for themselves (RFC 3261 §22.3); each is told
/// apart by its realm, and each is answered once, and once more when it says that only its nonce
/// was too old.
#[derive(Debug, Default)]
pub(crate) struct Proofs(Vec<Asked>);

#[derive(Debug)]
struct Asked {
    challenge: Challenge,
    times: u32,
}

impl Proofs {
    /// Takes in what a 401 or 407 asks for; false when there is nothing new to answer.
    pub(crate) fn learn(&mut self, refusal: &Response) -> bool {
        let (asked_in, by_proxy) = match refusal.status.code() {
            401 => (HeaderName::WwwAuthenticate, false),
            407 => (HeaderName::ProxyAuthenticate, true),
            _ => return false,
        };
        let challenges: Vec<Challenge> = refusal
            .headers
            .get_all(&asked_in)
            .filter_map(|header| Challenge::parse(&header.value(), by_proxy))
            .collect();
        let mut learned = false;
        for realm in challenges.iter().map(|challenge| &challenge.realm) {
            let of_realm = challenges.iter().filter(|one| one.realm == *realm).cloned();
            let Some(challenge) = auth::strongest(of_realm.collect()) else {
                continue;
            };
            let full = self.0.len() >= limits::REALMS;
            let known = self.0.iter_mut().find(|asked| {
                asked.challenge.realm == *realm && asked.challenge.from_proxy == by_proxy
            });
            match known {
                // Two values of one realm in one response were one question.
                Some(asked) if asked.challenge == challenge && asked.times == 0 => {}
                Some(asked) if challenge.stale || asked.times == 0 => {
                    *asked = Asked {
                        challenge,
                        times: 0,
                    };
                }
                // It was answered, and the answer was not good enough.
                Some(_) => return false,
                None if full => return false,
                None => self.0.push(Asked {
                    challenge,
                    times: 0,
                }),
            }
            learned = true;
        }
        learned
    }

    /// A realm may be proven to again: for requests later in the dialog, whose nonce may have
    /// become too old without saying so.
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }

    /// The headers that answer every challenge known, for one request.
    pub(crate) fn headers(
        &mut self,
        credentials: &Credentials,
        method: &str,
        uri: &str,
    ) -> Vec<(HeaderName, String)> {
        let own = auth::Credentials::new(credentials.user.reveal(), credentials.password.reveal());
        self.0
            .iter_mut()
            .map(|asked| {
                asked.times += 1;
                let cnonce = format!("{:016x}", rand::random::<u64>());
                let value =
                    auth::respond(&asked.challenge, &own, method, uri, asked.times, &cnonce);
                (asked.challenge.response_header(), value)
            })
            .collect()
    }
}
