//! Sounds, made here or spoken by eSpeak NG where it is installed.

use super::*;
use crate::Audio;

fn sine(hertz: &[f64], seconds: f64, level: f64) -> Vec<i16> {
    let length = (seconds * f64::from(RATE)) as usize;
    let at =
        |n: usize, hertz: f64| (std::f64::consts::TAU * hertz * n as f64 / f64::from(RATE)).sin();
    let sum = |n| hertz.iter().map(|hertz| at(n, *hertz)).sum::<f64>();
    (0..length)
        .map(|n| (sum(n) / hertz.len() as f64 * level * 32_767.0) as i16)
        .collect()
}

/// The same noise each time.
fn noise(seconds: f64, level: f64) -> Vec<i16> {
    let mut state = 1_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as f64 / f64::from(1_u32 << 31) * 2.0 - 1.0
    };
    let length = (seconds * f64::from(RATE)) as usize;
    (0..length)
        .map(|_| (next() * level * 32_767.0) as i16)
        .collect()
}

fn noticed(sound: &[i16]) -> Vec<Sound> {
    let mut ear = Ear::default();
    let mut all = Vec::new();
    // In pieces of another size than a window.
    for piece in sound.chunks(320) {
        ear.hear(piece, |sound| all.push(sound));
    }
    all
}

#[test]
fn tones_noise_and_silence_are_nobody_speaking() {
    for sound in [
        vec![0; RATE as usize * 3],
        sine(&[440.0], 3.0, 0.5),
        // Dial tones of two countries, and a key.
        sine(&[350.0, 440.0], 3.0, 0.4),
        sine(&[425.0], 3.0, 0.4),
        sine(&[770.0, 1336.0], 3.0, 0.4),
        noise(3.0, 0.3),
        noise(3.0, 0.005),
    ] {
        let quiet = noise(1.0, 0.001);
        assert_eq!(noticed(&[quiet, sound].concat()), []);
    }
}

/// Speech as a program makes it, if it is there: at 16 kHz.
fn spoken(words: &str) -> Option<Vec<i16>> {
    let output = std::process::Command::new("espeak-ng")
        .args(["-v", "en-us", "--stdout", words])
        .output()
        .ok()?;
    let audio = Audio::from_wav(&output.stdout)?;
    let step = f64::from(audio.rate) / f64::from(RATE);
    let length = (audio.samples.len() as f64 / step) as usize;
    Some(
        (0..length)
            .map(|n| audio.samples[(n as f64 * step) as usize])
            .collect(),
    )
}

#[test]
fn two_sentences_with_a_pause_are_two_utterances() {
    let Some(words) = spoken("yes please, that is what I want") else {
        eprintln_skipped();
        return;
    };
    let pause = noise(1.5, 0.001);
    let sound = [&pause[..], &words, &pause, &words, &pause].concat();
    let all = noticed(&sound);
    let bounds = all.iter().filter(|sound| !matches!(sound, Sound::Said(_)));
    let bounds: Vec<&Sound> = bounds.collect();
    let one = [&Sound::Began, &Sound::Ended];
    assert_eq!(bounds, [one, one].concat());
    let pieces: Vec<usize> = all
        .iter()
        .take_while(|sound| **sound != Sound::Ended)
        .filter_map(|sound| match sound {
            Sound::Said(samples) => Some(samples.len()),
            _ => None,
        })
        .collect();
    // Told while it is being said, not at its end.
    assert!(
        pieces[1..pieces.len() - 1]
            .iter()
            .all(|piece| (1_600..1_900).contains(piece)),
        "{pieces:?}"
    );
    // All of it and what was kept from before, and not much more.
    let spoken = words.len() as f64 / f64::from(RATE);
    let length = pieces.iter().sum::<usize>() as f64 / f64::from(RATE);
    assert!(
        (spoken - 0.3..spoken + 1.2).contains(&length),
        "{length} {spoken}"
    );
}

#[allow(clippy::print_stderr)]
fn eprintln_skipped() {
    eprintln!("espeak-ng is not installed: not tested with speech");
}

#[test]
fn somebody_who_never_stops_is_taken_in_pieces() {
    let Some(words) = spoken("one two three four five six seven eight nine ten and so on") else {
        eprintln_skipped();
        return;
    };
    let long: Vec<i16> = words
        .iter()
        .copied()
        .cycle()
        .take(RATE as usize * 45)
        .collect();
    let all = noticed(&[noise(1.0, 0.001), long].concat());
    let ended = all.iter().filter(|sound| **sound == Sound::Ended);
    assert!(ended.count() >= 2);
}
