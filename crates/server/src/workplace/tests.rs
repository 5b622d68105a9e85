//! People and meetings over HTTP: bodies, permissions, limits, and what is refused.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::{Extension, Router};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use offhook_terms::{CallId, PersonId};
use offhook_wire::journal::{Ending, Entry, Fact, VERSION};
use offhook_workplace::ActsFor;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;
use crate::channel::Channel;
use crate::graph::{Graph, Wording};
use crate::http::{Door, PublicBase, Via};
use crate::login::Login;
use crate::observe::Observe;
use crate::outbox::Outboxes;
use crate::prompts::Prompts;
use crate::registry::{Bot, Person, Registry, Roles};
use crate::store::{Recordings, Store, open_folder};
use crate::switchboard::Switchboard;
use crate::tapes::Tapes;
use crate::{clock, config, outgoing};

const ADA: PersonId = PersonId::from_bits(0xaaaa_aaaa_aaaa_4aaa_8aaa_aaaa_aaaa_aaaa);
const BOB: PersonId = PersonId::from_bits(0xbbbb_bbbb_bbbb_4bbb_8bbb_bbbb_bbbb_bbbb);

const EVERYTHING: [Roles; 4] = [
    Roles::USER_READ,
    Roles::ONLINE_MEETINGS_READ_WRITE,
    Roles::CALL_RECORDS_READ,
    Roles::ACCESS_MEDIA,
];

struct World {
    _data: tempfile::TempDir,
    router: Router,
    token: String,
    store: Store,
    login: Arc<Login>,
    bot: Arc<Bot>,
}

impl World {
    async fn new() -> Self {
        Self::with(EVERYTHING, ActsFor::People([ADA].into())).await
    }

    async fn with(roles: impl IntoIterator<Item = Roles>, acts_for: ActsFor) -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        open_folder(data.path()).expect("made");
        let store = Store::open(data.path()).await.expect("opens");
        let mut bot = Bot::for_tests("http://127.0.0.1:9/callback");
        bot.roles = roles.into_iter().collect();
        bot.acts_for = acts_for;
        let registry = Registry::of_bot(bot);
        let registry = Arc::new(registry.with_people([
            Person::for_tests(ADA, "Ada Lovelace", "ada"),
            Person::for_tests(BOB, "Bob", "bob"),
        ]));
        let bot = Arc::clone(registry.bot_by_sip_user("bot").expect("one"));
        let base = PublicBase::for_tests();
        let login = Login::open(
            config::Login::default(),
            base.clone(),
            Arc::clone(&registry),
            store.clone(),
            clock::wall(),
        )
        .await
        .expect("opens");
        let own = "http://127.0.0.1:8080".to_owned();
        let recordings = Recordings::open(store.clone(), data.path(), Duration::ZERO, own, None)
            .await
            .expect("opens");
        let wording = Wording {
            status: config::StatusSpelling::Camel,
            recordings: Arc::clone(&recordings),
            registry: Arc::clone(&registry),
            disorder: None,
        };
        let clients = outgoing::clients(&registry, &outgoing::trust_nobody());
        let switchboard = Switchboard::default();
        let outboxes = Outboxes::new(
            &registry,
            &clients,
            Arc::clone(&login),
            store.clone(),
            switchboard.clone(),
            wording.clone(),
        );
        let settings = config::Workplace {
            meetings_a_month: 3,
            ..config::Workplace::default()
        };
        let meetings = Meetings::new(store.clone(), settings.clone());
        let workplace = Workplace::new(
            Arc::clone(&registry),
            meetings,
            store.clone(),
            settings,
            "example.org".to_owned(),
        );
        let prompts = Arc::new(Prompts::for_tests(Arc::clone(&clients)));
        let channel = Channel::new(
            &registry,
            &clients,
            Arc::clone(&login),
            switchboard.clone(),
            Arc::clone(&prompts),
            (
                Tapes::for_tests(
                    data.path(),
                    &store,
                    Arc::clone(&login),
                    Arc::clone(&recordings),
                )
                .await,
                store.clone(),
            ),
            &base,
        );
        let graph = Graph::new(
            Arc::clone(&login),
            switchboard,
            outboxes,
            Arc::clone(&prompts),
            base,
            wording,
            workplace,
        );
        let via = Via {
            peer: ([127, 0, 0, 1], 9).into(),
            door: Door::Http,
        };
        let observe = Arc::new(Observe::new(vec![], vec![]));
        let router = crate::http::router(&login, Arc::new(graph), channel, recordings, observe)
            .layer(Extension(via));
        let token = login.access_token_for_tests(&bot, bot.roles.names(), clock::wall());
        Self {
            _data: data,
            router,
            token,
            store,
            login,
            bot,
        }
    }

    async fn send(&self, request: Request<Body>) -> Response<Body> {
        let router = self.router.clone();
        router.oneshot(request).await.expect("infallible")
    }

    fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Request<Body> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/v1.0/{path}"))
            .header("host", "graph.example")
            .header("user-agent", "Room/1.0")
            .header("authorization", format!("Bearer {}", self.token));
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        request.body(body).expect("a request")
    }

    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        answered(self.send(self.request(method, path, body.as_ref())).await).await
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask("GET", path, None).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    async fn make(&self, body: Value) -> Value {
        let path = format!("users/{ADA}/onlineMeetings");
        let (status, body) = self.ask("POST", &path, Some(body)).await;
        assert_eq!(status, 201, "{body}");
        body
    }

    async fn check_refusal(&self, method: &str, path: &str, body: Option<Value>, wanted: &str) {
        let (status, body) = self.ask(method, path, body.clone()).await;
        assert_eq!(refusal(status, &body), wanted, "{method} {path}");
    }
}

async fn answered(response: Response<Body>) -> (u16, Value) {
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.expect("read");
    let body = serde_json::from_slice(&body.to_bytes()).unwrap_or(Value::Null);
    (status, body)
}

fn refusal(status: u16, body: &Value) -> String {
    let text = |name: &str| body["error"][name].as_str().unwrap_or_default().to_owned();
    format!("{status} {} {}", text("code"), text("message"))
}

fn names(body: &Value) -> Vec<&str> {
    let people = body["value"].as_array().expect("a list");
    people
        .iter()
        .map(|person| person["displayName"].as_str().expect("a name"))
        .collect()
}

#[tokio::test]
async fn people_are_listed_as_published() {
    let world = World::new().await;
    let body = world.get("users").await;
    assert_eq!(
        body["@odata.context"],
        "http://graph.example/v1.0/$metadata#users"
    );
    assert_eq!(
        body["value"][0],
        json!({"businessPhones": [], "displayName": "Ada Lovelace", "givenName": "Ada",
            "id": ADA.to_string(), "jobTitle": null, "mail": "ada@example.org",
            "mobilePhone": null, "officeLocation": null, "preferredLanguage": null,
            "surname": "Lovelace", "userPrincipalName": "ada@example.org"})
    );
    let body = world
        .get("users?$select=id,displayName&$filter=startswith(displayName,%27A%27)&$top=5")
        .await;
    assert_eq!(
        body,
        json!({"@odata.context": "http://graph.example/v1.0/$metadata#users(id,displayName)",
            "value": [{"id": ADA.to_string(), "displayName": "Ada Lovelace"}]})
    );
    let body = world.get("users?$select=accountEnabled").await;
    assert_eq!(body["value"][1], json!({"accountEnabled": true}));
}

#[tokio::test]
async fn one_person_is_found_by_id_and_by_name() {
    let world = World::new().await;
    for who in [
        ADA.to_string(),
        ADA.to_string().to_uppercase().replace('-', ""),
        "ADA@example.org".to_owned(),
        "ada%40Example.org".to_owned(),
    ] {
        let body = world.get(&format!("users/{who}")).await;
        assert_eq!(body["id"], ADA.to_string(), "{who}");
        assert_eq!(
            body["@odata.context"],
            "http://graph.example/v1.0/$metadata#users/$entity"
        );
    }
    let body = world.get("users('bob@example.org')?$select=mail").await;
    assert_eq!(body["mail"], "bob@example.org");
    assert_eq!(body.get("id"), None);
    for who in ["eve@example.org", "ada@example.com", "nobody"] {
        let wanted = format!(
            "404 Request_ResourceNotFound Resource '{who}' does not exist or one of its queried \
             reference-property objects are not present."
        );
        let path = format!("users/{who}");
        world.check_refusal("GET", &path, None, &wanted).await;
    }
}

#[tokio::test]
async fn people_are_read_page_by_page_and_counted() {
    let world = World::new().await;
    let first = world.get("users?$top=1&$select=displayName").await;
    assert_eq!(names(&first), ["Ada Lovelace"]);
    let next = first["@odata.nextLink"].as_str().expect("more");
    let path = next
        .strip_prefix("http://graph.example/v1.0/")
        .expect("of this collection");
    let second = world.get(path).await;
    assert_eq!(names(&second), ["Bob"]);
    assert_eq!(second.get("@odata.nextLink"), None);

    world
        .check_refusal(
            "GET",
            "users/$count",
            None,
            "400 Request_BadRequest $count is not currently supported.",
        )
        .await;
    let mut counting = world.request("GET", "users/$count", None);
    let eventual = "eventual".parse().expect("a value");
    counting.headers_mut().insert("consistencylevel", eventual);
    let response = world.send(counting).await;
    assert_eq!(
        response.headers()["content-type"],
        "text/plain;charset=utf-8"
    );
    assert_eq!(answered(response).await, (200, json!(2)));
}

#[tokio::test]
async fn pages_of_people_have_bounds() {
    let world = World::new().await;
    assert_eq!(names(&world.get("users?$top=999").await).len(), 2);
    for size in [0, 1000] {
        let wanted = format!(
            "400 Request_UnsupportedQuery Invalid page size specified: '{size}'. Must be between \
             1 and 999 inclusive."
        );
        let path = format!("users?$top={size}");
        world.check_refusal("GET", &path, None, &wanted).await;
    }
}

#[tokio::test]
async fn what_is_not_basic_is_for_those_who_may_see_it() {
    let basic = World::with([Roles::USER_READ_BASIC], ActsFor::default()).await;
    let body = basic
        .get("users/ada@example.org?$select=id,accountEnabled")
        .await;
    assert_eq!(body.get("accountEnabled"), None);
    let none = World::with([Roles::ACCESS_MEDIA], ActsFor::default()).await;
    let wanted =
        "403 Authorization_RequestDenied Insufficient privileges to complete the operation.";
    for path in ["users", "users/$count", "users/ada@example.org"] {
        none.check_refusal("GET", path, None, wanted).await;
    }
}

#[tokio::test]
async fn a_meeting_is_made_as_published() {
    let world = World::new().await;
    let made = world
        .make(json!({"startDateTime": "2099-07-12T14:30:34-07:00",
            "endDateTime": "2099-07-12T15:00:34-07:00", "subject": "Incident",
            "participants": {"attendees": [{"identity": {"user": {"id": BOB.to_string()}},
                "upn": "bob@example.org", "role": "presenter"}]},
            "joinMeetingIdSettings": {"isPasscodeRequired": true},
            "lobbyBypassSettings": {"scope": "Everyone"}, "allowedPresenters": "roleIsPresenter"}))
        .await;
    let id = made["id"].as_str().expect("an id");
    let thread = made["chatInfo"]["threadId"].as_str().expect("a thread");
    assert!(thread.starts_with("19:meeting_") && thread.ends_with("@thread.v2"));
    let number = made["joinMeetingIdSettings"]["joinMeetingId"]
        .as_str()
        .expect("a number");
    let passcode = made["joinMeetingIdSettings"]["passcode"]
        .as_str()
        .expect("a passcode");
    assert_eq!((number.len(), passcode.len()), (12, 6));
    let link = made["joinWebUrl"].as_str().expect("a link");
    assert_eq!(
        link,
        format!(
            "https://teams.microsoft.com/l/meetup-join/{}/0?context=%7b%22Tid%22%3a%22{}%22%2c%22Oid%22%3a%22{ADA}%22%7d",
            thread.replace(':', "%3a").replace('@', "%40"),
            world.bot.tenant
        )
    );
    let user = |id: PersonId, name: Value| {
        let mut user = json!({"@odata.type": "#microsoft.graph.identity", "id": id.to_string()});
        if !name.is_null() {
            user["displayName"] = name;
            user["tenantId"] = world.bot.tenant.as_str().into();
            user["identityProvider"] = "AAD".into();
        }
        json!({"@odata.type": "#microsoft.graph.identitySet", "user": user})
    };
    let wanted = json!({
        "@odata.context": format!(
            "http://graph.example/v1.0/$metadata#users('{ADA}')/onlineMeetings/$entity"),
        "id": id,
        "creationDateTime": made["creationDateTime"],
        "startDateTime": "2099-07-12T21:30:34Z",
        "endDateTime": "2099-07-12T22:00:34Z",
        "subject": "Incident",
        "joinWebUrl": link,
        "chatInfo": {"@odata.type": "#microsoft.graph.chatInfo", "threadId": thread,
            "messageId": "0"},
        "participants": {
            "organizer": {"identity": user(ADA, json!("Ada Lovelace")), "role": "presenter",
                "upn": "ada@example.org"},
            "attendees": [{"identity": user(BOB, Value::Null), "role": "presenter",
                "upn": "bob@example.org"}]},
        "joinMeetingIdSettings": {"isPasscodeRequired": true, "joinMeetingId": number,
            "passcode": passcode},
        "lobbyBypassSettings": {"scope": "everyone", "isDialInBypassEnabled": false},
        "audioConferencing": {"conferenceId": number, "tollNumber": null, "tollFreeNumber": null,
            "dialinUrl": null, "sipUri": format!("sip:meeting-{number}@example.org")},
        "joinInformation": made["joinInformation"],
        "videoTeleconferenceId": number,
        "externalId": null,
        "allowedPresenters": "roleIsPresenter",
        "allowMeetingChat": "enabled",
        "allowAttendeeToEnableCamera": true,
        "allowAttendeeToEnableMic": true,
        "allowTeamworkReactions": true,
        "recordAutomatically": false,
        "isEntryExitAnnounced": true,
        "watermarkProtection": null,
        "chatRestrictions": null,
        "meetingTemplateId": null,
        "broadcastSettings": null,
    });
    assert_eq!(made, wanted);
    let content = made["joinInformation"]["content"].as_str().expect("a page");
    assert!(content.starts_with("data:text/html,%3cp%3e"), "{content}");
}

#[tokio::test]
async fn a_meeting_is_found_by_its_id_its_link_and_its_number() {
    let world = World::new().await;
    let made = world.make(json!({"subject": "Here"})).await;
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let id = text(&made["id"]);
    let (link, number) = (
        text(&made["joinWebUrl"]),
        text(&made["joinMeetingIdSettings"]["joinMeetingId"]),
    );
    let of_ada = format!("users/{ADA}/onlineMeetings");
    for path in [
        format!("{of_ada}/{id}"),
        format!("users/ada@example.org/onlineMeetings('{id}')"),
    ] {
        assert_eq!(world.get(&path).await, made, "{path}");
    }
    let by_id = world
        .get(&format!("communications/onlineMeetings/{id}"))
        .await;
    assert_eq!(by_id["joinWebUrl"], made["joinWebUrl"]);
    let selected = world.get(&format!("{of_ada}/{id}?$select=subject")).await;
    assert_eq!(
        selected,
        json!({"@odata.context": format!(
            "http://graph.example/v1.0/$metadata#users('{ADA}')/onlineMeetings(subject)/$entity"),
            "subject": "Here"})
    );

    let form =
        |text: &str| -> String { url::form_urlencoded::byte_serialize(text.as_bytes()).collect() };
    for set in [of_ada.as_str(), "communications/onlineMeetings"] {
        for filter in [
            // As a client writes it that escapes the value, and as one that does not.
            format!("JoinWebUrl%20eq%20'{}'", form(&link)),
            format!("joinWebUrl%20eq%20%27{link}%27"),
            form(&format!("JoinWebUrl eq '{}'", link.replace("%3a", "%3A"))),
            format!("joinMeetingIdSettings/joinMeetingId%20eq%20'{number}'"),
            format!("VideoTeleconferenceId%20eq%20'{number}'"),
        ] {
            let body = world.get(&format!("{set}?$filter={filter}")).await;
            assert_eq!(body["value"][0]["id"], made["id"], "{set} {filter}");
        }
        let nobodys = format!("{set}?$filter=JoinWebUrl%20eq%20'https://x/y'");
        assert_eq!(world.get(&nobodys).await["value"], json!([]));
        let wanted = "400 BadRequest Filter expression expected: joinWebUrl, \
                      joinMeetingIdSettings/joinMeetingId or videoTeleconferenceId eq '…'.";
        world.check_refusal("GET", set, None, wanted).await;
        let by_subject = format!("{set}?$filter=subject%20eq%20'Here'");
        world.check_refusal("GET", &by_subject, None, wanted).await;
    }
}

#[tokio::test]
async fn a_meeting_is_changed_and_deleted() {
    let world = World::new().await;
    let made = world.make(json!({"subject": "Old"})).await;
    let id = made["id"].as_str().expect("an id");
    let path = format!("users/{ADA}/onlineMeetings/{id}");
    let change = json!({"subject": "New", "allowMeetingChat": "limited",
        "joinMeetingIdSettings": {"isPasscodeRequired": true}});
    let (status, changed) = world.ask("PATCH", &path, Some(change)).await;
    assert_eq!(status, 200);
    assert_eq!(changed["subject"], "New");
    assert_eq!(changed["allowMeetingChat"], "limited");
    assert!(changed["joinMeetingIdSettings"]["passcode"].is_string());
    assert_eq!(changed["joinWebUrl"], made["joinWebUrl"]);
    assert_eq!(world.get(&path).await, changed);
    let (status, body) = world.ask("DELETE", &path, None).await;
    assert_eq!((status, body), (204, Value::Null));
    let gone = "404 NotFound Meeting not found.";
    for method in ["GET", "DELETE"] {
        world.check_refusal(method, &path, None, gone).await;
    }
    world
        .check_refusal("PATCH", &path, Some(json!({})), gone)
        .await;
    // A change that could not be is nothing beside a meeting that is not there.
    let impossible = json!({"allowMeetingChat": "perhaps"});
    world
        .check_refusal("PATCH", &path, Some(impossible), gone)
        .await;
}

#[tokio::test]
async fn what_a_bot_calls_a_meeting_makes_it_once() {
    let world = World::new().await;
    let path = format!("users/{ADA}/onlineMeetings/createOrGet");
    let body = || Some(json!({"externalId": "7eb8263f", "subject": "Once"}));
    let (first, made) = world.ask("POST", &path, body()).await;
    let (second, found) = world.ask("POST", &path, body()).await;
    assert_eq!((first, second), (201, 200));
    assert_eq!(made, found);
    assert_eq!(made["externalId"], "7eb8263f");
    let wanted = "400 8523 The parameter 'externalId' is required.";
    world
        .check_refusal("POST", &path, Some(json!({})), wanted)
        .await;
    let wanted = "400 8523 The parameter 'externalId' must have 1 to 512 characters.";
    for id in [String::new(), "x".repeat(513)] {
        let body = json!({"externalId": id});
        world.check_refusal("POST", &path, Some(body), wanted).await;
    }
    let longest = json!({"externalId": "x".repeat(512)});
    assert_eq!(world.ask("POST", &path, Some(longest)).await.0, 201);
}

#[tokio::test]
async fn what_a_meeting_cannot_be_is_named() {
    let world = World::new().await;
    let path = format!("users/{ADA}/onlineMeetings");
    let people = |count: usize| {
        let somebody = json!({"upn": "x@example.org"});
        json!({"participants": {"attendees": vec![somebody; count]}})
    };
    for (body, wanted) in [
        (
            json!({"endDateTime": "2099-01-01T00:00:00Z"}),
            "'startDateTime' is required beside endDateTime.",
        ),
        (
            json!({"startDateTime": "2099-01-01T00:00:00Z", "endDateTime": "2099-01-01T00:00:00Z"}),
            "'endDateTime' must be later than startDateTime.",
        ),
        (
            json!({"startDateTime": "2001-01-01T00:00:00Z"}),
            "'endDateTime' must not be in the past.",
        ),
        (
            json!({"startDateTime": "soon"}),
            "'startDateTime' must be a time as in '2026-07-12T21:30:00Z'.",
        ),
        (
            json!({"subject": "x".repeat(256)}),
            "'subject' is longer than 255 characters.",
        ),
        (json!({"subject": 7}), "'subject' has the wrong type."),
        (people(1001), "'participants' has more than 1000 attendees."),
        (
            json!({"participants": {"attendees": [{"role": "presenter"}]}}),
            "'participants' has an attendee with neither a user id nor a upn of up to 320 \
             characters.",
        ),
        (
            json!({"participants": {"attendees": [{"upn": "x", "role": "boss"}]}}),
            "'participants' must have roles 'attendee', 'presenter', 'producer' or 'coorganizer'.",
        ),
        (
            json!({"allowedPresenters": "nobody"}),
            "'allowedPresenters' must be 'everyone', 'organization', 'roleIsPresenter' or \
             'organizer'.",
        ),
        (
            json!({"allowMeetingChat": "perhaps"}),
            "'allowMeetingChat' must be 'enabled', 'disabled' or 'limited'.",
        ),
        (
            json!({"lobbyBypassSettings": {"scope": "me"}}),
            "'lobbyBypassSettings' must have a scope 'organizer', 'organization', \
             'organizationAndFederated', 'organizationExcludingGuests', 'invited' or 'everyone'.",
        ),
    ] {
        let wanted = format!("400 8523 The parameter {wanted}");
        world
            .check_refusal("POST", &path, Some(body), &wanted)
            .await;
    }
    let unreadable = "400 BadRequest Unable to read JSON request payload. Please ensure \
                      Content-Type header is set and payload is of valid JSON format.";
    world
        .check_refusal("POST", &path, Some(json!([])), unreadable)
        .await;
    // Nothing of it was made, or counted.
    for most in [people(1000), json!({"subject": "x".repeat(255)}), json!({})] {
        world.make(most).await;
    }
}

#[tokio::test]
async fn a_month_of_meetings_comes_to_an_end() {
    let world = World::new().await;
    for _ in 0..3 {
        world.make(json!({})).await;
    }
    let path = format!("users/{ADA}/onlineMeetings");
    let response = world
        .send(world.request("POST", &path, Some(&json!({}))))
        .await;
    let wait: u64 = response.headers()["retry-after"]
        .to_str()
        .expect("text")
        .parse()
        .expect("seconds");
    assert!((1..=31 * 24 * 3600).contains(&wait), "{wait}");
    let (status, body) = answered(response).await;
    assert_eq!(
        refusal(status, &body),
        "429 TooManyRequests Please retry again later: 3 meetings of this user were created this \
         month."
    );
}

#[tokio::test]
async fn a_bot_holds_meetings_for_those_it_acts_for() {
    let world = World::new().await;
    let of_bob = format!("users/{BOB}/onlineMeetings");
    let app = world.bot.app;
    for (method, path, body, doing) in [
        ("POST", of_bob.clone(), Some(json!({})), "Create"),
        (
            "POST",
            format!("{of_bob}/createOrGet"),
            Some(json!({"externalId": "x"})),
            "Create",
        ),
        ("GET", of_bob.clone(), None, "Get"),
        ("GET", format!("{of_bob}/x"), None, "Get"),
        ("PATCH", format!("{of_bob}/x"), Some(json!({})), "Update"),
        ("DELETE", format!("{of_bob}/x"), None, "Delete"),
    ] {
        let wanted = format!(
            "403 Unauthorized App {app} is not authorized to {doing} meeting on behalf of user {BOB}"
        );
        world.check_refusal(method, &path, body, &wanted).await;
    }
    let nobody = format!("users/{app}/onlineMeetings");
    let (status, _) = world.ask("POST", &nobody, Some(json!({}))).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn the_meeting_of_one_is_not_the_meeting_of_another() {
    let world = World::with(EVERYTHING, ActsFor::Everybody).await;
    let made = world.make(json!({})).await;
    let id = made["id"].as_str().expect("an id");
    let gone = "404 NotFound Meeting not found.";
    let path = format!("users/{BOB}/onlineMeetings/{id}");
    world.check_refusal("GET", &path, None, gone).await;
    let number = made["videoTeleconferenceId"].as_str().expect("a number");
    let filter = format!("joinMeetingIdSettings/joinMeetingId%20eq%20'{number}'");
    let of_bob = world
        .get(&format!("users/{BOB}/onlineMeetings?$filter={filter}"))
        .await;
    assert_eq!(of_bob["value"], json!([]));
}

#[tokio::test]
async fn meetings_need_their_permissions() {
    let role = "403 7504 Insufficient enterprise tenant permissions, cannot access this API.";
    let reader = World::with([Roles::ONLINE_MEETINGS_READ], ActsFor::Everybody).await;
    let set = format!("users/{ADA}/onlineMeetings");
    reader
        .check_refusal("POST", &set, Some(json!({})), role)
        .await;
    let one = format!("{set}/x");
    reader.check_refusal("DELETE", &one, None, role).await;
    let gone = "404 NotFound Meeting not found.";
    reader.check_refusal("GET", &one, None, gone).await;
    let stranger = World::with([Roles::ACCESS_MEDIA], ActsFor::Everybody).await;
    for path in [
        one.as_str(),
        "communications/onlineMeetings",
        "communications/onlineMeetings/x",
    ] {
        stranger.check_refusal("GET", path, None, role).await;
    }
}

#[tokio::test]
async fn meetings_survive_a_restart() {
    let world = World::new().await;
    let made = world.make(json!({"subject": "Kept"})).await;
    world.store.flush().await;
    let again = Store::open(world._data.path()).await.expect("opens");
    let meetings = Meetings::new(again, config::Workplace::default());
    let number = made["videoTeleconferenceId"].as_str().expect("a number");
    let user = format!("meeting-{number}");
    let key = offhook_workplace::Key::DialIn(&user);
    let found = meetings.find(&key, clock::wall()).await.expect("found");
    let subject = found.subject.expect("kept").into_inner();
    assert_eq!((subject.as_str(), found.organizer), ("Kept", ADA));
}

#[tokio::test]
async fn a_call_has_a_record_when_it_is_over() {
    let world = World::new().await;
    let call = CallId::from_bits(0x2222_2222_2222_4222_8222_2222_2222_2222);
    let entry = |seq, fact| Entry {
        version: VERSION,
        call: call.to_string(),
        leg: ADA.to_string(),
        seq,
        at_ms: 1_790_000_000_000,
        fact,
    };
    let path = format!("communications/callRecords/{call}");
    let sessions = format!("{path}/sessions");
    let gone = "404 NotFound Call record not found.";
    world.check_refusal("GET", &path, None, gone).await;
    let nonsense = "communications/callRecords/nonsense";
    world.check_refusal("GET", nonsense, None, gone).await;
    world
        .store
        .append(entry(1, Fact::Establishing { targets: vec![] }));
    world.store.append(entry(2, Fact::AudioFlows));
    world.store.flush().await;
    for path in [&path, &sessions] {
        world.check_refusal("GET", path, None, gone).await;
    }
    let ending = Ending::CallerHungUp;
    let bot = Some(world.bot.app.to_string());
    world
        .store
        .append(entry(3, Fact::Terminated { ending, bot }));
    world.store.flush().await;
    let body = world.get(&path).await;
    assert_eq!(
        body["@odata.context"],
        "http://graph.example/v1.0/$metadata#communications/callRecords/$entity"
    );
    assert_eq!(body["organizer"]["application"]["displayName"], "Bot");
    assert_eq!(body.get("sessions"), None);
    let whole = world
        .get(&format!("{path}?$expand=sessions($expand=segments)"))
        .await;
    assert_eq!(whole["sessions"][0]["segments"][0]["id"], ADA.to_string());
    let listed = world.get(&sessions).await;
    assert_eq!(listed["value"][0]["id"], ADA.to_string());
    assert_eq!(
        listed["@odata.context"],
        format!(
            "http://graph.example/v1.0/$metadata#communications/callRecords('{call}')/sessions"
        )
    );
    let other = World::with([Roles::ACCESS_MEDIA], ActsFor::Everybody).await;
    let role = "403 7504 Insufficient enterprise tenant permissions, cannot access this API.";
    for path in [&path, &sessions] {
        other.check_refusal("GET", path, None, role).await;
    }
}

fn quality() -> Value {
    json!({"quality": {"@odata.type": "#microsoft.graph.teleconferenceDeviceQuality",
        "callChainId": ADA.to_string(), "participantId": ADA.to_string(),
        "mediaLegId": ADA.to_string(), "deviceName": "TestAgent",
        "deviceDescription": "TestDescription", "mediaQualityList": [
            {"@odata.type": "#microsoft.graph.teleconferenceDeviceAudioQuality",
             "channelIndex": 1, "averageInboundJitter": "PT0.03S"}, {}]}})
}

#[tokio::test]
async fn devices_tell_how_well_they_heard() {
    let world = World::new().await;
    let path = "communications/calls/logTeleconferenceDeviceQuality";
    let response = world
        .send(world.request("POST", path, Some(&quality())))
        .await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(!response.headers().contains_key("content-type"));
    for name in [
        "callChainId",
        "participantId",
        "mediaLegId",
        "deviceName",
        "deviceDescription",
        "mediaQualityList",
    ] {
        for (bad, wanted) in [
            (Value::Null, "is required"),
            (json!(7), "has the wrong type"),
        ] {
            let mut report = quality();
            report["quality"][name] = bad;
            let wanted = format!("400 8523 The parameter '{name}' {wanted}.");
            world
                .check_refusal("POST", path, Some(report), &wanted)
                .await;
        }
    }
    let mut report = quality();
    report["quality"]["mediaLegId"] = "leg".into();
    let wanted = "400 8523 The parameter 'mediaLegId' must be a GUID.";
    world
        .check_refusal("POST", path, Some(report), wanted)
        .await;
    let mut report = quality();
    report["quality"]["mediaQualityList"][0]["@odata.type"] = "#microsoft.graph.call".into();
    let wanted = "400 8523 The parameter 'mediaQualityList' must have objects, of the three kinds \
                  of teleconferenceDeviceMediaQuality.";
    world
        .check_refusal("POST", path, Some(report), wanted)
        .await;
    let wanted = "400 8523 The parameter 'quality' is required.";
    world
        .check_refusal("POST", path, Some(json!({})), wanted)
        .await;

    let mut nameless = world.request("POST", path, Some(&quality()));
    nameless.headers_mut().remove("user-agent");
    let (status, body) = answered(world.send(nameless).await).await;
    assert_eq!(
        refusal(status, &body),
        "400 8523 The parameter 'User-Agent' is a required header."
    );
    let deaf = World::with([Roles::USER_READ], ActsFor::default()).await;
    let role = "403 7504 Insufficient enterprise tenant permissions, cannot access this API.";
    deaf.check_refusal("POST", path, Some(quality()), role)
        .await;
}

#[tokio::test]
async fn a_delegated_token_is_allowed_nothing() {
    let world = World::new().await;
    let with = |scopes: &[&str], roles: &[&str]| {
        let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect();
        let mut grant = world.login.grant_for_tests(&world.bot, names(roles));
        grant.scopes = names(scopes);
        let token = world.login.granted_for_tests(&grant, clock::wall());
        let mut request = world.request("GET", "users", None);
        let value = format!("Bearer {token}").parse().expect("a value");
        request.headers_mut().insert("authorization", value);
        world.send(request)
    };
    let (status, body) = answered(with(&["User.Read", "Calls.Initiate"], &[]).await).await;
    assert_eq!(
        refusal(status, &body),
        "403 7504 Insufficient enterprise tenant permissions, cannot access this API."
    );
    let both = with(&["User.Read"], &["User.Read.All"]).await;
    assert_eq!(both.status(), StatusCode::OK);
}

#[tokio::test]
async fn neighbours_that_are_not_served_say_so() {
    let world = World::new().await;
    let not_yet =
        "501 8520 This resource is part of the API, but not implemented by this platform.";
    for (method, path) in [
        ("GET", "me"),
        ("POST", "me/onlineMeetings"),
        ("POST", "chats/19%3Ameeting_x%40thread.v2/installedApps"),
        ("GET", "chats/19:meeting_x@thread.v2/members"),
        ("GET", "appCatalogs/teamsApps"),
        ("GET", "teams/x/installedApps"),
        ("GET", "users/ada@example.org/chats"),
        ("GET", "users/ada@example.org/onlineMeetings/x/transcripts"),
    ] {
        world.check_refusal(method, path, None, not_yet).await;
    }
    let method =
        "405 Request_BadRequest Specified HTTP method is not allowed for the request target.";
    for (verb, path) in [
        ("POST", "users"),
        ("DELETE", "users/ada@example.org"),
        ("PUT", "users/ada@example.org/onlineMeetings/x"),
        ("POST", "communications/onlineMeetings"),
        ("GET", "communications/calls/logTeleconferenceDeviceQuality"),
        ("GET", "communications/callRecords"),
    ] {
        world.check_refusal(verb, path, None, method).await;
    }
    let segment = "400 BadRequest Resource not found for the segment 'shoes'.";
    world
        .check_refusal("GET", "users/x/shoes", None, segment)
        .await;
}
