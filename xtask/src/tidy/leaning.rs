//! Who may lean on whom: the table of the house.

use super::Project;
use crate::repository::Member;

/// What one crate may ask for among ours. `terms` is the shared vocabulary and open to all.
struct Row {
    name: &'static str,
    leans_on: &'static [&'static str],
    /// Beyond that, for its tests: the other side of what it speaks, or the world it is put in.
    tests_with: &'static [&'static str],
}

#[rustfmt::skip]
const TABLE: &[Row] = &[
    Row { name: "terms",       leans_on: &[], tests_with: &[] },
    Row { name: "wire",        leans_on: &[], tests_with: &[] },
    Row { name: "identity",    leans_on: &[], tests_with: &[] },
    Row { name: "engine",      leans_on: &[], tests_with: &["simulator"] },
    Row { name: "workplace",   leans_on: &[], tests_with: &["simulator"] },
    Row { name: "sip",         leans_on: &[], tests_with: &["simulator"] },
    Row { name: "media",       leans_on: &[], tests_with: &["simulator"] },
    Row { name: "speech",      leans_on: &[], tests_with: &[] },
    // The platform's tests dial it with our phone and let our bot answer.
    Row { name: "server",
          leans_on: &["engine", "workplace", "sip", "media", "speech", "wire", "identity"],
          tests_with: &["simulator", "phone", "bot"] },
    Row { name: "phone",       leans_on: &["sip", "media"], tests_with: &["simulator"] },
    Row { name: "bot",         leans_on: &["wire", "identity"], tests_with: &["simulator"] },
    // The bot's tests stand in for the platform, so they write what the platform writes.
    Row { name: "calling-bot", leans_on: &["bot", "speech"], tests_with: &["simulator", "wire", "identity"] },
    Row { name: "echo-bot",    leans_on: &["bot"], tests_with: &[] },
    // The whole binary, watched from outside: its tests know every protocol it speaks.
    Row { name: "cli",
          leans_on: &["server", "phone", "bot", "calling-bot", "echo-bot", "wire"],
          tests_with: &["simulator", "sip", "media", "identity"] },
    Row { name: "simulator",
          leans_on: &["engine", "workplace", "sip", "media", "speech", "wire", "identity", "server", "phone", "bot", "calling-bot"],
          tests_with: &[] },
    Row { name: "xtask",       leans_on: &[], tests_with: &[] },
];

/// The crates that do, and so may wait.
const MAY_WAIT: &[&str] = &[
    "server",
    "sip",
    "phone",
    "bot",
    "speech",
    "cli",
    "calling-bot",
    "echo-bot",
];

/// An async runtime, or a crate that needs one to be of any use.
const RUNTIMES: &[&str] = &[
    "tokio",
    "tokio-util",
    "tokio-stream",
    "tokio-rustls",
    "async-std",
    "smol",
    "compio",
    "monoio",
    "glommio",
    "hyper",
    "hyper-util",
    "axum",
    "tower-http",
    "reqwest",
    "sqlx",
    "sipx-transport",
];

/// The crates whose types are never JSON.
const NOT_SERIALISABLE: &[&str] = &["engine", "media"];

/// A crate's name as the table has it: the package is `offhook-engine`, the binary just `offhook`.
fn short(package: &str) -> Option<&str> {
    match package {
        "offhook" => Some("cli"),
        "xtask" => Some("xtask"),
        other => other.strip_prefix("offhook-"),
    }
}

pub(super) fn against_the_table(project: &Project) -> Vec<String> {
    project
        .members
        .iter()
        .flat_map(member_against_the_table)
        .collect()
}

fn member_against_the_table(member: &Member) -> Vec<String> {
    let row = short(&member.name).and_then(|name| TABLE.iter().find(|row| row.name == name));
    let Some(row) = row else {
        return vec![format!(
            "{}: a new crate needs its row in the table",
            member.name
        )];
    };
    let mut broken = Vec::new();
    for dependency in &member.dependencies {
        let Some(on) = short(&dependency.name) else {
            continue;
        };
        let always = row.leans_on.contains(&on) || (on == "terms" && row.name != "xtask");
        // Naming oneself among the tests' needs only switches a feature on.
        let in_tests = always || row.tests_with.contains(&on) || on == row.name;
        if dependency.for_tests_only && !in_tests {
            broken.push(format!("{}: its tests may not lean on {on}", row.name));
        } else if !dependency.for_tests_only && !always {
            broken.push(format!("{} may not lean on {on}", row.name));
        }
    }
    broken
}

pub(super) fn on_a_runtime(project: &Project) -> Vec<String> {
    shipped(project)
        .filter(|(name, on)| {
            !MAY_WAIT.contains(name) && *name != "simulator" && RUNTIMES.contains(on)
        })
        .map(|(name, on)| format!("{name} depends on {on}"))
        .collect()
}

pub(super) fn on_serde(project: &Project) -> Vec<String> {
    shipped(project)
        .filter(|(name, on)| {
            NOT_SERIALISABLE.contains(name) && (*on == "serde" || on.starts_with("serde_"))
        })
        .map(|(name, on)| format!("{name} depends on {on}"))
        .collect()
}

/// Every crate with each dependency that is not for its tests alone.
fn shipped(project: &Project) -> impl Iterator<Item = (&str, &str)> {
    project.members.iter().flat_map(|member| {
        let name = short(&member.name).unwrap_or(&member.name);
        let dependencies = member.dependencies.iter().filter(|on| !on.for_tests_only);
        dependencies.map(move |on| (name, on.name.as_str()))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::project;
    use super::*;

    #[test]
    fn an_edge_that_leans_on_another_is_found() {
        let bad = project(&[], &[("offhook-sip", &["offhook-terms", "offhook-media"])]);
        assert_eq!(against_the_table(&bad), ["sip may not lean on media"]);
    }

    #[test]
    fn tests_may_lean_further_but_not_anywhere() {
        let bad = project(
            &[],
            &[(
                "offhook-engine",
                &["dev:offhook-simulator", "dev:offhook-server"],
            )],
        );
        assert_eq!(
            against_the_table(&bad),
            ["engine: its tests may not lean on server"]
        );
    }

    #[test]
    fn what_tests_may_lean_on_the_crate_itself_may_not() {
        let bad = project(&[], &[("offhook-engine", &["offhook-simulator"])]);
        assert_eq!(
            against_the_table(&bad),
            ["engine may not lean on simulator"]
        );
    }

    #[test]
    fn the_chores_lean_on_nothing_of_ours() {
        let bad = project(&[], &[("xtask", &["offhook-terms", "serde_json"])]);
        assert_eq!(against_the_table(&bad), ["xtask may not lean on terms"]);
    }

    #[test]
    fn a_crate_without_a_row_is_found() {
        let bad = project(&[], &[("offhook-fax", &[])]);
        assert_eq!(
            against_the_table(&bad),
            ["offhook-fax: a new crate needs its row in the table"]
        );
    }

    #[test]
    fn a_runtime_in_a_deciding_crate_is_found_unless_its_tests_alone_need_it() {
        let bad = project(
            &[],
            &[
                ("offhook-engine", &["tokio"]),
                ("offhook-media", &["dev:tokio"]),
                ("offhook-sip", &["tokio"]),
            ],
        );
        assert_eq!(on_a_runtime(&bad), ["engine depends on tokio"]);
    }

    #[test]
    fn json_in_the_media_plane_is_found() {
        let bad = project(
            &[],
            &[
                ("offhook-media", &["serde_json", "dev:serde"]),
                ("offhook-wire", &["serde"]),
            ],
        );
        assert_eq!(on_serde(&bad), ["media depends on serde_json"]);
    }
}
