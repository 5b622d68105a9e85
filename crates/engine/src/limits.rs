//! Every bound of a call, with its reason.

use std::time::Duration;

/// Long enough for a bot that starts cold, short enough that the caller is still there; also what
/// the Graph documentation promises bots.
pub const BOT_DECIDES_WITHIN: Duration = Duration::from_secs(15);

/// A bot that has said nothing for so long is gone (Graph call: keepAlive, 45 minutes).
pub const KEEP_ALIVE_WITHIN: Duration = Duration::from_secs(45 * 60);

/// Prompts of one operation (Graph call: playPrompt).
pub const PROMPTS_MAX: usize = 20;

/// Outstanding operations of one leg: more than a well-meant bot queues, few enough to hold.
/// The next one is refused.
pub const OPERATIONS_MAX: usize = 50;

/// Ended operations a leg remembers so that they can be looked up; the oldest is forgotten first.
pub const ENDED_OPERATIONS_KEPT: usize = 100;

// A caller who is still ringing is ended by the first wait, never by the second.
const _: () = assert!(BOT_DECIDES_WITHIN.as_secs() < KEEP_ALIVE_WITHIN.as_secs());
