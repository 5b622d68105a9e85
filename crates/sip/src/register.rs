//! Registering one of our own phones with a registrar, and keeping it registered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sipx_sip::headers::Expires;
use sipx_sip::headers::address::ContactValue;
use sipx_sip::{HeaderName, Method, RequestBuilder, Response, TypedHeader};
use sipx_transport::{Target, new_branch};
use tokio::sync::oneshot;

use crate::call::sip_uri;
use crate::credentials::{Credentials, Proofs};
use crate::endpoint::{Endpoint, Office};
use crate::reply::{push, tag_text};
use crate::{Transport, limits, resolve};

/// A registration to make.
#[derive(Debug, Clone)]
pub struct Register {
    /// The address that shall reach us, such as `sip:ann@example.com`.
    pub address: String,
    /// What to prove ourselves with.
    pub credentials: Credentials,
    /// How to reach the registrar.
    pub transport: Transport,
    /// Where the registrar is, if not at the address's own host.
    pub route: Option<SocketAddr>,
    /// How long it shall hold; renewed in time until dropped.
    pub expires: Duration,
}

/// Why a registration was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// The address is not a `sip:` URI.
    #[error("the address to register is not a sip: address")]
    NotAnAddress,
    /// Its host has no address.
    #[error("the registrar's host cannot be found")]
    NoSuchHost,
    /// It did not answer.
    #[error("the registrar does not answer")]
    Unreachable,
    /// It said no.
    #[error("the registrar refused: {status} {phrase}")]
    Refused {
        /// The SIP status.
        status: u16,
        /// Its words.
        phrase: String,
    },
}

/// A registration that holds, and is renewed, until it is dropped or ended.
#[derive(Debug)]
pub struct Registration {
    stop: Option<oneshot::Sender<oneshot::Sender<()>>>,
}

impl Registration {
    /// Takes the registration back and waits until the registrar has heard of it.
    pub async fn unregister(mut self) {
        let (done, finished) = oneshot::channel();
        if let Some(stop) = self.stop.take()
            && stop.send(done).is_ok()
        {
            let _ = finished.await;
        }
    }
}

/// One phone's dialogue with its registrar.
struct Registering {
    office: Arc<Office>,
    register: Register,
    registrar: sipx_sip::Uri,
    hop: Target,
    call_id: String,
    tag: u64,
    cseq: u32,
    contact: String,
}

impl Endpoint {
    /// Registers, and keeps registered.
    ///
    /// # Errors
    /// What the registrar said, or that it said nothing.
    pub async fn register(&self, register: Register) -> Result<Registration, RegisterError> {
        let office = Arc::clone(&self.office);
        let address = sip_uri(&register.address).ok_or(RegisterError::NotAnAddress)?;
        let hop = match register.route {
            Some(addr) => resolve::target(&address, addr, register.transport),
            None => resolve::resolve(&address, register.transport)
                .await
                .ok_or(RegisterError::NoSuchHost)?,
        };
        let host = address.host().ok_or(RegisterError::NotAnAddress)?.clone();
        let port = address
            .port()
            .map(|port| format!(":{port}"))
            .unwrap_or_default();
        let scheme = if address.scheme().is_secure() {
            "sips"
        } else {
            "sip"
        };
        let registrar =
            sip_uri(&format!("{scheme}:{host}{port}")).ok_or(RegisterError::NotAnAddress)?;
        let transport = Transport::of(hop.transport);
        let contact = office.contact(
            address.user(),
            transport,
            hop.addr.ip(),
            address.scheme().is_secure(),
        );
        let mut registering = Registering {
            call_id: format!("{:032x}@{}", rand::random::<u128>(), office.host),
            office,
            register,
            registrar,
            hop,
            tag: rand::random(),
            cseq: 0,
            contact,
        };
        let expires = registering.register.expires;
        let granted = registering.send(expires).await?;
        let (stop, stopped) = oneshot::channel();
        tokio::spawn(registering.keep(granted, stopped));
        Ok(Registration { stop: Some(stop) })
    }
}

impl Registering {
    /// Renews at half time, as long as somebody holds the registration.
    async fn keep(
        mut self,
        mut granted: Duration,
        mut stopped: oneshot::Receiver<oneshot::Sender<()>>,
    ) {
        loop {
            tokio::select! {
                done = &mut stopped => {
                    if let Err(error) = self.send(Duration::ZERO).await {
                        tracing::debug!(%error, "could not unregister");
                    }
                    if let Ok(done) = done {
                        let _ = done.send(());
                    }
                    return;
                }
                () = tokio::time::sleep(granted / 2) => {
                    match self.send(self.register.expires).await {
                        Ok(again) => granted = again,
                        Err(error) => {
                            tracing::warn!(%error, "could not renew a registration");
                            granted = Duration::from_secs(60);
                        }
                    }
                }
            }
        }
    }

    /// One REGISTER, with proof when asked for; gives the time it holds.
    async fn send(&mut self, expires: Duration) -> Result<Duration, RegisterError> {
        let mut proofs = Proofs::default();
        let uri = self.registrar.to_string();
        for _ in 0..limits::INVITE_ATTEMPTS {
            let proof = proofs.headers(&self.register.credentials, "REGISTER", &uri);
            let response = self.exchange(expires, &proof).await?;
            let status = response.status.code();
            if response.status.is_success() {
                return Ok(self.granted(&response, expires));
            }
            if !proofs.learn(&response) {
                let phrase = String::from_utf8_lossy(&response.reason).into_owned();
                return Err(RegisterError::Refused { status, phrase });
            }
        }
        Err(RegisterError::Refused {
            status: 401,
            phrase: "the password is not accepted".into(),
        })
    }

    async fn exchange(
        &mut self,
        expires: Duration,
        proof: &[(HeaderName, String)],
    ) -> Result<Response, RegisterError> {
        self.cseq += 1;
        let mut request = RequestBuilder::new(Method::Register, self.registrar.clone())
            .max_forwards(70)
            .build();
        let via = format!(
            "SIP/2.0/{} {};rport;branch={}",
            self.hop.transport.as_str(),
            self.office
                .sent_by(Transport::of(self.hop.transport), self.hop.addr.ip()),
            new_branch()
        );
        let headers = &mut request.headers;
        let address = &self.register.address;
        push(headers, HeaderName::Via, via);
        push(
            headers,
            HeaderName::From,
            format!("<{address}>;tag={}", tag_text(self.tag)),
        );
        push(headers, HeaderName::To, format!("<{address}>"));
        push(
            headers,
            HeaderName::CallId,
            Bytes::from(self.call_id.clone()),
        );
        push(headers, HeaderName::CSeq, format!("{} REGISTER", self.cseq));
        push(headers, HeaderName::Contact, self.contact.clone());
        push(headers, HeaderName::Expires, expires.as_secs().to_string());
        push(
            headers,
            HeaderName::UserAgent,
            self.office.user_agent.clone(),
        );
        for (name, value) in proof {
            push(headers, name.clone(), value.clone());
        }
        let mut hop = self.hop.clone();
        hop.addr = resolve::reach(hop.addr, self.office.wire.local_addr());
        let mut responses = self
            .office
            .wire
            .send(request, hop)
            .await
            .map_err(|_| RegisterError::Unreachable)?;
        responses
            .final_response()
            .await
            .ok_or(RegisterError::Unreachable)
    }

    /// The registrar's word on how long: at our own contact, or for all.
    fn granted(&self, response: &Response, asked: Duration) -> Duration {
        let own = sip_uri(self.contact.trim_matches(['<', '>']));
        let listed = response
            .headers
            .get_all(&HeaderName::Contact)
            .filter_map(|row| ContactValue::decode_list(&row.value()).ok())
            .flatten()
            .find_map(|value| match value {
                ContactValue::Address(address)
                    if own.as_ref().is_some_and(|own| own.equivalent(&address.uri)) =>
                {
                    std::str::from_utf8(address.param("expires")?)
                        .ok()?
                        .parse()
                        .ok()
                }
                _ => None,
            });
        let general = || {
            response
                .headers
                .typed::<Expires>()
                .and_then(Result::ok)
                .map(|Expires(s)| u64::from(s))
        };
        let seconds = listed.or_else(general).unwrap_or(asked.as_secs());
        // A registrar that grants nothing would be asked without pause.
        Duration::from_secs(seconds.max(2))
    }
}
