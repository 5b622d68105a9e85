//! Meetings as the database has them.

use std::time::{Duration, SystemTime};

use offhook_terms::{MeetingId, PersonId, Private};
use offhook_wire::graph as wire;
use offhook_workplace::{JoinNumber, Meeting, Month, Rules};
use sqlx::sqlite::{SqliteConnection, SqlitePool, SqliteRow};
use sqlx::{Connection as _, Row as _};

use super::{from_ms, ms};
use crate::workplace::{details, wanted};

/// How a meeting is looked for.
pub(crate) enum MeetingBy<'a> {
    Id(MeetingId),
    Number(JoinNumber),
    Token(&'a str),
    External { organizer: PersonId, id: &'a str },
}

/// The meeting, if it ends after this time.
pub(super) async fn find(
    pool: &SqlitePool,
    by: MeetingBy<'_>,
    ends_after: i64,
) -> sqlx::Result<Option<Meeting>> {
    macro_rules! select {
        ($condition:literal) => {
            sqlx::query(concat!(
                "SELECT id, organizer, tenant, number, passcode, token, external_id, created_at, \
                 starts_at, ends_at, details FROM meetings WHERE ends_at > ? AND ",
                $condition
            ))
            .bind(ends_after)
        };
    }
    let query = match by {
        MeetingBy::Id(id) => select!("id = ?").bind(id.to_string()),
        MeetingBy::Number(number) => select!("number = ?").bind(number.to_string()),
        MeetingBy::Token(token) => select!("token = ?").bind(token.to_owned()),
        MeetingBy::External { organizer, id } => select!("organizer = ? AND external_id = ?")
            .bind(organizer.to_string())
            .bind(id.to_owned()),
    };
    let row = query.fetch_optional(pool).await?;
    Ok(row.as_ref().and_then(read))
}

/// A row that is not ours to read is none.
fn read(row: &SqliteRow) -> Option<Meeting> {
    let text = |at: usize| row.try_get::<String, _>(at).ok();
    let maybe = |at: usize| row.try_get::<Option<String>, _>(at).ok();
    let time = |at: usize| row.try_get::<i64, _>(at).ok().map(from_ms);
    let details: wire::OnlineMeeting = serde_json::from_str(&text(10)?).ok()?;
    let known = wanted(details).ok()?;
    Some(Meeting {
        id: text(0)?.parse().ok()?,
        organizer: text(1)?.parse().ok()?,
        tenant: text(2)?,
        number: text(3)?.parse().ok()?,
        passcode: maybe(4)?.map(Private::new),
        token: Private::new(text(5)?),
        external_id: maybe(6)?,
        created: time(7)?,
        starts: time(8)?,
        ends: time(9)?,
        rules: Rules::default().with(&known),
        subject: known.subject,
        attendees: known.attendees.unwrap_or_default(),
    })
}

/// How many meetings this person had made in this month.
pub(super) async fn made(
    pool: &SqlitePool,
    organizer: PersonId,
    month: Month,
) -> sqlx::Result<u32> {
    let row = sqlx::query("SELECT made FROM meetings_made WHERE organizer = ? AND month = ?")
        .bind(organizer.to_string())
        .bind(month.number())
        .fetch_optional(pool)
        .await?;
    row.map_or(Ok(0), |row| row.try_get(0))
}

/// Something to be changed.
pub(super) enum MeetingChange {
    /// Keep a meeting; count it among those made in a month, if it is new.
    Keep {
        meeting: Box<Meeting>,
        made_in: Option<Month>,
    },
    /// Forget one.
    Delete(MeetingId),
    /// Forget those that ended by then, and the counts of earlier months.
    Forget { ended_by: i64, month: Month },
}

impl MeetingChange {
    pub(super) fn forget(now: SystemTime, kept: Duration) -> Self {
        Self::Forget {
            ended_by: ended_by(now, kept),
            month: Month::of(now),
        }
    }

    pub(super) async fn carry_out(self, connection: &mut SqliteConnection) -> sqlx::Result<()> {
        let mut transaction = connection.begin().await?;
        match self {
            Self::Keep { meeting, made_in } => {
                if let Some(month) = made_in {
                    count(&mut transaction, meeting.organizer, month).await?;
                }
                write(&mut transaction, &meeting).await?;
            }
            Self::Delete(id) => {
                sqlx::query("DELETE FROM meetings WHERE id = ?")
                    .bind(id.to_string())
                    .execute(&mut *transaction)
                    .await?;
            }
            Self::Forget { ended_by, month } => {
                sqlx::query("DELETE FROM meetings WHERE ends_at <= ?")
                    .bind(ended_by)
                    .execute(&mut *transaction)
                    .await?;
                sqlx::query("DELETE FROM meetings_made WHERE month < ?")
                    .bind(month.number())
                    .execute(&mut *transaction)
                    .await?;
            }
        }
        transaction.commit().await
    }
}

async fn write(connection: &mut SqliteConnection, meeting: &Meeting) -> sqlx::Result<()> {
    let details = serde_json::to_string(&details(meeting))
        .expect("a meeting is plain data, which always prints");
    sqlx::query(
        "INSERT OR REPLACE INTO meetings (id, organizer, tenant, number, passcode, token, \
         external_id, created_at, starts_at, ends_at, details) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
    )
    .bind(meeting.id.to_string())
    .bind(meeting.organizer.to_string())
    .bind(meeting.tenant.as_str())
    .bind(meeting.number.to_string())
    .bind(meeting.passcode.as_ref().map(|word| word.reveal().as_str()))
    .bind(meeting.token.reveal().as_str())
    .bind(meeting.external_id.as_deref())
    .bind(ms(meeting.created))
    .bind(ms(meeting.starts))
    .bind(ms(meeting.ends))
    .bind(details)
    .execute(connection)
    .await
    .map(drop)
}

async fn count(
    connection: &mut SqliteConnection,
    organizer: PersonId,
    month: Month,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO meetings_made (organizer, month, made) VALUES (?, ?, 1) \
         ON CONFLICT (organizer, month) DO UPDATE SET made = made + 1",
    )
    .bind(organizer.to_string())
    .bind(month.number())
    .execute(connection)
    .await
    .map(drop)
}

/// A meeting that is kept for so long after its end is gone now if it ended by then.
pub(super) fn ended_by(now: SystemTime, kept: Duration) -> i64 {
    now.checked_sub(kept).map_or(0, ms)
}
