//! Which trunk takes a number: a decision from facts, with no effects.
//!
//! ```text
//!   +4930123 ── allowed by? ─▶ longest prefix first ── registered? room? pace? ─▶ the trunk, or why none
//! ```
//!
//! Nothing may be dialled that no trunk names: a prefix left out is money that cannot be lost.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use offhook_engine::NotReached;

/// What is known of one trunk when a number is dialled.
#[derive(Debug, Clone)]
pub(super) struct Facts<'a> {
    pub(super) name: &'a str,
    /// The beginnings of the numbers it may be asked to dial.
    pub(super) allow: &'a [String],
    /// Why it cannot take a call now.
    pub(super) trouble: Option<Trouble>,
}

/// Why a trunk cannot take a call now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Its registrar has not let us in.
    NotRegistered,
    /// It has as many calls as it may.
    Full,
    /// It was given as many calls as it may be in this minute.
    TooFast,
}

/// Why no trunk takes a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoTrunk<'a> {
    /// None may dial it.
    NotAllowed,
    /// This one would, and cannot now; nor can any other.
    Trouble(&'a str, Trouble),
}

/// The trunk that takes a number: of those that may, the one with the longest prefix that can, and
/// of equals the first.
pub(super) fn choose<'a>(number: &str, trunks: &[Facts<'a>]) -> Result<usize, NoTrunk<'a>> {
    let mut takers: Vec<(usize, usize)> = trunks
        .iter()
        .enumerate()
        .filter_map(|(at, trunk)| Some((longest(number, trunk.allow)?, at)))
        .collect();
    takers.sort_by_key(|(length, at)| (std::cmp::Reverse(*length), *at));
    let able = takers.iter().find(|(_, at)| trunks[*at].trouble.is_none());
    if let Some((_, at)) = able {
        return Ok(*at);
    }
    let first = takers.first().map(|(_, at)| &trunks[*at]);
    match first.and_then(|trunk| Some((trunk.name, trunk.trouble?))) {
        Some((name, trouble)) => Err(NoTrunk::Trouble(name, trouble)),
        None => Err(NoTrunk::NotAllowed),
    }
}

fn longest(number: &str, allow: &[String]) -> Option<usize> {
    let fitting = allow.iter().filter(|prefix| number.starts_with(*prefix));
    fitting.map(String::len).max()
}

impl NoTrunk<'_> {
    /// What the call hears of it.
    pub(super) fn reason(self) -> NotReached {
        match self {
            Self::NotAllowed => NotReached::NotRouted,
            Self::Trouble(..) => NotReached::Unreachable,
        }
    }

    /// Why, and what to change, for the operator.
    pub(super) fn words(self) -> (String, &'static str) {
        match self {
            Self::NotAllowed => (
                "no trunk may dial the number".to_owned(),
                "list its prefix in `allow` of one of [[trunks]]",
            ),
            Self::Trouble(name, Trouble::NotRegistered) => (
                format!("the trunk \"{name}\" is not registered"),
                "check its `registrar`, `user` and `password`, and the log around its registration",
            ),
            Self::Trouble(name, Trouble::Full) => (
                format!("the trunk \"{name}\" has as many calls as it may"),
                "raise its `calls_max`, or add a trunk with the same prefix",
            ),
            Self::Trouble(name, Trouble::TooFast) => (
                format!("the trunk \"{name}\" was given as many calls this minute as it may be"),
                "raise its `calls_per_minute`, or let bots call slower",
            ),
        }
    }
}

/// How much a trunk is used.
#[derive(Debug, Default)]
pub(super) struct Meter {
    live: usize,
    /// When the calls of the last minute began; no more of them than it may be given in one.
    begun: VecDeque<Instant>,
}

/// The caps of a trunk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caps {
    pub(super) calls_max: usize,
    pub(super) calls_per_minute: usize,
}

const MINUTE: Duration = Duration::from_secs(60);

impl Meter {
    /// Why no further call may begin now.
    pub(super) fn trouble(&mut self, caps: Caps, now: Instant) -> Option<Trouble> {
        while let Some(first) = self.begun.front()
            && now.saturating_duration_since(*first) >= MINUTE
        {
            self.begun.pop_front();
        }
        if self.live >= caps.calls_max {
            return Some(Trouble::Full);
        }
        (self.begun.len() >= caps.calls_per_minute).then_some(Trouble::TooFast)
    }

    /// A call begins, which was found to be no trouble.
    pub(super) fn begin(&mut self, now: Instant) {
        self.live += 1;
        self.begun.push_back(now);
    }

    /// A call is over.
    pub(super) fn end(&mut self) {
        self.live = self.live.saturating_sub(1);
    }

    /// Calls that are live.
    pub(super) fn live(&self) -> usize {
        self.live
    }
}

/// The number a trunk is to show: the caller's own if the trunk lets us show it, or the trunk's.
pub(super) fn caller_id<'a>(
    caller: Option<&'a str>,
    allowed: &[String],
    own: Option<&'a str>,
) -> Option<&'a str> {
    let may_show = |number: &&str| allowed.iter().any(|prefix| number.starts_with(prefix));
    caller.filter(may_show).or(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trunk<'a>(name: &'a str, allow: &'a [String]) -> Facts<'a> {
        Facts {
            name,
            allow,
            trouble: None,
        }
    }

    fn prefixes(of: &[&str]) -> Vec<String> {
        of.iter().map(|prefix| (*prefix).to_owned()).collect()
    }

    #[test]
    fn nothing_may_be_dialled_that_no_trunk_names() {
        assert_eq!(choose("+4930123", &[]), Err(NoTrunk::NotAllowed));
        let nothing = prefixes(&[]);
        let berlin = prefixes(&["+4930"]);
        let trunks = [trunk("a", &nothing), trunk("b", &berlin)];
        assert_eq!(choose("+4940123", &trunks), Err(NoTrunk::NotAllowed));
        assert_eq!(choose("+4930123", &trunks), Ok(1));
    }

    #[test]
    fn the_longest_prefix_wins_and_of_equals_the_first() {
        let wide = prefixes(&["+49"]);
        let narrow = prefixes(&["+1", "+4930"]);
        let trunks = [
            trunk("wide", &wide),
            trunk("narrow", &narrow),
            trunk("also narrow", &narrow),
        ];
        assert_eq!(choose("+4930123", &trunks), Ok(1));
        assert_eq!(choose("+4940123", &trunks), Ok(0));
    }

    #[test]
    fn a_trunk_in_trouble_gives_way_to_the_next_and_is_named_when_there_is_none() {
        let wide = prefixes(&["+49"]);
        let narrow = prefixes(&["+4930"]);
        let mut trunks = [trunk("wide", &wide), trunk("narrow", &narrow)];
        trunks[1].trouble = Some(Trouble::Full);
        assert_eq!(choose("+4930123", &trunks), Ok(0));
        trunks[0].trouble = Some(Trouble::NotRegistered);
        let none = choose("+4930123", &trunks);
        assert_eq!(none, Err(NoTrunk::Trouble("narrow", Trouble::Full)));
        let none = none.expect_err("none");
        assert_eq!(none.reason(), NotReached::Unreachable);
        assert!(none.words().0.contains("narrow"));
    }

    #[test]
    fn calls_are_capped_at_once_and_by_the_minute() {
        let start = crate::clock::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let caps = Caps {
            calls_max: 2,
            calls_per_minute: 3,
        };
        let mut meter = Meter::default();
        for second in 0..2 {
            assert_eq!(meter.trouble(caps, at(second)), None);
            meter.begin(at(second));
        }
        assert_eq!(meter.trouble(caps, at(2)), Some(Trouble::Full));
        meter.end();
        assert_eq!(meter.trouble(caps, at(2)), None);
        meter.begin(at(2));
        meter.end();
        assert_eq!(meter.live(), 1);
        assert_eq!(meter.trouble(caps, at(59)), Some(Trouble::TooFast));
        assert_eq!(meter.trouble(caps, at(60)), None);
    }

    #[test]
    fn a_callers_own_number_is_shown_where_the_trunk_allows_it() {
        let allowed = prefixes(&["+493012"]);
        let own = Some("+49301200");
        assert_eq!(
            caller_id(Some("+49301234"), &allowed, own),
            Some("+49301234")
        );
        assert_eq!(caller_id(Some("+33123456"), &allowed, own), own);
        assert_eq!(caller_id(None, &allowed, own), own);
        assert_eq!(caller_id(Some("+49301234"), &[], None), None);
    }
}
