//! A meeting: phones and bots come by themselves and are let in at once.

use std::time::Instant;

use offhook_terms::CallId;

use super::{Call, Shape};
use crate::bot::Bot;
use crate::phone::{Phone, Then};
use crate::{BotJoin, Fact, MediaRequest, PhoneJoin, Refusal};

impl Call {
    /// A meeting, of nobody yet. It is over when the last who came has left.
    pub fn meeting(call: CallId, now: Instant) -> Self {
        Self::new(call, Shape::Meeting, now)
    }

    /// A phone dials into the meeting. Refused when the meeting is over or full; then the phone has
    /// no leg here, and the edge turns it down.
    pub fn join_phone(&mut self, join: PhoneJoin, now: Instant) -> Result<(), Refusal> {
        self.now = now;
        self.open_to(1)?;
        let PhoneJoin { leg, party, offer } = join;
        self.phones
            .push(Phone::arriving(leg, party, offer.is_some(), Then::Join));
        self.media(MediaRequest::Open { leg, offer });
        self.settle();
        Ok(())
    }

    /// A bot joins the meeting. Refused when the meeting is over or full; then the bot has no leg
    /// here.
    pub fn join_bot(&mut self, join: BotJoin, now: Instant) -> Result<(), Refusal> {
        self.now = now;
        self.open_to(1)?;
        let BotJoin { leg, bot, hosting } = join;
        self.bots.push(Bot::calling(leg, bot, hosting, Vec::new()));
        self.tell(leg, Fact::Establishing);
        self.begin_waiting_for(leg);
        self.seat(leg);
        self.tell(leg, Fact::Established);
        self.settle();
        Ok(())
    }

    fn open_to(&self, more: usize) -> Result<(), Refusal> {
        if self.shape != Shape::Meeting {
            return Err(Refusal::WrongState);
        }
        if self.ending.is_some() {
            return Err(Refusal::Terminated);
        }
        self.room_for(more)
    }
}
