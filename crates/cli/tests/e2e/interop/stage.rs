//! What a bot's script may ask for: phones, what was heard on them, and to compare what it was told.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::golden;
use crate::baresip::Baresip;
use crate::demo::{Demo, wait};
use crate::hearing::Hearing;

/// Long enough for anything a phone or the platform does by itself on a machine that is busy.
const SOON: Duration = Duration::from_secs(20);

/// What each person's phone says all the time, so that a listener knows them by it. None is near a
/// tone of a key or a multiple of another.
const PITCHES: [(&str, f64); 4] = [
    ("ada", 440.0),
    ("grace", 550.0),
    ("edsger", 1_180.0),
    ("carrier", 440.0),
];

/// The number that is answered at the other side of the trunk.
const CARRIED: &str = "+4930222";

/// Where calls to phone numbers go.
pub(super) struct Trunks {
    /// To somebody who may answer.
    pub(super) carrier: SocketAddr,
    /// To nobody who does.
    pub(super) elsewhere: SocketAddr,
}

pub(super) struct Stage<'a> {
    platform: &'a Demo,
    webhook: &'a str,
    trunks: &'a Trunks,
    phones: BTreeMap<String, Baresip>,
    decliner: Option<Child>,
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        if let Some(decliner) = &mut self.decliner {
            let _ = decliner.kill();
            let _ = decliner.wait();
        }
    }
}

impl<'a> Stage<'a> {
    pub(super) fn on(platform: &'a Demo, webhook: &'a str, trunks: &'a Trunks) -> Self {
        Self {
            platform,
            webhook,
            trunks,
            phones: BTreeMap::new(),
            decliner: None,
        }
    }

    /// Takes all phones away, because nobody knows what they were in the middle of.
    pub(super) fn clear(&mut self) {
        if let Some(mut decliner) = self.decliner.take() {
            let _ = decliner.kill();
            let _ = decliner.wait();
        }
        for (name, phone) in std::mem::take(&mut self.phones) {
            eprintln!("--- the phone of {name}\n{}", phone.log());
            // Asked to, it takes its registration back: nobody shall ring a phone that is gone.
            phone.leave();
        }
    }

    pub(super) fn give(&mut self, ask: &Value) -> Result<Value, String> {
        match text(ask, "do")? {
            "phone" => self.phone(text(ask, "name")?),
            "type" => {
                let parameters = ask["parameters"].as_str().unwrap_or_default();
                self.named(ask)?.command(text(ask, "command")?, parameters);
                Ok(json!({}))
            }
            "wait" => {
                let kind = text(ask, "for")?;
                let phone = self.named(ask)?;
                match phone.event(kind, SOON) {
                    Some(event) => Ok(json!({"event": event})),
                    None => Err(format!("{}: no {kind}", ask["name"])),
                }
            }
            "heard" => {
                let hertz = ask["hertz"].as_array().ok_or("no `hertz`")?;
                let hertz: Vec<f64> = hertz.iter().filter_map(Value::as_f64).collect();
                let hearing = heard(self.named(ask)?)?;
                let lasted = match hertz[..] {
                    [one] => hearing.tones(one).iter().map(|heard| heard.lasts).sum(),
                    _ => hearing.together(&hertz),
                };
                Ok(json!({"ms": lasted.as_millis() as u64}))
            }
            "decline" => self.decline(),
            "compare" => {
                golden::compare(ask, self.platform.ready(), self.webhook).map(|()| json!({}))
            }
            other => Err(format!("nobody can do `{other}`")),
        }
    }

    /// A phone that declines one call, at the other side of a trunk of its own.
    fn decline(&mut self) -> Result<Value, String> {
        if let Some(before) = &mut self.decliner {
            wait(before, SOON).ok_or("nobody was declined before")?;
        }
        let port = self.trunks.elsewhere.port();
        let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/scenarios");
        let sipp = Command::new("sipp")
            .arg("-sf")
            .arg(scenarios.join("declines.xml"))
            .args(["-i", "127.0.0.1", "-p", &port.to_string(), "-m", "1"])
            .args(["-nostdin", "-timeout", "60s"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.decliner = Some(sipp.map_err(|error| format!("sipp: {error}"))?);
        // It listens once nobody else can.
        let deadline = Instant::now() + SOON;
        while UdpSocket::bind(self.trunks.elsewhere).is_ok() {
            if Instant::now() > deadline {
                return Err("sipp does not listen".to_owned());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(json!({}))
    }

    /// A person's phone, registered, in no call; or the other side of the trunk.
    fn phone(&mut self, name: &str) -> Result<Value, String> {
        let (_, pitch) = PITCHES
            .iter()
            .find(|(known, _)| *known == name)
            .ok_or_else(|| format!("nobody is called {name}"))?;
        if name == "carrier" && !self.phones.contains_key(name) {
            let phone = Baresip::trunk(self.trunks.carrier, CARRIED, *pitch);
            self.phones.insert(name.to_owned(), phone);
        } else if !self.phones.contains_key(name) {
            let people = self.platform.ready()["people"].as_array();
            let at = people
                .and_then(|people| people.iter().position(|one| one["sip_user"] == name))
                .ok_or_else(|| format!("{name} is not configured"))?;
            let mut phone = Baresip::start(self.platform, at, *pitch);
            if phone.event("REGISTER_OK", SOON).is_none() {
                return Err(format!("{name} cannot register:\n{}", phone.log()));
            }
            self.phones.insert(name.to_owned(), phone);
        }
        Ok(json!({"hertz": pitch}))
    }

    fn named(&mut self, ask: &Value) -> Result<&mut Baresip, String> {
        let name = text(ask, "name")?;
        self.phones
            .get_mut(name)
            .ok_or_else(|| format!("{name} has no phone"))
    }
}

/// What was heard in the call that was just closed: the file is complete a moment later.
fn heard(phone: &Baresip) -> Result<Hearing, String> {
    let deadline = Instant::now() + SOON;
    loop {
        match phone.heard() {
            Some(hearing) => return Ok(hearing),
            None if Instant::now() > deadline => return Err("nothing was heard".to_owned()),
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

fn text<'v>(ask: &'v Value, field: &str) -> Result<&'v str, String> {
    ask[field]
        .as_str()
        .ok_or_else(|| format!("no `{field}` in {ask}"))
}
