//! Calls: what happened goes in, what to do comes out.
//!
//! A [`Call`] is handed what happened and the time it happened, and hands back what to do. There is
//! no clock, no socket, no lock and no `async` in this crate, so a forty-five minute rule or a race
//! between a hang-up and a recording is tested in a millisecond.
//!
//! ```text
//!            phone edge                    bot edge
//!    Signal │      ▲ SignalRequest  Command │    ▲ Event
//!           ▼      │                        ▼    │
//!         ┌──────────────────────────────────────────┐
//!         │                   Call                   │
//!         └──────────────────────────────────────────┘
//!                MediaRequest │      ▲ MediaEvent
//!                             ▼      │
//!                            media edge
//! ```

mod bot;
mod call;
mod command;
mod event;
mod leg;
pub mod limits;
mod media;
mod operation;
mod phone;
mod queue;
mod signal;
mod timer;

pub use call::{Call, Output};
pub use command::{Accepted, Command, Prompt, RecordRules, Refusal, RejectReason};
pub use event::{Ending, Event, Fact, OperationKind, Outcome, PlayFault, RecordEnding};
pub use leg::{Arrival, Description, LegState, LegView, OperationView, Party, ReleasedLeg};
pub use media::{MediaEvent, MediaRequest, PrepareFault};
pub use signal::{Loss, Signal, SignalRequest, TurnDown};
pub use timer::Timer;
