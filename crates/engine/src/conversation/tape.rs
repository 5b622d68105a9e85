//! Recording a call as its bot commands it: what a command means in which state, and what is owed.
//!
//! ```text
//!   Idle ──start──▶ Running ──pause──▶ Paused ──resume──▶ Running
//!   Running, Paused ──stop, end of the call──▶ Idle
//! ```
//!
//! A command is judged when it comes, and its result is told when it has been carried out: a start when
//! audio is in the file. What the state forbids is refused at once. Every command has one result,
//! whatever becomes of the call.

use std::collections::VecDeque;

use offhook_terms::Private;

use crate::limits;

/// What a bot commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TapeVerb {
    /// Begin a recording, and with it a file.
    Start,
    /// Leave out what is said from now on.
    Pause,
    /// Go on in the same file.
    Resume,
    /// End the recording.
    Stop,
}

/// How the two directions are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TapeChannels {
    /// Added up, in one channel.
    #[default]
    Mixed,
    /// What the bot hears in the first channel and what it says in the second.
    Separate,
}

/// A command of a bot about the recording of its call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TapeCommand {
    /// What it wants.
    pub verb: TapeVerb,
    /// The name it called that by, for the result.
    pub name: String,
    /// Its own word for the command, for the result.
    pub command: Option<String>,
    /// The id of its activity, for the result.
    pub activity: String,
    /// For a start: how the directions are kept, if it says so.
    pub channels: Option<TapeChannels>,
    /// For a start: what is to be kept with the recording, as JSON.
    pub metadata: Option<Private<String>>,
}

/// Why a command was not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TapeRefusal {
    /// There is a recording already, or it is not paused.
    AlreadyInProgress,
    /// There is none.
    NotStarted,
    /// It is paused already.
    AlreadyPaused,
    /// Nothing could be written.
    NotWritten,
    /// The call ended first.
    CallEnded,
    /// More commands wait for their results than are held.
    TooMany,
}

/// Something to be done with a recording. Each is answered, by its ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TapeOrder {
    /// Which order this is.
    pub ticket: u64,
    /// What.
    pub verb: TapeVerb,
    /// For a start: how the directions are kept, if the bot says so.
    pub channels: Option<TapeChannels>,
    /// For a start: what is to be kept with it, as JSON.
    pub metadata: Option<Private<String>>,
}

/// The state of one call's recording.
#[derive(Debug, Default)]
pub(super) struct Tape {
    state: State,
    /// Recordings so far: what came too late for one says nothing of the next.
    session: u64,
    tickets: u64,
    /// Commands that are being carried out, in order.
    owed: VecDeque<Owed>,
    /// Commands that came before there was anything to record.
    early: VecDeque<TapeCommand>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Idle,
    Running,
    Paused,
}

#[derive(Debug)]
struct Owed {
    ticket: u64,
    session: u64,
    command: TapeCommand,
}

/// What a command comes to at once.
pub(super) enum Judged {
    Do(TapeOrder),
    Refused(TapeCommand, TapeRefusal),
    /// Not yet.
    Waits,
}

impl Tape {
    /// A command; `is_open` once there is something to record.
    pub(super) fn command(&mut self, command: TapeCommand, is_open: bool) -> Judged {
        if self.owed.len() + self.early.len() >= limits::TAPE_COMMANDS_MAX {
            return Judged::Refused(command, TapeRefusal::TooMany);
        }
        if !is_open {
            self.early.push_back(command);
            return Judged::Waits;
        }
        self.judge(command)
    }

    /// The next command that came too early, when there is something to record.
    pub(super) fn next_early(&mut self) -> Option<Judged> {
        let command = self.early.pop_front()?;
        Some(self.judge(command))
    }

    fn judge(&mut self, command: TapeCommand) -> Judged {
        let next = match (command.verb, self.state) {
            (TapeVerb::Start, State::Idle) => {
                self.session += 1;
                Ok(State::Running)
            }
            (TapeVerb::Pause, State::Running) => Ok(State::Paused),
            (TapeVerb::Resume, State::Paused) => Ok(State::Running),
            (TapeVerb::Stop, State::Running | State::Paused) => Ok(State::Idle),
            (TapeVerb::Start, State::Running | State::Paused)
            | (TapeVerb::Resume, State::Running) => Err(TapeRefusal::AlreadyInProgress),
            (TapeVerb::Pause, State::Paused) => Err(TapeRefusal::AlreadyPaused),
            (TapeVerb::Pause | TapeVerb::Resume | TapeVerb::Stop, State::Idle) => {
                Err(TapeRefusal::NotStarted)
            }
        };
        match next {
            Err(why) => Judged::Refused(command, why),
            Ok(state) => {
                self.state = state;
                self.tickets += 1;
                let order = TapeOrder {
                    ticket: self.tickets,
                    verb: command.verb,
                    channels: command.channels,
                    metadata: command.metadata.clone(),
                };
                self.owed.push_back(Owed {
                    ticket: self.tickets,
                    session: self.session,
                    command,
                });
                Judged::Do(order)
            }
        }
    }

    /// An order was carried out, or could not be: whose it was. With one that could not be, the
    /// recording it belongs to is over.
    pub(super) fn answered(
        &mut self,
        ticket: u64,
        is_done: bool,
    ) -> Option<(TapeCommand, Option<TapeRefusal>)> {
        let at = self.owed.iter().position(|owed| owed.ticket == ticket)?;
        let owed = self.owed.remove(at)?;
        if is_done {
            return Some((owed.command, None));
        }
        if owed.session == self.session {
            self.state = State::Idle;
        }
        Some((owed.command, Some(TapeRefusal::NotWritten)))
    }

    /// The recording that runs cannot be written any more. What is owed is answered one by one.
    pub(super) fn broken(&mut self) {
        self.state = State::Idle;
    }

    /// The call has ended: every command that has no result yet.
    pub(super) fn over(&mut self) -> impl Iterator<Item = TapeCommand> {
        self.state = State::Idle;
        let owed = std::mem::take(&mut self.owed);
        let owed = owed.into_iter().map(|owed| owed.command);
        owed.chain(std::mem::take(&mut self.early))
    }
}

#[cfg(test)]
#[path = "tape_tests.rs"]
mod tests;
