//! Bots that are told activities, turn by turn: the Telephony channel and every other channel of the
//! Bot Framework.
//!
//! ```text
//!   POST /api/messages ─▶ Adapter ─▶ token ─▶ one turn at a time per conversation ─▶ Bot
//!                                                                                     │
//!   connector ◀─ activities ──────────────────────────────────────────────────────── Turn
//! ```
//!
//! A [`Bot`] says what it does about each kind of activity, a [`Turn`] is one activity and the way to
//! answer it, and an [`Adapter`] is the HTTP service between them. A whole bot:
//!
//! ```no_run
//! use offhook_bot::turns::{Adapter, Bot, BotFault, Turn};
//!
//! struct Echo;
//!
//! #[async_trait::async_trait]
//! impl Bot for Echo {
//!     async fn on_message(&self, turn: &mut Turn) -> Result<(), BotFault> {
//!         let heard = turn.text().to_owned();
//!         turn.say(format!("You said: {heard}.")).await?;
//!         Ok(())
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let adapter = Adapter::new(Echo);
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:3978").await?;
//!     axum::serve(listener, adapter.routes()).await?;
//!     Ok(())
//! }
//! ```
//!
//! An [`Adapter`] made with [`Adapter::new`] believes everybody and signs nothing, as a bot without an
//! app id does; [`Adapter::with_login`] gives it an identity.

mod adapter;
mod bot;
mod connector;
mod fault;
mod login;
#[cfg(feature = "object-store")]
mod objects;
mod say;
#[cfg(feature = "sqlite")]
mod sqlite;
mod state;
mod turn;

pub use adapter::{Adapter, PATH};
pub use bot::Bot;
pub use connector::{Connector, Reference};
pub use fault::{BotFault, ConnectorFault, StateFault};
pub use login::{EmulatorLogin, Login, Secret};
#[cfg(feature = "object-store")]
pub use objects::Objects;
pub use say::{InputHint, Say, Ssml, escape};
#[cfg(feature = "sqlite")]
pub use sqlite::Sqlite;
pub use state::{Document, Memory, Storage, Stored, Version};
pub use turn::{InvokeResponse, Outbox, Turn};
