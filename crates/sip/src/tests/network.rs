//! Over real sockets on loopback: what only the wire can show.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use offhook_terms::Private;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use sipx_sip::auth::{self, Challenge};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::mpsc;

use crate::{
    Arrival, Config, Credentials, Ending, Endpoint, ListenError, OutgoingCall, Register,
    SessionEvent, Tls, Transport, Trust, listen,
};

async fn alive(socket: &UdpSocket, endpoint: &crate::Endpoint, branch: usize) {
    let me = socket.local_addr().expect("bound");
    let options = format!(
        "OPTIONS sip:bot@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bK-alive-{branch}\r\n\
         From: <sip:test@127.0.0.1>;tag=1\r\nTo: <sip:bot@127.0.0.1>\r\nCall-ID: alive-{branch}\r\n\
         CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    );
    socket
        .send_to(options.as_bytes(), endpoint.local_addr())
        .await
        .expect("sent");
    let wanted = format!("Call-ID: alive-{branch}");
    let mut buffer = vec![0; 65_536];
    let answered = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            let (length, _) = socket.recv_from(&mut buffer).await.expect("received");
            let text = String::from_utf8_lossy(&buffer[..length]);
            if text.contains(&wanted) {
                assert!(text.starts_with("SIP/2.0 200"), "{text}");
                return;
            }
        }
    });
    answered.await.expect("OPTIONS is answered");
}

#[tokio::test]
async fn malformed_messages_leave_the_endpoint_alive() {
    let config = Config::new("127.0.0.1:0".parse().expect("an address"));
    let (endpoint, mut arrivals) = listen(config).await.expect("a free port");
    tokio::spawn(async move { while arrivals.recv().await.is_some() {} });
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/rfc4475");
    let mut messages = vec![
        b"".to_vec(),
        b"\r\n\r\n".to_vec(),
        vec![0xff; 1_400],
        b"INVITE sip:a SIP/2.0\r\n\r\n".to_vec(),
        b"INVITE sip:a@b SIP/7.0\r\nVia: x\r\nTo: y\r\nFrom: z\r\nCall-ID: 1\r\nCSeq: q\r\n\r\n"
            .to_vec(),
    ];
    if let Ok(folder) = std::fs::read_dir(&fixtures) {
        let mut files: Vec<_> = folder
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "dat"))
            .collect();
        files.sort();
        messages.extend(
            files
                .iter()
                .map(|path| std::fs::read(path).expect("readable")),
        );
    }
    for (at, message) in messages.iter().enumerate() {
        socket
            .send_to(message, endpoint.local_addr())
            .await
            .expect("sent");
        alive(&socket, &endpoint, at).await;
    }
    // A stream of the same: each connection may die, the endpoint may not.
    for message in &messages {
        let mut stream = TcpStream::connect(endpoint.local_addr())
            .await
            .expect("connects");
        let _ = stream.write_all(message).await;
    }
    alive(&socket, &endpoint, usize::MAX).await;
    endpoint.shutdown().await;
}

#[tokio::test]
async fn a_taken_port_is_one_clear_sentence() {
    let config = Config::new("127.0.0.1:0".parse().expect("an address"));
    let (endpoint, _arrivals) = listen(config).await.expect("a free port");
    let taken = listen(Config::new(endpoint.local_addr()))
        .await
        .expect_err("taken");
    assert!(matches!(taken, ListenError::Taken(addr) if addr == endpoint.local_addr()));
}

/// A local authority, and a certificate of it for this machine.
struct Papers {
    authority: String,
    certificate: String,
    key: String,
}

fn papers() -> Papers {
    let key = KeyPair::generate().expect("a key");
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let cert = authority.self_signed(&key).expect("an authority");
    let issuer = Issuer::from_params(&authority, &key);
    let own = KeyPair::generate().expect("a key");
    let names = ["127.0.0.1", "::1", "localhost", "example.com"].map(str::to_owned);
    let leaf = CertificateParams::new(names).expect("names");
    let leaf = leaf.signed_by(&own, &issuer).expect("a certificate");
    Papers {
        authority: cert.pem(),
        certificate: leaf.pem(),
        key: own.serialize_pem(),
    }
}

impl Papers {
    /// Listens for everything there, and believes this authority.
    fn config(&self, bind: &str) -> Config {
        Config {
            tls: Some(Tls {
                port: 0,
                certificate: self.certificate.clone(),
                key: Private::new(self.key.clone()),
            }),
            trust: Trust {
                system: false,
                authorities: vec![self.authority.clone()],
            },
            ..Config::new(bind.parse().expect("an address"))
        }
    }
}

/// Called, answered, hung up.
async fn call_passes(
    phone: &Endpoint,
    arrivals: &mut mpsc::Receiver<Arrival>,
    call: OutgoingCall,
    transport: Transport,
) {
    let mut session = phone.call(call).expect("can be tried");
    let mut events = session.events();
    let Some(Arrival::Invite(incoming)) = arrivals.recv().await else {
        panic!("a call comes")
    };
    assert_eq!(incoming.transport, transport);
    assert_eq!(incoming.source.ip(), incoming.source.ip().to_canonical());
    let mut heard = incoming.session.events();
    incoming.session.ring();
    incoming.session.answer(b"v=0 answer".to_vec());
    loop {
        match events.recv().await.expect("it goes on") {
            SessionEvent::Ringing { status: 180, .. } => {}
            SessionEvent::Answered { sdp } => break assert_eq!(sdp, b"v=0 answer"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(
        heard.recv().await,
        Some(SessionEvent::Confirmed { sdp: None })
    );
    session.hang_up(Some("done"));
    assert_eq!(
        events.recv().await,
        Some(SessionEvent::Ended(Ending::Closed))
    );
    let ended = heard.recv().await.expect("it ends");
    assert!(matches!(
        ended,
        SessionEvent::Ended(Ending::HungUp { reason: Some(_) })
    ));
}

/// Two endpoints over each transport and both families.
#[tokio::test]
async fn calls_pass_over_every_transport_and_family() {
    let papers = papers();
    for bind in ["127.0.0.1:0", "[::1]:0"] {
        for transport in [Transport::Udp, Transport::Tcp, Transport::Tls] {
            let ours = papers.config(bind);
            let (server, mut arrivals) = listen(ours.clone()).await.expect("a free port");
            let (phone, _) = listen(ours).await.expect("a free port");
            let place = match transport {
                Transport::Tls => server.tls_addr().expect("it listens"),
                _ => server.local_addr(),
            };
            let to = format!("sip:bot@{place};transport={transport}");
            let from = "sip:ann@elsewhere.example";
            let call = OutgoingCall::new(to, from, b"v=0 offer".to_vec());
            call_passes(&phone, &mut arrivals, call, transport).await;
            phone.shutdown().await;
            server.shutdown().await;
        }
    }
}

/// `sips:` insists on TLS, and a socket for all IPv6 addresses is an IPv4 one as well.
#[tokio::test]
async fn a_secure_address_and_an_ipv4_phone_reach_a_server_on_all_addresses() {
    let papers = papers();
    let (server, mut arrivals) = listen(papers.config("[::]:0")).await.expect("a free port");
    let (phone, _) = listen(papers.config("127.0.0.1:0"))
        .await
        .expect("a free port");
    let from = "sip:ann@elsewhere.example";
    let port = server.tls_addr().expect("it listens").port();
    let to = format!("sips:bot@localhost:{port}");
    let secure = OutgoingCall::new(to, from, b"v=0 offer".to_vec());
    call_passes(&phone, &mut arrivals, secure, Transport::Tls).await;
    for transport in [Transport::Udp, Transport::Tcp] {
        let port = server.local_addr().port();
        let to = format!("sip:bot@127.0.0.1:{port};transport={transport}");
        let call = OutgoingCall::new(to, from, b"v=0 offer".to_vec());
        call_passes(&phone, &mut arrivals, call, transport).await;
    }
    // And out of the socket for all addresses to an IPv4 one.
    let (other, mut arrivals) = listen(papers.config("127.0.0.1:0"))
        .await
        .expect("a free port");
    let to = format!("sip:ann@{}", other.local_addr());
    let call = OutgoingCall::new(to, from, b"v=0 offer".to_vec());
    call_passes(&server, &mut arrivals, call, Transport::Udp).await;
}

#[tokio::test]
async fn a_certificate_of_a_stranger_or_for_another_name_is_not_believed() {
    let (papers, strangers) = (papers(), papers());
    let (server, _arrivals) = listen(papers.config("0.0.0.0:0"))
        .await
        .expect("a free port");
    let port = server.tls_addr().expect("it listens").port();
    let mut suspicious = strangers.config("127.0.0.1:0");
    suspicious.tls = None;
    let mut believing = papers.config("127.0.0.1:0");
    believing.tls = None;
    for (config, host) in [
        (suspicious, "127.0.0.1"),
        // This machine as well, and not in the certificate.
        (believing.clone(), "127.0.0.2"),
        (Config::new(believing.bind), "127.0.0.1"),
    ] {
        let (phone, _) = listen(config).await.expect("a free port");
        let to = format!("sip:bot@{host}:{port};transport=tls");
        let call = OutgoingCall::new(to, "sip:ann@elsewhere.example", b"v=0".to_vec());
        let session = phone.call(call).expect("can be tried");
        assert_eq!(
            session.events().recv().await,
            Some(SessionEvent::Ended(Ending::Lost(crate::Loss::Transport)))
        );
    }
}

#[tokio::test]
async fn papers_that_do_not_fit_are_one_clear_sentence() {
    let (papers, others) = (papers(), papers());
    let mut config = papers.config("127.0.0.1:0");
    config.tls = config.tls.map(|tls| Tls {
        key: Private::new(others.key),
        ..tls
    });
    let refused = listen(config).await.expect_err("the key is another's");
    assert!(matches!(refused, ListenError::Certificate(_)));
    assert!(refused.to_string().starts_with("SIP over TLS: "));
}

#[tokio::test]
async fn an_unreachable_peer_is_lost_at_once_over_tcp() {
    let config = Config::new("127.0.0.1:0".parse().expect("an address"));
    let (phone, _) = listen(config).await.expect("a free port");
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("bound")
    };
    let to = format!("sip:bot@{nobody};transport=tcp");
    let call = OutgoingCall::new(to, "sip:ann@elsewhere.example", b"v=0".to_vec());
    let session = phone.call(call).expect("can be tried");
    let ended = session.events().recv().await;
    assert_eq!(
        ended,
        Some(SessionEvent::Ended(Ending::Lost(crate::Loss::Transport)))
    );
}

#[tokio::test]
async fn a_stream_is_answered_on_its_own_connection() {
    let config = Config::new("127.0.0.1:0".parse().expect("an address"));
    let (endpoint, _arrivals) = listen(config).await.expect("a free port");
    let mut stream = TcpStream::connect(endpoint.local_addr())
        .await
        .expect("connects");
    let options = "OPTIONS sip:bot@127.0.0.1 SIP/2.0\r\n\
        Via: SIP/2.0/TCP 10.1.2.3:5060;branch=z9hG4bK-1;rport\r\nFrom: <sip:a@b>;tag=1\r\n\
        To: <sip:bot@127.0.0.1>\r\nCall-ID: stream\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n\
        Content-Length: 0\r\n\r\n";
    stream.write_all(options.as_bytes()).await.expect("sent");
    let mut buffer = vec![0; 4_096];
    let length = stream.read(&mut buffer).await.expect("answered");
    assert!(buffer[..length].starts_with(b"SIP/2.0 200 OK"));
}

/// A phone behind a NAT is called over the connection it registered with, and over nothing else.
#[tokio::test]
async fn a_registered_phone_is_called_over_its_own_connection() {
    let config = Config::new("127.0.0.1:0".parse().expect("an address"));
    let (endpoint, _arrivals) = listen(Config {
        domains: vec!["example.com".into()],
        accounts: Arc::new(|user| (user == "ann").then(|| Private::new("secret".to_owned()))),
        ..config
    })
    .await
    .expect("a free port");
    let mut stream = TcpStream::connect(endpoint.local_addr())
        .await
        .expect("connects");
    let mut buffer = vec![0; 4_096];
    let mut proof = String::new();
    for cseq in 1..=2 {
        let register = format!(
            "REGISTER sip:example.com SIP/2.0\r\n\
             Via: SIP/2.0/TCP 10.1.2.3:5060;branch=z9hG4bK-{cseq};rport\r\n\
             From: <sip:ann@example.com>;tag=1\r\nTo: <sip:ann@example.com>\r\n\
             Call-ID: register\r\nCSeq: {cseq} REGISTER\r\nMax-Forwards: 70\r\n\
             Contact: <sip:ann@10.1.2.3:5060;transport=tcp>\r\n{proof}Content-Length: 0\r\n\r\n"
        );
        stream.write_all(register.as_bytes()).await.expect("sent");
        let length = stream.read(&mut buffer).await.expect("answered");
        let answer = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if let Some(asked) = answer
            .lines()
            .find_map(|line| line.strip_prefix("WWW-Authenticate:"))
        {
            let challenge = Challenge::parse(asked.trim().as_bytes(), false).expect("a challenge");
            let own = auth::Credentials::new("ann", "secret");
            let value = auth::respond(&challenge, &own, "REGISTER", "sip:example.com", 1, "c");
            proof = format!("Authorization: {value}\r\n");
        } else {
            assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
        }
    }
    let contacts = endpoint.contacts("ann");
    assert_eq!(contacts.len(), 1);
    let offer = b"v=0 offer".to_vec();
    let call = OutgoingCall::to_contact(&contacts[0], "sip:bot@example.com", offer);
    let session = endpoint.call(call).expect("can be tried");
    let mut events = session.events();
    let length = stream.read(&mut buffer).await.expect("called");
    let invite = String::from_utf8_lossy(&buffer[..length]).into_owned();
    let first = "INVITE sip:ann@10.1.2.3:5060;transport=tcp SIP/2.0\r\nVia: SIP/2.0/TCP ";
    assert!(invite.starts_with(first), "{invite}");
    let line = |name: &str| {
        let mut lines = invite.lines();
        lines.find(|line| line.starts_with(name)).expect("there")
    };
    let busy = format!(
        "SIP/2.0 486 Busy Here\r\n{}\r\n{}\r\n{};tag=2\r\n{}\r\n{}\r\nContent-Length: 0\r\n\r\n",
        line("Via:"),
        line("From:"),
        line("To:"),
        line("Call-ID:"),
        line("CSeq:"),
    );
    stream.write_all(busy.as_bytes()).await.expect("sent");
    let ended = events.recv().await.expect("it ends");
    assert!(matches!(
        ended,
        SessionEvent::Ended(Ending::Refused { status: 486, .. })
    ));
}

/// A phone that can open connections and take none, by TLS.
#[tokio::test]
async fn a_phone_that_registered_by_tls_is_called_over_that_connection() {
    let papers = papers();
    let (server, mut news) = listen(Config {
        domains: vec!["example.com".into()],
        accounts: Arc::new(|user| (user == "ann").then(|| Private::new("secret".to_owned()))),
        ..papers.config("127.0.0.1:0")
    })
    .await
    .expect("a free port");
    let (phone, mut arrivals) = listen(Config {
        tls: None,
        ..papers.config("127.0.0.1:0")
    })
    .await
    .expect("a free port");
    let registration = phone
        .register(Register {
            address: "sip:ann@example.com".into(),
            credentials: Credentials::new("ann", "secret"),
            transport: Transport::Tls,
            route: server.tls_addr(),
            expires: Duration::from_secs(300),
            trunk: None,
        })
        .await
        .expect("registered");
    assert!(matches!(
        news.recv().await,
        Some(Arrival::Registered { .. })
    ));
    let contacts = server.contacts("ann");
    assert_eq!(contacts[0].transport, Transport::Tls);
    let offer = b"v=0 offer".to_vec();
    let call = OutgoingCall::to_contact(&contacts[0], "sip:bot@example.com", offer);
    call_passes(&server, &mut arrivals, call, Transport::Tls).await;
    registration.unregister().await;
    assert!(server.contacts("ann").is_empty());
}
