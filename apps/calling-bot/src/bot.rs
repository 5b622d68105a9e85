//! The doing: what the platform tells is handed to the conversation, and what the conversation
//! wants is asked of the platform.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use offhook_bot::wire::graph::{
    AnswerRequest, MediaConfig, Modality, Operation, PlayPromptRequest, RecordResponseRequest,
    RejectReason,
};
use offhook_bot::{
    CallId, Event, GraphClient, GraphFault, Handler, KeepAlive, OperationId, Private, prompt,
};
use tokio::time::Instant;

use crate::conversation::{Conversation, Step};
use crate::limits::{CALLS_MAX, DOWNLOAD_TRIES, MESSAGE_BYTES_MAX, NOTHING_ENDS_FOR};
use crate::messages::{Message, Messages, NotKept};
use crate::prompts::Prompt;
use crate::{CALLBACK_PATH, Config};

/// The bot. Clones are the same bot.
#[derive(Clone)]
pub(crate) struct CallingBot(Arc<Shared>);

struct Shared {
    graph: GraphClient,
    messages: Messages,
    base_url: String,
    message_lasts: Duration,
    rounds: u32,
    download_again_after: Duration,
    calls: Mutex<HashMap<CallId, Arc<tokio::sync::Mutex<Live>>>>,
    closing: AtomicBool,
}

/// A call that was answered. What it holds is let go when it is dropped.
struct Live {
    talk: Conversation,
    /// The message being played back.
    message: Option<Message>,
    _keep_alive: KeepAlive,
    last_step: Instant,
}

impl Handler for CallingBot {
    async fn handle(&self, call: CallId, event: Event) {
        match event {
            Event::Incoming(_) => self.take(&call).await,
            Event::Established {
                audio_active: true, ..
            } => match self.live(&call) {
                Some(live) => {
                    let mut live = live.lock().await;
                    let step = live.talk.audio_flows();
                    self.perform(&call, &mut live, step).await;
                }
                None => self.leave_unknown(&call).await,
            },
            Event::OperationEnded(ended) => {
                if let Some(live) = self.live(&call) {
                    let mut live = live.lock().await;
                    let step = live.talk.ended(&ended);
                    if step != Step::Wait {
                        // Played or not, it is not needed any more.
                        live.message = None;
                    }
                    self.perform(&call, &mut live, step).await;
                }
            }
            Event::Terminated { result } => {
                let code = result.map(|result| (result.code, result.subcode));
                tracing::info!(%call, ?code, "the call is over");
                self.forget(&call);
            }
            // Keys pressed, holds and whatever else: nothing to do.
            _ => {}
        }
    }
}

impl CallingBot {
    pub(crate) fn new(
        config: &Config,
        graph: GraphClient,
        messages: Messages,
        base_url: String,
    ) -> Self {
        Self(Arc::new(Shared {
            graph,
            messages,
            base_url,
            message_lasts: config.message_lasts,
            rounds: config.rounds,
            download_again_after: config.download_again_after,
            calls: Mutex::default(),
            closing: AtomicBool::new(false),
        }))
    }

    /// Takes no more calls and leaves those there are.
    pub(crate) async fn close(&self) {
        self.0.closing.store(true, Ordering::Relaxed);
        let calls: Vec<CallId> = self.calls().keys().cloned().collect();
        for call in calls {
            if let Err(fault) = self.0.graph.hang_up(&call).await {
                tracing::debug!(%call, %fault, "not hung up");
            }
            self.forget(&call);
        }
    }

    /// Lets go of what notifications that never came have left behind.
    pub(crate) async fn sweep(&self) {
        self.0.messages.sweep();
        let calls: Vec<_> = self
            .calls()
            .iter()
            .map(|(c, l)| (c.clone(), Arc::clone(l)))
            .collect();
        for (call, live) in calls {
            // A call somebody works on is not forgotten.
            let Ok(mut live) = live.try_lock() else {
                continue;
            };
            if live.last_step.elapsed() < NOTHING_ENDS_FOR {
                continue;
            }
            tracing::warn!(%call, "nothing happens in this call any more");
            let step = live.talk.hang_up();
            if step == Step::Wait {
                // It was hung up long ago and its end was never told.
                drop(live);
                self.forget(&call);
            } else {
                self.perform(&call, &mut live, step).await;
            }
        }
    }

    async fn take(&self, call: &CallId) {
        let shared = &*self.0;
        let there_are = {
            let calls = self.calls();
            if calls.contains_key(call) {
                return;
            }
            calls.len()
        };
        if there_are < CALLS_MAX && !shared.closing.load(Ordering::Relaxed) {
            return self.answer(call).await;
        }
        tracing::info!(%call, "busy");
        if let Err(fault) = shared.graph.reject(call, RejectReason::Busy).await {
            tracing::warn!(%call, %fault, "not rejected");
        }
    }

    async fn answer(&self, call: &CallId) {
        let shared = &*self.0;
        // Known before it is answered: what follows may be told before the answer's answer is read.
        let live = Live {
            talk: Conversation::new(shared.rounds),
            message: None,
            _keep_alive: KeepAlive::start(shared.graph.clone(), call.clone()),
            last_step: Instant::now(),
        };
        let live = Arc::new(tokio::sync::Mutex::new(live));
        self.calls().insert(call.clone(), live);

        let media = Prompt::ALL
            .into_iter()
            .filter_map(|p| p.at(&shared.base_url).media_info);
        let request = AnswerRequest {
            callback_uri: Some(format!("{}{CALLBACK_PATH}", shared.base_url)),
            accepted_modalities: Some(vec![Modality::Audio]),
            media_config: Some(MediaConfig::ServiceHosted {
                pre_fetch_media: media.collect(),
                extra: Default::default(),
            }),
            ..AnswerRequest::default()
        };
        match shared.graph.answer(call, &request).await {
            Ok(()) => tracing::info!(%call, "answered"),
            Err(fault) => {
                tracing::warn!(%call, %fault, "not answered");
                self.forget(call);
            }
        }
    }

    /// Does what the conversation wants, and what it wants next if that cannot be had.
    async fn perform(&self, call: &CallId, live: &mut Live, mut step: Step) {
        while step != Step::Wait {
            live.last_step = Instant::now();
            let done = match step {
                Step::Wait => return,
                Step::Record(prompt) => self.record(call, prompt).await,
                Step::Echo { location, token } => self.echo(call, live, &location, &token).await,
                Step::Part => {
                    let goodbye = Prompt::Goodbye.at(&self.0.base_url);
                    self.play(call, goodbye).await
                }
                Step::HangUp => match self.0.graph.hang_up(call).await {
                    Ok(()) => return,
                    Err(fault) => Err(NotDone::Graph(fault)),
                },
            };
            match done {
                Ok(operation) => {
                    live.talk
                        .accepted(operation.id.as_deref().map(OperationId::new));
                    // An operation may be over as soon as it is accepted; then nothing is told.
                    if operation.status.as_ref().is_some_and(|s| s.is_terminal()) {
                        step = live.talk.failed();
                        continue;
                    }
                    return;
                }
                Err(NotDone::Graph(fault)) if fault.is_gone() => {
                    tracing::info!(%call, "the call ended meanwhile");
                    live.message = None;
                    self.forget(call);
                    return;
                }
                Err(why) => {
                    tracing::warn!(%call, %why, "something could not be done");
                    live.message = None;
                    step = live.talk.failed();
                }
            }
        }
    }

    async fn record(&self, call: &CallId, prompt: Prompt) -> Result<Operation, NotDone> {
        let seconds = i64::try_from(self.0.message_lasts.as_secs()).unwrap_or(i64::MAX);
        let request = RecordResponseRequest {
            prompts: Some(vec![prompt.at(&self.0.base_url)]),
            max_record_duration_in_seconds: Some(seconds),
            play_beep: Some(true),
            stop_tones: Some(["#", "1", "*"].map(str::to_owned).to_vec()),
            ..RecordResponseRequest::default()
        };
        Ok(self.0.graph.record_response(call, request).await?)
    }

    async fn echo(
        &self,
        call: &CallId,
        live: &mut Live,
        location: &str,
        token: &Private<String>,
    ) -> Result<Operation, NotDone> {
        let message = self.download(location, token).await?;
        let address = format!("{}{}", self.0.base_url, message.path().reveal());
        live.message = Some(message);
        self.play(call, prompt(&address, None)).await
    }

    async fn play(
        &self,
        call: &CallId,
        prompt: offhook_bot::wire::graph::MediaPrompt,
    ) -> Result<Operation, NotDone> {
        let request = PlayPromptRequest {
            prompts: Some(vec![prompt]),
            ..PlayPromptRequest::default()
        };
        Ok(self.0.graph.play_prompt(call, request).await?)
    }

    async fn download(&self, location: &str, token: &Private<String>) -> Result<Message, NotDone> {
        let mut tried = 0;
        loop {
            tried += 1;
            let started = self
                .0
                .graph
                .recording(location, token, MESSAGE_BYTES_MAX)
                .await;
            let kept = match started {
                Ok(recording) => self.0.messages.keep(recording).await,
                Err(fault) => Err(NotKept::Download(fault)),
            };
            match kept {
                Ok(message) => return Ok(message),
                // Only the network and the platform get better by trying again.
                Err(NotKept::Download(why))
                    if tried < DOWNLOAD_TRIES && !matches!(why, GraphFault::TooLarge { .. }) =>
                {
                    tracing::debug!(%why, tried, "a download failed");
                    tokio::time::sleep(self.0.download_again_after).await;
                }
                Err(why) => return Err(NotDone::Message(why)),
            }
        }
    }

    /// A call that is up without us knowing it: we were restarted. Nobody would serve it.
    async fn leave_unknown(&self, call: &CallId) {
        tracing::info!(%call, "left a call of an earlier life");
        if let Err(fault) = self.0.graph.hang_up(call).await {
            tracing::debug!(%call, %fault, "not hung up");
        }
    }

    fn live(&self, call: &CallId) -> Option<Arc<tokio::sync::Mutex<Live>>> {
        self.calls().get(call).cloned()
    }

    fn forget(&self, call: &CallId) {
        self.calls().remove(call);
    }

    fn calls(&self) -> std::sync::MutexGuard<'_, HashMap<CallId, Arc<tokio::sync::Mutex<Live>>>> {
        self.0.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a step could not be done.
#[derive(Debug, thiserror::Error)]
enum NotDone {
    #[error("{0}")]
    Graph(#[from] GraphFault),
    #[error("the message was not kept: {0}")]
    Message(NotKept),
}
