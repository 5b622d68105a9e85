//! Operations, and how they end.

use offhook_engine::{
    Invitee, OperationKind, OperationView, Outcome, PlayFault, Prompt, RecordEnding,
};
use offhook_terms::OperationId;
use offhook_wire::graph as wire;
use wire::{CompletionReason, InvitationParticipantInfo, Operation, OperationStatus, ResultInfo};

use super::Wording;
use super::ending::not_reached;
use super::party::identity;
use crate::registry::Bot;

/// An operation as a bot reads it.
pub(in crate::graph) fn viewed(view: &OperationView, bot: &Bot, wording: &Wording) -> Operation {
    let context = view.context.as_deref();
    operation(
        view.operation,
        &view.kind,
        context,
        view.outcome.as_ref(),
        bot,
        wording,
    )
}

/// An operation that was just accepted, or has ended.
pub(in crate::graph) fn operation(
    id: OperationId,
    kind: &OperationKind,
    context: Option<&str>,
    outcome: Option<&Outcome>,
    bot: &Bot,
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
        // Published so: keys count as pressed, and the reason says how far that is true.
        Some(_) if matches!(kind, OperationKind::SendTones) => OperationStatus::Completed,
        Some(result) if result.completed => OperationStatus::Completed,
        Some(_) => OperationStatus::Failed,
    };
    let mut operation = Operation::new(tagged, id.to_string(), wording.status(status));
    operation.client_context = context.map(str::to_owned);
    if let OperationKind::Invite { invitees } = kind {
        let invited = invitees
            .iter()
            .map(|invitee| invited(invitee, bot, wording));
        operation.participants = Some(invited.collect());
    }
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
    if has_reason(kind) {
        operation.completion_reason = Some(result.reason);
    }
    operation.result_info = Some(ResultInfo::new(result.code, result.subcode, result.message));
    operation
}

/// Somebody invited, by the leg they get.
fn invited(invitee: &Invitee, bot: &Bot, wording: &Wording) -> InvitationParticipantInfo {
    let leg = invitee.leg.to_string();
    let identity = identity(&invitee.party, &leg, bot, wording);
    let mut invited = InvitationParticipantInfo::new(identity);
    invited.participant_id = Some(leg);
    invited
}

/// The kinds whose endings have a reason of their own.
fn has_reason(kind: &OperationKind) -> bool {
    matches!(
        kind,
        OperationKind::Play { .. } | OperationKind::Record | OperationKind::SendTones
    )
}

/// The prompts of an operation that played some.
pub(super) fn prompts(kind: &OperationKind) -> Option<Vec<wire::MediaPrompt>> {
    match kind {
        OperationKind::Play { prompts } => Some(prompts.iter().filter_map(prompt).collect()),
        _ => None,
    }
}

/// The bots of this protocol play files and nothing else.
fn prompt(prompt: &Prompt) -> Option<wire::MediaPrompt> {
    let resource_id = prompt.resource_id().map(str::to_owned);
    let media = wire::MediaInfo::new(prompt.uri()?, resource_id);
    Some(wire::MediaPrompt::new(media))
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
        let plays = play || matches!(kind, OperationKind::StartHoldMusic);
        let is_media = play || matches!(kind, OperationKind::SendTones);
        match outcome {
            Outcome::Played | Outcome::Done => Self::completed(
                Reason::CompletedSuccessfully,
                0,
                "Action completed successfully.",
            ),
            Outcome::Recorded { ending, .. } => Self::of_recording(*ending),
            Outcome::Cancelled => Self::failed(
                match is_media {
                    true => Reason::MediaOperationCanceled,
                    false => Reason::OperationCanceled,
                },
                400,
                8508,
                "Action failed, the operation was cancelled.",
            ),
            Outcome::PromptFailed(fault) if plays => match fault {
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
