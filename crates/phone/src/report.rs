//! How a call went.

use std::fmt;

use offhook_media::Statistics;
use serde::Serialize;

use crate::hearing::{Kind, Run};

/// How a call went, for people ([`fmt::Display`]) and for programs (JSON).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The verdict.
    pub outcome: Outcome,
    /// The final SIP status of the call: 200, or why there was none.
    pub sip_status: Option<u16>,
    /// What was said about it: the reason of a refusal, a goodbye or a loss.
    pub reason: Option<String>,
    /// From INVITE to the first ringing.
    pub ringing_ms: Option<u64>,
    /// From INVITE to the answer.
    pub answered_ms: Option<u64>,
    /// From the answer to the end.
    pub duration_ms: Option<u64>,
    /// Who ended it.
    pub ended_by: Option<EndedBy>,
    /// The ledger of the media.
    pub packets: Packets,
    /// What was heard, in order.
    pub heard: Vec<Run>,
    /// The keys the other side pressed.
    pub keys_heard: String,
    /// What came with the call that was waited for: its `User-to-User` and `X-` headers.
    pub headers: Vec<(String, String)>,
    /// Each step that expected something, or could not be done.
    pub assertions: Vec<Assertion>,
}

/// The verdict on a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The call was up, and every expectation held.
    Held,
    /// The call was up; an expectation did not hold.
    Failed,
    /// There was no call.
    NoCall,
}

/// Who ended a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndedBy {
    /// We did.
    Us,
    /// The other side did.
    Them,
    /// Nobody: it broke off.
    Lost,
}

/// The packets of one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Packets {
    /// Sent by us.
    pub sent: u64,
    /// Received and accepted.
    pub received: u64,
    /// Expected and never received.
    pub lost: u64,
    /// Received twice.
    pub duplicated: u64,
    /// Received too late to be heard.
    pub late: u64,
}

impl From<Statistics> for Packets {
    fn from(of: Statistics) -> Self {
        Self {
            sent: of.packets_sent,
            received: of.packets_received,
            lost: of.packets_lost,
            duplicated: of.packets_duplicated,
            late: of.packets_late,
        }
    }
}

/// One step's outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Assertion {
    /// The step in its own words.
    pub step: String,
    /// Whether it held.
    pub held: bool,
    /// What was found instead, or in the end.
    pub detail: String,
}

impl Report {
    /// A call that never was.
    pub(crate) fn no_call(sip_status: Option<u16>, reason: String) -> Self {
        Self {
            outcome: Outcome::NoCall,
            sip_status,
            reason: Some(reason),
            ringing_ms: None,
            answered_ms: None,
            duration_ms: None,
            ended_by: None,
            packets: Packets::default(),
            heard: Vec::new(),
            keys_heard: String::new(),
            headers: Vec::new(),
            assertions: Vec::new(),
        }
    }

    /// A call that came and was not to be answered.
    pub(crate) fn rang(sip_status: Option<u16>, reason: &str) -> Self {
        Self {
            outcome: Outcome::Held,
            ..Self::no_call(sip_status, reason.to_owned())
        }
    }

    /// Whether there was a call and every expectation held.
    pub fn held(&self) -> bool {
        self.outcome == Outcome::Held
    }

    /// 0 held, 1 an expectation did not hold, 3 there was no call.
    pub fn exit_code(&self) -> u8 {
        match self.outcome {
            Outcome::Held => 0,
            Outcome::Failed => 1,
            Outcome::NoCall => 3,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = self.reason.as_deref().unwrap_or("no reason given");
        if self.outcome == Outcome::NoCall {
            return match self.sip_status {
                Some(status) => write!(f, "no call: {status} {reason}"),
                None => write!(f, "no call: {reason}"),
            };
        }
        if self.answered_ms.is_none() {
            return write!(f, "it rang: {reason}");
        }
        let ms = |of: Option<u64>| of.unwrap_or_default();
        write!(f, "answered after {} ms, ", ms(self.answered_ms))?;
        write!(f, "lasted {:.1} s", ms(self.duration_ms) as f64 / 1_000.0)?;
        match self.ended_by {
            Some(EndedBy::Us) => f.write_str(", we hung up")?,
            Some(EndedBy::Them) => f.write_str(", they hung up")?,
            Some(EndedBy::Lost) => write!(f, ", broke off: {reason}")?,
            None => {}
        }
        for (name, value) in &self.headers {
            write!(f, "; {name}: {value}")?;
        }
        let Packets {
            sent,
            received,
            lost,
            ..
        } = self.packets;
        write!(
            f,
            "; packets: {sent} sent, {received} received, {lost} lost"
        )?;
        for run in self
            .heard
            .iter()
            .filter(|run| !matches!(run.kind, Kind::Silence))
        {
            let (at, lasts) = (run.from_ms as f64 / 1_000.0, run.for_ms as f64 / 1_000.0);
            match run.kind {
                Kind::Tone { hertz } => write!(f, "\n  {at:7.2} s  tone {hertz:.0} Hz")?,
                _ => write!(f, "\n  {at:7.2} s  sound")?,
            }
            write!(f, " for {lasts:.2} s at {:.0} dBFS", run.dbfs)?;
        }
        for Assertion { step, held, detail } in &self.assertions {
            let mark = if *held { "ok    " } else { "FAILED" };
            write!(f, "\n  {mark} {step}: {detail}")?;
        }
        Ok(())
    }
}
