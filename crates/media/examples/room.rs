//! A room of many talkers, for the benchmark: what one tick of it costs.
//!
//! One tick thread has one room of N ports. Other threads have the phones, which talk all the time,
//! each at a frequency of its own, and everybody hears everybody else.
//!
//! ```text
//!   stdin  ◀─ (closed when it is to end)
//!   stdout ─▶ {"ports":50,"seconds":10.0,"cpu":0.018,…}
//! ```

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use offhook_media::threads::{Config, Events, PreparedPort, RoomKey, Threads};
use offhook_media::{Clip, Codec, Encryption, MediaCommand, PortId, Repeat, limits};
use offhook_terms::OperationId;

type Failure = Box<dyn std::error::Error>;

/// The room that is measured; its phones have the numbers after it.
const ROOM: RoomKey = RoomKey(0);

/// From the first packet to a steady state.
const SETTLING: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::from(2)
        }
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "a program of its own keeps its own time"
)]
fn run() -> Result<(), Failure> {
    let (mut ports, mut seconds, mut codec) = (50, 10, Codec::Pcmu);
    let mut encryption = Encryption::Off;
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match arg.as_str() {
            "--ports" => ports = value()?.parse::<usize>()?.clamp(2, limits::PORTS_PER_ROOM),
            "--seconds" => seconds = value()?.parse()?,
            "--srtp" => encryption = Encryption::Require,
            "--codec" => {
                let name = value()?;
                let known = Codec::ALL.into_iter().find(|codec| codec.name() == name);
                codec = known.ok_or(format!("{name} is no codec"))?;
            }
            _ => {
                return Err("usage: room [--ports N] [--seconds S] [--codec NAME] [--srtp]".into());
            }
        }
    }
    let others = tasks()?;
    let (room, room_events) = start(1)?;
    let measured = tasks()?.into_iter().find(|task| !others.contains(task));
    let measured = measured.ok_or("the tick thread has no entry in /proc")?;
    let (phones, phone_events) = start(1)?;
    room.open_empty_room(ROOM)?;
    for n in 0..ports {
        connect(&room, &phones, n, codec, encryption)?;
    }
    std::thread::sleep(SETTLING);
    let (cpu, counted, began) = (cpu_of(&measured)?, room.counters(), Instant::now());
    let until = began + Duration::from_secs(seconds);
    while Instant::now() < until {
        std::thread::sleep(Duration::from_millis(100));
        while room_events.try_recv().is_some() || phone_events.try_recv().is_some() {}
    }
    let (lasted, after) = (began.elapsed().as_secs_f64(), room.counters());
    let cpu = cpu_of(&measured)? - cpu;
    let ticks = lasted / offhook_media::TICK.as_secs_f64();
    writeln!(
        std::io::stdout(),
        "{{\"ports\":{ports},\"seconds\":{lasted:.2},\"cpu\":{:.5},\"tick_us\":{:.1},\
         \"sent\":{},\"received\":{},\"unsent\":{},\"late_ticks\":{},\"p99_us\":{}}}",
        cpu / lasted,
        cpu / ticks * 1e6,
        after.packets_sent - counted.packets_sent,
        after.packets_received - counted.packets_received,
        after.packets_unsent - counted.packets_unsent,
        after.ticks_late - counted.ticks_late,
        after.deviation.quantile_us(0.99),
    )?;
    // Whoever started this closes our input when it has read the line.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    Ok(())
}

#[allow(
    clippy::disallowed_methods,
    reason = "a program of its own keeps its own time"
)]
fn start(threads: usize) -> Result<(Threads, Events), Failure> {
    let localhost = IpAddr::V4(Ipv4Addr::LOCALHOST);
    Ok(Threads::start(Config {
        threads,
        bind: localhost,
        advertised: localhost,
        ports: None,
        clock: Instant::now,
        wake: Arc::new(|| {}),
    })?)
}

/// One more phone, which talks into the room.
fn connect(
    room: &Threads,
    phones: &Threads,
    n: usize,
    codec: Codec,
    encryption: Encryption,
) -> Result<(), Failure> {
    let (port, phone) = (room.prepare_port()?, phones.prepare_port()?);
    let side = |port: &PreparedPort| {
        let side = port.describe().with_codecs(&[codec]);
        side.with_encryption(encryption)
    };
    let (mut ours, mut theirs) = (side(&port), side(&phone));
    let (answer, agreed) = ours.answer(&theirs.offer())?;
    let agreed_phone = theirs.accept(&answer)?;
    room.add_port(ROOM, port, agreed)?;
    let key = RoomKey(n as u128 + 1);
    phones.open_room(key, phone, agreed_phone)?;
    let voice = Clip::tone(300.0 + 50.0 * n as f64, Duration::from_secs(2), 0.05);
    phones.send(
        key,
        PortId::FIRST,
        MediaCommand::Play {
            operation: OperationId::from_bits(n as u128),
            clips: vec![voice],
            repeat: Repeat::UntilStopped,
        },
    )?;
    Ok(())
}

/// The threads of this process.
fn tasks() -> Result<Vec<String>, Failure> {
    let mut tasks = Vec::new();
    for task in std::fs::read_dir("/proc/self/task")? {
        tasks.push(task?.file_name().to_string_lossy().into_owned());
    }
    Ok(tasks)
}

/// Processor time of a thread so far, in seconds.
fn cpu_of(task: &str) -> Result<f64, Failure> {
    // Nanoseconds on a processor come first; `stat` would tell hundredths of a second.
    let stat = std::fs::read_to_string(format!("/proc/self/task/{task}/schedstat"))?;
    let nanoseconds = stat.split_whitespace().next().ok_or("an empty line")?;
    Ok(nanoseconds.parse::<f64>()? / 1e9)
}
