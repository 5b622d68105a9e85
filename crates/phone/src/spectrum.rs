//! The strongest frequency of a few hundred samples, and how alone it stands.

use std::f32::consts::PI;

/// Points of the transform: 64 ms at 8 kHz, bins of 15.6 Hz.
const POINTS: usize = 512;

/// Finds the strongest frequency of 8 kHz audio. Keeps its tables and buffers.
pub(crate) struct Spectrum {
    window: Vec<f32>,
    sines: Vec<(f32, f32)>,
    real: Vec<f32>,
    imaginary: Vec<f32>,
}

/// What stands out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Peak {
    pub(crate) hertz: f32,
    /// The share of all energy that lies around it, 0 to 1.
    pub(crate) share: f32,
}

impl Spectrum {
    /// For looking at `samples` samples at a time.
    pub(crate) fn new(samples: usize) -> Self {
        let samples = samples.min(POINTS);
        let turn = 2.0 * PI / samples as f32;
        let window = (0..samples)
            .map(|n| 0.5 - 0.5 * (turn * (n as f32 + 0.5)).cos())
            .collect();
        let angle = |k: usize| -2.0 * PI * k as f32 / POINTS as f32;
        let sines = (0..POINTS / 2)
            .map(|k| (angle(k).cos(), angle(k).sin()))
            .collect();
        Self {
            window,
            sines,
            real: vec![0.0; POINTS],
            imaginary: vec![0.0; POINTS],
        }
    }

    pub(crate) fn peak(&mut self, samples: &[i16]) -> Peak {
        self.real.fill(0.0);
        self.imaginary.fill(0.0);
        for ((to, sample), weight) in self.real.iter_mut().zip(samples).zip(&self.window) {
            *to = f32::from(*sample) * weight;
        }
        self.transform();
        let power: Vec<f32> = (0..POINTS / 2)
            .map(|k| self.real[k] * self.real[k] + self.imaginary[k] * self.imaginary[k])
            .collect();
        // Below 60 Hz there is only hum and offset.
        let first = 4;
        let total: f32 = power[first..].iter().sum();
        let strongest = (first..POINTS / 2 - 1)
            .max_by(|a, b| power[*a].total_cmp(&power[*b]))
            .unwrap_or(first);
        if total <= 0.0 {
            return Peak {
                hertz: 0.0,
                share: 0.0,
            };
        }
        // The main lobe of the window is four bins wide per window length.
        let lobe = 2 * POINTS / self.window.len().max(1) + 1;
        let from = strongest.saturating_sub(lobe).max(first);
        let to = (strongest + lobe).min(POINTS / 2 - 1);
        let around: f32 = power[from..=to].iter().sum();
        // The centre of a parabola through the logarithms of three bins.
        let log = |k: usize| (power[k] + 1e-9).ln();
        let (left, middle, right) = (log(strongest - 1), log(strongest), log(strongest + 1));
        let bend = left - 2.0 * middle + right;
        let shift = if bend.abs() > 1e-6 {
            0.5 * (left - right) / bend
        } else {
            0.0
        };
        let hertz = (strongest as f32 + shift.clamp(-0.5, 0.5)) * 8_000.0 / POINTS as f32;
        Peak {
            hertz,
            share: around / total,
        }
    }

    /// A radix-2 transform in place.
    fn transform(&mut self) {
        let bits = POINTS.trailing_zeros();
        for at in 0..POINTS {
            let mirrored = at.reverse_bits() >> (usize::BITS - bits);
            if mirrored > at {
                self.real.swap(at, mirrored);
                self.imaginary.swap(at, mirrored);
            }
        }
        let mut half = 1;
        while half < POINTS {
            let stride = POINTS / (2 * half);
            for block in (0..POINTS).step_by(2 * half) {
                for k in 0..half {
                    let (cosine, sine) = self.sines[k * stride];
                    let (a, b) = (block + k, block + k + half);
                    let real = self.real[b] * cosine - self.imaginary[b] * sine;
                    let imaginary = self.real[b] * sine + self.imaginary[b] * cosine;
                    self.real[b] = self.real[a] - real;
                    self.imaginary[b] = self.imaginary[a] - imaginary;
                    self.real[a] += real;
                    self.imaginary[a] += imaginary;
                }
            }
            half *= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(hertz: f32, level: f32) -> Vec<i16> {
        (0..320)
            .map(|n| (32_767.0 * level * (2.0 * PI * hertz * n as f32 / 8_000.0).sin()) as i16)
            .collect()
    }

    #[test]
    fn a_sine_is_found_to_within_a_few_hertz() {
        let mut spectrum = Spectrum::new(320);
        for hertz in [100.0, 350.0, 440.0, 697.0, 1_000.0, 1_633.0, 3_400.0] {
            let peak = spectrum.peak(&sine(hertz, 0.3));
            assert!((peak.hertz - hertz).abs() < 4.0, "{hertz}: {peak:?}");
            assert!(peak.share > 0.95, "{hertz}: {peak:?}");
        }
    }

    #[test]
    fn two_tones_and_noise_stand_less_alone() {
        let mut spectrum = Spectrum::new(320);
        let both: Vec<i16> = sine(400.0, 0.2)
            .iter()
            .zip(sine(1_700.0, 0.2))
            .map(|(a, b)| a + b)
            .collect();
        assert!(spectrum.peak(&both).share < 0.7);
        let mut seed = 1_u32;
        let noise: Vec<i16> = (0..320)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (seed >> 20) as i16
            })
            .collect();
        assert!(spectrum.peak(&noise).share < 0.5);
        assert_eq!(spectrum.peak(&[0; 320]).share, 0.0);
    }
}
