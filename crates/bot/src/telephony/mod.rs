//! What a phone bot can do beside talking: hand the call off, record it, collect keys.
//!
//! Each is a [`Dialog`](crate::dialogs::Dialog), to be begun from any other or alone. On channels that are no phone
//! those that need one are over at once and send nothing, so that one bot serves both.
//!
//! ```
//! use futures::FutureExt;
//! use offhook_bot::dialogs::{Dialogs, Next, Waterfall};
//! use offhook_bot::telephony::{Batch, CallTransfer, Recording};
//!
//! let call = Waterfall::new()
//!     .step(|_| async { Ok(Next::begin("record")) }.boxed())
//!     .step(|_| async { Ok(Next::begin("account")) }.boxed())
//!     .step(|_| async { Ok(Next::begin("agent")) }.boxed());
//! let dialogs = Dialogs::new()
//!     .with("call", call)
//!     .with("record", Recording::start())
//!     .with("account", Batch::until('#', "Your account number, and then hash."))
//!     .with("agent", CallTransfer::to("+14255550123"));
//! ```

mod batch;
mod collecting;
mod continue_with_sms;
mod end_call;
mod number_pool;
mod recording;
mod serial_number;
mod spelling;
mod transfer;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use batch::Batch;
pub use continue_with_sms::{ContinueWithSms, SMS_CHANNEL};
pub use end_call::EndCall;
pub use number_pool::{NumberPool, NumberPoolFault};
pub use recording::Recording;
pub use serial_number::SerialNumber;
pub use transfer::{CallTransfer, HandoffFailed};

/// The `value` of commands and of their results.
///
/// ```
/// use offhook_bot::telephony::CommandValue;
///
/// let told = r#"{"commandId": "7", "error": {"code": "BadRequest", "message": "Recording has not started"}}"#;
/// let result: CommandValue = serde_json::from_str(told)?;
/// let why = result.error.map(|error| error.message);
/// assert_eq!(why.as_deref(), Some("Recording has not started"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CommandValue {
    /// The command's id; its result has the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_id: Option<String>,
    /// What belongs to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// Why it failed; nothing when it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorResponse>,
}

/// Why a command failed.
///
/// ```
/// use offhook_bot::telephony::ErrorResponse;
/// use offhook_bot::turns::BotFault;
///
/// // In `Bot::on_error`: was it a command that failed?
/// fn is_about_recording(fault: &BotFault) -> bool {
///     let error = fault.downcast_ref::<ErrorResponse>();
///     error.is_some_and(|error| error.message.starts_with("Recording"))
/// }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(default)]
#[error("{code}: {message}")]
pub struct ErrorResponse {
    /// Such as `RecordingAlreadyInProgress`.
    pub code: String,
    /// In words.
    pub message: String,
}
