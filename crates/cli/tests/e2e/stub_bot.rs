//! A bot of the test's own: a webhook that answers as it is told and remembers what it heard.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

pub(crate) struct StubBot {
    webhook: String,
    heard: Arc<Mutex<Vec<Value>>>,
}

impl StubBot {
    /// A bot that accepts every notification and then does nothing about it.
    pub(crate) fn that_never_decides() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
        let at = listener.local_addr().expect("a bound socket");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let remembers = Arc::clone(&heard);
        // The threads end with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let remembers = Arc::clone(&remembers);
                std::thread::spawn(move || serve(stream, &remembers));
            }
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

fn serve(stream: TcpStream, heard: &Mutex<Vec<Value>>) -> Option<()> {
    let mut writer = stream.try_clone().ok()?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut length = 0;
        let mut line = String::new();
        loop {
            line.clear();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let body = serde_json::from_slice(&body).ok()?;
        heard.lock().ok()?.push(body);
        writer
            .write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
            .ok()?;
    }
}
