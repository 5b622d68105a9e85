//! What is asked of a call's participants.

use std::time::Duration;

use offhook_engine::limits::{INVITEES_MAX, PARTIES_MAX, RINGS_FOR, TONES_MAX};
use offhook_engine::{AtOnce, Command, RecordingStatus, RoutingGroup, RoutingMode};
use offhook_terms::{LegId, OperationId, Tone};
use offhook_wire::graph as wire;
use serde_json::Value;

use super::party::{Asker, Phones, invitees, replaced};
use super::{Refused, context, prompt};
use crate::limits;
use crate::outgoing::Guard;

pub(crate) fn invite(
    operation: OperationId,
    request: wire::InviteRequest,
    asker: Asker<'_>,
    phones: Phones,
) -> Result<Command, Refused> {
    let mut given = request.participants.unwrap_or_default();
    if given.is_empty() || given.len() > INVITEES_MAX {
        let wanted = format!("must have 1 to {INVITEES_MAX} entries");
        return Err(Refused::parameter("participants", wanted));
    }
    let replaces = given.first().map(replaced).transpose()?.flatten();
    if replaces.is_some() {
        // Published: only the first is looked at then.
        given.truncate(1);
    }
    Ok(Command::Invite {
        operation,
        invitees: invitees(&given, "participants", asker, phones)?,
        replaces,
        ring_for: RINGS_FOR,
        context: context(request.client_context)?,
    })
}

pub(crate) fn at_once(
    operation: OperationId,
    what: AtOnce,
    client_context: Option<String>,
) -> Result<Command, Refused> {
    Ok(Command::AtOnce {
        operation,
        what,
        context: context(client_context)?,
    })
}

/// The participant an action is about.
pub(crate) fn participant(id: Option<LegId>) -> Result<LegId, Refused> {
    id.ok_or_else(Refused::no_participant)
}

pub(crate) fn mute_all(
    operation: OperationId,
    request: wire::MuteAllRequest,
) -> Result<Command, Refused> {
    let given = request.participants.unwrap_or_default();
    if given.len() > PARTIES_MAX {
        let wanted = format!("has more than {PARTIES_MAX} entries");
        return Err(Refused::parameter("participants", wanted));
    }
    let participants = participants("participants", &given)?;
    at_once(
        operation,
        AtOnce::MuteAll { participants },
        request.client_context,
    )
}

pub(crate) fn update_recording_status(
    operation: OperationId,
    request: wire::UpdateRecordingStatusRequest,
) -> Result<Command, Refused> {
    let status = match request.status {
        Some(wire::RecordingStatus::NotRecording) => RecordingStatus::NotRecording,
        Some(wire::RecordingStatus::Recording) => RecordingStatus::Recording,
        Some(wire::RecordingStatus::Failed) => RecordingStatus::Failed,
        None | Some(wire::RecordingStatus::Unknown | wire::RecordingStatus::Other(_)) => {
            let wanted = "must be 'notRecording', 'recording' or 'failed'";
            return Err(Refused::parameter("status", wanted));
        }
    };
    at_once(
        operation,
        AtOnce::UpdateRecordingStatus { status },
        request.client_context,
    )
}

/// Whether a bot is to be shown as sharing a screen.
pub(crate) fn screen_sharing(
    request: wire::ChangeScreenSharingRoleRequest,
) -> Result<bool, Refused> {
    match request.role {
        Some(wire::ScreenSharingRole::Viewer) => Ok(false),
        Some(wire::ScreenSharingRole::Sharer) => Ok(true),
        None | Some(wire::ScreenSharingRole::Other(_)) => {
            Err(Refused::parameter("role", "must be 'viewer' or 'sharer'"))
        }
    }
}

pub(crate) fn start_hold_music(
    operation: OperationId,
    participant: LegId,
    request: wire::StartHoldMusicRequest,
    guard: &Guard,
) -> Result<Command, Refused> {
    Ok(Command::StartHoldMusic {
        operation,
        participant,
        prompt: request
            .custom_prompt
            .map(|given| prompt(given, "customPrompt", guard))
            .transpose()?,
        context: context(request.client_context)?,
    })
}

pub(crate) fn stop_hold_music(
    operation: OperationId,
    participant: LegId,
    request: wire::ContextRequest,
) -> Result<Command, Refused> {
    Ok(Command::StopHoldMusic {
        operation,
        participant,
        context: context(request.client_context)?,
    })
}

pub(crate) fn add_large_gallery_view(
    operation: OperationId,
    request: wire::ContextRequest,
) -> Result<Command, Refused> {
    Ok(Command::AddLargeGalleryView {
        operation,
        context: context(request.client_context)?,
    })
}

pub(crate) fn send_tones(
    operation: OperationId,
    request: wire::SendDtmfTonesRequest,
) -> Result<Command, Refused> {
    let given = request.tones.unwrap_or_default().into_inner();
    if given.is_empty() || given.len() > TONES_MAX {
        let wanted = format!("must have 1 to {TONES_MAX} entries");
        return Err(Refused::parameter("tones", wanted));
    }
    let tones = given.iter().map(tone).collect::<Option<_>>();
    let tones = tones.ok_or_else(|| {
        let wanted = "must have the names of keys: 'tone0' to 'tone9', 'star', 'pound', 'a' to 'd'";
        Refused::parameter("tones", wanted)
    })?;
    let gap = request
        .delay_between_tones_ms
        .unwrap_or(limits::TONE_GAP_MS_DEFAULT);
    if !limits::TONE_GAP_MS.contains(&gap) {
        let (min, max) = (limits::TONE_GAP_MS.start(), limits::TONE_GAP_MS.end());
        let wanted = format!("must be between {min} and {max}");
        return Err(Refused::parameter("delayBetweenTonesMs", wanted));
    }
    Ok(Command::SendTones {
        operation,
        tones,
        gap: Duration::from_millis(gap.unsigned_abs()),
        context: context(request.client_context)?,
    })
}

/// A name as on the wire, or an object with one as in the documentation.
fn tone(given: &Value) -> Option<Tone> {
    let name = match given {
        Value::String(name) => name.as_str(),
        Value::Object(fields) => fields.get("tone")?.as_str()?,
        _ => return None,
    };
    wire::ToneName::from(name).tone()
}

/// A new group.
pub(crate) fn new_group(request: wire::AudioRoutingGroup) -> Result<RoutingGroup, Refused> {
    let id = match request.id.as_deref().filter(|id| !id.is_empty()) {
        Some(id) if id.chars().count() > limits::ROUTING_GROUP_ID_CHARS_MAX => {
            let max = limits::ROUTING_GROUP_ID_CHARS_MAX;
            let wanted = format!("is longer than {max} characters");
            return Err(Refused::parameter("id", wanted));
        }
        Some(id) => id.to_owned(),
        None => OperationId::from_random(rand::random()).to_string(),
    };
    let mode = match request.routing_mode {
        None => return Err(Refused::parameter("routingMode", "is required")),
        Some(mode) => routing_mode(&mode)?,
    };
    let group = RoutingGroup {
        id,
        mode,
        sources: participants("sources", &request.sources.unwrap_or_default())?,
        receivers: participants("receivers", &request.receivers.unwrap_or_default())?,
    };
    checked(group)
}

/// A group with what a bot wants changed of it.
pub(crate) fn changed_group(
    mut group: RoutingGroup,
    request: wire::AudioRoutingGroup,
) -> Result<RoutingGroup, Refused> {
    if let Some(mode) = request.routing_mode {
        group.mode = routing_mode(&mode)?;
    }
    if let Some(sources) = request.sources {
        group.sources = participants("sources", &sources)?;
    }
    if let Some(receivers) = request.receivers {
        group.receivers = participants("receivers", &receivers)?;
    }
    checked(group)
}

fn routing_mode(given: &wire::RoutingMode) -> Result<RoutingMode, Refused> {
    match given {
        wire::RoutingMode::OneToOne => Ok(RoutingMode::OneToOne),
        wire::RoutingMode::Multicast => Ok(RoutingMode::Multicast),
        wire::RoutingMode::Other(_) => {
            let wanted = "must be 'oneToOne' or 'multicast'";
            Err(Refused::parameter("routingMode", wanted))
        }
    }
}

fn checked(group: RoutingGroup) -> Result<RoutingGroup, Refused> {
    for (name, side) in [("sources", &group.sources), ("receivers", &group.receivers)] {
        let most = match group.mode {
            RoutingMode::OneToOne => 1,
            RoutingMode::Multicast => PARTIES_MAX,
        };
        if side.is_empty() || side.len() > most {
            let wanted = match group.mode {
                RoutingMode::OneToOne => {
                    "must have 1 entry when 'routingMode' is 'oneToOne'".into()
                }
                RoutingMode::Multicast => format!("must have 1 to {most} entries"),
            };
            return Err(Refused::parameter(name, wanted));
        }
    }
    Ok(group)
}

/// Participants by their ids, each once.
fn participants(name: &str, given: &[String]) -> Result<Vec<LegId>, Refused> {
    let mut legs = Vec::new();
    for id in given {
        let leg = id
            .parse()
            .map_err(|_| Refused::parameter(name, "has an entry that is no participant's id"))?;
        if !legs.contains(&leg) {
            legs.push(leg);
        }
        if legs.len() > PARTIES_MAX {
            let wanted = format!("has more than {PARTIES_MAX} entries");
            return Err(Refused::parameter(name, wanted));
        }
    }
    Ok(legs)
}
