//! `$search` of a directory: `"displayName:ada" AND "mail:a"`.

use serde_json::Value;

use super::filter::at;

/// What is looked for. It names people, so it is never logged.
pub(super) struct Search {
    /// One of these has to be found, each with all its clauses.
    some: Vec<Vec<Clause>>,
}

struct Clause {
    property: String,
    start: String,
}

impl Search {
    /// Reads a search, or says what is wrong with it.
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        let mut some = vec![Vec::new()];
        let mut rest = text.trim();
        loop {
            let after = rest
                .strip_prefix('"')
                .ok_or("a clause stands in double quotes")?;
            let (clause, after) = after
                .split_once('"')
                .ok_or("a clause has no closing quote")?;
            let (property, start) = clause
                .split_once(':')
                .ok_or("a clause is a property, a colon and a text")?;
            let clause = Clause {
                property: property.trim().to_owned(),
                start: start.trim().to_lowercase(),
            };
            if let Some(all) = some.last_mut() {
                all.push(clause);
            }
            let after = after.trim_start();
            let (word, next) = after.split_once(char::is_whitespace).unwrap_or((after, ""));
            match word {
                "" => return Ok(Self { some }),
                "AND" => {}
                "OR" => some.push(Vec::new()),
                _ => return Err("clauses are joined by AND or OR"),
            }
            rest = next.trim_start();
        }
    }

    /// What is looked at.
    pub(super) fn properties(&self) -> impl Iterator<Item = &str> {
        let clauses = self.some.iter().flatten();
        clauses.map(|clause| clause.property.as_str())
    }

    /// Whether a resource is what is looked for.
    pub(super) fn finds(&self, resource: &Value) -> bool {
        let mut some = self.some.iter();
        some.any(|all| all.iter().all(|clause| clause.finds(resource)))
    }
}

impl Clause {
    /// The whole of a property is looked at, and each of its words.
    fn finds(&self, resource: &Value) -> bool {
        let text = at(resource, &self.property).as_str().unwrap_or_default();
        let text = text.to_lowercase();
        let mut words = text.split(|c: char| !c.is_alphanumeric());
        !text.is_empty()
            && (text.starts_with(&self.start) || words.any(|word| word.starts_with(&self.start)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn words_are_found_by_their_start() {
        let ada = json!({"displayName": "Ada Lovelace", "mail": "ada@example.org", "id": null});
        for (search, found) in [
            ("\"displayName:love\"", true),
            ("\"displayName:Ada L\"", true),
            ("\"displayName:lace\"", false),
            ("\"mail:example\" AND \"displayName:ada\"", true),
            ("\"mail:x\" AND \"displayName:ada\"", false),
            ("\"mail:x\" OR \"displayName:ada\"", true),
            ("\"id:x\"", false),
            ("\"absent:\"", false),
        ] {
            let read = Search::read(search).expect("good");
            assert_eq!(read.finds(&ada), found, "{search}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (search, why) in [
            ("ada", "a clause stands in double quotes"),
            ("\"ada", "a clause has no closing quote"),
            ("\"ada\"", "a clause is a property, a colon and a text"),
            ("\"a:b\" \"c:d\"", "clauses are joined by AND or OR"),
            ("\"a:b\" AND", "a clause stands in double quotes"),
        ] {
            assert_eq!(Search::read(search).err(), Some(why), "{search}");
        }
    }
}
