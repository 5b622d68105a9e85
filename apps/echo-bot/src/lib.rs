//! The echo bot: the smallest bot of the Telephony channel that is of any use.
//!
//! It is told what a caller does, and says it again. It answers each request with what it has to say
//! (`deliveryMode`: `expectReplies`), so it needs no way to the platform, no secret and no settings.
//!
//! ```
//! use offhook_bot::wire::activity::Activity;
//!
//! let key = r#"{"type": "message", "text": "5", "entities": [{"type": "DTMF"}]}"#;
//! let key: Activity = serde_json::from_str(key).unwrap();
//! let said = offhook_echo_bot::replies(&key);
//! assert_eq!(said[0].text.as_ref().unwrap().reveal(), "You pressed 5.");
//! ```

use axum::routing::post;
use axum::{Json, Router};
use offhook_bot::Private;
use offhook_bot::wire::activity::{Activity, kind};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Where the bot is told of calls.
pub const PATH: &str = "/api/messages";

/// A running bot. It stops when it is dropped.
#[derive(Debug)]
pub struct Running(JoinHandle<()>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Starts the bot at this door.
pub fn start_on(listener: TcpListener) -> Running {
    let routes = Router::new().route(PATH, post(told));
    Running(tokio::spawn(async move {
        // Serving ends with the process, or when the bot is stopped.
        let _ = axum::serve(listener, routes).await;
    }))
}

async fn told(Json(activity): Json<Activity>) -> Json<Value> {
    Json(json!({ "activities": replies(&activity) }))
}

/// What the bot says to what it is told.
pub fn replies(told: &Activity) -> Vec<Activity> {
    if told.is(kind::CONVERSATION_UPDATE) {
        let welcome =
            "Hello. Press a key, or say something, and I say it again. Press hash to end.";
        return vec![say(welcome)];
    }
    let text = told.text.as_ref().map(Private::reveal);
    let Some(text) = text.filter(|_| told.is(kind::MESSAGE)) else {
        return Vec::new();
    };
    let entities = told.entities.as_deref().unwrap_or_default();
    let is_key = entities
        .iter()
        .any(|entity| entity.kind.as_deref() == Some("DTMF"));
    match (is_key, text.as_str()) {
        (true, "#") => vec![say("Good bye."), Activity::new(kind::END_OF_CONVERSATION)],
        (true, "*") => vec![say("You pressed star.")],
        (true, key) => vec![say(&format!("You pressed {key}."))],
        (false, words) => vec![say(&format!("You said: {words}."))],
    }
}

fn say(words: &str) -> Activity {
    Activity {
        text: Some(Private::new(words.to_owned())),
        ..Activity::new(kind::MESSAGE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(told: Value) -> Vec<String> {
        let told = serde_json::from_value(told).expect("an activity");
        let said = replies(&told).into_iter();
        said.map(|one| {
            one.text
                .map_or_else(|| "the end".to_owned(), Private::into_inner)
        })
        .collect()
    }

    #[test]
    fn everything_is_said_again() {
        let key =
            |key: &str| json!({"type": "message", "text": key, "entities": [{"type": "DTMF"}]});
        assert_eq!(said(key("5")), ["You pressed 5."]);
        assert_eq!(said(key("#")), ["Good bye.", "the end"]);
        assert_eq!(
            said(json!({"type": "message", "text": "yes"})),
            ["You said: yes."]
        );
        assert_eq!(said(json!({"type": "conversationUpdate"})).len(), 1);
        for nothing in [
            json!({}),
            json!({"type": "endOfConversation"}),
            json!({"type": "message"}),
        ] {
            assert!(said(nothing).is_empty());
        }
    }
}
