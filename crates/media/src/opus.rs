//! Opus at 16 kHz, mono: the states of one stream each way.
//!
//! The clock of its timestamps is 48 kHz whatever is coded, and a packet says itself how wide it is.
//! A decoder gives any of them at the rate it is asked for, and of two channels their middle. Nothing is
//! allocated while decoding; the encoder's crate allocates three short-lived buffers for each frame of
//! speech, which is the one exception on a tick.

use opus_pure::{Application, OpusDecoder, OpusEncoder, Signal};

use crate::limits;
use crate::rates::Rate;

/// Between 16 and 32 kbit/s a wide voice gets better, above it hardly does (RFC 7587 §3.1.1).
const BITS_PER_SECOND: i32 = 24_000;

/// In the middle between cheap and good: what is above costs twice as much and is not heard in a voice.
const COMPLEXITY: i32 = 5;

/// The largest payload that is kept to be said again. Silence takes ten bytes.
const KEPT_BYTES_MAX: usize = 64;

const RATE: i32 = Rate::Wide.hertz() as i32;

/// From payloads to samples.
pub(crate) struct Decoder(Box<OpusDecoder>);

/// From samples to payloads.
pub(crate) struct Encoder {
    inner: Box<OpusEncoder>,
    /// The last small payload.
    kept: [u8; KEPT_BYTES_MAX],
    kept_bytes: usize,
}

impl Decoder {
    /// Allocates all it needs, about 160 kB. `None` when the crate does not know our rate.
    pub(crate) fn new() -> Option<Self> {
        OpusDecoder::new(RATE, 1).ok().map(Box::new).map(Self)
    }

    /// Decodes a payload of so many samples; one that cannot be decoded is silence.
    pub(crate) fn decode(&mut self, payload: &[u8], samples: &mut [i16]) {
        let decoded = self.0.decode_s16(payload, samples.len(), samples);
        let decoded = decoded.unwrap_or(0).min(samples.len());
        samples[decoded..].fill(0);
    }
}

impl Encoder {
    /// Allocates all it keeps, about 180 kB. `None` when the crate does not know our rate.
    pub(crate) fn new() -> Option<Self> {
        let mut inner = Box::new(OpusEncoder::new(RATE, 1, Application::Voip).ok()?);
        inner.bitrate_bps = BITS_PER_SECOND;
        inner.complexity = COMPLEXITY;
        inner.signal_type = Some(Signal::Voice);
        Some(Self {
            inner,
            kept: [0; KEPT_BYTES_MAX],
            kept_bytes: 0,
        })
    }

    /// Encodes 10 or 20 ms, and gives the length of the payload.
    pub(crate) fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> usize {
        let most = payload.len().min(limits::PAYLOAD_BYTES_MAX);
        let encoded = self
            .inner
            .encode_s16(samples, samples.len(), &mut payload[..most]);
        // Lengths that are no frame of Opus are never agreed; an empty payload is heard as lost.
        let length = encoded.unwrap_or(0);
        if let Some(kept) = self.kept.get_mut(..length) {
            kept.copy_from_slice(&payload[..length]);
            self.kept_bytes = length;
        }
        length
    }

    /// The last small payload once more, for silence that goes on.
    pub(crate) fn again(&self, payload: &mut [u8]) -> usize {
        payload[..self.kept_bytes].copy_from_slice(&self.kept[..self.kept_bytes]);
        self.kept_bytes
    }
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("opus::Decoder")
    }
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("opus::Encoder")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Codec;
    use crate::spectrum::level;
    use proptest::prelude::*;
    use std::f64::consts::PI;

    fn sine(hertz: f64, tick: usize) -> [i16; 320] {
        std::array::from_fn(|n| {
            let angle = 2.0 * PI * hertz * (tick * 320 + n) as f64 / 16_000.0;
            (8_000.0 * angle.sin()) as i16
        })
    }

    #[test]
    fn a_voice_comes_back_and_silence_after_it_may_be_said_again() {
        let (mut encoder, mut decoder) = (Encoder::new().unwrap(), Decoder::new().unwrap());
        let mut payload = [0; limits::PAYLOAD_BYTES_MAX];
        let mut heard = Vec::new();
        for tick in 0..50 {
            let length = encoder.encode(&sine(1_000.0, tick), &mut payload);
            assert_eq!(Codec::Opus.payload_units(&payload[..length]), Some(160));
            let mut samples = [0; 320];
            decoder.decode(&payload[..length], &mut samples);
            heard.extend(samples);
        }
        assert!(level(&heard[8_000..], 1_000.0, 16_000.0) > -14.0);
        for _ in 0..5 {
            let length = encoder.encode(&[0; 320], &mut payload);
            decoder.decode(&payload[..length], &mut [0; 320]);
        }
        for _ in 0..500 {
            let length = encoder.again(&mut payload);
            assert!((1..KEPT_BYTES_MAX).contains(&length));
            let mut samples = [0; 320];
            decoder.decode(&payload[..length], &mut samples);
            assert!(
                samples.iter().all(|sample| sample.abs() < 40),
                "{samples:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_payload_panics(payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..480), 1..8)) {
            let mut decoder = Decoder::new().unwrap();
            for payload in payloads {
                if let Some(units) = Codec::Opus.payload_units(&payload) {
                    decoder.decode(&payload, &mut vec![0; 2 * usize::from(units)]);
                }
            }
        }
    }
}
