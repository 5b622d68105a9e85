//! Every bound of this crate, with its reason and what gives way when it is reached.

use std::time::Duration;

/// Requests the stack may queue for us. At 1,000 calls a second (four requests each) this is two
/// seconds of being away; beyond it the stack answers 503 by itself.
pub(crate) const STACK_QUEUE: usize = 8_192;

/// TCP connections held at once: one for each phone of a large office. A further peer is refused.
pub(crate) const CONNECTIONS: usize = 4_096;

/// New calls waiting for the platform to look at them. A further INVITE is answered 503.
pub(crate) const ARRIVALS: usize = 2_048;

/// What one session may have waiting: requests, responses and orders. A dialog has a handful in
/// flight; a peer that floods one loses its own requests, and the final response of our INVITE
/// and our own goodbye have reserved places.
pub(crate) const INBOX: usize = 32;

/// Events kept for a session whose owner has not said yet where they go. More than any call
/// produces before it is routed; tones are dropped first, endings never.
pub(crate) const BACKLOG: usize = 32;

/// Events waiting in a session's own channel. Tones are dropped when only
/// [`EVENTS_FOR_ENDINGS`] places are left.
pub(crate) const EVENTS: usize = 64;

/// Places of [`EVENTS`] a tone may not take, so that an ending always finds one.
pub(crate) const EVENTS_FOR_ENDINGS: usize = 16;
const _: () = assert!(EVENTS_FOR_ENDINGS < EVENTS);

/// Provisional responses we listen to for one request; a peer that sends more has nothing to say.
pub(crate) const PROVISIONALS: usize = 24;
const _: () = assert!(PROVISIONALS < INBOX);

/// Phones one person may have registered at once. The oldest is forgotten when one more comes.
pub(crate) const CONTACTS_PER_USER: usize = 10;

/// People with registered phones. A further one is answered 503 until somebody leaves.
pub(crate) const REGISTERED_USERS: usize = 20_000;

/// The shortest registration we keep; shorter ones are traffic, not presence (423).
pub(crate) const REGISTRATION_MIN: Duration = Duration::from_secs(60);

/// What a phone gets that asks for no duration.
pub(crate) const REGISTRATION_DEFAULT: Duration = Duration::from_secs(3_600);

/// The longest registration we believe in: a phone that vanished stays rung for this long.
pub(crate) const REGISTRATION_MAX: Duration = Duration::from_secs(7_200);

/// How long a connection may be silent: as long as the phone at its other end is registered, because
/// it can be called over nothing else. When there are too many, the longest silent goes.
pub(crate) const CONNECTION_IDLE: Duration = REGISTRATION_MAX;

/// How long a registration of ours over a connection goes without a renewal: less than the routers
/// on the way remember the connection (RFC 5626 §4.4.1 asks for a sign of life each 95 to 120 seconds).
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(95);

/// How long a registration of ours that failed waits for its next try at first. A wrong password is
/// not guessed at faster than this.
pub(crate) const REGISTER_AGAIN: Duration = Duration::from_secs(5);

/// And at most: a registrar that was away for a day is found again within minutes.
pub(crate) const REGISTER_AGAIN_MAX: Duration = Duration::from_secs(300);
const _: () = assert!(REGISTER_AGAIN.as_secs() < REGISTER_AGAIN_MAX.as_secs());

/// How long a digest challenge may be answered. Long enough for a slow phone, and a phone that
/// reuses it later is told it is stale and asked again without bothering its owner.
pub(crate) const NONCE_LIFE: Duration = Duration::from_secs(300);

/// Challenges whose use count is remembered against replay; only a right password gets one in.
/// The oldest is forgotten (and thereby refused) when there are more.
pub(crate) const NONCES: usize = 16_384;

/// Addresses, and accounts at addresses, remembered for wrong passwords. When it is full the ones
/// whose minute is over are forgotten, then all.
pub(crate) const GUESSES: usize = 16_384;

/// How many accounts' worth of wrong passwords one address may send in a minute: an office behind
/// one address has some phones with an old password, and not ten of them.
pub(crate) const GUESSED_ACCOUNTS: u32 = 10;

/// Private headers handed to the owner of a call, and the length of one value.
pub(crate) const HEADERS: usize = 16;
/// Bytes of one private header's value; a longer one is not passed on.
pub(crate) const HEADER_BYTES: usize = 1_024;

/// Characters of a `Reason` we pass on; it is for reading, not for data.
pub(crate) const REASON_CHARS: usize = 256;

/// A ringing call says so again each minute, because proxies give up after three (RFC 3261
/// §13.3.1.1).
pub(crate) const RING_AGAIN: Duration = Duration::from_secs(60);

/// How long the stack keeps a request we have not answered; more than two [`RING_AGAIN`].
pub(crate) const UNANSWERED: Duration = Duration::from_secs(180);
const _: () = assert!(UNANSWERED.as_secs() > 2 * RING_AGAIN.as_secs());

/// What a refused caller is told to wait when we are full.
pub(crate) const RETRY_AFTER_SECS: u32 = 5;

/// How often a call follows a challenge or a longer session interval before it gives up: once for
/// the challenge of a trunk and of a proxy before it, once for a stale nonce of each, once for the
/// interval.
pub(crate) const INVITE_ATTEMPTS: u32 = 6;

/// Realms that may ask one call for proof: a trunk, and proxies before it. A further one is told
/// nothing, and its refusal stands.
pub(crate) const REALMS: usize = 4;

/// Phones that may ring for one call of ours behind one number, as far as they want their ringing
/// acknowledged. A further one repeats itself until it gives up; the call goes on.
pub(crate) const FORKS: usize = 16;

/// How long the host of a call we place is looked for. A caller who hears nothing for longer has
/// hung up.
pub(crate) const LOOK_UP: Duration = Duration::from_secs(5);

/// Addresses from which trunks call us. Of more, the last named are not believed.
pub(crate) const TRUNK_ADDRESSES: usize = 256;

/// How long a transfer may take from its REFER to its last news: longer than a phone rings. Then it
/// has failed (408), and the call goes on.
pub(crate) const REFERRED_WITHIN: Duration = Duration::from_secs(180);

/// How long a phone that wants to be connected elsewhere waits for a yes or no; its request is gone
/// after 32 seconds. Then it is refused.
pub(crate) const REFER_DECIDED_WITHIN: Duration = Duration::from_secs(20);

/// How long a shutdown waits for goodbyes to leave.
pub(crate) const SHUTDOWN: Duration = Duration::from_secs(2);

/// Largest unreliable request (RFC 3261 §18.1.1); a larger one goes over TCP.
pub(crate) const DATAGRAM: usize = 1_300;
