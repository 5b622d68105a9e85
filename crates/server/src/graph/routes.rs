//! Requests of bots, answered.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::request::Parts;
use http::{Method, StatusCode, header};
use offhook_engine::{Command, OperationKind};
use offhook_terms::{LegId, OperationId};
use offhook_wire::graph::{FullCall, FullOperation};
use serde_json::{Value, json};

use super::path::{self, Action, NoSuchPath, Resource, Version};
use super::query::{Query, Rules};
use super::rate::Rates;
use super::response::{self, Answer, Ids};
use super::{Known, Refused, Wording, from_engine, to_engine};
use crate::http::{PublicBase, Via};
use crate::login::{Caller, Login};
use crate::outbox::Outboxes;
use crate::prompts::Prompts;
use crate::registry::Roles;
use crate::switchboard::Switchboard;
use crate::workplace::{Asked, Workplace};
use crate::{clock, limits};

/// The calls API.
pub(crate) struct Graph {
    pub(crate) login: Arc<Login>,
    pub(crate) switchboard: Switchboard,
    pub(crate) outboxes: Outboxes,
    pub(crate) prompts: Arc<Prompts>,
    pub(crate) base: PublicBase,
    pub(crate) wording: Wording,
    workplace: Workplace,
    rates: Rates,
}

impl Graph {
    pub(crate) fn new(
        login: Arc<Login>,
        switchboard: Switchboard,
        outboxes: Outboxes,
        prompts: Arc<Prompts>,
        base: PublicBase,
        wording: Wording,
        workplace: Workplace,
    ) -> Self {
        Self {
            login,
            switchboard,
            outboxes,
            prompts,
            base,
            wording,
            workplace,
            rates: Rates::default(),
        }
    }
}

/// Answers any request of the calls API.
pub(crate) async fn handle(
    State(graph): State<Arc<Graph>>,
    Extension(via): Extension<Via>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let ids = Ids::of(&parts.headers);
    match graph.answer(&parts, body, via).await {
        Ok(answer) => response::done(answer, &ids, via),
        Err(refused) => response::refusal(&refused, &ids),
    }
}

impl Graph {
    async fn answer(&self, parts: &Parts, body: Body, via: Via) -> Result<Answer, Refused> {
        let (version, resource) = path::find(parts.uri.path()).map_err(|why| match why {
            NoSuchPath::Outside(segment) => Refused::outside(&segment),
            NoSuchPath::Segment(segment) => Refused::segment(&segment),
        })?;
        let methods = resource.methods();
        if !methods.contains(&parts.method) {
            return Err(Refused::method(methods));
        }
        let caller = self
            .login
            .caller(&parts.headers, clock::wall())
            .map_err(Refused::not_let_in)?;
        self.rates
            .take(&caller.bot, clock::now())
            .map_err(Refused::too_many_requests)?;
        let ask = Ask {
            graph: self,
            caller: &caller,
            parts,
            via,
            version,
        };
        match (resource, &parts.method) {
            (Resource::NotYet(_) | Resource::Nothing, _) => Err(Refused::not_yet()),
            (Resource::Beside(resource), _) => {
                let asked = Asked {
                    caller: &caller,
                    parts,
                    base: ask.versioned(),
                };
                self.workplace.answer(resource, &asked, body).await
            }
            (Resource::Call(leg), &Method::DELETE) => ask.hang_up(leg).await,
            (Resource::Call(leg), _) => ask.call(leg).await,
            (Resource::Operations(leg), _) => ask.operations(leg).await,
            (Resource::Operation(leg, operation), _) => ask.operation(leg, operation).await,
            (Resource::Participants(leg), _) => ask.participants(leg).await,
            (Resource::Participant(leg), _) => ask.participant(leg).await,
            (Resource::Action(leg, action), _) => {
                let body = read_body(parts, body).await?;
                ask.act(leg, action, &body).await
            }
        }
    }
}

/// The body of a request, of the right type and size.
pub(crate) async fn read_body(parts: &Parts, body: Body) -> Result<Bytes, Refused> {
    let reading = axum::body::to_bytes(body, limits::REQUEST_BODY_BYTES_MAX);
    let body = tokio::time::timeout(limits::REQUEST_BODY_WITHIN, reading)
        .await
        .map_err(|_| Refused::body_too_slow())?
        .map_err(|_| Refused::body_too_large())?;
    // One client names a type for nothing, another names none: only a body needs one.
    if !body.is_empty()
        && let Some(named) = parts.headers.get(header::CONTENT_TYPE)
    {
        let essence = named.to_str().unwrap_or_default();
        let essence = essence.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            return Err(Refused::media_type());
        }
    } else if !body.is_empty() {
        return Err(Refused::unreadable());
    }
    Ok(body)
}

/// A call has few operations, so all are shown at once.
const OPERATIONS: Rules = Rules {
    of: "microsoft.graph.commsOperation",
    properties: &["id", "status", "clientContext"],
    contains: true,
    page: None,
    directory: false,
};

const PARTICIPANTS: Rules = Rules {
    of: "microsoft.graph.participant",
    properties: &[
        "id",
        "isMuted",
        "isInLobby",
        "metadata",
        "rosterSequenceNumber",
        "info/participantId",
        "info/identity/user/id",
        "info/identity/user/displayName",
        "info/identity/application/id",
        "info/identity/phone/id",
    ],
    contains: true,
    page: None,
    directory: false,
};

/// One request, let in.
struct Ask<'a> {
    graph: &'a Graph,
    caller: &'a Caller,
    parts: &'a Parts,
    via: Via,
    version: Version,
}

impl Ask<'_> {
    async fn act(
        &self,
        leg: Option<LegId>,
        action: Action,
        body: &[u8],
    ) -> Result<Answer, Refused> {
        match action {
            Action::KeepAlive => {
                let leg = leg.ok_or_else(Refused::no_call)?;
                self.command(leg, Command::KeepAlive).await?;
                Ok(self.about(leg, Answer::empty(StatusCode::OK)))
            }
            Action::Answer => {
                let request = to_engine::read(body)?;
                let leg = leg.ok_or_else(Refused::no_call)?;
                let asked = to_engine::answer(request, &self.caller.bot.guard);
                self.take(leg, self.existing(leg, asked).await?).await
            }
            Action::Reject => {
                // Its only property of interest is optional, so is its body.
                let body: &[u8] = if body.is_empty() { b"{}" } else { body };
                let request = to_engine::read(body)?;
                let leg = leg.ok_or_else(Refused::no_call)?;
                let asked = to_engine::reject(request, &self.caller.bot.guard);
                let asked = self.existing(leg, asked).await?;
                let command = Command::Reject(asked.reason);
                self.decide(leg, command, asked.callback).await?;
                Ok(self.about(leg, Answer::empty(StatusCode::ACCEPTED)))
            }
            Action::PlayPrompt => {
                let request = to_engine::read(body)?;
                let leg = leg.ok_or_else(Refused::no_call)?;
                let operation = OperationId::from_random(rand::random());
                let asked = to_engine::play(operation, request, &self.caller.bot.guard);
                let command = self.existing(leg, asked).await?;
                self.operate(leg, operation, command).await
            }
            Action::RecordResponse | Action::Record => {
                let request = to_engine::read(body)?;
                let leg = leg.ok_or_else(Refused::no_call)?;
                let operation = OperationId::from_random(rand::random());
                let asked = match self.caller.roles.contains(Roles::ACCESS_MEDIA) {
                    true => to_engine::record(operation, request, &self.caller.bot.guard),
                    false => Err(Refused::role()),
                };
                let command = self.existing(leg, asked).await?;
                let mut answer = self.operate(leg, operation, command).await?;
                answer.deprecated = action == Action::Record;
                Ok(answer)
            }
        }
    }

    /// What is wrong with a request matters only if its call exists: 404 comes first.
    async fn existing<T>(&self, leg: LegId, asked: Result<T, Refused>) -> Result<T, Refused> {
        if asked.is_err() {
            self.view(leg).await?;
        }
        asked
    }

    async fn take(&self, leg: LegId, asked: to_engine::Answer) -> Result<Answer, Refused> {
        self.decide(
            leg,
            Command::Answer {
                hosting: offhook_engine::Hosting::Service,
            },
            asked.callback,
        )
        .await?;
        for prompt in asked.prefetch {
            self.graph.prompts.prefetch(&self.caller.bot, leg, prompt);
        }
        Ok(self.about(leg, Answer::empty(StatusCode::ACCEPTED)))
    }

    /// Answers or rejects. Where the notifications go must be known before the first of them.
    async fn decide(
        &self,
        leg: LegId,
        command: Command,
        callback: Option<url::Url>,
    ) -> Result<(), Refused> {
        let proposed = callback.is_some_and(|url| self.graph.outboxes.propose(leg, &url));
        let decided = self.command(leg, command).await;
        if decided.is_err() && proposed {
            self.graph.outboxes.withdraw(leg);
        }
        decided
    }

    async fn operate(
        &self,
        leg: LegId,
        operation: OperationId,
        command: Command,
    ) -> Result<Answer, Refused> {
        let (kind, context) = match &command {
            Command::Record { context, .. } => (OperationKind::Record, context.clone()),
            Command::Play { context, .. } => {
                let prompts = Vec::new();
                (OperationKind::Play { prompts }, context.clone())
            }
            _ => unreachable!("only prompts and recordings are operations"),
        };
        self.command(leg, command).await?;
        let wording = &self.graph.wording;
        let body = from_engine::operation(operation, &kind, context.as_deref(), None, wording);
        let mut answer = Answer::body(print(&FullOperation(&body)));
        answer.location = Some(format!(
            "{}/communications/calls/{leg}/operations/{operation}",
            self.versioned()
        ));
        Ok(self.about(leg, answer))
    }

    async fn hang_up(&self, leg: Option<LegId>) -> Result<Answer, Refused> {
        let leg = leg.ok_or_else(Refused::no_call)?;
        let answer = self.about(leg, Answer::empty(StatusCode::NO_CONTENT));
        self.command(leg, Command::HangUp).await?;
        Ok(answer)
    }

    async fn call(&self, leg: Option<LegId>) -> Result<Answer, Refused> {
        let leg = leg.ok_or_else(Refused::no_call)?;
        let view = self.view(leg).await?;
        let query = Query::read(self.parts.uri.query())?;
        let callback = self.graph.outboxes.callback(leg);
        let known = Known {
            leg,
            call: view.call,
            bot: &self.caller.bot,
            callback: callback
                .as_deref()
                .unwrap_or(self.caller.bot.webhook.as_str()),
            from_phone: false,
        };
        let context = self.context("communications/calls/$entity");
        let call = from_engine::call(&view, known, context);
        let mut body = value(&FullCall(&call));
        for (name, shown) in [
            ("participants", json!([])),
            ("audioRoutingGroups", json!([])),
            ("contentSharingSessions", json!([])),
        ] {
            if query.expands(name) {
                body[name] = shown;
            }
        }
        if query.expands("operations") {
            body["operations"] = Value::Array(self.all_operations(leg).await?);
        }
        query.select(&mut body);
        Ok(self.about(leg, Answer::body(body.to_string())))
    }

    async fn operations(&self, leg: Option<LegId>) -> Result<Answer, Refused> {
        let leg = leg.ok_or_else(Refused::no_call)?;
        let all = self.all_operations(leg).await?;
        self.collection(leg, "operations", &OPERATIONS, all)
    }

    async fn all_operations(&self, leg: LegId) -> Result<Vec<Value>, Refused> {
        let views = self
            .graph
            .switchboard
            .operations(self.caller.bot.app, leg)
            .await
            .ok_or_else(Refused::no_call)?;
        let body = |view| {
            value(&FullOperation(&from_engine::viewed(
                view,
                &self.graph.wording,
            )))
        };
        Ok(views.iter().map(body).collect())
    }

    async fn operation(
        &self,
        leg: Option<LegId>,
        operation: Option<OperationId>,
    ) -> Result<Answer, Refused> {
        let leg = leg.ok_or_else(Refused::no_call)?;
        let found = match operation {
            Some(operation) => {
                self.graph
                    .switchboard
                    .operation(self.caller.bot.app, leg, operation)
                    .await
            }
            None => None,
        };
        let Some(view) = found else {
            self.view(leg).await?;
            return Err(Refused::no_operation());
        };
        let query = Query::read(self.parts.uri.query())?;
        let mut body = from_engine::viewed(&view, &self.graph.wording);
        let set = format!("communications/calls('{leg}')/operations/$entity");
        body.odata_context = Some(self.context(&set));
        let mut body = value(&FullOperation(&body));
        query.select(&mut body);
        Ok(self.about(leg, Answer::body(body.to_string())))
    }

    /// A call between two parties has no roster, so that bots can tell it from a meeting.
    async fn participants(&self, leg: Option<LegId>) -> Result<Answer, Refused> {
        let leg = leg.ok_or_else(Refused::no_call)?;
        self.view(leg).await?;
        self.collection(leg, "participants", &PARTICIPANTS, Vec::new())
    }

    async fn participant(&self, leg: Option<LegId>) -> Result<Answer, Refused> {
        self.view(leg.ok_or_else(Refused::no_call)?).await?;
        Err(Refused::no_participant())
    }

    fn collection(
        &self,
        leg: LegId,
        name: &str,
        rules: &Rules,
        values: Vec<Value>,
    ) -> Result<Answer, Refused> {
        let query = Query::read(self.parts.uri.query())?;
        let page = query.page(values, rules, &self.parts.headers)?;
        let context = self.context(&format!(
            "communications/calls('{leg}')/{name}{}",
            query.selected()
        ));
        let url = format!("{}/communications/calls/{leg}/{name}", self.versioned());
        let body = page.body(context, &url);
        Ok(self.about(leg, Answer::body(body.to_string())))
    }

    async fn view(&self, leg: LegId) -> Result<offhook_engine::LegView, Refused> {
        let view = self.graph.switchboard.leg(self.caller.bot.app, leg).await;
        view.filter(|view| view.state != offhook_engine::LegState::Terminated)
            .ok_or_else(Refused::no_call)
    }

    async fn command(&self, leg: LegId, command: Command) -> Result<(), Refused> {
        self.graph
            .switchboard
            .command(self.caller.bot.app, leg, command)
            .await
            .map_err(Refused::command)
    }

    /// Names the conversation an answer is about.
    fn about(&self, leg: LegId, mut answer: Answer) -> Answer {
        answer.chain = self.graph.outboxes.chain(leg);
        answer
    }

    fn context(&self, of: &str) -> String {
        format!("{}/$metadata#{of}", self.versioned())
    }

    fn versioned(&self) -> String {
        let base = self
            .graph
            .base
            .of_request(&self.parts.headers, &self.parts.uri, self.via);
        format!("{base}/{}", self.version.as_str())
    }
}

fn print(body: &impl serde::Serialize) -> String {
    serde_json::to_string(body).expect("a body is plain data, which always prints")
}

fn value(body: &impl serde::Serialize) -> Value {
    serde_json::to_value(body).expect("a body is plain data, which always prints")
}
