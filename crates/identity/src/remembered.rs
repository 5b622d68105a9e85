//! Tokens that were already checked.
//!
//! One token comes with every request for an hour, and checking its signature costs more than
//! everything else about a small request. A token is remembered by its hash, until it expires.

use std::collections::HashMap;
use std::time::SystemTime;

use crate::limits::{CLOCK_SKEW, REMEMBERED_TOKENS_MAX};
use crate::secret::sha256;

/// What checked tokens said. Forget all of it when the keys or the rules change.
#[derive(Debug, Clone)]
pub struct Remembered<C> {
    checked: HashMap<[u8; 32], (C, SystemTime)>,
}

impl<C> Default for Remembered<C> {
    fn default() -> Self {
        Self {
            checked: HashMap::new(),
        }
    }
}

impl<C: Clone> Remembered<C> {
    /// What the token said, if it was checked before and is still good.
    pub fn get(&self, token: &str, now: SystemTime) -> Option<C> {
        let (claims, expires_at) = self.checked.get(&sha256(token))?;
        (now < *expires_at + CLOCK_SKEW).then(|| claims.clone())
    }

    /// Remembers what a checked token said. When full, the token that expires first is forgotten.
    pub fn keep(&mut self, token: &str, claims: C, expires_at: SystemTime) {
        if self.checked.len() >= REMEMBERED_TOKENS_MAX {
            let soonest = self.checked.iter().min_by_key(|(_, (_, expires))| *expires);
            if let Some(hash) = soonest.map(|(hash, _)| *hash) {
                self.checked.remove(&hash);
            }
        }
        self.checked.insert(sha256(token), (claims, expires_at));
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.checked.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_token_is_forgotten_when_it_expires() {
        let mut remembered = Remembered::default();
        remembered.keep("a", 1, UNIX_EPOCH + Duration::from_secs(1_000));
        assert_eq!(remembered.get("a", UNIX_EPOCH), Some(1));
        assert_eq!(remembered.get("b", UNIX_EPOCH), None);
        let late = UNIX_EPOCH + Duration::from_secs(1_000) + CLOCK_SKEW;
        assert_eq!(remembered.get("a", late), None);
    }

    #[test]
    fn the_one_that_expires_first_gives_way() {
        let mut remembered = Remembered::default();
        for n in 0..=REMEMBERED_TOKENS_MAX as u64 {
            let expires_at = UNIX_EPOCH + Duration::from_secs(1_000 + n);
            remembered.keep(&n.to_string(), n, expires_at);
        }
        assert_eq!(remembered.get("0", UNIX_EPOCH), None);
        assert_eq!(remembered.get("1", UNIX_EPOCH), Some(1));
    }
}
