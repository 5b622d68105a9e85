//! Fetching from scripted servers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Redirect};
use axum::routing::get;
use tokio::net::TcpListener;

use super::*;
use crate::outgoing;
use crate::registry::Registry;

const LEG: LegId = LegId::from_bits(1);

/// A second of silence as bots send it, by hand: RIFF, `fmt `, `data`.
fn wav(rate: u32) -> Vec<u8> {
    let data = vec![0; rate as usize * 2];
    let mut file = Vec::new();
    file.extend(b"RIFF");
    file.extend((36 + data.len() as u32).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend([1, 0, 1, 0]);
    file.extend(rate.to_le_bytes());
    file.extend((rate * 2).to_le_bytes());
    file.extend([2, 0, 16, 0]);
    file.extend(b"data");
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    file
}

struct World {
    prompts: Arc<Prompts>,
    bot: Arc<Bot>,
    base: String,
    fetches: Arc<AtomicUsize>,
}

impl World {
    async fn new() -> Self {
        let fetches = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&fetches);
        let good = get(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            async { wav(16_000) }
        });
        let endless = get(|| async {
            let more = futures::stream::repeat_with(|| {
                Ok::<_, std::convert::Infallible>(Bytes::from_static(&[0; 4096]))
            });
            Body::from_stream(more).into_response()
        });
        let app = Router::new()
            .route("/good", good)
            .route("/8k", get(|| async { wav(8_000) }))
            .route("/text", get(|| async { "not audio" }))
            .route("/there", get(|| async { Redirect::temporary("good") }))
            .route("/loop", get(|| async { Redirect::temporary("/loop") }))
            .route(
                "/out",
                get(|| async { Redirect::temporary("http://127.0.0.1:1/") }),
            )
            .route("/large", get(|| async { vec![0_u8; 100_001] }))
            .route("/endless", endless)
            .route(
                "/never",
                get(|| async { std::future::pending::<String>().await }),
            );
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("bound"));
        tokio::spawn(async move { axum::serve(listener, app).await });
        let registry = Registry::of_bot(Bot::for_tests(&format!("{base}/webhook")));
        let bot = Arc::clone(registry.bot_by_sip_user("bot").expect("one"));
        let clients = outgoing::clients(&registry, &outgoing::trust_nobody());
        let settings = config::Prompts {
            bytes_max: 100_000,
            timeout: Duration::from_millis(300),
        };
        let prompts = Arc::new(Prompts::new(
            settings,
            clients,
            Speaker::new(&config::Speech::default()),
        ));
        prompts.begin(LEG);
        Self {
            prompts,
            bot,
            base,
            fetches,
        }
    }

    async fn fetch(&self, path: &str, id: Option<&str>) -> Result<Clip, PrepareFault> {
        let prompt = Prompt::File {
            uri: format!("{}{path}", self.base),
            resource_id: id.map(str::to_owned),
        };
        self.prompts.fetch(self.bot.app, LEG, &prompt).await
    }
}

#[tokio::test]
async fn a_prompt_is_fetched_also_where_it_was_moved_to() {
    let world = World::new().await;
    for path in ["/good", "/there"] {
        let clip = world.fetch(path, None).await.expect("fetched");
        assert_eq!(clip.duration(), Duration::from_secs(1));
    }
}

#[tokio::test]
async fn the_first_fetch_serves_the_call() {
    let world = World::new().await;
    let both = tokio::join!(
        world.fetch("/good", Some("r1")),
        world.fetch("/good", Some("r1"))
    );
    assert!(both.0.is_ok() && both.1.is_ok());
    // Even if its URL is another one by now.
    world.fetch("/text", Some("r1")).await.expect("known");
    assert_eq!(world.fetches.load(Ordering::Relaxed), 1);
    world.prompts.forget(LEG);
    // Whoever comes too late is served, and nothing is kept for it.
    for fetches in [2, 3] {
        world.fetch("/good", Some("r1")).await.expect("fetched");
        assert_eq!(world.fetches.load(Ordering::Relaxed), fetches);
    }
}

#[tokio::test]
async fn what_cannot_be_had_or_played_is_told_apart() {
    let world = World::new().await;
    for (path, fault) in [
        ("/8k", PrepareFault::Format),
        ("/text", PrepareFault::Format),
        ("/large", PrepareFault::Format),
        ("/endless", PrepareFault::Format),
        ("/missing", PrepareFault::Download),
        ("/never", PrepareFault::Download),
        ("/loop", PrepareFault::Download),
        ("/out", PrepareFault::Download),
    ] {
        assert_eq!(
            world.fetch(path, Some(path)).await.err(),
            Some(fault),
            "{path}"
        );
    }
    let elsewhere = Prompt::File {
        uri: "http://127.0.0.1:1/".to_owned(),
        resource_id: None,
    };
    let refused = world.prompts.fetch(world.bot.app, LEG, &elsewhere).await;
    assert_eq!(refused.err(), Some(PrepareFault::Download));
    // A failure is not kept: the bot may have put the file there by now.
    world
        .fetch("/good", Some("/missing"))
        .await
        .expect("fetched");
}

#[tokio::test]
async fn prefetching_is_fetching_early() {
    let world = World::new().await;
    let prompt = Prompt::File {
        uri: format!("{}/good", world.base),
        resource_id: Some("r1".to_owned()),
    };
    world.prompts.prefetch(&world.bot, LEG, prompt);
    tokio::task::yield_now().await;
    world.fetch("/text", Some("r1")).await.expect("known");
}
