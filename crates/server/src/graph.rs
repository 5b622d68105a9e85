//! The Graph calls API, and the notifications that belong to it.
//!
//! ```text
//!   request ─▶ path.rs: which resource ─▶ guard: which bot ─▶ to_engine.rs: which command ─▶ call
//!   answer  ◀─ response.rs ◀─────────────────────────────────── routes.rs ◀──────────── its word
//!   bot     ◀─ outbox ◀─ from_engine.rs: which notification ◀───────────────────────── its events
//! ```
//!
//! A command is answered at once; what comes of it arrives as notifications. Checks are made in
//! the order of the published service, because bots depend on which error wins: path, method,
//! token, registration, body, call, permission, parameters, state.

mod from_engine;
mod papers;
mod path;
mod query;
mod rate;
mod refused;
mod response;
mod routes;
mod to_engine;

pub(crate) use from_engine::{Caller, Known, Wording, notification};
pub(crate) use papers::{Paper, Papers};
pub(crate) use query::{Filter, PageSize, Query, Rules};
pub(crate) use refused::Refused;
pub(crate) use response::{Answer, fault};
pub(crate) use routes::{Graph, handle, read_body};
pub(crate) use to_engine::read as read_json;

#[cfg(test)]
mod tests;
