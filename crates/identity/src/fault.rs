//! Why a token is refused, for each edge to word in its own way.

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum TokenFault {
    /// There is none.
    #[error("there is no token")]
    Missing,
    /// It is not an RS256 JWT with the claims we need in the form we need.
    #[error("the token is malformed")]
    Malformed,
    /// It names no key, or a key that is not in the set. A fresh copy of the set may have it.
    #[error("the token is signed with an unknown key")]
    UnknownKey,
    /// The signature is not that of its key.
    #[error("the token's signature is wrong")]
    BadSignature,
    /// It was good once.
    #[error("the token has expired")]
    Expired,
    /// It will be good.
    #[error("the token is not valid yet")]
    NotYet,
    /// Somebody else issued it.
    #[error("the token is from another issuer")]
    WrongIssuer,
    /// It is meant for somebody else.
    #[error("the token is for another audience")]
    WrongAudience,
    /// It says no tenant where one must be said.
    #[error("the token names no tenant")]
    MissingTenant,
    /// It says no application where one must be said.
    #[error("the token names no application")]
    MissingApp,
}

/// Why a key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFault {
    /// The machine has no randomness or no memory to make one.
    #[error("a signing key could not be made")]
    Generation,
    /// The text is not a PEM `PRIVATE KEY` (PKCS #8) of an RSA key.
    #[error("not an RSA private key in PKCS #8 PEM form")]
    NotAKey,
    /// The key would not sign.
    #[error("the key did not sign")]
    Signing,
}
