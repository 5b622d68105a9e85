//! Every bound of speech, with its reason.

use std::time::Duration;

/// The longest text or document spoken at once, in bytes: ten minutes of talk. More is refused where it
/// is handed in.
pub const SPEECH_BYTES_MAX: usize = 32 * 1024;

/// Elements inside one another. Documents have five; what is deeper is read without its markup.
pub const DEPTH_MAX: usize = 32;

/// Pieces of one document that are spoken one after the other: each costs a run of a program.
pub const STRETCHES_MAX: usize = 64;

/// The longest break (Speech service: break, 5 s); a longer one is this long.
pub const BREAK_MAX: Duration = Duration::from_secs(5);

/// The longest speech made of one message: what a call may be asked to hold.
pub const AUDIO_MAX: Duration = Duration::from_secs(600);

/// How long one piece of speech may take to make or to understand.
pub const WORK_WITHIN: Duration = Duration::from_secs(10);

/// Programs run at a time; more wait. Each keeps a core busy for tens of milliseconds.
pub const CHILDREN_MAX: usize = 8;

/// The longest utterance; what is said beyond it is another one.
pub const UTTERANCE_MAX: Duration = Duration::from_secs(20);

/// The longest answer of a service: the longest speech.
pub const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Phrases that a recogniser is told to expect: more than a menu has.
pub const PHRASES_MAX: usize = 64;

/// The longest of them, in characters.
pub const PHRASE_CHARS_MAX: usize = 100;
