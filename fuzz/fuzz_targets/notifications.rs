//! What a bot is sent: anybody can post to its webhook.

#![no_main]

use libfuzzer_sys::fuzz_target;
use offhook_wire::graph::Notifications;

fuzz_target!(|bytes: &[u8]| {
    let Ok(understood) = serde_json::from_slice::<Notifications>(bytes) else {
        return;
    };
    let written = serde_json::to_string(&understood).expect("what was read can be written");
    let again: Notifications = serde_json::from_str(&written).expect("what we write can be read");
    assert_eq!(understood.value.len(), again.value.len(), "{written}");
});
