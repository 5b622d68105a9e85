//! One call as its notifications tell it: pieces, repeated and out of order, put together.
//!
//! Each notification is a part of the call with a number (the etag) that grows with every change.
//! A newer part overrides what is known; an older part only fills what nothing newer has said. So
//! `establishing` that comes after `established` changes nothing, and is not told.

use offhook_wire::graph::{
    Call, CallState, ChangeType, MediaState, Notification, OperationStatus, ResourceData,
};

use super::event::{EndedOperation, Event};
use super::recent::Recent;
use crate::limits::TONES_REMEMBERED;

#[derive(Debug)]
pub(super) struct Story {
    known: Call,
    newest: Option<u64>,
    tones: Recent<i64>,
    /// Operations end once; the platform may say so twice.
    ended_operations: Recent<String>,
    pub(super) over: bool,
}

impl Story {
    pub(super) fn new() -> Self {
        Self {
            known: Call::default(),
            newest: None,
            tones: Recent::new(TONES_REMEMBERED),
            ended_operations: Recent::new(TONES_REMEMBERED),
            over: false,
        }
    }

    /// What a notification tells, if it tells anything new.
    pub(super) fn tell(&mut self, notification: Notification) -> Option<Event> {
        if self.over {
            return None;
        }
        let deleted = notification.change_type == Some(ChangeType::Deleted);
        match notification.resource_data {
            ResourceData::Call(call) => self.call(*call, deleted),
            ResourceData::Operation(operation) => {
                let ended = operation
                    .status
                    .as_ref()
                    .map_or(deleted, OperationStatus::is_terminal);
                if !ended {
                    let resource_data = ResourceData::Operation(operation);
                    return Some(Event::Other(Box::new(Notification {
                        resource_data,
                        ..notification
                    })));
                }
                if let Some(id) = &operation.id
                    && !self.ended_operations.insert(id.to_ascii_lowercase())
                {
                    return None;
                }
                let ended = EndedOperation::new(*operation);
                Some(Event::OperationEnded(Box::new(ended)))
            }
            ResourceData::Participants(roster) => Some(Event::Roster(roster)),
            ResourceData::Other(value) => {
                let about_call = notification
                    .resource_url
                    .as_deref()
                    .is_some_and(is_call_path);
                if deleted && about_call {
                    // Whatever else it says in words we do not know: the call is gone.
                    return self.end(None);
                }
                let resource_data = ResourceData::Other(value);
                Some(Event::Other(Box::new(Notification {
                    resource_data,
                    ..notification
                })))
            }
        }
    }

    fn call(&mut self, mut part: Call, deleted: bool) -> Option<Event> {
        // The end is the end, whatever came late.
        if deleted || part.state == Some(CallState::Terminated) {
            return self.end(part.result_info);
        }
        // A key press says "established" along with the key; it is about the key.
        if let Some(tone) = part.tone_info.take() {
            let is_new = self.tones.insert(tone.sequence_id);
            return is_new.then_some(Event::Tone {
                sequence: tone.sequence_id,
                tone: tone.tone,
            });
        }
        let number = part.etag_number();
        let late = matches!((number, self.newest), (Some(this), Some(newest)) if this < newest);
        let repeated =
            matches!((number, self.newest), (Some(this), Some(newest)) if this == newest);
        let before = (self.known.state.clone(), self.audio_active());
        if late || repeated {
            fill(&mut self.known, part);
            if before == (self.known.state.clone(), self.audio_active()) {
                return None;
            }
        } else {
            self.newest = number.or(self.newest);
            let older = std::mem::replace(&mut self.known, part);
            // Without numbers, order is unknown: a call does not become younger.
            if number.is_none()
                && older.state == Some(CallState::Established)
                && matches!(
                    self.known.state,
                    Some(CallState::Establishing | CallState::Incoming)
                )
            {
                self.known.state = Some(CallState::Established);
                fill(&mut self.known, older);
                return None;
            }
            fill(&mut self.known, older);
        }
        let call = Box::new(self.known.clone());
        match self.known.state {
            Some(CallState::Incoming) => Some(Event::Incoming(call)),
            Some(CallState::Establishing) => Some(Event::Establishing(call)),
            Some(CallState::Established) => Some(Event::Established {
                audio_active: self.audio_active(),
                call,
            }),
            _ => Some(Event::Changed(call)),
        }
    }

    fn end(&mut self, result: Option<offhook_wire::graph::ResultInfo>) -> Option<Event> {
        self.over = true;
        Some(Event::Terminated { result })
    }

    fn audio_active(&self) -> bool {
        let state = self.known.media_state.as_ref();
        state.is_some_and(|state| state.audio == Some(MediaState::Active))
    }
}

/// `…/calls/{id}` and nothing below it.
fn is_call_path(path: &str) -> bool {
    let mut segments = path.rsplit('/').filter(|segment| !segment.is_empty());
    segments.next().is_some()
        && segments
            .next()
            .is_some_and(|s| s.eq_ignore_ascii_case("calls"))
}

/// Takes from `older` what `call` does not say.
fn fill(call: &mut Call, older: Call) {
    macro_rules! fill {
        ($($field:ident),*) => {
            $(if call.$field.is_none() {
                call.$field = older.$field;
            })*
        };
    }
    fill!(
        odata_context,
        odata_type,
        odata_id,
        odata_etag,
        id,
        state,
        direction,
        callback_uri,
        call_chain_id,
        call_routes,
        call_options,
        chat_info,
        incoming_context,
        media_config,
        media_state,
        meeting_info,
        my_participant_id,
        requested_modalities,
        result_info,
        source,
        subject,
        targets,
        tenant_id,
        transcription,
        answered_by,
        termination_reason,
        ringing_timeout_in_seconds
    );
    for (name, value) in older.extra.0 {
        call.extra.0.entry(name).or_insert(value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(story: &mut Story, parts: &[serde_json::Value]) -> Vec<String> {
        let tell = |part: &serde_json::Value| {
            let notification = serde_json::from_value(part.clone()).expect("it can be read");
            Some(match story.tell(notification)? {
                Event::Incoming(_) => "incoming".into(),
                Event::Establishing(_) => "establishing".into(),
                Event::Established { audio_active, .. } => format!("established {audio_active}"),
                Event::Tone { sequence, .. } => format!("tone {sequence}"),
                Event::OperationEnded(ended) => format!("ended {:?}", ended.kind),
                Event::Roster(_) => "roster".into(),
                Event::Changed(call) => format!("changed {:?}", call.state),
                Event::Terminated { .. } => "terminated".into(),
                Event::Other(_) => "other".into(),
            })
        };
        parts.iter().filter_map(tell).collect()
    }

    fn call(etag: u32, state: &str, audio: Option<&str>) -> serde_json::Value {
        let mut data = json!({"@odata.type": "#microsoft.graph.call", "state": state});
        if etag > 0 {
            data["@odata.etag"] = json!(format!("W/\"{etag}\""));
        }
        if let Some(audio) = audio {
            data["mediaState"] = json!({"audio": audio});
        }
        json!({"changeType": "updated", "resourceUrl": "/communications/calls/1", "resourceData": data})
    }

    #[test]
    fn in_order_it_is_told_in_order() {
        let parts = [
            call(1, "incoming", None),
            call(2, "establishing", None),
            call(3, "established", None),
            call(4, "established", Some("active")),
        ];
        let expected = [
            "incoming",
            "establishing",
            "established false",
            "established true",
        ];
        assert_eq!(told(&mut Story::new(), &parts), expected);
    }

    #[test]
    fn what_comes_late_is_not_told() {
        let parts = [
            call(4, "established", Some("active")),
            call(2, "establishing", None),
            call(3, "established", None),
            call(4, "established", Some("active")),
        ];
        assert_eq!(told(&mut Story::new(), &parts), ["established true"]);
    }

    #[test]
    fn what_comes_late_fills_what_is_not_known() {
        let parts = [
            call(5, "established", None),
            call(4, "established", Some("active")),
        ];
        let expected = ["established false", "established true"];
        assert_eq!(told(&mut Story::new(), &parts), expected);
    }

    #[test]
    fn without_numbers_a_call_does_not_become_younger() {
        let parts = [
            call(0, "established", Some("active")),
            call(0, "establishing", None),
            call(0, "established", None),
        ];
        // The third says nothing about audio, so what is known of it holds.
        let expected = ["established true", "established true"];
        assert_eq!(told(&mut Story::new(), &parts), expected);
    }

    #[test]
    fn nothing_is_told_after_the_end() {
        let end = json!({"changeType": "deleted", "resourceUrl": "/communications/calls/1",
            "resourceData": {"@odata.type": "#microsoft.graph.call"}});
        let parts = [end.clone(), call(9, "established", Some("active")), end];
        assert_eq!(told(&mut Story::new(), &parts), ["terminated"]);
    }

    #[test]
    fn a_key_is_told_once_and_says_nothing_of_the_call() {
        let tone = |n: u32| {
            let mut part = call(0, "established", None);
            part["resourceData"]["toneInfo"] = json!({"sequenceId": n, "tone": "tone5"});
            part
        };
        let parts = [tone(1), tone(2), tone(1)];
        assert_eq!(told(&mut Story::new(), &parts), ["tone 1", "tone 2"]);
    }

    #[test]
    fn an_operation_ends_once() {
        let end = json!({"changeType": "deleted", "resourceUrl": "/communications/calls/1/operations/2",
            "resourceData": {"@odata.type": "#microsoft.graph.recordOperation", "id": "2", "status": "completed"}});
        let odd = json!({"changeType": "updated", "resourceUrl": "/communications/calls/1/new",
            "resourceData": {"@odata.type": "#microsoft.graph.somethingNew"}});
        let parts = [end.clone(), odd, end];
        assert_eq!(told(&mut Story::new(), &parts), ["ended Record", "other"]);
    }
}
