//! What is remembered from turn to turn: a document for each conversation and one for each user.
//!
//! A document is read when it is first asked for and written at the end of the turn, if it was
//! changed. Turns of one conversation never run at the same time within one process; between
//! processes, and for users, a document that somebody else wrote meanwhile is not overwritten: the
//! turn fails with [`StateFault::Changed`].

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use offhook_wire::activity::Activity;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::StateFault;
use crate::limits::{MEMORY_DOCUMENTS_MAX, STATE_BYTES_MAX};

/// Which writing of a document: a store gives each another one.
///
/// ```
/// use offhook_bot::turns::{Memory, Storage, StateFault};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), StateFault> {
/// let store = Memory::default();
/// let first = store.write("ada", b"{}".to_vec(), None).await?;
/// store.write("ada", b"[]".to_vec(), Some(&first)).await?;
/// // Whoever has not read what is there does not write over it.
/// let late = store.write("ada", b"{}".to_vec(), Some(&first)).await;
/// assert!(matches!(late, Err(StateFault::Changed)));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(pub String);

/// A document as it is kept.
///
/// ```
/// use offhook_bot::turns::{Memory, Storage};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Memory::default();
/// store.write("ada", b"{}".to_vec(), None).await?;
/// let stored = store.read("ada").await?.expect("just written");
/// assert_eq!(stored.bytes, b"{}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Stored {
    /// JSON.
    pub bytes: Vec<u8>,
    /// Of this writing.
    pub version: Version,
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Stored").field(&self.version).finish()
    }
}

/// Where documents are kept.
///
/// ```
/// use async_trait::async_trait;
/// use offhook_bot::turns::{Memory, StateFault, Storage, Stored, Version};
///
/// /// Counts what is read.
/// #[derive(Default)]
/// struct Counted {
///     within: Memory,
///     reads: std::sync::atomic::AtomicU64,
/// }
///
/// #[async_trait]
/// impl Storage for Counted {
///     async fn read(&self, name: &str) -> Result<Option<Stored>, StateFault> {
///         self.reads.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
///         self.within.read(name).await
///     }
///
///     async fn write(
///         &self,
///         name: &str,
///         bytes: Vec<u8>,
///         over: Option<&Version>,
///     ) -> Result<Version, StateFault> {
///         self.within.write(name, bytes, over).await
///     }
/// }
/// ```
#[async_trait]
pub trait Storage: Send + Sync + 'static {
    /// The document of this name, if there is one.
    async fn read(&self, name: &str) -> Result<Option<Stored>, StateFault>;

    /// Keeps a document. `over` is the version that was read, `None` if there was none.
    ///
    /// # Errors
    /// [`StateFault::Changed`] when what is kept now is not that.
    async fn write(
        &self,
        name: &str,
        bytes: Vec<u8>,
        over: Option<&Version>,
    ) -> Result<Version, StateFault>;
}

#[async_trait]
impl<S: Storage> Storage for Arc<S> {
    async fn read(&self, name: &str) -> Result<Option<Stored>, StateFault> {
        S::read(self, name).await
    }

    async fn write(
        &self,
        name: &str,
        bytes: Vec<u8>,
        over: Option<&Version>,
    ) -> Result<Version, StateFault> {
        S::write(self, name, bytes, over).await
    }
}

/// Keeps documents in memory, for tests and for bots that may forget. The oldest gives way.
///
/// ```
/// # use offhook_bot::turns::{Bot, BotFault, Turn};
/// # struct Echo;
/// # #[async_trait::async_trait]
/// # impl Bot for Echo {
/// #     async fn on_message(&self, turn: &mut Turn) -> Result<(), BotFault> {
/// #         let heard = turn.text().to_owned();
/// #         turn.say(heard).await.map(drop).map_err(BotFault::from)
/// #     }
/// # }
/// use offhook_bot::testing::Conversation;
/// use offhook_bot::turns::Memory;
/// use std::sync::Arc;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Two conversations one after the other, of a bot that remembers.
/// let memory = Arc::new(Memory::default());
/// for id in ["monday", "tuesday"] {
///     Conversation::with(Echo).remembers_in(Arc::clone(&memory)).id(id).hears("hello").says("hello").run().await?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Memory(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    documents: HashMap<String, Stored>,
    oldest_first: VecDeque<String>,
    writings: u64,
}

#[async_trait]
impl Storage for Memory {
    async fn read(&self, name: &str) -> Result<Option<Stored>, StateFault> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(kept.documents.get(name).cloned())
    }

    async fn write(
        &self,
        name: &str,
        bytes: Vec<u8>,
        over: Option<&Version>,
    ) -> Result<Version, StateFault> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.writings += 1;
        let version = Version(kept.writings.to_string());
        let stored = Stored {
            bytes,
            version: version.clone(),
        };
        match kept.documents.get_mut(name) {
            Some(now) if over == Some(&now.version) => *now = stored,
            Some(_) => return Err(StateFault::Changed),
            None => {
                if kept.oldest_first.len() >= MEMORY_DOCUMENTS_MAX
                    && let Some(oldest) = kept.oldest_first.pop_front()
                {
                    kept.documents.remove(&oldest);
                }
                kept.oldest_first.push_back(name.to_owned());
                kept.documents.insert(name.to_owned(), stored);
            }
        }
        Ok(version)
    }
}

/// What is remembered under names.
///
/// ```
/// use offhook_bot::turns::{BotFault, Turn};
///
/// async fn count(turn: &mut Turn) -> Result<u32, BotFault> {
///     let conversation = turn.conversation().await?;
///     let count = conversation.get("count")?.unwrap_or(0) + 1;
///     conversation.set("count", count)?;
///     Ok(count)
/// }
/// ```
#[derive(Default)]
pub struct Document {
    values: Map<String, Value>,
    is_changed: bool,
}

impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

impl Document {
    /// What is kept under a name.
    ///
    /// # Errors
    /// [`StateFault::Type`] when it is of another type.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StateFault> {
        let Some(value) = self.values.get(name) else {
            return Ok(None);
        };
        let read = T::deserialize(value).map(Some);
        read.map_err(|why| StateFault::Type(name.to_owned(), why.to_string()))
    }

    /// Keeps something under a name.
    ///
    /// # Errors
    /// [`StateFault::Type`] when JSON cannot hold it.
    pub fn set<T: Serialize>(&mut self, name: &str, value: T) -> Result<(), StateFault> {
        let value = serde_json::to_value(value)
            .map_err(|why| StateFault::Type(name.to_owned(), why.to_string()))?;
        self.is_changed = true;
        self.values.insert(name.to_owned(), value);
        Ok(())
    }

    /// Forgets what is kept under a name.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.is_changed = true;
        self.values.remove(name)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.is_changed = true;
        self.values.clear();
    }
}

/// The documents of one turn.
pub(crate) struct States {
    storage: Arc<dyn Storage>,
    conversation: Option<Loaded>,
    user: Option<Loaded>,
}

struct Loaded {
    name: String,
    version: Option<Version>,
    document: Document,
}

impl States {
    pub(crate) fn new(storage: Arc<dyn Storage>) -> Self {
        Self {
            storage,
            conversation: None,
            user: None,
        }
    }

    pub(crate) async fn conversation(
        &mut self,
        activity: &Activity,
    ) -> Result<&mut Document, StateFault> {
        let conversation = activity.conversation.as_ref();
        let id = conversation.and_then(|conversation| conversation.id.as_deref());
        let id = id.ok_or(StateFault::Nobody("conversation"))?;
        let name = || format!("{}/conversations/{id}", channel(activity));
        load(&mut self.conversation, &*self.storage, name).await
    }

    pub(crate) async fn user(&mut self, activity: &Activity) -> Result<&mut Document, StateFault> {
        let id = activity.from.as_ref().and_then(|from| from.id.as_ref());
        let id = id.ok_or(StateFault::Nobody("sender"))?;
        let name = || format!("{}/users/{}", channel(activity), id.reveal());
        load(&mut self.user, &*self.storage, name).await
    }

    pub(crate) async fn save(&mut self) -> Result<(), StateFault> {
        for loaded in [&mut self.conversation, &mut self.user] {
            let Some(loaded) = loaded.as_mut().filter(|l| l.document.is_changed) else {
                continue;
            };
            let bytes = serde_json::to_vec(&loaded.document.values)
                .map_err(|why| StateFault::Store(why.to_string()))?;
            if bytes.len() > STATE_BYTES_MAX {
                return Err(StateFault::TooLarge(bytes.len()));
            }
            let over = loaded.version.as_ref();
            let version = self.storage.write(&loaded.name, bytes, over).await?;
            loaded.version = Some(version);
            loaded.document.is_changed = false;
        }
        Ok(())
    }
}

fn channel(activity: &Activity) -> &str {
    activity.channel_id.as_deref().unwrap_or("unknown")
}

async fn load<'a>(
    slot: &'a mut Option<Loaded>,
    storage: &dyn Storage,
    name: impl Fn() -> String,
) -> Result<&'a mut Document, StateFault> {
    if slot.is_none() {
        let name = name();
        let stored = storage.read(&name).await?;
        let values = match &stored {
            Some(stored) => serde_json::from_slice(&stored.bytes)
                .map_err(|why| StateFault::Store(why.to_string()))?,
            None => Map::new(),
        };
        *slot = Some(Loaded {
            name,
            version: stored.map(|stored| stored.version),
            document: Document {
                values,
                is_changed: false,
            },
        });
    }
    let loaded = slot.as_mut();
    loaded
        .map(|loaded| &mut loaded.document)
        .ok_or(StateFault::Nobody("name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_somebody_else_wrote_meanwhile_is_not_overwritten() {
        let memory = Memory::default();
        let first = memory.write("a", b"{}".to_vec(), None).await.expect("new");
        let second = memory.write("a", b"{}".to_vec(), Some(&first)).await;
        let second = second.expect("over the first");
        for over in [None, Some(&first)] {
            let refused = memory.write("a", b"[]".to_vec(), over).await;
            assert!(matches!(refused, Err(StateFault::Changed)));
        }
        let kept = memory.read("a").await.expect("in memory");
        assert_eq!(kept.map(|kept| kept.version), Some(second));
    }

    #[tokio::test]
    async fn the_oldest_gives_way() {
        let memory = Memory::default();
        for n in 0..=MEMORY_DOCUMENTS_MAX {
            let name = n.to_string();
            memory.write(&name, Vec::new(), None).await.expect("new");
        }
        assert_eq!(memory.read("0").await.expect("in memory"), None);
        assert!(memory.read("1").await.expect("in memory").is_some());
    }
}
