//! The time an answer may take.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Which question's time is over: of which bot dialog on the stack, and which of its questions.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Timeout {
    #[serde(rename = "offhook.timeout")]
    of: (u64, u64),
}

impl Timeout {
    pub(super) fn new(frame: u64, question: u64) -> Self {
        Self {
            of: (frame, question),
        }
    }

    /// What a reminder says, if it is one of these.
    pub(super) fn read(value: &Value) -> Option<Self> {
        Self::deserialize(value).ok()
    }
}
