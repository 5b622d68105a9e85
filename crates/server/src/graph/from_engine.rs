//! Events and views, as notifications and bodies.
//!
//! | file | what it words |
//! |---|---|
//! | here | calls, and which notification an event is |
//! | `operation.rs` | operations |
//! | `party.rs` | who takes part |
//! | `ending.rs` | why a call ended |

mod ending;
mod operation;
mod party;

use std::sync::Arc;

use offhook_engine::{
    CallDirection as Direction, CameBy, Ending, Event, Fact, Invitee, LegState, LegView, Party,
};
use offhook_terms::{CallId, LegId};
use offhook_wire::graph as wire;
use wire::{
    Call, CallDirection, CallMediaState, CallState, ChangeType, ChatInfo, Identity, IdentitySet,
    InvitationParticipantInfo, MediaState, MeetingInfo, Modality, Notification, OperationStatus,
    ParticipantInfo, ResultInfo, ToneInfo,
};

use super::Paper;
use super::path::Version;
use crate::config::StatusSpelling;
use crate::registry::{Bot, Registry};
use crate::store::Recordings;

use ending::ending;
pub(super) use operation::{operation, viewed};
use party::identity;
pub(super) use party::participant;

/// Who called a bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) party: Party,
    pub(crate) leg: LegId,
    /// How the call came to the bot.
    pub(crate) came_by: CameBy,
}

/// What is known of a leg beside its events.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) leg: LegId,
    pub(crate) call: CallId,
    pub(crate) bot: &'a Bot,
    /// Where its notifications go.
    pub(crate) callback: &'a str,
    /// Who called, if the bot was called.
    pub(crate) caller: Option<&'a Caller>,
    /// It is in a call of many.
    pub(crate) is_group: bool,
    /// It was told of the roster before, so that what has not changed is known.
    pub(crate) knows_roster: bool,
    /// What the bot said of it.
    pub(crate) paper: &'a Paper,
}

impl Known<'_> {
    /// The other party of the call is a phone number.
    fn is_with_phone(&self) -> bool {
        match self.caller {
            Some(caller) => matches!(caller.party, Party::Phone { .. }),
            None => match self.paper.targets.as_slice() {
                [only] => only.identity.phone().is_some(),
                _ => false,
            },
        }
    }

    /// The chat of the call. A call of many that is no meeting has one in name only: published
    /// bots tell the two apart by the form of its id.
    fn chat(&self) -> Option<ChatInfo> {
        let mut chat = match &self.paper.chat {
            Some(chat) => chat.clone(),
            None if self.is_group => ChatInfo {
                thread_id: Some(format!("19:{}", self.call)),
                message_id: Some("0".to_owned()),
                ..ChatInfo::default()
            },
            None => return None,
        };
        chat.odata_type = Some(wire::tag::CHAT_INFO.to_owned());
        Some(chat)
    }

    fn meeting(&self) -> Option<MeetingInfo> {
        let mut meeting = self.paper.meeting.clone()?;
        if meeting.odata_type.is_none() {
            let tag = if meeting.join_meeting_id.is_some() {
                wire::tag::JOIN_MEETING_ID_MEETING_INFO
            } else if meeting.token.is_some() {
                wire::tag::TOKEN_MEETING_INFO
            } else {
                wire::tag::ORGANIZER_MEETING_INFO
            };
            meeting.odata_type = Some(tag.to_owned());
        }
        Some(meeting)
    }
}

/// How things are worded, whatever they are.
#[derive(Clone)]
pub(crate) struct Wording {
    pub(crate) status: StatusSpelling,
    pub(crate) recordings: Arc<Recordings>,
    /// Whose names there are.
    pub(crate) registry: Arc<Registry>,
    /// The seed of notifications as production sends them; without it they are sent in order.
    pub(crate) disorder: Option<u64>,
}

impl Wording {
    /// A status as the operator wants it spelled.
    pub(super) fn status(&self, status: OperationStatus) -> OperationStatus {
        if self.status == StatusSpelling::Camel {
            return status;
        }
        OperationStatus::Other(
            match status {
                OperationStatus::NotStarted => "NotStarted",
                OperationStatus::Running => "Running",
                OperationStatus::Completed => "Completed",
                OperationStatus::Failed => "Failed",
                OperationStatus::Other(word) => return OperationStatus::Other(word),
            }
            .into(),
        )
    }
}

/// What a bot is posted about an event; nothing where its version of the API has no word for it.
pub(crate) fn notification(
    event: &Event,
    known: Known<'_>,
    wording: &Wording,
) -> Option<Notification> {
    let path = format!("/calls/{}", known.leg);
    let (change, mut call) = match &event.fact {
        Fact::OperationEnded {
            operation,
            kind,
            context,
            outcome,
        } => {
            let path = format!("{path}/operations/{operation}");
            let context = context.as_deref();
            let mut ended =
                self::operation(*operation, kind, context, Some(outcome), known.bot, wording);
            ended.odata_id = Some(format!("/communications{path}"));
            ended.odata_etag = Some(etag(event.number));
            // Undocumented, and depended upon: bots delete their files by it.
            ended.prompts = operation::prompts(kind);
            let told = Notification::new(ChangeType::Deleted, &path, ended);
            return Some(addressed(told, known));
        }
        Fact::RosterChanged(roster) => {
            let path = format!("{path}/participants");
            let roster = party::roster(roster, known, wording);
            let told = Notification::new(ChangeType::Updated, &path, roster);
            return Some(addressed(told, known));
        }
        // The published v1.0 has no such state.
        Fact::Ringing if known.paper.version == Version::V1 => return None,
        Fact::Ringing => (ChangeType::Updated, state(CallState::Ringing)),
        Fact::Incoming { .. } => (ChangeType::Created, incoming(known, wording)),
        Fact::Establishing => (ChangeType::Updated, state(CallState::Establishing)),
        Fact::Established => (ChangeType::Updated, state(CallState::Established)),
        Fact::AudioFlows => (ChangeType::Updated, audio(MediaState::Active)),
        Fact::AudioStopped => (ChangeType::Updated, audio(MediaState::Inactive)),
        Fact::ToneHeard { sequence, tone } => {
            let mut call = state(CallState::Established);
            let sequence = i64::try_from(*sequence).unwrap_or(i64::MAX);
            call.tone_info = Some(ToneInfo::new(sequence, *tone));
            (ChangeType::Updated, call)
        }
        Fact::Transferring => (ChangeType::Updated, state(CallState::Transferring)),
        Fact::TransferAccepted => (ChangeType::Updated, state(CallState::TransferAccepted)),
        Fact::TransferFailed { consultative, .. } => {
            let mut call = state(CallState::Established);
            let (subcode, message) = match consultative {
                false => (7000, "The transfer failed."),
                true => (7700, "The consultative transfer failed."),
            };
            call.result_info = Some(ResultInfo::new(500, subcode, message));
            (ChangeType::Updated, call)
        }
        Fact::Terminating => (ChangeType::Updated, state(CallState::Terminating)),
        Fact::Terminated(why) => (ChangeType::Deleted, terminated(*why, known, wording)),
    };
    call.id = Some(known.leg.to_string());
    call.odata_id = Some(format!("/communications{path}"));
    call.odata_etag = Some(etag(event.number));
    call.chat_info = known.chat();
    call.meeting_info = known.meeting();
    Some(addressed(Notification::new(change, &path, call), known))
}

fn addressed(mut notification: Notification, known: Known<'_>) -> Notification {
    notification.callback_uri = Some(known.callback.to_owned());
    notification
}

fn etag(number: u64) -> String {
    format!("W/\"{number}\"")
}

fn state(state: CallState) -> Call {
    Call {
        state: Some(state),
        ..Call::tagged()
    }
}

fn audio(media: MediaState) -> Call {
    Call {
        media_state: Some(CallMediaState::audio(media)),
        ..state(CallState::Established)
    }
}

fn incoming(known: Known<'_>, wording: &Wording) -> Call {
    match known.caller {
        Some(caller) => whole(known, CallState::Incoming, Way::In(caller), wording),
        None => state(CallState::Incoming),
    }
}

fn terminated(why: Ending, known: Known<'_>, wording: &Wording) -> Call {
    let mut call = match (why, known.caller) {
        // Published: what is sent on is told of in full.
        (Ending::Redirected, Some(caller)) => {
            whole(known, CallState::Terminated, Way::In(caller), wording)
        }
        _ => state(CallState::Terminated),
    };
    call.result_info = Some(ending(why, known.is_with_phone()));
    if why == Ending::Transferred && known.paper.version == Version::Beta {
        call.termination_reason = Some("AppTransferred".to_owned());
    }
    call
}

/// Which way a call came about, and with whom.
#[derive(Clone, Copy)]
enum Way<'a> {
    In(&'a Caller),
    Out(&'a [Invitee]),
}

/// The whole call, as far as it does not change.
fn whole(known: Known<'_>, state: CallState, way: Way<'_>, wording: &Wording) -> Call {
    let paper = known.paper;
    let modalities = match paper.modalities.is_empty() {
        true => vec![Modality::Audio],
        false => paper.modalities.clone(),
    };
    let mut call = Call {
        id: Some(known.leg.to_string()),
        state: Some(state),
        callback_uri: Some(known.callback.to_owned()),
        call_chain_id: Some(known.call.to_string()),
        call_options: paper.options.clone(),
        call_routes: Some(Vec::new()),
        chat_info: known.chat(),
        meeting_info: known.meeting(),
        requested_modalities: Some(modalities),
        subject: paper
            .subject
            .clone()
            .map(offhook_terms::Private::into_inner),
        tenant_id: Some(known.bot.tenant.clone()),
        // A party is known by its leg.
        my_participant_id: Some(known.leg.to_string()),
        ..Call::tagged()
    };
    match way {
        Way::In(caller) => {
            let leg = caller.leg.to_string();
            let target = called(known.bot, &caller.party);
            let who = |party| identity(party, "", known.bot, wording);
            let mut context = wire::IncomingContext {
                odata_type: Some(wire::tag::INCOMING_CONTEXT.to_owned()),
                source_participant_id: Some(leg.clone()),
                observed_participant_id: Some(leg.clone()),
                ..wire::IncomingContext::default()
            };
            match &caller.came_by {
                CameBy::Called | CameBy::Invited => {}
                CameBy::Forwarded { original } => {
                    call.call_routes = Some(vec![wire::CallRoute {
                        odata_type: Some(wire::tag::CALL_ROUTE.to_owned()),
                        original: who(original),
                        last: target.identity.clone(),
                        routing_type: Some(wire::RoutingType::Forwarded),
                    }]);
                }
                CameBy::Transferred { transferor } => context.transferor = Some(who(transferor)),
            }
            call.direction = Some(CallDirection::Incoming);
            call.source = Some(caller_info(&caller.party, &leg, known.bot, wording));
            call.targets = Some(vec![target]);
            call.incoming_context = Some(context);
        }
        Way::Out(targets) => {
            call.direction = Some(CallDirection::Outgoing);
            call.source = Some(itself(known));
            call.targets = Some(targets_of(targets, known, wording));
            call.ringing_timeout_in_seconds = paper.ring_for;
        }
    }
    call
}

fn caller_info(caller: &Party, leg: &str, bot: &Bot, wording: &Wording) -> ParticipantInfo {
    let mut source = ParticipantInfo::new(identity(caller, leg, bot, wording));
    source.endpoint_type = Some(wire::EndpointType::Default);
    source.participant_id = Some(leg.to_owned());
    source.extra.insert("id", leg);
    source
}

/// The bot as the one that was called.
fn called(bot: &Bot, caller: &Party) -> InvitationParticipantInfo {
    // A telephone number is answered by an instance of an application.
    let kind = match caller {
        Party::Phone { .. } => "applicationInstance",
        Party::Person { .. } | Party::Guest { .. } | Party::Bot { .. } => "application",
    };
    let bot = Identity::new(bot.app.to_string()).named(bot.name.as_str());
    let mut target = InvitationParticipantInfo::new(IdentitySet::one(kind, bot));
    target.endpoint_type = Some(wire::EndpointType::Default);
    target
}

/// The bot as the one that calls: itself, and what else it says it is.
fn itself(known: Known<'_>) -> ParticipantInfo {
    let bot = known.bot;
    let mut source = known.paper.source.clone().unwrap_or_default();
    source.odata_type = Some(wire::tag::PARTICIPANT_INFO.to_owned());
    source.identity.odata_type = Some(wire::tag::IDENTITY_SET.to_owned());
    let application = Identity::new(bot.app.to_string()).named(bot.name.as_str());
    let kinds = &mut source.identity.kinds;
    kinds.insert("application".to_owned(), Some(application));
    if let Some(Some(guest)) = kinds.get_mut("guest") {
        guest.id = Some(known.leg.to_string().into());
        guest.odata_type = Some(wire::tag::IDENTITY.to_owned());
    }
    source
}

/// Whom the bot called: as it said it, with the tags some clients leave out.
fn targets_of(
    targets: &[Invitee],
    known: Known<'_>,
    wording: &Wording,
) -> Vec<InvitationParticipantInfo> {
    let said = &known.paper.targets;
    if said.len() != targets.len() {
        let worded = |target: &Invitee| {
            let leg = target.leg.to_string();
            InvitationParticipantInfo::new(identity(&target.party, &leg, known.bot, wording))
        };
        return targets.iter().map(worded).collect();
    }
    said.iter().cloned().map(tagged).collect()
}

fn tagged(mut target: InvitationParticipantInfo) -> InvitationParticipantInfo {
    let tag = |of: &mut Option<String>, tag: &str| {
        of.get_or_insert_with(|| tag.to_owned());
    };
    tag(
        &mut target.odata_type,
        wire::tag::INVITATION_PARTICIPANT_INFO,
    );
    tag(&mut target.identity.odata_type, wire::tag::IDENTITY_SET);
    for identity in target.identity.kinds.values_mut().flatten() {
        tag(&mut identity.odata_type, wire::tag::IDENTITY);
    }
    target
}

/// Whom a bot invites, as it said it, and by which leg.
pub(super) fn invited(
    given: Vec<InvitationParticipantInfo>,
    invitees: &[Invitee],
) -> Vec<InvitationParticipantInfo> {
    let mut given: Vec<_> = given.into_iter().map(tagged).collect();
    for (given, invitee) in given.iter_mut().zip(invitees) {
        given.participant_id = Some(invitee.leg.to_string());
    }
    given
}

/// The call as a bot reads it.
pub(super) fn call(
    view: &LegView,
    known: Known<'_>,
    wording: &Wording,
    context: Option<String>,
) -> Call {
    let state = match view.state {
        LegState::Incoming => CallState::Incoming,
        LegState::Establishing => CallState::Establishing,
        LegState::Established => CallState::Established,
        LegState::Transferring => CallState::Transferring,
        LegState::TransferAccepted => CallState::TransferAccepted,
        LegState::Terminating => CallState::Terminating,
        LegState::Terminated => CallState::Terminated,
    };
    let way = match view.direction {
        Direction::Incoming => known.caller.map_or(Way::Out(&[]), Way::In),
        Direction::Outgoing => Way::Out(&view.targets),
    };
    let answered = view.state != LegState::Incoming;
    let audio = match view.audio_flows {
        true => MediaState::Active,
        false => MediaState::Inactive,
    };
    // The published service answers with none before there is audio to speak of.
    let has_media = answered && !(way.is_out() && view.state == LegState::Establishing);
    let media_config = known.paper.media_config.clone();
    let is_transcribed = known.is_group.then(|| wire::CallTranscriptionInfo {
        odata_type: Some(wire::tag::CALL_TRANSCRIPTION_INFO.to_owned()),
        state: Some(wire::CallTranscriptionState::NotStarted),
        last_modified_date_time: None,
    });
    Call {
        odata_context: context,
        media_config: answered.then(|| media_config.unwrap_or_else(wire::MediaConfig::service)),
        media_state: has_media.then(|| CallMediaState::audio(audio)),
        transcription: is_transcribed,
        ..whole(known, state, way, wording)
    }
}

impl Way<'_> {
    fn is_out(self) -> bool {
        matches!(self, Self::Out(_))
    }
}
