//! Operations: asked for, queued, done in order, ended exactly once.
//!
//! ```text
//!   play    waiting ──▶ prompting ──▶ ended
//!   record  waiting ──▶ [prompting] ──▶ [beeping] ──▶ recording ──▶ ended
//! ```
//!
//! An operation waits until it is at the head of its leg's queue and its prompts are fetched. It
//! knows its own next step and nothing about the others; [`crate::queue`] keeps them in order.

use std::collections::BTreeSet;
use std::time::Duration;

use offhook_terms::{LegId, OperationId};

use crate::{
    MediaRequest, OperationKind, OperationView, Outcome, PlayFault, PrepareFault, Prompt,
    RecordEnding, RecordRules,
};

/// One operation that has not ended.
#[derive(Debug)]
pub(crate) struct Operation {
    id: OperationId,
    /// The bot's leg that asked for it, and the seat it is heard from.
    leg: LegId,
    work: Work,
    context: Option<String>,
    step: Step,
    /// Places of the prompts that are still being fetched.
    unprepared: BTreeSet<usize>,
    fault: Option<PlayFault>,
}

/// What was asked for.
#[derive(Debug)]
pub(crate) enum Work {
    /// Play prompts.
    Play {
        prompts: Vec<Prompt>,
        for_ever: bool,
    },
    /// Record an answer.
    Record {
        prompt: Option<Prompt>,
        beep: bool,
        rules: RecordRules,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Waiting,
    Prompting,
    Beeping,
    Recording,
}

/// What comes next for an operation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing until something happens.
    Wait,
    /// Ask this of the audio, then wait.
    Ask(MediaRequest),
    /// It ends like this.
    End(Outcome),
}

impl Operation {
    pub(crate) fn new(id: OperationId, leg: LegId, work: Work, context: Option<String>) -> Self {
        let unprepared = (0..work.prompts().len()).collect();
        Self {
            id,
            leg,
            work,
            context,
            step: Step::Waiting,
            unprepared,
            fault: None,
        }
    }

    pub(crate) fn id(&self) -> OperationId {
        self.id
    }

    /// The fetching to ask for as soon as the operation is accepted, so that a prompt is there
    /// when its turn comes.
    pub(crate) fn preparations(&self) -> impl Iterator<Item = MediaRequest> {
        let prompts = self.work.prompts().iter().enumerate();
        prompts.map(|(index, prompt)| MediaRequest::Prepare {
            operation: self.id,
            leg: self.leg,
            index,
            prompt: prompt.clone(),
        })
    }

    /// A prompt is playable.
    pub(crate) fn prepared(&mut self, index: usize) {
        self.unprepared.remove(&index);
    }

    /// A prompt cannot be had. The operation fails when its turn comes and not before, so that
    /// operations end in the order they were asked for.
    pub(crate) fn prepare_failed(&mut self, why: PrepareFault) {
        self.fault.get_or_insert(match why {
            PrepareFault::Download => PlayFault::Download,
            PrepareFault::Format => PlayFault::Format,
        });
    }

    /// It is at the head of the queue: starts it when that is possible.
    pub(crate) fn start(&mut self) -> Next {
        if self.step != Step::Waiting {
            return Next::Wait;
        }
        if let Some(fault) = self.fault {
            return Next::End(Outcome::PromptFailed(fault));
        }
        if !self.unprepared.is_empty() {
            return Next::Wait;
        }
        match self.work.prompts().len() {
            0 => self.after(Step::Waiting),
            prompts => {
                self.step = Step::Prompting;
                Next::Ask(MediaRequest::Play {
                    operation: self.id,
                    leg: self.leg,
                    prompts,
                    for_ever: self.is_for_ever(),
                })
            }
        }
    }

    /// What was being played came to its end.
    pub(crate) fn played(&mut self) -> Next {
        match self.step {
            Step::Prompting if self.is_for_ever() => Next::Wait,
            Step::Prompting | Step::Beeping => self.after(self.step),
            Step::Waiting | Step::Recording => Next::Wait,
        }
    }

    /// What was being played could not be.
    pub(crate) fn play_failed(&mut self) -> Next {
        match self.step {
            Step::Prompting => Next::End(Outcome::PromptFailed(PlayFault::Playing)),
            Step::Beeping => Next::End(Outcome::BeepFailed),
            Step::Waiting | Step::Recording => Next::Wait,
        }
    }

    /// The recording ended by its rules.
    pub(crate) fn recorded(&mut self, ending: RecordEnding, duration: Duration) -> Next {
        match self.step {
            Step::Recording => Next::End(Outcome::Recorded { ending, duration }),
            Step::Waiting | Step::Prompting | Step::Beeping => Next::Wait,
        }
    }

    /// What a bot may see of it.
    pub(crate) fn view(&self, outcome: Option<Outcome>) -> OperationView {
        OperationView {
            operation: self.id,
            kind: match &self.work {
                Work::Play { prompts, .. } => OperationKind::Play {
                    prompts: prompts.clone(),
                },
                Work::Record { .. } => OperationKind::Record,
            },
            context: self.context.clone(),
            outcome,
        }
    }

    /// What follows a step that is done.
    fn after(&mut self, done: Step) -> Next {
        let (operation, leg) = (self.id, self.leg);
        match &self.work {
            Work::Play { .. } => Next::End(Outcome::Played),
            Work::Record { beep: true, .. } if done != Step::Beeping => {
                self.step = Step::Beeping;
                Next::Ask(MediaRequest::Beep { operation, leg })
            }
            Work::Record { rules, .. } => {
                self.step = Step::Recording;
                let rules = rules.clone();
                Next::Ask(MediaRequest::Record {
                    operation,
                    leg,
                    rules,
                })
            }
        }
    }

    fn is_for_ever(&self) -> bool {
        matches!(self.work, Work::Play { for_ever: true, .. })
    }
}

impl Work {
    fn prompts(&self) -> &[Prompt] {
        match self {
            Self::Play { prompts, .. } => prompts,
            Self::Record { prompt, .. } => prompt.as_slice(),
        }
    }
}
