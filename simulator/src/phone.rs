//! A phone that does what a test says.

use std::time::Duration;

use offhook_engine::{Description, MediaEvent, NotReached, Signal};
use offhook_terms::{LegId, Tone};

use crate::World;
use crate::agenda::Happening;

/// How long nothing is heard of a phone before media gives it up, in these worlds.
const PEER_LOST_AFTER: Duration = Duration::from_secs(30);

/// Where a phone stands in its own eyes and on the wire.
#[derive(Debug)]
pub(crate) struct Phone {
    pub(crate) name: &'static str,
    pub(crate) state: PhoneState,
    pub(crate) never_acknowledges: bool,
    pub(crate) speaks: bool,
    /// What comes of a REFER; a phone that knows none refuses it.
    pub(crate) refer: Refer,
}

/// What a phone does with a REFER.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refer {
    Refuses,
    Succeeds,
    Fails,
    /// Takes it and is not heard of again.
    SaysNothing,
}

impl Phone {
    pub(crate) fn new(name: &'static str, state: PhoneState) -> Self {
        Self {
            name,
            state,
            never_acknowledges: false,
            speaks: false,
            refer: Refer::Refuses,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PhoneState {
    /// Its INVITE has no final answer.
    Inviting,
    /// Our 200 is on its way, or its ACK.
    Answered,
    Talking,
    /// It is known, and not called yet.
    Idle,
    /// It is called by us, and rings.
    Alerted,
    Gone,
}

/// What a phone may be told to do. See [`World::phone`].
pub struct PhoneScript<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) name: &'static str,
    pub(crate) bot_name: &'static str,
}

impl PhoneScript<'_> {
    /// Calls the bot, with an offer.
    pub fn calls(self) {
        let offer = Some(Description::new("the phone's offer"));
        self.world.call(self.name, self.bot_name, offer);
    }

    /// Calls somebody who is no bot.
    pub fn calls_phone(self, callee: &'static str) {
        self.world.connect(self.name, callee);
    }

    /// Dials into the meeting.
    pub fn joins(self) {
        self.world.phone_joins(self.name);
    }

    /// Answers a call of ours.
    pub fn picks_up(self) {
        let leg = self.leg();
        assert_eq!(self.world.phone_mut(leg).state, PhoneState::Alerted);
        self.world.phone_mut(leg).state = PhoneState::Talking;
        self.world.phone_says(leg, "200 OK");
        let answer = Description::new("the phone's answer");
        self.world.hand_signal(leg, Signal::Answered { answer });
    }

    /// Turns a call of ours down.
    pub fn declines(self) {
        self.does_not_come("603 Decline", NotReached::Declined);
    }

    /// Turns a call of ours down because it is busy.
    pub fn is_busy(self) {
        self.does_not_come("486 Busy Here", NotReached::Busy);
    }

    /// Will take a transfer and reach whom it is sent to.
    pub fn follows_transfers(self) {
        self.refers(Refer::Succeeds);
    }

    /// Will take a transfer and not reach whom it is sent to.
    pub fn fails_transfers(self) {
        self.refers(Refer::Fails);
    }

    /// Will take a transfer and never say what came of it.
    pub fn forgets_transfers(self) {
        self.refers(Refer::SaysNothing);
    }

    /// Calls the bot and leaves the offer to us.
    pub fn calls_without_an_offer(self) {
        self.world.call(self.name, self.bot_name, None);
    }

    /// Calls the bot with an offer that media cannot serve.
    pub fn calls_with_nonsense(self) {
        let offer = Some(Description::new("nonsense"));
        self.world.call(self.name, self.bot_name, offer);
    }

    /// Will get our 200 and never say so.
    pub fn never_acknowledges(self) {
        let leg = self.leg();
        self.world.phone_mut(leg).never_acknowledges = true;
    }

    /// Gives up. If our 200 is out already, the phone does what RFC 3261 §9.1 leaves it:
    /// acknowledges, and hangs up.
    pub fn cancels(self) {
        let leg = self.leg();
        let state = self.world.phone_mut(leg).state;
        match state {
            PhoneState::Inviting => {
                self.world.phone_mut(leg).state = PhoneState::Gone;
                self.world.phone_says(leg, "CANCEL");
                self.world.say_to_phone(leg, "487 Request Terminated");
                self.world.hand_signal(leg, Signal::Cancelled);
            }
            PhoneState::Answered => {
                self.world.phone_says(leg, "CANCEL, too late");
                let soon = self.world.after(Duration::from_millis(20));
                self.world.agenda.plan(soon, Happening::HangUp(leg));
            }
            PhoneState::Talking | PhoneState::Idle | PhoneState::Alerted | PhoneState::Gone => {}
        }
    }

    /// Hangs up.
    pub fn hangs_up(self) {
        let leg = self.leg();
        self.world.phone_hangs_up(leg);
    }

    /// Speaks for so long, from now on.
    pub fn speaks(self, length: Duration) {
        let leg = self.leg();
        let (begin, end) = (self.world.after(Duration::ZERO), self.world.after(length));
        self.world.agenda.plan(begin, Happening::SpeechBegins(leg));
        self.world.agenda.plan(end, Happening::SpeechEnds(leg));
        self.world.wait(Duration::ZERO);
    }

    /// Presses a key.
    pub fn presses(self, key: char) {
        let leg = self.leg();
        let tone = Tone::from_symbol(key).expect("the test names a key");
        self.world.phone_presses(leg, tone);
    }

    /// Puts the call on hold.
    pub fn holds(self) {
        self.reoffers("re-INVITE (hold)", "sendonly");
    }

    /// Takes the call off hold.
    pub fn resumes(self) {
        self.reoffers("re-INVITE (resume)", "sendrecv");
    }

    /// Proposes something media cannot serve.
    pub fn proposes_nonsense(self) {
        self.reoffers("re-INVITE (unknown codec)", "nonsense");
    }

    /// Loses its network: no more audio and no more signalling.
    pub fn vanishes(self) {
        let leg = self.leg();
        self.world.note(self.name, "loses its network");
        let lost = self.world.after(PEER_LOST_AFTER);
        let event = MediaEvent::PeerLost { leg };
        self.world.agenda.plan(lost, Happening::OfLeg(leg, event));
    }

    fn does_not_come(self, words: &str, why: NotReached) {
        let leg = self.leg();
        assert_eq!(self.world.phone_mut(leg).state, PhoneState::Alerted);
        self.world.phone_mut(leg).state = PhoneState::Gone;
        self.world.phone_says(leg, words);
        self.world.hand_signal(leg, Signal::NotReached(why));
    }

    fn refers(self, refer: Refer) {
        let leg = self.leg();
        self.world.phone_mut(leg).refer = refer;
    }

    fn reoffers(self, what: &str, description: &str) {
        let leg = self.leg();
        self.world.phone_says(leg, what);
        let offer = Some(Description::new(description));
        self.world.hand_signal(leg, Signal::Reoffered { offer });
    }

    fn leg(&self) -> LegId {
        self.world.leg_named(self.name)
    }
}
