//! Operations: asked for, queued, done in order, ended exactly once.
//!
//! ```text
//!   play    waiting ──▶ prompting ──▶ ended
//!   record  waiting ──▶ [prompting] ──▶ [beeping] ──▶ recording ──▶ ended
//!   tones   waiting ──▶ pressing ──▶ ended
//!   music   waiting ──▶ ended (the music goes on)
//!   invite  waiting ──▶ ended (when the last ring has)
//! ```
//!
//! An operation waits until it is at the head of its line and its prompts are fetched. It knows its
//! own next step and nothing about the others; [`crate::queue`] keeps them in order.

use std::collections::BTreeSet;
use std::time::Duration;

use offhook_terms::{LegId, OperationId, Tone};

use crate::{
    Invitee, MediaRequest, NotReached, OperationKind, OperationView, Outcome, PlayFault,
    PrepareFault, Prompt, RecordEnding, RecordRules,
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
    /// Press keys.
    SendTones { tones: Vec<Tone>, gap: Duration },
    /// Let others in.
    Invite {
        invitees: Vec<Invitee>,
        /// Why the first who did not come did not.
        failed: Option<NotReached>,
    },
    /// Let a participant hear music.
    StartHoldMusic { prompt: Option<Prompt> },
    /// Done as soon as it is asked, and told.
    Instant { kind: OperationKind },
}

/// Operations of one line are done one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// Playing and recording.
    Media,
    /// Tones.
    Tones,
    /// What stands for itself.
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Waiting,
    Prompting,
    Beeping,
    Recording,
    Pressing,
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

    pub(crate) fn line(&self) -> Line {
        match self.work {
            Work::Play { .. } | Work::Record { .. } => Line::Media,
            Work::SendTones { .. } => Line::Tones,
            Work::Invite { .. } | Work::StartHoldMusic { .. } | Work::Instant { .. } => Line::None,
        }
    }

    /// Media knows of it, so media must forget it.
    pub(crate) fn is_in_media(&self) -> bool {
        match self.work {
            Work::Play { .. } | Work::Record { .. } | Work::StartHoldMusic { .. } => true,
            Work::SendTones { .. } => self.step == Step::Pressing,
            Work::Invite { .. } | Work::Instant { .. } => false,
        }
    }

    /// Somebody invited did not come.
    pub(crate) fn invitee_failed(&mut self, why: NotReached) {
        if let Work::Invite { failed, .. } = &mut self.work {
            failed.get_or_insert(why);
        }
    }

    /// How an invitation ended.
    pub(crate) fn invited(&self) -> Outcome {
        match self.work {
            Work::Invite {
                failed: Some(why), ..
            } => Outcome::NotReached(why),
            _ => Outcome::Done,
        }
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
        match (&self.work, self.work.prompts().len()) {
            (Work::SendTones { tones, gap }, _) => {
                self.step = Step::Pressing;
                Next::Ask(MediaRequest::SendTones {
                    operation: self.id,
                    leg: self.leg,
                    tones: tones.clone(),
                    gap: *gap,
                })
            }
            (Work::StartHoldMusic { .. } | Work::Instant { .. }, _) => Next::End(Outcome::Done),
            (Work::Invite { .. }, _) => Next::Wait,
            (Work::Play { .. } | Work::Record { .. }, 0) => self.after(Step::Waiting),
            (Work::Play { .. } | Work::Record { .. }, prompts) => {
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
            Step::Waiting | Step::Recording | Step::Pressing => Next::Wait,
        }
    }

    /// What was being played could not be.
    pub(crate) fn play_failed(&mut self) -> Next {
        match self.step {
            Step::Prompting => Next::End(Outcome::PromptFailed(PlayFault::Playing)),
            Step::Beeping => Next::End(Outcome::BeepFailed),
            Step::Waiting | Step::Recording | Step::Pressing => Next::Wait,
        }
    }

    /// The recording ended by its rules.
    pub(crate) fn recorded(&mut self, ending: RecordEnding, duration: Duration) -> Next {
        match self.step {
            Step::Recording => Next::End(Outcome::Recorded { ending, duration }),
            Step::Waiting | Step::Prompting | Step::Beeping | Step::Pressing => Next::Wait,
        }
    }

    /// The tones were sent, or could not be.
    pub(crate) fn pressed(&mut self, outcome: Outcome) -> Next {
        match self.step {
            Step::Pressing => Next::End(outcome),
            Step::Waiting | Step::Prompting | Step::Beeping | Step::Recording => Next::Wait,
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
                Work::SendTones { .. } => OperationKind::SendTones,
                Work::Invite { invitees, .. } => OperationKind::Invite {
                    invitees: invitees.clone(),
                },
                Work::StartHoldMusic { .. } => OperationKind::StartHoldMusic,
                Work::Instant { kind } => kind.clone(),
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
            Work::SendTones { .. }
            | Work::Invite { .. }
            | Work::StartHoldMusic { .. }
            | Work::Instant { .. } => Next::Wait,
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
            Self::Record { prompt, .. } | Self::StartHoldMusic { prompt } => prompt.as_slice(),
            Self::SendTones { .. } | Self::Invite { .. } | Self::Instant { .. } => &[],
        }
    }
}
