//! Strangers who mean no good: nothing they send may stop the platform, or stay in it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::time::Duration;

use crate::demo::{Demo, eventually};
use crate::echo::assert_message_was_echoed;
use crate::journal;
use crate::line::{Line, Step, converse};
use crate::sipp::{Calls, Sipp, Transport};
use crate::web;

struct Fixture {
    name: String,
    class: String,
    bytes: Vec<u8>,
}

/// The files of a folder with the class its index gives each.
fn fixtures(folder: &str) -> Vec<Fixture> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures")
        .join(folder);
    let index = fs::read_to_string(folder.join("index.tsv")).expect("the fixtures have an index");
    let mut rows = index.lines().map(|row| row.split('\t').collect::<Vec<_>>());
    let names = rows.next().expect("an index names its columns");
    let class = names
        .iter()
        .position(|name| *name == "class")
        .expect("a column for the class");
    rows.map(|row| Fixture {
        name: row[0].to_owned(),
        class: row[class].to_owned(),
        bytes: fs::read(folder.join(row[0])).expect("a fixture can be read"),
    })
    .collect()
}

/// Alive, and able to do what it is for.
#[track_caller]
fn still_works(demo: &Demo) {
    assert_eq!(web::get(demo.http(), "/healthz").status, 200);
    let said = 600.0;
    let lasts = Duration::from_secs(1);
    let mut lines = [Line::new(&[
        Step::WaitForBeep,
        Step::Say(said, lasts),
        Step::Press('#'),
        Step::WaitForTone(said),
    ])];
    let sipp = Sipp::start(&Calls {
        scenario: "talk.xml",
        user: &demo.bot_user(0),
        sip: demo.sip(),
        lines: &lines,
        transport: Transport::Udp,
    });
    converse(&mut lines, Duration::from_secs(60));
    assert_message_was_echoed(&lines[0].hearing, said, lasts);
    sipp.hang_up();
    sipp.finish(Duration::from_secs(20));
    let log = demo.logs();
    assert!(!log.contains("panicked"), "{log}");
    nothing_is_left(demo);
}

/// No call outlives its strangers: who never acknowledges an answer is let go after 32 s
/// (RFC 3261 §13.3.1.4), and nothing was our own fault.
#[track_caller]
fn nothing_is_left(demo: &Demo) {
    for live in [
        "offhook_calls_live",
        "offhook_sip_calls",
        "offhook_media_rooms",
    ] {
        eventually(&format!("{live} is 0"), Duration::from_secs(60), || {
            web::metric(demo.http(), live) == 0.0
        });
    }
    for fault in ["offhook_call_faults_total", "offhook_http_faults_total"] {
        assert_eq!(web::metric(demo.http(), fault), 0.0, "{fault}");
    }
    eventually("no recording is left", Duration::from_secs(10), || {
        demo.recordings_left().is_empty()
    });
}

#[test]
fn messages_made_to_break_parsers_break_nothing() {
    let demo = Demo::start();
    let us = UdpSocket::bind("127.0.0.1:0").expect("a free port on loopback");
    for message in fixtures("rfc4475") {
        us.send_to(&message.bytes, demo.sip())
            .expect("loopback takes a packet");
        // A response is never answered, and a broken Via may leave nowhere to answer to.
        let answer = over_tcp(demo.sip(), &message.bytes, Duration::from_millis(50));
        assert!(
            message.class != "discard" || answer.is_none(),
            "{}: {answer:?}",
            message.name
        );
    }
    still_works(&demo);
}

#[test]
fn descriptions_made_to_break_parsers_are_refused_or_made_the_best_of() {
    let demo = Demo::start();
    let us = UdpSocket::bind("127.0.0.1:0").expect("a free port on loopback");
    let from = us.local_addr().expect("a bound socket");
    for description in fixtures("sdp-hostile") {
        let over_udp = invite(&demo, "UDP", &description, from);
        // Beyond what a datagram holds it goes by stream alone.
        let _ = us.send_to(&over_udp, demo.sip());
        let patience = match description.class.as_str() {
            "refuse" => Duration::from_secs(10),
            _ => Duration::from_millis(50),
        };
        let answer = over_tcp(
            demo.sip(),
            &invite(&demo, "TCP", &description, from),
            patience,
        );
        if description.class == "refuse" {
            assert!(
                matches!(answer, Some(400 | 415 | 488)),
                "{}: {answer:?}",
                description.name
            );
        }
    }
    still_works(&demo);
}

/// Sends on a connection of its own, waits so long for a final answer, and leaves.
fn over_tcp(to: SocketAddr, bytes: &[u8], patience: Duration) -> Option<u16> {
    let mut stream = TcpStream::connect(to).expect("the platform accepts a connection");
    stream
        .set_read_timeout(Some(patience))
        .expect("a timeout can be set");
    // It may be closed on us in the middle, which is one way to answer.
    let _ = stream.write_all(bytes);
    let mut said = String::new();
    let mut chunk = [0; 4_096];
    loop {
        let length = stream.read(&mut chunk).ok().filter(|length| *length > 0)?;
        said.push_str(&String::from_utf8_lossy(&chunk[..length]));
        let mut statuses = said
            .lines()
            .filter_map(|line| line.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok());
        if let Some(last) = statuses.find(|status: &u16| *status >= 200) {
            return Some(last);
        }
    }
}

fn invite(demo: &Demo, transport: &str, description: &Fixture, from: SocketAddr) -> Vec<u8> {
    let (user, name) = (demo.bot_user(0), &description.name);
    let head = format!(
        "INVITE sip:{user}@{to} SIP/2.0\r\n\
         Via: SIP/2.0/{transport} {from};branch=z9hG4bK-{transport}-{name}\r\n\
         From: <sip:stranger@{from}>;tag={name}\r\n\
         To: <sip:{user}@{to}>\r\n\
         Call-ID: {transport}-{name}\r\n\
         CSeq: 1 INVITE\r\n\
         Contact: <sip:stranger@{from}>\r\n\
         Max-Forwards: 70\r\n\
         Content-Type: application/sdp\r\n\
         Content-Length: {length}\r\n\r\n",
        to = demo.sip(),
        length = description.bytes.len(),
    );
    [head.as_bytes(), &description.bytes].concat()
}

#[test]
fn noise_on_the_audio_port_does_not_spoil_a_call() {
    let demo = Demo::start_with(&["--rtp-ports", "47000-47001"], &[]);
    let noise = std::thread::spawn(|| {
        let us = UdpSocket::bind("127.0.0.1:0").expect("a free port on loopback");
        let mut random = Random(1);
        for _ in 0..4_000 {
            let length = (random.next() % 400) as usize;
            let packet: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
            for port in [47_000, 47_001] {
                // A refusal only says that no call is there yet.
                let _ = us.send_to(&packet, ("127.0.0.1", port));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    still_works(&demo);
    noise.join().expect("noise is only noise");
}

#[test]
fn random_bodies_to_every_route_are_refused_and_forgotten() {
    let demo = Demo::start();
    let id = "0b6a9d0e-58c6-4b5e-8b53-0f6a4f3f1a01";
    let tenant = demo.text("/bots/0/tenant");
    let mut routes = vec![
        ("POST", format!("/{tenant}/oauth2/v2.0/token")),
        (
            "GET",
            format!("/{tenant}/v2.0/.well-known/openid-configuration"),
        ),
        ("GET", "/metrics".to_owned()),
        ("GET", "/no/such/route".to_owned()),
    ];
    for version in ["v1.0", "beta"] {
        let call = format!("/{version}/communications/calls/{id}");
        routes.extend([("GET", call.clone()), ("DELETE", call.clone())]);
        for action in [
            "answer",
            "reject",
            "playPrompt",
            "recordResponse",
            "keepAlive",
        ] {
            routes.push(("POST", format!("{call}/{action}")));
        }
    }
    let token = token(&demo, &tenant);
    let mut random = Random(2);
    for (method, path) in &routes {
        for _ in 0..20 {
            let body = random.json(4);
            let kind = if path.ends_with("token") {
                "application/x-www-form-urlencoded"
            } else {
                "application/json"
            };
            let mut headers = format!("Content-Type: {kind}\r\n");
            if !random.next().is_multiple_of(4) {
                headers += &format!("Authorization: Bearer {token}\r\n");
            }
            let answer = web::request(demo.http(), method, path, &headers, body.as_bytes());
            assert!(
                answer.status < 500,
                "{method} {path} {body}: {}",
                answer.body
            );
        }
    }
    eventually(
        "nothing of it is taken for a call",
        Duration::from_secs(5),
        || journal::entries(&demo).is_empty(),
    );
    still_works(&demo);
}

/// A token of the calling bot, got as a stranger's bot gets one.
fn token(demo: &Demo, tenant: &str) -> String {
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&scope={}",
        demo.text("/bots/0/app_id"),
        demo.text("/bots/0/secret"),
        "https%3A%2F%2Fgraph.microsoft.com%2F.default",
    );
    let path = format!("/{tenant}/oauth2/v2.0/token");
    let headers = "Content-Type: application/x-www-form-urlencoded\r\n";
    let answer = web::request(demo.http(), "POST", &path, headers, form.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.body);
    let answer: serde_json::Value = serde_json::from_str(&answer.body).expect("the answer is JSON");
    answer["access_token"].as_str().expect("a token").to_owned()
}

/// Numbers that look random and are the same every time (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// JSON of any shape, among it words that mean something to the routes.
    fn json(&mut self, depth: u32) -> String {
        const WORDS: [&str; 12] = [
            "prompts",
            "mediaInfo",
            "uri",
            "@odata.type",
            "callbackUri",
            "mediaConfig",
            "stopTones",
            "acceptedModalities",
            "clientContext",
            "maxRecordDurationInSeconds",
            "reason",
            "\\u0000",
        ];
        let word = WORDS[(self.next() % 12) as usize];
        match self.next() % if depth == 0 { 6 } else { 8 } {
            0 => "null".to_owned(),
            1 => "true".to_owned(),
            2 => format!("-{}e{}", self.next(), self.next() % 300),
            3 => self.next().to_string(),
            4 => format!("\"{word}\""),
            5 => format!("\"{}\"", "x".repeat((self.next() % 5_000) as usize)),
            6 => {
                let count = self.next() % 5;
                let items: Vec<String> = (0..count).map(|_| self.json(depth - 1)).collect();
                format!("[{}]", items.join(","))
            }
            _ => {
                let count = self.next() % 5;
                let items: Vec<String> = (0..count)
                    .map(|_| {
                        let name = WORDS[(self.next() % 12) as usize];
                        format!("\"{name}\":{}", self.json(depth - 1))
                    })
                    .collect();
                format!("{{{}}}", items.join(","))
            }
        }
    }
}
