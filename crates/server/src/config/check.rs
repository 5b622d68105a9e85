//! What a good configuration is, beyond every setting being readable.

use std::collections::HashSet;
use std::time::Duration;

use super::{BotAuthentication, Config, ConfigError, Recogniser, Synthesiser};
use crate::outgoing::Origin;
use crate::registry::Roles;

/// Everybody a bot may act for.
pub(crate) const EVERYBODY: &str = "*";

/// RFC 4028 §5: nobody may ask for less.
const SESSION_EXPIRES_MIN: Duration = Duration::from_secs(90);

impl Config {
    /// Checks what one setting demands of another. `offhook check` prints what this finds.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.check_doors()?;
        self.check_people()?;
        self.check_bots()?;
        self.check_speech()?;
        self.check_trunks()
    }

    fn check_doors(&self) -> Result<(), ConfigError> {
        wanted(
            self.https.certificate.is_some() == self.https.key.is_some(),
            "https.certificate",
            "and `https.key` are wanted both or neither",
        )?;
        wanted(
            self.http.connections_max > 0,
            "http.connections_max",
            "is 0, but wanted is at least 1",
        )?;
        wanted(
            self.media.threads != Some(0),
            "media.threads",
            "is 0, but wanted is at least 1",
        )?;
        wanted(
            !self.media.codecs.is_empty(),
            "media.codecs",
            "is empty, but wanted is at least one codec",
        )?;
        wanted(
            self.media.rtp_ports.to - self.media.rtp_ports.from >= 1,
            "media.rtp_ports",
            "is one port, but a call takes two",
        )?;
        wanted(
            self.sip.session_expires >= SESSION_EXPIRES_MIN,
            "sip.session_expires",
            "is too short, but wanted is at least \"90s\" (RFC 4028)",
        )?;
        wanted(
            self.login.token_lifetime >= Duration::from_secs(60),
            "login.token_lifetime",
            "is too short, but wanted is at least \"60s\"",
        )?;
        wanted(
            self.login.key_rotation >= Duration::from_secs(3600),
            "login.key_rotation",
            "is too short, but wanted is at least \"1h\"",
        )?;
        wanted(
            self.login.failures_per_minute > 0,
            "login.failures_per_minute",
            "is 0, but wanted is at least 1",
        )?;
        wanted(
            !self.prompts.timeout.is_zero(),
            "prompts.timeout",
            "is nothing, but wanted is at least \"1ms\"",
        )
    }

    fn check_speech(&self) -> Result<(), ConfigError> {
        let speech = &self.speech;
        let wants_azure =
            speech.synthesiser == Synthesiser::Azure || speech.recogniser == Recogniser::Azure;
        wanted(
            !wants_azure || speech.azure_key.is_some(),
            "speech.azure_key",
            "is missing, but Azure Speech wants one",
        )?;
        let region = &speech.azure_region;
        wanted(
            region
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !region.is_empty(),
            "speech.azure_region",
            &format!("is \"{region}\", but wanted is a region's name, as in \"westeurope\""),
        )?;
        wanted(
            speech.recogniser != Recogniser::Scripted || !speech.script.is_empty(),
            "speech.script",
            "is empty, but a scripted recogniser needs something to understand",
        )
    }

    fn check_people(&self) -> Result<(), ConfigError> {
        let mut names = HashSet::new();
        let mut users = HashSet::new();
        for (at, person) in self.people.iter().enumerate() {
            let key = |field: &str| format!("people.{at}.{field}");
            wanted(
                !person.name.trim().is_empty(),
                &key("name"),
                "is empty, but a person needs a name",
            )?;
            // Generated secrets are kept under the name, so two people cannot share one.
            wanted(
                names.insert(&person.name),
                &key("name"),
                "is taken by another person, but names must differ",
            )?;
            check_sip_user(&person.sip_user, &key("sip_user"), &mut users)?;
        }
        Ok(())
    }

    fn check_bots(&self) -> Result<(), ConfigError> {
        let mut names = HashSet::new();
        let mut users: HashSet<String> = self
            .people
            .iter()
            .map(|person| person.sip_user.to_ascii_lowercase())
            .collect();
        let mut apps = HashSet::new();
        for (at, bot) in self.bots.iter().enumerate() {
            let key = |field: &str| format!("bots.{at}.{field}");
            wanted(
                !bot.name.trim().is_empty(),
                &key("name"),
                "is empty, but a bot needs a name",
            )?;
            wanted(
                names.insert(&bot.name),
                &key("name"),
                "is taken by another bot, but names must differ",
            )?;
            check_sip_user(&bot.sip_user, &key("sip_user"), &mut users)?;
            if let Some(app) = bot.app_id {
                wanted(
                    apps.insert(app),
                    &key("app_id"),
                    "is taken by another bot, but ids must differ",
                )?;
            }
            if let Some(tenant) = &bot.tenant {
                wanted(
                    tenant.parse::<offhook_terms::CallId>().is_ok(),
                    &key("tenant"),
                    "is not a GUID, as in \"57dab8b1-894c-409a-b240-bd8beae78896\"",
                )?;
            }
            for role in &bot.roles {
                wanted(
                    Roles::parse(role).is_some(),
                    &key("roles"),
                    &format!(
                        "has \"{role}\", but wanted are {}",
                        Roles::known().join(", ")
                    ),
                )?;
            }
            for origin in &bot.allowed_origins {
                wanted(
                    Origin::parse(origin).is_some(),
                    &key("allowed_origins"),
                    &format!(
                        "has \"{origin}\", but wanted is scheme, host and port, as in \
                         \"http://127.0.0.1:3978\""
                    ),
                )?;
            }
            for person in &bot.acts_for {
                let is_somebody =
                    |somebody: &super::Person| somebody.sip_user.eq_ignore_ascii_case(person);
                wanted(
                    person == EVERYBODY || self.people.iter().any(is_somebody),
                    &key("acts_for"),
                    &format!("has \"{person}\", but wanted is somebody's `sip_user`, or \"*\""),
                )?;
            }
            for number in &bot.numbers {
                check_number(number, &key("numbers"))?;
                wanted(
                    users.insert(number.clone()),
                    &key("numbers"),
                    &format!("has \"{number}\", which somebody else has already"),
                )?;
            }
            wanted(
                bot.authentication != BotAuthentication::Microsoft
                    || (bot.app_id.is_some() && bot.secret.is_some()),
                &key("app_id"),
                "or `secret` is missing, but with `authentication = \"microsoft\"` they are the bot's \
                 own, as Microsoft knows them",
            )?;
            wanted(
                is_locale(&bot.locale),
                &key("locale"),
                &format!(
                    "is \"{}\", but wanted is a language tag, as in \"en-US\"",
                    bot.locale
                ),
            )?;
            wanted(
                bot.limits.requests_per_second > 0,
                &key("limits.requests_per_second"),
                "is 0, but wanted is at least 1",
            )?;
        }
        Ok(())
    }

    fn check_trunks(&self) -> Result<(), ConfigError> {
        let mut names = HashSet::new();
        let mut numbers = HashSet::new();
        for (at, trunk) in self.trunks.iter().enumerate() {
            let key = |field: &str| format!("trunks.{at}.{field}");
            wanted(
                !trunk.name.trim().is_empty(),
                &key("name"),
                "is empty, but a trunk needs a name",
            )?;
            wanted(
                names.insert(&trunk.name),
                &key("name"),
                "is taken by another trunk, but names must differ",
            )?;
            wanted(
                trunk.host().is_some(),
                &key("address"),
                "is missing, and so is `registrar`; wanted is one of them",
            )?;
            for (field, host) in [("address", &trunk.address), ("registrar", &trunk.registrar)] {
                if let Some(host) = host {
                    wanted(
                        is_host(host),
                        &key(field),
                        &format!(
                            "is \"{host}\", but wanted is a host, with a port if it is not the \
                             usual one, as in \"sip.example.org\" or \"192.0.2.7:5080\""
                        ),
                    )?;
                }
            }
            wanted(
                trunk.registrar.is_none() || trunk.user.is_some(),
                &key("user"),
                "is missing, but `registrar` wants to know whom to let in",
            )?;
            wanted(
                trunk.user.is_some() == trunk.password.is_some(),
                &key("user"),
                "and `password` are wanted both or neither",
            )?;
            if let Some(user) = &trunk.user {
                check_user(user, &key("user"))?;
            }
            if let Some(number) = &trunk.caller_id {
                check_number(number, &key("caller_id"))?;
            }
            for prefix in trunk.allow.iter() {
                check_prefix(prefix, &key("allow"))?;
            }
            for prefix in trunk.caller_ids.iter() {
                check_prefix(prefix, &key("caller_ids"))?;
            }
            wanted(
                trunk.calls_max > 0,
                &key("calls_max"),
                "is 0, but wanted is at least 1; empty `allow` to dial nothing",
            )?;
            wanted(
                (1..=CALLS_PER_MINUTE_MAX).contains(&trunk.calls_per_minute),
                &key("calls_per_minute"),
                &format!(
                    "is {}, but wanted is 1 to {CALLS_PER_MINUTE_MAX}; empty `allow` to dial nothing",
                    trunk.calls_per_minute
                ),
            )?;
            for (number, user) in &trunk.inbound {
                check_number(number, &key("inbound"))?;
                wanted(
                    numbers.insert(number),
                    &key("inbound"),
                    &format!("has \"{number}\", which another trunk has already"),
                )?;
                check_user(user, &key("inbound"))?;
            }
        }
        Ok(())
    }
}

/// A hundred a second: more is no telephone any more. Each is remembered for a minute.
const CALLS_PER_MINUTE_MAX: usize = 6_000;

/// A host name or address, an IPv6 address in brackets, and perhaps a port.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    let is_named = match host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
    {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.len() <= 253
                && host
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b))
        }
    };
    is_named && is_port
}

/// A language tag (BCP 47), as far as anybody here reads it.
pub(crate) fn is_locale(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let is_language =
        |part: &str| (2..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphabetic());
    let is_part = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    tag.len() <= 35 && parts.next().is_some_and(is_language) && parts.all(is_part)
}

/// A number in full (ITU-T E.164 §6).
fn check_number(number: &str, key: &str) -> Result<(), ConfigError> {
    wanted(
        crate::sip::is_e164(number),
        key,
        &format!("has \"{number}\", but wanted is a number in full, as in \"+493012345\""),
    )
}

/// The beginning of numbers: at least one digit, so that no slip allows the whole world.
fn check_prefix(prefix: &str, key: &str) -> Result<(), ConfigError> {
    let digits = prefix.strip_prefix('+').unwrap_or_default();
    wanted(
        (1..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()),
        key,
        &format!("has \"{prefix}\", but wanted is how numbers in full begin, as in \"+4930\""),
    )
}

/// A user part that needs no escaping anywhere it is written (RFC 3261 §25.1, `unreserved`).
fn check_user(user: &str, key: &str) -> Result<(), ConfigError> {
    wanted(
        !user.is_empty()
            && user.len() <= 64
            && user
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.+".contains(&b)),
        key,
        &format!("is \"{user}\", but wanted are 1 to 64 letters, digits, '-', '_', '.' or '+'"),
    )
}

fn check_sip_user(user: &str, key: &str, taken: &mut HashSet<String>) -> Result<(), ConfigError> {
    check_user(user, key)?;
    wanted(
        taken.insert(user.to_ascii_lowercase()),
        key,
        &format!("is \"{user}\", which somebody else has already"),
    )
}

fn wanted(holds: bool, key: &str, what: &str) -> Result<(), ConfigError> {
    if holds {
        return Ok(());
    }
    Err(ConfigError {
        place: "the configuration".to_owned(),
        key: key.to_owned(),
        what: what.to_owned(),
    })
}
