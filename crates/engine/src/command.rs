//! What a bot asks of its leg, and why it may be refused.

use std::time::Duration;

use offhook_terms::{OperationId, Tone};

/// What a bot asks. Parsed and bounded at the edge; what is left to refuse here depends on the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Take the incoming call.
    Answer,
    /// Turn the incoming call down.
    Reject(RejectReason),
    /// Leave the call.
    HangUp,
    /// The bot is alive and still wants the call.
    KeepAlive,
    /// Play prompts to the call, in order, after what was asked before.
    Play {
        /// A new id, made by the edge.
        operation: OperationId,
        /// One to [`crate::limits::PROMPTS_MAX`].
        prompts: Vec<Prompt>,
        /// Over and over; never completes by itself.
        for_ever: bool,
        /// The bot's own word for this operation, handed back with its result.
        context: Option<String>,
    },
    /// Play a prompt, beep, and record what is said.
    Record {
        /// A new id, made by the edge.
        operation: OperationId,
        /// None or one.
        prompt: Option<Prompt>,
        /// Cancel every prompt and recording asked for before.
        barge_in: bool,
        /// Beep before recording.
        beep: bool,
        /// When to end.
        rules: RecordRules,
        /// The bot's own word for this operation, handed back with its result.
        context: Option<String>,
    },
}

/// A prompt: where to fetch it and what to cache it under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// Where the audio is.
    pub uri: String,
    /// Prompts of one call with the same resource id are the same audio: the first fetch serves all.
    pub resource_id: Option<String>,
}

/// When the recording of an answer ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordRules {
    /// Nothing was said for so long since recording began.
    pub initial_silence: Duration,
    /// Silence for so long after something was said.
    pub max_silence: Duration,
    /// The recording is so long.
    pub max_duration: Duration,
    /// One of these keys was pressed.
    pub stop_tones: Vec<Tone>,
}

/// Why a bot rejects a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RejectReason {
    /// It does not say.
    None,
    /// It is busy.
    Busy,
    /// The caller may not call it.
    Forbidden,
}

/// The command was accepted; what comes of it arrives as events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted;

/// The command was refused, and nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// There is no such leg in this call, or it is not a bot's.
    NoSuchLeg,
    /// The leg has ended.
    Terminated,
    /// The call is not established yet.
    NotEstablished,
    /// It was answered or rejected already; the earlier decision stands.
    AlreadyDecided,
    /// The action does not fit the state the leg is in.
    WrongState,
    /// So many operations are outstanding that no more fit; see [`crate::limits::OPERATIONS_MAX`].
    TooManyOperations,
}
