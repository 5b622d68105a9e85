//! Calls we place.

use expect_test::expect;
use sipx_sip::{HeaderName, Method};
use sipx_transport::Incoming as Inbound;
use tokio::sync::mpsc;

use super::world::{World, cseq, is};
use crate::{CallError, Credentials, Ending, Loss, OutgoingCall, Session, SessionEvent};

fn call() -> OutgoingCall {
    let offer = b"v=0 our offer".to_vec();
    OutgoingCall::new("sip:bob@127.0.0.1:50601", "sip:bot@example.com", offer)
}

async fn placed(world: &World, call: OutgoingCall) -> (Session, mpsc::Receiver<SessionEvent>) {
    let session = world.endpoint.call(call).expect("the call can be tried");
    let events = session.events();
    (session, events)
}

#[tokio::test(start_paused = true)]
async fn a_call_is_placed_held_and_ended() {
    let mut world = World::new();
    let (mut session, mut events) = placed(&world, call()).await;
    let invite = world.request().await;
    assert_eq!(invite.request.body().as_ref(), b"v=0 our offer");
    world.respond(&invite, 100, &[]).await;
    world.respond(&invite, 180, &[]).await;
    world.event(&mut events).await;
    world
        .respond_with(&invite, 200, &[], "v=0 their answer")
        .await;
    world.event(&mut events).await;
    let ack = world.request().await;
    assert_eq!(cseq(&ack.request), cseq(&invite.request));
    session.reinvite(b"v=0 hold".to_vec());
    let again = world.request().await;
    world.respond_with(&again, 200, &[], "v=0 held").await;
    world.event(&mut events).await;
    assert!(is(&world.request().await, &Method::Ack));
    session.hang_up(None);
    let bye = world.request().await;
    assert_eq!(cseq(&bye.request), cseq(&invite.request) + 2);
    world.event(&mut events).await;
    world.check_ladder(expect![[r#"
        0.000   us → peer  INVITE
        0.000   peer → us  100
        0.000   peer → us  180
        0.000   session   Ringing 180
        0.000   peer → us  200
        0.000   session   Answered
        0.000   us → peer  ACK
        0.000   us → peer  INVITE
        0.000   peer → us  200
        0.000   session   Reanswered
        0.000   us → peer  ACK
        0.000   us → peer  BYE
        0.000   session   Ended(Closed)
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_quoted() {
    let mut world = World::new();
    let (_session, mut events) = placed(&world, call()).await;
    let invite = world.request().await;
    let reason = "SIP;cause=486;text=\"in a meeting\"";
    world.respond(&invite, 486, &[("Reason", reason)]).await;
    world.event(&mut events).await;
    world.check_ladder(expect![[r#"
        0.000   us → peer  INVITE
        0.000   peer → us  486
        0.000   session   Ended(Refused { status: 486, reason: "in a meeting" })
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_challenge_is_answered_once() {
    let mut world = World::new();
    let mut outgoing = call();
    outgoing.credentials = Some(Credentials::new("bot", "secret"));
    let (_session, mut events) = placed(&world, outgoing).await;
    let challenge = "Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256";
    for proven in [false, true] {
        let invite = world.request().await;
        let has = invite
            .request
            .headers
            .get(&HeaderName::ProxyAuthorization)
            .is_some();
        assert_eq!(has, proven);
        world
            .respond(&invite, 407, &[("Proxy-Authenticate", challenge)])
            .await;
    }
    world.event(&mut events).await;
    world.check_ladder(expect![[r#"
        0.000   us → peer  INVITE
        0.000   peer → us  407
        0.000   us → peer  INVITE
        0.000   peer → us  407
        0.000   session   Ended(Refused { status: 407, reason: "As Scripted" })
    "#]]);
}

fn asks(realm: &str, nonce: &str) -> String {
    format!("Digest realm=\"{realm}\", nonce=\"{nonce}\", qop=\"auth\", algorithm=MD5")
}

fn proofs(invite: &Inbound) -> (usize, usize) {
    let count = |name| invite.request.headers.count(&name);
    (
        count(HeaderName::ProxyAuthorization),
        count(HeaderName::Authorization),
    )
}

#[tokio::test(start_paused = true)]
async fn each_realm_on_the_way_is_proven_to_and_so_are_later_requests() {
    let mut world = World::new();
    let mut outgoing = call();
    outgoing.credentials = Some(Credentials::new("bot", "secret"));
    let (mut session, mut events) = placed(&world, outgoing).await;
    let invite = world.request().await;
    world
        .respond(&invite, 407, &[("Proxy-Authenticate", &asks("proxy", "1"))])
        .await;
    let invite = world.request().await;
    assert_eq!(proofs(&invite), (1, 0));
    world
        .respond(&invite, 401, &[("WWW-Authenticate", &asks("trunk", "2"))])
        .await;
    let invite = world.request().await;
    assert_eq!(proofs(&invite), (1, 1));
    world.respond_with(&invite, 200, &[], "v=0").await;
    world.event(&mut events).await;
    let ack = world.request().await;
    assert_eq!(proofs(&ack), (1, 1), "an ACK repeats its INVITE's proof");
    session.reinvite(b"v=0 hold".to_vec());
    let again = world.request().await;
    assert_eq!(proofs(&again), (1, 1));
    world
        .respond(&again, 407, &[("Proxy-Authenticate", &asks("proxy", "3"))])
        .await;
    let again = world.request().await;
    assert_eq!(proofs(&again), (1, 0), "what was asked last");
    world.respond_with(&again, 200, &[], "v=0 held").await;
    world.event(&mut events).await;
    world.request().await;
    session.hang_up(None);
    let bye = world.request().await;
    world
        .respond(&bye, 407, &[("Proxy-Authenticate", &asks("proxy", "4"))])
        .await;
    let bye = world.request().await;
    let proof = bye.request.headers.value(&HeaderName::ProxyAuthorization);
    let proof = String::from_utf8(proof.expect("a proof").into_owned()).expect("text");
    assert!(proof.contains("nonce=\"4\"") && proof.contains("nc=00000001"));
    world.respond(&bye, 200, &[]).await;
    world.event(&mut events).await;
    world.check_ladder(expect![[r#"
        0.000   us → peer  INVITE
        0.000   peer → us  407
        0.000   us → peer  INVITE
        0.000   peer → us  401
        0.000   us → peer  INVITE
        0.000   peer → us  200
        0.000   session   Answered
        0.000   us → peer  ACK
        0.000   us → peer  INVITE
        0.000   peer → us  407
        0.000   us → peer  INVITE
        0.000   peer → us  200
        0.000   session   Reanswered
        0.000   us → peer  ACK
        0.000   us → peer  BYE
        0.000   peer → us  407
        0.000   us → peer  BYE
        0.000   peer → us  200
        0.000   session   Ended(Closed)
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_call_says_who_calls_and_what_its_owner_adds() {
    let mut world = World::new();
    let mut outgoing = call();
    outgoing.from = "sip:+14255550100@example.com".to_owned().into();
    outgoing.display = Some("Contoso \"Sales\"\r\nVia: x".to_owned().into());
    for (name, value) in [
        ("P-Asserted-Identity", "<sip:+14255550100@example.com>"),
        ("Privacy", "id"),
        ("User-to-User", "68656c6c6f;encoding=hex"),
        ("Call-ID", "stolen"),
        ("X-Broken", "a\r\nX-Smuggled: b"),
    ] {
        let header = (name.to_owned(), value.to_owned().into());
        outgoing.headers.push(header);
    }
    let (_session, _events) = placed(&world, outgoing).await;
    let invite = world.request().await.request;
    let value = |name: &str| {
        let name = HeaderName::parse(&bytes::Bytes::from(name.to_owned()));
        let value = invite.headers.value(&name).map(|v| v.into_owned());
        value.map(|value| String::from_utf8(value).expect("text"))
    };
    let from = value("From").expect("a From");
    assert!(
        from.starts_with("\"Contoso 'Sales'''Via: x\" <sip:+14255550100@example.com>;tag="),
        "{from}"
    );
    assert_eq!(value("Privacy").as_deref(), Some("id"));
    assert_eq!(
        value("P-Asserted-Identity").as_deref(),
        Some("<sip:+14255550100@example.com>")
    );
    assert_eq!(
        value("User-to-User").as_deref(),
        Some("68656c6c6f;encoding=hex")
    );
    assert_ne!(value("Call-ID").as_deref(), Some("stolen"));
    assert_eq!(invite.headers.count(&HeaderName::CallId), 1);
    assert_eq!(value("X-Broken"), None);
    assert_eq!(value("X-Smuggled"), None);
}

#[tokio::test(start_paused = true)]
async fn a_phone_that_lost_the_race_shows_no_missed_call() {
    let mut world = World::new();
    let (mut session, mut events) = placed(&world, call()).await;
    let invite = world.request().await;
    world.respond(&invite, 180, &[]).await;
    world.event(&mut events).await;
    session.answered_elsewhere();
    let cancel = world.request().await;
    world.respond(&cancel, 200, &[]).await;
    world.respond(&invite, 487, &[]).await;
    world.event(&mut events).await;
    world.check_ladder(expect![[r#"
        0.000   us → peer  INVITE
        0.000   peer → us  180
        0.000   session   Ringing 180
        0.000   us → peer  CANCEL (SIP;cause=200;text="Call completed elsewhere")
        0.000   peer → us  200
        0.000   peer → us  487
        0.000   session   Ended(Closed)
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn what_the_other_end_can_do_is_known_once_it_has_said_so() {
    let mut world = World::new();
    let (session, mut events) = placed(&world, call()).await;
    let invite = world.request().await;
    assert_eq!(session.dialog(), None);
    assert_eq!(session.peer_contact(), None);
    assert!(!session.peer_takes_refer());
    world.respond(&invite, 180, &[]).await;
    world.event(&mut events).await;
    assert!(session.dialog().is_some(), "a call that rings has a name");
    let says = [
        ("Allow", "INVITE, ACK, BYE, CANCEL, REFER, NOTIFY"),
        ("Supported", "timer, replaces"),
    ];
    world.respond_with(&invite, 200, &says, "v=0").await;
    world.event(&mut events).await;
    assert!(session.peer_takes_refer() && session.peer_takes_replaces());
    let contact = session.peer_contact().expect("it has answered");
    assert_eq!(contact.reveal(), "sip:bob@127.0.0.1:50601");
    let replaces = session.dialog().expect("it has answered").replaces();
    assert!(replaces.reveal().contains(";to-tag=callee;from-tag="));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_not_found_ends_the_call_and_a_goodbye_does_not_wait_for_it() {
    let world = World::new();
    let mut nowhere = call();
    nowhere.to = "sip:bob@no.such.host.invalid".to_owned().into();
    let (_session, mut events) = placed(&world, nowhere.clone()).await;
    assert_eq!(
        events.recv().await,
        Some(SessionEvent::Ended(Ending::Lost(Loss::NoSuchHost)))
    );
    let (mut session, mut events) = placed(&world, nowhere).await;
    session.hang_up(None);
    assert_eq!(
        events.recv().await,
        Some(SessionEvent::Ended(Ending::Closed))
    );
}

#[tokio::test(start_paused = true)]
async fn a_cancel_waits_for_the_first_provisional_response() {
    let mut world = World::new();
    let (mut session, mut events) = placed(&world, call()).await;
    let invite = world.request().await;
    session.hang_up(None);
    tokio::task::yield_now().await;
    world.respond(&invite, 180, &[]).await;
    let cancel = world.request().await;
    let via = |name| invite.request.headers.value(name).map(|v| v.into_owned());
    assert_eq!(
        cancel
            .request
            .headers
            .value(&HeaderName::Via)
            .map(|v| v.into_owned()),
        via(&HeaderName::Via)
    );
    world.respond(&cancel, 200, &[]).await;
    world.respond(&invite, 487, &[]).await;
    world.event(&mut events).await;
    world.check_ladder(expect![[r#"
        0.000   us → peer  INVITE
        0.000   peer → us  180
        0.000   us → peer  CANCEL
        0.000   peer → us  200
        0.000   peer → us  487
        0.000   session   Ended(Closed)
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_loses_the_race_hangs_up() {
    let mut world = World::new();
    let (mut session, mut events) = placed(&world, call()).await;
    let invite = world.request().await;
    world.respond(&invite, 180, &[]).await;
    world.event(&mut events).await;
    session.hang_up(None);
    assert!(is(&world.request().await, &Method::Cancel));
    world.respond_with(&invite, 200, &[], "v=0").await;
    assert!(is(&world.request().await, &Method::Ack));
    assert!(is(&world.request().await, &Method::Bye));
    world.event(&mut events).await;
    assert_eq!(events.recv().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_too_short_is_asked_for_again() {
    let mut world = World::with(|config| {
        config.session_expires = std::time::Duration::from_secs(90);
    });
    let (_session, _events) = placed(&world, call()).await;
    let invite = world.request().await;
    world.respond(&invite, 422, &[("Min-SE", "600")]).await;
    let again = world.request().await;
    let asked = again
        .request
        .headers
        .value(&HeaderName::SessionExpires)
        .map(|v| v.into_owned());
    assert_eq!(asked.as_deref(), Some(&b"600"[..]));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_cannot_be_tried_says_why() {
    let world = World::new();
    let mut wrong = call();
    wrong.to = "tel:+1425".to_owned().into();
    assert_eq!(
        world.endpoint.call(wrong).err(),
        Some(CallError::NotAnAddress)
    );
    world.endpoint.drain();
    assert_eq!(world.endpoint.call(call()).err(), Some(CallError::Full));
}
