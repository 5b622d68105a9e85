//! Delivering what has ended: the file to its destination, the news to the webhook.
//!
//! ```text
//!   ended ─┬─▶ destination ── acknowledged ──▶ the copy here goes
//!          └─▶ webhook ─────── 2xx ──────────▶ told
//! ```
//!
//! Both are tried again until they succeed or the recording is deleted, with longer and longer waits. What
//! was done is a line in the recording's log, so that the next process goes on where this one stopped.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload, WriteMultipart};
use offhook_terms::Private;
use rustls::ClientConfig;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::format_description;
use tokio::io::AsyncReadExt as _;
use tokio::task::{self, JoinSet};
use url::Url;

use super::log::{Kind, Log, Story};
use super::{DocumentId, Tapes, routes};
use crate::channel::timestamp;
use crate::outgoing::{Guard, Origin, Outgoing, Payload, root};
use crate::{clock, limits};

/// How long the webhook may take to answer.
const TOLD_WITHIN: Duration = Duration::from_secs(30);

/// How long the destination may take to find a recording: somebody waits for it.
const FETCHED_WITHIN: Duration = Duration::from_secs(5);

/// Read and sent at a time.
const PART_BYTES: usize = 1 << 20;

/// Where recordings are kept for good.
#[derive(Clone)]
pub(crate) struct Destination {
    store: Arc<dyn ObjectStore>,
    prefix: Key,
}

impl Destination {
    /// `file:///…`, `s3://bucket/prefix` or `az://container/prefix`, with the settings of the
    /// environment (`AWS_…`, `AZURE_…`) and these, which go before them.
    pub(super) fn open(
        url: &Url,
        options: &BTreeMap<String, Private<String>>,
    ) -> Result<Self, String> {
        let environment = std::env::vars().filter(|(name, _)| {
            let name = name.to_ascii_uppercase();
            name.starts_with("AWS_") || name.starts_with("AZURE_")
        });
        let environment = environment.map(|(name, value)| (name.to_ascii_lowercase(), value));
        let own = options
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value.reveal().clone()));
        let (store, prefix) = object_store::parse_url_opts(url, environment.chain(own))
            .map_err(|why| format!("cannot be used ({why})"))?;
        Ok(Self {
            store: store.into(),
            prefix,
        })
    }

    fn key(&self, name: &str) -> Key {
        let whole = name.split('/').map(Key::from);
        whole.fold(self.prefix.clone(), |key, part| {
            Key::from_iter(key.parts().chain(part.parts()))
        })
    }

    async fn put_file(&self, name: &str, file: &std::path::Path) -> Result<(), String> {
        let worded = |why: object_store::Error| why.to_string();
        let mut file = tokio::fs::File::open(file)
            .await
            .map_err(|why| why.to_string())?;
        let upload = self.store.put_multipart(&self.key(name)).await;
        let mut upload = WriteMultipart::new(upload.map_err(worded)?);
        let mut part = vec![0; PART_BYTES];
        loop {
            let count = file.read(&mut part).await.map_err(|why| why.to_string())?;
            if count == 0 {
                break;
            }
            upload
                .wait_for_capacity(limits::UPLOAD_PARTS_OPEN_MAX)
                .await
                .map_err(worded)?;
            upload.write(&part[..count]);
        }
        upload.finish().await.map_err(worded).map(drop)
    }

    async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), String> {
        let key = self.key(name);
        let put = self.store.put(&key, PutPayload::from(bytes)).await;
        put.map_err(|why| why.to_string()).map(drop)
    }

    /// All of a file, into one here.
    pub(super) async fn fetch(&self, name: &str, into: &std::path::Path) -> Result<(), String> {
        use futures::StreamExt as _;
        use tokio::io::AsyncWriteExt as _;
        let key = self.key(name);
        let found = tokio::time::timeout(FETCHED_WITHIN, self.store.get(&key)).await;
        let found = found.map_err(|_| "the destination did not answer in time")?;
        let mut parts = found.map_err(|why| why.to_string())?.into_stream();
        let mut file = tokio::fs::File::create(into)
            .await
            .map_err(|why| why.to_string())?;
        while let Some(part) = parts.next().await {
            let part = part.map_err(|why| why.to_string())?;
            file.write_all(&part).await.map_err(|why| why.to_string())?;
        }
        file.flush().await.map_err(|why| why.to_string())
    }

    /// Deletes a recording there, however long that takes, and then its log here.
    pub(super) fn forget_soon(&self, name: String, log: PathBuf) {
        let destination = self.clone();
        tokio::spawn(async move {
            let mut waits = limits::ERRAND_WAITS.into_iter().cycle();
            loop {
                match destination.forget(&name).await {
                    Ok(()) => break,
                    Err(why) => {
                        tracing::warn!(%why, "a recording could not be deleted at its destination");
                        tokio::time::sleep(waits.next().unwrap_or_default()).await;
                    }
                }
            }
            if let Err(why) = tokio::fs::remove_file(&log).await {
                tracing::error!(%why, "the log of a deleted recording stays behind");
            }
        });
    }

    async fn forget(&self, name: &str) -> Result<(), String> {
        for one in [name.to_owned(), described(name)] {
            match self.store.delete(&self.key(&one)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(why) => return Err(why.to_string()),
            }
        }
        Ok(())
    }
}

/// The name of the description that lies beside a file.
fn described(name: &str) -> String {
    format!("{name}.json")
}

/// Whom recordings are told of.
pub(super) struct Webhook {
    url: Url,
    outgoing: Outgoing,
}

impl Webhook {
    pub(super) fn new(url: Url, trust: Arc<ClientConfig>) -> Result<Self, String> {
        let origin = Origin::of(&url);
        let origin = origin.ok_or_else(|| "is neither an http nor an https address".to_owned())?;
        let guard = Guard {
            origins: vec![origin],
            private_allowed: true,
            http_to_loopback: true,
        };
        Ok(Self {
            url,
            outgoing: Outgoing::new(guard, trust),
        })
    }

    async fn tell(&self, events: &Value) -> Result<(), String> {
        let mut request = Request::new(Payload::from(Bytes::from(events.to_string())));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.as_str().parse().map_err(|_| "no address")?;
        let headers = request.headers_mut();
        let json = HeaderValue::from_static("application/json; charset=utf-8");
        headers.insert(header::CONTENT_TYPE, json);
        // As Event Grid does, for receivers that look.
        let kind = HeaderValue::from_static("Notification");
        headers.insert("aeg-event-type", kind);
        let answer = tokio::time::timeout(TOLD_WITHIN, self.outgoing.send(request)).await;
        let answer = answer.map_err(|_| "it did not answer in time".to_owned())?;
        let answer = answer.map_err(|why| root(&why))?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(format!("it answered {status}")),
        }
    }
}

/// What is known of an errand that did not succeed yet.
#[derive(Default, Clone, Copy)]
struct Tried {
    times: usize,
    again: Option<Instant>,
}

pub(super) async fn run(tapes: Arc<Tapes>) {
    let mut tried: HashMap<DocumentId, Tried> = HashMap::new();
    let mut out: JoinSet<bool> = JoinSet::new();
    let mut under_way: HashMap<task::Id, DocumentId> = HashMap::new();
    loop {
        let now = clock::now();
        let mut owed = owed(&tapes);
        tried.retain(|document, _| owed.contains(document));
        for document in under_way.values() {
            owed.remove(document);
        }
        let again = |document: &DocumentId| tried.get(document).and_then(|tried| tried.again);
        let (due, later): (Vec<DocumentId>, Vec<DocumentId>) = owed
            .into_iter()
            .partition(|document| again(document).is_none_or(|again| again <= now));
        let next = later.iter().filter_map(again).min();
        let free = limits::ERRANDS_AT_ONCE.saturating_sub(under_way.len());
        for document in due.into_iter().take(free) {
            let tapes = Arc::clone(&tapes);
            let errand = out.spawn(async move { tapes.deliver(document).await });
            under_way.insert(errand.id(), document);
        }
        let soon = async {
            match next {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = tapes.errands.notified() => {}
            Some(done) = out.join_next_with_id() => {
                let (errand, is_done) = match done {
                    Ok(done) => done,
                    Err(why) => {
                        tracing::error!("a fault of ours kept a recording from being delivered");
                        (why.id(), false)
                    }
                };
                if let Some(document) = under_way.remove(&errand) {
                    let tried = tried.entry(document).or_default();
                    let waits = limits::ERRAND_WAITS;
                    let wait = waits[tried.times.min(waits.len() - 1)];
                    tried.times += 1;
                    tried.again = (!is_done).then(|| clock::now() + wait);
                }
            }
            () = soon => {}
        }
    }
}

fn owed(tapes: &Tapes) -> HashSet<DocumentId> {
    let index = tapes.index();
    let owed = index.iter().filter(|(_, story)| tapes.owes(story));
    owed.map(|(document, _)| *document).collect()
}

impl Tapes {
    /// Does what is owed for a recording; false when some of it did not succeed.
    async fn deliver(&self, document: DocumentId) -> bool {
        let Some(story) = self.index().get(&document).cloned() else {
            return true;
        };
        let mut is_done = true;
        if let Some(destination) = self.destination.as_ref().filter(|_| !story.is_away()) {
            match self.send_away(destination, &story).await {
                Ok(()) => {
                    metrics::counter!("offhook_uploads_total", "outcome" => "done").increment(1)
                }
                Err(why) => {
                    metrics::counter!("offhook_uploads_total", "outcome" => "failed").increment(1);
                    tracing::warn!(%document, %why, "a recording did not reach its destination; it is kept here and tried again");
                    is_done = false;
                }
            }
        }
        if let Some(webhook) = self.webhook.as_ref().filter(|_| !story.is_told) {
            let told = webhook.tell(&self.news(&story)).await;
            let told = told.and_then(|()| self.note(document, Log::told));
            match told {
                Ok(()) => {
                    if let Some(story) = self.index().get_mut(&document) {
                        story.is_told = true;
                    }
                }
                Err(why) => {
                    tracing::warn!(%document, %why, "the webhook could not be told of a recording; it is tried again");
                    is_done = false;
                }
            }
        }
        is_done
    }

    async fn send_away(&self, destination: &Destination, story: &Story) -> Result<(), String> {
        let document = story.about.document;
        let file = self.audio_file(document);
        let name = away_name(story, self.seal.is_some());
        destination.put_file(&name, &file).await?;
        let description = routes::metadata(story).to_string().into_bytes();
        let description = match &self.seal {
            None => description,
            Some(seal) => seal
                .close(document, u64::MAX, &description)
                .map_err(|why| why.to_string())?,
        };
        destination.put(&described(&name), description).await?;
        self.note(document, |log| log.away(&name))?;
        let is_known = match self.index().get_mut(&document) {
            Some(story) => {
                story.away = Some(name.clone());
                true
            }
            None => false,
        };
        if !is_known {
            // Deleted meanwhile, and its log with it.
            return destination.forget(&name).await;
        }
        // Acknowledged: the copy here has done its duty.
        std::fs::remove_file(&file).map_err(|why| why.to_string())
    }

    /// Writes a line into the log of a recording that has ended.
    fn note(
        &self,
        document: DocumentId,
        line: impl FnOnce(&mut Log) -> std::io::Result<()>,
    ) -> Result<(), String> {
        let path = self.log_file(document);
        if !path.exists() {
            return Ok(());
        }
        let log = Log::append(&path, self.seal.as_ref(), document);
        let noted = log.and_then(|mut log| line(&mut log));
        noted.map_err(|why| why.to_string())
    }

    /// What the webhook is told (Event Grid schema, `RecordingFileStatusUpdated`).
    fn news(&self, story: &Story) -> Value {
        let about = &story.about;
        let (document, location) = (about.document, self.location(about.document));
        let reason = story.ended.map_or("", |ended| ended.reason.name());
        let data = match about.kind {
            Kind::Transcript => json!({
                "callConnectionId": about.call.to_string(),
                "documentId": document.to_string(),
                "contentLocation": location,
                "metadataLocation": format!("{location}/metadata"),
            }),
            Kind::Mixed | Kind::Separate => json!({
                "recordingStartTime": timestamp(about.began()),
                "recordingDurationMs": story.duration().as_millis() as u64,
                "sessionEndReason": reason,
                "recordingStorageInfo": { "recordingChunks": [{
                    "documentId": document.to_string(),
                    "index": 0,
                    "endReason": reason,
                    "contentLocation": location,
                    "metadataLocation": format!("{location}/metadata"),
                    "deleteLocation": format!("{}/recording/{document}", self.base),
                }]},
            }),
        };
        let kind = match about.kind {
            Kind::Transcript => "Offhook.TranscriptHandedOver",
            Kind::Mixed | Kind::Separate => "Microsoft.Communication.RecordingFileStatusUpdated",
        };
        json!([{
            "id": document.to_string(),
            "topic": format!("/bots/{}", about.bot),
            "subject": format!("/recording/call/{}", about.leg),
            "eventType": kind,
            "eventTime": timestamp(clock::wall()),
            "dataVersion": "1.0",
            "metadataVersion": "1",
            "data": data,
        }])
    }
}

/// A day, the call and the recording: what a person looks for it by.
fn away_name(story: &Story, is_sealed: bool) -> String {
    let about = &story.about;
    let day = format_description!("[year]-[month]-[day]");
    let day = OffsetDateTime::from(about.began()).format(&day);
    let day = day.unwrap_or_default();
    let end = match (is_sealed, about.kind) {
        (true, _) => "sealed",
        (false, Kind::Transcript) => "transcript.json",
        (false, _) => "wav",
    };
    format!("{day}/{}/{}.{end}", about.call, about.document)
}
