//! What waits for one leg's bot.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use http::Uri;
use offhook_engine::Fact;
use offhook_terms::CallId;
use url::Url;

use super::disorder::Disorder;
use super::door::BotDoor;
use crate::graph::{Caller, Paper};
use crate::{clock, limits};

/// Where notifications go.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) uri: Uri,
    pub(super) text: String,
}

impl Target {
    /// A URL as the client needs it; `None` when HTTP cannot write it.
    pub(super) fn new(url: &Url) -> Option<Self> {
        Some(Self {
            uri: url.as_str().parse().ok()?,
            text: url.to_string(),
        })
    }
}

/// One worded notification.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) body: String,
    pub(super) target: Arc<Target>,
    pub(super) weight: Weight,
    /// When it was queued, which is when it had just been decided.
    pub(super) since: Instant,
}

impl Waiting {
    pub(super) fn new(body: String, target: Arc<Target>, weight: Weight) -> Self {
        let since = clock::now();
        Self {
            body,
            target,
            weight,
            since,
        }
    }
}

/// What becomes of a notification when there are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// The incoming call: never dropped, and pointless after its deadline.
    Incoming,
    /// Something in between: dropped first.
    Update,
    /// The end of an operation: never dropped.
    Ending,
    /// The end of the leg: never dropped, and the last.
    Last,
}

impl Weight {
    pub(super) fn of(fact: &Fact) -> Self {
        match fact {
            Fact::Incoming { .. } => Self::Incoming,
            Fact::OperationEnded { .. } => Self::Ending,
            Fact::Terminated(_) => Self::Last,
            _ => Self::Update,
        }
    }
}

/// What a bot says with its decision about an incoming call.
#[derive(Default)]
pub(super) struct Proposal {
    /// Where it wants its notifications.
    pub(super) target: Option<Arc<Target>>,
    /// What it says of the leg.
    pub(super) paper: Option<Paper>,
}

/// The queue of one leg, and what delivery must know about it.
pub(super) struct Leg {
    pub(super) call: CallId,
    pub(super) door: Arc<BotDoor>,
    pub(super) target: Arc<Target>,
    /// What the bot's decision changes once it has been accepted.
    pub(super) proposed: Option<Proposal>,
    /// The call was answered, or is over: the incoming notification has done its work.
    pub(super) decided: bool,
    /// Who called, if somebody called.
    pub(super) caller: Option<Arc<Caller>>,
    /// It is in a call of many.
    pub(super) is_group: bool,
    /// Its bot was told of the roster.
    pub(super) knows_roster: bool,
    /// A task is at it.
    pub(super) delivering: bool,
    /// Nothing more will be queued.
    pub(super) closed: bool,
    pub(super) trouble: Option<String>,
    /// What its notifications go through first, where they are sent as production does.
    pub(super) disorder: Option<Disorder>,
    queue: VecDeque<Waiting>,
}

impl Leg {
    pub(super) fn new(call: CallId, door: Arc<BotDoor>, target: Arc<Target>) -> Self {
        Self {
            call,
            door,
            target,
            proposed: None,
            decided: false,
            caller: None,
            is_group: false,
            knows_roster: false,
            delivering: false,
            closed: false,
            trouble: None,
            disorder: None,
            queue: VecDeque::new(),
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
    }

    #[cfg(test)]
    pub(super) fn last_for_tests(&self) -> Option<String> {
        self.queue.back().map(|waiting| waiting.body.clone())
    }

    /// Queues one; when there are too many, the oldest that may be dropped is.
    pub(super) fn push(&mut self, waiting: Waiting) {
        if self.queue.len() >= limits::NOTIFICATIONS_PER_LEG_MAX {
            let oldest = self
                .queue
                .iter()
                .position(|waiting| waiting.weight == Weight::Update);
            match oldest {
                Some(oldest) => drop(self.queue.remove(oldest)),
                None if waiting.weight == Weight::Update => {
                    dropped();
                    return;
                }
                None => {}
            }
            if oldest.is_some() {
                dropped();
            }
        }
        self.closed |= waiting.weight == Weight::Last;
        self.queue.push_back(waiting);
    }

    /// The next to be sent in one request: those in front that go to the same place. The incoming
    /// call goes alone, because it alone has a deadline.
    pub(super) fn take(&mut self) -> Vec<Waiting> {
        let mut batch: Vec<Waiting> = Vec::new();
        while let Some(next) = self.queue.front() {
            if let Some(first) = batch.first()
                && (first.weight == Weight::Incoming
                    || batch.len() >= limits::NOTIFICATIONS_PER_POST_MAX
                    || !Arc::ptr_eq(&first.target, &next.target))
            {
                break;
            }
            batch.extend(self.queue.pop_front());
        }
        batch
    }
}

fn dropped() {
    metrics::counter!("offhook_notifications_dropped_total").increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use offhook_engine::{OperationKind, Outcome};
    use offhook_terms::OperationId;

    fn target() -> Arc<Target> {
        let url = Url::parse("https://b.example/").expect("a URL");
        Arc::new(Target::new(&url).expect("a target"))
    }

    fn waiting(number: u64, fact: Fact, target: &Arc<Target>) -> Waiting {
        Waiting::new(number.to_string(), Arc::clone(target), Weight::of(&fact))
    }

    fn leg() -> Leg {
        Leg::new(CallId::from_bits(1), BotDoor::for_tests(), target())
    }

    fn ended() -> Fact {
        Fact::OperationEnded {
            operation: OperationId::from_bits(1),
            kind: OperationKind::Record,
            context: None,
            outcome: Outcome::Cancelled,
        }
    }

    #[test]
    fn endings_are_never_dropped() {
        let mut leg = leg();
        let target = target();
        let many = limits::NOTIFICATIONS_PER_LEG_MAX as u64;
        for number in 0..many {
            let fact = if number % 2 == 0 {
                ended()
            } else {
                Fact::AudioFlows
            };
            leg.push(waiting(number, fact, &target));
        }
        for number in many..2 * many {
            leg.push(waiting(number, ended(), &target));
        }
        let mut left = Vec::new();
        loop {
            let batch = leg.take();
            if batch.is_empty() {
                break;
            }
            assert!(batch.len() <= limits::NOTIFICATIONS_PER_POST_MAX);
            left.extend(batch.into_iter().map(|waiting| waiting.body));
        }
        let evens = (0..many).filter(|number| number % 2 == 0);
        let wanted: Vec<_> = evens.chain(many..2 * many).map(|n| n.to_string()).collect();
        assert_eq!(left, wanted);
    }

    #[test]
    fn a_batch_goes_to_one_place() {
        let mut leg = leg();
        let (first, second) = (target(), target());
        leg.push(waiting(1, Fact::Establishing, &first));
        leg.push(waiting(2, Fact::Established, &first));
        leg.push(waiting(3, Fact::AudioFlows, &second));
        assert_eq!(leg.take().len(), 2);
        assert_eq!(leg.take().len(), 1);
    }
}
