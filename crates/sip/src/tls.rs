//! TLS beside UDP and TCP: whom we are, and whom we believe (RFC 3261 §26, RFC 5922).

use offhook_terms::Private;
use sipx_transport::tls::{ClientTls, Identity, ServerTls, TlsError, TrustAnchors};

/// How to be reached by TLS.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The port, on the address of UDP and TCP; 0 picks a free one.
    pub port: u16,
    /// The certificate and what leads to its authority, in PEM.
    pub certificate: String,
    /// Its key, in PEM.
    pub key: Private<String>,
}

/// Whose certificates we believe when we connect by TLS ourselves. Nobody's by default: then TLS
/// is for connections others open, over which they can be called.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// The authorities this machine believes.
    pub system: bool,
    /// Further authorities, in PEM.
    pub authorities: Vec<String>,
}

/// Puts both roles into the stack's configuration.
pub(crate) fn configure(
    wire: &mut sipx_transport::Config,
    tls: Option<&Tls>,
    trust: &Trust,
) -> Result<(), TlsError> {
    let is_used = tls.is_some() || trust.system || !trust.authorities.is_empty();
    if !is_used {
        return Ok(());
    }
    // Two providers may be linked. Where the program has chosen none, it is the one of the house.
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
    let mut anchors = match trust.system {
        true => TrustAnchors::system(),
        false => TrustAnchors::only(),
    };
    for authority in &trust.authorities {
        anchors.add_pem(authority.as_bytes())?;
    }
    if let Some(tls) = tls {
        let certificate = tls.certificate.as_bytes();
        let identity = Identity::from_pem(certificate, tls.key.reveal().as_bytes())?;
        wire.tls_server = Some((ServerTls::new(identity)?, tls.port));
        // The stack asks for a client even to send over a connection that somebody else opened.
        // Believing ourselves gives nothing away.
        anchors.add_pem(certificate)?;
    }
    wire.tls_client = Some(ClientTls::new(&anchors)?);
    Ok(())
}
