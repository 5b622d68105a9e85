//! How often one address may be wrong about one application's secret.
//!
//! Counted for the pair, so that somebody who guesses does not lock out the bot itself.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::limits;

const WINDOW: Duration = Duration::from_secs(60);

pub(super) struct Throttle {
    failures_max: u32,
    failed: HashMap<(IpAddr, String), Failures>,
}

struct Failures {
    since: Instant,
    count: u32,
}

impl Throttle {
    pub(super) fn new(failures_max: u32) -> Self {
        Self {
            failures_max,
            failed: HashMap::new(),
        }
    }

    /// How long to wait before trying again, if too much went wrong already.
    pub(super) fn must_wait(&self, from: IpAddr, client: &str, now: Instant) -> Option<Duration> {
        let failures = self.failed.get(&(from, client.to_owned()))?;
        let left = WINDOW.checked_sub(now.duration_since(failures.since))?;
        (failures.count >= self.failures_max && !left.is_zero()).then_some(left)
    }

    /// One more was wrong.
    pub(super) fn failed(&mut self, from: IpAddr, client: &str, now: Instant) {
        if self.failed.len() >= limits::LOGIN_FAILURES_REMEMBERED_MAX {
            self.failed
                .retain(|_, failures| now.duration_since(failures.since) < WINDOW);
            if self.failed.len() >= limits::LOGIN_FAILURES_REMEMBERED_MAX {
                self.failed.clear();
            }
        }
        // An id is a GUID; of anything longer, that it is too long is all there is to remember.
        let client: String = client.chars().take(64).collect();
        let failures = self.failed.entry((from, client)).or_insert(Failures {
            since: now,
            count: 0,
        });
        if now.duration_since(failures.since) >= WINDOW {
            *failures = Failures {
                since: now,
                count: 0,
            };
        }
        failures.count += 1;
    }
}
