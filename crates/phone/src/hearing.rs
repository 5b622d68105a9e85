//! What a call hears, cut into runs: tone, sound, silence.

use std::time::Duration;

use offhook_media::{FRAME_SAMPLES_MAX, Frame, Loudness, Rate, TICK};
use serde::Serialize;

use crate::limits;
use crate::spectrum::Spectrum;

/// What a run consists of.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "what", rename_all = "lowercase")]
pub enum Kind {
    /// Nothing above −50 dBFS.
    Silence,
    /// One frequency.
    Tone {
        /// Which, averaged over the run.
        hertz: f32,
    },
    /// Voice, music, noise.
    Sound,
}

/// A stretch of audio of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Run {
    /// What it is.
    #[serde(flatten)]
    pub kind: Kind,
    /// Its mean level in dBFS.
    pub dbfs: f32,
    /// Where it begins, from the first frame heard.
    pub from_ms: u64,
    /// How long it lasts.
    pub for_ms: u64,
}

impl Run {
    /// How long it lasts.
    pub fn duration(&self) -> Duration {
        Duration::from_millis(self.for_ms)
    }

    /// Whether it is this tone, to within three per cent.
    pub fn is_tone(&self, hertz: f32) -> bool {
        matches!(self.kind, Kind::Tone { hertz: heard } if same(heard, hertz))
    }
}

fn same(a: f32, b: f32) -> bool {
    (a - b).abs() <= limits::SAME_TONE * b
}

/// Cuts frames into runs.
pub struct Hearing {
    /// Of the rate that is heard; made when the first frame of it comes.
    spectrum: Option<(Rate, Spectrum)>,
    /// The last frame and this one, as far as they go.
    last: [i16; 2 * FRAME_SAMPLES_MAX],
    frames: u64,
    runs: Vec<Run>,
    current: Option<Open>,
    /// Frames that may belong to the current run, or begin the next.
    doubtful: Vec<(Kind, f32)>,
}

struct Open {
    kind: Kind,
    from: u64,
    frames: u32,
    dbfs_sum: f64,
    hertz_sum: f64,
}

impl Default for Hearing {
    fn default() -> Self {
        Self {
            spectrum: None,
            last: [0; 2 * FRAME_SAMPLES_MAX],
            frames: 0,
            runs: Vec::new(),
            current: None,
            doubtful: Vec::new(),
        }
    }
}

impl std::fmt::Debug for Hearing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hearing")
            .field("runs", &self.runs.len())
            .finish_non_exhaustive()
    }
}

impl Hearing {
    /// Hears twenty milliseconds more.
    pub fn frame(&mut self, frame: &Frame) {
        let (rate, length) = (frame.rate(), frame.len());
        if self.spectrum.as_ref().is_none_or(|(of, _)| *of != rate) {
            self.spectrum = Some((rate, Spectrum::new(rate.hertz(), 2 * length)));
            self.last.fill(0);
        }
        self.last.copy_within(length..2 * length, 0);
        self.last[length..2 * length].copy_from_slice(frame);
        let dbfs = Loudness::of(frame).dbfs();
        let kind = if dbfs < limits::SILENCE_DBFS {
            Kind::Silence
        } else if let Some((_, spectrum)) = &mut self.spectrum {
            let before = Loudness::of(&self.last[..length]).dbfs();
            // A frame after silence is looked at alone: half a window of silence smears a tone.
            let looked_at = if before < limits::SILENCE_DBFS {
                &self.last[length..2 * length]
            } else {
                &self.last[..2 * length]
            };
            let peak = spectrum.peak(looked_at);
            if peak.share >= limits::TONE_SHARE {
                Kind::Tone { hertz: peak.hertz }
            } else {
                Kind::Sound
            }
        } else {
            Kind::Sound
        };
        self.take(kind, dbfs);
        self.frames += 1;
    }

    /// The runs that are over, and the one that goes on.
    pub fn runs(&self) -> Vec<Run> {
        self.runs
            .iter()
            .copied()
            .chain(self.current.as_ref().map(Open::run))
            .collect()
    }

    /// The run that goes on.
    pub fn current(&self) -> Option<Run> {
        self.current.as_ref().map(Open::run)
    }

    /// The runs that are over.
    pub fn finished(&self) -> &[Run] {
        &self.runs
    }

    /// How long it has been heard.
    pub fn elapsed(&self) -> Duration {
        TICK * u32::try_from(self.frames).unwrap_or(u32::MAX)
    }

    fn take(&mut self, kind: Kind, dbfs: f32) {
        let at = self.frames;
        let Some(current) = &mut self.current else {
            self.current = Some(Open::begin(kind, dbfs, at));
            return;
        };
        if current.continues(kind) {
            // What was doubtful was a lost packet.
            for (_, dbfs) in self.doubtful.drain(..) {
                current.fill(dbfs);
            }
            current.add(kind, dbfs);
            return;
        }
        self.doubtful.push((kind, dbfs));
        let patience = match current.kind {
            Kind::Tone { .. } => limits::GAP_FRAMES as usize,
            Kind::Silence | Kind::Sound => 2,
        };
        // A tone is believed at its second frame; anything else needs patience to run out.
        let tone_begins = matches!(self.doubtful.as_slice(), [.., (Kind::Tone { hertz: a }, _),
            (Kind::Tone { hertz: b }, _)] if same(*a, *b));
        if self.doubtful.len() > patience || tone_begins {
            self.turn();
        }
    }

    /// Closes the current run; the doubtful frames begin the next.
    fn turn(&mut self) {
        let doubtful = std::mem::take(&mut self.doubtful);
        let from = self.frames + 1 - doubtful.len() as u64;
        if let Some(run) = self.current.take().map(|open| open.run())
            && self.runs.len() < limits::RUNS
        {
            self.runs.push(run);
        }
        // The newest frame names the run: a tone's first frame is often blurred.
        let Some((kind, _)) = doubtful.last().copied() else {
            return;
        };
        let mut open: Option<Open> = None;
        for (at, (own, dbfs)) in doubtful.into_iter().enumerate() {
            match &mut open {
                None => open = Some(Open::begin(kind, dbfs, from + at as u64)),
                Some(open) if open.continues(own) => open.add(own, dbfs),
                Some(open) => open.fill(dbfs),
            }
        }
        self.current = open;
    }
}

impl Open {
    fn begin(kind: Kind, dbfs: f32, from: u64) -> Self {
        let hertz = if let Kind::Tone { hertz } = kind {
            f64::from(hertz)
        } else {
            0.0
        };
        Self {
            kind,
            from,
            frames: 1,
            dbfs_sum: f64::from(dbfs),
            hertz_sum: hertz,
        }
    }

    fn hertz(&self) -> f32 {
        (self.hertz_sum / f64::from(self.frames)) as f32
    }

    fn continues(&self, kind: Kind) -> bool {
        match (self.kind, kind) {
            (Kind::Tone { .. }, Kind::Tone { hertz }) => same(hertz, self.hertz()),
            (Kind::Silence, Kind::Silence) | (Kind::Sound, Kind::Sound) => true,
            _ => false,
        }
    }

    fn add(&mut self, kind: Kind, dbfs: f32) {
        if let Kind::Tone { hertz } = kind {
            self.hertz_sum += f64::from(hertz);
        }
        self.frames += 1;
        self.dbfs_sum += f64::from(dbfs);
    }

    /// A frame that could not be told, counted as more of the same.
    fn fill(&mut self, dbfs: f32) {
        let kind = match self.kind {
            Kind::Tone { .. } => Kind::Tone {
                hertz: self.hertz(),
            },
            other => other,
        };
        self.add(kind, dbfs);
    }

    fn run(&self) -> Run {
        let kind = match self.kind {
            Kind::Tone { .. } => Kind::Tone {
                hertz: self.hertz(),
            },
            other => other,
        };
        Run {
            kind,
            dbfs: (self.dbfs_sum / f64::from(self.frames)) as f32,
            from_ms: self.from * 20,
            for_ms: u64::from(self.frames) * 20,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use offhook_media::TICK_SAMPLES;

    fn hear(hearing: &mut Hearing, hertz: f32, level: f32, ms: usize) {
        for at in 0..ms / 20 {
            let frame = std::array::from_fn(|n| {
                let t = (at * TICK_SAMPLES + n) as f32 / 8_000.0;
                (32_767.0 * level * (2.0 * std::f32::consts::PI * hertz * t).sin()) as i16
            });
            hearing.frame(&Frame::narrow(&frame));
        }
    }

    fn told(hearing: &Hearing) -> Vec<String> {
        hearing
            .runs()
            .iter()
            .map(|run| match run.kind {
                Kind::Tone { hertz } => format!("{hertz:.0} Hz {} ms", run.for_ms),
                Kind::Silence => format!("silence {} ms", run.for_ms),
                Kind::Sound => format!("sound {} ms", run.for_ms),
            })
            .collect()
    }

    #[test]
    fn a_beep_between_silences_has_its_length() {
        let mut hearing = Hearing::default();
        hear(&mut hearing, 0.0, 0.0, 400);
        hear(&mut hearing, 1_000.0, 0.25, 200);
        hear(&mut hearing, 0.0, 0.0, 400);
        assert_eq!(
            told(&hearing),
            ["silence 400 ms", "1000 Hz 200 ms", "silence 400 ms"]
        );
    }

    #[test]
    fn a_lost_packet_does_not_break_a_tone() {
        let mut hearing = Hearing::default();
        hear(&mut hearing, 440.0, 0.3, 500);
        hear(&mut hearing, 0.0, 0.0, 40);
        hear(&mut hearing, 440.0, 0.3, 460);
        assert_eq!(told(&hearing), ["440 Hz 1000 ms"]);
    }

    #[test]
    fn one_tone_after_another_is_two_runs() {
        let mut hearing = Hearing::default();
        hear(&mut hearing, 440.0, 0.3, 500);
        hear(&mut hearing, 480.0, 0.3, 500);
        let told = told(&hearing);
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(hearing.runs()[1].is_tone(480.0));
    }
}
