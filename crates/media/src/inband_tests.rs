use super::*;
use crate::g711::Law;

struct Chance(u64);

impl Chance {
    /// From −1 to 1.
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64 * 2.0 - 1.0
    }
}

const KEYS: &str = "123A456B789C*0#D";

fn frequencies(key: char) -> (f64, f64) {
    let at = KEYS.find(key).unwrap();
    (f64::from(LOW_HERTZ[at / 4]), f64::from(HIGH_HERTZ[at % 4]))
}

/// A press between silences: each frequency's level in dBFS (of a sine), how long, and how much noise.
struct Press {
    low_dbfs: f64,
    high_dbfs: f64,
    milliseconds: f64,
    /// The noise's level in dB below the two frequencies together; none when infinite.
    snr: f64,
    off_by: f64,
}

const PLAIN: Press = Press {
    low_dbfs: -13.0,
    high_dbfs: -13.0,
    milliseconds: 60.0,
    snr: f64::INFINITY,
    off_by: 1.0,
};

fn line(keys: &str, press: &Press, chance: &mut Chance) -> Vec<f64> {
    let peak = |dbfs: f64| 32_767.0 * 10_f64.powf(dbfs / 20.0);
    let (low_peak, high_peak) = (peak(press.low_dbfs), peak(press.high_dbfs));
    let power = (low_peak * low_peak + high_peak * high_peak) / 2.0;
    // A uniform distribution of ±1 has a power of a third.
    let noise = (power / 10_f64.powf(press.snr / 10.0) * 3.0).sqrt();
    let mut line = vec![0.0; 400];
    for key in keys.chars() {
        let (low, high) = frequencies(key);
        // Wherever blocks begin.
        let gap = 480 + ((chance.next() + 1.0) * 80.0) as usize;
        line.extend(std::iter::repeat_n(0.0, gap));
        let angle = std::f64::consts::TAU * press.off_by / 8_000.0;
        line.extend((0..(press.milliseconds * 8.0) as usize).map(|n| {
            let n = n as f64;
            low_peak * (angle * low * n).sin() + high_peak * (angle * high * n).sin()
        }));
    }
    line.extend(std::iter::repeat_n(0.0, 800));
    line.iter_mut()
        .for_each(|sample| *sample += noise * chance.next());
    line
}

fn heard(line: &[f64]) -> String {
    let mut detector = KeyDetector::default();
    line.as_chunks::<TICK_SAMPLES>()
        .0
        .iter()
        .filter_map(|tick| {
            let samples = tick.map(|s| s.round().clamp(-32_768.0, 32_767.0) as i16);
            let (mut bytes, mut frame) = ([0; TICK_SAMPLES], [0; TICK_SAMPLES]);
            Law::A.encode(&samples, &mut bytes);
            Law::A.decode(&bytes, &mut frame);
            detector.frame(&frame).map(Tone::symbol)
        })
        .collect()
}

#[test]
fn every_press_is_heard_once_at_every_level() {
    let mut chance = Chance(7);
    let keys = KEYS.repeat(4);
    for total_dbfs in [-3.0, -6.0, -10.0, -16.0, -20.0, -25.0, -30.0] {
        // Two sines that are together as loud as one of this level.
        let each = total_dbfs - 3.0;
        for milliseconds in [40.0, 50.0, 100.0, 400.0] {
            let press = Press {
                low_dbfs: each,
                high_dbfs: each,
                milliseconds,
                ..PLAIN
            };
            let line = line(&keys, &press, &mut chance);
            assert_eq!(heard(&line), keys, "{total_dbfs} dBFS, {milliseconds} ms");
        }
    }
}

#[test]
fn lines_that_weaken_one_frequency_and_telephones_that_are_off_are_heard() {
    let mut chance = Chance(11);
    for (low_dbfs, high_dbfs, off) in [
        (-10.0, -14.0, 0.005),
        (-10.0, -17.0, 0.005),
        (-13.0, -13.0, 0.005),
        (-12.0, -10.0, 0.005),
    ] {
        for off_by in [1.0 - off, 1.0, 1.0 + off] {
            let press = Press {
                low_dbfs,
                high_dbfs,
                off_by,
                ..PLAIN
            };
            let line = line(KEYS, &press, &mut chance);
            assert_eq!(heard(&line), KEYS, "{low_dbfs} {high_dbfs} {off_by}");
        }
    }
    for (low_dbfs, high_dbfs) in [(-6.0, -22.0), (-22.0, -6.0), (-6.0, -60.0)] {
        let press = Press {
            low_dbfs,
            high_dbfs,
            ..PLAIN
        };
        assert_eq!(heard(&line(KEYS, &press, &mut chance)), "");
    }
}

#[test]
fn a_noisy_line_is_heard_through() {
    let mut chance = Chance(13);
    let keys = KEYS.repeat(20);
    for snr in [30.0, 20.0, 15.0] {
        let press = Press { snr, ..PLAIN };
        assert_eq!(heard(&line(&keys, &press, &mut chance)), keys, "{snr} dB");
    }
}

#[test]
fn what_is_too_short_is_no_press() {
    let mut chance = Chance(17);
    for milliseconds in [5.0, 10.0, 15.0, 20.0] {
        let press = Press {
            milliseconds,
            ..PLAIN
        };
        let line = line(&KEYS.repeat(10), &press, &mut chance);
        assert_eq!(heard(&line), "", "{milliseconds} ms");
    }
}

#[test]
fn a_dropout_in_a_press_does_not_make_two_of_it() {
    let mut chance = Chance(19);
    let press = Press {
        milliseconds: 200.0,
        ..PLAIN
    };
    let mut line = line("5", &press, &mut chance);
    let begins = line.iter().position(|sample| *sample != 0.0).unwrap();
    line[begins + 800..begins + 860].fill(0.0);
    assert_eq!(heard(&line), "5");
}

/// A buzz with formants that move, words and pauses, breath; half an hour of it.
#[test]
fn speech_is_not_taken_for_keys() {
    let mut chance = Chance(23);
    let mut keys = String::new();
    let mut formants = [(0.0, 0.0); 3];
    for talker in 0..18 {
        let mut speech = Vec::with_capacity(100 * 8_000);
        let base = 85.0 + 12.0 * f64::from(talker);
        let (mut phase, mut word, mut pitch, mut loud) = (0.0_f64, 0, base, 0.0);
        let mut hertz = [500.0, 1_500.0, 2_500.0];
        while speech.len() < 100 * 8_000 {
            if word == 0 {
                // The next sound: other vowels, sometimes none.
                word = 400 + ((chance.next() + 1.0) * 900.0) as usize;
                pitch = base * (1.0 + 0.2 * chance.next());
                loud = if chance.next() > -0.6 { 6_000.0 } else { 0.0 };
                hertz = [
                    500.0 + 250.0 * chance.next(),
                    1_450.0 + 650.0 * chance.next(),
                    2_500.0 + 400.0 * chance.next(),
                ];
            }
            word -= 1;
            phase += pitch / 8_000.0;
            let buzz = if phase >= 1.0 { 1.0 } else { 0.0 };
            phase %= 1.0;
            let source = buzz + 0.02 * chance.next();
            let mut sum = 0.0;
            for (((one, two), hertz), gain) in formants.iter_mut().zip(hertz).zip([1.0, 0.6, 0.3]) {
                let narrow: f64 = 0.97;
                let turn = (std::f64::consts::TAU * hertz / 8_000.0).cos();
                let next = source + 2.0 * narrow * turn * *one - narrow * narrow * *two;
                *two = *one;
                *one = next;
                sum += gain * next;
            }
            speech.push(loud * sum * 0.2);
        }
        keys.push_str(&heard(&speech));
    }
    assert_eq!(keys, "");
}

#[test]
fn music_and_single_tones_are_not_taken_for_keys() {
    let mut chance = Chance(29);
    let mut line = Vec::new();
    for n in 0..4_000 {
        // Chords of three notes and their overtones, 250 ms each.
        let root = 220.0 * 2_f64.powf(f64::from(n % 24) / 12.0);
        let hertz = [root, root * 1.26, root * 1.498];
        line.extend((0..2_000).map(|at| {
            let t = f64::from(at) / 8_000.0;
            let note = |h: f64| {
                let w = std::f64::consts::TAU * h * t;
                w.sin() + 0.5 * (2.0 * w).sin() + 0.3 * (3.0 * w).sin()
            };
            2_500.0 * hertz.into_iter().map(note).sum::<f64>() + 30.0 * chance.next()
        }));
    }
    for hertz in LOW_HERTZ
        .into_iter()
        .chain(HIGH_HERTZ)
        .chain([350.0, 440.0, 480.0])
    {
        line.extend((0..8_000).map(|n| {
            10_000.0 * (std::f64::consts::TAU * f64::from(hertz) * f64::from(n) / 8_000.0).sin()
        }));
    }
    assert_eq!(heard(&line), "");
}
