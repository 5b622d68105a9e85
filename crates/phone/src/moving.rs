//! A call that goes on with somebody else: sent there by REFER, or taken over by `Replaces`.
//!
//! ```text
//! REFER from them   ─▶ a second call of ours ─ answered ─▶ it takes the first one's place
//! INVITE with Replaces naming this call ─ answered ─▶ it takes this one's place
//! ```
//!
//! Until then the call goes on as it was; what fails leaves it so.

use offhook_media::threads::PreparedPort;
use offhook_media::{Agreed, MediaCommand, RecordPlan, recording, sdp};
use offhook_sip::{Ending, Incoming, OutgoingCall, ReferRequest, Refusal, Session, SessionEvent};
use offhook_terms::Private;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::call::{Call, operation};
use crate::limits;

/// The call that may take this one's place.
#[derive(Debug)]
pub(crate) struct Moving {
    session: Session,
    pub(crate) events: mpsc::Receiver<SessionEvent>,
    describe: sdp::Session,
    port: PreparedPort,
    /// What was agreed on already, when they made the offer.
    agreed: Option<Agreed>,
    /// It was asked for by the other side, which wants to hear of it.
    referred: bool,
}

impl Call {
    /// They ask us to call somebody else. A good phone does.
    pub(crate) fn follow(&mut self, asked: ReferRequest) {
        let status = match &self.moving {
            Some(_) => 491,
            None => match self.follow_to(asked) {
                Ok(moving) => {
                    self.moving = Some(moving);
                    return self.session.report_refer(100);
                }
                Err(status) => status,
            },
        };
        self.session.refuse_refer(status);
    }

    fn follow_to(&self, asked: ReferRequest) -> Result<Moving, u16> {
        let line = &self.line;
        let port = line.media.threads.prepare_port().map_err(|_| 503u16)?;
        let mut describe = self.line.describe(&port);
        let offer = describe.offer().into_bytes();
        let mut call = OutgoingCall::new(asked.to.uri.reveal(), &line.address, offer);
        call.transport = line.transport;
        call.credentials = line.credentials.clone();
        if let Some(replaces) = asked.replaces_elsewhere {
            call.headers.push(("Replaces".to_owned(), replaces));
        }
        if let Some(by) = asked.referred_by {
            let by = Private::new(format!("<{}>", by.reveal()));
            call.headers.push(("Referred-By".to_owned(), by));
        }
        let session = line.endpoint.call(call).map_err(|_| 503u16)?;
        Ok(Moving {
            events: session.events(),
            session,
            describe,
            port,
            agreed: None,
            referred: true,
        })
    }

    /// A call that names this one wants its place (RFC 3891).
    pub(crate) fn give_way(&mut self, incoming: Incoming) {
        let Incoming {
            offer, mut session, ..
        } = incoming;
        let Ok(port) = self.line.media.threads.prepare_port() else {
            return session.refuse(Refusal::new(503));
        };
        if self.moving.is_some() {
            return session.refuse(Refusal::new(486));
        }
        let mut describe = self.line.describe(&port);
        let events = session.events();
        let agreed = match offer {
            None => {
                session.answer(describe.offer().into_bytes());
                None
            }
            Some(offer) => match describe.answer(&String::from_utf8_lossy(&offer)) {
                Ok((answer, agreed)) => {
                    session.answer(answer.into_bytes());
                    Some(agreed)
                }
                Err(refusal) => {
                    return session.refuse(Refusal::new(488).because(refusal.to_string()));
                }
            },
        };
        self.moving = Some(Moving {
            session,
            events,
            describe,
            port,
            agreed,
            referred: false,
        });
    }

    /// News of the call that may take this one's place.
    pub(crate) fn on_moving(&mut self, event: Option<SessionEvent>) {
        let Some(mut moving) = self.moving.take() else {
            return;
        };
        let told = match event {
            Some(SessionEvent::Ringing { status, .. }) => {
                if moving.referred {
                    self.session.report_refer(status);
                }
                None
            }
            Some(SessionEvent::Answered { sdp }) => Some(sdp),
            Some(SessionEvent::Confirmed { sdp }) => Some(sdp.unwrap_or_default()),
            Some(SessionEvent::Ended(ending)) => {
                let status = match ending {
                    Ending::Refused { status, .. } => status,
                    Ending::Lost(_) => 408,
                    _ => 487,
                };
                return self.failed(&moving, status);
            }
            Some(_) => None,
            None => return self.failed(&moving, 500),
        };
        let Some(sdp) = told else {
            self.moving = Some(moving);
            return;
        };
        let agreed = match moving.agreed.take() {
            Some(agreed) => Ok(agreed),
            None => moving.describe.accept(&String::from_utf8_lossy(&sdp)),
        };
        match agreed {
            Ok(agreed) => self.go_over(moving, agreed),
            Err(refusal) => {
                moving.session.hang_up(Some(&refusal.to_string()));
                self.failed(&moving, 488);
            }
        }
    }

    fn failed(&self, moving: &Moving, status: u16) {
        if moving.referred {
            self.session.report_refer(status);
        }
    }

    /// The new call takes the old one's place: its session, its audio, and what is heard from now.
    fn go_over(&mut self, moving: Moving, agreed: Agreed) {
        let Moving {
            session,
            events,
            describe,
            port,
            referred,
            ..
        } = moving;
        let (feed, tap) = recording();
        let seat = match self.line.media.open(port, agreed) {
            Ok(seat) => seat,
            Err(_) => {
                if referred {
                    self.session.report_refer(500);
                }
                return;
            }
        };
        let _ = seat.send(MediaCommand::Record {
            operation: operation(),
            plan: RecordPlan::default(),
            feed,
        });
        self.listen();
        self.line.lines.leave(self.session.id());
        self.line
            .lines
            .enter(session.id(), self.takeovers.0.clone());
        let mut old = std::mem::replace(&mut self.session, session);
        let mut last = std::mem::replace(&mut self.events, events);
        self.describe = describe;
        self.codec = agreed.codec;
        self.tap = tap;
        // What was being played is over; whoever waits for it hears so.
        if let Some(waiting) = self.waiting_for.take() {
            let moved = "the call went on with somebody else".to_owned();
            self.finished.push((waiting, Err(moved)));
        }
        self.seat = seat;
        self.moved += 1;
        if let Some(clip) = self.playing_on.take() {
            let _ = self.play_on(clip);
        }
        if !referred {
            return old.hang_up(None);
        }
        old.report_refer(200);
        // Whoever sent us hangs up when it has heard; if it does not, we do.
        tokio::spawn(async move {
            let ended = async {
                while !matches!(last.recv().await, Some(SessionEvent::Ended(_)) | None) {}
            };
            if timeout(limits::CLOSING, ended).await.is_err() {
                old.hang_up(None);
            }
        });
    }
}
