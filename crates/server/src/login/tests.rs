//! The issuer, asked as existing clients ask it.

use axum::Extension;
use axum::body::Body;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use offhook_identity::{AccessRules, NotificationRules};
use serde_json::Value;
use tower::ServiceExt as _;

use super::*;
use crate::clock;
use crate::http::{Door, Via};
use crate::store::open_folder;

const DAY: Duration = Duration::from_secs(24 * 3600);

struct World {
    data: tempfile::TempDir,
    store: Store,
    login: Arc<Login>,
    bot: Arc<Bot>,
}

impl World {
    async fn new() -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        open_folder(data.path()).expect("made");
        let (store, login) = open(&data, clock::wall()).await;
        let bot = Arc::clone(login.registry.bot_by_sip_user("bot").expect("one"));
        Self {
            data,
            store,
            login,
            bot,
        }
    }

    async fn send(&self, request: Request<Body>) -> Response<Body> {
        let via = Via {
            peer: ([127, 0, 0, 1], 9).into(),
            door: Door::Https,
        };
        routes(Arc::clone(&self.login))
            .layer(Extension(via))
            .oneshot(request)
            .await
            .expect("infallible")
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Response<Body> {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(form);
        let request = Request::post(path)
            .header("host", "login.example:8443")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(body.finish()));
        self.send(request.expect("a request")).await
    }

    /// Asks for a token as the bot does, with some of it changed; empty takes it away.
    async fn ask(&self, changes: &[(&str, &str)]) -> Response<Body> {
        let app = self.bot.app.to_string();
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", app.as_str()),
            ("client_secret", self.bot.secret.reveal().as_str()),
            ("scope", "https://graph.microsoft.com/.default"),
            ("client_info", "1"),
        ];
        for (name, value) in changes {
            form.retain(|(known, _)| known != name);
            if !value.is_empty() {
                form.push((name, value));
            }
        }
        let path = format!("/{}/oauth2/v2.0/token", self.bot.tenant);
        self.post(&path, &form).await
    }

    async fn get(&self, path: &str) -> Value {
        let request = Request::get(path).header("host", "login.example:8443");
        let response = self
            .send(request.body(Body::empty()).expect("a request"))
            .await;
        assert_eq!(response.status(), 200, "{path}");
        json(response).await
    }
}

async fn open(data: &tempfile::TempDir, now: SystemTime) -> (Store, Arc<Login>) {
    let store = Store::open(data.path()).await.expect("opens");
    let registry = Arc::new(Registry::of_bot(Bot::for_tests("http://127.0.0.1:9/")));
    let settings = config::Login::default();
    let login = Login::open(
        settings,
        PublicBase::for_tests(),
        registry,
        store.clone(),
        now,
    )
    .await
    .expect("opens");
    (store, login)
}

async fn json(response: Response<Body>) -> Value {
    let body = response
        .into_body()
        .collect()
        .await
        .expect("read")
        .to_bytes();
    serde_json::from_slice(&body).expect("JSON")
}

fn caller(login: &Login, token: &str, now: SystemTime) -> Result<Caller, NotLetIn> {
    let value = format!("Bearer {token}").parse().expect("a value");
    login.caller(&HeaderMap::from_iter([(header::AUTHORIZATION, value)]), now)
}

#[tokio::test]
async fn a_bot_gets_a_token_that_lets_it_in() {
    let world = World::new().await;
    let response = world.ask(&[]).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["cache-control"], "no-store");
    let granted = json(response).await;
    assert_eq!(granted["token_type"], "Bearer");
    assert_eq!(granted["expires_in"], 3600);
    let token = granted["access_token"].as_str().expect("a token");
    for _ in 0..2 {
        // The second time it is remembered.
        let caller = caller(&world.login, token, clock::wall()).expect("let in");
        assert_eq!(caller.bot.app, world.bot.app);
        assert!(caller.roles.contains(Roles::ACCESS_MEDIA));
    }
    let late = clock::wall() + DAY;
    let refused = caller(&world.login, token, late).expect_err("expired");
    assert_eq!(refused, NotLetIn::Token(TokenFault::Expired));
}

#[tokio::test]
async fn clients_of_every_age_are_understood() {
    let world = World::new().await;
    let app = world.bot.app.to_string();
    for scope in [
        "https://graph.microsoft.com//.default",
        "https://graph.microsoft.com/.default openid",
        "00000003-0000-0000-c000-000000000000/.default",
        "http://127.0.0.1/.default",
        "https://login.example/.default",
        "https://login.example:8443/.default",
        &format!("api://{app}/.default"),
        &format!("{app}/.default"),
        "https://api.botframework.com/.default",
    ] {
        assert_eq!(
            world.ask(&[("scope", scope)]).await.status(),
            200,
            "{scope}"
        );
    }
    let secret = world.bot.secret.reveal();
    let v1 = [
        ("grant_type", "client_credentials"),
        ("client_id", app.as_str()),
        ("client_secret", secret.as_str()),
        ("resource", "https://graph.microsoft.com"),
    ];
    for tenant in ["common", "botframework.com", world.bot.tenant.as_str()] {
        let response = world.post(&format!("/{tenant}/oauth2/token"), &v1).await;
        assert_eq!(response.status(), 200, "{tenant}");
    }
    let pair = base64::engine::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        format!("{app}:{}", secret.replace(' ', "+")),
    );
    let request = Request::post("/common/oauth2/v2.0/token")
        .header("authorization", format!("Basic {pair}"))
        .body(Body::from(
            "grant_type=client_credentials&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default",
        ))
        .expect("a request");
    assert_eq!(world.send(request).await.status(), 200);
}

#[tokio::test]
async fn a_connector_token_opens_no_graph() {
    let world = World::new().await;
    let scope = [("scope", "https://api.botframework.com/.default")];
    let granted = json(world.ask(&scope).await).await;
    let token = granted["access_token"].as_str().expect("a token");
    let refused = caller(&world.login, token, clock::wall()).expect_err("another audience");
    assert_eq!(refused, NotLetIn::Token(TokenFault::WrongAudience));
}

#[tokio::test]
async fn refusals_are_worded_as_published() {
    let world = World::new().await;
    for (change, status, error, code) in [
        (("client_secret", "wrong"), 401, "invalid_client", 7_000_215),
        (("client_secret", ""), 400, "invalid_request", 900_144),
        (("client_id", "nobody"), 400, "unauthorized_client", 700_016),
        (("client_id", ""), 400, "invalid_request", 900_144),
        (
            ("grant_type", "password"),
            400,
            "unsupported_grant_type",
            70_003,
        ),
        (("grant_type", ""), 400, "invalid_request", 900_144),
        (
            ("scope", "https://graph.microsoft.com/User.Read"),
            400,
            "invalid_scope",
            70_011,
        ),
        (
            ("scope", "https://elsewhere.example/.default"),
            400,
            "invalid_scope",
            70_011,
        ),
        (("scope", ""), 400, "invalid_request", 900_144),
    ] {
        let response = world.ask(&[change]).await;
        assert_eq!(response.status().as_u16(), status, "{change:?}");
        let body = json(response).await;
        assert_eq!(body["error"], error, "{change:?}");
        assert_eq!(body["error_codes"], serde_json::json!([code]), "{change:?}");
        let description = body["error_description"].as_str().expect("text");
        assert!(
            description.starts_with(&format!("AADSTS{code}: ")),
            "{description}"
        );
        assert!(body["trace_id"].is_string() && body["correlation_id"].is_string());
        assert_eq!(body["timestamp"].as_str().map(str::len), Some(20));
    }
    let other = "/99999999-9999-4999-8999-999999999999/oauth2/v2.0/token";
    let body = json(
        world
            .post(other, &[("grant_type", "client_credentials")])
            .await,
    )
    .await;
    assert_eq!(body["error"], "invalid_request");
}

#[tokio::test]
async fn whoever_guesses_must_wait() {
    let world = World::new().await;
    // Other spellings of the id are no other application.
    let app = world.bot.app.to_string();
    let spellings = [app.to_uppercase(), app.replace('-', ""), app];
    for n in 0..10 {
        let wrong = [
            ("client_secret", "wrong"),
            ("client_id", spellings[n % 3].as_str()),
        ];
        assert_eq!(world.ask(&wrong).await.status(), 401);
    }
    // Even the right one: else a guess could be told from a wait.
    let response = world.ask(&[]).await;
    assert_eq!(response.status(), 429);
    let wait: u64 = response.headers()["retry-after"]
        .to_str()
        .ok()
        .and_then(|text| text.parse().ok())
        .expect("seconds");
    assert!((1..=60).contains(&wait));
    let mut throttle = world.login.throttle.lock().expect("whole");
    let (from, app) = ([127, 0, 0, 1].into(), world.bot.app);
    let now = clock::now();
    assert!(throttle.must_wait(from, app, now).is_some());
    assert!(
        throttle
            .must_wait([127, 0, 0, 2].into(), app, now)
            .is_none()
    );
    let later = now + Duration::from_secs(61);
    assert!(throttle.must_wait(from, app, later).is_none());
    throttle.failed(from, app, later);
    assert!(throttle.must_wait(from, app, later).is_none());
}

#[tokio::test]
async fn published_keys_check_what_we_sign() {
    let world = World::new().await;
    let tenant = &world.bot.tenant;
    let metadata = world
        .get(&format!("/{tenant}/v2.0/.well-known/openid-configuration"))
        .await;
    let base = "https://login.example:8443";
    assert_eq!(
        metadata["token_endpoint"],
        format!("{base}/{tenant}/oauth2/v2.0/token")
    );
    for name in ["issuer", "authorization_endpoint", "jwks_uri"] {
        let value = metadata[name].as_str().expect("text");
        // Clients take no issuer from another origin than their authority's.
        assert!(value.starts_with(base), "{name}: {value}");
    }
    let of_notifications = world.get("/v1/.well-known/OpenIdConfiguration").await;
    assert_eq!(of_notifications["issuer"], "https://api.botframework.com");
    for uri in [&metadata["jwks_uri"], &of_notifications["jwks_uri"]] {
        let path = uri
            .as_str()
            .and_then(|uri| uri.strip_prefix(base))
            .expect("ours");
        let set = world.get(path).await;
        let keys = set["keys"].as_array().expect("keys").iter().map(|key| {
            let text = |name: &str| key[name].as_str().expect("text").to_owned();
            assert_eq!(
                (text("kty"), text("use")),
                ("RSA".to_owned(), "sig".to_owned())
            );
            PublicKey {
                kid: text("kid"),
                n: text("n"),
                e: text("e"),
                endorsements: Vec::new(),
            }
        });
        let keys = KeySet::new(keys);
        let now = clock::wall();
        let minted = world
            .login
            .notification_token(&world.bot, now)
            .expect("signed");
        let rules = NotificationRules::new(world.bot.app.to_string());
        let claims = rules
            .check(minted.token.reveal(), &keys, now)
            .expect("good");
        assert_eq!(&claims.tenant, tenant);
        let token = world.login.access_token_for_tests(&world.bot, vec![], now);
        // Tokens name the platform itself, whatever origin its metadata were asked at.
        let rules = AccessRules::graph([issuer(world.login.base.own(), tenant)]);
        rules.check(&token, &keys, now).expect("good");
    }
}

#[tokio::test]
async fn keys_rotate_and_old_tokens_stay_good() {
    let world = World::new().await;
    let now = clock::wall();
    let old = world
        .login
        .access_token_for_tests(&world.bot, vec![], now + 30 * DAY);
    world
        .login
        .rotate_if_due(now + 29 * DAY)
        .await
        .expect("kept");
    assert_eq!(world.login.keys.read().expect("whole").published.len(), 1);
    world
        .login
        .rotate_if_due(now + 31 * DAY)
        .await
        .expect("kept");
    assert_eq!(world.login.keys.read().expect("whole").published.len(), 2);
    caller(&world.login, &old, now + 30 * DAY).expect("still good");
    let new = world
        .login
        .access_token_for_tests(&world.bot, vec![], now + 31 * DAY);
    world.store.close().await;

    // Both are known after a restart.
    let (_store, login) = open(&world.data, now + 31 * DAY).await;
    caller(&login, &old, now + 30 * DAY).expect("still good");
    caller(&login, &new, now + 31 * DAY).expect("good");
}

#[tokio::test]
async fn the_connector_takes_its_own_tokens_and_no_others() {
    let world = World::new().await;
    let other = World::new().await;
    let now = clock::wall();
    let good = || {
        let mut grant = world.login.grant_for_tests(&world.bot, vec![]);
        grant.audience = offhook_identity::NOTIFICATION_ISSUER.to_owned();
        grant
    };
    let answering = |token: String| {
        let header = format!("Bearer {token}").parse().expect("a header");
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, header)]);
        world.login.answering(&headers, now).map(|bot| bot.app)
    };
    let token = |grant: &offhook_identity::AccessGrant| world.login.granted_for_tests(grant, now);
    assert_eq!(answering(token(&good())), Ok(world.bot.app));
    let refused = |why| Err(NotLetIn::Token(why));
    let mut audience = good();
    audience.audience = "https://graph.microsoft.com".to_owned();
    assert_eq!(
        answering(token(&audience)),
        refused(TokenFault::WrongAudience)
    );
    let mut issuer = good();
    issuer.issuer = "https://sts.windows.net/somebody/".to_owned();
    assert_eq!(answering(token(&issuer)), refused(TokenFault::WrongIssuer));
    let long_ago = now - DAY;
    let expired = world.login.granted_for_tests(&good(), long_ago);
    assert_eq!(answering(expired), refused(TokenFault::Expired));
    let elsewhere = other.login.granted_for_tests(&good(), now);
    assert_eq!(answering(elsewhere), refused(TokenFault::UnknownKey));
    let mut nobody = good();
    nobody.app_id = "0ff400c0-0000-4000-8000-000000000000".to_owned();
    assert_eq!(answering(token(&nobody)), Err(NotLetIn::NotRegistered));
}
