//! The names a meeting is joined by: its thread, its number, its dial-in address.
//!
//! ```text
//!   thread   19:meeting_{base64 of the meeting's id}@thread.v2     whoever knows it knows the meeting
//!   number   412 908 335 716                                       typed by people
//!   dial-in  meeting-412908335716                                  the user of a SIP address
//! ```

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use offhook_terms::MeetingId;

const THREAD_START: &str = "19:meeting_";
const THREAD_END: &str = "@thread.v2";
const DIAL_IN_START: &str = "meeting-";

/// The id of a meeting's chat thread.
pub fn thread_of(meeting: MeetingId) -> String {
    format!(
        "{THREAD_START}{}{THREAD_END}",
        STANDARD.encode(meeting.to_string())
    )
}

/// Whose chat thread this is, if it is a meeting's.
pub fn thread_owner(thread: &str) -> Option<MeetingId> {
    let encoded = thread
        .trim()
        .strip_prefix(THREAD_START)?
        .strip_suffix(THREAD_END)?;
    let id = STANDARD.decode(encoded).ok()?;
    std::str::from_utf8(&id).ok()?.parse().ok()
}

/// The user part of the SIP address that leads into a meeting.
pub fn dial_in_user(number: JoinNumber) -> String {
    format!("{DIAL_IN_START}{number}")
}

/// Which meeting's number a SIP user dialled, if it is one; in any case, as SIP users are.
pub fn number_dialled(user: &str) -> Option<JoinNumber> {
    let (start, number) = user.split_at_checked(DIAL_IN_START.len())?;
    let is_ours = start.eq_ignore_ascii_case(DIAL_IN_START);
    is_ours.then(|| number.parse().ok())?
}

/// The number people type to join: twelve digits, the first not 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JoinNumber(u64);

/// Text was not a meeting's number: twelve digits, spaces and dashes anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotANumber;

impl JoinNumber {
    const FIRST: u64 = 100_000_000_000;
    const COUNT: u64 = 900_000_000_000;

    /// A number from 64 random bits.
    pub const fn from_random(bits: u64) -> Self {
        Self(Self::FIRST + bits % Self::COUNT)
    }
}

impl fmt::Display for JoinNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012}", self.0)
    }
}

/// As people write it: `412 908 335 716`.
impl FromStr for JoinNumber {
    type Err = NotANumber;

    fn from_str(text: &str) -> Result<Self, NotANumber> {
        let mut number: u64 = 0;
        for c in text.chars().filter(|c| !matches!(c, ' ' | '-')) {
            let digit = c.to_digit(10).ok_or(NotANumber)?;
            number = number * 10 + u64::from(digit);
            if number >= Self::FIRST + Self::COUNT {
                return Err(NotANumber);
            }
        }
        if number < Self::FIRST {
            return Err(NotANumber);
        }
        Ok(Self(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_thread_names_its_meeting() {
        let meeting = MeetingId::from_bits(0x0d13_fd09_ce67_48c4_b65b_495b_4433_8c6f);
        let thread = "19:meeting_MGQxM2ZkMDktY2U2Ny00OGM0LWI2NWItNDk1YjQ0MzM4YzZm@thread.v2";
        assert_eq!(thread_of(meeting), thread);
        assert_eq!(thread_owner(thread), Some(meeting));
        for other in [
            "",
            "19:meeting_@thread.v2",
            "19:meeting_x@thread.v2",
            "19:0d13fd09-ce67-48c4-b65b-495b44338c6f@thread.v2",
            "19:meeting_MGQxM2ZkMDktY2U2Ny00OGM0LWI2NWItNDk1YjQ0MzM4YzZm",
        ] {
            assert_eq!(thread_owner(other), None, "{other}");
        }
    }

    #[test]
    fn a_number_is_twelve_digits() {
        let number = JoinNumber(412_908_335_716);
        assert_eq!("412 908 335 716".parse(), Ok(number));
        assert_eq!("412-908335716".parse(), Ok(number));
        for bad in [
            "",
            "41290833571",
            "4129083357160",
            "012908335716",
            "41290833571x",
            "99999999999999999999999999",
        ] {
            assert_eq!(bad.parse::<JoinNumber>(), Err(NotANumber), "{bad}");
        }
        assert_eq!(JoinNumber::from_random(0).to_string(), "100000000000");
        assert_eq!(
            JoinNumber::from_random(899_999_999_999).to_string(),
            "999999999999"
        );
        assert_eq!(
            JoinNumber::from_random(900_000_000_000).to_string(),
            "100000000000"
        );
    }

    #[test]
    fn a_meeting_is_dialled_by_its_number() {
        let number = JoinNumber(412_908_335_716);
        assert_eq!(dial_in_user(number), "meeting-412908335716");
        assert_eq!(number_dialled("Meeting-412908335716"), Some(number));
        for other in [
            "",
            "meeting-",
            "meeting-1",
            "ada",
            "meetingx412908335716",
            "mäeting-4",
        ] {
            assert_eq!(number_dialled(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn every_meeting_is_found_by_its_names(bits: u128, random: u64) {
            let meeting = MeetingId::from_random(bits);
            let thread = thread_of(meeting);
            // So it needs no escaping beyond `:` and `@` in a path.
            prop_assert!(!thread.contains(['+', '/', '=']));
            prop_assert_eq!(thread_owner(&thread), Some(meeting));
            let number = JoinNumber::from_random(random);
            prop_assert_eq!(number.to_string().parse(), Ok(number));
            prop_assert_eq!(number_dialled(&dial_in_user(number)), Some(number));
        }

        #[test]
        fn no_text_breaks_it(text in "\\PC{0,60}") {
            let _ = thread_owner(&text);
            let _ = number_dialled(&text);
            let _ = text.parse::<JoinNumber>();
        }
    }
}
