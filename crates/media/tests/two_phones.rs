//! The tick threads as a whole, over loopback sockets and real time.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test of real threads in real time; what is unwrapped is its own"
)]

mod support;

use std::time::{Duration, Instant};

use offhook_media::threads::{NotTaken, Notice, RoomKey};
use offhook_media::{
    Clip, Codec, Loudness, MediaCommand, MediaEvent, PlayEnded, PortId, RecordEnded, RecordPlan,
    Repeat, Sources, TonesEnded, limits, recording,
};
use offhook_terms::{OperationId, Tone};
use support::{PATIENCE, Phones};

const A: RoomKey = RoomKey(1);
const B: RoomKey = RoomKey(2);

fn operation(n: u128) -> OperationId {
    OperationId::from_bits(n)
}

#[test]
fn a_prompt_is_recorded_until_the_stop_tone() {
    let mut phones = Phones::new(2, Instant::now);
    phones.connect(A, B);
    phones.wait_for_event("B hears A", B, |e| *e == MediaEvent::Heard);
    let (feed, mut tap) = recording();
    let plan = RecordPlan {
        stop_tones: Tone::from_symbol('#').into_iter().collect(),
        ..RecordPlan::default()
    };
    phones.send(
        B,
        MediaCommand::Record {
            operation: operation(1),
            plan,
            feed,
        },
    );
    let clips = vec![Clip::tone(440.0, Duration::from_millis(400), 0.5)];
    phones.send(
        A,
        MediaCommand::Play {
            operation: operation(2),
            clips,
            repeat: Repeat::ONCE,
        },
    );
    phones.wait_for_event("played", A, |e| {
        matches!(
            e,
            MediaEvent::Played {
                ended: PlayEnded::Finished,
                ..
            }
        )
    });
    let tones = vec![Tone::from_symbol('#').unwrap()];
    let (press, gap) = (Duration::from_millis(60), Duration::from_millis(60));
    phones.send(
        A,
        MediaCommand::SendTones {
            operation: operation(3),
            tones,
            press,
            gap,
        },
    );
    phones.wait_for_event("recorded", B, |e| {
        matches!(
            e,
            MediaEvent::Recorded {
                ended: RecordEnded::StopTone,
                ..
            }
        )
    });
    phones.wait_for_event("tones sent", A, |e| {
        matches!(
            e,
            MediaEvent::TonesSent {
                ended: TonesEnded::Finished,
                ..
            }
        )
    });
    let loud = std::iter::from_fn(|| tap.read())
        .filter(|f| Loudness::of(f).dbfs() > -20.0)
        .count();
    assert!(tap.is_complete());
    // The two frames before the key may have been the key's own beginning.
    assert!((16..=22).contains(&loud), "{loud} of 20 frames");
    phones.threads.close(A).unwrap();
    phones.threads.close(B).unwrap();
    phones.wait_for_event(
        "A closed",
        A,
        |e| matches!(e, MediaEvent::Closed(s) if s.packets_sent > 20 && s.packets_lost == 0),
    );
    phones.wait_for_event(
        "B closed",
        B,
        |e| matches!(e, MediaEvent::Closed(s) if s.packets_received > 20),
    );
    assert_eq!(
        phones.threads.send(
            A,
            PortId::FIRST,
            MediaCommand::Stop {
                operation: operation(2)
            }
        ),
        Err(NotTaken::NoSuchRoom)
    );
    assert_eq!(phones.threads.rooms(), 0);
}

#[test]
fn a_port_moves_to_another_room_and_plays_on() {
    let mut phones = Phones::new(2, Instant::now);
    phones.connect(A, B);
    phones.wait_for_event("A hears B", A, |e| *e == MediaEvent::Heard);
    let clips = vec![Clip::tone(440.0, Duration::from_millis(300), 0.5)];
    phones.send(
        A,
        MediaCommand::Play {
            operation: operation(2),
            clips,
            repeat: Repeat::ONCE,
        },
    );
    phones.threads.release_port(A, PortId::FIRST).unwrap();
    phones.threads.close(A).unwrap();
    let at = phones.wait_for(
        "released",
        |notice| matches!(notice, Notice::Released { room, .. } if *room == A),
    );
    let Notice::Released { released, .. } = phones.told.remove(at) else {
        unreachable!()
    };
    let elsewhere = RoomKey(3);
    phones.threads.admit(elsewhere, *released).unwrap();
    phones.wait_for_event("played elsewhere", elsewhere, |e| {
        matches!(
            e,
            MediaEvent::Played {
                ended: PlayEnded::Finished,
                ..
            }
        )
    });
    phones.threads.close(elsewhere).unwrap();
    phones.wait_for_event("closed", elsewhere, |e| matches!(e, MediaEvent::Closed(_)));
}

/// Records what a phone hears for a while, and says which of these frequencies were in it.
fn heard(phones: &mut Phones, phone: RoomKey, hertz: &[f64]) -> Vec<bool> {
    let (feed, mut tap) = recording();
    let plan = RecordPlan {
        max_duration: Some(Duration::from_millis(300)),
        ..RecordPlan::default()
    };
    let operation = operation(9);
    phones.send(
        phone,
        MediaCommand::Record {
            operation,
            plan,
            feed,
        },
    );
    let at = phones.wait_for("recorded", |notice| match notice {
        Notice::Event { room, event, .. } => {
            *room == phone && matches!(event, MediaEvent::Recorded { .. })
        }
        _ => false,
    });
    phones.told.remove(at);
    let samples: Vec<i16> = std::iter::from_fn(|| tap.read())
        .flat_map(|frame| frame.to_vec())
        .collect();
    let rate = f64::from(tap.rate().unwrap().hertz());
    let samples = &samples[samples.len() - (rate / 5.0) as usize..];
    let level = |hertz: f64| {
        let (mut real, mut imaginary) = (0.0, 0.0);
        for (n, sample) in samples.iter().enumerate() {
            let angle = std::f64::consts::TAU * hertz * n as f64 / rate;
            real += f64::from(*sample) * angle.cos();
            imaginary += f64::from(*sample) * angle.sin();
        }
        2.0 * real.hypot(imaginary) / samples.len() as f64 / 32_767.0
    };
    // Played at 0.2, and absent far below a hundredth of it.
    hertz.iter().map(|hertz| level(*hertz) > 0.1).collect()
}

#[test]
fn phones_come_into_a_room_hear_each_other_and_leave_it() {
    const VOICES: [f64; 3] = [400.0, 1_000.0, 1_800.0];
    let mut phones = Phones::new(2, Instant::now);
    // Opus is for voices: of sines that sound together it leaves what a voice would need.
    phones.codecs = vec![Codec::G722];
    let room = RoomKey(100);
    phones.threads.open_empty_room(room).unwrap();
    let far = [1, 2, 3].map(RoomKey);
    let ports = far.map(|key| phones.join(room, key));
    let talk = |phones: &Phones, key: RoomKey, hertz: f64| {
        let clips = vec![Clip::tone(hertz, Duration::from_secs(1), 0.2)];
        let repeat = Repeat::UntilStopped;
        let operation = operation(1);
        phones.send(
            key,
            MediaCommand::Play {
                operation,
                clips,
                repeat,
            },
        );
    };
    for (key, hertz) in far.into_iter().zip(VOICES) {
        talk(&phones, key, hertz);
        phones.wait_for_event("heard", key, |e| *e == MediaEvent::Heard);
    }
    assert_eq!(heard(&mut phones, far[0], &VOICES), [false, true, true]);
    assert_eq!(heard(&mut phones, far[1], &VOICES), [true, false, true]);

    let muted = MediaCommand::Hears(Sources::only([ports[2]]));
    phones.threads.send(room, ports[0], muted).unwrap();
    assert_eq!(heard(&mut phones, far[0], &VOICES), [false, false, true]);
    assert_eq!(heard(&mut phones, far[2], &VOICES), [true, true, false]);

    // One leaves for good, another one for a room of its own where a seat talks to it.
    phones.threads.close_port(room, ports[2]).unwrap();
    assert_eq!(
        phones.threads.close_port(room, ports[2]),
        Err(NotTaken::NoSuchPort)
    );
    phones.wait_for("closed", |notice| match notice {
        Notice::Event {
            room: at,
            port,
            event,
        } => (*at, *port) == (room, ports[2]) && matches!(event, MediaEvent::Closed(_)),
        _ => false,
    });
    assert_eq!(heard(&mut phones, far[1], &VOICES), [true, false, false]);
    phones.threads.release_port(room, ports[1]).unwrap();
    let at = phones.wait_for(
        "released",
        |notice| matches!(notice, Notice::Released { port, .. } if *port == ports[1]),
    );
    let Notice::Released { released, .. } = phones.told.remove(at) else {
        unreachable!()
    };
    let elsewhere = RoomKey(101);
    phones.threads.open_empty_room(elsewhere).unwrap();
    let seat = phones.threads.add_seat(elsewhere).unwrap();
    phones.threads.admit_port(elsewhere, *released).unwrap();
    assert!(seat.is_seat());
    let clips = vec![Clip::tone(2_500.0, Duration::from_secs(1), 0.2)];
    let prompt = MediaCommand::Play {
        operation: operation(3),
        clips,
        repeat: Repeat::UntilStopped,
    };
    phones.threads.send(elsewhere, seat, prompt).unwrap();
    assert_eq!(
        heard(&mut phones, far[1], &[400.0, 1_800.0, 2_500.0]),
        [false, false, true]
    );
    phones.threads.close(elsewhere).unwrap();
    phones.wait_for("the seat stops", |notice| match notice {
        Notice::Event { room, port, event } => {
            let stopped = matches!(
                event,
                MediaEvent::Played {
                    ended: PlayEnded::Stopped,
                    ..
                }
            );
            (*room, *port) == (elsewhere, seat) && stopped
        }
        _ => false,
    });
    assert_eq!(phones.threads.counters().rooms_broken, 0);
}

#[test]
fn a_room_takes_so_many_and_no_more() {
    let mut phones = Phones::new(1, Instant::now);
    phones.threads.open_empty_room(A).unwrap();
    let seats: Vec<PortId> = (0..limits::SEATS_PER_ROOM)
        .map(|_| phones.threads.add_seat(A).unwrap())
        .collect();
    assert_eq!(phones.threads.add_seat(A), Err(NotTaken::RoomIsFull));
    phones.threads.close_port(A, seats[3]).unwrap();
    phones.wait_for_event("closed", A, |e| matches!(e, MediaEvent::Closed(_)));
    // Its place is free when everything of it has come back, and then it is somebody else's.
    let again = loop {
        match phones.threads.add_seat(A) {
            Err(NotTaken::RoomIsFull) => {
                phones.wait(PATIENCE);
                phones.collect();
            }
            again => break again.unwrap(),
        }
    };
    assert!(!seats.contains(&again));
}

#[test]
fn a_key_names_one_room_and_is_free_after_closing() {
    let mut phones = Phones::new(1, Instant::now);
    phones.connect(A, B);
    let port = phones.threads.prepare_port().unwrap();
    assert_eq!(port.rtp_port() % 2, 0);
    assert_eq!(port.rtcp_port(), port.rtp_port() + 1);
    let agreed = offhook_media::Agreed::plain(
        offhook_media::Codec::Pcmu,
        port.rtp_address(),
        port.rtp_address(),
    );
    assert_eq!(
        phones.threads.open_room(A, port, agreed),
        Err(NotTaken::KeyInUse)
    );
    phones.threads.close(A).unwrap();
    phones.threads.close(B).unwrap();
    assert_eq!(phones.threads.close(A), Err(NotTaken::NoSuchRoom));
    phones.wait_for_event("closed", B, |e| matches!(e, MediaEvent::Closed(_)));
    phones.connect(A, B);
    phones.wait_for_event("heard again", A, |e| *e == MediaEvent::Heard);
    assert_eq!(phones.threads.counters().rooms_broken, 0);
}

#[test]
fn many_rooms_are_spread_and_lose_nothing() {
    const PAIRS: u128 = 40;
    let mut phones = Phones::new(2, Instant::now);
    for n in 0..PAIRS {
        phones.connect(RoomKey(2 * n), RoomKey(2 * n + 1));
    }
    for n in 0..2 * PAIRS {
        phones.wait_for_event("heard", RoomKey(n), |e| *e == MediaEvent::Heard);
    }
    for n in 0..2 * PAIRS {
        phones.threads.close(RoomKey(n)).unwrap();
    }
    for n in 0..2 * PAIRS {
        phones.wait_for_event(
            "closed",
            RoomKey(n),
            |e| matches!(e, MediaEvent::Closed(s) if s.packets_lost == 0),
        );
    }
    assert_eq!(phones.threads.counters().rooms, 0);
}
