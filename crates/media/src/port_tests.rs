use super::*;
use crate::player::Repeat;
use crate::recorder::{RecordPlan, StopTones};
use crate::recording::{RecordingTap, recording};
use crate::{Clip, Key, Loudness, Protection, Rate, Suite};
use proptest::prelude::*;

const A: &str = "192.0.2.1:4000";
const B: &str = "192.0.2.2:5000";

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn agreed(remote: &str) -> Agreed {
    let remote = at(remote);
    let remote_rtcp = SocketAddr::new(remote.ip(), remote.port() + 1);
    Agreed::plain(Codec::Pcmu, remote, remote_rtcp)
}

fn operation(n: u128) -> OperationId {
    OperationId::from_bits(n)
}

/// Two ports, a network between them and a clock of its own.
struct World {
    now: Instant,
    ticks: u64,
    a: Port,
    b: Port,
    /// Whether packet `n` from A gets through.
    network: fn(u64) -> bool,
    a_sent: u64,
    from_a: Vec<Vec<u8>>,
    a_told: Vec<(u64, MediaEvent)>,
    b_told: Vec<(u64, MediaEvent)>,
}

impl World {
    fn new() -> Self {
        #[allow(
            clippy::disallowed_methods,
            reason = "any instant will do to begin with"
        )]
        let now = Instant::now();
        let start = |ssrc| StreamStart {
            ssrc,
            sequence: 65_500,
            timestamp: u32::MAX - 5_000,
        };
        Self {
            now,
            ticks: 0,
            a: Port::new(agreed(B), start(0xa), now),
            b: Port::new(agreed(A), start(0xb), now),
            network: |_| true,
            a_sent: 0,
            from_a: Vec::new(),
            a_told: Vec::new(),
            b_told: Vec::new(),
        }
    }

    fn run(&mut self, ticks: u64) {
        for _ in 0..ticks {
            self.tick(true, true);
        }
    }

    /// One tick, in which either may be unplugged.
    fn tick(&mut self, a_on: bool, b_on: bool) {
        self.now += TICK;
        self.ticks += 1;
        let mut packet = [0; PACKET_BYTES];
        let mut report = [0; REPORT_BYTES];
        self.a.advance(self.now, 1);
        self.b.advance(self.now, 1);
        while let Some(length) = self.a.next_packet(&mut packet) {
            self.a_sent += 1;
            if a_on && (self.network)(self.a_sent) {
                self.from_a.push(packet[..length].to_vec());
                self.b.packet(&packet[..length], Some(at(A)), self.now);
            }
        }
        while let Some(length) = self.b.next_packet(&mut packet) {
            if b_on {
                self.a.packet(&packet[..length], Some(at(B)), self.now);
            }
        }
        if let Some(length) = self.a.next_report(&mut report, self.now)
            && a_on
        {
            self.b
                .report_packet(&report[..length], at("192.0.2.1:4001"), self.now);
        }
        if let Some(length) = self.b.next_report(&mut report, self.now)
            && b_on
        {
            self.a
                .report_packet(&report[..length], at("192.0.2.2:5001"), self.now);
        }
        self.a.hear(1);
        self.b.hear(1);
        self.collect();
    }

    fn collect(&mut self) {
        while let Some((event, _)) = self.a.poll() {
            self.a_told.push((self.ticks, event));
        }
        while let Some((event, _)) = self.b.poll() {
            self.b_told.push((self.ticks, event));
        }
    }

    fn a(&mut self, command: MediaCommand) {
        self.a.command(command, self.now);
        self.collect();
    }

    fn b(&mut self, command: MediaCommand) {
        self.b.command(command, self.now);
        self.collect();
    }

    fn play(&mut self, milliseconds: u64) {
        let clips = vec![Clip::tone(440.0, Duration::from_millis(milliseconds), 0.5)];
        self.a(MediaCommand::Play {
            operation: operation(1),
            clips,
            repeat: Repeat::ONCE,
        });
    }

    fn press(&mut self, keys: &str) {
        let tones = keys
            .chars()
            .map(|key| Tone::from_symbol(key).unwrap())
            .collect();
        let (press, gap) = (Duration::from_millis(100), Duration::from_millis(80));
        self.a(MediaCommand::SendTones {
            operation: operation(2),
            tones,
            press,
            gap,
        });
    }

    fn record(&mut self, plan: RecordPlan) -> RecordingTap {
        let (feed, tap) = recording();
        self.b(MediaCommand::Record {
            operation: operation(3),
            plan,
            feed,
        });
        tap
    }

    fn recorded(&self) -> Option<(RecordEnded, Duration)> {
        self.b_told.iter().find_map(|(_, event)| match event {
            MediaEvent::Recorded {
                ended, duration, ..
            } => Some((*ended, *duration)),
            _ => None,
        })
    }

    fn keys_heard(&self) -> String {
        let tones = self.b_told.iter().filter_map(|(_, event)| match event {
            MediaEvent::ToneHeard(tone) => Some(tone.reveal().symbol()),
            _ => None,
        });
        tones.collect()
    }
}

fn stop_at(key: char) -> RecordPlan {
    RecordPlan {
        stop_tones: Tone::from_symbol(key).into_iter().collect(),
        ..RecordPlan::default()
    }
}

fn loud_frames(tap: &mut RecordingTap) -> (usize, usize) {
    let frames: Vec<bool> = std::iter::from_fn(|| tap.read())
        .map(|frame| Loudness::of(&frame).dbfs() > -20.0)
        .collect();
    (frames.iter().filter(|loud| **loud).count(), frames.len())
}

#[test]
fn what_one_plays_the_other_records() {
    let mut world = World::new();
    let mut tap = world.record(RecordPlan::default());
    world.run(5);
    world.play(400);
    world.run(30);
    assert_eq!(
        world.a_told,
        [
            (1, MediaEvent::Heard),
            (
                25,
                MediaEvent::Played {
                    operation: operation(1),
                    ended: PlayEnded::Finished
                }
            ),
        ]
    );
    let (loud, all) = loud_frames(&mut tap);
    assert_eq!(loud, 20);
    // Two frames are held back until the end, and the buffer waits.
    assert_eq!(all, 35 - 2);
    let statistics = world.b.statistics();
    assert_eq!(
        (statistics.packets_sent, statistics.packets_received),
        (35, 35)
    );
    assert_eq!((statistics.packets_lost, statistics.jitter), (0, 0));
}

#[test]
fn what_is_encrypted_is_heard_by_the_peer_alone() {
    for suite in Suite::ALL {
        let mut world = World::new();
        let (ours, theirs) = (Key::fresh(), Key::fresh());
        let protected = |remote, ours, theirs| {
            let protection = Some(Protection {
                suite,
                ours,
                theirs,
            });
            MediaCommand::agree(Agreed {
                protection,
                ..agreed(remote)
            })
        };
        world.a(protected(B, ours, theirs));
        world.b(protected(A, theirs, ours));
        let mut tap = world.record(RecordPlan::default());
        world.play(400);
        world.run(30);
        // The same keys again, as after a hold: nothing begins anew.
        world.a(protected(B, ours, theirs));
        world.b(protected(A, theirs, ours));
        world.press("1#");
        world.run(300);
        assert_eq!(loud_frames(&mut tap).0, 20);
        assert_eq!(world.keys_heard(), "1#");
        assert!(world.b.statistics().peer_reported);
        let refused = world.b.statistics().packets_refused;
        assert_eq!(refused, 0);
        // In the clear, altered, or once more: not heard.
        let mut clear = [0xff; 172];
        rtp::write_header(&mut clear, false, 0, 500, 9, 0xa);
        world.b.packet(&clear, None, world.now);
        let mut altered = world.from_a.last().unwrap().clone();
        world.b.packet(&altered.clone(), None, world.now);
        altered[20] ^= 1;
        world.b.packet(&altered, None, world.now);
        assert_eq!(world.b.statistics().packets_refused, 3);
        let secret = &world.from_a[5][12..172];
        assert!(secret.iter().filter(|byte| **byte == 0xff).count() < 20);
    }
}

#[test]
fn keys_in_the_sound_are_heard_of_a_peer_that_tells_of_none() {
    for codec in [Codec::Pcmu, Codec::G722] {
        let mut world = World::new();
        let silent = |remote: &str| Agreed {
            tones_sent_as: None,
            tones_heard_as: [None; 2],
            ..Agreed::plain(codec, at(remote), at(remote))
        };
        world.b = Port::new(silent(A), world.b.stream, world.now);
        world.a(MediaCommand::agree(silent(B)));
        let keys = "12#";
        let mut samples = vec![0; 8_000];
        for key in keys.chars() {
            let tone = Tone::from_symbol(key).unwrap();
            for tick in 0..8 {
                let mut out = [0; TICK_SAMPLES];
                crate::dual_tone::sound(
                    Press {
                        tone,
                        tick,
                        ticks: 5,
                    },
                    &mut out,
                );
                samples.extend(out);
            }
        }
        let rate = 8_000;
        let clips = vec![Clip::from_samples(&crate::wav::Samples { rate, samples })];
        world.a(MediaCommand::Play {
            operation: operation(1),
            clips,
            repeat: Repeat::ONCE,
        });
        // Nobody listens to the voice, and the keys are heard all the same.
        world.run(60);
        assert_eq!(world.keys_heard(), "1", "{codec:?}");
        let mut tap = world.record(stop_at('#'));
        world.run(60);
        assert_eq!(world.keys_heard(), keys, "{codec:?}");
        let (ended, _) = world.recorded().unwrap();
        assert_eq!(ended, RecordEnded::StopTone);
        assert!(tap.read().is_some());
    }
}

/// Both ports agree on a codec, in packets of so many units.
fn agree(world: &mut World, codec: Codec, packet_units: u16) {
    for (remote, own) in [(B, true), (A, false)] {
        let to = at(remote);
        let reports = SocketAddr::new(to.ip(), to.port() + 1);
        let command = MediaCommand::agree(Agreed {
            packet_units,
            ..Agreed::plain(codec, to, reports)
        });
        if own {
            world.a(command);
        } else {
            world.b(command);
        }
    }
}

/// What is recorded in so many ticks, read before its ring is full.
fn frames_of(world: &mut World, tap: &mut RecordingTap, ticks: u64) -> Vec<Frame> {
    let mut frames = Vec::new();
    for _ in 0..ticks {
        world.run(1);
        frames.extend(std::iter::from_fn(|| tap.read()));
    }
    frames
}

/// The share of a tone in frames, by one bin of a Fourier transform.
fn share_of(hertz: f64, frames: &[Frame]) -> f64 {
    let samples: Vec<f64> = frames
        .iter()
        .flat_map(|frame| frame.iter())
        .map(|s| f64::from(*s))
        .collect();
    let rate = f64::from(frames[0].rate().hertz());
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let angle = 2.0 * std::f64::consts::PI * hertz * n as f64 / rate;
        real += sample * angle.cos();
        imaginary += sample * angle.sin();
    }
    let all: f64 = samples.iter().map(|s| s * s).sum::<f64>() * samples.len() as f64 / 2.0;
    (real * real + imaginary * imaginary) / all
}

#[test]
fn a_wide_voice_is_heard_whole_in_packets_of_any_length() {
    for codec in Codec::ALL.into_iter().filter(|c| c.rate() == Rate::Wide) {
        for units in [80, 160, 240, 320, 480].map(|units| codec.packet_units(units)) {
            let mut world = World::new();
            agree(&mut world, codec, units);
            let mut tap = world.record(RecordPlan::default());
            // What no telephone of 8 kHz carries.
            let clips = vec![Clip::tone(5_500.0, Duration::from_secs(2), 0.5)];
            world.a(MediaCommand::Play {
                operation: operation(1),
                clips,
                repeat: Repeat::ONCE,
            });
            let frames = frames_of(&mut world, &mut tap, 80);
            assert!(frames.len() > 70, "{codec:?} {units}");
            assert!(frames.iter().all(|frame| frame.rate() == Rate::Wide));
            let share = share_of(5_500.0, &frames[20..70]);
            assert!(share > 0.9, "{codec:?} {units}: {share}");
            world.press("42#");
            world.run(60);
            assert_eq!(world.keys_heard(), "42#", "{codec:?} {units}");
        }
    }
}

#[test]
fn a_codec_that_changes_during_a_recording_goes_on_in_it() {
    let mut world = World::new();
    let mut tap = world.record(RecordPlan::default());
    world.run(5);
    world.play(3_000);
    let mut frames = frames_of(&mut world, &mut tap, 40);
    agree(&mut world, Codec::G722, 160);
    frames.extend(frames_of(&mut world, &mut tap, 40));
    agree(&mut world, Codec::Pcma, 160);
    frames.extend(frames_of(&mut world, &mut tap, 40));
    assert!(frames.len() > 118, "{}", frames.len());
    assert!(frames.iter().all(|frame| frame.rate() == Rate::Narrow));
    for part in [&frames[10..40], &frames[55..80], &frames[95..115]] {
        let share = share_of(440.0, part);
        assert!(share > 0.9, "{share}");
    }
}

#[test]
fn a_stop_tone_ends_the_recording_and_is_not_in_it() {
    let mut world = World::new();
    world.run(3);
    let mut tap = world.record(stop_at('#'));
    world.play(1_000);
    world.run(50);
    world.press("5#");
    world.run(30);
    assert_eq!(world.keys_heard(), "5#");
    let (ended, duration) = world.recorded().unwrap();
    assert_eq!(ended, RecordEnded::StopTone);
    let (loud, all) = loud_frames(&mut tap);
    // What fades while the first key's packets take the place of audio may count as one more.
    assert!((50..=51).contains(&loud), "{loud}");
    assert!(tap.is_complete());
    assert_eq!(duration, TICK * all as u32);
    // The second of tone, the five's 180 ms; less two frames before the key, and the fill of the
    // buffer before the first.
    assert!((55..=60).contains(&all), "{all}");
}

#[test]
fn a_stop_tone_signalled_beside_the_audio_ends_the_recording_too() {
    let mut world = World::new();
    world.run(3);
    let mut tap = world.record(stop_at('#'));
    world.play(400);
    world.run(25);
    let press = |key| Private::new(Tone::from_symbol(key).unwrap());
    world.b(MediaCommand::ToneSignalled(press('5')));
    assert_eq!(world.recorded(), None);
    world.b(MediaCommand::ToneSignalled(press('#')));
    let (ended, _) = world.recorded().unwrap();
    assert_eq!(ended, RecordEnded::StopTone);
    assert!(loud_frames(&mut tap).0 > 15);
    assert!(tap.is_complete());
    // Whoever signalled it knows.
    assert_eq!(world.keys_heard(), "");
}

#[test]
fn what_was_said_right_before_the_stop_tone_is_kept() {
    let mut world = World::new();
    world.run(3);
    let mut tap = world.record(stop_at('#'));
    world.play(500);
    world.run(25);
    world.press("#");
    world.run(10);
    let (loud, _) = loud_frames(&mut tap);
    // All but what may be the tone's own beginning.
    assert_eq!(loud, 25 - limits::TONE_LEAK_FRAMES);
}

#[test]
fn keys_arrive_once_each_through_thirty_percent_loss() {
    let mut world = World::new();
    world.network = |n| n.wrapping_mul(2_654_435_761) % 1_000 >= 300;
    let keys: String = "0123456789*#ABCD".repeat(20);
    world.press(&keys);
    world.run(320 * 9 + 20);
    assert_eq!(world.keys_heard(), keys);
    assert!(world.a_told.iter().any(|(_, e)| matches!(
        e,
        MediaEvent::TonesSent {
            ended: TonesEnded::Finished,
            ..
        }
    )));
    assert!(world.b.statistics().packets_lost > 800);
}

#[test]
fn tones_that_were_not_agreed_are_not_sent() {
    let mut world = World::new();
    world.a(MediaCommand::agree(Agreed {
        tones_sent_as: None,
        ..agreed(B)
    }));
    world.press("1");
    assert_eq!(
        world.a_told,
        [(
            0,
            MediaEvent::TonesSent {
                operation: operation(2),
                ended: TonesEnded::NotAgreed
            }
        )]
    );
}

#[test]
fn hold_stops_the_stream_and_resume_marks_it() {
    let mut world = World::new();
    world.play(10_000);
    world.run(10);
    world.a(MediaCommand::agree(Agreed {
        direction: Direction::RecvOnly,
        ..agreed(B)
    }));
    world.from_a.clear();
    world.run(100);
    assert!(world.from_a.is_empty());
    world.a(MediaCommand::agree(agreed(B)));
    world.run(400 + 95);
    let first = rtp::read(&world.from_a[0]).unwrap();
    assert!(first.marker);
    // Numbers go on where they were, time does not stand still.
    assert_eq!(first.sequence, 65_510_u16);
    assert_eq!(first.timestamp, (u32::MAX - 5_000).wrapping_add(110 * 160));
    // The prompt waited: nobody heard it meanwhile.
    assert!(
        matches!(
            world.a_told.last(),
            Some((
                600,
                MediaEvent::Played {
                    ended: PlayEnded::Finished,
                    ..
                }
            ))
        ),
        "{:?}",
        world.a_told
    );
}

#[test]
fn one_way_audio_and_a_dead_peer_are_told_once() {
    let mut world = World::new();
    for _ in 0..2_000 {
        world.tick(true, false);
    }
    assert_eq!(
        world.a_told,
        [
            (250, MediaEvent::NothingHeard),
            (1_500, MediaEvent::PeerGone)
        ]
    );
    world.run(1);
    assert_eq!(world.a_told[2..], [(2_001, MediaEvent::Heard)]);
    for _ in 0..1_600 {
        world.tick(true, false);
    }
    assert_eq!(world.a_told[3..], [(2_001 + 1_500, MediaEvent::PeerGone)]);
}

#[test]
fn a_peer_on_hold_is_not_dead() {
    let mut world = World::new();
    world.run(5);
    world.a(MediaCommand::agree(Agreed {
        direction: Direction::Inactive,
        ..agreed(B)
    }));
    for _ in 0..3_000 {
        world.tick(true, false);
    }
    assert_eq!(world.a_told, [(1, MediaEvent::Heard)]);
    world.a(MediaCommand::agree(agreed(B)));
    for _ in 0..260 {
        world.tick(true, false);
    }
    assert_eq!(world.a_told[1..], [(3_005 + 250, MediaEvent::NothingHeard)]);
}

#[test]
fn reports_keep_a_silent_peer_alive_and_measure_the_way() {
    let mut world = World::new();
    world.network = |n| n % 4 != 0;
    world.run(2_000);
    let (a, b) = (world.a.statistics(), world.b.statistics());
    assert!(a.peer_reported && b.peer_reported);
    assert!(
        (60..=68).contains(&a.peer_fraction_lost),
        "{}",
        a.peer_fraction_lost
    );
    assert_eq!(b.peer_fraction_lost, 0);
    assert_eq!(a.round_trip_ms, Some(0));
    assert_eq!(b.packets_lost, 499);
    // B falls silent but still reports.
    world.b(MediaCommand::agree(Agreed {
        direction: Direction::RecvOnly,
        ..agreed(A)
    }));
    world.run(4_000);
    assert_eq!(world.a_told, [(1, MediaEvent::Heard)]);
}

#[test]
fn a_stranger_is_not_heard_and_a_rebound_peer_is() {
    let mut world = World::new();
    world.run(10);
    let mut packet = [0xff; 172];
    for n in 0..20 {
        rtp::write_header(&mut packet, false, 0, n, 0, 0x66);
        assert_eq!(
            world
                .a
                .packet(&packet, Some(at("198.51.100.6:66")), world.now),
            None
        );
    }
    assert_eq!(world.a.statistics().packets_refused, 20);
    assert_eq!(world.a.latch().destination(), at(B));
    // B's packets stop; after a second the port listens to anybody, and B's stream is known.
    let mut reopened = 0;
    for _ in 0..60 {
        world.now += TICK;
        reopened += u32::from(world.a.advance(world.now, 1));
        let mut out = [0; PACKET_BYTES];
        while world.a.next_packet(&mut out).is_some() {}
    }
    assert_eq!(reopened, 1);
    let rebound = at("192.0.2.2:5999");
    for n in 0..3_u16 {
        rtp::write_header(&mut packet, false, 0, 65_520 + n, 0, 0xb);
        let connect = world.a.packet(&packet, Some(rebound), world.now);
        assert_eq!(connect, (n == 2).then_some(rebound));
    }
    assert_eq!(world.a.latch().destination(), rebound);
    assert_eq!(world.a.report_destination(), at("192.0.2.2:5001"));
}

#[test]
fn noise_with_other_stream_numbers_does_not_disturb_and_a_real_change_is_followed() {
    let mut world = World::new();
    let mut tap = world.record(RecordPlan::default());
    world.run(5);
    world.play(5_000);
    let mut packet = [0x80; 172];
    for n in 0..40_u32 {
        rtp::write_header(
            &mut packet,
            false,
            0,
            (n * 977) as u16,
            n * 31_337,
            n * 7919 + 1,
        );
        world.b.packet(&packet, None, world.now);
        world.run(1);
    }
    assert_eq!(world.b.statistics().packets_refused, 40);
    let (loud, _) = loud_frames(&mut tap);
    assert_eq!(loud, 40 - 4);
    for n in 0..50_u16 {
        rtp::write_header(&mut packet, false, 8, 100 + n, u32::from(n) * 160, 0xc);
        world.b.packet(&packet, None, world.now);
    }
    assert_eq!(world.b.statistics().packets_refused, 41);
    assert_eq!(world.b.statistics().packets_lost, 0);
}

#[test]
fn a_late_host_drops_what_is_late() {
    let mut world = World::new();
    world.play(1_000);
    world.run(10);
    world.now += TICK * 11;
    world.a.advance(world.now, 11);
    let mut packet = [0; PACKET_BYTES];
    let length = world.a.next_packet(&mut packet).unwrap();
    assert!(world.a.next_packet(&mut packet).is_none());
    let heard = rtp::read(&packet[..length]).unwrap();
    assert_eq!(heard.timestamp, (u32::MAX - 5_000).wrapping_add(20 * 160));
    assert_eq!(heard.sequence, 65_510);
    world.run(29);
    assert!(
        matches!(world.a_told.last(), Some((39, MediaEvent::Played { .. }))),
        "{:?}",
        world.a_told
    );
}

#[test]
fn packets_of_every_agreed_length_carry_the_same_audio() {
    for (samples, packets) in [(80, 200), (160, 100), (240, 66), (320, 50), (480, 33)] {
        let mut world = World::new();
        world.a(MediaCommand::agree(Agreed {
            packet_units: samples,
            ..agreed(B)
        }));
        world.play(1_000);
        world.run(100);
        assert_eq!(world.from_a.len(), packets, "{samples}");
        assert!(
            world
                .from_a
                .iter()
                .all(|packet| packet.len() == 12 + usize::from(samples))
        );
        assert!(world.a_told.iter().any(|(tick, e)| matches!(e, MediaEvent::Played { .. }) && (49..=52).contains(tick)));
        assert_eq!(world.b.reads_per_tick(), if samples == 80 { 2 } else { 1 });
        world.press("42");
        world.run(30);
        assert_eq!(world.keys_heard(), "42", "{samples}");
    }
}

#[test]
fn an_operation_that_is_replaced_or_stopped_ends_once() {
    let mut world = World::new();
    world.play(10_000);
    world.play(10_000);
    world.a(MediaCommand::Stop {
        operation: operation(1),
    });
    world.a(MediaCommand::Stop {
        operation: operation(1),
    });
    world.a(MediaCommand::Stop {
        operation: operation(9),
    });
    let stopped = MediaEvent::Played {
        operation: operation(1),
        ended: PlayEnded::Stopped,
    };
    assert_eq!(world.a_told, [(0, stopped.clone()), (0, stopped)]);
    let _first = world.record(RecordPlan::default());
    let _second = world.record(stop_at('1'));
    assert_eq!(
        world.recorded(),
        Some((RecordEnded::Stopped, Duration::ZERO))
    );
}

#[test]
fn closing_ends_everything_and_says_so_last() {
    let mut world = World::new();
    let _tap = world.record(RecordPlan::default());
    world.run(3);
    world.b.close();
    world.collect();
    let told: Vec<_> = world.b_told.iter().map(|(_, e)| e).collect();
    assert!(
        matches!(
            told[..],
            [
                MediaEvent::Heard,
                MediaEvent::Recorded { .. },
                MediaEvent::Closed(_)
            ]
        ),
        "{told:?}"
    );
    let mut report = [0; REPORT_BYTES];
    let length = world.b.goodbye(&mut report, world.now);
    assert!(rtcp::read(&report[..length], 0xa).unwrap().bye);
}

#[test]
fn stop_tones_are_a_set() {
    let tones: StopTones = "*D".chars().filter_map(Tone::from_symbol).collect();
    assert!(tones.contains(Tone::from_symbol('D').unwrap()));
    assert!(!tones.contains(Tone::from_symbol('1').unwrap()));
}

proptest! {
    #[test]
    fn no_packet_panics(packets in proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..600), 0_u8..6), 0..40)) {
        let mut world = World::new();
        let _tap = world.record(stop_at('#'));
        world.run(3);
        for (mut bytes, kind) in packets {
            // Most noise ends at the first byte; some of it must look better.
            if kind > 0 && bytes.len() >= 12 {
                bytes[0] = 0x80;
                bytes[1] = [0, 0, 8, 101, 200, 13][usize::from(kind)];
                bytes[8..12].copy_from_slice(&[0, 0, 0, 0xa]);
            }
            world.b.packet(&bytes, None, world.now);
            world.b.report_packet(&bytes, at("192.0.2.1:4001"), world.now);
            world.run(1);
        }
        world.run(5);
        prop_assert!(world.b.statistics().packets_received >= 8);
    }
}
