//! Who is shown to be in a call of many.
//!
//! Whatever happens, every bot in the call is told once, of everything that has changed: who is there
//! now, who has left, and which of those who are there are new or not as they were. A bot that has
//! just come gets the same as everybody else; it must take all of it as new.

use offhook_terms::LegId;

use super::Call;
use crate::phone::Stage;
use crate::{Fact, Participant, Roster};

/// The roster as bots were last told.
#[derive(Debug, Default)]
pub(super) struct Shown {
    sequence: u64,
    participants: Vec<Participant>,
}

impl Shown {
    pub(super) fn of(&self, leg: LegId) -> Option<Participant> {
        let mut all = self.participants.iter();
        all.find(|participant| participant.leg == leg).cloned()
    }

    /// Takes over how things are now, in any order. Gives what is to be told, if anything is.
    fn becomes(&mut self, mut now: Vec<Participant>) -> Option<Roster> {
        let next = self.sequence + 1;
        let mut left = Vec::new();
        let mut participants = Vec::with_capacity(now.len());
        for old in &self.participants {
            let Some(at) = now.iter().position(|one| one.leg == old.leg) else {
                left.push(old.clone());
                continue;
            };
            let mut one = now.remove(at);
            one.changed = old.changed;
            if one != *old {
                one.changed = next;
            }
            participants.push(one);
        }
        for mut one in now {
            one.changed = next;
            participants.push(one);
        }
        let changed = participants.iter().any(|one| one.changed == next);
        if !changed && left.is_empty() {
            return None;
        }
        self.sequence = next;
        self.participants.clone_from(&participants);
        Some(Roster {
            participants,
            left,
            sequence: next,
        })
    }
}

impl Call {
    /// Everybody in a call of many, as its bots are shown; nobody for a leg of a call of two.
    pub fn participants(&self, leg: LegId) -> Vec<Participant> {
        match self.told_bot(leg) {
            Some(bot) if self.is_group(bot.voice.side) => self.roster.participants.clone(),
            _ => Vec::new(),
        }
    }

    /// Somebody others may be shown.
    pub(super) fn is_participant(&self, leg: LegId) -> bool {
        self.is_phone_participant(leg)
            || self
                .bots
                .iter()
                .any(|bot| bot.leg == leg && bot.voice.side == 0 && bot.is_talking())
    }

    pub(super) fn is_phone_participant(&self, leg: LegId) -> bool {
        let mut phones = self.phones.iter();
        phones
            .any(|phone| phone.leg == leg && phone.voice.side == 0 && phone.stage == Stage::Talking)
    }

    pub(super) fn settle_roster(&mut self) {
        if !self.is_group(0) || self.ending.is_some() {
            return;
        }
        let held = self.held();
        let bots = self.bots.iter();
        let bots = bots.filter(|bot| bot.voice.side == 0 && bot.is_talking());
        let phones = self.phones.iter();
        let phones = phones.filter(|phone| phone.voice.side == 0 && phone.stage == Stage::Talking);
        let away = self.away.iter().filter_map(|away| away.shown.clone());
        let now = bots
            .map(|bot| bot.participant())
            .chain(phones.map(|phone| phone.participant(held == Some(phone.leg))))
            .chain(away)
            .collect();
        let Some(roster) = self.roster.becomes(now) else {
            return;
        };
        let bots = self.bots.iter();
        let told: Vec<LegId> = bots
            .filter(|bot| bot.voice.side == 0 && bot.is_talking())
            .map(|bot| bot.leg)
            .collect();
        for leg in told {
            self.tell(leg, Fact::RosterChanged(roster.clone()));
        }
    }
}
