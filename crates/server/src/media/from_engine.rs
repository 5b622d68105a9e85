//! What a call asks of its audio, done: sockets, descriptions, prompts, recordings.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use offhook_engine::{
    Description, MediaEvent, MediaRequest, PrepareFault, Prompt, RecordEnding, RecordRules,
};
use offhook_media::threads::PreparedPort;
use offhook_media::{Agreed, Clip, MediaCommand, PortId, RecordPlan, Repeat, sdp};
use offhook_terms::{AppId, CallId, LegId, OperationId, Private};
use tokio::sync::mpsc;

use super::host::{Host, key};
use super::scribe::{Verdict, Written};
use super::to_engine::RecordingEnded;
use crate::Platform;
use crate::calls::Message;

/// A prompt was fetched, or could not be.
pub(crate) struct Prepared {
    operation: OperationId,
    index: usize,
    clip: Result<Clip, PrepareFault>,
}

/// One call's audio, as its task sees it. Dropped, it leaves nothing behind.
pub(crate) struct CallAudio {
    platform: Arc<Platform>,
    call: CallId,
    bot: AppId,
    bot_leg: LegId,
    mailbox: mpsc::Sender<Message>,
    port: Option<Port>,
    /// The prompts of the operations that have some, by their place.
    clips: HashMap<OperationId, Vec<Option<Clip>>>,
    recordings: HashMap<OperationId, Recording>,
}

/// The phone's port.
struct Port {
    leg: LegId,
    session: sdp::Session,
    stage: Stage,
    held: bool,
}

enum Stage {
    /// Bound, and not sending: what was agreed on is known unless we made the offer.
    Bound(Box<PreparedPort>, Option<Agreed>),
    /// Audio may flow as soon as the phone's answer to our offer is here.
    Unanswered(Box<PreparedPort>),
    /// On a tick thread.
    Running,
    /// It could not be put on a tick thread.
    Failed,
}

/// A recording whose end is not known yet, or whose file is not complete.
struct Recording {
    verdict: Verdict,
    ended: Option<RecordingEnded>,
}

impl CallAudio {
    pub(crate) fn new(
        platform: &Arc<Platform>,
        call: CallId,
        bot: AppId,
        bot_leg: LegId,
        mailbox: mpsc::Sender<Message>,
    ) -> Self {
        Self {
            platform: Arc::clone(platform),
            call,
            bot,
            bot_leg,
            mailbox,
            port: None,
            clips: HashMap::new(),
            recordings: HashMap::new(),
        }
    }

    /// Does what the call asks. What is known at once is handed back; the rest comes by mailbox.
    pub(crate) fn perform(&mut self, request: MediaRequest) -> Option<MediaEvent> {
        match request {
            MediaRequest::Open { leg, offer } => Some(self.open(leg, offer.as_ref())),
            MediaRequest::Start { .. } => self.start(),
            MediaRequest::Complete { answer, .. } => self.complete(&answer),
            MediaRequest::Reopen { leg, offer } => Some(self.reopen(leg, offer.as_ref())),
            MediaRequest::Close { .. } => {
                self.close();
                None
            }
            MediaRequest::Prepare {
                operation,
                index,
                prompt,
                ..
            } => {
                self.prepare(operation, index, prompt);
                None
            }
            MediaRequest::Play {
                operation,
                for_ever,
                ..
            } => self.play(operation, for_ever),
            MediaRequest::Beep { operation, .. } => {
                let beep = vec![self.platform.beep.clone()];
                self.play_clips(operation, beep, Repeat::ONCE)
            }
            MediaRequest::Record {
                operation, rules, ..
            } => self.record(operation, &rules),
            // The engine asks for none of these before calls have more than two parties.
            MediaRequest::Seat { .. }
            | MediaRequest::Hears { .. }
            | MediaRequest::ListenForTones { .. }
            | MediaRequest::Ringback { .. }
            | MediaRequest::HoldMusic { .. }
            | MediaRequest::SendTones { .. } => None,
            MediaRequest::ToneSignalled { tone, .. } => {
                // Lost when the tick thread is behind, as it would be in the audio.
                let _ = self.command(MediaCommand::ToneSignalled(Private::new(tone)));
                None
            }
            MediaRequest::Stop { operation } => {
                self.clips.remove(&operation);
                // Its verdict goes with it: what was recorded is discarded.
                self.recordings.remove(&operation);
                // What is not there needs no stopping, and a thread that is behind stops it when
                // the room closes.
                let _ = self.command(MediaCommand::Stop { operation });
                None
            }
            MediaRequest::Forget { operation } => {
                self.clips.remove(&operation);
                None
            }
        }
    }

    /// A prompt was fetched, or could not be.
    pub(crate) fn prepared(&mut self, prepared: Prepared) -> Option<MediaEvent> {
        let Prepared {
            operation,
            index,
            clip,
        } = prepared;
        // Stopped meanwhile.
        let place = self.clips.get_mut(&operation)?.get_mut(index)?;
        Some(match clip {
            Ok(clip) => {
                *place = Some(clip);
                MediaEvent::Prepared { operation, index }
            }
            Err(why) => MediaEvent::PrepareFailed {
                operation,
                index,
                why,
            },
        })
    }

    /// A recording ended on the tick. What the bot may fetch must be complete before it is told.
    pub(crate) fn recording_ended(&mut self, ended: RecordingEnded) -> Option<MediaEvent> {
        let RecordingEnded {
            operation,
            ending,
            duration,
        } = ended;
        let recording = self.recordings.get_mut(&operation)?;
        match ending {
            RecordEnding::StopTone | RecordEnding::MaxDuration | RecordEnding::MaxSilence => {
                recording.ended = Some(ended);
                recording.verdict.keep();
                self.host().scribe.look();
                None
            }
            RecordEnding::InitialSilence | RecordEnding::NoMedia | RecordEnding::NotSaved => {
                self.recordings.remove(&operation);
                self.host().scribe.look();
                Some(MediaEvent::Recorded {
                    operation,
                    ending,
                    duration,
                })
            }
        }
    }

    /// A file is complete, or could not be written.
    pub(crate) fn written(&mut self, written: &Written) -> Option<MediaEvent> {
        let operation = written.operation;
        let ended = self.recordings.remove(&operation)?.ended?;
        let ending = if written.is_saved {
            ended.ending
        } else {
            RecordEnding::NotSaved
        };
        Some(MediaEvent::Recorded {
            operation,
            ending,
            duration: ended.duration,
        })
    }

    fn host(&self) -> &Arc<Host> {
        &self.platform.media
    }

    fn open(&mut self, leg: LegId, offer: Option<&Description>) -> MediaEvent {
        let prepared = match self.host().threads().prepare_port() {
            Ok(prepared) => prepared,
            Err(why) => {
                tracing::error!(call = %self.call, %why, "no port for this call");
                return MediaEvent::Refused { leg };
            }
        };
        let mut session = prepared.describe();
        let (description, agreed) = match offer {
            Some(offer) => match session.answer(offer.as_str()) {
                Ok((answer, agreed)) => (answer, Some(agreed)),
                Err(why) => {
                    tracing::info!(call = %self.call, %why, "the phone's offer was refused");
                    return MediaEvent::Refused { leg };
                }
            },
            None => (session.offer(), None),
        };
        let held = agreed.as_ref().is_some_and(Agreed::on_hold);
        let stage = Stage::Bound(Box::new(prepared), agreed);
        self.port = Some(Port {
            leg,
            session,
            stage,
            held,
        });
        MediaEvent::Opened {
            leg,
            description: Description::new(description),
        }
    }

    fn start(&mut self) -> Option<MediaEvent> {
        let port = self.port.as_mut()?;
        match std::mem::replace(&mut port.stage, Stage::Failed) {
            Stage::Bound(prepared, Some(agreed)) => self.run(*prepared, agreed),
            Stage::Bound(prepared, None) => {
                port.stage = Stage::Unanswered(prepared);
                None
            }
            stage => {
                port.stage = stage;
                None
            }
        }
    }

    /// The phone answered our offer: the first one, or one made later.
    fn complete(&mut self, answer: &Description) -> Option<MediaEvent> {
        let call = self.call;
        let port = self.port.as_mut()?;
        let leg = port.leg;
        let agreed = match port.session.accept(answer.as_str()) {
            Ok(agreed) => agreed,
            Err(why) => {
                tracing::info!(%call, %why, "the phone's answer cannot be used");
                return matches!(port.stage, Stage::Unanswered(_))
                    .then_some(MediaEvent::PeerLost { leg });
            }
        };
        match std::mem::replace(&mut port.stage, Stage::Failed) {
            Stage::Unanswered(prepared) | Stage::Bound(prepared, _) => self.run(*prepared, agreed),
            Stage::Running => {
                port.stage = Stage::Running;
                self.agree(agreed);
                None
            }
            Stage::Failed => None,
        }
    }

    /// Puts the port on a tick thread.
    fn run(&mut self, prepared: PreparedPort, agreed: Agreed) -> Option<MediaEvent> {
        let call = self.call;
        let leg = self.port.as_ref()?.leg;
        // Before the room opens, because the first thing it has to tell may come at once.
        self.host().opened(call, leg);
        match self.host().threads().open_room(key(call), prepared, agreed) {
            Ok(()) => {
                self.port.as_mut()?.stage = Stage::Running;
                None
            }
            Err(why) => {
                self.host().forget(call);
                tracing::error!(%call, %why, "no tick thread takes this call");
                Some(MediaEvent::PeerLost { leg })
            }
        }
    }

    fn reopen(&mut self, leg: LegId, offer: Option<&Description>) -> MediaEvent {
        let Some(port) = self.port.as_mut().filter(|port| port.leg == leg) else {
            return MediaEvent::ReopenRefused { leg };
        };
        let Some(offer) = offer else {
            let description = Description::new(port.session.offer());
            return MediaEvent::Reopened {
                leg,
                description,
                held: port.held,
            };
        };
        match port.session.answer(offer.as_str()) {
            Ok((answer, agreed)) => {
                port.held = agreed.on_hold();
                let held = port.held;
                self.agree(agreed);
                MediaEvent::Reopened {
                    leg,
                    description: Description::new(answer),
                    held,
                }
            }
            Err(why) => {
                tracing::info!(call = %self.call, %why, "the phone's new offer was refused");
                MediaEvent::ReopenRefused { leg }
            }
        }
    }

    fn agree(&mut self, agreed: Agreed) {
        if let Some(Stage::Bound(_, known)) = self.port.as_mut().map(|port| &mut port.stage) {
            *known = Some(agreed);
        } else if !self.command(MediaCommand::agree(agreed)) {
            tracing::error!(call = %self.call, "a new description did not reach the tick thread");
        }
    }

    fn close(&mut self) {
        if let Some(port) = self.port.take()
            && matches!(port.stage, Stage::Running)
        {
            self.host().close(self.call);
        }
    }

    fn prepare(&mut self, operation: OperationId, index: usize, prompt: Prompt) {
        let clips = self.clips.entry(operation).or_default();
        if clips.len() <= index {
            clips.resize(index + 1, None);
        }
        let platform = Arc::clone(&self.platform);
        let mailbox = self.mailbox.clone();
        let (bot, leg) = (self.bot, self.bot_leg);
        tokio::spawn(async move {
            let clip = platform.prompts.fetch(bot, leg, &prompt).await;
            // The call may be over.
            let _ = mailbox
                .send(Message::Prepared(Prepared {
                    operation,
                    index,
                    clip,
                }))
                .await;
        });
    }

    fn play(&mut self, operation: OperationId, for_ever: bool) -> Option<MediaEvent> {
        let clips = self
            .clips
            .get(&operation)
            .map(Vec::as_slice)
            .unwrap_or_default();
        // Every one of them was reported as prepared before we are asked to play.
        let clips: Vec<Clip> = clips.iter().flatten().cloned().collect();
        let repeat = if for_ever {
            Repeat::UntilStopped
        } else {
            Repeat::ONCE
        };
        self.play_clips(operation, clips, repeat)
    }

    fn play_clips(
        &mut self,
        operation: OperationId,
        clips: Vec<Clip>,
        repeat: Repeat,
    ) -> Option<MediaEvent> {
        let is_taken = self.command(MediaCommand::Play {
            operation,
            clips,
            repeat,
        });
        (!is_taken).then_some(MediaEvent::PlayFailed { operation })
    }

    fn record(&mut self, operation: OperationId, rules: &RecordRules) -> Option<MediaEvent> {
        let not_saved = MediaEvent::Recorded {
            operation,
            ending: RecordEnding::NotSaved,
            duration: Duration::ZERO,
        };
        let spool = self
            .platform
            .recordings
            .begin(operation, self.bot_leg, self.bot);
        let (feed, tap) = offhook_media::recording();
        let done = self.mailbox.clone();
        let Ok(verdict) = self.host().scribe.write(operation, tap, spool, done) else {
            tracing::error!(call = %self.call, "more recordings at once than can be written");
            return Some(not_saved);
        };
        let plan = RecordPlan {
            initial_silence: Some(rules.initial_silence),
            max_silence: Some(rules.max_silence),
            max_duration: Some(rules.max_duration),
            stop_tones: rules.stop_tones.iter().copied().collect(),
        };
        if !self.command(MediaCommand::Record {
            operation,
            plan,
            feed,
        }) {
            return Some(not_saved);
        }
        self.recordings.insert(
            operation,
            Recording {
                verdict,
                ended: None,
            },
        );
        None
    }

    /// Hands a command to the tick thread; false when it was not taken.
    fn command(&self, command: MediaCommand) -> bool {
        let taken = self
            .host()
            .threads()
            .send(key(self.call), PortId::FIRST, command);
        taken.is_ok()
    }
}

impl Drop for CallAudio {
    fn drop(&mut self) {
        self.close();
    }
}
