//! Requests the platform makes to addresses a bot names: callbacks, prompts.
//!
//! Such an address is the oldest way to make a server attack its own network, so all of them pass
//! one guard (`guard.rs`), twice: the URL when it is handed in, and the address behind its name at
//! the moment a connection is opened. The name is resolved once for that, and the connection goes
//! to exactly the address that was looked at (`connect.rs`).

mod connect;
mod guard;
mod payload;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use offhook_terms::AppId;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

pub(crate) use connect::Connector;
pub(crate) use guard::{Guard, Origin, UrlRefused};
pub(crate) use payload::{NOTIFICATION_DELAY, Payload};

use crate::limits;
use crate::registry::{Bot, Registry};

/// An HTTP client that goes only where its guard lets it. One a bot: its connections are kept
/// alive and shared with nobody.
#[derive(Clone)]
pub(crate) struct Outgoing {
    client: Client<Connector, Payload>,
    guard: Arc<Guard>,
}

impl Outgoing {
    pub(crate) fn new(guard: Guard, trust: Arc<rustls::ClientConfig>) -> Self {
        let guard = Arc::new(guard);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(90))
            .pool_max_idle_per_host(limits::IDLE_CONNECTIONS_PER_BOT)
            // A request that met a connection just closed by the other side is sent again.
            .retry_canceled_requests(true)
            .build(Connector::new(guard.clone(), trust));
        Self { client, guard }
    }

    /// What this client may be sent to.
    pub(crate) fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Sends a request. Connecting is bounded in time here, the answer by the caller.
    pub(crate) async fn send(
        &self,
        request: http::Request<Payload>,
    ) -> Result<http::Response<hyper::body::Incoming>, hyper_util::client::legacy::Error> {
        self.client.request(request).await
    }
}

/// The cause at the bottom; the layers above say only that there was one.
pub(crate) fn root(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// The client of every bot.
pub(crate) type Clients = Arc<HashMap<AppId, Outgoing>>;

/// A client for every bot; its deliveries and its prompts share connections.
pub(crate) fn clients(registry: &Registry, trust: &Arc<rustls::ClientConfig>) -> Clients {
    let client = |bot: &Bot| (bot.app, Outgoing::new(bot.guard.clone(), Arc::clone(trust)));
    Arc::new(registry.bots().map(client).collect())
}

/// A file of certificates that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: the certificates to trust cannot be read ({why})", .file.display())]
pub(crate) struct TrustError {
    file: PathBuf,
    why: String,
}

/// Whom we believe when calling bots: the system's authorities, our own, and those configured.
pub(crate) fn trust(
    own_authority: &CertificateDer<'static>,
    files: &[PathBuf],
) -> Result<Arc<rustls::ClientConfig>, TrustError> {
    let mut roots = rustls::RootCertStore::empty();
    // A system without certificates still reaches what is configured.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots.add_parsable_certificates([own_authority.clone()]);
    for file in files {
        let refuse = |why: String| TrustError {
            file: file.clone(),
            why,
        };
        for certificate in
            CertificateDer::pem_file_iter(file).map_err(|why| refuse(why.to_string()))?
        {
            let certificate = certificate.map_err(|why| refuse(why.to_string()))?;
            roots
                .add(certificate)
                .map_err(|why| refuse(why.to_string()))?;
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider supports TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// For tests, which speak plain HTTP.
#[cfg(test)]
pub(crate) fn trust_nobody() -> Arc<rustls::ClientConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider supports TLS 1.2 and 1.3")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Arc::new(config)
}
