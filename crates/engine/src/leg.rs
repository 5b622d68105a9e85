//! One party's connection to a call.

use offhook_terms::{AppId, CallId, LegId, OperationId, PersonId, Private};

use crate::phone::Phone;
use crate::{OperationKind, Outcome, SipContext};

/// A session description (SDP, RFC 8866), carried unopened: only media reads it.
#[derive(Clone, PartialEq, Eq)]
pub struct Description(String);

impl Description {
    /// Wraps a description as it came or as media made it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one who reads or sends it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Addresses are personal, so a description prints as its length.
impl std::fmt::Debug for Description {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Description({} bytes)", self.0.len())
    }
}

/// Who a party is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Party {
    /// One of the workplace, proven by a password.
    Person {
        /// Who.
        id: PersonId,
        /// As shown to others.
        name: Private<String>,
    },
    /// A caller known by a phone number, E.164.
    Phone {
        /// The number with its `+`.
        number: Private<String>,
    },
    /// A caller we know nothing certain of.
    Guest {
        /// What it calls itself.
        name: Private<String>,
    },
    /// A bot of this platform.
    Bot {
        /// Which.
        app: AppId,
    },
}

/// Somebody to be called. Who it is says where to ring: a person on every device, a number through
/// a trunk, a bot at its webhook; the edges find the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitee {
    /// A new leg, made by the edge.
    pub leg: LegId,
    /// Who.
    pub party: Party,
    /// It hears and is heard through routing groups alone.
    pub is_routed_only: bool,
    /// What they are told of the call, beside who calls.
    pub context: SipContext,
}

impl Invitee {
    /// Somebody who is to hear and be heard like everybody else.
    pub fn new(leg: LegId, party: Party) -> Self {
        Self {
            leg,
            party,
            is_routed_only: false,
            context: SipContext::default(),
        }
    }
}

/// Who handles the audio of a bot's leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Hosting {
    /// We play and record for the bot.
    #[default]
    Service,
    /// The bot wants raw audio, which is not served here: it may control the call and nothing else.
    App,
}

/// A bot calls somebody.
#[derive(Debug, Clone)]
pub struct Placement {
    /// The new call.
    pub call: CallId,
    /// The bot's leg.
    pub bot_leg: LegId,
    /// Which bot.
    pub bot: AppId,
    /// Who handles its audio.
    pub hosting: Hosting,
    /// One, or up to [`crate::limits::TARGETS_MAX`] for a call of many.
    pub targets: Vec<Invitee>,
    /// A call of many, though it may have one target.
    pub is_group: bool,
    /// How long they ring.
    pub ring_for: std::time::Duration,
}

/// A phone calls another phone: no bot is in it.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The new call.
    pub call: CallId,
    /// The calling phone's leg.
    pub caller_leg: LegId,
    /// Who is calling.
    pub caller: Party,
    /// The calling phone's offer, if it made one.
    pub offer: Option<Description>,
    /// Who is called.
    pub callee: Invitee,
}

/// A phone dials into a meeting.
#[derive(Debug, Clone)]
pub struct PhoneJoin {
    /// The phone's leg.
    pub leg: LegId,
    /// Who is calling.
    pub party: Party,
    /// The phone's offer, if it made one.
    pub offer: Option<Description>,
}

/// A bot joins a meeting.
#[derive(Debug, Clone)]
pub struct BotJoin {
    /// The bot's leg.
    pub leg: LegId,
    /// Which bot.
    pub bot: AppId,
    /// Who handles its audio.
    pub hosting: Hosting,
}

/// What a bot is shown of a party in a call of many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    /// Its leg; also its participant id.
    pub leg: LegId,
    /// Who.
    pub party: Party,
    /// Nobody hears it.
    pub is_muted: bool,
    /// It hears hold music and nobody else.
    pub is_held: bool,
    /// What it said of recording the call.
    pub recording: RecordingStatus,
    /// It says that it shows its screen.
    pub shares_screen: bool,
    /// Where the roster stood when this participant last changed; see
    /// [`Roster::sequence`](crate::Roster).
    pub changed: u64,
}

/// What a bot says it does about recording the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RecordingStatus {
    /// It said nothing.
    #[default]
    Unknown,
    /// It does not record.
    NotRecording,
    /// It records.
    Recording,
    /// It wanted to and cannot.
    Failed,
}

/// How a call came to a bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CameBy {
    /// The caller called this bot.
    Called,
    /// The caller called somebody else, who sent the call on.
    Forwarded {
        /// Whom the caller called.
        original: Party,
    },
    /// The caller talked with somebody else, who transfers it.
    Transferred {
        /// Who does.
        transferor: Party,
    },
    /// The caller lets this bot into its call of many.
    Invited,
}

/// Which way a bot's leg came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallDirection {
    /// The bot was called.
    Incoming,
    /// The bot called, or joined.
    Outgoing,
}

/// A phone calls a bot.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The new call.
    pub call: CallId,
    /// The phone's leg.
    pub caller_leg: LegId,
    /// Who is calling.
    pub caller: Party,
    /// The phone's offer, if it made one.
    pub offer: Option<Description>,
    /// The bot's leg.
    pub bot_leg: LegId,
    /// Which bot.
    pub bot: AppId,
}

/// Where a bot's leg stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LegState {
    /// The bot must decide.
    Incoming,
    /// Answered or placed, being set up.
    Establishing,
    /// Talking.
    Established,
    /// The other party is being transferred.
    Transferring,
    /// The other party has been transferred, and the leg is about to end.
    TransferAccepted,
    /// The bot is leaving.
    Terminating,
    /// Over.
    Terminated,
}

/// What a bot may see of its leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegView {
    /// The bot.
    pub bot: AppId,
    /// The call it belongs to.
    pub call: CallId,
    /// Where it stands.
    pub state: LegState,
    /// Who called.
    pub caller: Party,
    /// The caller's leg.
    pub caller_leg: LegId,
    /// Audio flows.
    pub audio_flows: bool,
    /// The number of its latest event.
    pub number: u64,
    /// Who called whom.
    pub direction: CallDirection,
    /// Whom the bot called, in the order asked; for an incoming leg nobody.
    pub targets: Vec<Invitee>,
    /// A call of many: it has a roster.
    pub is_group: bool,
    /// Who handles the bot's audio.
    pub hosting: Hosting,
}

/// What a bot may see of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationView {
    /// Which.
    pub operation: OperationId,
    /// What it is.
    pub kind: OperationKind,
    /// The bot's own word for it.
    pub context: Option<String>,
    /// How it ended, if it has.
    pub outcome: Option<Outcome>,
}

/// A leg on its way from one call to another: released by the first, adopted by the second.
///
/// It is a value on purpose. Between the two calls nobody but the switchboard has it, so there is
/// nothing to lock; whoever holds it also moves the signalling handle and the media port. In its new
/// room the port hears everybody and is heard by everybody, whatever was asked of it in the old one.
#[derive(Debug)]
pub struct ReleasedLeg {
    pub(crate) phone: Box<Phone>,
}

impl ReleasedLeg {
    /// Which leg this is.
    pub fn leg(&self) -> LegId {
        self.phone.leg
    }

    /// Who is on it.
    pub fn party(&self) -> &Party {
        &self.phone.party
    }
}
