//! What a call does, one step after the other.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use offhook_media::Clip;
use offhook_terms::Tone;

use crate::limits;

/// One thing a call does or expects. Parsed from the words `offhook dial --script` takes; its
/// `Display` is those words again.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// `play FILE` or `play tone:HERTZ:DURATION`: plays to the end.
    Play(Sound),
    /// `press KEYS`: presses keys as RFC 4733 packets; `w` pauses for half a second.
    Press(String),
    /// `press-info KEYS`: presses keys by SIP INFO.
    PressInfo(String),
    /// `pause DURATION`: waits.
    Pause(Duration),
    /// `expect-tone HERTZ [DURATION] [within DURATION]`: hears that tone for that long.
    ExpectTone {
        /// Which tone, to within three per cent.
        hertz: f32,
        /// How much of it, give or take a tenth.
        duration: Duration,
        /// How long to wait for it at most.
        within: Duration,
    },
    /// `expect-beep [HERTZ] [within DURATION]`: hears a tone begin and end.
    ExpectBeep {
        /// Which tone; any when not given.
        hertz: Option<f32>,
        /// How long to wait for it at most.
        within: Duration,
    },
    /// `expect-sound DURATION [within DURATION]`: hears voice, music or tones for that long in
    /// all.
    ExpectSound {
        /// How much of it.
        duration: Duration,
        /// How long to wait for it at most.
        within: Duration,
    },
    /// `expect-silence DURATION [within DURATION]`: hears nothing for that long without a break.
    ExpectSilence {
        /// How long.
        duration: Duration,
        /// How long to wait for it at most.
        within: Duration,
    },
    /// `expect-key KEY [within DURATION]`: hears a key pressed by the other side.
    ExpectKey {
        /// Which.
        key: Tone,
        /// How long to wait for it at most.
        within: Duration,
    },
    /// `hold`: puts the other side on hold.
    Hold,
    /// `resume`: takes the other side back from hold.
    Resume,
    /// `transfer URI`: sends the other side there (REFER), and waits until it is.
    Transfer(String),
    /// `expect-moved [within DURATION]`: the call goes on with somebody else, because the other side
    /// sent us there or another call took its place.
    ExpectMoved {
        /// How long to wait for it at most.
        within: Duration,
    },
    /// `hang-up`: ends the call.
    HangUp,
    /// `expect-hang-up [within DURATION]`: the other side ends the call.
    ExpectHangUp {
        /// How long to wait for it at most.
        within: Duration,
    },
}

/// Something to play.
#[derive(Debug, Clone, PartialEq)]
pub enum Sound {
    /// A WAV file, 16 bit, 8, 16 or 48 kHz, mono.
    File(PathBuf),
    /// A sine.
    Tone {
        /// Its frequency.
        hertz: f64,
        /// Its length.
        duration: Duration,
    },
}

/// Why a step cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadStep(pub String);

impl Step {
    /// Reads steps separated by `;` or line ends; `#` at the beginning of a line is a remark.
    ///
    /// # Errors
    /// The first step that cannot be understood, in words.
    pub fn parse_all(script: &str) -> Result<Vec<Self>, BadStep> {
        script
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            .flat_map(|line| line.split(';'))
            .map(str::trim)
            .filter(|step| !step.is_empty())
            .map(str::parse)
            .collect()
    }

    /// Changes how long an expectation asks for; false when this step has no such length.
    pub fn set_duration(&mut self, to: Duration) -> bool {
        match self {
            Self::ExpectTone {
                duration, within, ..
            }
            | Self::ExpectSound { duration, within }
            | Self::ExpectSilence { duration, within } => {
                *within = (*within).max(to + limits::EXPECT_WITHIN);
                *duration = to;
                true
            }
            _ => false,
        }
    }

    /// Changes how long an expectation waits; false when this step does not wait.
    pub fn set_within(&mut self, to: Duration) -> bool {
        match self {
            Self::ExpectTone { within, .. }
            | Self::ExpectBeep { within, .. }
            | Self::ExpectSound { within, .. }
            | Self::ExpectSilence { within, .. }
            | Self::ExpectKey { within, .. }
            | Self::ExpectMoved { within }
            | Self::ExpectHangUp { within } => {
                *within = to;
                true
            }
            _ => false,
        }
    }

    /// Whether this step asserts something.
    pub fn is_expectation(&self) -> bool {
        self.clone().set_within(Duration::ZERO)
    }
}

impl FromStr for Step {
    type Err = BadStep;

    fn from_str(text: &str) -> Result<Self, BadStep> {
        let (step, within) = match text.split_once(" within ") {
            Some((step, within)) => (step.trim(), Some(duration(within)?)),
            None => (text.trim(), None),
        };
        let mut words = step.split_whitespace();
        let name = words.next().unwrap_or_default();
        let rest = step[name.len()..].trim();
        let mut parsed = named(name, rest)?;
        if let Some(within) = within
            && !parsed.set_within(within)
        {
            return Err(BadStep(format!(
                "`{name}` does not wait, so it has no `within`"
            )));
        }
        Ok(parsed)
    }
}

fn named(name: &str, rest: &str) -> Result<Step, BadStep> {
    let within = limits::EXPECT_WITHIN;
    let alone = |step: Step| {
        if rest.is_empty() {
            Ok(step)
        } else {
            Err(BadStep(format!("`{name}` stands alone")))
        }
    };
    match name {
        "play" => Ok(Step::Play(rest.parse()?)),
        "press" => Ok(Step::Press(keys(rest)?)),
        "press-info" => Ok(Step::PressInfo(keys(rest)?)),
        "pause" => Ok(Step::Pause(duration(rest)?)),
        "expect-tone" => {
            let (tone, length) = rest
                .split_once(char::is_whitespace)
                .unwrap_or((rest, "500ms"));
            let duration = duration(length)?;
            Ok(Step::ExpectTone {
                hertz: hertz(tone)?,
                duration,
                within: duration + within,
            })
        }
        "expect-beep" => {
            let hertz = (!rest.is_empty()).then(|| hertz(rest)).transpose()?;
            Ok(Step::ExpectBeep { hertz, within })
        }
        "expect-sound" => {
            let duration = duration(rest)?;
            Ok(Step::ExpectSound {
                duration,
                within: duration + within,
            })
        }
        "expect-silence" => {
            let duration = duration(rest)?;
            Ok(Step::ExpectSilence {
                duration,
                within: duration + within,
            })
        }
        "expect-key" => {
            let mut symbols = rest.chars();
            match (symbols.next().and_then(Tone::from_symbol), symbols.next()) {
                (Some(key), None) => Ok(Step::ExpectKey { key, within }),
                _ => Err(BadStep(format!(
                    "`{rest}` is not a key: 0 to 9, *, # or A to D"
                ))),
            }
        }
        "hold" => alone(Step::Hold),
        "resume" => alone(Step::Resume),
        "transfer" => match offhook_sip::is_address(rest) {
            true => Ok(Step::Transfer(rest.to_owned())),
            false => Err(BadStep(format!("`{rest}` is not a sip: address"))),
        },
        "expect-moved" => alone(Step::ExpectMoved { within }),
        "hang-up" => alone(Step::HangUp),
        "expect-hang-up" => alone(Step::ExpectHangUp { within }),
        other => Err(BadStep(format!(
            "`{other}` is not a step: play, press, press-info, pause, expect-tone, expect-beep, \
             expect-sound, expect-silence, expect-key, hold, resume, transfer, expect-moved, hang-up, expect-hang-up"
        ))),
    }
}

fn keys(text: &str) -> Result<String, BadStep> {
    let known = |c: char| c.eq_ignore_ascii_case(&'w') || Tone::from_symbol(c).is_some();
    match text.chars().find(|c| !known(*c)) {
        _ if text.is_empty() => Err(BadStep("which keys?".into())),
        Some(c) => Err(BadStep(format!(
            "`{c}` is not a key: 0 to 9, *, #, A to D, or w to pause"
        ))),
        None => Ok(text.to_owned()),
    }
}

fn hertz(text: &str) -> Result<f32, BadStep> {
    match text.trim_end_matches("Hz").parse() {
        Ok(hertz) if (50.0..4_000.0).contains(&hertz) => Ok(hertz),
        _ => Err(BadStep(format!(
            "`{text}` is not a frequency between 50 and 4000 Hz"
        ))),
    }
}

/// Reads `500ms`, `2s`, `1.5s`, `2m`; a bare number is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, BadStep> {
    let text = text.trim();
    let (number, unit) = match text.find(|c: char| c.is_ascii_alphabetic()) {
        Some(at) => text.split_at(at),
        None => (text, "s"),
    };
    let scale = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        _ => f64::NAN,
    };
    let seconds = number.trim().parse().unwrap_or(f64::NAN) * scale;
    if (0.0..=86_400.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(BadStep(format!(
            "`{text}` is not a duration like 500ms, 2s or 1m"
        )))
    }
}

impl FromStr for Sound {
    type Err = BadStep;

    fn from_str(text: &str) -> Result<Self, BadStep> {
        let Some(tone) = text.strip_prefix("tone:") else {
            if text.is_empty() {
                return Err(BadStep("play what? a WAV file, or tone:440:3s".into()));
            }
            return Ok(Self::File(PathBuf::from(text)));
        };
        let (frequency, length) = tone.split_once(':').unwrap_or((tone, "1s"));
        Ok(Self::Tone {
            hertz: f64::from(hertz(frequency)?),
            duration: duration(length)?,
        })
    }
}

impl Sound {
    /// Makes it ready to be played.
    ///
    /// # Errors
    /// When the file cannot be read or is not such a WAV file, in words.
    pub fn load(&self) -> Result<Clip, BadStep> {
        match self {
            Self::Tone { hertz, duration } => Ok(Clip::tone(*hertz, *duration, 0.35)),
            Self::File(path) => {
                let says = |why: &dyn fmt::Display| BadStep(format!("{}: {why}", path.display()));
                let bytes = std::fs::read(path).map_err(|error| says(&error))?;
                Clip::from_wav(&bytes).map_err(|refusal| says(&refusal))
            }
        }
    }
}

impl fmt::Display for Sound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Tone { hertz, duration } => write!(f, "tone:{hertz}:{}", Words(*duration)),
        }
    }
}

/// A duration in the words it is given in.
struct Words(Duration);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_millis() {
            whole if whole % 1_000 == 0 => write!(f, "{}s", whole / 1_000),
            millis => write!(f, "{millis}ms"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Play(sound) => write!(f, "play {sound}"),
            Self::Press(keys) => write!(f, "press {keys}"),
            Self::PressInfo(keys) => write!(f, "press-info {keys}"),
            Self::Pause(duration) => write!(f, "pause {}", Words(*duration)),
            Self::ExpectTone {
                hertz,
                duration,
                within,
            } => {
                write!(
                    f,
                    "expect-tone {hertz} {} within {}",
                    Words(*duration),
                    Words(*within)
                )
            }
            Self::ExpectBeep {
                hertz: Some(hertz),
                within,
            } => {
                write!(f, "expect-beep {hertz} within {}", Words(*within))
            }
            Self::ExpectBeep {
                hertz: None,
                within,
            } => {
                write!(f, "expect-beep within {}", Words(*within))
            }
            Self::ExpectSound { duration, within } => {
                write!(
                    f,
                    "expect-sound {} within {}",
                    Words(*duration),
                    Words(*within)
                )
            }
            Self::ExpectSilence { duration, within } => {
                write!(
                    f,
                    "expect-silence {} within {}",
                    Words(*duration),
                    Words(*within)
                )
            }
            Self::ExpectKey { key, within } => {
                write!(f, "expect-key {} within {}", key.symbol(), Words(*within))
            }
            Self::Hold => f.write_str("hold"),
            Self::Resume => f.write_str("resume"),
            Self::HangUp => f.write_str("hang-up"),
            Self::Transfer(to) => write!(f, "transfer {to}"),
            Self::ExpectMoved { within } => write!(f, "expect-moved within {}", Words(*within)),
            Self::ExpectHangUp { within } => {
                write!(f, "expect-hang-up within {}", Words(*within))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_and_said_again() {
        let script = "expect-beep 1000; play tone:440:3s; press 1w2#\n# a remark\n\
            expect-tone 440 2s within 20s; expect-silence 500ms; expect-key # within 3s\n\
            play /tmp/hello.wav; pause 1.5s; hold; resume; expect-hang-up within 1m; \
            transfer sip:bob@example.com; expect-moved";
        let steps = Step::parse_all(script).expect("they are steps");
        assert_eq!(steps.len(), 13);
        for step in &steps {
            assert_eq!(
                &step.to_string().parse::<Step>().expect("said as read"),
                step
            );
        }
    }

    #[test]
    fn what_is_no_step_is_said_in_words() {
        for (bad, word) in [
            ("dance", "not a step"),
            ("press x", "not a key"),
            ("pause soon", "not a duration"),
            ("expect-tone 9", "not a frequency"),
            ("hold me", "stands alone"),
            ("transfer bob", "not a sip: address"),
            ("play", "play what"),
            ("hang-up within 3s", "does not wait"),
        ] {
            let error = Step::parse_all(bad).expect_err(bad).to_string();
            assert!(error.contains(word), "{bad}: {error}");
        }
    }
}
