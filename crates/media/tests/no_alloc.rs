//! Nothing on a tick thread allocates or frees, whatever happens in its rooms.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test of real threads in real time; what is unwrapped is its own"
)]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use offhook_media::threads::{Notice, RoomKey};
use offhook_media::{
    Agreed, Clip, Codec, Direction, MediaCommand, MediaEvent, RecordPlan, Repeat, Sources,
    StopTones, recording,
};
use offhook_terms::{OperationId, Tone};
use support::Phones;

static ON_THE_TICK: AtomicU64 = AtomicU64::new(0);
static CLOCK_READS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static IS_TICK: Cell<bool> = const { Cell::new(false) };
}

struct Counting;

/// Counts what a tick thread asks of the allocator; the system's does the work.
#[allow(
    unsafe_code,
    reason = "an allocator is an unsafe trait; this one only counts and forwards"
)]
// SAFETY: every call is forwarded unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `GlobalAlloc`.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count() {
    if IS_TICK.with(Cell::get) {
        ON_THE_TICK.fetch_add(1, Ordering::SeqCst);
    }
}

/// The clock the threads read also tells which threads they are: those with its name.
fn clock() -> Instant {
    if std::thread::current()
        .name()
        .is_some_and(|name| name.starts_with("media-"))
    {
        IS_TICK.with(|is| is.set(true));
        CLOCK_READS.fetch_add(1, Ordering::SeqCst);
    }
    Instant::now()
}

/// Twelve talkers and a bot; some come, some go, some are muted, one moves to another room.
fn a_room_of_many(phones: &mut Phones) {
    let operation = OperationId::from_bits;
    let room = RoomKey(100);
    phones.threads.open_empty_room(room).unwrap();
    let seat = phones.threads.add_seat(room).unwrap();
    let (feed, _tap) = recording();
    let plan = RecordPlan {
        max_duration: Some(Duration::from_millis(1_500)),
        ..RecordPlan::default()
    };
    let record = MediaCommand::Record {
        operation: operation(10),
        plan,
        feed,
    };
    phones.threads.send(room, seat, record).unwrap();
    let (feed, _ear) = recording();
    let listen = MediaCommand::Listen { feed };
    phones.threads.send(room, seat, listen).unwrap();
    let far: Vec<RoomKey> = (101..113).map(RoomKey).collect();
    let mut ports = Vec::new();
    for (n, key) in far.iter().enumerate() {
        ports.push(phones.join(room, *key));
        let clips = vec![Clip::tone(
            300.0 + 200.0 * n as f64,
            Duration::from_secs(1),
            0.1,
        )];
        phones.send(
            *key,
            MediaCommand::Play {
                operation: operation(11),
                clips,
                repeat: Repeat::UntilStopped,
            },
        );
    }
    let play = MediaCommand::Play {
        operation: operation(12),
        clips: vec![Clip::beep()],
        repeat: Repeat::UntilStopped,
    };
    phones.threads.send(room, seat, play).unwrap();
    for key in &far {
        phones.wait_for_event("heard", *key, |e| *e == MediaEvent::Heard);
    }
    for port in &ports[..6] {
        let some = Sources::only(ports[3..9].iter().copied());
        phones
            .threads
            .send(room, *port, MediaCommand::Hears(some))
            .unwrap();
    }
    let keys = MediaCommand::SendTones {
        operation: operation(13),
        tones: "*0".chars().filter_map(Tone::from_symbol).collect(),
        press: Duration::from_millis(60),
        gap: Duration::from_millis(60),
    };
    phones.threads.send(room, seat, keys).unwrap();
    phones.wait_for_event("tones", room, |e| matches!(e, MediaEvent::TonesSent { .. }));
    phones.threads.close_port(room, ports[4]).unwrap();
    phones.threads.release_port(room, ports[5]).unwrap();
    let at = phones.wait_for("released", |notice| {
        matches!(notice, Notice::Released { .. })
    });
    let Notice::Released { released, .. } = phones.told.remove(at) else {
        unreachable!()
    };
    phones.threads.admit_port(RoomKey(0), *released).unwrap();
    phones.wait_for_event("recorded", room, |e| {
        matches!(e, MediaEvent::Recorded { .. })
    });
    phones.threads.close(room).unwrap();
    for key in far {
        phones.threads.close(key).unwrap();
        phones.wait_for_event("closed", key, |e| matches!(e, MediaEvent::Closed(_)));
    }
}

#[test]
fn no_tick_allocates_or_frees() {
    let mut phones = Phones::new(1, clock);
    // The encoder of Opus is the exception: see `opus.rs`.
    phones.codecs = vec![Codec::G722, Codec::Pcmu, Codec::Pcma];
    let operation = OperationId::from_bits;
    for n in 0..8_u128 {
        phones.connect(RoomKey(2 * n), RoomKey(2 * n + 1));
    }
    for n in 0..8_u128 {
        let (a, b) = (RoomKey(2 * n), RoomKey(2 * n + 1));
        phones.wait_for_event("heard", b, |e| *e == MediaEvent::Heard);
        let (feed, _tap) = recording();
        let plan = RecordPlan {
            initial_silence: Some(Duration::from_secs(5)),
            max_silence: Some(Duration::from_secs(1)),
            max_duration: Some(Duration::from_secs(10)),
            stop_tones: "#"
                .chars()
                .filter_map(Tone::from_symbol)
                .collect::<StopTones>(),
        };
        phones.send(
            b,
            MediaCommand::Record {
                operation: operation(1),
                plan,
                feed,
            },
        );
        let clips = vec![
            Clip::tone(440.0, Duration::from_millis(200), 0.5),
            Clip::beep(),
        ];
        phones.send(
            a,
            MediaCommand::Play {
                operation: operation(2),
                clips: clips.clone(),
                repeat: Repeat::UntilStopped,
            },
        );
        phones.send(
            a,
            MediaCommand::Play {
                operation: operation(3),
                clips,
                repeat: Repeat::ONCE,
            },
        );
        let tones = "12#".chars().filter_map(Tone::from_symbol).collect();
        let (press, gap) = (Duration::from_millis(60), Duration::from_millis(60));
        phones.send(
            a,
            MediaCommand::SendTones {
                operation: operation(4),
                tones,
                press,
                gap,
            },
        );
    }
    for n in 0..8_u128 {
        let (a, b) = (RoomKey(2 * n), RoomKey(2 * n + 1));
        phones.wait_for_event(
            "played",
            a,
            |e| matches!(e, MediaEvent::Played { operation: o, .. } if *o == operation(3)),
        );
        phones.wait_for_event("recorded", b, |e| matches!(e, MediaEvent::Recorded { .. }));
        phones.wait_for_event("tones", a, |e| matches!(e, MediaEvent::TonesSent { .. }));
    }
    // Recordings that replace each other, an address that is not there, a hold.
    let nowhere = "127.0.0.1:9".parse().unwrap();
    let held = Agreed {
        direction: Direction::Inactive,
        ..Agreed::plain(Codec::Pcma, nowhere, nowhere)
    };
    for _ in 0..2 {
        let (feed, _tap) = recording();
        let plan = RecordPlan::default();
        phones.send(
            RoomKey(1),
            MediaCommand::Record {
                operation: operation(5),
                plan,
                feed,
            },
        );
    }
    phones.wait_for_event(
        "replaced",
        RoomKey(1),
        |e| matches!(e, MediaEvent::Recorded { operation: o, .. } if *o == operation(5)),
    );
    phones.send(
        RoomKey(3),
        MediaCommand::agree(Agreed::plain(Codec::Pcma, nowhere, nowhere)),
    );
    phones.send(RoomKey(5), MediaCommand::agree(held));
    a_room_of_many(&mut phones);
    for n in 0..16 {
        phones.threads.close(RoomKey(n)).unwrap();
    }
    for n in 0..16 {
        phones.wait_for_event("closed", RoomKey(n), |e| matches!(e, MediaEvent::Closed(_)));
    }
    assert!(phones.threads.counters().packets_sent > 100);
    assert!(
        CLOCK_READS.load(Ordering::SeqCst) > 1_000,
        "the tick threads were not recognised"
    );
    assert_eq!(
        ON_THE_TICK.load(Ordering::SeqCst),
        0,
        "something on the tick used the allocator"
    );
}
