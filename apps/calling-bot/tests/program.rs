//! The program: a bad start is one clear sentence and exit code 2.

use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_offhook-calling-bot"))
        .args([
            "--app-id", "app", "--secret", "secret", "--tenant", "tenant",
        ])
        .args(arguments)
        .output()
        .expect("the program runs")
}

#[test]
fn a_bad_start_is_one_clear_sentence() {
    let data = tempfile::tempdir().expect("a folder");
    let folder = data.path().to_str().expect("a plain name");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
    let taken = listener.local_addr().expect("it listens").to_string();
    let file = data.path().join("file");
    std::fs::write(&file, "").expect("a file");
    let file = file.to_str().expect("a plain name");
    let cases: [(&[&str], &str); 4] = [
        (
            &["--data", folder, "--listen", &taken],
            "cannot listen at 127.0.0.1:",
        ),
        (
            &["--data", file, "--listen", "127.0.0.1:0"],
            "cannot use the data folder",
        ),
        (
            &[
                "--data",
                folder,
                "--listen",
                "127.0.0.1:0",
                "--platform",
                "nonsense",
            ],
            "`nonsense",
        ),
        (
            &[
                "--data",
                folder,
                "--listen",
                "127.0.0.1:0",
                "--ca-file",
                "no-such.pem",
            ],
            "the certificate authority file no-such.pem cannot be used",
        ),
    ];
    for (arguments, sentence) in cases {
        let output = run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(
            said.starts_with(&format!("offhook-calling-bot: {sentence}")),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    assert_eq!(run(&["--seconds", "121"]).status.code(), Some(2));
}
