//! The connector: what a bot asks of its conversations (Connector REST API, version 3).
//!
//! Addresses are matched by hand, because software that joins a base and a path doubles slashes, and an
//! open bot's addresses begin with its key.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use offhook_engine::{Handoff, Hosting, Invitee, NotQueued, Party, Placement, Prompt, Said};
use offhook_terms::{CallId, LegId, Private};
use offhook_wire::activity::{
    Activity, ChannelAccount, ConversationParameters, ResourceResponse, kind,
};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::attachments::Attachment;
use super::refused::Refused;
use super::to_engine::{self, Asked, Usual, asked};
use super::{BotDoor, Channel, Line, Shared, TalkNews, callback, from_engine, new_id};
use crate::calls::{Message, post};
use crate::config::BotAuthentication;
use crate::login::{is_same, shown};
use crate::registry::Bot;
use crate::store::ms;
use crate::switchboard::NotConnected;
use crate::tapes::{About, DocumentId, Kind};
use crate::{clock, limits};

const CORRELATION: HeaderName = HeaderName::from_static("x-correlating-operation-id");

/// Whether a path is the connector's.
pub(crate) fn is_ours(path: &str) -> bool {
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    match (segments.next(), segments.nth(1)) {
        (Some("s"), Some("v3")) => true,
        (first, _) => first == Some("v3"),
    }
}

/// Every request of the connector.
pub(crate) async fn handle(channel: Channel, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let answer = channel.shared.answer(&parts, body).await;
    let mut response = answer.unwrap_or_else(|refused| refused.into_response());
    if let Some(asks) = response.extensions_mut().remove::<Asks>() {
        response = response.map(|body| Body::new(Answered { body, _asks: asks }));
    }
    if let Ok(id) = HeaderValue::try_from(new_id()) {
        response.headers_mut().insert(CORRELATION, id);
    }
    response
}

/// A bot asks for something that it hears of later. Dropped, it has its answer.
#[derive(Clone)]
struct Asks {
    _asking: Arc<Asking>,
}

struct Asking {
    shared: Arc<Shared>,
    leg: LegId,
    id: String,
}

impl Drop for Asking {
    fn drop(&mut self) {
        let (shared, leg, id) = (Arc::clone(&self.shared), self.leg, self.id.clone());
        // Without one the platform is going down, and nobody is told any more.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                tokio::time::sleep(limits::RESULT_AFTER_ANSWER).await;
                shared.answered(leg, &id);
            });
        }
    }
}

/// An answer that is seen going out.
struct Answered {
    body: Body,
    _asks: Asks,
}

impl hyper::body::Body for Answered {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}

/// A path, decoded once: an open bot's key, and what comes after `v3`.
struct Target {
    key: Option<String>,
    segments: Vec<String>,
}

impl Target {
    fn read(path: &str) -> Result<Self, Refused> {
        let segments = path.split('/').filter(|segment| !segment.is_empty());
        let segments: Option<Vec<String>> = segments.map(decoded).collect();
        let mut segments = segments
            .ok_or_else(|| Refused::syntax("The path is not percent-encoded UTF-8."))?
            .into_iter()
            .peekable();
        let key = match segments.next_if(|first| first == "s") {
            Some(_) => segments.next(),
            None => None,
        };
        match segments.next().as_deref() {
            Some("v3") => Ok(Self {
                key,
                segments: segments.collect(),
            }),
            _ => Err(Refused::no_route()),
        }
    }
}

/// Percent-decoding (RFC 3986 §2.1).
fn decoded(segment: &str) -> Option<String> {
    let mut out = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let pair = [bytes.next()?, bytes.next()?];
                let pair = std::str::from_utf8(&pair).ok()?;
                u8::from_str_radix(pair, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(out).ok()
}

impl Shared {
    async fn answer(self: &Arc<Self>, parts: &Parts, body: Body) -> Result<Response, Refused> {
        let target = Target::read(parts.uri.path())?;
        let bot = self.let_in(parts, target.key.as_deref()).await?;
        let door = self.doors.get(&bot.app);
        let door = Arc::clone(door.ok_or_else(Refused::no_conversation)?);
        let ask = Ask {
            shared: self,
            door: &door,
            method: &parts.method,
        };
        let segments: Vec<&str> = target.segments.iter().map(String::as_str).collect();
        match segments[..] {
            ["conversations"] if parts.method == Method::GET => Ok(ask.conversations()),
            ["conversations"] => {
                ask.only(&Method::POST)?;
                ask.call(read(body).await?)
            }
            ["conversations", id, ref rest @ ..] => {
                let leg = self.leg(&bot, id)?;
                ask.conversation(leg, rest, body).await
            }
            ["attachments", id, ref rest @ ..] => {
                ask.only(&Method::GET)?;
                ask.attachment(id, rest)
            }
            _ => Err(Refused::no_route()),
        }
    }

    /// Which bot asks: an open one by the key in its address, another by its token.
    async fn let_in(&self, parts: &Parts, key: Option<&str>) -> Result<Arc<Bot>, Refused> {
        if let Some(key) = key {
            let mut bots = self.doors.values().map(|door| &door.bot);
            let found = bots.find(|bot| {
                bot.talk.authentication == BotAuthentication::Open
                    && is_same(bot.talk.key.reveal(), key)
            });
            return found.cloned().ok_or_else(Refused::wrong_key);
        }
        let own = self.login.answering(&parts.headers, clock::wall());
        let why = match own {
            Ok(bot) if bot.talk.authentication == BotAuthentication::Own => return Ok(bot),
            Ok(_) => return Err(Refused::wrong_key()),
            Err(why) => why,
        };
        // It may be somebody whom Microsoft knows.
        let bots = self.doors.values().map(|door| &door.bot);
        let by_microsoft =
            |bot: &&Arc<Bot>| bot.talk.authentication == BotAuthentication::Microsoft;
        let bots: Vec<Arc<Bot>> = bots.filter(by_microsoft).cloned().collect();
        let Some(token) = shown(&parts.headers).ok().filter(|_| !bots.is_empty()) else {
            return Err(Refused::not_let_in(why));
        };
        let known = self.microsoft.answering(token, bots).await;
        known.map_err(Refused::not_let_in)
    }

    /// The conversation of this id, which must be this bot's.
    fn leg(&self, bot: &Bot, id: &str) -> Result<LegId, Refused> {
        let leg: LegId = id.parse().map_err(|_| Refused::no_conversation())?;
        match self.lines().get(&leg) {
            Some(line) if line.door.bot.app == bot.app => Ok(leg),
            Some(_) => Err(Refused::not_yours()),
            None => Err(Refused::no_conversation()),
        }
    }
}

/// One request of a bot.
struct Ask<'a> {
    shared: &'a Arc<Shared>,
    door: &'a Arc<BotDoor>,
    method: &'a Method,
}

impl Ask<'_> {
    fn only(&self, method: &Method) -> Result<(), Refused> {
        match self.method == method {
            true => Ok(()),
            false => Err(Refused::method()),
        }
    }

    async fn conversation(
        &self,
        leg: LegId,
        rest: &[&str],
        body: Body,
    ) -> Result<Response, Refused> {
        match rest {
            ["activities", "history"] if self.method == Method::POST => {
                self.history(read(body).await?)
            }
            ["activities"] | ["activities", _] if self.method == Method::POST => {
                self.take(leg, read(body).await?).await
            }
            ["activities", id] if self.method == Method::PUT => {
                let id = self.change(leg, id, read(body).await?).await?;
                Ok(body_of(StatusCode::OK, &ResourceResponse { id }))
            }
            ["activities", id] => {
                self.only(&Method::DELETE)?;
                self.take_back(leg, id).await
            }
            ["activities", _, "members"] | ["members"] => {
                self.only(&Method::GET)?;
                Ok(body_of(StatusCode::OK, &self.members(leg)))
            }
            ["members", id] if self.method == Method::DELETE => self.remove(leg, id),
            ["members", id] => {
                self.only(&Method::GET)?;
                let member = self.members(leg).into_iter().find(|one| is(one, id));
                let member = member.ok_or_else(Refused::no_member)?;
                Ok(body_of(StatusCode::OK, &member))
            }
            ["pagedmembers"] => {
                self.only(&Method::GET)?;
                // Two are never more than a page.
                let members = self.members(leg);
                Ok(body_of(StatusCode::OK, &json!({ "members": members })))
            }
            ["attachments"] => {
                self.only(&Method::POST)?;
                self.upload(leg, read(body).await?)
            }
            _ => Err(Refused::no_route()),
        }
    }

    async fn take(&self, leg: LegId, body: Value) -> Result<Response, Refused> {
        let activity = Activity::read(body).map_err(|bad| Refused::syntax(bad.to_string()))?;
        let id = new_id();
        let asks = has_results(&activity).then(|| {
            self.shared.asks(leg, &id);
            let (shared, id) = (Arc::clone(self.shared), id.clone());
            Asks {
                _asking: Arc::new(Asking { shared, leg, id }),
            }
        });
        reply(self.shared, self.door, leg, activity, &id).await?;
        let mut response = body_of(StatusCode::OK, &ResourceResponse { id });
        if let Some(asks) = asks {
            response.extensions_mut().insert(asks);
        }
        Ok(response)
    }

    /// What was said before, elsewhere: it is looked at and kept by nobody, for nobody here reads it.
    fn history(&self, body: Value) -> Result<Response, Refused> {
        let Some(Value::Array(activities)) = body.get("activities").cloned() else {
            return Err(Refused::missing("activities"));
        };
        let all = activities.len();
        let good = activities
            .into_iter()
            .filter_map(|one| Activity::read(one).ok());
        let good = good.count();
        let id = format!("Processed {good} of {all} activities successfully.");
        Ok(body_of(StatusCode::OK, &ResourceResponse { id }))
    }

    async fn change(&self, leg: LegId, id: &str, body: Value) -> Result<String, Refused> {
        let activity = Activity::read(body).map_err(|bad| Refused::syntax(bad.to_string()))?;
        if activity
            .id
            .as_deref()
            .is_some_and(|own| !own.is_empty() && own != id)
        {
            let what = "The activity's 'id' is not the one in the path.";
            return Err(Refused::argument(what));
        }
        let said = match self.read(leg, &activity, id)? {
            Asked::Say(said) => said,
            _ => return Err(Refused::not_supported("Only a message can be changed.")),
        };
        self.queued(leg, |reply| TalkNews::Changed(said, reply))
            .await?;
        Ok(id.to_owned())
    }

    async fn take_back(&self, leg: LegId, id: &str) -> Result<Response, Refused> {
        let id = id.to_owned();
        self.queued(leg, |reply| TalkNews::TakenBack(id, reply))
            .await?;
        Ok(StatusCode::OK.into_response())
    }

    /// Does something to a message that waits.
    async fn queued(
        &self,
        leg: LegId,
        news: impl FnOnce(oneshot::Sender<Result<(), NotQueued>>) -> TalkNews,
    ) -> Result<(), Refused> {
        let (reply, answer) = oneshot::channel();
        self.shared.news(self.door.bot.app, leg, news(reply));
        match answer.await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Refused::not_supported(
                "The message is being spoken or was spoken, and cannot be changed or taken back.",
            )),
        }
    }

    fn read(&self, leg: LegId, activity: &Activity, id: &str) -> Result<Asked, Refused> {
        read_activity(self.shared, self.door, leg, activity, id)
    }

    fn conversations(&self) -> Response {
        let lines = self.shared.lines();
        let app = self.door.bot.app;
        let own = lines.iter().filter(|(_, line)| line.door.bot.app == app);
        let own: Vec<Value> = own
            .map(|(leg, line)| json!({"id": leg.to_string(), "members": [&line.caller, &line.bot]}))
            .collect();
        body_of(StatusCode::OK, &json!({ "conversations": own }))
    }

    fn members(&self, leg: LegId) -> Vec<ChannelAccount> {
        let lines = self.shared.lines();
        let line = lines.get(&leg);
        line.map_or_else(Vec::new, |line| vec![line.caller.clone(), line.bot.clone()])
    }

    /// A conversation of two that somebody is removed from is over.
    fn remove(&self, leg: LegId, id: &str) -> Result<Response, Refused> {
        if !self.members(leg).iter().any(|one| is(one, id)) {
            return Err(Refused::no_member());
        }
        let ends = TalkNews::Ends { at_once: true };
        self.shared.news(self.door.bot.app, leg, ends);
        Ok(StatusCode::OK.into_response())
    }

    /// A bot calls somebody: by number or by the user part of an address.
    fn call(&self, body: Value) -> Result<Response, Refused> {
        let parameters: ConversationParameters = serde_json::from_value(body)
            .map_err(|_| Refused::syntax("The body is no ConversationParameters object."))?;
        if parameters.is_group == Some(true) {
            let what = "'isGroup' is true, but a conversation is between the bot and one other.";
            return Err(Refused::argument(what));
        }
        let members = parameters.members.as_deref().unwrap_or_default();
        let [member] = members else {
            let what = "'members' must name one, whom to call.";
            return Err(match members.is_empty() {
                true => Refused::missing("members"),
                false => Refused::argument(what),
            });
        };
        let id = member.id.as_ref().map(|id| id.reveal().trim());
        let id = id
            .filter(|id| !id.is_empty())
            .ok_or_else(|| Refused::missing("members[0].id"))?;
        let callee = self.shared.callee(id).ok_or_else(|| {
            Refused::argument(
                "'members[0].id' is neither a phone number in full (\"+14255550100\") nor \
                 somebody's id or address here.",
            )
        })?;
        let first = match parameters.activity.filter(|activity| !activity.is_null()) {
            None => None,
            Some(activity) => {
                let activity =
                    Activity::read(activity).map_err(|bad| Refused::syntax(bad.to_string()))?;
                Some(activity)
            }
        };
        let (call, leg) = (
            CallId::from_random(rand::random()),
            LegId::from_random(rand::random()),
        );
        let activity_id = new_id();
        let bot = &self.door.bot;
        let mut line = Line::new(call, self.door);
        line.caller = from_engine::account(leg, &callee);
        self.shared.lines().insert(leg, line);
        let first = first
            .map(|activity| self.read(leg, &activity, &activity_id))
            .transpose();
        let first = first.inspect_err(|_| self.shared.forget(leg))?;
        let placement = Placement {
            call,
            bot_leg: leg,
            bot: bot.app,
            hosting: Hosting::Service,
            is_group: false,
            targets: vec![Invitee::new(LegId::from_random(rand::random()), callee)],
            ring_for: offhook_engine::limits::RINGS_FOR,
        };
        let placed = self
            .shared
            .switchboard
            .place(placement, bot.limits.calls, callback(bot));
        placed.map_err(|why| {
            self.shared.forget(leg);
            match why {
                NotConnected::BotIsFull | NotConnected::MonthIsFull { .. } => {
                    Refused::too_many_calls()
                }
                NotConnected::Closed | NotConnected::Over => Refused::unavailable(),
            }
        })?;
        if let Some(Asked::Say(said)) = first {
            self.shared.prepare(bot, leg, &said);
            let (reply, _) = oneshot::channel();
            self.shared.news(bot.app, leg, TalkNews::Said(said, reply));
        }
        let made = json!({
            "id": leg.to_string(),
            "activityId": activity_id,
            "serviceUrl": self.door.service_url,
        });
        Ok(body_of(StatusCode::CREATED, &made))
    }

    fn upload(&self, leg: LegId, body: Value) -> Result<Response, Refused> {
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let file = |name: &'static str| {
            let encoded = text(name).filter(|encoded| !encoded.is_empty());
            let decoded = encoded.map(|encoded| STANDARD.decode(encoded).map(Bytes::from));
            let bad = |_| Refused::argument(format!("'{name}' is not base64."));
            decoded.transpose().map_err(bad)
        };
        let id = new_id();
        let attachment = Attachment {
            bot: self.door.bot.app,
            leg,
            name: Private::new(text("name").unwrap_or_default().to_owned()),
            media_type: text("type")
                .unwrap_or("application/octet-stream")
                .to_owned(),
            original: file("originalBase64")?.ok_or_else(|| Refused::missing("originalBase64"))?,
            thumbnail: file("thumbnailBase64")?,
        };
        match self.shared.attachments.keep(id.clone(), attachment) {
            true => Ok(body_of(StatusCode::OK, &ResourceResponse { id })),
            false => Err(Refused::too_much()),
        }
    }

    fn attachment(&self, id: &str, rest: &[&str]) -> Result<Response, Refused> {
        let found = self.shared.attachments.get(self.door.bot.app, id);
        let found = found.ok_or_else(Refused::no_attachment)?;
        match rest {
            [] => {
                let view = |id: &str, file: &Bytes| json!({"viewId": id, "size": file.len()});
                let mut views = vec![view("original", &found.original)];
                views.extend(found.thumbnail.iter().map(|file| view("thumbnail", file)));
                let (name, media_type) = (found.name.reveal(), &found.media_type);
                let shown = json!({"name": name, "type": media_type, "views": views});
                Ok(body_of(StatusCode::OK, &shown))
            }
            ["views", "original"] => Ok(file_of(&found.media_type, found.original)),
            ["views", "thumbnail"] => {
                let thumbnail = found.thumbnail.ok_or_else(Refused::no_attachment)?;
                Ok(file_of(&found.media_type, thumbnail))
            }
            _ => Err(Refused::no_attachment()),
        }
    }
}

impl Shared {
    fn forget(&self, leg: LegId) {
        self.lines().remove(&leg);
    }

    /// Somebody who can be called: a number in full, one of our people by id or by the user part of
    /// their address.
    fn callee(&self, id: &str) -> Option<Party> {
        if crate::sip::is_e164(id) {
            return Some(Party::Phone {
                number: Private::new(id.to_owned()),
            });
        }
        let by_id = id.parse().ok().and_then(|id| self.registry.person(id));
        let person = by_id.or_else(|| self.registry.person_by_sip_user(id))?;
        Some(Party::Person {
            id: person.id,
            name: person.name.clone(),
        })
    }

    /// Queues something to be done in a conversation, if there is room.
    async fn queue(
        &self,
        bot: &Bot,
        leg: LegId,
        news: impl FnOnce(oneshot::Sender<Result<(), NotQueued>>) -> TalkNews,
    ) -> Result<(), Refused> {
        let mailbox = self.switchboard.seat_of(bot.app, leg);
        let mailbox = mailbox.ok_or_else(Refused::no_conversation)?;
        let (reply, answer) = oneshot::channel();
        let news = news(reply);
        post(&mailbox, Message::Talk { leg, news });
        match answer.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(NotQueued)) => Err(Refused::too_much()),
            // It ended with this unread.
            Err(_) => Err(Refused::no_conversation()),
        }
    }

    /// Who is to have a caller.
    fn party(&self, target: to_engine::Target) -> Result<Party, &'static str> {
        match target {
            to_engine::Target::Number(number) => Ok(Party::Phone { number }),
            to_engine::Target::User(user) => {
                if let Some(bot) = self.registry.bot_by_sip_user(&user) {
                    return Ok(Party::Bot { app: bot.app });
                }
                let person = self.registry.person_by_sip_user(&user);
                let person = person.ok_or("There is nobody at this address")?;
                Ok(Party::Person {
                    id: person.id,
                    name: person.name.clone(),
                })
            }
        }
    }

    /// Keeps what a bot hands over with its caller.
    async fn keep_transcript(
        &self,
        bot: &Bot,
        leg: LegId,
        transcript: &Value,
    ) -> Result<(), Refused> {
        let text = transcript.to_string();
        let most = limits::TRANSCRIPT_BYTES_MAX;
        if text.len() > most {
            let what = format!("The transcript is longer than {most} bytes.");
            return Err(Refused::too_large(what));
        }
        let (call, caller) = {
            let lines = self.lines();
            let line = lines.get(&leg).ok_or_else(Refused::no_conversation)?;
            let caller = line.caller.id.clone();
            (
                line.call,
                caller.unwrap_or_else(|| Private::new(String::new())),
            )
        };
        let about = About {
            document: DocumentId::from_random(rand::random()),
            call,
            leg,
            bot: bot.app,
            caller,
            began_ms: ms(clock::wall()),
            kind: Kind::Transcript,
            metadata: None,
        };
        let tapes = Arc::clone(&self.tapes);
        let keeping =
            tokio::task::spawn_blocking(move || tapes.keep_transcript(about, text.as_bytes()));
        if keeping.await.is_err() {
            tracing::error!(%leg, "a fault of ours kept a transcript from being kept");
        }
        Ok(())
    }

    /// Has what is to be spoken made into sound while what comes before it is spoken.
    fn prepare(&self, bot: &Bot, leg: LegId, said: &Said) {
        if let Some(speech) = &said.speech {
            self.prompts
                .prefetch(bot, leg, Prompt::Speech(speech.clone()));
        }
    }
}

fn read_activity(
    shared: &Shared,
    door: &BotDoor,
    leg: LegId,
    activity: &Activity,
    id: &str,
) -> Result<Asked, Refused> {
    let locale = {
        let lines = shared.lines();
        let line = lines.get(&leg).ok_or_else(Refused::no_conversation)?;
        line.locale.clone()
    };
    let usual = Usual {
        locale: &locale,
        voice: door.bot.talk.voice.as_deref(),
    };
    asked(activity, id, &usual)
}

/// Takes an activity of a bot; gives the id it has from now on. What is said in a conversation that is
/// over is taken and is for nobody.
pub(super) async fn reply(
    shared: &Arc<Shared>,
    door: &Arc<BotDoor>,
    leg: LegId,
    activity: Activity,
    id: &str,
) -> Result<(), Refused> {
    let bot = &door.bot;
    let asked = read_activity(shared, door, leg, &activity, id)?;
    match asked {
        Asked::Say(said) => {
            {
                let mut lines = shared.lines();
                let line = lines.get_mut(&leg).ok_or_else(Refused::no_conversation)?;
                if line.is_over {
                    return Ok(());
                }
                if let Some(locale) = &said.locale {
                    line.locale.clone_from(locale);
                }
            }
            shared.prepare(bot, leg, &said);
            shared
                .queue(bot, leg, |reply| TalkNews::Said(said, reply))
                .await?;
        }
        Asked::End { at_once } => shared.news(bot.app, leg, TalkNews::Ends { at_once }),
        Asked::NotSupported { name, command } => {
            shared.news(bot.app, leg, TalkNews::Alive);
            let result = from_engine::not_supported(&name, command.as_deref(), id);
            shared.push_result(leg, result);
        }
        Asked::Tape(command) => shared.news(bot.app, leg, TalkNews::Tape(command)),
        Asked::Handoff(asks) => {
            let to_engine::Asks {
                target,
                context,
                transcript,
            } = *asks;
            if let Some(transcript) = transcript {
                shared.keep_transcript(bot, leg, &transcript).await?;
            }
            match target.and_then(|target| shared.party(target)) {
                Ok(target) => {
                    let handoff = Box::new(Handoff {
                        activity: id.to_owned(),
                        target,
                        context,
                    });
                    let news = |reply| TalkNews::Handoff(handoff, reply);
                    shared.queue(bot, leg, news).await?;
                }
                Err(why) => {
                    shared.news(bot.app, leg, TalkNews::Alive);
                    let failed = from_engine::handoff_status(id, "failed", Some(why));
                    shared.push_result(leg, failed);
                }
            }
        }
        Asked::Nothing => shared.news(bot.app, leg, TalkNews::Alive),
    }
    Ok(())
}

/// What comes of it the bot hears later.
fn has_results(activity: &Activity) -> bool {
    activity.is(kind::COMMAND) || activity.is(kind::EVENT)
}

fn is(account: &ChannelAccount, id: &str) -> bool {
    account.id.as_ref().is_some_and(|own| own.reveal() == id)
}

/// A body in JSON, as far as it may go.
async fn read(body: Body) -> Result<Value, Refused> {
    let reading = crate::http::body::read(body);
    let bytes = match tokio::time::timeout(limits::REQUEST_BODY_WITHIN, reading).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => {
            let most = limits::REQUEST_BODY_BYTES_MAX;
            return Err(Refused::too_large(format!(
                "The body is longer than {most} bytes."
            )));
        }
        Err(_) => return Err(Refused::syntax("The body did not arrive in time.")),
    };
    serde_json::from_slice(&bytes).map_err(|_| Refused::syntax("The body is not JSON."))
}

fn body_of(status: StatusCode, body: &impl Serialize) -> Response {
    let text = serde_json::to_string(body).expect("plain data, which always prints");
    let json = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    (status, json, text).into_response()
}

/// A file of a bot's own; no browser shall take it for anything else.
fn file_of(media_type: &str, file: Bytes) -> Response {
    let usual = HeaderValue::from_static("application/octet-stream");
    let media_type = HeaderValue::try_from(media_type).unwrap_or(usual);
    let mut response = file.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, media_type);
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_ours_with_and_without_a_key_and_with_doubled_slashes() {
        for path in [
            "/v3/conversations",
            "//v3//conversations/",
            "/s/abc/v3/conversations",
        ] {
            assert!(is_ours(path), "{path}");
            let target = Target::read(path).expect("a path");
            assert_eq!(target.segments, ["conversations"], "{path}");
        }
        for path in ["/", "/v1.0/users", "/s/abc", "/s/v3"] {
            assert!(!is_ours(path), "{path}");
        }
    }

    #[test]
    fn a_segment_is_decoded_once() {
        let of = |path: &str| Target::read(path).map(|target| target.segments);
        assert_eq!(of("/v3/a%7C1").expect("good"), ["a|1"]);
        assert_eq!(of("/v3/a%257C1").expect("good"), ["a%7C1"]);
        assert_eq!(of("/v3/a%2Fb").expect("good"), ["a/b"]);
        for bad in ["/v3/%", "/v3/%4", "/v3/%zz", "/v3/%ff"] {
            assert_eq!(of(bad).expect_err("bad").status, 400, "{bad}");
        }
    }
}
