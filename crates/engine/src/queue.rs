//! The operations of one bot's leg: those that have not ended, and the last that have.
//!
//! What is played and recorded stands in one line, and so do tones among themselves: the head of a
//! line runs. Everything else stands for itself.

use std::collections::VecDeque;

use offhook_terms::OperationId;

use crate::limits::{ENDED_OPERATIONS_KEPT, OPERATIONS_MAX};
use crate::operation::{Line, Operation};
use crate::{OperationView, Outcome};

#[derive(Debug, Default)]
pub(crate) struct Queue {
    outstanding: VecDeque<Operation>,
    ended: VecDeque<OperationView>,
}

impl Queue {
    pub(crate) fn is_full(&self) -> bool {
        self.outstanding.len() >= OPERATIONS_MAX
    }

    pub(crate) fn push(&mut self, operation: Operation) {
        debug_assert!(
            self.view(operation.id()).is_none(),
            "the edge makes a new id for every operation"
        );
        self.outstanding.push_back(operation);
    }

    /// The oldest of a line.
    pub(crate) fn head(&mut self, line: Line) -> Option<&mut Operation> {
        self.outstanding.iter_mut().find(|one| one.line() == line)
    }

    /// The oldest of those that are wanted.
    pub(crate) fn oldest(&self, is_it: impl Fn(Line) -> bool) -> Option<OperationId> {
        let mut all = self.outstanding.iter();
        all.find(|one| is_it(one.line())).map(Operation::id)
    }

    pub(crate) fn find(&mut self, id: OperationId) -> Option<&mut Operation> {
        self.outstanding.iter_mut().find(|one| one.id() == id)
    }

    /// Takes out an operation that has ended, and remembers what a bot may see of it from now on.
    pub(crate) fn end(&mut self, id: OperationId, outcome: Outcome) -> Option<Operation> {
        let at = self.outstanding.iter().position(|one| one.id() == id)?;
        let operation = self.outstanding.remove(at)?;
        self.remember(operation.view(Some(outcome)));
        Some(operation)
    }

    /// Remembers an operation that has ended.
    pub(crate) fn remember(&mut self, view: OperationView) {
        if self.ended.len() == ENDED_OPERATIONS_KEPT {
            self.ended.pop_front();
        }
        self.ended.push_back(view);
    }

    pub(crate) fn view(&self, id: OperationId) -> Option<OperationView> {
        let outstanding = self.outstanding.iter().find(|one| one.id() == id);
        let ended = || self.ended.iter().find(|view| view.operation == id).cloned();
        outstanding.map(|one| one.view(None)).or_else(ended)
    }

    /// Oldest first: those that ended, then those that have not.
    pub(crate) fn views(&self) -> Vec<OperationView> {
        let outstanding = self.outstanding.iter().map(|one| one.view(None));
        self.ended.iter().cloned().chain(outstanding).collect()
    }
}
