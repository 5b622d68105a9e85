//! One call's audio, twenty milliseconds at a time.
//!
//! ```text
//!   RTP in ─▶ latch ─▶ statistics ─▶ tones ─▶ jitter buffer ─▶ sums ─▶ recorder ─▶ RecordingTap
//!                                     │ (only while somebody listens)
//!                                     ▼
//!   RTP out ◀── a mix, a Clip, a tone, or silence ◀── Room ◀── MediaCommand        MediaEvent ─▶
//! ```
//!
//! The core does no I/O and reads no clock: a [`Port`] is handed packets, commands and the time,
//! and hands back packets and [`MediaEvent`]s. A [`Room`] holds the ports of one call's phones and
//! the seats of its bots; each hears the sum of those it may hear ([`Sources`]).
//! [`threads`] is the only place with sockets and threads: it owns many rooms and ticks each
//! fifty times a second. After a room is attached nothing on that path allocates, locks, logs or
//! waits; what must be freed travels back to the side that allocated it.
//!
//! [`sdp`] is the only reader of session descriptions in the whole platform.

mod clip;
mod codec;
mod coders;
mod crypto;
mod dual_tone;
mod frame;
mod g711;
mod g722;
mod given;
mod hears;
mod inband;
mod jitter;
mod latch;
pub mod limits;
mod mix;
mod music;
mod opus;
mod player;
mod port;
mod rates;
mod recorder;
mod recording;
mod resample;
mod room;
mod rtcp;
mod rtp;
pub mod sdp;
mod seat;
mod sound;
#[cfg(test)]
mod spectrum;
mod srtp;
mod statistics;
mod tape;
pub mod threads;
mod timeline;
mod tones;
pub mod wav;
mod widen;

pub use clip::{Clip, ClipFeed};
pub use codec::Codec;
pub use coders::Coders;
pub use frame::{FRAME_SAMPLES_MAX, Frame};
pub use hears::{Places, PortId, Sources};
pub use latch::Latch;
pub use mix::Desk;
pub use player::{PlayEnded, Repeat};
pub use port::{Port, StreamStart};
pub use rates::Rate;
pub use recorder::{RecordEnded, RecordPlan, StopTones};
pub use recording::{RecordingFeed, RecordingTap, recording};
pub use resample::Resampler;
pub use room::{MediaCommand, MediaEvent, Output, Room};
pub use sdp::{Agreed, Direction, Encryption, TonesAs};
pub use sound::{Loudness, SoundDetector};
pub use srtp::{Key, Protection, Suite};
pub use statistics::Statistics;
pub use tape::{TapeFeed, TapeTap, tape};
pub use tones::TonesEnded;

/// The one beat of the house: every port sends and hears this much audio at a time.
pub const TICK: std::time::Duration = std::time::Duration::from_millis(20);

/// Samples of a tick at 8 kHz. Media time is counted in these, whatever the rate and the clock of a
/// codec: the tick has as many units of 1/8000 s.
pub const TICK_SAMPLES: usize = 160;
