//! `offhook bots show`: what a bot has to be told.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Subcommand, ValueEnum};
use offhook_server::BotSettings;
use offhook_server::config::{BotAuthentication, Protocol};

use crate::settings::Settings;

/// Look at the bots of a configuration.
#[derive(Args)]
pub(crate) struct Bots {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Print what a bot has to be told so that it works with this platform, secrets included.
    Show(Show),
}

#[derive(Args)]
struct Show {
    /// The bot, by its name or the user part of its address
    name: String,
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Print the settings of one SDK alone, ready for its file
    #[arg(long, value_enum)]
    sdk: Option<Sdk>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Sdk {
    /// Bot Framework SDK for .NET: appsettings.json
    Dotnet,
    /// Bot Framework SDK for JavaScript: .env
    Js,
    /// Bot Framework SDK for Python: the attributes of its configuration, as .env
    Python,
    /// Microsoft 365 Agents SDK for JavaScript: .env
    Agents,
}

impl Sdk {
    const ALL: [Self; 4] = [Self::Dotnet, Self::Js, Self::Python, Self::Agents];

    fn heading(self) -> &'static str {
        match self {
            Self::Dotnet => "Bot Framework SDK for .NET, appsettings.json",
            Self::Js => "Bot Framework SDK for JavaScript, .env",
            Self::Python => "Bot Framework SDK for Python, the attributes of its configuration",
            Self::Agents => "Microsoft 365 Agents SDK for JavaScript, .env",
        }
    }
}

impl Bots {
    #[allow(clippy::print_stdout, reason = "the answer to what was asked")]
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let What::Show(show) = self.what;
        let config = show.settings.load(Some(&show.config))?;
        let bots = offhook_server::bot_settings(&config)?;
        let is_it =
            |bot: &&BotSettings| bot.name == show.name || bot.reached_by.contains(&show.name);
        let Some(bot) = bots.iter().find(is_it) else {
            let names: Vec<&str> = bots.iter().map(|bot| bot.name.as_str()).collect();
            bail!(
                "no bot is called \"{}\"; there are: {}",
                show.name,
                names.join(", ")
            );
        };
        match show.sdk {
            Some(sdk) => print!("{}", block(bot, sdk)?),
            None => print!("{}", all(bot)?),
        }
        Ok(())
    }
}

fn all(bot: &BotSettings) -> anyhow::Result<String> {
    let mut text = format!(
        "{} ({})\n  reached by  {}\n  endpoint    {}\n  app id      {}\n  secret      {}\n  \
         tenant      {}\n  log in at   {}/{}/oauth2/v2.0/token\n  trust       {}\n",
        bot.name,
        bot.protocol.as_str(),
        bot.reached_by.join(", "),
        bot.endpoint,
        bot.app_id,
        bot.secret.reveal(),
        bot.tenant,
        bot.login,
        bot.tenant,
        bot.ca_file.display(),
    );
    if bot.protocol != Protocol::Telephony {
        return Ok(text);
    }
    text += &format!("  answers at  {}\n", bot.service_url.reveal());
    if bot.authentication == BotAuthentication::Open {
        text += "\nOpen: the bot needs no settings at all. Leave its app id empty, and let nobody but\n\
                 this platform reach its endpoint.\n";
        return Ok(text);
    }
    if bot.authentication == BotAuthentication::Microsoft {
        text += "\nKnown to Microsoft: the bot keeps the settings it has. Its endpoint is told of calls with\n\
                 its own credentials, and it answers with tokens of Microsoft's.\n";
        return Ok(text);
    }
    for sdk in Sdk::ALL {
        text += &format!("\n# {}\n{}", sdk.heading(), block(bot, sdk)?);
        if let Some(code) = code(sdk) {
            text += code;
        }
    }
    Ok(text)
}

/// The lines of one SDK's file.
fn block(bot: &BotSettings, sdk: Sdk) -> anyhow::Result<String> {
    if bot.protocol != Protocol::Telephony || bot.authentication != BotAuthentication::Own {
        // Nothing is what an open bot needs, and what one that Microsoft knows has already.
        return Ok(String::new());
    }
    let secret = bot.secret.reveal().as_str();
    let login = format!("{}/{}", bot.login, bot.tenant);
    let named: Vec<(&str, &str, &str)> = vec![
        ("MicrosoftAppType", "APP_TYPE", "MultiTenant"),
        ("MicrosoftAppId", "APP_ID", &bot.app_id),
        ("MicrosoftAppPassword", "APP_PASSWORD", secret),
        ("MicrosoftAppTenantId", "APP_TENANTID", &bot.tenant),
        ("ValidateAuthority", "VALIDATE_AUTHORITY", "false"),
        (
            "ToChannelFromBotLoginUrl",
            "TO_CHANNEL_FROM_BOT_LOGIN_URL",
            &login,
        ),
        (
            "ToChannelFromBotOAuthScope",
            "TO_CHANNEL_FROM_BOT_OAUTH_SCOPE",
            "https://api.botframework.com",
        ),
        (
            "ToBotFromChannelTokenIssuer",
            "TO_BOT_FROM_CHANNEL_TOKEN_ISSUER",
            &bot.issuer,
        ),
        ("OAuthUrl", "OAUTH_URL", &bot.login),
        (
            "ToBotFromChannelOpenIdMetadataUrl",
            "TO_BOT_FROM_CHANNEL_OPENID_METADATA_URL",
            &bot.metadata,
        ),
        (
            "ToBotFromEmulatorOpenIdMetadataUrl",
            "TO_BOT_FROM_EMULATOR_OPENID_METADATA_URL",
            &bot.metadata,
        ),
        ("CallerId", "CALLER_ID", "urn:offhook"),
    ];
    Ok(match sdk {
        Sdk::Dotnet => {
            let object: serde_json::Map<_, _> = named
                .iter()
                .map(|(name, _, value)| ((*name).to_owned(), (*value).into()))
                .collect();
            format!("{}\n", serde_json::to_string_pretty(&object)?)
        }
        Sdk::Js => lines(named.iter().map(|(name, _, value)| (*name, *value))),
        Sdk::Python => lines(named.iter().map(|(_, name, value)| (*name, *value))),
        Sdk::Agents => lines([
            ("clientId", bot.app_id.as_str()),
            ("clientSecret", secret),
            ("tenantId", &bot.tenant),
            ("authorityEndpoint", &bot.login),
            ("issuers", &bot.issuer),
        ]),
    })
}

fn lines<'a>(named: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let line = |(name, value): (&str, &str)| format!("{name}={value}\n");
    named.into_iter().map(line).collect()
}

/// The few lines of code that an SDK needs, because its settings are not enough: its login asks
/// Microsoft about every authority it does not know.
fn code(sdk: Sdk) -> Option<&'static str> {
    match sdk {
        Sdk::Dotnet => None,
        Sdk::Js => Some(
            "# and, because MSAL asks Microsoft about every authority it is not told of:\n\
             #   const application = new ConfidentialClientApplication({ auth: {\n\
             #     clientId: process.env.MicrosoftAppId, clientSecret: process.env.MicrosoftAppPassword,\n\
             #     authority: process.env.ToChannelFromBotLoginUrl,\n\
             #     knownAuthorities: [new URL(process.env.ToChannelFromBotLoginUrl).host] } });\n\
             #   const credentials = new MsalServiceClientCredentialsFactory(process.env.MicrosoftAppId, application);\n\
             #   new CloudAdapter(new ConfigurationBotFrameworkAuthentication(process.env, credentials));\n",
        ),
        Sdk::Python => Some(
            "# and, because MSAL asks Microsoft about every authority, in the credentials of a factory of your own\n\
             # (a PasswordServiceClientCredentialFactory whose create_credentials sets this):\n\
             #   credentials.app = ConfidentialClientApplication(app_id, client_credential=password,\n\
             #     authority=login_endpoint, instance_discovery=False)\n",
        ),
        Sdk::Agents => Some(
            "# and, because the SDK's login asks Microsoft about every authority, one of your own:\n\
             #   const provider = { connectionSettings: settings, getAccessToken: logIn };\n\
             #   adapter.connectionManager.getTokenProvider = () => provider;\n\
             #   adapter.connectionManager.getTokenProviderFromActivity = () => provider;\n\
             # where logIn asks AUTHORITY/TENANT/oauth2/v2.0/token for https://api.botframework.com/.default\n",
        ),
    }
}
