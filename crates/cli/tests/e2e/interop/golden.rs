//! What a bot was told in a scenario, beside what is written down: `interop/graph/golden/`.
//!
//! What differs from run to run becomes a name in braces: ids, addresses, times, tokens. Event
//! numbers must run from 1 without a gap, and are then left out. Calls stand one after the other,
//! each with its notifications in order, because between calls there is none.
//!
//! `OFFHOOK_INTEROP_WRITE=1` writes down what is told now.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Map, Value};

use super::scripts;

/// Compares what `ask` holds: the `scenario`, its `told` notifications, and `names` of ids.
pub(super) fn compare(ask: &Value, ready: &Value, webhook: &str) -> Result<(), String> {
    let scenario = ask["scenario"].as_str().ok_or("no `scenario`")?;
    let told = ask["told"].as_array().ok_or("nothing `told`")?;
    let mut names = Names::of(ready, webhook);
    for (id, name) in ask["names"].as_object().into_iter().flatten() {
        let name = name.as_str().ok_or("a name is text")?;
        names.known.push((id.clone(), format!("{{{name}}}")));
    }
    let mut calls: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for notification in told {
        let call = names.in_text(&call_of(notification)?);
        calls.entry(call).or_default().push(notification.clone());
    }
    let mut written = Map::new();
    for (call, told) in calls {
        numbered_without_a_gap(&told).map_err(|why| format!("{call}: {why}"))?;
        let told = told.iter().map(|one| names.in_value("", one)).collect();
        written.insert(call, Value::Array(told));
    }
    let written = format!("{:#}\n", Value::Object(written));
    let file = scripts().join("golden").join(format!("{scenario}.json"));
    if std::env::var_os("OFFHOOK_INTEROP_WRITE").is_some() {
        return fs::write(&file, &written).map_err(|error| error.to_string());
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    if expected == written {
        return Ok(());
    }
    Err(format!(
        "not what golden/{scenario}.json has:\n{}",
        difference(&expected, &written)
    ))
}

/// The call a notification is of: what stands after `calls` in its path.
fn call_of(notification: &Value) -> Result<String, String> {
    let path = notification["resourceUrl"].as_str().unwrap_or_default();
    let mut parts = path.split('/').skip_while(|part| *part != "calls").skip(1);
    let call = parts.next();
    call.map(str::to_owned)
        .ok_or_else(|| format!("of no call: {notification}"))
}

/// Each notification has a number; a roster, which is a list, does not show its own. That a callee
/// rings has one too, and is told to those only who made the call through `beta`.
fn numbered_without_a_gap(told: &[Value]) -> Result<(), String> {
    let mut due = 1;
    for one in told {
        let resource = &one["resourceData"];
        match resource["@odata.etag"].as_str() {
            None if resource.is_array() => {}
            Some(shown) if shown == format!("W/\"{due}\"") => {}
            Some("W/\"3\"") if due == 2 && told[0]["resourceData"]["state"] == "establishing" => {
                due = 3;
            }
            _ => return Err(format!("number {due} was due: {one}")),
        }
        due += 1;
    }
    Ok(())
}

/// What stands for a value that is another one in every run.
struct Names {
    known: Vec<(String, String)>,
    seen: Vec<String>,
}

impl Names {
    fn of(ready: &Value, webhook: &str) -> Self {
        let mut known = Vec::new();
        let mut name = |value: &Value, name: &str| {
            if let Some(value) = value.as_str() {
                known.push((value.to_owned(), format!("{{{}}}", name.to_lowercase())));
            }
        };
        for one in ready["people"].as_array().into_iter().flatten() {
            name(&one["id"], one["name"].as_str().unwrap_or_default());
        }
        for one in ready["bots"].as_array().into_iter().flatten() {
            name(&one["app_id"], one["name"].as_str().unwrap_or_default());
            name(&one["tenant"], "tenant");
        }
        name(&ready["http"], "platform");
        name(&ready["https"], "platform");
        name(&Value::String(webhook.to_owned()), "webhook");
        Self {
            known,
            seen: Vec::new(),
        }
    }

    fn in_value(&mut self, field: &str, value: &Value) -> Value {
        match value {
            Value::Object(fields) => Value::Object(
                // By name, so that the file is the same whatever order they are kept in.
                fields
                    .iter()
                    .collect::<BTreeMap<_, _>>()
                    .into_iter()
                    .map(|(name, value)| (name.clone(), self.in_value(name, value)))
                    .collect(),
            ),
            Value::Array(values) => values
                .iter()
                .map(|value| self.in_value(field, value))
                .collect(),
            Value::String(text) => Value::String(match field {
                "@odata.etag" => "{number}".to_owned(),
                "recordingAccessToken" if !text.is_empty() => "{token}".to_owned(),
                "sourceId" => self.numbered(text),
                _ if is_time(text) => "{time}".to_owned(),
                _ => self.in_text(text),
            }),
            other => other.clone(),
        }
    }

    /// What stands for an id nobody has a name for: its place among those that came.
    fn numbered(&mut self, id: &str) -> String {
        let number = match self.seen.iter().position(|seen| *seen == id) {
            Some(number) => number + 1,
            None => {
                self.seen.push(id.to_owned());
                self.seen.len()
            }
        };
        format!("{{id {number}}}")
    }

    /// A text with every id and address in it replaced by its name.
    fn in_text(&mut self, text: &str) -> String {
        let mut named = text.to_owned();
        for (value, name) in &self.known {
            named = replaced(&named, value, name);
        }
        while let Some(at) =
            (0..named.len()).find(|at| is_id(named.get(*at..*at + ID).unwrap_or_default()))
        {
            let id = named[at..at + ID].to_owned();
            named.replace_range(at..at + ID, &self.numbered(&id));
        }
        named
    }
}

/// `text` with a name for every such value, but not where it only begins a longer one: an address
/// with port 4000 is none with port 40001.
fn replaced(text: &str, value: &str, name: &str) -> String {
    let mut parts = text.split(value);
    let mut named = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let longer = part.starts_with(|next: char| next.is_ascii_alphanumeric());
        named.push_str(if longer { value } else { name });
        named.push_str(part);
    }
    named
}

/// How long a GUID is with its dashes.
const ID: usize = 36;

fn is_id(text: &str) -> bool {
    text.len() == ID
        && text.bytes().enumerate().all(|(at, octet)| match at {
            8 | 13 | 18 | 23 => octet == b'-',
            _ => octet.is_ascii_hexdigit(),
        })
}

/// As in `2026-01-31T12:00:00.5Z`.
fn is_time(text: &str) -> bool {
    text.len() >= 19
        && text
            .bytes()
            .take(19)
            .enumerate()
            .all(|(at, octet)| match at {
                4 | 7 => octet == b'-',
                10 => octet == b'T',
                13 | 16 => octet == b':',
                _ => octet.is_ascii_digit(),
            })
}

/// The lines that are in one only, around the first of them.
fn difference(expected: &str, written: &str) -> String {
    let (expected, written): (Vec<&str>, Vec<&str>) =
        (expected.lines().collect(), written.lines().collect());
    let same = expected
        .iter()
        .zip(&written)
        .take_while(|(expected, written)| expected == written)
        .count();
    let around = |lines: &[&str]| {
        let from = same.saturating_sub(12);
        lines[from.min(lines.len())..(same + 25).min(lines.len())].join("\n")
    };
    format!(
        "--- written down, around line {}\n{}\n--- told\n{}",
        same + 1,
        around(&expected),
        around(&written)
    )
}
