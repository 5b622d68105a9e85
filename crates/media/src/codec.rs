//! The codecs a port can speak, and what is written about them in descriptions.

use crate::g711::Law;
use crate::limits;
use crate::rates::Rate;

/// A codec a port can speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// Opus (RFC 6716, RFC 7587): what it carries above 8 kHz is left out, which no voice has much of.
    Opus,
    /// G.722: 16 kHz in 64 kbit/s, static payload type 9.
    G722,
    /// G.711 µ-law, static payload type 0.
    Pcmu,
    /// G.711 A-law, static payload type 8.
    Pcma,
}

impl Codec {
    /// In the order we prefer them: the most of a voice first.
    pub const ALL: [Self; 4] = [Self::Opus, Self::G722, Self::Pcmu, Self::Pcma];

    /// The payload type: the static one (RFC 3551 §6), or the one in our own offers.
    pub const fn payload_type(self) -> u8 {
        match self {
            Self::Opus => 96,
            Self::G722 => 9,
            Self::Pcmu => 0,
            Self::Pcma => 8,
        }
    }

    /// The encoding name of `a=rtpmap`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opus => "opus",
            Self::G722 => "G722",
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
        }
    }

    /// How long packets are that we send when this is asked for, in 1/8000 s. Opus is sent in frames of
    /// 20 ms, or of 10 when no more is wanted: a packet is then what a tick says.
    pub(crate) fn packet_units(self, wanted: u16) -> u16 {
        match self {
            Self::Opus => wanted.min(160),
            Self::G722 | Self::Pcmu | Self::Pcma => wanted,
        }
    }

    /// The clock of its timestamps. That of G.722 is half its rate, by a mistake of 1990 that everybody
    /// keeps (RFC 3551 §4.5.2).
    pub const fn clock(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            Self::G722 | Self::Pcmu | Self::Pcma => 8_000,
        }
    }

    /// The rate of what it carries.
    pub const fn rate(self) -> Rate {
        match self {
            Self::Opus | Self::G722 => Rate::Wide,
            Self::Pcmu | Self::Pcma => Rate::Narrow,
        }
    }

    pub(crate) const fn law(self) -> Option<Law> {
        match self {
            Self::Pcmu => Some(Law::Mu),
            Self::Pcma => Some(Law::A),
            Self::Opus | Self::G722 => None,
        }
    }

    /// Ticks of its clock in 1/8000 s.
    pub(crate) const fn clock_per_unit(self) -> u32 {
        self.clock() / 8_000
    }

    /// How long a payload lasts, in 1/8000 s; `None` when it is none, or longer than is taken.
    pub(crate) fn payload_units(self, payload: &[u8]) -> Option<u16> {
        let units = match self {
            Self::Opus => opus_pure::packet::samples(payload, 8_000).ok()?,
            // One byte each: 64 kbit/s.
            Self::G722 | Self::Pcmu | Self::Pcma => payload.len(),
        };
        let fits = (1..=limits::PACKET_UNITS_MAX).contains(&units)
            && payload.len() <= limits::PAYLOAD_BYTES_MAX;
        fits.then_some(units as u16)
    }
}
