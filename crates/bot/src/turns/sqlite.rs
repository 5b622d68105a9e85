//! Documents in a file of SQLite (feature `sqlite`): for a bot of one machine, in as many processes as it likes.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Row as _};

use super::{StateFault, Storage, Stored, Version};
use crate::limits::{SQLITE_CONNECTIONS, SQLITE_LOCK_WAITED_FOR};

/// Keeps documents in a file of SQLite. Cheap to clone.
///
/// ```no_run
/// # use offhook_bot::turns::{Adapter, Bot, Sqlite, StateFault};
/// # struct Echo;
/// # impl Bot for Echo {}
/// # async fn example() -> Result<(), StateFault> {
/// let adapter = Adapter::new(Echo).remembers_in(Sqlite::open("bot.db").await?);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Sqlite(SqlitePool);

impl std::fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sqlite")
    }
}

impl Sqlite {
    /// Opens a file, and makes it where there is none. What is written survives the end of the process; the last
    /// moments before a power cut may not be there.
    ///
    /// # Errors
    /// [`StateFault::Store`] when the file is no database or cannot be written.
    pub async fn open(file: impl AsRef<Path>) -> Result<Self, StateFault> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(SQLITE_LOCK_WAITED_FOR)
            // Names of documents are people's.
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new()
            .max_connections(SQLITE_CONNECTIONS)
            .connect_with(options)
            .await
            .map_err(failed)?;
        sqlx::query(
            "CREATE TABLE IF NOT EXISTS bot_state (
                name TEXT NOT NULL PRIMARY KEY,
                version INTEGER NOT NULL,
                written_at INTEGER NOT NULL,
                document BLOB NOT NULL
            )",
        )
        .execute(&pool)
        .await
        .map_err(failed)?;
        Ok(Self(pool))
    }

    /// Forgets what nobody has written for so long, and says how many documents that were. A conversation that is over
    /// leaves its document behind: somebody has to ask for this now and then.
    ///
    /// # Errors
    /// [`StateFault::Store`].
    pub async fn forget_older_than(&self, age: Duration) -> Result<u64, StateFault> {
        let before = seconds(SystemTime::now()).saturating_sub_unsigned(age.as_secs());
        let gone = sqlx::query("DELETE FROM bot_state WHERE written_at < ?")
            .bind(before)
            .execute(&self.0)
            .await
            .map_err(failed)?;
        Ok(gone.rows_affected())
    }
}

#[async_trait]
impl Storage for Sqlite {
    async fn read(&self, name: &str) -> Result<Option<Stored>, StateFault> {
        let row = sqlx::query("SELECT document, version FROM bot_state WHERE name = ?")
            .bind(name)
            .fetch_optional(&self.0)
            .await
            .map_err(failed)?;
        let stored = |row: sqlx::sqlite::SqliteRow| {
            let version: i64 = row.try_get("version")?;
            Ok(Stored {
                bytes: row.try_get("document")?,
                version: Version(version.to_string()),
            })
        };
        row.map(stored).transpose().map_err(failed)
    }

    async fn write(
        &self,
        name: &str,
        bytes: Vec<u8>,
        over: Option<&Version>,
    ) -> Result<Version, StateFault> {
        let now = seconds(SystemTime::now());
        let (written, version) = match over {
            None => {
                let insert = "INSERT INTO bot_state (name, version, written_at, document)
                    VALUES (?, 1, ?, ?) ON CONFLICT (name) DO NOTHING";
                let query = sqlx::query(insert).bind(name).bind(now).bind(bytes);
                (query.execute(&self.0).await, 1)
            }
            Some(Version(over)) => {
                let over: i64 = over.parse().map_err(|_| StateFault::Changed)?;
                let update = "UPDATE bot_state SET version = version + 1, written_at = ?,
                    document = ? WHERE name = ? AND version = ?";
                let query = sqlx::query(update)
                    .bind(now)
                    .bind(bytes)
                    .bind(name)
                    .bind(over);
                (query.execute(&self.0).await, over.saturating_add(1))
            }
        };
        match written.map_err(failed)?.rows_affected() {
            0 => Err(StateFault::Changed),
            _ => Ok(Version(version.to_string())),
        }
    }
}

fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn failed(why: sqlx::Error) -> StateFault {
    StateFault::Store(why.to_string())
}
