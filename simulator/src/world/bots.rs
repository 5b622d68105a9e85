//! What bots ask, and how they are told.

use std::time::Duration;

use offhook_engine::{Accepted, Command, Event, Refusal};
use offhook_terms::{CallId, LegId};

use super::World;
use crate::agenda::Happening;
use crate::ladder;

/// When delivery to a dead bot is given up.
const GIVE_UP: Duration = Duration::from_secs(4);

impl World {
    pub(crate) fn bot_asks(
        &mut self,
        name: &'static str,
        command: Command,
    ) -> Result<Accepted, Refusal> {
        let leg = self.leg_of_bot(name);
        let call = self.call_of_bot(name);
        let what = ladder::command(&command);
        self.draw(name, "server", &what);
        let mut result = Ok(Accepted);
        self.with_call(call, |call, now| {
            result = call.handle_command(leg, command, now);
        });
        if let Err(refusal) = result {
            self.draw("server", name, &format!("refused: {refusal:?}"));
        }
        result
    }

    pub(crate) fn tell_bot(&mut self, event: Event) {
        let name = self.bots[&event.leg];
        let fact = ladder::fact(&event.fact);
        let is_down = self.bots_down.contains(name);
        let lost = if is_down { ", not delivered" } else { "" };
        self.draw("server", name, &format!("{} {fact}{lost}", event.number));
        if is_down && self.giving_up.insert(event.leg) {
            let at = self.after(GIVE_UP);
            self.agenda.plan(at, Happening::GiveUp(event.leg));
        }
        self.told.push(event.fact);
    }

    /// The leg of the latest call of this bot.
    pub(crate) fn leg_of_bot(&self, name: &str) -> LegId {
        let mut newest_first = self.bots.iter().rev();
        let named = newest_first.find(|(_, bot)| **bot == name);
        *named.expect("this bot was called").0
    }

    pub(crate) fn call_of_bot(&self, name: &str) -> CallId {
        let leg = self.leg_of_bot(name);
        CallId::from_bits(leg.bits() / 2)
    }
}
