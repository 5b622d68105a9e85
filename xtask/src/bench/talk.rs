//! Conversations: how soon a bot of the Telephony channel is told, heard and silenced, and what it costs to
//! listen, to speak and to record.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::process::{LOAD, MEASURED, Process};
use super::{Plan, Programs};

pub(crate) fn measure(plan: &Plan, programs: &Programs) -> Result<(), String> {
    let folder = std::env::temp_dir().join(format!("offhook-bench-talk-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let measured = in_folder(plan, programs, &folder);
    let _ = std::fs::remove_dir_all(&folder);
    let [told, deaf, recorded] = measured?;
    let times = |name: &str| {
        let of = |share: &str| told[name][share].as_f64().unwrap_or(f64::NAN);
        format!("{:.0} ms | {:.0} ms", of("p50"), of("p95"))
    };
    let number = |of: &Value, name: &str| of[name].as_f64().unwrap_or(f64::NAN);
    println!("\n## Conversations, {} of them\n", told["conversations"]);
    println!("| from | to | half of them | 95 of 100 |");
    println!("|---|---|---|---|");
    println!(
        "| a key is pressed | the bot is told | {} |",
        times("key_to_bot_ms")
    );
    println!(
        "| the first audio | the greeting is heard | {} |",
        times("answer_to_audio_ms")
    );
    println!(
        "| a key is pressed | the bot is silent | {} |",
        times("key_to_silence_ms")
    );
    println!(
        "| words begin | the bot is silent | {} |",
        times("speech_to_silence_ms")
    );
    println!(
        "\nThe connector takes {:.0} activities a second. {} calls that are listened to take {:.1} % of a \
         core, and {:.1} % when nobody listens.",
        number(&told, "activities_per_second"),
        told["listening"],
        number(&told, "listening_cpu") * 100.0,
        number(&deaf, "listening_cpu") * 100.0,
    );
    println!(
        "\n{:.0} calls that are spoken to take {:.1} % of a core, and as many {:.1} % when they are recorded as \
         well: {:.0} % more, as the middle one of the pairs.",
        number(&recorded, "listening") / 2.0,
        number(&recorded, "playing_cpu") * 100.0,
        number(&recorded, "recording_cpu") * 100.0,
        number(&recorded, "recording_more") * 100.0,
    );
    Ok(())
}

/// With somebody who listens, without, and with calls that are recorded.
fn in_folder(
    plan: &Plan,
    programs: &Programs,
    folder: &std::path::Path,
) -> Result<[Value; 3], String> {
    let words = folder.join("words.wav");
    // At a rate that a phone plays, without silence before the first word.
    let spoken = Command::new("espeak-ng")
        .args([
            "-v",
            "en-us",
            "--stdout",
            "yes please, that is what I would like to have",
        ])
        .stderr(Stdio::null())
        .output()
        .map_err(|error| format!("espeak-ng is needed to speak ({error})."))?;
    std::fs::write(&words, at_16_khz(&spoken.stdout)).map_err(|error| error.to_string())?;
    let one =
        |name: &str, recogniser: &str, calls: usize, rounds: usize| -> Result<Value, String> {
            let threads = if rounds > 0 { 2 } else { 1 };
            let free = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
            let bot = free.local_addr().map_err(|error| error.to_string())?;
            drop(free);
            let config = folder.join(format!("{name}.toml"));
            let ready = folder.join(format!("{name}.json"));
            let data = folder.join(name);
            let text = format!(
                r#"
[http]
listen = "127.0.0.1:0"
[https]
enabled = false
[sip]
listen = "127.0.0.1:0"
callers = "anyone"
[media]
threads = {threads}
[data]
dir = {data:?}
[log]
filter = "error"
[speech]
recogniser = "{recogniser}"
script = ["yes please"]
[[bots]]
name = "Bench"
protocol = "telephony"
endpoint = "http://{bot}/api/messages"
sip_user = "bench"
"#
            );
            std::fs::write(&config, text).map_err(|error| error.to_string())?;
            let args = [
                "serve",
                "--config",
                &config.display().to_string(),
                "--ready-file",
            ]
            .map(str::to_owned)
            .into_iter()
            .chain([ready.display().to_string()])
            .collect::<Vec<_>>();
            let mut platform = Process::start(MEASURED, &programs.platform, &args, &[])?;
            platform.line()?;
            let text = std::fs::read_to_string(&ready).map_err(|error| error.to_string())?;
            let ready: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            let sip = ready["sip"].as_str().unwrap_or_default();
            let mut args = vec![format!("sip:bench@{sip}")];
            for (option, value) in [
                ("--bot", bot.to_string()),
                ("--calls", calls.to_string()),
                ("--rounds", rounds.to_string()),
                ("--words", words.display().to_string()),
                ("--seconds", plan.window.as_secs().to_string()),
                ("--platform-pid", platform.id().to_string()),
            ] {
                args.extend([option.to_owned(), value]);
            }
            let conversing = Process::start(LOAD, &programs.conversing, &args, &[])?;
            let longest = Duration::from_secs(600 + 15 * calls as u64);
            let told = conversing.finish(longest)?;
            let told: Value = serde_json::from_str(&told).map_err(|error| error.to_string())?;
            match told["error"].as_str() {
                Some(why) => Err(format!("The conversations failed: {why}.")),
                None => Ok(told),
            }
        };
    Ok([
        one("heard", "scripted", plan.conversations, 0)?,
        one("deaf", "none", 0, 0)?,
        one("recorded", "none", 0, 8)?,
    ])
}

/// A WAV file of a program, as one that phones play. Between two samples is a straight line, which is good
/// enough for a voice that only has to be noticed.
fn at_16_khz(file: &[u8]) -> Vec<u8> {
    let rate = file.get(24..28).map_or(16_000, |rate| {
        u32::from_le_bytes([rate[0], rate[1], rate[2], rate[3]])
    });
    let sound = file.get(44..).unwrap_or_default().chunks_exact(2);
    let samples: Vec<f64> = sound
        .map(|pair| f64::from(i16::from_le_bytes([pair[0], pair[1]])))
        .collect();
    let begins = samples.iter().position(|sample| sample.abs() > 500.0);
    let samples = &samples[begins.unwrap_or_default()..];
    let step = f64::from(rate) / 16_000.0;
    let length = (samples.len() as f64 / step) as usize;
    let at = |n: usize| {
        let (whole, part) = ((n as f64 * step) as usize, (n as f64 * step).fract());
        let next = samples.get(whole + 1).copied().unwrap_or_default();
        (samples[whole] + (next - samples[whole]) * part) as i16
    };
    let bytes = 2 * length as u32;
    let mut out = b"RIFF".to_vec();
    out.extend((36 + bytes).to_le_bytes());
    out.extend(b"WAVEfmt ");
    for part in [16, 1 | 1 << 16, 16_000, 32_000, 2 | 16 << 16] {
        out.extend(u32::to_le_bytes(part));
    }
    out.extend(b"data");
    out.extend(bytes.to_le_bytes());
    out.extend((0..length).flat_map(|n| at(n).to_le_bytes()));
    out
}
