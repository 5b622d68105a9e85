//! The trunks of the platform: what they may dial, how much they are used, whether they are there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use offhook_engine::{NotReached, Party};
use offhook_sip::{
    Credentials, Endpoint, OutgoingCall, Register, Registration, RegistrationState, Transport,
};
use offhook_terms::Private;

use super::trunk::{Caps, Facts, Meter, Trouble, caller_id, choose};
use crate::clock;
use crate::config::{self, TrunkTransport};

/// All trunks, in the order of the configuration.
#[derive(Default)]
pub(crate) struct Trunks(Vec<Arc<Trunk>>);

struct Trunk {
    settings: config::Trunk,
    /// Where its calls are sent, and where it sends ours.
    host: String,
    meter: Mutex<Meter>,
    /// Held for as long as we run, if it wants one.
    registration: Option<Registration>,
}

/// A place among a trunk's calls, for as long as it is held.
pub(super) struct TrunkSeat(Arc<Trunk>);

/// What is to be seen of a trunk.
pub(crate) struct TrunkState {
    /// Its name.
    pub(crate) name: String,
    /// Calls out that are live.
    pub(crate) calls: usize,
    /// Whether its registrar has let us in; nothing for a trunk that needs none.
    pub(crate) is_registered: Option<bool>,
}

/// Why a number is not dialled.
pub(super) struct NotDialled {
    pub(super) reason: NotReached,
    /// For the operator.
    pub(super) why: String,
    pub(super) change: &'static str,
}

impl Trunks {
    /// Lets the trunks in that call us from addresses of their own, and begins to register where that
    /// is wanted.
    pub(crate) fn open(settings: &[config::Trunk], endpoint: &Endpoint) -> Self {
        let trunk = |settings: &config::Trunk| {
            let host = settings.host()?.to_owned();
            trust(settings, endpoint);
            Some(Arc::new(Trunk {
                registration: register(settings, endpoint),
                settings: settings.clone(),
                host,
                meter: Mutex::default(),
            }))
        };
        Self(settings.iter().filter_map(trunk).collect())
    }

    /// The trunk that dials a number for a caller, a place among its calls, and the call.
    pub(super) fn dial(
        &self,
        number: &str,
        caller: &Party,
        offer: Vec<u8>,
    ) -> Result<(OutgoingCall, TrunkSeat), NotDialled> {
        if !super::is_e164(number) {
            return Err(NotDialled {
                reason: NotReached::Nobody,
                why: "the number is not one in full".to_owned(),
                change: "dial it with its `+` and its country, as in +493012345",
            });
        }
        let now = clock::now();
        // Held together, so that two calls at once do not take the same place.
        let mut meters: Vec<MutexGuard<'_, Meter>> = self.0.iter().map(|t| t.meter()).collect();
        let facts: Vec<Facts<'_>> = std::iter::zip(&self.0, &mut meters)
            .map(|(trunk, meter)| Facts {
                name: &trunk.settings.name,
                allow: &trunk.settings.allow,
                trouble: trunk.trouble(meter, now),
            })
            .collect();
        let at = choose(number, &facts).map_err(|none| {
            let (why, change) = none.words();
            NotDialled {
                reason: none.reason(),
                why,
                change,
            }
        })?;
        meters[at].begin(now);
        let trunk = &self.0[at];
        Ok((
            trunk.call(number, caller, offer),
            TrunkSeat(Arc::clone(trunk)),
        ))
    }

    /// Where the trunk of this name is.
    pub(super) fn host(&self, trunk: &str) -> Option<&str> {
        let trunk = self.0.iter().find(|known| known.settings.name == trunk)?;
        Some(&trunk.host)
    }

    /// Who is reached by a number of the trunk of this name: the user part of an address of ours.
    pub(super) fn inbound(&self, trunk: &str, number: &str) -> Option<&str> {
        let trunk = self.0.iter().find(|known| known.settings.name == trunk)?;
        let inbound = &trunk.settings.inbound;
        // Many write their numbers in full and without the sign that says so.
        let found = inbound
            .get(number)
            .or_else(|| inbound.get(&format!("+{number}")));
        found.map(String::as_str)
    }

    /// Those that cannot be used, with why.
    pub(crate) fn impaired(&self) -> BTreeMap<String, String> {
        let out = |trunk: &TrunkState| trunk.is_registered == Some(false);
        let states = self.states().into_iter().filter(out);
        states
            .map(|trunk| (format!("trunk {}", trunk.name), "not registered".to_owned()))
            .collect()
    }

    /// What is to be seen of them.
    pub(crate) fn states(&self) -> Vec<TrunkState> {
        self.0
            .iter()
            .map(|trunk| TrunkState {
                name: trunk.settings.name.clone(),
                calls: trunk.meter().live(),
                is_registered: trunk.must_register().then(|| trunk.is_registered()),
            })
            .collect()
    }
}

impl Trunk {
    fn must_register(&self) -> bool {
        self.settings.registrar.is_some()
    }

    fn is_registered(&self) -> bool {
        let state = self.registration.as_ref().map(Registration::state);
        state == Some(RegistrationState::Registered)
    }

    fn meter(&self) -> MutexGuard<'_, Meter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trouble(&self, meter: &mut Meter, now: std::time::Instant) -> Option<Trouble> {
        if self.must_register() && !self.is_registered() {
            return Some(Trouble::NotRegistered);
        }
        let caps = Caps {
            calls_max: self.settings.calls_max,
            calls_per_minute: self.settings.calls_per_minute,
        };
        meter.trouble(caps, now)
    }

    /// A call to a number. Who calls is the number we may show, and our account where there is none:
    /// some registrars let nobody else call.
    fn call(&self, number: &str, caller: &Party, offer: Vec<u8>) -> OutgoingCall {
        let settings = &self.settings;
        let callers = match caller {
            Party::Phone { number } => Some(number.reveal().as_str()),
            Party::Person { .. } | Party::Guest { .. } | Party::Bot { .. } => None,
        };
        let own = settings.caller_id.as_deref();
        let shown = caller_id(callers, &settings.caller_ids, own);
        let account = settings.user.as_deref();
        let from = shown.or(account).unwrap_or("anonymous");
        let host = &self.host;
        let mut call = OutgoingCall::new(
            format!("sip:{number}@{host}"),
            format!("sip:{from}@{host}"),
            offer,
        );
        call.transport = transport(settings);
        call.credentials = credentials(settings);
        if let Some(shown) = shown {
            // Who is billed by what is asserted reads it here (RFC 3325 §9.1).
            let identity = Private::new(format!("<sip:{shown}@{host}>"));
            call.headers
                .push(("P-Asserted-Identity".to_owned(), identity));
        }
        call
    }
}

fn trust(settings: &config::Trunk, endpoint: &Endpoint) {
    let sources = &settings.sources;
    if !sources.is_empty() && endpoint.trust(&settings.name, sources) < sources.len() {
        tracing::warn!(
            trunk = %settings.name,
            "not all of its `sources` are known: another trunk has them, or they are too many"
        );
    }
}

fn register(settings: &config::Trunk, endpoint: &Endpoint) -> Option<Registration> {
    let registrar = settings.registrar.as_ref()?;
    let user = settings.user.as_ref()?;
    let kept = endpoint.keep_registered(Register {
        address: format!("sip:{user}@{registrar}"),
        credentials: credentials(settings)?,
        transport: transport(settings),
        route: None,
        expires: REGISTERED_FOR,
        trunk: Some(settings.name.clone()),
    });
    match kept {
        Ok(registration) => Some(registration),
        Err(why) => {
            tracing::error!(trunk = %settings.name, %why, "the trunk cannot be registered");
            None
        }
    }
}

fn transport(settings: &config::Trunk) -> Transport {
    match settings.transport {
        TrunkTransport::Udp => Transport::Udp,
        TrunkTransport::Tcp => Transport::Tcp,
        TrunkTransport::Tls => Transport::Tls,
    }
}

fn credentials(settings: &config::Trunk) -> Option<Credentials> {
    let user = settings.user.as_ref()?;
    let password = settings.password.as_ref()?;
    Some(Credentials::new(user.clone(), password.reveal().clone()))
}

/// How long a registration is asked to hold. Registrars answer with what they like better.
const REGISTERED_FOR: Duration = Duration::from_secs(600);

impl TrunkSeat {
    /// Where the trunk is.
    pub(super) fn host(&self) -> &str {
        &self.0.host
    }
}

impl Drop for TrunkSeat {
    fn drop(&mut self) {
        self.0.meter().end();
    }
}
