//! Both doors, opened and used as a client uses them.

use std::path::Path;

use axum::routing::get;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use rustls_pki_types::ServerName;
use rustls_pki_types::pem::PemObject as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::clock;

fn config() -> Config {
    let free = "127.0.0.1:0".to_owned();
    Config::load(
        None,
        [("http.listen", free.clone()), ("https.listen", free)],
    )
    .expect("a good configuration")
}

fn router() -> Router {
    Router::new()
        .route("/door", get(|axum::Extension(via): axum::Extension<Via>| async move {
            format!("{:?}", via.door)
        }))
        .route("/fault", get(fault))
}

async fn fault() -> &'static str {
    panic!("a broken belief")
}

async fn open(data: &Path) -> Doors {
    let config = config();
    let tls = Tls::open(&config, data, clock::wall()).expect("certificates");
    Doors::open(&config, &tls).await.expect("doors")
}

async fn fetch(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    path: &str,
) -> (u16, String) {
    let (mut client, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .expect("shaken");
    tokio::spawn(connection);
    let request = Request::get(path)
        .header("host", "localhost")
        .body(Empty::<Bytes>::new());
    let response = client
        .send_request(request.expect("a request"))
        .await
        .expect("answered");
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
async fn a_client_that_trusts_the_authority_is_served_over_https() {
    let data = tempfile::tempdir().expect("a temporary folder");
    // The second start uses the authority that the first one made.
    let first = open(data.path()).await;
    drop(first);
    let doors = open(data.path()).await;
    let address = doors.https().expect("open");
    let serving = doors.serve(router());

    let ca = rustls_pki_types::CertificateDer::from_pem_file(data.path().join("ca.pem"))
        .expect("a certificate");
    let trust = crate::outgoing::trust(&ca, &[]).expect("trusted");
    for name in ["localhost", "127.0.0.1"] {
        let stream = TcpStream::connect(address).await.expect("connected");
        let name = ServerName::try_from(name).expect("a name");
        let connector = tokio_rustls::TlsConnector::from(Arc::clone(&trust));
        let stream = connector.connect(name, stream).await.expect("trusted");
        assert_eq!(fetch(stream, "/door").await, (200, "Https".to_owned()));
    }
    serving.drain(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_fault_of_ours_spoils_one_request() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let doors = open(data.path()).await;
    let address = doors.http();
    let serving = doors.serve(router());
    let connect = || async { TcpStream::connect(address).await.expect("connected") };
    let (status, body) = fetch(connect().await, "/fault").await;
    assert_eq!(status, 500);
    assert!(body.contains("\"code\":\"9999\""), "{body}");
    assert_eq!(
        fetch(connect().await, "/door").await,
        (200, "Http".to_owned())
    );
    serving.drain(Duration::from_secs(1)).await;
    assert!(
        TcpStream::connect(address).await.is_err(),
        "the door is closed"
    );
}

#[tokio::test]
async fn noise_is_answered_or_closed() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let doors = open(data.path()).await;
    let (http, https) = (doors.http(), doors.https().expect("open"));
    let serving = doors.serve(router());
    let long = [
        b"GET / HTTP/1.1\r\nx: ".as_slice(),
        &[b'a'; 64 * 1024],
        b"\r\n\r\n",
    ]
    .concat();
    let noises: [&[u8]; 4] = [
        b"\0\x01\x02nonsense\r\n\r\n",
        b"GET\r\n\r\n",
        &long,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nxx",
    ];
    for address in [http, https] {
        for noise in noises {
            let mut stream = TcpStream::connect(address).await.expect("connected");
            // The other side may have hung up already.
            let _ = stream.write_all(noise).await;
            let _ = stream.shutdown().await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
        }
    }
    let stream = TcpStream::connect(http).await.expect("connected");
    assert_eq!(fetch(stream, "/door").await.0, 200);
    serving.drain(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_taken_port_is_one_sentence() {
    let taken = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = taken.local_addr().expect("bound");
    let data = tempfile::tempdir().expect("a temporary folder");
    let mut config = config();
    config.https.listen = address;
    let tls = Tls::open(&config, data.path(), clock::wall()).expect("certificates");
    let error = Doors::open(&config, &tls)
        .await
        .err()
        .expect("must be refused");
    let wanted = format!(
        "HTTPS cannot listen on {address} (Address already in use (os error 98)); another program \
         uses this port: stop it, or choose another with --https ADDR:PORT or https.listen"
    );
    assert_eq!(error.to_string(), wanted);
}

#[tokio::test]
async fn the_certificate_is_replaced_before_it_ends() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let now = clock::wall();
    let tls = Tls::open(&config(), data.path(), now).expect("certificates");
    let first = tls.shown_for_tests();
    tls.renew_if_due(now + Duration::from_secs(300 * 24 * 3600));
    assert!(Arc::ptr_eq(&first, &tls.shown_for_tests()));
    tls.renew_if_due(now + Duration::from_secs(340 * 24 * 3600));
    assert!(!Arc::ptr_eq(&first, &tls.shown_for_tests()));
}
