//! `POST /communications/calls`: one of four things, told by what the body has.
//!
//! | the body has | and is |
//! |---|---|
//! | `meetingInfo` | joining a meeting |
//! | one target | a call to somebody |
//! | 2 to 5 targets | a call of many |
//! | `chatInfo` alone | joining the meeting of a chat |

use std::time::Duration;

use offhook_engine::limits::{RINGS_FOR, TARGETS_MAX};
use offhook_engine::{Hosting, Invitee, Party};
use offhook_terms::Private;
use offhook_wire::graph as wire;
use url::Url;

use super::party::{Asker, Phones, invitees, same_id};
use super::{Media, callback, media, modalities};
use crate::graph::path::Version;
use crate::graph::{Paper, Refused};
use crate::limits;
use crate::registry::Roles;

/// A call a bot wants made.
pub(crate) struct Creation {
    pub(crate) what: Wanted,
    pub(crate) hosting: Hosting,
    /// Where its notifications go.
    pub(crate) callback: Url,
    pub(crate) prefetch: Vec<offhook_engine::Prompt>,
    pub(crate) paper: Paper,
}

/// What a bot wants.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// These to be called.
    Targets {
        targets: Vec<Invitee>,
        is_group: bool,
        ring_for: Duration,
    },
    /// To be in this meeting.
    Meeting(WhichMeeting),
}

/// A meeting, told in one of three ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WhichMeeting {
    /// By its chat, and by who organised it if that was said.
    Thread {
        thread: String,
        organizer: Option<Private<String>>,
    },
    /// By a token.
    Token(Private<String>),
    /// By what one types to join.
    JoinId {
        id: String,
        passcode: Option<Private<String>>,
    },
}

/// What a body asks for, as far as that decides which permission it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    One,
    Many,
    Meeting,
}

impl Kind {
    fn of(request: &wire::Call) -> Result<Self, Refused> {
        let targets = request.targets.as_ref().map_or(0, Vec::len);
        match (request.meeting_info.is_some(), targets) {
            (true, 0) => Ok(Self::Meeting),
            (true, _) => Err(Refused::parameter(
                "targets",
                "must be empty when a meeting is joined",
            )),
            (false, 0) if request.chat_info.is_some() => Ok(Self::Meeting),
            (false, 0) => Err(Refused::parameter(
                "targets",
                "is required, unless a meeting is joined by 'meetingInfo'",
            )),
            (false, 1) => Ok(Self::One),
            (false, _) => Ok(Self::Many),
        }
    }

    fn allowed(self, roles: Roles) -> bool {
        match self {
            Self::One => roles.contains(Roles::INITIATE),
            Self::Many => roles.contains(Roles::INITIATE_GROUP_CALL),
            Self::Meeting => {
                roles.contains(Roles::JOIN_GROUP_CALL)
                    || roles.contains(Roles::JOIN_GROUP_CALL_AS_GUEST)
            }
        }
    }
}

/// Reads what a bot wants, and refuses what it may not.
pub(crate) fn create(
    request: wire::Call,
    asker: Asker<'_>,
    roles: Roles,
    version: Version,
) -> Result<Creation, Refused> {
    let tenant = request.tenant_id.as_deref().filter(|id| !id.is_empty());
    if tenant.is_some_and(|tenant| !same_id(tenant, &asker.bot.tenant)) {
        return Err(Refused::tenant());
    }
    let source = Source::of(&request, asker)?;
    let kind = Kind::of(&request);
    let is_app_hosted = matches!(
        request.media_config,
        Some(wire::MediaConfig::AppHosted { .. })
    );
    let kind_allowed = kind.as_ref().map_or(true, |kind| kind.allowed(roles));
    if !kind_allowed || (is_app_hosted && !roles.contains(Roles::ACCESS_MEDIA)) {
        return Err(Refused::role());
    }
    let guard = &asker.bot.guard;
    let callback = callback(request.callback_uri.as_deref(), guard)?
        .ok_or_else(|| Refused::parameter("callbackUri", "is required"))?;
    modalities(
        "requestedModalities",
        request.requested_modalities.as_deref(),
    )?;
    let Media { hosting, prefetch } = media(request.media_config.as_ref(), guard)?;
    let what = match kind? {
        Kind::Meeting => Wanted::Meeting(which_meeting(&request)?),
        kind => targets(&request, kind, source.is_instance, tenant.is_some(), asker)?,
    };
    let subject = request.subject.filter(|subject| !subject.is_empty());
    if subject
        .as_deref()
        .is_some_and(|text| text.chars().count() > limits::SUBJECT_CHARS_MAX)
    {
        let wanted = format!("is longer than {} characters", limits::SUBJECT_CHARS_MAX);
        return Err(Refused::parameter("subject", wanted));
    }
    let paper = Paper {
        version,
        media_config: request.media_config,
        modalities: request.requested_modalities.unwrap_or_default(),
        subject: subject.map(Private::new),
        source: request.source,
        targets: request.targets.unwrap_or_default(),
        chat: request.chat_info,
        meeting: request.meeting_info,
        options: request.call_options,
        is_instance: source.is_instance,
        ring_for: request.ringing_timeout_in_seconds,
        ..Paper::default()
    };
    Ok(Creation {
        what,
        hosting,
        callback,
        prefetch,
        paper,
    })
}

/// What a bot says it is.
struct Source {
    /// It stands for a telephone number.
    is_instance: bool,
}

impl Source {
    fn of(request: &wire::Call, asker: Asker<'_>) -> Result<Self, Refused> {
        let set = request.source.as_ref().map(|source| &source.identity);
        let identity = |kind: &str| set.and_then(|set| set.get(kind));
        let id = |identity: &wire::Identity| identity.id.clone().unwrap_or_default().into_inner();
        if let Some(application) = identity("application") {
            let named = id(application);
            if !named.is_empty() && !same_id(&named, &asker.bot.app.to_string()) {
                return Err(Refused::source());
            }
        }
        let is_instance = match identity("applicationInstance").map(id) {
            None => false,
            // Which instances an application has is known to its own directory alone.
            Some(instance) if instance.parse::<offhook_terms::AppId>().is_ok() => true,
            Some(_) => return Err(Refused::source()),
        };
        let guest = identity("guest").and_then(|guest| guest.display_name.as_ref());
        if guest.is_some_and(|name| name.reveal().chars().count() > limits::DISPLAY_NAME_CHARS_MAX)
        {
            let wanted = "has a guest whose 'displayName' is too long";
            return Err(Refused::parameter("source", wanted));
        }
        Ok(Self { is_instance })
    }
}

fn targets(
    request: &wire::Call,
    kind: Kind,
    is_instance: bool,
    has_tenant: bool,
    asker: Asker<'_>,
) -> Result<Wanted, Refused> {
    let given = request.targets.as_deref().unwrap_or_default();
    if given.len() > TARGETS_MAX {
        let wanted = format!("must have 1 to {TARGETS_MAX} entries");
        return Err(Refused::parameter("targets", wanted));
    }
    let phones = match is_instance {
        true => Phones::Allowed,
        false => Phones::NeedInstance,
    };
    let targets = invitees(given, "targets", asker, phones)?;
    let calls = |wanted: fn(&Party) -> bool| targets.iter().any(|target| wanted(&target.party));
    if calls(|party| matches!(party, Party::Phone { .. })) && !has_tenant {
        let wanted = "is required when a phone is called";
        return Err(Refused::parameter("tenantId", wanted));
    }
    let itself = Party::Bot { app: asker.bot.app };
    if targets.iter().any(|target| target.party == itself) {
        return Err(Refused::parameter("targets", "names the caller itself"));
    }
    Ok(Wanted::Targets {
        targets,
        is_group: kind == Kind::Many,
        ring_for: ring_for(request.ringing_timeout_in_seconds)?,
    })
}

fn ring_for(given: Option<i64>) -> Result<Duration, Refused> {
    let Some(given) = given else {
        return Ok(RINGS_FOR);
    };
    if !limits::RINGING_SECONDS.contains(&given) {
        let (min, max) = (
            limits::RINGING_SECONDS.start(),
            limits::RINGING_SECONDS.end(),
        );
        let wanted = format!("must be between {min} and {max}");
        return Err(Refused::parameter("ringingTimeoutInSeconds", wanted));
    }
    Ok(Duration::from_secs(given.unsigned_abs()))
}

/// The tag decides; without one, what is there does.
fn which_meeting(request: &wire::Call) -> Result<WhichMeeting, Refused> {
    let by_thread = |organizer| {
        let thread = request
            .chat_info
            .as_ref()
            .and_then(|chat| chat.thread_id.as_deref());
        let thread = bounded("chatInfo.threadId", thread)?;
        Ok(WhichMeeting::Thread { thread, organizer })
    };
    let Some(meeting) = &request.meeting_info else {
        return by_thread(None);
    };
    let tagged = |tag: &str| match meeting.odata_type.as_deref() {
        Some(text) => wire::tag::same(text, tag),
        None => false,
    };
    let untagged = meeting.odata_type.is_none();
    if tagged(wire::tag::JOIN_MEETING_ID_MEETING_INFO)
        || (untagged && meeting.join_meeting_id.is_some())
    {
        return Ok(WhichMeeting::JoinId {
            id: bounded("joinMeetingId", meeting.join_meeting_id.as_deref())?,
            passcode: meeting
                .passcode
                .clone()
                .filter(|passcode| !passcode.reveal().is_empty()),
        });
    }
    if tagged(wire::tag::TOKEN_MEETING_INFO) || (untagged && meeting.token.is_some()) {
        let token = meeting.token.as_ref().map(|token| token.reveal().as_str());
        return Ok(WhichMeeting::Token(Private::new(bounded("token", token)?)));
    }
    if tagged(wire::tag::ORGANIZER_MEETING_INFO) || (untagged && meeting.organizer.is_some()) {
        let organizer = meeting
            .organizer
            .as_ref()
            .and_then(wire::IdentitySet::user)
            .and_then(|user| user.id.clone())
            .filter(|id| !id.reveal().is_empty());
        let organizer = organizer.ok_or_else(|| {
            Refused::parameter("meetingInfo", "must have an 'organizer.user' with its 'id'")
        })?;
        return by_thread(Some(organizer));
    }
    let wanted = "must be an 'organizerMeetingInfo', a 'tokenMeetingInfo' or a \
                  'joinMeetingIdMeetingInfo'";
    Err(Refused::parameter("meetingInfo", wanted))
}

fn bounded(name: &str, given: Option<&str>) -> Result<String, Refused> {
    let given = given.filter(|given| !given.is_empty());
    let given = given.ok_or_else(|| Refused::parameter(name, "is required"))?;
    if given.len() > limits::MEETING_WORD_BYTES_MAX {
        return Err(Refused::parameter(name, "is too long"));
    }
    Ok(given.to_owned())
}
