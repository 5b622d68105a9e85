//! Two phones on tick threads, talking over loopback.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use offhook_media::threads::{Config, Events, Notice, RoomKey, Threads};
use offhook_media::{Codec, MediaCommand, MediaEvent, PortId};

/// Long enough for any machine; a test that needs it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The threads, and everything they have told so far.
pub(crate) struct Phones {
    pub(crate) threads: Threads,
    events: Events,
    bell: Arc<(Mutex<bool>, Condvar)>,
    pub(crate) told: Vec<Notice>,
    /// When not empty, each phone offers one of these.
    pub(crate) codecs: Vec<Codec>,
}

impl Phones {
    /// Starts tick threads.
    pub(crate) fn new(threads: usize, clock: fn() -> Instant) -> Self {
        let bell = Arc::new((Mutex::new(false), Condvar::new()));
        let ring = Arc::clone(&bell);
        let localhost = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let (threads, events) = Threads::start(Config {
            threads,
            bind: localhost,
            advertised: localhost,
            ports: None,
            clock,
            wake: Arc::new(move || {
                *ring.0.lock().unwrap() = true;
                ring.1.notify_all();
            }),
        })
        .unwrap();
        Self {
            threads,
            events,
            bell,
            told: Vec::new(),
            codecs: Vec::new(),
        }
    }

    /// Connects two new rooms by offer and answer.
    pub(crate) fn connect(&self, a: RoomKey, b: RoomKey) {
        let (port_a, port_b) = (
            self.threads.prepare_port().unwrap(),
            self.threads.prepare_port().unwrap(),
        );
        let mut session_a = port_a.describe().with_codecs(self.offers(a));
        let offer = session_a.offer();
        let (answer, agreed_b) = port_b.describe().answer(&offer).unwrap();
        let agreed_a = session_a.accept(&answer).unwrap();
        self.threads.open_room(a, port_a, agreed_a).unwrap();
        self.threads.open_room(b, port_b, agreed_b).unwrap();
    }

    /// What a phone offers: everything, or one of the codecs that are left.
    fn offers(&self, phone: RoomKey) -> &[Codec] {
        match self.codecs.len() {
            0 => &[],
            all => std::slice::from_ref(&self.codecs[phone.0 as usize % all]),
        }
    }

    /// Connects a new room to a new port of a room that is there.
    pub(crate) fn join(&self, room: RoomKey, phone: RoomKey) -> PortId {
        let (port, far) = (
            self.threads.prepare_port().unwrap(),
            self.threads.prepare_port().unwrap(),
        );
        let mut session = far.describe().with_codecs(self.offers(phone));
        let (answer, agreed) = port.describe().answer(&session.offer()).unwrap();
        let agreed_far = session.accept(&answer).unwrap();
        self.threads.open_room(phone, far, agreed_far).unwrap();
        self.threads.add_port(room, port, agreed).unwrap()
    }

    pub(crate) fn send(&self, room: RoomKey, command: MediaCommand) {
        self.threads.send(room, PortId::FIRST, command).unwrap();
    }

    /// Collects what is told until something is.
    pub(crate) fn wait_for(&mut self, what: &str, mut is_it: impl FnMut(&Notice) -> bool) -> usize {
        let deadline = Instant::now() + PATIENCE;
        let mut looked = 0;
        loop {
            self.collect();
            if let Some(at) = self.told[looked..].iter().position(&mut is_it) {
                return looked + at;
            }
            looked = self.told.len();
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "never told: {what}; told: {:?}", self.told);
            self.wait(left);
        }
    }

    /// Waits until the bell rings, at most so long.
    pub(crate) fn wait(&self, longest: Duration) {
        let (rung, bell) = &*self.bell;
        let rung = rung.lock().unwrap();
        let (mut rung, _) = bell
            .wait_timeout_while(rung, longest, |rung| !*rung)
            .unwrap();
        *rung = false;
    }

    /// Collects what has been told.
    pub(crate) fn collect(&mut self) {
        while let Some(notice) = self.events.try_recv() {
            self.told.push(notice);
        }
    }

    /// Waits for an event of a room.
    pub(crate) fn wait_for_event(
        &mut self,
        what: &str,
        of: RoomKey,
        mut is_it: impl FnMut(&MediaEvent) -> bool,
    ) {
        self.wait_for(what, |notice| match notice {
            Notice::Event { room, event, .. } => *room == of && is_it(event),
            _ => false,
        });
    }
}
