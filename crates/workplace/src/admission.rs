//! Who gets into a meeting: by what they know of it.

use offhook_terms::PersonId;

use crate::{JoinNumber, Meeting, number_dialled, thread_owner};

/// What somebody who wants to join knows of the meeting. Not logged: it opens it.
#[derive(Clone, Copy)]
pub enum Key<'a> {
    /// Its chat thread, and who organised it.
    Thread {
        /// Such as `19:meeting_…@thread.v2`.
        thread: &'a str,
        /// Who organised it, where that is said.
        organizer: Option<PersonId>,
    },
    /// Its token.
    Token(&'a str),
    /// Its number, and the passcode typed with it.
    Number {
        /// Twelve digits.
        number: &'a str,
        /// What was typed, if anything was.
        passcode: Option<&'a str>,
    },
    /// The user of its dial-in address. Passcodes are for those who can type.
    DialIn(&'a str),
}

/// Why somebody does not get in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAdmitted {
    /// There is no such meeting, or no more.
    NoSuchMeeting,
    /// The meeting is somebody else's.
    NotTheirs,
    /// It has a passcode, and none was given.
    PasscodeMissing,
    /// The passcode is another.
    PasscodeWrong,
}

impl Meeting {
    /// Whether this key opens this meeting.
    ///
    /// # Errors
    /// When it does not; with why.
    pub fn admits(&self, key: &Key<'_>) -> Result<(), NotAdmitted> {
        let found = match *key {
            Key::Thread { thread, .. } => thread_owner(thread) == Some(self.id),
            Key::Token(token) => token == self.token.reveal(),
            Key::Number { number, .. } => number.parse::<JoinNumber>() == Ok(self.number),
            Key::DialIn(user) => number_dialled(user) == Some(self.number),
        };
        if !found {
            return Err(NotAdmitted::NoSuchMeeting);
        }
        match *key {
            Key::Thread {
                organizer: Some(organizer),
                ..
            } if organizer != self.organizer => Err(NotAdmitted::NotTheirs),
            Key::Number { passcode, .. } => self.check_passcode(passcode),
            _ => Ok(()),
        }
    }

    fn check_passcode(&self, typed: Option<&str>) -> Result<(), NotAdmitted> {
        let Some(passcode) = &self.passcode else {
            return Ok(());
        };
        match typed.map(str::trim).filter(|typed| !typed.is_empty()) {
            None => Err(NotAdmitted::PasscodeMissing),
            Some(typed) if typed == passcode.reveal() => Ok(()),
            Some(_) => Err(NotAdmitted::PasscodeWrong),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meeting::tests::meeting;
    use crate::{Wanted, dial_in_user};

    #[test]
    fn a_meeting_is_opened_by_what_is_its_own() {
        let open = meeting(Wanted::default());
        let thread = open.thread_id();
        let number = open.number.to_string();
        let user = dial_in_user(open.number);
        let by_thread = |organizer| Key::Thread {
            thread: &thread,
            organizer,
        };
        for key in [
            by_thread(None),
            by_thread(Some(open.organizer)),
            Key::Token(open.token.reveal()),
            Key::Number {
                number: &number,
                passcode: None,
            },
            // Nobody asked for one, and it does no harm.
            Key::Number {
                number: &number,
                passcode: Some("anything"),
            },
            Key::DialIn(&user),
        ] {
            assert_eq!(open.admits(&key), Ok(()));
        }
        let other = PersonId::from_bits(9);
        assert_eq!(
            open.admits(&by_thread(Some(other))),
            Err(NotAdmitted::NotTheirs)
        );
        for key in [
            Key::Token("another"),
            Key::Token(""),
            Key::DialIn("meeting-1"),
            Key::Number {
                number: "999 999 999 999",
                passcode: None,
            },
            Key::Thread {
                thread: "19:meeting_x@thread.v2",
                organizer: None,
            },
        ] {
            assert_eq!(open.admits(&key), Err(NotAdmitted::NoSuchMeeting));
        }
    }

    #[test]
    fn a_passcode_is_asked_of_those_who_type_the_number() {
        let closed = meeting(Wanted {
            passcode_required: Some(true),
            ..Wanted::default()
        });
        let number = closed.number.to_string();
        let typed = |passcode| {
            closed.admits(&Key::Number {
                number: &number,
                passcode,
            })
        };
        let passcode = closed.passcode.clone().expect("it has one").into_inner();
        assert_eq!(typed(Some(&passcode)), Ok(()));
        assert_eq!(typed(None), Err(NotAdmitted::PasscodeMissing));
        assert_eq!(typed(Some(" ")), Err(NotAdmitted::PasscodeMissing));
        assert_eq!(typed(Some("x")), Err(NotAdmitted::PasscodeWrong));
        let thread = closed.thread_id();
        let by_thread = Key::Thread {
            thread: &thread,
            organizer: None,
        };
        assert_eq!(closed.admits(&by_thread), Ok(()));
    }
}
