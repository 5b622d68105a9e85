//! `offhook dial`: the phone as a command.

use std::cell::Cell;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use offhook_media::Codec;
use offhook_media::sdp::Encryption;
use offhook_sip::{Transport, Trust};
use tokio::time::sleep;

use crate::limits;
use crate::phone::local_address_toward;
use crate::report::Report;
use crate::step::{BadStep, Step, duration};
use crate::{Call, Config, DialError, Phone, Ringing};

const EXAMPLE: &str = "\
The options that make the call do or expect something are steps: they happen one after the other,
in the order they are given, and the call is hung up after the last. Without any, the call lasts
until the other side hangs up.

Example: leave a message after the beep, end it with #, and hear it played back:

  offhook dial sip:bot@127.0.0.1:5060 \\
      --expect-beep 1000 --play tone:440:3s --keys '#' --expect-tone 440 --for 2s

Example: be somebody's phone, answer the next call, and keep what is heard:

  offhook dial sip:127.0.0.1:5060 --user ann --password secret --domain example.com \\
      --register --wait-for-call --record heard.wav --expect-hang-up

Example: be a phone that declines, and one that rings for three seconds before it is picked up:

  offhook dial sip:127.0.0.1:5060 --user ann --password secret --domain example.com \\
      --register --wait-for-call --reject 603
  offhook dial sip:127.0.0.1:5060 --user bob --password secret --domain example.com \\
      --register --wait-for-call --answer-after 3s --play tone:440:10s --hang-up-after 12s

Exit code: 0 everything held, 1 an expectation did not hold, 2 wrong usage, 3 there was no call.";

/// Calls, or waits for a call, from the terminal: a scriptable phone.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLE, after_help = "Examples and exit codes: --help")]
pub struct Dial {
    /// Whom to call, such as sip:bot@127.0.0.1:5060; with --wait-for-call the registrar
    #[arg(value_name = "URI")]
    uri: String,

    /// The user part of the phone's address and of its credentials
    #[arg(long, help_heading = "Who calls")]
    user: Option<String>,
    /// The password of the account
    #[arg(
        long,
        env = "OFFHOOK_DIAL_PASSWORD",
        hide_env_values = true,
        requires = "user",
        help_heading = "Who calls"
    )]
    password: Option<String>,
    /// The domain of the phone's address; the host of URI by default
    #[arg(long, requires = "user", help_heading = "Who calls")]
    domain: Option<String>,
    /// The whole calling address, when it is not the account's
    #[arg(long, value_name = "URI", help_heading = "Who calls")]
    from: Option<String>,
    /// The name shown to the called party
    #[arg(long, help_heading = "Who calls")]
    display: Option<String>,
    /// Register the account first, and stay registered during the call
    #[arg(long, requires = "user", help_heading = "Who calls")]
    register: bool,
    /// Answer the next call instead of placing one
    #[arg(long, help_heading = "Who calls")]
    wait_for_call: bool,
    /// Let the call ring for so long before answering it
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "wait_for_call",
        help_heading = "Who calls")]
    answer_after: Option<Duration>,
    /// Refuse the call with this status instead, such as 486 (busy) or 603 (declined)
    #[arg(long, value_name = "STATUS", value_parser = clap::value_parser!(u16).range(400..700),
        requires = "wait_for_call", conflicts_with = "never_answer", help_heading = "Who calls")]
    reject: Option<u16>,
    /// Let the call ring until the caller gives up
    #[arg(long, requires = "wait_for_call", help_heading = "Who calls")]
    never_answer: bool,

    /// How to signal: udp, tcp or tls
    #[arg(long, default_value = "udp", help_heading = "Network")]
    transport: Transport,
    /// The authority to believe by TLS, in PEM; those of this machine by default
    #[arg(long, value_name = "FILE", help_heading = "Network")]
    tls_ca: Option<PathBuf>,
    /// The local address, with or without a port; found by the way to URI by default
    #[arg(long, value_name = "ADDR[:PORT]", value_parser = local, help_heading = "Network")]
    local: Option<SocketAddr>,
    /// The range of local ports for audio
    #[arg(long, value_name = "FROM-TO", value_parser = ports, help_heading = "Network")]
    rtp_ports: Option<RangeInclusive<u16>>,
    /// The codecs to speak, best first, such as G722,PCMU; all by default
    #[arg(long = "codec", value_name = "NAME", value_delimiter = ',', value_parser = codec,
        help_heading = "Network")]
    codecs: Vec<Codec>,
    /// Whether to encrypt the audio: off, accept (where the other side offers it), offer (where it can)
    /// or require
    #[arg(long, value_name = "WHEN", default_value = "off", value_parser = encryption,
        help_heading = "Network")]
    srtp: Encryption,
    /// A further header of the INVITE
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header, help_heading = "Network")]
    headers: Vec<(String, String)>,

    /// Write what is heard into this WAV file (16 kHz, 16 bit, mono)
    #[arg(long, value_name = "FILE", help_heading = "Result")]
    record: Option<PathBuf>,
    /// Hang up this long after the answer; steps that are not done then have failed
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = "Result")]
    hang_up_after: Option<Duration>,
    /// How long to wait for an answer, or for a call
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "60s", help_heading = "Result")]
    timeout: Duration,
    /// Print the result as JSON
    #[arg(long, help_heading = "Result")]
    json: bool,

    #[command(flatten)]
    steps: Steps,
}

/// The steps, in the order they stand on the command line; which is why they are read by hand.
#[derive(Debug, Default)]
struct Steps {
    given: Vec<Step>,
    /// More come on standard input.
    goes_on: bool,
}

/// The options that are steps: name, value, explanation.
const STEPS: [(&str, &str, &str); 17] = [
    (
        "play",
        "FILE|tone:HZ:DURATION",
        "Play a WAV file, or a tone such as tone:440:3s, to its end",
    ),
    (
        "keys",
        "KEYS",
        "Press keys as RFC 4733 packets; w pauses for 500 ms: 1w2#",
    ),
    ("keys-info", "KEYS", "Press keys by SIP INFO"),
    ("pause", "DURATION", "Wait"),
    (
        "expect-tone",
        "HZ",
        "Hear this tone, to within 3 %, for 500 ms or for the next --for",
    ),
    (
        "expect-beep",
        "[HZ]",
        "Hear a tone begin and end; any, or this one",
    ),
    (
        "expect-sound",
        "DURATION",
        "Hear voice, music or tones for so long in all",
    ),
    (
        "expect-silence",
        "DURATION",
        "Hear nothing for so long without a break",
    ),
    ("expect-key", "KEY", "Hear the other side press this key"),
    ("expect-hang-up", "", "The other side hangs up"),
    ("hold", "DURATION", "Put the other side on hold for so long"),
    (
        "transfer",
        "URI",
        "Send the other side there by REFER, and wait until it is",
    ),
    (
        "expect-moved",
        "",
        "The call goes on with somebody else, sent there by the other side or taken over",
    ),
    ("hang-up", "", "Hang up"),
    ("for", "DURATION", "How long the step before shall be heard"),
    (
        "within",
        "DURATION",
        "How long the step before may take to come true; 15 s more by default",
    ),
    (
        "script",
        "FILE",
        "Take steps from a file: one a line, `play`, `press`, `expect-tone 440 2s`…; with `-` from standard input, each as it comes, until that ends",
    ),
];

impl Args for Steps {
    fn augment_args(command: Command) -> Command {
        STEPS.iter().fold(command, |command, (name, value, help)| {
            let arg = Arg::new(*name)
                .long(*name)
                .help(*help)
                .help_heading("Steps, in order")
                .action(ArgAction::Append);
            command.arg(match *value {
                "" => arg.num_args(0).default_missing_value(""),
                "[HZ]" => arg
                    .value_name("HZ")
                    .num_args(0..=1)
                    .default_missing_value(""),
                value => arg.value_name(value),
            })
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Steps {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut given: Vec<(usize, &str, String)> = Vec::new();
        for (name, ..) in STEPS {
            let (Some(at), Some(values)) =
                (matches.indices_of(name), matches.get_many::<String>(name))
            else {
                continue;
            };
            given.extend(at.zip(values).map(|(at, value)| (at, name, value.clone())));
        }
        given.sort_by_key(|(at, ..)| *at);
        let mut steps = Self::default();
        for (_, name, value) in given {
            steps.add(name, value.trim()).map_err(|BadStep(why)| {
                clap::Error::raw(
                    clap::error::ErrorKind::ValueValidation,
                    format!("--{name}: {why}\n"),
                )
            })?;
        }
        Ok(steps)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Steps {
    fn add(&mut self, name: &str, value: &str) -> Result<(), BadStep> {
        match name {
            "keys" => self.given.push(format!("press {value}").parse()?),
            "keys-info" => self.given.push(format!("press-info {value}").parse()?),
            "hold" => {
                let length = duration(value)?;
                self.given
                    .extend([Step::Hold, Step::Pause(length), Step::Resume]);
            }
            "for" | "within" => {
                let length = duration(value)?;
                let done = self.given.last_mut().is_some_and(|step| match name {
                    "for" => step.set_duration(length),
                    _ => step.set_within(length),
                });
                if !done {
                    return Err(BadStep("no step before it to which it could belong".into()));
                }
            }
            "script" if value == "-" => self.goes_on = true,
            "script" => {
                let script = std::fs::read_to_string(value)
                    .map_err(|error| BadStep(format!("{value}: {error}")))?;
                self.given.extend(Step::parse_all(&script)?);
            }
            name => self.given.push(format!("{name} {value}").parse()?),
        }
        // A file that cannot be played is better known before the call.
        if let Some(Step::Play(sound)) = self.given.last() {
            sound.load()?;
        }
        Ok(())
    }
}

fn local(text: &str) -> Result<SocketAddr, String> {
    let alone = || text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 0));
    text.parse()
        .or_else(|_| alone())
        .map_err(|_| "an address such as 192.0.2.7 or 192.0.2.7:5070".to_owned())
}

fn ports(text: &str) -> Result<RangeInclusive<u16>, String> {
    let range = text.split_once('-').and_then(|(from, to)| {
        let (from, to) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
        (from < to).then_some(from..=to)
    });
    range.ok_or_else(|| "two ports such as 40000-40100".to_owned())
}

fn codec(text: &str) -> Result<Codec, String> {
    let known = |codec: &Codec| codec.name().eq_ignore_ascii_case(text);
    Codec::ALL.into_iter().find(known).ok_or_else(|| {
        let names = Codec::ALL.map(Codec::name).join(", ");
        format!("a codec is one of {names}")
    })
}

fn encryption(text: &str) -> Result<Encryption, String> {
    match text.to_ascii_lowercase().as_str() {
        "off" => Ok(Encryption::Off),
        "accept" => Ok(Encryption::Accept),
        "offer" => Ok(Encryption::Offer),
        "require" => Ok(Encryption::Require),
        _ => Err("`off`, `accept`, `offer` or `require`".to_owned()),
    }
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once(':')
        .ok_or("a header such as `X-Purpose: test`")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// Makes the call, prints the result, and gives the exit code.
pub fn run(dial: Dial) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return wrong(&format!("the phone cannot start: {error}")),
    };
    let json = dial.json;
    match runtime.block_on(dial.call()) {
        Ok(report) => {
            let mut out = std::io::stdout().lock();
            // Nobody reads the output any more: the exit code still tells.
            let _ = if json {
                let text = serde_json::to_string_pretty(&report);
                writeln!(out, "{}", text.expect("a report is plain data"))
            } else {
                writeln!(out, "{report}")
            };
            ExitCode::from(report.exit_code())
        }
        Err(Wrong(sentence)) => wrong(&sentence),
    }
}

fn wrong(sentence: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "error: {sentence}");
    ExitCode::from(2)
}

/// Wrong usage, in a sentence.
struct Wrong(String);

/// What became of the call.
enum Connected {
    /// With what came with it, if it was waited for.
    Call(Box<Call>, Vec<(String, String)>),
    /// It was not to be answered.
    Rang(Report),
}

impl Dial {
    async fn call(self) -> Result<Report, Wrong> {
        let place = offhook_sip::locate(&self.uri, self.transport).await;
        let place = place.map_err(|error| Wrong(format!("{}: {error}", self.uri)))?;
        let local = self
            .local
            .unwrap_or_else(|| SocketAddr::new(local_address_toward(place), 0));
        let mut config = Config::new(local);
        config.transport = self.transport;
        config.trust = self.trust()?;
        config.codecs = self.codecs.clone();
        config.encryption = self.srtp;
        config.rtp_ports = self.rtp_ports.clone();
        if let Some(user) = &self.user {
            let password = self.password.clone().unwrap_or_default();
            let domain = self
                .domain
                .clone()
                .unwrap_or_else(|| host(&self.uri).to_owned());
            config = config.with_account(user, password, domain);
        }
        let phone = Phone::start(config)
            .await
            .map_err(|error| Wrong(error.to_string()))?;
        let registration = match self.register {
            false => None,
            true => match phone.register(place).await {
                Ok(registration) => Some(registration),
                Err(error) => return Ok(Report::no_call(None, error.to_string())),
            },
        };
        let report = match self.connect(&phone).await {
            Ok(Connected::Call(call, headers)) => Report {
                headers,
                ..self.attend(*call).await?
            },
            Ok(Connected::Rang(report)) => report,
            Err(error) => {
                let reason = match &error {
                    DialError::Refused { reason, .. } => reason.clone(),
                    other => other.to_string(),
                };
                Report::no_call(error.status(), reason)
            }
        };
        if let Some(registration) = registration {
            registration.unregister().await;
        }
        phone.stop().await;
        Ok(report)
    }

    /// Whom to believe; nobody when nothing here asks for TLS.
    fn trust(&self) -> Result<Trust, Wrong> {
        let uri = self.uri.to_ascii_lowercase();
        let asked = uri.starts_with("sips:") || uri.contains(";transport=tls");
        let Some(path) = &self.tls_ca else {
            return Ok(Trust {
                system: asked || self.transport == Transport::Tls,
                authorities: Vec::new(),
            });
        };
        let pem = std::fs::read_to_string(path);
        let pem = pem.map_err(|error| Wrong(format!("{}: {error}", path.display())))?;
        Ok(Trust {
            system: false,
            authorities: vec![pem],
        })
    }

    async fn connect(&self, phone: &Phone) -> Result<Connected, DialError> {
        if self.wait_for_call {
            let ringing = phone.wait_for_call(self.timeout).await?;
            return self.pick_up(ringing).await;
        }
        let call = phone
            .dial(crate::Dial {
                from: self.from.clone(),
                display: self.display.clone(),
                patience: self.timeout,
                headers: self.headers.clone(),
                ..crate::Dial::new(&self.uri)
            })
            .await?;
        Ok(Connected::Call(Box::new(call), Vec::new()))
    }

    /// A call rings here.
    async fn pick_up(&self, mut ringing: Ringing) -> Result<Connected, DialError> {
        if let Some(pause) = self.answer_after {
            ringing.ring_for(pause).await?;
        }
        if let Some(status) = self.reject {
            ringing.refuse(status);
            let reason = "it was refused";
            return Ok(Connected::Rang(Report::rang(Some(status), reason)));
        }
        if self.never_answer {
            return match ringing.ring_for(self.timeout).await {
                Err(DialError::Cancelled) => {
                    let reason = "the caller gave up";
                    Ok(Connected::Rang(Report::rang(Some(487), reason)))
                }
                Err(error) => Err(error),
                Ok(()) => Err(DialError::Unanswered),
            };
        }
        let headers = ringing.incoming().headers.iter();
        let headers = headers
            .map(|(name, value)| (name.clone(), value.reveal().clone()))
            .collect();
        let call = ringing.answer().await?;
        Ok(Connected::Call(Box::new(call), headers))
    }

    async fn attend(&self, mut call: Call) -> Result<Report, Wrong> {
        if let Some(path) = &self.record {
            let opened = call.record_to(path);
            opened.map_err(|error| Wrong(format!("{}: {error}", path.display())))?;
        }
        let steps = &self.steps.given;
        let done = Cell::new(0);
        let limit = async {
            match self.hang_up_after {
                Some(limit) => sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = attend(&mut call, steps, &done) => {
                if self.steps.goes_on && !call.has_failed() {
                    attend_as_told(&mut call).await;
                } else if steps.is_empty() {
                    stay(&mut call).await;
                }
            }
            () = limit => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        if let Some(step) = steps.get(done.get()) {
            call.fail(step, "the call was ended before");
        }
        Ok(call.finish().await)
    }
}

/// Does the steps, up to the first that fails.
async fn attend(call: &mut Call, steps: &[Step], done: &Cell<usize>) {
    for (at, step) in steps.iter().enumerate() {
        let held = call.assert(step).await;
        done.set(at + 1);
        if !held {
            // The rest is not tried, and not told.
            return done.set(steps.len());
        }
    }
}

/// Stays until the other side hangs up.
async fn stay(call: &mut Call) {
    while !call.is_over() {
        let _ = call.pause(Duration::from_secs(3_600)).await;
    }
}

/// Does steps as they come on standard input, until that ends, one of them fails, or the call is over.
async fn attend_as_told(call: &mut Call) {
    // Reading cannot be given up, so that is a thread's: it ends with the process at the latest.
    let (tell, mut told) = tokio::sync::mpsc::channel(limits::LINES_AHEAD_MAX);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if tell.blocking_send(line).is_err() {
                return;
            }
        }
    });
    loop {
        let line = tokio::select! {
            // What was told before the end of the call is done, and fails if it is too late for it.
            biased;
            line = told.recv() => line,
            () = stay(call) => None,
        };
        let Some(line) = line else { return };
        let steps = match Step::parse_all(&line) {
            Ok(steps) => steps,
            Err(BadStep(why)) => return call.fail_with(line, why),
        };
        for step in &steps {
            if !call.assert(step).await {
                return;
            }
        }
    }
}

/// The host of a SIP address, without its port.
fn host(uri: &str) -> &str {
    let rest = uri.split_once(':').map_or(uri, |(_, rest)| rest);
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let end = match host.strip_prefix('[') {
        Some(v6) => v6.find(']').map_or(host.len(), |at| at + 2),
        None => host.find([':', ';', '?']).unwrap_or(host.len()),
    };
    &host[..end]
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        dial: Dial,
    }

    fn parse(words: &str) -> Result<Vec<String>, String> {
        let words = ["dial", "sip:bot@127.0.0.1"]
            .into_iter()
            .chain(words.split(' '));
        let line = Line::try_parse_from(words.filter(|w| !w.is_empty()));
        let line = line.map_err(|error| error.to_string())?;
        Ok(line.dial.steps.given.iter().map(Step::to_string).collect())
    }

    #[test]
    fn steps_keep_the_order_they_are_given_in() {
        let steps = parse(
            "--expect-beep 1000 --play tone:440:3s --keys # --expect-tone 440 --for 2s --within 9s \
             --pause 1s --play tone:500:1s --expect-beep --hold 2s --expect-hang-up",
        );
        let wanted = [
            "expect-beep 1000 within 15s",
            "play tone:440:3s",
            "press #",
            "expect-tone 440 2s within 9s",
            "pause 1s",
            "play tone:500:1s",
            "expect-beep within 15s",
            "hold",
            "pause 2s",
            "resume",
            "expect-hang-up within 15s",
        ];
        assert_eq!(steps.expect("they are good"), wanted);
    }

    #[test]
    fn wrong_usage_is_said_in_words() {
        for (words, why) in [
            ("--for 2s", "no step before it"),
            ("--keys x", "not a key"),
            ("--play /no/such/file.wav", "No such file"),
            ("--rtp-ports 5-4", "two ports such as"),
            ("--transport quic", "`udp`, `tcp` or `tls`"),
            ("--register", "--user"),
            ("--codec G729", "a codec is one of"),
            ("--srtp sometimes", "`off`, `accept`, `offer` or `require`"),
            ("--reject 486", "--wait-for-call"),
            ("--wait-for-call --reject 200", "400..700"),
        ] {
            let error = parse(words).expect_err(words);
            assert!(error.contains(why), "{words}: {error}");
        }
    }

    #[test]
    fn the_host_of_an_address_is_its_domain() {
        assert_eq!(
            host("sip:bot@example.com:5060;transport=tcp"),
            "example.com"
        );
        assert_eq!(host("sip:127.0.0.1"), "127.0.0.1");
        assert_eq!(host("sip:bot@[::1]:5060"), "[::1]");
    }
}
