//! One call: its legs and the operations a bot has asked for.

use std::time::Instant;

use offhook_terms::{CallId, LegId, OperationId};

use crate::{
    Accepted, Arrival, Command, Ending, Event, LegView, MediaEvent, MediaRequest, OperationView,
    Refusal, ReleasedLeg, Signal, SignalRequest,
};

/// One thing to do, in the order it must be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Ask a phone's signalling.
    Signal(SignalRequest),
    /// Ask the call's audio.
    Media(MediaRequest),
    /// Tell a bot, and write it down.
    Event(Event),
    /// Nobody is left and nothing more will come. Always the last output of a call.
    Over {
        /// Why it ended.
        ending: Ending,
        /// It was answered at some time; otherwise it was refused and leaves a refusal record.
        was_established: bool,
    },
}

/// One call.
///
/// Methods come in three kinds. `handle_*` take something that happened and the time it happened.
/// [`Call::poll`] gives the next thing to do, or `None`. The rest are getters. After each
/// `handle_*`, drain `poll` before handing in anything else.
pub struct Call {
    // to be filled in by its builder
    _private: (),
}

#[allow(unused_variables, clippy::unused_self)]
impl Call {
    /// A phone calls a bot. The first output asks media to open the phone's offer; the bot is told
    /// once that has worked.
    pub fn arrived(arrival: Arrival, now: Instant) -> Self {
        Self { _private: () }
    }
    /// Something happened on a phone's signalling.
    pub fn handle_signal(&mut self, leg: LegId, signal: Signal, now: Instant) {}
    /// Something happened in the audio.
    pub fn handle_media(&mut self, event: MediaEvent, now: Instant) {}
    /// A bot asks for something.
    pub fn handle_command(
        &mut self,
        leg: LegId,
        command: Command,
        now: Instant,
    ) -> Result<Accepted, Refusal> {
        Err(Refusal::NoSuchLeg)
    }
    /// The bot could not be told of something and will not be: it refused, or retries ran out.
    pub fn handle_undeliverable(&mut self, leg: LegId, now: Instant) {}
    /// Time has passed; timers that are due fire.
    pub fn handle_time(&mut self, now: Instant) {}
    /// The platform goes down: end the call.
    pub fn handle_stop(&mut self, now: Instant) {}
    /// When [`Call::handle_time`] must be called at the latest.
    pub fn next_deadline(&self) -> Option<Instant> {
        None
    }
    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Output> {
        None
    }
    /// What a bot may see of its leg.
    pub fn leg(&self, leg: LegId) -> Option<LegView> {
        None
    }
    /// What a bot may see of an operation of its leg.
    pub fn operation(&self, leg: LegId, operation: OperationId) -> Option<OperationView> {
        None
    }
    /// The operations of a bot's leg, oldest first: the outstanding and the last that ended.
    pub fn operations(&self, leg: LegId) -> Vec<OperationView> {
        Vec::new()
    }
    /// Lets a phone's leg go to another call: what was asked of it is ended, its port and its
    /// signalling stay open, and from now on they are the adopter's.
    pub fn release(&mut self, leg: LegId, now: Instant) -> Option<ReleasedLeg> {
        None
    }
    /// Takes a leg that another call released.
    pub fn adopt(&mut self, leg: ReleasedLeg, now: Instant) {}
    /// This call.
    pub fn id(&self) -> CallId {
        CallId::from_bits(0)
    }
    /// Nobody is left.
    pub fn is_over(&self) -> bool {
        false
    }
}
