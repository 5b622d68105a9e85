//! The link that opens a meeting. Bots take it apart: thread, message, tenant (`Tid`) and organizer
//! (`Oid`) are all in it.
//!
//! ```text
//!   https://teams.microsoft.com/l/meetup-join/19%3ameeting_…%40thread.v2/0?context=%7b%22Tid%22%3a%22…%22%2c%22Oid%22%3a%22…%22%7d
//! ```

use offhook_terms::MeetingId;
use offhook_workplace::{JoinNumber, Meeting, thread_owner};
use url::Url;

/// How often a link may have been escaped on its way here; clients do it once too often.
const ESCAPED_TIMES_MAX: usize = 4;

/// The link of a meeting.
pub(super) fn written(meeting: &Meeting, start: &Url) -> String {
    let context = format!(
        r#"{{"Tid":"{}","Oid":"{}"}}"#,
        meeting.tenant, meeting.organizer
    );
    format!(
        "{}/l/meetup-join/{}/0?context={}",
        start.as_str().trim_end_matches('/'),
        escaped(&meeting.thread_id()),
        escaped(&context)
    )
}

/// Which meeting a link leads to. However it is escaped, and wherever it seems to lead: what names
/// the meeting is the thread in it, or in the newer short form the number.
pub(super) fn read(link: &str) -> Option<Linked> {
    let mut link = link.trim().to_owned();
    for _ in 0..ESCAPED_TIMES_MAX {
        let plain = percent_decoded(&link);
        if plain == link {
            break;
        }
        link = plain;
    }
    let (_, path) = link.split_once("://")?;
    let path = path.split(['?', '#']).next()?;
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    segments.next()?;
    match segments.next()?.to_ascii_lowercase().as_str() {
        "l" if segments.next()?.eq_ignore_ascii_case("meetup-join") => {
            thread_owner(segments.next()?).map(Linked::Meeting)
        }
        "meet" => Some(Linked::Number(segments.next()?.parse().ok()?)),
        _ => None,
    }
}

/// What a link names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Linked {
    Meeting(MeetingId),
    Number(JoinNumber),
}

/// With everything escaped that is not `unreserved` (RFC 3986 §2.3), in small letters as the
/// published links are.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(byte.into());
            }
            _ => escaped.push_str(&format!("%{byte:02x}")),
        }
    }
    escaped
}

fn percent_decoded(text: &str) -> String {
    // A plus is a plus: only forms make a space of it.
    let form = text.replace('+', "%2B");
    let form = format!("x={}", form.replace('&', "%26"));
    let mut pairs = url::form_urlencoded::parse(form.as_bytes());
    pairs
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LINK: &str = "https://teams.microsoft.com/l/meetup-join/19%3ameeting_MGQxM2ZkMDktY2U2Ny00OGM0LWI2NWItNDk1YjQ0MzM4YzZm%40thread.v2/0?context=%7b%22Tid%22%3a%22a%22%2c%22Oid%22%3a%22b%22%7d";

    fn meeting() -> Option<Linked> {
        let id = "0d13fd09-ce67-48c4-b65b-495b44338c6f".parse().ok()?;
        Some(Linked::Meeting(id))
    }

    #[test]
    fn one_link_has_many_spellings() {
        let plain = "https://teams.microsoft.com/l/meetup-join/19:meeting_MGQxM2ZkMDktY2U2Ny00OGM0LWI2NWItNDk1YjQ0MzM4YzZm@thread.v2/0?context={\"Tid\":\"a\",\"Oid\":\"b\"}";
        for link in [
            LINK.to_owned(),
            LINK.replace("%3a", "%3A").replace("%40", "@"),
            // Escaped once more, whole or only its percent signs.
            LINK.replace('%', "%25"),
            escaped(LINK),
            plain.to_owned(),
            LINK.replace("teams.microsoft.com", "calls.example.org"),
            LINK.split('?').next().expect("a path").to_owned(),
        ] {
            assert_eq!(read(&link), meeting(), "{link}");
        }
    }

    #[test]
    fn the_short_form_names_the_number() {
        let number = "412908335716".parse().expect("a number");
        assert_eq!(
            read("https://teams.microsoft.com/meet/412908335716?p=abc"),
            Some(Linked::Number(number))
        );
    }

    #[test]
    fn other_links_lead_nowhere() {
        for link in [
            "",
            "x",
            "https://",
            "https://teams.microsoft.com",
            "https://teams.microsoft.com/l/meetup-join/",
            "https://teams.microsoft.com/l/channel/19%3ax%40thread.v2/0",
            "https://teams.microsoft.com/l/meetup-join/19%3ax%40thread.v2/0",
            "https://teams.microsoft.com/meet/1",
        ] {
            assert_eq!(read(link), None, "{link}");
        }
    }

    proptest! {
        #[test]
        fn no_link_breaks_it(link in "(https://)?[a-z0-9/%:@?&=+ü.]{0,60}") {
            let _ = read(&link);
        }
    }
}
