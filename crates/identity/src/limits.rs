//! Every bound of this crate, with its reason.

use std::time::Duration;

/// How far the clocks of two machines may be apart; the published validators allow as much.
pub const CLOCK_SKEW: Duration = Duration::from_secs(5 * 60);

/// How long an access token is good for: what clients of the Microsoft identity platform expect.
pub const ACCESS_TOKEN_LIFETIME: Duration = Duration::from_secs(3_599);

/// How long a notification token is good for: 65 minutes, as in the published example, so that one
/// token signs an hour of deliveries.
pub const NOTIFICATION_TOKEN_LIFETIME: Duration = Duration::from_secs(65 * 60);

/// A notification token is replaced when less than this is left of it, so that a delivery that is
/// retried for a while still arrives with a good one.
pub const NOTIFICATION_TOKEN_RENEWED_BEFORE: Duration = Duration::from_secs(10 * 60);

/// The longest token that is looked at. Real ones are below 4 kB; the rest is not worth hashing.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// How many tokens of one key set are kept as already checked. One per bot and hour is normal;
/// when it is full the one that expires first gives way.
pub const REMEMBERED_TOKENS_MAX: usize = 4_096;

/// How many keys of a published set are used. Real sets have a few; the rest is ignored.
pub const PUBLISHED_KEYS_MAX: usize = 64;
