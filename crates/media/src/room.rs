//! One call's audio: its phones' ports and its bots' seats, and who hears what.
//!
//! ```text
//!   port ─ packets ─ jitter buffer ─┐                     ┌─▶ packets of every port
//!   port ─ packets ─ jitter buffer ─┼─▶ desk: sums ───────┼─▶ recordings of every seat
//!   seat ─ clip, keys ──────────────┘   without oneself   └─▶ …
//! ```
//!
//! A tick of a room is: [`begin`](Room::begin), packets in, [`hear`](Room::hear),
//! [`speak`](Room::speak), packets out, [`end`](Room::end). Where no phone hears another, packets may
//! go out before others come in.

use std::time::{Duration, Instant};

use offhook_terms::{OperationId, Private, Tone};

use crate::TICK_SAMPLES;
use crate::clip::Clip;
use crate::coders::Coders;
use crate::dual_tone;
use crate::frame::Frame;
use crate::given::Sound;
use crate::hears::{PLACES, Places, PortId, Sources};
use crate::jitter::JitterBuffer;
use crate::limits;
use crate::mix::{Desk, MixId};
use crate::player::{PlayEnded, Player, Repeat};
use crate::port::Port;
use crate::rates::{Past, Rate, WIDE_SAMPLES};
use crate::recorder::{RecordEnded, RecordPlan, Recorder};
use crate::recording::RecordingFeed;
use crate::sdp::Agreed;
use crate::seat::Seat;
use crate::statistics::Statistics;
use crate::tape::TapeFeed;
use crate::tones::{Press, TonesEnded};

/// Asked of one participant.
///
/// What a port plays, records and presses is its own: played to its peer alone, which then hears
/// nothing else of the room (music on hold), and heard of its peer alone. What a seat plays and
/// presses is for all who may hear the seat, and it records the mix of all it may hear.
#[derive(Debug)]
pub enum MediaCommand {
    /// Plays clips, one after the other. Replaces what plays, which ends as
    /// stopped: queueing is decided elsewhere.
    Play {
        /// Whose ending [`MediaEvent::Played`] tells.
        operation: OperationId,
        /// In order.
        clips: Vec<Clip>,
        /// How often all of them.
        repeat: Repeat,
    },
    /// Records what is heard. Replaces a running recording, which ends as stopped.
    Record {
        /// Whose ending [`MediaEvent::Recorded`] tells.
        operation: OperationId,
        /// When it ends by itself.
        plan: RecordPlan,
        /// Where the audio goes; made by [`recording`](crate::recording()).
        feed: RecordingFeed,
    },
    /// Hands out what a seat hears, for somebody who listens beside any recording. Replaces whoever
    /// listens already. Only a seat's.
    Listen {
        /// Where the audio goes; made by [`recording`](crate::recording()).
        feed: RecordingFeed,
    },
    /// Nobody listens any more.
    Deafen,
    /// Hands out what a seat hears and what it says, beside everything else. Replaces what does so
    /// already. Only a seat's.
    Tape {
        /// Where the audio goes; made by [`tape`](crate::tape()).
        feed: TapeFeed,
    },
    /// No more of that.
    Untape,
    /// Presses keys.
    SendTones {
        /// Whose ending [`MediaEvent::TonesSent`] tells.
        operation: OperationId,
        /// In order.
        tones: Vec<Tone>,
        /// How long each is pressed.
        press: Duration,
        /// The pause after each.
        gap: Duration,
    },
    /// The peer pressed a key and said so beside the audio (SIP INFO): a recording takes it as
    /// heard. Nobody is told: whoever sends this knows.
    ToneSignalled(Private<Tone>),
    /// Stops an operation: it ends as stopped. One that has ended already is not asked again.
    Stop {
        /// Which.
        operation: OperationId,
    },
    /// A re-offer was agreed: hold, resume, another address or codec. Only a port's. Made by
    /// [`MediaCommand::agree`].
    Agree {
        /// What.
        agreed: Agreed,
        /// What its codecs need, for when they are not those of before.
        coders: Box<Coders>,
    },
    /// Whom it may hear from now on.
    Hears(Sources),
}

impl MediaCommand {
    /// A re-offer was agreed. Allocates; called by the control side.
    pub fn agree(agreed: Agreed) -> Self {
        let coders = Box::new(Coders::for_agreed(&agreed));
        Self::Agree { agreed, coders }
    }
}

/// What happened at one participant.
#[derive(Debug, Clone, PartialEq)]
pub enum MediaEvent {
    /// The first packet of the peer, or the first after [`NothingHeard`](Self::NothingHeard).
    Heard,
    /// Nothing has come for [`NOTHING_HEARD_AFTER`](limits::NOTHING_HEARD_AFTER) since the port began
    /// to listen: audio goes one way.
    NothingHeard,
    /// Neither audio nor reports for [`PEER_GONE_AFTER`](limits::PEER_GONE_AFTER), and not on hold.
    PeerGone,
    /// The peer pressed a key. Told at its beginning, once.
    ToneHeard(Private<Tone>),
    /// A [`Play`](MediaCommand::Play) ended.
    Played {
        /// Which.
        operation: OperationId,
        /// Why.
        ended: PlayEnded,
    },
    /// A [`Record`](MediaCommand::Record) ended. Its tap still has frames to read.
    Recorded {
        /// Which.
        operation: OperationId,
        /// Why.
        ended: RecordEnded,
        /// The length of the file.
        duration: Duration,
    },
    /// A [`Listen`](MediaCommand::Listen) ended.
    Deafened,
    /// A [`Tape`](MediaCommand::Tape) ended.
    Untaped,
    /// A [`SendTones`](MediaCommand::SendTones) ended.
    TonesSent {
        /// Which.
        operation: OperationId,
        /// Why.
        ended: TonesEnded,
    },
    /// The port left its room for good; the last event of it.
    Closed(Statistics),
}

/// An event on its way out, together with what must be freed where it was allocated.
#[derive(Debug)]
pub struct Output {
    /// Where it happened.
    pub port: PortId,
    /// What happened.
    pub event: MediaEvent,
    #[allow(
        dead_code,
        reason = "it is carried to be dropped elsewhere, never read"
    )]
    pub(crate) spent: Spent,
}

/// What a finished operation leaves behind; dropped off the tick.
#[derive(Debug)]
#[expect(
    dead_code,
    reason = "it is carried to be dropped elsewhere, never read"
)]
pub(crate) enum Spent {
    Nothing,
    Clips(Vec<Clip>),
    Feed(RecordingFeed),
    Tape(TapeFeed),
    Tones(Vec<Tone>),
    Coders(Box<Coders>),
}

/// The participants of one call.
#[derive(Debug)]
pub struct Room {
    members: [Option<Box<Member>>; PLACES],
    ports: Places,
    seats: Places,
    /// Of both, who is no longer heard and goes when this tick has faded them out.
    parting: Places,
    /// Some port hears another one in this tick.
    forwards: bool,
    /// The widest any port speaks, which is what seats say and record.
    rate: Rate,
    /// Counts the frames that were laid out.
    frame: u64,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Member {
    id: PortId,
    hears: Sources,
    /// Whom it could hear in the last tick; what is different now fades. `None` in its first: who
    /// comes into a conversation hears it fade in, and a prompt from its beginning.
    heard: Option<Places>,
    /// Whether it made a sound in the last tick.
    sounded: bool,
    past: Past,
    /// The last frame that was resampled: the past of an older one is over.
    resampled: u64,
    kind: Kind,
}

#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "a member is boxed as it is, and most are ports"
)]
enum Kind {
    Port(Port),
    Seat(Seat),
}

impl Member {
    pub(crate) fn port(id: PortId, port: Port) -> Box<Self> {
        Self::new(id, Kind::Port(port))
    }

    pub(crate) fn seat(id: PortId) -> Box<Self> {
        Self::new(id, Kind::Seat(Seat::new()))
    }

    fn new(id: PortId, kind: Kind) -> Box<Self> {
        Box::new(Self {
            id,
            hears: Sources::Everyone,
            heard: None,
            sounded: false,
            past: Past::default(),
            resampled: 0,
            kind,
        })
    }

    pub(crate) fn id(&self) -> PortId {
        self.id
    }

    /// The port, for another room.
    pub(crate) fn into_port(self) -> Option<Port> {
        match self.kind {
            Kind::Port(port) => Some(port),
            Kind::Seat(_) => None,
        }
    }

    pub(crate) fn as_port(&mut self) -> Option<&mut Port> {
        match &mut self.kind {
            Kind::Port(port) => Some(port),
            Kind::Seat(_) => None,
        }
    }

    fn as_seat(&mut self) -> Option<&mut Seat> {
        match &mut self.kind {
            Kind::Seat(seat) => Some(seat),
            Kind::Port(_) => None,
        }
    }
}

impl Room {
    /// A room with its first port. Allocates all it will need.
    pub fn new(port: Port) -> Self {
        let mut room = Self::empty();
        room.join(Member::port(PortId::FIRST, port));
        room
    }

    /// A room with nobody in it.
    pub fn empty() -> Self {
        Self {
            members: [const { None }; PLACES],
            ports: Places::NONE,
            seats: Places::NONE,
            parting: Places::NONE,
            forwards: false,
            rate: Rate::Narrow,
            frame: 0,
        }
    }

    /// Somebody comes in. A place that is taken stays taken: then they are handed back.
    pub(crate) fn join(&mut self, mut member: Box<Member>) -> Option<Box<Member>> {
        let place = member.id.place();
        if self.members.get(place).is_none_or(Option::is_some) {
            return Some(member);
        }
        if let Some(port) = member.as_port() {
            self.ports.insert(place);
            // A recording that has found nobody to listen to yet.
            for seat in self.seats.iter() {
                if let Some(seat) = self.seat(seat) {
                    for lender in seat.lenders() {
                        port.borrow_buffer(lender);
                    }
                }
            }
        } else {
            self.seats.insert(place);
        }
        self.members[place] = Some(member);
        None
    }

    /// Somebody is not to be heard any more. They fade within the next tick, and then can be
    /// [taken away](Self::take_away).
    pub(crate) fn part(&mut self, id: PortId) {
        if self.member(id).is_some() {
            self.parting.insert(id.place());
        }
    }

    /// Somebody leaves with all that runs.
    pub(crate) fn take_away(&mut self, id: PortId) -> Option<Box<Member>> {
        self.member(id)?;
        let place = id.place();
        self.ports.remove(place);
        self.seats.remove(place);
        self.parting.remove(place);
        for member in self.members.iter_mut().flatten() {
            member.hears.forget(place);
            if let Some(heard) = &mut member.heard {
                heard.remove(place);
            }
        }
        self.members[place].take()
    }

    /// Hands a command to its participant; to one that is not there it is nothing.
    pub fn command(&mut self, to: PortId, command: MediaCommand, now: Instant) {
        let Some(member) = self.member(to) else {
            return;
        };
        if let MediaCommand::Hears(sources) = command {
            member.hears = sources;
            return;
        }
        match &mut member.kind {
            Kind::Port(port) => {
                let told = match &command {
                    MediaCommand::ToneSignalled(tone) => Some(tone.into_inner()),
                    _ => None,
                };
                port.command(command, now);
                if let Some(tone) = told {
                    self.key(to.place(), tone, None);
                }
            }
            Kind::Seat(_) => self.seat_command(to.place(), command),
        }
    }

    fn seat_command(&mut self, place: usize, command: MediaCommand) {
        match command {
            MediaCommand::Record { .. } => self.end_recording(place, RecordEnded::Stopped),
            MediaCommand::Listen { .. } | MediaCommand::Deafen => self.end_listening(place),
            MediaCommand::Tape { .. } | MediaCommand::Untape => self.end_taping(place),
            _ => {}
        }
        let ports = self.ports;
        let Some(seat) = self.seat(place) else {
            return;
        };
        match command {
            MediaCommand::Play {
                operation,
                clips,
                repeat,
            } => seat.play(Player::new(operation, clips, repeat)),
            MediaCommand::SendTones {
                operation,
                tones,
                press,
                gap,
            } => seat.send_tones(operation, tones, press, gap),
            MediaCommand::Stop { operation } => {
                if seat
                    .recorder()
                    .is_some_and(|recorder| recorder.operation == operation)
                {
                    self.end_recording(place, RecordEnded::Stopped);
                } else {
                    seat.stop(operation);
                }
            }
            MediaCommand::Record {
                operation,
                plan,
                mut feed,
            } => {
                self.lend(ports, &mut feed.jitter);
                if let Some(seat) = self.seat(place) {
                    seat.record(Recorder::new(operation, plan, feed));
                }
                self.attend();
            }
            MediaCommand::Listen { mut feed } => {
                self.lend(ports, &mut feed.jitter);
                if let Some(seat) = self.seat(place) {
                    seat.listen(feed);
                }
                self.attend();
            }
            MediaCommand::Tape { mut feed } => {
                self.lend(ports, &mut feed.jitter);
                if let Some(seat) = self.seat(place) {
                    seat.tape(feed);
                }
                self.attend();
            }
            // A seat has no peer to agree with or to hear keys from.
            MediaCommand::Deafen
            | MediaCommand::Untape
            | MediaCommand::ToneSignalled(_)
            | MediaCommand::Agree { .. }
            | MediaCommand::Hears(_) => {}
        }
    }

    /// Whoever listens brings a jitter buffer for a port that has none.
    fn lend(&mut self, ports: Places, buffer: &mut Option<Box<JitterBuffer>>) {
        for port in ports.iter() {
            if let Some(port) = self.port_at(port) {
                port.borrow_buffer(buffer);
            }
        }
    }

    /// And takes it along.
    fn take_buffers_back(&mut self, buffer: &mut Option<Box<JitterBuffer>>) {
        self.attend();
        for port in self.ports.iter() {
            if let Some(port) = self.port_at(port) {
                port.return_buffer(buffer);
            }
        }
    }

    /// A port, to hand packets to and take packets from.
    pub fn port(&mut self, id: PortId) -> Option<&mut Port> {
        self.member(id)?.as_port()
    }

    /// The places that are taken by ports.
    pub(crate) fn ports(&self) -> Places {
        self.ports
    }

    /// All places that are taken.
    pub(crate) fn members(&self) -> Places {
        self.ports | self.seats
    }

    pub(crate) fn id_at(&self, place: usize) -> Option<PortId> {
        self.members[place].as_ref().map(|member| member.id)
    }

    pub(crate) fn port_at(&mut self, place: usize) -> Option<&mut Port> {
        self.members[place].as_mut()?.as_port()
    }

    /// Whether a phone hears another one: then a tick's packets are read before others are sent,
    /// which saves each voice twenty milliseconds of waiting.
    pub(crate) fn forwards(&self) -> bool {
        self.forwards
    }

    /// A port's own jitter buffer, which it needs where it is not alone.
    pub(crate) fn give_buffer(&mut self, id: PortId, buffer: Box<JitterBuffer>) {
        if let Some(port) = self.port(id) {
            port.own_buffer(buffer);
        }
    }

    /// Has the processor fetch what lies apart from the rest and is needed at different times of a tick. Of hundreds
    /// of calls nothing is near when its turn comes, and what is waited for together is waited for once.
    fn fetch(&mut self) {
        for place in (self.ports | self.seats).iter() {
            match self.members[place].as_ref().map(|member| &member.kind) {
                Some(Kind::Port(port)) => port.fetch(),
                Some(Kind::Seat(seat)) => seat.fetch(),
                None => {}
            }
        }
    }

    /// Begins a tick, or several when the host was late: what should have been played in all but the
    /// last is dropped.
    pub(crate) fn begin(&mut self, desk: &mut Desk, ticks: u32) {
        desk.clear();
        self.fetch();
        self.attend();
        for place in self.seats.iter() {
            if let Some(seat) = self.seat(place) {
                seat.begin(ticks);
            }
        }
    }

    /// Decides which ports are listened to: what comes for the others is counted and thrown away.
    fn attend(&mut self) {
        let mut heard = Places::NONE;
        self.rate = Rate::Narrow;
        for place in self.ports.iter() {
            let hears = self.may_hear(place);
            let rate = self.port_at(place).map(|port| port.agreed().codec.rate());
            self.rate = self.rate.max(rate.unwrap_or_default());
            if let Some(member) = self.members[place].as_mut()
                && let heard_before = member.heard.unwrap_or_default()
                && let Some(port) = member.as_port()
                && !port.is_occupied()
            {
                heard |= hears | heard_before;
            }
        }
        self.forwards = !(heard & self.ports).is_empty();
        for place in self.seats.iter() {
            let hears = self.may_hear(place);
            if self.seat(place).is_some_and(|seat| seat.is_listening()) {
                heard |= hears;
            }
        }
        for place in self.ports.iter() {
            if let Some(port) = self.port_at(place) {
                port.is_heard(heard.contains(place));
            }
        }
    }

    /// Whom a participant may hear of those who are here.
    fn may_hear(&self, place: usize) -> Places {
        let here = (self.ports | self.seats) - self.parting - Places::one(place);
        self.members[place]
            .as_ref()
            .map_or(Places::NONE, |member| member.hears.of(here))
    }

    /// After the packets of a tick were handed in: what was said is laid out to be added up, and the
    /// recordings hear it.
    pub(crate) fn hear(&mut self, desk: &mut Desk, ticks: u32) {
        self.keys();
        // A host that slept through a second leaves silence there, not a minute of catching up.
        let ticks = ticks.min(limits::TICKS_CAUGHT_UP_MAX);
        for tick in 1..=ticks {
            desk.clear();
            self.frame += 1;
            self.take_frames(desk);
            let is_last = tick == ticks;
            self.record(desk, is_last);
        }
    }

    fn take_frames(&mut self, desk: &mut Desk) {
        let fades = self.forwards;
        for place in self.ports.iter() {
            let Some(member) = &mut self.members[place] else {
                continue;
            };
            let sounded = std::mem::take(&mut member.sounded);
            let mut frame = Frame::default();
            let Some(port) = member.as_port() else {
                continue;
            };
            if !port.take_frame(&mut frame) || !desk.say(place, &frame) {
                continue;
            }
            if fades && !sounded {
                desk.fade_in(place);
            }
            member.sounded = true;
        }
    }

    fn record(&mut self, desk: &mut Desk, with_seats: bool) {
        for place in self.seats.iter() {
            if self.seat(place).is_none_or(|seat| !seat.is_listening()) {
                continue;
            }
            let hears = self.may_hear(place);
            // With one bot and one phone nothing is added up that the clip could be missing from.
            let is_alone = (self.ports.count(), self.seats.count()) == (1, 1);
            if with_seats && !is_alone {
                self.say_clips(desk);
            }
            let of = hears & desk.sounding();
            let came = self.is_live();
            // Most of a conversation nobody says anything, or one does.
            let alone = of.single().and_then(|one| desk.alone(one, self.rate));
            let frame = match alone {
                Some(alone) => alone,
                None if of.is_empty() => Frame::silence(self.rate),
                None => {
                    let mix = self.mix(desk, of, self.rate, false);
                    desk.frame(mix)
                }
            };
            let rate = self.rate;
            let ended = self.seat(place).and_then(|seat| {
                seat.hear(&frame, rate, with_seats);
                seat.recorder()?.frame(&frame, came)
            });
            if let Some(ended) = ended {
                self.end_recording(place, ended);
            }
        }
    }

    /// Whether a packet came to any port, or none could be expected.
    fn is_live(&mut self) -> bool {
        let ports = self.ports;
        ports
            .iter()
            .any(|place| self.port_at(place).is_some_and(|port| port.is_live()))
    }

    /// Gives every port what it says to its peer in this tick.
    pub(crate) fn speak(&mut self, desk: &mut Desk) {
        let plays = self.plays();
        for place in self.ports.iter() {
            let hears = self.may_hear(place);
            let Some(member) = &mut self.members[place] else {
                continue;
            };
            let heard = member.heard.replace(hears).unwrap_or(hears & self.seats);
            let Some(port) = member.as_port() else {
                continue;
            };
            if port.is_occupied() {
                // When it is free again it comes into the conversation as if it were new.
                member.heard = None;
                continue;
            }
            if let Some(press) = self.pressed(hears) {
                self.press(place, press);
                continue;
            }
            let sounding = plays | desk.sounding();
            self.say_to(desk, place, [heard & sounding, hears & sounding], plays);
        }
    }

    /// A port says a mix, or goes from one mix to another.
    fn say_to(
        &mut self,
        desk: &mut Desk,
        place: usize,
        [heard, hears]: [Places; 2],
        plays: Places,
    ) {
        if (heard | hears).is_empty() {
            self.give(place, None);
            return;
        }
        if heard == hears
            && let Some(seat) = hears.single()
            && plays.contains(seat)
        {
            self.say_clip(place, seat);
            return;
        }
        self.say_clips(desk);
        let Some(port) = self.port_at(place) else {
            return;
        };
        let codec = port.agreed().codec;
        let rate = codec.rate();
        let mix = if heard == hears {
            let is_own = desk.sounding().contains(place);
            self.mix(desk, hears, rate, is_own)
        } else {
            self.bring(desk, heard | hears, rate);
            desk.cross_fade(heard, hears, rate)
        };
        let sound = match codec.law() {
            Some(law) => Sound::Law(desk.encoded(mix, law)),
            None => Sound::Wide(desk.wide(mix)),
        };
        self.give(place, Some(sound));
    }

    /// A port says what one seat plays and nothing else: as it was encoded when it was fetched.
    fn say_clip(&mut self, place: usize, seat: usize) {
        let Some(codec) = self.port_at(place).map(|port| port.agreed().codec) else {
            return;
        };
        let Some(law) = codec.law() else {
            let mut samples = [0; WIDE_SAMPLES];
            if let Some(seat) = self.seat(seat) {
                seat.samples(Rate::Wide, &mut samples);
            }
            self.give(place, Some(Sound::Wide(&samples)));
            return;
        };
        let mut sound = [0; TICK_SAMPLES];
        if let Some(seat) = self.seat(seat) {
            seat.sound(law, &mut sound);
        }
        self.give(place, Some(Sound::Law(&sound)));
    }

    fn press(&mut self, place: usize, press: Press) {
        let Some(port) = self.port_at(place) else {
            return;
        };
        if port.press(press) {
            self.give(place, None);
            return;
        }
        let Some(law) = port.agreed().codec.law() else {
            let mut samples = [0; WIDE_SAMPLES];
            dual_tone::sound(press, &mut samples);
            self.give(place, Some(Sound::Wide(&samples)));
            return;
        };
        let (mut samples, mut sound) = ([0; TICK_SAMPLES], [0; TICK_SAMPLES]);
        dual_tone::sound(press, &mut samples);
        law.encode(&samples, &mut sound);
        self.give(place, Some(Sound::Law(&sound)));
    }

    fn give(&mut self, place: usize, sound: Option<Sound<'_>>) {
        if let Some(port) = self.port_at(place) {
            port.give(sound);
        }
    }

    /// Ends a tick: what was played in it has been heard.
    pub(crate) fn end(&mut self) {
        for place in self.seats.iter() {
            if let Some(seat) = self.seat(place) {
                seat.end();
            }
        }
    }

    fn mix(&mut self, desk: &mut Desk, of: Places, rate: Rate, is_own: bool) -> MixId {
        self.bring(desk, of, rate);
        desk.mix(of, rate, is_own)
    }

    /// Sees that what these say is here at a rate.
    fn bring(&mut self, desk: &mut Desk, of: Places, rate: Rate) {
        for place in desk.missing(of, rate).iter() {
            if let Some(member) = &mut self.members[place] {
                if member.resampled + 1 < self.frame {
                    member.past = Past::default();
                }
                member.resampled = self.frame;
                desk.resample(place, rate, &mut member.past);
            }
        }
    }

    /// The seats that play.
    fn plays(&mut self) -> Places {
        let mut plays = Places::NONE;
        for place in self.seats.iter() {
            if self.seat(place).is_some_and(|seat| seat.plays()) {
                plays.insert(place);
            }
        }
        plays
    }

    /// Lays out what the seats play, to be added up with the voices.
    fn say_clips(&mut self, desk: &mut Desk) {
        for place in (self.plays() - desk.sounding()).iter() {
            let mut frame = Frame::silence(self.rate);
            if let Some(seat) = self.seat(place) {
                seat.samples(frame.rate(), &mut frame);
            }
            desk.say(place, &frame);
        }
    }

    /// What a seat of these presses.
    fn pressed(&mut self, of: Places) -> Option<Press> {
        (of & self.seats)
            .iter()
            .find_map(|place| self.seat(place).and_then(|seat| seat.pressed()))
    }

    /// Keys heard at the ports, for the recordings of those who hear them.
    fn keys(&mut self) {
        for place in self.ports.iter() {
            while let Some((tone, timestamp)) = self.port_at(place).and_then(Port::next_key) {
                self.key(place, tone, Some(timestamp));
            }
        }
    }

    /// A key was pressed at a port: in its audio at a time of its peer's clock, or beside it.
    fn key(&mut self, port: usize, tone: Tone, timestamp: Option<u32>) {
        for seat in self.seats.iter() {
            let hears = self.may_hear(seat);
            if !hears.contains(port) {
                continue;
            }
            let Some(mut recorder) = self.seat(seat).and_then(Seat::take_recorder) else {
                continue;
            };
            let is_alone = (self.ports.single(), self.seats.count()) == (Some(port), 1);
            let ended = match (timestamp, self.port_at(port)) {
                // Nobody else listens: what was said before the key can be taken ahead of time.
                (Some(timestamp), Some(port)) if is_alone => {
                    port.press_into(&mut recorder, tone, timestamp)
                }
                _ => recorder.tone(tone),
            };
            if let Some(seat) = self.seat(seat) {
                seat.record(recorder);
            }
            if let Some(ended) = ended {
                self.end_recording(seat, ended);
            }
        }
    }

    fn end_recording(&mut self, seat: usize, ended: RecordEnded) {
        let Some(mut recorder) = self.seat(seat).and_then(Seat::take_recorder) else {
            return;
        };
        self.take_buffers_back(&mut recorder.feed.jitter);
        if let Some(seat) = self.seat(seat) {
            seat.recorded(recorder, ended);
        }
    }

    fn end_listening(&mut self, seat: usize) {
        let Some(mut feed) = self.seat(seat).and_then(Seat::take_listener) else {
            return;
        };
        self.take_buffers_back(&mut feed.jitter);
        if let Some(seat) = self.seat(seat) {
            seat.deafened(feed);
        }
    }

    fn end_taping(&mut self, seat: usize) {
        let Some(mut feed) = self.seat(seat).and_then(Seat::take_tape) else {
            return;
        };
        self.take_buffers_back(&mut feed.jitter);
        if let Some(seat) = self.seat(seat) {
            seat.untaped(feed);
        }
    }

    /// Ends every operation of a participant; the last thing that happens there.
    pub(crate) fn close(&mut self, id: PortId) {
        let place = id.place();
        if self.member(id).is_none() {
            return;
        }
        self.end_recording(place, RecordEnded::Stopped);
        self.end_listening(place);
        self.end_taping(place);
        if let Some(member) = &mut self.members[place] {
            match &mut member.kind {
                Kind::Port(port) => port.close(),
                Kind::Seat(seat) => seat.close(),
            }
        }
    }

    /// What has to be freed elsewhere, and comes with no event.
    pub(crate) fn poll_spent(&mut self) -> Option<Spent> {
        let ports = self.ports;
        ports
            .iter()
            .find_map(|place| self.port_at(place).and_then(Port::poll_spent))
    }

    /// The next event of any participant.
    pub fn poll(&mut self) -> Option<Output> {
        (self.ports | self.seats).iter().find_map(|place| {
            let member = self.members[place].as_mut()?;
            let (event, spent) = match &mut member.kind {
                Kind::Port(port) => port.poll(),
                Kind::Seat(seat) => seat.poll(),
            }?;
            Some(Output {
                port: member.id,
                event,
                spent,
            })
        })
    }

    fn member(&mut self, id: PortId) -> Option<&mut Member> {
        let member = self.members.get_mut(id.place())?.as_deref_mut()?;
        (member.id == id).then_some(member)
    }

    fn seat(&mut self, place: usize) -> Option<&mut Seat> {
        self.members[place].as_mut()?.as_seat()
    }
}

#[cfg(test)]
#[path = "room_tests.rs"]
mod tests;
