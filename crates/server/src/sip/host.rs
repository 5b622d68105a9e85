//! Takes what the SIP listener hands over and starts calls with it.

use std::path::Path;
use std::sync::Arc;

use offhook_engine::{Arrival, Connection, Invitee, Party, PhoneJoin};
use offhook_sip::{Callers, Incoming, Refusal, Tls, Trust};
use offhook_terms::{AppId, CallId, LegId, Private};
use offhook_workplace::Key;
use tokio::sync::mpsc;

use super::leg::PhoneLeg;
use super::route::{Route, route};
use super::to_engine;
use crate::Platform;
use crate::config::Config;
use crate::http::Authority;
use crate::registry::Registry;
use crate::switchboard::NotConnected;
use crate::workplace::NotFound;
use crate::{clock, config};

/// The settings of the listener, from the platform's.
///
/// # Errors
/// A sentence about the file that cannot be read.
pub(crate) fn endpoint_config(
    config: &Config,
    registry: &Arc<Registry>,
    authority: &Authority,
) -> Result<offhook_sip::Config, String> {
    let people = Arc::clone(registry);
    let mut endpoint = offhook_sip::Config::new(config.sip.listen);
    endpoint.advertised = config.sip.advertised.clone();
    endpoint.domains = config.sip.domain.iter().cloned().collect();
    endpoint.session_expires = config.sip.session_expires;
    endpoint.calls_max = config.sip.calls_max;
    endpoint.failures_per_minute = config.login.failures_per_minute;
    endpoint.callers = match config.sip.callers() {
        crate::config::Callers::Known => Callers::Known,
        crate::config::Callers::Anyone => Callers::Anyone,
    };
    endpoint.accounts = Arc::new(move |user| {
        people
            .person_by_sip_user(user)
            .map(|person| person.sip_password.clone())
    });
    endpoint.tls = tls(config, authority)?;
    endpoint.trust = trust(config)?;
    Ok(endpoint)
}

/// How to be reached by TLS: with the certificate of the HTTPS door, or one of our own authority.
fn tls(config: &Config, authority: &Authority) -> Result<Option<Tls>, String> {
    let Some(port) = config.sip.tls_port else {
        return Ok(None);
    };
    let (certificate, key) = match (&config.https.certificate, &config.https.key) {
        (Some(certificate), Some(key)) => (
            read(certificate, "https.certificate")?,
            Private::new(read(key, "https.key")?),
        ),
        _ => {
            let issued = authority.issue(clock::wall());
            issued.map_err(|why| why.to_string())?.pem
        }
    };
    Ok(Some(Tls {
        port,
        certificate,
        key,
    }))
}

/// Whom to believe when we connect by TLS, as only trunks need.
fn trust(config: &Config) -> Result<Trust, String> {
    let by_tls = |trunk: &config::Trunk| trunk.transport == config::TrunkTransport::Tls;
    if !config.trunks.iter().any(by_tls) {
        return Ok(Trust::default());
    }
    let authorities = config.graph.trust.iter();
    let authorities = authorities.map(|file| read(file, "graph.trust"));
    Ok(Trust {
        system: true,
        authorities: authorities.collect::<Result<_, _>>()?,
    })
}

fn read(file: &Path, setting: &str) -> Result<String, String> {
    let cannot = |why| format!("{} cannot be read ({why}): `{setting}`", file.display());
    std::fs::read_to_string(file).map_err(cannot)
}

/// Starts a call for every INVITE until the listener is gone.
pub(crate) async fn serve(
    platform: Arc<Platform>,
    mut arrivals: mpsc::Receiver<offhook_sip::Arrival>,
) {
    while let Some(arrival) = arrivals.recv().await {
        if let offhook_sip::Arrival::Invite(incoming) = arrival {
            begin(&platform, *incoming);
        }
    }
}

fn begin(platform: &Arc<Platform>, incoming: Incoming) {
    metrics::counter!("offhook_calls_offered_total").increment(1);
    let registry = &platform.registry;
    let caller = caller(registry, &incoming);
    // A caller from outside would dial at our expense.
    let may_dial_numbers =
        matches!(caller, Party::Person { .. }) && platform.dialler.people_dial_numbers();
    let user = called(platform, &incoming);
    let route = route(
        &user,
        may_dial_numbers,
        |user| registry.bot_by_sip_user(user).map(|bot| bot.app),
        |user| registry.person_by_sip_user(user).map(|person| person.id),
    );
    let callee = match route {
        Route::Bot(app) => return arrive(platform, app, caller, &user, incoming),
        Route::Meeting => {
            // Meetings are in the store, and the next caller should not wait for it.
            let platform = Arc::clone(platform);
            tokio::spawn(async move { dial_in(&platform, &user, caller, incoming).await });
            return;
        }
        Route::Person(id) => Party::Person {
            id,
            name: registry
                .person(id)
                .map_or_else(|| Private::new(String::new()), |person| person.name.clone()),
        },
        Route::Number(number) => Party::Phone {
            number: Private::new(number.to_owned()),
        },
        Route::NumberForbidden => {
            let refusal = Refusal::new(403).because("Numbers may not be dialled from here");
            return turn_down(
                platform,
                incoming,
                refusal,
                "the dialled address is a phone number",
                "set `sip.people_dial_numbers` to let people dial what `trunks.allow` has",
            );
        }
        Route::Nobody => {
            let why = "nobody has the dialled address";
            let change = "dial the `sip_user` of somebody in [[bots]] or [[people]], or give a \
                          trunk's number to one in its `inbound`";
            return turn_down(
                platform,
                incoming,
                Refusal::new(404).because(why),
                why,
                change,
            );
        }
    };
    connect(platform, callee, caller, incoming);
}

/// The user of ours who is called: by a trunk, whoever has the number.
fn called(platform: &Platform, incoming: &Incoming) -> String {
    let target = incoming.target.user.reveal();
    let Some(trunk) = &incoming.trunk else {
        return target.clone();
    };
    // A registered trunk calls the address we registered and names the number beside it.
    let numbers = [target, incoming.to.user.reveal()];
    let user = numbers
        .iter()
        .find_map(|number| platform.dialler.inbound(trunk, number));
    user.map_or_else(|| target.clone(), str::to_owned)
}

fn turn_down(
    platform: &Platform,
    mut incoming: Incoming,
    refusal: Refusal,
    why: &'static str,
    change: &'static str,
) {
    incoming.session.refuse(refusal);
    platform.note_turned_down("the dialled address leads to somebody", why, change);
}

/// A phone calls a bot.
fn arrive(platform: &Platform, bot: AppId, caller: Party, user: &str, incoming: Incoming) {
    let trunk = trunk_host(platform, &incoming);
    let caller_leg = LegId::from_random(rand::random());
    let arrival = Arrival {
        call: CallId::from_random(rand::random()),
        caller_leg,
        caller,
        offer: incoming.offer.map(to_engine::description),
        bot_leg: LegId::from_random(rand::random()),
        bot,
    };
    let calls_max = platform.registry.calls_max(bot);
    let (call, bot_leg) = (arrival.call, arrival.bot_leg);
    let headers = incoming.headers;
    platform.channel.dialled(call, bot_leg, bot, user, headers);
    let phone = PhoneLeg::calling(caller_leg, incoming.session, trunk);
    if let Err(not) = platform.switchboard.arrive(arrival, calls_max, phone) {
        platform.channel.close(bot_leg);
        not_connected(platform, *not);
    }
}

/// A phone dials into a meeting.
async fn dial_in(platform: &Platform, user: &str, caller: Party, incoming: Incoming) {
    let meeting = match platform
        .meetings
        .find(&Key::DialIn(user), clock::wall())
        .await
    {
        Ok(meeting) => meeting.id,
        Err(NotFound::NotAdmitted(_)) => {
            let why = "there is no such meeting, or no more";
            let refusal = Refusal::new(404).because(why);
            let change = "dial the address of a meeting that is held";
            return turn_down(platform, incoming, refusal, why, change);
        }
        Err(NotFound::Store(why)) => {
            tracing::error!(%why, "a meeting could not be looked up");
            let refusal = Refusal::new(503).because("The platform had a fault");
            let why = "the meeting could not be looked up";
            return turn_down(platform, incoming, refusal, why, "look at the log");
        }
    };
    let trunk = trunk_host(platform, &incoming);
    let leg = LegId::from_random(rand::random());
    let join = PhoneJoin {
        leg,
        party: caller,
        offer: incoming.offer.map(to_engine::description),
    };
    let phone = PhoneLeg::calling(leg, incoming.session, trunk);
    if let Err(not) = platform.switchboard.dial_in(meeting, join, phone) {
        not_connected(platform, *not);
    }
}

/// A phone calls a person or a number.
fn connect(platform: &Platform, callee: Party, caller: Party, incoming: Incoming) {
    let trunk = trunk_host(platform, &incoming);
    let caller_leg = LegId::from_random(rand::random());
    let connection = Connection {
        call: CallId::from_random(rand::random()),
        caller_leg,
        caller,
        offer: incoming.offer.map(to_engine::description),
        callee: Invitee::new(LegId::from_random(rand::random()), callee),
    };
    let phone = PhoneLeg::calling(caller_leg, incoming.session, trunk);
    if let Err(not) = platform.switchboard.connect_phones(connection, phone) {
        not_connected(platform, *not);
    }
}

/// Where the trunk is that a call comes from.
fn trunk_host(platform: &Platform, incoming: &Incoming) -> Option<String> {
    let trunk = incoming.trunk.as_deref()?;
    platform.dialler.trunk_host(trunk).map(str::to_owned)
}

/// There is no room for a call.
fn not_connected(platform: &Platform, (why, mut phone): (NotConnected, PhoneLeg)) {
    match why {
        NotConnected::Closed | NotConnected::Over => {
            let why = "The platform is going down";
            phone.refuse(Refusal::new(503).because(why).retry_after(10));
        }
        NotConnected::BotIsFull => {
            phone.refuse(Refusal::new(486).because("The bot has as many calls as it may"));
            platform.note_turned_down(
                "the bot has room for a call",
                "it has as many live calls as it may",
                "raise `limits.calls` of the bot",
            );
        }
        NotConnected::MonthIsFull { .. } => {
            let why = "The bot had as many calls this month as it may";
            phone.refuse(Refusal::new(486).because(why));
            platform.note_turned_down(
                "the bot has calls left this month",
                "it had as many calls this month as it may",
                "raise `limits.calls_per_month` of the bot",
            );
        }
    }
}

/// Who is calling: one of our people only when they have proven it; a number only when it is one.
fn caller(registry: &Registry, incoming: &Incoming) -> Party {
    if let Some(account) = &incoming.caller
        && let Some(person) = registry.person_by_sip_user(account.reveal())
    {
        return Party::Person {
            id: person.id,
            name: person.name.clone(),
        };
    }
    // Only a trunk asserts anything; what it asserts is truer than what its caller says.
    let from = incoming.asserted.as_ref().unwrap_or(&incoming.from);
    if is_e164(from.user.reveal()) {
        return Party::Phone {
            number: from.user.clone(),
        };
    }
    let name = from.display.clone();
    Party::Guest {
        name: name.unwrap_or_else(|| from.user.clone()),
    }
}

/// A `+`, then up to fifteen digits (ITU-T E.164 §6).
pub(crate) fn is_e164(user: &str) -> bool {
    user.strip_prefix('+').is_some_and(|digits| {
        (3..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::is_e164;

    #[test]
    fn only_numbers_in_full_are_numbers() {
        assert!(is_e164("+14255550100"));
        assert!(!is_e164("14255550100"));
        assert!(!is_e164("+1425555010012345"));
        assert!(!is_e164("+1425x"));
    }
}
