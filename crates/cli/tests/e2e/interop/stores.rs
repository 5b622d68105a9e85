//! Recordings go to real stores that speak S3 and Azure's Blob Storage, and wait for those that are away.
//!
//! ```text
//!   a call ends ──▶ store away ──▶ kept here ──▶ store back ──▶ sent, and fetched from there
//! ```

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::{free_port, target};
use crate::demo::{Demo, eventually};
use crate::recording::{channels, command, demo, signed, tone, until_ended};
use crate::telephony::{Bot, dial_to, message, starts};

/// Starting a store, and the waits between two attempts.
const WITHIN: Duration = Duration::from_secs(60);

/// Of every emulator there is, and printed in its documentation.
const AZURE_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

#[test]
#[ignore = "needs a store that speaks S3: cargo xtask test --only interop"]
fn recordings_wait_for_a_store_that_speaks_s3() {
    let port = free_port();
    let endpoint = format!("http://127.0.0.1:{port}");
    let options = format!(
        r#"{{aws_endpoint="{endpoint}",aws_allow_http="true",aws_region="us-east-1",aws_access_key_id="a",aws_secret_access_key="b"}}"#
    );
    waits_for_its_store("s3://recordings/calls", &options, || {
        let server = Command::new("python3")
            .args(["-m", "moto.server", "-p", &port.to_string()])
            .env("PYTHONPATH", target().join("interop/stores-python"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let server = Server::up(server.expect("python3 is installed"), port);
        let at = (Ipv4Addr::LOCALHOST, port).into();
        let made = crate::web::request(at, "PUT", "/recordings", "", b"");
        assert_eq!(made.status, 200, "{}", made.body);
        server
    });
}

#[test]
#[ignore = "needs a store that speaks Azure's Blob Storage: cargo xtask test --only interop"]
fn recordings_wait_for_a_store_that_speaks_azure() {
    let port = free_port();
    let endpoint = format!("http://127.0.0.1:{port}/devstoreaccount1");
    let options = format!(
        r#"{{azure_storage_endpoint="{endpoint}",azure_allow_http="true",azure_storage_account_name="devstoreaccount1",azure_storage_account_key="{AZURE_KEY}"}}"#
    );
    let scripts = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../interop/stores/node");
    waits_for_its_store("az://recordings/calls", &options, || {
        let server = Command::new("node")
            .arg(scripts.join("node_modules/azurite/dist/src/blob/main.js"))
            .args(["--inMemoryPersistence", "--skipApiVersionCheck", "--silent"])
            .args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let server = Server::up(server.expect("node is installed"), port);
        let made = Command::new("node")
            .arg(scripts.join("container.mjs"))
            .args([&format!("http://127.0.0.1:{port}"), "recordings"])
            .status();
        assert!(made.expect("node is installed").success());
        server
    });
}

/// A store, until it is dropped.
struct Server(Child);

impl Server {
    fn up(server: Child, port: u16) -> Self {
        let server = Self(server);
        let at: SocketAddr = (Ipv4Addr::LOCALHOST, port).into();
        eventually("the store is there", WITHIN, || {
            TcpStream::connect(at).is_ok()
        });
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[track_caller]
fn waits_for_its_store(destination: &str, options: &str, start: impl Fn() -> Server) {
    let bot = Bot::new(|told| match starts(told) {
        true => (vec![command("start")], 200),
        false if told["type"] == "commandResult" => (vec![message("yes")], 200),
        false => (vec![], 200),
    });
    let settings = [
        ("OFFHOOK_RECORDINGS__DESTINATION", destination),
        ("OFFHOOK_RECORDINGS__DESTINATION_OPTIONS", options),
    ];
    let platform = demo(&bot, &settings);
    let call = || {
        let steps = [
            "--codec",
            "pcmu",
            "--expect-sound",
            "100ms",
            "--play",
            "tone:440:1s",
        ];
        dial_to(&platform, &platform.text("/bots/1/dial"), &steps);
    };
    // Nobody is there yet: the call is none the worse for it, and the file is here.
    call();
    let all = until_ended(&platform, 1);
    plays(&platform, &all[0]);
    assert_eq!(kept_here(&platform), 1);
    let store = start();
    eventually("the first is sent", WITHIN, || kept_here(&platform) == 0);
    plays(&platform, &all[0]);
    // It goes away in the middle of everything, and comes back empty.
    drop(store);
    call();
    let all = until_ended(&platform, 2);
    plays(&platform, &all[1]);
    assert_eq!(
        signed(&platform, "GET", &path(&all[0])).status,
        503,
        "it is elsewhere"
    );
    let _store = start();
    eventually("the second is sent", WITHIN, || kept_here(&platform) == 0);
    plays(&platform, &all[1]);
    assert_eq!(
        signed(&platform, "DELETE", &format!("/recording/{}", id(&all[1]))).status,
        204
    );
    let logs = || files(&platform, "log");
    eventually("it is deleted everywhere", WITHIN, || logs() == 1);
}

fn id(one: &Value) -> &str {
    one["chunkDocumentId"].as_str().expect("an id")
}

fn path(one: &Value) -> String {
    format!("/recording/download/{}", id(one))
}

#[track_caller]
fn plays(platform: &Demo, one: &Value) {
    let answer = signed(platform, "GET", &path(one));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let heard = tone(&channels(&answer.bytes)[0], 440.0);
    assert!(heard >= Duration::from_millis(850), "{heard:?}");
}

fn kept_here(platform: &Demo) -> usize {
    files(platform, "wav")
}

fn files(platform: &Demo, end: &str) -> usize {
    let folder = platform.data().join("calls");
    let files = std::fs::read_dir(folder).expect("a folder").flatten();
    let named = files.filter(|file| file.path().extension().is_some_and(|own| own == end));
    named.count()
}
