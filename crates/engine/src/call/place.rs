//! A bot or a phone calls somebody.
//!
//! ```text
//!   bot                      call                    media             callee
//!    │ (placed)               │── Open (no offer) ────▶│                 │
//!    │◀──────── Establishing ─│◀── Opened (our offer) ─│                 │
//!    │                        │── Call ─────────────────────────────────▶│
//!    │◀───────────── Ringing ─│◀──────────────────────────────── Ringing │
//!    │                        │◀─────────────────────────────── Answered │
//!    │                        │── Complete, Start ────▶│                 │
//!    │◀─────────────────────── Established, AudioFlows │                 │
//! ```

use std::time::Instant;

use offhook_terms::LegId;

use super::{Call, Shape};
use crate::bot::Bot;
use crate::phone::{Phone, Then};
use crate::ring::Wants;
use crate::{CameBy, Connection, Fact, Invitee, MediaRequest, Placement, limits};

impl Call {
    /// A bot calls somebody, or several who ring at once: then it is a call of many, whoever comes
    /// first makes it stand, and the others may still come.
    pub fn placed(placement: Placement, now: Instant) -> Self {
        let Placement {
            call,
            bot_leg,
            bot,
            hosting,
            targets,
            is_group,
            ring_for,
        } = placement;
        let shape = match is_group || targets.len() > 1 {
            true => Shape::Many,
            false => Shape::Two,
        };
        let mut this = Self::new(call, shape, now);
        this.bots
            .push(Bot::calling(bot_leg, bot, hosting, targets.clone()));
        this.tell(bot_leg, Fact::Establishing);
        this.begin_waiting_for(bot_leg);
        let came_by = match shape {
            Shape::Two => CameBy::Called,
            Shape::Many | Shape::Meeting => CameBy::Invited,
        };
        let wants = Wants::Placed { bot: bot_leg };
        let rings: Vec<_> = targets
            .into_iter()
            .map(|target| (this.new_ring(wants, ring_for), target))
            .collect();
        for (ring, target) in rings {
            this.ring(ring, target, came_by.clone(), None);
        }
        this.settle();
        this
    }

    /// A phone calls somebody who is no bot, or who is one in the end: a call of two without a bot of
    /// ours between them.
    pub fn connecting(connection: Connection, now: Instant) -> Self {
        let Connection {
            call,
            caller_leg,
            caller,
            offer,
            callee,
        } = connection;
        let mut this = Self::new(call, Shape::Two, now);
        let then = Then::Call(callee);
        this.phones
            .push(Phone::arriving(caller_leg, caller, offer.is_some(), then));
        let leg = caller_leg;
        this.media(MediaRequest::Open { leg, offer });
        this
    }

    /// A phone's offer is open: whom it calls is rung.
    pub(super) fn call_on_behalf_of(&mut self, caller: LegId, callee: Invitee) {
        let ring = self.new_ring(Wants::Caller { caller }, limits::RINGS_FOR);
        self.ring(ring, callee, CameBy::Called, None);
    }
}
