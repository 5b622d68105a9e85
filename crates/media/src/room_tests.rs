use std::f64::consts::PI;
use std::net::SocketAddr;

use proptest::prelude::*;

use super::*;
use crate::TICK;
use crate::codec::Codec;
use crate::coders::{Decoder, Encoder};
use crate::g711::Law;
use crate::player::Repeat;
use crate::port::{PACKET_BYTES, StreamStart};
use crate::recorder::StopTones;
use crate::recording::{RecordingTap, recording};
use crate::rtp;
use crate::sdp::TonesAs;
use crate::spectrum::level;

const TONES_AS: u8 = 101;

fn as_events() -> Option<TonesAs> {
    Some(TonesAs {
        payload_type: TONES_AS,
        clock: 8_000,
    })
}

/// A caller with a voice of one frequency, and all it has heard.
struct Phone {
    id: PortId,
    hertz: f64,
    /// Peak, of full scale. At 0 it sends nothing at all.
    peak: f64,
    said: u64,
    sequence: u16,
    key: Option<(Tone, u32)>,
    heard: Vec<i16>,
    packets: Vec<Vec<u8>>,
    codec: Codec,
    encoder: Encoder,
    decoder: Decoder,
}

/// A room, the far ends of its ports and a clock of its own.
struct World {
    now: Instant,
    room: Room,
    desk: Desk,
    phones: Vec<Phone>,
    entries: u32,
    /// Ports come without a jitter buffer of their own, as the first of a room does.
    is_poor: bool,
    told: Vec<(PortId, MediaEvent)>,
}

fn agreed(codec: Codec) -> Agreed {
    let remote: SocketAddr = "192.0.2.1:4000".parse().unwrap();
    Agreed::plain(codec, remote, remote)
}

fn operation(n: u128) -> OperationId {
    OperationId::from_bits(n)
}

fn tones(keys: &str) -> Vec<Tone> {
    keys.chars().filter_map(Tone::from_symbol).collect()
}

impl World {
    fn new() -> Self {
        #[allow(
            clippy::disallowed_methods,
            reason = "any instant will do to begin with"
        )]
        let now = Instant::now();
        Self {
            now,
            room: Room::empty(),
            desk: Desk::new(),
            phones: Vec::new(),
            entries: 0,
            is_poor: false,
            told: Vec::new(),
        }
    }

    fn phone(&mut self, hertz: f64, peak: f64) -> PortId {
        self.phone_as(agreed(Codec::Pcmu), hertz, peak)
    }

    fn phone_as(&mut self, agreed: Agreed, hertz: f64, peak: f64) -> PortId {
        let id = PortId::new(self.phones.len(), self.entries);
        let start = StreamStart {
            ssrc: self.entries,
            sequence: 0,
            timestamp: 0,
        };
        let codec = agreed.codec;
        let coders = Coders::for_agreed(&agreed);
        let mut port = Port::new(agreed, start, self.now);
        if !self.is_poor {
            port.own_buffer(Box::default());
        }
        assert!(self.room.join(Member::port(id, port)).is_none());
        self.entries += 1;
        self.phones.push(Phone {
            id,
            hertz,
            peak,
            said: 0,
            sequence: 0,
            key: None,
            heard: Vec::new(),
            packets: Vec::new(),
            codec,
            encoder: coders.encoder,
            decoder: coders.decoder,
        });
        id
    }

    fn seat(&mut self) -> PortId {
        self.seat_at(0)
    }

    fn seat_at(&mut self, n: usize) -> PortId {
        let id = PortId::new(limits::PORTS_PER_ROOM + n, self.entries);
        self.entries += 1;
        assert!(self.room.join(Member::seat(id)).is_none());
        id
    }

    fn command(&mut self, to: PortId, command: MediaCommand) {
        self.room.command(to, command, self.now);
    }

    fn hears(&mut self, listener: PortId, sources: impl IntoIterator<Item = PortId>) {
        self.command(listener, MediaCommand::Hears(Sources::only(sources)));
    }

    fn play(&mut self, to: PortId, hertz: f64, milliseconds: u64) {
        let clips = vec![Clip::tone(hertz, Duration::from_millis(milliseconds), 0.25)];
        self.command(
            to,
            MediaCommand::Play {
                operation: operation(1),
                clips,
                repeat: Repeat::ONCE,
            },
        );
    }

    fn record(&mut self, seat: PortId, stop_tones: &str) -> RecordingTap {
        let (feed, tap) = recording();
        let plan = RecordPlan {
            stop_tones: tones(stop_tones).into_iter().collect::<StopTones>(),
            ..RecordPlan::default()
        };
        self.command(
            seat,
            MediaCommand::Record {
                operation: operation(2),
                plan,
                feed,
            },
        );
        tap
    }

    fn run(&mut self, ticks: u32) {
        for _ in 0..ticks {
            self.late_tick(1);
        }
    }

    /// A tick as a host does it, so many ticks after the last.
    fn late_tick(&mut self, ticks: u32) {
        self.now += TICK * ticks;
        self.room.begin(&mut self.desk, ticks);
        for place in self.room.ports().iter() {
            self.room.port_at(place).unwrap().advance(self.now, ticks);
        }
        let forwards = self.room.forwards();
        if !forwards {
            self.speak();
        }
        for phone in &mut self.phones {
            let packets = phone.say();
            if let Some(port) = self.room.port(phone.id) {
                for packet in packets {
                    port.packet(&packet, None, self.now);
                }
            }
        }
        self.room.hear(&mut self.desk, ticks);
        if forwards {
            self.speak();
        }
        self.room.end();
        self.collect();
    }

    fn collect(&mut self) {
        while let Some(output) = self.room.poll() {
            self.told.push((output.port, output.event));
        }
        while self.room.poll_spent().is_some() {}
    }

    fn speak(&mut self) {
        self.room.speak(&mut self.desk);
        let mut packet = [0; PACKET_BYTES];
        for phone in &mut self.phones {
            let Some(port) = self.room.port(phone.id) else {
                continue;
            };
            while let Some(length) = port.next_packet(&mut packet) {
                phone.hear(&packet[..length]);
            }
        }
    }

    fn leave(&mut self, id: PortId) {
        self.room.part(id);
        self.run(1);
        self.room.take_away(id).expect("it was there");
    }

    fn of(&mut self, id: PortId) -> &mut Phone {
        self.phones.iter_mut().find(|p| p.id == id).unwrap()
    }

    /// How strong a frequency was in the last half second a phone heard.
    fn level(&self, listener: PortId, hertz: f64) -> f64 {
        let phone = self.phones.iter().find(|p| p.id == listener).unwrap();
        let rate = phone.codec.rate().hertz();
        let from = phone.heard.len().saturating_sub(rate as usize / 2);
        level(&phone.heard[from..], hertz, f64::from(rate))
    }

    fn keys_heard(&self, at: PortId) -> usize {
        let phone = self.phones.iter().find(|p| p.id == at).unwrap();
        let starts = phone.packets.iter().filter(|p| p[1] == 0x80 | TONES_AS);
        starts.count()
    }
}

impl Phone {
    fn say(&mut self) -> Vec<Vec<u8>> {
        let timestamp = self.said as u32 * self.codec.clock_per_unit();
        let mut packets = Vec::new();
        if let Some((tone, start)) = self.key {
            let [high, low] = ((timestamp - start + 160) as u16).to_be_bytes();
            packets.push(self.packet(TONES_AS, start, &[tone.event(), 10, high, low]));
        } else if self.peak > 0.0 {
            let rate = self.codec.rate();
            let first = self.said * rate.per_unit() as u64;
            let samples: Vec<i16> = (first..)
                .take(rate.tick_samples())
                .map(|n| {
                    let angle = 2.0 * PI * self.hertz * n as f64 / f64::from(rate.hertz());
                    (32_767.0 * self.peak * angle.sin()) as i16
                })
                .collect();
            let mut payload = [0; limits::PAYLOAD_BYTES_MAX];
            let length = self.encoder.encode(self.codec, &samples, &mut payload);
            let payload = &payload[..length];
            packets.push(self.packet(self.codec.payload_type(), timestamp, payload));
        }
        self.said += TICK_SAMPLES as u64;
        packets
    }

    fn packet(&mut self, payload_type: u8, timestamp: u32, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; rtp::HEADER];
        let ssrc = self.id.place() as u32 + 1;
        rtp::write_header(
            &mut packet,
            false,
            payload_type,
            self.sequence,
            timestamp,
            ssrc,
        );
        self.sequence += 1;
        packet.extend_from_slice(payload);
        packet
    }

    fn hear(&mut self, packet: &[u8]) {
        self.packets.push(packet.to_vec());
        if packet[1] & 0x7f == self.codec.payload_type() {
            let payload = &packet[rtp::HEADER..];
            let units = usize::from(self.codec.payload_units(payload).unwrap());
            let mut samples = vec![0; units * self.codec.rate().per_unit()];
            self.decoder.decode(self.codec, payload, &mut samples);
            self.heard.extend(samples);
        }
    }
}

/// Sines 60 Hz apart, which half a second tells apart by far.
fn voice(n: usize) -> f64 {
    300.0 + 60.0 * n as f64
}

/// Below this a frequency is not there: what G.711 adds is weaker.
const ABSENT_DB: f64 = -62.0;

#[test]
fn wide_and_narrow_phones_are_in_one_room() {
    for codec in Codec::ALL.into_iter().filter(|c| c.rate() == Rate::Wide) {
        let mut world = World::new();
        let wide = world.phone_as(agreed(codec), 5_500.0, 0.2);
        let other = world.phone_as(agreed(codec), 700.0, 0.2);
        let narrow = world.phone(1_100.0, 0.2);
        let seat = world.seat();
        let mut tap = world.record(seat, "");
        let mut recorded = Vec::new();
        for _ in 0..50 {
            world.run(1);
            recorded.extend(std::iter::from_fn(|| tap.read()));
        }
        // What only wide ears hear is heard by them, and is not folded down for the others.
        assert!(world.level(other, 5_500.0) > -18.0, "{codec:?}");
        assert!(world.level(other, 1_100.0) > -18.0);
        assert!(world.level(wide, 700.0) > -18.0 && world.level(wide, 1_100.0) > -18.0);
        assert!(world.level(narrow, 700.0) > -18.0);
        assert!(world.level(narrow, 8_000.0 - 5_500.0) < -50.0);
        assert!(recorded.iter().all(|frame| frame.rate() == Rate::Wide));
        let samples: Vec<i16> = recorded[25..].iter().flat_map(|f| f.to_vec()).collect();
        for hertz in [5_500.0, 700.0, 1_100.0] {
            assert!(
                level(&samples, hertz, 16_000.0) > -18.0,
                "{codec:?} {hertz}"
            );
        }
        // A prompt reaches both as well as they can hear it, with keys for who knows no events.
        world.play(seat, 6_200.0, 1_000);
        world.run(45);
        assert!(world.level(other, 6_200.0) > -18.0, "{codec:?}");
        assert!(world.level(narrow, 8_000.0 - 6_200.0) < -50.0);
    }
}

#[test]
fn each_of_fifty_talkers_hears_all_the_others_and_not_itself() {
    let mut world = World::new();
    let phones: Vec<PortId> = (0..50).map(|n| world.phone(voice(n), 0.01)).collect();
    world.run(40);
    for (listener, id) in phones.iter().enumerate() {
        for talker in 0..50 {
            let db = world.level(*id, voice(talker));
            if talker == listener {
                assert!(db < ABSENT_DB, "{listener} hears itself: {db:.1}");
            } else {
                // A hundredth of full scale.
                assert!(
                    (db + 40.0).abs() < 1.0,
                    "{listener} hears {talker}: {db:.1}"
                );
            }
        }
    }
}

#[test]
fn who_is_muted_or_in_another_group_is_absent() {
    let mut world = World::new();
    let phones: Vec<PortId> = (0..6).map(|n| world.phone(voice(n), 0.1)).collect();
    // Two groups of three, and the last of each muted: it hears, and is not heard.
    for (n, id) in phones.iter().enumerate() {
        let group = &phones[n / 3 * 3..n / 3 * 3 + 2];
        world.hears(*id, group.iter().copied());
    }
    world.run(40);
    for (n, id) in phones.iter().enumerate() {
        for talker in 0..6 {
            let db = world.level(*id, voice(talker));
            let is_heard = talker / 3 == n / 3 && talker % 3 != 2 && talker != n;
            if is_heard {
                assert!((db + 20.0).abs() < 1.0, "{n} hears {talker}: {db:.1}");
            } else {
                assert!(db < ABSENT_DB, "{n} hears {talker}: {db:.1}");
            }
        }
    }
    // And back.
    for id in &phones {
        world.command(*id, MediaCommand::Hears(Sources::Everyone));
    }
    world.run(40);
    assert!(world.level(phones[0], voice(5)) > -21.0);
}

#[test]
fn two_voices_in_step_are_six_decibels_more_and_far_too_many_do_not_wrap_around() {
    let mut world = World::new();
    let listener = world.phone(100.0, 0.0);
    world.phone(500.0, 0.2);
    world.run(40);
    let one = world.level(listener, 500.0);
    let mut world = World::new();
    let listener = world.phone(100.0, 0.0);
    world.phone(500.0, 0.2);
    world.phone(500.0, 0.2);
    world.run(40);
    let two = world.level(listener, 500.0);
    assert!((two - one - 6.02).abs() < 0.2, "{one:.2} {two:.2}");

    let mut world = World::new();
    let listener = world.phone(100.0, 0.0);
    for _ in 0..30 {
        world.phone(500.0, 0.9);
    }
    world.run(40);
    // Nearly a square wave, whose first harmonic is 2 dB above full scale.
    let loud = world.level(listener, 500.0);
    assert!((0.0..=2.2).contains(&loud), "{loud:.2}");
    let heard = &world.of(listener).heard;
    let heard = &heard[heard.len() - 4_000..];
    let crossings = heard
        .windows(2)
        .filter(|w| (w[0] < 0) != (w[1] < 0))
        .count();
    assert!(
        (498..=502).contains(&crossings),
        "{crossings} in half a second"
    );
}

/// The sharpest bend in what was heard: a click is one.
fn bend(samples: &[i16]) -> i32 {
    let bends = samples.windows(3).map(|w| {
        let [a, b, c] = [w[0], w[1], w[2]].map(i32::from);
        (a - 2 * b + c).abs()
    });
    bends.max().unwrap()
}

#[test]
fn coming_going_and_muting_make_no_click() {
    // The sharpest bend of the two sines together, and of their encoding.
    const ALLOWED: i32 = 5_000;
    let mut sharpest_cut = 0;
    for wait in 0..12 {
        let mut world = World::new();
        let listener = world.phone(100.0, 0.0);
        world.phone(410.0, 0.25);
        world.run(20 + wait);
        let newcomer = world.phone(713.0, 0.25);
        // In the middle of a word: this phone has been speaking for a while.
        world.of(newcomer).said = 160 * 20 + 40;
        world.run(17);
        world.hears(listener, [PortId::new(1, 1)]);
        world.run(5);
        world.command(listener, MediaCommand::Hears(Sources::Everyone));
        world.run(5);
        world.leave(newcomer);
        world.run(5);
        let bend_heard = bend(&world.of(listener).heard);
        assert!(bend_heard < ALLOWED, "{bend_heard} after {wait}");

        // The same without a listener's fading: somebody who just stops.
        let mut cut = world.of(newcomer).heard.clone();
        let sine: Vec<i16> = (0..40 + 8 * wait)
            .map(|n| (8_192.0 * (2.0 * PI * 713.0 * f64::from(n) / 8_000.0).sin()) as i16)
            .collect();
        cut.extend(sine);
        cut.extend([0; 10]);
        sharpest_cut = sharpest_cut.max(bend(&cut));
    }
    assert!(
        sharpest_cut > ALLOWED,
        "the bound tells no click: {sharpest_cut}"
    );
}

#[test]
fn a_prompt_for_one_phone_goes_out_as_it_was_encoded() {
    let mut world = World::new();
    let phone = world.phone(440.0, 0.0);
    let seat = world.seat();
    world.play(seat, 440.0, 200);
    world.run(12);
    let clip = Clip::tone(440.0, Duration::from_millis(200), 0.25);
    let sent: Vec<u8> = world
        .of(phone)
        .packets
        .iter()
        .flat_map(|p| p[rtp::HEADER..].to_vec())
        .collect();
    assert!(&sent[..1_600] == clip.bytes(Law::Mu));
    assert!(sent[1_600..].iter().all(|byte| *byte == 0xff));
    let played = MediaEvent::Played {
        operation: operation(1),
        ended: PlayEnded::Finished,
    };
    assert_eq!(
        world
            .told
            .iter()
            .filter(|(at, e)| *at == seat && *e == played)
            .count(),
        1
    );
}

#[test]
fn packets_of_other_lengths_bring_the_whole_prompt() {
    for packet_units in [80, 240, 480] {
        let mut world = World::new();
        let long = Agreed {
            packet_units,
            ..agreed(Codec::Pcma)
        };
        let phone = world.phone_as(long, 440.0, 0.0);
        let seat = world.seat();
        world.play(seat, 440.0, 240);
        world.run(24);
        let clip = Clip::tone(440.0, Duration::from_millis(240), 0.25);
        let packets = &world.of(phone).packets;
        assert!(
            packets
                .iter()
                .all(|p| p.len() == rtp::HEADER + usize::from(packet_units))
        );
        let sent: Vec<u8> = packets
            .iter()
            .flat_map(|p| p[rtp::HEADER..].to_vec())
            .collect();
        assert!(&sent[..1_920] == clip.bytes(Law::A), "{packet_units}");
    }
}

#[test]
fn a_seat_plays_to_all_who_hear_it_and_records_all_it_hears() {
    let mut world = World::new();
    let a = world.phone(517.0, 0.1);
    let b = world.phone(903.0, 0.1);
    let deaf = world.phone(1_311.0, 0.1);
    let seat = world.seat();
    world.hears(deaf, [a, b]);
    let mut tap = world.record(seat, "");
    world.play(seat, 1_747.0, 10_000);
    let mut recorded = Vec::new();
    for _ in 0..50 {
        world.run(1);
        recorded.extend(std::iter::from_fn(|| tap.read()).flat_map(|frame| frame.to_vec()));
    }
    for (listener, hears) in [
        (a, [false, true, true, true]),
        (b, [true, false, true, true]),
        (deaf, [true, true, false, false]),
    ] {
        for (hertz, is_heard) in [517.0, 903.0, 1_311.0, 1_747.0].into_iter().zip(hears) {
            let db = world.level(listener, hertz);
            assert_eq!(db > -22.0, is_heard, "{listener:?} {hertz}: {db:.1}");
            assert!(is_heard || db < ABSENT_DB, "{listener:?} {hertz}: {db:.1}");
        }
    }
    let recorded = &recorded[recorded.len() - 4_000..];
    for hertz in [517.0, 903.0, 1_311.0] {
        assert!(
            (level(recorded, hertz, 8_000.0) + 20.0).abs() < 1.0,
            "{hertz}"
        );
    }
    assert!(level(recorded, 1_747.0, 8_000.0) < ABSENT_DB);
}

#[test]
fn who_is_held_hears_music_alone_and_is_not_heard() {
    let mut world = World::new();
    let a = world.phone(500.0, 0.1);
    let b = world.phone(900.0, 0.1);
    let held = world.phone(1_300.0, 0.1);
    world.hears(a, [b]);
    world.hears(b, [a]);
    world.hears(held, []);
    world.command(
        held,
        MediaCommand::Play {
            operation: operation(7),
            clips: vec![Clip::tone(2_000.0, Duration::from_millis(300), 0.25)],
            repeat: Repeat::UntilStopped,
        },
    );
    world.run(60);
    assert!(world.level(held, 2_000.0) > -15.0);
    assert!(world.level(held, 500.0) < ABSENT_DB && world.level(held, 900.0) < ABSENT_DB);
    assert!(world.level(a, 900.0) > -21.0);
    assert!(world.level(a, 1_300.0) < ABSENT_DB && world.level(a, 2_000.0) < ABSENT_DB);
    world.command(
        held,
        MediaCommand::Stop {
            operation: operation(7),
        },
    );
    for id in [a, b, held] {
        world.command(id, MediaCommand::Hears(Sources::Everyone));
    }
    world.run(40);
    assert!(world.level(held, 500.0) > -21.0 && world.level(held, 2_000.0) < ABSENT_DB);
    assert!(world.level(a, 1_300.0) > -21.0);
}

#[test]
fn keys_of_a_seat_reach_every_port_in_the_way_it_understands() {
    let mut world = World::new();
    let with_events = Agreed {
        tones_sent_as: as_events(),
        ..agreed(Codec::Pcmu)
    };
    let modern = world.phone_as(with_events, 100.0, 0.0);
    let plain = world.phone_as(
        Agreed {
            tones_sent_as: None,
            ..agreed(Codec::Pcma)
        },
        100.0,
        0.0,
    );
    let deaf = world.phone_as(with_events, 100.0, 0.0);
    let seat = world.seat();
    world.hears(deaf, [modern]);
    world.command(
        seat,
        MediaCommand::SendTones {
            operation: operation(3),
            tones: tones("159"),
            press: Duration::from_millis(200),
            gap: Duration::from_millis(100),
        },
    );
    world.run(60);
    assert_eq!((world.keys_heard(modern), world.keys_heard(deaf)), (3, 0));
    let press = |n: usize| n * 15 * TICK_SAMPLES..(n * 15 + 10) * TICK_SAMPLES;
    let heard = &world.of(plain).heard;
    for (n, pair) in [[697.0, 1_209.0], [770.0, 1_336.0], [852.0, 1_477.0]]
        .into_iter()
        .enumerate()
    {
        for hertz in pair {
            let db = level(&heard[press(n)], hertz, 8_000.0);
            assert!((-14.0..=-9.0).contains(&db), "{n} {hertz}: {db:.1}");
        }
        let pause = (n * 15 + 11) * TICK_SAMPLES..(n * 15 + 15) * TICK_SAMPLES;
        assert!(heard[pause].iter().all(|sample| sample.abs() < 20));
    }
    let sent = MediaEvent::TonesSent {
        operation: operation(3),
        ended: TonesEnded::Finished,
    };
    assert_eq!(
        world
            .told
            .iter()
            .filter(|(at, e)| *at == seat && *e == sent)
            .count(),
        1
    );
}

#[test]
fn a_key_ends_a_seats_recording_from_any_port_it_hears_and_from_no_other() {
    for (is_heard, beside) in [(true, false), (true, true), (false, false), (false, true)] {
        let mut world = World::new();
        let with_events = Agreed {
            tones_heard_as: [as_events(), None],
            ..agreed(Codec::Pcmu)
        };
        let a = world.phone_as(with_events, 500.0, 0.1);
        let b = world.phone_as(with_events, 900.0, 0.1);
        let seat = world.seat();
        world.hears(seat, if is_heard { vec![a, b] } else { vec![a] });
        let _tap = world.record(seat, "#");
        world.run(20);
        let key = tones("#")[0];
        if beside {
            world.command(b, MediaCommand::ToneSignalled(Private::new(key)));
        } else {
            let phone = world.of(b);
            phone.key = Some((key, phone.said as u32));
        }
        world.run(5);
        let ended = world.told.iter().any(|(at, event)| {
            let by_key = matches!(
                event,
                MediaEvent::Recorded {
                    ended: RecordEnded::StopTone,
                    ..
                }
            );
            *at == seat && by_key
        });
        assert_eq!(ended, is_heard, "beside the audio: {beside}");
        let told = world
            .told
            .iter()
            .filter(|(at, event)| *at == b && matches!(event, MediaEvent::ToneHeard(_)));
        assert_eq!(told.count(), usize::from(!beside));
    }
}

#[test]
fn a_recording_of_one_phone_is_what_it_said_to_the_sample() {
    let mut world = World::new();
    // As the first port of a room is: with no buffer of its own.
    let phone = world.phone(440.0, 0.3);
    world.room.take_away(phone);
    let start = StreamStart {
        ssrc: 1,
        sequence: 0,
        timestamp: 0,
    };
    let port = Port::new(agreed(Codec::Pcmu), start, world.now);
    world.room.join(Member::port(phone, port));
    let seat = world.seat();
    world.run(5);
    for _ in 0..2 {
        let mut tap = world.record(seat, "");
        let from = world.of(phone).said as usize;
        world.run(30);
        world.command(
            seat,
            MediaCommand::Stop {
                operation: operation(2),
            },
        );
        world.run(1);
        let recorded: Vec<i16> = std::iter::from_fn(|| tap.read())
            .flat_map(|frame| frame.to_vec())
            .collect();
        assert_eq!(recorded.len(), 30 * TICK_SAMPLES);
        let mut expected: Vec<i16> = (from..)
            .take(recorded.len())
            .map(|n| (32_767.0 * 0.3 * (2.0 * PI * 440.0 * n as f64 / 8_000.0).sin()) as i16)
            .collect();
        let mut bytes = vec![0; expected.len()];
        Law::Mu.encode(&expected, &mut bytes);
        Law::Mu.decode(&bytes, &mut expected);
        // Two frames late, by the delay the jitter buffer begins with.
        assert!(recorded[320..] == expected[..recorded.len() - 320]);
        // Its buffer was the recording's, and went back with it.
        assert!(!world.room.port(phone).unwrap().has_buffer());
    }
}

#[test]
fn whoever_listens_hears_the_same_with_and_without_a_recording() {
    let mut world = World::new();
    let phone = world.phone(440.0, 0.3);
    let seat = world.seat();
    let (feed, mut ear) = recording();
    world.command(seat, MediaCommand::Listen { feed });
    world.run(10);
    let mut tap = world.record(seat, "");
    world.run(10);
    let stop = MediaCommand::Stop {
        operation: operation(2),
    };
    world.command(seat, stop);
    world.run(10);
    let frames = |tap: &mut RecordingTap| -> Vec<Vec<i16>> {
        std::iter::from_fn(|| tap.read())
            .map(|frame| frame.to_vec())
            .collect()
    };
    let (heard, recorded) = (frames(&mut ear), frames(&mut tap));
    assert_eq!((heard.len(), recorded.len()), (30, 10));
    assert_eq!(heard[10..20], recorded);
    assert!(heard[25].iter().any(|sample| sample.abs() > 5_000));
    world.command(seat, MediaCommand::Deafen);
    world.run(2);
    assert!(ear.is_complete());
    assert!(world.told.contains(&(seat, MediaEvent::Deafened)));
    // What the port lent itself to hear is not missed by the next who listens.
    let (feed, mut ear) = recording();
    world.command(seat, MediaCommand::Listen { feed });
    world.run(10);
    assert_eq!(frames(&mut ear).len(), 10);
    world.room.close(seat);
    assert!(ear.is_complete());
    let _ = phone;
}

#[test]
fn a_host_that_was_late_records_the_time_and_drops_the_prompt() {
    let mut world = World::new();
    let phone = world.phone(440.0, 0.3);
    world.phone(700.0, 0.0);
    let seat = world.seat();
    let mut tap = world.record(seat, "");
    world.play(seat, 900.0, 400);
    world.run(5);
    for _ in 0..9 {
        world.of(phone).say();
    }
    world.late_tick(10);
    world.run(5);
    let played = |world: &World| {
        world
            .told
            .iter()
            .any(|(_, e)| matches!(e, MediaEvent::Played { .. }))
    };
    assert!(played(&world), "twenty ticks have passed");
    assert_eq!(world.of(phone).packets.len(), 11);
    world.command(
        seat,
        MediaCommand::Stop {
            operation: operation(2),
        },
    );
    assert_eq!(std::iter::from_fn(|| tap.read()).count(), 20);
}

#[test]
fn a_newcomer_in_the_place_of_another_is_a_stranger() {
    let mut world = World::new();
    let a = world.phone(500.0, 0.1);
    let b = world.phone(900.0, 0.1);
    world.hears(a, [b]);
    world.run(10);
    world.leave(b);
    world.phones.pop();
    let stranger = world.phone(1_300.0, 0.1);
    assert_eq!(stranger.place(), b.place());
    assert_ne!(stranger, b);
    world.run(40);
    assert!(world.level(a, 1_300.0) < ABSENT_DB);
    assert!(world.level(stranger, 500.0) > -21.0);
    // What is still meant for who has left does not reach them.
    world.command(b, MediaCommand::Hears(Sources::NOBODY));
    world.run(40);
    assert!(world.level(stranger, 500.0) > -21.0);
}

/// Anything that can be done to a room.
#[derive(Debug, Clone)]
enum Act {
    Phone {
        codec: usize,
        talks: bool,
    },
    Seat,
    Close {
        who: usize,
    },
    /// Leaves with all that runs, and comes back.
    Move {
        who: usize,
    },
    Hears {
        who: usize,
        whom: Option<u16>,
    },
    Play {
        who: usize,
        milliseconds: u64,
    },
    Record {
        who: usize,
        milliseconds: u64,
    },
    Press {
        who: usize,
    },
    Stop {
        who: usize,
    },
    Key {
        who: usize,
        down: bool,
    },
    Agree {
        who: usize,
        codec: usize,
        sends: bool,
    },
    Pass {
        ticks: u32,
        late: u32,
    },
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let who = 0_usize..16;
    let act = prop_oneof![
        (0_usize..8, any::<bool>()).prop_map(|(codec, talks)| Act::Phone { codec, talks }),
        Just(Act::Seat),
        who.clone().prop_map(|who| Act::Close { who }),
        who.clone().prop_map(|who| Act::Move { who }),
        (who.clone(), any::<Option<u16>>()).prop_map(|(who, whom)| Act::Hears { who, whom }),
        (who.clone(), 1_u64..200).prop_map(|(who, milliseconds)| Act::Play { who, milliseconds }),
        (who.clone(), 20_u64..300)
            .prop_map(|(who, milliseconds)| Act::Record { who, milliseconds }),
        who.clone().prop_map(|who| Act::Press { who }),
        who.clone().prop_map(|who| Act::Stop { who }),
        (who.clone(), any::<bool>()).prop_map(|(who, down)| Act::Key { who, down }),
        (who, 0_usize..8, any::<bool>()).prop_map(|(who, codec, sends)| Act::Agree {
            who,
            codec,
            sends
        }),
        (1_u32..12, 1_u32..4).prop_map(|(ticks, late)| Act::Pass { ticks, late }),
    ];
    proptest::collection::vec(act, 1..60)
}

/// Does it all, ends everybody, and gives how many operations were begun.
fn perform(world: &mut World, acts: Vec<Act>) -> u128 {
    let mut here: Vec<PortId> = Vec::new();
    let mut seats = 0;
    let mut begun = 0;
    let codec = |n: usize| Codec::ALL[n % Codec::ALL.len()];
    for act in acts {
        let pick = |who: usize| here.get(who % here.len().max(1)).copied();
        match act {
            Act::Phone { codec: n, talks } if world.phones.len() < 8 => {
                let peak = if talks { 0.4 } else { 0.0 };
                let hertz = voice(world.phones.len());
                here.push(world.phone_as(agreed(codec(n)), hertz, peak));
            }
            Act::Seat if seats < limits::SEATS_PER_ROOM => {
                here.push(world.seat_at(seats));
                seats += 1;
            }
            Act::Close { who } => {
                let Some(id) = pick(who) else { continue };
                here.retain(|other| *other != id);
                world.room.part(id);
                world.run(1);
                world.room.close(id);
                world.collect();
                world.room.take_away(id).expect("it was there");
            }
            Act::Move { who } => {
                let Some(id) = pick(who).filter(|id| !id.is_seat()) else {
                    continue;
                };
                world.room.part(id);
                world.run(1);
                let member = world.room.take_away(id).expect("it was there");
                world.run(1);
                let port = member.into_port().expect("it is a port");
                assert!(world.room.join(Member::port(id, port)).is_none());
            }
            Act::Hears { who, whom } => {
                let Some(id) = pick(who) else { continue };
                let sources = whom.map_or(Sources::Everyone, |whom| {
                    let some = here.iter().enumerate();
                    Sources::only(
                        some.filter(|(n, _)| whom & (1 << (n % 16)) != 0)
                            .map(|(_, id)| *id),
                    )
                });
                world.command(id, MediaCommand::Hears(sources));
            }
            Act::Play { who, milliseconds } => {
                let Some(id) = pick(who) else { continue };
                begun += 1;
                let clips = vec![Clip::tone(500.0, Duration::from_millis(milliseconds), 0.3)];
                world.command(
                    id,
                    MediaCommand::Play {
                        operation: operation(begun),
                        clips,
                        repeat: Repeat::ONCE,
                    },
                );
            }
            Act::Record { who, milliseconds } => {
                let Some(id) = pick(who) else { continue };
                begun += 1;
                let (feed, _) = recording();
                let plan = RecordPlan {
                    max_duration: Some(Duration::from_millis(milliseconds)),
                    stop_tones: tones("#").into_iter().collect(),
                    ..RecordPlan::default()
                };
                world.command(
                    id,
                    MediaCommand::Record {
                        operation: operation(begun),
                        plan,
                        feed,
                    },
                );
            }
            Act::Press { who } => {
                let Some(id) = pick(who) else { continue };
                begun += 1;
                world.command(
                    id,
                    MediaCommand::SendTones {
                        operation: operation(begun),
                        tones: tones("1#"),
                        press: Duration::from_millis(60),
                        gap: Duration::from_millis(60),
                    },
                );
            }
            Act::Stop { who } => {
                let Some(id) = pick(who) else { continue };
                let operation = operation(begun);
                world.command(id, MediaCommand::Stop { operation });
            }
            Act::Key { who, down } => {
                let Some(id) = pick(who).filter(|id| !id.is_seat()) else {
                    continue;
                };
                let phone = world.of(id);
                phone.key = down.then(|| (tones("#")[0], phone.said as u32));
            }
            Act::Agree {
                who,
                codec: n,
                sends,
            } => {
                let Some(id) = pick(who).filter(|id| !id.is_seat()) else {
                    continue;
                };
                let direction = if sends {
                    crate::Direction::SendRecv
                } else {
                    crate::Direction::RecvOnly
                };
                let agreed = Agreed {
                    direction,
                    ..agreed(codec(n))
                };
                let phone = world.of(id);
                (phone.codec, phone.encoder) = (agreed.codec, Encoder::default());
                phone.decoder = Decoder::default();
                world.command(id, MediaCommand::agree(agreed));
            }
            Act::Pass { ticks, late } => {
                for _ in 0..ticks {
                    world.late_tick(late);
                }
            }
            Act::Phone { .. } | Act::Seat => {}
        }
        world.collect();
    }
    for id in here {
        world.room.close(id);
    }
    world.collect();
    begun
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn whatever_happens_in_a_room_every_operation_ends_once(acts in acts(), is_poor in any::<bool>()) {
        let mut world = World::new();
        world.is_poor = is_poor;
        let begun = perform(&mut world, acts);
        let mut ended: Vec<u128> = world
            .told
            .iter()
            .filter_map(|(_, event)| match event {
                MediaEvent::Played { operation, .. }
                | MediaEvent::Recorded { operation, .. }
                | MediaEvent::TonesSent { operation, .. } => Some(operation.bits()),
                _ => None,
            })
            .collect();
        ended.sort_unstable();
        prop_assert_eq!(ended, (1..=begun).collect::<Vec<_>>());
    }
}
