//! What arrives at a leg's port, in any order: noise, RTP, keys, reports, and time passing.
//!
//! The input is a list of steps: an octet that says what happens, an octet of how much follows,
//! and what follows. The last octet also says in which codec they talk and whether it is encrypted. A
//! recording is on throughout, because only then is audio taken apart.

#![no_main]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use offhook_media::{
    Agreed, Codec, Key, MediaCommand, MediaEvent, Port, PortId, Protection, RecordPlan, Room,
    StreamStart, Suite, TICK, recording,
};
use offhook_terms::{OperationId, Tone};

const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 40_000);

fuzz_target!(|bytes: &[u8]| {
    let mut now = Instant::now();
    let reports = SocketAddr::new(PEER.ip(), PEER.port() + 1);
    let kind = bytes.last().copied().unwrap_or_default();
    let codec = Codec::ALL[usize::from(kind) % Codec::ALL.len()];
    let mut agreed = Agreed::plain(codec, PEER, reports);
    agreed.rtcp_mux = bytes.len() % 2 == 1;
    // Nothing that is made up passes for encrypted, so this looks at what refuses it.
    agreed.protection = (kind >= 0xc0).then(|| Protection {
        suite: Suite::ALL[usize::from(kind) % Suite::ALL.len()],
        ours: Key::fresh(),
        theirs: Key::fresh(),
    });
    let audio = agreed.payload_type;
    let start = StreamStart {
        ssrc: 1,
        sequence: u16::MAX,
        timestamp: u32::MAX,
    };
    let mut room = Room::new(Port::new(agreed, start, now));
    let mut recordings = 0;
    let mut ended = 0;

    let mut rest = bytes;
    while let [what, length, more @ ..] = rest {
        let (payload, after) = more.split_at(usize::from(*length).min(more.len()));
        rest = after;
        if recordings == ended {
            recordings += 1;
            let (feed, _tap) = recording();
            let plan = RecordPlan {
                initial_silence: Some(Duration::from_secs(5)),
                max_silence: Some(Duration::from_secs(1)),
                max_duration: Some(Duration::from_secs(120)),
                stop_tones: Tone::from_symbol('#').into_iter().collect(),
            };
            let operation = OperationId::from_bits(recordings);
            room.command(
                PortId::FIRST,
                MediaCommand::Record {
                    operation,
                    plan,
                    feed,
                },
                now,
            );
        }
        let port = room.port(PortId::FIRST).expect("a room has its first port");
        match what % 8 {
            0 => drop(port.packet(payload, Some(PEER), now)),
            1 => drop(port.packet(payload, None, now)),
            2 => drop(port.packet(payload, Some(SocketAddr::new(PEER.ip(), 41_000)), now)),
            3 => port.report_packet(payload, reports, now),
            4 => drop(port.packet(&rtp(audio, payload), Some(PEER), now)),
            5 => drop(port.packet(&rtp(101, payload), Some(PEER), now)),
            6 => port.report_packet(&report(payload), reports, now),
            _ => {
                let ticks = u32::from(*length) % 60 + 1;
                now += TICK * ticks;
                port.advance(now, ticks);
                let mut packet = [0; _];
                let mut sent = 0;
                while port.next_packet(&mut packet).is_some() {
                    sent += 1;
                    assert!(sent <= 2, "more packets than a tick has room for");
                }
                port.hear(ticks);
                port.next_report(&mut [0; _], now);
            }
        }
        while let Some(output) = room.poll() {
            if let MediaEvent::Recorded { duration, .. } = output.event {
                ended += 1;
                assert!(
                    duration <= Duration::from_secs(120),
                    "a recording of {duration:?}"
                );
            }
        }
    }
    room.port(PortId::FIRST)
        .expect("a room has its first port")
        .close();
    while let Some(output) = room.poll() {
        ended += u128::from(matches!(output.event, MediaEvent::Recorded { .. }));
    }
    assert_eq!(recordings, ended, "a recording ends exactly once");
});

/// A well-formed packet whose sequence number, time and stream are the first octets.
fn rtp(payload_type: u8, bytes: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, payload_type];
    let (numbers, payload) = bytes.split_at(bytes.len().min(10));
    packet.extend_from_slice(numbers);
    packet.resize(12, 0);
    packet.extend_from_slice(payload);
    packet
}

/// A well-formed report about our stream, of numbers that are made up.
fn report(bytes: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x81, 201, 0, 7, 0, 0, 0, 2, 0, 0, 0, 1];
    packet.extend_from_slice(&bytes[..bytes.len().min(20)]);
    packet.resize(32, 0);
    packet
}
