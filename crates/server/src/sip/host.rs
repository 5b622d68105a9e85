//! Takes what the SIP listener hands over and starts calls with it.

use std::sync::Arc;

use offhook_engine::{Arrival, Party};
use offhook_sip::{Callers, Incoming, Refusal, SessionEvent};
use offhook_terms::{AppId, CallId, LegId};
use tokio::sync::mpsc;

use super::from_engine::PhoneLeg;
use super::route::{Route, route};
use super::to_engine;
use crate::calls::{self, Message, NewCall};
use crate::config::Config;
use crate::registry::Registry;
use crate::switchboard::NotConnected;
use crate::{Platform, limits};

/// The settings of the listener, from the platform's.
pub(crate) fn endpoint_config(config: &Config, registry: &Arc<Registry>) -> offhook_sip::Config {
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
    endpoint
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
    let user = incoming.target.user.reveal();
    let bot = match route(
        user,
        |user| registry.bot_by_sip_user(user).map(|bot| bot.app),
        |user| registry.person_by_sip_user(user).is_some(),
    ) {
        Route::Bot(app) => app,
        Route::Person => {
            return turn_down(
                platform,
                incoming,
                "the address is a person's, and people cannot be called yet",
                "dial a bot's address",
            );
        }
        Route::Nobody => {
            return turn_down(
                platform,
                incoming,
                "nobody has the dialled address",
                "dial the `sip_user` of one of [[bots]], or give a bot this one",
            );
        }
    };
    connect(platform, bot, incoming);
}

fn turn_down(platform: &Platform, mut incoming: Incoming, why: &'static str, change: &'static str) {
    incoming.session.refuse(Refusal::new(404).because(why));
    platform.note_turned_down("the dialled address leads to a bot", why, change);
}

fn connect(platform: &Arc<Platform>, bot: AppId, incoming: Incoming) {
    let caller_leg = LegId::from_random(rand::random());
    let arrival = Arrival {
        call: CallId::from_random(rand::random()),
        caller_leg,
        caller: caller(&platform.registry, &incoming),
        offer: incoming.offer.map(to_engine::description),
        bot_leg: LegId::from_random(rand::random()),
        bot,
    };
    let mut session = incoming.session;
    let (mailbox, messages) = mpsc::channel(limits::CALL_MAILBOX);
    let calls_max = platform.registry.bot(bot).map_or(0, |bot| bot.limits.calls);
    let connected = platform.switchboard.connect(
        arrival.call,
        arrival.bot_leg,
        bot,
        calls_max,
        mailbox.clone(),
    );
    match connected {
        Ok(()) => {}
        Err(NotConnected::Closed) => {
            let why = "The platform is going down";
            return session.refuse(Refusal::new(503).because(why).retry_after(10));
        }
        Err(NotConnected::BotIsFull) => {
            session.refuse(Refusal::new(486).because("The bot has as many calls as it may"));
            return platform.note_turned_down(
                "the bot has room for a call",
                "it has as many live calls as it may",
                "raise `limits.calls` of the bot",
            );
        }
    }
    let sink = mailbox.clone();
    session.deliver_to(move |event| deliver(&sink, caller_leg, event));
    platform.leg_begins(&arrival);
    let phone = PhoneLeg::new(caller_leg, session);
    let new = NewCall {
        arrival,
        phone,
        mailbox,
        messages,
    };
    tokio::spawn(calls::run(Arc::clone(platform), new));
}

/// Runs inside the session's task, so it never waits.
fn deliver(mailbox: &mpsc::Sender<Message>, leg: LegId, event: SessionEvent) {
    if let Some(signal) = to_engine::signal(event) {
        calls::post(mailbox, Message::Signal { leg, signal });
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
    let user = incoming.from.user.reveal();
    if is_e164(user) {
        return Party::Phone {
            number: incoming.from.user.clone(),
        };
    }
    let name = incoming
        .from
        .display
        .clone()
        .unwrap_or_else(|| incoming.from.user.clone());
    Party::Guest { name }
}

/// A `+`, then up to fifteen digits (ITU-T E.164 §6).
fn is_e164(user: &str) -> bool {
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
