//! A participant is dropped by a bot.

use offhook_terms::LegId;

use super::Call;
use crate::{Accepted, Ending, Refusal};

impl Call {
    /// A bot that wants to leave hangs up; it cannot remove itself.
    pub(super) fn remove(&mut self, leg: LegId, participant: LegId) -> Result<Accepted, Refusal> {
        self.in_a_group(leg)?;
        if participant == leg {
            return Err(Refusal::WrongState);
        }
        if !self.is_participant(participant) {
            return Err(Refusal::NoSuchParticipant);
        }
        self.leaves(participant, Ending::Removed);
        Ok(Accepted)
    }
}
