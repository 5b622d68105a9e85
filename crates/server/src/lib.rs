//! The running platform: sockets, threads, HTTP, SIP and media hosts, store.
//!
//! [`start`] takes a [`config::Config`] and gives back a [`Running`] platform.

pub mod config;

mod calls;
mod clock;
mod graph;
mod http;
mod login;
mod media;
mod observe;
mod outbox;
mod prompts;
mod registry;
mod sip;
mod store;
mod switchboard;
