//! What the platform writes about itself.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use offhook_server::config::{Log, LogFormat};
use tracing_subscriber::EnvFilter;

/// Starts logging to standard error, so that standard output stays for what was asked for.
pub(crate) fn start(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&log.filter)
        .with_context(|| format!("log.filter `{}` is not a filter such as `info`", log.filter))?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // Colours are for a screen; in a file they are letters that nobody can search for.
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match log.format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
    Ok(())
}
