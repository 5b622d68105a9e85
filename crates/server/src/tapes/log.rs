//! What happened to a recording, a line of JSON each, beside its audio.
//!
//! ```text
//!   {"began":…}  {"part":{"at":…,"frame":0}}  {"paused":…}  {"part":…}  {"ended":…}  {"away":…}  {"told":true}
//! ```
//!
//! A line that was cut off is none. With a key each line is sealed, in base64.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use offhook_engine::TapeChannels;
use offhook_media::Rate;
use offhook_terms::{AppId, CallId, LegId, Private};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::DocumentId;
use crate::seal::{Seal, private};
use crate::store::from_ms;

/// The longest log that is read: a bot that pauses every second of a day makes half of it.
const LOG_BYTES_MAX: u64 = 32 << 20;

/// What a recording is of.
#[derive(Debug, Clone)]
pub(crate) struct About {
    pub(crate) document: DocumentId,
    pub(crate) call: CallId,
    /// The conversation.
    pub(crate) leg: LegId,
    pub(crate) bot: AppId,
    /// The person at the other end, by number or id.
    pub(crate) caller: Private<String>,
    pub(crate) began_ms: i64,
    pub(crate) kind: Kind,
    /// What the bot wants kept with it.
    pub(crate) metadata: Option<Value>,
}

/// What is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Audio, all in one channel.
    Mixed,
    /// Audio, a channel each.
    Separate,
    /// What a bot handed over with its caller.
    Transcript,
}

impl From<TapeChannels> for Kind {
    fn from(channels: TapeChannels) -> Self {
        match channels {
            TapeChannels::Mixed => Self::Mixed,
            TapeChannels::Separate => Self::Separate,
        }
    }
}

impl About {
    pub(super) fn channels(&self) -> u16 {
        match self.kind {
            Kind::Separate => 2,
            Kind::Mixed | Kind::Transcript => 1,
        }
    }

    pub(super) fn began(&self) -> SystemTime {
        from_ms(self.began_ms)
    }
}

/// Why a recording ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum EndReason {
    /// The bot stopped it.
    SessionEnded,
    /// The call ended.
    CallEnded,
    /// The caller went on to somebody else.
    CallTransferred,
    /// It could not be written any further.
    WriteFailed,
    /// It is as long as a file may be.
    TooLong,
    /// The process ended, and the next one found this.
    Interrupted,
}

impl EndReason {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::SessionEnded => "SessionEnded",
            Self::CallEnded => "CallEnded",
            Self::CallTransferred => "CallTransferred",
            Self::WriteFailed => "WriteFailed",
            Self::TooLong => "TooLong",
            Self::Interrupted => "Interrupted",
        }
    }
}

/// A moment of a recording: by the clock, and in frames of audio written before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Moment {
    #[serde(rename = "at")]
    pub(super) at_ms: i64,
    pub(super) frame: u64,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ended {
    #[serde(rename = "at")]
    pub(super) at_ms: i64,
    pub(super) reason: EndReason,
    /// Frames of 20 ms in the file.
    pub(super) frames: u64,
    /// Bytes of samples in the file.
    pub(super) bytes: u64,
    /// Frames that were spoken faster than they could be written.
    pub(super) lost: u64,
}

impl Ended {
    pub(super) fn at(&self) -> SystemTime {
        from_ms(self.at_ms)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Began {
    document: String,
    call: String,
    leg: String,
    bot: String,
    caller: String,
    at: i64,
    kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    metadata: Option<Value>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Began(Began),
    /// The rate of all frames, with the first.
    Rate(u32),
    Part(Moment),
    Paused(Moment),
    Ended(Ended),
    /// It is at the destination, under this name.
    Away(String),
    /// The webhook knows.
    Told(bool),
    /// It is to be deleted.
    Unwanted(bool),
}

/// All that is known of a recording.
#[derive(Debug, Clone)]
pub(super) struct Story {
    pub(super) about: About,
    pub(super) hertz: Option<u32>,
    pub(super) parts: Vec<Moment>,
    pub(super) pauses: Vec<Moment>,
    pub(super) ended: Option<Ended>,
    pub(super) away: Option<String>,
    pub(super) is_told: bool,
    /// It is to be deleted: when it has ended, and everywhere.
    pub(super) is_unwanted: bool,
}

impl Story {
    pub(super) fn new(about: About) -> Self {
        Self {
            about,
            hertz: None,
            parts: Vec::new(),
            pauses: Vec::new(),
            ended: None,
            away: None,
            is_told: false,
            is_unwanted: false,
        }
    }

    pub(super) fn rate(&self) -> Rate {
        match self.hertz {
            Some(hertz) if hertz == Rate::Wide.hertz() => Rate::Wide,
            _ => Rate::Narrow,
        }
    }

    pub(super) fn is_away(&self) -> bool {
        self.away.is_some()
    }

    pub(super) fn frames_in(&self, bytes: u64) -> u64 {
        let frame = 2 * u64::from(self.about.channels()) * self.rate().tick_samples() as u64;
        bytes / frame
    }

    pub(super) fn duration(&self) -> Duration {
        let Some(ended) = &self.ended else {
            return Duration::ZERO;
        };
        let second = 2 * u64::from(self.about.channels()) * u64::from(self.rate().hertz());
        Duration::from_millis(ended.bytes * 1_000 / second)
    }

    /// Reads a log.
    pub(super) fn read(path: &Path, seal: Option<&Seal>, document: DocumentId) -> io::Result<Self> {
        if fs::metadata(path)?.len() > LOG_BYTES_MAX {
            return Err(io::Error::other("its log is too long"));
        }
        let text = fs::read(path)?;
        let mut story: Option<Self> = None;
        let lines = text.split_inclusive(|byte| *byte == b'\n');
        for (place, line) in (0..).zip(lines.filter(|line| line.ends_with(b"\n"))) {
            let Some(line) = read_line(&line[..line.len() - 1], seal, document, place) else {
                continue;
            };
            match (&mut story, line) {
                (None, Line::Began(began)) => story = Some(Self::new(about(began)?)),
                (None, _) => {}
                (Some(story), line) => story.take(line),
            }
        }
        story.ok_or_else(|| io::Error::other("its log does not begin"))
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Began(_) => {}
            Line::Rate(hertz) => self.hertz = Some(hertz),
            Line::Part(moment) => self.parts.push(moment),
            Line::Paused(moment) => self.pauses.push(moment),
            Line::Ended(ended) => self.ended = Some(ended),
            Line::Away(name) => self.away = Some(name),
            Line::Told(told) => self.is_told = told,
            Line::Unwanted(unwanted) => self.is_unwanted = unwanted,
        }
    }
}

fn about(began: Began) -> io::Result<About> {
    let bad = || io::Error::other("its log begins with ids that are none");
    Ok(About {
        document: began.document.parse().map_err(|_| bad())?,
        call: began.call.parse().map_err(|_| bad())?,
        leg: began.leg.parse().map_err(|_| bad())?,
        bot: began.bot.parse().map_err(|_| bad())?,
        caller: Private::new(began.caller),
        began_ms: began.at,
        kind: began.kind,
        metadata: began.metadata,
    })
}

fn read_line(line: &[u8], seal: Option<&Seal>, document: DocumentId, place: u64) -> Option<Line> {
    if line.first() == Some(&b'{') {
        return serde_json::from_slice(line).ok();
    }
    let sealed = STANDARD.decode(line).ok()?;
    serde_json::from_slice(&seal?.open(document, place, &sealed)?).ok()
}

/// A log being written.
pub(super) struct Log {
    file: File,
    seal: Option<Seal>,
    document: DocumentId,
    lines: u64,
}

impl Log {
    pub(super) fn create(
        path: &Path,
        seal: Option<&Seal>,
        document: DocumentId,
    ) -> io::Result<Self> {
        Ok(Self {
            file: private(path)?,
            seal: seal.cloned(),
            document,
            lines: 0,
        })
    }

    /// Goes on with a log. A line that was cut off is ended first, so that the next is one.
    pub(super) fn append(
        path: &Path,
        seal: Option<&Seal>,
        document: DocumentId,
    ) -> io::Result<Self> {
        let text = fs::read(path)?;
        let mut lines = text.iter().filter(|byte| **byte == b'\n').count() as u64;
        let mut file = File::options().append(true).open(path)?;
        if text.last().is_some_and(|last| *last != b'\n') {
            file.write_all(b"\n")?;
            lines += 1;
        }
        Ok(Self {
            file,
            seal: seal.cloned(),
            document,
            lines,
        })
    }

    pub(super) fn began(&mut self, about: &About) -> io::Result<()> {
        self.write(&Line::Began(Began {
            document: about.document.to_string(),
            call: about.call.to_string(),
            leg: about.leg.to_string(),
            bot: about.bot.to_string(),
            caller: about.caller.reveal().clone(),
            at: about.began_ms,
            kind: about.kind,
            metadata: about.metadata.clone(),
        }))
    }

    pub(super) fn rate(&mut self, rate: Rate) -> io::Result<()> {
        self.write(&Line::Rate(rate.hertz()))
    }

    pub(super) fn part(&mut self, moment: Moment) -> io::Result<()> {
        self.write(&Line::Part(moment))
    }

    pub(super) fn paused(&mut self, moment: Moment) -> io::Result<()> {
        self.write(&Line::Paused(moment))
    }

    pub(super) fn ended(&mut self, ended: Ended) -> io::Result<Ended> {
        self.write(&Line::Ended(ended))?;
        self.file.sync_all()?;
        Ok(ended)
    }

    pub(super) fn away(&mut self, name: &str) -> io::Result<()> {
        self.write(&Line::Away(name.to_owned()))?;
        self.file.sync_all()
    }

    pub(super) fn told(&mut self) -> io::Result<()> {
        self.write(&Line::Told(true))?;
        self.file.sync_all()
    }

    pub(super) fn unwanted(&mut self) -> io::Result<()> {
        self.write(&Line::Unwanted(true))?;
        self.file.sync_all()
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        let text = serde_json::to_string(line)?;
        let mut text = match &self.seal {
            None => text,
            Some(seal) => {
                STANDARD.encode(seal.close(self.document, self.lines, text.as_bytes())?)
            }
        };
        text.push('\n');
        self.file.write_all(text.as_bytes())?;
        self.lines += 1;
        Ok(())
    }
}
