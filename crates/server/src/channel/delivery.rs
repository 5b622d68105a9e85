//! Telling a bot: one turn at a time, in order, tried again where that cannot do harm.
//!
//! ```text
//!   2xx ──────────────────────────────────────▶ done
//!   no connection, 408, 429, 502, 503, 504 ───▶ again, then: the bot cannot be told
//!   any other answer, or none in two minutes ─▶ the turn has failed; it may have done something
//! ```
//!
//! The first turn of a conversation is tried again whatever the bot answers, because nothing has been
//! said yet; a bot that fails it is as good as not there.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use offhook_terms::LegId;
use offhook_wire::activity::Activity;
use serde_json::Value;

use super::{BotDoor, Shared, TalkNews, Turn, Waiting, bytes, new_id, routes};
use crate::limits;
use crate::outgoing::{Payload, root};

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("Offhook/", env!("CARGO_PKG_VERSION")));
const CONVERSATION: HeaderName = HeaderName::from_static("x-ms-conversation-id");

/// Empties the queue of one line, and ends.
pub(super) async fn run(shared: Arc<Shared>, leg: LegId) {
    while let Some((door, waiting)) = shared.next(leg) {
        let turn = waiting.turn;
        let outcome = deliver(&shared, &door, leg, waiting).await;
        let bot = door.bot.app;
        let news = match outcome {
            Outcome::Done(replies) => {
                metrics::counter!("offhook_turns_total", "outcome" => "done").increment(1);
                for reply in replies {
                    // Refused as the connector would have; there is nobody to say it to.
                    let id = new_id();
                    if let Err(why) = routes::reply(&shared, &door, leg, reply, &id).await {
                        tracing::info!(%bot, status = %why.status, "a reply of a bot was refused");
                    }
                }
                TalkNews::TurnDone
            }
            Outcome::Failed(why) => {
                metrics::counter!("offhook_turns_total", "outcome" => "failed").increment(1);
                tracing::warn!(%leg, %bot, %why, "a bot failed at what it was told");
                TalkNews::TurnFailed
            }
            Outcome::Unreachable(why) => {
                metrics::counter!("offhook_turns_total", "outcome" => "unreachable").increment(1);
                tracing::warn!(%leg, %bot, %why, "a bot cannot be told what happens in its call");
                TalkNews::Unreachable
            }
        };
        if turn != Turn::End {
            shared.news(bot, leg, news);
        }
    }
    shared.emptied.notify_waiters();
}

impl Shared {
    /// What to tell next; `None` when nothing waits, and then nobody is delivering any more.
    fn next(&self, leg: LegId) -> Option<(Arc<BotDoor>, Waiting)> {
        let mut lines = self.lines();
        let line = lines.get_mut(&leg)?;
        if let Some(waiting) = line.waiting.pop_front() {
            return Some((Arc::clone(&line.door), waiting));
        }
        line.delivering = false;
        if line.is_closed {
            lines.remove(&leg);
            drop(lines);
            self.store.leg_settled(leg);
        }
        None
    }
}

enum Outcome {
    /// The bot has done with it, and says this in its answer.
    Done(Vec<Activity>),
    Failed(String),
    Unreachable(String),
}

async fn deliver(
    shared: &Arc<Shared>,
    door: &Arc<BotDoor>,
    leg: LegId,
    waiting: Waiting,
) -> Outcome {
    if waiting.turn == Turn::Start {
        // Before the bot knows of a conversation, the store knows that it is owed an end.
        shared.store.flush().await;
    }
    let body = bytes(&waiting.activity);
    let mut waits = limits::TURN_WAITS.into_iter();
    loop {
        let (verdict, why) = once(shared, door, leg, waiting.turn, body.clone()).await;
        match verdict {
            Verdict::Done(answer) => return Outcome::Done(replies(door, &answer)),
            Verdict::Failed if waiting.turn == Turn::Start => return Outcome::Unreachable(why),
            Verdict::Failed => return Outcome::Failed(why),
            Verdict::Again => match waits.next() {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Outcome::Unreachable(why),
            },
        }
    }
}

enum Verdict {
    Done(Bytes),
    Again,
    Failed,
}

async fn once(
    shared: &Shared,
    door: &BotDoor,
    leg: LegId,
    turn: Turn,
    body: Bytes,
) -> (Verdict, String) {
    let mut request = Request::new(Payload::from(body));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = door.endpoint.clone();
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, JSON);
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(header::USER_AGENT, USER_AGENT);
    if let Ok(id) = HeaderValue::try_from(leg.to_string()) {
        headers.insert(CONVERSATION, id);
    }
    match door.authorization(shared).await {
        Ok(authorization) => {
            let authorization = authorization.map(|value| (header::AUTHORIZATION, value));
            request.headers_mut().extend(authorization);
        }
        Err(why) => return (Verdict::Again, why),
    }
    let _seat = door.seats.acquire().await;
    let answering = async {
        let response = door
            .outgoing
            .send(request)
            .await
            .map_err(|why| root(&why))?;
        let status = response.status();
        // A turn is over when its answer is here, all of it.
        Ok::<_, String>((status, read(response.into_body()).await))
    };
    let answered = tokio::time::timeout(limits::TURN_WITHIN, answering).await;
    let (status, answer) = match answered {
        Err(_) => return (Verdict::Failed, "it did not answer in time".to_owned()),
        Ok(Err(why)) => return (Verdict::Again, format!("it could not be reached: {why}")),
        Ok(Ok(answered)) => answered,
    };
    let why = format!("it answered {status}");
    let verdict = match status {
        status if status.is_success() => Verdict::Done(answer),
        StatusCode::REQUEST_TIMEOUT
        | StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Verdict::Again,
        status if turn == Turn::Start && status.is_server_error() => Verdict::Again,
        _ => Verdict::Failed,
    };
    (verdict, why)
}

/// An answer that is too long is none.
async fn read(body: Incoming) -> Bytes {
    let body = Limited::new(body, limits::TURN_ANSWER_BYTES_MAX).collect();
    body.await.map(|body| body.to_bytes()).unwrap_or_default()
}

/// What a bot says in its answer (`deliveryMode`: `expectReplies`). Garbage says nothing.
fn replies(door: &BotDoor, answer: &Bytes) -> Vec<Activity> {
    if !door.bot.talk.expect_replies {
        return Vec::new();
    }
    let Ok(Value::Object(mut answer)) = serde_json::from_slice(answer) else {
        return Vec::new();
    };
    let Some(Value::Array(activities)) = answer.remove("activities") else {
        return Vec::new();
    };
    let activities = activities.into_iter().take(limits::REPLIES_MAX);
    activities
        .filter_map(|one| Activity::read(one).ok())
        .collect()
}
