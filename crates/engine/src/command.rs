//! What a bot asks of its leg, and why it may be refused.

use std::time::Duration;

use offhook_terms::{LegId, OperationId, Private, Tone};

use crate::{Hosting, Invitee, RecordingStatus};

/// What a bot asks. Parsed and bounded at the edge; what is left to refuse here depends on the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Take the incoming call.
    Answer {
        /// Who handles the bot's audio.
        hosting: Hosting,
    },
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
    /// Send the incoming call on to others; whoever takes it first has it. The bot's leg ends.
    Redirect {
        /// One to [`crate::limits::REDIRECT_TARGETS_MAX`].
        targets: Vec<Invitee>,
        /// How long they ring.
        ring_for: Duration,
        /// The targets are not told who calls.
        mask_caller: bool,
        /// The caller is not told who answered.
        mask_callee: bool,
    },
    /// Connect the other party with somebody else and leave.
    Transfer {
        /// Who is to be transferred; needed in a call of many only.
        transferee: Option<LegId>,
        /// Who is to be called.
        target: Invitee,
        /// How long that may take.
        ring_for: Duration,
    },
    /// Connect the other party with the party of another call of this bot, and leave both.
    TransferTo {
        /// Who is to be transferred; needed in a call of many only.
        transferee: Option<LegId>,
        /// The bot's leg in the other call.
        replaces: LegId,
    },
    /// The party of this call goes to another call of this bot, which asked for it; this leg ends.
    GiveTo {
        /// The bot's leg in the other call.
        to: LegId,
        /// Why.
        purpose: Purpose,
    },
    /// Ring others and let them in. A call of two becomes a call of many.
    Invite {
        /// A new id, made by the edge.
        operation: OperationId,
        /// One to [`crate::limits::INVITEES_MAX`].
        invitees: Vec<Invitee>,
        /// The bot's leg in the call whose party is the (only) invitee: it is not rung but moved here.
        replaces: Option<LegId>,
        /// How long they ring.
        ring_for: Duration,
        /// The bot's own word for this operation, handed back with its result.
        context: Option<String>,
    },
    /// Do something that is done at once. Its operation has ended when it is accepted, and no event
    /// tells of that end.
    AtOnce {
        /// A new id, made by the edge.
        operation: OperationId,
        /// What.
        what: AtOnce,
        /// The bot's own word for this operation.
        context: Option<String>,
    },
    /// Put a participant on hold with music; one at a time.
    StartHoldMusic {
        /// A new id, made by the edge.
        operation: OperationId,
        /// Who.
        participant: LegId,
        /// What it hears; the platform's own music without it.
        prompt: Option<Prompt>,
        /// The bot's own word for this operation, handed back with its result.
        context: Option<String>,
    },
    /// Take a participant off hold.
    StopHoldMusic {
        /// A new id, made by the edge.
        operation: OperationId,
        /// Who.
        participant: LegId,
        /// The bot's own word for this operation, handed back with its result.
        context: Option<String>,
    },
    /// Show many at once in video: accepted and done, though there is no video here.
    AddLargeGalleryView {
        /// A new id, made by the edge.
        operation: OperationId,
        /// The bot's own word for this operation, handed back with its result.
        context: Option<String>,
    },
    /// Press keys towards the call. Independent of what is played.
    SendTones {
        /// A new id, made by the edge.
        operation: OperationId,
        /// One to [`crate::limits::TONES_MAX`].
        tones: Vec<Tone>,
        /// The pause after each.
        gap: Duration,
        /// The bot's own word for this operation, handed back with its result.
        context: Option<String>,
    },
    /// Drop a participant.
    Remove {
        /// Who.
        participant: LegId,
    },
    /// Make, change or delete an audio routing group.
    Route(RouteChange),
    /// Say that the bot shows its screen, or no longer does. Others are shown that; there is no video
    /// here.
    ShareScreen {
        /// It does.
        shares: bool,
    },
}

/// What is done the moment it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AtOnce {
    /// Nobody hears the bot, or this participant, any more.
    Mute {
        /// Who; the bot itself without it.
        participant: Option<LegId>,
    },
    /// The bot is heard again.
    Unmute,
    /// Nobody hears these, or anybody but the bot, any more.
    MuteAll {
        /// Who; everybody but the bot when empty.
        participants: Vec<LegId>,
    },
    /// Cancel every prompt and recording asked for.
    CancelMedia,
    /// Tell the bot of every key press from now on.
    SubscribeToTones,
    /// Show others what the bot says of recording.
    UpdateRecordingStatus {
        /// What it says.
        status: RecordingStatus,
    },
}

/// A change of who hears whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteChange {
    /// Make a group.
    Create(RoutingGroup),
    /// Replace a group of this id.
    Update(RoutingGroup),
    /// Delete a group.
    Delete(String),
}

/// Receivers hear sources, beside what everybody hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutingGroup {
    /// Its id, compared without regard to case.
    pub id: String,
    /// How many may be on each side.
    pub mode: RoutingMode,
    /// Who is heard.
    pub sources: Vec<LegId>,
    /// Who hears.
    pub receivers: Vec<LegId>,
}

/// How many may be on each side of a routing group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RoutingMode {
    /// One source and one receiver.
    OneToOne,
    /// Any number of each.
    Multicast,
}

/// Why a leg goes from one call to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A consultative transfer: both bots leave.
    Transfer,
    /// An invitation that replaces a call: this operation of the adopting bot ends with it.
    Invitation(OperationId),
}

/// Something to be played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prompt {
    /// A file of a bot's: where to fetch it and what to cache it under.
    File {
        /// Where the audio is.
        uri: String,
        /// Prompts of one call with the same resource id are the same audio: the first fetch serves all.
        resource_id: Option<String>,
    },
    /// Words to be spoken.
    Speech(Speech),
}

impl Prompt {
    /// Where the audio is, if it is a file.
    pub fn uri(&self) -> Option<&str> {
        match self {
            Self::File { uri, .. } => Some(uri),
            Self::Speech(_) => None,
        }
    }

    /// What the audio may be cached under.
    pub fn resource_id(&self) -> Option<&str> {
        match self {
            Self::File { resource_id, .. } => resource_id.as_deref(),
            Self::Speech(_) => None,
        }
    }
}

/// Words to be spoken, unread: what is markup in them is the speaking side's to know.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Speech {
    /// The words.
    pub words: Private<String>,
    /// How they are to be read.
    pub form: SpeechForm,
    /// The language they are in, a BCP 47 tag.
    pub locale: String,
    /// Whose voice, where the words do not say.
    pub voice: Option<String>,
}

/// How words are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpeechForm {
    /// As they stand.
    Plain,
    /// As a document of the Speech Synthesis Markup Language (SSML).
    Ssml,
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

/// What somebody who is called is told beside who calls, in headers of the SIP request. Checked and
/// bounded at the edge.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SipContext {
    /// Names and values of header fields, in order.
    pub headers: Vec<(String, Private<String>)>,
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
    /// The bot handles its audio itself, so there is none to play, record or hear for it.
    AppHosted,
    /// Only a call of many has this.
    NotAGroup,
    /// There is no such participant.
    NoSuchParticipant,
    /// There is no such routing group, or one with this id already.
    NoSuchRoutingGroup,
    /// There is one with this id already.
    RoutingGroupExists,
    /// Another participant is on hold, or this one is or is not.
    HoldConflict,
    /// A transfer is under way.
    TransferConflict,
    /// The other call is none, or has nobody to give.
    NoSuchReplacedCall,
    /// Fewer or more prompts, tones, targets, invitees or members than fit; see [`crate::limits`].
    OutOfBounds,
    /// Somebody invited is in the call or being invited already.
    AlreadyInvited,
    /// The call has as many parties as fit; see [`crate::limits::PARTIES_MAX`].
    TooManyParties,
}
