//! What a bot asks for.

mod check;
mod client;
mod fault;
mod keep_alive;
mod recording;

pub use check::{ParameterFault, prompt};
pub(crate) use client::small_body;
pub use client::{GraphClient, GraphConfig};
pub use fault::{GraphFault, SetupFault};
pub use keep_alive::KeepAlive;
pub use recording::Recording;
