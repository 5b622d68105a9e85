//! Tick threads: the sockets and the time of many rooms.
//!
//! ```text
//!   control side                         one of N threads
//!   ────────────                         ────────────────
//!   prepare_port: bind sockets           every 5 ms a slot; a room has one slot in four
//!   open_room:    allocate   ══ orders ══▶  for each room of the slot:
//!   send:         commands   ══ orders ══▶    send its packet, read its packet, hear it
//!   Events:       free       ◀═ notices ══    tell what happened
//!                            ◀── wake ────  once a slot, after the packets are out
//! ```
//!
//! Both ways are bounded queues without locks. A room arrives on its thread complete and leaves it
//! whole, so that on the thread nothing is allocated, freed, locked or logged. Nothing waits for a
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

use crate::limits;
use crate::port::{Port, PortId};
use crate::room::{MediaCommand, MediaEvent, Room};
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
    /// The key is in use.
    #[error("there is such a room already")]
    KeyInUse,
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
    /// The ports of a room, asked for with [`Threads::release`]: their operations go on when they
    /// are opened elsewhere.
    Released {
        /// Which room they were in; it is gone.
        room: RoomKey,
        /// Its ports, in order.
        ports: Vec<ReleasedPort>,
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
    addresses: HashMap<RoomKey, Address>,
    /// Free places of each thread; the lowest of a slot first, so that slots stay dense.
    free: Vec<[BTreeSet<u16>; SLOTS]>,
    used: Vec<[usize; SLOTS]>,
}

#[derive(Debug, Clone, Copy)]
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
            addresses: HashMap::new(),
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

    /// Opens a room with a phone's port, which begins to send at its next tick.
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

    /// Opens a room with a port another one released.
    ///
    /// # Errors
    /// As [`open_room`](Self::open_room).
    pub fn admit(&self, key: RoomKey, port: ReleasedPort) -> Result<(), NotTaken> {
        let ReleasedPort { port, sockets } = port;
        let mut rooms = self.shared.rooms();
        if rooms.addresses.contains_key(&key) {
            return Err(NotTaken::KeyInUse);
        }
        let address = rooms.take_place().ok_or(NotTaken::NoRoomLeft)?;
        let room = Box::new(HostedRoom::new(key, Room::new(port), sockets));
        let order = Order::Attach {
            place: address.place,
            room,
        };
        if self.shared.threads[address.thread]
            .orders
            .push(order)
            .is_err()
        {
            rooms.give_back(address);
            return Err(NotTaken::Behind);
        }
        rooms.addresses.insert(key, address);
        Ok(())
    }

    /// Hands a command to a room's port.
    ///
    /// # Errors
    /// When there is no such room, or its thread is behind; the command is gone then.
    pub fn send(&self, key: RoomKey, port: PortId, command: MediaCommand) -> Result<(), NotTaken> {
        // Pushed under the lock: a command must not overtake the closing of its room.
        let rooms = self.shared.rooms();
        let Address { thread, place } = *rooms.addresses.get(&key).ok_or(NotTaken::NoSuchRoom)?;
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

    /// Closes a room: its operations end, its peers are told goodbye, its statistics come with the
    /// last event of each port ([`MediaEvent::Closed`]).
    ///
    /// # Errors
    /// When there is no such room, or its thread is behind: then it must be asked again.
    pub fn close(&self, key: RoomKey) -> Result<(), NotTaken> {
        self.detach(key, true)
    }

    /// Takes a room apart without ending anything; its ports come with [`Notice::Released`].
    ///
    /// # Errors
    /// As [`close`](Self::close).
    pub fn release(&self, key: RoomKey) -> Result<(), NotTaken> {
        self.detach(key, false)
    }

    fn detach(&self, key: RoomKey, close: bool) -> Result<(), NotTaken> {
        let mut rooms = self.shared.rooms();
        let Address { thread, place } = *rooms.addresses.get(&key).ok_or(NotTaken::NoSuchRoom)?;
        let order = Order::Detach { place, close };
        self.shared.threads[thread]
            .orders
            .push(order)
            .map_err(|_| NotTaken::Behind)?;
        rooms.addresses.remove(&key);
        Ok(())
    }

    /// How many rooms are open.
    pub fn rooms(&self) -> usize {
        self.shared.rooms().addresses.len()
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
            Message::Left {
                place,
                closed,
                room,
            } => {
                self.shared.rooms().give_back(Address { thread, place });
                // `Closed` was told before; its sockets close here.
                if closed {
                    return None;
                }
                let HostedRoom {
                    key, room, sockets, ..
                } = *room;
                let ports = room.into_ports().into_iter().zip(sockets);
                let ports = ports
                    .map(|(port, sockets)| ReleasedPort { port, sockets })
                    .collect();
                Some(Notice::Released { room: key, ports })
            }
            Message::Broken { place, room } => {
                let mut rooms = self.shared.rooms();
                let key = room.key;
                rooms.give_back(Address { thread, place });
                let is_it = |a: &Address| a.thread == thread && a.place == place;
                if rooms.addresses.get(&key).is_some_and(is_it) {
                    rooms.addresses.remove(&key);
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
