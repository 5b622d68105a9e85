//! What a room gives a port to say, until a packet of it is due.
//!
//! A room speaks twenty milliseconds at a time, a packet holds what was agreed: ten, thirty or sixty.
//!
//! ```text
//!            owed to the peer
//!   │ ······ │ given │ given │      what was not given is silence, and comes before it
//!   └ next packet ─┘
//! ```

use crate::TICK_SAMPLES;
use crate::codec::Codec;
use crate::limits::PACKET_SAMPLES_MAX;

/// The newest of what is owed, encoded.
#[derive(Debug)]
pub(crate) struct Given {
    bytes: [u8; PACKET_SAMPLES_MAX + TICK_SAMPLES],
    length: usize,
}

impl Default for Given {
    fn default() -> Self {
        Self {
            bytes: [0; PACKET_SAMPLES_MAX + TICK_SAMPLES],
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

    /// Another tick of sound, or of silence.
    pub(crate) fn give(&mut self, sound: Option<&[u8; TICK_SAMPLES]>, codec: Codec) {
        if sound.is_none() && self.length == 0 {
            return;
        }
        self.keep_newest(PACKET_SAMPLES_MAX);
        let tick = &mut self.bytes[self.length..self.length + TICK_SAMPLES];
        match sound {
            Some(sound) => tick.copy_from_slice(sound),
            None => tick.fill(codec.silence()),
        }
        self.length += TICK_SAMPLES;
    }

    /// Forgets what is older than the newest `samples`: it was said, or its time has passed.
    pub(crate) fn keep_newest(&mut self, samples: usize) {
        if let Some(old) = self.length.checked_sub(samples)
            && old > 0
        {
            self.bytes.copy_within(old..self.length, 0);
            self.length -= old;
        }
    }

    /// The oldest of `owed` samples.
    pub(crate) fn read(&self, owed: usize, codec: Codec, out: &mut [u8]) {
        let silent = owed.saturating_sub(self.length).min(out.len());
        let (silence, sound) = out.split_at_mut(silent);
        silence.fill(codec.silence());
        let held = sound.len().min(self.length);
        sound[..held].copy_from_slice(&self.bytes[..held]);
        sound[held..].fill(codec.silence());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet of so many samples is read, as a port does it.
    fn packet(given: &mut Given, owed: &mut usize, samples: usize) -> Vec<u8> {
        let mut out = vec![0; samples];
        given.read(*owed, Codec::Pcmu, &mut out);
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
                given.give(Some(&[n; TICK_SAMPLES]), Codec::Pcmu);
                while owed >= samples {
                    said.extend(packet(&mut given, &mut owed, samples));
                }
            }
            let expected: Vec<u8> = (1..=12).flat_map(|n| [n; TICK_SAMPLES]).collect();
            assert_eq!(said, expected, "{samples}");
        }
    }

    #[test]
    fn a_tick_without_sound_keeps_its_place() {
        let (mut given, mut owed) = (Given::default(), 0);
        for sound in [None, Some(1), None, Some(3)] {
            owed += TICK_SAMPLES;
            let tick = sound.map(|n| [n; TICK_SAMPLES]);
            given.give(tick.as_ref(), Codec::Pcmu);
        }
        let said = packet(&mut given, &mut owed, 640);
        for (tick, expected) in said.chunks(TICK_SAMPLES).zip([0xff, 1, 0xff, 3]) {
            assert!(tick.iter().all(|byte| *byte == expected), "{expected}");
        }
    }
}
