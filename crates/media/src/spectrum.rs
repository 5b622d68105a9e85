//! For tests: how strong one frequency is in a piece of audio.

use std::f64::consts::PI;

/// The level of a frequency in decibels below a sine of full scale. Measured under a window, so that
/// a sine beside it does not count: two of them 60 Hz apart are told apart in 100 ms.
pub(crate) fn level(samples: &[i16], hertz: f64, rate: f64) -> f64 {
    let length = samples.len() as f64;
    let (mut real, mut imaginary, mut weight) = (0.0, 0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let window = 0.5 - 0.5 * (2.0 * PI * (n as f64 + 0.5) / length).cos();
        let angle = 2.0 * PI * hertz * n as f64 / rate;
        real += window * f64::from(*sample) * angle.cos();
        imaginary += window * f64::from(*sample) * angle.sin();
        weight += window;
    }
    let peak = 2.0 * real.hypot(imaginary) / weight.max(1.0);
    20.0 * (peak / 32_767.0 + 1e-9).log10()
}
