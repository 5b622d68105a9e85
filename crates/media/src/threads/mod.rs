//! Tick threads: the sockets and the time of many rooms.
//!
//! ```text
//!   control side                         one of N threads
//!   ────────────                         ────────────────
//!   prepare_port: bind sockets           every 5 ms a slot; a room has one slot in four
//!   add_port:     allocate   ══ orders ══▶  for each room of the slot:
//!   send:         commands   ══ orders ══▶    read packets, add up, send packets
//!   Events:       free       ◀═ notices ══    tell what happened
//!                            ◀── wake ────  once a slot, after the packets are out
//! ```
//!
//! Both ways are bounded queues without locks. A room and each of its participants arrive on their
//! thread complete and leave it whole, so that on the thread nothing is allocated, freed, locked or logged. Nothing waits for a
//! socket to be ready: most packets are there when their tick comes, and asking costs what reading
//! would.

mod counters;
mod ports;
mod wheel;

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use crossbeam_queue::ArrayQueue;

use crate::hears::{PLACES, PortId};
use crate::jitter::JitterBuffer;
use crate::limits;
use crate::port::Port;
use crate::room::{MediaCommand, MediaEvent, Member};
use crate::sdp::Agreed;

pub use counters::{Counters, DEVIATION_BOUNDS_US, Deviation};
pub use ports::{PreparedPort, ReleasedPort};

use counters::ThreadCounters;
use wheel::{HostedRoom, Message, Order, Place, SLOTS, Wheel};

/// Names a room: a call's 128 bits, or any number its owner chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomKey(pub u128);

/// How the tick threads are set up.
#[derive(Clone)]
pub struct Config {
    /// How many threads; 0 is taken as 1.
    pub threads: usize,
    /// The address sockets are bound to.
    pub bind: IpAddr,
    /// The address written into session descriptions.
    pub advertised: IpAddr,
    /// The ports of RTP and RTCP; `None` lets the system choose.
    pub ports: Option<RangeInclusive<u16>>,
    /// The clock. This crate reads none.
    pub clock: fn() -> Instant,
    /// Called by a tick thread, at most once a slot, when [`Events`] has something to read. Must not
    /// wait.
    pub wake: Arc<dyn Fn() + Send + Sync>,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("threads", &self.threads)
            .field("bind", &self.bind)
            .field("advertised", &self.advertised)
            .field("ports", &self.ports)
            .finish_non_exhaustive()
    }
}

/// Why no port could be prepared.
#[derive(Debug, thiserror::Error)]
pub enum NoPort {
    /// Every pair of the configured range is taken.
    #[error("no RTP port is free between {first} and {last}")]
    RangeIsFull {
        /// The range's first port.
        first: u16,
        /// The range's last port.
        last: u16,
    },
    /// The system refuses sockets.
    #[error("an RTP socket cannot be opened: {0}")]
    Socket(#[from] io::Error),
}

/// Why a room was not opened or a command not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// Every thread owns as many rooms as it may.
    #[error("every media thread is full")]
    NoRoomLeft,
    /// The way to the thread is full: it has not had a slot for long.
    #[error("the media thread is behind with its orders")]
    Behind,
    /// No such room, or not any more.
    #[error("there is no such room")]
    NoSuchRoom,
    /// Nobody of this name is in the room, or not any more.
    #[error("nobody of this name is in the room")]
    NoSuchPort,
    /// The key is in use.
    #[error("there is such a room already")]
    KeyInUse,
    /// Every place of the room is taken, or not given back yet.
    #[error("every place of the room is taken")]
    RoomIsFull,
}

/// What the tick threads tell.
#[derive(Debug)]
pub enum Notice {
    /// Something happened at a port.
    Event {
        /// In which room.
        room: RoomKey,
        /// At which port of it.
        port: PortId,
        /// What.
        event: MediaEvent,
    },
    /// A port asked for with [`Threads::release_port`]: what runs on it goes on in the room it is
    /// added to next.
    Released {
        /// Which room it was in.
        room: RoomKey,
        /// Its name there.
        port: PortId,
        /// The port.
        released: Box<ReleasedPort>,
    },
    /// A room broke by a mistake of ours and is gone; the others of its thread go on.
    Broken {
        /// Which.
        room: RoomKey,
    },
}

/// The control side of the tick threads. Dropping it stops them and every room.
#[derive(Debug)]
pub struct Threads {
    shared: Arc<Shared>,
    joins: Vec<JoinHandle<()>>,
}

/// Where [`Notice`]s come out. What the tick threads are done with is freed here.
#[derive(Debug)]
pub struct Events {
    shared: Arc<Shared>,
    next: AtomicUsize,
}

#[derive(Debug)]
struct Shared {
    config: Config,
    threads: Vec<Arc<Lane>>,
    rooms: Mutex<Rooms>,
    next_port: AtomicU16,
    stopping: AtomicBool,
}

/// The ways to and from one thread.
#[derive(Debug)]
struct Lane {
    orders: ArrayQueue<Order>,
    messages: ArrayQueue<Message>,
    counters: ThreadCounters,
}

#[derive(Debug)]
struct Rooms {
    open: HashMap<RoomKey, Open>,
    /// Free places of each thread; the lowest of a slot first, so that slots stay dense.
    free: Vec<[BTreeSet<u16>; SLOTS]>,
    used: Vec<[usize; SLOTS]>,
}

/// A room as the control side knows it.
#[derive(Debug)]
struct Open {
    address: Address,
    /// Who is in it.
    members: Vec<PortId>,
    /// Places that nobody has, those of members who are still on their way out included.
    free: [bool; PLACES],
    /// How many have come in so far.
    entries: u32,
    /// Ports that may have no jitter buffer of their own: the first, as long as it is alone.
    alone: Option<PortId>,
    /// A port has been in it.
    had_port: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Address {
    thread: usize,
    place: Place,
}

impl Threads {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(mut config: Config) -> io::Result<(Self, Events)> {
        config.threads = config.threads.max(1);
        let lanes: Vec<Arc<Lane>> = (0..config.threads)
            .map(|_| {
                Arc::new(Lane {
                    orders: ArrayQueue::new(limits::THREAD_COMMANDS),
                    messages: ArrayQueue::new(limits::THREAD_EVENTS),
                    counters: ThreadCounters::default(),
                })
            })
            .collect();
        let per_slot = (limits::ROOMS_PER_THREAD / SLOTS) as u16;
        let all_free = || std::array::from_fn(|_| (0..per_slot).collect());
        let rooms = Rooms {
            open: HashMap::new(),
            free: lanes.iter().map(|_| all_free()).collect(),
            used: vec![[0; SLOTS]; lanes.len()],
        };
        let shared = Arc::new(Shared {
            config,
            threads: lanes,
            rooms: Mutex::new(rooms),
            next_port: AtomicU16::new(0),
            stopping: AtomicBool::new(false),
        });
        let mut threads = Self {
            shared: shared.clone(),
            joins: Vec::new(),
        };
        for at in 0..shared.threads.len() {
            let shared = shared.clone();
            let join = std::thread::Builder::new()
                .name(format!("media-{at}"))
                .spawn(move || {
                    go_first();
                    let lane = &shared.threads[at];
                    Wheel::new(lane, &*shared.config.wake)
                        .run(shared.config.clock, &shared.stopping);
                })?;
            threads.joins.push(join);
        }
        Ok((
            threads,
            Events {
                shared,
                next: AtomicUsize::new(0),
            },
        ))
    }

    /// Binds the sockets of a port, off the tick; its address is known from now on.
    ///
    /// # Errors
    /// When no port is free.
    pub fn prepare_port(&self) -> Result<PreparedPort, NoPort> {
        let Config {
            bind,
            advertised,
            ports,
            ..
        } = &self.shared.config;
        ports::prepare(*bind, *advertised, ports.as_ref(), &self.shared.next_port)
    }

    /// Opens a room with a phone's port, which begins to send at its next tick. It is
    /// [`PortId::FIRST`].
    ///
    /// # Errors
    /// When the key is in use or the threads can take no more; the port is gone then.
    pub fn open_room(
        &self,
        key: RoomKey,
        port: PreparedPort,
        agreed: Agreed,
    ) -> Result<(), NotTaken> {
        let port = port.agree(agreed, (self.shared.config.clock)());
        self.admit(key, port)
    }

    /// Opens a room with a port another one released. It is [`PortId::FIRST`].
    ///
    /// # Errors
    /// As [`open_room`](Self::open_room).
    pub fn admit(&self, key: RoomKey, port: ReleasedPort) -> Result<(), NotTaken> {
        self.open(key, Some(port))
    }

    /// Opens a room with nobody in it.
    ///
    /// # Errors
    /// As [`open_room`](Self::open_room).
    pub fn open_empty_room(&self, key: RoomKey) -> Result<(), NotTaken> {
        self.open(key, None)
    }

    fn open(&self, key: RoomKey, port: Option<ReleasedPort>) -> Result<(), NotTaken> {
        let mut rooms = self.shared.rooms();
        if rooms.open.contains_key(&key) {
            return Err(NotTaken::KeyInUse);
        }
        let address = rooms.take_place().ok_or(NotTaken::NoRoomLeft)?;
        let mut open = Open::new(address);
        let mut room = Box::new(HostedRoom::new(key));
        if let Some(ReleasedPort { port, sockets }) = port
            && let Some(id) = open.enter(0..limits::PORTS_PER_ROOM)
        {
            open.alone = (!port.has_buffer()).then_some(id);
            open.had_port = true;
            room.join(Member::port(id, port), Some(sockets));
        }
        let order = Order::Attach {
            place: address.place,
            room,
        };
        let lane = &self.shared.threads[address.thread];
        if lane.orders.push(order).is_err() {
            rooms.give_back(address);
            return Err(NotTaken::Behind);
        }
        rooms.open.insert(key, open);
        Ok(())
    }

    /// Adds a phone's port to a room, which begins to send and to be heard at its next tick.
    ///
    /// # Errors
    /// When there is no such room, it is full or its thread is behind; the port is gone then.
    pub fn add_port(
        &self,
        key: RoomKey,
        port: PreparedPort,
        agreed: Agreed,
    ) -> Result<PortId, NotTaken> {
        let port = port.agree(agreed, (self.shared.config.clock)());
        self.admit_port(key, port)
    }

    /// Adds a port that another room released.
    ///
    /// # Errors
    /// As [`add_port`](Self::add_port).
    pub fn admit_port(&self, key: RoomKey, port: ReleasedPort) -> Result<PortId, NotTaken> {
        self.join(key, Some(port))
    }

    /// Adds a seat to a room.
    ///
    /// # Errors
    /// As [`add_port`](Self::add_port).
    pub fn add_seat(&self, key: RoomKey) -> Result<PortId, NotTaken> {
        self.join(key, None)
    }

    fn join(&self, key: RoomKey, port: Option<ReleasedPort>) -> Result<PortId, NotTaken> {
        let mut rooms = self.shared.rooms();
        let open = rooms.open.get_mut(&key).ok_or(NotTaken::NoSuchRoom)?;
        let Address { thread, place } = open.address;
        let orders = &self.shared.threads[thread].orders;
        // Looked at first, because what is pushed when it is full is lost. Others only take.
        if orders.is_full() {
            return Err(NotTaken::Behind);
        }
        let places = match port {
            Some(_) => 0..limits::PORTS_PER_ROOM,
            None => limits::PORTS_PER_ROOM..PLACES,
        };
        let id = open.enter(places).ok_or(NotTaken::RoomIsFull)?;
        let mut buffer = None;
        let (member, sockets) = match port {
            Some(ReleasedPort { mut port, sockets }) => {
                if !std::mem::replace(&mut open.had_port, true) {
                    open.alone = (!port.has_buffer()).then_some(id);
                } else {
                    // From now on everybody may hear everybody.
                    if !port.has_buffer() {
                        port.own_buffer(Box::new(JitterBuffer::new()));
                    }
                    buffer = open.alone.take().map(|alone| (alone, Box::default()));
                }
                (Member::port(id, port), Some(sockets))
            }
            None => (Member::seat(id), None),
        };
        let order = Order::Join {
            place,
            member,
            sockets,
            buffer,
        };
        orders.push(order).map_err(|_| NotTaken::Behind)?;
        Ok(id)
    }

    /// Takes a port or a seat out of its room for good: it fades, its operations end, its peer is
    /// told goodbye. Its last event is [`MediaEvent::Closed`].
    ///
    /// # Errors
    /// When there is no such room or participant, or the thread is behind: then it must be asked
    /// again.
    pub fn close_port(&self, key: RoomKey, port: PortId) -> Result<(), NotTaken> {
        self.part(key, port, true)
    }

    /// Takes a port out of its room without ending anything; it comes with [`Notice::Released`].
    ///
    /// # Errors
    /// As [`close_port`](Self::close_port). A seat stays where it is.
    pub fn release_port(&self, key: RoomKey, port: PortId) -> Result<(), NotTaken> {
        if port.is_seat() {
            return Err(NotTaken::NoSuchPort);
        }
        self.part(key, port, false)
    }

    fn part(&self, key: RoomKey, port: PortId, close: bool) -> Result<(), NotTaken> {
        let mut rooms = self.shared.rooms();
        let open = rooms.open.get_mut(&key).ok_or(NotTaken::NoSuchRoom)?;
        let member = open.members.iter().position(|member| *member == port);
        let member = member.ok_or(NotTaken::NoSuchPort)?;
        let Address { thread, place } = open.address;
        let order = Order::Part { place, port, close };
        let orders = &self.shared.threads[thread].orders;
        orders.push(order).map_err(|_| NotTaken::Behind)?;
        open.members.swap_remove(member);
        if open.alone == Some(port) {
            open.alone = None;
        }
        Ok(())
    }

    /// Hands a command to a participant of a room.
    ///
    /// # Errors
    /// When there is no such room or participant, or its thread is behind; the command is gone then.
    pub fn send(&self, key: RoomKey, port: PortId, command: MediaCommand) -> Result<(), NotTaken> {
        // Pushed under the lock: a command must not overtake the closing of its room.
        let rooms = self.shared.rooms();
        let open = rooms.open.get(&key).ok_or(NotTaken::NoSuchRoom)?;
        if !open.members.contains(&port) {
            return Err(NotTaken::NoSuchPort);
        }
        let Address { thread, place } = open.address;
        let order = Order::Command {
            place,
            port,
            command,
        };
        self.shared.threads[thread]
            .orders
            .push(order)
            .map_err(|_| NotTaken::Behind)
    }

    /// Closes a room: the operations of everybody in it end, its peers are told goodbye, the
    /// statistics come with the last event of each port ([`MediaEvent::Closed`]). Ports already
    /// released come out all the same.
    ///
    /// # Errors
    /// When there is no such room, or its thread is behind: then it must be asked again.
    pub fn close(&self, key: RoomKey) -> Result<(), NotTaken> {
        let mut rooms = self.shared.rooms();
        let open = rooms.open.get(&key).ok_or(NotTaken::NoSuchRoom)?;
        let Address { thread, place } = open.address;
        self.shared.threads[thread]
            .orders
            .push(Order::Detach { place })
            .map_err(|_| NotTaken::Behind)?;
        rooms.open.remove(&key);
        Ok(())
    }

    /// How many rooms are open.
    pub fn rooms(&self) -> usize {
        self.shared.rooms().open.len()
    }

    /// What all threads have counted since they began.
    pub fn counters(&self) -> Counters {
        self.shared
            .threads
            .iter()
            .fold(Counters::default(), |sum, lane| sum + lane.counters.read())
    }

    /// The address sockets are bound to and the one that is described.
    pub fn addresses(&self) -> (IpAddr, IpAddr) {
        (self.shared.config.bind, self.shared.config.advertised)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        for join in self.joins.drain(..) {
            // A tick thread catches what panics in its rooms; if it broke all the same there is
            // nobody left to tell.
            let _ = join.join();
        }
    }
}

impl Events {
    /// The next notice of any thread, if there is one.
    pub fn try_recv(&self) -> Option<Notice> {
        let lanes = &self.shared.threads;
        loop {
            let first = self.next.fetch_add(1, Ordering::Relaxed);
            let message = (0..lanes.len()).find_map(|n| {
                let at = (first + n) % lanes.len();
                lanes[at].messages.pop().map(|message| (at, message))
            });
            let (thread, message) = message?;
            if let Some(notice) = self.notice(thread, message) {
                return Some(notice);
            }
        }
    }

    /// What a message says, if it says anything; what came with it is freed.
    fn notice(&self, thread: usize, message: Message) -> Option<Notice> {
        match message {
            Message::Event { room, output } => Some(Notice::Event {
                room,
                port: output.port,
                event: output.event,
            }),
            Message::Parted {
                place,
                room,
                closed,
                member,
                sockets,
            } => {
                let port = member.id();
                let mut rooms = self.shared.rooms();
                // Another room may be open under that name by now.
                if let Some(open) = rooms.open.get_mut(&room)
                    && open.address == (Address { thread, place })
                {
                    open.free[port.place()] = true;
                }
                // `Closed` was told before; its sockets close here.
                if closed {
                    return None;
                }
                let (inner, sockets) = member.into_port().zip(sockets)?;
                Some(Notice::Released {
                    room,
                    port,
                    released: Box::new(ReleasedPort {
                        port: inner,
                        sockets,
                    }),
                })
            }
            Message::Spent(_) => None,
            Message::Left { place, room } => {
                self.shared.rooms().give_back(Address { thread, place });
                // `Closed` was told before; the sockets close here.
                drop(room);
                None
            }
            Message::Broken { place, room } => {
                let mut rooms = self.shared.rooms();
                let key = room.key;
                rooms.give_back(Address { thread, place });
                let address = Address { thread, place };
                if rooms
                    .open
                    .get(&key)
                    .is_some_and(|open| open.address == address)
                {
                    rooms.open.remove(&key);
                }
                Some(Notice::Broken { room: key })
            }
        }
    }
}

impl Shared {
    fn rooms(&self) -> MutexGuard<'_, Rooms> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn new(address: Address) -> Self {
        Self {
            address,
            members: Vec::new(),
            free: [true; PLACES],
            entries: 0,
            alone: None,
            had_port: false,
        }
    }

    /// Somebody comes in, under a name nobody had before.
    fn enter(&mut self, mut places: std::ops::Range<usize>) -> Option<PortId> {
        let place = places.find(|place| self.free[*place])?;
        let id = PortId::new(place, self.entries);
        self.free[place] = false;
        self.entries += 1;
        self.members.push(id);
        Some(id)
    }
}

impl Rooms {
    /// The emptiest slot of the emptiest thread.
    fn take_place(&mut self) -> Option<Address> {
        let thread = (0..self.used.len()).min_by_key(|at| self.used[*at].iter().sum::<usize>())?;
        let slot = (0..SLOTS).min_by_key(|slot| self.used[thread][*slot])?;
        let index = self.free[thread][slot].pop_first()?;
        self.used[thread][slot] += 1;
        Some(Address {
            thread,
            place: Place {
                slot: slot as u8,
                index,
            },
        })
    }

    fn give_back(&mut self, address: Address) {
        let Address { thread, place } = address;
        let slot = usize::from(place.slot);
        self.free[thread][slot].insert(place.index);
        self.used[thread][slot] -= 1;
    }
}

/// Puts this thread before others that want the processor: audio that is late is lost, everything
/// else may wait the few microseconds a room takes. A system that does not allow it (most do only
/// to a service with that right) is as it was.
fn go_first() {
    // On Linux this is about the calling thread alone, whatever POSIX says.
    let _ = rustix::process::setpriority_process(None, limits::TICK_NICENESS);
}

/// A port and where it stands, for those who drive a [`Port`] by hand.
impl PreparedPort {
    fn agree(self, agreed: Agreed, now: Instant) -> ReleasedPort {
        let (sockets, start) = self.into_parts();
        ReleasedPort {
            port: Port::new(agreed, start, now),
            sockets,
        }
    }

    /// Where RTP is received.
    pub fn rtp_address(&self) -> SocketAddr {
        SocketAddr::new(self.advertised(), self.rtp_port())
    }
}
