//! What happened, in words a bot acts on.

use offhook_terms::Private;
use offhook_wire::graph::{
    Call, CompletionReason, Notification, Operation, OperationKind, OperationStatus, Participant,
    ResultInfo, ToneName,
};

use crate::OperationId;

/// What happened in a call.
///
/// ```
/// use offhook_bot::{CallId, Event, GraphClient, GraphFault};
/// use offhook_bot::wire::graph::AnswerRequest;
///
/// async fn react(client: &GraphClient, call: CallId, event: Event) -> Result<(), GraphFault> {
///     match event {
///         Event::Incoming(_) => client.answer(&call, &AnswerRequest::default()).await,
///         Event::Tone { .. } => client.hang_up(&call).await,
///         _ => Ok(()),
///     }
/// }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// It rings: answer or reject it within fifteen seconds.
    Incoming(Box<Call>),
    /// It was answered and is being connected.
    Establishing(Box<Call>),
    /// It is up. Comes more than once: at the latest when audio flows, and again when anything
    /// about the call changes.
    Established {
        /// Whether audio flows, as far as is known.
        audio_active: bool,
        /// All that is known of the call.
        call: Box<Call>,
    },
    /// A key was pressed.
    Tone {
        /// Its number, from 1 over the life of the call.
        sequence: i64,
        /// Which.
        tone: Private<ToneName>,
    },
    /// An operation is over.
    OperationEnded(Box<EndedOperation>),
    /// Who takes part: everybody, or what changed when the bot asked for that.
    Roster(Vec<Participant>),
    /// The call changed in a way that is none of the above: held, transferring, hanging up.
    Changed(Box<Call>),
    /// The call is over. The last event of a call.
    Terminated {
        /// Why, if it was said.
        result: Option<ResultInfo>,
    },
    /// A notification this version has no word for.
    Other(Box<Notification>),
}

/// An operation that is over.
///
/// ```
/// use offhook_bot::{EndedOperation, Event};
///
/// fn has_failed(event: &Event) -> bool {
///     matches!(event, Event::OperationEnded(ended) if !ended.succeeded())
/// }
/// ```
#[derive(Debug, Clone)]
pub struct EndedOperation {
    /// Which.
    pub id: Option<OperationId>,
    /// What it was.
    pub kind: OperationKind,
    /// All of it.
    pub operation: Operation,
}

impl EndedOperation {
    /// Of an operation whose status is final.
    pub fn new(operation: Operation) -> Self {
        Self {
            id: operation.id.as_deref().map(OperationId::new),
            kind: operation.kind(),
            operation,
        }
    }

    /// Whether it did what was asked. A missing result counts as good if the status is completed:
    /// the documentation allows leaving it out.
    pub fn succeeded(&self) -> bool {
        let result = self.operation.result_info.as_ref();
        self.operation.status == Some(OperationStatus::Completed)
            && result.is_none_or(|result| result.code < 400)
    }

    /// Why it ended: the reason in words, or the one its number means (v1.0 sends only that).
    pub fn reason(&self) -> CompletionReason {
        let said = self.operation.completion_reason.clone();
        said.filter(|reason| *reason != CompletionReason::None)
            .or_else(|| {
                let subcode = self.operation.result_info.as_ref()?.subcode;
                Some(match subcode {
                    8508 => CompletionReason::OperationCanceled,
                    8509 => CompletionReason::MaxSilenceTimeout,
                    8510 => CompletionReason::InitialSilenceTimeout,
                    8511 => CompletionReason::PlayPromptFailed,
                    8512 => CompletionReason::PlayBeepFailed,
                    8513 => CompletionReason::MediaReceiveTimeout,
                    8514 => CompletionReason::StopToneDetected,
                    8515 => CompletionReason::MaxRecordDurationReached,
                    0 => CompletionReason::CompletedSuccessfully,
                    _ => return None,
                })
            })
            .unwrap_or(CompletionReason::Unknown)
    }
}
