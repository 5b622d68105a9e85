//! Which part of the platform answers which path.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::graph::Graph;
use crate::login::Login;
use crate::observe::Observe;
use crate::store::Recordings;
use crate::{graph, login, observe, store};

/// Everything that is served over HTTP.
pub(crate) fn router(
    login: &Arc<Login>,
    graph: Arc<Graph>,
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
        // The Graph's paths are matched by hand: case does not matter in them, slashes may be
        // doubled, and ids have three spellings.
        .fallback_service(Router::new().fallback(graph::handle).with_state(graph))
}
