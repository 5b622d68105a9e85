//! What will happen, in order of time; at one time in the order it was planned.

use std::collections::BTreeMap;
use std::time::Duration;

use offhook_engine::{MediaEvent, NotReached, Purpose, SignalRequest};
use offhook_terms::{CallId, LegId, OperationId};

/// Something that will happen.
#[derive(Debug)]
pub(crate) enum Happening {
    /// A phone got our 200 and acknowledges it.
    Acknowledge(LegId),
    /// A phone got our 200 and never acknowledges it.
    NotAcknowledged(LegId),
    /// A phone hangs up.
    HangUp(LegId),
    /// A request to a phone's signalling gets through to the wire.
    OnTheWire(SignalRequest),
    /// The audio of a phone, wherever its leg is by then, says something.
    OfLeg(LegId, MediaEvent),
    /// The audio of a call says something of an operation.
    OfOperation(CallId, OperationId, MediaEvent),
    /// Twenty milliseconds of recording have passed; whether they began with speech.
    Tick(CallId, bool),
    /// A phone begins to speak.
    SpeechBegins(LegId),
    /// A phone stops speaking.
    SpeechEnds(LegId),
    /// Delivery to a bot is given up.
    GiveUp(LegId),
    /// A called phone rings.
    Alerted(LegId),
    /// A called phone cannot be reached.
    NotReached(LegId, NotReached),
    /// A phone answers a REFER.
    Referred(LegId),
    /// The switchboard moves a phone's leg to the call of a bot's leg.
    HandOver(LegId, LegId, Purpose),
    /// The switchboard asks the call of a bot's leg for its party, for another bot's leg.
    Fetch(LegId, LegId, Purpose),
}

#[derive(Debug, Default)]
pub(crate) struct Agenda {
    planned: BTreeMap<(Duration, u64), Happening>,
    count: u64,
}

impl Agenda {
    pub(crate) fn plan(&mut self, at: Duration, happening: Happening) {
        self.count += 1;
        self.planned.insert((at, self.count), happening);
    }

    pub(crate) fn next_at(&self) -> Option<Duration> {
        self.planned.keys().next().map(|(at, _)| *at)
    }

    pub(crate) fn take_due(&mut self, now: Duration) -> Option<Happening> {
        let first = self.planned.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    /// Nothing more is heard of an operation.
    pub(crate) fn forget(&mut self, operation: OperationId) {
        self.planned.retain(
            |_, planned| !matches!(planned, Happening::OfOperation(_, of, _) if *of == operation),
        );
    }
}
