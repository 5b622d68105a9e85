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
use crate::limits;
use crate::port::{PACKET_BYTES, Port, PortId};
use crate::room::{MediaCommand, MediaEvent, Output, Room};
use crate::rtcp::REPORT_BYTES_MAX;
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
    Detach {
        place: Place,
        close: bool,
    },
}

#[derive(Debug)]
pub(super) enum Message {
    Event {
        room: RoomKey,
        output: Output,
    },
    Left {
        place: Place,
        closed: bool,
        room: Box<HostedRoom>,
    },
    Broken {
        place: Place,
        room: Box<HostedRoom>,
    },
}

/// A room and the sockets of its ports.
#[derive(Debug)]
pub(super) struct HostedRoom {
    pub(super) key: RoomKey,
    pub(super) room: Room,
    pub(super) sockets: Vec<Sockets>,
    ticks: u64,
    last_turn: Option<u64>,
    sent_at: Option<Instant>,
    /// The socket still held something when it was last emptied.
    backlog: bool,
    leaving: Option<Leaving>,
    /// An event that found the way out full.
    waiting: Option<Output>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaving {
    Closed,
    Released,
    Broken,
}

impl HostedRoom {
    pub(super) fn new(key: RoomKey, room: Room, sockets: Sockets) -> Self {
        let mut all = Vec::with_capacity(limits::PORTS_PER_ROOM);
        all.push(sockets);
        Self {
            key,
            room,
            sockets: all,
            ticks: 0,
            last_turn: None,
            sent_at: None,
            backlog: false,
            leaving: None,
            waiting: None,
        }
    }
}

/// Buffers every room of a thread shares.
struct Buffers {
    datagram: [u8; limits::DATAGRAM_BYTES_MAX],
    packet: [u8; PACKET_BYTES],
    report: [u8; REPORT_BYTES_MAX],
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
                report: [0; REPORT_BYTES_MAX],
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
            self.told |= room.tell(self.lane);
            if room.leaving.is_some() {
                self.let_go(Place {
                    slot: slot as u8,
                    index: index as u16,
                });
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
                Order::Detach { place, close } => {
                    let lane = self.lane;
                    let slot = &mut self.slots[usize::from(place.slot)];
                    let Some(room) = &mut slot[usize::from(place.index)] else {
                        continue;
                    };
                    room.leave(close, now, lane, &mut self.buffers);
                    self.told |= room.tell(lane);
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
        if at.as_ref().is_none_or(|room| room.waiting.is_some()) {
            return;
        }
        let Some(room) = at.take() else { return };
        let message = match room.leaving {
            Some(Leaving::Broken) => Message::Broken { place, room },
            leaving => Message::Left {
                place,
                closed: leaving == Some(Leaving::Closed),
                room,
            },
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
            Err(Message::Event { .. }) => {}
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
        // Every eighth tick the socket is emptied: what piled up in between must not stay for ever.
        let emptying = self.backlog || self.ticks.is_multiple_of(8);
        let now = clock();
        for (at, sockets) in self.sockets.iter_mut().enumerate() {
            let Some(port) = self.room.port(PortId(at as u8)) else {
                continue;
            };
            if port.advance(now, ticks) && sockets.connected {
                // It hears anybody again, so that a peer behind a rebound translator is found.
                sockets.connected = rustix::net::connect_unspec(&sockets.rtp).is_err();
            }
            let mut sent = false;
            while let Some(length) = port.next_packet(&mut buffers.packet) {
                sent |= send(sockets, port, &buffers.packet[..length], lane);
            }
            if sent && at == 0 {
                if let Some(before) = self.sent_at {
                    let tick = Duration::from_micros(
                        u64::from(port.agreed().packet_samples).max(160) * 125,
                    );
                    lane.counters
                        .deviated(now.saturating_duration_since(before).abs_diff(tick));
                }
                self.sent_at = Some(now);
            }
            let reads = port.reads_per_tick()
                * if emptying {
                    limits::READS_WHEN_EMPTYING
                } else {
                    1
                };
            let emptied = read(sockets, port, now, reads, lane, &mut buffers.datagram);
            if emptying {
                self.backlog = !emptied;
            }
            port.hear(ticks);
            report(sockets, port, now, self.ticks, buffers);
        }
    }

    /// Moves what happened to the way out. True when something went.
    fn tell(&mut self, lane: &Lane) -> bool {
        let mut told = false;
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

    fn leave(&mut self, close: bool, now: Instant, _lane: &Lane, buffers: &mut Buffers) {
        if !close {
            self.leaving = Some(Leaving::Released);
            // What waits to be told moves with its port.
            return;
        }
        self.leaving = Some(Leaving::Closed);
        for (at, sockets) in self.sockets.iter().enumerate() {
            let Some(port) = self.room.port(PortId(at as u8)) else {
                continue;
            };
            let length = port.goodbye(&mut buffers.report, now);
            send_report(sockets, port, &buffers.report[..length]);
            port.close();
        }
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
