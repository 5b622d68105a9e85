//! A whole port behind networks that lose, delay, reorder, double and drift.

use std::f64::consts::PI;

use super::*;
use crate::Loudness;
use crate::recorder::RecordPlan;
use crate::recording::{RecordingTap, recording};
use proptest::prelude::*;

const PHONE: &str = "192.0.2.7:4000";

/// What a phone says, sample by sample, from −1 to 1.
type Voice = fn(u64) -> f64;

/// A port that records a phone, and the phone's packets on their way.
struct Line {
    now: Instant,
    port: Port,
    tap: RecordingTap,
    frames: Vec<Frame>,
    ended: Option<(RecordEnded, Duration)>,
    ticks: usize,
}

impl Line {
    fn new(plan: RecordPlan) -> Self {
        #[allow(
            clippy::disallowed_methods,
            reason = "a first moment, from which time is simulated"
        )]
        let now = Instant::now();
        let to: SocketAddr = PHONE.parse().unwrap();
        let start = StreamStart {
            ssrc: 1,
            sequence: 0,
            timestamp: 0,
        };
        let mut port = Port::new(Agreed::plain(Codec::Pcmu, to, to), start, now);
        let (feed, tap) = recording();
        let operation = OperationId::from_bits(1);
        let record = MediaCommand::Record {
            operation,
            plan,
            feed,
        };
        port.command(record, now);
        Self {
            now,
            port,
            tap,
            frames: Vec::new(),
            ended: None,
            ticks: 0,
        }
    }

    /// A tick in which these packets of the phone come, by their numbers.
    fn tick(&mut self, packets: &[u64], voice: Voice) {
        self.now += TICK;
        self.ticks += 1;
        self.port.advance(self.now, 1);
        for n in packets {
            let packet = packet(*n, voice);
            let from = PHONE.parse().ok();
            self.port.packet(&packet, from, self.now);
        }
        self.port.hear(1);
        self.frames.extend(std::iter::from_fn(|| self.tap.read()));
        while let Some((event, _)) = self.port.poll() {
            if let MediaEvent::Recorded {
                ended, duration, ..
            } = event
            {
                self.ended = Some((ended, duration));
            }
        }
    }

    fn gaps(&self) -> usize {
        let quiet = |frame: &&Frame| Loudness::of(frame).dbfs() < -60.0;
        self.frames.iter().filter(quiet).count()
    }
}

/// The phone's numbers begin right before they wrap.
fn packet(n: u64, voice: Voice) -> [u8; 172] {
    let mut samples = [0_i16; TICK_SAMPLES];
    for (sample, at) in samples.iter_mut().zip(n * 160..) {
        *sample = (voice(at) * 32_767.0) as i16;
    }
    let mut packet = [0; 172];
    let sequence = 65_530_u16.wrapping_add(n as u16);
    let timestamp = (u32::MAX - 1_000).wrapping_add((n * 160) as u32);
    rtp::write_header(&mut packet, n == 0, 0, sequence, timestamp, 77);
    crate::g711::Law::Mu.encode(&samples, &mut packet[rtp::HEADER..]);
    packet
}

fn hum(at: u64) -> f64 {
    0.25 * (2.0 * PI * 440.0 * at as f64 / 8_000.0).sin()
}

/// −46 dBFS of white noise, by a hash of the place.
fn hiss(at: u64) -> f64 {
    let mixed = (at ^ (at >> 7)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let even = (mixed >> 11) as f64 / (1_u64 << 53) as f64 * 2.0 - 1.0;
    even * 0.005 * 3_f64.sqrt()
}

/// Three seconds of words of 0.3 s with pauses of 0.15 s over the noise, then only the noise.
fn talk(at: u64) -> f64 {
    let speaks = at < 24_000 && at % 3_600 < 2_400;
    let voiced = [120.0, 240.0, 600.0, 1_200.0]
        .map(|hertz| (2.0 * PI * hertz * at as f64 / 8_000.0).sin() * 0.08);
    hiss(at) + if speaks { voiced.iter().sum() } else { 0.0 }
}

/// What the platform asks for by default.
fn usual() -> RecordPlan {
    let seconds = |n| Some(Duration::from_secs(n));
    RecordPlan {
        initial_silence: seconds(5),
        max_silence: seconds(5),
        max_duration: seconds(10),
        ..RecordPlan::default()
    }
}

fn recorded(voice: Voice) -> Option<(RecordEnded, Duration)> {
    let mut line = Line::new(usual());
    for n in 0..600 {
        line.tick(&[n], voice);
    }
    line.ended
}

#[test]
fn ten_seconds_of_a_steady_tone_are_sound_to_the_end() {
    let ten = Duration::from_secs(10);
    assert_eq!(recorded(hum), Some((RecordEnded::MaxDuration, ten)));
}

#[test]
fn steady_noise_is_nobody_speaking() {
    let five = Duration::from_secs(5);
    assert_eq!(recorded(hiss), Some((RecordEnded::InitialSilence, five)));
}

#[test]
fn the_pause_after_words_is_found_over_noise() {
    let (ended, duration) = recorded(talk).unwrap();
    assert_eq!(ended, RecordEnded::MaxSilence);
    // The last word ends at 3.0 s; the buffer's delay and the end of a word are a little more.
    let after = duration.as_millis() - 5_000;
    assert!((2_800..=3_200).contains(&after), "{after}");
}

#[test]
fn loss_doubling_reordering_and_delay_are_counted_and_bridged() {
    let mut line = Line::new(usual());
    let mut arrivals: Vec<Vec<u64>> = vec![Vec::new(); 620];
    let (mut lost, mut doubled) = (0, 0);
    for n in 0..550_u64 {
        let chance = n.wrapping_mul(2_654_435_761) % 1_000;
        // Never the last: nobody could know that it is missing.
        if n > 0 && n < 549 && chance < 50 {
            lost += 1;
            continue;
        }
        let delay = if chance > 900 {
            1 + chance as usize % 2
        } else {
            0
        };
        arrivals[n as usize + delay].push(n);
        if (100..130).contains(&chance) {
            doubled += 1;
            arrivals[n as usize + 1].push(n);
        }
    }
    for packets in &arrivals[..550] {
        line.tick(packets, hum);
    }
    let (ended, duration) = line.ended.unwrap();
    assert_eq!((ended, duration.as_secs()), (RecordEnded::MaxDuration, 10));
    let statistics = line.port.statistics();
    assert_eq!(statistics.packets_lost, lost);
    assert_eq!(statistics.packets_duplicated, doubled);
    // The frame before the first packet, those of the delay, and no other: a lost one is bridged.
    assert!(line.gaps() <= 8, "{} gaps", line.gaps());
}

#[test]
fn a_clock_that_drifts_leaves_no_holes() {
    // Five times worse than a bad crystal, for two minutes.
    for rate in [0.9995, 1.0005] {
        let mut line = Line::new(RecordPlan::default());
        let mut sent = 0_u64;
        for tick in 1..=6_000 {
            let mut packets = Vec::new();
            while (sent as f64) < f64::from(tick) * rate {
                packets.push(sent);
                sent += 1;
            }
            line.tick(&packets, hum);
        }
        assert!(line.gaps() <= 6, "{rate}: {} gaps", line.gaps());
        assert_eq!(line.frames.len(), line.ticks - limits::TONE_LEAK_FRAMES);
    }
}

#[test]
fn a_press_is_sent_with_growing_durations_and_three_ends() {
    let mut line = Line::new(RecordPlan::default());
    let tones = "5".chars().filter_map(Tone::from_symbol).collect();
    let (press, gap) = (Duration::from_millis(100), Duration::from_millis(100));
    let send = MediaCommand::SendTones {
        operation: OperationId::from_bits(2),
        tones,
        press,
        gap,
    };
    line.port.command(send, line.now);
    let mut sent = Vec::new();
    for _ in 0..8 {
        line.now += TICK;
        line.port.advance(line.now, 1);
        let mut out = [0; PACKET_BYTES];
        while let Some(length) = line.port.next_packet(&mut out) {
            let heard = rtp::read(&out[..length]).unwrap();
            let tone = (length == rtp::HEADER + 4).then(|| {
                let duration = u16::from_be_bytes([heard.payload[2], heard.payload[3]]);
                (heard.payload[0], heard.payload[1] & 0x80 != 0, duration)
            });
            sent.push((heard.marker, heard.timestamp, tone));
        }
    }
    let part = |duration, ended| Some((5, ended, duration));
    let expected = [
        (true, 0, part(160, false)),
        (false, 0, part(320, false)),
        (false, 0, part(480, false)),
        (false, 0, part(640, false)),
        (false, 0, part(800, true)),
        (false, 0, part(800, true)),
        (false, 0, part(800, true)),
    ];
    assert_eq!(sent[..7], expected);
    // Audio goes on at its own time, as if the seven ticks had been audio.
    assert_eq!((sent[7].1, sent[7].2), (7 * 160, None));
}

proptest! {
    /// Fates: so many ticks late, doubled, or lost.
    #[test]
    fn no_network_breaks_the_books(fates in proptest::collection::vec((0_usize..12, any::<bool>(), 0_u8..10), 1..300)) {
        let mut line = Line::new(RecordPlan::default());
        let mut arrivals: Vec<Vec<u64>> = vec![Vec::new(); fates.len() + 16];
        let mut delivered = 0_u64;
        let mut unique = 0_u64;
        for (n, (late, doubled, chance)) in fates.iter().enumerate() {
            if *chance == 0 {
                continue;
            }
            unique += 1;
            delivered += 1 + u64::from(*doubled);
            arrivals[n + late].push(n as u64);
            if *doubled {
                arrivals[n + late + 1].push(n as u64);
            }
        }
        for packets in &arrivals {
            line.tick(packets, hum);
        }
        let statistics = line.port.statistics();
        prop_assert_eq!(statistics.packets_refused, 0);
        prop_assert_eq!(statistics.packets_received, unique);
        prop_assert_eq!(statistics.packets_received + statistics.packets_duplicated, delivered);
        prop_assert_eq!(line.frames.len(), arrivals.len() - limits::TONE_LEAK_FRAMES);
    }
}
