//! Registering one of our own phones with a registrar, and keeping it registered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use sipx_sip::headers::Expires;
use sipx_sip::headers::address::ContactValue;
use sipx_sip::{HeaderName, Method, RequestBuilder, Response, TypedHeader, Uri};
use sipx_transport::{Target, TransportKind, new_branch};
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

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
    /// Where the registrar is, if not at the address's own host. By TLS its certificate has to be
    /// for that host all the same.
    pub route: Option<SocketAddr>,
    /// How long it shall hold; renewed in time until dropped.
    pub expires: Duration,
    /// The trunk this is, so that its calls are known while the registration holds: they come from
    /// the registrar's address as [`Incoming::trunk`](crate::Incoming::trunk).
    pub trunk: Option<String>,
}

/// How a registration stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegistrationState {
    /// Not decided yet.
    Trying,
    /// It holds, and is renewed in time.
    Registered,
    /// It does not hold, or will not for long; it is tried again.
    Failed {
        /// Why not.
        error: RegisterError,
        /// When it is tried again.
        again_in: Duration,
    },
    /// Nobody keeps it any more.
    Ended,
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

/// A registration that is made again and again until it is dropped or ended, which takes it back.
#[derive(Debug)]
pub struct Registration {
    stop: Option<oneshot::Sender<oneshot::Sender<()>>>,
    state: watch::Receiver<RegistrationState>,
}

impl Registration {
    /// How it stands now.
    #[must_use]
    pub fn state(&self) -> RegistrationState {
        self.state.borrow().clone()
    }

    /// Waits until it stands otherwise than when last asked, and tells how.
    pub async fn changed(&mut self) -> RegistrationState {
        match self.state.changed().await {
            Ok(()) => self.state.borrow_and_update().clone(),
            Err(_) => RegistrationState::Ended,
        }
    }

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

/// One dialogue of ours with a registrar.
struct Registering {
    office: Arc<Office>,
    register: Register,
    address: Uri,
    registrar: Uri,
    /// Where the registrar was last.
    hop: Option<Target>,
    call_id: String,
    tag: u64,
    cseq: u32,
    contact: String,
    expires: Duration,
}

impl Endpoint {
    /// Registers, and keeps registered.
    ///
    /// # Errors
    /// What the registrar said, or that it said nothing.
    pub async fn register(&self, register: Register) -> Result<Registration, RegisterError> {
        let mut registering = Registering::new(Arc::clone(&self.office), register)?;
        let granted = registering.send(registering.expires).await?;
        Ok(registering.keep_on(RegistrationState::Registered, granted))
    }

    /// Registers as soon as it can be done and keeps registered, however often it fails: what a
    /// trunk needs. Nothing is waited for; [`Registration::state`] tells how it stands, and
    /// [`Endpoint::shutdown`] takes it back. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When the address is none.
    pub fn keep_registered(&self, register: Register) -> Result<Registration, RegisterError> {
        let registering = Registering::new(Arc::clone(&self.office), register)?;
        Ok(registering.keep_on(RegistrationState::Trying, Duration::ZERO))
    }
}

/// Counts a registration for as long as somebody keeps it, and makes its trunk known meanwhile.
struct Kept {
    office: Arc<Office>,
    tag: u64,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.office.trunks.left(self.tag);
        self.office.registrations.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Registering {
    fn new(office: Arc<Office>, register: Register) -> Result<Self, RegisterError> {
        let address = sip_uri(&register.address).ok_or(RegisterError::NotAnAddress)?;
        let host = address.host().ok_or(RegisterError::NotAnAddress)?.clone();
        let port = address
            .port()
            .map(|port| format!(":{port}"))
            .unwrap_or_default();
        let scheme = match address.scheme().is_secure() {
            true => "sips",
            false => "sip",
        };
        let registrar =
            sip_uri(&format!("{scheme}:{host}{port}")).ok_or(RegisterError::NotAnAddress)?;
        Ok(Self {
            call_id: format!("{:032x}@{}", rand::random::<u128>(), office.host),
            office,
            expires: register.expires,
            register,
            address,
            registrar,
            hop: None,
            tag: rand::random(),
            cseq: 0,
            contact: String::new(),
        })
    }

    /// Keeps it in a task of its own.
    fn keep_on(self, now: RegistrationState, granted: Duration) -> Registration {
        let (stop, stopped) = oneshot::channel();
        let (news, state) = watch::channel(now);
        self.office.registrations.fetch_add(1, Ordering::Relaxed);
        let kept = Kept {
            office: Arc::clone(&self.office),
            tag: self.tag,
        };
        tokio::spawn(self.keep(granted, stopped, news, kept));
        Registration {
            stop: Some(stop),
            state,
        }
    }

    /// Renews in time, as long as somebody holds the registration.
    async fn keep(
        mut self,
        granted: Duration,
        mut stopped: oneshot::Receiver<oneshot::Sender<()>>,
        news: watch::Sender<RegistrationState>,
        kept: Kept,
    ) {
        let mut closing = self.office.closing.subscribe();
        let mut wait = self.renew_after(granted);
        let mut failures = 0;
        let mut done = None;
        loop {
            tokio::select! {
                stopped = &mut stopped => {
                    done = stopped.ok();
                    break;
                }
                _ = closing.wait_for(|closing| *closing) => break,
                () = tokio::time::sleep(wait) => {}
            }
            let sent = tokio::select! {
                sent = self.send(self.expires) => sent,
                // A shutdown does not wait for a registrar that says nothing.
                _ = closing.wait_for(|closing| *closing) => break,
            };
            let state = match sent {
                Ok(granted) => {
                    failures = 0;
                    wait = self.renew_after(granted);
                    RegistrationState::Registered
                }
                Err(error) => {
                    failures += 1;
                    wait = retry(failures);
                    tracing::warn!(%error, "a registration of ours does not hold");
                    RegistrationState::Failed {
                        error,
                        again_in: wait,
                    }
                }
            };
            news.send_if_modified(|before| {
                let changed = *before != state;
                *before = state;
                changed
            });
        }
        if self.hop.is_some()
            && let Err(error) = self.send(Duration::ZERO).await
        {
            tracing::debug!(%error, "could not unregister");
        }
        drop(kept);
        let _ = news.send(RegistrationState::Ended);
        if let Some(done) = done {
            let _ = done.send(());
        }
    }

    /// When to renew what was granted: at half time, and over a connection before the routers on the
    /// way forget it. Its calls come over that connection, and where it is gone the renewal makes
    /// another.
    fn renew_after(&self, granted: Duration) -> Duration {
        let half = granted / 2;
        match &self.hop {
            Some(hop) if hop.transport != TransportKind::Udp => half.min(limits::KEEP_ALIVE),
            _ => half,
        }
    }

    /// Where the registrar is now; a name is looked up each time, because it may have moved.
    async fn locate(&mut self) -> Result<Target, RegisterError> {
        let transport = self.register.transport;
        let hop = match self.register.route {
            Some(addr) => Some(resolve::target(&self.address, addr, transport)),
            None => {
                let from = self.office.wire.local_addr();
                let looking = resolve::resolve(&self.address, transport, Some(from));
                timeout(limits::LOOK_UP, looking).await.ok().flatten()
            }
        };
        let hop = hop.ok_or(RegisterError::NoSuchHost)?;
        self.contact = self.office.contact(
            self.address.user(),
            Transport::of(hop.transport),
            hop.addr.ip(),
            self.address.scheme().is_secure(),
        );
        Ok(self.hop.insert(hop).clone())
    }

    /// One REGISTER, with proof when asked for; gives the time it holds.
    async fn send(&mut self, expires: Duration) -> Result<Duration, RegisterError> {
        let hop = self.locate().await?;
        let mut expires = expires;
        let mut proofs = Proofs::default();
        let uri = self.registrar.to_string();
        for _ in 0..limits::INVITE_ATTEMPTS {
            let proof = proofs.headers(&self.register.credentials, "REGISTER", &uri);
            let response = self.exchange(&hop, expires, &proof).await?;
            let status = response.status.code();
            if response.status.is_success() {
                if let Some(trunk) = self
                    .register
                    .trunk
                    .as_deref()
                    .filter(|_| !expires.is_zero())
                {
                    let office = &self.office;
                    office.trunks.registered(self.tag, trunk, hop.addr.ip());
                }
                return Ok(self.granted(&response, expires));
            }
            // It keeps none so short (RFC 3261 §10.2.8).
            if status == 423
                && !expires.is_zero()
                && let Some(least) = min_expires(&response).filter(|least| *least > expires)
            {
                self.expires = least;
                expires = least;
                continue;
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
        hop: &Target,
        expires: Duration,
        proof: &[(HeaderName, String)],
    ) -> Result<Response, RegisterError> {
        self.cseq += 1;
        let mut request = RequestBuilder::new(Method::Register, self.registrar.clone())
            .max_forwards(70)
            .build();
        let via = format!(
            "SIP/2.0/{} {};rport;branch={}",
            hop.transport.as_str(),
            self.office
                .sent_by(Transport::of(hop.transport), hop.addr.ip()),
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
        let mut hop = hop.clone();
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

fn min_expires(response: &Response) -> Option<Duration> {
    let value = response.headers.value(&HeaderName::MinExpires)?;
    let seconds = std::str::from_utf8(&value).ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(limits::REGISTRATION_MAX))
}

/// How long to wait after so many failures: twice as long each time and a little otherwise, so that
/// many of us do not come back to a registrar at once.
fn retry(failures: u32) -> Duration {
    let doubled = limits::REGISTER_AGAIN * 2u32.saturating_pow(failures.saturating_sub(1).min(16));
    doubled
        .min(limits::REGISTER_AGAIN_MAX)
        .mul_f64(rand::random_range(0.75..=1.0))
}
