//! What bots look up: calls and what belongs to them.

use http::StatusCode;
use offhook_engine::{LegView, Participant, RoutingGroup, RoutingMode};
use offhook_terms::{LegId, OperationId};
use offhook_wire::graph::{self as wire, FullCall, FullOperation, FullParticipant};
use serde_json::{Value, json};

use super::super::path::Collection;
use super::super::query::{PageSize, Query, Rules};
use super::super::response::Answer;
use super::super::{Refused, from_engine};
use super::{Ask, print, value};
use crate::registry::Roles;

const CALLS: Rules = Rules {
    of: "microsoft.graph.call",
    properties: &["id", "state", "direction", "subject", "callChainId"],
    contains: true,
    page: Some(PageSize {
        usual: 100,
        most: 999,
    }),
    directory: false,
};

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

const ROUTING_GROUPS: Rules = Rules {
    of: "microsoft.graph.audioRoutingGroup",
    properties: &["id", "routingMode"],
    contains: true,
    page: None,
    directory: false,
};

const SHARING_SESSIONS: Rules = Rules {
    of: "microsoft.graph.contentSharingSession",
    properties: &["id"],
    contains: true,
    page: None,
    directory: false,
};

impl Ask<'_> {
    /// The caller's own live calls; the published service lists none to nobody.
    pub(super) async fn calls(&self) -> Result<Answer, Refused> {
        let mut all = Vec::new();
        for (leg, view) in self.live().await {
            all.push(self.shown(leg, &view, None));
        }
        self.page("communications/calls", &CALLS, all)
    }

    async fn live(&self) -> Vec<(LegId, LegView)> {
        let mut live = Vec::new();
        for leg in self.graph.switchboard.legs(self.caller.bot.app) {
            if let Ok(view) = self.view(leg).await {
                live.push((leg, view));
            }
        }
        live
    }

    pub(super) async fn count(&self, of: Collection) -> Result<Answer, Refused> {
        let exists = |leg: Option<LegId>| leg.ok_or_else(Refused::no_call);
        let (rules, all) = match of {
            Collection::Calls => {
                let live = self.live().await;
                let all = live.iter().map(|(leg, view)| self.shown(*leg, view, None));
                (&CALLS, all.collect())
            }
            Collection::Operations(leg) => (&OPERATIONS, self.all_operations(exists(leg)?).await?),
            Collection::Participants(leg) => {
                let leg = exists(leg)?;
                let view = self.view(leg).await?;
                (&PARTICIPANTS, self.all_participants(leg, &view).await?)
            }
            Collection::RoutingGroups(leg) => (
                &ROUTING_GROUPS,
                self.all_routing_groups(exists(leg)?).await?,
            ),
            Collection::SharingSessions(leg) => {
                self.may_see_sharing(exists(leg)?).await?;
                (&SHARING_SESSIONS, Vec::new())
            }
        };
        let query = Query::read(self.parts.uri.query())?;
        let found = query.count(all, rules, &self.parts.headers)?;
        Ok(Answer::text(found.to_string()))
    }

    pub(super) async fn call(&self, leg: Option<LegId>) -> Result<Answer, Refused> {
        let leg = leg.ok_or_else(Refused::no_call)?;
        let view = self.view(leg).await?;
        let query = Query::read(self.parts.uri.query())?;
        let set = format!("communications/calls{}/$entity", query.selected());
        let mut body = self.shown(leg, &view, Some(self.context(&set)));
        for (name, rules) in [
            ("participants", &PARTICIPANTS),
            ("operations", &OPERATIONS),
            ("audioRoutingGroups", &ROUTING_GROUPS),
            ("contentSharingSessions", &SHARING_SESSIONS),
        ] {
            let Some(inner) = query.expansion(name) else {
                continue;
            };
            let all = match name {
                "participants" => self.all_participants(leg, &view).await?,
                "operations" => self.all_operations(leg).await?,
                "audioRoutingGroups" => self.all_routing_groups(leg).await?,
                _ => Vec::new(),
            };
            let page = inner.page(all, rules, &self.parts.headers)?;
            body[name] = Value::Array(page.values());
        }
        query.select(&mut body);
        Ok(self.about(leg, Answer::body(body.to_string())))
    }

    fn shown(&self, leg: LegId, view: &LegView, context: Option<String>) -> Value {
        let callback = self.graph.outboxes.callback(leg);
        let callback = callback
            .as_deref()
            .unwrap_or(self.caller.bot.webhook.as_str());
        let paper = self.graph.outboxes.papers().of(leg);
        let caller = self.caller_of(view, leg);
        let known = self.known(view, leg, callback, caller.as_deref(), &paper);
        let call = from_engine::call(view, known, &self.graph.wording, context);
        value(&FullCall(&call))
    }

    pub(super) async fn operations(&self, leg: Option<LegId>) -> Result<Answer, Refused> {
        let leg = leg.ok_or_else(Refused::no_call)?;
        let all = self.all_operations(leg).await?;
        self.below(leg, "operations", &OPERATIONS, all)
    }

    async fn all_operations(&self, leg: LegId) -> Result<Vec<Value>, Refused> {
        let views = self
            .graph
            .switchboard
            .operations(self.caller.bot.app, leg)
            .await
            .ok_or_else(Refused::no_call)?;
        let body = |view| {
            let operation = from_engine::viewed(view, &self.caller.bot, &self.graph.wording);
            value(&FullOperation(&operation))
        };
        Ok(views.iter().map(body).collect())
    }

    pub(super) async fn operation(
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
        let body = from_engine::viewed(&view, &self.caller.bot, &self.graph.wording);
        self.one(leg, "operations", value(&FullOperation(&body)))
    }

    /// A call between two parties has no roster, so that bots can tell it from a meeting.
    pub(super) async fn participants(&self, leg: Option<LegId>) -> Result<Answer, Refused> {
        let leg = leg.ok_or_else(Refused::no_call)?;
        let view = self.view(leg).await?;
        let all = self.all_participants(leg, &view).await?;
        self.below(leg, "participants", &PARTICIPANTS, all)
    }

    pub(super) async fn participant(
        &self,
        leg: Option<LegId>,
        party: Option<LegId>,
    ) -> Result<Answer, Refused> {
        let leg = leg.ok_or_else(Refused::no_call)?;
        let view = self.view(leg).await?;
        let roster = self.roster(leg).await?;
        let found = roster.iter().find(|one| Some(one.leg) == party);
        let found = found.ok_or_else(Refused::no_participant)?;
        let shown = self.shown_participants(leg, &view, std::slice::from_ref(found));
        let shown = shown.into_iter().next().unwrap_or_default();
        self.one(leg, "participants", shown)
    }

    /// Who is in a call of many; nobody in a call of two.
    pub(super) async fn roster(&self, leg: LegId) -> Result<Vec<Participant>, Refused> {
        let app = self.caller.bot.app;
        let roster = self.graph.switchboard.participants(app, leg).await;
        roster.ok_or_else(Refused::no_call)
    }

    async fn all_participants(&self, leg: LegId, view: &LegView) -> Result<Vec<Value>, Refused> {
        let roster = self.roster(leg).await?;
        Ok(self.shown_participants(leg, view, &roster))
    }

    fn shown_participants(&self, leg: LegId, view: &LegView, of: &[Participant]) -> Vec<Value> {
        let paper = self.graph.outboxes.papers().of(leg);
        let known = self.known(view, leg, "", None, &paper);
        let shown = |one| {
            let shown = from_engine::participant(one, known, &self.graph.wording);
            value(&FullParticipant(&shown))
        };
        of.iter().map(shown).collect()
    }

    pub(super) async fn routing_groups(&self, leg: Option<LegId>) -> Result<Answer, Refused> {
        let leg = leg.ok_or_else(Refused::no_call)?;
        let all = self.all_routing_groups(leg).await?;
        self.below(leg, "audioRoutingGroups", &ROUTING_GROUPS, all)
    }

    pub(super) async fn routing_group(
        &self,
        leg: Option<LegId>,
        id: &str,
    ) -> Result<Answer, Refused> {
        let leg = leg.ok_or_else(Refused::no_call)?;
        let group = self.find_routing_group(leg, id).await?;
        self.one(leg, "audioRoutingGroups", value(&worded(&group)))
    }

    async fn all_routing_groups(&self, leg: LegId) -> Result<Vec<Value>, Refused> {
        let groups = self.groups(leg).await?;
        Ok(groups.iter().map(|group| value(&worded(group))).collect())
    }

    pub(super) async fn find_routing_group(
        &self,
        leg: LegId,
        id: &str,
    ) -> Result<RoutingGroup, Refused> {
        let groups = self.groups(leg).await?;
        let mut groups = groups.into_iter();
        groups
            .find(|group| group.id.eq_ignore_ascii_case(id))
            .ok_or_else(Refused::no_routing_group)
    }

    async fn groups(&self, leg: LegId) -> Result<Vec<RoutingGroup>, Refused> {
        let app = self.caller.bot.app;
        let groups = self.graph.switchboard.routing_groups(app, leg).await;
        let groups = groups.ok_or_else(Refused::no_call)?;
        self.may_route()?;
        Ok(groups)
    }

    pub(super) fn may_route(&self) -> Result<(), Refused> {
        self.needs_any(&[Roles::JOIN_GROUP_CALL, Roles::INITIATE_GROUP_CALL])
    }

    /// A routing group as the answer to what was asked of it.
    pub(super) fn routed(&self, leg: LegId, group: &RoutingGroup) -> Answer {
        let mut body = worded(group);
        let set = format!("communications/calls('{leg}')/audioRoutingGroups/$entity");
        body.odata_context = Some(self.context(&set));
        let mut answer = Answer::body(print(&body));
        answer.status = StatusCode::OK;
        self.about(leg, answer)
    }

    /// Nobody shares a screen here.
    pub(super) async fn sharing_sessions(&self, leg: Option<LegId>) -> Result<Answer, Refused> {
        let leg = leg.ok_or_else(Refused::no_call)?;
        self.may_see_sharing(leg).await?;
        self.below(leg, "contentSharingSessions", &SHARING_SESSIONS, Vec::new())
    }

    pub(super) async fn sharing_session(&self, leg: Option<LegId>) -> Result<Answer, Refused> {
        self.may_see_sharing(leg.ok_or_else(Refused::no_call)?)
            .await?;
        Err(Refused::no_sharing_session())
    }

    async fn may_see_sharing(&self, leg: LegId) -> Result<(), Refused> {
        self.view(leg).await?;
        self.needs_all(&[Roles::JOIN_GROUP_CALL, Roles::ACCESS_MEDIA])
    }

    /// A collection of a call.
    fn below(
        &self,
        leg: LegId,
        name: &str,
        rules: &Rules,
        values: Vec<Value>,
    ) -> Result<Answer, Refused> {
        let path = format!("communications/calls/{leg}/{name}");
        Ok(self.about(leg, self.page(&path, rules, values)?))
    }

    /// One of a collection of a call.
    fn one(&self, leg: LegId, name: &str, mut body: Value) -> Result<Answer, Refused> {
        let query = Query::read(self.parts.uri.query())?;
        let selected = query.selected();
        let set = format!("communications/calls('{leg}')/{name}{selected}/$entity");
        query.select(&mut body);
        body["@odata.context"] = json!(self.context(&set));
        Ok(self.about(leg, Answer::body(body.to_string())))
    }
}

fn worded(group: &RoutingGroup) -> wire::AudioRoutingGroup {
    let ids = |legs: &[LegId]| legs.iter().map(ToString::to_string).collect();
    wire::AudioRoutingGroup {
        odata_context: None,
        odata_type: Some(wire::tag::AUDIO_ROUTING_GROUP.to_owned()),
        id: Some(group.id.clone()),
        routing_mode: Some(match group.mode {
            RoutingMode::OneToOne => wire::RoutingMode::OneToOne,
            RoutingMode::Multicast => wire::RoutingMode::Multicast,
        }),
        sources: Some(ids(&group.sources)),
        receivers: Some(ids(&group.receivers)),
    }
}
