//! Calls we place.

use expect_test::expect;
use sipx_sip::{HeaderName, Method};
use tokio::sync::mpsc;

use super::world::{World, cseq, is};
use crate::{CallError, Credentials, OutgoingCall, Session, SessionEvent};

fn call() -> OutgoingCall {
    let offer = b"v=0 our offer".to_vec();
    OutgoingCall::new("sip:bob@127.0.0.1:50601", "sip:bot@example.com", offer)
}

async fn placed(world: &World, call: OutgoingCall) -> (Session, mpsc::Receiver<SessionEvent>) {
    let session = world
        .endpoint
        .call(call)
        .await
        .expect("the call can be tried");
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
        world.endpoint.call(wrong).await.err(),
        Some(CallError::NotAnAddress)
    );
    world.endpoint.drain();
    assert_eq!(
        world.endpoint.call(call()).await.err(),
        Some(CallError::Full)
    );
}
