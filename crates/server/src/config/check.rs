//! What a good configuration is, beyond every setting being readable.

use std::collections::HashSet;
use std::time::Duration;

use super::{Config, ConfigError};
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
        self.check_bots()
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
            wanted(
                bot.limits.requests_per_second > 0,
                &key("limits.requests_per_second"),
                "is 0, but wanted is at least 1",
            )?;
        }
        Ok(())
    }
}

/// A user part that needs no escaping anywhere it is written (RFC 3261 §25.1, `unreserved`).
fn check_sip_user(user: &str, key: &str, taken: &mut HashSet<String>) -> Result<(), ConfigError> {
    wanted(
        !user.is_empty()
            && user.len() <= 64
            && user
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.+".contains(&b)),
        key,
        &format!("is \"{user}\", but wanted are 1 to 64 letters, digits, '-', '_', '.' or '+'"),
    )?;
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
