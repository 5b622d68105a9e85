//! Bodies of requests to the calls API. The first octet says which route the rest is sent to.

#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use offhook_wire::graph::{
    AnswerRequest, Call, ContextRequest, Operation, PlayPromptRequest, RecordResponseRequest,
    RejectRequest,
};
use offhook_wire::journal::Entry;
use serde::Serialize;
use serde::de::DeserializeOwned;

fuzz_target!(|bytes: &[u8]| {
    let Some((route, body)) = bytes.split_first() else {
        return;
    };
    match route % 8 {
        0 => same_again::<AnswerRequest>(body),
        1 => same_again::<RejectRequest>(body),
        2 => same_again::<PlayPromptRequest>(body),
        3 => same_again::<RecordResponseRequest>(body),
        4 => same_again::<ContextRequest>(body),
        5 => same_again::<Call>(body),
        6 => same_again::<Operation>(body),
        _ => {
            let _ = serde_json::from_slice::<Entry>(body);
        }
    }
});

/// What was understood once is understood the same when we write it ourselves.
fn same_again<T: DeserializeOwned + Serialize + PartialEq + Debug>(body: &[u8]) {
    let Ok(understood) = serde_json::from_slice::<T>(body) else {
        return;
    };
    let written = serde_json::to_string(&understood).expect("what was read can be written");
    let again = serde_json::from_str::<T>(&written).expect("what we write can be read");
    assert_eq!(understood, again, "{written}");
}
