//! Key presses on a bad line: calls that press keys again and again, and lose a share of the tone
//! packets before they reach the network.
//!
//! ```text
//! cargo run --release -p offhook-phone --example lossy_keys -- sip:bot@127.0.0.1:5060 \
//!     --calls 100 --presses 100 --loss 0.3
//! ```
//!
//! Audio packets are never lost here: what is measured is whether a press survives. Prints how many
//! keys were pressed and how many packets of theirs were dropped; who is called says what was heard.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use offhook_media::{Agreed, MediaCommand, MediaEvent, Port, PortId, Room, StreamStart, TICK, sdp};
use offhook_sip::{Endpoint, OutgoingCall, SessionEvent};
use offhook_terms::{OperationId, Tone};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use tokio::net::UdpSocket;
use tokio::time::MissedTickBehavior;

const KEYS: &str = "0123456789*#";

/// How long a key is held, and the pause after it: somebody who types quickly. The pause is long
/// enough for a bot to begin the next recording.
const PRESS: Duration = Duration::from_millis(100);
const GAP: Duration = Duration::from_millis(300);

/// Before the first press, for the bot to begin its first recording; and after the last.
const PAUSE: Duration = Duration::from_secs(2);

/// Calls begun each second.
const PACE: u64 = 50;

/// Presses keys on a bad line and prints how many.
#[derive(Debug, Clone, Parser)]
struct LossyKeys {
    /// Whom to call
    uri: String,
    /// How many calls at once
    #[arg(long, default_value_t = 100)]
    calls: u64,
    /// How many keys each presses
    #[arg(long, default_value_t = 100)]
    presses: usize,
    /// The share of the tone packets that is lost
    #[arg(long, default_value_t = 0.3)]
    loss: f64,
    /// Where chance begins, so that a run can be repeated
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Default)]
struct Pressed {
    pressed: usize,
    tone_packets: u64,
    dropped: u64,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match LossyKeys::parse().run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::from(2)
        }
    }
}

impl LossyKeys {
    async fn run(self) -> Result<(), Failure> {
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (endpoint, _arrivals) = offhook_sip::listen(offhook_sip::Config::new(at)).await?;
        let mut calls = Vec::new();
        for number in 0..self.calls {
            let (endpoint, this) = (endpoint.clone(), self.clone());
            calls.push(tokio::spawn(
                async move { this.call(&endpoint, number).await },
            ));
            tokio::time::sleep(Duration::from_secs(1) / PACE as u32).await;
        }
        let (mut sum, mut failed, mut first_failure) = (Pressed::default(), 0, None);
        for call in calls {
            match call.await? {
                Ok(one) => {
                    sum.pressed += one.pressed;
                    sum.tone_packets += one.tone_packets;
                    sum.dropped += one.dropped;
                }
                Err(error) => {
                    failed += 1;
                    first_failure.get_or_insert(error.to_string());
                }
            }
        }
        endpoint.shutdown().await;
        let told = serde_json::json!({
            "pressed": sum.pressed,
            "tone_packets": sum.tone_packets,
            "dropped": sum.dropped,
            "failed": failed,
            "first_failure": first_failure,
        });
        writeln!(std::io::stdout(), "{told}")?;
        Ok(())
    }

    async fn call(&self, endpoint: &Endpoint, number: u64) -> Result<Pressed, Failure> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        // Reports are neither sent nor heard here; where they would be is said because it must be.
        let (at, reports) = (
            socket.local_addr()?,
            UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?,
        );
        let mut describe =
            sdp::Session::new(at.ip(), at.port(), reports.local_addr()?.port(), number);
        let from = format!("sip:keys@{}", endpoint.advertised());
        let call = OutgoingCall::new(&self.uri, from, describe.offer().into_bytes());
        let mut session = endpoint.call(call)?;
        let mut events = session.events();
        let answer = loop {
            match events.recv().await {
                Some(SessionEvent::Answered { sdp }) => break sdp,
                Some(SessionEvent::Ended(_)) | None => return Err("not answered".into()),
                Some(_) => {}
            }
        };
        let agreed = describe.accept(&String::from_utf8_lossy(&answer))?;
        let pressed = self.press(&socket, agreed, number).await;
        session.hang_up(None);
        while !matches!(events.recv().await, Some(SessionEvent::Ended(_)) | None) {}
        pressed
    }

    /// Talks silence for as long as the presses take, with the presses in it.
    async fn press(
        &self,
        socket: &UdpSocket,
        agreed: Agreed,
        number: u64,
    ) -> Result<Pressed, Failure> {
        let mut chance = StdRng::seed_from_u64(self.seed.wrapping_add(number));
        let start = StreamStart {
            ssrc: chance.next_u32(),
            sequence: 1,
            timestamp: 160,
        };
        let mut room = Room::new(Port::new(agreed, start, Instant::now()));
        let tones: Vec<Tone> = KEYS.chars().filter_map(Tone::from_symbol).collect();
        let tones: Vec<Tone> = (0..self.presses)
            .map(|_| tones[chance.random_range(0..tones.len())])
            .collect();
        let mut told = Pressed {
            pressed: tones.len(),
            ..Pressed::default()
        };
        let mut beat = tokio::time::interval(TICK);
        beat.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let (mut packet, mut heard) = ([0; _], [0; 1_500]);
        let mut waits = PAUSE.as_millis() / TICK.as_millis();
        let mut tones = Some(tones);
        let mut is_pressing = false;
        loop {
            beat.tick().await;
            if !is_pressing {
                match (waits, tones.take()) {
                    (0, Some(tones)) => {
                        is_pressing = true;
                        let command = MediaCommand::SendTones {
                            operation: OperationId::from_random(chance.random()),
                            tones,
                            press: PRESS,
                            gap: GAP,
                        };
                        room.command(PortId::FIRST, command, Instant::now());
                    }
                    (0, None) => return Ok(told),
                    (_, kept) => {
                        tones = kept;
                        waits -= 1;
                    }
                }
            }
            let port = room.port(PortId::FIRST).ok_or("a room has a port")?;
            port.advance(Instant::now(), 1);
            while let Some(length) = port.next_packet(&mut packet) {
                let is_tone =
                    Some(packet[1] & 0x7f) == agreed.tones_sent_as.map(|as_| as_.payload_type);
                told.tone_packets += u64::from(is_tone);
                if is_tone && chance.random_bool(self.loss) {
                    told.dropped += 1;
                } else {
                    socket.send_to(&packet[..length], agreed.remote).await?;
                }
            }
            while socket.try_recv(&mut heard).is_ok() {}
            while let Some(output) = room.poll() {
                if matches!(output.event, MediaEvent::TonesSent { .. }) {
                    is_pressing = false;
                    waits = PAUSE.as_millis() / TICK.as_millis();
                }
            }
        }
    }
}
