//! A child of ours: pinned to a core, read from `/proc`, ended when it is dropped.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// The core of what is measured, and the core of those who call it.
pub(crate) const MEASURED: usize = 0;
pub(crate) const LOAD: usize = 1;

/// `/proc` counts processor time in hundredths of a second on every Linux there is (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// Whether there is such a core.
pub(crate) fn has_core(core: usize) -> bool {
    std::thread::available_parallelism().is_ok_and(|cores| core < cores.get())
}

/// What else runs here spoils latencies first and ratios last.
pub(crate) fn say_how_busy() {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let last_minute = load.split(' ').next().unwrap_or("?");
    println!("Load of the machine in the last minute: {last_minute}");
}

pub(crate) struct Process {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Process {
    /// Starts a program on a core. Its standard error goes to ours.
    pub(crate) fn start(
        core: usize,
        program: &Path,
        args: &[String],
        environment: &[(&str, &str)],
    ) -> Result<Self, String> {
        let name = program.display().to_string();
        let core = if has_core(core) { core } else { 0 };
        // The shell is replaced by `taskset` and that by the program: one process, one id. Thousands
        // of calls need more open files than a shell usually grants.
        let mut command = Command::new("sh");
        command
            .args([
                "-c",
                "ulimit -n \"$(ulimit -Hn)\"; exec taskset -c \"$0\" \"$@\"",
            ])
            .arg(core.to_string())
            .arg(program)
            .args(args)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .map_err(|error| format!("{name} cannot be started: {error}"))?;
        let stdout = child.stdout.take().expect("it was asked for");
        Ok(Self {
            name,
            stdin: child.stdin.take(),
            stdout: BufReader::new(stdout),
            child,
        })
    }

    pub(crate) fn line(&mut self) -> Result<String, String> {
        let mut line = String::new();
        match self.stdout.read_line(&mut line) {
            Ok(0) => Err(format!("{} ended before it said anything.", self.name)),
            Ok(_) => Ok(line),
            Err(error) => Err(format!("{}: {error}", self.name)),
        }
    }

    pub(crate) fn tell(&mut self, text: &str) -> Result<(), String> {
        let stdin = self.stdin.as_mut().expect("it is closed last");
        stdin
            .write_all(text.as_bytes())
            .and_then(|()| stdin.flush())
            .map_err(|error| format!("{}: {error}", self.name))
    }

    /// Closes its standard input, waits for its end and gives what it printed.
    pub(crate) fn finish(mut self, within: Duration) -> Result<String, String> {
        self.stdin = None;
        let until = Instant::now() + within;
        while self
            .child
            .try_wait()
            .map_err(|error| error.to_string())?
            .is_none()
        {
            if Instant::now() > until {
                return Err(format!("{} did not end in time.", self.name));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let mut text = String::new();
        self.stdout
            .read_to_string(&mut text)
            .map_err(|error| error.to_string())?;
        Ok(text)
    }

    /// Its number, for whoever measures it.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Processor time so far, in seconds.
    pub(crate) fn cpu(&self) -> f64 {
        cpu_of(&format!("/proc/{}/stat", self.child.id())).map_or(0.0, |(_, cpu)| cpu)
    }

    /// The same for its threads, those of one name together.
    pub(crate) fn cpu_by_thread(&self) -> BTreeMap<String, f64> {
        let mut sums = BTreeMap::new();
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id()));
        for task in tasks.into_iter().flatten().flatten() {
            let stat = task.path().join("stat");
            if let Some((name, cpu)) = cpu_of(&stat.to_string_lossy()) {
                *sums.entry(name).or_default() += cpu;
            }
        }
        sums
    }

    /// Resident memory, in bytes.
    pub(crate) fn memory(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let kib = status.unwrap_or_default().lines().find_map(|line| {
            let text = line.strip_prefix("VmRSS:")?;
            text.trim()
                .trim_end_matches("kB")
                .trim()
                .parse::<f64>()
                .ok()
        });
        kib.unwrap_or_default() * 1024.0
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The name and the processor time of a line of `/proc/…/stat`. A name may hold spaces and brackets.
fn cpu_of(path: &str) -> Option<(String, f64)> {
    let stat = fs::read_to_string(path).ok()?;
    let (head, rest) = stat.rsplit_once(')')?;
    let name = head.split_once('(')?.1.to_owned();
    let mut fields = rest.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<f64>().ok();
    Some((name, (next()? + next()?) / TICKS_PER_SECOND))
}
