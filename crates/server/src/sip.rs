//! The SIP edge: the listener around `crates/sip`, and the translation between SIP's words and the
//! engine's. SIP stops here.

mod from_engine;
mod host;
mod route;
mod to_engine;

pub(crate) use from_engine::PhoneLeg;
pub(crate) use host::{endpoint_config, serve};
