//! Meetings in the words of the API.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use offhook_terms::{MeetingId, PersonId, Private};
use offhook_wire::graph::{self as wire, tag};
use offhook_workplace::{
    Attendee, Chat, Lobby, Meeting, Presenters, Role, dial_in_user, thread_owner,
};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::Url;

use super::{join_url, people};
use crate::registry::Person;

/// What a bot can say of a meeting: its words as they are kept, without what was drawn for it.
pub(crate) fn details(meeting: &Meeting) -> wire::OnlineMeeting {
    let rules = &meeting.rules;
    wire::OnlineMeeting {
        subject: meeting.subject.clone(),
        participants: Some(wire::MeetingParticipants {
            attendees: Some(meeting.attendees.iter().map(attendee).collect()),
            ..wire::MeetingParticipants::default()
        }),
        lobby_bypass_settings: Some(wire::LobbyBypassSettings {
            scope: Some(match rules.lobby {
                Lobby::Organizer => wire::LobbyBypassScope::Organizer,
                Lobby::Organization => wire::LobbyBypassScope::Organization,
                Lobby::OrganizationAndFederated => wire::LobbyBypassScope::OrganizationAndFederated,
                Lobby::OrganizationExcludingGuests => {
                    wire::LobbyBypassScope::OrganizationExcludingGuests
                }
                Lobby::Invited => wire::LobbyBypassScope::Invited,
                Lobby::Everyone => wire::LobbyBypassScope::Everyone,
            }),
            is_dial_in_bypass_enabled: Some(rules.dial_in_bypasses_lobby),
        }),
        allowed_presenters: Some(match rules.presenters {
            Presenters::Everyone => wire::MeetingPresenters::Everyone,
            Presenters::Organization => wire::MeetingPresenters::Organization,
            Presenters::RoleIsPresenter => wire::MeetingPresenters::RoleIsPresenter,
            Presenters::Organizer => wire::MeetingPresenters::Organizer,
        }),
        allow_meeting_chat: Some(match rules.chat {
            Chat::Enabled => wire::MeetingChatMode::Enabled,
            Chat::Disabled => wire::MeetingChatMode::Disabled,
            Chat::Limited => wire::MeetingChatMode::Limited,
        }),
        allow_attendee_to_enable_camera: Some(rules.camera),
        allow_attendee_to_enable_mic: Some(rules.microphone),
        allow_teamwork_reactions: Some(rules.reactions),
        record_automatically: Some(rules.recorded),
        is_entry_exit_announced: Some(rules.announced),
        ..wire::OnlineMeeting::default()
    }
}

fn attendee(who: &Attendee) -> wire::MeetingParticipant {
    let user = who.id.as_ref().map(|id| wire::Identity::new(id.reveal()));
    wire::MeetingParticipant {
        identity: user.map(|user| wire::IdentitySet::one("user", user)),
        upn: who.address.clone(),
        role: Some(match who.role {
            Role::Attendee => wire::MeetingRole::Attendee,
            Role::Presenter => wire::MeetingRole::Presenter,
            Role::Producer => wire::MeetingRole::Producer,
            Role::Coorganizer => wire::MeetingRole::Coorganizer,
        }),
        ..wire::MeetingParticipant::default()
    }
}

/// A meeting as bots are shown it. `domain` is that of the workplace, `start` that of its links.
pub(super) fn meeting(
    meeting: &Meeting,
    organizer: Option<&Person>,
    start: &Url,
    domain: &str,
) -> wire::OnlineMeeting {
    let link = join_url::written(meeting, start);
    let dial_in = format!("sip:{}@{domain}", dial_in_user(meeting.number));
    let number = meeting.number.to_string();
    let mut shown = details(meeting);
    let mut user = wire::Identity::new(meeting.organizer.to_string());
    user.display_name = organizer.map(|person| person.name.clone());
    user.tenant_id = Some(meeting.tenant.clone());
    user.extra.insert("identityProvider", "AAD");
    if let Some(participants) = &mut shown.participants {
        participants.organizer = Some(wire::MeetingParticipant {
            identity: Some(wire::IdentitySet::one("user", user)),
            upn: organizer.map(|person| Private::new(people::principal_name(person, domain))),
            role: Some(wire::MeetingRole::Presenter),
            ..wire::MeetingParticipant::default()
        });
    }
    wire::OnlineMeeting {
        id: Some(written_id(meeting)),
        creation_date_time: Some(time(meeting.created)),
        start_date_time: Some(time(meeting.starts)),
        end_date_time: Some(time(meeting.ends)),
        join_information: Some(invitation(meeting, &link, &dial_in)),
        join_web_url: Some(link),
        chat_info: Some(wire::ChatInfo {
            odata_type: Some(tag::CHAT_INFO.to_owned()),
            thread_id: Some(meeting.thread_id()),
            message_id: Some("0".to_owned()),
            reply_chain_message_id: None,
        }),
        join_meeting_id_settings: Some(wire::JoinMeetingIdSettings {
            is_passcode_required: Some(meeting.passcode.is_some()),
            join_meeting_id: Some(number.clone()),
            passcode: meeting.passcode.clone(),
        }),
        audio_conferencing: Some(wire::AudioConferencing {
            conference_id: Some(number.clone()),
            sip_uri: Some(dial_in),
            ..wire::AudioConferencing::default()
        }),
        video_teleconference_id: Some(number),
        external_id: meeting.external_id.clone(),
        ..shown
    }
}

/// Opaque to bots, but of the form that production has: whose meeting, and its thread.
pub(super) fn written_id(meeting: &Meeting) -> String {
    STANDARD.encode(format!(
        "1*{}*0**{}",
        meeting.organizer,
        meeting.thread_id()
    ))
}

/// Whose meeting an id names, and which.
pub(super) fn read_id(id: &str) -> Option<(PersonId, MeetingId)> {
    let bytes = STANDARD.decode(id.trim()).ok()?;
    let text = std::str::from_utf8(&bytes).ok()?;
    let (organizer, thread) = text.strip_prefix("1*")?.split_once("*0**")?;
    Some((organizer.parse().ok()?, thread_owner(thread)?))
}

/// The invitation as a page, in the form of a link that holds it.
fn invitation(meeting: &Meeting, link: &str, dial_in: &str) -> wire::ItemBody {
    let passcode = match &meeting.passcode {
        Some(passcode) => format!("<p>Passcode: {}</p>", passcode.reveal()),
        None => String::new(),
    };
    // Nothing in it is a bot's own text, so nothing needs escaping as HTML but the link.
    let page = format!(
        "<p><a href=\"{}\">Join the meeting</a></p><p>Meeting ID: {}</p>{passcode}\
         <p>By phone: {dial_in}</p>",
        link.replace('&', "&amp;").replace('"', "&quot;"),
        meeting.number
    );
    wire::ItemBody {
        content: Some(format!("data:text/html,{}", join_url::escaped(&page))),
        content_type: Some("html".to_owned()),
    }
}

/// To the millisecond, which is what is kept.
pub(super) fn time(at: SystemTime) -> String {
    let at = OffsetDateTime::from(at);
    let at = at.replace_millisecond(at.millisecond()).unwrap_or(at);
    at.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use offhook_workplace::{Drawn, JoinNumber, Wanted};
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn an_id_names_a_meeting_and_its_organizer() {
        let drawn = Drawn {
            id: MeetingId::from_random(7),
            number: JoinNumber::from_random(8),
            passcode: 9,
            token: Private::new("token".to_owned()),
        };
        let organizer = PersonId::from_random(10);
        let made = Meeting::new(organizer, "t", Wanted::default(), drawn, UNIX_EPOCH);
        let made = made.expect("possible");
        let id = written_id(&made);
        // In a path it stands as it is.
        assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
        assert_eq!(read_id(&id), Some((organizer, made.id)));
        for other in ["", "MSo=", "x", "19:meeting_x@thread.v2", &id[1..]] {
            assert_eq!(read_id(other), None, "{other}");
        }
    }

    #[test]
    fn times_are_written_to_the_millisecond() {
        let at = UNIX_EPOCH + Duration::from_nanos(1_790_000_000_123_456_789);
        assert_eq!(time(at), "2026-09-21T14:13:20.123Z");
    }
}
