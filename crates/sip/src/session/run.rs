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
use sipx_sip::rel::OPTION_TAG;
use sipx_sip::session::Answer;
use sipx_sip::{CSeq, HeaderName, Method, Request, Response, TransactionKey};
use sipx_transport::{Incoming as Inbound, Target};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::calling::{Outgoing, elsewhere};
use super::inward::{Inward, Order, Outcome};
use super::reliable::{Manner, Reliable};
use super::transfer::{Referred, Referring};
use super::{Ending, Loss, Refusal, SessionEvent, Sink};
use crate::counters::count;
use crate::credentials::{Credentials, Proofs};
use crate::dialog::Dialog;
use crate::endpoint::Office;
use crate::facts::{Facts, Stage};
use crate::limits;
use crate::reply::{Reply, push, reason_header};
use crate::timer::Running;

/// How a session begins.
pub(crate) enum Opening {
    /// With an INVITE to us, and the session timer its answer will carry.
    Invited(Box<Inbound>, Answer),
    /// With an INVITE of ours.
    Outgoing(Box<Outgoing>),
}

/// A call to us that is not answered yet.
pub(super) struct Ringing {
    key: TransactionKey,
    pub(super) request: Request,
    terms: Answer,
    last: Option<Reringing>,
}

pub(super) struct Reringing {
    status: u16,
    sdp: Option<Vec<u8>>,
    again: Instant,
}

pub(super) enum Phase {
    New,
    Ringing(Box<Ringing>),
    Calling(Box<Outgoing>),
    Up,
    Over,
}

/// An INVITE or UPDATE of theirs that our owner has to answer.
pub(super) struct TheirOffer {
    pub(super) key: TransactionKey,
    pub(super) request: Request,
    pub(super) terms: Answer,
}

/// A 2xx of ours that waits for its ACK, and is sent again until it comes.
pub(super) struct Unacked {
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
pub(super) struct OurOffer {
    pub(super) cseq: u32,
    pub(super) method: Method,
    /// The offer, unless this only refreshes the session timer.
    pub(super) offer: Option<Vec<u8>>,
    pub(super) interval: Option<Duration>,
    /// Sent again with the proof that was asked for.
    pub(super) proven: bool,
}

pub(crate) struct SessionTask {
    pub(super) office: Arc<Office>,
    pub(super) me: mpsc::Sender<Inward>,
    inbox: mpsc::Receiver<Inward>,
    pub(super) dialog: Dialog,
    pub(super) phase: Phase,
    pub(super) sink: Option<Sink>,
    pub(super) backlog: Vec<SessionEvent>,
    pub(super) ended: bool,
    pub(super) facts: Arc<Facts>,
    pub(super) theirs: Option<Box<TheirOffer>>,
    pub(super) unacked: Option<Box<Unacked>>,
    /// Their INVITE knows provisional responses that must arrive.
    pub(super) reliable: Option<Box<Reliable>>,
    /// Where we want them to call, and where they want us to.
    pub(super) referring: Option<Box<Referring>>,
    pub(super) referred: Option<Box<Referred>>,
    pub(super) ours: Option<OurOffer>,
    /// A change our owner wants that could not be offered yet.
    pub(super) waiting_offer: Option<(Instant, Option<Vec<u8>>)>,
    pub(super) timer: Option<Running>,
    pub(super) local_sdp: Vec<u8>,
    /// What we prove ourselves with, and what has been asked.
    pub(super) credentials: Option<Credentials>,
    pub(super) proofs: Proofs,
    /// The proof an INVITE of ours carried, repeated in its ACK (RFC 3261 §22.1).
    pub(super) proof: Vec<(HeaderName, String)>,
    pub(super) last_ack: Option<Box<(u32, Request, Target)>>,
    /// The owner hung up before our answer was acknowledged; BYE follows the ACK (§15).
    leaving: Option<Option<String>>,
    owner_gone: bool,
    pub(super) we_called: bool,
}

impl SessionTask {
    pub(crate) fn new(
        office: Arc<Office>,
        dialog: Dialog,
        facts: Arc<Facts>,
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
            facts,
            theirs: None,
            unacked: None,
            reliable: None,
            referring: None,
            referred: None,
            ours: None,
            waiting_offer: None,
            timer: None,
            local_sdp: Vec::new(),
            credentials: None,
            proofs: Proofs::default(),
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
                if self.office.config.reliable {
                    self.reliable = Reliable::asked_by(&key, &request).map(Box::new);
                }
                let ringing = Ringing {
                    key,
                    request,
                    terms,
                    last: None,
                };
                self.phase = Phase::Ringing(Box::new(ringing));
                self.publish();
            }
            Opening::Outgoing(outgoing) => self.begin_call(outgoing).await,
        }
    }

    async fn take(&mut self, inward: Inward) {
        match inward {
            Inward::Request(inbound) => self.on_request(*inbound).await,
            Inward::Cancelled => self.on_cancelled().await,
            Inward::Located(hop) => self.on_located(hop).await,
            Inward::Outcome(number, outcome) => self.on_outcome(number, outcome).await,
            Inward::Order(order) => self.on_order(order).await,
            Inward::Shutdown => self.hang_up(Some("shutting down".to_owned())).await,
        }
    }

    pub(super) fn over(&mut self, ending: Ending) {
        if matches!(ending, Ending::Lost(_)) {
            count(&self.office.tally.calls_lost);
        }
        self.phase = Phase::Over;
        self.facts.over();
        self.emit(SessionEvent::Ended(ending));
    }

    /// Lets the owner's handle and other sessions know what this dialog has become.
    pub(super) fn publish(&self) {
        let stage = match &self.phase {
            Phase::Up => Stage::Up,
            Phase::Over => Stage::Over,
            _ => Stage::Early,
        };
        self.facts.set(self.dialog.known(stage, self.we_called));
    }

    // What comes due.

    fn deadline(&self) -> Option<Instant> {
        let phase = match &self.phase {
            Phase::Ringing(ringing) => ringing.last.as_ref().map(|last| last.again),
            Phase::Calling(outgoing) => outgoing.due(),
            _ => None,
        };
        let up = self.timer.as_ref().map(Running::due);
        let unacked = self
            .unacked
            .as_ref()
            .map(|unacked| unacked.next.min(unacked.until));
        let waiting = self.waiting_offer.as_ref().map(|(at, _)| *at);
        let reliable = self.reliable.as_ref().and_then(|reliable| reliable.due());
        let transfers = self.transfers_due();
        [phase, up, unacked, waiting, reliable, transfers]
            .into_iter()
            .flatten()
            .min()
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
            Phase::Calling(outgoing) if outgoing.due().is_some_and(|at| at <= now) => {
                return self.given_up();
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
        self.repeat_provisional(now).await;
        self.transfers_on_time(now).await;
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
    pub(super) async fn lose(&mut self, loss: Loss) {
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
            Order::RefuseOffer(refusal) => {
                if let Some(theirs) = self.theirs.take() {
                    self.respond(&theirs.key, Self::refusal(&theirs.request, &refusal))
                        .await;
                    if theirs.request.method == Method::Invite {
                        self.office.table.settled(self.dialog.tag);
                    }
                    self.resume().await;
                }
            }
            Order::Reinvite(offer) => {
                if matches!(
                    self.phase,
                    Phase::Up | Phase::Ringing(_) | Phase::Calling(_)
                ) {
                    self.offer(Some(offer)).await;
                }
            }
            Order::Tone(tone, held_ms) => self.send_tone(tone, held_ms).await,
            Order::Refer(refer) => self.refer(refer, false).await,
            Order::ReportRefer(status) => self.report_refer(status).await,
            Order::RefuseRefer(status) => self.refuse_refer(status).await,
            Order::Elsewhere => {
                self.owner_gone = true;
                match &self.phase {
                    Phase::Calling(_) => self.abandon(Some(elsewhere())).await,
                    _ => self.hang_up(None).await,
                }
            }
            Order::HangUp(reason) => {
                self.owner_gone = true;
                self.hang_up(reason.map(offhook_terms::Private::into_inner))
                    .await;
            }
        }
    }

    pub(super) async fn on_ring(&mut self, status: u16, mut sdp: Option<Vec<u8>>) {
        let manner = self.manner(status, &mut sdp);
        let Phase::Ringing(ringing) = &mut self.phase else {
            return;
        };
        let again = Instant::now() + limits::RING_AGAIN;
        let reply = Reply::to(&ringing.request, status).map(|reply| {
            let reply = reply
                .recording(&ringing.request)
                .tagged(self.dialog.tag)
                .with(HeaderName::Contact, self.dialog.contact())
                .with(HeaderName::Allow, self.office.allow());
            match &sdp {
                Some(sdp) => reply.sdp(sdp),
                None => reply,
            }
        });
        let key = ringing.key.clone();
        ringing.last = Some(Reringing {
            status,
            sdp: sdp.clone(),
            again,
        });
        match manner {
            Manner::Plain => {
                self.respond(&key, reply).await;
            }
            Manner::Numbered(number) => {
                let reply = reply.map(|reply| {
                    reply
                        .with(HeaderName::Require, OPTION_TAG)
                        .with(HeaderName::RSeq, number.to_string())
                });
                let Some(reply) = reply else {
                    return;
                };
                let response = reply
                    .with(HeaderName::Server, self.office.user_agent.clone())
                    .done();
                self.expect_prack(response.clone(), sdp);
                if let Err(error) = self.office.wire.respond(&key, response).await {
                    tracing::debug!(session = self.dialog.tag, %error, "a ringing could not be sent");
                }
            }
            Manner::Not => {}
        }
    }

    pub(super) async fn answer(&mut self, sdp: Vec<u8>) {
        let Some(sdp) = self.hold_back(sdp) else {
            return;
        };
        let ringing = match std::mem::replace(&mut self.phase, Phase::Up) {
            Phase::Ringing(ringing) => ringing,
            other => return self.phase = other,
        };
        self.publish();
        self.office.table.settled(self.dialog.tag);
        let described = self.reliable.as_ref().and_then(|r| r.described());
        let described = described.map(<[u8]>::to_vec);
        let offered = ringing.request.body().is_empty() && described.is_none();
        // A description that went out reliably is not repeated (RFC 3261 §13.2.1).
        let body = if described.is_some() { &[][..] } else { &sdp };
        let reply = self.acceptance(&ringing.request, ringing.terms, body);
        self.local_sdp = described.unwrap_or(sdp);
        self.timer = Running::accepted(ringing.terms, Instant::now());
        self.send_answer(ringing.key, &ringing.request, reply, offered, true)
            .await;
    }

    /// Sends a 2xx to an INVITE and keeps it until it is acknowledged.
    pub(super) async fn send_answer(
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

    pub(super) async fn refuse(&mut self, refusal: &Refusal, ending: Ending) {
        if let Phase::Ringing(ringing) = std::mem::replace(&mut self.phase, Phase::Over) {
            self.office.table.settled(self.dialog.tag);
            if let Some(theirs) = self.theirs.take() {
                self.status(&theirs.key, &theirs.request, 487).await;
            }
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
            Phase::Calling(_) => {
                let parting = reason.as_deref().map(|text| reason_header(487, text));
                self.abandon(parting).await;
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
        self.prove(&mut info);
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

    async fn on_outcome(&mut self, number: u32, outcome: Outcome) {
        if self.is_of_call(number) {
            return self.on_call_outcome(number, outcome).await;
        }
        if self.is_of_refer(number) {
            return self.on_refer_outcome(outcome).await;
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
            Method::Prack => self.on_prack(key, request).await,
            Method::Notify => self.on_notify(&key, &request).await,
            Method::Refer if self.office.config.transfers => self.on_refer(key, request).await,
            Method::Info => self.on_info(&key, &request).await,
            Method::Options => {
                let reply = Reply::to(&request, 200).map(|reply| {
                    reply
                        .with(HeaderName::Allow, self.office.allow())
                        .with(HeaderName::Supported, self.office.supported(true))
                });
                self.respond(&key, reply).await;
            }
            method => {
                let status = if matches!(method, Method::Other(_)) {
                    501
                } else {
                    405
                };
                let reply = Reply::to(&request, status)
                    .map(|r| r.with(HeaderName::Allow, self.office.allow()));
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
        self.refuse_refer(487).await;
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

/// The key of an INFO body: `Signal=5` among lines, or the symbol alone. Some phones count on after
/// 9 as RFC 4733 does.
fn tone_in(body: &[u8]) -> Option<Tone> {
    let text = std::str::from_utf8(body).ok()?;
    let named = text.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("signal")
            .then(|| value.trim())
    });
    let named = match named.unwrap_or(text.trim()) {
        "10" => "*",
        "11" => "#",
        other => other,
    };
    let mut symbol = named.chars();
    match (symbol.next(), symbol.next()) {
        (Some(symbol), None) => Tone::from_symbol(symbol),
        _ => None,
    }
}

impl Drop for SessionTask {
    fn drop(&mut self) {
        self.office.table.remove(self.dialog.tag);
        self.facts.over();
        self.office.tally.calls_live.fetch_sub(1, Ordering::Relaxed);
        // A task that was stopped in the middle still ends its session.
        self.emit(SessionEvent::Ended(Ending::Closed));
    }
}
