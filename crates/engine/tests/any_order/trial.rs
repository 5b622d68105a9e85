//! The calls, and what happens to them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use offhook_engine::{
    Arrival, AtOnce, BotJoin, Call, Command, Description, Hosting, Invitee, Loss, MediaEvent,
    MediaRequest, Misfit, NotReached, Party, PhoneJoin, Placement, PrepareFault, Prompt, Purpose,
    RecordEnding, RecordRules, RecordingStatus, Refusal, RejectReason, ReleasedLeg, RouteChange,
    RoutingGroup, RoutingMode, Signal,
};
use offhook_terms::{AppId, CallId, LegId, OperationId, PersonId, Private, Tone};

use crate::Step;
use crate::hearing::Opinion;
use crate::promises::{BotLedger, CallLedger, Fate, PhoneLedger};

/// The meeting's place among the calls.
const MEETING: usize = 2;

pub(crate) struct Trial {
    now: Instant,
    pub(crate) calls: [Call; 3],
    pub(crate) ledgers: [CallLedger; 3],
    pub(crate) phones: BTreeMap<LegId, PhoneLedger>,
    pub(crate) bots: BTreeMap<LegId, BotLedger>,
    pub(crate) opinion: Opinion,
    pub(crate) operations: BTreeMap<OperationId, LegId>,
    /// What the switchboard was asked for.
    pub(crate) asked: VecDeque<Asked>,
    legs: u128,
}

/// Something between two calls.
#[derive(Debug)]
pub(crate) enum Asked {
    HandOver {
        from: usize,
        leg: LegId,
        to: LegId,
        purpose: Purpose,
    },
    Fetch {
        from: LegId,
        to: LegId,
        purpose: Purpose,
    },
}

impl Trial {
    pub(crate) fn new(with_offer: bool, targets: usize) -> Self {
        // Any instant will do for zero, and there is no other way to come by one.
        #[allow(clippy::disallowed_methods)]
        let now = Instant::now();
        let id = |at: u128| CallId::from_bits(at);
        let (phone, bot0, bot1) = (leg(1), leg(2), leg(3));
        let arrival = Arrival {
            call: id(0),
            caller_leg: phone,
            caller: somebody(90),
            offer: with_offer.then(|| Description::new("offer")),
            bot_leg: bot0,
            bot: AppId::from_bits(7),
        };
        let invitees: Vec<Invitee> = (0..targets)
            .map(|at| Invitee::new(leg(10 + at as u128), somebody(at)))
            .collect();
        let placement = Placement {
            call: id(1),
            bot_leg: bot1,
            bot: AppId::from_bits(7),
            hosting: Hosting::Service,
            targets: invitees.clone(),
            is_group: targets > 1,
            ring_for: Duration::from_secs(60),
        };
        let calls = [
            Call::arrived(arrival, now),
            Call::placed(placement, now),
            Call::meeting(id(2), now),
        ];
        let mut trial = Self {
            now,
            calls,
            ledgers: Default::default(),
            phones: BTreeMap::from([(phone, PhoneLedger::new(0, Fate::Arrived))]),
            bots: BTreeMap::from([(bot0, BotLedger::new(0)), (bot1, BotLedger::new(1))]),
            opinion: Opinion::default(),
            operations: BTreeMap::new(),
            asked: VecDeque::new(),
            legs: 100,
        };
        for invitee in &invitees {
            trial
                .phones
                .insert(invitee.leg, PhoneLedger::new(1, Fate::Unknown));
        }
        for at in 0..3 {
            trial.drain(at);
        }
        trial
    }

    /// Everything is set up as hoped, so that most runs have something to break.
    pub(crate) fn starts_well(&mut self) {
        for call in [0, 1, 1, 1] {
            self.progress(call, true);
        }
        let hosting = Hosting::Service;
        self.command(leg(2), Command::Answer { hosting });
        let answer = Some(Description::new("answer"));
        self.signal(leg(1), 0, Signal::Confirmed { answer });
        let targets: Vec<LegId> = self
            .phones
            .keys()
            .copied()
            .filter(|one| *one != leg(1))
            .collect();
        for target in targets {
            let answer = Description::new("answer");
            self.signal(target, 1, Signal::Answered { answer });
        }
        self.join(false);
        self.join(true);
        self.progress(MEETING, true);
    }

    pub(crate) fn take(&mut self, step: Step) {
        match step {
            Step::Signal {
                phone,
                to_owner,
                what,
            } => {
                let leg = pick(self.phones.keys(), phone);
                let owner = self.phones[&leg].call;
                let at = if to_owner { owner } else { (owner + 1) % 3 };
                self.signal(leg, at, signal(what));
            }
            Step::Port { phone, what } => {
                let leg = pick(self.phones.keys(), phone);
                self.port_news(leg, what);
            }
            Step::Late { operation, what } => {
                if !self.operations.is_empty() {
                    let operation = pick(self.operations.keys(), operation);
                    self.late(operation, what);
                }
            }
            Step::Progress { call, well } => self.progress(call, well),
            Step::Command { bot, whom, what } => {
                let bot = pick(self.bots.keys(), bot);
                let command = self.a_command(bot, whom, what);
                self.command(bot, command);
            }
            Step::Undeliverable { bot } => {
                let bot = pick(self.bots.keys(), bot);
                let at = self.bots[&bot].call;
                let now = self.now;
                self.calls[at].handle_undeliverable(bot, now);
                self.drain(at);
            }
            Step::Wait { seconds } => {
                self.now += Duration::from_secs(seconds);
                for at in 0..3 {
                    let now = self.now;
                    self.calls[at].handle_time(now);
                    self.drain(at);
                }
            }
            Step::Switch { well } => self.switch(well),
            Step::Join { is_bot } => self.join(is_bot),
            Step::Stop { call } => self.stop(call),
        }
        for call in &self.calls {
            let due = call.next_deadline();
            assert!(!call.is_over() || due.is_none(), "an ended call waits");
        }
    }

    /// The platform stops; what is on its way between two calls arrives.
    pub(crate) fn ends(&mut self) {
        while !self.asked.is_empty() {
            self.switch(true);
        }
        for at in 0..3 {
            let was_used = at != MEETING || self.ledgers[at].was_used;
            self.stop(at);
            assert!(
                !was_used || self.ledgers[at].is_over,
                "a stopped call goes on"
            );
        }
    }

    fn stop(&mut self, at: usize) {
        let now = self.now;
        self.calls[at].handle_stop(now);
        self.drain(at);
    }

    fn signal(&mut self, leg: LegId, at: usize, signal: Signal) {
        let ledger = self.phones.get_mut(&leg).expect("phones are kept");
        let is_owner = ledger.call == at && !ledger.is_between;
        if is_owner {
            if !ledger.says(&signal) {
                return;
            }
            self.opinion.hears_of_signal(leg, &signal);
        }
        let now = self.now;
        self.calls[at].handle_signal(leg, signal, now);
        let count = self.drain(at);
        assert!(is_owner || count == 0, "a phone of another call changed it");
    }

    fn port_news(&mut self, leg: LegId, what: u8) {
        let ledger = &self.phones[&leg];
        let at = ledger.call;
        if ledger.is_between {
            return;
        }
        let description = Description::new("ours");
        let of_it =
            |owed: &MediaRequest| matches!(owed, MediaRequest::Open { leg: of, .. } if *of == leg);
        // Whether it can be opened is said once.
        let is_open = ledger.has_port && !self.ledgers[at].owed.iter().any(of_it);
        let event = match what % 8 {
            1 | 2 => MediaEvent::Reopened {
                leg,
                description,
                held: what >= 128,
            },
            3 => MediaEvent::ReopenRefused {
                leg,
                why: Misfit::NoCommonCodec,
            },
            4 if what < 16 && is_open => MediaEvent::Refused {
                leg,
                why: Misfit::NoRoom,
            },
            5 if what < 16 => MediaEvent::PeerLost { leg },
            _ => MediaEvent::ToneHeard {
                leg,
                tone: tone('5'),
            },
        };
        self.media(at, event);
    }

    /// Only an operation that has ended is talked of out of turn.
    fn late(&mut self, operation: OperationId, what: u8) {
        let owner = self.operations[&operation];
        if !self.bots[&owner].ended.contains(&operation) {
            return;
        }
        let event = match what % 7 {
            0 => MediaEvent::Prepared {
                operation,
                index: 0,
            },
            1 => MediaEvent::PrepareFailed {
                operation,
                index: 0,
                why: PrepareFault::Download,
            },
            2 => MediaEvent::Played { operation },
            3 => MediaEvent::PlayFailed { operation },
            4 => MediaEvent::TonesSent { operation },
            5 => MediaEvent::TonesFailed { operation },
            _ => recorded(operation),
        };
        for at in 0..3 {
            let now = self.now;
            self.calls[at].handle_media(event.clone(), now);
            assert_eq!(self.drain(at), 0, "late news changed a call");
        }
    }

    fn progress(&mut self, at: usize, well: bool) {
        if self.ledgers[at].owed.is_empty() {
            return;
        }
        let event = match (self.ledgers[at].owed.remove(0), well) {
            (MediaRequest::Open { leg, .. }, true) => MediaEvent::Opened {
                leg,
                description: Description::new("ours"),
            },
            (MediaRequest::Open { leg, .. }, false) => {
                self.phones
                    .get_mut(&leg)
                    .expect("it was asked for")
                    .has_port = false;
                MediaEvent::Refused {
                    leg,
                    why: Misfit::NoAudio,
                }
            }
            (
                MediaRequest::Prepare {
                    operation, index, ..
                },
                true,
            ) => MediaEvent::Prepared { operation, index },
            (
                MediaRequest::Prepare {
                    operation, index, ..
                },
                false,
            ) => MediaEvent::PrepareFailed {
                operation,
                index,
                why: PrepareFault::Format,
            },
            (MediaRequest::Play { operation, .. } | MediaRequest::Beep { operation, .. }, true) => {
                MediaEvent::Played { operation }
            }
            (
                MediaRequest::Play { operation, .. } | MediaRequest::Beep { operation, .. },
                false,
            ) => MediaEvent::PlayFailed { operation },
            (MediaRequest::SendTones { operation, .. }, true) => {
                MediaEvent::TonesSent { operation }
            }
            (MediaRequest::SendTones { operation, .. }, false) => {
                MediaEvent::TonesFailed { operation }
            }
            (MediaRequest::Record { operation, .. }, _) => recorded(operation),
            _ => return,
        };
        self.media(at, event);
    }

    fn media(&mut self, at: usize, event: MediaEvent) {
        let now = self.now;
        if let MediaEvent::Reopened { leg, .. } | MediaEvent::ReopenRefused { leg, .. } = &event {
            let proposals = &mut self.phones.get_mut(leg).expect("it is known").looked_at;
            *proposals += 1;
        }
        match &event {
            MediaEvent::Refused { leg, .. } => self.opinion.loses(*leg),
            MediaEvent::PeerLost { leg } if self.phones[leg].fate == Fate::Answered => {
                self.opinion.loses(*leg);
            }
            _ => {}
        }
        self.calls[at].handle_media(event, now);
        self.drain(at);
    }

    fn join(&mut self, is_bot: bool) {
        let leg = self.new_leg();
        let now = self.now;
        let call = &mut self.calls[MEETING];
        let joined = match is_bot {
            true => call.join_bot(
                BotJoin {
                    leg,
                    bot: AppId::from_bits(8),
                    hosting: Hosting::Service,
                },
                now,
            ),
            false => call.join_phone(
                PhoneJoin {
                    leg,
                    party: somebody(50),
                    offer: Some(Description::new("offer")),
                },
                now,
            ),
        };
        match (joined, is_bot) {
            (Ok(()), true) => {
                self.bots.insert(leg, BotLedger::new(MEETING));
            }
            (Ok(()), false) => {
                self.phones
                    .insert(leg, PhoneLedger::new(MEETING, Fate::Arrived));
            }
            (Err(_), _) => {
                assert_eq!(self.drain(MEETING), 0, "a refused join did something");
                return;
            }
        }
        self.ledgers[MEETING].was_used = true;
        self.drain(MEETING);
    }

    fn switch(&mut self, well: bool) {
        match self.asked.pop_front() {
            None => {}
            Some(Asked::HandOver {
                from,
                leg,
                to,
                purpose,
            }) => self.hand_over(from, leg, to, purpose, well),
            Some(Asked::Fetch { from, to, purpose }) => {
                let given = match self.bots.get(&from).filter(|_| well) {
                    Some(ledger) => {
                        let at = ledger.call;
                        let now = self.now;
                        let given = self.calls[at].handle_command(
                            from,
                            Command::GiveTo { to, purpose },
                            now,
                        );
                        self.drain(at);
                        given.map(|_| ())
                    }
                    None => Err(Refusal::NoSuchReplacedCall),
                };
                if let Err(why) = given {
                    self.not_given(to, purpose, why);
                }
            }
        }
    }

    fn not_given(&mut self, to: LegId, purpose: Purpose, why: Refusal) {
        let at = self.bots[&to].call;
        let now = self.now;
        self.calls[at].handle_not_given(to, purpose, why, now);
        self.drain(at);
    }

    fn hand_over(&mut self, from: usize, leg: LegId, to: LegId, purpose: Purpose, well: bool) {
        let now = self.now;
        let released = self.calls[from].release(leg, now);
        let target = self.bots.get(&to).map(|ledger| ledger.call);
        let Some(released) = released else {
            assert_eq!(self.drain(from), 0, "a leg that stays changed something");
            if target.is_some() {
                self.not_given(to, purpose, Refusal::NoSuchReplacedCall);
            }
            return;
        };
        assert_eq!(released.leg(), leg);
        self.phones.get_mut(&leg).expect("it is known").is_between = true;
        self.opinion.goes(leg);
        self.drain(from);
        if let Err(back) = self.adopted(target.filter(|_| well), released, to, purpose) {
            self.arrives(leg, from);
            self.opinion.comes_back(leg);
            self.calls[from].take_back(back, now);
        } else {
            self.calls[from].handle_taken(leg, now);
        }
        self.drain(from);
    }

    fn adopted(
        &mut self,
        target: Option<usize>,
        leg: ReleasedLeg,
        to: LegId,
        purpose: Purpose,
    ) -> Result<(), ReleasedLeg> {
        let Some(target) = target else {
            return Err(leg);
        };
        let (now, id) = (self.now, leg.leg());
        self.calls[target]
            .adopt(leg, to, purpose, now)
            .inspect_err(|_| {
                assert!(
                    self.calls[target].poll().is_none(),
                    "a refused leg did something"
                );
            })?;
        self.arrives(id, target);
        self.opinion.adopted(id, to);
        self.drain(target);
        Ok(())
    }

    fn arrives(&mut self, leg: LegId, at: usize) {
        let ledger = self.phones.get_mut(&leg).expect("it is known");
        ledger.is_between = false;
        ledger.call = at;
    }

    pub(crate) fn command(&mut self, bot: LegId, command: Command) {
        let at = self.bots[&bot].call;
        let operation = operation_of(&command);
        let is_instant = matches!(command, Command::AtOnce { .. });
        let invitees = invitees_of(&command).to_vec();
        for invitee in &invitees {
            match invitee.party {
                Party::Bot { .. } => {
                    self.bots.insert(invitee.leg, BotLedger::rung(at));
                }
                _ => {
                    self.phones
                        .insert(invitee.leg, PhoneLedger::new(at, Fate::Unknown));
                }
            }
        }
        let before = (self.calls[at].leg(bot), self.calls[at].operations(bot));
        if let Some(operation) = operation {
            self.operations.insert(operation, bot);
        }
        let transferee = match &command {
            Command::Transfer {
                transferee: None, ..
            } => self.other_phone(bot),
            Command::Transfer { transferee, .. } => *transferee,
            _ => None,
        };
        let now = self.now;
        match self.calls[at].handle_command(bot, command.clone(), now) {
            Ok(_) => {
                if let Some(operation) = operation {
                    let ledger = self.bots.get_mut(&bot).expect("it is known");
                    ledger.accepted.insert(operation);
                    if is_instant {
                        ledger.ended.insert(operation);
                    }
                    if ledger.told != Some(offhook_engine::LegState::Terminated) {
                        let view = self.calls[at].operation(bot, operation);
                        assert!(view.is_some(), "an accepted operation is found");
                    }
                }
                let is_group = before.0.is_some_and(|view| view.is_group);
                self.opinion
                    .accepted(bot, is_group, transferee, &command, &self.calls[at]);
                self.drain(at);
            }
            Err(_) => {
                let after = (self.calls[at].leg(bot), self.calls[at].operations(bot));
                assert_eq!(before, after, "a refused command changed something");
                assert_eq!(self.drain(at), 0, "a refused command did something");
                for invitee in invitees {
                    self.phones.remove(&invitee.leg);
                    self.bots.remove(&invitee.leg);
                }
                if let Some(operation) = operation {
                    self.operations.remove(&operation);
                }
            }
        }
    }

    fn a_command(&mut self, bot: LegId, whom: usize, what: u8) -> Command {
        let operation = OperationId::from_bits(self.legs + 1_000_000);
        let context = None;
        let all = self.phones.keys().chain(self.bots.keys());
        let here: Vec<LegId> = all
            .filter(|leg| self.call_of(**leg) == Some(self.bots[&bot].call))
            .copied()
            .collect();
        let participant = here[whom % here.len()];
        let other_bot = pick(self.bots.keys(), whom);
        let count = whom / 7 % 3 + 1;
        let ring_for = Duration::from_secs(15);
        let prompt = || Prompt::File {
            uri: "http://bot.example/prompt.wav".into(),
            resource_id: None,
        };
        let group = |id: usize| RoutingGroup {
            id: format!("group {id}"),
            mode: RoutingMode::Multicast,
            sources: vec![participant],
            receivers: vec![here[whom / 3 % here.len()]],
        };
        let at_once = |what| Command::AtOnce {
            operation,
            what,
            context: None,
        };
        self.legs += 1;
        match what % 40 {
            0..=5 => Command::Answer {
                hosting: match what {
                    240.. => Hosting::App,
                    _ => Hosting::Service,
                },
            },
            6 => Command::Reject(RejectReason::Busy),
            7 if what < 80 => Command::HangUp,
            8 => Command::KeepAlive,
            9 => Command::Redirect {
                targets: self.new_invitees(count, whom),
                ring_for,
                mask_caller: what > 100,
                mask_callee: false,
            },
            10..=12 => Command::Transfer {
                transferee: (what > 60).then_some(participant),
                target: self.new_invitees(1, whom).remove(0),
                ring_for: offhook_engine::limits::RINGS_FOR,
            },
            13 | 14 => Command::TransferTo {
                transferee: (what > 60).then_some(participant),
                replaces: other_bot,
            },
            15..=18 => Command::Invite {
                operation,
                invitees: self.new_invitees(count, whom),
                replaces: None,
                ring_for,
                context,
            },
            19 => Command::Invite {
                operation,
                invitees: vec![Invitee::new(leg(999), somebody(99))],
                replaces: Some(other_bot),
                ring_for,
                context,
            },
            20 => at_once(AtOnce::Mute {
                participant: (what > 60).then_some(participant),
            }),
            21 => at_once(AtOnce::Unmute),
            22 => at_once(AtOnce::MuteAll {
                participants: Vec::new(),
            }),
            23 => at_once(AtOnce::CancelMedia),
            24 => at_once(AtOnce::SubscribeToTones),
            25 => at_once(AtOnce::UpdateRecordingStatus {
                status: RecordingStatus::Recording,
            }),
            26 => Command::StartHoldMusic {
                operation,
                participant,
                prompt: (what > 100).then(prompt),
                context,
            },
            27 => Command::StopHoldMusic {
                operation,
                participant,
                context,
            },
            28 => Command::AddLargeGalleryView { operation, context },
            29 | 30 => Command::SendTones {
                operation,
                tones: vec![tone('1')],
                gap: Duration::ZERO,
                context,
            },
            31 => match what > 60 {
                true => Command::Remove { participant },
                false => Command::ShareScreen { shares: what > 30 },
            },
            32 => Command::Route(RouteChange::Create(group(whom % 3))),
            33 => Command::Route(match what > 100 {
                true => RouteChange::Update(group(whom % 3)),
                false => RouteChange::Delete(group(whom % 3).id),
            }),
            34 | 35 => Command::Play {
                operation,
                prompts: vec![prompt(); count],
                for_ever: what > 200,
                context,
            },
            _ => Command::Record {
                operation,
                prompt: (what > 128).then(prompt),
                barge_in: what.is_multiple_of(3),
                beep: what.is_multiple_of(2),
                rules: RecordRules {
                    initial_silence: Duration::from_secs(5),
                    max_silence: Duration::from_secs(5),
                    max_duration: Duration::from_secs(5),
                    stop_tones: Vec::new(),
                },
                context,
            },
        }
    }

    /// The phone in the conversation of a bot in a call of two.
    fn other_phone(&self, bot: LegId) -> Option<LegId> {
        let here = self.legs_of(self.bots[&bot].call);
        here.into_iter().find(|leg| {
            self.phones.contains_key(leg)
                && self.opinion.is_present(*leg)
                && self.opinion.side(*leg) == self.opinion.side(bot)
        })
    }

    fn new_invitees(&mut self, count: usize, whom: usize) -> Vec<Invitee> {
        (0..count)
            .map(|at| {
                let number = whom.wrapping_add(at) % 8;
                let party = match number {
                    0 => Party::Bot {
                        app: AppId::from_bits(9),
                    },
                    _ => somebody(number + 60),
                };
                let mut invitee = Invitee::new(self.new_leg(), party);
                invitee.is_routed_only = whom.is_multiple_of(11);
                invitee
            })
            .collect()
    }

    fn new_leg(&mut self) -> LegId {
        self.legs += 1;
        leg(self.legs)
    }

    fn call_of(&self, leg: LegId) -> Option<usize> {
        let phone = self.phones.get(&leg).map(|ledger| ledger.call);
        phone.or_else(|| self.bots.get(&leg).map(|ledger| ledger.call))
    }

    /// Legs of phones and bots in a call.
    pub(crate) fn legs_of(&self, at: usize) -> BTreeSet<LegId> {
        let phones = self.phones.iter();
        let phones = phones.filter(|(_, one)| one.call == at && !one.is_between);
        let bots = self.bots.iter().filter(|(_, one)| one.call == at);
        phones
            .map(|(leg, _)| *leg)
            .chain(bots.map(|(leg, _)| *leg))
            .collect()
    }
}

fn signal(what: u8) -> Signal {
    let answer = Description::new("answer");
    match what % 32 {
        0..=4 => Signal::Confirmed {
            answer: (what < 224).then_some(answer),
        },
        5..=7 => Signal::Ringing,
        8..=15 => Signal::Answered { answer },
        16 | 17 => Signal::NotReached(match what / 32 % 3 {
            0 => NotReached::Busy,
            1 => NotReached::NoAnswer,
            _ => NotReached::Declined,
        }),
        18..=20 => Signal::ReferRefused,
        21 => Signal::ReferDone,
        22 => Signal::ReferFailed(NotReached::Busy),
        23..=25 => Signal::Reoffered {
            offer: (what < 200).then(|| Description::new("offer")),
        },
        26..=28 => Signal::ToneHeard(tone('1')),
        29 if what < 128 => Signal::Cancelled,
        30 if what < 128 => Signal::HungUp,
        31 if what < 64 => Signal::Lost(Loss::SessionExpired),
        _ => Signal::ToneHeard(tone('2')),
    }
}

pub(crate) fn operation_of(command: &Command) -> Option<OperationId> {
    match command {
        Command::Play { operation, .. }
        | Command::Record { operation, .. }
        | Command::Invite { operation, .. }
        | Command::AtOnce { operation, .. }
        | Command::StartHoldMusic { operation, .. }
        | Command::StopHoldMusic { operation, .. }
        | Command::AddLargeGalleryView { operation, .. }
        | Command::SendTones { operation, .. } => Some(*operation),
        _ => None,
    }
}

/// Whoever may be rung for a command.
pub(crate) fn invitees_of(command: &Command) -> &[Invitee] {
    match command {
        Command::Redirect { targets, .. } => targets,
        Command::Transfer { target, .. } => std::slice::from_ref(target),
        Command::Invite {
            invitees,
            replaces: None,
            ..
        } => invitees,
        _ => &[],
    }
}

fn pick<'a, T: Copy + 'a>(all: impl ExactSizeIterator<Item = &'a T>, at: usize) -> T {
    let count = all.len();
    let mut all = all;
    *all.nth(at % count).expect("there is at least one")
}

fn somebody(number: usize) -> Party {
    Party::Person {
        id: PersonId::from_bits(number as u128),
        name: Private::new(format!("person {number}")),
    }
}

pub(crate) fn recorded(operation: OperationId) -> MediaEvent {
    MediaEvent::Recorded {
        operation,
        ending: RecordEnding::MaxSilence,
        duration: Duration::from_secs(3),
    }
}

fn tone(symbol: char) -> Tone {
    Tone::from_symbol(symbol).expect("it is a key")
}

fn leg(bits: u128) -> LegId {
    LegId::from_bits(bits)
}
