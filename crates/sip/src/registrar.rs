//! Where our people's phones are (RFC 3261 §10.3).

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use offhook_terms::Private;
use sipx_sip::headers::address::{ContactValue, Path};
use sipx_sip::headers::{CSeq, CallId, Expires};
use sipx_sip::{Address, HeaderName, Request, TypedHeader};
use tokio::time::Instant;

use crate::{Transport, limits};

/// A registered phone of one of our people.
#[derive(Debug, Clone)]
pub struct Contact {
    /// Its own address, as it registered it.
    pub uri: Private<String>,
    /// Where its registration came from; behind a NAT the only place it can be reached.
    pub source: SocketAddr,
    /// How it registered.
    pub transport: Transport,
    /// The proxies to pass, nearest first (RFC 3327).
    pub path: Vec<String>,
    /// How long the registration still holds.
    pub expires_in: Duration,
}

/// The registered phones of one endpoint.
#[derive(Default)]
pub(crate) struct Registrar {
    users: Mutex<HashMap<String, Vec<Binding>>>,
}

struct Binding {
    uri: sipx_sip::Uri,
    contact: Contact,
    until: Instant,
    call_id: Vec<u8>,
    cseq: u32,
}

/// What became of a REGISTER.
pub(crate) enum Outcome {
    /// Kept; these are the phones now.
    Now {
        contacts: Vec<Contact>,
        path: Vec<String>,
        /// Phones before, to tell coming from going.
        before: usize,
    },
    /// Too short (423).
    TooBrief,
    /// It contradicts itself (400).
    Malformed,
    /// An older request than the last one heard (500).
    OutOfOrder,
    /// No room (503).
    Full,
}

/// One change a REGISTER asks for.
enum Change {
    Nothing,
    ForgetAll,
    Set(Vec<(Address, Duration)>),
}

impl Registrar {
    fn users(&self) -> MutexGuard<'_, HashMap<String, Vec<Binding>>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn contacts(&self, user: &str, now: Instant) -> Vec<Contact> {
        let mut users = self.users();
        let Some(bindings) = users.get_mut(user) else {
            return Vec::new();
        };
        bindings.retain(|binding| binding.until > now);
        let contacts = listed(bindings, now);
        if contacts.is_empty() {
            users.remove(user);
        }
        contacts
    }

    pub(crate) fn handle(
        &self,
        user: &str,
        request: &Request,
        source: SocketAddr,
        transport: Transport,
        now: Instant,
    ) -> Outcome {
        let headers = &request.headers;
        let (Some(Ok(CallId(call_id))), Some(Ok(cseq))) =
            (headers.typed::<CallId>(), headers.typed::<CSeq>())
        else {
            return Outcome::Malformed;
        };
        let change = match change(request) {
            Ok(change) => change,
            Err(outcome) => return outcome,
        };
        let path: Vec<String> = headers
            .get_all(&HeaderName::Path)
            .filter_map(|row| Path::parse_list(&row.value()).ok())
            .flatten()
            .map(|hop| format!("<{}>", hop.uri))
            .collect();

        let mut users = self.users();
        if !users.contains_key(user) && users.len() >= limits::REGISTERED_USERS {
            users.retain(|_, bindings| bindings.iter().any(|binding| binding.until > now));
            if users.len() >= limits::REGISTERED_USERS {
                return Outcome::Full;
            }
        }
        let bindings = users.entry(user.to_owned()).or_default();
        bindings.retain(|binding| binding.until > now);
        let before = bindings.len();
        let newer = |binding: &Binding| binding.call_id == call_id && binding.cseq >= cseq.sequence;
        match change {
            Change::Nothing => {}
            Change::ForgetAll => {
                if bindings.iter().any(newer) {
                    return Outcome::OutOfOrder;
                }
                bindings.clear();
            }
            Change::Set(list) => {
                let stale = list.iter().any(|(address, _)| {
                    bindings
                        .iter()
                        .any(|b| b.uri.equivalent(&address.uri) && newer(b))
                });
                if stale {
                    return Outcome::OutOfOrder;
                }
                for (address, life) in list {
                    bindings.retain(|binding| !binding.uri.equivalent(&address.uri));
                    if life.is_zero() {
                        continue;
                    }
                    if bindings.len() >= limits::CONTACTS_PER_USER {
                        bindings.remove(0);
                    }
                    bindings.push(Binding {
                        contact: Contact {
                            uri: Private::new(address.uri.to_string()),
                            source,
                            transport,
                            path: path.clone(),
                            expires_in: life,
                        },
                        uri: address.uri,
                        until: now + life,
                        call_id: call_id.clone(),
                        cseq: cseq.sequence,
                    });
                }
            }
        }
        let contacts = listed(bindings, now);
        if contacts.is_empty() {
            users.remove(user);
        }
        Outcome::Now {
            contacts,
            path,
            before,
        }
    }
}

fn listed(bindings: &[Binding], now: Instant) -> Vec<Contact> {
    bindings
        .iter()
        .map(|binding| Contact {
            expires_in: binding.until.saturating_duration_since(now),
            ..binding.contact.clone()
        })
        .collect()
}

fn change(request: &Request) -> Result<Change, Outcome> {
    let headers = &request.headers;
    let general = match headers.typed::<Expires>() {
        None => None,
        Some(Ok(Expires(seconds))) => Some(seconds),
        // §20.19: a malformed value counts as the default.
        Some(Err(_)) => Some(3_600),
    };
    let mut list = Vec::new();
    for row in headers.get_all(&HeaderName::Contact) {
        let values = ContactValue::decode_list(&row.value()).map_err(|_| Outcome::Malformed)?;
        for value in values {
            match value {
                // §10.2.2: `*` stands alone and only removes.
                ContactValue::Wildcard => {
                    let alone = headers.count(&HeaderName::Contact) == 1;
                    return if alone && general == Some(0) {
                        Ok(Change::ForgetAll)
                    } else {
                        Err(Outcome::Malformed)
                    };
                }
                ContactValue::Address(address) => {
                    if !address.uri.scheme().is_sip() || list.len() >= limits::CONTACTS_PER_USER {
                        return Err(Outcome::Malformed);
                    }
                    let own = address
                        .param("expires")
                        .map(|v| std::str::from_utf8(v).ok().and_then(|v| v.parse().ok()));
                    let life = match own {
                        Some(seconds) => Duration::from_secs(seconds.unwrap_or(3_600)),
                        None => general.map_or(limits::REGISTRATION_DEFAULT, |seconds| {
                            Duration::from_secs(seconds.into())
                        }),
                    };
                    if !life.is_zero() && life < limits::REGISTRATION_MIN {
                        return Err(Outcome::TooBrief);
                    }
                    list.push((address, life.min(limits::REGISTRATION_MAX)));
                }
            }
        }
    }
    Ok(if list.is_empty() {
        Change::Nothing
    } else {
        Change::Set(list)
    })
}
