//! Worlds for tests: virtual time, scripted phones and bots, ladders. Never ships.
//!
//! A [`World`] holds calls of the engine and plays everything around them: phones and their
//! signalling, bots and their delivery, and the audio. Time is a number that jumps from one
//! happening to the next, so forty-five minutes pass in a millisecond and every run is the same.
//! What went back and forth is drawn as a ladder, and a test is that picture.
//!
//! ```
//! use expect_test::expect;
//! use offhook_simulator::{World, secs};
//!
//! let mut world = World::new();
//! world.phone().calls();
//! world.wait(secs(1));
//! world.bot().rejects_busy();
//! world.check_ladder(expect![[r#"
//!     0.000  phone  → server  INVITE
//!     0.000  server → media   open phone
//!     0.002  server → phone   180 Ringing
//!     0.002  server → bot     1 incoming
//!     1.000  bot    → server  reject (Busy)
//!     1.000  server → phone   486 Busy Here
//!     1.000  server → media   close phone
//!     1.000  server → bot     2 terminated (BotRejected(Busy))
//!     1.000  server           call over
//! "#]]);
//! ```

mod agenda;
mod bot;
mod ladder;
mod phone;
mod room;
mod world;

use std::time::Duration;

pub use bot::BotScript;
pub use phone::PhoneScript;
pub use world::World;

/// So many seconds.
pub const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// So many milliseconds.
pub const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}
