//! From started to stopped.

use std::time::Duration;

use offhook_server::Running;
use tokio::signal::unix::{SignalKind, signal};

/// How long live calls get to end properly after Ctrl-C: hang-ups to be acknowledged, last
/// notifications to be delivered. A second Ctrl-C ends the wait.
const DRAIN_WITHIN: Duration = Duration::from_secs(10);

/// The runtime everything but audio runs on.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    crate::files::allow_many();
    Ok(tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?)
}

/// Waits for Ctrl-C or a request to terminate.
pub(crate) async fn until_asked_to_stop() {
    let mut terminate = match signal(SignalKind::terminate()) {
        Ok(signals) => signals,
        Err(error) => {
            tracing::warn!(%error, "cannot hear requests to terminate; Ctrl-C still works");
            let _ = tokio::signal::ctrl_c().await;
            return;
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

/// Ends live calls, delivers what is still to be delivered, and stops.
#[allow(clippy::print_stdout, reason = "whoever pressed Ctrl-C waits for this")]
pub(crate) async fn drain(platform: Running) {
    let live = platform.live_calls();
    println!("Stopping: {live} call(s) to end. Press Ctrl-C again to stop at once.");
    tokio::select! {
        () = platform.stop(DRAIN_WITHIN) => println!("Stopped: everything was ended and delivered."),
        () = until_asked_to_stop() => println!("Stopped at once, as asked."),
    }
}
