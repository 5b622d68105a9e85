//! RTCP: sender and receiver reports, BYE (RFC 3550 §6). Written into and read from plain buffers,
//! because the tick allocates nothing.

/// One report about a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Block {
    pub(crate) ssrc: u32,
    /// Lost since the last report, in 1/256.
    pub(crate) fraction_lost: u8,
    /// Lost since the beginning; duplicates make it negative.
    pub(crate) lost: i32,
    pub(crate) highest_sequence: u32,
    pub(crate) jitter: u32,
    /// The middle of the NTP time of the last sender report heard, or 0.
    pub(crate) last_report: u32,
    /// Since then, in 1/65536 s.
    pub(crate) since_last_report: u32,
}

/// What we tell about our own stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) ntp: u64,
    pub(crate) timestamp: u32,
    pub(crate) packets: u32,
    pub(crate) octets: u32,
}

/// The largest compound packet written here: a sender report with one block, a name, a BYE.
pub(crate) const REPORT_BYTES_MAX: usize = 28 + 24 + 20 + 8;

const SR: u8 = 200;
const RR: u8 = 201;
const SDES: u8 = 202;
const BYE: u8 = 203;

/// Writes a compound packet and gives its length: SR when something was sent, else RR; SDES with a
/// name made of nothing but the SSRC; BYE at the end.
pub(crate) fn write(
    out: &mut [u8; REPORT_BYTES_MAX],
    ssrc: u32,
    sent: Option<Sent>,
    block: Option<Block>,
    bye: bool,
) -> usize {
    let mut out = Cursor { out, at: 0 };
    let start = out.at;
    out.header(
        u8::from(block.is_some()),
        if sent.is_some() { SR } else { RR },
        ssrc,
    );
    if let Some(sent) = sent {
        out.put(&sent.ntp.to_be_bytes());
        out.put(&sent.timestamp.to_be_bytes());
        out.put(&sent.packets.to_be_bytes());
        out.put(&sent.octets.to_be_bytes());
    }
    if let Some(block) = block {
        out.put(&block.ssrc.to_be_bytes());
        let lost = block.lost.clamp(-0x80_0000, 0x7f_ffff) as u32 & 0x00ff_ffff;
        out.put(&((u32::from(block.fraction_lost) << 24) | lost).to_be_bytes());
        out.put(&block.highest_sequence.to_be_bytes());
        out.put(&block.jitter.to_be_bytes());
        out.put(&block.last_report.to_be_bytes());
        out.put(&block.since_last_report.to_be_bytes());
    }
    out.length(start);

    // CNAME: eight hexadecimal digits (RFC 7022 asks for no more than an unlinkable name).
    let start = out.at;
    out.header(1, SDES, ssrc);
    out.put(&[1, 8]);
    for shift in (0..8).rev() {
        let digit = (ssrc >> (shift * 4)) & 0xf;
        out.put(&[b"0123456789abcdef"[digit as usize]]);
    }
    out.put(&[0, 0]);
    out.length(start);

    if bye {
        let start = out.at;
        out.header(1, BYE, ssrc);
        out.length(start);
    }
    out.at
}

struct Cursor<'a> {
    out: &'a mut [u8; REPORT_BYTES_MAX],
    at: usize,
}

impl Cursor<'_> {
    fn put(&mut self, bytes: &[u8]) {
        self.out[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }

    fn header(&mut self, count: u8, kind: u8, ssrc: u32) {
        self.put(&[0x80 | count, kind, 0, 0]);
        self.put(&ssrc.to_be_bytes());
    }

    fn length(&mut self, start: usize) {
        let words = ((self.at - start) / 4 - 1) as u16;
        self.out[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
    }
}

/// What a compound packet told us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Reports {
    /// The sender of the packet.
    pub(crate) sender: Option<u32>,
    /// The middle of the NTP time of its sender report.
    pub(crate) sender_ntp: Option<u32>,
    /// What it says about the stream asked for.
    pub(crate) about_us: Option<Block>,
    /// It said goodbye.
    pub(crate) bye: bool,
}

/// Reads a compound packet, or `None` when it is not RTCP. What is truncated ends it; what is
/// unknown is passed over.
pub(crate) fn read(bytes: &[u8], our_ssrc: u32) -> Option<Reports> {
    let mut reports = Reports::default();
    let mut rest = bytes;
    while let Some((&[first, kind, high, low], _)) = rest.split_first_chunk() {
        let length = (usize::from(u16::from_be_bytes([high, low])) + 1) * 4;
        if first >> 6 != 2 || length > rest.len() {
            break;
        }
        let (packet, after) = rest.split_at(length);
        rest = after;
        let body = &packet[4..];
        let count = usize::from(first & 0x1f);
        match kind {
            SR if body.len() >= 24 => {
                reports.sender = Some(word(body, 0));
                // The middle of eight bytes.
                reports.sender_ntp = Some(word(body, 6));
                about_us(&mut reports, &body[24..], count, our_ssrc);
            }
            RR if body.len() >= 4 => {
                reports.sender = Some(word(body, 0));
                about_us(&mut reports, &body[4..], count, our_ssrc);
            }
            BYE => reports.bye = true,
            _ => {}
        }
    }
    (reports != Reports::default()).then_some(reports)
}

fn about_us(reports: &mut Reports, blocks: &[u8], count: usize, our_ssrc: u32) {
    for block in blocks.chunks_exact(24).take(count) {
        if word(block, 0) != our_ssrc {
            continue;
        }
        let losses = word(block, 4);
        reports.about_us = Some(Block {
            ssrc: our_ssrc,
            fraction_lost: (losses >> 24) as u8,
            // Twenty-four bits with a sign.
            lost: ((losses << 8) as i32) >> 8,
            highest_sequence: word(block, 8),
            jitter: word(block, 12),
            last_report: word(block, 16),
            since_last_report: word(block, 20),
        });
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BLOCK: Block = Block {
        ssrc: 7,
        fraction_lost: 25,
        lost: -3,
        highest_sequence: 0x1_0005,
        jitter: 12,
        last_report: 0x1234_5678,
        since_last_report: 99,
    };

    #[test]
    fn a_report_reads_back() {
        let mut out = [0; REPORT_BYTES_MAX];
        let sent = Sent {
            ntp: 0x0102_0304_0506_0708,
            timestamp: 9,
            packets: 10,
            octets: 1600,
        };
        let length = write(&mut out, 42, Some(sent), Some(BLOCK), true);
        assert_eq!(length, REPORT_BYTES_MAX);
        let reports = read(&out[..length], 7).unwrap();
        assert_eq!(reports.sender, Some(42));
        assert_eq!(reports.sender_ntp, Some(0x0304_0506));
        assert_eq!(reports.about_us, Some(BLOCK));
        assert!(reports.bye);
    }

    #[test]
    fn a_listener_reports_too() {
        let mut out = [0; REPORT_BYTES_MAX];
        let length = write(&mut out, 42, None, None, false);
        let reports = read(&out[..length], 7).unwrap();
        assert_eq!(
            (reports.sender, reports.about_us, reports.bye),
            (Some(42), None, false)
        );
    }

    proptest! {
        #[test]
        fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 198_u8..206, words in 0_u8..40) {
            let _ = read(&bytes, 7);
            let mut bytes = bytes;
            if bytes.len() >= 4 {
                bytes[0] = 0x80 | (bytes[0] & 0x1f);
                bytes[1] = kind;
                bytes[2] = 0;
                bytes[3] = words;
            }
            let _ = read(&bytes, 7);
        }
    }
}
