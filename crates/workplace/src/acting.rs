//! For whom a bot may act: an application access policy.

use std::collections::HashSet;

use offhook_terms::PersonId;

/// The people a bot may hold meetings for. Nobody, unless somebody says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActsFor {
    /// Everybody at the workplace.
    Everybody,
    /// These.
    People(HashSet<PersonId>),
}

impl Default for ActsFor {
    fn default() -> Self {
        Self::People(HashSet::new())
    }
}

impl ActsFor {
    /// Whether it may act for this person.
    pub fn allows(&self, person: PersonId) -> bool {
        match self {
            Self::Everybody => true,
            Self::People(people) => people.contains(&person),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_acted_for_unless_named() {
        let (ada, bob) = (PersonId::from_bits(1), PersonId::from_bits(2));
        let allows = |policy: &ActsFor| (policy.allows(ada), policy.allows(bob));
        assert_eq!(allows(&ActsFor::default()), (false, false));
        assert_eq!(allows(&ActsFor::People([ada].into())), (true, false));
        assert_eq!(allows(&ActsFor::Everybody), (true, true));
    }
}
