//! The picture of a scenario: who told whom what, and when.

use std::fmt::Write as _;
use std::time::Duration;

use offhook_engine::{Command, Fact, NotReached, OperationKind, Outcome, Prompt, TurnDown};

#[derive(Debug, Default)]
pub(crate) struct Ladder {
    lines: String,
}

impl Ladder {
    pub(crate) fn arrow(&mut self, at: Duration, from: &str, to: &str, what: &str) {
        let seconds = at.as_secs_f64();
        writeln!(self.lines, "{seconds:>8.3}  {from:<6} → {to:<6}  {what}")
            .expect("text takes text");
    }

    /// Something that concerns one party alone.
    pub(crate) fn note(&mut self, at: Duration, who: &str, what: &str) {
        let seconds = at.as_secs_f64();
        writeln!(self.lines, "{seconds:>8.3}  {who:<15}  {what}").expect("text takes text");
    }

    /// A pause that the reader should see.
    pub(crate) fn gap(&mut self) {
        self.lines.push_str("            ⋮\n");
    }

    /// The picture without the margin that all its lines share, as a test writes it.
    pub(crate) fn picture(&self) -> String {
        let margin_of = |line: &str| line.len() - line.trim_start().len();
        let margin = self.lines.lines().map(margin_of).min().unwrap_or(0);
        let lines = self
            .lines
            .lines()
            .map(|line| format!("{}\n", &line[margin..]));
        lines.collect()
    }
}

/// The status a phone is turned down with, as the SIP edge words it.
pub(crate) fn status(why: TurnDown) -> &'static str {
    match why {
        TurnDown::Busy => "486 Busy Here",
        TurnDown::Forbidden => "403 Forbidden",
        TurnDown::Declined => "603 Decline",
        TurnDown::NoDecision => "480 Temporarily Unavailable",
        TurnDown::NotAcceptable(_) => "488 Not Acceptable Here",
        TurnDown::NotReached(NotReached::Declined) => "603 Decline",
        TurnDown::NotReached(NotReached::Busy) => "486 Busy Here",
        TurnDown::NotReached(_) => "480 Temporarily Unavailable",
        TurnDown::Unavailable => "503 Service Unavailable",
    }
}

/// What a bot asks, in a few words.
pub(crate) fn command(command: &Command) -> String {
    match command {
        Command::Answer { .. } => "answer".into(),
        Command::Reject(reason) => format!("reject ({reason:?})"),
        Command::HangUp => "hang up".into(),
        Command::KeepAlive => "keep alive".into(),
        Command::Play {
            operation,
            prompts,
            for_ever,
            ..
        } => {
            let again = if *for_ever { " for ever" } else { "" };
            format!("play #{}: {}{again}", operation.bits(), uris(prompts))
        }
        Command::Record {
            operation,
            prompt,
            barge_in,
            beep,
            ..
        } => {
            let mut parts = vec![uris(prompt.as_slice())];
            parts.extend(beep.then(|| "beep".into()));
            parts.extend(barge_in.then(|| "barging in".into()));
            parts.retain(|part| !part.is_empty());
            let parts = parts.join(", ");
            format!("record #{}: {parts}", operation.bits())
                .trim_end_matches(": ")
                .into()
        }
        other => format!("{other:?}"),
    }
}

/// What a bot is told, in a few words.
pub(crate) fn fact(fact: &Fact) -> String {
    match fact {
        Fact::Incoming { .. } => "incoming".into(),
        Fact::Establishing => "establishing".into(),
        Fact::Ringing => "ringing".into(),
        Fact::RosterChanged(roster) => format!("roster of {}", roster.participants.len()),
        Fact::Transferring => "transferring".into(),
        Fact::TransferAccepted => "transfer accepted".into(),
        Fact::TransferFailed { .. } => "established, transfer failed".into(),
        Fact::Established => "established".into(),
        Fact::AudioFlows => "established, audio active".into(),
        Fact::AudioStopped => "established, audio inactive".into(),
        Fact::ToneHeard { sequence, tone } => format!("tone {sequence}: {}", tone.symbol()),
        Fact::OperationEnded {
            operation,
            kind,
            outcome,
            ..
        } => {
            let what = match kind {
                OperationKind::Play { .. } => "play",
                OperationKind::Record => "record",
                OperationKind::SendTones => "send tones",
                OperationKind::Invite { .. } => "invite",
                OperationKind::StartHoldMusic => "start hold music",
                OperationKind::StopHoldMusic => "stop hold music",
                OperationKind::AddLargeGalleryView => "add large gallery view",
                OperationKind::Mute => "mute",
                OperationKind::Unmute => "unmute",
                OperationKind::MuteAll => "mute all",
                OperationKind::CancelMedia => "cancel media",
                OperationKind::SubscribeToTones => "subscribe to tones",
                OperationKind::UpdateRecordingStatus => "update recording status",
            };
            format!("{what} #{} ended: {}", operation.bits(), ended(outcome))
        }
        Fact::Terminating => "terminating".into(),
        Fact::Terminated(ending) => format!("terminated ({ending:?})"),
    }
}

fn ended(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Recorded { ending, duration } => {
            format!("{ending:?} after {:.2} s", duration.as_secs_f64())
        }
        other => format!("{other:?}"),
    }
}

fn uris(prompts: &[Prompt]) -> String {
    let uris: Vec<&str> = prompts.iter().filter_map(Prompt::uri).collect();
    uris.join(", ")
}
