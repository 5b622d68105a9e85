//! Every setting of the platform.
//!
//! A setting comes from the first of these that has it: the command line, the environment, the
//! configuration file, the default written here.
//!
//! ```text
//!   [sip]                                   offhook.toml
//!   listen = "127.0.0.1:5060"               OFFHOOK_SIP__LISTEN=127.0.0.1:5060
//! ```
//!
//! A key nobody knows is an error, because a misspelled setting that is quietly ignored is worse
//! than none. Reading is in `load.rs`, what a good configuration is in `check.rs`, the words of a
//! setting (`"10m"`, `"20000-20100"`) in `values.rs`.

mod check;
mod load;
mod values;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use offhook_terms::{AppId, PersonId, Private};
use serde::Deserialize;
use url::Url;

pub(crate) use check::{EVERYBODY, is_locale};
pub use load::ConfigError;
pub use values::PortRange;

/// Every setting of the platform. `Config::default()` is a platform on loopback with nobody on it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The HTTP door.
    pub http: Http,
    /// The HTTPS door.
    pub https: Https,
    /// The SIP door.
    pub sip: Sip,
    /// Audio.
    pub media: Media,
    /// Where the platform keeps what survives a restart.
    pub data: Data,
    /// Who may log in and for how long.
    pub login: Login,
    /// The Graph calls API and its notifications.
    pub graph: Graph,
    /// Fetching the audio a bot wants played.
    pub prompts: Prompts,
    /// Speaking and understanding for bots of the Telephony channel.
    pub speech: Speech,
    /// Recordings of calls.
    pub recordings: Recordings,
    /// Numbers that bots transfer to with what belongs to a call.
    pub broker: Broker,
    /// Meetings.
    pub workplace: Workplace,
    /// What the platform writes about itself.
    pub log: Log,
    /// People of the workplace; each may register SIP phones.
    pub people: Vec<Person>,
    /// Bots that can be called.
    pub bots: Vec<Bot>,
    /// Ways to phone numbers.
    pub trunks: Vec<Trunk>,
}

/// `[http]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Where to listen; port 0 takes a free one. Default `127.0.0.1:8080`.
    #[serde(deserialize_with = "values::address")]
    pub listen: SocketAddr,
    /// How others reach this platform, as in `https://calls.example.org`: it stands in `Location`
    /// headers, recording locations and token metadata. Default: the address a request came to,
    /// and the HTTP door where there is no request.
    #[serde(deserialize_with = "values::url_opt")]
    pub public_url: Option<Url>,
    /// Connections served at once over HTTP and HTTPS together; one more waits. Default 4096.
    pub connections_max: usize,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            connections_max: 4096,
        }
    }
}

/// `[https]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Https {
    /// Serve HTTPS at all. Default true.
    pub enabled: bool,
    /// Where to listen; port 0 takes a free one. Default `127.0.0.1:8443`.
    #[serde(deserialize_with = "values::address")]
    pub listen: SocketAddr,
    /// A certificate chain of your own, PEM. Default: one issued by the platform's own authority,
    /// whose certificate is `ca.pem` in the data folder.
    pub certificate: Option<PathBuf>,
    /// The private key that belongs to `certificate`, PEM.
    pub key: Option<PathBuf>,
}

impl Default for Https {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: SocketAddr::from(([127, 0, 0, 1], 8443)),
            certificate: None,
            key: None,
        }
    }
}

/// `[sip]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sip {
    /// Where to listen, UDP and TCP; port 0 takes a free one. Default `127.0.0.1:5060`.
    #[serde(deserialize_with = "values::address")]
    pub listen: SocketAddr,
    /// The host name phones register at and dial. Default: the listening address.
    pub domain: Option<String>,
    /// Who may call a bot: `"known"` people with their password, or `"anyone"`. Default `"known"`,
    /// in the demo `"anyone"`.
    pub callers: Option<Callers>,
    /// How often a phone must show that it is still in a call (RFC 4028); at least 90 s.
    /// Default `"30m"`.
    #[serde(deserialize_with = "values::duration")]
    pub session_expires: Duration,
    /// Calls and registrations served at once; the next caller is answered 503. Default 5000.
    pub calls_max: usize,
    /// The host name or address phones are told to answer to. Default: the listening address.
    pub advertised: Option<String>,
    /// The port of SIP over TLS, on the address of `listen`, with the certificate of `https`; port 0
    /// takes a free one. Default: no TLS.
    pub tls_port: Option<u16>,
    /// Let people dial phone numbers from their phones, as far as `trunks.allow` goes. Default
    /// false: only bots may.
    pub people_dial_numbers: bool,
    /// How a bot's transfer is done: `"auto"` asks the phone to call the target itself (REFER) where
    /// it offers that, and bridges otherwise; `"bridge"` always bridges. Default `"auto"`.
    pub transfer: Transfer,
}

impl Sip {
    /// Who may call, said or not.
    pub fn callers(&self) -> Callers {
        self.callers.unwrap_or_default()
    }
}

impl Default for Sip {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 5060)),
            domain: None,
            callers: None,
            session_expires: Duration::from_secs(1800),
            calls_max: 5000,
            advertised: None,
            tls_port: None,
            people_dial_numbers: false,
            transfer: Transfer::Auto,
        }
    }
}

/// Who may call a bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Callers {
    /// People of this workplace, after proving their password.
    #[default]
    Known,
    /// Anyone who can reach the SIP door.
    Anyone,
}

/// How a bot's transfer is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transfer {
    /// By the phone itself (REFER) where it offers that, and by bridging otherwise.
    #[default]
    Auto,
    /// By bridging.
    Bridge,
}

/// `[media]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Media {
    /// Threads that move audio; each keeps one core busy at about two thousand calls.
    /// Default: half of the cores, at least one.
    pub threads: Option<usize>,
    /// UDP ports for audio, `"FROM-TO"`; two a call. Default `"20000-29999"`.
    pub rtp_ports: PortRange,
    /// The address phones are told to send audio to. Default: the address of the SIP door.
    pub advertised_address: Option<std::net::IpAddr>,
    /// The codecs spoken, best first: of those a phone offers the first of these is taken. Between the
    /// two laws of G.711 the phone's order decides. Default `["opus", "g722", "pcmu", "pcma"]`.
    pub codecs: Vec<AudioCodec>,
    /// Whether audio is encrypted with keys from the descriptions (SRTP, RFC 4568): `"off"`,
    /// `"accept"` where the phone offers it, `"offer"` where the phone can, or `"require"`. Default
    /// `"accept"`.
    pub srtp: Srtp,
}

/// A codec of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AudioCodec {
    /// Opus, 16 kHz.
    Opus,
    /// G.722, 16 kHz.
    G722,
    /// G.711 µ-law, 8 kHz.
    Pcmu,
    /// G.711 A-law, 8 kHz.
    Pcma,
}

/// Whether audio is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Srtp {
    /// Never: a phone that offers nothing else is refused.
    Off,
    /// Where the phone offers it; calls to phones are plain.
    #[default]
    Accept,
    /// Where the phone can.
    Offer,
    /// Always: a phone that cannot is refused.
    Require,
}

impl Default for Media {
    fn default() -> Self {
        Self {
            threads: None,
            rtp_ports: PortRange {
                from: 20_000,
                to: 29_999,
            },
            advertised_address: None,
            codecs: vec![
                AudioCodec::Opus,
                AudioCodec::G722,
                AudioCodec::Pcmu,
                AudioCodec::Pcma,
            ],
            srtp: Srtp::Accept,
        }
    }
}

/// `[data]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Data {
    /// The folder for the database, recordings, generated secrets and the local certificate
    /// authority. Made if missing, readable by its owner only. Default `"offhook-data"`.
    #[serde(deserialize_with = "values::path")]
    pub dir: PathBuf,
    /// How long the events of calls and the records of refused callers are kept. What belongs to a
    /// live call stays whatever its age. Default `"30d"`.
    #[serde(deserialize_with = "values::duration")]
    pub history: Duration,
}

impl Default for Data {
    fn default() -> Self {
        Self {
            dir: PathBuf::from("offhook-data"),
            history: Duration::from_secs(30 * 24 * 3600),
        }
    }
}

/// `[login]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Login {
    /// How long an access token is good for. Default `"1h"`.
    #[serde(deserialize_with = "values::duration")]
    pub token_lifetime: Duration,
    /// How often the signing key is replaced. The previous key stays published until every token
    /// it signed has expired. Default `"30d"`.
    #[serde(deserialize_with = "values::duration")]
    pub key_rotation: Duration,
    /// Failed attempts one address may make for one application, or for one person's phone, in a
    /// minute. Default 10.
    pub failures_per_minute: u32,
}

impl Default for Login {
    fn default() -> Self {
        Self {
            token_lifetime: Duration::from_secs(3600),
            key_rotation: Duration::from_secs(30 * 24 * 3600),
            failures_per_minute: 10,
        }
    }
}

/// `[graph]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Graph {
    /// How long the recording of an answer is kept after its call has ended; `"0s"` deletes it
    /// when the call is hung up. Default `"10m"`.
    ///
    /// **Recording people is regulated.** Speech recorded in a call, and anything derived from it
    /// (a transcript, a voice print), may not be kept unless the law where you and the speakers
    /// are, and the terms you have agreed to, allow it. Offhook keeps an answer only so that a bot
    /// can fetch it, and then deletes it; whoever runs the platform or a bot on it answers for
    /// consent, for protection of the data and for everything kept longer. Ask a lawyer.
    #[serde(deserialize_with = "values::duration")]
    pub recording_retention: Duration,
    /// Accept a `callbackUri` that is plain `http` when it leads to this machine (loopback), as
    /// in development. Default true.
    pub http_callbacks_to_loopback: bool,
    /// Let every bot's callbacks and prompts lead to private, loopback and link-local addresses,
    /// not only to the bot's own origins. Default false.
    pub allow_private_addresses: bool,
    /// How `status` of an operation is spelled: `"camel"` (`running`) or `"schema"` (`Running`).
    /// Default `"camel"`.
    pub status_spelling: StatusSpelling,
    /// How notifications are sent: `"ordered"`, as the documentation has it, or `"as-observed"`, as
    /// production does, to test bots against it: repeated, overtaking one another, in changing
    /// words. Default `"ordered"`.
    pub notifications: Notifications,
    /// What happens `"as-observed"`: the same seed and the same calls make the same sequence.
    /// Default 0.
    pub notifications_seed: u64,
    /// More certificates to trust when calling bots over HTTPS, PEM files. The platform's own
    /// authority and the system's are trusted anyway.
    pub trust: Vec<PathBuf>,
}

impl Default for Graph {
    fn default() -> Self {
        Self {
            recording_retention: Duration::from_secs(600),
            http_callbacks_to_loopback: true,
            allow_private_addresses: false,
            status_spelling: StatusSpelling::Camel,
            notifications: Notifications::Ordered,
            notifications_seed: 0,
            trust: Vec::new(),
        }
    }
}

/// How notifications are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Notifications {
    /// Each once, in the order in which things were decided.
    Ordered,
    /// As production has been seen to send them.
    AsObserved,
}

/// How the status of an operation is spelled on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StatusSpelling {
    /// `running`, as the documentation shows it.
    Camel,
    /// `Running`, as the machine-readable schema has it.
    Schema,
}

/// `[prompts]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Prompts {
    /// The largest prompt fetched, in bytes. Default 20 MiB, eleven minutes of audio.
    pub bytes_max: usize,
    /// How long fetching one prompt may take. Default `"10s"`.
    #[serde(deserialize_with = "values::duration")]
    pub timeout: Duration,
}

impl Default for Prompts {
    fn default() -> Self {
        Self {
            bytes_max: 20 * 1024 * 1024,
            timeout: Duration::from_secs(10),
        }
    }
}

/// `[recordings]`
///
/// **Recording people is regulated.** See `graph.recording_retention`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recordings {
    /// How long the recording of a call is kept after its end. Default `"48h"`.
    #[serde(deserialize_with = "values::duration")]
    pub retention: Duration,
    /// Whether the two directions of a call are added up (`"mixed"`) or have a channel each
    /// (`"separate"`), where a bot does not say. Default `"mixed"`.
    pub channels: RecordingChannels,
    /// Where recordings go when they have ended: a folder (`/var/recordings`), a bucket
    /// (`s3://bucket/prefix`) or a container of Azure (`az://container/prefix`). Until it has one the
    /// platform keeps it. Default: they stay in the data folder.
    #[serde(deserialize_with = "values::place_opt")]
    pub destination: Option<Url>,
    /// How to get there, by the names of the environment in lower case, as in
    /// `{ aws_region = "eu-central-1" }`. Default: the environment (`AWS_…`, `AZURE_…`).
    #[serde(deserialize_with = "values::privates")]
    pub destination_options: BTreeMap<String, Private<String>>,
    /// Seal what is kept: 32 bytes in base64. Default: it is not sealed.
    #[serde(deserialize_with = "values::private_opt")]
    pub key: Option<Private<String>>,
    /// With what requests for recordings may be signed, in base64. Default: with nothing.
    #[serde(deserialize_with = "values::private_opt")]
    pub access_key: Option<Private<String>>,
    /// Who is told when a recording is complete. Default: nobody.
    #[serde(deserialize_with = "values::url_opt")]
    pub webhook: Option<Url>,
}

impl Default for Recordings {
    fn default() -> Self {
        Self {
            retention: Duration::from_secs(48 * 3600),
            channels: RecordingChannels::Mixed,
            destination: None,
            destination_options: BTreeMap::new(),
            key: None,
            access_key: None,
            webhook: None,
        }
    }
}

/// How the two directions of a call are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordingChannels {
    /// Added up.
    Mixed,
    /// A channel each.
    Separate,
}

/// `[broker]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Broker {
    /// The pool: phone numbers in full, as in `["+14255550170", "+14255550171"]`. Default: none.
    pub numbers: Vec<String>,
    /// What stands in the path for clients that cannot show a token: `/broker/s/KEY`. Default: there is no
    /// such path.
    #[serde(deserialize_with = "values::private_opt")]
    pub key: Option<Private<String>>,
    /// How long a number is held that nobody asks for. Default `"10m"`.
    #[serde(deserialize_with = "values::duration")]
    pub held_for: Duration,
    /// How long a request waits for a number. Default `"60s"`.
    #[serde(deserialize_with = "values::duration")]
    pub wait: Duration,
}

impl Default for Broker {
    fn default() -> Self {
        Self {
            numbers: Vec::new(),
            key: None,
            held_for: Duration::from_secs(600),
            wait: Duration::from_secs(60),
        }
    }
}

/// `[workplace]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Workplace {
    /// Meetings made for one person in a calendar month (UTC); the next is answered 429.
    /// Default 2000.
    pub meetings_a_month: u32,
    /// How long after its end a meeting can be found and joined; then it is forgotten.
    /// Default `"60d"`.
    #[serde(deserialize_with = "values::duration")]
    pub meetings_kept: Duration,
    /// Where the links that open a meeting seem to lead. Bots take them apart and know them by
    /// this start. Default `"https://teams.microsoft.com"`.
    #[serde(deserialize_with = "values::url")]
    pub join_url: Url,
}

impl Default for Workplace {
    fn default() -> Self {
        Self {
            meetings_a_month: offhook_workplace::limits::MEETINGS_A_MONTH,
            meetings_kept: offhook_workplace::limits::MEETING_KEPT,
            join_url: Url::parse("https://teams.microsoft.com").expect("a constant, tested"),
        }
    }
}

/// `[log]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `"text"` for people, `"json"` for machines. Default `"text"`.
    pub format: LogFormat,
    /// What to write, as in `"info,offhook_server=debug"`. Default `"info"`.
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            filter: "info".to_owned(),
        }
    }
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// A line for people.
    Text,
    /// An object a line.
    Json,
}

/// One of `[[people]]`: somebody who can register a SIP phone and call bots.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// As shown to bots.
    pub name: String,
    /// A GUID. Default: made once and kept in the data folder.
    #[serde(default, deserialize_with = "values::id_opt")]
    pub id: Option<PersonId>,
    /// The user part of the person's SIP address.
    #[serde(deserialize_with = "values::text")]
    pub sip_user: String,
    /// Default: made once and kept in the data folder.
    #[serde(default, deserialize_with = "values::private_opt")]
    pub sip_password: Option<Private<String>>,
    /// What they are called by. Default: all words of `name` but the last.
    #[serde(default, deserialize_with = "values::private_opt")]
    pub given_name: Option<Private<String>>,
    /// Default: the last word of `name`, if it has several.
    #[serde(default, deserialize_with = "values::private_opt")]
    pub surname: Option<Private<String>>,
    /// Where their mail goes. Default: `sip_user@` the SIP domain.
    #[serde(default, deserialize_with = "values::private_opt")]
    pub mail: Option<Private<String>>,
    /// The numbers on their desk.
    #[serde(default)]
    #[serde(deserialize_with = "values::private_list")]
    pub business_phones: Private<Vec<String>>,
    /// The number in their pocket.
    #[serde(default, deserialize_with = "values::private_opt")]
    pub mobile_phone: Option<Private<String>>,
    /// What they do.
    #[serde(default, deserialize_with = "values::private_opt")]
    pub job_title: Option<Private<String>>,
    /// Where they sit.
    #[serde(default, deserialize_with = "values::private_opt")]
    pub office_location: Option<Private<String>>,
    /// Such as `en-US`.
    #[serde(default)]
    pub preferred_language: Option<String>,
}

impl Person {
    /// Somebody of this name who registers phones as this user; the rest is made.
    pub fn new(name: impl Into<String>, sip_user: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            id: None,
            sip_user: sip_user.into(),
            sip_password: None,
            given_name: None,
            surname: None,
            mail: None,
            business_phones: Private::default(),
            mobile_phone: None,
            job_title: None,
            office_location: None,
            preferred_language: None,
        }
    }
}

/// One of `[[bots]]`: somebody's HTTP service that can be called.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bot {
    /// As shown to callers and in notifications.
    pub name: String,
    /// The application id, a GUID. Default: made once and kept in the data folder.
    #[serde(default, deserialize_with = "values::id_opt")]
    pub app_id: Option<AppId>,
    /// The client secret. Default: made once and kept in the data folder.
    #[serde(default, deserialize_with = "values::private_opt")]
    pub secret: Option<Private<String>>,
    /// The tenant the bot belongs to, a GUID. Default: the platform's own, made once.
    #[serde(default)]
    pub tenant: Option<String>,
    /// What the bot speaks. Default `"graph"`.
    #[serde(default)]
    pub protocol: Protocol,
    /// Where the bot wants to hear of calls; for the Telephony channel its messaging endpoint.
    #[serde(alias = "endpoint", deserialize_with = "values::url")]
    pub webhook: Url,
    /// The user part of the SIP address that reaches the bot.
    #[serde(deserialize_with = "values::text")]
    pub sip_user: String,
    /// Its permissions, as in `"Calls.AccessMedia.All"`. Default: that one.
    #[serde(default = "Bot::usual_roles")]
    pub roles: Vec<String>,
    /// Origins (`scheme://host:port`) its callbacks and prompts may come from although their
    /// addresses are private; the origin of `webhook` is one of them anyway.
    #[serde(default)]
    pub allowed_origins: Vec<String>,
    /// The people it may hold meetings for, by their `sip_user`; `"*"` is everybody. Default:
    /// nobody, in the demo everybody.
    #[serde(default)]
    pub acts_for: Vec<String>,
    /// Whether it may drop participants from calls of many. Default: yes.
    #[serde(default = "Bot::usually")]
    pub removes_participants: bool,
    /// How much of the platform this bot may take.
    #[serde(default)]
    pub limits: BotLimits,
    /// Phone numbers in full that reach it, as in `["+14255550199"]`.
    #[serde(default)]
    pub numbers: Vec<String>,
    /// Telephony channel: how the bot and the platform know each other: `"open"`, `"own"` or
    /// `"microsoft"`. Default `"open"`.
    #[serde(default)]
    pub authentication: BotAuthentication,
    /// Telephony channel, `"microsoft"`: where the bot logs in, with the tenant. Default: Microsoft's for
    /// bots of many tenants.
    #[serde(default = "Bot::usual_login", deserialize_with = "values::url")]
    pub login_url: Url,
    /// Telephony channel, `"microsoft"`: where the keys of the bot's tokens are named. Default: below
    /// `login_url`.
    #[serde(default, deserialize_with = "values::url_opt")]
    pub metadata_url: Option<Url>,
    /// Telephony channel, `"microsoft"`: who may issue the bot's tokens. Default: Microsoft's tenant for
    /// bots of many tenants.
    #[serde(default = "Bot::usual_issuers")]
    pub issuers: Vec<String>,
    /// Telephony channel: the language callers speak and the bot answers in. Default `"en-US"`.
    #[serde(default = "Bot::usual_locale")]
    pub locale: String,
    /// Telephony channel: the voice of what does not name one. Default: the language's own.
    #[serde(default)]
    pub voice: Option<String>,
    /// Telephony channel: tell the bot when a message was heard or interrupted. Default false.
    #[serde(default)]
    pub receipts: bool,
    /// Telephony channel: tell the bot when a caller did nothing for so long after a message. Default:
    /// never, unless the message says otherwise.
    #[serde(default, deserialize_with = "values::duration_opt")]
    pub no_input: Option<Duration>,
    /// Telephony channel: have the bot reply in its answer to each request (`expectReplies`), for bots
    /// that cannot reach the platform. Default false.
    #[serde(default)]
    pub expect_replies: bool,
    /// Telephony channel: what the bot is told of a hand-off that succeeded: `"accepted"`, as the
    /// channel's documentation has it, or nothing (`"quiet"`), as the component package has it. Default
    /// `"accepted"`.
    #[serde(default)]
    pub handoff_status: HandoffStatus,
    /// Telephony channel: how long the target of a hand-off rings. Default `"60s"`.
    #[serde(default = "Bot::usual_ring", deserialize_with = "values::duration")]
    pub handoff_rings_for: Duration,
    /// Telephony channel: ring again and again when nobody answers, as the original did. Default false.
    #[serde(default)]
    pub handoff_redials: bool,
}

/// What a bot is told of a hand-off that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HandoffStatus {
    /// That the target accepted, before the conversation ends.
    #[default]
    Accepted,
    /// The end of the conversation only.
    Quiet,
}

impl Bot {
    /// A bot of this name that is dialled as this user and hears of calls at `webhook`; the rest is
    /// the default.
    pub fn new(name: impl Into<String>, sip_user: impl Into<String>, webhook: Url) -> Self {
        Self {
            name: name.into(),
            app_id: None,
            secret: None,
            tenant: None,
            protocol: Protocol::default(),
            webhook,
            sip_user: sip_user.into(),
            roles: Self::usual_roles(),
            allowed_origins: Vec::new(),
            acts_for: Vec::new(),
            removes_participants: Self::usually(),
            limits: BotLimits::default(),
            numbers: Vec::new(),
            authentication: BotAuthentication::default(),
            login_url: Self::usual_login(),
            metadata_url: None,
            issuers: Self::usual_issuers(),
            locale: Self::usual_locale(),
            voice: None,
            receipts: false,
            no_input: None,
            expect_replies: false,
            handoff_status: HandoffStatus::default(),
            handoff_rings_for: Self::usual_ring(),
            handoff_redials: false,
        }
    }

    fn usual_ring() -> Duration {
        offhook_engine::limits::RINGS_FOR
    }

    fn usual_login() -> Url {
        let login = "https://login.microsoftonline.com/botframework.com";
        Url::parse(login).expect("a constant, tested")
    }

    fn usual_issuers() -> Vec<String> {
        let tenant = "d6d49420-f39b-4df7-a1dc-d59a935871db";
        vec![
            format!("https://sts.windows.net/{tenant}/"),
            format!("https://login.microsoftonline.com/{tenant}/v2.0"),
        ]
    }

    fn usual_locale() -> String {
        "en-US".to_owned()
    }

    fn usually() -> bool {
        true
    }

    /// Every permission there is.
    pub fn every_role() -> Vec<String> {
        let known = crate::registry::Roles::known();
        known.into_iter().map(str::to_owned).collect()
    }

    fn usual_roles() -> Vec<String> {
        vec!["Calls.AccessMedia.All".to_owned()]
    }
}

/// One of `[[trunks]]`: a way to phone numbers. It leads to a fixed `address`, or to a `registrar`
/// that lets us in with `user` and `password`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trunk {
    /// Its name in the log, in metrics and in refusal records.
    pub name: String,
    /// Where calls are sent: a host, with a port if it is not the usual one. Default: the registrar.
    #[serde(default)]
    pub address: Option<String>,
    /// Where to register, so that the other side finds us.
    #[serde(default)]
    pub registrar: Option<String>,
    /// The account, for the registration and whenever the other side asks who we are (digest).
    #[serde(default, deserialize_with = "values::text_opt")]
    pub user: Option<String>,
    /// The account's password.
    #[serde(default, deserialize_with = "values::private_opt")]
    pub password: Option<Private<String>>,
    /// `"udp"`, `"tcp"` or `"tls"`. Default `"udp"`.
    #[serde(default)]
    pub transport: TrunkTransport,
    /// The number the called see. Default: the account.
    #[serde(default, deserialize_with = "values::text_opt")]
    pub caller_id: Option<String>,
    /// Beginnings of numbers that may be seen instead, when the caller has such a number. Default:
    /// none.
    #[serde(default)]
    pub caller_ids: Vec<String>,
    /// Beginnings of the numbers that may be dialled, as in `["+4930"]`. Default: none, so that
    /// nothing may be dialled.
    #[serde(default)]
    pub allow: Vec<String>,
    /// Calls out at once; a further one is not placed. Default 10.
    #[serde(default = "Trunk::usual_calls_max")]
    pub calls_max: usize,
    /// Calls out begun in a minute; a further one is not placed. Default 30.
    #[serde(default = "Trunk::usual_calls_per_minute")]
    pub calls_per_minute: usize,
    /// The addresses it calls us from, which are then believed without a password. Default: none.
    #[serde(default)]
    pub sources: Vec<std::net::IpAddr>,
    /// Who is reached by which of its numbers: a number and the user part of a bot's, a person's or
    /// a meeting's address.
    #[serde(default)]
    pub inbound: std::collections::BTreeMap<String, String>,
}

impl Trunk {
    /// A trunk of this name to this address, over which nothing may be dialled yet.
    pub fn new(name: impl Into<String>, address: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            address: Some(address.into()),
            registrar: None,
            user: None,
            password: None,
            transport: TrunkTransport::default(),
            caller_id: None,
            caller_ids: Vec::new(),
            allow: Vec::new(),
            calls_max: Self::usual_calls_max(),
            calls_per_minute: Self::usual_calls_per_minute(),
            sources: Vec::new(),
            inbound: std::collections::BTreeMap::new(),
        }
    }

    /// Where its calls are sent.
    pub fn host(&self) -> Option<&str> {
        self.address.as_deref().or(self.registrar.as_deref())
    }

    fn usual_calls_max() -> usize {
        10
    }

    fn usual_calls_per_minute() -> usize {
        30
    }
}

/// How a trunk is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrunkTransport {
    /// UDP.
    #[default]
    Udp,
    /// TCP.
    Tcp,
    /// TLS over TCP.
    Tls,
}

/// What a bot speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// The Graph calls API.
    #[default]
    Graph,
    /// The Telephony channel: Bot Framework activities.
    Telephony,
}

impl Protocol {
    /// The word for it in configuration and in the ready file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Graph => "graph",
            Self::Telephony => "telephony",
        }
    }
}

/// How a bot of the Telephony channel knows who sends it activities, and proves who answers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BotAuthentication {
    /// Not at all: the bot has no app id, and its way back is an address that nobody can guess.
    #[default]
    Open,
    /// By tokens that this platform issues.
    Own,
    /// By Microsoft's: the bot is spoken to with its own `app_id` and `secret`, as the Bot Framework
    /// Emulator does.
    Microsoft,
}

/// `[speech]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Speech {
    /// Who speaks for bots of the Telephony channel: `"espeak"`, `"azure"`, `"openai"`, or `"none"` for a
    /// shipped apology. Default `"espeak"`.
    pub synthesiser: Synthesiser,
    /// The eSpeak NG program. Default `"espeak-ng"`.
    pub espeak: String,
    /// Who makes words of what callers say: `"none"`, `"pocketsphinx"`, which needs to be told what to
    /// expect (`listenFor`), `"azure"`, `"openai"` or `"scripted"`. Default `"none"`: callers press keys.
    pub recogniser: Recogniser,
    /// The Pocketsphinx program. Default `"pocketsphinx_continuous"`.
    pub pocketsphinx: String,
    /// The folder of its model and dictionary. Default `"/usr/share/pocketsphinx/model/en-us"`.
    pub pocketsphinx_model: String,
    /// What a scripted recogniser understands, an utterance each, over and over.
    pub script: Vec<String>,
    /// Azure Speech: the key of the resource.
    #[serde(deserialize_with = "values::private_opt")]
    pub azure_key: Option<Private<String>>,
    /// Azure Speech: its region, as in `"westeurope"`. Default `"westeurope"`.
    pub azure_region: String,
    /// Azure Speech: the voice of what names none. Default `"en-US-AvaMultilingualNeural"`.
    pub azure_voice: String,
    /// Azure Speech: where words become sound. Default: as the region has it.
    #[serde(deserialize_with = "values::url_opt")]
    pub azure_synthesis_url: Option<Url>,
    /// Azure Speech: where sound becomes words. Default: as the region has it.
    #[serde(deserialize_with = "values::websocket_opt")]
    pub azure_recognition_url: Option<Url>,
    /// OpenAI's interface: the start of the service's addresses. Default `"http://127.0.0.1:8000/v1"`.
    #[serde(deserialize_with = "values::url")]
    pub openai_url: Url,
    /// OpenAI's interface: the key, if the service wants one.
    #[serde(deserialize_with = "values::private_opt")]
    pub openai_key: Option<Private<String>>,
    /// OpenAI's interface: the model that speaks. Default `"tts-1"`.
    pub openai_speech_model: String,
    /// OpenAI's interface: the voice of what names none. Default `"alloy"`.
    pub openai_voice: String,
    /// OpenAI's interface: the model that understands. Default `"whisper-1"`.
    pub openai_transcription_model: String,
}

impl Default for Speech {
    fn default() -> Self {
        Self {
            synthesiser: Synthesiser::Espeak,
            espeak: "espeak-ng".to_owned(),
            recogniser: Recogniser::None,
            pocketsphinx: "pocketsphinx_continuous".to_owned(),
            pocketsphinx_model: "/usr/share/pocketsphinx/model/en-us".to_owned(),
            script: Vec::new(),
            azure_key: None,
            azure_region: "westeurope".to_owned(),
            azure_voice: "en-US-AvaMultilingualNeural".to_owned(),
            azure_synthesis_url: None,
            azure_recognition_url: None,
            openai_url: Url::parse("http://127.0.0.1:8000/v1").expect("a constant, tested"),
            openai_key: None,
            openai_speech_model: "tts-1".to_owned(),
            openai_voice: "alloy".to_owned(),
            openai_transcription_model: "whisper-1".to_owned(),
        }
    }
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Synthesiser {
    /// eSpeak NG, on this machine.
    Espeak,
    /// Azure Speech.
    Azure,
    /// A service with the interface of OpenAI's.
    Openai,
    /// Nobody.
    None,
}

/// Who understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Recogniser {
    /// Nobody.
    None,
    /// Pocketsphinx, on this machine.
    Pocketsphinx,
    /// Azure Speech.
    Azure,
    /// A service with the interface of OpenAI's.
    Openai,
    /// A list of what will be said.
    Scripted,
}

/// `[bots.limits]`
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BotLimits {
    /// Live calls at once; the next caller is turned down as busy. Default 5000.
    pub calls: usize,
    /// Calls a calendar month (UTC), incoming and outgoing; one more is turned down. Default none.
    pub calls_per_month: Option<u32>,
    /// API requests a second; the next is answered 429. Default 2000.
    pub requests_per_second: u32,
}

impl Default for BotLimits {
    fn default() -> Self {
        Self {
            calls: 5000,
            calls_per_month: None,
            requests_per_second: 2000,
        }
    }
}
