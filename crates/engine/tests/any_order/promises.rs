//! What came out of a call, held against what the crate promises.

use std::collections::BTreeSet;

use offhook_engine::{
    Ending, Fact, LegState, MediaRequest, OperationKind, Outcome, Output, Signal, SignalRequest,
};
use offhook_terms::{LegId, OperationId};

use crate::trial::{Asked, Trial};

/// What a phone has been through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Arrived,
    Ringing,
    /// To be called, perhaps.
    Unknown,
    /// Being called.
    Called,
    Answered,
    /// We ended it, one way or the other.
    Ended,
    /// It left by itself.
    Left,
}

#[derive(Debug)]
pub(crate) struct PhoneLedger {
    pub(crate) call: usize,
    pub(crate) fate: Fate,
    pub(crate) has_port: bool,
    /// It is between two calls.
    pub(crate) is_between: bool,
    /// Proposals it made and nobody answered.
    proposals: u32,
    /// Proposals media said something of.
    pub(crate) looked_at: u32,
    is_referring: bool,
}

impl PhoneLedger {
    pub(crate) fn new(call: usize, fate: Fate) -> Self {
        Self {
            call,
            fate,
            has_port: false,
            is_between: false,
            proposals: 0,
            looked_at: 0,
            is_referring: false,
        }
    }

    /// A phone says something. Gives whether it may: what signalling promises to say once, it says
    /// once.
    pub(crate) fn says(&mut self, signal: &Signal) -> bool {
        if self.fate == Fate::Unknown {
            // It has no signalling yet.
            return false;
        }
        match signal {
            Signal::HungUp if self.fate != Fate::Ended => self.fate = Fate::Left,
            Signal::Cancelled if matches!(self.fate, Fate::Arrived | Fate::Ringing) => {
                self.fate = Fate::Left;
            }
            Signal::Answered { .. } if self.fate == Fate::Called => self.fate = Fate::Answered,
            Signal::Answered { .. } => return false,
            Signal::NotReached(_) if self.fate == Fate::Called => self.fate = Fate::Left,
            Signal::NotReached(_) => return false,
            Signal::Lost(_) if self.fate == Fate::Called => self.fate = Fate::Left,
            Signal::ReferRefused | Signal::ReferDone | Signal::ReferFailed(_) => {
                return std::mem::take(&mut self.is_referring);
            }
            Signal::Reoffered { .. } => self.proposals += 1,
            _ => {}
        }
        true
    }
}

#[derive(Debug)]
pub(crate) struct BotLedger {
    pub(crate) call: usize,
    number: u64,
    pub(crate) told: Option<LegState>,
    audio_flows: bool,
    pub(crate) has_seat: bool,
    /// It must begin before it is told anything.
    must_begin: bool,
    has_ended: bool,
    pub(crate) accepted: BTreeSet<OperationId>,
    pub(crate) ended: BTreeSet<OperationId>,
    playing: Option<OperationId>,
    pressing: Option<OperationId>,
}

impl BotLedger {
    pub(crate) fn new(call: usize) -> Self {
        Self {
            call,
            number: 0,
            told: None,
            audio_flows: false,
            has_seat: false,
            must_begin: false,
            has_ended: false,
            accepted: BTreeSet::new(),
            ended: BTreeSet::new(),
            playing: None,
            pressing: None,
        }
    }

    pub(crate) fn rung(call: usize) -> Self {
        Self {
            must_begin: true,
            ..Self::new(call)
        }
    }

    fn check_fact(&mut self, fact: &Fact) {
        assert_ne!(self.told, Some(LegState::Terminated), "{fact:?} came last");
        let is_first = matches!(fact, Fact::Incoming { .. } | Fact::Establishing);
        assert!(self.told.is_some() || is_first, "{fact:?} came first");
        match fact {
            Fact::Incoming { .. } => self.told = Some(LegState::Incoming),
            Fact::Establishing => self.told = Some(LegState::Establishing),
            Fact::Established => {
                assert_eq!(self.told, Some(LegState::Establishing));
                self.told = Some(LegState::Established);
            }
            Fact::AudioFlows => {
                assert!(!std::mem::replace(&mut self.audio_flows, true), "twice");
            }
            Fact::AudioStopped => {
                assert!(std::mem::replace(&mut self.audio_flows, false), "twice");
            }
            Fact::Ringing => assert_eq!(self.told, Some(LegState::Establishing)),
            Fact::RosterChanged(roster) => {
                assert_eq!(self.told, Some(LegState::Established));
                let changed = roster.participants.iter();
                let changed = changed.filter(|one| one.changed == roster.sequence);
                assert!(changed.count() + roster.left.len() > 0, "nothing changed");
            }
            Fact::Transferring => {
                assert_eq!(self.told, Some(LegState::Established));
                self.told = Some(LegState::Transferring);
            }
            Fact::TransferAccepted => {
                assert_eq!(self.told, Some(LegState::Transferring));
                self.told = Some(LegState::TransferAccepted);
            }
            Fact::TransferFailed { .. } => self.told = Some(LegState::Established),
            Fact::ToneHeard { .. } => {}
            Fact::OperationEnded {
                operation, outcome, ..
            } => {
                assert!(self.accepted.contains(operation), "it was never accepted");
                assert!(self.ended.insert(*operation), "ended twice");
                let _: &Outcome = outcome;
            }
            Fact::Terminating => self.told = Some(LegState::Terminating),
            Fact::Terminated(_) => {
                assert_eq!(self.accepted, self.ended, "operations are left");
                assert!(!self.has_seat, "a seat is left");
                self.told = Some(LegState::Terminated);
                self.audio_flows = false;
            }
        }
    }
}

/// Everything that came out of one call.
#[derive(Debug, Default)]
pub(crate) struct CallLedger {
    pub(crate) is_over: bool,
    /// Somebody was in it.
    pub(crate) was_used: bool,
    /// Answers media owes, oldest first.
    pub(crate) owed: Vec<MediaRequest>,
    /// Who hears which music.
    music: Option<(OperationId, LegId)>,
}

impl CallLedger {
    fn plays_to(&self, leg: LegId) -> bool {
        self.music.is_some_and(|(_, held)| held == leg)
    }
}

impl Trial {
    /// Takes what the call asks for and holds it against its promises. Gives how much it was.
    pub(crate) fn drain(&mut self, at: usize) -> usize {
        let mut count = 0;
        while let Some(output) = self.calls[at].poll() {
            count += 1;
            assert!(
                !self.ledgers[at].is_over,
                "{output:?} after the call was over"
            );
            self.check(at, output);
        }
        assert_eq!(self.calls[at].is_over(), self.ledgers[at].is_over);
        for (leg, ledger) in self.bots.iter().filter(|(_, one)| one.call == at) {
            let view = self.calls[at].leg(*leg);
            assert_eq!(view.is_none(), ledger.told.is_none() || ledger.has_ended);
            if let Some(view) = view {
                assert_eq!(Some(view.state), ledger.told, "look-up and events disagree");
                assert_eq!(view.audio_flows, ledger.audio_flows);
                assert_eq!(view.number, ledger.number);
            }
        }
        self.check_hearing(at);
        count
    }

    fn check(&mut self, at: usize, output: Output) {
        match output {
            Output::Signal(request) => self.check_signal(at, &request),
            Output::Media(request) => self.check_media(at, request),
            Output::Event(event) => {
                let ledger = self.bots.get_mut(&event.leg).expect("it is a bot's leg");
                assert_eq!(ledger.call, at);
                assert!(!ledger.must_begin, "told before it began: {event:?}");
                assert_eq!(event.number, ledger.number + 1, "a gap before {event:?}");
                ledger.number = event.number;
                if let Fact::OperationEnded { operation, .. } = &event.fact {
                    ledger.playing.take_if(|one| one == operation);
                    ledger.pressing.take_if(|one| one == operation);
                }
                ledger.check_fact(&event.fact);
                self.opinion.hears_of_fact(event.leg, &event.fact);
                if let Fact::OperationEnded {
                    kind: OperationKind::StartHoldMusic,
                    operation,
                    outcome: Outcome::Done,
                    ..
                } = &event.fact
                {
                    self.opinion.music_plays(*operation);
                }
            }
            Output::HandOver { leg, to, purpose } => {
                assert_eq!(self.phones[&leg].call, at);
                self.asked.push_back(Asked::HandOver {
                    from: at,
                    leg,
                    to,
                    purpose,
                });
            }
            Output::Fetch { from, to, purpose } => {
                assert_eq!(self.bots[&to].call, at);
                self.asked.push_back(Asked::Fetch { from, to, purpose });
            }
            Output::LegBegins { leg, .. } => {
                let ledger = self.bots.get_mut(&leg).expect("it was invited");
                assert!(std::mem::take(&mut ledger.must_begin), "begun twice");
            }
            Output::LegEnded { leg } => {
                let ledger = self.bots.get_mut(&leg).expect("it is a bot's leg");
                assert_eq!(ledger.told, Some(LegState::Terminated));
                assert!(!std::mem::replace(&mut ledger.has_ended, true), "twice");
            }
            Output::Over { ending, .. } => self.check_over(at, ending),
        }
    }

    fn check_signal(&mut self, at: usize, request: &SignalRequest) {
        let leg = request.leg();
        let phone = self.phones.get_mut(&leg).expect("it is a phone");
        assert_eq!(phone.call, at, "{request:?} of another call's phone");
        assert!(
            !phone.is_between,
            "{request:?} of a phone that was released"
        );
        let (allowed, becomes) = match request {
            SignalRequest::Ring { .. } => ([Fate::Arrived].as_slice(), Fate::Ringing),
            SignalRequest::Answer { .. } => {
                ([Fate::Arrived, Fate::Ringing].as_slice(), Fate::Answered)
            }
            SignalRequest::TurnDown { .. } => {
                ([Fate::Arrived, Fate::Ringing].as_slice(), Fate::Ended)
            }
            SignalRequest::HangUp { .. } => {
                ([Fate::Answered, Fate::Called].as_slice(), Fate::Ended)
            }
            SignalRequest::Call { .. } => ([Fate::Unknown].as_slice(), Fate::Called),
            SignalRequest::Refer { .. } => {
                phone.is_referring = true;
                ([Fate::Answered].as_slice(), phone.fate)
            }
            SignalRequest::AcceptOffer { .. } | SignalRequest::RefuseOffer { .. } => {
                assert!(phone.proposals > 0, "a proposal was answered twice");
                phone.proposals -= 1;
                let alive = [Fate::Arrived, Fate::Ringing, Fate::Answered, Fate::Called];
                assert!(alive.contains(&phone.fate) || phone.fate == Fate::Unknown);
                return;
            }
        };
        let fate = phone.fate;
        assert!(
            allowed.contains(&fate),
            "{request:?} of a phone that is {fate:?}"
        );
        phone.fate = becomes;
    }

    fn check_media(&mut self, at: usize, request: MediaRequest) {
        self.opinion.hears_of_media(&request);
        match &request {
            MediaRequest::Open { leg, .. } => {
                let phone = self.phones.get_mut(leg).expect("it is a phone");
                assert_eq!(phone.call, at);
                assert!(
                    !std::mem::replace(&mut phone.has_port, true),
                    "opened twice"
                );
                self.ledgers[at].owed.push(request);
            }
            MediaRequest::Start { leg }
            | MediaRequest::Complete { leg, .. }
            | MediaRequest::Reopen { leg, .. }
            | MediaRequest::ListenForTones { leg }
            | MediaRequest::Ringback { leg }
            | MediaRequest::ToneSignalled { leg, .. } => {
                let phone = &self.phones[leg];
                assert_eq!(phone.call, at);
                assert!(phone.has_port, "{request:?} of a closed port");
            }
            MediaRequest::Seat { leg } => {
                let bot = self.bots.get_mut(leg).expect("it is a bot");
                assert_eq!(bot.call, at);
                assert!(!std::mem::replace(&mut bot.has_seat, true), "two seats");
            }
            MediaRequest::Hears { leg, from } => {
                assert!(self.is_in_room(at, *leg), "{request:?} of nobody");
                if let offhook_engine::Hearing::Only(all) = from {
                    assert!(
                        all.iter().all(|one| self.is_in_room(at, *one)),
                        "{request:?}"
                    );
                }
            }
            MediaRequest::Close { leg } if self.ledgers[at].plays_to(*leg) => {
                panic!("the music of {leg} goes on");
            }
            MediaRequest::Close { leg } => match self.phones.get_mut(leg) {
                Some(phone) => {
                    assert_eq!(phone.call, at);
                    assert!(std::mem::take(&mut phone.has_port), "closed twice");
                    let of_it = |owed: &MediaRequest| matches!(owed, MediaRequest::Open { leg: of, .. } if of == leg);
                    self.ledgers[at].owed.retain(|owed| !of_it(owed));
                }
                None => {
                    let bot = self.bots.get_mut(leg).expect("it is a bot");
                    assert_eq!(bot.call, at);
                    assert!(std::mem::take(&mut bot.has_seat), "taken twice");
                }
            },
            MediaRequest::Prepare { operation, .. } => {
                assert!(self.operations.contains_key(operation));
                self.ledgers[at].owed.push(request);
            }
            MediaRequest::Play { operation, leg, .. }
            | MediaRequest::Beep { operation, leg }
            | MediaRequest::Record { operation, leg, .. } => {
                let bot = self.bots.get_mut(leg).expect("it is a bot");
                assert!(bot.has_seat, "{request:?} without a seat");
                assert!(!bot.ended.contains(operation));
                let playing = *bot.playing.get_or_insert(*operation);
                assert_eq!(playing, *operation, "two operations run at once");
                self.ledgers[at].owed.push(request);
            }
            MediaRequest::SendTones { operation, leg, .. } => {
                let bot = self.bots.get_mut(leg).expect("it is a bot");
                assert!(bot.has_seat && !bot.ended.contains(operation));
                assert_eq!(*bot.pressing.get_or_insert(*operation), *operation);
                self.ledgers[at].owed.push(request);
            }
            MediaRequest::HoldMusic { operation, leg } => {
                assert!(self.phones[leg].has_port);
                let music = &mut self.ledgers[at].music;
                assert_eq!(music.replace((*operation, *leg)), None, "two on hold");
            }
            MediaRequest::Stop { operation } | MediaRequest::Forget { operation } => {
                let operation = *operation;
                let music = &mut self.ledgers[at].music;
                music.take_if(|(one, _)| *one == operation);
                let owed = &mut self.ledgers[at].owed;
                owed.retain(|owed| of(owed) != Some(operation));
                // What follows in its line may begin before its bot is told that it has ended.
                let bot = self.operations.get(&operation).copied();
                let bot = bot
                    .and_then(|leg| self.bots.get_mut(&leg))
                    .expect("it was asked for");
                bot.playing.take_if(|one| *one == operation);
                bot.pressing.take_if(|one| *one == operation);
            }
        }
    }

    /// It has a port that runs, or a seat.
    pub(crate) fn is_in_room(&self, at: usize, leg: LegId) -> bool {
        let phone = self.phones.get(&leg);
        let bot = self.bots.get(&leg);
        phone.is_some_and(|one| one.call == at && !one.is_between && one.has_port)
            || bot.is_some_and(|one| one.call == at && one.has_seat)
    }

    fn check_over(&mut self, at: usize, _: Ending) {
        self.ledgers[at].is_over = true;
        for (leg, bot) in self.bots.iter().filter(|(_, one)| one.call == at) {
            let is_told = bot.told.is_none() || bot.told == Some(LegState::Terminated);
            assert!(is_told, "over before {leg} was told");
            assert!(!bot.has_seat, "a seat is left");
        }
        for (leg, phone) in self.phones.iter().filter(|(_, one)| one.call == at) {
            if phone.is_between {
                continue;
            }
            assert!(
                matches!(phone.fate, Fate::Ended | Fate::Left | Fate::Unknown),
                "{leg}, which is {:?}, is left in an ended call",
                phone.fate
            );
            assert!(!phone.has_port, "a port is left open");
        }
    }
}

fn of(request: &MediaRequest) -> Option<OperationId> {
    match request {
        MediaRequest::Prepare { operation, .. }
        | MediaRequest::Play { operation, .. }
        | MediaRequest::Beep { operation, .. }
        | MediaRequest::SendTones { operation, .. }
        | MediaRequest::Record { operation, .. } => Some(*operation),
        _ => None,
    }
}
