//! One tick thread: a wheel of four slots, five milliseconds each.
//!
//! ```text
//!   0 ms      5 ms      10 ms     15 ms     20 ms
//!   │ slot 0  │ slot 1  │ slot 2  │ slot 3  │ slot 0 …
//!   └ rooms of the slot, then orders, then one wake
//! ```

use std::io::ErrorKind;
use std::net::UdpSocket;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::TICK;
use crate::hears::{Places, PortId};
use crate::jitter::JitterBuffer;
use crate::limits;
use crate::mix::Desk;
use crate::port::{PACKET_BYTES, Port, REPORT_BYTES};
use crate::room::{MediaCommand, MediaEvent, Member, Output, Room, Spent};
use crate::threads::ports::Sockets;
use crate::threads::{Lane, RoomKey};

/// Slots of a tick.
pub(super) const SLOTS: usize = 4;

const SLOT_MS: u64 = 5;

/// Where on its thread a room is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) slot: u8,
    pub(super) index: u16,
}

#[derive(Debug)]
pub(super) enum Order {
    Attach {
        place: Place,
        room: Box<HostedRoom>,
    },
    Command {
        place: Place,
        port: PortId,
        command: MediaCommand,
    },
    /// Somebody comes in; a port that was alone till then gets a buffer to be heard with.
    Join {
        place: Place,
        member: Box<Member>,
        sockets: Option<Sockets>,
        buffer: Option<(PortId, Box<JitterBuffer>)>,
    },
    /// Somebody leaves: for good, or to be somewhere else.
    Part {
        place: Place,
        port: PortId,
        close: bool,
    },
    /// The room closes.
    Detach {
        place: Place,
    },
}

#[derive(Debug)]
pub(super) enum Message {
    Event {
        room: RoomKey,
        output: Output,
    },
    /// Somebody left a room.
    Parted {
        place: Place,
        room: RoomKey,
        closed: bool,
        member: Box<Member>,
        sockets: Option<Sockets>,
    },
    Left {
        place: Place,
        room: Box<HostedRoom>,
    },
    Broken {
        place: Place,
        room: Box<HostedRoom>,
    },
    Spent(Spent),
}

/// A room and the sockets of its ports.
#[derive(Debug)]
pub(super) struct HostedRoom {
    pub(super) key: RoomKey,
    pub(super) room: Room,
    sockets: [Option<Sockets>; limits::PORTS_PER_ROOM],
    ticks: u64,
    last_turn: Option<u64>,
    sent_at: Option<Instant>,
    /// The socket still held something when it was last emptied.
    backlog: bool,
    leaving: Option<Leaving>,
    /// Who leaves at the end of a tick, who of them for good, and who has ended everything.
    parting: Places,
    closing: Places,
    closed: Places,
    /// An event that found the way out full.
    waiting: Option<Output>,
    /// What is to be freed elsewhere and found the way out full.
    unfreed: Option<Spent>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaving {
    Closed,
    Broken,
}

impl HostedRoom {
    pub(super) fn new(key: RoomKey) -> Self {
        Self {
            key,
            room: Room::empty(),
            sockets: [const { None }; limits::PORTS_PER_ROOM],
            ticks: 0,
            last_turn: None,
            sent_at: None,
            backlog: false,
            leaving: None,
            parting: Places::NONE,
            closing: Places::NONE,
            closed: Places::NONE,
            waiting: None,
            unfreed: None,
        }
    }

    /// Somebody comes in. Who finds their place taken is handed back; that place is given twice
    /// would be our mistake.
    pub(super) fn join(
        &mut self,
        member: Box<Member>,
        sockets: Option<Sockets>,
    ) -> Option<Box<Member>> {
        let place = member.id().place();
        let refused = self.room.join(member);
        if refused.is_none()
            && let Some(at) = self.sockets.get_mut(place)
        {
            *at = sockets;
        }
        refused
    }
}

/// Buffers every room of a thread shares.
struct Buffers {
    datagram: [u8; limits::DATAGRAM_BYTES_MAX],
    packet: [u8; PACKET_BYTES],
    report: [u8; REPORT_BYTES],
    desk: Desk,
}

/// A tick thread's rooms. Every slot is as long as it may ever be, from the beginning.
pub(super) struct Wheel<'a> {
    lane: &'a Lane,
    wake: &'a (dyn Fn() + Send + Sync),
    slots: [Vec<Option<Box<HostedRoom>>>; SLOTS],
    /// The last used place of each slot and one.
    ends: [usize; SLOTS],
    buffers: Buffers,
    told: bool,
}

impl<'a> Wheel<'a> {
    pub(super) fn new(lane: &'a Lane, wake: &'a (dyn Fn() + Send + Sync)) -> Self {
        let per_slot = limits::ROOMS_PER_THREAD / SLOTS;
        Self {
            lane,
            wake,
            slots: std::array::from_fn(|_| {
                std::iter::repeat_with(|| None).take(per_slot).collect()
            }),
            ends: [0; SLOTS],
            buffers: Buffers {
                datagram: [0; limits::DATAGRAM_BYTES_MAX],
                packet: [0; PACKET_BYTES],
                report: [0; REPORT_BYTES],
                desk: Desk::new(),
            },
            told: false,
        }
    }

    pub(super) fn run(mut self, clock: fn() -> Instant, stopping: &AtomicBool) {
        let start = clock();
        let mut turn: u64 = 0;
        while !stopping.load(Ordering::Acquire) {
            // Not `SLOT * turn`: its factor has 32 bits, which a server outlives in eight months.
            let due = start + Duration::from_millis(SLOT_MS * turn);
            let mut now = clock();
            if let Some(early) = due.checked_duration_since(now) {
                std::thread::sleep(early);
                now = clock();
            }
            // Behind by a whole tick: the missed ones are given up, or all that follow are late too.
            let missed = now.saturating_duration_since(due).as_nanos() / TICK.as_nanos();
            if missed > 0 {
                self.lane.counters.ticks_late.add(missed as u64);
                turn += missed as u64 * SLOTS as u64;
            }
            self.slot(turn, clock);
            self.orders(clock());
            if std::mem::take(&mut self.told) {
                (self.wake)();
            }
            turn += 1;
        }
    }

    fn slot(&mut self, turn: u64, clock: fn() -> Instant) {
        let slot = (turn % SLOTS as u64) as usize;
        for index in 0..self.ends[slot] {
            let Some(room) = &mut self.slots[slot][index] else {
                continue;
            };
            let tick = AssertUnwindSafe(|| room.tick(turn, clock, self.lane, &mut self.buffers));
            if catch_unwind(tick).is_err() {
                // Our mistake, and it ends one call: the room is taken away as it is.
                room.leaving = Some(Leaving::Broken);
                self.lane.counters.broken.add(1);
            }
            let place = Place {
                slot: slot as u8,
                index: index as u16,
            };
            self.told |= room.tell(self.lane);
            self.told |= room.part(place, self.lane);
            if room.leaving.is_some() {
                self.let_go(place);
            }
        }
    }

    fn orders(&mut self, now: Instant) {
        for _ in 0..limits::COMMANDS_PER_SLOT {
            let Some(order) = self.lane.orders.pop() else {
                return;
            };
            match order {
                Order::Attach { place, room } => {
                    let slot = usize::from(place.slot);
                    let index = usize::from(place.index);
                    self.slots[slot][index] = Some(room);
                    self.ends[slot] = self.ends[slot].max(index + 1);
                    self.lane.counters.rooms.add(1);
                }
                Order::Command {
                    place,
                    port,
                    command,
                } => {
                    let lane = self.lane;
                    let Some(room) = self.room(place) else {
                        continue;
                    };
                    room.room.command(port, command, now);
                    let told = room.tell(lane);
                    self.told |= told;
                }
                Order::Join {
                    place,
                    member,
                    sockets,
                    buffer,
                } => {
                    let Some(room) = self.room(place) else {
                        continue;
                    };
                    let refused = room.join(member, sockets);
                    debug_assert!(refused.is_none(), "every place is given once");
                    if let Some((port, buffer)) = buffer {
                        room.room.give_buffer(port, buffer);
                    }
                }
                Order::Part { place, port, close } => {
                    if let Some(room) = self.room(place) {
                        room.begin_to_part(port, close);
                    }
                }
                Order::Detach { place } => {
                    let lane = self.lane;
                    let slot = &mut self.slots[usize::from(place.slot)];
                    let Some(room) = &mut slot[usize::from(place.index)] else {
                        continue;
                    };
                    room.leave(now, &mut self.buffers);
                    self.told |= room.tell(lane);
                    self.told |= room.part(place, lane);
                    self.let_go(place);
                }
            }
        }
    }

    fn room(&mut self, place: Place) -> Option<&mut Box<HostedRoom>> {
        self.slots[usize::from(place.slot)]
            .get_mut(usize::from(place.index))?
            .as_mut()
    }

    /// Sends a leaving room back to where it was allocated, once everything of it has been told. When
    /// the way is full it stays until its next tick.
    fn let_go(&mut self, place: Place) {
        let slot = usize::from(place.slot);
        let at = &mut self.slots[slot][usize::from(place.index)];
        if at.as_ref().is_none_or(|room| !room.has_told_all()) {
            return;
        }
        let Some(room) = at.take() else { return };
        let message = match room.leaving {
            Some(Leaving::Broken) => Message::Broken { place, room },
            _ => Message::Left { place, room },
        };
        match self.lane.messages.push(message) {
            Ok(()) => {
                self.told = true;
                self.lane.counters.rooms.add(u64::MAX);
                while self.ends[slot] > 0 && self.slots[slot][self.ends[slot] - 1].is_none() {
                    self.ends[slot] -= 1;
                }
            }
            Err(Message::Left { room, .. } | Message::Broken { room, .. }) => {
                self.slots[slot][usize::from(place.index)] = Some(room);
            }
            Err(Message::Event { .. } | Message::Parted { .. } | Message::Spent(_)) => {}
        }
    }
}

impl HostedRoom {
    fn tick(&mut self, turn: u64, clock: fn() -> Instant, lane: &Lane, buffers: &mut Buffers) {
        if self.leaving.is_some() {
            return;
        }
        let ticks = self
            .last_turn
            .map_or(1, |last| ((turn - last) / SLOTS as u64) as u32);
        self.last_turn = Some(turn);
        self.ticks += 1;
        let now = clock();
        let desk = &mut buffers.desk;
        self.room.begin(desk, ticks);
        for place in self.room.ports().iter() {
            let (Some(port), Some(Some(sockets))) =
                (self.room.port_at(place), self.sockets.get_mut(place))
            else {
                continue;
            };
            if port.advance(now, ticks) && sockets.connected {
                // It hears anybody again, so that a peer behind a rebound translator is found.
                sockets.connected = rustix::net::connect_unspec(&sockets.rtp).is_err();
            }
        }
        // Where a phone hears another, what came is said in the same tick.
        if self.room.forwards() {
            self.listen(now, ticks, lane, buffers);
            self.speak(now, lane, buffers);
        } else {
            self.speak(now, lane, buffers);
            self.listen(now, ticks, lane, buffers);
        }
        self.room.end();
        for place in self.parting.iter() {
            self.take_leave(place, now, buffers);
        }
    }

    /// Sends the packets of a tick.
    fn speak(&mut self, now: Instant, lane: &Lane, buffers: &mut Buffers) {
        self.room.speak(&mut buffers.desk);
        let ports = self.room.ports();
        for place in ports.iter() {
            let (Some(port), Some(Some(sockets))) =
                (self.room.port_at(place), self.sockets.get(place))
            else {
                continue;
            };
            let mut sent = false;
            while let Some(length) = port.next_packet(&mut buffers.packet) {
                sent |= send(sockets, port, &buffers.packet[..length], lane);
            }
            if sent && Some(place) == ports.first() {
                if let Some(before) = self.sent_at {
                    let tick =
                        Duration::from_micros(u64::from(port.agreed().packet_units).max(160) * 125);
                    lane.counters
                        .deviated(now.saturating_duration_since(before).abs_diff(tick));
                }
                self.sent_at = Some(now);
            }
        }
    }

    /// Reads the packets of a tick, and hears what is in them.
    fn listen(&mut self, now: Instant, ticks: u32, lane: &Lane, buffers: &mut Buffers) {
        let backlog = std::mem::take(&mut self.backlog);
        for place in self.room.ports().iter() {
            let (Some(port), Some(Some(sockets))) =
                (self.room.port_at(place), self.sockets.get_mut(place))
            else {
                continue;
            };
            // Every eighth tick a socket is emptied: what piled up in between must not stay for ever.
            // The ports of a room take turns.
            let turn = self.ticks + place as u64;
            let emptying = backlog || turn.is_multiple_of(8);
            let reads = port.reads_per_tick()
                * if emptying {
                    limits::READS_WHEN_EMPTYING
                } else {
                    1
                };
            let emptied = read(sockets, port, now, reads, lane, &mut buffers.datagram);
            self.backlog |= emptying && !emptied;
        }
        self.room.hear(&mut buffers.desk, ticks);
        for place in self.room.ports().iter() {
            let (Some(port), Some(Some(sockets))) =
                (self.room.port_at(place), self.sockets.get(place))
            else {
                continue;
            };
            report(sockets, port, now, self.ticks + place as u64, buffers);
        }
    }

    /// Somebody is to leave; they are faded out first.
    fn begin_to_part(&mut self, port: PortId, close: bool) {
        if self.room.id_at(port.place()) != Some(port) {
            return;
        }
        self.room.part(port);
        self.parting.insert(port.place());
        if close {
            self.closing.insert(port.place());
        }
    }

    /// What is said last: goodbye to the peer, and how everything ended.
    fn take_leave(&mut self, place: usize, now: Instant, buffers: &mut Buffers) {
        if !self.closing.contains(place) || self.closed.contains(place) {
            return;
        }
        self.closed.insert(place);
        let Some(id) = self.room.id_at(place) else {
            return;
        };
        if let Some(port) = self.room.port_at(place)
            && let Some(Some(sockets)) = self.sockets.get(place)
        {
            let length = port.goodbye(&mut buffers.report, now);
            send_report(sockets, port, &buffers.report[..length]);
        }
        self.room.close(id);
    }

    /// Sends those who leave back to where they may be freed, once everything of them has been told.
    /// When the way is full they stay until the next tick.
    fn part(&mut self, place: Place, lane: &Lane) -> bool {
        let mut told = false;
        for at in self.parting.iter() {
            if self.waiting.is_some() {
                return told;
            }
            let Some(member) = self.room.id_at(at).and_then(|id| self.room.take_away(id)) else {
                self.parting.remove(at);
                continue;
            };
            let message = Message::Parted {
                place,
                room: self.key,
                closed: self.closing.contains(at),
                member,
                sockets: self.sockets.get_mut(at).and_then(Option::take),
            };
            match lane.messages.push(message) {
                Ok(()) => {
                    told = true;
                    self.parting.remove(at);
                    self.closing.remove(at);
                    self.closed.remove(at);
                }
                Err(Message::Parted {
                    member, sockets, ..
                }) => {
                    let id = member.id();
                    self.join(member, sockets);
                    self.room.part(id);
                    return told;
                }
                Err(_) => {}
            }
        }
        told
    }

    fn has_told_all(&self) -> bool {
        self.leaving == Some(Leaving::Broken) || (self.waiting.is_none() && self.parting.is_empty())
    }

    /// Moves what happened to the way out. True when something went.
    fn tell(&mut self, lane: &Lane) -> bool {
        let mut told = false;
        while let Some(spent) = self.unfreed.take().or_else(|| self.room.poll_spent()) {
            match lane.messages.push(Message::Spent(spent)) {
                Ok(()) => told = true,
                Err(Message::Spent(spent)) => {
                    self.unfreed = Some(spent);
                    break;
                }
                Err(_) => {}
            }
        }
        while let Some(output) = self.waiting.take().or_else(|| self.room.poll()) {
            if let MediaEvent::Closed(statistics) = &output.event {
                lane.counters.lost.add(statistics.packets_lost);
            }
            match lane.messages.push(Message::Event {
                room: self.key,
                output,
            }) {
                Ok(()) => told = true,
                Err(Message::Event { output, .. }) => {
                    self.waiting = Some(output);
                    break;
                }
                Err(_) => {}
            }
        }
        told
    }

    /// The room closes, with everybody who is not on the way to another one.
    fn leave(&mut self, now: Instant, buffers: &mut Buffers) {
        self.leaving = Some(Leaving::Closed);
        let released = self.parting - self.closing;
        for place in (self.room.members() - released).iter() {
            self.closing.insert(place);
            self.take_leave(place, now, buffers);
        }
        // They go with their room.
        self.parting = released;
    }
}

fn send(sockets: &Sockets, port: &mut Port, packet: &[u8], lane: &Lane) -> bool {
    let once = || {
        if sockets.connected {
            sockets.rtp.send(packet)
        } else {
            sockets.rtp.send_to(packet, port.latch().destination())
        }
    };
    let result = match once() {
        // The refusal of an earlier packet is told with this one, which was not sent: once more.
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => once(),
        result => result,
    };
    match result {
        Ok(_) => {
            lane.counters.sent.add(1);
            true
        }
        // A full buffer loses it: late audio is worse than none.
        Err(_) => {
            port.unsent();
            lane.counters.unsent.add(1);
            true
        }
    }
}

/// Reads up to so many packets. True when nothing was left.
fn read(
    sockets: &mut Sockets,
    port: &mut Port,
    now: Instant,
    reads: usize,
    lane: &Lane,
    datagram: &mut [u8; limits::DATAGRAM_BYTES_MAX],
) -> bool {
    let mut received = 0;
    let mut emptied = false;
    for _ in 0..reads {
        let result = if sockets.connected {
            sockets.rtp.recv(datagram).map(|length| (length, None))
        } else {
            sockets
                .rtp
                .recv_from(datagram)
                .map(|(length, from)| (length, Some(from)))
        };
        match result {
            Ok((length, from)) => {
                received += 1;
                if let Some(peer) = port.packet(&datagram[..length], from, now) {
                    sockets.connected = sockets.rtp.connect(peer).is_ok();
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                emptied = true;
                break;
            }
            // The peer's host refused something we sent earlier: nothing was read, more may be there.
            Err(_) => {}
        }
    }
    lane.counters.received.add(received);
    emptied
}

fn report(sockets: &Sockets, port: &mut Port, now: Instant, ticks: u64, buffers: &mut Buffers) {
    if let Some(length) = port.next_report(&mut buffers.report, now) {
        send_report(sockets, port, &buffers.report[..length]);
    }
    if !ticks.is_multiple_of(limits::REPORT_READ_EVERY_TICKS) {
        return;
    }
    for _ in 0..2 {
        let Ok((length, from)) = sockets.rtcp.recv_from(&mut buffers.datagram) else {
            break;
        };
        port.report_packet(&buffers.datagram[..length], from, now);
    }
}

/// A report that cannot be sent is not missed: the next says the same.
fn send_report(sockets: &Sockets, port: &Port, report: &[u8]) {
    let destination = port.report_destination();
    if destination.port() == 0 || destination.ip().is_unspecified() {
        return;
    }
    let _ = if port.agreed().rtcp_mux {
        send_on(&sockets.rtp, sockets.connected, report, destination)
    } else {
        sockets.rtcp.send_to(report, destination)
    };
}

fn send_on(
    socket: &UdpSocket,
    connected: bool,
    bytes: &[u8],
    to: std::net::SocketAddr,
) -> std::io::Result<usize> {
    if connected {
        socket.send(bytes)
    } else {
        socket.send_to(bytes, to)
    }
}
