//! The one binary: demo, serve, check, dial.
fn main() {}
