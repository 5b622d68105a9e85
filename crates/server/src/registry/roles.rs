//! Permissions of bots, with the spellings that the documentation has used over the years.

/// A set of permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Roles(u32);

/// Each permission, its name, and how else it has been spelled.
const NAMES: [(Roles, &str, &[&str]); 16] = [
    (Roles::INITIATE, "Calls.Initiate.All", &[]),
    (
        Roles::INITIATE_GROUP_CALL,
        "Calls.InitiateGroupCall.All",
        &["Calls.InitiateGroupCalls.All"],
    ),
    (
        Roles::JOIN_GROUP_CALL,
        "Calls.JoinGroupCall.All",
        &["Calls.JoinGroupCalls.All"],
    ),
    (
        Roles::JOIN_GROUP_CALL_AS_GUEST,
        "Calls.JoinGroupCallAsGuest.All",
        // Written in other capitals too, which are no matter.
        &["Calls.JoinGroupCallsAsGuest.All"],
    ),
    (Roles::ACCESS_MEDIA, "Calls.AccessMedia.All", &[]),
    (Roles::ONLINE_MEETINGS_READ, "OnlineMeetings.Read.All", &[]),
    (
        Roles::ONLINE_MEETINGS_READ_WRITE,
        "OnlineMeetings.ReadWrite.All",
        &[],
    ),
    (Roles::CALL_RECORDS_READ, "CallRecords.Read.All", &[]),
    (Roles::USER_READ, "User.Read.All", &[]),
    (Roles::USER_READ_BASIC, "User.ReadBasic.All", &[]),
    (Roles::DIRECTORY_READ, "Directory.Read.All", &[]),
    (
        Roles::APP_INSTALLATION_SELF,
        "TeamsAppInstallation.ReadWriteSelfForChat.All",
        &[],
    ),
    (
        Roles::APP_INSTALLATION,
        "TeamsAppInstallation.ReadWriteForChat.All",
        &[],
    ),
    (Roles::CHAT_MEMBER_READ, "ChatMember.Read.All", &[]),
    (Roles::CHAT_READ, "Chat.Read.All", &[]),
    (Roles::CHAT_READ_BASIC, "Chat.ReadBasic.All", &[]),
];

impl Roles {
    /// Call one person, or a number.
    pub(crate) const INITIATE: Self = Self(1);
    /// Call several, and invite others.
    pub(crate) const INITIATE_GROUP_CALL: Self = Self(1 << 1);
    /// Join meetings.
    pub(crate) const JOIN_GROUP_CALL: Self = Self(1 << 2);
    /// Join meetings as a guest.
    pub(crate) const JOIN_GROUP_CALL_AS_GUEST: Self = Self(1 << 3);
    /// Hear and record what is said in calls.
    pub(crate) const ACCESS_MEDIA: Self = Self(1 << 4);
    /// See the meetings of those it acts for.
    pub(crate) const ONLINE_MEETINGS_READ: Self = Self(1 << 5);
    /// Make and change them.
    pub(crate) const ONLINE_MEETINGS_READ_WRITE: Self = Self(1 << 6);
    /// See who called whom.
    pub(crate) const CALL_RECORDS_READ: Self = Self(1 << 7);
    /// See everything about everybody.
    pub(crate) const USER_READ: Self = Self(1 << 8);
    /// See everybody's names and addresses.
    pub(crate) const USER_READ_BASIC: Self = Self(1 << 9);
    /// See everything of the directory.
    pub(crate) const DIRECTORY_READ: Self = Self(1 << 10);
    /// Install itself in chats.
    pub(crate) const APP_INSTALLATION_SELF: Self = Self(1 << 11);
    /// Install any application in chats.
    pub(crate) const APP_INSTALLATION: Self = Self(1 << 12);
    /// See who is in chats.
    pub(crate) const CHAT_MEMBER_READ: Self = Self(1 << 13);
    /// Read chats.
    pub(crate) const CHAT_READ: Self = Self(1 << 14);
    /// See that there are chats.
    pub(crate) const CHAT_READ_BASIC: Self = Self(1 << 15);

    /// The permission of this name, in any of its spellings.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let mut names = NAMES.iter();
        let (role, ..) = names.find(|(_, canonical, others)| {
            canonical.eq_ignore_ascii_case(name)
                || others.iter().any(|other| other.eq_ignore_ascii_case(name))
        })?;
        Some(*role)
    }

    /// The permissions there are.
    pub(crate) fn known() -> Vec<&'static str> {
        NAMES.iter().map(|(_, name, _)| *name).collect()
    }

    /// Whether one of these is in the set.
    pub(crate) fn has_one_of(self, wanted: &[Self]) -> bool {
        wanted.iter().any(|wanted| self.contains(*wanted))
    }

    /// Whether all of these are in the set.
    pub(crate) fn contains(self, wanted: Self) -> bool {
        self.0 & wanted.0 == wanted.0
    }

    /// The names in the set, as tokens carry them.
    pub(crate) fn names(self) -> Vec<String> {
        let in_set = NAMES.iter().filter(|(role, ..)| self.contains(*role));
        in_set.map(|(_, name, _)| (*name).to_owned()).collect()
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
        for (spelling, role) in [
            ("Calls.InitiateGroupCalls.All", Roles::INITIATE_GROUP_CALL),
            ("Calls.JoinGroupCalls.All", Roles::JOIN_GROUP_CALL),
            (
                "Calls.JoinGroupCallasGuest.All",
                Roles::JOIN_GROUP_CALL_AS_GUEST,
            ),
            (
                "Calls.JoinGroupCallsasGuest.All",
                Roles::JOIN_GROUP_CALL_AS_GUEST,
            ),
        ] {
            assert_eq!(Roles::parse(spelling), Some(role), "{spelling}");
        }
        assert_eq!(Roles::parse("Calls.Fly.All"), None);
    }

    #[test]
    fn every_permission_has_a_bit_and_a_name_of_its_own() {
        let all: Roles = NAMES.iter().map(|(role, ..)| *role).collect();
        assert_eq!(all.0, (1 << NAMES.len()) - 1);
        for (role, name, _) in NAMES {
            assert_eq!(Roles::parse(name), Some(role));
            assert_eq!(role.names(), [name]);
        }
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
        assert!(set.has_one_of(&[Roles::USER_READ, Roles::ACCESS_MEDIA]));
        assert!(!set.has_one_of(&[Roles::USER_READ, Roles::USER_READ_BASIC]));
    }
}
