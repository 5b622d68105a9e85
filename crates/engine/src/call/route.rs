//! Audio routing groups: receivers hear sources. What that means for everybody is in `hearing.rs`.
//!
//! A group belongs to the bot that made it and goes with it. Whoever is in one and leaves the call
//! stays in the group's lists, where it means nothing any more.

use offhook_terms::LegId;

use super::Call;
use crate::{Accepted, Refusal, RouteChange, RoutingGroup, RoutingMode, limits};

impl Call {
    /// The routing groups of a bot, oldest first.
    pub fn routing_groups(&self, leg: LegId) -> Vec<RoutingGroup> {
        match self.told_bot(leg) {
            Some(bot) => bot.routing_groups.clone(),
            None => Vec::new(),
        }
    }

    pub(super) fn route(&mut self, leg: LegId, change: RouteChange) -> Result<Accepted, Refusal> {
        self.in_a_group(leg)?;
        let all: usize = self.bots.iter().map(|bot| bot.routing_groups.len()).sum();
        if let RouteChange::Create(group) | RouteChange::Update(group) = &change {
            self.check_members(group)?;
        }
        let Some(bot) = self.bot(leg) else {
            return Err(Refusal::NoSuchLeg);
        };
        let groups = &mut bot.routing_groups;
        let find = |id: &str| {
            let mut all = groups.iter();
            all.position(|group| group.id.eq_ignore_ascii_case(id))
        };
        match change {
            RouteChange::Create(group) => {
                if find(&group.id).is_some() {
                    return Err(Refusal::RoutingGroupExists);
                }
                if all >= limits::ROUTING_GROUPS_MAX {
                    return Err(Refusal::OutOfBounds);
                }
                groups.push(group);
            }
            RouteChange::Update(group) => {
                let at = find(&group.id).ok_or(Refusal::NoSuchRoutingGroup)?;
                groups[at] = group;
            }
            RouteChange::Delete(id) => {
                let at = find(&id).ok_or(Refusal::NoSuchRoutingGroup)?;
                groups.remove(at);
            }
        }
        Ok(Accepted)
    }

    fn check_members(&self, group: &RoutingGroup) -> Result<(), Refusal> {
        let fits = |members: &[LegId]| match group.mode {
            RoutingMode::OneToOne => members.len() == 1,
            RoutingMode::Multicast => (1..=limits::PARTIES_MAX).contains(&members.len()),
        };
        if !fits(&group.sources) || !fits(&group.receivers) {
            return Err(Refusal::OutOfBounds);
        }
        let mut members = group.sources.iter().chain(&group.receivers);
        match members.all(|member| self.is_participant(*member)) {
            true => Ok(()),
            false => Err(Refusal::NoSuchParticipant),
        }
    }
}
