//! How the platform is reached and reaches others: trunks and their rules, hosts behind a
//! translator of addresses, many phones at once.

use std::path::Path;

use offhook_engine::Invitee;
use offhook_sip::Tls;
use offhook_wire::graph::{ChatInfo, MeetingInfo};

use super::*;
use crate::config::TrunkTransport;
use crate::graph::Paper;
use crate::http::Authority;

/// A carrier that listens by TLS, and the folder of the authority that vouches for it.
async fn secure_carrier() -> (Phone, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::open(folder.path(), &[], clock::wall()).expect("made");
    let (certificate, key) = authority.issue(clock::wall()).expect("issued").pem;
    let carrier = Phone::with(|config| {
        config.tls = Some(Tls {
            port: 0,
            certificate,
            key,
        });
    });
    (carrier.await, folder)
}

/// A trunk to it, whose certificate is believed on the word of the authority in this folder.
fn secured(config: &mut Config, carrier: &Phone, authority: &Path) {
    let address = carrier.endpoint.tls_addr().expect("listens by TLS");
    let mut trunk = Trunk::new("carrier", address.to_string());
    trunk.transport = TrunkTransport::Tls;
    trunk.allow = vec!["+4930".to_owned()];
    config.trunks = vec![trunk];
    config.graph.trust = vec![authority.join("ca.pem")];
}

#[tokio::test]
async fn a_trunk_by_tls_is_used_when_its_certificate_is_believed() {
    let (mut carrier, authority) = secure_carrier().await;
    let mut world = World::with(|config| secured(config, &carrier, authority.path())).await;
    let leg = world.place(vec![number("+4930555")], WITHIN);
    let mut line = carrier.answers().await;
    world.until(leg, "established").await;
    line.session.hang_up(None);
    line.ended().await;
    world.until(leg, "terminated").await;
    world.nobody_is_left().await;
}

#[tokio::test]
async fn a_trunk_by_tls_that_nobody_vouches_for_is_unreachable() {
    let (mut carrier, _its_own) = secure_carrier().await;
    let (_, other_authority) = secure_carrier().await;
    let mut world = World::with(|config| secured(config, &carrier, other_authority.path())).await;
    let leg = world.place(vec![number("+4930555")], WITHIN);
    let told = world.until(leg, "terminated").await;
    assert_eq!(told["resultInfo"]["code"], 480, "{told}");
    assert!(carrier.arrivals.try_recv().is_err(), "nobody is called");
    world.nobody_is_left().await;
}

#[tokio::test]
async fn the_called_see_the_number_that_the_trunk_is_to_show() {
    // It believes us by our address, and knows nobody by name.
    let elsewhere = |config: &mut offhook_sip::Config| {
        config.domains = vec!["elsewhere.example".to_owned()];
    };
    let mut carrier = Phone::with(elsewhere).await;
    let mut trunk = trunk(&carrier);
    trunk.caller_id = Some("+4930999".to_owned());
    let mut world = World::with(|config| config.trunks = vec![trunk]).await;
    let leg = world.place(vec![number("+4930555")], WITHIN);
    let incoming = carrier.rings().await;
    assert_eq!(incoming.from.user.reveal(), "+4930999");
    let mut session = incoming.session;
    session.refuse(Refusing::new(486));
    world.until(leg, "terminated").await;
    world.nobody_is_left().await;
}

#[tokio::test]
async fn a_trunk_begins_so_many_calls_a_minute_and_no_more() {
    let mut carrier = carrier().await;
    let mut trunk = trunk(&carrier);
    trunk.calls_per_minute = 2;
    let mut world = World::with(|config| config.trunks = vec![trunk]).await;
    for called in ["+4930555", "+4930556"] {
        let leg = world.place(vec![number(called)], WITHIN);
        carrier.declines(486).await;
        world.until(leg, "terminated").await;
    }
    let leg = world.place(vec![number("+4930557")], WITHIN);
    world.until(leg, "terminated").await;
    assert!(carrier.arrivals.try_recv().is_err(), "nobody is called");
    let refusals = world.refusals().await;
    assert!(refusals[0].contains("minute"), "{refusals:?}");
    world.nobody_is_left().await;
}

#[tokio::test]
async fn a_redirected_call_rings_with_twenty_five_and_stops_ringing_when_one_comes() {
    let users: Vec<String> = (0..25).map(|at| format!("user{at}")).collect();
    let everybody = users.clone();
    let people = |config: &mut Config| {
        config.people = everybody
            .iter()
            .map(|user| Person::new(user, user))
            .collect();
    };
    let mut world = World::with(people).await;
    let mut phones = Phone::new().await;
    let mut registrations = Vec::new();
    for user in &users {
        phones.register(&world, user).await;
        registrations.extend(phones._registration.take());
    }
    let caller = Phone::new().await;
    let mut line = caller.dials(&world, "bot");
    let leg = world.called().await;
    let targets = users.iter();
    let targets = targets.map(|user| Invitee::new(new_leg(), world.person(user)));
    let redirect = Command::Redirect {
        targets: targets.collect(),
        ring_for: WITHIN,
        mask_caller: false,
        mask_callee: false,
    };
    world.command(leg, redirect).await;
    let mut ringing = Vec::new();
    for _ in &users {
        let incoming = phones.rings().await;
        incoming.session.ring();
        ringing.push(incoming.session);
    }
    let taken = ringing.swap_remove(16);
    taken.answer(phones.description());
    let mut taken = Line::of(taken);
    for left in ringing {
        assert_eq!(Line::of(left).ended().await, offhook_sip::Ending::Cancelled);
    }
    line.answered().await;
    line.session.hang_up(None);
    taken.hung_up().await;
    world.nobody_is_left().await;
}

#[tokio::test]
async fn a_bot_that_is_let_into_a_meeting_is_told_which() {
    let mut world = World::with(|config| {
        let webhook = config.bots[0].webhook.clone();
        config.bots.push(Bot::new("Other", "other", webhook));
    })
    .await;
    let platform = Arc::clone(&world.platform.platform);
    let [bot, other] = ["bot", "other"].map(|user| {
        let found = world.platform.registry().bot_by_sip_user(user);
        found.expect("somebody").app
    });
    let leg = new_leg();
    let chat = ChatInfo {
        thread_id: Some("19:meeting_x@thread.v2".to_owned()),
        ..ChatInfo::default()
    };
    let meeting = MeetingInfo {
        token: Some(Private::new("a token".to_owned())),
        ..MeetingInfo::default()
    };
    let paper = Paper {
        chat: Some(chat),
        meeting: Some(meeting),
        ..Paper::default()
    };
    platform.outboxes.papers().file(leg, paper);
    let hosting = Hosting::Service;
    let join = BotJoin { leg, bot, hosting };
    let id = MeetingId::from_bits(7);
    let joined = platform
        .switchboard
        .join_meeting(id, join, 100, &world.callback);
    joined.await.expect("joined");
    world.until(leg, "established").await;
    let invited = new_leg();
    let invite = Command::Invite {
        operation: OperationId::from_random(rand::random()),
        invitees: vec![Invitee::new(invited, Party::Bot { app: other })],
        replaces: None,
        ring_for: WITHIN,
        context: None,
    };
    let done = platform.switchboard.command(bot, leg, invite).await;
    done.expect("accepted");
    let told = world.until(invited, "incoming").await;
    assert_eq!(
        told["chatInfo"]["threadId"], "19:meeting_x@thread.v2",
        "{told}"
    );
    assert_eq!(told["meetingInfo"]["token"], "a token", "{told}");
}

#[tokio::test]
async fn behind_a_translator_phones_are_told_the_addresses_they_can_reach() {
    let mut world = World::with(|config| {
        config.sip.advertised = Some("198.51.100.7".to_owned());
        config.media.advertised_address = Some("198.51.100.8".parse().expect("an address"));
    })
    .await;
    let phone = tokio::net::UdpSocket::bind(local()).await.expect("a port");
    let here = phone.local_addr().expect("bound");
    let offer = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
         m=audio {} RTP/AVP 0\r\n",
        here.port()
    );
    let invite = format!(
        "INVITE sip:bot@198.51.100.7 SIP/2.0\r\n\
         Via: SIP/2.0/UDP {here};branch=z9hG4bK-reach\r\nMax-Forwards: 70\r\n\
         From: <sip:somebody@elsewhere.example>;tag=1\r\nTo: <sip:bot@198.51.100.7>\r\n\
         Call-ID: reach\r\nCSeq: 1 INVITE\r\nContact: <sip:somebody@{here}>\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{offer}",
        offer.len()
    );
    let platform = world.platform.sip();
    let sent = phone.send_to(invite.as_bytes(), platform).await;
    sent.expect("sent");
    let leg = world.called().await;
    let hosting = Hosting::Service;
    world.command(leg, Command::Answer { hosting }).await;
    let answer = async {
        let mut packet = [0; 4_096];
        loop {
            let length = phone.recv(&mut packet).await.expect("a response");
            let text = String::from_utf8_lossy(&packet[..length]).into_owned();
            if text.starts_with("SIP/2.0 200") {
                return text;
            }
        }
    };
    let answer = tokio::time::timeout(WITHIN, answer)
        .await
        .expect("answered");
    let contact = answer.lines().find(|line| line.starts_with("Contact:"));
    assert!(
        contact.is_some_and(|line| line.contains("198.51.100.7")),
        "{answer}"
    );
    assert!(answer.contains("\r\nc=IN IP4 198.51.100.8\r\n"), "{answer}");
    assert!(!answer.contains("IP4 127.0.0.1"), "{answer}");
}
