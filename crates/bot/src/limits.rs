//! Every bound of the SDK, with its reason. Those of the API itself come first: requests beyond
//! them are refused before they are sent.
//!
//! ```
//! use offhook_bot::limits::INVITED_AT_ONCE_MAX;
//!
//! let guests = ["ada"; 12];
//! assert_eq!(guests.chunks(INVITED_AT_ONCE_MAX).count(), 3);
//! ```

use std::time::Duration;

/// Prompts of one `playPrompt`, as the API documents it.
pub const PLAY_PROMPTS_MAX: usize = 20;

/// Prompts of one `recordResponse`, as the API documents it.
pub const RECORD_PROMPTS_MAX: usize = 1;

/// Participants of one `invite`, as the API documents it.
pub const INVITED_AT_ONCE_MAX: usize = 5;

/// Targets of one `redirect`, as the API documents it.
pub const REDIRECT_TARGETS_MAX: usize = 25;

/// Seconds a redirected call may ring, as the API documents it.
pub const REDIRECT_SECONDS: std::ops::RangeInclusive<i64> = 15..=90;

/// Characters of a client context, as the API documents it.
pub const CLIENT_CONTEXT_CHARS_MAX: usize = 256;

/// Seconds a record timeout may have, as the API documents it.
pub const RECORD_SECONDS: std::ops::RangeInclusive<i64> = 1..=120;

/// Establishing a connection takes a fraction of this on any network a call works on.
pub const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Commands answer at once; one that takes so long will not answer at all.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// A download that brings nothing for so long has stalled.
pub const DOWNLOAD_STALLS_AFTER: Duration = Duration::from_secs(10);

/// How often a command is sent again after 429, 503 or 504: as often as the published SDKs do.
pub const RETRIES_MAX: u32 = 3;

/// The first wait before sending again when the platform does not say how long; it doubles.
pub const RETRY_AFTER_FIRST: Duration = Duration::from_millis(500);

/// The longest wait a caller on the line should be put through. Asked to wait longer, the command
/// fails as throttled, and says for how long.
pub const RETRY_WAIT_MAX: Duration = Duration::from_secs(20);

/// The longest body of an answer that is read. A call body is below 10 kB.
pub const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// An access token is replaced when less than this is left of it.
pub const TOKEN_RENEWED_BEFORE: Duration = Duration::from_secs(120);

/// The longest delivery that is read. A roster of a thousand people is below 1 MB.
pub const DELIVERY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Notifications of one call that wait for its handler. When it is full the delivery is refused
/// with 503 and comes again, so nothing is lost.
pub const MAILBOX_EVENTS_MAX: usize = 256;

/// A mailbox nobody wrote to for so long is given up; the next notification makes a new one. Longer
/// than the 45 minutes after which a call without keepAlive ends, so a live call keeps its own.
pub const MAILBOX_IDLE: Duration = Duration::from_secs(60 * 60);

/// Message ids that are remembered so that a repeated delivery is not handled twice. The oldest
/// gives way; at the documented 100 calls this is hours, and repeats come within seconds.
pub const MESSAGE_IDS_MAX: usize = 16_384;

/// Calls that are remembered as ended, so that a late `established` does not bring one back. The
/// oldest gives way; late means seconds.
pub const ENDED_CALLS_MAX: usize = 8_192;

/// Key presses of one call that are remembered so that a repeated one is not handled twice.
pub const TONES_REMEMBERED: usize = 64;

/// Contexts of operations that have not ended. The oldest gives way, and its notification is then
/// found by its path.
pub const CONTEXTS_MAX: usize = 65_536;

/// The longest activity that is read. Bots are sent no files, and a transcript is below this.
pub const ACTIVITY_BYTES_MAX: usize = 1024 * 1024;

/// Replies in the answer to one request: more than anybody can listen to.
pub const REPLIES_MAX: usize = 256;

/// The largest document of state, as JSON. It is read and written in every turn.
pub const STATE_BYTES_MAX: usize = 1024 * 1024;

/// Documents of state that are kept in memory. The oldest gives way; at a hundred calls at once these
/// are the last days.
pub const MEMORY_DOCUMENTS_MAX: usize = 16_384;

/// Connections to a file of state: SQLite has one writer at a time, and the others read.
pub const SQLITE_CONNECTIONS: u32 = 4;

/// Another process that writes to the same file is done within this, or something is wrong.
pub const SQLITE_LOCK_WAITED_FOR: Duration = Duration::from_secs(5);

/// Published keys are fetched again after so long; the reference implementation does so too.
pub const KEYS_KEPT: Duration = Duration::from_secs(2 * 60 * 60);

/// Keys are fetched at most so often because of a token with an unknown key: anyone can send one.
pub const KEYS_REFETCHED_AT_MOST_EVERY: Duration = Duration::from_secs(60);

/// The longest key document that is read.
pub const KEY_DOCUMENT_BYTES_MAX: usize = 512 * 1024;

/// A live call is kept alive so often: a third of the 45 minutes after which it would be ended.
pub const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(15 * 60);

/// Bot dialogs on top of each other: more is one that begins itself.
pub const DIALOG_DEPTH_MAX: usize = 64;

/// Beginnings and endings of bot dialogs within one turn: more is two that begin each other.
pub const DIALOG_MOVES_MAX: usize = 1_000;

/// Keys and words that one batch collects: more than anybody presses.
pub const BATCH_BYTES_MAX: usize = 4 * 1024;

/// A broker lets a request wait for a free number for a minute; this is that and a little.
pub const NUMBER_WAITED_FOR: Duration = Duration::from_secs(65);

/// Reminders of all conversations that have not come: more than a conversation each for as many as a machine serves.
pub const REMINDERS_MAX: usize = 65_536;

/// The longest a reminder may take. It is kept in memory, and a process that lives longer is rare.
pub const REMINDER_AFTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// What happens on one call of a test before it is looked at: more than a page of steps.
pub const SEEN_MAX: usize = 1_024;

/// After a call that was tried nothing more comes: requests on loopback take a fraction of this.
pub const CALL_SETTLES: Duration = Duration::from_millis(300);

/// Commands of one conversation whose results have not come. The oldest is given up.
pub const COMMANDS_PENDING_MAX: usize = 64;

const _: () = assert!(RETRY_AFTER_FIRST.as_millis() << RETRIES_MAX <= RETRY_WAIT_MAX.as_millis());
const _: () = assert!(MAILBOX_IDLE.as_secs() > 3 * KEEP_ALIVE_EVERY.as_secs());
