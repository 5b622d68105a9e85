//! Calls that bots make.

use offhook_engine::limits::RINGS_FOR;

use super::super::path::Version;
use super::super::to_engine::{self, Asker, Wanted, WhichMeeting};
use super::*;
use crate::monthly::Monthly;

const ADA: &str = "55555555-5555-4555-8555-555555555555";

fn everything() -> Roles {
    [
        Roles::INITIATE,
        Roles::INITIATE_GROUP_CALL,
        Roles::JOIN_GROUP_CALL,
        Roles::ACCESS_MEDIA,
    ]
    .into_iter()
    .collect()
}

async fn world() -> World {
    World::with(|bot| bot.roles = everything()).await
}

fn user(id: &str) -> Value {
    json!({"identity": {"user": {"id": id, "displayName": "Ada"}}})
}

fn users(many: u32) -> Vec<Value> {
    (0..many)
        .map(|n| user(&format!("00000000-0000-4000-8000-{n:012x}")))
        .collect()
}

fn call(targets: Vec<Value>) -> Value {
    json!({"callbackUri": "https://bot.example/calls", "requestedModalities": ["audio"],
        "mediaConfig": {"@odata.type": "#microsoft.graph.serviceHostedMediaConfig"},
        "targets": targets})
}

fn with(mut call: Value, name: &str, value: Value) -> Value {
    call[name] = value;
    call
}

fn to_phone(world: &World) -> Value {
    let mut asked = call(vec![json!({"identity": {"phone": {"id": "+14255550100"}}})]);
    asked["tenantId"] = json!(world.bot.tenant);
    asked["source"] = json!({"identity": {"applicationInstance": {"id": ADA}}});
    asked
}

fn meeting(info: Value) -> Value {
    let mut asked = call(vec![]);
    asked["meetingInfo"] = info;
    asked["chatInfo"] = json!({"threadId": "19:meeting_x@thread.v2", "messageId": "0"});
    asked
}

/// What a body is read as, without being done.
fn read(world: &World, body: &Value) -> Result<Wanted, String> {
    let wording = world.outboxes.wording_for_tests();
    let asker = Asker {
        bot: &world.bot,
        registry: &wording.registry,
    };
    let request = to_engine::read(body.to_string().as_bytes()).map_err(|why| why.message)?;
    let asked = to_engine::create(request, asker, everything(), Version::V1);
    asked.map(|asked| asked.what).map_err(|why| why.message)
}

async fn post(world: &World, body: &Value) -> Response<Body> {
    let calls = "/v1.0/communications/calls";
    let request = world.request("POST", calls, Some(&body.to_string()));
    world.send(request).await
}

#[tokio::test]
async fn a_call_is_one_of_four_things() {
    let world = world().await;
    let targets = |body: &Value| match read(&world, body) {
        Ok(Wanted::Targets {
            targets,
            is_group,
            ring_for,
        }) => (targets.len(), is_group, ring_for),
        other => panic!("{:?}", other.err()),
    };
    assert_eq!(targets(&call(users(1))), (1, false, RINGS_FOR));
    assert_eq!(targets(&call(users(2))), (2, true, RINGS_FOR));
    assert_eq!(targets(&call(users(5))), (5, true, RINGS_FOR));
    assert_eq!(targets(&to_phone(&world)).0, 1);
    let timed = |seconds: i64| with(call(users(1)), "ringingTimeoutInSeconds", json!(seconds));
    assert_eq!(targets(&timed(115)).2, Duration::from_secs(115));
    let which = |info: Value| match read(&world, &meeting(info)) {
        Ok(Wanted::Meeting(which)) => which,
        other => panic!("{:?}", other.err()),
    };
    let thread = |organizer: Option<&str>| WhichMeeting::Thread {
        thread: "19:meeting_x@thread.v2".to_owned(),
        organizer: organizer.map(|id| Private::new(id.to_owned())),
    };
    let organizer = json!({"organizer": {"user": {"id": ADA, "tenantId": "t"}}});
    assert_eq!(which(organizer), thread(Some(ADA)));
    let token = json!({"@odata.type": "#Microsoft.Graph.TokenMeetingInfo", "token": "t0"});
    assert_eq!(
        which(token),
        WhichMeeting::Token(Private::new("t0".to_owned()))
    );
    let id = json!({"@odata.type": "microsoft.graph.joinMeetingIdMeetingInfo",
        "joinMeetingId": "123456789012", "passcode": "secret"});
    let by_id = WhichMeeting::JoinId {
        id: "123456789012".to_owned(),
        passcode: Some(Private::new("secret".to_owned())),
    };
    assert_eq!(which(id), by_id);
    assert_eq!(which(Value::Null), thread(None));
}

#[tokio::test]
async fn what_cannot_be_made_is_refused_and_says_why() {
    let world = world().await;
    let base = || call(users(1));
    let phone = |change: fn(&mut Value)| {
        let mut asked = to_phone(&world);
        change(&mut asked);
        asked
    };
    let itself = world.bot.app.to_string();
    let itself = json!({"identity": {"application": {"id": itself}}});
    for (body, name) in [
        (with(base(), "callbackUri", Value::Null), "callbackUri"),
        (
            with(base(), "callbackUri", json!("http://bot.example/")),
            "callbackUri",
        ),
        (
            with(
                base(),
                "callbackUri",
                json!("https://[::ffff:169.254.169.254]/"),
            ),
            "callbackUri",
        ),
        (with(base(), "mediaConfig", Value::Null), "mediaConfig"),
        (
            with(base(), "requestedModalities", Value::Null),
            "requestedModalities",
        ),
        (
            with(base(), "requestedModalities", json!([])),
            "requestedModalities",
        ),
        (with(base(), "subject", json!("x".repeat(1025))), "subject"),
        (with(base(), "subject", json!(7)), "subject"),
        (
            with(
                base(),
                "callOptions",
                json!({"isDeltaRosterEnabled": "yes"}),
            ),
            "callOptions",
        ),
        (
            with(base(), "ringingTimeoutInSeconds", json!(116)),
            "ringingTimeoutInSeconds",
        ),
        (
            with(base(), "ringingTimeoutInSeconds", json!(0)),
            "ringingTimeoutInSeconds",
        ),
        (
            with(base(), "meetingInfo", json!({"token": "t"})),
            "targets",
        ),
        (call(vec![]), "targets"),
        (call(users(6)), "targets"),
        (call(vec![user(ADA), user(ADA)]), "targets"),
        (call(vec![itself]), "targets"),
        (call(vec![json!({"identity": {}})]), "targets"),
        (phone(|asked| asked["source"] = Value::Null), "targets"),
        (phone(|asked| asked["tenantId"] = Value::Null), "tenantId"),
        (
            phone(|asked| asked["targets"][0]["identity"]["phone"]["id"] = json!("0800")),
            "targets",
        ),
        (meeting(json!({})), "meetingInfo"),
        (
            meeting(json!({"@odata.type": "#microsoft.graph.meetingInfo"})),
            "meetingInfo",
        ),
        (meeting(json!({"organizer": {"user": {}}})), "meetingInfo"),
        (
            meeting(json!({"@odata.type": "#microsoft.graph.tokenMeetingInfo"})),
            "token",
        ),
        (
            with(
                meeting(json!({"organizer": {"user": {"id": ADA}}})),
                "chatInfo",
                Value::Null,
            ),
            "chatInfo.threadId",
        ),
        (meeting(json!({"token": "x".repeat(5000)})), "token"),
    ] {
        let refused = refusal(post(&world, &body).await).await;
        let wanted = format!("400 8523 The parameter '{name}' ");
        assert!(refused.starts_with(&wanted), "{name}: {refused}");
    }
    assert!(read(&world, &with(base(), "subject", json!("ü".repeat(1024)))).is_ok());
    let other = json!("99999999-9999-4999-8999-999999999999");
    let refused = post(&world, &with(base(), "tenantId", other.clone())).await;
    assert_eq!(
        refusal(refused).await,
        "403 7505 Request authorization tenant mismatch."
    );
    let source = json!({"identity": {"application": {"id": other}}});
    let refused = post(&world, &with(base(), "source", source)).await;
    assert_eq!(
        refusal(refused).await,
        "403 7507 Call source identity invalid."
    );
    let large = with(base(), "extra", json!("x".repeat(70_000)));
    assert_eq!(
        refusal(post(&world, &large).await).await,
        "413 BadRequest The request body is larger than 64 KiB."
    );
    for (info, wanted) in [
        (
            json!({"token": "t"}),
            "400 8526 Invalid join meeting token.",
        ),
        (
            json!({"organizer": {"user": {"id": ADA}}}),
            "400 8527 Invalid join meeting coordinates.",
        ),
        (
            json!({"joinMeetingId": "123456789012"}),
            "400 8561 Invalid join meeting id or passcode.",
        ),
    ] {
        assert_eq!(refusal(post(&world, &meeting(info)).await).await, wanted);
    }
    assert!(
        world.outboxes.papers().is_empty_for_tests(),
        "nothing is kept of what was refused"
    );
}

#[tokio::test]
async fn each_kind_of_call_has_its_permission() {
    let world = world().await;
    let app_hosted = json!({"@odata.type": "#microsoft.graph.appHostedMediaConfig", "blob": "x"});
    let cases = [
        (call(users(1)), vec![Roles::INITIATE]),
        (to_phone(&world), vec![Roles::INITIATE]),
        (call(users(2)), vec![Roles::INITIATE_GROUP_CALL]),
        (meeting(json!({"token": "t"})), vec![Roles::JOIN_GROUP_CALL]),
        (
            meeting(json!({"token": "t"})),
            vec![Roles::JOIN_GROUP_CALL_AS_GUEST],
        ),
        (
            with(call(users(1)), "mediaConfig", app_hosted),
            vec![Roles::INITIATE, Roles::ACCESS_MEDIA],
        ),
    ];
    let wording = world.outboxes.wording_for_tests();
    let asker = Asker {
        bot: &world.bot,
        registry: &wording.registry,
    };
    for (body, roles) in cases {
        let read = |roles: &[Roles]| {
            let request = to_engine::read(body.to_string().as_bytes()).expect("read");
            let roles = roles.iter().copied().collect();
            to_engine::create(request, asker, roles, Version::V1).map(drop)
        };
        assert_eq!(read(&roles), Ok(()), "{body}");
        for missing in &roles {
            let rest: Vec<_> = roles
                .iter()
                .copied()
                .filter(|role| role != missing)
                .collect();
            assert_eq!(read(&rest), Err(Refused::role()), "{body}");
        }
    }
}

#[tokio::test]
async fn a_made_call_is_answered_as_published() {
    let world = world().await;
    let started = world.start_nothing();
    let mut asked = call(vec![user(ADA)]);
    asked["tenantId"] = json!(world.bot.tenant);
    asked["subject"] = json!("lunch");
    asked["Direction"] = json!("outgoing");
    let response = post(&world, &asked).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let location = response.headers()["location"]
        .to_str()
        .expect("text")
        .to_owned();
    let mut body = super::body(response).await;
    let id = body["id"].take();
    let id = id.as_str().expect("an id");
    assert_eq!(
        location,
        format!("http://graph.example/v1.0/communications/calls/{id}")
    );
    assert_eq!(body["myParticipantId"].take(), id);
    assert!(body["callChainId"].take().is_string());
    check_json(
        &body,
        expect_test::expect_file!["../../../../../fixtures/graph/created.json"],
    );
    let callback = started
        .lock()
        .expect("whole")
        .pop()
        .expect("one was started");
    assert_eq!(callback.as_deref(), Some("https://bot.example/calls"));
    let leg = id.parse().expect("a GUID");
    assert_eq!(
        world.outboxes.papers().of(leg).subject,
        Some(Private::new("lunch".to_owned()))
    );
}

#[tokio::test]
async fn a_month_has_so_many_calls() {
    let world = World::with(|bot| bot.roles = everything()).await;
    world.start_nothing();
    let monthly = Monthly::new(1, 0, clock::wall());
    world.switchboard.allow_monthly(world.bot.app, monthly);
    assert_eq!(
        post(&world, &call(users(1))).await.status(),
        StatusCode::CREATED
    );
    let response = post(&world, &call(users(1))).await;
    assert!(response.headers().contains_key("retry-after"));
    assert_eq!(
        refusal(response).await,
        "429 8529 The application had as many calls this month as it may."
    );
}

#[tokio::test]
async fn one_call_too_many_is_told_to_wait() {
    let world = World::with(|bot| {
        bot.roles = everything();
        // The scripted call is one.
        bot.limits.calls = 2;
    })
    .await;
    world.start_nothing();
    assert_eq!(
        post(&world, &call(users(1))).await.status(),
        StatusCode::CREATED
    );
    let response = post(&world, &call(users(1))).await;
    assert!(response.headers().contains_key("retry-after"));
    assert_eq!(
        refusal(response).await,
        "429 8530 The application has as many active calls as it may."
    );
}
