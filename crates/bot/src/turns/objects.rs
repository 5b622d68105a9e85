//! Documents in an object store (feature `object-store`): S3, Azure Blob, a folder, whatever the crate `object_store`
//! speaks. For a bot of many machines.

use std::sync::Arc;

use async_trait::async_trait;
use object_store::path::Path;
use object_store::{
    Error, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload, UpdateVersion,
};
use tokio::sync::Mutex;

use super::{StateFault, Storage, Stored, Version};
use crate::limits::STATE_BYTES_MAX;

/// Keeps each document in an object of its own, below a prefix. Its name is the SHA-256 of the document's, in
/// hexadecimal: numbers and names of people are not in the store's own logs.
///
/// A store that can refuse to overwrite another version (S3, Azure, Google, memory) is safe with many processes. A
/// folder cannot, so one folder is for one process. Objects that nobody needs any more are the business of the
/// store's own life-cycle rules.
///
/// ```
/// use offhook_bot::turns::Objects;
///
/// let store = object_store::memory::InMemory::new();
/// let state = Objects::new(store, "bots/echo");
/// ```
#[derive(Debug)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    /// One at a time where the store itself cannot compare.
    comparing: Mutex<()>,
}

impl Objects {
    /// Documents of this store, below a prefix; an empty one is the store's root.
    pub fn new(store: impl ObjectStore, prefix: &str) -> Self {
        Self {
            store: Arc::new(store),
            prefix: Path::from(prefix),
            comparing: Mutex::default(),
        }
    }

    fn place(&self, name: &str) -> Path {
        use std::fmt::Write as _;
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, name.as_bytes());
        let mut object = String::with_capacity(64);
        for byte in digest.as_ref() {
            let _ = write!(object, "{byte:02x}");
        }
        self.prefix.clone().join(object)
    }

    /// Compares and writes, as one thing within this process.
    async fn write_compared(
        &self,
        place: &Path,
        payload: PutPayload,
        over: UpdateVersion,
    ) -> Result<UpdateVersion, Error> {
        let _one_at_a_time = self.comparing.lock().await;
        let now = self.store.head(place).await?;
        if (now.e_tag, now.version) != (over.e_tag, over.version) {
            return Err(Error::Precondition {
                path: place.to_string(),
                source: "it was changed".into(),
            });
        }
        Ok(self.store.put(place, payload).await?.into())
    }
}

#[async_trait]
impl Storage for Objects {
    async fn read(&self, name: &str) -> Result<Option<Stored>, StateFault> {
        let found = match self.store.get(&self.place(name)).await {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(why) => return Err(failed(why)),
        };
        if found.meta.size > STATE_BYTES_MAX as u64 {
            let size = usize::try_from(found.meta.size).unwrap_or(usize::MAX);
            return Err(StateFault::TooLarge(size));
        }
        let version = UpdateVersion {
            e_tag: found.meta.e_tag.clone(),
            version: found.meta.version.clone(),
        };
        let bytes = found.bytes().await.map_err(failed)?;
        Ok(Some(Stored {
            bytes: bytes.into(),
            version: written(&version),
        }))
    }

    async fn write(
        &self,
        name: &str,
        bytes: Vec<u8>,
        over: Option<&Version>,
    ) -> Result<Version, StateFault> {
        let place = self.place(name);
        let mode = match over {
            None => PutMode::Create,
            Some(over) => PutMode::Update(read(over)?),
        };
        let options = PutOptions::from(mode.clone());
        // A clone of it is another handle on the same bytes.
        let payload = PutPayload::from(bytes);
        let put = self.store.put_opts(&place, payload.clone(), options);
        let put = match (put.await, mode) {
            (Err(Error::NotImplemented { .. }), PutMode::Update(over)) => {
                self.write_compared(&place, payload, over).await
            }
            (put, _) => put.map(UpdateVersion::from),
        };
        match put {
            Ok(version) => Ok(written(&version)),
            Err(
                Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotFound { .. },
            ) => Err(StateFault::Changed),
            Err(why) => Err(failed(why)),
        }
    }
}

fn written(version: &UpdateVersion) -> Version {
    Version(serde_json::json!([version.e_tag, version.version]).to_string())
}

fn read(version: &Version) -> Result<UpdateVersion, StateFault> {
    let read = serde_json::from_str::<[Option<String>; 2]>(&version.0);
    let [e_tag, version] = read.map_err(|_| StateFault::Changed)?;
    Ok(UpdateVersion { e_tag, version })
}

fn failed(why: Error) -> StateFault {
    StateFault::Store(why.to_string())
}
