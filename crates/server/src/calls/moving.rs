//! A phone's leg goes from one call to another, and is never lost on the way.
//!
//! ```text
//!   first call ── release ──▶ Moving ── adopt ──▶ second call ── taken ─▶ first call
//!       ▲                       │
//!       └────── take back ──────┴─ refused, or the second call is over
//! ```
//!
//! Whatever fails, the phone is in a call or hung up, and the first call hears which: a [`Moving`]
//! that nobody took goes back by itself, and one that was taken and then got lost is reported.

use offhook_engine::{Purpose, Refusal, ReleasedLeg};
use offhook_terms::LegId;
use tokio::sync::mpsc;

use super::{Message, post};
use crate::media::PhoneAudio;
use crate::sip::PhoneLeg;

/// A phone's leg between two calls: what the engine knows of it, its signalling and its port.
pub(crate) struct Moving(Option<Parts>);

pub(super) struct Parts {
    pub(super) leg: ReleasedLeg,
    pub(super) phone: PhoneLeg,
    pub(super) audio: PhoneAudio,
    /// A bot's leg in the call it goes to.
    pub(super) to: LegId,
    pub(super) purpose: Purpose,
    /// The mailbox of the call it comes from.
    pub(super) home: mpsc::Sender<Message>,
    /// It is on its way back: if nobody is there either, it is hung up.
    pub(super) returns: bool,
}

impl Moving {
    pub(super) fn new(parts: Parts) -> Self {
        Self(Some(parts))
    }

    /// Takes it to be adopted. Once it has been, or could not be, its home is told by the [`Taken`].
    pub(super) fn take(mut self) -> Option<(Parts, Taken)> {
        let parts = self.0.take()?;
        let taken = Taken {
            leg: parts.phone.leg(),
            home: Some(parts.home.clone()),
        };
        Some((parts, taken))
    }
}

impl Drop for Moving {
    fn drop(&mut self) {
        // A phone that was not wanted at home either is hung up with its session.
        if let Some(mut parts) = self.0.take().filter(|parts| !parts.returns) {
            parts.returns = true;
            let home = parts.home.clone();
            post(&home, Message::TakeBack(Box::new(Self::new(parts))));
        }
    }
}

/// Tells the call a leg came from that it does not come back, also when that is so by our fault.
pub(super) struct Taken {
    leg: LegId,
    home: Option<mpsc::Sender<Message>>,
}

impl Taken {
    /// It does come back.
    pub(super) fn not(mut self) {
        self.home = None;
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Some(home) = self.home.take() {
            post(&home, Message::Taken { leg: self.leg });
        }
    }
}

/// Another call wants the party of this one. However it is dropped unanswered, that call hears that
/// it is not given.
pub(crate) struct Wanted {
    /// The bot's leg in the call that has the party.
    pub(super) from: LegId,
    /// The bot's leg in the call that wants it.
    pub(super) to: LegId,
    pub(super) purpose: Purpose,
    /// The mailbox of the call that wants it.
    asker: Option<mpsc::Sender<Message>>,
}

impl Wanted {
    pub(super) fn new(
        from: LegId,
        to: LegId,
        purpose: Purpose,
        asker: mpsc::Sender<Message>,
    ) -> Self {
        Self {
            from,
            to,
            purpose,
            asker: Some(asker),
        }
    }

    /// It is on its way.
    pub(super) fn given(mut self) {
        self.asker = None;
    }

    /// It stays where it is.
    pub(super) fn refused(mut self, refusal: Refusal) {
        self.answer(refusal);
    }

    fn answer(&mut self, refusal: Refusal) {
        if let Some(asker) = self.asker.take() {
            let (to, purpose) = (self.to, self.purpose);
            let message = Message::NotGiven {
                to,
                purpose,
                refusal,
            };
            post(&asker, message);
        }
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        self.answer(Refusal::NoSuchReplacedCall);
    }
}
