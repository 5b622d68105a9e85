//! From one sample rate to another: a polyphase filter, run once over a file.

use std::f64::consts::PI;

/// Taps each output sample is made of, at the lower of the two rates. Thirty-two leave a transition
/// of about 900 Hz around half the lower rate: 3.4 kHz speech passes, its mirror does not.
const TAPS_AT_LOWER_RATE: usize = 32;

/// Kaiser window parameter for about 70 dB of stop band, below the noise of G.711.
const BETA: f64 = 7.0;

/// A streaming resampler. The delay of its filter is taken out at the beginning, so the output
/// starts when the input does; [`finish`](Self::finish) brings out the rest.
#[derive(Debug, Clone)]
pub struct Resampler {
    up: usize,
    down: usize,
    /// One row of taps for each phase of the output between two inputs.
    phases: Vec<Vec<f32>>,
    taps: usize,
    history: Vec<f32>,
    /// The next output's place on the grid of `up` points an input, from `history[0]`.
    position: usize,
    consumed: u64,
    produced: u64,
}

impl Resampler {
    /// From `from` to `to` samples a second.
    ///
    /// # Panics
    /// When a rate is 0: rates are ours or were checked.
    pub fn new(from: u32, to: u32) -> Self {
        assert!(from > 0 && to > 0, "a sample rate is not zero");
        let divisor = gcd(from, to);
        let (up, down) = ((to / divisor) as usize, (from / divisor) as usize);
        let taps = TAPS_AT_LOWER_RATE * down.div_ceil(up).max(1);
        let phases = filter(up, down, taps);
        let half = taps / 2;
        Self {
            up,
            down,
            phases,
            taps,
            // Silence before the first sample, half a filter long: the delay, taken out.
            history: vec![0.0; half.saturating_sub(1)],
            position: 0,
            consumed: 0,
            produced: 0,
        }
    }

    /// Takes samples in and appends what they complete.
    pub fn process(&mut self, samples: &[i16], out: &mut Vec<i16>) {
        self.consumed += samples.len() as u64;
        if self.up == self.down {
            self.produced += samples.len() as u64;
            out.extend_from_slice(samples);
            return;
        }
        self.history.extend(samples.iter().map(|s| f32::from(*s)));
        self.run(out);
    }

    /// Appends the last samples, so that as much time comes out as went in.
    pub fn finish(mut self, out: &mut Vec<i16>) {
        if self.up == self.down {
            return;
        }
        let expected = (self.consumed * self.up as u64).div_ceil(self.down as u64);
        self.history.extend(std::iter::repeat_n(0.0, self.taps));
        let before = out.len();
        let owed = expected.saturating_sub(self.produced) as usize;
        self.run(out);
        out.truncate(before + owed);
    }

    fn run(&mut self, out: &mut Vec<i16>) {
        loop {
            let (at, phase) = (self.position / self.up, self.position % self.up);
            let Some(window) = self.history.get(at..at + self.taps) else {
                break;
            };
            let sum: f32 = window
                .iter()
                .zip(&self.phases[phase])
                .map(|(s, t)| s * t)
                .sum();
            out.push(sum.round().clamp(-32768.0, 32767.0) as i16);
            self.produced += 1;
            self.position += self.down;
        }
        let used = (self.position / self.up).min(self.history.len());
        self.history.drain(..used);
        self.position -= used * self.up;
    }
}

/// Everything of a slice at once.
pub(crate) fn resample(samples: &[i16], from: u32, to: u32) -> Vec<i16> {
    let mut resampler = Resampler::new(from, to);
    let mut out = Vec::with_capacity(samples.len() * to as usize / from as usize + 1);
    resampler.process(samples, &mut out);
    resampler.finish(&mut out);
    out
}

/// A windowed sinc, cut into phases. Tap `k` of phase `p` stands `k - (taps/2 - 1) - p/up` inputs
/// from the output sample.
pub(crate) fn filter(up: usize, down: usize, taps: usize) -> Vec<Vec<f32>> {
    let cutoff = (up as f64 / down as f64).min(1.0);
    let half = taps as f64 / 2.0;
    (0..up)
        .map(|phase| {
            let row: Vec<f64> = (0..taps)
                .map(|tap| {
                    let x = tap as f64 - (half - 1.0) - phase as f64 / up as f64;
                    cutoff * sinc(x * cutoff) * kaiser(x / half)
                })
                .collect();
            // Each phase passes a constant unchanged, or a steady level would hum at the rate of
            // the phases.
            let sum: f64 = row.iter().sum();
            row.into_iter().map(|tap| (tap / sum) as f32).collect()
        })
        .collect()
}

fn sinc(x: f64) -> f64 {
    if x.abs() < 1e-9 {
        1.0
    } else {
        (PI * x).sin() / (PI * x)
    }
}

fn kaiser(x: f64) -> f64 {
    if x.abs() >= 1.0 {
        0.0
    } else {
        bessel(BETA * (1.0 - x * x).sqrt()) / bessel(BETA)
    }
}

/// The modified Bessel function of order zero, by its series.
fn bessel(x: f64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for n in 1..40 {
        term *= (x / 2.0 / f64::from(n)).powi(2);
        sum += term;
    }
    sum
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(frequency: f64, rate: u32, seconds: f64) -> Vec<i16> {
        (0..(f64::from(rate) * seconds) as usize)
            .map(|n| (10_000.0 * (2.0 * PI * frequency * n as f64 / f64::from(rate)).sin()) as i16)
            .collect()
    }

    fn level_db(samples: &[i16]) -> f64 {
        let middle = &samples[samples.len() / 4..samples.len() * 3 / 4];
        let power = middle.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / middle.len() as f64;
        10.0 * (power / (10_000.0_f64.powi(2) / 2.0) + 1e-12).log10()
    }

    #[test]
    fn speech_passes_and_its_mirror_does_not() {
        for (from, to) in [(16_000, 8_000), (48_000, 8_000), (48_000, 16_000)] {
            for frequency in [100.0, 440.0, 1_000.0, 2_000.0, 3_400.0] {
                let db = level_db(&resample(&sine(frequency, from, 0.5), from, to));
                assert!(db.abs() < 0.6, "{from}->{to} {frequency} Hz: {db:.2} dB");
            }
            let folded = f64::from(to) * 0.6;
            let db = level_db(&resample(&sine(folded, from, 0.5), from, to));
            assert!(db < -50.0, "{from}->{to} {folded} Hz: {db:.2} dB");
        }
    }

    #[test]
    fn going_up_adds_no_image() {
        let wide = resample(&sine(1_000.0, 8_000, 0.5), 8_000, 16_000);
        let expected = sine(1_000.0, 16_000, 0.5);
        let error: Vec<i16> = wide.iter().zip(&expected).map(|(a, b)| a - b).collect();
        assert!(level_db(&error) < -45.0, "{:.1}", level_db(&error));
    }

    #[test]
    fn as_much_time_comes_out_as_went_in() {
        for (from, to) in [
            (8_000, 16_000),
            (16_000, 8_000),
            (48_000, 8_000),
            (8_000, 8_000),
            (8_000, 48_000),
        ] {
            for length in [0_usize, 1, 159, 160, 4_801] {
                let out = resample(&vec![5; length], from, to);
                let expected = (length as u64 * u64::from(to)).div_ceil(u64::from(from));
                assert_eq!(out.len() as u64, expected, "{from}->{to} {length}");
            }
        }
    }

    #[test]
    fn pieces_give_the_same_as_the_whole() {
        let samples = sine(700.0, 16_000, 0.1);
        let whole = resample(&samples, 16_000, 8_000);
        let mut resampler = Resampler::new(16_000, 8_000);
        let mut pieces = Vec::new();
        for piece in samples.chunks(37) {
            resampler.process(piece, &mut pieces);
        }
        resampler.finish(&mut pieces);
        assert_eq!(pieces, whole);
    }
}
