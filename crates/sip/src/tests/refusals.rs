//! What is answered without asking anybody.

use sipx_sip::HeaderName;

use super::world::{ANSWER, World, header};

#[tokio::test(start_paused = true)]
async fn options_tells_what_we_can() {
    let mut world = World::new();
    let options = world.draft("OPTIONS");
    let response = world.ask(&options).await;
    assert_eq!(response.status.code(), 200);
    assert!(header(&response, &HeaderName::Allow).contains("INVITE"));
    assert_eq!(header(&response, &HeaderName::Accept), "application/sdp");
}

#[tokio::test(start_paused = true)]
async fn each_fault_has_its_status() {
    let mut world = World::new();
    let mut expect = Vec::new();
    let mut draft = world.invite().header("Require: timer, precondition");
    expect.push((draft.clone(), 420));
    draft = world.draft("SUBSCRIBE");
    expect.push((draft, 405));
    draft = world.draft("DANCE");
    expect.push((draft, 501));
    draft = world.draft("BYE");
    expect.push((draft, 481));
    draft = world.draft("CANCEL");
    expect.push((draft, 481));
    draft = world.draft("BYE");
    draft.to += ";tag=0123456789abcdef";
    expect.push((draft, 481));
    draft = world.invite();
    draft.to += ";tag=not-one-of-ours";
    expect.push((draft, 481));
    draft = world.invite();
    draft.uri = "http://example.com".into();
    expect.push((draft, 416));
    draft = world.invite();
    draft.headers = "Content-Type: text/plain\n".into();
    expect.push((draft, 415));
    draft = world.invite().header("Content-Encoding: gzip");
    expect.push((draft, 415));
    draft = world.invite().header("Accept: text/html;level=1");
    expect.push((draft, 406));
    draft = world.invite().header("Session-Expires: 20");
    expect.push((draft, 422));
    draft = world.invite().header("Session-Expires: soon");
    expect.push((draft, 400));
    draft = world.invite();
    draft.max_forwards = 0;
    expect.push((draft, 483));
    draft = world.draft("REGISTER");
    draft.to = "<sip:ann@elsewhere.example>".into();
    expect.push((draft, 404));
    for (draft, status) in expect {
        let response = world.ask(&draft).await;
        assert_eq!(response.status.code(), status, "{}", draft.text());
    }
    let refused = world.endpoint.counters().refused;
    assert_eq!(refused, 15);
}

#[tokio::test(start_paused = true)]
async fn an_unsupported_extension_is_named() {
    let mut world = World::new();
    let invite = world.invite().header("Require: precondition, privacy");
    let response = world.ask(&invite).await;
    assert_eq!(
        header(&response, &HeaderName::Unsupported),
        "precondition, privacy"
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_that_came_twice_by_different_ways_is_one_call() {
    let mut world = World::new();
    let invite = world.invite();
    let _first = world.send(&invite).await;
    let _call = world.incoming().await;
    let mut again = invite.clone();
    again.branch += "-another-way";
    assert_eq!(world.ask(&again).await.status.code(), 482);
}

#[tokio::test(start_paused = true)]
async fn a_full_house_says_when_to_come_back() {
    let mut world = World::with(|config| config.calls_max = 1);
    let (_call, _events, _) = world.established().await;
    let mut another = world.invite();
    another.call_id = "call-2".into();
    let response = world.ask(&another).await;
    assert_eq!(response.status.code(), 503);
    assert_eq!(header(&response, &HeaderName::RetryAfter), "5");
    assert_eq!(world.endpoint.counters().shed, 1);
}

#[tokio::test(start_paused = true)]
async fn a_draining_endpoint_takes_no_further_call() {
    let mut world = World::new();
    world.endpoint.drain();
    let invite = world.invite();
    assert_eq!(world.ask(&invite).await.status.code(), 503);
    let options = world.draft("OPTIONS");
    assert_eq!(world.ask(&options).await.status.code(), 503);
}

#[tokio::test(start_paused = true)]
async fn a_dialog_is_not_entered_with_a_stolen_tag() {
    let mut world = World::new();
    let (_call, _events, answer) = world.established().await;
    let mut bye = world.within("BYE", &answer);
    bye.call_id = "another".into();
    assert_eq!(world.ask(&bye).await.status.code(), 481);
    let mut bye = world.within("BYE", &answer);
    bye.from = "<sip:eve@example.com>;tag=eve".into();
    assert_eq!(world.ask(&bye).await.status.code(), 481);
}

#[tokio::test(start_paused = true)]
async fn a_request_out_of_order_is_refused() {
    let mut world = World::new();
    let (_call, _events, answer) = world.established().await;
    let mut bye = world.within("BYE", &answer);
    bye.cseq = 1;
    assert_eq!(world.ask(&bye).await.status.code(), 500);
}

#[tokio::test(start_paused = true)]
async fn an_ack_for_nothing_is_ignored() {
    let mut world = World::new();
    let (call, _events, answer) = world.established().await;
    world.send_ack(&answer, 99, "").await;
    call.session.reinvite(ANSWER.to_vec());
    world.request().await;
}
