//! What a bot asks for.

mod check;
mod client;
mod commands;
mod fault;
mod keep_alive;
mod recording;
mod workplace;

pub use check::{ParameterFault, prompt};
pub(crate) use client::small_body;
pub use client::{GraphClient, GraphConfig};
pub use commands::Invited;
pub use fault::{GraphFault, SetupFault};
pub use keep_alive::KeepAlive;
pub use recording::Recording;
pub use workplace::UserQuery;
