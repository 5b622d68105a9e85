//! Handing things to calls, doing what they ask for, and drawing it.

use std::time::{Duration, Instant};

use offhook_engine::{Call, Output};
use offhook_terms::{CallId, LegId, OperationId};

use super::World;
use crate::agenda::Happening;

/// A pause longer than this is drawn as a gap.
const GAP: Duration = Duration::from_secs(60);
/// How long the switchboard takes from one call to another.
const SWITCHING: Duration = Duration::from_millis(1);

impl World {
    /// Hands something to a call and does what it asks for.
    pub(crate) fn with_call(&mut self, id: CallId, hand: impl FnOnce(&mut Call, Instant)) {
        let now = self.instant();
        let call = self.calls.get_mut(&id).expect("calls are kept for good");
        hand(call, now);
        while let Some(output) = self.calls.get_mut(&id).and_then(Call::poll) {
            match output {
                Output::Signal(request) => self.ask_phone(request),
                Output::Media(request) => self.ask_media(id, request),
                Output::Event(event) => self.tell_bot(event),
                Output::HandOver { leg, to, purpose } => {
                    let happening = Happening::HandOver(leg, to, purpose);
                    self.agenda.plan(self.after(SWITCHING), happening);
                }
                Output::Fetch { from, to, purpose } => {
                    let happening = Happening::Fetch(from, to, purpose);
                    self.agenda.plan(self.after(SWITCHING), happening);
                }
                Output::LegBegins { leg, .. } => {
                    let what = format!("{} is called", self.bots[&leg]);
                    self.note("server", &what);
                }
                Output::LegEnded { leg } => {
                    let what = format!("{} is out of the call", self.bots[&leg]);
                    self.note("server", &what);
                }
                Output::Over { .. } => self.note("server", "call over"),
            }
        }
    }

    pub(crate) fn phone_says(&mut self, leg: LegId, what: &str) {
        self.draw(self.phones[&leg].name, "server", what);
    }

    pub(crate) fn say_to_phone(&mut self, leg: LegId, what: &str) {
        self.draw("server", self.phones[&leg].name, what);
    }

    pub(crate) fn draw_port(&mut self, what: &str, leg: LegId) {
        let what = format!("{what} {}", self.name_of(leg));
        self.draw("server", "media", &what);
    }

    /// The phone or the bot of a leg.
    pub(crate) fn name_of(&self, leg: LegId) -> &'static str {
        let phone = self.phones.get(&leg).map(|phone| phone.name);
        let bot = || self.bots.get(&leg).copied();
        phone.or_else(bot).unwrap_or("a stranger")
    }

    /// The latest leg of this phone or bot.
    pub(crate) fn leg_called(&self, name: &str) -> LegId {
        let known = self.phones.values().any(|phone| phone.name == name);
        match known {
            true => self.leg_named(name),
            false => self.leg_of_bot(name),
        }
    }

    pub(crate) fn draw_operation(&mut self, what: &str, operation: OperationId) {
        let what = format!("{what} #{}", operation.bits());
        self.draw("server", "media", &what);
    }

    pub(crate) fn draw(&mut self, from: &str, to: &str, what: &str) {
        self.draw_gap();
        self.ladder.arrow(self.now, from, to, what);
    }

    pub(crate) fn note(&mut self, who: &str, what: &str) {
        self.draw_gap();
        self.ladder.note(self.now, who, what);
    }

    pub(crate) fn draw_gap(&mut self) {
        if self.now - self.drawn > GAP {
            self.ladder.gap();
        }
        self.drawn = self.now;
    }
}
