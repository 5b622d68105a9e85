//! Placing a call.

use std::net::SocketAddr;

use bytes::Bytes;
use offhook_terms::Private;
use sipx_sip::{HeaderName, Uri};
use sipx_transport::Target;

use crate::credentials::Credentials;
use crate::endpoint::Office;
use crate::registrar::Contact;
use crate::reply::tag_text;
use crate::resolve;
use crate::{Transport, dialog};

/// A call to place.
#[derive(Debug, Clone)]
pub struct OutgoingCall {
    /// Whom to call: a `sip:` or `sips:` address.
    pub to: Private<String>,
    /// Who calls: a `sip:` address.
    pub from: Private<String>,
    /// The name shown beside [`Self::from`].
    pub display: Option<Private<String>>,
    /// What to prove ourselves with when asked: once for each realm, in the whole call.
    pub credentials: Option<Credentials>,
    /// Our offer, unopened; empty to let them make the offer.
    pub offer: Vec<u8>,
    /// How to send it when [`Self::to`] does not say.
    pub transport: Transport,
    /// Where to send it, by [`Self::transport`], whatever [`Self::to`] says; for the whole call. A
    /// connection that a phone opened from there is used again.
    pub route: Option<SocketAddr>,
    /// `Route` values to take, such as a registration's path.
    pub routes: Vec<String>,
    /// Further headers, such as `User-to-User`, `P-Asserted-Identity`, `Privacy` or an `X-` of your
    /// own. Those the dialog itself is made of are left out.
    pub headers: Vec<(String, Private<String>)>,
}

impl OutgoingCall {
    /// A call with an offer over UDP, to wherever the address says.
    pub fn new(to: impl Into<String>, from: impl Into<String>, offer: Vec<u8>) -> Self {
        Self {
            to: Private::new(to.into()),
            from: Private::new(from.into()),
            display: None,
            credentials: None,
            offer,
            transport: Transport::Udp,
            route: None,
            routes: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// A call to a registered phone, by the way it registered.
    pub fn to_contact(contact: &Contact, from: impl Into<String>, offer: Vec<u8>) -> Self {
        Self {
            transport: contact.transport,
            route: Some(contact.source),
            routes: contact.path.clone(),
            ..Self::new(contact.uri.reveal().clone(), from, offer)
        }
    }
}

/// Why a call could not even be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// An address is not a `sip:` URI.
    #[error("the address to call, or to call from, is not a sip: address")]
    NotAnAddress,
    /// The host has no address.
    #[error("the host of the address to call cannot be found")]
    NoSuchHost,
    /// Too many calls at once, or shutting down.
    #[error("no further call can be placed now")]
    Full,
}

/// Finds the place on the network that a `sip:` address names, by that transport where the address
/// does not say.
///
/// # Errors
/// When it is no such address, or its host has none.
pub async fn locate(address: &str, transport: Transport) -> Result<SocketAddr, CallError> {
    let uri = sip_uri(address).ok_or(CallError::NotAnAddress)?;
    let target = resolve::resolve(&uri, transport, None).await;
    target
        .map(|target| target.addr)
        .ok_or(CallError::NoSuchHost)
}

/// Whether this is an address a call can go to: `sip:` or `sips:`.
#[must_use]
pub fn is_address(text: &str) -> bool {
    sip_uri(text).is_some()
}

/// Reads an address somebody wants to call or to be.
pub(crate) fn sip_uri(text: &str) -> Option<Uri> {
    let uri = Uri::parse(Bytes::copy_from_slice(text.as_bytes())).ok()?;
    (uri.scheme().is_sip() && !uri.has_headers()).then_some(uri)
}

/// Whether a header is one that the dialog, the transaction or the body is made of.
pub(crate) fn is_our_own(name: &HeaderName) -> bool {
    matches!(
        name,
        HeaderName::Via
            | HeaderName::From
            | HeaderName::To
            | HeaderName::CallId
            | HeaderName::CSeq
            | HeaderName::Contact
            | HeaderName::MaxForwards
            | HeaderName::Route
            | HeaderName::RecordRoute
            | HeaderName::ContentType
            | HeaderName::ContentLength
            | HeaderName::ContentEncoding
            | HeaderName::Allow
            | HeaderName::Supported
            | HeaderName::Require
            | HeaderName::SessionExpires
            | HeaderName::MinSe
            | HeaderName::RSeq
            | HeaderName::RAck
            | HeaderName::Authorization
            | HeaderName::ProxyAuthorization
            | HeaderName::UserAgent
    )
}

/// Where a call begins.
pub(crate) struct Start {
    /// The dialog it may become.
    pub(crate) dialog: dialog::Dialog,
    /// The address whose host must be looked up first.
    pub(crate) look_up: Option<Uri>,
}

impl OutgoingCall {
    pub(crate) fn start(&self, office: &Office, tag: u64) -> Result<Start, CallError> {
        let target = sip_uri(self.to.reveal()).ok_or(CallError::NotAnAddress)?;
        let from = sip_uri(self.from.reveal()).ok_or(CallError::NotAnAddress)?;
        let routes: Vec<Bytes> = self
            .routes
            .iter()
            .map(|route| Bytes::from(route.clone()))
            .collect();
        let next = routes.first().and_then(|route| dialog::address_uri(route));
        let next = next.unwrap_or_else(|| target.clone());
        let transport = match self.route {
            Some(_) => self.transport,
            None => resolve::transport_of(&next).unwrap_or(self.transport),
        };
        let hop = match (self.route, resolve::literal(&next, transport)) {
            (Some(addr), _) => Some(Target::new(addr, transport.kind())),
            (None, Some(addr)) => Some(resolve::target(&next, addr, transport)),
            (None, None) => None,
        };
        let look_up = hop.is_none().then_some(next);
        // Nothing is sent before the look-up has put the real place here.
        let nowhere = Target::new(SocketAddr::from(([0, 0, 0, 0], 0)), transport.kind());
        let display = match &self.display {
            Some(name) => format!(
                "\"{}\" ",
                name.reveal().replace(['"', '\\', '\r', '\n'], "'")
            ),
            None => String::new(),
        };
        let mut dialog = dialog::Dialog::begin(dialog::Beginning {
            tag,
            call_id: format!("{:032x}@{}", rand::random::<u128>(), office.host).into(),
            local: format!("{display}<{from}>;tag={}", tag_text(tag)).into(),
            remote: format!("<{target}>").into(),
            routes,
            target,
            hop: hop.clone().unwrap_or(nowhere),
            // A new connection would have to be to the same name again.
            pinned: self.route.is_some() || transport == Transport::Tls,
            user_agent: office.user_agent.clone(),
            bound: office.wire.local_addr(),
        });
        if let Some(hop) = hop {
            self.aim(office, &mut dialog, hop);
        }
        Ok(Start { dialog, look_up })
    }

    /// Sends the call there, and tells the peer an address of ours that it can reach from there.
    pub(crate) fn aim(&self, office: &Office, dialog: &mut dialog::Dialog, hop: Target) {
        let from = sip_uri(self.from.reveal());
        let secure = sip_uri(self.to.reveal()).is_some_and(|to| to.scheme().is_secure());
        let (transport, toward) = (Transport::of(hop.transport), hop.addr.ip());
        let user = from.as_ref().and_then(Uri::user);
        let contact = office.contact(user, transport, toward, secure);
        dialog.aim(hop, contact.into(), office.sent_by(transport, toward));
    }
}
