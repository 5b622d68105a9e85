//! How often one address may be wrong about a password.
//!
//! Counted for the account too, so that one phone with an old password does not lock out the
//! office it shares an address with until it has been wrong for many.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use crate::limits;

const WINDOW: Duration = Duration::from_secs(60);

/// Wrong answers to challenges, of the last minute.
pub(crate) struct Guesses {
    at_most: u32,
    wrong: HashMap<Whose, Wrong>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Whose {
    /// Of one address about one account.
    Account(IpAddr, String),
    /// Of one address about any.
    Address(IpAddr),
}

struct Wrong {
    since: Instant,
    times: u32,
}

impl Guesses {
    pub(crate) fn new(at_most: u32) -> Self {
        Self {
            at_most,
            wrong: HashMap::new(),
        }
    }

    /// Whether this address has been wrong too often to be heard now.
    pub(crate) fn are_too_many(&self, from: IpAddr, account: &str, now: Instant) -> bool {
        let too_many = |whose: &Whose| {
            self.wrong.get(whose).is_some_and(|wrong| {
                wrong.times >= self.bound(whose) && now.duration_since(wrong.since) < WINDOW
            })
        };
        too_many(&Whose::Address(from)) || too_many(&account_of(from, account))
    }

    /// One more was wrong.
    pub(crate) fn wrong(&mut self, from: IpAddr, account: &str, now: Instant) {
        if self.wrong.len() + 2 > limits::GUESSES {
            self.wrong
                .retain(|_, wrong| now.duration_since(wrong.since) < WINDOW);
            if self.wrong.len() + 2 > limits::GUESSES {
                self.wrong.clear();
            }
        }
        for whose in [Whose::Address(from), account_of(from, account)] {
            let fresh = || Wrong {
                since: now,
                times: 0,
            };
            let wrong = self.wrong.entry(whose).or_insert_with(fresh);
            if now.duration_since(wrong.since) >= WINDOW {
                *wrong = fresh();
            }
            wrong.times = wrong.times.saturating_add(1);
        }
    }

    fn bound(&self, whose: &Whose) -> u32 {
        match whose {
            Whose::Account(..) => self.at_most,
            Whose::Address(_) => self.at_most.saturating_mul(limits::GUESSED_ACCOUNTS),
        }
    }
}

/// Of a name longer than any account's, that it is too long is all there is to remember.
fn account_of(from: IpAddr, account: &str) -> Whose {
    Whose::Account(from, account.chars().take(64).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[tokio::test(start_paused = true)]
    async fn an_address_is_heard_again_after_a_minute() {
        let mut guesses = Guesses::new(2);
        let now = Instant::now();
        guesses.wrong(HERE, "ann", now);
        assert!(!guesses.are_too_many(HERE, "ann", now));
        guesses.wrong(HERE, "ann", now);
        assert!(guesses.are_too_many(HERE, "ann", now));
        assert!(!guesses.are_too_many(HERE, "bob", now));
        assert!(!guesses.are_too_many(THERE, "ann", now));
        assert!(!guesses.are_too_many(HERE, "ann", now + WINDOW));
    }

    #[tokio::test(start_paused = true)]
    async fn one_password_tried_on_everybody_is_guessing_too() {
        let mut guesses = Guesses::new(1);
        let now = Instant::now();
        for n in 0..limits::GUESSED_ACCOUNTS {
            assert!(!guesses.are_too_many(HERE, "ann", now));
            guesses.wrong(HERE, &n.to_string(), now);
        }
        assert!(guesses.are_too_many(HERE, "ann", now));
    }

    #[tokio::test(start_paused = true)]
    async fn the_table_is_bounded() {
        let mut guesses = Guesses::new(1);
        let now = Instant::now();
        for n in 0..2 * limits::GUESSES {
            guesses.wrong(HERE, &n.to_string(), now);
            assert!(guesses.wrong.len() <= limits::GUESSES);
        }
    }
}
