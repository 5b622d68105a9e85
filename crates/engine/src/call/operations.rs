//! What is played and recorded, in which order.
//!
//! Operations of a leg stand in one line and the head runs. Prompts are fetched as soon as an
//! operation is accepted, whatever stands before it.

use std::time::Duration;

use offhook_terms::OperationId;

use super::Call;
use crate::operation::{Next, Operation, Work};
use crate::{
    Accepted, Command, Fact, LegState, MediaRequest, OperationView, Outcome, PrepareFault,
    RecordEnding, Refusal,
};

impl Call {
    /// Takes a command that plays or records.
    pub(super) fn operate(&mut self, command: Command) -> Result<Accepted, Refusal> {
        if self.bot.state != Some(LegState::Established) {
            return Err(Refusal::NotEstablished);
        }
        if self.phones.is_empty() {
            // The only phone was handed to another call: there is nobody to hear or record.
            return Err(Refusal::WrongState);
        }
        let (operation, barge_in) = match command {
            Command::Play {
                operation,
                prompts,
                for_ever,
                context,
            } => {
                let work = Work::Play { prompts, for_ever };
                (
                    Operation::new(operation, self.bot.leg, work, context),
                    false,
                )
            }
            Command::Record {
                operation,
                prompt,
                barge_in,
                beep,
                rules,
                context,
            } => {
                let work = Work::Record {
                    prompt,
                    beep,
                    rules,
                };
                (
                    Operation::new(operation, self.bot.leg, work, context),
                    barge_in,
                )
            }
            _ => return Err(Refusal::WrongState),
        };
        if barge_in {
            self.cancel_operations();
        }
        if self.operations.is_full() {
            return Err(Refusal::TooManyOperations);
        }
        for preparation in operation.preparations() {
            self.media(preparation);
        }
        self.operations.push(operation);
        self.advance();
        Ok(Accepted)
    }

    pub(super) fn on_prepared(&mut self, operation: OperationId, index: usize) {
        if let Some(operation) = self.operations.find(operation) {
            operation.prepared(index);
            self.advance();
        }
    }

    pub(super) fn on_prepare_failed(&mut self, operation: OperationId, why: PrepareFault) {
        if let Some(operation) = self.operations.find(operation) {
            operation.prepare_failed(why);
            self.advance();
        }
    }

    pub(super) fn on_played(&mut self, operation: OperationId) {
        self.step(operation, Operation::played);
    }

    pub(super) fn on_play_failed(&mut self, operation: OperationId) {
        self.step(operation, Operation::play_failed);
    }

    pub(super) fn on_recorded(
        &mut self,
        operation: OperationId,
        ending: RecordEnding,
        duration: Duration,
    ) {
        self.step(operation, |running| running.recorded(ending, duration));
    }

    /// Ends every operation that has not ended, in the order they were asked for.
    pub(super) fn cancel_operations(&mut self) {
        while let Some(view) = self.operations.end_head(Outcome::Cancelled) {
            let operation = view.operation;
            self.media(MediaRequest::Stop { operation });
            self.tell_ended(view);
        }
    }

    /// Something happened to an operation. Only the head runs; news of any other is late.
    fn step(&mut self, operation: OperationId, happened: impl FnOnce(&mut Operation) -> Next) {
        let head = self.operations.head().filter(|head| head.id() == operation);
        let Some(head) = head else { return };
        match happened(head) {
            Next::Wait => {}
            Next::Ask(request) => self.media(request),
            Next::End(outcome) => {
                self.end_head(outcome);
                self.advance();
            }
        }
    }

    /// Starts the head of the line if it can start. One that has failed already makes room.
    fn advance(&mut self) {
        while let Some(head) = self.operations.head() {
            match head.start() {
                Next::Wait => return,
                Next::Ask(request) => return self.media(request),
                Next::End(outcome) => self.end_head(outcome),
            }
        }
    }

    fn end_head(&mut self, outcome: Outcome) {
        if let Some(view) = self.operations.end_head(outcome) {
            let operation = view.operation;
            self.media(MediaRequest::Forget { operation });
            self.tell_ended(view);
        }
    }

    fn tell_ended(&mut self, view: OperationView) {
        self.tell(Fact::OperationEnded {
            operation: view.operation,
            kind: view.kind,
            context: view.context,
            outcome: view.outcome.expect("an ended operation has an outcome"),
        });
    }
}
