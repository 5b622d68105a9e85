//! One call's audio: its ports, and what is asked of them.

use std::time::{Duration, Instant};

use offhook_terms::{OperationId, Private, Tone};

use crate::clip::Clip;
use crate::limits;
use crate::player::{PlayEnded, Repeat};
use crate::port::{Port, PortId};
use crate::recorder::{RecordEnded, RecordPlan};
use crate::recording::RecordingFeed;
use crate::sdp::Agreed;
use crate::statistics::Statistics;
use crate::tones::TonesEnded;

/// Asked of one port.
#[derive(Debug)]
pub enum MediaCommand {
    /// Plays clips to the port's peer, one after the other. Replaces what plays, which ends as
    /// stopped: queueing is decided elsewhere.
    Play {
        /// Whose ending [`MediaEvent::Played`] tells.
        operation: OperationId,
        /// In order.
        clips: Vec<Clip>,
        /// How often all of them.
        repeat: Repeat,
    },
    /// Records what the port's peer says. Replaces a running recording, which ends as stopped.
    Record {
        /// Whose ending [`MediaEvent::Recorded`] tells.
        operation: OperationId,
        /// When it ends by itself.
        plan: RecordPlan,
        /// Where the audio goes; made by [`recording`](crate::recording()).
        feed: RecordingFeed,
    },
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
    /// A re-offer was agreed: hold, resume, another address or codec.
    Agree(Agreed),
}

/// What happened at one port.
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
    Tones(Vec<Tone>),
}

/// The ports of one call. Today each plays and records for itself; mixing will happen here.
#[derive(Debug)]
pub struct Room {
    ports: Vec<Port>,
}

impl Room {
    /// A room with its first port. Allocates all it will need.
    pub fn new(port: Port) -> Self {
        let mut ports = Vec::with_capacity(limits::PORTS_PER_ROOM);
        ports.push(port);
        Self { ports }
    }

    /// The ports, in the order of their [`PortId`]s.
    pub fn ports(&self) -> &[Port] {
        &self.ports
    }

    /// Hands a command to its port; to one that is not there it is nothing.
    pub fn command(&mut self, port: PortId, command: MediaCommand, now: Instant) {
        if let Some(port) = self.port(port) {
            port.command(command, now);
        }
    }

    /// A port, to hand packets to and take packets from.
    pub fn port(&mut self, port: PortId) -> Option<&mut Port> {
        self.ports.get_mut(usize::from(port.0))
    }

    /// The next event of any port.
    pub fn poll(&mut self) -> Option<Output> {
        self.ports.iter_mut().enumerate().find_map(|(at, port)| {
            let (event, spent) = port.poll()?;
            Some(Output {
                port: PortId(at as u8),
                event,
                spent,
            })
        })
    }

    /// Gives the ports up, for another room.
    pub fn into_ports(self) -> Vec<Port> {
        self.ports
    }
}
