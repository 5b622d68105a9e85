//! Programs of this machine, run to do one piece of work.

use std::process::Stdio;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::sync::Semaphore;

use crate::{SpeechFault, limits};

/// How much a program may say for its work: more than the longest speech.
const OUTPUT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Seats for programs.
#[derive(Debug)]
pub(crate) struct Children(Semaphore);

impl Default for Children {
    fn default() -> Self {
        Self(Semaphore::new(limits::CHILDREN_MAX))
    }
}

impl Children {
    /// Runs a program with this to read, and gives what it writes. It does not outlive this future.
    pub(crate) async fn run(
        &self,
        program: &str,
        setting: &'static str,
        arguments: &[&str],
        input: &[u8],
    ) -> Result<Vec<u8>, SpeechFault> {
        let _seat = self.0.acquire().await.map_err(|_| SpeechFault::Nobody)?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|why| SpeechFault::NotInstalled {
                program: program.to_owned(),
                why: why.to_string(),
                setting,
            })?;
        let failed = |why: String| SpeechFault::Failed {
            program: program.to_owned(),
            why,
        };
        let mut pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let work = async {
            let (mut output, mut complaint) = (Vec::new(), Vec::new());
            let give = async {
                if let Some(mut stdin) = pipes.0.take() {
                    // A program that has heard enough closes its end.
                    let _ = stdin.write_all(input).await;
                }
            };
            let take = async {
                match &mut pipes.1 {
                    Some(stdout) => stdout.take(OUTPUT_BYTES_MAX).read_to_end(&mut output).await,
                    None => Ok(0),
                }
            };
            let hear = async {
                match &mut pipes.2 {
                    Some(stderr) => stderr.take(4096).read_to_end(&mut complaint).await,
                    None => Ok(0),
                }
            };
            let ((), taken, _) = tokio::join!(give, take, hear);
            taken.map_err(|why| failed(why.to_string()))?;
            // It may have more to complain about than anybody reads.
            drop((pipes.1.take(), pipes.2.take()));
            let status = child.wait().await.map_err(|why| failed(why.to_string()))?;
            match status.success() {
                true => Ok(output),
                false => {
                    let complaint = String::from_utf8_lossy(&complaint);
                    let first = complaint.lines().next().unwrap_or_default();
                    Err(failed(format!("{status} {first}")))
                }
            }
        };
        let done = tokio::time::timeout(limits::WORK_WITHIN, work).await;
        done.unwrap_or_else(|_| {
            Err(SpeechFault::TooSlow {
                program: program.to_owned(),
            })
        })
    }
}
