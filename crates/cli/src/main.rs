//! `offhook`: a calling platform for bots that you run yourself.

mod bots;
mod check;
mod demo;
mod failure;
mod files;
mod log;
mod ready;
mod running;
mod serve;
mod settings;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A calling platform for bots that you run yourself.
///
/// Offhook answers SIP phones and lets bots run the calls over the protocols they already speak: the
/// Microsoft Graph cloud-communications calls API, and activities of the Bot Framework.
#[derive(Parser)]
#[command(
    name = "offhook",
    version,
    after_help = "Start with `offhook demo`: it prints what to dial.\n\
                  Every setting can also be given as OFFHOOK_SECTION__KEY in the environment."
)]
struct Offhook {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start everything on this machine, with two sample people and two bots.
    Demo(demo::Demo),
    /// Start the platform with your own configuration.
    Serve(serve::Serve),
    /// Say whether a configuration is good, without starting anything.
    Check(check::Check),
    /// Look at the bots of a configuration, and at what they have to be told.
    Bots(bots::Bots),
    /// Call, or wait for a call, from the terminal: a scriptable phone.
    Dial(offhook_phone::cli::Dial),
}

fn main() -> ExitCode {
    // One crypto provider for the whole process; another one is linked too.
    if rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .is_err()
    {
        unreachable!("nothing has used TLS before main");
    }
    match Offhook::parse().command {
        Command::Demo(demo) => failure::report(demo.run()),
        Command::Serve(serve) => failure::report(serve.run()),
        Command::Check(check) => failure::report(check.run()),
        Command::Bots(bots) => failure::report(bots.run()),
        Command::Dial(dial) => offhook_phone::cli::run(dial),
    }
}
