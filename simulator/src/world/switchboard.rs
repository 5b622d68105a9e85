//! What the switchboard does between two calls.

use offhook_engine::{Accepted, Command, Purpose};
use offhook_terms::LegId;

use super::World;

impl World {
    /// Moves a phone's leg from its call to the call of a bot's leg.
    pub(crate) fn move_leg(&mut self, leg: LegId, to: LegId, purpose: Purpose) {
        let from = self.owners[&leg];
        let mut released = None;
        self.with_call(from, |call, now| released = call.release(leg, now));
        let target = self.bot_calls.get(&to).copied();
        let Some(released) = released else {
            if let Some(target) = target {
                let why = offhook_engine::Refusal::NoSuchReplacedCall;
                self.with_call(target, |call, now| {
                    call.handle_not_given(to, purpose, why, now);
                });
            }
            return;
        };
        let mut back = None;
        match target {
            Some(target) => {
                let what = format!("moves {} to {}", self.name_of(leg), self.bots[&to]);
                self.note("server", &what);
                self.owners.insert(leg, target);
                self.with_call(target, |call, now| {
                    back = call.adopt(released, to, purpose, now).err();
                });
            }
            None => back = Some(released),
        }
        match back {
            None => self.with_call(from, |call, now| call.handle_taken(leg, now)),
            Some(back) => {
                let what = format!("gives {} back", self.name_of(leg));
                self.note("server", &what);
                self.owners.insert(leg, from);
                self.with_call(from, |call, now| call.take_back(back, now));
            }
        }
    }

    /// Asks the call of a bot's leg for its party.
    pub(crate) fn fetch(&mut self, from: LegId, to: LegId, purpose: Purpose) {
        let mut given = Ok(Accepted);
        match self.bot_calls.get(&from).copied() {
            Some(call) => {
                let command = Command::GiveTo { to, purpose };
                self.with_call(call, |call, now| {
                    given = call.handle_command(from, command, now);
                });
            }
            None => given = Err(offhook_engine::Refusal::NoSuchReplacedCall),
        }
        if let Err(why) = given {
            let call = self.bot_calls[&to];
            self.with_call(call, |call, now| {
                call.handle_not_given(to, purpose, why, now);
            });
        }
    }
}
