//! Recordings on a real disk, and who may have them.

use axum::body::to_bytes;
use http::{Request, header};
use offhook_terms::{CallId, LegId, Private};
use tower::ServiceExt as _;

use super::*;
use crate::http::PublicBase;
use crate::registry::Registry;

const DOCUMENT: DocumentId = DocumentId::from_bits(0x11111111_1111_4111_8111_111111111111);
const KEY: &[u8] = b"key";
const HOST: &str = "127.0.0.1:8080";

struct World {
    tapes: Arc<Tapes>,
    store: Store,
    login: Arc<Login>,
    registry: Arc<Registry>,
}

async fn world(data: &Path, retention: Duration) -> World {
    crate::store::open_folder(data).expect("a folder");
    let bot = |name: &str| {
        let webhook = url::Url::parse("http://127.0.0.1:1/").expect("a URL");
        config::Bot::new(name, name, webhook)
    };
    let config = config::Config {
        bots: vec![bot("one"), bot("two")],
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
    let answers = Recordings::open(store.clone(), data, retention, "http://h".to_owned(), None);
    let means = Means {
        base: format!("http://{HOST}"),
        seal: None,
        login: Arc::clone(&login),
        answers: answers.await.expect("opens"),
        trust: crate::outgoing::trust_nobody(),
    };
    let settings = config::Recordings {
        retention,
        access_key: Some(Private::new(STANDARD.encode(KEY))),
        ..config::Recordings::default()
    };
    let tapes = Tapes::open(&settings, data, &store, means)
        .await
        .expect("opens");
    World {
        tapes,
        store,
        login,
        registry,
    }
}

impl World {
    fn bot(&self, user: &str) -> &crate::registry::Bot {
        self.registry.bot_by_sip_user(user).expect("one")
    }

    fn about(&self) -> About {
        About {
            document: DOCUMENT,
            call: CallId::from_bits(2),
            leg: LegId::from_bits(3),
            bot: self.bot("one").app,
            caller: Private::new("+14255550100".to_owned()),
            began_ms: ms(clock::wall()),
            kind: Kind::Transcript,
            metadata: None,
        }
    }

    async fn ask(&self, method: &str, path: &str, headers: http::HeaderMap) -> (u16, String) {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(name.expect("one each"), value);
        }
        let request = request.body(axum::body::Body::empty()).expect("a request");
        let router = routes(Arc::clone(&self.tapes));
        let answer = router.oneshot(request).await.expect("never fails");
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), 1 << 20).await.expect("a body");
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    async fn signed(&self, method: &str, path: &str) -> (u16, String) {
        let headers = routes::signed_headers(KEY, method, path, HOST);
        self.ask(method, path, headers).await
    }

    fn token_of(&self, bot: &str) -> http::HeaderMap {
        let token = self
            .login
            .access_token_for_tests(self.bot(bot), Vec::new(), clock::wall());
        let mut headers = http::HeaderMap::new();
        let value = format!("Bearer {token}").parse().expect("a header");
        headers.insert(header::AUTHORIZATION, value);
        headers
    }
}

fn files(data: &Path) -> usize {
    fs::read_dir(data.join("calls")).expect("a folder").count()
}

#[tokio::test]
async fn a_file_is_for_the_key_its_bot_and_a_link_and_for_nobody_else() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let world = world(data.path(), Duration::from_secs(600)).await;
    world.tapes.keep_transcript(world.about(), b"[1]");
    let path = format!("/recording/download/{DOCUMENT}");
    let fetched = (200, "[1]".to_owned());
    assert_eq!(world.signed("GET", &path).await, fetched);
    assert_eq!(
        world.ask("GET", &path, world.token_of("one")).await,
        fetched
    );
    assert_eq!(world.ask("GET", &path, world.token_of("two")).await.0, 404);
    assert_eq!(world.ask("GET", &path, http::HeaderMap::new()).await.0, 401);

    let other_key = routes::signed_headers(b"other", "GET", &path, HOST);
    let other_path = routes::signed_headers(KEY, "GET", "/recording", HOST);
    let other_method = routes::signed_headers(KEY, "DELETE", &path, HOST);
    let mut old = routes::signed_headers(KEY, "GET", &path, HOST);
    old.insert(
        header::DATE,
        "Thu, 01 Jan 2026 00:00:00 GMT".parse().expect("text"),
    );
    for bad in [other_key, other_path, other_method, old] {
        assert_eq!(world.ask("GET", &path, bad).await.0, 401);
    }

    let listed = world
        .ask("GET", "/recording", world.token_of("one"))
        .await
        .1;
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    let link = listed["value"][0]["contentLocation"]
        .as_str()
        .expect("a link");
    let link = link.strip_prefix(&format!("http://{HOST}")).expect("ours");
    assert_eq!(
        world.ask("GET", link, http::HeaderMap::new()).await,
        fetched
    );
    let torn = format!("{link}A");
    assert_eq!(world.ask("GET", &torn, http::HeaderMap::new()).await.0, 401);
    let none = world
        .ask("GET", "/recording", world.token_of("two"))
        .await
        .1;
    assert_eq!(none, r#"{"value":[]}"#);
    world.store.close().await;
}

#[tokio::test]
async fn everything_about_a_caller_is_erased_and_nothing_else() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let world = world(data.path(), Duration::from_secs(600)).await;
    world.tapes.keep_transcript(world.about(), b"{}");
    let other = About {
        document: DocumentId::from_bits(9),
        caller: Private::new("+14255550199".to_owned()),
        ..world.about()
    };
    world.tapes.keep_transcript(other, b"{}");
    let erase = "/recording?caller=%2B14255550100";
    assert_eq!(world.signed("DELETE", "/recording").await.0, 400);
    assert_eq!(
        world.ask("DELETE", erase, world.token_of("two")).await.1,
        r#"{"deleted":0}"#
    );
    assert_eq!(world.signed("DELETE", erase).await.1, r#"{"deleted":1}"#);
    assert_eq!(files(data.path()), 2);
    let gone = format!("/recording/download/{DOCUMENT}");
    assert_eq!(world.signed("GET", &gone).await.0, 404);
    world.store.close().await;
}

#[tokio::test]
async fn what_is_old_is_deleted_and_the_rest_is_there_after_a_restart() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let first = world(data.path(), Duration::from_secs(600)).await;
    first.tapes.keep_transcript(first.about(), b"{}");
    first.store.close().await;
    drop(first);
    // A log that does not even begin, and one that nobody can read.
    fs::write(data.path().join("calls/nonsense.log"), b"x").expect("written");
    let blank = data
        .path()
        .join(format!("calls/{}.log", DocumentId::from_bits(5)));
    fs::write(&blank, b"{\"began\":").expect("written");
    let torn = data
        .path()
        .join(format!("calls/{}.log", DocumentId::from_bits(6)));
    fs::write(&torn, b"nonsense\n").expect("written");

    let second = world(data.path(), Duration::from_secs(600)).await;
    assert!(!blank.exists() && torn.exists());
    let path = format!("/recording/download/{DOCUMENT}");
    assert_eq!(second.signed("GET", &path).await.0, 200);
    second.tapes.sweep(clock::wall() + Duration::from_secs(590));
    assert_eq!(second.signed("GET", &path).await.0, 200);
    second.tapes.sweep(clock::wall() + Duration::from_secs(601));
    assert_eq!(second.signed("GET", &path).await.0, 404);
    second.store.close().await;
}
