//! Recordings of calls: what a bot of the Telephony channel starts, pauses, resumes and stops.
//!
//! ```text
//!   tick ── ring of frames ──▶ writer ──▶ {document}.wav     what was heard and said
//!                                   └───▶ {document}.log     what happened, a line each
//!   {document}.log ──▶ index ──▶ routes: download, metadata, list, delete
//!                            └─▶ errands: to the destination, to the webhook
//! ```
//!
//! A recording is on disk as it is spoken. Audio is written every 400 ms and forced to the disk
//! every half second, so that neither the end of the process nor a power cut takes more than the last second; the
//! header of the file says "until the end" until it is known, so that what there is plays. What happened
//! to it is written beside it, and nothing else has to be remembered: the next process reads the logs,
//! ends what was cut off, and goes on with what was not yet delivered.
//!
//! With a key both files are sealed (`seal.rs`).

mod errands;
mod log;
mod routes;
mod wav;
mod writer;

use std::collections::HashMap;
use std::fs;
use std::io::{self, BufRead as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use offhook_engine::TapeChannels;
use offhook_terms::{AppId, OperationId};
use tokio::sync::Notify;

use crate::config::{self, RecordingChannels};
use crate::login::Login;
use crate::seal::{self, Seal};
use crate::store::{Recordings, Store, StoreError, ms};
use crate::{clock, limits};

pub(crate) use errands::Destination;
pub(crate) use log::{About, EndReason, Kind};
pub(crate) use routes::routes;
pub(crate) use writer::Taping;

use log::{Log, Story};
use writer::Writer;

/// Which recording, or which other file that is kept with a call.
pub(crate) type DocumentId = OperationId;

/// The recordings cannot be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TapesError {
    /// A setting.
    #[error("`recordings.{setting}` {why}")]
    Setting { setting: &'static str, why: String },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder, or the thread that writes.
    #[error("{}: recordings cannot be kept there ({why})", .folder.display())]
    Folder { folder: PathBuf, why: io::Error },
}

/// What recordings are kept and fetched with.
pub(crate) struct Means {
    /// How others reach this platform.
    pub(crate) base: String,
    pub(crate) seal: Option<Seal>,
    pub(crate) login: Arc<Login>,
    pub(crate) answers: Arc<Recordings>,
    /// Whom the webhook may be.
    pub(crate) trust: Arc<rustls::ClientConfig>,
}

/// What everything is sealed with, if it is to be.
pub(crate) fn seal_of(settings: &config::Recordings) -> Result<Option<Seal>, TapesError> {
    let seal = settings.key.as_ref().map(|key| Seal::new(key.reveal()));
    seal.transpose().map_err(|why| TapesError::Setting {
        setting: "key",
        why: why.to_owned(),
    })
}

/// All recordings of calls.
pub(crate) struct Tapes {
    folder: PathBuf,
    base: String,
    retention: Duration,
    channels: TapeChannels,
    seal: Option<Seal>,
    destination: Option<Destination>,
    webhook: Option<errands::Webhook>,
    /// What links are signed with.
    link_key: hmac::Key,
    /// What requests may be signed with.
    access_key: Option<hmac::Key>,
    index: Mutex<HashMap<DocumentId, Story>>,
    writer: Writer,
    /// Told when there is something to deliver.
    errands: Notify,
    login: Arc<Login>,
    answers: Arc<Recordings>,
}

impl Tapes {
    /// Finds what the last process left: what was cut off is ended, what is torn is mended.
    pub(crate) async fn open(
        settings: &config::Recordings,
        data: &Path,
        store: &Store,
        means: Means,
    ) -> Result<Arc<Self>, TapesError> {
        let Means {
            base,
            seal,
            login,
            answers,
            trust,
        } = means;
        let folder = data.join("calls");
        let refused = |why| TapesError::Folder {
            folder: folder.clone(),
            why,
        };
        let wrong = |setting, why: String| TapesError::Setting { setting, why };
        let access_key = settings
            .access_key
            .as_ref()
            .map(|key| STANDARD.decode(key.reveal().trim()))
            .transpose()
            .map_err(|_| wrong("access_key", "is not base64".to_owned()))?;
        let destination = settings
            .destination
            .as_ref()
            .map(|url| Destination::open(url, &settings.destination_options))
            .transpose()
            .map_err(|why| wrong("destination", why))?;
        let webhook = settings
            .webhook
            .clone()
            .map(|url| errands::Webhook::new(url, trust))
            .transpose()
            .map_err(|why| wrong("webhook", why))?;
        let found = {
            let (folder, seal) = (folder.clone(), seal.clone());
            let reading = tokio::task::spawn_blocking(move || find(&folder, seal.as_ref()));
            reading
                .await
                .unwrap_or_else(|_| Err(io::Error::other("reading it failed")))
                .map_err(refused)?
        };
        let secret = store.secret("recording links").await?;
        let tapes = Arc::new(Self {
            writer: Writer::start(&folder).map_err(refused)?,
            folder,
            base,
            retention: settings.retention,
            channels: match settings.channels {
                RecordingChannels::Mixed => TapeChannels::Mixed,
                RecordingChannels::Separate => TapeChannels::Separate,
            },
            seal,
            destination,
            webhook,
            link_key: hmac::Key::new(hmac::HMAC_SHA256, &secret),
            access_key: access_key.map(|key| hmac::Key::new(hmac::HMAC_SHA256, &key)),
            index: Mutex::new(found),
            errands: Notify::new(),
            login,
            answers,
        });
        tapes.sweep(clock::wall());
        Ok(tapes)
    }

    /// How many are being written, for whoever watches.
    pub(crate) fn running(&self) -> usize {
        let index = self.index();
        index.values().filter(|story| story.ended.is_none()).count()
    }

    /// Those whose end has not been delivered.
    pub(crate) fn undelivered(&self) -> usize {
        self.index()
            .values()
            .filter(|story| self.owes(story))
            .count()
    }

    fn owes(&self, story: &Story) -> bool {
        let wants_away = self.destination.is_some() && !story.is_away();
        let wants_told = self.webhook.is_some() && !story.is_told;
        story.ended.is_some() && (wants_away || wants_told)
    }

    /// Deletes what is due. Called about once a second, and cheap when nothing is.
    pub(crate) fn sweep(&self, now: SystemTime) {
        let is_due = |story: &Story| {
            let ended = story.ended.as_ref();
            ended.is_some_and(|ended| story.is_unwanted || ended.at() + self.retention <= now)
        };
        let due: Vec<DocumentId> = {
            let index = self.index();
            let due = index.iter().filter(|(_, story)| is_due(story));
            due.map(|(document, _)| *document).collect()
        };
        for document in due {
            self.remove(document);
        }
    }

    /// Deletes a recording here; its copy elsewhere is deleted by an errand, and its log goes last.
    fn remove(&self, document: DocumentId) -> bool {
        let story = {
            let mut index = self.index();
            match index.get_mut(&document) {
                // What is still being written is deleted when it has ended.
                Some(story) if story.ended.is_none() => {
                    story.is_unwanted = true;
                    return true;
                }
                Some(_) => index.remove(&document),
                None => None,
            }
        };
        let Some(story) = story else { return false };
        let mut all = vec![self.audio_file(document)];
        let log = self.log_file(document);
        match (&story.away, &self.destination) {
            (Some(away), Some(destination)) => {
                // Its log goes last: were the process to end now, the next one deletes the copy.
                let noted = Log::append(&log, self.seal.as_ref(), document);
                if let Err(why) = noted.and_then(|mut log| log.unwanted()) {
                    tracing::error!(%document, %why, "a recording could not be marked as deleted");
                }
                destination.forget_soon(away.clone(), log);
            }
            _ => all.push(log),
        }
        for file in all {
            if let Err(why) = fs::remove_file(&file)
                && why.kind() != io::ErrorKind::NotFound
            {
                tracing::error!(%document, %why, "a recording could not be deleted");
            }
        }
        true
    }

    /// Keeps a file that belongs to a call, beside its recordings: the transcript that a bot hands
    /// over with its caller.
    pub(crate) fn keep_transcript(&self, about: About, text: &[u8]) {
        let document = about.document;
        if let Err(why) = self.write_transcript(about, text) {
            tracing::error!(%document, %why, "the transcript of a call could not be kept");
        }
    }

    fn write_transcript(&self, about: About, text: &[u8]) -> io::Result<()> {
        let document = about.document;
        let mut audio =
            seal::Writer::create(&self.audio_file(document), self.seal.as_ref(), document)?;
        audio.append(text)?;
        let mut log = Log::create(&self.log_file(document), self.seal.as_ref(), document)?;
        let mut story = Story::new(about.clone());
        log.began(&about)?;
        let ended = log.ended(log::Ended {
            at_ms: ms(clock::wall()),
            reason: EndReason::SessionEnded,
            frames: 0,
            bytes: text.len() as u64,
            lost: 0,
        })?;
        story.ended = Some(ended);
        self.index().insert(document, story);
        self.errands.notify_one();
        Ok(())
    }

    /// A recording has ended, and all of it is on disk.
    fn finished(&self, document: DocumentId, story: Story) {
        let is_unwanted = {
            let mut index = self.index();
            let was = index.insert(document, story);
            was.is_some_and(|was| was.is_unwanted)
        };
        if is_unwanted {
            self.remove(document);
        }
        self.errands.notify_one();
    }

    fn audio_file(&self, document: DocumentId) -> PathBuf {
        let end = match self.seal {
            Some(_) => "sealed",
            None => "wav",
        };
        self.folder.join(format!("{document}.{end}"))
    }

    fn log_file(&self, document: DocumentId) -> PathBuf {
        self.folder.join(format!("{document}.log"))
    }

    fn index(&self) -> MutexGuard<'_, HashMap<DocumentId, Story>> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Delivers what has ended, for as long as the platform runs.
    pub(crate) async fn run_errands(self: Arc<Self>) {
        errands::run(self).await;
    }

    /// Waits until every recording that has ended is complete on disk.
    pub(crate) async fn drain(&self) {
        while self.running() > 0 {
            tokio::time::sleep(limits::TAPES_LOOK).await;
        }
    }

    /// Where a recording is fetched, and what its bot and the webhook are told.
    fn location(&self, document: DocumentId) -> String {
        format!("{}/recording/download/{document}", self.base)
    }
}

/// Reads the logs of a folder. What was cut off is ended where it stops.
fn find(folder: &Path, seal: Option<&Seal>) -> io::Result<HashMap<DocumentId, Story>> {
    let mut found = HashMap::new();
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        let is_log = path.extension().is_some_and(|end| end == "log");
        let document = path
            .file_stem()
            .and_then(|stem| stem.to_str()?.parse().ok());
        let Some(document) = document.filter(|_| is_log) else {
            continue;
        };
        if is_blank(&path)? {
            // The process ended before the first line was whole, and with that before any audio.
            fs::remove_file(&path)?;
            continue;
        }
        match recover(folder, &path, seal, document) {
            Ok(story) => drop(found.insert(document, story)),
            // It stays where it is: a wrong key is no reason to delete what was recorded.
            Err(why) => {
                tracing::error!(%document, %why, "a recording cannot be read; is `recordings.key` the one it was made with?");
            }
        }
    }
    Ok(found)
}

/// Whether a log has not one line.
fn is_blank(log: &Path) -> io::Result<bool> {
    let mut first = Vec::new();
    let mut file = io::BufReader::new(fs::File::open(log)?);
    file.read_until(b'\n', &mut first)?;
    Ok(!first.ends_with(b"\n"))
}

fn recover(
    folder: &Path,
    path: &Path,
    seal: Option<&Seal>,
    document: DocumentId,
) -> io::Result<Story> {
    let mut story = Story::read(path, seal, document)?;
    if story.ended.is_some() {
        return Ok(story);
    }
    let sealed = folder.join(format!("{document}.sealed"));
    let plain = folder.join(format!("{document}.wav"));
    let audio = if sealed.exists() { sealed } else { plain };
    let seal_of_it = seal.filter(|_| audio.extension().is_some_and(|end| end == "sealed"));
    let (bytes, changed) = match audio.exists() {
        true => (
            wav::mend(&audio, seal_of_it, document, &story)?,
            fs::metadata(&audio)?.modified()?,
        ),
        // It was cut off before its first frame.
        false => (0, story.about.began()),
    };
    let ended = log::Ended {
        at_ms: ms(changed),
        reason: EndReason::Interrupted,
        frames: story.frames_in(bytes),
        bytes,
        lost: 0,
    };
    story.ended = Some(Log::append(path, seal, document)?.ended(ended)?);
    tracing::warn!(%document, "a recording was cut off by the end of the last process; what there is was kept");
    Ok(story)
}

/// What a request may be signed with, for whoever wants to see one recording of one bot.
fn may_see(story: &Story, bot: Option<AppId>) -> bool {
    bot.is_none_or(|bot| story.about.bot == bot)
}

#[cfg(test)]
mod tests;

#[cfg(test)]
impl Tapes {
    pub(crate) async fn for_tests(
        data: &Path,
        store: &Store,
        login: Arc<Login>,
        answers: Arc<Recordings>,
    ) -> Arc<Self> {
        let means = Means {
            base: "http://127.0.0.1:8080".to_owned(),
            seal: None,
            login,
            answers,
            trust: crate::outgoing::trust_nobody(),
        };
        Self::open(&config::Recordings::default(), data, store, means)
            .await
            .expect("a place for recordings")
    }
}
