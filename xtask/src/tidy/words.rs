//! Words that have no place in the project.

use super::Project;
use crate::rust_text::code;

const UNFINISHED: &[&str] = &["todo!", "unimplemented!", "dbg!"];

pub(super) fn unfinished(project: &Project) -> Vec<String> {
    let mut broken = Vec::new();
    for (path, text) in project.rust() {
        for (number, line) in code(text).lines().enumerate() {
            if let Some(word) = UNFINISHED.iter().find(|word| line.contains(*word)) {
                broken.push(format!("{path}:{}: {word}", number + 1));
            }
        }
    }
    broken
}

/// Folders of somebody's machine. Written in two halves, so that this list is none of its finds.
const FOLDERS: &[&str] = &[
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/wo", "rk/"),
    concat!("/Us", "ers/"),
    concat!("/tm", "p/bash"),
];

/// Hosts that packages come from; the tools know theirs, and a mirror is nobody else's business.
const HOSTS: &[&str] = &[
    concat!("static.crates", ".io"),
    concat!("index.crates", ".io"),
    concat!("registry.npmjs", ".org"),
    concat!("files.pythonhosted", ".org"),
    concat!("pypi", ".org"),
    concat!("deb.debian", ".org"),
];

pub(super) fn of_a_machine(project: &Project) -> Vec<String> {
    let mut broken = Vec::new();
    for (path, text) in project.text() {
        for (number, line) in text.lines().enumerate() {
            let folder = FOLDERS.iter().find(|folder| starts_a_path(line, folder));
            let host = HOSTS.iter().find(|host| line.contains(*host));
            if let Some(found) = folder.or(host) {
                broken.push(format!("{path}:{}: {found}", number + 1));
            }
        }
    }
    broken
}

/// Whether a folder stands at the front of a path: part of a URL or a longer path is fine.
fn starts_a_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|before| before.is_alphanumeric() || "._-/{}*".contains(before))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::project;
    use super::*;

    #[test]
    fn an_unfinished_line_is_found_and_a_sentence_about_it_is_not() {
        let bad = project(&[("a.rs", "// no todo! here\nfn f() { todo!() }")], &[]);
        assert_eq!(unfinished(&bad), ["a.rs:2: todo!"]);
    }

    #[test]
    fn a_folder_of_a_machine_is_found_and_a_route_is_not() {
        let text = format!(
            "see {}ada/x\nGET https://host{}page\n\"{}\"\n",
            FOLDERS[1], FOLDERS[1], FOLDERS[0],
        );
        let bad = project(&[("README.md", &text)], &[]);
        assert_eq!(
            of_a_machine(&bad),
            [
                format!("README.md:1: {}", FOLDERS[1]),
                format!("README.md:3: {}", FOLDERS[0])
            ],
        );
    }

    #[test]
    fn a_download_host_is_found() {
        let bad = project(&[("package-lock.json", HOSTS[2])], &[]);
        assert_eq!(
            of_a_machine(&bad),
            [format!("package-lock.json:1: {}", HOSTS[2])]
        );
    }
}
