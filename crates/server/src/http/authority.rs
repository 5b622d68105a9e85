//! The platform's own certificate authority, so that HTTPS works on a laptop.
//!
//! It is made at the first start. A client that trusts `ca.pem` of the data folder trusts every
//! server certificate issued later; those live a year, in memory only. That of the HTTPS door is
//! replaced while the platform runs, that of SIP over TLS at the next start.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use offhook_terms::Private;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::registry::write_private;

/// A certificate a client may have pinned should outlive most machines.
const AUTHORITY_LIVES: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// The longest that browsers accept of a server certificate is 398 days.
const CERTIFICATE_LIVES: Duration = Duration::from_secs(365 * 24 * 3600);

/// Long before the end, so that a platform that was stopped for a month starts with a good one.
const REISSUED_BEFORE: Duration = Duration::from_secs(30 * 24 * 3600);

/// Clocks of clients may be behind ours.
const CLOCKS_DIFFER: Duration = Duration::from_secs(24 * 3600);

/// Certificates cannot be made, read or used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// A file cannot be read or written.
    #[error("{}: the file cannot be used for HTTPS ({why})", .file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// What the system said.
        why: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{}: {wanted} is wanted in it ({why})", .file.display())]
    Content {
        /// Which.
        file: PathBuf,
        /// What should be in it.
        wanted: &'static str,
        /// What was found.
        why: String,
    },
}

/// The authority and the name it issues for.
pub(crate) struct Authority {
    certificate: CertificateDer<'static>,
    file: PathBuf,
    key: KeyPair,
    names: Vec<SanType>,
}

impl Authority {
    /// Reads the authority of the data folder, or makes one. `hosts` are names and addresses that
    /// others know this platform by, beside the loopback ones.
    pub(crate) fn open(data: &Path, hosts: &[&str], now: SystemTime) -> Result<Self, TlsError> {
        let file = data.join("ca.pem");
        let key_file = data.join("ca-key.pem");
        let names = names(hosts);
        match (fs::read(&file), fs::read_to_string(&key_file)) {
            (Ok(certificate), Ok(key)) => {
                let certificate = CertificateDer::from_pem_slice(&certificate)
                    .map_err(|why| content(&file, "a certificate in PEM form", why))?;
                let key = KeyPair::from_pem(&key)
                    .map_err(|why| content(&key_file, "a private key in PEM form", why))?;
                Ok(Self {
                    certificate,
                    file,
                    key,
                    names,
                })
            }
            (Err(why), _) if why.kind() != io::ErrorKind::NotFound => {
                Err(TlsError::File { file, why })
            }
            (_, Err(why)) if why.kind() != io::ErrorKind::NotFound => Err(TlsError::File {
                file: key_file,
                why,
            }),
            // One without the other is of no use; both are made anew.
            _ => Self::make(file, key_file, names, now),
        }
    }

    fn make(
        file: PathBuf,
        key_file: PathBuf,
        names: Vec<SanType>,
        now: SystemTime,
    ) -> Result<Self, TlsError> {
        let key = KeyPair::generate().map_err(|why| content(&key_file, "a new key", why))?;
        let mut params = authority_params();
        lifetime(&mut params, now, AUTHORITY_LIVES);
        let certificate = params
            .self_signed(&key)
            .map_err(|why| content(&file, "a new certificate", why))?;
        let refused = |file: &Path| {
            let file = file.to_owned();
            move |why| TlsError::File { file, why }
        };
        write_private(&key_file, &key.serialize_pem()).map_err(refused(&key_file))?;
        fs::write(&file, certificate.pem()).map_err(refused(&file))?;
        Ok(Self {
            certificate: certificate.der().clone(),
            file,
            key,
            names,
        })
    }

    /// The certificate to trust.
    pub(crate) fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Where the certificate to trust is.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// A new server certificate.
    pub(crate) fn issue(&self, now: SystemTime) -> Result<Issued, TlsError> {
        let failed = |why: &dyn std::fmt::Display| content(&self.file, "a usable authority", why);
        let key = KeyPair::generate().map_err(|why| failed(&why))?;
        let mut params = CertificateParams::default();
        params.distinguished_name = named("Offhook");
        params.subject_alt_names = self.names.clone();
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        lifetime(&mut params, now, CERTIFICATE_LIVES);
        let issuer = Issuer::new(authority_params(), &self.key);
        let certificate = params
            .signed_by(&key, &issuer)
            .map_err(|why| failed(&why))?;
        let pem = (certificate.pem(), Private::new(key.serialize_pem()));
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(|why| failed(&why))?;
        Ok(Issued {
            key: certified(vec![certificate.der().clone()], &key).map_err(|why| failed(&why))?,
            pem,
            due: now + CERTIFICATE_LIVES - REISSUED_BEFORE,
        })
    }
}

/// A server certificate with its key.
pub(crate) struct Issued {
    pub(crate) key: CertifiedKey,
    /// The same in PEM form: the certificate and its key.
    pub(crate) pem: (String, Private<String>),
    /// When it should be replaced.
    pub(crate) due: SystemTime,
}

/// A certificate of the operator's own.
pub(crate) fn read(certificate: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|why| content(certificate, "a certificate chain in PEM form", why))?;
    if chain.is_empty() {
        return Err(content(
            certificate,
            "a certificate chain in PEM form",
            "there is none",
        ));
    }
    let private = PrivateKeyDer::from_pem_file(key)
        .map_err(|why| content(key, "a private key in PEM form", why))?;
    certified(chain, &private).map_err(|why| content(key, "the key of the certificate", why))
}

fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: &PrivateKeyDer<'_>,
) -> Result<CertifiedKey, rustls::Error> {
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(key)?;
    let certified = CertifiedKey::new(chain, key);
    certified.keys_match()?;
    Ok(certified)
}

fn content(file: &Path, wanted: &'static str, why: impl std::fmt::Display) -> TlsError {
    TlsError::Content {
        file: file.to_owned(),
        wanted,
        why: why.to_string(),
    }
}

/// The same for making the authority and for issuing with it after a restart.
fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named("Offhook local authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn lifetime(params: &mut CertificateParams, now: SystemTime, lives: Duration) {
    params.not_before = (now - CLOCKS_DIFFER).into();
    params.not_after = (now + lives).into();
}

fn names(hosts: &[&str]) -> Vec<SanType> {
    let mut names = vec![
        SanType::IpAddress(Ipv4Addr::LOCALHOST.into()),
        SanType::IpAddress(Ipv6Addr::LOCALHOST.into()),
    ];
    let texts = ["localhost"].iter().chain(hosts);
    for text in texts {
        let text = text.trim_matches(['[', ']']);
        let name = match text.parse::<IpAddr>() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => match text.to_owned().try_into() {
                Ok(name) => SanType::DnsName(name),
                // A name that no certificate can hold cannot be asked for by a client either.
                Err(_) => continue,
            },
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
