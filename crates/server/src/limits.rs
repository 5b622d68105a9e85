//! Every bound of the HTTP side of the platform, with its reason and what gives way.

use std::time::Duration;

/// The largest request body read. A `playPrompt` with twenty long URLs is 50 kB; more is refused
/// with 413 and not kept.
pub(crate) const REQUEST_BODY_BYTES_MAX: usize = 256 * 1024;

/// How much of a larger one is taken and dropped, so that its sender gets as far as the answer. More
/// than any client of the API sends by mistake; beyond it the connection is closed.
pub(crate) const REQUEST_BODY_TAKEN_MAX: usize = 16 * 1024 * 1024;

/// The longest header block of a request; more is refused by the HTTP parser. Tokens with many
/// roles are 4 kB.
pub(crate) const REQUEST_HEAD_BYTES_MAX: usize = 32 * 1024;

/// A client that has not sent the headers of its next request by then is only holding a
/// connection; it is closed. About as long as clients keep idle connections themselves.
pub(crate) const REQUEST_HEAD_WITHIN: Duration = Duration::from_secs(60);

/// A client that has not sent its body by then is only holding a connection; answered 408.
pub(crate) const REQUEST_BODY_WITHIN: Duration = Duration::from_secs(15);

/// A TLS handshake that takes longer is given up: it is two round trips.
pub(crate) const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// How long a bot may take to accept a connection (reference: connect 5 s).
pub(crate) const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// How long a bot may take to answer a notification (reference: response 10 s).
pub(crate) const NOTIFICATION_ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// What we read of a bot's answer to a notification. It should be empty; the rest of a larger one
/// is not read and its connection is not used again.
pub(crate) const NOTIFICATION_ANSWER_BYTES_MAX: usize = 16 * 1024;

/// Tries of one notification, the first included; then it is given up and logged.
pub(crate) const NOTIFICATION_TRIES_MAX: usize = 6;

/// The waits between tries (reference §5.4): one try more than there are waits.
pub(crate) const NOTIFICATION_WAITS: [Duration; NOTIFICATION_TRIES_MAX - 1] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];

/// The longest `Retry-After` we obey. A bot that asks for more is tried again at this time.
pub(crate) const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);

/// Notifications of one leg that wait for its bot. When more come, the oldest that is not an
/// ending and not the incoming call is dropped and counted; endings (of operations and of the leg)
/// are never dropped, and a leg has no more of them than operations it was allowed to ask for.
pub(crate) const NOTIFICATIONS_PER_LEG_MAX: usize = 256;

/// Notifications of one leg sent in one request when they wait together: enough to catch up
/// quickly, small enough for every bot's body limit.
pub(crate) const NOTIFICATIONS_PER_POST_MAX: usize = 16;

/// How long a notification waits to be overtaken where notifications are sent as production does:
/// longer than a phone takes to acknowledge, and not noticed by a person.
pub(crate) const DISORDER_HELD_FOR: Duration = Duration::from_millis(300);

/// Requests to one bot at a time. More legs than that wait their turn; a bot that answers in 10 ms
/// takes 25,600 notifications a second this way. A dead bot holds only its own.
pub(crate) const DELIVERIES_PER_BOT_MAX: usize = 256;

/// Idle connections kept to one bot: as many as can be in use.
pub(crate) const IDLE_CONNECTIONS_PER_BOT: usize = DELIVERIES_PER_BOT_MAX;

/// Redirects followed for one prompt, each through the guard; then the prompt has failed.
pub(crate) const PROMPT_REDIRECTS_MAX: usize = 5;

/// Prompts being fetched at a time, all bots together; more wait. 64 of the largest allowed size
/// are 1.3 GB, so a small machine should lower `prompts.bytes_max`.
pub(crate) const PROMPT_FETCHES_MAX: usize = 64;

/// Prompts kept for one call under their resource ids. When more come they are fetched each time.
pub(crate) const PROMPTS_CACHED_PER_LEG_MAX: usize = 64;

/// Decoded prompts kept because the next call will likely play them too, by how long they play in
/// all: an hour is 58 MB. The one not used for longest goes first.
pub(crate) const PROMPTS_DECODED_MAX: Duration = Duration::from_secs(3600);

/// How many decoded prompts are kept however short they are; a bot has tens.
pub(crate) const PROMPTS_DECODED_COUNT_MAX: usize = 1_024;

/// Entries of the journal that wait to be written: two seconds at 5,000 a second. When it is full
/// an entry is dropped and counted, unless it is an ending: those always get in, and there are no
/// more of them than live legs and operations.
pub(crate) const JOURNAL_QUEUE_MAX: usize = 10_000;

/// How long the journal gathers entries before it writes them: what a crash may cost it. At 5,000
/// entries a second it saves nine transactions of ten.
pub(crate) const JOURNAL_GATHERED_FOR: Duration = Duration::from_millis(10);

/// Entries written by one transaction: enough that the transaction's own cost disappears.
pub(crate) const JOURNAL_BATCH_MAX: usize = 1024;

/// Entries of the journal forgotten by one transaction: as many as the busiest second writes, so
/// that forgetting keeps up, and few enough that what waits to be written waits some 50 ms.
pub(crate) const HISTORY_BATCH_MAX: u64 = 5_000;

/// How soon the next batch is forgotten while there is more: the pace of one batch a second.
pub(crate) const HISTORY_NEXT_BATCH_AFTER: Duration = Duration::from_secs(1);

/// How often old entries are looked for: nobody minds a minute in a month.
pub(crate) const HISTORY_LOOK_EVERY: Duration = Duration::from_secs(60);

/// Refusal records that wait to be written; a caller who is refused faster than a disk can write
/// loses the record, not the call. Dropped ones are counted.
pub(crate) const REFUSALS_QUEUE_MAX: usize = 1_000;

/// Refusal records kept; the oldest are forgotten first.
pub(crate) const REFUSALS_KEPT: i64 = 10_000;

/// Entries of the journal that the record of one call is made of: a roster of fifty that changes
/// two thousand times. A call with more has none.
pub(crate) const RECORD_ENTRIES_MAX: i64 = 10_000;

/// The longest a recording is kept whatever becomes of its call.
pub(crate) const RECORDING_KEPT_MAX: Duration = Duration::from_secs(24 * 3600);

/// Addresses and applications with failed log-ins remembered. When it is full, the ones whose
/// minute is over are forgotten, then all.
pub(crate) const LOGIN_FAILURES_REMEMBERED_MAX: usize = 10_000;

/// Conditions of a `$filter` inside one another. Reading one takes stack, and nobody writes ten.
pub(crate) const FILTER_DEPTH_MAX: usize = 32;

/// Things shown beside things shown beside a resource. The deepest there is are the segments of the
/// sessions of a call record.
pub(crate) const EXPAND_DEPTH_MAX: usize = 4;
/// The largest body that makes or takes a call: what it says of the call is kept while the call
/// lives. Media blobs of applications are 2 to 10 kB.
pub(crate) const CALL_BODY_BYTES_MAX: usize = 64 * 1024;

/// The longest `subject` of a call, in characters: a line.
pub(crate) const SUBJECT_CHARS_MAX: usize = 1024;

/// The longest name a guest gives itself, in characters.
pub(crate) const DISPLAY_NAME_CHARS_MAX: usize = 256;

/// The longest of the words that name a meeting: tokens are 1 kB.
pub(crate) const MEETING_WORD_BYTES_MAX: usize = 4 * 1024;

/// `ringingTimeoutInSeconds` of a call to one (Graph call, beta).
pub(crate) const RINGING_SECONDS: std::ops::RangeInclusive<i64> = 1..=115;

/// When a bot that has as many calls as it may should try again: calls last minutes.
pub(crate) const CALLS_FULL_RETRY_AFTER: Duration = Duration::from_secs(10);

/// Kinds of media in one list: there are four.
pub(crate) const MODALITIES_MAX: usize = 8;

/// How long the targets of a redirect may ring, in seconds (Graph call: redirect).
pub(crate) const REDIRECT_SECONDS: std::ops::RangeInclusive<i64> = 15..=90;

/// `delayBetweenTonesMs`: nobody waits longer than ten seconds between two keys.
pub(crate) const TONE_GAP_MS: std::ops::RangeInclusive<i64> = 0..=10_000;

/// The pause after each key when nobody says otherwise: what telephones leave.
pub(crate) const TONE_GAP_MS_DEFAULT: i64 = 100;

/// The longest id a bot may give an audio routing group, in characters.
pub(crate) const ROUTING_GROUP_ID_CHARS_MAX: usize = 128;

/// The longest `clientContext` (Graph commsOperation), in characters.
pub(crate) const CLIENT_CONTEXT_CHARS_MAX: usize = 256;

/// The longest URL of a callback or prompt; no browser takes more either.
pub(crate) const URL_BYTES_MAX: usize = 8 * 1024;

/// The longest id a bot may cache a prompt under.
pub(crate) const RESOURCE_ID_CHARS_MAX: usize = 256;

/// The shortest and longest of the three times of `recordResponse`, in seconds.
pub(crate) const RECORD_SECONDS: std::ops::RangeInclusive<i64> = 1..=120;

/// Stop tones of one recording: there are sixteen keys.
pub(crate) const STOP_TONES_MAX: usize = 16;

/// Activities of one conversation that wait for its bot: minutes of keys and words. When more come the
/// newest is dropped and counted, unless it is the beginning or the end.
pub(crate) const ACTIVITIES_PER_LINE_MAX: usize = 256;

/// How long a turn of a bot may take. Bots ask others, who are slow; after this it has failed.
pub(crate) const TURN_WITHIN: Duration = Duration::from_secs(120);

/// The waits between tries of a turn that met no bot; there is one try more. All of them together are
/// what a caller waits before they hear an apology.
pub(crate) const TURN_WAITS: [Duration; 3] = [
    Duration::from_millis(250),
    Duration::from_millis(750),
    Duration::from_secs(2),
];

/// What is read of a bot's answer to a turn: as much as of a request.
pub(crate) const TURN_ANSWER_BYTES_MAX: usize = REQUEST_BODY_BYTES_MAX;

/// Activities in one answer: more than anybody says at once.
pub(crate) const REPLIES_MAX: usize = 32;

/// Files a bot may upload for one conversation: with the largest body, 4 MB.
pub(crate) const ATTACHMENTS_PER_LINE_MAX: usize = 16;

/// The longest a bot may have the platform wait for input: ten minutes, as long as anybody holds on.
pub(crate) const NO_INPUT_MAX: Duration = Duration::from_secs(600);

/// How large the machine of a pattern for keys may be: a hundred times what a card number needs.
pub(crate) const KEY_PATTERN_BYTES_MAX: usize = 64 * 1024;

const _: () = assert!(NOTIFICATIONS_PER_POST_MAX <= NOTIFICATIONS_PER_LEG_MAX);
const _: () = assert!(JOURNAL_BATCH_MAX <= JOURNAL_QUEUE_MAX);
const _: () = assert!(
    NOTIFICATIONS_PER_LEG_MAX
        > offhook_engine::limits::OPERATIONS_MAX + offhook_engine::limits::ENDED_OPERATIONS_KEPT
);

/// Messages for one call that wait while its task is at work: more than one call ever has in
/// flight. Commands beyond it are refused with 429, tones are dropped, everything else waits.
pub(crate) const CALL_MAILBOX: usize = 128;

/// Phones that left a call for another and are remembered, so that what was on its way from them
/// finds them. It is on its way for milliseconds; the one that left first is forgotten first.
pub(crate) const GONE_LEGS_REMEMBERED: usize = 64;

/// How often a bot is led to the call of a meeting: a call may end while the bot is on its way, and
/// the next one is new. More than twice in a row is no coincidence; the join is refused then.
pub(crate) const JOIN_TRIES: usize = 3;

/// Calls that begin to be listened to and wait for the thread that listens: as many as may begin in
/// the same moment. One more is not listened to.
pub(crate) const EARS_ORDERS_MAX: usize = 1024;

/// Recordings of calls that begin in the same moment; one more is refused.
pub(crate) const TAPES_STARTING_MAX: usize = 1024;

/// How often a drain looks whether recordings are complete on disk.
pub(crate) const TAPES_LOOK: Duration = Duration::from_millis(20);

/// Recordings sent to their destination at a time.
pub(crate) const ERRANDS_AT_ONCE: usize = 4;

/// Parts of one recording that are on their way to its destination; 10 MiB each is held.
pub(crate) const UPLOAD_PARTS_OPEN_MAX: usize = 2;

/// How long a recording that could not be delivered waits until it is tried again; then as long as the
/// last.
pub(crate) const ERRAND_WAITS: [Duration; 6] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(60),
    Duration::from_secs(180),
    Duration::from_secs(300),
];

/// Recordings listed in one answer, the latest first.
pub(crate) const RECORDINGS_LISTED_MAX: usize = 1_000;

/// Pairs of a query that are read; none of ours has more than two.
pub(crate) const QUERY_PAIRS_MAX: usize = 16;

/// What a bot may attach to a recording: some pages of JSON.
pub(crate) const RECORDING_METADATA_BYTES_MAX: usize = 16 * 1024;

/// Headers a bot may have added to a call: more than anybody needs, and far from filling a datagram.
pub(crate) const SIP_HEADERS_MAX: usize = 8;

/// The longest name and value of one.
pub(crate) const SIP_HEADER_NAME_MAX: usize = 64;
/// See above.
pub(crate) const SIP_HEADER_BYTES_MAX: usize = 256;

/// The longest user-to-user information; telephone networks carry 128 bytes of it (ITU-T Q.931).
pub(crate) const USER_TO_USER_BYTES_MAX: usize = 128;

/// What a bot has asked has been answered for so long before it is told what came of it: the answer is on
/// its way by then.
pub(crate) const RESULT_AFTER_ANSWER: Duration = Duration::from_millis(10);

/// The longest transcript that is kept with a call.
pub(crate) const TRANSCRIPT_BYTES_MAX: usize = 1024 * 1024;

/// Requests that wait for a number of the pool; one more is refused.
pub(crate) const BROKER_WAITING_MAX: usize = 10_000;

/// What may be left under a number: some pages of JSON.
pub(crate) const BROKER_CONTEXT_BYTES_MAX: usize = 16 * 1024;

/// Orders the scribe holds: a thousand recordings that begin and end in the same moment. A
/// recording beyond it ends as not saved.
pub(crate) const SCRIBE_ORDERS_MAX: usize = 4096;

/// Recordings made ready for their bots at a time; more wait. Each holds the longest recording
/// twice: 6 MB.
pub(crate) const RECORDING_FETCHES_MAX: usize = 16;

/// A recording is sent in pieces of two seconds.
pub(crate) const RECORDING_CHUNK_BYTES: usize = 64 * 1024;
