//! Opaque random text: client secrets, recording tokens, capabilities in addresses.

use std::fmt;

use aws_lc_rs::{constant_time, digest, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use offhook_terms::Private;

use crate::KeyFault;

/// Fresh random text of `bytes` bytes of randomness, in letters that need no escaping anywhere.
pub fn random_token(bytes: usize) -> Result<Private<String>, KeyFault> {
    let mut random = vec![0; bytes];
    rand::fill(&mut random).map_err(|_| KeyFault::Generation)?;
    Ok(Private::new(URL_SAFE_NO_PAD.encode(random)))
}

/// What to keep of a secret that others will show us: enough to recognise it, not to repeat it.
///
/// A plain SHA-256, which is right for random text of 128 bits and more and for nothing else.
#[derive(Clone, Copy)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// The hash of a secret.
    pub fn of(secret: &str) -> Self {
        Self(sha256(secret))
    }

    /// The hash that was stored.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash to store.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether this is the secret's hash, in the same time whether it is or not.
    pub fn matches(&self, shown: &str) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &sha256(shown)).is_ok()
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(<private>)")
    }
}

pub(crate) fn sha256(text: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_matches_its_hash_and_no_other() {
        let secret = random_token(32).expect("this machine has randomness");
        let hash = SecretHash::of(secret.reveal());
        assert!(hash.matches(secret.reveal()));
        assert!(!hash.matches("something else"));
        assert!(!hash.matches(""));
    }

    #[test]
    fn tokens_need_no_escaping() {
        let token = random_token(16).expect("this machine has randomness");
        assert_eq!(token.reveal().len(), 22);
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        assert!(token.reveal().chars().all(plain));
    }
}
