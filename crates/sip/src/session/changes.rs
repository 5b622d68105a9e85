//! Changes of a session that is up: what we offer, and what they do.

use std::time::Duration;

use sipx_sip::session::{Answer, SessionExpires};
use sipx_sip::{HeaderName, Method, Request, TransactionKey};
use tokio::time::Instant;

use super::inward::Outcome;
use super::out::with_sdp;
use super::run::{OurOffer, Phase, SessionTask, TheirOffer};
use super::{Loss, SessionEvent};
use crate::reply::{Reply, push};
use crate::timer::{self, Running};

impl SessionTask {
    /// Offers a change, or with `None` refreshes the session timer.
    pub(super) async fn offer(&mut self, offer: Option<Vec<u8>>) {
        self.offer_with(offer, false).await;
    }

    async fn offer_with(&mut self, offer: Option<Vec<u8>>, proven: bool) {
        let early = !matches!(self.phase, Phase::Up);
        let too_early = early && !(self.is_agreed_early() && self.dialog.peer_updates());
        let busy = self.ours.is_some() || self.theirs.is_some() || self.unacked.is_some();
        let busy = busy || too_early;
        if busy {
            // One change at a time in a dialog (§14.1); this one gets its turn.
            let at = Instant::now() + self.office.timers.t1;
            if offer.is_some() || self.waiting_offer.is_none() {
                self.waiting_offer = Some((at, offer));
            }
            return;
        }
        // Before the answer only an UPDATE can change anything (RFC 3311 §5.1).
        let by_update = early || (offer.is_none() && self.dialog.peer_updates());
        let method = if by_update {
            Method::Update
        } else {
            Method::Invite
        };
        let mut request = self.dialog.request(method.clone());
        let proof = self.prove(&mut request);
        if method == Method::Invite {
            self.proof = proof;
        }
        push(
            &mut request.headers,
            HeaderName::Supported,
            self.office.supported(false),
        );
        push(&mut request.headers, HeaderName::Allow, self.office.allow());
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
                proven,
            });
        } else {
            self.waiting_offer = Some((Instant::now() + self.office.timers.t1, offer));
        }
    }

    pub(super) async fn on_offer_outcome(&mut self, ours: OurOffer, outcome: Outcome) {
        let early = !matches!(self.phase, Phase::Up);
        let response = match outcome {
            Outcome::Response(response) => response,
            // A call that is not answered yet ends by its INVITE.
            _ if early => return self.emit(SessionEvent::ReofferRefused { status: 408 }),
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
            self.publish();
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
            // A trunk may ask for proof of everything; of each request once.
            401 | 407 if !ours.proven && self.credentials.is_some() => {
                self.proofs.forget();
                if self.proofs.learn(&response) {
                    return self.offer_with(ours.offer, true).await;
                }
                if ours.offer.is_some() {
                    let status = response.status.code();
                    self.emit(SessionEvent::ReofferRefused { status });
                }
            }
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
            408 | 481 if !early => self.lose(Loss::Timeout).await,
            status => {
                if ours.offer.is_some() {
                    self.emit(SessionEvent::ReofferRefused { status });
                }
            }
        }
    }
    /// A re-INVITE or UPDATE: a change they offer, or only a refresh of the session timer.
    pub(super) async fn on_reoffer(&mut self, key: TransactionKey, request: Request) {
        let is_invite = request.method == Method::Invite;
        let has_offer = !request.body().is_empty();
        let asks = is_invite || has_offer;
        if asks && let Some(status) = self.collision(is_invite) {
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
        self.publish();
        if !asks {
            let reply = self.acceptance(&request, terms, &[]);
            self.respond(&key, reply).await;
            if matches!(self.phase, Phase::Up) {
                self.timer = Running::accepted(terms, Instant::now());
            }
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
    fn collision(&self, is_invite: bool) -> Option<u16> {
        let early = !matches!(self.phase, Phase::Up);
        let too_early = early && (is_invite || !self.is_agreed_early());
        if self.theirs.is_some() || too_early {
            return Some(500);
        }
        let our_offer_is_out = self.ours.is_some() || self.unacked.is_some();
        our_offer_is_out.then_some(491)
    }

    pub(super) async fn accept_offer(&mut self, sdp: Vec<u8>) {
        let Some(theirs) = self.theirs.take() else {
            return;
        };
        let TheirOffer {
            key,
            request,
            terms,
        } = *theirs;
        let reply = self.acceptance(&request, terms, &sdp);
        self.local_sdp = sdp;
        if request.method != Method::Prack && matches!(self.phase, Phase::Up) {
            self.timer = Running::accepted(terms, Instant::now());
        }
        if request.method == Method::Invite {
            self.office.table.settled(self.dialog.tag);
            let offered = request.body().is_empty();
            self.send_answer(key, &request, reply, offered, false).await;
        } else {
            self.respond(&key, reply).await;
            self.resume().await;
        }
    }
}
