//! The audio side of a phone whose signalling is SIPp's: a socket that hears, speaks and presses
//! keys.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::hearing::{Hearing, RATE, linear_to_mulaw};

/// A packet every 20 ms.
const PACKET: Duration = Duration::from_millis(20);
const PACKET_SAMPLES: usize = 160;

const TONES_PAYLOAD_TYPE: u8 = 101;
const MULAW_SILENCE: u8 = 0xff;
const OUR_STREAM: u32 = 0x0ff0_00c5;

/// The beep that asks the caller to speak.
pub(crate) const BEEP_HERTZ: f64 = 1_000.0;

/// What a caller does, one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// Listens until the next beep is over.
    WaitForBeep,
    /// Says a tone of so many hertz.
    Say(f64, Duration),
    /// Presses a key, as RFC 4733 has it.
    Press(char),
    /// Listens until a tone of so many hertz, begun after this step, is over.
    WaitForTone(f64),
    /// Listens for so long.
    Listen(Duration),
}

pub(crate) struct Line {
    socket: UdpSocket,
    /// Where audio comes from, and so where ours goes (RFC 4961).
    peer: Option<SocketAddr>,
    pub(crate) hearing: Hearing,
    sequence: u16,
    timestamp: u32,
    steps: Vec<Step>,
    at: usize,
    /// When the step began: on the clock, and in what was heard.
    since: Instant,
    heard_since: Duration,
    ticks: u32,
}

impl Line {
    pub(crate) fn new(steps: &[Step]) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port on loopback");
        socket
            .set_nonblocking(true)
            .expect("a socket that does not wait");
        Self {
            socket,
            peer: None,
            hearing: Hearing::default(),
            sequence: 100,
            timestamp: 8_000,
            steps: steps.to_vec(),
            at: 0,
            since: Instant::now(),
            heard_since: Duration::ZERO,
            ticks: 0,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.socket.local_addr().expect("a bound socket").port()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.at == self.steps.len()
    }

    /// What it was doing, for a failure's message.
    pub(crate) fn doing(&self) -> String {
        let doing = self.steps.get(self.at);
        let heard = self.hearing.lasts();
        format!(
            "{doing:?} after {heard:?} of audio in {} packets",
            self.hearing.packets
        )
    }

    fn hear(&mut self) {
        let mut packet = [0; 2_048];
        loop {
            match self.socket.recv_from(&mut packet) {
                Ok((length, from)) => {
                    if self.take(&packet[..length]) {
                        self.peer = Some(from);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // Somebody closed their port while our packet was on its way.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                Err(error) => panic!("the line broke: {error}"),
            }
        }
    }

    /// Takes a packet if it is audio (RFC 3550 §5.1, without extensions).
    fn take(&mut self, packet: &[u8]) -> bool {
        let [first, kind, rest @ ..] = packet else {
            return false;
        };
        if first >> 6 != 2 || kind & 0x7f != 0 || rest.len() < 10 {
            return false;
        }
        let number = |at: usize, length: usize| {
            packet[at..at + length]
                .iter()
                .fold(0_u32, |sum, octet| sum << 8 | u32::from(*octet))
        };
        let sequence = number(2, 2) as u16;
        self.hearing
            .packet(number(8, 4), sequence, number(4, 4), &packet[12..]);
        true
    }

    /// Twenty milliseconds go by: speaks, and goes on to the next step when one is over.
    fn tick(&mut self) {
        let Some(step) = self.steps.get(self.at).copied() else {
            self.send_audio(None);
            return;
        };
        self.ticks += 1;
        let heard_tone = |line: &Self, hertz| {
            // Looking takes time, and there may be many lines: five ears out of six rest.
            line.ticks.is_multiple_of(6)
                && line
                    .hearing
                    .tones_since(hertz, line.heard_since)
                    .iter()
                    .any(|heard| line.hearing.lasts() > heard.until() + Duration::from_millis(100))
        };
        let over = match step {
            Step::WaitForBeep => {
                self.send_audio(None);
                heard_tone(self, BEEP_HERTZ)
            }
            Step::WaitForTone(hertz) => {
                self.send_audio(None);
                heard_tone(self, hertz)
            }
            Step::Listen(lasts) => {
                self.send_audio(None);
                self.since.elapsed() >= lasts
            }
            Step::Say(hertz, lasts) => {
                self.send_audio(Some(hertz));
                self.since.elapsed() + PACKET >= lasts
            }
            Step::Press(key) => {
                self.press(key);
                true
            }
        };
        if over {
            self.at += 1;
            self.since = Instant::now();
            self.heard_since = self.hearing.lasts();
        }
    }

    fn send_audio(&mut self, hertz: Option<f64>) {
        let mut payload = [MULAW_SILENCE; PACKET_SAMPLES];
        if let Some(hertz) = hertz {
            for (n, octet) in payload.iter_mut().enumerate() {
                let t = f64::from(self.timestamp.wrapping_add(n as u32)) / RATE as f64;
                let sample = 8_000.0 * (std::f64::consts::TAU * hertz * t).sin();
                *octet = linear_to_mulaw(sample as i16);
            }
        }
        self.send(0, false, self.timestamp, &payload);
        self.timestamp = self.timestamp.wrapping_add(PACKET_SAMPLES as u32);
    }

    /// A whole key press at once: networks deliver them in bursts too (RFC 4733 §2.5.1).
    fn press(&mut self, key: char) {
        let event = "0123456789*#".find(key).expect("a key of a phone") as u8;
        let began = self.timestamp;
        for packet in 1..=7_u16 {
            // The last three say that it is over.
            let over = packet.min(5) == 5;
            let lasts = packet.min(5) * PACKET_SAMPLES as u16;
            let [high, low] = lasts.to_be_bytes();
            let payload = [event, if over { 0x8a } else { 0x0a }, high, low];
            self.send(TONES_PAYLOAD_TYPE, packet == 1, began, &payload);
        }
        self.timestamp = began.wrapping_add(5 * PACKET_SAMPLES as u32);
    }

    fn send(&mut self, payload_type: u8, marker: bool, timestamp: u32, payload: &[u8]) {
        let Some(peer) = self.peer else { return };
        let mut packet = vec![0x80, payload_type | if marker { 0x80 } else { 0 }];
        packet.extend_from_slice(&self.sequence.to_be_bytes());
        packet.extend_from_slice(&timestamp.to_be_bytes());
        packet.extend_from_slice(&OUR_STREAM.to_be_bytes());
        packet.extend_from_slice(payload);
        self.sequence = self.sequence.wrapping_add(1);
        // A refusal belongs to a call that has just ended, and is no fault of the line.
        let _ = self.socket.send_to(&packet, peer);
    }
}

/// Lets every line do what it is to do, until all are done or time is up.
#[track_caller]
pub(crate) fn converse(lines: &mut [Line], within: Duration) {
    let deadline = Instant::now() + within;
    converse_until(lines, |lines| {
        let late = Instant::now() > deadline;
        if late {
            let open = lines.iter().filter(|line| !line.is_done());
            let doing: Vec<String> = open.map(Line::doing).collect();
            panic!("{} lines are not done:\n{}", doing.len(), doing.join("\n"));
        }
        lines.iter().all(Line::is_done)
    });
}

/// Lets every line do what it is to do, and then go on listening, until told to stop.
pub(crate) fn converse_until(lines: &mut [Line], mut enough: impl FnMut(&[Line]) -> bool) {
    let mut next = Instant::now();
    while !enough(lines) {
        lines.iter_mut().for_each(Line::hear);
        lines.iter_mut().for_each(Line::tick);
        next += PACKET;
        // A test that was held up catches up: its audio is a stream like any other.
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}
