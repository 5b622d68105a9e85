//! One party's SIP session: what may be asked of it, and what it reports.
//!
//! A [`Session`] is a handle; the dialog behind it is one light task. Orders are accepted at
//! once and never wait; what comes of them arrives as [`SessionEvent`]s at the place the session
//! was told to deliver to. The handle is a plain value: it moves to another call together with
//! its events ([`Session::deliver_to`]).
//!
//! ```text
//!   they call:  Incoming ─ ring ─▶ answer ─▶ Confirmed ─▶ … Reoffered/accept_offer … ─▶ Ended
//!   we call:    Endpoint::call ─▶ Ringing ─▶ Answered ─▶ … reinvite/Reanswered …     ─▶ Ended
//! ```
//!
//! Every session ends with exactly one [`SessionEvent::Ended`], and nothing comes after it.

use std::sync::Arc;

use offhook_terms::{Private, Tone};
use tokio::sync::mpsc;

use crate::facts::{DialogId, Facts};
use crate::{Party, limits};

mod calling;
mod changes;
mod inward;
mod out;
mod reliable;
mod run;
mod transfer;

pub(crate) use calling::Outgoing;
pub(crate) use inward::{Inward, Order, Outcome};
pub(crate) use run::{Opening, SessionTask};

/// Something that happened in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionEvent {
    /// The called party is being alerted, or sends audio before answering (`sdp`).
    Ringing {
        /// 180, 183 or another provisional status.
        status: u16,
        /// A session description sent early, unopened.
        sdp: Option<Vec<u8>>,
    },
    /// The called party answered. Already acknowledged.
    Answered {
        /// Their answer to our offer, unopened; empty when they sent none.
        sdp: Vec<u8>,
    },
    /// Our answer has been acknowledged.
    Confirmed {
        /// Their answer, when the offer was ours.
        sdp: Option<Vec<u8>>,
    },
    /// They want to change the session: hold, resume, new address. Answer with
    /// [`Session::accept_offer`] or [`Session::refuse_offer`].
    Reoffered {
        /// Their offer; `None` asks us to make one, whose answer comes with
        /// [`SessionEvent::Confirmed`].
        sdp: Option<Vec<u8>>,
    },
    /// They accepted our [`Session::reinvite`], or answered the offer of our
    /// [`Session::progress`] before we answered their call.
    Reanswered {
        /// Their answer.
        sdp: Vec<u8>,
    },
    /// They refused our [`Session::reinvite`]; the session goes on as it was.
    ReofferRefused {
        /// The status of the refusal.
        status: u16,
    },
    /// A key was pressed, sent as SIP INFO.
    Tone(Tone),
    /// They will try what [`Session::refer`] asked for.
    ReferAccepted,
    /// How the call they were [asked](Session::refer) to make goes on.
    ReferProgress {
        /// Its last provisional status.
        status: u16,
    },
    /// What came of [`Session::refer`]: once for each, unless the session ends first.
    Referred {
        /// 200 to 299: they talk to the other party now, or (202) will not tell. Otherwise the status
        /// of the call they made, or why they made none; 408 when nothing was heard.
        status: u16,
    },
    /// They ask to be connected to somebody else; answer with [`Session::report_refer`] or
    /// [`Session::refuse_refer`]. Only with [`Config::transfers`](crate::Config::transfers).
    ReferRequested(Box<ReferRequest>),
    /// The session is over. Exactly one of these, and nothing after it.
    Ended(Ending),
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// They refused our call.
    Refused {
        /// The SIP status, 300 to 699.
        status: u16,
        /// The reason phrase, or the text of a `Reason` header where there is one.
        reason: String,
    },
    /// They gave up before we answered.
    Cancelled,
    /// They hung up.
    HungUp {
        /// The `Reason` header, if they gave one.
        reason: Option<String>,
    },
    /// It broke off.
    Lost(Loss),
    /// We ended it: refused, hung up, dropped or shut down.
    Closed,
}

/// Why a session broke off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loss {
    /// Our answer was never acknowledged (64·T1).
    Unacknowledged,
    /// The session timer ran out (RFC 4028).
    SessionExpired,
    /// The peer could not be reached.
    Transport,
    /// The peer said nothing for 64·T1.
    Timeout,
    /// The host of the address we called has no address.
    NoSuchHost,
}

impl std::fmt::Display for Loss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unacknowledged => "the answer was never acknowledged",
            Self::SessionExpired => "the session timer ran out",
            Self::Transport => "the peer could not be reached",
            Self::Timeout => "the peer did not respond",
            Self::NoSuchHost => "the host of the address cannot be found",
        })
    }
}

/// Somebody to call instead of us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refer {
    /// Whom: a `sip:` address; for a party of another session its
    /// [contact](Session::peer_contact).
    pub to: Private<String>,
    /// The call whose place is to be taken there: the [dialog](Session::dialog) of another session
    /// with that party, whose [`Session::peer_takes_replaces`] should be true.
    pub replaces: Option<DialogId>,
    /// On whose behalf (RFC 3892): a `sip:` address.
    pub referred_by: Option<Private<String>>,
}

/// What a phone asks for when somebody presses its transfer key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferRequest {
    /// To whom it wants the other party connected; a `tel:` address has no host.
    pub to: Party,
    /// One of our own sessions with that party, by its [id](Session::id): the phone has talked to
    /// them already, and the two calls are to become one.
    pub replaces: Option<u64>,
    /// The same, where the other call does not pass through here: the value of a `Replaces` header
    /// for the call to [`Self::to`].
    pub replaces_elsewhere: Option<Private<String>>,
    /// On whose behalf, as the phone says.
    pub referred_by: Option<Private<String>>,
}

/// A refusal in SIP's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// 300 to 699; anything else is sent as 500.
    pub status: u16,
    /// The reason phrase; the status's own when empty.
    pub phrase: String,
    /// The text of a `Reason` header, for people reading a trace.
    pub reason: Option<String>,
    /// Seconds after which trying again makes sense.
    pub retry_after: Option<u32>,
    /// The code (301 to 399) and the text of a `Warning` header (RFC 3261 §20.43).
    pub warning: Option<(u16, String)>,
}

impl Refusal {
    /// A refusal with the status's own phrase.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self {
            status,
            phrase: String::new(),
            reason: None,
            retry_after: None,
            warning: None,
        }
    }

    /// Says why in a `Reason` header.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Says what is wrong with a description in a `Warning` header.
    #[must_use]
    pub fn warning(mut self, code: u16, text: impl Into<String>) -> Self {
        self.warning = Some((code, text.into()));
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

/// Where a session's events go. It runs inside the session's task: it must not block, and it
/// must find a place for an [`SessionEvent::Ended`] whatever happens.
pub(crate) type Sink = Box<dyn FnMut(SessionEvent) + Send>;

/// One party's SIP session. Dropping it ends the session as politely as its phase allows: 480
/// while it rings, CANCEL while we call, BYE once it is up.
#[derive(Debug)]
pub struct Session {
    orders: mpsc::Sender<Inward>,
    /// The reserved place of our goodbye, so that ending a session cannot fail for want of room.
    farewell: Option<mpsc::OwnedPermit<Inward>>,
    facts: Arc<Facts>,
    id: u64,
}

impl Session {
    pub(crate) fn new(orders: mpsc::Sender<Inward>, facts: Arc<Facts>, id: u64) -> Self {
        let farewell = orders.clone().try_reserve_owned().ok();
        debug_assert!(farewell.is_some(), "a fresh inbox has room");
        Self {
            orders,
            farewell,
            facts,
            id,
        }
    }

    /// A number that tells this session from others in a log. It says nothing about the parties.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The dialog's name, for a call that shall take its place; `None` while a call of ours has not
    /// been responded to by anybody.
    #[must_use]
    pub fn dialog(&self) -> Option<DialogId> {
        self.facts.get(|known| known.id.clone())
    }

    /// Where the other end says it is (its `Contact`): the address to refer somebody else to.
    #[must_use]
    pub fn peer_contact(&self) -> Option<Private<String>> {
        self.facts.get(|known| known.contact.clone())
    }

    /// Whether the other end says it takes REFER (its `Allow`). False until it has said so.
    #[must_use]
    pub fn peer_takes_refer(&self) -> bool {
        self.facts.get(|known| known.takes_refer)
    }

    /// Whether the other end says it takes calls that replace this one (`Supported: replaces`).
    #[must_use]
    pub fn peer_takes_replaces(&self) -> bool {
        self.facts.get(|known| known.takes_replaces)
    }

    /// Sends this session's events there from now on, oldest first, including those that nobody
    /// has received yet. `sink` runs inside the session's task: it must not block.
    pub fn deliver_to(&self, sink: impl FnMut(SessionEvent) + Send + 'static) {
        self.order(Order::Deliver(Some(Box::new(sink))));
    }

    /// Keeps events until [`Session::deliver_to`] says where they go: for the moment in which a
    /// session moves from one call to another. Bounded; tones give way first.
    pub fn keep_events(&self) {
        self.order(Order::Deliver(None));
    }

    /// Sends this session's events to a channel of its own, for those who wait on one session.
    pub fn events(&self) -> mpsc::Receiver<SessionEvent> {
        let (sender, receiver) = mpsc::channel(limits::EVENTS);
        self.deliver_to(move |event| {
            let crowded = sender.capacity() <= limits::EVENTS_FOR_ENDINGS;
            if !(crowded && matches!(event, SessionEvent::Tone(_))) {
                // A receiver that is gone, or so far behind that even the reserve is used up,
                // has stopped listening.
                let _ = sender.try_send(event);
            }
        });
        receiver
    }

    /// Tells the caller that we are alerting somebody (180).
    pub fn ring(&self) {
        self.order(Order::Ring {
            status: 180,
            sdp: None,
        });
    }

    /// Lets the caller hear us before we answer (183): with our answer, or with our offer to a
    /// caller who made none and acknowledges what rings (RFC 3262). A description that went out
    /// and must arrive is the one that counts: [`Session::answer`] no longer changes it.
    pub fn progress(&self, sdp: Vec<u8>) {
        self.order(Order::Ring {
            status: 183,
            sdp: Some(sdp),
        });
    }

    /// Answers: with our answer when they made an offer, with our offer when they did not.
    pub fn answer(&self, sdp: Vec<u8>) {
        self.order(Order::Answer(sdp));
    }

    /// Refuses a call that is not answered yet; afterwards it hangs up.
    pub fn refuse(&mut self, refusal: Refusal) {
        self.leave(Order::Refuse(refusal));
    }

    /// Answers a [`SessionEvent::Reoffered`].
    pub fn accept_offer(&self, sdp: Vec<u8>) {
        self.order(Order::AcceptOffer(sdp));
    }

    /// Refuses a [`SessionEvent::Reoffered`]; 488 says that the description is the trouble.
    pub fn refuse_offer(&self, refusal: Refusal) {
        self.order(Order::RefuseOffer(refusal));
    }

    /// Offers a change: hold, resume. Before the call is answered this is an UPDATE, and waits until
    /// both ends have described themselves reliably and the peer takes it. The outcome is [`SessionEvent::Reanswered`] or
    /// [`SessionEvent::ReofferRefused`].
    pub fn reinvite(&self, offer: Vec<u8>) {
        self.order(Order::Reinvite(offer));
    }

    /// Presses a key by SIP INFO (`application/dtmf-relay`).
    pub fn send_tone(&self, tone: Tone, held_ms: u16) {
        self.order(Order::Tone(tone, held_ms));
    }

    /// Asks the other end to call somebody else, where [`Session::peer_takes_refer`]. The session goes
    /// on; [`SessionEvent::Referred`] tells what came of it, and it is for its owner to hang up then.
    pub fn refer(&self, refer: Refer) {
        self.order(Order::Refer(refer));
    }

    /// Answers a [`SessionEvent::ReferRequested`]: 100 takes it on, 180 says that it rings there, 200
    /// that it is done, 300 and above that it failed. A final one is the last.
    pub fn report_refer(&self, status: u16) {
        self.order(Order::ReportRefer(status.clamp(100, 699)));
    }

    /// Refuses a [`SessionEvent::ReferRequested`] that was not taken on; 603 says that we do not want
    /// to.
    pub fn refuse_refer(&self, status: u16) {
        self.order(Order::RefuseRefer(status));
    }

    /// Ends a call of ours because another phone answered it first. The phone is told so and shows
    /// no missed call; once this one is answered, it hangs up.
    pub fn answered_elsewhere(&mut self) {
        self.leave(Order::Elsewhere);
    }

    /// Ends the session; a reason goes out in a `Reason` header.
    pub fn hang_up(&mut self, reason: Option<&str>) {
        self.leave(Order::HangUp(
            reason.map(|text| Private::new(text.to_owned())),
        ));
    }

    fn order(&self, order: Order) {
        if self.orders.try_send(Inward::Order(order)).is_err() {
            // Either the session is over, which its owner is about to hear, or its inbox is full
            // of its peer's requests; the goodbye keeps its own place.
            tracing::debug!(session = self.id, "an order to a session found no room");
        }
    }

    fn leave(&mut self, order: Order) {
        if let Some(permit) = self.farewell.take() {
            permit.send(Inward::Order(order));
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.leave(Order::HangUp(None));
    }
}
