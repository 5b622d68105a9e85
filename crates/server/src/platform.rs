//! What every part of the running platform shares, and what a call needs done outside itself.

use std::sync::Arc;

use offhook_engine::{Arrival, Ending, Event};
use offhook_media::Clip;
use offhook_terms::{AppId, CallId, LegId};

use crate::outbox::Outboxes;
use crate::prompts::Prompts;
use crate::registry::Registry;
use crate::store::{self, Recordings, Refusal, Store};
use crate::switchboard::Switchboard;
use crate::{clock, media};

/// The parts of the running platform that calls lean on.
pub(crate) struct Platform {
    pub(crate) registry: Arc<Registry>,
    pub(crate) switchboard: Switchboard,
    pub(crate) media: Arc<media::Host>,
    pub(crate) prompts: Arc<Prompts>,
    pub(crate) recordings: Arc<Recordings>,
    pub(crate) outboxes: Outboxes,
    pub(crate) store: Store,
    /// The beep that says *speak now*.
    pub(crate) beep: Clip,
}

impl Platform {
    /// A call begins; its bot will hear of it.
    pub(crate) fn leg_begins(&self, arrival: &Arrival) {
        self.prompts.begin(arrival.bot_leg);
        self.outboxes.open(arrival);
    }

    /// An event was decided: it is written down, and then the bot is told.
    pub(crate) fn tell(&self, call: CallId, bot: AppId, event: Event) {
        self.store
            .append(store::entry(call, bot, &event, clock::wall()));
        self.outboxes.push(event);
    }

    /// A bot's leg is over and its last event has been told.
    pub(crate) fn leg_ended(&self, leg: LegId) {
        self.recordings.call_ended(leg);
        self.prompts.forget(leg);
        self.outboxes.close(leg);
    }

    /// A call ended before it was answered: one record says which rule was tried, why it failed and
    /// what to change.
    pub(crate) fn note_refusal(&self, call: CallId, bot: AppId, leg: LegId, ending: Ending) {
        let trouble = self.outboxes.trouble(leg);
        let refusal = Refusal::of_ending(ending, trouble, clock::wall());
        self.store.refuse(refusal.about(call, leg, bot));
    }

    /// A caller was turned down before there was a call.
    pub(crate) fn note_turned_down(
        &self,
        rule: &'static str,
        why: &'static str,
        change: &'static str,
    ) {
        self.store.refuse(Refusal {
            at: clock::wall(),
            call: None,
            leg: None,
            bot: None,
            rule: rule.to_owned(),
            why: why.to_owned(),
            change: change.to_owned(),
        });
    }
}
