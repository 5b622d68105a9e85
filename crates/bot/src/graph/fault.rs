//! Why something that was asked for did not happen.

use std::time::Duration;

use http::StatusCode;
use offhook_wire::graph::ErrorEnvelope;

use super::ParameterFault;

/// Why a client or a router cannot be made.
///
/// ```
/// use offhook_bot::{GraphClient, GraphConfig, SetupFault};
///
/// let config = GraphConfig {
///     ca_file: Some("nowhere.pem".into()),
///     ..GraphConfig::new("a tenant", "an app id", "a secret")
/// };
/// assert!(matches!(GraphClient::new(config), Err(SetupFault::CaFile(..))));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupFault {
    /// An address is no URL.
    #[error("`{0}` is not a URL")]
    Address(String),
    /// The file with the certificate authority cannot be used.
    #[error("the certificate authority file {0} cannot be used: {1}")]
    CaFile(String, String),
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made: {0}")]
    Client(String),
}

/// Why something that was asked for did not happen.
///
/// ```
/// use offhook_bot::{CallId, GraphClient, GraphFault};
///
/// # async fn example(client: GraphClient, call: CallId) -> Result<(), GraphFault> {
/// match client.hang_up(&call).await {
///     // The caller was faster.
///     Err(why) if why.is_gone() => {}
///     done => done?,
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GraphFault {
    /// It is beyond what the API allows; nothing was sent.
    #[error("not sent: {0}")]
    Parameter(#[from] ParameterFault),
    /// The platform calls it wrong (400).
    #[error("the request is wrong ({code}): {message}")]
    BadRequest {
        /// The platform's code.
        code: String,
        /// The platform's sentence.
        message: String,
    },
    /// The call is not in a state for it (400 or 409 with one of the codes for that).
    #[error("the call is not in a state for it ({code}): {message}")]
    InvalidState {
        /// The platform's code.
        code: String,
        /// The platform's sentence.
        message: String,
    },
    /// The platform does not believe the token (401), or grants none.
    #[error("not authorised ({code}): {message}")]
    Unauthorized {
        /// The platform's code.
        code: String,
        /// The platform's sentence.
        message: String,
    },
    /// The bot may not do it (403).
    #[error("forbidden ({code}): {message}")]
    Forbidden {
        /// The platform's code.
        code: String,
        /// The platform's sentence.
        message: String,
    },
    /// There is no such call or operation, or it has ended (404).
    #[error("not found ({code}): {message}")]
    NotFound {
        /// The platform's code.
        code: String,
        /// The platform's sentence.
        message: String,
    },
    /// Too much was asked for (429, or 503 or 504 to the end of all retries).
    #[error("throttled; try again{}", again(.retry_after))]
    Throttled {
        /// How long the platform wants to be left alone, if it said.
        retry_after: Option<Duration>,
    },
    /// Any other refusal.
    #[error("refused with {status} ({code}): {message}")]
    Refused {
        /// The status.
        status: StatusCode,
        /// The platform's code.
        code: String,
        /// The platform's sentence.
        message: String,
    },
    /// What is downloaded is larger than allowed.
    #[error("larger than {limit} bytes")]
    TooLarge {
        /// What was allowed.
        limit: u64,
    },
    /// The platform was not reached, or stopped in the middle.
    #[error("the platform was not reached: {0}")]
    Transport(String),
    /// The platform's answer makes no sense.
    #[error("the platform's answer cannot be read: {0}")]
    Unreadable(String),
}

fn again(retry_after: &Option<Duration>) -> String {
    match retry_after {
        Some(wait) => format!(" in {} s", wait.as_secs()),
        None => " later".into(),
    }
}

impl GraphFault {
    /// A failure of the network. The address is left out: it may hold an id or a capability.
    pub(crate) fn transport(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        Self::Transport(text)
    }

    /// The refusal a status and a body mean.
    pub(crate) fn of(status: StatusCode, retry_after: Option<Duration>, body: &[u8]) -> Self {
        let refusal = serde_json::from_slice::<ErrorEnvelope>(body).unwrap_or_default();
        let (code, message) = (refusal.error.code, refusal.error.message);
        // Not established, terminated, not valid in this state, conflict.
        let about_state = matches!(code.as_str(), "8501" | "8528" | "8585" | "8519");
        match status {
            StatusCode::BAD_REQUEST | StatusCode::CONFLICT if about_state => {
                Self::InvalidState { code, message }
            }
            StatusCode::BAD_REQUEST => Self::BadRequest { code, message },
            StatusCode::CONFLICT => Self::InvalidState { code, message },
            StatusCode::UNAUTHORIZED => Self::Unauthorized { code, message },
            StatusCode::FORBIDDEN => Self::Forbidden { code, message },
            StatusCode::NOT_FOUND => Self::NotFound { code, message },
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Self::Throttled { retry_after },
            status => Self::Refused {
                status,
                code,
                message,
            },
        }
    }

    /// Whether the call is gone, so that there is nothing left to do for it.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::NotFound { .. })
            || matches!(self, Self::InvalidState { code, .. } if code == "8528")
    }
}
