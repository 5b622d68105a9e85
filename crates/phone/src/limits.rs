//! Every bound of this crate, with its reason.

use std::time::Duration;

/// Media events of one call that may wait for it. A call reads them every 20 ms; endings are few.
pub(crate) const MEDIA_EVENTS: usize = 128;

/// How long a call waits for the goodbye of its media after hanging up. Tick threads answer
/// within two ticks.
pub(crate) const CLOSING: Duration = Duration::from_secs(2);

/// How long a caller of the load generator stays quiet before it hangs up, and listens after: five
/// ticks, in which everything that is on its way arrives.
pub(crate) const LAST_PACKETS: Duration = Duration::from_millis(100);

/// How long a transfer waits for its end: a little longer than signalling does.
pub(crate) const TRANSFER: Duration = Duration::from_secs(190);

/// Calls that ring here and nobody has waited for yet. A further one is refused as busy.
pub(crate) const RINGING: usize = 64;

/// How often a call looks at what it has heard: well before the 1.28 s the audio is kept.
pub(crate) const LISTEN_EVERY: Duration = Duration::from_millis(20);

/// How long an expectation waits beyond the length it asks for, unless told otherwise.
pub(crate) const EXPECT_WITHIN: Duration = Duration::from_secs(15);

/// Runs of sound remembered of one call; an hour of alternating tones. Later ones are dropped.
pub(crate) const RUNS: usize = 20_000;

/// Quieter than this is silence (dBFS): below the faintest voice, above line noise and the
/// quantisation of G.711.
pub(crate) const SILENCE_DBFS: f32 = -50.0;

/// A frame is a tone when this share of its energy lies around one frequency. Voice stays below
/// 0.6, a sine in G.711 above 0.95.
pub(crate) const TONE_SHARE: f32 = 0.80;

/// Two frames are the same tone when their frequencies differ by less than this share.
pub(crate) const SAME_TONE: f32 = 0.03;

/// A break this short does not end a tone: one lost packet, or two.
pub(crate) const GAP_FRAMES: u32 = 3;

/// A run must last this long to count as a beep.
pub(crate) const BEEP_MIN: Duration = Duration::from_millis(80);

/// The share of an expected duration that must be heard: the edges of a tone are faded and cut
/// by frames, and the beginning of a recording can be lost to its detector.
pub(crate) const DURATION_SHARE: f64 = 0.9;

/// Steps that were told of while another is done: whoever tells more waits.
pub(crate) const LINES_AHEAD_MAX: usize = 64;
