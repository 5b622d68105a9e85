//! The tick threads, and the pump that carries what they tell to the calls.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use offhook_media::threads::{self, Events, Notice, RoomKey, Threads};
use offhook_terms::{CallId, LegId};
use tokio::sync::Notify;

use super::scribe::Scribe;
use super::to_engine::{self, Heard};
use crate::config::Config;
use crate::switchboard::Switchboard;
use crate::{calls, clock};

/// How long a closing waits when a tick thread is behind with its orders: one slot.
const A_SLOT: Duration = Duration::from_millis(5);

/// All rooms of the platform.
pub(crate) struct Host {
    threads: Threads,
    pub(super) scribe: Scribe,
    /// Whose port each room has.
    legs: Mutex<HashMap<CallId, LegId>>,
}

/// The way out of the tick threads: their notices, and the bell they ring.
pub(crate) struct Notices {
    events: Events,
    bell: Arc<Notify>,
}

impl Host {
    /// Starts the tick threads and the scribe. Audio is received at `bind`; phones are told
    /// `media.advertised_address`, or `advertised`.
    pub(crate) fn start(
        config: &Config,
        bind: IpAddr,
        advertised: IpAddr,
    ) -> std::io::Result<(Arc<Self>, Notices)> {
        let bell = Arc::new(Notify::new());
        let ring = Arc::clone(&bell);
        let (threads, events) = Threads::start(threads::Config {
            threads: config.media.threads.unwrap_or_else(default_threads),
            bind,
            advertised: config.media.advertised_address.unwrap_or(advertised),
            ports: Some(config.media.rtp_ports.from..=config.media.rtp_ports.to),
            clock: clock::now,
            wake: Arc::new(move || ring.notify_one()),
        })?;
        let host = Arc::new(Self {
            threads,
            scribe: Scribe::start()?,
            legs: Mutex::default(),
        });
        Ok((host, Notices { events, bell }))
    }

    pub(super) fn threads(&self) -> &Threads {
        &self.threads
    }

    /// The room of a call hears this leg.
    pub(super) fn opened(&self, call: CallId, leg: LegId) {
        self.legs().insert(call, leg);
    }

    /// There is no room of this call after all.
    pub(super) fn forget(&self, call: CallId) {
        self.legs().remove(&call);
    }

    /// Closes a call's room, as soon as its tick thread has room for the order.
    pub(super) fn close(self: &Arc<Self>, call: CallId) {
        self.forget(call);
        if self.threads.close(key(call)) == Err(threads::NotTaken::Behind) {
            let host = Arc::clone(self);
            tokio::spawn(async move {
                while host.threads.close(key(call)) == Err(threads::NotTaken::Behind) {
                    tokio::time::sleep(A_SLOT).await;
                }
            });
        }
    }

    /// The counters of the tick threads.
    pub(crate) fn counters(&self) -> threads::Counters {
        self.threads.counters()
    }

    fn leg(&self, call: CallId) -> Option<LegId> {
        self.legs().get(&call).copied()
    }

    fn legs(&self) -> std::sync::MutexGuard<'_, HashMap<CallId, LegId>> {
        self.legs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notices {
    /// Carries what the tick threads tell to the calls, for as long as the platform runs.
    pub(crate) async fn pump(self, host: Arc<Host>, switchboard: Switchboard) {
        loop {
            while let Some(notice) = self.events.try_recv() {
                carry(&host, &switchboard, notice);
            }
            self.bell.notified().await;
        }
    }
}

fn carry(host: &Host, switchboard: &Switchboard, notice: Notice) {
    match notice {
        Notice::Event { room, event, .. } => {
            let call = CallId::from_bits(room.0);
            let Some(leg) = host.leg(call) else { return };
            match to_engine::heard(leg, event) {
                Heard::Event(event) => switchboard.tell(call, calls::Message::Media(event)),
                Heard::RecordingEnded(ended) => {
                    switchboard.tell(call, calls::Message::RecordingEnded(ended));
                }
                Heard::OneWay => {
                    metrics::counter!("offhook_one_way_audio_total").increment(1);
                    tracing::warn!(
                        %call,
                        "no audio from this phone: its packets do not reach the address in our \
                         description; see media.advertised_address and media.rtp_ports"
                    );
                }
                Heard::Nothing => {}
            }
        }
        Notice::Broken { room } => {
            tracing::error!(call = %CallId::from_bits(room.0), "a fault of ours broke a room");
            switchboard.tell(CallId::from_bits(room.0), calls::Message::Fault);
        }
        // Nobody asks for ports yet: legs do not move before calls have more than one phone.
        Notice::Released { .. } => {}
    }
}

/// The room of a call.
pub(super) fn key(call: CallId) -> RoomKey {
    RoomKey(call.bits())
}

/// Half of the cores: the other half answers requests. Audio is the lighter half until there are
/// thousands of calls.
fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1))
}
