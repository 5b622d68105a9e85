//! One party's connection to a call.

use offhook_terms::{AppId, CallId, LegId, OperationId, PersonId, Private};

use crate::phone::Phone;
use crate::{OperationKind, Outcome};

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
    /// Answered, being set up.
    Establishing,
    /// Talking.
    Established,
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
/// nothing to lock; whoever holds it also moves the signalling handle and the media port.
#[derive(Debug)]
pub struct ReleasedLeg {
    pub(crate) phone: Phone,
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
