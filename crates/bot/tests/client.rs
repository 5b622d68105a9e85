//! The client against a scripted platform: what is sent, and what becomes of each answer.

use std::time::Duration;

use offhook_bot::wire::graph::{
    AnswerRequest, Call, CallState, CompletionReason, Identity, IdentitySet,
    InvitationParticipantInfo, MediaConfig, Modality, OperationStatus, PlayPromptRequest,
    RecordResponseRequest, RejectReason,
};
use offhook_bot::{
    CallId, GraphClient, GraphConfig, GraphFault, KeepAlive, OperationId, Private, prompt,
};
use serde_json::{Value, json};
use wiremock::matchers::{body_json, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const CALL: &str = "57DAB8B1894C409AB240BD8BEAE78896";
const CALL_PATH: &str = "/v1.0/communications/calls/57dab8b1-894c-409a-b240-bd8beae78896";

fn call() -> CallId {
    CallId::new(CALL)
}

fn token(text: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"token_type": "Bearer", "expires_in": 3599,
        "ext_expires_in": 3599, "access_token": text}))
}

fn error(status: u16, code: &str) -> ResponseTemplate {
    let body = json!({"error": {"code": code, "message": "A sentence.",
        "innerError": {"date": "2026-01-31T12:00:00", "request-id": "1", "client-request-id": "2"}}});
    ResponseTemplate::new(status).set_body_json(body)
}

async fn platform() -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/the-tenant/oauth2/v2.0/token"))
        .respond_with(token("access-token"))
        .mount(&server)
        .await;
    server
}

fn client(server: &MockServer) -> GraphClient {
    GraphClient::new(GraphConfig {
        base: format!("{}/v1.0/", server.uri()),
        login: server.uri(),
        ..GraphConfig::new("app", "s&cret", "the-tenant")
    })
    .expect("a client")
}

fn answer() -> AnswerRequest {
    AnswerRequest {
        callback_uri: Some("https://bot.example.org/callback".into()),
        accepted_modalities: Some(vec![Modality::Audio]),
        media_config: Some(MediaConfig::service()),
        ..AnswerRequest::default()
    }
}

fn play() -> PlayPromptRequest {
    PlayPromptRequest {
        prompts: Some(vec![prompt("https://bot.example.org/a.wav", Some("a"))]),
        ..PlayPromptRequest::default()
    }
}

/// Requests to the API itself, without those for tokens.
async fn sent(server: &MockServer) -> Vec<wiremock::Request> {
    let all = server.received_requests().await.expect("requests are kept");
    let api = |request: &wiremock::Request| request.url.path().starts_with("/v1.0/");
    all.into_iter().filter(api).collect()
}

#[tokio::test]
async fn a_call_is_placed_and_its_keys_are_asked_for() {
    let server = platform().await;
    Mock::given(method("POST"))
        .and(path("/v1.0/communications/calls"))
        .and(body_json(
            json!({"callbackUri": "https://bot.example.org/callback", "requestedModalities": ["audio"],
            "mediaConfig": {"@odata.type": "#microsoft.graph.serviceHostedMediaConfig"},
            "targets": [{"@odata.type": "#microsoft.graph.invitationParticipantInfo",
                "identity": {"@odata.type": "#microsoft.graph.identitySet",
                    "user": {"@odata.type": "#microsoft.graph.identity", "id": "ada"}}}]}),
        ))
        .respond_with(
            ResponseTemplate::new(201).set_body_json(json!({"id": CALL, "state": "establishing"})),
        )
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(path(format!("{CALL_PATH}/subscribeToTone")))
        .respond_with(
            ResponseTemplate::new(200).set_body_json(json!({"id": "1", "status": "completed"})),
        )
        .expect(1)
        .mount(&server)
        .await;
    let graph = client(&server);
    let ada = IdentitySet::one("user", Identity::new("ada"));
    let mut wanted = Call {
        callback_uri: Some("https://bot.example.org/callback".into()),
        requested_modalities: Some(vec![Modality::Audio]),
        media_config: Some(MediaConfig::service()),
        targets: Some(vec![InvitationParticipantInfo::new(ada)]),
        ..Call::default()
    };
    let placed = graph.create_call(&wanted).await.expect("placed");
    assert_eq!(placed.state, Some(CallState::Establishing));
    assert_eq!(placed.id.as_deref(), Some(CALL));
    let asked = graph.subscribe_to_tone(&call()).await.expect("subscribed");
    assert_eq!(asked.status, Some(OperationStatus::Completed));
    // What the API would refuse is not sent.
    wanted.targets = None;
    let refused = graph.create_call(&wanted).await;
    let names_it = |fault: &GraphFault| fault.to_string().contains("targets");
    assert!(refused.is_err_and(|fault| names_it(&fault)));
    assert_eq!(sent(&server).await.len(), 2);
}

#[tokio::test]
async fn commands_are_what_the_reference_says() {
    let server = platform().await;
    Mock::given(method("POST"))
        .and(path(format!("{CALL_PATH}/answer")))
        .and(header("authorization", "Bearer access-token"))
        .and(body_json(
            json!({"callbackUri": "https://bot.example.org/callback",
            "acceptedModalities": ["audio"],
            "mediaConfig": {"@odata.type": "#microsoft.graph.serviceHostedMediaConfig"}}),
        ))
        .respond_with(ResponseTemplate::new(202))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(path(format!("{CALL_PATH}/reject")))
        .and(body_json(json!({"reason": "busy"})))
        .respond_with(ResponseTemplate::new(202))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("DELETE"))
        .and(path(CALL_PATH))
        .respond_with(ResponseTemplate::new(204))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(path(format!("{CALL_PATH}/keepAlive")))
        .and(header("content-length", "0"))
        .respond_with(ResponseTemplate::new(200))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path(CALL_PATH))
        .respond_with(ResponseTemplate::new(200).set_body_json(
            json!({"@odata.type": "#microsoft.graph.call", "state": "Established", "chatInfo": null}),
        ))
        .mount(&server)
        .await;

    let graph = client(&server);
    graph.answer(&call(), &answer()).await.expect("answered");
    graph
        .reject(&call(), RejectReason::Busy)
        .await
        .expect("rejected");
    graph.keep_alive(&call()).await.expect("kept");
    let known = graph.call(&call()).await.expect("known");
    assert_eq!(known.state, Some(CallState::Established));
    graph.hang_up(&call()).await.expect("hung up");

    let all = server.received_requests().await.expect("requests are kept");
    let tokens: Vec<_> = all
        .iter()
        .filter(|r| r.url.path().ends_with("/token"))
        .collect();
    assert_eq!(tokens.len(), 1);
    assert_eq!(
        String::from_utf8_lossy(&tokens[0].body),
        "grant_type=client_credentials&client_id=app&client_secret=s%26cret\
         &scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"
    );
}

#[tokio::test]
async fn operations_get_a_context_that_leads_back_to_the_call() {
    let server = platform().await;
    let running = |kind: &str| {
        ResponseTemplate::new(200).set_body_json(json!({"id": "5b1e", "status": "running",
            "@odata.type": format!("#microsoft.graph.{kind}Operation"), "clientContext": "x",
            "completionReason": null, "resultInfo": null}))
    };
    Mock::given(path(format!("{CALL_PATH}/playPrompt")))
        .respond_with(running("playPrompt"))
        .mount(&server)
        .await;
    Mock::given(path(format!("{CALL_PATH}/recordResponse")))
        .respond_with(running("record"))
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path(format!("{CALL_PATH}/operations/5b1e")))
        .respond_with(
            ResponseTemplate::new(200).set_body_json(json!({"id": "5b1e",
            "@odata.type": "#microsoft.graph.recordOperation", "status": "Completed",
            "completionReason": "stopToneDetected"})),
        )
        .mount(&server)
        .await;

    let graph = client(&server);
    let operation = graph.play_prompt(&call(), play()).await.expect("accepted");
    assert_eq!(operation.status, Some(OperationStatus::Running));
    let record = RecordResponseRequest {
        stop_tones: Some(vec!["#".into()]),
        max_record_duration_in_seconds: Some(10),
        client_context: Some("my own".into()),
        ..RecordResponseRequest::default()
    };
    graph
        .record_response(&call(), record)
        .await
        .expect("accepted");
    let ended = graph.operation(&call(), &OperationId::new("5b1e")).await;
    let reason = ended.expect("known").completion_reason;
    assert_eq!(reason, Some(CompletionReason::StopToneDetected));

    let bodies: Vec<Value> = sent(&server)
        .await
        .iter()
        .filter_map(|request| serde_json::from_slice(&request.body).ok())
        .collect();
    let context = bodies[0]["clientContext"]
        .as_str()
        .expect("a fresh context");
    assert_eq!(
        bodies[0],
        json!({"clientContext": context, "prompts": [{
        "@odata.type": "#microsoft.graph.mediaPrompt", "mediaInfo": {
            "@odata.type": "#microsoft.graph.mediaInfo",
            "uri": "https://bot.example.org/a.wav", "resourceId": "a"}}]})
    );
    assert_eq!(
        bodies[1],
        json!({"stopTones": ["#"], "maxRecordDurationInSeconds": 10,
        "clientContext": "my own"})
    );
    assert_eq!(graph.contexts().call(context), Some(call()));
    assert_eq!(graph.contexts().call("my own"), Some(call()));
    assert_eq!(graph.contexts().call("foreign"), None);
}

#[tokio::test]
async fn one_token_is_fetched_for_all_who_wait() {
    let server = platform().await;
    Mock::given(path(format!("{CALL_PATH}/keepAlive")))
        .respond_with(ResponseTemplate::new(200))
        .mount(&server)
        .await;
    let graph = client(&server);
    let id = call();
    let all = futures::future::join_all((0..16).map(|_| graph.keep_alive(&id))).await;
    assert!(all.iter().all(Result::is_ok));
    let requests = server.received_requests().await.expect("requests are kept");
    let tokens = requests.iter().filter(|r| r.url.path().ends_with("/token"));
    assert_eq!(tokens.count(), 1);
}

#[tokio::test]
async fn refusals_have_types() {
    type Is = fn(&GraphFault) -> bool;
    let cases: [(u16, &str, Is); 9] = [
        (
            400,
            "8523",
            |f| matches!(f, GraphFault::BadRequest { code, message } if code == "8523" && message == "A sentence."),
        ),
        (
            400,
            "8501",
            |f| matches!(f, GraphFault::InvalidState { code, .. } if code == "8501"),
        ),
        (400, "8528", GraphFault::is_gone),
        (409, "8519", |f| {
            matches!(f, GraphFault::InvalidState { .. })
        }),
        (401, "InvalidAuthenticationToken", |f| {
            matches!(f, GraphFault::Unauthorized { .. })
        }),
        (
            403,
            "7504",
            |f| matches!(f, GraphFault::Forbidden { code, .. } if code == "7504"),
        ),
        (404, "8522", GraphFault::is_gone),
        (
            500,
            "9999",
            |f| matches!(f, GraphFault::Refused { status, .. } if status.as_u16() == 500),
        ),
        (501, "8520", |f| matches!(f, GraphFault::Refused { .. })),
    ];
    for (status, code, is) in cases {
        let server = platform().await;
        Mock::given(method("DELETE"))
            .respond_with(error(status, code))
            .mount(&server)
            .await;
        let fault = client(&server).hang_up(&call()).await.expect_err("refused");
        assert!(is(&fault), "{status} {code}: {fault:?}");
    }
}

#[tokio::test]
async fn later_means_again_and_much_later_means_a_fault() {
    let server = platform().await;
    for status in [429, 503, 504] {
        Mock::given(path(format!("{CALL_PATH}/answer")))
            .respond_with(error(status, "TooManyRequests").insert_header("retry-after", "0"))
            .up_to_n_times(1)
            .mount(&server)
            .await;
    }
    Mock::given(path(format!("{CALL_PATH}/answer")))
        .respond_with(ResponseTemplate::new(202))
        .mount(&server)
        .await;
    client(&server)
        .answer(&call(), &answer())
        .await
        .expect("answered at last");
    assert_eq!(sent(&server).await.len(), 4);

    let server = platform().await;
    Mock::given(method("DELETE"))
        .respond_with(error(429, "TooManyRequests").insert_header("retry-after", "3600"))
        .mount(&server)
        .await;
    let fault = client(&server)
        .hang_up(&call())
        .await
        .expect_err("throttled");
    let hour = Some(Duration::from_secs(3600));
    assert!(matches!(fault, GraphFault::Throttled { retry_after } if retry_after == hour));
    assert_eq!(sent(&server).await.len(), 1);

    let server = platform().await;
    Mock::given(method("DELETE"))
        .respond_with(error(503, "x").insert_header("retry-after", "0"))
        .mount(&server)
        .await;
    let fault = client(&server)
        .hang_up(&call())
        .await
        .expect_err("throttled");
    assert!(matches!(fault, GraphFault::Throttled { .. }));
    assert_eq!(sent(&server).await.len(), 4);
}

#[tokio::test]
async fn a_token_that_is_not_believed_is_replaced_once() {
    let server = MockServer::start().await;
    Mock::given(path("/the-tenant/oauth2/v2.0/token"))
        .respond_with(token("old"))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(path("/the-tenant/oauth2/v2.0/token"))
        .respond_with(token("new"))
        .mount(&server)
        .await;
    Mock::given(header("authorization", "Bearer new"))
        .respond_with(ResponseTemplate::new(204))
        .mount(&server)
        .await;
    Mock::given(header("authorization", "Bearer old"))
        .respond_with(error(401, "InvalidAuthenticationToken"))
        .mount(&server)
        .await;
    client(&server).hang_up(&call()).await.expect("hung up");
    assert_eq!(sent(&server).await.len(), 2);
}

#[tokio::test]
async fn a_wrong_secret_is_said_as_the_login_says_it() {
    let server = MockServer::start().await;
    Mock::given(path("/the-tenant/oauth2/v2.0/token"))
        .respond_with(
            ResponseTemplate::new(401).set_body_json(json!({"error": "invalid_client",
            "error_description": "AADSTS7000215: Invalid client secret provided."})),
        )
        .mount(&server)
        .await;
    let fault = client(&server)
        .hang_up(&call())
        .await
        .expect_err("no token");
    assert!(matches!(fault, GraphFault::Unauthorized { code, message }
        if code == "invalid_client" && message.starts_with("AADSTS7000215")));
}

#[tokio::test]
async fn what_is_beyond_the_limits_is_not_sent() {
    let server = platform().await;
    let graph = client(&server);
    let none = PlayPromptRequest::default();
    let fault = graph
        .play_prompt(&call(), none)
        .await
        .expect_err("no prompt");
    assert!(matches!(fault, GraphFault::Parameter(fault) if fault.parameter == "prompts"));
    let fault = graph.answer(&call(), &AnswerRequest::default()).await;
    assert!(matches!(fault, Err(GraphFault::Parameter(_))));
    assert!(server.received_requests().await.expect("kept").is_empty());
}

#[tokio::test]
async fn an_id_from_outside_leads_nowhere_else() {
    let server = platform().await;
    Mock::given(method("DELETE"))
        .respond_with(ResponseTemplate::new(204))
        .mount(&server)
        .await;
    let graph = client(&server);
    graph
        .hang_up(&CallId::new("../../users/x?y=z"))
        .await
        .expect("sent");
    let url = &sent(&server).await[0].url;
    assert_eq!(
        url.path(),
        "/v1.0/communications/calls/..%2F..%2Fusers%2Fx%3Fy=z"
    );
    assert_eq!(url.query(), None);
}

#[tokio::test]
async fn a_recording_is_read_to_its_limit_and_no_further() {
    let server = platform().await;
    Mock::given(path("/recordings/1"))
        .and(header("authorization", "Bearer its-own"))
        .respond_with(ResponseTemplate::new(200).set_body_bytes(vec![7; 1000]))
        .mount(&server)
        .await;
    let graph = client(&server);
    let location = format!("{}/recordings/1", server.uri());
    let its_own = Private::new("its-own".to_owned());
    let mut recording = graph
        .recording(&location, &its_own, 1000)
        .await
        .expect("it starts");
    let mut bytes = 0;
    while let Some(chunk) = recording.chunk().await.expect("it goes on") {
        bytes += chunk.len();
    }
    assert_eq!(bytes, 1000);
    let fault = graph
        .recording(&location, &its_own, 999)
        .await
        .expect_err("too large");
    assert!(matches!(fault, GraphFault::TooLarge { limit: 999 }));
    let other = Private::new("another".to_owned());
    let fault = graph
        .recording(&location, &other, 1000)
        .await
        .expect_err("refused");
    assert!(fault.is_gone());
}

#[tokio::test]
async fn a_call_is_kept_alive_every_quarter_of_an_hour() {
    let server = platform().await;
    Mock::given(path(format!("{CALL_PATH}/keepAlive")))
        .respond_with(ResponseTemplate::new(200))
        .mount(&server)
        .await;
    let graph = client(&server);
    tokio::time::pause();
    let kept = KeepAlive::start(graph, call());
    tokio::task::yield_now().await;
    tokio::time::advance(Duration::from_secs(15 * 60 + 1)).await;
    // The network does not know of our time.
    tokio::time::resume();
    let waited = tokio::time::timeout(Duration::from_secs(20), async {
        while sent(&server).await.is_empty() {
            tokio::task::yield_now().await;
        }
    });
    waited.await.expect("it was kept alive");
    drop(kept);
    assert_eq!(sent(&server).await.len(), 1);
}

#[test]
fn a_wrong_set_up_is_one_clear_sentence() {
    let config = GraphConfig {
        base: "not an address".into(),
        ..GraphConfig::new("app", "secret", "tenant")
    };
    let fault = GraphClient::new(config).expect_err("no address");
    assert_eq!(fault.to_string(), "`not an address` is not a URL");
    let config = GraphConfig {
        ca_file: Some("no/such/file.pem".into()),
        ..GraphConfig::new("app", "secret", "tenant")
    };
    let fault = GraphClient::new(config).expect_err("no file").to_string();
    assert!(fault.starts_with("the certificate authority file no/such/file.pem cannot be used: "));
}
