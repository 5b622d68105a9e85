//! The call journal: every event of every call, as it was decided, in an order with no gap.
//!
//! It survives a restart and outlives the call, so it holds nothing private: parties are ids or
//! kinds, a key press is a number without its key, prompts are counted, not named.
//!
//! An entry is one JSON object. `v` is raised when the meaning of a field changes; a new kind or
//! a new word needs no new version, because readers keep words they do not know and see a kind
//! they do not know as [`Fact::Unknown`].
//!
//! ```
//! use offhook_wire::journal::{Entry, Fact, VERSION};
//!
//! let entry = Entry {
//!     version: VERSION,
//!     call: "0b6a9d0e-58c6-4b5e-8b53-0f6a4f3f1a01".into(),
//!     leg: "3f2c1b00-8f1a-4a77-9f0e-2b6f3c1d4e55".into(),
//!     seq: 3,
//!     at_ms: 1_790_000_000_123,
//!     fact: Fact::AudioFlows,
//! };
//! let line = serde_json::to_string(&entry).unwrap();
//! assert_eq!(line, r#"{"v":1,"call":"0b6a9d0e-58c6-4b5e-8b53-0f6a4f3f1a01","leg":"3f2c1b00-8f1a-4a77-9f0e-2b6f3c1d4e55","seq":3,"at":1790000000123,"kind":"audioFlows"}"#);
//! assert_eq!(serde_json::from_str::<Entry>(&line).unwrap(), entry);
//! ```

use serde::{Deserialize, Serialize};

use crate::open_enum::open_enum;

/// The version of what we write.
pub const VERSION: u32 = 1;

/// One numbered event of one leg of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The version it was written in.
    #[serde(rename = "v")]
    pub version: u32,
    /// The call, dashed and lower case.
    pub call: String,
    /// The bot's leg, dashed and lower case.
    pub leg: String,
    /// From 1 per leg, with no gap.
    pub seq: u64,
    /// When it was decided, in milliseconds of Unix time.
    #[serde(rename = "at")]
    pub at_ms: i64,
    /// What happened.
    #[serde(flatten)]
    pub fact: Fact,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Fact {
    /// Somebody called.
    Incoming {
        /// Who.
        caller: Caller,
        /// The caller's leg.
        caller_leg: String,
        /// The bot that was called.
        bot: String,
    },
    /// The call was answered, or placed, and was being set up.
    Establishing {
        /// Whom the bot called, if it did.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        targets: Vec<Caller>,
    },
    /// A phone the bot called was ringing.
    Ringing,
    /// Somebody joined, left or changed in a call of many.
    RosterChanged {
        /// Everybody, by leg and kind.
        participants: Vec<Member>,
    },
    /// The other party was being transferred.
    Transferring,
    /// The other party was transferred.
    TransferAccepted,
    /// The transfer failed.
    TransferFailed,
    /// The phone knew that it was answered.
    Established,
    /// Audio flowed.
    AudioFlows,
    /// Audio no longer flowed: the phone was on hold.
    AudioStopped,
    /// A key was pressed; which one is nobody's business.
    ToneHeard {
        /// Its number, from 1.
        sequence: u64,
    },
    /// An operation ended.
    OperationEnded {
        /// Which.
        operation: String,
        /// What it was.
        operation_kind: OperationKind,
        /// How it ended.
        outcome: Outcome,
        /// How much was recorded, of a recorded answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        duration_ms: Option<u64>,
        /// How many prompts it had, of a played prompt.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        prompts: Option<u32>,
    },
    /// The bot asked to leave.
    Terminating,
    /// The leg ended: the last fact of a leg.
    Terminated {
        /// Why.
        ending: Ending,
        /// Whose leg it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bot: Option<String>,
    },
    /// A kind this version does not know.
    #[serde(other)]
    Unknown,
}

/// Who was in a call of many, as far as a journal may say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// The leg.
    pub leg: String,
    /// Who.
    #[serde(flatten)]
    pub party: Caller,
}

/// Who called, as far as a journal may say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "party", rename_all = "camelCase")]
pub enum Caller {
    /// A person of the workplace.
    Person {
        /// The person's id.
        id: String,
    },
    /// A phone number, not written down.
    Phone,
    /// Somebody we know nothing certain of.
    Guest,
    /// A bot of the platform.
    Bot {
        /// Its application id.
        id: String,
    },
    /// A kind this version does not know.
    #[serde(other)]
    Unknown,
}

open_enum! {
    /// What an operation was.
    OperationKind {
        /// A prompt was to be played.
        Play = "play",
        /// An answer was to be recorded.
        Record = "record",
        /// Keys were to be pressed.
        SendTones = "sendTones",
        /// Others were to be let in.
        Invite = "invite",
        /// A participant was to hear hold music.
        StartHoldMusic = "startHoldMusic",
        /// A participant was to hear the call again.
        StopHoldMusic = "stopHoldMusic",
        /// Many were to be shown at once.
        AddLargeGalleryView = "addLargeGalleryView",
    }
}

open_enum! {
    /// How an operation ended.
    Outcome {
        /// All prompts were played.
        Played = "played",
        /// It was done.
        Done = "done",
        /// Somebody invited did not come.
        NotReached = "notReached",
        /// The tones could not be sent.
        TonesFailed = "tonesFailed",
        /// Recorded until a stop tone.
        StopTone = "stopTone",
        /// Recorded for as long as was allowed.
        MaxDuration = "maxDuration",
        /// Recorded until the caller fell silent.
        MaxSilence = "maxSilence",
        /// Nobody spoke.
        InitialSilence = "initialSilence",
        /// No audio arrived.
        NoMedia = "noMedia",
        /// The recording could not be written; our fault.
        NotSaved = "notSaved",
        /// A prompt could not be fetched.
        PromptNotFetched = "promptNotFetched",
        /// A prompt had the wrong format.
        PromptFormat = "promptFormat",
        /// A prompt could not be played.
        PromptNotPlayed = "promptNotPlayed",
        /// The beep could not be played.
        BeepFailed = "beepFailed",
        /// It was cancelled, or the call ended first.
        Cancelled = "cancelled",
    }
}

open_enum! {
    /// Why a leg ended.
    Ending {
        /// The bot left.
        BotHungUp = "botHungUp",
        /// The phone hung up.
        CallerHungUp = "callerHungUp",
        /// The caller gave up before an answer.
        CallerGaveUp = "callerGaveUp",
        /// The bot rejected it and did not say why.
        BotRejected = "botRejected",
        /// The bot rejected it because it was busy.
        BotBusy = "botBusy",
        /// The bot rejected it because the caller may not call it.
        BotForbade = "botForbade",
        /// The bot did not decide in time.
        BotDidNotDecide = "botDidNotDecide",
        /// The bot could not be told of the call.
        BotUnreachable = "botUnreachable",
        /// The bot sent no keepAlive.
        KeepAliveMissed = "keepAliveMissed",
        /// The phone never acknowledged the answer.
        NotAcknowledged = "notAcknowledged",
        /// The phone's signalling was gone.
        SignallingLost = "signallingLost",
        /// The phone's audio was gone.
        AudioLost = "audioLost",
        /// The phone's offer could not be served.
        OfferRefused = "offerRefused",
        /// They declined.
        CalleeDeclined = "calleeDeclined",
        /// They were busy.
        CalleeBusy = "calleeBusy",
        /// They did not answer in time.
        CalleeNoAnswer = "calleeNoAnswer",
        /// They had no device.
        CalleeNobody = "calleeNobody",
        /// They could not be reached.
        CalleeUnreachable = "calleeUnreachable",
        /// The number could not be dialled from here.
        CalleeNotRouted = "calleeNotRouted",
        /// There were no common media.
        CalleeNoCommonMedia = "calleeNoCommonMedia",
        /// The far side refused.
        CalleeRefused = "calleeRefused",
        /// The call ended meanwhile.
        CalleeCancelled = "calleeCancelled",
        /// The other party was transferred.
        Transferred = "transferred",
        /// The bot redirected the call.
        Redirected = "redirected",
        /// Another participant removed it.
        Removed = "removed",
        /// Everybody else left.
        OthersLeft = "othersLeft",
        /// The platform was going down.
        PlatformStopping = "platformStopping",
        /// Our fault.
        Fault = "fault",
    }
}
