//! Ids and secrets made at the first start, in `secrets.json` of the data folder.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use offhook_identity::random_token;
use offhook_terms::{AppId, CallId, PersonId, Private};
use serde::{Deserialize, Serialize};

/// The secrets of the data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RegistryError {
    /// The file cannot be read or written.
    #[error("{}: generated secrets cannot be kept there ({why})", .file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// What the system said.
        why: io::Error,
    },
    /// The file is not what we wrote.
    #[error(
        "{}: is not a file of secrets ({why}); repair it, or remove it to have new ones made",
        .file.display()
    )]
    Content {
        /// Which.
        file: PathBuf,
        /// What is wrong with it.
        why: serde_json::Error,
    },
    /// The machine has no randomness.
    #[error("this machine gives no random numbers, so no secrets can be made")]
    Randomness,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    tenant: Option<String>,
    people: BTreeMap<String, PersonEntry>,
    bots: BTreeMap<String, BotEntry>,
}

#[derive(Clone, Serialize, Deserialize)]
struct PersonEntry {
    id: String,
    sip_password: String,
}

#[derive(Clone, Serialize, Deserialize)]
struct BotEntry {
    app_id: String,
    secret: String,
}

pub(super) struct PersonSecrets {
    pub(super) id: PersonId,
    pub(super) password: Private<String>,
}

pub(super) struct BotSecrets {
    pub(super) app: AppId,
    pub(super) secret: Private<String>,
}

/// The file, while everybody is read.
pub(super) struct Kept {
    path: PathBuf,
    file: File,
    changed: bool,
}

impl Kept {
    pub(super) fn open(data: &Path) -> Result<Self, RegistryError> {
        // Asked for once here, so that making a secret below cannot fail.
        random_token(1).map_err(|_| RegistryError::Randomness)?;
        let path = data.join("secrets.json");
        let file = match fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).map_err(|why| RegistryError::Content {
                file: path.clone(),
                why,
            })?,
            Err(why) if why.kind() == io::ErrorKind::NotFound => File::default(),
            Err(why) => return Err(RegistryError::File { file: path, why }),
        };
        Ok(Self {
            path,
            file,
            changed: false,
        })
    }

    pub(super) fn tenant(&mut self) -> String {
        let changed = &mut self.changed;
        self.file
            .tenant
            .get_or_insert_with(|| {
                *changed = true;
                CallId::from_random(rand::random()).to_string()
            })
            .clone()
    }

    pub(super) fn person(&mut self, name: &str) -> PersonSecrets {
        let entry = self.file.people.get(name).cloned();
        // A hand-edited id that is none is replaced: nobody can have used it.
        if let Some(entry) = entry
            && let Ok(id) = entry.id.parse()
        {
            return PersonSecrets {
                id,
                password: Private::new(entry.sip_password),
            };
        }
        let id = PersonId::from_random(rand::random());
        let password = secret(12);
        self.changed = true;
        self.file.people.insert(
            name.to_owned(),
            PersonEntry {
                id: id.to_string(),
                sip_password: password.reveal().clone(),
            },
        );
        PersonSecrets { id, password }
    }

    pub(super) fn bot(&mut self, name: &str) -> BotSecrets {
        let entry = self.file.bots.get(name).cloned();
        if let Some(entry) = entry
            && let Ok(app) = entry.app_id.parse()
        {
            return BotSecrets {
                app,
                secret: Private::new(entry.secret),
            };
        }
        let app = AppId::from_random(rand::random());
        let secret = secret(30);
        self.changed = true;
        self.file.bots.insert(
            name.to_owned(),
            BotEntry {
                app_id: app.to_string(),
                secret: secret.reveal().clone(),
            },
        );
        BotSecrets { app, secret }
    }

    /// Writes what was made. A crash leaves the old file or the new one, never half of one.
    pub(super) fn close(self) -> Result<(), RegistryError> {
        if !self.changed {
            return Ok(());
        }
        let text = serde_json::to_string_pretty(&self.file)
            .expect("names and secrets are text, which always prints");
        write_private(&self.path, &text).map_err(|why| RegistryError::File {
            file: self.path,
            why,
        })
    }
}

fn secret(bytes: usize) -> Private<String> {
    random_token(bytes).expect("the machine had randomness a moment ago")
}

/// Writes a file that only its owner can read, whole or not at all.
pub(crate) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    // A left-over of a crash may have any permissions.
    match fs::remove_file(&new) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
        _ => {}
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)
}
