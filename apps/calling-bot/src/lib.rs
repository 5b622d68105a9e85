//! The calling bot: answers, records a message and plays it back.
