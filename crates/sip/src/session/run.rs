//! The task behind a session: one dialog, one queue, one timer.
//!
//! ```text
//! they call   Ringing ──200──▶ Up (unacked) ──ACK──▶ Up ──BYE──▶ Over
//! we call     Calling ──200/ACK──────────────────▶ Up ──BYE──▶ Over
//! ```
//!
//! Everything a dialog waits for is a field with an instant in it; [`SessionTask::deadline`] is
//! the earliest, and [`SessionTask::on_time`] does what has come due.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use offhook_terms::Tone;
use sipx_sip::session::{Answer, MinSe, SessionExpires};
use sipx_sip::{CSeq, HeaderName, Method, Request, Response, TransactionKey};
use sipx_transport::{Incoming as Inbound, Target};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::inward::{Inward, Order, Outcome};
use super::out::{cancel_of, is_ringing, with_sdp, worded};
use super::{Ending, Loss, Refusal, SessionEvent, Sink};
use crate::call::OutgoingCall;
use crate::counters::count;
use crate::dialog::Dialog;
use crate::endpoint::Office;
use crate::limits;
use crate::reply::{ALLOW, Reply, SUPPORTED, push};
use crate::timer::{self, Running};

/// How a session begins.
pub(crate) enum Opening {
    /// With an INVITE to us, and the session timer its answer will carry.
    Invited(Box<Inbound>, Answer),
    /// With an INVITE of ours.
    Outgoing(Box<Outgoing>),
}

/// A call of ours on its way.
pub(crate) struct Outgoing {
    call: OutgoingCall,
    invite: Option<Request>,
    hop: Option<Target>,
    attempts: u32,
    /// The session interval we ask for.
    interval: Option<Duration>,
    answered_once: bool,
    cancelled: Cancelled,
    give_up: Option<Instant>,
}

#[derive(PartialEq, Eq)]
enum Cancelled {
    No,
    /// CANCEL must wait for a provisional response (RFC 3261 §9.1).
    Wanted,
    Sent,
}

impl Outgoing {
    pub(crate) fn new(call: OutgoingCall) -> Self {
        Self {
            call,
            invite: None,
            hop: None,
            attempts: 0,
            interval: None,
            answered_once: false,
            cancelled: Cancelled::No,
            give_up: None,
        }
    }
}

/// A call to us that is not answered yet.
struct Ringing {
    key: TransactionKey,
    request: Request,
    terms: Answer,
    last: Option<Reringing>,
}

struct Reringing {
    status: u16,
    sdp: Option<Vec<u8>>,
    again: Instant,
}

enum Phase {
    New,
    Ringing(Box<Ringing>),
    Calling(Box<Outgoing>),
    Up,
    Over,
}

/// An INVITE or UPDATE of theirs that our owner has to answer.
struct TheirOffer {
    key: TransactionKey,
    request: Request,
    terms: Answer,
}

/// A 2xx of ours that waits for its ACK, and is sent again until it comes.
struct Unacked {
    key: TransactionKey,
    response: Response,
    cseq: u32,
    /// Our own offer was in it: the ACK brings the answer.
    offered: bool,
    first: bool,
    next: Instant,
    interval: Duration,
    until: Instant,
}

/// A re-INVITE or UPDATE of ours in flight.
struct OurOffer {
    cseq: u32,
    method: Method,
    /// The offer, unless this only refreshes the session timer.
    offer: Option<Vec<u8>>,
    interval: Option<Duration>,
}

pub(crate) struct SessionTask {
    pub(super) office: Arc<Office>,
    pub(super) me: mpsc::Sender<Inward>,
    inbox: mpsc::Receiver<Inward>,
    pub(super) dialog: Dialog,
    phase: Phase,
    pub(super) sink: Option<Sink>,
    pub(super) backlog: Vec<SessionEvent>,
    pub(super) ended: bool,
    theirs: Option<Box<TheirOffer>>,
    unacked: Option<Box<Unacked>>,
    ours: Option<OurOffer>,
    /// A change our owner wants that could not be offered yet.
    waiting_offer: Option<(Instant, Option<Vec<u8>>)>,
    timer: Option<Running>,
    local_sdp: Vec<u8>,
    /// Our credentials, repeated in the ACK of an INVITE that needed them.
    pub(super) proof: Vec<(HeaderName, String)>,
    pub(super) last_ack: Option<Box<(u32, Request, Target)>>,
    /// The owner hung up before our answer was acknowledged; BYE follows the ACK (§15).
    leaving: Option<Option<String>>,
    owner_gone: bool,
    we_called: bool,
}

impl SessionTask {
    pub(crate) fn new(
        office: Arc<Office>,
        dialog: Dialog,
        me: mpsc::Sender<Inward>,
        inbox: mpsc::Receiver<Inward>,
    ) -> Self {
        office.tally.calls_live.fetch_add(1, Ordering::Relaxed);
        Self {
            office,
            me,
            inbox,
            dialog,
            phase: Phase::New,
            sink: None,
            backlog: Vec::new(),
            ended: false,
            theirs: None,
            unacked: None,
            ours: None,
            waiting_offer: None,
            timer: None,
            local_sdp: Vec::new(),
            proof: Vec::new(),
            last_ack: None,
            leaving: None,
            owner_gone: false,
            we_called: false,
        }
    }

    pub(crate) async fn run(mut self, opening: Opening) {
        // What happens is boxed, so that a call in which nothing happens, which is most of a
        // call's life, keeps no room for it.
        Box::pin(self.open(opening)).await;
        while !matches!(self.phase, Phase::Over) {
            let inward = match self.deadline() {
                Some(at) => tokio::select! {
                    inward = self.inbox.recv() => inward,
                    () = tokio::time::sleep_until(at) => {
                        Box::pin(self.on_time()).await;
                        continue;
                    }
                },
                None => self.inbox.recv().await,
            };
            match inward {
                Some(inward) => Box::pin(self.take(inward)).await,
                None => self.phase = Phase::Over,
            }
        }
        self.office.table.remove(self.dialog.tag);
        // The owner may not have said yet where events go; the last ones wait for that.
        while self.sink.is_none() && !self.owner_gone {
            match self.inbox.recv().await {
                Some(Inward::Order(order)) => Box::pin(self.on_order(order)).await,
                Some(_) => {}
                None => break,
            }
        }
    }

    async fn open(&mut self, opening: Opening) {
        match opening {
            Opening::Invited(inbound, terms) => {
                let Inbound { key, request, .. } = *inbound;
                self.office.respond(&key, Reply::to(&request, 100)).await;
                let ringing = Ringing {
                    key,
                    request,
                    terms,
                    last: None,
                };
                self.phase = Phase::Ringing(Box::new(ringing));
            }
            Opening::Outgoing(mut outgoing) => {
                self.we_called = true;
                let config = &self.office.config;
                outgoing.interval =
                    (!config.session_expires.is_zero()).then(|| timer::ours(config));
                self.call(outgoing).await;
            }
        }
    }

    async fn take(&mut self, inward: Inward) {
        match inward {
            Inward::Request(inbound) => self.on_request(*inbound).await,
            Inward::Cancelled => self.on_cancelled().await,
            Inward::Outcome(number, outcome) => self.on_outcome(number, outcome).await,
            Inward::Order(order) => self.on_order(order).await,
            Inward::Shutdown => self.hang_up(Some("shutting down".to_owned())).await,
        }
    }

    fn over(&mut self, ending: Ending) {
        if matches!(ending, Ending::Lost(_)) {
            count(&self.office.tally.calls_lost);
        }
        self.phase = Phase::Over;
        self.emit(SessionEvent::Ended(ending));
    }

    // What comes due.

    fn deadline(&self) -> Option<Instant> {
        let phase = match &self.phase {
            Phase::Ringing(ringing) => ringing.last.as_ref().map(|last| last.again),
            Phase::Calling(outgoing) => outgoing.give_up,
            _ => None,
        };
        let up = self.timer.as_ref().map(Running::due);
        let unacked = self
            .unacked
            .as_ref()
            .map(|unacked| unacked.next.min(unacked.until));
        let waiting = self.waiting_offer.as_ref().map(|(at, _)| *at);
        [phase, up, unacked, waiting].into_iter().flatten().min()
    }

    async fn on_time(&mut self) {
        let now = Instant::now();
        match &mut self.phase {
            Phase::Ringing(ringing) => {
                let due = ringing.last.as_ref().is_some_and(|last| last.again <= now);
                if due && let Some(last) = ringing.last.take() {
                    self.on_ring(last.status, last.sdp).await;
                }
            }
            Phase::Calling(outgoing) if outgoing.give_up.is_some_and(|at| at <= now) => {
                return self.over(Ending::Closed);
            }
            _ => {}
        }
        if self
            .unacked
            .as_ref()
            .is_some_and(|unacked| unacked.until <= now)
        {
            self.unacked = None;
            self.bye(Some((408, "the answer was not acknowledged")))
                .await;
            let closing = self.leaving.is_some();
            let ending = if closing {
                Ending::Closed
            } else {
                Ending::Lost(Loss::Unacknowledged)
            };
            return self.over(ending);
        }
        self.repeat_answer(now).await;
        if let Some((_, offer)) = self.waiting_offer.take_if(|(at, _)| *at <= now) {
            self.offer(offer).await;
        }
        let Some(running) = self.timer.as_mut().filter(|running| running.due() <= now) else {
            return;
        };
        if running.should_refresh() {
            self.offer(None).await;
        } else {
            self.lose(Loss::SessionExpired).await;
        }
    }

    /// A 2xx is repeated until its ACK comes, whatever the transport (RFC 3261 §13.3.1.4).
    async fn repeat_answer(&mut self, now: Instant) {
        let Some(unacked) = self.unacked.as_mut().filter(|unacked| unacked.next <= now) else {
            return;
        };
        unacked.interval = (unacked.interval * 2).min(self.office.timers.t2);
        unacked.next = now + unacked.interval;
        let (key, response) = (unacked.key.clone(), unacked.response.clone());
        count(&self.office.tally.answers_repeated);
        if let Err(error) = self.office.wire.respond(&key, response).await {
            tracing::debug!(session = self.dialog.tag, %error, "an answer could not be repeated");
        }
    }

    /// The dialog is broken: says goodbye in case somebody hears it.
    async fn lose(&mut self, loss: Loss) {
        let cause = if loss == Loss::SessionExpired {
            408
        } else {
            500
        };
        self.bye(Some((cause, &loss.to_string()))).await;
        self.over(Ending::Lost(loss));
    }

    // What the owner wants.

    async fn on_order(&mut self, order: Order) {
        match order {
            Order::Deliver(sink) => {
                self.sink = sink;
                if let Some(sink) = &mut self.sink {
                    self.backlog.drain(..).for_each(sink);
                }
            }
            Order::Ring { status, sdp } => self.on_ring(status, sdp).await,
            Order::Answer(sdp) => self.answer(sdp).await,
            Order::Refuse(refusal) => {
                self.owner_gone = true;
                match &self.phase {
                    Phase::Ringing(_) => self.refuse(&refusal, Ending::Closed).await,
                    _ => self.hang_up(refusal.reason).await,
                }
            }
            Order::AcceptOffer(sdp) => self.accept_offer(sdp).await,
            Order::RefuseOffer(status) => {
                if let Some(theirs) = self.theirs.take() {
                    let refusal = Refusal::new(status);
                    self.respond(&theirs.key, Self::refusal(&theirs.request, &refusal))
                        .await;
                    self.office.table.settled(self.dialog.tag);
                }
            }
            Order::Reinvite(offer) => {
                if matches!(self.phase, Phase::Up) {
                    self.offer(Some(offer)).await;
                }
            }
            Order::Tone(tone, held_ms) => self.send_tone(tone, held_ms).await,
            Order::HangUp(reason) => {
                self.owner_gone = true;
                self.hang_up(reason.map(offhook_terms::Private::into_inner))
                    .await;
            }
        }
    }

    async fn on_ring(&mut self, status: u16, sdp: Option<Vec<u8>>) {
        let Phase::Ringing(ringing) = &mut self.phase else {
            return;
        };
        let again = Instant::now() + limits::RING_AGAIN;
        let reply = Reply::to(&ringing.request, status).map(|reply| {
            let reply = reply
                .recording(&ringing.request)
                .with(HeaderName::Contact, self.dialog.contact());
            match &sdp {
                Some(sdp) => reply.sdp(sdp),
                None => reply,
            }
        });
        ringing.last = Some(Reringing { status, sdp, again });
        let key = ringing.key.clone();
        self.respond(&key, reply).await;
    }

    async fn answer(&mut self, sdp: Vec<u8>) {
        let Phase::Ringing(ringing) = std::mem::replace(&mut self.phase, Phase::Up) else {
            return;
        };
        self.office.table.settled(self.dialog.tag);
        let offered = ringing.request.body().is_empty();
        let reply = self.acceptance(&ringing.request, ringing.terms, &sdp);
        self.local_sdp = sdp;
        self.timer = Running::accepted(ringing.terms, Instant::now());
        self.send_answer(ringing.key, &ringing.request, reply, offered, true)
            .await;
    }

    /// Sends a 2xx to an INVITE and keeps it until it is acknowledged.
    async fn send_answer(
        &mut self,
        key: TransactionKey,
        request: &Request,
        reply: Option<Reply>,
        offered: bool,
        first: bool,
    ) {
        let cseq = request
            .headers
            .typed::<CSeq>()
            .and_then(Result::ok)
            .map(|cseq| cseq.sequence);
        let (Some(reply), Some(cseq)) = (reply, cseq) else {
            return self.over(Ending::Lost(Loss::Transport));
        };
        let response = reply
            .tagged(self.dialog.tag)
            .with(HeaderName::Server, self.office.user_agent.clone())
            .done();
        if let Err(error) = self.office.wire.respond(&key, response.clone()).await {
            tracing::debug!(session = self.dialog.tag, %error, "an answer could not be sent");
            return self.over(Ending::Lost(Loss::Transport));
        }
        let (now, timers) = (Instant::now(), self.office.timers);
        self.unacked = Some(Box::new(Unacked {
            key,
            response,
            cseq,
            offered,
            first,
            next: now + timers.t1,
            interval: timers.t1,
            until: now + timers.timeout(),
        }));
    }

    async fn refuse(&mut self, refusal: &Refusal, ending: Ending) {
        if let Phase::Ringing(ringing) = std::mem::replace(&mut self.phase, Phase::Over) {
            self.office.table.settled(self.dialog.tag);
            self.respond(&ringing.key, Self::refusal(&ringing.request, refusal))
                .await;
        }
        self.over(ending);
    }

    async fn hang_up(&mut self, reason: Option<String>) {
        match &mut self.phase {
            Phase::Ringing(_) => {
                let refusal = Refusal {
                    reason,
                    ..Refusal::new(480)
                };
                self.refuse(&refusal, Ending::Closed).await;
            }
            Phase::Calling(outgoing) => {
                if outgoing.cancelled == Cancelled::No {
                    outgoing.cancelled = Cancelled::Wanted;
                    self.cancel().await;
                }
            }
            Phase::Up if self.unacked.as_ref().is_some_and(|unacked| unacked.first) => {
                self.leaving = Some(reason);
            }
            Phase::Up => {
                self.bye(reason.as_deref().map(|text| (200, text))).await;
                self.over(Ending::Closed);
            }
            Phase::New | Phase::Over => {}
        }
    }

    async fn send_tone(&mut self, tone: Tone, held_ms: u16) {
        if !matches!(self.phase, Phase::Up) {
            return;
        }
        let mut info = self.dialog.request(Method::Info);
        let body = format!("Signal={}\r\nDuration={held_ms}\r\n", tone.symbol());
        push(
            &mut info.headers,
            HeaderName::ContentType,
            "application/dtmf-relay",
        );
        info.headers.remove_all(&HeaderName::ContentLength);
        push(
            &mut info.headers,
            HeaderName::ContentLength,
            body.len().to_string(),
        );
        info.set_body(body.into());
        self.tell(info).await;
    }

    // Calls we place.

    /// Sends an INVITE: the first, or the next after a challenge.
    async fn call(&mut self, mut outgoing: Box<Outgoing>) {
        outgoing.attempts += 1;
        let mut invite = self.dialog.request(Method::Invite);
        push(&mut invite.headers, HeaderName::Allow, ALLOW);
        push(&mut invite.headers, HeaderName::Supported, SUPPORTED);
        if let Some(interval) = outgoing.interval {
            push(
                &mut invite.headers,
                HeaderName::SessionExpires,
                interval.as_secs().to_string(),
            );
        }
        for (name, value) in &outgoing.call.headers {
            let name = HeaderName::parse(&bytes::Bytes::from(name.clone()));
            push(&mut invite.headers, name, value.reveal().clone());
        }
        for (name, value) in &self.proof {
            push(&mut invite.headers, name.clone(), value.clone());
        }
        let mut invite = with_sdp(invite, &outgoing.call.offer);
        let hop = self.dialog.hop_for(&mut invite);
        outgoing.invite = Some(invite.clone());
        outgoing.hop = Some(hop.clone());
        outgoing.answered_once = false;
        self.phase = Phase::Calling(outgoing);
        let number = self.dialog.local_cseq();
        if !crate::pump::send(&self.office.wire, invite, hop, number, &self.me).await {
            self.over(Ending::Lost(Loss::Transport));
        }
    }

    /// Cancels our INVITE as soon as that is allowed.
    async fn cancel(&mut self) {
        let Phase::Calling(outgoing) = &mut self.phase else {
            return;
        };
        if outgoing.cancelled != Cancelled::Wanted || !outgoing.answered_once {
            return;
        }
        let (Some(invite), Some(hop)) = (&outgoing.invite, outgoing.hop.clone()) else {
            return;
        };
        outgoing.cancelled = Cancelled::Sent;
        // §9.1: an INVITE without a final response 64·T1 after its CANCEL counts as cancelled.
        outgoing.give_up = Some(Instant::now() + self.office.timers.timeout());
        let cancel = cancel_of(invite);
        if let Err(error) = self.office.wire.send(cancel, hop).await {
            tracing::debug!(session = self.dialog.tag, %error, "a CANCEL could not be sent");
        }
    }

    async fn on_outcome(&mut self, number: u32, outcome: Outcome) {
        if matches!(self.phase, Phase::Calling(_)) && number == self.dialog.local_cseq() {
            return self.on_call_outcome(number, outcome).await;
        }
        if let Some(ours) = self.ours.take_if(|ours| ours.cseq == number) {
            return self.on_offer_outcome(ours, outcome).await;
        }
        // A 2xx again: our ACK was lost, or another phone behind the same number answered too.
        if let Outcome::Response(response) = outcome
            && response.status.is_success()
            && let Some(ack) = self.last_ack.as_ref().filter(|ack| ack.0 == number)
        {
            if self.dialog.is_theirs(&response) {
                let (ack, hop) = (ack.1.clone(), ack.2.clone());
                let _ = self.office.wire.send_directly(ack, hop).await;
            } else {
                self.leave_fork(number, &response).await;
            }
        }
    }

    async fn on_call_outcome(&mut self, number: u32, outcome: Outcome) {
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
            outgoing.answered_once = true;
            if outgoing.cancelled == Cancelled::Wanted {
                self.cancel().await;
            } else if is_ringing(response.status) && outgoing.cancelled == Cancelled::No {
                let sdp = Some(response.body().to_vec()).filter(|sdp| !sdp.is_empty());
                self.emit(SessionEvent::Ringing {
                    status: response.status.code(),
                    sdp,
                });
            }
            return;
        }
        if response.status.is_success() {
            return self.on_answered(number, &response).await;
        }
        if outgoing.cancelled != Cancelled::No {
            return self.over(Ending::Closed);
        }
        if let Some(outgoing) = self.second_try(&response) {
            return self.call(outgoing).await;
        }
        let status = response.status.code();
        self.over(Ending::Refused {
            status,
            reason: worded(&response),
        });
    }

    async fn on_answered(&mut self, number: u32, response: &Response) {
        let Phase::Calling(outgoing) = std::mem::replace(&mut self.phase, Phase::Up) else {
            return;
        };
        self.dialog.confirmed_by(response);
        self.acknowledge(number).await;
        if outgoing.cancelled != Cancelled::No {
            self.bye(None).await;
            return self.over(Ending::Closed);
        }
        let asked = outgoing.interval;
        // A peer without session timers is not asked to refresh one; ours would only be noise.
        let agreed = response.headers.get(&HeaderName::SessionExpires).is_some();
        self.timer = agreed
            .then(|| Running::adopted(&response.headers, asked, Instant::now()))
            .flatten();
        self.local_sdp = outgoing.call.offer;
        self.emit(SessionEvent::Answered {
            sdp: response.body().to_vec(),
        });
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
        } else {
            let credentials = outgoing.call.credentials.as_ref()?;
            let uri = outgoing.invite.as_ref()?.uri.to_string();
            let (name, value) = credentials.answer(response, "INVITE", &uri)?;
            let repeated = self.proof.iter().any(|(known, _)| *known == name);
            let stale = value_says_stale(response);
            if repeated && !stale {
                return None;
            }
            self.proof.retain(|(known, _)| *known != name);
            self.proof.push((name, value));
        }
        match std::mem::replace(&mut self.phase, Phase::New) {
            Phase::Calling(outgoing) => Some(outgoing),
            _ => None,
        }
    }

    /// Another phone behind the same number answered as well: thanked and left.
    async fn leave_fork(&mut self, number: u32, response: &Response) {
        let mut fork = self.dialog.fork(response);
        let mut ack = fork.numbered(Method::Ack, number);
        let hop = fork.hop_for(&mut ack);
        let _ = self.office.wire.send_directly(ack, hop).await;
        let mut bye = fork.request(Method::Bye);
        let hop = fork.hop_for(&mut bye);
        let _ = self.office.wire.send(bye, hop).await;
    }

    // Changes we offer.

    /// Offers a change, or with `None` refreshes the session timer.
    async fn offer(&mut self, offer: Option<Vec<u8>>) {
        let busy = self.ours.is_some() || self.theirs.is_some() || self.unacked.is_some();
        if busy {
            // One change at a time in a dialog (§14.1); this one gets its turn.
            let at = Instant::now() + self.office.timers.t1;
            if offer.is_some() || self.waiting_offer.is_none() {
                self.waiting_offer = Some((at, offer));
            }
            return;
        }
        let by_update = offer.is_none() && self.dialog.peer_updates();
        let method = if by_update {
            Method::Update
        } else {
            Method::Invite
        };
        let mut request = self.dialog.request(method.clone());
        push(&mut request.headers, HeaderName::Supported, SUPPORTED);
        push(&mut request.headers, HeaderName::Allow, ALLOW);
        let interval = self.timer.as_ref().map(Running::interval);
        if let Some(interval) = interval {
            let refresher = Some(sipx_sip::session::Refresher::Uac);
            let value = SessionExpires {
                interval,
                refresher,
            }
            .to_string();
            push(&mut request.headers, HeaderName::SessionExpires, value);
        }
        let request = match (&offer, by_update) {
            (Some(offer), _) => with_sdp(request, offer),
            (None, true) => request,
            (None, false) => with_sdp(request, &self.local_sdp),
        };
        let cseq = self.dialog.local_cseq();
        if self.ask(request).await {
            self.ours = Some(OurOffer {
                cseq,
                method,
                offer,
                interval,
            });
        } else {
            self.waiting_offer = Some((Instant::now() + self.office.timers.t1, offer));
        }
    }

    async fn on_offer_outcome(&mut self, ours: OurOffer, outcome: Outcome) {
        let response = match outcome {
            Outcome::Response(response) => response,
            Outcome::Timeout => return self.lose(Loss::Timeout).await,
            Outcome::Unreachable => return self.lose(Loss::Transport).await,
        };
        if response.status.is_provisional() {
            self.ours = Some(ours);
            return;
        }
        if response.status.is_success() {
            if ours.method == Method::Invite {
                self.acknowledge(ours.cseq).await;
            }
            self.dialog.retarget(&response.headers);
            self.timer = Running::adopted(&response.headers, ours.interval, Instant::now());
            if let Some(offer) = ours.offer {
                self.local_sdp = offer;
                self.emit(SessionEvent::Reanswered {
                    sdp: response.body().to_vec(),
                });
            }
            return;
        }
        match response.status.code() {
            // Both sides offered at once; who waits how long is RFC 3261 §14.1.
            491 => {
                let millis = rand::random::<u64>() % 190 * 10;
                let wait = if self.we_called {
                    2_100 + millis
                } else {
                    millis
                };
                let at = Instant::now() + Duration::from_millis(wait);
                self.waiting_offer = Some((at, ours.offer));
            }
            // The other end no longer knows this dialog (§12.2.1.2).
            408 | 481 => self.lose(Loss::Timeout).await,
            status => {
                if ours.offer.is_some() {
                    self.emit(SessionEvent::ReofferRefused { status });
                }
            }
        }
    }

    // What they send.

    async fn on_cancelled(&mut self) {
        if matches!(self.phase, Phase::Ringing(_)) {
            return self.refuse(&Refusal::new(487), Ending::Cancelled).await;
        }
        if let Some(theirs) = self.theirs.take() {
            self.office.table.settled(self.dialog.tag);
            self.status(&theirs.key, &theirs.request, 487).await;
        }
    }

    async fn on_request(&mut self, inbound: Inbound) {
        let Inbound { key, request, .. } = inbound;
        let is_ack = request.method == Method::Ack;
        if !self.dialog.owns(&request) {
            if !is_ack {
                self.status(&key, &request, 481).await;
            }
            return;
        }
        if is_ack {
            return self.on_ack(&request).await;
        }
        if !self.dialog.follows(&request) {
            return self.status(&key, &request, 500).await;
        }
        match &request.method {
            Method::Bye => self.on_bye(&key, &request).await,
            Method::Invite | Method::Update => self.on_reoffer(key, request).await,
            Method::Info => self.on_info(&key, &request).await,
            Method::Options => {
                let reply = Reply::to(&request, 200).map(|reply| {
                    reply
                        .with(HeaderName::Allow, ALLOW)
                        .with(HeaderName::Supported, SUPPORTED)
                });
                self.respond(&key, reply).await;
            }
            method => {
                let status = if matches!(method, Method::Other(_)) {
                    501
                } else {
                    405
                };
                let reply = Reply::to(&request, status).map(|r| r.with(HeaderName::Allow, ALLOW));
                self.respond(&key, reply).await;
            }
        }
    }

    async fn on_ack(&mut self, ack: &Request) {
        let cseq = ack
            .headers
            .typed::<CSeq>()
            .and_then(Result::ok)
            .map(|cseq| cseq.sequence);
        let Some(unacked) = self.unacked.take_if(|unacked| Some(unacked.cseq) == cseq) else {
            return;
        };
        if unacked.first || unacked.offered {
            let body = unacked.offered && !ack.body().is_empty();
            let sdp = body.then(|| ack.body().to_vec());
            self.emit(SessionEvent::Confirmed { sdp });
        }
        if let Some(reason) = self.leaving.take() {
            self.bye(reason.as_deref().map(|text| (200, text))).await;
            self.over(Ending::Closed);
        }
    }

    async fn on_bye(&mut self, key: &TransactionKey, request: &Request) {
        self.status(key, request, 200).await;
        if let Some(theirs) = self.theirs.take() {
            self.status(&theirs.key, &theirs.request, 487).await;
        }
        let reason = request.headers.value(&HeaderName::Reason).map(|value| {
            String::from_utf8_lossy(&value)
                .chars()
                .take(limits::REASON_CHARS)
                .collect()
        });
        let ending = Ending::HungUp { reason };
        match &self.phase {
            Phase::Ringing(_) => self.refuse(&Refusal::new(487), ending).await,
            _ => self.over(ending),
        }
    }

    /// A re-INVITE or UPDATE: a change they offer, or only a refresh of the session timer.
    async fn on_reoffer(&mut self, key: TransactionKey, request: Request) {
        let is_invite = request.method == Method::Invite;
        let has_offer = !request.body().is_empty();
        let asks = is_invite || has_offer;
        if asks && let Some(status) = self.collision() {
            let later = (status == 500).then(|| (rand::random::<u32>() % 10).to_string());
            let reply = Reply::to(&request, status);
            let reply = reply.map(|reply| reply.maybe(HeaderName::RetryAfter, later));
            self.respond(&key, reply).await;
            return;
        }
        let terms = match timer::answer(&request.headers, &self.office.config) {
            Ok(Answer::TooBrief(least)) => {
                let least = least.as_secs().to_string();
                let reply = Reply::to(&request, 422).map(|r| r.with(HeaderName::MinSe, least));
                self.respond(&key, reply).await;
                return;
            }
            Ok(terms) => terms,
            Err(timer::Malformed) => return self.status(&key, &request, 400).await,
        };
        self.dialog.retarget(&request.headers);
        if !asks {
            let reply = self.acceptance(&request, terms, &[]);
            self.respond(&key, reply).await;
            self.timer = Running::accepted(terms, Instant::now());
            return;
        }
        let sdp = has_offer.then(|| request.body().to_vec());
        if is_invite {
            self.office.respond(&key, Reply::to(&request, 100)).await;
            self.office.table.may_cancel(self.dialog.tag, key.clone());
        }
        self.theirs = Some(Box::new(TheirOffer {
            key,
            request,
            terms,
        }));
        self.emit(SessionEvent::Reoffered { sdp });
    }

    /// Why a change of theirs cannot be looked at now (RFC 3261 §14.2).
    fn collision(&self) -> Option<u16> {
        let early = !matches!(self.phase, Phase::Up);
        if self.theirs.is_some() || early {
            return Some(500);
        }
        let our_offer_is_out = self.ours.is_some() || self.unacked.is_some();
        our_offer_is_out.then_some(491)
    }

    async fn accept_offer(&mut self, sdp: Vec<u8>) {
        let Some(theirs) = self.theirs.take() else {
            return;
        };
        let TheirOffer {
            key,
            request,
            terms,
        } = *theirs;
        self.office.table.settled(self.dialog.tag);
        let reply = self.acceptance(&request, terms, &sdp);
        self.local_sdp = sdp;
        self.timer = Running::accepted(terms, Instant::now());
        if request.method == Method::Invite {
            let offered = request.body().is_empty();
            self.send_answer(key, &request, reply, offered, false).await;
        } else {
            self.respond(&key, reply).await;
        }
    }

    async fn on_info(&mut self, key: &TransactionKey, request: &Request) {
        if request.body().is_empty() {
            return self.status(key, request, 200).await;
        }
        let kind = request
            .headers
            .typed::<sipx_sip::headers::ContentType>()
            .and_then(Result::ok);
        let is_tone = kind.is_some_and(|kind| {
            kind.is("application", "dtmf-relay") || kind.is("application", "dtmf")
        });
        if !is_tone {
            return self.status(key, request, 415).await;
        }
        match tone_in(request.body()) {
            Some(tone) => {
                self.status(key, request, 200).await;
                self.emit(SessionEvent::Tone(tone));
            }
            None => self.status(key, request, 400).await,
        }
    }
}

/// The key of an INFO body: `Signal=5` among lines, or the symbol alone.
fn tone_in(body: &[u8]) -> Option<Tone> {
    let text = std::str::from_utf8(body).ok()?;
    let named = text.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("signal")
            .then(|| value.trim())
    });
    let mut symbol = named.unwrap_or(text.trim()).chars();
    match (symbol.next(), symbol.next()) {
        (Some(symbol), None) => Tone::from_symbol(symbol),
        _ => None,
    }
}

fn value_says_stale(response: &Response) -> bool {
    [HeaderName::WwwAuthenticate, HeaderName::ProxyAuthenticate]
        .iter()
        .any(|name| {
            response.headers.get_all(name).any(|header| {
                let value = String::from_utf8_lossy(&header.value()).to_ascii_lowercase();
                value.contains("stale=true")
            })
        })
}

impl Drop for SessionTask {
    fn drop(&mut self) {
        self.office.table.remove(self.dialog.tag);
        self.office.tally.calls_live.fetch_sub(1, Ordering::Relaxed);
        // A task that was stopped in the middle still ends its session.
        self.emit(SessionEvent::Ended(Ending::Closed));
    }
}
