//! The workplace a bot finds itself in: people, and the meetings they hold.
//!
//! Rules only. A [`Meeting`] is made of what was wanted, of what was drawn at random for it, and of
//! the time; the same three make the same meeting. Keeping meetings, and telling of them over HTTP,
//! is the server's.
//!
//! ```
//! use offhook_terms::{MeetingId, PersonId, Private};
//! use offhook_workplace::{Drawn, JoinNumber, Key, Meeting, NotAdmitted, Wanted};
//! use std::time::{Duration, SystemTime};
//!
//! let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000);
//! let drawn = Drawn {
//!     id: MeetingId::from_random(1),
//!     number: JoinNumber::from_random(2),
//!     passcode: 3,
//!     token: Private::new("a long random text".to_owned()),
//! };
//! let wanted = Wanted { passcode_required: Some(true), ..Wanted::default() };
//! let ada = PersonId::from_random(4);
//! let meeting = Meeting::new(ada, "a tenant", wanted, drawn, now).unwrap();
//!
//! let number = meeting.number.to_string();
//! let by_number = |passcode| Key::Number { number: &number, passcode };
//! assert_eq!(meeting.admits(&by_number(None)), Err(NotAdmitted::PasscodeMissing));
//! let passcode = meeting.passcode.as_ref().map(|passcode| passcode.reveal().as_str());
//! assert_eq!(meeting.admits(&by_number(passcode)), Ok(()));
//! ```

mod acting;
mod admission;
mod join;
pub mod limits;
mod meeting;
mod month;
mod name;

pub use acting::ActsFor;
pub use admission::{Key, NotAdmitted};
pub use join::{JoinNumber, dial_in_user, number_dialled, thread_of, thread_owner};
pub use meeting::{
    Attendee, Chat, Drawn, Lobby, Meeting, NotPossible, Presenters, Role, Rules, Wanted,
};
pub use month::{Month, NoneLeft};
pub use name::{given_name, surname};
