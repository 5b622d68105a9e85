//! Any JSON: read or refused, never a panic, and what is read prints and reads again.

use offhook_wire::graph::{
    AnswerRequest, Call, ErrorEnvelope, Notifications, OnlineMeeting, Operation, PlayPromptRequest,
    RecordResponseRequest, User,
};
use offhook_wire::journal::Entry;
use offhook_wire::openid::{JsonWebKeySet, OpenIdMetadata};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Names and words of the protocol mixed with noise, so that the branches are reached.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z@.#/\"\\\\]{0,8}",
        prop::sample::select(vec![
            "@odata.type",
            "#microsoft.graph.call",
            "#microsoft.graph.recordOperation",
            "#microsoft.graph.serviceHostedMediaConfig",
            "value",
            "resourceData",
            "resourceUrl",
            "state",
            "established",
            "source",
            "identity",
            "user",
            "id",
            "mediaConfig",
            "blob",
            "preFetchMedia",
            "prompts",
            "mediaInfo",
            "uri",
            "toneInfo",
            "tone",
            "sequenceId",
            "resultInfo",
            "code",
            "subcode",
            "status",
            "info",
            "kind",
            "incoming",
            "keys",
            "v",
            "seq",
            "at",
            "call",
            "leg",
            "error",
            "phone",
            "targets",
        ])
        .prop_map(str::to_owned),
    ]
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 48, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((word(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn stable<T: DeserializeOwned + Serialize>(value: &Value) -> Result<(), TestCaseError> {
    let Ok(read) = serde_json::from_value::<T>(value.clone()) else {
        return Ok(());
    };
    let once = serde_json::to_value(&read).expect("what was read can be printed");
    let again: T = serde_json::from_value(once.clone()).expect("what we print can be read");
    let twice = serde_json::to_value(&again).expect("what was read can be printed");
    prop_assert_eq!(once, twice);
    Ok(())
}

proptest! {
    #[test]
    fn any_json_is_read_or_refused(value in json()) {
        stable::<Notifications>(&value)?;
        stable::<Call>(&value)?;
        stable::<OnlineMeeting>(&value)?;
        stable::<User>(&value)?;
        stable::<Operation>(&value)?;
        stable::<AnswerRequest>(&value)?;
        stable::<PlayPromptRequest>(&value)?;
        stable::<RecordResponseRequest>(&value)?;
        stable::<ErrorEnvelope>(&value)?;
        stable::<OpenIdMetadata>(&value)?;
        stable::<JsonWebKeySet>(&value)?;
        stable::<Entry>(&value)?;
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        let _ = serde_json::from_str::<Notifications>(&text);
        let _ = offhook_wire::graph::tag::same(&text, "#microsoft.graph.call");
    }
}
