//! `offhook serve`: the platform for real use.

use std::path::PathBuf;

use clap::Args;

use crate::running;
use crate::settings::Settings;

/// Start the platform with your own configuration.
#[derive(Args)]
pub(crate) struct Serve {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    #[command(flatten)]
    settings: Settings,
}

impl Serve {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let config = self.settings.load(Some(&self.config))?;
        crate::log::start(&config.log)?;
        running::runtime()?.block_on(async {
            let platform = offhook_server::start(config).await?;
            crate::ready::announce(&platform, self.settings.ready_file.as_deref())?;
            running::until_asked_to_stop().await;
            running::drain(platform).await;
            Ok(())
        })
    }
}
