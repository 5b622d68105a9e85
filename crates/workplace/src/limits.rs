//! Every bound of people and meetings, with its reason.

use std::time::Duration;

/// Meetings made for one person in a month, unless a setting says otherwise (Graph service limits,
/// onlineMeetings). The next one is refused until the month is over.
pub const MEETINGS_A_MONTH: u32 = 2_000;

/// How long after its end a meeting can still be found and joined, unless a setting says
/// otherwise: people reuse last week's invitation. Then it is forgotten.
pub const MEETING_KEPT: Duration = Duration::from_secs(60 * 24 * 3600);

/// How long a meeting is when nobody says when it ends.
pub const MEETING_USUAL: Duration = Duration::from_secs(3600);

/// The longest subject, in characters: what a calendar shows of one.
pub const SUBJECT_CHARS_MAX: usize = 255;

/// The longest external id, in characters: several GUIDs, and no document.
pub const EXTERNAL_ID_CHARS_MAX: usize = 512;

/// Attendees named in an invitation: they are kept with the meeting, so there is an end to them.
/// More may come; they need no name here.
pub const ATTENDEES_MAX: usize = 1_000;

/// The longest address of an attendee, in characters (RFC 5321 §4.5.3.1: 64 and 255, and `@`).
pub const ADDRESS_CHARS_MAX: usize = 320;

// What nobody said must be possible.
const _: () = assert!(MEETING_USUAL.as_secs() < MEETING_KEPT.as_secs());
