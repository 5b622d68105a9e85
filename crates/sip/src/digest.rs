//! Digest authentication of our people (RFC 7616, RFC 8760).
//!
//! A challenge keeps no state: its nonce carries its age and is signed with a key of this
//! process, for the address that asked. A right answer leaves the highest use count behind, so
//! that a recorded request cannot be sent again; a wrong one is counted against its address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::{constant_time, hmac};
use offhook_terms::Private;
use sipx_sip::auth::{self, Algorithm, Challenge};
use sipx_sip::{HeaderName, Request};
use tokio::time::Instant;

use crate::guesses::Guesses;
use crate::limits;
use crate::reply::Reply;

/// Who asks: a registrar answers 401, a call is asked by 407.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Desk {
    Registrar,
    Calls,
}

impl Desk {
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::Registrar => 401,
            Self::Calls => 407,
        }
    }

    fn asks_in(self) -> HeaderName {
        match self {
            Self::Registrar => HeaderName::WwwAuthenticate,
            Self::Calls => HeaderName::ProxyAuthenticate,
        }
    }

    fn answered_in(self) -> HeaderName {
        match self {
            Self::Registrar => HeaderName::Authorization,
            Self::Calls => HeaderName::ProxyAuthorization,
        }
    }
}

/// What a request's credentials are worth.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It carries none for us.
    Absent,
    /// It is from this account.
    Proven(Private<String>),
    /// The password may be right; the challenge is too old or was used.
    Stale,
    /// Not one of our people, or not their password.
    Wrong,
    /// Its address has been wrong too often; whether this one is right was not looked at.
    Unheard,
}

/// The challenges of one endpoint.
pub(crate) struct Digest {
    realm: String,
    key: hmac::Key,
    born: Instant,
    used: Mutex<HashMap<[u8; 16], (Instant, u32)>>,
    guesses: Mutex<Guesses>,
}

const SIGNATURE: usize = 16;

impl Digest {
    pub(crate) fn new(realm: String, failures_per_minute: u32) -> Self {
        let secret: [u8; 32] = rand::random();
        Self {
            realm,
            key: hmac::Key::new(hmac::HMAC_SHA256, &secret),
            born: Instant::now(),
            used: Mutex::default(),
            guesses: Mutex::new(Guesses::new(failures_per_minute)),
        }
    }

    /// Adds our challenge.
    ///
    /// It names MD5 alone. Many phones in use (among them baresip as Debian 12 has it) give up at
    /// an algorithm they do not know even when it stands beside one they do, against RFC 8760
    /// §2.4. The passwords we make are random, so the older algorithm gives nothing away; proof by
    /// the newer one is taken all the same.
    pub(crate) fn challenge(&self, desk: Desk, reply: Reply, stale: bool, asked: IpAddr) -> Reply {
        let nonce = self.nonce(asked, Instant::now());
        let stale = if stale { ", stale=true" } else { "" };
        let realm = &self.realm;
        let value = format!(
            "Digest realm=\"{realm}\", nonce=\"{nonce}\", algorithm=MD5, qop=\"auth\"{stale}"
        );
        reply.with(desk.asks_in(), value)
    }

    fn nonce(&self, asked: IpAddr, now: Instant) -> String {
        let age = u64::try_from(now.duration_since(self.born).as_millis()).unwrap_or(u64::MAX);
        let mut bytes = [0; 16 + SIGNATURE];
        bytes[..8].copy_from_slice(&age.to_be_bytes());
        bytes[8..16].copy_from_slice(&rand::random::<u64>().to_be_bytes());
        let signature = self.sign(&bytes[..16], asked);
        bytes[16..].copy_from_slice(&signature);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// With the address in it, nobody can be wrong in somebody else's name: whoever sends from an
    /// address that is not its own never sees a challenge for it.
    fn sign(&self, bytes: &[u8], asked: IpAddr) -> [u8; SIGNATURE] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(bytes);
        match asked {
            IpAddr::V4(four) => context.update(&four.octets()),
            IpAddr::V6(six) => context.update(&six.octets()),
        }
        let mut signature = [0; SIGNATURE];
        signature.copy_from_slice(&context.sign().as_ref()[..SIGNATURE]);
        signature
    }

    /// Judges the credentials of a request.
    pub(crate) fn judge(
        &self,
        desk: Desk,
        request: &Request,
        from: IpAddr,
        password: impl Fn(&str) -> Option<Private<String>>,
    ) -> Verdict {
        let name = desk.answered_in();
        let ours = request
            .headers
            .get_all(&name)
            .filter_map(|header| Given::parse(&header.value()))
            .find(|given| given.realm == self.realm);
        let Some(given) = ours else {
            return Verdict::Absent;
        };
        let Some(nonce) = unhex::<{ 16 + SIGNATURE }>(&given.nonce) else {
            return Verdict::Stale;
        };
        let signature = self.sign(&nonce[..16], from);
        if constant_time::verify_slices_are_equal(&nonce[16..], &signature).is_err() {
            // From before we started, asked elsewhere, or made up; another try is due.
            return Verdict::Stale;
        }
        let now = Instant::now();
        if self.guesses().are_too_many(from, &given.user, now) {
            return Verdict::Unheard;
        }
        let proves = |password: Private<String>| {
            given.proves(password.reveal(), &request.method.to_string())
        };
        if !password(&given.user).is_some_and(proves) {
            self.guesses().wrong(from, &given.user, now);
            return Verdict::Wrong;
        }
        let id: [u8; 16] = nonce[..16]
            .try_into()
            .expect("the first sixteen of thirty-two");
        if self.is_fresh(id, given.count, now) {
            Verdict::Proven(Private::new(given.user))
        } else {
            Verdict::Stale
        }
    }

    fn guesses(&self) -> std::sync::MutexGuard<'_, Guesses> {
        self.guesses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this use of a nonce is in time and the first with its count.
    fn is_fresh(&self, id: [u8; 16], count: u32, now: Instant) -> bool {
        let millis = u64::from_be_bytes(id[..8].try_into().expect("eight of sixteen"));
        let made = self.born + std::time::Duration::from_millis(millis);
        if now.duration_since(made) > limits::NONCE_LIFE {
            return false;
        }
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() >= limits::NONCES {
            used.retain(|_, (made, _)| now.duration_since(*made) <= limits::NONCE_LIFE);
            if used.len() >= limits::NONCES {
                return false;
            }
        }
        let (_, last) = used.entry(id).or_insert((made, 0));
        let fresh = count > *last;
        *last = count.max(*last);
        fresh
    }
}

/// Credentials as they stand in a request.
struct Given {
    user: String,
    realm: String,
    nonce: String,
    uri: String,
    response: String,
    algorithm: Algorithm,
    cnonce: String,
    qop: bool,
    count: u32,
}

impl Given {
    fn parse(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?.trim();
        let scheme = text.get(..7)?;
        if !scheme.eq_ignore_ascii_case("digest ") {
            return None;
        }
        let fields = fields(&text[7..]);
        let get = |name: &str| fields.get(name).cloned();
        let qop = get("qop").is_some_and(|qop| qop.eq_ignore_ascii_case("auth"));
        Some(Self {
            user: get("username")?,
            realm: get("realm")?,
            nonce: get("nonce")?,
            uri: get("uri")?,
            response: get("response")?,
            algorithm: match get("algorithm") {
                Some(name) => Algorithm::parse(&name)?,
                None => Algorithm::Md5,
            },
            cnonce: get("cnonce").unwrap_or_default(),
            qop,
            // Without a use count a nonce is good for one request.
            count: match (qop, get("nc")) {
                (true, Some(nc)) => u32::from_str_radix(&nc, 16).ok()?,
                (true, None) => return None,
                (false, _) => u32::MAX,
            },
        })
    }

    fn proves(&self, password: &str, method: &str) -> bool {
        let challenge = Challenge {
            realm: self.realm.clone(),
            nonce: self.nonce.clone(),
            opaque: None,
            algorithm: self.algorithm,
            qop_auth: self.qop,
            stale: false,
            from_proxy: false,
        };
        let credentials = auth::Credentials::new(self.user.clone(), password);
        let right = auth::respond(
            &challenge,
            &credentials,
            method,
            &self.uri,
            self.count,
            &self.cnonce,
        );
        let Some(wanted) = fields(&right[7..]).remove("response") else {
            return false;
        };
        let given = self.response.to_ascii_lowercase();
        constant_time::verify_slices_are_equal(wanted.as_bytes(), given.as_bytes()).is_ok()
    }
}

/// The `name=value` list of a digest header, names in lower case, quotes removed.
fn fields(text: &str) -> HashMap<String, String> {
    let mut fields = HashMap::new();
    let mut rest = text;
    while let Some((name, tail)) = rest.split_once('=') {
        let name = name.trim_matches([' ', '\t', ',']).to_ascii_lowercase();
        let tail = tail.trim_start();
        let (value, after) = match tail.strip_prefix('"') {
            Some(quoted) => unquote(quoted),
            None => {
                let end = tail.find(',').unwrap_or(tail.len());
                (tail[..end].trim().to_owned(), &tail[end..])
            }
        };
        fields.insert(name, value);
        rest = after;
    }
    fields
}

fn unquote(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value, "")
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; N];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}
