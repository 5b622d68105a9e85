//! The running platform: sockets, threads, HTTP, SIP and media hosts, store.
//!
//! [`start`] takes a [`config::Config`] and gives back a [`Running`] platform.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//!
//! let config = offhook_server::config::Config::load(None, [])?;
//! let platform = offhook_server::start(config).await?;
//! println!("dial {}", platform.dial("my-bot"));
//! platform.stop(Duration::from_secs(10)).await;
//! # Ok(()) }
//! ```

pub mod config;

mod broker;
mod calls;
mod channel;
mod clock;
mod counters;
mod graph;
mod http;
mod limits;
mod login;
mod media;
mod monthly;
mod observe;
mod outbox;
mod outgoing;
mod platform;
mod prompts;
mod providers;
mod registry;
mod running;
mod seal;
mod sip;
mod store;
mod switchboard;
mod tapes;
mod workplace;

use platform::Platform;

pub use channel::{BotSettings, BotSettingsError, bot_settings};
pub use registry::{Bot, Person, Registry};
pub use running::{Running, StartError, start};
pub use store::Refusal;
