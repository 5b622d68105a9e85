//! The HTTP and HTTPS doors: listening, serving, draining.
//!
//! Doors are opened before anything else starts, so that a taken port is one sentence and nothing
//! half-started; they are served once the platform behind them is up.

mod authority;
mod base;
pub(crate) mod body;
mod router;
mod tls;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use futures::FutureExt as _;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tower::Service as _;

use crate::config::Config;
use crate::limits;

pub(crate) use authority::{Authority, TlsError};
pub(crate) use base::PublicBase;
pub(crate) use router::router;
pub(crate) use tls::Tls;

/// A door that could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot listen on {address} ({why}); {}", .door.name(), .door.advice(.why))]
pub(crate) struct DoorError {
    /// Which door.
    pub(crate) door: Door,
    /// Where it was to be.
    pub(crate) address: SocketAddr,
    /// What the system said.
    pub(crate) why: io::Error,
}

/// One of the doors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// Plain HTTP.
    Http,
    /// HTTPS.
    Https,
}

impl Door {
    fn name(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Https => "HTTPS",
        }
    }

    fn advice(self, why: &io::Error) -> String {
        let option = match self {
            Self::Http => "--http ADDR:PORT or http.listen",
            Self::Https => "--https ADDR:PORT or https.listen",
        };
        match why.kind() {
            io::ErrorKind::AddrInUse => {
                format!("another program uses this port: stop it, or choose another with {option}")
            }
            io::ErrorKind::PermissionDenied => {
                format!("this port needs privileges: choose one above 1023 with {option}")
            }
            _ => format!("choose another address with {option}"),
        }
    }
}

/// How a request came in; every request carries one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Via {
    /// The other end of the connection.
    pub(crate) peer: SocketAddr,
    /// The door it came through.
    pub(crate) door: Door,
}

/// The doors, open and not served yet.
pub(crate) struct Doors {
    http: TcpListener,
    https: Option<(TcpListener, TlsAcceptor)>,
    http_address: SocketAddr,
    https_address: Option<SocketAddr>,
    connections_max: usize,
}

impl Doors {
    /// Starts to listen.
    pub(crate) async fn open(config: &Config, tls: &Tls) -> Result<Self, DoorError> {
        let (http, http_address) = listen(Door::Http, config.http.listen).await?;
        let (https, https_address) = if config.https.enabled {
            let (listener, address) = listen(Door::Https, config.https.listen).await?;
            let acceptor = TlsAcceptor::from(tls.server_config());
            (Some((listener, acceptor)), Some(address))
        } else {
            (None, None)
        };
        Ok(Self {
            http,
            https,
            http_address,
            https_address,
            connections_max: config.http.connections_max,
        })
    }

    /// Where HTTP is served; the real port when a free one was asked for.
    pub(crate) fn http(&self) -> SocketAddr {
        self.http_address
    }

    /// Where HTTPS is served, if it is.
    pub(crate) fn https(&self) -> Option<SocketAddr> {
        self.https_address
    }

    /// How others reach this platform.
    pub(crate) fn base(&self, config: &Config) -> PublicBase {
        let own = format!("http://{}", reachable(self.http_address));
        PublicBase::new(config.http.public_url.as_ref(), own)
    }

    /// Serves both doors until drained.
    pub(crate) fn serve(self, router: Router) -> Serving {
        let (stop, stopped) = watch::channel(false);
        let shared = Shared {
            router,
            seats: Arc::new(Semaphore::new(self.connections_max)),
            stopped,
        };
        let mut doors = JoinSet::new();
        doors.spawn(shared.clone().serve(self.http, None));
        if let Some((listener, acceptor)) = self.https {
            doors.spawn(shared.serve(listener, Some(acceptor)));
        }
        Serving { stop, doors }
    }
}

async fn listen(door: Door, address: SocketAddr) -> Result<(TcpListener, SocketAddr), DoorError> {
    let refused = |why| DoorError { door, address, why };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let bound = listener.local_addr().map_err(refused)?;
    Ok((listener, bound))
}

/// An address that can be connected to: listening everywhere is reached at loopback.
pub(crate) fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// The doors, served. Dropping it closes them at once.
pub(crate) struct Serving {
    stop: watch::Sender<bool>,
    doors: JoinSet<()>,
}

impl Serving {
    /// Takes no more connections, lets the requests that are being answered finish, and closes.
    pub(crate) async fn drain(mut self, within: Duration) {
        // Nobody listening means that both doors have fallen already.
        let _ = self.stop.send(true);
        let closed = async { while self.doors.join_next().await.is_some() {} };
        if tokio::time::timeout(within, closed).await.is_err() {
            tracing::warn!("requests were still being answered when the doors were closed");
        }
    }
}

#[derive(Clone)]
struct Shared {
    router: Router,
    seats: Arc<Semaphore>,
    stopped: watch::Receiver<bool>,
}

impl Shared {
    async fn serve(mut self, listener: TcpListener, tls: Option<TlsAcceptor>) {
        let graceful = GracefulShutdown::new();
        loop {
            let seat = self.seats.clone();
            let accepted = tokio::select! {
                biased;
                _ = self.stopped.wait_for(|stopped| *stopped) => break,
                // A seat first: connections beyond the bound wait in the system's queue.
                accepted = async {
                    let seat = seat.acquire_owned().await.expect("the seats are never closed");
                    listener.accept().await.map(|(stream, peer)| (stream, peer, seat))
                } => accepted,
            };
            let (stream, peer, seat) = match accepted {
                Ok(accepted) => accepted,
                Err(why) => {
                    // Out of file descriptors, most likely: others must close first.
                    tracing::warn!(%why, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let door = if tls.is_some() {
                Door::Https
            } else {
                Door::Http
            };
            let connection = Connection {
                router: self.router.clone(),
                via: Via { peer, door },
            };
            let watcher = graceful.watcher();
            let tls = tls.clone();
            tokio::spawn(async move {
                let _seat = seat;
                let Some(stream) = secure(stream, tls).await else {
                    return;
                };
                let served = watcher.watch(connection.serve(stream));
                if let Err(why) = served.await {
                    tracing::debug!(%why, "a connection ended");
                }
            });
        }
        drop(listener);
        graceful.shutdown().await;
    }
}

/// The connection as it is, or secured; `None` when the other side does not manage to.
async fn secure(stream: TcpStream, tls: Option<TlsAcceptor>) -> Option<Box<dyn Io>> {
    // Without it small answers would wait for the acknowledgement of the one before.
    stream.set_nodelay(true).ok()?;
    match tls {
        None => Some(Box::new(stream)),
        Some(tls) => {
            let handshake = tokio::time::timeout(limits::HANDSHAKE_WITHIN, tls.accept(stream));
            Some(Box::new(handshake.await.ok()?.ok()?))
        }
    }
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

struct Connection {
    router: Router,
    via: Via,
}

impl Connection {
    fn serve(
        self,
        stream: Box<dyn Io>,
    ) -> impl hyper_util::server::graceful::GracefulConnection<
        Error = Box<dyn std::error::Error + Send + Sync>,
    > {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(limits::REQUEST_HEAD_WITHIN)
            .max_buf_size(limits::REQUEST_HEAD_BYTES_MAX);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(256)
            .max_header_list_size(limits::REQUEST_HEAD_BYTES_MAX as u32)
            .keep_alive_interval(Duration::from_secs(30));
        let service = service_fn(move |request| respond(self.router.clone(), self.via, request));
        builder
            .serve_connection(TokioIo::new(stream), service)
            .into_owned()
    }
}

async fn respond(
    mut router: Router,
    via: Via,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    request.extensions_mut().insert(via);
    let answer = async { router.call(request.map(Body::new)).await };
    match AssertUnwindSafe(answer).catch_unwind().await {
        Ok(answer) => answer,
        Err(_) => {
            metrics::counter!("offhook_http_faults_total").increment(1);
            tracing::error!("a fault of ours spoiled a request; please report it");
            Ok(crate::graph::fault())
        }
    }
}

#[cfg(test)]
mod tests;
