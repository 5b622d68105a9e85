//! The calling bot: it answers, asks for a message, records it, plays it back and asks again.
//!
//! Built on the SDK alone, so it uses nothing that a stranger's bot cannot use: it speaks to the
//! platform over HTTP and runs against Microsoft's cloud as it runs here.
//!
//! ```text
//!   caller           platform                       bot
//!     │── rings ──────▶│── incoming ────────────────▶│
//!     │                │◀──────────────── answer ────│
//!     │◀─ audio ──────▶│── established, audio ──────▶│   exactly once, however often it is told
//!     │                │◀──── record, with prompt ───│
//!     │── message, # ─▶│── record completed ────────▶│
//!     │                │◀──── download, then play ───│   the file lives from here …
//!     │◀─ message ─────│── play ended, anyhow ──────▶│   … to here, whatever happened
//!     │                │◀──── record again, or bye ──│
//! ```
//!
//! What a bot may keep of a call is little: a message is on disk only while it is being played
//! back, outside of every web root, and reachable only by an address nobody can guess.

mod bot;
mod config;
mod conversation;
pub mod limits;
mod messages;
mod prompts;
mod start;

pub use config::Config;
pub use start::{Running, StartFault, start, start_on};

/// The path the platform posts notifications to, below the bot's own address.
pub const CALLBACK_PATH: &str = "/callback";
