//! Files of recorded answers: spooled while they are recorded, fetched by the bot, deleted soon.
//!
//! ```text
//!   begin ──▶ {operation}.part ──finish──▶ {operation}.pcm ──call ended + retention──▶ deleted
//!                     └──discard──▶ deleted
//! ```
//!
//! On disk a recording is what was heard, sealed where there is a key for that (`seal.rs`): 16-bit samples
//! at 8 kHz, or at 16 kHz in a file that ends in `.pcm16`. The 16 kHz WAV a bot is promised is made when it is fetched.
//!
//! A recording is fetched with a token of its own: an HMAC of its id under a key that never leaves
//! the store. So nothing has to be remembered to check a token, a wrong one is refused (401)
//! whether or not there ever was such a recording, and only the holder of the right one learns
//! that it is gone (404).

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_lc_rs::hmac;
use axum::body::Body;
use axum::extract::{Path as UrlPath, State};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use offhook_media::Rate;
use offhook_terms::{AppId, LegId, OperationId, Private};
use sqlx::Row as _;
use tokio::sync::Semaphore;

use super::writer::Note;
use super::{Store, StoreError, from_ms, ms};
use crate::seal::{self, Reader, Seal};
use crate::{clock, graph, limits};

const RATES: [Rate; 2] = [Rate::Narrow, Rate::Wide];

/// How the name of a complete recording's file ends.
const fn ending(rate: Rate) -> &'static str {
    match rate {
        Rate::Narrow => "pcm",
        Rate::Wide => "pcm16",
    }
}

/// All recordings of the platform.
pub(crate) struct Recordings {
    folder: PathBuf,
    store: Store,
    retention: Duration,
    base: String,
    key: hmac::Key,
    seal: Option<Seal>,
    index: Mutex<HashMap<OperationId, Recording>>,
    fetches: Semaphore,
}

struct Recording {
    leg: LegId,
    bot: Option<AppId>,
    /// Whose answer it is; see [`Recordings::tag`].
    caller: Vec<u8>,
    created_at: SystemTime,
    /// The file is complete.
    finished: bool,
    /// Known once the call has ended.
    delete_at: Option<SystemTime>,
}

impl Recordings {
    /// Finds what the last process left: complete files stay for as long as they would have,
    /// half-written ones and those nobody knows are deleted. `base` is how others reach this
    /// platform.
    pub(crate) async fn open(
        store: Store,
        data: &Path,
        retention: Duration,
        base: String,
        seal: Option<Seal>,
    ) -> Result<Arc<Self>, StoreError> {
        let key = store.secret("recordings").await?;
        let rows = sqlx::query(
            "SELECT operation, leg, created_at, delete_at, bot, caller FROM recordings",
        )
        .fetch_all(&store.readers)
        .await
        .map_err(|why| store.failed(why))?;
        let now = clock::wall();
        let index = rows
            .iter()
            .filter_map(|row| {
                let recording = Recording {
                    leg: row.try_get::<&str, _>(1).ok()?.parse().ok()?,
                    bot: row.try_get::<&str, _>(4).ok()?.parse().ok(),
                    caller: row
                        .try_get::<Option<Vec<u8>>, _>(5)
                        .ok()?
                        .unwrap_or_default(),
                    created_at: from_ms(row.try_get(2).ok()?),
                    finished: true,
                    // Its call ended with the process, if not before.
                    delete_at: Some(
                        row.try_get::<Option<i64>, _>(3)
                            .ok()?
                            .map_or_else(|| now + retention, from_ms),
                    ),
                };
                let operation = row.try_get::<&str, _>(0).ok()?.parse().ok()?;
                Some((operation, recording))
            })
            .collect();
        let recordings = Arc::new(Self {
            folder: data.join("recordings"),
            store,
            retention,
            base,
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            seal,
            index: Mutex::new(index),
            fetches: Semaphore::new(limits::RECORDING_FETCHES_MAX),
        });
        recordings.remove_strays();
        recordings.sweep(now);
        Ok(recordings)
    }

    /// A place to write the recording of an operation to. `caller` is who answers.
    pub(crate) fn begin(
        self: &Arc<Self>,
        operation: OperationId,
        leg: LegId,
        bot: AppId,
        caller: &str,
    ) -> RecordingSpool {
        let recording = Recording {
            leg,
            bot: Some(bot),
            caller: self.tag(caller),
            created_at: clock::wall(),
            finished: false,
            delete_at: None,
        };
        self.index().insert(operation, recording);
        RecordingSpool {
            path: self.folder.join(format!("{operation}.part")),
            recordings: Arc::clone(self),
            operation,
            leg,
            bot,
            settled: false,
        }
    }

    /// What stands for a caller where nobody shall read who it is.
    fn tag(&self, caller: &str) -> Vec<u8> {
        let what = format!("caller\n{caller}");
        hmac::sign(&self.key, what.as_bytes()).as_ref().to_vec()
    }

    /// A complete recording, to be read.
    pub(crate) fn open_answer(self: &Arc<Self>, operation: OperationId) -> Option<AnswerFile> {
        let now = clock::wall();
        let index = self.index();
        let recording = index.get(&operation)?;
        (recording.finished && !recording.is_due(now)).then(|| self.answer(operation, recording))
    }

    fn answer(self: &Arc<Self>, operation: OperationId, recording: &Recording) -> AnswerFile {
        AnswerFile {
            recordings: Arc::clone(self),
            document: operation,
            leg: recording.leg,
            bot: recording.bot,
            began_ms: ms(recording.created_at),
        }
    }

    /// The complete ones: a bot's, of a caller, of a bot's leg, where that is said.
    pub(crate) fn list(
        self: &Arc<Self>,
        bot: Option<AppId>,
        caller: Option<&str>,
        leg: Option<&str>,
    ) -> Vec<AnswerFile> {
        let tag = caller.map(|caller| self.tag(caller));
        let now = clock::wall();
        let index = self.index();
        let wanted = index.iter().filter(|(_, recording)| {
            recording.finished
                && !recording.is_due(now)
                && bot.is_none_or(|bot| recording.bot == Some(bot))
                && tag.as_ref().is_none_or(|tag| recording.caller == *tag)
                && leg.is_none_or(|leg| recording.leg.to_string() == leg)
        });
        wanted
            .map(|(operation, recording)| self.answer(*operation, recording))
            .collect()
    }

    /// Deletes one before its time.
    pub(crate) fn delete(&self, operation: OperationId) {
        self.remove(operation);
    }

    /// The call has ended: its recordings are deleted once their time is over, or now.
    pub(crate) fn call_ended(&self, leg: LegId) {
        let now = clock::wall();
        let delete_at = now + self.retention;
        let mut due = Vec::new();
        for (operation, recording) in self.index().iter_mut() {
            if recording.leg == leg && recording.delete_at.is_none() {
                recording.delete_at = Some(delete_at);
                due.push(*operation);
            }
        }
        for operation in due {
            let delete_at = ms(delete_at);
            self.store.writer.note(Note::RecordingDue {
                operation,
                delete_at,
            });
        }
        if self.retention.is_zero() {
            self.sweep(now);
        }
    }

    /// Deletes what is due. Called about once a second, and cheap when nothing is.
    pub(crate) fn sweep(&self, now: SystemTime) {
        let due: Vec<OperationId> = self
            .index()
            .iter()
            .filter(|(_, recording)| recording.is_due(now))
            .map(|(operation, _)| *operation)
            .collect();
        for operation in due {
            self.remove(operation);
        }
    }

    /// Where the bot fetches the recording.
    pub(crate) fn location(&self, operation: OperationId) -> String {
        format!("{}/recordings/{operation}", self.base)
    }

    /// What the bot fetches it with.
    pub(crate) fn access_token(&self, operation: OperationId) -> Private<String> {
        let tag = hmac::sign(&self.key, &operation.bits().to_be_bytes());
        Private::new(URL_SAFE_NO_PAD.encode(tag))
    }

    fn token_opens(&self, token: &str, operation: OperationId) -> bool {
        let shown = URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
        // In the same time for every wrong token.
        hmac::verify(&self.key, &operation.bits().to_be_bytes(), &shown).is_ok()
    }

    /// Whether a complete recording is still there.
    fn is_there(&self, operation: OperationId) -> bool {
        self.index()
            .get(&operation)
            .is_some_and(|recording| recording.finished && !recording.is_due(clock::wall()))
    }

    /// The file of a complete recording of a rate.
    fn complete(&self, operation: OperationId, rate: Rate) -> PathBuf {
        self.folder.join(format!("{operation}.{}", ending(rate)))
    }

    /// Reads what was kept, and says at which rate.
    fn read(&self, operation: OperationId) -> io::Result<(Rate, Vec<u8>)> {
        let (rate, file) = match File::open(self.complete(operation, Rate::Narrow)) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => {
                let wide = self.complete(operation, Rate::Wide);
                (Rate::Wide, File::open(wide)?)
            }
            kept => (Rate::Narrow, kept?),
        };
        let mut reader = Reader::open(file, self.seal.as_ref(), operation, 0)?;
        Ok((rate, reader.rest()?))
    }

    fn remove(&self, operation: OperationId) {
        let was = self.index().remove(&operation);
        if was.is_none_or(|recording| !recording.finished) {
            // Whoever is writing it finds it gone from the index and discards it.
            return;
        }
        for rate in RATES {
            if let Err(why) = fs::remove_file(self.complete(operation, rate))
                && why.kind() != io::ErrorKind::NotFound
            {
                tracing::error!(%operation, %why, "a recording that is due could not be deleted");
            }
        }
        self.store.writer.note(Note::RecordingGone(operation));
    }

    /// Deletes files that are not in the index.
    fn remove_strays(&self) {
        let files = match fs::read_dir(&self.folder) {
            Ok(files) => files,
            Err(why) => {
                tracing::error!(%why, "the folder of recordings cannot be read");
                return;
            }
        };
        for file in files.flatten() {
            let path = file.path();
            let known = path
                .file_name()
                .and_then(|name| name.to_str())
                .and_then(|name| name.rsplit_once('.'))
                .filter(|(_, end)| RATES.into_iter().any(|rate| ending(rate) == *end))
                .and_then(|(id, _)| id.parse().ok())
                .is_some_and(|id| self.index().contains_key(&id));
            if !known && let Err(why) = fs::remove_file(&path) {
                tracing::error!(%why, "an old recording could not be deleted");
            }
        }
    }

    fn index(&self) -> MutexGuard<'_, HashMap<OperationId, Recording>> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recording {
    fn is_due(&self, now: SystemTime) -> bool {
        self.delete_at.is_some_and(|at| at <= now)
            || self.created_at + limits::RECORDING_KEPT_MAX <= now
    }
}

/// A recording being written. Dropped without a word, it is discarded.
///
/// Its methods touch the file system (a rename, a removal): call them where a file is written, not
/// on a tick thread.
pub(crate) struct RecordingSpool {
    path: PathBuf,
    recordings: Arc<Recordings>,
    operation: OperationId,
    leg: LegId,
    bot: AppId,
    settled: bool,
}

impl RecordingSpool {
    /// The file to write; it does not exist yet.
    pub(crate) fn create(&self) -> io::Result<seal::Writer> {
        let seal = self.recordings.seal.as_ref();
        seal::Writer::create(&self.path, seal, self.operation)
    }

    /// The file is complete: from now on the bot can fetch it.
    pub(crate) fn finish(mut self, duration: Duration, rate: Rate) -> io::Result<()> {
        let complete = self.recordings.complete(self.operation, rate);
        fs::rename(&self.path, &complete)?;
        self.settled = true;
        let known = {
            let mut index = self.recordings.index();
            index.get_mut(&self.operation).map(|recording| {
                recording.finished = true;
                let caller = recording.caller.clone();
                (recording.created_at, recording.delete_at, caller)
            })
        };
        let Some((created_at, delete_at, caller)) = known else {
            // Its time was over while it was being written.
            return fs::remove_file(&complete);
        };
        let writer = &self.recordings.store.writer;
        writer.note(Note::Recorded {
            operation: self.operation,
            leg: self.leg,
            bot: self.bot,
            at: ms(created_at),
            duration_ms: i64::try_from(duration.as_millis()).unwrap_or(i64::MAX),
            caller,
        });
        if let Some(delete_at) = delete_at {
            writer.note(Note::RecordingDue {
                operation: self.operation,
                delete_at: ms(delete_at),
            });
        }
        Ok(())
    }

    /// Nobody wants it.
    pub(crate) fn discard(self) {}
}

impl Drop for RecordingSpool {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        self.recordings.index().remove(&self.operation);
        if let Err(why) = fs::remove_file(&self.path)
            && why.kind() != io::ErrorKind::NotFound
        {
            tracing::error!(operation = %self.operation, %why, "a discarded recording stays behind");
        }
    }
}

/// A complete recording.
pub(crate) struct AnswerFile {
    recordings: Arc<Recordings>,
    pub(crate) document: OperationId,
    pub(crate) leg: LegId,
    pub(crate) bot: Option<AppId>,
    pub(crate) began_ms: i64,
}

impl AnswerFile {
    /// The WAV a bot is promised. Touches the disk.
    pub(crate) fn wav(&self) -> io::Result<Vec<u8>> {
        let (rate, kept) = self.recordings.read(self.document)?;
        widen(rate, &kept)
    }
}

/// `GET /recordings/{id}`: the file, in chunks.
pub(crate) async fn download(
    State(recordings): State<Arc<Recordings>>,
    UrlPath(id): UrlPath<String>,
    headers: HeaderMap,
) -> Response {
    let shown = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let token = offhook_identity::bearer(shown).unwrap_or_default();
    // An id that is none gets the answer of a token that is none.
    let operation = id.parse::<OperationId>().ok();
    let Some(operation) = operation.filter(|id| recordings.token_opens(token, *id)) else {
        return graph::Refused::recording_token().into_response();
    };
    if !recordings.is_there(operation) {
        return graph::Refused::recording_gone().into_response();
    }
    let _turn = recordings.fetches.acquire().await;
    let kept = Arc::clone(&recordings);
    let widened = tokio::task::spawn_blocking(move || {
        let (rate, kept) = kept.read(operation)?;
        widen(rate, &kept)
    })
    .await;
    match widened.unwrap_or_else(|_| Err(io::Error::other("reading it failed"))) {
        Ok(wav) => chunked(wav),
        // Deleted a moment ago.
        Err(why) if why.kind() == io::ErrorKind::NotFound => {
            graph::Refused::recording_gone().into_response()
        }
        Err(why) => {
            tracing::error!(%operation, %why, "a recording cannot be read");
            graph::fault()
        }
    }
}

/// The WAV a bot is promised, from the samples that are kept.
fn widen(rate: Rate, kept: &[u8]) -> io::Result<Vec<u8>> {
    // Twice the samples at most, and a header.
    let mut wav = io::Cursor::new(Vec::with_capacity(2 * kept.len() + 64));
    let mut writer = offhook_media::wav::Writer::new(&mut wav)?;
    let mut samples = [0; offhook_media::TICK_SAMPLES];
    for frame in kept.chunks(2 * samples.len()) {
        let pairs = frame.chunks_exact(2);
        let count = pairs.len();
        for (sample, pair) in samples.iter_mut().zip(pairs) {
            *sample = i16::from_le_bytes([pair[0], pair[1]]);
        }
        writer.write(rate, &samples[..count])?;
    }
    writer.finish()?;
    Ok(wav.into_inner())
}

/// In chunks, as the documentation shows it.
fn chunked(wav: Vec<u8>) -> Response {
    let mut rest = Bytes::from(wav);
    let chunks = std::iter::from_fn(move || {
        let next = rest.split_to(rest.len().min(limits::RECORDING_CHUNK_BYTES));
        (!next.is_empty()).then_some(Ok::<_, io::Error>(next))
    });
    let mut response = Response::new(Body::from_stream(futures::stream::iter(chunks)));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::routing::get;
    use http::Request;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    const OPERATION: OperationId = OperationId::from_bits(7);
    const LEG: LegId = LegId::from_bits(8);
    const BOT: AppId = AppId::from_bits(9);
    /// Forty samples at 8 kHz.
    const KEPT: &[u8] = &[1; 80];

    async fn open(data: &Path, retention: Duration) -> (Store, Arc<Recordings>) {
        super::super::open_folder(data).expect("made");
        let store = Store::open(data).await.expect("opens");
        let base = "http://127.0.0.1:1".to_owned();
        let recordings = Recordings::open(store.clone(), data, retention, base, None)
            .await
            .expect("opens");
        (store, recordings)
    }

    fn record(recordings: &Arc<Recordings>) {
        let spool = recordings.begin(OPERATION, LEG, BOT, "+14255550100");
        spool.create().expect("made").append(KEPT).expect("written");
        spool
            .finish(Duration::from_secs(1), Rate::Narrow)
            .expect("finished");
    }

    async fn fetch(recordings: &Arc<Recordings>, id: &str, token: Option<&str>) -> (u16, Vec<u8>) {
        let app = Router::new()
            .route("/recordings/{id}", get(download))
            .with_state(Arc::clone(recordings));
        let mut request = Request::get(format!("/recordings/{id}"));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Body::empty()).expect("a request");
        let response = app.oneshot(request).await.expect("infallible");
        let status = response.status().as_u16();
        let body = response
            .into_body()
            .collect()
            .await
            .expect("read")
            .to_bytes();
        (status, body.to_vec())
    }

    fn files(data: &Path) -> usize {
        fs::read_dir(data.join("recordings"))
            .expect("a folder")
            .count()
    }

    #[tokio::test]
    async fn only_its_own_token_opens_a_recording() {
        let data = tempfile::tempdir().expect("a temporary folder");
        let (store, recordings) = open(data.path(), Duration::from_secs(600)).await;
        record(&recordings);
        let id = OPERATION.to_string();
        let token = recordings.access_token(OPERATION);
        let other = recordings.access_token(OperationId::from_bits(1));
        let good = Some(token.reveal().as_str());
        let (status, wav) = fetch(&recordings, &id, good).await;
        assert_eq!(status, 200);
        let read = offhook_media::wav::read_prompt(&wav).expect("what a bot may play as it is");
        assert_eq!(read.samples.len(), KEPT.len(), "two samples for one");
        assert_eq!(fetch(&recordings, &id, None).await.0, 401);
        assert_eq!(fetch(&recordings, &id, Some("x")).await.0, 401);
        assert_eq!(fetch(&recordings, &id, Some(other.reveal())).await.0, 401);
        // A stranger learns nothing about what exists.
        assert_eq!(fetch(&recordings, "nonsense", good).await.0, 401);
        let unknown = OperationId::from_bits(1).to_string();
        assert_eq!(fetch(&recordings, &unknown, good).await.0, 401);
        assert_eq!(
            fetch(&recordings, &unknown, Some(other.reveal())).await.0,
            404
        );
        store.close().await;
    }

    #[tokio::test]
    async fn a_recording_is_deleted_when_its_time_is_over() {
        let data = tempfile::tempdir().expect("a temporary folder");
        let (store, recordings) = open(data.path(), Duration::from_secs(600)).await;
        record(&recordings);
        let token = recordings.access_token(OPERATION);
        recordings.call_ended(LEG);
        recordings.sweep(clock::wall() + Duration::from_secs(590));
        assert_eq!(files(data.path()), 1);
        recordings.sweep(clock::wall() + Duration::from_secs(601));
        assert_eq!(files(data.path()), 0);
        let gone = fetch(&recordings, &OPERATION.to_string(), Some(token.reveal())).await;
        assert_eq!(gone.0, 404);
        store.close().await;
    }

    #[tokio::test]
    async fn nothing_is_left_at_hang_up_when_nothing_may_be_kept() {
        let data = tempfile::tempdir().expect("a temporary folder");
        let (store, recordings) = open(data.path(), Duration::ZERO).await;
        record(&recordings);
        assert_eq!(files(data.path()), 1);
        recordings.call_ended(LEG);
        assert_eq!(files(data.path()), 0);

        // Hang-up in the middle of a recording, in either order.
        let spool = recordings.begin(OPERATION, LEG, BOT, "+14255550100");
        spool.create().expect("made").append(KEPT).expect("written");
        recordings.call_ended(LEG);
        spool
            .finish(Duration::from_secs(1), Rate::Narrow)
            .expect("finished");
        assert_eq!(files(data.path()), 0);
        let spool = recordings.begin(OPERATION, LEG, BOT, "+14255550100");
        spool.create().expect("made").append(KEPT).expect("written");
        spool.discard();
        assert_eq!(files(data.path()), 0);
        store.close().await;
    }

    #[tokio::test]
    async fn a_restart_keeps_complete_files_and_removes_the_rest() {
        let data = tempfile::tempdir().expect("a temporary folder");
        let (store, recordings) = open(data.path(), Duration::from_secs(600)).await;
        record(&recordings);
        let token = recordings.access_token(OPERATION);
        store.close().await;
        fs::write(data.path().join("recordings/half.part"), b"RI").expect("written");
        fs::write(data.path().join("recordings/stray.pcm"), b"RI").expect("written");

        let (store, recordings) = open(data.path(), Duration::from_secs(600)).await;
        assert_eq!(files(data.path()), 1);
        let id = OPERATION.to_string();
        assert_eq!(fetch(&recordings, &id, Some(token.reveal())).await.0, 200);
        // Its call ended with the process.
        recordings.sweep(clock::wall() + Duration::from_secs(601));
        assert_eq!(files(data.path()), 0);
        store.close().await;
    }
}
