//! Delivery to a scripted bot, in paused time.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use offhook_engine::{OperationKind, Outcome, Party};
use offhook_terms::{OperationId, Private};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;
use crate::calls::Message;
use crate::config;
use crate::http::PublicBase;
use crate::outgoing;
use crate::store::{Recordings, open_folder};

const LEG: LegId = LegId::from_bits(1);
const CALL: CallId = CallId::from_bits(2);

/// What the bot does with a request.
#[derive(Clone)]
enum Do {
    Say(u16),
    SayWith(u16, &'static str, String),
    Nothing,
}

/// A request the bot got, and when, in milliseconds since the test began.
struct Got {
    at_ms: u128,
    path: String,
    headers: HeaderMap,
    body: Value,
}

impl Got {
    fn states(&self) -> Vec<String> {
        let value = self.body["value"].as_array().expect("an array").iter();
        value
            .map(|told| {
                let data = &told["resourceData"];
                let word = data["state"].as_str().or(data["status"].as_str());
                word.expect("a state or a status").to_owned()
            })
            .collect()
    }
}

struct World {
    _data: tempfile::TempDir,
    store: Store,
    outboxes: Outboxes,
    bot: AppId,
    got: mpsc::UnboundedReceiver<Got>,
    calls: mpsc::Receiver<Message>,
    number: u64,
}

/// A bot that answers by the script and then 202; its address is told first.
async fn bot(script: Vec<Do>) -> (String, mpsc::UnboundedReceiver<Got>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let (seen, got) = mpsc::unbounded_channel();
    let script = Arc::new(Mutex::new(VecDeque::from(script)));
    let began = tokio::time::Instant::now();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("accepted");
            let (script, seen) = (Arc::clone(&script), seen.clone());
            let service = service_fn(move |request: Request<Incoming>| {
                let (script, seen) = (Arc::clone(&script), seen.clone());
                async move {
                    let at_ms = began.elapsed().as_millis();
                    let (parts, body) = request.into_parts();
                    let body = body.collect().await.expect("read").to_bytes();
                    let got = Got {
                        at_ms,
                        path: parts.uri.path().to_owned(),
                        headers: parts.headers,
                        body: serde_json::from_slice(&body).expect("JSON"),
                    };
                    let _ = seen.send(got);
                    let next = script.lock().expect("whole").pop_front();
                    let mut response = Response::new(Full::<Bytes>::default());
                    match next.unwrap_or(Do::Say(202)) {
                        Do::Say(status) => {
                            *response.status_mut() = StatusCode::from_u16(status).expect("one");
                        }
                        Do::SayWith(status, name, value) => {
                            *response.status_mut() = StatusCode::from_u16(status).expect("one");
                            let value = value.try_into().expect("a header value");
                            response.headers_mut().insert(name, value);
                        }
                        Do::Nothing => std::future::pending().await,
                    }
                    Ok::<_, Infallible>(response)
                }
            });
            tokio::spawn(async move {
                let http = hyper::server::conn::http1::Builder::new();
                let _ = http.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    (format!("http://{address}/webhook"), got)
}

impl World {
    async fn new(script: Vec<Do>) -> Self {
        let (webhook, got) = bot(script).await;
        Self::at(&webhook, got).await
    }

    async fn at(webhook: &str, got: mpsc::UnboundedReceiver<Got>) -> Self {
        Self::of(vec![Bot::for_tests(webhook)], got).await
    }

    /// The first of the bots is the one that is told.
    async fn of(bots: Vec<Bot>, got: mpsc::UnboundedReceiver<Got>) -> Self {
        Self::disordered(bots, got, None).await
    }

    async fn disordered(
        bots: Vec<Bot>,
        got: mpsc::UnboundedReceiver<Got>,
        disorder: Option<u64>,
    ) -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        open_folder(data.path()).expect("made");
        let store = Store::open(data.path()).await.expect("opens");
        let bot = bots[0].app;
        let registry = Arc::new(Registry::of_bots(bots));
        let login = Login::open(
            config::Login::default(),
            PublicBase::for_tests(),
            Arc::clone(&registry),
            store.clone(),
            crate::clock::wall(),
        )
        .await
        .expect("opens");
        let base = "http://127.0.0.1:8080".to_owned();
        let recordings = Recordings::open(store.clone(), data.path(), Duration::ZERO, base, None)
            .await
            .expect("opens");
        let switchboard = Switchboard::default();
        let (mailbox, calls) = mpsc::channel(8);
        switchboard
            .connect(CALL, LEG, bot, 9, mailbox)
            .expect("room");
        let wording = Wording {
            status: config::StatusSpelling::Camel,
            recordings,
            registry: Arc::clone(&registry),
            disorder,
        };
        let clients = outgoing::clients(&registry, &outgoing::trust_nobody());
        let outboxes = Outboxes::new(
            &registry,
            &clients,
            login,
            store.clone(),
            switchboard,
            wording,
        );
        // The database has threads of its own, which paused time would not wait for.
        tokio::time::pause();
        let world = Self {
            _data: data,
            store,
            outboxes,
            bot,
            got,
            calls,
            number: 0,
        };
        world.open(LEG);
        world
    }

    fn open(&self, leg: LegId) {
        self.outboxes.open(CALL, leg, self.bot, None);
    }

    fn tell(&mut self, fact: Fact) {
        self.number += 1;
        self.outboxes.push(Event {
            leg: LEG,
            number: self.number,
            fact,
        });
    }

    async fn next(&mut self) -> Got {
        self.got.recv().await.expect("the bot lives")
    }
}

fn caller() -> Party {
    Party::Person {
        id: offhook_terms::PersonId::from_bits(5),
        name: Private::new("Ada".to_owned()),
    }
}

fn incoming() -> Fact {
    Fact::Incoming {
        caller: caller(),
        caller_leg: LegId::from_bits(3),
        came_by: offhook_engine::CameBy::Called,
        is_group: false,
    }
}

fn ended() -> Fact {
    Fact::OperationEnded {
        operation: OperationId::from_bits(6),
        kind: OperationKind::Record,
        context: None,
        outcome: Outcome::Cancelled,
    }
}

#[tokio::test]
async fn a_bot_is_told_in_order_and_forgotten_after_the_end() {
    let mut world = World::new(vec![]).await;
    world.tell(incoming());
    world.tell(Fact::Establishing);
    world.tell(Fact::Established);
    world.tell(ended());
    world.tell(Fact::Terminated(Ending::CallerHungUp));
    let first = world.next().await;
    assert_eq!(first.states(), ["incoming"]);
    // What had to wait comes in one request.
    let second = world.next().await;
    assert_eq!(
        second.states(),
        ["establishing", "established", "failed", "terminated"]
    );
    world.outboxes.drain().await;
    assert_eq!(world.outboxes.chain(LEG), None);
    assert_eq!(
        second.body["@odata.type"],
        "#microsoft.graph.commsNotifications"
    );
    for name in [
        "authorization",
        "x-microsoft-skype-message-id",
        "scenario-id",
    ] {
        assert!(second.headers.contains_key(name), "{name}");
    }
    assert_ne!(
        first.headers["x-microsoft-skype-message-id"],
        second.headers["x-microsoft-skype-message-id"]
    );
    assert_eq!(
        first.headers["authorization"],
        second.headers["authorization"]
    );
    tokio::time::resume();
    world.store.close().await;
}

#[tokio::test]
async fn a_failed_delivery_is_tried_again_with_the_same_id() {
    let retry = Do::SayWith(429, "retry-after", "3".to_owned());
    let mut world = World::new(vec![Do::Say(503), retry, Do::Say(202)]).await;
    world.tell(Fact::Established);
    let tries = [world.next().await, world.next().await, world.next().await];
    let id = &tries[0].headers["x-microsoft-skype-message-id"];
    assert!(
        tries
            .iter()
            .all(|got| got.headers["x-microsoft-skype-message-id"] == *id)
    );
    let gaps = [
        tries[1].at_ms - tries[0].at_ms,
        tries[2].at_ms - tries[1].at_ms,
    ];
    assert!((500..600).contains(&gaps[0]), "{gaps:?}");
    assert!((3_000..3_100).contains(&gaps[1]), "{gaps:?}");
    world.tell(Fact::Terminating);
    assert_eq!(world.next().await.states(), ["terminating"]);
}

#[tokio::test]
async fn a_refused_delivery_is_not_tried_again() {
    let mut world = World::new(vec![Do::Say(400)]).await;
    world.tell(Fact::Establishing);
    assert_eq!(world.next().await.states(), ["establishing"]);
    world.tell(Fact::Established);
    assert_eq!(world.next().await.states(), ["established"]);
}

#[tokio::test]
async fn the_call_is_told_when_its_bot_will_not_hear_of_it() {
    let mut world = World::new(vec![Do::Say(403)]).await;
    world.tell(incoming());
    let word = world.calls.recv().await.expect("the call hears");
    assert!(matches!(word, Message::Undeliverable { leg: LEG }));
    let trouble = world.outboxes.trouble(LEG).expect("known");
    assert!(trouble.contains("403"), "{trouble}");
}

#[tokio::test]
async fn the_call_is_told_at_the_deadline_when_its_bot_is_down() {
    // Nobody listens at a port that was free a moment ago.
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let webhook = format!("http://{}/", free.local_addr().expect("bound"));
    drop(free);
    let (_, got) = mpsc::unbounded_channel();
    let mut world = World::at(&webhook, got).await;
    let began = tokio::time::Instant::now();
    world.tell(incoming());
    let word = world.calls.recv().await.expect("the call hears");
    assert!(matches!(word, Message::Undeliverable { leg: LEG }));
    let waited = began.elapsed();
    assert!(
        waited >= Duration::from_secs(14) && waited < Duration::from_secs(16),
        "{waited:?}"
    );
}

#[tokio::test]
async fn a_bot_that_answered_the_call_need_not_acknowledge_it() {
    let mut world = World::new(vec![Do::Say(500)]).await;
    world.tell(incoming());
    assert_eq!(world.next().await.states(), ["incoming"]);
    world.tell(Fact::Establishing);
    assert_eq!(world.next().await.states(), ["establishing"]);
}

#[tokio::test]
async fn one_dead_leg_delays_itself_only() {
    let mut world = World::new(vec![Do::Nothing]).await;
    world.tell(Fact::Establishing);
    assert_eq!(world.next().await.states(), ["establishing"]);
    let other = LegId::from_bits(9);
    world.open(other);
    world.outboxes.push(Event {
        leg: other,
        number: 1,
        fact: Fact::Terminated(Ending::BotHungUp),
    });
    assert_eq!(world.next().await.states(), ["terminated"]);
}

#[tokio::test]
async fn a_dead_bot_never_delays_another() {
    // One accepts requests and never answers; more calls wait for it than it has seats.
    let seats = crate::limits::DELIVERIES_PER_BOT_MAX;
    let (dead, _got_dead) = bot(vec![Do::Nothing; 2 * seats]).await;
    let (alive, got) = bot(vec![]).await;
    let dead = Bot {
        app: AppId::from_bits(0xdead),
        sip_user: "dead".to_owned(),
        ..Bot::for_tests(&dead)
    };
    let dead_app = dead.app;
    let mut world = World::of(vec![Bot::for_tests(&alive), dead], got).await;
    for n in 0..seats as u128 + 50 {
        let leg = LegId::from_bits(1_000 + n);
        world.outboxes.open(CALL, leg, dead_app, None);
        world.outboxes.push(Event {
            leg,
            number: 1,
            fact: incoming(),
        });
    }
    let began = tokio::time::Instant::now();
    for fact in [incoming(), Fact::Establishing, Fact::Established] {
        world.tell(fact);
        world.next().await;
    }
    let waited = began.elapsed();
    assert!(waited < Duration::from_millis(500), "{waited:?}");
    assert_eq!(world.outboxes.trouble(LEG), None);
}

#[tokio::test]
async fn a_caller_whose_bot_is_down_leaves_a_record_that_says_why() {
    let mut world = World::new(vec![Do::Say(403)]).await;
    world.tell(incoming());
    let word = world.calls.recv().await.expect("the call hears");
    assert!(matches!(word, Message::Undeliverable { leg: LEG }));
    // What the call's task does when the engine has ended the call for it.
    let trouble = world.outboxes.trouble(LEG);
    let at = std::time::UNIX_EPOCH + Duration::from_secs(1_790_000_000);
    let refusal = store::Refusal::of_ending(Ending::BotUnreachable, trouble, at);
    let refusal = refusal.about(CALL, LEG, world.bot);
    world.store.refuse(refusal.clone());
    tokio::time::resume();
    world.store.flush().await;
    let kept = world.store.refusals(10).await.expect("read");
    assert_eq!(kept, [refusal]);
    assert_eq!(kept[0].rule, "bot can be told");
    assert!(kept[0].why.contains("403"), "{}", kept[0].why);
    assert!(kept[0].change.contains("accepts our token"));
}

#[tokio::test]
async fn an_answer_moves_what_follows() {
    let mut world = World::new(vec![]).await;
    let webhook = world.outboxes.callback(LEG).expect("known");
    let elsewhere = Url::parse(&webhook.replace("webhook", "elsewhere")).expect("a URL");
    world.tell(incoming());
    assert_eq!(world.next().await.path, "/webhook");
    assert!(world.outboxes.propose(LEG, Some(&elsewhere), None));
    world.tell(Fact::Establishing);
    let got = world.next().await;
    assert_eq!(got.path, "/elsewhere");
    assert_eq!(got.body["value"][0]["callbackUri"], elsewhere.as_str());
    // Decided is decided.
    assert!(
        !world
            .outboxes
            .propose(LEG, Some(&Url::parse(&webhook).expect("a URL")), None)
    );
}

#[tokio::test]
async fn a_bot_may_send_us_on_but_not_anywhere() {
    let (there, mut got_there) = bot(vec![]).await;
    let mut world = World::new(vec![Do::SayWith(302, "location", there)]).await;
    world.tell(Fact::Establishing);
    world.next().await;
    world.outboxes.drain().await;
    assert!(
        got_there.try_recv().is_err(),
        "another origin on loopback is not the bot's own"
    );
}

#[tokio::test]
async fn what_the_last_process_left_is_told() {
    let mut world = World::new(vec![]).await;
    let lost = |leg, seq| LostLeg {
        leg: LegId::from_bits(leg),
        call: CALL,
        bot: world.bot,
        callback: None,
        seq,
        ending: None,
    };
    world.outboxes.revive(vec![lost(11, 7), lost(12, 0)]);
    let got = world.next().await;
    assert_eq!(got.states(), ["terminated"]);
    assert_eq!(
        got.body["value"][0]["resourceData"]["@odata.etag"],
        "W/\"8\""
    );
    // Of a call it never heard of, a bot hears nothing.
    world.outboxes.drain().await;
    assert!(world.got.try_recv().is_err());
}

/// What a bot gets that asked for notifications as production sends them, one word a notification.
async fn as_observed(seed: u64) -> Vec<String> {
    let (webhook, got) = bot(vec![]).await;
    let bots = vec![Bot::for_tests(&webhook)];
    let mut world = World::disordered(bots, got, Some(seed)).await;
    let mut words = Vec::new();
    let wait = limits::DISORDER_HELD_FOR + Duration::from_millis(1);
    for fact in [
        incoming(),
        Fact::Establishing,
        Fact::Established,
        Fact::AudioFlows,
        ended(),
        Fact::Terminated(Ending::CallerHungUp),
    ] {
        let is_last_update = matches!(fact, Fact::AudioFlows);
        world.tell(fact);
        if is_last_update {
            // Nothing comes to overtake it for a while.
            tokio::time::sleep(wait).await;
        }
    }
    while words
        .last()
        .is_none_or(|word: &String| !word.eq_ignore_ascii_case("terminated"))
    {
        words.extend(world.next().await.states());
    }
    world.outboxes.drain().await;
    assert_eq!(world.outboxes.chain(LEG), None);
    words
}

#[tokio::test]
async fn notifications_can_be_sent_as_production_sends_them() {
    let mut seen = std::collections::HashSet::new();
    for seed in 0..12 {
        let words = as_observed(seed).await;
        tokio::time::resume();
        assert_eq!(
            words,
            as_observed(seed).await,
            "the same seed, the same sequence"
        );
        tokio::time::resume();
        let lower: Vec<_> = words.iter().map(|word| word.to_ascii_lowercase()).collect();
        assert_eq!(lower.first().map(String::as_str), Some("incoming"));
        assert_eq!(lower.last().map(String::as_str), Some("terminated"));
        let many = |wanted: &str| lower.iter().filter(|word| *word == wanted).count();
        assert_eq!((many("incoming"), many("terminated")), (1, 1), "{words:?}");
        assert_eq!((many("failed"), many("establishing")), (1, 1), "{words:?}");
        assert!((2..=4).contains(&many("established")), "{words:?}");
        let failed = lower.iter().position(|word| word == "failed");
        let established = lower.iter().rposition(|word| word == "established");
        assert!(established < failed, "{words:?}");
        seen.insert(words);
    }
    assert!(seen.len() > 6, "{} sequences of twelve seeds", seen.len());
}
