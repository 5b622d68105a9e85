//! Worlds for tests: virtual time, scripted phones and bots, ladders.
