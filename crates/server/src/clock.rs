//! The only reader of clocks in the platform.

use std::time::{Instant, SystemTime};

/// The time for deciding: it only goes forward.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The time on the wall, for what people and tokens see.
pub(crate) fn wall() -> SystemTime {
    SystemTime::now()
}
