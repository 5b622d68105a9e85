//! Which part of the platform answers which path.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::get;

use crate::channel::Channel;
use crate::graph::Graph;
use crate::login::Login;
use crate::observe::Observe;
use crate::store::Recordings;
use crate::{channel, graph, login, observe, store};

/// Everything that is served over HTTP.
pub(crate) fn router(
    login: &Arc<Login>,
    graph: Arc<Graph>,
    channel: Channel,
    recordings: Arc<Recordings>,
    observe: Arc<Observe>,
) -> Router {
    Router::new()
        .route("/healthz", get(observe::health))
        .route("/readyz", get(observe::readiness))
        .route("/metrics", get(observe::metrics))
        .with_state(observe)
        .merge(
            Router::new()
                .route("/recordings/{id}", get(store::download))
                .with_state(recordings),
        )
        .merge(login::routes(login.clone()))
        // The paths of the bots' protocols are matched by hand: slashes may be doubled in them, and in
        // the Graph's case does not matter and ids have three spellings.
        .fallback_service(
            Router::new()
                .fallback(graph::handle)
                .with_state(graph)
                .layer(axum::middleware::from_fn_with_state(channel, by_protocol)),
        )
}

async fn by_protocol(State(channel): State<Channel>, request: Request, graph: Next) -> Response {
    match channel::is_ours(request.uri().path()) {
        true => channel::handle(channel, request).await,
        false => graph.run(request).await,
    }
}
