//! Telling bots what happened: one ordered queue per leg.
//!
//! ```text
//!   call task ── event ──▶ queue of the leg ──▶ delivery (a task while something waits) ──▶ POST
//!                             bounded                one at a time, in order, tried again
//! ```
//!
//! A leg that has nothing to say costs its entry in a table and nothing else. A bot that is slow or
//! dead delays itself only: it has connections, seats and queues of its own. What is undelivered
//! when the process ends is told at the next start, as far as it is an ending.

mod delivery;
mod disorder;
mod door;
mod queue;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use offhook_engine::{Ending, Event, Fact, OperationKind, Outcome};
use offhook_terms::{AppId, CallId, LegId};
use serde_json::Value;
use tokio::sync::Notify;
use url::Url;

use crate::config::Protocol;
use crate::graph::{Caller, Known, Paper, Papers, Wording, notification};
use crate::login::Login;
use crate::outgoing::Clients;
use crate::registry::{Bot, Registry};
use crate::store::{self, LostLeg, Store};
use crate::switchboard::Switchboard;
use crate::{clock, limits};

use disorder::Disorder;
use door::BotDoor;
use queue::{Leg, Proposal, Target, Waiting, Weight};

/// The queues of all live bot legs. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Outboxes {
    shared: Arc<Shared>,
}

struct Shared {
    doors: HashMap<AppId, Arc<BotDoor>>,
    legs: Mutex<HashMap<LegId, Leg>>,
    login: Arc<Login>,
    store: Store,
    switchboard: Switchboard,
    wording: Wording,
    papers: Papers,
    /// Told whenever a queue has run empty.
    emptied: Notify,
}

impl Outboxes {
    pub(crate) fn new(
        registry: &Registry,
        clients: &Clients,
        login: Arc<Login>,
        store: Store,
        switchboard: Switchboard,
        wording: Wording,
    ) -> Self {
        let door = |bot: &Bot| {
            let bot = registry.speaks(bot.app, Protocol::Graph)?;
            let outgoing = clients.get(&bot.app)?.clone();
            let door = BotDoor::new(Arc::clone(bot), outgoing)?;
            Some((bot.app, Arc::new(door)))
        };
        Self {
            shared: Arc::new(Shared {
                doors: registry.bots().filter_map(door).collect(),
                legs: Mutex::default(),
                login,
                store,
                switchboard,
                wording,
                papers: Papers::default(),
                emptied: Notify::new(),
            }),
        }
    }

    /// A bot's leg begins; before its first event. From here on its bot is owed an ending, also by
    /// the next process. A bot that called or joined said where it wants to hear of the leg; one that
    /// is called hears of it at its webhook.
    pub(crate) fn open(&self, call: CallId, leg: LegId, bot: AppId, callback: Option<&Url>) {
        let Some(door) = self.shared.doors.get(&bot) else {
            return;
        };
        let store = &self.shared.store;
        store.leg_opened(leg, call, bot);
        let named = callback.and_then(Target::new);
        let mut opened = Leg::new(call, Arc::clone(door), door.webhook());
        opened.disorder = self.shared.disorder(door);
        if let Some(target) = named {
            store.leg_moved(leg, target.text.clone());
            opened.target = Arc::new(target);
            opened.decided = true;
        }
        self.shared.legs().insert(leg, opened);
    }

    /// Queues what happened for the bot of this leg.
    pub(crate) fn push(&self, event: Event) {
        let Some(prepared) = self.shared.prepare(&event) else {
            return;
        };
        let paper = self.shared.papers.of(event.leg);
        let known = Known {
            leg: event.leg,
            call: prepared.call,
            bot: &prepared.door.bot,
            callback: &prepared.target.text,
            caller: prepared.caller.as_deref(),
            is_group: prepared.is_group,
            knows_roster: prepared.knows_roster,
            paper: &paper,
        };
        // Worded outside the lock; the events of one leg come from one task, so they stay in order.
        let Some(told) = notification(&event, known, &self.shared.wording) else {
            return;
        };
        let weight = Weight::of(&event.fact);
        if self.shared.wording.disorder.is_some() {
            let told = serde_json::to_value(&told)
                .expect("a notification is plain data, which always prints");
            return self.push_disordered(event.leg, told, weight, prepared.target);
        }
        let body = serde_json::to_string(&told)
            .expect("a notification is plain data, which always prints");
        let target = prepared.target;
        self.send(event.leg, Waiting::new(body, target, weight));
    }

    fn send(&self, leg: LegId, waiting: Waiting) {
        if self.shared.queue(leg, waiting) {
            tokio::spawn(delivery::run(Arc::clone(&self.shared), leg));
        }
    }

    /// Queues what production would send: something else, later, or twice.
    fn push_disordered(&self, leg: LegId, told: Value, weight: Weight, target: Arc<Target>) {
        let (out, is_holding) = {
            let mut legs = self.shared.legs();
            let Some(disorder) = legs.get_mut(&leg).and_then(|leg| leg.disorder.as_mut()) else {
                return;
            };
            (disorder.next(told, weight), disorder.is_holding())
        };
        for (told, weight) in out {
            let target = Arc::clone(&target);
            self.send(leg, Waiting::new(told.to_string(), target, weight));
        }
        if is_holding {
            let outboxes = self.clone();
            tokio::spawn(async move {
                tokio::time::sleep(limits::DISORDER_HELD_FOR).await;
                outboxes.release(leg, target);
            });
        }
    }

    /// Nothing has overtaken what was held back.
    fn release(&self, leg: LegId, target: Arc<Target>) {
        let held = {
            let mut legs = self.shared.legs();
            let disorder = legs.get_mut(&leg).and_then(|leg| leg.disorder.as_mut());
            disorder.and_then(Disorder::release)
        };
        if let Some(held) = held {
            self.send(leg, Waiting::new(held.to_string(), target, Weight::Update));
        }
    }

    /// What bots said of their legs.
    pub(crate) fn papers(&self) -> &Papers {
        &self.shared.papers
    }

    /// What a bot says with its decision: from then on, notifications of the leg are to go there,
    /// and this is to be kept of it. False when the leg is decided already or somebody proposed before.
    pub(crate) fn propose(&self, leg: LegId, callback: Option<&Url>, paper: Option<Paper>) -> bool {
        let target = match callback.map(Target::new) {
            Some(None) => return false,
            Some(Some(target)) => Some(Arc::new(target)),
            None => None,
        };
        let mut legs = self.shared.legs();
        match legs.get_mut(&leg) {
            Some(leg) if !leg.decided && leg.proposed.is_none() => {
                leg.proposed = Some(Proposal { target, paper });
                true
            }
            _ => false,
        }
    }

    /// The decision was refused: forget what it proposed.
    pub(crate) fn withdraw(&self, leg: LegId) {
        if let Some(leg) = self.shared.legs().get_mut(&leg) {
            leg.proposed = None;
        }
    }

    /// Where the notifications of the leg go.
    pub(crate) fn callback(&self, leg: LegId) -> Option<String> {
        let legs = self.shared.legs();
        legs.get(&leg).map(|leg| leg.target.text.clone())
    }

    /// Who called the leg, if its bot was told that somebody did.
    pub(crate) fn caller(&self, leg: LegId) -> Option<Arc<Caller>> {
        self.shared.legs().get(&leg)?.caller.clone()
    }

    /// The call of a leg that still has something to tell.
    pub(crate) fn chain(&self, leg: LegId) -> Option<CallId> {
        self.shared.legs().get(&leg).map(|leg| leg.call)
    }

    /// What delivery to this leg's bot last met, in words for an operator.
    pub(crate) fn trouble(&self, leg: LegId) -> Option<String> {
        self.shared.legs().get(&leg)?.trouble.clone()
    }

    /// Nothing more will come of this leg. Its queue goes once everything in it is settled; needed
    /// only where a leg ends without a last event.
    pub(crate) fn close(&self, leg: LegId) {
        self.shared.papers.forget(leg);
        let mut legs = self.shared.legs();
        let idle = legs.get_mut(&leg).is_some_and(|leg| {
            leg.closed = true;
            !leg.delivering
        });
        if idle {
            legs.remove(&leg);
            drop(legs);
            self.shared.store.leg_settled(leg);
        }
    }

    /// How many notifications wait, all legs together.
    pub(crate) fn waiting(&self) -> usize {
        self.shared.legs().values().map(Leg::waiting).sum()
    }

    /// Tells bots of the legs that the last process left behind.
    pub(crate) fn revive(&self, lost: Vec<LostLeg>) {
        for lost in lost {
            match self.shared.doors.get(&lost.bot) {
                Some(door) if lost.seq > 0 => self.revive_one(lost, door),
                // Its bot is no longer registered, or was never told of it: nobody is owed anything.
                _ => self.shared.store.leg_settled(lost.leg),
            }
        }
    }

    fn revive_one(&self, lost: LostLeg, door: &Arc<BotDoor>) {
        let callback = lost
            .callback
            .as_deref()
            // What was allowed then need not be allowed now.
            .and_then(|text| door.bot.guard.callback(text).ok())
            .and_then(|url| Target::new(&url))
            .map_or_else(|| door.webhook(), Arc::new);
        let mut opened = Leg::new(lost.call, Arc::clone(door), callback);
        opened.disorder = self.shared.disorder(door);
        self.shared.legs().insert(lost.leg, opened);
        let ended = |number, ending| Event {
            leg: lost.leg,
            number,
            fact: Fact::Terminated(ending),
        };
        match lost.ending {
            Some(ending) => self.push(ended(lost.seq, ending)),
            None => {
                let event = ended(lost.seq + 1, Ending::PlatformStopping);
                let entry = store::entry(lost.call, lost.bot, &event, &[], clock::wall());
                self.shared.store.append(entry);
                self.push(event);
            }
        }
    }

    /// Waits until every queue is empty.
    pub(crate) async fn drain(&self) {
        loop {
            let mut more = std::pin::pin!(self.shared.emptied.notified());
            // From here on no emptied queue is missed, even if it empties while we look.
            more.as_mut().enable();
            if !self.shared.legs().values().any(|leg| leg.delivering) {
                return;
            }
            more.await;
        }
    }
}

/// What wording an event needs.
struct Prepared {
    call: CallId,
    door: Arc<BotDoor>,
    target: Arc<Target>,
    caller: Option<Arc<Caller>>,
    is_group: bool,
    knows_roster: bool,
}

#[cfg(test)]
impl Outboxes {
    pub(crate) fn wording_for_tests(&self) -> Wording {
        self.shared.wording.clone()
    }

    /// The notification of the leg that was queued last; while nobody has taken it.
    pub(crate) fn last_for_tests(&self, leg: LegId) -> String {
        let legs = self.shared.legs();
        let last = legs.get(&leg).and_then(Leg::last_for_tests);
        last.expect("something waits")
    }
}

impl Shared {
    fn legs(&self) -> MutexGuard<'_, HashMap<LegId, Leg>> {
        self.legs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the notifications of a new leg go through, if the operator wants that.
    fn disorder(&self, door: &BotDoor) -> Option<Disorder> {
        let seed = self.wording.disorder?;
        Some(Disorder::new(seed, door.legs_opened()))
    }

    /// Takes note of what the event means for the queue, and gives what wording it needs.
    fn prepare(&self, event: &Event) -> Option<Prepared> {
        let mut legs = self.legs();
        let leg = legs.get_mut(&event.leg)?;
        let mut decision = Proposal::default();
        let mut knows_roster = leg.knows_roster;
        match &event.fact {
            Fact::Incoming {
                caller,
                caller_leg,
                came_by,
                is_group,
            } => {
                leg.is_group |= is_group;
                leg.caller = Some(Arc::new(Caller {
                    party: caller.clone(),
                    leg: *caller_leg,
                    came_by: came_by.clone(),
                }));
            }
            Fact::Establishing | Fact::Terminated(_) if !leg.decided => {
                leg.decided = true;
                decision = leg.proposed.take().unwrap_or_default();
                if let Some(target) = &decision.target {
                    leg.target = Arc::clone(target);
                }
            }
            Fact::RosterChanged(_) => {
                leg.is_group = true;
                knows_roster = std::mem::replace(&mut leg.knows_roster, true);
            }
            _ => {}
        }
        let prepared = Prepared {
            call: leg.call,
            door: Arc::clone(&leg.door),
            target: Arc::clone(&leg.target),
            caller: leg.caller.clone(),
            is_group: leg.is_group,
            knows_roster,
        };
        drop(legs);
        if let Some(target) = decision.target {
            self.store.leg_moved(event.leg, target.text.clone());
        }
        if let Some(paper) = decision.paper {
            self.papers.file(event.leg, paper);
        }
        if let Fact::OperationEnded {
            kind: OperationKind::AddLargeGalleryView,
            outcome: Outcome::Done,
            ..
        } = &event.fact
        {
            self.papers
                .change(event.leg, |paper| paper.has_gallery = true);
        }
        Some(prepared)
    }

    /// Queues a notification. True when nobody is delivering for this leg yet.
    fn queue(&self, leg: LegId, waiting: Waiting) -> bool {
        let mut legs = self.legs();
        let Some(leg) = legs.get_mut(&leg) else {
            return false;
        };
        leg.push(waiting);
        !std::mem::replace(&mut leg.delivering, true)
    }
}

#[cfg(test)]
mod tests;
