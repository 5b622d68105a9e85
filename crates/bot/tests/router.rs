//! The router: who is believed, what is told, in which order, and what happens meanwhile.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode};
use offhook_bot::identity::{KeySet, NotificationGrant, SigningKey, SigningKeys};
use offhook_bot::limits::MAILBOX_EVENTS_MAX;
use offhook_bot::wire::graph::OperationKind;
use offhook_bot::{CallContexts, CallId, Event, Keys, NotificationRouter, RouterConfig};
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};
use tower::ServiceExt;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

const CALL: &str = "57dab8b1-894c-409a-b240-bd8beae78896";

/// Long enough for any machine; reached only when a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

struct Bot {
    keys: SigningKeys,
    routes: Router,
    told: mpsc::UnboundedReceiver<String>,
    contexts: CallContexts,
}

fn config(keys: &SigningKeys) -> RouterConfig {
    RouterConfig {
        keys: Keys::Fixed(KeySet::new(keys.public_keys())),
        ..RouterConfig::new("app")
    }
}

fn word(event: &Event) -> String {
    match event {
        Event::Incoming(call) => {
            let source = call.source.as_ref().and_then(|s| s.identity.user());
            let name = source.and_then(|user| user.display_name.as_ref());
            format!("incoming {}", name.map_or("nobody", |name| name.reveal()))
        }
        Event::Establishing(_) => "establishing".into(),
        Event::Established { audio_active, .. } => format!("established {audio_active}"),
        Event::Terminated { .. } => "terminated".into(),
        Event::OperationEnded(ended) => format!("ended {:?}", ended.kind),
        Event::Other(_) => "other".into(),
        Event::Roster(roster) => format!("roster of {}", roster.len()),
        _ => "something else".into(),
    }
}

fn keys() -> SigningKeys {
    SigningKeys::new(SigningKey::generate().expect("this machine makes keys"))
}

impl Bot {
    fn new() -> Self {
        let keys = keys();
        let config = config(&keys);
        Self::with(keys, config)
    }

    fn with(keys: SigningKeys, config: RouterConfig) -> Self {
        let (tell, told) = mpsc::unbounded_channel();
        let contexts = CallContexts::default();
        let handler = move |call: CallId, event: Event| {
            let _ = tell.send(format!("{call} {}", word(&event)));
            std::future::ready(())
        };
        let router = NotificationRouter::new(config, contexts.clone(), handler);
        let routes = router.expect("a router").routes();
        Self {
            keys,
            routes,
            told,
            contexts,
        }
    }

    async fn told(&mut self, expected: &[&str]) {
        for one in expected {
            let told = tokio::time::timeout(PATIENCE, self.told.recv()).await;
            let told = told
                .ok()
                .flatten()
                .unwrap_or_else(|| panic!("never told: {one}"));
            assert_eq!(told.strip_prefix(&format!("{CALL} ")), Some(*one), "{told}");
        }
    }

    fn nothing_more(&mut self) {
        assert!(self.told.try_recv().is_err());
    }

    async fn post(&self, body: Value) -> StatusCode {
        post(
            &self.routes,
            Some(&good_token(&self.keys)),
            None,
            body.to_string(),
        )
        .await
    }
}

fn good_token(keys: &SigningKeys) -> String {
    let minted = NotificationGrant::new("app", "tenant").issue(keys, SystemTime::now());
    minted.expect("our key signs").token.into_inner()
}

async fn post(
    routes: &Router,
    token: Option<&str>,
    message: Option<&str>,
    body: impl Into<Body>,
) -> StatusCode {
    let mut request = Request::post("/callback").header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    if let Some(message) = message {
        request = request.header("x-microsoft-skype-message-id", message);
    }
    let request = request.body(body.into()).expect("a request");
    routes
        .clone()
        .oneshot(request)
        .await
        .expect("an answer")
        .status()
}

fn one(path: &str, data: Value) -> Value {
    json!({"value": [{"changeType": "updated", "resourceUrl": path, "resourceData": data}]})
}

fn call_is(etag: u32, state: &str) -> Value {
    let data = json!({"@odata.type": "#microsoft.graph.call", "state": state,
        "@odata.etag": format!("W/\"{etag}\"")});
    one(&format!("/communications/calls/{CALL}"), data)
}

#[tokio::test]
async fn only_those_who_are_believed_are_heard() {
    let mut bot = Bot::new();
    let body = call_is(1, "incoming").to_string();
    let theirs = good_token(&keys());
    let wrong_audience =
        NotificationGrant::new("another", "tenant").issue(&bot.keys, SystemTime::now());
    let wrong_audience = wrong_audience.expect("our key signs").token.into_inner();
    let long_ago = SystemTime::now() - Duration::from_secs(24 * 60 * 60);
    let expired = NotificationGrant::new("app", "tenant").issue(&bot.keys, long_ago);
    let expired = expired.expect("our key signs").token.into_inner();
    for token in [
        None,
        Some(""),
        Some("junk"),
        Some(&*theirs),
        Some(&*wrong_audience),
        Some(&*expired),
    ] {
        let status = post(&bot.routes, token, None, body.clone()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{token:?}");
    }
    assert_eq!(bot.post(call_is(1, "incoming")).await, StatusCode::ACCEPTED);
    bot.told(&["incoming nobody"]).await;
    bot.nothing_more();
}

#[tokio::test]
async fn a_repeated_delivery_is_acknowledged_and_not_told() {
    let mut bot = Bot::new();
    let token = good_token(&bot.keys);
    for message in ["1", "1", "2"] {
        // Without numbers, so that only the message's name tells them apart.
        let data = json!({"@odata.type": "#microsoft.graph.call", "state": "establishing"});
        let body = one(&format!("/communications/calls/{CALL}"), data).to_string();
        let status = post(&bot.routes, Some(&token), Some(message), body).await;
        assert_eq!(status, StatusCode::ACCEPTED);
    }
    bot.post(call_is(9, "terminated")).await;
    bot.told(&["establishing", "establishing", "terminated"])
        .await;
}

#[tokio::test]
async fn what_comes_out_of_order_is_put_together() {
    let mut bot = Bot::new();
    for (etag, state) in [
        (1, "incoming"),
        (3, "established"),
        (2, "establishing"),
        (3, "established"),
        (5, "terminated"),
        (4, "established"),
    ] {
        assert_eq!(bot.post(call_is(etag, state)).await, StatusCode::ACCEPTED);
    }
    bot.told(&["incoming nobody", "established false", "terminated"])
        .await;
    bot.nothing_more();
}

#[tokio::test]
async fn types_nobody_knows_are_told_as_such() {
    let mut bot = Bot::new();
    let path = format!(
        "communications/calls/{}",
        CALL.replace('-', "").to_uppercase()
    );
    bot.post(one(
        &format!("{path}/new"),
        json!({"@odata.type": "#microsoft.graph.new", "a": [1]}),
    ))
    .await;
    bot.post(one(&format!("{path}/participants"), json!([])))
        .await;
    bot.post(one(
        &path,
        json!({"@odata.type": "#Microsoft.Graph.Call", "state": "Establishing"}),
    ))
    .await;
    bot.post(one("/nothing/known", json!({}))).await;
    bot.post(json!({"value": []})).await;
    bot.post(one(
        &path,
        json!({"@odata.type": "#microsoft.graph.call", "state": "Terminated"}),
    ))
    .await;
    bot.told(&["other", "roster of 0", "establishing", "terminated"])
        .await;
    bot.nothing_more();
}

#[tokio::test]
async fn a_western_code_page_is_read() {
    let mut bot = Bot::new();
    let data = json!({"@odata.type": "#microsoft.graph.call", "state": "incoming",
        "source": {"identity": {"user": {"displayName": "Zo~"}}}});
    let body = one(&format!("/communications/calls/{CALL}"), data).to_string();
    let body: Vec<u8> = body
        .bytes()
        .map(|b| if b == b'~' { 0xeb } else { b })
        .collect();
    let request = Request::post("/callback")
        .header("content-type", "application/json; charset=Windows-1252")
        .header("authorization", format!("Bearer {}", good_token(&bot.keys)))
        .body(Body::from(body))
        .expect("a request");
    let response = bot
        .routes
        .clone()
        .oneshot(request)
        .await
        .expect("an answer");
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    bot.told(&["incoming Zoë"]).await;
}

#[tokio::test]
async fn what_is_no_delivery_is_refused() {
    let mut bot = Bot::new();
    let token = good_token(&bot.keys);
    for body in ["", "{", "[]", "null", "\u{feff}"] {
        let status = post(&bot.routes, Some(&token), None, body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
    }
    let huge = vec![b' '; 3 * 1024 * 1024];
    let status = post(&bot.routes, Some(&token), None, huge).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    bot.nothing_more();
}

#[tokio::test]
async fn the_platform_is_answered_before_the_handler_is_done_and_calls_do_not_wait_for_each_other()
{
    let keys = keys();
    let gate = Arc::new(Notify::new());
    let (tell, mut told) = mpsc::unbounded_channel();
    let handler = {
        let gate = Arc::clone(&gate);
        move |call: CallId, _: Event| {
            let (gate, tell) = (Arc::clone(&gate), tell.clone());
            async move {
                if call.as_str() == CALL {
                    gate.notified().await;
                }
                let _ = tell.send(call.to_string());
            }
        }
    };
    let router = NotificationRouter::new(config(&keys), CallContexts::default(), handler);
    let router = router.expect("a router");
    let token = good_token(&keys);
    let body = |path: &str| {
        one(
            path,
            json!({"@odata.type": "#microsoft.graph.call", "state": "incoming"}),
        )
        .to_string()
    };
    let stuck = body(&format!("/communications/calls/{CALL}"));
    let status = post(&router.routes(), Some(&token), None, stuck).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let status = post(
        &router.routes(),
        Some(&token),
        None,
        body("/communications/calls/other"),
    )
    .await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(told.recv().await.as_deref(), Some("other"));
    gate.notify_one();
    assert_eq!(told.recv().await.as_deref(), Some(CALL));

    // Going down waits for what was accepted and takes nothing more.
    router.drain().await;
    let status = post(
        &router.routes(),
        Some(&token),
        None,
        body("/communications/calls/third"),
    )
    .await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_full_mailbox_makes_the_delivery_come_again() {
    let keys = keys();
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let (tell, mut told) = mpsc::unbounded_channel();
    let handler = {
        let gate = Arc::clone(&gate);
        move |_: CallId, event: Event| {
            let (gate, tell) = (Arc::clone(&gate), tell.clone());
            async move {
                gate.acquire().await.expect("it stays open").forget();
                let _ = tell.send(word(&event));
            }
        }
    };
    let router = NotificationRouter::new(config(&keys), CallContexts::default(), handler);
    let routes = router.expect("a router").routes();
    let token = good_token(&keys);
    let mut sent = 0u32;
    let refused = loop {
        let body = call_is(sent + 1, "established").to_string();
        let status = post(&routes, Some(&token), Some(&sent.to_string()), body.clone()).await;
        if status != StatusCode::ACCEPTED {
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
            break body;
        }
        sent += 1;
        assert!(
            sent as usize <= MAILBOX_EVENTS_MAX + 1,
            "the bound is never reached"
        );
    };
    gate.add_permits(sent as usize + 1);
    for _ in 0..sent {
        assert_eq!(told.recv().await.as_deref(), Some("established false"));
    }
    // The same message, again: it was not taken before, so it is taken now.
    let status = post(&routes, Some(&token), Some(&sent.to_string()), refused).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(told.recv().await.as_deref(), Some("established false"));
}

#[tokio::test]
async fn a_handler_that_panics_loses_one_event() {
    let keys = keys();
    let (tell, mut told) = mpsc::unbounded_channel();
    let handler = move |_: CallId, event: Event| {
        let tell = tell.clone();
        async move {
            assert!(!matches!(event, Event::Incoming(_)), "a fault of the bot");
            let _ = tell.send(word(&event));
        }
    };
    let router = NotificationRouter::new(config(&keys), CallContexts::default(), handler);
    let routes = router.expect("a router").routes();
    let token = good_token(&keys);
    for (etag, state) in [(1, "incoming"), (2, "establishing")] {
        post(
            &routes,
            Some(&token),
            None,
            call_is(etag, state).to_string(),
        )
        .await;
    }
    assert_eq!(told.recv().await.as_deref(), Some("establishing"));
}

#[tokio::test]
async fn a_context_of_our_own_chooses_the_call_and_a_foreign_one_does_not() {
    let mut bot = Bot::new();
    let ours = bot.contexts.issue(&CallId::new(CALL));
    let ended = |context: &str, id: &str, call: &str| {
        one(
            &format!("/communications/calls/{call}/operations/{id}"),
            json!({"@odata.type": "#microsoft.graph.recordOperation", "id": id, "status": "completed",
                "clientContext": context}),
        )
    };
    bot.post(ended(&ours, "1", "elsewhere")).await;
    bot.post(ended("elsewhere", "2", CALL)).await;
    let told = format!("ended {:?}", OperationKind::Record);
    bot.told(&[&told, &told]).await;
    // It has ended, so it chooses nothing any more.
    assert_eq!(bot.contexts.call(&ours), None);
}

async fn issuer(keys: &SigningKeys) -> MockServer {
    let server = MockServer::start().await;
    publish(&server, keys, 1).await;
    server
}

/// Publishes keys for so many requests.
async fn publish(server: &MockServer, keys: &SigningKeys, times: u64) {
    let metadata = json!({"issuer": "https://api.botframework.com", "jwks_uri": format!("{}/keys", server.uri())});
    Mock::given(path("/metadata"))
        .respond_with(ResponseTemplate::new(200).set_body_json(metadata))
        .mount(server)
        .await;
    let published: Vec<Value> = keys
        .public_keys()
        .into_iter()
        .map(|key| json!({"kty": "RSA", "use": "sig", "kid": key.kid, "n": key.n, "e": key.e}))
        .collect();
    Mock::given(path("/keys"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"keys": published})))
        .up_to_n_times(times)
        .mount(server)
        .await;
}

async fn fetched(server: &MockServer) -> usize {
    let requests = server.received_requests().await.expect("requests are kept");
    requests
        .iter()
        .filter(|request| request.url.path() == "/keys")
        .count()
}

fn published_at(server: &MockServer) -> RouterConfig {
    RouterConfig {
        metadata_url: format!("{}/metadata", server.uri()),
        ..RouterConfig::new("app")
    }
}

#[tokio::test]
async fn keys_are_fetched_once_and_again_for_an_unknown_one_but_not_for_every_one() {
    let mut keys = keys();
    let server = issuer(&keys).await;
    let mut bot = Bot::with(keys.clone(), published_at(&server));
    for etag in 1..=3 {
        assert_eq!(
            bot.post(call_is(etag, "establishing")).await,
            StatusCode::ACCEPTED
        );
    }
    assert_eq!(fetched(&server).await, 1);

    // The issuer rotates: within the minute the new key is not believed yet.
    keys.rotate(SigningKey::generate().expect("this machine makes keys"));
    publish(&server, &keys, 1).await;
    bot.keys = keys;
    assert_eq!(
        bot.post(call_is(4, "establishing")).await,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(fetched(&server).await, 1);

    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::time::resume();
    assert_eq!(
        bot.post(call_is(5, "establishing")).await,
        StatusCode::ACCEPTED
    );
    assert_eq!(fetched(&server).await, 2);
    let theirs = good_token(&self::keys());
    let status = post(
        &bot.routes,
        Some(&theirs),
        None,
        call_is(6, "establishing").to_string(),
    )
    .await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(fetched(&server).await, 2);
    bot.told(&["establishing"; 4]).await;
}

#[tokio::test]
async fn old_keys_are_better_than_none_and_none_means_later() {
    let keys = keys();
    let server = issuer(&keys).await;
    let bot = Bot::with(keys.clone(), published_at(&server));
    assert_eq!(
        bot.post(call_is(1, "establishing")).await,
        StatusCode::ACCEPTED
    );
    // Two hours later the issuer answers 404 to everything.
    server.reset().await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(2 * 60 * 60 + 1)).await;
    tokio::time::resume();
    let fresh = NotificationGrant::new("app", "another tenant").issue(&keys, SystemTime::now());
    let fresh = fresh.expect("our key signs").token.into_inner();
    let status = post(
        &bot.routes,
        Some(&fresh),
        None,
        call_is(2, "establishing").to_string(),
    )
    .await;
    assert_eq!(status, StatusCode::ACCEPTED);

    let nowhere = Bot::with(keys, published_at(&server));
    assert_eq!(
        nowhere.post(call_is(1, "incoming")).await,
        StatusCode::SERVICE_UNAVAILABLE
    );
}
