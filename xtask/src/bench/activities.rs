//! Bots that are told activities: the SDK beside Microsoft's two for JavaScript, and beside the least a program can
//! do, one after the other on the same core in one run.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::process::{LOAD, MEASURED, Process};
use super::{Plan, Programs};
use crate::test::interop;

/// The identity that tokens are for, as in `crates/bot/examples/telling/`.
const APP: &str = "00000000-0000-4000-8000-0000000000b0";
const TENANT: &str = "00000000-0000-4000-8000-0000000000a0";

/// Everybody is measured so often, in turn: what else the machine does comes and goes.
const ROUNDS: usize = 3;

struct Contender {
    name: &'static str,
    /// The token it is told with.
    token: &'static str,
    program: PathBuf,
    args: Vec<String>,
    environment: Vec<(&'static str, String)>,
}

pub(crate) fn measure(plan: &Plan, programs: &Programs) -> Result<(), String> {
    let echo = interop::bring_node("channel")?.join("echo.mjs");
    let mut load = Process::start(LOAD, &programs.telling, &["load".to_owned()], &[])?;
    let issuer = load.line()?.trim().to_owned();
    let contenders = contenders(programs, &echo.display().to_string(), &issuer);
    let mut seen: Vec<Vec<Value>> = contenders.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for (one, seen) in contenders.iter().zip(&mut seen) {
            seen.push(told(one, &mut load, plan.window)?);
        }
    }
    println!("\n## Activities told to an echo bot, 32 at once, answered in the answer\n");
    println!("| bot | login | a second | a second of CPU | half of them | 99 of 100 |");
    println!("|---|---|---|---|---|---|");
    for (one, seen) in contenders.iter().zip(&seen) {
        let login = if one.token == "none" { "no" } else { "yes" };
        println!(
            "| {} | {login} | {:.0} | {:.0} | {:.1} ms | {:.1} ms |",
            one.name,
            median(seen, "per_second"),
            median(seen, "per_core_second"),
            median(seen, "p50_us") / 1_000.0,
            median(seen, "p99_us") / 1_000.0,
        );
    }
    Ok(())
}

fn contenders(programs: &Programs, echo: &str, issuer: &str) -> Vec<Contender> {
    let rust = |name, token, args: &[&str]| Contender {
        name,
        token,
        program: programs.telling.clone(),
        args: args.iter().map(|&arg| arg.to_owned()).collect(),
        environment: Vec::new(),
    };
    let node = |name, token, kind: &str, environment: &[(&'static str, String)]| {
        let mut environment = environment.to_vec();
        // The Agents SDK does not run in production without an identity.
        if kind == "botbuilder" || token != "none" {
            environment.push(("NODE_ENV", "production".to_owned()));
        }
        Contender {
            name,
            token,
            program: "node".into(),
            args: vec![echo.to_owned(), kind.to_owned()],
            environment,
        }
    };
    let botbuilder = [
        ("MicrosoftAppId", APP.to_owned()),
        ("MicrosoftAppPassword", "nobody asks for it".to_owned()),
        ("MicrosoftAppType", "MultiTenant".to_owned()),
        ("MicrosoftAppTenantId", TENANT.to_owned()),
        ("ToChannelFromBotLoginUrl", format!("{issuer}/{TENANT}")),
        (
            "ToChannelFromBotOAuthScope",
            "https://api.botframework.com".to_owned(),
        ),
        (
            "ToBotFromChannelTokenIssuer",
            "https://api.botframework.com".to_owned(),
        ),
        ("OAuthUrl", format!("{issuer}/oauth")),
        (
            "ToBotFromChannelOpenIdMetadataUrl",
            format!("{issuer}/v1/.well-known/openidconfiguration"),
        ),
        (
            "ToBotFromEmulatorOpenIdMetadataUrl",
            format!("{issuer}/v1/.well-known/openidconfiguration"),
        ),
        ("CallerId", "urn:botframework:azure".to_owned()),
        ("ValidateAuthority", "true".to_owned()),
    ];
    let agents = [
        ("clientId", APP.to_owned()),
        ("clientSecret", "nobody asks for it".to_owned()),
        ("tenantId", TENANT.to_owned()),
        ("authorityEndpoint", issuer.to_owned()),
        ("issuers", format!("{issuer}/{TENANT}/v2.0")),
    ];
    vec![
        rust("nothing but the JSON", "none", &["bare"]),
        rust("this SDK", "none", &["bot"]),
        node("npm botbuilder", "none", "botbuilder", &[]),
        node("npm @microsoft/agents-hosting", "none", "agents", &[]),
        rust("this SDK", "channel", &["bot", issuer]),
        node("npm botbuilder", "channel", "botbuilder", &botbuilder),
        node("npm @microsoft/agents-hosting", "tenant", "agents", &agents),
    ]
}

/// Starts it, tells it for a while, and ends it.
fn told(one: &Contender, load: &mut Process, lasts: Duration) -> Result<Value, String> {
    let environment: Vec<_> = one
        .environment
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let mut bot = Process::start(MEASURED, &one.program, &one.args, &environment)?;
    let port = bot.line()?;
    load.tell(&format!(
        "{} {} {} {}\n",
        port.trim(),
        bot.id(),
        lasts.as_secs(),
        one.token
    ))?;
    let line = load
        .line()
        .map_err(|why| format!("{}, {}: {why}", one.name, one.token))?;
    serde_json::from_str(&line).map_err(|why| format!("{}: {why}: {line}", one.name))
}

fn median(seen: &[Value], name: &str) -> f64 {
    let mut all: Vec<f64> = seen.iter().filter_map(|one| one[name].as_f64()).collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}
