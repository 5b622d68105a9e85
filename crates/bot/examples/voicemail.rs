//! A voicemail: takes every call, records after the beep until `#` or silence, and keeps the message in a folder.
//!
//! ```text
//! cargo run --release -- demo --bot http://127.0.0.1:3979/callback
//! APP_ID=… SECRET=… TENANT=… cargo run -p offhook-bot --example voicemail -- http://127.0.0.1:8080 messages
//! ```

use std::path::{Path, PathBuf};

use offhook_bot::wire::graph::{
    AnswerRequest, MediaConfig, Modality, OperationKind, RecordResponseRequest,
};
use offhook_bot::{
    CallId, EndedOperation, Event, GraphClient, GraphConfig, Handler, NotificationRouter,
    RouterConfig,
};
use tokio::io::AsyncWriteExt as _;

/// Two minutes of the platform's best audio, and room to spare.
const MESSAGE_BYTES_MAX: u64 = 16 * 1024 * 1024;

struct Voicemail {
    graph: GraphClient,
    folder: PathBuf,
}

impl Handler for Voicemail {
    async fn handle(&self, call: CallId, event: Event) {
        if let Err(why) = self.react(&call, event).await {
            tracing::warn!(%call, %why, "something could not be done");
        }
    }
}

type Fault = Box<dyn std::error::Error + Send + Sync>;

impl Voicemail {
    async fn react(&self, call: &CallId, event: Event) -> Result<(), Fault> {
        match event {
            Event::Incoming(_) => {
                let answer = AnswerRequest {
                    accepted_modalities: Some(vec![Modality::Audio]),
                    media_config: Some(MediaConfig::service()),
                    ..AnswerRequest::default()
                };
                self.graph.answer(call, &answer).await?;
            }
            // Comes again when anything about the call changes. A second recording waits for the first, and finds the
            // call hung up.
            Event::Established {
                audio_active: true, ..
            } => {
                let record = RecordResponseRequest {
                    max_record_duration_in_seconds: Some(120),
                    initial_silence_timeout_in_seconds: Some(10),
                    max_silence_timeout_in_seconds: Some(3),
                    stop_tones: Some(vec!["#".into()]),
                    ..RecordResponseRequest::default()
                };
                self.graph.record_response(call, record).await?;
            }
            Event::OperationEnded(ended) if ended.kind == OperationKind::Record => {
                let kept = self.keep(call, &ended).await;
                // Whatever became of the message, the caller is not left in silence.
                self.graph.hang_up(call).await?;
                kept?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Under another name until all of it is there.
    async fn keep(&self, call: &CallId, ended: &EndedOperation) -> Result<(), Fault> {
        let operation = &ended.operation;
        let location = operation.recording_location.as_deref();
        let (Some(location), Some(token)) = (location, &operation.recording_access_token) else {
            return Ok(());
        };
        if location.is_empty() {
            return Ok(());
        }
        let recording = self.graph.recording(location, token, MESSAGE_BYTES_MAX);
        let mut recording = recording.await?;
        let part = self.folder.join(format!("{call}.part"));
        let mut file = tokio::fs::File::create(&part).await?;
        while let Some(chunk) = recording.chunk().await? {
            file.write_all(&chunk).await?;
        }
        file.sync_all().await?;
        tokio::fs::rename(part, self.folder.join(format!("{call}.wav"))).await?;
        Ok(())
    }
}

fn voicemail(graph: GraphClient, folder: &Path) -> Voicemail {
    Voicemail {
        graph,
        folder: folder.to_owned(),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let platform = args.next().ok_or("say where the platform is")?;
    let folder = args.next().ok_or("say where messages are kept")?;
    std::fs::create_dir_all(&folder)?;
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
    let bot = voicemail(graph, Path::new(&folder));
    let router = NotificationRouter::new(config, contexts, bot)?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3979").await?;
    axum::serve(listener, router.routes()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use offhook_bot::wire::graph::{Call, Notifications, ResourceData};
    use serde_json::json;
    use wiremock::matchers::{header, method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    async fn answers(server: &MockServer, verb: &str, at: &str, with: ResponseTemplate) {
        let mock = Mock::given(method(verb)).and(path(at)).respond_with(with);
        mock.expect(1).mount(server).await;
    }

    #[tokio::test]
    async fn a_message_is_recorded_and_kept() {
        let server = MockServer::start().await;
        let calls = "/v1.0/communications/calls/c";
        let token = json!({"token_type": "Bearer", "expires_in": 3599, "access_token": "t"});
        let json = |body| ResponseTemplate::new(200).set_body_json(body);
        answers(&server, "POST", "/tenant/oauth2/v2.0/token", json(token)).await;
        let accepted = ResponseTemplate::new(202);
        answers(&server, "POST", &format!("{calls}/answer"), accepted).await;
        let running = json(json!({"id": "1", "status": "running"}));
        answers(&server, "POST", &format!("{calls}/recordResponse"), running).await;
        answers(&server, "DELETE", calls, ResponseTemplate::new(204)).await;
        Mock::given(path("/recording"))
            .and(header("authorization", "Bearer of the recording"))
            .respond_with(ResponseTemplate::new(200).set_body_bytes("RIFF and so on"))
            .expect(1)
            .mount(&server)
            .await;

        let folder = std::env::temp_dir().join(format!("voicemail-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let config = GraphConfig {
            base: format!("{}/v1.0", server.uri()),
            login: server.uri(),
            ..GraphConfig::new("app", "secret", "tenant")
        };
        let bot = voicemail(GraphClient::new(config).expect("a client"), &folder);
        let call = CallId::new("c");
        let incoming = Event::Incoming(Box::default());
        bot.react(&call, incoming).await.expect("taken");
        let established = Event::Established {
            audio_active: true,
            call: Box::new(Call::default()),
        };
        bot.react(&call, established).await.expect("recorded");
        let told = json!({"value": [{"changeType": "deleted", "resourceUrl": "/communications/calls/c/operations/1",
            "resourceData": {"@odata.type": "#microsoft.graph.recordOperation", "id": "1", "status": "completed",
                "recordingLocation": format!("{}/recording", server.uri()),
                "recordingAccessToken": "of the recording"}}]});
        let told: Notifications = serde_json::from_value(told).expect("a notification");
        for notification in told.value {
            let ResourceData::Operation(operation) = notification.resource_data else {
                panic!("it is about an operation");
            };
            let ended = Event::OperationEnded(Box::new(EndedOperation::new(*operation)));
            bot.react(&call, ended).await.expect("kept");
        }
        let kept = std::fs::read(folder.join("c.wav"));
        assert_eq!(kept.expect("a message"), b"RIFF and so on");
        std::fs::remove_dir_all(folder).expect("it was ours");
    }
}
