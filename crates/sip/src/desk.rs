//! The front desk: looks at every request once, answers what needs no decision, and passes the
//! rest to the session it belongs to or to the platform.
//!
//! ```text
//! malformed → 400/505 · in a dialog → its session, or 481 · CANCEL → 200 and the session
//! OPTIONS → 200 · REGISTER → registrar · INVITE → checks, proof of identity, a new session
//! ```

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use offhook_terms::Private;
use sipx_sip::headers::{From, MaxForwards, PAssertedIdentityList, Require, To};
use sipx_sip::session::Answer;
use sipx_sip::{Finding, HeaderName, Method, Request, Scheme, TransactionKey, validate_request};
use sipx_transport::{Incoming as Inbound, Target};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::counters::count;
use crate::dialog::Dialog;
use crate::digest::{Desk, Verdict};
use crate::endpoint::Office;
use crate::facts::{DialogId, Facts, Stage};
use crate::party::host_of;
use crate::registrar;
use crate::reply::{Reply, SDP, parse_tag};
use crate::session::{Inward, Opening, Session, SessionTask};
use crate::{Arrival, Callers, Incoming, Party, Transport, limits, resolve, timer};

/// Serves until the endpoint is shut down.
pub(crate) async fn run(
    office: Arc<Office>,
    mut requests: mpsc::Receiver<Inbound>,
    arrivals: mpsc::Sender<Arrival>,
) {
    while let Some(inbound) = requests.recv().await {
        receive(&office, inbound, &arrivals).await;
    }
}

async fn receive(office: &Arc<Office>, mut inbound: Inbound, arrivals: &mpsc::Sender<Arrival>) {
    inbound.source = resolve::plain(inbound.source);
    let request = &inbound.request;
    let fault = fault(request);
    if request.method == Method::Ack {
        // Nothing answers an ACK; one that means nothing is ignored.
        if fault.is_none() {
            to_session(office, inbound).await;
        }
        return;
    }
    if let Some(status) = fault {
        return refuse(office, &inbound, Reply::to(request, status)).await;
    }
    let to = request.headers.typed::<To>().and_then(Result::ok);
    if request.method == Method::Cancel {
        return cancel(office, inbound).await;
    }
    if to.is_some_and(|to| to.tag().is_some()) {
        return to_session(office, inbound).await;
    }
    if let Some(reply) = unacceptable(office, &inbound) {
        return refuse(office, &inbound, reply).await;
    }
    match &request.method {
        Method::Invite => invite(office, inbound, arrivals).await,
        Method::Register => register(office, inbound, arrivals).await,
        Method::Options => {
            let draining = office.draining.load(Ordering::Relaxed);
            let reply = Reply::to(request, if draining { 503 } else { 200 })
                .map(|reply| capable(office, reply.tagged(rand::random())));
            office.respond(&inbound.key, reply).await;
        }
        // Nothing outside a dialog can be ended or changed.
        Method::Bye | Method::Update | Method::Info | Method::Prack | Method::Notify => {
            refuse(office, &inbound, Reply::to(request, 481)).await;
        }
        method => {
            let status = if matches!(method, Method::Other(_)) {
                501
            } else {
                405
            };
            let reply =
                Reply::to(request, status).map(|r| r.with(HeaderName::Allow, office.allow()));
            refuse(office, &inbound, reply).await;
        }
    }
}

/// The status a request deserves that nobody may act on.
fn fault(request: &Request) -> Option<u16> {
    let findings = validate_request(request);
    let status = |finding: &Finding| (!finding.is_repairable()).then(|| finding.status());
    // Another version says nothing reliable about the rest, so it is told first.
    findings.iter().filter_map(status).max()
}

/// Why a request outside a dialog cannot be served whatever it asks.
fn unacceptable(office: &Office, inbound: &Inbound) -> Option<Option<Reply>> {
    let (request, transport) = (&inbound.request, Transport::of(inbound.transport));
    let headers = &request.headers;
    if matches!(headers.typed::<MaxForwards>(), Some(Ok(MaxForwards(0)))) {
        return Some(Reply::to(request, 483));
    }
    let understood = match request.uri.scheme() {
        Scheme::Sip | Scheme::Tel => true,
        // What insists on TLS and came without it has lost it on the way.
        Scheme::Sips => transport == Transport::Tls,
        _ => false,
    };
    if !understood {
        return Some(Reply::to(request, 416));
    }
    let mut unknown = Vec::new();
    for list in headers.typed_all::<Require>() {
        let Ok(list) = list else {
            return Some(Reply::to(request, 400));
        };
        let is_known = |tag: &[u8]| {
            tag.eq_ignore_ascii_case(b"timer")
                || (tag.eq_ignore_ascii_case(b"path") && request.method == Method::Register)
                || (tag.eq_ignore_ascii_case(b"100rel") && office.config.reliable)
                || (tag.eq_ignore_ascii_case(b"replaces") && office.config.transfers)
        };
        unknown.extend(list.0.0.iter().filter(|tag| !is_known(tag)).cloned());
    }
    if unknown.is_empty() {
        return None;
    }
    let reply = Reply::to(request, 420)
        .map(|reply| reply.with(HeaderName::Unsupported, unknown.join(&b", "[..])));
    Some(reply)
}

/// Answers with an error and counts it.
async fn refuse(office: &Office, inbound: &Inbound, reply: Option<Reply>) {
    count(&office.tally.refused);
    let reply = reply.map(|reply| reply.tagged(rand::random()));
    office.respond(&inbound.key, reply).await;
}

/// What OPTIONS tells about us (RFC 3261 §11.2).
fn capable(office: &Office, reply: Reply) -> Reply {
    reply
        .with(HeaderName::Allow, office.allow())
        .with(HeaderName::Accept, SDP)
        .with(HeaderName::Supported, office.supported(true))
}

async fn to_session(office: &Office, inbound: Inbound) {
    let to = inbound.request.headers.typed::<To>().and_then(Result::ok);
    let tag = to.and_then(|to| to.tag().and_then(parse_tag));
    let is_ack = inbound.request.method == Method::Ack;
    let Some(inbox) = tag.and_then(|tag| office.table.by_tag(tag)) else {
        if !is_ack {
            refuse(office, &inbound, Reply::to(&inbound.request, 481)).await;
        }
        return;
    };
    if let Err(error) = inbox.try_send(Inward::Request(Box::new(inbound))) {
        let (status, inward) = match error {
            mpsc::error::TrySendError::Full(inward) => (503, inward),
            mpsc::error::TrySendError::Closed(inward) => (481, inward),
        };
        if let Inward::Request(inbound) = inward
            && !is_ack
        {
            refuse(office, &inbound, Reply::to(&inbound.request, status)).await;
        }
    }
}

/// CANCEL is answered here, by itself; what it cancels is answered by its session (§9.2).
async fn cancel(office: &Office, inbound: Inbound) {
    let pending = TransactionKey::for_cancelled_invite(&inbound.request)
        .and_then(|invite| office.table.by_invite(&invite));
    let Some(inbox) = pending else {
        return refuse(office, &inbound, Reply::to(&inbound.request, 481)).await;
    };
    let reply = Reply::to(&inbound.request, 200).map(|reply| reply.tagged(rand::random()));
    office.respond(&inbound.key, reply).await;
    if inbox.try_send(Inward::Cancelled).is_err() {
        tracing::warn!("a cancelled call was too busy to hear of it");
    }
}

async fn register(office: &Office, inbound: Inbound, arrivals: &mpsc::Sender<Arrival>) {
    let request = &inbound.request;
    let Some(Ok(to)) = request.headers.typed::<To>() else {
        return;
    };
    if !office.is_ours(&host_of(&to.uri)) {
        return refuse(office, &inbound, Reply::to(request, 404)).await;
    }
    let user = Party::of_uri(&to.uri).user.into_inner();
    let prover = match office
        .digest
        .judge(Desk::Registrar, request, inbound.source.ip(), |user| {
            (office.config.accounts)(user)
        }) {
        Verdict::Proven(prover) => prover,
        verdict => return challenge(office, &inbound, Desk::Registrar, verdict).await,
    };
    if *prover.reveal() != user {
        return refuse(office, &inbound, Reply::to(request, 403)).await;
    }
    let transport = Transport::of(inbound.transport);
    let now = Instant::now();
    match office
        .registrar
        .handle(&user, request, inbound.source, transport, now)
    {
        registrar::Outcome::Now {
            contacts,
            path,
            before,
        } => {
            count(&office.tally.registrations);
            let gone = contacts.is_empty();
            let mut reply = Reply::to(request, 200).map(|reply| reply.tagged(rand::random()));
            for contact in contacts {
                let value = format!(
                    "<{}>;expires={}",
                    contact.uri.reveal(),
                    contact.expires_in.as_secs()
                );
                reply = reply.map(|reply| reply.with(HeaderName::Contact, value));
            }
            for hop in path {
                reply = reply.map(|reply| reply.with(HeaderName::Path, hop));
            }
            office.respond(&inbound.key, reply).await;
            let user = Private::new(user);
            // News of presence is a courtesy: it gives way when the platform is behind.
            let _ = match gone {
                false => arrivals.try_send(Arrival::Registered { user }),
                true if before > 0 => arrivals.try_send(Arrival::Unregistered { user }),
                true => Ok(()),
            };
        }
        registrar::Outcome::TooBrief => {
            let least = limits::REGISTRATION_MIN.as_secs().to_string();
            let reply = Reply::to(request, 423).map(|r| r.with(HeaderName::MinExpires, least));
            refuse(office, &inbound, reply).await;
        }
        registrar::Outcome::Malformed => {
            refuse(office, &inbound, Reply::to(request, 400)).await;
        }
        registrar::Outcome::OutOfOrder => {
            refuse(office, &inbound, Reply::to(request, 500)).await;
        }
        registrar::Outcome::Full => {
            refuse(office, &inbound, full(request)).await;
        }
    }
}

fn full(request: &Request) -> Option<Reply> {
    let later = limits::RETRY_AFTER_SECS.to_string();
    Reply::to(request, 503).map(|reply| reply.with(HeaderName::RetryAfter, later))
}

/// Asks for proof, or says no to a wrong one.
async fn challenge(office: &Office, inbound: &Inbound, desk: Desk, verdict: Verdict) {
    let request = &inbound.request;
    let stale = matches!(verdict, Verdict::Stale);
    if !matches!(verdict, Verdict::Absent) {
        count(&office.tally.unauthenticated);
    }
    if matches!(verdict, Verdict::Unheard) {
        count(&office.tally.unheard);
    }
    if matches!(verdict, Verdict::Wrong | Verdict::Unheard) {
        return refuse(office, inbound, Reply::to(request, 403)).await;
    }
    count(&office.tally.challenged);
    let reply = Reply::to(request, desk.status()).map(|reply| {
        let reply = reply.tagged(rand::random());
        office
            .digest
            .challenge(desk, reply, stale, inbound.source.ip())
    });
    office.respond(&inbound.key, reply).await;
}

/// A new call: the checks of RFC 3261 §8.2 in order, then who is calling, then a session.
async fn invite(office: &Arc<Office>, inbound: Inbound, arrivals: &mpsc::Sender<Arrival>) {
    let request = &inbound.request;
    let origin = office.table.origin(request);
    if office.table.is_merged(origin) {
        return refuse(office, &inbound, Reply::to(request, 482)).await;
    }
    if let Some(reply) = unreadable(request) {
        return refuse(office, &inbound, reply).await;
    }
    let terms = match timer::answer(&request.headers, &office.config) {
        Ok(Answer::TooBrief(least)) => {
            let least = least.as_secs().to_string();
            let reply = Reply::to(request, 422).map(|reply| reply.with(HeaderName::MinSe, least));
            return refuse(office, &inbound, reply).await;
        }
        Ok(terms) => terms,
        Err(timer::Malformed) => return refuse(office, &inbound, Reply::to(request, 400)).await,
    };
    let draining = office.draining.load(Ordering::Relaxed);
    let Ok(place) = arrivals.try_reserve() else {
        count(&office.tally.shed);
        return refuse(office, &inbound, full(request)).await;
    };
    if draining || office.table.len() >= office.config.calls_max {
        count(&office.tally.shed);
        return refuse(office, &inbound, full(request)).await;
    }
    let trunk = office.trunks.of(inbound.source.ip());
    let caller = match caller(office, request, inbound.source.ip()) {
        Identity::Stranger => None,
        Identity::Known(user) => Some(user),
        Identity::Unproven(verdict) => {
            return challenge(office, &inbound, Desk::Calls, verdict).await;
        }
        Identity::Unwelcome if trunk.is_some() => None,
        Identity::Unwelcome => return refuse(office, &inbound, Reply::to(request, 403)).await,
    };
    let replaces = match replaced(office, request) {
        Ok(session) => session,
        Err(status) => return refuse(office, &inbound, Reply::to(request, status)).await,
    };

    let tag = rand::random();
    let transport = Transport::of(inbound.transport);
    let hop = Target::new(inbound.source, inbound.transport);
    let secure = request.uri.scheme().is_secure();
    let contact = office.contact(request.uri.user(), transport, inbound.source.ip(), secure);
    let agent = office.user_agent.clone();
    let dialog = Dialog::invited(
        request,
        hop,
        tag,
        contact.into(),
        agent,
        office.sent_by(transport, inbound.source.ip()),
        office.wire.local_addr(),
    );
    let (Some(dialog), Some(from), Some(to)) =
        (dialog, party::<From>(request), party::<To>(request))
    else {
        return refuse(
            office,
            &inbound,
            Reply::phrased(request, 400, "Missing Contact"),
        )
        .await;
    };
    let (inbox, receiver) = mpsc::channel(limits::INBOX);
    let facts = Arc::new(Facts::default());
    let session = Session::new(inbox.clone(), Arc::clone(&facts), tag);
    let body = request.body();
    let incoming = Incoming {
        from,
        to,
        target: Party::of_uri(&request.uri),
        caller,
        asserted: trunk.is_some().then(|| asserted(request)).flatten(),
        trunk,
        replaces,
        source: inbound.source,
        transport,
        offer: (!body.is_empty()).then(|| body.to_vec()),
        headers: private_headers(request),
        call_id: Private::new(text(request, &HeaderName::CallId)),
        session,
    };
    office.table.enter_incoming(
        tag,
        inbox.clone(),
        Arc::clone(&facts),
        inbound.key.clone(),
        origin,
    );
    count(&office.tally.calls_in);
    let task = SessionTask::new(Arc::clone(office), dialog, facts, inbox, receiver);
    tokio::spawn(task.run(Opening::Invited(Box::new(inbound), terms)));
    place.send(Arrival::Invite(Box::new(incoming)));
}

/// The session whose place a call wants to take (RFC 3891 §3), or the status that says why not.
fn replaced(office: &Office, request: &Request) -> Result<Option<u64>, u16> {
    let headers = &request.headers;
    if !office.config.transfers || headers.count(&HeaderName::Replaces) == 0 {
        return Ok(None);
    }
    let one = headers.count(&HeaderName::Replaces) == 1;
    let value = headers.value(&HeaderName::Replaces).filter(|_| one);
    let (id, early_only) = value
        .and_then(|value| DialogId::of_replaces(&value))
        .ok_or(400u16)?;
    let session = parse_tag(id.local_tag.reveal().as_bytes()).ok_or(481u16)?;
    let facts = office.table.facts(session).ok_or(481u16)?;
    facts.get(|known| match known.stage {
        _ if known.id.as_ref() != Some(&id) => Err(481),
        Stage::Over => Err(603),
        // A call that rings here can be picked up by nobody but us.
        Stage::Early if !known.ours => Err(481),
        Stage::Up if early_only => Err(486),
        Stage::Early | Stage::Up => Ok(Some(session)),
    })
}

/// Why an INVITE's body cannot be an offer.
fn unreadable(request: &Request) -> Option<Option<Reply>> {
    let headers = &request.headers;
    let encoded = headers
        .value(&HeaderName::ContentEncoding)
        .is_some_and(|encoding| !encoding.eq_ignore_ascii_case(b"identity"));
    if encoded {
        let reply = Reply::to(request, 415);
        return Some(reply.map(|reply| reply.with(HeaderName::AcceptEncoding, "identity")));
    }
    if !takes_sdp(request) {
        return Some(Reply::to(request, 406));
    }
    if request.body().is_empty() {
        return None;
    }
    match headers.typed::<sipx_sip::headers::ContentType>() {
        Some(Ok(kind)) if kind.is("application", "sdp") => None,
        Some(Ok(_)) | None => {
            Some(Reply::to(request, 415).map(|reply| reply.with(HeaderName::Accept, SDP)))
        }
        Some(Err(_)) => Some(Reply::to(request, 400)),
    }
}

/// Whether the caller would take a description as answer; without `Accept` it would (§20.1).
fn takes_sdp(request: &Request) -> bool {
    if request.headers.count(&HeaderName::Accept) == 0 {
        return true;
    }
    request.headers.get_all(&HeaderName::Accept).any(|row| {
        let row = String::from_utf8_lossy(&row.value()).to_ascii_lowercase();
        let mut kinds = row
            .split(',')
            .map(|kind| kind.split(';').next().unwrap_or_default().trim());
        kinds.any(|kind| matches!(kind, SDP | "application/*" | "*/*"))
    })
}

enum Identity {
    Known(Private<String>),
    Stranger,
    Unproven(Verdict),
    Unwelcome,
}

/// Who is calling. Whoever claims the address of one of our people must prove it.
fn caller(office: &Office, request: &Request, source: IpAddr) -> Identity {
    let Some(from) = party::<From>(request) else {
        return Identity::Unwelcome;
    };
    let accounts = &office.config.accounts;
    let claims = office.is_ours(&from.host) && accounts(from.user.reveal()).is_some();
    match office
        .digest
        .judge(Desk::Calls, request, source, |user| accounts(user))
    {
        Verdict::Proven(user) if claims && user != from.user => Identity::Unwelcome,
        Verdict::Proven(user) => Identity::Known(user),
        Verdict::Absent if claims => Identity::Unproven(Verdict::Absent),
        Verdict::Absent => match office.config.callers {
            Callers::Anyone => Identity::Stranger,
            Callers::Known => Identity::Unwelcome,
        },
        verdict => Identity::Unproven(verdict),
    }
}

fn party<H>(request: &Request) -> Option<Party>
where
    H: sipx_sip::TypedHeader + std::ops::Deref<Target = sipx_sip::Address>,
{
    request
        .headers
        .typed::<H>()?
        .ok()
        .map(|header| Party::of(&header))
}

/// Who is calling in a trunk's word (RFC 3325), which may differ from what the caller shows.
fn asserted(request: &Request) -> Option<Party> {
    let list = PAssertedIdentityList::from_headers(&request.headers);
    let list = list.ok()??;
    list.values()
        .first()
        .map(|identity| Party::of(identity.address()))
}

fn text(request: &Request, name: &HeaderName) -> String {
    request
        .headers
        .value(name)
        .map(|value| String::from_utf8_lossy(&value).into_owned())
        .unwrap_or_default()
}

/// The headers a caller may use to tell its own story: `User-to-User` and `X-`.
fn private_headers(request: &Request) -> Vec<(String, Private<String>)> {
    request
        .headers
        .iter()
        .filter_map(|header| {
            let HeaderName::Other(name) = header.name() else {
                return None;
            };
            let name = std::str::from_utf8(name).ok()?;
            let wanted = name.eq_ignore_ascii_case("User-to-User")
                || name
                    .get(..2)
                    .is_some_and(|start| start.eq_ignore_ascii_case("x-"));
            let value = header.value();
            (wanted && value.len() <= limits::HEADER_BYTES).then(|| {
                (
                    name.to_owned(),
                    Private::new(String::from_utf8_lossy(&value).into_owned()),
                )
            })
        })
        .take(limits::HEADERS)
        .collect()
}
