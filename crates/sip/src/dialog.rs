//! A dialog (RFC 3261 §12): the two ends' names for it, and the way from us to them.

use std::net::SocketAddr;

use bytes::Bytes;
use offhook_terms::Private;
use sipx_sip::headers::{Allow, CSeq, Contact, From, RecordRoute, Supported, To};
use sipx_sip::{HeaderName, Headers, Method, Request, RequestBuilder, Response, Uri};
use sipx_transport::{Target, TransportKind, new_branch};

use crate::facts::{Known, Stage, dialog_id};
use crate::limits;
use crate::reply::{Tag, push, tag_text};
use crate::{Transport, resolve};

/// What a request inside a dialog is built from.
#[derive(Clone)]
pub(crate) struct Dialog {
    pub(crate) tag: Tag,
    call_id: Bytes,
    /// Our address with our tag, as it stands in `From` of our requests.
    local: Bytes,
    /// Their address, with their tag once there is one.
    remote: Bytes,
    remote_tag: Option<Vec<u8>>,
    local_cseq: u32,
    remote_cseq: Option<u32>,
    /// The way they told us to take, nearest hop first.
    routes: Vec<Bytes>,
    remote_target: Uri,
    /// Where requests go.
    hop: Target,
    /// Requests go where the peer is, whatever it says: it is behind a NAT, or we were told.
    pinned: bool,
    contact: Bytes,
    user_agent: Bytes,
    sent_by: String,
    /// Where we send from.
    bound: SocketAddr,
    peer: Abilities,
}

/// What the other end says it can do.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Abilities {
    pub(crate) update: bool,
    pub(crate) refer: bool,
    pub(crate) replaces: bool,
}

impl Abilities {
    fn in_headers(headers: &Headers) -> Self {
        let allows = |method: &str| {
            let mut lists = headers.typed_all::<Allow>().flatten();
            lists.any(|list| list.contains(method))
        };
        let supports = |tag: &str| {
            let mut lists = headers.typed_all::<Supported>().flatten();
            lists.any(|list| list.contains(tag))
        };
        Self {
            update: allows("UPDATE"),
            refer: allows("REFER"),
            replaces: supports("replaces"),
        }
    }

    /// A message that lists its abilities has the last word; one that does not says nothing.
    fn learn(&mut self, headers: &Headers) {
        let now = Self::in_headers(headers);
        if headers.count(&HeaderName::Allow) > 0 {
            (self.update, self.refer) = (now.update, now.refer);
        }
        if headers.count(&HeaderName::Supported) > 0 {
            self.replaces = now.replaces;
        }
    }
}

/// Our side of a dialog we begin.
pub(crate) struct Beginning {
    pub(crate) tag: Tag,
    pub(crate) call_id: Bytes,
    pub(crate) local: Bytes,
    pub(crate) remote: Bytes,
    pub(crate) routes: Vec<Bytes>,
    pub(crate) target: Uri,
    pub(crate) hop: Target,
    pub(crate) pinned: bool,
    pub(crate) user_agent: Bytes,
    pub(crate) bound: SocketAddr,
}

impl Dialog {
    /// The dialog an INVITE to us begins. `None` when it names no way back: no tag, no usable
    /// `Contact`.
    pub(crate) fn invited(
        request: &Request,
        hop: Target,
        tag: Tag,
        contact: Bytes,
        user_agent: Bytes,
        sent_by: String,
        bound: SocketAddr,
    ) -> Option<Self> {
        let headers = &request.headers;
        let from = headers.typed::<From>()?.ok()?;
        // A caller from before RFC 3261 may leave `Contact` out; then its address has to do.
        let target = match headers.count(&HeaderName::Contact) {
            0 if from.uri.scheme().is_sip() => from.uri.clone(),
            _ => contact_of(headers)?,
        };
        let mut local = headers.value(&HeaderName::To)?.into_owned();
        local.extend_from_slice(b";tag=");
        local.extend_from_slice(tag_text(tag).as_bytes());
        let mut dialog = Self {
            tag,
            call_id: headers.value(&HeaderName::CallId)?.into_owned().into(),
            local: local.into(),
            remote: headers.value(&HeaderName::From)?.into_owned().into(),
            remote_tag: from.tag().map(<[u8]>::to_vec),
            local_cseq: rand::random::<u32>() >> 8,
            remote_cseq: headers.typed::<CSeq>()?.ok().map(|cseq| cseq.sequence),
            routes: routes(headers),
            remote_target: target,
            hop: hop.clone(),
            pinned: false,
            contact,
            user_agent,
            sent_by,
            bound,
            peer: Abilities::in_headers(headers),
        };
        // A contact on another address than the request came from is behind a NAT, or wrong.
        let stated = resolve::literal(&dialog.remote_target, Transport::of(hop.transport));
        dialog.pinned = hop.transport != TransportKind::Udp
            || (dialog.routes.is_empty() && stated.is_none_or(|addr| addr.ip() != hop.addr.ip()));
        dialog.choose_hop();
        Some(dialog)
    }

    /// The dialog our own INVITE may begin; nothing is sent before it is [aimed](Self::aim).
    pub(crate) fn begin(b: Beginning) -> Self {
        Self {
            tag: b.tag,
            call_id: b.call_id,
            local: b.local,
            remote: b.remote,
            remote_tag: None,
            local_cseq: rand::random::<u32>() >> 8,
            remote_cseq: None,
            routes: b.routes,
            remote_target: b.target,
            hop: b.hop,
            pinned: b.pinned,
            contact: Bytes::new(),
            user_agent: b.user_agent,
            sent_by: String::new(),
            bound: b.bound,
            peer: Abilities::default(),
        }
    }

    /// Completes a dialog we began with the response that made it: the 2xx that confirmed it, or
    /// an earlier one.
    pub(crate) fn confirmed_by(&mut self, response: &Response) {
        let headers = &response.headers;
        if let Some(to) = headers.value(&HeaderName::To) {
            self.remote = to.into_owned().into();
        }
        let tag = tag_of(headers);
        if self.remote_tag != tag {
            self.remote_cseq = None;
        }
        self.remote_tag = tag;
        let mut recorded = routes(headers);
        recorded.reverse();
        self.routes = recorded;
        self.retarget(headers);
    }

    /// A re-INVITE, UPDATE or 2xx moved the other end (RFC 3261 §12.2).
    pub(crate) fn retarget(&mut self, headers: &Headers) {
        self.peer.learn(headers);
        if let Some(target) = contact_of(headers) {
            self.remote_target = target;
            self.choose_hop();
        }
    }

    fn choose_hop(&mut self) {
        if self.pinned {
            return;
        }
        let first = self.routes.first().and_then(|route| address_uri(route));
        let next = first.as_ref().unwrap_or(&self.remote_target);
        let transport = resolve::transport_of(next).unwrap_or(Transport::of(self.hop.transport));
        if let Some(addr) = resolve::literal(next, transport) {
            self.hop = resolve::target(next, addr, transport);
        }
    }

    pub(crate) fn peer_updates(&self) -> bool {
        self.peer.update
    }

    /// What others may know of this dialog.
    pub(crate) fn known(&self, stage: Stage, ours: bool) -> Known {
        let id = self
            .remote_tag
            .as_deref()
            .map(|remote| dialog_id(&self.call_id, self.tag, remote));
        Known {
            stage,
            ours,
            contact: id
                .is_some()
                .then(|| Private::new(self.remote_target.to_string())),
            id,
            takes_refer: self.peer.refer,
            takes_replaces: self.peer.replaces,
        }
    }

    /// Sends to that place from now on, under these names for our own.
    pub(crate) fn aim(&mut self, hop: Target, contact: Bytes, sent_by: String) {
        self.hop = hop;
        self.contact = contact;
        self.sent_by = sent_by;
    }

    /// The same dialog before anybody responded to it; its sequence goes on.
    pub(crate) fn restart_from(&mut self, fresh: &Self) {
        *self = Self {
            local_cseq: self.local_cseq,
            ..fresh.clone()
        };
    }

    /// Takes the sequence numbers that a fork of this dialog has used.
    pub(crate) fn count_from(&mut self, fork: &Self) {
        self.local_cseq = fork.local_cseq;
    }

    /// Whether the other end has that tag.
    pub(crate) fn is_with(&self, tag: &[u8]) -> bool {
        self.remote_tag.as_deref() == Some(tag)
    }

    /// Whether nobody has responded with a tag yet.
    pub(crate) fn is_unanswered(&self) -> bool {
        self.remote_tag.is_none()
    }

    pub(crate) fn contact(&self) -> Bytes {
        self.contact.clone()
    }

    pub(crate) fn local_cseq(&self) -> u32 {
        self.local_cseq
    }

    /// The dialog another answer to the same INVITE made.
    pub(crate) fn fork(&self, response: &Response) -> Self {
        let mut fork = self.clone();
        fork.confirmed_by(response);
        fork
    }

    /// Whether a response belongs to this dialog rather than to another fork of our INVITE.
    pub(crate) fn is_theirs(&self, response: &Response) -> bool {
        self.remote_tag == tag_of(&response.headers)
    }

    /// Whether a request with our tag is really of this dialog.
    pub(crate) fn owns(&self, request: &Request) -> bool {
        let headers = &request.headers;
        let from = headers.typed::<From>().and_then(Result::ok);
        headers
            .value(&HeaderName::CallId)
            .is_some_and(|id| *id == self.call_id[..])
            && from.is_some_and(|from| from.tag() == self.remote_tag.as_deref())
    }

    /// Takes a request's place in their sequence; false when it is out of order (§12.2.2).
    pub(crate) fn follows(&mut self, request: &Request) -> bool {
        let Some(Ok(cseq)) = request.headers.typed::<CSeq>() else {
            return false;
        };
        if self.remote_cseq.is_some_and(|last| cseq.sequence <= last) {
            return false;
        }
        self.remote_cseq = Some(cseq.sequence);
        true
    }

    /// A new request inside the dialog, with the next number of our sequence.
    pub(crate) fn request(&mut self, method: Method) -> Request {
        self.local_cseq = self.local_cseq.wrapping_add(1) & 0x7fff_ffff;
        self.numbered(method, self.local_cseq)
    }

    /// A request with a given sequence number: ACK and CANCEL share their INVITE's.
    pub(crate) fn numbered(&self, method: Method, cseq: u32) -> Request {
        let is_cancel = method == Method::Cancel;
        let (target, routes) = self.way();
        let mut request = RequestBuilder::new(method.clone(), target)
            .max_forwards(70)
            .build();
        let headers = &mut request.headers;
        for route in routes {
            push(headers, HeaderName::Route, route);
        }
        push(headers, HeaderName::From, self.local.clone());
        push(headers, HeaderName::To, self.remote.clone());
        push(headers, HeaderName::CallId, self.call_id.clone());
        push(headers, HeaderName::CSeq, format!("{cseq} {method}"));
        push(headers, HeaderName::UserAgent, self.user_agent.clone());
        if !is_cancel {
            let via = self.via(&self.hop, &new_branch());
            if let Ok(via) = sipx_sip::Header::build(HeaderName::Via, via) {
                headers.push_front(via);
            }
        }
        if matches!(method, Method::Invite | Method::Update) {
            push(headers, HeaderName::Contact, self.contact.clone());
        }
        request
    }

    fn via(&self, hop: &Target, branch: &str) -> String {
        format!(
            "SIP/2.0/{} {};rport;branch={branch}",
            hop.transport.as_str(),
            self.sent_by
        )
    }

    /// Where a request goes; one too large for a datagram goes over TCP (RFC 3261 §18.1.1), and
    /// its `Via` has to say so.
    pub(crate) fn hop_for(&self, request: &mut Request) -> Target {
        let mut hop = self.hop.clone();
        hop.addr = resolve::reach(hop.addr, self.bound);
        let mut bytes = Vec::with_capacity(limits::DATAGRAM);
        if hop.transport == TransportKind::Udp && !request.body().is_empty() {
            request.write_to(&mut bytes);
            if bytes.len() > limits::DATAGRAM {
                hop.transport = TransportKind::Tcp;
                request.headers.remove_all(&HeaderName::Via);
                if let Ok(via) =
                    sipx_sip::Header::build(HeaderName::Via, self.via(&hop, &new_branch()))
                {
                    request.headers.push_front(via);
                }
            }
        }
        hop
    }

    /// Loose and strict routing (RFC 3261 §12.2.1.1).
    fn way(&self) -> (Uri, Vec<Bytes>) {
        let Some(first) = self.routes.first() else {
            return (self.remote_target.clone(), Vec::new());
        };
        match address_uri(first) {
            Some(uri) if !uri.params().is_some_and(|params| params.contains("lr")) => {
                let mut routes = self.routes[1..].to_vec();
                let mut last = vec![b'<'];
                last.extend_from_slice(&self.remote_target.to_bytes());
                last.push(b'>');
                routes.push(last.into());
                (uri, routes)
            }
            _ => (self.remote_target.clone(), self.routes.clone()),
        }
    }
}

/// The `Record-Route` set in the order it stands.
fn routes(headers: &Headers) -> Vec<Bytes> {
    headers
        .get_all(&HeaderName::RecordRoute)
        .flat_map(|row| split_list(&row.value()))
        .filter(|value| RecordRoute::parse_list(value).is_ok())
        .collect()
}

/// Splits a row at its commas, leaving those in quotes and angle brackets alone.
fn split_list(row: &[u8]) -> Vec<Bytes> {
    let (mut parts, mut start, mut quoted, mut angle) = (Vec::new(), 0, false, false);
    for (at, byte) in row.iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'<' if !quoted => angle = true,
            b'>' if !quoted => angle = false,
            b',' if !quoted && !angle => {
                parts.push(Bytes::copy_from_slice(row[start..at].trim_ascii()));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(Bytes::copy_from_slice(row[start..].trim_ascii()));
    parts.retain(|part| !part.is_empty());
    parts
}

pub(crate) fn address_uri(value: &[u8]) -> Option<Uri> {
    sipx_sip::Address::parse(value, "Route")
        .ok()
        .map(|address| address.uri)
}

/// The one `Contact` of a dialog-forming message, when it is a SIP address.
fn contact_of(headers: &Headers) -> Option<Uri> {
    let contact = headers.typed::<Contact>()?.ok()?;
    contact.uri.scheme().is_sip().then(|| contact.uri.clone())
}

pub(crate) fn tag_of(headers: &Headers) -> Option<Vec<u8>> {
    headers.typed::<To>()?.ok()?.tag().map(<[u8]>::to_vec)
}
