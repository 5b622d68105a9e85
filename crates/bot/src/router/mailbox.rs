//! One mailbox per call: what arrives is queued at once and handled one by one.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use offhook_wire::graph::Notification;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio_util::task::TaskTracker;

use super::Handler;
use super::recent::Recent;
use super::story::Story;
use crate::CallId;
use crate::limits::{ENDED_CALLS_MAX, MAILBOX_EVENTS_MAX, MAILBOX_IDLE};

/// Why a delivery was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotTaken {
    #[error("the mailbox of {0} is full")]
    Full(CallId),
    #[error("the bot is going down")]
    Closed,
}

pub(super) struct Mailboxes<H>(Arc<Shared<H>>);

struct Shared<H> {
    handler: H,
    open: Mutex<Open>,
    tasks: TaskTracker,
}

struct Open {
    mailboxes: HashMap<CallId, mpsc::Sender<Notification>>,
    ended: Recent<CallId>,
    closed: bool,
}

impl<H: Handler> Mailboxes<H> {
    pub(super) fn new(handler: H) -> Self {
        Self(Arc::new(Shared {
            handler,
            open: Mutex::new(Open {
                mailboxes: HashMap::new(),
                ended: Recent::new(ENDED_CALLS_MAX),
                closed: false,
            }),
            tasks: TaskTracker::new(),
        }))
    }

    /// Takes a whole delivery or nothing of it.
    pub(super) fn put(&self, delivery: Vec<(CallId, Notification)>) -> Result<(), NotTaken> {
        // Held until all is queued: a mailbox cannot end between being found and being filled.
        let mut open = self.0.open();
        if open.closed {
            return Err(NotTaken::Closed);
        }
        let mut places = Vec::with_capacity(delivery.len());
        for (call, notification) in delivery {
            if open.ended.contains(&call) {
                tracing::debug!(%call, "a notification came after the end of its call");
                continue;
            }
            let mailbox = open
                .mailboxes
                .entry(call.clone())
                .or_insert_with(|| self.0.new_mailbox(&call));
            match mailbox.clone().try_reserve_owned() {
                Ok(place) => places.push((place, notification)),
                Err(TrySendError::Full(_)) => return Err(NotTaken::Full(call)),
                Err(TrySendError::Closed(_)) => return Err(NotTaken::Closed),
            }
        }
        for (place, notification) in places {
            place.send(notification);
        }
        Ok(())
    }

    pub(super) async fn drain(&self) {
        {
            let mut open = self.0.open();
            open.closed = true;
            // Without a sender each mailbox ends when it is empty.
            open.mailboxes.clear();
        }
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }
}

impl<H: Handler> Shared<H> {
    fn open(&self) -> std::sync::MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn new_mailbox(self: &Arc<Self>, call: &CallId) -> mpsc::Sender<Notification> {
        let (sender, receiver) = mpsc::channel(MAILBOX_EVENTS_MAX);
        let shared = Arc::clone(self);
        let call = call.clone();
        self.tasks
            .spawn(async move { shared.attend(call, receiver).await });
        sender
    }

    /// Handles one call's notifications until it ends or nothing comes for long.
    async fn attend(&self, call: CallId, mut mailbox: mpsc::Receiver<Notification>) {
        let mut story = Story::new();
        loop {
            let next = tokio::time::timeout(MAILBOX_IDLE, mailbox.recv()).await;
            let notification = match next {
                Ok(Some(notification)) => notification,
                Ok(None) => return,
                Err(_idle) => {
                    let mut open = self.open();
                    if mailbox.is_empty() {
                        open.mailboxes.remove(&call);
                        return;
                    }
                    continue;
                }
            };
            if let Some(event) = story.tell(notification) {
                if story.over {
                    // What comes from now on comes too late.
                    let mut open = self.open();
                    open.ended.insert(call.clone());
                    open.mailboxes.remove(&call);
                }
                let handled = AssertUnwindSafe(self.handler.handle(call.clone(), event));
                if handled.catch_unwind().await.is_err() {
                    tracing::error!(%call, "the handler panicked; the call goes on");
                }
            }
            if story.over {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Event;

    fn delivery(call: &str, state: &str) -> Vec<(CallId, Notification)> {
        let notification = serde_json::json!({"resourceUrl": format!("/calls/{call}"),
            "resourceData": {"@odata.type": "#microsoft.graph.call", "state": state}});
        let notification = serde_json::from_value(notification).expect("it can be read");
        vec![(CallId::new(call), notification)]
    }

    #[tokio::test(start_paused = true)]
    async fn a_mailbox_nobody_writes_to_ends_and_a_new_one_takes_its_place() {
        let (tell, mut told) = mpsc::unbounded_channel();
        let mailboxes = Mailboxes::new(move |_: CallId, _: Event| {
            let _ = tell.send(());
            std::future::ready(())
        });
        for _ in 0..2 {
            mailboxes
                .put(delivery("a", "establishing"))
                .expect("it is taken");
            assert_eq!(told.recv().await, Some(()));
            assert_eq!(mailboxes.0.open().mailboxes.len(), 1);
            tokio::time::sleep(MAILBOX_IDLE + Duration::from_secs(1)).await;
            assert_eq!(mailboxes.0.open().mailboxes.len(), 0);
        }
    }

    #[tokio::test]
    async fn a_call_that_ended_stays_ended_and_leaves_no_mailbox() {
        let (tell, mut told) = mpsc::unbounded_channel();
        let mailboxes = Mailboxes::new(move |_: CallId, _: Event| {
            let _ = tell.send(());
            std::future::ready(())
        });
        mailboxes
            .put(delivery("a", "terminated"))
            .expect("it is taken");
        assert_eq!(told.recv().await, Some(()));
        mailboxes
            .put(delivery("a", "established"))
            .expect("it is taken");
        mailboxes.drain().await;
        assert!(told.try_recv().is_err());
    }
}
