//! What a bot is told.

use std::time::Duration;

use offhook_terms::{LegId, OperationId, Tone};

use crate::{CameBy, Invitee, Participant, Party, RejectReason};

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
        /// How the call came here.
        came_by: CameBy,
        /// It is a call of many.
        is_group: bool,
    },
    /// The call was answered, or placed, and is being set up.
    Establishing,
    /// A phone the bot called is ringing.
    Ringing,
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
    /// Somebody joined, left or changed in a call of many.
    RosterChanged(Roster),
    /// The other party is being transferred.
    Transferring,
    /// The other party has been transferred; the end of the leg follows.
    TransferAccepted,
    /// The transfer failed; the other party is back with the bot.
    TransferFailed {
        /// It was to the party of another call of the bot.
        consultative: bool,
        /// Why nobody came.
        why: NotReached,
    },
    /// The bot asked to leave and is leaving.
    Terminating,
    /// The leg has ended. The last fact of a leg.
    Terminated(Ending),
}

/// Who is in a call of many, after something changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    /// Everybody, the bot among them, in the order they came.
    pub participants: Vec<Participant>,
    /// Whoever has just left.
    pub left: Vec<Participant>,
    /// One higher with every change of the call's roster. Participants with `changed` equal to it are
    /// those this event is about.
    pub sequence: u64,
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
    /// Keys were to be pressed.
    SendTones,
    /// Others were to be let in.
    Invite {
        /// Who, in the order asked.
        invitees: Vec<Invitee>,
    },
    /// A participant was to hear hold music.
    StartHoldMusic,
    /// A participant was to hear the call again.
    StopHoldMusic,
    /// Many were to be shown at once.
    AddLargeGalleryView,
    /// The bot or a participant was to be muted.
    Mute,
    /// The bot was to be unmuted.
    Unmute,
    /// Everybody was to be muted.
    MuteAll,
    /// What was played and recorded was to be cancelled.
    CancelMedia,
    /// Key presses were to be told.
    SubscribeToTones,
    /// Others were to see what the bot says of recording.
    UpdateRecordingStatus,
}

/// How an operation ended: exactly once, in exactly one of these ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All prompts were played.
    Played,
    /// It was done; every kind but playing and recording.
    Done,
    /// Somebody invited did not come.
    NotReached(NotReached),
    /// The tones could not be sent.
    TonesFailed,
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

/// Why somebody who was called did not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NotReached {
    /// They declined.
    Declined,
    /// They are busy.
    Busy,
    /// They did not answer in time.
    NoAnswer,
    /// They have no device at the moment, or there is no such person.
    Nobody,
    /// Their device or the trunk could not be reached.
    Unreachable,
    /// The number may not be dialled from here, or no trunk takes it.
    NotRouted,
    /// They cannot speak with us: no common media.
    NoCommonMedia,
    /// Any other refusal of the far side.
    Refused,
    /// We gave up: the call ended meanwhile.
    Cancelled,
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
    /// Nobody the bot called could be reached.
    NotReached(NotReached),
    /// The other party was transferred.
    Transferred,
    /// The bot redirected the call, and somebody took it or nobody did: the bot is out of it.
    Redirected,
    /// Another participant removed it.
    Removed,
    /// Everybody else left a call of many.
    OthersLeft,
    /// The platform is going down.
    PlatformStopping,
    /// Our fault.
    Fault,
}
