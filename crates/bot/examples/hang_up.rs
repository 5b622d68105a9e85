//! A whole bot in one file: it takes every call, says nothing, and hangs up as soon as the caller
//! could hear it.
//!
//! With a platform running on this machine, and a bot registered there with the webhook
//! `http://127.0.0.1:3979/callback`:
//!
//! ```text
//! APP_ID=… SECRET=… TENANT=… cargo run -p offhook-bot --example hang_up -- http://127.0.0.1:8080
//! ```

use offhook_bot::wire::graph::{AnswerRequest, MediaConfig, Modality};
use offhook_bot::{
    CallId, Event, GraphClient, GraphConfig, GraphFault, Handler, NotificationRouter, RouterConfig,
};

struct HangUp {
    graph: GraphClient,
}

impl Handler for HangUp {
    async fn handle(&self, call: CallId, event: Event) {
        if let Err(fault) = self.react(&call, event).await {
            tracing::warn!(%call, %fault, "something could not be done");
        }
    }
}

impl HangUp {
    async fn react(&self, call: &CallId, event: Event) -> Result<(), GraphFault> {
        match event {
            Event::Incoming(_) => {
                let answer = AnswerRequest {
                    accepted_modalities: Some(vec![Modality::Audio]),
                    media_config: Some(MediaConfig::service()),
                    ..AnswerRequest::default()
                };
                self.graph.answer(call, &answer).await
            }
            Event::Established {
                audio_active: true, ..
            } => self.graph.hang_up(call).await,
            _ => Ok(()),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let platform = std::env::args().nth(1).ok_or("say where the platform is")?;
    let app_id = std::env::var("APP_ID")?;
    let graph = GraphClient::new(GraphConfig {
        base: format!("{platform}/v1.0"),
        login: platform.clone(),
        ..GraphConfig::new(&app_id, std::env::var("SECRET")?, std::env::var("TENANT")?)
    })?;
    let config = RouterConfig {
        metadata_url: format!("{platform}/v1/.well-known/OpenIdConfiguration"),
        ..RouterConfig::new(app_id)
    };
    let contexts = graph.contexts();
    let router = NotificationRouter::new(config, contexts, HangUp { graph })?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3979").await?;
    axum::serve(listener, router.routes()).await?;
    Ok(())
}
