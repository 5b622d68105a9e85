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
    Clip, Loudness, MediaCommand, MediaEvent, PlayEnded, RecordEnded, RecordPlan, Repeat,
    TonesEnded, recording,
};
use offhook_terms::{OperationId, Tone};
use support::Phones;

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
            offhook_media::PortId::FIRST,
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
    phones.threads.release(A).unwrap();
    let at = phones.wait_for(
        "released",
        |notice| matches!(notice, Notice::Released { room, .. } if *room == A),
    );
    let Notice::Released { mut ports, .. } = phones.told.remove(at) else {
        unreachable!()
    };
    let elsewhere = RoomKey(3);
    phones.threads.admit(elsewhere, ports.remove(0)).unwrap();
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
