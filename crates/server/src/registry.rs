//! Who is on the platform: people with phones, and bots, found by what others call them.
//!
//! What the configuration leaves out (ids, passwords, secrets) is made once and kept in the data
//! folder (`kept.rs`), so that a bot registered today is the same bot tomorrow.

mod kept;
mod roles;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use offhook_identity::SecretHash;
use offhook_terms::{AppId, PersonId, Private};
use url::Url;

use offhook_workplace::ActsFor;

use offhook_engine::HandoffRules;

use crate::channel::Home;
use crate::config::{BotAuthentication, BotLimits, Config, EVERYBODY, HandoffStatus, Protocol};
use crate::outgoing::{Guard, Origin};

pub(crate) use kept::RegistryError;
pub(crate) use kept::write_private;
pub(crate) use roles::Roles;

/// Somebody who can register a SIP phone and call bots.
#[derive(Debug)]
pub struct Person {
    /// The person's id.
    pub id: PersonId,
    /// As shown to bots.
    pub name: Private<String>,
    /// The user part of the person's SIP address.
    pub sip_user: String,
    /// What the person's phones prove.
    pub sip_password: Private<String>,
    /// What else the directory knows.
    pub(crate) profile: Profile,
}

/// What a directory knows of somebody beside their name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Profile {
    pub(crate) given_name: Option<Private<String>>,
    pub(crate) surname: Option<Private<String>>,
    pub(crate) mail: Option<Private<String>>,
    pub(crate) business_phones: Private<Vec<String>>,
    pub(crate) mobile_phone: Option<Private<String>>,
    pub(crate) job_title: Option<Private<String>>,
    pub(crate) office_location: Option<Private<String>>,
    pub(crate) preferred_language: Option<String>,
}

impl Profile {
    fn of(person: &crate::config::Person) -> Self {
        Self {
            given_name: person.given_name.clone(),
            surname: person.surname.clone(),
            mail: person.mail.clone(),
            business_phones: person.business_phones.clone(),
            mobile_phone: person.mobile_phone.clone(),
            job_title: person.job_title.clone(),
            office_location: person.office_location.clone(),
            preferred_language: person.preferred_language.clone(),
        }
    }
}

/// Somebody's HTTP service that can be called.
#[derive(Debug)]
pub struct Bot {
    /// The application id.
    pub app: AppId,
    /// As shown to callers.
    pub name: String,
    /// The client secret.
    pub secret: Private<String>,
    /// The tenant, a GUID.
    pub tenant: String,
    /// What it speaks.
    pub protocol: Protocol,
    /// Where it hears of incoming calls.
    pub webhook: Url,
    /// The user part of the SIP address that reaches it.
    pub sip_user: String,
    /// How much of the platform it may take.
    pub limits: BotLimits,
    pub(crate) roles: Roles,
    /// Whom it may hold meetings for.
    pub(crate) acts_for: ActsFor,
    /// It may drop participants.
    pub(crate) removes_participants: bool,
    pub(crate) secret_hash: SecretHash,
    pub(crate) guard: Guard,
    /// Phone numbers in full that reach it.
    pub numbers: Vec<String>,
    /// What only a bot of the Telephony channel has.
    pub(crate) talk: Talk,
}

/// How a bot of the Telephony channel converses.
#[derive(Debug, Clone)]
pub(crate) struct Talk {
    pub(crate) authentication: BotAuthentication,
    /// What stands in the address that it answers at, where that is all there is to protect it.
    pub(crate) key: Private<String>,
    /// Where it is known, if Microsoft knows it.
    pub(crate) home: Home,
    pub(crate) locale: String,
    pub(crate) voice: Option<String>,
    pub(crate) receipts: bool,
    pub(crate) no_input: Option<Duration>,
    pub(crate) expect_replies: bool,
    pub(crate) handoff: HandoffRules,
}

impl Talk {
    fn of(bot: &crate::config::Bot, secret: &str) -> Self {
        Self {
            authentication: bot.authentication,
            key: key_of(secret),
            home: home(bot),
            locale: bot.locale.clone(),
            voice: bot.voice.clone(),
            receipts: bot.receipts,
            no_input: bot.no_input,
            expect_replies: bot.expect_replies,
            handoff: HandoffRules {
                ring_for: bot.handoff_rings_for,
                redials: bot.handoff_redials,
                tells_success: bot.handoff_status == HandoffStatus::Accepted,
            },
        }
    }
}

fn home(bot: &crate::config::Bot) -> Home {
    let login = bot.login_url.as_str().trim_end_matches('/').to_owned();
    let usual = || format!("{login}/v2.0/.well-known/openid-configuration");
    Home {
        metadata: bot.metadata_url.as_ref().map_or_else(usual, Url::to_string),
        issuers: bot.issuers.clone(),
        login,
    }
}

/// A word that only who knows the secret can make, and that tells nothing of it.
fn key_of(secret: &str) -> Private<String> {
    let made = aws_lc_rs::hmac::sign(
        &aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes()),
        b"the connector's address",
    );
    let bytes = made.as_ref().iter().take(16);
    Private::new(bytes.map(|byte| format!("{byte:02x}")).collect())
}

/// Everybody on the platform. Does not change while the platform runs.
#[derive(Debug, Default)]
pub struct Registry {
    people: Vec<Arc<Person>>,
    bots: Vec<Arc<Bot>>,
    by_person: HashMap<PersonId, Arc<Person>>,
    by_app: HashMap<AppId, Arc<Bot>>,
    // SIP user parts are compared in lower case: nobody gets a phone's capital letters right.
    people_by_sip_user: HashMap<String, Arc<Person>>,
    bots_by_sip_user: HashMap<String, Arc<Bot>>,
}

impl Registry {
    /// Reads everybody from the configuration, and what it leaves out from the data folder, where
    /// whatever is made now is kept too.
    pub(crate) fn open(config: &Config, data: &Path) -> Result<Self, RegistryError> {
        let mut kept = kept::Kept::open(data)?;
        let mut registry = Self::default();
        for person in &config.people {
            let secrets = kept.person(&person.name);
            registry.add_person(Person {
                id: person.id.unwrap_or(secrets.id),
                name: Private::new(person.name.clone()),
                sip_user: person.sip_user.clone(),
                sip_password: person.sip_password.clone().unwrap_or(secrets.password),
                profile: Profile::of(person),
            });
        }
        let platform_tenant = kept.tenant();
        for bot in &config.bots {
            let secrets = kept.bot(&bot.name);
            let secret = bot.secret.clone().unwrap_or(secrets.secret);
            let tenant = bot.tenant.as_deref().map(str::to_ascii_lowercase);
            registry.add_bot(Bot {
                app: bot.app_id.unwrap_or(secrets.app),
                name: bot.name.clone(),
                secret_hash: SecretHash::of(secret.reveal()),
                talk: Talk::of(bot, secret.reveal()),
                numbers: bot.numbers.clone(),
                secret,
                tenant: tenant.unwrap_or_else(|| platform_tenant.clone()),
                protocol: bot.protocol,
                webhook: bot.webhook.clone(),
                sip_user: bot.sip_user.clone(),
                limits: bot.limits,
                roles: bot
                    .roles
                    .iter()
                    .filter_map(|role| Roles::parse(role))
                    .collect(),
                acts_for: registry.acts_for(bot),
                removes_participants: bot.removes_participants,
                guard: guard(config, bot),
            });
        }
        kept.close()?;
        Ok(registry)
    }

    /// Everybody who can register a phone, in the order of the configuration.
    pub fn people(&self) -> impl Iterator<Item = &Person> {
        self.people.iter().map(|person| &**person)
    }

    /// Every bot, in the order of the configuration.
    pub fn bots(&self) -> impl Iterator<Item = &Bot> {
        self.bots.iter().map(|bot| &**bot)
    }

    /// The person with this id.
    pub fn person(&self, id: PersonId) -> Option<&Arc<Person>> {
        self.by_person.get(&id)
    }

    /// The bot with this application id.
    pub fn bot(&self, app: AppId) -> Option<&Arc<Bot>> {
        self.by_app.get(&app)
    }

    /// How many live calls a bot may have; one that is not registered, none.
    pub(crate) fn calls_max(&self, app: AppId) -> usize {
        self.bot(app).map_or(0, |bot| bot.limits.calls)
    }

    /// Whose phone registers as this user.
    pub fn person_by_sip_user(&self, user: &str) -> Option<&Arc<Person>> {
        self.people_by_sip_user.get(&user.to_ascii_lowercase())
    }

    /// The bot that speaks this protocol, if it does.
    pub(crate) fn speaks(&self, app: AppId, protocol: Protocol) -> Option<&Arc<Bot>> {
        self.bot(app).filter(|bot| bot.protocol == protocol)
    }

    /// Which bot is reached by calling this user.
    pub fn bot_by_sip_user(&self, user: &str) -> Option<&Arc<Bot>> {
        self.bots_by_sip_user.get(&user.to_ascii_lowercase())
    }

    fn acts_for(&self, bot: &crate::config::Bot) -> ActsFor {
        if bot.acts_for.iter().any(|person| person == EVERYBODY) {
            return ActsFor::Everybody;
        }
        let people = bot.acts_for.iter();
        let people = people.filter_map(|user| self.person_by_sip_user(user));
        ActsFor::People(people.map(|person| person.id).collect())
    }

    fn add_person(&mut self, person: Person) {
        let person = Arc::new(person);
        self.by_person.insert(person.id, person.clone());
        self.people_by_sip_user
            .insert(person.sip_user.to_ascii_lowercase(), person.clone());
        self.people.push(person);
    }

    fn add_bot(&mut self, bot: Bot) {
        let bot = Arc::new(bot);
        self.by_app.insert(bot.app, bot.clone());
        self.bots_by_sip_user
            .insert(bot.sip_user.to_ascii_lowercase(), bot.clone());
        for number in &bot.numbers {
            self.bots_by_sip_user.insert(number.clone(), bot.clone());
        }
        self.bots.push(bot);
    }
}

fn guard(config: &Config, bot: &crate::config::Bot) -> Guard {
    let registered = bot
        .allowed_origins
        .iter()
        .filter_map(|text| Origin::parse(text));
    Guard {
        origins: registered.chain(Origin::of(&bot.webhook)).collect(),
        private_allowed: config.graph.allow_private_addresses,
        http_to_loopback: config.graph.http_callbacks_to_loopback,
    }
}

#[cfg(test)]
impl Bot {
    /// A bot with this webhook, and no more.
    pub(crate) fn for_tests(webhook: &str) -> Self {
        let webhook = Url::parse(webhook).expect("a URL");
        let secret = "a secret of thirty-two characters";
        Self {
            app: AppId::from_bits(0xb07),
            name: "Bot".to_owned(),
            secret: Private::new(secret.to_owned()),
            secret_hash: SecretHash::of(secret),
            tenant: "7a1f5b3e-2f5e-4c43-8a2e-51d5f3f0c9aa".to_owned(),
            protocol: Protocol::Graph,
            sip_user: "bot".to_owned(),
            limits: BotLimits::default(),
            roles: Roles::ACCESS_MEDIA,
            acts_for: ActsFor::default(),
            removes_participants: true,
            guard: Guard {
                origins: Origin::of(&webhook).into_iter().collect(),
                private_allowed: false,
                http_to_loopback: true,
            },
            talk: Talk::of(
                &crate::config::Bot::new("Bot", "bot", webhook.clone()),
                secret,
            ),
            numbers: Vec::new(),
            webhook,
        }
    }
}

#[cfg(test)]
impl Person {
    pub(crate) fn for_tests(id: PersonId, name: &str, sip_user: &str) -> Self {
        Self {
            id,
            name: Private::new(name.to_owned()),
            sip_user: sip_user.to_owned(),
            sip_password: Private::default(),
            profile: Profile::default(),
        }
    }
}

#[cfg(test)]
impl Registry {
    pub(crate) fn with_people(mut self, people: impl IntoIterator<Item = Person>) -> Self {
        for person in people {
            self.add_person(person);
        }
        self
    }

    /// A registry of one bot.
    pub(crate) fn of_bot(bot: Bot) -> Self {
        Self::of_bots([bot])
    }

    pub(crate) fn of_bots(bots: impl IntoIterator<Item = Bot>) -> Self {
        let mut registry = Self::default();
        for bot in bots {
            registry.add_bot(bot);
        }
        registry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config::load(
            None,
            [
                ("people", r#"[{name="Ada",sip_user="Ada"}]"#.to_owned()),
                (
                    "bots",
                    r#"[{name="Bot",sip_user="bot",webhook="http://127.0.0.1:3978/callback"}]"#
                        .to_owned(),
                ),
            ],
        )
        .expect("a good configuration")
    }

    #[test]
    fn what_was_made_once_is_kept() {
        let data = tempfile::tempdir().expect("a temporary folder");
        let first = Registry::open(&config(), data.path()).expect("opens");
        let again = Registry::open(&config(), data.path()).expect("opens");
        let of = |registry: &Registry| {
            let bot = registry.bot_by_sip_user("BOT").expect("registered").clone();
            let person = registry
                .person_by_sip_user("ada")
                .expect("registered")
                .clone();
            (
                bot.app,
                bot.secret.clone(),
                bot.tenant.clone(),
                person.id,
                person.sip_password.clone(),
            )
        };
        assert_eq!(of(&first), of(&again));
        assert!(first.bots().all(|bot| bot.secret.reveal().len() >= 32));
    }

    #[test]
    fn a_bot_acts_for_those_it_names() {
        let data = tempfile::tempdir().expect("a temporary folder");
        let allows = |acts_for: &[&str]| {
            let mut config = config();
            config.bots[0].acts_for = acts_for.iter().map(|who| (*who).to_owned()).collect();
            let registry = Registry::open(&config, data.path()).expect("opens");
            let ada = registry.person_by_sip_user("ada").expect("registered").id;
            let bot = registry.bot_by_sip_user("bot").expect("registered");
            (
                bot.acts_for.allows(ada),
                bot.acts_for.allows(PersonId::from_bits(1)),
            )
        };
        assert_eq!(allows(&[]), (false, false));
        assert_eq!(allows(&["ADA"]), (true, false));
        assert_eq!(allows(&["*"]), (true, true));
    }

    #[cfg(unix)]
    #[test]
    fn secrets_are_for_their_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let data = tempfile::tempdir().expect("a temporary folder");
        Registry::open(&config(), data.path()).expect("opens");
        let file = std::fs::metadata(data.path().join("secrets.json")).expect("written");
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_broken_secrets_file_is_not_overwritten() {
        let data = tempfile::tempdir().expect("a temporary folder");
        let file = data.path().join("secrets.json");
        std::fs::write(&file, "{").expect("written");
        let error = Registry::open(&config(), data.path()).expect_err("must be refused");
        assert!(error.to_string().contains("secrets.json"), "{error}");
        assert_eq!(std::fs::read_to_string(&file).expect("still there"), "{");
    }
}
