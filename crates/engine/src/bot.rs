//! A bot's leg, as its call sees it.

use offhook_terms::{AppId, LegId};

use crate::{Event, Fact, LegState, Party};

/// The bot of a call.
#[derive(Debug)]
pub(crate) struct Bot {
    pub(crate) leg: LegId,
    pub(crate) app: AppId,
    /// Where it stands. A bot that was not told of the call yet stands nowhere.
    pub(crate) state: Option<LegState>,
    pub(crate) was_established: bool,
    pub(crate) audio_flows: bool,
    pub(crate) caller: Party,
    pub(crate) caller_leg: LegId,
    /// The number of the latest event.
    pub(crate) number: u64,
    /// It asked to be told of key presses. No command asks for it yet.
    pub(crate) hears_tones: bool,
    /// The number of the latest key press.
    pub(crate) tone_sequence: u64,
}

impl Bot {
    pub(crate) fn new(leg: LegId, app: AppId, caller: Party, caller_leg: LegId) -> Self {
        Self {
            leg,
            app,
            state: None,
            was_established: false,
            audio_flows: false,
            caller,
            caller_leg,
            number: 0,
            hears_tones: false,
            tone_sequence: 0,
        }
    }

    /// The next event of this leg. A fact that changes where the leg stands changes it here, so
    /// that what a bot looks up never disagrees with what it was told.
    pub(crate) fn next_event(&mut self, fact: Fact) -> Event {
        match fact {
            Fact::Incoming { .. } => self.state = Some(LegState::Incoming),
            Fact::Establishing => self.state = Some(LegState::Establishing),
            Fact::Established => {
                self.state = Some(LegState::Established);
                self.was_established = true;
            }
            Fact::AudioFlows => self.audio_flows = true,
            Fact::AudioStopped => self.audio_flows = false,
            Fact::Terminating => self.state = Some(LegState::Terminating),
            Fact::Terminated(_) => {
                self.state = Some(LegState::Terminated);
                self.audio_flows = false;
            }
            Fact::Transferring => self.state = Some(LegState::Transferring),
            Fact::TransferAccepted => self.state = Some(LegState::TransferAccepted),
            Fact::TransferFailed { .. } => self.state = Some(LegState::Established),
            Fact::Ringing
            | Fact::RosterChanged(_)
            | Fact::ToneHeard { .. }
            | Fact::OperationEnded { .. } => {}
        }
        self.number += 1;
        Event {
            leg: self.leg,
            number: self.number,
            fact,
        }
    }
}
