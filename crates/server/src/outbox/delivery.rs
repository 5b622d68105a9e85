//! Delivering what waits for one leg: in order, one request at a time, tried again by a rule.
//!
//! ```text
//!   2xx ─────────────────────────────────────▶ delivered
//!   no answer, 408, 429, 5xx ── wait, again ─▶ … ─▶ given up
//!   302 ── there instead ───────▶ again
//!   any other ───────────────────────────────▶ given up at once: it will not like it better later
//! ```

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body as _, Incoming};
use offhook_engine::limits::BOT_DECIDES_WITHIN;
use offhook_terms::{CallId, LegId};
use offhook_wire::graph::tag::COMMS_NOTIFICATIONS;

use super::Shared;
use super::door::BotDoor;
use super::queue::{Target, Waiting, Weight};
use crate::outgoing::{Payload, root};
use crate::{clock, limits};

const CHAIN_ID: HeaderName = HeaderName::from_static("x-microsoft-skype-chain-id");
const MESSAGE_ID: HeaderName = HeaderName::from_static("x-microsoft-skype-message-id");
const SCENARIO_ID: HeaderName = HeaderName::from_static("scenario-id");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// As the published service names itself; bots have been seen to look at it.
const USER_AGENT: HeaderValue = HeaderValue::from_static("Microsoft-Skype/3.0,(Calling/1.0)");

/// Empties the queue of one leg, and ends.
pub(super) async fn run(shared: Arc<Shared>, leg: LegId) {
    while let Some(parcel) = shared.next(leg) {
        let given_up = parcel.deliver(&shared, leg).await.err();
        if let Some(trouble) = given_up {
            shared.given_up(leg, &parcel, trouble);
        } else {
            let many = parcel.waiting_since.len() as u64;
            metrics::counter!("offhook_notifications_delivered_total").increment(many);
        }
    }
    shared.emptied.notify_waiters();
}

impl Shared {
    /// What to send next; `None` when nothing waits, and then nobody is delivering any more.
    fn next(&self, id: LegId) -> Option<Parcel> {
        let mut legs = self.legs();
        let leg = legs.get_mut(&id)?;
        let batch = leg.take();
        if let Some(first) = batch.first() {
            return Some(Parcel {
                incoming: first.weight == Weight::Incoming,
                target: Arc::clone(&first.target),
                waiting_since: batch.iter().map(|waiting| waiting.since).collect(),
                body: envelope(&batch),
                door: Arc::clone(&leg.door),
                call: leg.call,
            });
        }
        leg.delivering = false;
        if leg.closed {
            legs.remove(&id);
            drop(legs);
            self.store.leg_settled(id);
        }
        None
    }

    /// Whether the bot has dealt with the incoming call, so that it need not be told of it again.
    fn is_decided(&self, leg: LegId) -> bool {
        self.legs().get(&leg).is_none_or(|leg| leg.decided)
    }

    fn given_up(&self, id: LegId, parcel: &Parcel, trouble: Trouble) {
        metrics::counter!("offhook_notifications_given_up_total")
            .increment(parcel.waiting_since.len() as u64);
        tracing::warn!(
            leg = %id,
            bot = %parcel.door.bot.app,
            incoming = parcel.incoming,
            why = %trouble,
            "a bot could not be told what happened"
        );
        let undecided = {
            let mut legs = self.legs();
            legs.get_mut(&id).is_some_and(|leg| {
                leg.trouble = Some(trouble.to_string());
                !leg.decided
            })
        };
        if parcel.incoming && undecided {
            self.switchboard.undeliverable(id);
        }
    }
}

/// What one request carries.
struct Parcel {
    body: Bytes,
    /// When each of its notifications was queued.
    waiting_since: Arc<[Instant]>,
    incoming: bool,
    target: Arc<Target>,
    door: Arc<BotDoor>,
    call: CallId,
}

fn envelope(batch: &[Waiting]) -> Bytes {
    let length: usize = batch.iter().map(|waiting| waiting.body.len() + 1).sum();
    let mut text = String::with_capacity(length + 80);
    text.push_str("{\"@odata.type\":\"");
    text.push_str(COMMS_NOTIFICATIONS);
    text.push_str("\",\"value\":[");
    for (at, waiting) in batch.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        text.push_str(&waiting.body);
    }
    text.push_str("]}");
    text.into()
}

/// Why a delivery failed.
#[derive(Debug)]
enum Trouble {
    /// The bot answered, but not that it got it.
    Answered(StatusCode),
    /// The bot could not be reached, or broke off.
    Unreachable(String),
    /// The bot took too long to answer.
    Silent,
    /// It sends us somewhere we may not or cannot go.
    Elsewhere,
    /// The caller cannot wait any longer.
    DeadlinePassed(Option<Box<Trouble>>),
    /// We have no token to show; our fault.
    NoToken,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(status) => write!(f, "the bot answered {status}"),
            Self::Unreachable(why) => write!(f, "the bot could not be reached: {why}"),
            Self::Silent => f.write_str("the bot did not answer our request in time"),
            Self::Elsewhere => f.write_str("the bot redirected us to where we may not go"),
            Self::DeadlinePassed(None) => f.write_str("the bot was not told within 15 s"),
            Self::DeadlinePassed(Some(last)) => write!(f, "{last}, until the 15 s were over"),
            Self::NoToken => f.write_str("no token could be signed for the bot"),
        }
    }
}

enum Verdict {
    Delivered,
    /// Worth another try, after so long if the bot said so.
    Again(Trouble, Option<Duration>),
    There(Arc<Target>),
    GiveUp(Trouble),
}

impl Parcel {
    async fn deliver(&self, shared: &Shared, leg: LegId) -> Result<(), Trouble> {
        if !self.incoming {
            return self.try_until_given_up(shared, leg, &mut None).await;
        }
        // The deadline covers waiting for a seat as well: a dead bot's calls must not wait longer.
        let mut last = None;
        let trying = self.try_until_given_up(shared, leg, &mut last);
        match tokio::time::timeout(BOT_DECIDES_WITHIN, trying).await {
            Ok(tried) => tried,
            Err(_) => Err(Trouble::DeadlinePassed(last.map(Box::new))),
        }
    }

    async fn try_until_given_up(
        &self,
        shared: &Shared,
        leg: LegId,
        last: &mut Option<Trouble>,
    ) -> Result<(), Trouble> {
        let message = CallId::from_random(rand::random()).to_string();
        let mut target = Arc::clone(&self.target);
        let mut waits = limits::NOTIFICATION_WAITS.into_iter();
        // How long the first try takes is ours to answer for; the others wait for the bot.
        let mut body = Payload::measured(self.body.clone(), Arc::clone(&self.waiting_since));
        loop {
            let verdict = self.try_once(shared, &target, &message, body).await;
            body = Payload::from(self.body.clone());
            let (trouble, wait) = match verdict {
                Verdict::Delivered => return Ok(()),
                Verdict::GiveUp(trouble) => return Err(trouble),
                Verdict::There(there) => {
                    target = there;
                    (Trouble::Elsewhere, Some(Duration::ZERO))
                }
                Verdict::Again(trouble, wait) => (trouble, wait),
            };
            let Some(usual) = waits.next() else {
                return Err(trouble);
            };
            *last = Some(trouble);
            tokio::time::sleep(wait.unwrap_or(usual)).await;
            if self.incoming && shared.is_decided(leg) {
                return Ok(());
            }
        }
    }

    async fn try_once(
        &self,
        shared: &Shared,
        target: &Arc<Target>,
        message: &str,
        body: Payload,
    ) -> Verdict {
        let Some(authorization) = self.door.authorization(&shared.login, clock::wall()) else {
            return Verdict::GiveUp(Trouble::NoToken);
        };
        let request = self.request(target, message, authorization, body);
        let _seat = self
            .door
            .seats
            .acquire()
            .await
            .expect("the seats are never closed");
        let answered = tokio::time::timeout(
            limits::NOTIFICATION_ANSWERED_WITHIN,
            self.door.outgoing.send(request),
        );
        match answered.await {
            Err(_) => Verdict::Again(Trouble::Silent, None),
            Ok(Err(why)) => Verdict::Again(Trouble::Unreachable(root(&why)), None),
            Ok(Ok(response)) => {
                let verdict = self.judge(&response);
                finish(response).await;
                verdict
            }
        }
    }

    fn request(
        &self,
        target: &Target,
        message: &str,
        authorization: HeaderValue,
        body: Payload,
    ) -> Request<Payload> {
        let guid = |text: &str| HeaderValue::try_from(text).expect("a GUID is a header value");
        let chain = guid(&self.call.to_string());
        let mut request = Request::new(body);
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = target.uri.clone();
        let headers = request.headers_mut();
        headers.insert(header::AUTHORIZATION, authorization);
        headers.insert(header::CONTENT_TYPE, JSON);
        headers.insert(header::ACCEPT, JSON);
        headers.insert(header::USER_AGENT, USER_AGENT);
        headers.insert(SCENARIO_ID, chain.clone());
        headers.insert(CHAIN_ID, chain);
        headers.insert(MESSAGE_ID, guid(message));
        request
    }

    fn judge(&self, response: &Response<Incoming>) -> Verdict {
        let status = response.status();
        match status.as_u16() {
            200..=299 => Verdict::Delivered,
            301 | 302 | 307 | 308 => match self.elsewhere(response) {
                Some(target) => Verdict::There(Arc::new(target)),
                None => Verdict::GiveUp(Trouble::Elsewhere),
            },
            408 | 429 | 500..=599 => {
                Verdict::Again(Trouble::Answered(status), retry_after(response))
            }
            _ => Verdict::GiveUp(Trouble::Answered(status)),
        }
    }

    /// Published behaviour: a bot may send notifications on to another of its regions.
    fn elsewhere(&self, response: &Response<Incoming>) -> Option<Target> {
        let location = response.headers().get(header::LOCATION)?.to_str().ok()?;
        let url = self.door.outgoing.guard().callback(location).ok()?;
        Target::new(&url)
    }
}

fn retry_after(response: &Response<Incoming>) -> Option<Duration> {
    let text = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    let seconds: u64 = text.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(limits::RETRY_AFTER_MAX))
}

/// Reads the rest, so that the connection can be used again.
async fn finish(response: Response<Incoming>) {
    let body = response.into_body();
    if body.is_end_stream() {
        return;
    }
    let rest = Limited::new(body, limits::NOTIFICATION_ANSWER_BYTES_MAX).collect();
    // Whatever it says, and whether it comes at all, changes nothing.
    let _ = tokio::time::timeout(limits::NOTIFICATION_ANSWERED_WITHIN, rest).await;
}
