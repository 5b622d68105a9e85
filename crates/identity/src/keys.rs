//! RSA keys: the pair that signs, the one before it, and the published halves others check with.
//!
//! A key's name (`kid`) is its RFC 7638 thumbprint, so the same key has the same name after a
//! restart without storing it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use offhook_terms::Private;
use serde::Serialize;

use crate::KeyFault;
use crate::limits::PUBLISHED_KEYS_MAX;

/// The published half of a key, as a key set spells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// Its name.
    pub kid: String,
    /// The modulus, base64url.
    pub n: String,
    /// The exponent, base64url.
    pub e: String,
    /// The channels it may speak for, by their ids; any when there are none.
    pub endorsements: Vec<String>,
}

/// A key that signs. Making one takes tens of milliseconds to seconds: not on a busy thread.
pub struct SigningKey {
    public: PublicKey,
    pkcs8: Vec<u8>,
    encoding: EncodingKey,
}

impl SigningKey {
    /// A new RSA key of 2048 bits.
    pub fn generate() -> Result<Self, KeyFault> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyFault::Generation)?;
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyFault::Generation)?;
        Self::from_pkcs8(der.as_ref())
    }

    /// The key of a PEM file that [`SigningKey::to_pem`] wrote, or any PKCS #8 RSA key.
    pub fn from_pem(pem: &str) -> Result<Self, KeyFault> {
        let body: String = pem
            .split_once("-----BEGIN PRIVATE KEY-----")
            .and_then(|(_, rest)| rest.split_once("-----END PRIVATE KEY-----"))
            .map(|(body, _)| body.split_whitespace().collect())
            .ok_or(KeyFault::NotAKey)?;
        let der = STANDARD.decode(body).map_err(|_| KeyFault::NotAKey)?;
        Self::from_pkcs8(&der)
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, KeyFault> {
        let pair = KeyPair::from_pkcs8(der).map_err(|_| KeyFault::NotAKey)?;
        let half = pair.public_key();
        let n = URL_SAFE_NO_PAD.encode(half.modulus().big_endian_without_leading_zero());
        let e = URL_SAFE_NO_PAD.encode(half.exponent().big_endian_without_leading_zero());
        let kid = thumbprint(&n, &e);
        let encoding =
            EncodingKey::from_rsa_pem(pem_of(der).as_bytes()).map_err(|_| KeyFault::NotAKey)?;
        Ok(Self {
            public: PublicKey {
                kid,
                n,
                e,
                endorsements: Vec::new(),
            },
            pkcs8: der.to_vec(),
            encoding,
        })
    }

    /// The key as a PKCS #8 PEM file, for a folder only its owner can read.
    pub fn to_pem(&self) -> Private<String> {
        Private::new(pem_of(&self.pkcs8))
    }

    /// Its name.
    pub fn kid(&self) -> &str {
        &self.public.kid
    }

    /// The half to publish.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, claims: &impl Serialize) -> Result<String, KeyFault> {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(self.public.kid.clone());
        // Several published validators look the key up by `x5t` and not by `kid`.
        header.x5t = Some(self.public.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.encoding).map_err(|_| KeyFault::Signing)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.public.kid).finish()
    }
}

/// RFC 7638 §3: the members that make an RSA key, in order, hashed.
fn thumbprint(n: &str, e: &str) -> String {
    let canonical = format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#);
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, canonical.as_bytes());
    URL_SAFE_NO_PAD.encode(digest)
}

fn pem_of(der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let mut pem = String::with_capacity(body.len() + body.len() / 64 + 64);
    pem.push_str("-----BEGIN PRIVATE KEY-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, next) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = next;
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    pem
}

/// The key that signs, and the one before it, which is still published so that what it signed
/// stays good until it expires.
#[derive(Debug, Clone)]
pub struct SigningKeys {
    current: Arc<SigningKey>,
    previous: Option<Arc<SigningKey>>,
}

impl SigningKeys {
    /// One key, none before it.
    pub fn new(current: SigningKey) -> Self {
        Self {
            current: Arc::new(current),
            previous: None,
        }
    }

    /// The same, with the key that signed before; for keys read from a store.
    #[must_use]
    pub fn with_previous(mut self, previous: SigningKey) -> Self {
        self.previous = Some(Arc::new(previous));
        self
    }

    /// Signs with `next` from now on. Rotate no more often than the longest token lives: only one
    /// earlier key stays published.
    pub fn rotate(&mut self, next: SigningKey) {
        let signed_before = std::mem::replace(&mut self.current, Arc::new(next));
        self.previous = Some(signed_before);
    }

    /// The key that signs.
    pub fn current(&self) -> &SigningKey {
        &self.current
    }

    /// The key that signed before.
    pub fn previous(&self) -> Option<&SigningKey> {
        self.previous.as_deref()
    }

    /// The halves to publish, the current one first.
    pub fn public_keys(&self) -> Vec<PublicKey> {
        let both = [Some(&self.current), self.previous.as_ref()];
        both.into_iter()
            .flatten()
            .map(|key| key.public.clone())
            .collect()
    }

    /// Signs any claims with the current key.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, KeyFault> {
        self.current.sign(claims)
    }
}

/// Published keys to check signatures with, by name.
#[derive(Clone, Default)]
pub struct KeySet {
    keys: HashMap<String, (DecodingKey, Arc<[String]>)>,
}

impl KeySet {
    /// The usable keys of a published set; the others are left out.
    pub fn new(published: impl IntoIterator<Item = PublicKey>) -> Self {
        let keys = published
            .into_iter()
            .filter_map(|key| {
                let decoding = DecodingKey::from_rsa_components(&key.n, &key.e).ok()?;
                Some((key.kid, (decoding, key.endorsements.into())))
            })
            .take(PUBLISHED_KEYS_MAX)
            .collect();
        Self { keys }
    }

    /// Whether a key of this name is in the set.
    pub fn contains(&self, kid: &str) -> bool {
        self.keys.contains_key(kid)
    }

    /// Whether there is no key at all.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(crate) fn get(&self, kid: &str) -> Option<&DecodingKey> {
        self.keys.get(kid).map(|(key, _)| key)
    }

    pub(crate) fn endorsements(&self, kid: &str) -> Arc<[String]> {
        let known = self.keys.get(kid);
        known
            .map(|(_, channels)| Arc::clone(channels))
            .unwrap_or_default()
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.keys.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_key_after_a_restart() {
        let key = SigningKey::generate().expect("this machine makes keys");
        let again = SigningKey::from_pem(key.to_pem().reveal()).expect("we wrote it");
        assert_eq!(key.public(), again.public());
    }

    #[test]
    fn what_is_not_a_key_is_refused() {
        for text in [
            "",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----",
        ] {
            assert_eq!(
                SigningKey::from_pem(text).expect_err("no key"),
                KeyFault::NotAKey
            );
        }
    }

    #[test]
    fn the_thumbprint_is_that_of_the_rfc() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        assert_eq!(
            thumbprint(n, "AQAB"),
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
        );
    }

    #[test]
    fn the_key_before_stays_published() {
        let mut keys = SigningKeys::new(SigningKey::generate().expect("this machine makes keys"));
        let first = keys.current().kid().to_owned();
        keys.rotate(SigningKey::generate().expect("this machine makes keys"));
        let published = keys.public_keys();
        assert_eq!(published.len(), 2);
        assert_eq!(published[0].kid, keys.current().kid());
        assert_eq!(published[1].kid, first);
    }
}
