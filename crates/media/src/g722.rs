//! G.722 at 64 kbit/s: 16 kHz in one byte for every two samples (ITU-T G.722, 1988).
//!
//! ```text
//!   two samples ─▶ QMF ─┬─ low band  ─ ADPCM, 6 bits ─┐
//!                       └─ high band ─ ADPCM, 2 bits ─┴─▶ hhllllll
//! ```
//!
//! Names in capitals are those of the standard's blocks. All state is inline: a port has its own from
//! the beginning.

/// Over and over, this is heard as nothing: both bands' smallest steps upwards, which at rest are none.
/// What the predictors round down is a constant of −60 dBFS.
pub(crate) const SILENCE: u8 = 0xfd;

/// One of the two bands: a quantiser whose step follows the level, and a predictor of two poles and six
/// zeros.
#[derive(Debug, Clone, Copy)]
struct Band {
    /// The prediction, and the part of it that the zeros make.
    s: i32,
    sz: i32,
    /// The last three of what was reconstructed, and of that without the poles.
    r: [i32; 3],
    p: [i32; 3],
    /// Poles and zeros; each table's first place is not used, as in the standard.
    a: [i32; 3],
    b: [i32; 7],
    /// The last differences.
    d: [i32; 7],
    /// The step's logarithm and the step.
    nb: i32,
    det: i32,
}

impl Band {
    const fn new(det: i32) -> Self {
        Self {
            s: 0,
            sz: 0,
            r: [0; 3],
            p: [0; 3],
            a: [0; 3],
            b: [0; 7],
            d: [0; 7],
            nb: 0,
            det,
        }
    }

    /// LOGSC and SCALE: the step after a code whose multiplier is `change`.
    fn follow(&mut self, change: i32, most: i32, shift: i32) {
        self.nb = (((self.nb * 127) >> 7) + change).clamp(0, most);
        let mantissa = ILB[((self.nb >> 6) & 31) as usize];
        let shift = shift - (self.nb >> 11);
        let step = if shift < 0 {
            mantissa << -shift
        } else {
            mantissa >> shift
        };
        self.det = step << 2;
    }

    /// Block 4: the predictor learns from a difference.
    fn predict(&mut self, difference: i32) {
        self.d[0] = difference;
        self.r[0] = saturate(self.s + difference);
        self.p[0] = saturate(self.sz + difference);
        let same = |a: i32, b: i32| (a < 0) == (b < 0);

        // UPPOL2
        let first = saturate(self.a[1] << 2);
        let turned = if same(self.p[0], self.p[1]) {
            (-first).min(32_767)
        } else {
            first
        };
        let pull = if same(self.p[0], self.p[2]) {
            128
        } else {
            -128
        };
        let a2 = (pull + (turned >> 7) + ((self.a[2] * 32_512) >> 15)).clamp(-12_288, 12_288);

        // UPPOL1
        let pull = if same(self.p[0], self.p[1]) {
            192
        } else {
            -192
        };
        let most = saturate(15_360 - a2);
        let a1 = saturate(pull + ((self.a[1] * 32_640) >> 15)).clamp(-most, most);

        // UPZERO
        let step = if difference == 0 { 0 } else { 128 };
        for (b, past) in self.b.iter_mut().zip(&self.d).skip(1) {
            let pull = if same(*past, difference) { step } else { -step };
            *b = saturate(pull + ((*b * 32_640) >> 15));
        }

        // DELAYA
        self.d.copy_within(0..6, 1);
        self.r.copy_within(0..2, 1);
        self.p.copy_within(0..2, 1);
        self.a = [0, a1, a2];

        // FILTEP, FILTEZ, PREDIC
        let pole = |a: i32, r: i32| (a * saturate(2 * r)) >> 15;
        let sp = saturate(pole(self.a[1], self.r[1]) + pole(self.a[2], self.r[2]));
        let zeros = self.b.iter().zip(&self.d).skip(1);
        self.sz = saturate(zeros.map(|(b, d)| pole(*b, *d)).sum());
        self.s = saturate(sp + self.sz);
    }

    /// What both sides do with the four upper bits of a low code.
    fn low(&mut self, code: usize) {
        let difference = (self.det * QM4[code]) >> 15;
        self.follow(WL[RL42[code]], 18_432, 8);
        self.predict(difference);
    }

    /// What both sides do with a high code. Gives the difference it stands for.
    fn high(&mut self, code: usize) -> i32 {
        let difference = (self.det * QM2[code]) >> 15;
        self.follow(WH[code & 1], 22_528, 10);
        self.predict(difference);
        difference
    }
}

/// From samples to bytes.
#[derive(Debug, Clone)]
pub(crate) struct Encoder {
    low: Band,
    high: Band,
    line: [i32; 24],
}

impl Default for Encoder {
    fn default() -> Self {
        Self {
            low: Band::new(32),
            high: Band::new(8),
            line: [0; 24],
        }
    }
}

impl Encoder {
    /// Two samples a byte, as many as both slices have room for.
    pub(crate) fn encode(&mut self, samples: &[i16], bytes: &mut [u8]) {
        for (byte, pair) in bytes.iter_mut().zip(samples.as_chunks::<2>().0) {
            *byte = self.byte(*pair);
        }
    }

    fn byte(&mut self, pair: [i16; 2]) -> u8 {
        self.line.copy_within(2.., 0);
        self.line[22] = i32::from(pair[0]);
        self.line[23] = i32::from(pair[1]);
        let (odd, even) = filter(&self.line);
        // The filter's gain of 4,096, twice, and the fifteen bits that the bands have.
        let low = fifteen_bits((even + odd) >> 14);
        let high = fifteen_bits((even - odd) >> 14);

        let error = saturate(low - self.low.s);
        let magnitude = if error < 0 { !error } else { error };
        let level = Q6
            .iter()
            .position(|q| magnitude < (q * self.low.det) >> 12)
            .unwrap_or(Q6.len());
        let low_code = if error < 0 { ILN[level] } else { ILP[level] };
        self.low.low(usize::from(low_code >> 2));

        let error = saturate(high - self.high.s);
        let magnitude = if error < 0 { !error } else { error };
        let is_large = magnitude >= (564 * self.high.det) >> 12;
        let high_code = match (error < 0, is_large) {
            (true, false) => 1,
            (true, true) => 0,
            (false, false) => 3,
            (false, true) => 2,
        };
        self.high.high(usize::from(high_code));
        (high_code << 6) | low_code
    }
}

/// From bytes to samples.
#[derive(Debug, Clone)]
pub(crate) struct Decoder {
    low: Band,
    high: Band,
    line: [i32; 24],
}

impl Default for Decoder {
    fn default() -> Self {
        Self {
            low: Band::new(32),
            high: Band::new(8),
            line: [0; 24],
        }
    }
}

impl Decoder {
    /// Two samples a byte, as many as both slices have room for.
    pub(crate) fn decode(&mut self, bytes: &[u8], samples: &mut [i16]) {
        for (pair, byte) in samples.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
            *pair = self.pair(*byte);
        }
    }

    fn pair(&mut self, byte: u8) -> [i16; 2] {
        let code = usize::from(byte & 0x3f);
        let low = self.low.s + ((self.low.det * QM6[code]) >> 15);
        self.low.low(code >> 2);
        let high = self.high.s;
        let high = high + self.high.high(usize::from(byte >> 6));
        let (low, high) = (fifteen_bits(low), fifteen_bits(high));

        self.line.copy_within(2.., 0);
        self.line[22] = low + high;
        self.line[23] = low - high;
        let (second, first) = filter(&self.line);
        [saturate(first >> 11) as i16, saturate(second >> 11) as i16]
    }
}

/// The two halves of the quadrature mirror filter, over every second place each.
fn filter(line: &[i32; 24]) -> (i32, i32) {
    let mut sums = (0, 0);
    for (at, pair) in line.as_chunks::<2>().0.iter().enumerate() {
        sums.0 += pair[0] * QMF[at];
        sums.1 += pair[1] * QMF[11 - at];
    }
    sums
}

/// LIMIT: the range a band has.
fn fifteen_bits(value: i32) -> i32 {
    value.clamp(-16_384, 16_383)
}

fn saturate(value: i32) -> i32 {
    value.clamp(-32_768, 32_767)
}

/// Table 11: the coefficients of the mirror filter, of which the second half mirrors the first.
const QMF: [i32; 12] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];

/// Table 14: the decision levels of the low band's six bits.
const Q6: [i32; 29] = [
    35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023,
    1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
];

/// The codes of what is below zero, by level.
const ILN: [u8; 30] = [
    63, 62, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10,
    9, 8, 7, 6, 5, 4,
];

/// The codes of what is not.
const ILP: [u8; 30] = [
    61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 39, 38,
    37, 36, 35, 34, 33, 32,
];

/// What a code of six bits stands for, in steps.
const QM6: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232,
    -9360, -8576, -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776,
    -2400, -2032, -1688, -1360, -1040, -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280,
    11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776,
    2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
];

/// What its upper four bits stand for, which is what the predictor learns from.
const QM4: [i32; 16] = [
    0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584,
    1200, 0,
];

/// What a high code stands for.
const QM2: [i32; 4] = [-7408, -1616, 7408, 1616];

/// How the low step changes, by the magnitude of its code.
const WL: [i32; 8] = [-60, -30, 58, 172, 334, 538, 1198, 3042];

/// The magnitude of a low code.
const RL42: [usize; 16] = [0, 7, 6, 5, 4, 3, 2, 1, 7, 6, 5, 4, 3, 2, 1, 0];

/// How the high step changes: codes 0 and 2 are the large ones.
const WH: [i32; 2] = [798, -214];

/// The mantissas of the step's exponential.
const ILB: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
    2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];

#[cfg(test)]
#[path = "g722_tests.rs"]
mod tests;
