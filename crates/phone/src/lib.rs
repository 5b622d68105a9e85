//! A SIP phone without a face: `offhook dial`, the callers of the end-to-end tests, and the load
//! generator of the benchmark.
//!
//! A [`Phone`] registers, [dials](Phone::dial) and [waits for calls](Phone::wait_for_call). A
//! [`Call`] plays, presses keys, holds, and hears: what it hears is cut into runs of tone, sound
//! and silence ([`hearing`]). A list of [`Step`]s runs a whole call, and a [`Report`] tells how
//! it went. [`load`] makes many cheap calls at once and keeps a ledger of each.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use offhook_phone::{Config, Dial, Phone, Step};
//!
//! let phone = Phone::start(Config::new("127.0.0.1:0".parse()?)).await?;
//! let mut call = phone.dial(Dial::new("sip:echo@127.0.0.1:5060")).await?;
//! let report = call.run(&Step::parse_all("expect-beep; play tone:440:3s; press #; expect-tone 440 2s")?).await;
//! assert!(report.held());
//! # Ok(()) }
//! ```

mod call;
pub mod cli;
pub mod hearing;
mod limits;
pub mod load;
mod moving;
mod phone;
mod report;
mod spectrum;
mod step;

pub use call::{Call, Interrupted};
pub use phone::{Config, Dial, DialError, Phone, Ringing, StartError};
pub use report::{Assertion, EndedBy, Outcome, Packets, Report};
pub use step::{BadStep, Sound, Step};
