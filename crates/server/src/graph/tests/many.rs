//! What is asked of a call beyond two parties: commands, answers and bodies.

use super::*;

const ADA: &str = "55555555-5555-4555-8555-555555555555";
const OTHER: LegId = LegId::from_bits(0x6666_6666_6666_4666_8666_6666_6666_6666);
const BOB: &str = "77777777-7777-4777-8777-777777777777";

const ALL_ROLES: [Roles; 5] = [
    Roles::INITIATE,
    Roles::INITIATE_GROUP_CALL,
    Roles::JOIN_GROUP_CALL,
    Roles::JOIN_GROUP_CALL_AS_GUEST,
    Roles::ACCESS_MEDIA,
];

async fn world() -> World {
    World::with(|bot| bot.roles = ALL_ROLES.into_iter().collect()).await
}

async fn group() -> World {
    let world = world().await;
    world.change_view(|view| view.is_group = true);
    *world.script.roster.lock().expect("whole") = vec![adas_participant(), the_bots(&world)];
    world
}

fn adas_participant() -> Participant {
    Participant {
        leg: PHONE,
        party: ada(),
        is_muted: false,
        is_held: false,
        recording: RecordingStatus::Unknown,
        shares_screen: false,
        changed: 1,
    }
}

fn the_bots(world: &World) -> Participant {
    Participant {
        leg: LEG,
        party: Party::Bot { app: world.bot.app },
        is_muted: true,
        recording: RecordingStatus::Recording,
        changed: 2,
        ..adas_participant()
    }
}

fn user(id: &str) -> Value {
    json!({"identity": {"user": {"id": id, "displayName": "Bob"}}})
}

fn phone(number: &str) -> Value {
    json!({"identity": {"phone": {"id": number}}})
}

fn bob() -> Party {
    Party::Person {
        id: BOB.parse().expect("a GUID"),
        name: Private::new("Bob".to_owned()),
    }
}

fn parties(invitees: &[Invitee]) -> Vec<Party> {
    invitees.iter().map(|one| one.party.clone()).collect()
}

/// The one command asked for.
fn asked(world: &World) -> Command {
    let asked = world.asked();
    let [command] = &asked[..] else {
        panic!("{asked:?}")
    };
    command.clone()
}

#[tokio::test]
async fn what_is_done_at_once_is_completed_in_its_answer() {
    let world = group().await;
    let party = format!("/participants/{PHONE}/mute");
    let mute = |participant| AtOnce::Mute { participant };
    for (below, tag, what) in [
        ("/mute", "muteParticipantOperation", mute(None)),
        ("/unmute", "unmuteParticipantOperation", AtOnce::Unmute),
        (&party, "muteParticipantOperation", mute(Some(PHONE))),
        (
            "/participants/muteAll",
            "muteParticipantsOperation",
            AtOnce::MuteAll {
                participants: vec![],
            },
        ),
        (
            "/cancelMediaProcessing",
            "cancelMediaProcessingOperation",
            AtOnce::CancelMedia,
        ),
        (
            "/subscribeToTone",
            "subscribeToToneOperation",
            AtOnce::SubscribeToTones,
        ),
    ] {
        for body in [Some(json!({"ClientContext": "c1"})), None] {
            let context = body.as_ref().map(|_| "c1".to_owned());
            let response = world.ask("POST", below, body).await;
            assert_eq!(response.status(), StatusCode::OK, "{below}");
            let location = response.headers()["location"].clone();
            let body = super::body(response).await;
            let id = body["id"].as_str().expect("an id");
            let location = location.to_str().expect("text");
            assert!(location.ends_with(&format!("/calls/{LEG}/operations/{id}")));
            assert_eq!(
                body,
                json!({"@odata.type": format!("#microsoft.graph.{tag}"), "id": id,
                    "status": "completed", "clientContext": context,
                    "resultInfo": {"@odata.type": "#microsoft.graph.resultInfo", "code": 200,
                        "subcode": 0, "message": "Action completed successfully."}})
            );
            assert_eq!(
                asked(&world),
                Command::AtOnce {
                    operation: id.parse().expect("a GUID"),
                    what: what.clone(),
                    context,
                }
            );
        }
    }
    let some = json!({"participants": [PHONE.to_string()]});
    let response = world.ask("POST", "/participants/muteAll", Some(some)).await;
    assert_eq!(response.status(), StatusCode::OK);
    let Command::AtOnce { what, .. } = asked(&world) else {
        panic!("done at once")
    };
    let participants = vec![PHONE];
    assert_eq!(what, AtOnce::MuteAll { participants });
    for (said, status) in [
        ("notRecording", RecordingStatus::NotRecording),
        ("Recording", RecordingStatus::Recording),
        ("failed", RecordingStatus::Failed),
    ] {
        let body = json!({"status": said, "clientContext": "c2"});
        let response = world
            .ask("POST", "/updateRecordingStatus", Some(body))
            .await;
        let body = super::body(response).await;
        assert_eq!(body["status"], "completed");
        let Command::AtOnce { what, .. } = asked(&world) else {
            panic!("done at once")
        };
        assert_eq!(what, AtOnce::UpdateRecordingStatus { status });
    }
}

#[tokio::test]
async fn keys_are_pressed_by_their_names() {
    let world = world().await;
    let tones = json!(["tone1", "Tone0", "star", "pound", "a", "D", {"tone": "tone9"}]);
    let body = json!({"tones": tones, "delayBetweenTonesMs": 250, "clientContext": "c"});
    let response = world.ask("POST", "/sendDtmfTones", Some(body)).await;
    assert_eq!(response.status(), StatusCode::OK);
    let body = super::body(response).await;
    assert_eq!(
        body,
        json!({"@odata.type": "#microsoft.graph.sendDtmfTonesOperation", "id": body["id"],
            "status": "running", "clientContext": "c", "completionReason": null,
            "resultInfo": null})
    );
    let Command::SendTones { tones, gap, .. } = asked(&world) else {
        panic!("tones")
    };
    let symbols: String = tones.iter().map(|tone| tone.symbol()).collect();
    assert_eq!(
        (symbols.as_str(), gap),
        ("10*#AD9", Duration::from_millis(250))
    );
    let body = json!({"tones": ["tone1"]});
    world.ask("POST", "/sendDtmfTones", Some(body)).await;
    let Command::SendTones { gap, .. } = asked(&world) else {
        panic!("tones")
    };
    assert_eq!(gap, Duration::from_millis(100));
}

#[tokio::test]
async fn hold_music_and_the_gallery_run_and_are_accepted() {
    let world = group().await;
    let hold = format!("/participants/{PHONE}/startHoldMusic");
    let resume = format!("/participants/{PHONE}/stopHoldMusic");
    for (below, body, tag) in [
        (
            &*hold,
            Some(json!({"customPrompt": prompt(), "clientContext": "c"})),
            "startHoldMusicOperation",
        ),
        (&hold, None, "startHoldMusicOperation"),
        (&resume, None, "stopHoldMusicOperation"),
        ("/addLargeGalleryView", None, "addLargeGalleryViewOperation"),
    ] {
        let response = world.ask("POST", below, body).await;
        assert_eq!(response.status(), StatusCode::ACCEPTED, "{below}");
        assert!(response.headers().contains_key("location"));
        let body = super::body(response).await;
        assert_eq!(body["@odata.type"], format!("#microsoft.graph.{tag}"));
        assert_eq!(body["status"], "running");
    }
    let asked = world.asked();
    let [
        Command::StartHoldMusic {
            participant,
            prompt: Some(prompt),
            ..
        },
        Command::StartHoldMusic { prompt: None, .. },
        Command::StopHoldMusic {
            participant: held, ..
        },
        Command::AddLargeGalleryView { .. },
    ] = &asked[..]
    else {
        panic!("{asked:?}")
    };
    assert_eq!((*participant, *held), (PHONE, PHONE));
    assert_eq!(prompt.uri(), Some("https://bot.example/hello.wav"));
}

#[tokio::test]
async fn a_call_is_sent_on() {
    let world = world().await;
    let one = json!({"targets": [user(BOB)]});
    let response = world.ask("POST", "/redirect", Some(one)).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let Command::Redirect {
        targets,
        ring_for,
        mask_caller,
        mask_callee,
    } = asked(&world)
    else {
        panic!("a redirect")
    };
    assert_eq!(parties(&targets), [bob()]);
    assert_eq!(ring_for, Duration::from_secs(55));
    assert!(!mask_caller && !mask_callee);
    let two = json!({"targets": [user(BOB), phone("+14255550100")], "maskCaller": true,
        "maskCallee": true, "targetDisposition": "SimultaneousRing"});
    world
        .ask("POST", "/microsoft.graph.redirect", Some(two))
        .await;
    let Command::Redirect {
        targets,
        ring_for,
        mask_caller,
        mask_callee,
    } = asked(&world)
    else {
        panic!("a redirect")
    };
    assert_eq!(targets.len(), 2);
    assert_eq!(ring_for, Duration::from_secs(60));
    assert!(mask_caller && mask_callee);
    let timed = json!({"targets": [user(BOB)], "timeout": 15});
    world.ask("POST", "/redirect", Some(timed)).await;
    let Command::Redirect { ring_for, .. } = asked(&world) else {
        panic!("a redirect")
    };
    assert_eq!(ring_for, Duration::from_secs(15));
}

#[tokio::test]
async fn the_other_party_is_transferred() {
    let world = world().await;
    // In a call of two nobody needs to be named.
    let blind = json!({"transferTarget": phone("+14255550100"), "clientContext": "ignored",
        "transferee": user(BOB)});
    let response = world.ask("POST", "/transfer", Some(blind)).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let Command::Transfer {
        transferee, target, ..
    } = asked(&world)
    else {
        panic!("a transfer")
    };
    assert_eq!(transferee, None);
    assert!(matches!(target.party, Party::Phone { .. }));
    // The scripted switchboard has one leg, so another is none.
    let mut target = user(BOB);
    target["replacesCallId"] = json!(OTHER.to_string());
    let consultative = json!({"transferTarget": target});
    let response = world.ask("POST", "/transfer", Some(consultative)).await;
    let no_call =
        "400 8523 The parameter 'replacesCallId' names no established call of this application.";
    assert_eq!(refusal(response).await, no_call);
    assert_eq!(world.asked(), []);
    world.seat(OTHER);
    let consultative = json!({"transferTarget": target});
    let response = world.ask("POST", "/transfer", Some(consultative)).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    assert_eq!(
        asked(&world),
        Command::TransferTo {
            transferee: None,
            replaces: OTHER
        }
    );
}

#[tokio::test]
async fn in_a_call_of_many_a_transfer_says_who_goes() {
    let world = group().await;
    let asks = |transferee: Value| json!({"transferTarget": user(BOB), "transferee": transferee});
    let wanted = "400 8523 The parameter 'transferee' is required in a group call.";
    let body = Some(asks(Value::Null));
    let response = world.ask("POST", "/transfer", body).await;
    assert_eq!(refusal(response).await, wanted);
    let nobody = Some(asks(user(BOB)));
    let response = world.ask("POST", "/transfer", nobody).await;
    assert_eq!(refusal(response).await, "404 8522 Participant not found.");
    let by_id = asks(json!({"identity": {}, "participantId": PHONE.to_string()}));
    for body in [asks(user(ADA)), by_id] {
        let response = world.ask("POST", "/transfer", Some(body)).await;
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        let Command::Transfer { transferee, .. } = asked(&world) else {
            panic!("a transfer")
        };
        assert_eq!(transferee, Some(PHONE));
    }
}

#[tokio::test]
async fn others_are_invited() {
    let world = group().await;
    let body = json!({"participants": [user(BOB), phone("+14255550100")], "clientContext": "c"});
    let response = world.ask("POST", "/participants/invite", Some(body)).await;
    assert_eq!(response.status(), StatusCode::OK);
    let body = super::body(response).await;
    let Command::Invite {
        operation,
        invitees,
        replaces,
        ring_for,
        context,
    } = asked(&world)
    else {
        panic!("an invitation")
    };
    assert_eq!((replaces, ring_for), (None, Duration::from_secs(60)));
    assert_eq!(context.as_deref(), Some("c"));
    let invited = |identity: Value, invitee: &Invitee| {
        json!({"@odata.type": "#microsoft.graph.invitationParticipantInfo",
            "identity": identity, "participantId": invitee.leg.to_string()})
    };
    let set = |kind: &str, identity: Value| {
        let mut set = json!({"@odata.type": "#microsoft.graph.identitySet"});
        set[kind] = identity;
        set
    };
    let tag = "#microsoft.graph.identity";
    let bob = set(
        "user",
        json!({"@odata.type": tag, "id": BOB, "displayName": "Bob"}),
    );
    let phone = set("phone", json!({"@odata.type": tag, "id": "+14255550100"}));
    assert_eq!(
        body,
        json!({"@odata.type": "#microsoft.graph.inviteParticipantsOperation",
            "id": operation.to_string(), "status": "running", "clientContext": "c",
            "resultInfo": null,
            "participants": [invited(bob, &invitees[0]), invited(phone, &invitees[1])]})
    );
    // Who replaces a call comes alone.
    world.seat(OTHER);
    let mut first = user(BOB);
    first["replacesCallId"] = json!(OTHER.to_string());
    let body = json!({"participants": [first, user(ADA)]});
    world.ask("POST", "/participants/invite", Some(body)).await;
    let Command::Invite {
        invitees, replaces, ..
    } = asked(&world)
    else {
        panic!("an invitation")
    };
    assert_eq!((invitees.len(), replaces), (1, Some(OTHER)));
}

#[tokio::test]
async fn a_participant_is_removed() {
    let world = group().await;
    let path = format!("/participants/{PHONE}");
    let response = world.ask("DELETE", &path, None).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    let participant = PHONE;
    assert_eq!(asked(&world), Command::Remove { participant });
    let response = world.ask("DELETE", "/participants/nonsense", None).await;
    assert_eq!(refusal(response).await, "404 8522 Participant not found.");
}

#[tokio::test]
async fn an_application_that_is_not_on_the_list_removes_nobody() {
    let world = World::with(|bot| bot.removes_participants = false).await;
    world.change_view(|view| view.is_group = true);
    *world.script.roster.lock().expect("whole") = vec![adas_participant(), the_bots(&world)];
    let path = format!("/participants/{PHONE}");
    let refused = refusal(world.ask("DELETE", &path, None).await).await;
    assert_eq!(
        refused,
        "403 7504 Insufficient enterprise tenant permissions, cannot access this API."
    );
}

#[tokio::test]
async fn whoever_holds_a_meeting_is_not_removed() {
    let world = group().await;
    let path = format!("/participants/{PHONE}");
    let papers = world.outboxes.papers();
    papers.change(LEG, |paper| {
        paper.organizer = Some(ADA.parse().expect("a GUID"))
    });
    let refused = refusal(world.ask("DELETE", &path, None).await).await;
    assert_eq!(
        refused,
        "403 8552 The organizer of the meeting cannot be removed."
    );
    assert_eq!(world.asked(), []);
    // Somebody else's meeting.
    papers.change(LEG, |paper| {
        paper.organizer = Some(BOB.parse().expect("a GUID"))
    });
    let response = world.ask("DELETE", &path, None).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn who_shares_a_screen_is_shown() {
    let world = group().await;
    let role = |role: &str| Some(json!({ "role": role }));
    let response = world
        .ask("POST", "/changeScreenSharingRole", role("sharer"))
        .await;
    assert_eq!(refusal(response).await, "400 8500 Invalid media mode.");
    world.change_view(|view| view.hosting = Hosting::App);
    let response = world
        .ask("POST", "/changeScreenSharingRole", role("Sharer"))
        .await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    assert_eq!(asked(&world), Command::ShareScreen { shares: true });
    let streams = async |shares| {
        for one in world.script.roster.lock().expect("whole").iter_mut() {
            one.shares_screen = shares && one.leg == LEG;
        }
        let path = format!("/participants/{LEG}");
        let body = super::body(world.ask("GET", &path, None).await).await;
        let streams = body["mediaStreams"].as_array().expect("a list").clone();
        streams
            .iter()
            .map(|stream| format!("{} {}", stream["label"], stream["direction"]))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        streams(true).await,
        [
            r#""main-audio" "sendReceive""#,
            r#""applicationsharing-video" "sendOnly""#
        ]
    );
    world
        .ask("POST", "/changeScreenSharingRole", role("viewer"))
        .await;
    assert_eq!(asked(&world), Command::ShareScreen { shares: false });
    assert_eq!(streams(false).await.len(), 1);
    world.change_view(|view| view.is_group = false);
    let response = world
        .ask("POST", "/changeScreenSharingRole", role("sharer"))
        .await;
    assert_eq!(
        refusal(response).await,
        "400 8548 Action not supported, the call is not a group call."
    );
    world.change_view(|view| view.state = LegState::Establishing);
    let response = world
        .ask("POST", "/changeScreenSharingRole", role("sharer"))
        .await;
    assert_eq!(
        refusal(response).await,
        "400 8501 Action not supported, call is not established."
    );
    assert_eq!(world.asked(), []);
}

#[tokio::test]
async fn routing_groups_are_made_changed_and_deleted() {
    let world = group().await;
    let (one, other) = (PHONE.to_string(), LEG.to_string());
    let body = json!({"id": "whisper", "routingMode": "OneToOne", "sources": [one],
        "receivers": [other]});
    let response = world.ask("POST", "/audioRoutingGroups", Some(body)).await;
    assert_eq!(response.status(), StatusCode::OK);
    let made = super::body(response).await;
    let context = format!(
        "http://graph.example/v1.0/$metadata#communications/calls('{LEG}')/audioRoutingGroups/$entity"
    );
    assert_eq!(
        made,
        json!({"@odata.context": context, "@odata.type": "#microsoft.graph.audioRoutingGroup",
            "id": "whisper", "routingMode": "oneToOne", "sources": [one], "receivers": [other]})
    );
    let group = RoutingGroup {
        id: "whisper".to_owned(),
        mode: RoutingMode::OneToOne,
        sources: vec![PHONE],
        receivers: vec![LEG],
    };
    let route = |change| Command::Route(change);
    assert_eq!(asked(&world), route(RouteChange::Create(group.clone())));
    *world.script.groups.lock().expect("whole") = vec![group.clone()];

    let body = json!({"routingMode": "multicast", "receivers": [other, one]});
    let path = "/audioRoutingGroups/Whisper";
    let response = world.ask("PATCH", path, Some(body)).await;
    assert_eq!(response.status(), StatusCode::OK);
    let changed = RoutingGroup {
        mode: RoutingMode::Multicast,
        receivers: vec![LEG, PHONE],
        ..group
    };
    assert_eq!(asked(&world), route(RouteChange::Update(changed)));

    let all = super::body(world.ask("GET", "/audioRoutingGroups", None).await).await;
    assert_eq!(all["value"][0]["id"], "whisper");
    let one = super::body(world.ask("GET", path, None).await).await;
    assert_eq!(one["@odata.context"], made["@odata.context"]);
    assert_eq!(one["routingMode"], "oneToOne");
    let none = world.ask("GET", "/audioRoutingGroups/other", None).await;
    let no_group = "404 8522 Audio routing group not found.";
    assert_eq!(refusal(none).await, no_group);
    let none = world
        .ask("PATCH", "/audioRoutingGroups/other", Some(json!({})))
        .await;
    assert_eq!(refusal(none).await, no_group);

    let response = world.ask("DELETE", path, None).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    let deleted = RouteChange::Delete("Whisper".to_owned());
    assert_eq!(asked(&world), route(deleted));
}

#[tokio::test]
async fn the_roster_of_a_call_of_many_can_be_read() {
    let world = group().await;
    let body = super::body(world.ask("GET", "/participants", None).await).await;
    check_json(
        &body,
        expect_test::expect_file!["../../../../../fixtures/graph/participants.json"],
    );
    let one = format!("/participants/{PHONE}?$select=id,isMuted");
    let one = super::body(world.ask("GET", &one, None).await).await;
    assert_eq!(
        one,
        json!({"@odata.context": format!("http://graph.example/v1.0/$metadata#communications/calls('{LEG}')/participants(id,isMuted)/$entity"),
            "@odata.type": "#microsoft.graph.participant", "id": PHONE.to_string(),
            "isMuted": false})
    );
    let muted = "/participants?$filter=isMuted%20eq%20true&$select=id&$count=true";
    let muted = super::body(world.ask("GET", muted, None).await).await;
    assert_eq!(muted["@odata.count"], 1);
    assert_eq!(muted["value"][0]["id"], LEG.to_string());
    let call = "?$select=id&$expand=participants($select=id),operations,audioRoutingGroups";
    let call = super::body(world.ask("GET", call, None).await).await;
    assert_eq!(call["participants"].as_array().map(Vec::len), Some(2));
    assert_eq!(call["participants"][0]["info"], Value::Null);
    assert_eq!(call["operations"][0]["id"], OPERATION.to_string());
    assert_eq!(call["audioRoutingGroups"], json!([]));
}

#[tokio::test]
async fn a_call_of_many_has_a_chat_in_name_only() {
    let world = group().await;
    let body = super::body(world.ask("GET", "", None).await).await;
    assert_eq!(
        body["chatInfo"],
        json!({"@odata.type": "#microsoft.graph.chatInfo", "threadId": format!("19:{CALL}"),
            "messageId": "0"})
    );
    assert_eq!(body["transcription"]["state"], "notStarted");
}

#[tokio::test]
async fn what_is_live_can_be_listed_and_counted() {
    let world = group().await;
    let all = async |options: &str| {
        let path = format!("/v1.0/communications/calls{options}");
        super::body(world.send(world.request("GET", &path, None)).await).await
    };
    let calls = all("").await;
    assert_eq!(calls["value"].as_array().map(Vec::len), Some(1));
    assert_eq!(calls["value"][0]["id"], LEG.to_string());
    assert_eq!(
        calls["@odata.context"],
        "http://graph.example/v1.0/$metadata#communications/calls"
    );
    let none = all("?$filter=state%20eq%20'incoming'").await;
    assert_eq!(none["value"], json!([]));
    let counted = async |path: &str| {
        let path = format!("/v1.0/communications/calls{path}");
        let response = world.send(world.request("GET", &path, None)).await;
        assert_eq!(
            response.headers()["content-type"],
            "text/plain;charset=utf-8"
        );
        let body = response.into_body().collect().await.expect("read");
        String::from_utf8(body.to_bytes().to_vec()).expect("text")
    };
    assert_eq!(counted("/$count").await, "1");
    assert_eq!(counted(&format!("/{LEG}/participants/$count")).await, "2");
    assert_eq!(counted(&format!("/{LEG}/operations/$count")).await, "1");
    assert_eq!(
        counted(&format!("/{LEG}/audioRoutingGroups/$count")).await,
        "0"
    );
    let sharing = format!("/{LEG}/contentSharingSessions/$count");
    assert_eq!(counted(&sharing).await, "0");
    let path = "/contentsharingsessions";
    let sessions = super::body(world.ask("GET", path, None).await).await;
    assert_eq!(sessions["value"], json!([]));
    let one = world.ask("GET", "/contentSharingSessions/1", None).await;
    assert_eq!(
        refusal(one).await,
        "404 8522 Content sharing session not found."
    );
}

#[tokio::test]
async fn permissions_are_asked_for_where_the_documentation_names_them() {
    let media = json!({"@odata.type": "#microsoft.graph.appHostedMediaConfig", "blob": "x"});
    let mut app_hosted = answer();
    app_hosted["mediaConfig"] = media;
    let invite = json!({"participants": [user(BOB)]});
    let none: &[Roles] = &[];
    let cases: [(&str, &str, Value, &[Roles]); 16] = [
        (
            "POST",
            "/redirect",
            json!({"targets": [user(BOB)]}),
            &[Roles::INITIATE],
        ),
        (
            "POST",
            "/transfer",
            json!({"transferTarget": user(BOB), "transferee": user(ADA)}),
            &[Roles::INITIATE],
        ),
        ("POST", "/answer", answer(), &[Roles::JOIN_GROUP_CALL]),
        (
            "POST",
            "/answer",
            app_hosted,
            &[Roles::JOIN_GROUP_CALL_AS_GUEST, Roles::ACCESS_MEDIA],
        ),
        ("POST", "/recordResponse", json!({}), &[Roles::ACCESS_MEDIA]),
        (
            "POST",
            "/subscribeToTone",
            json!({}),
            &[Roles::ACCESS_MEDIA],
        ),
        (
            "POST",
            "/changeScreenSharingRole",
            json!({"role": "viewer"}),
            &[Roles::ACCESS_MEDIA],
        ),
        (
            "POST",
            "/updateRecordingStatus",
            json!({"status": "failed"}),
            &[Roles::JOIN_GROUP_CALL, Roles::ACCESS_MEDIA],
        ),
        (
            "POST",
            "/addLargeGalleryView",
            json!({}),
            &[Roles::INITIATE_GROUP_CALL],
        ),
        (
            "POST",
            "/participants/invite",
            invite,
            &[Roles::INITIATE_GROUP_CALL],
        ),
        (
            "GET",
            "/audioRoutingGroups",
            Value::Null,
            &[Roles::JOIN_GROUP_CALL],
        ),
        (
            "DELETE",
            "/audioRoutingGroups/1",
            Value::Null,
            &[Roles::INITIATE_GROUP_CALL],
        ),
        (
            "GET",
            "/contentSharingSessions",
            Value::Null,
            &[Roles::JOIN_GROUP_CALL, Roles::ACCESS_MEDIA],
        ),
        ("POST", "/mute", json!({}), none),
        ("POST", "/sendDtmfTones", json!({"tones": ["tone1"]}), none),
        ("POST", "/cancelMediaProcessing", json!({}), none),
    ];
    for (method, below, body, roles) in cases {
        let body = (!body.is_null()).then_some(body);
        let world = group().await;
        world.change_view(|view| view.hosting = Hosting::App);
        let with = async |roles: Vec<Roles>, leg: &str| {
            let names = roles.into_iter().collect::<Roles>().names();
            let token = world
                .login
                .access_token_for_tests(&world.bot, names, clock::wall());
            let path = format!("/v1.0/communications/calls/{leg}{below}");
            let body = body.as_ref().map(Value::to_string);
            let mut request = world.request(method, &path, body.as_deref());
            let value = format!("Bearer {token}").parse().expect("a value");
            request.headers_mut().insert("authorization", value);
            world.send(request).await
        };
        let leg = LEG.to_string();
        let allowed = with(roles.to_vec(), &leg).await;
        assert!(
            allowed.status().is_success(),
            "{below}: {}",
            allowed.status()
        );
        for missing in roles {
            let rest = roles.iter().copied().filter(|role| role != missing);
            let refused = with(rest.collect(), &leg).await;
            assert_eq!(
                refusal(refused).await,
                "403 7504 Insufficient enterprise tenant permissions, cannot access this API.",
                "{below}"
            );
        }
        // A call that is not there says so first.
        let nowhere = with(vec![], "99999999-9999-4999-8999-999999999999").await;
        assert_eq!(
            refusal(nowhere).await,
            "404 8522 Call not found.",
            "{below}"
        );
    }
}

#[tokio::test]
async fn what_a_bot_says_when_it_answers_is_shown_again() {
    let world = world().await;
    let mut asked = answer();
    asked["acceptedModalities"] = json!(["audio", "video"]);
    asked["callOptions"] = json!({"@odata.type": "#microsoft.graph.incomingCallOptions",
        "isDeltaRosterEnabled": true});
    let path = format!("/beta/communications/calls/{LEG}/answer");
    let request = world.request("POST", &path, Some(&asked.to_string()));
    assert_eq!(world.send(request).await.status(), StatusCode::ACCEPTED);
    world.outboxes.push(Event {
        leg: LEG,
        number: 1,
        fact: Fact::Establishing,
    });
    let call = super::body(world.ask("GET", "", None).await).await;
    assert_eq!(call["requestedModalities"], json!(["audio", "video"]));
    assert_eq!(call["callOptions"], asked["callOptions"]);
    assert_eq!(call["callbackUri"], "https://bot.example/calls");
    assert!(world.outboxes.papers().of(LEG).is_delta_roster());
}

#[tokio::test]
async fn limits_are_kept_on_both_sides() {
    let world = group().await;
    let users = |many: u32| -> Vec<Value> {
        let id = |n: u32| format!("00000000-0000-4000-8000-{n:012x}");
        (0..many).map(|n| user(&id(n))).collect()
    };
    let legs = |many: u128| -> Vec<String> {
        (1..=many)
            .map(|n| LegId::from_bits(n).to_string())
            .collect()
    };
    let group = |mode: &str, sources: u128, receivers: u128| json!({"routingMode": mode, "sources": legs(sources), "receivers": legs(receivers)});
    let redirect = |timeout: Value| json!({"targets": users(1), "timeout": timeout});
    let tones = |many: usize| json!({"tones": vec!["tone1"; many]});
    let paused = |ms: i64| json!({"tones": ["tone1"], "delayBetweenTonesMs": ms});
    let context = |chars: usize| json!({"clientContext": "ü".repeat(chars)});
    let invite = |many| json!({"participants": users(many)});
    let mute_all = |many| json!({"participants": legs(many)});
    let id = |chars: usize| {
        let mut body = group("multicast", 1, 1);
        body["id"] = json!("x".repeat(chars));
        body
    };
    let groups = "/audioRoutingGroups";
    let (invites, mutes) = ("/participants/invite", "/participants/muteAll");
    for (below, good, bad, name) in [
        (
            "/redirect",
            json!({"targets": users(25)}),
            json!({"targets": users(26)}),
            "targets",
        ),
        (
            "/redirect",
            json!({"targets": users(1)}),
            json!({"targets": []}),
            "targets",
        ),
        (
            "/redirect",
            redirect(json!(15)),
            redirect(json!(14)),
            "timeout",
        ),
        (
            "/redirect",
            redirect(json!(90)),
            redirect(json!(91)),
            "timeout",
        ),
        (
            "/redirect",
            redirect(Value::Null),
            redirect(json!("15")),
            "timeout",
        ),
        (invites, invite(5), invite(6), "participants"),
        (invites, invite(1), invite(0), "participants"),
        ("/sendDtmfTones", tones(100), tones(101), "tones"),
        ("/sendDtmfTones", tones(1), tones(0), "tones"),
        (
            "/sendDtmfTones",
            paused(0),
            paused(-1),
            "delayBetweenTonesMs",
        ),
        (
            "/sendDtmfTones",
            paused(10_000),
            paused(10_001),
            "delayBetweenTonesMs",
        ),
        ("/mute", context(256), context(257), "clientContext"),
        (
            "/cancelMediaProcessing",
            context(256),
            context(257),
            "clientContext",
        ),
        (mutes, mute_all(64), mute_all(65), "participants"),
        (
            groups,
            group("oneToOne", 1, 1),
            group("oneToOne", 2, 1),
            "sources",
        ),
        (
            groups,
            group("oneToOne", 1, 1),
            group("oneToOne", 1, 2),
            "receivers",
        ),
        (
            groups,
            group("multicast", 64, 64),
            group("multicast", 65, 1),
            "sources",
        ),
        (
            groups,
            group("multicast", 1, 1),
            group("multicast", 1, 0),
            "receivers",
        ),
        (groups, id(128), id(129), "id"),
    ] {
        let response = world.ask("POST", below, Some(good)).await;
        assert!(response.status().is_success(), "{below} {name}");
        assert_eq!(world.asked().len(), 1, "{below} {name}");
        let response = world.ask("POST", below, Some(bad)).await;
        let refused = refusal(response).await;
        let wanted = format!("400 8523 The parameter '{name}' ");
        assert!(refused.starts_with(&wanted), "{below}: {refused}");
        assert_eq!(world.asked(), [], "{below} {name}");
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_named_and_nothing_is_asked() {
    let world = group().await;
    let invite = |one: Value| json!({"participants": [one]});
    let two = json!({"identity": {"user": {"id": ADA}, "phone": {"id": "+14255550100"}}});
    let hold = format!("/participants/{PHONE}/startHoldMusic");
    let loopback = json!({"mediaInfo": {"uri": "http://127.0.0.1:1/"}});
    let (invites, groups) = ("/participants/invite", "/audioRoutingGroups");
    let mut replaces = user(BOB);
    replaces["replacesCallId"] = json!("nonsense");
    for (below, body, name) in [
        ("/redirect", json!({}), "targets"),
        ("/redirect", json!({"targets": [{}]}), "targets"),
        (
            "/redirect",
            json!({"targets": [user("nonsense")]}),
            "targets",
        ),
        (
            "/redirect",
            json!({"targets": [user(BOB)], "targetDisposition": "everywhere"}),
            "targetDisposition",
        ),
        (
            "/redirect",
            json!({"targets": [user(BOB)], "callbackUri": "http://bot.example/"}),
            "callbackUri",
        ),
        ("/transfer", json!({}), "transferTarget"),
        (
            "/transfer",
            json!({"transferTarget": {}, "transferee": user(ADA)}),
            "transferTarget",
        ),
        (
            "/transfer",
            json!({"transferTarget": phone("4255550100"), "transferee": user(ADA)}),
            "transferTarget",
        ),
        (
            "/transfer",
            json!({"transferTarget": replaces.clone(), "transferee": user(ADA)}),
            "replacesCallId",
        ),
        (invites, json!({}), "participants"),
        (invites, invite(two), "participants"),
        (invites, invite(phone("+12")), "participants"),
        (invites, invite(phone("+1425555010012345")), "participants"),
        (
            invites,
            invite(json!({"identity": {"device": {"id": BOB}}})),
            "participants",
        ),
        (
            invites,
            invite(json!({"identity": {"application": {"id": "x"}}})),
            "participants",
        ),
        (
            invites,
            json!({"participants": [user(BOB), user(BOB)]}),
            "participants",
        ),
        (invites, invite(replaces), "replacesCallId"),
        ("/sendDtmfTones", json!({}), "tones"),
        ("/sendDtmfTones", json!({"tones": ["flash"]}), "tones"),
        ("/sendDtmfTones", json!({"tones": [7]}), "tones"),
        ("/changeScreenSharingRole", json!({}), "role"),
        (
            "/changeScreenSharingRole",
            json!({"role": "painter"}),
            "role",
        ),
        ("/updateRecordingStatus", json!({}), "status"),
        (
            "/updateRecordingStatus",
            json!({"status": "unknown"}),
            "status",
        ),
        (
            "/participants/muteAll",
            json!({"participants": ["x"]}),
            "participants",
        ),
        (&hold, json!({"customPrompt": {}}), "customPrompt"),
        (&hold, json!({"customPrompt": loopback}), "customPrompt"),
        (
            groups,
            json!({"sources": [], "receivers": []}),
            "routingMode",
        ),
        (groups, json!({"routingMode": "manyToMany"}), "routingMode"),
        (
            groups,
            json!({"routingMode": "multicast", "sources": ["x"]}),
            "sources",
        ),
    ] {
        let response = world.ask("POST", below, Some(body.clone())).await;
        let refused = refusal(response).await;
        let wanted = format!("400 8523 The parameter '{name}' ");
        assert!(refused.starts_with(&wanted), "{below} {body}: {refused}");
        assert_eq!(world.asked(), [], "{below} {body}");
    }
    let elsewhere = json!({"identity": {"user": {"id": BOB,
        "tenantId": "99999999-9999-4999-8999-999999999999"}}});
    let response = world.ask("POST", invites, Some(invite(elsewhere))).await;
    assert_eq!(
        refusal(response).await,
        "400 8517 Action not supported, the parties belong to different tenants."
    );
}
