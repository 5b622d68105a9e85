//! Provisional responses that must arrive (RFC 3262), and changes before the answer (RFC 3311).

use expect_test::expect;
use sipx_sip::{HeaderName, Method, Response};

use super::world::{ANSWER, Draft, World, cseq, header, is};
use crate::{OutgoingCall, SessionEvent};

/// A caller who wants to be sure, one way or the other.
fn careful(world: &mut World, how: &str) -> Draft {
    world
        .invite()
        .header(&format!("{how}: 100rel"))
        .header("Allow: INVITE, ACK, BYE, CANCEL, PRACK, UPDATE")
}

fn prack(world: &mut World, ringing: &Response, invite: &Draft) -> Draft {
    let number = header(ringing, &HeaderName::RSeq);
    world
        .within("PRACK", ringing)
        .header(&format!("RAck: {number} {} INVITE", invite.cseq))
}

#[tokio::test(start_paused = true)]
async fn ringing_is_repeated_until_it_is_acknowledged() {
    let mut world = World::new();
    let invite = careful(&mut world, "Supported");
    let mut responses = world.send(&invite).await;
    let (call, mut events) = world.incoming().await;
    call.session.ring();
    world.response(&mut responses).await;
    let ringing = world.response(&mut responses).await;
    assert_eq!(header(&ringing, &HeaderName::Require), "100rel");
    world.response(&mut responses).await;
    world.response(&mut responses).await;
    let mut stranger = prack(&mut world, &ringing, &invite);
    stranger.headers = format!("RAck: 1 {} INVITE\n", invite.cseq + 7);
    world.ask(&stranger).await;
    let acknowledged = prack(&mut world, &ringing, &invite);
    world.ask(&acknowledged).await;
    let again = prack(&mut world, &ringing, &invite);
    world.ask(&again).await;
    tokio::time::sleep(std::time::Duration::from_secs(20)).await;
    call.session.answer(ANSWER.to_vec());
    let answer = world.answer(&mut responses).await;
    assert_eq!(answer.body().as_ref(), ANSWER);
    world.send_ack(&answer, invite.cseq, "").await;
    world.event(&mut events).await;
    world.check_ladder(expect![[r#"
        0.000   peer → us  INVITE with a body
        0.000   us → peer  100 Trying
        0.000   us → peer  180 Ringing
        0.500   us → peer  180 Ringing
        1.500   us → peer  180 Ringing
        1.500   peer → us  PRACK
        1.500   us → peer  481 Call/Transaction Does Not Exist
        1.500   peer → us  PRACK
        1.500   us → peer  200 OK
        1.500   peer → us  PRACK
        1.500   us → peer  481 Call/Transaction Does Not Exist
        21.500  us → peer  200 OK
        21.500  peer → us  ACK
        21.500  session   Confirmed
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_waits_for_the_acknowledgement_of_a_description() {
    let mut world = World::new();
    let invite = careful(&mut world, "Require");
    let mut responses = world.send(&invite).await;
    let (call, mut events) = world.incoming().await;
    call.session.progress(ANSWER.to_vec());
    call.session.answer(ANSWER.to_vec());
    world.response(&mut responses).await;
    let progress = world.response(&mut responses).await;
    assert_eq!(progress.body().as_ref(), ANSWER);
    let repeated = world.response(&mut responses).await;
    assert_eq!(
        header(&progress, &HeaderName::RSeq),
        header(&repeated, &HeaderName::RSeq)
    );
    let acknowledged = prack(&mut world, &progress, &invite);
    world.ask(&acknowledged).await;
    let answer = world.answer(&mut responses).await;
    assert!(answer.body().is_empty(), "the description stands already");
    world.send_ack(&answer, invite.cseq, "").await;
    world.event(&mut events).await;
    world.check_ladder(expect![[r#"
        0.000   peer → us  INVITE with a body
        0.000   us → peer  100 Trying
        0.000   us → peer  183 Session Progress
        0.500   us → peer  183 Session Progress
        0.500   peer → us  PRACK
        0.500   us → peer  200 OK
        0.500   us → peer  200 OK
        0.500   peer → us  ACK
        0.500   session   Confirmed
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn ringing_that_nobody_acknowledges_ends_the_call() {
    let mut world = World::new();
    let invite = careful(&mut world, "Require");
    let mut responses = world.send(&invite).await;
    let (call, mut events) = world.incoming().await;
    call.session.ring();
    assert_eq!(world.answer(&mut responses).await.status.code(), 504);
    world.event(&mut events).await;
    world.check_ladder(expect![[r#"
        0.000   peer → us  INVITE with a body
        0.000   us → peer  100 Trying
        0.000   us → peer  180 Ringing
        0.500   us → peer  180 Ringing
        1.500   us → peer  180 Ringing
        3.500   us → peer  180 Ringing
        7.500   us → peer  180 Ringing
        15.500  us → peer  180 Ringing
        31.500  us → peer  180 Ringing
        32.000  us → peer  504 Server Time-out
        32.000  session   Ended(Lost(Unacknowledged))
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn what_is_said_while_ringing_is_on_its_way_waits_its_turn() {
    let mut world = World::new();
    let invite = careful(&mut world, "Supported");
    let mut responses = world.send(&invite).await;
    let (call, _events) = world.incoming().await;
    call.session.ring();
    call.session.progress(ANSWER.to_vec());
    world.response(&mut responses).await;
    let ringing = world.response(&mut responses).await;
    let acknowledged = prack(&mut world, &ringing, &invite);
    world.ask(&acknowledged).await;
    let progress = world.response(&mut responses).await;
    assert_eq!(progress.status.code(), 183);
    let number = |response: &Response| -> u32 {
        let number = header(response, &HeaderName::RSeq);
        number.parse().expect("a number")
    };
    assert_eq!(number(&progress), number(&ringing) + 1);
}

#[tokio::test(start_paused = true)]
async fn an_offer_of_ours_rings_and_its_answer_comes_with_the_acknowledgement() {
    let mut world = World::new();
    let mut invite = careful(&mut world, "Require");
    invite.body = String::new();
    let mut responses = world.send(&invite).await;
    let (call, mut events) = world.incoming().await;
    // There is nothing to ring with: the first reliable response has to bring our offer.
    call.session.ring();
    call.session.progress(b"v=0 our offer".to_vec());
    world.response(&mut responses).await;
    let progress = world.response(&mut responses).await;
    assert_eq!(progress.body().as_ref(), b"v=0 our offer");
    let mut acknowledged =
        prack(&mut world, &progress, &invite).header("Content-Type: application/sdp");
    acknowledged.body = "v=0 their answer".into();
    world.ask(&acknowledged).await;
    assert_eq!(
        world.event(&mut events).await,
        SessionEvent::Reanswered {
            sdp: b"v=0 their answer".to_vec()
        }
    );
    call.session.answer(b"v=0 our offer".to_vec());
    let answer = world.answer(&mut responses).await;
    assert!(answer.body().is_empty());
    world.send_ack(&answer, invite.cseq, "").await;
    world.event(&mut events).await;
    world.check_ladder(expect![[r#"
        0.000   peer → us  INVITE
        0.000   us → peer  100 Trying
        0.000   us → peer  183 Session Progress
        0.000   peer → us  PRACK with a body
        0.000   us → peer  200 OK
        0.000   session   Reanswered
        0.000   us → peer  200 OK
        0.000   peer → us  ACK
        0.000   session   Confirmed
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_changes_its_mind_before_the_answer() {
    let mut world = World::new();
    let invite = careful(&mut world, "Supported");
    let mut responses = world.send(&invite).await;
    let (call, mut events) = world.incoming().await;
    call.session.progress(ANSWER.to_vec());
    world.response(&mut responses).await;
    let progress = world.response(&mut responses).await;

    let update = |world: &mut World| {
        let mut update = world
            .within("UPDATE", &progress)
            .header("Content-Type: application/sdp");
        update.body = "v=0 changed".into();
        update
    };
    let early = update(&mut world);
    let refused = world.ask(&early).await;
    assert_eq!(refused.status.code(), 500, "our answer is not acknowledged");
    assert!(!header(&refused, &HeaderName::RetryAfter).is_empty());

    // The acknowledgement may bring an offer of its own.
    let mut acknowledged =
        prack(&mut world, &progress, &invite).header("Content-Type: application/sdp");
    acknowledged.body = "v=0 a second offer".into();
    let mut pending = world.send(&acknowledged).await;
    world.event(&mut events).await;
    call.session.answer(ANSWER.to_vec());
    call.session.accept_offer(b"v=0 a second answer".to_vec());
    let accepted = world.answer(&mut pending).await;
    assert_eq!(accepted.body().as_ref(), b"v=0 a second answer");
    let answer = world.answer(&mut responses).await;
    assert!(answer.body().is_empty());
    world.send_ack(&answer, invite.cseq, "").await;
    world.event(&mut events).await;

    let late = update(&mut world);
    let mut pending = world.send(&late).await;
    world.event(&mut events).await;
    call.session.accept_offer(b"v=0 a third answer".to_vec());
    let accepted = world.answer(&mut pending).await;
    assert_eq!(accepted.body().as_ref(), b"v=0 a third answer");
    world.check_ladder(expect![[r#"
        0.000   peer → us  INVITE with a body
        0.000   us → peer  100 Trying
        0.000   us → peer  183 Session Progress
        0.000   peer → us  UPDATE with a body
        0.000   us → peer  500 Server Internal Error
        0.000   peer → us  PRACK with a body
        0.000   session   Reoffered, offer: true
        0.000   us → peer  200 OK
        0.000   us → peer  200 OK
        0.000   peer → us  ACK
        0.000   session   Confirmed
        0.000   peer → us  UPDATE with a body
        0.000   session   Reoffered, offer: true
        0.000   us → peer  200 OK
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn an_update_before_the_answer_is_passed_on_once_both_have_described_themselves() {
    let mut world = World::new();
    let invite = careful(&mut world, "Supported");
    let mut responses = world.send(&invite).await;
    let (call, mut events) = world.incoming().await;
    call.session.progress(ANSWER.to_vec());
    world.response(&mut responses).await;
    let progress = world.response(&mut responses).await;
    let acknowledged = prack(&mut world, &progress, &invite);
    world.ask(&acknowledged).await;
    let mut update = world
        .within("UPDATE", &progress)
        .header("Content-Type: application/sdp");
    update.body = "v=0 changed".into();
    let mut pending = world.send(&update).await;
    world.event(&mut events).await;
    let mut cancel = invite.clone();
    cancel.method = "CANCEL";
    cancel.body = String::new();
    world.ask(&cancel).await;
    let both = [
        world.answer(&mut pending).await,
        world.answer(&mut responses).await,
    ];
    assert!(both.iter().all(|response| response.status.code() == 487));
    world.event(&mut events).await;
    world.check_ladder(expect![[r#"
        0.000   peer → us  INVITE with a body
        0.000   us → peer  100 Trying
        0.000   us → peer  183 Session Progress
        0.000   peer → us  PRACK
        0.000   us → peer  200 OK
        0.000   peer → us  UPDATE with a body
        0.000   session   Reoffered, offer: true
        0.000   peer → us  CANCEL
        0.000   us → peer  200 OK
        0.000   us → peer  487 Request Terminated
        0.000   us → peer  487 Request Terminated
        0.000   session   Ended(Cancelled)
    "#]]);
}

fn call() -> OutgoingCall {
    let offer = b"v=0 our offer".to_vec();
    OutgoingCall::new("sip:bob@127.0.0.1:50601", "sip:bot@example.com", offer)
}

#[tokio::test(start_paused = true)]
async fn we_acknowledge_ringing_and_keep_the_description_it_brought() {
    let mut world = World::new();
    let session = world.endpoint.call(call()).expect("can be tried");
    let mut events = session.events();
    let invite = world.request().await;
    let sure = |number: &'static str| {
        [
            ("Require", "100rel"),
            ("RSeq", number),
            ("Allow", "INVITE, ACK, BYE, CANCEL, PRACK, UPDATE"),
        ]
    };
    world
        .respond_with(&invite, 183, &sure("5"), "v=0 early")
        .await;
    let prack = world.request().await;
    assert!(is(&prack, &Method::Prack));
    let ack = prack.request.headers.value(&HeaderName::RAck);
    let wanted = format!("5 {} INVITE", cseq(&invite.request));
    assert_eq!(ack.as_deref(), Some(wanted.as_bytes()));
    world.respond(&prack, 200, &[]).await;
    assert_eq!(
        world.event(&mut events).await,
        SessionEvent::Ringing {
            status: 183,
            sdp: Some(b"v=0 early".to_vec())
        }
    );
    // Said again, and out of its turn: neither is news.
    world
        .respond_with(&invite, 183, &sure("5"), "v=0 early")
        .await;
    world.respond(&invite, 180, &sure("9")).await;
    // Another phone behind the number counts for itself.
    world
        .respond_as(&invite, 180, "another", &sure("77"), "")
        .await;
    let other = world.request().await;
    let to = other.request.headers.value(&HeaderName::To);
    assert!(to.expect("a To").ends_with(b";tag=another"));
    world.respond(&other, 200, &[]).await;
    world.event(&mut events).await;

    session.reinvite(b"v=0 hold".to_vec());
    let update = world.request().await;
    assert!(
        is(&update, &Method::Update),
        "nothing else may go before the answer"
    );
    world.respond_with(&update, 200, &[], "v=0 held").await;
    world.event(&mut events).await;

    world.respond(&invite, 200, &[]).await;
    assert_eq!(
        world.event(&mut events).await,
        SessionEvent::Answered {
            sdp: b"v=0 early".to_vec()
        }
    );
    world.request().await;
    world.check_ladder(expect![[r#"
        0.000   us → peer  INVITE
        0.000   peer → us  183
        0.000   us → peer  PRACK
        0.000   peer → us  200
        0.000   session   Ringing 183
        0.000   peer → us  183
        0.000   peer → us  180
        0.000   peer → us  180
        0.000   us → peer  PRACK
        0.000   peer → us  200
        0.000   session   Ringing 180
        0.000   us → peer  UPDATE
        0.000   peer → us  200
        0.000   session   Reanswered
        0.000   peer → us  200
        0.000   session   Answered
        0.000   us → peer  ACK
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn without_an_offer_of_ours_or_the_wish_nobody_is_asked_to_be_sure() {
    let mut world = World::new();
    let mut late = call();
    late.offer = Vec::new();
    let _session = world.endpoint.call(late).expect("can be tried");
    let invite = world.request().await.request;
    let supported = invite.headers.value(&HeaderName::Supported);
    assert_eq!(supported.as_deref(), Some(&b"timer"[..]));

    let mut world = World::with(|config| config.reliable = false);
    let required = careful(&mut world, "Require");
    assert_eq!(world.ask(&required).await.status.code(), 420);
}
