//! What survives a restart: one SQLite file and a folder of recordings.
//!
//! ```text
//!   call tasks ──entries──▶ queue ──▶ writer task ── one transaction a batch ──▶ offhook.db
//!   outbox, recordings, refusals ─┘
//!   HTTP ◀── reads ────────────────────────────────── its own connections ────── offhook.db
//! ```
//!
//! Nobody waits for the disk: a note is dropped into the writer's queue (`writer.rs`, with the
//! rule for when it is full), and [`Store::close`] waits until all of them are written.

mod folder;
mod journal;
mod meetings;
mod recordings;
mod refusals;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use offhook_engine::Ending;
use offhook_identity::SigningKey;
use offhook_terms::{AppId, CallId, LegId, MeetingId, PersonId, Private};
use offhook_wire::journal::Entry;
use offhook_workplace::{Meeting, Month};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

pub(crate) use folder::{FolderError, open_folder};
pub(crate) use journal::entry;
pub(crate) use meetings::MeetingBy;
use meetings::MeetingChange;
pub(crate) use recordings::{AnswerFile, RecordingSpool, Recordings, download};
pub use refusals::Refusal;
use writer::{Note, Writer};

use crate::limits;

/// The store cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: the database cannot be used ({why})", .file.display())]
pub(crate) struct StoreError {
    /// Which file.
    pub(crate) file: PathBuf,
    /// What the database said.
    pub(crate) why: sqlx::Error,
}

/// A bot's leg that was cut off by the end of the last process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LostLeg {
    pub(crate) leg: LegId,
    pub(crate) call: CallId,
    pub(crate) bot: AppId,
    /// Where its notifications went, if not to the bot's webhook.
    pub(crate) callback: Option<String>,
    /// The number of its last event; 0 when there was none.
    pub(crate) seq: u64,
    /// It had ended, but its bot had not been told.
    pub(crate) ending: Option<Ending>,
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    file: PathBuf,
    readers: SqlitePool,
    writer: Arc<Writer>,
}

impl Store {
    /// Opens the database of the data folder, bringing an older one up to date.
    pub(crate) async fn open(data: &Path) -> Result<Self, StoreError> {
        let file = data.join("offhook.db");
        let refused = |why| StoreError {
            file: file.clone(),
            why,
        };
        let options = SqliteConnectOptions::new()
            .filename(&file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // With a write-ahead log this loses the last moments of a power cut, and no more.
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(Duration::from_secs(5))
            .disable_statement_logging();
        let mut connection = sqlx::SqliteConnection::connect_with(&options)
            .await
            .map_err(refused)?;
        sqlx::migrate!("./migrations")
            .run(&mut connection)
            .await
            .map_err(|why| refused(why.into()))?;
        let readers = SqlitePoolOptions::new()
            .max_connections(2)
            .connect_with(options)
            .await
            .map_err(refused)?;
        Ok(Self {
            readers,
            writer: Arc::new(Writer::start(connection)),
            file,
        })
    }

    /// Writes down an event. Endings are always taken; see the writer for the rest.
    pub(crate) fn append(&self, entry: Entry) {
        self.writer.note(Note::Entry(entry));
    }

    /// Writes down, logs and counts why a caller was turned away.
    pub(crate) fn refuse(&self, refusal: Refusal) {
        refusal.tell();
        self.writer.note(Note::Refusal(refusal));
    }

    /// The latest refusals, newest first.
    pub(crate) async fn refusals(&self, at_most: u32) -> Result<Vec<Refusal>, StoreError> {
        refusals::latest(&self.readers, at_most)
            .await
            .map_err(|why| self.failed(why))
    }

    /// The events of a call that say who was in it, from when to when.
    pub(crate) async fn course(&self, call: CallId) -> Result<Vec<Entry>, StoreError> {
        journal::course(&self.readers, call)
            .await
            .map_err(|why| self.failed(why))
    }

    /// The events of a call, in order.
    #[cfg(test)]
    pub(crate) async fn journal(&self, call: CallId) -> Result<Vec<Entry>, StoreError> {
        journal::of_call(&self.readers, call)
            .await
            .map_err(|why| self.failed(why))
    }

    /// A bot's leg is live: its bot is owed an ending.
    pub(crate) fn leg_opened(&self, leg: LegId, call: CallId, bot: AppId) {
        self.writer.note(Note::LegOpened { leg, call, bot });
    }

    /// A bot that may have so many calls a month has one more.
    pub(crate) fn call_made(&self, bot: AppId, month: Month) {
        self.writer.note(Note::CallMade { bot, month });
    }

    /// How many calls a bot had in a month, if it had a bound on them.
    pub(crate) async fn calls_made(&self, bot: AppId, month: Month) -> Result<u32, StoreError> {
        let row = sqlx::query("SELECT made FROM calls_made WHERE bot = ? AND month = ?")
            .bind(bot.to_string())
            .bind(month.number())
            .fetch_optional(&self.readers)
            .await
            .map_err(|why| self.failed(why))?;
        row.map_or(Ok(0), |row| row.try_get(0))
            .map_err(|why| self.failed(why))
    }

    /// The leg's notifications go elsewhere from now on.
    pub(crate) fn leg_moved(&self, leg: LegId, callback: String) {
        self.writer.note(Note::LegMoved { leg, callback });
    }

    /// The bot has been told of the leg's end, or never will be.
    pub(crate) fn leg_settled(&self, leg: LegId) {
        self.writer.note(Note::LegSettled(leg));
    }

    /// The legs that the last process left behind.
    pub(crate) async fn lost_legs(&self) -> Result<Vec<LostLeg>, StoreError> {
        let rows = sqlx::query(
            "SELECT leg, call, bot, callback, \
             (SELECT entry FROM journal WHERE journal.call = legs.call \
              AND journal.leg = legs.leg ORDER BY id DESC LIMIT 1) FROM legs",
        )
        .fetch_all(&self.readers)
        .await
        .map_err(|why| self.failed(why))?;
        // A row that is not ours to read is skipped: a start must not fail over an old ending.
        let read = |row: &sqlx::sqlite::SqliteRow| {
            let last: Option<String> = row.try_get(4).ok()?;
            let last: Option<Entry> = last.and_then(|text| serde_json::from_str(&text).ok());
            Some(LostLeg {
                leg: row.try_get::<&str, _>(0).ok()?.parse().ok()?,
                call: row.try_get::<&str, _>(1).ok()?.parse().ok()?,
                bot: row.try_get::<&str, _>(2).ok()?.parse().ok()?,
                callback: row.try_get(3).ok()?,
                seq: last.as_ref().map_or(0, |last| last.seq),
                ending: last.and_then(|last| journal::ending_of(&last.fact)),
            })
        };
        Ok(rows.iter().filter_map(read).collect())
    }

    /// The newest two signing keys with their birthdays, newest first.
    pub(crate) async fn signing_keys(&self) -> Result<Vec<(SigningKey, SystemTime)>, StoreError> {
        let rows = sqlx::query("SELECT pem, created_at FROM signing_keys ORDER BY id DESC LIMIT 2")
            .fetch_all(&self.readers)
            .await
            .map_err(|why| self.failed(why))?;
        let read = |row: &sqlx::sqlite::SqliteRow| {
            let key = SigningKey::from_pem(row.try_get::<&str, _>(0).ok()?).ok()?;
            Some((key, from_ms(row.try_get(1).ok()?)))
        };
        Ok(rows.iter().filter_map(read).collect())
    }

    /// Keeps a signing key, and of the older ones only the one before it.
    pub(crate) async fn keep_signing_key(
        &self,
        key: &SigningKey,
        now: SystemTime,
    ) -> Result<(), StoreError> {
        let note = Note::SigningKey {
            pem: key.to_pem(),
            at: ms(now),
        };
        self.writer.note(note);
        self.flush().await;
        Ok(())
    }

    /// The random value of this name, made at the first asking.
    pub(crate) async fn secret(&self, name: &'static str) -> Result<Vec<u8>, StoreError> {
        let fresh: [u8; 32] = rand::random();
        self.writer.note(Note::Secret { name, fresh });
        self.flush().await;
        let row = sqlx::query("SELECT value FROM secrets WHERE name = ?")
            .bind(name)
            .fetch_one(&self.readers)
            .await
            .map_err(|why| self.failed(why))?;
        row.try_get(0).map_err(|why| self.failed(why))
    }

    /// Numbers of the pool that were held when the last process ended: what belongs to each, and
    /// until when.
    pub(crate) async fn pooled_numbers(
        &self,
    ) -> Result<Vec<(String, String, SystemTime)>, StoreError> {
        let rows = sqlx::query("SELECT number, context, until FROM pooled_numbers")
            .fetch_all(&self.readers)
            .await
            .map_err(|why| self.failed(why))?;
        let read = |row: &sqlx::sqlite::SqliteRow| {
            let until = from_ms(row.try_get(2).ok()?);
            Some((row.try_get(0).ok()?, row.try_get(1).ok()?, until))
        };
        Ok(rows.iter().filter_map(read).collect())
    }

    /// A number of the pool is held.
    pub(crate) fn number_held(&self, number: String, context: String, until: SystemTime) {
        let (context, until) = (Private::new(context), ms(until));
        self.writer.note(Note::NumberHeld {
            number,
            context,
            until,
        });
    }

    /// And held no more.
    pub(crate) fn number_freed(&self, number: String) {
        self.writer.note(Note::NumberFreed(number));
    }

    /// Keeps a meeting, new or changed. `made_in` counts it among the new ones of that month.
    pub(crate) async fn keep_meeting(
        &self,
        meeting: &Meeting,
        made_in: Option<Month>,
    ) -> Result<(), StoreError> {
        let meeting = Box::new(meeting.clone());
        self.change(MeetingChange::Keep { meeting, made_in }).await
    }

    /// Forgets a meeting.
    pub(crate) async fn delete_meeting(&self, id: MeetingId) -> Result<(), StoreError> {
        self.change(MeetingChange::Delete(id)).await
    }

    async fn change(&self, change: MeetingChange) -> Result<(), StoreError> {
        self.writer
            .change(change)
            .await
            .map_err(|why| self.failed(why))
    }

    /// The meeting, unless it is `kept` no more.
    pub(crate) async fn meeting(
        &self,
        by: MeetingBy<'_>,
        now: SystemTime,
        kept: Duration,
    ) -> Result<Option<Meeting>, StoreError> {
        let ended_by = meetings::ended_by(now, kept);
        meetings::find(&self.readers, by, ended_by)
            .await
            .map_err(|why| self.failed(why))
    }

    /// How many meetings this person had made in this month.
    pub(crate) async fn meetings_made(
        &self,
        organizer: PersonId,
        month: Month,
    ) -> Result<u32, StoreError> {
        meetings::made(&self.readers, organizer, month)
            .await
            .map_err(|why| self.failed(why))
    }

    /// Forgets meetings that are `kept` no more, for as long as the platform runs.
    pub(crate) async fn keep_meetings(self, kept: Duration, now: impl Fn() -> SystemTime) {
        loop {
            if let Err(why) = self.forget_meetings(now(), kept).await {
                tracing::error!(%why, "meetings whose time is over were not forgotten");
            }
            tokio::time::sleep(limits::HISTORY_LOOK_EVERY).await;
        }
    }

    /// Forgets meetings that are `kept` no more.
    pub(crate) async fn forget_meetings(
        &self,
        now: SystemTime,
        kept: Duration,
    ) -> Result<(), StoreError> {
        self.change(MeetingChange::forget(now, kept)).await
    }

    /// Returns when everything noted before is on disk, or cannot be.
    pub(crate) async fn flush(&self) {
        self.writer.flush().await;
    }

    /// Forgets the events and refusals that are older than `history`, for as long as the platform
    /// runs; a batch at a time, so that nothing waits for it.
    pub(crate) async fn keep_history(self, history: Duration, now: impl Fn() -> SystemTime) {
        loop {
            let before = ms(now().checked_sub(history).unwrap_or(UNIX_EPOCH));
            let is_more = self.writer.forget(before).await;
            let wait = if is_more {
                limits::HISTORY_NEXT_BATCH_AFTER
            } else {
                limits::HISTORY_LOOK_EVERY
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// What the database answers, if it does not write any more.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.writer.trouble()
    }

    /// Writes what is queued and closes the file.
    pub(crate) async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }

    fn failed(&self, why: sqlx::Error) -> StoreError {
        StoreError {
            file: self.file.clone(),
            why,
        }
    }
}

/// Milliseconds since 1970, as the database has them.
pub(crate) fn ms(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

pub(crate) fn from_ms(ms: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use offhook_wire::journal::{self as wire, Fact, VERSION};

    fn some_entry(call: CallId, seq: u64, fact: Fact) -> Entry {
        Entry {
            version: VERSION,
            call: call.to_string(),
            leg: LegId::from_bits(2).to_string(),
            seq,
            at_ms: 1_790_000_000_000,
            fact,
        }
    }

    #[tokio::test]
    async fn what_is_noted_is_there_after_a_restart() {
        let data = tempfile::tempdir().expect("a temporary folder");
        let call = CallId::from_bits(1);
        let store = Store::open(data.path()).await.expect("opens");
        // More than a few batches, and not a round number of them.
        for seq in 1..=3_003 {
            store.append(some_entry(call, seq, Fact::AudioFlows));
        }
        let ending = wire::Ending::CallerHungUp;
        store.append(some_entry(
            call,
            3_004,
            Fact::Terminated { ending, bot: None },
        ));
        store.leg_opened(LegId::from_bits(2), call, AppId::from_bits(3));
        store.leg_opened(LegId::from_bits(4), call, AppId::from_bits(3));
        store.leg_moved(LegId::from_bits(2), "https://b.example/".to_owned());
        store.leg_settled(LegId::from_bits(4));
        let (bot, month) = (AppId::from_bits(3), Month::of(UNIX_EPOCH));
        store.call_made(bot, month);
        store.call_made(bot, month);
        let secret = store.secret("test").await.expect("made");
        store.close().await;

        let store = Store::open(data.path()).await.expect("opens again");
        let journal = store.journal(call).await.expect("read");
        let numbers: Vec<u64> = journal.iter().map(|entry| entry.seq).collect();
        assert_eq!(numbers, (1..=3_004).collect::<Vec<_>>());
        assert_eq!(
            store.lost_legs().await.expect("read"),
            [LostLeg {
                leg: LegId::from_bits(2),
                call,
                bot: AppId::from_bits(3),
                callback: Some("https://b.example/".to_owned()),
                seq: 3_004,
                ending: Some(offhook_engine::Ending::CallerHungUp),
            }]
        );
        assert_eq!(store.calls_made(bot, month).await.expect("kept"), 2);
        let other = AppId::from_bits(9);
        assert_eq!(store.calls_made(other, month).await.expect("none"), 0);
        assert_eq!(store.secret("test").await.expect("kept"), secret);
        store.close().await;
    }

    #[tokio::test]
    async fn what_is_old_is_forgotten_but_not_while_its_call_lives() {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        let data = tempfile::tempdir().expect("a temporary folder");
        let store = Store::open(data.path()).await.expect("opens");
        let at = |call: u128, leg: u128, day: u64| Entry {
            leg: LegId::from_bits(leg).to_string(),
            at_ms: ms(UNIX_EPOCH + DAY * u32::try_from(day).expect("small")),
            ..some_entry(CallId::from_bits(call), day, Fact::AudioFlows)
        };
        // More than one batch is old.
        for _ in 0..=limits::HISTORY_BATCH_MAX {
            store.append(at(1, 2, 1));
        }
        store.append(at(1, 2, 40));
        store.leg_opened(
            LegId::from_bits(4),
            CallId::from_bits(3),
            AppId::from_bits(5),
        );
        store.append(at(3, 4, 2));
        store.flush().await;

        let thirty_days_before_day_41 = ms(UNIX_EPOCH + DAY * 11);
        assert!(store.writer.forget(thirty_days_before_day_41).await);
        assert!(!store.writer.forget(thirty_days_before_day_41).await);
        let ended = store.journal(CallId::from_bits(1)).await.expect("read");
        assert_eq!(ended, [at(1, 2, 40)]);
        let live = store.journal(CallId::from_bits(3)).await.expect("read");
        assert_eq!(live, [at(3, 4, 2)]);

        store.leg_settled(LegId::from_bits(4));
        store.flush().await;
        assert!(!store.writer.forget(thirty_days_before_day_41).await);
        let live = store.journal(CallId::from_bits(3)).await.expect("read");
        assert_eq!(live, []);
        store.close().await;
    }

    #[tokio::test]
    async fn the_course_of_a_call_has_a_bound() {
        let data = tempfile::tempdir().expect("a temporary folder");
        let store = Store::open(data.path()).await.expect("opens");
        let call = CallId::from_bits(1);
        let most = u64::try_from(limits::RECORD_ENTRIES_MAX).expect("positive");
        // What a record is not made of does not count.
        store.append(some_entry(call, 1, Fact::AudioFlows));
        for seq in 2..=most + 2 {
            store.append(some_entry(call, seq, Fact::Established));
            if seq % 1_000 == 0 {
                store.flush().await;
            }
        }
        store.flush().await;
        let course = store.course(call).await.expect("read");
        let seqs: Vec<u64> = course.iter().map(|entry| entry.seq).collect();
        assert_eq!(seqs, (2..=most + 1).collect::<Vec<_>>());
        store.close().await;
    }

    #[tokio::test]
    async fn a_file_that_is_no_database_is_one_sentence() {
        let data = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(
            data.path().join("offhook.db"),
            "hello, I am text".repeat(100),
        )
        .expect("written");
        let error = Store::open(data.path())
            .await
            .err()
            .expect("must be refused");
        assert!(
            error
                .to_string()
                .contains("offhook.db: the database cannot be used")
        );
    }

    #[tokio::test]
    async fn two_signing_keys_are_kept() {
        let data = tempfile::tempdir().expect("a temporary folder");
        let store = Store::open(data.path()).await.expect("opens");
        let mut kids = Vec::new();
        for day in 1..=3 {
            let key = SigningKey::generate().expect("this machine makes keys");
            kids.insert(0, key.kid().to_owned());
            store
                .keep_signing_key(&key, from_ms(day))
                .await
                .expect("kept");
        }
        let kept = store.signing_keys().await.expect("read");
        let found: Vec<_> = kept.iter().map(|(key, _)| key.kid().to_owned()).collect();
        assert_eq!(found, kids[..2]);
        store.close().await;
    }
}
