//! What the platform says about itself: alive, ready, and its counters.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// More counters, in Prometheus' text form; asked for at every scrape.
pub(crate) type MoreMetrics = Box<dyn Fn(&mut String) + Send + Sync>;

/// The state of the platform's parts, and the way to its counters.
pub(crate) struct Observe {
    draining: AtomicBool,
    down: Mutex<BTreeMap<&'static str, String>>,
    metrics: PrometheusHandle,
    more: Vec<MoreMetrics>,
}

impl Observe {
    /// `more` adds counters kept elsewhere, such as on the media threads, which must not stop to
    /// count in a registry.
    pub(crate) fn new(more: Vec<MoreMetrics>) -> Self {
        Self {
            draining: AtomicBool::new(false),
            down: Mutex::default(),
            metrics: recorder(),
            more,
        }
    }

    /// A part does not work; `why` is shown to whoever asks for readiness.
    pub(crate) fn down(&self, part: &'static str, why: impl Into<String>) {
        let mut down = self.down.lock().unwrap_or_else(PoisonError::into_inner);
        down.insert(part, why.into());
    }

    /// A part works again.
    pub(crate) fn up(&self, part: &'static str) {
        let mut down = self.down.lock().unwrap_or_else(PoisonError::into_inner);
        down.remove(part);
    }

    /// The platform goes down: nobody should send it new calls.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }
}

/// One for the process: the `metrics` macros write to whichever was installed first.
fn recorder() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let recorder = PrometheusBuilder::new().build_recorder();
            let handle = recorder.handle();
            // A program that embeds the platform may have its own; then ours stays empty.
            let _ = metrics::set_global_recorder(recorder);
            handle
        })
        .clone()
}

/// `GET /healthz`: the process answers.
pub(crate) async fn health() -> Response {
    json(StatusCode::OK, "{\"status\":\"alive\"}".to_owned())
}

/// `GET /readyz`: every part works and calls are welcome.
pub(crate) async fn readiness(State(observe): State<Arc<Observe>>) -> Response {
    let down = observe
        .down
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let draining = observe.draining.load(Ordering::Relaxed);
    if down.is_empty() && !draining {
        return json(StatusCode::OK, "{\"status\":\"ready\"}".to_owned());
    }
    let status = if draining { "draining" } else { "down" };
    let body = serde_json::json!({ "status": status, "down": down });
    json(StatusCode::SERVICE_UNAVAILABLE, body.to_string())
}

/// `GET /metrics`: Prometheus' text format.
pub(crate) async fn metrics(State(observe): State<Arc<Observe>>) -> Response {
    let mut text = observe.metrics.render();
    for more in &observe.more {
        // Formats want a line end between families, whoever wrote them.
        if !text.is_empty() && !text.ends_with('\n') {
            let _ = text.write_char('\n');
        }
        more(&mut text);
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

fn json(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
