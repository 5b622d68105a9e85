//! Where a bot may send us.
//!
//! ```text
//!   registered origin of the bot  ──▶ yes, wherever it leads: the operator said so
//!   anything else                 ──▶ public addresses only
//! ```

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Scheme, host and port: what an operator registers for a bot.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    https: bool,
    host: String,
    port: u16,
}

impl Origin {
    /// Reads `http://127.0.0.1:3978`; nothing but an origin may be there.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        bare.then(|| Self::of(&url)).flatten()
    }

    /// The origin of a URL, if it has one we speak.
    pub(crate) fn of(url: &Url) -> Option<Self> {
        let https = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        Some(Self {
            https,
            host: url.host_str()?.trim_end_matches('.').to_owned(),
            port: url.port_or_known_default()?,
        })
    }
}

/// A URL that may not be used, worded for the bot that named it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UrlRefused {
    /// Not an absolute http or https URL.
    NotHttp,
    /// It must be https.
    NotHttps,
    /// A name and password in a URL end up in logs.
    Credentials,
    /// It leads into a private network.
    Private,
}

impl fmt::Display for UrlRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotHttp => "must be an absolute http or https URL",
            Self::NotHttps => "must be an absolute https URL",
            Self::Credentials => "must not contain a user name or password",
            Self::Private => {
                "leads to a private, loopback or link-local address that is not registered for \
                 this application"
            }
        })
    }
}

impl std::error::Error for UrlRefused {}

/// What one bot's URLs may lead to.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    /// Registered by the operator for this bot.
    pub(crate) origins: Vec<Origin>,
    /// The operator lets every URL lead anywhere.
    pub(crate) private_allowed: bool,
    /// Plain http is good enough for a callback to this machine.
    pub(crate) http_to_loopback: bool,
}

impl Guard {
    /// Reads a URL to be fetched from. A name is looked at again when it is resolved.
    pub(crate) fn fetchable(&self, text: &str) -> Result<Url, UrlRefused> {
        let url = Url::parse(text).map_err(|_| UrlRefused::NotHttp)?;
        let origin = Origin::of(&url).ok_or(UrlRefused::NotHttp)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlRefused::Credentials);
        }
        if self.registered(&origin) {
            return Ok(url);
        }
        match literal(&url) {
            Some(address) if !self.admits(address) => Err(UrlRefused::Private),
            _ if is_local_name(&origin.host) && !self.private_allowed => Err(UrlRefused::Private),
            _ => Ok(url),
        }
    }

    /// Reads a URL to deliver notifications to: as for fetching, and the way must be private.
    pub(crate) fn callback(&self, text: &str) -> Result<Url, UrlRefused> {
        let url = self.fetchable(text).map_err(|refused| match refused {
            UrlRefused::NotHttp => UrlRefused::NotHttps,
            other => other,
        })?;
        let origin = Origin::of(&url).ok_or(UrlRefused::NotHttps)?;
        let to_this_machine =
            literal(&url).is_some_and(|ip| ip.is_loopback()) || is_local_name(&origin.host);
        if origin.https || self.registered(&origin) || (self.http_to_loopback && to_this_machine) {
            return Ok(url);
        }
        Err(UrlRefused::NotHttps)
    }

    /// Whether the operator registered this origin for the bot.
    pub(crate) fn registered(&self, origin: &Origin) -> bool {
        self.origins.contains(origin)
    }

    /// Whether an address that is not of a registered origin may be connected to.
    pub(crate) fn admits(&self, address: IpAddr) -> bool {
        self.private_allowed || is_public(address)
    }
}

fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(ip) => Some(ip.into()),
        Host::Ipv6(ip) => Some(ip.into()),
        Host::Domain(_) => None,
    }
}

/// RFC 6761 §6.3: these names always mean this machine.
fn is_local_name(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.to_ascii_lowercase().ends_with(".localhost")
}

/// Reachable by everyone, so nothing is gained by going through us.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_broadcast()
        || ip.is_documentation()
        || ip.is_multicast()
        || a == 0
        || a >= 240
        // Carrier-grade NAT (RFC 6598), protocol assignments (RFC 6890), benchmarks (RFC 2544).
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19)))
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    if let Some(v4) = ip.to_ipv4_mapped() {
        return is_public_v4(v4);
    }
    let s = ip.segments();
    let embedded = |high: u16, low: u16| {
        is_public_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
    };
    match s {
        // Translated and tunnelled IPv4: NAT64 (RFC 6052), 6to4 (RFC 3056).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        // Only 2000::/3 is given out for the public network; Teredo and documentation lie in it.
        [0x2001, 0, ..] | [0x2001, 0xdb8, ..] => false,
        [first, ..] => (0x2000..0x4000).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(origins: &[&str]) -> Guard {
        Guard {
            origins: origins
                .iter()
                .map(|o| Origin::parse(o).expect("an origin"))
                .collect(),
            private_allowed: false,
            http_to_loopback: true,
        }
    }

    #[test]
    fn private_addresses_are_refused() {
        let guard = guard(&[]);
        for url in [
            "http://127.0.0.1/x",
            "http://127.1/x",
            "http://0x7f000001/",
            "http://2130706433/",
            "https://10.1.2.3/",
            "https://172.16.0.1/",
            "https://192.168.1.1:8443/",
            "http://169.254.169.254/latest/meta-data",
            "https://100.64.0.1/",
            "https://0.0.0.0/",
            "https://224.0.0.1/",
            "https://255.255.255.255/",
            "https://[::1]/",
            "https://[::]/",
            "https://[fe80::1]/",
            "https://[fd00::1]/",
            "https://[ff02::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[2002:7f00:1::]/",
            "https://[2001:db8::1]/",
            "https://localhost/",
            "https://localhost./",
            "https://a.LOCALHOST:99/",
        ] {
            assert_eq!(guard.fetchable(url), Err(UrlRefused::Private), "{url}");
        }
    }

    #[test]
    fn public_addresses_and_names_are_let_through() {
        let guard = guard(&[]);
        for url in [
            "https://bot.example.org/callback",
            "http://8.8.8.8/a.wav",
            "https://[2606:4700::1111]/",
            "https://[64:ff9b::808:808]/",
        ] {
            assert!(guard.fetchable(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn a_registered_origin_may_be_anywhere_but_only_that_origin() {
        let guard = guard(&["http://127.0.0.1:3978"]);
        assert!(guard.callback("http://127.0.0.1:3978/callback?x=1").is_ok());
        assert_eq!(
            guard.callback("http://127.0.0.1:3979/"),
            Err(UrlRefused::Private)
        );
        assert_eq!(
            guard.callback("https://127.0.0.1:3978/"),
            Err(UrlRefused::Private)
        );
    }

    #[test]
    fn a_callback_must_be_https() {
        let mut guard = guard(&[]);
        assert_eq!(
            guard.callback("http://bot.example.org/"),
            Err(UrlRefused::NotHttps)
        );
        assert_eq!(
            guard.callback("ftp://bot.example.org/"),
            Err(UrlRefused::NotHttps)
        );
        assert_eq!(guard.callback("/callback"), Err(UrlRefused::NotHttps));
        assert_eq!(
            guard.callback("https://me:secret@bot.example.org/"),
            Err(UrlRefused::Credentials)
        );
        assert!(guard.callback("https://bot.example.org/").is_ok());
        guard.private_allowed = true;
        assert!(guard.callback("http://127.0.0.1:1/").is_ok());
        assert_eq!(
            guard.callback("http://10.0.0.1:1/"),
            Err(UrlRefused::NotHttps)
        );
        guard.http_to_loopback = false;
        assert_eq!(
            guard.callback("http://127.0.0.1:1/"),
            Err(UrlRefused::NotHttps)
        );
    }

    #[test]
    fn an_origin_is_nothing_but_an_origin() {
        assert!(Origin::parse("https://b.example").is_some());
        for bad in [
            "b.example",
            "https://b.example/x",
            "ftp://b.example",
            "https://b.example?x",
            "",
        ] {
            assert!(Origin::parse(bad).is_none(), "{bad}");
        }
    }
}
