//! Requests beside the calls, answered.

use std::sync::Arc;
use std::time::SystemTime;

use axum::body::Body;
use http::request::Parts;
use http::{Method, StatusCode};
use offhook_terms::{CallId, MeetingId, PersonId};
use offhook_wire::graph as wire;
use offhook_workplace::{Key, Meeting, NotPossible, Wanted, dial_in_user, limits};
use serde_json::Value;

use super::join_url::{self, Linked};
use super::meetings::NotMade;
use super::path::Resource;
use super::records::Record;
use super::{Meetings, NotFound, from_workplace, people, quality, records, to_workplace};
use crate::clock;
use crate::config;
use crate::graph::{Answer, Filter, Query, Refused, Rules, read_body, read_json};
use crate::login::Caller;
use crate::registry::{Person, Registry, Roles};
use crate::store::{MeetingBy, Store, StoreError};

/// People and meetings, as bots see them.
pub(crate) struct Workplace {
    registry: Arc<Registry>,
    meetings: Meetings,
    store: Store,
    settings: config::Workplace,
    /// What stands behind the `@` of everybody.
    domain: String,
}

/// One request, let in.
pub(crate) struct Asked<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) parts: &'a Parts,
    /// The first half of every URL in the answer, with the version.
    pub(crate) base: String,
}

/// Meetings are found by one of these, and not otherwise.
const MEETINGS: Rules = Rules {
    of: "microsoft.graph.onlineMeeting",
    properties: &[
        JOIN_WEB_URL,
        JOIN_MEETING_ID,
        VIDEO_TELECONFERENCE_ID,
        "subject",
        "startDateTime",
        "endDateTime",
        "creationDateTime",
    ],
    contains: false,
    page: None,
    directory: false,
};

const JOIN_WEB_URL: &str = "joinWebUrl";
const JOIN_MEETING_ID: &str = "joinMeetingIdSettings/joinMeetingId";
const VIDEO_TELECONFERENCE_ID: &str = "videoTeleconferenceId";

const READ_MEETINGS: [Roles; 2] = [
    Roles::ONLINE_MEETINGS_READ,
    Roles::ONLINE_MEETINGS_READ_WRITE,
];
const WRITE_MEETINGS: [Roles; 1] = [Roles::ONLINE_MEETINGS_READ_WRITE];

impl Workplace {
    pub(crate) fn new(
        registry: Arc<Registry>,
        meetings: Meetings,
        store: Store,
        settings: config::Workplace,
        domain: String,
    ) -> Self {
        Self {
            registry,
            meetings,
            store,
            settings,
            domain,
        }
    }

    /// The way into meetings, for calls that join.
    pub(crate) fn meetings(&self) -> &Meetings {
        &self.meetings
    }

    /// Answers a request for one of our resources.
    pub(crate) async fn answer(
        &self,
        resource: Resource,
        asked: &Asked<'_>,
        body: Body,
    ) -> Result<Answer, Refused> {
        let now = clock::wall();
        match (resource, &asked.parts.method) {
            (Resource::People, _) => self.people(asked),
            (Resource::PeopleCount, _) => self.people_count(asked),
            (Resource::Person(who), _) => self.one_person(asked, &who),
            (Resource::MeetingsOf(who), &Method::POST) => {
                let body = read_body(asked.parts, body).await?;
                let wanted: wire::OnlineMeeting = read_json(&body)?;
                let person = self.acted_for(asked, &who, &WRITE_MEETINGS, "Create")?;
                // Only `createOrGet` calls a meeting something.
                let wanted = Wanted {
                    external_id: None,
                    ..to_workplace::wanted(wanted)?
                };
                let tenant = &asked.caller.bot.tenant;
                let made = self.meetings.make(person.id, tenant, wanted, now).await;
                let meeting = made.map_err(|why| self.not_made(why))?;
                Ok(self.made(asked, person, &meeting, true))
            }
            (Resource::MeetingsOf(who), _) => {
                let person = self.acted_for(asked, &who, &READ_MEETINGS, "Get")?;
                let set = format!("users('{}')/onlineMeetings", person.id);
                let is_theirs = |organizer| organizer == person.id;
                self.meetings_found(asked, &set, is_theirs, now).await
            }
            (Resource::CreateOrGet(who), _) => {
                let body = read_body(asked.parts, body).await?;
                let wanted: wire::OnlineMeeting = read_json(&body)?;
                let person = self.acted_for(asked, &who, &WRITE_MEETINGS, "Create")?;
                if wanted.external_id.is_none() {
                    return Err(Refused::parameter("externalId", "is required"));
                }
                let wanted = to_workplace::wanted(wanted)?;
                let tenant = &asked.caller.bot.tenant;
                let made = self.meetings.make_or_get(person.id, tenant, wanted, now);
                let (meeting, is_new) = made.await.map_err(|why| self.not_made(why))?;
                Ok(self.made(asked, person, &meeting, is_new))
            }
            (Resource::MeetingOf(who, meeting), method) => {
                self.one_meeting(asked, &who, &meeting, method, body, now)
                    .await
            }
            (Resource::Meetings, _) => {
                check_role(asked, &READ_MEETINGS)?;
                // Those of people the bot may not act for are as good as not there.
                let may_see = |organizer| asked.caller.bot.acts_for.allows(organizer);
                let set = "communications/onlineMeetings";
                self.meetings_found(asked, set, may_see, now).await
            }
            (Resource::Meeting(id), _) => {
                check_role(asked, &READ_MEETINGS)?;
                let (organizer, id) =
                    from_workplace::read_id(&id).ok_or_else(Refused::no_meeting)?;
                self.check_policy(asked, organizer, "Get")?;
                let meeting = self.meeting(organizer, id, now).await?;
                let set = "communications/onlineMeetings";
                self.shown(asked, set, &meeting)
            }
            (Resource::DeviceQuality, _) => {
                let body = read_body(asked.parts, body).await?;
                let report = read_json(&body)?;
                check_role(asked, &[Roles::ACCESS_MEDIA])?;
                quality::take(&asked.parts.headers, &report)?;
                Ok(Answer::empty(StatusCode::OK))
            }
            (Resource::CallRecord(call), _) => {
                let record = self.record(asked, call).await?;
                let query = Query::read(asked.parts.uri.query())?;
                let tenant = &asked.caller.bot.tenant;
                let mut body = record.shown(&self.registry, tenant, &query);
                query.select(&mut body);
                let of = format!("communications/callRecords{}/$entity", query.selected());
                Ok(Answer::body(
                    in_context(asked.context(&of), body).to_string(),
                ))
            }
            (Resource::Sessions(call), _) => {
                let record = self.record(asked, call).await?;
                let query = Query::read(asked.parts.uri.query())?;
                let tenant = &asked.caller.bot.tenant;
                let all = record.sessions(&self.registry, tenant, &query);
                let page = query.page(all, &records::SESSIONS, &asked.parts.headers)?;
                let call = call.map(|call| call.to_string()).unwrap_or_default();
                let of = format!(
                    "communications/callRecords('{call}')/sessions{}",
                    query.selected()
                );
                let url = format!("{}/communications/callRecords/{call}/sessions", asked.base);
                Ok(Answer::body(
                    page.body(asked.context(&of), &url).to_string(),
                ))
            }
            (Resource::CallRecords | Resource::NotYet(_), _) => Err(Refused::not_yet()),
        }
    }

    fn people(&self, asked: &Asked<'_>) -> Result<Answer, Refused> {
        check_directory_role(asked)?;
        let query = people_query(asked)?;
        let headers = &asked.parts.headers;
        let page = query.page(self.everybody(asked), &people::PEOPLE, headers)?;
        let context = asked.context(&format!("users{}", query.selected()));
        let body = page.body(context, &format!("{}/users", asked.base));
        Ok(Answer::body(body.to_string()))
    }

    fn people_count(&self, asked: &Asked<'_>) -> Result<Answer, Refused> {
        check_directory_role(asked)?;
        let query = people_query(asked)?;
        let headers = &asked.parts.headers;
        let count = query.count(self.everybody(asked), &people::PEOPLE, headers)?;
        Ok(Answer::text(count.to_string()))
    }

    fn one_person(&self, asked: &Asked<'_>, who: &str) -> Result<Answer, Refused> {
        check_directory_role(asked)?;
        let person = self.person(who)?;
        let query = people_query(asked)?;
        let mut body = people::shown(person, &self.domain, asked.caller.roles);
        query.select(&mut body);
        let context = asked.context(&format!("users{}/$entity", query.selected()));
        Ok(Answer::body(in_context(context, body).to_string()))
    }

    /// The record of a call that is over.
    async fn record(&self, asked: &Asked<'_>, call: Option<CallId>) -> Result<Record, Refused> {
        check_role(asked, &[Roles::CALL_RECORDS_READ])?;
        let call = call.ok_or_else(Refused::no_record)?;
        let course = self.store.course(call).await;
        let course = course.map_err(|why| Refused::store(&why))?;
        Record::of(call, &course).ok_or_else(Refused::no_record)
    }

    fn everybody(&self, asked: &Asked<'_>) -> Vec<Value> {
        let people = self.registry.people();
        people
            .map(|person| people::shown(person, &self.domain, asked.caller.roles))
            .collect()
    }

    /// By id or principal name.
    fn person(&self, who: &str) -> Result<&Person, Refused> {
        let by_id = || self.registry.person(who.parse().ok()?);
        let by_name = || {
            let (user, domain) = who.rsplit_once('@')?;
            let person = self.registry.person_by_sip_user(user)?;
            domain.eq_ignore_ascii_case(&self.domain).then_some(person)
        };
        let found = by_id().or_else(by_name);
        found
            .map(|person| &**person)
            .ok_or_else(|| Refused::no_resource(who))
    }

    /// The person, if the bot may do this for them.
    fn acted_for(
        &self,
        asked: &Asked<'_>,
        who: &str,
        roles: &[Roles],
        doing: &str,
    ) -> Result<&Person, Refused> {
        check_role(asked, roles)?;
        let person = self.person(who)?;
        self.check_policy(asked, person.id, doing)?;
        Ok(person)
    }

    fn check_policy(
        &self,
        asked: &Asked<'_>,
        person: PersonId,
        doing: &str,
    ) -> Result<(), Refused> {
        let bot = &asked.caller.bot;
        if bot.acts_for.allows(person) {
            return Ok(());
        }
        Err(Refused::not_acting_for(bot.app, person, doing))
    }

    async fn one_meeting(
        &self,
        asked: &Asked<'_>,
        who: &str,
        id: &str,
        method: &Method,
        body: Body,
        now: SystemTime,
    ) -> Result<Answer, Refused> {
        let (roles, doing): (&[Roles], _) = match *method {
            Method::PATCH => (&WRITE_MEETINGS, "Update"),
            Method::DELETE => (&WRITE_MEETINGS, "Delete"),
            _ => (&READ_MEETINGS, "Get"),
        };
        let change: Option<wire::OnlineMeeting> = match *method {
            Method::PATCH => Some(read_json(&read_body(asked.parts, body).await?)?),
            _ => None,
        };
        let person = self.acted_for(asked, who, roles, doing)?;
        let (organizer, id) = from_workplace::read_id(id).ok_or_else(Refused::no_meeting)?;
        if organizer != person.id {
            return Err(Refused::no_meeting());
        }
        let meeting = match (method, change) {
            (&Method::DELETE, _) => {
                let deleted = self.meetings.delete(organizer, id, now).await;
                deleted.map_err(|why| self.not_made(why))?;
                return Ok(Answer::empty(StatusCode::NO_CONTENT));
            }
            (_, Some(change)) => {
                // What is wrong with a change matters only if there is something to change.
                self.meeting(organizer, id, now).await?;
                let wanted = to_workplace::wanted(change)?;
                let changed = self.meetings.change(organizer, id, wanted, now).await;
                changed.map_err(|why| self.not_made(why))?
            }
            _ => self.meeting(organizer, id, now).await?,
        };
        let set = format!("users('{organizer}')/onlineMeetings");
        self.shown(asked, &set, &meeting)
    }

    async fn meeting(
        &self,
        organizer: PersonId,
        id: MeetingId,
        now: SystemTime,
    ) -> Result<Meeting, Refused> {
        let found = self.meetings.get(MeetingBy::Id(id), now).await;
        found
            .map_err(|why| Refused::store(&why))?
            .filter(|meeting| meeting.organizer == organizer)
            .ok_or_else(Refused::no_meeting)
    }

    /// The meeting that a filter names, if it may be shown.
    async fn meetings_found(
        &self,
        asked: &Asked<'_>,
        set: &str,
        may_show: impl Fn(PersonId) -> bool,
        now: SystemTime,
    ) -> Result<Answer, Refused> {
        let mut query = Query::read(asked.parts.uri.query())?;
        let filter = query.filter.take();
        let named = filter.as_ref().and_then(Filter::equality);
        let Some((property, value)) = named else {
            return Err(Refused::filter_wanted());
        };
        let found = self.named(property, value, now).await?;
        let found = found.filter(|meeting| may_show(meeting.organizer));
        let found = found.map(|meeting| value_of(&self.body(&meeting)));
        let page = query.page(Vec::from_iter(found), &MEETINGS, &asked.parts.headers)?;
        let context = asked.context(&format!("{set}{}", query.selected()));
        let body = page.body(context, &format!("{}/{set}", asked.base));
        Ok(Answer::body(body.to_string()))
    }

    async fn named(
        &self,
        property: &str,
        value: &str,
        now: SystemTime,
    ) -> Result<Option<Meeting>, Refused> {
        let is = |name: &str| property.eq_ignore_ascii_case(name);
        let by = if is(JOIN_WEB_URL) {
            join_url::read(value).map(|linked| match linked {
                Linked::Meeting(id) => MeetingBy::Id(id),
                Linked::Number(number) => MeetingBy::Number(number),
            })
        } else if is(JOIN_MEETING_ID) {
            value.parse().ok().map(MeetingBy::Number)
        } else if is(VIDEO_TELECONFERENCE_ID) {
            // It is the number that conference rooms dial.
            let Ok(number) = value.parse() else {
                return Ok(None);
            };
            let dialled = dial_in_user(number);
            return match self.meetings.find(&Key::DialIn(&dialled), now).await {
                Ok(meeting) => Ok(Some(meeting)),
                Err(NotFound::NotAdmitted(why)) => {
                    tracing::debug!(?why, "no meeting is dialled so");
                    Ok(None)
                }
                Err(NotFound::Store(why)) => Err(Refused::store(&why)),
            };
        } else {
            return Err(Refused::filter_wanted());
        };
        match by {
            None => Ok(None),
            Some(by) => {
                let found = self.meetings.get(by, now).await;
                found.map_err(|why| Refused::store(&why))
            }
        }
    }

    fn body(&self, meeting: &Meeting) -> wire::OnlineMeeting {
        let organizer = self.registry.person(meeting.organizer);
        from_workplace::meeting(
            meeting,
            organizer.map(|person| &**person),
            &self.settings.join_url,
            &self.domain,
        )
    }

    fn made(&self, asked: &Asked<'_>, person: &Person, meeting: &Meeting, is_new: bool) -> Answer {
        let set = format!("users('{}')/onlineMeetings", person.id);
        let context = asked.context(&format!("{set}/$entity"));
        let body = self.body(meeting);
        let id = body.id.clone().unwrap_or_default();
        let mut answer = Answer::body(in_context(context, value_of(&body)).to_string());
        if is_new {
            answer.status = StatusCode::CREATED;
            let path = format!("users/{}/onlineMeetings/{id}", person.id);
            answer.location = Some(format!("{}/{path}", asked.base));
        }
        answer
    }

    fn shown(&self, asked: &Asked<'_>, set: &str, meeting: &Meeting) -> Result<Answer, Refused> {
        let query = Query::read(asked.parts.uri.query())?;
        let mut body = value_of(&self.body(meeting));
        query.select(&mut body);
        let context = asked.context(&format!("{set}{}/$entity", query.selected()));
        Ok(Answer::body(in_context(context, body).to_string()))
    }

    fn not_made(&self, why: NotMade) -> Refused {
        match why {
            NotMade::NotPossible(why) => not_possible(why),
            NotMade::NoSuchMeeting => Refused::no_meeting(),
            NotMade::Store(why) => Refused::store(&why),
            NotMade::NoneLeft(left) => {
                Refused::too_many_meetings(self.settings.meetings_a_month, left.wait)
            }
        }
    }
}

impl Asked<'_> {
    fn context(&self, of: &str) -> String {
        format!("{}/$metadata#{of}", self.base)
    }
}

fn people_query(asked: &Asked<'_>) -> Result<Query, Refused> {
    let query = Query::read(asked.parts.uri.query())?;
    Ok(query.usually(&wire::FullUser::ALWAYS))
}

fn check_role(asked: &Asked<'_>, one_of: &[Roles]) -> Result<(), Refused> {
    if asked.caller.roles.has_one_of(one_of) {
        return Ok(());
    }
    Err(Refused::role())
}

fn check_directory_role(asked: &Asked<'_>) -> Result<(), Refused> {
    if asked.caller.roles.has_one_of(&people::ROLES) {
        return Ok(());
    }
    Err(Refused::directory_role())
}

fn not_possible(why: NotPossible) -> Refused {
    match why {
        NotPossible::EndsWithoutStart => {
            Refused::parameter("startDateTime", "is required beside endDateTime")
        }
        NotPossible::EndsBeforeStart => {
            Refused::parameter("endDateTime", "must be later than startDateTime")
        }
        NotPossible::EndsInThePast => Refused::parameter("endDateTime", "must not be in the past"),
        NotPossible::LongSubject => Refused::parameter(
            "subject",
            format_args!("is longer than {} characters", limits::SUBJECT_CHARS_MAX),
        ),
        NotPossible::ExternalId => Refused::parameter(
            "externalId",
            format_args!(
                "must have 1 to {} characters",
                limits::EXTERNAL_ID_CHARS_MAX
            ),
        ),
        NotPossible::ManyAttendees => Refused::parameter(
            "participants",
            format_args!("has more than {} attendees", limits::ATTENDEES_MAX),
        ),
        NotPossible::Attendee => Refused::parameter(
            "participants",
            format_args!(
                "has an attendee with neither a user id nor a upn of up to {} characters",
                limits::ADDRESS_CHARS_MAX
            ),
        ),
    }
}

fn value_of(meeting: &wire::OnlineMeeting) -> Value {
    let full = serde_json::to_value(wire::FullMeeting(meeting));
    full.expect("a meeting is plain data, which always prints")
}

fn in_context(context: String, mut body: Value) -> Value {
    body["@odata.context"] = context.into();
    body
}

impl Refused {
    fn no_resource(who: &str) -> Self {
        let who: String = who.chars().take(128).collect();
        Self::new(
            StatusCode::NOT_FOUND,
            "Request_ResourceNotFound",
            format!(
                "Resource '{who}' does not exist or one of its queried reference-property objects \
                 are not present."
            ),
        )
    }

    fn directory_role() -> Self {
        let message = "Insufficient privileges to complete the operation.";
        Self::new(
            StatusCode::FORBIDDEN,
            "Authorization_RequestDenied",
            message,
        )
    }

    fn no_record() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound", "Call record not found.")
    }

    fn no_meeting() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound", "Meeting not found.")
    }

    fn not_acting_for(app: offhook_terms::AppId, person: PersonId, doing: &str) -> Self {
        let message =
            format!("App {app} is not authorized to {doing} meeting on behalf of user {person}");
        Self::new(StatusCode::FORBIDDEN, "Unauthorized", message)
    }

    fn filter_wanted() -> Self {
        Self::query(format!(
            "Filter expression expected: {JOIN_WEB_URL}, {JOIN_MEETING_ID} or \
             {VIDEO_TELECONFERENCE_ID} eq '…'."
        ))
    }

    fn too_many_meetings(at_most: u32, wait: std::time::Duration) -> Self {
        let mut refused = Self::too_many_requests(wait);
        refused.message = format!(
            "Please retry again later: {at_most} meetings of this user were created this month."
        );
        refused
    }

    fn store(why: &StoreError) -> Self {
        tracing::error!(%why, "a request of a bot could not be answered");
        Self::fault()
    }
}
