//! Somebody is called, on one leg or on several at once; the first to come has the call.

use offhook_terms::{LegId, OperationId};

use crate::{Invitee, NotReached, Party};

/// Which ringing of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RingId(pub(crate) u64);

/// One ringing: it ends when somebody comes, or when nobody is left who could.
#[derive(Debug)]
pub(crate) struct Ring {
    pub(crate) id: RingId,
    pub(crate) wants: Wants,
    /// Who rings.
    pub(crate) legs: Vec<LegId>,
    /// Why the latest of those who did not come did not.
    pub(crate) why: Option<NotReached>,
    /// Whoever is to be called once it is known that the phone of the transferee does not do it.
    pub(crate) unrung: Option<Invitee>,
    /// Who is fetched from another call instead of being rung.
    pub(crate) fetched: Option<Party>,
}

/// On whose behalf it rings, and what becomes of whoever comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wants {
    /// A bot called somebody.
    Placed {
        /// The bot's leg.
        bot: LegId,
    },
    /// A caller who hears ringing is to be answered.
    Caller {
        /// Its leg.
        caller: LegId,
    },
    /// A bot lets somebody in.
    Invitation {
        /// The bot's leg.
        bot: LegId,
        /// Its operation; it ends with the last of its rings.
        operation: OperationId,
    },
    /// A bot connects somebody with somebody else.
    Transfer {
        /// The bot's leg.
        bot: LegId,
        /// Whom.
        transferee: LegId,
    },
}

impl Wants {
    /// Whose conversation it is for.
    pub(crate) fn owner(self) -> LegId {
        match self {
            Self::Placed { bot } | Self::Invitation { bot, .. } | Self::Transfer { bot, .. } => bot,
            Self::Caller { caller } => caller,
        }
    }

    /// The party without whom the ringing makes no sense.
    pub(crate) fn depends_on(self, leg: LegId) -> bool {
        match self {
            Self::Placed { bot } | Self::Invitation { bot, .. } => bot == leg,
            Self::Caller { caller } => caller == leg,
            Self::Transfer { bot, transferee } => bot == leg || transferee == leg,
        }
    }
}
