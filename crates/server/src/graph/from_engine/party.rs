//! Parties: who they are, and the roster they make.

use offhook_engine::{Participant, Party, RecordingStatus, Roster};
use offhook_terms::LegId;
use offhook_wire::graph as wire;
use wire::{Identity, IdentitySet, MediaDirection, MediaStream, Modality, ParticipantInfo};

use super::{Known, Wording};
use crate::registry::Bot;

/// Who somebody is, as one bot is shown it.
pub(super) fn identity(party: &Party, leg: &str, bot: &Bot, wording: &Wording) -> IdentitySet {
    match party {
        Party::Person { id, name } => {
            let mut user = Identity::new(id.to_string());
            if !name.reveal().is_empty() {
                user = user.named(name.reveal().as_str());
            }
            user.tenant_id = Some(bot.tenant.clone());
            user.extra.insert("identityProvider", "AAD");
            IdentitySet::one("user", user)
        }
        Party::Phone { number } => {
            IdentitySet::one("phone", Identity::new(number.reveal().as_str()))
        }
        Party::Guest { name } => {
            let guest = Identity::new(leg).named(name.reveal().as_str());
            IdentitySet::one("guest", guest)
        }
        Party::Bot { app } => {
            let mut application = Identity::new(app.to_string());
            if let Some(bot) = wording.registry.bot(*app) {
                application = application.named(bot.name.as_str());
            }
            IdentitySet::one("application", application)
        }
    }
}

/// What a bot with these papers is told when the roster has changed: everybody, or who changed.
pub(super) fn roster(
    roster: &Roster,
    known: Known<'_>,
    wording: &Wording,
) -> Vec<wire::Participant> {
    // Whoever has just come knows nobody yet.
    if !known.paper.is_delta_roster() || !known.knows_roster {
        let all = roster.participants.iter();
        return all.map(|one| participant(one, known, wording)).collect();
    }
    let changed = roster
        .participants
        .iter()
        .filter(|one| one.changed == roster.sequence)
        .map(|one| (one, None));
    let left = roster.left.iter().map(|one| {
        let removed = wire::RemovedState {
            odata_type: Some(wire::tag::REMOVED_STATE.to_owned()),
            reason: Some("Removed".to_owned()),
        };
        (one, Some(removed))
    });
    changed
        .chain(left)
        .map(|(one, removed)| {
            let mut shown = participant(one, known, wording);
            shown.removed_state = removed;
            shown.roster_sequence_number = i64::try_from(roster.sequence).ok();
            shown
        })
        .collect()
}

/// One of the roster.
pub(in crate::graph) fn participant(
    of: &Participant,
    known: Known<'_>,
    wording: &Wording,
) -> wire::Participant {
    let leg = of.leg.to_string();
    let identity = identity(&of.party, &leg, known.bot, wording);
    let recording = match of.recording {
        RecordingStatus::Unknown => None,
        RecordingStatus::NotRecording => Some(wire::RecordingStatus::NotRecording),
        RecordingStatus::Recording => Some(wire::RecordingStatus::Recording),
        RecordingStatus::Failed => Some(wire::RecordingStatus::Failed),
    };
    let recording_info = recording.map(|status| wire::RecordingInfo {
        odata_type: Some(wire::tag::RECORDING_INFO.to_owned()),
        initiator: Some(identity.clone()),
        recording_status: Some(status),
    });
    let mut info = ParticipantInfo::new(identity);
    info.participant_id = Some(leg.clone());
    wire::Participant {
        odata_type: Some(wire::tag::PARTICIPANT.to_owned()),
        id: Some(leg),
        info,
        // Nobody waits anywhere here.
        is_in_lobby: false,
        is_muted: of.is_muted,
        media_streams: streams(of, known),
        recording_info,
        ..wire::Participant::default()
    }
}

fn streams(of: &Participant, known: Known<'_>) -> Vec<MediaStream> {
    let direction = match of.is_held {
        // It hears music, and nobody hears it.
        true => MediaDirection::ReceiveOnly,
        false => MediaDirection::SendReceive,
    };
    let mut streams = vec![MediaStream {
        server_muted: of.is_muted,
        ..stream(of.leg, 0, Modality::Audio, direction, "main-audio")
    }];
    if of.shares_screen {
        streams.push(stream(
            of.leg,
            1,
            Modality::VideoBasedScreenSharing,
            MediaDirection::SendOnly,
            "applicationsharing-video",
        ));
    }
    // Only whoever asked for a gallery has it.
    if of.leg == known.leg && known.paper.has_gallery {
        streams.push(stream(
            of.leg,
            2,
            Modality::Video,
            MediaDirection::ReceiveOnly,
            "large-gallery-view",
        ));
    }
    streams
}

fn stream(
    leg: LegId,
    place: u32,
    kind: Modality,
    direction: MediaDirection,
    label: &str,
) -> MediaStream {
    MediaStream {
        odata_type: Some(wire::tag::MEDIA_STREAM.to_owned()),
        media_type: Some(kind),
        // The same for as long as the stream is there, and another for every other.
        source_id: Some(((leg.bits() as u32 & 0x1fff_ffff) << 2 | place).to_string()),
        direction: Some(direction),
        server_muted: false,
        label: Some(label.to_owned()),
    }
}
