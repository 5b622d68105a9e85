//! Many calls at once, cheaply, with a ledger of each: the load generator of the benchmark.
//!
//! Calls begin at an even pace, stay up for a while and are hung up. All share the phone's tick
//! threads; nobody listens to what is heard, only packets are counted.

use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use offhook_media::{Clip, Codec, Direction, MediaCommand, MediaEvent, Repeat};
use offhook_sip::{Session, SessionEvent};
use offhook_terms::{OperationId, Tone};
use serde::Serialize;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, MissedTickBehavior, timeout};

use crate::limits;
use crate::phone::{Dial, DialError, Phone, Seat};
use crate::report::Packets;

/// The calls to make.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Whom to call.
    pub to: String,
    /// How many calls in all.
    pub calls: usize,
    /// How many begin each second.
    pub per_second: f64,
    /// How long each stays up after its answer.
    pub lasts: Duration,
    /// What each plays, over and over; silence when nothing.
    pub plays: Option<Clip>,
    /// Keys each presses once, in its middle.
    pub presses: Vec<Tone>,
    /// Whether audio flows at all; without, only signalling is measured and no audio port is
    /// opened.
    pub media: bool,
    /// Calls that may exist at once. A call whose turn comes when there are more waits.
    pub at_once_max: usize,
    /// How long a call waits for its answer.
    pub patience: Duration,
}

impl Plan {
    /// So many calls to that address, ten a second, ten seconds each, silent.
    pub fn new(to: impl Into<String>, calls: usize) -> Self {
        Self {
            to: to.into(),
            calls,
            per_second: 10.0,
            lasts: Duration::from_secs(10),
            plays: None,
            presses: Vec::new(),
            media: true,
            at_once_max: 5_000,
            patience: Duration::from_secs(40),
        }
    }
}

/// How one call went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Why it failed; `None` when it was answered and ended as planned.
    pub failed: Option<String>,
    /// From INVITE to the answer, in microseconds.
    pub answered_us: Option<u64>,
    /// Its packets.
    pub packets: Packets,
}

/// How all calls went.
#[derive(Debug, Clone, Serialize)]
pub struct Ledger {
    /// Each call, in the order they ended.
    pub calls: Vec<Entry>,
    /// From the first INVITE to the last end.
    pub took_ms: u64,
    /// The pace that was kept, in calls begun each second.
    pub per_second: f64,
    /// INVITEs, ACKs or BYEs that had to be sent again.
    pub retransmissions: u64,
    /// How far the time between two packets of a call was from 20 ms, in microseconds.
    pub deviation: DeviationUs,
    /// What went over the sockets, as the tick threads counted it.
    pub wire: Wire,
}

/// Datagrams that went over the audio sockets: this side of a two-sided ledger.
///
/// Each caller stops to talk a moment before it hangs up and listens a moment longer, so that
/// nothing is on its way when either side stops to count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Wire {
    /// Sent.
    pub sent: u64,
    /// Received.
    pub received: u64,
    /// Not taken by the network.
    pub unsent: u64,
}

/// Quantiles of the send-time deviation, in microseconds, rounded up to the bounds of its buckets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct DeviationUs {
    /// Half of the packets were this regular or better.
    pub p50: u64,
    /// 99 of 100 were.
    pub p99: u64,
    /// All were.
    pub max: u64,
}

impl Ledger {
    /// Calls that failed.
    pub fn failed(&self) -> usize {
        self.calls
            .iter()
            .filter(|call| call.failed.is_some())
            .count()
    }

    /// The sum of all packets.
    pub fn packets(&self) -> Packets {
        self.calls
            .iter()
            .fold(Packets::default(), |sum, call| Packets {
                sent: sum.sent + call.packets.sent,
                received: sum.received + call.packets.received,
                lost: sum.lost + call.packets.lost,
                duplicated: sum.duplicated + call.packets.duplicated,
                late: sum.late + call.packets.late,
            })
    }

    /// The time from INVITE to answer that this share (0 to 1) of the answered calls kept.
    pub fn answered_us(&self, share: f64) -> Option<u64> {
        let mut times: Vec<u64> = self
            .calls
            .iter()
            .filter_map(|call| call.answered_us)
            .collect();
        times.sort_unstable();
        let at = ((times.len() as f64 * share).ceil() as usize).clamp(1, times.len().max(1)) - 1;
        times.get(at).copied()
    }
}

/// Makes the calls of a plan and waits until the last has ended.
pub async fn run(phone: Arc<Phone>, plan: Plan) -> Ledger {
    let began = Instant::now();
    let plan = Arc::new(plan);
    let places = Arc::new(Semaphore::new(plan.at_once_max.max(1)));
    let (done, mut ended) = mpsc::channel(1_024);
    let resent_before = phone.sip_counters().retransmissions;
    let before = phone.media_counters();
    // Whoever calls without audio still names a place for it.
    let hole = (!plan.media).then(|| hole(&phone)).transpose();
    let silent = match &hole {
        Ok(Some(hole)) => silent_offer(hole),
        _ => None,
    };
    let silent = Arc::new(silent.unwrap_or_default());
    // Calls begin in small groups: a timer for each call would cost more than the call.
    let period = Duration::from_millis(2);
    let maker = tokio::spawn({
        let (plan, phone) = (Arc::clone(&plan), Arc::clone(&phone));
        let silent = Arc::clone(&silent);
        async move {
            let mut beat = tokio::time::interval(period);
            beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut begun = 0;
            while begun < plan.calls {
                beat.tick().await;
                let due = (began.elapsed().as_secs_f64() * plan.per_second) as usize + 1;
                while begun < due.min(plan.calls) {
                    let place = Arc::clone(&places).acquire_owned().await;
                    let place = place.expect("nobody closes the places");
                    let (phone, plan, done) = (Arc::clone(&phone), Arc::clone(&plan), done.clone());
                    let silent = Arc::clone(&silent);
                    tokio::spawn(async move {
                        let entry = one(&phone, &plan, &silent).await;
                        drop(place);
                        let _ = done.send(entry).await;
                    });
                    begun += 1;
                }
            }
            began.elapsed()
        }
    });
    let mut calls = Vec::with_capacity(plan.calls);
    while let Some(entry) = ended.recv().await {
        calls.push(entry);
    }
    let took = began.elapsed();
    let pace = maker.await.unwrap_or(took);
    let after = phone.media_counters();
    let deviation = after.deviation;
    Ledger {
        wire: Wire {
            sent: after.packets_sent - before.packets_sent,
            received: after.packets_received - before.packets_received,
            unsent: after.packets_unsent - before.packets_unsent,
        },
        per_second: calls.len() as f64 / pace.as_secs_f64().max(0.001),
        calls,
        took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        retransmissions: phone.sip_counters().retransmissions - resent_before,
        deviation: DeviationUs {
            p50: deviation.quantile_us(0.50),
            p99: deviation.quantile_us(0.99),
            max: deviation.max_us,
        },
    }
}

async fn one(phone: &Phone, plan: &Plan, silent: &str) -> Entry {
    let mut entry = Entry {
        failed: None,
        answered_us: None,
        packets: Packets::default(),
    };
    if let Err(error) = call(phone, plan, silent, &mut entry).await {
        entry.failed = Some(error.to_string());
    }
    entry
}

async fn call(
    phone: &Phone,
    plan: &Plan,
    silent: &str,
    entry: &mut Entry,
) -> Result<(), DialError> {
    let began = Instant::now();
    let port = plan
        .media
        .then(|| phone.media.threads.prepare_port())
        .transpose()?;
    let mut describe = port
        .as_ref()
        .map(|port| port.describe().with_codecs(&[Codec::Pcmu]));
    let offer = match &mut describe {
        Some(describe) => describe.offer(),
        None => silent.to_owned(),
    };
    let dial = Dial::new(plan.to.clone());
    let mut session = phone.endpoint().call(phone.outgoing(&dial, offer))?;
    let mut events = session.events();
    let answer = timeout(plan.patience, answered(&mut events)).await;
    let sdp = answer.map_err(|_| DialError::Unanswered)??;
    entry.answered_us = Some(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX));
    let mut agreed = None;
    let seat = match (port, describe) {
        (Some(port), Some(describe)) => {
            let both = describe.accept(&String::from_utf8_lossy(&sdp))?;
            agreed = Some(both);
            Some(phone.media.open(port, both)?)
        }
        _ => None,
    };
    if let (Some(seat), Some(clip)) = (&seat, &plan.plays) {
        seat.send(MediaCommand::Play {
            operation: OperationId::from_random(rand::random()),
            clips: vec![clip.clone()],
            repeat: Repeat::UntilStopped,
        })?;
    }
    let mut early_end = stay(plan, &seat, &mut events).await;
    if let (Ok(()), Some(seat), Some(mut quiet)) = (&early_end, &seat, agreed) {
        quiet.direction = Direction::RecvOnly;
        seat.send(MediaCommand::agree(quiet))?;
        early_end = until_ended(limits::LAST_PACKETS, &mut events).await;
    }
    leave(&mut session, &mut events, early_end.is_err()).await;
    if let Some(mut seat) = seat {
        tokio::time::sleep(limits::LAST_PACKETS).await;
        seat.close();
        entry.packets = packets(&mut seat).await;
    }
    early_end
}

async fn answered(events: &mut mpsc::Receiver<SessionEvent>) -> Result<Vec<u8>, DialError> {
    loop {
        match events.recv().await.ok_or(DialError::Stopped)? {
            SessionEvent::Answered { sdp } => return Ok(sdp),
            SessionEvent::Ended(ending) => return Err(DialError::ended(ending)),
            _ => {}
        }
    }
}

/// Stays in the call for as long as planned.
async fn stay(
    plan: &Plan,
    seat: &Option<Seat>,
    events: &mut mpsc::Receiver<SessionEvent>,
) -> Result<(), DialError> {
    let mut rest = plan.lasts;
    if let (Some(seat), false) = (seat, plan.presses.is_empty()) {
        let half = rest / 2;
        until_ended(half, events).await?;
        rest -= half;
        seat.send(MediaCommand::SendTones {
            operation: OperationId::from_random(rand::random()),
            tones: plan.presses.clone(),
            press: Duration::from_millis(100),
            gap: Duration::from_millis(100),
        })?;
    }
    until_ended(rest, events).await
}

/// Waits; an ending before its time is an error.
async fn until_ended(
    wait: Duration,
    events: &mut mpsc::Receiver<SessionEvent>,
) -> Result<(), DialError> {
    let until = Instant::now() + wait;
    loop {
        match tokio::time::timeout_at(until, events.recv()).await {
            Err(_) => return Ok(()),
            Ok(Some(SessionEvent::Ended(ending))) => return Err(DialError::ended(ending)),
            Ok(Some(_)) => {}
            Ok(None) => return Err(DialError::Stopped),
        }
    }
}

async fn leave(session: &mut Session, events: &mut mpsc::Receiver<SessionEvent>, over: bool) {
    if over {
        return;
    }
    session.hang_up(None);
    let ended =
        async { while !matches!(events.recv().await, Some(SessionEvent::Ended(_)) | None) {} };
    let _ = timeout(limits::CLOSING, ended).await;
}

async fn packets(seat: &mut Seat) -> Packets {
    let closed = async {
        loop {
            match seat.events.recv().await {
                Some(MediaEvent::Closed(statistics)) => return statistics.into(),
                Some(_) => {}
                None => return Packets::default(),
            }
        }
    };
    timeout(limits::CLOSING, closed).await.unwrap_or_default()
}

/// A socket nobody reads. Audio sent to it is dropped by the kernel when its queue is full, where
/// a closed port would answer each packet with an error no real phone sends.
fn hole(phone: &Phone) -> std::io::Result<UdpSocket> {
    UdpSocket::bind((phone.local_addr().ip(), 0))
}

fn silent_offer(hole: &UdpSocket) -> Option<String> {
    let at = hole.local_addr().ok()?;
    let (address, port) = (at.ip(), at.port());
    let kind = if address.is_ipv6() { "IP6" } else { "IP4" };
    Some(format!(
        "v=0\r\no=- 1 1 IN {kind} {address}\r\ns=-\r\nc=IN {kind} {address}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\n"
    ))
}
