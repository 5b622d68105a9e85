//! Once everything listens: the ready line, and the ready file for scripts.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use offhook_server::Running;
use serde::Serialize;

/// What a script needs to use a platform that was just started.
#[derive(Serialize)]
struct Ready<'a> {
    http: String,
    https: Option<String>,
    sip: String,
    ca_file: &'a Path,
    data: &'a Path,
    people: Vec<Person<'a>>,
    bots: Vec<Bot<'a>>,
}

#[derive(Serialize)]
struct Person<'a> {
    name: &'a str,
    id: String,
    sip_user: &'a str,
    sip_password: &'a str,
    sip_domain: &'a str,
}

#[derive(Serialize)]
struct Bot<'a> {
    name: &'a str,
    app_id: String,
    secret: &'a str,
    tenant: &'a str,
    protocol: &'static str,
    dial: String,
}

/// Prints the ready line, and writes the ready file if one was asked for.
#[allow(
    clippy::print_stdout,
    reason = "the ready line is what a person waits for"
)]
pub(crate) fn announce(platform: &Running, file: Option<&Path>) -> anyhow::Result<()> {
    if let Some(file) = file {
        write(platform, file)
            .with_context(|| format!("the ready file {} cannot be written", file.display()))?;
    }
    let https = match platform.https() {
        Some(at) => format!(", https://{at}"),
        None => String::new(),
    };
    println!(
        "Ready: http://{}{https}, sip:{} (UDP and TCP)",
        platform.http(),
        platform.sip()
    );
    Ok(())
}

/// Written beside its place and moved there, so that whoever waits for it never reads half of it.
/// It holds secrets, so it is its owner's alone.
fn write(platform: &Running, file: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let ready = Ready {
        http: format!("http://{}", platform.http()),
        https: platform.https().map(|at| format!("https://{at}")),
        sip: platform.sip().to_string(),
        ca_file: platform.ca_file(),
        data: platform.data(),
        people: platform
            .registry()
            .people()
            .map(|person| Person {
                name: person.name.reveal(),
                id: person.id.to_string(),
                sip_user: &person.sip_user,
                sip_password: person.sip_password.reveal(),
                sip_domain: platform.sip_domain(),
            })
            .collect(),
        bots: platform
            .registry()
            .bots()
            .map(|bot| Bot {
                name: &bot.name,
                app_id: bot.app.to_string(),
                secret: bot.secret.reveal(),
                tenant: &bot.tenant,
                protocol: bot.protocol.as_str(),
                dial: platform.dial(&bot.sip_user),
            })
            .collect(),
    };
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    let mut options = std::fs::OpenOptions::new();
    let mut target = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)?;
    serde_json::to_writer_pretty(&mut target, &ready)?;
    target.write_all(b"\n")?;
    target.sync_all()?;
    std::fs::rename(&beside, file)?;
    Ok(())
}
