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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
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
    Call(Option<LegId>),
    Action(Option<LegId>, Action),
    Operations(Option<LegId>),
    Operation(Option<LegId>, Option<OperationId>),
    Participants(Option<LegId>),
    Participant(Option<LegId>),
    /// Beside the calls: people, meetings, call records.
    Beside(workplace::Resource),
    /// Published, but not served by this platform yet; with the methods it would take.
    NotYet(&'static [Method]),
    /// Exists for nobody: in the generated clients, but not in the documentation.
    Nothing,
}

/// What is asked of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Answer,
    Reject,
    KeepAlive,
    PlayPrompt,
    RecordResponse,
    /// The older name of `recordResponse`.
    Record,
}

impl Resource {
    /// The methods it takes.
    pub(super) fn methods(&self) -> &'static [Method] {
        match self {
            Self::Call(_) => &[Method::GET, Method::DELETE],
            Self::Action(..) => &[Method::POST],
            Self::Operations(_) | Self::Operation(..) | Self::Participants(_) => &[Method::GET],
            Self::Participant(_) => &[Method::GET, Method::DELETE],
            Self::Beside(resource) => resource.methods(),
            Self::NotYet(methods) => methods,
            Self::Nothing => &[],
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
const GET: &[Method] = &[Method::GET];
const GET_POST: &[Method] = &[Method::GET, Method::POST];
const GET_PATCH_DELETE: &[Method] = &[Method::GET, Method::PATCH, Method::DELETE];
const ANY: &[Method] = &[
    Method::GET,
    Method::POST,
    Method::PATCH,
    Method::PUT,
    Method::DELETE,
];

/// Actions on a call that are published and not served yet.
const CALL_ACTIONS_NOT_YET: [&str; 15] = [
    "redirect",
    "transfer",
    "cancelmediaprocessing",
    "subscribetotone",
    "senddtmftones",
    "mute",
    "unmute",
    "changescreensharingrole",
    "updaterecordingstatus",
    "addlargegalleryview",
    "startrecording",
    "stoprecording",
    "starttranscription",
    "stoptranscription",
    "terminate",
];

/// Actions on a call's participants that are published and not served yet.
const ROSTER_ACTIONS_NOT_YET: [&str; 4] =
    ["invite", "muteall", "configuremixer", "admitallfromlobby"];

/// Actions on one participant that are published and not served yet.
const PARTY_ACTIONS_NOT_YET: [&str; 5] = [
    "mute",
    "startholdmusic",
    "stopholdmusic",
    "admitfromlobby",
    "removefromlobby",
];

/// Neighbours of the calls API that bots use beside it.
const NEIGHBOURS_NOT_YET: [&str; 4] = ["chats", "me", "appcatalogs", "teams"];

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
        neighbour if NEIGHBOURS_NOT_YET.contains(&neighbour) => {
            return Ok((version, Resource::NotYet(ANY)));
        }
        _ => return Err(NoSuchPath::Segment(area.to_owned())),
    }
    below_communications(&mut segments).map(|resource| (version, resource))
}

fn below_communications(segments: &mut dyn Iterator<Item = &str>) -> Result<Resource, NoSuchPath> {
    let set = segments.next().unwrap_or_default();
    match lower(set).as_ref() {
        "calls" => {}
        "callrecords" => return beside(workplace::below_records(segments)),
        "onlinemeetings" => return beside(workplace::below_meetings(segments)),
        _ => return Err(NoSuchPath::Segment(set.to_owned())),
    }
    let Some(id) = segments.next() else {
        return Ok(Resource::NotYet(POST));
    };
    match lower(id).as_ref() {
        "$count" => return Ok(Resource::Nothing),
        "logteleconferencedevicequality" | "microsoft.graph.logteleconferencedevicequality" => {
            return end(
                segments,
                Resource::Beside(workplace::Resource::DeviceQuality),
            );
        }
        _ => {}
    }
    let leg = id.parse().ok();
    let Some(part) = segments.next() else {
        return Ok(Resource::Call(leg));
    };
    let name = lower(part);
    let bare = name.strip_prefix("microsoft.graph.").unwrap_or(&name);
    let action = match bare {
        "answer" => Action::Answer,
        "reject" => Action::Reject,
        "keepalive" => Action::KeepAlive,
        "playprompt" => Action::PlayPrompt,
        "recordresponse" => Action::RecordResponse,
        "record" => Action::Record,
        "operations" => return below_operations(leg, segments),
        "participants" => return below_participants(leg, segments),
        "audioroutinggroups" => {
            let methods = match segments.next() {
                None => GET_POST,
                Some(_) => GET_PATCH_DELETE,
            };
            return end(segments, Resource::NotYet(methods));
        }
        "contentsharingsessions" => {
            segments.next();
            return end(segments, Resource::NotYet(GET));
        }
        other if CALL_ACTIONS_NOT_YET.contains(&other) => {
            return end(segments, Resource::NotYet(POST));
        }
        _ => return Err(NoSuchPath::Segment(part.to_owned())),
    };
    end(segments, Resource::Action(leg, action))
}

fn beside(found: Result<workplace::Resource, String>) -> Result<Resource, NoSuchPath> {
    found.map(Resource::Beside).map_err(NoSuchPath::Segment)
}

fn below_operations(
    leg: Option<LegId>,
    segments: &mut dyn Iterator<Item = &str>,
) -> Result<Resource, NoSuchPath> {
    match segments.next() {
        None => Ok(Resource::Operations(leg)),
        Some("$count") => Ok(Resource::Nothing),
        Some(id) => end(segments, Resource::Operation(leg, id.parse().ok())),
    }
}

fn below_participants(
    leg: Option<LegId>,
    segments: &mut dyn Iterator<Item = &str>,
) -> Result<Resource, NoSuchPath> {
    let Some(first) = segments.next() else {
        return Ok(Resource::Participants(leg));
    };
    let name = lower(first);
    let bare = name.strip_prefix("microsoft.graph.").unwrap_or(&name);
    if bare == "$count" {
        return Ok(Resource::Nothing);
    }
    if ROSTER_ACTIONS_NOT_YET.contains(&bare) {
        return end(segments, Resource::NotYet(POST));
    }
    let Some(part) = segments.next() else {
        return Ok(Resource::Participant(leg));
    };
    let name = lower(part);
    let bare = name.strip_prefix("microsoft.graph.").unwrap_or(&name);
    if PARTY_ACTIONS_NOT_YET.contains(&bare) {
        return end(segments, Resource::NotYet(POST));
    }
    Err(NoSuchPath::Segment(part.to_owned()))
}

/// The resource, if the path ends here.
fn end(
    segments: &mut dyn Iterator<Item = &str>,
    resource: Resource,
) -> Result<Resource, NoSuchPath> {
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
    fn what_is_published_is_known() {
        for path in [
            "/v1.0/communications/calls",
            "/v1.0/communications/calls/x/redirect",
            "/v1.0/communications/calls/x/participants/invite",
            "/v1.0/communications/calls/x/participants/y/microsoft.graph.mute",
            "/v1.0/communications/calls/x/audioRoutingGroups/1",
            "/v1.0/me/onlineMeetings",
            "/v1.0/chats/19%3Ameeting_x%40thread.v2/installedApps",
        ] {
            assert!(matches!(find(path), Ok((_, Resource::NotYet(_)))), "{path}");
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
