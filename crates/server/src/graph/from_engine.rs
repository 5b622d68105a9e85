//! Events and views, as notifications and bodies.

use std::sync::Arc;

use offhook_engine::{
    Ending, Event, Fact, LegState, LegView, NotReached, OperationKind, OperationView, Outcome,
    Party, PlayFault, Prompt, RecordEnding, RejectReason,
};
use offhook_terms::{CallId, LegId, OperationId};
use offhook_wire::graph as wire;
use wire::{
    Call, CallDirection, CallMediaState, CallState, ChangeType, CompletionReason, Identity,
    IdentitySet, InvitationParticipantInfo, MediaState, Modality, Notification, Operation,
    OperationStatus, ParticipantInfo, ResultInfo, ToneInfo,
};

use crate::config::StatusSpelling;
use crate::registry::Bot;
use crate::store::Recordings;

/// What is known of a leg beside its events.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) leg: LegId,
    pub(crate) call: CallId,
    pub(crate) bot: &'a Bot,
    /// Where its notifications go.
    pub(crate) callback: &'a str,
    /// The caller is a phone number, not one of our people.
    pub(crate) from_phone: bool,
}

/// How things are worded, whatever they are.
#[derive(Clone)]
pub(crate) struct Wording {
    pub(crate) status: StatusSpelling,
    pub(crate) recordings: Arc<Recordings>,
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

/// What a bot is posted about an event.
pub(crate) fn notification(event: &Event, known: Known<'_>, wording: &Wording) -> Notification {
    let path = format!("/calls/{}", known.leg);
    let (change, mut call) = match &event.fact {
        Fact::OperationEnded {
            operation,
            kind,
            context,
            outcome,
        } => {
            let ended = ended(event, known, wording, *operation, kind, context, outcome);
            return addressed(ended, known);
        }
        Fact::Incoming {
            caller, caller_leg, ..
        } => (ChangeType::Created, incoming(known, caller, *caller_leg)),
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
        Fact::Ringing => (ChangeType::Updated, state(CallState::Ringing)),
        // Its words come with calls of many.
        Fact::RosterChanged(_) => (ChangeType::Updated, state(CallState::Established)),
        Fact::Transferring => (ChangeType::Updated, state(CallState::Transferring)),
        Fact::TransferAccepted => (ChangeType::Updated, state(CallState::TransferAccepted)),
        Fact::TransferFailed { consultative } => {
            let mut call = state(CallState::Established);
            let (subcode, message) = match consultative {
                false => (7000, "The transfer failed."),
                true => (7700, "The consultative transfer failed."),
            };
            call.result_info = Some(ResultInfo::new(500, subcode, message));
            (ChangeType::Updated, call)
        }
        Fact::Terminating => (ChangeType::Updated, state(CallState::Terminating)),
        Fact::Terminated(why) => {
            let mut call = state(CallState::Terminated);
            call.result_info = Some(ending(*why, known.from_phone));
            (ChangeType::Deleted, call)
        }
    };
    call.id = Some(known.leg.to_string());
    call.odata_id = Some(format!("/communications{path}"));
    call.odata_etag = Some(etag(event.number));
    addressed(Notification::new(change, &path, call), known)
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

fn incoming(known: Known<'_>, caller: &Party, caller_leg: LegId) -> Call {
    Call {
        callback_uri: Some(known.callback.to_owned()),
        ..whole(known, CallState::Incoming, caller, caller_leg)
    }
}

/// The whole call, as far as it does not change.
fn whole(known: Known<'_>, state: CallState, caller: &Party, caller_leg: LegId) -> Call {
    let caller_leg = caller_leg.to_string();
    let context = wire::IncomingContext {
        odata_type: Some(wire::tag::INCOMING_CONTEXT.to_owned()),
        source_participant_id: Some(caller_leg.clone()),
        observed_participant_id: Some(caller_leg.clone()),
        ..wire::IncomingContext::default()
    };
    Call {
        id: Some(known.leg.to_string()),
        state: Some(state),
        direction: Some(CallDirection::Incoming),
        call_chain_id: Some(known.call.to_string()),
        call_routes: Some(Vec::new()),
        source: Some(source(known.bot, caller, &caller_leg)),
        targets: Some(vec![target(known.bot, caller)]),
        requested_modalities: Some(vec![Modality::Audio]),
        tenant_id: Some(known.bot.tenant.clone()),
        // A party is known by its leg.
        my_participant_id: Some(known.leg.to_string()),
        incoming_context: Some(context),
        ..Call::tagged()
    }
}

fn source(bot: &Bot, caller: &Party, caller_leg: &str) -> ParticipantInfo {
    let identity = match caller {
        Party::Person { id, name } => {
            let mut user = Identity::new(id.to_string()).named(name.reveal().as_str());
            user.tenant_id = Some(bot.tenant.clone());
            user.extra.insert("identityProvider", "AAD");
            IdentitySet::one("user", user)
        }
        Party::Phone { number } => {
            IdentitySet::one("phone", Identity::new(number.reveal().as_str()))
        }
        Party::Guest { name } => {
            let guest = Identity::new(caller_leg).named(name.reveal().as_str());
            IdentitySet::one("guest", guest)
        }
        Party::Bot { app } => IdentitySet::one("application", Identity::new(app.to_string())),
    };
    let mut source = ParticipantInfo::new(identity);
    source.endpoint_type = Some(wire::EndpointType::Default);
    source.participant_id = Some(caller_leg.to_owned());
    source.extra.insert("id", caller_leg);
    source
}

fn target(bot: &Bot, caller: &Party) -> InvitationParticipantInfo {
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

/// The call as a bot reads it.
pub(super) fn call(view: &LegView, known: Known<'_>, context: String) -> Call {
    let state = match view.state {
        LegState::Incoming => CallState::Incoming,
        LegState::Establishing => CallState::Establishing,
        LegState::Established => CallState::Established,
        LegState::Transferring => CallState::Transferring,
        LegState::TransferAccepted => CallState::TransferAccepted,
        LegState::Terminating => CallState::Terminating,
        LegState::Terminated => CallState::Terminated,
    };
    let answered = view.state != LegState::Incoming;
    let audio = match view.audio_flows {
        true => MediaState::Active,
        false => MediaState::Inactive,
    };
    Call {
        odata_context: Some(context),
        callback_uri: Some(known.callback.to_owned()),
        media_config: answered.then(wire::MediaConfig::service),
        media_state: answered.then(|| CallMediaState::audio(audio)),
        ..whole(known, state, &view.caller, view.caller_leg)
    }
}

fn ended(
    event: &Event,
    known: Known<'_>,
    wording: &Wording,
    id: OperationId,
    kind: &OperationKind,
    context: &Option<String>,
    outcome: &Outcome,
) -> Notification {
    let path = format!("/calls/{}/operations/{id}", known.leg);
    let mut operation = operation(id, kind, context.as_deref(), Some(outcome), wording);
    operation.odata_id = Some(format!("/communications{path}"));
    operation.odata_etag = Some(etag(event.number));
    if let OperationKind::Play { prompts } = kind {
        // Undocumented, and depended upon: bots delete their files by it.
        operation.prompts = Some(prompts.iter().map(prompt).collect());
    }
    Notification::new(ChangeType::Deleted, &path, operation)
}

fn prompt(prompt: &Prompt) -> wire::MediaPrompt {
    wire::MediaPrompt::new(wire::MediaInfo::new(
        prompt.uri.as_str(),
        prompt.resource_id.clone(),
    ))
}

/// An operation as a bot reads it.
pub(super) fn viewed(view: &OperationView, wording: &Wording) -> Operation {
    let context = view.context.as_deref();
    operation(
        view.operation,
        &view.kind,
        context,
        view.outcome.as_ref(),
        wording,
    )
}

/// An operation that was just accepted, or has ended.
pub(super) fn operation(
    id: OperationId,
    kind: &OperationKind,
    context: Option<&str>,
    outcome: Option<&Outcome>,
    wording: &Wording,
) -> Operation {
    let tagged = match kind {
        OperationKind::Play { .. } => wire::OperationKind::PlayPrompt,
        OperationKind::Record => wire::OperationKind::Record,
        OperationKind::SendTones => wire::OperationKind::SendDtmfTones,
        OperationKind::Invite { .. } => wire::OperationKind::InviteParticipants,
        OperationKind::StartHoldMusic => wire::OperationKind::StartHoldMusic,
        OperationKind::StopHoldMusic => wire::OperationKind::StopHoldMusic,
        OperationKind::AddLargeGalleryView => wire::OperationKind::AddLargeGalleryView,
        OperationKind::Mute => wire::OperationKind::MuteParticipant,
        OperationKind::Unmute => wire::OperationKind::UnmuteParticipant,
        OperationKind::MuteAll => wire::OperationKind::MuteParticipants,
        OperationKind::CancelMedia => wire::OperationKind::CancelMediaProcessing,
        OperationKind::SubscribeToTones => wire::OperationKind::SubscribeToTone,
        OperationKind::UpdateRecordingStatus => wire::OperationKind::UpdateRecordingStatus,
    };
    let result = outcome.map(|outcome| Result::of(kind, outcome));
    let status = match &result {
        None => OperationStatus::Running,
        Some(result) if result.completed => OperationStatus::Completed,
        Some(_) => OperationStatus::Failed,
    };
    let mut operation = Operation::new(tagged, id.to_string(), wording.status(status));
    operation.client_context = context.map(str::to_owned);
    let Some(result) = result else {
        return operation;
    };
    if matches!(kind, OperationKind::Record) {
        // Empty where there is nothing to fetch.
        let (location, token) = match result.completed {
            true => (
                wording.recordings.location(id),
                wording.recordings.access_token(id),
            ),
            false => Default::default(),
        };
        operation.recording_location = Some(location);
        operation.recording_access_token = Some(token);
    }
    operation.completion_reason = Some(result.reason);
    operation.result_info = Some(ResultInfo::new(result.code, result.subcode, result.message));
    operation
}

/// How an operation ended, in the words of the Graph.
struct Result {
    completed: bool,
    reason: CompletionReason,
    code: i32,
    subcode: i32,
    message: &'static str,
}

impl Result {
    fn completed(reason: CompletionReason, subcode: i32, message: &'static str) -> Self {
        Self {
            completed: true,
            reason,
            code: 200,
            subcode,
            message,
        }
    }

    fn failed(reason: CompletionReason, code: i32, subcode: i32, message: &'static str) -> Self {
        Self {
            completed: false,
            reason,
            code,
            subcode,
            message,
        }
    }

    fn of(kind: &OperationKind, outcome: &Outcome) -> Self {
        use CompletionReason as Reason;
        let play = matches!(kind, OperationKind::Play { .. });
        match outcome {
            Outcome::Played | Outcome::Done => Self::completed(
                Reason::CompletedSuccessfully,
                0,
                "Action completed successfully.",
            ),
            Outcome::Recorded { ending, .. } => Self::of_recording(*ending),
            Outcome::Cancelled => Self::failed(
                match play {
                    true => Reason::MediaOperationCanceled,
                    false => Reason::OperationCanceled,
                },
                400,
                8508,
                "Action failed, the operation was cancelled.",
            ),
            Outcome::PromptFailed(fault) if play => match fault {
                PlayFault::Download => Self::failed(
                    Reason::Unknown,
                    400,
                    8536,
                    "Action failed, file could not be downloaded.",
                ),
                PlayFault::Format => Self::failed(
                    Reason::Unknown,
                    400,
                    8535,
                    "Action failed, invalid file format.",
                ),
                PlayFault::Playing => Self::failed(
                    Reason::Unknown,
                    500,
                    8511,
                    "Action failed, encountered failure while trying to play the prompt.",
                ),
            },
            Outcome::PromptFailed(_) => Self::failed(
                Reason::PlayPromptFailed,
                500,
                8511,
                "Action failed, encountered failure while trying to play the prompt.",
            ),
            Outcome::NotReached(why) => {
                let (code, subcode, message) = not_reached(*why);
                Self::failed(Reason::Unknown, code, subcode, message)
            }
            Outcome::TonesFailed => Self::failed(
                Reason::Unknown,
                500,
                9999,
                "Action failed, the tones could not be sent.",
            ),
            Outcome::BeepFailed => Self::failed(
                Reason::PlayBeepFailed,
                500,
                8512,
                "Action failed, encountered failure while trying to play the beep.",
            ),
        }
    }

    fn of_recording(ending: RecordEnding) -> Self {
        use CompletionReason as Reason;
        match ending {
            RecordEnding::StopTone => Self::completed(
                Reason::StopToneDetected,
                8514,
                "Action completed, stop tone detected.",
            ),
            RecordEnding::MaxDuration => Self::completed(
                Reason::MaxRecordDurationReached,
                8515,
                "Action completed, max record duration reached.",
            ),
            RecordEnding::MaxSilence => Self::completed(
                Reason::MaxSilenceTimeout,
                8509,
                "Action completed, max silence timeout reached.",
            ),
            RecordEnding::InitialSilence => Self::failed(
                Reason::InitialSilenceTimeout,
                400,
                8510,
                "Action failed, initial silence timeout reached.",
            ),
            RecordEnding::NoMedia => Self::failed(
                Reason::MediaReceiveTimeout,
                500,
                8513,
                "Action failed, no audio was received.",
            ),
            RecordEnding::NotSaved => Self::failed(
                Reason::UnspecifiedError,
                500,
                9999,
                "Action failed, the recording could not be saved.",
            ),
        }
    }
}

/// Why somebody who was called did not come.
fn not_reached(why: NotReached) -> (i32, i32, &'static str) {
    match why {
        NotReached::Declined => (603, 8538, "The callee declined the call."),
        NotReached::Busy => (486, 8539, "The callee is busy."),
        NotReached::NoAnswer => (408, 10_057, "The callee did not answer in time."),
        NotReached::Nobody => (480, 10_037, "No callee endpoints were found."),
        NotReached::Unreachable => (480, 10_076, "The callee could not be reached."),
        NotReached::NotRouted => (480, 10_134, "The call cannot be routed."),
        NotReached::NoCommonMedia => (480, 10_134, "The call cannot be routed: no common media."),
        NotReached::Refused => (480, 8541, "The callee is unavailable."),
        NotReached::Cancelled => (487, 8542, "The call was cancelled before it was answered."),
    }
}

/// Why a call ended, by the published table and the suggestions for what it leaves open.
fn ending(why: Ending, from_phone: bool) -> ResultInfo {
    let (code, subcode, message) = match why {
        Ending::BotHungUp => (200, 7000, "The conversation has ended by bot."),
        Ending::CallerHungUp if from_phone => {
            (200, 560_000, "The conversation was ended by the PSTN user.")
        }
        Ending::CallerHungUp => (200, 4521, "The call was ended by the other participant."),
        Ending::CallerGaveUp => (
            487,
            8542,
            "The caller hung up before the call was answered.",
        ),
        Ending::BotRejected(RejectReason::None) => (603, 8538, "The call was declined."),
        Ending::BotRejected(RejectReason::Busy) => (486, 8539, "The call was declined as busy."),
        Ending::BotRejected(RejectReason::Forbidden) => {
            (403, 8538, "The call was declined as forbidden.")
        }
        Ending::BotDidNotDecide => (408, 8587, "The incoming call was not answered in time."),
        Ending::BotUnreachable => (
            408,
            8586,
            "The incoming call was not acknowledged by the bot.",
        ),
        Ending::KeepAliveMissed => (408, 8537, "Keep Alive timeout, cleaned up inactive call."),
        Ending::NotAcknowledged => (
            408,
            1106,
            "The call acceptance was not acknowledged in time.",
        ),
        Ending::SignallingLost => (408, 10_057, "The signalling with the endpoint was lost."),
        Ending::AudioLost => (410, 301_005, "Media connectivity failure."),
        Ending::OfferRefused => (480, 10_134, "The call cannot be routed: no common media."),
        Ending::NotReached(why) => not_reached(why),
        Ending::Transferred => (0, 7015, "GracefulTransferCompleted"),
        Ending::Redirected => (200, 5003, "The call was redirected."),
        Ending::Removed => (200, 5000, "Removed from the call by another participant."),
        Ending::OthersLeft => (200, 5010, "Only one participant remained in the call."),
        Ending::PlatformStopping => (500, 7106, "The platform is going down."),
        Ending::Fault => (500, 7106, "Server internal error."),
    };
    ResultInfo::new(code, subcode, message)
}
