//! `$filter`: which of many (OData 4.01, part 2, §5.1.1).
//!
//! ```text
//!   startswith(displayName,'A') and not (jobTitle eq null or jobTitle in ('Cook','Clerk'))
//! ```
//!
//! Read once into a tree, and then asked of each resource. Text is compared without regard to
//! capitals, as directories do; what both sides spell as a time is compared as a time.

use std::cmp::Ordering;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::limits;

/// A condition on a resource. It may name people, so it is never logged.
pub(crate) enum Filter {
    Any(Vec<Filter>),
    All(Vec<Filter>),
    Not(Box<Filter>),
    Compare {
        property: String,
        how: Comparison,
        with: Literal,
    },
    In {
        property: String,
        one_of: Vec<Literal>,
    },
    Text {
        property: String,
        how: TextMatch,
        part: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextMatch {
    StartsWith,
    EndsWith,
    Contains,
}

/// A value that stands in a filter.
pub(crate) enum Literal {
    Null,
    Boolean(bool),
    Number(f64),
    /// Quoted, or a bare word: a GUID, a time, a member of an enumeration.
    Text(String),
}

impl Filter {
    /// Reads a filter, or says what is wrong with it.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut reader = Reader {
            tokens: tokens(text)?.into(),
            depth: 0,
        };
        let filter = reader.any()?;
        match reader.tokens.pop_front() {
            None => Ok(filter),
            Some(more) => Err(format!(
                "{} is not expected after a condition",
                more.shown()
            )),
        }
    }

    /// Whether it holds of a resource.
    pub(super) fn holds(&self, of: &Value) -> bool {
        match self {
            Self::Any(some) => some.iter().any(|filter| filter.holds(of)),
            Self::All(all) => all.iter().all(|filter| filter.holds(of)),
            Self::Not(filter) => !filter.holds(of),
            Self::Compare {
                property,
                how,
                with,
            } => how.holds(compare(at(of, property), with)),
            Self::In { property, one_of } => {
                let value = at(of, property);
                one_of
                    .iter()
                    .any(|literal| compare(value, literal) == Some(Ordering::Equal))
            }
            Self::Text {
                property,
                how,
                part,
            } => {
                let text = at(of, property).as_str().unwrap_or_default().to_lowercase();
                let part = part.to_lowercase();
                match how {
                    TextMatch::StartsWith => text.starts_with(&part),
                    TextMatch::EndsWith => text.ends_with(&part),
                    TextMatch::Contains => text.contains(&part),
                }
            }
        }
    }

    /// The property and the text, if this is no more than `property eq 'text'`.
    pub(crate) fn equality(&self) -> Option<(&str, &str)> {
        match self {
            Self::Compare {
                property,
                how: Comparison::Equal,
                with: Literal::Text(text),
            } => Some((property, text)),
            _ => None,
        }
    }

    /// Calls `visit` with every condition that is not made of others.
    pub(super) fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a Self)) {
        match self {
            Self::Any(some) | Self::All(some) => {
                for filter in some {
                    filter.each(visit);
                }
            }
            Self::Not(filter) => filter.each(visit),
            _ => visit(self),
        }
    }

    /// The property this condition is about, unless it is made of others.
    pub(super) fn property(&self) -> Option<&str> {
        match self {
            Self::Compare { property, .. }
            | Self::In { property, .. }
            | Self::Text { property, .. } => Some(property),
            Self::Any(_) | Self::All(_) | Self::Not(_) => None,
        }
    }

    /// Whether anything in it is denied: `not`, `ne`. Directories want more of a client that asks so.
    pub(super) fn denies(&self) -> bool {
        match self {
            Self::Any(some) | Self::All(some) => some.iter().any(Self::denies),
            Self::Not(_) => true,
            Self::Compare { how, .. } => *how == Comparison::NotEqual,
            Self::In { .. } | Self::Text { .. } => false,
        }
    }
}

impl Comparison {
    fn of(word: &str) -> Option<Self> {
        Some(match word {
            "eq" => Self::Equal,
            "ne" => Self::NotEqual,
            "gt" => Self::Greater,
            "ge" => Self::GreaterOrEqual,
            "lt" => Self::Less,
            "le" => Self::LessOrEqual,
            _ => return None,
        })
    }

    /// Whether values in this order are as wanted. Those that have none are merely not equal.
    fn holds(self, order: Option<Ordering>) -> bool {
        match self {
            Self::Equal => order == Some(Ordering::Equal),
            Self::NotEqual => order != Some(Ordering::Equal),
            Self::Greater => order == Some(Ordering::Greater),
            Self::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
            Self::Less => order == Some(Ordering::Less),
            Self::LessOrEqual => order.is_some_and(Ordering::is_le),
        }
    }
}

/// A property of a resource, by its path: `info/identity/user/id`. Absent is `null`.
pub(super) fn at<'a>(resource: &'a Value, path: &str) -> &'a Value {
    const ABSENT: &Value = &Value::Null;
    path.split('/').fold(resource, |value, name| {
        let Some(object) = value.as_object() else {
            return ABSENT;
        };
        let found = object
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or(ABSENT, |(_, value)| value)
    })
}

fn compare(value: &Value, literal: &Literal) -> Option<Ordering> {
    match (value, literal) {
        (Value::Null, Literal::Null) => Some(Ordering::Equal),
        (Value::Bool(value), Literal::Boolean(wanted)) => Some(value.cmp(wanted)),
        (Value::Number(value), Literal::Number(wanted)) => value.as_f64()?.partial_cmp(wanted),
        (Value::String(value), Literal::Text(wanted)) => Some(compare_text(value, wanted)),
        _ => None,
    }
}

pub(super) fn compare_text(one: &str, other: &str) -> Ordering {
    let time = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
    match (time(one), time(other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        _ => one.to_lowercase().cmp(&other.to_lowercase()),
    }
}

#[derive(Debug, PartialEq)]
enum Token {
    Open,
    Close,
    Comma,
    Quoted(String),
    Word(String),
}

impl Token {
    /// Without what a client may have written about people.
    fn shown(&self) -> &'static str {
        match self {
            Self::Open => "'('",
            Self::Close => "')'",
            Self::Comma => "','",
            Self::Quoted(_) => "a text",
            Self::Word(_) => "a word",
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let after = &rest[first.len_utf8()..];
        rest = match first {
            _ if first.is_whitespace() => after,
            '(' => {
                tokens.push(Token::Open);
                after
            }
            ')' => {
                tokens.push(Token::Close);
                after
            }
            ',' => {
                tokens.push(Token::Comma);
                after
            }
            '\'' => {
                let (quoted, after) = quoted(after).ok_or("a text has no closing quote")?;
                tokens.push(Token::Quoted(quoted));
                after
            }
            _ => {
                let ends = |c: char| c.is_whitespace() || "(),'".contains(c);
                let end = rest.find(ends).unwrap_or(rest.len());
                tokens.push(Token::Word(rest[..end].to_owned()));
                &rest[end..]
            }
        };
    }
    Ok(tokens)
}

/// What stands before the closing quote, where two are one of the text, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut read = String::new();
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once('\'')?;
        read.push_str(before);
        match after.strip_prefix('\'') {
            Some(more) => {
                read.push('\'');
                rest = more;
            }
            None => return Some((read, after)),
        }
    }
}

struct Reader {
    tokens: std::collections::VecDeque<Token>,
    depth: usize,
}

impl Reader {
    fn any(&mut self) -> Result<Filter, String> {
        let mut some = vec![self.all()?];
        while self.takes_word("or") {
            some.push(self.all()?);
        }
        Ok(one_or(some, Filter::Any))
    }

    fn all(&mut self) -> Result<Filter, String> {
        let mut all = vec![self.one()?];
        while self.takes_word("and") {
            all.push(self.one()?);
        }
        Ok(one_or(all, Filter::All))
    }

    fn one(&mut self) -> Result<Filter, String> {
        self.depth += 1;
        if self.depth > limits::FILTER_DEPTH_MAX {
            return Err("it is nested too deeply".to_owned());
        }
        let read = if self.takes_word("not") {
            Filter::Not(Box::new(self.one()?))
        } else if self.takes(&Token::Open) {
            let inner = self.any()?;
            self.expect(&Token::Close)?;
            inner
        } else {
            self.condition()?
        };
        self.depth -= 1;
        Ok(read)
    }

    fn condition(&mut self) -> Result<Filter, String> {
        let property = self.word("a property")?;
        if self.takes(&Token::Open) {
            return self.function(&property);
        }
        let operator = self.word("an operator")?.to_ascii_lowercase();
        if operator == "in" {
            self.expect(&Token::Open)?;
            let mut one_of = vec![self.literal()?];
            while self.takes(&Token::Comma) {
                one_of.push(self.literal()?);
            }
            self.expect(&Token::Close)?;
            return Ok(Filter::In { property, one_of });
        }
        let how = Comparison::of(&operator).ok_or("an operator is not known")?;
        let with = self.literal()?;
        Ok(Filter::Compare {
            property,
            how,
            with,
        })
    }

    fn function(&mut self, name: &str) -> Result<Filter, String> {
        let how = match name.to_ascii_lowercase().as_str() {
            "startswith" => TextMatch::StartsWith,
            "endswith" => TextMatch::EndsWith,
            "contains" => TextMatch::Contains,
            _ => return Err("a function is not known".to_owned()),
        };
        let property = self.word("a property")?;
        self.expect(&Token::Comma)?;
        let Literal::Text(part) = self.literal()? else {
            return Err("a function wants a text".to_owned());
        };
        self.expect(&Token::Close)?;
        Ok(Filter::Text {
            property,
            how,
            part,
        })
    }

    fn literal(&mut self) -> Result<Literal, String> {
        match self.tokens.pop_front() {
            Some(Token::Quoted(text)) => Ok(Literal::Text(text)),
            Some(Token::Word(word)) => Ok(match word.as_str() {
                "null" => Literal::Null,
                "true" => Literal::Boolean(true),
                "false" => Literal::Boolean(false),
                other => match other.parse() {
                    Ok(number) => Literal::Number(number),
                    Err(_) => Literal::Text(word),
                },
            }),
            other => Err(wanted("a value", other.as_ref())),
        }
    }

    fn word(&mut self, what: &str) -> Result<String, String> {
        match self.tokens.pop_front() {
            Some(Token::Word(word)) => Ok(word),
            other => Err(wanted(what, other.as_ref())),
        }
    }

    fn expect(&mut self, token: &Token) -> Result<(), String> {
        match self.tokens.pop_front() {
            Some(found) if found == *token => Ok(()),
            other => Err(wanted(token.shown(), other.as_ref())),
        }
    }

    fn takes(&mut self, token: &Token) -> bool {
        let is_next = self.tokens.front() == Some(token);
        if is_next {
            self.tokens.pop_front();
        }
        is_next
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let is_next = matches!(self.tokens.front(),
            Some(Token::Word(next)) if next.eq_ignore_ascii_case(word));
        if is_next {
            self.tokens.pop_front();
        }
        is_next
    }
}

fn wanted(what: &str, found: Option<&Token>) -> String {
    match found {
        Some(found) => format!("{what} is expected where {} stands", found.shown()),
        None => format!("{what} is expected at its end"),
    }
}

fn one_or(mut filters: Vec<Filter>, many: fn(Vec<Filter>) -> Filter) -> Filter {
    match filters.len() {
        1 => filters.remove(0),
        _ => many(filters),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn holds(filter: &str) -> bool {
        let ada = json!({"displayName": "Ada O'Neill", "mail": null, "floor": 3, "isIn": true,
            "since": "2026-01-31T12:00:00Z", "info": {"identity": {"user": {"id": "A1"}}}});
        match Filter::read(filter) {
            Ok(filter) => filter.holds(&ada),
            Err(why) => panic!("{filter}: {why}"),
        }
    }

    #[test]
    fn conditions_hold_or_do_not() {
        for filter in [
            "displayName eq 'ADA o''neill'",
            "startswith(displayName,'ada')",
            "startsWith( DisplayName , 'Ada' )",
            "endswith(displayName,'neill') and contains(displayName,'a o')",
            "mail eq null",
            "absent eq null",
            "mail ne 'x'",
            "floor eq 3 and floor gt 2 and floor ge 3 and floor lt 4.5 and floor le 3",
            "isIn eq true",
            "not (isIn eq false)",
            "not startswith(displayName,'B')",
            "info/identity/user/id eq 'a1'",
            "floor in (1,2,3)",
            "displayName in ('x', 'Ada O''Neill')",
            // The same moment in another spelling.
            "since eq 2026-01-31T13:00:00+01:00",
            "since ge 2026-01-31T11:59:59.5Z and since lt 2026-02-01T00:00:00Z",
            // `and` binds closer than `or`.
            "floor eq 3 or floor eq 4 and floor eq 5",
        ] {
            assert!(holds(filter), "{filter}");
        }
        for filter in [
            "(floor eq 3 or floor eq 4) and floor eq 5",
            "displayName eq null",
            "mail gt 'a'",
            "floor eq '3'",
            "startswith(mail,'a')",
            "not not (isIn eq false)",
            "since gt 2026-01-31T12:00:00Z",
        ] {
            assert!(!holds(filter), "{filter}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_said_without_its_words() {
        for (filter, why) in [
            ("", "a property is expected at its end"),
            ("a", "an operator is expected at its end"),
            ("a eq", "a value is expected at its end"),
            ("a eq 'b", "a text has no closing quote"),
            ("a is 'b'", "an operator is not known"),
            ("f(a,'b')", "a function is not known"),
            ("startswith(a,1)", "a function wants a text"),
            ("startswith(a 'b')", "',' is expected where a text stands"),
            ("a eq 'b' c", "a word is not expected after a condition"),
            ("(a eq 'b'", "')' is expected at its end"),
            ("a in ()", "a value is expected where ')' stands"),
        ] {
            assert_eq!(Filter::read(filter).err().as_deref(), Some(why), "{filter}");
        }
    }

    #[test]
    fn nesting_has_a_bound() {
        let nested = |deep: usize| format!("{}a eq 1{}", "(".repeat(deep), ")".repeat(deep));
        assert!(Filter::read(&nested(limits::FILTER_DEPTH_MAX - 1)).is_ok());
        assert_eq!(
            Filter::read(&nested(limits::FILTER_DEPTH_MAX))
                .err()
                .as_deref(),
            Some("it is nested too deeply")
        );
        assert!(Filter::read(&"not ".repeat(10_000)).is_err());
    }

    #[test]
    fn a_plain_equality_is_recognised() {
        let equality = |text| {
            let filter = Filter::read(text).ok()?;
            let (property, value) = filter.equality()?;
            Some((property.to_owned(), value.to_owned()))
        };
        assert_eq!(
            equality("JoinWebUrl eq 'https://x'"),
            Some(("JoinWebUrl".to_owned(), "https://x".to_owned()))
        );
        assert_eq!(
            equality("(a/b eq 'c')"),
            Some(("a/b".to_owned(), "c".to_owned()))
        );
        assert_eq!(equality("a ne 'c'"), None);
        assert_eq!(equality("a eq 'c' or a eq 'd'"), None);
    }

    proptest! {
        #[test]
        fn no_filter_breaks_it(filter in "[a-z0-9 (),'/$ü-]{0,60}") {
            if let Ok(filter) = Filter::read(&filter) {
                filter.holds(&json!({"a": "b"}));
            }
        }
    }
}
