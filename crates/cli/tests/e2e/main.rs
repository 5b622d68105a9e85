//! Whole calls: the demo, as anybody starts it, and phones that are not ours.
//!
//! ```text
//!   SIPp ──── SIP ────▶ offhook demo ──── HTTP ────▶ calling bot (inside), or a bot of the test
//!   Line ◀─── RTP ────▶
//! ```
//!
//! SIPp signals; the audio it describes is a [`line::Line`] of the test, which hears every packet
//! and answers in time with what it heard. These tests run in real time, one after the other.

#![allow(clippy::print_stderr, reason = "a failed call explains itself")]

mod baresip;
mod demo;
mod hearing;
mod journal;
mod line;
mod sipp;
mod stub_bot;
mod web;

mod crowd;
mod echo;
mod endings;
mod handoff;
mod hostile;
mod interop;
mod killed;
mod log_privacy;
mod reach;
mod real_phone;
mod recording;
mod sdk;
mod starting;
mod telephony;
