//! Chores a developer types: test, tidy, bench.
fn main() {}
