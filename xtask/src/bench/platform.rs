//! The platform and its stub bot, started for one measurement.

use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::Programs;
use super::metrics::{self, Metrics};
use super::process::{LOAD, MEASURED, Process};

/// Made up: the bot and its platform live for one measurement and listen on loopback only.
const APP: &str = "0ff400c0-0000-4000-8000-0000000000b0";
const TENANT: &str = "0ff400c0-0000-4000-8000-0000000000b1";
const SECRET: &str = "only-for-one-measurement-on-loopback";

/// A number that the trunk of the benchmark may be called with.
pub(crate) const NUMBER: &str = "+4930555";

pub(crate) struct Platform {
    pub(crate) process: Process,
    _bot: Process,
    bot_at: String,
    /// Where calls to [`NUMBER`] go.
    pub(crate) carrier_at: String,
    http: String,
    sip: String,
    /// Dropped last: nothing in it is in use any more.
    _folder: Folder,
}

/// Everything of one measurement, removed with it.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Platform {
    /// Starts both. `then` is what the bot does with a call that is up.
    pub(crate) fn start(programs: &Programs, then: &[&str]) -> Result<Self, String> {
        let wrong = |error: std::io::Error| error.to_string();
        let now = Instant::now();
        let folder = std::env::temp_dir().join(format!(
            "offhook-bench-{}-{:x}",
            std::process::id(),
            unique()
        ));
        std::fs::create_dir(&folder).map_err(wrong)?;
        let kept = Folder(folder.clone());
        // Free now, and taken by the bot and the carrier a moment later.
        let free = || -> Result<String, String> {
            let free = TcpListener::bind("127.0.0.1:0").map_err(wrong)?;
            Ok(free.local_addr().map_err(wrong)?.to_string())
        };
        let (bot_at, carrier_at) = (free()?, free()?);

        let (config, ready) = (folder.join("offhook.toml"), folder.join("ready.json"));
        std::fs::write(
            &config,
            configuration(&folder.join("data"), &bot_at, &carrier_at),
        )
        .map_err(wrong)?;
        let args = [
            "serve".to_owned(),
            "--config".to_owned(),
            config.display().to_string(),
            "--ready-file".to_owned(),
            ready.display().to_string(),
        ];
        let mut process = Process::start(MEASURED, &programs.platform, &args, &[])?;
        process.line()?;
        let text = std::fs::read_to_string(&ready).map_err(wrong)?;
        let ready: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let of = |key: &str| ready[key].as_str().unwrap_or_default().to_owned();
        let url = of("http");

        let mut args = vec![url.clone(), "--listen".to_owned(), bot_at.clone()];
        args.extend(then.iter().map(|arg| (*arg).to_owned()));
        let identity = [("APP_ID", APP), ("SECRET", SECRET), ("TENANT", TENANT)];
        let bot = Process::start(LOAD, &programs.bot, &args, &identity)?;
        let platform = Self {
            process,
            _bot: bot,
            bot_at,
            carrier_at,
            http: url.trim_start_matches("http://").to_owned(),
            sip: of("sip"),
            _folder: kept,
        };
        while platform.bot_counts().is_err() {
            if now.elapsed() > Duration::from_secs(20) {
                return Err("The stub bot does not answer.".to_owned());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(platform)
    }

    /// What to dial.
    pub(crate) fn dial(&self) -> String {
        format!("sip:bench@{}", self.sip)
    }

    pub(crate) fn metrics(&self) -> Result<Metrics, String> {
        Metrics::ask(&self.http)
    }

    /// What the bot has done.
    pub(crate) fn bot_counts(&self) -> Result<serde_json::Value, String> {
        let text = metrics::get(&self.bot_at, "/counts")?;
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }

    /// Has the bot call [`NUMBER`] so many times, so many a second, in the background.
    pub(crate) fn place(&self, calls: usize, pace: usize) -> Result<(), String> {
        metrics::get(&self.bot_at, &format!("/place/{NUMBER}/{calls}/{pace}")).map(drop)
    }

    /// Waits until so many calls are up.
    pub(crate) fn until_calls(&self, calls: usize, within: Duration) -> Result<(), String> {
        let until = Instant::now() + within;
        loop {
            let up = self.metrics()?.value("sip_calls");
            if up as usize == calls {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(format!("{up} calls are up, and {calls} were wanted."));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// A name for this measurement's folder.
fn unique() -> u128 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos())
}

/// Anyone may call, and no limit is met before the machine's.
fn configuration(data: &std::path::Path, bot_at: &str, carrier_at: &str) -> String {
    format!(
        r#"
[http]
listen = "127.0.0.1:0"
[https]
enabled = false
[sip]
listen = "127.0.0.1:0"
callers = "anyone"
calls_max = 20000
[media]
threads = 1
rtp_ports = "10000-29999"
[data]
dir = {data:?}
[graph]
recording_retention = "0s"
[log]
filter = "warn"
[[bots]]
name = "Bench"
app_id = "{APP}"
secret = "{SECRET}"
tenant = "{TENANT}"
webhook = "http://{bot_at}/callback"
sip_user = "bench"
roles = ["Calls.AccessMedia.All", "Calls.Initiate.All"]
limits = {{ calls = 20000, calls_per_month = 1000000, requests_per_second = 100000 }}
{}"#,
        trunks(carrier_at)
    )
}

/// No trunk begins more calls a minute than a carrier would take; a full one gives way to the next.
fn trunks(carrier_at: &str) -> String {
    let trunk = |at: usize| {
        format!(
            "[[trunks]]\nname = \"trunk {at}\"\naddress = \"{carrier_at}\"\nallow = [\"+4930\"]\n\
             calls_max = 1000\ncalls_per_minute = 6000\n"
        )
    };
    (0..10).map(trunk).collect()
}
