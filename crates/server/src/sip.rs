//! The SIP edge: the listener around `crates/sip`, and the translation between SIP's words and the
//! engine's. SIP stops here.

mod dial;
mod fork;
mod from_engine;
mod host;
mod leg;
mod route;
mod to_engine;
mod trunk;
mod trunks;

pub(crate) use dial::{Dialled, Dialler, NoWay};
pub(crate) use host::{endpoint_config, is_e164, serve};
pub(crate) use leg::{News, PhoneLeg};
pub(crate) use trunks::{TrunkState, Trunks};
