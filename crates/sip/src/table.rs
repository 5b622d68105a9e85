//! Who is on the line: the sessions that exist, found by our tag, by a pending INVITE, or by the
//! request that began them.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sipx_sip::{HeaderName, Request, TransactionKey};
use tokio::sync::mpsc;

use crate::facts::Facts;
use crate::reply::Tag;
use crate::session::Inward;

/// The sessions of one endpoint. Its lock is held for a look-up, never across a wait.
#[derive(Default)]
pub(crate) struct Table {
    inner: Mutex<Inner>,
    hasher: RandomState,
}

#[derive(Default)]
struct Inner {
    sessions: HashMap<Tag, Entry>,
    /// INVITEs without a final response, for CANCEL.
    invites: HashMap<TransactionKey, Tag>,
    /// What began each incoming session, for merged requests.
    origins: HashMap<u64, Tag>,
}

struct Entry {
    inbox: mpsc::Sender<Inward>,
    facts: Arc<Facts>,
    invite: Option<TransactionKey>,
    origin: Option<u64>,
}

impl Table {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What RFC 3261 §8.2.2.2 compares: a request that reached us twice by different paths has
    /// the same From tag, Call-ID and CSeq, and another branch.
    pub(crate) fn origin(&self, request: &Request) -> u64 {
        let part = |name| request.headers.value(&name).map(|v| v.into_owned());
        let from = request
            .headers
            .typed::<sipx_sip::headers::From>()
            .and_then(Result::ok)
            .and_then(|from| from.tag().map(<[u8]>::to_vec));
        self.hasher
            .hash_one((from, part(HeaderName::CallId), part(HeaderName::CSeq)))
    }

    pub(crate) fn is_merged(&self, origin: u64) -> bool {
        self.inner().origins.contains_key(&origin)
    }

    /// Enters a session that began with an INVITE to us.
    pub(crate) fn enter_incoming(
        &self,
        tag: Tag,
        inbox: mpsc::Sender<Inward>,
        facts: Arc<Facts>,
        invite: TransactionKey,
        origin: u64,
    ) {
        let mut inner = self.inner();
        inner.invites.insert(invite.clone(), tag);
        inner.origins.insert(origin, tag);
        inner.sessions.insert(
            tag,
            Entry {
                inbox,
                facts,
                invite: Some(invite),
                origin: Some(origin),
            },
        );
    }

    /// Enters a session we began.
    pub(crate) fn enter_outgoing(&self, tag: Tag, inbox: mpsc::Sender<Inward>, facts: Arc<Facts>) {
        self.inner().sessions.insert(
            tag,
            Entry {
                inbox,
                facts,
                invite: None,
                origin: None,
            },
        );
    }

    /// A re-INVITE waits for its answer and may be cancelled meanwhile.
    pub(crate) fn may_cancel(&self, tag: Tag, invite: TransactionKey) {
        let mut inner = self.inner();
        if let Some(entry) = inner.sessions.get_mut(&tag) {
            let before = entry.invite.replace(invite.clone());
            inner.invites.insert(invite, tag);
            if let Some(before) = before {
                inner.invites.remove(&before);
            }
        }
    }

    /// The INVITE has its final response: it can no longer be cancelled.
    pub(crate) fn settled(&self, tag: Tag) {
        let mut inner = self.inner();
        let invite = inner
            .sessions
            .get_mut(&tag)
            .and_then(|entry| entry.invite.take());
        if let Some(invite) = invite {
            inner.invites.remove(&invite);
        }
    }

    pub(crate) fn remove(&self, tag: Tag) {
        let mut inner = self.inner();
        if let Some(entry) = inner.sessions.remove(&tag) {
            if let Some(invite) = entry.invite {
                inner.invites.remove(&invite);
            }
            if let Some(origin) = entry.origin {
                inner.origins.remove(&origin);
            }
        }
    }

    pub(crate) fn by_tag(&self, tag: Tag) -> Option<mpsc::Sender<Inward>> {
        self.inner()
            .sessions
            .get(&tag)
            .map(|entry| entry.inbox.clone())
    }

    pub(crate) fn facts(&self, tag: Tag) -> Option<Arc<Facts>> {
        let inner = self.inner();
        let entry = inner.sessions.get(&tag)?;
        Some(Arc::clone(&entry.facts))
    }

    pub(crate) fn by_invite(&self, invite: &TransactionKey) -> Option<mpsc::Sender<Inward>> {
        let inner = self.inner();
        let tag = inner.invites.get(invite)?;
        inner.sessions.get(tag).map(|entry| entry.inbox.clone())
    }

    pub(crate) fn len(&self) -> usize {
        self.inner().sessions.len()
    }

    pub(crate) fn everyone(&self) -> Vec<mpsc::Sender<Inward>> {
        self.inner()
            .sessions
            .values()
            .map(|entry| entry.inbox.clone())
            .collect()
    }
}
