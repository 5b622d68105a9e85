//! Calls to us.

use expect_test::expect;
use sipx_sip::{HeaderName, Method};

use super::world::{ANSWER, OFFER, World, header, is};
use crate::{Refusal, SessionEvent};

#[tokio::test(start_paused = true)]
async fn a_call_is_answered_and_hung_up_by_the_caller() {
    let mut world = World::new();
    let invite = world
        .invite()
        .header("X-Purpose: test")
        .header("User-to-User: 68656c6c6f");
    let mut responses = world.send(&invite).await;
    let (call, mut events) = world.incoming().await;
    assert_eq!(call.offer.as_deref(), Some(OFFER.as_bytes()));
    assert_eq!(call.from.user.reveal(), "ann");
    assert_eq!(call.target.user.reveal(), "bot");
    assert_eq!(call.headers.len(), 2);
    call.session.ring();
    call.session.answer(ANSWER.to_vec());
    let answer = world.answer(&mut responses).await;
    assert_eq!(answer.body().as_ref(), ANSWER);
    world.send_ack(&answer, invite.cseq, "").await;
    world.event(&mut events).await;
    let bye = world
        .within("BYE", &answer)
        .header("Reason: Q.850;cause=16");
    world.ask(&bye).await;
    world.event(&mut events).await;
    world.check_ladder(expect![[r#"
        0.000   peer → us  INVITE with a body
        0.000   us → peer  100 Trying
        0.000   us → peer  180 Ringing
        0.000   us → peer  200 OK
        0.000   peer → us  ACK
        0.000   session   Confirmed
        0.000   peer → us  BYE
        0.000   us → peer  200 OK
        0.000   session   Ended(HungUp { reason: Some("Q.850;cause=16") })
    "#]]);
    assert_eq!(events.recv().await, None, "nothing comes after the end");
    assert_eq!(world.endpoint.counters().calls_live, 0);
}

#[tokio::test(start_paused = true)]
async fn we_hang_up_with_a_reason() {
    let mut world = World::new();
    let (mut call, mut events, _) = world.established().await;
    call.session.hang_up(Some("the bot is done"));
    let bye = world.request().await;
    assert!(is(&bye, &Method::Bye));
    world.respond(&bye, 200, &[]).await;
    world.event(&mut events).await;
    world.check_ladder(expect![[r#"
        0.000   peer → us  INVITE with a body
        0.000   us → peer  100 Trying
        0.000   us → peer  200 OK
        0.000   peer → us  ACK
        0.000   session   Confirmed
        0.000   us → peer  BYE (SIP;cause=200;text="the bot is done")
        0.000   peer → us  200
        0.000   session   Ended(Closed)
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_call_is_cancelled() {
    let mut world = World::new();
    let invite = world.invite();
    let mut responses = world.send(&invite).await;
    let (call, mut events) = world.incoming().await;
    call.session.ring();
    let mut cancel = invite.clone();
    cancel.method = "CANCEL";
    cancel.body = String::new();
    world.ask(&cancel).await;
    world.answer(&mut responses).await;
    world.event(&mut events).await;
    world.check_ladder(expect![[r#"
        0.000   peer → us  INVITE with a body
        0.000   peer → us  CANCEL
        0.000   us → peer  200 OK
        0.000   us → peer  100 Trying
        0.000   us → peer  180 Ringing
        0.000   us → peer  487 Request Terminated
        0.000   session   Ended(Cancelled)
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn an_end_waits_for_an_owner_that_has_not_listened_yet() {
    let mut world = World::new();
    let invite = world.invite();
    let _responses = world.send(&invite).await;
    let Some(crate::Arrival::Invite(call)) = world.arrivals.recv().await else {
        panic!()
    };
    let mut cancel = invite.clone();
    cancel.method = "CANCEL";
    cancel.body = String::new();
    world.ask(&cancel).await;
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    let mut events = call.session.events();
    assert_eq!(
        events.recv().await,
        Some(SessionEvent::Ended(crate::Ending::Cancelled))
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_is_refused_with_its_reason() {
    let mut world = World::new();
    let invite = world.invite();
    let mut responses = world.send(&invite).await;
    let (mut call, mut events) = world.incoming().await;
    call.session.refuse(
        Refusal::new(480)
            .because("the bot did not decide")
            .retry_after(7),
    );
    let refusal = world.answer(&mut responses).await;
    let reason = header(&refusal, &HeaderName::Reason);
    assert_eq!(reason, "SIP;cause=480;text=\"the bot did not decide\"");
    assert_eq!(header(&refusal, &HeaderName::RetryAfter), "7");
    world.event(&mut events).await;
    world.check_ladder(expect![[r#"
        0.000   peer → us  INVITE with a body
        0.000   us → peer  100 Trying
        0.000   us → peer  480 Temporarily Unavailable
        0.000   session   Ended(Closed)
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_session_refuses_while_it_rings() {
    let mut world = World::new();
    let invite = world.invite();
    let mut responses = world.send(&invite).await;
    let (call, _events) = world.incoming().await;
    drop(call);
    assert_eq!(world.answer(&mut responses).await.status.code(), 480);
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_an_ack_is_repeated_and_then_given_up() {
    let mut world = World::new();
    let invite = world.invite();
    let mut responses = world.send(&invite).await;
    let (call, mut events) = world.incoming().await;
    call.session.answer(ANSWER.to_vec());
    world.answer(&mut responses).await;
    world.request().await;
    world.event(&mut events).await;
    world.check_ladder(expect![[r#"
        0.000   peer → us  INVITE with a body
        0.000   us → peer  100 Trying
        0.000   us → peer  200 OK
        32.000  us → peer  BYE (SIP;cause=408;text="the answer was not acknowledged")
        32.000  session   Ended(Lost(Unacknowledged))
    "#]]);
    assert_eq!(world.endpoint.counters().answers_repeated, 10);
    assert_eq!(world.endpoint.counters().calls_lost, 1);
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_before_the_ack_waits_for_it() {
    let mut world = World::new();
    let invite = world.invite();
    let mut responses = world.send(&invite).await;
    let (mut call, mut events) = world.incoming().await;
    call.session.answer(ANSWER.to_vec());
    let answer = world.answer(&mut responses).await;
    call.session.hang_up(None);
    world.send_ack(&answer, invite.cseq, "").await;
    world.event(&mut events).await;
    world.request().await;
    world.event(&mut events).await;
    world.check_ladder(expect![[r#"
        0.000   peer → us  INVITE with a body
        0.000   us → peer  100 Trying
        0.000   us → peer  200 OK
        0.000   peer → us  ACK
        0.000   session   Confirmed
        0.000   us → peer  BYE
        0.000   session   Ended(Closed)
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_call_is_held_and_resumed() {
    let mut world = World::new();
    let (call, mut events, answer) = world.established().await;
    for _ in ["hold", "resume"] {
        let mut again = world
            .within("INVITE", &answer)
            .header("Content-Type: application/sdp");
        again.body = "v=0 changed".into();
        let mut responses = world.send(&again).await;
        world.event(&mut events).await;
        call.session.accept_offer(ANSWER.to_vec());
        let accepted = world.answer(&mut responses).await;
        assert_eq!(accepted.body().as_ref(), ANSWER);
        world.send_ack(&accepted, again.cseq, "").await;
    }
    let bye = world.within("BYE", &answer);
    world.ask(&bye).await;
    world.check_ladder(expect![[r#"
        0.000   peer → us  INVITE with a body
        0.000   us → peer  100 Trying
        0.000   us → peer  200 OK
        0.000   peer → us  ACK
        0.000   session   Confirmed
        0.000   peer → us  INVITE with a body
        0.000   session   Reoffered, offer: true
        0.000   us → peer  100 Trying
        0.000   us → peer  200 OK
        0.000   peer → us  ACK
        0.000   peer → us  INVITE with a body
        0.000   session   Reoffered, offer: true
        0.000   us → peer  100 Trying
        0.000   us → peer  200 OK
        0.000   peer → us  ACK
        0.000   peer → us  BYE
        0.000   us → peer  200 OK
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_cannot_be_is_refused_and_the_call_goes_on() {
    let mut world = World::new();
    let (call, mut events, answer) = world.established().await;
    let mut again = world
        .within("INVITE", &answer)
        .header("Content-Type: application/sdp");
    again.body = "v=0 only video".into();
    let mut responses = world.send(&again).await;
    world.event(&mut events).await;
    call.session
        .refuse_offer(Refusal::new(488).warning(305, "Opus is spoken \"here\""));
    let refused = world.answer(&mut responses).await;
    assert_eq!(refused.status.code(), 488);
    let warning = refused.headers.value(&HeaderName::Warning);
    assert_eq!(
        warning.as_deref(),
        Some(&b"305 offhook \"Opus is spoken 'here'\""[..])
    );
    let bye = world.within("BYE", &answer);
    assert_eq!(world.ask(&bye).await.status.code(), 200);
}

#[tokio::test(start_paused = true)]
async fn two_offers_at_once_collide() {
    let mut world = World::new();
    let (call, mut events, answer) = world.established().await;
    call.session.reinvite(b"v=0 hold".to_vec());
    let ours = world.request().await;
    let mut theirs = world
        .within("INVITE", &answer)
        .header("Content-Type: application/sdp");
    theirs.body = OFFER.into();
    world.ask(&theirs).await;
    world.respond_with(&ours, 200, &[], "v=0 held").await;
    world.request().await;
    world.event(&mut events).await;
    world.check_ladder(expect![[r#"
        0.000   peer → us  INVITE with a body
        0.000   us → peer  100 Trying
        0.000   us → peer  200 OK
        0.000   peer → us  ACK
        0.000   session   Confirmed
        0.000   us → peer  INVITE
        0.000   peer → us  INVITE with a body
        0.000   us → peer  491 Request Pending
        0.000   peer → us  200
        0.000   us → peer  ACK
        0.000   session   Reanswered
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_late_offer_is_ours_to_make() {
    let mut world = World::new();
    let invite = world.draft("INVITE");
    let mut responses = world.send(&invite).await;
    let (call, mut events) = world.incoming().await;
    assert_eq!(call.offer, None);
    call.session.answer(b"v=0 our offer".to_vec());
    let answer = world.answer(&mut responses).await;
    world
        .send_ack(&answer, invite.cseq, "v=0 their answer")
        .await;
    let event = world.event(&mut events).await;
    assert_eq!(
        event,
        SessionEvent::Confirmed {
            sdp: Some(b"v=0 their answer".to_vec())
        }
    );

    let again = world.within("INVITE", &answer);
    let mut responses = world.send(&again).await;
    world.event(&mut events).await;
    call.session.accept_offer(b"v=0 our next offer".to_vec());
    let accepted = world.answer(&mut responses).await;
    world
        .send_ack(&accepted, again.cseq, "v=0 their next answer")
        .await;
    world.event(&mut events).await;
    world.check_ladder(expect![[r#"
        0.000   peer → us  INVITE
        0.000   us → peer  100 Trying
        0.000   us → peer  200 OK
        0.000   peer → us  ACK
        0.000   session   Confirmed with their answer
        0.000   peer → us  INVITE
        0.000   session   Reoffered, offer: false
        0.000   us → peer  100 Trying
        0.000   us → peer  200 OK
        0.000   peer → us  ACK
        0.000   session   Confirmed with their answer
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn keys_arrive_by_info() {
    let mut world = World::new();
    let (_call, mut events, answer) = world.established().await;
    let mut info = world
        .within("INFO", &answer)
        .header("Content-Type: application/dtmf-relay");
    info.body = "Signal=#\r\nDuration=160\r\n".into();
    assert_eq!(world.ask(&info).await.status.code(), 200);
    let Some(SessionEvent::Tone(tone)) = events.recv().await else {
        panic!("a tone comes")
    };
    assert_eq!(tone.symbol(), '#');
    for (body, symbol) in [("Signal=10\r\nDuration=160", '*'), ("7", '7')] {
        info.cseq += 1;
        info.branch += "-next";
        info.body = body.into();
        assert_eq!(world.ask(&info).await.status.code(), 200);
        let Some(SessionEvent::Tone(tone)) = events.recv().await else {
            panic!("a tone comes")
        };
        assert_eq!(tone.symbol(), symbol);
    }
    info.cseq += 100;
    info.branch += "-next";
    info.body = "Signal=hello\r\n".into();
    assert_eq!(world.ask(&info).await.status.code(), 400);
}

#[tokio::test(start_paused = true)]
async fn a_ringing_call_says_so_each_minute() {
    let mut world = World::new();
    let invite = world.invite();
    let mut responses = world.send(&invite).await;
    let (call, _events) = world.incoming().await;
    call.session.ring();
    for _ in 0..4 {
        world.response(&mut responses).await;
    }
    world.check_ladder(expect![[r#"
        0.000   peer → us  INVITE with a body
        0.000   us → peer  100 Trying
        0.000   us → peer  180 Ringing
        60.000  us → peer  180 Ringing
        120.000 us → peer  180 Ringing
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn requests_follow_the_recorded_route() {
    let mut world = World::new();
    let invite = world
        .invite()
        .header("Record-Route: <sip:127.0.0.1:50601;lr>, <sip:outer.example.net;lr>");
    let mut responses = world.send(&invite).await;
    let (mut call, _events) = world.incoming().await;
    call.session.answer(ANSWER.to_vec());
    let answer = world.answer(&mut responses).await;
    assert_eq!(answer.headers.count(&HeaderName::RecordRoute), 1);
    world.send_ack(&answer, invite.cseq, "").await;
    tokio::task::yield_now().await;
    call.session.hang_up(None);
    let bye = world.request().await.request;
    assert_eq!(bye.uri.to_string(), "sip:ann@127.0.0.1:50601");
    let routes: Vec<String> = bye
        .headers
        .get_all(&HeaderName::Route)
        .map(|route| String::from_utf8_lossy(&route.value()).into_owned())
        .collect();
    assert_eq!(
        routes,
        ["<sip:127.0.0.1:50601;lr>", "<sip:outer.example.net;lr>"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_says_goodbye_to_everybody() {
    let mut world = World::new();
    let (_call, mut events, _) = world.established().await;
    let endpoint = world.endpoint.clone();
    let closing = tokio::spawn(async move { endpoint.shutdown().await });
    assert!(is(&world.request().await, &Method::Bye));
    world.event(&mut events).await;
    closing.await.expect("shutting down ends");
}

#[tokio::test(start_paused = true)]
async fn a_call_takes_the_place_of_the_one_it_names() {
    let mut world = World::with(|config| config.transfers = true);
    let (call, _events, answer) = world.established().await;
    let tag = header(&answer, &HeaderName::To);
    let tag = tag.split_once(";tag=").expect("our tag").1;
    let replaced = format!("call-1;to-tag={tag};from-tag=peer");
    for (replaces, status) in [
        (format!("call-1;to-tag={tag};from-tag=other"), 481),
        (format!("call-2;to-tag={tag};from-tag=peer"), 481),
        ("call-1;to-tag=0123;from-tag=peer".to_owned(), 481),
        (format!("{replaced};early-only"), 486),
        ("call-1".to_owned(), 400),
        (format!("{replaced}\nReplaces: {replaced}"), 400),
    ] {
        let mut other = world.invite().header(&format!("Replaces: {replaces}"));
        other.call_id = "call-9".into();
        let refusal = world.ask(&other).await;
        assert_eq!(refusal.status.code(), status, "{replaces}");
    }
    let mut other = world
        .invite()
        .header(&format!("Replaces: {replaced}"))
        .header("Require: replaces");
    other.call_id = "call-10".into();
    let mut responses = world.send(&other).await;
    let (second, _events) = world.incoming().await;
    assert_eq!(second.replaces, Some(call.session.id()));
    second.session.answer(ANSWER.to_vec());
    let answer = world.answer(&mut responses).await;
    assert_eq!(
        header(&answer, &HeaderName::Supported),
        "timer, 100rel, replaces"
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_over_or_rings_here_cannot_be_replaced() {
    let mut world = World::with(|config| config.transfers = true);
    let invite = world.invite();
    let mut responses = world.send(&invite).await;
    let (mut call, _events) = world.incoming().await;
    call.session.ring();
    let trying = world.response(&mut responses).await;
    assert_eq!(trying.status.code(), 100);
    let ringing = world.response(&mut responses).await;
    let tag = header(&ringing, &HeaderName::To);
    let tag = tag.split_once(";tag=").expect("our tag").1;
    let mut other = world
        .invite()
        .header(&format!("Replaces: call-1;to-tag={tag};from-tag=peer"));
    other.call_id = "call-9".into();
    assert_eq!(world.ask(&other).await.status.code(), 481);
    call.session.hang_up(None);
    world.answer(&mut responses).await;
    other.cseq += 1;
    other.branch += "-again";
    assert_eq!(world.ask(&other).await.status.code(), 481);
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_takes_no_part_in_transfers_is_spared_them() {
    let mut world = World::new();
    let (_call, _events, answer) = world.established().await;
    assert_eq!(header(&answer, &HeaderName::Supported), "timer, 100rel");
    let mut required = world.invite().header("Require: replaces");
    required.call_id = "call-9".into();
    assert_eq!(world.ask(&required).await.status.code(), 420);
    let refer = world.within("REFER", &answer);
    assert_eq!(world.ask(&refer).await.status.code(), 405);
}
