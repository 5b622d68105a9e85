//! What a phone's leg tells the call, and what the call asks of it.

use offhook_terms::{LegId, Tone};

use crate::{Description, Misfit, NotReached, Party, SipContext};

/// Something that happened on a phone's signalling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// The caller acknowledged our answer (ACK); with a description when the offer was ours.
    Confirmed {
        /// The answer to the offer we sent, if we sent the offer.
        answer: Option<Description>,
    },
    /// The caller gave up before our answer was sent (CANCEL). The call may have asked for one
    /// already; it is not to be sent then.
    Cancelled,
    /// The called phone rings.
    Ringing,
    /// The called phone answered our offer. It is acknowledged already.
    Answered {
        /// Its answer, unopened.
        answer: Description,
    },
    /// The called party did not come, on any device.
    NotReached(NotReached),
    /// The phone does not take a transfer from us, or gave it up before it began: bridge instead.
    ReferRefused,
    /// The phone took the transfer and reached whom it was sent to; it is about to hang up.
    ReferDone,
    /// The phone took the transfer and did not reach whom it was sent to.
    ReferFailed(NotReached),
    /// The phone hung up (BYE).
    HungUp,
    /// The phone proposes a new description for a running call (re-INVITE, UPDATE): hold, resume,
    /// a new address. Without one it asks us to propose. One at a time: each is accepted or refused
    /// before the next, which the signalling turns away itself (RFC 3261 §14.2).
    Reoffered {
        /// The new offer, unopened.
        offer: Option<Description>,
    },
    /// The signalling itself failed; the dialog is gone or must be given up.
    Lost(Loss),
    /// A key was pressed and signalled beside the audio (SIP INFO).
    ToneHeard(Tone),
}

/// How signalling with a phone was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Loss {
    /// Our answer was never acknowledged (RFC 3261 §13.3.1.4).
    Unacknowledged,
    /// The session timer ran out (RFC 4028 §10).
    SessionExpired,
    /// The transport to the phone failed.
    Unreachable,
}

/// Something the call asks of a phone's signalling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignalRequest {
    /// Tell the caller that the other side is alerted (180).
    Ring {
        /// Whose phone.
        leg: LegId,
    },
    /// Answer the call (200).
    Answer {
        /// Whose phone.
        leg: LegId,
        /// Our description: the answer to its offer, or our offer.
        description: Description,
    },
    /// Turn the call down before it was answered.
    TurnDown {
        /// Whose phone.
        leg: LegId,
        /// Why; the SIP edge finds the status and the words.
        why: TurnDown,
    },
    /// Call somebody: every device of a person, a number through a trunk. Answered with `Ringing`
    /// at most once, then with `Answered` or `NotReached`, unless hung up first.
    Call {
        /// The new leg.
        leg: LegId,
        /// Who is called.
        callee: Party,
        /// Who calls, as the callee is to see it.
        caller: Party,
        /// What they are told of the call beside that.
        context: SipContext,
        /// Our offer.
        offer: Description,
    },
    /// Ask the phone to call somebody else instead of us (REFER), if it and the operator allow that.
    Refer {
        /// Whose phone.
        leg: LegId,
        /// Whom it is to call.
        target: Party,
        /// What they are to be told of the call.
        context: SipContext,
    },
    /// End a call that was answered (BYE), or that we placed and nobody answered yet (CANCEL). Nothing to do for a phone that is gone already: hang-ups
    /// cross on the wire, and the call may hear of the phone's too late.
    HangUp {
        /// Whose phone.
        leg: LegId,
        /// Why; the SIP edge words the `Reason`.
        why: crate::Ending,
    },
    /// Accept the phone's new offer.
    AcceptOffer {
        /// Whose phone.
        leg: LegId,
        /// Our answer to it.
        description: Description,
    },
    /// Refuse the phone's new offer; the call goes on as it was.
    RefuseOffer {
        /// Whose phone.
        leg: LegId,
        /// Why it cannot be served (488); without it, another one is on the table and this one may
        /// come again later (491).
        why: Option<Misfit>,
    },
}

/// Why a caller is turned down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TurnDown {
    /// The bot rejected it as busy (486).
    Busy,
    /// The bot rejected it as forbidden (403).
    Forbidden,
    /// The bot rejected it without a reason (603).
    Declined,
    /// The bot did not decide in time, or could not be told (480).
    NoDecision,
    /// Whoever was called instead did not come.
    NotReached(NotReached),
    /// The phone's offer cannot be served (488).
    NotAcceptable(Misfit),
    /// We are going down or had a fault of our own (503).
    Unavailable,
}

impl SignalRequest {
    /// Whose phone it is asked of.
    pub fn leg(&self) -> LegId {
        match self {
            Self::Ring { leg }
            | Self::Call { leg, .. }
            | Self::Refer { leg, .. }
            | Self::Answer { leg, .. }
            | Self::TurnDown { leg, .. }
            | Self::HangUp { leg, .. }
            | Self::AcceptOffer { leg, .. }
            | Self::RefuseOffer { leg, .. } => *leg,
        }
    }
}
