use super::*;
use proptest::prelude::*;

/// A seeded source of chance: xorshift, so that a failure can be repeated.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    fn percent(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }
}

const CLOCKS: Clocks = Clocks {
    stream: 1,
    event: 1,
};

fn tone(symbol: char) -> Tone {
    Tone::from_symbol(symbol).unwrap()
}

fn packets(tones: &[Tone], press: u32, gap: u32, first: u32) -> Vec<TonePacket> {
    let mut sender = ToneSender::new(OperationId::from_bits(1), tones.to_vec(), press, gap);
    let mut clock = PressClock::default();
    let mut timestamp = first;
    let mut packets = Vec::new();
    loop {
        match sender.beat() {
            Beat::Press(press) => packets.push(clock.packet(press, timestamp, CLOCKS)),
            Beat::Gap => {}
            Beat::Done => return packets,
        }
        timestamp = timestamp.wrapping_add(160);
    }
}

fn heard(packets: &[TonePacket]) -> Vec<Tone> {
    let mut receiver = ToneReceiver::default();
    packets
        .iter()
        .filter_map(|p| receiver.packet(p.timestamp, 1, &p.payload))
        .collect()
}

#[test]
fn a_press_is_one_timestamp_growing_durations_and_three_ends() {
    let sent = packets(&[tone('5')], 3, 3, 1000);
    let expected: Vec<(bool, u32, [u8; 4])> = vec![
        (true, 1000, [5, 10, 0, 160]),
        (false, 1000, [5, 10, 1, 64]),
        (false, 1000, [5, 138, 1, 224]),
        (false, 1000, [5, 138, 1, 224]),
        (false, 1000, [5, 138, 1, 224]),
    ];
    let got: Vec<_> = sent
        .iter()
        .map(|p| (p.marker, p.timestamp, p.payload))
        .collect();
    assert_eq!(got, expected);
}

#[test]
fn the_same_key_twice_is_two_presses() {
    let presses = [tone('1'), tone('1'), tone('#'), tone('#')];
    assert_eq!(heard(&packets(&presses, 5, 3, u32::MAX - 1000)), presses);
}

#[test]
fn any_single_packet_is_enough_and_only_one_counts() {
    let presses = [tone('4')];
    let sent = packets(&presses, 5, 3, 0);
    for kept in 0..sent.len() {
        assert_eq!(heard(&sent[kept..=kept]), presses);
    }
    let mut backwards = sent.clone();
    backwards.reverse();
    assert_eq!(heard(&backwards), presses);
}

#[test]
fn a_press_of_twenty_seconds_is_one_press() {
    let mut receiver = ToneReceiver::default();
    let mut presses = 0;
    let (mut start, mut duration) = (0_u32, 0_u32);
    for _ in 0..1000 {
        duration += 160;
        if duration > 0xffff {
            start += 0xffff;
            duration -= 0xffff;
        }
        let [high, low] = (duration as u16).to_be_bytes();
        let full = receiver.packet(start, 1, &[7, 10, high, low]).is_some();
        presses += u32::from(full);
        if duration + 160 > 0xffff {
            receiver.packet(start, 1, &[7, 10, 0xff, 0xff]);
        }
    }
    assert_eq!(presses, 1);
}

#[test]
fn a_gateway_that_moves_the_timestamp_presses_once() {
    let mut receiver = ToneReceiver::default();
    let heard = (0..10_u16).filter(|n| {
        let [high, low] = (160 * (n + 1)).to_be_bytes();
        receiver
            .packet(u32::from(*n) * 160, 1, &[7, 10, high, low])
            .is_some()
    });
    assert_eq!(heard.count(), 1);
}

#[test]
fn who_comes_in_the_middle_of_a_press_hears_one_that_begins_then() {
    let mut sender = ToneSender::new(OperationId::from_bits(1), vec![tone('5')], 6, 3);
    let (mut all, mut late) = (PressClock::default(), PressClock::default());
    let (mut to_all, mut to_late) = (Vec::new(), Vec::new());
    for n in 0..8_u32 {
        if let Beat::Press(press) = sender.beat() {
            to_all.push(all.packet(press, n * 160, CLOCKS));
            if n >= 3 {
                to_late.push(late.packet(press, 7_000 + n * 160, CLOCKS));
            }
        }
    }
    assert_eq!((heard(&to_all).len(), heard(&to_late).len()), (1, 1));
    assert!(to_late[0].marker && to_late.iter().all(|p| p.timestamp == 7_480));
}

#[test]
fn thirty_percent_loss_loses_no_press_in_a_thousand_and_doubles_none() {
    let mut chance = Chance(0x5eed);
    let (mut sent, mut arrived) = (0, 0);
    for round in 0..25 {
        let presses: Vec<Tone> = (0..1_000)
            .map(|_| Tone::from_event((chance.next() % 16) as u8).unwrap())
            .collect();
        let mut network = packets(&presses, 5, 4, round * 77_777_777);
        network.retain(|_| !chance.percent(30));
        for at in 1..network.len() {
            if chance.percent(5) {
                network.swap(at - 1, at);
            }
        }
        let mut receiver = ToneReceiver::default();
        let mut heard = std::collections::HashSet::new();
        for packet in &network {
            if let Some(tone) = receiver.packet(packet.timestamp, 1, &packet.payload) {
                assert_eq!(tone.event(), packet.payload[0]);
                assert!(heard.insert(packet.timestamp), "a press heard twice");
            }
        }
        arrived += heard.len();
        sent += 1_000;
    }
    assert_eq!(sent, 25_000);
    assert!(arrived * 1000 >= sent * 999, "{arrived} of {sent}");
}

proptest! {
    #[test]
    fn garbage_never_panics(packets in proptest::collection::vec((any::<u32>(), proptest::collection::vec(any::<u8>(), 0..8)), 0..50)) {
        let mut receiver = ToneReceiver::default();
        for (timestamp, payload) in packets {
            receiver.packet(timestamp, 1, &payload);
        }
    }

    #[test]
    fn each_press_is_heard_exactly_once_in_any_local_order(
        keys in proptest::collection::vec(0_u8..16, 1..20), press in 2_u32..20, first in any::<u32>(),
        swaps in proptest::collection::vec(0_usize..400, 0..40), doubled in proptest::collection::vec(0_usize..400, 0..20),
    ) {
        let presses: Vec<Tone> = keys.iter().map(|k| Tone::from_event(*k).unwrap()).collect();
        let mut network = packets(&presses, press, 3, first);
        for at in doubled {
            let at = at % network.len();
            let packet = network[at];
            network.insert(at, packet);
        }
        for at in swaps {
            let at = at % network.len();
            if at + 1 < network.len() {
                network.swap(at, at + 1);
            }
        }
        let mut got: Vec<u8> = heard(&network).iter().map(|t| t.event()).collect();
        let mut wanted = keys;
        got.sort_unstable();
        wanted.sort_unstable();
        prop_assert_eq!(got, wanted);
    }
}
