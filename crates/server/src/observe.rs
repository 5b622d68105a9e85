//! What the platform says about itself: alive, ready, and its counters.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::outgoing::NOTIFICATION_DELAY;

/// In seconds: fine where a platform at rest is, coarse where a bot is slow to take what it is told.
const NOTIFICATION_DELAY_BOUNDS: [f64; 19] = [
    0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.003, 0.005, 0.007_5, 0.01, 0.015, 0.02, 0.03, 0.05,
    0.1, 0.25, 0.5, 1.0, 5.0, 15.0,
];

/// More counters, in Prometheus' text form; asked for at every scrape.
pub(crate) type MoreMetrics = Box<dyn Fn(&mut String) + Send + Sync>;

/// Whether a part works: nothing, or why not.
pub(crate) type Check = Box<dyn Fn() -> Option<String> + Send + Sync>;

/// Parts that do not work, by name and with why, although calls are welcome.
pub(crate) type Impaired = Box<dyn Fn() -> BTreeMap<String, String> + Send + Sync>;

/// Whether a task that must not end while the platform runs is still there.
#[derive(Clone, Default)]
pub(crate) struct Pulse(Arc<AtomicBool>);

impl Pulse {
    /// The task, watched. However it ends, by a panic as well, the pulse is gone.
    pub(crate) fn of<T: Future<Output = ()>>(&self, task: T) -> impl Future<Output = ()> + use<T> {
        let last = LastBeat(Arc::clone(&self.0));
        async move {
            let _last = last;
            task.await;
        }
    }

    /// The check that says this when the task has ended.
    pub(crate) fn check(&self, gone: &'static str) -> Check {
        let stopped = Arc::clone(&self.0);
        Box::new(move || stopped.load(Ordering::Relaxed).then(|| gone.to_owned()))
    }
}

struct LastBeat(Arc<AtomicBool>);

impl Drop for LastBeat {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The state of the platform's parts, and the way to its counters.
pub(crate) struct Observe {
    draining: AtomicBool,
    checks: Vec<(&'static str, Check)>,
    /// What does not work and keeps nobody from calling.
    impaired: Impaired,
    metrics: PrometheusHandle,
    more: Vec<MoreMetrics>,
}

impl Observe {
    /// `more` adds counters kept elsewhere, such as on the media threads, which must not stop to
    /// count in a registry. `checks` are asked, by the name of their part, whenever somebody asks
    /// whether the platform is ready.
    pub(crate) fn new(more: Vec<MoreMetrics>, checks: Vec<(&'static str, Check)>) -> Self {
        Self {
            draining: AtomicBool::new(false),
            checks,
            impaired: Box::new(BTreeMap::new),
            metrics: recorder(),
            more,
        }
    }

    /// Says how to find out what does not work and keeps nobody from calling.
    pub(crate) fn with_impaired(mut self, impaired: Impaired) -> Self {
        self.impaired = impaired;
        self
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
            let delays = Matcher::Full(NOTIFICATION_DELAY.to_owned());
            let builder = PrometheusBuilder::new()
                .set_buckets_for_metric(delays, &NOTIFICATION_DELAY_BOUNDS)
                .expect("there are bounds");
            let recorder = builder.build_recorder();
            metrics::with_local_recorder(&recorder, || {
                metrics::describe_histogram!(
                    NOTIFICATION_DELAY,
                    metrics::Unit::Seconds,
                    "From deciding what a bot is told to sending it the first time."
                );
            });
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
    let down: BTreeMap<_, _> = observe
        .checks
        .iter()
        .filter_map(|(part, check)| Some((*part, check()?)))
        .collect();
    let draining = observe.draining.load(Ordering::Relaxed);
    let impaired = (observe.impaired)();
    let is_ready = down.is_empty() && !draining;
    let (code, status) = match (is_ready, draining) {
        (true, _) => (StatusCode::OK, "ready"),
        (false, true) => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        (false, false) => (StatusCode::SERVICE_UNAVAILABLE, "down"),
    };
    let mut body = serde_json::json!({ "status": status });
    if !is_ready {
        body["down"] = serde_json::json!(down);
    }
    if !impaired.is_empty() {
        body["impaired"] = serde_json::json!(impaired);
    }
    json(code, body.to_string())
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
    (
        [(
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )],
        text,
    )
        .into_response()
}

fn json(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;

    async fn ready(observe: &Arc<Observe>) -> (u16, String) {
        let response = readiness(State(Arc::clone(observe))).await;
        let status = response.status().as_u16();
        let body = response
            .into_body()
            .collect()
            .await
            .expect("read")
            .to_bytes();
        (status, String::from_utf8(body.to_vec()).expect("text"))
    }

    #[tokio::test]
    async fn readiness_names_what_is_down() {
        let broken = Arc::new(AtomicBool::new(false));
        let state = Arc::clone(&broken);
        let check: Check = Box::new(move || {
            state
                .load(Ordering::Relaxed)
                .then(|| "disk full".to_owned())
        });
        let observe = Arc::new(Observe::new(vec![], vec![("store", check)]));
        assert_eq!(ready(&observe).await.0, 200);
        broken.store(true, Ordering::Relaxed);
        let body = r#"{"down":{"store":"disk full"},"status":"down"}"#;
        assert_eq!(ready(&observe).await, (503, body.to_owned()));
        broken.store(false, Ordering::Relaxed);
        observe.drain();
        assert_eq!(ready(&observe).await.0, 503);
    }

    #[tokio::test]
    async fn what_is_impaired_is_named_and_keeps_nobody_away() {
        let impaired =
            || BTreeMap::from([("trunk carrier".to_owned(), "not registered".to_owned())]);
        let observe = Observe::new(vec![], vec![]).with_impaired(Box::new(impaired));
        let body = r#"{"impaired":{"trunk carrier":"not registered"},"status":"ready"}"#;
        assert_eq!(ready(&Arc::new(observe)).await, (200, body.to_owned()));
    }

    #[tokio::test]
    async fn a_part_whose_task_has_ended_is_down() {
        let (ends, breaks) = (Pulse::default(), Pulse::default());
        let checks = vec![
            ("audio", ends.check("over")),
            ("phones", breaks.check("broken")),
        ];
        let observe = Arc::new(Observe::new(vec![], checks));
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let ending = tokio::spawn(ends.of(async { drop(ended.await) }));
        assert_eq!(ready(&observe).await.0, 200);
        drop(end);
        ending.await.expect("ends");
        let body = r#"{"down":{"audio":"over"},"status":"down"}"#;
        assert_eq!(ready(&observe).await, (503, body.to_owned()));
        let broken = tokio::spawn(breaks.of(async { panic!("as scripted") }));
        assert!(broken.await.is_err());
        assert!(ready(&observe).await.1.contains("broken"));
    }

    #[tokio::test]
    async fn counters_kept_elsewhere_are_shown() {
        let more: MoreMetrics = Box::new(|text| text.push_str("kept_elsewhere 1\n"));
        let observe = Arc::new(Observe::new(vec![more], vec![]));
        ::metrics::counter!("offhook_test_total").increment(1);
        let response = super::metrics(State(observe)).await;
        let body = response
            .into_body()
            .collect()
            .await
            .expect("read")
            .to_bytes();
        let text = String::from_utf8(body.to_vec()).expect("text");
        assert!(text.contains("offhook_test_total") && text.ends_with("kept_elsewhere 1\n"));
    }
}
