//! What the operator of a bot has to tell it, so that it and the platform know each other.

use std::path::PathBuf;

use offhook_terms::Private;

use crate::config::{BotAuthentication, Config, Protocol};
use crate::http::PublicBase;
use crate::login::issuer;
use crate::registry::{Registry, RegistryError};
use crate::store;

/// The settings of one bot.
#[derive(Debug, Clone)]
pub struct BotSettings {
    /// As configured.
    pub name: String,
    /// What it speaks.
    pub protocol: Protocol,
    /// How it and the platform know each other; means something for the Telephony channel.
    pub authentication: BotAuthentication,
    /// Where it hears of calls.
    pub endpoint: String,
    /// The user part of its address, and its numbers.
    pub reached_by: Vec<String>,
    /// Its application id.
    pub app_id: String,
    /// Its client secret.
    pub secret: Private<String>,
    /// Its tenant.
    pub tenant: String,
    /// Where it logs in, without the tenant; HTTPS where that is served, because some SDKs take nothing
    /// else.
    pub login: String,
    /// Who issues the tokens it is sent.
    pub issuer: String,
    /// Where the keys of those tokens are named.
    pub metadata: String,
    /// Where it answers.
    pub service_url: Private<String>,
    /// Whose certificates it has to trust, for want of better ones.
    pub ca_file: PathBuf,
}

/// The settings of all bots, in the order of the configuration. What the configuration leaves out is
/// made and kept, as it is when the platform starts.
///
/// # Errors
/// When the data folder cannot be used.
pub fn bot_settings(config: &Config) -> Result<Vec<BotSettings>, BotSettingsError> {
    let data = &config.data.dir;
    store::open_folder(data)?;
    let registry = Registry::open(config, data)?;
    let public = config.http.public_url.as_ref();
    let base = PublicBase::new(public, format!("http://{}", config.http.listen));
    let login = match (public, config.https.enabled) {
        (None, true) => format!("https://{}", config.https.listen),
        _ => base.own().to_owned(),
    };
    let settings = registry.bots().map(|bot| BotSettings {
        name: bot.name.clone(),
        protocol: bot.protocol,
        authentication: bot.talk.authentication,
        endpoint: bot.webhook.to_string(),
        reached_by: std::iter::once(&bot.sip_user)
            .chain(&bot.numbers)
            .cloned()
            .collect(),
        app_id: bot.app.to_string(),
        secret: bot.secret.clone(),
        tenant: bot.tenant.clone(),
        issuer: issuer(base.own(), &bot.tenant),
        metadata: format!("{login}/v1/.well-known/openidconfiguration"),
        service_url: Private::new(super::service_url(base.own(), bot)),
        login: login.clone(),
        ca_file: data.join("ca.pem"),
    });
    Ok(settings.collect())
}

/// The data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BotSettingsError {
    /// It cannot be made or opened.
    #[error(transparent)]
    #[allow(
        private_interfaces,
        reason = "it is worded, and nothing else is done with it"
    )]
    Folder(#[from] store::FolderError),
    /// What is kept in it cannot be read or written.
    #[error(transparent)]
    #[allow(
        private_interfaces,
        reason = "it is worded, and nothing else is done with it"
    )]
    Registry(#[from] RegistryError),
}
