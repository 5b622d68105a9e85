//! Files that bots upload for their conversations: kept while the conversation lasts, and shown to the
//! bot that uploaded them. Nobody hears a file.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use offhook_terms::{AppId, LegId, Private};

use crate::limits;

/// One of them.
#[derive(Debug, Clone)]
pub(super) struct Attachment {
    pub(super) bot: AppId,
    pub(super) leg: LegId,
    pub(super) name: Private<String>,
    pub(super) media_type: String,
    pub(super) original: Bytes,
    pub(super) thumbnail: Option<Bytes>,
}

/// All of them.
#[derive(Default)]
pub(super) struct Attachments(Mutex<HashMap<String, Attachment>>);

impl Attachments {
    /// Keeps one; false when its conversation has as many as it may.
    pub(super) fn keep(&self, id: String, attachment: Attachment) -> bool {
        let mut all = self.all();
        let of_leg = all.values().filter(|other| other.leg == attachment.leg);
        if of_leg.count() >= limits::ATTACHMENTS_PER_LINE_MAX {
            return false;
        }
        all.insert(id, attachment);
        true
    }

    pub(super) fn get(&self, bot: AppId, id: &str) -> Option<Attachment> {
        let all = self.all();
        all.get(id).filter(|found| found.bot == bot).cloned()
    }

    /// The conversation is over.
    pub(super) fn forget(&self, leg: LegId) {
        self.all().retain(|_, attachment| attachment.leg != leg);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Attachment>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
