//! The rest of the API, command by command: what is sent for each.

use offhook_bot::wire::graph::{
    AudioRoutingGroup, Identity, IdentitySet, InvitationParticipantInfo, OnlineMeeting,
    RecordingStatus, RedirectRequest, RoutingMode, ScreenSharingRole, TransferRequest,
};
use offhook_bot::{CallId, GraphClient, GraphConfig, GraphFault, UserQuery};
use serde_json::{Value, json};
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// Answers everything with as much as any command needs.
async fn platform() -> (MockServer, GraphClient) {
    let server = MockServer::start().await;
    let granted = json!({"token_type": "Bearer", "expires_in": 3599, "access_token": "t"});
    Mock::given(path("/tenant/oauth2/v2.0/token"))
        .respond_with(ResponseTemplate::new(200).set_body_json(granted))
        .mount(&server)
        .await;
    Mock::given(method("DELETE"))
        .respond_with(ResponseTemplate::new(204))
        .mount(&server)
        .await;
    let anything = json!({"id": "1", "status": "running", "value": [{"id": "first"}]});
    Mock::given(wiremock::matchers::any())
        .respond_with(ResponseTemplate::new(200).set_body_json(anything))
        .with_priority(9)
        .mount(&server)
        .await;
    let config = GraphConfig {
        base: format!("{}/v1.0", server.uri()),
        login: server.uri(),
        ..GraphConfig::new("app", "secret", "tenant")
    };
    let graph = GraphClient::new(config).expect("a client");
    (server, graph)
}

/// What was sent last: method, path and query, body without what is fresh each time.
async fn last(server: &MockServer) -> (String, Value) {
    let all = server.received_requests().await.expect("requests are kept");
    let last = all.last().expect("something was sent");
    let query = last
        .url
        .query()
        .map(|q| format!("?{q}"))
        .unwrap_or_default();
    let mut body: Value = serde_json::from_slice(&last.body).unwrap_or(Value::Null);
    if let Some(body) = body.as_object_mut() {
        body.remove("clientContext");
    }
    (format!("{} {}{query}", last.method, last.url.path()), body)
}

fn user(id: &str) -> InvitationParticipantInfo {
    InvitationParticipantInfo::new(IdentitySet::one("user", Identity::new(id)))
}

fn written(id: &str) -> Value {
    json!({"@odata.type": "#microsoft.graph.invitationParticipantInfo",
        "identity": {"@odata.type": "#microsoft.graph.identitySet",
            "user": {"@odata.type": "#microsoft.graph.identity", "id": id}}})
}

/// Sends a command and says what went out.
macro_rules! sends {
    ($server:ident, $command:expr, $line:expr, $body:expr $(,)?) => {
        $command.await.expect("it is answered");
        let (line, body) = last(&$server).await;
        assert_eq!((line, &body), ($line.to_string(), &$body.clone()));
    };
}

#[tokio::test]
async fn every_command_of_a_call() {
    let (server, graph) = platform().await;
    let call = &CallId::new("c");
    let of = |rest: &str| format!("/v1.0/communications/calls/c{rest}");
    let post = |rest: &str| format!("POST {}", of(rest));
    let none = json!({});
    let redirect = RedirectRequest {
        targets: Some(vec![user("ada")]),
        timeout: Some(30),
        ..RedirectRequest::default()
    };
    sends!(
        server,
        graph.redirect(call, &redirect),
        post("/redirect"),
        json!({"targets": [written("ada")], "timeout": 30})
    );
    let transfer = TransferRequest {
        transfer_target: Some(user("ada")),
        ..TransferRequest::default()
    };
    sends!(
        server,
        graph.transfer(call, &transfer),
        post("/transfer"),
        json!({"transferTarget": written("ada")})
    );
    sends!(
        server,
        graph.cancel_media(call),
        post("/cancelMediaProcessing"),
        none
    );
    sends!(
        server,
        graph.send_tones(call, "4#", Some(200)),
        post("/sendDtmfTones"),
        json!({"tones": ["tone4", "pound"], "delayBetweenTonesMs": 200})
    );
    sends!(server, graph.mute(call), post("/mute"), none);
    sends!(server, graph.unmute(call), post("/unmute"), none);
    sends!(
        server,
        graph.participants(call),
        format!("GET {}", of("/participants")),
        Value::Null
    );
    sends!(
        server,
        graph.participant(call, "p"),
        format!("GET {}", of("/participants/p")),
        Value::Null
    );
    sends!(
        server,
        graph.remove_participant(call, "p"),
        format!("DELETE {}", of("/participants/p")),
        Value::Null
    );
    sends!(
        server,
        graph.mute_participant(call, "p"),
        post("/participants/p/mute"),
        none
    );
    sends!(
        server,
        graph.start_hold_music(call, "p", None),
        post("/participants/p/startHoldMusic"),
        none
    );
    sends!(
        server,
        graph.stop_hold_music(call, "p"),
        post("/participants/p/stopHoldMusic"),
        none
    );
    sends!(
        server,
        graph.change_screen_sharing_role(call, ScreenSharingRole::Viewer),
        post("/changeScreenSharingRole"),
        json!({"role": "viewer"})
    );
    sends!(
        server,
        graph.update_recording_status(call, RecordingStatus::Recording),
        post("/updateRecordingStatus"),
        json!({"status": "recording"})
    );
    sends!(
        server,
        graph.add_large_gallery_view(call),
        post("/addLargeGalleryView"),
        none
    );
    let group = AudioRoutingGroup {
        routing_mode: Some(RoutingMode::OneToOne),
        sources: Some(vec!["a".into()]),
        receivers: Some(vec!["b".into()]),
        ..AudioRoutingGroup::default()
    };
    let as_json = json!({"routingMode": "oneToOne", "sources": ["a"], "receivers": ["b"]});
    sends!(
        server,
        graph.audio_routing_groups(call),
        format!("GET {}", of("/audioRoutingGroups")),
        Value::Null
    );
    sends!(
        server,
        graph.audio_routing_group(call, "g"),
        format!("GET {}", of("/audioRoutingGroups/g")),
        Value::Null
    );
    sends!(
        server,
        graph.create_audio_routing_group(call, &group),
        post("/audioRoutingGroups"),
        as_json
    );
    sends!(
        server,
        graph.update_audio_routing_group(call, "g", &group),
        format!("PATCH {}", of("/audioRoutingGroups/g")),
        as_json
    );
    sends!(
        server,
        graph.delete_audio_routing_group(call, "g"),
        format!("DELETE {}", of("/audioRoutingGroups/g")),
        Value::Null
    );
    sends!(
        server,
        graph.log_device_quality(&json!({"deviceName": "d"})),
        "POST /v1.0/communications/calls/logTeleconferenceDeviceQuality",
        json!({"quality": {"deviceName": "d"}})
    );
    sends!(
        server,
        graph.call_record("x"),
        "GET /v1.0/communications/callRecords/x",
        Value::Null
    );
}

#[tokio::test]
async fn meetings_chats_apps_and_people() {
    let (server, graph) = platform().await;
    let meetings = "/v1.0/users/ada@example.org/onlineMeetings";
    let ada = "ada@example.org";
    let mut meeting = OnlineMeeting {
        start_date_time: Some("2026-01-31T12:00:00Z".into()),
        ..OnlineMeeting::default()
    };
    let as_json = json!({"startDateTime": "2026-01-31T12:00:00Z"});
    sends!(
        server,
        graph.create_meeting(ada, &meeting),
        format!("POST {meetings}"),
        as_json
    );
    sends!(
        server,
        graph.update_meeting(ada, "m", &meeting),
        format!("PATCH {meetings}/m"),
        as_json
    );
    sends!(
        server,
        graph.meeting(ada, "m"),
        format!("GET {meetings}/m"),
        Value::Null
    );
    sends!(
        server,
        graph.delete_meeting(ada, "m"),
        format!("DELETE {meetings}/m"),
        Value::Null
    );
    let refused = graph.create_or_get_meeting(ada, &meeting).await;
    assert!(refused.is_err_and(|fault| fault.to_string().contains("externalId")));
    meeting.external_id = Some("e".into());
    sends!(
        server,
        graph.create_or_get_meeting(ada, &meeting),
        format!("POST {meetings}/createOrGet"),
        json!({"externalId": "e", "startDateTime": "2026-01-31T12:00:00Z"})
    );
    sends!(
        server,
        graph.meeting_by_join_url(ada, "https://m.example/o'clock?a=b&c"),
        format!(
            "GET {meetings}?%24filter=JoinWebUrl+eq+%27https%3A%2F%2Fm.example%2Fo%27%27clock%3Fa%3Db%26c%27"
        ),
        Value::Null
    );
    sends!(
        server,
        graph.meeting_by_join_id(ada, "123"),
        format!("GET {meetings}?%24filter=joinMeetingIdSettings%2FjoinMeetingId+eq+%27123%27"),
        Value::Null
    );

    let chat = "19:meeting_x@thread.v2";
    let apps = "/v1.0/chats/19:meeting_x@thread.v2/installedApps";
    sends!(
        server,
        graph.chat_members(chat),
        "GET /v1.0/chats/19:meeting_x@thread.v2/members",
        Value::Null
    );
    let app = format!("{}/v1.0/appCatalogs/teamsApps/app-1", server.uri());
    sends!(
        server,
        graph.install_app(chat, "app-1"),
        format!("POST {apps}"),
        json!({"teamsApp@odata.bind": app})
    );
    sends!(
        server,
        graph.installed_apps(chat),
        format!("GET {apps}?%24expand=teamsApp"),
        Value::Null
    );
    sends!(
        server,
        graph.uninstall_app(chat, "i"),
        format!("DELETE {apps}/i"),
        Value::Null
    );

    sends!(
        server,
        graph.user(ada),
        "GET /v1.0/users/ada@example.org",
        Value::Null
    );
    let query = UserQuery {
        name_starts_with: Some("A'".into()),
        select: vec!["id".into(), "displayName".into()],
        top: Some(5),
    };
    sends!(
        server,
        graph.users(&query),
        "GET /v1.0/users?%24filter=startswith%28displayName%2C%27A%27%27%27%29&%24select=id%2CdisplayName&%24top=5",
        Value::Null
    );
    sends!(
        server,
        graph.users(&UserQuery::default()),
        "GET /v1.0/users",
        Value::Null
    );
}

#[tokio::test]
async fn twelve_are_invited_by_three_requests_and_one_that_fails_keeps_nobody_else_out() {
    let (server, graph) = platform().await;
    let call = CallId::new("c");
    Mock::given(path("/v1.0/communications/calls/c/participants/invite"))
        .and(wiremock::matchers::body_string_contains("\"u5\""))
        .respond_with(ResponseTemplate::new(400).set_body_json(
            json!({"error": {"code": "8523", "message": "Somebody is there already."}}),
        ))
        .mount(&server)
        .await;
    let everybody = (0..12).map(|n| user(&format!("u{n}"))).collect();
    let invited = graph.invite(&call, everybody).await;
    let counts: Vec<_> = invited.iter().map(|some| some.participants.len()).collect();
    assert_eq!(counts, [5, 5, 2]);
    let asked: Vec<_> = invited.iter().map(|some| some.asked.is_ok()).collect();
    assert_eq!(asked, [true, false, true]);
    assert!(
        matches!(&invited[1].asked, Err(GraphFault::BadRequest { code, .. }) if code == "8523")
    );
    assert!(graph.invite(&call, Vec::new()).await.is_empty());
}

#[tokio::test]
async fn what_the_api_would_refuse_is_not_sent() {
    let (server, graph) = platform().await;
    let call = CallId::new("c");
    let mut redirect = RedirectRequest {
        targets: Some(vec![user("ada"); 26]),
        ..RedirectRequest::default()
    };
    let fault = |refused: Result<(), GraphFault>| refused.expect_err("refused").to_string();
    assert!(fault(graph.redirect(&call, &redirect).await).contains("targets"));
    redirect.targets = Some(vec![user("ada")]);
    redirect.timeout = Some(14);
    assert!(fault(graph.redirect(&call, &redirect).await).contains("timeout"));
    let nobody = TransferRequest::default();
    assert!(fault(graph.transfer(&call, &nobody).await).contains("transferTarget"));
    for (keys, delay) in [("", None), ("4x", None), ("4", Some(-1))] {
        let refused = graph.send_tones(&call, keys, delay).await.map(drop);
        assert!(fault(refused).contains("ones"));
    }
    assert!(server.received_requests().await.expect("kept").is_empty());
}

#[tokio::test]
async fn pages_are_followed_on_the_same_server_and_nowhere_else() {
    let (server, graph) = platform().await;
    let next = |address: String| json!({"value": [{"id": "a"}], "@odata.nextLink": address});
    let second = format!("{}/v1.0/users?$skiptoken=2", server.uri());
    let elsewhere = next("https://elsewhere.example/v1.0/users?$skiptoken=3".into());
    Mock::given(path("/v1.0/users"))
        .and(query_param("$skiptoken", "2"))
        .respond_with(ResponseTemplate::new(200).set_body_json(elsewhere))
        .with_priority(1)
        .mount(&server)
        .await;
    Mock::given(path("/v1.0/users"))
        .respond_with(ResponseTemplate::new(200).set_body_json(next(second)))
        .with_priority(2)
        .mount(&server)
        .await;
    let first = graph.users(&UserQuery::default()).await.expect("a page");
    let second = graph.next_page(&first).await.expect("another");
    let second = second.expect("there is one");
    let third = graph.next_page(&second).await;
    assert!(third.is_err_and(|fault| fault.to_string().contains("nextLink")));
    let last = offhook_bot::wire::graph::Page {
        next_link: None,
        ..second
    };
    assert!(
        graph
            .next_page(&last)
            .await
            .expect("nothing to fetch")
            .is_none()
    );
}
