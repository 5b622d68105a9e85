//! Property names in any case, made the documented ones.
//!
//! The documentation has `clientContext`, older clients write `ClientContext`; both mean the same.

use serde_json::{Map, Value};

/// Every property that a body of this API may have.
const KNOWN: &[&str] = &[
    "@odata.type",
    "acceptedModalities",
    "allowConversationWithoutHost",
    "application",
    "applicationInstance",
    "assertedIdentity",
    "azureCommunicationServicesUser",
    "bargeInAllowed",
    "blob",
    "callbackUri",
    "callChainId",
    "callOptions",
    "chatInfo",
    "clientContext",
    "countryCode",
    "customPrompt",
    "delayBetweenTonesMs",
    "device",
    "direction",
    "displayName",
    "encrypted",
    "endpointType",
    "guest",
    "hidden",
    "hideBotAfterEscalation",
    "id",
    "identity",
    "identityProvider",
    "initialSilenceTimeoutInSeconds",
    "isContentSharingNotificationEnabled",
    "isDeltaRosterEnabled",
    "isInteractiveRosterEnabled",
    "joinMeetingId",
    "languageId",
    "loop",
    "maskCallee",
    "maskCaller",
    "maxRecordDurationInSeconds",
    "maxSilenceTimeoutInSeconds",
    "mediaConfig",
    "mediaInfo",
    "meetingInfo",
    "messageId",
    "onPremises",
    "organizer",
    "participantCapacity",
    "participantId",
    "participants",
    "passcode",
    "phone",
    "playBeep",
    "preFetchMedia",
    "prompts",
    "reason",
    "receivers",
    "region",
    "removeFromDefaultAudioGroup",
    "removeFromDefaultAudioRoutingGroup",
    "replacesCallId",
    "replyChainMessageId",
    "requestedModalities",
    "resourceId",
    "ringingTimeoutInSeconds",
    "role",
    "routingMode",
    "routingPolicies",
    "source",
    "sources",
    "status",
    "stopTones",
    "streamWhileRecording",
    "subject",
    "targetDisposition",
    "targets",
    "tenantId",
    "threadId",
    "timeout",
    "token",
    "tone",
    "tones",
    "transferTarget",
    "transferee",
    "uri",
    "user",
];

/// Renames what is known by another case. A name that is there as documented wins.
pub(super) fn as_documented(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(as_documented),
        Value::Object(fields) => {
            rename(fields);
            fields.values_mut().for_each(as_documented);
        }
        _ => {}
    }
}

fn rename(fields: &mut Map<String, Value>) {
    let other_case = |name: &String| {
        let known = KNOWN
            .iter()
            .find(|known| known.eq_ignore_ascii_case(name))?;
        (known != name).then(|| (name.clone(), (*known).to_owned()))
    };
    let wrong: Vec<_> = fields.keys().filter_map(other_case).collect();
    for (name, known) in wrong {
        if let Some(value) = fields.remove(&name) {
            fields.entry(known).or_insert(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_read_in_any_case_and_the_documented_one_wins() {
        let mut body = json!({"ClientContext": 1, "Targets": [{"Identity": {"USER": {"Id": "x"}}}],
            "subject": "a", "Subject": "b", "Own": {"ID": 1}});
        as_documented(&mut body);
        assert_eq!(
            body,
            json!({"clientContext": 1, "targets": [{"identity": {"user": {"id": "x"}}}],
                "subject": "a", "Own": {"id": 1}})
        );
    }

    #[test]
    fn names_are_listed_once() {
        for (at, name) in KNOWN.iter().enumerate() {
            let mut others = KNOWN[at + 1..].iter();
            assert!(
                others.all(|other| !other.eq_ignore_ascii_case(name)),
                "{name}"
            );
        }
    }
}
