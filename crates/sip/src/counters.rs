//! What the endpoint has counted, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// A moment's reading of an endpoint's counters. All but `calls_live` only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Calls that exist now, ringing or up.
    pub calls_live: u64,
    /// INVITEs that became a call.
    pub calls_in: u64,
    /// Calls we placed.
    pub calls_out: u64,
    /// Requests outside a call we answered with an error.
    pub refused: u64,
    /// Requests so malformed that no response could be built.
    pub unanswerable: u64,
    /// Calls answered 503 because we were full.
    pub shed: u64,
    /// Challenges sent.
    pub challenged: u64,
    /// Requests whose digest was wrong, old or used before.
    pub unauthenticated: u64,
    /// Of those, requests not looked at because their address had been wrong too often.
    pub unheard: u64,
    /// Answers sent again because no ACK had come.
    pub answers_repeated: u64,
    /// Calls that ended without a goodbye: unacknowledged, expired, unreachable.
    pub calls_lost: u64,
    /// Registrations accepted.
    pub registrations: u64,
    /// Datagrams and streams that did not parse as SIP.
    pub unparsable: u64,
    /// Requests and refusals sent again because nothing came back.
    pub retransmissions: u64,
}

/// The live side of [`Counters`].
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) calls_live: AtomicU64,
    pub(crate) calls_in: AtomicU64,
    pub(crate) calls_out: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) unanswerable: AtomicU64,
    pub(crate) shed: AtomicU64,
    pub(crate) challenged: AtomicU64,
    pub(crate) unauthenticated: AtomicU64,
    pub(crate) unheard: AtomicU64,
    pub(crate) answers_repeated: AtomicU64,
    pub(crate) calls_lost: AtomicU64,
    pub(crate) registrations: AtomicU64,
}

/// Counts one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Tally {
    pub(crate) fn read(&self, unparsable: u64, retransmissions: u64) -> Counters {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            calls_live: get(&self.calls_live),
            calls_in: get(&self.calls_in),
            calls_out: get(&self.calls_out),
            refused: get(&self.refused),
            unanswerable: get(&self.unanswerable),
            shed: get(&self.shed),
            challenged: get(&self.challenged),
            unauthenticated: get(&self.unauthenticated),
            unheard: get(&self.unheard),
            answers_repeated: get(&self.answers_repeated),
            calls_lost: get(&self.calls_lost),
            registrations: get(&self.registrations),
            unparsable,
            retransmissions,
        }
    }
}
