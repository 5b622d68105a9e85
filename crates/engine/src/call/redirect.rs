//! An incoming call goes to somebody else: the bot is out of it at once, whoever comes first has it.
//!
//! The caller goes on hearing ringing and is answered when somebody comes, or turned down when nobody
//! does. A bot that was rung itself may redirect, too: the targets ring in its place.

use std::time::Duration;

use offhook_terms::{LegId, Private};

use super::Call;
use crate::ring::Wants;
use crate::timer::Timer;
use crate::{Accepted, CameBy, Ending, Invitee, LegState, Party, Refusal, limits};

impl Call {
    pub(super) fn redirect(
        &mut self,
        leg: LegId,
        targets: Vec<Invitee>,
        ring_for: Duration,
        mask_caller: bool,
    ) -> Result<Accepted, Refusal> {
        let Some(bot) = self.bot(leg) else {
            return Err(Refusal::NoSuchLeg);
        };
        if bot.state != Some(LegState::Incoming) {
            return Err(Refusal::WrongState);
        }
        if targets.is_empty() || targets.len() > limits::REDIRECT_TARGETS_MAX {
            return Err(Refusal::OutOfBounds);
        }
        let original = bot.party();
        let shown = match mask_caller {
            true => Party::Guest {
                name: Private::new("Anonymous".to_owned()),
            },
            false => bot.caller.clone(),
        };
        let caller = bot.caller_leg;
        // The bot makes room.
        self.room_for(targets.len() - 1)?;
        let id = match self.ring_of(leg) {
            None => self.new_ring(Wants::Caller { caller }, ring_for),
            Some(id) => {
                let timer = Timer::SomebodyMustCome(id);
                self.timers.start(timer, self.now, ring_for);
                id
            }
        };
        self.bot_ends(leg, Ending::Redirected);
        for target in targets {
            let came_by = CameBy::Forwarded {
                original: original.clone(),
            };
            self.ring(id, target, came_by, Some(shown.clone()));
        }
        if let Some(ring) = self.rings.iter_mut().find(|ring| ring.id == id) {
            ring.legs.retain(|one| *one != leg);
        }
        Ok(Accepted)
    }
}
