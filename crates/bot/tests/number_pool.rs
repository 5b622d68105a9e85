//! The client of a broker of numbers, over HTTP.

use offhook_bot::telephony::{NumberPool, NumberPoolFault};
use serde_json::{Value, json};
use wiremock::matchers::{body_json, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

#[tokio::test]
async fn context_is_left_and_taken() {
    let server = MockServer::start().await;
    let context = json!({"UserName": "Ada"});
    Mock::given(method("POST"))
        .and(path("/broker/s/key"))
        .and(body_json(&context))
        .respond_with(ResponseTemplate::new(200).set_body_string("14255550170"))
        .mount(&server)
        .await;
    for (number, answer) in [
        ("14255550170", context.to_string()),
        ("1", "{}".into()),
        ("2", "null".into()),
        ("3", String::new()),
        ("4", "7".into()),
    ] {
        Mock::given(method("GET"))
            .and(path(format!("/broker/s/key/{number}")))
            .respond_with(ResponseTemplate::new(200).set_body_string(answer))
            .mount(&server)
            .await;
    }
    let pool = NumberPool::new(&format!("{}/broker/s/key", server.uri())).expect("a URL");
    let given = context.as_object().expect("an object");
    let number = pool.leave(given).await.expect("a number");
    assert_eq!(number.reveal(), "+14255550170");
    assert_eq!(pool.take(number.reveal()).await.expect("there"), *given);
    for nothing in ["1", "+2", "3"] {
        assert!(pool.take(nothing).await.expect("nothing").is_empty());
    }
    let odd = pool.take("4").await;
    assert!(matches!(odd, Err(NumberPoolFault::Unreadable)), "{odd:?}");
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let server = MockServer::start().await;
    for (verb, status) in [("POST", 503), ("DELETE", 401)] {
        Mock::given(method(verb))
            .respond_with(ResponseTemplate::new(status))
            .mount(&server)
            .await;
    }
    let pool = NumberPool::new(&server.uri()).expect("a URL");
    let none = pool.leave(&serde_json::Map::<String, Value>::new()).await;
    assert!(matches!(none, Err(NumberPoolFault::NoneFree)), "{none:?}");
    let refused = pool.release("+1").await;
    assert!(
        matches!(refused, Err(NumberPoolFault::Refused(status)) if status == 401),
        "{refused:?}"
    );
    assert!(NumberPool::new("no address").is_err());
}
