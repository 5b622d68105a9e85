//! A second opinion of who hears whom, made from what was accepted and told, and held against what
//! media was asked for.

use std::collections::{BTreeMap, BTreeSet};

use offhook_engine::{
    AtOnce, Call, Command, Fact, Hearing, MediaRequest, Party, RouteChange, RoutingGroup, Signal,
};
use offhook_terms::{LegId, OperationId};

use crate::trial::{Trial, invitees_of};

#[derive(Debug, Default)]
pub(crate) struct Opinion {
    /// What media was asked for: whose port runs, and whom it hears.
    ears: BTreeMap<LegId, Hearing>,
    muted: BTreeSet<LegId>,
    routed_only: BTreeSet<LegId>,
    groups: BTreeMap<LegId, Vec<RoutingGroup>>,
    /// Hold music: the bot, the participant, and whether it plays.
    music: BTreeMap<OperationId, (LegId, LegId, bool)>,
    transfers: Vec<Transfer>,
    /// Pairs that talk aside.
    sides: BTreeMap<LegId, usize>,
    pairs: usize,
}

#[derive(Debug, Clone)]
struct Transfer {
    bot: LegId,
    transferee: LegId,
    /// Who may come; a bot that is rung may send the call on to several.
    targets: Vec<LegId>,
    is_group: bool,
    /// The target is called by us.
    is_bridged: bool,
    /// It has failed, and its bot will be told.
    is_lost: bool,
}

impl Opinion {
    /// A bot's command was accepted; `transferee` is whom it concerns, if it is a transfer.
    pub(crate) fn accepted(
        &mut self,
        bot: LegId,
        is_group: bool,
        transferee: Option<LegId>,
        command: &Command,
        call: &Call,
    ) {
        if let Some(side) = self.sides.get(&bot).copied() {
            let invited = invitees_of(command).iter().map(|one| (one.leg, side));
            self.sides.extend(invited);
        }
        match command {
            Command::AtOnce { what, .. } => match what {
                AtOnce::Mute { participant } => {
                    self.muted.insert(participant.unwrap_or(bot));
                }
                AtOnce::Unmute => {
                    self.muted.remove(&bot);
                }
                AtOnce::MuteAll { .. } => {
                    let all = call.participants(bot).into_iter().map(|one| one.leg);
                    self.muted.extend(all.filter(|leg| *leg != bot));
                }
                _ => {}
            },
            Command::Route(RouteChange::Create(group)) => {
                self.groups.entry(bot).or_default().push(group.clone());
            }
            Command::Route(RouteChange::Update(group)) => {
                let groups = self.groups.entry(bot).or_default();
                groups.retain(|one| one.id != group.id);
                groups.push(group.clone());
            }
            Command::Route(RouteChange::Delete(id)) => {
                self.groups
                    .entry(bot)
                    .or_default()
                    .retain(|one| one.id != *id);
            }
            Command::Invite { invitees, .. }
            | Command::Redirect {
                targets: invitees, ..
            } => {
                let mut all = self.transfers.iter_mut();
                if let Some(one) = all.find(|one| one.targets.contains(&bot)) {
                    one.targets = invitees.iter().map(|one| one.leg).collect();
                }
                let routed = invitees.iter().filter(|one| one.is_routed_only);
                self.routed_only.extend(routed.map(|one| one.leg));
            }
            Command::Transfer { target, .. } => {
                if target.is_routed_only {
                    self.routed_only.insert(target.leg);
                }
                self.transfers.push(Transfer {
                    bot,
                    transferee: transferee.expect("somebody is transferred"),
                    targets: vec![target.leg],
                    is_group,
                    is_bridged: matches!(target.party, Party::Bot { .. }),
                    is_lost: false,
                });
            }
            Command::Remove { participant } => self.loses(*participant),
            Command::StartHoldMusic {
                operation,
                participant,
                ..
            } => {
                self.music.insert(*operation, (bot, *participant, false));
            }
            Command::StopHoldMusic { participant, .. } => {
                self.music.retain(|_, (_, held, _)| held != participant);
            }
            Command::Answer { .. } => self.comes(bot),
            _ => {}
        }
    }

    pub(crate) fn hears_of_signal(&mut self, leg: LegId, signal: &Signal) {
        match signal {
            Signal::ReferRefused => {
                let mut all = self.transfers.iter_mut();
                if let Some(one) = all.find(|one| one.transferee == leg) {
                    one.is_bridged = true;
                }
            }
            Signal::ReferDone => self.transfers.retain(|one| one.transferee != leg),
            Signal::ReferFailed(_) | Signal::HungUp | Signal::Lost(_) => self.loses(leg),
            Signal::Answered { .. } => self.comes(leg),
            _ => {}
        }
    }

    /// The target of a transfer comes: in a call of many the two talk aside.
    fn comes(&mut self, leg: LegId) {
        let mut all = self.transfers.iter();
        let Some(at) = all.position(|one| one.targets.contains(&leg)) else {
            return;
        };
        let transfer = self.transfers.remove(at);
        if transfer.is_group {
            self.pairs += 1;
            for one in [transfer.transferee, leg] {
                self.sides.insert(one, self.pairs);
                self.muted.remove(&one);
                self.music.retain(|_, (_, held, _)| *held != one);
            }
        }
    }

    pub(crate) fn hears_of_fact(&mut self, bot: LegId, fact: &Fact) {
        match fact {
            Fact::TransferFailed {
                consultative: false,
                ..
            } => {
                // One that nobody gave a reason to fail was not heard of in time, the oldest first.
                let of_it = |one: &Transfer| one.bot == bot;
                let mut all = self.transfers.iter();
                let lost = all.position(|one| of_it(one) && one.is_lost);
                let at = lost.or_else(|| self.transfers.iter().position(of_it));
                self.transfers.remove(at.expect("there was a transfer"));
            }
            Fact::Terminated(_) => {
                self.groups.remove(&bot);
                self.music.retain(|_, (of, _, _)| *of != bot);
                self.transfers.retain(|one| one.bot != bot);
                self.loses(bot);
            }
            _ => {}
        }
    }

    pub(crate) fn music_plays(&mut self, operation: OperationId) {
        if let Some((_, _, plays)) = self.music.get_mut(&operation) {
            *plays = true;
        }
    }

    pub(crate) fn hears_of_media(&mut self, request: &MediaRequest) {
        match request {
            MediaRequest::Start { leg } | MediaRequest::Seat { leg } => {
                self.ears.insert(*leg, Hearing::Everyone);
            }
            MediaRequest::Hears { leg, from } => {
                self.ears.insert(*leg, from.clone());
            }
            MediaRequest::Close { leg } => {
                self.loses(*leg);
                self.leaves(*leg);
            }
            _ => {}
        }
    }

    /// Nothing of a leg is left in its room.
    pub(crate) fn leaves(&mut self, leg: LegId) {
        self.ears.remove(&leg);
        self.muted.remove(&leg);
        self.sides.remove(&leg);
        self.music.retain(|_, (_, held, _)| *held != leg);
    }

    /// A leg is on its way to another call.
    pub(crate) fn goes(&mut self, leg: LegId) {
        self.ears.remove(&leg);
        self.music.retain(|_, (_, held, _)| *held != leg);
    }

    pub(crate) fn adopted(&mut self, leg: LegId, to: LegId) {
        self.leaves(leg);
        self.routed_only.remove(&leg);
        self.comes_back(leg);
        if let Some(side) = self.sides.get(&to).copied() {
            self.sides.insert(leg, side);
        }
    }

    pub(crate) fn comes_back(&mut self, leg: LegId) {
        self.ears.insert(leg, Hearing::Everyone);
    }

    /// Transfers of somebody or to somebody fail.
    pub(crate) fn loses(&mut self, leg: LegId) {
        for one in &mut self.transfers {
            one.targets.retain(|target| *target != leg);
            if one.transferee == leg || one.targets.is_empty() {
                one.is_lost = true;
                one.is_bridged = false;
            }
        }
    }

    pub(crate) fn side(&self, leg: LegId) -> usize {
        self.sides.get(&leg).copied().unwrap_or(0)
    }

    /// It has a port that runs, or a seat.
    pub(crate) fn is_present(&self, leg: LegId) -> bool {
        self.ears.contains_key(&leg)
    }

    fn is_elsewhere(&self, leg: LegId) -> bool {
        let mut music = self.music.values();
        let mut transfers = self.transfers.iter();
        music.any(|(_, held, plays)| *held == leg && *plays)
            || transfers.any(|one| one.transferee == leg && one.is_bridged)
    }

    fn hears(&self, listener: LegId, source: LegId) -> bool {
        let is_routed =
            self.groups.values().flatten().any(|group| {
                group.receivers.contains(&listener) && group.sources.contains(&source)
            });
        let is_apart = |leg: LegId| self.routed_only.contains(&leg);
        self.side(listener) == self.side(source)
            && !self.muted.contains(&source)
            && !self.is_elsewhere(listener)
            && !self.is_elsewhere(source)
            && (is_routed || !is_apart(listener) && !is_apart(source))
    }
}

impl Trial {
    pub(crate) fn check_hearing(&self, at: usize) {
        let opinion = &self.opinion;
        let here: Vec<LegId> = self
            .legs_of(at)
            .into_iter()
            .filter(|leg| opinion.ears.contains_key(leg))
            .collect();
        for listener in &here {
            for source in here.iter().filter(|source| *source != listener) {
                let hears = match &opinion.ears[listener] {
                    Hearing::Everyone => true,
                    Hearing::Only(all) => all.contains(source),
                };
                assert_eq!(
                    hears,
                    opinion.hears(*listener, *source),
                    "whether {listener} hears {source}: {opinion:?}"
                );
            }
        }
    }
}
