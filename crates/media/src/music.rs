//! What is heard where nobody speaks: ringing, and music for those who wait. Made here, so that the
//! platform has something to play before anybody has recorded anything.

use std::f64::consts::TAU;

use crate::clip::Clip;
use crate::wav::Samples;

const RATE: u32 = 16_000;

impl Clip {
    /// One round of the ringing tone a caller hears, to be repeated: 425 Hz, one second in five
    /// (ITU-T E.180, as most of Europe has it).
    pub fn ringback() -> Self {
        let mut samples = vec![0; 5 * RATE as usize];
        let rings = RATE as usize;
        for (n, sample) in samples[..rings].iter_mut().enumerate() {
            let fade = (n.min(rings - 1 - n) as f64 / 80.0).min(1.0);
            let angle = TAU * 425.0 * n as f64 / f64::from(RATE);
            *sample = (32_767.0 * 0.1 * fade * angle.sin()) as i16;
        }
        Self::from_samples(&Samples {
            rate: RATE,
            samples,
        })
    }

    /// Music for those who wait, to be repeated: plucked notes over four chords, 16 seconds, quiet
    /// enough to be talked over by nobody.
    pub fn hold_music() -> Self {
        // Semitones above 220 Hz.
        const CHORDS: [[i32; 4]; 4] =
            [[3, 7, 10, 15], [0, 3, 7, 12], [-4, 0, 3, 8], [-2, 2, 5, 10]];
        const ORDER: [usize; 10] = [0, 1, 2, 3, 2, 1, 2, 3, 2, 1];
        const NOTE_SECONDS: f64 = 0.4;
        let notes = CHORDS.iter().flat_map(|chord| ORDER.map(|at| chord[at]));
        let note_samples = (NOTE_SECONDS * f64::from(RATE)) as usize;
        let length = CHORDS.len() * ORDER.len() * note_samples;
        let mut sum = vec![0.0_f64; length];
        for (n, semitones) in notes.enumerate() {
            let hertz = 220.0 * 2.0_f64.powf(f64::from(semitones) / 12.0);
            // Each note rings on over the next two; the last ones into the first of the next round.
            for at in 0..3 * note_samples {
                let seconds = at as f64 / f64::from(RATE);
                let fade_out = 1.0 - at as f64 / (3 * note_samples) as f64;
                let envelope = (seconds / 0.01).min(1.0) * (-3.0 * seconds).exp() * fade_out;
                let angle = TAU * hertz * seconds;
                let sound = angle.sin() + 0.3 * (2.0 * angle).sin() + 0.1 * (3.0 * angle).sin();
                sum[(n * note_samples + at) % length] += 0.12 * envelope * sound;
            }
        }
        let samples = sum.into_iter();
        let samples = samples.map(|sample| (32_767.0 * sample.clamp(-1.0, 1.0)) as i16);
        Self::from_samples(&Samples {
            rate: RATE,
            samples: samples.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::g711::Law;
    use crate::spectrum::level;

    fn samples(clip: &Clip) -> Vec<i16> {
        let bytes = clip.bytes(Law::A);
        let mut samples = vec![0; bytes.len()];
        Law::A.decode(bytes, &mut samples);
        samples
    }

    #[test]
    fn ringing_is_one_second_in_five() {
        let clip = Clip::ringback();
        assert_eq!(clip.duration(), Duration::from_secs(5));
        let samples = samples(&clip);
        assert!((level(&samples[1_000..7_000], 425.0, 8_000.0) + 20.0).abs() < 0.5);
        assert!(samples[8_000..].iter().all(|sample| sample.abs() < 16));
    }

    #[test]
    fn music_is_never_loud_never_silent_and_has_no_seam() {
        let clip = Clip::hold_music();
        assert_eq!(clip.duration(), Duration::from_secs(16));
        let samples = samples(&clip);
        for piece in samples.chunks(1_600) {
            let peak = piece.iter().map(|sample| sample.abs()).max().unwrap();
            assert!((600..16_000).contains(&peak), "{peak}");
        }
        let steps = samples.windows(2).map(|w| w[0].abs_diff(w[1]));
        let seam = samples[0].abs_diff(samples[samples.len() - 1]);
        assert!(seam <= steps.max().unwrap());
    }
}
