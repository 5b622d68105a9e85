//! A call of which every packet's arrival is known: what a caller hears lies behind the jitter buffer of a
//! phone, and what is timed here is when the platform speaks and when it stops.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use offhook_media::{
    Agreed, Clip, Codec, MediaCommand, Port, PortId, Repeat, Room, StreamStart, TICK, sdp,
};
use offhook_sip::{Endpoint, OutgoingCall, Session, SessionEvent};
use offhook_terms::{OperationId, Tone};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior};

/// Below -50 dBFS is silence, as for a phone: above line noise and the quantisation of G.711.
const SILENCE: i64 = 103 * 103;

const PRESS: Duration = Duration::from_millis(100);

/// One call, in G.711, with everything that is sent and heard on it done while it is waited for.
pub(crate) struct Line {
    session: Session,
    events: mpsc::Receiver<SessionEvent>,
    socket: UdpSocket,
    remote: SocketAddr,
    audio: u8,
    room: Room,
    beat: Interval,
    operations: u128,
    answered: Instant,
    loud: Option<(Instant, Instant)>,
}

impl Line {
    pub(crate) async fn dial(endpoint: &Endpoint, uri: &str) -> Result<Self, String> {
        let bound = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let socket = bound.map_err(|why| why.to_string())?;
        let at = socket.local_addr().map_err(|why| why.to_string())?;
        // Reports are neither sent nor read: none are offered a place of their own.
        let mut describe =
            sdp::Session::new(at.ip(), at.port(), at.port(), 1).with_codecs(&[Codec::Pcmu]);
        let from = format!("sip:caller@{}", endpoint.advertised());
        let call = OutgoingCall::new(uri, from, describe.offer().into_bytes());
        let session = endpoint.call(call).map_err(|why| why.to_string())?;
        let mut events = session.events();
        let answer = loop {
            match events.recv().await {
                Some(SessionEvent::Answered { sdp }) => break sdp,
                Some(SessionEvent::Ended(_)) | None => return Err("not answered".to_owned()),
                Some(_) => {}
            }
        };
        let answered = Instant::now();
        let agreed: Agreed = describe
            .accept(&String::from_utf8_lossy(&answer))
            .map_err(|why| why.to_string())?;
        let start = StreamStart {
            ssrc: 1,
            sequence: 1,
            timestamp: 160,
        };
        let mut beat = tokio::time::interval(TICK);
        beat.set_missed_tick_behavior(MissedTickBehavior::Burst);
        Ok(Self {
            session,
            events,
            socket,
            remote: agreed.remote,
            audio: agreed.payload_type,
            room: Room::new(Port::new(agreed, start, answered)),
            beat,
            operations: 0,
            answered,
            loud: None,
        })
    }

    pub(crate) fn press(&mut self, key: char) {
        let operation = self.operation();
        let command = MediaCommand::SendTones {
            operation,
            tones: Tone::from_symbol(key).into_iter().collect(),
            press: PRESS,
            gap: PRESS,
        };
        self.room.command(PortId::FIRST, command, Instant::now());
    }

    pub(crate) fn play(&mut self, clip: &Clip) {
        let operation = self.operation();
        let command = MediaCommand::Play {
            operation,
            clips: vec![clip.clone()],
            repeat: Repeat::ONCE,
        };
        self.room.command(PortId::FIRST, command, Instant::now());
    }

    fn operation(&mut self) -> OperationId {
        self.operations += 1;
        OperationId::from_random(self.operations)
    }

    /// Sends and hears until then.
    pub(crate) async fn wait(&mut self, wait: Duration) -> Result<(), String> {
        let until = Instant::now() + wait;
        let (mut packet, mut heard) = ([0; _], [0; 1_500]);
        while Instant::now() < until {
            tokio::select! {
                biased;
                arrived = self.socket.recv(&mut heard) => {
                    let length = arrived.map_err(|why| why.to_string())?;
                    self.hear(&heard[..length]);
                }
                _ = self.beat.tick() => {
                    let port = self.room.port(PortId::FIRST).ok_or("a room has a port")?;
                    port.advance(Instant::now(), 1);
                    while let Some(length) = port.next_packet(&mut packet) {
                        let sent = self.socket.send_to(&packet[..length], self.remote).await;
                        sent.map_err(|why| why.to_string())?;
                    }
                    while self.room.poll().is_some() {}
                }
                event = self.events.recv() => {
                    if matches!(event, Some(SessionEvent::Ended(_)) | None) {
                        return Err("the call ended".to_owned());
                    }
                }
            }
        }
        Ok(())
    }

    fn hear(&mut self, packet: &[u8]) {
        let Some((header, sound)) = packet.split_at_checked(12) else {
            return;
        };
        let is_audio = header[1] & 0x7f == self.audio && !sound.is_empty();
        let energy: i64 = sound.iter().map(|byte| linear(*byte).pow(2)).sum();
        if is_audio && energy / sound.len() as i64 > SILENCE {
            let now = Instant::now();
            let first = self.loud.map_or(now, |(first, _)| first);
            self.loud = Some((first, now));
        }
    }

    /// When sound was first heard after the call was answered, in milliseconds.
    pub(crate) fn greeted(&self) -> Result<f64, String> {
        let (first, _) = self.loud.ok_or("nothing was heard")?;
        Ok(first.duration_since(self.answered).as_secs_f64() * 1_000.0)
    }

    /// How long sound arrived after that moment, in milliseconds, if none arrives now.
    pub(crate) fn sounded_since(&self, since: Instant) -> Result<f64, String> {
        let (_, last) = self.loud.ok_or("nothing was heard")?;
        if last.elapsed() < Duration::from_millis(300) {
            return Err("the bot was not interrupted".to_owned());
        }
        let on = last.checked_duration_since(since).unwrap_or_default();
        Ok(on.as_secs_f64() * 1_000.0)
    }

    pub(crate) async fn finish(mut self) {
        self.session.hang_up(None);
        while !matches!(
            self.events.recv().await,
            Some(SessionEvent::Ended(_)) | None
        ) {}
    }
}

/// A sample of µ-law (ITU-T G.711, table 2b), of 16 bits.
fn linear(byte: u8) -> i64 {
    let byte = !byte;
    let magnitude = ((i64::from(byte & 0x0f) << 3) + 0x84) << ((byte & 0x70) >> 4);
    let magnitude = magnitude - 0x84;
    if byte & 0x80 == 0 {
        magnitude
    } else {
        -magnitude
    }
}
