//! A bot's leg, as its call sees it.

use offhook_terms::{AppId, LegId};

use crate::queue::Queue;
use crate::voice::Voice;
use crate::{
    CallDirection, Event, Fact, Hosting, Invitee, LegState, Participant, Party, RecordingStatus,
    RoutingGroup,
};

/// A bot in a call.
#[derive(Debug)]
pub(crate) struct Bot {
    pub(crate) leg: LegId,
    pub(crate) app: AppId,
    /// Where it stands. A bot that was not told of the call yet stands nowhere.
    pub(crate) state: Option<LegState>,
    pub(crate) was_established: bool,
    pub(crate) audio_flows: bool,
    pub(crate) hosting: Hosting,
    pub(crate) direction: CallDirection,
    /// Whom it called.
    pub(crate) targets: Vec<Invitee>,
    pub(crate) caller: Party,
    pub(crate) caller_leg: LegId,
    /// The number of the latest event.
    pub(crate) number: u64,
    /// It was told that somebody it called rings.
    pub(crate) knows_of_ringing: bool,
    /// It asked to be told of key presses.
    pub(crate) hears_tones: bool,
    /// The number of the latest key press.
    pub(crate) tone_sequence: u64,
    pub(crate) recording: RecordingStatus,
    pub(crate) shares_screen: bool,
    pub(crate) operations: Queue,
    pub(crate) routing_groups: Vec<RoutingGroup>,
    /// Media gave it a seat.
    pub(crate) has_seat: bool,
    pub(crate) voice: Voice,
}

impl Bot {
    /// A bot that is called.
    pub(crate) fn called(leg: LegId, app: AppId, caller: Party, caller_leg: LegId) -> Self {
        Self {
            leg,
            app,
            state: None,
            was_established: false,
            audio_flows: false,
            hosting: Hosting::Service,
            direction: CallDirection::Incoming,
            targets: Vec::new(),
            caller,
            caller_leg,
            number: 0,
            knows_of_ringing: false,
            hears_tones: false,
            tone_sequence: 0,
            recording: RecordingStatus::default(),
            shares_screen: false,
            operations: Queue::default(),
            routing_groups: Vec::new(),
            has_seat: false,
            voice: Voice::new(0),
        }
    }

    /// A bot that calls, or joins.
    pub(crate) fn calling(leg: LegId, app: AppId, hosting: Hosting, targets: Vec<Invitee>) -> Self {
        Self {
            hosting,
            direction: CallDirection::Outgoing,
            targets,
            ..Self::called(leg, app, Party::Bot { app }, leg)
        }
    }

    /// It has not ended.
    pub(crate) fn is_live(&self) -> bool {
        self.state != Some(LegState::Terminated)
    }

    /// It is in the conversation.
    pub(crate) fn is_talking(&self) -> bool {
        match self.state {
            Some(LegState::Established | LegState::Transferring | LegState::TransferAccepted) => {
                true
            }
            Some(
                LegState::Incoming
                | LegState::Establishing
                | LegState::Terminating
                | LegState::Terminated,
            )
            | None => false,
        }
    }

    pub(crate) fn party(&self) -> Party {
        Party::Bot { app: self.app }
    }

    /// What other bots are shown of it.
    pub(crate) fn participant(&self) -> Participant {
        Participant {
            leg: self.leg,
            party: self.party(),
            is_muted: self.voice.is_muted,
            is_held: false,
            recording: self.recording,
            shares_screen: self.shares_screen,
            changed: 0,
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
