//! Hold music: one participant at a time hears it, and nobody hears that participant.
//!
//! The operation that starts it ends when the music begins, so media keeps its prompt until the music
//! stops.

use offhook_terms::{LegId, OperationId};

use super::Call;
use crate::operation::{Next, Operation, Work};
use crate::{Accepted, MediaRequest, OperationKind, Outcome, Prompt, Refusal};

/// Somebody is on hold, or will be as soon as the music is there.
#[derive(Debug)]
pub(super) struct Music {
    pub(super) operation: OperationId,
    pub(super) bot: LegId,
    pub(super) participant: LegId,
    pub(super) is_playing: bool,
}

impl Call {
    pub(super) fn start_hold_music(
        &mut self,
        leg: LegId,
        operation: OperationId,
        participant: LegId,
        prompt: Option<Prompt>,
        context: Option<String>,
    ) -> Result<Accepted, Refusal> {
        self.in_a_group(leg)?;
        // A bot has no ear for music.
        if !self.is_phone_participant(participant) {
            return Err(Refusal::NoSuchParticipant);
        }
        if self.music.is_some() {
            return Err(Refusal::HoldConflict);
        }
        let work = Work::StartHoldMusic { prompt };
        let new = Operation::new(operation, leg, work, context);
        self.take_on(leg, new)?;
        self.music = Some(Music {
            operation,
            bot: leg,
            participant,
            is_playing: false,
        });
        self.music_may_start(operation);
        Ok(Accepted)
    }

    pub(super) fn stop_hold_music(
        &mut self,
        leg: LegId,
        operation: OperationId,
        participant: LegId,
        context: Option<String>,
    ) -> Result<Accepted, Refusal> {
        self.in_a_group(leg)?;
        if !self.is_phone_participant(participant) {
            return Err(Refusal::NoSuchParticipant);
        }
        let is_held = self.music.as_ref().map(|music| music.participant) == Some(participant);
        if !is_held {
            return Err(Refusal::HoldConflict);
        }
        let kind = OperationKind::StopHoldMusic;
        self.take_on(
            leg,
            Operation::new(operation, leg, Work::Instant { kind }, context),
        )?;
        self.end_music();
        self.end_operation(leg, operation, Outcome::Done);
        Ok(Accepted)
    }

    pub(super) fn add_large_gallery_view(
        &mut self,
        leg: LegId,
        operation: OperationId,
        context: Option<String>,
    ) -> Result<Accepted, Refusal> {
        self.in_a_group(leg)?;
        let kind = OperationKind::AddLargeGalleryView;
        self.take_on(
            leg,
            Operation::new(operation, leg, Work::Instant { kind }, context),
        )?;
        self.end_operation(leg, operation, Outcome::Done);
        Ok(Accepted)
    }

    /// The music begins as soon as its prompt is there, or does not because it cannot be had.
    pub(super) fn music_may_start(&mut self, operation: OperationId) {
        let Some(music) = self.music.as_ref().filter(|one| one.operation == operation) else {
            return;
        };
        let leg = music.bot;
        let bot = self.bot(leg);
        let starting = bot.and_then(|bot| bot.operations.find(operation));
        match starting.map(Operation::start) {
            Some(Next::End(Outcome::Done)) => {
                if let Some(music) = &mut self.music {
                    music.is_playing = true;
                }
                let ended = self.bot(leg).and_then(|bot| {
                    bot.operations
                        .end(operation, Outcome::Done)
                        .map(|one| one.view(Some(Outcome::Done)))
                });
                if let Some(view) = ended {
                    self.tell_ended(leg, view);
                }
            }
            Some(Next::End(outcome)) => {
                self.music = None;
                self.end_operation(leg, operation, outcome);
            }
            Some(Next::Wait | Next::Ask(_)) | None => {}
        }
    }

    /// Whoever is on hold hears the call again.
    pub(super) fn end_music(&mut self) {
        let Some(music) = self.music.take() else {
            return;
        };
        let operation = music.operation;
        match music.is_playing {
            true => self.media(MediaRequest::Stop { operation }),
            false => self.end_operation(music.bot, operation, Outcome::Cancelled),
        }
    }

    /// Who hears music.
    pub(super) fn held(&self) -> Option<LegId> {
        let music = self.music.as_ref()?;
        music.is_playing.then_some(music.participant)
    }

    /// A party is not in this conversation any more: nothing of it may depend on it.
    pub(super) fn let_go(&mut self, leg: LegId) {
        let is_held = |music: &Music| music.participant == leg || music.bot == leg;
        if self.music.as_ref().is_some_and(is_held) {
            self.end_music();
        }
    }
}
