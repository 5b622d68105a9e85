use super::*;
use crate::g711::Law;
use std::f64::consts::PI;

struct Chance(u64);

impl Chance {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64 * 2.0 - 1.0
    }
}

/// RMS amplitude of a level.
fn amplitude(dbfs: f64) -> f64 {
    32_768.0 * 10_f64.powf(dbfs / 20.0)
}

fn noise(seconds: f64, dbfs: f64) -> Vec<f64> {
    let mut chance = Chance(42);
    // A uniform distribution of ±1 has an RMS of 1/√3.
    (0..(seconds * 8_000.0) as usize)
        .map(|_| chance.next() * 3_f64.sqrt() * amplitude(dbfs))
        .collect()
}

/// Low-passed noise, like traffic or a fan.
fn rumble(seconds: f64, dbfs: f64) -> Vec<f64> {
    let mut low = 0.0;
    let mut all: Vec<f64> = noise(seconds, 0.0)
        .iter()
        .map(|s| {
            low += 0.2 * (s - low);
            low
        })
        .collect();
    let rms = (all.iter().map(|s| s * s).sum::<f64>() / all.len() as f64).sqrt();
    all.iter_mut().for_each(|s| *s *= amplitude(dbfs) / rms);
    all
}

fn chord(hertz: &[f64], seconds: f64, dbfs: f64) -> Vec<f64> {
    let each = amplitude(dbfs) * 2_f64.sqrt() / (hertz.len() as f64).sqrt();
    (0..(seconds * 8_000.0) as usize)
        .map(|n| {
            hertz
                .iter()
                .map(|f| each * (2.0 * PI * f * n as f64 / 8_000.0).sin())
                .sum()
        })
        .collect()
}

/// Words of 300 ms with pauses of 150 ms: a buzz of 120 Hz and its overtones, with a bit of noise.
fn speech(seconds: f64, dbfs: f64) -> Vec<f64> {
    let voiced = chord(
        &[120.0, 240.0, 360.0, 600.0, 1_200.0, 2_400.0],
        seconds,
        dbfs,
    );
    let hiss = noise(seconds, dbfs - 15.0);
    voiced
        .iter()
        .zip(&hiss)
        .enumerate()
        .map(|(n, (v, h))| {
            let at = n % 3_600;
            let envelope = if at < 2_400 {
                (PI * at as f64 / 2_400.0).sin()
            } else {
                0.0
            };
            (v + h) * envelope
        })
        .collect()
}

fn add(mut a: Vec<f64>, b: &[f64]) -> Vec<f64> {
    a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
    a
}

/// The verdict of every frame, through the codec as a call would bring it.
fn verdicts(samples: &[f64]) -> Vec<Verdict> {
    let mut detector = SoundDetector::default();
    samples
        .chunks_exact(TICK_SAMPLES)
        .map(|chunk| {
            let mut frame = [0_i16; TICK_SAMPLES];
            for (to, from) in frame.iter_mut().zip(chunk) {
                *to = from.round().clamp(-32_768.0, 32_767.0) as i16;
            }
            let mut bytes = [0; TICK_SAMPLES];
            Law::A.encode(&frame, &mut bytes);
            Law::A.decode(&bytes, &mut frame);
            detector.frame(&Frame::narrow(&frame))
        })
        .collect()
}

fn sound(verdicts: &[Verdict]) -> usize {
    verdicts.iter().filter(|v| **v == Verdict::Sound).count()
}

#[test]
fn silence_and_a_quiet_line_are_silence() {
    for level in [-100.0, -70.0, -60.0, -50.0, -45.0, -40.0, -37.0] {
        for samples in [noise(10.0, level), rumble(10.0, level)] {
            let verdicts = verdicts(&samples);
            assert_eq!(sound(&verdicts), 0, "{level} dBFS");
            assert_eq!(
                verdicts[OPENING..],
                vec![
                    Verdict::Silence {
                        frames_since_sound: None
                    };
                    500 - OPENING
                ]
            );
        }
    }
}

#[test]
fn a_steady_tone_is_sound_all_the_time() {
    for hertz in [100.0, 350.0, 440.0, 1_000.0, 2_600.0, 3_300.0] {
        for level in [-10.0, -30.0, -45.0] {
            let verdicts = verdicts(&chord(&[hertz], 10.0, level));
            assert_eq!(
                sound(&verdicts[OPENING - 1..]),
                500 - OPENING + 1,
                "{hertz} Hz {level} dBFS"
            );
        }
    }
}

#[test]
fn music_is_sound_all_the_time() {
    for hertz in [
        &[350.0, 440.0][..],
        &[261.6, 329.6, 392.0],
        &[220.0, 277.2, 329.6, 415.3],
    ] {
        for level in [-12.0, -30.0, -40.0] {
            let music = verdicts(&chord(hertz, 10.0, level));
            assert_eq!(
                sound(&music[OPENING - 1..]),
                500 - OPENING + 1,
                "{hertz:?} {level}"
            );
            let noisy = verdicts(&add(chord(hertz, 10.0, level), &noise(10.0, level - 20.0)));
            assert_eq!(
                sound(&noisy[OPENING - 1..]),
                500 - OPENING + 1,
                "{hertz:?} {level} in noise"
            );
        }
    }
}

#[test]
fn a_tone_that_begins_later_is_sound_until_it_ends() {
    let mut samples = noise(2.0, -55.0);
    samples.extend(chord(&[440.0], 10.0, -25.0));
    samples.extend(noise(3.0, -55.0));
    let verdicts = verdicts(&samples);
    assert_eq!(sound(&verdicts[..100]), 0);
    assert_eq!(sound(&verdicts[104..600]), 496);
    assert_eq!(
        verdicts[749],
        Verdict::Silence {
            frames_since_sound: Some(148)
        }
    );
}

#[test]
fn a_noise_that_was_not_there_at_first_stays_sound() {
    let mut samples = noise(2.0, -60.0);
    samples.extend(noise(10.0, -40.0));
    assert_eq!(sound(&verdicts(&samples)[104..]), 496);
}

#[test]
fn speech_over_background_is_heard_and_its_end_is_too() {
    for background in [-60.0, -50.0, -42.0] {
        let mut samples = noise(1.0, background);
        samples.extend(add(speech(4.0, -22.0), &noise(4.0, background)));
        samples.extend(noise(5.0, background));
        let verdicts = verdicts(&samples);
        assert_eq!(sound(&verdicts[..50]), 0, "{background}");
        // No pause of the speech is longer than a fifth of a second.
        let longest = verdicts[54..250]
            .iter()
            .map(|v| match v {
                Verdict::Silence {
                    frames_since_sound: Some(frames),
                } => *frames,
                _ => 0,
            })
            .max()
            .unwrap();
        assert!(longest <= 15, "{background}: {longest}");
        let Verdict::Silence {
            frames_since_sound: Some(last),
        } = verdicts[499]
        else {
            panic!("{background}")
        };
        assert!((245..=262).contains(&last), "{background}: {last}");
    }
}

#[test]
fn speech_from_the_first_moment_is_heard_and_its_end_is_too() {
    for background in [-100.0, -50.0, -45.0] {
        let mut samples = add(speech(3.0, -20.0), &noise(3.0, background));
        samples.extend(noise(5.0, background));
        let verdicts = verdicts(&samples);
        assert!(
            sound(&verdicts[OPENING - 1..OPENING + 20]) > 5,
            "{background}"
        );
        let Verdict::Silence {
            frames_since_sound: Some(last),
        } = verdicts[399]
        else {
            panic!("{background}")
        };
        assert!((240..=265).contains(&last), "{background}: {last}");
    }
}

#[test]
fn one_short_word_at_the_beginning_is_a_word() {
    let mut samples = speech(0.3, -20.0);
    samples.extend(noise(3.0, -60.0));
    let verdicts = verdicts(&samples);
    assert!(matches!(
        verdicts[100],
        Verdict::Silence {
            frames_since_sound: Some(_)
        }
    ));
}

#[test]
fn clicks_are_not_speech() {
    let mut samples = noise(5.0, -60.0);
    for n in (0..samples.len()).step_by(4_000) {
        samples[n] = 20_000.0;
    }
    assert_eq!(sound(&verdicts(&samples)), 0);
}

#[test]
fn gaps_and_mutes_do_not_turn_background_into_sound() {
    for level in [-50.0, -45.0, -40.0] {
        // Nothing at first, and for a second in the middle; every tenth frame fades or is lost.
        let mut samples = vec![0.0; 10 * TICK_SAMPLES];
        samples.extend(noise(12.0, level));
        samples[40_000..48_000].fill(0.0);
        for lost in samples.chunks_exact_mut(TICK_SAMPLES).skip(5).step_by(20) {
            lost.fill(0.0);
        }
        for fading in samples.chunks_exact_mut(TICK_SAMPLES).skip(6).step_by(20) {
            fading.iter_mut().for_each(|sample| *sample /= 4.0);
        }
        assert_eq!(sound(&verdicts(&samples)), 0, "{level}");
    }
}

#[test]
fn a_voice_after_nothing_is_heard() {
    let mut samples = vec![0.0; 3 * 8_000];
    samples.extend(speech(2.0, -25.0));
    samples.extend(vec![0.0; 8_000]);
    let verdicts = verdicts(&samples);
    assert_eq!(sound(&verdicts[..150]), 0);
    assert!(sound(&verdicts[150 + OPENING..250]) > 40);
}
