//! A delivery's bytes, read with as much patience as the real ones need.

use std::borrow::Cow;

use offhook_wire::graph::{Notification, Notifications};
use serde_json::Value;

/// The notifications of a delivery, `None` if it is no delivery. A notification that cannot be
/// read is left out: the others in the same delivery are not to blame.
pub(super) fn notifications(body: &[u8], content_type: Option<&str>) -> Option<Vec<Notification>> {
    let text = text(body, content_type)?;
    // serde would read a bare array as the envelope's fields in order.
    if !text.trim_start().starts_with('{') {
        return None;
    }
    if let Ok(batch) = serde_json::from_str::<Notifications>(&text) {
        return Some(batch.value);
    }
    let mut envelope: Value = serde_json::from_str(&text).ok()?;
    let Value::Array(each) = envelope.get_mut("value")?.take() else {
        return None;
    };
    let readable = each.into_iter().filter_map(|one| {
        serde_json::from_value(one)
            .inspect_err(|_| tracing::warn!("a notification could not be read"))
            .ok()
    });
    Some(readable.collect())
}

/// JSON is UTF-8, whatever the header says; only what is not UTF-8 is read as the header says.
fn text<'a>(body: &'a [u8], content_type: Option<&str>) -> Option<Cow<'a, str>> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if let Ok(text) = std::str::from_utf8(body) {
        return Some(Cow::Borrowed(text));
    }
    let charset = content_type?
        .to_ascii_lowercase()
        .split(';')
        .find_map(|part| part.trim().strip_prefix("charset=").map(str::to_owned))?;
    match charset.trim_matches('"') {
        "windows-1252" | "iso-8859-1" | "latin1" => Some(Cow::Owned(
            body.iter().map(|byte| windows_1252(*byte)).collect(),
        )),
        _ => None,
    }
}

/// One byte of the Windows code page for Western Europe: Latin 1, but for 0x80 to 0x9f.
fn windows_1252(byte: u8) -> char {
    const FROM_80: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž',
        '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}',
        'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => FROM_80[usize::from(byte - 0x80)],
        other => char::from(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_western_code_page_is_read_when_it_is_one() {
        let body = b"{\"value\":[{\"resourceUrl\":\"/calls/1\",\"note\":\"Zo\xeb \x80\"}]}";
        let read = notifications(body, Some("application/json; charset=Windows-1252"));
        let note = read.expect("it can be read")[0].extra.get("note").cloned();
        assert_eq!(note, Some(Value::from("Zoë €")));
        assert_eq!(notifications(body, Some("application/json")), None);
        // The header is often wrong: what is UTF-8 is read as UTF-8.
        let utf8 = "{\"value\":[{\"note\":\"Zoë\"}]}".as_bytes();
        let read = notifications(utf8, Some("application/json;charset=windows-1252"));
        let note = read.expect("it can be read")[0].extra.get("note").cloned();
        assert_eq!(note, Some(Value::from("Zoë")));
    }

    #[test]
    fn one_odd_notification_does_not_take_the_others_with_it() {
        let body = br#"{"value":[{"resourceUrl":7},{"resourceUrl":"/calls/1"}]}"#;
        let read = notifications(body, None).expect("it can be read");
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].resource_url.as_deref(), Some("/calls/1"));
    }

    #[test]
    fn what_is_no_delivery_is_refused() {
        for body in ["", "[]", "7", "{\"value\":7}", "{", "\u{0}"] {
            assert_eq!(notifications(body.as_bytes(), None), None, "{body}");
        }
    }
}
