//! Published JSON: parsed, printed and compared.
//!
//! A fixture is named `{type}.{case}.json`. It prints as itself, or as `{type}.{case}.printed.json`
//! where reading is more tolerant than writing.

use std::fs;
use std::path::{Path, PathBuf};

use offhook_wire::graph::{
    AnswerRequest, Call, ErrorEnvelope, Notifications, OnlineMeeting, PlayPromptRequest,
    RecordResponseRequest, RejectRequest, User,
};
use offhook_wire::journal::Entry;
use offhook_wire::oauth::{OAuthError, TokenResponse};
use offhook_wire::openid::{JsonWebKeySet, OpenIdMetadata};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn through<T: DeserializeOwned + Serialize>(text: &str) -> Value {
    let read: T = serde_json::from_str(text).expect("a fixture can be read");
    serde_json::to_value(&read).expect("what was read can be printed")
}

fn through_full_call(text: &str) -> Value {
    let call: Call = serde_json::from_str(text).expect("a fixture can be read");
    serde_json::to_value(offhook_wire::graph::FullCall(&call)).expect("a call can be printed")
}

fn printed(kind: &str, text: &str) -> Value {
    match kind {
        "notifications" => through::<Notifications>(text),
        "call" => through_full_call(text),
        "online_meeting" => through::<OnlineMeeting>(text),
        "user" => through::<User>(text),
        "answer" => through::<AnswerRequest>(text),
        "reject" => through::<RejectRequest>(text),
        "play_prompt" => through::<PlayPromptRequest>(text),
        "record_response" => through::<RecordResponseRequest>(text),
        "error" => through::<ErrorEnvelope>(text),
        "token" => through::<TokenResponse>(text),
        "oauth_error" => through::<OAuthError>(text),
        "openid" => through::<OpenIdMetadata>(text),
        "key_set" => through::<JsonWebKeySet>(text),
        "journal" => through::<Vec<Entry>>(text),
        other => panic!("no type for fixtures named {other}"),
    }
}

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut all: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the fixtures are there")
        .map(|entry| entry.expect("the folder can be read").path())
        .collect();
    all.sort();
    all
}

#[test]
fn fixtures_print_as_they_should() {
    for path in fixtures() {
        let name = path.file_name().expect("a file has a name");
        let name = name.to_str().expect("our names are plain");
        if name.ends_with(".printed.json") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a fixture can be read");
        let expected = path.with_extension("").with_extension(format!(
            "{}.printed.json",
            name.split('.').nth(1).expect("a fixture has a case")
        ));
        let expected = fs::read_to_string(expected).unwrap_or_else(|_| text.clone());
        let expected: Value = serde_json::from_str(&expected).expect("a fixture is JSON");
        let kind = name.split('.').next().expect("a fixture has a type");
        assert_eq!(printed(kind, &text), expected, "{name}");
    }
}

#[test]
fn responses_say_null_where_nothing_is() {
    use offhook_wire::graph::{FullOperation, Operation, OperationKind, OperationStatus};
    let mut record = Operation::new(OperationKind::Record, "5b1e", OperationStatus::Running);
    record.client_context = Some("vm-7".into());
    assert_eq!(
        serde_json::to_value(FullOperation(&record)).expect("an operation can be printed"),
        json!({"@odata.type": "#microsoft.graph.recordOperation", "id": "5b1e", "status": "running",
            "clientContext": "vm-7", "completionReason": null, "resultInfo": null,
            "recordingLocation": null, "recordingAccessToken": null})
    );
    let play = Operation::new(OperationKind::PlayPrompt, "5b1f", OperationStatus::Running);
    assert_eq!(
        serde_json::to_value(FullOperation(&play)).expect("an operation can be printed"),
        json!({"@odata.type": "#microsoft.graph.playPromptOperation", "id": "5b1f",
            "status": "running", "clientContext": null})
    );
}

#[test]
fn what_is_private_does_not_show_when_printed_for_people() {
    for path in fixtures() {
        let text = fs::read_to_string(&path).expect("a fixture can be read");
        let Ok(read) = serde_json::from_str::<Notifications>(&text) else {
            continue;
        };
        let shown = format!("{read:?}");
        for private in ["Ada", "+14255550100", "a-token", "tone5", "Tone5", "x.wav"] {
            assert!(!shown.contains(private), "{private} in {shown}");
        }
    }
}

#[test]
fn an_unknown_kind_of_event_is_readable() {
    let line = r#"{"v":2,"call":"a","leg":"b","seq":1,"at":0,"kind":"somethingNew","with":1}"#;
    let entry: Entry = serde_json::from_str(line).expect("a newer entry can be read");
    assert_eq!(entry.fact, offhook_wire::journal::Fact::Unknown);
}

#[test]
fn etags_are_numbers_in_quotes() {
    let with = |etag: &str| Call {
        odata_etag: Some(etag.into()),
        ..Call::default()
    };
    assert_eq!(with("W/\"5445\"").etag_number(), Some(5445));
    assert_eq!(with("\"17\"").etag_number(), Some(17));
    assert_eq!(with("W/\"abc\"").etag_number(), None);
    assert_eq!(Call::default().etag_number(), None);
}
