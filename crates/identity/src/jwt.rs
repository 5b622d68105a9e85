//! What all our JWTs have in common: the header line they travel in, the signature, the lifetime,
//! the issuer and the audience, checked in that order.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation};
use offhook_terms::Private;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use crate::limits::{CLOCK_SKEW, TOKEN_BYTES_MAX};
use crate::{KeySet, TokenFault};

/// A token as issued.
#[derive(Debug, Clone)]
pub struct Minted {
    /// The token.
    pub token: Private<String>,
    /// When it stops being good.
    pub expires_at: SystemTime,
}

/// The token of an `Authorization` header (RFC 6750 §2.1).
pub fn bearer(header: Option<&str>) -> Result<&str, TokenFault> {
    let header = header.ok_or(TokenFault::Missing)?.trim();
    if header.is_empty() {
        return Err(TokenFault::Missing);
    }
    let (scheme, token) = header.split_once(' ').ok_or(TokenFault::Malformed)?;
    let token = token.trim();
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(TokenFault::Malformed);
    }
    if token.is_empty() {
        return Err(TokenFault::Missing);
    }
    Ok(token)
}

/// Whole seconds of Unix time; a clock before 1970 is 0.
pub(crate) fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// The claims every token has.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Common {
    #[serde(default)]
    iss: Option<String>,
    #[serde(default)]
    aud: Option<Audience>,
    #[serde(default, deserialize_with = "instant")]
    nbf: Option<u64>,
    #[serde(default, deserialize_with = "instant")]
    exp: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// RFC 7519 §2 allows fractions of seconds.
fn instant<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    let number = Option::<f64>::deserialize(from)?;
    // A saturating cast: what is absurdly late or early stays so.
    Ok(number.map(|number| number as u64))
}

/// The claims of a token whose signature is that of a key in `keys`.
pub(crate) fn signed<T: DeserializeOwned>(token: &str, keys: &KeySet) -> Result<T, TokenFault> {
    signed_with(token, keys).map(|(read, _)| read)
}

/// The same, and the name of the key.
pub(crate) fn signed_with<T: DeserializeOwned>(
    token: &str,
    keys: &KeySet,
) -> Result<(T, String), TokenFault> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(TokenFault::Malformed);
    }
    let header = jsonwebtoken::decode_header(token).map_err(|_| TokenFault::Malformed)?;
    if header.alg != Algorithm::RS256 {
        return Err(TokenFault::Malformed);
    }
    let kid = header.kid.or(header.x5t).ok_or(TokenFault::UnknownKey)?;
    let key = keys.get(&kid).ok_or(TokenFault::UnknownKey)?;

    // The library would read the clock for the rest, so it checks the signature and nothing else.
    let mut only_signature = Validation::new(Algorithm::RS256);
    only_signature.required_spec_claims.clear();
    only_signature.validate_exp = false;
    only_signature.validate_nbf = false;
    only_signature.validate_aud = false;
    match jsonwebtoken::decode::<T>(token, key, &only_signature) {
        Ok(read) => Ok((read.claims, kid)),
        Err(error) => Err(match error.kind() {
            ErrorKind::InvalidSignature | ErrorKind::InvalidKeyFormat => TokenFault::BadSignature,
            _ => TokenFault::Malformed,
        }),
    }
}

impl Common {
    /// Checks what every token must satisfy, and says when it expires.
    pub(crate) fn check(
        &self,
        issuers: &[String],
        audiences: &[String],
        now: SystemTime,
    ) -> Result<SystemTime, TokenFault> {
        let skew = CLOCK_SKEW.as_secs();
        let now = seconds(now);
        let expires = self.exp.ok_or(TokenFault::Malformed)?;
        if self.nbf.is_some_and(|from| from > now.saturating_add(skew)) {
            return Err(TokenFault::NotYet);
        }
        if expires.saturating_add(skew) <= now {
            return Err(TokenFault::Expired);
        }
        let issuer = self.iss.as_deref().unwrap_or_default();
        if !issuers.iter().any(|known| known == issuer) {
            return Err(TokenFault::WrongIssuer);
        }
        let named = match &self.aud {
            None => &[],
            Some(Audience::One(one)) => std::slice::from_ref(one),
            Some(Audience::Several(several)) => several.as_slice(),
        };
        if !named.iter().any(|audience| audiences.contains(audience)) {
            return Err(TokenFault::WrongAudience);
        }
        // A date too far for the clock's type is as good as the far end of what we would remember.
        let span = Duration::from_secs(expires);
        Ok(UNIX_EPOCH
            .checked_add(span)
            .unwrap_or(UNIX_EPOCH + Duration::from_secs(u64::from(u32::MAX))))
    }
}
