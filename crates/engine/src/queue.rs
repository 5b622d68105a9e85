//! The operations of one bot's leg: one line of them, the head running, and the last that ended.

use std::collections::VecDeque;

use offhook_terms::OperationId;

use crate::limits::{ENDED_OPERATIONS_KEPT, OPERATIONS_MAX};
use crate::operation::Operation;
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

    pub(crate) fn head(&mut self) -> Option<&mut Operation> {
        self.outstanding.front_mut()
    }

    pub(crate) fn find(&mut self, id: OperationId) -> Option<&mut Operation> {
        self.outstanding.iter_mut().find(|one| one.id() == id)
    }

    /// Ends the head of the line and gives what a bot may see of it from now on.
    pub(crate) fn end_head(&mut self, outcome: Outcome) -> Option<OperationView> {
        let view = self.outstanding.pop_front()?.view(Some(outcome));
        if self.ended.len() == ENDED_OPERATIONS_KEPT {
            self.ended.pop_front();
        }
        self.ended.push_back(view.clone());
        Some(view)
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
