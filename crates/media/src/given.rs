//! What a room gives a port to say, until a packet of it is due.
//!
//! A room speaks twenty milliseconds at a time, a packet holds what was agreed: ten, thirty or sixty. For
//! the laws of G.711 sound is given as it was encoded, once for all who hear it; for other codecs as
//! samples, because each stream has an encoder of its own.
//!
//! ```text
//!            owed to the peer
//!   │ ······ │ given │ given │      what was not given is silence, and comes before it
//!   └ next packet ─┘
//! ```

use crate::TICK_SAMPLES;
use crate::g711::Law;
use crate::limits::PACKET_UNITS_MAX;
use crate::rates::{Rate, WIDE_SAMPLES};

const UNITS_MAX: usize = PACKET_UNITS_MAX + TICK_SAMPLES;
const PER_UNIT: usize = Rate::Wide.per_unit();

/// A tick of sound, in the form a port takes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sound<'a> {
    /// Encoded by the port's law.
    Law(&'a [u8; TICK_SAMPLES]),
    /// For a codec of 16 kHz.
    Wide(&'a [i16; WIDE_SAMPLES]),
}

/// The newest of what is owed.
#[derive(Debug)]
pub(crate) struct Given {
    bytes: [u8; UNITS_MAX],
    samples: [i16; UNITS_MAX * PER_UNIT],
    /// In 1/8000 s, for each of which there is one byte or there are two samples.
    length: usize,
}

impl Default for Given {
    fn default() -> Self {
        Self {
            bytes: [0; UNITS_MAX],
            samples: [0; UNITS_MAX * PER_UNIT],
            length: 0,
        }
    }
}

impl Given {
    pub(crate) fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub(crate) fn clear(&mut self) {
        self.length = 0;
    }

    /// Another tick of sound, or of silence; `law` is the port's, unless its codec is wide.
    pub(crate) fn give(&mut self, sound: Option<Sound<'_>>, law: Option<Law>) {
        if sound.is_none() && self.length == 0 {
            return;
        }
        self.keep_newest(PACKET_UNITS_MAX);
        let end = self.length + TICK_SAMPLES;
        let bytes = &mut self.bytes[self.length..end];
        let samples = &mut self.samples[self.length * PER_UNIT..end * PER_UNIT];
        match sound {
            Some(Sound::Law(sound)) => bytes.copy_from_slice(sound),
            Some(Sound::Wide(sound)) => samples.copy_from_slice(sound),
            None => {
                samples.fill(0);
                if let Some(law) = law {
                    bytes.fill(law.silence());
                }
            }
        }
        self.length = end;
    }

    /// Forgets what is older than the newest `units`: it was said, or its time has passed.
    pub(crate) fn keep_newest(&mut self, units: usize) {
        if let Some(old) = self.length.checked_sub(units)
            && old > 0
        {
            self.bytes.copy_within(old..self.length, 0);
            self.samples
                .copy_within(old * PER_UNIT..self.length * PER_UNIT, 0);
            self.length -= old;
        }
    }

    /// The oldest of `owed` units, encoded by a law.
    pub(crate) fn read(&self, owed: usize, law: Law, out: &mut [u8]) {
        let silent = owed.saturating_sub(self.length).min(out.len());
        let (silence, sound) = out.split_at_mut(silent);
        silence.fill(law.silence());
        let held = sound.len().min(self.length);
        sound[..held].copy_from_slice(&self.bytes[..held]);
        sound[held..].fill(law.silence());
    }

    /// The oldest of `owed` units at 16 kHz. False when it is nothing but silence.
    pub(crate) fn read_wide(&self, owed: usize, out: &mut [i16]) -> bool {
        let silent = (owed.saturating_sub(self.length) * PER_UNIT).min(out.len());
        let (silence, sound) = out.split_at_mut(silent);
        silence.fill(0);
        let held = sound.len().min(self.length * PER_UNIT);
        sound[..held].copy_from_slice(&self.samples[..held]);
        sound[held..].fill(0);
        sound[..held].iter().any(|sample| *sample != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet of so many samples is read, as a port does it.
    fn packet(given: &mut Given, owed: &mut usize, samples: usize) -> Vec<u8> {
        let mut out = vec![0; samples];
        given.read(*owed, Law::Mu, &mut out);
        *owed -= samples;
        given.keep_newest(*owed);
        out
    }

    #[test]
    fn packets_of_any_length_say_what_was_given_in_its_order() {
        for samples in [80, 160, 240, 480] {
            let (mut given, mut owed, mut said) = (Given::default(), 0, Vec::new());
            for n in 1..=12 {
                owed += TICK_SAMPLES;
                given.give(Some(Sound::Law(&[n; TICK_SAMPLES])), Some(Law::Mu));
                while owed >= samples {
                    said.extend(packet(&mut given, &mut owed, samples));
                }
            }
            let expected: Vec<u8> = (1..=12).flat_map(|n| [n; TICK_SAMPLES]).collect();
            assert_eq!(said, expected, "{samples}");
        }
    }

    #[test]
    fn wide_packets_of_any_length_say_what_was_given_in_its_order() {
        for units in [80, 160, 240, 480] {
            let (mut given, mut owed, mut said) = (Given::default(), 0, Vec::new());
            for n in 1..=12_i16 {
                owed += TICK_SAMPLES;
                given.give(Some(Sound::Wide(&[n; WIDE_SAMPLES])), None);
                while owed >= units {
                    let mut out = vec![0; 2 * units];
                    assert!(given.read_wide(owed, &mut out));
                    owed -= units;
                    given.keep_newest(owed);
                    said.extend(out);
                }
            }
            let expected: Vec<i16> = (1..=12).flat_map(|n| [n; WIDE_SAMPLES]).collect();
            assert_eq!(said, expected, "{units}");
        }
        let mut out = [1; WIDE_SAMPLES];
        assert!(!Given::default().read_wide(160, &mut out));
        assert_eq!(out, [0; WIDE_SAMPLES]);
    }

    #[test]
    fn a_tick_without_sound_keeps_its_place() {
        let (mut given, mut owed) = (Given::default(), 0);
        for sound in [None, Some(1), None, Some(3)] {
            owed += TICK_SAMPLES;
            let tick = sound.map(|n| [n; TICK_SAMPLES]);
            given.give(tick.as_ref().map(Sound::Law), Some(Law::Mu));
        }
        let said = packet(&mut given, &mut owed, 640);
        for (tick, expected) in said.chunks(TICK_SAMPLES).zip([0xff, 1, 0xff, 3]) {
            assert!(tick.iter().all(|byte| *byte == expected), "{expected}");
        }
    }
}
