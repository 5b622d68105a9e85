//! What the tick threads count: one writer each, read from anywhere, no lock.

use std::ops::Add;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the buckets of [`Deviation`], in microseconds; one more bucket is above all.
pub const DEVIATION_BOUNDS_US: [u64; 17] = [
    25, 50, 75, 100, 150, 200, 300, 400, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000, 10_000,
    20_000,
];

const BUCKETS: usize = DEVIATION_BOUNDS_US.len() + 1;

/// How far the time between two packets of a stream was from 20 ms, either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Deviation {
    /// How many fell into each bucket of [`DEVIATION_BOUNDS_US`], and above all.
    pub counts: [u64; BUCKETS],
    /// Their sum in microseconds.
    pub sum_us: u64,
    /// The largest in microseconds.
    pub max_us: u64,
}

impl Deviation {
    /// How many were measured.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The bound under which this share (0 to 1) of them fell; the largest for the last bucket.
    pub fn quantile_us(&self, share: f64) -> u64 {
        let wanted = (self.count() as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (count, bound) in self.counts.iter().zip(DEVIATION_BOUNDS_US) {
            seen += count;
            if seen >= wanted {
                return bound.min(self.max_us);
            }
        }
        self.max_us
    }
}

/// What all threads have counted since they began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Rooms on the threads now.
    pub rooms: u64,
    /// RTP packets sent.
    pub packets_sent: u64,
    /// Datagrams read from RTP sockets.
    pub packets_received: u64,
    /// Packets the network would not take.
    pub packets_unsent: u64,
    /// Packets that never came, of rooms that have closed.
    pub packets_lost: u64,
    /// Ticks a thread was late by twenty milliseconds or more; each dropped a frame of its rooms.
    pub ticks_late: u64,
    /// Rooms that broke by a mistake of ours.
    pub rooms_broken: u64,
    /// The regularity of what is sent.
    pub deviation: Deviation,
}

impl Add for Counters {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self.rooms += other.rooms;
        self.packets_sent += other.packets_sent;
        self.packets_received += other.packets_received;
        self.packets_unsent += other.packets_unsent;
        self.packets_lost += other.packets_lost;
        self.ticks_late += other.ticks_late;
        self.rooms_broken += other.rooms_broken;
        for (to, from) in self.deviation.counts.iter_mut().zip(other.deviation.counts) {
            *to += from;
        }
        self.deviation.sum_us += other.deviation.sum_us;
        self.deviation.max_us = self.deviation.max_us.max(other.deviation.max_us);
        self
    }
}

#[derive(Debug, Default)]
pub(super) struct ThreadCounters {
    pub(super) rooms: Count,
    pub(super) sent: Count,
    pub(super) received: Count,
    pub(super) unsent: Count,
    pub(super) lost: Count,
    pub(super) ticks_late: Count,
    pub(super) broken: Count,
    deviation: [Count; BUCKETS],
    deviation_sum_us: Count,
    deviation_max_us: Count,
}

/// A number only its own thread changes, so that counting is a load and a store.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self, n: u64) {
        self.set(self.get().wrapping_add(n));
    }

    pub(super) fn set(&self, n: u64) {
        self.0.store(n, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl ThreadCounters {
    pub(super) fn deviated(&self, by: Duration) {
        let us = by.as_micros() as u64;
        let bucket = DEVIATION_BOUNDS_US.partition_point(|bound| *bound < us);
        self.deviation[bucket].add(1);
        self.deviation_sum_us.add(us);
        if us > self.deviation_max_us.get() {
            self.deviation_max_us.set(us);
        }
    }

    pub(super) fn read(&self) -> Counters {
        Counters {
            rooms: self.rooms.get(),
            packets_sent: self.sent.get(),
            packets_received: self.received.get(),
            packets_unsent: self.unsent.get(),
            packets_lost: self.lost.get(),
            ticks_late: self.ticks_late.get(),
            rooms_broken: self.broken.get(),
            deviation: Deviation {
                counts: std::array::from_fn(|at| self.deviation[at].get()),
                sum_us: self.deviation_sum_us.get(),
                max_us: self.deviation_max_us.get(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviations_fall_into_their_buckets() {
        let counters = ThreadCounters::default();
        for _ in 0..99 {
            counters.deviated(Duration::from_micros(40));
        }
        counters.deviated(Duration::from_millis(50));
        let deviation = counters.read().deviation;
        assert_eq!(deviation.count(), 100);
        assert_eq!(deviation.quantile_us(0.5), 50);
        assert_eq!(deviation.quantile_us(0.99), 50);
        assert_eq!(deviation.quantile_us(1.0), 50_000);
    }
}
