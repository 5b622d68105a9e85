//! A phone's audio goes from one call to another, with whatever runs on its port.
//!
//! ```text
//!   first call ── release ──▶ PhoneAudio ── adopt ──▶ second call
//!                     │                                   ▲
//!                     └─ tick thread lets go of the port ─┘ port came, some milliseconds later
//! ```
//!
//! A call whose leg does not move after all takes back what it released by adopting it.

use tokio::sync::oneshot;

use offhook_engine::MediaEvent;
use offhook_media::MediaCommand;
use offhook_media::sdp;
use offhook_terms::LegId;

use super::from_engine::{CallAudio, Port, Stage};
use super::host::{Released, key};
use crate::calls::{self, Message};

/// A phone's audio between two calls; it is released by one and adopted by the other. Dropped, its port is closed.
pub(crate) struct PhoneAudio {
    leg: LegId,
    session: sdp::Session,
    held: bool,
    stage: MovingStage,
}

enum MovingStage {
    Still(Stage),
    /// Its tick thread is letting go of it.
    Moving(oneshot::Receiver<Released>),
}

/// A port has come from another call, or has got lost on the way.
pub(crate) struct PortCame {
    leg: LegId,
    port: Option<Released>,
}

impl CallAudio {
    /// Lets a phone's audio go to another call: its port leaves the room with whatever runs on it,
    /// and its side of the descriptions goes with it. The other call [adopts](Self::adopt) it.
    pub(crate) fn release(&mut self, leg: LegId) -> Option<PhoneAudio> {
        let mut port = self.ports.remove(&leg)?;
        self.hearing.remove(&leg);
        if let (Some(operation), Stage::Running(id)) = (port.instead.take(), &port.stage) {
            let _ = self.command(*id, MediaCommand::Stop { operation });
        }
        let stage = match port.stage {
            Stage::Running(id) => MovingStage::Moving(self.host().release(self.call, id)),
            Stage::Coming(_) => {
                let (sender, receiver) = oneshot::channel();
                // It may come and go several times before its port has come once.
                self.passing.entry(leg).or_default().push_back(sender);
                MovingStage::Moving(receiver)
            }
            stage => MovingStage::Still(stage),
        };
        Some(PhoneAudio {
            leg,
            session: port.session,
            held: port.held,
            stage,
        })
    }

    /// Takes a phone's audio that another call, or this one, has released. It is in the room some
    /// milliseconds later; until then it is as if nobody said anything there.
    pub(crate) fn adopt(&mut self, audio: PhoneAudio) {
        let PhoneAudio {
            leg,
            session,
            held,
            stage,
        } = audio;
        let stage = match stage {
            MovingStage::Still(stage) => stage,
            MovingStage::Moving(port) => {
                let mailbox = self.mailbox.clone();
                tokio::spawn(async move {
                    let port = port.await.ok();
                    calls::post(&mailbox, Message::PortCame(PortCame { leg, port }));
                });
                Stage::Coming(None)
            }
        };
        let port = Port {
            session,
            stage,
            held,
            instead: None,
        };
        self.ports.insert(leg, port);
    }

    /// Who has waited longest for a port that came by here.
    fn next_passing(&mut self, leg: LegId) -> Option<oneshot::Sender<Released>> {
        let waiting = self.passing.get_mut(&leg)?;
        let first = waiting.pop_front();
        if waiting.is_empty() {
            self.passing.remove(&leg);
        }
        first
    }

    /// A port that was adopted has left the other room, or got lost with it.
    pub(crate) fn port_came(&mut self, came: PortCame) -> Option<MediaEvent> {
        let PortCame { leg, port } = came;
        if let Some(passing) = self.next_passing(leg) {
            // Who wanted it may be over; then it closes here.
            if let Some(port) = port {
                let _ = passing.send(port);
            }
            return None;
        }
        let known = self.ports.get_mut(&leg)?;
        let Stage::Coming(agreed) = &mut known.stage else {
            return None;
        };
        let agreed = agreed.take();
        let Some(port) = port else {
            known.stage = Stage::Failed;
            return Some(MediaEvent::PeerLost { leg });
        };
        if let Err(why) = self.open_room() {
            return self.entered(leg, Err(why));
        }
        let room = key(self.call);
        let entered = self
            .host()
            .enter(self.call, leg, |threads| threads.admit_port(room, *port));
        let lost = self.entered(leg, entered);
        if let Some(agreed) = agreed {
            self.agree(leg, agreed);
        }
        lost
    }
}
