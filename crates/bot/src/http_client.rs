//! The HTTP client of both halves: one provider of cryptography, short waits, and a certificate
//! authority of the reader's own where the platform made one.

use std::path::Path;

use url::{Host, Url};

use crate::graph::SetupFault;
use crate::limits::CONNECT_WITHIN;

/// A client for `address`. With a CA file only that authority is believed.
pub(crate) fn for_address(
    address: &str,
    ca_file: Option<&Path>,
) -> Result<reqwest::Client, SetupFault> {
    let url = Url::parse(address).map_err(|_| SetupFault::Address(address.into()))?;
    build(is_loopback(&url), ca_file)
}

/// A client for whatever addresses channels have that are this machine's own, or that are not.
pub(crate) fn build(
    without_proxy: bool,
    ca_file: Option<&Path>,
) -> Result<reqwest::Client, SetupFault> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("offhook-bot/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_WITHIN);
    // A proxy of the environment can never reach this machine's own loopback.
    if without_proxy {
        builder = builder.no_proxy();
    }
    if let Some(path) = ca_file {
        let fault = |why: String| SetupFault::CaFile(path.display().to_string(), why);
        let pem = std::fs::read(path).map_err(|error| fault(error.to_string()))?;
        let authorities = reqwest::Certificate::from_pem_bundle(&pem)
            .map_err(|_| fault("it holds no PEM certificate".into()))?;
        if authorities.is_empty() {
            return Err(fault("it holds no PEM certificate".into()));
        }
        builder = builder.tls_certs_only(authorities);
    }
    builder
        .build()
        .map_err(|error| SetupFault::Client(error.to_string()))
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
