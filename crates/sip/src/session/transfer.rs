//! Sending the other end of a call elsewhere, and being sent (RFC 3515, 3891, 3892, 4488).
//!
//! ```text
//! we send     REFER ──▶ ◀── 202     ◀── NOTIFY 100 … NOTIFY 200: it is done
//! they send   ◀── REFER  202 ──▶    NOTIFY 100 … NOTIFY 200 ──▶
//! ```
//!
//! One at a time in each direction. What we asked for ends with exactly one
//! [`SessionEvent::Referred`] unless the session ends first.

use sipx_sip::headers::ContentType;
use sipx_sip::{Address, HeaderName, Method, Request, Response, TransactionKey, Uri};
use tokio::time::Instant;

use offhook_terms::Private;

use super::inward::Outcome;
use super::run::{Phase, SessionTask};
use super::{Refer, ReferRequest, SessionEvent};
use crate::call::sip_uri;
use crate::facts::{DialogId, Stage};
use crate::reply::{Reply, parse_tag, push};
use crate::{Party, limits};

/// A REFER of ours.
pub(super) struct Referring {
    refer: Refer,
    cseq: u32,
    accepted: bool,
    /// Sent again with the proof that was asked for.
    proven: bool,
    until: Instant,
}

/// A REFER of theirs.
pub(super) struct Referred {
    key: TransactionKey,
    request: Request,
    /// They do not want to hear how it goes (RFC 4488).
    silent: bool,
    accepted: bool,
    until: Instant,
}

impl SessionTask {
    pub(super) fn transfers_due(&self) -> Option<Instant> {
        let ours = self.referring.as_ref().map(|referring| referring.until);
        let theirs = self.referred.as_ref().map(|referred| referred.until);
        [ours, theirs].into_iter().flatten().min()
    }

    pub(super) async fn transfers_on_time(&mut self, now: Instant) {
        if self.referring.take_if(|ours| ours.until <= now).is_some() {
            self.emit(SessionEvent::Referred { status: 408 });
        }
        let late = |theirs: &mut Box<Referred>| theirs.until <= now;
        if let Some(theirs) = self.referred.take_if(late)
            && !theirs.accepted
        {
            self.status(&theirs.key, &theirs.request, 603).await;
        }
    }

    // What we ask for.

    /// Asks them to call somebody else.
    pub(super) async fn refer(&mut self, refer: Refer, proven: bool) {
        let status = match &self.phase {
            _ if self.referring.is_some() => Some(491),
            Phase::Up => None,
            _ => Some(481),
        };
        let target = refer_to(&refer);
        let Some(target) = target.filter(|_| status.is_none()) else {
            let status = status.unwrap_or(416);
            return self.emit(SessionEvent::Referred { status });
        };
        let mut request = self.dialog.request(Method::Refer);
        let headers = &mut request.headers;
        push(headers, HeaderName::ReferTo, target);
        if let Some(by) = &refer.referred_by {
            push(
                headers,
                HeaderName::ReferredBy,
                format!("<{}>", by.reveal()),
            );
        }
        push(headers, HeaderName::Contact, self.dialog.contact());
        push(headers, HeaderName::Allow, self.office.allow());
        push(headers, HeaderName::Supported, self.office.supported(false));
        self.prove(&mut request);
        let cseq = self.dialog.local_cseq();
        if !self.ask(request).await {
            return self.emit(SessionEvent::Referred { status: 503 });
        }
        self.referring = Some(Box::new(Referring {
            refer,
            cseq,
            accepted: false,
            proven,
            until: Instant::now() + limits::REFERRED_WITHIN,
        }));
    }

    pub(super) fn is_of_refer(&self, number: u32) -> bool {
        self.referring
            .as_ref()
            .is_some_and(|referring| referring.cseq == number)
    }

    pub(super) async fn on_refer_outcome(&mut self, outcome: Outcome) {
        let response = match outcome {
            Outcome::Response(response) if response.status.is_provisional() => return,
            Outcome::Response(response) => response,
            Outcome::Timeout | Outcome::Unreachable => {
                self.referring = None;
                return self.emit(SessionEvent::Referred { status: 408 });
            }
        };
        if response.status.is_success() {
            return self.on_refer_accepted(&response);
        }
        let Some(referring) = self.referring.take() else {
            return;
        };
        let status = response.status.code();
        if matches!(status, 401 | 407) && !referring.proven && self.credentials.is_some() {
            self.proofs.forget();
            if self.proofs.learn(&response) {
                return Box::pin(self.refer(referring.refer, true)).await;
            }
        }
        self.emit(SessionEvent::Referred { status });
    }

    fn on_refer_accepted(&mut self, response: &Response) {
        self.accepted();
        // They will not tell how it goes (RFC 4488 §4), so there is nothing to wait for.
        let silent = response.headers.value(&HeaderName::ReferSub);
        if silent.is_some_and(|value| value.trim_ascii().eq_ignore_ascii_case(b"false")) {
            self.referring = None;
            let status = response.status.code();
            self.emit(SessionEvent::Referred { status });
        }
    }

    /// They will try; told once, whether their response or their first news comes first.
    fn accepted(&mut self) {
        if let Some(referring) = &mut self.referring
            && !std::mem::replace(&mut referring.accepted, true)
        {
            self.emit(SessionEvent::ReferAccepted);
        }
    }

    /// News of what became of our REFER (RFC 3515 §2.4.4).
    pub(super) async fn on_notify(&mut self, key: &TransactionKey, request: &Request) {
        let event = request.headers.value(&HeaderName::Event);
        let is_refer = event.is_some_and(|event| {
            let package = event.split(|b| *b == b';').next().unwrap_or_default();
            package.trim_ascii().eq_ignore_ascii_case(b"refer")
        });
        if !is_refer {
            return self.status(key, request, 489).await;
        }
        if self.referring.is_none() {
            return self.status(key, request, 481).await;
        }
        let kind = request.headers.typed::<ContentType>().and_then(Result::ok);
        let is_fragment = kind.is_some_and(|kind| kind.is("message", "sipfrag"));
        let status = is_fragment
            .then(|| fragment_status(request.body()))
            .flatten();
        let state = request.headers.value(&HeaderName::SubscriptionState);
        let is_last = state.is_some_and(|state| {
            let state = state.split(|b| *b == b';').next().unwrap_or_default();
            state.trim_ascii().eq_ignore_ascii_case(b"terminated")
        });
        if status.is_none() && !is_last {
            return self.status(key, request, 400).await;
        }
        self.status(key, request, 200).await;
        self.accepted();
        match status {
            Some(status) if status >= 200 => {
                self.referring = None;
                self.emit(SessionEvent::Referred { status });
            }
            // They stop telling before it was decided.
            _ if is_last => {
                self.referring = None;
                self.emit(SessionEvent::Referred { status: 500 });
            }
            Some(status) => self.emit(SessionEvent::ReferProgress { status }),
            None => {}
        }
    }

    // What they ask for.

    /// They want us to call somebody else.
    pub(super) async fn on_refer(&mut self, key: TransactionKey, request: Request) {
        if !matches!(self.phase, Phase::Up) {
            return self.status(&key, &request, 481).await;
        }
        if self.referred.is_some() {
            let reply = Reply::to(&request, 500).map(|reply| {
                reply.with(
                    HeaderName::RetryAfter,
                    (rand::random::<u32>() % 10).to_string(),
                )
            });
            self.respond(&key, reply).await;
            return;
        }
        let asked = match self.asked(&request) {
            Ok(asked) => asked,
            Err(status) => return self.status(&key, &request, status).await,
        };
        let silent = request.headers.value(&HeaderName::ReferSub);
        let silent = silent.is_some_and(|value| value.trim_ascii().eq_ignore_ascii_case(b"false"));
        self.referred = Some(Box::new(Referred {
            key,
            request,
            silent,
            accepted: false,
            until: Instant::now() + limits::REFER_DECIDED_WITHIN,
        }));
        self.emit(SessionEvent::ReferRequested(Box::new(asked)));
    }

    fn asked(&self, request: &Request) -> Result<ReferRequest, u16> {
        let headers = &request.headers;
        if headers.count(&HeaderName::ReferTo) != 1 {
            return Err(400);
        }
        let value = headers.value(&HeaderName::ReferTo).ok_or(400u16)?;
        let target = Address::parse(&value, "Refer-To").map_err(|_| 400u16)?.uri;
        let is_known = target.scheme().is_sip() || target.tel_parts().is_some();
        if !is_known {
            return Err(416);
        }
        // Only calls can be asked for (RFC 3515 §2.1).
        let method = target.params().and_then(|params| params.get("method"));
        let method = method.and_then(|param| param.value().map(|value| value.to_vec()));
        if method.is_some_and(|method| !method.eq_ignore_ascii_case(b"INVITE")) {
            return Err(403);
        }
        let replaces = target.headers().and_then(|headers| headers.get("Replaces"));
        let replaces = replaces.and_then(|param| unescaped(param.value()?));
        let ours = replaces
            .as_deref()
            .and_then(|value| self.session_of(value.as_bytes()));
        let by = headers.value(&HeaderName::ReferredBy);
        let by = by.and_then(|by| Address::parse(&by, "Referred-By").ok());
        Ok(ReferRequest {
            to: Party::of_uri(&bare(&target)),
            replaces: ours,
            replaces_elsewhere: replaces.filter(|_| ours.is_none()).map(Private::new),
            referred_by: by.map(|by| Private::new(by.uri.to_string())),
        })
    }

    /// Our session that a `Replaces` value names.
    fn session_of(&self, value: &[u8]) -> Option<u64> {
        let (id, _) = DialogId::of_replaces(value)?;
        let session = parse_tag(id.local_tag.reveal().as_bytes())?;
        let facts = self.office.table.facts(session)?;
        facts
            .get(|known| known.id.as_ref() == Some(&id) && known.stage != Stage::Over)
            .then_some(session)
    }

    /// Our owner will try, or tells how it went.
    pub(super) async fn report_refer(&mut self, status: u16) {
        let Some(theirs) = &mut self.referred else {
            return;
        };
        if !std::mem::replace(&mut theirs.accepted, true) {
            theirs.until = Instant::now() + limits::REFERRED_WITHIN;
            let silent = theirs.silent;
            let (key, contact) = (theirs.key.clone(), self.dialog.contact());
            let reply = Reply::to(&theirs.request, 202).map(|reply| {
                let reply = reply.with(HeaderName::Contact, contact);
                match silent {
                    true => reply.with(HeaderName::ReferSub, "false"),
                    false => reply,
                }
            });
            self.respond(&key, reply).await;
        }
        let Some(theirs) = &self.referred else {
            return;
        };
        let is_final = status >= 200;
        if !theirs.silent {
            let id = theirs.request.headers.typed::<sipx_sip::CSeq>();
            let id = id.and_then(Result::ok).map_or(0, |cseq| cseq.sequence);
            let left = theirs.until.saturating_duration_since(Instant::now());
            let state = match is_final {
                true => "terminated;reason=noresource".to_owned(),
                false => format!("active;expires={}", left.as_secs()),
            };
            let mut notify = self.dialog.request(Method::Notify);
            let headers = &mut notify.headers;
            push(headers, HeaderName::Event, format!("refer;id={id}"));
            push(headers, HeaderName::SubscriptionState, state);
            push(headers, HeaderName::Contact, self.dialog.contact());
            push(
                headers,
                HeaderName::ContentType,
                "message/sipfrag;version=2.0",
            );
            let body = format!(
                "SIP/2.0 {status} {}\r\n",
                crate::reply::usual_phrase(status)
            );
            headers.remove_all(&HeaderName::ContentLength);
            push(headers, HeaderName::ContentLength, body.len().to_string());
            notify.set_body(body.into());
            self.prove(&mut notify);
            self.tell(notify).await;
        }
        if is_final {
            self.referred = None;
        }
    }

    /// Our owner will not.
    pub(super) async fn refuse_refer(&mut self, status: u16) {
        if let Some(theirs) = self.referred.take_if(|theirs| !theirs.accepted) {
            let status = if (300..700).contains(&status) {
                status
            } else {
                603
            };
            self.status(&theirs.key, &theirs.request, status).await;
        }
    }
}

/// The status of a `message/sipfrag` (RFC 3420) that begins with a status line.
fn fragment_status(body: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(body).ok()?;
    let mut words = text.lines().next()?.split_ascii_whitespace();
    let version = words.next()?;
    let status: u16 = words.next()?.parse().ok()?;
    (version.eq_ignore_ascii_case("SIP/2.0") && (100..700).contains(&status)).then_some(status)
}

/// The `Refer-To` value; a call to take the place of is a header within it (RFC 3891 §7.1).
fn refer_to(refer: &Refer) -> Option<String> {
    let target = sip_uri(refer.to.reveal())?;
    Some(match &refer.replaces {
        None => format!("<{target}>"),
        Some(dialog) => format!(
            "<{target}?Replaces={}>",
            escaped(dialog.replaces().reveal())
        ),
    })
}

/// An address without the headers a call to it shall carry.
fn bare(target: &Uri) -> Uri {
    let mut target = target.clone();
    let names: Vec<String> = target
        .headers()
        .into_iter()
        .flat_map(|headers| headers.iter())
        .map(|header| String::from_utf8_lossy(header.name()).into_owned())
        .collect();
    for name in names {
        target.remove_header(&name);
    }
    target.remove_param("method");
    target
}

/// Text as the value of a header inside an address (RFC 3261 §25.1, `hvalue`).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'_' | b'.' | b'!' | b'~' | b'*' => {
                escaped.push(byte.into());
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

/// And back.
fn unescaped(value: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.iter().copied();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        let digits = std::str::from_utf8(&digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_inside_an_address_comes_back_as_it_was() {
        let value = "a@b.c;to-tag=1%2;from-tag=é";
        let inside = escaped(value);
        assert!(!inside.contains([';', '=', '@', ' ', '>']));
        assert_eq!(unescaped(inside.as_bytes()).as_deref(), Some(value));
        for bad in ["%", "%4", "%zz", "%ff"] {
            assert_eq!(unescaped(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_fragment_tells_its_status() {
        assert_eq!(fragment_status(b"SIP/2.0 180 Ringing\r\nTo: x"), Some(180));
        for bad in [
            "",
            "SIP/2.0",
            "SIP/2.0 99 No",
            "HTTP/1.1 200 OK",
            "SIP/2.0 x",
        ] {
            assert_eq!(fragment_status(bad.as_bytes()), None, "{bad}");
        }
    }
}
