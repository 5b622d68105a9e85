//! Where a bot would send us and may not: refused, and its call lives on.

use super::*;

/// This machine, its neighbours and what clouds keep for themselves, in every spelling.
const PRIVATE: [&str; 14] = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "localhost",
    "x.localhost",
    "10.0.0.1",
    "192.168.0.1",
    "169.254.169.254",
    "[::1]",
    "[fe80::1]",
    "[::ffff:10.0.0.1]",
    "[64:ff9b::7f00:1]",
];

#[tokio::test]
async fn no_url_of_a_bot_leads_into_private_networks() {
    let roles = [Roles::INITIATE, Roles::ACCESS_MEDIA];
    let world = World::with(|bot| bot.roles = roles.into_iter().collect()).await;
    let hold = format!("/participants/{PHONE}/startHoldMusic");
    let targets = json!([{"identity": {"user": {"id": LEG.to_string()}}}]);
    for host in PRIVATE {
        let url = format!("https://{host}/x");
        let prompt = json!({"mediaInfo": {"uri": url}});
        let mut taken = answer();
        taken["callbackUri"] = json!(url);
        let mut fetched = answer();
        fetched["mediaConfig"]["preFetchMedia"] = json!([{"uri": url, "resourceId": "r"}]);
        for (below, body) in [
            ("/playPrompt", json!({ "prompts": [prompt] })),
            ("/recordResponse", json!({ "prompts": [prompt] })),
            (&*hold, json!({ "customPrompt": prompt })),
            ("/answer", taken),
            ("/answer", fetched),
            ("/reject", json!({ "callbackUri": url })),
            ("/redirect", json!({"targets": targets, "callbackUri": url})),
        ] {
            let response = world.ask("POST", below, Some(body)).await;
            let refused = refusal(response).await;
            assert!(
                refused.starts_with("400 8523 "),
                "{below} {host}: {refused}"
            );
            assert!(
                refused.contains("private, loopback"),
                "{below} {host}: {refused}"
            );
        }
        let created = json!({"callbackUri": url, "requestedModalities": ["audio"],
            "mediaConfig": answer()["mediaConfig"], "targets": targets});
        let calls = "/v1.0/communications/calls";
        let request = world.request("POST", calls, Some(&created.to_string()));
        let refused = refusal(world.send(request).await).await;
        assert!(
            refused.starts_with("400 8523 The parameter 'callbackUri' "),
            "{refused}"
        );
        assert_eq!(world.asked(), [], "{host}");
        assert_eq!(world.ask("GET", "", None).await.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn a_body_of_ten_megabytes_leaves_the_call_alive() {
    let world = World::new().await;
    let path = format!("/v1.0/communications/calls/{LEG}/playPrompt");
    let large = format!("{{\"clientContext\":\"{}\"}}", "x".repeat(10 << 20));
    let deep = format!(
        "{{\"prompts\":{}1{}}}",
        "[".repeat(9_000),
        "]".repeat(9_000)
    );
    let large = refusal(world.send(world.request("POST", &path, Some(&large))).await).await;
    assert_eq!(
        large,
        "413 BadRequest The request body is larger than 256 KiB."
    );
    let deep = refusal(world.send(world.request("POST", &path, Some(&deep))).await).await;
    assert!(
        deep.starts_with("400 BadRequest Unable to read JSON"),
        "{deep}"
    );
    assert_eq!(world.asked(), []);
    assert_eq!(world.ask("GET", "", None).await.status(), StatusCode::OK);
}
