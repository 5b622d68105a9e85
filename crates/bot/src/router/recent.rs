//! A bounded memory of things seen: when it is full the oldest gives way.

use std::borrow::Borrow;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

#[derive(Debug)]
pub(super) struct Recent<T> {
    seen: HashMap<T, u64>,
    oldest_first: VecDeque<(T, u64)>,
    next: u64,
    capacity: usize,
}

impl<T: Hash + Eq + Clone> Recent<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            seen: HashMap::new(),
            oldest_first: VecDeque::new(),
            next: 0,
            capacity,
        }
    }

    /// Whether it is new.
    pub(super) fn insert(&mut self, one: T) -> bool {
        if self.seen.contains_key(&one) {
            return false;
        }
        self.seen.insert(one.clone(), self.next);
        self.oldest_first.push_back((one, self.next));
        self.next += 1;
        while self.oldest_first.len() > self.capacity {
            if let Some((oldest, number)) = self.oldest_first.pop_front()
                // It may have been removed and come again since.
                && self.seen.get(&oldest) == Some(&number)
            {
                self.seen.remove(&oldest);
            }
        }
        true
    }

    pub(super) fn contains<Q: Hash + Eq + ?Sized>(&self, one: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.seen.contains_key(one)
    }

    pub(super) fn remove<Q: Hash + Eq + ?Sized>(&mut self, one: &Q)
    where
        T: Borrow<Q>,
    {
        self.seen.remove(one);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_gives_way() {
        let mut recent = Recent::new(2);
        assert!(recent.insert(1));
        assert!(!recent.insert(1));
        assert!(recent.insert(2));
        assert!(recent.insert(3));
        assert!(!recent.contains(&1));
        assert!(recent.contains(&2));
    }

    #[test]
    fn what_was_removed_is_new_again_and_as_young_as_new() {
        let mut recent = Recent::new(2);
        recent.insert(1);
        recent.remove(&1);
        assert!(recent.insert(1));
        recent.insert(2);
        assert!(recent.contains(&1));
        recent.insert(3);
        assert!(!recent.contains(&1));
    }
}
