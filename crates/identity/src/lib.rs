//! Tokens: issued, signed and validated. Time and keys are handed in; nothing is fetched and no
//! clock is read.
//!
//! Two kinds of token travel between a platform and a bot. An **access token** goes from the bot
//! to the platform with every command and says what the bot may do ([`AccessGrant`],
//! [`AccessRules`]). A **notification token** goes from the platform to the bot with every
//! delivery and says who delivers ([`NotificationGrant`], [`NotificationRules`]). Both are RS256
//! JWTs. Client secrets and recording tokens are opaque random text; who issues them keeps a
//! [`SecretHash`].
//!
//! ```
//! use std::time::{Duration, SystemTime};
//! use offhook_identity::{KeySet, NotificationGrant, NotificationRules, SigningKey, SigningKeys};
//!
//! let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000);
//! let keys = SigningKeys::new(SigningKey::generate().unwrap());
//! let minted = NotificationGrant::new("the-app-id", "the-tenant").issue(&keys, now).unwrap();
//!
//! let rules = NotificationRules::new("the-app-id");
//! let published = KeySet::new(keys.public_keys());
//! let claims = rules.check(minted.token.reveal(), &published, now).unwrap();
//! assert_eq!(claims.tenant, "the-tenant");
//! ```

mod access;
mod activity;
mod fault;
mod jwt;
mod keys;
pub mod limits;
mod notification;
mod remembered;
mod secret;

pub use access::{AccessClaims, AccessGrant, AccessRules, GRAPH_AUDIENCES};
pub use activity::{ActivityClaims, ActivityRules};
pub use fault::{KeyFault, TokenFault};
pub use jwt::{Minted, bearer};
pub use keys::{KeySet, PublicKey, SigningKey, SigningKeys};
pub use notification::{
    NOTIFICATION_ISSUER, NOTIFICATION_ISSUERS, NotificationClaims, NotificationGrant,
    NotificationRules,
};
pub use remembered::Remembered;
pub use secret::{SecretHash, random_token};
