//! A call of ours, from its INVITE to its answer.
//!
//! ```text
//!   look-up ──▶ INVITE ──▶ 100 ──▶ 18x … ──▶ 200/ACK: up
//!                 ▲ │               └ CANCEL ──▶ 487, or 200/ACK/BYE when the answer was faster
//!                 └─┘ 401, 407, 422: again, with what was asked for
//! ```

use std::time::Duration;

use sipx_sip::session::MinSe;
use sipx_sip::{HeaderName, Method, Request, Response, Uri};
use sipx_transport::Target;
use tokio::time::Instant;

use super::inward::{Inward, Outcome};
use super::out::{cancel_of, is_ringing, with_sdp, worded};
use super::reliable::{Early, early_mut, numbered};
use super::run::{Phase, SessionTask};
use super::{Ending, Loss, SessionEvent};
use crate::call::{OutgoingCall, is_our_own};
use crate::dialog::{Dialog, tag_of};
use crate::reply::{push, reason_header};
use crate::timer::{self, Running};
use crate::{limits, pump, resolve};

/// A call of ours on its way.
pub(crate) struct Outgoing {
    call: OutgoingCall,
    /// The address whose host is still looked for.
    look_up: Option<Uri>,
    /// The dialog as it was before anybody responded.
    fresh: Option<Dialog>,
    invite: Option<Request>,
    hop: Option<Target>,
    /// The sequence number of the last INVITE.
    number: u32,
    attempts: u32,
    /// The session interval we ask for.
    interval: Option<Duration>,
    /// Something provisional was heard, so CANCEL may go out (RFC 3261 §9.1).
    heard: bool,
    cancelled: Cancelled,
    /// What the CANCEL will say.
    parting: Option<String>,
    give_up: Option<Instant>,
    /// Who rings.
    early: Vec<Early>,
}

#[derive(PartialEq, Eq)]
enum Cancelled {
    No,
    /// CANCEL must wait for a provisional response (RFC 3261 §9.1).
    Wanted,
    Sent,
}

impl Outgoing {
    pub(crate) fn new(call: OutgoingCall, look_up: Option<Uri>) -> Self {
        Self {
            call,
            look_up,
            fresh: None,
            invite: None,
            hop: None,
            number: 0,
            attempts: 0,
            interval: None,
            heard: false,
            cancelled: Cancelled::No,
            parting: None,
            give_up: None,
            early: Vec::new(),
        }
    }

    pub(super) fn early_mut(&mut self, tag: Option<Vec<u8>>) -> Option<&mut Early> {
        early_mut(&mut self.early, tag)
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.give_up
    }
}

impl SessionTask {
    /// Begins a call: finds the host first when it is a name.
    pub(super) async fn begin_call(&mut self, mut outgoing: Box<Outgoing>) {
        self.we_called = true;
        self.credentials = outgoing.call.credentials.clone();
        let config = &self.office.config;
        outgoing.interval = (!config.session_expires.is_zero()).then(|| timer::ours(config));
        let Some(uri) = outgoing.look_up.clone() else {
            return self.invite(outgoing).await;
        };
        outgoing.give_up = Some(Instant::now() + limits::LOOK_UP);
        let transport = outgoing.call.transport;
        self.phase = Phase::Calling(outgoing);
        let Ok(place) = self.me.clone().try_reserve_owned() else {
            return self.over(Ending::Lost(Loss::Transport));
        };
        let from = self.office.wire.local_addr();
        tokio::spawn(async move {
            let found = resolve::resolve(&uri, transport, Some(from)).await;
            place.send(Inward::Located(found));
        });
    }

    pub(super) async fn on_located(&mut self, hop: Option<Target>) {
        match std::mem::replace(&mut self.phase, Phase::New) {
            Phase::Calling(mut outgoing) if outgoing.invite.is_none() => {
                let Some(hop) = hop else {
                    self.phase = Phase::Calling(outgoing);
                    return self.over(Ending::Lost(Loss::NoSuchHost));
                };
                outgoing.call.aim(&self.office, &mut self.dialog, hop);
                outgoing.give_up = None;
                self.invite(outgoing).await;
            }
            phase => self.phase = phase,
        }
    }

    /// Sends an INVITE: the first, or the next after a challenge.
    async fn invite(&mut self, mut outgoing: Box<Outgoing>) {
        outgoing.attempts += 1;
        match &outgoing.fresh {
            Some(fresh) => self.dialog.restart_from(fresh),
            None => outgoing.fresh = Some(self.dialog.clone()),
        }
        let mut invite = self.dialog.request(Method::Invite);
        push(&mut invite.headers, HeaderName::Allow, self.office.allow());
        // Without an offer of ours the first reliable response would bring theirs, and PRACK would
        // have to bring our answer at once; the 200 and its ACK do the same without haste.
        let certain = !outgoing.call.offer.is_empty();
        push(
            &mut invite.headers,
            HeaderName::Supported,
            self.office.supported(certain),
        );
        if let Some(interval) = outgoing.interval {
            push(
                &mut invite.headers,
                HeaderName::SessionExpires,
                interval.as_secs().to_string(),
            );
        }
        for (name, value) in &outgoing.call.headers {
            let name = HeaderName::parse(&bytes::Bytes::from(name.clone()));
            if is_our_own(&name) {
                tracing::debug!(session = self.dialog.tag, "left out a header of our own");
                continue;
            }
            push(&mut invite.headers, name, value.reveal().clone());
        }
        self.proof = self.prove(&mut invite);
        let mut invite = with_sdp(invite, &outgoing.call.offer);
        let hop = self.dialog.hop_for(&mut invite);
        outgoing.invite = Some(invite.clone());
        outgoing.hop = Some(hop.clone());
        outgoing.heard = false;
        outgoing.early.clear();
        let number = self.dialog.local_cseq();
        outgoing.number = number;
        self.phase = Phase::Calling(outgoing);
        if !pump::send(&self.office.wire, invite, hop, number, &self.me).await {
            self.over(Ending::Lost(Loss::Transport));
        }
    }

    /// The owner does not want this call any more. `parting` is the `Reason` its CANCEL carries.
    pub(super) async fn abandon(&mut self, parting: Option<String>) {
        let Phase::Calling(outgoing) = &mut self.phase else {
            return;
        };
        if outgoing.invite.is_none() {
            return self.over(Ending::Closed);
        }
        if outgoing.cancelled == Cancelled::No {
            outgoing.cancelled = Cancelled::Wanted;
            outgoing.parting = parting;
            self.cancel().await;
        }
    }

    /// Cancels our INVITE as soon as that is allowed.
    async fn cancel(&mut self) {
        let Phase::Calling(outgoing) = &mut self.phase else {
            return;
        };
        if outgoing.cancelled != Cancelled::Wanted || !outgoing.heard {
            return;
        }
        let (Some(invite), Some(hop)) = (&outgoing.invite, outgoing.hop.clone()) else {
            return;
        };
        outgoing.cancelled = Cancelled::Sent;
        // §9.1: an INVITE without a final response 64·T1 after its CANCEL counts as cancelled.
        outgoing.give_up = Some(Instant::now() + self.office.timers.timeout());
        let mut cancel = cancel_of(invite);
        if let Some(parting) = outgoing.parting.take() {
            push(&mut cancel.headers, HeaderName::Reason, parting);
        }
        if let Err(error) = self.office.wire.send(cancel, hop).await {
            tracing::debug!(session = self.dialog.tag, %error, "a CANCEL could not be sent");
        }
    }

    /// Nothing final came in the time it may take.
    pub(super) fn given_up(&mut self) {
        let looking = matches!(&self.phase, Phase::Calling(out) if out.invite.is_none());
        self.over(if looking {
            Ending::Lost(Loss::NoSuchHost)
        } else {
            Ending::Closed
        });
    }

    /// Whether the phone that rings has answered our offer already, so that changes may be offered.
    pub(super) fn is_agreed_early(&self) -> bool {
        match &self.phase {
            Phase::Ringing(_) => self.reliable.as_ref().is_some_and(|r| r.is_agreed()),
            Phase::Calling(outgoing) => outgoing
                .early
                .iter()
                .any(|early| early.answer.is_some() && self.dialog.is_with(&early.tag)),
            _ => false,
        }
    }

    /// Whether an outcome is that of the INVITE we are calling with.
    pub(super) fn is_of_call(&self, number: u32) -> bool {
        matches!(&self.phase, Phase::Calling(outgoing) if outgoing.number == number)
    }

    pub(super) async fn on_call_outcome(&mut self, number: u32, outcome: Outcome) {
        let Phase::Calling(outgoing) = &mut self.phase else {
            return;
        };
        let response = match outcome {
            Outcome::Response(response) => response,
            Outcome::Timeout | Outcome::Unreachable => {
                let loss = match outcome {
                    Outcome::Timeout => Loss::Timeout,
                    _ => Loss::Transport,
                };
                let cancelled = outgoing.cancelled != Cancelled::No;
                return self.over(if cancelled {
                    Ending::Closed
                } else {
                    Ending::Lost(loss)
                });
            }
        };
        if response.status.is_provisional() {
            return self.on_provisional(number, &response).await;
        }
        if response.status.is_success() {
            return self.on_answered(number, &response).await;
        }
        if outgoing.cancelled != Cancelled::No {
            return self.over(Ending::Closed);
        }
        if let Some(outgoing) = self.second_try(&response) {
            return self.invite(outgoing).await;
        }
        let status = response.status.code();
        self.over(Ending::Refused {
            status,
            reason: worded(&response),
        });
    }

    async fn on_provisional(&mut self, number: u32, response: &Response) {
        let Phase::Calling(outgoing) = &mut self.phase else {
            return;
        };
        outgoing.heard = true;
        if outgoing.cancelled != Cancelled::No {
            return self.cancel().await;
        }
        if !is_ringing(response.status) {
            return;
        }
        if self.dialog.is_unanswered() && tag_of(&response.headers).is_some() {
            self.dialog.confirmed_by(response);
            self.publish();
        }
        if !self.acknowledge_early(response, number).await {
            return;
        }
        let sdp = Some(response.body().to_vec()).filter(|sdp| !sdp.is_empty());
        if let Phase::Calling(outgoing) = &mut self.phase
            && numbered(&response.headers).is_some()
            && let Some(early) = outgoing.early_mut(tag_of(&response.headers))
            && early.answer.is_none()
        {
            early.answer.clone_from(&sdp);
        }
        self.emit(SessionEvent::Ringing {
            status: response.status.code(),
            sdp,
        });
    }

    async fn on_answered(&mut self, number: u32, response: &Response) {
        let Phase::Calling(mut outgoing) = std::mem::replace(&mut self.phase, Phase::Up) else {
            return;
        };
        let earlier = outgoing.early_mut(tag_of(&response.headers));
        let earlier = earlier.and_then(|early| early.answer.take());
        self.dialog.confirmed_by(response);
        self.acknowledge(number).await;
        if outgoing.cancelled != Cancelled::No {
            self.bye(None).await;
            return self.over(Ending::Closed);
        }
        self.publish();
        let asked = outgoing.interval;
        // A peer without session timers is not asked to refresh one; ours would only be noise.
        let agreed = response.headers.get(&HeaderName::SessionExpires).is_some();
        self.timer = agreed
            .then(|| Running::adopted(&response.headers, asked, Instant::now()))
            .flatten();
        self.local_sdp = outgoing.call.offer;
        let sdp = response.body().to_vec();
        // An answer that came reliably before is not repeated (RFC 3261 §13.2.1).
        let sdp = earlier.filter(|_| sdp.is_empty()).unwrap_or(sdp);
        self.emit(SessionEvent::Answered { sdp });
    }

    /// What to send after a refusal that only asks for more: proof, or a longer session.
    fn second_try(&mut self, response: &Response) -> Option<Box<Outgoing>> {
        let Phase::Calling(outgoing) = &mut self.phase else {
            return None;
        };
        if outgoing.attempts >= limits::INVITE_ATTEMPTS {
            return None;
        }
        if response.status.code() == 422 {
            let least = response.headers.typed::<MinSe>()?.ok()?.0;
            outgoing.interval = Some(least.max(outgoing.interval?));
        } else if self.credentials.is_none() || !self.proofs.learn(response) {
            return None;
        }
        match std::mem::replace(&mut self.phase, Phase::New) {
            Phase::Calling(outgoing) => Some(outgoing),
            _ => None,
        }
    }

    /// Another phone behind the same number answered as well: thanked and left.
    pub(super) async fn leave_fork(&mut self, number: u32, response: &Response) {
        let mut fork = self.dialog.fork(response);
        let mut ack = fork.numbered(Method::Ack, number);
        let hop = fork.hop_for(&mut ack);
        let _ = self.office.wire.send_directly(ack, hop).await;
        let mut bye = fork.request(Method::Bye);
        self.prove(&mut bye);
        let hop = fork.hop_for(&mut bye);
        let _ = self.office.wire.send(bye, hop).await;
    }
}

/// What a phone is told that rang for a call which another one answered, so that it shows no
/// missed call (RFC 3326 §2).
pub(super) fn elsewhere() -> String {
    reason_header(200, "Call completed elsewhere")
}
