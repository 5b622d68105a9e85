//! Fetching recordings, and getting rid of them.
//!
//! ```text
//!   GET    /recording/download/{document}             the file
//!   GET    /recording/download/{document}/metadata    what is known of it
//!   GET    /recording?caller=…&call=…                 what there is
//!   DELETE /recording/{document}
//!   DELETE /recording?caller=…                        everything about one caller
//! ```
//!
//! A request is let in by its signature (Azure Communication Services: `HMAC-SHA256`, with the configured
//! key) to everything, by a bot's access token to that bot's recordings, or, to fetch one, by a link that
//! expires.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::{digest, hmac};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode, header};
use offhook_media::Rate;
use offhook_terms::AppId;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use tokio::sync::mpsc;

use super::log::{Kind, Story};
use super::{DocumentId, Tapes, may_see, wav};
use crate::channel::timestamp;
use crate::seal::Reader;
use crate::store::{AnswerFile, from_ms, ms};
use crate::{clock, limits};

const CONTENT_HASH: HeaderName = HeaderName::from_static("x-ms-content-sha256");

/// How far the clock of whoever signs a request may be off.
const SIGNED_WITHIN: Duration = Duration::from_secs(15 * 60);

/// How long a link to a recording opens it.
const LINK_LIFETIME: Duration = Duration::from_secs(15 * 60);

/// The routes of recordings.
pub(crate) fn routes(tapes: Arc<Tapes>) -> Router {
    Router::new()
        .route("/recording", get(list).delete(erase))
        .route("/recording/{document}", delete(remove))
        .route("/recording/download/{document}", get(download))
        .route("/recording/download/{document}/metadata", get(describe))
        .with_state(tapes)
}

/// A refusal, in the shape of Azure Communication Services.
struct Fault(StatusCode, &'static str, &'static str);

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let Self(status, code, message) = self;
        let body = json!({ "error": { "code": code, "message": message } });
        (status, axum::Json(body)).into_response()
    }
}

const NOT_LET_IN: Fault = Fault(
    StatusCode::UNAUTHORIZED,
    "Denied",
    "Sign the request with `recordings.access_key` (HMAC-SHA256), show the access token of the bot whose \
     recording it is, or take a link that has not expired.",
);
const NOT_FOUND: Fault = Fault(
    StatusCode::NOT_FOUND,
    "RecordingNotFound",
    "There is no such recording, or no more.",
);
const NOT_READY: Fault = Fault(
    StatusCode::CONFLICT,
    "RecordingNotReady",
    "The recording has not ended yet.",
);
const UNAVAILABLE: Fault = Fault(
    StatusCode::SERVICE_UNAVAILABLE,
    "StorageUnavailable",
    "The recording cannot be read at the moment; try again later.",
);
const NO_CALLER: Fault = Fault(
    StatusCode::BAD_REQUEST,
    "BadRequest",
    "Say whose recordings are to be deleted: ?caller=…",
);

/// Who asks.
enum Asker {
    /// Whoever has the key.
    Operator,
    Bot(AppId),
}

impl Asker {
    fn bot(&self) -> Option<AppId> {
        match self {
            Self::Operator => None,
            Self::Bot(bot) => Some(*bot),
        }
    }
}

/// What a query says.
#[derive(Default)]
struct Query(Vec<(String, String)>);

impl Query {
    fn read(raw: Option<&str>) -> Self {
        let raw = raw.unwrap_or_default().as_bytes();
        let pairs = url::form_urlencoded::parse(raw).into_owned();
        Self(pairs.take(limits::QUERY_PAIRS_MAX).collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str())
    }
}

async fn download(
    State(tapes): State<Arc<Tapes>>,
    Path(document): Path<String>,
    RawQuery(query): RawQuery,
    parts: Parts,
) -> Result<Response, Fault> {
    let document = tapes.let_in_to(&document, query.as_deref(), &parts)?;
    let story = tapes.index().get(&document).cloned();
    let Some(story) = story else {
        let answer = tapes.answers.open_answer(document).ok_or(NOT_FOUND)?;
        return sent_answer(answer).await;
    };
    let ended = story.ended.ok_or(NOT_READY)?;
    let head = match story.about.kind {
        Kind::Transcript => Vec::new(),
        Kind::Mixed | Kind::Separate => {
            let bytes = u32::try_from(ended.bytes).unwrap_or(wav::UNTIL_THE_END);
            wav::header(story.rate(), story.about.channels(), bytes).to_vec()
        }
    };
    let file = tapes.file_of(&story).await.map_err(|why| {
        tracing::error!(%document, %why, "a recording cannot be read");
        UNAVAILABLE
    })?;
    let skip = head.len() as u64;
    let seal = tapes.seal.clone();
    let reader = Reader::open(file, seal.as_ref(), document, skip).map_err(|_| UNAVAILABLE)?;
    let media_type = match story.about.kind {
        Kind::Transcript => "application/json",
        Kind::Mixed | Kind::Separate => "audio/wav",
    };
    Ok(sent(media_type, head, reader, ended.bytes))
}

/// A file, in parts, as fast as it is taken.
fn sent(media_type: &'static str, head: Vec<u8>, mut reader: Reader, bytes: u64) -> Response {
    let length = head.len() as u64 + bytes;
    let (parts, queue) = mpsc::channel::<std::io::Result<Bytes>>(2);
    tokio::task::spawn_blocking(move || {
        let mut left = length;
        let mut part = head;
        loop {
            // What was cut off in the middle of a frame is not sent.
            part.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            left -= part.len() as u64;
            if parts.blocking_send(Ok(part.into())).is_err() || left == 0 {
                return;
            }
            part = match reader.next() {
                Ok(part) if part.is_empty() => {
                    let why = std::io::Error::other("the file is shorter than it was");
                    return drop(parts.blocking_send(Err(why)));
                }
                Ok(part) => part,
                Err(why) => return drop(parts.blocking_send(Err(why))),
            };
        }
    });
    let body = futures::stream::unfold(queue, |mut queue| async {
        queue.recv().await.map(|part| (part, queue))
    });
    let mut response = Body::from_stream(body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}

async fn sent_answer(answer: AnswerFile) -> Result<Response, Fault> {
    let reading = tokio::task::spawn_blocking(move || answer.wav());
    let wav = reading.await.ok().and_then(Result::ok).ok_or(UNAVAILABLE)?;
    let wav_type = [(header::CONTENT_TYPE, "audio/wav")];
    Ok((wav_type, wav).into_response())
}

async fn describe(
    State(tapes): State<Arc<Tapes>>,
    Path(document): Path<String>,
    RawQuery(query): RawQuery,
    parts: Parts,
) -> Result<Response, Fault> {
    let document = tapes.let_in_to(&document, query.as_deref(), &parts)?;
    let known = tapes.index().get(&document).map(metadata);
    let answer = || {
        tapes
            .answers
            .open_answer(document)
            .map(|answer| answer_metadata(&answer))
    };
    let described = known.or_else(answer).ok_or(NOT_FOUND)?;
    Ok(axum::Json(described).into_response())
}

async fn list(
    State(tapes): State<Arc<Tapes>>,
    RawQuery(query): RawQuery,
    parts: Parts,
) -> Result<Response, Fault> {
    let asker = tapes.let_in(&parts)?;
    let query = Query::read(query.as_deref());
    let mut all: Vec<(i64, Value)> = {
        let index = tapes.index();
        let wanted = index.values().filter(|story| {
            let about = &story.about;
            may_see(story, asker.bot())
                && query
                    .get("caller")
                    .is_none_or(|caller| about.caller.reveal() == caller)
                && query.get("call").is_none_or(|call| {
                    about.call.to_string() == call || about.leg.to_string() == call
                })
        });
        wanted
            .map(|story| (story.about.began_ms, tapes.listed(story)))
            .collect()
    };
    let answers = tapes
        .answers
        .list(asker.bot(), query.get("caller"), query.get("call"));
    all.extend(answers.iter().map(|answer| {
        let link = tapes.link(answer.document);
        let mut shown = answer_metadata(answer);
        shown["contentLocation"] = json!(link);
        (answer.began_ms, shown)
    }));
    all.sort_by_key(|(began, _)| std::cmp::Reverse(*began));
    all.truncate(limits::RECORDINGS_LISTED_MAX);
    let all: Vec<Value> = all.into_iter().map(|(_, one)| one).collect();
    Ok(axum::Json(json!({ "value": all })).into_response())
}

async fn remove(
    State(tapes): State<Arc<Tapes>>,
    Path(document): Path<String>,
    parts: Parts,
) -> Result<StatusCode, Fault> {
    let asker = tapes.let_in(&parts)?;
    let document = document.parse().map_err(|_| NOT_FOUND)?;
    if !tapes.is_for(document, asker.bot()) {
        return Err(NOT_FOUND);
    }
    tapes.deleted(vec![document]).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Everything that is kept about one caller, recorded answers and transcripts included.
async fn erase(
    State(tapes): State<Arc<Tapes>>,
    RawQuery(query): RawQuery,
    parts: Parts,
) -> Result<Response, Fault> {
    let asker = tapes.let_in(&parts)?;
    let query = Query::read(query.as_deref());
    let caller = query.get("caller").filter(|caller| !caller.is_empty());
    let caller = caller.ok_or(NO_CALLER)?;
    let mut all: Vec<DocumentId> = {
        let index = tapes.index();
        let of = index
            .values()
            .filter(|story| may_see(story, asker.bot()) && story.about.caller.reveal() == caller);
        of.map(|story| story.about.document).collect()
    };
    let answers = tapes.answers.list(asker.bot(), Some(caller), None);
    all.extend(answers.iter().map(|answer| answer.document));
    let deleted = all.len();
    tapes.deleted(all).await;
    Ok(axum::Json(json!({ "deleted": deleted })).into_response())
}

impl Tapes {
    /// Deletes these; files are deleted where a disk may be waited for.
    async fn deleted(self: &Arc<Self>, all: Vec<DocumentId>) {
        let tapes = Arc::clone(self);
        let deleting = tokio::task::spawn_blocking(move || {
            for document in all {
                if !tapes.remove(document) {
                    tapes.answers.delete(document);
                }
            }
        });
        if deleting.await.is_err() {
            tracing::error!("a fault of ours kept recordings from being deleted");
        }
    }

    fn is_for(&self, document: DocumentId, bot: Option<AppId>) -> bool {
        let is_for_them = self.index().get(&document).map(|story| may_see(story, bot));
        is_for_them.unwrap_or_else(|| {
            let answer = self.answers.open_answer(document);
            answer.is_some_and(|answer| bot.is_none_or(|bot| answer.bot == Some(bot)))
        })
    }

    /// Who asks, by a signature or a token.
    fn let_in(&self, parts: &Parts) -> Result<Asker, Fault> {
        if self.is_signed(parts) {
            return Ok(Asker::Operator);
        }
        let bot = self.login.bot(&parts.headers, clock::wall());
        Ok(Asker::Bot(bot.map_err(|_| NOT_LET_IN)?.app))
    }

    /// Lets somebody fetch one recording.
    fn let_in_to(
        &self,
        document: &str,
        query: Option<&str>,
        parts: &Parts,
    ) -> Result<DocumentId, Fault> {
        // A stranger learns nothing of what there is.
        let document: Option<DocumentId> = document.parse().ok();
        let query = Query::read(query);
        let link = (query.get("expires"), query.get("signature"));
        if let (Some(document), (Some(expires), Some(signature))) = (document, link)
            && self.link_opens(document, expires, signature)
        {
            return Ok(document);
        }
        let asker = self.let_in(parts)?;
        let document = document.ok_or(NOT_FOUND)?;
        match self.is_for(document, asker.bot()) {
            true => Ok(document),
            false => Err(NOT_FOUND),
        }
    }

    /// Whether a request without a body is signed with the key (Azure Communication Services: access
    /// key authentication).
    fn is_signed(&self, parts: &Parts) -> bool {
        let Some(key) = &self.access_key else {
            return false;
        };
        let text = |name: &HeaderName| parts.headers.get(name)?.to_str().ok();
        let signed = || {
            let authorization = text(&header::AUTHORIZATION)?.strip_prefix("HMAC-SHA256 ")?;
            let field = |name: &str| {
                let mut fields = authorization.split('&');
                fields.find_map(|field| {
                    let (own, value) = field.split_once('=')?;
                    own.eq_ignore_ascii_case(name).then_some(value)
                })
            };
            let names = field("SignedHeaders")?;
            let signature = STANDARD.decode(field("Signature")?).ok()?;
            let is_usual = names.eq_ignore_ascii_case("date;host;x-ms-content-sha256");
            let date =
                text(&header::DATE).or_else(|| text(&HeaderName::from_static("x-ms-date")))?;
            let hash = text(&CONTENT_HASH)?;
            let nothing = STANDARD.encode(digest::digest(&digest::SHA256, b""));
            let host =
                text(&header::HOST).or_else(|| parts.uri.authority().map(|of| of.as_str()))?;
            let path = parts.uri.path_and_query()?.as_str();
            let method = parts.method.as_str();
            let what = format!("{method}\n{path}\n{date};{host};{hash}");
            let is_good = is_usual && hash == nothing && is_recent(date, clock::wall());
            (is_good && hmac::verify(key, what.as_bytes(), &signature).is_ok()).then_some(())
        };
        signed().is_some()
    }

    /// A link that opens a recording for a while.
    fn link(&self, document: DocumentId) -> String {
        let expires = ms(clock::wall() + LINK_LIFETIME) / 1_000;
        let tag = hmac::sign(&self.link_key, linked(document, expires).as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(tag);
        let location = self.location(document);
        format!("{location}?expires={expires}&signature={signature}")
    }

    fn link_opens(&self, document: DocumentId, expires: &str, signature: &str) -> bool {
        let Ok(expires) = expires.parse::<i64>() else {
            return false;
        };
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
        let what = linked(document, expires);
        let is_ours = hmac::verify(&self.link_key, what.as_bytes(), &signature).is_ok();
        is_ours && clock::wall() < from_ms(expires.saturating_mul(1_000))
    }

    fn listed(&self, story: &Story) -> Value {
        let mut shown = metadata(story);
        if story.ended.is_some() {
            shown["contentLocation"] = json!(self.link(story.about.document));
        }
        shown
    }

    /// The file of a recording, fetched back if it is elsewhere.
    async fn file_of(&self, story: &Story) -> Result<File, String> {
        let document = story.about.document;
        match (&story.away, &self.destination) {
            (Some(name), Some(destination)) => {
                let random: u64 = rand::random();
                let copy = Fetched(self.folder.join(format!("{document}.{random:x}.tmp")));
                destination.fetch(name, &copy.0).await?;
                File::open(&copy.0).map_err(|why| why.to_string())
            }
            _ => File::open(self.audio_file(document)).map_err(|why| why.to_string()),
        }
    }
}

/// A copy that is deleted as soon as it is open.
struct Fetched(PathBuf);

impl Drop for Fetched {
    fn drop(&mut self) {
        // There may be none.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn linked(document: DocumentId, expires: i64) -> String {
    format!("{document}\n{expires}")
}

fn is_recent(date: &str, now: SystemTime) -> bool {
    let date = date.replace("GMT", "+0000");
    let Ok(date) = OffsetDateTime::parse(&date, &Rfc2822) else {
        return false;
    };
    let apart = (OffsetDateTime::from(now) - date).unsigned_abs();
    apart <= SIGNED_WITHIN
}

/// What is known of a recording (Azure Communication Services: recording metadata).
pub(super) fn metadata(story: &Story) -> Value {
    let about = &story.about;
    let document = about.document.to_string();
    let caller = about.caller.reveal();
    let caller = match caller.starts_with('+') {
        true => format!("4:{caller}"),
        false => caller.clone(),
    };
    let channels = about.channels();
    let hertz = story.rate().hertz();
    let mut out = json!({
        "resourceId": document,
        "callId": about.call.to_string(),
        "conversationId": about.leg.to_string(),
        "chunkDocumentId": document,
        "chunkIndex": 0,
        "chunkStartTime": timestamp(about.began()),
        "participants": [
            { "participantId": caller },
            { "participantId": format!("28:{}", about.bot) },
        ],
    });
    if about.kind == Kind::Transcript {
        out["recordingInfo"] = json!({ "contentType": "transcript", "format": "json" });
    } else {
        out["chunkDuration"] = json!(story.duration().as_millis() as u64);
        out["pauseResumeIntervals"] = json!(pauses(story));
        out["recordingInfo"] = json!({
            "contentType": "audio",
            "channelType": if channels == 2 { "unmixed" } else { "mixed" },
            "format": "wav",
            "audioConfiguration": {
                "sampleRate": hertz.to_string(),
                "bitRate": hertz * u32::from(channels) * 16,
                "bitDepth": 16,
                "channels": channels,
            },
        });
        out["sessions"] = json!(sessions(story));
        if let Some(ended) = &story.ended {
            out["endReason"] = json!(ended.reason.name());
            out["chunkEndTime"] = json!(timestamp(ended.at()));
            if ended.lost > 0 {
                out["framesLost"] = json!(ended.lost);
            }
        }
    }
    if let Some(metadata) = &about.metadata {
        out["metadata"] = metadata.clone();
    }
    out
}

/// When it paused and went on: by the clock, and where in the file.
fn pauses(story: &Story) -> Vec<Value> {
    let after = story
        .parts
        .iter()
        .skip(1)
        .map(Some)
        .chain(std::iter::repeat(None));
    let pairs = story.pauses.iter().zip(after);
    pairs
        .map(|(pause, resume)| {
            let mut one = json!({
                "pauseTime": timestamp(from_ms(pause.at_ms)),
                "offsetMs": pause.frame * 20,
            });
            if let Some(resume) = resume {
                one["resumeTime"] = json!(timestamp(from_ms(resume.at_ms)));
            }
            one
        })
        .collect()
}

/// The stretches between.
fn sessions(story: &Story) -> Vec<Value> {
    let last = story.ended.map_or(0, |ended| ended.frames);
    let ends = story.pauses.iter().map(|pause| pause.frame);
    let ends = ends.chain(std::iter::repeat(last));
    story
        .parts
        .iter()
        .zip(ends)
        .map(|(part, end)| {
            json!({
                "startTime": timestamp(from_ms(part.at_ms)),
                "offsetMs": part.frame * 20,
                "durationMs": end.saturating_sub(part.frame) * 20,
            })
        })
        .collect()
}

fn answer_metadata(answer: &AnswerFile) -> Value {
    let document = answer.document.to_string();
    let hertz = Rate::Wide.hertz();
    json!({
        "resourceId": document,
        "conversationId": answer.leg.to_string(),
        "chunkDocumentId": document,
        "chunkIndex": 0,
        "chunkStartTime": timestamp(from_ms(answer.began_ms)),
        "recordingInfo": {
            "contentType": "answer",
            "channelType": "mixed",
            "format": "wav",
            "audioConfiguration": {
                "sampleRate": hertz.to_string(),
                "bitRate": hertz * 16,
                "bitDepth": 16,
                "channels": 1,
            },
        },
    })
}

/// A request as a client with the key signs it.
#[cfg(test)]
pub(super) fn signed_headers(key: &[u8], method: &str, path: &str, host: &str) -> http::HeaderMap {
    let now = OffsetDateTime::from(clock::wall());
    let date = now
        .format(&Rfc2822)
        .expect("a date")
        .replace("+0000", "GMT");
    let hash = STANDARD.encode(digest::digest(&digest::SHA256, b""));
    let what = format!("{method}\n{path}\n{date};{host};{hash}");
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let signature = STANDARD.encode(hmac::sign(&key, what.as_bytes()));
    let mut headers = http::HeaderMap::new();
    let authorization =
        format!("HMAC-SHA256 SignedHeaders=date;host;x-ms-content-sha256&Signature={signature}");
    for (name, value) in [
        (header::DATE, date),
        (header::HOST, host.to_owned()),
        (CONTENT_HASH, hash),
        (header::AUTHORIZATION, authorization),
    ] {
        headers.insert(name, HeaderValue::try_from(value).expect("text"));
    }
    headers
}
