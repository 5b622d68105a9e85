//! Refusals in the words of the Graph: status, code, sentence.

use std::fmt::Display;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use offhook_engine::Refusal;
use offhook_identity::TokenFault;

use super::response;
use crate::limits;
use crate::login::NotLetIn;
use crate::switchboard::CommandRefused;

/// A request that is not done, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(crate) message: String,
    pub(super) retry_after: Option<Duration>,
    pub(super) allow: Option<String>,
}

impl Refused {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            retry_after: None,
            allow: None,
        }
    }

    fn unauthorized(message: &str) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "InvalidAuthenticationToken",
            message,
        )
    }

    /// A fault of ours.
    pub(crate) fn fault() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "9999",
            "An unexpected error occurred.",
        )
    }

    pub(super) fn outside(segment: &str) -> Self {
        let message = format!("Resource not found for the segment '{segment}'.");
        Self::new(StatusCode::NOT_FOUND, "BadRequest", message)
    }

    pub(super) fn segment(segment: &str) -> Self {
        let message = format!("Resource not found for the segment '{segment}'.");
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    pub(super) fn method(allowed: &[http::Method]) -> Self {
        let message = "Specified HTTP method is not allowed for the request target.";
        let allow: Vec<_> = allowed.iter().map(http::Method::as_str).collect();
        Self {
            allow: Some(allow.join(", ")),
            ..Self::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "Request_BadRequest",
                message,
            )
        }
    }

    pub(super) fn not_let_in(why: NotLetIn) -> Self {
        match why {
            NotLetIn::NotRegistered => {
                let message = "Application is not registered in our store.";
                Self::new(StatusCode::FORBIDDEN, "7503", message)
            }
            NotLetIn::Delegated => Self::role(),
            NotLetIn::Token(fault) => Self::unauthorized(match fault {
                TokenFault::Missing => "Access token is empty.",
                TokenFault::Expired => "Lifetime validation failed, the token is expired.",
                TokenFault::NotYet => "Lifetime validation failed, the token is not yet valid.",
                TokenFault::WrongAudience => "Access token validation failure. Invalid audience.",
                TokenFault::WrongIssuer => "Access token validation failure. Invalid issuer.",
                TokenFault::UnknownKey | TokenFault::BadSignature => {
                    "Access token validation failure. Invalid signature."
                }
                TokenFault::MissingTenant | TokenFault::MissingApp => {
                    "Access token validation failure. A claim is missing."
                }
                _ => "CompactToken parsing failed: the access token is malformed.",
            }),
        }
    }

    pub(crate) fn too_many_requests(wait: Duration) -> Self {
        Self {
            retry_after: Some(wait),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "TooManyRequests",
                "Please retry again later.",
            )
        }
    }

    /// Published, but not served here, and there is no more to say.
    pub(crate) fn not_yet() -> Self {
        Self::not_served("This resource is part of the API, but not implemented by this platform.")
    }

    /// Published, but not served here.
    pub(crate) fn not_served(why: &str) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, "8520", why)
    }

    /// A body that has more than so many bytes.
    pub(super) fn body_too_large(most: usize) -> Self {
        let message = format!("The request body is larger than {} KiB.", most / 1024);
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "BadRequest", message)
    }

    pub(super) fn body_too_slow() -> Self {
        let message = "The request body did not arrive in time.";
        Self::new(StatusCode::REQUEST_TIMEOUT, "BadRequest", message)
    }

    pub(super) fn media_type() -> Self {
        let message = "The request body must have the media type application/json.";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "BadRequest", message)
    }

    pub(super) fn unreadable() -> Self {
        let message = "Unable to read JSON request payload. Please ensure Content-Type header is \
                       set and payload is of valid JSON format.";
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    /// A query option that cannot be read.
    pub(crate) fn query(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    /// A query that can be read, but is not served for this collection.
    pub(crate) fn unsupported_query(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Request_UnsupportedQuery", message)
    }

    /// A query option that this collection does not have.
    pub(crate) fn unsupported_option(name: &str) -> Self {
        let message = format!("'{name}' is not supported by the service.");
        Self::new(StatusCode::BAD_REQUEST, "Request_BadRequest", message)
    }

    /// A directory is counted for those alone who take an older count.
    pub(super) fn unsupported_count() -> Self {
        let message = "$count is not currently supported.";
        Self::new(StatusCode::BAD_REQUEST, "Request_BadRequest", message)
    }

    pub(super) fn query_option(name: &str) -> Self {
        let message = format!("The query option '{name}' is not known.");
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    pub(super) fn no_call() -> Self {
        Self::new(StatusCode::NOT_FOUND, "8522", "Call not found.")
    }

    pub(super) fn no_operation() -> Self {
        Self::new(StatusCode::NOT_FOUND, "8522", "Operation not found.")
    }

    pub(super) fn no_participant() -> Self {
        Self::new(StatusCode::NOT_FOUND, "8522", "Participant not found.")
    }

    pub(crate) fn role() -> Self {
        let message = "Insufficient enterprise tenant permissions, cannot access this API.";
        Self::new(StatusCode::FORBIDDEN, "7504", message)
    }

    /// The tenant a body names is not the token's.
    pub(super) fn tenant() -> Self {
        let message = "Request authorization tenant mismatch.";
        Self::new(StatusCode::FORBIDDEN, "7505", message)
    }

    /// Who a body says makes the call is not who asks for it.
    pub(super) fn source() -> Self {
        let message = "Call source identity invalid.";
        Self::new(StatusCode::FORBIDDEN, "7507", message)
    }

    /// Somebody of another tenant cannot be called.
    pub(super) fn other_tenant() -> Self {
        let message = "Action not supported, the parties belong to different tenants.";
        Self::new(StatusCode::BAD_REQUEST, "8517", message)
    }

    pub(super) fn no_routing_group() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "8522",
            "Audio routing group not found.",
        )
    }

    pub(super) fn no_sharing_session() -> Self {
        let message = "Content sharing session not found.";
        Self::new(StatusCode::NOT_FOUND, "8522", message)
    }

    pub(super) fn not_established() -> Self {
        let message = "Action not supported, call is not established.";
        Self::new(StatusCode::BAD_REQUEST, "8501", message)
    }

    /// Only a call of many has this.
    pub(super) fn not_a_group() -> Self {
        let message = "Action not supported, the call is not a group call.";
        Self::new(StatusCode::BAD_REQUEST, "8548", message)
    }

    /// Whoever holds a meeting stays in it.
    pub(super) fn organizer() -> Self {
        let message = "The organizer of the meeting cannot be removed.";
        Self::new(StatusCode::FORBIDDEN, "8552", message)
    }

    /// The call that is to be replaced is none.
    pub(super) fn no_replaced_call() -> Self {
        Self::parameter(
            "replacesCallId",
            "names no established call of this application",
        )
    }

    /// The application has as many calls as it may.
    pub(super) fn too_many_calls() -> Self {
        Self {
            retry_after: Some(limits::CALLS_FULL_RETRY_AFTER),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "8530",
                "The application has as many active calls as it may.",
            )
        }
    }

    /// The bot had its calls of this month.
    pub(super) fn too_many_calls_this_month(wait: Duration) -> Self {
        Self {
            retry_after: Some(wait),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "8529",
                "The application had as many calls this month as it may.",
            )
        }
    }

    /// We are going down.
    pub(super) fn unavailable() -> Self {
        Self {
            retry_after: Some(limits::CALLS_FULL_RETRY_AFTER),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "9999",
                "The platform is going down.",
            )
        }
    }

    /// No meeting is opened by what was said of it.
    pub(super) fn not_a_meeting(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// A parameter that cannot be used: its name, and what is wanted of it.
    pub(crate) fn parameter(name: &str, wanted: impl Display) -> Self {
        let message = format!("The parameter '{name}' {wanted}.");
        Self::new(StatusCode::BAD_REQUEST, "8523", message)
    }

    pub(super) fn media_mode() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "8500", "Invalid media mode.")
    }

    pub(super) fn command(refused: CommandRefused) -> Self {
        let bad = StatusCode::BAD_REQUEST;
        let refusal = match refused {
            CommandRefused::NotFound => return Self::no_call(),
            CommandRefused::Busy => return Self::too_many_requests(Duration::from_secs(1)),
            CommandRefused::Refused(refusal) => refusal,
        };
        match refusal {
            // An ended call answers like one that never was.
            Refusal::NoSuchLeg | Refusal::Terminated => Self::no_call(),
            Refusal::NotEstablished => Self::not_established(),
            Refusal::AlreadyDecided => Self::new(
                StatusCode::CONFLICT,
                "8519",
                "The call was answered or rejected already.",
            ),
            Refusal::WrongState => {
                Self::new(bad, "8585", "Action not valid in current call state.")
            }
            Refusal::AppHosted => Self::media_mode(),
            Refusal::NotAGroup => Self::not_a_group(),
            Refusal::NoSuchParticipant => Self::no_participant(),
            Refusal::NoSuchRoutingGroup => Self::no_routing_group(),
            Refusal::RoutingGroupExists => Self::new(
                StatusCode::CONFLICT,
                "8519",
                "An audio routing group with this id exists already.",
            ),
            Refusal::HoldConflict => Self::new(
                StatusCode::CONFLICT,
                "8519",
                "One participant at a time can be on hold.",
            ),
            Refusal::TransferConflict => Self::new(
                StatusCode::CONFLICT,
                "8607",
                "A transfer of this call is under way.",
            ),
            Refusal::NoSuchReplacedCall => Self::no_replaced_call(),
            Refusal::OutOfBounds => Self::new(
                bad,
                "8523",
                "A parameter has fewer or more members than it may.",
            ),
            Refusal::AlreadyInvited => Self::new(
                bad,
                "8523",
                "The parameter 'participants' names somebody who is in the call or invited already.",
            ),
            Refusal::TooManyParties => Self::new(
                StatusCode::FORBIDDEN,
                "8530",
                "The call has as many participants as it may.",
            ),
            Refusal::TooManyOperations => Self {
                message: format!(
                    "Please retry again later: {} operations of this call are outstanding.",
                    offhook_engine::limits::OPERATIONS_MAX
                ),
                ..Self::too_many_requests(Duration::from_secs(1))
            },
        }
    }

    /// A recording was asked for with a token that is not its own.
    pub(crate) fn recording_token() -> Self {
        Self::unauthorized("The recording access token is missing or wrong.")
    }

    /// A recording whose time is over.
    pub(crate) fn recording_gone() -> Self {
        Self::new(StatusCode::NOT_FOUND, "8522", "Recording not found.")
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        response::refusal(&self, &response::Ids::fresh())
    }
}
