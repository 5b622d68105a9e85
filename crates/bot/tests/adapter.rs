//! The adapter over HTTP: what a channel sends and what it gets.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use async_trait::async_trait;
use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use offhook_bot::Keys;
use offhook_bot::identity::{AccessGrant, KeySet, NotificationGrant, SigningKey, SigningKeys};
use offhook_bot::turns::{Adapter, Bot, BotFault, InvokeResponse, Login, Reference, Turn};
use offhook_bot::wire::activity::ChannelAccount;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tower::ServiceExt;
use wiremock::matchers::{body_partial_json, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

#[derive(Default)]
struct Tester {
    at_once: AtomicUsize,
    failures: AtomicUsize,
    /// What `patient` waits for.
    go_on: Notify,
    went_on: Notify,
}

#[async_trait]
impl Bot for Tester {
    async fn on_message(&self, turn: &mut Turn) -> Result<(), BotFault> {
        match turn.text() {
            "panic" => panic!("as asked"),
            "fail" => Err(BotFault::new("as asked")),
            "patient" => {
                self.go_on.notified().await;
                self.went_on.notify_one();
                Ok(())
            }
            "slow" => {
                assert_eq!(self.at_once.fetch_add(1, Ordering::SeqCst), 0);
                let document = turn.conversation().await?;
                let count: u32 = document.get("count")?.unwrap_or_default();
                tokio::task::yield_now().await;
                document.set("count", count + 1)?;
                self.at_once.fetch_sub(1, Ordering::SeqCst);
                Ok(turn.say(format!("{}", count + 1)).await.map(drop)?)
            }
            said => {
                let said = said.to_owned();
                turn.say(said).await?;
                Ok(())
            }
        }
    }

    async fn on_members_added(
        &self,
        turn: &mut Turn,
        members: &[ChannelAccount],
    ) -> Result<(), BotFault> {
        turn.say(format!("{} came", members.len())).await?;
        Ok(())
    }

    async fn on_event(&self, turn: &mut Turn, name: &str) -> Result<(), BotFault> {
        turn.say(name).await?;
        Ok(())
    }

    async fn on_invoke(
        &self,
        _: &mut Turn,
        name: &str,
        value: Value,
    ) -> Result<Option<InvokeResponse>, BotFault> {
        Ok((name == "task/fetch").then(|| InvokeResponse::ok(json!({ "task": value }))))
    }

    async fn on_error(&self, _: &mut Turn, fault: BotFault) -> Result<(), BotFault> {
        self.failures.fetch_add(1, Ordering::SeqCst);
        Err(fault)
    }
}

fn activity(service_url: &str, more: Value) -> Value {
    let mut activity = json!({
        "type": "message", "id": "a-1", "channelId": "telephony", "serviceUrl": service_url,
        "from": {"id": "+14255550100"}, "recipient": {"id": "bot"},
        "conversation": {"id": "call/1"}, "locale": "en-GB",
    });
    for (name, value) in more.as_object().expect("an object") {
        activity[name] = value.clone();
    }
    activity
}

async fn post(adapter: &Adapter<Tester>, body: String, token: Option<&str>) -> (StatusCode, Value) {
    let mut request = Request::post("/api/messages").header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let request = request.body(Body::from(body)).expect("a request");
    let response = adapter.routes().oneshot(request).await.expect("an answer");
    let status = response.status();
    let body = response
        .into_body()
        .collect()
        .await
        .expect("a body")
        .to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

/// A connector that takes everything.
async fn connector() -> MockServer {
    let server = MockServer::start().await;
    let taken = ResponseTemplate::new(200).set_body_json(json!({"id": "sent"}));
    Mock::given(method("POST"))
        .and(path("/s/v3/conversations/call%2F1/activities/a-1"))
        .respond_with(taken)
        .mount(&server)
        .await;
    server
}

#[tokio::test]
async fn what_the_bot_says_goes_to_the_connector() {
    let server = connector().await;
    let adapter = Adapter::new(Tester::default());
    // With and without a slash at the end.
    for (n, end) in ["", "/"].into_iter().enumerate() {
        let url = format!("{}/s{end}", server.uri());
        let told = activity(&url, json!({"text": "hello"})).to_string();
        let answer = post(&adapter, told, None).await;
        assert_eq!(answer, (StatusCode::OK, Value::Null));
        let requests = server.received_requests().await.expect("recorded");
        let request = requests.last().expect("one came");
        assert_eq!(requests.len(), n + 1);
        assert!(request.headers.get("authorization").is_none());
        let sent: Value = request.body_json().expect("JSON");
        let wanted = json!({
            "type": "message", "channelId": "telephony", "serviceUrl": url, "text": "hello",
            "from": {"id": "bot"}, "recipient": {"id": "+14255550100"},
            "conversation": {"id": "call/1"}, "locale": "en-GB", "replyToId": "a-1",
            "inputHint": "acceptingInput",
        });
        assert_eq!(sent, wanted);
    }
}

#[tokio::test]
async fn replies_can_be_the_answer() {
    let adapter = Adapter::new(Tester::default());
    let told = activity(
        "http://127.0.0.1:9",
        json!({"text": "hello", "deliveryMode": "expectReplies"}),
    );
    let (status, body) = post(&adapter, told.to_string(), None).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["activities"][0]["text"], "hello");
    assert_eq!(body["activities"][0]["replyToId"], "a-1");

    let told = activity(
        "http://127.0.0.1:9",
        json!({"type": "conversationUpdate", "deliveryMode": "expectReplies",
            "membersAdded": [{"id": "bot"}, {"id": "+14255550100"}]}),
    );
    let (_, body) = post(&adapter, told.to_string(), None).await;
    assert_eq!(body["activities"][0]["text"], "1 came");
}

#[tokio::test]
async fn an_invoke_is_answered_at_once() {
    let adapter = Adapter::new(Tester::default());
    let invoke = |name| activity("", json!({"type": "invoke", "name": name, "value": 7}));
    let answer = post(&adapter, invoke("task/fetch").to_string(), None).await;
    assert_eq!(answer, (StatusCode::OK, json!({"task": 7})));
    let (status, _) = post(&adapter, invoke("task/other").to_string(), None).await;
    assert_eq!(status, StatusCode::NOT_IMPLEMENTED);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_by_name() {
    let adapter = Adapter::new(Tester::default());
    for (body, says) in [
        ("{", "no JSON"),
        ("[]", "object"),
        (r#"{"text": "hello"}"#, "'type'"),
        (r#"{"type": "message", "from": 7}"#, "'from'"),
    ] {
        let (status, body) = post(&adapter, body.to_owned(), None).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        let message = body["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(says), "{message}");
    }
    let long = format!(
        r#"{{"type": "message", "text": "{}"}}"#,
        "x".repeat(2 << 20)
    );
    let (status, _) = post(&adapter, long, None).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_turn_that_fails_is_told_to_the_hook_and_one_that_panics_hurts_nobody_else() {
    let adapter = Adapter::new(Tester::default());
    for said in ["fail", "panic", "fail"] {
        let told = activity("http://127.0.0.1:9", json!({ "text": said }));
        let (status, _) = post(&adapter, told.to_string(), None).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    }
    assert_eq!(adapter.bot().failures.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn turns_of_one_conversation_come_one_at_a_time() {
    let adapter = Adapter::new(Tester::default());
    let tells = (0..50).map(|_| {
        let adapter = adapter.clone();
        let told = activity("", json!({"text": "slow", "deliveryMode": "expectReplies"}));
        tokio::spawn(async move { post(&adapter, told.to_string(), None).await })
    });
    let mut counts = Vec::new();
    for told in futures::future::join_all(tells).await {
        let (status, body) = told.expect("no panic");
        assert_eq!(status, StatusCode::OK);
        let count = body["activities"][0]["text"].as_str().expect("a text");
        counts.push(count.parse::<u32>().expect("a number"));
    }
    counts.sort_unstable();
    assert_eq!(counts, (1..=50).collect::<Vec<_>>());
}

#[tokio::test]
async fn only_the_channel_is_believed_and_it_is_answered_with_a_token() {
    let keys = SigningKeys::new(SigningKey::generate().expect("a key"));
    let server = MockServer::start().await;
    let granted = json!({"token_type": "Bearer", "expires_in": 3600, "access_token": "the-token"});
    Mock::given(method("POST"))
        .and(path("/the-tenant/oauth2/v2.0/token"))
        .respond_with(ResponseTemplate::new(200).set_body_json(granted))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(header("authorization", "Bearer the-token"))
        .and(body_partial_json(json!({"text": "hello"})))
        .respond_with(ResponseTemplate::new(201).set_body_json(json!({"id": "sent"})))
        .expect(2)
        .mount(&server)
        .await;
    let mut login = Login::private(&server.uri(), "the-tenant", "the-bot", "the-secret");
    login.keys = Keys::Fixed(KeySet::new(keys.public_keys()));
    login.emulator = Some(offhook_bot::turns::EmulatorLogin {
        issuers: vec!["http://emulator".to_owned()],
        metadata_url: server.uri(),
    });
    let adapter = Adapter::with_login(Tester::default(), &login).expect("a login");

    let now = SystemTime::now();
    let channel = |app: &str, url: &str| {
        let grant = NotificationGrant::new(app, "the-tenant").for_service(url);
        let minted = grant.issue(&keys, now).expect("a token");
        minted.token.reveal().clone()
    };
    let own = |app: &str, issuer: &str| {
        let mut grant = AccessGrant::new(issuer, app, "the-tenant", Vec::new());
        grant.audience = "the-bot".to_owned();
        let minted = grant.issue(&keys, now).expect("a token");
        minted.token.reveal().clone()
    };
    let url = server.uri();
    let told = activity(&url, json!({"text": "hello"})).to_string();
    for (token, status) in [
        (Some(channel("the-bot", &url)), StatusCode::OK),
        (Some(own("the-bot", "http://emulator")), StatusCode::OK),
        (Some(channel("another", &url)), StatusCode::UNAUTHORIZED),
        (
            Some(channel("the-bot", "http://thief")),
            StatusCode::UNAUTHORIZED,
        ),
        (
            Some(own("another", "http://emulator")),
            StatusCode::UNAUTHORIZED,
        ),
        (
            Some(own("the-bot", "http://thief")),
            StatusCode::UNAUTHORIZED,
        ),
        (Some("rubbish".to_owned()), StatusCode::UNAUTHORIZED),
        (None, StatusCode::UNAUTHORIZED),
    ] {
        let (is, _) = post(&adapter, told.clone(), token.as_deref()).await;
        assert_eq!(is, status);
    }
}

#[tokio::test]
async fn a_key_speaks_for_the_channels_it_names_and_for_any_when_it_names_none() {
    let keys = SigningKeys::new(SigningKey::generate().expect("a key"));
    let grant = NotificationGrant::new("the-bot", "the-tenant").for_service("http://nowhere");
    let minted = grant.issue(&keys, SystemTime::now()).expect("a token");
    let told = activity(
        "http://nowhere",
        json!({"text": "hi", "deliveryMode": "expectReplies"}),
    );
    for (channels, status) in [
        (&["msteams", "telephony"][..], StatusCode::OK),
        (&[], StatusCode::OK),
        (&["msteams"], StatusCode::UNAUTHORIZED),
        (&["Telephony"], StatusCode::UNAUTHORIZED),
    ] {
        let named = keys.public_keys().into_iter().map(|mut key| {
            key.endorsements = channels.iter().map(|&channel| channel.to_owned()).collect();
            key
        });
        let mut login = Login::private("http://nowhere", "the-tenant", "the-bot", "the-secret");
        login.keys = Keys::Fixed(KeySet::new(named));
        let adapter = Adapter::with_login(Tester::default(), &login).expect("a login");
        let token = minted.token.reveal().as_str();
        let (is, _) = post(&adapter, told.to_string(), Some(token)).await;
        assert_eq!(is, status, "{channels:?}");
    }
}

#[tokio::test]
async fn a_conversation_is_gone_on_with_later() {
    let server = connector().await;
    let adapter = Adapter::new(Tester::default());
    let url = format!("{}/s", server.uri());
    let told = serde_json::from_value(activity(&url, json!({}))).expect("an activity");
    let kept = serde_json::to_string(&Reference::of(&told)).expect("JSON");
    let reference: Reference = serde_json::from_str(&kept).expect("JSON");
    let adapter = Arc::new(adapter);
    let done = adapter.continue_conversation(&reference).await;
    done.expect("it was said");
    let requests = server.received_requests().await.expect("recorded");
    let sent: Value = requests[0].body_json().expect("JSON");
    assert_eq!(sent["text"], "ContinueConversation");
    assert_eq!(sent["recipient"]["id"], "+14255550100");
}
