//! Keys as they sound (ITU-T Q.23), for a peer that has not agreed to hear of them beside the audio.

use std::f32::consts::PI;

use offhook_terms::Tone;

use crate::TICK_SAMPLES;
use crate::tones::Press;

/// Of each row of the keypad.
pub(crate) const LOW_HERTZ: [f32; 4] = [697.0, 770.0, 852.0, 941.0];

/// Of each column.
pub(crate) const HIGH_HERTZ: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];

/// −9 and −7 dBm0, what telephones are set to: lines weaken the higher tone more.
const LOW_PEAK: f32 = 32_767.0 * 0.25;
const HIGH_PEAK: f32 = 32_767.0 * 0.31;

/// A tone that starts at once clicks: four milliseconds, of a second.
const FADE_PARTS: usize = 250;

/// Twenty milliseconds of a press, at the rate that the length of `out` is of. Continues where the
/// tick before ended.
pub(crate) fn sound(press: Press, out: &mut [i16]) {
    if !press.is_down() {
        out.fill(0);
        return;
    }
    let (low, high) = frequencies(press.tone);
    let rate = out.len() * 50;
    let fade = rate / FADE_PARTS;
    let first = press.tick as usize * out.len();
    let last = press.ticks as usize * out.len();
    for (n, sample) in (first..).zip(out.iter_mut()) {
        // The phase in turns first: a float has too few digits for the angle of a long press.
        let angle = |hertz: f32| {
            let turns = (n as u64 * hertz as u64) % rate as u64;
            2.0 * PI * turns as f32 / rate as f32
        };
        let envelope = (n.min(last - 1 - n) as f32 / fade as f32).min(1.0);
        let sum = LOW_PEAK * angle(low).sin() + HIGH_PEAK * angle(high).sin();
        *sample = (envelope * sum) as i16;
    }
}

const KEYPAD: [&[u8; 4]; 4] = [b"123A", b"456B", b"789C", b"*0#D"];

/// The key in a row and a column.
pub(crate) fn tone_at(row: usize, column: usize) -> Option<Tone> {
    let key = KEYPAD.get(row)?.get(column)?;
    Tone::from_symbol(char::from(*key))
}

fn frequencies(tone: Tone) -> (f32, f32) {
    let symbol = tone.symbol();
    for (row, low) in KEYPAD.iter().zip(LOW_HERTZ) {
        for (key, high) in row.iter().zip(HIGH_HERTZ) {
            if char::from(*key) == symbol {
                return (low, high);
            }
        }
    }
    unreachable!("every tone is on the keypad")
}

const _: () = assert!(TICK_SAMPLES == 160);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spectrum::level;

    fn press(symbol: char, ticks: u32, samples: usize) -> Vec<i16> {
        let tone = Tone::from_symbol(symbol).unwrap();
        let mut all = Vec::new();
        for tick in 0..ticks + 2 {
            let mut out = vec![0; samples];
            sound(Press { tone, tick, ticks }, &mut out);
            all.extend(out);
        }
        all
    }

    #[test]
    fn every_key_is_its_two_frequencies_and_no_other() {
        for (rate, samples) in [(8_000.0, 160), (16_000.0, 320)] {
            for symbol in "0123456789*#ABCD".chars() {
                let tone = Tone::from_symbol(symbol).unwrap();
                let (low, high) = frequencies(tone);
                let sound = press(symbol, 5, samples);
                let sound = &sound[..5 * samples];
                for hertz in LOW_HERTZ.into_iter().chain(HIGH_HERTZ) {
                    let db = level(sound, f64::from(hertz), rate);
                    if hertz == low || hertz == high {
                        assert!((-14.0..=-9.0).contains(&db), "{symbol} {hertz}: {db:.1}");
                    } else {
                        assert!(db < -28.0, "{symbol} {hertz}: {db:.1}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_press_has_quiet_ends_and_no_seam() {
        let sound = press('8', 4, 160);
        assert!(sound[0].abs() < 50 && sound[4 * 160 - 1].abs() < 50);
        assert!(sound[4 * 160..].iter().all(|sample| *sample == 0));
        // At 1,336 Hz and these levels no step of an unbroken tone is larger.
        let step = |pair: &[i16]| i32::from(pair[0]).abs_diff(i32::from(pair[1]));
        let largest = sound.windows(2).map(step).max().unwrap();
        assert!(largest < 16_500, "{largest}");
    }
}
