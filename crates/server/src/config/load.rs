//! Reading the settings: file, environment, command line, in that order.

use std::fmt;
use std::path::{Path, PathBuf};

use figment::error::Kind;
use figment::providers::{Env, Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::Config;

/// A setting that cannot be used, in one sentence: where it is, what was found, what is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Where the setting stands: a file, the environment, the command line.
    pub place: String,
    /// Which setting, as in `sip.listen`; empty when the place as a whole is meant.
    pub key: String,
    /// What is wrong with it and what is wanted.
    pub what: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => write!(f, "{}: {}", self.place, self.what),
            key => write!(f, "{}: `{key}` {}", self.place, self.what),
        }
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads the configuration file, if one is given, then the environment (`OFFHOOK_SIP__LISTEN`),
    /// then `overrides`: settings of the command line by their dotted names, written as in the
    /// environment. The result has been checked with [`Config::check`].
    pub fn load<'a>(
        file: Option<&Path>,
        overrides: impl IntoIterator<Item = (&'a str, String)>,
    ) -> Result<Self, ConfigError> {
        let environment = Env::prefixed("OFFHOOK_")
            // Names without a section belong to others: `OFFHOOK_CONFIG` is no setting.
            .filter(|key| {
                let key = key.as_str();
                key.contains("__")
                    || key == "people"
                    || key == "bots"
                    || key == "PEOPLE"
                    || key == "BOTS"
            })
            .split("__");
        Self::read(file, Figment::from(environment), overrides)
    }

    /// The same with the environment handed in, so that tests do not share one.
    fn read<'a>(
        file: Option<&Path>,
        environment: Figment,
        overrides: impl IntoIterator<Item = (&'a str, String)>,
    ) -> Result<Self, ConfigError> {
        let mut settings = Figment::new();
        if let Some(file) = file {
            let text = std::fs::read_to_string(file).map_err(|why| ConfigError {
                place: file.display().to_string(),
                key: String::new(),
                what: format!("the configuration file cannot be read ({why})"),
            })?;
            settings = settings.merge(FromFile {
                path: file.to_owned(),
                text,
            });
        }
        let settings = settings
            .merge(environment)
            .merge(CommandLine::new(overrides));
        let config: Self = settings.extract().map_err(explain)?;
        config.check().map_err(|mut error| {
            // Say where the setting came from, not only what it is called. An entry of a list is
            // looked up by its list.
            let list = error.key.split('.').next().unwrap_or_default();
            let found = settings.find_metadata(&error.key);
            if let Some(metadata) = found.or_else(|| settings.find_metadata(list)) {
                error.place = place(metadata);
            }
            error
        })?;
        Ok(config)
    }
}

/// The TOML of a file that has been read already, named after the file.
struct FromFile {
    path: PathBuf,
    text: String,
}

impl Provider for FromFile {
    fn metadata(&self) -> Metadata {
        Metadata::from("configuration file", self.path.as_path())
    }
    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Toml::string(&self.text).data()
    }
}

struct CommandLine(Dict);

impl CommandLine {
    fn new<'a>(overrides: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        let mut settings = Dict::new();
        for (key, value) in overrides {
            // Parsing cannot fail: what is nothing else is a string.
            let value: Value = value.parse().unwrap_or_else(|never| match never {});
            insert(&mut settings, key, value);
        }
        Self(settings)
    }
}

fn insert(settings: &mut Dict, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            settings.insert(key.to_owned(), value);
        }
        Some((section, rest)) => {
            let entry = settings
                .entry(section.to_owned())
                .or_insert_with(|| Value::from(Dict::new()));
            if let Value::Dict(_, inner) = entry {
                insert(inner, rest, value);
            }
        }
    }
}

impl Provider for CommandLine {
    fn metadata(&self) -> Metadata {
        Metadata::named("command line")
    }
    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.0.clone()))
    }
}

fn place(metadata: &Metadata) -> String {
    match &metadata.source {
        Some(figment::Source::File(path)) => path.display().to_string(),
        _ if metadata.name.contains("environment") => "the environment".to_owned(),
        _ if metadata.name == "command line" => "the command line".to_owned(),
        _ => metadata.name.to_string(),
    }
}

fn explain(error: figment::Error) -> ConfigError {
    // One sentence about the first thing that is wrong; the rest is found by the next try.
    let error = error
        .into_iter()
        .next()
        .unwrap_or_else(|| "is wrong".to_owned().into());
    let place = error
        .metadata
        .as_ref()
        .map_or_else(|| "the configuration".to_owned(), place);
    let mut key = error.path.join(".");
    let what = match &error.kind {
        Kind::InvalidType(found, wanted) | Kind::InvalidValue(found, wanted) => {
            // What was found is called by its type first, which a quoted text does not need.
            let found = found.to_string();
            let found = found.strip_prefix("string ").unwrap_or(&found);
            format!("is {found}, but wanted is {wanted}")
        }
        Kind::InvalidLength(found, wanted) => {
            format!("has {found} entries, but wanted is {wanted}")
        }
        Kind::UnknownField(name, known) => {
            key = joined(&key, name, &error.path);
            format!("is not a setting; known here are {}", known.join(", "))
        }
        Kind::UnknownVariant(found, known) => {
            format!("is \"{found}\", but wanted is one of {}", known.join(", "))
        }
        Kind::MissingField(name) => {
            key = joined(&key, name, &error.path);
            "is missing".to_owned()
        }
        Kind::DuplicateField(name) => {
            key = joined(&key, name, &error.path);
            "is given twice".to_owned()
        }
        // A TOML syntax error arrives as a message that points at the line.
        Kind::Message(text) if key.is_empty() => {
            // Without the picture of the line; the place is in the words.
            let words = text.lines().filter(|line| !line.contains('|'));
            let words: Vec<_> = words
                .map(str::trim)
                .filter(|line| !line.is_empty())
                .collect();
            format!("cannot be read: {}", words.join(": "))
        }
        Kind::Message(text) => format!("cannot be used: {text}"),
        other => format!("cannot be used: {other}"),
    };
    ConfigError { place, key, what }
}

fn joined(key: &str, name: &str, path: &[String]) -> String {
    match (key, path.last()) {
        ("", _) => name.to_owned(),
        (_, Some(last)) if last == name => key.to_owned(),
        _ => format!("{key}.{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn read(toml: &str) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let file = dir.path().join("offhook.toml");
        std::fs::write(&file, toml).expect("written");
        Config::read(Some(&file), Figment::new(), []).map_err(|mut error| {
            error.place = error.place.replace(&dir.path().display().to_string(), "");
            error
        })
    }

    fn check_error(toml: &str, wanted: Expect) {
        wanted.assert_eq(&read(toml).expect_err("must not be accepted").to_string());
    }

    const BOT: &str =
        "[[bots]]\nname = \"B\"\nwebhook = \"https://b.example/x\"\nsip_user = \"bot\"\n";

    #[test]
    fn nothing_is_needed() {
        let config = read("").expect("defaults are good");
        assert_eq!(config.http.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.https.listen.to_string(), "127.0.0.1:8443");
        assert_eq!(config.sip.listen.to_string(), "127.0.0.1:5060");
        assert_eq!(config.graph.recording_retention.as_secs(), 600);
    }

    #[test]
    fn numbers_may_be_names() {
        let config = read("[[people]]\nname = \"Ada\"\nsip_user = 1001\nsip_password = 12345\n")
            .expect("accepted");
        assert_eq!(config.people[0].sip_user, "1001");
    }

    #[test]
    fn the_command_line_wins() {
        let config = Config::read(
            None,
            Figment::new(),
            [
                ("sip.listen", "127.0.0.1:0".to_owned()),
                ("graph.recording_retention", "0s".to_owned()),
                ("media.threads", "3".to_owned()),
            ],
        )
        .expect("accepted");
        assert_eq!(config.sip.listen.port(), 0);
        assert!(config.graph.recording_retention.is_zero());
        assert_eq!(config.media.threads, Some(3));
    }

    #[test]
    fn errors_name_place_key_and_wish() {
        check_error(
            "[sip]\nlisten = \"here\"\n",
            expect![[
                r#"/offhook.toml: `sip.listen` is "here", but wanted is an address and a port, as in "127.0.0.1:5060" or "[::1]:5060""#
            ]],
        );
        check_error(
            "[sip]\nlissten = \"127.0.0.1:1\"\n",
            expect![
                "/offhook.toml: `sip.lissten` is not a setting; known here are listen, domain, callers, session_expires, calls_max, advertised, tls_port, people_dial_numbers, transfer"
            ],
        );
        check_error(
            "[graph]\nrecording_retention = \"soon\"\n",
            expect![[
                r#"/offhook.toml: `graph.recording_retention` is "soon", but wanted is a number with its unit (ms, s, m, h or d), as in "10m""#
            ]],
        );
        check_error(
            "[sip]\ncallers = \"friends\"\n",
            expect![[
                r#"/offhook.toml: `sip.callers` is "friends", but wanted is one of known, anyone"#
            ]],
        );
        check_error(
            "[media]\nrtp_ports = \"9-3\"\n",
            expect![[
                r#"/offhook.toml: `media.rtp_ports` is "9-3", but wanted is two ports as in "20000-29999", the smaller first"#
            ]],
        );
        check_error(
            "[media]\ncodecs = [\"g729\"]\n",
            expect![[
                r#"/offhook.toml: `media.codecs.0` is "g729", but wanted is one of opus, g722, pcmu, pcma"#
            ]],
        );
        check_error(
            "[media]\ncodecs = []\n",
            expect!["/offhook.toml: `media.codecs` is empty, but wanted is at least one codec"],
        );
        check_error(
            "[media]\nsrtp = \"maybe\"\n",
            expect![[
                r#"/offhook.toml: `media.srtp` is "maybe", but wanted is one of off, accept, offer, require"#
            ]],
        );
        check_error(
            "[[people]]\nname = \"Ada\"\n",
            expect!["/offhook.toml: `people.0.sip_user` is missing"],
        );
        check_error(
            "[sip\n",
            expect![
                "/offhook.toml: cannot be read: TOML parse error at line 1, column 5: invalid table header: expected `.`, `]`"
            ],
        );
        check_error(
            "[media]\nthreads = 0\n",
            expect!["/offhook.toml: `media.threads` is 0, but wanted is at least 1"],
        );
        check_error(
            &format!("{BOT}{BOT}"),
            expect!["/offhook.toml: `bots.1.name` is taken by another bot, but names must differ"],
        );
        check_error(
            &format!("{BOT}roles = [\"Calls.Fly\"]\n"),
            expect![[
                r#"/offhook.toml: `bots.0.roles` has "Calls.Fly", but wanted are Calls.Initiate.All, Calls.InitiateGroupCall.All, Calls.JoinGroupCall.All, Calls.JoinGroupCallAsGuest.All, Calls.AccessMedia.All, OnlineMeetings.Read.All, OnlineMeetings.ReadWrite.All, CallRecords.Read.All, User.Read.All, User.ReadBasic.All, Directory.Read.All, TeamsAppInstallation.ReadWriteSelfForChat.All, TeamsAppInstallation.ReadWriteForChat.All, ChatMember.Read.All, Chat.Read.All, Chat.ReadBasic.All"#
            ]],
        );
        check_error(
            &format!("{BOT}allowed_origins = [\"b.example\"]\n"),
            expect![[
                r#"/offhook.toml: `bots.0.allowed_origins` has "b.example", but wanted is scheme, host and port, as in "http://127.0.0.1:3978""#
            ]],
        );
        check_error(
            &format!("{BOT}acts_for = [\"ada\"]\n"),
            expect![[
                r#"/offhook.toml: `bots.0.acts_for` has "ada", but wanted is somebody's `sip_user`, or "*""#
            ]],
        );
        check_error(
            "[https]\ncertificate = \"a.pem\"\n",
            expect![
                "/offhook.toml: `https.certificate` and `https.key` are wanted both or neither"
            ],
        );
    }

    const TRUNK: &str = "[[trunks]]\nname = \"carrier\"\n";

    #[test]
    fn a_trunk_dials_nothing_until_it_is_told_what() {
        let config = read(&format!("{TRUNK}address = \"sip.example.org\"\n")).expect("accepted");
        let trunk = &config.trunks[0];
        assert_eq!(trunk.host(), Some("sip.example.org"));
        assert!(trunk.allow.is_empty() && trunk.sources.is_empty() && trunk.inbound.is_empty());
        assert_eq!((trunk.calls_max, trunk.calls_per_minute), (10, 30));
        assert!(!config.sip.people_dial_numbers);
    }

    #[test]
    fn a_trunk_is_read_whole() {
        let config = read(&format!(
            "{TRUNK}registrar = \"[2001:db8::1]:5080\"\nuser = 4930123\npassword = 1234\n\
             transport = \"tcp\"\ncaller_id = \"+4930123\"\ncaller_ids = [\"+4930\"]\n\
             allow = [\"+49\", \"+1\"]\nsources = [\"192.0.2.7\", \"2001:db8::7\"]\n\
             inbound = {{ \"+4930123\" = \"reception\" }}\n"
        ))
        .expect("accepted");
        let trunk = &config.trunks[0];
        assert_eq!(trunk.user.as_deref(), Some("4930123"));
        assert_eq!(trunk.host(), Some("[2001:db8::1]:5080"));
        assert_eq!(trunk.inbound["+4930123"], "reception");
    }

    #[test]
    fn a_trunk_that_cannot_work_is_explained() {
        for (settings, wanted) in [
            (
                "",
                "`trunks.0.address` is missing, and so is `registrar`; wanted is one of them",
            ),
            (
                "address = \"sip:a@b\"\n",
                "`trunks.0.address` is \"sip:a@b\", but wanted is a host, with a port if it is \
                 not the usual one, as in \"sip.example.org\" or \"192.0.2.7:5080\"",
            ),
            (
                "registrar = \"a.example\"\n",
                "`trunks.0.user` is missing, but `registrar` wants to know whom to let in",
            ),
            (
                "address = \"a.example\"\nuser = \"a\"\n",
                "`trunks.0.user` and `password` are wanted both or neither",
            ),
            (
                "address = \"a.example\"\nallow = [\"0049\"]\n",
                "`trunks.0.allow` has \"0049\", but wanted is how numbers in full begin, as in \
                 \"+4930\"",
            ),
            (
                "address = \"a.example\"\nallow = [\"+\"]\n",
                "`trunks.0.allow` has \"+\", but wanted is how numbers in full begin, as in \
                 \"+4930\"",
            ),
            (
                "address = \"a.example\"\ncaller_id = \"030123\"\n",
                "`trunks.0.caller_id` has \"030123\", but wanted is a number in full, as in \
                 \"+493012345\"",
            ),
            (
                "address = \"a.example\"\ncalls_per_minute = 0\n",
                "`trunks.0.calls_per_minute` is 0, but wanted is 1 to 6000; empty `allow` to dial \
                 nothing",
            ),
            (
                "address = \"a.example\"\ninbound = { \"+4930123\" = \"a b\" }\n",
                "`trunks.0.inbound` is \"a b\", but wanted are 1 to 64 letters, digits, '-', '_', \
                 '.' or '+'",
            ),
        ] {
            let error = read(&format!("{TRUNK}{settings}")).expect_err("must not be accepted");
            assert_eq!(error.to_string(), format!("/offhook.toml: {wanted}"));
        }
    }

    #[test]
    fn a_missing_file_is_one_sentence() {
        let error = Config::read(Some(Path::new("/nowhere/offhook.toml")), Figment::new(), [])
            .expect_err("no such file");
        expect!["/nowhere/offhook.toml: the configuration file cannot be read (No such file or directory (os error 2))"].assert_eq(&error.to_string());
    }
}
