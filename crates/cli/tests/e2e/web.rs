//! The smallest HTTP client that can ask the platform something, and as much of a server as reads what is asked.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
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

/// A request, as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The first header of this name, whose case does not count.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let is_it = |header: &&(String, String)| header.0.eq_ignore_ascii_case(name);
        self.headers
            .iter()
            .find(is_it)
            .map(|(_, value)| value.as_str())
    }

    /// Reads the next of a connection; `None` when there is none.
    fn read(reader: &mut BufReader<TcpStream>) -> Option<Self> {
        let mut line = || {
            let mut line = String::new();
            (reader.read_line(&mut line).ok()? > 0).then(|| line.trim_end().to_owned())
        };
        let first = line()?;
        let mut words = first.split(' ').map(str::to_owned);
        let (method, path) = words.next().zip(words.next())?;
        let mut headers = Vec::new();
        loop {
            let line = line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':')?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let mut request = Self {
            method,
            path,
            headers,
            body: Vec::new(),
        };
        let length = request.header("content-length").unwrap_or("0");
        request.body = vec![0; length.parse().ok()?];
        reader.read_exact(&mut request.body).ok()?;
        Some(request)
    }
}

/// Answers every request with a status and JSON, or nothing. Gives the address. A thread a connection; they end
/// with the test's process.
pub(crate) fn serve(
    answer: impl Fn(Request) -> Option<(u16, String)> + Send + Sync + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
    let at = listener.local_addr().expect("a bound socket");
    let answer = std::sync::Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = std::sync::Arc::clone(&answer);
            std::thread::spawn(move || {
                let mut writer = stream.try_clone().ok()?;
                let mut reader = BufReader::new(stream);
                loop {
                    let (status, body) = answer(Request::read(&mut reader)?)?;
                    let head = format!(
                        "HTTP/1.1 {status} So be it\r\nContent-Type: application/json\r\n\
                         Content-Length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    writer.write_all(head.as_bytes()).ok()?;
                }
                #[allow(unreachable_code, reason = "says what the question marks give")]
                Some(())
            });
        }
    });
    at
}
