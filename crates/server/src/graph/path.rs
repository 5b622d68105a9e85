//! Which resource a path means.
//!
//! Matched by hand, because clients spell the same path in many ways: `/app` for
//! `/communications`, `microsoft.graph.answer` for `answer`, `calls('{id}')` for `calls/{id}`,
//! doubled slashes, escaped letters, capitals.

use std::borrow::Cow;

use http::Method;
use offhook_terms::{LegId, OperationId};

use crate::workplace;

/// Which version of the API was asked for; they differ in little.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Version {
    #[default]
    V1,
    Beta,
}

impl Version {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1.0",
            Self::Beta => "beta",
        }
    }
}

/// What a path means. An id that is none is `None`: no such resource exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Resource {
    Calls,
    Call(Option<LegId>),
    Action(Option<LegId>, Action),
    Operations(Option<LegId>),
    Operation(Option<LegId>, Option<OperationId>),
    Participants(Option<LegId>),
    Participant(Option<LegId>, Option<LegId>),
    RoutingGroups(Option<LegId>),
    RoutingGroup(Option<LegId>, String),
    SharingSessions(Option<LegId>),
    SharingSession(Option<LegId>),
    /// How many a collection has.
    Count(Collection),
    /// Beside the calls: people, meetings, call records.
    Beside(workplace::Resource),
    /// Published, but not served by this platform; with the methods it would take and the reason.
    NotServed(&'static [Method], &'static str),
}

/// What can be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Collection {
    Calls,
    Operations(Option<LegId>),
    Participants(Option<LegId>),
    RoutingGroups(Option<LegId>),
    SharingSessions(Option<LegId>),
}

/// What is asked of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Answer,
    Reject,
    Redirect,
    Transfer,
    KeepAlive,
    PlayPrompt,
    RecordResponse,
    /// The older name of `recordResponse`.
    Record,
    CancelMediaProcessing,
    SubscribeToTone,
    SendDtmfTones,
    Mute,
    Unmute,
    ChangeScreenSharingRole,
    UpdateRecordingStatus,
    AddLargeGalleryView,
    Invite,
    MuteAll,
    MuteParticipant(Option<LegId>),
    StartHoldMusic(Option<LegId>),
    StopHoldMusic(Option<LegId>),
}

impl Resource {
    /// The methods it takes.
    pub(super) fn methods(&self) -> &'static [Method] {
        match self {
            Self::Calls | Self::RoutingGroups(_) => &[Method::GET, Method::POST],
            Self::Call(_) | Self::Participant(..) => &[Method::GET, Method::DELETE],
            Self::Action(..) => POST,
            Self::Operations(_)
            | Self::Operation(..)
            | Self::Participants(_)
            | Self::SharingSessions(_)
            | Self::SharingSession(_)
            | Self::Count(_) => &[Method::GET],
            Self::RoutingGroup(..) => &[Method::GET, Method::PATCH, Method::DELETE],
            Self::Beside(resource) => resource.methods(),
            Self::NotServed(methods, _) => methods,
        }
    }
}

/// The segment at which a path stops meaning anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoSuchPath {
    /// Not a path of the API at all.
    Outside(String),
    /// Inside the API.
    Segment(String),
}

const POST: &[Method] = &[Method::POST];
const ANY: &[Method] = &[
    Method::GET,
    Method::POST,
    Method::PATCH,
    Method::PUT,
    Method::DELETE,
];

/// Published actions on a call that are not served, and why.
const NOT_SERVED_OF_CALL: [(&str, &str); 5] = [
    ("startrecording", NO_RECORDING_OF_CALLS),
    ("stoprecording", NO_RECORDING_OF_CALLS),
    ("starttranscription", NO_TRANSCRIPTION),
    ("stoptranscription", NO_TRANSCRIPTION),
    (
        "terminate",
        "A call is ended with DELETE; 'terminate' is not implemented by this platform.",
    ),
];

/// Published actions on a call's participants that are not served, and why.
const NOT_SERVED_OF_ROSTER: [(&str, &str); 2] = [
    (
        "configuremixer",
        "Source levels are not implemented by this platform; use audioRoutingGroups to choose who hears whom.",
    ),
    ("admitallfromlobby", NO_LOBBY),
];

/// Published actions on one participant that are not served, and why.
const NOT_SERVED_OF_PARTY: [(&str, &str); 2] =
    [("admitfromlobby", NO_LOBBY), ("removefromlobby", NO_LOBBY)];

const NO_RECORDING_OF_CALLS: &str =
    "Recording whole calls is not implemented by this platform; use recordResponse for answers.";
const NO_TRANSCRIPTION: &str = "Transcription is not implemented by this platform.";
const NO_LOBBY: &str = "Meetings of this platform have no lobby: everybody is admitted at once.";
const NO_NEIGHBOUR: &str =
    "This resource is part of the API, but not implemented by this platform.";

/// Neighbours of the calls API that bots use beside it.
const NEIGHBOURS: [&str; 4] = ["chats", "me", "appcatalogs", "teams"];

/// Finds what a path means.
pub(super) fn find(path: &str) -> Result<(Version, Resource), NoSuchPath> {
    let segments = segments(path);
    let mut segments = segments.iter().map(|segment| &**segment);
    let first = segments.next().unwrap_or_default();
    let version = match lower(first).as_ref() {
        "v1.0" => Version::V1,
        "beta" => Version::Beta,
        _ => return Err(NoSuchPath::Outside(first.to_owned())),
    };
    let area = segments.next().unwrap_or_default();
    match lower(area).as_ref() {
        "communications" | "app" => {}
        "users" => {
            let resource = beside(workplace::below_users(&mut segments))?;
            return Ok((version, resource));
        }
        neighbour if NEIGHBOURS.contains(&neighbour) => {
            return Ok((version, Resource::NotServed(ANY, NO_NEIGHBOUR)));
        }
        _ => return Err(NoSuchPath::Segment(area.to_owned())),
    }
    below_communications(&mut segments).map(|resource| (version, resource))
}

type Segments<'a, 'b> = dyn Iterator<Item = &'a str> + 'b;

fn below_communications(segments: &mut Segments<'_, '_>) -> Result<Resource, NoSuchPath> {
    let set = segments.next().unwrap_or_default();
    match lower(set).as_ref() {
        "calls" => {}
        "callrecords" => return beside(workplace::below_records(segments)),
        "onlinemeetings" => return beside(workplace::below_meetings(segments)),
        _ => return Err(NoSuchPath::Segment(set.to_owned())),
    }
    let Some(id) = segments.next() else {
        return Ok(Resource::Calls);
    };
    match bare(id).as_ref() {
        "$count" => return end(segments, Resource::Count(Collection::Calls)),
        "logteleconferencedevicequality" => {
            return end(
                segments,
                Resource::Beside(workplace::Resource::DeviceQuality),
            );
        }
        _ => {}
    }
    let leg = id.parse().ok();
    match segments.next() {
        None => Ok(Resource::Call(leg)),
        Some(part) => below_call(leg, part, segments),
    }
}

fn below_call(
    leg: Option<LegId>,
    part: &str,
    segments: &mut Segments<'_, '_>,
) -> Result<Resource, NoSuchPath> {
    let name = bare(part);
    let action = match name.as_ref() {
        "answer" => Action::Answer,
        "reject" => Action::Reject,
        "redirect" => Action::Redirect,
        "transfer" => Action::Transfer,
        "keepalive" => Action::KeepAlive,
        "playprompt" => Action::PlayPrompt,
        "recordresponse" => Action::RecordResponse,
        "record" => Action::Record,
        "cancelmediaprocessing" => Action::CancelMediaProcessing,
        "subscribetotone" => Action::SubscribeToTone,
        "senddtmftones" => Action::SendDtmfTones,
        "mute" => Action::Mute,
        "unmute" => Action::Unmute,
        "changescreensharingrole" => Action::ChangeScreenSharingRole,
        "updaterecordingstatus" => Action::UpdateRecordingStatus,
        "addlargegalleryview" => Action::AddLargeGalleryView,
        "operations" => {
            let one = |id: &str| Resource::Operation(leg, id.parse().ok());
            let all = (Resource::Operations(leg), Collection::Operations(leg));
            return below_collection(all, one, segments);
        }
        "audioroutinggroups" => {
            let one = |id: &str| Resource::RoutingGroup(leg, id.to_owned());
            let all = (Resource::RoutingGroups(leg), Collection::RoutingGroups(leg));
            return below_collection(all, one, segments);
        }
        "contentsharingsessions" => {
            let one = |_: &str| Resource::SharingSession(leg);
            let all = (
                Resource::SharingSessions(leg),
                Collection::SharingSessions(leg),
            );
            return below_collection(all, one, segments);
        }
        "participants" => return below_participants(leg, segments),
        other => {
            return match not_served(&NOT_SERVED_OF_CALL, other) {
                Some(resource) => end(segments, resource),
                None => Err(NoSuchPath::Segment(part.to_owned())),
            };
        }
    };
    end(segments, Resource::Action(leg, action))
}

fn beside(found: Result<workplace::Resource, String>) -> Result<Resource, NoSuchPath> {
    found.map(Resource::Beside).map_err(NoSuchPath::Segment)
}

/// All of them, how many, or one.
fn below_collection(
    (all, counted): (Resource, Collection),
    one: impl Fn(&str) -> Resource,
    segments: &mut Segments<'_, '_>,
) -> Result<Resource, NoSuchPath> {
    match segments.next() {
        None => Ok(all),
        Some(count) if count.eq_ignore_ascii_case("$count") => {
            end(segments, Resource::Count(counted))
        }
        Some(id) => end(segments, one(id)),
    }
}

fn below_participants(
    leg: Option<LegId>,
    segments: &mut Segments<'_, '_>,
) -> Result<Resource, NoSuchPath> {
    let Some(first) = segments.next() else {
        return Ok(Resource::Participants(leg));
    };
    let name = bare(first);
    let of_all = match name.as_ref() {
        "$count" => Some(Resource::Count(Collection::Participants(leg))),
        "invite" => Some(Resource::Action(leg, Action::Invite)),
        "muteall" => Some(Resource::Action(leg, Action::MuteAll)),
        other => not_served(&NOT_SERVED_OF_ROSTER, other),
    };
    if let Some(resource) = of_all {
        return end(segments, resource);
    }
    let participant = first.parse().ok();
    let Some(part) = segments.next() else {
        return Ok(Resource::Participant(leg, participant));
    };
    let name = bare(part);
    let action = match name.as_ref() {
        "mute" => Action::MuteParticipant(participant),
        "startholdmusic" => Action::StartHoldMusic(participant),
        "stopholdmusic" => Action::StopHoldMusic(participant),
        other => {
            return match not_served(&NOT_SERVED_OF_PARTY, other) {
                Some(resource) => end(segments, resource),
                None => Err(NoSuchPath::Segment(part.to_owned())),
            };
        }
    };
    end(segments, Resource::Action(leg, action))
}

fn not_served(among: &[(&str, &'static str)], name: &str) -> Option<Resource> {
    let (_, why) = among.iter().find(|(known, _)| *known == name)?;
    Some(Resource::NotServed(POST, why))
}

/// The resource, if the path ends here.
fn end(segments: &mut Segments<'_, '_>, resource: Resource) -> Result<Resource, NoSuchPath> {
    match segments.next() {
        None => Ok(resource),
        Some(more) => Err(NoSuchPath::Segment(more.to_owned())),
    }
}

/// The segments, unescaped after splitting, with `name('key')` as two of them.
fn segments(path: &str) -> Vec<Cow<'_, str>> {
    let mut segments = Vec::with_capacity(8);
    for raw in path.split('/').filter(|raw| !raw.is_empty()) {
        let segment = unescaped(raw);
        match keyed(&segment) {
            Some((name, key)) => {
                segments.push(Cow::Owned(name.to_owned()));
                segments.push(Cow::Owned(key.to_owned()));
            }
            None => segments.push(segment),
        }
    }
    segments
}

fn keyed(segment: &str) -> Option<(&str, &str)> {
    let (name, key) = segment.strip_suffix(')')?.split_once('(')?;
    let key = key
        .strip_prefix('\'')
        .and_then(|key| key.strip_suffix('\''))
        .unwrap_or(key);
    (!name.is_empty() && !key.is_empty()).then_some((name, key))
}

/// Without its percent signs, where they mean something.
fn unescaped(raw: &str) -> Cow<'_, str> {
    if !raw.contains('%') {
        return Cow::Borrowed(raw);
    }
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = match (first, after) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                bytes.push(high << 4 | low);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn hex(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).map(|value| value as u8)
}

/// A fixed segment in lower case, without the namespace some clients put before an action.
fn bare(segment: &str) -> Cow<'_, str> {
    const NAMESPACE: &str = "microsoft.graph.";
    match segment.get(..NAMESPACE.len()) {
        Some(start) if start.eq_ignore_ascii_case(NAMESPACE) => lower(&segment[NAMESPACE.len()..]),
        _ => lower(segment),
    }
}

fn lower(segment: &str) -> Cow<'_, str> {
    if segment.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(segment.to_ascii_lowercase())
    } else {
        Cow::Borrowed(segment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: &str = "57dab8b1-894c-409a-b240-bd8beae78896";

    fn leg() -> Option<LegId> {
        ID.parse().ok()
    }

    #[test]
    fn one_call_has_many_spellings() {
        let answer = Ok((Version::V1, Resource::Action(leg(), Action::Answer)));
        for path in [
            format!("/v1.0/communications/calls/{ID}/answer"),
            format!("/v1.0//communications/calls/{ID}//answer/"),
            format!("/V1.0/Communications/Calls/{}/Answer", ID.to_uppercase()),
            format!("/v1.0/communications/calls/{}/answer", ID.replace('-', "")),
            format!("/v1.0/communications/calls/{ID}/microsoft.graph.answer"),
            format!("/v1.0/communications/calls('{ID}')/Microsoft.Graph.Answer"),
            format!("/v1.0/communications/calls(%27{ID}%27)/answer"),
            format!("/v1.0/app/calls/{ID}/answer"),
            format!("/v1.0/communications/calls/{ID}/%61nswer"),
        ] {
            assert_eq!(find(&path), answer, "{path}");
        }
    }

    #[test]
    fn an_id_that_is_none_is_no_call() {
        assert_eq!(
            find("/beta/app/calls/nonsense"),
            Ok((Version::Beta, Resource::Call(None)))
        );
    }

    #[test]
    fn unknown_segments_are_named() {
        for (path, segment) in [
            ("/v1.0/communication/calls", "communication"),
            ("/v1.0/communications/xyz", "xyz"),
            ("/v1.0/communications/calls/x/fly", "fly"),
            ("/v1.0/communications/calls/x/answer/more", "more"),
            ("/v1.0/communications/calls/x/operations/y/z", "z"),
        ] {
            assert_eq!(
                find(path),
                Err(NoSuchPath::Segment(segment.to_owned())),
                "{path}"
            );
        }
        assert_eq!(
            find("/favicon.ico"),
            Err(NoSuchPath::Outside("favicon.ico".to_owned()))
        );
        assert_eq!(find("/"), Err(NoSuchPath::Outside(String::new())));
    }

    #[test]
    fn every_action_has_its_path() {
        let other = "0d0b2c36-3a7e-4d16-9c55-9a5a5f1c2b11";
        let party = other.parse().ok();
        for (below, action) in [
            ("answer", Action::Answer),
            ("reject", Action::Reject),
            ("redirect", Action::Redirect),
            ("transfer", Action::Transfer),
            ("keepAlive", Action::KeepAlive),
            ("playPrompt", Action::PlayPrompt),
            ("recordResponse", Action::RecordResponse),
            ("record", Action::Record),
            ("cancelMediaProcessing", Action::CancelMediaProcessing),
            ("subscribeToTone", Action::SubscribeToTone),
            ("sendDtmfTones", Action::SendDtmfTones),
            ("mute", Action::Mute),
            ("unmute", Action::Unmute),
            ("changeScreenSharingRole", Action::ChangeScreenSharingRole),
            ("updateRecordingStatus", Action::UpdateRecordingStatus),
            ("addLargeGalleryView", Action::AddLargeGalleryView),
            ("participants/invite", Action::Invite),
            ("participants/muteAll", Action::MuteAll),
            (
                &format!("participants/{other}/mute"),
                Action::MuteParticipant(party),
            ),
            (
                &format!("participants/{other}/startHoldMusic"),
                Action::StartHoldMusic(party),
            ),
            (
                &format!("participants('{other}')/microsoft.graph.stopHoldMusic"),
                Action::StopHoldMusic(party),
            ),
        ] {
            let found = find(&format!("/v1.0/communications/calls/{ID}/{below}"));
            let (version, resource) = found.expect("a path");
            assert_eq!(
                (version, &resource),
                (Version::V1, &Resource::Action(leg(), action))
            );
            assert_eq!(resource.methods(), [Method::POST], "{below}");
        }
    }

    #[test]
    fn every_collection_can_be_read_and_counted() {
        let get = "GET";
        for (below, methods) in [
            ("", "GET DELETE"),
            ("/operations", get),
            ("/operations/$count", get),
            ("/operations/x", get),
            ("/participants", get),
            ("/participants/$count", get),
            ("/participants/x", "GET DELETE"),
            ("/audioRoutingGroups", "GET POST"),
            ("/audioRoutingGroups/$count", get),
            ("/audioRoutingGroups/x", "GET PATCH DELETE"),
            ("/contentSharingSessions", get),
            ("/contentsharingsessions/$count", get),
            ("/contentsharingsessions('x')", get),
        ] {
            let found = find(&format!("/beta/app/calls/{ID}{below}"));
            let (_, resource) = found.expect("a path");
            let taken: Vec<_> = resource.methods().iter().map(Method::as_str).collect();
            assert_eq!(taken.join(" "), methods, "{below}");
        }
        let calls = find("/v1.0/communications/calls").expect("a path").1;
        assert_eq!(calls.methods(), [Method::GET, Method::POST]);
        let count = find("/v1.0/communications/calls/$count");
        let counted = Resource::Count(Collection::Calls);
        assert_eq!(count, Ok((Version::V1, counted)));
    }

    #[test]
    fn what_is_published_and_not_served_says_why() {
        for path in [
            "/v1.0/communications/calls/x/startRecording",
            "/v1.0/communications/calls/x/microsoft.graph.stopTranscription",
            "/v1.0/communications/calls/x/participants/configureMixer",
            "/v1.0/communications/calls/x/participants/admitAllFromLobby",
            "/v1.0/communications/calls/x/participants/y/microsoft.graph.admitFromLobby",
            "/v1.0/me/onlineMeetings",
            "/v1.0/chats/19%3Ameeting_x%40thread.v2/installedApps",
        ] {
            let Ok((_, Resource::NotServed(_, why))) = find(path) else {
                panic!("{path}")
            };
            assert!(why.ends_with('.'), "{why}");
        }
    }

    proptest! {
        #[test]
        fn no_path_breaks_it(path in "[/a-z0-9.%()'$ü]{0,80}") {
            let _ = find(&path);
            let _ = find(&format!("/v1.0/communications/calls/{path}"));
        }
    }
}
