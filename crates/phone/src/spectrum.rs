//! The strongest frequency of a few hundred samples, and how alone it stands.

use std::f32::consts::PI;

/// Points of the transform for each thousand samples a second: 64 ms, bins of 15.6 Hz.
const POINTS_PER_KHZ: usize = 64;

/// Finds the strongest frequency. Keeps its tables and buffers.
pub(crate) struct Spectrum {
    rate: u32,
    /// A power of two, when the rate is one times a thousand.
    points: usize,
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
    /// For looking at `samples` samples at a time, of 8, 16 or 32 kHz.
    pub(crate) fn new(rate: u32, samples: usize) -> Self {
        let points = (rate as usize / 1_000 * POINTS_PER_KHZ).next_power_of_two();
        let samples = samples.min(points);
        let turn = 2.0 * PI / samples as f32;
        let window = (0..samples)
            .map(|n| 0.5 - 0.5 * (turn * (n as f32 + 0.5)).cos())
            .collect();
        let angle = |k: usize| -2.0 * PI * k as f32 / points as f32;
        let sines = (0..points / 2)
            .map(|k| (angle(k).cos(), angle(k).sin()))
            .collect();
        Self {
            rate,
            points,
            window,
            sines,
            real: vec![0.0; points],
            imaginary: vec![0.0; points],
        }
    }

    pub(crate) fn peak(&mut self, samples: &[i16]) -> Peak {
        self.real.fill(0.0);
        self.imaginary.fill(0.0);
        for ((to, sample), weight) in self.real.iter_mut().zip(samples).zip(&self.window) {
            *to = f32::from(*sample) * weight;
        }
        self.transform();
        let power: Vec<f32> = (0..self.points / 2)
            .map(|k| self.real[k] * self.real[k] + self.imaginary[k] * self.imaginary[k])
            .collect();
        // Below 60 Hz there is only hum and offset.
        let first = 4;
        let total: f32 = power[first..].iter().sum();
        let strongest = (first..self.points / 2 - 1)
            .max_by(|a, b| power[*a].total_cmp(&power[*b]))
            .unwrap_or(first);
        if total <= 0.0 {
            return Peak {
                hertz: 0.0,
                share: 0.0,
            };
        }
        // The main lobe of the window is four bins wide per window length.
        let lobe = 2 * self.points / self.window.len().max(1) + 1;
        let from = strongest.saturating_sub(lobe).max(first);
        let to = (strongest + lobe).min(self.points / 2 - 1);
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
        let hertz =
            (strongest as f32 + shift.clamp(-0.5, 0.5)) * self.rate as f32 / self.points as f32;
        Peak {
            hertz,
            share: around / total,
        }
    }

    /// A radix-2 transform in place.
    fn transform(&mut self) {
        let bits = self.points.trailing_zeros();
        for at in 0..self.points {
            let mirrored = at.reverse_bits() >> (usize::BITS - bits);
            if mirrored > at {
                self.real.swap(at, mirrored);
                self.imaginary.swap(at, mirrored);
            }
        }
        let mut half = 1;
        while half < self.points {
            let stride = self.points / (2 * half);
            for block in (0..self.points).step_by(2 * half) {
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
        let mut spectrum = Spectrum::new(8_000, 320);
        for hertz in [100.0, 350.0, 440.0, 697.0, 1_000.0, 1_633.0, 3_400.0] {
            let peak = spectrum.peak(&sine(hertz, 0.3));
            assert!((peak.hertz - hertz).abs() < 4.0, "{hertz}: {peak:?}");
            assert!(peak.share > 0.95, "{hertz}: {peak:?}");
        }
    }

    #[test]
    fn a_wide_tone_is_found_where_a_telephone_has_nothing() {
        let mut spectrum = Spectrum::new(16_000, 640);
        for hertz in [200.0, 3_900.0, 5_500.0, 7_000.0] {
            let samples: Vec<i16> = (0..640)
                .map(|n| (9_000.0 * (2.0 * PI * hertz * n as f32 / 16_000.0).sin()) as i16)
                .collect();
            let peak = spectrum.peak(&samples);
            assert!((peak.hertz - hertz).abs() < 4.0, "{hertz}: {peak:?}");
            assert!(peak.share > 0.95, "{hertz}: {peak:?}");
        }
    }

    #[test]
    fn two_tones_and_noise_stand_less_alone() {
        let mut spectrum = Spectrum::new(8_000, 320);
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
