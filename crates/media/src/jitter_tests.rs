use super::*;
use crate::g711::Law;
use proptest::prelude::*;

/// A ramp of distinguishable packets: packet `n` is the byte of `n`.
fn payload(n: u32, length: usize) -> Vec<u8> {
    vec![0x80 | (n % 0x70) as u8; length]
}

fn value(n: u32) -> i16 {
    let mut sample = [0];
    Law::Mu.decode(&payload(n, 1), &mut sample);
    sample[0]
}

fn push(buffer: &mut JitterBuffer, n: u32) -> Kept {
    buffer.push(
        (n as u16).wrapping_add(65_500),
        n.wrapping_mul(160).wrapping_add(u32::MAX - 2_000),
        Codec::Pcmu,
        &payload(n, 160),
    )
}

/// Plays a schedule: which packets arrive at each tick. Gives the first sample of each frame heard.
fn play(schedule: &[Vec<u32>]) -> Vec<Option<i16>> {
    let mut buffer = JitterBuffer::new();
    schedule
        .iter()
        .map(|arrivals| {
            for n in arrivals {
                push(&mut buffer, *n);
            }
            let mut frame = Frame::default();
            buffer
                .pop(&mut Decoder::default(), &mut frame)
                .then_some(frame[0])
        })
        .collect()
}

#[test]
fn a_steady_stream_plays_whole_after_its_delay() {
    let schedule: Vec<Vec<u32>> = (0..50).map(|n| vec![n]).collect();
    let heard: Vec<i16> = play(&schedule).into_iter().flatten().collect();
    assert_eq!(heard.len(), 48);
    assert!(
        heard
            .iter()
            .enumerate()
            .all(|(n, sample)| *sample == value(n as u32))
    );
}

#[test]
fn reordered_and_doubled_packets_change_nothing() {
    let mut schedule: Vec<Vec<u32>> = (0..50).map(|n| vec![n]).collect();
    schedule.swap(10, 11);
    schedule.swap(20, 21);
    schedule[30].push(30);
    schedule[31].push(29);
    let heard: Vec<i16> = play(&schedule).into_iter().flatten().collect();
    assert!(
        heard
            .iter()
            .enumerate()
            .all(|(n, sample)| *sample == value(n as u32)),
        "{heard:?}"
    );
}

#[test]
fn a_lost_packet_is_faded_and_time_is_kept() {
    let mut schedule: Vec<Vec<u32>> = (0..50).map(|n| vec![n]).collect();
    for lost in [20, 30, 31, 32, 33, 34] {
        schedule[lost].clear();
    }
    let heard = play(&schedule);
    assert_eq!(heard[22], None);
    assert_eq!(heard[23], Some(value(21)));
    assert_eq!(heard[32..37], [None; 5]);
    assert_eq!(heard[37], Some(value(35)));
    let mut buffer = JitterBuffer::new();
    push(&mut buffer, 0);
    let mut frames = Vec::new();
    for _ in 0..8 {
        let mut frame = Frame::default();
        buffer.pop(&mut Decoder::default(), &mut frame);
        frames.push(i32::from(frame[159]).abs());
    }
    let loud = frames[2];
    assert!(loud > 0 && frames[3] == loud / 2 || (frames[3] - loud / 2).abs() <= 1);
    assert!(
        frames[4] < frames[3] && frames[5] < frames[4] && frames[6] == 0,
        "{frames:?}"
    );
}

#[test]
fn late_packets_buy_delay_and_are_then_in_time() {
    // Every fifth packet comes four ticks late.
    let mut schedule: Vec<Vec<u32>> = vec![Vec::new(); 300];
    for n in 0..290_u32 {
        let late = if n % 5 == 0 { 4 } else { 0 };
        schedule[n as usize + late].push(n);
    }
    let heard = play(&schedule);
    let gaps = heard[60..280]
        .iter()
        .filter(|frame| frame.is_none())
        .count();
    assert_eq!(gaps, 0, "{gaps} gaps after the delay was learned");
}

#[test]
fn a_burst_after_a_pause_is_played_and_the_delay_shrinks_again() {
    let mut schedule: Vec<Vec<u32>> = vec![Vec::new(); 2_400];
    for n in 0..2_390_u32 {
        let at = if (100..108).contains(&n) { 108 } else { n };
        schedule[at as usize].push(n);
    }
    let mut buffer = JitterBuffer::new();
    let mut delays = Vec::new();
    for arrivals in &schedule {
        for n in arrivals {
            push(&mut buffer, *n);
        }
        let mut frame = Frame::default();
        buffer.pop(&mut Decoder::default(), &mut frame);
        delays.push(buffer.newest.wrapping_sub(buffer.play.unwrap()) as i32);
    }
    assert!(delays[150] > delays[90], "{} {}", delays[150], delays[90]);
    assert!(
        delays[2_300] <= limits::JITTER_DELAY_UNITS_START + 160,
        "{}",
        delays[2_300]
    );
}

#[test]
fn clocks_that_drift_are_followed_without_piling_up() {
    // 1 % is a hundred times worse than a bad crystal.
    for rate in [0.99, 1.01] {
        let mut buffer = JitterBuffer::new();
        let mut sent = 0_u32;
        let mut heard = 0;
        for tick in 0..6_000 {
            while f64::from(sent) < f64::from(tick) * rate {
                push(&mut buffer, sent);
                sent += 1;
            }
            let mut frame = Frame::default();
            heard += u32::from(buffer.pop(&mut Decoder::default(), &mut frame));
            let ahead = buffer
                .play
                .map_or(0, |play| buffer.newest.wrapping_sub(play) as i32);
            assert!(
                ahead < limits::JITTER_DELAY_UNITS_MAX + 3_200,
                "{rate} {tick} {ahead}"
            );
        }
        assert!(heard > 5_800, "{rate}: {heard}");
    }
}

#[test]
fn packets_of_any_length_fill_the_same_time() {
    for length in [80_usize, 160, 240, 320, 480] {
        let mut buffer = JitterBuffer::new();
        let mut at = 0_u32;
        let mut sequence = 0_u16;
        let mut gaps = 0;
        for tick in 0..500_u32 {
            while at <= tick * 160 {
                buffer.push(sequence, at, Codec::Pcma, &vec![0x2a; length]);
                sequence = sequence.wrapping_add(1);
                at += length as u32;
            }
            let mut frame = Frame::default();
            let heard = buffer.pop(&mut Decoder::default(), &mut frame);
            if tick > 10 {
                gaps += u32::from(!heard || frame.contains(&0));
            }
        }
        assert_eq!(gaps, 0, "{length}");
    }
}

#[test]
fn a_new_time_base_begins_anew() {
    let mut buffer = JitterBuffer::new();
    let mut frame = Frame::default();
    for n in 0..10 {
        push(&mut buffer, n);
        buffer.pop(&mut Decoder::default(), &mut frame);
    }
    let mut heard = 0;
    for n in 0..10_u32 {
        buffer.push(
            40_000 + n as u16,
            1_000_000_000 + n * 160,
            Codec::Pcmu,
            &payload(n, 160),
        );
        heard += u32::from(buffer.pop(&mut Decoder::default(), &mut frame));
    }
    assert!(heard >= 8);
}

proptest! {
    #[test]
    fn no_arrival_pattern_panics_or_breaks_the_books(
        events in proptest::collection::vec((any::<u16>(), any::<u32>(), 0_usize..600, 0_u8..4), 0..300),
        near in any::<bool>(),
    ) {
        let mut buffer = JitterBuffer::new();
        for (sequence, timestamp, length, pops) in events {
            let (sequence, timestamp) = if near { (sequence % 64, timestamp % 12_000) } else { (sequence, timestamp) };
            buffer.push(sequence, timestamp, Codec::Pcmu, &vec![0; length]);
            for _ in 0..pops {
                let mut frame = Frame::default();
                buffer.pop(&mut Decoder::default(), &mut frame);
            }
            prop_assert_eq!(buffer.held, buffer.slots.iter().filter(|slot| slot.used).count());
            prop_assert!(buffer.delay <= limits::JITTER_DELAY_UNITS_MAX);
            prop_assert_eq!(buffer.has_begun(), buffer.play_time().is_some());
        }
    }

    #[test]
    fn whatever_is_lost_what_arrives_in_time_is_heard(lost in proptest::collection::vec(any::<bool>(), 100)) {
        let schedule: Vec<Vec<u32>> = lost.iter().enumerate()
            .map(|(n, lost)| if *lost && n > 0 { vec![] } else { vec![n as u32] }).collect();
        let heard = play(&schedule);
        for n in 1..98 {
            let expected = (!lost[n]).then(|| value(n as u32));
            prop_assert_eq!(heard[n + 2], expected);
        }
    }
}

#[test]
fn a_full_buffer_leaves_the_last_packet_where_it_is() {
    let mut buffer = JitterBuffer::new();
    let mut frame = Frame::default();
    push(&mut buffer, 0);
    while !buffer.pop(&mut Decoder::default(), &mut frame) {}
    // More than there is room for, and the next one is lost.
    for n in (2..45).chain(2..45) {
        push(&mut buffer, n);
    }
    buffer.pop(&mut Decoder::default(), &mut frame);
    let faded = value(0) / 2;
    assert!(frame.iter().all(|sample| (sample - faded).abs() <= 1));
    // And a stream that begins anew gives every place back.
    buffer.reset();
    assert_eq!(buffer.shelves.free_count, SHELVES);
}
