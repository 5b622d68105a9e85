//! Calls: what happened goes in, what to do comes out. No clock, no socket, no lock.
