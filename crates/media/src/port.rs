//! One leg's media: packets in, packets out, and what is done with the audio.
//!
//! A host ticks it: [`advance`](Port::advance), then [`next_packet`](Port::next_packet) until
//! `None`, then [`packet`](Port::packet) for each one read, then [`hear`](Port::hear).

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use offhook_terms::{OperationId, Private, Tone};

use crate::codec::Codec;
use crate::coders::{Coders, SAMPLES_MAX};
use crate::frame::Frame;
use crate::given::{Given, Sound};
use crate::inband::KeyDetector;
use crate::jitter::{JitterBuffer, Kept};
use crate::latch::{Latch, Verdict};
use crate::limits;
use crate::player::{PlayEnded, Player};
use crate::recorder::{RecordEnded, Recorder};
use crate::room::{MediaCommand, MediaEvent, Spent};
use crate::rtcp;
use crate::rtp;
use crate::sdp::{Agreed, Direction, TonesAs};
use crate::srtp;
use crate::statistics::{Place, Received, Statistics};
use crate::timeline::Timeline;
use crate::tones::{Beat, Clocks, Press, PressClock, ToneReceiver, ToneSender, TonesEnded};
use crate::{TICK, TICK_SAMPLES};

/// Where a stream's numbers begin. Random in use (RFC 3550 §5.1), chosen in tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamStart {
    /// The stream's number.
    pub ssrc: u32,
    /// The first sequence number.
    pub sequence: u16,
    /// The first timestamp.
    pub timestamp: u32,
}

/// Room for the largest packet we send.
pub(crate) const PACKET_BYTES: usize =
    rtp::HEADER + limits::PAYLOAD_BYTES_MAX + srtp::TAG_BYTES_MAX;

/// Room for the largest report we send.
pub(crate) const REPORT_BYTES: usize = rtcp::REPORT_BYTES_MAX + srtp::REPORT_BYTES_ADDED;

/// Comfort noise (RFC 3389): understood as the silence it is.
const COMFORT_NOISE: u8 = 13;

/// One leg's media.
#[derive(Debug)]
pub struct Port {
    agreed: Agreed,
    coders: Box<Coders>,
    latch: Latch,
    began: Instant,

    // Out.
    stream: StreamStart,
    marker: bool,
    owed: u32,
    player: Option<Player>,
    tone_sender: Option<ToneSender>,
    press_clock: PressClock,
    /// What the room gives it to say, and a key one of its seats presses.
    given: Given,
    pressed: Option<Press>,
    sent: u64,
    sent_octets: u32,
    unsent: u64,

    // In.
    peer: Option<u32>,
    other_peer: Option<(u32, u16)>,
    received: Received,
    timeline: Timeline,
    tone_receiver: ToneReceiver,
    /// Keys in the sound: heard until the peer has told of one beside it.
    key_detector: KeyDetector,
    tells_keys: bool,
    recorder: Option<Recorder>,
    ear: Ear,
    /// Keys heard that the room has not looked at, and when by the peer's clock.
    keys: Keys,
    /// What the last jitter buffer learned about the network, for the next.
    delay: i32,
    packet_came: bool,
    late: u64,
    refused: u64,
    peer_packet_units: u16,

    // Time.
    listening_since: Instant,
    heard_at: Option<Instant>,
    reported_at: Option<Instant>,
    said_nothing_heard: bool,
    said_gone: bool,
    next_report: Instant,
    peer_report: Option<(u32, Instant)>,
    peer_fraction_lost: u8,
    round_trip_ms: Option<u32>,

    events: VecDeque<(MediaEvent, Spent)>,
    /// What nothing is told about, and must be freed elsewhere all the same.
    spent: VecDeque<Spent>,
}

impl Port {
    /// A port that sends and hears as agreed. Allocates all it will need.
    pub fn new(agreed: Agreed, start: StreamStart, now: Instant) -> Self {
        let mut port = Self::deaf(agreed, start, now);
        if Self::hears_keys_only(&agreed) {
            port.own_buffer(Box::default());
            port.listen();
        }
        port
    }

    fn deaf(agreed: Agreed, start: StreamStart, now: Instant) -> Self {
        Self {
            coders: Box::new(Coders::for_agreed(&agreed)),
            latch: Latch::new(agreed.remote),
            agreed,
            began: now,
            stream: start,
            marker: true,
            owed: 0,
            player: None,
            tone_sender: None,
            press_clock: PressClock::default(),
            given: Given::default(),
            pressed: None,
            sent: 0,
            sent_octets: 0,
            unsent: 0,
            peer: None,
            other_peer: None,
            received: Received::default(),
            timeline: Timeline::default(),
            tone_receiver: ToneReceiver::default(),
            key_detector: KeyDetector::default(),
            tells_keys: false,
            recorder: None,
            ear: Ear::default(),
            keys: Keys::default(),
            delay: limits::JITTER_DELAY_UNITS_START,
            packet_came: false,
            late: 0,
            refused: 0,
            peer_packet_units: 0,
            listening_since: now,
            heard_at: None,
            reported_at: None,
            said_nothing_heard: false,
            said_gone: false,
            // Not all ports at once: their stream numbers spread the first reports.
            next_report: now + limits::REPORT_EVERY / 2 + TICK * (start.ssrc % 125),
            peer_report: None,
            peer_fraction_lost: 0,
            round_trip_ms: None,
            events: VecDeque::with_capacity(limits::ROOM_EVENTS),
            spent: VecDeque::with_capacity(limits::ROOM_EVENTS),
        }
    }

    /// What is agreed at present.
    pub fn agreed(&self) -> &Agreed {
        &self.agreed
    }

    /// Where audio is sent, and whether anybody may still turn out to be the peer.
    pub fn latch(&self) -> &Latch {
        &self.latch
    }

    /// Where reports are sent: the described port at the address that is heard.
    pub fn report_destination(&self) -> SocketAddr {
        let latched = self.latch.destination();
        if self.agreed.rtcp_mux {
            return latched;
        }
        SocketAddr::new(latched.ip(), self.agreed.remote_rtcp.port())
    }

    /// How the audio went so far.
    pub fn statistics(&self) -> Statistics {
        Statistics {
            packets_sent: self.sent,
            packets_received: self.received.received(),
            packets_lost: self.received.lost(),
            packets_duplicated: self.received.duplicates(),
            packets_late: self.late,
            packets_refused: self.refused,
            packets_unsent: self.unsent,
            jitter: self.received.jitter(),
            peer_fraction_lost: self.peer_fraction_lost,
            peer_reported: self.reported_at.is_some(),
            round_trip_ms: self.round_trip_ms,
        }
    }

    pub(crate) fn command(&mut self, command: MediaCommand, now: Instant) {
        match command {
            MediaCommand::Play {
                operation,
                clips,
                repeat,
            } => {
                self.stop_playing();
                self.player = Some(Player::new(operation, clips, repeat));
            }
            MediaCommand::Record {
                operation,
                plan,
                mut feed,
            } => {
                self.end_recording(RecordEnded::Stopped);
                self.borrow_buffer(&mut feed.jitter);
                self.recorder = Some(Recorder::new(operation, plan, feed));
                self.listen();
            }
            MediaCommand::SendTones {
                operation,
                tones,
                press,
                gap,
            } => {
                self.end_tones(TonesEnded::Stopped);
                let ticks = |d: Duration| (d.as_millis() / TICK.as_millis()).min(1_000) as u32;
                if self.agreed.tones_sent_as.is_none() {
                    let ended = TonesEnded::NotAgreed;
                    self.tell(
                        MediaEvent::TonesSent { operation, ended },
                        Spent::Tones(tones),
                    );
                } else {
                    self.tone_sender =
                        Some(ToneSender::new(operation, tones, ticks(press), ticks(gap)));
                }
            }
            MediaCommand::ToneSignalled(tone) => self.tone_signalled(tone.into_inner()),
            MediaCommand::Stop { operation } => self.stop(operation),
            MediaCommand::Agree { agreed, coders } => self.agree(agreed, coders, now),
            // Who hears whom is the room's business.
            MediaCommand::Listen { .. }
            | MediaCommand::Deafen
            | MediaCommand::Tape { .. }
            | MediaCommand::Untape
            | MediaCommand::Hears(_) => {}
        }
    }

    fn stop(&mut self, operation: OperationId) {
        if self
            .player
            .as_ref()
            .is_some_and(|p| p.operation == operation)
        {
            self.stop_playing();
        } else if self
            .recorder
            .as_ref()
            .is_some_and(|r| r.operation == operation)
        {
            self.end_recording(RecordEnded::Stopped);
        } else if self
            .tone_sender
            .as_ref()
            .is_some_and(|t| t.operation == operation)
        {
            self.end_tones(TonesEnded::Stopped);
        }
    }

    fn agree(&mut self, agreed: Agreed, mut coders: Box<Coders>, now: Instant) {
        let listened = self.agreed.direction.receives();
        let sent = self.agreed.direction.sends();
        if agreed.direction.receives() && !listened {
            self.listening_since = now;
            self.said_nothing_heard = false;
        }
        self.marker |= agreed.direction.sends() && !sent;
        if agreed.codec != self.agreed.codec {
            self.given.clear();
        }
        // On hold by an address of zeros nothing moves: the resume brings the old address back.
        if !agreed.remote.ip().is_unspecified() {
            self.latch.signalled(agreed.remote);
        }
        // A codec that goes on remembers what it has said and heard.
        if let (Some(new), Some(before)) = (&mut coders.srtp, &mut self.coders.srtp) {
            new.go_on(before);
        }
        std::mem::swap(&mut self.coders, &mut coders);
        if (agreed.codec, agreed.hears) == (self.agreed.codec, self.agreed.hears) {
            std::mem::swap(&mut self.coders.decoder, &mut coders.decoder);
            std::mem::swap(&mut self.coders.encoder, &mut coders.encoder);
        }
        self.spent.push_back(Spent::Coders(coders));
        self.agreed = agreed;
    }

    /// Lets `ticks` times twenty milliseconds pass; more than one when the host was late. What
    /// should have been sent in the others is dropped: late audio is worse than none. True when the
    /// peer has been silent so long that the socket must listen to anybody again.
    pub fn advance(&mut self, now: Instant, ticks: u32) -> bool {
        self.packet_came = false;
        if ticks > 1 {
            self.drop_late((ticks - 1) * TICK_SAMPLES as u32);
        }
        self.owed += TICK_SAMPLES as u32;
        if !self.agreed.direction.sends() {
            // Time goes on, so that the peer's jitter buffer sees a pause and not a jump back.
            self.pass(self.owed);
            self.given.clear();
        }
        self.watch_peer(now)
    }

    fn drop_late(&mut self, units: u32) {
        self.stamp(units);
        if self.tone_sender.is_none()
            && let Some(player) = &mut self.player
            && player.skip(units as usize)
        {
            self.end_playing(PlayEnded::Finished);
        }
    }

    fn watch_peer(&mut self, now: Instant) -> bool {
        if !self.agreed.direction.receives() {
            return false;
        }
        let heard = self
            .heard_at
            .map_or(self.listening_since, |at| at.max(self.listening_since));
        let never = self.heard_at.is_none_or(|at| at < self.listening_since);
        let silent = now.saturating_duration_since(heard);
        if silent < limits::RELATCH_AFTER {
            return false;
        }
        if never && !self.said_nothing_heard && silent >= limits::NOTHING_HEARD_AFTER {
            self.said_nothing_heard = true;
            self.tell(MediaEvent::NothingHeard, Spent::Nothing);
        }
        let alive = self.reported_at.map_or(heard, |at| at.max(heard));
        let gone = now.saturating_duration_since(alive) >= limits::PEER_GONE_AFTER;
        if gone && !self.said_gone && !self.agreed.on_hold() {
            self.said_gone = true;
            self.tell(MediaEvent::PeerGone, Spent::Nothing);
        }
        if self.latch.is_open() {
            return false;
        }
        self.latch.reopen();
        true
    }

    /// Writes the next packet that is due and gives its length.
    pub fn next_packet(&mut self, out: &mut [u8; PACKET_BYTES]) -> Option<usize> {
        if self.owed < TICK_SAMPLES as u32 && self.owed < u32::from(self.agreed.packet_units) {
            return None;
        }
        let presses = self.tone_sender.is_some() || self.pressed.is_some();
        if presses && self.owed < TICK_SAMPLES as u32 {
            return None;
        }
        if let Some(press) = self.next_press() {
            return Some(self.write_press(press, out));
        }
        let in_gap = self.tone_sender.is_some();
        let units = if in_gap {
            TICK_SAMPLES
        } else {
            usize::from(self.agreed.packet_units)
        };
        if (self.owed as usize) < units {
            return None;
        }
        let length = self.write_payload(units, in_gap, &mut out[rtp::HEADER..]);
        let timestamp = self.stream.timestamp;
        let marker = std::mem::take(&mut self.marker);
        self.write_header(out, marker, self.agreed.payload_type, timestamp);
        self.pass(units as u32);
        self.sent_octets = self.sent_octets.wrapping_add(length as u32);
        Some(self.protect(out, rtp::HEADER + length))
    }

    /// Encrypts a packet that is ready, if that is agreed, and gives its length then.
    fn protect(&mut self, packet: &mut [u8], length: usize) -> usize {
        match &mut self.coders.srtp {
            Some(srtp) => srtp.protect(packet, length, rtp::HEADER),
            None => length,
        }
    }

    /// Writes so much sound, of the port's own player or of the room, and gives its length in bytes.
    fn write_payload(&mut self, units: usize, in_gap: bool, payload: &mut [u8]) -> usize {
        let Some(law) = self.agreed.codec.law() else {
            return self.encode_payload(units, in_gap, payload);
        };
        let payload = &mut payload[..units];
        match &mut self.player {
            Some(player) if !in_gap => {
                if player.fill(law, payload) {
                    self.end_playing(PlayEnded::Finished);
                }
            }
            None if !in_gap && !self.given.is_empty() => {
                self.given.read(self.owed as usize, law, payload);
            }
            _ => payload.fill(law.silence()),
        }
        units
    }

    /// As [`write_payload`](Self::write_payload), for a codec that has to be encoded here.
    fn encode_payload(&mut self, units: usize, in_gap: bool, payload: &mut [u8]) -> usize {
        let (codec, rate) = (self.agreed.codec, self.agreed.codec.rate());
        let mut samples = [0; SAMPLES_MAX];
        let samples = &mut samples[..units * rate.per_unit()];
        let sounds = match &mut self.player {
            Some(player) if !in_gap => {
                if player.fill_samples(rate, samples) {
                    self.end_playing(PlayEnded::Finished);
                }
                true
            }
            None if !in_gap => self.given.read_wide(self.owed as usize, samples),
            _ => false,
        };
        let encoder = &mut self.coders.encoder;
        if sounds {
            encoder.encode(codec, samples, payload)
        } else {
            encoder.silence(codec, units, payload)
        }
    }

    /// The part of a press that is due: of this port's own tones, or of a seat's.
    fn next_press(&mut self) -> Option<Press> {
        let Some(sender) = &mut self.tone_sender else {
            return self.pressed.take();
        };
        match sender.beat() {
            Beat::Press(press) => Some(press),
            Beat::Gap => None,
            Beat::Done => {
                self.end_tones(TonesEnded::Finished);
                None
            }
        }
    }

    fn write_press(&mut self, press: Press, out: &mut [u8; PACKET_BYTES]) -> usize {
        let stream = self.agreed.codec.clock_per_unit();
        let tones = self.agreed.tones_sent_as;
        let clocks = Clocks {
            stream,
            event: tones.map_or(stream, |as_| as_.clock / 8_000),
        };
        let packet = self
            .press_clock
            .packet(press, self.stream.timestamp, clocks);
        out[rtp::HEADER..rtp::HEADER + 4].copy_from_slice(&packet.payload);
        let payload_type = tones.map_or(self.agreed.payload_type, |as_| as_.payload_type);
        self.write_header(out, packet.marker, payload_type, packet.timestamp);
        self.pass(TICK_SAMPLES as u32);
        self.sent_octets = self.sent_octets.wrapping_add(4);
        self.protect(out, rtp::HEADER + 4)
    }

    fn write_header(&mut self, out: &mut [u8], marker: bool, payload_type: u8, timestamp: u32) {
        rtp::write_header(
            out,
            marker,
            payload_type,
            self.stream.sequence,
            timestamp,
            self.stream.ssrc,
        );
        self.stream.sequence = self.stream.sequence.wrapping_add(1);
        self.sent += 1;
    }

    /// So much of the stream's time goes by.
    fn stamp(&mut self, units: u32) {
        let ticks = units.wrapping_mul(self.agreed.codec.clock_per_unit());
        self.stream.timestamp = self.stream.timestamp.wrapping_add(ticks);
    }

    fn pass(&mut self, units: u32) {
        self.stamp(units);
        self.owed -= units;
        self.given.keep_newest(self.owed as usize);
    }

    /// Whether the port says nothing of the room: it sends nothing, or has sound or keys of its own.
    pub(crate) fn is_occupied(&self) -> bool {
        !self.agreed.direction.sends() || self.player.is_some() || self.tone_sender.is_some()
    }

    /// What the port says in this tick, in its codec; silence when it is given none.
    pub(crate) fn give(&mut self, sound: Option<Sound<'_>>) {
        self.given.give(sound, self.agreed.codec.law());
    }

    /// A key a seat presses, in the place of this tick's sound. False when the peer knows no keys.
    pub(crate) fn press(&mut self, press: Press) -> bool {
        let is_understood = self.agreed.tones_sent_as.is_some();
        if is_understood {
            self.pressed = Some(press);
        }
        is_understood
    }

    /// The network would not take a packet.
    pub fn unsent(&mut self) {
        self.unsent += 1;
    }

    /// How many packets a tick the peer sends: two when each holds 10 ms.
    pub fn reads_per_tick(&self) -> usize {
        if (1..TICK_SAMPLES as u16).contains(&self.peer_packet_units) {
            2
        } else {
            1
        }
    }

    /// Takes a datagram from the port's socket; `from` is `None` when the socket is connected. Gives
    /// the address to connect to when the peer has been found there.
    pub fn packet(
        &mut self,
        bytes: &[u8],
        from: Option<SocketAddr>,
        now: Instant,
    ) -> Option<SocketAddr> {
        if rtp::is_rtcp(bytes) {
            if self.agreed.rtcp_mux && from.is_none_or(|from| from == self.latch.destination()) {
                self.read_reports(bytes, now);
            }
            return None;
        }
        let mut opened = [0; limits::DATAGRAM_BYTES_MAX];
        let bytes = match &mut self.coders.srtp {
            None => bytes,
            Some(srtp) => {
                let packet = opened.get_mut(..bytes.len());
                let length = packet
                    .zip(rtp::header_bytes(bytes))
                    .and_then(|(packet, header)| {
                        packet.copy_from_slice(bytes);
                        srtp.open(packet, header)
                    });
                let Some(length) = length else {
                    self.refused += 1;
                    return None;
                };
                &opened[..length]
            }
        };
        let Some(heard) = rtp::read(bytes) else {
            self.refused += 1;
            return None;
        };
        let codec = self.agreed.codec_heard_as(heard.payload_type);
        let tone = self.agreed.tone_heard_as(heard.payload_type);
        if codec.is_none() && tone.is_none() && heard.payload_type != COMFORT_NOISE {
            self.refused += 1;
            return None;
        }
        let from = from.unwrap_or_else(|| self.latch.destination());
        let connect = match self.latch.packet(from, heard.ssrc, heard.sequence) {
            Verdict::Hear => None,
            Verdict::Latch(address) => Some(address),
            Verdict::Ignore => {
                self.refused += 1;
                return None;
            }
        };
        self.heard(&heard, codec, tone, now);
        connect
    }

    fn heard(
        &mut self,
        heard: &rtp::Heard<'_>,
        codec: Option<Codec>,
        tone: Option<TonesAs>,
        now: Instant,
    ) {
        if !self.same_stream(heard) {
            self.refused += 1;
            return;
        }
        let arrival = (now.saturating_duration_since(self.began).as_micros() / 125) as u32;
        // Tones and comfort noise are stamped by the clock of the audio between them.
        let clock = codec.unwrap_or(self.agreed.codec).clock_per_unit();
        let timestamp = self.timeline.units(heard.timestamp, clock);
        let place = self
            .received
            .packet(heard.sequence, codec.map(|_| timestamp), arrival);
        if place == Place::Duplicate {
            return;
        }
        let first = self.heard_at.is_none_or(|at| at < self.listening_since);
        if first && (self.said_nothing_heard || self.heard_at.is_none()) {
            self.tell(MediaEvent::Heard, Spent::Nothing);
        }
        self.heard_at = Some(now);
        self.packet_came = true;
        self.said_gone = false;
        if let Some(as_) = tone {
            let pressed = self
                .tone_receiver
                .packet(timestamp, as_.clock / 8_000, heard.payload);
            self.tells_keys = true;
            if let Some(tone) = pressed {
                self.tone_heard(tone, timestamp);
            }
        } else if let Some(codec) = codec {
            self.peer_packet_units = codec.payload_units(heard.payload).unwrap_or(0);
            // Nobody listens: counted above, and never looked at.
            let Some(buffer) = self.ear.buffer.as_mut().filter(|_| self.ear.listens) else {
                return;
            };
            match buffer.push(heard.sequence, timestamp, codec, heard.payload) {
                Kept::Yes => {}
                Kept::Late => self.late += 1,
                Kept::Unfit => self.refused += 1,
            }
        }
    }

    /// Whether a packet belongs to the stream we hear. A new stream number is believed at its second
    /// packet, so that noise does not throw away the buffer.
    fn same_stream(&mut self, heard: &rtp::Heard<'_>) -> bool {
        if self.peer == Some(heard.ssrc) {
            return true;
        }
        if self.peer.is_some() && self.other_peer != Some((heard.ssrc, heard.sequence)) {
            self.other_peer = Some((heard.ssrc, heard.sequence.wrapping_add(1)));
            return false;
        }
        if self.peer.is_some() {
            self.received.begin_stream();
            self.timeline = Timeline::default();
            self.tone_receiver.reset();
            if let Some(buffer) = &mut self.ear.buffer {
                buffer.reset();
            }
            self.peer_report = None;
        }
        self.peer = Some(heard.ssrc);
        self.other_peer = None;
        true
    }

    fn tone_heard(&mut self, tone: Tone, timestamp: u32) {
        // Kept back when the way out is full: endings need the rest of it.
        if self.events.len() + 8 < limits::ROOM_EVENTS {
            self.tell(MediaEvent::ToneHeard(Private::new(tone)), Spent::Nothing);
        }
        self.keys.push(tone, timestamp);
        let Some(mut recorder) = self.recorder.take() else {
            return;
        };
        let ended = self.press_into(&mut recorder, tone, timestamp);
        self.recorder = Some(recorder);
        if let Some(ended) = ended {
            self.end_recording(ended);
        }
    }

    /// A key heard here, for a recording of this port alone. What was said before the key is still
    /// waiting for its turn.
    pub(crate) fn press_into(
        &mut self,
        recorder: &mut Recorder,
        tone: Tone,
        timestamp: u32,
    ) -> Option<RecordEnded> {
        if recorder.stops_at(tone)
            && let Some(buffer) = &mut self.ear.buffer
        {
            let mut frame = Frame::default();
            for _ in 0..limits::JITTER_PACKETS {
                let before = buffer.play_time().is_some_and(|play| {
                    let left = timestamp.wrapping_sub(play) as i32;
                    (TICK_SAMPLES as i32..=limits::JITTER_DELAY_UNITS_MAX * 2).contains(&left)
                });
                if !before {
                    break;
                }
                buffer.pop(&mut self.coders.decoder, &mut frame);
                recorder.keep(&frame);
            }
        }
        recorder.tone(tone)
    }

    /// A key heard since the room last looked, and when by the peer's clock.
    pub(crate) fn next_key(&mut self) -> Option<(Tone, u32)> {
        self.keys.pop()
    }

    fn tone_signalled(&mut self, tone: Tone) {
        let ended = self
            .recorder
            .as_mut()
            .and_then(|recorder| recorder.tone(tone));
        if let Some(ended) = ended {
            self.end_recording(ended);
        }
    }

    /// After the packets of a tick were handed in: what was heard goes to whoever listens. In a
    /// room, the room does this.
    pub fn hear(&mut self, ticks: u32) {
        // A host that slept through a second leaves silence there, not a minute of catching up.
        for _ in 0..ticks.min(limits::TICKS_CAUGHT_UP_MAX) {
            let mut frame = Frame::default();
            self.take_frame(&mut frame);
        }
    }

    /// Takes the next twenty milliseconds of what the peer says, which the port's own recording has
    /// then heard. False when nobody listens.
    pub(crate) fn take_frame(&mut self, frame: &mut Frame) -> bool {
        let Some(buffer) = &mut self.ear.buffer else {
            return false;
        };
        if !self.ear.listens {
            return false;
        }
        buffer.pop(&mut self.coders.decoder, frame);
        let came = self.is_live();
        if let Some(recorder) = &mut self.recorder
            && let Some(ended) = recorder.frame(frame, came)
        {
            self.end_recording(ended);
        }
        self.listen_for_keys(frame);
        true
    }

    /// A peer that has not told of a key beside its sound may have it in there.
    fn listen_for_keys(&mut self, frame: &Frame) {
        if self.tells_keys {
            return;
        }
        if let Some(tone) = self.key_detector.frame(&frame.glance()) {
            let at = self.ear.buffer.as_ref().and_then(|b| b.play_time());
            self.tone_heard(tone, at.unwrap_or_default());
        }
    }

    /// Whether keys can only be heard in the sound, so that somebody must listen.
    fn hears_keys_only(agreed: &Agreed) -> bool {
        agreed.tones_heard_as.iter().all(Option::is_none)
    }

    /// Whether a packet came in this tick, or none could be expected.
    pub(crate) fn is_live(&self) -> bool {
        self.packet_came || self.agreed.direction == Direction::Inactive
    }

    /// Somebody in the room listens to the port, or nobody does any more.
    pub(crate) fn is_heard(&mut self, by_room: bool) {
        self.ear.by_room = by_room;
        self.listen();
    }

    /// Begins to keep what comes when somebody listens, and ends when nobody does.
    fn listen(&mut self) {
        let listens =
            self.ear.by_room || self.recorder.is_some() || Self::hears_keys_only(&self.agreed);
        if listens
            && !self.ear.listens
            && let Some(buffer) = &mut self.ear.buffer
        {
            buffer.reset();
        }
        self.ear.listens = listens;
    }

    /// Has the processor fetch what a tick needs of what it hears with.
    pub(crate) fn fetch(&self) {
        if self.ear.listens
            && let Some(buffer) = &self.ear.buffer
        {
            buffer.fetch();
        }
    }

    /// Whether the port has a jitter buffer of its own.
    pub(crate) fn has_buffer(&self) -> bool {
        self.ear.buffer.is_some() && !self.ear.is_borrowed
    }

    /// The port's own jitter buffer: it will be heard by others for as long as it is there.
    pub(crate) fn own_buffer(&mut self, mut buffer: Box<JitterBuffer>) {
        if self.ear.is_borrowed {
            // What it hears with now stays, and whoever lent it gets this one.
            self.ear.is_borrowed = false;
            self.ear.spare = Some(buffer);
        } else if self.ear.buffer.is_none() {
            buffer.begin_with(self.delay, self.agreed.codec.rate());
            self.ear.buffer = Some(buffer);
        }
    }

    /// Takes the jitter buffer that came with a recording, if it has none.
    pub(crate) fn borrow_buffer(&mut self, from: &mut Option<Box<JitterBuffer>>) {
        if self.ear.buffer.is_none()
            && let Some(mut buffer) = from.take()
        {
            buffer.begin_with(self.delay, self.agreed.codec.rate());
            self.ear.buffer = Some(buffer);
            self.ear.is_borrowed = true;
            // Nothing of it was heard yet.
            self.ear.listens = false;
        }
    }

    /// Gives a recording that ends its jitter buffer back, unless somebody else still listens.
    pub(crate) fn return_buffer(&mut self, to: &mut Option<Box<JitterBuffer>>) {
        if to.is_some() {
            return;
        }
        if self.ear.is_borrowed && !self.ear.by_room && self.recorder.is_none() {
            self.ear.is_borrowed = false;
            self.ear.listens = false;
            *to = self.ear.buffer.take();
            if let Some(buffer) = to {
                self.delay = buffer.delay();
            }
        } else {
            *to = self.ear.spare.take();
        }
    }

    /// Takes a datagram from the port's RTCP socket.
    pub fn report_packet(&mut self, bytes: &[u8], from: SocketAddr, now: Instant) {
        // Reports of the wrong host would keep a dead call alive.
        if rtp::is_rtcp(bytes) && from.ip() == self.latch.destination().ip() {
            self.read_reports(bytes, now);
        }
    }

    fn read_reports(&mut self, bytes: &[u8], now: Instant) {
        let mut opened = [0; limits::DATAGRAM_BYTES_MAX];
        let bytes = match &mut self.coders.srtp {
            None => bytes,
            Some(srtp) => {
                let length = opened.get_mut(..bytes.len()).and_then(|packet| {
                    packet.copy_from_slice(bytes);
                    srtp.open_reports(packet)
                });
                let Some(length) = length else { return };
                &opened[..length]
            }
        };
        let Some(reports) = rtcp::read(bytes, self.stream.ssrc) else {
            return;
        };
        if reports.bye {
            // The call's end is signalling's to tell; audio of this stream is over.
            return;
        }
        self.reported_at = Some(now);
        self.said_gone = false;
        if let Some(ntp) = reports.sender_ntp
            && reports.sender == self.peer
        {
            self.peer_report = Some((ntp, now));
        }
        if let Some(block) = reports.about_us {
            self.peer_fraction_lost = block.fraction_lost;
            if block.last_report != 0 {
                let middle = (self.ntp(now) >> 16) as u32;
                let trip = middle
                    .wrapping_sub(block.last_report)
                    .wrapping_sub(block.since_last_report);
                // More than a minute is a report that was made up.
                if trip < 60 << 16 {
                    self.round_trip_ms = Some(((u64::from(trip) * 1000) >> 16) as u32);
                }
            }
        }
    }

    /// Writes the report that is due, if one is.
    pub fn next_report(&mut self, out: &mut [u8; REPORT_BYTES], now: Instant) -> Option<usize> {
        if now < self.next_report {
            return None;
        }
        self.next_report = now + limits::REPORT_EVERY;
        Some(self.write_report(out, now, false))
    }

    /// Writes the last report, which says goodbye.
    pub fn goodbye(&mut self, out: &mut [u8; REPORT_BYTES], now: Instant) -> usize {
        self.write_report(out, now, true)
    }

    fn write_report(&mut self, out: &mut [u8; REPORT_BYTES], now: Instant, bye: bool) -> usize {
        let sent = (self.sent > 0).then(|| rtcp::Sent {
            ntp: self.ntp(now),
            timestamp: self.stream.timestamp,
            packets: self.sent as u32,
            octets: self.sent_octets,
        });
        let block = self.peer.map(|ssrc| {
            let mut block = self.received.block(ssrc);
            block.jitter *= self.agreed.codec.clock_per_unit();
            if let Some((ntp, at)) = self.peer_report {
                block.last_report = ntp;
                let since = now.saturating_duration_since(at).as_micros() as u64;
                block.since_last_report = (since * 65_536 / 1_000_000) as u32;
            }
            block
        });
        let length = match out.first_chunk_mut() {
            Some(report) => rtcp::write(report, self.stream.ssrc, sent, block, bye),
            None => 0,
        };
        match &mut self.coders.srtp {
            Some(srtp) => srtp.protect_reports(out, length),
            None => length,
        }
    }

    /// NTP format, counted from the port's beginning: a host without wall-clock time may use the time
    /// since it joined (RFC 3550 §6.4.1). One second is added, because 0 means none.
    fn ntp(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.began);
        let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
        ((since.as_secs() + 1) << 32) | fraction
    }

    /// Ends every operation and tells how it went. The last thing a port does.
    pub fn close(&mut self) {
        self.stop_playing();
        self.end_recording(RecordEnded::Stopped);
        self.end_tones(TonesEnded::Stopped);
        self.tell(MediaEvent::Closed(self.statistics()), Spent::Nothing);
    }

    fn stop_playing(&mut self) {
        self.end_playing(PlayEnded::Stopped);
    }

    fn end_playing(&mut self, ended: PlayEnded) {
        if let Some(Player {
            operation, clips, ..
        }) = self.player.take()
        {
            self.tell(MediaEvent::Played { operation, ended }, Spent::Clips(clips));
        }
    }

    fn end_recording(&mut self, ended: RecordEnded) {
        if let Some(mut recorder) = self.recorder.take() {
            let duration = recorder.finish();
            self.return_buffer(&mut recorder.feed.jitter);
            self.listen();
            let operation = recorder.operation;
            self.tell(
                MediaEvent::Recorded {
                    operation,
                    ended,
                    duration,
                },
                Spent::Feed(recorder.feed),
            );
        }
    }

    fn end_tones(&mut self, ended: TonesEnded) {
        if let Some(ToneSender {
            operation, tones, ..
        }) = self.tone_sender.take()
        {
            self.tell(
                MediaEvent::TonesSent { operation, ended },
                Spent::Tones(tones),
            );
        }
    }

    fn tell(&mut self, event: MediaEvent, spent: Spent) {
        // Grows beyond its bound only when the control side has stopped reading and goes on asking:
        // an ending is worth an allocation.
        self.events.push_back((event, spent));
    }

    /// What has to be freed elsewhere, and comes with no event.
    pub(crate) fn poll_spent(&mut self) -> Option<Spent> {
        self.spent.pop_front()
    }

    /// The next thing that happened here, and what it leaves behind.
    pub(crate) fn poll(&mut self) -> Option<(MediaEvent, Spent)> {
        self.events.pop_front()
    }
}

/// What the port hears with. A buffer is large and most ports are heard by nobody: it comes with the
/// first recording, or with the second port of a room.
#[derive(Debug, Default)]
struct Ear {
    buffer: Option<Box<JitterBuffer>>,
    is_borrowed: bool,
    /// A buffer that came when another was in use; on its way back to where it may be freed.
    spare: Option<Box<JitterBuffer>>,
    by_room: bool,
    /// Somebody does: what comes is kept.
    listens: bool,
}

/// Keys heard in one tick. More than these in twenty milliseconds were not pressed by a finger.
#[derive(Debug, Default)]
struct Keys {
    heard: [Option<(Tone, u32)>; 4],
}

impl Keys {
    fn push(&mut self, tone: Tone, timestamp: u32) {
        if let Some(free) = self.heard.iter_mut().find(|key| key.is_none()) {
            *free = Some((tone, timestamp));
        }
    }

    fn pop(&mut self) -> Option<(Tone, u32)> {
        let first = self.heard[0].take();
        self.heard.rotate_left(1);
        first
    }
}

#[cfg(test)]
#[path = "port_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "port_network_tests.rs"]
mod network_tests;
