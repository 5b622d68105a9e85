//! What the SIP edge does when a call asks, and what it tells the call.

use std::time::Duration;

use offhook_engine::{
    Arrival, Call, Description, MediaEvent, Party, RecordEnding, Signal, SignalRequest,
};
use offhook_terms::{AppId, CallId, LegId, Private, Tone};

use super::World;
use crate::agenda::Happening;
use crate::ladder;
use crate::phone::{Phone, PhoneState};
use crate::room::Room;

/// From our 200 to the phone's ACK.
const ROUND_TRIP: Duration = Duration::from_millis(20);
/// When an answer that nobody acknowledges is given up (RFC 3261 §13.3.1.4, 64 × T1).
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_secs(32);

impl World {
    pub(crate) fn call(
        &mut self,
        phone: &'static str,
        bot: &'static str,
        offer: Option<Description>,
    ) {
        let serial = self.calls.len() as u128 + 1;
        let (call, app) = (CallId::from_bits(serial), AppId::from_bits(serial));
        let (caller_leg, bot_leg) = (
            LegId::from_bits(2 * serial),
            LegId::from_bits(2 * serial + 1),
        );
        let what = offer
            .as_ref()
            .map_or("INVITE without an offer", |_| "INVITE");
        self.draw(phone, "server", what);
        self.owners.insert(caller_leg, call);
        self.bots.insert(bot_leg, bot);
        self.rooms.insert(call, Room::default());
        let state = Phone {
            name: phone,
            state: PhoneState::Inviting,
            never_acknowledges: false,
            speaks: false,
        };
        self.phones.insert(caller_leg, state);
        let arrival = Arrival {
            call,
            caller_leg,
            caller: Party::Guest {
                name: Private::new(phone.to_owned()),
            },
            offer,
            bot_leg,
            bot: app,
        };
        self.calls
            .insert(call, Call::arrived(arrival, self.instant()));
        self.with_call(call, |_, _| {});
    }

    pub(crate) fn phone_mut(&mut self, leg: LegId) -> &mut Phone {
        self.phones.get_mut(&leg).expect("every leg has a phone")
    }

    /// The leg of the latest call of this phone.
    pub(crate) fn leg_named(&self, name: &str) -> LegId {
        let mut newest_first = self.phones.iter().rev();
        let named = newest_first.find(|(_, phone)| phone.name == name);
        *named.expect("this phone has called").0
    }

    pub(crate) fn hand_signal(&mut self, leg: LegId, signal: Signal) {
        let call = self.owners[&leg];
        self.with_call(call, |call, now| call.handle_signal(leg, signal, now));
    }

    pub(crate) fn phone_hangs_up(&mut self, leg: LegId) {
        if self.phone_mut(leg).state != PhoneState::Gone {
            self.phone_mut(leg).state = PhoneState::Gone;
            self.phone_says(leg, "BYE");
            self.hand_signal(leg, Signal::HungUp);
        }
    }

    pub(crate) fn phone_presses(&mut self, leg: LegId, tone: Tone) {
        let call = self.owners[&leg];
        let what = format!("presses {}", tone.symbol());
        self.draw(self.phones[&leg].name, "media", &what);
        self.hand_media(call, MediaEvent::ToneHeard { leg, tone });
        self.press(call, tone);
    }

    /// A recording hears of a key press.
    pub(crate) fn press(&mut self, call: CallId, tone: Tone) {
        let recorder = self.rooms[&call].recorder.as_ref();
        if recorder.is_some_and(|recorder| recorder.is_stopped_by(tone)) {
            self.recorded(call, RecordEnding::StopTone);
        }
    }

    pub(crate) fn ask_phone(&mut self, request: SignalRequest) {
        if self.signalling_delay.is_zero() {
            self.put_on_the_wire(request);
        } else {
            let at = self.after(self.signalling_delay);
            self.agenda.plan(at, Happening::OnTheWire(request));
        }
    }

    /// What the SIP edge does. A request for an INVITE or a dialog that is no more is dropped.
    pub(crate) fn put_on_the_wire(&mut self, request: SignalRequest) {
        match request {
            SignalRequest::Ring { leg } if self.is(leg, PhoneState::Inviting) => {
                self.say_to_phone(leg, "180 Ringing");
            }
            SignalRequest::Answer { leg, .. } if self.is(leg, PhoneState::Inviting) => {
                self.say_to_phone(leg, "200 OK");
                self.phone_mut(leg).state = PhoneState::Answered;
                let (at, happening) = match self.phone_mut(leg).never_acknowledges {
                    false => (ROUND_TRIP, Happening::Acknowledge(leg)),
                    true => (ACKNOWLEDGE_WITHIN, Happening::NotAcknowledged(leg)),
                };
                self.agenda.plan(self.after(at), happening);
            }
            SignalRequest::TurnDown { leg, why } if self.is(leg, PhoneState::Inviting) => {
                self.say_to_phone(leg, ladder::status(why));
                self.phone_mut(leg).state = PhoneState::Gone;
            }
            SignalRequest::HangUp { leg, why }
                if self.is(leg, PhoneState::Answered) || self.is(leg, PhoneState::Talking) =>
            {
                self.say_to_phone(leg, &format!("BYE ({why:?})"));
                self.phone_mut(leg).state = PhoneState::Gone;
            }
            SignalRequest::AcceptOffer { leg, .. } => self.say_to_phone(leg, "200 OK"),
            SignalRequest::RefuseOffer { leg } => self.say_to_phone(leg, "488 Not Acceptable Here"),
            SignalRequest::Ring { .. }
            | SignalRequest::Call { .. }
            | SignalRequest::Refer { .. }
            | SignalRequest::Answer { .. }
            | SignalRequest::TurnDown { .. }
            | SignalRequest::HangUp { .. } => {}
        }
    }

    pub(crate) fn is(&self, leg: LegId, state: PhoneState) -> bool {
        self.phones[&leg].state == state
    }
}
