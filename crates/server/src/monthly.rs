//! How many calls a bot may have in a calendar month.

use std::time::{Duration, SystemTime};

use offhook_workplace::Month;

/// The calls of one bot in this month, and how many they may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Monthly {
    at_most: u32,
    month: Month,
    made: u32,
}

impl Monthly {
    /// So many are allowed, and so many were made in the month of `now`.
    pub(crate) fn new(at_most: u32, made: u32, now: SystemTime) -> Self {
        Self {
            at_most,
            month: Month::of(now),
            made,
        }
    }

    /// Takes one call, or says how long until there are more.
    pub(crate) fn take(&mut self, now: SystemTime) -> Result<(), Duration> {
        let month = Month::of(now);
        if month != self.month {
            self.month = month;
            self.made = 0;
        }
        Month::allows(self.made, self.at_most, now).map_err(|none| none.wait)?;
        self.made += 1;
        Ok(())
    }

    /// The call that was taken came to nothing before it began.
    pub(crate) fn give_back(&mut self) {
        self.made = self.made.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    #[test]
    fn a_month_has_so_many_calls_and_the_next_has_them_again() {
        let tenth = UNIX_EPOCH + DAY * 9;
        let mut monthly = Monthly::new(3, 1, tenth);
        assert_eq!(monthly.take(tenth), Ok(()));
        assert_eq!(monthly.take(tenth), Ok(()));
        assert_eq!(monthly.take(tenth), Err(DAY * 22));
        assert_eq!(monthly.take(UNIX_EPOCH + DAY * 31), Ok(()));
    }

    #[test]
    fn a_call_that_never_began_is_not_one_of_the_month() {
        let mut monthly = Monthly::new(1, 0, UNIX_EPOCH);
        assert_eq!(monthly.take(UNIX_EPOCH), Ok(()));
        monthly.give_back();
        assert_eq!(monthly.take(UNIX_EPOCH), Ok(()));
        assert!(monthly.take(UNIX_EPOCH).is_err());
    }

    #[test]
    fn none_allowed_is_none_made() {
        assert!(Monthly::new(0, 0, UNIX_EPOCH).take(UNIX_EPOCH).is_err());
    }
}
