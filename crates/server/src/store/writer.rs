//! The one task that writes to the database, many notes to a transaction.
//!
//! A transaction costs about as much as a hundred rows, so the busier the platform is, the less a
//! row costs: the writer takes whatever has queued up while it was writing.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use offhook_terms::{AppId, CallId, LegId, OperationId, Private};
use offhook_wire::journal::{Entry, Fact};
use offhook_workplace::Month;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection as _};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::Refusal;
use super::meetings::MeetingChange;
use crate::limits;

/// Something to be written down.
pub(super) enum Note {
    Entry(Entry),
    Refusal(Refusal),
    LegOpened {
        leg: LegId,
        call: CallId,
        bot: AppId,
    },
    LegMoved {
        leg: LegId,
        callback: String,
    },
    LegSettled(LegId),
    CallMade {
        bot: AppId,
        month: Month,
    },
    Recorded {
        operation: OperationId,
        leg: LegId,
        bot: AppId,
        at: i64,
        duration_ms: i64,
        caller: Vec<u8>,
    },
    RecordingDue {
        operation: OperationId,
        delete_at: i64,
    },
    RecordingGone(OperationId),
    NumberHeld {
        number: String,
        context: Private<String>,
        until: i64,
    },
    NumberFreed(String),
    SigningKey {
        pem: Private<String>,
        at: i64,
    },
    Secret {
        name: &'static str,
        fresh: [u8; 32],
    },
    /// Change what is kept of meetings; say whether that is done.
    Meetings {
        change: MeetingChange,
        done: oneshot::Sender<sqlx::Result<()>>,
    },
    /// Forget what is older; say how many entries of the journal that were.
    Forget {
        before: i64,
        done: oneshot::Sender<u64>,
    },
    /// Say so when everything before is written.
    Flush(oneshot::Sender<()>),
}

/// The way to the writer.
pub(super) struct Writer {
    notes: Mutex<Option<mpsc::UnboundedSender<Note>>>,
    queued: Arc<Queued>,
    trouble: Arc<Mutex<Option<String>>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// How much waits. The queue itself has no bound, because endings and the few notes of a leg's
/// life must always get in; the notes that come in floods are counted here and turned away.
#[derive(Default)]
struct Queued {
    entries: AtomicUsize,
    refusals: AtomicUsize,
}

impl Writer {
    pub(super) fn start(connection: SqliteConnection) -> Self {
        let (notes, queue) = mpsc::unbounded_channel();
        let queued = Arc::new(Queued::default());
        let trouble = Arc::default();
        let writing = write(connection, queue, Arc::clone(&queued), Arc::clone(&trouble));
        let task = tokio::spawn(writing);
        Self {
            notes: Mutex::new(Some(notes)),
            queued,
            trouble,
            task: Mutex::new(Some(task)),
        }
    }

    pub(super) fn note(&self, note: Note) {
        if !self.queued.admits(&note) {
            metrics::counter!("offhook_store_notes_dropped_total").increment(1);
            return;
        }
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(notes) = &*notes {
            // The writer outlives the sender; were it gone, there would be nobody to tell.
            let _ = notes.send(note);
        }
    }

    /// What the database said when it last refused to write, if it still does.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) async fn flush(&self) {
        let (done, written) = oneshot::channel();
        self.note(Note::Flush(done));
        // The store is closed: everything is written already.
        let _ = written.await;
    }

    /// Forgets a batch of what is older than this; true when there may be more.
    pub(super) async fn forget(&self, before: i64) -> bool {
        let (done, forgotten) = oneshot::channel();
        self.note(Note::Forget { before, done });
        // The store is closed: it forgets nothing any more.
        forgotten
            .await
            .is_ok_and(|gone| gone >= limits::HISTORY_BATCH_MAX)
    }

    /// Changes what is kept of meetings, and waits for it: whoever made a meeting tells others.
    pub(super) async fn change(&self, change: MeetingChange) -> sqlx::Result<()> {
        let (done, changed) = oneshot::channel();
        self.note(Note::Meetings { change, done });
        changed.await.unwrap_or(Err(sqlx::Error::PoolClosed))
    }

    pub(super) async fn close(&self) {
        drop(
            self.notes
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let task = self
            .task
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(task) = task
            && task.await.is_err()
        {
            tracing::error!("the store's writer had a fault of ours; its last notes are lost");
        }
    }
}

impl Queued {
    fn admits(&self, note: &Note) -> bool {
        let (counter, bound) = match note {
            Note::Entry(entry) if !is_ending(entry) => (&self.entries, limits::JOURNAL_QUEUE_MAX),
            Note::Refusal(_) => (&self.refusals, limits::REFUSALS_QUEUE_MAX),
            _ => return true,
        };
        let before = counter.fetch_add(1, Ordering::Relaxed);
        if before >= bound {
            counter.fetch_sub(1, Ordering::Relaxed);
        }
        before < bound
    }

    fn taken(&self, note: &Note) {
        match note {
            Note::Entry(entry) if !is_ending(entry) => {
                self.entries.fetch_sub(1, Ordering::Relaxed);
            }
            Note::Refusal(_) => {
                self.refusals.fetch_sub(1, Ordering::Relaxed);
            }
            _ => {}
        }
    }
}

fn is_ending(entry: &Entry) -> bool {
    matches!(
        entry.fact,
        Fact::OperationEnded { .. } | Fact::Terminated { .. }
    )
}

/// Somebody waits for it.
fn is_asking(note: &Note) -> bool {
    matches!(
        note,
        Note::Flush(_) | Note::Forget { .. } | Note::Meetings { .. }
    )
}

async fn write(
    mut connection: SqliteConnection,
    mut queue: mpsc::UnboundedReceiver<Note>,
    queued: Arc<Queued>,
    trouble: Arc<Mutex<Option<String>>>,
) {
    let mut batch = Vec::with_capacity(limits::JOURNAL_BATCH_MAX);
    while queue.recv_many(&mut batch, limits::JOURNAL_BATCH_MAX).await > 0 {
        if !batch.iter().any(is_asking) {
            // What one moment brings is one transaction: its own cost is most of a small one.
            tokio::time::sleep(limits::JOURNAL_GATHERED_FOR).await;
            while batch.len() < limits::JOURNAL_BATCH_MAX
                && let Ok(note) = queue.try_recv()
            {
                batch.push(note);
            }
        }
        for note in &batch {
            queued.taken(note);
        }
        let (asking, notes): (Vec<_>, Vec<_>) = batch.drain(..).partition(is_asking);
        let written = write_batch(&mut connection, &notes).await;
        if let Err(why) = &written {
            // A full or broken disk must not end calls; it must be seen.
            metrics::counter!("offhook_store_notes_dropped_total").increment(notes.len() as u64);
            tracing::error!(%why, notes = notes.len(), "the database refused to write");
        }
        *trouble.lock().unwrap_or_else(PoisonError::into_inner) =
            written.err().map(|why| why.to_string());
        for note in asking {
            // Whoever waited may have gone.
            match note {
                Note::Flush(done) => {
                    let _ = done.send(());
                }
                Note::Meetings { change, done } => {
                    let _ = done.send(change.carry_out(&mut connection).await);
                }
                Note::Forget { before, done } => {
                    let forgotten = forget(&mut connection, before).await;
                    let _ = done.send(forgotten.unwrap_or_else(|why| {
                        tracing::error!(%why, "the database did not forget what is old");
                        0
                    }));
                }
                _ => {}
            }
        }
    }
    if let Err(why) = connection.close().await {
        tracing::error!(%why, "the database could not be closed");
    }
}

async fn write_batch(connection: &mut SqliteConnection, notes: &[Note]) -> sqlx::Result<()> {
    let mut transaction = connection.begin().await?;
    let mut entries = Vec::new();
    for note in notes {
        match note {
            Note::Entry(entry) => entries.push(entry),
            other => write_note(&mut transaction, other).await?,
        }
    }
    write_entries(&mut transaction, &entries).await?;
    transaction.commit().await
}

/// Rows of one statement. SQLite takes far more, but a statement is prepared once per size, and
/// most of the gain is had by now.
const ROWS: usize = 64;

static ONE: &str = "INSERT INTO journal (call, leg, seq, at, entry) VALUES (?,?,?,?,?)";
static MANY: LazyLock<String> =
    LazyLock::new(|| format!("{ONE}{}", ",(?,?,?,?,?)".repeat(ROWS - 1)));

async fn write_entries(connection: &mut SqliteConnection, entries: &[&Entry]) -> sqlx::Result<()> {
    let mut chunks = entries.chunks_exact(ROWS);
    for rows in &mut chunks {
        let query = sqlx::query(AssertSqlSafe(MANY.as_str()));
        rows.iter()
            .fold(query, |query, row| bound(query, row))
            .execute(&mut *connection)
            .await?;
    }
    for row in chunks.remainder() {
        bound(sqlx::query(ONE), row)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Forgets one batch of what is older, in a transaction of its own. The last entry of a leg whose
/// bot is owed an ending says how far it was told, so a leg's entries outlive the leg.
async fn forget(connection: &mut SqliteConnection, before: i64) -> sqlx::Result<u64> {
    let mut transaction = connection.begin().await?;
    let gone = sqlx::query(
        "DELETE FROM journal WHERE id IN (SELECT id FROM journal WHERE at < ? \
         AND leg NOT IN (SELECT leg FROM legs) ORDER BY at LIMIT ?)",
    )
    .bind(before)
    .bind(i64::try_from(limits::HISTORY_BATCH_MAX).unwrap_or(i64::MAX))
    .execute(&mut *transaction)
    .await?;
    // There are few of them, so all go at once.
    sqlx::query("DELETE FROM refusals WHERE at < ?")
        .bind(before)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(gone.rows_affected())
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>;

fn bound<'q>(query: Query<'q>, entry: &'q Entry) -> Query<'q> {
    let text = serde_json::to_string(entry).expect("an entry is plain data, which always prints");
    query
        .bind(entry.call.as_str())
        .bind(entry.leg.as_str())
        .bind(i64::try_from(entry.seq).unwrap_or(i64::MAX))
        .bind(entry.at_ms)
        .bind(text)
}

async fn write_note(connection: &mut SqliteConnection, note: &Note) -> sqlx::Result<()> {
    match note {
        Note::Entry(_) | Note::Flush(_) | Note::Forget { .. } | Note::Meetings { .. } => {
            return Ok(());
        }
        Note::Refusal(refusal) => return super::refusals::write(connection, refusal).await,
        Note::LegOpened { leg, call, bot } => {
            sqlx::query("INSERT OR REPLACE INTO legs (leg, call, bot, seq) VALUES (?, ?, ?, 0)")
                .bind(leg.to_string())
                .bind(call.to_string())
                .bind(bot.to_string())
        }
        Note::LegMoved { leg, callback } => {
            sqlx::query("UPDATE legs SET callback = ? WHERE leg = ?")
                .bind(callback.as_str())
                .bind(leg.to_string())
        }
        Note::LegSettled(leg) => {
            sqlx::query("DELETE FROM legs WHERE leg = ?").bind(leg.to_string())
        }
        Note::CallMade { bot, month } => sqlx::query(
            "INSERT INTO calls_made (bot, month, made) VALUES (?, ?, 1) \
             ON CONFLICT (bot, month) DO UPDATE SET made = made + 1",
        )
        .bind(bot.to_string())
        .bind(month.number()),
        Note::Recorded {
            operation,
            leg,
            bot,
            at,
            duration_ms,
            caller,
        } => sqlx::query(
            "INSERT OR REPLACE INTO recordings \
             (operation, leg, bot, created_at, duration_ms, caller) VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(operation.to_string())
        .bind(leg.to_string())
        .bind(bot.to_string())
        .bind(*at)
        .bind(*duration_ms)
        .bind(caller.as_slice()),
        Note::RecordingDue {
            operation,
            delete_at,
        } => sqlx::query("UPDATE recordings SET delete_at = ? WHERE operation = ?")
            .bind(*delete_at)
            .bind(operation.to_string()),
        Note::RecordingGone(operation) => {
            sqlx::query("DELETE FROM recordings WHERE operation = ?").bind(operation.to_string())
        }
        Note::NumberHeld {
            number,
            context,
            until,
        } => sqlx::query(
            "INSERT OR REPLACE INTO pooled_numbers (number, context, until) VALUES (?, ?, ?)",
        )
        .bind(number.as_str())
        .bind(context.reveal().as_str())
        .bind(*until),
        Note::NumberFreed(number) => {
            sqlx::query("DELETE FROM pooled_numbers WHERE number = ?").bind(number.as_str())
        }
        Note::SigningKey { pem, at } => {
            sqlx::query("INSERT INTO signing_keys (created_at, pem) VALUES (?, ?)")
                .bind(*at)
                .bind(pem.reveal().as_str())
                .execute(&mut *connection)
                .await?;
            sqlx::query(
                "DELETE FROM signing_keys WHERE id NOT IN \
                 (SELECT id FROM signing_keys ORDER BY id DESC LIMIT 2)",
            )
        }
        Note::Secret { name, fresh } => {
            sqlx::query("INSERT OR IGNORE INTO secrets (name, value) VALUES (?, ?)")
                .bind(*name)
                .bind(fresh.as_slice())
        }
    }
    .execute(connection)
    .await
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use offhook_wire::journal::{Ending, VERSION};

    #[test]
    fn a_full_queue_still_takes_endings() {
        let queued = Queued::default();
        let entry = |fact| {
            Note::Entry(Entry {
                version: VERSION,
                call: String::new(),
                leg: String::new(),
                seq: 1,
                at_ms: 0,
                fact,
            })
        };
        for _ in 0..limits::JOURNAL_QUEUE_MAX {
            assert!(queued.admits(&entry(Fact::AudioFlows)));
        }
        assert!(!queued.admits(&entry(Fact::AudioFlows)));
        let ending = Ending::CallerHungUp;
        assert!(queued.admits(&entry(Fact::Terminated { ending, bot: None })));
        queued.taken(&entry(Fact::AudioFlows));
        assert!(queued.admits(&entry(Fact::AudioFlows)));
    }
}
