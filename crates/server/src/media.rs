//! The media edge: tick threads around `crates/media`, and the translation between what the engine
//! asks of a call's audio and what a room does. Session descriptions are read here and no further.

mod ears;
mod from_engine;
mod host;
mod moving;
mod scribe;
mod to_engine;

pub(crate) use from_engine::{CallAudio, Prepared};
pub(crate) use host::Host;
pub(crate) use moving::{PhoneAudio, PortCame};
pub(crate) use scribe::Written;
pub(crate) use to_engine::RecordingEnded;
