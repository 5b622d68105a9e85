//! What is played, recorded and pressed, in which order.
//!
//! What a bot plays and records stands in one line and the head runs; tones stand in another. Prompts
//! are fetched as soon as an operation is accepted, whatever stands before it.

use std::time::Duration;

use offhook_terms::{LegId, OperationId};

use super::Call;
use crate::operation::{Line, Next, Operation, Work};
use crate::{
    Accepted, Command, Fact, MediaRequest, OperationKind, OperationView, Outcome, PrepareFault,
    RecordEnding, Refusal, limits,
};

impl Call {
    /// Takes a command that plays, records or presses keys.
    pub(super) fn operate(&mut self, leg: LegId, command: Command) -> Result<Accepted, Refusal> {
        self.served(leg)?;
        let side = self.side_of(leg).unwrap_or(0);
        if !self.is_group(side) && !self.has_others(leg) {
            // The only phone was handed to another call: there is nobody to hear or record.
            return Err(Refusal::WrongState);
        }
        let (operation, work, context, barges_in) = match command {
            Command::Play {
                operation,
                prompts,
                for_ever,
                context,
            } => {
                if !(1..=limits::PROMPTS_MAX).contains(&prompts.len()) {
                    return Err(Refusal::OutOfBounds);
                }
                let work = Work::Play { prompts, for_ever };
                (operation, work, context, false)
            }
            Command::Record {
                operation,
                prompt,
                barge_in,
                beep,
                rules,
                context,
            } => {
                let work = Work::Record {
                    prompt,
                    beep,
                    rules,
                };
                (operation, work, context, barge_in)
            }
            Command::SendTones {
                operation,
                tones,
                gap,
                context,
            } => {
                if !(1..=limits::TONES_MAX).contains(&tones.len()) {
                    return Err(Refusal::OutOfBounds);
                }
                (operation, Work::SendTones { tones, gap }, context, false)
            }
            _ => return Err(Refusal::WrongState),
        };
        let new = Operation::new(operation, leg, work, context);
        let line = new.line();
        if barges_in {
            self.cancel_operations(leg, |line| line == Line::Media);
        }
        self.take_on(leg, new)?;
        self.advance(leg, line);
        Ok(Accepted)
    }

    /// Accepts an operation if one more fits, and has its prompts fetched.
    pub(super) fn take_on(&mut self, leg: LegId, operation: Operation) -> Result<(), Refusal> {
        let Some(bot) = self.bot(leg).filter(|bot| !bot.operations.is_full()) else {
            return Err(Refusal::TooManyOperations);
        };
        let preparations: Vec<MediaRequest> = operation.preparations().collect();
        bot.operations.push(operation);
        for preparation in preparations {
            self.media(preparation);
        }
        Ok(())
    }

    pub(super) fn cancel_media(&mut self, leg: LegId) -> Result<OperationKind, Refusal> {
        self.served(leg)?;
        self.cancel_operations(leg, |line| line == Line::Media);
        Ok(OperationKind::CancelMedia)
    }

    pub(super) fn on_prepared(&mut self, operation: OperationId, index: usize) {
        self.prepare_step(operation, |one| one.prepared(index));
    }

    pub(super) fn on_prepare_failed(&mut self, operation: OperationId, why: PrepareFault) {
        self.prepare_step(operation, |one| one.prepare_failed(why));
    }

    fn prepare_step(&mut self, operation: OperationId, happened: impl FnOnce(&mut Operation)) {
        let Some((leg, line)) = self.find_operation(operation) else {
            return;
        };
        if let Some(one) = self.bot(leg).and_then(|bot| bot.operations.find(operation)) {
            happened(one);
        }
        self.music_may_start(operation);
        self.advance(leg, line);
    }

    pub(super) fn on_played(&mut self, operation: OperationId) {
        self.step(operation, Operation::played);
    }

    pub(super) fn on_play_failed(&mut self, operation: OperationId) {
        self.step(operation, Operation::play_failed);
    }

    pub(super) fn on_tones_sent(&mut self, operation: OperationId) {
        self.step(operation, |running| running.pressed(Outcome::Done));
    }

    pub(super) fn on_tones_failed(&mut self, operation: OperationId) {
        self.step(operation, |running| running.pressed(Outcome::TonesFailed));
    }

    pub(super) fn on_recorded(
        &mut self,
        operation: OperationId,
        ending: RecordEnding,
        duration: Duration,
    ) {
        self.step(operation, |running| running.recorded(ending, duration));
    }

    /// Ends every operation of these lines that has not ended, in the order they were asked for.
    pub(super) fn cancel_operations(&mut self, leg: LegId, is_it: impl Fn(Line) -> bool) {
        while let Some(operation) = self.bot(leg).and_then(|bot| bot.operations.oldest(&is_it)) {
            let wanted = crate::ring::Wants::Invitation {
                bot: leg,
                operation,
            };
            while let Some(ring) = self.rings.iter().find(|ring| ring.wants == wanted) {
                self.call_off(ring.id);
            }
            let is_it = |music: &mut super::Music| music.operation == operation;
            self.music.take_if(is_it);
            self.end_operation(leg, operation, Outcome::Cancelled);
        }
    }

    /// Something happened to an operation. Only the head of a line runs; news of any other is late.
    fn step(&mut self, operation: OperationId, happened: impl FnOnce(&mut Operation) -> Next) {
        let Some((leg, line)) = self.find_operation(operation) else {
            return;
        };
        let head = self.bot(leg).and_then(|bot| bot.operations.head(line));
        let Some(head) = head.filter(|head| head.id() == operation) else {
            return;
        };
        match happened(head) {
            Next::Wait => {}
            Next::Ask(request) => self.media(request),
            Next::End(outcome) => {
                self.end_operation(leg, operation, outcome);
                self.advance(leg, line);
            }
        }
    }

    /// Starts the head of a line if it can start. One that has failed already makes room.
    fn advance(&mut self, leg: LegId, line: Line) {
        while line != Line::None
            && let Some(head) = self.bot(leg).and_then(|bot| bot.operations.head(line))
        {
            let operation = head.id();
            match head.start() {
                Next::Wait => return,
                Next::Ask(request) => return self.media(request),
                Next::End(outcome) => self.end_operation(leg, operation, outcome),
            }
        }
    }

    /// Ends an operation: media forgets it, and its bot is told.
    pub(super) fn end_operation(&mut self, leg: LegId, operation: OperationId, outcome: Outcome) {
        let bot = self.bot(leg);
        let ended = bot.and_then(|bot| bot.operations.end(operation, outcome.clone()));
        let Some(ended) = ended else { return };
        if ended.is_in_media() {
            self.media(match outcome {
                Outcome::Cancelled => MediaRequest::Stop { operation },
                _ => MediaRequest::Forget { operation },
            });
        }
        self.tell_ended(leg, ended.view(Some(outcome)));
    }

    pub(super) fn tell_ended(&mut self, leg: LegId, view: OperationView) {
        let ended = Fact::OperationEnded {
            operation: view.operation,
            kind: view.kind,
            context: view.context,
            outcome: view.outcome.expect("an ended operation has an outcome"),
        };
        self.tell(leg, ended);
    }

    /// Whose operation this is, and in which line it stands, if it has not ended.
    fn find_operation(&mut self, operation: OperationId) -> Option<(LegId, Line)> {
        self.bots.iter_mut().find_map(|bot| {
            let line = bot.operations.find(operation)?.line();
            Some((bot.leg, line))
        })
    }
}
