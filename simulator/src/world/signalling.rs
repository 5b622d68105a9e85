//! What the SIP edge does when a call asks, and what it tells the call.

use std::time::Duration;

use offhook_engine::{
    Arrival, Call, Connection, Description, MediaEvent, NotReached, PhoneJoin, RecordEnding,
    Signal, SignalRequest,
};
use offhook_terms::{CallId, LegId, Tone};

use super::World;
use crate::agenda::Happening;
use crate::ladder;
use crate::phone::{Phone, PhoneState, Refer};

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
        let what = offer
            .as_ref()
            .map_or("INVITE without an offer", |_| "INVITE");
        self.draw(phone, "server", what);
        let call = self.new_call();
        let caller_leg = self.phone_leg(call, phone, PhoneState::Inviting);
        let bot_leg = self.bot_leg(call, bot);
        let arrival = Arrival {
            call,
            caller_leg,
            caller: self.party(phone),
            offer,
            bot_leg,
            bot: self.app(bot),
        };
        let made = Call::arrived(arrival, self.instant());
        self.add_call(made);
    }

    /// A phone calls another phone.
    pub(crate) fn connect(&mut self, phone: &'static str, callee: &'static str) {
        self.draw(phone, "server", &format!("INVITE to {callee}"));
        let call = self.new_call();
        let caller_leg = self.phone_leg(call, phone, PhoneState::Inviting);
        let connection = Connection {
            call,
            caller_leg,
            caller: self.party(phone),
            offer: Some(Description::new("the phone's offer")),
            callee: self.invitee(call, callee),
        };
        let made = Call::connecting(connection, self.instant());
        self.add_call(made);
    }

    /// A phone dials into the meeting.
    pub(crate) fn phone_joins(&mut self, phone: &'static str) {
        self.draw(phone, "server", "INVITE to the meeting");
        let call = self.meeting();
        let join = PhoneJoin {
            leg: self.phone_leg(call, phone, PhoneState::Inviting),
            party: self.party(phone),
            offer: Some(Description::new("the phone's offer")),
        };
        let leg = join.leg;
        let mut joined = Ok(());
        self.with_call(call, |call, now| joined = call.join_phone(join, now));
        if let Err(refusal) = joined {
            self.say_to_phone(leg, &format!("480 ({refusal:?})"));
            self.phone_mut(leg).state = PhoneState::Gone;
        }
    }

    pub(crate) fn phone_mut(&mut self, leg: LegId) -> &mut Phone {
        self.phones.get_mut(&leg).expect("every leg has a phone")
    }

    /// The leg of the latest call of this phone that it knows of.
    pub(crate) fn leg_named(&self, name: &str) -> LegId {
        let named = || {
            let all = self.phones.iter().rev();
            all.filter(|(_, phone)| phone.name == name)
        };
        let knows = named().find(|(_, phone)| phone.state != PhoneState::Idle);
        *knows
            .or_else(|| named().next())
            .expect("this phone has called")
            .0
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
            SignalRequest::Call { leg, caller, .. } => {
                let caller = self.label(&caller);
                self.say_to_phone(leg, &format!("INVITE from {caller}"));
                self.phone_mut(leg).state = PhoneState::Alerted;
                let happening = match self.unreachable.get(self.phones[&leg].name) {
                    None => Happening::Alerted(leg),
                    Some(why) => Happening::NotReached(leg, *why),
                };
                self.agenda.plan(self.after(ROUND_TRIP), happening);
            }
            SignalRequest::HangUp { leg, .. } if self.is(leg, PhoneState::Alerted) => {
                self.say_to_phone(leg, "CANCEL");
                self.phone_mut(leg).state = PhoneState::Gone;
            }
            SignalRequest::Refer { leg, target, .. } if self.is(leg, PhoneState::Talking) => {
                let target = self.label(&target);
                self.say_to_phone(leg, &format!("REFER to {target}"));
                let happening = Happening::Referred(leg);
                self.agenda.plan(self.after(ROUND_TRIP), happening);
            }
            SignalRequest::HangUp { leg, why }
                if self.is(leg, PhoneState::Answered) || self.is(leg, PhoneState::Talking) =>
            {
                self.say_to_phone(leg, &format!("BYE ({why:?})"));
                self.phone_mut(leg).state = PhoneState::Gone;
            }
            SignalRequest::AcceptOffer { leg, .. } => self.say_to_phone(leg, "200 OK"),
            SignalRequest::RefuseOffer { leg, why: Some(_) } => {
                self.say_to_phone(leg, "488 Not Acceptable Here");
            }
            SignalRequest::RefuseOffer { leg, why: None } => {
                self.say_to_phone(leg, "491 Request Pending");
            }
            SignalRequest::Ring { .. }
            | SignalRequest::Refer { .. }
            | SignalRequest::Answer { .. }
            | SignalRequest::TurnDown { .. }
            | SignalRequest::HangUp { .. } => {}
        }
    }

    /// A phone says what becomes of a REFER.
    pub(crate) fn referred(&mut self, leg: LegId) {
        if !self.is(leg, PhoneState::Talking) {
            return;
        }
        let (words, signal) = match self.phones[&leg].refer {
            Refer::Refuses => ("501 Not Implemented", Signal::ReferRefused),
            Refer::Succeeds => ("NOTIFY (200 OK)", Signal::ReferDone),
            Refer::Fails => (
                "NOTIFY (603 Decline)",
                Signal::ReferFailed(NotReached::Declined),
            ),
            Refer::SaysNothing => return self.phone_says(leg, "202 Accepted"),
        };
        self.phone_says(leg, words);
        self.hand_signal(leg, signal);
    }

    pub(crate) fn is(&self, leg: LegId, state: PhoneState) -> bool {
        self.phones[&leg].state == state
    }
}
