//! Who is not heard, and what a bot shows others of recording and of its screen: done the moment it
//! is asked.

use offhook_terms::LegId;

use super::Call;
use crate::{Accepted, OperationKind, RecordingStatus, Refusal};

impl Call {
    pub(super) fn mute(
        &mut self,
        leg: LegId,
        participant: Option<LegId>,
    ) -> Result<OperationKind, Refusal> {
        self.in_a_group(leg)?;
        let muted = participant.unwrap_or(leg);
        if !self.is_participant(muted) {
            return Err(Refusal::NoSuchParticipant);
        }
        self.set_muted(muted, true);
        Ok(OperationKind::Mute)
    }

    /// A bot may take back only what concerns itself: nobody is made to be heard by others.
    pub(super) fn unmute(&mut self, leg: LegId) -> Result<OperationKind, Refusal> {
        self.in_a_group(leg)?;
        self.set_muted(leg, false);
        Ok(OperationKind::Unmute)
    }

    pub(super) fn mute_all(
        &mut self,
        leg: LegId,
        participants: &[LegId],
    ) -> Result<OperationKind, Refusal> {
        self.in_a_group(leg)?;
        if !participants.iter().all(|one| self.is_participant(*one)) {
            return Err(Refusal::NoSuchParticipant);
        }
        let others = || {
            let all = self.participants(leg).into_iter().map(|one| one.leg);
            all.filter(|one| *one != leg).collect()
        };
        let muted: Vec<LegId> = match participants.is_empty() {
            true => others(),
            false => participants.to_vec(),
        };
        for one in muted {
            self.set_muted(one, true);
        }
        Ok(OperationKind::MuteAll)
    }

    pub(super) fn update_recording(
        &mut self,
        leg: LegId,
        status: RecordingStatus,
    ) -> Result<OperationKind, Refusal> {
        if let Some(bot) = self.bot(leg) {
            bot.recording = status;
        }
        Ok(OperationKind::UpdateRecordingStatus)
    }

    pub(super) fn share_screen(&mut self, leg: LegId, shares: bool) -> Result<Accepted, Refusal> {
        self.in_a_group(leg)?;
        if let Some(bot) = self.bot(leg) {
            bot.shares_screen = shares;
        }
        Ok(Accepted)
    }

    fn set_muted(&mut self, leg: LegId, is_muted: bool) {
        if let Some(phone) = self.phone(leg) {
            phone.voice.is_muted = is_muted;
        }
        if let Some(bot) = self.bot(leg) {
            bot.voice.is_muted = is_muted;
        }
    }
}
