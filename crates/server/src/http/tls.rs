//! Which certificate the HTTPS door shows, and its replacement while the door is open.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::authority::{self, Authority, TlsError};
use crate::config::Config;

/// The certificate in use.
pub(crate) struct Tls {
    authority: Authority,
    shown: Arc<Shown>,
    /// When the certificate we issued must be replaced; an operator's own is theirs to replace.
    due: RwLock<Option<SystemTime>>,
}

#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(
            self.0
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        )
    }
}

impl Tls {
    /// The operator's certificate, or one of our own authority.
    pub(crate) fn open(config: &Config, data: &Path, now: SystemTime) -> Result<Self, TlsError> {
        let public = config.http.public_url.as_ref();
        let hosts = [
            public.and_then(|url| url.host_str()),
            config.sip.advertised.as_deref(),
            config.sip.domain.as_deref(),
        ];
        let hosts: Vec<&str> = hosts.into_iter().flatten().collect();
        let authority = Authority::open(data, &hosts, now)?;
        let (key, due) = match (&config.https.certificate, &config.https.key) {
            (Some(certificate), Some(key)) => (authority::read(certificate, key)?, None),
            _ => {
                let issued = authority.issue(now)?;
                (issued.key, Some(issued.due))
            }
        };
        Ok(Self {
            authority,
            shown: Arc::new(Shown(RwLock::new(Arc::new(key)))),
            due: RwLock::new(due),
        })
    }

    /// The authority that clients on this machine should trust.
    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Replaces our own certificate when its end is near.
    pub(crate) fn renew_if_due(&self, now: SystemTime) {
        let mut due = self.due.write().unwrap_or_else(PoisonError::into_inner);
        if due.is_none_or(|due| now < due) {
            return;
        }
        match self.authority.issue(now) {
            Ok(issued) => {
                *due = Some(issued.due);
                *self.shown.0.write().unwrap_or_else(PoisonError::into_inner) =
                    Arc::new(issued.key);
                tracing::info!("the HTTPS certificate was renewed");
            }
            Err(why) => tracing::error!(%why, "the HTTPS certificate could not be renewed"),
        }
    }

    #[cfg(test)]
    pub(super) fn shown_for_tests(&self) -> Arc<CertifiedKey> {
        self.shown
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How the HTTPS door speaks TLS.
    pub(super) fn server_config(&self) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider supports TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_cert_resolver(self.shown.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }
}
