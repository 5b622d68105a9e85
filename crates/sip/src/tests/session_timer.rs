//! Session timers (RFC 4028), in both roles.

use std::time::Duration;

use expect_test::expect;
use sipx_sip::{HeaderName, Method};

use super::world::{ANSWER, World, header, is};
use crate::OutgoingCall;

fn timed() -> World {
    World::with(|config| config.session_expires = Duration::from_secs(600))
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_refreshes_keeps_the_call_and_one_who_stops_loses_it() {
    let mut world = timed();
    let invite = world
        .invite()
        .header("Supported: timer")
        .header("Session-Expires: 120;refresher=uac");
    let mut responses = world.send(&invite).await;
    let (call, mut events) = world.incoming().await;
    call.session.answer(ANSWER.to_vec());
    let answer = world.answer(&mut responses).await;
    assert_eq!(
        header(&answer, &HeaderName::SessionExpires),
        "120;refresher=uac"
    );
    assert_eq!(header(&answer, &HeaderName::Require), "timer");
    world.send_ack(&answer, invite.cseq, "").await;
    world.event(&mut events).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let update = world
        .within("UPDATE", &answer)
        .header("Supported: timer")
        .header("Session-Expires: 120;refresher=uac");
    world.ask(&update).await;
    world.request().await;
    world.event(&mut events).await;
    world.check_ladder(expect![[r#"
        0.000   peer → us  INVITE with a body
        0.000   us → peer  100 Trying
        0.000   us → peer  200 OK
        0.000   peer → us  ACK
        0.000   session   Confirmed
        60.000  peer → us  UPDATE
        60.000  us → peer  200 OK
        148.000 us → peer  BYE (SIP;cause=408;text="the session timer ran out")
        148.000 session   Ended(Lost(SessionExpired))
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn we_refresh_by_update_where_the_peer_allows_it() {
    let mut world = timed();
    let invite = world
        .invite()
        .header("Supported: timer")
        .header("Allow: INVITE, ACK, BYE, CANCEL, UPDATE")
        .header("Session-Expires: 200;refresher=uas");
    let mut responses = world.send(&invite).await;
    let (call, mut events) = world.incoming().await;
    call.session.answer(ANSWER.to_vec());
    let answer = world.answer(&mut responses).await;
    world.send_ack(&answer, invite.cseq, "").await;
    world.event(&mut events).await;
    let terms = [("Session-Expires", "200;refresher=uac")];
    for _ in 0..2 {
        let refresh = world.request().await;
        assert!(is(&refresh, &Method::Update));
        assert!(refresh.request.body().is_empty());
        world.respond(&refresh, 200, &terms).await;
    }
    // The third goes unanswered, and the call with it.
    world.request().await;
    world.request().await;
    world.event(&mut events).await;
    world.check_ladder(expect![[r#"
        0.000   peer → us  INVITE with a body
        0.000   us → peer  100 Trying
        0.000   us → peer  200 OK
        0.000   peer → us  ACK
        0.000   session   Confirmed
        100.000 us → peer  UPDATE
        100.000 peer → us  200
        200.000 us → peer  UPDATE
        200.000 peer → us  200
        300.000 us → peer  UPDATE
        368.000 us → peer  BYE (SIP;cause=408;text="the session timer ran out")
        368.000 session   Ended(Lost(SessionExpired))
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn we_refresh_by_reinvite_where_it_does_not() {
    let mut world = timed();
    let call = OutgoingCall::new(
        "sip:bob@127.0.0.1:50601",
        "sip:bot@example.com",
        b"v=0".to_vec(),
    );
    let session = world.endpoint.call(call).expect("can be tried");
    let mut events = session.events();
    let invite = world.request().await;
    let terms = [
        ("Session-Expires", "600;refresher=uac"),
        ("Require", "timer"),
    ];
    world.respond_with(&invite, 200, &terms, "v=0 answer").await;
    world.event(&mut events).await;
    world.request().await;
    let refresh = world.request().await;
    assert!(is(&refresh, &Method::Invite));
    assert_eq!(refresh.request.body().as_ref(), b"v=0");
    world
        .respond_with(&refresh, 200, &terms, "v=0 answer")
        .await;
    world.request().await;
    let second = world.request().await;
    world.respond(&second, 481, &[]).await;
    world.request().await;
    world.event(&mut events).await;
    world.check_ladder(expect![[r#"
        0.000   us → peer  INVITE
        0.000   peer → us  200
        0.000   session   Answered
        0.000   us → peer  ACK
        300.000 us → peer  INVITE
        300.000 peer → us  200
        300.000 us → peer  ACK
        600.000 us → peer  INVITE
        600.000 peer → us  481
        600.000 us → peer  BYE (SIP;cause=500;text="the peer did not respond")
        600.000 session   Ended(Lost(Timeout))
    "#]]);
}
