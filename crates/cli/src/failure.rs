//! What a person reads when a command cannot do what was asked.

use std::process::ExitCode;

/// The exit code of everything that could not be started as asked.
const NOT_STARTED: u8 = 2;

/// One clear sentence on standard error, and exit code 2.
#[allow(clippy::print_stderr, reason = "this is where a person reads it")]
pub(crate) fn report(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("offhook: {error:#}");
            ExitCode::from(NOT_STARTED)
        }
    }
}
