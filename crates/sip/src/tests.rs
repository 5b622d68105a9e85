//! Scenarios over an in-process wire and simulated time; each ends in its ladder.

mod calls_in;
mod calls_out;
mod network;
mod refusals;
mod registration;
mod reliable;
mod session_timer;
mod transfer;
mod world;
