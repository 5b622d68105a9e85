//! The smallest HTTP client that can ask the platform something.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    /// The same, whatever it is.
    pub(crate) bytes: Vec<u8>,
}

pub(crate) fn get(at: SocketAddr, path: &str) -> Answer {
    request(at, "GET", path, "", b"")
}

/// A number the platform counts, over all its labels; 0 when it has had no reason to count yet.
pub(crate) fn metric(at: SocketAddr, name: &str) -> f64 {
    let of_it = |line: &&str| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with([' ', '{']))
    };
    let text = get(at, "/metrics").body;
    let values = text
        .lines()
        .filter(of_it)
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    values.sum()
}

/// Asks, and reads until the connection is closed. `headers` are whole lines.
#[track_caller]
pub(crate) fn request(
    at: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: &[u8],
) -> Answer {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\
         Content-Length: {}\r\n{headers}\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(at).expect("the platform accepts a connection");
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a timeout can be set");
    stream
        .write_all(head.as_bytes())
        .expect("the platform reads a head");
    // A refusal may come before the body was read; then the rest is not wanted.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer);
    let status = text
        .split_whitespace()
        .nth(1)
        .and_then(|status| status.parse().ok());
    let status = status.unwrap_or_else(|| {
        panic!("no answer to {method} {path} ({read:?}): {text:?}");
    });
    let body = text
        .split_once("\r\n\r\n")
        .map_or("", |(_, body)| body)
        .to_owned();
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let bytes = head.map_or_else(Vec::new, |at| answer[at + 4..].to_vec());
    Answer {
        status,
        body,
        bytes,
    }
}
