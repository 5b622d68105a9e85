//! Identities, as those who can be called.

use offhook_engine::{Invitee, Party};
use offhook_terms::{LegId, PersonId, Private};
use offhook_wire::graph as wire;

use super::Refused;
use crate::registry::{Bot, Registry};

/// Who asks, and who there is.
#[derive(Clone, Copy)]
pub(crate) struct Asker<'a> {
    pub(crate) bot: &'a Bot,
    pub(crate) registry: &'a Registry,
}

/// Whether phone numbers may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phones {
    Allowed,
    /// The call was made by an application that stands for no number.
    NeedInstance,
}

/// Everybody of a list, each at a leg of their own. Nobody may be in it twice.
pub(super) fn invitees(
    given: &[wire::InvitationParticipantInfo],
    name: &str,
    asker: Asker<'_>,
    phones: Phones,
) -> Result<Vec<Invitee>, Refused> {
    let mut invitees: Vec<Invitee> = Vec::with_capacity(given.len());
    for one in given {
        let next = invitee(one, name, asker, phones)?;
        if invitees.iter().any(|other| same(&other.party, &next.party)) {
            return Err(Refused::parameter(name, "names the same identity twice"));
        }
        invitees.push(next);
    }
    Ok(invitees)
}

/// Somebody to be called, at a new leg.
pub(super) fn invitee(
    given: &wire::InvitationParticipantInfo,
    name: &str,
    asker: Asker<'_>,
    phones: Phones,
) -> Result<Invitee, Refused> {
    let party = party(&given.identity, name, asker)?;
    if matches!(party, Party::Phone { .. }) && phones == Phones::NeedInstance {
        let wanted = "names a phone, which only calls of an 'applicationInstance' may call";
        return Err(Refused::parameter(name, wanted));
    }
    let leg = LegId::from_random(rand::random());
    Ok(Invitee {
        is_routed_only: given.remove_from_default_audio_routing_group == Some(true),
        ..Invitee::new(leg, party)
    })
}

/// The call that somebody's is to take the place of.
pub(super) fn replaced(given: &wire::InvitationParticipantInfo) -> Result<Option<LegId>, Refused> {
    match given.replaces_call_id.as_deref() {
        None | Some("") => Ok(None),
        Some(id) => {
            let wanted = "names no established call of this application";
            let leg = id.parse();
            leg.map(Some)
                .map_err(|_| Refused::parameter("replacesCallId", wanted))
        }
    }
}

/// Who an identity is. Exactly one kind may be set, and it must be one that can be called.
pub(super) fn party(
    set: &wire::IdentitySet,
    name: &str,
    asker: Asker<'_>,
) -> Result<Party, Refused> {
    let mut kinds = set
        .kinds
        .iter()
        .filter_map(|(kind, identity)| Some((kind.as_str(), identity.as_ref()?)));
    let (Some((kind, identity)), None) = (kinds.next(), kinds.next()) else {
        let wanted = "must have an 'identity' of exactly one kind";
        return Err(Refused::parameter(name, wanted));
    };
    let id = identity.id.as_ref().map_or("", |id| id.reveal().as_str());
    match kind {
        "user" => person(identity, id, name, asker),
        "phone" if is_e164(id) => Ok(Party::Phone {
            number: Private::new(id.to_owned()),
        }),
        "phone" => {
            let wanted = "has a phone whose 'id' is no number in E.164: '+' and 3 to 15 digits";
            Err(Refused::parameter(name, wanted))
        }
        "application" | "applicationInstance" => match id.parse() {
            Ok(app) => Ok(Party::Bot { app }),
            Err(_) => Err(Refused::parameter(
                name,
                "has an application whose 'id' is no GUID",
            )),
        },
        _ => {
            let wanted = "must name a 'user', a 'phone' or an 'application'";
            Err(Refused::parameter(name, wanted))
        }
    }
}

fn person(
    identity: &wire::Identity,
    id: &str,
    name: &str,
    asker: Asker<'_>,
) -> Result<Party, Refused> {
    let id: PersonId = id
        .parse()
        .map_err(|_| Refused::parameter(name, "has a user whose 'id' is no GUID"))?;
    let tenant = identity.tenant_id.as_deref().filter(|id| !id.is_empty());
    if tenant.is_some_and(|tenant| !same_id(tenant, &asker.bot.tenant)) {
        return Err(Refused::other_tenant());
    }
    // Somebody we do not know is called all the same, and is found to have no device.
    let known = asker.registry.person(id).map(|person| person.name.clone());
    Ok(Party::Person {
        id,
        name: known
            .or_else(|| identity.display_name.clone())
            .unwrap_or_default(),
    })
}

/// Whether two parties are the same, whatever they are called.
pub(crate) fn same(one: &Party, other: &Party) -> bool {
    match (one, other) {
        (Party::Person { id: one, .. }, Party::Person { id: other, .. }) => one == other,
        _ => one == other,
    }
}

/// Whether two ids are the same GUID, in whatever form; what is no GUID must be equal.
pub(super) fn same_id(one: &str, other: &str) -> bool {
    let guid = |text: &str| text.parse::<LegId>().ok();
    match (guid(one), guid(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one.eq_ignore_ascii_case(other),
    }
}

/// A `+`, then up to fifteen digits (ITU-T E.164 §6).
fn is_e164(number: &str) -> bool {
    number.strip_prefix('+').is_some_and(|digits| {
        (3..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}
