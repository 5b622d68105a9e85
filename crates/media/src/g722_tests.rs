use super::*;
use proptest::prelude::*;
use std::f64::consts::PI;

fn sine(hertz: f64, level: f64, seconds: f64) -> Vec<i16> {
    (0..(seconds * 16_000.0) as usize)
        .map(|n| (32_767.0 * level * (2.0 * PI * hertz * n as f64 / 16_000.0).sin()) as i16)
        .collect()
}

fn encoded(samples: &[i16]) -> Vec<u8> {
    let mut bytes = vec![0; samples.len() / 2];
    Encoder::default().encode(samples, &mut bytes);
    bytes
}

fn decoded(bytes: &[u8]) -> Vec<i16> {
    let mut samples = vec![0; 2 * bytes.len()];
    Decoder::default().decode(bytes, &mut samples);
    samples
}

/// The other implementation passes the test sequences of the standard's appendix II.
fn agrees_with_another(samples: &[i16]) {
    let ours = encoded(samples);
    assert_eq!(ours, sipx_audio::g722::Encoder::new().encode(samples));
    assert_eq!(
        decoded(&ours),
        sipx_audio::g722::Decoder::new().decode(&ours)
    );
}

#[test]
fn tones_steps_and_silence_are_coded_as_the_standard_has_it() {
    for hertz in [50.0, 440.0, 1_000.0, 3_900.0, 4_100.0, 5_500.0, 7_900.0] {
        for level in [0.001, 0.1, 0.9, 1.0] {
            agrees_with_another(&sine(hertz, level, 0.5));
        }
    }
    agrees_with_another(&[0; 8_000]);
    let square: Vec<i16> = (0..8_000)
        .map(|n| if n % 40 < 20 { i16::MAX } else { i16::MIN })
        .collect();
    agrees_with_another(&square);
}

proptest! {
    #[test]
    fn any_samples_are_coded_as_the_standard_has_it(samples in proptest::collection::vec(any::<i16>(), 0..2_000)) {
        agrees_with_another(&samples[..samples.len() / 2 * 2]);
    }

    #[test]
    fn any_bytes_are_decoded_as_the_standard_has_it(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        prop_assert_eq!(decoded(&bytes), sipx_audio::g722::Decoder::new().decode(&bytes));
    }
}

/// The two filters are 22 samples late together.
fn above_the_noise(sent: &[i16], heard: &[i16]) -> f64 {
    let (mut signal, mut noise) = (0.0, 0.0);
    for (sent, heard) in sent.iter().zip(&heard[22..]) {
        signal += f64::from(*sent).powi(2);
        noise += (f64::from(*sent) - f64::from(*heard)).powi(2);
    }
    10.0 * (signal / noise).log10()
}

#[test]
fn both_bands_come_back_well_above_the_noise() {
    for (hertz, least_db) in [
        (300.0, 30.0),
        (1_000.0, 30.0),
        (3_400.0, 25.0),
        (5_500.0, 12.0),
    ] {
        let samples = sine(hertz, 0.3, 1.0);
        let back = decoded(&encoded(&samples));
        let db = above_the_noise(&samples[4_000..], &back[4_000..]);
        assert!(db > least_db, "{hertz} Hz: {db:.1} dB");
    }
}

#[test]
fn silence_settles_and_stays_silent() {
    let mut encoder = Encoder::default();
    let mut decoder = Decoder::default();
    let loud = sine(700.0, 0.8, 1.0);
    let mut bytes = vec![0; loud.len() / 2];
    encoder.encode(&loud, &mut bytes);
    let mut samples = vec![0; loud.len()];
    decoder.decode(&bytes, &mut samples);
    // The level takes a while to come down; a phone hears that as it would any pause.
    for _ in 0..5 {
        let mut bytes = [0; 160];
        encoder.encode(&[0; 320], &mut bytes);
        decoder.decode(&bytes, &mut samples[..320]);
    }
    let peak = |samples: &[i16]| samples.iter().map(|s| s.unsigned_abs()).max();
    for _ in 0..1_000 {
        decoder.decode(&[SILENCE; 160], &mut samples[..320]);
        assert!(
            peak(&samples[..320]) < Some(64),
            "{:?}",
            peak(&samples[..320])
        );
    }
    // Both sides find together again.
    encoder.encode(&loud, &mut bytes);
    decoder.decode(&bytes, &mut samples);
    let db = above_the_noise(&loud[8_000..], &samples[8_000..]);
    assert!(db > 25.0, "{db:.1} dB");
}
