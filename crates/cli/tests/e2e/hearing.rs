//! What was heard on a line, put back in order, and what is in it: tones, sound, silence.
//!
//! Nothing here is shared with the platform: it has its own µ-law and its own measuring.

use std::time::Duration;

/// Samples a second, of all audio here.
pub(crate) const RATE: usize = 8_000;

/// The stretch of audio that is looked at as one: 20 ms.
const WINDOW: usize = 160;

/// Audio by the clock of the stream it came in.
#[derive(Default)]
pub(crate) struct Hearing {
    /// The stream and the time of its first sample.
    began: Option<(u32, u32)>,
    samples: Vec<i16>,
    pub(crate) packets: u32,
    /// Streams after the first; there should be none.
    pub(crate) other_streams: u32,
    last_sequence: Option<u16>,
    pub(crate) gaps: u32,
}

/// A stretch of a tone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Heard {
    pub(crate) from: Duration,
    pub(crate) lasts: Duration,
}

impl Heard {
    pub(crate) fn until(self) -> Duration {
        self.from + self.lasts
    }
}

impl Hearing {
    /// Takes a packet of µ-law.
    pub(crate) fn packet(&mut self, ssrc: u32, sequence: u16, timestamp: u32, payload: &[u8]) {
        let (stream, start) = *self.began.get_or_insert((ssrc, timestamp));
        if ssrc != stream {
            self.other_streams += 1;
            return;
        }
        self.packets += 1;
        let expected = self.last_sequence.map(|last| last.wrapping_add(1));
        if expected.is_some_and(|expected| expected != sequence) {
            self.gaps += 1;
        }
        self.last_sequence = Some(sequence);
        let at = timestamp.wrapping_sub(start) as usize;
        // A stream that jumps by more than an hour is broken; keep the memory of it small.
        if at > 3_600 * RATE {
            self.gaps += 1;
            return;
        }
        let end = at + payload.len();
        if self.samples.len() < end {
            self.samples.resize(end, 0);
        }
        for (sample, octet) in self.samples[at..end].iter_mut().zip(payload) {
            *sample = mulaw_to_linear(*octet);
        }
    }

    /// Audio from a file that another phone wrote.
    pub(crate) fn of_samples(samples: Vec<i16>) -> Self {
        Self {
            samples,
            ..Self::default()
        }
    }

    /// Whether there is sound for so long in all.
    pub(crate) fn is_loud_for(&self, wanted: Duration) -> bool {
        let windows = self.samples.chunks_exact(WINDOW);
        let loud = windows.filter(|window| window.iter().any(|sample| sample.abs() > 500));
        length(loud.count() * WINDOW) >= wanted
    }

    pub(crate) fn lasts(&self) -> Duration {
        length(self.samples.len())
    }

    /// Every stretch in which a tone of so many hertz is nearly all there is.
    pub(crate) fn tones(&self, hertz: f64) -> Vec<Heard> {
        self.tones_since(hertz, Duration::ZERO)
    }

    /// The same, of what was heard from some time on.
    pub(crate) fn tones_since(&self, hertz: f64, since: Duration) -> Vec<Heard> {
        let mut found: Vec<Heard> = Vec::new();
        let first = (since.as_millis() / 20) as usize;
        for (at, window) in self.samples.chunks_exact(WINDOW).enumerate().skip(first) {
            if !is_tone(window, hertz) {
                continue;
            }
            let from = length(at * WINDOW);
            match found.last_mut() {
                // A lost packet does not make two tones of one.
                Some(last) if from <= last.until() + length(2 * WINDOW) => {
                    last.lasts = from + length(WINDOW) - last.from;
                }
                _ => found.push(Heard {
                    from,
                    lasts: length(WINDOW),
                }),
            }
        }
        found
    }

    /// How long several tones are heard at once, each as a good part of all there is.
    pub(crate) fn together(&self, hertz: &[f64]) -> Duration {
        let windows = self.samples.chunks_exact(WINDOW);
        let found = windows.filter(|window| {
            let least = 0.4 / hertz.len() as f64;
            rms(window) >= 200.0 && hertz.iter().all(|hertz| share(window, *hertz) > least)
        });
        length(found.count() * WINDOW)
    }

    /// How much of a stretch is not silent.
    pub(crate) fn sound_between(&self, from: Duration, until: Duration) -> Duration {
        let index =
            |at: Duration| ((at.as_secs_f64() * RATE as f64) as usize).min(self.samples.len());
        let windows = self.samples[index(from)..index(until)].chunks_exact(WINDOW);
        length(windows.filter(|window| rms(window) > 200.0).count() * WINDOW)
    }
}

fn length(samples: usize) -> Duration {
    Duration::from_micros(samples as u64 * 125)
}

fn rms(window: &[i16]) -> f64 {
    let power: f64 = window.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    (power / window.len() as f64).sqrt()
}

fn is_tone(window: &[i16], hertz: f64) -> bool {
    rms(window) >= 200.0 && share(window, hertz) > 0.75
}

/// How much of all there is has this pitch: 1 for a pure tone, give or take its phase.
fn share(window: &[i16], hertz: f64) -> f64 {
    let total: f64 = window.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    2.0 * goertzel(window, hertz) / (window.len() as f64 * total)
}

/// The power at one frequency (Goertzel, 1958).
fn goertzel(window: &[i16], hertz: f64) -> f64 {
    let turn = 2.0 * (std::f64::consts::TAU * hertz / RATE as f64).cos();
    let (mut last, mut before) = (0.0, 0.0);
    for sample in window {
        let now = f64::from(*sample) + turn * last - before;
        before = last;
        last = now;
    }
    last * last + before * before - turn * last * before
}

/// ITU-T G.711, the µ-law.
fn mulaw_to_linear(octet: u8) -> i16 {
    let bits = !octet;
    let exponent = (bits >> 4) & 7;
    let magnitude = (((i32::from(bits & 0x0f) << 3) + 0x84) << exponent) - 0x84;
    if bits & 0x80 == 0 {
        magnitude as i16
    } else {
        -magnitude as i16
    }
}

/// The other way, by the definition: sign, the exponent of the biased magnitude, four bits of it.
pub(crate) fn linear_to_mulaw(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let biased = (i32::from(sample).abs().min(32_635)) + 0x84;
    let exponent = 24 - biased.leading_zeros();
    let mantissa = (biased >> (exponent + 3)) & 0x0f;
    !(sign | ((exponent as u8) << 4) | mantissa as u8)
}

#[test]
fn the_ears_of_these_tests_hear_what_is_said() {
    let mut hearing = Hearing::default();
    for packet in 0..100_u32 {
        let said: Vec<u8> = (0..WINDOW)
            .map(|n| {
                let t = (packet as usize * WINDOW + n) as f64 / RATE as f64;
                let loud = if (25..75).contains(&packet) {
                    8_000.0
                } else {
                    0.0
                };
                linear_to_mulaw((loud * (std::f64::consts::TAU * 440.0 * t).sin()) as i16)
            })
            .collect();
        hearing.packet(7, packet as u16, 1_000 + packet * WINDOW as u32, &said);
    }
    let wanted = Heard {
        from: Duration::from_millis(500),
        lasts: Duration::from_secs(1),
    };
    assert_eq!(hearing.tones(440.0), [wanted]);
    assert_eq!(hearing.tones(600.0), []);
    assert_eq!(
        hearing.sound_between(Duration::ZERO, Duration::from_secs(2)),
        wanted.lasts
    );
    assert_eq!((hearing.gaps, hearing.lasts()), (0, Duration::from_secs(2)));
}

#[test]
fn two_voices_are_told_from_one() {
    let said = |hertz: &[f64]| {
        let samples = (0..RATE).map(|n| {
            let t = n as f64 / RATE as f64;
            let each = hertz
                .iter()
                .map(|hertz| 6_000.0 * (std::f64::consts::TAU * hertz * t).sin());
            each.sum::<f64>() as i16
        });
        Hearing::of_samples(samples.collect())
    };
    let both = said(&[440.0, 1_180.0]);
    assert!(both.together(&[440.0, 1_180.0]) > Duration::from_millis(900));
    assert_eq!(both.together(&[440.0, 700.0]), Duration::ZERO);
    assert_eq!(said(&[440.0]).together(&[440.0, 1_180.0]), Duration::ZERO);
    assert_eq!(both.tones(440.0), []);
}
