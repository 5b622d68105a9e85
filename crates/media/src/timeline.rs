//! The timestamps of a stream as media time, in 1/8000 s.
//!
//! ```text
//!   48 kHz   … 4294966960, 624, 1584 …    wraps after a day, and 2³² is no multiple of six
//!    8 kHz   …  715827826, …986, …146     goes on
//! ```

/// Follows the timestamps of one stream.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Timeline {
    last: Option<Mark>,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    timestamp: u32,
    /// Ticks of the clock in 1/8000 s.
    clock: u32,
    /// All ticks since a beginning that does not matter.
    ticks: i64,
}

impl Timeline {
    /// Where a timestamp is, by a clock of so many ticks in 1/8000 s. Packets may come in any order. When
    /// the clock changes, time goes on from where it was.
    pub(crate) fn units(&mut self, timestamp: u32, clock: u32) -> u32 {
        let ticks = match self.last {
            None => i64::from(timestamp),
            Some(last) if last.clock != clock => {
                last.ticks.div_euclid(i64::from(last.clock)) * i64::from(clock)
            }
            Some(last) => {
                let ahead = timestamp.wrapping_sub(last.timestamp) as i32;
                last.ticks.wrapping_add(i64::from(ahead))
            }
        };
        self.last = Some(Mark {
            timestamp,
            clock,
            ticks,
        });
        ticks.div_euclid(i64::from(clock.max(1))) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_fast_clock_goes_on_where_it_wraps() {
        let mut timeline = Timeline::default();
        let start = u32::MAX - 2_000;
        let first = timeline.units(start, 6);
        for n in 1..10_000_u32 {
            let at = timeline.units(start.wrapping_add(n * 960), 6);
            assert_eq!(at.wrapping_sub(first), n * 160, "{n}");
        }
        // An old one again.
        assert_eq!(
            timeline
                .units(start.wrapping_add(960), 6)
                .wrapping_sub(first),
            160
        );
    }

    #[test]
    fn another_clock_goes_on_from_here() {
        let mut timeline = Timeline::default();
        let before = timeline.units(8_000, 1);
        assert_eq!(timeline.units(77, 6), before);
        assert_eq!(timeline.units(77 + 960, 6), before + 160);
        assert_eq!(timeline.units(5, 1), before + 160);
    }

    proptest! {
        #[test]
        fn at_8_khz_it_is_the_timestamp_itself(timestamps in proptest::collection::vec(any::<u32>(), 0..100)) {
            let mut timeline = Timeline::default();
            for timestamp in timestamps {
                prop_assert_eq!(timeline.units(timestamp, 1), timestamp);
            }
        }
    }
}
