//! The workplace over HTTP: what stands beside the calls in the same API, and the way into meetings
//! for calls.
//!
//! ```text
//!   request ─▶ path.rs: which resource ─▶ routes.rs ─▶ people.rs · meetings.rs ─▶ crates/workplace
//!   body    ◀─ from_workplace.rs ◀────────────────────────────────────────────── what it decided
//!   a call that joins ─▶ Meetings::find: by thread, token, number or dial-in user
//! ```

mod from_workplace;
mod join_url;
mod meetings;
mod path;
mod people;
mod quality;
mod records;
mod routes;
mod to_workplace;

pub(crate) use from_workplace::details;
pub(crate) use meetings::{Meetings, NotFound};
pub(crate) use path::{Resource, below_meetings, below_records, below_users};
pub(crate) use routes::{Asked, Workplace};
pub(crate) use to_workplace::wanted;

#[cfg(test)]
mod tests;
