//! Why a turn failed.

use http::StatusCode;

use crate::GraphFault;

/// Why a turn failed: whatever a bot gives up with. Everything that is an error becomes one with `?`.
///
/// ```
/// use offhook_bot::turns::BotFault;
///
/// fn room(said: &str) -> Result<u32, BotFault> {
///     said.parse().map_err(BotFault::new)
/// }
///
/// assert!(room("one").unwrap_err().downcast_ref::<std::num::ParseIntError>().is_some());
/// ```
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct BotFault(Box<dyn std::error::Error + Send + Sync>);

impl BotFault {
    /// Any error, or a sentence.
    ///
    /// ```
    /// let fault = offhook_bot::turns::BotFault::new("the kitchen is closed");
    /// assert_eq!(fault.to_string(), "the kitchen is closed");
    /// ```
    pub fn new(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(why.into())
    }

    /// The error itself, if it is of this type.
    pub fn downcast_ref<E: std::error::Error + 'static>(&self) -> Option<&E> {
        self.0.downcast_ref()
    }
}

macro_rules! becomes_bot_fault {
    ($($fault:ty),+) => {$(
        impl From<$fault> for BotFault {
            fn from(fault: $fault) -> Self {
                Self::new(fault)
            }
        }
    )+};
}

becomes_bot_fault!(
    ConnectorFault,
    StateFault,
    GraphFault,
    serde_json::Error,
    std::io::Error
);

/// Why an activity was not taken.
///
/// ```
/// use offhook_bot::turns::{ConnectorFault, Turn};
///
/// # async fn example(turn: &mut Turn) -> Result<(), ConnectorFault> {
/// match turn.say("Are you there?").await {
///     Err(ConnectorFault::Refused { status, .. }) => println!("The channel says {status}: the call is over."),
///     said => drop(said?),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectorFault {
    /// The activity says neither where its channel is nor in which conversation it is.
    #[error("not sent: the conversation has no {0}")]
    Nowhere(&'static str),
    /// No token was granted.
    #[error("no token was granted: {0}")]
    Token(#[source] GraphFault),
    /// The channel refused it.
    #[error("refused with {status} ({code}): {message}")]
    Refused {
        /// The status.
        status: StatusCode,
        /// The channel's code.
        code: String,
        /// The channel's sentence.
        message: String,
    },
    /// The channel was not reached, or its answer makes no sense.
    #[error(transparent)]
    Transport(GraphFault),
    /// More was said in one turn than a channel takes.
    #[error("more than {0} activities in the answer to one request")]
    TooMany(usize),
}

/// Why state was not read or written.
///
/// ```
/// use offhook_bot::turns::{StateFault, Turn};
///
/// # async fn example(turn: &mut Turn) -> Result<(), StateFault> {
/// let room: Option<u32> = match turn.user().await?.get("room") {
///     // An older version of the bot kept something else there.
///     Err(StateFault::Type(..)) => None,
///     room => room?,
/// };
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateFault {
    /// Somebody else wrote it meanwhile.
    #[error("somebody else changed the state meanwhile")]
    Changed,
    /// What is kept under this name is of another type.
    #[error("what is kept as `{0}` is of another type: {1}")]
    Type(String, String),
    /// The activity does not say whose state it is.
    #[error("the activity has no {0}, so it has no state")]
    Nobody(&'static str),
    /// It is larger than is kept.
    #[error("a state of {0} bytes is larger than the {max} that are kept", max = crate::limits::STATE_BYTES_MAX)]
    TooLarge(usize),
    /// The store failed.
    #[error("the store failed: {0}")]
    Store(String),
}
