//! Every bound of the calling bot, with its reason.

use std::time::Duration;

/// A message may be so long unless configured; callers of a demonstration are brief.
pub const MESSAGE_LASTS: Duration = Duration::from_secs(10);

/// Messages a caller may leave in one call. Without an end, a phone left off the hook calls for ever.
pub const ROUNDS: u32 = 3;

/// How often a silent caller is asked again before the bot says goodbye.
pub const ASKED_AGAIN: u32 = 1;

/// The largest message: the API's two minutes of 16 kHz 16 bit, and room for a header.
pub const MESSAGE_BYTES_MAX: u64 = 120 * 32_000 + 4_096;

/// What all messages on disk may take together: eight of the largest. Beyond it a message is not
/// played back; the next one may be.
pub const MESSAGES_BYTES_MAX: u64 = 8 * MESSAGE_BYTES_MAX;

/// How long a message can be fetched, and how long its file may stay at most. Playing back takes
/// two minutes at most, after whatever plays before it.
pub const MESSAGE_KEPT: Duration = Duration::from_secs(5 * 60);

/// How often forgotten files and forgotten calls are looked for.
pub const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Tries to download a message. The platform drops it soon after the call, so there is no time for
/// more.
pub const DOWNLOAD_TRIES: u32 = 3;

/// The wait between two tries.
pub const DOWNLOAD_AGAIN_AFTER: Duration = Duration::from_millis(300);

/// A call in which nothing ended for so long has lost a notification: the longest recording with
/// its prompt takes less. The bot hangs up rather than leave the caller in silence.
pub const NOTHING_ENDS_FOR: Duration = Duration::from_secs(4 * 60);

/// Calls at a time; the API allows an application one hundred. Beyond it callers hear busy.
pub const CALLS_MAX: usize = 1_000;

/// How long going down may take: the calls are hung up, then whatever is left is dropped.
pub const STOP_WITHIN: Duration = Duration::from_secs(5);

const _: () = assert!(SWEEP_EVERY.as_secs() < MESSAGE_KEPT.as_secs());
