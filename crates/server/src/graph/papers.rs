//! What bots said of their legs when they made, joined or took a call.
//!
//! It decides nothing: it is shown again, in bodies and in notifications, and it says how the bot
//! wants those worded. The engine has no use for it, so it is kept here, by leg.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use offhook_terms::{LegId, PersonId, Private};
use offhook_wire::graph::{
    CallOptions, ChatInfo, InvitationParticipantInfo, MediaConfig, MeetingInfo, Modality,
    ParticipantInfo,
};

use super::path::Version;

/// What was said of one leg. What nobody said is as it is without.
#[derive(Clone, Default)]
pub(crate) struct Paper {
    /// Through which version of the API it was made or taken.
    pub(crate) version: Version,
    pub(crate) media_config: Option<MediaConfig>,
    /// The kinds of media asked for; none is audio.
    pub(crate) modalities: Vec<Modality>,
    pub(crate) subject: Option<Private<String>>,
    /// What the bot says it is.
    pub(crate) source: Option<ParticipantInfo>,
    /// Whom it called.
    pub(crate) targets: Vec<InvitationParticipantInfo>,
    /// The chat of the meeting it is in.
    pub(crate) chat: Option<ChatInfo>,
    /// The meeting it is in.
    pub(crate) meeting: Option<MeetingInfo>,
    /// Who holds the meeting it is in.
    pub(crate) organizer: Option<PersonId>,
    pub(crate) options: Option<CallOptions>,
    /// It stands for a telephone number.
    pub(crate) is_instance: bool,
    /// How long it let the other party ring, in seconds.
    pub(crate) ring_for: Option<i64>,
    /// It asked for many to be shown at once.
    pub(crate) has_gallery: bool,
}

impl Paper {
    /// Whether rosters have only what changed.
    pub(crate) fn is_delta_roster(&self) -> bool {
        let options = self.options.as_ref();
        options.and_then(|options| options.is_delta_roster_enabled) == Some(true)
    }
}

/// The papers of all live legs of bots; there are no more of them than legs. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Papers {
    filed: Arc<Mutex<HashMap<LegId, Arc<Paper>>>>,
}

impl Papers {
    /// Keeps what was said of a leg, before its first event or as it is changed.
    pub(crate) fn file(&self, leg: LegId, paper: Paper) {
        self.filed().insert(leg, Arc::new(paper));
    }

    /// Changes what is kept of a leg.
    pub(crate) fn change(&self, leg: LegId, change: impl FnOnce(&mut Paper)) {
        let mut filed = self.filed();
        change(Arc::make_mut(filed.entry(leg).or_default()));
    }

    /// What was said of a leg; if nothing was, what goes without saying.
    pub(crate) fn of(&self, leg: LegId) -> Arc<Paper> {
        self.filed().get(&leg).cloned().unwrap_or_default()
    }

    /// The leg is gone.
    pub(crate) fn forget(&self, leg: LegId) {
        self.filed().remove(&leg);
    }

    #[cfg(test)]
    pub(crate) fn is_empty_for_tests(&self) -> bool {
        self.filed().is_empty()
    }

    fn filed(&self) -> MutexGuard<'_, HashMap<LegId, Arc<Paper>>> {
        self.filed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn papers_go_with_their_leg() {
        let papers = Papers::default();
        let leg = LegId::from_bits(1);
        assert!(!papers.of(leg).has_gallery);
        let subject = Some(Private::new("lunch".to_owned()));
        papers.file(
            leg,
            Paper {
                subject: subject.clone(),
                ..Paper::default()
            },
        );
        papers.change(leg, |paper| paper.has_gallery = true);
        let paper = papers.of(leg);
        assert!(paper.has_gallery && paper.subject == subject);
        papers.forget(leg);
        assert!(papers.of(leg).subject.is_none());
    }
}
