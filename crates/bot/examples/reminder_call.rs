//! Calls somebody to remind them, plays a WAV file, and takes `1` for "I will be there". Calls again after a minute, up
//! to three times, as long as nobody pressed it.
//!
//! ```text
//! cargo run --release -- demo --bot http://127.0.0.1:3979/callback
//! APP_ID=… SECRET=… TENANT=… cargo run -p offhook-bot --example reminder_call -- http://127.0.0.1:8080 ADA reminder.wav
//! ```
//!
//! `ADA` is the id of a person of the platform, or a number with `+`.

use std::sync::Mutex;
use std::time::Duration;

use axum::routing::get;
use offhook_bot::wire::graph::{
    Call, Identity, IdentitySet, InvitationParticipantInfo, MediaConfig, Modality,
    PlayPromptRequest, ToneName,
};
use offhook_bot::{
    CallId, Event, GraphClient, GraphConfig, GraphFault, NotificationRouter, RouterConfig, prompt,
};
use tokio::sync::watch;

const HERE: &str = "http://127.0.0.1:3979";
const TRIES: u32 = 3;

/// How far the call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    Open,
    Confirmed,
    Over,
}

struct Reminder {
    graph: GraphClient,
    course: watch::Sender<Course>,
    begun: Mutex<bool>,
}

impl Reminder {
    fn new(graph: GraphClient) -> Self {
        Self {
            graph,
            course: watch::Sender::new(Course::Open),
            begun: Mutex::new(false),
        }
    }

    async fn call(&self, whom: &str) -> Result<(), GraphFault> {
        let kind = if whom.starts_with('+') {
            "phone"
        } else {
            "user"
        };
        self.course.send_replace(Course::Open);
        *self.begun.lock().expect("nobody panics with it") = false;
        let whom = IdentitySet::one(kind, Identity::new(whom));
        let call = Call {
            callback_uri: Some(format!("{HERE}/callback")),
            requested_modalities: Some(vec![Modality::Audio]),
            media_config: Some(MediaConfig::service()),
            targets: Some(vec![InvitationParticipantInfo::new(whom)]),
            ..Call::default()
        };
        self.graph.create_call(&call).await.map(drop)
    }

    async fn react(&self, call: &CallId, event: Event) -> Result<(), GraphFault> {
        match event {
            Event::Established {
                audio_active: true, ..
            } => {
                // It is told again when anything about the call changes.
                if std::mem::replace(
                    &mut *self.begun.lock().expect("nobody panics with it"),
                    true,
                ) {
                    return Ok(());
                }
                self.graph.subscribe_to_tone(call).await?;
                let words = PlayPromptRequest {
                    prompts: Some(vec![prompt(&format!("{HERE}/reminder.wav"), None)]),
                    ..PlayPromptRequest::default()
                };
                self.graph.play_prompt(call, words).await?;
            }
            Event::Tone { tone, .. } if *tone.reveal() == ToneName::Tone1 => {
                // First: whoever waits for the confirmation ends the process.
                let left = self.graph.hang_up(call).await;
                self.course.send_replace(Course::Confirmed);
                left?;
            }
            Event::Terminated { .. } => {
                self.course.send_if_modified(|course| {
                    let goes_on = *course != Course::Confirmed;
                    if goes_on {
                        *course = Course::Over;
                    }
                    goes_on
                });
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether it was confirmed: waits for that, or for the end of the call.
    async fn confirmed(&self) -> bool {
        let mut course = self.course.subscribe();
        loop {
            match *course.borrow_and_update() {
                Course::Confirmed => return true,
                Course::Over => return false,
                Course::Open => {}
            }
            if course.changed().await.is_err() {
                return false;
            }
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let platform = args.next().ok_or("say where the platform is")?;
    let whom = args.next().ok_or("say whom to remind")?;
    let words = std::fs::read(args.next().ok_or("say which WAV file to play")?)?;
    let app_id = std::env::var("APP_ID")?;
    let graph = GraphClient::new(GraphConfig {
        base: format!("{platform}/v1.0"),
        login: platform.clone(),
        ..GraphConfig::new(&app_id, std::env::var("SECRET")?, std::env::var("TENANT")?)
    })?;
    let config = RouterConfig {
        metadata_url: format!("{platform}/v1/.well-known/OpenIdConfiguration"),
        ..RouterConfig::new(app_id)
    };
    let contexts = graph.contexts();
    let reminder = std::sync::Arc::new(Reminder::new(graph));
    let told = std::sync::Arc::clone(&reminder);
    let handler = move |call: CallId, event: Event| {
        let told = std::sync::Arc::clone(&told);
        async move {
            if let Err(fault) = told.react(&call, event).await {
                tracing::warn!(%call, %fault, "something could not be done");
            }
        }
    };
    let router = NotificationRouter::new(config, contexts, handler)?;
    let file = get(move || async move { ([("content-type", "audio/wav")], words) });
    let routes = router.routes().route("/reminder.wav", file);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3979").await?;
    tokio::spawn(async move { axum::serve(listener, routes).await });

    for n in 1..=TRIES {
        reminder.call(&whom).await?;
        if reminder.confirmed().await {
            return Ok(());
        }
        if n < TRIES {
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
    }
    Err("nobody confirmed the reminder".into())
}

#[cfg(test)]
mod tests {
    use offhook_bot::Private;
    use serde_json::json;
    use wiremock::matchers::{body_partial_json, method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    async fn answers(server: &MockServer, verb: &str, at: &str, with: ResponseTemplate) {
        let mock = Mock::given(method(verb)).and(path(at)).respond_with(with);
        mock.mount(server).await;
    }

    async fn world() -> (MockServer, Reminder) {
        let server = MockServer::start().await;
        let json = |body| ResponseTemplate::new(200).set_body_json(body);
        let token = json!({"token_type": "Bearer", "expires_in": 3599, "access_token": "t"});
        answers(&server, "POST", "/tenant/oauth2/v2.0/token", json(token)).await;
        let calls = "/v1.0/communications/calls";
        let to_ada = json!({"targets": [{"identity": {"user": {"id": "ada"}}}]});
        Mock::given(path(calls))
            .and(body_partial_json(to_ada))
            .respond_with(ResponseTemplate::new(201).set_body_json(json!({"id": "c"})))
            .mount(&server)
            .await;
        for action in ["playPrompt", "subscribeToTone"] {
            let running = json(json!({"id": "1", "status": "running"}));
            answers(&server, "POST", &format!("{calls}/c/{action}"), running).await;
        }
        answers(
            &server,
            "DELETE",
            &format!("{calls}/c"),
            ResponseTemplate::new(204),
        )
        .await;
        let config = GraphConfig {
            base: format!("{}/v1.0", server.uri()),
            login: server.uri(),
            ..GraphConfig::new("app", "secret", "tenant")
        };
        let graph = GraphClient::new(config).expect("a client");
        (server, Reminder::new(graph))
    }

    fn established() -> Event {
        Event::Established {
            audio_active: true,
            call: Box::default(),
        }
    }

    fn pressed(tone: ToneName) -> Event {
        Event::Tone {
            sequence: 1,
            tone: Private::new(tone),
        }
    }

    #[tokio::test]
    async fn somebody_confirms() {
        let (server, reminder) = world().await;
        let call = CallId::new("c");
        reminder.call("ada").await.expect("called");
        for event in [
            established(),
            established(),
            pressed(ToneName::Tone2),
            pressed(ToneName::Tone1),
        ] {
            reminder.react(&call, event).await.expect("asked for");
        }
        assert!(reminder.confirmed().await);
        let all = server.received_requests().await.expect("kept");
        let played = all.iter().filter(|r| r.url.path().ends_with("playPrompt"));
        assert_eq!(played.count(), 1, "it is played once");
    }

    #[tokio::test]
    async fn nobody_answers() {
        let (_server, reminder) = world().await;
        reminder.call("ada").await.expect("called");
        let over = Event::Terminated { result: None };
        reminder.react(&CallId::new("c"), over).await.expect("told");
        assert!(!reminder.confirmed().await);
    }
}
