//! The book of meetings: made, kept, changed, and found by those who join.

use std::sync::Arc;
use std::time::SystemTime;

use offhook_identity::random_token;
use offhook_terms::{MeetingId, PersonId, Private};
use offhook_workplace::{
    Drawn, JoinNumber, Key, Meeting, Month, NoneLeft, NotAdmitted, NotPossible, Wanted,
    number_dialled, thread_owner,
};
use tokio::sync::Mutex;

use crate::config;
use crate::store::{MeetingBy, Store, StoreError};

/// All meetings. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Meetings {
    store: Store,
    settings: Arc<config::Workplace>,
    /// Whoever makes or changes a meeting looks at the book first; one at a time.
    pen: Arc<Mutex<()>>,
}

/// Why there is no meeting to join.
#[derive(Debug)]
pub(crate) enum NotFound {
    /// This key opens none.
    NotAdmitted(NotAdmitted),
    /// The book cannot be read.
    Store(StoreError),
}

/// Why a meeting was not made or changed.
#[derive(Debug)]
pub(super) enum NotMade {
    NotPossible(NotPossible),
    NoneLeft(NoneLeft),
    NoSuchMeeting,
    Store(StoreError),
}

impl From<StoreError> for NotMade {
    fn from(why: StoreError) -> Self {
        Self::Store(why)
    }
}

impl From<NotPossible> for NotMade {
    fn from(why: NotPossible) -> Self {
        Self::NotPossible(why)
    }
}

impl Meetings {
    pub(crate) fn new(store: Store, settings: config::Workplace) -> Self {
        Self {
            store,
            settings: Arc::new(settings),
            pen: Arc::default(),
        }
    }

    /// The meeting this key opens: for calls that join. By its thread and organizer, its token, its
    /// number and passcode, or the user part of its dial-in address.
    pub(crate) async fn find(&self, key: &Key<'_>, now: SystemTime) -> Result<Meeting, NotFound> {
        let by = match *key {
            Key::Thread { thread, .. } => thread_owner(thread).map(MeetingBy::Id),
            Key::Token(token) => Some(MeetingBy::Token(token)),
            Key::Number { number, .. } => number.parse().ok().map(MeetingBy::Number),
            Key::DialIn(user) => number_dialled(user).map(MeetingBy::Number),
        };
        let found = match by {
            Some(by) => self.get(by, now).await.map_err(NotFound::Store)?,
            None => None,
        };
        let meeting = found.ok_or(NotFound::NotAdmitted(NotAdmitted::NoSuchMeeting))?;
        meeting.admits(key).map_err(NotFound::NotAdmitted)?;
        Ok(meeting)
    }

    pub(super) async fn get(
        &self,
        by: MeetingBy<'_>,
        now: SystemTime,
    ) -> Result<Option<Meeting>, StoreError> {
        let kept = self.settings.meetings_kept;
        self.store.meeting(by, now, kept).await
    }

    pub(super) async fn make(
        &self,
        organizer: PersonId,
        tenant: &str,
        wanted: Wanted,
        now: SystemTime,
    ) -> Result<Meeting, NotMade> {
        let _pen = self.pen.lock().await;
        self.write_new(organizer, tenant, wanted, now).await
    }

    /// A meeting to be joined.
    #[cfg(test)]
    pub(crate) async fn make_for_tests(&self, organizer: PersonId, now: SystemTime) -> Meeting {
        let tenant = "7a1f5b3e-2f5e-4c43-8a2e-51d5f3f0c9aa";
        let made = self.make(organizer, tenant, Wanted::default(), now).await;
        made.unwrap_or_else(|why| panic!("no meeting was made: {why:?}"))
    }

    /// The meeting the asker calls so, and whether it is new.
    pub(super) async fn make_or_get(
        &self,
        organizer: PersonId,
        tenant: &str,
        wanted: Wanted,
        now: SystemTime,
    ) -> Result<(Meeting, bool), NotMade> {
        let _pen = self.pen.lock().await;
        if let Some(id) = &wanted.external_id
            && let Some(meeting) = self.get(MeetingBy::External { organizer, id }, now).await?
        {
            return Ok((meeting, false));
        }
        let meeting = self.write_new(organizer, tenant, wanted, now).await?;
        Ok((meeting, true))
    }

    /// With the pen in hand.
    async fn write_new(
        &self,
        organizer: PersonId,
        tenant: &str,
        wanted: Wanted,
        now: SystemTime,
    ) -> Result<Meeting, NotMade> {
        let month = Month::of(now);
        let made = self.store.meetings_made(organizer, month).await?;
        Month::allows(made, self.settings.meetings_a_month, now).map_err(NotMade::NoneLeft)?;
        let drawn = Drawn {
            id: MeetingId::from_random(rand::random()),
            number: self.unused_number(now).await?,
            passcode: rand::random(),
            token: token(),
        };
        let meeting = Meeting::new(organizer, tenant, wanted, drawn, now)?;
        self.store.keep_meeting(&meeting, Some(month)).await?;
        Ok(meeting)
    }

    /// Of nine hundred thousand million numbers the first is as good as always free.
    async fn unused_number(&self, now: SystemTime) -> Result<JoinNumber, StoreError> {
        loop {
            let number = JoinNumber::from_random(rand::random());
            if self.get(MeetingBy::Number(number), now).await?.is_none() {
                return Ok(number);
            }
        }
    }

    pub(super) async fn change(
        &self,
        organizer: PersonId,
        id: MeetingId,
        wanted: Wanted,
        now: SystemTime,
    ) -> Result<Meeting, NotMade> {
        let _pen = self.pen.lock().await;
        let found = self.get(MeetingBy::Id(id), now).await?;
        let mut meeting = found
            .filter(|meeting| meeting.organizer == organizer)
            .ok_or(NotMade::NoSuchMeeting)?;
        meeting.change(wanted, rand::random(), now)?;
        self.store.keep_meeting(&meeting, None).await?;
        Ok(meeting)
    }

    pub(super) async fn delete(
        &self,
        organizer: PersonId,
        id: MeetingId,
        now: SystemTime,
    ) -> Result<(), NotMade> {
        let _pen = self.pen.lock().await;
        let found = self.get(MeetingBy::Id(id), now).await?;
        if found.is_none_or(|meeting| meeting.organizer != organizer) {
            return Err(NotMade::NoSuchMeeting);
        }
        Ok(self.store.delete_meeting(id).await?)
    }
}

fn token() -> Private<String> {
    random_token(32).expect("this machine gave random numbers at the start")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::time::{Duration, UNIX_EPOCH};

    use offhook_workplace::{Attendee, Lobby, Role, dial_in_user};

    const ADA: PersonId = PersonId::from_bits(0xada);
    const BOB: PersonId = PersonId::from_bits(0xb0b);
    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_790_000_000)
    }

    async fn book(data: &Path) -> Meetings {
        let store = Store::open(data).await.expect("opens");
        let settings = config::Workplace {
            meetings_a_month: 2,
            ..config::Workplace::default()
        };
        Meetings::new(store, settings)
    }

    fn busy() -> Wanted {
        Wanted {
            subject: Some(Private::new("Über alles".to_owned())),
            attendees: Some(vec![Attendee {
                id: Some(Private::new(BOB.to_string())),
                address: Some(Private::new("bob@example.org".to_owned())),
                role: Role::Presenter,
            }]),
            passcode_required: Some(true),
            lobby: Some(Lobby::Everyone),
            microphone: Some(false),
            ..Wanted::default()
        }
    }

    #[tokio::test]
    async fn a_meeting_survives_a_restart_and_is_found_by_whatever_opens_it() {
        let data = tempfile::tempdir().expect("a temporary folder");
        let meetings = book(data.path()).await;
        let made = meetings
            .make(ADA, "tenant", busy(), now())
            .await
            .expect("made");
        meetings.store.close().await;

        let meetings = book(data.path()).await;
        let (thread, number) = (made.thread_id(), made.number.to_string());
        let user = dial_in_user(made.number);
        let passcode = made.passcode.as_ref().map(|word| word.reveal().as_str());
        for key in [
            Key::Thread {
                thread: &thread,
                organizer: Some(ADA),
            },
            Key::Token(made.token.reveal()),
            Key::Number {
                number: &number,
                passcode,
            },
            Key::DialIn(&user),
        ] {
            let found = meetings.find(&key, now() + DAY).await.expect("found");
            assert_eq!(found, made);
        }
        for (key, wanted) in [
            (
                Key::Number {
                    number: &number,
                    passcode: None,
                },
                NotAdmitted::PasscodeMissing,
            ),
            (
                Key::Thread {
                    thread: &thread,
                    organizer: Some(BOB),
                },
                NotAdmitted::NotTheirs,
            ),
            (Key::Token("another"), NotAdmitted::NoSuchMeeting),
            (Key::DialIn("ada"), NotAdmitted::NoSuchMeeting),
        ] {
            match meetings.find(&key, now()).await {
                Err(NotFound::NotAdmitted(why)) => assert_eq!(why, wanted),
                other => panic!("{wanted:?}: {other:?}"),
            }
        }
        meetings.store.close().await;
    }

    #[tokio::test]
    async fn a_meeting_is_forgotten_when_its_time_is_over() {
        let data = tempfile::tempdir().expect("a temporary folder");
        let meetings = book(data.path()).await;
        let made = meetings
            .make(ADA, "tenant", Wanted::default(), now())
            .await
            .expect("made");
        let last = made
            .expires(meetings.settings.meetings_kept)
            .expect("a time");
        let at = |at| meetings.get(MeetingBy::Id(made.id), at);
        let moment = Duration::from_millis(1);
        assert_eq!(at(last - moment).await.expect("read"), Some(made.clone()));
        assert_eq!(at(last).await.expect("read"), None);

        let kept = meetings.settings.meetings_kept;
        let forget = |now| meetings.store.forget_meetings(now, kept);
        forget(last - moment).await.expect("forgotten");
        assert_eq!(at(now()).await.expect("read"), Some(made.clone()));
        forget(last).await.expect("forgotten");
        assert_eq!(at(now()).await.expect("read"), None);
        meetings.store.close().await;
    }

    #[tokio::test]
    async fn a_month_has_so_many_meetings_for_each_person() {
        let data = tempfile::tempdir().expect("a temporary folder");
        let meetings = book(data.path()).await;
        let make = |who, at| meetings.make(who, "tenant", Wanted::default(), at);
        let first = make(ADA, now()).await.expect("made");
        make(ADA, now()).await.expect("made");
        // Deleting one does not give it back.
        meetings
            .delete(ADA, first.id, now())
            .await
            .expect("deleted");
        assert!(matches!(make(ADA, now()).await, Err(NotMade::NoneLeft(_))));
        make(BOB, now()).await.expect("made");
        make(ADA, now() + 31 * DAY).await.expect("made");
        meetings.store.close().await;
    }

    #[tokio::test]
    async fn an_external_id_names_one_meeting_of_one_person() {
        let data = tempfile::tempdir().expect("a temporary folder");
        let meetings = book(data.path()).await;
        let named = |who| {
            let wanted = Wanted {
                external_id: Some("7eb8263f".to_owned()),
                ..Wanted::default()
            };
            meetings.make_or_get(who, "tenant", wanted, now())
        };
        // At the same moment, too.
        let (one, other) = tokio::join!(named(ADA), named(ADA));
        let ((one, one_is_new), (other, other_is_new)) = (one.expect("made"), other.expect("got"));
        assert_eq!(one, other);
        assert_ne!(one_is_new, other_is_new);
        let (of_bob, is_new) = named(BOB).await.expect("made");
        assert!(is_new && of_bob.id != one.id);
        meetings.store.close().await;
    }

    #[tokio::test]
    async fn only_its_organizers_meeting_is_changed() {
        let data = tempfile::tempdir().expect("a temporary folder");
        let meetings = book(data.path()).await;
        let made = meetings
            .make(ADA, "tenant", Wanted::default(), now())
            .await
            .expect("made");
        let change = |who| meetings.change(who, made.id, busy(), now());
        assert!(matches!(change(BOB).await, Err(NotMade::NoSuchMeeting)));
        let changed = change(ADA).await.expect("changed");
        let kept = meetings.get(MeetingBy::Id(made.id), now()).await;
        assert_eq!(kept.expect("read"), Some(changed));
        let delete = |who| meetings.delete(who, made.id, now());
        assert!(matches!(delete(BOB).await, Err(NotMade::NoSuchMeeting)));
        delete(ADA).await.expect("deleted");
        assert!(matches!(delete(ADA).await, Err(NotMade::NoSuchMeeting)));
        meetings.store.close().await;
    }
}
