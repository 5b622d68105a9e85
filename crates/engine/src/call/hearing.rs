//! Who hears whom.
//!
//! Everybody hears everybody, but:
//!
//! - nobody hears who is muted, who hears hold music, or who waits to be connected with somebody;
//! - who hears hold music or ringing hears nothing else;
//! - those who talk aside hear each other alone;
//! - a routing group lets its receivers hear its sources. That adds to what everybody hears: it
//!   matters for those who are routed only, who neither hear nor are heard except through groups.
//!
//! Media begins with everybody hearing everybody and is asked for what differs, once for all that
//! happened in one step. A list of those who are heard is sent anew when somebody comes or leaves.

use offhook_terms::{LegId, OperationId};

use super::Call;
use crate::ring::Wants;
use crate::voice::{Ear, Voice};
use crate::{Hearing, MediaRequest, RoutingGroup};

/// A party with a port or a seat in the room.
struct Present<'a> {
    leg: LegId,
    voice: &'a Voice,
    /// It hears music or ringing instead of the others.
    elsewhere: Option<Ear>,
}

impl Call {
    pub(super) fn settle_hearing(&mut self) {
        let changes: Vec<(LegId, Ear)> = {
            let present = self.present();
            let groups: Vec<&RoutingGroup> = self
                .bots
                .iter()
                .flat_map(|bot| &bot.routing_groups)
                .collect();
            let ears = present.iter().map(|one| ear(one, &present, &groups));
            let ears = ears.zip(&present);
            ears.filter(|(ear, one)| *ear != one.voice.ear)
                .map(|(ear, one)| (one.leg, ear))
                .collect()
        };
        for (leg, ear) in changes {
            self.lend_ear(leg, ear);
        }
    }

    fn lend_ear(&mut self, leg: LegId, ear: Ear) {
        let nobody = Hearing::Only(Vec::new());
        let old = match self.voice(leg) {
            Some(voice) => std::mem::replace(&mut voice.ear, ear.clone()),
            None => return,
        };
        let heard_nobody = old == Ear::Voices(nobody.clone());
        let from = match &ear {
            Ear::Voices(hearing) => hearing.clone(),
            Ear::Ringback | Ear::Music(_) => nobody,
        };
        if matches!(ear, Ear::Voices(_)) || !heard_nobody {
            self.media(MediaRequest::Hears { leg, from });
        }
        match ear {
            Ear::Voices(_) => {}
            Ear::Ringback => self.media(MediaRequest::Ringback { leg }),
            Ear::Music(operation) => self.media(MediaRequest::HoldMusic { operation, leg }),
        }
    }

    fn present(&self) -> Vec<Present<'_>> {
        let phones = self.phones.iter().filter(|phone| phone.is_in_room());
        let bots = self.bots.iter().filter(|bot| bot.has_seat);
        phones
            .map(|phone| Present {
                leg: phone.leg,
                voice: &phone.voice,
                elsewhere: self.elsewhere(phone.leg),
            })
            .chain(bots.map(|bot| Present {
                leg: bot.leg,
                voice: &bot.voice,
                elsewhere: None,
            }))
            .collect()
    }

    fn elsewhere(&self, leg: LegId) -> Option<Ear> {
        if let Some(operation) = self.music_of(leg) {
            return Some(Ear::Music(operation));
        }
        let is_bridged =
            |wants: Wants| matches!(wants, Wants::Transfer { transferee, .. } if transferee == leg);
        let mut rings = self.rings.iter();
        rings
            .any(|ring| ring.unrung.is_none() && is_bridged(ring.wants))
            .then_some(Ear::Ringback)
    }

    fn music_of(&self, leg: LegId) -> Option<OperationId> {
        let music = self.music.as_ref()?;
        (music.is_playing && music.participant == leg).then_some(music.operation)
    }

    fn voice(&mut self, leg: LegId) -> Option<&mut Voice> {
        let phone = self.phones.iter_mut().find(|phone| phone.leg == leg);
        let bots = &mut self.bots;
        phone.map(|phone| &mut phone.voice).or_else(|| {
            bots.iter_mut()
                .find(|bot| bot.leg == leg)
                .map(|bot| &mut bot.voice)
        })
    }
}

fn ear(listener: &Present<'_>, present: &[Present<'_>], groups: &[&RoutingGroup]) -> Ear {
    if let Some(elsewhere) = &listener.elsewhere {
        return elsewhere.clone();
    }
    let others = || present.iter().filter(|other| other.leg != listener.leg);
    let heard = || others().filter(|other| hears(listener, other, groups));
    if heard().count() == others().count() {
        return Ear::Voices(Hearing::Everyone);
    }
    Ear::Voices(Hearing::Only(heard().map(|other| other.leg).collect()))
}

fn hears(listener: &Present<'_>, source: &Present<'_>, groups: &[&RoutingGroup]) -> bool {
    let can = source.voice.side == listener.voice.side
        && source.elsewhere.is_none()
        && !source.voice.is_muted;
    let by_default = !listener.voice.is_routed_only && !source.voice.is_routed_only;
    let is_routed = |group: &&RoutingGroup| {
        group.receivers.contains(&listener.leg) && group.sources.contains(&source.leg)
    };
    can && (by_default || groups.iter().any(is_routed))
}
