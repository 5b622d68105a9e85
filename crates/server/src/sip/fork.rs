//! A party rings on all of its devices at once: what the call hears of it, decided from what each
//! device reports.
//!
//! ```text
//!   device 1 ── ringing ─▶ ┐
//!   device 2 ── busy ────▶ ├──▶ rings · answered by one · not reached, for the best of all reasons
//!   device 3 ── answered ▶ ┘
//! ```

use offhook_engine::NotReached;

/// The devices of one party while they ring.
#[derive(Debug)]
pub(super) struct Fork {
    /// Why each device will not answer, once it is known.
    devices: Vec<Option<NotReached>>,
    rang: bool,
}

/// Why a device does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) why: NotReached,
    /// It speaks for all of the party's devices (RFC 3261 §21.6).
    pub(super) everywhere: bool,
}

impl Fork {
    pub(super) fn new(devices: usize) -> Self {
        Self {
            devices: vec![None; devices],
            rang: false,
        }
    }

    /// A device rings. True when it is the first to do so.
    pub(super) fn rings(&mut self) -> bool {
        !std::mem::replace(&mut self.rang, true)
    }

    /// A device will not answer. Gives why the party was not reached, when that is decided by it.
    pub(super) fn fails(&mut self, device: usize, failure: Failure) -> Option<NotReached> {
        *self.devices.get_mut(device)? = Some(failure.why);
        if failure.everywhere {
            return Some(failure.why);
        }
        let all: Option<Vec<NotReached>> = self.devices.iter().copied().collect();
        all?.into_iter().min_by_key(|why| rank(*why))
    }
}

/// What says most about the person comes first: what a device or the way to it could not do matters
/// only when no device has anything better to tell.
fn rank(why: NotReached) -> u8 {
    match why {
        NotReached::Busy => 0,
        NotReached::Declined => 1,
        NotReached::NoAnswer => 2,
        NotReached::NoCommonMedia => 3,
        NotReached::Refused => 4,
        NotReached::Nobody => 5,
        NotReached::Unreachable => 6,
        NotReached::NotRouted => 7,
        NotReached::Cancelled => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(why: NotReached) -> Failure {
        Failure {
            why,
            everywhere: false,
        }
    }

    #[test]
    fn the_first_to_ring_is_heard_once() {
        let mut fork = Fork::new(2);
        assert!(fork.rings());
        assert!(!fork.rings());
    }

    #[test]
    fn one_failure_of_many_decides_nothing_and_the_last_gives_the_best_reason() {
        let mut fork = Fork::new(3);
        assert_eq!(fork.fails(0, only(NotReached::Unreachable)), None);
        assert_eq!(fork.fails(2, only(NotReached::Busy)), None);
        assert_eq!(
            fork.fails(1, only(NotReached::NoAnswer)),
            Some(NotReached::Busy)
        );
    }

    #[test]
    fn a_device_that_speaks_for_all_ends_it() {
        let mut fork = Fork::new(3);
        let declined = Failure {
            why: NotReached::Declined,
            everywhere: true,
        };
        assert_eq!(fork.fails(1, declined), Some(NotReached::Declined));
    }

    #[test]
    fn a_device_nobody_has_changes_nothing() {
        assert_eq!(Fork::new(1).fails(1, only(NotReached::Busy)), None);
    }
}
