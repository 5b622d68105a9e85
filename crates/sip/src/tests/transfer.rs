//! Transfers: REFER in both roles, and what it says of how it goes.

use expect_test::expect;
use sipx_sip::{HeaderName, Method, Request};
use sipx_transport::Incoming as Inbound;

use super::world::{Draft, World, header, is};
use crate::{OutgoingCall, Refer, ReferRequest, SessionEvent};

fn to(address: &str) -> Refer {
    Refer {
        to: address.to_owned().into(),
        replaces: None,
        referred_by: None,
    }
}

fn value(request: &Request, name: &HeaderName) -> String {
    let value = request.headers.value(name).map(|v| v.into_owned());
    String::from_utf8(value.unwrap_or_default()).expect("text")
}

/// News of a transfer, as the phone that makes it tells them.
fn news(draft: Draft, status: &str, state: &str) -> Draft {
    let mut news = draft
        .header("Event: refer")
        .header(&format!("Subscription-State: {state}"))
        .header("Content-Type: message/sipfrag;version=2.0");
    news.body = format!("SIP/2.0 {status}\r\n");
    news
}

#[tokio::test(start_paused = true)]
async fn a_caller_is_sent_elsewhere_and_tells_how_it_goes() {
    let mut world = World::new();
    let (mut call, mut events, answer) = world.established().await;
    call.session.refer(Refer {
        referred_by: Some("sip:bot@example.com".to_owned().into()),
        ..to("sip:bob@example.com")
    });
    let refer = world.request().await;
    assert!(is(&refer, &Method::Refer));
    let refer_to = value(&refer.request, &HeaderName::ReferTo);
    assert_eq!(refer_to, "<sip:bob@example.com>");
    let by = value(&refer.request, &HeaderName::ReferredBy);
    assert_eq!(by, "<sip:bot@example.com>");
    world.respond(&refer, 202, &[]).await;
    world.event(&mut events).await;
    for (status, state) in [
        ("100 Trying", "active;expires=60"),
        ("180 Ringing", "active;expires=55"),
        ("200 OK", "terminated;reason=noresource"),
    ] {
        let told = news(world.within("NOTIFY", &answer), status, state);
        world.ask(&told).await;
        world.event(&mut events).await;
    }
    let late = news(world.within("NOTIFY", &answer), "200 OK", "terminated");
    world.ask(&late).await;
    call.session.hang_up(None);
    world.request().await;
    world.event(&mut events).await;
    world.check_ladder(expect![[r#"
        0.000   peer → us  INVITE with a body
        0.000   us → peer  100 Trying
        0.000   us → peer  200 OK
        0.000   peer → us  ACK
        0.000   session   Confirmed
        0.000   us → peer  REFER
        0.000   peer → us  202
        0.000   session   ReferAccepted
        0.000   peer → us  NOTIFY with a body
        0.000   us → peer  200 OK
        0.000   session   ReferProgress { status: 100 }
        0.000   peer → us  NOTIFY with a body
        0.000   us → peer  200 OK
        0.000   session   ReferProgress { status: 180 }
        0.000   peer → us  NOTIFY with a body
        0.000   us → peer  200 OK
        0.000   session   Referred { status: 200 }
        0.000   peer → us  NOTIFY with a body
        0.000   us → peer  481 Call/Transaction Does Not Exist
        0.000   us → peer  BYE
        0.000   session   Ended(Closed)
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_transfer_that_fails_leaves_the_call_as_it_was() {
    let mut world = World::new();
    let (call, mut events, answer) = world.established().await;

    call.session.refer(to("sip:bob@example.com"));
    let refer = world.request().await;
    world.respond(&refer, 603, &[]).await;
    world.event(&mut events).await;

    call.session.refer(to("sip:bob@example.com"));
    let refer = world.request().await;
    // The first news may be faster than the response, and is one as well.
    let busy = news(
        world.within("NOTIFY", &answer),
        "486 Busy Here",
        "terminated",
    );
    world.ask(&busy).await;
    world.event(&mut events).await;
    world.event(&mut events).await;
    world.respond(&refer, 202, &[]).await;

    call.session.refer(to("sip:bob@example.com"));
    let refer = world.request().await;
    call.session.refer(to("sip:carol@example.com"));
    world.event(&mut events).await;
    world.respond(&refer, 202, &[]).await;
    world.event(&mut events).await;
    world.event(&mut events).await;

    call.session.refer(to("tel:+14255550100"));
    world.event(&mut events).await;
    world.check_ladder(expect![[r#"
        0.000   peer → us  INVITE with a body
        0.000   us → peer  100 Trying
        0.000   us → peer  200 OK
        0.000   peer → us  ACK
        0.000   session   Confirmed
        0.000   us → peer  REFER
        0.000   peer → us  603
        0.000   session   Referred { status: 603 }
        0.000   us → peer  REFER
        0.000   peer → us  NOTIFY with a body
        0.000   us → peer  200 OK
        0.000   session   ReferAccepted
        0.000   session   Referred { status: 486 }
        0.000   peer → us  202
        0.000   us → peer  REFER
        0.000   session   Referred { status: 491 }
        0.000   peer → us  202
        0.000   session   ReferAccepted
        180.000 session   Referred { status: 408 }
        180.000 session   Referred { status: 416 }
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_will_not_tell_is_not_waited_for() {
    let mut world = World::new();
    let (call, mut events, answer) = world.established().await;
    call.session.refer(to("sip:bob@example.com"));
    let refer = world.request().await;
    world.respond(&refer, 202, &[("Refer-Sub", "false")]).await;
    world.event(&mut events).await;
    world.event(&mut events).await;

    let other = world
        .within("NOTIFY", &answer)
        .header("Event: presence")
        .header("Subscription-State: active");
    world.ask(&other).await;
    world.check_ladder(expect![[r#"
        0.000   peer → us  INVITE with a body
        0.000   us → peer  100 Trying
        0.000   us → peer  200 OK
        0.000   peer → us  ACK
        0.000   session   Confirmed
        0.000   us → peer  REFER
        0.000   peer → us  202
        0.000   session   ReferAccepted
        0.000   session   Referred { status: 202 }
        0.000   peer → us  NOTIFY
        0.000   us → peer  489 Bad Event
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn two_calls_become_one_without_us() {
    let mut world = World::new();
    let (call, _events, _) = world.established().await;
    let offer = b"v=0".to_vec();
    let consulted = OutgoingCall::new("sip:bob@127.0.0.1:50601", "sip:bot@example.com", offer);
    let second = world.endpoint.call(consulted).expect("can be tried");
    let mut heard = second.events();
    let invite = world.request().await;
    world.respond_with(&invite, 200, &[], "v=0").await;
    world.event(&mut heard).await;
    world.request().await;

    call.session.refer(Refer {
        to: second.peer_contact().expect("it is up"),
        replaces: second.dialog(),
        referred_by: None,
    });
    let refer = world.request().await.request;
    let call_id = value(&invite.request, &HeaderName::CallId).replace('@', "%40");
    let from = value(&invite.request, &HeaderName::From);
    let tag = from.split_once(";tag=").expect("our tag").1;
    assert_eq!(
        value(&refer, &HeaderName::ReferTo),
        format!(
            "<sip:bob@127.0.0.1:50601?Replaces={call_id}%3Bto-tag%3Dcallee%3Bfrom-tag%3D{tag}>"
        )
    );
}

async fn asked(
    world: &mut World,
    events: &mut tokio::sync::mpsc::Receiver<SessionEvent>,
) -> ReferRequest {
    match world.event(events).await {
        SessionEvent::ReferRequested(asked) => *asked,
        other => panic!("a transfer was expected, not {other:?}"),
    }
}

async fn notified(world: &mut World) -> (Inbound, String) {
    let notify = world.request().await;
    let body = String::from_utf8_lossy(notify.request.body()).into_owned();
    world.respond(&notify, 200, &[]).await;
    (notify, body)
}

#[tokio::test(start_paused = true)]
async fn a_phone_whose_transfer_key_was_pressed_is_told_how_it_goes() {
    let mut world = World::with(|config| config.transfers = true);
    let (call, mut events, answer) = world.established().await;
    assert!(header(&answer, &HeaderName::Allow).contains("REFER"));
    let refer = world
        .within("REFER", &answer)
        .header("Refer-To: \"Bob\" <sip:bob@example.com;method=INVITE?Subject=hello>")
        .header("Referred-By: <sip:ann@example.com>");
    let mut responses = world.send(&refer).await;
    let wanted = asked(&mut world, &mut events).await;
    assert_eq!(wanted.to.uri.reveal(), "sip:bob@example.com");
    assert_eq!(wanted.replaces, None);
    let by = wanted.referred_by.expect("it says");
    assert_eq!(by.reveal(), "sip:ann@example.com");

    let again = world
        .within("REFER", &answer)
        .header("Refer-To: <sip:carol@example.com>");
    world.ask(&again).await;

    call.session.report_refer(100);
    world.answer(&mut responses).await;
    let (notify, body) = notified(&mut world).await;
    assert_eq!(body, "SIP/2.0 100 Trying\r\n");
    let event = value(&notify.request, &HeaderName::Event);
    assert_eq!(event, format!("refer;id={}", refer.cseq));
    call.session.report_refer(200);
    let (notify, body) = notified(&mut world).await;
    assert_eq!(body, "SIP/2.0 200 OK\r\n");
    let state = value(&notify.request, &HeaderName::SubscriptionState);
    assert_eq!(state, "terminated;reason=noresource");
    call.session.report_refer(200);

    for (line, status) in [
        ("Refer-To: <sip:bob@example.com;method=BYE>", 403),
        ("Refer-To: <http://example.com>", 416),
        ("Refer-To: <sip:bob@example.com>\nRefer-To: <sip:c@d>", 400),
        ("X-Nothing: at all", 400),
    ] {
        let bad = world.within("REFER", &answer).header(line);
        assert_eq!(world.ask(&bad).await.status.code(), status, "{line}");
    }

    let silent = world
        .within("REFER", &answer)
        .header("Refer-To: <tel:+14255550100>")
        .header("Refer-Sub: false");
    let mut responses = world.send(&silent).await;
    let wanted = asked(&mut world, &mut events).await;
    assert_eq!(wanted.to.user.reveal(), "+14255550100");
    call.session.report_refer(100);
    let accepted = world.answer(&mut responses).await;
    assert_eq!(header(&accepted, &HeaderName::ReferSub), "false");
    call.session.report_refer(486);

    let undecided = world
        .within("REFER", &answer)
        .header("Refer-To: <sip:bob@example.com>");
    let mut responses = world.send(&undecided).await;
    asked(&mut world, &mut events).await;
    world.answer(&mut responses).await;
    call.session.refuse_refer(480);
    let refused = world
        .within("REFER", &answer)
        .header("Refer-To: <sip:bob@example.com>");
    let mut responses = world.send(&refused).await;
    asked(&mut world, &mut events).await;
    call.session.refuse_refer(480);
    world.answer(&mut responses).await;
    world.check_ladder(expect![[r#"
        0.000   peer → us  INVITE with a body
        0.000   us → peer  100 Trying
        0.000   us → peer  200 OK
        0.000   peer → us  ACK
        0.000   session   Confirmed
        0.000   peer → us  REFER
        0.000   session   ReferRequested
        0.000   peer → us  REFER
        0.000   us → peer  500 Server Internal Error
        0.000   us → peer  202 Accepted
        0.000   us → peer  NOTIFY
        0.000   peer → us  200
        0.000   us → peer  NOTIFY
        0.000   peer → us  200
        0.000   peer → us  REFER
        0.000   us → peer  403 Forbidden
        0.000   peer → us  REFER
        0.000   us → peer  416 Unsupported URI Scheme
        0.000   peer → us  REFER
        0.000   us → peer  400 Bad Request
        0.000   peer → us  REFER
        0.000   us → peer  400 Bad Request
        0.000   peer → us  REFER
        0.000   session   ReferRequested
        0.000   us → peer  202 Accepted
        0.000   peer → us  REFER
        0.000   session   ReferRequested
        20.000  us → peer  603 Decline
        20.000  peer → us  REFER
        20.000  session   ReferRequested
        20.000  us → peer  480 Temporarily Unavailable
    "#]]);
}

#[tokio::test(start_paused = true)]
async fn a_phone_that_talked_to_both_connects_them() {
    let mut world = World::with(|config| config.transfers = true);
    let (first, mut events, answer) = world.established().await;
    let mut invite = world.invite();
    invite.call_id = "call-2".into();
    let mut responses = world.send(&invite).await;
    let (second, _heard) = world.incoming().await;
    second.session.answer(super::world::ANSWER.to_vec());
    let other = world.answer(&mut responses).await;
    world.send_ack(&other, invite.cseq, "").await;

    let tag = header(&other, &HeaderName::To);
    let tag = tag.split_once(";tag=").expect("our tag").1;
    for (call_id, ours) in [("call-2", true), ("call-3", false)] {
        let refer = world.within("REFER", &answer).header(&format!(
            "Refer-To: <sip:bot@example.com?Replaces={call_id}%3Bto-tag%3D{tag}%3Bfrom-tag%3Dpeer>"
        ));
        let _responses = world.send(&refer).await;
        let wanted = asked(&mut world, &mut events).await;
        assert_eq!(wanted.to.uri.reveal(), "sip:bot@example.com");
        assert_eq!(wanted.replaces.is_some(), ours);
        if ours {
            assert_eq!(wanted.replaces, Some(second.session.id()));
            assert_eq!(wanted.replaces_elsewhere, None);
        } else {
            let elsewhere = wanted.replaces_elsewhere.expect("it is somebody's");
            assert_eq!(
                elsewhere.reveal(),
                &format!("call-3;to-tag={tag};from-tag=peer")
            );
        }
        first.session.refuse_refer(603);
        tokio::task::yield_now().await;
    }
}
