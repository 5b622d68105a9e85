//! baresip, from Debian's package `baresip-core`: a soft phone as people use it, without its screen
//! and its sound card. It says what was heard on the phone by a file beside it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::demo::{Demo, wait};
use crate::hearing::{Hearing, RATE};

/// Where Debian keeps what baresip loads.
const MODULES: &str = "/usr/lib/baresip/modules";

/// What a phone speaks on the wire.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Speaks {
    /// The one codec it has, in baresip's words.
    pub(crate) codec: &'static str,
    /// How its audio is encrypted, in baresip's words, if it must be.
    pub(crate) encryption: Option<&'static str>,
}

/// What every phone speaks.
pub(crate) const PLAIN: Speaks = Speaks {
    codec: "PCMU/8000/1",
    encryption: None,
};

pub(crate) struct Baresip {
    process: Child,
    folder: TempDir,
    control: TcpStream,
    unread: Vec<u8>,
}

impl Baresip {
    /// The phone of one of the demo's people, about to register; it says a tone of so many hertz
    /// all the time.
    pub(crate) fn start(demo: &Demo, person: usize, says: f64) -> Self {
        Self::start_speaking(demo, person, says, PLAIN)
    }

    /// The same, and on the wire it speaks this and nothing else.
    pub(crate) fn start_speaking(demo: &Demo, person: usize, says: f64, speaks: Speaks) -> Self {
        let mut phone = Self::without_an_account("127.0.0.1:0", says);
        phone.command("uanew", &account(demo, person, speaks));
        phone
    }

    /// The other side of a trunk, where this number is answered.
    pub(crate) fn trunk(at: SocketAddr, number: &str, says: f64) -> Self {
        let mut phone = Self::without_an_account(&at.to_string(), says);
        let account = format!(
            "<sip:{number}@{}>;regint=0;audio_codecs={}",
            at.ip(),
            PLAIN.codec
        );
        phone.command("uanew", &account);
        let deadline = Instant::now() + Duration::from_secs(10);
        while !phone
            .next_event()
            .is_some_and(|event| event["response"] == true)
        {
            assert!(Instant::now() < deadline, "no number: {}", phone.log());
        }
        phone
    }

    /// A phone that nobody can call yet.
    fn without_an_account(listens: &str, says: f64) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = |name: &str| folder.path().join(name);
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port on loopback")
            .port();
        fs::write(file("config"), config(folder.path(), listens, port)).expect("written");
        // The account comes later, so that we are there when it is told how registering went.
        fs::write(file("accounts"), "").expect("written");
        fs::write(file("contacts"), "").expect("written");
        fs::write(file("says.wav"), wav(says)).expect("written");
        fs::create_dir(file("heard")).expect("a folder for what is heard");
        let log = fs::File::create(file("log")).expect("a log file");
        let mut process = Command::new("baresip")
            .args(["-v", "-f", &folder.path().to_string_lossy()])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle of the log"))
            .stderr(log)
            .spawn()
            .expect("baresip (Debian: baresip-core) can be started");
        let deadline = Instant::now() + Duration::from_secs(20);
        let control = loop {
            if let Ok(control) = TcpStream::connect(("127.0.0.1", port)) {
                break control;
            }
            if Instant::now() > deadline {
                let _ = process.kill();
                panic!("baresip does not listen: {}", log_of(folder.path()));
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        let wakes = control.set_read_timeout(Some(Duration::from_millis(100)));
        wakes.expect("a timeout can be set");
        Self {
            process,
            folder,
            control,
            unread: Vec::new(),
        }
    }

    /// Types a command, as in baresip's own menu.
    pub(crate) fn command(&mut self, command: &str, parameters: &str) {
        let text = json!({"command": command, "params": parameters}).to_string();
        let framed = format!("{}:{text},", text.len());
        self.control
            .write_all(framed.as_bytes())
            .expect("baresip takes a command");
    }

    /// Waits until baresip tells of an event of this type.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, kind: &str, within: Duration) {
        if self.event(kind, within).is_none() {
            panic!("no {kind}:\n{}", log_of(self.folder.path()));
        }
    }

    /// The next event of this type, if it comes in time. Those before it are forgotten.
    pub(crate) fn event(&mut self, kind: &str, within: Duration) -> Option<Value> {
        let deadline = Instant::now() + within;
        loop {
            match self.next_event() {
                Some(event) if event["type"] == kind => return Some(event),
                Some(_) => {}
                None if Instant::now() > deadline => return None,
                None => {}
            }
        }
    }

    /// The next event, if one comes soon. On the wire each is a netstring: `12:{"event":…},`.
    fn next_event(&mut self) -> Option<Value> {
        let mut chunk = [0; 4_096];
        if let Ok(length) = self.control.read(&mut chunk) {
            self.unread.extend_from_slice(&chunk[..length]);
        }
        let colon = self.unread.iter().position(|octet| *octet == b':')?;
        let length: usize = str::from_utf8(&self.unread[..colon]).ok()?.parse().ok()?;
        let end = colon + 1 + length;
        if self.unread.len() <= end {
            return None;
        }
        let event = serde_json::from_slice(&self.unread[colon + 1..end]).ok();
        self.unread.drain(..=end);
        event
    }

    /// Ends the phone, and gives what was heard on it.
    pub(crate) fn quit(mut self) -> Hearing {
        self.command("quit", "");
        wait(&mut self.process, Duration::from_secs(10)).expect("baresip ends when it is asked to");
        self.heard().expect("baresip kept what it heard")
    }

    /// Ends the phone, if it can still be asked to, whatever it is in the middle of.
    pub(crate) fn leave(mut self) {
        self.command("quit", "");
        let _ = wait(&mut self.process, Duration::from_secs(5));
    }

    /// What was heard in the latest call, once that call is over.
    pub(crate) fn heard(&self) -> Option<Hearing> {
        let heard = fs::read_dir(self.folder.path().join("heard")).ok()?;
        let file = heard
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.to_string_lossy().ends_with("-dec.wav"))
            .max_by_key(|path| fs::metadata(path).and_then(|file| file.modified()).ok())?;
        heard_in(&fs::read(file).ok()?)
    }

    /// What the phone wrote, for a failure's message.
    pub(crate) fn log(&self) -> String {
        log_of(self.folder.path())
    }
}

impl Drop for Baresip {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("--- baresip\n{}", log_of(self.folder.path()));
        }
    }
}

fn config(folder: &Path, listens: &str, control_port: u16) -> String {
    let folder = folder.display();
    format!(
        "module_path {MODULES}\n\
         sip_listen {listens}\n\
         net_interface 127.0.0.1\n\
         rtp_ports 42000-43000\n\
         audio_source aufile,{folder}/says.wav\n\
         audio_player aubridge,nobody\n\
         audio_alert aubridge,nobody\n\
         ausrc_srate 8000\n\
         auplay_srate 8000\n\
         ausrc_channels 1\n\
         auplay_channels 1\n\
         ausrc_format s16\n\
         auplay_format s16\n\
         snd_path {folder}/heard\n\
         module g711.so\n\
         module g722.so\n\
         module opus.so\n\
         module srtp.so\n\
         module aufile.so\n\
         module aubridge.so\n\
         module sndfile.so\n\
         module_tmp uuid.so\n\
         module_tmp account.so\n\
         module_app menu.so\n\
         module_app ctrl_tcp.so\n\
         ctrl_tcp_listen 127.0.0.1:{control_port}\n"
    )
}

fn account(demo: &Demo, person: usize, speaks: Speaks) -> String {
    let of = |field: &str| demo.text(&format!("/people/{person}/{field}"));
    let (user, password, domain) = (of("sip_user"), of("sip_password"), of("sip_domain"));
    let encryption = speaks
        .encryption
        .map(|encryption| format!(";mediaenc={encryption}"))
        .unwrap_or_default();
    format!(
        "<sip:{user}@{domain}>;auth_user={user};auth_pass={password};\
         outbound=\"sip:{};transport=udp\";regint=60;audio_codecs={}{encryption}",
        demo.sip(),
        speaks.codec
    )
}

/// What is in a WAV file of 16-bit PCM, at the rate of our ears. A wideband codec leaves a file at its
/// own rate, and Opus one with two channels; each of our samples is the mean of what was there.
fn heard_in(file: &[u8]) -> Option<Hearing> {
    let at = |chunk: &[u8; 4]| file.windows(4).position(|four| four == chunk);
    let (format, data) = (at(b"fmt ")? + 8, at(b"data")?);
    let channels = u16::from_le_bytes(file.get(format + 2..format + 4)?.try_into().ok()?);
    let rate = u32::from_le_bytes(file.get(format + 4..format + 8)?.try_into().ok()?);
    let length = u32::from_le_bytes(file.get(data + 4..data + 8)?.try_into().ok()?);
    // The length is written last.
    if length == 0 || data + 8 + length as usize > file.len() {
        return None;
    }
    let each = usize::from(channels) * (rate as usize / RATE);
    let samples = file[data + 8..].chunks_exact(2 * each).map(|many| {
        let pairs = many.chunks_exact(2);
        let sum: i32 = pairs
            .map(|pair| i32::from(i16::from_le_bytes([pair[0], pair[1]])))
            .sum();
        (sum / each as i32) as i16
    });
    Some(Hearing::of_samples(samples.collect()))
}

/// Two minutes of a tone, as a WAV file.
fn wav(hertz: f64) -> Vec<u8> {
    let samples = (0..120 * RATE).flat_map(|n| {
        let t = n as f64 / RATE as f64;
        ((8_000.0 * (std::f64::consts::TAU * hertz * t).sin()) as i16).to_le_bytes()
    });
    let data: Vec<u8> = samples.collect();
    let rate = RATE as u32;
    let mut file = Vec::with_capacity(44 + data.len());
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(36 + data.len() as u32).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend_from_slice(&rate.to_le_bytes());
    file.extend_from_slice(&(2 * rate).to_le_bytes());
    file.extend_from_slice(b"\x02\0\x10\0data");
    file.extend_from_slice(&(data.len() as u32).to_le_bytes());
    file.extend_from_slice(&data);
    file
}

fn log_of(folder: &Path) -> String {
    let log = fs::read(folder.join("log")).unwrap_or_default();
    // The counter of seconds is drawn over itself, over and over.
    let log = String::from_utf8_lossy(&log).into_owned();
    log.lines()
        .map(|line| line.rsplit('\r').next().unwrap_or(line))
        .collect::<Vec<_>>()
        .join("\n")
}
