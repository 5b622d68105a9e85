//! Numbers that are handed out one at a time, to those who wait longest first.
//!
//! ```text
//!   free ──request──▶ held by one, with what belongs to it ──read, released, expired──▶ free
//! ```
//!
//! Nobody spins: whoever finds no free number stands in a queue, and is told when one is theirs.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, SystemTime};

/// Whoever wants a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Ticket(u64);

/// A number that somebody holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) context: String,
    pub(super) until: SystemTime,
}

/// What came of a request at once.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Requested {
    /// This number is theirs.
    Number(String),
    /// They wait.
    Waits(Ticket),
    /// More wait than are held.
    Full,
}

/// The pool. Numbers are told apart without regard to case.
#[derive(Debug)]
pub(super) struct Pool {
    /// The one that was free longest goes first: what was read under it is long forgotten.
    free: VecDeque<String>,
    held: HashMap<String, Held>,
    waiting: VecDeque<(Ticket, String)>,
    tickets: u64,
    hold_for: Duration,
    waiting_max: usize,
}

impl Pool {
    pub(super) fn new(
        numbers: impl IntoIterator<Item = String>,
        hold_for: Duration,
        waiting_max: usize,
    ) -> Self {
        let mut pool = Self {
            free: VecDeque::new(),
            held: HashMap::new(),
            waiting: VecDeque::new(),
            tickets: 0,
            hold_for,
            waiting_max,
        };
        for number in numbers {
            let number = key(&number);
            if !pool.free.contains(&number) {
                pool.free.push_back(number);
            }
        }
        pool
    }

    /// A number that was held when the last process ended. One that is not of the pool any more is
    /// nobody's.
    pub(super) fn restore(&mut self, number: &str, held: Held) -> bool {
        let number = key(number);
        let at = self.free.iter().position(|free| *free == number);
        let Some(at) = at else { return false };
        self.free.remove(at);
        self.held.insert(number, held);
        true
    }

    /// Somebody wants a number for this.
    pub(super) fn request(&mut self, context: String, now: SystemTime) -> Requested {
        if self.waiting.is_empty()
            && let Some(number) = self.free.pop_front()
        {
            self.hold(&number, context, now);
            return Requested::Number(number);
        }
        if self.waiting.len() >= self.waiting_max {
            return Requested::Full;
        }
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.waiting.push_back((ticket, context));
        Requested::Waits(ticket)
    }

    /// They do not wait any longer.
    pub(super) fn give_up(&mut self, ticket: Ticket) {
        self.waiting.retain(|(waiting, _)| *waiting != ticket);
    }

    /// Who has a number now, of those who waited.
    pub(super) fn next_served(&mut self, now: SystemTime) -> Option<(Ticket, String)> {
        if self.waiting.is_empty() {
            return None;
        }
        let number = self.free.pop_front()?;
        let (ticket, context) = self.waiting.pop_front()?;
        self.hold(&number, context, now);
        Some((ticket, number))
    }

    fn hold(&mut self, number: &str, context: String, now: SystemTime) {
        let until = now + self.hold_for;
        self.held.insert(number.to_owned(), Held { context, until });
    }

    /// What is held under a number.
    pub(super) fn held(&self, number: &str) -> Option<&Held> {
        self.held.get(&key(number))
    }

    /// Reads what belongs to a number and lets it go. Unknown or free numbers are nothing.
    pub(super) fn take(&mut self, number: &str, now: SystemTime) -> Option<Held> {
        let number = key(number);
        let held = self.held.remove(&number)?;
        self.free.push_back(number);
        // Its time was over, and nobody has looked yet.
        (held.until > now).then_some(held)
    }

    /// Lets go of what nobody came for; gives the numbers.
    pub(super) fn expire(&mut self, now: SystemTime) -> Vec<String> {
        let over = self.held.iter().filter(|(_, held)| held.until <= now);
        let mut over: Vec<String> = over.map(|(number, _)| number.clone()).collect();
        over.sort();
        for number in &over {
            self.held.remove(number);
            self.free.push_back(number.clone());
        }
        over
    }
}

/// A number as it stands in paths: without the plus, and in one case.
pub(super) fn key(number: &str) -> String {
    number.trim().trim_start_matches('+').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    const HOLD: Duration = Duration::from_secs(600);

    fn zero() -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    fn pool(numbers: &[&str]) -> Pool {
        Pool::new(numbers.iter().map(|one| (*one).to_owned()), HOLD, 10_000)
    }

    #[test]
    fn whoever_waits_longest_is_served_first() {
        let mut pool = pool(&["+14255550170", "+14255550171", "+14255550170"]);
        let number = |text: &str| Requested::Number(text.to_owned());
        assert_eq!(pool.request("a".into(), zero()), number("14255550170"));
        assert_eq!(pool.request("b".into(), zero()), number("14255550171"));
        let Requested::Waits(first) = pool.request("c".into(), zero()) else {
            panic!("none is free")
        };
        let Requested::Waits(second) = pool.request("d".into(), zero()) else {
            panic!("none is free")
        };
        let Requested::Waits(third) = pool.request("e".into(), zero()) else {
            panic!("none is free")
        };
        assert_eq!(pool.next_served(zero()), None);
        pool.give_up(second);
        let read = pool.take("+14255550171", zero()).expect("held");
        assert_eq!(read.context, "b");
        assert_eq!(
            pool.next_served(zero()),
            Some((first, "14255550171".to_owned()))
        );
        assert_eq!(pool.next_served(zero()), None);
        assert_eq!(pool.take("unknown", zero()), None);
        pool.take("14255550170", zero()).expect("held");
        assert_eq!(
            pool.next_served(zero()),
            Some((third, "14255550170".to_owned()))
        );
        assert_eq!(pool.held("14255550170").expect("held").context, "e");
    }

    #[test]
    fn what_nobody_comes_for_expires_and_what_was_read_is_gone() {
        let mut pool = pool(&["1"]);
        pool.request("a".into(), zero());
        assert_eq!(
            pool.expire(zero() + HOLD - Duration::from_secs(1)),
            Vec::<String>::new()
        );
        assert_eq!(pool.expire(zero() + HOLD), ["1"]);
        assert_eq!(pool.take("1", zero() + HOLD), None);
        pool.request("b".into(), zero() + HOLD);
        assert_eq!(pool.take("1", zero() + HOLD).expect("held").context, "b");
        assert_eq!(pool.take("1", zero() + HOLD), None, "read once");
    }

    #[test]
    fn what_was_held_is_held_after_a_restart() {
        let mut pool = pool(&["1", "2"]);
        let held = Held {
            context: "a".into(),
            until: zero() + HOLD,
        };
        assert!(pool.restore("1", held.clone()) && !pool.restore("3", held));
        assert_eq!(
            pool.request("b".into(), zero()),
            Requested::Number("2".into())
        );
        assert_eq!(pool.take("1", zero()).expect("held").context, "a");
    }

    #[test]
    fn more_than_may_wait_are_turned_away() {
        let mut pool = Pool::new(["1".to_owned()], HOLD, 1);
        pool.request("a".into(), zero());
        assert!(matches!(
            pool.request("b".into(), zero()),
            Requested::Waits(_)
        ));
        assert_eq!(pool.request("c".into(), zero()), Requested::Full);
    }

    proptest! {
        /// Whatever happens in whatever order: a number is never handed out while it is held, nobody is
        /// forgotten, and when all let go all have been served.
        #[test]
        fn a_number_is_never_held_twice(steps in prop::collection::vec(0..6_u8, 0..300)) {
            let mut pool = pool(&["1", "2", "3"]);
            let mut now = zero();
            let (mut held, mut waiting) = (HashSet::new(), HashSet::new());
            let mut asked = 0;
            for step in steps {
                match step {
                    0..=2 => {
                        asked += 1;
                        match pool.request(asked.to_string(), now) {
                            Requested::Number(number) => prop_assert!(held.insert(number)),
                            Requested::Waits(ticket) => prop_assert!(waiting.insert(ticket)),
                            Requested::Full => prop_assert!(false, "there is room"),
                        }
                    }
                    3 => {
                        let one = held.iter().next().cloned();
                        if let Some(number) = one {
                            prop_assert!(pool.take(&number, now).is_some());
                            held.remove(&number);
                        }
                    }
                    4 => {
                        now += Duration::from_secs(200);
                        for number in pool.expire(now) {
                            prop_assert!(held.remove(&number));
                        }
                    }
                    _ => {
                        let one = waiting.iter().next().copied();
                        if let Some(ticket) = one {
                            pool.give_up(ticket);
                            waiting.remove(&ticket);
                        }
                    }
                }
                while let Some((ticket, number)) = pool.next_served(now) {
                    prop_assert!(waiting.remove(&ticket));
                    prop_assert!(held.insert(number));
                }
            }
            while let Some(number) = held.iter().next().cloned() {
                prop_assert!(pool.take(&number, now).is_some());
                held.remove(&number);
                while let Some((ticket, number)) = pool.next_served(now) {
                    prop_assert!(waiting.remove(&ticket));
                    prop_assert!(held.insert(number));
                }
            }
            prop_assert!(waiting.is_empty());
        }
    }
}
