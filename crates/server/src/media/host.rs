//! The tick threads, and the pump that carries what they tell to the calls.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use offhook_media::threads::{
    self, Events, NotTaken, Notice, PreparedPort, ReleasedPort, RoomKey, Threads,
};
use offhook_media::{Clip, Codec, Encryption, PortId, sdp};
use offhook_speech::{Recogniser, ScriptedWords};
use offhook_terms::{CallId, LegId};
use tokio::sync::{Notify, oneshot};

use super::ears::Ears;
use super::scribe::Scribe;
use super::to_engine::{self, Heard};
use crate::config::{self, AudioCodec, Config, Srtp};
use crate::switchboard::Switchboard;
use crate::{calls, clock, providers};

/// A port that has left its room.
pub(super) type Released = Box<ReleasedPort>;

/// How long a closing waits when a tick thread is behind with its orders: one slot.
const A_SLOT: Duration = Duration::from_millis(5);

/// All rooms of the platform.
pub(crate) struct Host {
    threads: Threads,
    pub(super) scribe: Scribe,
    /// Nobody, where nobody could make words of what is heard.
    pub(super) ears: Option<Ears>,
    pub(super) sounds: Sounds,
    rooms: Mutex<HashMap<CallId, Inside>>,
    codecs: Vec<Codec>,
    encryption: Encryption,
}

/// What the platform plays of its own accord.
pub(super) struct Sounds {
    pub(super) ringback: Clip,
    pub(super) hold_music: Clip,
}

/// What is known of a call's room on this side.
#[derive(Default)]
struct Inside {
    /// Whose ports and seats are in it.
    legs: Vec<(PortId, LegId)>,
    /// Who waits for a port to leave it.
    waiting: Vec<(PortId, oneshot::Sender<Released>)>,
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
            ears: recogniser(&config.speech).map(Ears::start).transpose()?,
            sounds: Sounds {
                ringback: Clip::ringback(),
                hold_music: Clip::hold_music(),
            },
            codecs: config.media.codecs.iter().copied().map(codec).collect(),
            encryption: match config.media.srtp {
                Srtp::Off => Encryption::Off,
                Srtp::Accept => Encryption::Accept,
                Srtp::Offer => Encryption::Offer,
                Srtp::Require => Encryption::Require,
            },
            rooms: Mutex::default(),
        });
        Ok((host, Notices { events, bell }))
    }

    /// Somebody can make words of what callers say.
    pub(crate) fn hears_speech(&self) -> bool {
        self.ears.is_some()
    }

    pub(super) fn threads(&self) -> &Threads {
        &self.threads
    }

    /// Our side of the descriptions for a port, as the settings have it.
    pub(super) fn describe(&self, port: &PreparedPort) -> sdp::Session {
        port.describe()
            .with_codecs(&self.codecs)
            .with_encryption(self.encryption)
    }

    /// Somebody enters a room by `door`, which gives them their name there. What happens at it is known
    /// to be theirs however soon it is told.
    pub(super) fn enter(
        &self,
        call: CallId,
        leg: LegId,
        door: impl FnOnce(&Threads) -> Result<PortId, NotTaken>,
    ) -> Result<PortId, NotTaken> {
        let mut rooms = self.rooms();
        let id = door(&self.threads)?;
        rooms.entry(call).or_default().legs.push((id, leg));
        Ok(id)
    }

    /// Closes a call's room, as soon as its tick thread has room for the order.
    pub(super) fn close(self: &Arc<Self>, call: CallId) {
        if let Some(room) = self.rooms().get_mut(&call) {
            room.legs.clear();
        }
        self.tidy(call);
        self.insist(move |threads| threads.close(key(call)));
    }

    /// Closes one port or seat of it.
    pub(super) fn close_port(self: &Arc<Self>, call: CallId, id: PortId) {
        self.forget(call, id);
        self.insist(move |threads| threads.close_port(key(call), id));
    }

    /// Takes a port out of its room, with all that runs on it. Nothing comes if the room breaks first.
    pub(super) fn release(
        self: &Arc<Self>,
        call: CallId,
        id: PortId,
    ) -> oneshot::Receiver<Released> {
        self.forget(call, id);
        let (sender, receiver) = oneshot::channel();
        self.rooms()
            .entry(call)
            .or_default()
            .waiting
            .push((id, sender));
        self.insist(move |threads| threads.release_port(key(call), id));
        receiver
    }

    /// Gives an order as soon as its tick thread has room for it.
    pub(super) fn insist(
        self: &Arc<Self>,
        order: impl Fn(&Threads) -> Result<(), NotTaken> + Send + Sync + 'static,
    ) {
        if order(&self.threads) == Err(NotTaken::Behind) {
            let host = Arc::clone(self);
            tokio::spawn(async move {
                while order(&host.threads) == Err(NotTaken::Behind) {
                    tokio::time::sleep(A_SLOT).await;
                }
            });
        }
    }

    fn forget(&self, call: CallId, id: PortId) {
        if let Some(room) = self.rooms().get_mut(&call) {
            room.legs.retain(|(other, _)| *other != id);
        }
    }

    /// Remembers no room that nobody is in or on the way out of.
    fn tidy(&self, call: CallId) {
        self.rooms()
            .extract_if(|of, room| *of == call && room.legs.is_empty() && room.waiting.is_empty())
            .for_each(drop);
    }

    fn released(&self, call: CallId, id: PortId, port: Released) {
        let waiting = {
            let mut rooms = self.rooms();
            let waiting = rooms.get_mut(&call).map(|room| &mut room.waiting);
            waiting.and_then(|waiting| {
                let at = waiting.iter().position(|(of, _)| *of == id)?;
                Some(waiting.swap_remove(at).1)
            })
        };
        self.tidy(call);
        // Who wanted it may be over; then its sockets close here.
        if let Some(waiting) = waiting {
            let _ = waiting.send(port);
        }
    }

    /// The counters of the tick threads.
    pub(crate) fn counters(&self) -> threads::Counters {
        self.threads.counters()
    }

    fn leg(&self, call: CallId, id: PortId) -> Option<LegId> {
        let rooms = self.rooms();
        let legs = &rooms.get(&call)?.legs;
        let of = legs.iter().find(|(of, _)| *of == id)?;
        Some(of.1)
    }

    fn rooms(&self) -> std::sync::MutexGuard<'_, HashMap<CallId, Inside>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever makes words of what callers say.
fn recogniser(settings: &config::Speech) -> Option<Recogniser> {
    match settings.recogniser {
        config::Recogniser::None => None,
        config::Recogniser::Pocketsphinx => Some(Recogniser::pocketsphinx(
            settings.pocketsphinx.clone(),
            settings.pocketsphinx_model.clone(),
        )),
        config::Recogniser::Azure => providers::azure(settings).map(Recogniser::azure),
        config::Recogniser::Openai => Some(Recogniser::openai(providers::openai(settings))),
        config::Recogniser::Scripted => {
            let words = ScriptedWords::new(settings.script.iter().cloned());
            Some(Recogniser::scripted(Arc::new(words)))
        }
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
        Notice::Event { room, port, event } => {
            let call = CallId::from_bits(room.0);
            let Some(leg) = host.leg(call, port) else {
                return;
            };
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
            host.rooms().remove(&CallId::from_bits(room.0));
            switchboard.tell(CallId::from_bits(room.0), calls::Message::Fault);
        }
        Notice::Released {
            room,
            port,
            released,
        } => host.released(CallId::from_bits(room.0), port, released),
    }
}

/// The room of a call.
pub(super) fn key(call: CallId) -> RoomKey {
    RoomKey(call.bits())
}

fn codec(setting: AudioCodec) -> Codec {
    match setting {
        AudioCodec::Opus => Codec::Opus,
        AudioCodec::G722 => Codec::G722,
        AudioCodec::Pcmu => Codec::Pcmu,
        AudioCodec::Pcma => Codec::Pcma,
    }
}

/// Half of the cores: the other half answers requests. Audio is the lighter half until there are
/// thousands of calls.
fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1))
}
