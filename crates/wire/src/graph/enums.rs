//! The words of the calls API.

use offhook_terms::Tone;

use crate::open_enum::open_enum;

open_enum! {
    /// Where a call is in its life.
    CallState {
        /// It rings, and the bot may answer, reject or redirect.
        Incoming = "incoming",
        /// It was answered or placed and is being connected.
        Establishing = "establishing",
        /// The far end rings (beta only).
        Ringing = "ringing",
        /// It is up. Announced more than once: look at the media state.
        Established = "established",
        /// The far end put it on hold.
        Hold = "hold",
        /// A transfer was asked for.
        Transferring = "transferring",
        /// A transfer was accepted and the leg is about to end.
        TransferAccepted = "transferAccepted",
        /// It is on its way to somebody else.
        Redirecting = "redirecting",
        /// The bot hung up and the leg is being torn down.
        Terminating = "terminating",
        /// It is over; its id answers 404 from now on.
        Terminated = "terminated",
    }
}

open_enum! {
    /// Who called whom, seen from the bot.
    CallDirection {
        /// Somebody called the bot.
        Incoming = "incoming",
        /// The bot called somebody.
        Outgoing = "outgoing",
    }
}

open_enum! {
    /// A kind of media.
    Modality {
        /// Nobody knows (beta only).
        Unknown = "unknown",
        /// Voice.
        Audio = "audio",
        /// Camera.
        Video = "video",
        /// A shared screen.
        VideoBasedScreenSharing = "videoBasedScreenSharing",
        /// Data.
        Data = "data",
    }
}

open_enum! {
    /// How far an operation is.
    OperationStatus {
        /// Accepted and waiting its turn.
        NotStarted = "notStarted",
        /// Accepted.
        Running = "running",
        /// Ended well.
        Completed = "completed",
        /// Ended otherwise.
        Failed = "failed",
    }
}

impl OperationStatus {
    /// Whether the operation is over, so that no notification about it follows.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

open_enum! {
    /// What happened to a resource.
    ChangeType {
        /// It is new.
        Created = "created",
        /// It changed.
        Updated = "updated",
        /// It is over; this is the last notification about it.
        Deleted = "deleted",
    }
}

open_enum! {
    /// Why a bot does not take a call.
    RejectReason {
        /// It does not say.
        None = "none",
        /// It is busy.
        Busy = "busy",
        /// The caller may not call it.
        Forbidden = "forbidden",
    }
}

open_enum! {
    /// Whether media of one kind flows.
    MediaState {
        /// It flows.
        Active = "active",
        /// It does not.
        Inactive = "inactive",
    }
}

open_enum! {
    /// Why a media operation ended (all media operations share this list).
    CompletionReason {
        /// It was cancelled, or the call ended.
        OperationCanceled = "operationCanceled",
        /// A stop tone was pressed.
        StopToneDetected = "stopToneDetected",
        /// The recording is as long as it may be.
        MaxRecordDurationReached = "maxRecordDurationReached",
        /// Nobody spoke.
        InitialSilenceTimeout = "initialSilenceTimeout",
        /// Somebody spoke and stopped.
        MaxSilenceTimeout = "maxSilenceTimeout",
        /// The prompt could not be played.
        PlayPromptFailed = "playPromptFailed",
        /// The beep could not be played.
        PlayBeepFailed = "playBeepFailed",
        /// No audio arrived from the caller.
        MediaReceiveTimeout = "mediaReceiveTimeout",
        /// Anything else.
        UnspecifiedError = "unspecifiedError",
        /// Nothing ended.
        None = "none",
        /// It ended, nobody knows why.
        Unknown = "unknown",
        /// The prompt was played to its end.
        CompletedSuccessfully = "completedSuccessfully",
        /// A prompt was cancelled.
        MediaOperationCanceled = "mediaOperationCanceled",
    }
}

open_enum! {
    /// The kind of client a party uses.
    EndpointType {
        /// An ordinary one.
        Default = "default",
        /// A mailbox.
        Voicemail = "voicemail",
        /// Skype for Business.
        SkypeForBusiness = "skypeForBusiness",
        /// Skype for Business on a desk phone.
        SkypeForBusinessVoipPhone = "skypeForBusinessVoipPhone",
    }
}

open_enum! {
    /// Which way a media stream flows.
    MediaDirection {
        /// Neither way.
        Inactive = "inactive",
        /// From the participant only.
        SendOnly = "sendOnly",
        /// To the participant only.
        ReceiveOnly = "receiveOnly",
        /// Both ways.
        SendReceive = "sendReceive",
    }
}

open_enum! {
    /// What an application says it does about recording.
    RecordingStatus {
        /// It said nothing.
        Unknown = "unknown",
        /// It does not record.
        NotRecording = "notRecording",
        /// It records.
        Recording = "recording",
        /// It wanted to and cannot.
        Failed = "failed",
    }
}

open_enum! {
    /// Whether an application shares a screen.
    ScreenSharingRole {
        /// It looks.
        Viewer = "viewer",
        /// It shows.
        Sharer = "sharer",
    }
}

open_enum! {
    /// How many may be on each side of an audio routing group.
    RoutingMode {
        /// One source and one receiver.
        OneToOne = "oneToOne",
        /// Any number of each.
        Multicast = "multicast",
    }
}

open_enum! {
    /// How a redirected call rings (beta only).
    CallDisposition {
        /// As the platform likes.
        Default = "default",
        /// Everywhere at once.
        SimultaneousRing = "simultaneousRing",
        /// At one place.
        Forward = "forward",
    }
}

open_enum! {
    /// How a call came to be retargeted.
    RoutingType {
        /// It was forwarded.
        Forwarded = "forwarded",
        /// It was looked up.
        Lookup = "lookup",
        /// It rang at several places of the same person.
        SelfFork = "selfFork",
    }
}

open_enum! {
    /// Whether a call is transcribed.
    CallTranscriptionState {
        /// Not yet.
        NotStarted = "notStarted",
        /// It is.
        Active = "active",
        /// Not any more.
        Inactive = "inactive",
    }
}

open_enum! {
    /// One key, by its name.
    ToneName {
        /// `0`
        Tone0 = "tone0",
        /// `1`
        Tone1 = "tone1",
        /// `2`
        Tone2 = "tone2",
        /// `3`
        Tone3 = "tone3",
        /// `4`
        Tone4 = "tone4",
        /// `5`
        Tone5 = "tone5",
        /// `6`
        Tone6 = "tone6",
        /// `7`
        Tone7 = "tone7",
        /// `8`
        Tone8 = "tone8",
        /// `9`
        Tone9 = "tone9",
        /// `*`
        Star = "star",
        /// `#`
        Pound = "pound",
        /// `A`
        A = "a",
        /// `B`
        B = "b",
        /// `C`
        C = "c",
        /// `D`
        D = "d",
        /// The hook, pressed briefly; no key.
        Flash = "flash",
    }
}

impl ToneName {
    const KEYS: [Self; 16] = [
        Self::Tone0,
        Self::Tone1,
        Self::Tone2,
        Self::Tone3,
        Self::Tone4,
        Self::Tone5,
        Self::Tone6,
        Self::Tone7,
        Self::Tone8,
        Self::Tone9,
        Self::Star,
        Self::Pound,
        Self::A,
        Self::B,
        Self::C,
        Self::D,
    ];

    /// The key this names, if it names one.
    pub fn tone(&self) -> Option<Tone> {
        let event = Self::KEYS.iter().position(|name| name == self)?;
        Tone::from_event(event as u8)
    }
}

impl From<Tone> for ToneName {
    fn from(tone: Tone) -> Self {
        Self::KEYS[usize::from(tone.event())].clone()
    }
}
