//! What a bot wants of a meeting, out of the words of the API.

use std::time::SystemTime;

use offhook_terms::Private;
use offhook_wire::graph as wire;
use offhook_workplace::{Attendee, Chat, Lobby, Presenters, Role, Wanted};
use time::OffsetDateTime;
use time::format_description::well_known::Iso8601;

use crate::graph::Refused;

/// What is wanted, or which property cannot be.
pub(crate) fn wanted(asked: wire::OnlineMeeting) -> Result<Wanted, Refused> {
    let lobby = asked.lobby_bypass_settings.unwrap_or_default();
    let join = asked.join_meeting_id_settings.unwrap_or_default();
    Ok(Wanted {
        starts: time(asked.start_date_time, "startDateTime")?,
        ends: time(asked.end_date_time, "endDateTime")?,
        subject: asked.subject,
        attendees: match asked.participants.and_then(|who| who.attendees) {
            None => None,
            Some(who) => Some(who.into_iter().map(attendee).collect::<Result<_, _>>()?),
        },
        external_id: asked.external_id,
        passcode_required: join.is_passcode_required,
        lobby: lobby.scope.map(lobby_of).transpose()?,
        dial_in_bypasses_lobby: lobby.is_dial_in_bypass_enabled,
        presenters: asked.allowed_presenters.map(presenters).transpose()?,
        chat: asked.allow_meeting_chat.map(chat).transpose()?,
        camera: asked.allow_attendee_to_enable_camera,
        microphone: asked.allow_attendee_to_enable_mic,
        reactions: asked.allow_teamwork_reactions,
        recorded: asked.record_automatically,
        announced: asked.is_entry_exit_announced,
    })
}

/// With or without a zone; without one it is UTC, as Graph takes it.
fn time(text: Option<String>, name: &str) -> Result<Option<SystemTime>, Refused> {
    let Some(text) = text else { return Ok(None) };
    let zoned = OffsetDateTime::parse(&text, &Iso8601::PARSING);
    let read = zoned.or_else(|_| OffsetDateTime::parse(&format!("{text}Z"), &Iso8601::PARSING));
    match read {
        // A database counts from 1970, and nobody holds a meeting before.
        Ok(at) if at.unix_timestamp() >= 0 => Ok(Some(at.into())),
        _ => Err(Refused::parameter(
            name,
            "must be a time as in '2026-07-12T21:30:00Z'",
        )),
    }
}

fn attendee(who: wire::MeetingParticipant) -> Result<Attendee, Refused> {
    let user = who.identity.and_then(|identity| {
        let (_, identity) = identity.first()?;
        identity.id.clone()
    });
    let role = match who.role {
        None | Some(wire::MeetingRole::Attendee) => Role::Attendee,
        Some(wire::MeetingRole::Presenter) => Role::Presenter,
        Some(wire::MeetingRole::Producer) => Role::Producer,
        Some(wire::MeetingRole::Coorganizer) => Role::Coorganizer,
        Some(wire::MeetingRole::Other(_)) => {
            let wanted = "must have roles 'attendee', 'presenter', 'producer' or 'coorganizer'";
            return Err(Refused::parameter("participants", wanted));
        }
    };
    Ok(Attendee {
        id: user.map(Private::into_inner).map(Private::new),
        address: who.upn,
        role,
    })
}

fn lobby_of(scope: wire::LobbyBypassScope) -> Result<Lobby, Refused> {
    use wire::LobbyBypassScope as Scope;
    Ok(match scope {
        Scope::Organizer => Lobby::Organizer,
        Scope::Organization => Lobby::Organization,
        Scope::OrganizationAndFederated => Lobby::OrganizationAndFederated,
        Scope::OrganizationExcludingGuests => Lobby::OrganizationExcludingGuests,
        Scope::Invited => Lobby::Invited,
        Scope::Everyone => Lobby::Everyone,
        Scope::Other(_) => {
            let wanted = "must have a scope 'organizer', 'organization', \
                          'organizationAndFederated', 'organizationExcludingGuests', 'invited' \
                          or 'everyone'";
            return Err(Refused::parameter("lobbyBypassSettings", wanted));
        }
    })
}

fn presenters(who: wire::MeetingPresenters) -> Result<Presenters, Refused> {
    use wire::MeetingPresenters as Who;
    Ok(match who {
        Who::Everyone => Presenters::Everyone,
        Who::Organization => Presenters::Organization,
        Who::RoleIsPresenter => Presenters::RoleIsPresenter,
        Who::Organizer => Presenters::Organizer,
        Who::Other(_) => {
            let wanted = "must be 'everyone', 'organization', 'roleIsPresenter' or 'organizer'";
            return Err(Refused::parameter("allowedPresenters", wanted));
        }
    })
}

fn chat(mode: wire::MeetingChatMode) -> Result<Chat, Refused> {
    use wire::MeetingChatMode as Mode;
    Ok(match mode {
        Mode::Enabled => Chat::Enabled,
        Mode::Disabled => Chat::Disabled,
        Mode::Limited => Chat::Limited,
        Mode::Other(_) => {
            let wanted = "must be 'enabled', 'disabled' or 'limited'";
            return Err(Refused::parameter("allowMeetingChat", wanted));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn times_are_read_with_any_zone_or_none() {
        let at = |text: &str| time(Some(text.to_owned()), "x").ok().flatten();
        let noon = Some(UNIX_EPOCH + Duration::from_secs(1_783_857_600));
        for text in [
            "2026-07-12T12:00:00Z",
            "2026-07-12T12:00:00.0000000Z",
            "2026-07-12T05:00:00-07:00",
            "2026-07-12T12:00:00",
            "2026-07-12T12:00:00.000",
        ] {
            assert_eq!(at(text), noon, "{text}");
        }
        for text in [
            "",
            "noon",
            "2026-07-12",
            "2026-13-12T12:00:00Z",
            "1969-12-31T23:59:59Z",
        ] {
            assert_eq!(at(text), None, "{text}");
        }
    }
}
