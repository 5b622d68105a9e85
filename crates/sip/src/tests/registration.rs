//! REGISTER, and proof of identity.

use std::time::Duration;

use expect_test::expect;
use sipx_sip::auth::{Algorithm, Challenge, Credentials, respond};
use sipx_sip::{HeaderName, Response};

use super::world::{Draft, World, header};
use crate::{Arrival, RegisterError, RegistrationState};

fn register(world: &mut World) -> Draft {
    let mut draft = world.draft("REGISTER");
    draft.uri = "sip:example.com".into();
    draft.to = "<sip:ann@example.com>".into();
    draft.call_id = "registration".into();
    draft
}

/// Answers a challenge the way a phone does.
fn prove(
    draft: &Draft,
    refusal: &Response,
    algorithm: Algorithm,
    password: &str,
    nc: u32,
) -> Draft {
    let name = match refusal.status.code() {
        401 => HeaderName::WwwAuthenticate,
        _ => HeaderName::ProxyAuthenticate,
    };
    let mut challenge = refusal
        .headers
        .get_all(&name)
        .find_map(|row| Challenge::parse(&row.value(), name == HeaderName::ProxyAuthenticate))
        .expect("a proof is asked for");
    challenge.algorithm = algorithm;
    let credentials = Credentials::new("ann", password);
    let value = respond(
        &challenge,
        &credentials,
        draft.method,
        &draft.uri,
        nc,
        "client-nonce",
    );
    let name = String::from_utf8_lossy(challenge.response_header().canonical()).into_owned();
    let mut proven = draft.clone().header(&format!("{name}: {value}"));
    proven.cseq += nc;
    proven.branch += &format!("-proof-{nc}");
    proven
}

#[tokio::test(start_paused = true)]
async fn a_phone_registers_and_leaves() {
    let mut world = World::of_people();
    let draft = register(&mut world).header("Expires: 300");
    let refusal = world.ask(&draft).await;
    assert_eq!(
        refusal.headers.count(&HeaderName::WwwAuthenticate),
        1,
        "some phones give up at a second"
    );
    for (algorithm, nc) in [(Algorithm::Sha256, 1), (Algorithm::Md5, 2)] {
        let response = world
            .ask(&prove(&draft, &refusal, algorithm, "secret", nc))
            .await;
        let contact = header(&response, &HeaderName::Contact);
        assert_eq!(contact, "<sip:ann@127.0.0.1:50601>;expires=300");
    }
    assert!(matches!(
        world.arrivals.recv().await,
        Some(Arrival::Registered { .. })
    ));
    let contacts = world.endpoint.contacts("ann");
    assert_eq!(contacts.len(), 1);
    assert_eq!(contacts[0].source.port(), 50_601);

    tokio::time::sleep(Duration::from_secs(301)).await;
    assert!(
        world.endpoint.contacts("ann").is_empty(),
        "a phone that stays away is forgotten"
    );

    let again = register(&mut world).header("Expires: 300");
    let refusal = world.ask(&again).await;
    world
        .ask(&prove(&again, &refusal, Algorithm::Md5, "secret", 1))
        .await;
    let mut everything = register(&mut world).header("Expires: 0");
    everything.cseq += 10;
    let text = prove(&everything, &refusal, Algorithm::Md5, "secret", 2);
    world.ask(&text).await;
    assert!(world.endpoint.contacts("ann").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_refused() {
    let mut world = World::of_people();
    let draft = register(&mut world);
    let refusal = world.ask(&draft).await;
    let wrong = prove(&draft, &refusal, Algorithm::Sha256, "guess", 1);
    assert_eq!(world.ask(&wrong).await.status.code(), 403);
    assert!(world.endpoint.contacts("ann").is_empty());
    assert_eq!(world.endpoint.counters().unauthenticated, 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_guesses_passwords_is_not_heard_for_a_minute() {
    let mut world = World::of_people();
    let draft = register(&mut world);
    let refusal = world.ask(&draft).await;
    let mut tries = 0;
    let mut next = |password| {
        tries += 1;
        prove(&draft, &refusal, Algorithm::Sha256, password, tries)
    };
    for _ in 0..10 {
        assert_eq!(world.ask(&next("guess")).await.status.code(), 403);
    }
    assert_eq!(world.endpoint.counters().unheard, 0);
    // From now on not even the right one is taken: an answer would say that it is right.
    assert_eq!(world.ask(&next("secret")).await.status.code(), 403);
    assert_eq!(world.endpoint.counters().unheard, 1);
    assert!(world.endpoint.contacts("ann").is_empty());

    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world.ask(&next("secret")).await.status.code(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_recorded_proof_is_not_accepted_again() {
    let mut world = World::of_people();
    let draft = register(&mut world);
    let refusal = world.ask(&draft).await;
    let proven = prove(&draft, &refusal, Algorithm::Sha256, "secret", 1);
    assert_eq!(world.ask(&proven).await.status.code(), 200);
    let mut replayed = proven.clone();
    replayed.cseq += 50;
    replayed.branch += "-replayed";
    let response = world.ask(&replayed).await;
    assert_eq!(response.status.code(), 401);
    assert!(header(&response, &HeaderName::WwwAuthenticate).contains("stale=true"));
}

#[tokio::test(start_paused = true)]
async fn an_old_challenge_is_stale() {
    let mut world = World::of_people();
    let draft = register(&mut world);
    let refusal = world.ask(&draft).await;
    tokio::time::sleep(Duration::from_secs(301)).await;
    let late = prove(&draft, &refusal, Algorithm::Sha256, "secret", 1);
    let response = world.ask(&late).await;
    assert_eq!(response.status.code(), 401);
    assert!(header(&response, &HeaderName::WwwAuthenticate).contains("stale=true"));
}

#[tokio::test(start_paused = true)]
async fn a_registration_is_neither_too_short_nor_for_somebody_else() {
    let mut world = World::of_people();
    let short = register(&mut world).header("Expires: 5");
    let refusal = world.ask(&short).await;
    let response = world
        .ask(&prove(&short, &refusal, Algorithm::Md5, "secret", 1))
        .await;
    assert_eq!(response.status.code(), 423);
    assert_eq!(header(&response, &HeaderName::MinExpires), "60");
    let mut other = register(&mut world);
    other.to = "<sip:bob@example.com>".into();
    let response = world
        .ask(&prove(&other, &refusal, Algorithm::Md5, "secret", 2))
        .await;
    assert_eq!(response.status.code(), 403);
}

#[tokio::test(start_paused = true)]
async fn our_own_phone_registers_and_stays_registered() {
    let mut world = World::of_people();
    let phone = World::new();
    // The phone speaks to the scripted peer, who plays the registrar.
    let registering = {
        let endpoint = phone.endpoint.clone();
        tokio::spawn(async move {
            endpoint
                .register(crate::Register {
                    address: "sip:ann@example.com".into(),
                    credentials: crate::Credentials::new("ann", "secret"),
                    transport: crate::Transport::Udp,
                    route: Some("127.0.0.1:50601".parse().expect("an address")),
                    expires: Duration::from_secs(120),
                    trunk: None,
                })
                .await
        })
    };
    let mut peer = phone;
    let first = peer.request().await;
    let challenge = "Digest realm=\"example.com\", nonce=\"n\", qop=\"auth\"";
    peer.respond(&first, 401, &[("WWW-Authenticate", challenge)])
        .await;
    let second = peer.request().await;
    assert!(
        second
            .request
            .headers
            .get(&HeaderName::Authorization)
            .is_some()
    );
    peer.respond(&second, 200, &[("Expires", "120")]).await;
    let registration = registering.await.expect("runs").expect("registered");
    let renewal = peer.request().await;
    peer.respond(&renewal, 200, &[("Expires", "120")]).await;
    let leaving = tokio::spawn(registration.unregister());
    let last = peer.request().await;
    peer.respond(&last, 200, &[]).await;
    leaving.await.expect("runs");
    peer.check_ladder(expect![[r#"
        0.000   us → peer  REGISTER
        0.000   peer → us  401
        0.000   us → peer  REGISTER
        0.000   peer → us  200
        60.000  us → peer  REGISTER
        60.000  peer → us  200
        60.000  us → peer  REGISTER
        60.000  peer → us  200
    "#]]);
    world.arrivals.close();
}

#[tokio::test(start_paused = true)]
async fn a_registrar_that_refuses_is_quoted() {
    let mut peer = World::new();
    let endpoint = peer.endpoint.clone();
    let registering = tokio::spawn(async move {
        endpoint
            .register(crate::Register {
                address: "sip:ann@example.com".into(),
                credentials: crate::Credentials::new("ann", "secret"),
                transport: crate::Transport::Udp,
                route: Some("127.0.0.1:50601".parse().expect("an address")),
                expires: Duration::from_secs(120),
                trunk: None,
            })
            .await
    });
    let first = peer.request().await;
    peer.respond(&first, 403, &[]).await;
    let error = registering.await.expect("runs").expect_err("refused");
    assert_eq!(
        error,
        RegisterError::Refused {
            status: 403,
            phrase: "As Scripted".into()
        }
    );
}

#[tokio::test(start_paused = true)]
async fn a_caller_with_one_of_our_addresses_proves_it() {
    let mut world = World::of_people();
    let invite = world.invite();
    let refusal = world.ask(&invite).await;
    assert_eq!(refusal.status.code(), 407);
    let proven = prove(&invite, &refusal, Algorithm::Sha256, "secret", 1);
    let _responses = world.send(&proven).await;
    let (call, _events) = world.incoming().await;
    assert_eq!(
        call.caller.as_ref().map(|user| user.reveal().as_str()),
        Some("ann")
    );
    let mut wrong = prove(&invite, &refusal, Algorithm::Sha256, "guess", 2);
    wrong.call_id = "call-2".into();
    assert_eq!(world.ask(&wrong).await.status.code(), 403);
}

#[tokio::test(start_paused = true)]
async fn strangers_are_let_in_only_where_anyone_may_call() {
    let mut world = World::of_people();
    let mut invite = world.invite();
    invite.from = "<sip:stranger@elsewhere.example>;tag=x".into();
    assert_eq!(world.ask(&invite).await.status.code(), 403);

    let mut world = World::new();
    let _responses = world.send(&invite).await;
    let (call, _events) = world.incoming().await;
    assert!(call.caller.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_trunk_is_let_in_by_its_address_and_our_own_people_still_prove_themselves() {
    let mut world = World::of_people();
    let mut invite = world
        .invite()
        .header("P-Asserted-Identity: \"Bob\" <sip:+14255550199@carrier.example>");
    invite.from = "<sip:anonymous@anonymous.invalid>;tag=peer".into();
    assert_eq!(world.ask(&invite).await.status.code(), 403, "nobody's");

    let here = world.our_addr().ip();
    assert_eq!(world.endpoint.trust("carrier", &[here]), 1);
    invite.branch += "-again";
    invite.cseq += 1;
    let _responses = world.send(&invite).await;
    let (call, _events) = world.incoming().await;
    assert_eq!(call.trunk.as_deref(), Some("carrier"));
    assert_eq!(call.caller, None);
    let asserted = call.asserted.as_ref().expect("the trunk says who calls");
    assert_eq!(asserted.user.reveal(), "+14255550199");

    let mut as_ann = world.invite();
    as_ann.call_id = "call-2".into();
    assert_eq!(world.ask(&as_ann).await.status.code(), 407);
}

fn trunk() -> crate::Register {
    crate::Register {
        address: "sip:office@example.com".into(),
        credentials: crate::Credentials::new("office", "secret"),
        transport: crate::Transport::Udp,
        route: Some("127.0.0.1:50601".parse().expect("an address")),
        expires: Duration::from_secs(120),
        trunk: Some("carrier".into()),
    }
}

#[tokio::test(start_paused = true)]
async fn a_trunk_is_registered_again_after_failures_and_its_calls_are_known_meanwhile() {
    let mut world = World::of_people();
    let mut registration = world.endpoint.keep_registered(trunk()).expect("an address");
    assert_eq!(registration.state(), RegistrationState::Trying);
    let first = world.request().await;
    world.respond(&first, 503, &[]).await;
    let failed = registration.changed().await;
    let RegistrationState::Failed { error, again_in } = failed else {
        panic!("{failed:?}")
    };
    assert_eq!(error.to_string(), "the registrar refused: 503 As Scripted");
    let first_wait = again_in;
    assert!(first_wait <= Duration::from_secs(5));
    let second = world.request().await;
    world.respond(&second, 500, &[]).await;
    assert!(matches!(
        registration.changed().await,
        RegistrationState::Failed { again_in, .. } if again_in > first_wait
    ));
    // Then it asks for proof, and for a longer time.
    let third = world.request().await;
    let challenge = "Digest realm=\"example.com\", nonce=\"n\", qop=\"auth\"";
    world
        .respond(&third, 401, &[("WWW-Authenticate", challenge)])
        .await;
    let fourth = world.request().await;
    world.respond(&fourth, 423, &[("Min-Expires", "600")]).await;
    let fifth = world.request().await;
    let expires = fifth.request.headers.value(&HeaderName::Expires);
    assert_eq!(expires.as_deref(), Some(&b"600"[..]));

    let mut invite = world.invite();
    invite.from = "<sip:+14255550199@carrier.example>;tag=peer".into();
    assert_eq!(world.ask(&invite).await.status.code(), 403, "not yet");
    world.respond(&fifth, 200, &[("Expires", "600")]).await;
    assert_eq!(registration.changed().await, RegistrationState::Registered);
    invite.cseq += 1;
    invite.branch += "-again";
    let _responses = world.send(&invite).await;
    let (call, _events) = world.incoming().await;
    assert_eq!(call.trunk.as_deref(), Some("carrier"));

    let renewal = world.request().await;
    world.respond(&renewal, 200, &[("Expires", "600")]).await;
    let leaving = tokio::spawn(registration.unregister());
    let last = world.request().await;
    let expires = last.request.headers.value(&HeaderName::Expires);
    assert_eq!(expires.as_deref(), Some(&b"0"[..]));
    world.respond(&last, 200, &[]).await;
    leaving.await.expect("runs");
    invite.call_id = "call-9".into();
    assert_eq!(world.ask(&invite).await.status.code(), 403, "no more");
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_takes_registrations_back() {
    let mut world = World::new();
    let mut registration = world.endpoint.keep_registered(trunk()).expect("an address");
    let first = world.request().await;
    world.respond(&first, 200, &[]).await;
    assert_eq!(registration.changed().await, RegistrationState::Registered);
    let endpoint = world.endpoint.clone();
    let closing = tokio::spawn(async move { endpoint.shutdown().await });
    let last = world.request().await;
    world.respond(&last, 200, &[]).await;
    closing.await.expect("it ends");
    assert_eq!(registration.changed().await, RegistrationState::Ended);
}

#[tokio::test(start_paused = true)]
async fn a_registration_over_a_connection_is_renewed_before_the_way_is_forgotten() {
    let mut world = World::new();
    let registration = world.endpoint.keep_registered(crate::Register {
        transport: crate::Transport::Tcp,
        expires: Duration::from_secs(3_600),
        ..trunk()
    });
    let _registration = registration.expect("an address");
    for _ in 0..3 {
        let next = world.request().await;
        world.respond(&next, 200, &[("Expires", "3600")]).await;
    }
    world.check_ladder(expect![[r#"
        0.000   us → peer  REGISTER
        0.000   peer → us  200
        95.000  us → peer  REGISTER
        95.000  peer → us  200
        190.000 us → peer  REGISTER
        190.000 peer → us  200
    "#]]);
}
