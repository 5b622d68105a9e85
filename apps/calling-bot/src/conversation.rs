//! One call's conversation: what happened goes in, what to do comes out.
//!
//! ```text
//!                        silence, first time
//!                        ┌──────────┐
//!   Answered ──audio──▶ Recording ──┘ ◀───────────┐ rounds left
//!                        │      └─ message ─▶ Echoing ── ended, anyhow
//!      silence again, or │                        │ no rounds left
//!      anything wrong    ▼                        ▼
//!                       Parting ── goodbye ended ──▶ Gone
//! ```
//!
//! Nothing here waits or sends, so every repeated, late or missing notification is one line of a
//! test.

use offhook_bot::wire::graph::CompletionReason;
use offhook_bot::{EndedOperation, OperationId, Private};

use crate::limits::ASKED_AGAIN;
use crate::prompts::Prompt;

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing; something else will happen.
    Wait,
    /// Say this and record what comes.
    Record(Prompt),
    /// Download the message and play it back.
    Echo {
        /// Where it is.
        location: String,
        /// What opens it.
        token: Private<String>,
    },
    /// Say goodbye.
    Part,
    /// Leave.
    HangUp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    Answered,
    /// `None` until the platform has said which operation it is.
    Recording(Option<OperationId>),
    Echoing(Option<OperationId>),
    Parting(Option<OperationId>),
    Gone,
}

/// One call's conversation.
#[derive(Debug)]
pub(crate) struct Conversation {
    phase: Phase,
    rounds_left: u32,
    asked_again: u32,
}

impl Conversation {
    /// The call was answered.
    pub(crate) fn new(rounds: u32) -> Self {
        Self {
            phase: Phase::Answered,
            rounds_left: rounds.max(1),
            asked_again: 0,
        }
    }

    /// The caller can hear us. Told many times; counts once.
    pub(crate) fn audio_flows(&mut self) -> Step {
        if self.phase != Phase::Answered {
            return Step::Wait;
        }
        self.record(Prompt::LeaveAMessage)
    }

    /// What was asked for has been accepted, under this id.
    pub(crate) fn accepted(&mut self, operation: Option<OperationId>) {
        match &mut self.phase {
            Phase::Recording(id) | Phase::Echoing(id) | Phase::Parting(id) => *id = operation,
            Phase::Answered | Phase::Gone => {}
        }
    }

    /// What was asked for cannot be had.
    pub(crate) fn failed(&mut self) -> Step {
        match self.phase {
            // The message could not be fetched or played; the caller may try another.
            Phase::Echoing(_) => self.next_round(),
            Phase::Recording(_) => self.part(),
            Phase::Answered | Phase::Parting(_) | Phase::Gone => self.hang_up(),
        }
    }

    /// Whether this is the operation the conversation waits for.
    fn waits_for(&self, ended: &EndedOperation) -> bool {
        match &self.phase {
            Phase::Recording(id) | Phase::Echoing(id) | Phase::Parting(id) => {
                id.is_some() && *id == ended.id
            }
            Phase::Answered | Phase::Gone => false,
        }
    }

    /// An operation ended.
    pub(crate) fn ended(&mut self, ended: &EndedOperation) -> Step {
        if !self.waits_for(ended) {
            return Step::Wait;
        }
        match self.phase {
            Phase::Recording(_) => self.recorded(ended),
            // Well or badly: the caller has heard what there is to hear.
            Phase::Echoing(_) => self.next_round(),
            Phase::Parting(_) => self.hang_up(),
            Phase::Answered | Phase::Gone => Step::Wait,
        }
    }

    fn recorded(&mut self, ended: &EndedOperation) -> Step {
        let operation = &ended.operation;
        if ended.succeeded() {
            let location = operation.recording_location.clone().unwrap_or_default();
            let token = operation.recording_access_token.clone();
            return match token {
                Some(token) if !location.is_empty() => {
                    self.phase = Phase::Echoing(None);
                    Step::Echo { location, token }
                }
                _ => self.part(),
            };
        }
        match ended.reason() {
            CompletionReason::InitialSilenceTimeout if self.asked_again < ASKED_AGAIN => {
                self.asked_again += 1;
                self.record(Prompt::NothingHeard)
            }
            _ => self.part(),
        }
    }

    fn next_round(&mut self) -> Step {
        self.rounds_left = self.rounds_left.saturating_sub(1);
        if self.rounds_left == 0 {
            return self.part();
        }
        self.asked_again = 0;
        self.record(Prompt::LeaveAMessage)
    }

    fn record(&mut self, prompt: Prompt) -> Step {
        self.phase = Phase::Recording(None);
        Step::Record(prompt)
    }

    fn part(&mut self) -> Step {
        self.phase = Phase::Parting(None);
        Step::Part
    }

    /// Leaves at once.
    pub(crate) fn hang_up(&mut self) -> Step {
        if self.phase == Phase::Gone {
            return Step::Wait;
        }
        self.phase = Phase::Gone;
        Step::HangUp
    }
}

#[cfg(test)]
mod tests {
    use offhook_bot::wire::graph::{Operation, OperationKind, OperationStatus, ResultInfo};

    use super::*;

    fn ended(id: &str, status: OperationStatus, result: (i32, i32)) -> EndedOperation {
        let mut operation = Operation::new(OperationKind::Record, id, status);
        operation.result_info = Some(ResultInfo::new(result.0, result.1, ""));
        EndedOperation {
            id: Some(OperationId::new(id)),
            kind: OperationKind::Record,
            operation,
        }
    }

    fn recorded(id: &str) -> EndedOperation {
        let mut ended = ended(id, OperationStatus::Completed, (200, 8514));
        ended.operation.recording_location = Some("https://graph.example.org/1".into());
        ended.operation.recording_access_token = Some(Private::new("token".into()));
        ended
    }

    fn silent(id: &str) -> EndedOperation {
        ended(id, OperationStatus::Failed, (400, 8510))
    }

    fn accepted(conversation: &mut Conversation, id: &str) {
        conversation.accepted(Some(OperationId::new(id)));
    }

    #[test]
    fn audio_starts_one_recording_however_often_it_is_told() {
        let mut talk = Conversation::new(3);
        assert_eq!(talk.audio_flows(), Step::Record(Prompt::LeaveAMessage));
        assert_eq!(talk.audio_flows(), Step::Wait);
        accepted(&mut talk, "1");
        assert_eq!(talk.audio_flows(), Step::Wait);
    }

    #[test]
    fn a_message_is_echoed_and_the_next_is_asked_for_until_rounds_are_over() {
        let mut talk = Conversation::new(2);
        talk.audio_flows();
        for (round, next) in [(0, Step::Record(Prompt::LeaveAMessage)), (1, Step::Part)] {
            accepted(&mut talk, &format!("r{round}"));
            assert!(matches!(
                talk.ended(&recorded(&format!("r{round}"))),
                Step::Echo { .. }
            ));
            accepted(&mut talk, &format!("p{round}"));
            let played = ended(&format!("p{round}"), OperationStatus::Completed, (200, 0));
            assert_eq!(talk.ended(&played), next);
        }
        accepted(&mut talk, "bye");
        let said = ended("bye", OperationStatus::Completed, (200, 0));
        assert_eq!(talk.ended(&said), Step::HangUp);
        assert_eq!(talk.ended(&said), Step::Wait);
    }

    #[test]
    fn a_silent_caller_is_asked_once_more() {
        let mut talk = Conversation::new(3);
        talk.audio_flows();
        accepted(&mut talk, "1");
        assert_eq!(talk.ended(&silent("1")), Step::Record(Prompt::NothingHeard));
        accepted(&mut talk, "2");
        assert_eq!(talk.ended(&silent("2")), Step::Part);
    }

    #[test]
    fn another_operations_end_is_not_this_ones() {
        let mut talk = Conversation::new(3);
        talk.audio_flows();
        accepted(&mut talk, "1");
        assert_eq!(talk.ended(&recorded("0")), Step::Wait);
        assert!(matches!(talk.ended(&recorded("1")), Step::Echo { .. }));
        assert_eq!(talk.ended(&recorded("1")), Step::Wait);
    }

    #[test]
    fn an_echo_that_fails_is_followed_by_the_next_round() {
        let mut talk = Conversation::new(2);
        talk.audio_flows();
        accepted(&mut talk, "1");
        talk.ended(&recorded("1"));
        assert_eq!(talk.failed(), Step::Record(Prompt::LeaveAMessage));
        assert_eq!(talk.failed(), Step::Part);
        assert_eq!(talk.failed(), Step::HangUp);
        assert_eq!(talk.failed(), Step::Wait);
    }

    #[test]
    fn a_prompt_that_fails_ends_in_goodbye() {
        let mut talk = Conversation::new(3);
        talk.audio_flows();
        accepted(&mut talk, "1");
        let failed = ended("1", OperationStatus::Failed, (500, 8511));
        assert_eq!(talk.ended(&failed), Step::Part);
    }
}
