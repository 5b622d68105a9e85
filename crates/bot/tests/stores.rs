//! Every store keeps what is written, refuses what was overtaken and forgets nothing over a restart.

use std::sync::Arc;

use offhook_bot::turns::{Memory, Objects, Sqlite, StateFault, Storage, Version};
use tempfile::TempDir;

struct Stores {
    folder: TempDir,
}

impl Stores {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { folder }
    }

    async fn sqlite(&self) -> Sqlite {
        let file = self.folder.path().join("state.db");
        Sqlite::open(file).await.expect("a file")
    }

    fn files(&self) -> Objects {
        let store = object_store::local::LocalFileSystem::new_with_prefix(self.folder.path());
        Objects::new(store.expect("a folder"), "state")
    }

    async fn all(&self) -> Vec<(&'static str, Arc<dyn Storage>)> {
        vec![
            ("memory", Arc::new(Memory::default()) as Arc<dyn Storage>),
            ("sqlite", Arc::new(self.sqlite().await)),
            ("files", Arc::new(self.files())),
            (
                "objects",
                Arc::new(Objects::new(object_store::memory::InMemory::new(), "")),
            ),
        ]
    }
}

const NAME: &str = "telephony/users/+1 206 555 0100/../é";

async fn bytes(store: &dyn Storage) -> Option<Vec<u8>> {
    let kept = store.read(NAME).await.expect("it can be read");
    kept.map(|kept| kept.bytes)
}

#[tokio::test]
async fn what_somebody_else_wrote_meanwhile_is_not_overwritten() {
    let stores = Stores::new();
    for (kind, store) in stores.all().await {
        assert_eq!(bytes(&*store).await, None, "{kind}");
        let write = |text: &str, over: Option<Version>| {
            let (store, text) = (Arc::clone(&store), text.as_bytes().to_vec());
            async move { store.write(NAME, text, over.as_ref()).await }
        };
        let first = write("first", None).await.expect("there was nothing");
        let read = store.read(NAME).await.expect("it can be read");
        assert_eq!(read.map(|read| read.version), Some(first.clone()), "{kind}");
        let second = write("second", Some(first.clone()))
            .await
            .expect("over the first");
        for over in [None, Some(first), Some(Version("of another store".into()))] {
            let refused = write("late", over).await;
            assert!(matches!(refused, Err(StateFault::Changed)), "{kind}");
        }
        assert_eq!(
            bytes(&*store).await.as_deref(),
            Some(&b"second"[..]),
            "{kind}"
        );
        write("third", Some(second)).await.expect("over the second");
    }
}

#[tokio::test]
async fn of_many_who_write_over_the_same_one_wins() {
    let stores = Stores::new();
    for (kind, store) in stores.all().await {
        let first = store.write(NAME, b"0".to_vec(), None).await.expect("new");
        let writers = (0..16).map(|n: u8| {
            let (store, first) = (Arc::clone(&store), first.clone());
            tokio::spawn(async move { store.write(NAME, vec![n], Some(&first)).await })
        });
        let mut won = 0;
        for writer in writers.collect::<Vec<_>>() {
            match writer.await.expect("no panic") {
                Ok(_) => won += 1,
                Err(StateFault::Changed) => {}
                Err(why) => panic!("{kind}: {why}"),
            }
        }
        assert_eq!(won, 1, "{kind}");
    }
}

#[tokio::test]
async fn what_is_on_disk_is_there_for_the_next_process() {
    let stores = Stores::new();
    let sqlite = stores.sqlite().await;
    sqlite
        .write(NAME, b"kept".to_vec(), None)
        .await
        .expect("new");
    let files = stores.files();
    files
        .write(NAME, b"kept".to_vec(), None)
        .await
        .expect("new");
    drop((sqlite, files));
    assert_eq!(
        bytes(&stores.sqlite().await).await.as_deref(),
        Some(&b"kept"[..])
    );
    assert_eq!(bytes(&stores.files()).await.as_deref(), Some(&b"kept"[..]));
}

#[tokio::test]
async fn old_documents_are_forgotten_when_that_is_asked_for() {
    let stores = Stores::new();
    let sqlite = stores.sqlite().await;
    sqlite.write(NAME, Vec::new(), None).await.expect("new");
    let hour = std::time::Duration::from_secs(3_600);
    assert_eq!(sqlite.forget_older_than(hour).await.expect("asked"), 0);
    let file = stores.folder.path().join("state.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
    let pool = sqlx::SqlitePool::connect_with(options).await.expect("open");
    let aged = sqlx::query("UPDATE bot_state SET written_at = written_at - 7200");
    aged.execute(&pool).await.expect("aged");
    assert_eq!(sqlite.forget_older_than(hour).await.expect("asked"), 1);
    assert_eq!(bytes(&sqlite).await, None);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_said_to_be_none() {
    let stores = Stores::new();
    let file = stores.folder.path().join("state.db");
    std::fs::write(
        &file,
        "not a database, but long enough to be looked at as one",
    )
    .expect("written");
    let refused = Sqlite::open(file).await;
    assert!(matches!(refused, Err(StateFault::Store(why)) if why.contains("not a database")));
}
