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

/// Targets of one call to many (Graph call: create).
pub const TARGETS_MAX: usize = 5;

/// Invitees of one invitation (Graph participant: invite).
pub const INVITEES_MAX: usize = 5;

/// Targets of one redirect, all rung at once (Graph call: redirect).
pub const REDIRECT_TARGETS_MAX: usize = 25;

/// Tones of one operation: more than any menu asks, at most some minutes of pressing.
pub const TONES_MAX: usize = 100;

/// Parties of one call, bots included: what a room has places for.
pub const PARTIES_MAX: usize = 64;

/// Audio routing groups of one call: more than parties is of no use.
pub const ROUTING_GROUPS_MAX: usize = 64;

/// How long a called party rings when nobody says otherwise.
pub const RINGS_FOR: Duration = Duration::from_secs(60);

/// Ended operations a leg remembers so that they can be looked up; the oldest is forgotten first.
pub const ENDED_OPERATIONS_KEPT: usize = 100;

// A caller who is still ringing is ended by the first wait, never by the second.
const _: () = assert!(BOT_DECIDES_WITHIN.as_secs() < KEEP_ALIVE_WITHIN.as_secs());
