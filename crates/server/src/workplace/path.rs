//! Which resource beside the calls a path means. Segments come unescaped, one by one; what is
//! fixed in them is matched in any case.

use http::Method;
use offhook_terms::CallId;

/// What a path means. What names somebody or something is looked up later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resource {
    People,
    PeopleCount,
    Person(String),
    /// The meetings of one person.
    MeetingsOf(String),
    /// The same, by what a bot calls one of them.
    CreateOrGet(String),
    /// One of them.
    MeetingOf(String, String),
    /// Meetings, whoever holds them.
    Meetings,
    /// One of them.
    Meeting(String),
    CallRecords,
    CallRecord(Option<CallId>),
    /// The sessions of a call record.
    Sessions(Option<CallId>),
    /// Where devices tell how well they heard.
    DeviceQuality,
    /// Published, but not served.
    NotYet(&'static [Method]),
}

const GET: &[Method] = &[Method::GET];
const POST: &[Method] = &[Method::POST];
const ANY: &[Method] = &[
    Method::GET,
    Method::POST,
    Method::PATCH,
    Method::PUT,
    Method::DELETE,
];

/// What hangs below a person elsewhere, as far as calling bots ask for it.
const OF_A_PERSON_NOT_YET: [&str; 14] = [
    "chats",
    "teamwork",
    "joinedteams",
    "presence",
    "photo",
    "photos",
    "manager",
    "directreports",
    "memberof",
    "calendar",
    "events",
    "messages",
    "sendmail",
    "mailfolders",
];

/// What hangs below a meeting elsewhere.
const OF_A_MEETING_NOT_YET: [&str; 8] = [
    "attendancereports",
    "meetingattendancereport",
    "attendeereport",
    "transcripts",
    "recordings",
    "registration",
    "sendvirtualappointmentremindersms",
    "getvirtualappointmentjoinweburl",
];

impl Resource {
    /// The methods it takes.
    pub(crate) fn methods(&self) -> &'static [Method] {
        match self {
            Self::People
            | Self::PeopleCount
            | Self::Person(_)
            | Self::Meetings
            | Self::Meeting(_)
            | Self::CallRecord(_)
            | Self::Sessions(_) => GET,
            Self::MeetingsOf(_) => &[Method::GET, Method::POST],
            Self::MeetingOf(..) => &[Method::GET, Method::PATCH, Method::DELETE],
            Self::CreateOrGet(_) | Self::DeviceQuality => POST,
            Self::CallRecords => &[],
            Self::NotYet(methods) => methods,
        }
    }
}

/// Below `/users`; or the segment that means nothing.
pub(crate) fn below_users(segments: &mut dyn Iterator<Item = &str>) -> Result<Resource, String> {
    let Some(who) = segments.next() else {
        return Ok(Resource::People);
    };
    if who.eq_ignore_ascii_case("$count") {
        return end(segments, Resource::PeopleCount);
    }
    let who = who.to_owned();
    let Some(part) = segments.next() else {
        return Ok(Resource::Person(who));
    };
    match part.to_ascii_lowercase().as_str() {
        "onlinemeetings" => {}
        // What is below these is nobody's business here.
        other if OF_A_PERSON_NOT_YET.contains(&other) => return Ok(Resource::NotYet(ANY)),
        _ => return Err(part.to_owned()),
    }
    let Some(meeting) = segments.next() else {
        return Ok(Resource::MeetingsOf(who));
    };
    match bare(meeting).as_str() {
        "createorget" => return end(segments, Resource::CreateOrGet(who)),
        "$count" => return end(segments, Resource::NotYet(&[])),
        _ => {}
    }
    let meeting = meeting.to_owned();
    below_a_meeting(segments, Resource::MeetingOf(who, meeting))
}

/// Below `/communications/onlineMeetings`.
pub(crate) fn below_meetings(segments: &mut dyn Iterator<Item = &str>) -> Result<Resource, String> {
    let Some(meeting) = segments.next() else {
        return Ok(Resource::Meetings);
    };
    let meeting = meeting.to_owned();
    below_a_meeting(segments, Resource::Meeting(meeting))
}

fn below_a_meeting(
    segments: &mut dyn Iterator<Item = &str>,
    meeting: Resource,
) -> Result<Resource, String> {
    match segments.next() {
        None => Ok(meeting),
        Some(part) if OF_A_MEETING_NOT_YET.contains(&bare(part).as_str()) => {
            Ok(Resource::NotYet(ANY))
        }
        Some(part) => Err(part.to_owned()),
    }
}

/// Below `/communications/callRecords`.
pub(crate) fn below_records(segments: &mut dyn Iterator<Item = &str>) -> Result<Resource, String> {
    let Some(id) = segments.next() else {
        return Ok(Resource::CallRecords);
    };
    if matches!(
        bare(id).as_str(),
        "callrecords.getpstncalls" | "callrecords.getdirectroutingcalls"
    ) {
        return Ok(Resource::NotYet(GET));
    }
    let call = id.parse().ok();
    match segments.next() {
        None => Ok(Resource::CallRecord(call)),
        Some(part) if part.eq_ignore_ascii_case("sessions") => match segments.next() {
            None => Ok(Resource::Sessions(call)),
            Some(_) => Ok(Resource::NotYet(GET)),
        },
        Some(part) if matches!(bare(part).as_str(), "participants_v2" | "organizer_v2") => {
            Ok(Resource::NotYet(GET))
        }
        Some(part) => Err(part.to_owned()),
    }
}

/// In small letters, and without the namespace that some clients write before actions.
fn bare(segment: &str) -> String {
    let small = segment.to_ascii_lowercase();
    match small.strip_prefix("microsoft.graph.") {
        Some(bare) => bare.to_owned(),
        None => small,
    }
}

fn end(segments: &mut dyn Iterator<Item = &str>, resource: Resource) -> Result<Resource, String> {
    match segments.next() {
        None => Ok(resource),
        Some(more) => Err(more.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(path: &str) -> Result<Resource, String> {
        below_users(&mut path.split('/').filter(|part| !part.is_empty()))
    }

    fn records(path: &str) -> Result<Resource, String> {
        below_records(&mut path.split('/').filter(|part| !part.is_empty()))
    }

    #[test]
    fn people_and_their_meetings_have_paths() {
        let ada = || "ada@example.org".to_owned();
        for (path, resource) in [
            ("", Resource::People),
            ("$count", Resource::PeopleCount),
            ("ada@example.org", Resource::Person(ada())),
            (
                "ada@example.org/onlineMeetings",
                Resource::MeetingsOf(ada()),
            ),
            (
                "ada@example.org/ONLINEMEETINGS/CreateOrGet",
                Resource::CreateOrGet(ada()),
            ),
            (
                "ada@example.org/onlineMeetings/microsoft.graph.createOrGet",
                Resource::CreateOrGet(ada()),
            ),
            (
                "ada@example.org/onlineMeetings/MSox",
                Resource::MeetingOf(ada(), "MSox".to_owned()),
            ),
            (
                "ada@example.org/onlineMeetings/MSox/transcripts/1",
                Resource::NotYet(ANY),
            ),
            ("ada@example.org/chats/19:x/messages", Resource::NotYet(ANY)),
        ] {
            assert_eq!(users(path), Ok(resource), "{path}");
        }
        for (path, segment) in [
            ("$count/x", "x"),
            ("ada/shoes", "shoes"),
            ("ada/onlineMeetings/MSox/shoes", "shoes"),
            ("ada/onlineMeetings/createOrGet/x", "x"),
        ] {
            assert_eq!(users(path), Err(segment.to_owned()), "{path}");
        }
    }

    #[test]
    fn call_records_have_paths() {
        let id = "57dab8b1-894c-409a-b240-bd8beae78896";
        let call = id.parse().ok();
        for (path, resource) in [
            (String::new(), Resource::CallRecords),
            (id.to_owned(), Resource::CallRecord(call)),
            (id.to_uppercase(), Resource::CallRecord(call)),
            ("nonsense".to_owned(), Resource::CallRecord(None)),
            (format!("{id}/sessions"), Resource::Sessions(call)),
            (format!("{id}/sessions/x/segments"), Resource::NotYet(GET)),
        ] {
            assert_eq!(records(&path), Ok(resource), "{path}");
        }
        assert_eq!(records(&format!("{id}/shoes")), Err("shoes".to_owned()));
    }
}
