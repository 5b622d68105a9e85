//! What a session's owner, or another session, may ask about a dialog without waiting for it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use offhook_terms::Private;

use crate::reply::{Tag, tag_text};

/// The name of a dialog at this end, by which another call may take its place (RFC 3891).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialogId {
    /// The `Call-ID`.
    pub call_id: Private<String>,
    /// Our tag.
    pub local_tag: Private<String>,
    /// Their tag.
    pub remote_tag: Private<String>,
}

impl DialogId {
    /// The `Replaces` value by which a call to the same peer takes this dialog's place; `from-tag`
    /// and `to-tag` are as that peer sees them (RFC 3891 §3).
    #[must_use]
    pub fn replaces(&self) -> Private<String> {
        Private::new(format!(
            "{};to-tag={};from-tag={}",
            self.call_id.reveal(),
            self.remote_tag.reveal(),
            self.local_tag.reveal()
        ))
    }

    /// Reads the `Replaces` value of a request to us.
    pub(crate) fn of_replaces(value: &[u8]) -> Option<(Self, bool)> {
        let text = std::str::from_utf8(value).ok()?;
        let mut parts = text.split(';').map(str::trim);
        let call_id = parts.next().filter(|id| !id.is_empty())?;
        let (mut to, mut from, mut early_only) = (None, None, false);
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "to-tag" => to = Some(value.trim()),
                "from-tag" => from = Some(value.trim()),
                "early-only" => early_only = true,
                _ => {}
            }
        }
        let id = Self {
            call_id: Private::new(call_id.to_owned()),
            local_tag: Private::new(to?.to_owned()),
            remote_tag: Private::new(from?.to_owned()),
        };
        Some((id, early_only))
    }
}

/// How far a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Stage {
    /// Not answered.
    #[default]
    Early,
    /// Answered.
    Up,
    /// Ended.
    Over,
}

/// What is known of a dialog and its other end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    pub(crate) stage: Stage,
    /// We placed the call.
    pub(crate) ours: bool,
    pub(crate) id: Option<DialogId>,
    /// Where the peer says it is.
    pub(crate) contact: Option<Private<String>>,
    pub(crate) takes_refer: bool,
    pub(crate) takes_replaces: bool,
}

/// What a session has told about itself. Its lock is held for a look, never across a wait.
#[derive(Debug, Default)]
pub(crate) struct Facts(Mutex<Known>);

impl Facts {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, known: Known) {
        *self.known() = known;
    }

    pub(crate) fn over(&self) {
        self.known().stage = Stage::Over;
    }

    pub(crate) fn get<T>(&self, look: impl FnOnce(&Known) -> T) -> T {
        look(&self.known())
    }
}

/// A dialog's name, once it has both tags.
pub(crate) fn dialog_id(call_id: &[u8], local: Tag, remote: &[u8]) -> DialogId {
    let text = |bytes: &[u8]| Private::new(String::from_utf8_lossy(bytes).into_owned());
    DialogId {
        call_id: text(call_id),
        local_tag: Private::new(tag_text(local)),
        remote_tag: text(remote),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaces_value_is_read_from_the_other_end() {
        let ours = dialog_id(b"a@b", 7, b"theirs");
        let value = ours.replaces();
        assert_eq!(
            value.reveal(),
            "a@b;to-tag=theirs;from-tag=0000000000000007"
        );
        let (theirs, early_only) =
            DialogId::of_replaces(value.reveal().as_bytes()).expect("well formed");
        assert_eq!(theirs.local_tag, ours.remote_tag);
        assert_eq!(theirs.remote_tag, ours.local_tag);
        assert!(!early_only);
        assert!(DialogId::of_replaces(b"a@b;to-tag=1").is_none());
        assert!(DialogId::of_replaces(b";to-tag=1;from-tag=2").is_none());
    }
}
