//! The `@odata.type` tags, and how to compare them: with or without `#`, in any case.

/// The envelope of a delivery.
pub const COMMS_NOTIFICATIONS: &str = "#microsoft.graph.commsNotifications";
/// One notification in an envelope.
pub const COMMS_NOTIFICATION: &str = "#microsoft.graph.commsNotification";
/// A call: one leg of one application.
pub const CALL: &str = "#microsoft.graph.call";
/// Who takes part, and from where.
pub const PARTICIPANT_INFO: &str = "#microsoft.graph.participantInfo";
/// Who is asked to take part.
pub const INVITATION_PARTICIPANT_INFO: &str = "#microsoft.graph.invitationParticipantInfo";
/// One party of a roster.
pub const PARTICIPANT: &str = "#microsoft.graph.participant";
/// One stream of one party.
pub const MEDIA_STREAM: &str = "#microsoft.graph.mediaStream";
/// What a party said of recording.
pub const RECORDING_INFO: &str = "#microsoft.graph.recordingInfo";
/// Why a party is no longer there.
pub const REMOVED_STATE: &str = "#microsoft.graph.removedState";
/// Who hears whom, beside what everybody hears.
pub const AUDIO_ROUTING_GROUP: &str = "#microsoft.graph.audioRoutingGroup";
/// A meeting, told by who organised it.
pub const ORGANIZER_MEETING_INFO: &str = "#microsoft.graph.organizerMeetingInfo";
/// A meeting, told by a token.
pub const TOKEN_MEETING_INFO: &str = "#microsoft.graph.tokenMeetingInfo";
/// A meeting, told by the number one types to join.
pub const JOIN_MEETING_ID_MEETING_INFO: &str = "#microsoft.graph.joinMeetingIdMeetingInfo";
/// What a bot wants to be told of a call it took.
pub const INCOMING_CALL_OPTIONS: &str = "#microsoft.graph.incomingCallOptions";
/// What a bot wants to be told of a call it made.
pub const OUTGOING_CALL_OPTIONS: &str = "#microsoft.graph.outgoingCallOptions";
/// An open map of kind to identity.
pub const IDENTITY_SET: &str = "#microsoft.graph.identitySet";
/// One identity.
pub const IDENTITY: &str = "#microsoft.graph.identity";
/// Media handled by the platform.
pub const SERVICE_HOSTED_MEDIA_CONFIG: &str = "#microsoft.graph.serviceHostedMediaConfig";
/// Media handled by the application.
pub const APP_HOSTED_MEDIA_CONFIG: &str = "#microsoft.graph.appHostedMediaConfig";
/// The only kind of prompt there is.
pub const MEDIA_PROMPT: &str = "#microsoft.graph.mediaPrompt";
/// Where a prompt's audio is.
pub const MEDIA_INFO: &str = "#microsoft.graph.mediaInfo";
/// Why something ended.
pub const RESULT_INFO: &str = "#microsoft.graph.resultInfo";
/// One key press.
pub const TONE_INFO: &str = "#microsoft.graph.toneInfo";
/// Whether a call is transcribed.
pub const CALL_TRANSCRIPTION_INFO: &str = "#microsoft.graph.callTranscriptionInfo";
/// Whether audio flows.
pub const CALL_MEDIA_STATE: &str = "#microsoft.graph.callMediaState";
/// The chat of a call.
pub const CHAT_INFO: &str = "#microsoft.graph.chatInfo";
/// Where an incoming call came from.
pub const INCOMING_CONTEXT: &str = "#microsoft.graph.incomingContext";
/// How a call was retargeted.
pub const CALL_ROUTE: &str = "#microsoft.graph.callRoute";
/// A played prompt.
pub const PLAY_PROMPT_OPERATION: &str = "#microsoft.graph.playPromptOperation";
/// A recorded answer.
pub const RECORD_OPERATION: &str = "#microsoft.graph.recordOperation";
/// The ending of all queued media operations.
pub const CANCEL_MEDIA_PROCESSING_OPERATION: &str =
    "#microsoft.graph.cancelMediaProcessingOperation";
/// A subscription to key presses.
pub const SUBSCRIBE_TO_TONE_OPERATION: &str = "#microsoft.graph.subscribeToToneOperation";
/// Pressed keys.
pub const SEND_DTMF_TONES_OPERATION: &str = "#microsoft.graph.sendDtmfTonesOperation";
/// Others let in.
pub const INVITE_PARTICIPANTS_OPERATION: &str = "#microsoft.graph.inviteParticipantsOperation";
/// The bot or a participant muted.
pub const MUTE_PARTICIPANT_OPERATION: &str = "#microsoft.graph.muteParticipantOperation";
/// The bot unmuted.
pub const UNMUTE_PARTICIPANT_OPERATION: &str = "#microsoft.graph.unmuteParticipantOperation";
/// Everybody muted (beta).
pub const MUTE_PARTICIPANTS_OPERATION: &str = "#microsoft.graph.muteParticipantsOperation";
/// What the bot says of recording.
pub const UPDATE_RECORDING_STATUS_OPERATION: &str =
    "#microsoft.graph.updateRecordingStatusOperation";
/// Many shown at once.
pub const ADD_LARGE_GALLERY_VIEW_OPERATION: &str = "#microsoft.graph.addLargeGalleryViewOperation";
/// Somebody put on hold with music.
pub const START_HOLD_MUSIC_OPERATION: &str = "#microsoft.graph.startHoldMusicOperation";
/// Somebody taken off hold.
pub const STOP_HOLD_MUSIC_OPERATION: &str = "#microsoft.graph.stopHoldMusicOperation";
/// An operation of no particular kind.
pub const COMMS_OPERATION: &str = "#microsoft.graph.commsOperation";

/// Whether a tag that came from outside means one of ours.
pub fn same(tag: &str, ours: &str) -> bool {
    let bare = |tag: &'_ str| tag.strip_prefix('#').map_or(tag.len(), str::len);
    let (tag_at, ours_at) = (tag.len() - bare(tag), ours.len() - bare(ours));
    tag[tag_at..].eq_ignore_ascii_case(&ours[ours_at..])
}
