//! G.711: sixteen bits in eight, by table.

/// The two ways of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Law {
    /// µ-law.
    Mu,
    /// A-law.
    A,
}

impl Law {
    /// The byte that is heard as nothing.
    pub(crate) const fn silence(self) -> u8 {
        match self {
            Self::Mu => 0xff,
            Self::A => 0xd5,
        }
    }

    /// Decodes as many samples as both slices have room for.
    pub(crate) fn decode(self, bytes: &[u8], samples: &mut [i16]) {
        let table = match self {
            Self::Mu => &PCMU_DECODE,
            Self::A => &PCMA_DECODE,
        };
        for (sample, byte) in samples.iter_mut().zip(bytes) {
            *sample = table[usize::from(*byte)];
        }
    }

    /// Encodes as many samples as both slices have room for.
    pub(crate) fn encode(self, samples: &[i16], bytes: &mut [u8]) {
        let table = match self {
            Self::Mu => &PCMU_ENCODE,
            Self::A => &PCMA_ENCODE,
        };
        for (byte, sample) in bytes.iter_mut().zip(samples) {
            *byte = table[usize::from((*sample as u16) >> 2)];
        }
    }
}

static PCMU_DECODE: [i16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = pcmu_sample(byte as u8);
        byte += 1;
    }
    table
};

static PCMA_DECODE: [i16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = pcma_sample(byte as u8);
        byte += 1;
    }
    table
};

/// Indexed by the upper fourteen bits of a sample: µ-law reads fourteen, A-law thirteen.
static PCMU_ENCODE: [u8; 16384] = {
    let mut table = [0; 16384];
    let mut at = 0;
    while at < 16384 {
        table[at] = pcmu_byte(((at as u16) << 2) as i16);
        at += 1;
    }
    table
};

static PCMA_ENCODE: [u8; 16384] = {
    let mut table = [0; 16384];
    let mut at = 0;
    while at < 16384 {
        table[at] = pcma_byte(((at as u16) << 2) as i16);
        at += 1;
    }
    table
};

/// ITU-T G.711 table 2: sign, three bits of segment, four of step, all inverted.
const fn pcmu_sample(byte: u8) -> i16 {
    let byte = !byte;
    let segment = (byte >> 4) & 7;
    let magnitude = ((((byte & 0x0f) as i16) << 3) + 0x84) << segment;
    let magnitude = magnitude - 0x84;
    if byte & 0x80 == 0 {
        magnitude
    } else {
        -magnitude
    }
}

const fn pcmu_byte(sample: i16) -> u8 {
    // Fourteen bits with the bias of 33, on which every segment boundary is a power of two.
    let sample = sample >> 2;
    let (sign, magnitude) = if sample < 0 {
        (0x80, -(sample as i32))
    } else {
        (0, sample as i32)
    };
    let magnitude = if magnitude > 8158 { 8158 } else { magnitude } + 33;
    let segment = 26 - (magnitude as u32).leading_zeros();
    let step = (magnitude >> (segment + 1)) & 0x0f;
    !(sign | ((segment as u8) << 4) | step as u8)
}

/// ITU-T G.711 table 1: as µ-law without the bias, every second bit inverted.
const fn pcma_sample(byte: u8) -> i16 {
    let byte = byte ^ 0x55;
    let segment = (byte >> 4) & 7;
    let step = ((byte & 0x0f) as i16) << 4;
    let magnitude = if segment == 0 {
        step + 8
    } else {
        (step + 0x108) << (segment - 1)
    };
    if byte & 0x80 != 0 {
        magnitude
    } else {
        -magnitude
    }
}

const fn pcma_byte(sample: i16) -> u8 {
    // Thirteen bits; a negative sample is one's complement, so that zero has two halves.
    let sample = sample >> 3;
    let (sign, magnitude) = if sample < 0 {
        (0, !(sample as i32))
    } else {
        (0x80, sample as i32)
    };
    let (segment, step) = if magnitude < 32 {
        (0, magnitude >> 1)
    } else {
        let segment = 27 - (magnitude as u32).leading_zeros();
        (segment, (magnitude >> segment) & 0x0f)
    };
    (sign | ((segment as u8) << 4) | step as u8) ^ 0x55
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_points_of_the_standard_hold() {
        let mut samples = [0; 4];
        Law::Mu.decode(&[0x00, 0x80, 0xff, 0x7f], &mut samples);
        assert_eq!(samples, [-32124, 32124, 0, 0]);
        Law::A.decode(&[0x2a, 0xaa, 0xd5, 0x55], &mut samples);
        assert_eq!(samples, [-32256, 32256, 8, -8]);
    }

    #[test]
    fn every_byte_survives_decode_and_encode() {
        for law in [Law::Mu, Law::A] {
            for byte in 0..=255_u8 {
                let mut sample = [0];
                law.decode(&[byte], &mut sample);
                let mut again = [0];
                law.encode(&sample, &mut again);
                // µ-law has two zeros; the negative one becomes the positive.
                if law == Law::Mu && byte == 0x7f {
                    assert_eq!(again, [0xff]);
                } else {
                    assert_eq!(again, [byte], "{law:?} {byte:#x} {sample:?}");
                }
            }
        }
    }

    /// A step is a thirty-third of the magnitude at most, in both laws (with the bias of µ-law).
    #[test]
    fn every_sample_lands_within_half_a_step() {
        for law in [Law::Mu, Law::A] {
            for sample in i16::MIN..=i16::MAX {
                let mut byte = [0];
                law.encode(&[sample], &mut byte);
                let mut back = [0];
                law.decode(&byte, &mut back);
                let error = (i32::from(back[0]) - i32::from(sample)).abs();
                let allowed = (i32::from(sample).abs() + 132) / 32 + 8;
                assert!(error <= allowed, "{law:?} {sample} {}", back[0]);
            }
        }
    }

    #[test]
    fn silence_is_silent() {
        for law in [Law::Mu, Law::A] {
            let mut sample = [1000];
            law.decode(&[law.silence()], &mut sample);
            assert!(sample[0].abs() <= 8);
        }
    }
}
