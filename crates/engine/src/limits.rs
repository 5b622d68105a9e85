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

/// How long a phone rings while a bot that converses makes up its mind about greeting the caller: a
/// ring of the phone. Then the call is answered, and the caller hears the bot as soon as it speaks.
pub const BOT_GREETS_WITHIN: Duration = Duration::from_secs(3);

/// What is spoken first waits for so long after the first audio: phones open their ear slowly, and a
/// greeting must not lose its beginning.
pub const GREETING_AFTER: Duration = Duration::from_millis(200);

/// Messages of a bot that wait to be spoken: minutes of talk. One more is refused.
pub const MESSAGES_MAX: usize = 64;

/// How long what was said before a hang-up may take; then it is cut off.
pub const DRAIN_WITHIN: Duration = Duration::from_secs(60);

/// How long a caller may take from one key to the next of a number that is waited for.
pub const NEXT_KEY_WITHIN: Duration = Duration::from_secs(3);

/// Keys gathered before a bot is told: longer than any number. Then they are told as they are.
pub const KEYS_GATHERED_MAX: usize = 64;

/// Beginnings of speech whose words have not come yet. A recogniser that is so far behind has lost
/// the oldest.
pub const UTTERANCES_OPEN_MAX: usize = 8;

/// Commands about the recording of a call that wait for their results: a bot sends one and waits.
pub const TAPE_COMMANDS_MAX: usize = 16;

/// How often the call is told that a bot that converses is still there: it has no way of its own to
/// say so, and its silence means nothing.
pub const TALK_KEEPS_ALIVE_EVERY: Duration = Duration::from_secs(30 * 60);

/// Turns in a row that a bot may fail before it is given up.
pub const FAILED_TURNS_MAX: usize = 3;

const _: () = assert!(BOT_GREETS_WITHIN.as_secs() < BOT_DECIDES_WITHIN.as_secs());
const _: () = assert!(TALK_KEEPS_ALIVE_EVERY.as_secs() < KEEP_ALIVE_WITHIN.as_secs());

// A caller who is still ringing is ended by the first wait, never by the second.
const _: () = assert!(BOT_DECIDES_WITHIN.as_secs() < KEEP_ALIVE_WITHIN.as_secs());
