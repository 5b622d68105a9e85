//! Who is who: names, legs and calls.

use offhook_engine::{Call, Invitee, Party};
use offhook_terms::{AppId, CallId, LegId, PersonId, Private};

use super::World;
use crate::phone::{Phone, PhoneState};
use crate::room::Room;

impl World {
    pub(crate) fn new_call(&mut self) -> CallId {
        let call = CallId::from_bits(self.rooms.len() as u128 + 1);
        self.rooms.insert(call, Room::default());
        call
    }

    pub(crate) fn add_call(&mut self, call: Call) {
        let id = call.id();
        self.calls.insert(id, call);
        self.with_call(id, |_, _| {});
    }

    /// The meeting. There is one in a world, as soon as somebody comes.
    pub(crate) fn meeting(&mut self) -> CallId {
        if let Some(call) = self.meeting {
            return call;
        }
        let call = self.new_call();
        self.meeting = Some(call);
        let made = Call::meeting(call, self.instant());
        self.add_call(made);
        call
    }

    pub(crate) fn phone_leg(
        &mut self,
        call: CallId,
        name: &'static str,
        state: PhoneState,
    ) -> LegId {
        let leg = self.new_leg();
        self.owners.insert(leg, call);
        self.phones.insert(leg, Phone::new(name, state));
        leg
    }

    pub(crate) fn bot_leg(&mut self, call: CallId, name: &'static str) -> LegId {
        let leg = self.new_leg();
        self.bots.insert(leg, name);
        self.bot_calls.insert(leg, call);
        leg
    }

    /// Somebody to be called into a call.
    pub(crate) fn invitee(&mut self, call: CallId, name: &'static str) -> Invitee {
        let leg = match is_bot(name) {
            true => self.bot_leg(call, name),
            false => self.phone_leg(call, name, PhoneState::Idle),
        };
        Invitee::new(leg, self.party(name))
    }

    /// Somebody who is named and not called.
    pub(crate) fn somebody(&mut self, name: &'static str) -> Invitee {
        Invitee::new(self.new_leg(), self.party(name))
    }

    pub(crate) fn party(&mut self, name: &'static str) -> Party {
        if is_bot(name) {
            return Party::Bot {
                app: self.app(name),
            };
        }
        if name.starts_with('+') {
            return Party::Phone {
                number: Private::new(name.to_owned()),
            };
        }
        Party::Person {
            id: PersonId::from_bits(place(&mut self.people, name)),
            name: Private::new(name.to_owned()),
        }
    }

    pub(crate) fn app(&mut self, name: &'static str) -> AppId {
        AppId::from_bits(place(&mut self.apps, name.trim_end_matches('\'')))
    }

    /// What a party is called in a picture.
    pub(crate) fn label(&self, party: &Party) -> String {
        match party {
            Party::Person { name, .. } | Party::Guest { name } => name.reveal().clone(),
            Party::Phone { number } => number.reveal().clone(),
            Party::Bot { app } => {
                let place = usize::try_from(app.bits()).expect("there are few bots");
                self.apps[place - 1].to_owned()
            }
        }
    }

    pub(crate) fn names_of(&self, legs: &[LegId]) -> String {
        let names: Vec<&str> = legs.iter().map(|leg| self.name_of(*leg)).collect();
        names.join(", ")
    }

    fn new_leg(&mut self) -> LegId {
        self.legs += 1;
        LegId::from_bits(self.legs)
    }
}

fn is_bot(name: &str) -> bool {
    name.starts_with("bot")
}

/// The place of a name in a list, from 1; it gets the next if it is new.
fn place(names: &mut Vec<&'static str>, name: &'static str) -> u128 {
    let known = names.iter().position(|one| *one == name);
    let at = known.unwrap_or_else(|| {
        names.push(name);
        names.len() - 1
    });
    at as u128 + 1
}
