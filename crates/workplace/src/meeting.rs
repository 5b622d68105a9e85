//! A meeting: made of what was wanted, of what was drawn for it, and of the time.

use std::time::{Duration, SystemTime};

use offhook_terms::{MeetingId, PersonId, Private};

use crate::{JoinNumber, limits, thread_of};

/// A meeting, as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meeting {
    /// Its own id.
    pub id: MeetingId,
    /// Who holds it.
    pub organizer: PersonId,
    /// Where it is held.
    pub tenant: String,
    /// The number one types to join.
    pub number: JoinNumber,
    /// The word one types with it, if one is asked for.
    pub passcode: Option<Private<String>>,
    /// What opens it without a number.
    pub token: Private<String>,
    /// What the bot that wanted it calls it.
    pub external_id: Option<String>,
    /// When it was made.
    pub created: SystemTime,
    /// When it starts.
    pub starts: SystemTime,
    /// When it ends.
    pub ends: SystemTime,
    /// What it is about.
    pub subject: Option<Private<String>>,
    /// Who is invited by name.
    pub attendees: Vec<Attendee>,
    /// What may be done in it.
    pub rules: Rules,
}

/// Somebody invited by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attendee {
    /// Who, if it is somebody with an id.
    pub id: Option<Private<String>>,
    /// Their address.
    pub address: Option<Private<String>>,
    /// As what.
    pub role: Role,
}

/// What may be done in a meeting, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Who need not wait in the lobby.
    pub lobby: Lobby,
    /// Whether those who dial in need not either.
    pub dial_in_bypasses_lobby: bool,
    /// Who presents.
    pub presenters: Presenters,
    /// Whether there is a chat.
    pub chat: Chat,
    /// Whether attendees may show themselves.
    pub camera: bool,
    /// Whether attendees may speak.
    pub microphone: bool,
    /// Whether there are reactions.
    pub reactions: bool,
    /// Whether it is recorded from the start.
    pub recorded: bool,
    /// Whether those who come and go are announced.
    pub announced: bool,
}

/// What a workplace has unless somebody says otherwise.
impl Default for Rules {
    fn default() -> Self {
        Self {
            lobby: Lobby::Organization,
            dial_in_bypasses_lobby: false,
            presenters: Presenters::Everyone,
            chat: Chat::Enabled,
            camera: true,
            microphone: true,
            reactions: true,
            recorded: false,
            announced: true,
        }
    }
}

impl Rules {
    /// These rules, but for what is wanted otherwise.
    #[must_use]
    pub fn with(self, wanted: &Wanted) -> Self {
        Self {
            lobby: wanted.lobby.unwrap_or(self.lobby),
            dial_in_bypasses_lobby: wanted
                .dial_in_bypasses_lobby
                .unwrap_or(self.dial_in_bypasses_lobby),
            presenters: wanted.presenters.unwrap_or(self.presenters),
            chat: wanted.chat.unwrap_or(self.chat),
            camera: wanted.camera.unwrap_or(self.camera),
            microphone: wanted.microphone.unwrap_or(self.microphone),
            reactions: wanted.reactions.unwrap_or(self.reactions),
            recorded: wanted.recorded.unwrap_or(self.recorded),
            announced: wanted.announced.unwrap_or(self.announced),
        }
    }
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$member_doc:meta])* $member:ident),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$member_doc])* $member,)*
        }
    )*};
}

words! {
    /// As what somebody is invited.
    Role {
        /// They listen and speak.
        Attendee,
        /// They present.
        Presenter,
        /// They produce a broadcast.
        Producer,
        /// They hold it together with its organizer.
        Coorganizer,
    }

    /// Who need not wait in the lobby.
    Lobby {
        /// The organizer.
        Organizer,
        /// Everybody of the workplace.
        Organization,
        /// The same, and workplaces it trusts.
        OrganizationAndFederated,
        /// The same without guests.
        OrganizationExcludingGuests,
        /// Who was invited by name.
        Invited,
        /// Everybody.
        Everyone,
    }

    /// Who presents.
    Presenters {
        /// Everybody.
        Everyone,
        /// Everybody of the workplace.
        Organization,
        /// Who was invited as a presenter.
        RoleIsPresenter,
        /// The organizer.
        Organizer,
    }

    /// Whether there is a chat.
    Chat {
        /// Always.
        Enabled,
        /// Never.
        Disabled,
        /// While the meeting lasts.
        Limited,
    }
}

/// What somebody wants of a meeting, new or old. What is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// When it starts.
    pub starts: Option<SystemTime>,
    /// When it ends.
    pub ends: Option<SystemTime>,
    /// What it is about.
    pub subject: Option<Private<String>>,
    /// Who is invited by name: all of them.
    pub attendees: Option<Vec<Attendee>>,
    /// What the asker calls it. Cannot be changed.
    pub external_id: Option<String>,
    /// Whether a passcode is typed with the number.
    pub passcode_required: Option<bool>,
    /// Who need not wait in the lobby.
    pub lobby: Option<Lobby>,
    /// Whether those who dial in need not either.
    pub dial_in_bypasses_lobby: Option<bool>,
    /// Who presents.
    pub presenters: Option<Presenters>,
    /// Whether there is a chat.
    pub chat: Option<Chat>,
    /// Whether attendees may show themselves.
    pub camera: Option<bool>,
    /// Whether attendees may speak.
    pub microphone: Option<bool>,
    /// Whether there are reactions.
    pub reactions: Option<bool>,
    /// Whether it is recorded from the start.
    pub recorded: Option<bool>,
    /// Whether those who come and go are announced.
    pub announced: Option<bool>,
}

/// What was drawn at random for a meeting.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// Its id.
    pub id: MeetingId,
    /// Its number.
    pub number: JoinNumber,
    /// What its passcode is made of, if it needs one.
    pub passcode: u64,
    /// Its token.
    pub token: Private<String>,
}

/// Why a meeting cannot be as it was wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotPossible {
    /// It would end, but nobody said when it starts.
    EndsWithoutStart,
    /// It would end before it starts.
    EndsBeforeStart,
    /// It would be over already.
    EndsInThePast,
    /// Its subject is too long.
    LongSubject,
    /// What the asker calls it is too long, or nothing.
    ExternalId,
    /// Too many are invited by name.
    ManyAttendees,
    /// Somebody invited has no id and no address, or too long a one.
    Attendee,
}

impl Meeting {
    /// A meeting of this person's.
    ///
    /// # Errors
    /// When it cannot be as it is wanted.
    pub fn new(
        organizer: PersonId,
        tenant: &str,
        mut wanted: Wanted,
        drawn: Drawn,
        now: SystemTime,
    ) -> Result<Self, NotPossible> {
        if wanted.starts.is_none() && wanted.ends.is_some() {
            return Err(NotPossible::EndsWithoutStart);
        }
        let starts = wanted.starts.unwrap_or(now);
        let ends = wanted
            .ends
            .unwrap_or_else(|| later(starts, limits::MEETING_USUAL));
        let external_id = wanted.external_id.take();
        if let Some(id) = &external_id
            && (id.trim().is_empty() || id.chars().count() > limits::EXTERNAL_ID_CHARS_MAX)
        {
            return Err(NotPossible::ExternalId);
        }
        let mut meeting = Self {
            id: drawn.id,
            organizer,
            tenant: tenant.to_owned(),
            number: drawn.number,
            passcode: None,
            token: drawn.token,
            external_id,
            created: now,
            starts,
            ends,
            subject: None,
            attendees: Vec::new(),
            rules: Rules::default(),
        };
        // What nobody said is checked as well: a start long ago ends long ago.
        wanted.ends = Some(ends);
        meeting.change(wanted, drawn.passcode, now)?;
        Ok(meeting)
    }

    /// Changes what is wanted to be changed, all of it or nothing. `fresh` is what a passcode is
    /// made of, if the meeting had none and now needs one.
    ///
    /// # Errors
    /// When it cannot be as it is wanted.
    pub fn change(
        &mut self,
        wanted: Wanted,
        fresh: u64,
        now: SystemTime,
    ) -> Result<(), NotPossible> {
        let starts = wanted.starts.unwrap_or(self.starts);
        // Moved without a new end, it lasts as long as before.
        let lasts = self.ends.duration_since(self.starts).unwrap_or_default();
        let ends = match (wanted.ends, wanted.starts) {
            (Some(ends), _) => ends,
            (None, Some(starts)) => later(starts, lasts),
            (None, None) => self.ends,
        };
        if ends <= starts {
            return Err(NotPossible::EndsBeforeStart);
        }
        if ends != self.ends || wanted.ends.is_some() {
            check(ends >= now, NotPossible::EndsInThePast)?;
        }
        if let Some(subject) = &wanted.subject {
            let chars = subject.reveal().chars().count();
            check(chars <= limits::SUBJECT_CHARS_MAX, NotPossible::LongSubject)?;
        }
        if let Some(attendees) = &wanted.attendees {
            check(
                attendees.len() <= limits::ATTENDEES_MAX,
                NotPossible::ManyAttendees,
            )?;
            check(
                attendees.iter().all(Attendee::is_named),
                NotPossible::Attendee,
            )?;
        }

        self.starts = starts;
        self.ends = ends;
        self.rules = self.rules.with(&wanted);
        if let Some(subject) = wanted.subject {
            self.subject = Some(subject).filter(|subject| !subject.reveal().is_empty());
        }
        if let Some(attendees) = wanted.attendees {
            self.attendees = attendees;
        }
        match wanted.passcode_required {
            Some(true) if self.passcode.is_none() => self.passcode = Some(passcode(fresh)),
            Some(false) => self.passcode = None,
            _ => {}
        }
        Ok(())
    }

    /// The id of its chat thread.
    pub fn thread_id(&self) -> String {
        thread_of(self.id)
    }

    /// When it is forgotten, if meetings are kept for so long after their end; or never.
    pub fn expires(&self, kept: Duration) -> Option<SystemTime> {
        self.ends.checked_add(kept)
    }
}

impl Attendee {
    fn is_named(&self) -> bool {
        let fits = |text: &Option<Private<String>>| {
            text.as_ref().is_none_or(|text| {
                let text = text.reveal();
                !text.trim().is_empty() && text.chars().count() <= limits::ADDRESS_CHARS_MAX
            })
        };
        (self.id.is_some() || self.address.is_some()) && fits(&self.id) && fits(&self.address)
    }
}

/// At the end of time it is the time itself, which is not later, and so refused.
fn later(at: SystemTime, by: Duration) -> SystemTime {
    at.checked_add(by).unwrap_or(at)
}

fn check(holds: bool, otherwise: NotPossible) -> Result<(), NotPossible> {
    if holds { Ok(()) } else { Err(otherwise) }
}

/// Letters and digits that nobody mistakes for each other: thirty-two, five bits each.
const PASSCODE_SYMBOLS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
const PASSCODE_CHARS: u32 = 6;

fn passcode(random: u64) -> Private<String> {
    let symbol = |at: u32| PASSCODE_SYMBOLS[(random >> (5 * at) & 31) as usize] as char;
    Private::new((0..PASSCODE_CHARS).map(symbol).collect())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    const HOUR: Duration = Duration::from_secs(3600);

    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_790_000_000)
    }

    fn made(wanted: Wanted) -> Result<Meeting, NotPossible> {
        let drawn = Drawn {
            id: MeetingId::from_bits(1),
            number: JoinNumber::from_random(2),
            passcode: 0x1234_5678_9abc,
            token: Private::new("token".to_owned()),
        };
        Meeting::new(PersonId::from_bits(3), "tenant", wanted, drawn, now())
    }

    pub(crate) fn meeting(wanted: Wanted) -> Meeting {
        made(wanted).expect("possible")
    }

    #[test]
    fn a_meeting_starts_now_and_takes_an_hour() {
        let meeting = meeting(Wanted::default());
        assert_eq!((meeting.starts, meeting.ends), (now(), now() + HOUR));
        assert_eq!(meeting.passcode, None);
        let starts = Some(now() + 2 * HOUR);
        let later = made(Wanted {
            starts,
            ..Wanted::default()
        });
        assert_eq!(later.expect("possible").ends, now() + 3 * HOUR);
    }

    #[test]
    fn times_have_an_order() {
        let at = |starts: Option<SystemTime>, ends: Option<SystemTime>| {
            let wanted = Wanted {
                starts,
                ends,
                ..Wanted::default()
            };
            made(wanted).err()
        };
        let now = now();
        assert_eq!(at(Some(now), Some(now + HOUR)), None);
        assert_eq!(at(Some(now - HOUR), Some(now)), None);
        assert_eq!(
            at(None, Some(now + HOUR)),
            Some(NotPossible::EndsWithoutStart)
        );
        assert_eq!(at(Some(now), Some(now)), Some(NotPossible::EndsBeforeStart));
        assert_eq!(
            at(Some(now), Some(now - HOUR)),
            Some(NotPossible::EndsBeforeStart)
        );
        let moment = Duration::from_secs(1);
        assert_eq!(
            at(Some(now - HOUR), Some(now - moment)),
            Some(NotPossible::EndsInThePast)
        );
        assert_eq!(
            at(Some(now - 2 * HOUR), None),
            Some(NotPossible::EndsInThePast)
        );
    }

    #[test]
    fn what_is_written_down_has_an_end() {
        let subject = |chars: usize| Wanted {
            subject: Some(Private::new("ü".repeat(chars))),
            ..Wanted::default()
        };
        assert!(made(subject(limits::SUBJECT_CHARS_MAX)).is_ok());
        let too_long = made(subject(limits::SUBJECT_CHARS_MAX + 1));
        assert_eq!(too_long, Err(NotPossible::LongSubject));

        let external = |id: String| Wanted {
            external_id: Some(id),
            ..Wanted::default()
        };
        assert!(made(external("x".repeat(limits::EXTERNAL_ID_CHARS_MAX))).is_ok());
        for id in [
            "x".repeat(limits::EXTERNAL_ID_CHARS_MAX + 1),
            " ".to_owned(),
        ] {
            assert_eq!(made(external(id)), Err(NotPossible::ExternalId));
        }

        let bob = Attendee {
            id: None,
            address: Some(Private::new("bob@example.org".to_owned())),
            role: Role::Attendee,
        };
        let invited = |attendees| {
            made(Wanted {
                attendees: Some(attendees),
                ..Wanted::default()
            })
        };
        assert!(invited(vec![bob.clone(); limits::ATTENDEES_MAX]).is_ok());
        let many = invited(vec![bob.clone(); limits::ATTENDEES_MAX + 1]);
        assert_eq!(many, Err(NotPossible::ManyAttendees));
        let addressed = |address: Option<String>| Attendee {
            address: address.map(Private::new),
            ..bob.clone()
        };
        assert!(invited(vec![addressed(Some("x".repeat(limits::ADDRESS_CHARS_MAX)))]).is_ok());
        for address in [
            None,
            Some(String::new()),
            Some("x".repeat(limits::ADDRESS_CHARS_MAX + 1)),
        ] {
            assert_eq!(
                invited(vec![addressed(address)]),
                Err(NotPossible::Attendee)
            );
        }
    }

    #[test]
    fn a_change_is_whole_or_nothing() {
        let mut meeting = meeting(Wanted::default());
        let before = meeting.clone();
        let wanted = Wanted {
            subject: Some(Private::new("New".to_owned())),
            lobby: Some(Lobby::Everyone),
            ends: Some(before.starts),
            ..Wanted::default()
        };
        let refused = meeting.change(wanted, 0, now());
        assert_eq!(refused, Err(NotPossible::EndsBeforeStart));
        assert_eq!(meeting, before);

        let wanted = Wanted {
            subject: Some(Private::new("New".to_owned())),
            lobby: Some(Lobby::Everyone),
            starts: Some(now() + HOUR),
            external_id: Some("cannot be changed".to_owned()),
            ..Wanted::default()
        };
        meeting.change(wanted, 0, now()).expect("possible");
        let expected = Meeting {
            subject: Some(Private::new("New".to_owned())),
            starts: now() + HOUR,
            ends: now() + 2 * HOUR,
            rules: Rules {
                lobby: Lobby::Everyone,
                ..Rules::default()
            },
            ..before
        };
        assert_eq!(meeting, expected);
    }

    #[test]
    fn an_old_meeting_can_be_renamed() {
        let mut meeting = meeting(Wanted::default());
        let wanted = Wanted {
            subject: Some(Private::new("Yesterday".to_owned())),
            ..Wanted::default()
        };
        let next_day = now() + 24 * HOUR;
        assert_eq!(meeting.change(wanted, 0, next_day), Ok(()));
    }

    #[test]
    fn a_passcode_comes_and_goes() {
        let mut meeting = meeting(Wanted::default());
        let mut require = |required, fresh| {
            let wanted = Wanted {
                passcode_required: Some(required),
                ..Wanted::default()
            };
            meeting.change(wanted, fresh, now()).expect("possible");
            meeting.passcode.clone().map(Private::into_inner)
        };
        let first = require(true, 0x1234_5678_9abc).expect("one");
        assert_eq!(first.len(), 6);
        assert_eq!(require(true, 7), Some(first.clone()));
        assert_eq!(require(false, 7), None);
        assert_ne!(require(true, 7), Some(first));
    }

    #[test]
    fn a_meeting_expires_some_time_after_its_end() {
        let meeting = meeting(Wanted::default());
        let expires = meeting.expires(limits::MEETING_KEPT);
        let sixty_days = Duration::from_secs(60 * 24 * 3600);
        assert_eq!(expires, Some(now() + HOUR + sixty_days));
        assert_eq!(meeting.expires(Duration::MAX), None);
    }
}
