//! Phones that are not ours: Debian's `sip-tester` and `baresip-core` against this crate and the
//! signalling below it.

#![allow(clippy::print_stderr, reason = "a failed call explains itself")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use offhook_phone::{Config, Phone, Step};
use offhook_sip::{Arrival, OutgoingCall, Refer, Session, SessionEvent, Tls, Transport, Trust};
use offhook_terms::Private;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::sync::mpsc;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(20);

/// A program that is ended with its test, and whose words are shown when that fails.
struct Program(Child, PathBuf);

impl Program {
    fn start(command: &mut Command, folder: &Path, package: &str) -> Self {
        let path = folder.join("log");
        let log = fs::File::create(&path).expect("a log");
        let started = command
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle of the log"))
            .stderr(log)
            .spawn();
        let child =
            started.unwrap_or_else(|error| panic!("Debian's {package} can be started: {error}"));
        Self(child, path)
    }

    async fn ends_well(mut self) -> bool {
        let ends = async {
            loop {
                if let Some(status) = self.0.try_wait().expect("it is our child") {
                    return status.success();
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(SOON, ends).await.unwrap_or(false)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
        if std::thread::panicking() {
            let log = fs::read(&self.1).unwrap_or_default();
            eprintln!("--- what it said\n{}", String::from_utf8_lossy(&log));
        }
    }
}

async fn phone() -> Phone {
    Phone::start(Config::new("127.0.0.1:0".parse().expect("an address")))
        .await
        .expect("it starts")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_insists_on_certain_ringing_is_served() {
    let called = phone().await;
    let folder = tempfile::tempdir().expect("a folder");
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/prack.xml");
    let tester = Program::start(
        Command::new("sipp")
            .arg(called.local_addr().to_string())
            .args(["-sf", &scenario.to_string_lossy(), "-s", "bob"])
            .args(["-i", "127.0.0.1", "-m", "1", "-nostdin", "-timeout", "15s"])
            .args(["-trace_err", "-error_file", "errors.log"]),
        folder.path(),
        "sip-tester",
    );
    let ringing = called.wait_for_call(SOON).await;
    let mut ringing = ringing.expect("it rings");
    ringing
        .ring_for(Duration::from_millis(300))
        .await
        .expect("it goes on");
    let call = ringing.answer().await.expect("it is answered");
    let report = call
        .run(&Step::parse_all("expect-hang-up").expect("a step"))
        .await;
    let errors = fs::read_to_string(folder.path().join("errors.log")).unwrap_or_default();
    assert!(report.held(), "{report}\n{errors}");
    assert!(tester.ends_well().await, "{errors}");
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
    let names = ["127.0.0.1", "example.com"].map(str::to_owned);
    let leaf = CertificateParams::new(names).expect("names");
    let leaf = leaf.signed_by(&own, &issuer).expect("a certificate");
    Papers {
        authority: cert.pem(),
        certificate: leaf.pem(),
        key: own.serialize_pem(),
    }
}

/// A soft phone that registers by TLS and answers whatever rings.
fn baresip(folder: &Path, registrar: std::net::SocketAddr, authority: &str) -> Program {
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).expect("written");
    write("authority.pem", authority);
    let place = folder.display();
    write(
        "config",
        &format!(
            "module_path /usr/lib/baresip/modules\n\
             sip_listen 127.0.0.1:0\n\
             sip_cafile {place}/authority.pem\n\
             net_interface 127.0.0.1\n\
             rtp_ports 43000-44000\n\
             audio_source aufile,{place}/says.wav\n\
             audio_player aubridge,nobody\n\
             audio_alert aubridge,nobody\n\
             ausrc_srate 8000\n\
             auplay_srate 8000\n\
             ausrc_channels 1\n\
             auplay_channels 1\n\
             module g711.so\n\
             module aufile.so\n\
             module aubridge.so\n\
             module_tmp uuid.so\n\
             module_tmp account.so\n\
             module_app menu.so\n"
        ),
    );
    write(
        "accounts",
        &format!(
            "<sip:ann@example.com>;auth_user=ann;auth_pass=secret;\
             outbound=\"sip:{registrar};transport=tls\";regint=60;answermode=auto;\
             audio_codecs=PCMU/8000/1\n"
        ),
    );
    write("contacts", "");
    fs::write(folder.join("says.wav"), tone(700.0)).expect("written");
    let mut command = Command::new("baresip");
    command.args(["-s", "-v", "-f", &folder.to_string_lossy()]);
    Program::start(&mut command, folder, "baresip-core")
}

/// Half a minute of a tone as a WAV file of 8 kHz.
fn tone(hertz: f64) -> Vec<u8> {
    let samples = (0..30 * 8_000).flat_map(|n| {
        let phase = std::f64::consts::TAU * hertz * f64::from(n) / 8_000.0;
        ((8_000.0 * phase.sin()) as i16).to_le_bytes()
    });
    let data: Vec<u8> = samples.collect();
    let size = u32::try_from(data.len()).expect("it is short");
    let mut file = Vec::with_capacity(44 + data.len());
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(36 + size).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend_from_slice(&8_000u32.to_le_bytes());
    file.extend_from_slice(&16_000u32.to_le_bytes());
    file.extend_from_slice(b"\x02\0\x10\0data");
    file.extend_from_slice(&size.to_le_bytes());
    file.extend_from_slice(&data);
    file
}

async fn next(events: &mut mpsc::Receiver<SessionEvent>) -> SessionEvent {
    let event = timeout(SOON, events.recv()).await;
    event.expect("something happens").expect("it is told")
}

/// Until the session has been answered.
async fn answered(session: &Session) -> mpsc::Receiver<SessionEvent> {
    let mut events = session.events();
    loop {
        match next(&mut events).await {
            SessionEvent::Answered { .. } => return events,
            SessionEvent::Ringing { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_soft_phone_is_called_by_tls_and_follows_a_transfer() {
    let papers = papers();
    let mut config = offhook_sip::Config::new("127.0.0.1:0".parse().expect("an address"));
    config.domains = vec!["example.com".into()];
    config.accounts = Arc::new(|user| (user == "ann").then(|| Private::new("secret".to_owned())));
    config.tls = Some(Tls {
        port: 0,
        certificate: papers.certificate,
        key: Private::new(papers.key),
    });
    config.trust = Trust::default();
    let (endpoint, mut arrivals) = offhook_sip::listen(config).await.expect("a free port");
    let folder = tempfile::tempdir().expect("a folder");
    let registrar = endpoint.tls_addr().expect("it listens");
    let _baresip = baresip(folder.path(), registrar, &papers.authority);
    let registered = timeout(SOON, arrivals.recv()).await;
    let registered = registered.expect("it registers");
    assert!(matches!(registered, Some(Arrival::Registered { .. })));
    let contacts = endpoint.contacts("ann");
    assert_eq!(contacts[0].transport, Transport::Tls);

    let audio = tokio::net::UdpSocket::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let port = audio.local_addr().expect("bound").port();
    let description = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
    );
    let call = OutgoingCall::to_contact(
        &contacts[0],
        "sip:bot@example.com",
        description.clone().into_bytes(),
    );
    let mut session = endpoint.call(call).expect("can be tried");
    let mut events = answered(&session).await;
    assert!(session.peer_takes_refer());

    session.refer(Refer {
        to: "sip:carol@example.com".to_owned().into(),
        replaces: None,
        referred_by: None,
    });
    assert_eq!(next(&mut events).await, SessionEvent::ReferAccepted);
    // It sends all its calls through its registrar, and so this one comes here.
    let Some(Arrival::Invite(second)) = timeout(SOON, arrivals.recv()).await.expect("it calls")
    else {
        panic!("a call was expected")
    };
    assert_eq!(second.target.user.reveal(), "carol");
    assert_eq!(second.transport, Transport::Tls);
    second.session.ring();
    second.session.answer(description.into_bytes());
    let status = loop {
        match next(&mut events).await {
            SessionEvent::Referred { status } => break status,
            SessionEvent::ReferProgress { .. } => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(status, 200);
    session.hang_up(None);
    endpoint.shutdown().await;
}
