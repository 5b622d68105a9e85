//! A phone's leg goes to another call, or comes from one.
//!
//! ```text
//!   first call ── release ──▶ ReleasedLeg ── adopt ──▶ second call
//!                                  │
//!             the switchboard moves the signalling handle and the media port with it
//! ```
//!
//! The first call ends every operation of its bot, because what is played or recorded may hang on
//! the port that leaves. Its bot stays established and hears `AudioStopped` if no other phone is
//! left; it can then play and record nothing. Whoever moved the leg says what becomes of that bot:
//! it is hung up, or its call adopts another leg. If nobody cares, keepAlive ends it.
//!
//! The second call may have phones already. Its bot hears `AudioFlows` if it heard nobody before.

use std::time::Instant;

use offhook_terms::LegId;

use super::Call;
use crate::phone::Stage;
use crate::{LegState, ReleasedLeg};

impl Call {
    /// Lets a phone's leg go to another call: what was asked of it is ended, its port and its
    /// signalling stay open, and from now on they are the adopter's.
    ///
    /// Only a phone that was answered and knows it can go; any other stays, and this gives `None`.
    pub fn release(&mut self, leg: LegId, now: Instant) -> Option<ReleasedLeg> {
        self.now = now;
        let is_it = |phone: &crate::phone::Phone| phone.leg == leg && phone.stage == Stage::Talking;
        let at = self.phones.iter().position(is_it)?;
        let phone = self.phones.remove(at);
        self.cancel_operations();
        self.audio_may_have_changed();
        Some(ReleasedLeg { phone })
    }

    /// Takes a leg that another call released.
    ///
    /// A call that is not established, or not any more, gives it back: a phone must not get lost
    /// in a call that can end before it, and what comes out of a call ends with
    /// [`Output::Over`](crate::Output::Over).
    pub fn adopt(&mut self, leg: ReleasedLeg, now: Instant) -> Result<(), ReleasedLeg> {
        self.now = now;
        if self.bot.state != Some(LegState::Established) {
            return Err(leg);
        }
        self.phones.push(leg.phone);
        self.audio_may_have_changed();
        Ok(())
    }
}
