use std::path::Path as Folder;

use axum::body::to_bytes;
use futures::future::join_all;
use http::Request;
use tower::ServiceExt as _;

use super::*;
use crate::http::PublicBase;
use crate::registry::Registry;

const KEY: &str = "/broker/s/sesame";

struct World {
    broker: Arc<Broker>,
    store: Store,
    token: String,
}

async fn world(data: &Folder, numbers: &[&str], wait: Duration) -> World {
    crate::store::open_folder(data).expect("a folder");
    let webhook = url::Url::parse("http://127.0.0.1:1/").expect("a URL");
    let config = config::Config {
        bots: vec![config::Bot::new("bot", "bot", webhook)],
        ..config::Config::default()
    };
    let registry = Arc::new(Registry::open(&config, data).expect("good"));
    let store = Store::open(data).await.expect("opens");
    let login = Login::open(
        config::Login::default(),
        PublicBase::for_tests(),
        Arc::clone(&registry),
        store.clone(),
        clock::wall(),
    );
    let login = login.await.expect("opens");
    let bot = registry.bot_by_sip_user("bot").expect("one");
    let token = login.access_token_for_tests(bot, Vec::new(), clock::wall());
    let settings = config::Broker {
        numbers: numbers.iter().map(|one| (*one).to_owned()).collect(),
        key: Some(Private::new("sesame".to_owned())),
        wait,
        ..config::Broker::default()
    };
    let broker = Broker::open(&settings, store.clone(), login)
        .await
        .expect("opens");
    World {
        broker,
        store,
        token,
    }
}

impl World {
    async fn ask(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: &str,
    ) -> (u16, String) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request
            .body(Body::from(body.to_owned()))
            .expect("a request");
        let answer = routes(Arc::clone(&self.broker)).oneshot(request).await;
        let answer = answer.expect("never fails");
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), 1 << 20).await.expect("a body");
        (status, String::from_utf8_lossy(&body).into_owned())
    }
}

#[tokio::test]
async fn what_is_left_under_a_number_is_read_once_and_only_by_some() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let world = world(data.path(), &["+14255550170"], Duration::from_millis(20)).await;
    let context = r#"{"UserName":"Ada"}"#;
    let held = (200, "14255550170".to_owned());
    assert_eq!(world.ask("POST", KEY, None, context).await, held);
    assert_eq!(world.ask("POST", KEY, None, context).await.0, 503);
    let number = format!("{KEY}/14255550170");
    for (path, token) in [
        ("/broker/14255550170", None),
        ("/broker/s/open/14255550170", None),
        ("/broker/14255550170", Some("x")),
    ] {
        assert_eq!(world.ask("GET", path, token, "").await.0, 401);
    }
    assert_eq!(
        world.ask("GET", &number, None, "").await,
        (200, context.to_owned())
    );
    assert_eq!(
        world.ask("GET", &number, None, "").await,
        (200, "{}".to_owned())
    );
    let token = Some(world.token.as_str());
    assert_eq!(world.ask("POST", "/broker", token, context).await, held);
    assert_eq!(
        world
            .ask("DELETE", "/broker/+14255550170", token, "")
            .await
            .0,
        204
    );
    assert_eq!(
        world.ask("GET", "/broker/14255550170", token, "").await.1,
        "{}"
    );
    for (bad, status) in [
        ("", 400),
        ("null", 400),
        ("[1]", 400),
        (&*" ".repeat(20_000), 413),
    ] {
        assert_eq!(world.ask("POST", KEY, None, bad).await.0, status);
    }
    world.store.close().await;
}

#[tokio::test]
async fn what_is_held_survives_a_restart() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let first = world(data.path(), &["1", "2", "3"], Duration::from_millis(20)).await;
    assert_eq!(first.ask("POST", KEY, None, r#"{"a":1}"#).await.1, "1");
    assert_eq!(first.ask("POST", KEY, None, r#"{"b":1}"#).await.1, "2");
    first.ask("GET", &format!("{KEY}/2"), None, "").await;
    first.store.close().await;
    drop(first);
    let second = world(data.path(), &["1", "2"], Duration::from_millis(20)).await;
    assert_eq!(second.ask("POST", KEY, None, "{}").await.1, "2");
    assert_eq!(
        second.ask("GET", &format!("{KEY}/1"), None, "").await.1,
        r#"{"a":1}"#
    );
    second.store.close().await;
}

/// Thousands at once, on a few numbers: none is ever held by two, and all are served.
#[tokio::test(flavor = "multi_thread")]
async fn thousands_share_a_few_numbers() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let world = Arc::new(
        world(
            data.path(),
            &["1", "2", "3", "4", "5"],
            Duration::from_secs(100),
        )
        .await,
    );
    let held = Arc::new(Mutex::new(std::collections::HashSet::new()));
    let users = (0..3_000).map(|user| {
        let (world, held) = (Arc::clone(&world), Arc::clone(&held));
        tokio::spawn(async move {
            let context = json!({ "user": user }).to_string();
            let (status, number) = world.ask("POST", KEY, None, &context).await;
            assert_eq!(status, 200);
            assert!(
                held.lock().expect("whole").insert(number.clone()),
                "held twice"
            );
            tokio::task::yield_now().await;
            assert!(held.lock().expect("whole").remove(&number));
            let read = world.ask("GET", &format!("{KEY}/{number}"), None, "").await;
            assert_eq!(read, (200, context));
        })
    });
    for user in join_all(users).await {
        user.expect("served");
    }
    world.store.close().await;
}
