//! What a port's codecs remember from packet to packet.

use crate::codec::Codec;
use crate::g711::Law;
use crate::g722;
use crate::limits;
use crate::opus;
use crate::rates::Rate;
use crate::sdp::Agreed;
use crate::srtp::Srtp;

/// The most samples of a packet.
pub(crate) const SAMPLES_MAX: usize = limits::PACKET_UNITS_MAX * Rate::Wide.per_unit();

/// Packets of silence that are encoded after the last sound, so that it dies away; those that follow are
/// always the same and cost nothing.
const QUIET_PACKETS: u32 = 5;

/// The state of all codecs of an agreement, and of its ciphers: made where memory may be allocated, used
/// on the tick.
#[derive(Debug)]
pub struct Coders {
    pub(crate) srtp: Option<Srtp>,
    pub(crate) decoder: Decoder,
    pub(crate) encoder: Encoder,
}

impl Coders {
    /// What it takes to speak as agreed.
    pub fn for_agreed(agreed: &Agreed) -> Self {
        let is_heard = agreed.hears_codec(Codec::Opus);
        Self {
            srtp: agreed.protection.map(Srtp::new),
            decoder: Decoder {
                opus: is_heard.then(opus::Decoder::new).flatten(),
                ..Decoder::default()
            },
            encoder: Encoder {
                opus: (agreed.codec == Codec::Opus)
                    .then(opus::Encoder::new)
                    .flatten(),
                ..Encoder::default()
            },
        }
    }
}

/// From payloads to samples. Holds the state of every codec the port may hear.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    g722: g722::Decoder,
    opus: Option<opus::Decoder>,
    last: Option<Codec>,
}

impl Decoder {
    /// Decodes a payload of so many samples. G.711 remembers nothing, so that for it nothing here is looked at.
    pub(crate) fn decode(&mut self, codec: Codec, payload: &[u8], samples: &mut [i16]) {
        if let Some(law) = codec.law() {
            return law.decode(payload, samples);
        }
        if self.last != Some(codec) {
            self.last = Some(codec);
            self.g722 = g722::Decoder::default();
        }
        match codec {
            Codec::Opus => match &mut self.opus {
                Some(opus) => opus.decode(payload, samples),
                None => samples.fill(0),
            },
            Codec::G722 => self.g722.decode(payload, samples),
            Codec::Pcmu | Codec::Pcma => {}
        }
    }
}

/// From samples to payloads, for the codec the port sends.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    g722: g722::Encoder,
    opus: Option<opus::Encoder>,
    /// Packets of nothing since the last sound.
    quiet: u32,
}

impl Encoder {
    /// Encodes samples, and gives the length of the payload.
    pub(crate) fn encode(&mut self, codec: Codec, samples: &[i16], payload: &mut [u8]) -> usize {
        self.quiet = 0;
        if codec == Codec::Opus {
            return match &mut self.opus {
                Some(opus) => opus.encode(samples, payload),
                None => 0,
            };
        }
        let bytes = samples.len() / codec.rate().per_unit();
        let payload = &mut payload[..bytes];
        match codec {
            Codec::Opus => {}
            Codec::G722 => self.g722.encode(samples, payload),
            Codec::Pcmu => Law::Mu.encode(samples, payload),
            Codec::Pcma => Law::A.encode(samples, payload),
        }
        bytes
    }

    /// Encodes so many units of nothing, and gives the length of the payload.
    pub(crate) fn silence(&mut self, codec: Codec, units: usize, payload: &mut [u8]) -> usize {
        if let Some(law) = codec.law() {
            payload[..units].fill(law.silence());
            return units;
        }
        self.quiet = self.quiet.saturating_add(1);
        if self.quiet <= QUIET_PACKETS {
            let quiet = self.quiet;
            let length = self.encode(codec, &[0; SAMPLES_MAX][..units * 2], payload);
            self.quiet = quiet;
            return length;
        }
        if codec == Codec::Opus {
            return match &self.opus {
                Some(opus) => opus.again(payload),
                None => 0,
            };
        }
        payload[..units].fill(g722::SILENCE);
        units
    }
}
