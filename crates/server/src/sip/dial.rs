//! Calling somebody: where a person's phones are, and what they are shown of the caller.

use std::sync::Arc;

use offhook_engine::{Description, NotReached, Party, SipContext};
use offhook_sip::{Endpoint, OutgoingCall, Session};
use offhook_terms::{LegId, Private};

use super::leg::PhoneLeg;
use super::trunks::{NotDialled, TrunkSeat, Trunks};
use crate::config::{self, Transfer};
use crate::registry::Registry;

/// What a caller without an address of its own is called from (RFC 3323 §4.1.1.3).
const ANONYMOUS: &str = "sip:anonymous@anonymous.invalid";

/// The way to everybody's phones.
pub(crate) struct Dialler {
    endpoint: Endpoint,
    registry: Arc<Registry>,
    trunks: Arc<Trunks>,
    people_dial_numbers: bool,
    transfer: Transfer,
    /// What stands behind the `@` of our addresses.
    domain: String,
}

/// Somebody to be called, by somebody else.
pub(crate) struct Dialled {
    /// The new leg.
    pub(crate) leg: LegId,
    /// Who is called.
    pub(crate) callee: Party,
    /// Who calls.
    pub(crate) caller: Party,
    /// What the callee is told of the call.
    pub(crate) context: SipContext,
    /// Our offer.
    pub(crate) offer: Description,
}

/// Why somebody cannot be called at all.
pub(crate) struct NoWay {
    /// For the call.
    pub(crate) reason: NotReached,
    /// Why, and what to change, for the operator, when it is more than the reason says.
    pub(crate) words: Option<(String, &'static str)>,
}

impl NoWay {
    fn only(reason: NotReached) -> Self {
        Self {
            reason,
            words: None,
        }
    }
}

impl From<NotDialled> for NoWay {
    fn from(not: NotDialled) -> Self {
        Self {
            reason: not.reason,
            words: Some((not.why, not.change)),
        }
    }
}

impl Dialler {
    pub(crate) fn new(
        endpoint: Endpoint,
        registry: Arc<Registry>,
        trunks: Arc<Trunks>,
        settings: &config::Sip,
    ) -> Self {
        let domain = settings.domain.as_deref();
        let domain = domain.unwrap_or(endpoint.advertised()).to_owned();
        Self {
            endpoint,
            registry,
            trunks,
            people_dial_numbers: settings.people_dial_numbers,
            transfer: settings.transfer,
            domain,
        }
    }

    /// Whether people may dial numbers from their phones.
    pub(super) fn people_dial_numbers(&self) -> bool {
        self.people_dial_numbers
    }

    /// The trunks, as they stand.
    #[cfg(test)]
    pub(crate) fn trunks(&self) -> &Trunks {
        &self.trunks
    }

    /// Asks a phone to call somebody else instead of us. False when it will not, or may not.
    pub(crate) fn refer(&self, phone: &mut PhoneLeg, target: &Party, told: &SipContext) -> bool {
        if self.transfer == Transfer::Bridge {
            return false;
        }
        let user = match target {
            Party::Person { id, .. } => self.registry.person(*id).map(|person| &*person.sip_user),
            Party::Phone { number } => Some(number.reveal().as_str()),
            Party::Guest { .. } | Party::Bot { .. } => None,
        };
        let is_number = matches!(target, Party::Phone { .. });
        let host = refer_host(
            is_number,
            phone.trunk(),
            self.people_dial_numbers,
            &self.domain,
        );
        match (user, host) {
            (Some(user), Some(host)) => phone.refer(format!("sip:{user}@{host}{}", headers(told))),
            _ => false,
        }
    }

    /// Where a trunk is.
    pub(super) fn trunk_host(&self, trunk: &str) -> Option<&str> {
        self.trunks.host(trunk)
    }

    /// Who is reached by a number of a trunk: the user part of an address of ours.
    pub(super) fn inbound(&self, trunk: &str, number: &str) -> Option<&str> {
        self.trunks.inbound(trunk, number)
    }

    /// Begins to call.
    pub(crate) fn call(&self, dialled: &Dialled) -> Result<PhoneLeg, NoWay> {
        let (ways, seat) = self.ways(dialled)?;
        let told = &dialled.context.headers;
        let place = |mut way: OutgoingCall| {
            way.headers.extend(told.iter().cloned());
            self.endpoint.call(way).ok()
        };
        let sessions: Vec<Session> = ways.into_iter().filter_map(place).collect();
        if sessions.is_empty() {
            // As many calls as we may have, or going down: for the caller there is no way.
            return Err(NoWay {
                reason: NotReached::Unreachable,
                words: Some((
                    "no further call can be placed over SIP".to_owned(),
                    "raise `sip.calls_max`",
                )),
            });
        }
        Ok(PhoneLeg::called(dialled.leg, sessions, seat))
    }

    /// A call for every device of the callee.
    fn ways(&self, dialled: &Dialled) -> Result<(Vec<OutgoingCall>, Option<TrunkSeat>), NoWay> {
        match &dialled.callee {
            Party::Person { id, .. } => {
                let person = self
                    .registry
                    .person(*id)
                    .ok_or(NoWay::only(NotReached::Nobody))?;
                let contacts = self.endpoint.contacts(&person.sip_user);
                if contacts.is_empty() {
                    return Err(NoWay::only(NotReached::Nobody));
                }
                let shown = self.shown(&dialled.caller);
                let offer = dialled.offer.as_str().as_bytes();
                let way = |contact| {
                    let from = shown.address.clone();
                    let mut call = OutgoingCall::to_contact(contact, from, offer.to_vec());
                    call.display = shown.name.clone();
                    call
                };
                Ok((contacts.iter().map(way).collect(), None))
            }
            Party::Phone { number } => {
                let offer = dialled.offer.as_str().as_bytes().to_vec();
                let (call, seat) = self.trunks.dial(number.reveal(), &dialled.caller, offer)?;
                Ok((vec![call], Some(seat)))
            }
            // Bots are the engine's to call, and a guest has no address.
            Party::Guest { .. } | Party::Bot { .. } => Err(NoWay::only(NotReached::Nobody)),
        }
    }

    /// What one of our people's phones shows of a caller.
    fn shown(&self, caller: &Party) -> Shown {
        let ours = |user: &str| format!("sip:{user}@{}", self.domain);
        match caller {
            Party::Person { id, name } => Shown {
                address: self
                    .registry
                    .person(*id)
                    .map_or_else(|| ANONYMOUS.to_owned(), |person| ours(&person.sip_user)),
                name: Some(name.clone()),
            },
            Party::Phone { number } => Shown {
                address: ours(number.reveal()),
                name: None,
            },
            // Without a name it is somebody whom nobody shall know.
            Party::Guest { name } => Shown {
                address: ANONYMOUS.to_owned(),
                name: Some(name.clone()).filter(|name| !name.reveal().is_empty()),
            },
            Party::Bot { app } => {
                let bot = self.registry.bot(*app);
                Shown {
                    address: bot.map_or_else(|| ANONYMOUS.to_owned(), |bot| ours(&bot.sip_user)),
                    name: bot.map(|bot| Private::new(bot.name.clone())),
                }
            }
        }
    }
}

/// Behind which host a phone could call the target of a transfer by itself; `None` where only we can.
///
/// A trunk finds numbers and not our people. A phone of ours finds our people, and numbers as far as
/// it may dial them: what the bot may dial is the bot's.
fn refer_host<'a>(
    is_number: bool,
    trunk: Option<&'a str>,
    people_dial_numbers: bool,
    domain: &'a str,
) -> Option<&'a str> {
    match (trunk, is_number) {
        (Some(trunk), true) => Some(trunk),
        (Some(_), false) => None,
        (None, true) => people_dial_numbers.then_some(domain),
        (None, false) => Some(domain),
    }
}

/// Headers for the call that a phone is asked to make, in its address (RFC 3261 §19.1.1).
fn headers(told: &SipContext) -> String {
    let mut out = String::new();
    for (name, value) in &told.headers {
        out.push(if out.is_empty() { '?' } else { '&' });
        out.push_str(name);
        out.push('=');
        for byte in value.reveal().bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    out.push(char::from(byte));
                }
                other => out.push_str(&format!("%{other:02X}")),
            }
        }
    }
    out
}

/// A caller as its callee sees it.
struct Shown {
    address: String,
    name: Option<Private<String>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_stands_in_the_address() {
        let header = |name: &str, value: &str| (name.to_owned(), Private::new(value.to_owned()));
        let mut told = SipContext::default();
        assert_eq!(headers(&told), "");
        told.headers
            .push(header("User-to-User", "6869;encoding=hex"));
        told.headers.push(header("X-Case", "a b"));
        let wanted = "?User-to-User=6869%3Bencoding%3Dhex&X-Case=a%20b";
        assert_eq!(headers(&told), wanted);
    }

    #[test]
    fn a_phone_is_sent_only_where_it_can_get_by_itself() {
        let ours = "calls.example";
        assert_eq!(refer_host(false, None, false, ours), Some(ours));
        assert_eq!(refer_host(true, None, false, ours), None);
        assert_eq!(refer_host(true, None, true, ours), Some(ours));
        let trunk = Some("carrier.example");
        assert_eq!(refer_host(true, trunk, false, ours), trunk);
        assert_eq!(refer_host(false, trunk, true, ours), None);
    }
}
