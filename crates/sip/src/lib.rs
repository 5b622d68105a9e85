//! SIP signalling: calls, dialogs and registration, over the stack crates.
//!
//! [`listen`] opens UDP and TCP on one port, and TLS on another when it is given a certificate, and
//! gives an [`Endpoint`] and a stream of [`Arrival`]s. The layer answers by itself whatever needs no
//! decision: OPTIONS, REGISTER with digest, retransmissions, malformed or unsupported requests,
//! unknown dialogs, a full house. A call arrives with its [`Session`], which is asked to ring, answer,
//! refuse or hang up, and which reports what happens as [`SessionEvent`]s. A call is placed with
//! [`Endpoint::call`]: to a person's registered [`Contact`], to an address, or through a trunk that
//! [registers](Endpoint::keep_registered) or is [known by its address](Endpoint::trust).
//!
//! Session descriptions pass through unopened, and no type of the stack crates is public.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use offhook_sip::{Arrival, Config, Refusal, listen};
//!
//! let (endpoint, mut arrivals) = listen(Config::new("127.0.0.1:5060".parse()?)).await?;
//! println!("listening on {}", endpoint.local_addr());
//! while let Some(arrival) = arrivals.recv().await {
//!     if let Arrival::Invite(mut call) = arrival {
//!         call.session.ring();
//!         call.session.refuse(Refusal::new(480).because("nobody is home"));
//!     }
//! }
//! # Ok(()) }
//! ```

mod arrival;
mod call;
mod config;
mod counters;
mod credentials;
mod desk;
mod dialog;
mod digest;
mod endpoint;
mod facts;
mod guesses;
mod limits;
mod party;
mod pump;
mod receive_queue;
mod register;
mod registrar;
mod reply;
mod resolve;
mod session;
mod table;
#[cfg(test)]
mod tests;
mod timer;
mod tls;
mod trunks;

pub use arrival::{Arrival, Incoming, Transport};
pub use call::{CallError, OutgoingCall, is_address, locate};
pub use config::{Accounts, Callers, Config};
pub use counters::Counters;
pub use credentials::Credentials;
pub use endpoint::{Endpoint, ListenError, listen};
pub use facts::DialogId;
pub use party::Party;
pub use register::{Register, RegisterError, Registration, RegistrationState};
pub use registrar::Contact;
pub use session::{Ending, Loss, Refer, ReferRequest, Refusal, Session, SessionEvent};
pub use tls::{Tls, Trust};
