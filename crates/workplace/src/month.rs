//! How many meetings may still be made this month.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A calendar month (UTC), counted from January 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(u32);

/// A person has had as many meetings this month as there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoneLeft {
    /// How long until there are more.
    pub wait: Duration,
}

impl Month {
    /// The month of a time.
    pub fn of(at: SystemTime) -> Self {
        Self::and_end(at).0
    }

    /// Counted from January 1970, which is 0.
    pub fn number(self) -> u32 {
        self.0
    }

    /// Whether one more may be made for somebody who had `made` this month.
    ///
    /// # Errors
    /// When there are none left; with how long to wait.
    pub fn allows(made: u32, at_most: u32, now: SystemTime) -> Result<(), NoneLeft> {
        if made < at_most {
            return Ok(());
        }
        let (_, end) = Self::and_end(now);
        let wait = end.duration_since(now).unwrap_or_default();
        Err(NoneLeft { wait })
    }

    /// The month, and when the next one begins. Walks from 1970, some seven hundred steps a
    /// century, which is nothing beside a meeting.
    fn and_end(at: SystemTime) -> (Self, SystemTime) {
        let mut starts = UNIX_EPOCH;
        let mut month = 0;
        loop {
            let next = starts + DAY * days(1970 + month / 12, month % 12);
            if at < next {
                return (Self(month), next);
            }
            starts = next;
            month += 1;
        }
    }
}

/// How many days a month has; January is 0.
fn days(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 if leap => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        for (seconds, number) in [
            (0, 0),
            // 2000-02-29 and 2000-03-01: a year divided by 400 leaps.
            (951_782_400, 361),
            (951_868_800, 362),
            // 2026-11-30 23:59:59 and the second after.
            (1_796_083_199, 682),
            (1_796_083_200, 683),
            // 2100-02-28 and 2100-03-01: a year divided by 100 does not.
            (4_107_456_000, 1561),
            (4_107_542_400, 1562),
        ] {
            assert_eq!(Month::of(at(seconds)).number(), number, "{seconds}");
        }
        assert_eq!(Month::of(UNIX_EPOCH - DAY).number(), 0);
    }

    #[test]
    fn the_last_meeting_of_a_month_is_made_and_the_next_one_waits() {
        let now = at(1_796_083_200 - 90);
        assert_eq!(Month::allows(1_999, 2_000, now), Ok(()));
        let wait = Duration::from_secs(90);
        assert_eq!(Month::allows(2_000, 2_000, now), Err(NoneLeft { wait }));
        assert_eq!(Month::allows(0, 0, now), Err(NoneLeft { wait }));
    }
}
