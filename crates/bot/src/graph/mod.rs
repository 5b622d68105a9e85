//! What a bot asks for.

mod check;
mod client;
mod fault;
mod keep_alive;
mod recording;
mod retry;
mod token;

pub use check::{ParameterFault, prompt};
pub use client::{GraphClient, GraphConfig};
pub use fault::{GraphFault, SetupFault};
pub use keep_alive::KeepAlive;
pub use recording::Recording;
