//! Whole calls of the calling bot against a scripted platform, and what can go wrong in them.

mod platform;

use platform::{CALL, Platform, Script, files, recording};
use serde_json::json;

/// The address of the one prompt of a request.
fn prompt_of(asked: &platform::Asked) -> String {
    let prompts = asked.body["prompts"].as_array().expect("prompts");
    assert_eq!(prompts.len(), 1);
    let uri = &prompts[0]["mediaInfo"]["uri"];
    uri.as_str().expect("an address").to_owned()
}

#[tokio::test]
async fn a_message_is_recorded_played_back_and_deleted() {
    let platform = Platform::start(Script::default()).await;
    platform.until_it_records().await;
    let asked = platform
        .asked(&["POST answer", "POST recordResponse"])
        .await;
    let base = &platform.bot.base_url;

    let answer = &asked[0].body;
    assert_eq!(answer["callbackUri"], json!(format!("{base}/callback")));
    assert_eq!(answer["acceptedModalities"], json!(["audio"]));
    assert_eq!(
        answer["mediaConfig"]["@odata.type"],
        "#microsoft.graph.serviceHostedMediaConfig"
    );
    let record = &asked[1].body;
    assert_eq!(record["maxRecordDurationInSeconds"], 10);
    assert_eq!(record["stopTones"], json!(["#", "1", "*"]));
    assert_eq!(record["playBeep"], true);
    assert!(record["clientContext"].is_string());
    let (status, prompt) = platform.fetch(&prompt_of(&asked[1])).await;
    assert_eq!(status, 200);
    assert_eq!(prompt[..4], *b"RIFF");

    platform.recorded(0).await;
    let asked = platform
        .asked(&["POST answer", "POST recordResponse", "POST playPrompt"])
        .await;
    let echo = prompt_of(&asked[2]);
    assert!(echo.starts_with(&format!("{base}/media/")));
    assert_eq!(
        platform.fetch(&echo).await,
        (http::StatusCode::OK, recording())
    );
    assert_eq!(files(platform.data.path()).len(), 1);

    platform.played(1).await;
    platform
        .asked(&[
            "POST answer",
            "POST recordResponse",
            "POST playPrompt",
            "POST recordResponse",
        ])
        .await;
    platform.no_file_is_left().await;
    assert_eq!(platform.fetch(&echo).await.0, 404);

    // The second and last round ends in goodbye.
    platform.recorded(2).await;
    let one_more = [
        "POST answer",
        "POST recordResponse",
        "POST playPrompt",
        "POST recordResponse",
        "POST playPrompt",
        "POST playPrompt",
        "DELETE call",
    ];
    platform.asked(&one_more[..5]).await;
    platform.played(3).await;
    let asked = platform.asked(&one_more[..6]).await;
    assert!(prompt_of(&asked[5]).ends_with("/prompts/goodbye.wav"));
    platform.played(4).await;
    platform.asked(&one_more).await;
    platform.call_is(9, "terminated", None).await;
    platform.bot.stop().await;
}

#[tokio::test]
async fn established_counts_once_however_it_is_told() {
    let platform = Platform::start(Script::default()).await;
    platform.call_is(1, "incoming", None).await;
    platform.asked(&["POST answer"]).await;
    // Out of order, repeated, and with a key press that says "established" along with the key.
    platform.call_is(4, "established", Some("active")).await;
    platform.call_is(2, "establishing", None).await;
    platform.call_is(3, "established", None).await;
    platform.call_is(4, "established", Some("active")).await;
    platform.call_is(5, "established", Some("active")).await;
    let tone = json!({"@odata.type": "#microsoft.graph.call", "state": "established",
        "toneInfo": {"sequenceId": 1, "tone": "tone5"}});
    platform.tell("updated", "", tone).await;
    platform.call_is(6, "established", Some("active")).await;
    // Whatever it did by mistake would come before what it does for this.
    platform.recorded(0).await;
    platform
        .asked(&["POST answer", "POST recordResponse", "POST playPrompt"])
        .await;
    platform.bot.stop().await;
}

#[tokio::test]
async fn a_silent_caller_is_asked_again_once_and_then_left() {
    let platform = Platform::start(Script::default()).await;
    platform.until_it_records().await;
    let silent = json!({"status": "failed", "completionReason": "initialSilenceTimeout",
        "resultInfo": {"code": 400, "subcode": 8510}, "recordingLocation": "", "recordingAccessToken": ""});
    platform.operation_ended(0, "record", silent.clone()).await;
    let asked = platform
        .asked(&["POST answer", "POST recordResponse", "POST recordResponse"])
        .await;
    assert!(prompt_of(&asked[2]).ends_with("/prompts/nothing-heard.wav"));
    platform.operation_ended(1, "record", silent).await;
    let all = [
        "POST answer",
        "POST recordResponse",
        "POST recordResponse",
        "POST playPrompt",
        "DELETE call",
    ];
    platform.asked(&all[..4]).await;
    platform.played(2).await;
    platform.asked(&all).await;
    platform.bot.stop().await;
}

#[tokio::test]
async fn a_message_that_cannot_be_fetched_is_tried_three_times_and_leaves_nothing() {
    for script in [
        Script {
            recordings_are_gone: true,
            ..Script::default()
        },
        Script {
            recordings_are_no_wav: true,
            ..Script::default()
        },
    ] {
        let tries = if script.recordings_are_gone { 3 } else { 1 };
        let platform = Platform::start(script).await;
        platform.until_it_records().await;
        platform.recorded(0).await;
        platform
            .asked(&["POST answer", "POST recordResponse", "POST recordResponse"])
            .await;
        assert_eq!(platform.downloads(), tries);
        assert!(files(platform.data.path()).is_empty());
        platform.bot.stop().await;
    }
}

#[tokio::test]
async fn an_echo_that_fails_leaves_no_file() {
    let platform = Platform::start(Script::default()).await;
    platform.until_it_records().await;
    platform.recorded(0).await;
    platform
        .asked(&["POST answer", "POST recordResponse", "POST playPrompt"])
        .await;
    let failed = json!({"status": "failed", "resultInfo": {"code": 400, "subcode": 8536}});
    platform.operation_ended(1, "playPrompt", failed).await;
    platform
        .asked(&[
            "POST answer",
            "POST recordResponse",
            "POST playPrompt",
            "POST recordResponse",
        ])
        .await;
    platform.no_file_is_left().await;
    platform.bot.stop().await;
}

#[tokio::test]
async fn an_echo_that_is_refused_leaves_no_file_and_the_caller_is_not_left_waiting() {
    let platform = Platform::start(Script {
        prompts_are_refused: true,
        ..Script::default()
    })
    .await;
    platform.until_it_records().await;
    platform.recorded(0).await;
    let all = [
        "POST answer",
        "POST recordResponse",
        "POST playPrompt",
        "POST recordResponse",
    ];
    platform.asked(&all).await;
    platform.no_file_is_left().await;
    platform.bot.stop().await;
}

#[tokio::test]
async fn a_call_that_ends_in_the_middle_leaves_no_file() {
    let platform = Platform::start(Script::default()).await;
    platform.until_it_records().await;
    platform.recorded(0).await;
    let all = ["POST answer", "POST recordResponse", "POST playPrompt"];
    platform.asked(&all).await;
    assert_eq!(files(platform.data.path()).len(), 1);
    platform.call_is(7, "terminated", None).await;
    platform.no_file_is_left().await;
    // What comes late changes nothing.
    platform.call_is(8, "established", Some("active")).await;
    platform.played(1).await;
    platform.asked(&all).await;
    platform.bot.stop().await;
}

#[tokio::test]
async fn going_down_leaves_the_calls_and_no_file() {
    let platform = Platform::start(Script::default()).await;
    platform.until_it_records().await;
    platform.recorded(0).await;
    platform
        .asked(&["POST answer", "POST recordResponse", "POST playPrompt"])
        .await;
    let Platform { bot, data, .. } = platform;
    bot.stop().await;
    assert!(files(data.path()).is_empty());
}

#[tokio::test]
async fn a_call_of_an_earlier_life_is_left() {
    let platform = Platform::start(Script::default()).await;
    platform.call_is(4, "established", Some("active")).await;
    platform.asked(&["DELETE call"]).await;
    platform.bot.stop().await;
}

#[tokio::test]
async fn what_a_crash_left_is_deleted_at_start_and_nothing_else() {
    let data = tempfile::tempdir().expect("a folder");
    let messages = data.path().join("messages");
    std::fs::create_dir_all(&messages).expect("a folder");
    for name in ["old.wav", "half.part", "notes.txt"] {
        std::fs::write(messages.join(name), CALL).expect("a file");
    }
    let mut config = offhook_calling_bot::Config::new("app", "secret", "tenant", data.path());
    config.listen = "127.0.0.1:0".parse().expect("an address");
    let bot = offhook_calling_bot::start(config)
        .await
        .expect("the bot starts");
    assert_eq!(files(data.path()), [messages.join("notes.txt")]);
    bot.stop().await;
}

#[tokio::test]
async fn nothing_but_messages_is_served() {
    let platform = Platform::start(Script::default()).await;
    let base = &platform.bot.base_url;
    for path in [
        "/media/x.wav",
        "/media/..%2f..%2fsecret.wav",
        "/media/",
        "/prompts/x.wav",
        "/",
    ] {
        assert_eq!(
            platform.fetch(&format!("{base}{path}")).await.0,
            404,
            "{path}"
        );
    }
    platform.bot.stop().await;
}
