//! The bot SDK: the bots' side of the Graph calls API and of the Telephony channel.
//!
//! A bot that is told **activities** ([`turns`]) answers them in words; [`dialogs`] are conversations of several turns,
//! [`telephony`] is what only a phone can do, and [`testing`] tries it all without a network.
//!
//! # The Graph calls API
//!
//! A calling bot has two halves. It is **told** things: the platform posts notifications to its
//! webhook, and [`NotificationRouter`] checks who posts, puts them in order call by call and hands
//! them to a [`Handler`] as [`Event`]s. And it **asks** for things: [`GraphClient`] answers,
//! plays, records and hangs up, and says in a [`GraphFault`] why something was refused.
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `sqlite` | `turns::Sqlite`: state in a file |
//! | `object-store` | `turns::Objects`: state in S3, Azure Blob Storage, a folder and other object stores |
//!
//! None is on by itself.
//!
//! # Both platforms
//!
//! Both halves work against this platform and against Microsoft's cloud; only addresses differ.
//!
//! A whole bot, which takes every call and hangs up once the caller can hear it:
//!
//! ```no_run
//! use offhook_bot::wire::graph::{AnswerRequest, MediaConfig, Modality};
//! use offhook_bot::{CallId, Event, GraphClient, GraphConfig, NotificationRouter, RouterConfig};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let graph = GraphClient::new(GraphConfig {
//!         base: "http://127.0.0.1:8080/v1.0".into(),
//!         login: "http://127.0.0.1:8080".into(),
//!         ..GraphConfig::new("the-app-id", "the-secret", "the-tenant")
//!     })?;
//!     let config = RouterConfig {
//!         metadata_url: "http://127.0.0.1:8080/v1/.well-known/OpenIdConfiguration".into(),
//!         ..RouterConfig::new("the-app-id")
//!     };
//!     let contexts = graph.contexts();
//!     let router = NotificationRouter::new(config, contexts, move |call: CallId, event: Event| {
//!         let graph = graph.clone();
//!         async move {
//!             let done = match event {
//!                 Event::Incoming(_) => {
//!                     let answer = AnswerRequest {
//!                         accepted_modalities: Some(vec![Modality::Audio]),
//!                         media_config: Some(MediaConfig::service()),
//!                         ..AnswerRequest::default()
//!                     };
//!                     graph.answer(&call, &answer).await
//!                 }
//!                 Event::Established { audio_active: true, .. } => graph.hang_up(&call).await,
//!                 _ => Ok(()),
//!             };
//!             if let Err(fault) = done {
//!                 eprintln!("{fault}");
//!             }
//!         }
//!     })?;
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:3978").await?;
//!     axum::serve(listener, router.routes()).await?;
//!     Ok(())
//! }
//! ```

#![deny(missing_docs)]

mod call_id;
mod contexts;
pub mod dialogs;
mod graph;
mod http_client;
mod keys;
pub mod limits;
mod retry;
mod router;
mod sending;
pub mod telephony;
pub mod testing;
mod token;
pub mod turns;

pub use call_id::{CallId, OperationId};
pub use contexts::CallContexts;
pub use graph::{
    GraphClient, GraphConfig, GraphFault, Invited, KeepAlive, ParameterFault, Recording,
    SetupFault, UserQuery, prompt,
};
pub use keys::Keys;
pub use router::{EndedOperation, Event, Handler, NotificationRouter, RouterConfig};

pub use offhook_identity as identity;
pub use offhook_terms::Private;
pub use offhook_wire as wire;
