//! What the call's audio tells the call, and what the call asks of it.

use std::time::Duration;

use offhook_terms::{LegId, OperationId, Tone};

use crate::{Description, Prompt, RecordEnding, RecordRules};

/// Whom somebody hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hearing {
    /// Everybody else in the room, also those who come later.
    Everyone,
    /// These and nobody else.
    Only(Vec<LegId>),
}

/// Why what a phone described cannot be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Misfit {
    /// It describes no audio.
    NoAudio,
    /// It describes no codec that is spoken here.
    NoCommonCodec,
    /// Its address cannot be sent to from here.
    Address,
    /// It wants encryption that is not spoken here, or wants none where it must be.
    Encryption,
    /// It cannot be understood.
    Unreadable,
    /// Nothing is wrong with it: there is no room here.
    NoRoom,
}

/// Something the call asks of its audio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaRequest {
    /// Make a port ready for a phone: open its offer, or make an offer if it made none.
    Open {
        /// Whose port.
        leg: LegId,
        /// The phone's offer, unopened.
        offer: Option<Description>,
    },
    /// Audio may flow: the phone has our description.
    Start {
        /// Whose port.
        leg: LegId,
    },
    /// The phone answered the offer we made.
    Complete {
        /// Whose port.
        leg: LegId,
        /// Its answer, unopened.
        answer: Description,
    },
    /// The phone proposes something new for a running port, or asks us to propose.
    Reopen {
        /// Whose port.
        leg: LegId,
        /// The new offer, unopened.
        offer: Option<Description>,
    },
    /// Give a bot a seat in the room: a place that plays, records and hears without a phone.
    Seat {
        /// Whose.
        leg: LegId,
    },
    /// Who hears whom, for one listener. At first everybody hears everybody.
    Hears {
        /// The listener: a phone or a bot.
        leg: LegId,
        /// Whom it hears.
        from: Hearing,
    },
    /// The leg is gone: close its port, or take its seat.
    Close {
        /// Whose port.
        leg: LegId,
    },
    /// Somebody wants to hear of key presses of this phone: look for them in its sound, too, if it has
    /// no better way of sending them.
    ListenForTones {
        /// Whose port.
        leg: LegId,
    },
    /// Play ringing to a phone whose party is being called by us on its behalf, until `Hears`, a play
    /// or a close of it.
    Ringback {
        /// Whose port.
        leg: LegId,
    },
    /// Play hold music to a phone until stopped; the platform's own when no prompt was prepared for
    /// the operation. Never answered.
    HoldMusic {
        /// The operation.
        operation: OperationId,
        /// Whose port.
        leg: LegId,
    },
    /// Press keys towards everybody who hears this seat. Answered once, with `TonesSent` or
    /// `TonesFailed`, unless stopped.
    SendTones {
        /// The operation.
        operation: OperationId,
        /// Whose seat.
        leg: LegId,
        /// In order.
        tones: Vec<Tone>,
        /// The pause after each.
        gap: Duration,
    },
    /// Fetch a prompt and make it playable. Answered once, with `Prepared` or `PrepareFailed`.
    Prepare {
        /// The operation that will play it.
        operation: OperationId,
        /// The bot's leg that asked for it.
        leg: LegId,
        /// Its place among the operation's prompts.
        index: usize,
        /// Where it is and what it may be cached under.
        prompt: Prompt,
    },
    /// Play the operation's prepared prompts in order. Answered once with `Played`, unless stopped.
    Play {
        /// The operation.
        operation: OperationId,
        /// The seat it is heard from.
        leg: LegId,
        /// How many prompts were prepared for it.
        prompts: usize,
        /// Over and over until stopped.
        for_ever: bool,
    },
    /// Play the beep that says *speak now*. Answered once with `Played`, unless stopped.
    Beep {
        /// The operation.
        operation: OperationId,
        /// The seat it is heard from.
        leg: LegId,
    },
    /// Record what the seat hears. Answered once with `Recorded`, unless stopped.
    Record {
        /// The operation.
        operation: OperationId,
        /// The seat.
        leg: LegId,
        /// When to end.
        rules: RecordRules,
    },
    /// The phone told of a key press beside the audio: a recording takes it as if it had been heard
    /// in the audio.
    ToneSignalled {
        /// Whose port.
        leg: LegId,
        /// Which.
        tone: Tone,
    },
    /// Stop whatever the operation is doing and forget it, its prompts and what it recorded.
    /// Nothing more is heard of it.
    Stop {
        /// The operation.
        operation: OperationId,
    },
    /// The operation has ended by itself: forget its prompts.
    Forget {
        /// The operation.
        operation: OperationId,
    },
}

/// Something that happened in the call's audio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaEvent {
    /// A port is ready; this is our side of it.
    Opened {
        /// Whose port.
        leg: LegId,
        /// Our answer to the offer, or our offer.
        description: Description,
    },
    /// The description cannot be served.
    Refused {
        /// Whose port.
        leg: LegId,
        /// Why.
        why: Misfit,
    },
    /// The port follows the new description.
    Reopened {
        /// Whose port.
        leg: LegId,
        /// Our answer.
        description: Description,
        /// The phone put us on hold: it wants to hear nothing, or to say nothing.
        held: bool,
    },
    /// The new description cannot be served; the port stays as it was.
    ReopenRefused {
        /// Whose port.
        leg: LegId,
        /// Why.
        why: Misfit,
    },
    /// Nothing at all has been heard of the phone for so long that it must be gone.
    PeerLost {
        /// Whose port.
        leg: LegId,
    },
    /// A key was pressed, heard in the audio stream (RFC 4733, or the sound itself).
    ToneHeard {
        /// Whose port.
        leg: LegId,
        /// Which.
        tone: Tone,
    },
    /// A prompt is playable.
    Prepared {
        /// The operation it belongs to.
        operation: OperationId,
        /// Its place.
        index: usize,
    },
    /// A prompt could not be had.
    PrepareFailed {
        /// The operation it belongs to.
        operation: OperationId,
        /// Its place.
        index: usize,
        /// Why.
        why: PrepareFault,
    },
    /// What was to be played has been played to its end.
    Played {
        /// The operation.
        operation: OperationId,
    },
    /// What was to be played could not be.
    PlayFailed {
        /// The operation.
        operation: OperationId,
    },
    /// All tones were sent.
    TonesSent {
        /// The operation.
        operation: OperationId,
    },
    /// The tones could not be sent.
    TonesFailed {
        /// The operation.
        operation: OperationId,
    },
    /// A recording has ended by its rules and its file, if any, is complete.
    Recorded {
        /// The operation.
        operation: OperationId,
        /// Which rule ended it.
        ending: RecordEnding,
        /// How much audio the file holds.
        duration: Duration,
    },
}

/// Why a prompt could not be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PrepareFault {
    /// It could not be fetched.
    Download,
    /// It is not mono 16-bit PCM at 16 kHz in a WAV file, or it is too large.
    Format,
}
