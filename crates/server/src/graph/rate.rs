//! How many requests one bot may make.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use offhook_terms::AppId;

use crate::registry::Bot;

/// A bucket a bot: it holds one second of requests and fills at their rate.
#[derive(Default)]
pub(super) struct Rates(Mutex<HashMap<AppId, Bucket>>);

struct Bucket {
    left: f64,
    at: Instant,
}

impl Rates {
    /// Takes one request, or says how long to wait for the next.
    pub(super) fn take(&self, bot: &Bot, now: Instant) -> Result<(), Duration> {
        let a_second = f64::from(bot.limits.requests_per_second);
        // Bots are registered, so there are no more buckets than bots.
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry(bot.app).or_insert(Bucket {
            left: a_second,
            at: now,
        });
        let since = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.left = (bucket.left + since * a_second).min(a_second);
        bucket.at = now;
        if bucket.left < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - bucket.left) / a_second));
        }
        bucket.left -= 1.0;
        Ok(())
    }
}
