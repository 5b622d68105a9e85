//! Who hears whom, the one rule behind mute, removal, hold and audio groups.
//!
//! Each participant has a set of those it may hear, by default everyone, and never hears itself. What
//! a participant hears in a tick is the sum of those of the set that make a sound.

use std::ops::{BitAnd, BitOr, BitOrAssign, Sub};

use crate::limits::{PORTS_PER_ROOM, SEATS_PER_ROOM};

/// Places of a room: its ports first, then its seats.
pub(crate) const PLACES: usize = PORTS_PER_ROOM + SEATS_PER_ROOM;

const PLACE_BITS: u32 = 7;

const _: () = {
    assert!(PLACES <= 1 << PLACE_BITS);
    assert!(PLACES <= u128::BITS as usize);
};

/// A participant of a room: a phone's port or a bot's seat. A room gives no id twice, so that what is
/// told late of one who has left is not taken for another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortId(u32);

impl PortId {
    /// The port a room was opened with.
    pub const FIRST: Self = Self(0);

    /// The `entry`-th participant of a room, in one of its places. The number runs out after 33
    /// million, and then begins anew.
    pub(crate) fn new(place: usize, entry: u32) -> Self {
        Self((entry << PLACE_BITS) | place as u32)
    }

    pub(crate) fn place(self) -> usize {
        (self.0 & ((1 << PLACE_BITS) - 1)) as usize
    }

    /// Whether it is a bot's seat.
    pub fn is_seat(self) -> bool {
        self.place() >= PORTS_PER_ROOM
    }
}

/// Whom a participant may hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sources {
    /// Everyone, whoever comes later included.
    Everyone,
    /// These and nobody else: whoever comes later is not heard until it is named.
    Only(Places),
}

impl Sources {
    /// Nobody at all.
    pub const NOBODY: Self = Self::Only(Places::NONE);

    /// These and nobody else. They must be in the room: a place that was left may be taken by
    /// somebody new.
    pub fn only(participants: impl IntoIterator<Item = PortId>) -> Self {
        Self::Only(participants.into_iter().collect())
    }

    /// Those of the present it lets through.
    pub(crate) fn of(self, present: Places) -> Places {
        match self {
            Self::Everyone => present,
            Self::Only(places) => places & present,
        }
    }

    /// A place was left: who takes it next is somebody else.
    pub(crate) fn forget(&mut self, place: usize) {
        if let Self::Only(places) = self {
            places.remove(place);
        }
    }
}

/// A set of places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Places(u128);

impl Places {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) fn one(place: usize) -> Self {
        Self(1 << place)
    }

    pub(crate) fn contains(self, place: usize) -> bool {
        self.0 & (1 << place) != 0
    }

    pub(crate) fn insert(&mut self, place: usize) {
        self.0 |= 1 << place;
    }

    pub(crate) fn remove(&mut self, place: usize) {
        self.0 &= !(1 << place);
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn count(self) -> u32 {
        self.0.count_ones()
    }

    pub(crate) fn first(self) -> Option<usize> {
        (!self.is_empty()).then(|| self.0.trailing_zeros() as usize)
    }

    /// The only place of a set of one.
    pub(crate) fn single(self) -> Option<usize> {
        self.first().filter(|_| self.count() == 1)
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = usize> {
        let mut left = self;
        std::iter::from_fn(move || {
            let place = left.first()?;
            left.remove(place);
            Some(place)
        })
    }
}

impl FromIterator<PortId> for Places {
    fn from_iter<I: IntoIterator<Item = PortId>>(participants: I) -> Self {
        let mut places = Self::NONE;
        for participant in participants {
            places.insert(participant.place() % PLACES);
        }
        places
    }
}

impl BitAnd for Places {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for Places {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Places {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl Sub for Places {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_out_in_order() {
        let places: Places = [71, 0, 63, 64]
            .map(|place| PortId::new(place, 9))
            .into_iter()
            .collect();
        assert_eq!(places.iter().collect::<Vec<_>>(), [0, 63, 64, 71]);
        assert_eq!((places - Places::one(71)).count(), 3);
        assert_eq!((places.single(), Places::one(5).single()), (None, Some(5)));
    }

    #[test]
    fn whoever_comes_later_is_heard_by_those_who_hear_everyone() {
        let (old, newcomer) = (PortId::FIRST, PortId::new(1, 1));
        let present: Places = [old, newcomer].into_iter().collect();
        assert_eq!(Sources::Everyone.of(present), present);
        assert_eq!(Sources::only([old]).of(present), Places::one(0));
        assert!(Sources::NOBODY.of(present).is_empty());
        let mut left = Sources::only([old, newcomer]);
        left.forget(1);
        assert_eq!(left.of(present), Places::one(0));
    }
}
