//! The walls of the house: what the compiler does not check and the design depends on.
//!
//! Each wall is a function from the project to what is wrong with it, and each is tried on a small
//! project that breaks it, because a wall that cannot fail keeps nothing. They are ordinary tests
//! too, so `cargo nextest run` keeps them; `cargo xtask tidy` only asks faster.

mod leaning;
mod places;
mod words;

use crate::repository::{self, Member, SourceFile};

/// Everything a wall may look at.
pub(crate) struct Project {
    pub(crate) members: Vec<Member>,
    pub(crate) files: Vec<SourceFile>,
}

impl Project {
    fn read() -> Result<Self, String> {
        Ok(Self {
            members: repository::members()?,
            files: repository::files()?,
        })
    }

    /// The project's Rust files with their text.
    fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        self.text().filter(|(path, _)| path.ends_with(".rs"))
    }

    fn text(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .filter_map(|file| Some((file.path.as_str(), file.text.as_deref()?)))
    }
}

struct Wall {
    /// The rule, as a sentence; it is what a developer reads first when it is broken.
    rule: &'static str,
    /// One line for each place that breaks it.
    broken_at: fn(&Project) -> Vec<String>,
}

const WALLS: &[Wall] = &[
    Wall {
        rule: "Crates lean on each other as the table in xtask/src/tidy/leaning.rs says.",
        broken_at: leaning::against_the_table,
    },
    Wall {
        rule: "Only server, sip, phone, bot, speech, cli and apps name an async runtime: \
               the others decide, and are tested without one.",
        broken_at: leaning::on_a_runtime,
    },
    Wall {
        rule: "engine and media are not serialisable: JSON lives in wire.",
        broken_at: leaning::on_serde,
    },
    Wall {
        rule: "terms is under 200 lines and depends on nothing.",
        broken_at: places::terms_grown,
    },
    Wall {
        rule: "The SIP stack's types stay inside crates/sip and crates/media, and only media reads \
               a session description.",
        broken_at: places::stack_outside,
    },
    Wall {
        rule: "Deciding code is handed the time: in the platform only sip and server/src/clock.rs \
               read a clock.",
        broken_at: places::clock_read,
    },
    Wall {
        rule: "Every bound in a limits.rs carries its reason.",
        broken_at: places::bound_without_reason,
    },
    Wall {
        rule: "A file is named for the one idea in it, not `common`, `util` or `helpers`.",
        broken_at: places::named_for_nothing,
    },
    Wall {
        rule: "Nothing is left to do: no todo!, unimplemented! or dbg!.",
        broken_at: words::unfinished,
    },
    Wall {
        rule: "The text names no machine: no home folders, no download hosts.",
        broken_at: words::of_a_machine,
    },
];

const HELP: &str = "\
cargo xtask tidy

Checks the walls of the house: rules the design depends on and the compiler does not know.
";

/// Checks every wall and says all that is wrong.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    match args {
        [] => {}
        [flag] if flag == "--help" || flag == "-h" => {
            print!("{HELP}");
            return Ok(());
        }
        _ => return Err(format!("`cargo xtask tidy` takes no arguments.\n\n{HELP}")),
    }
    let project = Project::read()?;
    let complaints: Vec<String> = WALLS
        .iter()
        .filter_map(|wall| complaint(wall, &project))
        .collect();
    if complaints.is_empty() {
        println!("{} walls stand.", WALLS.len());
        return Ok(());
    }
    Err(complaints.join("\n\n"))
}

fn complaint(wall: &Wall, project: &Project) -> Option<String> {
    let places = (wall.broken_at)(project);
    if places.is_empty() {
        return None;
    }
    Some(format!("{}\n  {}", wall.rule, places.join("\n  ")))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::repository::Dependency;

    /// A project small enough to read, for breaking one wall at a time.
    pub(crate) fn project(files: &[(&str, &str)], members: &[(&str, &[&str])]) -> Project {
        Project {
            members: members
                .iter()
                .map(|(name, dependencies)| Member {
                    name: (*name).to_owned(),
                    dependencies: dependencies
                        .iter()
                        .map(|dependency| Dependency {
                            name: dependency.trim_start_matches("dev:").to_owned(),
                            for_tests_only: dependency.starts_with("dev:"),
                        })
                        .collect(),
                })
                .collect(),
            files: files
                .iter()
                .map(|(path, text)| SourceFile {
                    path: (*path).to_owned(),
                    text: Some((*text).to_owned()),
                })
                .collect(),
        }
    }

    #[track_caller]
    fn stands(broken_at: fn(&Project) -> Vec<String>) {
        let wall = WALLS
            .iter()
            .find(|wall| std::ptr::fn_addr_eq(wall.broken_at, broken_at))
            .expect("a wall of the list");
        let project = Project::read().expect("the project can be read");
        if let Some(complaint) = complaint(wall, &project) {
            panic!("{complaint}");
        }
    }

    #[test]
    fn crates_lean_on_each_other_as_the_table_says() {
        stands(leaning::against_the_table);
    }

    #[test]
    fn deciding_crates_name_no_async_runtime() {
        stands(leaning::on_a_runtime);
    }

    #[test]
    fn engine_and_media_are_not_serialisable() {
        stands(leaning::on_serde);
    }

    #[test]
    fn terms_is_small_and_alone() {
        stands(places::terms_grown);
    }

    #[test]
    fn the_sip_stack_stays_inside_sip_and_media() {
        stands(places::stack_outside);
    }

    #[test]
    fn deciding_code_reads_no_clock() {
        stands(places::clock_read);
    }

    #[test]
    fn every_bound_carries_its_reason() {
        stands(places::bound_without_reason);
    }

    #[test]
    fn files_are_named_for_an_idea() {
        stands(places::named_for_nothing);
    }

    #[test]
    fn nothing_is_left_to_do() {
        stands(words::unfinished);
    }

    #[test]
    fn the_text_names_no_machine() {
        stands(words::of_a_machine);
    }

    #[test]
    fn a_broken_wall_says_its_rule_and_every_place() {
        let project = project(&[("crates/engine/src/util.rs", "fn f() { todo!() }")], &[]);
        let said: Vec<String> = WALLS
            .iter()
            .filter_map(|wall| complaint(wall, &project))
            .collect();
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].contains("named for the one idea"), "{said:?}");
        assert!(
            said[1].contains("crates/engine/src/util.rs:1: todo!"),
            "{said:?}"
        );
    }
}
