//! The waits of a call, by name.

/// Something the call waits for, and gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Timer {
    /// The bot must answer or reject ([`crate::limits::BOT_DECIDES_WITHIN`]).
    BotMustDecide,
    /// The bot must say that it is alive ([`crate::limits::KEEP_ALIVE_WITHIN`]).
    BotMustKeepAlive,
}
