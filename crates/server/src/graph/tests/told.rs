//! What bots are told of calls of many, of transfers and of calls they made: golden files.

use expect_test::expect_file;

use super::*;

const BETA: Version = Version::Beta;

fn participant(leg: LegId, party: Party, changed: u64) -> Participant {
    Participant {
        leg,
        party,
        is_muted: false,
        is_held: false,
        recording: RecordingStatus::Unknown,
        shares_screen: false,
        changed,
    }
}

fn bob() -> Party {
    Party::Person {
        id: PersonId::from_bits(0x7777_7777_7777_4777_8777_7777_7777_7777),
        name: Private::new("Bob".to_owned()),
    }
}

fn phone() -> Party {
    Party::Phone {
        number: Private::new("+14255550100".to_owned()),
    }
}

const OTHER: LegId = LegId::from_bits(0x6666_6666_6666_4666_8666_6666_6666_6666);

fn roster(world: &World) -> Fact {
    let mut bot = participant(LEG, Party::Bot { app: world.bot.app }, 1);
    bot.recording = RecordingStatus::Recording;
    let mut ada = participant(PHONE, ada(), 4);
    ada.is_muted = true;
    ada.is_held = true;
    Fact::RosterChanged(Roster {
        participants: vec![bot, ada],
        left: vec![participant(OTHER, bob(), 2)],
        sequence: 4,
    })
}

fn delta() -> Paper {
    Paper {
        options: Some(offhook_wire::graph::CallOptions {
            is_delta_roster_enabled: Some(true),
            ..Default::default()
        }),
        ..Paper::default()
    }
}

#[tokio::test]
async fn a_roster_is_told_whole() {
    let world = World::new().await;
    check_json(
        &told(&world, roster(&world)),
        expect_file!["../../../../../fixtures/graph/roster.json"],
    );
}

#[tokio::test]
async fn a_delta_roster_has_what_changed_once_the_rest_is_known() {
    let world = World::new().await;
    let delta = delta();
    let told = told_with(&world, roster(&world), &ada(), true, &delta).expect("a word");
    check_json(
        &told,
        expect_file!["../../../../../fixtures/graph/roster-delta.json"],
    );
    // The outbox knows what the bot knows: its first roster is whole.
    world.outboxes.papers().file(LEG, delta);
    let posted = |number| {
        world.outboxes.push(Event {
            leg: LEG,
            number,
            fact: roster(&world),
        });
        let body: Value = serde_json::from_str(&world.outboxes.last_for_tests(LEG)).expect("JSON");
        let roster = body["resourceData"].as_array().expect("a list").clone();
        roster.len()
    };
    assert_eq!(posted(1), 2, "both who are there");
    assert_eq!(posted(2), 2, "who changed, and who left");
    let body: Value = serde_json::from_str(&world.outboxes.last_for_tests(LEG)).expect("JSON");
    assert_eq!(body["resourceData"][1]["removedState"]["reason"], "Removed");
}

#[tokio::test]
async fn a_transfer_is_told_step_by_step() {
    let world = World::new().await;
    let facts = [
        Fact::Transferring,
        Fact::TransferAccepted,
        Fact::Terminated(Ending::Transferred),
        Fact::TransferFailed {
            consultative: false,
            why: NotReached::Busy,
        },
        Fact::TransferFailed {
            consultative: true,
            why: NotReached::Busy,
        },
    ];
    let all = facts.map(|fact| told(&world, fact)["resourceData"].take());
    check_json(
        &Value::from(all.to_vec()),
        expect_file!["../../../../../fixtures/graph/transfer.json"],
    );
    let beta = Paper {
        version: BETA,
        ..Paper::default()
    };
    let ended = Fact::Terminated(Ending::Transferred);
    let ended = told_with(&world, ended, &ada(), false, &beta).expect("a word");
    assert_eq!(ended["resourceData"]["terminationReason"], "AppTransferred");
}

#[tokio::test]
async fn a_redirected_call_is_told_of_in_full() {
    let world = World::new().await;
    check_json(
        &told(&world, Fact::Terminated(Ending::Redirected)),
        expect_file!["../../../../../fixtures/graph/redirected.json"],
    );
}

#[tokio::test]
async fn ringing_is_told_to_those_who_know_the_word() {
    let world = World::new().await;
    let v1 = told_with(&world, Fact::Ringing, &ada(), false, &Paper::default());
    assert_eq!(v1, None);
    let paper = Paper {
        version: BETA,
        ..Paper::default()
    };
    let beta = told_with(&world, Fact::Ringing, &ada(), false, &paper).expect("a word");
    assert_eq!(beta["resourceData"]["state"], "ringing");
    assert_eq!(beta["changeType"], "updated");
}

#[tokio::test]
async fn every_notification_of_a_meeting_names_it() {
    let world = World::new().await;
    let paper: Paper = meeting();
    let told = |fact| told_with(&world, fact, &ada(), true, &paper).expect("a word");
    check_json(
        &told(Fact::Established),
        expect_file!["../../../../../fixtures/graph/meeting-established.json"],
    );
    for fact in [
        Fact::Establishing,
        Fact::AudioFlows,
        Fact::Terminating,
        Fact::Terminated(Ending::BotHungUp),
    ] {
        let data = told(fact)["resourceData"].take();
        assert_eq!(data["chatInfo"]["threadId"], "19:meeting_x@thread.v2");
        assert_eq!(
            data["meetingInfo"]["@odata.type"],
            "#microsoft.graph.organizerMeetingInfo"
        );
    }
}

fn meeting() -> Paper {
    let read = |value: Value| serde_json::from_value(value).expect("a call");
    let call: offhook_wire::graph::Call = read(json!({
        "chatInfo": {"threadId": "19:meeting_x@thread.v2", "messageId": "0"},
        "meetingInfo": {"organizer": {"user": {"id": "u", "tenantId": "t"}},
            "allowConversationWithoutHost": true}}));
    Paper {
        chat: call.chat_info,
        meeting: call.meeting_info,
        ..Paper::default()
    }
}

#[tokio::test]
async fn a_call_that_came_another_way_says_which() {
    let world = World::new().await;
    let incoming = |came_by| {
        let caller = Caller {
            party: ada(),
            leg: PHONE,
            came_by,
        };
        let fact = Fact::Incoming {
            caller: ada(),
            caller_leg: PHONE,
            came_by: caller.came_by.clone(),
            is_group: false,
        };
        let told = told_from(&world, fact, &caller, false, &Paper::default());
        told.expect("a word")["resourceData"].take()
    };
    let forwarded = incoming(CameBy::Forwarded { original: bob() });
    check_json(
        &forwarded["callRoutes"],
        expect_file!["../../../../../fixtures/graph/call-routes.json"],
    );
    let transferred = incoming(CameBy::Transferred { transferor: bob() });
    assert_eq!(
        transferred["incomingContext"]["transferor"]["user"]["displayName"],
        "Bob"
    );
    assert_eq!(incoming(CameBy::Called)["callRoutes"], json!([]));
}

#[tokio::test]
async fn operations_of_calls_of_many_end_as_published() {
    let world = World::new().await;
    let ended = |kind, outcome| {
        let fact = Fact::OperationEnded {
            operation: OPERATION,
            kind,
            context: Some("c1".to_owned()),
            outcome,
        };
        told(&world, fact)
    };
    let invite = || OperationKind::Invite {
        invitees: vec![Invitee::new(PHONE, bob()), Invitee::new(OTHER, phone())],
    };
    check_json(
        &ended(invite(), Outcome::Done),
        expect_file!["../../../../../fixtures/graph/invited.json"],
    );
    check_json(
        &ended(OperationKind::SendTones, Outcome::Done),
        expect_file!["../../../../../fixtures/graph/tones-sent.json"],
    );
    let table: String = [
        (invite(), Outcome::NotReached(NotReached::Declined)),
        (invite(), Outcome::NotReached(NotReached::Busy)),
        (invite(), Outcome::NotReached(NotReached::NoAnswer)),
        (invite(), Outcome::NotReached(NotReached::Nobody)),
        (invite(), Outcome::NotReached(NotReached::Unreachable)),
        (invite(), Outcome::NotReached(NotReached::NotRouted)),
        (invite(), Outcome::NotReached(NotReached::NoCommonMedia)),
        (invite(), Outcome::NotReached(NotReached::Refused)),
        (invite(), Outcome::NotReached(NotReached::Cancelled)),
        (invite(), Outcome::Cancelled),
        (OperationKind::SendTones, Outcome::Cancelled),
        (OperationKind::SendTones, Outcome::TonesFailed),
        (OperationKind::StartHoldMusic, Outcome::Done),
        (
            OperationKind::StartHoldMusic,
            Outcome::PromptFailed(PlayFault::Download),
        ),
        (OperationKind::StartHoldMusic, Outcome::Cancelled),
        (OperationKind::StopHoldMusic, Outcome::Done),
        (OperationKind::AddLargeGalleryView, Outcome::Done),
    ]
    .into_iter()
    .map(|(kind, outcome)| {
        let told = ended(kind, outcome);
        let data = &told["resourceData"];
        let info = &data["resultInfo"];
        let tag = data["@odata.type"].as_str().expect("text");
        format!(
            "{:<28} {:<9} {:<24} {}/{} {}\n",
            tag.trim_start_matches("#microsoft.graph."),
            data["status"].as_str().expect("text"),
            data["completionReason"].as_str().unwrap_or("-"),
            info["code"],
            info["subcode"],
            info["message"].as_str().expect("text"),
        )
    })
    .collect();
    expect![[r#"
        inviteParticipantsOperation  failed    -                        603/8538 The callee declined the call.
        inviteParticipantsOperation  failed    -                        486/8539 The callee is busy.
        inviteParticipantsOperation  failed    -                        408/10057 The callee did not answer in time.
        inviteParticipantsOperation  failed    -                        480/10037 No callee endpoints were found.
        inviteParticipantsOperation  failed    -                        480/10076 The callee could not be reached.
        inviteParticipantsOperation  failed    -                        480/10134 The call cannot be routed.
        inviteParticipantsOperation  failed    -                        480/10134 The call cannot be routed: no common media.
        inviteParticipantsOperation  failed    -                        480/8541 The callee is unavailable.
        inviteParticipantsOperation  failed    -                        487/8542 The call was cancelled before it was answered.
        inviteParticipantsOperation  failed    -                        400/8508 Action failed, the operation was cancelled.
        sendDtmfTonesOperation       completed mediaOperationCanceled   400/8508 Action failed, the operation was cancelled.
        sendDtmfTonesOperation       completed unknown                  500/9999 Action failed, the tones could not be sent.
        startHoldMusicOperation      completed -                        200/0 Action completed successfully.
        startHoldMusicOperation      failed    -                        400/8536 Action failed, file could not be downloaded.
        startHoldMusicOperation      failed    -                        400/8508 Action failed, the operation was cancelled.
        stopHoldMusicOperation       completed -                        200/0 Action completed successfully.
        addLargeGalleryViewOperation completed -                        200/0 Action completed successfully.
    "#]].assert_eq(&table);
}

#[tokio::test]
async fn calls_that_were_made_end_as_published() {
    let world = World::new().await;
    let table: String = [
        Ending::NotReached(NotReached::Declined),
        Ending::NotReached(NotReached::Busy),
        Ending::NotReached(NotReached::NoAnswer),
        Ending::NotReached(NotReached::Nobody),
        Ending::NotReached(NotReached::Unreachable),
        Ending::NotReached(NotReached::NotRouted),
        Ending::NotReached(NotReached::NoCommonMedia),
        Ending::NotReached(NotReached::Refused),
        Ending::NotReached(NotReached::Cancelled),
        Ending::Transferred,
        Ending::Redirected,
        Ending::Removed,
        Ending::OthersLeft,
    ]
    .into_iter()
    .map(|ending| {
        let told = told(&world, Fact::Terminated(ending));
        let info = &told["resourceData"]["resultInfo"];
        let message = info["message"].as_str().expect("text");
        format!(
            "{ending:?}: {}/{} {message}\n",
            info["code"], info["subcode"]
        )
    })
    .collect();
    expect![[r#"
        NotReached(Declined): 603/8538 The callee declined the call.
        NotReached(Busy): 486/8539 The callee is busy.
        NotReached(NoAnswer): 408/10057 The callee did not answer in time.
        NotReached(Nobody): 480/10037 No callee endpoints were found.
        NotReached(Unreachable): 480/10076 The callee could not be reached.
        NotReached(NotRouted): 480/10134 The call cannot be routed.
        NotReached(NoCommonMedia): 480/10134 The call cannot be routed: no common media.
        NotReached(Refused): 480/8541 The callee is unavailable.
        NotReached(Cancelled): 487/8542 The call was cancelled before it was answered.
        Transferred: 0/7015 GracefulTransferCompleted
        Redirected: 200/5003 The call was redirected.
        Removed: 200/5000 Removed from the call by another participant.
        OthersLeft: 200/5010 Only one participant remained in the call.
    "#]]
    .assert_eq(&table);
}

#[tokio::test]
async fn the_gallery_is_shown_once_it_was_added() {
    let world = World::new().await;
    let ended = |outcome| Event {
        leg: LEG,
        number: 1,
        fact: Fact::OperationEnded {
            operation: OPERATION,
            kind: OperationKind::AddLargeGalleryView,
            context: None,
            outcome,
        },
    };
    world.outboxes.push(ended(Outcome::Cancelled));
    assert!(!world.outboxes.papers().of(LEG).has_gallery);
    world.outboxes.push(ended(Outcome::Done));
    let paper = world.outboxes.papers().of(LEG);
    let told = told_with(&world, roster(&world), &ada(), true, &paper).expect("a word");
    let streams = &told["resourceData"][0]["mediaStreams"];
    assert_eq!(streams[1]["label"], "large-gallery-view");
}
