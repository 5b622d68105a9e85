//! A bot of the test's own: a webhook that answers as it is told and remembers what it heard.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::web;

pub(crate) struct StubBot {
    webhook: String,
    heard: Arc<Mutex<Vec<Value>>>,
}

impl StubBot {
    /// A bot that accepts every notification and then does nothing about it.
    pub(crate) fn that_never_decides() -> Self {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let remembers = Arc::clone(&heard);
        let at = web::serve(move |request| {
            let body = serde_json::from_slice(&request.body).ok()?;
            remembers.lock().ok()?.push(body);
            Some((202, String::new()))
        });
        Self {
            webhook: format!("http://{at}/callback"),
            heard,
        }
    }

    pub(crate) fn webhook(&self) -> &str {
        &self.webhook
    }

    /// The calls it was told of, each as it was told, oldest first.
    pub(crate) fn notifications(&self) -> Vec<Value> {
        let heard = self.heard.lock().expect("no reader has failed").clone();
        heard
            .iter()
            .flat_map(|body| body["value"].as_array().cloned().unwrap_or_default())
            .collect()
    }
}

/// A webhook nobody listens at.
pub(crate) fn webhook_of_a_bot_that_is_down() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
    format!(
        "http://{}/callback",
        listener.local_addr().expect("a bound socket")
    )
}
