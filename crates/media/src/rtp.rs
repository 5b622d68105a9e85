//! RTP headers (RFC 3550 §5.1): twelve bytes out, anything in.

use rtp_types::RtpPacket;

/// Bytes of the header we send: no CSRC, no extension.
pub(crate) const HEADER: usize = 12;

/// What is read of a packet that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Heard<'a> {
    pub(crate) marker: bool,
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    pub(crate) payload: &'a [u8],
}

/// Reads a packet, or `None` when it is not RTP.
pub(crate) fn read(bytes: &[u8]) -> Option<Heard<'_>> {
    let packet = RtpPacket::parse(bytes).ok()?;
    Some(Heard {
        marker: packet.marker_bit(),
        payload_type: packet.payload_type(),
        sequence: packet.sequence_number(),
        timestamp: packet.timestamp(),
        ssrc: packet.ssrc(),
        payload: &bytes[packet.payload_offset()..][..packet.payload_len()],
    })
}

/// How long the header of a packet is, whose payload may be encrypted; `None` when it is not RTP.
pub(crate) fn header_bytes(bytes: &[u8]) -> Option<usize> {
    let first = *bytes.first().filter(|first| **first >> 6 == 2)?;
    let fixed = HEADER + 4 * usize::from(first & 0x0f);
    let length = if first & 0x10 == 0 {
        fixed
    } else {
        let words = bytes.get(fixed + 2..fixed + 4)?;
        fixed + 4 + 4 * usize::from(u16::from_be_bytes([words[0], words[1]]))
    };
    (length <= bytes.len()).then_some(length)
}

/// RTCP on the same port has 192 to 223 in its second byte (RFC 5761 §4).
pub(crate) fn is_rtcp(bytes: &[u8]) -> bool {
    bytes.len() >= 8 && bytes[0] >> 6 == 2 && (192..=223).contains(&bytes[1])
}

/// Writes the header of a packet we send.
pub(crate) fn write_header(
    out: &mut [u8],
    marker: bool,
    payload_type: u8,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
) {
    out[0] = 0x80;
    out[1] = (u8::from(marker) << 7) | (payload_type & 0x7f);
    out[2..4].copy_from_slice(&sequence.to_be_bytes());
    out[4..8].copy_from_slice(&timestamp.to_be_bytes());
    out[8..12].copy_from_slice(&ssrc.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_written_is_read() {
        let mut bytes = [7; 172];
        write_header(&mut bytes, true, 101, 65_535, 4_000_000_000, 0xdead_beef);
        let heard = read(&bytes).unwrap();
        assert_eq!((heard.marker, heard.payload_type), (true, 101));
        assert_eq!(
            (heard.sequence, heard.timestamp, heard.ssrc),
            (65_535, 4_000_000_000, 0xdead_beef)
        );
        assert_eq!(heard.payload, [7; 160]);
    }

    proptest! {
        #[test]
        fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..100), first in 0x80_u8..0xc0) {
            let _ = read(&bytes);
            let _ = is_rtcp(&bytes);
            let _ = header_bytes(&bytes);
            let mut bytes = bytes;
            if let Some(byte) = bytes.first_mut() {
                *byte = first;
            }
            let _ = header_bytes(&bytes);
            if let Some(heard) = read(&bytes) {
                let payload = header_bytes(&bytes).map(|header| bytes[header..].as_ptr());
                prop_assert_eq!(payload, Some(heard.payload.as_ptr()));
            }
        }
    }
}
