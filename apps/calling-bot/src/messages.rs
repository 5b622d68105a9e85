//! Messages on disk: from the download until they have been played back, and no longer.
//!
//! A message is deleted when its [`Message`] is dropped, however that comes about; when it is
//! older than it may be, if somebody still holds it; and at start-up, if a crash left it.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use offhook_bot::identity::random_token;
use offhook_bot::{GraphFault, Private, Recording};
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use crate::limits::{MESSAGE_KEPT, MESSAGES_BYTES_MAX};

/// Why a message could not be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotKept {
    #[error("the download failed: {0}")]
    Download(#[from] GraphFault),
    #[error("it could not be written: {0}")]
    Disk(#[from] io::Error),
    #[error("it is no WAV file")]
    NotAWav,
    #[error("too many messages are being played back")]
    Full,
    #[error("there is no randomness for its address")]
    NoToken,
}

/// The messages on disk.
#[derive(Debug, Clone)]
pub(crate) struct Messages(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    index: Mutex<HashMap<String, Kept>>,
}

#[derive(Debug)]
struct Kept {
    file: PathBuf,
    bytes: u64,
    until: Instant,
}

/// A message on disk; dropping it deletes it.
#[derive(Debug)]
pub(crate) struct Message {
    messages: Messages,
    token: Private<String>,
}

impl Message {
    /// Where the platform fetches it, below the bot's own address. Knowing it is the permission.
    pub(crate) fn path(&self) -> Private<String> {
        Private::new(format!("/media/{}.wav", self.token.reveal()))
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        self.messages.delete(self.token.reveal());
    }
}

impl Messages {
    /// The messages of a folder, which is made if it is not there and emptied if it is.
    pub(crate) fn open(data_dir: &Path) -> io::Result<Self> {
        let folder = data_dir.join("messages");
        make_private(&folder)?;
        for entry in std::fs::read_dir(&folder)? {
            let file = entry?.path();
            // Only what we would have written: the folder may be the wrong one.
            if file
                .extension()
                .is_some_and(|kind| kind == "wav" || kind == "part")
            {
                std::fs::remove_file(file)?;
            }
        }
        Ok(Self(Arc::new(Shared {
            folder,
            index: Mutex::default(),
        })))
    }

    /// Downloads a message to disk.
    pub(crate) async fn keep(&self, mut recording: Recording) -> Result<Message, NotKept> {
        let token = random_token(16).map_err(|_| NotKept::NoToken)?;
        let file = self.0.folder.join(format!("{}.wav", token.reveal()));
        let part = Unfinished(file.with_extension("part"));

        let mut out = tokio::fs::File::create(&part.0).await?;
        let mut head = Vec::with_capacity(12);
        let mut bytes = 0;
        while let Some(chunk) = recording.chunk().await? {
            let missing = 12usize.saturating_sub(head.len());
            head.extend(chunk.iter().take(missing));
            bytes += chunk.len() as u64;
            if self.bytes() + bytes > MESSAGES_BYTES_MAX {
                return Err(NotKept::Full);
            }
            out.write_all(&chunk).await?;
        }
        out.flush().await?;
        drop(out);
        if !is_wav(&head) {
            return Err(NotKept::NotAWav);
        }
        // Seen under its address only when it is whole.
        tokio::fs::rename(&part.0, &file).await?;
        let until = Instant::now() + MESSAGE_KEPT;
        let kept = Kept { file, bytes, until };
        self.index().insert(token.reveal().clone(), kept);
        Ok(Message {
            messages: self.clone(),
            token,
        })
    }

    /// Deletes what is older than it may be.
    pub(crate) fn sweep(&self) {
        let now = Instant::now();
        let mut late: Vec<String> = Vec::new();
        for (token, kept) in self.index().iter() {
            if kept.until <= now {
                late.push(token.clone());
            }
        }
        for token in late {
            tracing::warn!("a message was not played back in time");
            self.delete(&token);
        }
    }

    fn delete(&self, token: &str) {
        let Some(kept) = self.index().remove(token) else {
            return;
        };
        if let Err(error) = std::fs::remove_file(&kept.file)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::error!(%error, "a message could not be deleted");
        }
    }

    fn find(&self, token: &str) -> Option<PathBuf> {
        let index = self.index();
        let kept = index.get(token)?;
        (Instant::now() < kept.until).then(|| kept.file.clone())
    }

    fn bytes(&self) -> u64 {
        self.index().values().map(|kept| kept.bytes).sum()
    }

    fn index(&self) -> std::sync::MutexGuard<'_, HashMap<String, Kept>> {
        self.0.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The route messages are fetched from.
    pub(crate) fn routes(&self) -> Router {
        Router::new()
            .route("/media/{file}", get(serve))
            .with_state(self.clone())
    }
}

/// A download that is not finished; dropping it deletes what there is of it.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After a rename there is nothing here any more.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn is_wav(head: &[u8]) -> bool {
    head.len() == 12 && head.starts_with(b"RIFF") && head.ends_with(b"WAVE")
}

/// Voices of callers are nobody else's to read.
fn make_private(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

async fn serve(
    State(messages): State<Messages>,
    axum::extract::Path(file): axum::extract::Path<String>,
) -> Response {
    // The name is looked up, never joined to a path.
    let found = file
        .strip_suffix(".wav")
        .and_then(|token| messages.find(token));
    let Some(file) = found else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match tokio::fs::read(file).await {
        Ok(audio) => {
            let headers = [(CONTENT_TYPE, "audio/wav"), (CACHE_CONTROL, "no-store")];
            (headers, audio).into_response()
        }
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}
