//! The client contexts this bot issued, and the calls they belong to.
//!
//! A notification about an operation carries the context the bot gave it, and the context is the
//! first place to look for the call. Only contexts from this table count: a foreign one must never
//! choose a call.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use crate::CallId;
use crate::limits::CONTEXTS_MAX;

/// The table, shared between the client that issues contexts and the router that looks them up.
///
/// ```
/// use offhook_bot::{CallContexts, CallId};
///
/// // What is asked for carries a context, and by that its answer finds the call.
/// let contexts = CallContexts::default();
/// let call = CallId::new("57dab8b1-894c-409a-b240-bd8beae78896");
/// let context = contexts.issue(&call);
/// assert_eq!(contexts.call(&context), Some(call));
/// ```
#[derive(Debug, Clone, Default)]
pub struct CallContexts(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    calls: HashMap<String, CallId>,
    oldest_first: VecDeque<String>,
}

impl CallContexts {
    /// A fresh context for an operation of a call.
    pub fn issue(&self, call: &CallId) -> String {
        let context = uuid::Uuid::new_v4().to_string();
        self.keep(&context, call);
        context
    }

    /// Remembers a context of the bot's own making.
    pub fn keep(&self, context: &str, call: &CallId) {
        let mut table = self.table();
        if table.calls.insert(context.into(), call.clone()).is_none() {
            table.oldest_first.push_back(context.into());
        }
        // Contexts that ended are still in the queue: drop those on the way.
        while table.oldest_first.len() > CONTEXTS_MAX {
            let Some(oldest) = table.oldest_first.pop_front() else {
                break;
            };
            table.calls.remove(&oldest);
        }
    }

    /// The call of a context, if this bot issued it and its operation has not ended.
    pub fn call(&self, context: &str) -> Option<CallId> {
        self.table().calls.get(context).cloned()
    }

    /// Forgets a context: its operation has ended, or was refused.
    pub fn forget(&self, context: &str) {
        self.table().calls.remove(context);
    }

    fn table(&self) -> std::sync::MutexGuard<'_, Table> {
        // The table is whole between any two statements that hold the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_gives_way() {
        let contexts = CallContexts::default();
        let call = CallId::new("a");
        let first = contexts.issue(&call);
        assert_eq!(contexts.call(&first), Some(call.clone()));
        for _ in 0..CONTEXTS_MAX {
            contexts.issue(&call);
        }
        assert_eq!(contexts.call(&first), None);
    }

    #[test]
    fn an_ended_context_chooses_nothing() {
        let contexts = CallContexts::default();
        let context = contexts.issue(&CallId::new("a"));
        contexts.forget(&context);
        assert_eq!(contexts.call(&context), None);
        assert_eq!(contexts.call("foreign"), None);
    }
}
