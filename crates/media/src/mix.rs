//! Adding up: what everybody says in a tick, and the sums of it that are heard.
//!
//! ```text
//!   said      A    B    C    D        each at its own rate, at the other one only if asked
//!             └────┴─┬──┴────┘
//!   total        A+B+C+D              once for each rate
//!                    │ − A            a talker's mix: all but itself, one subtraction
//!                    │ as it is       who says nothing hears the total, encoded once a codec
//!                    └ B + D          a group's mix, added up, and kept for the next who hears it
//! ```
//!
//! Sums have 32 bits, so that fifty talkers at full voice do not wrap around; what is too loud for 16
//! is bent, not cut.

use crate::TICK_SAMPLES;
use crate::frame::Frame;
use crate::g711::Law;
use crate::hears::{PLACES, Places};
use crate::limits::MIXES_KEPT;
use crate::rates::{Filters, Past, Rate, WIDE_SAMPLES};

/// What one participant says in a tick.
#[derive(Debug, Clone)]
struct Said {
    narrow: [i16; TICK_SAMPLES],
    wide: [i16; WIDE_SAMPLES],
    /// The rate it came in.
    rate: Rate,
}

const NOTHING: Said = Said {
    narrow: [0; TICK_SAMPLES],
    wide: [0; WIDE_SAMPLES],
    rate: Rate::Narrow,
};

/// A sum that somebody heard in this tick.
#[derive(Debug)]
struct Mix {
    of: Places,
    rate: Rate,
    samples: [i16; WIDE_SAMPLES],
    encoded: [Option<[u8; TICK_SAMPLES]>; 2],
}

const NO_MIX: Mix = Mix {
    of: Places::NONE,
    rate: Rate::Narrow,
    samples: [0; WIDE_SAMPLES],
    encoded: [None; 2],
};

/// Where one thread adds up, room after room.
#[derive(Debug)]
pub struct Desk {
    said: Box<[Said]>,
    /// Who makes a sound, and at which rates it is here.
    sounding: Places,
    here: [Places; 2],
    totals: [Option<[i32; WIDE_SAMPLES]>; 2],
    kept: Box<[Mix]>,
    kept_used: usize,
    filters: Filters,
}

impl Default for Desk {
    fn default() -> Self {
        Self::new()
    }
}

impl Desk {
    /// Allocates all it will need.
    pub fn new() -> Self {
        Self {
            said: vec![NOTHING; PLACES].into_boxed_slice(),
            sounding: Places::NONE,
            here: [Places::NONE; 2],
            totals: [None; 2],
            // One more for those nobody else hears.
            kept: (0..=MIXES_KEPT).map(|_| NO_MIX).collect(),
            kept_used: 0,
            filters: Filters::new(),
        }
    }

    /// Another tick, or another room.
    pub(crate) fn clear(&mut self) {
        self.sounding = Places::NONE;
        self.here = [Places::NONE; 2];
        for total in &mut self.totals {
            *total = None;
        }
        self.kept_used = 0;
    }

    pub(crate) fn sounding(&self) -> Places {
        self.sounding
    }

    /// What a participant says, to be written. It sounds when it is more than nothing.
    pub(crate) fn say(&mut self, place: usize, frame: &Frame) -> bool {
        if frame.iter().all(|sample| *sample == 0) {
            return false;
        }
        let said = &mut self.said[place];
        said.rate = frame.rate();
        match said.rate {
            Rate::Narrow => said.narrow.copy_from_slice(frame),
            Rate::Wide => said.wide.copy_from_slice(frame),
        }
        self.here[frame.rate() as usize].insert(place);
        self.sounding.insert(place);
        true
    }

    /// What somebody says fades in, because a sound that starts at once clicks.
    pub(crate) fn fade_in(&mut self, place: usize) {
        let said = &mut self.said[place];
        let samples: &mut [i16] = match said.rate {
            Rate::Narrow => &mut said.narrow,
            Rate::Wide => &mut said.wide,
        };
        let fade = samples.len() / 4;
        for (n, sample) in samples[..fade].iter_mut().enumerate() {
            *sample = (i32::from(*sample) * n as i32 / fade as i32) as i16;
        }
    }

    /// Sees that what a participant says is here at a rate.
    pub(crate) fn resample(&mut self, place: usize, rate: Rate, past: &mut Past) {
        if self.here[rate as usize].contains(place) {
            return;
        }
        self.here[rate as usize].insert(place);
        let said = &mut self.said[place];
        match rate {
            Rate::Wide => self.filters.widen(past, &said.narrow, &mut said.wide),
            Rate::Narrow => self.filters.narrow(past, &said.wide, &mut said.narrow),
        }
    }

    /// Of these, who is not here at this rate yet.
    pub(crate) fn missing(&self, of: Places, rate: Rate) -> Places {
        (of & self.sounding) - self.here[rate as usize]
    }

    /// Adds up what these say. `is_own` when nobody else will hear the same.
    pub(crate) fn mix(&mut self, of: Places, rate: Rate, is_own: bool) -> MixId {
        let found = self.kept[..self.kept_used.min(MIXES_KEPT)]
            .iter()
            .position(|mix| mix.of == of && mix.rate == rate);
        if let Some(at) = found {
            return MixId(at);
        }
        let at = if is_own || self.kept_used >= MIXES_KEPT {
            MIXES_KEPT
        } else {
            self.kept_used += 1;
            self.kept_used - 1
        };
        let mut sums = [0; WIDE_SAMPLES];
        self.sum(of, rate, &mut sums);
        let mix = &mut self.kept[at];
        (mix.of, mix.rate, mix.encoded) = (of, rate, [None; 2]);
        limit(&sums, &mut mix.samples);
        MixId(at)
    }

    /// From one mix to another within a tick, because a source that begins or ends at once clicks.
    pub(crate) fn cross_fade(&mut self, from: Places, to: Places, rate: Rate) -> MixId {
        let (mut before, mut after) = ([0; WIDE_SAMPLES], [0; WIDE_SAMPLES]);
        self.sum(from, rate, &mut before);
        self.sum(to, rate, &mut after);
        let length = rate.tick_samples() as i64;
        let faded = before.iter().zip(after).enumerate();
        let faded = faded.map(|(n, (before, after))| {
            let n = (n as i64).min(length);
            ((i64::from(*before) * (length - n) + i64::from(after) * n) / length) as i32
        });
        let mut sums = [0; WIDE_SAMPLES];
        for (sum, faded) in sums.iter_mut().zip(faded) {
            *sum = faded;
        }
        let mix = &mut self.kept[MIXES_KEPT];
        (mix.of, mix.rate, mix.encoded) = (to, rate, [None; 2]);
        limit(&sums, &mut mix.samples);
        MixId(MIXES_KEPT)
    }

    /// A mix as samples at its rate.
    pub(crate) fn samples(&self, mix: MixId) -> &[i16] {
        let mix = &self.kept[mix.0];
        &mix.samples[..mix.rate.tick_samples()]
    }

    /// A mix at 16 kHz as samples.
    pub(crate) fn wide(&self, mix: MixId) -> &[i16; WIDE_SAMPLES] {
        &self.kept[mix.0].samples
    }

    /// What a single participant says, if it is here at this rate.
    pub(crate) fn alone(&self, place: usize, rate: Rate) -> Option<Frame> {
        self.here[rate as usize].contains(place).then(|| {
            let mut frame = Frame::silence(rate);
            frame.copy_from_slice(self.said(place, rate));
            frame
        })
    }

    /// A mix at its rate as a frame.
    pub(crate) fn frame(&self, mix: MixId) -> Frame {
        let mut frame = Frame::silence(self.kept[mix.0].rate);
        frame.copy_from_slice(self.samples(mix));
        frame
    }

    /// A mix at 8 kHz by a law, encoded once.
    pub(crate) fn encoded(&mut self, mix: MixId, law: Law) -> &[u8; TICK_SAMPLES] {
        let mix = &mut self.kept[mix.0];
        mix.encoded[law as usize].get_or_insert_with(|| {
            let mut bytes = [0; TICK_SAMPLES];
            law.encode(&mix.samples[..TICK_SAMPLES], &mut bytes);
            bytes
        })
    }

    /// From the total, if that is the shorter way.
    fn sum(&mut self, of: Places, rate: Rate, sums: &mut [i32; WIDE_SAMPLES]) {
        let of = of & self.sounding;
        let without = self.sounding - of;
        if without.count() < of.count() && without.count() <= 2 && self.is_here(rate) {
            *sums = *self.total(rate);
            for place in without.iter() {
                add(sums, self.said(place, rate), -1);
            }
        } else {
            for place in of.iter() {
                add(sums, self.said(place, rate), 1);
            }
        }
    }

    fn is_here(&self, rate: Rate) -> bool {
        self.missing(self.sounding, rate).is_empty()
    }

    fn total(&mut self, rate: Rate) -> &[i32; WIDE_SAMPLES] {
        let said = &self.said;
        let sounding = self.sounding;
        self.totals[rate as usize].get_or_insert_with(|| {
            let mut total = [0; WIDE_SAMPLES];
            for place in sounding.iter() {
                add(&mut total, samples(&said[place], rate), 1);
            }
            total
        })
    }

    fn said(&self, place: usize, rate: Rate) -> &[i16] {
        samples(&self.said[place], rate)
    }
}

/// Where on a desk a mix is, until the desk is cleared or another mix of its own is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MixId(usize);

fn samples(said: &Said, rate: Rate) -> &[i16] {
    match rate {
        Rate::Narrow => &said.narrow,
        Rate::Wide => &said.wide,
    }
}

fn add(sums: &mut [i32; WIDE_SAMPLES], samples: &[i16], times: i32) {
    for (sum, sample) in sums.iter_mut().zip(samples) {
        *sum += times * i32::from(*sample);
    }
}

/// Up to here a sum is as it is (−2.5 dB below full scale); between here and full scale lies what
/// would be above, ever more pressed together.
const KNEE: i32 = 24_576;

fn limit(sums: &[i32; WIDE_SAMPLES], samples: &mut [i16; WIDE_SAMPLES]) {
    let loud = sums.iter().fold(0, |loud, sum| loud.max(sum.abs()));
    if loud <= KNEE {
        for (sample, sum) in samples.iter_mut().zip(sums) {
            *sample = *sum as i16;
        }
        return;
    }
    for (sample, sum) in samples.iter_mut().zip(sums) {
        *sample = bend(*sum);
    }
}

fn bend(sum: i32) -> i16 {
    const ROOM: i64 = (i16::MAX as i64) - KNEE as i64;
    let above = i64::from(sum.abs()) - i64::from(KNEE);
    if above <= 0 {
        return sum as i16;
    }
    let bent = i64::from(KNEE) + ROOM * above / (ROOM + above);
    (bent as i32 * sum.signum()) as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_sum_of_any_size_keeps_its_sign_and_order(a in -2_400_000_i32..2_400_000, b in -2_400_000_i32..2_400_000) {
            let (bent_a, bent_b) = (bend(a), bend(b));
            prop_assert_eq!(bent_a.signum() as i32, a.signum());
            prop_assert_eq!(bend(-a), -bent_a);
            if a <= b {
                prop_assert!(bent_a <= bent_b);
            }
            if a.abs() <= KNEE {
                prop_assert_eq!(i32::from(bent_a), a);
            }
        }
    }

    #[test]
    fn the_total_without_some_is_the_sum_of_the_others() {
        let mut desk = Desk::new();
        for place in 0..9 {
            let mut frame = Frame::default();
            for (n, sample) in frame.iter_mut().enumerate() {
                *sample = (n as i16 + 1) * (place as i16 + 1);
            }
            desk.say(place, &frame);
        }
        let all = desk.sounding();
        for without in [
            Places::NONE,
            Places::one(4),
            Places::one(0) | Places::one(8),
        ] {
            let of = all - without;
            let factor: i16 = of.iter().map(|place| place as i16 + 1).sum();
            let mix = desk.mix(of, Rate::Narrow, false);
            for (n, sample) in desk.samples(mix).iter().enumerate() {
                assert_eq!(*sample, (n as i16 + 1) * factor);
            }
        }
    }

    #[test]
    fn a_mix_is_made_once_and_kept_for_the_next_who_hears_it() {
        let mut desk = Desk::new();
        desk.say(0, &Frame::narrow(&[100; TICK_SAMPLES]));
        desk.say(1, &Frame::narrow(&[200; TICK_SAMPLES]));
        let both = desk.sounding();
        let first = desk.mix(both, Rate::Narrow, false);
        let own = desk.mix(Places::one(1), Rate::Narrow, true);
        let again = desk.mix(both, Rate::Narrow, false);
        assert_eq!((first.0, own.0, again.0), (0, MIXES_KEPT, 0));
        assert_eq!((desk.samples(again)[5], desk.samples(own)[5]), (300, 200));
    }
}
