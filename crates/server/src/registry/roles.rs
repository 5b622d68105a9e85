//! Permissions of bots, with the spellings that the documentation has used over the years.

/// A set of permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Roles(u8);

const NAMES: [(&str, &[&str]); 5] = [
    ("Calls.Initiate.All", &[]),
    (
        "Calls.InitiateGroupCall.All",
        &["Calls.InitiateGroupCalls.All"],
    ),
    ("Calls.JoinGroupCall.All", &["Calls.JoinGroupCalls.All"]),
    (
        "Calls.JoinGroupCallAsGuest.All",
        &[
            "Calls.JoinGroupCallsasGuest.All",
            "Calls.JoinGroupCallasGuest.All",
        ],
    ),
    ("Calls.AccessMedia.All", &[]),
];

impl Roles {
    /// Hear and record what is said in calls.
    pub(crate) const ACCESS_MEDIA: Self = Self(1 << 4);

    /// The permission of this name, in any of its spellings.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let at = NAMES.iter().position(|(canonical, others)| {
            canonical.eq_ignore_ascii_case(name)
                || others.iter().any(|other| other.eq_ignore_ascii_case(name))
        })?;
        Some(Self(1 << at))
    }

    /// The permissions there are.
    pub(crate) fn known() -> Vec<&'static str> {
        NAMES.iter().map(|(name, _)| *name).collect()
    }

    /// Whether all of these are in the set.
    pub(crate) fn contains(self, wanted: Self) -> bool {
        self.0 & wanted.0 == wanted.0
    }

    /// The names in the set, as tokens carry them.
    pub(crate) fn names(self) -> Vec<String> {
        let in_set = |at: &usize| self.0 & (1 << at) != 0;
        (0..NAMES.len())
            .filter(in_set)
            .map(|at| NAMES[at].0.to_owned())
            .collect()
    }
}

impl FromIterator<Roles> for Roles {
    fn from_iter<I: IntoIterator<Item = Roles>>(roles: I) -> Self {
        Self(roles.into_iter().fold(0, |all, role| all | role.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_one_permission() {
        assert_eq!(
            Roles::parse("calls.joingroupcallsasguest.all"),
            Roles::parse("Calls.JoinGroupCallAsGuest.All")
        );
        assert_eq!(
            Roles::parse("Calls.AccessMedia.All"),
            Some(Roles::ACCESS_MEDIA)
        );
        assert_eq!(Roles::parse("Calls.Fly.All"), None);
    }

    #[test]
    fn a_set_names_its_members() {
        let set: Roles = ["Calls.AccessMedia.All", "Calls.Initiate.All"]
            .iter()
            .filter_map(|name| Roles::parse(name))
            .collect();
        assert_eq!(set.names(), ["Calls.Initiate.All", "Calls.AccessMedia.All"]);
        assert!(set.contains(Roles::ACCESS_MEDIA));
        assert!(!Roles::default().contains(Roles::ACCESS_MEDIA));
    }
}
