//! Carries the responses to one request of ours into its session's inbox.
//!
//! The stack's driver waits for whoever listens to a request's responses, so a listener must
//! never wait for the driver. That is why responses are carried by a task of their own, which
//! waits for nobody: the final response has a reserved place, the others may be dropped.

use sipx_sip::{Method, Request, TuEvent};
use sipx_transport::{Handle, Responses, Target};
use tokio::sync::mpsc;

use crate::limits;
use crate::session::{Inward, Outcome};

/// Sends a request whose outcomes arrive in `inbox` under `number`. False when there was no
/// room to promise that, and nothing was sent.
pub(crate) async fn send(
    wire: &Handle,
    request: Request,
    target: Target,
    number: u32,
    inbox: &mpsc::Sender<Inward>,
) -> bool {
    let Ok(last) = inbox.clone().try_reserve_owned() else {
        return false;
    };
    let is_invite = request.method == Method::Invite;
    match wire.send(request, target).await {
        Ok(responses) => {
            tokio::spawn(carry(responses, number, is_invite, last, inbox.clone()));
        }
        Err(error) => {
            tracing::debug!(%error, "a request could not be sent");
            last.send(Inward::Outcome(number, Outcome::Unreachable));
        }
    }
    true
}

async fn carry(
    mut responses: Responses,
    number: u32,
    is_invite: bool,
    last: mpsc::OwnedPermit<Inward>,
    inbox: mpsc::Sender<Inward>,
) {
    let mut last = Some(last);
    let mut provisionals = 0;
    while let Some(event) = responses.next().await {
        let outcome = match event {
            TuEvent::Response(response) if response.status.is_provisional() => {
                provisionals += 1;
                if provisionals <= limits::PROVISIONALS {
                    let _ = inbox.try_send(Inward::Outcome(number, Outcome::Response(response)));
                }
                continue;
            }
            TuEvent::Response(response) => Outcome::Response(response),
            TuEvent::Timeout => Outcome::Timeout,
            TuEvent::TransportError => Outcome::Unreachable,
            _ => continue,
        };
        // An accepted INVITE goes on: a repeated 2xx wants its ACK again (RFC 3261 §13.2.2.4).
        let goes_on = is_invite
            && matches!(&outcome, Outcome::Response(response) if response.status.is_success());
        match last.take() {
            Some(permit) => {
                permit.send(Inward::Outcome(number, outcome));
            }
            None => {
                let _ = inbox.try_send(Inward::Outcome(number, outcome));
            }
        }
        if !goes_on || inbox.is_closed() {
            return;
        }
    }
    if let Some(permit) = last.take() {
        permit.send(Inward::Outcome(number, Outcome::Unreachable));
    }
}
