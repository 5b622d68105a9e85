//! `offhook demo`: everything on loopback, with two sample people, the calling bot and the echo bot.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use offhook_calling_bot as calling_bot;
use offhook_echo_bot as echo_bot;
use offhook_server::Running;
use offhook_server::config::{Bot, Callers, Config, Person, Protocol};
use tokio::net::TcpListener;
use url::Url;

use crate::running;
use crate::settings::Settings;

/// The calling bot's name, which is also how it is dialled.
const CALLING_BOT: &str = "calling-bot";

/// How the bot that says everything again is dialled.
const ECHO_BOT: &str = "echo";

/// How the reader's own bot is dialled.
const YOUR_BOT: &str = "your-bot";

/// Start everything on this machine, with two sample people, the calling bot and an echo bot.
///
/// Prints what to dial, from which account, what will happen, and where each secret and log is.
/// Nothing outside this machine can reach it.
#[derive(Args)]
#[command(after_help = "Then, in another terminal: offhook dial sip:calling-bot@127.0.0.1")]
pub(crate) struct Demo {
    /// Attach your own bot: the URL where it hears of calls
    #[arg(long, value_name = "URL")]
    bot: Option<Url>,
    /// What your bot speaks: the Graph calls API, or activities of the Bot Framework
    #[arg(long, value_enum, default_value = "graph", requires = "bot")]
    protocol: Speaks,
    #[command(flatten)]
    settings: Settings,
}

/// What the reader's own bot speaks.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Speaks {
    /// The Graph calls API.
    Graph,
    /// The Telephony channel: Bot Framework activities.
    Telephony,
}

impl From<Speaks> for Protocol {
    fn from(speaks: Speaks) -> Self {
        match speaks {
            Speaks::Graph => Self::Graph,
            Speaks::Telephony => Self::Telephony,
        }
    }
}

impl Demo {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let config = self.settings.load(None)?;
        crate::log::start(&config.log)?;
        running::runtime()?.block_on(self.start(config))
    }

    async fn start(self, mut config: Config) -> anyhow::Result<()> {
        // The bot's own address comes first, because the platform is told of it.
        let bot_listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .await
            .context("the calling bot found no free port on loopback")?;
        let bot_address = bot_listener.local_addr()?;
        let echo_listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .await
            .context("the echo bot found no free port on loopback")?;
        let echo_address = echo_listener.local_addr()?;
        let yours = self.bot.map(|webhook| Bot {
            protocol: self.protocol.into(),
            ..Bot::new("Your Bot", YOUR_BOT, webhook)
        });
        add_samples(&mut config, bot_address, echo_address, yours)?;

        let platform = offhook_server::start(config).await?;
        let bot = start_calling_bot(&platform, bot_listener).await?;
        let _echo = echo_bot::start_on(echo_listener);
        explain(&platform);
        crate::ready::announce(&platform, self.settings.ready_file.as_deref())?;

        running::until_asked_to_stop().await;
        // The bot hears how its calls end before it goes.
        running::drain(platform).await;
        bot.stop().await;
        Ok(())
    }
}

/// Adds who is on the demo beside those the reader configured.
fn add_samples(
    config: &mut Config,
    bot: SocketAddr,
    echo: SocketAddr,
    yours: Option<Bot>,
) -> anyhow::Result<()> {
    // Only this machine reaches the demo, so a phone without an account may try it too.
    config.sip.callers.get_or_insert(Callers::Anyone);
    for (name, sip_user) in [("Ada Sample", "ada"), ("Grace Sample", "grace")] {
        config.people.push(Person::new(name, sip_user));
    }
    let webhook = Url::parse(&format!("http://{bot}{}", calling_bot::CALLBACK_PATH))
        .context("the calling bot's own address is a URL")?;
    let mut bots = vec![Bot::new("Calling Bot", CALLING_BOT, webhook)];
    bots.extend(yours);
    let endpoint = Url::parse(&format!("http://{echo}{}", echo_bot::PATH))
        .context("the echo bot's own address is a URL")?;
    bots.push(Bot {
        protocol: Protocol::Telephony,
        expect_replies: true,
        ..Bot::new("Echo Bot", ECHO_BOT, endpoint)
    });
    for bot in &mut bots {
        // A sample that somebody brings must run as it is, whatever it needs.
        bot.roles = Bot::every_role();
        bot.acts_for = vec!["*".to_owned()];
    }
    config.bots.extend(bots);
    Ok(())
}

/// The calling bot runs in this process for convenience only: it speaks to the platform over HTTP,
/// with its own credentials, as a stranger's bot does.
async fn start_calling_bot(
    platform: &Running,
    listener: TcpListener,
) -> anyhow::Result<calling_bot::Running> {
    let registered = platform
        .registry()
        .bot_by_sip_user(CALLING_BOT)
        .context("the calling bot is registered by the demo, so its SIP user must be its own")?;
    let base = match platform.https() {
        Some(at) => format!("https://{at}"),
        None => format!("http://{}", platform.http()),
    };
    let mut config = calling_bot::Config::new(
        registered.app.to_string(),
        registered.secret.reveal(),
        &registered.tenant,
        platform.data().join("calling-bot"),
    )
    .on(&base);
    config.ca_file = Some(platform.ca_file().to_owned());
    calling_bot::start_on(listener, config)
        .await
        .context("the calling bot cannot start")
}

#[allow(clippy::print_stdout, reason = "what the reader started the demo for")]
fn explain(platform: &Running) {
    let registry = platform.registry();
    println!("Offhook demo, on this machine only\n");
    println!(
        "  People who can register a SIP phone (domain {}):",
        platform.sip_domain()
    );
    for person in registry.people() {
        println!(
            "    {:<14} user {:<8} password {}",
            person.name.reveal(),
            person.sip_user,
            person.sip_password.reveal()
        );
    }
    println!("\n  Bots:");
    for bot in registry.bots() {
        println!("    {:<14} dial {}", bot.name, platform.dial(&bot.sip_user));
        println!(
            "                   app id {}  tenant {}",
            bot.app, bot.tenant
        );
        println!(
            "                   secret {}  webhook {}",
            bot.secret.reveal(),
            bot.webhook
        );
    }
    let sip = platform.dial(CALLING_BOT);
    let offhook = std::env::args()
        .next()
        .unwrap_or_else(|| "offhook".to_owned());
    println!(
        "\n  Try it: dial {sip} from any SIP phone, with one of the accounts above or none.\n  \
         You hear a prompt and a beep. Say something and press #: you hear it again.\n  \
         Or dial {}, which speaks (with espeak-ng): it says every key again.\n\n  \
         Without a phone, in another terminal:\n    \
         {offhook} dial {sip} --expect-beep 1000 --play tone:440:2s --keys '#' --expect-tone 440 --for 1s",
        platform.dial(ECHO_BOT)
    );
    // Microsoft's clients log in over HTTPS only, and send their token nowhere else.
    let base = match platform.https() {
        Some(at) => format!("https://{at}"),
        None => platform.public_url().to_owned(),
    };
    println!("\n  Graph API      {base}/v1.0/communications/calls");
    println!("  Log in         {base}/TENANT/oauth2/v2.0/token");
    let ca = platform.ca_file().display();
    println!("  Trust          {ca} (the local certificate authority)");
    println!(
        "  Kept           {} (secrets.json, the database, recordings)",
        platform.data().display()
    );
    println!("  Log            standard error of this command\n");
}
