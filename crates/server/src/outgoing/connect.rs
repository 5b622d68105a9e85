//! Opening connections: resolve once, look at the addresses, connect to one that was looked at.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::Url;

use super::{Guard, Origin, UrlRefused};
use crate::limits;

/// Opens connections for the client of one bot.
#[derive(Clone)]
pub(crate) struct Connector {
    guard: Arc<Guard>,
    tls: TlsConnector,
}

impl Connector {
    pub(super) fn new(guard: Arc<Guard>, trust: Arc<rustls::ClientConfig>) -> Self {
        Self {
            guard,
            tls: TlsConnector::from(trust),
        }
    }

    async fn connect(self, uri: Uri) -> io::Result<TokioIo<Stream>> {
        let url = Url::parse(&uri.to_string()).map_err(io::Error::other)?;
        let origin = Origin::of(&url).ok_or_else(|| io::Error::other(UrlRefused::NotHttp))?;
        let host = url
            .host_str()
            .ok_or_else(|| io::Error::other(UrlRefused::NotHttp))?
            // An IPv6 address stands in brackets in a URL and nowhere else.
            .trim_matches(['[', ']'])
            .to_owned();
        let port = url.port_or_known_default().unwrap_or(443);
        let anywhere = self.guard.registered(&origin);

        let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), port))
            .await?
            .collect();
        let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in addresses {
            if !anywhere && !self.guard.admits(address.ip()) {
                failure = io::Error::other(UrlRefused::Private);
                continue;
            }
            match TcpStream::connect(address).await {
                Ok(stream) => return self.secure(stream, url.scheme(), host, address).await,
                Err(why) => failure = why,
            }
        }
        Err(failure)
    }

    async fn secure(
        &self,
        stream: TcpStream,
        scheme: &str,
        host: String,
        address: SocketAddr,
    ) -> io::Result<TokioIo<Stream>> {
        stream.set_nodelay(true)?;
        if scheme == "http" {
            return Ok(TokioIo::new(Stream::Plain(stream)));
        }
        let name = match host.parse::<IpAddr>() {
            Ok(_) => ServerName::from(address.ip()),
            Err(_) => ServerName::try_from(host).map_err(io::Error::other)?,
        };
        let stream = self.tls.connect(name, stream).await?;
        Ok(TokioIo::new(Stream::Tls(Box::new(stream))))
    }
}

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move {
            tokio::time::timeout(limits::CONNECT_WITHIN, connector.connect(uri))
                .await
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        })
    }
}

/// A connection, plain or secured.
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, parts),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, parts),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name may lead to the public when its URL is looked at, and to this machine when it is
    /// used (DNS rebinding): what counts is the address that is connected to.
    #[tokio::test]
    async fn a_name_is_judged_by_the_address_it_leads_to() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0");
        let listener = listener.await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let uri = format!("http://localhost:{port}/");
        let connect = async |origins: Vec<Origin>| {
            let guard = Guard {
                origins,
                private_allowed: false,
                http_to_loopback: true,
            };
            let trust = crate::outgoing::trust_nobody();
            let connector = Connector::new(Arc::new(guard), trust);
            connector.connect(uri.parse().expect("a URI")).await
        };
        let refused = connect(vec![]).await.map(drop).expect_err("refused");
        let why = refused.get_ref().map(ToString::to_string);
        assert_eq!(why, Some(UrlRefused::Private.to_string()));
        let own = Origin::parse(&uri).expect("an origin");
        assert!(connect(vec![own]).await.is_ok());
    }
}
