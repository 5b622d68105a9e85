//! The waits of a call, by name.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use offhook_terms::LegId;

use crate::ring::RingId;

/// Something the call waits for, and gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// The bot of this leg must answer or reject ([`crate::limits::BOT_DECIDES_WITHIN`]).
    BotMustDecide(LegId),
    /// The bot of this leg must say that it is alive ([`crate::limits::KEEP_ALIVE_WITHIN`]).
    BotMustKeepAlive(LegId),
    /// Somebody must come, of those who ring.
    SomebodyMustCome(RingId),
}

/// The running timers of one call; somebody else counts them down.
#[derive(Debug, Default)]
pub(crate) struct Timers(BTreeMap<Timer, Instant>);

impl Timers {
    /// Starts a timer, or starts it over.
    pub(crate) fn start(&mut self, timer: Timer, now: Instant, wait: Duration) {
        self.0.insert(timer, now + wait);
    }

    pub(crate) fn stop(&mut self, timer: Timer) {
        self.0.remove(&timer);
    }

    /// Takes out the earliest timer that is due.
    pub(crate) fn next_due(&mut self, now: Instant) -> Option<Timer> {
        let (timer, due) = self.earliest()?;
        (due <= now).then(|| {
            self.0.remove(&timer);
            timer
        })
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.earliest().map(|(_, due)| due)
    }

    fn earliest(&self) -> Option<(Timer, Instant)> {
        let all = self.0.iter().map(|(timer, due)| (*timer, *due));
        all.min_by_key(|(_, due)| *due)
    }
}
