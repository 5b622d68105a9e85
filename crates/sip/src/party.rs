//! Who is calling, as the caller says it.

use offhook_terms::Private;
use sipx_sip::{Address, Uri};

/// One end of a call, read from a `From` or `To` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// The display name.
    pub display: Option<Private<String>>,
    /// The whole address, such as `sip:+14255550100@example.com`.
    pub uri: Private<String>,
    /// The user part without escapes: a number or a name. A `tel:` address is all user.
    pub user: Private<String>,
    /// The host, in lower case; empty for `tel:`.
    pub host: String,
}

impl Party {
    pub(crate) fn of(address: &Address) -> Self {
        let display = address
            .display_name
            .as_deref()
            .map(|name| Private::new(String::from_utf8_lossy(name).into_owned()));
        Self {
            display,
            ..Self::of_uri(&address.uri)
        }
    }

    pub(crate) fn of_uri(uri: &Uri) -> Self {
        let user = match uri.tel_parts() {
            Some(parts) => parts.subscriber().to_vec(),
            None => uri.decoded_user().unwrap_or_default(),
        };
        Self {
            display: None,
            uri: Private::new(String::from_utf8_lossy(&uri.to_bytes()).into_owned()),
            user: Private::new(String::from_utf8_lossy(&user).into_owned()),
            host: host_of(uri),
        }
    }
}

/// The host of an address in lower case, without brackets.
pub(crate) fn host_of(uri: &Uri) -> String {
    uri.host()
        .map(|host| String::from_utf8_lossy(&host.to_bytes()).to_ascii_lowercase())
        .unwrap_or_default()
}
