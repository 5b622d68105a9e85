//! What media does when a call asks, and what it tells the call.

use std::time::Duration;

use offhook_engine::{
    Description, Hearing, MediaEvent, MediaRequest, Misfit, PrepareFault, RecordEnding,
};
use offhook_terms::{CallId, OperationId};

use super::{FETCH, World};
use crate::agenda::Happening;
use crate::room::{Clip, Recorder, Room};

/// How long media takes to open an offer.
const OPENING: Duration = Duration::from_millis(2);
const BEEP: Duration = Duration::from_millis(200);
/// How long a key is pressed.
const PRESS: Duration = Duration::from_millis(100);

impl World {
    pub(crate) fn clip(&mut self, uri: &str, length: Duration, fetch: Duration, is_wav: bool) {
        let clip = Clip {
            length,
            fetch,
            is_wav,
        };
        self.clips.insert(uri.to_owned(), clip);
    }

    pub(crate) fn ask_media(&mut self, call: CallId, request: MediaRequest) {
        match request {
            MediaRequest::Open { leg, offer } => {
                self.draw_port("open", leg);
                let event = match offer {
                    Some(offer) if offer.as_str() == "nonsense" => MediaEvent::Refused {
                        leg,
                        why: Misfit::Unreadable,
                    },
                    _ => MediaEvent::Opened {
                        leg,
                        description: Description::new("ours"),
                    },
                };
                let at = self.after(OPENING);
                self.agenda.plan(at, Happening::OfLeg(leg, event));
            }
            MediaRequest::Start { leg } => self.draw_port("start", leg),
            MediaRequest::Complete { leg, .. } => self.draw_port("complete", leg),
            MediaRequest::Close { leg } => self.draw_port("close", leg),
            MediaRequest::Reopen { leg, offer } => {
                let offer = offer.as_ref().map_or("", Description::as_str);
                let event = match offer {
                    "nonsense" => MediaEvent::ReopenRefused {
                        leg,
                        why: Misfit::Unreadable,
                    },
                    _ => MediaEvent::Reopened {
                        leg,
                        description: Description::new("ours"),
                        held: offer == "sendonly",
                    },
                };
                let at = self.after(OPENING);
                self.agenda.plan(at, Happening::OfLeg(leg, event));
            }
            MediaRequest::Prepare {
                operation,
                index,
                prompt,
                ..
            } => {
                let clip = prompt.uri().and_then(|uri| self.clips.get(uri).copied());
                let why = match clip {
                    None => Some(PrepareFault::Download),
                    Some(clip) if !clip.is_wav => Some(PrepareFault::Format),
                    Some(_) => None,
                };
                let event = match why {
                    Some(why) => MediaEvent::PrepareFailed {
                        operation,
                        index,
                        why,
                    },
                    None => MediaEvent::Prepared { operation, index },
                };
                let length = clip.map_or(Duration::ZERO, |clip| clip.length);
                self.room(call).fetched.insert((operation, index), length);
                let fetch = clip.map_or(FETCH, |clip| clip.fetch);
                self.plan_of_operation(call, operation, fetch, event);
            }
            MediaRequest::Play {
                operation,
                for_ever,
                ..
            } => {
                self.draw_operation("play", operation);
                if !for_ever {
                    let length = self.room(call).length(operation);
                    let event = MediaEvent::Played { operation };
                    self.plan_of_operation(call, operation, length, event);
                }
            }
            MediaRequest::Beep { operation, .. } => {
                self.draw_operation("beep for", operation);
                let event = MediaEvent::Played { operation };
                self.plan_of_operation(call, operation, BEEP, event);
            }
            MediaRequest::Record {
                operation, rules, ..
            } => {
                self.draw_operation("record", operation);
                self.room(call).recorder = Some(Recorder::new(operation, rules));
                self.plan_tick(call);
            }
            MediaRequest::Seat { leg } => self.draw_port("seat", leg),
            MediaRequest::Hears { leg, from } => {
                let whom = match from {
                    Hearing::Everyone => "everybody".to_owned(),
                    Hearing::Only(legs) if legs.is_empty() => "nobody".to_owned(),
                    Hearing::Only(legs) => self.names_of(&legs),
                };
                let what = format!("{} hears {whom}", self.name_of(leg));
                self.draw("server", "media", &what);
            }
            MediaRequest::ListenForTones { leg } => self.draw_port("listen for tones of", leg),
            MediaRequest::Ringback { leg } => self.draw_port("ringing for", leg),
            MediaRequest::HoldMusic { operation, leg } => {
                let what = format!("music #{} for {}", operation.bits(), self.name_of(leg));
                self.draw("server", "media", &what);
            }
            MediaRequest::SendTones {
                operation,
                tones,
                gap,
                ..
            } => {
                self.draw_operation("press", operation);
                let count = u32::try_from(tones.len()).expect("tones are bounded");
                let event = MediaEvent::TonesSent { operation };
                self.plan_of_operation(call, operation, (PRESS + gap) * count, event);
            }
            MediaRequest::ToneSignalled { tone, .. } => self.press(call, tone),
            MediaRequest::Stop { operation } => {
                self.draw_operation("stop", operation);
                self.forget_operation(call, operation);
            }
            MediaRequest::Forget { operation } => self.forget_operation(call, operation),
        }
    }

    pub(crate) fn plan_tick(&mut self, call: CallId) {
        let here = self.owners.iter().filter(|(_, owner)| **owner == call);
        let is_speech = here.map(|(leg, _)| &self.phones[leg]).any(|one| one.speaks);
        let at = self.after(Recorder::TICK);
        self.agenda.plan(at, Happening::Tick(call, is_speech));
    }

    pub(crate) fn tick(&mut self, call: CallId, is_speech: bool) {
        let recorder = self.room(call).recorder.as_mut();
        match recorder.map(|recorder| recorder.tick(is_speech)) {
            Some(Some(ending)) => self.recorded(call, ending),
            Some(None) => self.plan_tick(call),
            None => {}
        }
    }

    pub(crate) fn recorded(&mut self, call: CallId, ending: RecordEnding) {
        if let Some(recorder) = self.room(call).recorder.take() {
            let (operation, duration) = (recorder.operation, recorder.length());
            let event = MediaEvent::Recorded {
                operation,
                ending,
                duration,
            };
            self.hand_media(call, event);
        }
    }

    pub(crate) fn hand_media(&mut self, call: CallId, event: MediaEvent) {
        self.with_call(call, |call, now| call.handle_media(event, now));
    }

    pub(crate) fn plan_of_operation(
        &mut self,
        call: CallId,
        operation: OperationId,
        delay: Duration,
        event: MediaEvent,
    ) {
        let at = self.after(delay);
        let happening = Happening::OfOperation(call, operation, event);
        self.agenda.plan(at, happening);
    }

    pub(crate) fn forget_operation(&mut self, call: CallId, operation: OperationId) {
        self.agenda.forget(operation);
        self.room(call).forget(operation);
    }

    pub(crate) fn room(&mut self, call: CallId) -> &mut Room {
        self.rooms.get_mut(&call).expect("every call has a room")
    }
}
