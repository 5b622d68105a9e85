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
//!
//! Whoever owns a call hands in one thing at a time and then does what the call asks for:
//!
//! ```
//! # #![allow(clippy::disallowed_methods)]
//! # use std::time::Instant;
//! # use offhook_engine::*;
//! # use offhook_terms::{AppId, CallId, LegId, Private};
//! # let (phone, bot) = (LegId::from_bits(1), LegId::from_bits(2));
//! # let arrival = Arrival {
//! #     call: CallId::from_bits(1),
//! #     caller_leg: phone,
//! #     caller: Party::Guest { name: Private::new("Ada".into()) },
//! #     offer: Some(Description::new("v=0")),
//! #     bot_leg: bot,
//! #     bot: AppId::from_bits(1),
//! # };
//! let mut call = Call::arrived(arrival, Instant::now());
//! let Some(Output::Media(MediaRequest::Open { leg, .. })) = call.poll() else { panic!() };
//!
//! let description = Description::new("v=0, our side");
//! call.handle_media(MediaEvent::Opened { leg, description }, Instant::now());
//! while let Some(output) = call.poll() {
//!     match output {
//!         Output::Signal(request) => println!("to the phone: {request:?}"),
//!         Output::Media(request) => println!("to the audio: {request:?}"),
//!         Output::Event(event) => println!("to the bot: {event:?}"),
//!         Output::Over { ending, .. } => println!("over: {ending:?}"),
//!         other => println!("to the switchboard: {other:?}"),
//!     }
//! }
//! assert_eq!(call.leg(bot).map(|leg| leg.state), Some(LegState::Incoming));
//! assert!(call.next_deadline().is_some());
//! ```

mod bot;
mod call;
mod command;
mod conversation;
mod event;
mod leg;
pub mod limits;
mod media;
mod operation;
mod phone;
mod queue;
mod ring;
mod signal;
mod timer;
mod voice;

pub use call::{Call, Output};
pub use command::{
    Accepted, AtOnce, Command, Prompt, Purpose, RecordRules, Refusal, RejectReason, RouteChange,
    RoutingGroup, RoutingMode, SipContext, Speech, SpeechForm,
};
pub use conversation::{
    Conversation, EndCode, Handoff, HandoffRules, HandoffState, Heard, Hint, KeyPattern, NotQueued,
    Said, TalkRules, TapeChannels, TapeCommand, TapeOrder, TapeRefusal, TapeVerb, Told, Wish,
};
pub use event::{
    Ending, Event, Fact, NotReached, OperationKind, Outcome, PlayFault, RecordEnding, Roster,
};
pub use leg::{
    Arrival, BotJoin, CallDirection, CameBy, Connection, Description, Hosting, Invitee, LegState,
    LegView, OperationView, Participant, Party, PhoneJoin, Placement, RecordingStatus, ReleasedLeg,
};
pub use media::{Hearing, MediaEvent, MediaRequest, Misfit, PrepareFault};
pub use signal::{Loss, Signal, SignalRequest, TurnDown};
