//! How others reach this platform, as it stands in `Location` headers and metadata.

use http::{HeaderMap, Uri, header};
use url::Url;

use super::{Door, Via};

/// The first half of every URL we hand out.
#[derive(Debug, Clone)]
pub(crate) struct PublicBase {
    configured: Option<String>,
    own: String,
}

impl PublicBase {
    /// `own` is the address of a door, for when nothing is configured.
    pub(crate) fn new(configured: Option<&Url>, own: String) -> Self {
        let configured = configured.map(|url| url.as_str().trim_end_matches('/').to_owned());
        Self { configured, own }
    }

    /// When no request says how it came here.
    pub(crate) fn own(&self) -> &str {
        self.configured.as_deref().unwrap_or(&self.own)
    }

    /// For the answer to a request: what is configured, else the way it came.
    pub(crate) fn of_request(&self, headers: &HeaderMap, uri: &Uri, via: Via) -> String {
        if let Some(configured) = &self.configured {
            return configured.clone();
        }
        let scheme = match via.door {
            Door::Http => "http",
            Door::Https => "https",
        };
        let host = match uri.authority() {
            // HTTP/2 has it there.
            Some(authority) => Some(authority.as_str()),
            None => headers
                .get(header::HOST)
                .and_then(|host| host.to_str().ok()),
        };
        match host.filter(|host| is_host(host)) {
            Some(host) => format!("{scheme}://{host}"),
            None => self.own.clone(),
        }
    }
}

/// Only what can be a host and port comes back in a URL of ours.
fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 261
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b))
}

#[cfg(test)]
impl PublicBase {
    pub(crate) fn for_tests() -> Self {
        Self::new(None, "http://127.0.0.1:8080".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn an_odd_host_is_not_repeated() {
        let via = Via {
            peer: ([127, 0, 0, 1], 1).into(),
            door: Door::Https,
        };
        let base = PublicBase::for_tests();
        let of = |host: &'static str| {
            let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]);
            base.of_request(&headers, &Uri::from_static("/x"), via)
        };
        assert_eq!(of("localhost:8443"), "https://localhost:8443");
        assert_eq!(of("a/b?c"), "http://127.0.0.1:8080");
        assert_eq!(of(""), "http://127.0.0.1:8080");
    }
}
