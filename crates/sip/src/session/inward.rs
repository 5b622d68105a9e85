//! What reaches a session's task: requests, responses, orders. One queue, in the order it came.

use offhook_terms::{Private, Tone};
use sipx_sip::Response;
use sipx_transport::Target;

use super::{Refer, Refusal, Sink};

/// One thing that reached a session.
pub(crate) enum Inward {
    /// A request inside the dialog, ACK included.
    Request(Box<sipx_transport::Incoming>),
    /// The pending INVITE was cancelled; the CANCEL itself has been answered.
    Cancelled,
    /// The host we call was looked for.
    Located(Option<Target>),
    /// A request of ours came to something. The number says which.
    Outcome(u32, Outcome),
    /// What the owner wants.
    Order(Order),
    /// The endpoint is shutting down.
    Shutdown,
}

/// What a request of ours came to.
pub(crate) enum Outcome {
    /// A response; for an INVITE there may be several.
    Response(Box<Response>),
    /// Nothing was heard for 64·T1.
    Timeout,
    /// It could not be sent.
    Unreachable,
}

/// What the owner of a session wants.
pub(crate) enum Order {
    /// Where events go; `None` keeps them until somebody says.
    Deliver(Option<Sink>),
    Ring {
        status: u16,
        sdp: Option<Vec<u8>>,
    },
    Answer(Vec<u8>),
    Refuse(Refusal),
    AcceptOffer(Vec<u8>),
    RefuseOffer(Refusal),
    Reinvite(Vec<u8>),
    Tone(Tone, u16),
    Refer(Refer),
    ReportRefer(u16),
    RefuseRefer(u16),
    HangUp(Option<Private<String>>),
    /// Another phone answered the call this one rings for.
    Elsewhere,
}
