//! `cargo xtask kills`: the long run of the test that kills the platform while it records.

use std::process::Command;

const HELP: &str = "\
cargo xtask kills [--count N] [--seed N]

Kills the platform with SIGKILL while it records calls, at instants that the seed decides, and checks
after each that the next one has every second that was written and delivers every end.

  --count N   how often (1000; half of them with sealed recordings; about twenty minutes)
  --seed N    another sequence (7)
";

/// Runs the chore.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let (mut count, mut seed) = ("1000".to_owned(), "7".to_owned());
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let place = match arg.as_str() {
            "--count" => &mut count,
            "--seed" => &mut seed,
            "--help" | "-h" => {
                print!("{HELP}");
                return Ok(());
            }
            other => return Err(format!("`{other}` is not known.\n\n{HELP}")),
        };
        let value = args.next().filter(|value| value.parse::<u64>().is_ok());
        let value = value.ok_or_else(|| format!("{arg} wants a number."))?;
        place.clone_from(value);
    }
    let status = Command::new(crate::repository::cargo())
        .args(["nextest", "run", "--workspace", "--profile", "long"])
        .args(["-E", "package(=offhook) and test(/^killed::/)"])
        .env("OFFHOOK_KILLS", count)
        .env("OFFHOOK_KILLS_SEED", seed)
        .status()
        .map_err(|why| format!("cargo nextest cannot be run ({why})."))?;
    match status.success() {
        true => Ok(()),
        false => Err("A second was lost or an end was not delivered; see above.".to_owned()),
    }
}
