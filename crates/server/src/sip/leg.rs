//! A phone's leg: the session behind it, what the call asks of it and what it tells the call.
//!
//! ```text
//!   it calls us                              ┌─────┐
//!   ────────────────────────────────────────▶│ one │── over
//!   we call it    ┌──────┐  one answers      └─────┘
//!   ─────────────▶│ many │─────────────────────▲
//!                 └──────┘── nobody does ── over
//! ```

use offhook_engine::{Description, NotReached, Signal, SignalRequest};
use offhook_sip::{Refer, Refusal, Session, SessionEvent};
use offhook_terms::{LegId, Private};
use tokio::sync::mpsc;

use super::fork::Fork;
use super::trunks::TrunkSeat;
use super::{from_engine, to_engine};
use crate::calls::{self, Message};

/// Something happened on a phone's signalling; its leg knows what it means to the call.
#[derive(Debug)]
pub(crate) struct News {
    leg: LegId,
    /// Which device of the party, in the order they were rung.
    device: usize,
    event: SessionEvent,
}

impl News {
    /// Whose phone.
    pub(crate) fn leg(&self) -> LegId {
        self.leg
    }

    /// A key was pressed, which is no ending.
    pub(crate) fn is_tone(&self) -> bool {
        matches!(self.event, SessionEvent::Tone(_))
    }
}

/// A phone's leg: which it is, and the session behind it. A value that can move to another call.
pub(crate) struct PhoneLeg {
    leg: LegId,
    line: Line,
    /// Its place among the calls of a trunk, given back with the leg.
    _seat: Option<TrunkSeat>,
    /// The host of the trunk it is behind.
    trunk: Option<String>,
    /// It was asked to call somebody else; whether it said that it will.
    referred: Option<bool>,
}

enum Line {
    /// One phone, from its INVITE on or since it answered ours.
    One { session: Session, device: usize },
    /// Devices that ring; those that have failed are gone.
    Many {
        fork: Fork,
        devices: Vec<Option<Session>>,
    },
    /// Nothing more can be asked of it, and nothing more comes of it.
    Over,
}

impl PhoneLeg {
    /// A phone that calls us. What happens on it is kept until somebody is told.
    pub(super) fn calling(leg: LegId, session: Session, trunk: Option<String>) -> Self {
        Self {
            leg,
            line: Line::One { session, device: 0 },
            _seat: None,
            trunk,
            referred: None,
        }
    }

    /// Devices of one party that we have begun to call.
    pub(super) fn called(leg: LegId, sessions: Vec<Session>, seat: Option<TrunkSeat>) -> Self {
        let line = Line::Many {
            fork: Fork::new(sessions.len()),
            devices: sessions.into_iter().map(Some).collect(),
        };
        Self {
            leg,
            line,
            trunk: seat.as_ref().map(|seat| seat.host().to_owned()),
            _seat: seat,
            referred: None,
        }
    }

    /// From now on this call is told what happens on it, and what has happened unheard.
    pub(crate) fn deliver_to(&self, mailbox: &mpsc::Sender<Message>) {
        match &self.line {
            Line::One { session, device } => deliver(session, self.leg, *device, mailbox),
            Line::Many { devices, .. } => {
                for (device, session) in devices.iter().enumerate() {
                    if let Some(session) = session {
                        deliver(session, self.leg, device, mailbox);
                    }
                }
            }
            Line::Over => {}
        }
    }

    /// What happens on it is kept until somebody is told: it is between two calls.
    pub(crate) fn keep_events(&self) {
        match &self.line {
            Line::One { session, .. } => session.keep_events(),
            Line::Many { devices, .. } => devices.iter().flatten().for_each(Session::keep_events),
            Line::Over => {}
        }
    }

    /// The host of the trunk it is behind.
    pub(super) fn trunk(&self) -> Option<&str> {
        self.trunk.as_deref()
    }

    /// Asks it to call this address instead of us. False when it does not take that from us.
    pub(super) fn refer(&mut self, to: String) -> bool {
        let Line::One { session, .. } = &self.line else {
            return false;
        };
        if self.referred.is_some() || !session.peer_takes_refer() {
            return false;
        }
        self.referred = Some(false);
        session.refer(Refer {
            to: Private::new(to),
            replaces: None,
            referred_by: None,
        });
        true
    }

    /// Turns a caller down before there is a call.
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        if let Line::One { session, .. } = &mut self.line {
            session.refuse(refusal);
        }
        self.line = Line::Over;
    }

    /// Which leg.
    pub(crate) fn leg(&self) -> LegId {
        self.leg
    }

    /// Nothing more can be asked of it, and nothing more comes of it.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.line, Line::Over)
    }

    /// What the news is to the call.
    pub(crate) fn hear(&mut self, news: News) -> Option<Signal> {
        let News { device, event, .. } = news;
        match &mut self.line {
            Line::One { device: ours, .. } if *ours == device => {
                match event {
                    SessionEvent::Ended(_) => self.line = Line::Over,
                    SessionEvent::ReferAccepted => self.referred = Some(true),
                    SessionEvent::Referred { status } => {
                        let is_accepted = self.referred.take()?;
                        return Some(to_engine::referred(is_accepted, status));
                    }
                    _ => {}
                }
                to_engine::signal(event)
            }
            Line::Many { fork, devices } => match event {
                SessionEvent::Ringing { .. } => fork.rings().then_some(Signal::Ringing),
                SessionEvent::Answered { sdp } => self.answered(device, sdp),
                SessionEvent::Ended(ending) => {
                    *devices.get_mut(device)? = None;
                    let why = fork.fails(device, to_engine::failure(&ending))?;
                    Some(self.not_reached(why))
                }
                _ => None,
            },
            // A device that lost the race, or the echo of our own goodbye.
            Line::One { .. } | Line::Over => None,
        }
    }

    fn answered(&mut self, device: usize, sdp: Vec<u8>) -> Option<Signal> {
        let Line::Many { fork, devices } = &mut self.line else {
            return None;
        };
        let mut session = devices.get_mut(device)?.take()?;
        if sdp.is_empty() {
            // It took the call and leaves our offer unanswered (RFC 3264 §4): nobody could be heard.
            session.hang_up(Some("The answer has no session description"));
            let failure = to_engine::no_description();
            let why = fork.fails(device, failure)?;
            return Some(self.not_reached(why));
        }
        for other in devices.iter_mut().flatten() {
            other.answered_elsewhere();
        }
        self.line = Line::One { session, device };
        let answer: Description = to_engine::description(sdp);
        Some(Signal::Answered { answer })
    }

    /// The party was not reached; whatever still rings is told so.
    fn not_reached(&mut self, why: NotReached) -> Signal {
        // Dropped, a session cancels.
        self.line = Line::Over;
        Signal::NotReached(why)
    }

    /// Does what the call asks. Never waits; what comes of it arrives as news.
    pub(crate) fn perform(&mut self, request: SignalRequest) {
        match &mut self.line {
            Line::One { session, .. } => ask(session, &request),
            Line::Many { devices, .. } => {
                // Devices that ring can be given up, and nothing else.
                if let SignalRequest::HangUp { why, .. } = &request {
                    for session in devices.iter_mut().flatten() {
                        session.hang_up(from_engine::reason(*why));
                    }
                }
            }
            Line::Over => {}
        }
        if matches!(
            request,
            SignalRequest::HangUp { .. } | SignalRequest::TurnDown { .. }
        ) {
            self.line = Line::Over;
        }
    }
}

fn ask(session: &mut Session, request: &SignalRequest) {
    match request {
        SignalRequest::Ring { .. } => session.ring(),
        SignalRequest::Answer { description, .. } => {
            session.answer(description.as_str().as_bytes().to_vec());
        }
        SignalRequest::TurnDown { why, .. } => session.refuse(from_engine::refusal(*why)),
        SignalRequest::HangUp { why, .. } => session.hang_up(from_engine::reason(*why)),
        SignalRequest::AcceptOffer { description, .. } => {
            session.accept_offer(description.as_str().as_bytes().to_vec());
        }
        SignalRequest::RefuseOffer { why, .. } => {
            let pending = || Refusal::new(491);
            session.refuse_offer(why.map_or_else(pending, from_engine::not_acceptable));
        }
        // A leg that exists is not called again, and nobody is transferred yet.
        SignalRequest::Call { .. } | SignalRequest::Refer { .. } => {}
    }
}

/// Has the session tell the call what happens on it. Runs inside the session's task, so it never
/// waits.
fn deliver(session: &Session, leg: LegId, device: usize, mailbox: &mpsc::Sender<Message>) {
    let mailbox = mailbox.clone();
    session.deliver_to(move |event| {
        calls::post(&mailbox, Message::Phone(News { leg, device, event }));
    });
}
