//! Provisional responses that must arrive (RFC 3262).
//!
//! ```text
//! they call   180/183 with RSeq ──▶      ◀── PRACK, 200 ──▶    again after T1, 2·T1, … until then
//! we call     ◀── 18x with RSeq      PRACK ──▶    ◀── 200
//! ```
//!
//! One at a time is on its way; what our owner says meanwhile waits, and an answer waits for as
//! long as a description is unacknowledged (§3).

use std::time::Duration;

use sipx_sip::headers::Require;
use sipx_sip::rel::{self, Numbering, OPTION_TAG, Offered, RAck, RSeq, Received, Sequence};
use sipx_sip::session::Answer;
use sipx_sip::{CSeq, HeaderName, Headers, Method, Request, Response, TransactionKey};
use tokio::time::Instant;

use super::run::{Phase, SessionTask, TheirOffer};
use super::{Ending, Loss, Refusal, SessionEvent};
use crate::limits;
use crate::reply::push;

/// What we owe a caller who wants to be sure.
pub(super) struct Reliable {
    /// It takes nothing else, rather than merely understanding it.
    required: bool,
    /// Its INVITE made no offer, so that the first description is our offer.
    offerless: bool,
    cseq: u32,
    key: TransactionKey,
    numbering: Numbering,
    on_its_way: Option<OnItsWay>,
    /// What our owner wants said next.
    next: Option<(u16, Option<Vec<u8>>)>,
    /// The answer, which may not overtake a description.
    answer: Option<Vec<u8>>,
    /// Our description has gone out reliably: it is not sent again.
    described: Option<Vec<u8>>,
}

struct OnItsWay {
    response: Response,
    described: bool,
    again: Instant,
    interval: Duration,
    until: Instant,
}

impl Reliable {
    /// What a caller's INVITE asks for; `None` when it knows nothing of this.
    pub(super) fn asked_by(key: &TransactionKey, invite: &Request) -> Option<Self> {
        let asked = Offered::in_request(invite);
        let cseq = invite.headers.typed::<CSeq>()?.ok()?.sequence;
        match rel::reliability(asked, true) {
            rel::Reliability::Required | rel::Reliability::Permitted => Some(Self {
                required: asked.required,
                offerless: invite.body().is_empty(),
                cseq,
                key: key.clone(),
                numbering: Numbering::starting_at(1 + rand::random::<u32>() % 10_000),
                on_its_way: None,
                next: None,
                answer: None,
                described: None,
            }),
            rel::Reliability::Forbidden | rel::Reliability::Refuse => None,
        }
    }

    pub(super) fn due(&self) -> Option<Instant> {
        let sent = self.on_its_way.as_ref()?;
        Some(sent.again.min(sent.until))
    }

    /// Our description, if it went out this way.
    pub(super) fn described(&self) -> Option<&[u8]> {
        self.described.as_deref()
    }

    /// Both descriptions are known and acknowledged, so that either side may offer a change.
    pub(super) fn is_agreed(&self) -> bool {
        self.described.is_some() && self.on_its_way.is_none()
    }

    fn must_not_be_overtaken(&self) -> bool {
        self.on_its_way.as_ref().is_some_and(|sent| sent.described)
    }
}

/// How a provisional response goes out.
pub(super) enum Manner {
    /// As it always did.
    Plain,
    /// Numbered, and again until it is acknowledged.
    Numbered(u32),
    /// Not now, or not at all.
    Not,
}

impl SessionTask {
    /// How to send a provisional response, and which description goes with it.
    pub(super) fn manner(&mut self, status: u16, sdp: &mut Option<Vec<u8>>) -> Manner {
        let offerless =
            matches!(&self.phase, Phase::Ringing(ringing) if ringing.request.body().is_empty());
        let Some(reliable) = &mut self.reliable else {
            // An offer may not go out in a response that may be lost (RFC 3261 §13.2.1).
            if offerless {
                *sdp = None;
            }
            return Manner::Plain;
        };
        if reliable.on_its_way.is_some() {
            reliable.next = Some((status, sdp.take()));
            return Manner::Not;
        }
        if reliable.described.is_some() {
            *sdp = None;
        } else if offerless && sdp.is_none() {
            // The first reliable response has to bring our offer, and there is none (§5).
            return match reliable.required {
                true => Manner::Not,
                false => Manner::Plain,
            };
        }
        match reliable.numbering.allocate() {
            Some(number) => Manner::Numbered(number),
            None => Manner::Not,
        }
    }

    /// Keeps a numbered response until it is acknowledged.
    pub(super) fn expect_prack(&mut self, response: Response, sdp: Option<Vec<u8>>) {
        let (now, timers) = (Instant::now(), self.office.timers);
        if let Some(reliable) = &mut self.reliable {
            reliable.on_its_way = Some(OnItsWay {
                response,
                described: sdp.is_some(),
                again: now + timers.t1,
                interval: timers.t1,
                until: now + timers.timeout(),
            });
            if sdp.is_some() {
                reliable.described = sdp;
            }
        }
    }

    /// Says it again, or gives the call up when nobody has acknowledged it (§3).
    pub(super) async fn repeat_provisional(&mut self, now: Instant) {
        let Some(reliable) = &mut self.reliable else {
            return;
        };
        let Some(sent) = &mut reliable.on_its_way else {
            return;
        };
        if sent.until <= now {
            reliable.on_its_way = None;
            let refusal = Refusal::new(504).because("the ringing was not acknowledged");
            return self
                .refuse(&refusal, Ending::Lost(Loss::Unacknowledged))
                .await;
        }
        if sent.again <= now {
            sent.interval *= 2;
            sent.again = now + sent.interval;
            let (key, response) = (reliable.key.clone(), sent.response.clone());
            if let Err(error) = self.office.wire.respond(&key, response).await {
                tracing::debug!(session = self.dialog.tag, %error, "a ringing could not be repeated");
            }
        }
    }

    /// Holds an answer back while it may not overtake a description; gives it back otherwise.
    pub(super) fn hold_back(&mut self, sdp: Vec<u8>) -> Option<Vec<u8>> {
        let waits = self.theirs.is_some();
        match &mut self.reliable {
            Some(reliable) if waits || reliable.must_not_be_overtaken() => {
                reliable.answer = Some(sdp);
                None
            }
            Some(reliable) => {
                // What is not acknowledged yet need not be repeated any more.
                reliable.on_its_way = None;
                reliable.next = None;
                Some(sdp)
            }
            None => Some(sdp),
        }
    }

    /// What waited for an acknowledgement.
    pub(super) async fn resume(&mut self) {
        if self.theirs.is_some() || !matches!(self.phase, Phase::Ringing(_)) {
            return;
        }
        let Some(reliable) = &mut self.reliable else {
            return;
        };
        if let Some(sdp) = reliable.answer.take() {
            return self.answer(sdp).await;
        }
        if let Some((status, sdp)) = reliable.next.take() {
            self.on_ring(status, sdp).await;
        }
    }

    /// Their acknowledgement. It brings the answer to our offer, or a further offer of theirs.
    pub(super) async fn on_prack(&mut self, key: TransactionKey, request: Request) {
        let ack = request.headers.typed::<RAck>().and_then(Result::ok);
        let number = self.reliable.as_mut().and_then(|reliable| {
            let cseq = reliable.cseq;
            reliable
                .numbering
                .acknowledge(&ack?, cseq, b"INVITE")
                .then_some(reliable)
        });
        let Some(reliable) = number else {
            return self.status(&key, &request, 481).await;
        };
        let offered = reliable
            .on_its_way
            .take()
            .is_some_and(|sent| sent.described && reliable.offerless);
        if request.body().is_empty() {
            self.status(&key, &request, 200).await;
        } else if offered {
            let sdp = request.body().to_vec();
            self.status(&key, &request, 200).await;
            self.emit(SessionEvent::Reanswered { sdp });
        } else if reliable.described.is_none() {
            // An offer while we owe the answer to the first.
            self.status(&key, &request, 500).await;
        } else {
            let sdp = Some(request.body().to_vec());
            self.theirs = Some(Box::new(TheirOffer {
                key,
                request,
                terms: Answer::None,
            }));
            self.emit(SessionEvent::Reoffered { sdp });
        }
        self.resume().await;
    }

    /// Acknowledges a response to our INVITE that wants it; false when it is not news.
    pub(super) async fn acknowledge_early(&mut self, response: &Response, number: u32) -> bool {
        let Some(rseq) = numbered(&response.headers) else {
            return true;
        };
        let tag = crate::dialog::tag_of(&response.headers);
        let Phase::Calling(outgoing) = &mut self.phase else {
            return false;
        };
        let Some(early) = outgoing.early_mut(tag) else {
            return false;
        };
        match early.acknowledged.accept(rseq) {
            Received::Acknowledge => {}
            Received::Duplicate | Received::OutOfOrder => return false,
        }
        let mut fork = match self.dialog.is_theirs(response) {
            true => self.dialog.clone(),
            false => self.dialog.fork(response),
        };
        let mut prack = fork.request(Method::Prack);
        self.dialog.count_from(&fork);
        push(
            &mut prack.headers,
            HeaderName::RAck,
            format!("{rseq} {number} INVITE"),
        );
        self.prove(&mut prack);
        let hop = fork.hop_for(&mut prack);
        if let Err(error) = self.office.wire.send(prack, hop).await {
            tracing::debug!(session = self.dialog.tag, %error, "a PRACK could not be sent");
        }
        true
    }
}

/// One of the phones that ring for a call of ours.
pub(super) struct Early {
    pub(super) tag: Vec<u8>,
    pub(super) acknowledged: Sequence,
    /// Its answer to our offer, given reliably.
    pub(super) answer: Option<Vec<u8>>,
}

/// The early dialogs of a call, found by their tag; bounded.
pub(super) fn early_mut(list: &mut Vec<Early>, tag: Option<Vec<u8>>) -> Option<&mut Early> {
    let tag = tag?;
    let at = match list.iter().position(|early| early.tag == tag) {
        Some(at) => at,
        None if list.len() >= limits::FORKS => return None,
        None => {
            list.push(Early {
                tag,
                acknowledged: Sequence::default(),
                answer: None,
            });
            list.len() - 1
        }
    };
    list.get_mut(at)
}

/// The number of a response that wants to be acknowledged.
pub(super) fn numbered(headers: &Headers) -> Option<u32> {
    let mut required = headers.typed_all::<Require>().flatten();
    let RSeq(number) = headers.typed::<RSeq>()?.ok()?;
    required
        .any(|list| list.contains(OPTION_TAG))
        .then_some(number)
}
