//! Who owns this leg: finds the task of a call for whoever has something to say to it.

use offhook_engine::{Command, LegView, OperationView, Refusal};
use offhook_terms::{AppId, LegId, OperationId};

/// Why a command was not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommandRefused {
    /// There is no such live leg of this bot.
    NotFound,
    /// The call refused it.
    Refused(Refusal),
    /// The call has more to do than fits its mailbox.
    Busy,
}

/// The way to every live call. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Switchboard {}

#[allow(unused_variables)]
impl Switchboard {
    /// Asks something of a bot's leg.
    pub(crate) async fn command(
        &self,
        bot: AppId,
        leg: LegId,
        command: Command,
    ) -> Result<(), CommandRefused> {
        Err(CommandRefused::NotFound)
    }

    /// What a bot may see of its leg.
    pub(crate) async fn leg(&self, bot: AppId, leg: LegId) -> Option<LegView> {
        None
    }

    /// What a bot may see of an operation of its leg.
    pub(crate) async fn operation(
        &self,
        bot: AppId,
        leg: LegId,
        operation: OperationId,
    ) -> Option<OperationView> {
        None
    }

    /// The operations of a bot's leg.
    pub(crate) async fn operations(&self, bot: AppId, leg: LegId) -> Option<Vec<OperationView>> {
        None
    }

    /// A notification for this leg was refused or given up: the call should know.
    pub(crate) fn undeliverable(&self, leg: LegId) {}
}
