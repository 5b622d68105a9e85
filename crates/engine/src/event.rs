//! What a bot is told.

use std::time::Duration;

use offhook_terms::{LegId, OperationId, Tone};

use crate::{Party, RejectReason};

/// A fact for a bot about its leg, numbered from 1 with no gap, in the order it was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The bot's leg.
    pub leg: LegId,
    /// Its place in the order.
    pub number: u64,
    /// What happened.
    pub fact: Fact,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// Somebody calls.
    Incoming {
        /// Who.
        caller: Party,
        /// The caller's leg.
        caller_leg: LegId,
    },
    /// The call was answered and is being set up.
    Establishing,
    /// The phone knows that it is answered.
    Established,
    /// Audio flows between the phone and the room.
    AudioFlows,
    /// The phone is on hold: no audio flows.
    AudioStopped,
    /// A key was pressed, numbered from 1 over the life of the leg.
    ToneHeard {
        /// Its number.
        sequence: u64,
        /// Which.
        tone: Tone,
    },
    /// An operation ended.
    OperationEnded {
        /// Which.
        operation: OperationId,
        /// What it was.
        kind: OperationKind,
        /// The bot's own word for it.
        context: Option<String>,
        /// How it ended.
        outcome: Outcome,
    },
    /// The bot asked to leave and is leaving.
    Terminating,
    /// The leg has ended. The last fact of a leg.
    Terminated(Ending),
}

/// What kind of operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperationKind {
    /// A prompt was to be played; the prompts as they were asked for.
    Play {
        /// In the order asked.
        prompts: Vec<crate::Prompt>,
    },
    /// An answer was to be recorded.
    Record,
}

/// How an operation ended: exactly once, in exactly one of these ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All prompts were played.
    Played,
    /// An answer was recorded, or its recording failed by its own rules.
    Recorded {
        /// Which rule ended it.
        ending: RecordEnding,
        /// How much was recorded.
        duration: Duration,
    },
    /// A prompt could not be had or played.
    PromptFailed(PlayFault),
    /// The beep could not be played.
    BeepFailed,
    /// It was cancelled, or the call ended first.
    Cancelled,
}

/// What went wrong with a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PlayFault {
    /// It could not be fetched.
    Download,
    /// It has the wrong format.
    Format,
    /// It could not be played.
    Playing,
}

/// Which rule ended a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordEnding {
    /// A stop tone was heard.
    StopTone,
    /// It was as long as allowed.
    MaxDuration,
    /// Silence after something was said.
    MaxSilence,
    /// Nothing was said.
    InitialSilence,
    /// No audio arrived at all.
    NoMedia,
    /// The file could not be written; our fault.
    NotSaved,
}

/// Why a leg ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// The bot left.
    BotHungUp,
    /// The phone hung up.
    CallerHungUp,
    /// The caller gave up before an answer.
    CallerGaveUp,
    /// The bot rejected the call.
    BotRejected(RejectReason),
    /// The bot did not decide in time.
    BotDidNotDecide,
    /// The bot could not be told of the call, or answered that it does not want to hear of it.
    BotUnreachable,
    /// The bot sent no keepAlive for so long.
    KeepAliveMissed,
    /// The phone never acknowledged the answer.
    NotAcknowledged,
    /// The phone's signalling is gone.
    SignallingLost,
    /// The phone's audio is gone.
    AudioLost,
    /// The phone's offer cannot be served.
    OfferRefused,
    /// The platform is going down.
    PlatformStopping,
    /// Our fault.
    Fault,
}
