//! How often one address may be wrong about one application's secret.
//!
//! Counted for the pair, so that somebody who guesses does not lock out the bot itself; and for the
//! application, because one id has many spellings.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use offhook_terms::AppId;

use crate::limits;

const WINDOW: Duration = Duration::from_secs(60);

pub(super) struct Throttle {
    failures_max: u32,
    failed: HashMap<(IpAddr, AppId), Failures>,
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
    pub(super) fn must_wait(&self, from: IpAddr, app: AppId, now: Instant) -> Option<Duration> {
        let failures = self.failed.get(&(from, app))?;
        let left = WINDOW.checked_sub(now.duration_since(failures.since))?;
        (failures.count >= self.failures_max && !left.is_zero()).then_some(left)
    }

    /// One more was wrong.
    pub(super) fn failed(&mut self, from: IpAddr, app: AppId, now: Instant) {
        if self.failed.len() >= limits::LOGIN_FAILURES_REMEMBERED_MAX {
            self.failed
                .retain(|_, failures| now.duration_since(failures.since) < WINDOW);
            if self.failed.len() >= limits::LOGIN_FAILURES_REMEMBERED_MAX {
                self.failed.clear();
            }
        }
        let failures = self.failed.entry((from, app)).or_insert(Failures {
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
