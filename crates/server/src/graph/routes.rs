//! Requests of bots, answered.
//!
//! | file | what it answers |
//! |---|---|
//! | here | which resource is asked for, by whom, and with what body |
//! | `create.rs` | a call to be made |
//! | `act.rs` | what is asked of a call |
//! | `read.rs` | what is looked up |

mod act;
mod create;
mod read;

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::request::Parts;
use http::{Method, header};
use offhook_engine::{CallDirection, CameBy, Command, LegView};
use offhook_terms::LegId;
use serde_json::Value;

use super::path::{self, NoSuchPath, Resource, Version};
use super::query::{Query, Rules};
use super::rate::Rates;
use super::response::{self, Answer, Ids};
use super::{Caller as CallerOf, Known, Paper, Refused, Wording, to_engine};
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
    let mut response = match graph.answer(&parts, body, via).await {
        Ok(answer) => response::done(answer, &ids),
        Err(refused) => response::refusal(&refused, &ids),
    };
    response::secure(response.headers_mut(), via);
    response
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
            (Resource::Beside(resource), _) => {
                let asked = Asked {
                    caller: &caller,
                    parts,
                    base: ask.versioned(),
                };
                self.workplace.answer(resource, &asked, body).await
            }
            (Resource::NotServed(_, why), _) => Err(Refused::not_served(why)),
            (Resource::Calls, &Method::POST) => {
                let body = read_body(parts, body).await?;
                ask.create(&body).await
            }
            (Resource::Calls, _) => ask.calls().await,
            (Resource::Count(collection), _) => ask.count(collection).await,
            (Resource::Call(leg), &Method::DELETE) => ask.hang_up(leg).await,
            (Resource::Call(leg), _) => ask.call(leg).await,
            (Resource::Operations(leg), _) => ask.operations(leg).await,
            (Resource::Operation(leg, operation), _) => ask.operation(leg, operation).await,
            (Resource::Participants(leg), _) => ask.participants(leg).await,
            (Resource::Participant(leg, party), &Method::DELETE) => ask.remove(leg, party).await,
            (Resource::Participant(leg, party), _) => ask.participant(leg, party).await,
            (Resource::RoutingGroups(leg), &Method::POST) => {
                let body = read_body(parts, body).await?;
                ask.create_routing_group(leg, &body).await
            }
            (Resource::RoutingGroups(leg), _) => ask.routing_groups(leg).await,
            (Resource::RoutingGroup(leg, id), &Method::PATCH) => {
                let body = read_body(parts, body).await?;
                ask.change_routing_group(leg, &id, &body).await
            }
            (Resource::RoutingGroup(leg, id), &Method::DELETE) => {
                ask.delete_routing_group(leg, id).await
            }
            (Resource::RoutingGroup(leg, id), _) => ask.routing_group(leg, &id).await,
            (Resource::SharingSessions(leg), _) => ask.sharing_sessions(leg).await,
            (Resource::SharingSession(leg), _) => ask.sharing_session(leg).await,
            (Resource::Action(leg, action), _) => {
                let body = read_body(parts, body).await?;
                ask.act(leg, action, &body).await
            }
        }
    }
}

/// The body of a request, of the right type and size.
pub(crate) async fn read_body(parts: &Parts, body: Body) -> Result<Bytes, Refused> {
    let reading = crate::http::body::read(body);
    let body = tokio::time::timeout(limits::REQUEST_BODY_WITHIN, reading)
        .await
        .map_err(|_| Refused::body_too_slow())?
        .map_err(|_| Refused::body_too_large(limits::REQUEST_BODY_BYTES_MAX))?;
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

/// One request, let in.
struct Ask<'a> {
    graph: &'a Graph,
    caller: &'a Caller,
    parts: &'a Parts,
    via: Via,
    version: Version,
}

impl Ask<'_> {
    /// The token must have one of these permissions.
    fn needs_any(&self, roles: &[Roles]) -> Result<(), Refused> {
        let has_one = roles.iter().any(|role| self.caller.roles.contains(*role));
        has_one.then_some(()).ok_or_else(Refused::role)
    }

    /// The token must have all of these permissions.
    fn needs_all(&self, roles: &[Roles]) -> Result<(), Refused> {
        let has_all = roles.iter().all(|role| self.caller.roles.contains(*role));
        has_all.then_some(()).ok_or_else(Refused::role)
    }

    /// What is wrong with a request matters only if its call exists: 404 comes first.
    async fn existing<T>(&self, leg: LegId, asked: Result<T, Refused>) -> Result<T, Refused> {
        if asked.is_err() {
            self.view(leg).await?;
        }
        asked
    }

    /// A live leg of the caller; one that has ended answers like one that never was.
    async fn view(&self, leg: LegId) -> Result<LegView, Refused> {
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

    fn asker(&self) -> to_engine::Asker<'_> {
        to_engine::Asker {
            bot: &self.caller.bot,
            registry: &self.graph.wording.registry,
        }
    }

    /// Who called a leg that is looked at, if somebody did.
    fn caller_of(&self, view: &LegView, leg: LegId) -> Option<Arc<CallerOf>> {
        if view.direction == CallDirection::Outgoing {
            return None;
        }
        let told = self.graph.outboxes.caller(leg);
        Some(told.unwrap_or_else(|| {
            Arc::new(CallerOf {
                party: view.caller.clone(),
                leg: view.caller_leg,
                came_by: CameBy::Called,
            })
        }))
    }

    /// What is known of a leg that is looked at.
    fn known<'k>(
        &'k self,
        view: &LegView,
        leg: LegId,
        callback: &'k str,
        caller: Option<&'k CallerOf>,
        paper: &'k Paper,
    ) -> Known<'k> {
        Known {
            leg,
            call: view.call,
            bot: &self.caller.bot,
            callback,
            caller,
            is_group: view.is_group,
            knows_roster: true,
            paper,
        }
    }

    /// A page of a collection, at this path below the version.
    fn page(&self, path: &str, rules: &Rules, values: Vec<Value>) -> Result<Answer, Refused> {
        let query = Query::read(self.parts.uri.query())?;
        let page = query.page(values, rules, &self.parts.headers)?;
        let context = self.context(&format!("{}{}", keyed(path), query.selected()));
        let url = format!("{}/{path}", self.versioned());
        Ok(Answer::body(page.body(context, &url).to_string()))
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

/// A path as contexts have it: `calls('{id}')/participants` for `calls/{id}/participants`.
fn keyed(path: &str) -> String {
    let mut keyed = String::new();
    for segment in path.split('/') {
        match segment.parse::<LegId>() {
            Ok(_) => keyed.push_str(&format!("('{segment}')")),
            Err(_) if keyed.is_empty() => keyed.push_str(segment),
            Err(_) => {
                keyed.push('/');
                keyed.push_str(segment);
            }
        }
    }
    keyed
}

fn print(body: &impl serde::Serialize) -> String {
    serde_json::to_string(body).expect("a body is plain data, which always prints")
}

fn value(body: &impl serde::Serialize) -> Value {
    serde_json::to_value(body).expect("a body is plain data, which always prints")
}
