//! Keeping a call: the platform ends one it has not heard of for 45 minutes.

use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};

use crate::limits::KEEP_ALIVE_EVERY;
use crate::{CallId, GraphClient};

/// Keeps a call alive until it is dropped or the call is gone.
///
/// ```
/// use offhook_bot::{CallId, GraphClient, KeepAlive};
///
/// # async fn example(client: GraphClient, call: CallId) {
/// let alive = KeepAlive::start(client, call);
/// // … as long as the call goes on; then it stops by itself, or when it is dropped.
/// drop(alive);
/// # }
/// ```
#[derive(Debug)]
pub struct KeepAlive(JoinHandle<()>);

impl KeepAlive {
    /// Starts to, every fifteen minutes.
    pub fn start(graph: GraphClient, call: CallId) -> Self {
        Self(tokio::spawn(async move {
            let mut due =
                tokio::time::interval_at(Instant::now() + KEEP_ALIVE_EVERY, KEEP_ALIVE_EVERY);
            due.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                due.tick().await;
                match graph.keep_alive(&call).await {
                    Ok(()) => {}
                    Err(fault) if fault.is_gone() => return,
                    // Two more chances come before the platform gives the call up.
                    Err(fault) => tracing::warn!(%call, %fault, "keepAlive failed"),
                }
            }
        }))
    }
}

impl Drop for KeepAlive {
    fn drop(&mut self) {
        self.0.abort();
    }
}
